/* Bad memory: MADV_HWPOISON, MADV_SOFT_OFFLINE, and what becomes of the pages and who had them. */
#include "tests/user/test.h"
#include <sys/prctl.h>
#include <sys/uio.h>

#define HWPOISON     100
#define SOFT_OFFLINE 101
#ifndef MADV_POPULATE_READ
#define MADV_POPULATE_READ  22
#define MADV_POPULATE_WRITE 23
#endif

static const char *lost(void (*body)(volatile char *), volatile char *p)
{
	static char text[64];

	if (survives(body, p))
		return "ok";
	snprintf(text, sizeof(text), "signal %d code %d%s", last_fault.signal, last_fault.code,
		last_fault.addr == p ? "" : " elsewhere");
	return text;
}

static uint64_t word_of(const char *path, unsigned long index)
{
	uint64_t word = 0;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0 || pread(fd, &word, 8, (off_t)index * 8) != 8)
		die(path);
	close(fd);
	return word;
}

static uint64_t pagemap(const void *p)
{
	return word_of("/proc/self/pagemap", (uintptr_t)p / PAGE);
}

static unsigned long frame(const void *p)
{
	return pagemap(p) & ((1ull << 55) - 1);
}

static bool is_bad(unsigned long pfn)
{
	return word_of("/proc/kpageflags", pfn) >> 19 & 1;
}

static long field(const char *path, const char *name, const void *at)
{
	unsigned long start, end;
	FILE *f = fopen(path, "re");
	char line[256];
	long value = -1;
	bool here = !at;

	while (f && fgets(line, sizeof(line), f)) {
		if (at && sscanf(line, "%lx-%lx ", &start, &end) == 2)
			here = (uintptr_t)at >= start && (uintptr_t)at < end;
		else if (here && !strncmp(line, name, strlen(name)) && line[strlen(name)] == ':')
			value = strtol(line + strlen(name) + 1, NULL, 10);
	}
	if (f)
		fclose(f);
	return value;
}

static long corrupted(void)
{
	return field("/proc/meminfo", "HardwareCorrupted", NULL);
}

static void smaps(const char *name, const void *p)
{
	static const char *const fields[] = {"Rss", "Pss", "Shared_Clean", "Shared_Dirty",
		"Private_Clean", "Private_Dirty", "Referenced", "Anonymous", "Swap"};
	char line[300] = "";

	for (size_t i = 0; i < COUNT(fields); i++)
		snprintf(line + strlen(line), sizeof(line) - strlen(line), " %s %ld", fields[i],
			field("/proc/self/smaps", fields[i], p));
	say(name, "%s", line + 1);
}

static void poison(const char *name, char *p)
{
	answer(name, madvise(p, PAGE, HWPOISON));
}

static void refused_user(void)
{
	char *p = map_anon(PAGE);

	*p = 1;
	if (setuid(1000))
		die("setuid");
	answer("refused.user", madvise(p, PAGE, HWPOISON));
	answer("refused.user.soft", madvise(p, PAGE, SOFT_OFFLINE));
	answer("refused.user.unaligned", madvise(p + 1, PAGE, HWPOISON));
	say("refused.user", "%d", *p);
}

static void refused(void)
{
	char *p = map_anon(2 * PAGE);

	isolated("refused.user", refused_user);
	answer("refused.unaligned", madvise(p + 1, PAGE, HWPOISON));
	answer("refused.nothing", madvise(p, 0, HWPOISON));
	answer("refused.unmapped", madvise(FREE_AREA, PAGE, HWPOISON));
	answer("refused.kernel", madvise(KERNEL, PAGE, HWPOISON));
	*p = 1;
	mprotect(p, PAGE, PROT_NONE);
	answer("refused.prot_none", madvise(p, PAGE, HWPOISON));
	answer("refused.prot_none.soft", madvise(p, PAGE, SOFT_OFFLINE));
	mprotect(p, PAGE, PROT_READ | PROT_WRITE);
	say("refused", "%d", *p);
}

