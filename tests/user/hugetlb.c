/*
 * Huge pages: the pool and its promises, mappings private and shared, files and segments of them,
 * every memory call on them, what a fork does, and how /proc shows them. The test fills the pool
 * itself and gives it back.
 */
#include "tests/user/test.h"
#include <linux/futex.h>
#include <sys/ipc.h>
#include <sys/mount.h>
#include <sys/shm.h>
#include <sys/uio.h>
#include <sys/vfs.h>

#ifndef MAP_HUGE_SHIFT
#define MAP_HUGE_SHIFT 26
#endif
#define HUGE	  0x200000u
#define HUGE_LOG  (21 << MAP_HUGE_SHIFT)
#define GIGA_LOG  (30 << MAP_HUGE_SHIFT)
#define ANON	  (MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB)
#define SHARED	  (MAP_SHARED | MAP_ANONYMOUS | MAP_HUGETLB)
#define RW	  (PROT_READ | PROT_WRITE)
#define MFD_HUGE  4u
#define POOL	  8

#ifndef MADV_COLD
#define MADV_COLD 20
#define MADV_PAGEOUT 21
#endif
#ifndef MADV_POPULATE_READ
#define MADV_POPULATE_READ 22
#define MADV_POPULATE_WRITE 23
#endif
#ifndef MADV_DONTNEED_LOCKED
#define MADV_DONTNEED_LOCKED 24
#endif
#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE 25
#endif

/* --- The pool --- */

#define NR	   "/proc/sys/vm/nr_hugepages"
#define OVERCOMMIT "/proc/sys/vm/nr_overcommit_hugepages"

static void set_pool(int n)
{
	char text[16];

	snprintf(text, sizeof(text), "%d", n);
	if (write_setting(NR, text) < 0)
		die(NR);
}

/* A line of a file of /proc that begins with `field`, blanks squeezed; "none". */
static const char *proc_line(const char *path, const char *field)
{
	FILE *file = fopen(path, "re");
	static char line[256], out[256];
	char *to = out;

	strcpy(out, "none");
	if (!file)
		return out;
	while (fgets(line, sizeof(line), file)) {
		if (strncmp(line, field, strlen(field)))
			continue;
		for (char *c = line; *c && *c != '\n'; c++)
			if (*c != ' ' && *c != '\t')
				*to++ = *c;
			else if (to > out && to[-1] != ' ')
				*to++ = ' ';
		*to = '\0';
		break;
	}
	fclose(file);
	return out;
}

static long meminfo(const char *field)
{
	const char *colon = strchr(proc_line("/proc/meminfo", field), ':');

	return colon ? strtol(colon + 1, NULL, 10) : -1;
}

static void pool(const char *name)
{
	say(name, "total %ld free %ld rsvd %ld surp %ld", meminfo("HugePages_Total"),
		meminfo("HugePages_Free"), meminfo("HugePages_Rsvd"), meminfo("HugePages_Surp"));
}

static char *map(size_t len, int flags)
{
	char *p = mmap(NULL, len, RW, flags, -1, 0);

	if (p == MAP_FAILED)
		die("mmap huge");
	return p;
}

static void unmap(void *p, size_t len)
{
	if (munmap(p, len))
		die("munmap huge");
}

static void test_pool(void)
{
	say("pool.before", "%s", read_setting(NR));
	set_pool(POOL);
	say("pool.set", "%s", read_setting(NR));
	pool("pool.set");
	say("pool.size", "%s", proc_line("/proc/meminfo", "Hugepagesize"));
	say("pool.kb", "%s", proc_line("/proc/meminfo", "Hugetlb"));
	answer("pool.word", write_setting(NR, "x"));
	answer("pool.negative", write_setting(NR, "-3"));
	answer("pool.empty", write_setting(NR, "\n"));
	say("pool.same", "%s", read_setting(NR));
	set_pool(3);
	pool("pool.less");
	set_pool(POOL);
	say("pool.overcommit", "%s", read_setting(OVERCOMMIT));
	say("pool.mempolicy", "%s", read_setting("/proc/sys/vm/nr_hugepages_mempolicy"));
	say("pool.group", "%s", read_setting("/proc/sys/vm/hugetlb_shm_group"));
}

/* --- /sys --- */

#define SYS "sys/kernel/mm/hugepages/hugepages-2048kB/"

static void show_sys(const char *name)
{
	static const char *const files[] = {"nr_hugepages", "free_hugepages", "resv_hugepages",
		"surplus_hugepages", "nr_overcommit_hugepages"};
	char line[128] = "", path[128];

	for (size_t i = 0; i < COUNT(files); i++) {
		snprintf(path, sizeof(path), SYS "%s", files[i]);
		snprintf(line + strlen(line), sizeof(line) - strlen(line), "%s ",
			read_setting(path));
	}
	say(name, "%s", line);
}

/* Huge pages of the kernel's own choice, which this has none of: as on a Linux that is told so. */
#define THP "sys/kernel/mm/transparent_hugepage/"

static void test_sys_thp(void)
{
	static const char *const files[] = {"enabled", "defrag", "shmem_enabled"};
	char path[64], before[96];

	for (size_t i = 0; i < COUNT(files); i++) {
		snprintf(path, sizeof(path), THP "%s", files[i]);
		strcpy(before, read_setting(path));
		answer("thp.write", write_setting(path, "never"));
		say(files[i], "%s", read_setting(path));
		answer("thp.write_line", write_setting(path, "never\n"));
		answer("thp.write_other", write_setting(path, "nothing"));
		answer("thp.write_more", write_setting(path, "never 1"));
		answer("thp.write_less", write_setting(path, "neve"));
		if (strchr(before, '['))
			*strchr(strchr(before, '['), ']') = '\0';
		write_setting(path, strchr(before, '[') ? strchr(before, '[') + 1 : "");
	}
	say("thp.size", "%s", read_setting(THP "hpage_pmd_size"));
	answer("thp.write_size", write_setting(THP "hpage_pmd_size", "4096"));
}

static void test_sys(void)
{
	char *p;

	mkdir("sys", 0700);
	answer("sys.mount", mount("none", "sys", "sysfs", 0, NULL));
	show_sys("sys.pool");
	p = map(2 * HUGE, ANON);
	p[0] = 1;
	show_sys("sys.used");
	unmap(p, 2 * HUGE);
	answer("sys.write", write_setting(SYS "nr_hugepages", "5\n"));
	answer("sys.write_word", write_setting(SYS "nr_hugepages", "5x"));
	answer("sys.write_free", write_setting(SYS "free_hugepages", "5"));
	answer("sys.write_over", write_setting(SYS "nr_overcommit_hugepages", "3"));
	show_sys("sys.written");
	write_setting(SYS "nr_overcommit_hugepages", "0");
	set_pool(POOL);
	test_sys_thp();
	answer("sys.umount", umount("sys"));
	rmdir("sys");
}

