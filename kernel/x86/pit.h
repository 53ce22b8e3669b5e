/* The 8254 interval timer: the tick on IRQ 0, and the yardstick for the time-stamp counter. */
#ifndef X86_PIT_H
#define X86_PIT_H

#include "kernel/lib/types.h"

#define PIT_HZ 1193182u

struct trapframe;

/* Counts of PIT_HZ between two ticks. */
#define PIT_DIVISOR ((PIT_HZ + HZ / 2) / HZ)

/* Starts HZ ticks a second (kernel/core/clock.h); `tick` is the handler of IRQ 0. */
void pit_init(void (*tick)(struct trapframe *tf));

/* How many times a second the TSC advances, which the CPU has: measured for a little less than a
 * millisecond, or again where that came out inexact. Before or after pit_init(). */
u64 tsc_calibrate(void);

#endif
