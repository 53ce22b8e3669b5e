/* Scheduling parameters: checked, kept and reported as Linux does, and told to the scheduler. */
#include "kernel/abi/errno.h"
#include "kernel/abi/prctl.h"
#include "kernel/abi/sched.h"
#include "kernel/proc/pi.h"
#include "kernel/proc/process.h"
#include "kernel/syscalls.h"
#include "kernel/x86/uaccess.h"

#define NORMAL_INTERVAL_NS (4 * 1000 * 1000u) /* a tick */
#define MAX_RT_PRIO	   99
#define MIN_NICE       (-20)
#define MAX_NICE       19

/* Bounds of SCHED_DEADLINE's parameters. */
#define DL_RUNTIME_MIN_NS 1024u
#define DL_PERIOD_MIN_NS  (100 * 1000u)
#define DL_PERIOD_MAX_NS  (1000ull << 22)

/* The thread a call with pid 0 means, or another one. Caller holds process_lock. */
static struct task *task_or_self(s32 pid)
{
	return pid ? task_find((u32)pid) : current_task();
}

static bool may_schedule(const struct task *t)
{
	const struct credentials *c = &current_task()->cred, *o = &t->cred;
	return c->euid == o->uid || c->euid == o->euid || capable(CAP_SYS_NICE);
}

static bool is_realtime(u32 policy)
{
	return policy == SCHED_FIFO || policy == SCHED_RR;
}

static bool is_fair(u32 policy)
{
	return policy == SCHED_OTHER || policy == SCHED_BATCH;
}

static bool policy_known(u32 policy)
{
	return is_realtime(policy) || is_fair(policy) || policy == SCHED_IDLE;
}

/* --- Changing them --- */

/* Who need not be privileged for that nice value, as RLIMIT_NICE counts: 40 is -20. */
static bool nice_allowed(const struct process *p, s32 nice)
{
	return (u64)(MAX_NICE + 1 - nice) <= p->rlimit[RLIMIT_NICE].cur;
}

/* Whether a thread needs no privilege for what it becomes. */
static bool is_modest(const struct task *t, const struct abi_sched_attr *a)
{
	u64 limit = t->process->rlimit[RLIMIT_RTPRIO].cur;

	if (is_realtime(a->policy) && ((a->policy != t->sched_policy && !limit) ||
			(a->priority > t->sched_priority && a->priority > limit)))
		return false;
	if (is_fair(a->policy) && a->nice < t->nice && !nice_allowed(t->process, a->nice))
		return false;
	if (t->sched_policy == SCHED_IDLE && a->policy != SCHED_IDLE &&
		!nice_allowed(t->process, t->nice))
		return false;
	return a->policy != SCHED_DEADLINE &&
	       (!t->sched_reset_on_fork || (a->flags & SCHED_FLAG_RESET_ON_FORK));
}

static bool deadline_ok(const struct abi_sched_attr *a)
{
	u64 period = a->period ? a->period : a->deadline;

	return a->runtime >= DL_RUNTIME_MIN_NS && a->runtime <= a->deadline &&
	       a->deadline <= period && period >= DL_PERIOD_MIN_NS && period <= DL_PERIOD_MAX_NS;
}

/* 0 if `t` may become that. No time is there to be promised to SCHED_DEADLINE. */
static long check_attr(const struct task *t, const struct abi_sched_attr *a)
{
	if ((!policy_known(a->policy) && a->policy != SCHED_DEADLINE) ||
		(a->flags & ~(u64)SCHED_FLAG_ALL) || a->priority > MAX_RT_PRIO ||
		(a->policy == SCHED_DEADLINE && !deadline_ok(a)) ||
		is_realtime(a->policy) != (a->priority != 0))
		return -EINVAL;
	if (!(may_schedule(t) && is_modest(t, a)) && !capable(CAP_SYS_NICE))
		return -EPERM;
	if (a->flags & SCHED_FLAG_UTIL_CLAMP)
		return -EOPNOTSUPP;
	return a->policy == SCHED_DEADLINE ? -EBUSY : 0;
}

