/* Per-CPU state, behind one accessor. Only the CPU that owns an element touches it. */
#ifndef CORE_CPU_H
#define CORE_CPU_H

#include "kernel/lib/types.h"

#define NR_CPUS 1

struct thread;
struct task;

struct cpu {
	struct thread *thread; /* running now */
	struct task *task;     /* the task around it; NULL while a kernel thread runs */
	struct thread *idle;
	u32 id;
	u32 irq_depth;  /* interrupt handlers nested on this CPU; no sleeping while > 0 */
	u32 spin_depth; /* spin locks held by this CPU; no sleeping while > 0 */
};

extern struct cpu cpus[NR_CPUS];

static inline struct cpu *this_cpu(void)
{
	return &cpus[0];
}

#endif
