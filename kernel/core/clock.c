/* Time: the TSC scaled to nanoseconds, the tick, and a sorted list of timers that the tick runs. */
#include "kernel/core/clock.h"
#include "kernel/core/cpustat.h"
#include "kernel/core/lock.h"
#include "kernel/core/ntp.h"
#include "kernel/core/sched.h"
#include "kernel/x86/features.h"
#include "kernel/x86/io.h"
#include "kernel/x86/pit.h"
#include "kernel/x86/rtc.h"
#include "kernel/x86/trap.h"

volatile u64 clock_ticks;

union clock_page clock_page __section(".data.page_aligned");
#define clock (clock_page.data)

/* Guards timer_list, ascending by expires_ns, changes of the clock's data, and `ntp`. Nothing is
 * taken inside it. */
static struct spinlock timer_lock = SPINLOCK_INIT("timers");
static LIST_HEAD(timer_list);

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

/* timer_lock; who reads one keeps the tick from coming between its two words */
static u64 coarse_monotonic_ns, coarse_realtime_ns;

static u64 read_coarse(const u64 *clock_ns)
{
	u32 flags = irq_save();
	u64 ns = *clock_ns;

	irq_restore(flags);
	return ns;
}

u64 clock_monotonic_coarse_ns(void)
{
	return read_coarse(&coarse_monotonic_ns);
}

u64 clock_realtime_coarse_ns(void)
{
	return read_coarse(&coarse_realtime_ns);
}

static void set_coarse(u64 now)
{
	coarse_monotonic_ns = now;
	coarse_realtime_ns = clock_realtime_at(&clock, now);
}

static struct ntp ntp; /* timer_lock */
static u64 next_second_ns; /* timer_lock: of the real-time clock, by the monotonic one */

/* From `now` on the clock says `realtime`, and goes as ntp has it. Caller holds timer_lock. */
static void set_course(u64 now, u64 realtime)
{
	WRITE_ONCE(clock.seq, clock.seq + 1);
	barrier();
	clock.realtime_offset_ns = realtime - now;
	clock.slew_since_ns = now;
	clock.slew_rate = (s32)(ntp_rate(&ntp) / (s64)NSEC_PER_SEC);
	clock.tai_offset = ntp.tai;
	barrier();
	WRITE_ONCE(clock.seq, clock.seq + 1);
	next_second_ns = now + NSEC_PER_SEC - realtime % NSEC_PER_SEC;
	set_coarse(now);
}

/* With every tick. */
static void keep_course(u64 now)
{
	u32 flags = spin_lock_irqsave(&timer_lock);

	if (now >= next_second_ns) {
		ntp_second(&ntp);
		set_course(now, clock_realtime_at(&clock, now));
	}
	set_coarse(now);
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

struct waitq clock_was_set = WAITQ_INIT(clock_was_set);

void clock_set_realtime_ns(u64 ns)
{
	u32 flags = spin_lock_irqsave(&timer_lock);

	ntp_clear(&ntp);
	set_course(clock_monotonic_ns(), ns);
	spin_unlock_irqrestore(&timer_lock, flags);
	waitq_wake_all(&clock_was_set);
}

/* Caller holds timer_lock. */
static void timer_insert(struct timer *t)
{
	struct timer *other;

	list_for_each_entry (other, &timer_list, link)
		if (other->expires_ns > t->expires_ns)
			break;
	list_add_tail(&t->link, &other->link);
	t->pending = true;
}

void timer_arm(struct timer *t, u64 expires_ns, void (*fn)(struct timer *t))
{
	u32 flags = spin_lock_irqsave(&timer_lock);

	if (t->pending)
		list_del(&t->link);
	t->expires_ns = expires_ns;
	t->fn = fn;
	timer_insert(t);
	spin_unlock_irqrestore(&timer_lock, flags);
}

bool timer_cancel(struct timer *t)
{
	u32 flags = spin_lock_irqsave(&timer_lock);
	bool pending = t->pending;

	if (pending)
		list_del(&t->link);
	t->pending = false;
	spin_unlock_irqrestore(&timer_lock, flags);
	return pending;
}

/* Takes the first timer off the list if its time has come. */
static struct timer *timer_pop(u64 now)
{
	u32 flags = spin_lock_irqsave(&timer_lock);
	struct timer *t = list_first_entry(&timer_list, struct timer, link);

	if (list_empty(&timer_list) || t->expires_ns > now) {
		t = NULL;
	} else {
		list_del(&t->link);
		t->pending = false;
	}
	spin_unlock_irqrestore(&timer_lock, flags);
	return t;
}

static void on_tick(struct trapframe *tf)
{
	bool user_mode = tf_from_user(tf);
	u64 now;
	struct timer *t;

	clock_ticks++;
	sched_tick(user_mode, TICK_NS);
	cpustat_tick(user_mode, TICK_NS);
	now = clock_monotonic_ns();
	keep_course(now);
	while ((t = timer_pop(now)))
		t->fn(t);
}

static void alarm_clock_ring(struct timer *t)
{
	struct alarm_clock *a = container_of(t, struct alarm_clock, timer);

	a->expired = true;
	thread_wake(a->thread);
}

void alarm_clock_arm(struct alarm_clock *a, u64 expires_ns)
{
	*a = (struct alarm_clock){.thread = current_thread()};
	timer_arm(&a->timer, expires_ns, alarm_clock_ring);
}

void alarm_clock_cancel(struct alarm_clock *a)
{
	timer_cancel(&a->timer);
}

long clock_sleep_until(u64 until_ns)
{
	struct alarm_clock alarm;
	struct waitq nobody = WAITQ_INIT(nobody);
	long err;

	if (clock_monotonic_ns() >= until_ns)
		return 0;
	alarm_clock_arm(&alarm, until_ns);
	err = wait_event_interruptible(&nobody, READ_ONCE(alarm.expired));
	alarm_clock_cancel(&alarm);
	return err;
}

static __init void tsc_init(void)
{
	u64 hz = tsc_calibrate();
	u32 shift = 32;

	if (!hz)
		return;
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
