/*
 * Waiting for several files at once.
 *
 * file_ops.poll reports what the file is ready for and, when it is handed a table, puts every
 * wait queue that could change the answer into it with poll_wait(). It may not sleep, take no
 * mutex, and its answer must already be true when the queue is woken.
 */
#ifndef FS_POLL_H
#define FS_POLL_H

#include "kernel/abi/poll.h"
#include "kernel/core/sched.h"

struct file;

#define POLL_INLINE 8

struct poll_entry {
	struct waitq *queue;
	struct waiter waiter;
};

/* Entries beyond the first few live in chunks. */
struct poll_chunk {
	struct poll_chunk *next;
	u32 used;
	struct poll_entry entry[];
};

struct poll_table {
	u32 used;
	struct poll_entry entry[POLL_INLINE];
	struct poll_chunk *chunks;
	int error; /* -ENOMEM when an entry could not be made */
};

/* Makes the calling thread wait on `q` too. `pt` may be NULL: nothing happens. */
void poll_wait(struct poll_table *pt, struct waitq *q);

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
