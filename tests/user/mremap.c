/* mremap: growing, shrinking, moving, flags and errors. */
#include "tests/user/test.h"

#define RW (PROT_READ | PROT_WRITE)

#ifndef MREMAP_DONTUNMAP
#define MREMAP_DONTUNMAP 4
#endif

static char *remap(void *old, size_t old_len, size_t new_len, int flags, void *to)
{
	return (char *)syscall(SYS_mremap, old, old_len, new_len, flags, to);
}

/* "stayed" or "moved", or the errno. */
static char *try(const char *name, char *old, size_t old_len, size_t new_len, int flags, void *to)
{
	char *p = remap(old, old_len, new_len, flags, to);

	if (p == MAP_FAILED)
		say(name, "-1 %s", errno_name(errno));
	else
		say(name, "%s", p == old ? "stayed" : p == to ? "moved there" : "moved");
	return p;
}

static void in_place(void)
{
	char *p = map_at(FREE_AREA, 2 * PAGE, RW);

	memset(p, 'g', 2 * PAGE);
	try("grow", p, 2 * PAGE, 4 * PAGE, 0, NULL);
	check("grow.contents", all_bytes(p, 2 * PAGE, 'g') && all_bytes(p + 2 * PAGE, 2 * PAGE, 0));
	say("grow.lines", "%d", map_lines(p, 6 * PAGE));
	try("shrink", p, 4 * PAGE, PAGE, 0, NULL);
	say("shrink.rest", "%s %s", try_read(p), try_read(p + PAGE));
	try("same", p, PAGE, PAGE, 0, NULL);
	try("length_rounded", p, PAGE, PAGE + 1, 0, NULL);
	say("length_rounded.second_page", "%s", try_write(p + 2 * PAGE - 1));
	try("old_length_rounded", p, PAGE + 5, 3 * PAGE, 0, NULL);
	munmap(p, 4 * PAGE);
}

static void blocked(void)
{
	char *wall = map_at(FREE_AREA + 2 * PAGE, PAGE, PROT_NONE);
	char *p = map_at(FREE_AREA, 2 * PAGE, RW), *q;

	for (size_t i = 0; i < 2 * PAGE; i++)
		p[i] = i % 251;
	try("blocked", p, 2 * PAGE, 3 * PAGE, 0, NULL);
	say("blocked.unharmed", "%d", p[PAGE + 10]);
	q = try("move", p, 2 * PAGE, 3 * PAGE, MREMAP_MAYMOVE, NULL);
	say("move.old_place", "%s", try_read(p));
	say("move.contents", "%d %d %d", q[5], q[PAGE + 10], q[2 * PAGE]);
	munmap(q, 3 * PAGE);
	munmap(wall, PAGE);
}

/* The middle of a mapping moves out. */
static void middle(void)
{
	char *p = map_at(FREE_AREA, 5 * PAGE, RW), *q;

	for (int i = 0; i < 5; i++)
		p[i * PAGE] = 'a' + i;
	try("middle.grow_needs_move", p + PAGE, PAGE, 2 * PAGE, 0, NULL);
	q = try("middle.move", p + PAGE, 2 * PAGE, 4 * PAGE, MREMAP_MAYMOVE, NULL);
	say("middle.contents", "%c %c %d %d", q[0], q[PAGE], q[2 * PAGE], q[3 * PAGE]);
	say("middle.left", "%c %s %s %c", p[0], try_read(p + PAGE), try_read(p + 2 * PAGE),
		p[3 * PAGE]);
	say("middle.lines", "%d", map_lines(p, 5 * PAGE));
	try("middle.shrink", p + 3 * PAGE, 2 * PAGE, PAGE, 0, NULL);
	say("middle.shrunk", "%c %s", p[3 * PAGE], try_read(p + 4 * PAGE));
	munmap(p, 5 * PAGE);
	munmap(q, 4 * PAGE);
}

