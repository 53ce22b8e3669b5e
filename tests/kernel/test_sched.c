/* Threads, wait queues and the run queue. */
#include "kernel/abi/sched.h"
#include "kernel/core/clock.h"
#include "kernel/core/kthread.h"
#include "kernel/core/selftest.h"
#include "kernel/x86/trap.h"

#define NR_THREADS 8u

static void count_once(void *arg)
{
	(*(u32 *)arg)++;
}

KTEST(sched, thread_runs_and_is_joined)
{
	u32 count = 0;
	struct thread *t = kthread_create("once", count_once, &count);

	KREQUIRE(t);
	KEXPECT_EQ(count, 0); /* a new thread waits for its turn */
	kthread_join(t);
	KEXPECT_EQ(count, 1);
}

KTEST(sched, join_after_the_end)
{
	u32 count = 0;
	struct thread *t = kthread_create("once", count_once, &count);

	KREQUIRE(t);
	yield();
	KEXPECT_EQ(count, 1);
	KEXPECT_EQ(t->state, T_DEAD);
	kthread_join(t);
}

static u32 turn[NR_THREADS * 4], nr_turns;

static void take_turns(void *arg)
{
	for (u32 i = 0; i < 4; i++) {
		turn[nr_turns++] = (u32)arg;
		yield();
	}
}

KTEST(sched, yield_goes_round)
{
	struct thread *t[NR_THREADS];

	nr_turns = 0;
	for (u32 i = 0; i < NR_THREADS; i++) {
		t[i] = kthread_create("turns", take_turns, (void *)i);
		KREQUIRE(t[i]);
	}
	for (u32 i = 0; i < NR_THREADS; i++)
		kthread_join(t[i]);
	KREQUIRE(nr_turns == NR_THREADS * 4);
	for (u32 i = 0; i < nr_turns; i++)
		KEXPECT_EQ(turn[i], i % NR_THREADS);
}

/* Two threads that hand a ball to each other through one wait queue each. */
struct rally {
	struct waitq queue[2];
	u32 side, hits;
};

static void play(struct rally *r, u32 side)
{
	for (u32 i = 0; i < 1000; i++) {
		wait_event(&r->queue[side], READ_ONCE(r->side) == side);
		r->hits++;
		r->side = 1 - side;
		waitq_wake_all(&r->queue[1 - side]);
	}
}

static void play_away(void *arg)
{
	play(arg, 1);
}

KTEST(sched, ping_pong)
{
	struct rally r = {.side = 0};
	struct thread *t;

	waitq_init(&r.queue[0]);
	waitq_init(&r.queue[1]);
	t = kthread_create("away", play_away, &r);
	KREQUIRE(t);
	play(&r, 0);
	kthread_join(t);
	KEXPECT_EQ(r.hits, 2000);
	KEXPECT(list_empty(&r.queue[0].waiters));
	KEXPECT(list_empty(&r.queue[1].waiters));
}

static struct waitq gate;
static bool open;
static u32 through;

static void wait_at_gate(void *arg)
{
	wait_event(&gate, READ_ONCE(open));
	through++;
}

KTEST(sched, wake_all)
{
	struct thread *t[NR_THREADS];

	waitq_init(&gate);
	open = false;
	through = 0;
	for (u32 i = 0; i < NR_THREADS; i++) {
		t[i] = kthread_create("gate", wait_at_gate, NULL);
		KREQUIRE(t[i]);
	}
	yield();
	waitq_wake_all(&gate); /* for nothing: all go back to sleep */
	yield();
	KEXPECT_EQ(through, 0);
	open = true;
	waitq_wake_all(&gate);
	for (u32 i = 0; i < NR_THREADS; i++)
		kthread_join(t[i]);
	KEXPECT_EQ(through, NR_THREADS);
	KEXPECT(list_empty(&gate.waiters));
}

