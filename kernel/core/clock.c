/* Time: the TSC scaled to nanoseconds, the tick, and the timers in the order of their time. */
#include "kernel/core/clock.h"
#include "kernel/core/cpustat.h"
#include "kernel/core/lock.h"
#include "kernel/core/ntp.h"
#include "kernel/core/sched.h"
#include "kernel/x86/features.h"
#include "kernel/x86/io.h"
#include "kernel/x86/lapic.h"
#include "kernel/x86/pit.h"
#include "kernel/x86/rtc.h"
#include "kernel/x86/trap.h"

volatile u64 clock_ticks;

union clock_page clock_page __section(".data.page_aligned");
#define clock (clock_page.data)

/* Guards `timers` and `realtime_timers`, ascending by expires_ns, changes of the clock's data, and
 * `ntp`. Nothing is taken inside it. */
static struct spinlock timer_lock = SPINLOCK_INIT("timers");
static struct ravl_root timers, realtime_timers;

static bool one_shot __ro_after_init; /* the local APIC interrupts for timers between ticks */

/* timer_lock: when the next tick is due; and when the next interrupt that looks at the timers, which
 * is the tick or asked for. Both 0 where none can be asked for, and so is the second while the timers
 * are being looked at. */
static u64 next_tick_ns, next_event_ns;

static u64 ticks_ns(void)
{
	u32 flags = irq_save();
	u64 ns = clock_ticks * TICK_NS;

	irq_restore(flags);
	return ns;
}

u64 clock_monotonic_ns(void)
{
	return likely(clock.mult) ? clock_tsc_ns(&clock, rdtsc()) : ticks_ns();
}

u32 clock_tsc_khz(void)
{
	return clock.mult ? (u32)((1000000ull << clock.shift) / clock.mult) : 0;
}

u64 clock_realtime_ns(void)
{
	u32 flags = spin_lock_irqsave(&timer_lock);
	u64 ns = clock_realtime_at(&clock, clock_monotonic_ns());

	spin_unlock_irqrestore(&timer_lock, flags);
	return ns;
}

/* The tick must not come between the two words. */
static u64 read_coarse(const u64 *clock_ns)
{
	u32 flags = irq_save();
	u64 ns = *clock_ns;

	irq_restore(flags);
	return ns;
}

u64 clock_monotonic_coarse_ns(void)
{
	return read_coarse(&clock.coarse_monotonic_ns);
}

u64 clock_realtime_coarse_ns(void)
{
	return read_coarse(&clock.coarse_realtime_ns);
}

/* Around changes of what the vDSO reads. Caller holds timer_lock. */
static void data_change_begin(void)
{
	WRITE_ONCE(clock.seq, clock.seq + 1);
	barrier();
}

static void data_change_end(u64 now)
{
	clock.coarse_monotonic_ns = now;
	clock.coarse_realtime_ns = clock_realtime_at(&clock, now);
	barrier();
	WRITE_ONCE(clock.seq, clock.seq + 1);
}

static struct ntp ntp; /* timer_lock */
static u64 next_second_ns; /* timer_lock: of the real-time clock, by the monotonic one */

/* From `now` on the clock says `realtime`, and goes as ntp has it. Caller holds timer_lock. */
static void set_course(u64 now, u64 realtime)
{
	data_change_begin();
	clock.realtime_offset_ns = realtime - now;
	clock.slew_since_ns = now;
	clock.slew_rate = (s32)(ntp_rate(&ntp) / (s64)NSEC_PER_SEC);
	clock.tai_offset = ntp.tai;
	data_change_end(now);
	next_second_ns = now + NSEC_PER_SEC - realtime % NSEC_PER_SEC;
}

/* With every tick. */
static void keep_course(u64 now)
{
	u32 flags = spin_lock_irqsave(&timer_lock);

	if (now >= next_second_ns) {
		ntp_second(&ntp);
		set_course(now, clock_realtime_at(&clock, now));
	} else {
		data_change_begin();
		data_change_end(now);
	}
	next_tick_ns = one_shot ? now + TICK_NS : 0;
	spin_unlock_irqrestore(&timer_lock, flags);
}

