/*
 * Spin locks and sleeping mutexes. The order in which they nest is docs/locking.
 *
 * A spin lock guards a few instructions and is never held across anything that may sleep. One
 * that an interrupt handler takes too must be taken with the _irqsave forms everywhere. A mutex
 * may be held while sleeping; it is not for interrupt handlers.
 *
 * The kernel is not preempted while in kernel mode, so on one CPU a spin lock that is found taken
 * is a bug and panics with its name.
 */
#ifndef CORE_LOCK_H
#define CORE_LOCK_H

#include "kernel/core/cpu.h"
#include "kernel/lib/list.h"
#include "kernel/lib/types.h"
#include "kernel/x86/trap.h"

struct spinlock {
	u32 locked;
	const char *name;
};

#define SPINLOCK_INIT(n) {.locked = 0, .name = (n)}

void spin_init(struct spinlock *l, const char *name);
/* The lock was found taken: on one CPU a bug, so it panics. */
void spin_contended(struct spinlock *l);

/* Counts the locks a CPU holds, so that going to sleep with one is caught where it happens. */
static inline void spin_lock(struct spinlock *l)
{
	this_cpu()->spin_depth++;
	if (unlikely(__atomic_exchange_n(&l->locked, 1, __ATOMIC_ACQUIRE)))
		spin_contended(l);
}

static inline void spin_unlock(struct spinlock *l)
{
	__atomic_store_n(&l->locked, 0, __ATOMIC_RELEASE);
	this_cpu()->spin_depth--;
}

static inline bool spin_held(const struct spinlock *l)
{
	return l->locked;
}

/* Disables interrupts, returns their former state for the unlock. */
static inline u32 spin_lock_irqsave(struct spinlock *l)
{
	u32 flags = irq_save();
	spin_lock(l);
	return flags;
}

static inline void spin_unlock_irqrestore(struct spinlock *l, u32 flags)
{
	spin_unlock(l);
	irq_restore(flags);
}

/* Asserts that the caller may sleep: no interrupt handler, no spin lock held. */
void assert_may_sleep(void);

/*
 * Fair: mutex_unlock() hands a contended mutex to the thread that has waited longest. Without
 * contention one exchange of `owner` locks it and one unlocks it; MUTEX_WAITERS in its low bit
 * makes the owner's unlock go the long way round.
 */
struct mutex {
	uintptr_t owner;          /* struct thread *, or 0: free; and MUTEX_WAITERS */
	struct list_head waiters; /* struct thread.wait, first come first served; under `guard` */
	struct spinlock guard;
};

#define MUTEX_WAITERS 1u

#define MUTEX_INIT(m) {.owner = 0, .waiters = LIST_HEAD_INIT((m).waiters), .guard = SPINLOCK_INIT("mutex")}

void mutex_init(struct mutex *m);
/* What is left to do for mutex_lock() and mutex_unlock() when somebody has it, or waits. */
void mutex_lock_slow(struct mutex *m);
void mutex_unlock_slow(struct mutex *m);

static inline bool mutex_trylock(struct mutex *m)
{
	uintptr_t free = 0;
	return __atomic_compare_exchange_n(&m->owner, &free, (uintptr_t)this_cpu()->thread, false,
		__ATOMIC_ACQUIRE, __ATOMIC_RELAXED);
}

static inline void mutex_lock(struct mutex *m)
{
	if (unlikely(!mutex_trylock(m)))
		mutex_lock_slow(m);
}

static inline void mutex_unlock(struct mutex *m)
{
	uintptr_t self = (uintptr_t)this_cpu()->thread;
	if (unlikely(!__atomic_compare_exchange_n(
		    &m->owner, &self, 0, false, __ATOMIC_RELEASE, __ATOMIC_RELAXED)))
		mutex_unlock_slow(m);
}

/* Held by the calling thread. For assertions. */
static inline bool mutex_held(const struct mutex *m)
{
	return (m->owner & ~(uintptr_t)MUTEX_WAITERS) == (uintptr_t)this_cpu()->thread;
}

#endif
