/*
 * A random stream of memory calls, the same on every kernel.
 *
 *      fuzz SEED STEPS [FROM] [-SKIPPED...]
 *
 * Every step derives its arguments from SEED and its own number alone, so a step that is left out
 * changes no argument of the others: that is how tools/fuzz.py shortens a stream. Most calls aim at
 * a window of 40 pages that lies over the border of a page table; what the kernel placed elsewhere
 * is remembered in a few slots, and some aim at the heap. After every step a digest is made: the
 * call, its result, and a hash of the ranges, permissions and offsets of /proc/self/maps inside the
 * window and outside. From step FROM on it is printed as a line, and after the last step the maps;
 * before that only a running hash, every 32 steps. The file must not allocate: the break belongs to
 * the stream.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/personality.h>
#include <sys/resource.h>
#include <sys/shm.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#define PAGE	     4096u
#define PAGES	     40u
#define WINDOW	     0x301ec000u
#define SLOTS	     8
#define SLOT_PAGES   24u
#define FILES	     6
#define SEGMENTS     2
#define HEAP_PAGES   16u
#define FILE_PAGES   24u
#define CHILD_STEPS  12
#define MAX_DEPTH    4
#define REPORT_EVERY 32
#define HUGE	     (2u << 20)
#define HUGE_WINDOW  0x50000000u
#define HUGES	     8 /* huge pages in their window */
#define HUGE_POOL    "9"
#define HUGE_FILE    6 /* pages, at most */
#define COUNT(a)     (sizeof(a) / sizeof((a)[0]))

/* --- Random numbers --- */

static uint64_t state;

static uint32_t any(void)
{
	state += 0x9e3779b97f4a7c15u;
	uint64_t z = state;
	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return z >> 16;
}

static uint32_t below(uint32_t n)
{
	return any() % n;
}

static bool one_in(uint32_t n)
{
	return !below(n);
}

/* --- The digest --- */

static uint32_t seed, running = 2166136261u, verbose_from = ~0u;
static char line[2048], text[1 << 18];
static size_t used;

static uint32_t hash(uint32_t h, const void *data, size_t len)
{
	for (const uint8_t *at = data; len--; at++)
		h = (h ^ *at) * 16777619u;
	return h;
}

static void put(const char *s, size_t len)
{
	while (len) {
		ssize_t n = write(1, s, len);
		if (n <= 0)
			_exit(9);
		s += n;
		len -= n;
	}
}

static __attribute__((format(printf, 1, 2))) void add(const char *format, ...)
{
	va_list args;
	va_start(args, format);
	used += vsnprintf(line + used, sizeof(line) - used, format, args);
	va_end(args);
}

static void finish_line(bool print)
{
	running = hash(running, line, used);
	if (print) {
		line[used++] = '\n';
		put(line, used);
	}
	used = 0;
}

static void add_result(long r)
{
	if (r == -1)
		add("=%s", strerrorname_np(errno));
	else
		add("=%lx", (unsigned long)r);
}

static size_t read_proc(const char *path)
{
	int fd = open(path, O_RDONLY);
	size_t len = 0;
	ssize_t n;
	while ((n = read(fd, text + len, sizeof(text) - 1 - len)) > 0)
		len += n;
	close(fd);
	text[len] = 0;
	return len;
}

/* Range, permissions and offset are the first three words: START-END PERM OFFSET. */
static size_t wanted_part(const char *s)
{
	return 8 + 1 + 8 + 1 + 4 + 1 + 8;
}

static void add_maps(void)
{
	uint32_t inside = 0, outside = 0, lines = 0;
	read_proc("/proc/self/maps");
	for (char *s = text, *next; *s; s = next) {
		char *end = strchr(s, '\n');
		next = end + 1;
		uint32_t start = strtoul(s, NULL, 16);
		size_t len = wanted_part(s);
		lines++;
		if (start - WINDOW < PAGES * PAGE)
			inside = hash(inside, s, len);
		else
			outside = hash(outside, s, len);
	}
	add(" | %u %08x %08x", lines, inside, outside);
}

/* A line of /proc/self/smaps in which two kernels must agree. */
static bool is_compared(const char *s)
{
	static const char *const names[] = {"VmFlags:", "Rss:", "Pss:", "Shared_Clean:",
		"Shared_Dirty:", "Private_Clean:", "Private_Dirty:", "Anonymous:",
		"LazyFree:", "Locked:"};
	for (size_t i = 0; i < COUNT(names); i++)
		if (!strncmp(s, names[i], strlen(names[i])))
			return true;
	return false;
}

