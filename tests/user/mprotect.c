/* mprotect: what each protection allows, splitting and merging, errors. And munmap's errors. */
#include "tests/user/test.h"
#include <sys/resource.h>

#define RW (PROT_READ | PROT_WRITE)

static void allowed(void)
{
	static const struct {
		const char *name;
		int prot;
	} kinds[] = {{"none", PROT_NONE}, {"read", PROT_READ}, {"write", PROT_WRITE}, {"rw", RW},
		{"exec", PROT_EXEC}, {"rx", PROT_READ | PROT_EXEC}, {"rwx", RW | PROT_EXEC}};
	char *p = map_anon(PAGE);

	for (size_t i = 0; i < COUNT(kinds); i++) {
		answer("mprotect", mprotect(p, PAGE, kinds[i].prot));
		say("allows", "%s: read %s, write %s, maps %s", kinds[i].name, try_read(p),
			try_write(p), map_perms(p));
	}
	munmap(p, PAGE);
}

static void keeps(void)
{
	char *p = map_anon(3 * PAGE);

	memset(p, 'k', 3 * PAGE);
	answer("none", mprotect(p, 3 * PAGE, PROT_NONE));
	say("none.read", "%s", try_read(p + PAGE + 7));
	answer("none.write_call", write(1, p, 1));
	answer("back", mprotect(p, 3 * PAGE, PROT_READ));
	check("keeps.contents", all_bytes(p, 3 * PAGE, 'k'));
	say("back.write", "%s", try_write(p + 2 * PAGE));
	munmap(p, 3 * PAGE);
}

/* A page that was only read is the shared page of zeroes: it must be copied, not made writable. */
static void zero_page(void)
{
	char *p = map_anon(2 * PAGE), *q = map_anon(PAGE);
	volatile char c = p[0] + p[PAGE];

	mprotect(p, PAGE, PROT_READ);
	c += p[0];
	mprotect(p, PAGE, RW);
	p[0] = 1;
	c += p[PAGE];
	p[PAGE] = 2;
	(void)c;
	check("zero_page.still_zero", all_bytes(q, PAGE, 0));
	munmap(p, 2 * PAGE);
	munmap(q, PAGE);
}

static void splitting(void)
{
	char *p = map_at(FREE_AREA, 5 * PAGE, RW);

	memset(p, 's', 5 * PAGE);
	say("split.before", "%d", map_lines(p, 5 * PAGE));
	mprotect(p + 2 * PAGE, PAGE, PROT_READ);
	say("split.middle", "%d", map_lines(p, 5 * PAGE));
	mprotect(p, PAGE, PROT_NONE);
	say("split.first", "%d", map_lines(p, 5 * PAGE));
	mprotect(p + PAGE, 2 * PAGE, PROT_NONE);
	say("split.joined_left", "%d", map_lines(p, 5 * PAGE));
	mprotect(p + 4 * PAGE, PAGE, PROT_READ);
	say("split.last", "%d", map_lines(p, 5 * PAGE));
	answer("merge", mprotect(p, 5 * PAGE, RW));
	say("merge.lines", "%d", map_lines(p, 5 * PAGE));
	check("merge.contents", all_bytes(p, 5 * PAGE, 's'));
	answer("no_change", mprotect(p + PAGE, PAGE, RW));
	say("no_change.lines", "%d", map_lines(p, 5 * PAGE));
	mprotect(p + 1 * PAGE, 1, PROT_READ);
	say("length_rounded_up", "%s %s %s", try_write(p), try_write(p + 2 * PAGE - 1),
		try_write(p + 2 * PAGE));
	munmap(p, 5 * PAGE);
}

/* It goes as far as it gets. */
static void hole(void)
{
	char *p = map_at(FREE_AREA, 5 * PAGE, RW);

	munmap(p + 2 * PAGE, PAGE);
	answer("hole", mprotect(p, 5 * PAGE, PROT_READ));
	say("hole.perms", "%s %s %s %s", map_perms(p), map_perms(p + PAGE), map_perms(p + 3 * PAGE),
		map_perms(p + 4 * PAGE));
	answer("hole.at_start", mprotect(p + 2 * PAGE, 2 * PAGE, PROT_NONE));
	answer("hole.only", mprotect(p + 2 * PAGE, PAGE, PROT_NONE));
	answer("hole.at_end", mprotect(p + 4 * PAGE, 2 * PAGE, PROT_NONE));
	say("hole.perms_after", "%s %s", map_perms(p + 3 * PAGE), map_perms(p + 4 * PAGE));
	munmap(p, 5 * PAGE);
}

static void errors(void)
{
	char *p = map_anon(PAGE);

	answer("error.unaligned", mprotect(p + 1, PAGE, PROT_READ));
	answer("error.unknown_prot", mprotect(p, PAGE, 0x100));
	answer("error.prot_8", mprotect(p, PAGE, 8));
	answer("error.growsdown", mprotect(p, PAGE, PROT_READ | PROT_GROWSDOWN));
	answer("error.growsup", mprotect(p, PAGE, PROT_READ | PROT_GROWSUP));
	answer("error.grows_both", mprotect(p, PAGE, PROT_READ | PROT_GROWSUP | PROT_GROWSDOWN));
	answer("empty", mprotect(p, 0, PROT_NONE));
	answer("empty.nowhere", mprotect(FREE_AREA, 0, PROT_NONE));
	answer("empty.unaligned", mprotect(p + 1, 0, PROT_NONE));
	answer("error.unmapped", mprotect(FREE_AREA, PAGE, PROT_READ));
	answer("error.kernel", mprotect(KERNEL, PAGE, PROT_READ));
	answer("error.wraps", mprotect(p, -PAGE, PROT_READ));
	answer("error.wraps_to_zero", mprotect(p, 0xffffffff, PROT_READ));
	answer("error.end_wraps", mprotect((char *)0xfffff000, 2 * PAGE, PROT_READ));
	say("unchanged", "%s", map_perms(p));
	munmap(p, PAGE);
}

