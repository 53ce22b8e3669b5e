/*
 * Terminals. Interrupts hand each byte typed to the line discipline at once, so that ^C works
 * when nobody reads; readers sleep until it has something for them. Output is polled and done when
 * write() returns.
 *
 * process_lock is never taken inside a terminal's lock: signals are sent after it is dropped.
 */
#include "kernel/abi/errno.h"
#include "kernel/abi/fcntl.h"
#include "kernel/abi/poll.h"
#include "kernel/abi/signal.h"
#include "kernel/core/clock.h"
#include "kernel/core/console.h"
#include "kernel/fs/fasync.h"
#include "kernel/fs/poll.h"
#include "kernel/fs/vfs.h"
#include "kernel/proc/task.h"
#include "kernel/tty/tty_impl.h"

#define CHUNK 256u /* bytes moved at a time, with interrupts off */

#define FOREVER	 UINT64_MAX
#define VTIME_NS (NSEC_PER_SEC / 10)

#define TTYS0_DEV MKDEV(4, 64)

static struct tty the_tty;
static LIST_HEAD(ttys); /* struct tty.link; process_lock */

struct tty *tty_console(void)
{
	return &the_tty;
}

/* --- Its life --- */

void tty_setup(struct tty *t, const struct tty_driver *driver, u32 dev,
	void (*out)(void *ctx, const char *s, size_t n), void *ctx)
{
	u32 flags;

	t->driver = driver;
	t->dev = dev;
	t->refs = 1;
	spin_init(&t->lock, "tty");
	ldisc_init(&t->ldisc, out, ctx);
	waitq_init(&t->readers);
	list_init(&t->async);
	waitq_init(&t->writers);
	flags = spin_lock_irqsave(&process_lock);
	list_add_tail(&t->link, &ttys);
	spin_unlock_irqrestore(&process_lock, flags);
}

void tty_put(struct tty *t)
{
	u32 flags = spin_lock_irqsave(&process_lock);
	bool last = --t->refs == 0;

	if (last)
		list_del(&t->link);
	spin_unlock_irqrestore(&process_lock, flags);
	if (last)
		t->driver->free(t);
}

/* A file on it begins to live. The reference is the file's. */
static void attach(struct file *f, struct tty *t)
{
	u32 flags = spin_lock_irqsave(&t->lock);

	f->private = t;
	f->pos = t->hangups;
	if (t->files++ == 0 && t->driver->in_use)
		t->driver->in_use(t, true);
	spin_unlock_irqrestore(&t->lock, flags);
}

static struct tty *tty_get(struct tty *t)
{
	u32 flags = spin_lock_irqsave(&process_lock);

	t->refs++;
	spin_unlock_irqrestore(&process_lock, flags);
	return t;
}

bool tty_is_dead(const struct file *f)
{
	return READ_ONCE(tty_of(f)->hangups) != (u32)f->pos;
}

static void tty_release(struct file *f)
{
	struct tty *t = tty_of(f);
	u32 flags = spin_lock_irqsave(&t->lock);

	if (!tty_is_dead(f) && --t->files == 0 && t->driver->in_use)
		t->driver->in_use(t, false);
	spin_unlock_irqrestore(&t->lock, flags);
	tty_put(t);
}

struct tty *tty_of_session(u32 sid)
{
	u32 flags = spin_lock_irqsave(&process_lock);
	struct tty *t, *found = NULL;

	list_for_each_entry (t, &ttys, link)
		if (t->sid == sid)
			found = t;
	if (found)
		found->refs++;
	spin_unlock_irqrestore(&process_lock, flags);
	return found;
}

/* --- Input, from interrupt handlers too --- */

void tty_signal_foreground(struct tty *t, u32 sig)
{
	u32 pgrp = READ_ONCE(t->pgrp);

	if (pgrp)
		signal_send_pgrp(pgrp, sig);
}

/* Caller holds t->lock. */
static bool is_stopped(const struct tty *t)
{
	return t->ldisc.stopped || t->output_off;
}

/* Whether n bytes can be written now. Caller holds t->lock. */
static bool can_write(struct tty *t, size_t n)
{
	return !is_stopped(t) && (!t->driver->has_room || t->driver->has_room(t, n));
}

void tty_update_throttle(struct tty *t)
{
	bool on = ldisc_nearly_full(&t->ldisc);

	if (on != t->throttled) {
		t->throttled = on;
		t->driver->throttle(t, on);
	}
}

bool tty_is_throttled(struct tty *t)
{
	return READ_ONCE(t->throttled);
}

void tty_receive(struct tty *t, u8 c)
{
	u32 flags = spin_lock_irqsave(&t->lock);
	bool stopped = is_stopped(t), readable;
	u32 sig = ldisc_receive(&t->ldisc, c);

	tty_update_throttle(t);
	readable = ldisc_readable(&t->ldisc, 1);
	stopped = stopped && is_stopped(t);
	spin_unlock_irqrestore(&t->lock, flags);
	if (sig)
		tty_signal_foreground(t, sig);
	if (readable) {
		waitq_wake_all(&t->readers);
		fasync_notify(&t->async, POLL_IN);
	}
	if (!stopped)
		waitq_wake_all(&t->writers);
}

