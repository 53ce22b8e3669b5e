/*
 * timerfd_create(2): a timer whose expirations are read from a file. A periodic one goes on when its
 * file is read, so that the shortest interval leaves the program time for that.
 *
 * A time on CLOCK_REALTIME is kept as that clock tells it: when that is set, the timer still expires at
 * the same time of day, and one with TFD_TIMER_CANCEL_ON_SET tells it by ECANCELED.
 */
#include "kernel/abi/errno.h"
#include "kernel/abi/eventfiles.h"
#include "kernel/abi/prctl.h"
#include "kernel/fs/poll.h"
#include "kernel/fs/text.h"
#include "kernel/fs/vfs.h"
#include "kernel/proc/process.h"
#include "kernel/syscalls.h"
#include "mm/kmalloc.h"

/* letters: l: `lock`, taken with irqsave; i: set at creation */
struct timerfd {
	struct spinlock lock;
	s32 clock;	    /* i */
	struct timer timer; /* l */
	u64 interval_ns;    /* l: 0: once */
	bool real;	    /* l: set to a time of the real-time clock, and follows that */
	u64 ticks;	    /* l: expirations not yet read */
	u32 flags;	    /* l: TFD_TIMER_ bits it was set with */
	bool cancelled;	    /* l: the clock was set, with TFD_TIMER_CANCEL_ON_SET */
	struct waitq readers;
	struct waiter clock_set; /* on clock_was_set */
};

/* A timer as the calls see it. */
struct setting {
	u64 value_ns, interval_ns; /* value 0: not armed */
};

static void fired(struct timer *timer)
{
	struct timerfd *t = container_of(timer, struct timerfd, timer);
	u32 flags = spin_lock_irqsave(&t->lock);
	bool first = t->ticks == 0;

	t->ticks++;
	spin_unlock_irqrestore(&t->lock, flags);
	if (first)
		waitq_wake_all(&t->readers);
}

/* The time that its expiry is compared with. Caller holds t->lock. */
static u64 timer_now(const struct timerfd *t)
{
	return t->real ? clock_realtime_ns() : clock_monotonic_ns();
}

static void arm(struct timerfd *t, u64 expires_ns)
{
	if (t->real)
		timer_arm_realtime(&t->timer, expires_ns, fired);
	else
		timer_arm(&t->timer, expires_ns, fired);
}

/* If it is periodic and has expired: counts what it has missed meanwhile and arms it. Where the clock
 * was set back before that, the expiration has not been. Caller holds t->lock. */
static void go_on(struct timerfd *t)
{
	u64 next = t->timer.expires_ns;

	if (!t->interval_ns || !t->ticks || t->timer.pending)
		return;
	t->ticks += timer_forward(&next, t->interval_ns, timer_now(t)) - 1;
	arm(t, next);
}

static void clock_set(struct waiter *w)
{
	struct timerfd *t = container_of(w, struct timerfd, clock_set);
	u32 flags = spin_lock_irqsave(&t->lock);

	t->cancelled |= t->flags & TFD_TIMER_CANCEL_ON_SET;
	spin_unlock_irqrestore(&t->lock, flags);
	waitq_wake_all(&t->readers);
}

/* Returns whether a read has something to say: the expirations, or that the clock was set. */
static bool take(struct timerfd *t, u64 *ticks, bool *cancelled)
{
	u32 flags = spin_lock_irqsave(&t->lock);
	bool some = t->ticks || t->cancelled;

	*cancelled = t->cancelled;
	if (!t->cancelled)
		go_on(t);
	*ticks = t->ticks;
	t->ticks = 0;
	t->cancelled = false;
	spin_unlock_irqrestore(&t->lock, flags);
	return some;
}

static bool ready(struct timerfd *t)
{
	u32 flags = spin_lock_irqsave(&t->lock);
	bool yes = t->ticks || t->cancelled;

	spin_unlock_irqrestore(&t->lock, flags);
	return yes;
}

static ssize_k timerfd_read(struct file *f, struct iobuf *to, size_t n, u64 *pos)
{
	struct timerfd *t = f->private;
	bool cancelled;
	u64 ticks;

	if (n < sizeof(ticks))
		return -EINVAL;
	while (!take(t, &ticks, &cancelled)) {
		if (f->flags & O_NONBLOCK)
			return -EAGAIN;
		if (wait_event_interruptible(&t->readers, ready(t)))
			return -ERESTARTSYS;
	}
	if (cancelled)
		return -ECANCELED;
	if (!ticks)
		return 0;
	return iobuf_put(to, &ticks, sizeof(ticks)) ? -EFAULT : (ssize_k)sizeof(ticks);
}

static u32 timerfd_poll(struct file *f, struct poll_table *pt)
{
	struct timerfd *t = f->private;

	poll_wait(pt, &t->readers);
	return ready(t) ? POLLIN : 0;
}

static void timerfd_release(struct file *f)
{
	struct timerfd *t = f->private;

	waitq_leave(&clock_was_set, &t->clock_set);
	timer_cancel(&t->timer);
	kfree(t);
}

/* Caller holds t->lock. */
static struct setting get_locked(const struct timerfd *t)
{
	struct setting s = {.interval_ns = t->interval_ns};
	u64 now = timer_now(t);

