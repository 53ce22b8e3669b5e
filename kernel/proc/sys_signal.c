/* System calls about signals: sending, masks, actions, waiting, the alternate stack. */
#include "kernel/abi/errno.h"
#include "kernel/abi/prctl.h"
#include "kernel/fs/file.h"
#include "kernel/proc/pidfd.h"
#include "kernel/proc/cred.h"
#include "kernel/proc/process.h"
#include "kernel/proc/signal.h"
#include "kernel/proc/sigqueue.h"
#include "kernel/syscalls.h"
#include "kernel/x86/uaccess.h"

#define SIGSET_SIZE 8u

/* --- Sending --- */

long signal_check(const struct process *target, u32 sig)
{
	const struct process *p = current_process();
	const struct credentials *c = &current_task()->cred;
	if (sig > _NSIG)
		return -EINVAL;
	if (p == target || capable(CAP_KILL) || cred_may_signal(c->uid, c->euid, &target->cred))
		return 0;
	return sig == SIGCONT && p->sid == target->sid ? 0 : -EPERM;
}

/* Sends, or with sig 0 only checks. Caller holds process_lock. */
static long kill_one(struct process *target, u32 sig, const struct abi_siginfo *info)
{
	long err = signal_check(target, sig);
	if (err || sig == 0)
		return err;
	return signal_send_process_locked(target, sig, info);
}

/* To a group. Success when one got it. */
static long kill_group(u32 pgid, u32 sig, const struct abi_siginfo *info)
{
	struct process *p;
	long result = -ESRCH;
	bool any = false;
	for_each_in_group (p, pgid) {
		result = kill_one(p, sig, info);
		any |= !result;
	}
	return any ? 0 : result;
}

/* To everybody but process 1 and the caller. Whom he may not signal is left out, without a word. */
static long kill_all(u32 sig, const struct abi_siginfo *info)
{
	struct process *p;
	long result = 0;
	bool any = false;
	list_for_each_entry (p, &process_list, all) {
		long err;
		if (p->pid == 1 || p == current_process())
			continue;
		any = true;
		err = kill_one(p, sig, info);
		if (err != -EPERM)
			result = err;
	}
	return any ? result : -ESRCH;
}

static long kill_target(s32 pid, u32 sig, const struct abi_siginfo *info)
{
	struct process *target;
	if (pid == -1)
		return kill_all(sig, info);
	if (pid <= 0)
		return kill_group(pid ? (u32)-pid : current_process()->pgid, sig, info);
	target = process_find((u32)pid);
	if (!target) { /* the number of a thread will do */
		struct task *t = task_find((u32)pid);
		target = t ? t->process : NULL;
	}
	return target ? kill_one(target, sig, info) : -ESRCH;
}

static long do_kill(s32 pid, u32 sig, const struct abi_siginfo *info)
{
	u32 flags;
	long r;
	if (pid == INT32_MIN)
		return -ESRCH;
	flags = spin_lock_irqsave(&process_lock);
	r = kill_target(pid, sig, info);
	spin_unlock_irqrestore(&process_lock, flags);
	return r;
}

long sys_kill(s32 pid, u32 sig)
{
	struct abi_siginfo info = siginfo_user(sig, SI_USER);
	return do_kill(pid, sig, &info);
}

/* To one thread; `tgid` 0: whatever process it is of. */
static long do_tkill(u32 tgid, u32 tid, u32 sig, const struct abi_siginfo *info)
{
	struct task *t;
	u32 flags;
	long r = -ESRCH;
	flags = spin_lock_irqsave(&process_lock);
	t = task_find(tid);
	if (t && (!tgid || t->process->pid == tgid)) {
		r = signal_check(t->process, sig);
		if (!r && sig)
			r = signal_send_task_locked(t, sig, info);
	}
	spin_unlock_irqrestore(&process_lock, flags);
	return r;
}

long sys_tgkill(s32 tgid, s32 tid, u32 sig)
{
	struct abi_siginfo info = siginfo_user(sig, SI_TKILL);
	if (tgid <= 0 || tid <= 0)
		return -EINVAL;
	return do_tkill((u32)tgid, (u32)tid, sig, &info);
}

