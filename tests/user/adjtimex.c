/*
 * adjtimex(2), clock_adjtime(2): what each mode sets and reports, who may, and that the real-time
 * clock then goes at another rate. What a second changes is read back in the call that set it.
 */
#include "tests/user/test.h"

#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/timex.h>
#include <time.h>

#ifndef SYS_clock_adjtime64
#define SYS_clock_adjtime64 405
#endif

static void show(const char *name, struct timex *x)
{
	int n = syscall(SYS_adjtimex, x);

	if (n < 0) {
		answer(name, n);
		return;
	}
	say(name, "%d: offset %ld freq %ld maxerror %ld esterror %ld status %x constant %ld", n,
		x->offset, x->freq, x->maxerror, x->esterror, x->status, x->constant);
	say(name, "precision %ld tolerance %ld tick %ld tai %d pps %ld %ld %d %ld", x->precision,
		x->tolerance, x->tick, x->tai, x->ppsfreq, x->jitter, x->shift, x->stabil);
}

#define TRY(name, ...)                                                                             \
	do {                                                                                       \
		struct timex x_ = {__VA_ARGS__};                                                   \
		show(name, &x_);                                                                   \
	} while (0)

static void test_modes(void)
{
	const int errors = ADJ_MAXERROR | ADJ_ESTERROR;

	TRY("first", .modes = errors, .maxerror = 7, .esterror = 8);
	TRY("read", .modes = ADJ_MAXERROR, .maxerror = 1);
	TRY("errors.negative", .modes = errors, .maxerror = -1, .esterror = -2);
	TRY("errors.high", .modes = errors, .maxerror = 16000001, .esterror = 20000000);
	TRY("errors", .modes = errors, .maxerror = 15999999, .esterror = 8);
	TRY("status", .modes = ADJ_STATUS | ADJ_MAXERROR, .status = 0);
	TRY("status.readonly", .modes = ADJ_STATUS | ADJ_MAXERROR, .status = 0xffff);
	TRY("status.pll.off", .modes = ADJ_STATUS | ADJ_MAXERROR, .status = 0);
	TRY("freq", .modes = ADJ_FREQUENCY | ADJ_MAXERROR, .freq = 1234567);
	TRY("freq.negative", .modes = ADJ_FREQUENCY | ADJ_MAXERROR, .freq = -1234567);
	TRY("freq.high", .modes = ADJ_FREQUENCY | ADJ_MAXERROR, .freq = 40000000);
	TRY("freq.low", .modes = ADJ_FREQUENCY | ADJ_MAXERROR, .freq = -40000000);
	TRY("freq.0", .modes = ADJ_FREQUENCY | ADJ_MAXERROR, .freq = 0);
	TRY("offset.no.pll", .modes = ADJ_OFFSET | ADJ_MAXERROR, .offset = 1000);
	TRY("offset", .modes = ADJ_OFFSET | ADJ_MAXERROR | ADJ_STATUS, .status = STA_PLL,
		.offset = 1001);
	TRY("offset.negative", .modes = ADJ_OFFSET | ADJ_MAXERROR, .offset = -3);
	TRY("offset.high", .modes = ADJ_OFFSET | ADJ_MAXERROR | ADJ_NANO, .offset = 600000000);
	TRY("offset.nano", .modes = ADJ_OFFSET | ADJ_MAXERROR, .offset = 1001);
	TRY("offset.nano.negative", .modes = ADJ_OFFSET | ADJ_MAXERROR, .offset = -1001);
	TRY("offset.0", .modes = ADJ_OFFSET | ADJ_MAXERROR | ADJ_MICRO, .offset = 0);
	TRY("constant", .modes = ADJ_TIMECONST | ADJ_MAXERROR, .constant = 3);
	TRY("constant.high", .modes = ADJ_TIMECONST | ADJ_MAXERROR, .constant = 30);
	TRY("constant.negative", .modes = ADJ_TIMECONST | ADJ_MAXERROR, .constant = -30);
	TRY("constant.nano", .modes = ADJ_TIMECONST | ADJ_MAXERROR | ADJ_NANO, .constant = 3);
	TRY("micro", .modes = ADJ_MICRO | ADJ_MAXERROR);
	TRY("tai", .modes = ADJ_TAI | ADJ_MAXERROR, .constant = 37);
	TRY("tai.negative", .modes = ADJ_TAI | ADJ_MAXERROR, .constant = -1);
	TRY("tai.high", .modes = ADJ_TAI | ADJ_MAXERROR, .constant = 100001);
	TRY("tick.low", .modes = ADJ_TICK | ADJ_MAXERROR, .tick = 8999);
	TRY("tick.high", .modes = ADJ_TICK | ADJ_MAXERROR, .tick = 11001);
	TRY("tick", .modes = ADJ_TICK | ADJ_MAXERROR, .tick = 10001);
	TRY("tick.back", .modes = ADJ_TICK | ADJ_MAXERROR, .tick = 10000);
	TRY("unknown", .modes = 0x0e00 | ADJ_MAXERROR);
	TRY("adjtime.alone", .modes = 0x8000);
	TRY("end", .modes = ADJ_STATUS | errors | ADJ_TIMECONST, .constant = 0);
}

