/*
 * Interval timers: setitimer(2) and alarm(2). ITIMER_REAL is a timer of the clock; a periodic one goes
 * on when its signal is taken, so that the shortest interval leaves the program time for that. The two
 * that run with CPU time are looked at by a timer that comes with every tick while one of them is
 * armed.
 */
#include "kernel/abi/errno.h"
#include "kernel/abi/time.h"
#include "kernel/proc/posix_timer.h"
#include "kernel/proc/process.h"
#include "kernel/proc/signal.h"
#include "kernel/syscalls.h"
#include "kernel/x86/uaccess.h"

/* A timer as the calls see it. */
struct itimer {
	u64 value_ns, interval_ns; /* value: time left; 0: not armed */
};

/* --- Real time --- */

static void alarm_fired(struct timer *timer)
{
	struct process *p = container_of(timer, struct process, alarm);
	u32 flags = spin_lock_irqsave(&process_lock);
	signal_send_process_locked(p, SIGALRM, NULL);
	spin_unlock_irqrestore(&process_lock, flags);
}

void itimer_alarm_taken(struct process *p)
{
	u64 next = p->alarm.expires_ns;
	if (!p->alarm_interval_ns || p->alarm.pending)
		return;
	timer_forward(&next, p->alarm_interval_ns, clock_monotonic_ns());
	timer_arm(&p->alarm, next, alarm_fired);
}

/* Caller holds process_lock. */
static void real_get(const struct process *p, struct itimer *out)
{
	u64 now = clock_monotonic_ns();
	*out = (struct itimer){.interval_ns = p->alarm_interval_ns};
	if (p->alarm.pending)
		out->value_ns = p->alarm.expires_ns > now ? p->alarm.expires_ns - now : 1;
}

static void real_set(struct process *p, const struct itimer *set)
{
	timer_cancel(&p->alarm);
	p->alarm_interval_ns = set->value_ns ? set->interval_ns : 0;
	if (set->value_ns)
		timer_arm(&p->alarm, deadline_after(set->value_ns), alarm_fired);
}

/* --- CPU time --- */

static u64 cpu_time(const struct process *p, bool prof)
{
	u64 utime, stime;
	process_cpu_time(p, &utime, &stime);
	return prof ? utime + stime : utime;
}

static void cpu_itimer_check(struct process *p, struct cpu_itimer *it, u64 now, u32 sig)
{
	if (!it->expires_ns || now < it->expires_ns)
		return;
	signal_send_process_locked(p, sig, NULL);
	it->expires_ns = it->interval_ns ? MAX(it->expires_ns + it->interval_ns, now) : 0;
}

/* RLIMIT_CPU, in seconds: SIGXCPU at the soft limit and at each second beyond it, SIGKILL at the
 * hard one. 0 counts as 1. */
static void cpu_limit_check(struct process *p)
{
	struct abi_rlimit64 *l = &p->rlimit[RLIMIT_CPU];
	u64 seconds = cpu_time(p, true) / NSEC_PER_SEC;
	if (l->cur == RLIM64_INFINITY || seconds < MAX(l->cur, 1ull))
		return;
	if (l->max != RLIM64_INFINITY && seconds >= l->max) {
		signal_send_process_locked(p, SIGKILL, NULL);
		return;
	}
	signal_send_process_locked(p, SIGXCPU, NULL);
	l->cur = seconds + 1;
}

/* Something about the process's CPU time is being watched. */
static bool cpu_watched(const struct process *p)
{
	return p->itimer_virtual.expires_ns || p->itimer_prof.expires_ns ||
		p->rlimit[RLIMIT_CPU].cur != RLIM64_INFINITY || posix_timer_watches_cpu(p);
}

/* CPU time is charged by the tick, so that there is no sense in looking before it. Where the last one
 * was long ago the next is overdue: later than now in any case, or the timers would never be done. */
static u64 next_tick(void)
{
	return MAX(clock_monotonic_coarse_ns() + TICK_NS, clock_monotonic_ns() + TICK_NS / 2);
}

static void cpu_tick_fired(struct timer *timer)
{
	struct process *p = container_of(timer, struct process, cpu_tick);
	u32 flags = spin_lock_irqsave(&process_lock);
	cpu_limit_check(p);
	cpu_itimer_check(p, &p->itimer_virtual, cpu_time(p, false), SIGVTALRM);
	cpu_itimer_check(p, &p->itimer_prof, cpu_time(p, true), SIGPROF);
	posix_timer_cpu_tick(p);
	if (cpu_watched(p))
		timer_arm(timer, next_tick(), cpu_tick_fired);
	spin_unlock_irqrestore(&process_lock, flags);
}