long sys_tkill(s32 tid, u32 sig)
{
	struct abi_siginfo info = siginfo_user(sig, SI_TKILL);
	if (tid <= 0)
		return -EINVAL;
	return do_tkill(0, (u32)tid, sig, &info);
}

/* A siginfo made by the program. It may not pass for one of the kernel or of kill(), except where a
 * thread sends it to its own number. */
static long get_siginfo(struct abi_siginfo *info, uptr_t uinfo, u32 sig, u32 target)
{
	if (copy_from_user(info, uinfo, sizeof(*info)) < 0)
		return -EFAULT;
	info->si_signo = (s32)sig;
	if ((info->si_code >= 0 || info->si_code == SI_TKILL) && target != current_task()->tid)
		return -EPERM;
	return 0;
}

long sys_rt_sigqueueinfo(s32 pid, u32 sig, uptr_t uinfo)
{
	struct abi_siginfo info;
	long err = get_siginfo(&info, uinfo, sig, (u32)pid);
	if (err)
		return err;
	return pid > 0 ? do_kill(pid, sig, &info) : -ESRCH;
}

long sys_rt_tgsigqueueinfo(s32 tgid, s32 tid, u32 sig, uptr_t uinfo)
{
	struct abi_siginfo info;
	long err;
	if (tgid <= 0 || tid <= 0)
		return -EINVAL;
	err = get_siginfo(&info, uinfo, sig, (u32)tid);
	return err ? err : do_tkill((u32)tgid, (u32)tid, sig, &info);
}

/* The siginfo to send through a pidfd: the caller's, which must name the signal, or one of kill(). */
static long get_pidfd_info(struct abi_siginfo *info, uptr_t uinfo, u32 sig, u32 target)
{
	s32 signo;
	*info = siginfo_user(sig, SI_USER);
	if (!uinfo.va)
		return 0;
	if (copy_from_user(&signo, uinfo, sizeof(signo)) < 0)
		return -EFAULT;
	return signo == (s32)sig ? get_siginfo(info, uinfo, sig, target) : -EINVAL;
}

static long pidfd_kill(const struct file *f, u32 sig, uptr_t uinfo)
{
	struct abi_siginfo info;
	struct process *p;
	long err = get_pidfd_info(&info, uinfo, sig, pidfd_pid(f));
	u32 flags;
	if (err)
		return err;
	flags = spin_lock_irqsave(&process_lock);
	p = pidfd_find_locked(f);
	err = p ? kill_one(p, sig, &info) : -ESRCH;
	spin_unlock_irqrestore(&process_lock, flags);
	return err;
}

long sys_pidfd_send_signal(u32 fd, u32 sig, uptr_t uinfo, u32 flags)
{
	struct file *f;
	long err;
	if (flags)
		return -EINVAL;
	f = pidfd_or_proc_get(fd);
	err = f ? pidfd_kill(f, sig, uinfo) : -EBADF;
	file_put(f);
	return err;
}

/* --- Actions --- */

/* Sets and tells an action; `set` or `old` may be NULL. */
static long do_sigaction(u32 sig, const struct abi_sigaction_k *set, struct abi_sigaction_k *old)
{
	struct process *p = current_process();
	struct abi_sigaction_k *a;
	u32 flags;
	if (!sig_valid(sig) || (set && (SIGS_UNBLOCKABLE & sigmask(sig))))
		return -EINVAL;
	flags = spin_lock_irqsave(&process_lock);
	a = &p->sighand->action[sig - 1];
	if (old)
		*old = *a;
	if (set) {
		*a = *set;
		a->mask &= ~SIGS_UNBLOCKABLE;
		a->flags &= SA_KNOWN;
		/* POSIX: what is ignored now is not pending any more. */
		if (a->handler == SIG_IGN_K ||
			(a->handler == SIG_DFL_K && sig_default_ignored(sig)))
			signal_discard(p, sigmask(sig));
	}
	spin_unlock_irqrestore(&process_lock, flags);
	return 0;
}

long sys_rt_sigaction(u32 sig, uptr_t set, uptr_t old, u32 size)
{
	struct abi_sigaction_k new_act, old_act;
	long err;
	if (size != SIGSET_SIZE)
		return -EINVAL;
	if (set.va && copy_from_user(&new_act, set, sizeof(new_act)) < 0)
		return -EFAULT;
	err = do_sigaction(sig, set.va ? &new_act : NULL, old.va ? &old_act : NULL);
	if (!err && old.va && copy_to_user(old, &old_act, sizeof(old_act)) < 0)
		err = -EFAULT;
	return err;
}