static void unmapping(void)
{
	char *p = map_anon(3 * PAGE);

	answer("munmap.unaligned", munmap(p + 1, PAGE));
	answer("munmap.empty", munmap(p, 0));
	answer("munmap.kernel", munmap(KERNEL, PAGE));
	answer("munmap.into_kernel", munmap((char *)0xbffff000, 2 * PAGE));
	answer("munmap.wraps", munmap(p, 0xffffffff));
	answer("munmap.larger_than_all", munmap(p, 0xc0000000));
	answer("munmap.nothing_there", munmap(FREE_AREA, 10 * PAGE));
	say("munmap.unharmed", "%s", try_write(p));
	answer("munmap.length_rounded", munmap(p, 1));
	say("munmap.one_page", "%s %s", try_read(p + PAGE - 1), try_read(p + PAGE));
	answer("munmap.rest", munmap(p, 3 * PAGE));
	answer("munmap.again", munmap(p, 3 * PAGE));
}

static char *page;

static void child(void)
{
	mprotect(page, PAGE, PROT_READ);
	mprotect(page, PAGE, RW);
	say("fork.sees", "%c", *page);
	*page = 'c';
}

/* Taking the protection away and giving it back must not skip the copy. */
static void over_fork(void)
{
	page = map_anon(PAGE);
	*page = 'p';
	isolated("child", child);
	say("fork.parent", "%c", *page);
	munmap(page, PAGE);
}

/* The same page flips quickly: no stale translation may let a write through. */
static void flipping(void)
{
	char *p = map_anon(PAGE);
	int faults = 0;

	*p = 1;
	for (int i = 0; i < 200; i++) {
		mprotect(p, PAGE, PROT_READ);
		faults += !survives(do_write, p);
		mprotect(p, PAGE, RW);
		faults += !survives(do_write, p);
	}
	say("flip.faults", "%d", faults);
	munmap(p, PAGE);
}

/* Code written and then run. */
static void run_code(void)
{
	static const unsigned char code[] = {0xb8, 0x2a, 0, 0, 0, 0xc3}; /* return 42 */
	char *p = map_anon(PAGE);

	memcpy(p, code, sizeof(code));
	answer("exec", mprotect(p, PAGE, PROT_READ | PROT_EXEC));
	say("exec.runs", "%d", ((int (*)(void))(uintptr_t)p)());
	say("exec.write", "%s", try_write(p));
	munmap(p, PAGE);
}

/* Memory that may not be written for a moment is no data meanwhile, and is refused as such. */
static void counted(void)
{
	const size_t size = 4 << 20;
	const long before = status_value("VmData");
	struct rlimit was, l;
	char *hole = mmap(NULL, size + 2 * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0),
	     *p = hole + PAGE;

	answer("counted.rw", mprotect(p, size, RW));
	say("counted.rw_data", "%ld kB", status_value("VmData") - before);
	answer("counted.read", mprotect(p, size, PROT_READ));
	say("counted.read_data", "%ld kB", status_value("VmData") - before);
	getrlimit(RLIMIT_DATA, &was);
	l = was;
	l.rlim_cur = (rlim_t)(before + 1024) << 10;
	setrlimit(RLIMIT_DATA, &l);
	answer("counted.too_much", mprotect(p, size, RW));
	say("counted.still", "%s", map_perms(p));
	setrlimit(RLIMIT_DATA, &was);
	answer("counted.again", mprotect(p, size, RW));
	say("counted.again_data", "%ld kB", status_value("VmData") - before);
	munmap(hole, size + 2 * PAGE);
}

static long committed(void)
{
	char line[128];
	long kb = -1;
	FILE *f = fopen("/proc/meminfo", "r");

	while (f && fgets(line, sizeof(line), f))
		sscanf(line, "Committed_AS: %ld", &kb);
	fclose(f);
	return kb;
}

/* Memory is promised when it becomes writable for the first time, and stays so. */
static void promised(void)
{
	const size_t size = 32 << 20;
	const long before = committed(), much = size / 1024 * 3 / 4;
	char *p = mmap(NULL, size, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	check("promised.not_yet", committed() - before < much);
	answer("promised.rw", mprotect(p, size, RW));
	check("promised.writable", committed() - before > much);
	answer("promised.read", mprotect(p, size, PROT_READ));
	check("promised.still", committed() - before > much);
	munmap(p, size);
	check("promised.no_more", committed() - before < much);
}

int main(void)
{
	allowed();
	keeps();
	zero_page();
	splitting();
	hole();
	errors();
	unmapping();
	over_fork();
	flipping();
	run_code();
	counted();
	promised();
	return test_failed;
}
