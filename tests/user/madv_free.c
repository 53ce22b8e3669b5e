/* MADV_FREE: contents that a program can do without. They stay until memory runs short, and what is
 * written again stays for good, whoever writes it. */
#include "tests/user/test.h"
#include <sys/sysinfo.h>
#include <sys/uio.h>
#include <time.h>

#define RW    (PROT_READ | PROT_WRITE)
#define PAGES 16u

static char *area;

static const char *const usage[] = {"Rss:", "Shared_Clean:", "Shared_Dirty:", "Private_Clean:",
	"Private_Dirty:", "Anonymous:", "Referenced:"};
/* Linux counts these pages with delay: asked after a fork only. */
static const char *const lazy[] = {"LazyFree:"};

static void show_lines(const char *name, const char *const wanted[], size_t n)
{
	FILE *f = fopen("/proc/self/smaps", "r");
	char line[256], text[256] = "";
	unsigned long start, end;
	bool inside = false;

	while (fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%lx-%lx ", &start, &end) == 2)
			inside = start <= (unsigned long)area && (unsigned long)area < end;
		for (size_t i = 0; inside && i < n; i++)
			if (!strncmp(line, wanted[i], strlen(wanted[i])))
				sprintf(text + strlen(text), " %ld", atol(line + strlen(wanted[i])));
	}
	fclose(f);
	say(name, "%s", text + 1);
}

/* Resident, shared clean and dirty, private clean and dirty, anonymous, referenced. */
static void show(const char *name)
{
	show_lines(name, usage, COUNT(usage));
}

/* Whether fork() and mprotect() count as references is no matter of these tests. */
static void show_contents(const char *name)
{
	show_lines(name, usage, COUNT(usage) - 1);
}

static void show_child(void)
{
	show_contents("fork.child");
}

static void write_in_child(void)
{
	area[3 * PAGE] = 'c';
	show_contents("fork.child_written");
}

static void counts(void)
{
	area = map_at(FREE_AREA, PAGES * PAGE, RW);
	memset(area, 'x', (PAGES - 1) * PAGE);
	(void)*(volatile char *)(area + (PAGES - 1) * PAGE);
	show("written");
	answer("free", madvise(area + 2 * PAGE, 14 * PAGE, MADV_FREE));
	show("free");
	say("contents", "%c %c %d", area[2 * PAGE], area[14 * PAGE], area[15 * PAGE]);
	show("read");
	area[2 * PAGE + 5] = 'y';
	show("one_written");
	isolated("fork", show_child);
	isolated("fork", write_in_child);
	say("fork.parent", "%c", area[3 * PAGE]);
	show("fork.after");
	show_lines("fork.lazy", lazy, 1);
	mprotect(area, PAGES * PAGE, PROT_READ);
	show("protected");
	mprotect(area, PAGES * PAGE, RW);
	show("unprotected");
	mprotect(area, 4 * PAGE, PROT_NONE);
	answer("free.prot_none", madvise(area, 4 * PAGE, MADV_FREE));
	mprotect(area, 4 * PAGE, RW);
	show_contents("prot_none");
	answer("dontneed", madvise(area, 8 * PAGE, MADV_DONTNEED));
	show("dontneed");
	munmap(area, PAGES * PAGE);
}

static void free_in_child(void)
{
	answer("shared.free", madvise(area, PAGES * PAGE, MADV_FREE));
	show_contents("shared.child");
}

/* What a fork shares is left alone. */
static void shared_pages(void)
{
	area = map_at(FREE_AREA, PAGES * PAGE, RW);
	memset(area, 's', PAGES * PAGE);
	isolated("shared", free_in_child);
	show("shared.parent");
	munmap(area, PAGES * PAGE);
}

