/* The clock and its timers. Under an emulator a tick may come late; it never comes early. */
#include "kernel/core/clock.h"
#include "kernel/core/sched.h"
#include "kernel/core/selftest.h"
#include "kernel/x86/trap.h"

static struct timer timers[4];
static u32 fired[8], nr_fired;

static void note_timer(struct timer *t)
{
	if (nr_fired < ARRAY_SIZE(fired))
		fired[nr_fired++] = (u32)(t - timers);
}

static void spin_until(u64 ns)
{
	while (clock_monotonic_ns() < ns)
		barrier();
}

KTEST(clock, monotonic)
{
	u64 last = clock_monotonic_ns(), start = last, now;

	for (u32 i = 0; i < 20000; i++) {
		now = clock_monotonic_ns();
		KREQUIRE(now >= last);
		last = now;
	}
	KEXPECT(last > start);
}

KTEST(clock, ticks_come_at_their_rate)
{
	u64 ticks = clock_ticks, start = clock_monotonic_ns();

	while (clock_ticks < ticks + HZ / 5)
		barrier();
	/* 200 ms by the tick; by the TSC between half and twenty times that, on a loaded host. */
	KEXPECT(clock_monotonic_ns() - start > NSEC_PER_SEC / 10);
	KEXPECT(clock_monotonic_ns() - start < 4 * NSEC_PER_SEC);
}

KTEST(clock, realtime_follows_monotonic)
{
	u64 saved = clock_realtime_ns(), before = clock_monotonic_ns(), now;

	KEXPECT(saved > 1600000000 * NSEC_PER_SEC); /* the machine's clock is after 2020 */
	clock_set_realtime_ns(12345 * NSEC_PER_SEC);
	now = clock_realtime_ns();
	KEXPECT(now >= 12345 * NSEC_PER_SEC && now < 12346 * NSEC_PER_SEC);
	clock_set_realtime_ns(saved + clock_monotonic_ns() - before);
}

KTEST(clock, timers_fire_in_order)
{
	u64 now = clock_monotonic_ns();

	nr_fired = 0;
	u32 flags = irq_save();
	timer_arm(&timers[0], now + 3 * TICK_NS, note_timer);
	timer_arm(&timers[1], now + 1 * TICK_NS, note_timer);
	timer_arm(&timers[2], now + 2 * TICK_NS, note_timer);
	KEXPECT_EQ(nr_fired, 0);
	irq_restore(flags);
	while (timers[0].pending)
		barrier();
	KREQUIRE(nr_fired == 3);
	KEXPECT_EQ(fired[0], 1);
	KEXPECT_EQ(fired[1], 2);
	KEXPECT_EQ(fired[2], 0);
	KEXPECT(clock_monotonic_ns() >= now + 3 * TICK_NS);
}

KTEST(clock, cancelled_timer_does_not_fire)
{
	u64 now = clock_monotonic_ns();

	nr_fired = 0;
	u32 flags = irq_save();
	timer_arm(&timers[0], now + 2 * TICK_NS, note_timer);
	KEXPECT(timer_cancel(&timers[0]));
	irq_restore(flags);
	KEXPECT(!timer_cancel(&timers[0]));
	spin_until(now + 5 * TICK_NS);
	KEXPECT_EQ(nr_fired, 0);
}

KTEST(clock, timer_can_be_moved)
{
	u64 now = clock_monotonic_ns();

	nr_fired = 0;
	timer_arm(&timers[0], now + 1000 * NSEC_PER_SEC, note_timer);
	timer_arm(&timers[1], now + 2000 * NSEC_PER_SEC, note_timer);
	timer_arm(&timers[0], now + TICK_NS, note_timer);
	while (timers[0].pending)
		barrier();
	KEXPECT_EQ(nr_fired, 1);
	KEXPECT(timer_cancel(&timers[1]));
}

KTEST(clock, timer_may_arm_itself_again)
{
	u64 now = clock_monotonic_ns();

	nr_fired = 0;
	for (u32 i = 0; i < 3; i++) {
		timer_arm(&timers[i % 2], clock_monotonic_ns() + TICK_NS, note_timer);
		while (timers[i % 2].pending)
			barrier();
	}
	KEXPECT_EQ(nr_fired, 3);
	KEXPECT(clock_monotonic_ns() >= now + 3 * TICK_NS);
}

KTEST(clock, alarm_wakes_a_sleeper)
{
	struct alarm_clock a;
	struct waitq q = WAITQ_INIT(q);
	u64 until = clock_monotonic_ns() + 3 * TICK_NS;

	alarm_clock_arm(&a, until);
	wait_event(&q, READ_ONCE(a.expired));
	alarm_clock_cancel(&a);
	KEXPECT(clock_monotonic_ns() >= until);
}
