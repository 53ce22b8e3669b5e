/* Cutting a path into its components. */
#include "kernel/fs/pathname.h"
#include "kernel/lib/string.h"

static enum name_type type_of(const char *s, u32 len)
{
	if (s[0] != '.' || len > 2)
		return NAME_NORMAL;
	if (len == 1)
		return NAME_DOT;
	return s[1] == '.' ? NAME_DOTDOT : NAME_NORMAL;
}

bool pathname_next(const char **path, struct name *out)
{
	const char *p = *path, *end;

	while (*p == '/')
		p++;
	for (end = p; *end && *end != '/'; end++)
		;
	*path = end;
	*out = (struct name){.s = p, .len = (u32)(end - p)};
	if (end == p)
		return false;
	out->type = type_of(p, out->len);
	out->slash = *end == '/';
	while (*end == '/')
		end++;
	out->last = *end == '\0';
	return true;
}

struct name pathname_of(const char *s)
{
	struct name n = {.last = true};

	pathname_next(&s, &n);
	return n;
}

/* FNV-1a. */
u32 pathname_hash(const char *s, u32 len)
{
	u32 h = 2166136261u;

	while (len--)
		h = (h ^ (u8)*s++) * 16777619u;
	return h;
}

void pathname_join(char *out, const char *target, u32 n, const char *rest)
{
	memcpy(out, target, n);
	memcpy(out + n, rest, strlen(rest) + 1);
}