/* Pages of `area` that are not as they were written: gone, or wrong. */
static void inspect(size_t pages, unsigned *gone, unsigned *wrong)
{
	for (size_t i = 0; i < pages; i++) {
		char *p = area + i * PAGE;

		*gone += p[0] == 0 && p[PAGE - 1] == 0;
		*wrong += !(p[0] == 0 || p[0] == 'x' || p[0] == 'y') || p[0] != p[PAGE - 1];
	}
}

/* Starts a process that shares no page of `to`, and writes there once `go` is closed. */
static void start_writer(char *to, int *go)
{
	static char page[PAGE];
	struct iovec l = {page, PAGE}, r = {to, PAGE};
	pid_t parent = getpid();
	int ends[2];

	if (pipe(ends))
		die("pipe");
	memset(page, 'y', PAGE);
	if (fork() == 0) {
		close(ends[1]);
		read(ends[0], page, 1);
		_exit(syscall(SYS_process_vm_writev, parent, &l, 1, &r, 1, 0) != PAGE);
	}
	close(ends[0]);
	*go = ends[1];
}

/* More is wanted than there is, unless what was freed is taken. */
static void pressure(void)
{
	struct sysinfo si;
	size_t pages, size;
	unsigned gone = 0, wrong = 0, kept = 0;
	int fd = open("/dev/zero", O_RDONLY), go, status;
	char *more, *locked;

	sysinfo(&si);
	pages = si.totalram / 10 * 6 / PAGE;
	size = pages * PAGE;
	area = mmap(NULL, size, RW, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	start_writer(area + 100 * PAGE, &go);
	locked = map_anon(16 * PAGE);
	memset(locked, 'x', 16 * PAGE);
	answer("pressure.free_small", madvise(locked, 16 * PAGE, MADV_FREE));
	answer("pressure.lock", mlock(locked, 16 * PAGE));
	for (size_t i = 0; i < pages; i++)
		area[i * PAGE] = area[i * PAGE + PAGE - 1] = 'x';
	answer("pressure.free", madvise(area, size, MADV_FREE));
	for (size_t i = 0; i < 100; i++)
		memset(area + i * PAGE, 'y', PAGE);
	close(go);
	wait(&status);
	answer_status("pressure.writer", status);
	memset(area + 102 * PAGE, 'y', PAGE);
	more = mmap(NULL, size, RW, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	for (size_t i = 0; i < pages; i++)
		more[i * PAGE] = 'm';
	answer("pressure.read", read(fd, more, size) == (ssize_t)size);
	inspect(pages, &gone, &wrong);
	for (size_t i = 0; i < 101; i++)
		kept += all_bytes(area + i * PAGE, PAGE, 'y');
	say("pressure.kept", "%u of 101", kept);
	say("pressure.wrong", "%u", wrong);
	check("pressure.gone", gone > pages / 4);
	check("pressure.locked", all_bytes(locked, 16 * PAGE, 'x'));
}

static double seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec * 1e-9;
}

/* How long it takes to advise memory in mappings of a page each, shared with a child, the first locked. */
static double advise_pieces(unsigned pages)
{
	char *p = map_anon(pages * PAGE);
	double begin;
	pid_t child;

	memset(p, 1, pages * PAGE);
	for (unsigned i = 0; i < pages; i += 2)
		if (mprotect(p + i * PAGE, PAGE, PROT_READ))
			die("mprotect");
	mlock(p, PAGE);
	child = fork();
	if (child == 0)
		for (;;)
			pause();
	begin = seconds();
	if (madvise(p + PAGE, (pages - 1) * PAGE, MADV_FREE))
		die("madvise");
	begin = seconds() - begin;
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	munmap(p, pages * PAGE);
	return begin;
}

/* Four times as many mappings do not take sixteen times as long. */
static void pieces(void)
{
	double few = advise_pieces(2048), many = advise_pieces(8192);

	check("pieces", many < 8 * few + 0.5);
}

int main(void)
{
	counts();
	shared_pages();
	isolated("pressure", pressure);
	pieces();
	return test_failed;
}
