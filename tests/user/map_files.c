/* /proc/PID/map_files: mapped files by address. */
#include "tests/user/test.h"

#include <dirent.h>
#include <sys/prctl.h>

#define LENGTH (4 * PAGE)

static const char *link_name(int pid, const char *start, const char *end)
{
	static char name[64];

	snprintf(name, sizeof(name), "/proc/%d/map_files/%lx-%lx", pid, (long)start, (long)end);
	return name;
}

static void show_target(const char *what, const char *name)
{
	char text[128];
	ssize_t n = readlink(name, text, sizeof(text) - 1);

	if (n < 0) {
		answer(what, n);
		return;
	}
	text[n] = '\0';
	say(what, "%s", text);
}

static void show_link(const char *what, const char *start, const char *end)
{
	const char *name = link_name(getpid(), start, end);
	struct stat s;

	show_target(what, name);
	if (lstat(name, &s) == 0)
		say(what, "mode %o, size %ld, uid %d", s.st_mode, (long)s.st_size, s.st_uid);
}

static void show_open(const char *what, const char *start, const char *end)
{
	int fd = open(link_name(getpid(), start, end), O_RDONLY);
	char text[8] = "";

	if (fd < 0) {
		answer(what, fd);
		return;
	}
	say(what, "%zd, %s", read(fd, text, sizeof(text) - 1), text);
	close(fd);
}

static void map_file(char *at, int prot, int flags, int fd)
{
	if (mmap(at, LENGTH, prot, flags | MAP_FIXED_NOREPLACE, fd, 0) != at)
		die("mmap");
}

static void list(const char *what, const char *from, const char *to)
{
	DIR *dir = opendir("/proc/self/map_files");
	unsigned long start, end;
	struct dirent *e;

	if (!dir) {
		answer(what, -1);
		return;
	}
	while ((e = readdir(dir)))
		if (sscanf(e->d_name, "%lx-%lx", &start, &end) == 2 &&
			start >= (unsigned long)from && end <= (unsigned long)to)
			say(what, "%s, type %d", e->d_name, e->d_type);
	closedir(dir);
}

static void test_kinds(void)
{
	char *at = FREE_AREA;
	int fd = make_file("mapped", "content", 7), read_only = open("mapped", O_RDONLY);
	int zero = open("/dev/zero", O_RDWR);

	map_file(at, PROT_READ | PROT_WRITE, MAP_SHARED, fd);
	show_link("shared file", at, at + LENGTH);
	show_open("shared file.open", at, at + LENGTH);
	at += 2 * LENGTH;
	map_file(at, PROT_READ | PROT_WRITE, MAP_PRIVATE, read_only);
	unlink("mapped");
	show_link("private file, deleted", at, at + LENGTH);
	show_open("private file, deleted.open", at, at + LENGTH);
	at += 2 * LENGTH;
	map_file(at, PROT_READ, MAP_SHARED | MAP_ANONYMOUS, -1);
	show_link("shared memory", at, at + LENGTH);
	at += 2 * LENGTH;
	map_file(at, PROT_READ, MAP_PRIVATE, zero);
	show_link("zero", at, at + LENGTH);
	at += 2 * LENGTH;
	map_file(at, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1);
	show_link("private memory", at, at + LENGTH);
	list("list", FREE_AREA, at + LENGTH);
}

static void test_name(const char *what, const char *format)
{
	char name[64];

	snprintf(name, sizeof(name), format, (long)FREE_AREA, (long)FREE_AREA + LENGTH);
	show_target(what, name);
}

static void test_names(void)
{
	test_name("name", "/proc/self/map_files/%lx-%lx");
	test_name("name.blank", "/proc/self/map_files/ %lx-%lx");
	test_name("name.blank", "/proc/self/map_files/%lx-%lx ");
	test_name("name.zero", "/proc/self/map_files/0%lx-%lx");
	test_name("name.zero", "/proc/self/map_files/%lx-0%lx");
	test_name("name.too long", "/proc/self/map_files/100000000%lx-%lx");
	test_name("name.too long", "/proc/self/map_files/%lx-100000000%lx");
	test_name("name.start only", "/proc/self/map_files/%lx");
	test_name("name.upper case", "/proc/self/map_files/%lX-%lXA");
	test_name("name.words", "/proc/self/map_files/zz-%lx");
	test_name("name.empty", "/proc/self/map_files/-");
	show_target("name.other end", link_name(getpid(), FREE_AREA, FREE_AREA + PAGE));
	show_target("name.inside", link_name(getpid(), FREE_AREA + PAGE, FREE_AREA + LENGTH));
	show_target("name.not of a page", link_name(getpid(), FREE_AREA + 1, FREE_AREA + LENGTH));
	show_target("name.hole", link_name(getpid(), KERNEL, KERNEL + PAGE));
}

/* What a name has found before is not found when the mapping has changed. */
static void test_changes(void)
{
	char *at = FREE_AREA;

	show_target("changes.before", link_name(getpid(), at, at + LENGTH));
	munmap(at + PAGE, PAGE);
	show_target("changes.whole", link_name(getpid(), at, at + LENGTH));
	show_target("changes.first part", link_name(getpid(), at, at + PAGE));
	list("changes.list", at, at + LENGTH);
	munmap(at, LENGTH);
	show_target("changes.gone", link_name(getpid(), at, at + PAGE));
	list("changes.list", at, at + LENGTH);
}

static void test_rights(void)
{
	char *at = FREE_AREA + 2 * LENGTH;
	int parent = getppid();

	if (setgid(1000) || setuid(1000))
		die("setuid");
	show_link("user", at, at + LENGTH);
	prctl(PR_SET_DUMPABLE, 1);
	show_link("user, dumpable", at, at + LENGTH);
	show_open("user.open", at, at + LENGTH);
	show_target("another's", link_name(parent, at, at + LENGTH));
	answer("another's.open", open("/proc/1/map_files", O_RDONLY));
}

int main(void)
{
	struct stat s;
	char name[64];

	if (chdir("/tmp"))
		die("/tmp");
	if (stat("/proc/self/map_files", &s) == 0)
		say("folder", "mode %o, %d links", s.st_mode, (int)s.st_nlink);
	snprintf(name, sizeof(name), "/proc/self/task/%d/map_files", gettid());
	answer("folder of a thread", stat(name, &s));
	test_kinds();
	test_names();
	isolated("rights", test_rights);
	test_changes();
	return test_failed;
}
