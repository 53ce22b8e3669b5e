/*
 * tmpfs: files whose only home is memory. Directory contents are the dentry tree (kernel/fs/vfs.h),
 * file contents the page cache; what is left to do here is making inodes and counting.
 *
 * It may hold half of memory. A page is charged to it when the page cache asks for that,
 * whoever makes it (a write, a mapping), so the page cache need not know of the limit. When
 * pages go, the inode's charge is brought down to what its object still holds.
 */
#include "kernel/fs/vfs.h"
#include "kernel/abi/statfs.h"
#include "kernel/fs/options.h"
#include "kernel/fs/text.h"
#include "kernel/lib/number.h"
#include "kernel/lib/string.h"
#include "kernel/proc/task.h"
#include "mm/commit.h"
#include "mm/kmalloc.h"
#include "mm/page.h"
#include "mm/page_alloc.h"
#include "mm/pagecache.h"
#include "mm/vmalloc.h"

static struct internal_mount anonymous; /* of memfds and shared anonymous memory: no limit */

/* --- Charging --- */

static int charge_super(struct inode *inode)
{
	struct super *s = inode->super;
	int err = 0;

	spin_lock(&s->lock);
	if (s->max_pages && s->nr_pages >= s->max_pages) {
		err = -ENOSPC;
	} else {
		s->nr_pages++;
		inode->charged++;
	}
	spin_unlock(&s->lock);
	return err;
}

/* Are the pages of a file (not a symlink, which has no object) promised as they come? */
static bool commits_pages(const struct inode *inode)
{
	return !inode_has_object(inode) || !inode->object.committed;
}

static int charge_page(struct inode *inode)
{
	bool commits = commits_pages(inode);
	int err;

	if (commits && !commit_charge_file(1))
		return -ENOSPC;
	err = charge_super(inode);
	if (err && commits)
		commit_release(1);
	return err;
}

/* After pages were dropped: the charge comes down to what is left. */
static void settle_charge(struct inode *inode, u32 left)
{
	struct super *s = inode->super;
	u32 gone = 0;

	spin_lock(&s->lock);
	if (inode->charged > left) {
		gone = inode->charged - left;
		s->nr_pages -= gone;
		inode->charged = left;
	}
	spin_unlock(&s->lock);
	if (commits_pages(inode))
		commit_release(gone);
}

static int tmpfs_charge(struct object *o)
{
	return charge_page(container_of(o, struct inode, object));
}

static const struct object_ops tmpfs_object_ops = {
	.charge = tmpfs_charge,
};

int tmpfs_adopt_page(struct inode *inode, u32 index, struct page *p)
{
	struct super *s = inode->super;
	int err = object_adopt_page(&inode->object, index, p);

	if (err)
		return err;
	(void)commit_charge_file(1); /* at boot: nothing is refused */
	spin_lock(&s->lock);
	inode->charged++;
	s->nr_pages++;
	spin_unlock(&s->lock);
	return 0;
}

/* --- Open files --- */

static ssize_k tmpfs_read(struct file *f, struct iobuf *to, size_t n, u64 *pos)
{
	struct inode *inode = f->dentry->inode;
	ssize_k done = object_read(&inode->object, to, *pos, n);

	if (done > 0)
		*pos += (size_t)done;
	file_accessed(f);
	return done;
}

/* How many of n bytes the seals let through at pos. A write goes page by page, and ends before the
 * one that would make the file grow. */
static size_t sealed_write_limit(const struct inode *inode, u64 pos, size_t n)
{
	u64 size = inode->object.size, whole = ALIGN_DOWN(size, PAGE_SIZE);

	if (seals_forbid_write(inode))
		return 0;
	if (!(inode->seals & F_SEAL_GROW) || pos + n <= size)
		return n;
	return whole > pos ? (size_t)(whole - pos) : 0;
}

/* The errno of a write that a seal forbids: a buffer that cannot be read is noticed first. */
static ssize_k sealed_write_errno(struct iobuf from)
{
	char c;

	return iobuf_get(&from, &c, 1) ? -EFAULT : -EPERM;
}

