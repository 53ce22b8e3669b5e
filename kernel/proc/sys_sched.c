/*
 * Scheduling parameters. The scheduler is round robin and heeds none of them; they are checked,
 * kept and reported as Linux does, since programs ask for them and go on without them.
 */
#include "kernel/abi/errno.h"
#include "kernel/abi/prctl.h"
#include "kernel/abi/sched.h"
#include "kernel/proc/process.h"
#include "kernel/syscalls.h"
#include "kernel/x86/uaccess.h"

#define RR_INTERVAL_NS (100 * 1000 * 1000u)
#define MAX_RT_PRIO    99
#define MIN_NICE       (-20)
#define MAX_NICE       19

/* The thread a call with pid 0 means, or another one. Caller holds process_lock. */
static struct task *task_or_self(s32 pid)
{
	return pid ? task_find((u32)pid) : current_task();
}

static bool may_schedule(const struct task *t)
{
	const struct credentials *c = &current_process()->cred, *o = &t->process->cred;
	return c->euid == o->uid || c->euid == o->euid || capable(CAP_SYS_NICE);
}

static bool is_realtime(u32 policy)
{
	return policy == SCHED_FIFO || policy == SCHED_RR;
}

static bool policy_known(u32 policy)
{
	return is_realtime(policy) || policy == SCHED_OTHER || policy == SCHED_BATCH ||
	       policy == SCHED_IDLE;
}

/* `policy` may have SCHED_RESET_ON_FORK beside it. */
static long set_locked(struct task *t, u32 policy, s32 priority)
{
	bool reset = policy & SCHED_RESET_ON_FORK;
	policy &= ~SCHED_RESET_ON_FORK;
	if (!policy_known(policy) || priority < 0 || priority > MAX_RT_PRIO ||
		is_realtime(policy) != (priority != 0))
		return -EINVAL;
	if (!may_schedule(t) || (is_realtime(policy) && !capable(CAP_SYS_NICE)))
		return -EPERM;
	if (t->sched_reset_on_fork && !reset && !capable(CAP_SYS_NICE))
		return -EPERM;
	t->sched_reset_on_fork = reset;
	t->sched_policy = policy;
	t->sched_priority = (u32)priority;
	return 0;
}

static u32 policy_of(const struct task *t)
{
	return t->sched_policy | (t->sched_reset_on_fork ? SCHED_RESET_ON_FORK : 0);
}

void sched_fork(struct task *t, const struct task *parent)
{
	t->nice = parent->sched_reset_on_fork ? MAX(parent->nice, 0) : parent->nice;
	if (parent->sched_reset_on_fork && is_realtime(parent->sched_policy))
		return;
	t->sched_policy = parent->sched_policy;
	t->sched_priority = parent->sched_priority;
}

/* policy NULL: as it is. */
static long set_scheduler(s32 pid, const u32 *policy, uptr_t param)
{
	struct abi_sched_param p;
	struct task *t;
	u32 flags;
	long err;
	if (pid < 0 || !param.va)
		return -EINVAL;
	if (copy_from_user(&p, param, sizeof(p)) < 0)
		return -EFAULT;
	flags = spin_lock_irqsave(&process_lock);
	t = task_or_self(pid);
	err = t ? set_locked(t, policy ? *policy : policy_of(t), p.priority) : -ESRCH;
	spin_unlock_irqrestore(&process_lock, flags);
	return err;
}

long sys_sched_setscheduler(s32 pid, s32 policy, uptr_t param)
{
	u32 p = (u32)policy;
	return policy < 0 ? -EINVAL : set_scheduler(pid, &p, param);
}

long sys_sched_setparam(s32 pid, uptr_t param)
{
	return set_scheduler(pid, NULL, param);
}

/* Copies what a thread has, the policy with its SCHED_RESET_ON_FORK; -ESRCH. */
static long get_scheduler(s32 pid, u32 *policy, s32 *priority)
{
	const struct task *t;
	u32 flags;
	if (pid < 0)
		return -EINVAL;
	flags = spin_lock_irqsave(&process_lock);
	t = task_or_self(pid);
	if (t) {
		*policy = policy_of(t);
		*priority = (s32)t->sched_priority;
	}
	spin_unlock_irqrestore(&process_lock, flags);
	return t ? 0 : -ESRCH;
}

long sys_sched_getscheduler(s32 pid)
{
	u32 policy;
	s32 priority;
	long err = get_scheduler(pid, &policy, &priority);
	return err ? err : (long)policy;
}

long sys_sched_getparam(s32 pid, uptr_t to)
{
	struct abi_sched_param p;
	u32 policy;
	long err = to.va ? get_scheduler(pid, &policy, &p.priority) : -EINVAL;
	return err ? err : copy_to_user(to, &p, sizeof(p));
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

static long rr_get_interval(s32 pid, uptr_t to, bool time64)
{
	u32 policy;
	s32 priority;
	long err = get_scheduler(pid, &policy, &priority);
	if (err)
		return err;
	return put_timespec(to, (policy & ~SCHED_RESET_ON_FORK) == SCHED_FIFO ? 0 : RR_INTERVAL_NS, time64);
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
	u32 policy;
	s32 priority;
	long err;
	if (len % 4 || len * 8 < NR_CPUS)
		return -EINVAL;
	err = get_scheduler(pid, &policy, &priority);
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
	return t->process->cred.uid == who;
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
		who = current_process()->cred.uid;
	return next_meant(t, which + IOPRIO_WHO_PROCESS, who);
}

long sys_getpriority(u32 which, u32 who)
{
	struct task *t = NULL;
	long best = -ESRCH;
	u32 flags;
	if (which > PRIO_USER)
		return -EINVAL;
	flags = spin_lock_irqsave(&process_lock);
	while ((t = next_of_priority(t, which, who)))
		best = MAX(best, 20l - t->nice); /* never negative: 1 to 40 */
	spin_unlock_irqrestore(&process_lock, flags);
	return best;
}

/* Caller holds process_lock. */
static long set_nice(struct task *t, s32 nice)
{
	const struct process *p = t->process;
	const struct credentials *c = &current_process()->cred;
	if (p->cred.uid != c->euid && p->cred.euid != c->euid && !capable(CAP_SYS_NICE))
		return -EPERM;
	if (nice < t->nice && (u64)(20 - nice) > p->rlimit[RLIMIT_NICE].cur &&
		!capable(CAP_SYS_NICE))
		return -EACCES;
	t->nice = nice;
	return 0;
}

long sys_setpriority(u32 which, u32 who, s32 nice)
{
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
		const struct credentials *c = &current_process()->cred;
		u32 uid = t->process->cred.uid;

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