static void get_params(const struct task *t, struct abi_sched_attr *a)
{
	if (is_realtime(t->sched_policy))
		a->priority = t->sched_priority;
	else
		a->nice = t->nice;
}

/* It is that already. */
static bool changes_nothing(const struct task *t, const struct abi_sched_attr *a)
{
	return a->policy == t->sched_policy && a->priority == t->sched_priority &&
	       (!is_fair(a->policy) || a->nice == t->nice);
}

static long set_locked(struct task *t, struct abi_sched_attr *a)
{
	long err;

	if (a->flags & SCHED_FLAG_KEEP_PARAMS)
		get_params(t, a);
	if (a->flags & SCHED_FLAG_KEEP_POLICY) {
		a->policy = t->sched_policy;
		a->flags &= ~(u64)SCHED_FLAG_RESET_ON_FORK;
		a->flags |= t->sched_reset_on_fork ? SCHED_FLAG_RESET_ON_FORK : 0;
	}
	err = check_attr(t, a);
	if (err)
		return err;
	t->sched_reset_on_fork = a->flags & SCHED_FLAG_RESET_ON_FORK;
	if ((a->flags & SCHED_FLAG_KEEP_PARAMS) || changes_nothing(t, a))
		return 0;
	t->sched_policy = a->policy;
	t->sched_priority = a->priority;
	if (is_fair(a->policy))
		t->nice = a->nice;
	pi_heed(t);
	return 0;
}

static long set_attr(s32 pid, struct abi_sched_attr *a, bool keep_nice)
{
	u32 flags = spin_lock_irqsave(&process_lock);
	struct task *t = task_or_self(pid);
	long err = -ESRCH;

	if (t) {
		a->nice = keep_nice ? t->nice : a->nice;
		err = set_locked(t, a);
	}
	spin_unlock_irqrestore(&process_lock, flags);
	return err;
}

/* policy -1: as it is. */
static long set_scheduler(s32 pid, s32 policy, uptr_t param)
{
	struct abi_sched_attr a = {.policy = (u32)policy & ~SCHED_RESET_ON_FORK};
	struct abi_sched_param p;

	if (pid < 0 || !param.va)
		return -EINVAL;
	if (copy_from_user(&p, param, sizeof(p)) < 0)
		return -EFAULT;
	a.priority = (u32)p.priority;
	if (policy < 0)
		a.flags = SCHED_FLAG_KEEP_POLICY;
	else if ((u32)policy & SCHED_RESET_ON_FORK)
		a.flags = SCHED_FLAG_RESET_ON_FORK;
	return set_attr(pid, &a, true);
}

void sched_fork(struct task *t, const struct task *parent)
{
	t->nice = parent->sched_reset_on_fork ? MAX(parent->nice, 0) : parent->nice;
	if (!parent->sched_reset_on_fork || !is_realtime(parent->sched_policy)) {
		t->sched_policy = parent->sched_policy;
		t->sched_priority = parent->sched_priority;
	}
	thread_inherit_sched(&t->thread, &parent->thread);
	if (parent->sched_reset_on_fork || parent->thread.sched.priority != parent->sched_priority)
		runq_set_policy(&t->thread.sched, t->sched_policy, t->sched_priority, t->nice);
}

long sys_sched_setscheduler(s32 pid, s32 policy, uptr_t param)
{
	return policy < 0 ? -EINVAL : set_scheduler(pid, policy, param);
}

long sys_sched_setparam(s32 pid, uptr_t param)
{
	return set_scheduler(pid, -1, param);
}

