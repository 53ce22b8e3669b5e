/* The order in which threads run, the clock in the test's hand. */
#include "kernel/core/runq.h"
#include "kernel/abi/sched.h"
#include "kernel/core/selftest.h"
#include "kernel/lib/string.h"

#define MS      1000000ull
#define TICK    (4 * MS)
#define NR_HOGS 4u

/* A CPU on which threads run that never sleep, unless the test has them do so. */
struct fake_cpu {
	struct runq q;
	struct sched_entity hog[NR_HOGS];
	u64 ran[NR_HOGS], now;
};

static void add(struct fake_cpu *c, u32 i, u32 policy, u32 priority, s32 nice)
{
	runq_set_policy(&c->hog[i], policy, priority, nice);
	runq_enter_new(&c->q, &c->hog[i]);
}

static struct fake_cpu new_cpu(void)
{
	return (struct fake_cpu){.q = RUNQ_INIT(NULL)};
}

static u32 who_runs(const struct fake_cpu *c)
{
	return (u32)(c->q.running - c->hog);
}

/* As schedule() does, for one that stays runnable. */
static void reschedule(struct fake_cpu *c, bool last)
{
	if (c->q.running)
		runq_enter_again(&c->q, c->q.running, last || runq_rotates(&c->q));
	runq_pick(&c->q);
}

static void pass(struct fake_cpu *c, u64 ns)
{
	c->ran[who_runs(c)] += ns;
	c->now += ns;
	runq_charge(&c->q, c->now);
}

static void ticks(struct fake_cpu *c, u32 n)
{
	while (n--) {
		pass(c, TICK);
		if (runq_slice_over(&c->q))
			reschedule(c, false);
	}
}

/* Who runs sleeps, and another one goes on. */
static struct sched_entity *doze(struct fake_cpu *c)
{
	struct sched_entity *e = c->q.running;

	runq_pick(&c->q);
	return e;
}

/* Returns whether the one that wakes runs now. */
static bool wake(struct fake_cpu *c, struct sched_entity *e)
{
	runq_enter_woken(&c->q, e);
	if (!runq_preempts(&c->q, e))
		return false;
	reschedule(c, false);
	return c->q.running == e;
}

static u32 percent(const struct fake_cpu *c, u32 i)
{
	return (u32)(c->ran[i] * 100 / c->now);
}

KTEST(runq, shares_follow_nice)
{
	struct fake_cpu c = new_cpu();

	add(&c, 0, SCHED_OTHER, 0, 0);
	add(&c, 1, SCHED_OTHER, 0, 5);
	add(&c, 2, SCHED_BATCH, 0, 0);
	add(&c, 3, SCHED_IDLE, 0, 0);
	runq_pick(&c.q);
	ticks(&c, 5000);
	KEXPECT(percent(&c, 0) >= 42 && percent(&c, 0) <= 44);
	KEXPECT(percent(&c, 1) >= 13 && percent(&c, 1) <= 15);
	KEXPECT(percent(&c, 2) >= 42 && percent(&c, 2) <= 44);
	KEXPECT_EQ(percent(&c, 3), 0);
	KEXPECT(c.ran[3] > 0);
}

KTEST(runq, a_slice_is_short)
{
	struct fake_cpu c = new_cpu();

	for (u32 i = 0; i < NR_HOGS; i++)
		add(&c, i, SCHED_OTHER, 0, 0);
	runq_pick(&c.q);
	for (u32 i = 0; i < 40; i++) {
		KEXPECT_EQ(who_runs(&c), i % NR_HOGS);
		ticks(&c, 1);
	}
}

/* A busy thread and one that works a little whenever it wakes. */
static void busy_and_sleeper(struct fake_cpu *c, u32 policy)
{
	*c = new_cpu();
	add(c, 0, policy, 0, 0);
	add(c, 1, SCHED_OTHER, 0, 0);
	runq_pick(&c->q);
	ticks(c, 10);
	if (who_runs(c) == 0)
		reschedule(c, true);
}

KTEST(runq, who_wakes_preempts)
{
	struct fake_cpu c;
	struct sched_entity *e;

	busy_and_sleeper(&c, SCHED_OTHER);
	e = doze(&c);
	ticks(&c, 1);
	for (u32 i = 0; i < 1000; i++) {
		KEXPECT_EQ(who_runs(&c), 0);
		pass(&c, 1 * MS);
		KEXPECT(wake(&c, e));
		pass(&c, MS / 10);
		KEXPECT(doze(&c) == e);
	}
}

/* Two that wake each other do not stop each other on the way. */
KTEST(runq, equals_are_left_in_peace)
{
	struct fake_cpu c;
	struct sched_entity *e;

	busy_and_sleeper(&c, SCHED_OTHER);
	e = doze(&c);
	pass(&c, 10 * MS);
	KEXPECT(wake(&c, e));
	pass(&c, 3 * MS);
	KEXPECT(doze(&c) == e);
	pass(&c, MS / 2);
	KEXPECT(!wake(&c, e));
}