static void test_adjtime(void)
{
	struct timeval by = {0, 400}, old = {7, 7};
	struct timex x = {.modes = ADJ_OFFSET_SS_READ};
	int n;

	answer("adjtime", adjtime(&by, &old));
	check("adjtime.none.before", !old.tv_sec && !old.tv_usec);
	by.tv_usec = 300;
	answer("adjtime.again", adjtime(&by, &old));
	check("adjtime.rest", !old.tv_sec && (old.tv_usec == 400 || old.tv_usec == 0));
	n = syscall(SYS_adjtimex, &x);
	check("adjtime.read", n >= 0 && (x.offset == 300 || x.offset == 0));
	by.tv_usec = 0;
	answer("adjtime.off", adjtime(&by, NULL));
}

static void test_clocks(void)
{
	static const int ids[] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, -1, -6, -2, -5, 99};
	char name[32];

	for (size_t i = 0; i < COUNT(ids); i++) {
		struct timex x = {0};

		snprintf(name, sizeof(name), "clock.%d", ids[i]);
		if (ids[i] != 9) /* needs a clock that runs while the machine sleeps */
			answer(name, syscall(SYS_clock_adjtime, ids[i], &x));
	}
	answer("clock.pointer", syscall(SYS_clock_adjtime, 0, 4));
	answer("clock.pointer.first", syscall(SYS_clock_adjtime, 99, 4));
	answer("clock.pointer.64", syscall(SYS_clock_adjtime64, 0, 4));
	answer("pointer", syscall(SYS_adjtimex, 4));
}

/* The struct with 64-bit fields has them where Linux has them. */
static void test_wide(void)
{
	long long x[26] = {ADJ_MAXERROR | ADJ_ESTERROR | ADJ_TAI, 0, 0, 5, 6, 0, 37};
	struct timespec now;

	answer("wide", syscall(SYS_clock_adjtime64, CLOCK_REALTIME, x));
	clock_gettime(CLOCK_REALTIME, &now);
	for (int i = 0; i < 26; i++)
		if (i != 9 && i != 10)
			say("wide", "%d: %llx", i, x[i]);
	check("wide.time", now.tv_sec - x[9] <= 5 && x[10] < 1000000);
}

