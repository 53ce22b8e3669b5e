/*
 * POSIX timers: timer_create(2) and its family (POSIX.1-2017, 2.8.5). Those of a clock of real time
 * are timers of the kernel's clock; those of a process's or thread's CPU time are looked at with
 * every tick while one of them is armed (itimer.c).
 */
#include "kernel/abi/errno.h"
#include "kernel/abi/prctl.h"
#include "kernel/abi/time.h"
#include "kernel/lib/kassert.h"
#include "kernel/proc/posix_timer.h"
#include "kernel/proc/process.h"
#include "kernel/proc/signal.h"
#include "kernel/proc/sigqueue.h"
#include "kernel/syscalls.h"
#include "kernel/x86/uaccess.h"
#include "mm/slab.h"

/* Under process_lock. */
struct posix_timer {
	struct list_head link;    /* process->posix_timers */
	struct process *process;
	u32 id;
	s32 clock;                /* a CLOCK_ number, or a clock of CPU time with its pid in it */
	u32 notify, tid;          /* SIGEV_; the thread that SIGEV_THREAD_ID names */
	struct timer timer;       /* of a clock of real time */
	bool armed;
	u64 expires_ns;           /* monotonic time, or CPU time */
	u64 interval_ns;          /* 0: once */
	u64 overrun;              /* expirations since the signal was queued, that one not counted */
	s32 overrun_last;         /* what the last signal told */
	struct sigqueue *signal;  /* its own; what waits when the timer goes is the process's */
};

static struct slab_cache *posix_timer_cache;

void posix_timer_init(void)
{
	posix_timer_cache = slab_create("posix_timers_cache", sizeof(struct posix_timer), 0, 0, NULL);
	kassert(posix_timer_cache);
}

/* --- The clock of a timer --- */

static bool counts_cpu(const struct posix_timer *pt)
{
	return pt->clock < 0;
}

/* The time that expires_ns is compared with. A thread that has gone has had all its time. */
static u64 timer_now(const struct posix_timer *pt)
{
	u64 now = 0;
	if (!counts_cpu(pt))
		return clock_monotonic_ns();
	return cpu_clock_locked(pt->process, pt->clock, &now) ? 0 : now;
}

static u32 own_id(s32 clock)
{
	return clock & CPUCLOCK_THREAD ? current_task()->tid : current_process()->pid;
}

/* The clock's number as the timer keeps it: those of the caller's own CPU time name it. */
static long normal_clock(s32 *clock)
{
	u64 now;
	long err;
	u32 flags;
	switch (*clock) {
	case CLOCK_REALTIME:
	case CLOCK_MONOTONIC:
	case CLOCK_BOOTTIME:
	case CLOCK_TAI:
		return 0;
	case CLOCK_REALTIME_ALARM:
	case CLOCK_BOOTTIME_ALARM:
		return capable(CAP_WAKE_ALARM) ? 0 : -EPERM;
	case CLOCK_MONOTONIC_RAW:
	case CLOCK_REALTIME_COARSE:
	case CLOCK_MONOTONIC_COARSE:
		return -EOPNOTSUPP;
	case CLOCK_PROCESS_CPUTIME_ID:
		*clock = CPUCLOCK(0, CPUCLOCK_SCHED);
		break;
	case CLOCK_THREAD_CPUTIME_ID:
		*clock = CPUCLOCK(0, CPUCLOCK_SCHED | CPUCLOCK_THREAD);
		break;
	}
	if (*clock >= 0)
		return -EINVAL;
	if (CPUCLOCK_PID(*clock) == 0)
		*clock = CPUCLOCK(own_id(*clock), *clock & CPUCLOCK_KIND);
	flags = spin_lock_irqsave(&process_lock);
	err = cpu_clock_locked(current_process(), *clock, &now);
	spin_unlock_irqrestore(&process_lock, flags);
	return err;
}

/* --- Expiry; process_lock is held --- */

static void signal_send(struct posix_timer *pt)
{
	struct task *t = NULL;
	if (pt->notify & SIGEV_THREAD_ID) {
		t = task_find(pt->tid);
		if (!t || t->process != pt->process)
			return;
	}
	signal_send_entry_locked(pt->process, t, pt->signal);
}

static void expire(struct posix_timer *pt, u64 now)
{
	u64 missed = 0;
	if (pt->interval_ns) {
		missed = (now - pt->expires_ns) / pt->interval_ns;
		pt->expires_ns += (missed + 1) * pt->interval_ns;
	}
	pt->armed = pt->interval_ns;
	if (pt->notify == SIGEV_NONE)
		return;
	if (sigqueue_waits(pt->signal)) {
		pt->overrun += missed + 1;
		return;
	}
	pt->overrun = missed;
	signal_send(pt);
}