/* Linux counts LazyFree late: what MADV_FREE gave up waits in a list of the CPU's until that is full.
 * MADV_COLD begins with emptying it. */
static void read_smaps(void)
{
	static char page[PAGE] __attribute__((aligned(PAGE)));
	madvise(page, PAGE, MADV_COLD);
	read_proc("/proc/self/smaps");
}

/* What /proc/self/smaps says of each VMA. */
static void print_maps(void)
{
	const char *vma = text;
	read_smaps();
	for (char *s = text, *next; *s; s = next) {
		next = strchr(s, '\n') + 1;
		if (s[8] == '-')
			vma = s;
		if (!is_compared(s))
			continue;
		put("    ", 4);
		put(vma, wanted_part(vma));
		put(" ", 1);
		put(s, next - s);
	}
}

/* --- Faults that are looked at --- */

static sigjmp_buf escape;
static volatile uint32_t caught_at, caught_code, caught_sig;

static void on_fault(int sig, siginfo_t *info, void *context)
{
	caught_sig = sig;
	caught_code = info->si_code;
	caught_at = (uintptr_t)info->si_addr;
	siglongjmp(escape, 1);
}

static bool peek(uint32_t at, uint32_t *value)
{
	if (sigsetjmp(escape, 0))
		return false;
	*value = *(volatile uint32_t *)at;
	return true;
}

static bool poke(uint32_t at, uint32_t value)
{
	if (sigsetjmp(escape, 0))
		return false;
	*(volatile uint32_t *)at = value;
	return true;
}

static void add_fault(void)
{
	add(" sig%u/%u@%x", caught_sig, caught_code, caught_at);
}

/* Every word of every page would be slow: two of each say whose page it is. */
static void add_checksum(uint32_t start, uint32_t pages)
{
	uint32_t h = 0;
	for (uint32_t i = 0; i < pages; i++) {
		uint32_t words[2] = {0xbad, 0xbad};
		if (!peek(start + i * PAGE, &words[0]))
			words[1] = caught_sig << 8 | caught_code;
		else
			(void)peek(start + i * PAGE + 8, &words[1]);
		h = hash(h, words, sizeof(words));
	}
	add(" sum %x %08x", start, h);
}

static void add_mincore(uint32_t start, uint32_t pages)
{
	add(" core ");
	for (uint32_t i = 0; i < pages; i++) {
		unsigned char there;
		bool mapped = !mincore((void *)(start + i * PAGE), PAGE, &there);
		add("%c", mapped ? '0' + there : '-');
	}
}

/* --- Ranges --- */

static struct slot {
	uint32_t start, len;
} slots[SLOTS];
static int files[FILES];       /* as prepare() opened them */
static int segments[SEGMENTS]; /* System V shared memory */
static int huge_file;	       /* of huge pages */
static int uffd;	       /* userfaultfd(2): what is missing there is SIGBUS */
static uint32_t heap;	       /* the break that the program started with */

struct range {
	uint32_t start, len;
};

static uint32_t some_pages(void)
{
	return one_in(8) ? 1 + below(24) : 1 + below(6);
}

/* Most ranges lie in the window; now and then one is what the kernel placed, or is bad. */
static struct range some_range(void)
{
	uint32_t page = below(PAGES), pages = some_pages(), which = below(SLOTS);
	bool outside = one_in(6), in_heap = one_in(30), below_it = one_in(25);
	bool odd_start = one_in(80), odd_len = one_in(30), zero = one_in(150);
	struct range r = {WINDOW + page * PAGE, pages * PAGE};
	if (pages > PAGES - page)
		r.len = (PAGES - page) * PAGE;
	if (outside && slots[which].start) {
		uint32_t have = slots[which].len / PAGE, skip = page % have;
		r.start = slots[which].start + skip * PAGE;
		r.len = (1 + pages % (have - skip)) * PAGE;
		if (r.len > (have - skip) * PAGE)
			r.len = (have - skip) * PAGE;
	}
	if (in_heap)
		r.start = ((heap + PAGE - 1) & -PAGE) + page % HEAP_PAGES * PAGE;
	if (below_it)
		r.start -= pages * PAGE;
	if (odd_start)
		r.start += 100;
	if (odd_len)
		r.len -= 300;
	if (zero)
		r.len = 0;
	return r;
}

