/*
 * Job control: processes stop and continue, and their parents hear of it.
 *
 * A stop signal, taken by one thread, sets process->stop_signal; every thread parks itself in
 * T_STOPPED on its way to user mode, and the last one tells the parent. SIGCONT and SIGKILL end the
 * stop where they are sent, not where they are taken, for a stopped process takes nothing.
 */
#include "kernel/proc/job_control.h"
#include "kernel/proc/ptrace.h"
#include "kernel/proc/signal.h"

/* Of an exit it always hears. */
static bool wants_job_news(const struct process *to, int why)
{
	const struct abi_sigaction_k *a = &to->sighand->action[SIGCHLD - 1];
	return why < CLD_TRAPPED || (a->handler != SIG_IGN_K && !(a->flags & SA_NOCLDSTOP));
}

void notify_job(struct process *to, u32 tid, const struct process *p, int why, s32 status)
{
	struct abi_siginfo info = {.si_signo = SIGCHLD, .si_code = why};
	info.chld.pid = (s32)tid;
	info.chld.uid = p->cred.uid;
	info.chld.status = status;
	if (to->sighand && wants_job_news(to, why))
		signal_send_process_locked(to, SIGCHLD, &info);
	waitq_wake_all(&to->child_exit);
}

static void notify_parent_job(struct process *p, int why, s32 status)
{
	if (p->parent && p->parent->state != P_ZOMBIE)
		notify_job(p->parent, p->pid, p, why, status);
}

/* What its tracer tells it of the first thread is all that a parent which traces it hears. */
static bool parent_traces(const struct process *p)
{
	const struct task *leader = ptrace_leader(p);
	return leader && leader->ptrace.tracer->process == p->parent;
}

void stop_complete_if_all(struct process *p)
{
	if (!p->stop_signal || p->state != P_ALIVE || p->nr_stopped < p->nr_threads)
		return;
	p->state = P_STOPPED;
	p->stop_report = true;
	p->cont_report = false;
	if (!parent_traces(p))
		notify_parent_job(p, CLD_STOPPED, (s32)p->stop_signal);
}

/* Threads that have parked already do so again when they run: as the caller here, let go on by its
 * tracer. */
void stop_begin(struct process *p, u32 sig)
{
	struct task *t, *me = current_task();
	if (must_stop(me))
		return;
	p->stop_signal = sig;
	list_for_each_entry (t, &p->threads, sibling) {
		if (t->thread.state == T_STOPPED)
			continue;
		p->nr_stopped -= t->stop_done;
		t->stop_done = false;
		task_poke(t);
		if (t != me)
			ptrace_ask(t, TRAP_NOTIFY);
	}
}

void stop_end(struct process *p)
{
	struct task *t;
	p->stop_signal = 0;
	p->nr_stopped = 0;
	p->stop_report = false;
	if (p->state == P_STOPPED)
		p->state = P_ALIVE;
	list_for_each_entry (t, &p->threads, sibling) {
		t->stop_done = false;
		thread_wake_if(&t->thread, 1u << T_STOPPED);
	}
}

void stop_continue(struct process *p)
{
	bool was_stopped = p->state == P_STOPPED;
	if (!p->stop_signal)
		return;
	stop_end(p);
	if (!was_stopped)
		return;
	p->cont_report = true;
	notify_parent_job(p, CLD_CONTINUED, SIGCONT);
}

u32 stop_wait(struct task *t, u32 flags)
{
	struct process *p = t->process;
	t->stop_done = true;
	p->nr_stopped++;
	stop_complete_if_all(p);
	if (unlikely(t->ptrace.tracer)) {
		t->ptrace.traps |= TRAP_STOP;
		return flags;
	}
	t->thread.state = T_STOPPED;
	spin_unlock_irqrestore(&process_lock, flags);
	schedule();
	return spin_lock_irqsave(&process_lock);
}

bool pgrp_orphaned_locked(u32 pgid, const struct process *without)
{
	struct process *p;
	for_each_in_group (p, pgid) {
		if (p == without || p->state == P_ZOMBIE || !p->parent)
			continue;
		if (p->parent->pid != 1 && p->parent->pgid != pgid && p->parent->sid == p->sid)
			return false;
	}
	return true;
}

bool pgrp_orphaned(u32 pgid)
{
	u32 flags = spin_lock_irqsave(&process_lock);
	bool r = pgrp_orphaned_locked(pgid, NULL);
	spin_unlock_irqrestore(&process_lock, flags);
	return r;
}

bool pgrp_has_stopped(u32 pgid)
{
	struct process *p;
	for_each_in_group (p, pgid)
		if (p->state == P_STOPPED)
			return true;
	return false;
}
