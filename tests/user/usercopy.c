/* Pointers handed to system calls: EFAULT, short counts at the edge of a mapping, lazy pages. */
#include "tests/user/test.h"
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/utsname.h>

static char *good;   /* two pages that can be written, nothing behind them */
static char *rdonly; /* two pages each */
static char *none;
static int file, zero, sink, pipes[2];

struct place {
	const char *name;
	char *p;
	size_t len;
};

/* The library's declarations would object to what is tested here. */
static ssize_t do_readv(int fd, const void *io, int n)
{
	return syscall(SYS_readv, fd, io, n);
}

static ssize_t do_writev(int fd, const void *io, int n)
{
	return syscall(SYS_writev, fd, io, n);
}

static ssize_t read_raw(int fd, void *p, size_t len)
{
	return syscall(SYS_read, fd, p, len);
}

static ssize_t write_raw(int fd, const void *p, size_t len)
{
	return syscall(SYS_write, fd, p, len);
}

static void setup(void)
{
	good = map_at(FREE_AREA, 2 * PAGE, PROT_READ | PROT_WRITE);
	rdonly = map_at(FREE_AREA + 16 * PAGE, 2 * PAGE, PROT_READ | PROT_WRITE);
	memset(rdonly, 'r', 2 * PAGE);
	mprotect(rdonly, 2 * PAGE, PROT_READ);
	none = map_at(FREE_AREA + 32 * PAGE, 2 * PAGE, PROT_NONE);
	memset(good, 'g', 2 * PAGE);
	file = make_file("file", good, 2 * PAGE);
	zero = open("/dev/zero", O_RDWR);
	sink = make_file("sink", "", 0);
	if (zero < 0 || pipe2(pipes, O_NONBLOCK))
		die("setup");
}

static ssize_t read_file(char *p, size_t len)
{
	lseek(file, 0, SEEK_SET);
	return read_raw(file, p, len);
}

static ssize_t write_file(const char *p, size_t len)
{
	lseek(sink, 0, SEEK_SET);
	return write_raw(sink, p, len);
}

/* Empties the pipe and leaves errno alone. */
static void drain(void)
{
	static char rest[65536];
	int error = errno;

	while (read_raw(pipes[0], rest, sizeof(rest)) > 0)
		;
	errno = error;
}

static ssize_t read_pipe(char *p, size_t len)
{
	ssize_t n;

	if (write_raw(pipes[1], rdonly, len < PAGE ? len : PAGE) < 0)
		die("pipe");
	n = read_raw(pipes[0], p, len);
	drain();
	return n;
}

static ssize_t write_pipe(const char *p, size_t len)
{
	ssize_t n = write_raw(pipes[1], p, len);

	drain();
	return n;
}

static void bad_places(void)
{
	struct place places[] = {
		{"null", NULL, 10},
		{"unmapped", good + 2 * PAGE, 10},
		{"readonly", rdonly, 10},
		{"none", none, 10},
		{"kernel", KERNEL, 10},
		{"kernel_first", (char *)0xc0000000, 1},
		{"into_kernel", (char *)0xbfffffff, 2},
		{"last_byte", (char *)0xffffffff, 1},
		{"wraps", (char *)0xfffff000, 0x2000},
		{"wraps_to_good", (char *)0xfffff000, 0x40000000},
	};
	char name[64];

	for (size_t i = 0; i < COUNT(places); i++) {
		struct place *p = &places[i];

		snprintf(name, sizeof(name), "%s.read_file", p->name);
		answer(name, read_file(p->p, p->len));
		snprintf(name, sizeof(name), "%s.read_zero", p->name);
		answer(name, read_raw(zero, p->p, p->len));
		snprintf(name, sizeof(name), "%s.read_pipe", p->name);
		answer(name, read_pipe(p->p, p->len));
		snprintf(name, sizeof(name), "%s.write_file", p->name);
		answer(name, write_file(p->p, p->len));
		snprintf(name, sizeof(name), "%s.write_pipe", p->name);
		answer(name, write_pipe(p->p, p->len));
	}
	check("readonly.untouched", all_bytes(rdonly, 2 * PAGE, 'r'));
}

