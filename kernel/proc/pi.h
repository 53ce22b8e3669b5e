/*
 * Priority inheritance: a thread that has a lock runs with the highest priority of those that wait
 * for it, and so does, in turn, whom it waits for itself (Sha, Rajkumar and Lehoczky, 1990). Who
 * waits is a struct pi_waiter, which whoever makes the locks embeds in its own.
 *
 * Only realtime priorities are lent: threads that share the CPU by weight keep their shares. All of
 * it is under process_lock.
 */
#ifndef PROC_PI_H
#define PROC_PI_H

#include "kernel/lib/list.h"

struct task;

struct pi_waiter {
	struct list_head link; /* owner->pi_waiters */
	struct task *task;     /* who waits */
	struct task *owner;    /* for what this one has; NULL: it does not wait */
};

/* w->task will wait for the owner. -EDEADLK when that one waits for it, over however many others.
 * Takes process_lock. */
long pi_block(struct pi_waiter *w, struct task *owner);
/* It waits no longer. Takes process_lock. */
void pi_unblock(struct pi_waiter *w);
/* What it waits for is another's now, who waits for nobody. Caller holds process_lock. */
void pi_change_owner(struct pi_waiter *w, struct task *owner);

/* Tells the scheduler what the thread is, and those whom it waits for. Caller holds process_lock.
 */
void pi_heed(struct task *t);

#endif
