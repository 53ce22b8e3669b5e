/* String functions and the glob. */
#include "kernel/core/selftest.h"
#include "kernel/lib/string.h"

static int sign(int v)
{
	return (v > 0) - (v < 0);
}

/* Every overlap of every small length. */
KTEST(string, memmove_overlaps)
{
	for (u32 from = 0; from < 12; from++) {
		for (u32 to = 0; to < 12; to++) {
			for (u32 n = 0; n <= 20; n++) {
				u8 buf[32], want[32];

				for (u32 i = 0; i < 32; i++)
					want[i] = buf[i] = (u8)i;
				for (u32 i = 0; i < n; i++)
					want[to + i] = (u8)(from + i);
				KEXPECT(memmove(buf + to, buf + from, n) == buf + to);
				KEXPECT(!memcmp(buf, want, 32));
			}
		}
	}
}

KTEST(string, memcmp_and_memchr)
{
	u8 a[20], b[20];

	for (u32 n = 0; n < 20; n++) {
		memset(a, 1, sizeof(a));
		memset(b, 1, sizeof(b));
		KEXPECT_EQ(memcmp(a, b, n), 0);
		b[n] = 200;
		KEXPECT_EQ(memcmp(a, b, n), 0);
		KEXPECT_EQ(sign(memcmp(a, b, n + 1)), -1);
		KEXPECT_EQ(sign(memcmp(b, a, n + 1)), 1);
		KEXPECT(!memchr(b, 200, n) && memchr(b, 200, 20) == b + n);
	}
}

KTEST(string, strings)
{
	KEXPECT_EQ(strlen(""), 0);
	KEXPECT_EQ(strlen("abc"), 3);
	KEXPECT_EQ(strnlen("abc", 2), 2);
	KEXPECT_EQ(strnlen("abc", 9), 3);
	KEXPECT_EQ(strcmp("abc", "abc"), 0);
	KEXPECT_EQ(sign(strcmp("abc", "abd")), -1);
	KEXPECT_EQ(sign(strcmp("abc", "ab")), 1);
	KEXPECT_EQ(sign(strcmp("\xff", "a")), 1);
	KEXPECT_EQ(strncmp("abc", "abd", 2), 0);
	KEXPECT_EQ(sign(strncmp("ab", "abd", 3)), -1);
	KEXPECT_EQ(strncmp("ab", "ab", 9), 0);
}

KTEST(string, searching)
{
	const char *s = "hello world";

	KEXPECT(strchr(s, 'o') == s + 4 && strrchr(s, 'o') == s + 7);
	KEXPECT(!strchr(s, 'z') && !strrchr(s, 'z'));
	KEXPECT(strchr(s, 0) == s + 11 && strrchr(s, 0) == s + 11);
	KEXPECT(strstr(s, "o w") == s + 4 && strstr(s, "") == s && !strstr(s, "worldly"));
}

KTEST(string, strlcpy)
{
	char buf[4] = "xxx";

	KEXPECT_EQ(strlcpy(buf, "ab", sizeof(buf)), 2);
	KEXPECT(!strcmp(buf, "ab"));
	KEXPECT_EQ(strlcpy(buf, "abcdef", sizeof(buf)), 6);
	KEXPECT(!strcmp(buf, "abc"));
	KEXPECT_EQ(strlcpy(buf, "zz", 0), 2);
	KEXPECT(!strcmp(buf, "abc"));
}

KTEST(string, glob)
{
	static const struct {
		const char *pattern, *s;
		bool match;
	} t[] = {
		{"", "", true},
		{"", "a", false},
		{"*", "", true},
		{"*", "anything", true},
		{"buddy.*", "buddy.split", true},
		{"buddy.*", "slab.split", false},
		{"*.split", "buddy.split", true},
		{"*a*b*c", "xxaxxbxxc", true},
		{"*a*b*c", "xxaxxbxx", false},
		{"*ab", "aab", true},
		{"*aab", "aaaab", true},
		{"a?c", "abc", true},
		{"a?c", "ac", false},
		{"[abc]x", "bx", true},
		{"[a-c]x", "dx", false},
		{"[!a-c]x", "dx", true},
		{"[^a]", "a", false},
		{"[]]", "]", true},
		{"[a-]", "-", true},
		{"[a", "[a", true},
		{"*[0-9]", "kmalloc-64", true},
		{"a,b", "b", true},
		{"a,b*,c", "bee", true},
		{"a,b", "a,b", false},
		{"kmalloc-*,vma", "vma", true},
		{"*,", "", true},
		{"abc", "ab", false},
		{"ab", "abc", false},
	};

	for (u32 i = 0; i < ARRAY_SIZE(t); i++) {
		if (glob_match(t[i].pattern, t[i].s) != t[i].match)
			ktest_fail(__FILE__, __LINE__, "glob %s on %s", t[i].pattern, t[i].s);
	}
}