/* --- Opening, hanging up --- */

long tty_open(struct file *f, struct tty *t)
{
	attach(f, tty_get(t));
	if (!(f->flags & O_NOCTTY) && f->backing.may_read)
		tty_become_controlling(t);
	return 0;
}

long tty_open_console(struct file *f)
{
	attach(f, tty_get(tty_console()));
	return 0;
}

long tty_open_current(struct file *f)
{
	u32 flags = spin_lock_irqsave(&process_lock);
	struct tty *t = current_process()->tty;

	if (t)
		t->refs++;
	spin_unlock_irqrestore(&process_lock, flags);
	if (!t)
		return -ENXIO;
	attach(f, t);
	return 0;
}

/* All files on it die. */
static void kill_files(struct tty *t)
{
	u32 flags = spin_lock_irqsave(&t->lock);

	t->hangups++;
	if (t->files && t->driver->in_use)
		t->driver->in_use(t, false);
	t->files = 0;
	spin_unlock_irqrestore(&t->lock, flags);
	waitq_wake_all(&t->readers);
	waitq_wake_all(&t->writers);
}

void tty_hang_up(struct tty *t)
{
	kill_files(t);
	tty_take_from_session(t, true);
}

/* --- read(2) --- */

/* What is opened as /dev/console knows no background. */
static bool is_console(const struct file *f)
{
	return f->dentry->inode->rdev == MKDEV(5, 1);
}


/* When a read that has found too little goes on waiting. Canonical mode: for one line, forever. */
struct read_rules {
	size_t min;   /* bytes that are enough */
	u64 first_ns; /* how long to wait for the first byte */
	u64 next_ns;  /* how long, once there is one, for each more */
};

static struct read_rules read_rules(struct tty *t)
{
	struct read_rules r = {.min = 1, .first_ns = FOREVER, .next_ns = FOREVER};
	u32 flags = spin_lock_irqsave(&t->lock);
	const struct abi_termios *tios = &t->ldisc.termios;
	u64 time_ns = tios->c_cc[VTIME] * VTIME_NS;

	if (!(tios->c_lflag & ICANON)) {
		if (!tios->c_cc[VMIN])
			r.first_ns = time_ns;
		else if (time_ns)
			r.next_ns = time_ns;
		r.min = MAX(tios->c_cc[VMIN], 1);
	}
	spin_unlock_irqrestore(&t->lock, flags);
	return r;
}

static size_t take_chunk(struct tty *t, char *buf, size_t n, bool last, bool *ended)
{
	u32 flags = spin_lock_irqsave(&t->lock);
	size_t got = ldisc_read(&t->ldisc, buf, n, ended);

	if (last && got == n && !*ended)
		ldisc_skip_eof(&t->ldisc);
	tty_update_throttle(t);
	spin_unlock_irqrestore(&t->lock, flags);
	return got;
}

/* Moves what there is, at most n bytes. Returns the bytes moved, or -EFAULT when none could be. */
static ssize_k take(struct tty *t, struct iobuf *to, size_t n, bool *ended)
{
	char chunk[CHUNK];
	size_t done = 0;

	*ended = false;
	while (done < n && !*ended) {
		size_t len = MIN(n - done, sizeof(chunk));
		size_t got = take_chunk(t, chunk, len, done + len == n, ended);
		size_t left = iobuf_put(to, chunk, got);

		done += got - left;
		if (left)
			return done ? (ssize_k)done : -EFAULT;
		if (got < len)
			break;
	}
	return (ssize_k)done;
}

static bool has_input(struct tty *t)
{
	u32 flags = spin_lock_irqsave(&t->lock);
	bool yes = ldisc_readable(&t->ldisc, 1);

	spin_unlock_irqrestore(&t->lock, flags);
	return yes;
}

/* Returns 0 when there is input or never will be, -ETIME, or -ERESTARTSYS. */
static long wait_for_input(const struct file *f, u64 ns)
{
	struct tty *t = tty_of(f);
	struct alarm_clock alarm;
	long err;

	if (ns == FOREVER) {
		err = wait_event_interruptible(&t->readers, has_input(t) || tty_is_dead(f));
		return err ? -ERESTARTSYS : 0;
	}
	alarm_clock_arm(&alarm, clock_monotonic_ns() + ns);
	err = wait_event_interruptible(
		&t->readers, has_input(t) || tty_is_dead(f) || READ_ONCE(alarm.expired));
	alarm_clock_cancel(&alarm);
	if (err)
		return -ERESTARTSYS;
	return has_input(t) || tty_is_dead(f) ? 0 : -ETIME;
}

