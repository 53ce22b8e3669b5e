/* /proc/PID/clear_refs: what may be written, and what it does to Referenced and VmHWM. */
#include "tests/user/test.h"

#define PAGES 16

static void put(const char *name, const char *text)
{
	int fd = open("/proc/self/clear_refs", O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		die("clear_refs");
	answer(name, write(fd, text, strlen(text)));
	close(fd);
}

static char *anon, *file, *shared;

static void touch_all(void)
{
	memset(anon, 1, PAGES * PAGE);
	memset(file, 1, PAGES * PAGE);
	memset(shared, 1, PAGES * PAGE);
}

static void show(const char *name)
{
	say(name, "anonymous %ld file %ld shared %ld", smaps_value(getpid(), anon, "Referenced:"),
		smaps_value(getpid(), file, "Referenced:"),
		smaps_value(getpid(), shared, "Referenced:"));
}

static void nothing(void)
{
}

static void as_user(void)
{
	if (setgid(1000) || setuid(1000))
		die("setuid");
	answer("user.other", open("/proc/1/clear_refs", O_WRONLY));
}

int main(void)
{
	static const char *const texts[] = {"", "0", "6", "-1", "x", "1x", "1 2", " 1\n", "+1", "0x1",
		"4294967297", "1           ", "1                  "};
	int fd = make_file("clear_refs_file", "", 0);
	char name[32];
	struct stat st;
	long peak;
	char *big;

	stat("/proc/self/clear_refs", &st);
	say("mode", "%o", st.st_mode);
	answer("read", read(open("/proc/self/clear_refs", O_RDWR), name, 1));
	for (size_t i = 0; i < COUNT(texts); i++) {
		snprintf(name, sizeof(name), "write.%zu", i);
		put(name, texts[i]);
	}
	isolated("user", as_user);

	ftruncate(fd, PAGES * PAGE);
	anon = map_at(FREE_AREA, PAGES * PAGE, PROT_READ | PROT_WRITE);
	file = mmap(FREE_AREA2, PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd, 0);
	shared = mmap(FREE_AREA2 + 0x100000, PAGES * PAGE, PROT_READ | PROT_WRITE,
		MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	touch_all();
	show("touched");
	put("anonymous", "2");
	show("anonymous");
	put("mapped", "3");
	show("mapped");
	in_child(nothing); /* the TLB forgets the entries */
	touch_all();
	show("touched_again");
	put("soft_dirty", "4");
	show("soft_dirty");
	put("all", "1");
	show("all");
	in_child(nothing);
	anon[3 * PAGE] = 2;
	(void)*(volatile char *)&file[5 * PAGE];
	show("one_each");
	check("contents", all_bytes(file, PAGES * PAGE, 1) && anon[0] == 1 && anon[3 * PAGE] == 2);

	big = map_anon(8 << 20);
	memset(big, 1, 8 << 20);
	munmap(big, 8 << 20);
	peak = status_value("VmHWM");
	check("peak.kept", peak > status_value("VmRSS") + 7000);
	put("peak.reset", "5");
	check("peak.reset", status_value("VmHWM") < peak - 7000);
	show("peak.referenced_stays");
	unlink("clear_refs_file");
	return test_failed;
}