s32 clock_tai_offset(void)
{
	return clock.tai_offset;
}

s32 clock_adjust(struct abi_timex64 *x)
{
	u32 flags = spin_lock_irqsave(&timer_lock);
	u64 now = clock_monotonic_ns(), realtime = clock_realtime_at(&clock, now);
	s32 state = ntp_adjust(&ntp, x, (s64)(realtime / NSEC_PER_SEC));

	set_course(now, realtime);
	spin_unlock_irqrestore(&timer_lock, flags);
	x->sec = (s64)(realtime / NSEC_PER_SEC);
	x->usec = (s64)(realtime % NSEC_PER_SEC);
	if (!(x->status & STA_NANO))
		x->usec /= 1000;
	return state;
}

/* --- Timers --- */

static struct timer *timer_of(struct ravl_node *n)
{
	return ravl_entry(n, struct timer, node);
}

/* Those that tell their time by the same clock. */
static struct ravl_root *timers_like(const struct timer *t)
{
	return t->real ? &realtime_timers : &timers;
}

/* Behind those of the same time. Caller holds timer_lock. */
static void timer_insert(struct timer *t)
{
	struct ravl_node *n = timers_like(t)->node, *prev = NULL;

	while (n) {
		bool later = timer_of(n)->expires_ns > t->expires_ns;

		prev = later ? prev : n;
		n = later ? n->left : n->right;
	}
	ravl_insert_after(timers_like(t), prev, &t->node);
	t->pending = true;
}

/* Caller holds timer_lock. */
static void timer_remove(struct timer *t)
{
	if (t->pending)
		ravl_erase(timers_like(t), &t->node);
	t->pending = false;
}

/* Asks for an interrupt at that time, unless there will be one before. Caller holds timer_lock. */
static void need_event(u64 ns)
{
	u64 now;

	if (likely(ns >= next_event_ns))
		return;
	now = clock_monotonic_ns();
	lapic_timer_set(ns > now ? ns - now : 0);
	next_event_ns = ns;
}

/* The same for a time of the real-time clock. */
static void need_realtime_event(u64 realtime_ns)
{
	u64 now = clock_monotonic_ns(), realtime = clock_realtime_at(&clock, now);

	need_event(realtime_ns > realtime ? now + (realtime_ns - realtime) : now);
}

struct waitq clock_was_set = WAITQ_INIT(clock_was_set);

void clock_set_realtime_ns(u64 ns)
{
	u32 flags = spin_lock_irqsave(&timer_lock);

	ntp_clear(&ntp);
	set_course(clock_monotonic_ns(), ns);
	if (realtime_timers.first)
		need_realtime_event(timer_of(realtime_timers.first)->expires_ns);
	spin_unlock_irqrestore(&timer_lock, flags);
	waitq_wake_all(&clock_was_set);
}

static void arm(struct timer *t, u64 expires_ns, bool real, void (*fn)(struct timer *t))
{
	u32 flags = spin_lock_irqsave(&timer_lock);

	timer_remove(t);
	t->expires_ns = expires_ns;
	t->fn = fn;
	t->real = real;
	timer_insert(t);
	if (real)
		need_realtime_event(expires_ns);
	else
		need_event(expires_ns);
	spin_unlock_irqrestore(&timer_lock, flags);
}

void timer_arm(struct timer *t, u64 expires_ns, void (*fn)(struct timer *t))
{
	arm(t, expires_ns, false, fn);
}

void timer_arm_realtime(struct timer *t, u64 expires_ns, void (*fn)(struct timer *t))
{
	arm(t, expires_ns, true, fn);
}

bool timer_cancel(struct timer *t)
{
	u32 flags = spin_lock_irqsave(&timer_lock);
	bool pending = t->pending;

	timer_remove(t);
	spin_unlock_irqrestore(&timer_lock, flags);
	return pending;
}

u64 timer_forward(u64 *expires_ns, u64 interval_ns, u64 now)
{
	u64 n;

	if (*expires_ns > now)
		return 0;
	n = (now - *expires_ns) / interval_ns + 1;
	*expires_ns += n * interval_ns;
	return n;
}

