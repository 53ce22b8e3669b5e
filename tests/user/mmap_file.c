/* Mapped files: private copies, shared pages, the end of the file, what a mapping outlives. */
#include "tests/user/test.h"

#define RW (PROT_READ | PROT_WRITE)

static int fd;

/* Three pages 'a', 'b', 'c', and ten bytes 'd'. */
static void fresh(void)
{
	static char text[3 * PAGE + 10];

	for (size_t i = 0; i < sizeof(text); i++)
		text[i] = 'a' + i / PAGE;
	close(fd);
	unlink("file");
	fd = make_file("file", text, sizeof(text));
}

static char *map(size_t len, int prot, int flags, off_t offset)
{
	char *p = mmap(NULL, len, prot, flags, fd, offset);

	if (p == MAP_FAILED)
		die("mmap");
	return p;
}

static char byte_at(off_t at)
{
	char c = '?';

	return pread(fd, &c, 1, at) == 1 ? c : '-';
}

static void put(off_t at, char c)
{
	if (pwrite(fd, &c, 1, at) != 1)
		die("pwrite");
}

static long file_size(void)
{
	struct stat st;

	return fstat(fd, &st) ? -1 : st.st_size;
}

static void contents(void)
{
	char *p = map(4 * PAGE, PROT_READ, MAP_PRIVATE, 0);

	check("read.all", all_bytes(p, PAGE, 'a') && all_bytes(p + PAGE, PAGE, 'b') &&
				  all_bytes(p + 2 * PAGE, PAGE, 'c') &&
				  all_bytes(p + 3 * PAGE, 10, 'd'));
	check("read.zero_tail", all_bytes(p + 3 * PAGE + 10, PAGE - 10, 0));
	say("read.write", "%s", try_write(p));
	munmap(p, 4 * PAGE);
	p = map(2 * PAGE, PROT_READ, MAP_PRIVATE, 2 * PAGE);
	say("offset", "%c %c", p[0], p[PAGE]);
	munmap(p, 2 * PAGE);
}

static void private(void)
{
	char *p = map(4 * PAGE, RW, MAP_PRIVATE, 0), *q = map(4 * PAGE, RW, MAP_PRIVATE, 0);

	p[5] = 'X';
	say("private.copy", "here %c, file %c, other mapping %c", p[5], byte_at(5), q[5]);
	check("private.rest_of_page", p[4] == 'a' && p[PAGE - 1] == 'a');
	put(PAGE + 5, 'Y');
	say("private.untouched_follows_file", "%c %c", p[PAGE + 5], q[PAGE + 5]);
	put(6, 'Z');
	say("private.copied_does_not", "%c %c", p[6], q[6]);
	munmap(p, 4 * PAGE);
	munmap(q, 4 * PAGE);
}

static void shared(void)
{
	char *p = map(4 * PAGE, RW, MAP_SHARED, 0), *q = map(4 * PAGE, PROT_READ, MAP_SHARED, 0);

	p[7] = 'X';
	say("shared.write", "file %c, other mapping %c", byte_at(7), q[7]);
	put(PAGE + 7, 'Y');
	say("shared.from_file", "%c %c", p[PAGE + 7], q[PAGE + 7]);
	p[3 * PAGE + 500] = 'T';
	say("shared.tail", "size %ld, mapping %c", file_size(), q[3 * PAGE + 500]);
	munmap(p, 4 * PAGE);
	say("shared.after_unmap", "%c %c", byte_at(7), q[7]);
	munmap(q, 4 * PAGE);
}

static void child_writes_shared(void)
{
	char *p = map(PAGE, RW, MAP_SHARED, 0);

	p[0] = 'K';
}

static char *inherited;

static void child_writes_inherited(void)
{
	say("fork.sees", "%c", inherited[100]);
	inherited[100] = 'I';
}

static void between_processes(void)
{
	char *p = map(PAGE, PROT_READ, MAP_SHARED, 0);

	isolated("child", child_writes_shared);
	say("fork.own_mapping", "%c", p[0]);
	munmap(p, PAGE);
	inherited = map(PAGE, RW, MAP_SHARED, 0);
	isolated("child", child_writes_inherited);
	say("fork.shared", "%c %c", inherited[100], byte_at(100));
	munmap(inherited, PAGE);
	inherited = map(PAGE, RW, MAP_PRIVATE, 0);
	inherited[100] = 'P';
	isolated("child", child_writes_inherited);
	say("fork.private", "%c %c", inherited[100], byte_at(100));
	munmap(inherited, PAGE);
}

static void beyond_end(void)
{
	char *p = map(6 * PAGE, RW, MAP_SHARED, 0), *q = map(6 * PAGE, RW, MAP_PRIVATE, 0);

	say("end.last_page", "%s", try_write(p + 4 * PAGE - 1));
	say("end.shared", "%s %s", try_read(p + 4 * PAGE), try_write(p + 5 * PAGE + 9));
	say("end.private", "%s %s", try_read(q + 4 * PAGE), try_write(q + 5 * PAGE + 9));
	say("end.system_call", "%s", pwrite(fd, p + 4 * PAGE, 1, 0) < 0 ? errno_name(errno) : "ok");
	if (ftruncate(fd, 5 * PAGE))
		die("ftruncate");
	say("grown.shared", "%s %s", try_read(p + 4 * PAGE), try_read(p + 5 * PAGE));
	check("grown.zero", p[4 * PAGE] == 0 && p[3 * PAGE + 20] == 0);
	munmap(p, 6 * PAGE);
	munmap(q, 6 * PAGE);
}

