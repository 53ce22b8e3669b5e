/* Where CPU time goes, and the load average. See kernel/core/cpustat.h. */
#include "kernel/core/cpustat.h"
#include "kernel/core/clock.h"
#include "kernel/core/cpu.h"
#include "kernel/core/sched.h"
#include "kernel/x86/trap.h"

static struct cpustat stat;

/* --- Load --- */

#define LOAD_INTERVAL_NS (5 * NSEC_PER_SEC)

/* LOAD_ONE / e^(5s/1min), for 5 and for 15 minutes: sampled every 5 seconds, what was counts so
 * much. */
static const u32 decays[3] = {1884, 2014, 2037};

static u32 loads[3];
static u64 since_sample_ns;

u32 load_step(u32 load, u32 decay, u32 active)
{
	u64 next;

	active <<= LOAD_SHIFT;
	next = (u64)load * decay + (u64)active * (LOAD_ONE - decay);
	if (active >= load)
		next += LOAD_ONE - 1;
	return (u32)(next >> LOAD_SHIFT);
}

static void sample_load(u32 ns)
{
	u32 active;

	since_sample_ns += ns;
	if (since_sample_ns < LOAD_INTERVAL_NS)
		return;
	since_sample_ns -= LOAD_INTERVAL_NS;
	active = sched_nr_running();
	for (u32 i = 0; i < 3; i++)
		loads[i] = load_step(loads[i], decays[i], active);
}

void load_averages(u32 out[3])
{
	for (u32 i = 0; i < 3; i++)
		out[i] = READ_ONCE(loads[i]);
}

/* --- Counters --- */

void cpustat_tick(bool user_mode, u32 ns)
{
	const struct cpu *c = this_cpu();

	if (user_mode)
		stat.user_ns += ns;
	else if (c->thread == c->idle)
		stat.idle_ns += ns;
	else
		stat.system_ns += ns;
	if (c->id == 0)
		sample_load(ns);
}

void cpustat_forked(u32 tid)
{
	stat.forks++;
	stat.last_pid = tid;
}

void cpustat_irq(u32 line)
{
	stat.irqs[line]++;
}

void cpustat_local_timer(void)
{
	stat.local_timer++;
}

void cpustat_read(struct cpustat *out)
{
	u32 flags = irq_save();

	*out = stat;
	irq_restore(flags);
}
