/* Open files: their life, reading and writing through them, and what a mapping sees of them. */
#include "kernel/fs/fasync.h"
#include "kernel/fs/vfs.h"
#include "kernel/abi/prctl.h"
#include "kernel/fs/notify.h"
#include "kernel/lib/kassert.h"
#include "kernel/lib/string.h"
#include "kernel/proc/task.h"
#include "mm/page_alloc.h"
#include "mm/slab.h"

#define MAX_RW	  0x7ffff000u	/* read and write move at most this much at once */
#define MAX_SMALL 0x7fffffffull /* size without O_LARGEFILE */

static struct slab_cache *file_cache __ro_after_init;
static u32 nr_files; /* atomic */
u32 file_max;

u32 file_count(void)
{
	return nr_files;
}

/* --- What a mapping sees --- */

static void backing_get(struct backing *b)
{
	file_get(backing_file(b));
}

static void backing_put(struct backing *b)
{
	file_put(backing_file(b));
}

static int backing_name(struct backing *b, char *buf, size_t size)
{
	return file_path(backing_file(b), buf, size);
}

static void backing_id(struct backing *b, u32 *dev, u64 *ino)
{
	const struct inode *inode = backing_file(b)->dentry->inode;

	*dev = inode->super->dev;
	*ino = inode->ino;
}

static int backing_map(struct backing *b, u32 *vm_flags, bool early)
{
	return seals_check_map(backing_file(b)->dentry->inode, vm_flags, early);
}

static long backing_punch(struct backing *b, u64 start, u64 end)
{
	struct inode *inode = backing_file(b)->dentry->inode;
	long err;

	if (!inode->ops->fallocate)
		return -EOPNOTSUPP;
	mutex_lock(&inode->lock);
	err = inode->ops->fallocate(inode, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, start, end);
	mutex_unlock(&inode->lock);
	if (!err)
		notify_file(backing_file(b), IN_MODIFY);
	return err;
}

static bool backing_tells(struct backing *b)
{
	struct inode *inode = backing_file(b)->dentry->inode;

	return inode_owned(inode) || inode_permission(inode, MAY_WRITE) == 0;
}

static const struct backing_ops file_backing_ops = {
	.get = backing_get,
	.put = backing_put,
	.name = backing_name,
	.id = backing_id,
	.map = backing_map,
	.punch = backing_punch,
	.tells = backing_tells,
};

bool backing_is_file(const struct backing *b)
{
	return b->ops == &file_backing_ops;
}

/* Every entry NULL: for what can only be stat()ed (O_PATH). */
static const struct file_ops path_only_ops = {0};

/* --- Making and releasing --- */

/* Takes over the references, also on failure. Error pointer. */
static struct file *file_alloc(struct path at, u32 flags)
{
	struct inode *inode = at.dentry->inode;
	bool full = nr_files >= file_max && !cred_capable(CAP_SYS_ADMIN);
	struct file *f = full ? NULL : slab_zalloc(file_cache);
	u32 mode = flags & O_PATH ? O_ACCMODE : flags & O_ACCMODE;

	if (!f) {
		path_put(at);
		return err_ptr(full ? -ENFILE : -ENOMEM);
	}
	f->backing.ops = &file_backing_ops;
	f->backing.object = inode_has_object(inode) ? &inode->object : NULL;
	f->backing.may_read = mode == O_RDONLY || mode == O_RDWR;
	f->backing.may_write = mode == O_WRONLY || mode == O_RDWR;
	f->backing.noexec = at.mnt->flags & MS_NOEXEC;
	f->refcount = 1;
	f->dentry = at.dentry;
	f->mnt = at.mnt;
	f->flags = flags;
	f->ops = &path_only_ops;
	mutex_init(&f->pos_lock);
	list_init(&f->epolls);
	list_init(&f->async_link);
	__atomic_add_fetch(&nr_files, 1, __ATOMIC_RELAXED);
	return f;
}

static void file_free(struct file *f)
{
	path_put(file_at(f));
	slab_free(file_cache, f);
	__atomic_sub_fetch(&nr_files, 1, __ATOMIC_RELAXED);
}

static int open_by_type(struct inode *inode, struct file *f)
{
	switch (inode->mode & S_IFMT) {
	case S_IFCHR:
		return chrdev_open(inode, f);
	case S_IFIFO:
		return fifo_open(inode, f);
	case S_IFREG:
	case S_IFDIR:
		return inode->ops->open ? inode->ops->open(inode, f) : -ENXIO;
	default:
		return -ENXIO;
	}
}

static bool counts_as_writer(const struct file *f)
{
	return f->backing.may_write && S_ISREG(f->dentry->inode->mode);
}

/* One more writer of its inode and by way of its mount, where that counts: 0 or -ETXTBSY. */
static int get_writer(struct file *f)
{
	int err = counts_as_writer(f) ? inode_get_writer(f->dentry->inode) : 0;

	if (!err && counts_as_writer(f))
		__atomic_add_fetch(&f->mnt->writers, 1, __ATOMIC_RELAXED);
	return err;
}

static void put_writer(struct file *f)
{
	if (!counts_as_writer(f))
		return;
	__atomic_sub_fetch(&f->mnt->writers, 1, __ATOMIC_RELAXED);
	inode_put_writer(f->dentry->inode);
}

struct file *file_create(struct path at, u32 flags)
{
	struct file *f = file_alloc(at, flags);
	int err;

	if (is_err(f) || (flags & O_PATH))
		return f;
	err = get_writer(f);
	if (!err) {
		err = open_by_type(at.dentry->inode, f);
		if (err)
			put_writer(f);
	}
	if (err) {
		file_free(f);
		return err_ptr(err);
	}
	return f;
}

