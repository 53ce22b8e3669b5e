/* /proc/kpageflags: what it says of the pages of a program, kind by kind; and what MADV_FREE does with
 * pages that somebody else has locked. */
#include "tests/user/test.h"
#include <sys/uio.h>

#define RW    (PROT_READ | PROT_WRITE)
#define ANON  (MAP_PRIVATE | MAP_ANONYMOUS)
#define PAGES 16u

/* How often a page was used is not compared: REFERENCED and ACTIVE. */
static const struct {
	int bit;
	const char *name;
} bits[] = {
	{3, "uptodate"}, {4, "dirty"}, {5, "lru"}, {7, "slab"}, {10, "buddy"}, {11, "mmap"},
	{12, "anon"}, {14, "swapbacked"}, {15, "head"}, {16, "tail"}, {17, "huge"},
	{18, "unevictable"}, {19, "hwpoison"}, {24, "zero"}, {26, "pgtable"}, {32, "reserved"},
	{33, "mlocked"}, {34, "mappedtodisk"},
};

static int kpageflags;
static char *area;

/* Linux enters pages in its lists late; MADV_COLD begins with that. */
static void enter_in_lists(void)
{
	static char page[PAGE] __attribute__((aligned(PAGE)));

	madvise(page, PAGE, MADV_COLD);
}

static uint64_t word(int fd, uint64_t index)
{
	uint64_t value = 0;

	if (pread(fd, &value, sizeof(value), index * sizeof(value)) != sizeof(value))
		die("pread");
	return value;
}

static void show(const char *name, const volatile void *p)
{
	int pagemap = open("/proc/self/pagemap", O_RDONLY);
	char text[256] = " not present";
	uint64_t entry, flags;

	enter_in_lists();
	entry = word(pagemap, (uintptr_t)p / PAGE);
	close(pagemap);
	if (entry >> 63) {
		flags = word(kpageflags, entry & ((1ull << 55) - 1));
		text[0] = '\0';
		for (size_t i = 0; i < COUNT(bits); i++)
			if (flags >> bits[i].bit & 1)
				sprintf(text + strlen(text), " %s", bits[i].name);
	}
	say(name, "%s", text + 1);
}

static void show_usage(const char *name)
{
	enter_in_lists();
	say(name, "lazy %ld clean %ld %ld dirty %ld %ld", smaps_value(getpid(), area, "LazyFree:"),
		smaps_value(getpid(), area, "Shared_Clean:"),
		smaps_value(getpid(), area, "Private_Clean:"),
		smaps_value(getpid(), area, "Shared_Dirty:"),
		smaps_value(getpid(), area, "Private_Dirty:"));
}

/* --- Private memory --- */

static void child_shows(void)
{
	show("fork.child", area);
}

static void child_writes(void)
{
	*area = 'c';
	show("fork.child_written", area);
}

static void private_memory(void)
{
	area = map_anon(PAGES * PAGE);
	area[0] = 'x';
	show("anon.written", area);
	try_read(area + PAGE);
	show("anon.read", area + PAGE);
	isolated("fork", child_shows);
	show("fork.parent", area);
	isolated("fork", child_writes);
	area[0] = 'y';
	show("fork.parent_written", area);
	madvise(area, PAGE, MADV_FREE);
	show("free", area);
	area[2 * PAGE] = 'x';
	mlock(area + 2 * PAGE, 2 * PAGE);
	show("mlock", area + 2 * PAGE);
	show("mlock.new", area + 3 * PAGE);
	munlock(area + 2 * PAGE, PAGE);
	show("munlock", area + 2 * PAGE);
	munmap(area, PAGES * PAGE);
	area = mmap(NULL, PAGE, RW, ANON | MAP_LOCKED, -1, 0);
	show("map_locked", area);
	mprotect(area, PAGE, PROT_NONE);
	show("map_locked.none", area);
	munmap(area, PAGE);
}

/* --- MADV_FREE of what others have locked --- */

static void child_frees(void)
{
	answer("locked.madvise", madvise(area, PAGES * PAGE, MADV_FREE));
	show("locked.child", area);
	show_usage("locked.child_usage");
	area[0] = 'c';
	show_usage("locked.child_written");
}

static void grandchild(void)
{
	madvise(area, PAGES * PAGE, MADV_FREE);
	show_usage("locked.grandchild");
}