/* Remembers what the kernel placed; what the slot held goes. */
static void keep(uint32_t which, uint32_t start, uint32_t len)
{
	if (start - WINDOW < PAGES * PAGE || !len)
		return;
	struct slot old = slots[which];
	slots[which] = (struct slot){start, len};
	for (int i = 0; i < SLOTS; i++)
		if (i != (int)which && old.start < slots[i].start + slots[i].len &&
			slots[i].start < old.start + old.len)
			return;
	if (old.start && (old.start >= start + len || start >= old.start + old.len)) {
		munmap((void *)old.start, old.len);
		add(" drop %x+%x", old.start, old.len);
	}
}

static uint32_t some_prot(void)
{
	static const uint8_t prots[] = {3, 3, 3, 3, 1, 1, 0, 7, 5, 2, 4};
	return prots[below(sizeof(prots))];
}

/* --- Calls --- */

static void add_sizes(void)
{
	add(" sizes");
	for (int i = 0; i < FILES; i++)
		add(" %lx", (long)lseek(files[i], 0, SEEK_END));
}

static uint32_t some_flags(bool *fixed)
{
	uint32_t flags = 0, place = below(10);
	*fixed = place < 6;
	if (place < 5)
		flags |= MAP_FIXED;
	else if (place == 5)
		flags |= MAP_FIXED_NOREPLACE;
	if (one_in(8))
		flags |= MAP_NORESERVE;
	if (one_in(8))
		flags |= MAP_POPULATE;
	if (one_in(60))
		flags |= MAP_LOCKED;
	if (one_in(40))
		flags |= MAP_STACK;
	if (one_in(30))
		flags |= any() & (0xfffc0 & ~(MAP_FIXED | MAP_HUGETLB) & ~MAP_FIXED_NOREPLACE);
	return flags;
}

static void do_mmap(void)
{
	static const uint32_t kinds[] = {MAP_PRIVATE | MAP_ANONYMOUS, MAP_PRIVATE | MAP_ANONYMOUS,
		MAP_PRIVATE | MAP_ANONYMOUS, MAP_SHARED | MAP_ANONYMOUS, MAP_PRIVATE, MAP_SHARED,
		MAP_SHARED_VALIDATE, 0};
	struct range r = some_range();
	bool fixed, hint = one_in(2);
	uint32_t flags = some_flags(&fixed), prot = some_prot(), kind = below(COUNT(kinds));
	uint32_t off = below(FILE_PAGES), file = below(FILES), which = below(SLOTS);
	if (kind == 7 && !one_in(20))
		kind = 0;
	flags |= kinds[kind];
	if (one_in(16))
		flags |= MAP_GROWSDOWN;
	if (!fixed && !hint)
		r.start = 0;
	long at = syscall(SYS_mmap2, r.start, r.len, prot, flags,
		flags & MAP_ANONYMOUS ? -1 : files[file], off);
	add("mmap %x+%x prot %x flags %x file %u off %x", r.start, r.len, prot, flags, file, off);
	add_result(at);
	if (at != -1)
		keep(which, at, (r.len + PAGE - 1) & -PAGE);
}

static void do_munmap(void)
{
	struct range r = some_range();
	long result = syscall(SYS_munmap, r.start, r.len);
	add("munmap %x+%x", r.start, r.len);
	add_result(result);
}

static void do_mprotect(void)
{
	struct range r = some_range();
	uint32_t prot = some_prot();
	if (one_in(40))
		prot |= PROT_GROWSDOWN;
	long result = syscall(SYS_mprotect, r.start, r.len, prot);
	add("mprotect %x+%x %x", r.start, r.len, prot);
	add_result(result);
}

static void do_mremap(void)
{
	static const uint8_t choices[] = {0, 1, 1, 1, 3, 3, 3, 5, 5, 7, 2, 4, 8};
	struct range from = some_range(), to = some_range();
	uint32_t flags = choices[below(sizeof(choices))], which = below(SLOTS), way = below(4);
	if (way == 0 || (flags & 4))
		to.len = from.len;
	if (one_in(30))
		from.len = 0;
	long at = syscall(SYS_mremap, from.start, from.len, to.len, flags, to.start);
	add("mremap %x+%x to %x+%x flags %x", from.start, from.len, to.start, to.len, flags);
	add_result(at);
	if (at != -1 && at != (long)from.start)
		keep(which, at, (to.len + PAGE - 1) & -PAGE);
}

static void do_madvise(void)
{
	/* All but MADV_PAGEOUT: what it pages out hangs on the state of Linux's lists. */
	static const uint8_t advices[] = {0, 1, 2, 3, 4, 4, 4, 4, 8, 9, 9, 10, 11, 10, 11, 14, 15,
		16, 17, 18, 19, 18, 19, 20, 22, 23, 24, 12, 12, 13, 25, 5, 6, 7, 99};
	struct range r = some_range();
	uint32_t advice = advices[below(sizeof(advices))];
	long result = syscall(SYS_madvise, r.start, r.len, advice);
	add("madvise %x+%x %u", r.start, r.len, advice);
	add_result(result);
}

