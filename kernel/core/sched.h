/*
 * Threads of control and what they wait for.
 *
 * A struct thread is the part of a task that the CPU runs: a kernel stack, the machine state that
 * is switched (page tables, FPU, TLS descriptors, kmap slots), and its place in a queue. The
 * process layer embeds it in struct task. Who runs next is said by one run queue per CPU
 * (kernel/core/runq.h). User mode is preempted when a slice ends and by those that wake; kernel mode
 * gives way only where it sleeps.
 *
 * States, and who makes each transition:
 *
 *   thread_start()  ------------------> RUNNABLE
 *   waitq_prepare(), mutex_lock():      RUNNABLE -> (UN)INTERRUPTIBLE   the running thread itself
 *   thread_wake(), thread_wake_if():    asleep or STOPPED -> RUNNABLE   anybody, any context
 *     (STOPPED and TRACED ones only by thread_wake_if())
 *   job control, then schedule():       RUNNABLE -> STOPPED             the running thread itself
 *   ptrace, then schedule():            RUNNABLE -> TRACED              the running thread itself
 *   ptrace(2) of its tracer:            STOPPED -> TRACED               anybody
 *   thread_exit():                      RUNNABLE -> DEAD                the running thread itself
 *
 * A thread between marking itself asleep and schedule() still runs; a wake in that window makes it
 * RUNNABLE again, and schedule() returns at once.
 *
 * Death: nobody can free the stack he stands on. A thread tells whoever will free it (a zombie in
 * its parent's list, a kthread's joiner) and calls thread_exit(). Since the kernel is not preempted,
 * any other thread that runs on this CPU knows that the switch is complete and may free stack and
 * struct thread once the state is T_DEAD. The address space must be let go before:
 * thread_set_pmap(NULL), then mm_put().
 */
#ifndef CORE_SCHED_H
#define CORE_SCHED_H

#include "kernel/core/cpu.h"
#include "kernel/core/lock.h"
#include "kernel/core/runq.h"
#include "kernel/lib/list.h"
#include "kernel/lib/types.h"
#include "kernel/x86/thread.h"

struct pmap;

enum thread_state {
	T_RUNNABLE,        /* on the CPU, or on its run queue */
	T_INTERRUPTIBLE,   /* asleep; a signal wakes it */
	T_UNINTERRUPTIBLE, /* asleep until its event comes */
	T_STOPPED,         /* job control */
	T_TRACED,          /* stopped for its tracer: kernel/proc/ptrace.h */
	T_DEAD,            /* will never run again; its stack may be freed by another thread */
};

/* Bits of thread.work: what must be done before going back to user mode. */
#define WORK_RESCHED 1u
#define WORK_SIGNAL  2u
#define WORK_RSEQ    4u /* it was switched away, and has `rseq` set */
#define WORK_TRACE   8u /* a traced system call ends */
#define WORK_OOM     16u /* it was refused a page: the system call may have failed for that */

/* letter: locked by. r: the run queue's lock, w: the lock of the queue it waits on, o: the
 * thread itself only */
struct thread {
	struct x86_thread x86;   /* o: saved machine state, see kernel/x86/thread.h */
	struct pmap *pmap;       /* o: address space loaded while it runs; NULL: any (kernel thread) */
	void *kstack;            /* lowest byte of its kernel stack, KSTACK_SIZE long */
	enum thread_state state; /* r; the thread itself while it runs */
	u32 work;                /* WORK_ bits; set from interrupts, tested on the way to user mode */
	bool rseq;               /* o: wants to know that it was switched away */
	struct sched_entity sched; /* r: its place in the run queue, and its share */
	struct list_head wait;   /* w: on a wait queue or a mutex */
	u64 utime_ns, stime_ns;  /* o: charged by the tick */
	u32 nvcsw, nivcsw;       /* o: switches, voluntary and not */
	u32 minflt, majflt;      /* o: page faults without and with I/O */
	u32 fail_nth;            /* o: this allocation of its from now on fails; 0: none does */
	bool alloc_failed;       /* o: one has (mm/fail_nth.h) */
};

static inline struct thread *current_thread(void)
{
	return this_cpu()->thread;
}

/* Makes a new thread runnable: x86_thread_init() has been called, the rest of the struct is zeroes
 * but for pmap and kstack, and `sched` where it is not to be SCHED_OTHER at nice 0. Its function is
 * entered with interrupts off. */
void thread_start(struct thread *t);

/* What thread_start() begins with, from the one that forks. */
void thread_inherit_sched(struct thread *t, const struct thread *parent);

