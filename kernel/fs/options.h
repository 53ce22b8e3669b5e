/* The options of a mount: "mode=700,uid=5,newinstance". */
#ifndef FS_OPTIONS_H
#define FS_OPTIONS_H

#include "kernel/lib/types.h"

struct mount_option {
	const char *name; /* with the = of one that has a value */
	size_t at;	  /* where in the file system's struct the value goes */
	/* Takes the value off *s; false: it is no such. NULL: the option has none. */
	bool (*take)(const char **s, void *value);
};

/* Takes all of s apart, which may be NULL. Returns 0, or -EINVAL for what is not among the n known
 * options; the values before it are in `into` by then. */
int mount_options(const char *s, const struct mount_option *known, u32 n, void *into);

/* Values: a u32 in octal, the u32 of a user or group (not -1, which is none), a u64 of bytes. */
bool option_mode(const char **s, void *value);
bool option_id(const char **s, void *value);
bool option_size(const char **s, void *value);

#endif
