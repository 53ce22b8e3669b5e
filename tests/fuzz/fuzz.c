/*
 * A random stream of memory calls, the same on every kernel.
 *
 *      fuzz SEED STEPS [FROM] [-SKIPPED...]
 *
 * Every step derives its arguments from SEED and its own number alone, so a step that is left out
 * changes no argument of the others: that is how tools/fuzz.py shortens a stream. Most calls aim at
 * a window of 40 pages that lies over the border of a page table; what the kernel placed elsewhere
 * is remembered in a few slots. After every step a digest is made: the call, its result, and a hash
 * of the ranges, permissions and offsets of /proc/self/maps inside the window and outside. From
 * step FROM on it is printed as a line, and after the last step the maps; before that only a
 * running hash, every 32 steps. The file must not allocate: the break belongs to the stream.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define PAGE	     4096u
#define PAGES	     40u
#define WINDOW	     0x301ec000u
#define SLOTS	     8
#define SLOT_PAGES   24u
#define FILES	     3
#define FILE_PAGES   24u
#define CHILD_STEPS  12
#define MAX_DEPTH    4
#define REPORT_EVERY 32
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
static char line[1024], text[1 << 18];
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

static size_t read_maps(void)
{
	int fd = open("/proc/self/maps", O_RDONLY);
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

static void add_maps(bool dump)
{
	uint32_t inside = 0, outside = 0, lines = 0;
	read_maps();
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
		if (dump) {
			put("    ", 4);
			put(s, len);
			put("\n", 1);
		}
	}
	if (!dump)
		add(" | %u %08x %08x", lines, inside, outside);
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
	add(" sum %08x", h);
}

static void add_mincore(uint32_t start, uint32_t pages)
{
	static unsigned char vector[PAGES * 2];
	for (uint32_t i = 0; i < pages; i++)
		if (mincore((void *)(start + i * PAGE), PAGE, vector + i))
			vector[i] = errno;
	add(" core %08x", hash(0, vector, pages));
}

/* --- Ranges --- */

static struct slot {
	uint32_t start, len;
} slots[SLOTS];
static int files[FILES]; /* two that can be written, one that cannot */

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
	bool outside = one_in(6), odd_start = one_in(80), odd_len = one_in(30), zero = one_in(150);
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
	if (one_in(30))
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
	static const uint8_t advices[] = {0, 1, 2, 3, 4, 4, 4, 4, 8, 9, 9, 10, 11, 10, 11, 14, 15,
		16, 17, 18, 19, 18, 19, 20, 21, 22, 23, 24, 7, 99};
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

/* Down to 16 pages below where the program found it there is room that is its own. */
static void do_brk(void)
{
	static uint32_t base;
	if (!base)
		base = syscall(SYS_brk, 0);
	uint32_t pages = below(16), odd = one_in(3) ? below(PAGE) : 0;
	long at = syscall(SYS_brk, base + pages * PAGE + odd);
	add("brk +%x=%lx", pages * PAGE + odd, at);
	if (one_in(3)) {
		bool done = poke((base & -PAGE) + (1 + below(16)) * PAGE, 1);
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
	long result = syscall(call, r.start, r.len, 1);
	add("mlock%u %x+%x", way, r.start, r.len);
	add_result(result);
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
	uint32_t value = any();
	long result;
	if (one_in(2))
		result = ftruncate(files[file], page * PAGE + odd);
	else
		result = pwrite(files[file], &value, sizeof(value), page * PAGE);
	add("file %u at %x+%x", file, page, odd);
	add_result(result);
}

static void do_remap_file(void)
{
	struct range r = some_range();
	uint32_t off = below(FILE_PAGES);
	long result = syscall(SYS_remap_file_pages, r.start, r.len, 0, off, 0);
	add("remap_file_pages %x+%x off %x", r.start, r.len, off);
	add_result(result);
}

static void do_sum(void)
{
	add("look");
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

static void one_call(void)
{
	uint32_t choice = below(100);
	if (choice < 27)
		do_mmap();
	else if (choice < 34)
		do_munmap();
	else if (choice < 50)
		do_mprotect();
	else if (choice < 60)
		do_mremap();
	else if (choice < 69)
		do_madvise();
	else if (choice < 81)
		do_touch(true);
	else if (choice < 85)
		do_touch(false);
	else if (choice < 88)
		do_brk();
	else if (choice < 90)
		do_msync();
	else if (choice < 92)
		do_mlock();
	else if (choice < 94)
		do_mincore();
	else if (choice < 97)
		do_file();
	else if (choice < 98)
		do_remap_file();
	else
		do_sum();
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
	add_maps(false);
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
		add_maps(false);
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
	add_maps(false);
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

static void prepare(void)
{
	struct sigaction action = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO | SA_NODEFER};
	sigaction(SIGSEGV, &action, NULL);
	sigaction(SIGBUS, &action, NULL);
	for (int i = 0; i < 2; i++) {
		files[i] = memfd_create("fuzz", 0);
		for (uint32_t page = 0; page < FILE_PAGES; page++)
			pwrite(files[i], &page, sizeof(page), page * PAGE);
	}
	char path[40];
	snprintf(path, sizeof(path), "/proc/self/fd/%d", files[1]);
	files[2] = open(path, O_RDONLY);
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
		add_maps(true);
	used = 0;
	add("end %08x", running);
	finish_line(true);
	return 0;
}
