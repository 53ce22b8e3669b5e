/* The file system on /proc: the kernel about itself and its processes, in Linux's words. */
#ifndef FS_PROC_H
#define FS_PROC_H

/* Registers the type "proc". At boot, before fs_mount_defaults(). */
void proc_init(void);

#endif
