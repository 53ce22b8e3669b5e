/*
 * How the real-time clock is kept in step with better ones: the state behind adjtimex(2), and the
 * rate that follows from it. The model is RFC 5905's (and RFC 1589's), with Linux 6.1's constants.
 *
 * A rate says how much faster than the monotonic clock the real-time clock goes: ns a second << 32.
 * The caller has the lock.
 */
#ifndef CORE_NTP_H
#define CORE_NTP_H

#include "kernel/abi/time.h"
#include "kernel/lib/types.h"

struct ntp {
	s64 freq;   /* a rate */
	s64 offset; /* still to be slewed by the loop: ns << 32 in each of NTP_TICKS parts */
	s64 slew;   /* a rate: what is slewed of `offset` and `adjust` in this second */
	s64 reference;		/* second in which an offset was last given */
	s32 adjust;		/* us still to be slewed for adjtime(3) */
	s32 maxerror, esterror; /* us */
	s32 status;		/* STA_ bits */
	s32 constant;		/* of the loop: 0 to 10 */
	s32 tick;		/* us between two of USER_HZ ticks */
	s32 tai;		/* s: TAI - UTC */
};

#define NTP_INITIAL                                                                                \
	(struct ntp)                                                                               \
	{                                                                                          \
		.maxerror = NTP_PHASE_LIMIT, .esterror = NTP_PHASE_LIMIT, .status = STA_UNSYNC,    \
		.constant = 2, .tick = 1000000 / USER_HZ                                           \
	}
#define NTP_PHASE_LIMIT 16000000 /* us: no longer in step with anything */

/* What adjtimex(2) changes and reports, all but the time and a jump of it. x->modes and x->tick are
 * checked, `now` is the second. Returns TIME_OK or TIME_ERROR. */
s32 ntp_adjust(struct ntp *n, struct abi_timex64 *x, s64 now);

/* The clock was set: nothing is in step any more. */
void ntp_clear(struct ntp *n);

/* Another second begins. */
void ntp_second(struct ntp *n);

/* The rate until something of it changes. */
s64 ntp_rate(const struct ntp *n);

#endif
