/* The tracee's side of ptrace(2), and who traces whom. See kernel/proc/ptrace.h. */
#include "kernel/proc/ptrace.h"
#include "kernel/abi/errno.h"
#include "kernel/abi/prctl.h"
#include "kernel/abi/sched.h"
#include "kernel/lib/kassert.h"
#include "kernel/proc/job_control.h"
#include "kernel/proc/process.h"
#include "kernel/proc/signal.h"
#include "kernel/x86/ptrace.h"

/* --- Stopping --- */

/* Death does not wait for a tracer, but the thread that has begun to exit does tell of it. */
static bool killed(const struct task *t, u32 code)
{
	if ((t->pending.set | t->process->pending.set) & sigmask(SIGKILL))
		return true;
	return must_die(t) && code >> 8 != PTRACE_EVENT_EXIT;
}

void ptrace_stop_begin(
	struct task *t, u32 code, int why, u32 message, const struct abi_siginfo *info)
{
	struct ptrace *pt = &t->ptrace;
	kassert_dbg(spin_held(&process_lock));
	pt->code = code;
	pt->message = message;
	pt->has_info = info;
	if (info)
		pt->info = *info;
	pt->traps &= code >> 8 == PTRACE_EVENT_STOP ? 0 : (u8)~TRAP_STOP;
	pt->listening = false;
	t->thread.state = T_TRACED;
	notify_job(pt->tracer->process, t->tid, t->process, why, (s32)(code & 0x7f));
}

static void work_set(struct task *t, u32 work)
{
	__atomic_fetch_or(&t->thread.work, work, __ATOMIC_RELAXED);
}

/* Stops the calling thread. Returns the signal to go on with, 0: none. */
static u32 stop(u32 code, int why, u32 message, const struct abi_siginfo *info, u32 *flags)
{
	struct task *t = current_task();
	u32 interrupted = t->thread.work & WORK_SIGNAL; /* a call may be: made again after it */
	if (!t->ptrace.tracer || killed(t, code))
		return 0;
	ptrace_stop_begin(t, code, why, message, info);
	spin_unlock_irqrestore(&process_lock, *flags);
	schedule();
	*flags = spin_lock_irqsave(&process_lock);
	signal_recalc();
	work_set(t, interrupted);
	return killed(t, code) || !sig_valid(t->ptrace.code) ? 0 : t->ptrace.code;
}

/* The same, with a siginfo that says no more than the code. */
static u32 notify(u32 sig, u32 code, int why, u32 message, u32 *flags)
{
	const struct task *t = current_task();
	struct abi_siginfo info = {.si_signo = (s32)sig, .si_code = (s32)code};
	info.rt.pid = (s32)t->tid;
	info.rt.uid = t->cred.uid;
	return stop(code, why, message, &info, flags);
}

u32 ptrace_signal(u32 sig, struct abi_siginfo *info, u32 *flags)
{
	struct task *t = current_task();
	u32 go = stop(sig, CLD_TRAPPED, 0, info, flags);
	if (!go)
		return 0;
	*info = t->ptrace.info;
	if (go != (u32)info->si_signo) {
		const struct task *by = t->ptrace.tracer;
		const struct process *from = by ? by->process : t->process->parent;
		*info = (struct abi_siginfo){.si_signo = (s32)go, .si_code = SI_USER};
		info->rt.pid = from ? (s32)from->pid : 0;
		info->rt.uid = from ? from->cred.uid : 0;
	}
	if (!(t->blocked & sigmask(go)))
		return go;
	signal_send_task_locked(t, go, info);
	return 0;
}

void ptrace_trap(u32 *flags)
{
	struct ptrace *pt = &current_task()->ptrace;
	u32 sig = current_process()->stop_signal;
	pt->traps = 0;
	if (pt->seized) {
		sig = sig ? sig : SIGTRAP;
		notify(sig, sig | PTRACE_EVENT_STOP << 8, CLD_STOPPED, 0, flags);
	} else if (sig) {
		stop(sig, CLD_STOPPED, 0, NULL, flags);
	}
}

