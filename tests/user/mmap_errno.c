/* mmap: what it refuses, and with which errno. */
#include "tests/user/test.h"
#include <sys/prctl.h>

#define RW   (PROT_READ | PROT_WRITE)
#define ANON (MAP_PRIVATE | MAP_ANONYMOUS)

static int readonly, writeonly, readwrite;

/* The raw call: the offset counts pages, and the library checks nothing before. */
static void *map(
	unsigned long at, unsigned long len, int prot, int flags, int fd, unsigned long page)
{
	return (void *)syscall(SYS_mmap2, at, len, prot, flags, fd, page);
}

static void try(const char *name, unsigned long at, unsigned long len, int prot, int flags, int fd,
	unsigned long page)
{
	void *p = answer_ptr(name, map(at, len, prot, flags, fd, page));

	if (p != MAP_FAILED)
		munmap(p, len);
}

static void lengths(void)
{
	try("len.zero", 0, 0, RW, ANON, -1, 0);
	try("len.zero_before_fd", 0, 0, RW, MAP_PRIVATE, 99, 0);
	try("len.3g", 0, 0xc0000000, PROT_NONE, ANON | MAP_NORESERVE, -1, 0);
	try("len.over_3g", 0, 0xc0001000, PROT_NONE, ANON | MAP_NORESERVE, -1, 0);
	try("len.last", 0, 0xfffff000, PROT_NONE, ANON, -1, 0);
	try("len.wraps", 0, 0xfffff001, PROT_NONE, ANON, -1, 0);
	try("len.most", 0, 0xffffffff, PROT_NONE, ANON, -1, 0);
}

static void flags(void)
{
	try("flags.none", 0, PAGE, RW, MAP_ANONYMOUS, -1, 0);
	try("flags.type_zero_file", 0, PAGE, PROT_READ, 0, readwrite, 0);
	try("flags.both_types_anon", 0, PAGE, RW, MAP_ANONYMOUS | 3, -1, 0);
	try("flags.type_4", 0, PAGE, RW, MAP_ANONYMOUS | 4, -1, 0);
	try("flags.validate_file", 0, PAGE, RW, MAP_SHARED_VALIDATE, readwrite, 0);
	try("flags.validate_sync", 0, PAGE, RW, MAP_SHARED_VALIDATE | MAP_SYNC, readwrite, 0);
	try("flags.validate_unknown", 0, PAGE, RW, MAP_SHARED_VALIDATE | 0x800000, readwrite, 0);
	try("flags.unknown_ignored", 0, PAGE, RW, ANON | 0x800000, -1, 0);
	try("flags.growsdown_file", 0, PAGE, RW, MAP_PRIVATE | MAP_GROWSDOWN, readwrite, 0);
	try("flags.growsdown_shared", 0, PAGE, RW, MAP_SHARED | MAP_ANONYMOUS | MAP_GROWSDOWN, -1,
		0);
	try("flags.map_32bit", 0, PAGE, RW, ANON | 0x40, -1, 0);
	try("prot.unknown_ignored", 0, PAGE, 0xff00 | PROT_READ, ANON, -1, 0);
}

static void places(void)
{
	try("fixed.unaligned", 0x20000001, PAGE, RW, ANON | MAP_FIXED, -1, 0);
	try("fixed.kernel", 0xc0000000, PAGE, RW, ANON | MAP_FIXED, -1, 0);
	try("fixed.kernel_middle", 0xd0000000, PAGE, RW, ANON | MAP_FIXED, -1, 0);
	try("fixed.into_kernel", 0xbffff000, 2 * PAGE, RW, ANON | MAP_FIXED_NOREPLACE, -1, 0);
	try("fixed.last_page", 0xfffff000, PAGE, RW, ANON | MAP_FIXED, -1, 0);
	try("fixed.wraps", 0xfffff000, 2 * PAGE, RW, ANON | MAP_FIXED, -1, 0);
	try("fixed.noreplace_unaligned", 0x20000001, PAGE, RW, ANON | MAP_FIXED_NOREPLACE, -1, 0);
	try("fixed.noreplace_taken", (unsigned long)places & -PAGE, PAGE, RW,
		ANON | MAP_FIXED_NOREPLACE, -1, 0);
}

static void offsets(void)
{
	try("offset.last_page", 0, PAGE, PROT_READ, MAP_PRIVATE, readwrite, 0xffffffff);
	try("offset.before_last", 0, PAGE, PROT_READ, MAP_PRIVATE, readwrite, 0xfffffffe);
	try("offset.overflow", 0, 2 * PAGE, PROT_READ, MAP_PRIVATE, readwrite, 0xffffffff);
	try("offset.anon_overflow", 0, 2 * PAGE, PROT_READ, ANON, -1, 0xffffffff);
	try("offset.beyond_end", 0, PAGE, PROT_READ, MAP_PRIVATE, readwrite, 100);
}

