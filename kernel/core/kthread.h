/* Kernel threads: for self-tests and background work. They have no address space and no signals. */
#ifndef CORE_KTHREAD_H
#define CORE_KTHREAD_H

#include "kernel/core/sched.h"

/* A thread that runs fn(arg), with interrupts on, and ends when fn returns. `name` is kept by
 * reference. Somebody must join it. NULL when memory is out. */
struct thread *kthread_create(const char *name, void (*fn)(void *arg), void *arg) __must_check;

/* Waits until it has ended and frees it. */
void kthread_join(struct thread *t);

#endif
