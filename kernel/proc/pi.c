/* Who inherits whose priority. */
#include "kernel/abi/errno.h"
#include "kernel/abi/sched.h"
#include "kernel/proc/pi.h"
#include "kernel/proc/task.h"

#define MAX_DEPTH 1024u /* of a chain of owners that wait: Linux's */

/* What it is to run with: its own, or what the first of its waiters has. */
static u32 priority_of(const struct task *t)
{
	u32 lent = 0;

	if (!list_empty(&t->pi_waiters))
		lent = list_first_entry(&t->pi_waiters, struct pi_waiter, link)
			       ->task->thread.sched.priority;
	return MAX(t->sched_priority, lent);
}

/* Whoever borrows a priority runs until he sleeps, but for one of SCHED_RR. */
static void apply(struct task *t)
{
	u32 priority = priority_of(t);
	bool borrowed = priority && !t->sched_priority;

	thread_set_policy(&t->thread, borrowed ? SCHED_FIFO : t->sched_policy, priority, t->nice);
}

/* Behind those that have waited as long with the same priority. */
static void enter(struct pi_waiter *w)
{
	struct list_head *at = w->owner->pi_waiters.prev;
	u32 priority = w->task->thread.sched.priority;

	while (at != &w->owner->pi_waiters &&
		list_entry(at, struct pi_waiter, link)->task->thread.sched.priority < priority)
		at = at->prev;
	list_add(&w->link, at);
}

/* Its priority was another: it has another place among those who wait for the same one. */
static void pass_on(struct task *t, u32 was)
{
	struct pi_waiter *w;

	while (t->thread.sched.priority != was && (w = t->pi_wait)) {
		list_del(&w->link);
		enter(w);
		t = w->owner;
		was = t->thread.sched.priority;
		if (priority_of(t) != was)
			apply(t);
	}
}

void pi_heed(struct task *t)
{
	u32 was = t->thread.sched.priority;

	apply(t);
	pass_on(t, was);
}

/* Others wait for it than did. */
static void waiters_changed(struct task *t)
{
	if (priority_of(t) != t->thread.sched.priority)
		pi_heed(t);
}

static bool would_wait_for_itself(const struct task *t, const struct task *owner)
{
	for (u32 depth = 0; owner != t; depth++) {
		if (!owner->pi_wait)
			return false;
		if (depth == MAX_DEPTH)
			break;
		owner = owner->pi_wait->owner;
	}
	return true;
}

long pi_block(struct pi_waiter *w, struct task *owner)
{
	u32 flags = spin_lock_irqsave(&process_lock);
	bool deadlock = would_wait_for_itself(w->task, owner);

	if (!deadlock) {
		w->owner = owner;
		w->task->pi_wait = w;
		enter(w);
		waiters_changed(owner);
	}
	spin_unlock_irqrestore(&process_lock, flags);
	return deadlock ? -EDEADLK : 0;
}

void pi_unblock(struct pi_waiter *w)
{
	u32 flags = spin_lock_irqsave(&process_lock);
	struct task *owner = w->owner;

	list_del(&w->link);
	w->owner = NULL;
	w->task->pi_wait = NULL;
	waiters_changed(owner);
	spin_unlock_irqrestore(&process_lock, flags);
}

void pi_change_owner(struct pi_waiter *w, struct task *owner)
{
	struct task *old = w->owner;

	list_del(&w->link);
	w->owner = owner;
	enter(w);
	waiters_changed(old);
	waiters_changed(owner);
}