/* A buffer that begins in good memory and ends where nothing is. */
static void short_counts(void)
{
	char *end = good + 2 * PAGE;

	answer("short.read_file", read_file(end - 100, 200));
	answer("short.read_file_page", read_file(end - PAGE, 2 * PAGE));
	answer("short.read_zero", read_raw(zero, end - 100, 200));
	answer("short.read_pipe", read_pipe(end - 100, 200));
	answer("short.write_file", write_file(end - 100, 200));
	answer("short.write_file_page", write_file(end - PAGE, 2 * PAGE));
	answer("short.file_offset", lseek(sink, 0, SEEK_CUR));
	answer("short.write_pipe", write_pipe(end - 100, 200));
	answer("short.write_pipe_page", write_pipe(end - PAGE, 2 * PAGE));
	answer("short.write_then_none", write_file(none - 10, 20));
	answer("short.exact_read", read_file(end - 100, 100));
	answer("short.exact_write", write_file(end - 100, 100));
}

/* Whole pages of a file of which only the beginning could be written: what the frames held before,
 * for others, does not come with them. */
static void short_pages(void)
{
	static char page[PAGE];
	char *end = good + 2 * PAGE, *dirty = map_anon(256 * PAGE);
	int fd = make_file("pages", "", 0), bad = 0;

	memset(dirty, 'd', 256 * PAGE);
	munmap(dirty, 256 * PAGE);
	for (int i = 0; i < 64; i++)
		bad += pwrite(fd, end - 100, PAGE, i * PAGE) != 100;
	answer("short.pages_length", lseek(fd, 0, SEEK_END));
	ftruncate(fd, 64 * PAGE);
	for (int i = 0; i < 64; i++) {
		bad += pread(fd, page, PAGE, i * PAGE) != PAGE;
		bad += !all_bytes(page, 100, 'g') || !all_bytes(page + 100, PAGE - 100, 0);
	}
	say("short.pages_bad", "%d", bad);
	close(fd);
}

static void nothing_to_copy(void)
{
	answer("empty.write_bad_pointer", write_raw(sink, KERNEL, 0));
	answer("empty.read_bad_pointer", read_raw(file, (void *)8, 0));
	lseek(file, 0, SEEK_END);
	answer("empty.read_at_end", read_raw(file, (void *)8, 10));
	answer("bad_fd_first", read_raw(99, (void *)8, 10));
	answer("huge.read_zero", read_raw(zero, good, 0x7fffffff));
	answer("negative.read", read_raw(zero, good, -1));
	answer("negative.write", write_raw(sink, good, -1));
}

/* Memory that is promised but not there yet. */
static void lazy(void)
{
	char *p = map_at(FREE_AREA2, 32 * PAGE, PROT_READ | PROT_WRITE);
	int status;
	pid_t pid;

	answer("lazy.read_into", read_file(p + PAGE - 10, 2 * PAGE));
	check("lazy.data", all_bytes(p + PAGE - 10, 2 * PAGE, 'g') && p[PAGE - 11] == 0);
	answer("lazy.write_from", write_file(p + 4 * PAGE, 3 * PAGE));
	answer("lazy.read_zero", read_raw(zero, p + 8 * PAGE, 8 * PAGE));
	pid = fork();
	if (pid == 0)
		_exit(read_file(p, PAGE) == PAGE && all_bytes(p, 2 * PAGE, 'g') ? 0 : 1);
	waitpid(pid, &status, 0);
	answer_status("lazy.cow_child", status);
	check("lazy.cow_parent", p[0] == 0 && p[PAGE] == 'g');
	munmap(p, 32 * PAGE);

	p = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, file, 0);
	answer("lazy.read_into_mapping", read_raw(zero, p, PAGE));
	check("lazy.mapping", p[0] == 0 && p[PAGE] == 'g');
	answer("lazy.mapping_of_itself", read_file(p + PAGE, PAGE));
	munmap(p, 2 * PAGE);
}