static void do_touch(bool write)
{
	struct range r = some_range();
	uint32_t value = any(), pages = r.len / PAGE;
	add("%s %x+%x", write ? "write" : "read", r.start, r.len);
	for (uint32_t i = 0; i < pages; i++) {
		uint32_t at = (r.start & -PAGE) + i * PAGE, got = 0;
		if (!(write ? poke(at, value + i) : peek(at, &got))) {
			add_fault();
			break;
		}
		add(" %x", got);
	}
}

static void do_brk(void)
{
	uint32_t pages = below(HEAP_PAGES), odd = one_in(3) ? below(PAGE) : 0;
	long at = syscall(SYS_brk, heap + pages * PAGE + odd);
	add("brk +%x=%lx", pages * PAGE + odd, at);
	if (one_in(3)) {
		bool done = poke((heap & -PAGE) + (1 + below(HEAP_PAGES)) * PAGE, 1);
		add(done ? " written" : " not written");
	}
}

static void do_msync(void)
{
	struct range r = some_range();
	uint32_t flags = below(8);
	long result = syscall(SYS_msync, r.start, r.len, flags);
	add("msync %x+%x %x", r.start, r.len, flags);
	add_result(result);
}

static void do_mlock(void)
{
	struct range r = some_range();
	uint32_t way = below(6), call = way == 0 ? SYS_mlock2 : way < 3 ? SYS_mlock : SYS_munlock;
	uint32_t flags = one_in(8) ? below(4) : 1;
	long result = syscall(call, r.start, r.len, flags);
	add("mlock%u %x+%x %x", way, r.start, r.len, flags);
	add_result(result);
}

static void do_mlockall(void)
{
	uint32_t flags = below(9);
	bool lock = one_in(3);
	long result = lock ? syscall(SYS_mlockall, flags) : syscall(SYS_munlockall);
	add(lock ? "mlockall %x" : "munlockall", flags);
	add_result(result);
}

static void do_shmat(void)
{
	struct range r = some_range();
	uint32_t which = below(SEGMENTS), flags = below(16) << 12, slot = below(SLOTS);
	if (one_in(3))
		r.start = 0;
	long at = (long)shmat(segments[which], (void *)r.start, flags);
	add("shmat %u at %x flags %x", which, r.start, flags);
	add_result(at);
	if (at != -1)
		keep(slot, at, (which + 1) * 6 * PAGE);
}

static void do_shmdt(void)
{
	struct range r = some_range();
	long result = shmdt((void *)r.start);
	add("shmdt %x", r.start);
	add_result(result);
}

/* The field of /proc/self/status, in KiB. */
static uint32_t status_field(const char *name)
{
	int fd = open("/proc/self/status", O_RDONLY);
	ssize_t len = read(fd, text, sizeof(text) - 1);
	close(fd);
	text[len < 0 ? 0 : len] = 0;
	const char *at = strstr(text, name);
	return at ? strtoul(at + strlen(name), NULL, 10) : 0;
}

/* A few pages more than what is used now; or none at all. */
static void do_limit(void)
{
	static const struct {
		int limit;
		const char *name, *field;
	} limits[] = {{RLIMIT_AS, "as", "VmSize:"}, {RLIMIT_DATA, "data", "VmData:"},
		{RLIMIT_MEMLOCK, "memlock", "VmLck:"}, {RLIMIT_STACK, "stack", "-"}};
	uint32_t which = below(COUNT(limits)), more = below(32) * PAGE + below(2) * 100;
	bool off = one_in(2);
	struct rlimit l = {RLIM_INFINITY, RLIM_INFINITY};
	if (!off)
		l.rlim_cur = status_field(limits[which].field) * 1024 + more;
	long result = setrlimit(limits[which].limit, &l);
	add("limit %s %lx", limits[which].name, (unsigned long)l.rlim_cur);
	add_result(result);
}

static void set_map_count(uint32_t count)
{
	char number[16];
	int len = snprintf(number, sizeof(number), "%u", count);
	int fd = open("/proc/sys/vm/max_map_count", O_WRONLY);
	long result = fd < 0 ? -1 : write(fd, number, len);
	if (result == -1)
		add_result(-1);
	if (fd >= 0)
		close(fd);
}

