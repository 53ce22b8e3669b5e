/* Corners of address spaces that random streams of calls ran into: each line once differed. */
#include "tests/user/test.h"
#include <sys/uio.h>

#define RW (PROT_READ | PROT_WRITE)

/* The offset and the flags that /proc/self/smaps gives the mapping at p. */
static void describe(const char *name, const void *p)
{
	unsigned long start, end, offset = 0;
	FILE *smaps = fopen("/proc/self/smaps", "re");
	char line[512], perms[8] = "none";
	bool here = false;

	if (!smaps)
		die("/proc/self/smaps");
	while (fgets(line, sizeof(line), smaps)) {
		if (sscanf(line, "%lx-%lx %7s %lx", &start, &end, perms, &offset) == 4)
			here = start <= (unsigned long)p && (unsigned long)p < end;
		else if (here && !strncmp(line, "VmFlags: ", 9))
			break;
	}
	line[strcspn(line, "\n")] = 0;
	say(name, "%s %lx %s", here ? perms : "none", here ? offset : 0, here ? line + 9 : "");
	fclose(smaps);
}

static void dev_zero(void)
{
	int zero = open("/dev/zero", O_RDWR), reader = open("/dev/zero", O_RDONLY);
	char *p = mmap(FREE_AREA, 3 * PAGE, RW, MAP_PRIVATE | MAP_FIXED, zero, 3 * PAGE);

	describe("zero.private", p);
	p[0] = 1;
	answer_ptr("zero.beside",
		mmap(p + 3 * PAGE, PAGE, RW, MAP_PRIVATE | MAP_FIXED, zero, 6 * PAGE));
	say("zero.merged", "%d", map_lines(p, 4 * PAGE));
	answer("zero.wipeonfork", madvise(p, PAGE, MADV_WIPEONFORK));
	answer("zero.remove", madvise(p, PAGE, MADV_REMOVE));
	answer("zero.free", madvise(p, PAGE, MADV_FREE));
	munmap(p, 4 * PAGE);
	p = mmap(FREE_AREA, 2 * PAGE, RW, MAP_SHARED | MAP_FIXED, zero, PAGE);
	describe("zero.shared", p);
	say("zero.shared_inside", "%s", try_write(p));
	say("zero.shared_beyond", "%s", try_write(p + PAGE));
	munmap(p, 2 * PAGE);
	p = mmap(FREE_AREA, 2 * PAGE, PROT_READ, MAP_SHARED | MAP_FIXED, reader, PAGE);
	describe("zero.shared_reader", p);
	say("zero.shared_reader_read", "%s", try_read(p + PAGE));
	answer("zero.shared_reader_write", mprotect(p, PAGE, RW));
	munmap(p, 2 * PAGE);
	close(zero);
	close(reader);
}

/* A write beyond the end of the file makes no page, yet the mapping has its own from then on. */
static void write_beyond_end(void)
{
	int fd = memfd_create("short", 0);
	char *p;

	ftruncate(fd, PAGE);
	p = mmap(FREE_AREA, 4 * PAGE, RW, MAP_PRIVATE | MAP_FIXED, fd, 0);
	say("beyond.write", "%s", try_write(p + 3 * PAGE));
	pid_t pid = fork();
	if (pid) {
		waitpid(pid, NULL, 0);
	} else {
		mprotect(p, PAGE, PROT_READ);
		mprotect(p + PAGE, PAGE, PROT_READ);
		say("beyond.child_lines", "%d", map_lines(p, 4 * PAGE));
		answer_ptr("beyond.child_new",
			mmap(p + 4 * PAGE, PAGE, RW, MAP_PRIVATE | MAP_FIXED, fd, 4 * PAGE));
		say("beyond.child_apart", "%d", map_lines(p, 5 * PAGE));
		_exit(0);
	}
	answer_ptr(
		"beyond.new", mmap(p + 4 * PAGE, PAGE, RW, MAP_PRIVATE | MAP_FIXED, fd, 4 * PAGE));
	say("beyond.joined", "%d", map_lines(p, 5 * PAGE));
	munmap(p, 5 * PAGE);
	close(fd);
}

