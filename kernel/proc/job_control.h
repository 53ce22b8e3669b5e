/*
 * Job control among the files of kernel/proc: stopping, continuing, orphaned groups. Everything here
 * is called with process_lock held. For terminals, kernel/proc/task.h has pgrp_orphaned().
 */
#ifndef PROC_JOB_CONTROL_H
#define PROC_JOB_CONTROL_H

#include "kernel/proc/task.h"

/* The thread's process stops, and it has not yet. */
static inline bool must_stop(const struct task *t)
{
	return t->process->stop_signal && !t->stop_done;
}

/* The calling thread has taken a stop signal: all threads of the process shall park. */
void stop_begin(struct process *p, u32 sig);
/* The calling thread takes part in the stop of its process: it parks until that ends, or is to stop
 * for its tracer. The lock is let go meanwhile; `flags` and what it returns are the lock's. */
u32 stop_wait(struct task *t, u32 flags);
/* If every thread left has stopped, the process has. */
void stop_complete_if_all(struct process *p);
/* A stop, complete or not, is over: parked threads run. */
void stop_end(struct process *p);
/* The same for SIGCONT: the parent hears of it if the stop was complete. */
void stop_continue(struct process *p);

/* SIGCHLD to a parent or tracer about what a thread of p does, and a wake-up if it waits. `why` is a
 * CLD_ code. */
void notify_job(struct process *to, u32 tid, const struct process *p, int why, s32 status);

/* pgrp_orphaned(), `without` (or NULL) not counted as a member. */
bool pgrp_orphaned_locked(u32 pgid, const struct process *without);
bool pgrp_has_stopped(u32 pgid);

#endif
