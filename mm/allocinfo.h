/*
 * Who holds how much memory: bytes and blocks in use by the code that asked for them, as Linux's
 * memory allocation profiling counts them. On with Linux's sysctl.vm.mem_profiling=1 on the command
 * line, or `mem_profiling` for short, or 1 in /proc/sys/vm/mem_profiling: what was allocated before
 * does not count.
 *
 * It listens to the trace events of the allocators (kernel/core/trace.h), which carry call site,
 * address and size, so it has no hooks of its own and costs nothing while it is off.
 */
#ifndef MM_ALLOCINFO_H
#define MM_ALLOCINFO_H

#include "kernel/core/trace.h"

/* Starts with nothing counted, or ends and gives back its memory. For trace_profile() only, which
 * sees to it that the events come. */
void allocinfo_set(bool on);

extern u32 mem_profiling; /* /proc/sys/vm: 1 while it is on */

/* Whether it wants to hear of this kind of event. */
bool allocinfo_wants(enum trace_id id);
/* An event that it wants, with its fields. Any context that may allocate. */
void allocinfo_event(enum trace_id id, const void *fields);

struct allocinfo {
	u32 call_site;
	u32 blocks;      /* in use: calls that were not undone */
	u64 bytes;
	const char *file; /* of the call; NULL: not known */
	u32 line;
};
/* The n-th call site; false past the last. */
bool allocinfo_get(u32 n, struct allocinfo *out);

/* Blocks that could not be counted, because the tables were full. */
u32 allocinfo_lost(void);

#endif