static void advice(void)
{
	char *p = map_at(FREE_AREA, 4 * PAGE, RW), *s;

	answer("merge.page", madvise(p + PAGE, PAGE, MADV_MERGEABLE));
	describe("merge.page", p + PAGE);
	say("merge.lines", "%d", map_lines(p, 4 * PAGE));
	answer("merge.back", madvise(p + PAGE, PAGE, MADV_UNMERGEABLE));
	say("merge.lines_back", "%d", map_lines(p, 4 * PAGE));
	answer("collapse.small", madvise(p, 4 * PAGE, 25));
	answer("collapse.hole", madvise(p, 8 * PAGE, 25));
	answer("cold", madvise(p, PAGE, 20));
	answer("pageout", madvise(p, PAGE, 21));
	mlock(p, PAGE);
	p[0] = 7;
	answer("locked.cold", madvise(p, PAGE, 20));
	answer("locked.dontneed_locked", madvise(p, PAGE, 24));
	say("locked.dropped", "%d", p[0]);
	answer("locked.remove", madvise(p, PAGE, MADV_REMOVE));
	munlock(p, PAGE);
	munmap(p, 4 * PAGE);
	s = mmap(FREE_AREA, PAGE, RW, MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	answer("merge.shared", madvise(s, PAGE, MADV_MERGEABLE));
	describe("merge.shared", s);
	munmap(s, PAGE);
	s = mmap(FREE_AREA, PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_SYNC, -1, 0);
	describe("map_sync", s);
	answer("onfault", mlock2(s, PAGE, MLOCK_ONFAULT));
	describe("onfault", s);
	munmap(s, PAGE);
}

static void future_seal(void)
{
	int fd = memfd_create("sealed", MFD_ALLOW_SEALING);
	char *p = map_at(FREE_AREA, 3 * PAGE, RW);

	ftruncate(fd, 3 * PAGE);
	fcntl(fd, F_ADD_SEALS, F_SEAL_FUTURE_WRITE);
	answer_ptr("future.over", mmap(p + PAGE, PAGE, RW, MAP_SHARED | MAP_FIXED, fd, 0));
	say("future.left", "%s %s %s", map_perms(p), map_perms(p + PAGE), map_perms(p + 2 * PAGE));
	munmap(p, 3 * PAGE);
	close(fd);
}

/* The break when its memory is gone, and for one who may lock more than his limit. */
static void breaks(void)
{
	struct rlimit none = {PAGE, PAGE};
	char *start = sbrk(0), *page = (char *)(((uintptr_t)start + PAGE - 1) & -PAGE);

	check("brk.grow", brk(page + 4 * PAGE) == 0);
	munmap(page + PAGE, 3 * PAGE);
	answer("brk.shrink_gone", brk(page + 2 * PAGE));
	answer("brk.shrink_more", brk(page + PAGE));
	answer("brk.shrink_into_it", brk(page));
	setrlimit(RLIMIT_MEMLOCK, &none);
	mlockall(MCL_FUTURE);
	answer("brk.root_over_memlock", brk(page + 8 * PAGE));
	munlockall();
}

static void bad_writes(void)
{
	int fd = memfd_create("bad", 0);
	unsigned char there[4] = {9, 9, 9, 9};
	char *p;

	answer("bad.far", pwrite(fd, FREE_AREA, 100, 2 * PAGE));
	say("bad.size", "%ld", (long)lseek(fd, 0, SEEK_END));
	ftruncate(fd, 4 * PAGE);
	p = mmap(NULL, 4 * PAGE, RW, MAP_SHARED, fd, 0);
	answer("bad.inside", pwrite(fd, FREE_AREA, 100, PAGE));
	answer("reserve", fallocate(fd, 0, 3 * PAGE, PAGE));
	answer("mincore", mincore(p, 4 * PAGE, there));
	say("mincore.none", "%d %d %d %d", there[0], there[1], there[2], there[3]);
	p[3 * PAGE] = 1;
	answer("mincore", mincore(p, 4 * PAGE, there));
	say("mincore.used", "%d %d %d %d", there[0], there[1], there[2], there[3]);
	munmap(p, 4 * PAGE);
	close(fd);
}

static void other_side_first(void)
{
	char *p = mmap(FREE_AREA, 2 * PAGE, RW, MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	char *stack = mmap(FREE_AREA2, 2 * PAGE, RW,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_GROWSDOWN, -1, 0);
	struct iovec here = {FREE_AREA + 16 * PAGE, PAGE}, there = {p, 2 * PAGE};
	struct iovec below = {stack - PAGE, 8};
	unsigned char in[2] = {9, 9};

	answer("vm.bad_source", process_vm_writev(getpid(), &here, 1, &there, 1, 0));
	mincore(p, 2 * PAGE, in);
	say("vm.touched", "%d %d", in[0], in[1]);
	here.iov_base = stack;
	answer("vm.below_stack", process_vm_readv(getpid(), &here, 1, &below, 1, 0));
	say("vm.not_grown", "%s", map_perms(stack - PAGE));
	munmap(p, 2 * PAGE);
	munmap(stack, 2 * PAGE);
}

static void moved_beside_itself(void)
{
	char *p = map_at(FREE_AREA, 3 * PAGE, RW);

	mlock2(p, 3 * PAGE, MLOCK_ONFAULT);
	answer_ptr(
		"beside.move", mremap(p + PAGE, PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED | 4, p));
	say("beside.lines", "%d", map_lines(p, 3 * PAGE));
	describe("beside", p);
	say("beside.locked", "%ld", status_value("VmLck"));
	munmap(p, 3 * PAGE);
	say("beside.unlocked", "%ld", status_value("VmLck"));
}

/* What lies in the guard gap of a growing mapping makes no room there. */
static void guard_gap(void)
{
	char *top = mmap(NULL, PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), *p;

	munmap(top, PAGE);
	top -= 1024 * PAGE;
	mmap(top, PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_GROWSDOWN, -1, 0);
	mmap(top - 16 * PAGE, PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	p = mmap(top - 8 * PAGE, PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	check("gap.hint_refused", p != top - 8 * PAGE);
	munmap(p, PAGE);
	p = mmap(top - 32 * PAGE, PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	check("gap.hint_below_the_next", p == top - 32 * PAGE);
}

/* A growing mapping keeps its gap from new mappings, not from one that grows towards it; and it does
 * not grow beyond all memory. */
static void growing(void)
{
	struct rlimit any = {RLIM_INFINITY, RLIM_INFINITY};
	char *low = map_at(FREE_AREA2, PAGE, RW), *p = FREE_AREA2 + 16 * PAGE;

	mmap(p, PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_GROWSDOWN, -1, 0);
	answer_ptr("growing.towards", mremap(low, PAGE, 8 * PAGE, 0));
	munmap(low, 8 * PAGE);
	munmap(p, PAGE);
	setrlimit(RLIMIT_STACK, &any);
	p = FREE_AREA + (2047u << 20);
	mmap(p, PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_GROWSDOWN | MAP_NORESERVE, -1,
		0);
	say("growing.two_gigabytes", "%s", try_write(FREE_AREA));
	say("growing.a_megabyte", "%s", try_write(p - (1 << 20)));
}

int main(void)
{
	dev_zero();
	write_beyond_end();
	advice();
	future_seal();
	isolated("breaks", breaks);
	bad_writes();
	other_side_first();
	isolated("moved_beside_itself", moved_beside_itself);
	isolated("guard_gap", guard_gap);
	isolated("growing", growing);
	return test_failed;
}
