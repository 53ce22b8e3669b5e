/*
 * hugetlbfs: files of huge pages (mm/hugetlb.h), for mmap(MAP_HUGETLB), memfd_create(MFD_HUGETLB)
 * and shmget(SHM_HUGETLB), and to be mounted. Such a file is there to be mapped: it can be read,
 * but write(2) has no way in, and its size is a multiple of a huge page's. A mount may be limited in
 * what it takes out of the pool, and have a part of it to itself (struct hugetlb_share).
 */
#include "kernel/abi/prctl.h"
#include "kernel/abi/statfs.h"
#include "kernel/fs/options.h"
#include "kernel/fs/text.h"
#include "kernel/fs/vfs.h"
#include "kernel/lib/number.h"
#include "kernel/proc/task.h"
#include "mm/hugetlb.h"
#include "mm/kmalloc.h"

u32 hugetlb_shm_group;

static struct internal_mount anonymous;

/* What a file system was made with; its `private`. */
struct huge_mount {
	u32 mode, uid, gid;
	u32 inodes, max, min;	     /* huge pages, the last two; HUGETLB_UNLIMITED: not said */
	struct hugetlb_share *share; /* NULL: neither max nor min was said */
};

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

static int make_inode(struct super *s, u32 mode, u32 rdev, struct inode **out)
{
	const struct huge_mount *h = s->private;
	struct inode *inode;
	int err = inode_create_counted(s, &hugetlbfs_inode_ops, mode, &inode);

	if (err)
		return err;
	inode->rdev = rdev;
	if (S_ISREG(mode)) {
		hugetlb_object_init(&inode->object, h ? h->share : NULL);
		inode->seals = F_SEAL_SEAL;
	}
	*out = inode;
	return 0;
}

static int huge_create(
	struct inode *dir, u32 mode, u32 rdev, const char *target, struct inode **out)
{
	/* Its text would be written to a page, for which there is no way in: Linux's answer. */
	return S_ISLNK(mode) ? -EINVAL : make_inode(dir->super, mode, rdev, out);
}

static void huge_evict(struct inode *inode)
{
	if (inode_has_object(inode))
		hugetlb_object_destroy(&inode->object);
	super_uncharge_inode(inode->super);
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
	if (!(mode & FALLOC_FL_KEEP_SIZE))
		hugetlb_extend(o, end);
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
	int err = make_inode(&anonymous.super, S_IFREG | 0777, 0, &inode);

	if (err)
		return err_ptr(err);
	return file_create_unnamed(&anonymous.mount, inode, name, (flags & ~O_ACCMODE) | O_RDWR);
}

struct file *file_create_huge(u32 bytes)
{
	struct file *f = hugetlbfs_create_anonymous("/anon_hugepage", 0);

	if (!is_err(f))
		hugetlb_extend(f->backing.object, bytes);
	return f;
}

bool hugetlb_may_have_segments(void)
{
	return capable(CAP_IPC_LOCK) || cred_in_group(hugetlb_shm_group);
}

/* --- Mounting --- */

/* As Linux reads its numbers: they begin with a digit, and what is behind them does not matter. */
static bool take_count(const char **s, u64 *n)
{
	return **s >= '0' && **s <= '9' && take_size(s, n);
}

static void skip_rest(const char **s)
{
	while (**s && **s != ',')
		++*s;
}

static bool take_inodes(const char **s, void *value)
{
	u64 n;

	if (!take_count(s, &n))
		return false;
	skip_rest(s);
	*(u32 *)value = (u32)n;
	return true;
}

/* Huge pages, said in bytes or as a percentage of the pool. */
static bool take_pages(const char **s, void *value)
{
	struct hugetlb_stat pool;
	u64 n;

	if (!take_count(s, &n))
		return false;
	hugetlb_stat(&pool);
	n = **s == '%' ? n * (pool.total - pool.surplus) / 100 : n >> HUGE_LOG2;
	skip_rest(s);
	*(u32 *)value = (u32)n;
	return true;
}

/* There is one size. */
static bool take_pagesize(const char **s, void *value)
{
	u64 bytes;

	if (!take_size(s, &bytes))
		return false;
	skip_rest(s);
	return bytes == HUGE_SIZE;
}

