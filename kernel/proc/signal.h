/*
 * Signals among the files of kernel/proc: masks, handlers, sending, taking. kernel/proc/task.h has
 * what the rest of the kernel calls.
 *
 * A signal is pending for a thread or for the whole process (kernel/proc/sigqueue.h). Sending it sets
 * its bit, keeps its siginfo in the queue, and gives WORK_SIGNAL to a thread that can take it, which
 * is woken. That thread takes it off on its way to user mode. The invariant is: a thread that has
 * something to do there has WORK_SIGNAL set; the reverse need not hold.
 */
#ifndef PROC_SIGNAL_H
#define PROC_SIGNAL_H

#include "kernel/abi/signal.h"
#include "kernel/core/sched.h"
#include "kernel/lib/types.h"
#include "kernel/proc/process.h"

struct abi_stack;
struct process;
struct sighand;
struct sigqueue;
struct task;
struct trapframe;

#define SIGRTMIN_K 32u

static inline u64 sigmask(u32 sig)
{
	return 1ull << (sig - 1);
}
static inline bool sig_valid(u32 sig)
{
	return sig >= 1 && sig <= _NSIG;
}

#define SIGS_UNBLOCKABLE (sigmask(SIGKILL) | sigmask(SIGSTOP))
/* Faults of the program itself. */
#define SIGS_SYNCHRONOUS                                                                           \
	(sigmask(SIGSEGV) | sigmask(SIGBUS) | sigmask(SIGILL) | sigmask(SIGTRAP) |                 \
		sigmask(SIGFPE) | sigmask(SIGSYS))

/* What a signal does by default (signal(7)): stop the process, nothing, end it with a core file; the
 * others end it. */
#define SIGS_STOP (sigmask(SIGSTOP) | sigmask(SIGTSTP) | sigmask(SIGTTIN) | sigmask(SIGTTOU))
#define SIGS_DEFAULT_IGNORED                                                                       \
	(sigmask(SIGCHLD) | sigmask(SIGCONT) | sigmask(SIGURG) | sigmask(SIGWINCH))
#define SIGS_CORE (SIGS_SYNCHRONOUS | sigmask(SIGQUIT) | sigmask(SIGABRT) | sigmask(SIGXCPU) | \
		   sigmask(SIGXFSZ))

static inline bool sig_default_ignored(u32 sig)
{
	return SIGS_DEFAULT_IGNORED & sigmask(sig);
}

/* --- signal.c: what the calling thread has to do, its mask, its process's handlers --- */

/* Recomputes the calling thread's WORK_SIGNAL. Caller holds process_lock. */
void signal_recalc(void);

/* Sets WORK_SIGNAL and wakes the thread if it sleeps interruptibly. Caller holds process_lock. */
void task_poke(struct task *t);

/* Signals pending for the calling thread, its own and its process's. */
u64 signal_pending_set(void);

/* A signal that ends the process waits for the calling thread, or it is ending already. */
bool fatal_signal_pending(void);

/* The calling thread t takes these signals no more: those that wait for its process are offered to
 * the other threads. Caller holds process_lock. */
void signal_retarget(struct task *t, u64 no_more);

/* Takes the new mask of t, the calling thread, for which something is pending. Caller holds
 * process_lock. */
void signal_change_blocked(struct task *t, u64 mask);

/* Sets the mask of t, the calling thread (KILL and STOP are left out), and hands on what it no
 * longer takes. Caller holds process_lock; the second takes it. */
static inline void signal_set_blocked_locked(struct task *t, u64 mask)
{
	mask &= ~SIGS_UNBLOCKABLE;
	if (unlikely((t->thread.work & WORK_SIGNAL) || t->pending.set || t->process->pending.set))
		signal_change_blocked(t, mask);
	else
		t->blocked = mask;
}

