/* mincore: which pages are there, and msync's answers. */
#include "tests/user/test.h"

#define RW (PROT_READ | PROT_WRITE)

static unsigned char vector[16];

/* One digit a page, or the errno. */
static void pages(const char *name, void *p, size_t len)
{
	char text[17] = "";

	memset(vector, 0xff, sizeof(vector));
	if (mincore(p, len, vector)) {
		say(name, "-1 %s", errno_name(errno));
		return;
	}
	for (size_t i = 0; i < (len + PAGE - 1) / PAGE; i++)
		text[i] = '0' + (vector[i] & 1);
	say(name, "%s", text);
}

/* The area is small: where large pages are used on their own account, they are not used here. */
static void anonymous(void)
{
	char *p = map_at(FREE_AREA + PAGE, 6 * PAGE, RW);

	pages("anon.untouched", p, 6 * PAGE);
	p[PAGE] = 1;
	do_read(p + 3 * PAGE);
	pages("anon.written_and_read", p, 6 * PAGE);
	madvise(p + PAGE, PAGE, MADV_DONTNEED);
	pages("anon.dontneed", p, 6 * PAGE);
	memset(p, 1, 6 * PAGE);
	mprotect(p, 2 * PAGE, PROT_NONE);
	pages("anon.prot_none", p, 6 * PAGE);
	pages("anon.length_rounded", p, PAGE + 1);
	munmap(p + 2 * PAGE, PAGE);
	pages("anon.hole", p, 6 * PAGE);
	say("anon.hole_vector", "%#x %#x", vector[0] & 1, vector[2]);
	pages("anon.behind_hole", p + 3 * PAGE, 3 * PAGE);
	munmap(p, 6 * PAGE);
	pages("anon.gone", p, PAGE);
	p = mmap(NULL, 4 * PAGE, RW, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	p[2 * PAGE] = 1;
	pages("shared", p, 4 * PAGE);
	munmap(p, 4 * PAGE);
}

static void files(void)
{
	int fd = make_file("file", "x", 1);
	char *p, *q;

	if (pwrite(fd, "y", 1, 3 * PAGE) != 1 || ftruncate(fd, 5 * PAGE))
		die("file");
	p = mmap(NULL, 6 * PAGE, RW, MAP_SHARED, fd, 0);
	q = mmap(NULL, 6 * PAGE, RW, MAP_PRIVATE, fd, 0);
	pages("file.sparse", p, 6 * PAGE);
	pages("file.private", q, 6 * PAGE);
	p[PAGE] = 1;
	pages("file.written", p, 6 * PAGE);
	q[4 * PAGE] = 1;
	pages("file.private_copy", q, 6 * PAGE);
	munmap(p, 6 * PAGE);
	munmap(q, 6 * PAGE);
	close(fd);
}

static void errors(void)
{
	char *p = map_anon(2 * PAGE);

	answer("error.unaligned", mincore(p + 1, PAGE, vector));
	answer("error.vector", mincore(p, PAGE, (unsigned char *)KERNEL));
	answer("error.vector_unmapped", mincore(p, PAGE, (unsigned char *)FREE_AREA));
	answer("empty", mincore(p, 0, vector));
	answer("empty.nowhere", mincore(FREE_AREA, 0, vector));
	answer("empty.bad_vector", mincore(p, 0, (unsigned char *)FREE_AREA));
	answer("error.unmapped", mincore(FREE_AREA, PAGE, vector));
	answer("error.kernel", mincore(KERNEL, PAGE, vector));
	answer("error.into_kernel", mincore((char *)0xbffff000, 2 * PAGE, vector));
	answer("error.wraps", mincore(p, -PAGE, vector));
	munmap(p, 2 * PAGE);
}

static void synchronise(void)
{
	int fd = make_file("file", "12345678", 8);
	char *p = mmap(FREE_AREA, 3 * PAGE, RW, MAP_SHARED | MAP_FIXED_NOREPLACE, fd, 0);

	*p = 'S';
	answer("msync.sync", msync(p, PAGE, MS_SYNC));
	answer("msync.async", msync(p, PAGE, MS_ASYNC));
	answer("msync.invalidate", msync(p, PAGE, MS_INVALIDATE));
	answer("msync.no_flags", msync(p, PAGE, 0));
	answer("msync.both", msync(p, PAGE, MS_SYNC | MS_ASYNC));
	answer("msync.unknown", msync(p, PAGE, 8));
	answer("msync.unaligned", msync(p + 1, PAGE, MS_SYNC));
	answer("msync.empty", msync(p, 0, MS_SYNC));
	answer("msync.empty_nowhere", msync(FREE_AREA2, 0, MS_SYNC));
	answer("msync.unmapped", msync(FREE_AREA2, PAGE, MS_SYNC));
	answer("msync.kernel", msync(KERNEL, PAGE, MS_SYNC));
	answer("msync.wraps", msync(p, -PAGE, MS_SYNC));
	answer("msync.wraps_to_zero", msync(p, 0xffffffff, MS_SYNC));
	munmap(p + PAGE, PAGE);
	answer("msync.hole", msync(p, 3 * PAGE, MS_SYNC));
	answer("msync.hole_async", msync(p, 3 * PAGE, MS_ASYNC));
	mlock(p, PAGE);
	answer("msync.locked", msync(p, PAGE, MS_SYNC | MS_INVALIDATE));
	answer("msync.locked_sync", msync(p, PAGE, MS_SYNC));
	munmap(p, 3 * PAGE);
	p = map_anon(PAGE);
	answer("msync.anonymous", msync(p, PAGE, MS_SYNC));
	munmap(p, PAGE);
	close(fd);
}

int main(void)
{
	anonymous();
	files();
	errors();
	synchronise();
	return test_failed;
}