	if (t->timer.pending)
		s.value_ns = t->timer.expires_ns > now ? t->timer.expires_ns - now : 1;
	return s;
}

static void timerfd_show(struct file *f, struct text *text)
{
	struct timerfd *t = f->private;
	u32 flags = spin_lock_irqsave(&t->lock);
	struct setting s = get_locked(t);
	u64 ticks = t->ticks;
	u32 set_flags = t->flags;

	spin_unlock_irqrestore(&t->lock, flags);
	text_printf(text,
		"clockid: %d\nticks: %llu\nsettime flags: 0%o\nit_value: (%llu, %llu)\n"
		"it_interval: (%llu, %llu)\n",
		t->clock, ticks, set_flags, s.value_ns / NSEC_PER_SEC, s.value_ns % NSEC_PER_SEC,
		s.interval_ns / NSEC_PER_SEC, s.interval_ns % NSEC_PER_SEC);
}

static const struct file_ops timerfd_ops = {
	.seek_ignored = true,
	.read = timerfd_read,
	.poll = timerfd_poll,
	.release = timerfd_release,
	.show_info = timerfd_show,
};

static bool is_realtime(s32 clock)
{
	return clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_ALARM;
}

static bool is_alarm(s32 clock)
{
	return clock == CLOCK_REALTIME_ALARM || clock == CLOCK_BOOTTIME_ALARM;
}

static bool clock_known(s32 clock)
{
	return is_realtime(clock) || is_alarm(clock) || clock == CLOCK_MONOTONIC ||
	       clock == CLOCK_BOOTTIME;
}

long sys_timerfd_create(s32 clock, u32 flags)
{
	struct timerfd *t;

	if ((flags & ~(O_CLOEXEC | O_NONBLOCK)) || !clock_known(clock))
		return -EINVAL;
	if (is_alarm(clock) && !capable(CAP_WAKE_ALARM))
		return -EPERM;
	t = kzalloc(sizeof(*t));
	if (!t)
		return -ENOMEM;
	spin_init(&t->lock, "timerfd");
	waitq_init(&t->readers);
	t->clock = clock;
	waitq_enter(&clock_was_set, &t->clock_set, clock_set);
	return anon_fd_create("anon_inode:[timerfd]", O_RDWR | flags, &timerfd_ops, t);
}

/* Caller holds t->lock. */
static void set_locked(struct timerfd *t, const struct setting *s, u32 flags)
{
	bool absolute = flags & TFD_TIMER_ABSTIME;
	u64 expires = deadline_after(s->value_ns);

	timer_cancel(&t->timer);
	t->ticks = 0;
	t->cancelled = false;
	t->flags = flags;
	if (!absolute || !is_realtime(t->clock))
		t->flags &= ~TFD_TIMER_CANCEL_ON_SET;
	t->interval_ns = s->interval_ns;
	t->real = absolute && is_realtime(t->clock);
	if (absolute)
		expires = s->value_ns;
	if (s->value_ns)
		arm(t, expires);
}

/* Gets, and with `set` sets. */
static long exchange(u32 fd, const struct setting *set, u32 set_flags, struct setting *old)
{
	struct file *f = fget(fd);
	struct timerfd *t;
	u32 flags;

	if (!f)
		return -EBADF;
	if (f->ops != &timerfd_ops) {
		file_put(f);
		return -EINVAL;
	}
	t = f->private;
	flags = spin_lock_irqsave(&t->lock);
	go_on(t);
	*old = get_locked(t);
	if (set)
		set_locked(t, set, set_flags);
	spin_unlock_irqrestore(&t->lock, flags);
	file_put(f);
	return 0;
}

/* A struct itimerspec: the interval, then the value. */
static u32 timespec_size(bool time64)
{
	return time64 ? sizeof(struct abi_timespec64) : sizeof(struct abi_timespec32);
}

static long put_setting(uptr_t to, const struct setting *s, bool time64)
{
	long err = put_timespec(to, s->interval_ns, time64);

	return err ? err : put_timespec(uptr_add(to, timespec_size(time64)), s->value_ns, time64);
}

static long settime(u32 fd, u32 flags, uptr_t from, uptr_t to, bool time64)
{
	struct setting set, old;
	long err = get_timespec(&set.interval_ns, from, time64);

	if (!err)
		err = get_timespec(&set.value_ns, uptr_add(from, timespec_size(time64)), time64);
	if (!err && (flags & ~(TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET)))
		err = -EINVAL;
	if (!err)
		err = exchange(fd, &set, flags, &old);
	if (err)
		return err;
	return to.va ? put_setting(to, &old, time64) : 0;
}

long sys_timerfd_settime(u32 fd, u32 flags, uptr_t set, uptr_t old)
{
	return settime(fd, flags, set, old, false);
}

long sys_timerfd_settime64(u32 fd, u32 flags, uptr_t set, uptr_t old)
{
	return settime(fd, flags, set, old, true);
}

static long gettime(u32 fd, uptr_t to, bool time64)
{
	struct setting now;
	long err = exchange(fd, NULL, 0, &now);

	return err ? err : put_setting(to, &now, time64);
}

long sys_timerfd_gettime(u32 fd, uptr_t to)
{
	return gettime(fd, to, false);
}

long sys_timerfd_gettime64(u32 fd, uptr_t to)
{
	return gettime(fd, to, true);
}
