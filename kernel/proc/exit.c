/*
 * The end of threads and processes.
 *
 * A thread gives back what it can while it still runs; its kernel stack and its struct task are
 * left on process->dead, since nobody can free the stack he stands on. They are freed by the next
 * thread of the process that is made or dies, or with the process, by whoever reaps it:
 *
 *   alive --last thread's exit--> zombie --wait4() of the parent--> process_reap()
 *              |
 *              +--the parent ignores SIGCHLD--> self_reaped list --process_reap_dead()-->
 *
 * A zombie's last thread is off its CPU when it is reaped: it becomes a zombie under process_lock
 * right before its last schedule(), and the kernel is not preempted.
 */
#include "kernel/abi/wait.h"
#include "kernel/core/log.h"
#include "kernel/core/panic.h"
#include "kernel/core/trace.h"
#include "kernel/fs/file.h"
#include "kernel/ipc/sem.h"
#include "kernel/lib/kassert.h"
#include "kernel/lib/string.h"
#include "kernel/proc/coredump.h"
#include "kernel/proc/job_control.h"
#include "kernel/proc/pidfd.h"
#include "kernel/proc/posix_timer.h"
#include "kernel/proc/process.h"
#include "kernel/proc/ptrace.h"
#include "kernel/proc/signal.h"
#include "kernel/proc/sigqueue.h"
#include "kernel/syscalls.h"
#include "kernel/tty/tty.h"
#include "mm/space.h"

static LIST_HEAD(self_reaped); /* struct process.all; under process_lock */

/* --- Freeing --- */

/* Those stay that a tracer has yet to wait for. */
void process_free_dead_threads(struct process *p)
{
	struct task *t, *next;
	LIST_HEAD(dead);
	u32 flags = spin_lock_irqsave(&process_lock);
	list_for_each_entry_safe (t, next, &p->dead, sibling)
		if (!t->ptrace.tracer)
			list_move_tail(&t->sibling, &dead);
	spin_unlock_irqrestore(&process_lock, flags);
	list_for_each_entry_safe (t, next, &dead, sibling) {
		kassert(t->thread.state == T_DEAD);
		task_free(t);
	}
}

void process_reap(struct process *p)
{
	struct task *t;
	u32 flags;
	kassert(p->state == P_ZOMBIE && p->nr_threads == 0);
	timer_cancel(&p->cpu_tick);
	flags = spin_lock_irqsave(&process_lock);
	list_for_each_entry (t, &p->dead, sibling)
		if (t->ptrace.tracer)
			ptrace_forget(t);
	pid_free(p->pid);
	spin_unlock_irqrestore(&process_lock, flags);
	process_free_dead_threads(p);
	process_free(p);
}

void process_reap_dead(void)
{
	struct process *p, *next;
	LIST_HEAD(list);
	u32 flags;
	if (list_empty(&self_reaped))
		return;
	flags = spin_lock_irqsave(&process_lock);
	list_splice_tail(&self_reaped, &list);
	spin_unlock_irqrestore(&process_lock, flags);
	list_for_each_entry_safe (p, next, &list, all)
		process_reap(p);
}

int process_collect(struct process *p)
{
	u32 flags;
	int status;
	while (READ_ONCE(p->state) != P_ZOMBIE)
		yield();
	flags = spin_lock_irqsave(&process_lock);
	status = p->exit_status;
	process_unlink(p);
	spin_unlock_irqrestore(&process_lock, flags);
	process_reap(p);
	process_reap_dead();
	return status;
}

/* --- Threads --- */

/* A wait status as SIGCHLD's siginfo has it: si_code and si_status. */
int exit_why(u32 status)
{
	if (status & W_STATUS_CORE)
		return CLD_DUMPED;
	return status & 0x7f ? CLD_KILLED : CLD_EXITED;
}

static s32 exit_info(u32 status)
{
	return (s32)(status & 0x7f ? status & 0x7f : status >> 8 & 0xff);
}

void process_kill_threads(struct process *p, struct task *except)
{
	struct task *t;
	stop_end(p);
	ptrace_release(p);
	list_for_each_entry (t, &p->threads, sibling)
		if (t != except)
			task_poke(t);
}

/* What the process remembers of the thread. Caller holds process_lock. */
static void account_thread(struct process *p, const struct task *t)
{
	p->utime_ns += t->thread.utime_ns;
	p->stime_ns += t->thread.stime_ns;
	p->minflt += t->thread.minflt;
	p->majflt += t->thread.majflt;
	p->nvcsw += t->thread.nvcsw;
	p->nivcsw += t->thread.nivcsw;
	io_count_add(p->io, t->io);
}