/* Another policy, priority or nice value for a thread that was started: runq_set_policy(). Among those
 * of its new priority it is the last, but the first if it had a higher one (sched(7)). */
void thread_set_policy(struct thread *t, u32 policy, u32 priority, s32 nice);

/* Changes the running thread's address space, and loads it. NULL: the kernel's own, so that the
 * one it had may be destroyed. */
void thread_set_pmap(struct pmap *pm);

/* The running thread never runs again. See "Death" above. */
__noreturn void thread_exit(void);

/* Gives the CPU to whose turn it is. The caller has set its own state; one that is still T_RUNNABLE
 * stays in the queue, and may be the one. Clears WORK_RESCHED. */
void schedule(void);

/* A place in a long call where others run if it is their turn. The caller may hold mutexes. */
static inline void sched_point(void)
{
	if (unlikely(READ_ONCE(current_thread()->work) & WORK_RESCHED))
		schedule();
}

/* Stays runnable, but lets all run once that are runnable now. (SCHED_FIFO and SCHED_RR: all of the
 * same priority.) */
void yield(void);

/* Wakes a sleeping thread; returns whether it did. Any context. */
bool thread_wake(struct thread *t);
bool thread_wake_if(struct thread *t, u32 state_mask); /* mask of 1u << enum thread_state */

/* The tick: charges the running thread, and ends its slice when that is over. Interrupt context. */
void sched_tick(bool user_mode, u32 ns);

/* The boot thread, its work done, becomes this CPU's idle thread. */
__noreturn void idle_loop(void);

/* For /proc: threads running or ready, and switches since boot. */
u32 sched_nr_running(void);
u64 sched_nr_switches(void);

/* --- Wait queues: threads waiting for a condition that the waker makes true. --- */

struct waitq {
	struct spinlock lock; /* taken with irqsave: interrupts wake too */
	struct list_head waiters;
};

#define WAITQ_INIT(q) {.lock = SPINLOCK_INIT("waitq"), .waiters = LIST_HEAD_INIT((q).waiters)}

struct waiter {
	struct list_head link;
	struct thread *thread;
	void (*wake)(struct waiter *w); /* called instead of waking `thread`; NULL: wakes it */
};

void waitq_init(struct waitq *q);
/* Wakes all who wait; they look at their conditions again. Any context. */
void waitq_wake_all(struct waitq *q);

/* Whether anybody waits: for who changed the condition under a lock that those who wait take to look at
 * it, so that he misses nobody who saw the old one. */
static inline bool waitq_awaited(const struct waitq *q)
{
	return READ_ONCE(q->waiters.next) != &q->waiters;
}

/* Puts the waiter on the queue and marks the thread asleep in `state`, before the condition is
 * tested for the last time. finish undoes both, also when already woken. One thread may prepare
 * on several queues (poll), each with its own waiter. */
void waitq_prepare(struct waitq *q, struct waiter *w, enum thread_state state);
void waitq_finish(struct waitq *q, struct waiter *w);

/* For who watches a queue without sleeping: `wake` is called whenever the queue is woken, with its
 * lock held, perhaps from an interrupt, until leave has returned. */
void waitq_enter(struct waitq *q, struct waiter *w, void (*wake)(struct waiter *w));
void waitq_leave(struct waitq *q, struct waiter *w);

/* True when the sleep must end for a signal. Implemented by kernel/proc/signal.c. */
bool signal_pending(void);

/* Sleeps until `cond` holds. Evaluates to 0, or -EINTR when a signal came first. */
#define wait_event_interruptible(q, cond)                                                          \
	({                                                                                         \
		long ret_ = 0;                                                                     \
		struct waiter w_;                                                                  \
		while (!(cond)) {                                                                  \
			waitq_prepare((q), &w_, T_INTERRUPTIBLE);                                  \
			if (!(cond)) {                                                             \
				if (signal_pending())                                              \
					ret_ = -4;                                                 \
				else                                                               \
					schedule();                                                \
			}                                                                          \
			waitq_finish((q), &w_);                                                    \
			if (ret_)                                                                  \
				break;                                                             \
		}                                                                                  \
		ret_;                                                                              \
	})

#define wait_event(q, cond)                                                                        \
	do {                                                                                       \
		struct waiter w_;                                                                  \
		while (!(cond)) {                                                                  \
			waitq_prepare((q), &w_, T_UNINTERRUPTIBLE);                                \
			if (!(cond))                                                               \
				schedule();                                                        \
			waitq_finish((q), &w_);                                                    \
		}                                                                                  \
	} while (0)

#endif
