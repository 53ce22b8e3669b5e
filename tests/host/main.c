/*
 * Runs the self-tests of pure code on the host, where sanitizers watch:
 *
 *     tests [--list] [--seed=N] [GLOB]
 *
 * Prints KTAP. The exit status is 0 when all passed, 1 when one failed, 2 when none matched.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/core/selftest.h"
#include "kernel/lib/string.h"
#include "mm/kmalloc.h"
#include "mm/page_alloc.h"
#include "mm/slab.h"
#include "tests/host/host.h"

extern const struct ktest __start_ktests[], __stop_ktests[];

static u32 seed = 1, random_state;
static bool failed, skipped;
static const char *skip_reason;

void ktest_fail(const char *file, int line, const char *fmt, ...)
{
	va_list ap;

	failed = true;
	printf("# %s:%d: ", file, line);
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	printf("\n");
}

void ktest_skip(const char *why)
{
	skipped = true;
	skip_reason = why;
}

void ktest_note(const char *fmt, ...)
{
	va_list ap;

	printf("# ");
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	printf("\n");
}

/* xorshift32 (Marsaglia 2003). */
u32 ktest_random(void)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 17;
	random_state ^= random_state << 5;
	return random_state;
}

/* --- The fsck around each case, as the kernel's runner has it --- */

struct usage {
	u32 frames, objects;
};

static struct usage usage_now(void)
{
	slab_shrink_all();
	page_alloc_drain();
	return (struct usage){page_alloc_total() - page_alloc_free(), slab_active_objects()};
}

static void complain(const char *fmt, ...)
{
	va_list ap;
	char line[256];

	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	ktest_fail("check", 0, "%s", line);
}

static void run_case(const struct ktest *t)
{
	struct usage before = usage_now(), after;

	failed = skipped = false;
	random_state = seed * 2654435761u + 1;
	t->fn();
	page_alloc_check(complain);
	slab_check(complain);
	after = usage_now();
	if (before.frames != after.frames || before.objects != after.objects)
		ktest_fail(t->file, (int)t->line,
			"leak: %u frames, %u objects before; %u, %u after", before.frames,
			before.objects, after.frames, after.objects);
}

static bool selected(const struct ktest *t, const char *glob)
{
	char name[128];

	snprintf(name, sizeof(name), "%s.%s", t->suite, t->name);
	return glob_match(glob, name);
}

static int list(const char *glob)
{
	for (const struct ktest *t = __start_ktests; t < __stop_ktests; t++) {
		if (selected(t, glob))
			printf("%s.%s\n", t->suite, t->name);
	}
	return 0;
}

int selftest_run(const char *glob)
{
	int total = 0, number = 0, bad = 0;

	for (const struct ktest *t = __start_ktests; t < __stop_ktests; t++)
		total += selected(t, glob);
	if (!total)
		return -1;
	printf("KTAP version 1\n1..%d\n", total);
	for (const struct ktest *t = __start_ktests; t < __stop_ktests; t++) {
		if (!selected(t, glob))
			continue;
		run_case(t);
		bad += failed;
		if (failed)
			printf("# seed %u\n", seed);
		printf("%s %d %s.%s%s%s\n", failed ? "not ok" : "ok", ++number, t->suite, t->name,
			skipped ? " # SKIP " : "", skipped ? skip_reason : "");
	}
	return bad;
}

int main(int argc, char **argv)
{
	const char *glob = "*";
	bool only_list = false;
	int bad;

	for (int i = 1; i < argc; i++) {
		if (!strncmp(argv[i], "--seed=", 7))
			seed = (u32)strtoul(argv[i] + 7, NULL, 0);
		else if (!strcmp(argv[i], "--list"))
			only_list = true;
		else
			glob = argv[i];
	}
	if (only_list)
		return list(glob);
	setvbuf(stdout, NULL, _IOLBF, 0);
	host_memory_init();
	page_alloc_init();
	slab_init();
	kmalloc_init();
	bad = selftest_run(glob);
	return bad < 0 ? 2 : bad > 0;
}