static ssize_k write_locked(
	struct file *f, struct inode *inode, struct iobuf *from, size_t n, u64 *pos)
{
	ssize_k done;

	if (f->flags & O_APPEND)
		*pos = inode->object.size;
	done = file_write_limit(f, *pos, n);
	if (done < 0)
		return done;
	done = (ssize_k)sealed_write_limit(inode, *pos, (size_t)done);
	if (done == 0)
		return sealed_write_errno(*from);
	done = object_write(&inode->object, from, *pos, (size_t)done);
	if (done > 0) {
		*pos += (size_t)done;
		inode_drop_suid(inode);
		inode_modified(inode);
	}
	return done;
}

static ssize_k tmpfs_write(struct file *f, struct iobuf *from, size_t n, u64 *pos)
{
	struct inode *inode = f->dentry->inode;
	ssize_k done;

	if (n == 0)
		return 0;
	mutex_lock(&inode->lock);
	done = write_locked(f, inode, from, n, pos);
	mutex_unlock(&inode->lock);
	return done;
}

/* Pages that are only reserved are a hole. Caller holds o->lock. */
static u32 next_data(struct object *o, u32 index)
{
	const struct page *p;

	while ((p = radix_next(&o->pages, &index)) && !page_has_data(p))
		index++;
	return p ? index : UINT32_MAX;
}

static u32 next_hole(struct object *o, u32 index)
{
	while (page_has_data(object_cached(o, index)))
		index++;
	return index;
}

/* The first offset >= off that is data, or a hole: the end counts as one. */
static int seek_extent(struct object *o, u64 off, bool data, u64 *result)
{
	u32 index = (u32)(off >> PAGE_SHIFT), at;

	if (off >= o->size)
		return -ENXIO;
	mutex_lock(&o->lock);
	at = (data ? next_data : next_hole)(o, index);
	mutex_unlock(&o->lock);
	if (at != index)
		off = (u64)at << PAGE_SHIFT;
	if (data && off >= o->size)
		return -ENXIO;
	*result = MIN(off, o->size);
	return 0;
}

static long tmpfs_seek(struct file *f, s64 off, u32 whence, u64 *result)
{
	struct object *o = &f->dentry->inode->object;

	if (whence == SEEK_DATA || whence == SEEK_HOLE)
		return off < 0 ? -ENXIO : seek_extent(o, (u64)off, whence == SEEK_DATA, result);
	return file_seek_size(f, off, whence, o->size, result);
}

static const struct file_ops tmpfs_file_ops = {
	.read = tmpfs_read,
	.write = tmpfs_write,
	.seek = tmpfs_seek,
};

static int tmpfs_open(struct inode *inode, struct file *f)
{
	f->ops = S_ISDIR(inode->mode) ? &stored_dir_ops : &tmpfs_file_ops;
	return 0;
}

/* --- Inodes --- */

/* A text longer than this, its NUL included, counts as a page. */
#define SHORT_SYMLINK 128

static int take_target(struct inode *inode, const char *target)
{
	inode->private = kstrdup(target);
	if (!inode->private)
		return -ENOMEM;
	return strlen(target) + 1 > SHORT_SYMLINK ? charge_page(inode) : 0;
}

static int tmpfs_inode(struct super *s, u32 mode, u32 rdev, const char *target, struct inode **out)
{
	struct inode *inode;
	int err = inode_create_counted(s, &tmpfs_inode_ops, mode, &inode);

	if (err)
		return err;
	inode->rdev = rdev;
	if (S_ISREG(mode)) {
		object_init(&inode->object, &tmpfs_object_ops);
		inode->object.rss_kind = RSS_SHMEM;
		inode->seals = F_SEAL_SEAL;
	}
	err = S_ISLNK(mode) ? take_target(inode, target) : 0;
	if (err) {
		inode_put(inode);
		return err;
	}
	*out = inode;
	return 0;
}

