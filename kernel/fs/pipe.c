/*
 * Pipes and fifos: a ring of pages between those who write and those who read.
 *
 * `head` and `tail` count bytes written and read; modulo the ring's size they are places in it, and
 * each of its pages exists only while it holds something. When the ring runs empty it starts again
 * at the beginning of a page, so that a steady stream is copied in whole pages; one page is kept
 * for the next writer.
 *
 * Who sleeps is woken only when what he waits for begins to hold: readers when an empty pipe gets
 * its first byte, writers when room for PIPE_BUF bytes appears. Once the pipe has been polled, every
 * write wakes readers: an edge-triggered epoll counts them, as on Linux.
 */
#include "kernel/fs/vfs.h"
#include "kernel/abi/prctl.h"
#include "kernel/abi/signal.h"
#include "kernel/abi/statfs.h"
#include "kernel/fs/fasync.h"
#include "kernel/fs/poll.h"
#include "kernel/lib/kassert.h"
#include "kernel/proc/task.h"
#include "kernel/x86/uaccess.h"
#include "mm/kmalloc.h"
#include "mm/page_alloc.h"
#include "mm/pmap.h"
#include "mm/slab.h"

#define DEFAULT_PAGES 16u	 /* 64 KiB */
#define LEAST_PAGES   2u	 /* for a user who has many */
#define MAX_SIZE      (1u << 31)

u32 pipe_max_size = 1u << 20;
u32 pipe_user_pages_soft = 16384, pipe_user_pages_hard;

/* letters: l: lock; w: written under lock, read anywhere (poll, wait conditions) */
struct pipe {
	struct mutex lock;
	struct user *user;		/* whose nr_pages are counted; referenced */
	struct page **page;		/* l: the ring; NULL where nothing is */
	u32 nr_pages;			/* w: a power of two */
	u32 head, tail;			/* w: bytes written and read since it was last empty */
	struct page *spare;		/* l: the page freed last, or NULL */
	u32 readers, writers;		/* w: files open for it */
	u32 reader_opens, writer_opens; /* w: how often that happened: fifo_open() waits on it */
	u32 files;			/* l: open files of either kind; the last frees it */
	bool watched;			/* somebody polls it: every read and write wakes */
	struct waitq can_read, can_write;
	struct list_head async;		/* files with O_ASYNC (kernel/fs/fasync.h) */
};

static struct internal_mount pipefs;
static struct slab_cache *pipe_cache __ro_after_init;

static u32 used(const struct pipe *p)
{
	return p->head - p->tail;
}

static u32 room(const struct pipe *p)
{
	return p->nr_pages * PAGE_SIZE - used(p);
}

/* --- The ring --- */

static struct page **slot(struct pipe *p, u32 pos)
{
	return &p->page[(pos >> PAGE_SHIFT) & (p->nr_pages - 1)];
}

static struct page *take_page(struct pipe *p)
{
	struct page *page = p->spare;

	p->spare = NULL;
	return page ? page : page_alloc(GFP_HIGH, PK_KERNEL);
}

static void give_page(struct pipe *p, struct page **at)
{
	struct page *page = *at;

	*at = NULL;
	if (p->spare)
		page_free(page);
	else
		p->spare = page;
}

/* One stretch within a page. Returns bytes taken, -ENOMEM, or -EFAULT when it could not be copied
 * whole: like Linux, a pipe takes and gives no part of a stretch that ends in bad memory. */
static ssize_k put_chunk(struct pipe *p, struct iobuf *from, size_t n)
{
	struct page **at = slot(p, p->head);
	u32 off = p->head % PAGE_SIZE;
	size_t left;
	char *va;

	n = MIN(n, PAGE_SIZE - off);
	if (!*at)
		*at = take_page(p);
	if (!*at)
		return -ENOMEM;
	va = kmap_local(*at);
	left = iobuf_get(from, va + off, n);
	kunmap_local(va);
	if (!left)
		p->head += n;
	if (used(p) == 0)
		give_page(p, at);
	return left ? -EFAULT : (ssize_k)n;
}

