/*
 * Reading "newc" cpio archives.
 *
 * An entry is a header of 110 ASCII characters (a magic and 13 numbers of eight hexadecimal
 * digits), the name with its NUL, and the data; name and data are each padded to four bytes,
 * counted from the archive's beginning.
 */
#include "kernel/lib/cpio.h"
#include "kernel/lib/string.h"

#define HEADER 110u
#define FIELDS 13u

enum field {
	F_INO,
	F_MODE,
	F_UID,
	F_GID,
	F_NLINK,
	F_MTIME,
	F_FILESIZE,
	F_DEVMAJOR,
	F_DEVMINOR,
	F_RDEVMAJOR,
	F_RDEVMINOR,
	F_NAMESIZE,
	F_CHECK,
};

void cpio_init(struct cpio *c, const void *buf, size_t size)
{
	*c = (struct cpio){.buf = buf, .size = size};
}

static enum cpio_status fail(struct cpio *c, size_t at, const char *error)
{
	c->error = error;
	c->error_at = at;
	return CPIO_ERROR;
}

static bool parse_hex(const u8 *s, u32 *out)
{
	u32 v = 0;

	for (u32 i = 0; i < 8; i++) {
		u32 lower = s[i] | 0x20u;

		if (s[i] >= '0' && s[i] <= '9')
			v = v << 4 | (s[i] - (u32)'0');
		else if (lower >= 'a' && lower <= 'f')
			v = v << 4 | (lower - 'a' + 10);
		else
			return false;
	}
	*out = v;
	return true;
}

/* NULL, or what is wrong with the header. */
static const char *parse_header(const u8 *h, u32 field[FIELDS])
{
	if (memcmp(h, "070701", 6) != 0 && memcmp(h, "070702", 6) != 0)
		return memcmp(h, "070707", 6) == 0 ? "old cpio format, newc is needed"
						   : "bad magic";
	for (u32 i = 0; i < FIELDS; i++)
		if (!parse_hex(h + 6 + 8 * i, &field[i]))
			return "bad digit in header";
	return NULL;
}

/* Paths are relative to the root whatever they begin with. */
static const char *strip_root(const char *name)
{
	for (;;) {
		if (name[0] == '/')
			name++;
		else if (name[0] == '.' && (name[1] == '/' || name[1] == '\0'))
			name++;
		else
			return name;
	}
}

static void fill_entry(struct cpio_entry *e, const u32 field[FIELDS])
{
	*e = (struct cpio_entry){
		.ino = field[F_INO],
		.mode = field[F_MODE],
		.uid = field[F_UID],
		.gid = field[F_GID],
		.nlink = field[F_NLINK],
		.mtime = field[F_MTIME],
		.size = field[F_FILESIZE],
		.dev_major = field[F_DEVMAJOR],
		.dev_minor = field[F_DEVMINOR],
		.rdev_major = field[F_RDEVMAJOR],
		.rdev_minor = field[F_RDEVMINOR],
	};
}

static bool is_trailer(const char *name)
{
	return strcmp(name, "TRAILER!!!") == 0;
}

void cpio_skip_zeroes(struct cpio *c)
{
	while (c->at < c->size && c->buf[c->at] == 0)
		c->at++;
}

/* The name between the header and the data. NULL, or what is wrong with it. */
static const char *check_name(const struct cpio *c, size_t at, u32 size)
{
	if (size == 0)
		return "empty name";
	if (size > CPIO_NAME_MAX)
		return "name too long";
	if (size > c->size - at)
		return "truncated in a name";
	if (!memchr(c->buf + at, '\0', size))
		return "name not terminated";
	return NULL;
}

enum cpio_status cpio_next(struct cpio *c, struct cpio_entry *e)
{
	size_t start, name_at, data_at;
	u32 field[FIELDS];
	const char *error, *name;

	cpio_skip_zeroes(c);
	start = c->at;
	if (start == c->size)
		return CPIO_END;
	if (c->size - start < HEADER)
		return fail(c, start, "truncated in a header");
	error = parse_header(c->buf + start, field);
	if (error)
		return fail(c, start, error);
	name_at = start + HEADER;
	error = check_name(c, name_at, field[F_NAMESIZE]);
	if (error)
		return fail(c, start, error);
	data_at = MIN(ALIGN_UP(name_at + field[F_NAMESIZE], 4), c->size);
	if (field[F_FILESIZE] > c->size - data_at)
		return fail(c, start, "truncated in a file");
	fill_entry(e, field);
	name = (const char *)c->buf + name_at;
	e->name = strip_root(name);
	e->data = c->buf + data_at;
	e->header_at = start;
	c->at = MIN(ALIGN_UP(data_at + field[F_FILESIZE], 4), c->size);
	if (is_trailer(name))
		return CPIO_TRAILER;
	c->entries++;
	return CPIO_ENTRY;
}