void ptrace_event_slow(u32 event, u32 message)
{
	struct task *t = current_task();
	u32 flags = spin_lock_irqsave(&process_lock);
	if (t->ptrace.tracer && t->ptrace.options & 1u << event) {
		notify(SIGTRAP, SIGTRAP | event << 8, CLD_TRAPPED, message, &flags);
		work_set(t, WORK_TRACE); /* the tracer may want to see the call's end now */
	}
	spin_unlock_irqrestore(&process_lock, flags);
}

/* Who did not ask for the event gets a signal, unless he knows better. */
void ptrace_exec(u32 old_tid)
{
	struct task *t = current_task();
	if (likely(!t->ptrace.tracer))
		return;
	if (!(t->ptrace.options & 1u << PTRACE_EVENT_EXEC) && !t->ptrace.seized) {
		struct abi_siginfo info = siginfo_user(SIGTRAP, SI_USER);
		signal_send_task(t, SIGTRAP, &info);
	}
	ptrace_event_slow(PTRACE_EVENT_EXEC, old_tid);
}

void ptrace_stepped(void)
{
	u32 flags = spin_lock_irqsave(&process_lock);
	notify(SIGTRAP, SIGTRAP, CLD_TRAPPED, 0, &flags);
	spin_unlock_irqrestore(&process_lock, flags);
}

/* --- System calls --- */

static void syscall_stop(struct task *t, u32 which)
{
	u32 flags = spin_lock_irqsave(&process_lock);
	u32 code = SIGTRAP | (t->ptrace.options & PTRACE_O_TRACESYSGOOD ? 0x80 : 0);
	u32 sig = notify(SIGTRAP, code, CLD_TRAPPED, which, &flags);
	if (sig)
		signal_send_task_locked(t, sig, NULL);
	spin_unlock_irqrestore(&process_lock, flags);
}

bool ptrace_syscall_enter(struct trapframe *tf)
{
	struct task *t = current_task();
	bool emulate = t->ptrace.emulate;
	work_set(t, WORK_TRACE);
	if (!emulate && !t->ptrace.syscalls)
		return true;
	tf->eax = (u32)-ENOSYS;
	syscall_stop(t, PTRACE_EVENTMSG_SYSCALL_ENTRY);
	return !emulate && tf->trapno == VEC_SYSCALL && !fatal_signal_pending();
}

void ptrace_syscall_exit(struct trapframe *tf)
{
	struct task *t = current_task();
	__atomic_fetch_and(&t->thread.work, ~WORK_TRACE, __ATOMIC_RELAXED);
	if (t->thread.x86.stepping && !t->ptrace.emulate) {
		struct abi_siginfo info = {.si_signo = SIGTRAP, .si_code = TRAP_BRKPT};
		info.fault.addr = tf->eip;
		t->trapno = VEC_DB;
		t->trap_error = 0;
		signal_force(SIGTRAP, &info);
	} else if (t->ptrace.syscalls) {
		syscall_stop(t, PTRACE_EVENTMSG_SYSCALL_EXIT);
	}
}

/* --- Who traces whom --- */

void ptrace_link(struct task *t, struct task *tracer)
{
	kassert_dbg(spin_held(&process_lock));
	t->ptrace = (struct ptrace){.tracer = tracer};
	t->process->nr_traced++;
	list_add_tail(&t->ptrace.link, &tracer->tracees);
}

void ptrace_forget(struct task *t)
{
	kassert_dbg(spin_held(&process_lock));
	list_del(&t->ptrace.link);
	t->ptrace.tracer = NULL;
	t->ptrace.traps = 0;
	t->process->nr_traced--;
	if (t->thread.state == T_DEAD && t->tid != t->process->pid)
		pid_free(t->tid);
}

