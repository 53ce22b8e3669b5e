/* madvise: the advice that changes contents or inheritance, and errors. */
#include "tests/user/test.h"
#include <time.h>

#define RW (PROT_READ | PROT_WRITE)

static char *area;

static bool resident(char *p)
{
	unsigned char in_core = 0;

	return mincore(p, PAGE, &in_core) == 0 && (in_core & 1);
}

static void dontneed(void)
{
	char *p = map_at(FREE_AREA, 4 * PAGE, RW);

	memset(p, 'x', 4 * PAGE);
	answer("dontneed", madvise(p + PAGE, 2 * PAGE, MADV_DONTNEED));
	say("dontneed.contents", "%c %d %d %c", p[0], p[PAGE], p[3 * PAGE - 1], p[3 * PAGE]);
	memset(p, 'y', 4 * PAGE);
	answer("dontneed.length_rounded", madvise(p, 1, MADV_DONTNEED));
	say("dontneed.one_page", "%d %c", p[PAGE - 1], p[PAGE]);
	mprotect(p, PAGE, PROT_NONE);
	answer("dontneed.prot_none", madvise(p, 2 * PAGE, MADV_DONTNEED));
	munmap(p, 4 * PAGE);
}

static void dontneed_file(void)
{
	int fd = make_file("file", "original", 8);
	char *p = mmap(NULL, PAGE, RW, MAP_PRIVATE, fd, 0);
	char *q = mmap(NULL, PAGE, RW, MAP_SHARED, fd, 0);

	p[0] = 'P';
	answer("dontneed.private_file", madvise(p, PAGE, MADV_DONTNEED));
	say("dontneed.private_file_contents", "%.8s", p);
	q[0] = 'S';
	answer("dontneed.shared_file", madvise(q, PAGE, MADV_DONTNEED));
	say("dontneed.shared_file_contents", "%.8s", q);
	munmap(p, PAGE);
	munmap(q, PAGE);
	close(fd);
}

static void see_dontfork(void)
{
	say("dontfork.child", "%s %s %s", try_read(area), try_read(area + PAGE),
		try_read(area + 2 * PAGE));
	say("dontfork.child_lines", "%d", map_lines(area, 3 * PAGE));
}

static void dontfork(void)
{
	area = map_at(FREE_AREA, 3 * PAGE, RW);
	memset(area, 'f', 3 * PAGE);
	answer("dontfork", madvise(area + PAGE, PAGE, MADV_DONTFORK));
	say("dontfork.lines", "%d", map_lines(area, 3 * PAGE));
	isolated("child", see_dontfork);
	say("dontfork.parent", "%c", area[PAGE]);
	answer("dofork", madvise(area + PAGE, PAGE, MADV_DOFORK));
	say("dofork.lines", "%d", map_lines(area, 3 * PAGE));
	isolated("child", see_dontfork);
	munmap(area, 3 * PAGE);
}

static void grandchild_wipes(void)
{
	say("wipeonfork.grandchild", "%c %d", area[0], area[PAGE]);
}

static void see_wiped(void)
{
	say("wipeonfork.child", "%c %d", area[0], area[PAGE]);
	area[PAGE] = 'c';
	isolated("grandchild", grandchild_wipes);
}