/* As many mappings as there are now, or a few more; or as many as ever. */
static void do_map_count(void)
{
	uint32_t more = below(3), lines = 0;
	bool off = one_in(2);
	read_proc("/proc/self/maps");
	for (char *s = text; (s = strchr(s, '\n')); s++)
		lines++;
	add("max_map_count %u", off ? 0 : lines + more);
	set_map_count(off ? 65530 : lines + more);
}

/* To an ordinary user and back: locked memory is counted for that one only. */
static void do_user(void)
{
	uint32_t uid = one_in(2) ? 1000 : 0;
	long result = syscall(SYS_setresuid32, -1, uid, -1);
	add("user %u", uid);
	add_result(result);
}

static void do_personality(void)
{
	uint32_t persona = one_in(3) ? READ_IMPLIES_EXEC | ADDR_NO_RANDOMIZE : ADDR_NO_RANDOMIZE;
	long result = personality(persona);
	add("personality %x", persona);
	add_result(result);
}

/* Through /proc/self/mem, as a debugger does. */
static long copy_by_file(bool write, struct range r, uint32_t other)
{
	int fd = open("/proc/self/mem", O_RDWR);
	long result = write ? pwrite(fd, (void *)r.start, r.len, other)
			    : pread(fd, (void *)r.start, r.len, other);
	int error = errno;
	close(fd);
	errno = error;
	return result;
}

/* The kernel's own accesses to the same memory. */
static void do_copy(void)
{
	struct range r = some_range(), other = some_range();
	uint32_t file = below(FILES), page = below(FILE_PAGES), way = below(7);
	struct iovec here = {(void *)r.start, r.len}, there = {(void *)other.start, other.len};
	long result;
	if (way < 2)
		result = pread(files[file], here.iov_base, r.len, page * PAGE);
	else if (way == 2)
		result = pwrite(files[file], here.iov_base, r.len, page * PAGE);
	else if (way == 3)
		result = process_vm_readv(getpid(), &here, 1, &there, 1, 0);
	else if (way == 4)
		result = process_vm_writev(getpid(), &here, 1, &there, 1, 0);
	else
		result = copy_by_file(way == 6, r, other.start);
	add("copy%u %x+%x file %u page %x other %x+%x", way, r.start, r.len, file, page,
		other.start, other.len);
	add_result(result);
	add_sizes();
}

static void do_mincore(void)
{
	struct range r = some_range();
	add("mincore %x+%x", r.start, r.len);
	add_mincore(r.start & -PAGE, r.len / PAGE);
}

static void do_file(void)
{
	uint32_t file = below(FILES), page = below(FILE_PAGES), odd = one_in(2) ? below(PAGE) : 0;
	uint32_t value = any(), way = below(11);
	long result;
	if (way > 7)
		result = lseek(files[file], page * PAGE + odd, way & 1 ? SEEK_DATA : SEEK_HOLE);
	else if (way < 3)
		result = ftruncate(files[file], page * PAGE + odd);
	else if (way == 3)
		/* Within the first page Linux unmaps the whole file for a hole. */
		result = fallocate(files[file], one_in(2) ? 3 : below(4), page * PAGE + odd,
			(below(8) + !page) * PAGE + 1);
	else
		result = pwrite(files[file], &value, sizeof(value), page * PAGE);
	add("file %u at %x+%x way %u", file, page, odd, way);
	add_result(result);
	add_sizes();
}

/* Seals are for ever: few. */
static void do_seal(void)
{
	static const uint8_t seals[] = {F_SEAL_SHRINK, F_SEAL_GROW, F_SEAL_WRITE, F_SEAL_SEAL};
	uint32_t seal = seals[below(8) ? below(3) : 3];
	long result = fcntl(files[5], F_ADD_SEALS, seal);
	add("seal %u", seal);
	add_result(result);
}

static long fill(struct range to, uint32_t from, uint32_t way, int64_t *done)
{
	struct uffdio_copy copy = {to.start, from, to.len, UFFDIO_COPY_MODE_DONTWAKE, 0};
	struct uffdio_zeropage zero = {{to.start, to.len}, UFFDIO_ZEROPAGE_MODE_DONTWAKE, 0};
	struct uffdio_continue more = {{to.start, to.len}, UFFDIO_CONTINUE_MODE_DONTWAKE, 0};
	long result;
	if (way < 2)
		result = ioctl(uffd, UFFDIO_COPY, &copy);
	else if (way == 2)
		result = ioctl(uffd, UFFDIO_ZEROPAGE, &zero);
	else
		result = ioctl(uffd, UFFDIO_CONTINUE, &more);
	*done = way < 2 ? copy.copy : way == 2 ? zero.zeropage : more.mapped;
	return result;
}