long sys_sigaction(u32 sig, uptr_t set, uptr_t old)
{
	struct abi_old_sigaction u;
	struct abi_sigaction_k new_act, old_act;
	long err;
	if (set.va && copy_from_user(&u, set, sizeof(u)) < 0)
		return -EFAULT;
	if (set.va)
		new_act = (struct abi_sigaction_k){.handler = u.handler,
			.flags = u.flags,
			.restorer = u.restorer,
			.mask = u.mask};
	err = do_sigaction(sig, set.va ? &new_act : NULL, old.va ? &old_act : NULL);
	if (err || !old.va)
		return err;
	u = (struct abi_old_sigaction){
		.handler = old_act.handler,
		.mask = (u32)old_act.mask,
		.flags = old_act.flags,
		.restorer = old_act.restorer,
	};
	return copy_to_user(old, &u, sizeof(u));
}

long sys_signal(u32 sig, u32 handler)
{
	struct abi_sigaction_k old, set = {
					    .handler = handler,
					    .flags = SA_RESETHAND | SA_NODEFER,
				    };
	long err = do_sigaction(sig, &set, &old);
	return err ? err : (long)old.handler;
}

/* --- Masks --- */

static long change_mask(u32 how, u64 set)
{
	u64 blocked = current_task()->blocked;
	switch (how) {
	case SIG_BLOCK:
		blocked |= set;
		break;
	case SIG_UNBLOCK:
		blocked &= ~set;
		break;
	case SIG_SETMASK:
		blocked = set;
		break;
	default:
		return -EINVAL;
	}
	signal_set_blocked(blocked);
	return 0;
}

long sys_rt_sigprocmask(u32 how, uptr_t set, uptr_t old, u32 size)
{
	u64 was = current_task()->blocked, mask;
	long err = 0;
	if (size != SIGSET_SIZE)
		return -EINVAL;
	if (set.va) {
		if (copy_from_user(&mask, set, sizeof(mask)) < 0)
			return -EFAULT;
		err = change_mask(how, mask);
	}
	if (!err && old.va && copy_to_user(old, &was, sizeof(was)) < 0)
		err = -EFAULT;
	return err;
}

long sys_sigprocmask(u32 how, uptr_t set, uptr_t old)
{
	u64 was = current_task()->blocked;
	u32 mask;
	long err = 0;
	if (set.va) {
		if (get_user_u32(&mask, set) < 0)
			return -EFAULT;
		/* The upper half stays as it is. */
		err = change_mask(how, how == SIG_SETMASK ? mask | (was >> 32 << 32) : mask);
	}
	if (!err && old.va && put_user_u32(old, (u32)was) < 0)
		err = -EFAULT;
	return err;
}

long sys_sgetmask(void)
{
	return (long)(u32)current_task()->blocked;
}

long sys_ssetmask(u32 mask)
{
	u64 was = current_task()->blocked;
	signal_set_blocked(mask);
	return (long)(u32)was;
}

long sys_rt_sigpending(uptr_t set, u32 size)
{
	u64 pending = signal_pending_set() & current_task()->blocked;
	return size > SIGSET_SIZE ? -EINVAL : copy_to_user(set, &pending, size);
}

long sys_sigpending(uptr_t set)
{
	return put_user_u32(set, (u32)(signal_pending_set() & current_task()->blocked));
}

/* --- Waiting --- */

long sys_pause(void)
{
	while (!signal_pending())
		(void)sleep_until(DEADLINE_NEVER);
	return -ERESTARTNOHAND;
}

/* The old mask comes back when the signal has been dealt with: handle_user_return() does it, or a
 * handler's frame carries it. */
static long suspend(u64 mask)
{
	struct task *t = current_task();
	t->saved_blocked = t->blocked;
	signal_set_blocked(mask);
	t->restore_blocked = true;
	return sys_pause();
}

long sys_rt_sigsuspend(uptr_t set, u32 size)
{
	u64 mask;
	if (size != SIGSET_SIZE)
		return -EINVAL;
	return copy_from_user(&mask, set, sizeof(mask)) < 0 ? -EFAULT : suspend(mask);
}

