/* Clocks, and sleeping by them. */
#include "kernel/abi/errno.h"
#include "kernel/abi/prctl.h"
#include "kernel/abi/time.h"
#include "kernel/core/clock.h"
#include "kernel/proc/futex.h"
#include "kernel/proc/process.h"
#include "kernel/syscalls.h"
#include "kernel/x86/uaccess.h"

#define MAX_SECONDS 9223372035ull /* that fit in 63 bits of nanoseconds, as Linux's KTIME_SEC_MAX  \
				   */

/* --- User memory --- */

static long to_ns(u64 *ns, s64 sec, s64 nsec)
{
	if (sec < 0 || nsec < 0 || nsec >= (s64)NSEC_PER_SEC)
		return -EINVAL;
	*ns = (u64)sec > MAX_SECONDS ? (u64)INT64_MAX : (u64)sec * NSEC_PER_SEC + (u64)nsec;
	return 0;
}

long get_timespec(u64 *ns, uptr_t p, bool time64)
{
	struct abi_timespec32 t32;
	struct abi_timespec64 t64;
	if (time64) {
		if (copy_from_user(&t64, p, sizeof(t64)) < 0)
			return -EFAULT;
		return to_ns(ns, t64.sec, t64.nsec);
	}
	if (copy_from_user(&t32, p, sizeof(t32)) < 0)
		return -EFAULT;
	return to_ns(ns, t32.sec, t32.nsec);
}

long put_timespec(uptr_t p, u64 ns, bool time64)
{
	struct abi_timespec64 t64 = {
		.sec = (s64)(ns / NSEC_PER_SEC), .nsec = (s32)(ns % NSEC_PER_SEC)};
	struct abi_timespec32 t32 = {.sec = (s32)t64.sec, .nsec = t64.nsec};
	return time64 ? copy_to_user(p, &t64, sizeof(t64)) : copy_to_user(p, &t32, sizeof(t32));
}

u64 deadline_after(u64 ns)
{
	u64 now = clock_monotonic_ns();
	return ns >= (u64)INT64_MAX - now ? DEADLINE_NEVER : now + ns;
}

long sleep_until(u64 deadline)
{
	struct waitq nobody = WAITQ_INIT(nobody);
	if (deadline != DEADLINE_NEVER)
		return clock_sleep_until(deadline);
	return wait_event_interruptible(&nobody, false);
}

/* --- Reading clocks --- */

static long process_cpu_clock(const struct process *p, u64 *ns, bool user_only)
{
	u64 utime, stime;
	process_cpu_time(p, &utime, &stime);
	*ns = user_only ? utime : utime + stime;
	return 0;
}

long cpu_clock_locked(const struct process *who, s32 id, u64 *ns)
{
	u32 pid = CPUCLOCK_PID(id);
	bool user_only = (id & 3) == CPUCLOCK_VIRT;
	const struct process *p;
	const struct task *t;
	if ((id & 3) == 3)
		return -EINVAL;
	if (!(id & CPUCLOCK_THREAD)) {
		p = pid ? process_find(pid) : who;
		return p ? process_cpu_clock(p, ns, user_only) : -EINVAL;
	}
	t = pid ? task_find(pid) : current_task();
	if (!t || t->process != who)
		return -EINVAL;
	*ns = t->thread.utime_ns + (user_only ? 0 : t->thread.stime_ns);
	return 0;
}

static long cpu_clock(s32 id, u64 *ns)
{
	u32 flags = spin_lock_irqsave(&process_lock);
	long err = cpu_clock_locked(current_process(), id, ns);
	spin_unlock_irqrestore(&process_lock, flags);
	return err;
}

static long clock_read(s32 id, u64 *ns)
{
	switch (id) {
	case CLOCK_REALTIME:
	case CLOCK_REALTIME_ALARM:
		*ns = clock_realtime_ns();
		return 0;
	case CLOCK_TAI:
		*ns = clock_realtime_ns() + (u32)clock_tai_offset() * NSEC_PER_SEC;
		return 0;
	case CLOCK_MONOTONIC:
	case CLOCK_MONOTONIC_RAW:
	case CLOCK_BOOTTIME:
	case CLOCK_BOOTTIME_ALARM:
		*ns = clock_monotonic_ns();
		return 0;
	case CLOCK_REALTIME_COARSE:
		*ns = clock_realtime_coarse_ns();
		return 0;
	case CLOCK_MONOTONIC_COARSE:
		*ns = clock_monotonic_coarse_ns();
		return 0;
	case CLOCK_PROCESS_CPUTIME_ID:
		return cpu_clock(CPUCLOCK(0, CPUCLOCK_SCHED), ns);
	case CLOCK_THREAD_CPUTIME_ID:
		return cpu_clock(CPUCLOCK(0, CPUCLOCK_SCHED | CPUCLOCK_THREAD), ns);
	}
	return id < 0 ? cpu_clock(id, ns) : -EINVAL;
}