/* Its tracer is to wait for it; for the first thread, when the process is a zombie. */
static void thread_tell_tracer(const struct process *p, const struct task *t)
{
	u32 status = t->ptrace.code;
	if (t->tid != p->pid)
		notify_job(
			t->ptrace.tracer->process, t->tid, p, exit_why(status), exit_info(status));
}

/* What is asked for of a process whose first thread has gone. Caller holds process_lock. */
static void save_sched(struct process *p, const struct task *t)
{
	p->nice = t->nice;
	p->sched_policy = (u8)t->sched_policy;
	p->sched_priority = (u8)t->sched_priority;
}

/* Takes the thread, which exits with a wait status, out of its process. Caller holds process_lock.
 */
static void thread_leave(struct process *p, struct task *t, int status)
{
	account_thread(p, t);
	if (t->tid == p->pid)
		save_sched(p, t);
	sigpending_flush(&t->pending, p);
	list_move_tail(&t->sibling, &p->dead);
	task_forget_tid(t);
	p->nr_stopped -= t->stop_done;
	p->nr_threads--;
	nr_threads--;
	user_add(p->user, USER_THREADS, -1);
	ptrace_tracer_exits(t);
	t->thread.state = T_DEAD;
	t->ptrace.code = (u32)status;
	if (unlikely(t->ptrace.tracer))
		thread_tell_tracer(p, t);
	else if (t->tid != p->pid)
		pid_free(t->tid);
	if (p->nr_threads == 0)
		return;
	if (p->exec_task || p->dumper)
		waitq_wake_all(&p->threads_gone);
	stop_complete_if_all(p);
}

/* --- Processes: telling the family --- */

/* What tells the parent: another signal than SIGCHLD only the program that asked for it. */
static u32 exit_signal(const struct process *p)
{
	return p->parent_execs == p->parent->execs ? p->exit_signal : SIGCHLD;
}

/* The parent does not want to hear of it: there will be no zombie. */
static bool parent_ignores_exit(const struct process *p)
{
	const struct process *parent = p->parent;
	const struct abi_sigaction_k *a;
	if (!parent || exit_signal(p) != SIGCHLD || !parent->sighand)
		return false;
	a = &parent->sighand->action[SIGCHLD - 1];
	return a->handler == SIG_IGN_K || (a->flags & SA_NOCLDWAIT);
}

static void send_exit_signal(const struct process *p, struct process *to, u32 sig)
{
	struct abi_siginfo info = {.si_signo = (s32)sig};
	if (!sig_valid(sig))
		return;
	info.si_code = exit_why((u32)p->exit_status);
	info.chld.pid = (s32)p->pid;
	info.chld.uid = p->cred.uid;
	info.chld.status = exit_info((u32)p->exit_status);
	info.chld.utime = (s32)(p->utime_ns / (NSEC_PER_SEC / USER_HZ));
	info.chld.stime = (s32)(p->stime_ns / (NSEC_PER_SEC / USER_HZ));
	signal_send_process_locked(to, sig, &info);
}

static void self_reap(struct process *p)
{
	process_unlink(p);
	list_add_tail(&p->all, &self_reaped);
}

static void notify_parent_exit(struct process *p)
{
	struct process *parent = p->parent;
	bool ignored = parent_ignores_exit(p);
	if (!parent) {
		if (p->detached)
			self_reap(p);
		return;
	}
	if (!(ignored && parent->sighand->action[SIGCHLD - 1].handler == SIG_IGN_K))
		send_exit_signal(p, parent, exit_signal(p));
	if (ignored)
		self_reap(p);
	waitq_wake_all(&parent->child_exit);
}

/* The tracer of its first thread comes before the parent, that of another one before both. */
void process_notify_exit(struct process *p)
{
	struct task *leader = ptrace_leader(p);
	struct process *tracer = leader ? leader->ptrace.tracer->process : NULL;
	kassert_dbg(spin_held(&process_lock));
	if (!ptrace_threads_gone(p))
		return;
	if (!tracer) {
		notify_parent_exit(p);
		return;
	}
	send_exit_signal(p, tracer, tracer == p->parent ? exit_signal(p) : SIGCHLD);
	waitq_wake_all(&tracer->child_exit);
}

