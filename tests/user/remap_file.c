/* remap_file_pages: pages of a shared file in another order, and what it refuses. */
#include "tests/user/test.h"

#define RW (PROT_READ | PROT_WRITE)

static long remap(void *start, size_t size, int prot, size_t pgoff, int flags)
{
	return syscall(SYS_remap_file_pages, start, size, prot, pgoff, flags);
}

static int letters(size_t pages)
{
	int fd = syscall(SYS_memfd_create, "letters", 0);
	char page[PAGE];

	for (size_t i = 0; i < pages; i++) {
		memset(page, 'a' + i, PAGE);
		if (write(fd, page, PAGE) != (ssize_t)PAGE)
			die("write");
	}
	return fd;
}

static void show(const char *name, const char *p, size_t pages)
{
	char text[32] = "";

	for (size_t i = 0; i < pages; i++)
		text[i] = p[i * PAGE];
	say(name, "%s, %d lines", text, map_lines(p, pages * PAGE));
}

static void order(void)
{
	int fd = letters(6);
	char *p = mmap(FREE_AREA, 4 * PAGE, RW, MAP_SHARED, fd, 0);

	show("before", p, 4);
	answer("one", remap(p + PAGE, PAGE, 0, 4, 0));
	show("one", p, 4);
	answer("swap", remap(p, PAGE, 0, 3, 0) | remap(p + 3 * PAGE, PAGE, 0, 0, 0));
	show("swap", p, 4);
	p[0] = 'Z';
	answer("back", remap(p, 4 * PAGE, 0, 0, 0));
	show("back", p, 4);
	answer("rounded", remap(p + 5, PAGE + 7, 0, 5, MAP_NONBLOCK));
	show("rounded", p, 4);
	answer("again", remap(p, 4 * PAGE, 0, 1, MAP_SHARED | MAP_ANONYMOUS | 0x800));
	show("again", p, 4);
	munmap(p, 4 * PAGE);
	close(fd);
}

static void refused(void)
{
	int fd = letters(4);
	char *p = mmap(FREE_AREA, 4 * PAGE, RW, MAP_SHARED, fd, 0), *q;

	answer("prot", remap(p, PAGE, PROT_READ, 0, 0));
	answer("size.zero", remap(p, 0, 0, 0, 0));
	answer("size.small", remap(p, PAGE - 1, 0, 0, 0));
	answer("size.wraps", remap(p, -PAGE, 0, 0, 0));
	answer("pgoff.wraps", remap(p, 2 * PAGE, 0, -1, 0));
	answer("pgoff.last", remap(p, PAGE, 0, -1, 0));
	show("pgoff.back", (remap(p, PAGE, 0, 0, 0), p), 4);
	answer("beyond", remap(p, 5 * PAGE, 0, 0, 0));
	answer("unmapped", remap(FREE_AREA2, PAGE, 0, 0, 0));
	answer("kernel", remap(KERNEL, PAGE, 0, 0, 0));
	q = map_anon(PAGE);
	answer("private_anonymous", remap(q, PAGE, 0, 0, 0));
	munmap(q, PAGE);
	q = mmap(NULL, PAGE, RW, MAP_PRIVATE, fd, 0);
	answer("private_file", remap(q, PAGE, 0, 0, 0));
	munmap(q, PAGE);
	munmap(p + PAGE, PAGE);
	answer("hole", remap(p, 3 * PAGE, 0, 0, 0));
	mprotect(p + 3 * PAGE, PAGE, PROT_READ);
	answer("other_protection", remap(p + 2 * PAGE, 2 * PAGE, 0, 0, 0));
	answer("protection_kept", remap(p + 3 * PAGE, PAGE, 0, 0, 0));
	say("protection_kept", "%s", map_perms(p + 3 * PAGE));
	munmap(p, 4 * PAGE);
	close(fd);
}

static void other_memory(void)
{
	int fd = letters(2), reader;
	char *p = mmap(FREE_AREA, 2 * PAGE, RW, MAP_SHARED | MAP_ANONYMOUS, -1, 0), path[64];

	p[0] = 'x';
	p[PAGE] = 'y';
	answer("anonymous", remap(p, PAGE, 0, 1, 0));
	show("anonymous", p, 2);
	munmap(p, 2 * PAGE);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	reader = open(path, O_RDONLY);
	p = mmap(NULL, 2 * PAGE, PROT_READ, MAP_SHARED, reader, 0);
	answer("read_only_file", remap(p, PAGE, 0, 1, 0));
	munmap(p, 2 * PAGE);
	p = mmap(FREE_AREA, 2 * PAGE, RW, MAP_SHARED, fd, 0);
	answer("mlock", mlock(p, 2 * PAGE));
	answer("locked", remap(p, PAGE, 0, 1, 0));
	say("locked", "%ld", status_value("VmLck"));
	show("locked", p, 2);
	munmap(p, 2 * PAGE);
	p = mmap(FREE_AREA, 2 * PAGE, PROT_NONE, MAP_SHARED, fd, 0);
	answer("no_access", remap(p, PAGE, 0, 1, 0));
	say("no_access", "%s %d", map_perms(p), map_lines(p, 2 * PAGE));
	munmap(p, 2 * PAGE);
	p = mmap(FREE_AREA, 2 * PAGE, RW, MAP_SHARED, fd, 0);
	answer("past_end", remap(p, PAGE, 0, 7, 0));
	say("past_end", "%s", try_read(p));
	munmap(p, 2 * PAGE);
	close(fd);
	close(reader);
}

int main(void)
{
	order();
	refused();
	other_memory();
	return test_failed;
}
