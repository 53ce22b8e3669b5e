/*
 * /proc/PID/stat and status: a process in numbers, once for programs and once for people.
 *
 * Both are made from a struct view, which is copied at once under process_lock, so that a text
 * never mixes two moments.
 */
#include "kernel/abi/prctl.h"
#include "kernel/abi/time.h"
#include "kernel/lib/string.h"
#include "kernel/proc/signal.h"
#include "kernel/proc/cred.h"
#include "kernel/procfs/procfs_impl.h"
#include "kernel/tty/tty.h"
#include "mm/space.h"

/* --- A view --- */

struct view {
	u32 id, pid, ppid, pgid, sid, nr_threads, tracer;
	char state;
	char comm[16];
	bool execed, exiting, dumping, no_new_privs;
	bool permitted; /* the reader may look into it */
	u32 tty_nr;
	s32 tty_pgrp;
	u32 seccomp_mode, seccomp_filters;
	s32 exit_signal, exit_code, umask; /* umask -1: none any more */
	u32 policy, rt_priority;
	s32 nice, rank; /* rank: task_rank() */
	u32 minflt, majflt, cminflt, cmajflt, nvcsw, nivcsw;
	u64 utime_ns, stime_ns, cutime_ns, cstime_ns, start_ns;
	u64 pending, shared_pending, blocked, ignored, caught;
	u32 nr_sigqueue;
	u64 rlimit_rss, rlimit_sigpending;
	struct credentials cred;
};

static char state_of(const struct process *p, const struct task *t)
{
	if (p->state == P_ZOMBIE || !t)
		return 'Z';
	switch (t->thread.state) {
	case T_RUNNABLE:
		return 'R';
	case T_INTERRUPTIBLE:
		return 'S';
	case T_UNINTERRUPTIBLE:
		return 'D';
	case T_STOPPED:
		return 'T';
	case T_TRACED:
		return 't';
	default:
		return 'X';
	}
}

static void view_process(struct view *v, const struct process *p)
{
	v->pid = p->pid;
	v->ppid = p->parent ? p->parent->pid : 0;
	v->pgid = p->pgid;
	v->sid = p->sid;
	v->nr_threads = MAX(p->nr_threads, 1u);
	v->execed = p->execs;
	v->exiting = p->state == P_ZOMBIE || p->group_exit;
	v->dumping = p->dumper;
	v->permitted = proc_may_access_locked(p);
	v->tty_nr = tty_nr(p->tty);
	v->tty_pgrp = tty_foreground(p->tty);
	v->exit_signal = (s32)p->exit_signal;
	v->exit_code = p->state == P_ZOMBIE ? p->exit_status : 0;
	v->umask = -1;
	v->policy = p->sched_policy;
	v->rt_priority = p->sched_priority;
	v->nice = p->nice;
	v->rank = sched_rank(v->rt_priority, v->nice);
	v->cminflt = p->cminflt;
	v->cmajflt = p->cmajflt;
	v->cutime_ns = p->cutime_ns;
	v->cstime_ns = p->cstime_ns;
	v->start_ns = p->start_ns;
	v->shared_pending = p->pending.set;
	v->nr_sigqueue = user_has(p->user, USER_SIGNALS);
	v->rlimit_rss = p->rlimit[RLIMIT_RSS].cur;
	v->rlimit_sigpending = p->rlimit[RLIMIT_SIGPENDING].cur;
	v->cred = p->cred;
	memcpy(v->comm, p->comm, sizeof(v->comm));
}

static void view_handlers(struct view *v, const struct sighand *s)
{
	for (u32 sig = 1; s && sig <= _NSIG; sig++) {
		u32 handler = s->action[sig - 1].handler;

		if (handler == SIG_IGN_K)
			v->ignored |= sigmask(sig);
		else if (handler != SIG_DFL_K)
			v->caught |= sigmask(sig);
	}
}