long sys_sigsuspend(u32 unused1, u32 unused2, u32 mask)
{
	return suspend(mask);
}

static u32 take_one(u64 set, struct abi_siginfo *info)
{
	u32 flags = spin_lock_irqsave(&process_lock);
	u32 sig = signal_dequeue(set, info);
	signal_recalc();
	spin_unlock_irqrestore(&process_lock, flags);
	return sig;
}

/* Sleeps with the wanted signals unblocked, so that they wake us, and takes one. */
static long sigtimedwait(u64 set, u64 deadline, struct abi_siginfo *info)
{
	struct task *t = current_task();
	u32 sig = take_one(set, info);
	long slept;
	if (sig)
		return (long)sig;
	if (deadline == 0)
		return -EAGAIN;
	t->real_blocked = t->blocked;
	signal_set_blocked(t->blocked & ~set);
	slept = sleep_until(deadline);
	sig = take_one(set, info);
	signal_set_blocked(t->real_blocked);
	t->real_blocked = 0;
	if (sig)
		return (long)sig;
	return slept < 0 ? -EINTR : -EAGAIN;
}

static long do_sigtimedwait(uptr_t uset, uptr_t uinfo, uptr_t timeout, u32 size, bool time64)
{
	struct abi_siginfo info;
	u64 set, ns, deadline = DEADLINE_NEVER;
	long r;
	if (size != SIGSET_SIZE)
		return -EINVAL;
	if (copy_from_user(&set, uset, sizeof(set)) < 0)
		return -EFAULT;
	if (timeout.va) {
		r = get_timespec(&ns, timeout, time64);
		if (r)
			return r;
		deadline = ns ? deadline_after(ns) : 0;
	}
	r = sigtimedwait(set & ~SIGS_UNBLOCKABLE, deadline, &info);
	if (r > 0 && uinfo.va && copy_to_user(uinfo, &info, sizeof(info)) < 0)
		r = -EFAULT;
	return r;
}

long sys_rt_sigtimedwait(uptr_t set, uptr_t info, uptr_t timeout, u32 size)
{
	return do_sigtimedwait(set, info, timeout, size, false);
}

long sys_rt_sigtimedwait_time64(uptr_t set, uptr_t info, uptr_t timeout, u32 size)
{
	return do_sigtimedwait(set, info, timeout, size, true);
}

/* --- The alternate stack --- */

/* SS_ONSTACK when `sp` is on it. */
static u32 altstack_status(const struct task *t, u32 sp)
{
	if (t->altstack_size == 0)
		return SS_DISABLE;
	return altstack_in_use(t, sp) ? SS_ONSTACK : 0;
}

long altstack_set(const struct abi_stack *s, u32 sp)
{
	struct task *t = current_task();
	u32 flags = (u32)s->ss_flags, mode = flags & ~SS_AUTODISARM;
	if (altstack_status(t, sp) == SS_ONSTACK)
		return -EPERM;
	if (mode != SS_DISABLE && mode != SS_ONSTACK && mode != 0)
		return -EINVAL;
	if (mode == SS_DISABLE) {
		t->altstack_sp = t->altstack_size = 0;
	} else {
		if (s->ss_size < MINSIGSTKSZ)
			return -ENOMEM;
		t->altstack_sp = s->ss_sp;
		t->altstack_size = s->ss_size;
	}
	t->altstack_flags = flags;
	return 0;
}

long sys_sigaltstack(uptr_t set, uptr_t old)
{
	struct task *t = current_task();
	u32 sp = x86_thread_frame(&t->thread.x86)->esp;
	struct abi_stack s, was = {
				    .ss_sp = t->altstack_sp,
				    .ss_flags = (s32)(altstack_status(t, sp) |
						      (t->altstack_flags & SS_AUTODISARM)),
				    .ss_size = t->altstack_size,
			    };
	long err;
	if (set.va) {
		if (copy_from_user(&s, set, sizeof(s)) < 0)
			return -EFAULT;
		err = altstack_set(&s, sp);
		if (err)
			return err;
	}
	return old.va ? copy_to_user(old, &was, sizeof(was)) : 0;
}