static void private(void)
{
	long before = corrupted(), rss;
	char *p = map_at(FREE_AREA, 4 * PAGE, PROT_READ | PROT_WRITE), *q;
	char byte;
	struct iovec to = {&byte, 1}, from = {p + PAGE, 1};
	unsigned char vec[4];
	unsigned long pfn;
	int fds[2];

	memset(p, 'a', 4 * PAGE);
	pfn = frame(p + PAGE);
	check("private.good", !is_bad(pfn));
	rss = status_value("RssAnon");
	poison("private", p + PAGE);
	say("private.RssAnon", "%ld kB", status_value("RssAnon") - rss);
	check("private.bad", is_bad(pfn));
	say("private.corrupted", "%ld kB", corrupted() - before);
	say("private.read", "%s", lost(do_read, p + PAGE + 5));
	say("private.write", "%s", lost(do_write, p + 2 * PAGE - 1));
	say("private.beside", "%s %s", lost(do_write, p + PAGE - 1), lost(do_read, p + 2 * PAGE));
	answer("private.again", madvise(p + PAGE, PAGE, HWPOISON));
	answer("private.all", madvise(p, 4 * PAGE, SOFT_OFFLINE));
	answer("private.mincore", mincore(p, 4 * PAGE, vec));
	say("private.mincore", "%d%d%d%d", vec[0] & 1, vec[1] & 1, vec[2] & 1, vec[3] & 1);
	smaps("private.smaps", p);
	say("private.pagemap", "%x", (unsigned)(pagemap(p + PAGE) >> 56));
	if (pipe(fds))
		die("pipe");
	answer("private.from", write(fds[1], p + PAGE, 1));
	answer("private.to", pread(open("/proc/self/exe", O_RDONLY), p + PAGE, 1, 0));
	answer("private.mlock", mlock(p, 4 * PAGE));
	munlock(p, 4 * PAGE);
	answer("private.populate", madvise(p, 4 * PAGE, MADV_POPULATE_READ));
	answer("private.populate_write", madvise(p, 4 * PAGE, MADV_POPULATE_WRITE));
	answer("private.process_vm", process_vm_readv(getpid(), &to, 1, &from, 1, 0));
	answer("private.mprotect", mprotect(p, 4 * PAGE, PROT_NONE));
	say("private.none", "%s", lost(do_read, p + PAGE));
	answer("private.mprotect", mprotect(p, 4 * PAGE, PROT_READ));
	say("private.readonly.write", "%s", lost(do_write, p + PAGE));
	say("private.readonly", "%s", lost(do_read, p + PAGE));
	answer("private.mprotect", mprotect(p, 4 * PAGE, PROT_READ | PROT_WRITE));
	say("private.back", "%s", lost(do_write, p + PAGE));
	q = mremap(p, 4 * PAGE, 4 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, FREE_AREA2);
	say("private.mremap", "%s", lost(do_read, q + PAGE));
	answer("private.free", madvise(q, 4 * PAGE, MADV_FREE));
	say("private.free", "%s", lost(do_read, q + PAGE));
	answer("private.dontneed", madvise(q, 4 * PAGE, MADV_DONTNEED));
	say("private.dontneed", "%s %d", lost(do_write, q + PAGE), q[PAGE + 1]);
	check("private.elsewhere", frame(q + PAGE) != pfn && is_bad(pfn));
	*q = 'b';
	poison("private.unmapped", q);
	answer("private.munmap", munmap(q, 4 * PAGE));
	say("private.corrupted", "%ld kB", corrupted() - before);
}

static char *shared_by_fork;

static void child_finds(void)
{
	say("fork.child", "%s", lost(do_read, shared_by_fork));
	say("fork.child.beside", "%s", lost(do_write, shared_by_fork + PAGE));
}