static long copy_attr(struct abi_sched_attr *a, uptr_t from)
{
	u32 size;
	long err;

	if (get_user_u32(&size, from))
		return -EFAULT;
	if (!size)
		size = SCHED_ATTR_SIZE_VER0;
	if (size < SCHED_ATTR_SIZE_VER0 || size > PAGE_SIZE)
		return -E2BIG;
	err = copy_struct_from_user(a, sizeof(*a), from, size);
	if (err)
		return err;
	return (a->flags & SCHED_FLAG_UTIL_CLAMP) && size < SCHED_ATTR_SIZE_VER1 ? -EINVAL : 0;
}

long sys_sched_setattr(s32 pid, uptr_t from, u32 flags)
{
	struct abi_sched_attr a;
	long err;

	if (!from.va || pid < 0 || flags)
		return -EINVAL;
	err = copy_attr(&a, from);
	if (err == -E2BIG)
		(void)!put_user_u32(from, sizeof(a)); /* what would do */
	if (err)
		return err;
	if ((s32)a.policy < 0)
		return -EINVAL;
	a.nice = MAX(MIN_NICE, MIN(MAX_NICE, a.nice));
	return set_attr(pid, &a, false);
}

/* --- Asking for them --- */

/* Of a process whose first thread has gone, what that one had. */
static long get_attr(s32 pid, struct abi_sched_attr *a)
{
	const struct process *p;
	const struct task *t;
	u32 flags;

	if (pid < 0)
		return -EINVAL;
	*a = (struct abi_sched_attr){.size = 0};
	flags = spin_lock_irqsave(&process_lock);
	t = task_or_self(pid);
	p = t ? NULL : process_find((u32)pid);
	if (t) {
		a->policy = t->sched_policy;
		a->flags = t->sched_reset_on_fork ? SCHED_FLAG_RESET_ON_FORK : 0;
		get_params(t, a);
	} else if (p) {
		a->policy = p->sched_policy;
		a->priority = p->sched_priority;
		a->nice = is_realtime(p->sched_policy) ? 0 : p->nice;
	}
	spin_unlock_irqrestore(&process_lock, flags);
	return t || p ? 0 : -ESRCH;
}

long sys_sched_getscheduler(s32 pid)
{
	struct abi_sched_attr a;
	long err = get_attr(pid, &a);

	if (err)
		return err;
	return (long)(a.policy | (a.flags & SCHED_FLAG_RESET_ON_FORK ? SCHED_RESET_ON_FORK : 0));
}

long sys_sched_getparam(s32 pid, uptr_t to)
{
	struct abi_sched_attr a;
	long err = to.va ? get_attr(pid, &a) : -EINVAL;

	return err ? err : put_user_u32(to, a.priority);
}

long sys_sched_getattr(s32 pid, uptr_t to, u32 size, u32 flags)
{
	struct abi_sched_attr a;
	long err;

	if (!to.va || size < SCHED_ATTR_SIZE_VER0 || size > PAGE_SIZE || flags)
		return -EINVAL;
	err = get_attr(pid, &a);
	if (err)
		return err;
	a.size = MIN(size, (u32)sizeof(a));
	return user_range_ok(to, size) ? copy_to_user(to, &a, a.size) : -EFAULT;
}

long sys_sched_get_priority_max(u32 policy)
{
	if (is_realtime(policy))
		return MAX_RT_PRIO;
	return policy_known(policy) || policy == SCHED_DEADLINE ? 0 : -EINVAL;
}

long sys_sched_get_priority_min(u32 policy)
{
	if (is_realtime(policy))
		return 1;
	return policy_known(policy) || policy == SCHED_DEADLINE ? 0 : -EINVAL;
}

/* Nanoseconds until another of the same rank runs. */
static u64 time_slice(u32 policy)
{
	if (policy == SCHED_FIFO)
		return 0;
	return policy == SCHED_RR ? RUNQ_RR_SLICE_NS : NORMAL_INTERVAL_NS;
}

static bool thread_there(s32 pid)
{
	u32 flags = spin_lock_irqsave(&process_lock);
	bool there = task_or_self(pid);
	spin_unlock_irqrestore(&process_lock, flags);
	return there;
}

