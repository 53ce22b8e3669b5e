/*
 * Waiting for several files at once.
 *
 * One round: enter every queue (which marks the thread as asleep), then ask all files again; only
 * if none is ready is the CPU given up. Whatever happens after a queue was entered either shows in
 * the second asking or wakes the thread, so no event falls between.
 */
#include "kernel/fs/poll.h"
#include "kernel/abi/errno.h"
#include "kernel/core/clock.h"
#include "kernel/fs/file.h"
#include "mm/kmalloc.h"

#define INLINE_ENTRIES 8u
#define CHUNK_ENTRIES  64u

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

/* The queues that a thread waits on. */
struct poll_set {
	struct poll_table table;
	u32 used;
	struct poll_entry entry[INLINE_ENTRIES];
	struct poll_chunk *chunks;
	int error; /* -ENOMEM when an entry could not be made */
};

static struct poll_entry *new_entry(struct poll_set *pt)
{
	struct poll_chunk *c = pt->chunks;

	if (pt->used < INLINE_ENTRIES)
		return &pt->entry[pt->used++];
	if (!c || c->used == CHUNK_ENTRIES) {
		c = kmalloc(sizeof(*c) + CHUNK_ENTRIES * sizeof(struct poll_entry));
		if (!c)
			return NULL;
		c->next = pt->chunks;
		c->used = 0;
		pt->chunks = c;
	}
	return &c->entry[c->used++];
}

static void set_enter(struct poll_table *table, struct waitq *q)
{
	struct poll_set *pt = container_of(table, struct poll_set, table);
	struct poll_entry *e = new_entry(pt);

	if (!e) {
		pt->error = -ENOMEM;
		return;
	}
	e->queue = q;
	waitq_prepare(q, &e->waiter, T_INTERRUPTIBLE);
}

/* Leaves all queues. */
static void set_leave(struct poll_set *pt)
{
	struct poll_chunk *c;

	for (u32 i = 0; i < pt->used; i++)
		waitq_finish(pt->entry[i].queue, &pt->entry[i].waiter);
	while ((c = pt->chunks)) {
		for (u32 i = 0; i < c->used; i++)
			waitq_finish(c->entry[i].queue, &c->entry[i].waiter);
		pt->chunks = c->next;
		kfree(c);
	}
}

u32 poll_file(struct file *f, struct poll_table *pt)
{
	if (!f->ops->poll)
		return POLLIN | POLLOUT | POLLRDNORM | POLLWRNORM;
	return f->ops->poll(f, pt);
}

/* Sets revents; returns how many are not 0. */
static u32 ask_all(struct poll_item *items, u32 n, struct poll_table *pt)
{
	u32 ready = 0;

	for (u32 i = 0; i < n; i++) {
		struct poll_item *it = &items[i];

		it->revents = 0;
		if (pt)
			pt->wanted = poll_wanted(it->events);
		if (it->f)
			it->revents = poll_file(it->f, pt) & it->events;
		ready += it->revents != 0;
	}
	return ready;
}

/* A timer and the queue on which the thread waits for nothing but it. */
struct poll_timer {
	struct timer timer;
	struct waitq queue;
	bool fired;
};

static void poll_timeout(struct timer *t)
{
	struct poll_timer *pt = container_of(t, struct poll_timer, timer);

	pt->fired = true;
	waitq_wake_all(&pt->queue);
}

/* One sleep, unless something is ready. */
static long poll_round(struct poll_item *items, u32 n, struct poll_timer *t)
{
	struct poll_set pt = {.table.enter = set_enter};
	long ready;

	set_enter(&pt.table, &t->queue);
	ask_all(items, n, &pt.table);
	ready = pt.error ? pt.error : (long)ask_all(items, n, NULL);
	if (!ready && signal_pending())
		ready = -EINTR;
	if (!ready && !READ_ONCE(t->fired))
		schedule();
	set_leave(&pt);
	return ready;
}

long poll_items(struct poll_item *items, u32 n, u64 deadline)
{
	struct poll_timer t = {.fired = false};
	long ready = ask_all(items, n, NULL);

	if (ready || deadline == 0)
		return ready;
	waitq_init(&t.queue);
	if (deadline != POLL_FOREVER)
		timer_arm(&t.timer, deadline, poll_timeout);
	do {
		ready = poll_round(items, n, &t);
	} while (!ready && !READ_ONCE(t.fired));
	if (deadline != POLL_FOREVER)
		timer_cancel(&t.timer);
	return ready;
}
