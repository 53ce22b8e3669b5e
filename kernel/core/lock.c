/* Spin locks and sleeping mutexes. */
#include "kernel/core/lock.h"
#include "kernel/core/sched.h"
#include "kernel/lib/kassert.h"
#include "kernel/x86/trap.h"

void spin_init(struct spinlock *l, const char *name)
{
	l->locked = 0;
	l->name = name;
}

void spin_contended(struct spinlock *l)
{
	panic("spin lock \"%s\" taken twice on one CPU", l->name);
}

void assert_may_sleep(void)
{
	const struct cpu *c = this_cpu();

	kassert_msg(c->irq_depth == 0 && c->spin_depth == 0, "interrupts %u, spin locks %u",
		c->irq_depth, c->spin_depth);
}

void mutex_init(struct mutex *m)
{
	m->owner = 0;
	list_init(&m->waiters);
	spin_init(&m->guard, "mutex");
}

static struct thread *owner_of(const struct mutex *m)
{
	return (struct thread *)(READ_ONCE(m->owner) & ~(uintptr_t)MUTEX_WAITERS);
}

/* Sets MUTEX_WAITERS, or takes the mutex if it has become free meanwhile. Returns whether it did.
 * Holds m->guard. */
static bool take_or_announce(struct mutex *m)
{
	uintptr_t old = READ_ONCE(m->owner), want;
	do {
		want = old ? old | MUTEX_WAITERS : (uintptr_t)current_thread();
	} while (!__atomic_compare_exchange_n(
		&m->owner, &old, want, false, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED));
	return !old;
}

/* Queues the caller and sleeps until mutex_unlock() has made it the owner. */
void mutex_lock_slow(struct mutex *m)
{
	struct thread *self = current_thread();

	assert_may_sleep();
	kassert_msg(!mutex_held(m), "mutex %p locked twice by one thread", (void *)m);
	spin_lock(&m->guard);
	if (take_or_announce(m)) {
		spin_unlock(&m->guard);
		return;
	}
	list_add_tail(&self->wait, &m->waiters);
	self->state = T_UNINTERRUPTIBLE;
	spin_unlock(&m->guard);
	for (;;) {
		schedule();
		if (owner_of(m) == self)
			return;
		self->state = T_UNINTERRUPTIBLE;
	}
}

/* Hands the mutex over to the first waiter, without an interval in which another could grab it. */
void mutex_unlock_slow(struct mutex *m)
{
	struct thread *next;

	kassert(mutex_held(m));
	spin_lock(&m->guard);
	next = list_first_entry(&m->waiters, struct thread, wait);
	list_del_init(&next->wait);
	__atomic_store_n(&m->owner,
		(uintptr_t)next | (list_empty(&m->waiters) ? 0 : MUTEX_WAITERS), __ATOMIC_RELEASE);
	spin_unlock(&m->guard);
	thread_wake(next);
}
