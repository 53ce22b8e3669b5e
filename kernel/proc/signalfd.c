/*
 * signalfd(2): pending signals, read from a file. What a read takes are the signals of the thread
 * that reads and of its process, whoever made the file.
 *
 * All signalfds of the system wait on one queue, woken by every signal that becomes pending: its
 * life does not depend on any process's, and files are few.
 */
#include "kernel/abi/errno.h"
#include "kernel/abi/eventfiles.h"
#include "kernel/fs/poll.h"
#include "kernel/fs/text.h"
#include "kernel/fs/vfs.h"
#include "kernel/proc/process.h"
#include "kernel/proc/signal.h"
#include "kernel/proc/sigqueue.h"
#include "kernel/syscalls.h"
#include "kernel/x86/uaccess.h"
#include "mm/kmalloc.h"

struct signalfd {
	u64 mask; /* what it hands out */
};

static bool take(u64 mask, struct abi_siginfo *info)
{
	u32 flags = spin_lock_irqsave(&process_lock);
	u32 sig = signal_dequeue(mask, info);

	if (sig)
		signal_recalc();
	spin_unlock_irqrestore(&process_lock, flags);
	return sig;
}

/* Signals whose positive codes tell of a fault. */
static bool is_fault(s32 sig)
{
	return sig == SIGSEGV || sig == SIGBUS || sig == SIGILL || sig == SIGFPE || sig == SIGTRAP;
}

static struct abi_signalfd_siginfo convert(const struct abi_siginfo *i)
{
	struct abi_signalfd_siginfo s = {
		.signo = (u32)i->si_signo,
		.err = i->si_errno,
		.code = i->si_code,
	};
	bool specific = i->si_code > SI_USER && i->si_code < SI_KERNEL;

	if (specific && is_fault(i->si_signo)) {
		s.addr = (u64)(s64)(s32)i->fault.addr;
		return s;
	}
	s.pid = (u32)i->rt.pid;
	s.uid = i->rt.uid;
	if (specific && i->si_signo == SIGCHLD) {
		s.status = i->chld.status;
		s.utime = (u64)(s64)i->chld.utime;
		s.stime = (u64)(s64)i->chld.stime;
	} else if (i->si_code < SI_USER) {
		s.value = (s32)i->rt.value;
		s.ptr = (u64)(s64)s.value;
	}
	return s;
}

static long take_or_wait(struct file *f, struct abi_siginfo *info)
{
	const struct signalfd *s = f->private;

	while (!take(s->mask, info)) {
		if (f->flags & O_NONBLOCK)
			return -EAGAIN;
		if (wait_event_interruptible(&signal_sent, signal_pending_set() & s->mask))
			return -ERESTARTSYS;
	}
	return 0;
}

/* Waits for the first signal only. */
static ssize_k signalfd_read(struct file *f, struct iobuf *to, size_t n, u64 *pos)
{
	const struct signalfd *s = f->private;
	struct abi_signalfd_siginfo out;
	struct abi_siginfo info;
	ssize_k done = 0;
	long err;

	if (n < sizeof(out))
		return -EINVAL;
	err = take_or_wait(f, &info);
	if (err)
		return err;
	do {
		out = convert(&info);
		if (iobuf_put(to, &out, sizeof(out)))
			return done ? done : -EFAULT;
		done += sizeof(out);
		n -= sizeof(out);
	} while (n >= sizeof(out) && take(s->mask, &info));
	return done;
}

static u32 signalfd_poll(struct file *f, struct poll_table *pt)
{
	const struct signalfd *s = f->private;

	poll_wait(pt, &signal_sent);
	return signal_pending_set() & s->mask ? POLLIN : 0;
}

static void signalfd_release(struct file *f)
{
	kfree(f->private);
}

static void signalfd_show(struct file *f, struct text *t)
{
	const struct signalfd *s = f->private;

	text_printf(t, "sigmask:\t%016llx\n", s->mask);
}

static const struct file_ops signalfd_ops = {
	.seek_ignored = true,
	.read = signalfd_read,
	.poll = signalfd_poll,
	.release = signalfd_release,
	.show_info = signalfd_show,
};

static long create(u64 mask, u32 flags)
{
	struct signalfd *s = kmalloc(sizeof(*s));

	if (!s)
		return -ENOMEM;
	s->mask = mask;
	return anon_fd_create("anon_inode:[signalfd]", O_RDWR | flags, &signalfd_ops, s);
}

static long change(u32 fd, u64 mask)
{
	struct file *f = fget(fd);
	long ret = (long)fd;

	if (!f)
		return -EBADF;
	if (f->ops == &signalfd_ops) {
		((struct signalfd *)f->private)->mask = mask;
		waitq_wake_all(&signal_sent);
	} else {
		ret = -EINVAL;
	}
	file_put(f);
	return ret;
}

long sys_signalfd4(s32 fd, uptr_t umask, u32 size, u32 flags)
{
	u64 mask;

	if (size != sizeof(mask))
		return -EINVAL;
	if (copy_from_user(&mask, umask, sizeof(mask)))
		return -EFAULT;
	if (flags & ~(O_CLOEXEC | O_NONBLOCK))
		return -EINVAL;
	mask &= ~SIGS_UNBLOCKABLE;
	return fd == -1 ? create(mask, flags) : change((u32)fd, mask);
}

long sys_signalfd(s32 fd, uptr_t mask, u32 size)
{
	return sys_signalfd4(fd, mask, size, 0);
}