/* The page that `tail` has just left behind, unless the head has come round into it. */
static void drop_passed(struct pipe *p, u32 passed)
{
	u32 again = ALIGN_DOWN(passed, PAGE_SIZE) + p->nr_pages * PAGE_SIZE;

	if ((s32)(p->head - again) <= 0 && *slot(p, passed))
		give_page(p, slot(p, passed));
}

/* Takes n bytes away that have been read: they lie in one page. */
static void consume(struct pipe *p, size_t n)
{
	u32 pos = p->tail;

	p->tail += n;
	if (used(p) == 0) {
		give_page(p, slot(p, pos));
		p->head = p->tail = 0;
	} else if (p->tail % PAGE_SIZE == 0) {
		drop_passed(p, pos);
	}
}

/* Copies up to n bytes that lie in one page, `skip` bytes behind the first. Returns how many, or
 * -EFAULT. */
static ssize_k peek_chunk(struct pipe *p, struct iobuf *to, size_t n, u32 skip)
{
	u32 pos = p->tail + skip, off = pos % PAGE_SIZE;
	size_t left;
	char *va;

	n = MIN(n, MIN(PAGE_SIZE - off, used(p) - skip));
	va = kmap_local(*slot(p, pos));
	left = iobuf_put(to, va + off, n);
	kunmap_local(va);
	return left ? -EFAULT : (ssize_k)n;
}

static ssize_k get_chunk(struct pipe *p, struct iobuf *to, size_t n)
{
	ssize_k got = peek_chunk(p, to, n, 0);

	if (got > 0)
		consume(p, (size_t)got);
	return got;
}

/* Whether the caller's user may not have so many pages in pipes. A limit of 0 is none. */
static bool beyond(u32 limit, u32 pages)
{
	return limit && pages > limit && !cred_capable(CAP_SYS_RESOURCE) &&
	       !cred_capable(CAP_SYS_ADMIN);
}

/* Error pointer: -ENFILE when the user has too many. */
static struct pipe *pipe_alloc(void)
{
	struct user *user = current_user();
	u32 has = user_has(user, USER_PIPE_PAGES);
	u32 n = beyond(pipe_user_pages_soft, has + DEFAULT_PAGES) ? LEAST_PAGES : DEFAULT_PAGES;
	struct pipe *p;

	if (beyond(pipe_user_pages_hard, has + n))
		return err_ptr(-ENFILE);
	p = slab_zalloc(pipe_cache);
	if (!p)
		return err_ptr(-ENOMEM);
	p->page = kcalloc(n, sizeof(struct page *));
	if (!p->page) {
		slab_free(pipe_cache, p);
		return err_ptr(-ENOMEM);
	}
	p->nr_pages = n;
	p->user = user_hold(user);
	user_add(user, USER_PIPE_PAGES, (s32)n);
	mutex_init(&p->lock);
	waitq_init(&p->can_read);
	waitq_init(&p->can_write);
	list_init(&p->async);
	return p;
}

static void drop_pages(struct pipe *p)
{
	for (u32 i = 0; i < p->nr_pages; i++)
		if (p->page[i])
			page_free(p->page[i]);
	if (p->spare)
		page_free(p->spare);
	kfree(p->page);
}

static void pipe_free(struct pipe *p)
{
	drop_pages(p);
	user_add(p->user, USER_PIPE_PAGES, -(s32)p->nr_pages);
	user_put(p->user);
	slab_free(pipe_cache, p);
}

/* --- Reading and writing --- */

static void wake(struct waitq *q)
{
	if (!list_empty(&q->waiters))
		waitq_wake_all(q);
}

static void wake_writers(struct pipe *p, bool was_full)
{
	if (was_full && room(p) >= ABI_PIPE_BUF)
		wake(&p->can_write);
}

static ssize_k read_available(struct pipe *p, struct iobuf *to, size_t n)
{
	bool was_full = room(p) < ABI_PIPE_BUF;
	size_t done = 0;
	ssize_k got = 0;

	while (done < n && used(p)) {
		got = get_chunk(p, to, n - done);
		if (got < 0)
			break;
		done += (size_t)got;
	}
	wake_writers(p, was_full);
	return done ? (ssize_k)done : got;
}

/* Waits for data while there is someone who could write it. Returns 1 when there is some, 0 at the
 * end, or a negative errno. Holds p->lock before and after. */
