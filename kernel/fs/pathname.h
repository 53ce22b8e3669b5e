/* Cutting a path into its components. Pure: no tree, no permission, only text. */
#ifndef FS_PATHNAME_H
#define FS_PATHNAME_H

#include "kernel/lib/types.h"

enum name_type {
	NAME_NONE,   /* there was no component: "/" or "" */
	NAME_NORMAL,
	NAME_DOT,
	NAME_DOTDOT,
};

struct name {
	const char *s; /* into the path, not terminated */
	u32 len;
	enum name_type type;
	bool last;  /* nothing but slashes follows */
	bool slash; /* at least one slash follows */
};

/* Takes the next component off *path, leaving *path behind it (at its slash, or at the end).
 * Returns false, with type NAME_NONE, when only slashes are left. */
bool pathname_next(const char **path, struct name *out);

/* A component made from a string without slashes. */
struct name pathname_of(const char *s);

/* Of a component, for tables of names. */
u32 pathname_hash(const char *s, u32 len);

/* The text of a symlink followed by what came after the link in the path: `out` has room for
 * strlen(rest) + n + 1 bytes. An absolute rest stays behind its slash. */
void pathname_join(char *out, const char *target, u32 n, const char *rest);

#endif
