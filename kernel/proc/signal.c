/*
 * Sending signals, choosing who takes them, and what they do when no handler does.
 *
 * Job control: a stop signal, taken by one thread, sets process->stop_signal; every thread parks
 * itself in T_STOPPED on its way to user mode, and the last one tells the parent. SIGCONT and
 * SIGKILL end the stop where they are sent, not where they are taken, for a stopped process takes
 * nothing.
 */
#include "kernel/abi/errno.h"
#include "kernel/core/log.h"
#include "kernel/lib/kassert.h"
#include "kernel/lib/string.h"
#include "kernel/proc/coredump.h"
#include "kernel/proc/posix_timer.h"
#include "kernel/proc/process.h"
#include "kernel/proc/ptrace.h"
#include "kernel/proc/rseq.h"
#include "kernel/proc/signal.h"
#include "kernel/x86/ptrace.h"
#include "mm/slab.h"

struct waitq signal_sent = WAITQ_INIT(signal_sent);

static struct slab_cache *sigqueue_cache;
static LIST_HEAD(sigqueue_spare); /* freed by interrupts, which the allocator is not for */

/* Faults of the program itself are taken before anything else, so that the handler's frame shows
 * the instruction that caused them. */
#define SIGS_SYNCHRONOUS                                                                           \
	(sigmask(SIGSEGV) | sigmask(SIGBUS) | sigmask(SIGILL) | sigmask(SIGTRAP) |                 \
		sigmask(SIGFPE) | sigmask(SIGSYS))
/* What ends the process with a core file (signal(7)). */
#define SIGS_CORE (SIGS_SYNCHRONOUS | sigmask(SIGQUIT) | sigmask(SIGABRT) | sigmask(SIGXCPU) | \
		   sigmask(SIGXFSZ))
#define SIGS_DEFAULT_IGNORED                                                                       \
	(sigmask(SIGCHLD) | sigmask(SIGCONT) | sigmask(SIGURG) | sigmask(SIGWINCH))

void signal_init(void)
{
	sigqueue_cache = slab_create("sigqueue", sizeof(struct sigqueue), 0, 0, NULL);
	kassert(sigqueue_cache);
	posix_timer_init();
}

bool sig_default_ignored(u32 sig)
{
	return SIGS_DEFAULT_IGNORED & sigmask(sig);
}

/* --- Queues --- */

void sigpending_init(struct sigpending *sp)
{
	sp->set = 0;
	list_init(&sp->queue);
}

static void sigqueue_free(struct sigqueue *q, struct process *owner)
{
	list_del(&q->link);
	if (q->timer) {
		posix_timer_unqueued(q->timer);
		return;
	}
	if (owner)
		owner->nr_sigqueue--;
	if (this_cpu()->irq_depth)
		list_add(&q->link, &sigqueue_spare);
	else
		slab_free(sigqueue_cache, q);
}

static void sigqueue_free_spare(void)
{
	struct sigqueue *q, *next;
	list_for_each_entry_safe (q, next, &sigqueue_spare, link)
		slab_free(sigqueue_cache, q);
	list_init(&sigqueue_spare);
}

void sigpending_flush(struct sigpending *sp, struct process *owner)
{
	struct sigqueue *q, *next;
	list_for_each_entry_safe (q, next, &sp->queue, link)
		sigqueue_free(q, owner);
	sp->set = 0;
	sigqueue_free_spare();
}

static void sigpending_discard(struct sigpending *sp, u64 mask, struct process *owner)
{
	struct sigqueue *q, *next;
	if (!(sp->set & mask))
		return;
	sp->set &= ~mask;
	list_for_each_entry_safe (q, next, &sp->queue, link)
		if (sigmask(q->sig) & mask)
			sigqueue_free(q, owner);
}

void signal_discard(struct process *p, u64 mask)
{
	struct task *t;
	kassert_dbg(spin_held(&process_lock));
	sigpending_discard(&p->pending, mask, p);
	list_for_each_entry (t, &p->threads, sibling)
		sigpending_discard(&t->pending, mask, p);
}