static void fixed(void)
{
	int both = MREMAP_MAYMOVE | MREMAP_FIXED;
	char *p = map_at(FREE_AREA, 2 * PAGE, RW), *q = map_at(FREE_AREA2, 4 * PAGE, RW);

	memset(p, 'p', 2 * PAGE);
	memset(q, 'q', 4 * PAGE);
	try("fixed.replaces", p, 2 * PAGE, 2 * PAGE, both, q + PAGE);
	say("fixed.contents", "%c %c %c %c", q[0], q[PAGE], q[2 * PAGE], q[3 * PAGE]);
	say("fixed.old_place", "%s", try_read(p));
	try("fixed.back_and_shorter", q + PAGE, 2 * PAGE, PAGE, both, p);
	say("fixed.shorter", "%c %s %s", p[0], try_read(q + PAGE), try_read(q + 2 * PAGE));
	try("fixed.longer", p, PAGE, 3 * PAGE, both, q);
	say("fixed.longer_contents", "%c %d %d %c", q[0], q[PAGE], q[2 * PAGE], q[3 * PAGE]);
	try("fixed.overlap_up", q, 2 * PAGE, 2 * PAGE, both, q + PAGE);
	try("fixed.overlap_down", q + PAGE, 2 * PAGE, 2 * PAGE, both, q);
	try("fixed.onto_itself", q, 2 * PAGE, 2 * PAGE, both, q);
	try("fixed.unaligned", q, PAGE, PAGE, both, p + 1);
	try("fixed.kernel", q, PAGE, PAGE, both, KERNEL);
	try("fixed.into_kernel", q, PAGE, 2 * PAGE, both, (void *)0xbffff000);
	try("fixed.without_maymove", q, PAGE, PAGE, MREMAP_FIXED, p);
	say("fixed.unharmed", "%c", q[0]);
	munmap(p, 4 * PAGE);
	munmap(q, 4 * PAGE);
}

