/* Random formats through our printf and the C library's: the same text and the same length. */
#include <stdio.h>

static int (*const libc_snprintf)(char *, size_t, const char *, ...) = snprintf;

#include "kernel/core/selftest.h"
#include "kernel/lib/fmt.h"
#include "kernel/lib/string.h"

#pragma GCC diagnostic ignored "-Wformat-nonliteral"

static char *append_flags(char *f)
{
	static const char flags[] = "-0#+ ";

	for (u32 i = 0; flags[i]; i++) {
		if (ktest_random() % 3 == 0)
			*f++ = flags[i];
	}
	if (ktest_random() % 2)
		*f++ = (char)('1' + ktest_random() % 9);
	if (ktest_random() % 2) {
		*f++ = '.';
		*f++ = (char)('0' + ktest_random() % 10);
	}
	return f;
}

static void compare(const char *format, const char *ours, int n, const char *theirs, int m)
{
	if (n != m || strcmp(ours, theirs))
		ktest_fail(__FILE__, __LINE__, "\"%s\": \"%s\" (%d), expected \"%s\" (%d)", format,
			ours, n, theirs, m);
}

static u64 random_value(void)
{
	return ((u64)ktest_random() << 32 | ktest_random()) >> ktest_random() % 64;
}

KTEST(fmt_libc, integers)
{
	static const char *const length[] = {"hh", "h", "", "ll"};
	static const char conversion[] = "dixXou";

	for (u32 n = 0; n < 20000; n++) {
		char format[32] = "<%", *f = append_flags(format + 2), ours[64], theirs[64];
		u32 l = ktest_random() % 4, size = 1 + ktest_random() % sizeof(ours);
		u64 v = ktest_random() % 8 ? random_value() : 0;
		int a, b;

		f += libc_snprintf(f, 8, "%s%c>", length[l], conversion[ktest_random() % 6]);
		if (l == 3) {
			a = snprintf(ours, size, format, v);
			b = libc_snprintf(theirs, size, format, v);
		} else {
			a = snprintf(ours, size, format, (u32)v);
			b = libc_snprintf(theirs, size, format, (u32)v);
		}
		compare(format, ours, a, theirs, b);
	}
}

KTEST(fmt_libc, strings)
{
	for (u32 n = 0; n < 2000; n++) {
		char format[16] = "<%", ours[32], theirs[32], *f = format + 2;
		int a, b;

		if (ktest_random() % 2)
			*f++ = '-';
		if (ktest_random() % 2)
			*f++ = (char)('1' + ktest_random() % 9);
		if (ktest_random() % 2)
			f += libc_snprintf(f, 4, ".%u", ktest_random() % 10);
		libc_snprintf(f, 4, "s>");
		a = snprintf(ours, sizeof(ours), format, "memory");
		b = libc_snprintf(theirs, sizeof(theirs), format, "memory");
		compare(format, ours, a, theirs, b);
	}
}