/* The first timer whose time has come, or NULL. Caller holds timer_lock. */
static struct timer *timer_due(u64 now)
{
	struct ravl_node *first = timers.first, *real = realtime_timers.first;

	if (first && timer_of(first)->expires_ns <= now)
		return timer_of(first);
	if (real && timer_of(real)->expires_ns <= clock_realtime_at(&clock, now))
		return timer_of(real);
	return NULL;
}

/* Takes the first timer out if its time has come; if not, sees to it that it is looked at then. */
static struct timer *timer_pop(u64 now)
{
	u32 flags = spin_lock_irqsave(&timer_lock);
	struct timer *t = timer_due(now);

	next_event_ns = 0;
	if (t) {
		timer_remove(t);
	} else {
		next_event_ns = next_tick_ns;
		if (timers.first)
			need_event(timer_of(timers.first)->expires_ns);
		if (realtime_timers.first)
			need_realtime_event(timer_of(realtime_timers.first)->expires_ns);
	}
	spin_unlock_irqrestore(&timer_lock, flags);
	return t;
}

/* Both interrupts come here. */
static void run_timers(u64 now)
{
	struct timer *t;

	while ((t = timer_pop(now)))
		t->fn(t);
}

/* The local APIC's interrupt. */
static void on_event(void)
{
	run_timers(clock_monotonic_ns());
}

static void on_tick(struct trapframe *tf)
{
	bool user_mode = tf_from_user(tf);
	u64 now;

	clock_ticks++;
	sched_tick(user_mode, TICK_NS);
	cpustat_tick(user_mode, TICK_NS);
	now = clock_monotonic_ns();
	keep_course(now);
	run_timers(now);
}

static void alarm_clock_ring(struct timer *t)
{
	struct alarm_clock *a = container_of(t, struct alarm_clock, timer);

	a->expired = true;
	thread_wake(a->thread);
}

void alarm_clock_arm(struct alarm_clock *a, u64 expires_ns)
{
	alarm_clock_arm_by(a, (struct deadline){.ns = expires_ns});
}

void alarm_clock_arm_by(struct alarm_clock *a, struct deadline deadline)
{
	*a = (struct alarm_clock){.thread = current_thread()};
	if (deadline.ns != DEADLINE_NEVER)
		arm(&a->timer, deadline.ns, deadline.real, alarm_clock_ring);
}

void alarm_clock_cancel(struct alarm_clock *a)
{
	timer_cancel(&a->timer);
}

/* Until the alarm rings, which then is out of use. 0 or -EINTR. */
static long sleep_until_rung(struct alarm_clock *a)
{
	struct waitq nobody = WAITQ_INIT(nobody);
	long err = wait_event_interruptible(&nobody, READ_ONCE(a->expired));

	alarm_clock_cancel(a);
	return err;
}

long clock_sleep_until(u64 until_ns)
{
	struct alarm_clock alarm;

	if (clock_monotonic_ns() >= until_ns)
		return 0;
	alarm_clock_arm(&alarm, until_ns);
	return sleep_until_rung(&alarm);
}

long clock_sleep_until_realtime(u64 until_ns)
{
	struct alarm_clock alarm;

	if (clock_realtime_ns() >= until_ns)
		return 0;
	alarm_clock_arm_by(&alarm, (struct deadline){until_ns, .real = true});
	return sleep_until_rung(&alarm);
}

static __init void tsc_init(void)
{
	u32 shift = 32;
	u64 hz;

	lapic_init(on_event);
	hz = tsc_calibrate();
	one_shot = lapic_calibrate(hz);
	while ((NSEC_PER_SEC << shift) / hz > UINT32_MAX)
		shift--;
	clock.mult = (u32)((NSEC_PER_SEC << shift) / hz);
	clock.shift = shift;
	clock.start = rdtsc();
}

void __init clock_init(void)
{
	if (cpu_features.tsc)
		tsc_init();
	ntp = NTP_INITIAL;
	clock_set_realtime_ns(rtc_read_seconds() * NSEC_PER_SEC);
	pit_init(on_tick);
}