static long wait_for_data(struct pipe *p, bool wait)
{
	long err = 0;

	while (!used(p) && p->writers && wait && !err) {
		mutex_unlock(&p->lock);
		if (wait_event_interruptible(&p->can_read, used(p) || !p->writers))
			err = -ERESTARTSYS;
		mutex_lock(&p->lock);
	}
	if (used(p))
		return 1;
	return err ? err : p->writers ? -EAGAIN : 0;
}

static ssize_k pipe_read(struct file *f, struct iobuf *to, size_t n, u64 *pos)
{
	struct pipe *p = f->private;
	ssize_k done;

	if (n == 0)
		return 0;
	mutex_lock(&p->lock);
	done = wait_for_data(p, !(f->flags & O_NONBLOCK));
	if (done > 0)
		done = read_available(p, to, n);
	mutex_unlock(&p->lock);
	fasync_notify(&p->async, POLL_OUT);
	return done;
}

/* Writes what there is room for. */
static ssize_k write_available(struct pipe *p, struct iobuf *from, size_t n)
{
	bool was_empty = !used(p);
	size_t done = 0;
	ssize_k put = 0;

	while (done < n && room(p)) {
		put = put_chunk(p, from, MIN(n - done, room(p)));
		if (put < 0)
			break;
		done += (size_t)put;
	}
	if ((was_empty || p->watched) && done)
		wake(&p->can_read);
	return done ? (ssize_k)done : put;
}

/* Waits for room. 0, or what to return when nothing was written. Holds p->lock before and after. */
static long wait_for_room(struct pipe *p, bool wait, size_t need)
{
	long err = 0;

	while (!err && p->readers && room(p) < need) {
		if (!wait)
			return -EAGAIN;
		mutex_unlock(&p->lock);
		if (wait_event_interruptible(&p->can_write, room(p) >= need || !p->readers))
			err = -ERESTARTSYS;
		mutex_lock(&p->lock);
	}
	if (!err && !p->readers)
		err = -EPIPE;
	return err;
}

/* Up to PIPE_BUF bytes go in as one; more go in as there is room, but not byte by byte when the
 * writer had to wait. */
static ssize_k write_locked(struct pipe *p, const struct file *f, struct iobuf *from, size_t n)
{
	size_t done = 0, need;
	ssize_k ret = 0;

	while (done < n) {
		need = MIN(n - done, ABI_PIPE_BUF);
		if (n > ABI_PIPE_BUF && (f->flags & O_NONBLOCK))
			need = 1;
		ret = wait_for_room(p, !(f->flags & O_NONBLOCK), need);
		if (!ret)
			ret = write_available(p, from, n - done);
		if (ret < 0)
			break;
		done += (size_t)ret;
	}
	return done ? (ssize_k)done : ret;
}

/* A kernel thread is told by EPIPE alone. */
static void send_sigpipe(void)
{
	if (current_task())
		signal_send_task(current_task(), SIGPIPE, NULL);
}

static ssize_k pipe_write(struct file *f, struct iobuf *from, size_t n, u64 *pos)
{
	struct pipe *p = f->private;
	ssize_k ret;
	bool broken;

	if (n == 0)
		return 0;
	mutex_lock(&p->lock);
	ret = write_locked(p, f, from, n);
	broken = !p->readers;
	mutex_unlock(&p->lock);
	fasync_notify(&p->async, POLL_IN);
	if (broken && (ret == -EPIPE || (size_t)ret < n))
		send_sigpipe();
	return ret;
}

/* --- splice, tee, vmsplice --- */

static ssize_k drain_locked(struct pipe *p, struct pipe_mover *m, size_t n)
{
	bool was_full = room(p) < ABI_PIPE_BUF;
	size_t done = 0;
	ssize_k got = 0, moved = 0;

	while (done < n && used(p)) {
		struct iobuf to = iobuf_kernel(m->buf);

		got = peek_chunk(p, &to, n - done, 0);
		moved = m->move(m, (size_t)got);
		if (moved <= 0)
			break;
		consume(p, (size_t)moved);
		done += (size_t)moved;
		if (moved < got)
			break;
	}
	wake_writers(p, was_full);
	return done ? (ssize_k)done : moved;
}

