/* Cutting paths into components. */
#include "kernel/core/selftest.h"
#include "kernel/fs/pathname.h"
#include "kernel/lib/string.h"

/* Takes the next component and compares it. */
static bool next_is(const char **path, const char *s, bool last, bool slash)
{
	struct name n;

	return pathname_next(path, &n) && n.len == strlen(s) && memcmp(n.s, s, n.len) == 0 &&
	       n.last == last && n.slash == slash;
}

static bool at_end(const char *path)
{
	struct name n;

	return !pathname_next(&path, &n) && n.type == NAME_NONE && n.len == 0;
}

static enum name_type type_of(const char *s)
{
	struct name n = pathname_of(s);

	return n.type;
}

KTEST(pathname, components)
{
	const char *p = "//usr/.//lib../..";

	KEXPECT(next_is(&p, "usr", false, true));
	KEXPECT(next_is(&p, ".", false, true));
	KEXPECT(next_is(&p, "lib..", false, true));
	KEXPECT(next_is(&p, "..", true, false));
	KEXPECT(at_end(p));
}

KTEST(pathname, trailing_slashes)
{
	const char *p = "dir///";

	KEXPECT(next_is(&p, "dir", true, true));
	KEXPECT(at_end(p));
	p = "a/b/";
	KEXPECT(next_is(&p, "a", false, true));
	KEXPECT(next_is(&p, "b", true, true));
	KEXPECT(at_end(p));
}

KTEST(pathname, nothing)
{
	KEXPECT(at_end(""));
	KEXPECT(at_end("/"));
	KEXPECT(at_end("////"));
}

KTEST(pathname, types)
{
	KEXPECT_EQ(type_of("."), NAME_DOT);
	KEXPECT_EQ(type_of(".."), NAME_DOTDOT);
	KEXPECT_EQ(type_of("..."), NAME_NORMAL);
	KEXPECT_EQ(type_of(".a"), NAME_NORMAL);
	KEXPECT_EQ(type_of("a."), NAME_NORMAL);
	KEXPECT_EQ(type_of(""), NAME_NONE);
}

/* A link in the middle of a path: its text takes its place, the rest stays behind it. */
KTEST(pathname, join)
{
	char out[32];
	const char *rest = "link/x/";
	struct name n;

	KREQUIRE(pathname_next(&rest, &n));
	pathname_join(out, "/target", 7, rest);
	KEXPECT(strcmp(out, "/target/x/") == 0);
	rest = "link";
	KREQUIRE(pathname_next(&rest, &n));
	pathname_join(out, "t", 1, rest);
	KEXPECT(strcmp(out, "t") == 0);
}

KTEST(pathname, hash)
{
	KEXPECT_EQ(pathname_hash("", 0), 2166136261u);
	KEXPECT(pathname_hash("ab", 2) != pathname_hash("ba", 2));
	KEXPECT_EQ(pathname_hash("abc", 2), pathname_hash("ab", 2));
}