void itimer_watch_cpu(struct process *p)
{
	if (cpu_watched(p) && p->nr_threads && !p->cpu_tick.pending)
		timer_arm(&p->cpu_tick, next_tick(), cpu_tick_fired);
}

static void cpu_get(const struct cpu_itimer *it, u64 now, struct itimer *out)
{
	*out = (struct itimer){.interval_ns = it->interval_ns};
	if (it->expires_ns)
		out->value_ns = it->expires_ns > now ? it->expires_ns - now : 1;
}

static void cpu_set(struct process *p, struct cpu_itimer *it, u64 now, const struct itimer *set)
{
	it->interval_ns = set->interval_ns;
	it->expires_ns = set->value_ns ? now + set->value_ns : 0;
	itimer_watch_cpu(p);
}

/* --- The calls --- */

/* Sets and tells; `set` may be NULL. Caller holds process_lock. */
static void itimer_locked(
	struct process *p, u32 which, const struct itimer *set, struct itimer *old)
{
	bool prof = which == ITIMER_PROF;
	struct cpu_itimer *it = prof ? &p->itimer_prof : &p->itimer_virtual;
	u64 now;
	if (which == ITIMER_REAL) {
		real_get(p, old);
		if (set)
			real_set(p, set);
		return;
	}
	now = cpu_time(p, prof);
	cpu_get(it, now, old);
	if (set)
		cpu_set(p, it, now, set);
}

static void itimer_change(u32 which, const struct itimer *set, struct itimer *old)
{
	u32 flags = spin_lock_irqsave(&process_lock);
	itimer_locked(current_process(), which, set, old);
	spin_unlock_irqrestore(&process_lock, flags);
}

void itimer_exit(struct process *p)
{
	u32 flags = spin_lock_irqsave(&process_lock);
	p->alarm_interval_ns = 0;
	p->itimer_virtual.expires_ns = p->itimer_prof.expires_ns = 0;
	timer_cancel(&p->alarm);
	timer_cancel(&p->cpu_tick);
	spin_unlock_irqrestore(&process_lock, flags);
}

static bool timeval_ok(const struct abi_timeval32 *t)
{
	return t->sec >= 0 && t->usec >= 0 && t->usec < 1000000;
}

static u64 timeval_ns(const struct abi_timeval32 *t)
{
	return (u64)t->sec * NSEC_PER_SEC + (u64)t->usec * 1000;
}

static long put_itimer(uptr_t to, const struct itimer *it)
{
	struct abi_itimerval32 v = {
		.interval = ns_to_timeval32(it->interval_ns),
		.value = ns_to_timeval32(it->value_ns + 999), /* an armed one never reads as 0 */
	};
	if (!it->value_ns)
		v.value = (struct abi_timeval32){0, 0};
	return copy_to_user(to, &v, sizeof(v));
}

long sys_setitimer(u32 which, uptr_t uset, uptr_t uold)
{
	struct abi_itimerval32 v = {{0, 0}, {0, 0}}; /* Linux takes NULL for this */
	struct itimer set, old;
	if (uset.va && copy_from_user(&v, uset, sizeof(v)) < 0)
		return -EFAULT;
	if (which > ITIMER_PROF || !timeval_ok(&v.value) || !timeval_ok(&v.interval))
		return -EINVAL;
	set = (struct itimer){timeval_ns(&v.value), timeval_ns(&v.interval)};
	itimer_change(which, &set, &old);
	return uold.va ? put_itimer(uold, &old) : 0;
}

long sys_getitimer(u32 which, uptr_t to)
{
	struct itimer now;
	if (which > ITIMER_PROF)
		return -EINVAL;
	itimer_change(which, NULL, &now);
	return put_itimer(to, &now);
}

/* Tells the seconds that were left: rounded, but an armed alarm never reads as 0. */
long sys_alarm(u32 seconds)
{
	struct itimer old, set = {
				   .value_ns = MIN((u64)seconds, (u64)INT32_MAX) * NSEC_PER_SEC,
			   };
	u64 left;
	itimer_change(ITIMER_REAL, &set, &old);
	left = (old.value_ns + NSEC_PER_SEC / 2) / NSEC_PER_SEC;
	return left == 0 && old.value_ns ? 1 : (long)left;
}
