/*
 * What the clock needs to tell the time from the TSC. The page it lies in is mapped into programs
 * too ([vvar]), where the vDSO reads the same clock with the same arithmetic.
 *
 * ns = cycles * mult >> shift, where mult is the 32-bit fraction 10^9 / frequency with as many bits
 * behind the point as fit. The product is formed in two halves and so never overflows; since it
 * always starts from the TSC at boot, nothing accumulates and time cannot step back.
 */
#ifndef CORE_CLOCK_DATA_H
#define CORE_CLOCK_DATA_H

#include "kernel/lib/types.h"

struct clock_data {
	u32 seq;                /* odd while what follows `start` changes */
	u32 mult, shift;        /* mult 0: no TSC, only the kernel knows the time */
	u64 start;              /* TSC when the clock was 0 */
	u64 realtime_offset_ns; /* realtime - monotonic, when that was slew_since_ns */
	u64 slew_since_ns;
	s32 slew_rate;          /* how fast the offset grows since then: ns a ns << 32 */
	s32 tai_offset;         /* s */
	u64 coarse_monotonic_ns, coarse_realtime_ns; /* both clocks at the last tick */
};

/* Monotonic nanoseconds when the TSC is `tsc`; mult is not 0. */
static inline u64 clock_tsc_ns(const struct clock_data *c, u64 tsc)
{
	u64 cycles = tsc - c->start;

	return ((u64)(u32)cycles * c->mult >> c->shift) +
	       ((cycles >> 32) * c->mult << (32 - c->shift));
}

/* Real time when the monotonic clock says `ns`, which is seconds from slew_since_ns at most. */
static inline u64 clock_realtime_at(const struct clock_data *c, u64 ns)
{
	u64 realtime = ns + c->realtime_offset_ns;

	if (c->slew_rate)
		realtime += (u64)((s64)(ns - c->slew_since_ns) * c->slew_rate >> 32);
	return realtime;
}

#endif
