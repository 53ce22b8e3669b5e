/* The file system on /proc: the kernel about itself and its processes, in Linux's words. */
#ifndef PROCFS_PROCFS_H
#define PROCFS_PROCFS_H

/* Registers the type "proc". At boot, before fs_mount_defaults(). */
void proc_init(void);

#endif