struct file *file_create_unnamed(
	struct mount *mnt, struct inode *inode, const char *name, u32 flags)
{
	struct dentry *d;

	inode_set_nameless(inode);
	inode_set_owner(inode);
	d = dentry_create_anon(name, inode);
	return d ? file_create((struct path){mount_get(mnt), d}, flags) : err_ptr(-ENOMEM);
}

struct file *file_create_with(struct path at, u32 flags, const struct file_ops *ops, void *private)
{
	struct file *f = file_alloc(at, flags);

	if (is_err(f))
		return f;
	f->ops = ops;
	f->private = private;
	return f;
}

struct file *file_get(struct file *f)
{
	kassert_dbg(f->refcount > 0);
	__atomic_add_fetch(&f->refcount, 1, __ATOMIC_RELAXED);
	return f;
}

void file_put(struct file *f)
{
	if (!f || __atomic_sub_fetch(&f->refcount, 1, __ATOMIC_ACQ_REL) > 0)
		return;
	notify_file(f, f->backing.may_write ? IN_CLOSE_WRITE : IN_CLOSE_NOWRITE);
	if (!list_empty(&f->epolls))
		epoll_forget(f);
	if (f->flags & O_ASYNC)
		fasync_forget(f);
	locks_release_file(f);
	if (f->ops->release)
		f->ops->release(f);
	put_writer(f);
	file_free(f);
}

int file_may_exec(struct file *f)
{
	struct inode *inode = f->dentry->inode;

	if (!S_ISREG(inode->mode) || (f->mnt->flags & MS_NOEXEC))
		return -EACCES;
	return inode_permission(inode, MAY_EXEC);
}

int file_may_read(const struct file *f)
{
	return inode_permission(f->dentry->inode, MAY_READ);
}

int file_path(struct file *f, char *buf, size_t size)
{
	struct path root = current_root();
	char *begin = path_text(file_at(f), root, buf, size, NULL);
	size_t n = strlen(begin);

	memmove(buf, begin, n + 1);
	path_put(root);
	return (int)n;
}

/* --- Reading and writing --- */

/* The position is a matter of one thread, unless the file is shared; a file without one may block
 * for long, and must not keep others out. */
static bool lock_pos(struct file *f)
{
	if (!f->ops->seek || f->refcount == 1)
		return false;
	mutex_lock(&f->pos_lock);
	return true;
}

ssize_k file_read(struct file *f, struct iobuf *to, size_t n, u64 *pos)
{
	bool locked;
	ssize_k done;

	if (!f->backing.may_read)
		return -EBADF;
	if (!f->ops->read)
		return -EINVAL;
	n = MIN(n, MAX_RW);
	locked = !pos && lock_pos(f);
	done = f->ops->read(f, to, n, pos ? pos : &f->pos);
	if (locked)
		mutex_unlock(&f->pos_lock);
	if (done > 0)
		notify_file(f, IN_ACCESS);
	return done;
}

ssize_k file_write(struct file *f, struct iobuf *from, size_t n, u64 *pos)
{
	bool locked;
	ssize_k done;

	if (!f->backing.may_write)
		return -EBADF;
	if (!f->ops->write)
		return -EINVAL;
	n = MIN(n, MAX_RW);
	locked = !pos && lock_pos(f);
	done = f->ops->write(f, from, n, pos ? pos : &f->pos);
	if (locked)
		mutex_unlock(&f->pos_lock);
	if (done > 0)
		notify_file(f, IN_MODIFY);
	return done;
}

ssize_k file_pread(struct file *f, void *buf, size_t n, u64 pos)
{
	struct iobuf to = iobuf_kernel(buf);

	return file_read(f, &to, n, &pos);
}

static u64 process_fsize_limit(void)
{
	struct task *t = this_cpu()->task;

	return t ? t->process->rlimit[RLIMIT_FSIZE].cur : RLIM64_INFINITY;
}

ssize_k file_write_limit(struct file *f, u64 pos, size_t n)
{
	u64 limit = process_fsize_limit();
	u64 end = f->flags & O_LARGEFILE ? FILE_SIZE_MAX : MAX_SMALL;

	if (limit != RLIM64_INFINITY && pos >= limit) {
		signal_send_task(current_task(), SIGXFSZ, NULL);
		return -EFBIG;
	}
	end = MIN(end, limit);
	if (pos >= end)
		return -EFBIG;
	return (ssize_k)MIN((u64)n, end - pos);
}

long file_seek_size(struct file *f, s64 off, u32 whence, u64 size, u64 *result)
{
	s64 base;

	switch (whence) {
	case SEEK_SET:
		base = 0;
		break;
	case SEEK_CUR:
		base = (s64)f->pos;
		break;
	case SEEK_END:
		base = (s64)size;
		break;
	default:
		return -EINVAL;
	}
	if (__builtin_add_overflow(base, off, &off))
		return -EOVERFLOW;
	if (off < 0 || (u64)off > FILE_SIZE_MAX)
		return -EINVAL;
	*result = (u64)off;
	return 0;
}

long file_seek_endless(struct file *f, s64 off, u32 whence, u64 *result)
{
	if (whence != SEEK_SET && whence != SEEK_CUR)
		return -EINVAL;
	if (whence == SEEK_CUR && __builtin_add_overflow(off, (s64)f->pos, &off))
		return -EINVAL;
	if (off < 0)
		return -EINVAL;
	*result = (u64)off;
	return 0;
}

void __init file_init(void)
{
	file_cache = slab_create("filp", sizeof(struct file), 0, 0, NULL);
	if (!file_cache)
		panic("no memory for the file cache");
	/* A tenth of memory, at a kilobyte a file, as on Linux. */
	file_max = MAX((u32)((u64)page_alloc_total() * PAGE_SIZE / 1024 / 10), 8192u);
}