static void forks(void)
{
	char *p = shared_by_fork = map_anon(2 * PAGE);
	int go[2], status;
	char byte;
	pid_t pid;

	memset(p, 'f', 2 * PAGE);
	poison("fork", p);
	isolated("fork.child", child_finds);
	p = shared_by_fork = map_anon(2 * PAGE);
	memset(p, 'g', 2 * PAGE);
	if (pipe(go))
		die("pipe");
	pid = fork();
	if (pid == 0) {
		if (read(go[0], &byte, 1) != 1)
			die("read");
		child_finds();
		_exit(0);
	}
	poison("fork.both", p);
	if (write(go[1], "", 1) != 1)
		die("write");
	waitpid(pid, &status, 0);
	smaps("fork.smaps", p);
	say("fork.parent", "%s %s", lost(do_read, p), lost(do_write, p + PAGE));
}

static void files(void)
{
	int fd = make_file("bad", "", 0);
	char *p, *q, *own, byte;
	unsigned long pfn;

	if (ftruncate(fd, 4 * PAGE))
		die("ftruncate");
	p = mmap(NULL, 4 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	q = mmap(NULL, 4 * PAGE, PROT_READ, MAP_SHARED, fd, 0);
	own = mmap(NULL, 4 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
	memset(p, 'p', 4 * PAGE);
	do_read(q + PAGE);
	do_write(own + PAGE);
	do_read(own + 2 * PAGE);
	pfn = frame(p + PAGE);
	poison("file", p + PAGE);
	check("file.bad", is_bad(pfn));
	say("file.read", "%s", lost(do_read, p + PAGE));
	say("file.write", "%s", lost(do_write, p + PAGE + 1));
	smaps("file.smaps", p);
	say("file.pagemap", "%x", (unsigned)(pagemap(p + PAGE) >> 56));
	say("file.other", "%s", lost(do_read, q + PAGE));
	say("file.own", "%s", lost(do_read, own + PAGE));
	answer("file.pread", pread(fd, &byte, 1, PAGE));
	answer("file.pread.before", pread(fd, p, 2 * PAGE, 0));
	answer("file.pwrite", pwrite(fd, "x", 1, PAGE));
	answer("file.pread.beside", pread(fd, &byte, 1, 2 * PAGE));
	q = mmap(NULL, 4 * PAGE, PROT_READ, MAP_SHARED, fd, 0);
	say("file.new", "%s", lost(do_read, q + PAGE));
	own = mmap(NULL, 4 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
	say("file.new.own", "%s", lost(do_write, own + PAGE));
	answer("file.truncate", ftruncate(fd, 0));
	answer("file.truncate", ftruncate(fd, 4 * PAGE));
	say("file.after", "%s", lost(do_write, p + PAGE));
	answer("file.after.pread", pread(fd, &byte, 1, PAGE));
	check("file.after.bad", is_bad(pfn) && frame(p + PAGE) != pfn);
	close(fd);
	unlink("bad");
	munmap(p, 4 * PAGE);
}

/* --- Who wants to know --- */

static volatile int told, told_code, told_lsb;
static void *volatile told_at;

static void on_bus(int sig, siginfo_t *info, void *context)
{
	told++;
	told_code = info->si_code;
	told_at = info->si_addr;
	told_lsb = info->si_addr_lsb;
}

static void policy(const char *name, int what, int how, int more)
{
	answer(name, prctl(PR_MCE_KILL, what, how, more, 0));
	answer("policy", prctl(PR_MCE_KILL_GET, 0, 0, 0, 0));
}

static void early(void)
{
	struct sigaction action = {.sa_sigaction = on_bus, .sa_flags = SA_SIGINFO};
	char *p = map_anon(2 * PAGE);

	memset(p, 'e', 2 * PAGE);
	sigaction(SIGBUS, &action, NULL);
	poison("late", p);
	say("late", "%d signals", told);
	policy("policy.set", PR_MCE_KILL_SET, PR_MCE_KILL_EARLY, 0);
	poison("early", p + PAGE);
	say("early", "%d signals, code %d lsb %d%s", told, told_code, told_lsb,
		told_at == p + PAGE ? "" : " elsewhere");
}

/* What counts for those who have not said when they want to know. */
static void early_for_all(void)
{
	struct sigaction action = {.sa_sigaction = on_bus, .sa_flags = SA_SIGINFO};
	char *p = map_anon(2 * PAGE);

	memset(p, 'e', 2 * PAGE);
	sigaction(SIGBUS, &action, NULL);
	write_setting("/proc/sys/vm/memory_failure_early_kill", "1");
	poison("all_early", p);
	say("all_early", "%d signals, code %d", told, told_code);
	prctl(PR_MCE_KILL, PR_MCE_KILL_SET, PR_MCE_KILL_LATE, 0, 0);
	poison("all_early.but_late", p + PAGE);
	say("all_early.but_late", "%d signals", told);
	write_setting("/proc/sys/vm/memory_failure_early_kill", "0");
}

static void inherited(void)
{
	answer("policy.child", prctl(PR_MCE_KILL_GET, 0, 0, 0, 0));
}

static void dies(void)
{
	char *p = map_anon(PAGE);

	*p = 1;
	madvise(p, PAGE, HWPOISON);
	signal(SIGBUS, SIG_DFL);
	do_read(p);
}

static void policies(void)
{
	answer("policy.get", prctl(PR_MCE_KILL_GET, 0, 0, 0, 0));
	answer("policy.get.arg", prctl(PR_MCE_KILL_GET, 1, 0, 0, 0));
	policy("policy.early", PR_MCE_KILL_SET, PR_MCE_KILL_EARLY, 0);
	isolated("policy.child", inherited);
	policy("policy.late", PR_MCE_KILL_SET, PR_MCE_KILL_LATE, 0);
	policy("policy.default", PR_MCE_KILL_SET, PR_MCE_KILL_DEFAULT, 0);
	policy("policy.early", PR_MCE_KILL_SET, PR_MCE_KILL_EARLY, 0);
	policy("policy.3", PR_MCE_KILL_SET, 3, 0);
	policy("policy.what", 2, 0, 0);
	policy("policy.more", PR_MCE_KILL_SET, 0, 1);
	policy("policy.clear.arg", PR_MCE_KILL_CLEAR, 1, 0);
	policy("policy.clear", PR_MCE_KILL_CLEAR, 0, 0);
	isolated("early", early);
	isolated("all_early", early_for_all);
	answer_status("dies", in_child(dies));
}

/* --- Soft --- */

static void soft(void)
{
	long before = corrupted();
	char *p = map_anon(3 * PAGE), *q;
	unsigned long pfn, cow;
	int fd = make_file("soft", "", 0), status;
	pid_t pid;

	strcpy(p, "stays");
	strcpy(p + PAGE, "shared");
	pfn = frame(p);
	answer("soft", madvise(p, PAGE, SOFT_OFFLINE));
	say("soft", "%s, %s, %s", p, lost(do_write, p + 100), p);
	check("soft.moved", frame(p) != pfn && is_bad(pfn) && !is_bad(frame(p)));
	say("soft.corrupted", "%ld kB", corrupted() - before);
	cow = frame(p + PAGE);
	pid = fork();
	if (pid == 0) {
		pause();
		_exit(0);
	}
	answer("soft.cow", madvise(p + PAGE, PAGE, SOFT_OFFLINE));
	say("soft.cow", "%s", p + PAGE);
	check("soft.cow.moved", frame(p + PAGE) != cow && is_bad(cow));
	p[PAGE] = 'S';
	kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
	if (ftruncate(fd, PAGE))
		die("ftruncate");
	p = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	q = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	strcpy(p, "of a file");
	do_read(q);
	pfn = frame(p);
	answer("soft.file", madvise(p, PAGE, SOFT_OFFLINE));
	say("soft.file", "%s, %s", p, q);
	check("soft.file.moved", frame(p) != pfn && is_bad(pfn) && frame(p) == frame(q));
	strcpy(q, "written again");
	say("soft.file", "%s", p);
	say("soft.corrupted", "%ld kB", corrupted() - before);
	close(fd);
	unlink("soft");
}

int main(void)
{
	isolated("refused", refused);
	isolated("private", private);
	isolated("forks", forks);
	isolated("files", files);
	isolated("policies", policies);
	isolated("soft", soft);
	return test_failed;
}
