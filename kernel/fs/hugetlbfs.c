/*
 * hugetlbfs: files of huge pages (mm/hugetlb.h), for mmap(MAP_HUGETLB), memfd_create(MFD_HUGETLB)
 * and shmget(SHM_HUGETLB), and to be mounted. Such a file is there to be mapped: it can be read,
 * but write(2) has no way in, and its size is a multiple of a huge page's.
 */
#include "kernel/abi/prctl.h"
#include "kernel/abi/statfs.h"
#include "kernel/fs/options.h"
#include "kernel/fs/vfs.h"
#include "kernel/lib/kassert.h"
#include "kernel/lib/number.h"
#include "kernel/lib/string.h"
#include "kernel/proc/task.h"
#include "mm/hugetlb.h"

u32 hugetlb_shm_group;

static struct mount anonymous_mount;

/* --- Open files --- */

static ssize_k huge_read(struct file *f, struct iobuf *to, size_t n, u64 *pos)
{
	ssize_k done = hugetlb_read(&f->dentry->inode->object, to, *pos, n);

	if (done > 0)
		*pos += (size_t)done;
	return done;
}

static long huge_seek(struct file *f, s64 off, u32 whence, u64 *result)
{
	u64 size = f->dentry->inode->object.size;

	if (whence != SEEK_DATA && whence != SEEK_HOLE)
		return file_seek_size(f, off, whence, size, result);
	if (off < 0 || (u64)off >= size)
		return -ENXIO;
	*result = whence == SEEK_DATA ? (u64)off : size; /* no hole but the end */
	return 0;
}

static const struct file_ops huge_file_ops = {
	.read = huge_read,
	.seek = huge_seek,
};

static int huge_inode_open(struct inode *inode, struct file *f)
{
	f->ops = S_ISDIR(inode->mode) ? &stored_dir_ops : &huge_file_ops;
	return 0;
}

/* --- Inodes --- */

static int make_inode(struct mount *m, u32 mode, u32 rdev, struct inode **out)
{
	struct inode *inode = inode_create(m, &hugetlbfs_inode_ops, mode);

	if (!inode)
		return -ENOMEM;
	inode->rdev = rdev;
	if (S_ISREG(mode)) {
		hugetlb_object_init(&inode->object);
		inode->seals = F_SEAL_SEAL;
	}
	*out = inode;
	return 0;
}

static int huge_create(
	struct inode *dir, u32 mode, u32 rdev, const char *target, struct inode **out)
{
	/* Its text would be written to a page, for which there is no way in: Linux's answer. */
	return S_ISLNK(mode) ? -EINVAL : make_inode(dir->mnt, mode, rdev, out);
}

static void huge_evict(struct inode *inode)
{
	if (inode_has_object(inode))
		hugetlb_object_destroy(&inode->object);
}

static int huge_truncate(struct inode *inode, u64 size)
{
	if (size % HUGE_SIZE)
		return -EINVAL;
	if (seals_forbid_size(inode, size))
		return -EPERM;
	hugetlb_truncate(&inode->object, size);
	return 0;
}

static int huge_fallocate(struct inode *inode, u32 mode, u64 start, u64 end)
{
	struct object *o = &inode->object;
	int err;

	if (mode & FALLOC_FL_PUNCH_HOLE) {
		if (seals_forbid_write(inode))
			return -EPERM;
		hugetlb_punch(o, start, end);
		return 0;
	}
	if (seals_forbid_size(inode, MAX(end, o->size)))
		return -EPERM;
	err = hugetlb_allocate(o, start, end);
	if (err)
		return err;
	if (!(mode & FALLOC_FL_KEEP_SIZE) && end > o->size)
		hugetlb_truncate(o, end);
	inode->ctime = inode_now();
	return 0;
}

const struct inode_ops hugetlbfs_inode_ops = {
	.create = huge_create,
	.open = huge_inode_open,
	.truncate = huge_truncate,
	.fallocate = huge_fallocate,
	.attributes_settable = true,
	.evict = huge_evict,
};

/* --- Files without a name --- */

struct file *hugetlbfs_create_anonymous(const char *name, u32 flags)
{
	struct inode *inode;
	int err = make_inode(&anonymous_mount, S_IFREG | 0777, 0, &inode);

	if (err)
		return err_ptr(err);
	return file_create_unnamed(inode, name, (flags & ~O_ACCMODE) | O_RDWR);
}

struct file *file_create_huge(u32 bytes)
{
	struct file *f = hugetlbfs_create_anonymous("/anon_hugepage", 0);

	if (!is_err(f))
		hugetlb_truncate(f->backing.object, bytes);
	return f;
}

bool hugetlb_may_have_segments(void)
{
	return capable(CAP_IPC_LOCK) || cred_in_group(hugetlb_shm_group);
}

/* --- Mounting --- */

struct huge_options {
	u32 mode, uid, gid;
};

/* There is one size. */
static bool take_pagesize(const char **s, void *value)
{
	u64 bytes;

	return take_size(s, &bytes) && bytes == HUGE_SIZE;
}

static const struct mount_option huge_options[] = {
	{"mode=", offsetof(struct huge_options, mode), option_mode},
	{"uid=", offsetof(struct huge_options, uid), option_id},
	{"gid=", offsetof(struct huge_options, gid), option_id},
	{"pagesize=", 0, take_pagesize},
};

static int huge_mount(struct mount *m, const char *options)
{
	struct huge_options o = {
		.mode = 0755,
		.uid = current_cred()->fsuid,
		.gid = current_cred()->fsgid,
	};
	struct inode *inode;
	int err = mount_options(options, huge_options, ARRAY_SIZE(huge_options), &o);

	if (!err)
		err = make_inode(m, S_IFDIR | (o.mode & 01777), 0, &inode);
	if (err)
		return err;
	inode->uid = o.uid;
	inode->gid = o.gid;
	return dentry_create_root(m, inode);
}

static struct fs_type hugetlbfs_type = {
	.name = "hugetlbfs",
	.magic = HUGETLBFS_MAGIC,
	.nodev = true,
	.block_size = HUGE_SIZE,
	.mount = huge_mount,
};

void __init hugetlbfs_init(void)
{
	fs_register(&hugetlbfs_type);
	mount_init_internal(&anonymous_mount, &hugetlbfs_type);
}
