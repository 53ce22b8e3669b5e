/* The clock and its timers. Under an emulator a tick may come late; it never comes early. */
#include "kernel/core/bootinfo.h"
#include "kernel/core/clock.h"
#include "kernel/core/sched.h"
#include "kernel/core/selftest.h"
#include "kernel/x86/features.h"
#include "kernel/x86/io.h"
#include "kernel/x86/trap.h"
#include "mm/vmalloc.h"

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

/* --- Many timers --- */

#define MANY 4000u

struct numbered_timer {
	struct timer timer;
	u32 number; /* in the order of arming */
};

static u32 armed, out_of_order;
static const struct numbered_timer *last;

static void note_order(struct timer *t)
{
	const struct numbered_timer *n = container_of(t, struct numbered_timer, timer);

	if (last && (last->timer.expires_ns > t->expires_ns ||
			    (last->timer.expires_ns == t->expires_ns && last->number > n->number)))
		out_of_order++;
	last = n;
	nr_fired++;
}

/* One of few times, all of them past. */
static void arm_numbered(struct numbered_timer *n)
{
	n->number = armed++;
	timer_arm(&n->timer, 1 + ktest_random() % (MANY / 4), note_order);
}

KTEST(clock, thousands_fire_in_order_those_of_one_time_as_they_were_armed)
{
	struct numbered_timer *many = vmalloc(MANY * sizeof(*many));
	u32 flags, cancelled = 0;

	KREQUIRE(many);
	armed = nr_fired = out_of_order = 0;
	last = NULL;
	flags = irq_save();
	for (u32 i = 0; i < MANY; i++) {
		many[i].timer.pending = false;
		arm_numbered(&many[i]);
	}
	for (u32 i = 0; i < MANY; i += 2)
		arm_numbered(&many[ktest_random() % MANY]);
	for (u32 i = 0; i < MANY; i += 3)
		cancelled += timer_cancel(&many[ktest_random() % MANY].timer);
	KEXPECT_EQ(nr_fired, 0);
	irq_restore(flags);
	while (nr_fired < MANY - cancelled)
		barrier();
	KEXPECT_EQ(out_of_order, 0);
	for (u32 i = 0; i < MANY; i++)
		KREQUIRE(!many[i].timer.pending);
	vfree(many);
}

/* --- Between ticks --- */

#define PIC1_DATA 0x21
#define IRQ0	  1u
#define QUIET_NS  (100 * 1000 * 1000ull) /* longer than what the console waits to show a line */

/* The 8259 keeps the tick to itself meanwhile. */
static void hold_tick(bool hold)
{
	u8 mask = inb(PIC1_DATA);

	outb(PIC1_DATA, (u8)(hold ? mask | IRQ0 : mask & ~IRQ0));
}

/* Waits for it; ten seconds are for a kernel where it does not come. */
static bool fires(const struct timer *t)
{
	u64 end = clock_monotonic_ns() + 10 * NSEC_PER_SEC;

	while (t->pending && clock_monotonic_ns() < end)
		barrier();
	return !t->pending;
}

/* For so much after the last tick. */
static void arm_after_tick(struct timer *t, u64 ns)
{
	timer_arm(t, clock_monotonic_coarse_ns() + ns, note_timer);
}

KTEST(clock, timers_before_the_next_tick_do_not_wait_for_it)
{
	u32 flags;
	u64 ticks;

	if (!cpu_features.apic || cmdline_get("nolapic", NULL, 0) >= 0) {
		ktest_skip("no local APIC");
		return;
	}
	nr_fired = 0;
	for (ticks = clock_ticks; clock_ticks == ticks;)
		barrier(); /* there may have been none yet */
	flags = irq_save();
	hold_tick(true);
	ticks = clock_ticks;
	arm_after_tick(&timers[1], TICK_NS * 3 / 4);
	arm_after_tick(&timers[0], TICK_NS / 2);
	arm_after_tick(&timers[2], TICK_NS * 7 / 8);
	irq_restore(flags);
	KEXPECT(fires(&timers[0]));
	KEXPECT(fires(&timers[1]));
	KEXPECT(fires(&timers[2]));
	KEXPECT(clock_monotonic_ns() >= timers[2].expires_ns);
	KEXPECT_EQ(clock_ticks, ticks);
	hold_tick(false);
	KREQUIRE(nr_fired == 3);
	KEXPECT(fired[0] == 0 && fired[1] == 1 && fired[2] == 2);
}

/* For a timer that a tick will see no device is asked. */
KTEST(clock, timers_behind_the_next_tick_wait_for_it)
{
	u32 flags;

	spin_until(clock_monotonic_ns() + QUIET_NS);
	flags = irq_save();
	hold_tick(true);
	arm_after_tick(&timers[0], TICK_NS);
	irq_restore(flags);
	spin_until(timers[0].expires_ns + TICK_NS);
	KEXPECT(timers[0].pending);
	hold_tick(false);
	KEXPECT(fires(&timers[0]));
}
