/* What the calls that wait for files share: the time they wait, the signal mask meanwhile. */
#ifndef FS_TIMEOUT_H
#define FS_TIMEOUT_H

#include "kernel/lib/types.h"

/* How long to wait, as the caller said it. */
struct timeout {
	bool forever;
	u64 ns;
	u64 deadline; /* for poll_items() */
};

/* Sets the deadline from the rest, counting from now. */
void timeout_start(struct timeout *t);

enum time_kind { TIMEVAL32, TIMESPEC32, TIMESPEC64 };

/* Reads a time and starts it; NULL is forever. 0, -EFAULT or -EINVAL. */
int timeout_get(struct timeout *t, uptr_t user, enum time_kind kind) __must_check;

/* Tells the caller what is left of his time. A failure to do so is not reported, as on Linux. */
void timeout_put_left(const struct timeout *t, uptr_t user, enum time_kind kind);

/* Installs the mask at `user` for the time of the call. NULL: nothing. 0, -EINVAL or -EFAULT. */
int sigmask_enter(uptr_t user, u32 size) __must_check;

/* Puts the old mask back; but when a signal ended the wait (`interrupted`), its delivery does. */
void sigmask_leave(bool interrupted);

#endif
