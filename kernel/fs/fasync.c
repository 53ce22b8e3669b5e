/* SIGIO. See kernel/fs/fasync.h. */
#include "kernel/fs/fasync.h"
#include "kernel/abi/poll.h"
#include "kernel/fs/vfs.h"
#include "kernel/proc/cred.h"
#include "kernel/proc/signal.h"
#include "kernel/proc/task.h"

/* The lists, and owners. */
static struct spinlock fasync_lock = SPINLOCK_INIT("fasync");

/* --- Who is told --- */

void fasync_set(struct file *f, s32 fd, bool on)
{
	struct list_head *files = f->ops->async(f);
	u32 flags = spin_lock_irqsave(&fasync_lock);

	list_del_init(&f->async_link);
	f->flags &= ~O_ASYNC;
	if (on) {
		list_add_tail(&f->async_link, files);
		f->flags |= O_ASYNC;
		f->async_fd = fd;
	}
	spin_unlock_irqrestore(&fasync_lock, flags);
}

void fasync_forget(struct file *f)
{
	u32 flags = spin_lock_irqsave(&fasync_lock);

	list_del_init(&f->async_link);
	spin_unlock_irqrestore(&fasync_lock, flags);
}

/* Whether a thread, a process or a group has the number. */
static bool number_used(s32 pid)
{
	u32 flags = spin_lock_irqsave(&process_lock);
	bool used = task_find((u32)pid) || pid_names_group((u32)pid);

	spin_unlock_irqrestore(&process_lock, flags);
	return used;
}

long fasync_set_owner(struct file *f, s32 type, s32 pid)
{
	const struct credentials *c = current_cred();
	u32 flags;

	if (pid && !number_used(pid))
		return -ESRCH;
	flags = spin_lock_irqsave(&fasync_lock);
	f->owner = (struct file_owner){
		.who = {type, pid}, .uid = c->uid, .euid = c->euid, .sig = f->owner.sig};
	spin_unlock_irqrestore(&fasync_lock, flags);
	return 0;
}

long fasync_set_number(struct file *f, s32 who)
{
	if (who == INT32_MIN)
		return -EINVAL;
	return who < 0 ? fasync_set_owner(f, F_OWNER_PGRP, -who)
		       : fasync_set_owner(f, F_OWNER_PID, who);
}

s32 fasync_number(const struct file *f)
{
	return f->owner.who.type == F_OWNER_PGRP ? -f->owner.who.pid : f->owner.who.pid;
}

/* --- Telling --- */

/* The kinds of news there are, POLL_IN first, as poll() would have them. */
static const s32 bands[] = {
	POLLIN | POLLRDNORM,
	POLLOUT | POLLWRNORM | POLLWRBAND,
	POLLIN | POLLRDNORM | POLLMSG,
	POLLERR,
	POLLPRI | POLLRDBAND,
	POLLHUP | POLLERR,
};

/* Whose si_code says something else, so that POLL_IN would be misunderstood. */
#define SIGS_OWN_CODES (SIGS_SYNCHRONOUS | sigmask(SIGCHLD))

static bool may_signal(const struct file_owner *o, const struct process *p)
{
	return o->euid == 0 || cred_may_signal(o->uid, o->euid, &p->cred);
}

/* A chosen signal says what it is about; SIGIO comes instead when it cannot be queued. `t` is NULL
 * when any thread will do. */
static void tell(const struct file *f, struct process *p, struct task *t, s32 code)
{
	const struct file_owner *o = &f->owner;
	struct abi_siginfo info = {.si_signo = (s32)o->sig, .si_code = code};
	long err = -EAGAIN;

	if (!may_signal(o, p))
		return;
	if (o->sig) {
		if (SIGS_OWN_CODES & sigmask(o->sig))
			info.si_code = SI_SIGIO;
		info.poll.band = bands[code - POLL_IN];
		info.poll.fd = f->async_fd;
		err = t ? signal_send_task_locked(t, o->sig, &info)
			: signal_send_process_locked(p, o->sig, &info);
	}
	if (err)
		err = t ? signal_send_task_locked(t, SIGIO, NULL)
			: signal_send_process_locked(p, SIGIO, NULL);
}

static void tell_owner(const struct file *f, s32 code)
{
	u32 number = (u32)f->owner.who.pid;
	struct process *p;
	struct task *t;

	switch (number ? f->owner.who.type : -1) {
	case F_OWNER_TID:
		t = task_find(number);
		if (t)
			tell(f, t->process, t, code);
		break;
	case F_OWNER_PID:
		p = process_find(number);
		if (p)
			tell(f, p, NULL, code);
		break;
	case F_OWNER_PGRP:
		for_each_in_group (p, number)
			tell(f, p, NULL, code);
		break;
	}
}

static bool concerns(const struct file *f, s32 code)
{
	return code == POLL_IN ? f->backing.may_read : code != POLL_OUT || f->backing.may_write;
}

void fasync_notify(struct list_head *files, s32 code)
{
	struct file *f;
	u32 flags;

	if (likely(list_empty(files)))
		return;
	flags = spin_lock_irqsave(&fasync_lock);
	spin_lock(&process_lock);
	list_for_each_entry (f, files, async_link)
		if (concerns(f, code))
			tell_owner(f, code);
	spin_unlock(&process_lock);
	spin_unlock_irqrestore(&fasync_lock, flags);
}