/* Interrupts only ever send plain signals and those that bring their entry. */
struct sigqueue *signal_entry_alloc_locked(struct process *p)
{
	struct sigqueue *q;
	if (this_cpu()->irq_depth || p->nr_sigqueue >= p->rlimit[RLIMIT_SIGPENDING].cur)
		return NULL;
	q = slab_alloc(sigqueue_cache);
	if (q)
		p->nr_sigqueue++;
	return q;
}

/* `q`: an entry that is filled in already, or NULL to make one. */
static long sigpending_add(struct process *p, struct sigpending *sp, u32 sig,
	const struct abi_siginfo *info, struct sigqueue *q)
{
	if (sig < SIGRTMIN_K && (sp->set & sigmask(sig)))
		return 0;
	if (!q && info && sig != SIGKILL) {
		q = signal_entry_alloc_locked(p);
		if (q)
			*q = (struct sigqueue){.sig = sig, .info = *info};
	}
	if (q) {
		q->info.si_signo = (s32)sig;
		list_add_tail(&q->link, &sp->queue);
	} else if (info && sig >= SIGRTMIN_K && info->si_code != SI_USER) {
		return -EAGAIN;
	}
	sp->set |= sigmask(sig);
	return 0;
}

static u32 lowest_signal(u64 set)
{
	if (set & SIGS_SYNCHRONOUS)
		set &= SIGS_SYNCHRONOUS;
	return set ? (u32)__builtin_ctzll(set) + 1 : 0;
}

/* Takes `sig`, which is pending here. The bit stays while the queue holds another of it. */
static void sigpending_take(
	struct sigpending *sp, u32 sig, struct abi_siginfo *info, struct process *owner)
{
	struct sigqueue *q, *first = NULL;
	bool more = false;
	list_for_each_entry (q, &sp->queue, link) {
		if (q->sig != sig)
			continue;
		more = first;
		if (first)
			break;
		first = q;
	}
	if (!more)
		sp->set &= ~sigmask(sig);
	if (!first) {
		*info = (struct abi_siginfo){.si_signo = (s32)sig, .si_code = SI_KERNEL};
		return;
	}
	*info = first->info;
	if (first->timer)
		posix_timer_taken(first->timer, info);
	sigqueue_free(first, owner);
}

u32 signal_dequeue(u64 mask, struct abi_siginfo *info)
{
	struct task *t = current_task();
	struct process *p = t->process;
	struct sigpending *sp = &t->pending;
	u32 sig = lowest_signal(sp->set & mask);
	kassert_dbg(spin_held(&process_lock));
	if (!sig) {
		sp = &p->pending;
		sig = lowest_signal(sp->set & mask);
	}
	if (sig)
		sigpending_take(sp, sig, info, p);
	return sig;
}

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

bool must_die(const struct task *t)
{
	const struct process *p = t->process;
	return (p->group_exit && p->dumper != t) || (p->exec_task && p->exec_task != t);
}

/* Its process stops, and it has not yet. */
static bool must_stop(const struct task *t)
{
	return t->process->stop_signal && !t->stop_done;
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
	bool fatal = must_die(t);
	if (unlikely(t->ptrace.tracer)) /* may yet cancel all others */
		set &= sigmask(SIGKILL);
	for (; set && !fatal; set &= set - 1)
		fatal = sig_default_fatal(p, (u32)__builtin_ctzll(set) + 1);
	spin_unlock_irqrestore(&process_lock, flags);
	return fatal;
}

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

static struct task *thread_for(struct process *p, u32 sig)
{
	struct task *t;
	list_for_each_entry (t, &p->threads, sibling)
		if (sig == SIGKILL ||
			(!(t->blocked & sigmask(sig)) && t->thread.state != T_TRACED))
			return t;
	return NULL; /* one that goes on will look */
}

/* --- Job control --- */

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
	p->exit_status = (int)p->stop_signal;
	p->stop_report = true;
	p->cont_report = false;
	if (!parent_traces(p))
		notify_parent_job(p, CLD_STOPPED, (s32)p->stop_signal);
}

/* A stop signal was taken: all threads shall park. Those that have already do so again when they
 * run: as the caller here, let go on by its tracer. */
static void stop_begin(struct process *p, u32 sig)
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