/* A group that has just been cut off from its shell, with stopped members that nobody could
 * continue. Caller holds process_lock. */
static void hangup_if_orphaned(
	const struct process *p, const struct process *parent, const struct process *without)
{
	if (!parent || parent->pgid == p->pgid || parent->sid != p->sid)
		return; /* it was not what kept the group */
	if (!pgrp_orphaned_locked(p->pgid, without) || !pgrp_has_stopped(p->pgid))
		return;
	signal_send_pgrp_locked(p->pgid, SIGHUP, NULL);
	signal_send_pgrp_locked(p->pgid, SIGCONT, NULL);
}

/* Who gets the children: the next ancestor that asked for it, else process 1. NULL: nobody. */
static struct process *find_reaper(const struct process *p)
{
	struct process *a;
	for (a = p->parent; a; a = a->parent)
		if (a->child_subreaper && a->sighand)
			return a;
	a = process_find(1);
	return a != p ? a : NULL;
}

/* The child has asked for a signal when its parent dies, of which each thread is one. */
static void tell_of_death(struct process *c)
{
	struct abi_siginfo info;
	if (!c->pdeath_signal || signal_check(c, c->pdeath_signal))
		return;
	info = siginfo_user(c->pdeath_signal, SI_USER);
	signal_send_process_locked(c, c->pdeath_signal, &info);
}

void children_inherited(struct process *p, const struct task *heir)
{
	struct process *c;
	list_for_each_entry (c, &p->children, sibling)
		c->parent_tid = heir->tid;
}

/* A thread goes, others stay. Caller holds process_lock. */
static void leave_children(struct process *p, const struct task *t)
{
	const struct task *heir = list_first_entry(&p->threads, struct task, sibling);
	struct process *c;
	list_for_each_entry (c, &p->children, sibling) {
		if (c->parent_tid != t->tid)
			continue;
		c->parent_tid = heir->tid;
		tell_of_death(c);
	}
}

/* Puts a child that its parent has left behind among those of p. */
static void adopt(struct process *p, struct process *child)
{
	list_add_tail(&child->sibling, &p->children);
	if (!list_empty(&p->threads))
		child->parent_tid = list_first_entry(&p->threads, struct task, sibling)->tid;
}

/* Caller holds process_lock. */
static void reparent_children(struct process *p)
{
	struct process *reaper = find_reaper(p), *c, *next;
	list_for_each_entry_safe (c, next, &p->children, sibling) {
		list_del_init(&c->sibling);
		c->parent = reaper;
		c->detached = !reaper;
		if (reaper)
			adopt(reaper, c);
		c->exit_signal = SIGCHLD;
		tell_of_death(c);
		hangup_if_orphaned(c, p, NULL);
		if (c->state == P_ZOMBIE)
			process_notify_exit(c);
	}
}

/* --- Processes: giving back --- */

static void release_mm(struct process *p)
{
	struct mm *mm = p->mm;
	u32 flags;
	if (!mm) {
		vfork_release(current_task());
		return;
	}
	p->maxrss = MAX(p->maxrss, MAX(mm->hiwater_rss, mm_rss(mm)));
	flags = spin_lock_irqsave(&process_lock);
	p->mm = NULL;
	spin_unlock_irqrestore(&process_lock, flags);
	thread_set_pmap(NULL);
	vfork_release(current_task());
	mm_put(mm);
}

static void release_files(struct task *t)
{
	struct files *files = t->files;
	struct fs_context *fs = t->fs;
	u32 flags = spin_lock_irqsave(&process_lock);
	t->files = NULL;
	t->fs = NULL;
	spin_unlock_irqrestore(&process_lock, flags);
	files_put(files);
	fs_put(fs);
}

static void release_sighand(struct process *p)
{
	struct sighand *s = p->sighand;
	u32 flags = spin_lock_irqsave(&process_lock);
	signal_discard(p, ~0ull);
	p->sighand = NULL;
	spin_unlock_irqrestore(&process_lock, flags);
	sighand_put(s);
}

/* --- The end of process 1 --- */

#define LAST_WAIT_NS (10 * NSEC_PER_SEC)

static void kill_all_others(struct process *init)
{
	struct process *p;
	u32 flags = spin_lock_irqsave(&process_lock);
	ptrace_tracer_exits(current_task());
	list_for_each_entry (p, &process_list, all)
		if (p != init)
			signal_send_process_locked(p, SIGKILL, NULL);
	spin_unlock_irqrestore(&process_lock, flags);
}