ssize_k pipe_drain(struct file *f, struct pipe_mover *m, size_t n, bool wait)
{
	struct pipe *p = f->private;
	ssize_k done;

	mutex_lock(&p->lock);
	done = wait_for_data(p, wait);
	if (done > 0)
		done = drain_locked(p, m, n);
	mutex_unlock(&p->lock);
	return done;
}

static ssize_k fill_locked(struct pipe *p, struct pipe_mover *m, size_t n)
{
	size_t done = 0;
	ssize_k got = 0;

	while (done < n && room(p)) {
		struct iobuf from = iobuf_kernel(m->buf);
		size_t want = MIN(MIN(n - done, room(p)), PAGE_SIZE);

		got = m->move(m, want);
		if (got > 0)
			got = write_available(p, &from, (size_t)got);
		if (got <= 0)
			break;
		done += (size_t)got;
		if ((size_t)got < want)
			break;
	}
	return done ? (ssize_k)done : got;
}

ssize_k pipe_fill(struct file *f, struct pipe_mover *m, size_t n, bool wait)
{
	struct pipe *p = f->private;
	ssize_k done;

	mutex_lock(&p->lock);
	done = wait_for_room(p, wait, MIN(n, ABI_PIPE_BUF));
	if (!done)
		done = fill_locked(p, m, n);
	mutex_unlock(&p->lock);
	if (done == -EPIPE)
		send_sigpipe();
	return done;
}

/* Two pipes' locks are taken in the order of their addresses. */
static void lock_both(struct pipe *a, struct pipe *b)
{
	mutex_lock(a < b ? &a->lock : &b->lock);
	mutex_lock(a < b ? &b->lock : &a->lock);
}

static void unlock_both(struct pipe *a, struct pipe *b)
{
	mutex_unlock(&a->lock);
	mutex_unlock(&b->lock);
}

/* Copies what `in` has and `out` has room for. Both locked. */
static ssize_k copy_locked(struct pipe *in, struct pipe *out, struct pipe_mover *m, size_t n)
{
	size_t done = 0;
	ssize_k put = 0;

	n = MIN(n, MIN(used(in), room(out)));
	while (done < n) {
		struct iobuf to = iobuf_kernel(m->buf), from = iobuf_kernel(m->buf);
		ssize_k got = peek_chunk(in, &to, n - done, (u32)done);

		put = write_available(out, &from, (size_t)got);
		if (put < 0)
			break;
		done += (size_t)put;
		if (put < got)
			break;
	}
	return done ? (ssize_k)done : put;
}

static void consume_all(struct pipe *p, size_t n)
{
	bool was_full = room(p) < ABI_PIPE_BUF;

	while (n) {
		size_t part = MIN(n, PAGE_SIZE - p->tail % PAGE_SIZE);

		consume(p, part);
		n -= part;
	}
	wake_writers(p, was_full);
}

/* Waits until `in` has data, then until `out` has room. Neither locked. 1, 0 at the end of `in`, or
 * a negative errno. */
static long wait_for_both(struct pipe *in, struct pipe *out, bool wait)
{
	long err;

	mutex_lock(&in->lock);
	err = wait_for_data(in, wait);
	mutex_unlock(&in->lock);
	if (err <= 0)
		return err;
	mutex_lock(&out->lock);
	err = wait_for_room(out, wait, ABI_PIPE_BUF);
	mutex_unlock(&out->lock);
	return err ? err : 1;
}

ssize_k pipe_to_pipe(const struct pipe_copy *c, struct pipe_mover *m, size_t n)
{
	struct pipe *in = c->in->private, *out = c->out->private;
	ssize_k done = 0;

	while (!done) {
		done = wait_for_both(in, out, c->wait);
		if (done <= 0)
			break;
		lock_both(in, out);
		done = copy_locked(in, out, m, n);
		if (done > 0 && c->take)
			consume_all(in, (size_t)done);
		unlock_both(in, out);
	}
	if (done == -EPIPE)
		send_sigpipe();
	return done;
}