static int tmpfs_create(
	struct inode *dir, u32 mode, u32 rdev, const char *target, struct inode **out)
{
	return tmpfs_inode(dir->super, mode, rdev, target, out);
}

static void tmpfs_evict(struct inode *inode)
{
	if (inode_has_object(inode))
		object_destroy(&inode->object);
	settle_charge(inode, 0);
	if (S_ISLNK(inode->mode))
		kfree(inode->private);
	super_uncharge_inode(inode->super);
}

static int tmpfs_readlink(struct inode *inode, char *buf, size_t size)
{
	size_t n = strlen(inode->private);

	memcpy(buf, inode->private, MIN(n, size));
	return (int)MIN(n, size);
}

static int tmpfs_truncate(struct inode *inode, u64 size)
{
	if (seals_forbid_size(inode, size))
		return -EPERM;
	object_truncate(&inode->object, size);
	settle_charge(inode, inode->object.nr_pages);
	return 0;
}

/* --- fallocate --- */

static bool test_bit(const u32 *map, u32 i)
{
	return map[i / 32] >> (i % 32) & 1;
}

/* Drops the pages that `made` marks, which nobody can have written to but a mapping. */
static void undo_allocation(struct object *o, u32 first, u32 n, const u32 *made)
{
	for (u32 i = 0; i < n; i++) {
		u64 at = (u64)(first + i) << PAGE_SHIFT;

		if (test_bit(made, i))
			object_punch(o, at, at + PAGE_SIZE);
	}
}

/* Makes the pages [first, first + n) that are missing: all of them, or none. */
static int allocate_pages(struct object *o, u32 first, u32 n)
{
	u32 bytes = (n / 32 + 1) * sizeof(u32), i;
	u32 *made = vmalloc(bytes);
	int err = 0;

	if (!made)
		return -ENOMEM;
	memset(made, 0, bytes);
	for (i = 0; i < n && err >= 0; i++) {
		err = object_reserve_page(o, first + i);
		if (err > 0)
			made[i / 32] |= 1u << (i % 32);
	}
	if (err < 0)
		undo_allocation(o, first, i, made);
	vfree(made);
	return MIN(err, 0);
}

/* Refuses at once what can never fit, before any page is made. */
static bool may_fit(const struct inode *inode, u32 pages)
{
	const struct super *s = inode->super;
	u64 room = s->max_pages ? s->max_pages - s->nr_pages : page_alloc_total();

	return pages <= room + inode->object.nr_pages;
}

static int tmpfs_fallocate(struct inode *inode, u32 mode, u64 start, u64 end)
{
	struct object *o = &inode->object;
	u32 first = (u32)(start >> PAGE_SHIFT);
	u32 n = (u32)((end + PAGE_SIZE - 1) >> PAGE_SHIFT) - first;
	int err;

	if (mode & FALLOC_FL_PUNCH_HOLE) {
		if (seals_forbid_write(inode))
			return -EPERM;
		object_punch(o, start, end);
		settle_charge(inode, o->nr_pages);
		inode_modified(inode);
		return 0;
	}
	if (seals_forbid_size(inode, MAX(end, o->size)))
		return -EPERM;
	if (!may_fit(inode, n))
		return -ENOSPC;
	err = allocate_pages(o, first, n);
	settle_charge(inode, o->nr_pages);
	if (err)
		return err;
	if (!(mode & FALLOC_FL_KEEP_SIZE) && end > o->size)
		object_truncate(o, end);
	inode->ctime = inode_now();
	return 0;
}

const struct inode_ops tmpfs_inode_ops = {
	.create = tmpfs_create,
	.open = tmpfs_open,
	.readlink = tmpfs_readlink,
	.truncate = tmpfs_truncate,
	.fallocate = tmpfs_fallocate,
	.attributes_settable = true,
	.whiteouts = true,
	.evict = tmpfs_evict,
};

/* --- Mounting --- */

struct tmpfs_options {
	u64 pages, inodes; /* at most; 0: no limit */
	u32 mode, uid, gid;
};

