/*
 * Self-tests: cases in a linker section, run in the order of the source, reported as KTAP version 1.
 *
 *     KTEST(buddy, split_and_merge)
 *     {
 *             KEXPECT_EQ(buddy_free_pages(&b), 256);
 *     }
 *
 * A suite is the first argument; a case is selected by `selftest=GLOB` against "suite.case".
 * The same file compiles on the host (tests/host), where a failed expectation prints and the
 * process's exit status tells. In the kernel each case is followed by the memory fsck and a count
 * of frames: a case that leaks one has failed.
 */
#ifndef CORE_SELFTEST_H
#define CORE_SELFTEST_H

#include "kernel/lib/types.h"

struct ktest {
	const char *suite, *name;
	void (*fn)(void);
	const char *file;
	u32 line;
};

#define KTEST(suite_, name_)                                                                       \
	static void ktest_##suite_##_##name_(void);                                                \
	static const struct ktest __used __attribute__((no_reorder)) __aligned(sizeof(void *))     \
		__section("ktests") ktest_entry_##suite_##_##name_ = {                             \
			#suite_, #name_, ktest_##suite_##_##name_, __FILE__, __LINE__};            \
	static void ktest_##suite_##_##name_(void)

/* Marks the running case failed and prints why, as a KTAP diagnostic. */
void ktest_fail(const char *file, int line, const char *fmt, ...) __printf(3, 4);

/* Says that the running case cannot be run here. The case returns by itself. */
void ktest_skip(const char *why);

/* A diagnostic line ("# ..."). */
void ktest_note(const char *fmt, ...) __printf(1, 2);

/* Deterministic pseudo-random numbers for the running case; the seed is printed when it fails and
 * is set by `selftest.seed=N`. */
u32 ktest_random(void);

#define KEXPECT(cond)                                                                              \
	do {                                                                                       \
		if (!(cond))                                                                       \
			ktest_fail(__FILE__, __LINE__, "%s", #cond);                               \
	} while (0)

#define KEXPECT_EQ(a, b)                                                                           \
	do {                                                                                       \
		long long a_ = (long long)(a), b_ = (long long)(b);                                \
		if (a_ != b_)                                                                      \
			ktest_fail(__FILE__, __LINE__, "%s == %lld, expected %s == %lld", #a, a_,  \
				#b, b_);                                                           \
	} while (0)

/* Ends the case when it does not hold: for what the rest cannot do without. */
#define KREQUIRE(cond)                                                                             \
	do {                                                                                       \
		if (!(cond)) {                                                                     \
			ktest_fail(__FILE__, __LINE__, "%s", #cond);                               \
			return;                                                                    \
		}                                                                                  \
	} while (0)

/* Runs every case that matches the glob. Returns the number that failed, or -1 if none matched. */
int selftest_run(const char *glob);

/* The state that must be the same before and after a case (frames in use, slab objects), printed
 * on a difference. Installed by mm/mm_check.c; NULL on the host. */
struct selftest_guard {
	void (*before)(void);
	/* Reports with ktest_fail() what is broken or leaked. */
	void (*after)(void);
};
extern const struct selftest_guard *selftest_guard;

#endif
