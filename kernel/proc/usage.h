/* What a process has used, for getrusage(2) and wait4(2). */
#ifndef PROC_USAGE_H
#define PROC_USAGE_H

#include "kernel/abi/resource.h"

struct process;

/* Itself, dead threads included. Caller holds process_lock. */
void usage_of(const struct process *p, struct abi_rusage *u);

#endif