/* Locked by the child alone. */
static void child_locks(void)
{
	mlock(area, PAGES / 2 * PAGE);
	isolated("locked.grandchild", grandchild);
	munlock(area, PAGES / 4 * PAGE);
	isolated("locked.grandchild", grandchild);
	show_usage("locked.locker");
}

static void locked_elsewhere(void)
{
	area = map_anon(PAGES * PAGE);
	memset(area, 'x', PAGES * PAGE);
	mlock(area, 4 * PAGE);
	show_usage("locked.parent");
	isolated("locked.child", child_frees);
	show_usage("locked.parent_after");
	munlock(area, 4 * PAGE);
	isolated("locked.locker", child_locks);
	munmap(area, PAGES * PAGE);
}

/* --- Pages that are written from outside --- */

static void child_reads(void)
{
	for (size_t i = 0; i < PAGES; i++)
		try_read(area + i * PAGE);
	show_usage("outside.shared_child");
}

static void child_frees_again(void)
{
	madvise(area, PAGES * PAGE, MADV_FREE);
	show_usage("outside.private_child");
	show("outside.private_child", area);
}

/* Two bytes where there is room for pages: all of them are said to be written. */
static void write_from_outside(void)
{
	char two[2] = "w";
	struct iovec local = {two, sizeof(two)}, remote = {area, PAGES / 2 * PAGE};

	answer("outside", process_vm_writev(getpid(), &local, 1, &remote, 1, 0));
}

static void pinned(void)
{
	area = mmap(NULL, PAGES * PAGE, RW, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	for (size_t i = 0; i < PAGES; i++)
		try_read(area + i * PAGE);
	memset(area, 'x', PAGES * PAGE);
	isolated("outside.shared_child", child_reads);
	write_from_outside();
	isolated("outside.shared_child", child_reads);
	munmap(area, PAGES * PAGE);
	area = map_anon(PAGES * PAGE);
	memset(area, 'x', PAGES * PAGE);
	write_from_outside();
	show("outside.private", area);
	isolated("outside.private_child", child_frees_again);
	madvise(area, PAGES * PAGE, MADV_FREE);
	show_usage("outside.private_freed");
	munmap(area, PAGES * PAGE);
}

/* --- Files --- */

static void files(void)
{
	int fd = memfd_create("m", 0);
	char *own;

	ftruncate(fd, PAGES * PAGE);
	area = mmap(NULL, PAGES * PAGE, RW, MAP_SHARED, fd, 0);
	try_read(area);
	show("file.hole", area);
	try_write(area + PAGE);
	show("file.written", area + PAGE);
	pwrite(fd, "x", 1, 2 * PAGE);
	try_read(area + 2 * PAGE);
	show("file.pwrite", area + 2 * PAGE);
	mlock(area + 2 * PAGE, PAGE);
	show("file.mlock", area + 2 * PAGE);
	own = mmap(NULL, PAGES * PAGE, RW, MAP_PRIVATE, fd, 0);
	try_read(own + 2 * PAGE);
	show("file.mlock_elsewhere", own + 2 * PAGE);
	try_write(own + 2 * PAGE);
	show("file.copy", own + 2 * PAGE);
	munlock(area + 2 * PAGE, PAGE);
	show("file.munlock", area + 2 * PAGE);
	munmap(own, PAGES * PAGE);
	munmap(area, PAGES * PAGE);
	close(fd);
	area = mmap(NULL, PAGE, RW, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	try_write(area);
	show("shared", area);
	munmap(area, PAGE);
	show("text", (void *)show);
}

static void huge_pages(void)
{
	static const struct {
		const char *name;
		int flags;
	} kinds[] = {{"huge.private", MAP_PRIVATE}, {"huge.shared", MAP_SHARED}};

	write_setting("/proc/sys/vm/nr_hugepages", "1");
	for (size_t i = 0; i < COUNT(kinds); i++) {
		area = mmap(NULL, 2 << 20, RW, kinds[i].flags | MAP_ANONYMOUS | MAP_HUGETLB, -1, 0);
		try_write(area);
		show(kinds[i].name, area);
		show(kinds[i].name, area + PAGE);
		munmap(area, 2 << 20);
	}
	write_setting("/proc/sys/vm/nr_hugepages", "0");
}

int main(void)
{
	kpageflags = open("/proc/kpageflags", O_RDONLY);
	private_memory();
	locked_elsewhere();
	pinned();
	files();
	huge_pages();
	return test_failed;
}
