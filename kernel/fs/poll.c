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

#define CHUNK_ENTRIES 64u

static struct poll_entry *new_entry(struct poll_table *pt)
{
	struct poll_chunk *c = pt->chunks;

	if (pt->used < POLL_INLINE)
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

void poll_wait(struct poll_table *pt, struct waitq *q)
{
	struct poll_entry *e;

	if (!pt)
		return;
	e = new_entry(pt);
	if (!e) {
		pt->error = -ENOMEM;
		return;
	}
	e->queue = q;
	waitq_prepare(q, &e->waiter, T_INTERRUPTIBLE);
}

/* Leaves all queues. */
static void table_leave(struct poll_table *pt)
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

static u32 ask(struct file *f, struct poll_table *pt)
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
		if (it->f)
			it->revents = ask(it->f, pt) & it->events;
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
	struct poll_table pt = {0};
	long ready;

	poll_wait(&pt, &t->queue);
	ask_all(items, n, &pt);
	ready = pt.error ? pt.error : (long)ask_all(items, n, NULL);
	if (!ready && signal_pending())
		ready = -EINTR;
	if (!ready && !READ_ONCE(t->fired))
		schedule();
	table_leave(&pt);
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
