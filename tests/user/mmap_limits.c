/* mmap and its family at the limits: number of mappings, committed memory, a mount without exec. */
#include "tests/user/test.h"
#include <linux/userfaultfd.h>
#include <sys/ioctl.h>
#include <sys/mount.h>

#define RW   (PROT_READ | PROT_WRITE)
#define ANON (MAP_PRIVATE | MAP_ANONYMOUS)

static void set_number(const char *path, const char *value)
{
	int fd = open(path, O_WRONLY);

	if (fd < 0 || write(fd, value, strlen(value)) != (ssize_t)strlen(value))
		die(path);
	close(fd);
}

/* Pages with alternating permissions, until there may be no more mappings. */
static char *use_up(char *at)
{
	for (int i = 0;; i++, at += PAGE) {
		int prot = i % 2 ? PROT_READ : PROT_NONE;
		if (mmap(at, PAGE, prot, ANON | MAP_FIXED_NOREPLACE, -1, 0) == MAP_FAILED) {
			answer("count.mmap", -1);
			return at;
		}
	}
}

static void map_count(void)
{
	char *large = map_at(FREE_AREA2, 8 * PAGE, RW), *end;
	int fd = memfd_create("file", 0);

	ftruncate(fd, 8 * PAGE);
	set_number("/proc/sys/vm/max_map_count", "100");
	end = use_up(FREE_AREA);
	answer_ptr("count.file", mmap(NULL, PAGE, PROT_READ, MAP_SHARED, fd, 0));
	answer_ptr("count.odd_address",
		mmap(end + 1, PAGE, PROT_READ, ANON | MAP_FIXED, -1, 0));
	answer("count.munmap_middle", munmap(large + PAGE, PAGE));
	answer("count.munmap_end", munmap(large + 7 * PAGE, PAGE));
	answer("count.mprotect_middle", mprotect(large + PAGE, PAGE, PROT_READ));
	answer("count.mprotect_begin", mprotect(large, PAGE, PROT_READ));
	answer("count.mprotect_all", mprotect(large, 7 * PAGE, PROT_READ));
	answer("count.madvise_middle", madvise(large + PAGE, PAGE, MADV_DONTFORK));
	answer("count.mlock_middle", mlock(large + PAGE, PAGE));
	answer_ptr("count.mremap_move", mremap(large, PAGE, 2 * PAGE, MREMAP_MAYMOVE));
	answer_ptr("count.mremap_fixed",
		mremap(large, PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, FREE_AREA2 + 64 * PAGE));
	answer_ptr("count.mremap_grow", mremap(large, 7 * PAGE, 8 * PAGE, 0));
	answer_ptr("count.fixed_over", mmap(end - PAGE, PAGE, RW, ANON | MAP_FIXED, -1, 0));
	answer("count.munmap_one", munmap(FREE_AREA, PAGE));
	answer_ptr("count.one_again", mmap(FREE_AREA, PAGE, PROT_READ, ANON | MAP_FIXED, -1, 0));
	answer("count.fork", in_child((void (*)(void))getpid));
	set_number("/proc/sys/vm/max_map_count", "65530");
}

/* As many mappings as there are now, but for the call. */
#define at_limit(name, call)                                                                       \
	do {                                                                                       \
		char count_[16];                                                                   \
		sprintf(count_, "%d", map_lines(0, 0xc0000000));                                   \
		set_number("/proc/sys/vm/max_map_count", count_);                                  \
		long result_ = call;                                                               \
		int errno_ = errno;                                                                \
		set_number("/proc/sys/vm/max_map_count", "65530");                                 \
		errno = errno_;                                                                    \
		answer(name, result_);                                                             \
	} while (0)