KTEST(sched, wake_hits_only_sleepers)
{
	struct thread *t;

	waitq_init(&gate);
	open = false;
	t = kthread_create("gate", wait_at_gate, NULL);
	KREQUIRE(t);
	KEXPECT(!thread_wake(t)); /* has not run yet */
	KEXPECT(!thread_wake(current_thread()));
	yield();
	KEXPECT_EQ(t->state, T_UNINTERRUPTIBLE);
	KEXPECT(!thread_wake_if(t, 1u << T_INTERRUPTIBLE | 1u << T_STOPPED));
	KEXPECT(thread_wake(t));
	KEXPECT(!thread_wake(t));
	open = true;
	kthread_join(t);
}

/* The order that loses wake-ups when done wrong: woken between prepare and schedule(). */
KTEST(sched, wake_before_sleep)
{
	struct waitq q = WAITQ_INIT(q);
	struct waiter w;

	waitq_prepare(&q, &w, T_UNINTERRUPTIBLE);
	waitq_wake_all(&q);
	KEXPECT_EQ(current_thread()->state, T_RUNNABLE);
	schedule();
	waitq_finish(&q, &w);
	KEXPECT(list_empty(&q.waiters));
}

KTEST(sched, wait_on_several_queues)
{
	struct waitq q[3];
	struct waiter w[3];

	for (u32 i = 0; i < 3; i++) {
		waitq_init(&q[i]);
		waitq_prepare(&q[i], &w[i], T_INTERRUPTIBLE);
	}
	waitq_wake_all(&q[1]);
	schedule();
	for (u32 i = 0; i < 3; i++) {
		waitq_finish(&q[i], &w[i]);
		KEXPECT(list_empty(&q[i].waiters));
	}
	KEXPECT_EQ(current_thread()->state, T_RUNNABLE);
}

static void busy(void *arg)
{
	u64 until = clock_ticks + 20; /* ticks that came, however late the host let them */

	while (clock_ticks < until)
		barrier();
	*(bool *)arg = READ_ONCE(current_thread()->work) & WORK_RESCHED;
}

KTEST(sched, slice_ends)
{
	bool asked = false;
	struct thread *t = kthread_create("busy", busy, &asked);

	KREQUIRE(t);
	yield(); /* we are in the queue while it runs */
	while (t->state != T_DEAD)
		yield();
	kthread_join(t);
	KEXPECT(asked);
}

/* Runs until it is so far ahead of `t` that this one may preempt it; the tick charges it. */
static void run_ahead_of(const struct thread *t)
{
	while (READ_ONCE(current_thread()->sched.vtime_ns) < t->sched.vtime_ns + 2 * RUNQ_WAKEUP_NS)
		barrier();
}

static bool asked_to_give_way(void)
{
	return READ_ONCE(current_thread()->work) & WORK_RESCHED;
}

/* Whether a thread that waits at the gate has the one that opens it give way. */
static bool woken_preempts(u32 policy)
{
	struct thread *t;
	bool asked;

	waitq_init(&gate);
	open = false;
	t = kthread_create("gate", wait_at_gate, NULL);
	if (!t)
		return false;
	thread_set_policy(t, policy, 0, 0);
	yield();
	run_ahead_of(t);
	open = true;
	schedule(); /* clears what a tick asked for */
	irq_disable();
	waitq_wake_all(&gate);
	asked = asked_to_give_way();
	irq_enable();
	kthread_join(t);
	return asked;
}

KTEST(sched, who_wakes_preempts)
{
	KEXPECT(woken_preempts(SCHED_OTHER));
	KEXPECT(!woken_preempts(SCHED_BATCH));
}

/* A thread that waits to run becomes a realtime one. */
KTEST(sched, policy_of_who_waits)
{
	struct thread *t[2];

	nr_turns = 0;
	for (u32 i = 0; i < 2; i++) {
		t[i] = kthread_create("turns", take_turns, (void *)i);
		KREQUIRE(t[i]);
	}
	thread_set_policy(t[1], SCHED_FIFO, 1, 0);
	KEXPECT(asked_to_give_way());
	schedule();
	KREQUIRE(nr_turns >= 4);
	for (u32 i = 0; i < 4; i++) /* the realtime one, whole */
		KEXPECT_EQ(turn[i], 1);
	for (u32 i = 0; i < 2; i++)
		kthread_join(t[i]);
}
