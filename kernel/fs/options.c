/* The options of a mount, after a table of those that the file system knows. */
#include "kernel/abi/errno.h"
#include "kernel/fs/options.h"
#include "kernel/lib/number.h"
#include "kernel/lib/string.h"

static bool take_u32(const char **s, u32 base, u32 max, u32 *value)
{
	u64 v;

	if (!take_number(s, base, max, &v))
		return false;
	*value = (u32)v;
	return true;
}

bool option_mode(const char **s, void *value)
{
	return take_u32(s, 8, UINT32_MAX, value);
}

bool option_id(const char **s, void *value)
{
	if (**s == '+')
		++*s;
	return take_u32(s, 0, UINT32_MAX - 1, value);
}

bool option_size(const char **s, void *value)
{
	return take_size(s, value);
}

static bool take_option(const char **s, const struct mount_option *known, u32 n, char *into)
{
	for (u32 i = 0; i < n; i++) {
		size_t len = strlen(known[i].name);

		if (strncmp(*s, known[i].name, len) != 0)
			continue;
		*s += len;
		return !known[i].take || known[i].take(s, into + known[i].at);
	}
	return false;
}

int mount_options(const char *s, const struct mount_option *known, u32 n, void *into)
{
	while (s && *s) {
		if (*s != ',' && !take_option(&s, known, n, into))
			return -EINVAL;
		if (*s && *s++ != ',')
			return -EINVAL;
	}
	return 0;
}
