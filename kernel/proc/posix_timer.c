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
	struct ravl_node node;    /* in process->posix_timers, ascending by id */
	struct process *process;
	u32 id;
	s32 clock;                /* a CLOCK_ number, or a clock of CPU time with its pid in it */
	u32 notify, tid;          /* SIGEV_; the thread that SIGEV_THREAD_ID names */
	struct timer timer;       /* of a clock of real time */
	bool armed;               /* its clock will make it expire */
	bool resting;             /* it moves on when somebody looks: its signal waits, or it has none */
	bool real;                /* set to a time of the real-time clock, and follows that */
	u64 expires_ns;           /* monotonic time, that clock's, or CPU time */
	u64 interval_ns;          /* 0: once */
	s64 overrun;              /* expirations since a signal was taken, but for one */
	s64 overrun_last;         /* what that signal told */
	struct sigqueue *signal;  /* its own; what waits when the timer goes is the process's */
};

static struct slab_cache *posix_timer_cache;

static struct posix_timer *timer_of(struct ravl_node *n)
{
	return n ? ravl_entry(n, struct posix_timer, node) : NULL;
}

#define for_each_posix_timer(pt, p)                                                                \
	for (pt = timer_of((p)->posix_timers.first); pt; pt = timer_of(pt->node.next))

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
		return pt->real ? clock_realtime_ns() : clock_monotonic_ns();
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

/* Returns whether there is still somebody to send it to. */
static bool signal_send(struct posix_timer *pt)
{
	struct task *t = NULL;
	if (pt->notify & SIGEV_THREAD_ID) {
		t = task_find(pt->tid);
		if (!t || t->process != pt->process)
			return false;
	}
	signal_send_entry_locked(pt->process, t, pt->signal);
	return true;
}

static void timer_fired(struct timer *timer);

/* For expires_ns. */
static void arm(struct posix_timer *pt)
{
	pt->armed = true;
	pt->resting = false;
	if (counts_cpu(pt))
		itimer_watch_cpu(pt->process);
	else if (pt->real)
		timer_arm_realtime(&pt->timer, pt->expires_ns, timer_fired);
	else
		timer_arm(&pt->timer, pt->expires_ns, timer_fired);
}

/* Of a periodic timer: the next expiry after `now`. */
static void move_on(struct posix_timer *pt, u64 now)
{
	pt->overrun += (s64)timer_forward(&pt->expires_ns, pt->interval_ns, now);
}

/* A signal that is ignored will not be taken, and may yet get a handler: the timer goes on by itself
 * then, but not more often than with each tick. */
static void expire(struct posix_timer *pt, u64 now)
{
	pt->armed = false;
	pt->resting = pt->interval_ns;
	if (sigqueue_waits(pt->signal)) { /* since before it was set */
		pt->signal->info.timer.overrun++;
		return;
	}
	pt->signal->info.timer.overrun = 0;
	if (!signal_send(pt) || sigqueue_waits(pt->signal) || !pt->interval_ns)
		return;
	move_on(pt, pt->interval_ns < TICK_NS ? now + TICK_NS : now);
	arm(pt);
}

static void timer_fired(struct timer *timer)
{
	struct posix_timer *pt = container_of(timer, struct posix_timer, timer);
	u32 flags = spin_lock_irqsave(&process_lock);
	expire(pt, MAX(timer_now(pt), pt->expires_ns));
	spin_unlock_irqrestore(&process_lock, flags);
}

bool posix_timer_watches_cpu(const struct process *p)
{
	const struct posix_timer *pt;
	for_each_posix_timer(pt, p)
		if (counts_cpu(pt) && pt->armed)
			return true;
	return false;
}

void posix_timer_cpu_tick(struct process *p)
{
	struct posix_timer *pt;
	for_each_posix_timer(pt, p) {
		u64 now = counts_cpu(pt) && pt->armed ? timer_now(pt) : 0;
		if (now && now >= pt->expires_ns)
			expire(pt, now);
	}
}

static s32 overrun_told(const struct posix_timer *pt, s32 more)
{
	return (s32)MIN(pt->overrun_last + more, (s64)INT32_MAX);
}

void posix_timer_taken(struct posix_timer *pt, struct abi_siginfo *info)
{
	if (!pt->resting)
		return;
	move_on(pt, timer_now(pt));
	pt->overrun_last = pt->overrun;
	pt->overrun = -1;
	info->timer.overrun = overrun_told(pt, info->timer.overrun);
	arm(pt);
}