static void view_thread(struct view *v, const struct task *t)
{
	memcpy(v->comm, t->comm, sizeof(v->comm));
	v->cred = t->cred;
	v->umask = t->fs ? (s32)t->fs->umask : -1;
	v->no_new_privs = t->no_new_privs;
	v->tracer = t->ptrace.tracer ? t->ptrace.tracer->tid : 0;
	v->seccomp_mode = t->seccomp.mode;
	v->seccomp_filters = seccomp_count(t);
	v->pending = t->pending.set;
	v->blocked = t->blocked;
	v->policy = t->sched_policy;
	v->rt_priority = t->sched_priority;
	v->nice = t->nice;
	v->rank = task_rank(t);
	v->nvcsw = t->thread.nvcsw;
	v->nivcsw = t->thread.nivcsw;
}

/* What one thread has used, or all of them. */
static void view_usage(struct view *v, const struct process *p, const struct task *only)
{
	const struct task *t;

	if (only) {
		v->utime_ns = only->thread.utime_ns;
		v->stime_ns = only->thread.stime_ns;
		v->minflt = only->thread.minflt;
		v->majflt = only->thread.majflt;
		return;
	}
	process_cpu_time(p, &v->utime_ns, &v->stime_ns);
	v->minflt = p->minflt;
	v->majflt = p->majflt;
	list_for_each_entry (t, &p->threads, sibling) {
		v->minflt += t->thread.minflt;
		v->majflt += t->thread.majflt;
	}
}

static int view_get(const struct proc_node *n, struct view *v)
{
	u32 flags = spin_lock_irqsave(&process_lock);
	struct task *t;
	struct process *p = proc_find_locked(n, &t);

	memset(v, 0, sizeof(*v));
	if (p) {
		v->id = n->id;
		v->state = state_of(p, t);
		view_process(v, p);
		view_handlers(v, p->sighand);
		if (t)
			view_thread(v, t);
		view_usage(v, p, n->thread ? t : NULL);
		groups_get(v->cred.groups);
	}
	spin_unlock_irqrestore(&process_lock, flags);
	return p ? 0 : -ESRCH;
}

/* --- stat --- */

#define PF_EXITING    0x00000004u
#define PF_FORKNOEXEC 0x00000040u

static u64 ns_to_clock(u64 ns)
{
	return ns / (NSEC_PER_SEC / USER_HZ);
}

static u32 low_signals(u64 set)
{
	return (u32)set & 0x7fffffffu;
}

/* Fields 1 to 22. */
static void stat_process(struct text *t, const struct view *v)
{
	u32 flags = (v->execed ? 0 : PF_FORKNOEXEC) | (v->exiting ? PF_EXITING : 0);

	text_printf(t, "%u (%s) %c %u %u %u %u %d %u", v->id, v->comm, v->state, v->ppid, v->pgid,
		v->sid, v->tty_nr, v->tty_pgrp, flags);
	text_printf(t, " %u %u %u %u", v->minflt, v->cminflt, v->majflt, v->cmajflt);
	text_printf(t, " %llu %llu %llu %llu", ns_to_clock(v->utime_ns), ns_to_clock(v->stime_ns),
		ns_to_clock(v->cutime_ns), ns_to_clock(v->cstime_ns));
	text_printf(t, " %d %d %u 0 %llu", v->rank - 100, v->nice, v->nr_threads,
		ns_to_clock(v->start_ns));
}

/* Fields 23 to 28, and 29 and 30, which are 0 while the program runs. Who may not look sees 1 for
 * the bounds of the code. */
static void stat_memory(struct text *t, const struct view *v, const struct mm *mm)
{
	u32 hidden = mm && !v->permitted;

	text_printf(t, " %u %u %u", mm ? mm->total_vm * PAGE_SIZE : 0, mm ? mm_rss(mm) : 0,
		proc_rlimit(v->rlimit_rss));
	if (mm && v->permitted)
		text_printf(t, " %u %u %u 0 0", mm->start_code, mm->end_code, mm->start_stack);
	else
		text_printf(t, " %u %u 0 0 0", hidden, hidden);
}

