/*
 * Pending signals, of a thread or of a whole process: the bit that says so, and what waits in line
 * behind it. Everything here is under process_lock, which the caller holds.
 */
#ifndef PROC_SIGQUEUE_H
#define PROC_SIGQUEUE_H

#include "kernel/abi/signal.h"
#include "kernel/lib/list.h"
#include "kernel/lib/types.h"

struct posix_timer;
struct process;
struct sigpending;

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

/* The cache, before the first process. */
void sigqueue_init(void);

/* An entry, counted as one of the process's and its user's; NULL: no memory, or he has his fill and
 * there is no `exception`, or an interrupt asks. Uninitialised. Freeing it takes it back when it
 * waits. */
struct sigqueue *sigqueue_alloc_locked(struct process *p, bool exception);
void sigqueue_free_locked(struct process *p, struct sigqueue *q);

void sigpending_init(struct sigpending *sp);
/* Drops everything; `owner` is whose count the entries are in. Without the lock for threads and
 * processes that nobody finds any more. */
void sigpending_flush(struct sigpending *sp, struct process *owner);

/* Makes a signal pending; `info` may be NULL. `q`: its entry, which waits nowhere, or NULL to make
 * one. Returns 0, or -EAGAIN when a real-time signal cannot be queued. */
long sigpending_add(struct process *p, struct sigpending *sp, u32 sig,
	const struct abi_siginfo *info, struct sigqueue *q);

/* Drops pending signals of `mask` from the process and all its threads. */
void signal_discard(struct process *p, u64 mask);

/* Takes one pending signal of `mask` off the calling thread's queues; 0 when there is none. */
u32 signal_dequeue(u64 mask, struct abi_siginfo *info);

#endif
