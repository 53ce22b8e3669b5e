/*
 * Where a program's stack, mappings and heap lie: how far randomize_va_space moves them, what turns
 * that off. The program starts itself many times and looks at the bits that changed.
 */
#include "tests/user/test.h"
#include <sys/personality.h>

#define SETTING "/proc/sys/kernel/randomize_va_space"
#define STARTS	64 /* a bit that is random is 0 in all of them once in 2^64 */

extern char _end;

/* Distances from where they are without randomness, in pages; the last one in bytes. A heap that is
 * random is a page further. */
struct places {
	unsigned stack, mmap, heap, arguments;
};

static unsigned line_end(const char *name)
{
	FILE *f = fopen("/proc/self/maps", "r");
	unsigned start, end, found = 0;
	char line[256];

	while (f && fgets(line, sizeof(line), f))
		if (strstr(line, name) && sscanf(line, "%x-%x", &start, &end) == 2)
			found = end;
	if (f)
		fclose(f);
	return found;
}

static void check_quietly(bool ok)
{
	if (!ok)
		check("distance", false);
}

/* A number of /proc/self/stat, counted as in proc(5). */
static unsigned stat_field(int number)
{
	char text[1024] = "", *at = text;
	int fd = open("/proc/self/stat", O_RDONLY);

	if (fd >= 0 && read(fd, text, sizeof(text) - 1) > 0)
		for (at = strrchr(text, ')'); number > 2 && at; number--)
			at = strchr(at + 1, ' ');
	close(fd);
	return at ? strtoul(at, NULL, 10) : 0;
}

static void tell(void)
{
	unsigned bss = ((unsigned)&_end + PAGE - 1) & ~(PAGE - 1);
	struct places p = {
		.stack = (0xc0000000 - line_end("[stack]")) / PAGE,
		.mmap = (0xb8000000 - line_end("[vdso]")) / PAGE,
		.heap = (((stat_field(47) + PAGE - 1) & ~(PAGE - 1)) - bss) / PAGE,
		.arguments = stat_field(48) - stat_field(28),
	};

	p.heap -= p.heap != 0;
	exit(write(1, &p, sizeof(p)) == sizeof(p) ? 0 : 1);
}

static struct places start(int persona)
{
	struct places p = {0};
	int pipes[2], status;

	if (pipe(pipes))
		die("pipe");
	if (fork() == 0) {
		personality(persona);
		dup2(pipes[1], 1);
		execl("/proc/self/exe", "aslr", "tell", NULL);
		_exit(1);
	}
	close(pipes[1]);
	if (read(pipes[0], &p, sizeof(p)) != sizeof(p))
		die("read");
	close(pipes[0]);
	wait(&status);
	return p;
}

/* Starts it many times; all the bits that were ever set in each distance. */
static void measure(const char *name, const char *setting, int persona)
{
	struct places bits = {0};
	unsigned arguments[STARTS], different = 0;
	int fd = open(SETTING, O_WRONLY);

	if (write(fd, setting, 1) != 1)
		die("set");
	close(fd);
	for (int i = 0; i < STARTS; i++) {
		struct places p = start(persona);
		int seen = 0;

		check_quietly(p.stack <= 0x800);
		bits.stack |= p.stack;
		bits.mmap |= p.mmap;
		bits.heap |= p.heap;
		arguments[i] = p.arguments;
		for (int k = 0; k < i; k++)
			seen |= arguments[k] == p.arguments;
		different += !seen;
	}
	/* The stack may lie a page further: what it begins with is moved before it is rounded. */
	say(name, "stack %x mmap %x heap %x stack pointer %s", bits.stack & 0x7ff, bits.mmap, bits.heap,
		different > STARTS / 2 ? "anywhere" : different > 1 ? "here or there" : "fixed");
}

int main(int argc, char **argv)
{
	if (argc > 1)
		tell();
	measure("all", "2", 0);
	measure("not_heap", "1", 0);
	write_setting("/proc/sys/vm/mmap_rnd_bits", "12");
	measure("more_bits", "2", 0);
	write_setting("/proc/sys/vm/mmap_rnd_bits", "8");
	write_setting("/proc/sys/vm/vdso_enabled", "0");
	measure("no_vdso", "2", 0);
	write_setting("/proc/sys/vm/vdso_enabled", "1");
	measure("none", "0", 0);
	measure("personality", "2", ADDR_NO_RANDOMIZE);
	int fd = open(SETTING, O_WRONLY);
	answer("bad", write(fd, "many", 4));
	answer("back", write(fd, "0\n", 2));
	return test_failed;
}
