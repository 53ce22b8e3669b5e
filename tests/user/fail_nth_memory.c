/* The calls of the memory system, each allocation of theirs made to fail once. */
#include "tests/user/fail_nth.h"
#include <linux/userfaultfd.h>
#include <pthread.h>
#include <sys/ioctl.h>
#include <sys/uio.h>

#define LEN (8 * PAGE)

static void mmap_touch(void)
{
	char *p = anon(4 << 20, 0);
	must(p[PAGE] == 0, "the zero page");
	for (size_t at = 0; at < 4 << 20; at += 1 << 20)
		p[at] = 1;
	p[PAGE] = 2;
	must(p[0] == 1 && p[PAGE] == 2 && p[3 << 20] == 1, "what was written");
}

static void populate(void)
{
	char *p = anon(LEN, MAP_POPULATE);
	must(all_bytes(p, LEN, 0), "zeroes");
	ok(madvise(anon(LEN, 0), LEN, MADV_POPULATE_WRITE));
}

static void split(void)
{
	char *p = anon(LEN, 0);
	memset(p, 5, LEN);
	ok(mprotect(p + PAGE, PAGE, PROT_READ));
	ok(mprotect(p + 3 * PAGE, 2 * PAGE, PROT_NONE));
	ok(munmap(p + 6 * PAGE, PAGE));
	ok(madvise(p, PAGE, MADV_DONTFORK));
	must(p[0] == 5 && p[PAGE] == 5 && p[7 * PAGE] == 5, "what was written");
	ok(mprotect(p, 6 * PAGE, RW));
}

static void fixed_over(void)
{
	char *p = anon(LEN, 0);
	memset(p, 5, LEN);
	ok(mmap(p + 2 * PAGE, 2 * PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0));
	must(p[PAGE] == 5 && p[2 * PAGE] == 0 && p[4 * PAGE] == 5, "the new pages between the old");
}

static void remap(void)
{
	char *p = anon(LEN, 0), *q;
	memset(p, 5, LEN);
	q = ok(mremap(p, 2 * PAGE, 64 * PAGE, MREMAP_MAYMOVE));
	must(all_bytes(q, 2 * PAGE, 5) && q[2 * PAGE] == 0, "moved pages");
	q = ok(mremap(q, 64 * PAGE, 64 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, FREE_AREA));
	must(q[PAGE] == 5, "moved pages");
	q = ok(mremap(q, 2 * PAGE, 2 * PAGE, MREMAP_MAYMOVE | 4 /* DONTUNMAP */, NULL));
	must(q[PAGE] == 5 && FREE_AREA[PAGE] == 0, "pages moved out");
}

static void brk_grow(void)
{
	char *p = ok(sbrk(1 << 20));
	p[0] = p[(1 << 20) - 1] = 1;
	ok(sbrk(-(1 << 19)));
}

static void lock(void)
{
	char *p = anon(LEN, 0);
	ok(mlock(p + PAGE, 2 * PAGE));
	ok(mlock2(p + 4 * PAGE, PAGE, 1 /* ONFAULT */));
	ok(munlock(p + PAGE, PAGE));
	ok(mlockall(MCL_CURRENT | MCL_FUTURE));
	anon(LEN, 0);
	ok(munlockall());
}

static void advise(void)
{
	static const int advice[] = {MADV_DONTNEED, MADV_FREE, MADV_WILLNEED, MADV_SEQUENTIAL,
		MADV_WIPEONFORK, MADV_COLD, MADV_PAGEOUT, MADV_HUGEPAGE, MADV_MERGEABLE};
	char *p = anon(32 * PAGE, 0);

	memset(p, 1, 32 * PAGE);
	for (size_t i = 0; i < COUNT(advice); i++)
		if (madvise(p + 3 * i * PAGE, PAGE, advice[i]) && errno != EINVAL)
			refused("madvise", errno);
}

static void look(void)
{
	static const char *const files[] = {"maps", "smaps", "smaps_rollup", "status", "statm", "stat",
		"pagemap", "numa_maps", "auxv", "environ", "cmdline", "map_files"};
	unsigned char in[8];
	char name[64], text[512];

	ok(mincore(anon(LEN, 0), LEN, in));
	for (size_t i = 0; i < COUNT(files); i++) {
		snprintf(name, sizeof(name), "/proc/self/%s", files[i]);
		int fd = open(name, O_RDONLY);
		if (fd < 0 && errno == ENOENT)
			continue;
		ok(fd);
		while (read(fd, text, sizeof(text)) > 0 && i != 6)
			;
		close(fd);
	}
}