static void timer_fired(struct timer *timer)
{
	struct posix_timer *pt = container_of(timer, struct posix_timer, timer);
	u32 flags = spin_lock_irqsave(&process_lock);
	expire(pt, MAX(clock_monotonic_ns(), pt->expires_ns));
	if (pt->armed)
		timer_arm(timer, pt->expires_ns, timer_fired);
	spin_unlock_irqrestore(&process_lock, flags);
}

bool posix_timer_watches_cpu(const struct process *p)
{
	const struct posix_timer *pt;
	list_for_each_entry (pt, &p->posix_timers, link)
		if (counts_cpu(pt) && pt->armed)
			return true;
	return false;
}

void posix_timer_cpu_tick(struct process *p)
{
	struct posix_timer *pt;
	list_for_each_entry (pt, &p->posix_timers, link) {
		u64 now = counts_cpu(pt) && pt->armed ? timer_now(pt) : 0;
		if (now && now >= pt->expires_ns)
			expire(pt, now);
	}
}

void posix_timer_taken(struct posix_timer *pt, struct abi_siginfo *info)
{
	pt->overrun_last = (s32)MIN(pt->overrun, (u64)INT32_MAX);
	info->timer.overrun = pt->overrun_last;
}

/* --- Creating and deleting --- */

static struct posix_timer *timer_find(u32 id)
{
	struct posix_timer *pt;
	list_for_each_entry (pt, &current_process()->posix_timers, link)
		if (pt->id == id)
			return pt;
	return NULL;
}

static bool sigevent_ok(const struct abi_sigevent *e)
{
	const struct task *t;
	u32 flags;
	switch (e->notify) {
	case SIGEV_NONE:
		return true;
	case SIGEV_SIGNAL:
	case SIGEV_THREAD:
		return sig_valid((u32)e->signo);
	case SIGEV_SIGNAL | SIGEV_THREAD_ID:
		flags = spin_lock_irqsave(&process_lock);
		t = task_find((u32)e->tid);
		spin_unlock_irqrestore(&process_lock, flags);
		return t && t->process == current_process() && sig_valid((u32)e->signo);
	}
	return false;
}

void posix_timer_unqueued(struct posix_timer *pt)
{
	list_init(&pt->signal->link);
}

/* Caller holds process_lock. */
static void timer_delete(struct posix_timer *pt, bool drop_signal)
{
	timer_cancel(&pt->timer);
	if (sigqueue_waits(pt->signal) && !drop_signal)
		pt->signal->timer = NULL;
	else
		sigqueue_free_locked(pt->process, pt->signal);
	list_del(&pt->link);
	slab_free(posix_timer_cache, pt);
}

void posix_timers_exit(struct process *p)
{
	struct posix_timer *pt, *next;
	u32 flags = spin_lock_irqsave(&process_lock);
	list_for_each_entry_safe (pt, next, &p->posix_timers, link)
		timer_delete(pt, true);
	spin_unlock_irqrestore(&process_lock, flags);
}

/* Numbers the timer and makes it known, unless the process has its fill of queued signals: a timer
 * counts as one, since it owns the place for it. */
static bool timer_enter(struct posix_timer *pt, const struct abi_sigevent *e, bool value_is_id)
{
	struct process *p = pt->process;
	u32 flags = spin_lock_irqsave(&process_lock);
	struct sigqueue *q = sigqueue_alloc_locked(p);
	if (q) {
		pt->signal = q;
		pt->id = p->next_timer_id++ & INT32_MAX;
		*q = (struct sigqueue){.sig = (u32)e->signo, .timer = pt};
		list_init(&q->link);
		q->info.si_signo = e->signo;
		q->info.si_code = SI_TIMER;
		q->info.timer.tid = (s32)pt->id;
		q->info.timer.value = value_is_id ? pt->id : e->value;
		list_add_tail(&pt->link, &p->posix_timers);
	}
	spin_unlock_irqrestore(&process_lock, flags);
	return q;
}

static struct posix_timer *timer_make(s32 clock, const struct abi_sigevent *e, bool value_is_id)
{
	struct posix_timer *pt = slab_alloc(posix_timer_cache);
	if (!pt)
		return NULL;
	*pt = (struct posix_timer){
		.process = current_process(),
		.clock = clock,
		.notify = (u32)e->notify,
		.tid = (u32)e->tid,
	};
	if (timer_enter(pt, e, value_is_id))
		return pt;
	slab_free(posix_timer_cache, pt);
	return NULL;
}

long sys_timer_create(s32 clock, uptr_t uevent, uptr_t uid)
{
	struct abi_sigevent e = {.signo = SIGALRM, .notify = SIGEV_SIGNAL};
	struct posix_timer *pt;
	u32 id;
	long err;
	if (uevent.va && copy_from_user(&e, uevent, sizeof(e)) < 0)
		return -EFAULT;
	err = normal_clock(&clock);
	if (err)
		return err;
	if (!sigevent_ok(&e))
		return -EINVAL;
	pt = timer_make(clock, &e, !uevent.va);
	if (!pt)
		return -EAGAIN;
	id = pt->id;
	err = copy_to_user(uid, &id, sizeof(id));
	if (err)
		sys_timer_delete(id);
	return err;
}

