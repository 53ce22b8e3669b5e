/* Taking signals on the way to user mode: default actions, handlers, interrupted system calls. */
#include "kernel/abi/errno.h"
#include "kernel/proc/coredump.h"
#include "kernel/proc/job_control.h"
#include "kernel/proc/process.h"
#include "kernel/proc/ptrace.h"
#include "kernel/proc/rseq.h"
#include "kernel/proc/signal.h"
#include "kernel/proc/sigqueue.h"
#include "kernel/x86/ptrace.h"
#include "mm/fault.h"

/* What the default action of a signal is. Returns whether it ends the process. */
static bool default_action(struct process *p, u32 sig)
{
	if (sig_default_ignored(sig) || p->unkillable)
		return false;
	if (!(SIGS_STOP & sigmask(sig)))
		return true;
	if (sig == SIGSTOP || !pgrp_orphaned_locked(p->pgid, NULL))
		stop_begin(p, sig);
	return false;
}

/*
 * The next signal that has a handler, with its action; false when there is none. Default actions
 * are carried out on the way, so this may stop the thread for long, or not return.
 */
static bool signal_take(struct taken_signal *s, struct abi_siginfo *info)
{
	struct task *t = current_task();
	struct process *p = t->process;
	u32 flags = spin_lock_irqsave(&process_lock);
	bool fatal = false;
	while (!fatal && !must_die(t)) {
		u32 handler;
		if (must_stop(t)) {
			flags = stop_wait(t, flags);
			continue;
		}
		if (unlikely(t->ptrace.traps)) {
			ptrace_trap(&flags);
			continue;
		}
		s->sig = signal_dequeue(~t->blocked, info);
		if (!s->sig)
			break;
		if (unlikely(t->ptrace.tracer) && s->sig != SIGKILL) {
			s->sig = ptrace_signal(s->sig, info, &flags);
			if (!s->sig)
				continue;
		}
		handler = p->sighand->action[s->sig - 1].handler;
		if (handler == SIG_IGN_K)
			continue;
		if (handler == SIG_DFL_K) {
			fatal = default_action(p, s->sig);
			continue;
		}
		signal_take_action(t, s);
		break;
	}
	if (must_die(t)) {
		spin_unlock_irqrestore(&process_lock, flags);
		task_exit(0);
	}
	signal_recalc();
	spin_unlock_irqrestore(&process_lock, flags);
	if (fatal && (SIGS_CORE & sigmask(s->sig)))
		coredump(info);
	if (fatal)
		process_exit_group((int)s->sig);
	return s->sig;
}

/* An interrupted system call, when a handler runs: EINTR, or again after it. */
static void restart_with_handler(struct trapframe *tf, u32 sa_flags)
{
	switch ((s32)tf->eax) {
	case -ERESTARTSYS:
		if (sa_flags & SA_RESTART)
			break;
		/* fall through */
	case -ERESTARTNOHAND:
	case -ERESTART_RESTARTBLOCK:
		tf->eax = (u32)-EINTR;
		return;
	case -ERESTARTNOINTR:
		break;
	default:
		return;
	}
	tf->eax = tf->orig_eax;
	tf->eip -= 2; /* int $0x80 */
}

static void restart_without_handler(struct trapframe *tf)
{
	switch ((s32)tf->eax) {
	case -ERESTARTSYS:
	case -ERESTARTNOHAND:
	case -ERESTARTNOINTR:
		tf->eax = tf->orig_eax;
		break;
	case -ERESTART_RESTARTBLOCK:
		tf->eax = 0; /* restart_syscall */
		break;
	default:
		return;
	}
	tf->eip -= 2;
}

static void do_signal(struct trapframe *tf)
{
	struct task *t = current_task();
	struct abi_siginfo info;
	struct taken_signal s; /* signal_take() sets the rest */
	s.info = &info;
	s.info_size = sizeof(info);
	bool taken = signal_take(&s, &info);
	bool from_syscall = tf->trapno == VEC_SYSCALL; /* a tracer may have had a word in it */
	if (taken) {
		bool stepping = t->thread.x86.stepping;
		if (from_syscall)
			restart_with_handler(tf, s.action.flags);
		if (unlikely(stepping))
			x86_step(&t->thread.x86, false);
		bool entered = signal_run_handler(tf, &s);
		if (unlikely(stepping) && entered)
			ptrace_stepped();
	} else {
		if (from_syscall)
			restart_without_handler(tf);
		if (t->restore_blocked) {
			t->restore_blocked = false;
			signal_set_blocked(t->saved_blocked);
		}
	}
}

/* A system call that failed because there was no page is made again when there may be one: as one
 * that a signal interrupted, of which there need be none. */
static void call_was_refused_memory(struct trapframe *tf)
{
	struct thread *t = current_thread();
	__atomic_fetch_and(&t->work, ~WORK_OOM, __ATOMIC_RELAXED);
	if (tf->trapno != VEC_SYSCALL || (s32)tf->eax != -ENOMEM || !oom_kill(false))
		return;
	tf->eax = (u32)-ERESTARTNOINTR;
	__atomic_fetch_or(&t->work, WORK_SIGNAL, __ATOMIC_RELAXED);
}

void handle_user_return(struct trapframe *tf)
{
	struct thread *t = current_thread();
	if (unlikely(t->work & WORK_OOM))
		call_was_refused_memory(tf);
	if (t->work & WORK_RESCHED)
		schedule();
	if (t->work & WORK_RSEQ)
		rseq_resume(tf);
	if (unlikely(t->work & WORK_TRACE))
		ptrace_syscall_exit(tf);
	if (t->work & WORK_SIGNAL)
		do_signal(tf);
}