static u32 pipe_poll(struct file *f, struct poll_table *pt)
{
	struct pipe *p = f->private;
	u32 mask = 0;

	p->watched = true;
	if (f->backing.may_read) {
		poll_wait(pt, &p->can_read);
		if (used(p))
			mask |= POLLIN | POLLRDNORM;
		/* A fifo nobody has written to since it was opened has not hung up. */
		if (!p->writers && p->writer_opens != (u32)f->pos)
			mask |= POLLHUP;
	}
	if (f->backing.may_write) {
		poll_wait(pt, &p->can_write);
		if (room(p) >= ABI_PIPE_BUF)
			mask |= POLLOUT | POLLWRNORM;
		if (!p->readers)
			mask |= POLLERR;
	}
	return mask;
}

static long pipe_ioctl(struct file *f, u32 cmd, u32 arg)
{
	struct pipe *p = f->private;

	return cmd == FIONREAD ? put_user_u32(UPTR(arg), used(p)) : -ENOTTY;
}

/* --- Opening and closing --- */

/* One end more (n = 1) or less (-1). Caller holds p->lock. */
static void count_ends(struct pipe *p, const struct file *f, s32 n)
{
	p->files += n;
	if (f->backing.may_read) {
		p->readers += n;
		p->reader_opens += n > 0;
	}
	if (f->backing.may_write) {
		p->writers += n;
		p->writer_opens += n > 0;
	}
}

/* Caller holds inode->lock. */
static void close_end(struct inode *inode, struct file *f)
{
	struct pipe *p = inode->pipe;
	bool last;

	mutex_lock(&p->lock);
	count_ends(p, f, -1);
	last = p->files == 0;
	wake(&p->can_read);
	wake(&p->can_write);
	if (!p->readers != !p->writers) {
		fasync_notify(&p->async, POLL_IN);
		fasync_notify(&p->async, POLL_OUT);
	}
	mutex_unlock(&p->lock);
	if (last) {
		inode->pipe = NULL;
		pipe_free(p);
	}
}

static void pipe_release(struct file *f)
{
	struct inode *inode = f->dentry->inode;

	mutex_lock(&inode->lock);
	close_end(inode, f);
	mutex_unlock(&inode->lock);
}

static struct list_head *pipe_async(struct file *f)
{
	struct pipe *p = f->private;

	return &p->async;
}

static const struct file_ops pipe_ops = {
	.read = pipe_read,
	.write = pipe_write,
	.poll = pipe_poll,
	.ioctl = pipe_ioctl,
	.release = pipe_release,
	.async = pipe_async,
};

/* Attaches f to the inode's pipe, making it for the first. */
static int open_end(struct inode *inode, struct file *f)
{
	struct pipe *p = inode->pipe;

	if (!p)
		p = pipe_alloc();
	if (is_err(p))
		return (int)ptr_err(p);
	inode->pipe = p;
	f->ops = &pipe_ops;
	f->private = p;
	mutex_lock(&p->lock);
	count_ends(p, f, 1);
	f->pos = p->writers ? UINT32_MAX : p->writer_opens;
	wake(&p->can_read);
	wake(&p->can_write);
	mutex_unlock(&p->lock);
	return 0;
}

/* A fifo's open waits until the other side has been opened too, be it only for a moment. */
static int wait_for_partner(struct pipe *p, const struct file *f)
{
	u32 readers = p->reader_opens, writers = p->writer_opens;
	bool writing = f->backing.may_write;

	if (f->backing.may_read && writing)
		return 0;
	if (writing)
		return p->readers ? 0
				  : (int)wait_event_interruptible(
					    &p->can_write, p->reader_opens != readers);
	if (p->writers || (f->flags & O_NONBLOCK))
		return 0;
	return (int)wait_event_interruptible(&p->can_read, p->writer_opens != writers);
}

int fifo_open(struct inode *inode, struct file *f)
{
	bool fifo = inode->super != &pipefs.super;
	int err;

	if (!f->backing.may_read && !f->backing.may_write)
		return -EINVAL;
	mutex_lock(&inode->lock);
	if (fifo && !f->backing.may_read && (f->flags & O_NONBLOCK) &&
		!(inode->pipe && inode->pipe->readers))
		err = -ENXIO;
	else
		err = open_end(inode, f);
	if (fifo && err == -ENFILE) /* what pipe(2) says of too many */
		err = -ENOMEM;
	mutex_unlock(&inode->lock);
	if (err || !fifo)
		return err;
	if (wait_for_partner(f->private, f)) {
		pipe_release(f);
		return -ERESTARTSYS;
	}
	return 0;
}

