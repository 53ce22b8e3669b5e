/* ioctl(2) of terminals: settings of the line, and job control's calls. */
#include "kernel/abi/errno.h"
#include "kernel/abi/signal.h"
#include "kernel/lib/string.h"
#include "kernel/proc/task.h"
#include "kernel/tty/tty_impl.h"
#include "kernel/x86/uaccess.h"

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
	tty_update_throttle(t);
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
	tty_update_throttle(t);
	return 0;
}

/* What only the foreground may do. */
static long change_line(struct tty *t, u32 cmd, u32 arg)
{
	long err = tty_check_foreground(t, SIGTTOU);
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
	long err = tty_check_foreground(t, SIGTTOU);
	u32 pgid;

	if (err)
		return err == -EIO ? -ENOTTY : err;
	if (get_user_u32(&pgid, arg))
		return -EFAULT;
	return (s32)pgid < 0 ? -EINVAL : tty_set_foreground(t, pgid);
}

long tty_ioctl(struct file *f, u32 cmd, u32 arg)
{
	struct tty *t = tty_of(f);
	bool ours = READ_ONCE(current_process()->tty) == t;

	if (tty_is_dead(f))
		return cmd == TIOCSPGRP ? -ENOTTY : -EIO;
	switch (cmd) {
	case TIOCSCTTY:
		return tty_set_ctty(t, arg == 1);
	case TIOCNOTTY:
		return tty_give_up_ctty(t);
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
