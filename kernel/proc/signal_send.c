/* Sending signals: whether the target ignores them, and which of its threads is woken for them. */
#include "kernel/lib/kassert.h"
#include "kernel/proc/job_control.h"
#include "kernel/proc/ptrace.h"
#include "kernel/proc/signal.h"
#include "kernel/proc/sigqueue.h"

struct waitq signal_sent = WAITQ_INIT(signal_sent);

/* Ignored signals are not even made pending, unless the thread blocks them: it may yet install a
 * handler, or wait for them; or unless a tracer wants to hear of them. */
static bool sig_ignored(const struct process *p, const struct task *t, u32 sig)
{
	u32 handler = p->sighand->action[sig - 1].handler;
	if ((t->blocked | t->real_blocked) & sigmask(sig))
		return false;
	if (unlikely(t->ptrace.tracer) && sig != SIGKILL)
		return false;
	if (p->unkillable && handler == SIG_DFL_K)
		return true;
	return handler == SIG_IGN_K || (handler == SIG_DFL_K && sig_default_ignored(sig));
}

/* One that exits takes nothing any more. */
static bool takes(const struct task *t, u32 sig)
{
	if (t->exiting)
		return false;
	return sig == SIGKILL || (!(t->blocked & sigmask(sig)) && t->thread.state != T_TRACED);
}

static struct task *thread_for(struct process *p, u32 sig)
{
	struct task *t;
	list_for_each_entry (t, &p->threads, sibling)
		if (takes(t, sig))
			return t;
	return NULL; /* one that goes on will look */
}

/* What a signal does to the target the moment it is sent. */
static void send_side_effects(struct process *p, u32 sig)
{
	struct task *t;
	if (SIGS_STOP & sigmask(sig)) {
		signal_discard(p, sigmask(SIGCONT));
	} else if (sig == SIGCONT) {
		signal_discard(p, SIGS_STOP);
		stop_continue(p);
		list_for_each_entry (t, &p->threads, sibling)
			ptrace_ask(t, TRAP_NOTIFY);
	} else if (sig == SIGKILL && !p->unkillable) {
		stop_end(p);
		ptrace_release(p);
	}
}

/* It dies; only what it may write about that can be cut short. */
static bool is_deaf(const struct process *p, u32 sig)
{
	return p->group_exit && !(p->dumper && sig == SIGKILL);
}

/* `t` is the only thread that may take it; NULL: any of the process. `q`: its entry, or NULL. */
static long send_entry(struct process *p, struct task *t, u32 sig, const struct abi_siginfo *info,
	struct sigqueue *q)
{
	long err;
	kassert_dbg(spin_held(&process_lock));
	if (p->state == P_ZOMBIE || is_deaf(p, sig) || !p->sighand || list_empty(&p->threads))
		return 0;
	send_side_effects(p, sig);
	if (sig_ignored(p, t ? t : list_first_entry(&p->threads, struct task, sibling), sig))
		return 0;
	err = sigpending_add(p, t ? &t->pending : &p->pending, sig, info, q);
	if (err)
		return err;
	if (!t)
		t = thread_for(p, sig);
	if (t && (sig == SIGKILL || !(t->blocked & sigmask(sig))))
		task_poke(t);
	waitq_wake_all(&signal_sent);
	return 0;
}

void signal_send_entry_locked(struct process *p, struct task *t, struct sigqueue *q)
{
	send_entry(p, t, q->sig, &q->info, q);
}

long signal_send_process_locked(struct process *p, u32 sig, const struct abi_siginfo *info)
{
	return send_entry(p, NULL, sig, info, NULL);
}

long signal_send_task_locked(struct task *t, u32 sig, const struct abi_siginfo *info)
{
	return send_entry(t->process, t, sig, info, NULL);
}

u32 signal_send_pgrp_locked(u32 pgid, u32 sig, const struct abi_siginfo *info)
{
	struct process *p;
	u32 n = 0;
	for_each_in_group (p, pgid) {
		n++;
		signal_send_process_locked(p, sig, info);
	}
	return n;
}

void signal_send_process(struct process *p, u32 sig, const struct abi_siginfo *info)
{
	u32 flags = spin_lock_irqsave(&process_lock);
	signal_send_process_locked(p, sig, info);
	spin_unlock_irqrestore(&process_lock, flags);
}

void signal_send_task(struct task *t, u32 sig, const struct abi_siginfo *info)
{
	u32 flags = spin_lock_irqsave(&process_lock);
	signal_send_task_locked(t, sig, info);
	spin_unlock_irqrestore(&process_lock, flags);
}

u32 signal_send_pgrp(u32 pgid, u32 sig)
{
	u32 flags = spin_lock_irqsave(&process_lock);
	u32 n = signal_send_pgrp_locked(pgid, sig, NULL);
	spin_unlock_irqrestore(&process_lock, flags);
	return n;
}

struct abi_siginfo siginfo_user(u32 sig, s32 code)
{
	struct abi_siginfo info = {.si_signo = (s32)sig, .si_code = code};
	info.rt.pid = (s32)current_process()->pid;
	info.rt.uid = current_task()->cred.uid;
	return info;
}

struct abi_siginfo siginfo_sys(const struct trapframe *tf, s32 code, u32 reason)
{
	struct abi_siginfo info = {.si_signo = SIGSYS, .si_errno = (s32)reason, .si_code = code};
	info.sys.call_addr = tf->eip;
	info.sys.syscall = (s32)tf->orig_eax;
	info.sys.arch = AUDIT_ARCH_I386;
	return info;
}

void signal_force(u32 sig, const struct abi_siginfo *info)
{
	struct task *t = current_task();
	struct process *p = t->process;
	u32 flags = spin_lock_irqsave(&process_lock);
	struct abi_sigaction_k *a = &p->sighand->action[sig - 1];
	if (a->handler == SIG_IGN_K || (t->blocked & sigmask(sig))) {
		a->handler = SIG_DFL_K;
		t->blocked &= ~sigmask(sig);
	}
	if (a->handler == SIG_DFL_K && !t->ptrace.tracer)
		p->unkillable = false;
	send_entry(p, t, sig, info, NULL);
	spin_unlock_irqrestore(&process_lock, flags);
}

void signal_force_kernel(u32 sig)
{
	struct abi_siginfo info = {.si_signo = (s32)sig, .si_code = SI_KERNEL};
	signal_force(sig, &info);
}