static long do_clock_gettime(s32 id, uptr_t to, bool time64)
{
	u64 ns;
	long err = clock_read(id, &ns);
	return err ? err : put_timespec(to, ns, time64);
}

long sys_clock_gettime(s32 id, uptr_t to)
{
	return do_clock_gettime(id, to, false);
}

long sys_clock_gettime64(s32 id, uptr_t to)
{
	return do_clock_gettime(id, to, true);
}

static long do_clock_getres(s32 id, uptr_t to, bool time64)
{
	u64 ns, res = 1;
	long err = clock_read(id, &ns);
	if (err || !to.va)
		return err;
	if (id == CLOCK_REALTIME_COARSE || id == CLOCK_MONOTONIC_COARSE)
		res = TICK_NS;
	return put_timespec(to, res, time64);
}

long sys_clock_getres(s32 id, uptr_t to)
{
	return do_clock_getres(id, to, false);
}

long sys_clock_getres_time64(s32 id, uptr_t to)
{
	return do_clock_getres(id, to, true);
}

long sys_gettimeofday(uptr_t tv, uptr_t tz)
{
	struct abi_timeval32 t = ns_to_timeval32(clock_realtime_ns());
	struct abi_timezone zone = {0, 0};
	if (tv.va && copy_to_user(tv, &t, sizeof(t)) < 0)
		return -EFAULT;
	return tz.va ? copy_to_user(tz, &zone, sizeof(zone)) : 0;
}

long sys_time(uptr_t to)
{
	u32 sec = (u32)(clock_realtime_ns() / NSEC_PER_SEC);
	if (to.va && put_user_u32(to, sec) < 0)
		return -EFAULT;
	return (long)sec;
}

/* --- Setting them --- */

static long set_realtime(u64 ns)
{
	if (!capable(CAP_SYS_TIME))
		return -EPERM;
	if (ns < clock_monotonic_ns())
		return -EINVAL; /* before 1970 when it booted */
	clock_set_realtime_ns(ns);
	return 0;
}

static long do_clock_settime(s32 id, uptr_t from, bool time64)
{
	u64 ns;
	long err;
	if (id != CLOCK_REALTIME)
		return -EINVAL;
	err = get_timespec(&ns, from, time64);
	return err ? err : set_realtime(ns);
}

long sys_clock_settime(s32 id, uptr_t from)
{
	return do_clock_settime(id, from, false);
}

long sys_clock_settime64(s32 id, uptr_t from)
{
	return do_clock_settime(id, from, true);
}

/* The time zone is the C library's business; setting it is accepted and forgotten. */
long sys_settimeofday(uptr_t tv, uptr_t tz)
{
	struct abi_timeval32 t;
	u64 ns;
	long err;
	if (!tv.va)
		return capable(CAP_SYS_TIME) ? 0 : -EPERM;
	if (copy_from_user(&t, tv, sizeof(t)) < 0)
		return -EFAULT;
	err = to_ns(&ns, t.sec, (s64)t.usec * 1000);
	return err ? err : set_realtime(ns);
}

long sys_stime(uptr_t from)
{
	u32 sec;
	if (get_user_u32(&sec, from) < 0)
		return -EFAULT;
	return set_realtime((u64)sec * NSEC_PER_SEC);
}

/* --- Adjusting them --- */

