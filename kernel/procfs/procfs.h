/* The file system on /proc: the kernel about itself and its processes, in Linux's words. */
#ifndef PROCFS_PROCFS_H
#define PROCFS_PROCFS_H

#include "kernel/lib/types.h"

struct file;

/* Whether an open file is the folder /proc/PID, and then whose: its number and start, which tells
 * it from a later process of that number. */
bool proc_dir_process(const struct file *f, u32 *pid, u64 *start_ns);

/* Registers the type "proc". At boot, before fs_mount_defaults(). */
void proc_init(void);

#endif
