/*
 * /proc/PID and /proc/PID/task/TID: finding the process, who may look at it, and the files that
 * speak of it as a whole. Its memory is proc_maps.c and proc_pid_mem.c, its descriptors proc_fd.c.
 *
 * The files of a process are made from a struct view, copied under process_lock at once, so that
 * one text never mixes two moments.
 */
#include "kernel/abi/prctl.h"
#include "kernel/abi/time.h"
#include "kernel/core/panic.h"
#include "kernel/fs/proc_impl.h"
#include "kernel/fs/tty.h"
#include "kernel/lib/fmt.h"
#include "kernel/lib/string.h"
#include "kernel/proc/signal.h"
#include "kernel/x86/uaccess.h"
#include "mm/page_alloc.h"
#include "mm/space.h"

/* --- Finding --- */

struct process *proc_find_locked(const struct proc_node *n, struct task **t)
{
	struct process *p = process_find(n->id);

	*t = task_find(n->id);
	if (!p && *t)
		p = (*t)->process;
	return p && p->start_ns == n->start_ns ? p : NULL;
}

bool proc_alive(const struct proc_node *n)
{
	struct process *p;
	struct task *t;
	u32 flags;

	if (!n->id)
		return true;
	flags = spin_lock_irqsave(&process_lock);
	p = proc_find_locked(n, &t);
	spin_unlock_irqrestore(&process_lock, flags);
	return p;
}

bool proc_pid_next(const struct proc_node *dir, u32 *number)
{
	u32 flags = spin_lock_irqsave(&process_lock);
	struct process *p;
	bool found = false;

	list_for_each_entry (p, &process_list, all) {
		if (p->pid < *number)
			continue;
		*number = p->pid;
		found = true;
		break;
	}
	spin_unlock_irqrestore(&process_lock, flags);
	return found;
}

/* Threads other than the first are found, too, though not listed; as on Linux. */
bool proc_pid_find(const struct proc_node *dir, u32 number, struct proc_node *child)
{
	u32 flags = spin_lock_irqsave(&process_lock);
	struct process *p = process_find(number);
	struct task *t = p ? NULL : task_find(number);

	if (t)
		p = t->process;
	if (p) {
		child->id = number;
		child->start_ns = p->start_ns;
	}
	spin_unlock_irqrestore(&process_lock, flags);
	return p;
}

u32 proc_pid_count(const struct proc_node *dir)
{
	return nr_processes;
}

/* The lowest thread number >= min. The first thread's stays until the process is waited for. */
static u32 thread_from(const struct process *p, u32 min)
{
	u32 lowest = p->pid >= min ? p->pid : 0;
	struct task *t;

	list_for_each_entry (t, &p->threads, sibling)
		if (t->tid >= min && (!lowest || t->tid < lowest))
			lowest = t->tid;
	return lowest;
}

static bool task_next(const struct proc_node *dir, u32 *number)
{
	u32 flags = spin_lock_irqsave(&process_lock), lowest;
	struct task *t;
	struct process *p = proc_find_locked(dir, &t);

	lowest = p ? thread_from(p, *number) : 0;
	spin_unlock_irqrestore(&process_lock, flags);
	if (lowest)
		*number = lowest;
	return lowest;
}

static bool task_find_child(const struct proc_node *dir, u32 number, struct proc_node *child)
{
	u32 found = number;

	child->id = number;
	child->thread = true;
	return number && task_next(dir, &found) && found == number;
}

static u32 task_count(const struct proc_node *dir)
{
	u32 flags = spin_lock_irqsave(&process_lock), n;
	struct task *t;
	struct process *p = proc_find_locked(dir, &t);

	n = p ? p->nr_threads : 0;
	spin_unlock_irqrestore(&process_lock, flags);
	return n;
}

int proc_self_readlink(const struct proc_node *n, char *buf, size_t size)
{
	char text[12];
	int len;

	if (!current_task())
		return -ENOENT;
	len = snprintf(text, sizeof(text), "%u", current_process()->pid);
	memcpy(buf, text, MIN((size_t)len, size));
	return (int)MIN((size_t)len, size);
}

