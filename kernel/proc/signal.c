/* What signals mean to a thread that has not taken them: its mask, its handlers, WORK_SIGNAL. */
#include "kernel/proc/signal.h"
#include "kernel/lib/kassert.h"
#include "kernel/lib/string.h"
#include "kernel/proc/job_control.h"
#include "kernel/proc/process.h"

/* --- Who has something to do --- */

static void work_set(struct task *t)
{
	__atomic_fetch_or(&t->thread.work, WORK_SIGNAL, __ATOMIC_RELAXED);
}

void task_poke(struct task *t)
{
	work_set(t);
	thread_wake_if(&t->thread, 1u << T_INTERRUPTIBLE);
}

static bool signal_work(const struct task *t)
{
	const struct process *p = t->process;
	return ((t->pending.set | p->pending.set) & ~t->blocked) || must_die(t) || must_stop(t) ||
	       t->ptrace.traps;
}

void signal_recalc(void)
{
	struct task *t = current_task();
	kassert_dbg(spin_held(&process_lock));
	if (signal_work(t))
		work_set(t);
	else
		__atomic_fetch_and(&t->thread.work, ~WORK_SIGNAL, __ATOMIC_RELAXED);
}

bool signal_pending(void)
{
	return this_cpu()->task && (READ_ONCE(current_task()->thread.work) & WORK_SIGNAL);
}

u64 signal_pending_set(void)
{
	u32 flags = spin_lock_irqsave(&process_lock);
	u64 set = current_task()->pending.set | current_process()->pending.set;
	spin_unlock_irqrestore(&process_lock, flags);
	return set;
}

static bool sig_default_fatal(const struct process *p, u32 sig)
{
	return p->sighand->action[sig - 1].handler == SIG_DFL_K && !sig_default_ignored(sig) &&
	       !(SIGS_STOP & sigmask(sig)) && !p->unkillable;
}

bool fatal_signal_pending(void)
{
	struct task *t = current_task();
	struct process *p = t->process;
	u32 flags = spin_lock_irqsave(&process_lock);
	u64 set = (t->pending.set | p->pending.set) & ~t->blocked;
	bool fatal = must_die(t) || t->exiting;
	if (unlikely(t->ptrace.tracer)) /* may yet cancel all others */
		set &= sigmask(SIGKILL);
	for (; set && !fatal; set &= set - 1)
		fatal = sig_default_fatal(p, (u32)__builtin_ctzll(set) + 1);
	spin_unlock_irqrestore(&process_lock, flags);
	return fatal;
}

void signal_retarget(struct task *t, u64 no_more)
{
	struct process *p = t->process;
	struct task *other;
	u64 left = p->pending.set & no_more;
	if (!left)
		return;
	list_for_each_entry (other, &p->threads, sibling)
		if (other != t && (left & ~other->blocked))
			task_poke(other);
}

void signal_change_blocked(struct task *t, u64 mask)
{
	u64 newly_blocked = mask & ~t->blocked;
	t->blocked = mask;
	signal_retarget(t, newly_blocked);
	signal_recalc();
}

bool signal_ignored_or_blocked(u32 sig)
{
	struct task *t = current_task();
	return t->process->sighand->action[sig - 1].handler == SIG_IGN_K ||
	       (t->blocked & sigmask(sig));
}

void sighand_reset(struct sighand *s)
{
	u64 ignored = 0;
	for (u32 sig = 1; sig <= _NSIG; sig++)
		if (s->action[sig - 1].handler == SIG_IGN_K)
			ignored |= sigmask(sig);
	memset(s->action, 0, sizeof(s->action));
	for (; ignored; ignored &= ignored - 1)
		s->action[__builtin_ctzll(ignored)].handler = SIG_IGN_K;
}