static void test_steps(void)
{
	struct timex x = {.modes = ADJ_SETOFFSET, .time = {100, 0}};
	time_t before = time(NULL);

	check("step", syscall(SYS_adjtimex, &x) >= 0);
	check("step.moved", time(NULL) - before >= 100 && time(NULL) - before < 110);
	check("step.time", x.time.tv_sec - before >= 100);
	x = (struct timex){.modes = ADJ_SETOFFSET, .time = {-101, 999999}};
	check("step.back", syscall(SYS_adjtimex, &x) >= 0);
	check("step.moved.back", time(NULL) - before < 10);
	x = (struct timex){.modes = ADJ_SETOFFSET | ADJ_NANO, .time = {0, 999999999}};
	check("step.nano", syscall(SYS_adjtimex, &x) >= 0);
	TRY("step.micro", .modes = ADJ_SETOFFSET | ADJ_MICRO, .time = {0, 1000000});
	TRY("step.nano.high", .modes = ADJ_SETOFFSET | ADJ_NANO, .time = {0, 1000000000});
	TRY("step.negative", .modes = ADJ_SETOFFSET, .time = {0, -1});
	TRY("step.far", .modes = ADJ_SETOFFSET, .time = {INT32_MIN, 0});
	x = (struct timex){.modes = ADJ_MICRO | ADJ_MAXERROR};
	check("step.unsynchronised", syscall(SYS_adjtimex, &x) == TIME_ERROR);
}

static long long read_clock(int id)
{
	struct timespec t;

	clock_gettime(id, &t);
	return t.tv_sec * 1000000000ll + t.tv_nsec;
}

/* How far the real-time clock is ahead of the raw one, to a millisecond. */
static long long ahead(int by_call)
{
	long long before, after, real;
	struct timespec t;

	do {
		before = read_clock(CLOCK_MONOTONIC_RAW);
		if (by_call) {
			syscall(SYS_clock_gettime, CLOCK_REALTIME, &t);
			real = t.tv_sec * 1000000000ll + t.tv_nsec;
		} else {
			real = read_clock(CLOCK_REALTIME);
		}
		after = read_clock(CLOCK_MONOTONIC_RAW);
	} while (after - before > 1000000);
	return real - after;
}

static void slew(const char *name, int tick, int by_call)
{
	struct timex x = {.modes = ADJ_TICK, .tick = tick};
	long long gained, raw, want;

	check(name, adjtimex(&x) >= 0);
	usleep(20000); /* Linux takes the new rate at a tick */
	gained = ahead(by_call);
	raw = read_clock(CLOCK_MONOTONIC_RAW);
	usleep(200000);
	gained = ahead(by_call) - gained;
	want = (read_clock(CLOCK_MONOTONIC_RAW) - raw) * (tick - 10000) / 10000;
	check(name, want < 0 ? gained < want / 2 && gained > want * 2
			     : gained > want / 2 && gained < want * 2);
}

static void test_slewing(void)
{
	struct timex x = {.modes = ADJ_TAI, .constant = 37};
	long long tai;

	slew("slew.fast", 11000, 0);
	slew("slew.slow", 9000, 0);
	slew("slew.fast.call", 11000, 1);
	adjtimex(&x);
	tai = read_clock(CLOCK_TAI) - read_clock(CLOCK_REALTIME);
	check("tai.clock", tai > 36500000000ll && tai < 37000000000ll);
	x = (struct timex){.modes = ADJ_TICK | ADJ_TAI, .tick = 10000, .constant = 0};
	adjtimex(&x);
}

static void as_user(void)
{
	if (setuid(1234))
		die("setuid");
	struct timex x = {0};

	check("user.read", syscall(SYS_adjtimex, &x) >= 0);
	TRY("user.freq", .modes = ADJ_FREQUENCY);
	TRY("user.tick", .modes = ADJ_TICK, .tick = 1);
	TRY("user.adjtime", .modes = ADJ_OFFSET_SINGLESHOT);
	TRY("user.adjtime.alone", .modes = 0x8000);
	TRY("user.step", .modes = ADJ_SETOFFSET, .time = {0, -1});
	x.modes = ADJ_OFFSET_SS_READ;
	check("user.adjtime.read", syscall(SYS_adjtimex, &x) >= 0);
}

int main(void)
{
	test_modes();
	test_adjtime();
	test_clocks();
	test_wide();
	test_steps();
	test_slewing();
	isolated("user", as_user);
	return test_failed;
}