/* A border between two mappings may move when there may be no more of them. */
static void map_count_borders(void)
{
	char *p = map_at(FREE_AREA, 8 * PAGE, PROT_NONE), *q = map_at(FREE_AREA2, 8 * PAGE, RW);
	struct uffdio_api api = {.api = UFFD_API};
	struct uffdio_register r = {{(uintptr_t)q, 4 * PAGE}, UFFDIO_REGISTER_MODE_MISSING, 0};
	int fd = syscall(SYS_userfaultfd, 0);

	mprotect(p, 4 * PAGE, RW);
	at_limit("borders.mprotect_up", mprotect(p + 4 * PAGE, PAGE, RW));
	at_limit("borders.mprotect_down", mprotect(p + 4 * PAGE, PAGE, PROT_NONE));
	at_limit("borders.mprotect_over", mprotect(p + 3 * PAGE, 2 * PAGE, PROT_NONE));
	at_limit("borders.mprotect_middle", mprotect(p + PAGE, PAGE, PROT_NONE));
	at_limit("borders.mprotect_begin", mprotect(p, PAGE, PROT_NONE));
	at_limit("borders.mlock_begin", mlock(p, PAGE));
	mlock(p, PAGE);
	at_limit("borders.mlock_up", mlock(p, 2 * PAGE));
	at_limit("borders.munlock_down", munlock(p + PAGE, PAGE));
	munlock(p, 8 * PAGE);
	madvise(p, PAGE, MADV_DONTFORK);
	at_limit("borders.madvise_up", madvise(p, 2 * PAGE, MADV_DONTFORK));
	at_limit("borders.madvise_middle", madvise(p + 6 * PAGE, PAGE, MADV_DONTFORK));
	madvise(q + 4 * PAGE, 4 * PAGE, MADV_DONTFORK);
	at_limit("borders.madvise_down", madvise(q + 3 * PAGE, PAGE, MADV_DONTFORK));
	at_limit("borders.madvise_up_again", madvise(q + 3 * PAGE, PAGE, MADV_DOFORK));
	madvise(q, 8 * PAGE, MADV_DOFORK);
	say("borders.lines", "%d %d", map_lines(p, 8 * PAGE), map_lines(q, 8 * PAGE));
	at_limit("borders.munmap_middle", munmap(p + 6 * PAGE, PAGE));
	at_limit("borders.munmap_end", munmap(p + 7 * PAGE, PAGE));
	if (ioctl(fd, UFFDIO_API, &api) || ioctl(fd, UFFDIO_REGISTER, &r))
		die("userfaultfd");
	r.range = (struct uffdio_range){(uintptr_t)q + 4 * PAGE, PAGE};
	at_limit("borders.register_up", ioctl(fd, UFFDIO_REGISTER, &r));
	at_limit("borders.unregister_down", ioctl(fd, UFFDIO_UNREGISTER, &r.range));
	say("borders.registered_lines", "%d", map_lines(q, 8 * PAGE));
}

/* Room for the first of two cuts: it stays. */
static void map_count_one_cut(void)
{
	char *p = map_at(FREE_AREA, 8 * PAGE, RW), count[16];

	sprintf(count, "%d", map_lines(0, 0xc0000000) + 1);
	set_number("/proc/sys/vm/max_map_count", count);
	answer("one_cut", mprotect(p + PAGE, PAGE, PROT_READ));
	set_number("/proc/sys/vm/max_map_count", "65530");
	say("one_cut.lines", "%d", map_lines(p, 8 * PAGE));
}

/* A mapping that cannot grow elsewhere, since too much was asked for, stays as it was. */
static void refused_move(void)
{
	char *p = map_at(FREE_AREA, 8 * PAGE, RW);

	set_number("/proc/sys/vm/overcommit_memory", "2");
	set_number("/proc/sys/vm/overcommit_ratio", "30");
	answer_ptr("refused_move", mremap(p + 2 * PAGE, 2 * PAGE, 1 << 30, MREMAP_MAYMOVE));
	set_number("/proc/sys/vm/overcommit_memory", "0");
	set_number("/proc/sys/vm/overcommit_ratio", "50");
	say("refused_move.lines", "%d", map_lines(p, 8 * PAGE));
}