/* --- pipe(2) --- */

static const struct inode_ops pipe_inode_ops = {
	.attributes_settable = true,
};

static struct dentry *pipe_dentry(void)
{
	struct inode *inode = inode_create(&pipefs.super, &pipe_inode_ops, S_IFIFO | 0600);

	if (!inode)
		return NULL;
	inode_set_owner(inode);
	return dentry_create_anon("pipe", inode);
}

int pipe_create(struct file *ends[2], u32 flags)
{
	struct path at = {&pipefs.mount, pipe_dentry()};

	if (!at.dentry)
		return -ENOMEM;
	mount_get(at.mnt);
	ends[0] = file_create(path_get(at), O_RDONLY | flags);
	if (is_err(ends[0])) {
		path_put(at);
		return (int)ptr_err(ends[0]);
	}
	ends[1] = file_create(at, O_WRONLY | flags);
	if (is_err(ends[1])) {
		file_put(ends[0]);
		return (int)ptr_err(ends[1]);
	}
	return 0;
}

/* --- F_SETPIPE_SZ --- */

bool file_is_pipe(const struct file *f)
{
	return f->ops == &pipe_ops;
}

long pipe_capacity(struct file *f)
{
	struct pipe *p = f->private;

	return (long)(p->nr_pages * PAGE_SIZE);
}

/* Copies what p holds to the beginning of an empty ring. */
static int copy_ring(struct pipe *to, struct pipe *p)
{
	while (used(to) < used(p)) {
		u32 pos = p->tail + used(to), off = pos % PAGE_SIZE;
		u32 n = MIN(PAGE_SIZE - off, used(p) - used(to));
		char *va = kmap_local(*slot(p, pos));
		struct iobuf from = iobuf_kernel(va + off);
		ssize_k done = put_chunk(to, &from, n);

		kunmap_local(va);
		if (done < 0)
			return (int)done;
	}
	return 0;
}

/* Caller holds p->lock. */
static int resize_locked(struct pipe *p, u32 nr_pages)
{
	struct pipe ring = {.nr_pages = nr_pages};
	u32 all = user_has(p->user, USER_PIPE_PAGES) - p->nr_pages + nr_pages;

	if (nr_pages > p->nr_pages &&
		(beyond(pipe_user_pages_soft, all) || beyond(pipe_user_pages_hard, all)))
		return -EPERM;
	if (used(p) > nr_pages * PAGE_SIZE)
		return -EBUSY;
	ring.page = kcalloc(nr_pages, sizeof(struct page *));
	if (!ring.page)
		return -ENOMEM;
	if (copy_ring(&ring, p)) {
		drop_pages(&ring);
		return -ENOMEM;
	}
	drop_pages(p);
	user_add(p->user, USER_PIPE_PAGES, (s32)(nr_pages - p->nr_pages));
	p->page = ring.page;
	p->spare = NULL;
	p->head = ring.head;
	p->tail = 0;
	p->nr_pages = nr_pages;
	return 0;
}

long pipe_resize(struct file *f, u32 size)
{
	struct pipe *p = f->private;
	u32 nr_pages = 1;
	int err = 0;

	if (size > MAX_SIZE)
		return -EINVAL;
	while (nr_pages * PAGE_SIZE < size)
		nr_pages *= 2;
	if (nr_pages * PAGE_SIZE > pipe_max_size && !cred_capable(CAP_SYS_RESOURCE))
		return -EPERM;
	mutex_lock(&p->lock);
	if (nr_pages != p->nr_pages)
		err = resize_locked(p, nr_pages);
	if (!err && room(p) >= ABI_PIPE_BUF)
		wake(&p->can_write);
	mutex_unlock(&p->lock);
	return err ? err : (long)(nr_pages * PAGE_SIZE);
}

static struct fs_type pipefs_type = {
	.name = "pipefs",
	.magic = PIPEFS_MAGIC,
};

void __init pipe_init(void)
{
	mount_init_internal(&pipefs, &pipefs_type);
	pipe_cache = slab_create("pipe", sizeof(struct pipe), 0, 0, NULL);
	if (!pipe_cache)
		panic("no memory for the pipe cache");
}
