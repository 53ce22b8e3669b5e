/* Numbers read from text. */
#include "kernel/core/selftest.h"
#include "kernel/lib/number.h"

/* What is left of s after a number was taken, and the number; NULL when there was none. */
static const char *take(const char *s, u32 base, u64 max, u64 *v)
{
	return take_number(&s, base, max, v) ? s : NULL;
}

static bool refused(const char *s, u32 base, u64 max)
{
	const char *at = s;
	u64 v;

	return !take_number(&at, base, max, &v) && at == s;
}

KTEST(number, bases)
{
	u64 v;

	KEXPECT_EQ(*take("18,5", 10, 100, &v), ',');
	KEXPECT_EQ(v, 18);
	KEXPECT_EQ(*take("18", 8, 100, &v), '8');
	KEXPECT_EQ(v, 1);
	KEXPECT_EQ(*take("fFg", 16, 300, &v), 'g');
	KEXPECT_EQ(v, 255);
	KEXPECT(refused("", 10, 100));
	KEXPECT(refused("-1", 10, 100));
	KEXPECT(refused("8", 8, 100));
}

KTEST(number, as_c_writes_them)
{
	u64 v;

	KEXPECT_EQ(*take("0x1G", 0, 100, &v), 'G');
	KEXPECT_EQ(v, 1);
	KEXPECT_EQ(*take("0xg", 0, 100, &v), 'x');
	KEXPECT_EQ(v, 0);
	KEXPECT_EQ(*take("0178", 0, 100, &v), '8');
	KEXPECT_EQ(v, 15);
}

KTEST(number, largest)
{
	u64 v;

	KEXPECT_EQ(*take("4294967295", 10, UINT32_MAX, &v), '\0');
	KEXPECT_EQ(v, UINT32_MAX);
	KEXPECT(refused("4294967296", 10, UINT32_MAX));
	KEXPECT_EQ(*take("18446744073709551615", 10, UINT64_MAX, &v), '\0');
	KEXPECT_EQ(v, UINT64_MAX);
	KEXPECT(refused("18446744073709551616", 10, UINT64_MAX));
	KEXPECT(refused("99999999999999999999", 10, UINT64_MAX));
}

static u64 size_of(const char *s, char behind)
{
	u64 bytes = 0;

	return take_size(&s, &bytes) && *s == behind ? bytes : UINT64_MAX;
}

KTEST(number, sizes)
{
	KEXPECT_EQ(size_of("12", '\0'), 12);
	KEXPECT_EQ(size_of("4k,", ','), 4096);
	KEXPECT_EQ(size_of("3Mm", 'm'), 3u << 20);
	KEXPECT_EQ(size_of("0x10G", '\0'), 16ull << 30);
	KEXPECT_EQ(size_of("2t", '\0'), 2ull << 40);
	KEXPECT_EQ(size_of("15E", '\0'), 15ull << 60);
	KEXPECT_EQ(size_of("16e", '\0'), UINT64_MAX);
	KEXPECT_EQ(size_of("16384P", '\0'), UINT64_MAX);
	KEXPECT_EQ(size_of("k", '\0'), 0);
	KEXPECT_EQ(size_of("", '\0'), UINT64_MAX);
	KEXPECT_EQ(size_of("x", 'x'), UINT64_MAX);
}

KTEST(number, lines)
{
	u32 v;

	KEXPECT(number_line("70\n", &v));
	KEXPECT_EQ(v, 70);
	KEXPECT(number_line("4294967295", &v));
	KEXPECT_EQ(v, UINT32_MAX);
	KEXPECT(!number_line("4294967296", &v));
	KEXPECT(!number_line("7\n\n", &v));
	KEXPECT(!number_line("7 ", &v));
	KEXPECT(!number_line("", &v));
}