static void wipeonfork(void)
{
	int fd = make_file("file", "text", 4);
	char *p = mmap(NULL, PAGE, RW, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	char *q = mmap(NULL, PAGE, RW, MAP_PRIVATE, fd, 0);

	area = map_at(FREE_AREA, 2 * PAGE, RW);
	memset(area, 'w', 2 * PAGE);
	answer("wipeonfork", madvise(area + PAGE, PAGE, MADV_WIPEONFORK));
	isolated("child", see_wiped);
	say("wipeonfork.parent", "%c %c", area[0], area[PAGE]);
	answer("keeponfork", madvise(area + PAGE, PAGE, MADV_KEEPONFORK));
	isolated("child", grandchild_wipes);
	answer("wipeonfork.shared", madvise(p, PAGE, MADV_WIPEONFORK));
	answer("wipeonfork.file", madvise(q, PAGE, MADV_WIPEONFORK));
	munmap(area, 2 * PAGE);
	munmap(p, PAGE);
	munmap(q, PAGE);
	close(fd);
}

/* A hole in the file itself. */
static void removal(void)
{
	static char text[3 * PAGE];
	struct stat st;
	char c = '?', *p, *q;
	int fd;

	memset(text, 'r', sizeof(text));
	fd = make_file("file", text, sizeof(text));
	p = mmap(NULL, 3 * PAGE, RW, MAP_SHARED, fd, 0);
	q = mmap(NULL, 3 * PAGE, RW, MAP_PRIVATE, fd, 0);
	answer("remove.file", madvise(p + PAGE, PAGE, MADV_REMOVE));
	if (pread(fd, &c, 1, PAGE) != 1 || fstat(fd, &st))
		die("file");
	say("remove.contents", "%c %d %c, read %d, size %ld", p[0], p[PAGE], p[2 * PAGE], c,
		(long)st.st_size);
	answer("remove.private_file", madvise(q, PAGE, MADV_REMOVE));
	mprotect(p, PAGE, PROT_READ);
	answer("remove.readonly", madvise(p, PAGE, MADV_REMOVE));
	munmap(p, 3 * PAGE);
	munmap(q, 3 * PAGE);
	close(fd);
	p = mmap(NULL, PAGE, RW, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	*p = 'a';
	answer("remove.shared", madvise(p, PAGE, MADV_REMOVE));
	say("remove.shared_contents", "%d", *p);
	munmap(p, PAGE);
	p = map_anon(PAGE);
	answer("remove.private", madvise(p, PAGE, MADV_REMOVE));
	munmap(p, PAGE);
}

static void populate(void)
{
	char *p = map_at(FREE_AREA + PAGE, 4 * PAGE, RW);

	answer("populate_read", madvise(p, 2 * PAGE, 22));
	answer("populate_write", madvise(p + 2 * PAGE, PAGE, 23));
	say("populate.resident", "%d %d %d %d", resident(p), resident(p + PAGE),
		resident(p + 2 * PAGE), resident(p + 3 * PAGE));
	check("populate.zero", all_bytes(p, 4 * PAGE, 0));
	munmap(p + 3 * PAGE, PAGE);
	answer("populate.hole", madvise(p + 2 * PAGE, 2 * PAGE, 22));
	mprotect(p, PAGE, PROT_READ);
	answer("populate_write.readonly", madvise(p, PAGE, 23));
	answer("populate_read.readonly", madvise(p, PAGE, 22));
	mprotect(p, PAGE, PROT_NONE);
	answer("populate_read.prot_none", madvise(p, PAGE, 22));
	munmap(p, 4 * PAGE);
}

/* The pages may go or stay; what is written afterwards stays. */
static void free_lazily(void)
{
	char *p = map_at(FREE_AREA, 2 * PAGE, RW);
	char *q = mmap(NULL, PAGE, RW, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	memset(p, 'l', 2 * PAGE);
	answer("free", madvise(p, 2 * PAGE, MADV_FREE));
	p[5] = 'n';
	check("free.contents", p[5] == 'n' && (p[6] == 'l' || p[6] == 0));
	answer("free.shared", madvise(q, PAGE, MADV_FREE));
	munmap(p, 2 * PAGE);
	munmap(q, PAGE);
}

static void hints(void)
{
	static const int advice[] = {MADV_NORMAL, MADV_RANDOM, MADV_SEQUENTIAL, MADV_WILLNEED,
		MADV_DONTDUMP, MADV_DODUMP, 20 /* COLD */, 21 /* PAGEOUT */};
	int fd = make_file("file", "text", 4);
	char *p = map_at(FREE_AREA, 2 * PAGE, RW), *q = mmap(NULL, PAGE, RW, MAP_SHARED, fd, 0);

	memset(p, 'h', 2 * PAGE);
	for (size_t i = 0; i < COUNT(advice); i++)
		say("hint", "%d: private %d, file %d", advice[i], madvise(p, PAGE, advice[i]),
			madvise(q, PAGE, advice[i]));
	check("hint.contents", all_bytes(p, 2 * PAGE, 'h') && !memcmp(q, "text", 4));
	munmap(p, 2 * PAGE);
	munmap(q, PAGE);
	close(fd);
}

static void errors(void)
{
	char *p = map_at(FREE_AREA, 5 * PAGE, RW);

	memset(p, 'e', 5 * PAGE);
	answer("error.unaligned", madvise(p + 1, PAGE, MADV_DONTNEED));
	answer("error.unknown", madvise(p, PAGE, 1000));
	answer("error.negative", madvise(p, PAGE, -1));
	answer("error.unknown_empty", madvise(p, 0, 1000));
	answer("empty", madvise(p, 0, MADV_DONTNEED));
	answer("empty.nowhere", madvise(FREE_AREA2, 0, MADV_DONTNEED));
	answer("error.wraps", madvise(p, -PAGE, MADV_DONTNEED));
	answer("error.length_wraps", madvise(p, 0xffffffff, MADV_DONTNEED));
	answer("error.unmapped", madvise(FREE_AREA2, PAGE, MADV_DONTNEED));
	answer("error.kernel", madvise(KERNEL, PAGE, MADV_DONTNEED));
	munmap(p + 2 * PAGE, PAGE);
	answer("hole", madvise(p, 5 * PAGE, MADV_DONTNEED));
	say("hole.rest_done", "%d %d %d", p[0], p[PAGE], p[4 * PAGE]);
	answer("hole.first", madvise(p + 2 * PAGE, 2 * PAGE, MADV_NORMAL));
	mlock(p, PAGE);
	answer("locked.dontneed", madvise(p, PAGE, MADV_DONTNEED));
	answer("locked.free", madvise(p, PAGE, MADV_FREE));
	munmap(p, 5 * PAGE);
}

static double seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec * 1e-9;
}

/* A file in mappings of a page each: every hole may have to be looked for in all of them. */
static void remove_pieces(void)
{
	const unsigned pages = 8192;
	int fd = memfd_create("pieces", 0);
	char *p;

	ftruncate(fd, pages * PAGE);
	p = mmap(NULL, pages * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	for (unsigned i = 0; i < pages; i += 2)
		mprotect(p + i * PAGE, PAGE, PROT_READ);
	madvise(p, pages * PAGE, MADV_REMOVE);
}

/* Others run while a long call is under way. */
static void long_call(void)
{
	double begin = seconds(), now = begin, before, gap = 0;
	pid_t child = fork();

	if (child == 0) {
		remove_pieces();
		_exit(0);
	}
	while (waitpid(child, NULL, WNOHANG) == 0) {
		before = now;
		usleep(1000);
		now = seconds();
		gap = now - before > gap ? now - before : gap;
	}
	check("long_call", gap < 0.2 || gap < (now - begin) / 2);
}

int main(void)
{
	dontneed();
	dontneed_file();
	dontfork();
	wipeonfork();
	removal();
	populate();
	free_lazily();
	hints();
	errors();
	long_call();
	return test_failed;
}
