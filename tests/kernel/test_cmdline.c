/* The command line. */
#include "kernel/core/bootinfo.h"
#include "kernel/core/selftest.h"
#include "kernel/lib/string.h"

static bool value_is(const char *line, const char *name, const char *expected)
{
	char buf[32];
	int n = cmdline_find(line, name, buf, sizeof(buf));

	return n == (int)strlen(expected) && strcmp(buf, expected) == 0;
}

KTEST(cmdline, values)
{
	KEXPECT(value_is("a=1 bc=23 d", "bc", "23"));
	KEXPECT(value_is("a=1 bc=23 d", "d", ""));
	KEXPECT(value_is("  a=\t", "a", ""));
	KEXPECT_EQ(cmdline_find("a=1 bc=23 d", "b", NULL, 0), -1);
	KEXPECT_EQ(cmdline_find("", "b", NULL, 0), -1);
	KEXPECT(value_is("a=1 a=2", "a", "2"));
	KEXPECT(value_is("x=a=b", "x", "a=b"));
}

KTEST(cmdline, quotes)
{
	KEXPECT(value_is("a=\"1 2\" b=3", "a", "1 2"));
	KEXPECT(value_is("\"a=1 2\" b=3", "a", "1 2"));
	KEXPECT(value_is("a=\"1 2\" b=3", "b", "3"));
	KEXPECT(value_is("a=\"1 2", "a", "1 2"));
}

KTEST(cmdline, cut_but_counted)
{
	char buf[4];

	KEXPECT_EQ(cmdline_find("a=12345", "a", buf, sizeof(buf)), 5);
	KEXPECT(strcmp(buf, "123") == 0);
}

KTEST(cmdline, words_after_dashes_are_init_s)
{
	KEXPECT_EQ(cmdline_find("a -- b=1", "b", NULL, 0), -1);
	KEXPECT(strcmp(cmdline_after_dashes("a --  b=1 \"c d\""), "b=1 \"c d\"") == 0);
	KEXPECT(strcmp(cmdline_after_dashes("a --x y"), "") == 0);
	KEXPECT(strcmp(cmdline_after_dashes("a"), "") == 0);
}