static long rr_get_interval(s32 pid, uptr_t to, bool time64)
{
	struct abi_sched_attr a;
	long err = get_attr(pid, &a);
	bool has_share;
	if (err)
		return err;
	/* One that has gone has no share of the CPU. */
	has_share = is_realtime(a.policy) || thread_there(pid);
	return put_timespec(to, has_share ? time_slice(a.policy) : 0, time64);
}

long sys_sched_rr_get_interval(s32 pid, uptr_t to)
{
	return rr_get_interval(pid, to, false);
}

long sys_sched_rr_get_interval_time64(s32 pid, uptr_t to)
{
	return rr_get_interval(pid, to, true);
}

long sys_sched_yield(void)
{
	yield();
	return 0;
}

/* --- Affinity: one word of CPUs --- */

#define CPU_MASK ((1u << NR_CPUS) - 1)

long sys_sched_getaffinity(s32 pid, u32 len, uptr_t to)
{
	struct abi_sched_attr a;
	long err;
	if (len % 4 || len * 8 < NR_CPUS)
		return -EINVAL;
	if (pid < 0) /* nobody's, where the calls on policies call it invalid */
		return -ESRCH;
	err = get_attr(pid, &a);
	if (err)
		return err;
	return put_user_u32(to, CPU_MASK) < 0 ? -EFAULT : 4;
}

long sys_sched_setaffinity(s32 pid, u32 len, uptr_t from)
{
	const struct task *t;
	u32 mask = 0, flags;
	long err = -ESRCH;
	if (copy_from_user(&mask, from, MIN(len, (u32)sizeof(mask))) < 0)
		return -EFAULT;
	flags = spin_lock_irqsave(&process_lock);
	t = task_or_self(pid);
	if (t)
		err = !may_schedule(t) ? -EPERM : mask & CPU_MASK ? 0 : -EINVAL;
	spin_unlock_irqrestore(&process_lock, flags);
	return err;
}

long sys_getcpu(uptr_t cpu, uptr_t node, uptr_t unused)
{
	if (cpu.va && put_user_u32(cpu, this_cpu()->id) < 0)
		return -EFAULT;
	return node.va ? put_user_u32(node, 0) : 0;
}

/* --- Threads, process groups and users --- */

static bool is_meant(const struct task *t, u32 which, u32 who)
{
	switch (which) {
	case IOPRIO_WHO_PROCESS:
		return who ? t->tid == who : t == current_task();
	case IOPRIO_WHO_PGRP:
		return t->process->pgid == (who ? who : current_process()->pgid);
	}
	return t->cred.uid == who;
}

/* The next thread that is meant, after `t` or (NULL) from the first. Caller holds process_lock. */
static struct task *next_meant(struct task *t, u32 which, u32 who)
{
	struct process *p = t ? t->process : list_first_entry(&process_list, struct process, all);

	for (; &p->all != &process_list; p = list_next_entry(p, all), t = NULL) {
		t = t ? list_next_entry(t, sibling) :
			list_first_entry(&p->threads, struct task, sibling);
		for (; &t->sibling != &p->threads; t = list_next_entry(t, sibling))
			if (is_meant(t, which, who))
				return t;
	}
	return NULL;
}

/* --- Nice values --- */

/* The kinds of ioprio_set(2) count from one, these from zero. */
static struct task *next_of_priority(struct task *t, u32 which, u32 who)
{
	if (which == PRIO_USER && !who)
		who = current_task()->cred.uid;
	return next_meant(t, which + IOPRIO_WHO_PROCESS, who);
}

/* The next process after `p` that is meant and whose first thread has gone: a zombie, or one that others
 * go on in. Caller holds process_lock. */
