/* The cpio reader: good archives, every way to be damaged, and random damage under the sanitizers.
 */
#include "kernel/core/selftest.h"
#include "kernel/lib/cpio.h"
#include "kernel/lib/fmt.h"
#include "kernel/lib/string.h"

static u8 archive[8192];
static size_t length;

static void start(void)
{
	memset(archive, 0, sizeof(archive));
	length = 0;
}

static void pad4(void)
{
	length = ALIGN_UP(length, 4);
}

/* Appends an entry; `namesize` 0 means the name with one NUL. */
static void add(const char *name, u32 namesize, u32 mode, const char *data, u32 size)
{
	if (!namesize)
		namesize = (u32)strlen(name) + 1;
	length += (size_t)scnprintf((char *)archive + length, sizeof(archive) - length,
		"070701%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x", 7, mode, 1000, 100, 1,
		0x65921080, size, 8, 1, 4, 64, namesize, 0);
	memcpy(archive + length, name, strlen(name));
	length += namesize;
	pad4();
	if (size)
		memcpy(archive + length, data, size);
	length += size;
	pad4();
}

static void add_trailer(void)
{
	add("TRAILER!!!", 0, 0, NULL, 0);
}

static struct cpio c;
static struct cpio_entry e;

/* What reading the first `size` bytes ends with; the entries on the way are counted. */
static enum cpio_status read_all(size_t size, u32 *entries)
{
	enum cpio_status status;
	u32 sum = 0;

	cpio_init(&c, archive, size);
	do {
		status = cpio_next(&c, &e);
		for (u32 i = 0; status == CPIO_ENTRY && i < e.size; i++)
			sum += e.data[i];
	} while (status == CPIO_ENTRY || status == CPIO_TRAILER);
	*entries = c.entries;
	return status;
}

static bool fails_with(size_t size, const char *error)
{
	u32 entries;

	return read_all(size, &entries) == CPIO_ERROR && strcmp(c.error, error) == 0;
}

KTEST(cpio, entries)
{
	start();
	add(".", 0, 040755, NULL, 0);
	add("./bin/sh", 0, 0100755, "#!data", 6);
	add("/etc", 0, 040700, NULL, 0);
	add_trailer();
	cpio_init(&c, archive, length);
	KREQUIRE(cpio_next(&c, &e) == CPIO_ENTRY);
	KEXPECT(e.name[0] == '\0' && e.mode == 040755 && e.size == 0);
	KREQUIRE(cpio_next(&c, &e) == CPIO_ENTRY);
	KEXPECT(strcmp(e.name, "bin/sh") == 0);
	KEXPECT(e.size == 6 && memcmp(e.data, "#!data", 6) == 0);
	KEXPECT(e.ino == 7 && e.uid == 1000 && e.gid == 100 && e.nlink == 1);
	KEXPECT(e.mtime == 0x65921080 && e.rdev_major == 4 && e.rdev_minor == 64);
	KREQUIRE(cpio_next(&c, &e) == CPIO_ENTRY);
	KEXPECT(strcmp(e.name, "etc") == 0);
	KEXPECT_EQ(cpio_next(&c, &e), CPIO_TRAILER);
	KEXPECT_EQ(cpio_next(&c, &e), CPIO_END);
	KEXPECT_EQ(c.entries, 3);
}

/* Trailing NULs in the name move the data to where it is wanted. */
KTEST(cpio, padded_name)
{
	start();
	add("file", 1024 - 110, 0100644, "data", 4);
	add_trailer();
	cpio_init(&c, archive, length);
	KREQUIRE(cpio_next(&c, &e) == CPIO_ENTRY);
	KEXPECT(strcmp(e.name, "file") == 0);
	KEXPECT_EQ(e.data - archive, 1024);
	KEXPECT_EQ(cpio_next(&c, &e), CPIO_TRAILER);
}

KTEST(cpio, archives_in_a_row)
{
	u32 entries;

	start();
	add("a", 0, 0100644, NULL, 0);
	add_trailer();
	length = 1536;
	add("b", 0, 0100644, "x", 1);
	add_trailer();
	length = 4000;
	KEXPECT_EQ(read_all(length, &entries), CPIO_END);
	KEXPECT_EQ(entries, 2);
	start();
	KEXPECT_EQ(read_all(100, &entries), CPIO_END);
	KEXPECT_EQ(read_all(0, &entries), CPIO_END);
	KEXPECT_EQ(entries, 0);
}

KTEST(cpio, truncated)
{
	u32 entries;

	start();
	add("some/file", 0, 0100644, "0123456789", 10);
	for (size_t n = 1; n < 110 + 10 + 10; n++)
		KEXPECT_EQ(read_all(n, &entries), CPIO_ERROR);
	KEXPECT(fails_with(50, "truncated in a header"));
	KEXPECT(fails_with(115, "truncated in a name"));
	KEXPECT(fails_with(125, "truncated in a file"));
	KEXPECT_EQ(read_all(130, &entries), CPIO_END); /* the padding may be missing */
	KEXPECT_EQ(entries, 1);
}

static void set_field(u32 field, const char *hex)
{
	memcpy(archive + 6 + 8 * field, hex, 8);
}

KTEST(cpio, damaged)
{
	static const u32 filesize = 6, namesize = 11;

	start();
	add("name", 0, 0100644, "0123456789", 10);
	set_field(namesize, "00000000");
	KEXPECT(fails_with(length, "empty name"));
	set_field(namesize, "00000004");
	KEXPECT(fails_with(length, "name not terminated"));
	set_field(namesize, "00001001");
	KEXPECT(fails_with(sizeof(archive), "name too long"));
	set_field(namesize, "ffffffff");
	KEXPECT(fails_with(length, "name too long"));
	set_field(namesize, "00000005");
	set_field(filesize, "fffffffd");
	KEXPECT(fails_with(length, "truncated in a file"));
	set_field(filesize, "0000000g");
	KEXPECT(fails_with(length, "bad digit in header"));
	archive[5] = '7';
	KEXPECT(fails_with(length, "old cpio format, newc is needed"));
	archive[0] = 0x7f;
	KEXPECT(fails_with(length, "bad magic"));
	KEXPECT_EQ(c.error_at, 0);
}

/* Whatever the bytes are, the reader stays inside them and ends. */
KTEST(cpio, random_damage)
{
	static u8 good[1024];
	u32 entries;
	size_t size;

	start();
	add("a/file", 0, 0100644, "0123456789", 10);
	add("link", 0, 0120777, "a/file", 6);
	add("padded", 200, 0100644, "abc", 3);
	add_trailer();
	size = length;
	KREQUIRE(size <= sizeof(good));
	memcpy(good, archive, size);
	for (u32 round = 0; round < 5000; round++) {
		enum cpio_status status;

		memcpy(archive, good, size);
		for (u32 k = ktest_random() % 8; k; k--)
			archive[ktest_random() % size] =
				"0123456789abcdef\0/.F"[ktest_random() % 20];
		status = read_all(ktest_random() % (size + 1), &entries);
		KEXPECT(status == CPIO_END || status == CPIO_ERROR);
	}
}