static void do_uffd(void)
{
	struct range r = some_range(), other = some_range();
	uint32_t way = below(8);
	struct uffdio_register reg = {{r.start, r.len}, UFFDIO_REGISTER_MODE_MISSING, 0};
	int64_t done = 0;
	long result;
	if (way < 4)
		result = fill(r, other.start, way, &done);
	else if (way < 6)
		result = ioctl(uffd, UFFDIO_REGISTER, &reg);
	else
		result = ioctl(uffd, UFFDIO_UNREGISTER, &reg.range);
	add("uffd%u %x+%x from %x", way, r.start, r.len, other.start);
	add_result(result);
	add(" %llx %llx", (long long)done, (long long)(way < 4 || result ? 0 : reg.ioctls));
}

static void do_remap_file(void)
{
	struct range r = some_range();
	uint32_t off = below(FILE_PAGES);
	long result = syscall(SYS_remap_file_pages, r.start, r.len, 0, off, 0);
	add("remap_file_pages %x+%x off %x", r.start, r.len, off);
	add_result(result);
}

/* --- Huge pages --- */

/* What the pool has, and has promised. */
static void add_pool(void)
{
	read_proc("/proc/meminfo");
	for (char *s = strstr(text, "HugePages_Free"); s && !strncmp(s, "HugePages_", 10);) {
		add(" %lu", strtoul(strchr(s, ':') + 1, NULL, 10));
		s = strchr(s, '\n') + 1;
	}
}

static long huge_map(struct range r)
{
	static const uint32_t kinds[] = {MAP_PRIVATE | MAP_ANONYMOUS, MAP_SHARED | MAP_ANONYMOUS,
		MAP_PRIVATE, MAP_SHARED};
	uint32_t flags = MAP_FIXED | MAP_HUGETLB | kinds[below(4)], prot = some_prot();
	uint32_t off = below(HUGE_FILE) * (HUGE / PAGE) + one_in(30);
	if (one_in(6))
		flags |= MAP_NORESERVE;
	if (one_in(6))
		flags |= MAP_POPULATE;
	if (one_in(20))
		r.len -= PAGE;
	/* Linux lets go of what was promised to a file there only when the call has ended. */
	munmap((void *)r.start, r.len);
	add("map %x+%x prot %x flags %x off %x", r.start, r.len, prot, flags, off);
	return syscall(SYS_mmap2, r.start, r.len, prot, flags,
		flags & MAP_ANONYMOUS ? -1 : huge_file, off);
}

static long huge_touch(struct range r)
{
	uint32_t value = any(), got;
	bool write = !one_in(4), ok = true;
	add("%s %x+%x", write ? "write" : "read", r.start, r.len);
	for (uint32_t at = r.start; ok && at < r.start + r.len; at += HUGE) {
		ok = write ? poke(at, value + at) : peek(at, &got);
		if (!ok)
			add_fault();
		else if (!write)
			add(" %x", got);
	}
	return 0;
}

static long huge_advise(struct range r)
{
	static const uint8_t advices[] = {4, 4, 4, 9, 9, 8, 10, 11, 18, 19, 22, 23, 24, 14, 3, 20};
	uint32_t advice = advices[below(sizeof(advices))];
	if (one_in(20))
		r.start += PAGE;
	add("madvise %x+%x %u", r.start, r.len, advice);
	return syscall(SYS_madvise, r.start, r.len, advice);
}

static long huge_size(void)
{
	uint32_t page = below(HUGE_FILE), pages = 1 + below(2), way = below(4);
	uint32_t odd = one_in(10) ? PAGE : 0;
	add("file %u %u+%u odd %x", way, page, pages, odd);
	if (way == 0)
		return ftruncate(huge_file, page * HUGE + odd);
	return fallocate(huge_file, way == 1 ? 3 : 0, page * HUGE + odd, pages * HUGE);
}

static long huge_move(struct range from)
{
	static const uint8_t choices[] = {0, 1, 3, 3, 3, 5, 7};
	uint32_t flags = choices[below(sizeof(choices))];
	uint32_t to = HUGE_WINDOW + below(HUGES) * HUGE, len = (1 + below(3)) * HUGE;
	if (!one_in(3))
		len = from.len;
	add("mremap %x+%x to %x+%x flags %x", from.start, from.len, to, len, flags);
	if (to + len > HUGE_WINDOW + HUGES * HUGE || (flags & 3) == 1)
		flags &= ~1;
	return syscall(SYS_mremap, from.start, from.len, len, flags, to);
}