long sys_timer_delete(u32 id)
{
	u32 flags = spin_lock_irqsave(&process_lock);
	struct posix_timer *pt = timer_find(id);
	if (pt)
		timer_delete(pt, false);
	spin_unlock_irqrestore(&process_lock, flags);
	return pt ? 0 : -EINVAL;
}

long sys_timer_getoverrun(u32 id)
{
	u32 flags = spin_lock_irqsave(&process_lock);
	const struct posix_timer *pt = timer_find(id);
	long n = pt ? pt->overrun_last : -EINVAL;
	spin_unlock_irqrestore(&process_lock, flags);
	return n;
}

/* --- Setting and reading --- */

struct setting {
	u64 value_ns, interval_ns; /* value: until, or when; 0: not armed */
};

/* Caller holds process_lock. */
static struct setting timer_read(const struct posix_timer *pt)
{
	u64 now = timer_now(pt);
	struct setting s = {.interval_ns = pt->interval_ns};
	if (pt->armed)
		s.value_ns = pt->expires_ns > now ? pt->expires_ns - now : 1;
	return s;
}

static u64 deadline(const struct posix_timer *pt, u64 value, bool absolute)
{
	bool real = pt->clock == CLOCK_REALTIME || pt->clock == CLOCK_REALTIME_ALARM ||
		pt->clock == CLOCK_TAI;
	u64 now;
	if (absolute)
		return real ? deadline_realtime(value) : value;
	now = timer_now(pt);
	return value >= (u64)INT64_MAX - now ? DEADLINE_NEVER : now + value;
}

/* Caller holds process_lock. */
static void timer_set(struct posix_timer *pt, const struct setting *set, bool absolute)
{
	timer_cancel(&pt->timer);
	pt->armed = set->value_ns;
	pt->interval_ns = set->value_ns ? set->interval_ns : 0;
	pt->overrun = 0;
	pt->overrun_last = 0;
	if (!pt->armed)
		return;
	pt->expires_ns = deadline(pt, set->value_ns, absolute);
	if (counts_cpu(pt))
		itimer_watch_cpu(pt->process);
	else
		timer_arm(&pt->timer, pt->expires_ns, timer_fired);
}

static long get_setting(struct setting *s, uptr_t from, bool time64)
{
	u32 size = time64 ? sizeof(struct abi_timespec64) : sizeof(struct abi_timespec32);
	long err = get_timespec(&s->interval_ns, from, time64);
	if (err == -EFAULT)
		return err;
	return get_timespec(&s->value_ns, uptr_add(from, size), time64) ?: err;
}

static long put_setting(uptr_t to, const struct setting *s, bool time64)
{
	u32 size = time64 ? sizeof(struct abi_timespec64) : sizeof(struct abi_timespec32);
	return put_timespec(to, s->interval_ns, time64) ?:
		put_timespec(uptr_add(to, size), s->value_ns, time64);
}

static long do_settime(u32 id, u32 how, uptr_t uset, uptr_t uold, bool time64)
{
	struct setting set, old;
	struct posix_timer *pt;
	u32 flags;
	long err = uset.va ? get_setting(&set, uset, time64) : -EINVAL;
	if (err)
		return err;
	flags = spin_lock_irqsave(&process_lock);
	pt = timer_find(id);
	if (pt) {
		old = timer_read(pt);
		timer_set(pt, &set, how & TIMER_ABSTIME);
	}
	spin_unlock_irqrestore(&process_lock, flags);
	if (!pt)
		return -EINVAL;
	return uold.va ? put_setting(uold, &old, time64) : 0;
}

static long do_gettime(u32 id, uptr_t to, bool time64)
{
	struct setting now;
	u32 flags = spin_lock_irqsave(&process_lock);
	const struct posix_timer *pt = timer_find(id);
	if (pt)
		now = timer_read(pt);
	spin_unlock_irqrestore(&process_lock, flags);
	return pt ? put_setting(to, &now, time64) : -EINVAL;
}

long sys_timer_settime(u32 id, u32 flags, uptr_t set, uptr_t old)
{
	return do_settime(id, flags, set, old, false);
}

long sys_timer_settime64(u32 id, u32 flags, uptr_t set, uptr_t old)
{
	return do_settime(id, flags, set, old, true);
}

long sys_timer_gettime(u32 id, uptr_t to)
{
	return do_gettime(id, to, false);
}

long sys_timer_gettime64(u32 id, uptr_t to)
{
	return do_gettime(id, to, true);
}
