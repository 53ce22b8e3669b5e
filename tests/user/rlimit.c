/* Resource limits: getting, setting, and what happens at the limit. */
#include "tests/user/test.h"

static void show(const char *name, int resource)
{
	struct rlimit limit;

	if (getrlimit(resource, &limit))
		say(name, "%s", errno_name(errno));
	else
		say(name, "%ld %ld", (long)limit.rlim_cur, (long)limit.rlim_max);
}

static int set(int resource, rlim_t soft, rlim_t hard)
{
	return setrlimit(resource, &(struct rlimit){soft, hard});
}

static void defaults(void)
{
	show("default.cpu", RLIMIT_CPU);
	show("default.fsize", RLIMIT_FSIZE);
	show("default.data", RLIMIT_DATA);
	show("default.stack", RLIMIT_STACK);
	show("default.core", RLIMIT_CORE);
	show("default.as", RLIMIT_AS);
	show("default.nice", RLIMIT_NICE);
	show("default.rtprio", RLIMIT_RTPRIO);
	show("default.msgqueue", RLIMIT_MSGQUEUE);
	show("default.locks", RLIMIT_LOCKS);
}

static void errors(void)
{
	struct rlimit64 {
		uint64_t soft, hard;
	} limit;

	show("get.unknown", 16);
	answer("set.unknown", set(16, 1, 1));
	answer("set.soft_over_hard", set(RLIMIT_CORE, 10, 5));
	answer("get.efault", syscall(SYS_ugetrlimit, RLIMIT_CORE, KERNEL));
	answer("set.efault", syscall(SYS_setrlimit, RLIMIT_CORE, KERNEL));
	answer("prlimit.nobody", syscall(SYS_prlimit64, 32000, RLIMIT_CORE, NULL, &limit));
	answer("prlimit.self", syscall(SYS_prlimit64, 0, RLIMIT_STACK, NULL, &limit));
	say("prlimit.stack", "%llu %s", (unsigned long long)limit.soft,
		limit.hard == ~0ull ? "unlimited" : "limited");
	limit = (struct rlimit64){10ull << 32, 20ull << 32};
	answer("prlimit.large", syscall(SYS_prlimit64, 0, RLIMIT_FSIZE, &limit, NULL));
	show("large.seen_by_old_call", RLIMIT_FSIZE);
	syscall(SYS_prlimit64, 0, RLIMIT_FSIZE, NULL, &limit);
	say("large.kept", "%llx %llx", (unsigned long long)limit.soft,
		(unsigned long long)limit.hard);
	limit = (struct rlimit64){0xfffffffe, 0xffffffff};
	answer("prlimit.largest", syscall(SYS_prlimit64, 0, RLIMIT_FSIZE, &limit, NULL));
	syscall(SYS_prlimit64, 0, RLIMIT_FSIZE, NULL, &limit);
	say("largest.kept", "%llx %llx", (unsigned long long)limit.soft,
		(unsigned long long)limit.hard);
	answer("set.back", set(RLIMIT_FSIZE, RLIM_INFINITY, RLIM_INFINITY));
	show("set.infinite", RLIMIT_FSIZE);
	limit.soft = 0;
	syscall(SYS_prlimit64, 0, RLIMIT_FSIZE, NULL, &limit);
	check("infinite.in_64_bits", limit.soft == ~0ull);
}

static void lowering(void)
{
	answer("lower", set(RLIMIT_CORE, 10, 20));
	answer("raise_soft", set(RLIMIT_CORE, 20, 20));
	answer("root_raises_hard", set(RLIMIT_CORE, 0, 1000));
	if (setuid(1000))
		die("setuid");
	answer("user_raises_hard", set(RLIMIT_CORE, 0, 1001));
	answer("user_lowers_hard", set(RLIMIT_CORE, 0, 500));
	answer("user_raises_soft", set(RLIMIT_CORE, 500, 500));
	answer("user_restores_hard", set(RLIMIT_CORE, 0, 1000));
	show("after", RLIMIT_CORE);
}