static void dontunmap(void)
{
	int flags = MREMAP_MAYMOVE | MREMAP_DONTUNMAP;
	char *p = map_at(FREE_AREA, 2 * PAGE, RW), *q;

	memset(p, 'd', 2 * PAGE);
	q = try("dontunmap", p, 2 * PAGE, 2 * PAGE, flags, NULL);
	check("dontunmap.moved", all_bytes(q, 2 * PAGE, 'd'));
	check("dontunmap.old_place_zero", all_bytes(p, 2 * PAGE, 0));
	munmap(q, 2 * PAGE);
	memset(p, 'e', 2 * PAGE);
	q = try("dontunmap.fixed", p, 2 * PAGE, 2 * PAGE, flags | MREMAP_FIXED, FREE_AREA2);
	say("dontunmap.fixed_contents", "%d %c", p[0], q[PAGE]);
	munmap(q, 2 * PAGE);
	try("dontunmap.grow", p, 2 * PAGE, 3 * PAGE, flags, NULL);
	try("dontunmap.shrink", p, 2 * PAGE, PAGE, flags, NULL);
	try("dontunmap.without_maymove", p, 2 * PAGE, 2 * PAGE, MREMAP_DONTUNMAP, NULL);
	munmap(p, 2 * PAGE);
	p = mmap(NULL, 2 * PAGE, RW, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	p[0] = 's';
	q = try("dontunmap.shared", p, 2 * PAGE, 2 * PAGE, flags, NULL);
	say("dontunmap.shared_contents", "%c %c", p[0], q[0]);
	munmap(p, 2 * PAGE);
	munmap(q, 2 * PAGE);
}

static void errors(void)
{
	char *p = map_at(FREE_AREA, 2 * PAGE, RW),
	     *q = map_at(FREE_AREA + 2 * PAGE, PAGE, PROT_READ);

	try("error.unaligned", p + 1, PAGE, 2 * PAGE, MREMAP_MAYMOVE, NULL);
	try("error.new_length_zero", p, PAGE, 0, MREMAP_MAYMOVE, NULL);
	try("error.unknown_flag", p, PAGE, 2 * PAGE, 8, NULL);
	try("error.unmapped", FREE_AREA2, PAGE, 2 * PAGE, MREMAP_MAYMOVE, NULL);
	try("error.two_mappings", p, 3 * PAGE, 4 * PAGE, MREMAP_MAYMOVE, NULL);
	try("error.over_the_end", q, 2 * PAGE, 3 * PAGE, MREMAP_MAYMOVE, NULL);
	try("error.too_large", p, PAGE, 0xc0000000, MREMAP_MAYMOVE, NULL);
	try("error.new_length_wraps", p, PAGE, 0xffffffff, MREMAP_MAYMOVE, NULL);
	try("error.kernel", KERNEL, PAGE, 2 * PAGE, MREMAP_MAYMOVE, NULL);
	try("error.old_length_zero", p, 0, PAGE, MREMAP_MAYMOVE, NULL);
	try("error.old_length_zero_in_place", p, 0, PAGE, 0, NULL);
	try("shrink.over_two_mappings", p, 3 * PAGE, PAGE, 0, NULL);
	say("shrink.lines", "%d", map_lines(p, 3 * PAGE));
	try("shrink.unmapped", FREE_AREA2, 2 * PAGE, PAGE, 0, NULL);
	munmap(p, 3 * PAGE);
}

/* An old length of zero makes a second mapping of shared memory. */
static void duplicate(void)
{
	char *p = mmap(NULL, 2 * PAGE, RW, MAP_SHARED | MAP_ANONYMOUS, -1, 0), *q;

	p[PAGE] = 'x';
	q = try("duplicate", p, 0, 2 * PAGE, MREMAP_MAYMOVE, NULL);
	p[0] = 'y';
	say("duplicate.contents", "%c %c", q[0], q[PAGE]);
	munmap(p, 2 * PAGE);
	say("duplicate.stays", "%c", q[0]);
	munmap(q, 2 * PAGE);
}

static void files(void)
{
	static char text[4 * PAGE];
	char *p, *q;
	int fd;

	for (size_t i = 0; i < sizeof(text); i++)
		text[i] = 'a' + i / PAGE;
	fd = make_file("file", text, sizeof(text));
	p = mmap(FREE_AREA, PAGE, RW, MAP_PRIVATE | MAP_FIXED_NOREPLACE, fd, PAGE);
	p[1] = 'X';
	q = try("file.grow", p, PAGE, 2 * PAGE, 0, NULL);
	say("file.offset_kept", "%c %c %c", q[0], q[1], q[PAGE]);
	q = try("file.move", p, 2 * PAGE, 5 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, FREE_AREA2);
	say("file.moved", "%c %c %c %c %s", q[0], q[1], q[PAGE], q[2 * PAGE],
		try_read(q + 3 * PAGE));
	munmap(q, 5 * PAGE);
	close(fd);
}

static char *area;

static void child(void)
{
	char *q = remap(area, 2 * PAGE, 4 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, FREE_AREA2);

	say("fork.moved", "%c %c", q[0], q[PAGE]);
	q[0] = 'c';
}

/* Moved copies of shared pages stay copies. */
static void over_fork(void)
{
	area = map_at(FREE_AREA, 2 * PAGE, RW);
	memset(area, 'f', 2 * PAGE);
	isolated("child", child);
	say("fork.parent", "%c", area[0]);
	munmap(area, 2 * PAGE);
}

/* Grown step by step, as realloc does. */
static void growing(void)
{
	size_t len = PAGE;
	char *p = map_anon(len);
	bool good = true;

	while (len < 2 << 20) {
		memset(p + len - PAGE, len >> 12, PAGE);
		p = remap(p, len, len + PAGE, MREMAP_MAYMOVE, NULL);
		if (p == MAP_FAILED)
			die("mremap");
		len += PAGE;
	}
	for (size_t at = PAGE; at < len; at += PAGE)
		good = good && p[at - PAGE] == (char)(at >> 12) && p[at - 1] == (char)(at >> 12);
	check("growing.contents", good);
	munmap(p, len);
}

#define TABLE (2u << 20) /* what one page table maps */

/* What the page at `at` holds: one of three has no page, and a whole stretch of tables. */
static size_t stamp(size_t at)
{
	return at / TABLE == 2 || at / PAGE % 3 == 0 ? 0 : at;
}

/* Four tables' worth. */
static void tables(const char *name, char *from, char *to)
{
	size_t len = 4 * TABLE, wrong = 0;
	char *p = map_at(from, len, RW);

	for (size_t at = 0; at < len; at += PAGE) {
		if (stamp(at))
			*(size_t *)(p + at) = stamp(at);
	}
	remap(p, len, len, MREMAP_MAYMOVE | MREMAP_FIXED, to);
	for (size_t at = 0; at < len; at += PAGE)
		wrong += *(size_t *)(to + at) != stamp(at);
	say(name, "%zu wrong, old place %s %s", wrong, try_read(p), try_read(p + TABLE));
	munmap(to, len);
}

int main(void)
{
	in_place();
	blocked();
	middle();
	fixed();
	dontunmap();
	errors();
	duplicate();
	files();
	over_fork();
	growing();
	tables("tables.whole", FREE_AREA, FREE_AREA2);
	tables("tables.whole_but_ends", FREE_AREA + 5 * PAGE, FREE_AREA2 + 5 * PAGE);
	tables("tables.in_parts", FREE_AREA, FREE_AREA2 + 5 * PAGE);
	return test_failed;
}
