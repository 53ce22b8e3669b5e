/*
 * Fault injection: one chosen allocation of a thread fails, so that what unwinds from it can be seen.
 *
 * As Linux's /proc/PID/fail-nth (Documentation/fault-injection/fault-injection.rst, "systematic
 * faults using fail-nth"): the thread's N-th allocation of a page or an object from now on returns
 * NULL, once. A program runs a call with N = 1, 2, ... until none fails any more.
 */
#ifndef MM_FAIL_NTH_H
#define MM_FAIL_NTH_H

#include "kernel/lib/types.h"

/* Somebody has asked for it since boot: every allocation takes the long way by here. */
extern bool fail_nth_used;

/* The running thread's `nth` allocation from now on fails; 0: none. May not be called with locks. */
void fail_nth_set(u32 nth);

/* How many allocations of the running thread are left to the one that fails, itself counted; 0:
 * it has failed, or none was asked for. */
u32 fail_nth_left(void);

/* Whether one of the running thread's has failed since this was last asked: a page fault that ended
 * for it is not for want of memory. */
bool fail_nth_happened(void);

bool fail_nth_slow(const char *what, uintptr_t caller);

/* Whether the allocation that the running thread makes now, of `what`, is to fail. Any context; those
 * of interrupt handlers do not count. */
static inline bool fail_nth_now(const char *what, uintptr_t caller)
{
	return unlikely(fail_nth_used) && fail_nth_slow(what, caller);
}

#endif