static long check_adjustment(const struct abi_timex64 *x)
{
	bool reads = x->modes & ADJ_ADJTIME ? x->modes & ADJ_OFFSET_READONLY : !x->modes;
	s64 most = x->modes & ADJ_NANO ? (s64)NSEC_PER_SEC : 1000000;
	if ((x->modes & ADJ_ADJTIME) && !(x->modes & ADJ_OFFSET))
		return -EINVAL;
	if (!reads && !capable(CAP_SYS_TIME))
		return -EPERM;
	if (!(x->modes & ADJ_ADJTIME) && (x->modes & ADJ_TICK) &&
		(x->tick < 900000 / (s32)USER_HZ || x->tick > 1100000 / (s32)USER_HZ))
		return -EINVAL;
	if (!(x->modes & ADJ_SETOFFSET))
		return 0;
	if (!capable(CAP_SYS_TIME))
		return -EPERM;
	return x->usec < 0 || x->usec >= most ? -EINVAL : 0;
}

/* The clock jumps by the time given. */
static long jump(const struct abi_timex64 *x)
{
	u64 now = clock_realtime_ns();
	s64 sec = (s64)(now / NSEC_PER_SEC), by = x->usec * (x->modes & ADJ_NANO ? 1 : 1000);
	if (__builtin_add_overflow(sec, x->sec, &sec) || sec < 0 || (u64)sec > MAX_SECONDS)
		return -EINVAL;
	return set_realtime((u64)sec * NSEC_PER_SEC + now % NSEC_PER_SEC + (u64)by);
}

/* There is one that can be adjusted; an id below 0 is a clock whether or not what it names is. */
static long check_adjustable(s32 id)
{
	u64 ns;
	if (id == CLOCK_REALTIME)
		return 0;
	if (id < 0)
		return (id & CPUCLOCK_KIND) == 3 ? -EINVAL : -EOPNOTSUPP;
	return clock_read(id, &ns) ? -EINVAL : -EOPNOTSUPP;
}

static long adjust(s32 id, struct abi_timex64 *x)
{
	long err = check_adjustable(id);
	if (!err)
		err = check_adjustment(x);
	if (!err && (x->modes & ADJ_SETOFFSET))
		err = jump(x);
	return err ? err : clock_adjust(x);
}

static void widen(struct abi_timex64 *w, const struct abi_timex32 *x)
{
	*w = (struct abi_timex64){.modes = x->modes, .offset = x->offset, .freq = x->freq,
		.maxerror = x->maxerror, .esterror = x->esterror, .status = x->status,
		.constant = x->constant, .sec = x->sec, .usec = x->usec, .tick = x->tick};
}

static void narrow(struct abi_timex32 *x, const struct abi_timex64 *w)
{
	*x = (struct abi_timex32){.modes = w->modes, .offset = (s32)w->offset,
		.freq = (s32)w->freq, .maxerror = (s32)w->maxerror, .esterror = (s32)w->esterror,
		.status = w->status, .constant = (s32)w->constant, .precision = (s32)w->precision,
		.tolerance = (s32)w->tolerance, .sec = (s32)w->sec, .usec = (s32)w->usec,
		.tick = (s32)w->tick, .tai = w->tai};
}

long sys_clock_adjtime(s32 id, uptr_t timex)
{
	struct abi_timex32 x;
	struct abi_timex64 w;
	long ret;
	if (copy_from_user(&x, timex, sizeof(x)) < 0)
		return -EFAULT;
	widen(&w, &x);
	ret = adjust(id, &w);
	if (ret < 0)
		return ret;
	narrow(&x, &w);
	return copy_to_user(timex, &x, sizeof(x)) < 0 ? -EFAULT : ret;
}

long sys_adjtimex(uptr_t timex)
{
	return sys_clock_adjtime(CLOCK_REALTIME, timex);
}

long sys_clock_adjtime64(s32 id, uptr_t timex)
{
	struct abi_timex64 w;
	long ret;
	if (copy_from_user(&w, timex, sizeof(w)) < 0)
		return -EFAULT;
	ret = adjust(id, &w);
	if (ret < 0)
		return ret;
	return copy_to_user(timex, &w, sizeof(w)) < 0 ? -EFAULT : ret;
}

/* --- Sleeping --- */

static bool is_cpu_clock(s32 id)
{
	return id < 0 || id == CLOCK_PROCESS_CPUTIME_ID;
}

/* Until a clock of CPU time says so. It runs no faster than time itself, so that it need not be looked
 * at before that could be. */
static long sleep_cpu(s32 id, u64 until)
{
	u64 now;
	long err = clock_read(id, &now);
	while (!err && now < until) {
		err = sleep_until(deadline_after(MAX(until - now, (u64)TICK_NS)));
		if (!err)
			err = clock_read(id, &now);
	}
	return err;
}