/* Takes a zombie out of the world, whoever's child it is. */
static bool reap_any(struct process *init)
{
	struct process *p, *found = NULL;
	u32 flags = spin_lock_irqsave(&process_lock);
	list_for_each_entry (p, &process_list, all) {
		if (p == init || p->state != P_ZOMBIE)
			continue;
		found = p;
		process_unlink(p);
		break;
	}
	spin_unlock_irqrestore(&process_lock, flags);
	if (found)
		process_reap(found);
	return found;
}

/* Process 1 takes everybody with it, so that nothing is left in memory that could hide a leak. */
static __noreturn void init_exit(struct process *init)
{
	u64 until = clock_monotonic_ns() + LAST_WAIT_NS;
	release_files(current_task());
	release_mm(init);
	kill_all_others(init);
	while (nr_processes > 1 && clock_monotonic_ns() < until) {
		if (!reap_any(init))
			yield();
	}
	process_reap_dead();
	process_free_dead_threads(init);
	if (nr_processes > 1)
		log_err("%u processes could not be killed", nr_processes - 1);
	process1_exited(init->exit_status);
}

/* --- Exit --- */

/* The process's last thread, with everything given back: from here on it is a zombie. */
static __noreturn void become_zombie(struct process *p, struct task *t, int status)
{
	u32 flags = spin_lock_irqsave(&process_lock);
	reparent_children(p);
	hangup_if_orphaned(p, p->parent, p);
	thread_leave(p, t, status);
	p->state = P_ZOMBIE;
	p->stop_report = p->cont_report = false;
	process_notify_exit(p);
	pidfd_exited();
	spin_unlock_irqrestore(&process_lock, flags);
	thread_exit();
}

static __noreturn void last_thread_exit(struct process *p, struct task *t, int status)
{
	posix_timers_exit(p);
	itimer_exit(p);
	if (p->pid == 1)
		init_exit(p);
	release_mm(p);
	sem_exit(p);
	release_files(t);
	if (p->sid == p->pid)
		tty_leader_exits(p);
	release_sighand(p);
	process_reap_dead();
	become_zombie(p, t, status);
}

/* One of several threads ends. Returns false when it has become the last. */
static bool leave_if_not_last(struct process *p, struct task *t, int status)
{
	u32 flags = spin_lock_irqsave(&process_lock);
	bool left = p->nr_threads > 1;
	if (left) {
		thread_leave(p, t, status);
		leave_children(p, t);
	}
	spin_unlock_irqrestore(&process_lock, flags);
	return left;
}

static void trace_exit(const struct task *t)
{
	struct trace_sched_process_exit e = {.task_pid = t->tid, .prio = task_rank(t)};
	memcpy(e.task_comm, t->comm, sizeof(e.task_comm));
	trace_write(TE_sched_process_exit, &e, sizeof(e));
}

void task_exit(int status)
{
	struct task *t = current_task();
	struct process *p = t->process;
	u32 flags;
	if (p->group_exit)
		status = p->exit_status;
	ptrace_event(PTRACE_EVENT_EXIT, (u32)status);
	coredump_wait();
	if (trace_is_on(TE_sched_process_exit))
		trace_exit(t);
	process_free_dead_threads(p);
	flags = spin_lock_irqsave(&process_lock);
	t->exiting = true;
	signal_retarget(t, ~t->blocked);
	spin_unlock_irqrestore(&process_lock, flags);
	if (p->mm)
		futex_thread_exit(t);
	/* Without exit_group() it is the first thread whose status counts. */
	if (!p->group_exit && t->tid == p->pid)
		p->exit_status = status;
	if (p->nr_threads > 1) {
		thread_set_pmap(NULL);
		vfork_release(t);
		release_files(t);
	}
	if (leave_if_not_last(p, t, status))
		thread_exit();
	last_thread_exit(p, t, status);
}

void process_exit_group(int wait_status)
{
	struct process *p = current_process();
	u32 flags = spin_lock_irqsave(&process_lock);
	if (!p->group_exit) {
		p->group_exit = true;
		p->exit_status = wait_status;
		process_kill_threads(p, current_task());
	}
	spin_unlock_irqrestore(&process_lock, flags);
	task_exit(wait_status);
}

long sys_exit(s32 code)
{
	task_exit(W_STATUS_EXITED(code));
}

long sys_exit_group(s32 code)
{
	process_exit_group(W_STATUS_EXITED(code));
}