/* Truncation takes pages away from mappings, private copies too. */
static void truncated(void)
{
	char *p = map(4 * PAGE, RW, MAP_SHARED, 0), *q = map(4 * PAGE, RW, MAP_PRIVATE, 0);

	p[2 * PAGE] = q[2 * PAGE] = q[PAGE + 200] = 'Q';
	if (ftruncate(fd, PAGE + 100))
		die("ftruncate");
	say("cut.inside", "%c %c", p[PAGE + 99], q[PAGE + 99]);
	say("cut.tail", "shared %d, private copy %c", p[PAGE + 100], q[PAGE + 200]);
	say("cut.shared", "%s", try_read(p + 2 * PAGE));
	say("cut.private", "%s", try_read(q + 2 * PAGE));
	if (ftruncate(fd, 3 * PAGE))
		die("ftruncate");
	say("cut.grown_again", "%d %d %d", p[2 * PAGE], q[2 * PAGE], p[PAGE + 100]);
	munmap(p, 4 * PAGE);
	munmap(q, 4 * PAGE);
}

static void outlives(void)
{
	char *p = map(3 * PAGE, RW, MAP_SHARED, 0), *q;
	int copy = dup(fd);

	close(copy);
	close(fd);
	unlink("file");
	say("outlives.close_and_unlink", "%c %c", p[0], p[2 * PAGE]);
	p[0] = 'N';
	fd = -1;
	fresh();
	q = map(PAGE, PROT_READ, MAP_SHARED, 0);
	say("outlives.other_file", "%c %c", p[0], q[0]);
	munmap(p, 3 * PAGE);
	munmap(q, PAGE);
}

static void protections(void)
{
	int readonly = open("file", O_RDONLY);
	char *p = mmap(NULL, PAGE, RW, MAP_PRIVATE, readonly, 0);
	char *q = mmap(NULL, PAGE, PROT_READ, MAP_SHARED, readonly, 0);

	say("readonly.private_write", "%s", try_write(p));
	answer("readonly.mprotect_shared", mprotect(q, PAGE, RW));
	answer("readonly.mprotect_private", mprotect(p, PAGE, RW | PROT_EXEC));
	say("readonly.perms", "%s %s", map_perms(p), map_perms(q));
	munmap(p, PAGE);
	munmap(q, PAGE);
	close(readonly);
	p = map(PAGE, PROT_READ, MAP_SHARED, 0);
	answer("writable.mprotect_shared", mprotect(p, PAGE, RW));
	*p = 'W';
	say("writable.file", "%c", byte_at(0));
	munmap(p, PAGE);
}

/* Neighbours in file and memory are one mapping. */
static void merging(void)
{
	char *p = mmap(FREE_AREA, PAGE, PROT_READ, MAP_PRIVATE | MAP_FIXED, fd, 0);

	mmap(p + PAGE, PAGE, PROT_READ, MAP_PRIVATE | MAP_FIXED, fd, PAGE);
	say("merge.next_page", "%d", map_lines(p, 4 * PAGE));
	mmap(p + 2 * PAGE, PAGE, PROT_READ, MAP_PRIVATE | MAP_FIXED, fd, PAGE);
	say("merge.other_offset", "%d", map_lines(p, 4 * PAGE));
	munmap(p + PAGE, PAGE);
	say("split", "%d %c %c", map_lines(p, 4 * PAGE), p[0], p[2 * PAGE]);
	munmap(p, 4 * PAGE);
	p = mmap(FREE_AREA, 3 * PAGE, PROT_READ, MAP_PRIVATE | MAP_FIXED, fd, 0);
	munmap(p, PAGE);
	say("split.keeps_offset", "%c %c", p[PAGE], p[2 * PAGE]);
	munmap(p, 3 * PAGE);
}

static void zero_device(void)
{
	int zero = open("/dev/zero", O_RDWR);
	char *p = mmap(NULL, 2 * PAGE, RW, MAP_PRIVATE, zero, 0);
	char *q = mmap(NULL, 2 * PAGE, RW, MAP_SHARED, zero, 0);

	check("zero.zero", all_bytes(p, 2 * PAGE, 0) && all_bytes(q, 2 * PAGE, 0));
	p[0] = q[0] = q[100] = 'z';
	inherited = q;
	isolated("child", child_writes_inherited);
	say("zero.shared", "%c %d", q[100], p[100]);
	munmap(p, 2 * PAGE);
	munmap(q, 2 * PAGE);
	close(zero);
}

int main(void)
{
	fd = -1;
	fresh();
	contents();
	private();
	fresh();
	shared();
	fresh();
	between_processes();
	fresh();
	beyond_end();
	fresh();
	truncated();
	fresh();
	outlives();
	protections();
	fresh();
	merging();
	zero_device();
	return test_failed;
}
