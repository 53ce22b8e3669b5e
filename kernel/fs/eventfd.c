/* eventfd(2): a counter that threads add to and wait for. */
#include "kernel/abi/eventfiles.h"
#include "kernel/fs/poll.h"
#include "kernel/fs/text.h"
#include "kernel/fs/vfs.h"
#include "kernel/lib/kassert.h"
#include "kernel/syscalls.h"
#include "mm/slab.h"

#define COUNT_MAX (UINT64_MAX - 1)

struct eventfd {
	struct spinlock lock;
	u64 count; /* lock */
	bool semaphore;
	struct waitq readers, writers;
};

static struct slab_cache *eventfd_cache __ro_after_init;

static u64 count_of(struct eventfd *e)
{
	u64 count;

	spin_lock(&e->lock);
	count = e->count;
	spin_unlock(&e->lock);
	return count;
}

/* Takes what a read gets; false when there is nothing. */
static bool take(struct eventfd *e, u64 *got)
{
	spin_lock(&e->lock);
	*got = e->semaphore ? e->count != 0 : e->count;
	e->count -= *got;
	spin_unlock(&e->lock);
	return *got;
}

static bool add(struct eventfd *e, u64 n)
{
	bool fits;

	spin_lock(&e->lock);
	fits = n <= COUNT_MAX - e->count;
	if (fits)
		e->count += n;
	spin_unlock(&e->lock);
	return fits;
}

static ssize_k eventfd_read(struct file *f, struct iobuf *to, size_t n, u64 *pos)
{
	struct eventfd *e = f->private;
	u64 got;

	if (n < sizeof(got))
		return -EINVAL;
	while (!take(e, &got)) {
		if (f->flags & O_NONBLOCK)
			return -EAGAIN;
		if (wait_event_interruptible(&e->readers, count_of(e)))
			return -ERESTARTSYS;
	}
	waitq_wake_all(&e->writers);
	return iobuf_put(to, &got, sizeof(got)) ? -EFAULT : (ssize_k)sizeof(got);
}

static ssize_k eventfd_write(struct file *f, struct iobuf *from, size_t n, u64 *pos)
{
	struct eventfd *e = f->private;
	u64 more;

	if (n < sizeof(more))
		return -EINVAL;
	if (iobuf_get(from, &more, sizeof(more)))
		return -EFAULT;
	if (more > COUNT_MAX)
		return -EINVAL;
	while (!add(e, more)) {
		if (f->flags & O_NONBLOCK)
			return -EAGAIN;
		if (wait_event_interruptible(&e->writers, more <= COUNT_MAX - count_of(e)))
			return -ERESTARTSYS;
	}
	waitq_wake_all(&e->readers);
	return sizeof(more);
}

static u32 eventfd_poll(struct file *f, struct poll_table *pt)
{
	struct eventfd *e = f->private;
	u64 count = count_of(e);

	poll_wait_for(pt, &e->readers, POLLIN);
	poll_wait_for(pt, &e->writers, POLLOUT);
	return (count ? POLLIN : 0) | (count < COUNT_MAX ? POLLOUT : 0);
}

static void eventfd_release(struct file *f)
{
	slab_free(eventfd_cache, f->private);
}

static void eventfd_show(struct file *f, struct text *t)
{
	text_printf(t, "eventfd-count: %16llx\n", count_of(f->private));
}

static const struct file_ops eventfd_ops = {
	.seek_ignored = true,
	.read = eventfd_read,
	.write = eventfd_write,
	.poll = eventfd_poll,
	.release = eventfd_release,
	.show_info = eventfd_show,
};

bool file_is_eventfd(const struct file *f)
{
	return f->ops == &eventfd_ops;
}

void eventfd_signal(struct file *f)
{
	struct eventfd *e = f->private;

	if (add(e, 1))
		waitq_wake_all(&e->readers);
}

long sys_eventfd2(u32 count, u32 flags)
{
	struct eventfd *e;

	if (flags & ~(EFD_SEMAPHORE | O_CLOEXEC | O_NONBLOCK))
		return -EINVAL;
	e = slab_zalloc(eventfd_cache);
	if (!e)
		return -ENOMEM;
	spin_init(&e->lock, "eventfd");
	waitq_init(&e->readers);
	waitq_init(&e->writers);
	e->count = count;
	e->semaphore = flags & EFD_SEMAPHORE;
	flags = (flags & ~EFD_SEMAPHORE) | O_RDWR;
	return anon_fd_create("anon_inode:[eventfd]", flags, &eventfd_ops, e);
}

long sys_eventfd(u32 count)
{
	return sys_eventfd2(count, 0);
}

void __init eventfd_init(void)
{
	eventfd_cache = slab_create("eventfd", sizeof(struct eventfd), 0, 0, NULL);
	if (!eventfd_cache)
		panic("no memory for the eventfd cache");
}