static inline void signal_set_blocked(u64 mask)
{
	u32 flags = spin_lock_irqsave(&process_lock);
	signal_set_blocked_locked(current_task(), mask);
	spin_unlock_irqrestore(&process_lock, flags);
}

/* execve: handlers become the default, ignored stays ignored. */
void sighand_reset(struct sighand *s);

/* --- signal_send.c --- */

/* Woken whenever a signal becomes pending for anybody. */
extern struct waitq signal_sent;

/*
 * Sends with process_lock held; `info` may be NULL (SI_KERNEL). Returns 0, also when the signal is
 * ignored, or -EAGAIN when a real-time signal cannot be queued.
 */
long signal_send_process_locked(struct process *p, u32 sig, const struct abi_siginfo *info);
long signal_send_task_locked(struct task *t, u32 sig, const struct abi_siginfo *info);
/* Every process of the group; returns how many there were. */
u32 signal_send_pgrp_locked(u32 pgid, u32 sig, const struct abi_siginfo *info);
/* The same with an entry of the caller's own, which waits nowhere: for a thread, or NULL for any
 * of the process. It may be sent from interrupts. */
void signal_send_entry_locked(struct process *p, struct task *t, struct sigqueue *q);

/* SIGSEGV or the like to the calling thread, not to be blocked or ignored, process 1 included:
 * siginfo as given. */
void signal_force(u32 sig, const struct abi_siginfo *info);
void signal_force_kernel(u32 sig);

/* kill(2)'s rule, for a signal that exists: who looks for a target first finds that it does not.
 * SIGCONT is for everybody of the session. 0, -EINVAL or -EPERM. Caller holds process_lock. */
long signal_check(const struct process *target, u32 sig);

/* siginfo of kill(2), sent by the calling process. */
struct abi_siginfo siginfo_user(u32 sig, s32 code);
/* siginfo of SIGSYS for the system call whose frame is tf. */
struct abi_siginfo siginfo_sys(const struct trapframe *tf, s32 code, u32 reason);

/* --- sigframe.c --- */

/* A signal with a handler, on its way there. */
struct taken_signal {
	u32 sig;
	u32 info_size; /* bytes of info that there are; what follows is zero */
	const struct abi_siginfo *info;
	/* What signal_take_action() fills in; the mask is what the handler's return brings back. */
	struct abi_sigaction_k action;
	u64 old_blocked;
};

/* Takes the action of s->sig, which has a handler, and gives t, the calling thread, the mask that
 * it has there. Caller holds process_lock, and runs the handler when he has let it go. */
void signal_take_action(struct task *t, struct taken_signal *s);

/* Builds the frame and points tf at the handler. False: the stack cannot take it, SIGSEGV is next. */
bool signal_run_handler(struct trapframe *tf, const struct taken_signal *s);

/* Both, for a signal up to 32 of the exception that the calling thread, whose frame is tf, has just
 * made. False: there is no handler to enter at once, the signal must be forced. */
bool signal_handle(struct trapframe *tf, struct taken_signal *s);

/* The bytes the largest frame takes: AT_MINSIGSTKSZ. */
u32 sigframe_max_size(void);

/* --- The alternate stack: sys_signal.c --- */

static inline bool altstack_spans(const struct task *t, u32 sp)
{
	return sp > t->altstack_sp && sp - t->altstack_sp <= t->altstack_size;
}

/* A thread with this stack pointer runs on it. One that disarms itself is never in use. */
static inline bool altstack_in_use(const struct task *t, u32 sp)
{
	return !(t->altstack_flags & SS_AUTODISARM) && t->altstack_size && altstack_spans(t, sp);
}

static inline void altstack_disable(struct task *t)
{
	t->altstack_sp = t->altstack_size = 0;
	t->altstack_flags = SS_DISABLE;
}

/* Sets the alternate stack as sigaltstack(2) does, for a thread whose stack pointer is sp. */
long altstack_set(const struct abi_stack *s, u32 sp);

#endif
