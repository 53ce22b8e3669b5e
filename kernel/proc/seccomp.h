/*
 * seccomp(2): programs that a thread has put between itself and the kernel, and cannot take away.
 *
 * A thread's filters are a chain, newest first; a child begins with its parent's, so that chains share
 * their tails. Each part counts who holds it: threads, and newer filters. While a thread has any, or is
 * in strict mode, its system calls come through the gate of traced ones (TRACED_FILTERED).
 */
#ifndef PROC_SECCOMP_H
#define PROC_SECCOMP_H

#include "kernel/lib/types.h"

struct seccomp_filter;
struct task;
struct trapframe;

/* In struct task; under process_lock, and changed by its own thread but for SECCOMP_FILTER_FLAG_TSYNC. */
struct seccomp {
	u8 mode;                        /* SECCOMP_MODE_ */
	struct seccomp_filter *filters; /* the newest; NULL unless the mode is SECCOMP_MODE_FILTER */
};

/* Before a system call of the calling thread that has TRACED_FILTERED. False: it is not to be made,
 * and eax holds what it returns. May not return. */
bool seccomp_permits(struct trapframe *tf);

/* A new thread of the calling one, in no list yet, gets what that has. Caller holds process_lock. */
void seccomp_inherit(struct task *child);

/* The thread has gone, or never was. */
void seccomp_release(struct task *t);

/* Caller holds process_lock. */
u32 seccomp_count(const struct task *t);

/* The operations of seccomp(2), which prctl(PR_SET_SECCOMP) has too. */
long seccomp_set_strict(void);
long seccomp_set_filter(u32 flags, uptr_t fprog);

#endif
