/* Advisory locks: POSIX record locks (fcntl) and flock(2). */
#ifndef FS_FILELOCK_H
#define FS_FILELOCK_H

#include "kernel/lib/list.h"
#include "kernel/lib/types.h"

struct file;
struct inode;

/* A byte range, both ends included, and what is wanted or held on it. */
struct file_lock {
	struct list_head link; /* inode->locks */
	bool posix;            /* else flock: whole files */
	bool ofd;              /* a POSIX lock that an open file owns (F_OFD_SETLK) */
	u8 type;               /* F_RDLCK, F_WRLCK; in requests also F_UNLCK */
	const void *owner;     /* POSIX: the descriptor table; flock, ofd: the open file */
	u32 pid;               /* for F_GETLK */
	u64 start, end;
};

#define LOCK_TO_END 0x7fffffffffffffffull

/* Sets or removes (F_UNLCK) what `req` says for its owner. -EAGAIN on a conflict; with `wait` it
 * sleeps instead: -ERESTARTSYS for a signal, -EDEADLK in a cycle of waiting owners. -ENOLCK when
 * memory is out. */
int lock_set(struct inode *inode, const struct file_lock *req, bool wait) __must_check;

/* Looks for a lock that req conflicts with; copies it to *found. False: none. */
bool lock_test(struct inode *inode, const struct file_lock *req, struct file_lock *found);

#endif