/* With overcommit_memory 2 no more is promised than there is, and a part of that. */
static void never_overcommit(void)
{
	char *p, *shared;

	set_number("/proc/sys/vm/overcommit_ratio", "50");
	set_number("/proc/sys/vm/overcommit_memory", "2");
	answer_ptr("never.private", mmap(NULL, 2u << 30, RW, ANON, -1, 0));
	answer_ptr("never.noreserve", mmap(NULL, 2u << 30, RW, ANON | MAP_NORESERVE, -1, 0));
	answer_ptr("never.shared", mmap(NULL, 2u << 30, RW, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
	p = answer_ptr("never.readonly", mmap(NULL, 1u << 30, PROT_READ, ANON, -1, 0));
	answer("never.made_writable", mprotect(p, 1u << 30, RW));
	answer("never.part_writable", mprotect(p, 1u << 20, RW));
	answer_ptr("never.grow", mremap(p, 1u << 20, 1u << 30, MREMAP_MAYMOVE));
	munmap(p, 1u << 30);
	answer("never.brk", brk((char *)sbrk(0) + (1u << 30)));
	set_number("/proc/sys/vm/overcommit_memory", "0");
	shared = answer_ptr("guess.all", mmap(NULL, 2u << 30, RW, ANON, -1, 0));
	if (shared != MAP_FAILED)
		munmap(shared, 2u << 30);
	set_number("/proc/sys/vm/overcommit_memory", "1");
	p = answer_ptr("always", mmap(NULL, 2u << 30, RW, ANON, -1, 0));
	munmap(p, 2u << 30);
	set_number("/proc/sys/vm/overcommit_memory", "0");
}

static void no_exec_mount(void)
{
	int fd;
	char *p;

	mkdir("/tmp/noexec", 0755);
	answer("mount", mount("none", "/tmp/noexec", "tmpfs", MS_NOEXEC, ""));
	fd = make_file("/tmp/noexec/file", "text", 4);
	answer_ptr("noexec.exec", mmap(NULL, PAGE, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 0));
	answer_ptr("noexec.exec_shared", mmap(NULL, PAGE, PROT_EXEC, MAP_SHARED, fd, 0));
	p = answer_ptr("noexec.read", mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE, fd, 0));
	answer("noexec.mprotect", mprotect(p, PAGE, PROT_READ | PROT_EXEC));
	munmap(p, PAGE);
	close(fd);
	unlink("/tmp/noexec/file");
	answer("umount", umount("/tmp/noexec"));
	rmdir("/tmp/noexec");
}

/* A program that runs is not written to; MAP_DENYWRITE means nothing. */
static void text_busy(void)
{
	int fd = make_file("busy", "text", 4);

	answer("busy.open", open("/proc/self/exe", O_RDWR));
	answer("busy.truncate", truncate("/proc/self/exe", 0));
	answer_ptr(
		"busy.denywrite", mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE | MAP_DENYWRITE, fd, 0));
	answer("busy.still_written", write(fd, "x", 1));
	close(fd);
	unlink("busy");
}

static void data_limit(void)
{
	struct rlimit l = {0, RLIM_INFINITY};

	setrlimit(RLIMIT_DATA, &l);
	answer_ptr("data.zero", mmap(NULL, PAGE, RW, ANON, -1, 0));
	answer_ptr("data.zero_readonly", mmap(NULL, PAGE, PROT_READ, ANON, -1, 0));
	answer_ptr("data.zero_stack", mmap(NULL, PAGE, RW, ANON | MAP_GROWSDOWN, -1, 0));
	l.rlim_max = 0;
	setrlimit(RLIMIT_DATA, &l);
	answer_ptr("data.zero_hard", mmap(NULL, PAGE, RW, ANON, -1, 0));
	answer_ptr("data.zero_shared", mmap(NULL, PAGE, RW, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
}

/* Shared anonymous memory is a file to the kernel, and there may be only so many. */
static void no_more_files(void)
{
	/* Linux counts them roughly while they are few. */
	for (int i = 0; i < 200; i++)
		if (open("/", O_RDONLY) < 0)
			die("open");
	if (setresuid(1000, 1000, 1000))
		die("setresuid");
	answer_ptr("files.shared", mmap(NULL, PAGE, RW, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
	answer_ptr("files.private", mmap(NULL, PAGE, RW, ANON, -1, 0));
	answer("files.memfd", memfd_create("file", 0) < 0 ? -1 : 0);
	answer("files.open", open("/", O_RDONLY) < 0 ? -1 : 0);
	answer("files.pipe", pipe((int[2]){0}));
}

static void file_count(void)
{
	char old[32] = "";
	int fd = open("/proc/sys/fs/file-max", O_RDONLY);

	if (read(fd, old, sizeof(old) - 1) < 0)
		die("file-max");
	close(fd);
	set_number("/proc/sys/fs/file-max", "1");
	answer_ptr("files.root", mmap(NULL, PAGE, RW, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
	isolated("no_more_files", no_more_files);
	set_number("/proc/sys/fs/file-max", old);
}

int main(void)
{
	isolated("map_count", map_count);
	isolated("borders", map_count_borders);
	isolated("one_cut", map_count_one_cut);
	isolated("refused_move", refused_move);
	never_overcommit();
	no_exec_mount();
	text_busy();
	file_count();
	isolated("data_limit", data_limit);
	return test_failed;
}
