/*
 * The scheduler: one run queue per CPU, whose order kernel/core/runq.h tells.
 *
 * The running thread is not on the queue. Before main() is done the boot thread is an ordinary
 * thread and there is no idle thread: when all sleep, schedule() waits for an interrupt on the
 * stack of whoever slept last. Afterwards the boot thread is the idle thread.
 */
#include "kernel/core/sched.h"
#include "kernel/abi/sched.h"
#include "kernel/core/clock.h"
#include "kernel/lib/kassert.h"
#include "kernel/x86/trap.h"
#include "mm/pmap.h"

#define MASK_ASLEEP (1u << T_INTERRUPTIBLE | 1u << T_UNINTERRUPTIBLE)

/* A CPU's runnable threads. Its lock is taken inside wait queues' and mutexes' locks, and nothing
 * is taken inside it. */
struct run_queue {
	struct spinlock lock; /* irqsave */
	struct runq order;
	u64 switches;
};

static struct thread boot_thread = {
	.wait = LIST_HEAD_INIT(boot_thread.wait),
	.sched = {.weight = NICE_0_WEIGHT},
};

struct cpu cpus[NR_CPUS] = {{.thread = &boot_thread}};

static struct run_queue run_queues[NR_CPUS] = {{
	.lock = SPINLOCK_INIT("run queue"),
	.order = RUNQ_INIT(&boot_thread.sched),
}};

static struct run_queue *this_rq(void)
{
	return &run_queues[this_cpu()->id];
}

/* The running thread gives way on its return to user mode. */
static void resched(void)
{
	__atomic_fetch_or(&current_thread()->work, WORK_RESCHED, __ATOMIC_RELAXED);
}

void thread_start(struct thread *t)
{
	struct run_queue *rq = this_rq();
	u32 flags;

	list_init(&t->wait);
	if (!t->sched.weight)
		runq_set_policy(&t->sched, SCHED_OTHER, 0, 0);
	t->state = T_RUNNABLE;
	flags = spin_lock_irqsave(&rq->lock);
	runq_enter_new(&rq->order, &t->sched);
	spin_unlock_irqrestore(&rq->lock, flags);
}

void thread_inherit_sched(struct thread *t, const struct thread *parent)
{
	const struct sched_entity *from = &parent->sched;

	t->sched = (struct sched_entity){
		.vtime_ns = from->vtime_ns,
		.weight = from->weight,
		.policy = from->policy,
		.priority = from->priority,
	};
}

void thread_set_policy(struct thread *t, u32 policy, u32 priority, s32 nice)
{
	struct run_queue *rq = this_rq();
	u32 flags = spin_lock_irqsave(&rq->lock);
	bool waits = t->sched.waits, lowered = priority && priority < t->sched.priority;

	runq_charge(&rq->order, clock_monotonic_ns());
	if (waits)
		runq_leave(&rq->order, &t->sched);
	runq_set_policy(&t->sched, policy, priority, nice);
	if (waits && lowered)
		runq_enter_again(&rq->order, &t->sched, false);
	else if (waits)
		runq_enter_woken(&rq->order, &t->sched);
	if (rq->order.nr)
		resched();
	spin_unlock_irqrestore(&rq->lock, flags);
}

/* Caller holds the run queue's lock. */
static void enter_woken(struct runq *order, struct thread *t)
{
	runq_charge(order, clock_monotonic_ns());
	runq_enter_woken(order, &t->sched);
	if (runq_preempts(order, &t->sched))
		resched();
}

bool thread_wake_if(struct thread *t, u32 state_mask)
{
	struct run_queue *rq = this_rq();
	u32 flags = spin_lock_irqsave(&rq->lock);
	bool woken = state_mask & 1u << t->state;

	if (woken) {
		t->state = T_RUNNABLE;
		if (t != this_cpu()->thread)
			enter_woken(&rq->order, t);
	}
	spin_unlock_irqrestore(&rq->lock, flags);
	return woken;
}

bool thread_wake(struct thread *t)
{
	return thread_wake_if(t, MASK_ASLEEP);
}

/* One instruction turns interrupts on and the next halts, so that no wake-up comes in between.
 * Returns after an interrupt, with interrupts off. */
static void wait_for_interrupt(void)
{
	__asm__ volatile("sti; hlt; cli" ::: "memory");
}

/* Before there is an idle thread: waits until the queue has somebody. `prev`, still this CPU's
 * thread, is not queued by its waker. Holds rq->lock, but not while waiting. */
static void wait_for_thread(struct run_queue *rq, struct thread *prev)
{
	while (!rq->order.nr) {
		spin_unlock(&rq->lock);
		wait_for_interrupt();
		spin_lock(&rq->lock);
		if (prev->state == T_RUNNABLE)
			enter_woken(&rq->order, prev);
	}
}

/* Takes the next thread off the queue. Caller holds rq->lock. */
static struct thread *pick_next(struct run_queue *rq, struct thread *prev)
{
	struct sched_entity *next = runq_pick(&rq->order);