/* Fields 31 to 44. */
static void stat_signals(struct text *t, const struct view *v, bool thread)
{
	u32 waiting = v->permitted && v->state != 'R';

	text_printf(t, " %u %u %u %u", low_signals(v->pending), low_signals(v->blocked),
		low_signals(v->ignored), low_signals(v->caught));
	text_printf(t, " %u 0 0 %d 0 %u %u 0 0 0", waiting,
		thread && v->id != v->pid ? -1 : v->exit_signal, v->rt_priority, v->policy);
}

/* Fields 45 to 52. */
static void stat_bounds(struct text *t, const struct view *v, const struct mm *mm)
{
	if (mm && v->permitted)
		text_printf(t, " %u %u %u %u %u %u %u", mm->start_data, mm->end_data, mm->start_brk,
			mm->arg_start, mm->arg_end, mm->env_start, mm->env_end);
	else
		text_puts(t, " 0 0 0 0 0 0 0");
	text_printf(t, " %d\n", v->permitted ? v->exit_code : 0);
}

static void view_put(struct view *v)
{
	cred_release(&v->cred);
}

/* view_get(), and the address space: a reference, or NULL once it has exited. */
static int view_and_mm_get(const struct proc_node *n, struct view *v, struct mm **mm)
{
	int err = view_get(n, v);

	if (err)
		return err;
	err = proc_get_mm(n, mm);
	if (err)
		view_put(v);
	return err;
}

int proc_pid_stat_show(struct text *t, const struct proc_node *n)
{
	struct view v;
	struct mm *mm;
	int err = view_and_mm_get(n, &v, &mm);

	if (err)
		return err;
	stat_process(t, &v);
	stat_memory(t, &v, mm);
	stat_signals(t, &v, n->thread);
	stat_bounds(t, &v, mm);
	if (mm)
		mm_put(mm);
	view_put(&v);
	return 0;
}

/* --- status --- */

static const char *state_name(char state)
{
	static const char *const names[] = {"R (running)", "S (sleeping)", "D (disk sleep)",
		"T (stopped)", "t (tracing stop)", "X (dead)", "Z (zombie)"};

	for (u32 i = 0; i < ARRAY_SIZE(names); i++)
		if (names[i][0] == state)
			return names[i];
	return "X (dead)";
}

/* With newline and backslash escaped, so that no name can forge a line. */
static void put_name(struct text *t, const char *name)
{
	for (; *name; name++) {
		if (*name == '\n')
			text_puts(t, "\\n");
		else if (*name == '\\')
			text_puts(t, "\\\\");
		else
			text_put(t, name, 1);
	}
}

static void status_ids(struct text *t, const struct view *v, u32 slots)
{
	const struct credentials *c = &v->cred;

	text_puts(t, "Name:\t");
	put_name(t, v->comm);
	if (v->umask >= 0)
		text_printf(t, "\nUmask:\t%#04o", (u32)v->umask);
	text_printf(t, "\nState:\t%s\nTgid:\t%u\nNgid:\t0\nPid:\t%u\nPPid:\t%u\nTracerPid:\t%u\n",
		state_name(v->state), v->pid, v->id, v->ppid, v->tracer);
	text_printf(t, "Uid:\t%u\t%u\t%u\t%u\n", c->uid, c->euid, c->suid, c->fsuid);
	text_printf(t, "Gid:\t%u\t%u\t%u\t%u\n", c->gid, c->egid, c->sgid, c->fsgid);
	text_printf(t, "FDSize:\t%u\nGroups:\t", slots);
	for (u32 i = 0; c->groups && i < c->groups->n; i++)
		text_printf(t, "%s%u", i ? " " : "", c->groups->id[i]);
	text_printf(t, " \nNStgid:\t%u\nNSpid:\t%u\nNSpgid:\t%u\nNSsid:\t%u\n", v->pid, v->id,
		v->pgid, v->sid);
}

static void put_kb(struct text *t, const char *name, u32 pages)
{
	text_kb(t, name, strlen(name) + 8, pages * (PAGE_SIZE / 1024));
}

