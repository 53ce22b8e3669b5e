/* kcmp(2): what processes share; and the hints that F_SET_RW_HINT leaves with a file. */
#include "tests/user/test.h"

#include <linux/kcmp.h>
#include <sched.h>

static const char *const kinds[] = {"file", "vm", "files", "fs", "sighand", "io", "sysvsem"};

static long kcmp(int pid1, int pid2, int type, long fd1, long fd2)
{
	return syscall(SYS_kcmp, pid1, pid2, type, fd1, fd2);
}

/* The order of two things is the kernel's secret. */
static void compare(const char *name, int pid, int type)
{
	long v = kcmp(getpid(), pid, type, 0, 0);

	say(name, "%s %s", kinds[type], v == 0 ? "same" : v > 0 ? "differs" : errno_name(errno));
}

static int sleeper(void *unused)
{
	pause();
	return 0;
}

static void processes(const char *name, int flags)
{
	static char stack[65536];
	pid_t pid = clone(sleeper, stack + sizeof(stack), flags | SIGCHLD, NULL);

	if (pid < 0)
		die("clone");
	for (int type = KCMP_FILE; type <= KCMP_SYSVSEM; type++)
		compare(name, pid, type);
	check("order", kcmp(getpid(), pid, KCMP_VM, 0, 0) + kcmp(pid, getpid(), KCMP_VM, 0, 0) ==
		       (flags & CLONE_VM ? 0 : 3));
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

static void files(void)
{
	int me = getpid(), fd = open("/dev/null", O_RDWR), other = open("/dev/null", O_RDWR);

	answer("dup", kcmp(me, me, KCMP_FILE, fd, dup(fd)));
	check("another", kcmp(me, me, KCMP_FILE, fd, other) > 0);
	answer("closed", kcmp(me, me, KCMP_FILE, fd, 999));
	answer("path", kcmp(me, me, KCMP_FILE, fd, open("/", O_PATH)) > 0);
	answer("type", kcmp(me, me, 8, 0, 0));
	answer("type.negative", kcmp(me, me, -1, 0, 0));
	answer("nobody", kcmp(me, 32000, KCMP_VM, 0, 0));
	answer("nobody.type", kcmp(32000, me, 99, 0, 0));
}

static void unprivileged(void)
{
	int parent = getppid();

	if (setuid(1000))
		die("setuid");
	answer("self", kcmp(getpid(), getpid(), KCMP_VM, 0, 0));
	answer("parent", kcmp(getpid(), parent, KCMP_VM, 0, 0));
	answer("parent.type", kcmp(getpid(), parent, 99, 0, 0));
}

static void hint(const char *name, int fd, uint64_t value)
{
	uint64_t got = 99;

	answer(name, fcntl(fd, F_SET_RW_HINT, &value));
	answer(name, fcntl(fd, F_GET_RW_HINT, &got));
	say(name, "%llu", (unsigned long long)got);
}

static void hints(void)
{
	int fd = make_file("hints", "", 0), again = open("hints", O_RDONLY), ends[2];
	uint64_t got = 99;

	hint("none", fd, RWH_WRITE_LIFE_NONE);
	hint("extreme", fd, RWH_WRITE_LIFE_EXTREME);
	hint("beyond", fd, RWH_WRITE_LIFE_EXTREME + 1);
	hint("large", fd, 1ull << 32);
	answer("other", fcntl(again, F_GET_RW_HINT, &got));
	say("other", "%llu", (unsigned long long)got);
	answer("fault", fcntl(fd, F_GET_RW_HINT, KERNEL));
	answer("fault", fcntl(fd, F_SET_RW_HINT, KERNEL));
	answer("of_file", fcntl(fd, F_GET_FILE_RW_HINT, &got));
	answer("of_file", fcntl(fd, F_SET_FILE_RW_HINT, &got));
	if (pipe(ends))
		die("pipe");
	hint("pipe", ends[0], RWH_WRITE_LIFE_LONG);
	unlink("hints");
}

int main(void)
{
	processes("fork", 0);
	processes("vm", CLONE_VM);
	processes("all", CLONE_VM | CLONE_FILES | CLONE_FS | CLONE_SIGHAND);
	files();
	isolated("unprivileged", unprivileged);
	hints();
	return test_failed;
}