/* --- Sizes, places, errors of mmap --- */

static void try_map(const char *name, char *addr, size_t len, int prot, int flags, int fd)
{
	char *p = answer_ptr(name, mmap(addr, len, prot, flags, fd, 0));

	if (p == MAP_FAILED)
		return;
	if ((uintptr_t)p % HUGE)
		say(name, "not aligned");
	len = (len + HUGE - 1) & ~(HUGE - 1);
	unmap(p, len);
}

static void test_mmap(void)
{
	int file = make_file("huge_small", "x", 1);
	char *p;

	try_map("mmap.default", NULL, HUGE, RW, ANON, -1);
	try_map("mmap.2mb", NULL, HUGE, RW, ANON | HUGE_LOG, -1);
	try_map("mmap.1gb", NULL, HUGE, RW, ANON | GIGA_LOG, -1);
	try_map("mmap.4kb", NULL, HUGE, RW, ANON | 12 << MAP_HUGE_SHIFT, -1);
	try_map("mmap.64kb", NULL, HUGE, RW, ANON | 16 << MAP_HUGE_SHIFT, -1);
	try_map("mmap.4mb", NULL, HUGE, RW, ANON | 22 << MAP_HUGE_SHIFT, -1);
	try_map("mmap.log_63", NULL, HUGE, RW, ANON | 63u << MAP_HUGE_SHIFT, -1);
	try_map("mmap.size_without_hugetlb", NULL, HUGE, RW,
		MAP_PRIVATE | MAP_ANONYMOUS | HUGE_LOG, -1);
	try_map("mmap.length_0", NULL, 0, RW, ANON, -1);
	try_map("mmap.length_1", NULL, 1, RW, ANON, -1);
	try_map("mmap.length_most", NULL, 0xfffff000, RW, ANON, -1);
	try_map("mmap.length_3g", NULL, 0xc0200000, RW, ANON, -1);
	try_map("mmap.length_3g_noreserve", NULL, 0xbfe00000, RW, ANON | MAP_NORESERVE, -1);
	try_map("mmap.pool_and_one", NULL, (POOL + 1) * HUGE, RW, ANON, -1);
	try_map("mmap.shared_too_many", NULL, (POOL + 1) * HUGE, RW, SHARED, -1);
	try_map("mmap.noreserve_too_many", NULL, (POOL + 1) * HUGE, RW, ANON | MAP_NORESERVE, -1);
	try_map("mmap.read_only_too_many", NULL, (POOL + 1) * HUGE, PROT_READ, ANON, -1);
	try_map("mmap.none_too_many", NULL, (POOL + 1) * HUGE, PROT_NONE, ANON, -1);
	try_map("mmap.exec", NULL, HUGE, RW | PROT_EXEC, ANON, -1);
	try_map("mmap.validate", NULL, HUGE, RW, MAP_SHARED_VALIDATE | MAP_ANONYMOUS | MAP_HUGETLB,
		-1);
	try_map("mmap.validate_unknown", NULL, HUGE, RW,
		MAP_SHARED_VALIDATE | MAP_ANONYMOUS | MAP_HUGETLB | 0x800000, -1);
	try_map("mmap.no_type", NULL, HUGE, RW, MAP_ANONYMOUS | MAP_HUGETLB, -1);
	try_map("mmap.growsdown", NULL, HUGE, RW, ANON | MAP_GROWSDOWN, -1);
	try_map("mmap.small_file", NULL, HUGE, RW, MAP_PRIVATE | MAP_HUGETLB, file);
	try_map("mmap.bad_fd", NULL, HUGE, RW, MAP_PRIVATE | MAP_HUGETLB, 99);
	try_map("mmap.anon_fd", NULL, HUGE, RW, ANON, 99);
	try_map("mmap.fixed", FREE_AREA, HUGE, RW, ANON | MAP_FIXED, -1);
	try_map("mmap.fixed_odd", FREE_AREA + PAGE, HUGE, RW, ANON | MAP_FIXED, -1);
	try_map("mmap.fixed_byte", FREE_AREA + 1, HUGE, RW, ANON | MAP_FIXED, -1);
	try_map("mmap.fixed_kernel", KERNEL, HUGE, RW, ANON | MAP_FIXED, -1);
	try_map("mmap.fixed_kernel_aligned", (char *)0xc0000000, HUGE, RW, ANON | MAP_FIXED, -1);
	try_map("mmap.fixed_kernel_odd", KERNEL + PAGE, HUGE, RW, ANON | MAP_FIXED, -1);
	p = map_at(FREE_AREA + HUGE - PAGE, PAGE, RW);
	try_map("mmap.noreplace", FREE_AREA, HUGE, RW, ANON | MAP_FIXED_NOREPLACE, -1);
	munmap(p, PAGE);
	p = mmap(FREE_AREA + 5 * PAGE, HUGE, RW, ANON, -1, 0);
	say("mmap.hint", "%s", p == FREE_AREA ? "rounded down" : "elsewhere");
	unmap(p, HUGE);
	p = map_at(FREE_AREA + HUGE, PAGE, RW);
	try_map("mmap.over_small", FREE_AREA + HUGE, HUGE, RW, ANON | MAP_FIXED, -1);
	say("mmap.old_gone", "%d", map_lines(p, PAGE));
	*map_at(FREE_AREA, PAGE, RW) = 1;
	p = mmap(FREE_AREA, HUGE, RW, ANON | MAP_FIXED, -1, 0);
	say("mmap.over_touched", "%d %s", p[0], try_write(p));
	p = mmap(FREE_AREA, PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	say("mmap.small_over_huge", "%s", p == MAP_FAILED ? errno_name(errno) : "ok");
	p = mmap(FREE_AREA, HUGE, RW, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	say("mmap.small_over_all", "%s %d", p == MAP_FAILED ? errno_name(errno) : "ok", p[0]);
	munmap(FREE_AREA, HUGE);
	answer_ptr("mmap.offset_odd", mmap(NULL, HUGE, RW, ANON, -1, PAGE));
	p = answer_ptr("mmap.offset", mmap(NULL, HUGE, RW, ANON, -1, 3 * HUGE));
	say("mmap.offset_touch", "%s", try_write(p));
	unmap(p, HUGE);
	p = answer_ptr("mmap.offset_reading", mmap(NULL, HUGE, PROT_READ, ANON, -1, 3 * HUGE));
	say("mmap.offset_beyond", "%s", try_read(p));
	unmap(p, HUGE);
	pool("mmap.after");
	close(file);
	unlink("huge_small");
}

/* --- Promises --- */

static void test_promises(void)
{
	char *p = map(3 * HUGE, ANON), *q;

	pool("promise.private");
	p[0] = 1;
	pool("promise.touched");
	q = map(2 * HUGE, SHARED);
	pool("promise.shared");
	q[HUGE] = 1;
	pool("promise.shared_touched");
	answer("promise.unmap_middle", munmap(p + HUGE, HUGE));
	pool("promise.middle");
	unmap(p, HUGE);
	unmap(p + 2 * HUGE, HUGE);
	unmap(q, 2 * HUGE);
	pool("promise.gone");

	p = map(2 * HUGE, ANON | MAP_NORESERVE);
	pool("noreserve");
	p[0] = 1;
	pool("noreserve.touched");
	q = map((POOL - 1) * HUGE, ANON);
	pool("noreserve.rest_promised");
	say("noreserve.no_more", "%s", try_write(p + HUGE));
	say("noreserve.read", "%s", try_read(p + HUGE));
	say("noreserve.had", "%s %d", try_write(p), p[0]);
	say("promised.all", "%s", try_write(q + (POOL - 2) * HUGE));
	unmap(p, 2 * HUGE);
	unmap(q, (POOL - 1) * HUGE);
	pool("noreserve.gone");
}

static void test_surplus(void)
{
	char *p, *q;

	write_setting(OVERCOMMIT, "2");
	p = map((POOL + 2) * HUGE, ANON);
	pool("surplus.promised");
	say("surplus.too_many", "%s",
		mmap(NULL, HUGE, RW, ANON, -1, 0) == MAP_FAILED ? errno_name(errno) : "ok");
	memset(p, 1, (POOL + 2) * HUGE);
	pool("surplus.touched");
	unmap(p, HUGE);
	pool("surplus.one_less");
	unmap(p + HUGE, (POOL + 1) * HUGE);
	pool("surplus.gone");
	p = map((POOL + 1) * HUGE, ANON);
	pool("surplus.again");
	unmap(p, (POOL + 1) * HUGE);
	pool("surplus.untouched_gone");
	p = map(POOL * HUGE, ANON | MAP_NORESERVE);
	memset(p, 1, POOL * HUGE);
	q = map(2 * HUGE, ANON | MAP_NORESERVE);
	say("surplus.fault", "%s", try_write(q));
	pool("surplus.fault");
	unmap(q, 2 * HUGE);
	write_setting(OVERCOMMIT, "0");
	set_pool(2);
	pool("surplus.shrunk_in_use");
	unmap(p, 3 * HUGE);
	pool("surplus.some_back");
	set_pool(POOL);
	pool("surplus.grown");
	unmap(p + 3 * HUGE, (POOL - 3) * HUGE);
	pool("surplus.end");
}

/* --- Faults --- */

static void test_faults(void)
{
	char *p = map(2 * HUGE, ANON), *q;

	say("fault.read", "%s %d", try_read(p + 12345), p[12345]);
	pool("fault.read_takes_one");
	say("fault.write", "%s", try_write(p + HUGE + 12345));
	say("fault.zeroes", "%d", all_bytes(p, HUGE, 0) && all_bytes(p + HUGE, 12345, 0));
	say("fault.status", "%s", proc_line("/proc/self/status", "HugetlbPages"));
	unmap(p, 2 * HUGE);
	say("fault.status_after", "%s", proc_line("/proc/self/status", "HugetlbPages"));
	say("fault.unmapped", "%s", try_read(p));
	p = mmap(NULL, HUGE, PROT_READ, ANON, -1, 0);
	say("fault.read_only", "%s %s", try_write(p), try_read(p));
	unmap(p, HUGE);
	p = mmap(NULL, HUGE, PROT_NONE, ANON, -1, 0);
	say("fault.none", "%s %s", try_write(p), try_read(p));
	unmap(p, HUGE);
	p = map(HUGE, ANON | MAP_POPULATE);
	pool("fault.populate");
	q = map(2 * HUGE, SHARED | MAP_POPULATE);
	pool("fault.populate_shared");
	unmap(p, HUGE);
	unmap(q, 2 * HUGE);
	p = map(HUGE, ANON | MAP_LOCKED);
	pool("fault.locked");
	say("fault.locked", "VmLck %ld", status_value("VmLck"));
	unmap(p, HUGE);
}

/* --- fork --- */

static char *region;

static void child_writes(void)
{
	say("fork.child_sees", "%d %d", region[0], region[HUGE]);
	region[0] = 2;
	say("fork.child_wrote", "%d", region[0]);
	pool("fork.child");
	say("fork.child_status", "%s", proc_line("/proc/self/status", "HugetlbPages"));
}

static void child_reads(void)
{
	say("steal.child_sees", "%s", try_read(region));
	say("steal.child_last", "%s", try_read(region + HUGE));
	say("steal.child_writes", "%s", try_write(region + HUGE));
}

static void child_takes_all(void)
{
	say("fork.no_page_for_child", "%s", try_write(region));
	say("fork.still_reads", "%s %d", try_read(region), region[0]);
}

static void test_fork(void)
{
	int to_child[2], to_parent[2];
	char *rest, byte = 0;
	pid_t pid;

	region = map(2 * HUGE, ANON);
	region[0] = 1;
	isolated("fork", child_writes);
	say("fork.parent_sees", "%d", region[0]);
	pool("fork.after");
	region[0] = 3;
	pool("fork.reused");
	unmap(region, 2 * HUGE);

	region = map(2 * HUGE, SHARED);
	region[0] = 1;
	region[HUGE] = 1;
	isolated("fork.shared", child_writes);
	say("fork.shared_parent_sees", "%d", region[0]);
	unmap(region, 2 * HUGE);

	/* No page is left for a copy. First the child writes, then the parent. */
	region = map(2 * HUGE, ANON);
	memset(region, 7, 2 * HUGE);
	rest = map((POOL - 2) * HUGE, ANON);
	isolated("fork.full", child_takes_all);
	if (pipe(to_child) || pipe(to_parent))
		die("pipe");
	pid = fork();
	if (pid == 0) {
		if (read(to_child[0], &byte, 1) != 1)
			_exit(1);
		child_reads();
		_exit(test_failed);
	}
	say("steal.parent_writes", "%s %d", try_write(region), region[0]);
	pool("steal.after");
	if (write(to_child[1], &byte, 1) != 1 || waitpid(pid, NULL, 0) != pid)
		die("child");
	say("steal.parent_has", "%d %d", region[1], region[HUGE]);
	unmap(region, 2 * HUGE);
	unmap(rest, (POOL - 2) * HUGE);
	pool("steal.end");
	for (int i = 0; i < 2; i++) {
		close(to_child[i]);
		close(to_parent[i]);
	}
}

/* The parent is gone before its child: what was promised to it is free again. */
static void orphan(void)
{
	int pipes[2];
	char byte;

	region = map(2 * HUGE, ANON);
	region[0] = 5;
	if (pipe(pipes))
		die("pipe");
	if (fork())
		_exit(0);
	close(pipes[1]);
	(void)!read(pipes[0], &byte, 1);
	say("orphan.sees", "%d", region[0]);
	region[0] = 6;
	region[HUGE] = 6;
	say("orphan.wrote", "%d %d", region[0], region[HUGE]);
}

/* --- The other calls --- */

static void test_munmap(void)
{
	char *p = map(2 * HUGE, ANON);

	answer("munmap.small", munmap(p, PAGE));
	answer("munmap.odd_start", munmap(p + PAGE, HUGE - PAGE));
	answer("munmap.odd_end", munmap(p, HUGE + PAGE));
	answer("munmap.byte", munmap(p, HUGE - 1));
	say("munmap.lines", "%d", map_lines(p, 2 * HUGE));
	answer("munmap.upper", munmap(p + HUGE, HUGE));
	answer("munmap.lower", munmap(p, HUGE));
	pool("munmap.after");
}

static void test_mprotect(void)
{
	char *p = map(2 * HUGE, ANON);

	p[0] = p[HUGE] = 1;
	answer("mprotect.small", mprotect(p, PAGE, PROT_READ));
	answer("mprotect.odd", mprotect(p + PAGE, HUGE, PROT_READ));
	answer("mprotect.same", mprotect(p, PAGE, RW));
	answer("mprotect.first", mprotect(p, HUGE, PROT_READ));
	say("mprotect.first", "%s %s %s", map_perms(p), try_write(p), try_read(p));
	say("mprotect.second", "%s %s", map_perms(p + HUGE), try_write(p + HUGE));
	answer("mprotect.none", mprotect(p, 2 * HUGE, PROT_NONE));
	say("mprotect.none", "%s %s", try_read(p), try_write(p + HUGE));
	answer("mprotect.back", mprotect(p, 2 * HUGE, RW));
	say("mprotect.back", "%d %d %s", p[0], p[HUGE], try_write(p));
	say("mprotect.lines", "%d", map_lines(p, 2 * HUGE));
	answer("mprotect.exec", mprotect(p, 2 * HUGE, PROT_READ | PROT_EXEC));
	say("mprotect.exec", "%s", map_perms(p));
	unmap(p, 2 * HUGE);
	pool("mprotect.after");
}

/* The border that can be is made before the other is refused, and stays. */
static void half_borders(void)
{
	char *p = map(3 * HUGE, ANON);

	answer("half.mprotect", mprotect(p + HUGE, HUGE - PAGE, PROT_READ));
	say("half.mprotect", "%d", map_lines(p, 3 * HUGE));
	answer("half.munmap", munmap(p + 2 * HUGE, HUGE - PAGE));
	say("half.munmap", "%d", map_lines(p, 3 * HUGE));
	answer("half.munmap_start", munmap(p + 2 * HUGE + PAGE, PAGE));
	say("half.munmap_start", "%d", map_lines(p, 3 * HUGE));
	unmap(p, 3 * HUGE);
}

static void advise(const char *name, char *p, size_t len, int advice)
{
	answer(name, madvise(p, len, advice));
}

static void test_madvise(void)
{
	static const struct {
		const char *name;
		int advice;
	} all[] = {
		{"madvise.normal", MADV_NORMAL},
		{"madvise.random", MADV_RANDOM},
		{"madvise.sequential", MADV_SEQUENTIAL},
		{"madvise.willneed", MADV_WILLNEED},
		{"madvise.free", MADV_FREE},
		{"madvise.remove", MADV_REMOVE},
		{"madvise.dontfork", MADV_DONTFORK},
		{"madvise.dofork", MADV_DOFORK},
		{"madvise.mergeable", MADV_MERGEABLE},
		{"madvise.hugepage", MADV_HUGEPAGE},
		{"madvise.nohugepage", MADV_NOHUGEPAGE},
		{"madvise.dontdump", MADV_DONTDUMP},
		{"madvise.dodump", MADV_DODUMP},
		{"madvise.wipeonfork", MADV_WIPEONFORK},
		{"madvise.keeponfork", MADV_KEEPONFORK},
		{"madvise.cold", MADV_COLD},
		{"madvise.pageout", MADV_PAGEOUT},
		{"madvise.collapse", MADV_COLLAPSE},
		{"madvise.populate_read", MADV_POPULATE_READ},
		{"madvise.populate_write", MADV_POPULATE_WRITE},
	};
	char *p = map(2 * HUGE, ANON);

	for (size_t i = 0; i < COUNT(all); i++)
		advise(all[i].name, p, HUGE, all[i].advice);
	pool("madvise.populated");
	p[0] = p[HUGE] = 1;
	advise("dontneed.small", p, PAGE, MADV_DONTNEED);
	say("dontneed.small", "%d", p[0]);
	advise("dontneed.odd_start", p + PAGE, HUGE, MADV_DONTNEED);
	advise("dontneed.odd_end", p, HUGE + PAGE, MADV_DONTNEED);
	pool("dontneed");
	say("dontneed.values", "%d %d", p[0], p[HUGE]);
	pool("dontneed.again");
	advise("dontneed_locked", p, 2 * HUGE, MADV_DONTNEED_LOCKED);
	pool("dontneed_locked");
	advise("madvise.small_flag", p, PAGE, MADV_DONTFORK);
	unmap(p, 2 * HUGE);

	p = map(2 * HUGE, SHARED);
	p[0] = p[HUGE] = 1;
	advise("shared.dontneed", p, 2 * HUGE, MADV_DONTNEED);
	pool("shared.dontneed");
	say("shared.dontneed", "%d %d", p[0], p[HUGE]);
	advise("shared.remove_small", p, PAGE, MADV_REMOVE);
	say("shared.remove_small", "%d %d", p[0], p[HUGE]);
	p[0] = p[PAGE] = 1;
	advise("shared.remove", p + PAGE, 2 * HUGE - PAGE, MADV_REMOVE);
	pool("shared.remove");
	say("shared.removed", "%d %d %d", p[0], p[PAGE], p[HUGE]);
	pool("shared.back");
	unmap(p, 2 * HUGE);
	pool("madvise.after");
}

static void test_mremap(void)
{
	char *p = map(3 * HUGE, ANON), *q;

	p[0] = 1;
	p[HUGE] = 2;
	answer_ptr("mremap.grow", mremap(p, 3 * HUGE, 4 * HUGE, MREMAP_MAYMOVE));
	answer_ptr("mremap.odd", mremap(p + PAGE, HUGE, HUGE, 0));
	answer_ptr("mremap.same", mremap(p, 3 * HUGE, 3 * HUGE, 0));
	answer_ptr("mremap.rounded", mremap(p, 3 * HUGE, 2 * HUGE + 1, 0));
	say("mremap.lines", "%d", map_lines(p, 3 * HUGE));
	answer_ptr("mremap.shrink", mremap(p, 3 * HUGE, 2 * HUGE, 0));
	pool("mremap.shrunk");
	answer_ptr("mremap.odd_target",
		mremap(p, HUGE, HUGE, MREMAP_MAYMOVE | MREMAP_FIXED, FREE_AREA + PAGE));
	answer_ptr("mremap.dontunmap", mremap(p, HUGE, HUGE, MREMAP_MAYMOVE | 4));
	q = mremap(p, 2 * HUGE, 2 * HUGE, MREMAP_MAYMOVE | MREMAP_FIXED, FREE_AREA);
	say("mremap.move", "%s", q == FREE_AREA ? "ok" : errno_name(errno));
	say("mremap.moved", "%d %d %s", q[0], q[HUGE], try_read(p));
	pool("mremap.moved");
	q = mremap(q + HUGE, HUGE, HUGE, MREMAP_MAYMOVE | MREMAP_FIXED, FREE_AREA2);
	say("mremap.part", "%d %d", q[0], FREE_AREA[0]);
	q[0] = 3;
	say("mremap.part_written", "%d", q[0]);
	unmap(FREE_AREA, HUGE);
	unmap(q, HUGE);

	p = map(3 * HUGE, ANON);
	q = mremap(p, 3 * HUGE, HUGE, MREMAP_MAYMOVE | MREMAP_FIXED, FREE_AREA);
	say("mremap.untouched", "%s", q == FREE_AREA ? "ok" : errno_name(errno));
	pool("mremap.untouched");
	q[0] = 1;
	pool("mremap.untouched_used");
	unmap(q, HUGE);
	p = map(2 * HUGE, SHARED);
	p[HUGE] = 9;
	answer_ptr("mremap.copy", mremap(p, 0, 2 * HUGE, MREMAP_MAYMOVE));
	q = mremap(p, 2 * HUGE, 2 * HUGE, MREMAP_MAYMOVE | MREMAP_FIXED, FREE_AREA);
	say("mremap.shared", "%d", q[HUGE]);
	unmap(q, 2 * HUGE);
	pool("mremap.after");
}

static void test_locks(void)
{
	char *p = map(2 * HUGE, ANON);

	answer("mlock", mlock(p, PAGE));
	pool("mlock");
	say("mlock", "VmLck %ld lines %d", status_value("VmLck"), map_lines(p, 2 * HUGE));
	answer("munlock", munlock(p, PAGE));
	answer("mlockall", mlockall(MCL_CURRENT | MCL_FUTURE));
	pool("mlockall");
	answer("munlockall", munlockall());
	unmap(p, 2 * HUGE);
	p = map(HUGE, SHARED);
	answer("msync", msync(p, HUGE, MS_SYNC));
	answer("msync.part", msync(p + PAGE, PAGE, MS_ASYNC | MS_INVALIDATE));
	unmap(p, HUGE);
}

static void test_mincore(void)
{
	static unsigned char vec[2 * HUGE / PAGE];
	char *p = map(2 * HUGE, SHARED);
	int n = 0;

	p[HUGE] = 1;
	answer("mincore", mincore(p, 2 * HUGE, vec));
	for (size_t i = 0; i < sizeof(vec); i++)
		n += vec[i];
	say("mincore.pages", "%d first %d last %d", n, vec[0], vec[sizeof(vec) - 1]);
	madvise(p, 2 * HUGE, MADV_DONTNEED);
	answer("mincore.part", mincore(p + HUGE + PAGE, 2 * PAGE, vec));
	say("mincore.dropped", "%d %d", vec[0], vec[1]);
	unmap(p, 2 * HUGE);
}

/* --- memfd --- */

static int huge_memfd(unsigned flags)
{
	int fd = syscall(SYS_memfd_create, "huge", MFD_HUGE | flags);

	if (fd < 0)
		die("memfd_create");
	return fd;
}

static void try_fallocate(const char *name, int fd, int mode, off_t at, off_t len)
{
	struct stat st;
	int err = fallocate(fd, mode, at, len);

	fstat(fd, &st);
	say(name, "%s size %lld blocks %lld", err ? errno_name(errno) : "ok", (long long)st.st_size,
		(long long)st.st_blocks);
}

/* A mapping that a seal refuses promises nothing, and the file does not grow for it. */
static void sealed(void)
{
	int fd = huge_memfd(2 /* MFD_ALLOW_SEALING */);

	ftruncate(fd, HUGE);
	answer("sealed", fcntl(fd, F_ADD_SEALS, 16 /* F_SEAL_FUTURE_WRITE */));
	answer_ptr("sealed.map", mmap(NULL, 2 * HUGE, RW, MAP_SHARED, fd, 0));
	pool("sealed.map");
	answer("sealed.size", lseek(fd, 0, SEEK_END));
	close(fd);
}

/* A size ends the promises beyond it, even if it was the size before. */
static void promised_beyond(void)
{
	int fd = huge_memfd(0);
	char *p;

	ftruncate(fd, HUGE);
	p = mmap(NULL, 2 * HUGE, PROT_READ, MAP_SHARED, fd, 0);
	pool("beyond.map");
	answer("beyond.truncate", ftruncate(fd, HUGE));
	pool("beyond.truncate");
	answer("beyond.allocate", fallocate(fd, 0, 0, HUGE));
	pool("beyond.allocate");
	unmap(p, 2 * HUGE);
	close(fd);
}

static void test_memfd(void)
{
	char name[64] = "", path[64], buf[8] = "";
	struct statfs fs;
	struct stat st;
	int fd;
	char *p;

	answer("memfd.1gb", syscall(SYS_memfd_create, "h", MFD_HUGE | 30u << 26));
	answer("memfd.4kb", syscall(SYS_memfd_create, "h", MFD_HUGE | 12u << 26));
	answer("memfd.unknown", syscall(SYS_memfd_create, "h", MFD_HUGE | 0x100));
	fd = huge_memfd(21u << 26);
	close(fd);
	fd = huge_memfd(0);
	fstat(fd, &st);
	say("memfd.stat", "mode %o size %lld blksize %ld blocks %lld nlink %d", st.st_mode,
		(long long)st.st_size, (long)st.st_blksize, (long long)st.st_blocks,
		(int)st.st_nlink);
	fstatfs(fd, &fs);
	say("memfd.statfs", "type %lx bsize %ld blocks %ld files %ld namelen %ld",
		(unsigned long)(unsigned)fs.f_type, (long)fs.f_bsize, (long)fs.f_blocks,
		(long)fs.f_files, (long)fs.f_namelen);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	(void)!readlink(path, name, sizeof(name) - 1);
	say("memfd.name", "%s", name);
	answer("memfd.truncate_odd", ftruncate(fd, HUGE + PAGE));
	answer("memfd.truncate", ftruncate(fd, 2 * HUGE));
	pool("memfd.size_promises_nothing");
	answer("memfd.write", write(fd, "x", 1));
	answer("memfd.read", read(fd, buf, 8));
	say("memfd.read_zero", "%d", buf[0]);
	answer("memfd.seek_end", lseek(fd, 0, SEEK_END));
	answer("memfd.read_end", read(fd, buf, 8));
	answer("memfd.seek_data", lseek(fd, 4096, SEEK_DATA));
	answer("memfd.seek_hole", lseek(fd, 4096, SEEK_HOLE));
	answer("memfd.fsync", fsync(fd));

	p = mmap(NULL, 2 * HUGE, RW, MAP_SHARED, fd, 0);
	answer_ptr("memfd.map", p);
	pool("memfd.map");
	strcpy(p + HUGE - 3, "hello");
	answer("memfd.pread", pread(fd, buf, 5, HUGE - 3));
	say("memfd.pread", "%.5s", buf);
	fstat(fd, &st);
	say("memfd.blocks", "%lld", (long long)st.st_blocks);
	answer("memfd.shrink", ftruncate(fd, HUGE));
	say("memfd.beyond", "%s %s", try_read(p), try_read(p + HUGE));
	pool("memfd.shrunk");
	unmap(p, 2 * HUGE);
	pool("memfd.unmapped");
	answer_ptr("memfd.odd_offset", mmap(NULL, HUGE, RW, MAP_SHARED, fd, PAGE));
	answer_ptr("memfd.fixed_odd_offset",
		mmap(FREE_AREA, HUGE, RW, MAP_SHARED | MAP_FIXED, fd, PAGE));
	p = mmap(NULL, 1, RW, MAP_SHARED, fd, 0);
	say("memfd.map_byte", "%d", map_lines(p, HUGE));
	unmap(p, HUGE);
	p = mmap(NULL, 3 * HUGE, RW, MAP_SHARED, fd, 0);
	fstat(fd, &st);
	say("memfd.map_grows", "%lld", (long long)st.st_size);
	unmap(p, 3 * HUGE);
	p = mmap(NULL, 4 * HUGE, PROT_READ, MAP_SHARED, fd, 0);
	fstat(fd, &st);
	say("memfd.reading_does_not", "%lld %s", (long long)st.st_size, try_read(p + 3 * HUGE));
	unmap(p, 4 * HUGE);
	pool("memfd.promised_to_file");
	answer("memfd.empty", ftruncate(fd, 0));
	pool("memfd.empty");

	p = mmap(NULL, 2 * HUGE, RW, MAP_SHARED, fd, 0);
	p[0] = 'a';
	p[HUGE] = 'b';
	char *q = mmap(NULL, 2 * HUGE, RW, MAP_PRIVATE, fd, 0);
	pool("memfd.private");
	say("memfd.private_reads", "%c %c", q[0], q[HUGE]);
	q[0] = 'A';
	say("memfd.private_writes", "%c %c", p[0], q[0]);
	p[HUGE] = 'c';
	say("memfd.private_sees", "%c", q[HUGE]);
	pool("memfd.private_wrote");
	answer("memfd.private_dropped", madvise(q, 2 * HUGE, MADV_DONTNEED));
	say("memfd.private_back", "%c %c", q[0], q[HUGE]);
	unmap(q, 2 * HUGE);
	unmap(p, 2 * HUGE);
	close(fd);
	pool("memfd.closed");
}

static void test_fallocate(void)
{
	int fd = huge_memfd(2 /* MFD_ALLOW_SEALING */);
	char *p;

	try_fallocate("fallocate.small", fd, 0, 0, 1);
	try_fallocate("fallocate.keep", fd, FALLOC_FL_KEEP_SIZE, HUGE, HUGE);
	try_fallocate("fallocate.two", fd, 0, HUGE, HUGE + 1);
	pool("fallocate");
	p = mmap(NULL, 3 * HUGE, RW, MAP_SHARED, fd, 0);
	memset(p, 5, 3 * HUGE);
	try_fallocate("fallocate.punch", fd, FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE, HUGE - 7,
		HUGE + 14);
	pool("fallocate.punched");
	say("fallocate.edges", "%d %d %d %d %d", p[HUGE - 8], p[HUGE - 7], p[HUGE],
		p[2 * HUGE + 6], p[2 * HUGE + 7]);
	try_fallocate("fallocate.punch_inside", fd, FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE,
		100, 8192);
	say("fallocate.inside", "%d %d %d %d", p[99], p[100], p[8291], p[8292]);
	try_fallocate("fallocate.zero_range", fd, FALLOC_FL_ZERO_RANGE, 0, HUGE);
	try_fallocate("fallocate.nothing", fd, 0, 0, 0);
	try_fallocate("fallocate.too_many", fd, 0, 0, (POOL + 2) * HUGE);
	pool("fallocate.too_many");
	unmap(p, 3 * HUGE);
	answer("fallocate.empty", ftruncate(fd, 0));
	pool("fallocate.empty");

	answer("seal.get", fcntl(fd, 1034));
	answer("seal.grow", fcntl(fd, 1033, 4));
	answer("seal.ftruncate", ftruncate(fd, HUGE));
	try_fallocate("seal.fallocate", fd, 0, 0, HUGE);
	p = mmap(NULL, HUGE, RW, MAP_SHARED, fd, 0);
	say("seal.map_grows", "%s", p == MAP_FAILED ? errno_name(errno) : "ok");
	answer("seal.write_busy", fcntl(fd, 1033, 8));
	if (p != MAP_FAILED)
		unmap(p, HUGE);
	answer("seal.write", fcntl(fd, 1033, 8));
	answer_ptr("seal.map", mmap(NULL, HUGE, RW, MAP_SHARED, fd, 0));
	answer("seal.get", fcntl(fd, 1034));
	close(fd);
	fd = huge_memfd(0);
	answer("seal.not_allowed", fcntl(fd, 1033, 4));
	close(fd);
}

/* --- hugetlbfs --- */

static void try_mount(const char *name, const char *options)
{
	int err = mount("none", "huge_dir", "hugetlbfs", 0, options);

	answer(name, err);
	if (!err)
		umount("huge_dir");
}

static void test_mount(void)
{
	struct statfs fs;
	struct stat st;
	char buf[64];
	int fd;
	char *p;

	mkdir("huge_dir", 0700);
	try_mount("mount.pagesize", "pagesize=2M");
	try_mount("mount.pagesize_4k", "pagesize=4K");
	try_mount("mount.unknown", "nothing=1");
	try_mount("mount.ids", "uid=7,gid=8,mode=700");
	answer("mount", mount("none", "huge_dir", "hugetlbfs", MS_NOSUID, NULL));
	stat("huge_dir", &st);
	say("mount.root", "mode %o uid %d blksize %ld", st.st_mode, st.st_uid, (long)st.st_blksize);
	statfs("huge_dir", &fs);
	say("mount.statfs", "type %lx bsize %ld", (unsigned long)(unsigned)fs.f_type,
		(long)fs.f_bsize);
	fd = open("huge_dir/file", O_RDWR | O_CREAT | O_EXCL, 0640);
	answer("mount.write", write(fd, "x", 1));
	answer("mount.truncate", ftruncate(fd, HUGE));
	p = answer_ptr("mount.map", mmap(NULL, HUGE, RW, MAP_SHARED | MAP_HUGETLB, fd, 0));
	strcpy(p + 4000, "in a file");
	unmap(p, HUGE);
	close(fd);
	pool("mount.closed");
	fd = open("huge_dir/file", O_RDONLY);
	answer("mount.read", pread(fd, buf, 10, 4000));
	say("mount.read", "%s", buf);
	answer_ptr("mount.map_write", mmap(NULL, HUGE, RW, MAP_SHARED, fd, 0));
	p = answer_ptr("mount.map_private", mmap(NULL, HUGE, RW, MAP_PRIVATE, fd, 0));
	p[4000] = 'I';
	say("mount.private", "%s", p + 4000);
	unmap(p, HUGE);
	fstat(fd, &st);
	say("mount.stat", "mode %o size %lld blocks %lld", st.st_mode, (long long)st.st_size,
		(long long)st.st_blocks);
	close(fd);
	answer("mount.mkdir", mkdir("huge_dir/d", 0755));
	answer("mount.symlink", symlink("../file", "huge_dir/d/link"));
	answer("mount.rename", rename("huge_dir/file", "huge_dir/d/file"));
	answer("mount.link_gone", stat("huge_dir/d/link", &st));
	answer("mount.busy", umount("huge_dir/d"));
	answer("mount.unlink", unlink("huge_dir/d/file"));
	pool("mount.unlinked");
	fd = open("huge_dir/file", O_RDWR | O_CREAT, 0640);
	answer("mount.allocate", fallocate(fd, 0, 0, 2 * HUGE));
	close(fd);
	pool("mount.allocated");
	answer("mount.umount", umount("huge_dir"));
	pool("mount.gone");
	rmdir("huge_dir");
}

/* --- System V segments --- */

static void drop_root(void)
{
	if (setgid(1000) || setuid(1000))
		die("setuid");
	answer("shm.user", shmget(IPC_PRIVATE, HUGE, 0600 | SHM_HUGETLB));
	answer("shm.user_bad_size", shmget(IPC_PRIVATE, HUGE, 0600 | SHM_HUGETLB | GIGA_LOG));
	try_map("mmap.user", NULL, HUGE, RW, ANON, -1);
}

static void test_shm(void)
{
	struct shmid_ds ds;
	int id;
	char *p;

	answer("shm.1gb", shmget(IPC_PRIVATE, HUGE, 0600 | SHM_HUGETLB | GIGA_LOG));
	answer("shm.too_many", shmget(IPC_PRIVATE, (POOL + 1) * HUGE, 0600 | SHM_HUGETLB));
	answer("shm.nothing", shmget(IPC_PRIVATE, 0, 0600 | SHM_HUGETLB));
	isolated("shm.user", drop_root);
	id = shmget(IPC_PRIVATE, HUGE + 1, 0600 | SHM_HUGETLB);
	say("shm.get", "%s", id < 0 ? errno_name(errno) : "ok");
	pool("shm.promised");
	answer("shm.stat", shmctl(id, IPC_STAT, &ds));
	say("shm.stat", "size %lu nattch %lu", (unsigned long)ds.shm_segsz,
		(unsigned long)ds.shm_nattch);
	p = shmat(id, NULL, 0);
	answer_ptr("shm.at", p == (char *)-1 ? MAP_FAILED : p);
	say("shm.lines", "%d", map_lines(p, 2 * HUGE));
	p[HUGE + 5] = 1;
	pool("shm.touched");
	answer_ptr("shm.at_odd", shmat(id, FREE_AREA + PAGE, 0));
	answer_ptr("shm.at_rounded", shmat(id, FREE_AREA + PAGE + 1, SHM_RND));
	say("shm.at_fixed", "%s", shmat(id, FREE_AREA, 0) == FREE_AREA ? "ok" : errno_name(errno));
	say("shm.same", "%d", FREE_AREA[HUGE + 5]);
	answer("shm.lock", shmctl(id, SHM_LOCK, NULL));
	shmctl(id, IPC_STAT, &ds);
	say("shm.lock", "%o", ds.shm_perm.mode);
	answer("shm.dt", shmdt(p));
	answer("shm.dt_fixed", shmdt(FREE_AREA));
	pool("shm.detached");
	answer("shm.rmid", shmctl(id, IPC_RMID, NULL));
	pool("shm.removed");
	id = shmget(IPC_PRIVATE, HUGE, 0600 | SHM_HUGETLB | SHM_NORESERVE);
	pool("shm.noreserve");
	shmctl(id, IPC_RMID, NULL);
}

/* --- The kernel as user --- */

static void test_kernel_access(void)
{
	int null = open("/dev/zero", O_RDONLY | O_CLOEXEC), mem, pipes[2];
	char *p = map(2 * HUGE, ANON), *q = map_anon(PAGE);
	struct iovec local = {q, PAGE}, remote = {p + HUGE - 8, 16};
	uint64_t word = 0;

	memset(q, 'q', PAGE);
	answer("kernel.read_into", read(null, p + HUGE - 100, 200));
	if (pipe(pipes))
		die("pipe");
	p[HUGE - 1] = '<';
	p[HUGE] = '>';
	answer("kernel.write_from", write(pipes[1], p + HUGE - 1, 2));
	answer("kernel.read_from", read(pipes[0], q, 2));
	say("kernel.bytes", "%.2s", q);
	answer("kernel.process_vm_readv", process_vm_readv(getpid(), &local, 1, &remote, 1, 0));
	say("kernel.read", "%c%c", q[7], q[8]);
	memcpy(q, "0123456789abcdef", 16);
	local.iov_len = 16;
	answer("kernel.process_vm_writev", process_vm_writev(getpid(), &local, 1, &remote, 1, 0));
	say("kernel.written", "%.16s", p + HUGE - 8);
	mem = open("/proc/self/mem", O_RDWR | O_CLOEXEC);
	answer("kernel.mem_write", pwrite64(mem, "MEM", 3, (uintptr_t)p + 5));
	say("kernel.mem_written", "%s", p + 5);
	mprotect(p, HUGE, PROT_READ);
	answer("kernel.mem_forced", pwrite64(mem, "X", 1, (uintptr_t)p + 5));
	answer("kernel.mem_read", pread64(mem, &word, 3, (uintptr_t)p + 5));
	say("kernel.mem_read", "%.3s", (char *)&word);
	answer("kernel.read_only", read(null, p, 1));
	answer("futex.wake", syscall(SYS_futex, p + HUGE + 64, FUTEX_WAKE, 1, NULL, NULL, 0));
	answer("futex.wait", syscall(SYS_futex, p + HUGE + 64, FUTEX_WAIT, 1, NULL, NULL, 0));
	unmap(p, 2 * HUGE);
	answer("kernel.gone", pread64(mem, &word, 3, (uintptr_t)p + 5));
	close(mem);
	close(null);
	close(pipes[0]);
	close(pipes[1]);
	munmap(q, PAGE);
}

static void futex_child(void)
{
	syscall(SYS_futex, region + 4096, FUTEX_WAIT, 0, NULL, NULL, 0);
	say("futex.shared_woken", "%d", *(int *)(region + 4096));
}

static void test_futex(void)
{
	pid_t pid;
	int woken = 0;

	region = map(HUGE, SHARED);
	pid = fork();
	if (pid == 0) {
		futex_child();
		_exit(0);
	}
	while (!woken) {
		usleep(1000);
		woken = syscall(SYS_futex, region + 4096, FUTEX_WAKE, 1, NULL, NULL, 0);
	}
	waitpid(pid, NULL, 0);
	answer("futex.shared", woken);
	unmap(region, HUGE);
}

/* --- /proc --- */

/* A line of the smaps entry that begins at p. */
static void smap(const char *name, const char *p, const char *field)
{
	FILE *file = fopen("/proc/self/smaps", "re");
	char line[512], start[16];
	bool in = false;

	snprintf(start, sizeof(start), "%08lx-", (unsigned long)p);
	while (file && fgets(line, sizeof(line), file)) {
		if (strchr(line, '-') == line + 8)
			in = !strncmp(line, start, 9);
		else if (in && !strncmp(line, field, strlen(field))) {
			line[strcspn(line, "\n")] = '\0';
			say(name, "%s", line);
		}
	}
	fclose(file);
}

/* The line of maps for p from the permissions on, without device and inode. */
static void map_line(const char *name, const char *p)
{
	FILE *file = fopen("/proc/self/maps", "re");
	char line[512], start[16], perms[8], path[256];
	unsigned long offset;

	snprintf(start, sizeof(start), "%08lx-", (unsigned long)p);
	while (file && fgets(line, sizeof(line), file)) {
		path[0] = '\0';
		if (strncmp(line, start, 9))
			continue;
		sscanf(line, "%*s %7s %lx %*s %*s %255[^\n]", perms, &offset, path);
		say(name, "%s %lx %s", perms, offset, path);
	}
	fclose(file);
}

static uint64_t entry_of(const char *path, uint64_t index)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	uint64_t word = 0;

	if (fd < 0 || pread(fd, &word, 8, index * 8) != 8)
		die(path);
	close(fd);
	return word;
}

#define KPF_SHOWN (1 << 7 | 1 << 10 | 1 << 11 | 1 << 12 | 1 << 15 | 1 << 16 | 1 << 17)

static void frames(const char *name, char *p)
{
	uint64_t first = entry_of("/proc/self/pagemap", (uintptr_t)p / PAGE);
	uint64_t last = entry_of("/proc/self/pagemap", (uintptr_t)p / PAGE + 511);
	uint64_t pfn = first & ((1ull << 55) - 1);

	say(name, "flags %llx %llx, frames %s", (unsigned long long)first >> 56,
		(unsigned long long)last >> 56,
		pfn % 512 == 0 && (last & ((1ull << 55) - 1)) == pfn + 511 ? "in a row" : "apart");
	if (!pfn)
		return;
	say(name, "count %llu %llu kpageflags %llx %llx",
		(unsigned long long)entry_of("/proc/kpagecount", pfn),
		(unsigned long long)entry_of("/proc/kpagecount", pfn + 511),
		(unsigned long long)entry_of("/proc/kpageflags", pfn) & KPF_SHOWN,
		(unsigned long long)entry_of("/proc/kpageflags", pfn + 511) & KPF_SHOWN);
}

static void proc_child(void)
{
	smap("proc.child", region, "Shared_Hugetlb");
	smap("proc.child", region, "Private_Hugetlb");
	frames("frames.child", region);
}

static void test_proc(void)
{
	static const char *const fields[] = {"Size", "KernelPageSize", "MMUPageSize", "Rss", "Pss:",
		"Referenced", "Anonymous", "Shared_Hugetlb", "Private_Hugetlb", "Locked", "VmFlags"};
	long rss = status_value("VmRSS"), size = status_value("VmSize");
	char *p = map(2 * HUGE, ANON), *q = map(2 * HUGE, SHARED);
	int fd = huge_memfd(0);

	p[0] = q[0] = q[HUGE] = 1;
	say("proc.status", "size +%ld data in VmData", status_value("VmSize") - size);
	check("proc.rss_same", labs(status_value("VmRSS") - rss) < 1024);
	map_line("proc.maps", p);
	map_line("proc.maps_shared", q);
	for (size_t i = 0; i < COUNT(fields); i++)
		smap("proc.smaps", p, fields[i]);
	smap("proc.smaps_shared", q, "Private_Hugetlb");
	smap("proc.smaps_shared", q, "VmFlags");
	frames("frames.private", p);
	frames("frames.shared", q);
	frames("frames.untouched", p + HUGE);
	region = q;
	isolated("proc.untouched_child", proc_child);
	region = p;
	isolated("proc.child", proc_child);
	unmap(q, 2 * HUGE);
	q = mmap(NULL, HUGE, RW, MAP_SHARED, fd, 0);
	map_line("proc.maps_memfd", q);
	unmap(q, HUGE);
	unmap(p, 2 * HUGE);
	q = mmap(NULL, HUGE, RW, ANON | MAP_NORESERVE, -1, 0);
	smap("proc.noreserve", q, "VmFlags");
	unmap(q, HUGE);
	close(fd);
}

int main(void)
{
	char *p;

	test_pool();
	test_sys();
	test_mmap();
	test_promises();
	test_surplus();
	test_faults();
	test_fork();
	isolated("orphan", orphan);
	usleep(200000);
	pool("orphan.after");
	test_munmap();
	test_mprotect();
	half_borders();
	test_madvise();
	test_mremap();
	test_locks();
	test_mincore();
	test_memfd();
	promised_beyond();
	sealed();
	test_fallocate();
	test_mount();
	test_shm();
	test_kernel_access();
	test_futex();
	test_proc();
	pool("end");
	set_pool(0);
	pool("end.given_back");
	p = mmap(NULL, HUGE, RW, ANON, -1, 0);
	say("end.nothing_left", "%s", p == MAP_FAILED ? errno_name(errno) : "ok");
	return test_failed;
}
