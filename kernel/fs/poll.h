/*
 * Waiting for several files at once.
 *
 * file_ops.poll reports what the file is ready for and, when it is handed a table, puts every
 * wait queue that could change the answer into it with poll_wait(). It may not sleep (a mutex that
 * is held for moments only is harmless: the asking thread then looks once more), and its answer
 * must already be true when the queue is woken.
 */
#ifndef FS_POLL_H
#define FS_POLL_H

#include "kernel/abi/poll.h"
#include "kernel/core/sched.h"

struct file;

/* Who asks a file: a thread in poll(2) (kernel/fs/poll.c), or an epoll instance. */
struct poll_table {
	void (*enter)(struct poll_table *pt, struct waitq *q);
	u32 wanted; /* POLL bits that he waits for */
};

/* What a table's `wanted` is for these events: an end or an error is told on every queue, so one
 * that matters otherwise is enough to hear of it. */
static inline u32 poll_wanted(u32 events)
{
	u32 moving = POLLIN | POLLRDNORM | POLLPRI | POLLOUT | POLLWRNORM;

	return events & moving ? events & moving : moving;
}

/* Makes who asks wait on `q`, if he waits for any of `events`. `pt` may be NULL: nothing happens. */
static inline void poll_wait_for(struct poll_table *pt, struct waitq *q, u32 events)
{
	if (pt && (pt->wanted & events))
		pt->enter(pt, q);
}

/* The same, whatever he waits for. */
static inline void poll_wait(struct poll_table *pt, struct waitq *q)
{
	poll_wait_for(pt, q, ~0u);
}

/* What f is ready for; a file that cannot say is always ready. */
u32 poll_file(struct file *f, struct poll_table *pt);

/* One file to wait for. */
struct poll_item {
	struct file *f; /* referenced by the caller; NULL: never ready */
	u32 events;     /* wanted; poll(2) adds POLLERR and POLLHUP */
	u32 revents;    /* result */
};

#define POLL_FOREVER UINT64_MAX

/* Sleeps until an item is ready, the deadline (monotonic ns; 0: do not sleep) or a signal. Returns
 * the number of items that are ready, 0 at the deadline, -EINTR or -ENOMEM. */
long poll_items(struct poll_item *items, u32 n, u64 deadline) __must_check;

#endif