static const struct mount_option huge_options[] = {
	{"mode=", offsetof(struct huge_mount, mode), option_mode},
	{"uid=", offsetof(struct huge_mount, uid), option_id},
	{"gid=", offsetof(struct huge_mount, gid), option_id},
	{"nr_inodes=", offsetof(struct huge_mount, inodes), take_inodes},
	{"size=", offsetof(struct huge_mount, max), take_pages},
	{"min_size=", offsetof(struct huge_mount, min), take_pages},
	{"pagesize=", 0, take_pagesize},
};

static bool is_said(u32 option)
{
	return option != HUGETLB_UNLIMITED;
}

static int take_options(struct huge_mount *h, const char *options)
{
	int err = mount_options(options, huge_options, ARRAY_SIZE(huge_options), h);

	if (err)
		return err;
	if (is_said(h->max) && is_said(h->min) && h->min > h->max)
		return -EINVAL;
	h->mode &= 01777;
	return 0;
}

static int make_share(struct huge_mount *h)
{
	if (!is_said(h->max) && !is_said(h->min))
		return 0;
	h->share = hugetlb_share_create(h->max, is_said(h->min) ? h->min : 0);
	return h->share ? 0 : -ENOMEM;
}

static int make_root(struct super *s, const struct huge_mount *h)
{
	struct inode *inode;
	int err;

	if (!h->inodes) /* none for the root */
		return -ENOMEM;
	s->max_inodes = is_said(h->inodes) ? h->inodes : 0;
	err = make_inode(s, S_IFDIR | h->mode, 0, &inode);
	if (err)
		return err;
	inode->uid = h->uid;
	inode->gid = h->gid;
	return dentry_create_root(s, inode);
}

static int huge_mount(struct super *s, const char *options)
{
	struct huge_mount *h = kmalloc(sizeof(*h));
	int err;

	if (!h)
		return -ENOMEM;
	*h = (struct huge_mount){
		.mode = 0755,
		.uid = current_cred()->fsuid,
		.gid = current_cred()->fsgid,
		.inodes = HUGETLB_UNLIMITED,
		.max = HUGETLB_UNLIMITED,
		.min = HUGETLB_UNLIMITED,
	};
	s->private = h;
	err = take_options(h, options);
	if (!err)
		err = make_share(h);
	return err ? err : make_root(s, h);
}

static void huge_kill(struct super *s)
{
	struct huge_mount *h = s->private;

	if (h && h->share) /* none: mount(2) failed before it was made */
		hugetlb_share_end(h->share);
	kfree(h);
}

/* Without a share nothing is said, not even of inodes; in one, no limit is -1. */
static void huge_statfs(struct super *s, struct fs_stat *out)
{
	const struct huge_mount *h = s->private;

	if (!h || !h->share)
		return;
	out->blocks = (u64)(s32)h->share->max;
	out->bfree = (u64)(s32)(h->share->max - h->share->used);
	out->files = (u64)(s32)h->inodes;
	out->ffree = is_said(h->inodes) ? h->inodes - s->nr_inodes : out->files;
}

static void huge_show_options(struct text *t, const struct super *s)
{
	const struct huge_mount *h = s->private;

	if (h->uid)
		text_printf(t, ",uid=%u", h->uid);
	if (h->gid)
		text_printf(t, ",gid=%u", h->gid);
	if (h->mode != 0755)
		text_printf(t, ",mode=%o", h->mode);
	if (is_said(h->inodes))
		text_printf(t, ",nr_inodes=%u", h->inodes);
	text_printf(t, ",pagesize=%uM", HUGE_SIZE >> 20);
	if (is_said(h->max))
		text_printf(t, ",size=%llu", (u64)h->max << HUGE_LOG2);
	if (is_said(h->min))
		text_printf(t, ",min_size=%llu", (u64)h->min << HUGE_LOG2);
}

static struct fs_type hugetlbfs_type = {
	.name = "hugetlbfs",
	.magic = HUGETLBFS_MAGIC,
	.nodev = true,
	.block_size = HUGE_SIZE,
	.mount = huge_mount,
	.kill = huge_kill,
	.statfs = huge_statfs,
	.show_options = huge_show_options,
};

void __init hugetlbfs_init(void)
{
	fs_register(&hugetlbfs_type);
	mount_init_internal(&anonymous, &hugetlbfs_type);
}