static void descriptors(void)
{
	int fds[2], count = 0, fd;

	answer("nofile.set", set(RLIMIT_NOFILE, 10, 20));
	while ((fd = dup(0)) >= 0)
		count = fd;
	say("nofile.last", "%d, then %s", count, errno_name(errno));
	answer("nofile.open", open("/dev/null", O_RDONLY));
	answer("nofile.pipe", pipe(fds));
	answer("nofile.dup2_at_limit", dup2(0, 10));
	answer("nofile.dupfd", fcntl(0, F_DUPFD, 9));
	answer("nofile.dupfd_at_limit", fcntl(0, F_DUPFD, 10));
	answer("nofile.dup2_below", dup2(0, 9));
	close(9);
	answer("nofile.pipe_needs_two", pipe(fds));
	answer("nofile.none_leaked", dup(0));
	answer("nofile.raise", set(RLIMIT_NOFILE, 20, 20));
	answer("nofile.more", dup(0));
	answer("nofile.lower_than_used", set(RLIMIT_NOFILE, 5, 20));
	answer("nofile.used_still_work", fcntl(10, F_GETFD));
	answer("nofile.over_nr_open", set(RLIMIT_NOFILE, 1 << 30, 1 << 30));
}

static volatile int signals;

static void count(int sig)
{
	signals++;
}

static void file_size(void)
{
	static char block[5000];
	int fd = make_file("file", "", 0);

	signal(SIGXFSZ, count);
	answer("fsize.set", set(RLIMIT_FSIZE, 8000, 8000));
	answer("fsize.below", write(fd, block, sizeof(block)));
	answer("fsize.short", write(fd, block, sizeof(block)));
	answer("fsize.at_limit", write(fd, block, 1));
	say("fsize.signals", "%d", signals);
	answer("fsize.inside", pwrite(fd, block, 100, 0));
	answer("fsize.truncate", ftruncate(fd, 8001));
	answer("fsize.truncate_inside", ftruncate(fd, 7999));
	say("fsize.signals", "%d", signals);
	answer("fsize.nothing", pwrite(fd, block, 0, 9000));
	signal(SIGXFSZ, SIG_DFL);
	write(fd, block, 1);
	write(fd, block, 1);
	_exit(3);
}

static void address_space(void)
{
	char *p;

	answer("as.set", set(RLIMIT_AS, 64 << 20, 64 << 20));
	p = mmap(NULL, 128 << 20, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	answer_ptr("as.mmap", p);
	p = mmap(NULL, 16 << 20, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	answer_ptr("as.mmap_below", p);
	answer_ptr("as.mremap", mremap(p, 16 << 20, 100 << 20, MREMAP_MAYMOVE));
	munmap(p, 16 << 20);
	check("as.malloc", malloc(100 << 20) == NULL && errno == ENOMEM);
	check("as.malloc_small", malloc(1000) != NULL);
	answer_ptr("as.fixed_over_itself", mmap(FREE_AREA, 40 << 20, PROT_NONE,
						   MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0));
	answer_ptr("as.fixed_over_itself", mmap(FREE_AREA, 40 << 20, PROT_NONE,
						   MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0));
}

static void data(void)
{
	char *p;

	answer("data.set", set(RLIMIT_DATA, 8 << 20, 8 << 20));
	answer_ptr("data.private_writable",
		mmap(NULL, 16 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
	p = answer_ptr("data.readonly",
		mmap(NULL, 16 << 20, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
	answer("data.made_writable", mprotect(p, 16 << 20, PROT_READ | PROT_WRITE));
	answer_ptr("data.shared",
		mmap(NULL, 16 << 20, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
}

static void processes(void)
{
	pid_t pid;

	answer("nproc.set", set(RLIMIT_NPROC, 1, 1));
	pid = fork();
	if (pid == 0)
		_exit(0);
	check("nproc.root_is_free", pid > 0);
	waitpid(pid, NULL, 0);
	if (setuid(4321))
		die("setuid");
	answer("nproc.user", fork());
}

/* The alarm ends it where the limit does nothing. */
static void cpu_time(void)
{
	alarm(60);
	set(RLIMIT_CPU, 1, 2);
	for (volatile long spin = 0;; spin++)
		;
}

static void inherited(void)
{
	char *argv[] = {"x", "inherited", NULL};

	set(RLIMIT_NOFILE, 77, 88);
	execve("/proc/self/exe", argv, argv + 2);
	_exit(1);
}

int main(int argc, char **argv)
{
	if (argc > 1) {
		show("exec.kept", RLIMIT_NOFILE);
		return 0;
	}
	defaults();
	isolated("errors", errors);
	isolated("lowering", lowering);
	isolated("nofile", descriptors);
	answer_status("fsize.status", in_child(file_size));
	isolated("as", address_space);
	isolated("data", data);
	isolated("nproc", processes);
	answer_status("cpu.status", in_child(cpu_time));
	isolated("inherited", inherited);
	return test_failed;
}