static void shared(void)
{
	char *p = ok(mmap(NULL, LEN, RW, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
	memset(p, 3, LEN);
	ok(mprotect(p + PAGE, PAGE, PROT_READ));
	ok(madvise(p, LEN, MADV_DONTNEED));
	ok(madvise(p + 4 * PAGE, PAGE, MADV_REMOVE));
	must(p[0] == 3 && p[4 * PAGE] == 0, "the shared pages");
	ok(remap_file_pages(p + 2 * PAGE, PAGE, 0, 5, 0));
	must(p[2 * PAGE] == 3, "the page remapped");
	ok(msync(p, LEN, MS_SYNC));
}

static void memfd(void)
{
	int fd = ok(memfd_create("m", MFD_ALLOW_SEALING));
	char *p, *q;

	ok(ftruncate(fd, 4 << 20));
	ok(pwrite(fd, "x", 1, 2 << 20));
	ok(fallocate(fd, 0, 0, 3 * PAGE));
	ok(fallocate(fd, 3 /* PUNCH_HOLE | KEEP_SIZE */, 0, PAGE));
	p = ok(mmap(NULL, 4 << 20, RW, MAP_SHARED, fd, 0));
	q = ok(mmap(NULL, 4 << 20, RW, MAP_PRIVATE, fd, 0));
	p[3 << 20] = 'y';
	q[3 << 20] = 'z';
	must(p[2 << 20] == 'x' && p[3 << 20] == 'y' && q[3 << 20] == 'z' && !p[0], "the file");
	ok(ftruncate(fd, PAGE));
	munmap(p, 4 << 20);
	ok(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE));
}

static void private_file(void)
{
	int fd = ok(open("/proc/self/exe", O_RDONLY));
	volatile char *p = ok(mmap(NULL, LEN, RW, MAP_PRIVATE, fd, 0));

	must(p[1] == 'E' && p[5 * PAGE] == p[5 * PAGE], "the file's pages");
	p[1] = 'e';
	p[2 * PAGE] = 1;
	must(p[1] == 'e' && p[2] == 'L', "the copy");
	ok(mprotect((char *)p, LEN, PROT_READ));
}

static void use_stack(void)
{
	volatile char deep[64 * PAGE];

	for (size_t i = sizeof(deep); i >= PAGE; i -= PAGE)
		deep[i - 1] = 1;
	must(deep[sizeof(deep) - 1] == 1, "the stack");
}

static void cow(void)
{
	char *p = anon(LEN, 0), *s = ok(mmap(NULL, LEN, RW, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
	int status;

	memset(p, 1, LEN);
	s[0] = 1;
	pid_t pid = ok(fork());
	if (pid == 0) {
		memset(p, 2, LEN);
		s[0] = 2;
		_exit(0);
	}
	memset(p + PAGE, 3, PAGE);
	ok(waitpid(pid, &status, 0));
	must(status == 0 && p[0] == 1 && p[PAGE] == 3 && s[0] == 2, "who wrote what");
}

static void copy_between(void)
{
	char *p = anon(LEN, 0), *q = anon(LEN, 0);
	struct iovec from = {p, LEN}, to = {q, LEN};

	memset(p, 1, LEN);
	must(ok(process_vm_readv(getpid(), &to, 1, &from, 1, 0)) == LEN, "all of it read");
	must(q[LEN - 1] == 1, "what was read");
	ok(process_vm_writev(getpid(), &to, 1, &from, 1, 0));
}

static void huge(void)
{
	FILE *pool = fopen("/proc/sys/vm/nr_overcommit_hugepages", "w");
	char *p;

	must(pool != NULL, "the pool");
	must(fputs("2", pool) >= 0 && fclose(pool) == 0, "the pool's size");
	p = ok(mmap(NULL, 2 << 20, RW, MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB, -1, 0));
	p[PAGE] = 1;
	pid_t pid = ok(fork());
	if (pid == 0) {
		p[0] = 1;
		_exit(0);
	}
	p[0] = 2;
	waitpid(pid, NULL, 0);
	must(p[PAGE] == 1 && p[0] == 2, "the huge page");
}

static void no_overcommit_of_huge_pages(void)
{
	FILE *pool = fopen("/proc/sys/vm/nr_overcommit_hugepages", "w");

	if (pool) {
		fputs("0", pool);
		fclose(pool);
	}
}

static void *read_message(void *fd)
{
	struct uffd_msg m;

	return read(*(int *)fd, &m, sizeof(m)) == sizeof(m) ? fd : NULL;
}

static int promised_huge_pages(void)
{
	FILE *info = ok(fopen("/proc/meminfo", "r") ?: (FILE *)-1);
	char line[128];
	int n = -1;

	while (fgets(line, sizeof(line), info))
		sscanf(line, "HugePages_Rsvd: %d", &n);
	fclose(info);
	return n;
}

/* A fork is told to who fills the pages, while one huge page is promised and not there yet: whatever
 * becomes of the child, the promise stays the parent's. */
static void huge_told(void)
{
	struct uffdio_api api = {.api = UFFD_API, .features = UFFD_FEATURE_EVENT_FORK};
	struct uffdio_register r = {{0, 4 << 20}, UFFDIO_REGISTER_MODE_MISSING, 0};
	int fd = ok(syscall(SYS_userfaultfd, 0));
	pthread_t reader;

	ok(write_setting("/proc/sys/vm/nr_hugepages", "2"));
	char *p = ok(mmap(NULL, 4 << 20, RW, MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB, -1, 0));
	p[0] = 1;
	r.range.start = (uintptr_t)p;
	ok(ioctl(fd, UFFDIO_API, &api));
	ok(ioctl(fd, UFFDIO_REGISTER, &r));
	must(pthread_create(&reader, NULL, read_message, &fd) == 0, "a thread");
	pid_t pid = fork();
	if (pid == 0)
		_exit(0);
	int error = errno, promised;
	if (pid > 0)
		waitpid(pid, NULL, 0);
	promised = promised_huge_pages();
	if (promised < 0)
		refused("/proc/meminfo", ENOMEM);
	if (promised != 1) {
		say("promised huge pages", "%d at allocation %u", promised, nth);
		end(ODD);
	}
	ok(ioctl(fd, UFFDIO_UNREGISTER, &r.range));
	p[2 << 20] = 1;
	errno = error;
	ok(pid);
}

static void no_huge_pages(void)
{
	write_setting("/proc/sys/vm/nr_hugepages", "0");
}

static void userfault(void)
{
	int fd = ok(syscall(SYS_userfaultfd, O_NONBLOCK));
	struct uffdio_api api = {.api = UFFD_API};
	char *p = anon(LEN, 0), *page = anon(PAGE, 0);
	struct uffdio_register r = {{(uintptr_t)p + PAGE, 4 * PAGE}, UFFDIO_REGISTER_MODE_MISSING, 0};
	struct uffdio_copy copy = {(uintptr_t)p + PAGE, (uintptr_t)page, PAGE, 0, 0};
	struct uffdio_zeropage zero = {{(uintptr_t)p + 2 * PAGE, PAGE}, 0, 0};

	page[0] = 7;
	ok(ioctl(fd, UFFDIO_API, &api));
	ok(ioctl(fd, UFFDIO_REGISTER, &r));
	ok(ioctl(fd, UFFDIO_COPY, &copy));
	ok(ioctl(fd, UFFDIO_ZEROPAGE, &zero));
	must(p[PAGE] == 7 && p[2 * PAGE] == 0, "the pages put in");
	ok(ioctl(fd, UFFDIO_UNREGISTER, &r.range));
}

static const struct work works[] = {
	{"mmap, touch", mmap_touch, NULL},
	{"populate", populate, NULL},
	{"split", split, NULL},
	{"fixed over another", fixed_over, NULL},
	{"mremap", remap, NULL},
	{"brk", brk_grow, NULL},
	{"mlock", lock, NULL},
	{"madvise", advise, NULL},
	{"mincore, proc", look, NULL},
	{"shared", shared, NULL},
	{"memfd", memfd, NULL},
	{"private file", private_file, NULL},
	{"stack", use_stack, NULL},
	{"copy on write", cow, NULL},
	{"process_vm", copy_between, NULL},
	{"huge pages", huge, no_overcommit_of_huge_pages},
	{"huge pages, fork told", huge_told, no_huge_pages},
	{"userfaultfd", userfault, NULL},
};

int main(int argc, char **argv)
{
	return do_works(works, COUNT(works), argv[1]);
}
