/* Numbers and family: pids, groups and sessions; limits and usage. */
#include "kernel/abi/errno.h"
#include "kernel/abi/prctl.h"
#include "kernel/abi/time.h"
#include "kernel/fs/file.h"
#include "kernel/proc/process.h"
#include "kernel/proc/usage.h"
#include "kernel/syscalls.h"
#include "kernel/x86/uaccess.h"
#include "mm/space.h"

long sys_getpid(void)
{
	return (long)current_process()->pid;
}

long sys_gettid(void)
{
	return (long)current_task()->tid;
}

long sys_getppid(void)
{
	u32 flags = spin_lock_irqsave(&process_lock);
	const struct process *parent = current_process()->parent;
	long pid = parent ? (long)parent->pid : 0;
	spin_unlock_irqrestore(&process_lock, flags);
	return pid;
}

long sys_set_tid_address(uptr_t addr)
{
	current_task()->clear_child_tid = addr;
	return (long)current_task()->tid;
}

/* --- Groups and sessions --- */

/* The process a call with pid 0 or its own means, or another one. Caller holds process_lock. */
static struct process *process_or_self(s32 pid)
{
	return pid ? process_find((u32)pid) : current_process();
}

long sys_getpgid(s32 pid)
{
	u32 flags = spin_lock_irqsave(&process_lock);
	const struct process *p = process_or_self(pid);
	long r = p ? (long)p->pgid : -ESRCH;
	spin_unlock_irqrestore(&process_lock, flags);
	return r;
}

long sys_getpgrp(void)
{
	return sys_getpgid(0);
}

long sys_getsid(s32 pid)
{
	u32 flags = spin_lock_irqsave(&process_lock);
	const struct process *p = process_or_self(pid);
	long r = p ? (long)p->sid : -ESRCH;
	spin_unlock_irqrestore(&process_lock, flags);
	return r;
}

static bool group_in_session(u32 pgid, u32 sid)
{
	const struct process *p;
	for_each_in_group (p, pgid)
		if (p->sid == sid)
			return true;
	return false;
}

/* Caller holds process_lock. */
static long setpgid_locked(struct process *p, u32 pgid)
{
	const struct process *self = current_process();
	if (!p)
		return -ESRCH;
	if (p->parent == self) {
		if (p->sid != self->sid)
			return -EPERM;
		if (p->execs)
			return -EACCES;
	} else if (p != self) {
		return -ESRCH;
	}
	if (p->sid == p->pid) /* a session leader stays */
		return -EPERM;
	if (pgid != p->pid && !group_in_session(pgid, self->sid))
		return -EPERM;
	process_set_group(p, pgid, p->sid);
	return 0;
}

long sys_setpgid(s32 pid, s32 pgid)
{
	struct process *p;
	u32 flags;
	long r;
	if (pgid < 0)
		return -EINVAL;
	flags = spin_lock_irqsave(&process_lock);
	p = process_or_self(pid);
	r = setpgid_locked(p, pgid || !p ? (u32)pgid : p->pid);
	spin_unlock_irqrestore(&process_lock, flags);
	return r;
}

long sys_setsid(void)
{
	struct process *p = current_process(), *other;
	u32 flags = spin_lock_irqsave(&process_lock);
	long r = (long)p->pid;
	for_each_in_group (other, p->pid)
		r = -EPERM;
	if (r > 0) {
		process_set_group(p, p->pid, p->pid);
		p->tty = NULL;
		p->tty_old_pgrp = 0;
	}
	spin_unlock_irqrestore(&process_lock, flags);
	return r;
}

/* --- Limits --- */

static long limit_check(const struct process *p, u32 which, const struct abi_rlimit64 *l)
{
	if (l->cur > l->max)
		return -EINVAL;
	if (which == RLIMIT_NOFILE && l->max > nr_open)
		return -EPERM;
	return l->max > p->rlimit[which].max && !capable(CAP_SYS_RESOURCE) ? -EPERM : 0;
}

/* Sets and tells a limit; `set` or `old` may be NULL. Caller holds process_lock. */
static long limit_change(
	struct process *p, u32 which, const struct abi_rlimit64 *set, struct abi_rlimit64 *old)
{
	long err = set ? limit_check(p, which, set) : 0;
	if (err)
		return err;
	if (old)
		*old = p->rlimit[which];
	if (!set)
		return 0;
	p->rlimit[which] = *set;
	itimer_watch_cpu(p);
	if (p->mm)
		process_set_mm_limits(p, p->mm);
	return 0;
}

static long do_limit(s32 pid, u32 which, const struct abi_rlimit64 *set, struct abi_rlimit64 *old)
{
	const struct credentials *c = &current_task()->cred;
	struct process *p;
	u32 flags;
	long err = -ESRCH;
	if (which >= RLIM_NLIMITS)
		return -EINVAL;
	flags = spin_lock_irqsave(&process_lock);
	p = process_or_self(pid);
	if (p && p != current_process() && !capable(CAP_SYS_RESOURCE) &&
		(c->uid != p->cred.uid || c->uid != p->cred.euid || c->uid != p->cred.suid))
		err = -EPERM;
	else if (p)
		err = limit_change(p, which, set, old);
	spin_unlock_irqrestore(&process_lock, flags);
	return err;
}

/* Linux keeps limits in 32 bits on a 32-bit machine: what does not fit is no limit. */
static u64 limit_kept(u64 v)
{
	return v >= RLIM32_INFINITY ? RLIM64_INFINITY : v;
}

