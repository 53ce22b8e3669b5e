/*
 * Time. The tick (PIT, HZ a second) drives scheduling; between ticks the TSC is read. Timers expire
 * on a tick, or before it where the local APIC can interrupt for them.
 */
#ifndef CORE_CLOCK_H
#define CORE_CLOCK_H

#include "kernel/core/clock_data.h"
#include "kernel/lib/ravl.h"
#include "kernel/lib/types.h"

struct thread;
struct waitq;

#define HZ          250u
#define NSEC_PER_SEC 1000000000ull
#define TICK_NS     (NSEC_PER_SEC / HZ)

/* Nanoseconds since boot; never goes back. */
u64 clock_monotonic_ns(void);

/* Nanoseconds since 1970: the RTC's time at boot, or what clock_set_realtime_ns() said. */
u64 clock_realtime_ns(void);
void clock_set_realtime_ns(u64 ns);

/* The same two as of the last tick, or of when the clock was set since: cheap, for what need not be
 * exact. */
u64 clock_monotonic_coarse_ns(void);
u64 clock_realtime_coarse_ns(void);

/* adjtimex(2), permission and ranges checked: changes what x->modes says, fills *x. Returns TIME_OK
 * or TIME_ERROR. */
struct abi_timex64;
s32 clock_adjust(struct abi_timex64 *x);
/* Seconds that TAI is ahead of UTC, as clock_adjust() was told. */
s32 clock_tai_offset(void);
/* Woken whenever that was set. */
extern struct waitq clock_was_set;

/* The clock's data, alone in its page: programs read it through the vDSO. */
union clock_page {
	struct clock_data data;
	u8 page[PAGE_SIZE];
} __aligned(PAGE_SIZE);
extern union clock_page clock_page;

/* Frequency of the TSC, 0 when there is none. For /proc/cpuinfo. */
u32 clock_tsc_khz(void);

/* Ticks since boot. */
extern volatile u64 clock_ticks;

/* A one-shot timer. `fn` runs in interrupt context, at or after `expires_ns` (monotonic, but for
 * `real`): by the interrupt's delay after it, or with the next tick on a machine without TSC or local
 * APIC. The owner keeps the struct alive until it fired or timer_cancel() returned. One that arms
 * itself again from `fn` for a time that has come keeps the CPU from all else. */
struct timer {
	struct ravl_node node;
	u64 expires_ns;
	void (*fn)(struct timer *t);
	bool pending;
	bool real; /* expires_ns is a time of the real-time clock */
};

/* Arms it, or moves one that is pending. Any context. */
void timer_arm(struct timer *t, u64 expires_ns, void (*fn)(struct timer *t));
/* The same for a time of the real-time clock, however that is set meanwhile. */
void timer_arm_realtime(struct timer *t, u64 expires_ns, void (*fn)(struct timer *t));
/* Returns whether it was still pending. */
bool timer_cancel(struct timer *t);

/* Moves the time of something that comes every interval_ns (more than 0) on past `now`. Returns by how
 * many intervals: 0 when it lies there already. */
u64 timer_forward(u64 *expires_ns, u64 interval_ns, u64 now);

/* A timer that wakes the thread that armed it: for waits that also end at a time. `expired` is set
 * before the wake. Cancel it before it goes out of scope. */
struct alarm_clock {
	struct timer timer;
	struct thread *thread;
	bool expired;
};

/* When a wait ends. */
struct deadline {
	u64 ns;    /* DEADLINE_NEVER: by itself it does not */
	bool real; /* a time of the real-time clock, however that is set meanwhile; else monotonic */
};

#define DEADLINE_NEVER (~0ull)

/* For the calling thread; monotonic, or by the clock of the deadline. */
void alarm_clock_arm(struct alarm_clock *a, u64 expires_ns);
void alarm_clock_arm_by(struct alarm_clock *a, struct deadline deadline);
void alarm_clock_cancel(struct alarm_clock *a);

/* Sleeps, interruptibly, until the monotonic clock says `until_ns`. Returns 0 or -EINTR. */
long clock_sleep_until(u64 until_ns);
/* The same for a time of the real-time clock, however that is set meanwhile. */
long clock_sleep_until_realtime(u64 until_ns);

/* Calibrates the TSC, reads the RTC and starts the tick. Time is 0 until then. */
void clock_init(void);

#endif
