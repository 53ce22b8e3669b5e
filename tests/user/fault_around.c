/* Which cached pages a read fault maps beside its own. */
#include "tests/user/test.h"
#include <sys/shm.h>

#define PAGES	50u
#define IN_TURN ((off_t)PAGES / 2) /* from here on every second page is a hole */

static int fd;

static void make(void)
{
	fd = memfd_create("around", MFD_CLOEXEC);
	if (fd < 0 || ftruncate(fd, PAGES * PAGE))
		die("memfd");
	for (off_t i = 0; i < (off_t)PAGES; i += i < IN_TURN ? 1 : 2)
		pwrite(fd, "x", 1, i * PAGE);
}

/* What of the mapping has an entry, a letter a page. */
static void show(const char *name, const char *p)
{
	int pagemap = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
	char text[PAGES + 1] = "";
	uint64_t entry[PAGES];

	pread(pagemap, entry, sizeof(entry), (off_t)((uintptr_t)p / PAGE * 8));
	close(pagemap);
	for (unsigned i = 0; i < PAGES; i++)
		text[i] = entry[i] >> 63 ? 'p' : '-';
	say(name, "%s", text);
}

static char *map_file(unsigned page, int flags)
{
	char *p = FREE_AREA + page * PAGE;

	if (mmap(p, PAGES * PAGE, PROT_READ | PROT_WRITE, flags | MAP_FIXED, fd, 0) != p)
		die("mmap");
	return p;
}

/* The mapping starts `start` pages after the start of a page table; one page of it is read. */
static void one(const char *name, unsigned start, int flags, unsigned page)
{
	char *p = map_file(start, flags);

	try_read(p + page * PAGE);
	show(name, p);
	munmap(p, PAGES * PAGE);
}

static void written_between(void)
{
	char *p = map_file(0, MAP_PRIVATE);

	p[3 * PAGE] = 1;
	show("private.written", p);
	try_read(p + 5 * PAGE);
	show("private.read", p);
	check("private.kept", p[3 * PAGE] == 1);
	p[8 * PAGE] = 2;
	show("private.written_over", p);
	munmap(p, PAGES * PAGE);
}

static void beyond_the_end(void)
{
	char *p;

	ftruncate(fd, 20 * PAGE + 1);
	p = map_file(0, MAP_SHARED);
	try_read(p + 22 * PAGE);
	show("end.beyond", p);
	try_read(p + 20 * PAGE);
	show("end.last", p);
	munmap(p, PAGES * PAGE);
	ftruncate(fd, PAGES * PAGE);
}

static void segment(void)
{
	int id = shmget(IPC_PRIVATE, PAGES * PAGE, 0600);
	char *p;

	shmdt(memset(shmat(id, NULL, 0), 1, PAGES * PAGE));
	p = shmat(id, NULL, SHM_RDONLY);
	shmctl(id, IPC_RMID, NULL);
	try_read(p + 5 * PAGE);
	show("segment.read", p);
	shmdt(p);
}

static void anonymous(void)
{
	char *p = mmap(NULL, PAGES * PAGE, PROT_READ, MAP_SHARED | MAP_ANONYMOUS, -1, 0), *q;

	try_read(p + PAGE);
	try_read(p + 2 * PAGE);
	q = mremap(p, 0, PAGES * PAGE, MREMAP_MAYMOVE);
	try_read(q + PAGE);
	show("anonymous.twice", q);
	munmap(p, PAGES * PAGE);
	munmap(q, PAGES * PAGE);
}

int main(void)
{
	make();
	one("aligned.first", 0, MAP_SHARED, 0);
	one("aligned.middle", 0, MAP_SHARED, 20);
	one("aligned.last", 0, MAP_PRIVATE, 15);
	one("aligned.holes", 0, MAP_SHARED, 34);
	one("aligned.hole_itself", 0, MAP_SHARED, 32);
	one("odd.first", 10, MAP_SHARED, 0);
	one("odd.second", 10, MAP_SHARED, 5);
	one("odd.next_window", 10, MAP_SHARED, 6);
	one("odd.end", 10, MAP_SHARED, 49);
	one("table.first", 512 - 10, MAP_SHARED, 0);
	one("table.last", 512 - 10, MAP_SHARED, 9);
	one("table.next", 512 - 10, MAP_SHARED, 10);
	written_between();
	beyond_the_end();
	segment();
	anonymous();
	return test_failed;
}