long sys_prlimit64(s32 pid, u32 which, uptr_t uset, uptr_t uold)
{
	struct abi_rlimit64 set, old;
	long err;
	if (uset.va) {
		if (copy_from_user(&set, uset, sizeof(set)) < 0)
			return -EFAULT;
		set = (struct abi_rlimit64){limit_kept(set.cur), limit_kept(set.max)};
	}
	err = do_limit(pid, which, uset.va ? &set : NULL, uold.va ? &old : NULL);
	if (!err && uold.va && copy_to_user(uold, &old, sizeof(old)) < 0)
		err = -EFAULT;
	return err;
}

static u32 limit_to32(u64 v, u32 infinity)
{
	return v >= infinity ? infinity : (u32)v;
}

static long get_limit32(u32 which, uptr_t to, u32 infinity)
{
	struct abi_rlimit64 l;
	struct abi_rlimit32 l32;
	long err = do_limit(0, which, NULL, &l);
	if (err)
		return err;
	l32.cur = limit_to32(l.cur, infinity);
	l32.max = limit_to32(l.max, infinity);
	return copy_to_user(to, &l32, sizeof(l32));
}

long sys_ugetrlimit(u32 which, uptr_t to)
{
	return get_limit32(which, to, RLIM32_INFINITY);
}

/* The oldest form, in which infinity is the largest positive number. */
long sys_getrlimit(u32 which, uptr_t to)
{
	return get_limit32(which, to, 0x7fffffff);
}

long sys_setrlimit(u32 which, uptr_t from)
{
	struct abi_rlimit32 l32;
	struct abi_rlimit64 l;
	if (copy_from_user(&l32, from, sizeof(l32)) < 0)
		return -EFAULT;
	l = (struct abi_rlimit64){limit_kept(l32.cur), limit_kept(l32.max)};
	return do_limit(0, which, &l, NULL);
}

/* --- Usage --- */

void usage_of(const struct process *p, struct abi_rusage *u)
{
	const struct task *t;
	u64 utime, stime;
	u32 rss = p->mm ? MAX(p->mm->hiwater_rss, mm_rss(p->mm)) : 0;
	process_cpu_time(p, &utime, &stime);
	*u = (struct abi_rusage){
		.utime = ns_to_timeval32(utime),
		.stime = ns_to_timeval32(stime),
		.maxrss = (s32)(MAX(p->maxrss, rss) * (PAGE_SIZE / 1024)),
		.minflt = (s32)p->minflt,
		.majflt = (s32)p->majflt,
		.nvcsw = (s32)p->nvcsw,
		.nivcsw = (s32)p->nivcsw,
	};
	list_for_each_entry (t, &p->threads, sibling) {
		u->minflt += (s32)t->thread.minflt;
		u->majflt += (s32)t->thread.majflt;
		u->nvcsw += (s32)t->thread.nvcsw;
		u->nivcsw += (s32)t->thread.nivcsw;
	}
}

static void usage_of_children(const struct process *p, struct abi_rusage *u)
{
	*u = (struct abi_rusage){
		.utime = ns_to_timeval32(p->cutime_ns),
		.stime = ns_to_timeval32(p->cstime_ns),
		.maxrss = (s32)(p->cmaxrss * (PAGE_SIZE / 1024)),
		.minflt = (s32)p->cminflt,
		.majflt = (s32)p->cmajflt,
		.nvcsw = (s32)p->cnvcsw,
		.nivcsw = (s32)p->cnivcsw,
	};
}

static void usage_of_thread(const struct task *t, struct abi_rusage *u)
{
	const struct thread *th = &t->thread;
	usage_of(t->process, u); /* for maxrss */
	u->utime = ns_to_timeval32(th->utime_ns);
	u->stime = ns_to_timeval32(th->stime_ns);
	u->minflt = (s32)th->minflt;
	u->majflt = (s32)th->majflt;
	u->nvcsw = (s32)th->nvcsw;
	u->nivcsw = (s32)th->nivcsw;
}

long sys_getrusage(s32 who, uptr_t to)
{
	struct abi_rusage u;
	u32 flags;
	if (who != RUSAGE_SELF && who != RUSAGE_CHILDREN && who != RUSAGE_THREAD)
		return -EINVAL;
	flags = spin_lock_irqsave(&process_lock);
	if (who == RUSAGE_SELF)
		usage_of(current_process(), &u);
	else if (who == RUSAGE_CHILDREN)
		usage_of_children(current_process(), &u);
	else
		usage_of_thread(current_task(), &u);
	spin_unlock_irqrestore(&process_lock, flags);
	return copy_to_user(to, &u, sizeof(u));
}

long sys_times(uptr_t to)
{
	const struct process *p = current_process();
	const u64 tick = NSEC_PER_SEC / USER_HZ;
	u64 utime, stime;
	struct abi_tms t;
	u32 flags = spin_lock_irqsave(&process_lock);
	process_cpu_time(p, &utime, &stime);
	t = (struct abi_tms){
		.utime = (s32)(utime / tick),
		.stime = (s32)(stime / tick),
		.cutime = (s32)(p->cutime_ns / tick),
		.cstime = (s32)(p->cstime_ns / tick),
	};
	spin_unlock_irqrestore(&process_lock, flags);
	if (to.va && copy_to_user(to, &t, sizeof(t)) < 0)
		return -EFAULT;
	return (long)(u32)(clock_monotonic_ns() / tick);
}
