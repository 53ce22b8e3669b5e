/* Allocations that fail when they are told to. See mm/fail_nth.h. */
#include "mm/fail_nth.h"
#include "kernel/core/log.h"
#include "kernel/core/sched.h"
#include "kernel/core/trace.h"

bool fail_nth_used;

void fail_nth_set(u32 nth)
{
	struct thread *t = current_thread();
	t->fail_nth = nth;
	t->alloc_failed = false;
	if (nth && !fail_nth_used) {
		fail_nth_used = true;
		trace_doors_update();
	}
}

u32 fail_nth_left(void)
{
	return current_thread()->fail_nth;
}

bool fail_nth_happened(void)
{
	struct thread *t = current_thread();
	bool happened = t->alloc_failed;
	t->alloc_failed = false;
	return happened;
}

bool fail_nth_slow(const char *what, uintptr_t caller)
{
	struct thread *t = current_thread();
	if (!t || !t->fail_nth || this_cpu()->irq_depth || --t->fail_nth)
		return false;
	t->alloc_failed = true;
	log_at(LOG_DEBUG, "fail-nth: no %s for %pS", what, (void *)caller);
	return true;
}