/* --- Creating and deleting --- */

/* The timer with the highest number up to `id`, or NULL. Caller holds process_lock. */
static struct posix_timer *timer_up_to(const struct process *p, u32 id)
{
	struct posix_timer *found = NULL;
	for (struct ravl_node *n = p->posix_timers.node; n;) {
		bool up_to = timer_of(n)->id <= id;
		found = up_to ? timer_of(n) : found;
		n = up_to ? n->right : n->left;
	}
	return found;
}

static struct posix_timer *timer_find(u32 id)
{
	struct posix_timer *pt = timer_up_to(current_process(), id);
	return pt && pt->id == id ? pt : NULL;
}

/* Numbers go on from the last one, around, past those in use. Caller holds process_lock. */
static void timer_number(struct process *p, struct posix_timer *pt)
{
	struct posix_timer *prev;
	do {
		pt->id = p->next_timer_id++ & INT32_MAX;
		prev = timer_up_to(p, pt->id);
	} while (prev && prev->id == pt->id);
	ravl_insert_after(&p->posix_timers, prev ? &prev->node : NULL, &pt->node);
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
	ravl_erase(&pt->process->posix_timers, &pt->node);
	slab_free(posix_timer_cache, pt);
}

void posix_timers_exit(struct process *p)
{
	u32 flags = spin_lock_irqsave(&process_lock);
	while (p->posix_timers.last)
		timer_delete(timer_of(p->posix_timers.last), true);
	spin_unlock_irqrestore(&process_lock, flags);
}

/* Numbers the timer and makes it known, unless the process has its fill of queued signals: a timer
 * counts as one, since it owns the place for it. */
static bool timer_enter(struct posix_timer *pt, const struct abi_sigevent *e, bool value_is_id)
{
	struct process *p = pt->process;
	u32 flags = spin_lock_irqsave(&process_lock);
	struct sigqueue *q = sigqueue_alloc_locked(p, false);
	if (q) {
		pt->signal = q;
		timer_number(p, pt);
		*q = (struct sigqueue){.sig = (u32)e->signo, .timer = pt};
		list_init(&q->link);
		q->info.si_signo = e->signo;
		q->info.si_code = SI_TIMER;
		q->info.timer.tid = (s32)pt->id;
		q->info.timer.value = value_is_id ? pt->id : e->value;
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
		.overrun = -1,
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
	long n = pt ? overrun_told(pt, 0) : -EINVAL;
	spin_unlock_irqrestore(&process_lock, flags);
	return n;
}

/* --- Setting and reading --- */

struct setting {
	u64 value_ns, interval_ns; /* value: until, or when; 0: not armed */
};

/* One that expires while it is being read has a nanosecond left. Caller holds process_lock. */
static struct setting timer_read(struct posix_timer *pt)
{
	u64 now = timer_now(pt);
	struct setting s = {.interval_ns = pt->interval_ns};
	if (pt->resting && pt->interval_ns)
		move_on(pt, now);
	if (pt->armed || pt->resting)
		s.value_ns = pt->expires_ns > now ? pt->expires_ns - now : pt->armed;
	return s;
}

/* When it expires, by the clock of timer_now(). */
static u64 deadline(const struct posix_timer *pt, u64 value, bool absolute)
{
	u64 now;
	if (absolute)
		return clock_to_realtime(pt->clock, value);
	now = timer_now(pt);
	return value >= (u64)INT64_MAX - now ? DEADLINE_NEVER : now + value;
}

/* Caller holds process_lock. */
static void timer_set(struct posix_timer *pt, const struct setting *set, bool absolute)
{
	timer_cancel(&pt->timer);
	pt->armed = pt->resting = false;
	pt->interval_ns = set->value_ns ? set->interval_ns : 0;
	pt->overrun_last = 0;
	if (!set->value_ns)
		return;
	pt->real = absolute && clock_is_realtime(pt->clock);
	pt->expires_ns = deadline(pt, set->value_ns, absolute);
	if (pt->notify == SIGEV_NONE)
		pt->resting = true;
	else
		arm(pt);
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
		if (uold.va) /* looking moves it on */
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
	struct posix_timer *pt = timer_find(id);
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
