/*
 * prctl(PR_SET_SYSCALL_USER_DISPATCH): a thread whose system calls come back to itself as SIGSYS while a
 * byte of its own memory says so, but for those made from one range of addresses. So a program can run
 * another's code, to which the same instruction means something else.
 */
#ifndef PROC_USER_DISPATCH_H
#define PROC_USER_DISPATCH_H

#include "kernel/lib/types.h"

struct task;
struct trapframe;

/* In struct task, with TRACED_DISPATCHED. Not inherited. */
struct user_dispatch {
	u32 start, len;  /* where calls are the kernel's, whatever the selector says */
	uptr_t selector; /* a byte, SYSCALL_DISPATCH_FILTER_; 0: always the program's */
};

/* Before a system call of the calling thread that has TRACED_DISPATCHED. True: it is not to be made, and
 * eax is as it was before. May not return. */
bool user_dispatch_takes(struct trapframe *tf);

/* -EINVAL or -EFAULT. */
long user_dispatch_set(u32 mode, u32 start, u32 len, uptr_t selector);

/* execve(2), of the calling thread. */
void user_dispatch_forget(struct task *t);

#endif