static long huge_change(struct range r)
{
	uint32_t prot = some_prot();
	if (one_in(20))
		r.len -= PAGE;
	if (one_in(2)) {
		add("munmap %x+%x", r.start, r.len);
		return munmap((void *)r.start, r.len);
	}
	add("mprotect %x+%x %x", r.start, r.len, prot);
	return mprotect((void *)r.start, r.len, prot);
}

static void do_huge(void)
{
	uint32_t page = below(HUGES), pages = 1 + below(3), way = below(16);
	struct range r = {HUGE_WINDOW + page * HUGE, pages * HUGE};
	if (pages > HUGES - page)
		r.len = (HUGES - page) * HUGE;
	add("huge ");
	add_result(way < 4	? huge_map(r)
		   : way < 9	? huge_touch(r)
		   : way < 11	? huge_advise(r)
		   : way < 13	? huge_size()
		   : way == 13	? huge_move(r)
				: huge_change(r));
	add_pool();
}

/* What /proc/self/smaps says of the VMAs in the window. */
static void add_usage(void)
{
	uint32_t h = 0;
	bool inside = false;
	read_smaps();
	for (char *s = text, *next; *s; s = next) {
		next = strchr(s, '\n') + 1;
		if (s[8] == '-')
			inside = strtoul(s, NULL, 16) - WINDOW < PAGES * PAGE;
		else if (inside && is_compared(s))
			h = hash(h, s, next - s);
	}
	add(" smaps %08x", h);
}

static void do_sum(void)
{
	static const char *const fields[] = {"VmPeak:", "VmSize:", "VmLck:", "VmData:", "VmStk:",
		"VmLib:"};
	add("look");
	for (uint32_t i = 0; i < COUNT(fields); i++)
		add(" %u", status_field(fields[i]));
	add_usage();
	add_checksum(WINDOW, PAGES);
	add_mincore(WINDOW, PAGES);
	for (int i = 0; i < SLOTS; i++)
		if (slots[i].start && slots[i].len <= SLOT_PAGES * PAGE)
			add_checksum(slots[i].start, slots[i].len / PAGE);
}

/* --- The stream --- */

static const char *const *skipped;
static uint32_t depth;

static bool is_skipped(uint32_t step, uint32_t sub)
{
	uint32_t id = step * 16 + sub;
	for (const char *const *s = skipped; *s; s++) {
		char *end;
		uint32_t first = strtoul(*s + 1, &end, 10);
		uint32_t last = *end == '-' ? strtoul(end + 1, NULL, 10) : first;
		if (id >= first && id <= last)
			return true;
	}
	return false;
}

static bool verbose(uint32_t step)
{
	return step >= verbose_from;
}

static void do_write(void)
{
	do_touch(true);
}

static void do_read(void)
{
	do_touch(false);
}

static void one_call(void)
{
	static const struct {
		uint8_t weight;
		void (*call)(void);
	} calls[] = {{25, do_mmap}, {6, do_munmap}, {15, do_mprotect}, {10, do_mremap},
		{11, do_madvise}, {12, do_write}, {5, do_read}, {4, do_brk}, {2, do_msync},
		{3, do_mlock}, {1, do_mlockall}, {2, do_mincore}, {4, do_file}, {2, do_remap_file},
		{3, do_shmat}, {1, do_shmdt}, {2, do_limit}, {2, do_map_count}, {1, do_user},
		{1, do_personality}, {5, do_copy}, {1, do_seal}, {8, do_uffd}, {8, do_huge}, {6, do_sum}};
	uint32_t total = 0, i = 0;
	for (i = 0; i < COUNT(calls); i++)
		total += calls[i].weight;
	uint32_t choice = below(total);
	for (i = 0; choice >= calls[i].weight; i++)
		choice -= calls[i].weight;
	calls[i].call();
}

static void start_step(uint32_t step, uint32_t sub)
{
	state = (uint64_t)seed << 32 ^ (step * 16 + sub) * 0x2545f491u;
	any();
	used = 0;
	add("%u.%u ", step, sub);
}

static void call_step(uint32_t step, uint32_t sub)
{
	start_step(step, sub);
	one_call();
	add_maps();
	finish_line(verbose(step));
}

/* The child does some steps of its own and ends, or does all that is left while the parent waits:
 * that is what *stay says. Returns in the process that goes on. */
