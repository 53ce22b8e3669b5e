/* ioctl(2) of terminals: settings of the line, and job control's calls. */
#include "kernel/abi/errno.h"
#include "kernel/abi/signal.h"
#include "kernel/lib/string.h"
#include "kernel/proc/task.h"
#include "kernel/tty/tty_impl.h"
#include "kernel/x86/uaccess.h"

static struct abi_termios line_settings(struct tty *t)
{
	u32 flags = spin_lock_irqsave(&t->lock);
	struct abi_termios tios = t->ldisc.termios;

	spin_unlock_irqrestore(&t->lock, flags);
	return tios;
}

static long get_termios(struct tty *t, uptr_t arg)
{
	struct abi_termios tios = line_settings(t);

	return copy_to_user(arg, &tios, sizeof(tios));
}

static long get_termio(struct tty *t, uptr_t arg)
{
	struct abi_termios tios = line_settings(t);
	struct abi_termio old = {
		.c_iflag = (u16)tios.c_iflag,
		.c_oflag = (u16)tios.c_oflag,
		.c_cflag = (u16)tios.c_cflag,
		.c_lflag = (u16)tios.c_lflag,
		.c_line = tios.c_line,
	};

	memcpy(old.c_cc, tios.c_cc, sizeof(old.c_cc));
	return copy_to_user(arg, &old, sizeof(old));
}

static void set_low(u32 *flags, u16 low)
{
	*flags = (*flags & 0xffff0000u) | low;
}

/* What the user wants, in the old form or the new one. */
static long new_settings(struct tty *t, struct abi_termios *tios, uptr_t arg, bool old_form)
{
	struct abi_termio old;

	if (!old_form)
		return copy_from_user(tios, arg, sizeof(*tios));
	if (copy_from_user(&old, arg, sizeof(old)))
		return -EFAULT;
	*tios = line_settings(t);
	set_low(&tios->c_iflag, old.c_iflag);
	set_low(&tios->c_oflag, old.c_oflag);
	set_low(&tios->c_cflag, old.c_cflag);
	set_low(&tios->c_lflag, old.c_lflag);
	tios->c_line = old.c_line;
	memcpy(tios->c_cc, old.c_cc, sizeof(old.c_cc));
	return 0;
}

static long set_termios(struct tty *t, u32 cmd, uptr_t arg)
{
	bool old_form = cmd == TCSETA || cmd == TCSETAW || cmd == TCSETAF;
	struct abi_termios tios;
	u32 flags;

	if (new_settings(t, &tios, arg, old_form))
		return -EFAULT;
	flags = spin_lock_irqsave(&t->lock);
	if (cmd == TCSETSF || cmd == TCSETAF)
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
	if (cmd != TCXONC && cmd != TCFLSH && cmd != TCSBRK && cmd != TCSBRKP)
		return set_termios(t, cmd, UPTR(arg));
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
	case TCGETA:
		return get_termio(t, UPTR(arg));
	case TCSETS:
	case TCSETSW:
	case TCSETSF:
	case TCSETA:
	case TCSETAW:
	case TCSETAF:
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
		return tty_set_ctty(t, f->backing.may_read, arg == 1);
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
