/* Mutexes under contention, and what the locks count. */
#include "kernel/core/kthread.h"
#include "kernel/core/lock.h"
#include "kernel/core/selftest.h"
#include "kernel/x86/trap.h"

#define NR_THREADS 6u

static struct mutex m = MUTEX_INIT(m);

KTEST(lock, spin_lock_restores_interrupts)
{
	struct spinlock l = SPINLOCK_INIT("test");
	u32 depth = this_cpu()->spin_depth, outer, inner;

	KEXPECT(irq_enabled());
	outer = spin_lock_irqsave(&l);
	KEXPECT(spin_held(&l));
	KEXPECT(!irq_enabled());
	KEXPECT_EQ(this_cpu()->spin_depth, depth + 1);
	spin_unlock_irqrestore(&l, outer);
	KEXPECT(irq_enabled());

	outer = irq_save();
	inner = spin_lock_irqsave(&l);
	spin_unlock_irqrestore(&l, inner);
	KEXPECT(!irq_enabled());
	irq_restore(outer);
	KEXPECT_EQ(this_cpu()->spin_depth, depth);
	KEXPECT(!spin_held(&l));
}

KTEST(lock, mutex_owner)
{
	KEXPECT(!mutex_held(&m));
	mutex_lock(&m);
	KEXPECT(mutex_held(&m));
	KEXPECT(!mutex_trylock(&m));
	mutex_unlock(&m);
	KEXPECT(!mutex_held(&m));
	KREQUIRE(mutex_trylock(&m));
	mutex_unlock(&m);
}

static u32 order[NR_THREADS], nr_order;

static void take_in_turn(void *arg)
{
	mutex_lock(&m);
	order[nr_order++] = (u32)arg;
	yield(); /* the others find it taken, the next is handed it */
	mutex_unlock(&m);
}

KTEST(lock, mutex_is_first_come_first_served)
{
	struct thread *t[NR_THREADS];

	nr_order = 0;
	mutex_lock(&m);
	for (u32 i = 0; i < NR_THREADS; i++) {
		t[i] = kthread_create("mutex", take_in_turn, (void *)i);
		KREQUIRE(t[i]);
	}
	yield();
	KEXPECT_EQ(nr_order, 0);
	mutex_unlock(&m);
	KEXPECT(!mutex_trylock(&m)); /* the first waiter has it already */
	for (u32 i = 0; i < NR_THREADS; i++)
		kthread_join(t[i]);
	KREQUIRE(nr_order == NR_THREADS);
	for (u32 i = 0; i < NR_THREADS; i++)
		KEXPECT_EQ(order[i], i);
	KEXPECT(m.owner == 0);
}

static u32 shared;

static void increment_slowly(void *arg)
{
	for (u32 i = 0; i < 50; i++) {
		u32 seen;

		mutex_lock(&m);
		seen = READ_ONCE(shared);
		yield();
		WRITE_ONCE(shared, seen + 1);
		mutex_unlock(&m);
	}
}

KTEST(lock, mutex_excludes)
{
	struct thread *t[NR_THREADS];

	shared = 0;
	for (u32 i = 0; i < NR_THREADS; i++) {
		t[i] = kthread_create("mutex", increment_slowly, NULL);
		KREQUIRE(t[i]);
	}
	for (u32 i = 0; i < NR_THREADS; i++)
		kthread_join(t[i]);
	KEXPECT_EQ(shared, 50 * NR_THREADS);
}

/* A wake-up that is not the hand-over must not let a thread in. */
KTEST(lock, mutex_ignores_strange_wakes)
{
	struct thread *t;

	nr_order = 0;
	mutex_lock(&m);
	t = kthread_create("mutex", take_in_turn, (void *)7);
	KREQUIRE(t);
	yield();
	KEXPECT(thread_wake(t));
	yield();
	KEXPECT_EQ(nr_order, 0);
	mutex_unlock(&m);
	kthread_join(t);
	KEXPECT_EQ(nr_order, 1);
}