int proc_thread_self_readlink(const struct proc_node *n, char *buf, size_t size)
{
	struct task *t = current_task();
	char text[32];
	int len;

	if (!t)
		return -ENOENT;
	len = snprintf(text, sizeof(text), "%u/task/%u", t->process->pid, t->tid);
	memcpy(buf, text, MIN((size_t)len, size));
	return (int)MIN((size_t)len, size);
}

/* --- Who may look --- */

static bool same_ids(const struct credentials *me, const struct credentials *it)
{
	return me->fsuid == it->euid && me->fsuid == it->suid && me->fsuid == it->uid &&
	       me->fsgid == it->egid && me->fsgid == it->sgid && me->fsgid == it->gid;
}

/* Caller holds process_lock. */
static bool may_access_locked(const struct process *p)
{
	const struct credentials *me = current_cred();

	if (!current_task() || p == current_process() || capable(CAP_SYS_PTRACE))
		return true;
	if (!same_ids(me, &p->cred) || (p->mm && !p->dumpable))
		return false;
	return (p->cred.cap_permitted & ~me->cap_effective) == 0;
}

bool proc_may_access(const struct proc_node *n)
{
	u32 flags = spin_lock_irqsave(&process_lock);
	struct task *t;
	struct process *p = proc_find_locked(n, &t);
	bool may = p && may_access_locked(p);

	spin_unlock_irqrestore(&process_lock, flags);
	return may;
}

/* What must not be dumped belongs to root, but for the directories. */
bool proc_owner(const struct proc_node *n, u32 *uid, u32 *gid)
{
	u32 flags = spin_lock_irqsave(&process_lock);
	struct task *t;
	struct process *p = proc_find_locked(n, &t);
	bool own = p && (p->dumpable || n->entry->mode == (S_IFDIR | 0555));

	if (p) {
		*uid = own ? p->cred.euid : 0;
		*gid = own ? p->cred.egid : 0;
	}
	spin_unlock_irqrestore(&process_lock, flags);
	return p;
}

/* --- References to what it has --- */

/* 0 when the node may be used by the caller. Caller holds process_lock. */
static int check_locked(const struct proc_node *n, const struct process *p)
{
	if (!p)
		return -ESRCH;
	return n->entry->guarded && !may_access_locked(p) ? -EACCES : 0;
}

int proc_get_mm(const struct proc_node *n, struct mm **out)
{
	u32 flags = spin_lock_irqsave(&process_lock);
	struct task *t;
	struct process *p = proc_find_locked(n, &t);
	int err = check_locked(n, p);

	*out = err ? NULL : p->mm;
	if (*out)
		mm_get(*out);
	spin_unlock_irqrestore(&process_lock, flags);
	return err;
}

int proc_get_files(const struct proc_node *n, struct files **out)
{
	u32 flags = spin_lock_irqsave(&process_lock);
	struct task *t;
	struct process *p = proc_find_locked(n, &t);
	int err = check_locked(n, p);

	*out = err ? NULL : p->files;
	if (*out)
		files_get(*out);
	spin_unlock_irqrestore(&process_lock, flags);
	return err;
}

static struct fs_context *get_fs(const struct proc_node *n)
{
	u32 flags = spin_lock_irqsave(&process_lock);
	struct task *t;
	struct process *p = proc_find_locked(n, &t);
	struct fs_context *fs = p && p->fs ? fs_get(p->fs) : NULL;

	spin_unlock_irqrestore(&process_lock, flags);
	return fs;
}

/* --- A view --- */

