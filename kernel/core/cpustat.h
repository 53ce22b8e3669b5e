/*
 * What the CPUs spend their time on and how many threads want them: counters since boot, for
 * /proc/stat and /proc/loadavg, and for sysinfo(2).
 *
 * Each counter is written in one place only, through the calls below, and read without a lock.
 */
#ifndef CORE_CPUSTAT_H
#define CORE_CPUSTAT_H

#include "kernel/lib/types.h"

#define CPUSTAT_IRQS 16u

struct cpustat {
	u64 user_ns, system_ns, idle_ns;
	u64 irqs[CPUSTAT_IRQS]; /* interrupts by line */
	u64 local_timer;        /* and those of the local APIC's timer */
	u32 forks;              /* threads and processes ever made */
	u32 last_pid;           /* number of the newest */
};

/* The tick, which lasted `ns` and came in user mode or not. Interrupt context. */
void cpustat_tick(bool user_mode, u32 ns);

/* A thread with this number was made. Caller holds process_lock. */
void cpustat_forked(u32 tid);

/* An interrupt came on this line. Interrupts are off. */
void cpustat_irq(u32 line);
/* One of the local APIC's timer. The same. */
void cpustat_local_timer(void);

/* Takes a copy of all of it. */
void cpustat_read(struct cpustat *out);

/*
 * Load averages: threads running or ready, averaged over 1, 5 and 15 minutes with exponentially
 * falling weight, as fixed-point numbers with LOAD_SHIFT bits behind the point.
 */
#define LOAD_SHIFT 11u
#define LOAD_ONE   (1u << LOAD_SHIFT)
void load_averages(u32 out[3]);

/* One step of the average: `active` threads for one more interval, whose weight is
 * 1 - decay / LOAD_ONE. Pure. */
u32 load_step(u32 load, u32 decay, u32 active);

#endif