static struct process *next_without_first(struct process *p, u32 which, u32 who)
{
	p = p ? list_next_entry(p, all) : list_first_entry(&process_list, struct process, all);
	for (; &p->all != &process_list; p = list_next_entry(p, all)) {
		bool meant = which == PRIO_PROCESS ? p->pid == who :
			     which == PRIO_PGRP	   ? p->pgid == (who ?: current_process()->pgid) :
						     p->cred.uid == (who ?: current_task()->cred.uid);
		if (meant && !task_find(p->pid))
			return p;
	}
	return NULL;
}

long sys_getpriority(u32 which, u32 who)
{
	struct process *p = NULL;
	struct task *t = NULL;
	long best = -ESRCH;
	u32 flags;
	if (which > PRIO_USER)
		return -EINVAL;
	flags = spin_lock_irqsave(&process_lock);
	while ((t = next_of_priority(t, which, who)))
		best = MAX(best, 20l - t->nice); /* never negative: 1 to 40 */
	while ((p = next_without_first(p, which, who)))
		best = MAX(best, 20l - p->nice);
	spin_unlock_irqrestore(&process_lock, flags);
	return best;
}

/* Whether one with these rights, of process `p`, may have its nice value changed. */
static long check_nice(
	const struct credentials *of, const struct process *p, s32 was, s32 nice)
{
	const struct credentials *c = &current_task()->cred;
	if (of->uid != c->euid && of->euid != c->euid && !capable(CAP_SYS_NICE))
		return -EPERM;
	return nice < was && !nice_allowed(p, nice) && !capable(CAP_SYS_NICE) ? -EACCES : 0;
}

/* Caller holds process_lock. */
static long set_nice(struct task *t, s32 nice)
{
	long err = check_nice(&t->cred, t->process, t->nice, nice);
	if (err)
		return err;
	t->nice = nice;
	if (!is_realtime(t->sched_policy))
		pi_heed(t);
	return 0;
}

/* The same for one whose first thread has gone. */
static long set_nice_without_first(struct process *p, s32 nice)
{
	long err = check_nice(&p->cred, p, p->nice, nice);
	if (!err)
		p->nice = nice;
	return err;
}

long sys_setpriority(u32 which, u32 who, s32 nice)
{
	struct process *p = NULL;
	struct task *t = NULL;
	long err = -ESRCH;
	u32 flags;
	if (which > PRIO_USER)
		return -EINVAL;
	nice = MAX(MIN_NICE, MIN(MAX_NICE, nice));
	flags = spin_lock_irqsave(&process_lock);
	while ((t = next_of_priority(t, which, who))) {
		long one = set_nice(t, nice);
		if (one || err == -ESRCH)
			err = one;
	}
	while ((p = next_without_first(p, which, who))) {
		long one = set_nice_without_first(p, nice);
		if (one || err == -ESRCH)
			err = one;
	}
	spin_unlock_irqrestore(&process_lock, flags);
	return err;
}

long sys_nice(s32 increment)
{
	struct task *t = current_task();
	s32 nice = t->nice + MAX(-40, MIN(40, increment));
	u32 flags = spin_lock_irqsave(&process_lock);
	long err = set_nice(t, MAX(MIN_NICE, MIN(MAX_NICE, nice)));
	spin_unlock_irqrestore(&process_lock, flags);
	return err ? -EPERM : 0;
}

/* --- ioprio_set(2): there is no queue of a disk that would heed it --- */

long ioprio_check(u32 prio)
{
	u32 class = IOPRIO_CLASS(prio);

	if (class == IOPRIO_CLASS_RT && !capable(CAP_SYS_ADMIN) && !capable(CAP_SYS_NICE))
		return -EPERM;
	switch (class) {
	case IOPRIO_CLASS_RT:
	case IOPRIO_CLASS_BE:
		return IOPRIO_LEVEL(prio) < IOPRIO_NR_LEVELS ? 0 : -EINVAL;
	case IOPRIO_CLASS_IDLE:
		return 0;
	case IOPRIO_CLASS_NONE:
		return IOPRIO_LEVEL(prio) ? -EINVAL : 0;
	}
	return -EINVAL;
}

