/* Restartable sequences, as the rest of kernel/proc sees them. */
#ifndef PROC_RSEQ_H
#define PROC_RSEQ_H

#include "kernel/lib/types.h"

struct task;
struct trapframe;

/* The calling thread was switched away since it was last in user mode: if that was within a
 * sequence, it goes on at the sequence's abort address. Also brings the CPU's number up to date.
 * Called on the way to user mode; a bad area is SIGSEGV. */
void rseq_resume(struct trapframe *tf);

/* Sends the thread, which has an area, to the abort address if it is within a sequence; in any case
 * it is in none afterwards. An error: SIGSEGV is due. */
long rseq_abort(const struct task *t, struct trapframe *tf) __must_check;

/* fork: `child` begins with what the calling thread has registered; a thread (`shared` memory)
 * begins with nothing. execve: nothing. */
void rseq_fork(struct task *child, bool shared);
void rseq_forget(struct task *t);

#endif