	if (unlikely(!next)) {
		if (this_cpu()->idle)
			return this_cpu()->idle;
		wait_for_thread(rq, prev);
		next = runq_pick(&rq->order);
	}
	return container_of(next, struct thread, sched);
}

/* Interrupts are off. Returns when `prev` runs again. */
static void switch_to(struct thread *prev, struct thread *next)
{
	struct cpu *c = this_cpu();

	if (next->pmap)
		pmap_activate(next->pmap);
	c->thread = next;
	/* struct task begins with its struct thread, and only tasks have a user half. */
	c->task = next->x86.user ? (struct task *)next : NULL;
	x86_switch(&prev->x86, &next->x86);
}

static void requeue(struct run_queue *rq, struct thread *prev, bool last)
{
	if (prev->state != T_RUNNABLE) {
		prev->nvcsw++;
		return;
	}
	prev->nivcsw++;
	if (prev != this_cpu()->idle)
		runq_enter_again(&rq->order, &prev->sched, last || runq_rotates(&rq->order));
}

/* `last`: the running thread goes behind the others. */
static void give_way(bool last)
{
	struct run_queue *rq = this_rq();
	struct thread *prev = current_thread(), *next;
	u32 flags;

	assert_may_sleep();
	flags = spin_lock_irqsave(&rq->lock);
	__atomic_fetch_and(&prev->work, ~WORK_RESCHED, __ATOMIC_RELAXED);
	runq_charge(&rq->order, clock_monotonic_ns());
	requeue(rq, prev, last);
	next = pick_next(rq, prev);
	rq->switches += next != prev;
	spin_unlock(&rq->lock);
	if (next != prev && prev->rseq)
		__atomic_fetch_or(&prev->work, WORK_RSEQ, __ATOMIC_RELAXED);
	if (next != prev)
		switch_to(prev, next);
	irq_restore(flags);
}

void schedule(void)
{
	give_way(false);
}

void yield(void)
{
	kassert(current_thread()->state == T_RUNNABLE);
	give_way(true);
}

void thread_set_pmap(struct pmap *pm)
{
	current_thread()->pmap = pm;
	pmap_activate(pm);
}

void thread_exit(void)
{
	irq_disable();
	current_thread()->state = T_DEAD;
	schedule();
	panic("a dead thread ran");
}

void idle_loop(void)
{
	struct cpu *c = this_cpu();

	c->idle = c->thread;
	this_rq()->order.running = NULL;
	for (;;) {
		irq_disable();
		if (!this_rq()->order.nr)
			wait_for_interrupt();
		irq_enable();
		if (this_rq()->order.nr)
			schedule();
	}
}

void sched_tick(bool user_mode, u32 ns)
{
	struct thread *t = current_thread();
	struct runq *order = &this_rq()->order;

	if (user_mode)
		t->utime_ns += ns;
	else
		t->stime_ns += ns;
	runq_charge(order, clock_monotonic_ns());
	if (runq_slice_over(order))
		resched();
}

u32 sched_nr_running(void)
{
	const struct cpu *c = this_cpu();

	return this_rq()->order.nr + (c->thread != c->idle);
}

u64 sched_nr_switches(void)
{
	return this_rq()->switches;
}

void waitq_init(struct waitq *q)
{
	spin_init(&q->lock, "waitq");
	list_init(&q->waiters);
}

void waitq_wake_all(struct waitq *q)
{
	u32 flags = spin_lock_irqsave(&q->lock);
	struct waiter *w;

	list_for_each_entry (w, &q->waiters, link) {
		if (w->wake)
			w->wake(w);
		else
			thread_wake(w->thread);
	}
	spin_unlock_irqrestore(&q->lock, flags);
}

void waitq_prepare(struct waitq *q, struct waiter *w, enum thread_state state)
{
	u32 flags = spin_lock_irqsave(&q->lock);

	w->thread = current_thread();
	w->wake = NULL;
	list_add_tail(&w->link, &q->waiters);
	w->thread->state = state;
	spin_unlock_irqrestore(&q->lock, flags);
}

void waitq_enter(struct waitq *q, struct waiter *w, void (*wake)(struct waiter *w))
{
	u32 flags = spin_lock_irqsave(&q->lock);

	w->thread = NULL;
	w->wake = wake;
	list_add_tail(&w->link, &q->waiters);
	spin_unlock_irqrestore(&q->lock, flags);
}

void waitq_leave(struct waitq *q, struct waiter *w)
{
	u32 flags = spin_lock_irqsave(&q->lock);

	list_del(&w->link);
	spin_unlock_irqrestore(&q->lock, flags);
}

void waitq_finish(struct waitq *q, struct waiter *w)
{
	u32 flags = spin_lock_irqsave(&q->lock);

	list_del(&w->link);
	w->thread->state = T_RUNNABLE;
	spin_unlock_irqrestore(&q->lock, flags);
}
