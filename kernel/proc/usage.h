/* What a process has used, for getrusage(2), wait4(2) and /proc/PID/io. */
#ifndef PROC_USAGE_H
#define PROC_USAGE_H

#include "kernel/abi/resource.h"

struct process;

/* Calls of read(2) and its relatives, or of write(2) and its, and the bytes that they moved. */
struct io_count {
	u64 calls, bytes;
};
enum { IO_READ, IO_WRITE, IO_NR };

static inline void io_count(struct io_count *c, long moved)
{
	c->calls++;
	if (moved > 0)
		c->bytes += (u32)moved;
}

static inline void io_count_add(struct io_count to[IO_NR], const struct io_count from[IO_NR])
{
	for (u32 i = 0; i < IO_NR; i++) {
		to[i].calls += from[i].calls;
		to[i].bytes += from[i].bytes;
	}
}

/* Itself, dead threads included. Caller holds process_lock. */
void usage_of(const struct process *p, struct abi_rusage *u);

#endif
