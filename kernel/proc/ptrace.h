/*
 * Tracing: one thread watches another and changes what it does, ptrace(2).
 *
 * A traced thread (tracee) stops by itself, in ptrace_stop(): when it takes a signal, at both ends of
 * its system calls, at events, and instead of parking when its process stops. While it is T_TRACED
 * its tracer may look at it and change it; wait4() tells the tracer of each stop once. Only the tracer
 * lets it go on, or death. A thread that is not traced has ptrace.tracer NULL and pays nothing: the
 * gate of system calls and the debug registers are switched with the thread (kernel/x86/ptrace.h).
 *
 * A tracee that exits stays in process->dead until its tracer has waited for it; the first thread of a
 * process stands for the process's zombie, of which the parent hears when the tracer has.
 */
#ifndef PROC_PTRACE_H
#define PROC_PTRACE_H

#include "kernel/abi/ptrace.h"
#include "kernel/proc/task.h"

struct trapframe;

/* Bits of ptrace.traps. Any stop fulfils TRAP_STOP, only one with PTRACE_EVENT_STOP the other. */
#define TRAP_STOP   1u /* PTRACE_INTERRUPT, or its process stops */
#define TRAP_NOTIFY 2u /* its process stops or continues, which it is to tell */

/* --- The calling thread stops. With process_lock held, which is let go meanwhile --- */

/* It has taken a signal. Returns what it becomes: 0 when the tracer has cancelled it. */
u32 ptrace_signal(u32 sig, struct abi_siginfo *info, u32 *flags);

/* Carries out ptrace.traps. */
void ptrace_trap(u32 *flags);

/* --- The calling thread stops, without a lock, if it is traced and that was asked for --- */

/* PTRACE_EVENT_FORK and so on, in a system call. */
void ptrace_event_slow(u32 event, u32 message);
static inline void ptrace_event(u32 event, u32 message)
{
	if (unlikely(current_task()->ptrace.tracer))
		ptrace_event_slow(event, message);
}

/* The process has become another program. `old_tid`: the calling thread's number before. */
void ptrace_exec(u32 old_tid);

/* Stepped, it has entered a handler. */
void ptrace_stepped(void);

/* Before a system call. False: it is not to be made, and eax holds what it returns. */
bool ptrace_syscall_enter(struct trapframe *tf);
/* After it, WORK_TRACE being set, before signals are looked at. */
void ptrace_syscall_exit(struct trapframe *tf);

/* --- Who traces whom. With process_lock held --- */

void ptrace_link(struct task *t, struct task *tracer);
/* Ends the tracing of a thread, dead or alive; a live one goes on. */
void ptrace_unlink(struct task *t);
/* The same for a dead one, of whose process nobody else must hear now. */
void ptrace_forget(struct task *t);

/* The event that the clone() of the calling thread is for its tracer; 0: none. */
u32 ptrace_clone_event(u32 clone_flags, u32 exit_signal);
/* The new thread of the calling one is traced from its start, if that is what the tracer wants. */
void ptrace_inherit(struct task *child, u32 clone_flags, u32 exit_signal);

/* Whom the thread, which exits, traces is let go. */
void ptrace_tracer_exits(struct task *t);

/* A stop for the tracer has begun that the thread, T_STOPPED or about to sleep, stays in. `info` may
 * be NULL. */
void ptrace_stop_begin(
	struct task *t, u32 code, int why, u32 message, const struct abi_siginfo *info);

/* A seized thread shall stop with PTRACE_EVENT_STOP: TRAP_ bits. False: it is not one. */
bool ptrace_ask(struct task *t, u8 trap);
/* A signal that cannot wait for tracers: the process's threads no longer do. */
void ptrace_release(struct process *p);

/* The first thread of the process, dead or alive, if it is traced; else NULL. */
struct task *ptrace_leader(const struct process *p);
/* For a zombie: none of its threads but perhaps the first waits for a tracer. */
bool ptrace_threads_gone(const struct process *p);

/* Whether the calling process may trace this one, by its real ids. */
bool ptrace_may_attach(const struct process *p);

#endif
