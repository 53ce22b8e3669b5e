/* The discipline of the real-time clock: what its settings make of its rate. */
#include "kernel/core/ntp.h"
#include "kernel/core/selftest.h"

#define SECOND (1000000000ll << 32) /* as a rate */

static s32 adjust(struct ntp *n, struct abi_timex64 x)
{
	return ntp_adjust(n, &x, 1000);
}

/* ns slewed in so many seconds. */
static s64 slewed(struct ntp *n, u32 seconds)
{
	s64 sum = 0;

	for (u32 i = 0; i < seconds; i++) {
		ntp_second(n);
		sum += ntp_rate(n) >> 32;
	}
	return sum;
}

KTEST(ntp, rate)
{
	struct ntp n = NTP_INITIAL;

	KEXPECT(ntp_rate(&n) == 0);
	adjust(&n, (struct abi_timex64){.modes = ADJ_TICK, .tick = 11000});
	KEXPECT(ntp_rate(&n) == SECOND / 10);
	adjust(&n, (struct abi_timex64){.modes = ADJ_TICK, .tick = 9000});
	KEXPECT(ntp_rate(&n) == -SECOND / 10);
	adjust(&n, (struct abi_timex64){
			   .modes = ADJ_TICK | ADJ_FREQUENCY, .tick = 10000, .freq = 100 << 16});
	KEXPECT(ntp_rate(&n) == 100000ll << 32);
	adjust(&n, (struct abi_timex64){.modes = ADJ_FREQUENCY, .freq = -(501ll << 16)});
	KEXPECT(ntp_rate(&n) == -(500000ll << 32));
}

/* An offset is slewed whole, less and less of it each second; without STA_PLL it is not taken. */
KTEST(ntp, offset)
{
	struct ntp n = NTP_INITIAL;
	struct abi_timex64 x = {.modes = ADJ_OFFSET | ADJ_NANO, .offset = 1000000};
	s64 first;

	adjust(&n, x);
	KEXPECT(n.offset == 0);
	x.modes |= ADJ_STATUS;
	x.status = STA_PLL;
	adjust(&n, x);
	first = slewed(&n, 1);
	KEXPECT(first == 1000000 / 16);
	KEXPECT(slewed(&n, 1) == first * 15 / 16);
	slewed(&n, 500);
	KEXPECT(n.offset >> 32 == 0);
	x.offset = -1000000;
	adjust(&n, x);
	KEXPECT(slewed(&n, 1) == -1000000 / 16);
}

KTEST(ntp, adjtime)
{
	struct ntp n = NTP_INITIAL;
	struct abi_timex64 x = {.modes = ADJ_ADJTIME | ADJ_OFFSET, .offset = 1200};

	adjust(&n, x);
	KEXPECT(slewed(&n, 1) == 500000);
	KEXPECT(slewed(&n, 1) == 500000);
	KEXPECT(slewed(&n, 1) == 200000);
	KEXPECT(slewed(&n, 1) == 0);
	x.offset = -700;
	adjust(&n, x);
	KEXPECT(slewed(&n, 2) == -700000);
}

KTEST(ntp, errors_grow)
{
	struct ntp n = NTP_INITIAL;
	struct abi_timex64 x = {.modes = ADJ_MAXERROR | ADJ_STATUS, .maxerror = 15999200};

	KEXPECT_EQ(adjust(&n, (struct abi_timex64){0}), TIME_ERROR);
	KEXPECT_EQ(adjust(&n, x), TIME_OK);
	ntp_second(&n);
	KEXPECT_EQ(n.maxerror, 15999700);
	KEXPECT(!(n.status & STA_UNSYNC));
	ntp_second(&n);
	KEXPECT_EQ(n.maxerror, NTP_PHASE_LIMIT);
	KEXPECT(n.status & STA_UNSYNC);
}

/* After a long time between two offsets the frequency is learnt from them. */
KTEST(ntp, frequency_is_learnt)
{
	struct ntp n = NTP_INITIAL;
	struct abi_timex64 x = {.modes = ADJ_STATUS, .status = STA_PLL | STA_FLL};

	ntp_adjust(&n, &x, 1000);
	x = (struct abi_timex64){.modes = ADJ_OFFSET | ADJ_NANO, .offset = 4000};
	ntp_adjust(&n, &x, 1000);
	KEXPECT(n.freq == 0 && !(n.status & STA_MODE));
	x = (struct abi_timex64){.modes = ADJ_OFFSET, .offset = 4000};
	ntp_adjust(&n, &x, 2000);
	KEXPECT(n.freq > 0 && (n.status & STA_MODE));
	x = (struct abi_timex64){.modes = ADJ_STATUS, .status = 0};
	ntp_adjust(&n, &x, 2000);
	KEXPECT(n.status & STA_UNSYNC || !(n.status & STA_PLL));
}
