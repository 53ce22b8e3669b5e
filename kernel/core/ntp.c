/* The discipline of the real-time clock. See ntp.h. */
#include "kernel/core/ntp.h"

#define NTP_TICKS    250	      /* parts that Linux's loop cuts a second into: its HZ */
#define MAX_FREQ     (500000ll << 32) /* a rate: 500 millionths */
#define USER_FREQ    (1000ll << 16)   /* a rate of one unit of struct timex's freq */
#define MAX_PHASE    500000000ll      /* ns */
#define MAX_CONSTANT 10
#define MAX_TAI	     100000
#define MAX_ADJUST   500 /* us a second */
#define ERROR_GROWTH 500 /* us a second */
#define SHIFT_PLL    2	 /* gain of the phase loop */
#define SHIFT_FLL    2	 /* and of the frequency loop, */
#define MIN_FLL_SEC  256 /* which works if so much time has passed */
#define MAX_PLL_SEC  2048

static s64 clamp(s64 v, s64 low, s64 high)
{
	return MAX(low, MIN(v, high));
}

/* Towards 0. */
static s64 shift_right(s64 v, u32 bits)
{
	return v < 0 ? -(-v >> bits) : v >> bits;
}

static s64 offset_chunk(const struct ntp *n)
{
	return shift_right(n->offset, SHIFT_PLL + (u32)n->constant);
}

/* --- Setting --- */

static void set_status(struct ntp *n, s32 status, s64 now)
{
	if ((n->status & STA_PLL) && !(status & STA_PLL))
		n->status = STA_UNSYNC;
	if (!(n->status & STA_PLL) && (status & STA_PLL))
		n->reference = now;
	n->status = (n->status & STA_RONLY) | (status & ~STA_RONLY);
}

/* What the frequency loop learns from an offset that has built up in so many seconds: a rate. */
static s64 learn_fll(struct ntp *n, s64 offset, s64 secs)
{
	n->status &= ~STA_MODE;
	if (secs < MIN_FLL_SEC || (!(n->status & STA_FLL) && secs <= MAX_PLL_SEC))
		return 0;
	n->status |= STA_MODE;
	return (offset << (32 - SHIFT_FLL)) / secs;
}

static s64 learn_pll(const struct ntp *n, s64 offset, s64 secs)
{
	u32 shift = SHIFT_PLL + 2 + (u32)n->constant;

	secs = MIN(secs, (s64)1 << (SHIFT_PLL + 1 + n->constant));
	return offset * secs * (1ll << (32 - 2 * shift));
}

static void set_offset(struct ntp *n, s64 offset, s64 now)
{
	s64 secs = n->status & STA_FREQHOLD ? 0 : now - n->reference;

	if (!(n->status & STA_PLL))
		return;
	if (!(n->status & STA_NANO))
		offset = clamp(offset, -1000000, 1000000) * 1000;
	offset = clamp(offset, -MAX_PHASE, MAX_PHASE);
	n->reference = now;
	n->freq += learn_fll(n, offset, secs) + learn_pll(n, offset, secs);
	n->freq = clamp(n->freq, -MAX_FREQ, MAX_FREQ);
	n->offset = offset * (1ll << 32) / NTP_TICKS;
}

static void set_constant(struct ntp *n, s64 constant)
{
	constant = clamp(constant, 0, MAX_CONSTANT) + (n->status & STA_NANO ? 0 : 4);
	n->constant = (s32)MIN(constant, MAX_CONSTANT);
}

static void set_fields(struct ntp *n, const struct abi_timex64 *x, s64 now)
{
	const s64 most = MAX_FREQ / USER_FREQ;

	if (x->modes & ADJ_STATUS)
		set_status(n, x->status, now);
	if (x->modes & ADJ_NANO)
		n->status |= STA_NANO;
	if (x->modes & ADJ_MICRO)
		n->status &= ~STA_NANO;
	if (x->modes & ADJ_FREQUENCY)
		n->freq = clamp(x->freq, -most, most) * USER_FREQ;
	if (x->modes & ADJ_MAXERROR)
		n->maxerror = (s32)clamp(x->maxerror, 0, NTP_PHASE_LIMIT);
	if (x->modes & ADJ_ESTERROR)
		n->esterror = (s32)clamp(x->esterror, 0, NTP_PHASE_LIMIT);
	if (x->modes & ADJ_TIMECONST)
		set_constant(n, (s32)x->constant);
	if ((x->modes & ADJ_TAI) && x->constant >= 0 && x->constant <= MAX_TAI)
		n->tai = (s32)x->constant;
	if (x->modes & ADJ_OFFSET)
		set_offset(n, x->offset, now);
	if (x->modes & ADJ_TICK)
		n->tick = (s32)x->tick;
}

/* --- Reporting --- */

static s64 offset_left(const struct ntp *n)
{
	s64 ns = shift_right(n->offset * NTP_TICKS, 32);

	return n->status & STA_NANO ? ns : ns / 1000;
}

static void report(const struct ntp *n, struct abi_timex64 *x)
{
	x->freq = n->freq / USER_FREQ;
	x->maxerror = n->maxerror;
	x->esterror = n->esterror;
	x->status = n->status;
	x->constant = n->constant;
	x->precision = 1;
	x->tolerance = MAX_FREQ / USER_FREQ;
	x->tick = n->tick;
	x->tai = n->tai;
	x->ppsfreq = x->jitter = x->stabil = 0;
	x->jitcnt = x->calcnt = x->errcnt = x->stbcnt = 0;
	x->shift = 0;
}

s32 ntp_adjust(struct ntp *n, struct abi_timex64 *x, s64 now)
{
	s32 before = n->adjust;

	if (!(x->modes & ADJ_ADJTIME)) {
		set_fields(n, x, now);
		x->offset = offset_left(n);
	} else {
		if (!(x->modes & ADJ_OFFSET_READONLY))
			n->adjust = (s32)x->offset;
		x->offset = before;
	}
	report(n, x);
	return n->status & (STA_UNSYNC | STA_CLOCKERR) ? TIME_ERROR : TIME_OK;
}

/* --- Time goes by --- */

void ntp_clear(struct ntp *n)
{
	n->adjust = 0;
	n->offset = n->slew = 0;
	n->status |= STA_UNSYNC;
	n->maxerror = n->esterror = NTP_PHASE_LIMIT;
}

void ntp_second(struct ntp *n)
{
	s64 chunk = offset_chunk(n);
	s32 adjust = (s32)clamp(n->adjust, -MAX_ADJUST, MAX_ADJUST);

	n->maxerror += ERROR_GROWTH;
	if (n->maxerror > NTP_PHASE_LIMIT) {
		n->maxerror = NTP_PHASE_LIMIT;
		n->status |= STA_UNSYNC;
	}
	n->offset -= chunk;
	n->adjust -= adjust;
	n->slew = chunk * NTP_TICKS + adjust * (1000ll << 32);
}

s64 ntp_rate(const struct ntp *n)
{
	s64 tick_ns = (n->tick - 1000000 / (s32)USER_HZ) * 1000ll * USER_HZ;

	return tick_ns * (1ll << 32) + n->freq + n->slew;
}
