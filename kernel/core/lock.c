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

u32 spin_lock_irqsave(struct spinlock *l)
{
	u32 flags = irq_save();

	spin_lock(l);
	return flags;
}

void spin_unlock_irqrestore(struct spinlock *l, u32 flags)
{
	spin_unlock(l);
	irq_restore(flags);
}

void assert_may_sleep(void)
{
	const struct cpu *c = this_cpu();

	kassert_msg(c->irq_depth == 0 && c->spin_depth == 0, "interrupts %u, spin locks %u",
		c->irq_depth, c->spin_depth);
}

void mutex_init(struct mutex *m)
{
	m->owner = NULL;
	list_init(&m->waiters);
	spin_init(&m->guard, "mutex");
}

bool mutex_trylock(struct mutex *m)
{
	bool got;

	spin_lock(&m->guard);
	got = m->owner == NULL;
	if (got)
		m->owner = current_thread();
	spin_unlock(&m->guard);
	return got;
}

/* Queues the caller and sleeps until mutex_unlock() has made it the owner. Holds m->guard on
 * entry, not on return. */
static void mutex_wait(struct mutex *m)
{
	struct thread *self = current_thread();

	kassert_msg(m->owner != self, "mutex %p locked twice by one thread", (void *)m);
	list_add_tail(&self->wait, &m->waiters);
	self->state = T_UNINTERRUPTIBLE;
	spin_unlock(&m->guard);
	for (;;) {
		schedule();
		if (READ_ONCE(m->owner) == self)
			return;
		self->state = T_UNINTERRUPTIBLE;
	}
}

void mutex_lock(struct mutex *m)
{
	assert_may_sleep();
	spin_lock(&m->guard);
	if (unlikely(m->owner)) {
		mutex_wait(m);
		return;
	}
	m->owner = current_thread();
	spin_unlock(&m->guard);
}

/* Takes the mutex over to the first waiter, without an interval in which another could grab it. */
static void mutex_hand_over(struct mutex *m)
{
	struct thread *next = list_first_entry(&m->waiters, struct thread, wait);

	list_del_init(&next->wait);
	m->owner = next;
	thread_wake(next);
}

void mutex_unlock(struct mutex *m)
{
	kassert(mutex_held(m));
	spin_lock(&m->guard);
	m->owner = NULL;
	if (unlikely(!list_empty(&m->waiters)))
		mutex_hand_over(m);
	spin_unlock(&m->guard);
}

bool mutex_held(const struct mutex *m)
{
	return m->owner == current_thread();
}