static void fork_step(uint32_t step)
{
	start_step(step, 0);
	bool stay = depth < MAX_DEPTH && one_in(3);
	uint32_t steps = 1 + below(CHILD_STEPS);
	pid_t pid = fork();
	if (pid < 0) {
		add("fork");
		add_result(-1);
		finish_line(verbose(step));
		return;
	}
	if (!pid) {
		add("fork, child");
		add_maps();
		finish_line(verbose(step));
		depth++;
		if (stay)
			return;
		for (uint32_t sub = 1; sub <= steps; sub++)
			if (!is_skipped(step, sub))
				call_step(step, sub);
		_exit(running & 0x7f);
	}
	int status;
	waitpid(pid, &status, 0);
	if (stay)
		_exit(WIFEXITED(status) ? WEXITSTATUS(status) : 127);
	add("fork, parent %x", status);
	add_maps();
	finish_line(verbose(step));
}

static void one_step(uint32_t step)
{
	state = (uint64_t)seed << 32 ^ ~(uint64_t)step;
	any();
	if (one_in(40))
		fork_step(step);
	else
		call_step(step, 0);
}

/* The stack that the stream may need is there from now on, whatever the limits become. */
static __attribute__((noinline)) void touch_stack(void)
{
	volatile char room[96 << 10];
	for (size_t i = 0; i < sizeof(room); i += PAGE)
		room[i] = 1;
}

static int reopen(int fd, int flags)
{
	char path[40];
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return open(path, flags);
}

/* Files: two to read and write, the second again for reading only and for writing only, /dev/zero,
 * and one that is sealed against being written from now on. */
static void prepare_files(void)
{
	for (int i = 0; i < 2; i++) {
		files[i] = memfd_create("fuzz", 0);
		for (uint32_t page = 0; page < FILE_PAGES; page++)
			pwrite(files[i], &page, sizeof(page), page * PAGE);
	}
	files[2] = reopen(files[1], O_RDONLY);
	files[3] = reopen(files[1], O_WRONLY);
	files[4] = open("/dev/zero", O_RDWR);
	files[5] = memfd_create("sealed", MFD_ALLOW_SEALING);
	ftruncate(files[5], FILE_PAGES * PAGE);
	fcntl(files[5], F_ADD_SEALS, F_SEAL_FUTURE_WRITE);
	for (int i = 0; i < SEGMENTS; i++) {
		segments[i] = shmget(IPC_PRIVATE, (i + 1) * 6 * PAGE, 0666);
		shmdt(shmat(segments[i], NULL, 0));
	}
}

static void set_pool(const char *pages)
{
	int fd = open("/proc/sys/vm/nr_hugepages", O_WRONLY);
	write(fd, pages, strlen(pages));
	close(fd);
}

static void prepare_huge(void)
{
	set_pool(HUGE_POOL);
	huge_file = memfd_create("huge", MFD_HUGETLB);
	ftruncate(huge_file, HUGE_FILE / 2 * HUGE);
}

static void prepare_uffd(void)
{
	struct uffdio_api api = {.api = UFFD_API, .features = UFFD_FEATURE_SIGBUS};
	uffd = syscall(SYS_userfaultfd, O_NONBLOCK);
	if (ioctl(uffd, UFFDIO_API, &api))
		_exit(9);
}

static void prepare(void)
{
	struct sigaction action = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO | SA_NODEFER};
	sigaction(SIGSEGV, &action, NULL);
	sigaction(SIGBUS, &action, NULL);
	touch_stack();
	heap = syscall(SYS_brk, 0);
	set_map_count(65530);
	prepare_files();
	prepare_huge();
	prepare_uffd();
}

int main(int argc, char **argv)
{
	static const char *none[] = {NULL};
	seed = strtoul(argv[1], NULL, 10);
	uint32_t steps = strtoul(argv[2], NULL, 10);
	skipped = none;
	if (argc > 3 && argv[3][0] != '-')
		verbose_from = strtoul(argv[3], NULL, 10);
	int first = verbose_from == ~0u ? 3 : 4;
	if (argc > first)
		skipped = (const char *const *)argv + first;
	prepare();
	for (uint32_t step = 0; step < steps; step++) {
		if (!is_skipped(step, 0))
			one_step(step);
		if (step % REPORT_EVERY == REPORT_EVERY - 1) {
			used = 0;
			add("%u %08x", step, running);
			finish_line(true);
		}
	}
	if (verbose_from != ~0u)
		print_maps();
	set_map_count(65530);
	used = 0;
	add("end %08x", running);
	finish_line(true);
	return 0;
}