void signal_end_stop(struct process *p)
{
	struct task *t;
	p->stop_signal = 0;
	p->nr_stopped = 0;
	p->stop_report = false;
	if (p->state == P_STOPPED) {
		p->state = P_ALIVE;
		p->exit_status = 0;
	}
	list_for_each_entry (t, &p->threads, sibling) {
		t->stop_done = false;
		thread_wake_if(&t->thread, 1u << T_STOPPED);
	}
}

static void stop_continue(struct process *p)
{
	bool was_stopped = p->state == P_STOPPED;
	if (!p->stop_signal)
		return;
	signal_end_stop(p);
	if (!was_stopped)
		return;
	p->cont_report = true;
	notify_parent_job(p, CLD_CONTINUED, SIGCONT);
}

/* The calling thread takes part in the stop of its process: it parks until that ends, or is to stop
 * for its tracer. process_lock is held before and after. */
static u32 stop_wait(struct task *t, u32 flags)
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
	list_for_each_entry (p, &process_list, all) {
		if (p->pgid != pgid || p == without || p->state == P_ZOMBIE || !p->parent)
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
	list_for_each_entry (p, &process_list, all)
		if (p->pgid == pgid && p->state == P_STOPPED)
			return true;
	return false;
}

/* --- Sending --- */

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
		signal_end_stop(p);
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

static long send_locked(struct process *p, struct task *t, u32 sig, const struct abi_siginfo *info)
{
	return send_entry(p, t, sig, info, NULL);
}

void signal_send_entry_locked(struct process *p, struct task *t, struct sigqueue *q)
{
	send_entry(p, t, q->sig, &q->info, q);
}

static bool sigpending_drop(struct sigpending *sp, struct sigqueue *drop)
{
	struct sigqueue *q;
	bool here = false, more = false;
	list_for_each_entry (q, &sp->queue, link) {
		here |= q == drop;
		more |= q != drop && q->sig == drop->sig;
	}
	if (here && !more)
		sp->set &= ~sigmask(drop->sig);
	if (here)
		list_del_init(&drop->link);
	return here;
}

static void signal_drop(struct process *p, struct sigqueue *q)
{
	struct task *t;
	if (sigpending_drop(&p->pending, q))
		return;
	list_for_each_entry (t, &p->threads, sibling)
		if (sigpending_drop(&t->pending, q))
			return;
}

void signal_entry_free_locked(struct process *p, struct sigqueue *q)
{
	if (sigqueue_waits(q))
		signal_drop(p, q);
	q->timer = NULL;
	sigqueue_free(q, p);
}

long signal_send_process_locked(struct process *p, u32 sig, const struct abi_siginfo *info)
{
	return send_locked(p, NULL, sig, info);
}

long signal_send_task_locked(struct task *t, u32 sig, const struct abi_siginfo *info)
{
	return send_locked(t->process, t, sig, info);
}