static ssize_k tty_read(struct file *f, struct iobuf *to, size_t n, u64 *pos)
{
	struct tty *t = tty_of(f);
	long err = is_console(f) ? 0 : tty_check_foreground(t, SIGTTIN);
	struct read_rules rules = read_rules(t);
	u64 patience = rules.first_ns;
	ssize_k total = 0, got;
	bool ended;

	while (!err && !tty_is_dead(f)) {
		got = take(t, to, n - (size_t)total, &ended);
		if (got < 0)
			return total ? total : got;
		total += got;
		if (ended || (size_t)total == n || (size_t)total >= rules.min)
			return total;
		if (got)
			patience = rules.next_ns;
		if (!patience)
			return total;
		err = f->flags & O_NONBLOCK ? -EAGAIN : wait_for_input(f, patience);
		if (!err && t->cut)
			err = -EIO;
	}
	return total || err == -ETIME ? total : err;
}

/* --- write(2) --- */

static bool writable(struct tty *t, size_t n)
{
	u32 flags = spin_lock_irqsave(&t->lock);
	bool yes = can_write(t, n);

	spin_unlock_irqrestore(&t->lock, flags);
	return yes;
}

/* Shows a chunk if output is not held up. Returns whether it did. */
static bool try_write(struct tty *t, const char *s, size_t n)
{
	u32 flags = spin_lock_irqsave(&t->lock);
	bool go = can_write(t, n);

	if (go)
		ldisc_write(&t->ldisc, s, n);
	spin_unlock_irqrestore(&t->lock, flags);
	return go;
}

static long write_chunk(const struct file *f, const char *s, size_t n)
{
	struct tty *t = tty_of(f);

	while (!tty_is_dead(f)) {
		if (try_write(t, s, n))
			return 0;
		if (f->flags & O_NONBLOCK)
			return -EAGAIN;
		if (wait_event_interruptible(&t->writers, writable(t, n) || tty_is_dead(f)))
			return -ERESTARTSYS;
	}
	return -EIO;
}

static bool wants_tostop(struct tty *t)
{
	return READ_ONCE(t->ldisc.termios.c_lflag) & TOSTOP;
}

/* A long write gives others the CPU and ends early for a signal. */
static long between_chunks(void)
{
	if (signal_pending())
		return -ERESTARTSYS;
	sched_point();
	return 0;
}

static ssize_k tty_write(struct file *f, struct iobuf *from, size_t n, u64 *pos)
{
	struct tty *t = tty_of(f);
	bool may_stop = wants_tostop(t) && !is_console(f);
	long err = tty_is_dead(f) ? -EIO : may_stop ? tty_check_foreground(t, SIGTTOU) : 0;
	char chunk[CHUNK];
	size_t done = 0;

	while (!err && done < n) {
		size_t want = MIN(n - done, sizeof(chunk)), len;

		err = between_chunks();
		if (err)
			break;
		len = want - iobuf_get(from, chunk, want);
		err = len ? write_chunk(f, chunk, len) : -EFAULT;
		if (!err)
			done += len;
	}
	if (done && t->driver->wrote)
		t->driver->wrote(t);
	return done ? (ssize_k)done : err;
}

/* --- poll(2) --- */

static u32 tty_poll(struct file *f, struct poll_table *pt)
{
	struct tty *t = tty_of(f);
	const u8 *cc = t->ldisc.termios.c_cc;
	u32 events = 0, flags;

	poll_wait_for(pt, &t->readers, POLLIN | POLLRDNORM);
	poll_wait_for(pt, &t->writers, POLLOUT | POLLWRNORM);
	if (tty_is_dead(f))
		return POLLIN | POLLOUT | POLLERR | POLLHUP | POLLRDNORM | POLLWRNORM;
	flags = spin_lock_irqsave(&t->lock);
	if (ldisc_readable(&t->ldisc, cc[VTIME] ? 1 : cc[VMIN]))
		events |= POLLIN | POLLRDNORM;
	if (can_write(t, CHUNK))
		events |= POLLOUT | POLLWRNORM;
	spin_unlock_irqrestore(&t->lock, flags);
	return events;
}

/* Without an owner, a file's signals are for those in the foreground. */
static struct list_head *tty_async(struct file *f)
{
	struct tty *t = tty_of(f);
	u32 pgrp = READ_ONCE(t->pgrp);

	if (!f->owner.who.pid && pgrp)
		(void)fasync_set_owner(f, F_OWNER_PGRP, (s32)pgrp);
	else if (!f->owner.who.pid)
		(void)fasync_set_owner(f, F_OWNER_PID, (s32)current_process()->pid);
	return &t->async;
}

const struct file_ops tty_file_ops = {
	.read = tty_read,
	.write = tty_write,
	.poll = tty_poll,
	.ioctl = tty_ioctl,
	.release = tty_release,
	.async = tty_async,
};

/* --- The console --- */

static void console_show(void *ctx, const char *s, size_t n)
{
	console_output(s, n);
}

static void console_throttle(struct tty *t, bool on)
{
	console_input_throttle(on);
}

static void console_receive(u8 c)
{
	tty_receive(&the_tty, c);
}

static const struct tty_driver console_driver = {
	.throttle = console_throttle,
};

void tty_init(void)
{
	tty_setup(&the_tty, &console_driver, TTYS0_DEV, console_show, NULL);
	console_input_start(console_receive);
}