static long sleep_clock(s32 id, u64 until)
{
	return is_cpu_clock(id) ? sleep_cpu(id, until) : sleep_until(until);
}

/* A sleep of some length: after a signal without a handler it goes on through restart_syscall(). */
static long sleep_relative(s32 id, u64 until, uptr_t rem, bool time64)
{
	long err = sleep_clock(id, until);
	u64 now;
	if (err != -EINTR)
		return err;
	err = clock_read(id, &now);
	if (err || now >= until)
		return err;
	if (rem.va && put_timespec(rem, until - now, time64) < 0)
		return -EFAULT;
	current_task()->restart = (struct restart){
		.what = RESTART_SLEEP, .clock = id, .until_ns = until, .addr = rem, .time64 = time64};
	return -ERESTART_RESTARTBLOCK;
}

bool clock_is_realtime(s32 id)
{
	return id == CLOCK_REALTIME || id == CLOCK_REALTIME_ALARM || id == CLOCK_TAI;
}

u64 clock_to_realtime(s32 id, u64 ns)
{
	u64 ahead = id == CLOCK_TAI ? (u32)clock_tai_offset() * NSEC_PER_SEC : 0;
	return ns - MIN(ahead, ns);
}

static long sleep_absolute(s32 id, u64 ns)
{
	long err = clock_is_realtime(id) ? clock_sleep_until_realtime(clock_to_realtime(id, ns))
					 : sleep_clock(id, ns);
	return err == -EINTR ? -ERESTARTNOHAND : err;
}

/* A thread that waits for its own clock would sleep for ever. */
static long check_sleepable(s32 id)
{
	u32 tid = CPUCLOCK_PID(id);
	u64 now;
	long err;
	switch (id) {
	case CLOCK_REALTIME:
	case CLOCK_MONOTONIC:
	case CLOCK_BOOTTIME:
	case CLOCK_TAI:
	case CLOCK_REALTIME_ALARM:
	case CLOCK_BOOTTIME_ALARM:
		return 0;
	}
	err = clock_read(id, &now);
	if (err)
		return err;
	if (!is_cpu_clock(id))
		return -EOPNOTSUPP;
	return (id & CPUCLOCK_THREAD) && (!tid || tid == current_task()->tid) ? -EINVAL : 0;
}

static long do_clock_nanosleep(s32 id, u32 flags, uptr_t req, uptr_t rem, bool time64)
{
	s32 by = is_cpu_clock(id) ? id : CLOCK_MONOTONIC;
	u64 ns, until;
	long err = check_sleepable(id);
	if (!err)
		err = get_timespec(&ns, req, time64);
	if (err)
		return err;
	if (id == CLOCK_REALTIME_ALARM || id == CLOCK_BOOTTIME_ALARM) {
		if (flags & ~TIMER_ABSTIME)
			return -EINVAL;
		if (!capable(CAP_WAKE_ALARM))
			return -EPERM;
	}
	if (flags & TIMER_ABSTIME)
		return sleep_absolute(id, ns);
	err = clock_read(by, &until);
	if (err)
		return err;
	if (__builtin_add_overflow(until, ns, &until))
		until = DEADLINE_NEVER;
	return sleep_relative(by, until, rem, time64);
}

long sys_nanosleep(uptr_t req, uptr_t rem)
{
	return do_clock_nanosleep(CLOCK_MONOTONIC, 0, req, rem, false);
}

long sys_clock_nanosleep(s32 id, u32 flags, uptr_t req, uptr_t rem)
{
	return do_clock_nanosleep(id, flags, req, rem, false);
}

long sys_clock_nanosleep_time64(s32 id, u32 flags, uptr_t req, uptr_t rem)
{
	return do_clock_nanosleep(id, flags, req, rem, true);
}

long sys_restart_syscall(void)
{
	struct restart r = current_task()->restart;
	current_task()->restart.what = RESTART_NOTHING;
	switch (r.what) {
	case RESTART_SLEEP:
		return sleep_relative(r.clock, r.until_ns, r.addr, r.time64);
	case RESTART_FUTEX:
		return futex_restart(&r);
	case RESTART_NOTHING:
		break;
	}
	return -EINTR;
}
