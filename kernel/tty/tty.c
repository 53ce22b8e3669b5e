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
#include "kernel/fs/poll.h"
#include "kernel/fs/vfs.h"
#include "kernel/lib/string.h"
#include "kernel/proc/signal.h"
#include "kernel/proc/task.h"
#include "kernel/tty/tty_impl.h"
#include "kernel/x86/uaccess.h"

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

static struct tty *file_tty(const struct file *f)
{
	return f->private;
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

/* The line was cut since f was opened. */
static bool is_dead(const struct file *f)
{
	return READ_ONCE(file_tty(f)->hangups) != (u32)f->pos;
}

static void tty_release(struct file *f)
{
	struct tty *t = file_tty(f);
	u32 flags = spin_lock_irqsave(&t->lock);

	if (!is_dead(f) && --t->files == 0 && t->driver->in_use)
		t->driver->in_use(t, false);
	spin_unlock_irqrestore(&t->lock, flags);
	tty_put(t);
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

/* Asks the sender for more input or less. Caller holds t->lock. */
static void update_throttle(struct tty *t)
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

	update_throttle(t);
	readable = ldisc_readable(&t->ldisc, 1);
	stopped = stopped && is_stopped(t);
	spin_unlock_irqrestore(&t->lock, flags);
	if (sig)
		tty_signal_foreground(t, sig);
	if (readable)
		waitq_wake_all(&t->readers);
	if (!stopped)
		waitq_wake_all(&t->writers);
}

/* --- Job control --- */

/* A process in the background that wants what only the foreground may have is stopped by `sig`.
 * Returns 0 when it may go on. */
static long check_foreground(struct tty *t, u32 sig)
{
	const struct process *p = current_process();
	u32 foreground = READ_ONCE(t->pgrp), pgid = READ_ONCE(p->pgid);

	if (READ_ONCE(p->tty) != t || !foreground || pgid == foreground)
		return 0;
	if (signal_ignored_or_blocked(sig))
		return sig == SIGTTIN ? -EIO : 0;
	if (pgrp_orphaned(pgid))
		return -EIO;
	signal_send_pgrp(pgid, sig);
	return -ERESTARTSYS;
}

/* What is opened as /dev/console knows no background. */
static bool is_console(const struct file *f)
{
	return f->dentry->inode->rdev == MKDEV(5, 1);
}

/* Caller holds process_lock. */
static void set_controlling(struct tty *t, struct process *p)
{
	t->sid = p->sid;
	t->pgrp = p->pgid;
	p->tty = t;
}

/* Takes the terminal away from its session. Caller holds process_lock. */
static void clear_session(struct tty *t)
{
	struct process *p;

	list_for_each_entry (p, &process_list, all)
		if (p->tty == t)
			p->tty = NULL;
	t->sid = 0;
	t->pgrp = 0;
}

static bool is_session_leader(const struct process *p)
{
	return p->sid == p->pid;
}

long tty_open(struct file *f, struct tty *t)
{
	struct process *p = current_process();
	u32 flags;

	attach(f, tty_get(t));
	if (f->flags & O_NOCTTY || (f->flags & O_ACCMODE) == O_WRONLY)
		return 0;
	flags = spin_lock_irqsave(&process_lock);
	if (is_session_leader(p) && !p->tty && !t->sid)
		set_controlling(t, p);
	spin_unlock_irqrestore(&process_lock, flags);
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

/* What a foreground group gets when its terminal goes; 0: there is none. */
static void tell_group(u32 pgrp)
{
	if (pgrp) {
		signal_send_pgrp(pgrp, SIGHUP);
		signal_send_pgrp(pgrp, SIGCONT);
	}
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

/* Takes the terminal from its session. Returns the foreground group, 0: none. */
static u32 take_from_session(struct tty *t, bool tell_leader)
{
	u32 flags = spin_lock_irqsave(&process_lock), pgrp = t->pgrp;
	struct process *leader = t->sid && tell_leader ? process_find(t->sid) : NULL;

	if (leader && leader->state != P_ZOMBIE) {
		signal_send_process_locked(leader, SIGHUP, NULL);
		signal_send_process_locked(leader, SIGCONT, NULL);
		leader->tty_old_pgrp = pgrp;
	}
	clear_session(t);
	spin_unlock_irqrestore(&process_lock, flags);
	return pgrp;
}

void tty_hang_up(struct tty *t)
{
	kill_files(t);
	take_from_session(t, true);
}

/* The terminal that a session has, referenced, or NULL. */
static struct tty *session_tty(u32 sid)
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

static void session_ended(u32 sid)
{
	struct tty *t = session_tty(sid);
	u32 pgrp;

	if (!t)
		return;
	pgrp = take_from_session(t, false);
	if (t == tty_console())
		tell_group(pgrp);
	else if (pgrp)
		signal_send_pgrp(pgrp, SIGHUP);
	tty_put(t);
}

void tty_leader_exits(struct process *p)
{
	if (p->tty)
		session_ended(p->sid);
	else
		tell_group(p->tty_old_pgrp);
}

u32 tty_nr(const struct tty *t)
{
	return t ? abi_encode_dev(t->dev) : 0;
}

s32 tty_foreground(const struct tty *t)
{
	return t ? (s32)READ_ONCE(t->pgrp) : -1;
}

/* `steal`: root may take it from another session. */
static long set_ctty(struct tty *t, bool steal)
{
	struct process *p = current_process();
	u32 flags = spin_lock_irqsave(&process_lock);
	long err = 0;

	if (is_session_leader(p) && p->tty == t && t->sid == p->sid)
		goto out;
	err = -EPERM;
	if (!is_session_leader(p) || p->tty)
		goto out;
	if (t->sid && !(steal && p->cred.euid == 0))
		goto out;
	clear_session(t);
	set_controlling(t, p);
	err = 0;
out:
	spin_unlock_irqrestore(&process_lock, flags);
	return err;
}

static long give_up_ctty(struct tty *t)
{
	struct process *p = current_process();
	u32 flags;

	if (READ_ONCE(p->tty) != t)
		return -ENOTTY;
	if (is_session_leader(p))
		tell_group(take_from_session(t, false));
	flags = spin_lock_irqsave(&process_lock);
	p->tty = NULL;
	spin_unlock_irqrestore(&process_lock, flags);
	return 0;
}

/* The session that a process group is in; 0 when there is no such group. Caller holds
 * process_lock. */
static u32 session_of(u32 pgid)
{
	struct process *p;

	list_for_each_entry (p, &process_list, all)
		if (p->pgid == pgid)
			return p->sid;
	return 0;
}

static long set_foreground(struct tty *t, u32 pgid)
{
	const struct process *p = current_process();
	u32 flags = spin_lock_irqsave(&process_lock);
	u32 sid = session_of(pgid);
	long err = 0;

	if (p->tty != t || t->sid != p->sid)
		err = -ENOTTY;
	else if (!sid)
		err = -ESRCH;
	else if (sid != p->sid)
		err = -EPERM;
	else
		t->pgrp = pgid;
	spin_unlock_irqrestore(&process_lock, flags);
	return err;
}

/* --- read(2) --- */

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
	update_throttle(t);
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
	struct tty *t = file_tty(f);
	struct alarm_clock alarm;
	long err;

	if (ns == FOREVER) {
		err = wait_event_interruptible(&t->readers, has_input(t) || is_dead(f));
		return err ? -ERESTARTSYS : 0;
	}
	alarm_clock_arm(&alarm, clock_monotonic_ns() + ns);
	err = wait_event_interruptible(
		&t->readers, has_input(t) || is_dead(f) || READ_ONCE(alarm.expired));
	alarm_clock_cancel(&alarm);
	if (err)
		return -ERESTARTSYS;
	return has_input(t) || is_dead(f) ? 0 : -ETIME;
}

static ssize_k tty_read(struct file *f, struct iobuf *to, size_t n, u64 *pos)
{
	struct tty *t = file_tty(f);
	long err = is_console(f) ? 0 : check_foreground(t, SIGTTIN);
	struct read_rules rules = read_rules(t);
	u64 patience = rules.first_ns;
	ssize_k total = 0, got;
	bool ended;

	while (!err && !is_dead(f)) {
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
	struct tty *t = file_tty(f);

	while (!is_dead(f)) {
		if (try_write(t, s, n))
			return 0;
		if (f->flags & O_NONBLOCK)
			return -EAGAIN;
		if (wait_event_interruptible(&t->writers, writable(t, n) || is_dead(f)))
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
	if (READ_ONCE(current_thread()->work) & WORK_RESCHED)
		yield();
	return 0;
}

static ssize_k tty_write(struct file *f, struct iobuf *from, size_t n, u64 *pos)
{
	struct tty *t = file_tty(f);
	bool may_stop = wants_tostop(t) && !is_console(f);
	long err = is_dead(f) ? -EIO : may_stop ? check_foreground(t, SIGTTOU) : 0;
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
	return done ? (ssize_k)done : err;
}

/* --- poll(2) --- */

static u32 tty_poll(struct file *f, struct poll_table *pt)
{
	struct tty *t = file_tty(f);
	const u8 *cc = t->ldisc.termios.c_cc;
	u32 events = 0, flags;

	poll_wait_for(pt, &t->readers, POLLIN | POLLRDNORM);
	poll_wait_for(pt, &t->writers, POLLOUT | POLLWRNORM);
	if (is_dead(f))
		return POLLIN | POLLOUT | POLLERR | POLLHUP | POLLRDNORM | POLLWRNORM;
	flags = spin_lock_irqsave(&t->lock);
	if (ldisc_readable(&t->ldisc, cc[VTIME] ? 1 : cc[VMIN]))
		events |= POLLIN | POLLRDNORM;
	if (can_write(t, CHUNK))
		events |= POLLOUT | POLLWRNORM;
	spin_unlock_irqrestore(&t->lock, flags);
	return events;
}

/* --- ioctl(2) --- */

static long get_termios(struct tty *t, uptr_t arg)
{
	u32 flags = spin_lock_irqsave(&t->lock);
	struct abi_termios tios = t->ldisc.termios;

	spin_unlock_irqrestore(&t->lock, flags);
	return copy_to_user(arg, &tios, sizeof(tios));
}

static long set_termios(struct tty *t, uptr_t arg, bool flush)
{
	struct abi_termios tios;
	u32 flags;

	if (copy_from_user(&tios, arg, sizeof(tios)))
		return -EFAULT;
	flags = spin_lock_irqsave(&t->lock);
	if (flush)
		ldisc_flush(&t->ldisc);
	ldisc_set_termios(&t->ldisc, &tios);
	update_throttle(t);
	spin_unlock_irqrestore(&t->lock, flags);
	waitq_wake_all(&t->readers);
	waitq_wake_all(&t->writers);
	return 0;
}

static long get_winsize(struct tty *t, uptr_t arg)
{
	u32 flags = spin_lock_irqsave(&t->lock);
	struct abi_winsize size = t->winsize;

	spin_unlock_irqrestore(&t->lock, flags);
	return copy_to_user(arg, &size, sizeof(size));
}

static long set_winsize(struct tty *t, uptr_t arg)
{
	struct abi_winsize size;
	bool changed;
	u32 flags;

	if (copy_from_user(&size, arg, sizeof(size)))
		return -EFAULT;
	flags = spin_lock_irqsave(&t->lock);
	changed = memcmp(&t->winsize, &size, sizeof(size)) != 0;
	t->winsize = size;
	spin_unlock_irqrestore(&t->lock, flags);
	if (changed)
		tty_signal_foreground(t, SIGWINCH);
	return 0;
}

/* TCXONC. Caller holds t->lock. */
static long flow(struct tty *t, u32 action)
{
	u32 index = action == TCIOFF ? VSTOP : VSTART;
	char c = (char)t->ldisc.termios.c_cc[index];

	if (action > TCION)
		return -EINVAL;
	if (action == TCOOFF || action == TCOON)
		t->output_off = action == TCOOFF;
	else if (c)
		t->ldisc.out(t->ldisc.ctx, &c, 1);
	return 0;
}

/* TCFLSH; nothing waits on the way out. Caller holds t->lock. */
static long flush(struct tty *t, u32 what)
{
	if (what > TCIOFLUSH)
		return -EINVAL;
	if (what != TCOFLUSH)
		ldisc_flush(&t->ldisc);
	update_throttle(t);
	return 0;
}

/* What only the foreground may do. */
static long change_line(struct tty *t, u32 cmd, u32 arg)
{
	long err = check_foreground(t, SIGTTOU);
	u32 flags;

	if (err)
		return err;
	if (cmd == TCSETS || cmd == TCSETSW || cmd == TCSETSF)
		return set_termios(t, UPTR(arg), cmd == TCSETSF);
	flags = spin_lock_irqsave(&t->lock);
	if (cmd == TCXONC)
		err = flow(t, arg);
	else if (cmd == TCFLSH)
		err = flush(t, arg);
	spin_unlock_irqrestore(&t->lock, flags);
	waitq_wake_all(&t->writers);
	return err;
}

long tty_ioctl_line(struct tty *t, u32 cmd, u32 arg)
{
	u32 flags, count;

	switch (cmd) {
	case TCGETS:
		return get_termios(t, UPTR(arg));
	case TCSETS:
	case TCSETSW:
	case TCSETSF:
	case TCSBRK:
	case TCSBRKP:
	case TCXONC:
	case TCFLSH:
		return change_line(t, cmd, arg);
	case TIOCGWINSZ:
		return get_winsize(t, UPTR(arg));
	case TIOCSWINSZ:
		return set_winsize(t, UPTR(arg));
	case TIOCOUTQ:
		return put_user_u32(UPTR(arg), 0);
	case FIONREAD:
		flags = spin_lock_irqsave(&t->lock);
		count = ldisc_count(&t->ldisc);
		spin_unlock_irqrestore(&t->lock, flags);
		return put_user_u32(UPTR(arg), count);
	default:
		return -ENOTTY;
	}
}

static long ioctl_set_foreground(struct tty *t, uptr_t arg)
{
	long err = check_foreground(t, SIGTTOU);
	u32 pgid;

	if (err)
		return err == -EIO ? -ENOTTY : err;
	if (get_user_u32(&pgid, arg))
		return -EFAULT;
	return (s32)pgid < 0 ? -EINVAL : set_foreground(t, pgid);
}

static long tty_ioctl(struct file *f, u32 cmd, u32 arg)
{
	struct tty *t = file_tty(f);
	bool ours = READ_ONCE(current_process()->tty) == t;

	if (is_dead(f))
		return cmd == TIOCSPGRP ? -ENOTTY : -EIO;
	switch (cmd) {
	case TIOCSCTTY:
		return set_ctty(t, arg == 1);
	case TIOCNOTTY:
		return give_up_ctty(t);
	case TIOCSPGRP:
		return ioctl_set_foreground(t, UPTR(arg));
	case TIOCGPGRP:
		return ours ? put_user_u32(UPTR(arg), READ_ONCE(t->pgrp)) : -ENOTTY;
	case TIOCGSID:
		return ours ? put_user_u32(UPTR(arg), READ_ONCE(t->sid)) : -ENOTTY;
	default:
		return tty_ioctl_line(t, cmd, arg);
	}
}

const struct file_ops tty_file_ops = {
	.read = tty_read,
	.write = tty_write,
	.poll = tty_poll,
	.ioctl = tty_ioctl,
	.release = tty_release,
	.async = true,
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