static void descriptors(void)
{
	int fds[2], null = open("/dev/null", O_RDWR), dir = open(".", O_RDONLY);
	int path = open("file", O_PATH);

	if (pipe(fds))
		die("pipe");
	try("fd.minus_one", 0, PAGE, RW, MAP_PRIVATE, -1, 0);
	try("fd.closed", 0, PAGE, RW, MAP_SHARED, 99, 0);
	try("fd.only_path", 0, PAGE, PROT_READ, MAP_SHARED, path, 0);
	try("fd.pipe", 0, PAGE, PROT_READ, MAP_SHARED, fds[0], 0);
	try("fd.pipe_write_end", 0, PAGE, PROT_READ, MAP_SHARED, fds[1], 0);
	try("fd.directory", 0, PAGE, PROT_READ, MAP_SHARED, dir, 0);
	try("fd.directory_write", 0, PAGE, RW, MAP_SHARED, dir, 0);
	try("fd.null_device", 0, PAGE, PROT_READ, MAP_SHARED, null, 0);
	close(fds[0]);
	close(fds[1]);
	close(null);
	close(dir);
	close(path);
}

static void access_modes(void)
{
	int append = open("file", O_RDWR | O_APPEND);

	try("mode.writeonly_private", 0, PAGE, PROT_READ, MAP_PRIVATE, writeonly, 0);
	try("mode.writeonly_shared", 0, PAGE, PROT_WRITE, MAP_SHARED, writeonly, 0);
	try("mode.writeonly_none", 0, PAGE, PROT_NONE, MAP_SHARED, writeonly, 0);
	try("mode.readonly_shared_write", 0, PAGE, RW, MAP_SHARED, readonly, 0);
	try("mode.readonly_shared_read", 0, PAGE, PROT_READ, MAP_SHARED, readonly, 0);
	try("mode.readonly_private_write", 0, PAGE, RW, MAP_PRIVATE, readonly, 0);
	try("mode.append_shared_write", 0, PAGE, RW, MAP_SHARED, append, 0);
	close(append);
}

/* The first system call for mmap takes its arguments in memory and counts bytes. */
static void old_call(void)
{
	unsigned long args[6] = {0, PAGE, RW, ANON, -1, 0};
	char *p = answer_ptr("old.anon", (void *)syscall(SYS_mmap, args));

	munmap(p, PAGE);
	args[5] = 100;
	answer_ptr("old.unaligned_offset", (void *)syscall(SYS_mmap, args));
	args[1] = 0;
	answer_ptr("old.unaligned_and_empty", (void *)syscall(SYS_mmap, args));
	answer_ptr("old.efault", (void *)syscall(SYS_mmap, KERNEL));
	args[1] = PAGE;
	args[3] = MAP_PRIVATE;
	args[4] = readwrite;
	args[5] = PAGE;
	p = answer_ptr("old.file", (void *)syscall(SYS_mmap, args));
	say("old.offset", "%c", *p);
	munmap(p, PAGE);
}

static void full(void)
{
	struct rlimit limit = {64 << 20, 64 << 20};
	int count = 0;

	while (count < 64 && map(0, 64 << 20, PROT_NONE, ANON | MAP_NORESERVE, -1, 0) != MAP_FAILED)
		count++;
	check("enomem.space_is_three_gigabytes", count >= 40 && count < 48);
	answer_ptr("enomem.no_hole", map(0, 64 << 20, PROT_NONE, ANON | MAP_NORESERVE, -1, 0));
	setrlimit(RLIMIT_AS, &limit);
	answer_ptr("enomem.rlimit_as", map(0, PAGE, RW, ANON, -1, 0));
}

static void as_user(void)
{
	struct rlimit limit = {0, 0};

	if (setgid(1000) || setuid(1000))
		die("setuid");
	try("user.page_zero", 0, PAGE, RW, ANON | MAP_FIXED, -1, 0);
	try("user.page_one", PAGE, PAGE, RW, ANON | MAP_FIXED, -1, 0);
	try("user.first_allowed", 0x10000, PAGE, RW, ANON | MAP_FIXED, -1, 0);
	try("user.locked", 0, PAGE, RW, ANON | MAP_LOCKED, -1, 0);
	limit.rlim_max = 2 * PAGE;
	limit.rlim_cur = 2 * PAGE;
	setrlimit(RLIMIT_MEMLOCK, &limit);
	try("user.locked_in_limit", 0, 2 * PAGE, RW, ANON | MAP_LOCKED, -1, 0);
	try("user.locked_over_limit", 0, 3 * PAGE, RW, ANON | MAP_LOCKED, -1, 0);
	limit.rlim_max = limit.rlim_cur = 0;
	setrlimit(RLIMIT_MEMLOCK, &limit);
	try("user.locked_not_allowed", 0, PAGE, RW, ANON | MAP_LOCKED, -1, 0);
}

int main(void)
{
	static char text[2 * PAGE];

	memset(text, 'x', PAGE);
	memset(text + PAGE, 'y', PAGE);
	readwrite = make_file("file", text, sizeof(text));
	readonly = open("file", O_RDONLY);
	writeonly = open("file", O_WRONLY);
	lengths();
	flags();
	places();
	offsets();
	descriptors();
	access_modes();
	old_call();
	isolated("full", full);
	isolated("user", as_user);
	return test_failed;
}
