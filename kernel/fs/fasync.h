/*
 * SIGIO: an open file with O_ASYNC has a signal sent to its owner (F_SETOWN) whenever something can be
 * read or written that could not before. What can be waited for (a pipe, a socket, a terminal) has a
 * list of its files that have it, and says so beside each wake-up.
 */
#ifndef FS_FASYNC_H
#define FS_FASYNC_H

#include "kernel/fs/file.h"

/* O_ASYNC of f, of which ops->async knows the list; `fd` is the number that the signal names. */
void fasync_set(struct file *f, s32 fd, bool on);

/* The file is closed. */
void fasync_forget(struct file *f);

/* Tells the files of a list that are open for it: `code` is POLL_IN and so on. From interrupts too, but
 * with none of the locks held that stand below process_lock. */
void fasync_notify(struct list_head *files, s32 code);

/* F_SETOWN: a thread, a process or a group by F_OWNER_, on the calling process's authority; 0: nobody.
 * -ESRCH when there is none. */
long fasync_set_owner(struct file *f, s32 type, s32 pid);

/* The same by one number, which is negative for a group. */
long fasync_set_number(struct file *f, s32 who);
s32 fasync_number(const struct file *f);

#endif
