/*
 * Signals among the files of kernel/proc: queues, dispositions, job control, handler frames.
 * kernel/proc/task.h has what the rest of the kernel calls.
 *
 * A signal is pending for a thread or for the whole process. Sending it sets its bit, keeps its
 * siginfo in the queue, and gives WORK_SIGNAL to a thread that can take it, which is woken. That
 * thread takes it off (signal_take) on its way to user mode. The invariant is: a thread that has
 * something to do there has WORK_SIGNAL set; the reverse need not hold.
 */
#ifndef PROC_SIGNAL_H
#define PROC_SIGNAL_H

#include "kernel/abi/signal.h"
#include "kernel/core/sched.h"
#include "kernel/lib/list.h"
#include "kernel/lib/types.h"

struct posix_timer;
struct process;
struct sighand;
struct sigpending;
struct task;
struct trapframe;

#define SIGRTMIN_K 32u

/* A signal that waits on a queue, with what its handler is told. */
struct sigqueue {
	struct list_head link;
	u32 sig;
	struct abi_siginfo info;
	struct posix_timer *timer; /* whose entry it is, or NULL */
};

static inline bool sigqueue_waits(const struct sigqueue *q)
{
	return !list_empty(&q->link);
}

static inline u64 sigmask(u32 sig)
{
	return 1ull << (sig - 1);
}
static inline bool sig_valid(u32 sig)
{
	return sig >= 1 && sig <= _NSIG;
}

#define SIGS_UNBLOCKABLE (sigmask(SIGKILL) | sigmask(SIGSTOP))
#define SIGS_STOP (sigmask(SIGSTOP) | sigmask(SIGTSTP) | sigmask(SIGTTIN) | sigmask(SIGTTOU))

void signal_init(void);

void sigpending_init(struct sigpending *sp);
/* Drops everything; `owner` is whose count the entries are in. */
void sigpending_flush(struct sigpending *sp, struct process *owner);

/*
 * Sends with process_lock held. Returns 0, also when the signal is ignored, or -EAGAIN when a
 * real-time signal cannot be queued. `force`: from the kernel, so process 1 feels it too.
 */
long signal_send_process_locked(struct process *p, u32 sig, const struct abi_siginfo *info);
long signal_send_task_locked(struct task *t, u32 sig, const struct abi_siginfo *info);
/* The same with an entry of the caller's own, which waits nowhere: for a thread, or NULL for any
 * of the process. It may be sent from interrupts. */
void signal_send_entry_locked(struct process *p, struct task *t, struct sigqueue *q);
/* Such an entry, counted as one of the process's; NULL: no memory, or it has its fill. Uninitialised.
 * Freeing it takes it back when it waits. */
struct sigqueue *signal_entry_alloc_locked(struct process *p);
void signal_entry_free_locked(struct process *p, struct sigqueue *q);
u32 signal_send_pgrp_locked(u32 pgid, u32 sig, const struct abi_siginfo *info);

/* SIGSEGV or the like to the calling thread, not to be blocked or ignored: siginfo as given. */
void signal_force(u32 sig, const struct abi_siginfo *info);
void signal_force_kernel(u32 sig);

struct taken_signal;
/* Enters the handler for a signal of the exception that the calling thread, whose frame is tf, has
 * just made: all of *s but its action. False: there is none to enter at once, the signal must be
 * forced. */
bool signal_handle(struct trapframe *tf, struct taken_signal *s);

/* siginfo of kill(2), sent by the calling process. */
struct abi_siginfo siginfo_user(u32 sig, s32 code);

/* Sets the calling thread's mask (KILL and STOP are left out) and hands on what it no longer
 * takes. */
void signal_set_blocked(u64 mask);

/* Takes one pending signal of `mask` off the calling thread's queues; 0 when there is none.
 * Caller holds process_lock. */
u32 signal_dequeue(u64 mask, struct abi_siginfo *info);

/* Signals pending for the calling thread, its own and its process's. */
u64 signal_pending_set(void);

/* Recomputes the calling thread's WORK_SIGNAL. Caller holds process_lock. */
void signal_recalc(void);

/* The thread's process ends, or becomes another thread's alone. Caller holds process_lock. */
bool must_die(const struct task *t);

/* A signal that ends the process waits for the calling thread. */
bool fatal_signal_pending(void);

/* Woken whenever a signal becomes pending for anybody. */
extern struct waitq signal_sent;

/* Sets WORK_SIGNAL and wakes the thread if it sleeps interruptibly. Caller holds process_lock. */
void task_poke(struct task *t);

/* execve: handlers become the default, ignored stays ignored. */
void sighand_reset(struct sighand *s);
/* Drops pending signals of `mask` from the process and all its threads. */
void signal_discard(struct process *p, u64 mask);

bool sig_default_ignored(u32 sig);

/* SIGCHLD to a parent or tracer about what a thread of p does, and a wake-up if it waits. `why` is a
 * CLD_ code. Caller holds process_lock. */
void notify_job(struct process *to, u32 tid, const struct process *p, int why, s32 status);
/* A stop, complete or not, is over: parked threads run. Caller holds process_lock. */
void signal_end_stop(struct process *p);
/* If every thread left has stopped, the process has. Caller holds process_lock. */
void stop_complete_if_all(struct process *p);

/* pgrp_orphaned() with process_lock held, `without` (or NULL) not counted as a member. */
bool pgrp_orphaned_locked(u32 pgid, const struct process *without);
bool pgrp_has_stopped(u32 pgid);

struct abi_stack;
/* Sets the alternate stack as sigaltstack(2) does, for a thread whose stack pointer is sp. */
long altstack_set(const struct abi_stack *s, u32 sp);

/* --- sigframe.c --- */

/* A signal taken off the queue that has a handler. */
struct taken_signal {
	u32 sig;
	u32 info_size; /* bytes of info that there are; what follows is zero */
	const struct abi_siginfo *info;
	struct abi_sigaction_k action;
};

/* Builds the frame and points tf at the handler; false when the stack cannot take it. */
bool sigframe_push(struct trapframe *tf, const struct taken_signal *s);

/* The bytes the largest frame takes: AT_MINSIGSTKSZ. */
u32 sigframe_max_size(void);

#endif
