/* printf formatting, case by case. tests/host compares random formats with the C library's. */
#include "kernel/core/selftest.h"
#include "kernel/lib/fmt.h"
#include "kernel/lib/string.h"

#define EXPECT_FMT(want, ...)                                                                      \
	do {                                                                                       \
		char buf_[128];                                                                    \
		int n_ = snprintf(buf_, sizeof(buf_), __VA_ARGS__);                                \
		if (strcmp(buf_, want))                                                            \
			ktest_fail(__FILE__, __LINE__, "got \"%s\", expected \"%s\"", buf_, want); \
		KEXPECT_EQ(n_, strlen(want));                                                      \
	} while (0)

KTEST(fmt, integers)
{
	EXPECT_FMT("0 -1 42", "%d %i %u", 0, -1, 42u);
	EXPECT_FMT("-2147483648", "%d", INT32_MIN);
	EXPECT_FMT("4294967295 ffffffff FFFFFFFF", "%u %x %X", ~0u, ~0u, ~0u);
	EXPECT_FMT("-9223372036854775808", "%lld", (long long)INT64_MIN);
	EXPECT_FMT("18446744073709551615", "%llu", ~0ull);
	EXPECT_FMT("1777777777777777777777", "%llo", ~0ull);
	EXPECT_FMT("4294967296 100000000", "%llu %llx", 1ull << 32, 1ull << 32);
	EXPECT_FMT("-1 255 -1 65535", "%hhd %hhu %hd %hu", -1, 255, -1, 65535);
	EXPECT_FMT("7 8", "%zu %ld", sizeof(char[7]), 8l);
}

KTEST(fmt, width_and_flags)
{
	EXPECT_FMT("[   42] [42   ] [00042]", "[%5d] [%-5d] [%05d]", 42, 42, 42);
	EXPECT_FMT("[-0042] [ -42]", "[%05d] [%4d]", -42, -42);
	EXPECT_FMT("[+7] [ 7] [-7]", "[%+d] [% d] [%+d]", 7, 7, -7);
	EXPECT_FMT("[0x2a] [0X2A] [052] [0]", "[%#x] [%#X] [%#o] [%#x]", 42, 42, 42, 0);
	EXPECT_FMT("[0x0000002a]", "[%#010x]", 42);
	EXPECT_FMT("[  007] [007  ]", "[%5.3d] [%-5.3d]", 7, 7);
	EXPECT_FMT("[] [   ]", "[%.0d] [%3.0d]", 0, 0);
	EXPECT_FMT("[   42] [42   ]", "[%*d] [%*d]", 5, 42, -5, 42);
}

KTEST(fmt, strings)
{
	EXPECT_FMT("a b", "%c %s", 'a', "b");
	EXPECT_FMT("[   ab] [ab   ] [a]", "[%5s] [%-5s] [%.1s]", "ab", "ab", "ab");
	EXPECT_FMT("[abc] [ab]", "[%.*s] [%.*s]", 5, "abc", 2, "abc");
	EXPECT_FMT("100%", "%d%%", 100);
}

KTEST(fmt, without_a_format)
{
	char buf[24], *end = buf + sizeof(buf) - 1;

	*end = '\0';
	KEXPECT(strcmp(fmt_decimal(end, 0), "0") == 0);
	KEXPECT(strcmp(fmt_decimal(end, 4294967295u), "4294967295") == 0);
	KEXPECT(strcmp(fmt_decimal(end, ~0ull), "18446744073709551615") == 0);
	KEXPECT(strcmp(fmt_hex(end, 0x2af, 2), "2af") == 0);
	KEXPECT(strcmp(fmt_hex(end, 0x2af, 8), "000002af") == 0);
	KEXPECT(fmt_hex(end, 0, 0) == end);
}

/* Fields longer than what the sink gets at a time. */
KTEST(fmt, long_fields)
{
	static char buf[1024], copy[1024];

	KEXPECT_EQ(snprintf(buf, sizeof(buf), "%300s|%-300s|%.300d", "a", "b", 1), 902);
	for (u32 i = 0; i < 299; i++)
		KEXPECT(buf[i] == ' ' && buf[302 + i] == ' ' && buf[602 + i] == '0');
	KEXPECT(buf[299] == 'a' && buf[301] == 'b' && buf[901] == '1');
	KEXPECT_EQ(snprintf(copy, sizeof(copy), "%s", buf), 902);
	KEXPECT_EQ(strcmp(buf, copy), 0);
}

/* Formats that the compiler's checks would rightly refuse. */
static const char *volatile f_null = "%s", *volatile f_bad = "%d %y", *volatile f_sym = "%pS";

#pragma GCC diagnostic ignored "-Wformat-security"
#pragma GCC diagnostic ignored "-Wformat-nonliteral"

static const char *symboliser(u32 addr, u32 *offset)
{
	*offset = addr & 0xff;
	return addr >= 0x1000 ? "page_free" : NULL;
}

KTEST(fmt, symbols_and_mistakes)
{
	const char *(*saved)(u32, u32 *) = fmt_symboliser;
	char buf[64];

	snprintf(buf, sizeof(buf), f_null, (char *)NULL);
	KEXPECT(!strcmp(buf, "(null)"));
	snprintf(buf, sizeof(buf), f_bad, 1);
	KEXPECT(!strcmp(buf, "1 %y"));
	fmt_symboliser = symboliser;
	snprintf(buf, sizeof(buf), f_sym, (void *)0x1234);
	KEXPECT(!strcmp(buf, "page_free+0x34"));
	snprintf(buf, sizeof(buf), f_sym, (void *)0x12);
	KEXPECT(!strncmp(buf, "0x000000", 8) && !strcmp(buf + strlen(buf) - 2, "12"));
	fmt_symboliser = saved;
}

KTEST(fmt, truncation)
{
	char buf[5] = "....";

	KEXPECT_EQ(snprintf(buf, sizeof(buf), "%s", "abcdefgh"), 8);
	KEXPECT(!strcmp(buf, "abcd"));
	KEXPECT_EQ(scnprintf(buf, sizeof(buf), "%s", "abcdefgh"), 4);
	KEXPECT_EQ(scnprintf(buf, sizeof(buf), "%s", "ab"), 2);
	KEXPECT_EQ(snprintf(buf, 0, "%d", 12345), 5);
	KEXPECT(!strcmp(buf, "ab"));
	KEXPECT_EQ(scnprintf(buf, 0, "%d", 12345), 0);
	KEXPECT_EQ(snprintf(buf, 1, "x"), 1);
	KEXPECT(buf[0] == '\0');
}