struct view {
	u32 id, pid, ppid, pgid, sid, nr_threads;
	char state;
	char comm[16];
	bool has_mm, execed, exiting, no_new_privs;
	bool permitted; /* the reader may look into it */
	u32 tty_nr;
	s32 tty_pgrp;
	s32 exit_signal, exit_code, nice, umask; /* umask -1: none any more */
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
	v->has_mm = p->mm;
	v->execed = p->execed;
	v->exiting = p->state == P_ZOMBIE || p->group_exit;
	v->no_new_privs = p->no_new_privs;
	v->permitted = may_access_locked(p);
	v->tty_nr = tty_nr(p->tty);
	v->tty_pgrp = tty_foreground(p->tty);
	v->exit_signal = (s32)p->exit_signal;
	v->exit_code = p->state == P_ZOMBIE ? p->exit_status : 0;
	v->nice = p->nice;
	v->umask = p->fs ? (s32)p->fs->umask : -1;
	v->cminflt = p->cminflt;
	v->cmajflt = p->cmajflt;
	v->cutime_ns = p->cutime_ns;
	v->cstime_ns = p->cstime_ns;
	v->start_ns = p->start_ns;
	v->shared_pending = p->pending.set;
	v->nr_sigqueue = p->nr_sigqueue;
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
	v->pending = t->pending.set;
	v->blocked = t->blocked;
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

static u32 rlimit32(u64 limit)
{
	return (u32)MIN(limit, (u64)RLIM32_INFINITY);
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
	text_printf(t, " %d %d %u 0 %llu", 20 + v->nice, v->nice, v->nr_threads,
		ns_to_clock(v->start_ns));
}

/* Fields 23 to 28, and 29 and 30, which are 0 while the program runs. Who may not look sees 1 for
 * the bounds of the code. */
static void stat_memory(struct text *t, const struct view *v, const struct mm *mm)
{
	u32 hidden = mm && !v->permitted;

	text_printf(t, " %u %u %u", mm ? mm->total_vm * PAGE_SIZE : 0, mm ? mm_rss(mm) : 0,
		rlimit32(v->rlimit_rss));
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
	text_printf(t, " %u 0 0 %d 0 0 0 0 0 0", waiting,
		thread && v->id != v->pid ? -1 : v->exit_signal);
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

static int stat_show(struct text *t, const struct proc_node *n)
{
	struct view v;
	struct mm *mm;
	int err = view_get(n, &v);

	if (!err)
		err = proc_get_mm(n, &mm);
	if (err)
		return err;
	stat_process(t, &v);
	stat_memory(t, &v, mm);
	stat_signals(t, &v, n->thread);
	stat_bounds(t, &v, mm);
	if (mm)
		mm_put(mm);
	return 0;
}

/* --- status --- */

static const char *state_name(char state)
{
	static const char *const names[] = {"R (running)", "S (sleeping)", "D (disk sleep)",
		"T (stopped)", "X (dead)", "Z (zombie)"};

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
	text_printf(t, "\nState:\t%s\nTgid:\t%u\nNgid:\t0\nPid:\t%u\nPPid:\t%u\nTracerPid:\t0\n",
		state_name(v->state), v->pid, v->id, v->ppid);
	text_printf(t, "Uid:\t%u\t%u\t%u\t%u\n", c->uid, c->euid, c->suid, c->fsuid);
	text_printf(t, "Gid:\t%u\t%u\t%u\t%u\n", c->gid, c->egid, c->sgid, c->fsgid);
	text_printf(t, "FDSize:\t%u\nGroups:\t", slots);
	for (u32 i = 0; i < c->ngroups; i++)
		text_printf(t, "%s%u", i ? " " : "", c->groups[i]);
	text_printf(t, " \nNStgid:\t%u\nNSpid:\t%u\nNSpgid:\t%u\nNSsid:\t%u\n", v->pid, v->id,
		v->pgid, v->sid);
}

static void put_kb(struct text *t, const char *name, u32 pages)
{
	text_printf(t, "%s:\t%8u kB\n", name, pages * (PAGE_SIZE / 1024));
}

/* As Linux's task_mem(). */
static void status_memory(struct text *t, const struct mm *mm)
{
	u32 rss = mm_rss(mm), code = proc_text_bytes(mm);

	code = MIN(code, mm->exec_vm * PAGE_SIZE);
	put_kb(t, "VmPeak", MAX(mm->hiwater_vm, mm->total_vm));
	put_kb(t, "VmSize", mm->total_vm);
	put_kb(t, "VmLck", mm->locked_vm);
	put_kb(t, "VmPin", 0);
	put_kb(t, "VmHWM", MAX(mm->hiwater_rss, rss));
	put_kb(t, "VmRSS", rss);
	put_kb(t, "RssAnon", mm->rss[RSS_ANON]);
	put_kb(t, "RssFile", mm->rss[RSS_FILE]);
	put_kb(t, "RssShmem", mm->rss[RSS_SHMEM]);
	put_kb(t, "VmData", mm->data_vm);
	put_kb(t, "VmStk", mm->stack_vm);
	put_kb(t, "VmExe", code / PAGE_SIZE);
	put_kb(t, "VmLib", mm->exec_vm - code / PAGE_SIZE);
	put_kb(t, "VmPTE", mm->pmap.nr_tables);
	put_kb(t, "VmSwap", 0);
	put_kb(t, "HugetlbPages", 0);
	text_puts(t, "CoreDumping:\t0\nTHP_enabled:\t0\n");
}

static void status_signals(struct text *t, const struct view *v)
{
	text_printf(t, "Threads:\t%u\nSigQ:\t%u/%u\n", v->nr_threads, v->nr_sigqueue,
		rlimit32(v->rlimit_sigpending));
	text_printf(t, "SigPnd:\t%016llx\nShdPnd:\t%016llx\n", v->pending, v->shared_pending);
	text_printf(t, "SigBlk:\t%016llx\nSigIgn:\t%016llx\nSigCgt:\t%016llx\n", v->blocked,
		v->ignored, v->caught);
}

static void status_rights(struct text *t, const struct view *v)
{
	const struct credentials *c = &v->cred;

	text_printf(t, "CapInh:\t%016llx\nCapPrm:\t%016llx\nCapEff:\t%016llx\n", c->cap_inheritable,
		c->cap_permitted, c->cap_effective);
	text_printf(t, "CapBnd:\t%016llx\nCapAmb:\t%016llx\n", CAP_FULL, 0ull);
	text_printf(t, "NoNewPrivs:\t%u\nSeccomp:\t0\nSeccomp_filters:\t0\n", v->no_new_privs);
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

static int status_show(struct text *t, const struct proc_node *n)
{
	struct files *files;
	struct view v;
	struct mm *mm;
	int err = view_get(n, &v);

	if (!err)
		err = proc_get_mm(n, &mm);
	if (err)
		return err;
	(void)proc_get_files(n, &files);
	status_ids(t, &v, files ? proc_fd_slots(files) : 0);
	files_put(files);
	if (mm) {
		status_memory(t, mm);
		mm_put(mm);
	}
	status_signals(t, &v);
	status_rights(t, &v);
	status_cpus(t, &v);
	return 0;
}

/* --- comm --- */

static int comm_show(struct text *t, const struct proc_node *n)
{
	struct view v;
	int err = view_get(n, &v);

	if (!err)
		text_printf(t, "%s\n", v.comm);
	return err;
}

/* A process names its own threads only. */
static long comm_store(const struct proc_node *n, char *s, size_t len, u64 pos)
{
	u32 flags = spin_lock_irqsave(&process_lock);
	struct task *t;
	struct process *p = proc_find_locked(n, &t);
	long used = p ? (long)len : -ESRCH;

	if (p && (!t || p != current_process())) {
		used = -EINVAL;
	} else if (p) {
		strlcpy(t->comm, s, sizeof(t->comm));
		if (t->tid == p->pid)
			memcpy(p->comm, t->comm, sizeof(p->comm));
	}
	spin_unlock_irqrestore(&process_lock, flags);
	return used;
}

/* --- limits --- */

static const struct {
	const char *name, *unit;
} limit_names[RLIM_NLIMITS] = {
	[RLIMIT_CPU] = {"Max cpu time", "seconds"},
	[RLIMIT_FSIZE] = {"Max file size", "bytes"},
	[RLIMIT_DATA] = {"Max data size", "bytes"},
	[RLIMIT_STACK] = {"Max stack size", "bytes"},
	[RLIMIT_CORE] = {"Max core file size", "bytes"},
	[RLIMIT_RSS] = {"Max resident set", "bytes"},
	[RLIMIT_NPROC] = {"Max processes", "processes"},
	[RLIMIT_NOFILE] = {"Max open files", "files"},
	[RLIMIT_MEMLOCK] = {"Max locked memory", "bytes"},
	[RLIMIT_AS] = {"Max address space", "bytes"},
	[RLIMIT_LOCKS] = {"Max file locks", "locks"},
	[RLIMIT_SIGPENDING] = {"Max pending signals", "signals"},
	[RLIMIT_MSGQUEUE] = {"Max msgqueue size", "bytes"},
	[RLIMIT_NICE] = {"Max nice priority", NULL},
	[RLIMIT_RTPRIO] = {"Max realtime priority", NULL},
	[RLIMIT_RTTIME] = {"Max realtime timeout", "us"},
};

static void put_limit(struct text *t, u64 limit)
{
	if (rlimit32(limit) == RLIM32_INFINITY)
		text_printf(t, "%-20s ", "unlimited");
	else
		text_printf(t, "%-20u ", rlimit32(limit));
}

static int limits_show(struct text *t, const struct proc_node *n)
{
	struct abi_rlimit64 limit[RLIM_NLIMITS];
	u32 flags = spin_lock_irqsave(&process_lock);
	struct task *task;
	struct process *p = proc_find_locked(n, &task);

	if (p)
		memcpy(limit, p->rlimit, sizeof(limit));
	spin_unlock_irqrestore(&process_lock, flags);
	if (!p)
		return -ESRCH;
	text_printf(t, "%-25s %-20s %-20s %-10s\n", "Limit", "Soft Limit", "Hard Limit", "Units");
	for (u32 i = 0; i < RLIM_NLIMITS; i++) {
		text_printf(t, "%-25s ", limit_names[i].name);
		put_limit(t, limit[i].cur);
		put_limit(t, limit[i].max);
		if (limit_names[i].unit)
			text_printf(t, "%-10s", limit_names[i].unit);
		text_puts(t, "\n");
	}
	return 0;
}

/* --- Out of memory: who goes first --- */

#define OOM_ADJ_MIN	(-1000)
#define OOM_ADJ_MAX	1000
#define OOM_OLD_DISABLE (-17) /* the scale of oom_adj, which came before */
#define OOM_OLD_MAX	15

/* 0: never, up to 1333: first. */
static s32 oom_score(u32 used, s32 adj, u32 total)
{
	s64 points;

	if (adj == OOM_ADJ_MIN || !total)
		return 0;
	points = (s64)used + (s64)adj * (total / 1000);
	return (s32)MAX((1000 + points * 1000 / total) * 2 / 3, (s64)0);
}

static int oom_adj_get(const struct proc_node *n, s32 *adj)
{
	u32 flags = spin_lock_irqsave(&process_lock);
	struct task *t;
	struct process *p = proc_find_locked(n, &t);

	if (p)
		*adj = p->oom_score_adj;
	spin_unlock_irqrestore(&process_lock, flags);
	return p ? 0 : -ESRCH;
}

/* Everybody may go first. Only the privileged may go later than somebody privileged has allowed,
 * or, by oom_adj, than now. */
static int oom_adj_set(const struct proc_node *n, s32 adj, bool old_scale)
{
	bool privileged = capable(CAP_SYS_RESOURCE);
	u32 flags = spin_lock_irqsave(&process_lock);
	struct task *t;
	struct process *p = proc_find_locked(n, &t);
	int err = p ? 0 : -ESRCH;

	if (p && !privileged && adj < (old_scale ? p->oom_score_adj : p->oom_score_adj_min))
		err = -EACCES;
	if (!err) {
		p->oom_score_adj = (s16)adj;
		if (privileged && !old_scale)
			p->oom_score_adj_min = (s16)adj;
	}
	spin_unlock_irqrestore(&process_lock, flags);
	return err;
}

static int oom_score_adj_show(struct text *t, const struct proc_node *n)
{
	s32 adj;
	int err = oom_adj_get(n, &adj);

	if (!err)
		text_printf(t, "%d\n", adj);
	return err;
}

static long oom_score_adj_store(const struct proc_node *n, char *s, size_t len, u64 pos)
{
	const char *at = s;
	s64 adj;
	int err = proc_parse_long(&at, OOM_ADJ_MIN, OOM_ADJ_MAX, &adj);

	if (!err)
		err = oom_adj_set(n, (s32)adj, false);
	return err ? err : (long)len;
}

static int oom_adj_show(struct text *t, const struct proc_node *n)
{
	s32 adj;
	int err = oom_adj_get(n, &adj);

	if (err)
		return err;
	adj = adj == OOM_ADJ_MAX ? OOM_OLD_MAX : adj * -OOM_OLD_DISABLE / OOM_ADJ_MAX;
	text_printf(t, "%d\n", adj);
	return 0;
}

static long oom_adj_store(const struct proc_node *n, char *s, size_t len, u64 pos)
{
	const char *at = s;
	s64 old;
	int err = proc_parse_long(&at, OOM_OLD_DISABLE, OOM_OLD_MAX, &old);

	if (err)
		return err;
	old = old == OOM_OLD_MAX ? OOM_ADJ_MAX : old * OOM_ADJ_MAX / -OOM_OLD_DISABLE;
	err = oom_adj_set(n, (s32)old, true);
	return err ? err : (long)len;
}

/* What has no memory left is not worth killing: 0. */
static int oom_score_show(struct text *t, const struct proc_node *n)
{
	struct mm *mm;
	s32 adj, score = 0;
	int err = oom_adj_get(n, &adj);

	if (!err)
		err = proc_get_mm(n, &mm);
	if (err)
		return err;
	if (mm) {
		score = oom_score(mm_rss(mm) + mm->pmap.nr_tables, adj, page_alloc_total());
		mm_put(mm);
	}
	text_printf(t, "%d\n", score);
	return 0;
}

/* --- Links --- */

static int exe_target(const struct proc_node *n, struct dentry **out)
{
	struct mm *mm;
	int err = proc_get_mm(n, &mm);

	if (err || !mm)
		return -ENOENT;
	if (mm->exe)
		*out = dentry_get(backing_file(mm->exe)->dentry);
	else
		err = -ENOENT;
	mm_put(mm);
	return err;
}

static int fs_target(const struct proc_node *n, bool root, struct dentry **out)
{
	struct fs_context *fs = get_fs(n);

	if (!fs)
		return -ENOENT;
	spin_lock(&fs->lock);
	*out = dentry_get(root ? fs->root : fs->cwd);
	spin_unlock(&fs->lock);
	fs_put(fs);
	return 0;
}

static int cwd_target(const struct proc_node *n, struct dentry **out)
{
	return fs_target(n, false, out);
}

static int root_target(const struct proc_node *n, struct dentry **out)
{
	return fs_target(n, true, out);
}

/* --- What it waits in --- */

/* The two words that every frame of a function begins with. */
struct frame {
	u32 ebp, eip;
};

/* What a thread that sleeps has at its stack pointer (kernel/x86/switch.S). */
struct saved_registers {
	u32 edi, esi, ebx;
	struct frame frame;
};

/* The function that called schedule(): a code address, 0 when it cannot be told. */
static u32 wait_address(const struct thread *t)
{
	struct saved_registers saved;
	struct frame f;
	const char *name;
	u32 offset;
	bool scheduling = false;

	if (peek_kernel(&saved, (const void *)t->x86.ksp, sizeof(saved)))
		return 0;
	f = saved.frame;
	for (u32 depth = 0; depth < 8; depth++) {
		if (scheduling)
			return f.eip;
		name = ksym_lookup(f.eip, &offset);
		scheduling = name && strcmp(name, "schedule") == 0;
		if (f.ebp - (u32)t->kstack >= KSTACK_SIZE ||
			peek_kernel(&f, (const void *)f.ebp, sizeof(f)))
			return 0;
	}
	return 0;
}

static int wchan_show(struct text *t, const struct proc_node *n)
{
	u32 flags = spin_lock_irqsave(&process_lock), offset, at = 0;
	struct task *task;
	struct process *p = proc_find_locked(n, &task);
	const char *name = NULL;

	if (p && task && task->thread.state != T_RUNNABLE && may_access_locked(p))
		at = wait_address(&task->thread);
	spin_unlock_irqrestore(&process_lock, flags);
	if (at)
		name = ksym_lookup(at, &offset);
	text_puts(t, name ? name : "0");
	return p ? 0 : -ESRCH;
}

static int personality_show(struct text *t, const struct proc_node *n)
{
	u32 flags = spin_lock_irqsave(&process_lock);
	struct task *task;
	struct process *p = proc_find_locked(n, &task);
	u32 personality = p ? p->personality : 0;

	spin_unlock_irqrestore(&process_lock, flags);
	if (p)
		text_printf(t, "%08x\n", personality);
	return p ? 0 : -ESRCH;
}

/* --- The tables --- */

/* What a process and each of its threads have. */
#define COMMON_ROWS                                                                                \
	{"auxv", S_IFREG | 0400, .guarded = true, .show = proc_auxv_show},                         \
		{"cmdline", S_IFREG | 0444, .show = proc_cmdline_show},                            \
		{"comm", S_IFREG | 0644, .show = comm_show, .store = comm_store},                  \
		{"cwd", S_IFLNK | 0777, .target = cwd_target},                                     \
		{"environ", S_IFREG | 0400, .guarded = true, .show = proc_environ_show},           \
		{"exe", S_IFLNK | 0777, .target = exe_target},                                     \
		{"fd", S_IFDIR | 0500, .dir = &proc_fd_dir, .inode_ops = &proc_fd_dir_ops},        \
		{"fdinfo", S_IFDIR | 0555, .dir = &proc_fdinfo_dir,                                \
			.inode_ops = &proc_fdinfo_dir_ops},                                        \
		{"limits", S_IFREG | 0444, .show = limits_show},                                   \
		{"maps", S_IFREG | 0444, .guarded = true, .show = proc_maps_show},                 \
		{"mem", S_IFREG | 0600, .guarded = true, .ops = &proc_pid_mem_ops},                \
		{"mountinfo", S_IFREG | 0444, .show = proc_mountinfo_show},                        \
		{"mounts", S_IFREG | 0444, .show = proc_mounts_show},                              \
		{"oom_adj", S_IFREG | 0644, .show = oom_adj_show, .store = oom_adj_store},         \
		{"oom_score", S_IFREG | 0444, .show = oom_score_show},                             \
		{"oom_score_adj", S_IFREG | 0644, .show = oom_score_adj_show,                      \
			.store = oom_score_adj_store},                                             \
		{"pagemap", S_IFREG | 0400, .guarded = true, .ops = &proc_pagemap_ops},            \
		{"personality", S_IFREG | 0400, .guarded = true, .show = personality_show},        \
		{"root", S_IFLNK | 0777, .target = root_target},                                   \
		{"smaps", S_IFREG | 0444, .guarded = true, .show = proc_smaps_show},               \
		{"smaps_rollup", S_IFREG | 0444, .guarded = true, .show = proc_smaps_rollup_show}, \
		{"stat", S_IFREG | 0444, .show = stat_show},                                       \
		{"statm", S_IFREG | 0444, .show = proc_statm_show},                                \
		{"status", S_IFREG | 0444, .show = status_show},                                   \
	{                                                                                          \
		"wchan", S_IFREG | 0444, .show = wchan_show                                        \
	}

static const struct proc_entry thread_rows[] = {COMMON_ROWS};

static const struct proc_dir thread_dir = {
	.rows = thread_rows,
	.nr_rows = ARRAY_SIZE(thread_rows),
};

static const struct proc_entry thread_entry = {.mode = S_IFDIR | 0555, .dir = &thread_dir};

static const struct proc_dir task_dir = {
	.numbered = &thread_entry,
	.next = task_next,
	.find = task_find_child,
	.count = task_count,
};

static const struct proc_entry pid_rows[] = {
	COMMON_ROWS,
	{"task", S_IFDIR | 0555, .dir = &task_dir},
};

const struct proc_dir proc_pid_dir = {
	.rows = pid_rows,
	.nr_rows = ARRAY_SIZE(pid_rows),
};

const struct proc_entry proc_pid_entry = {.mode = S_IFDIR | 0555, .dir = &proc_pid_dir};