/* A long sleep is not saved up, and who mostly works is not favoured for sleeping now and then. */
KTEST(runq, sleep_is_worth_little)
{
	struct fake_cpu c;
	struct sched_entity *e;

	busy_and_sleeper(&c, SCHED_OTHER);
	e = doze(&c);
	ticks(&c, 1000000);
	KEXPECT(wake(&c, e));
	c.ran[0] = c.ran[1] = 0;
	ticks(&c, 10);
	KEXPECT(c.ran[0] >= 4 * TICK);

	busy_and_sleeper(&c, SCHED_OTHER);
	for (u32 i = 0; i < 10000; i++) {
		u64 had = c.ran[1];

		while (c.ran[1] < had + 2 * TICK)
			ticks(&c, 1);
		if (who_runs(&c) != 1)
			continue;
		e = doze(&c);
		pass(&c, MS / 2);
		wake(&c, e);
	}
	KEXPECT(percent(&c, 0) >= 40 && percent(&c, 1) >= 40);
}

KTEST(runq, batch_waits_and_idle_gives_way)
{
	struct fake_cpu c;
	struct sched_entity *e;

	busy_and_sleeper(&c, SCHED_OTHER);
	e = doze(&c);
	runq_set_policy(e, SCHED_BATCH, 0, 0);
	pass(&c, 20 * MS);
	KEXPECT(!wake(&c, e));
	KEXPECT(runq_slice_over(&c.q));

	busy_and_sleeper(&c, SCHED_IDLE);
	e = doze(&c);
	runq_set_policy(e, SCHED_BATCH, 0, 0);
	KEXPECT(wake(&c, e));
}

/* The weight of who wakes decides how far behind it must be. */
KTEST(runq, nice_ones_wait)
{
	struct fake_cpu c;
	struct sched_entity *e;

	busy_and_sleeper(&c, SCHED_OTHER);
	e = doze(&c);
	runq_set_policy(e, SCHED_OTHER, 0, 19);
	pass(&c, 20 * MS);
	KEXPECT(!wake(&c, e));
}

KTEST(runq, realtime_comes_first)
{
	struct fake_cpu c = new_cpu();
	struct sched_entity *e;

	add(&c, 0, SCHED_OTHER, 0, -20);
	add(&c, 1, SCHED_FIFO, 10, 0);
	add(&c, 2, SCHED_FIFO, 20, 0);
	add(&c, 3, SCHED_FIFO, 10, 0);
	runq_pick(&c.q);
	KEXPECT_EQ(who_runs(&c), 2);
	ticks(&c, 50);
	KEXPECT_EQ(who_runs(&c), 2);
	e = doze(&c);
	KEXPECT_EQ(who_runs(&c), 1);
	KEXPECT(wake(&c, e));
	doze(&c);
	KEXPECT_EQ(who_runs(&c), 1); /* it was interrupted: still before its equal */
	reschedule(&c, true);
	KEXPECT_EQ(who_runs(&c), 3);
	doze(&c);
	doze(&c);
	KEXPECT_EQ(who_runs(&c), 0);
	KEXPECT(wake(&c, e));
}

KTEST(runq, round_robin)
{
	struct fake_cpu c = new_cpu();

	add(&c, 0, SCHED_RR, 5, 0);
	add(&c, 1, SCHED_RR, 5, 0);
	add(&c, 2, SCHED_RR, 4, 0);
	runq_pick(&c.q);
	ticks(&c, 24);
	KEXPECT_EQ(who_runs(&c), 0);
	ticks(&c, 1);
	KEXPECT_EQ(who_runs(&c), 1);
	ticks(&c, 25);
	KEXPECT_EQ(who_runs(&c), 0);
	KEXPECT_EQ(c.ran[2], 0);
}

KTEST(runq, realtime_leaves_a_little)
{
	struct fake_cpu c = new_cpu();

	add(&c, 0, SCHED_OTHER, 0, 0);
	add(&c, 1, SCHED_FIFO, 99, 0);
	runq_pick(&c.q);
	ticks(&c, 2500);
	KEXPECT(percent(&c, 0) >= 4 && percent(&c, 0) <= 5);
}

/* Random comings and goings: the queue is in order, and nobody waits for ever. */
KTEST(runq, stream)
{
	struct fake_cpu c = new_cpu();
	struct sched_entity *asleep = NULL;

	for (u32 i = 0; i < NR_HOGS; i++)
		add(&c, i, SCHED_OTHER, 0, (s32)i * 3 - 4);
	runq_pick(&c.q);
	for (u32 i = 0; i < 20000; i++) {
		pass(&c, ktest_random() % (2 * TICK));
		if (asleep && ktest_random() % 2) {
			wake(&c, asleep);
			asleep = NULL;
		} else if (!asleep && ktest_random() % 2) {
			asleep = doze(&c);
		} else {
			reschedule(&c, ktest_random() % 4 == 0);
		}
		KEXPECT_EQ(ravl_check(&c.q.fair), (int)c.q.nr);
		for (struct ravl_node *n = c.q.fair.first; n && n->next; n = n->next)
			KEXPECT(ravl_entry(n, struct sched_entity, node)->vtime_ns <=
				ravl_entry(n->next, struct sched_entity, node)->vtime_ns);
	}
	for (u32 i = 0; i < NR_HOGS; i++)
		KEXPECT(percent(&c, i) >= 2);
}