u32 signal_send_pgrp_locked(u32 pgid, u32 sig, const struct abi_siginfo *info)
{
	struct process *p;
	u32 n = 0;
	list_for_each_entry (p, &process_list, all) {
		if (p->pgid != pgid)
			continue;
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
	info.rt.uid = current_process()->cred.uid;
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
	send_locked(p, t, sig, info);
	spin_unlock_irqrestore(&process_lock, flags);
}

void signal_force_kernel(u32 sig)
{
	struct abi_siginfo info = {.si_signo = (s32)sig, .si_code = SI_KERNEL};
	signal_force(sig, &info);
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

/* Signals of the process that only this thread could take are offered to the others. */
static void retarget(struct task *t, u64 newly_blocked)
{
	struct process *p = t->process;
	struct task *other;
	u64 left = p->pending.set & newly_blocked;
	if (!left)
		return;
	list_for_each_entry (other, &p->threads, sibling)
		if (other != t && (left & ~other->blocked))
			task_poke(other);
}

/* Whether a change of its mask means anything to the thread or to the others. */
static bool mask_matters(const struct task *t)
{
	return (t->thread.work & WORK_SIGNAL) || t->pending.set || t->process->pending.set;
}

void signal_set_blocked(u64 mask)
{
	struct task *t = current_task();
	u32 flags = spin_lock_irqsave(&process_lock);
	u64 before = t->blocked;
	t->blocked = mask & ~SIGS_UNBLOCKABLE;
	if (unlikely(mask_matters(t))) {
		retarget(t, t->blocked & ~before);
		signal_recalc();
	}
	spin_unlock_irqrestore(&process_lock, flags);
}

/* --- Taking --- */

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

static void take_action(struct process *p, struct taken_signal *s)
{
	struct abi_sigaction_k *a = &p->sighand->action[s->sig - 1];
	s->action = *a;
	if (a->flags & SA_RESETHAND)
		a->handler = SIG_DFL_K;
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
		take_action(p, s);
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

/* The handler is about to run: its mask, and what happens once. */
static void handler_entered(struct task *t, const struct taken_signal *s)
{
	u64 mask = t->blocked | s->action.mask;
	if (!(s->action.flags & SA_NODEFER))
		mask |= sigmask(s->sig);
	t->restore_blocked = false;
	signal_set_blocked(mask);
	if (t->altstack_flags & SS_AUTODISARM) {
		t->altstack_sp = t->altstack_size = 0;
		t->altstack_flags = SS_DISABLE;
	}
}

/* The thread's restartable sequence makes no sense: SIGSEGV, once with its handler. */
static void bad_sequence(struct task *t, u32 sig)
{
	if (sig == SIGSEGV)
		t->process->sighand->action[SIGSEGV - 1].handler = SIG_DFL_K;
	else
		signal_force_kernel(SIGSEGV);
}

static void run_handler(struct trapframe *tf, const struct taken_signal *s)
{
	struct task *t = current_task();
	if (unlikely(!rseq_before_signal(tf)))
		bad_sequence(t, s->sig);
	if (likely(sigframe_push(tf, s))) {
		handler_entered(t, s);
		return;
	}
	/* When not even SIGSEGV's own frame can be written, it kills. */
	if (s->sig == SIGSEGV)
		t->process->sighand->action[SIGSEGV - 1].handler = SIG_DFL_K;
	signal_force_kernel(SIGSEGV);
}

bool signal_handle(struct trapframe *tf, struct taken_signal *s)
{
	struct task *t = current_task();
	struct process *p = t->process;
	u32 flags = spin_lock_irqsave(&process_lock);
	bool now = p->sighand->action[s->sig - 1].handler > SIG_IGN_K &&
		   !(t->blocked & sigmask(s->sig)) && !(t->thread.work & WORK_SIGNAL) &&
		   likely(!t->ptrace.tracer);
	if (now)
		take_action(p, s);
	spin_unlock_irqrestore(&process_lock, flags);
	if (now)
		run_handler(tf, s);
	return now;
}

static void do_signal(struct trapframe *tf)
{
	struct task *t = current_task();
	struct abi_siginfo info;
	struct taken_signal s = {.info = &info, .info_size = sizeof(info)};
	bool taken = signal_take(&s, &info);
	bool from_syscall = tf->trapno == VEC_SYSCALL; /* a tracer may have had a word in it */
	if (taken) {
		bool stepping = t->thread.x86.stepping;
		if (from_syscall)
			restart_with_handler(tf, s.action.flags);
		if (unlikely(stepping))
			x86_step(&t->thread.x86, false);
		run_handler(tf, &s);
		if (unlikely(stepping))
			ptrace_stepped();
	} else {
		if (from_syscall)
			restart_without_handler(tf);
		if (t->restore_blocked) {
			t->restore_blocked = false;
			signal_set_blocked(t->saved_blocked);
		}
	}
	if (from_syscall)
		tf->trapno = (u32)-1; /* not twice */
}

void handle_user_return(struct trapframe *tf)
{
	struct thread *t = current_thread();
	if (t->work & WORK_RESCHED) {
		__atomic_fetch_and(&t->work, ~WORK_RESCHED, __ATOMIC_RELAXED);
		yield();
	}
	if (t->work & WORK_RSEQ)
		rseq_resume(tf);
	if (unlikely(t->work & WORK_TRACE))
		ptrace_syscall_exit(tf);
	if (t->work & WORK_SIGNAL)
		do_signal(tf);
}