/* A thread whose process stops or has stopped parks with the others, now that nobody holds it. */
static void go_on(struct task *t)
{
	struct process *p = t->process;
	t->ptrace.syscalls = t->ptrace.emulate = false;
	t->thread.x86.traced &= (u8)~TRACED_SYSCALLS;
	if (p->stop_signal) {
		p->nr_stopped -= t->stop_done;
		t->stop_done = false;
		task_poke(t);
	}
	thread_wake_if(&t->thread, 1u << T_TRACED);
}

void ptrace_unlink(struct task *t)
{
	struct process *p = t->process;
	ptrace_forget(t);
	if (t->thread.state != T_DEAD) {
		x86_step(&t->thread.x86, false);
		go_on(t);
	} else if (p->state == P_ZOMBIE) {
		process_notify_exit(p);
	}
}

void ptrace_tracer_exits(struct task *t)
{
	struct task *tracee, *next;
	list_for_each_entry_safe (tracee, next, &t->tracees, ptrace.link) {
		if (tracee->ptrace.options & PTRACE_O_EXITKILL)
			signal_send_process_locked(tracee->process, SIGKILL, NULL);
		ptrace_unlink(tracee);
	}
}

u32 ptrace_clone_event(u32 clone_flags, u32 exit_signal)
{
	const struct ptrace *pt = &current_task()->ptrace;
	u32 event = PTRACE_EVENT_FORK;
	if (likely(!pt->tracer) || clone_flags & CLONE_UNTRACED)
		return 0;
	if (clone_flags & CLONE_VFORK)
		event = PTRACE_EVENT_VFORK;
	else if (exit_signal != SIGCHLD)
		event = PTRACE_EVENT_CLONE;
	return pt->options & 1u << event ? event : 0;
}

void ptrace_inherit(struct task *child, u32 clone_flags, u32 exit_signal)
{
	const struct ptrace *pt = &current_task()->ptrace;
	if (likely(!pt->tracer))
		return;
	if (!(clone_flags & CLONE_PTRACE) && !ptrace_clone_event(clone_flags, exit_signal))
		return;
	ptrace_link(child, pt->tracer);
	child->ptrace.options = pt->options;
	child->ptrace.seized = pt->seized;
	child->ptrace.privileged = pt->privileged;
	if (pt->seized)
		child->ptrace.traps = TRAP_STOP;
	else
		signal_send_task_locked(child, SIGSTOP, &(struct abi_siginfo){.si_code = SI_USER});
	work_set(child, WORK_SIGNAL);
}

bool ptrace_ask(struct task *t, u8 trap)
{
	if (!t->ptrace.tracer || !t->ptrace.seized)
		return false;
	t->ptrace.traps |= trap;
	task_poke(t);
	if (t->ptrace.listening)
		thread_wake_if(&t->thread, 1u << T_TRACED);
	return true;
}

void ptrace_release(struct process *p)
{
	struct task *t;
	list_for_each_entry (t, &p->threads, sibling)
		thread_wake_if(&t->thread, 1u << T_TRACED);
}

struct task *ptrace_leader(const struct process *p)
{
	struct task *t;
	if (likely(!p->nr_traced))
		return NULL;
	list_for_each_entry (t, &p->threads, sibling)
		if (t->tid == p->pid)
			return t->ptrace.tracer ? t : NULL;
	list_for_each_entry (t, &p->dead, sibling)
		if (t->tid == p->pid && t->ptrace.tracer)
			return t;
	return NULL;
}

bool ptrace_threads_gone(const struct process *p)
{
	return p->nr_traced == (ptrace_leader(p) ? 1 : 0);
}

static bool same_ids(const struct credentials *me, const struct credentials *c)
{
	return me->uid == c->uid && me->uid == c->euid && me->uid == c->suid && me->gid == c->gid &&
	       me->gid == c->egid && me->gid == c->sgid;
}

bool ptrace_may_attach(const struct process *p)
{
	const struct credentials *me = &current_task()->cred;
	if (p == current_process() || capable(CAP_SYS_PTRACE))
		return true;
	return same_ids(me, &p->cred) && p->dumpable &&
	       !(p->cred.cap_permitted & ~me->cap_permitted);
}
