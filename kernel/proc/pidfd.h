/*
 * Descriptors of processes, pidfd_open(2). One names its process even when the number has gone to
 * another: it remembers the start as well. It holds no reference, and a process does not know of it.
 */
#ifndef PROC_PIDFD_H
#define PROC_PIDFD_H

#include "kernel/lib/types.h"

struct file;
struct process;

/* The file of the caller's descriptor, referenced; NULL when there is none, or it is no pidfd. */
struct file *pidfd_get(u32 fd);
/* The same, or an open /proc/PID. */
struct file *pidfd_or_proc_get(u32 fd);
u32 pidfd_pid(const struct file *f);
/* Its process, perhaps a zombie; NULL when that has been waited for. Caller holds process_lock. */
struct process *pidfd_find_locked(const struct file *f);

/* A process has become a zombie: who polls is woken. Caller holds process_lock. */
void pidfd_exited(void);

/* CLONE_PIDFD: a descriptor, told at `where`, for a process that is still to come. Then either
 * pidfd_keep(), when it has its number, or pidfd_break(). Returns 0 or a negative errno. */
struct pidfd_promise {
	long fd;
	struct file *file;
};
long pidfd_promise(struct pidfd_promise *pp, uptr_t where) __must_check;
void pidfd_keep(struct pidfd_promise *pp, const struct process *p);
void pidfd_break(struct pidfd_promise *pp);

#endif