/* As Linux's task_mem(). */
static void status_memory(struct text *t, const struct mm *mm)
{
	u32 rss = mm_rss(mm), code = proc_text_bytes(mm);

	code = MIN(code, mm->kind_vm[VM_KIND_EXEC] * PAGE_SIZE);
	put_kb(t, "VmPeak:\t", MAX(mm->hiwater_vm, mm->total_vm));
	put_kb(t, "VmSize:\t", mm->total_vm);
	put_kb(t, "VmLck:\t", mm->locked_vm);
	put_kb(t, "VmPin:\t", 0);
	put_kb(t, "VmHWM:\t", MAX(mm->hiwater_rss, rss));
	put_kb(t, "VmRSS:\t", rss);
	put_kb(t, "RssAnon:\t", mm->rss[RSS_ANON]);
	put_kb(t, "RssFile:\t", mm->rss[RSS_FILE]);
	put_kb(t, "RssShmem:\t", mm->rss[RSS_SHMEM]);
	put_kb(t, "VmData:\t", mm->kind_vm[VM_KIND_DATA]);
	put_kb(t, "VmStk:\t", mm->kind_vm[VM_KIND_STACK]);
	put_kb(t, "VmExe:\t", code / PAGE_SIZE);
	put_kb(t, "VmLib:\t", mm->kind_vm[VM_KIND_EXEC] - code / PAGE_SIZE);
	put_kb(t, "VmPTE:\t", mm->pmap.nr_tables);
	put_kb(t, "VmSwap:\t", 0);
	put_kb(t, "HugetlbPages:\t", mm->huge_pages * PT_ENTRIES);
}

static void status_signals(struct text *t, const struct view *v)
{
	text_printf(t, "Threads:\t%u\nSigQ:\t%u/%u\n", v->nr_threads, v->nr_sigqueue,
		proc_rlimit(v->rlimit_sigpending));
	text_printf(t, "SigPnd:\t%016llx\nShdPnd:\t%016llx\n", v->pending, v->shared_pending);
	text_printf(t, "SigBlk:\t%016llx\nSigIgn:\t%016llx\nSigCgt:\t%016llx\n", v->blocked,
		v->ignored, v->caught);
}

static void status_rights(struct text *t, const struct view *v)
{
	const struct credentials *c = &v->cred;

	text_printf(t, "CapInh:\t%016llx\nCapPrm:\t%016llx\nCapEff:\t%016llx\n", c->cap_inheritable,
		c->cap_permitted, c->cap_effective);
	text_printf(t, "CapBnd:\t%016llx\nCapAmb:\t%016llx\n", c->cap_bset, c->cap_ambient);
	text_printf(t, "NoNewPrivs:\t%u\nSeccomp:\t%u\nSeccomp_filters:\t%u\n", v->no_new_privs,
		v->seccomp_mode, v->seccomp_filters);
	/* Linux's words for a CPU whose speculation nobody restrains. */
	text_puts(t, "Speculation_Store_Bypass:\tvulnerable\n"
		     "SpeculationIndirectBranch:\talways enabled\n");
}

static void status_cpus(struct text *t, const struct view *v)
{
	text_printf(t, "Cpus_allowed:\t%x\n", (1u << NR_CPUS) - 1);
	if (NR_CPUS > 1)
		text_printf(t, "Cpus_allowed_list:\t0-%u\n", NR_CPUS - 1);
	else
		text_puts(t, "Cpus_allowed_list:\t0\n");
	text_puts(t, "Mems_allowed:\t1\nMems_allowed_list:\t0\n");
	text_printf(t, "voluntary_ctxt_switches:\t%u\nnonvoluntary_ctxt_switches:\t%u\n", v->nvcsw,
		v->nivcsw);
}

int proc_status_show(struct text *t, const struct proc_node *n)
{
	struct files *files;
	struct view v;
	struct mm *mm;
	int err = view_and_mm_get(n, &v, &mm);

	if (err)
		return err;
	(void)proc_get_files(n, &files);
	status_ids(t, &v, files ? proc_fd_slots(files) : 0);
	files_put(files);
	if (mm) {
		status_memory(t, mm);
		text_printf(t, "CoreDumping:\t%d\nTHP_enabled:\t0\n", v.dumping);
		mm_put(mm);
	}
	status_signals(t, &v);
	status_rights(t, &v);
	status_cpus(t, &v);
	view_put(&v);
	return 0;
}
