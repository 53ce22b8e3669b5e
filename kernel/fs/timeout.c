/* How long a call waits for files, and with which signals blocked. */
#include "kernel/fs/timeout.h"
#include "kernel/abi/errno.h"
#include "kernel/abi/time.h"
#include "kernel/core/clock.h"
#include "kernel/fs/poll.h"
#include "kernel/proc/signal.h"
#include "kernel/proc/task.h"
#include "kernel/x86/uaccess.h"

/* --- Times --- */

void timeout_start(struct timeout *t)
{
	u64 now = clock_monotonic_ns();

	if (t->forever)
		t->deadline = POLL_FOREVER;
	else if (t->ns == 0)
		t->deadline = 0;
	else
		t->deadline = t->ns >= POLL_FOREVER - now ? POLL_FOREVER : now + t->ns;
}

static int make_timeout(struct timeout *t, s64 sec, s64 nsec)
{
	if (sec < 0 || nsec < 0 || nsec >= (s64)NSEC_PER_SEC)
		return -EINVAL;
	t->forever = false;
	t->ns = sec > INT32_MAX ? (u64)INT32_MAX * NSEC_PER_SEC : (u64)sec * NSEC_PER_SEC;
	t->ns += (u64)nsec;
	timeout_start(t);
	return 0;
}

static u64 time_left(const struct timeout *t)
{
	u64 now = clock_monotonic_ns();

	return t->deadline > now ? t->deadline - now : 0;
}

int timeout_get(struct timeout *t, uptr_t user, enum time_kind kind)
{
	struct abi_timespec64 big;
	struct abi_timespec32 small;

	*t = (struct timeout){.forever = true, .deadline = POLL_FOREVER};
	if (!user.va)
		return 0;
	if (kind == TIMESPEC64) {
		if (copy_from_user(&big, user, sizeof(big)))
			return -EFAULT;
		return make_timeout(t, big.sec, big.nsec);
	}
	if (copy_from_user(&small, user, sizeof(small)))
		return -EFAULT;
	if (kind == TIMESPEC32)
		return make_timeout(t, small.sec, small.nsec);
	/* A timeval may have more than a second in its microseconds. */
	if (small.sec < 0 || small.nsec < 0)
		return -EINVAL;
	return make_timeout(
		t, (s64)small.sec + small.nsec / 1000000, (s64)(small.nsec % 1000000) * 1000);
}

void timeout_put_left(const struct timeout *t, uptr_t user, enum time_kind kind)
{
	u64 left = time_left(t);
	struct abi_timespec64 big = {
		.sec = (s64)(left / NSEC_PER_SEC), .nsec = (s32)(left % NSEC_PER_SEC)};
	struct abi_timespec32 small = {(s32)big.sec, big.nsec};
	int failed;

	if (!user.va || t->forever)
		return;
	if (kind == TIMEVAL32)
		small.nsec /= 1000;
	failed = kind == TIMESPEC64 ? copy_to_user(user, &big, sizeof(big))
				    : copy_to_user(user, &small, sizeof(small));
	(void)failed;
}

/* --- Signal masks --- */

int sigmask_enter(uptr_t user, u32 size)
{
	struct task *t = current_task();
	u64 mask;

	if (!user.va)
		return 0;
	if (size != sizeof(mask))
		return -EINVAL;
	if (copy_from_user(&mask, user, sizeof(mask)))
		return -EFAULT;
	t->saved_blocked = t->blocked;
	signal_set_blocked(mask);
	t->restore_blocked = true;
	return 0;
}

void sigmask_leave(bool interrupted)
{
	struct task *t = current_task();

	if (!t->restore_blocked || interrupted)
		return;
	t->restore_blocked = false;
	signal_set_blocked(t->saved_blocked);
}