/* Pages, said in bytes or as a percentage of memory. */
static bool take_pages(const char **s, void *value)
{
	u64 n, *pages = value;

	if (!take_size(s, &n))
		return false;
	*pages = (n + PAGE_SIZE - 1) >> PAGE_SHIFT;
	if (**s == '%') {
		*pages = n * page_alloc_total() / 100;
		++*s;
	}
	return true;
}

static const struct mount_option tmpfs_options[] = {
	{"size=", offsetof(struct tmpfs_options, pages), take_pages},
	{"nr_blocks=", offsetof(struct tmpfs_options, pages), option_size},
	{"nr_inodes=", offsetof(struct tmpfs_options, inodes), option_size},
	{"mode=", offsetof(struct tmpfs_options, mode), option_mode},
	{"uid=", offsetof(struct tmpfs_options, uid), option_id},
	{"gid=", offsetof(struct tmpfs_options, gid), option_id},
};

int tmpfs_mount(struct super *s, const char *options)
{
	struct tmpfs_options o = {
		.pages = page_alloc_total() / 2,
		.inodes = page_alloc_total() / 2,
		.mode = S_ISVTX | 0777,
		.uid = current_cred()->fsuid,
		.gid = current_cred()->fsgid,
	};
	struct inode *inode;
	int err = mount_options(options, tmpfs_options, ARRAY_SIZE(tmpfs_options), &o);

	if (err)
		return err;
	s->max_pages = (u32)MIN(o.pages, (u64)UINT32_MAX / 2);
	s->max_inodes = (u32)MIN(o.inodes, (u64)UINT32_MAX);
	err = tmpfs_inode(s, S_IFDIR | (o.mode & 07777), 0, NULL, &inode);
	if (err)
		return err;
	inode->uid = o.uid;
	inode->gid = o.gid;
	return dentry_create_root(s, inode);
}

void tmpfs_statfs(struct super *s, struct fs_stat *out)
{
	out->blocks = s->max_pages;
	out->bfree = s->max_pages > s->nr_pages ? s->max_pages - s->nr_pages : 0;
	out->files = s->max_inodes;
	out->ffree = s->max_inodes > s->nr_inodes ? s->max_inodes - s->nr_inodes : 0;
}

void tmpfs_show_options(struct text *t, const struct super *s)
{
	if (s->max_pages)
		text_printf(t, ",size=%lluk", (u64)s->max_pages * (PAGE_SIZE / 1024));
}

struct file *tmpfs_create_anonymous(const char *name, u32 flags)
{
	struct inode *inode;
	int err = tmpfs_inode(&anonymous.super, S_IFREG | 0777, 0, NULL, &inode);

	if (err)
		return err_ptr(err);
	return file_create_unnamed(&anonymous.mount, inode, name, (flags & ~O_ACCMODE) | O_RDWR);
}

struct file *tmpfs_create_sized(const char *name, u32 bytes, bool reserve)
{
	u32 pages = reserve ? (u32)(((u64)bytes + PAGE_SIZE - 1) >> PAGE_SHIFT) : 0;
	struct file *f;

	if (!commit_charge_file(pages))
		return err_ptr(-ENOMEM);
	f = tmpfs_create_anonymous(name, O_LARGEFILE);
	if (is_err(f)) {
		commit_release(pages);
		return f;
	}
	f->backing.object->committed = pages;
	object_truncate(f->backing.object, bytes);
	return f;
}

struct file *file_create_shared_anon(u32 bytes, bool reserve)
{
	return tmpfs_create_sized("/dev/zero", bytes, reserve);
}

static struct fs_type tmpfs_type = {
	.name = "tmpfs",
	.magic = TMPFS_MAGIC,
	.nodev = true,
	.counts_links = true,
	.mount = tmpfs_mount,
	.statfs = tmpfs_statfs,
	.show_options = tmpfs_show_options,
};

void __init tmpfs_init(void)
{
	fs_register(&tmpfs_type);
	mount_init_internal(&anonymous, &tmpfs_type);
}
