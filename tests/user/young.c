/* What is marked as accessed, and by whom: fork(), mprotect(), MADV_COLD, MADV_PAGEOUT; and who may
 * ask or say so of a file. */
#include "tests/user/test.h"

#define PAGES 8

/* Private, of a file and private, of a file, shared. */
static char *areas[4];

static void map_areas(int fd, int prot)
{
	static const int flags[] = {
		MAP_PRIVATE | MAP_ANONYMOUS, MAP_PRIVATE, MAP_SHARED, MAP_SHARED | MAP_ANONYMOUS};

	for (size_t i = 0; i < COUNT(areas); i++) {
		bool file = !(flags[i] & MAP_ANONYMOUS);

		areas[i] = mmap(FREE_AREA + i * 0x100000, PAGES * PAGE,
			flags[i] == MAP_SHARED ? prot : PROT_READ | PROT_WRITE,
			flags[i] | MAP_FIXED, file ? fd : -1, 0);
		if (areas[i] == MAP_FAILED)
			die("mmap");
	}
}

static void show(const char *name)
{
	char line[128];
	int at = 0;

	for (size_t i = 0; i < COUNT(areas); i++)
		at += sprintf(line + at, " %ld of %ld",
			smaps_value(getpid(), areas[i], "Referenced:"),
			smaps_value(getpid(), areas[i], "Rss:"));
	say(name, "%s", line + 1);
}

static void show_resident(const char *name)
{
	unsigned char vec[PAGES];
	char line[COUNT(areas) * (PAGES + 1) + 1];
	int at = 0;

	for (size_t i = 0; i < COUNT(areas); i++) {
		if (mincore(areas[i], PAGES * PAGE, vec) < 0)
			die("mincore");
		for (int page = 0; page < PAGES; page++)
			line[at++] = '0' + (vec[page] & 1);
		line[at++] = ' ';
	}
	line[at - 1] = '\0';
	say(name, "%s", line);
}

static void write_all(void)
{
	for (size_t i = 0; i < COUNT(areas); i++)
		memset(areas[i], 1, PAGES * PAGE);
}

static void protect(const char *name, int prot)
{
	for (size_t i = 0; i < COUNT(areas); i++)
		mprotect(areas[i], PAGES * PAGE, prot);
	show(name);
}

static void advise(const char *name, int advice)
{
	for (size_t i = 0; i < COUNT(areas); i++)
		if (madvise(areas[i], PAGES * PAGE, advice) < 0)
			say(name, "%zu %s", i, errno_name(errno));
	show(name);
}

static void child(void)
{
	show("child");
	for (size_t i = 0; i < 2; i++) {
		(void)*(volatile char *)&areas[i][PAGE];
		areas[i][2 * PAGE] = 2;
	}
	show("child.used");
}

/* What the parent maps too is left alone. */
static void child_of_warm(void)
{
	(void)*(volatile char *)areas[0];
	areas[0][PAGE] = 2;
	areas[2][0] = 2;
	show("shared");
	advise("shared.cold", MADV_COLD);
	advise("shared.pageout", MADV_PAGEOUT);
}

static void as_user(void)
{
	int fd;

	if (setgid(1000) || setuid(1000))
		die("setuid");
	fd = open("young_file", O_RDONLY);
	map_areas(fd, PROT_READ);
	show_resident("user.untouched");
	areas[1][PAGE] = 3;
	(void)*(volatile char *)areas[2];
	advise("user.cold", MADV_COLD);
	(void)*(volatile char *)areas[1];
	(void)*(volatile char *)areas[2];
	advise("user.pageout", MADV_PAGEOUT);
}

int main(void)
{
	int fd = make_file("young_file", "", 0);

	ftruncate(fd, PAGES * PAGE);
	map_areas(fd, PROT_READ | PROT_WRITE);
	write_all();
	show("written");
	in_child(child);
	show("parent");
	protect("protect.read", PROT_READ);
	protect("protect.none", PROT_NONE);
	protect("protect.all", PROT_READ | PROT_WRITE | PROT_EXEC);

	advise("cold", MADV_COLD);
	protect("cold.read", PROT_READ);
	protect("cold.none", PROT_NONE);
	protect("cold.back", PROT_READ | PROT_WRITE);
	write_all();
	advise("pageout", MADV_PAGEOUT);
	show_resident("pageout.resident");
	write_all();
	in_child(child_of_warm);
	show("warm");
	mlock(areas[0], PAGE);
	advise("locked", MADV_COLD);

	map_areas(fd, PROT_READ | PROT_WRITE);
	fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, PAGE, PAGE);
	show_resident("hole");
	isolated("user", as_user);
	unlink("young_file");
	return test_failed;
}