static void structures(void)
{
	void *bad[] = {NULL, none, KERNEL};
	struct timespec wait = {0, 1};

	for (size_t i = 1; i < COUNT(bad); i++) {
		answer("efault.pipe", pipe(bad[i]));
		answer("efault.uname", uname(bad[i]));
		answer("efault.stat", syscall(SYS_stat64, ".", bad[i]));
		answer("efault.fstat", syscall(SYS_fstat64, file, bad[i]));
		answer("efault.getcwd", syscall(SYS_getcwd, bad[i], 4096));
		answer("efault.gettimeofday", syscall(SYS_gettimeofday, bad[i], NULL));
		answer("efault.getrlimit", syscall(SYS_ugetrlimit, RLIMIT_CORE, bad[i]));
		answer("efault.nanosleep", syscall(SYS_nanosleep, bad[i], NULL));
		answer("efault.sigaction", syscall(SYS_rt_sigaction, SIGUSR1, bad[i], NULL, 8));
		answer("efault.sigaction_old", syscall(SYS_rt_sigaction, SIGUSR1, NULL, bad[i], 8));
		answer("efault.sigprocmask", syscall(SYS_rt_sigprocmask, 0, bad[i], NULL, 8));
		answer("efault.poll", syscall(SYS_poll, bad[i], 1, 0));
		answer("efault.times", syscall(SYS_times, bad[i]));
		answer("efault.execve_argv", execve("/bin/true", bad[i], NULL));
		answer("efault.readv", do_readv(zero, bad[i], 1));
		answer("efault.open", open(bad[i], O_RDONLY));
		answer("efault.sigaltstack", syscall(SYS_sigaltstack, bad[i], NULL));
		answer("efault.ioctl", syscall(SYS_ioctl, pipes[0], 0x541b, bad[i]));
	}
	answer("null.open", syscall(SYS_open, NULL, O_RDONLY));
	answer("null.pipe", syscall(SYS_pipe, NULL));
	answer("null.nanosleep_rest", syscall(SYS_nanosleep, &wait, NULL));
	answer("null.clock_gettime", syscall(SYS_clock_gettime, 1, NULL));
}

/* A failed call must not leave descriptors or children behind. */
static void leaves_nothing(void)
{
	int before = dup(0), after, child = fork();

	close(before);
	if (child == 0)
		_exit(3);
	syscall(SYS_pipe, KERNEL);
	after = dup(0);
	check("leak.descriptors", before == after);
	close(after);
	answer("reaped.wait_bad_status", waitpid(child, (int *)KERNEL, 0));
	answer("reaped.gone", waitpid(child, NULL, 0));
}

static void paths(void)
{
	char *end = good + 2 * PAGE;
	char *longest = map_anon(3 * PAGE);

	strcpy(end - 5, "file");
	answer("path.at_the_edge", access(end - 5, F_OK));
	memcpy(end - 4, "file", 4);
	answer("path.over_the_edge", access(end - 4, F_OK));
	memset(longest, '/', 3 * PAGE);
	longest[PAGE] = 0;
	answer("path.4096", access(longest, F_OK));
	longest[PAGE - 1] = 0;
	answer("path.4095", access(longest, F_OK));
	munmap(longest, 3 * PAGE);
}

static void vectors(void)
{
	struct iovec io[3] = {{good, 10}, {none, 10}, {good, 10}};
	static struct iovec many[1025];

	answer("iov.second_bad_write", do_writev(sink, io, 3));
	answer("iov.second_bad_read", do_readv(zero, io, 3));
	io[0].iov_base = none;
	answer("iov.first_bad", do_readv(zero, io, 3));
	io[0] = (struct iovec){good, 0};
	io[1] = (struct iovec){good, 5};
	answer("iov.first_empty", do_writev(sink, io, 3));
	io[2].iov_len = -1;
	answer("iov.negative_length", do_writev(sink, io, 3));
	io[1].iov_len = io[2].iov_len = 0x7fffffff;
	answer("iov.sum_too_large", do_readv(zero, io, 3));
	answer("iov.too_many", do_writev(sink, many, 1025));
	answer("iov.most", do_writev(sink, many, 1024));
	answer("iov.negative_count", do_writev(sink, many, -1));
	answer("iov.none", do_writev(sink, NULL, 0));
}

/* Two pages read into memory that faults in meanwhile, with something in a register of SSE. */
static void registers(void)
{
	static const char before[16] = "fifteen letters";
	char after[16], *p = map_anon(2 * PAGE);
	long n = SYS_read;

	lseek(file, 0, SEEK_SET);
	__asm__ volatile("movups %2, %%xmm0\n\tint $0x80\n\tmovups %%xmm0, %1"
			 : "+a"(n), "=m"(after)
			 : "m"(before), "b"(file), "c"(p), "d"(2 * PAGE)
			 : "memory");
	say("sse_register", "%ld %.15s", n, after);
	munmap(p, 2 * PAGE);
}

int main(void)
{
	setup();
	bad_places();
	short_counts();
	short_pages();
	nothing_to_copy();
	lazy();
	structures();
	leaves_nothing();
	paths();
	vectors();
	registers();
	return test_failed;
}
