/*
 * Runs self-tests and reports them as KTAP version 1, in two levels: suites, and in each, indented
 * by two spaces, its cases. A suite is reported where its first case stands in link order.
 */
#include "kernel/core/selftest.h"
#include "kernel/core/bootinfo.h"
#include "kernel/core/console.h"
#include "kernel/core/log.h"
#include "kernel/lib/fmt.h"
#include "kernel/lib/number.h"
#include "kernel/lib/string.h"
#include "kernel/x86/features.h"
#include "kernel/x86/io.h"

extern const struct ktest __start_ktests[], __stop_ktests[];

const struct selftest_guard *selftest_guard;

/* Of the run. */
static const char *glob;
static u32 seed;
static bool verbose;

/* Of the running case. */
static struct {
	u32 failures;
	const char *skipped; /* why, or NULL */
	u32 random;	     /* state of ktest_random(); 0: not asked for */
	const struct ktest *test;
} now;

static struct {
	u32 pass, fail, skip;
} totals;

void ktest_fail(const char *file, int line, const char *fmt, ...)
{
	va_list ap;

	now.failures++;
	console_printf("  # %s:%d: ", file, line);
	va_start(ap, fmt);
	console_vprintf(fmt, ap);
	va_end(ap);
	console_printf("\n");
}

void ktest_skip(const char *why)
{
	now.skipped = why;
}

void ktest_note(const char *fmt, ...)
{
	va_list ap;

	console_printf("  # ");
	va_start(ap, fmt);
	console_vprintf(fmt, ap);
	va_end(ap);
	console_printf("\n");
}

/* The same numbers for a case whatever else runs: the seed mixed with its name (FNV-1a). */
static u32 case_seed(const struct ktest *t)
{
	u32 h = 2166136261u ^ seed;

	for (const char *p = t->suite; *p; p++)
		h = (h ^ (u8)*p) * 16777619u;
	for (const char *p = t->name; *p; p++)
		h = (h ^ (u8)*p) * 16777619u;
	return h ? h : 1;
}

/* xorshift32, G. Marsaglia 2003. */
u32 ktest_random(void)
{
	u32 x = now.random ? now.random : case_seed(now.test);

	x ^= x << 13;
	x ^= x >> 17;
	x ^= x << 5;
	now.random = x;
	return x;
}

/* The glob names cases ("vma.merge*") or whole suites ("vma"). */
static bool selected(const struct ktest *t)
{
	char name[128];

	scnprintf(name, sizeof(name), "%s.%s", t->suite, t->name);
	return glob_match(glob, name) || glob_match(glob, t->suite);
}

/* The next selected case at or behind t, of one suite (or of any: NULL); NULL at the end. */
static const struct ktest *next_case(const struct ktest *t, const char *suite)
{
	for (; t < __stop_ktests; t++)
		if ((!suite || strcmp(t->suite, suite) == 0) && selected(t))
			return t;
	return NULL;
}

/* The next case at or behind t that is its suite's first. */
static const struct ktest *next_suite(const struct ktest *t)
{
	for (; (t = next_case(t, NULL)); t++)
		if (next_case(__start_ktests, t->suite) == t)
			return t;
	return NULL;
}

static u64 cycles(void)
{
	return cpu_features.tsc ? rdtsc() : 0;
}

static void run_case(const struct ktest *t)
{
	u64 start;

	now.failures = 0;
	now.skipped = NULL;
	now.random = 0;
	now.test = t;
	if (selftest_guard)
		selftest_guard->before();
	start = cycles();
	t->fn();
	start = cycles() - start;
	if (selftest_guard)
		selftest_guard->after();
	if (now.failures && now.random)
		ktest_note("selftest.seed=%u", seed);
	if (verbose)
		ktest_note("%s: cycles=%llu", t->name, start);
}

static void report_case(u32 number)
{
	const char *name = now.test->name;

	console_fresh_line();
	if (now.failures) {
		totals.fail++;
		console_printf("  not ok %u %s\n", number, name);
	} else if (now.skipped) {
		totals.skip++;
		console_printf("  ok %u %s # SKIP %s\n", number, name, now.skipped);
	} else {
		totals.pass++;
		console_printf("  ok %u %s\n", number, name);
	}
}

static void run_suite(const struct ktest *first, u32 suite_number)
{
	const struct ktest *t;
	u32 count = 0, number = 0, failed_before = totals.fail;

	for (t = first; t; t = next_case(t + 1, first->suite))
		count++;
	console_printf("  KTAP version 1\n  # Subtest: %s\n  1..%u\n", first->suite, count);
	for (t = first; t; t = next_case(t + 1, first->suite)) {
		run_case(t);
		report_case(++number);
	}
	console_printf("%sok %u %s\n", totals.fail > failed_before ? "not " : "", suite_number,
		first->suite);
}

static void list_cases(void)
{
	const struct ktest *t = __start_ktests;

	for (; (t = next_case(t, NULL)); t++)
		console_printf("%s.%s\n", t->suite, t->name);
}

static u32 parse_u32(const char *s)
{
	u64 v = 0;

	(void)take_number(&s, 10, UINT32_MAX, &v);
	return (u32)v;
}

static void read_options(const char *wanted)
{
	char value[16];

	glob = wanted && *wanted ? wanted : "*";
	verbose = cmdline_get("selftest.verbose", NULL, 0) >= 0;
	seed = cmdline_get("selftest.seed", value, sizeof(value)) > 0 ? parse_u32(value)
								      : (u32)cycles();
}

static u32 count_suites(void)
{
	const struct ktest *t = __start_ktests;
	u32 n = 0;

	for (; (t = next_suite(t)); t++)
		n++;
	return n;
}

int selftest_run(const char *wanted)
{
	const struct ktest *t = __start_ktests;
	u32 suites, number = 0;

	read_options(wanted);
	suites = count_suites();
	if (suites && cmdline_get("selftest.list", NULL, 0) >= 0) {
		list_cases();
		return 0;
	}
	console_fresh_line();
	console_printf("KTAP version 1\n1..%u\n", suites);
	for (; (t = next_suite(t)); t++)
		run_suite(t, ++number);
	console_printf(
		"# totals: pass:%u fail:%u skip:%u\n", totals.pass, totals.fail, totals.skip);
	return suites ? (int)totals.fail : -1;
}