/* As of a thread that has set none: by its policy, and by how nice it is. */
static u32 effective_ioprio(const struct task *t)
{
	if (IOPRIO_CLASS(t->ioprio) != IOPRIO_CLASS_NONE)
		return t->ioprio;
	return IOPRIO(t->sched_policy == SCHED_IDLE	? IOPRIO_CLASS_IDLE :
		      is_realtime(t->sched_policy) ? IOPRIO_CLASS_RT :
						     IOPRIO_CLASS_BE,
		(t->nice - MIN_NICE) / 5);
}

/* The first that may not be changed ends it. */
long sys_ioprio_set(u32 which, u32 who, u32 prio)
{
	long err = ioprio_check(prio);
	struct task *t = NULL;
	u32 flags;

	if (!err && which - IOPRIO_WHO_PROCESS > IOPRIO_WHO_USER - IOPRIO_WHO_PROCESS)
		err = -EINVAL;
	if (err)
		return err;
	err = -ESRCH;
	flags = spin_lock_irqsave(&process_lock);
	while ((t = next_meant(t, which, who))) {
		const struct credentials *c = &current_task()->cred;
		u32 uid = t->cred.uid;

		err = uid == c->euid || uid == c->uid || capable(CAP_SYS_NICE) ? 0 : -EPERM;
		if (err)
			break;
		t->ioprio = (u16)prio;
	}
	spin_unlock_irqrestore(&process_lock, flags);
	return err;
}

/* What one thread has set; of several the best that counts. */
long sys_ioprio_get(u32 which, u32 who)
{
	struct task *t = NULL;
	long best = -ESRCH;
	u32 flags;

	if (which - IOPRIO_WHO_PROCESS > IOPRIO_WHO_USER - IOPRIO_WHO_PROCESS)
		return -EINVAL;
	flags = spin_lock_irqsave(&process_lock);
	while ((t = next_meant(t, which, who))) {
		long prio = which == IOPRIO_WHO_PROCESS ? t->ioprio : (long)effective_ioprio(t);

		best = best < 0 ? prio : MIN(best, prio);
	}
	spin_unlock_irqrestore(&process_lock, flags);
	return best;
}

/* --- membarrier(2) --- */

#define BARRIERS_EXPEDITED                                                                         \
	(MEMBARRIER_PRIVATE_EXPEDITED | MEMBARRIER_PRIVATE_EXPEDITED_SYNC_CORE |                   \
		MEMBARRIER_PRIVATE_EXPEDITED_RSEQ)
#define BARRIERS_REGISTER(cmds) ((cmds) << 1) /* the command that registers for another */
#define BARRIERS_ALL                                                                               \
	(MEMBARRIER_GLOBAL | MEMBARRIER_GLOBAL_EXPEDITED |                                         \
		BARRIERS_REGISTER(MEMBARRIER_GLOBAL_EXPEDITED) | BARRIERS_EXPEDITED |              \
		BARRIERS_REGISTER(BARRIERS_EXPEDITED))

_Static_assert(NR_CPUS == 1, "other CPUs that run the process must be interrupted");

/* The other threads of the process pass through a barrier: none of them runs on another CPU. */
long sys_membarrier(u32 cmd, u32 flags, u32 cpu)
{
	struct process *p = current_process();
	if (flags && (cmd != MEMBARRIER_PRIVATE_EXPEDITED_RSEQ || flags != MEMBARRIER_FLAG_CPU))
		return -EINVAL;
	if (cmd == MEMBARRIER_QUERY)
		return BARRIERS_ALL;
	if (!(cmd & BARRIERS_ALL) || (cmd & (cmd - 1)))
		return -EINVAL;
	if ((cmd & BARRIERS_EXPEDITED) && !(p->membarriers & cmd))
		return -EPERM;
	if (cmd & BARRIERS_REGISTER(BARRIERS_EXPEDITED))
		p->membarriers |= cmd >> 1;
	barrier();
	return 0;
}
