/* Processes by descriptor, clone3(), advice for another process, membarrier(). */
#include "tests/user/test.h"
#include <poll.h>
#include <sys/uio.h>

#define SYS_MEMBARRIER 375

struct args { /* of clone3(), Linux 5.7 */
	uint64_t flags, pidfd, child_tid, parent_tid, exit_signal, stack, stack_size, tls;
	uint64_t set_tid, set_tid_size, cgroup;
};

static int pidfd_open(pid_t pid, unsigned flags)
{
	return syscall(SYS_pidfd_open, pid, flags);
}

static int send(int fd, int sig, siginfo_t *info, unsigned flags)
{
	return syscall(SYS_pidfd_send_signal, fd, sig, info, flags);
}

static pid_t child_that_waits(void)
{
	pid_t pid = fork();

	while (!pid)
		pause();
	return pid;
}

static void opening(void)
{
	int fd = pidfd_open(getpid(), 0);

	check("open.self", fd >= 0);
	answer("open.is_cloexec", fcntl(fd, F_GETFD));
	answer("open.flags", fcntl(fd, F_GETFL));
	answer("open.read", read(fd, &fd, 4));
	answer("open.write", write(fd, &fd, 4));
	close(fd);
	answer("open.bad_flags", pidfd_open(getpid(), 1));
	answer("open.pid_0", pidfd_open(0, 0));
	answer("open.pid_negative", pidfd_open(-1, 0));
	answer("open.no_process", pidfd_open(32000, 0));
}

static void info_of(const char *name, int fd, pid_t pid)
{
	char path[64], line[100];
	int value = 0;
	FILE *file;

	sprintf(path, "/proc/self/fdinfo/%d", fd);
	file = fopen(path, "r");
	while (file && fgets(line, sizeof(line), file))
		if (sscanf(line, "Pid: %d", &value) == 1)
			say(name, "%s", value == pid ? "its number" : value == -1 ? "-1" : "ANOTHER");
	if (file)
		fclose(file);
}

static void signals(void)
{
	pid_t pid = child_that_waits();
	int fd = pidfd_open(pid, 0), zero = open("/dev/zero", O_RDONLY);
	struct pollfd p = {fd, POLLIN, 0};
	siginfo_t info = {.si_signo = SIGUSR1, .si_code = SI_QUEUE};

	answer("poll.alive", poll(&p, 1, 0));
	info_of("fdinfo.alive", fd, pid);
	answer("signal.check", send(fd, 0, NULL, 0));
	answer("signal.flags", send(fd, 0, NULL, 1));
	answer("signal.number", send(fd, 65, NULL, 0));
	answer("signal.no_pidfd", send(zero, 0, NULL, 0));
	answer("signal.no_fd", send(99, 0, NULL, 0));
	answer("signal.other_signo", send(fd, SIGUSR2, &info, 0));
	info.si_code = SI_USER;
	answer("signal.as_kill", send(fd, SIGUSR1, &info, 0));
	answer("signal.fault", send(fd, SIGUSR1, (void *)16, 0));
	answer("waitid.running", waitid(3, fd, &info, WEXITED | WNOHANG));
	answer("signal", send(fd, SIGUSR1, NULL, 0));
	answer("poll.dead", poll(&p, 1, -1));
	say("poll.events", "%#x", p.revents);
	info_of("fdinfo.zombie", fd, pid);
	answer("signal.zombie", send(fd, 0, NULL, 0));
	answer("waitid", waitid(3, fd, &info, WEXITED));
	say("waitid.status", "%s %d", info.si_pid == pid ? "the child" : "ANOTHER", info.si_status);
	answer("signal.gone", send(fd, 0, NULL, 0));
	info_of("fdinfo.gone", fd, pid);
	answer("waitid.gone", waitid(3, fd, &info, WEXITED));
	answer("waitid.no_pidfd", waitid(3, zero, &info, WEXITED));
	answer("waitid.no_fd", waitid(3, 99, &info, WEXITED));
	answer("waitid.negative", waitid(3, -1, &info, WEXITED));
	close(fd);
	pid = child_that_waits();
	fd = pidfd_open(pid, O_NONBLOCK);
	answer("waitid.nonblocking", waitid(3, fd, &info, WEXITED));
	answer("mrelease.alive", syscall(SYS_process_mrelease, fd, 0));
	answer("mrelease.flags", syscall(SYS_process_mrelease, fd, 1));
	answer("mrelease.no_pidfd", syscall(SYS_process_mrelease, zero, 0));
	kill(pid, SIGKILL);
	poll(&(struct pollfd){fd, POLLIN, 0}, 1, -1);
	answer("mrelease.zombie", syscall(SYS_process_mrelease, fd, 0));
	wait(NULL);
	close(fd);
	close(zero);
}

/* Of the folder of a process, an open one is as good as a pidfd, to a signal. */
static void folders(void)
{
	pid_t pid = child_that_waits();
	char path[64];
	int folder;

	sprintf(path, "/proc/%d", pid);
	folder = open(path, O_RDONLY | O_DIRECTORY);
	answer("folder.check", send(folder, 0, NULL, 0));
	answer("folder.waitid", waitid(3, folder, &(siginfo_t){0}, WEXITED));
	answer("folder.mrelease", syscall(SYS_process_mrelease, folder, 0));
	answer("folder.path_only", send(open(path, O_PATH), 0, NULL, 0));
	strcat(path, "/fd");
	answer("folder.inner", send(open(path, O_RDONLY), 0, NULL, 0));
	sprintf(path, "/proc/%d/task/%d", pid, pid);
	answer("folder.of_thread", send(open(path, O_RDONLY), 0, NULL, 0));
	answer("folder.proc", send(open("/proc", O_RDONLY), 0, NULL, 0));
	answer("folder.other", send(open("/", O_RDONLY), 0, NULL, 0));
	answer("folder.signal", send(folder, SIGKILL, NULL, 0));
	waitpid(pid, NULL, 0);
	answer("folder.gone", send(folder, 0, NULL, 0));
	close(folder);
}

static long clone3(struct args *a, size_t size)
{
	long pid = syscall(SYS_clone3, a, size);

	if (!pid)
		_exit(7);
	return pid;
}

static void refused(const char *name, struct args a, size_t size)
{
	answer(name, clone3(&a, size) > 0);
}

static volatile int handled;

static void handler(int sig)
{
	handled = sig;
}

static void cloning(void)
{
	struct args a = {.exit_signal = SIGCHLD};
	char large[4096 + 8] = {0};
	int fd = -1, status, tid = 0;
	siginfo_t info;
	pid_t pid;

	check("clone3.forks", clone3(&a, 64) > 0);
	wait(&status);
	say("clone3.status", "%d", WEXITSTATUS(status));
	check("clone3.size_80", clone3(&a, 80) > 0);
	wait(NULL);
	memcpy(large, &a, sizeof(a));
	check("clone3.larger", clone3((struct args *)large, 200) > 0);
	wait(NULL);
	large[150] = 1;
	refused("clone3.unknown_field", a, 60);
	answer("clone3.later_field", clone3((struct args *)large, 200) > 0);
	answer("clone3.too_large", clone3((struct args *)large, 4097) > 0);
	answer("clone3.fault", clone3((struct args *)16, 88) > 0);
	refused("clone3.exit_signal", (struct args){.exit_signal = 65}, 88);
	refused("clone3.exit_signal_large", (struct args){.exit_signal = 0x100}, 88);
	refused("clone3.flags", (struct args){.flags = 1ull << 40}, 88);
	refused("clone3.csignal", (struct args){.flags = SIGCHLD}, 88);
	refused("clone3.detached", (struct args){.flags = 0x00400000}, 88);
	refused("clone3.stack_alone", (struct args){.stack = 0x100000}, 88);
	refused("clone3.stack_size_alone", (struct args){.stack_size = 4096}, 88);
	refused("clone3.stack_far", (struct args){.stack = 1ull << 33, .stack_size = 4096}, 88);
	refused("clone3.thread_alone", (struct args){.flags = 0x10000}, 88);
	refused("clone3.thread_signal", (struct args){.flags = 0x10f00, .exit_signal = 17}, 88);
	refused("clone3.set_tid_alone", (struct args){.set_tid_size = 1}, 88);
	refused("clone3.clear_and_share", (struct args){.flags = 0x100000900ull}, 88);

	a = (struct args){.flags = 0x1000 | 0x100000, .exit_signal = SIGCHLD,
		.pidfd = (uintptr_t)&fd, .parent_tid = (uintptr_t)&tid};
	pid = clone3(&a, 88);
	say("clone3.pidfd", "%s", pid > 0 && fd > 2 ? "given" : "NONE");
	say("clone3.parent_tid", "%s", tid == pid ? "the child's" : "ANOTHER");
	answer("clone3.pidfd_waits", waitid(3, fd, &info, WEXITED));
	say("clone3.pidfd_child", "%d %d", info.si_pid == pid, info.si_status);
	close(fd);
	a.flags = 0x1000 | 0x10000 | 0xf00;
	a.exit_signal = 0;
	refused("clone3.pidfd_of_thread", a, 88);
	a = (struct args){.flags = 0x1000, .exit_signal = SIGCHLD, .pidfd = 16};
	refused("clone3.pidfd_fault", a, 88);
	say("clone3.no_child_left", "%d", wait(NULL) == -1 && errno == ECHILD);
	answer("clone.pidfd_and_settid", syscall(SYS_clone, 0x1000 | 0x100000 | SIGCHLD, 0, &fd));

	signal(SIGUSR1, handler);
	signal(SIGUSR2, SIG_IGN);
	a = (struct args){.flags = 1ull << 32, .exit_signal = SIGCHLD};
	pid = syscall(SYS_clone3, &a, sizeof(a));
	if (!pid) {
		struct sigaction one, two;

		sigaction(SIGUSR1, NULL, &one);
		sigaction(SIGUSR2, NULL, &two);
		_exit((one.sa_handler == SIG_DFL) | (two.sa_handler == SIG_IGN) << 1);
	}
	waitpid(pid, &status, 0);
	say("clone3.clear_sighand", "%d", WEXITSTATUS(status));
	signal(SIGUSR1, SIG_DFL);
	signal(SIGUSR2, SIG_DFL);
}

static void advice(void)
{
	static char area[8 * PAGE] __attribute__((aligned(PAGE)));
	struct iovec iov[] = {{area, PAGE}, {area + 2 * PAGE, 3 * PAGE}};
	struct iovec hole[] = {{area, PAGE}, {FREE_AREA, PAGE}};
	int self = pidfd_open(getpid(), 0), zero = open("/dev/zero", O_RDONLY), status;

	memset(area, 1, sizeof(area));
	answer("advice.cold", syscall(SYS_process_madvise, self, iov, 2, MADV_COLD, 0));
	answer("advice.pageout", syscall(SYS_process_madvise, self, iov, 2, MADV_PAGEOUT, 0));
	answer("advice.willneed", syscall(SYS_process_madvise, self, iov, 2, MADV_WILLNEED, 0));
	answer("advice.dontneed", syscall(SYS_process_madvise, self, iov, 2, MADV_DONTNEED, 0));
	answer("advice.flags", syscall(SYS_process_madvise, self, iov, 2, MADV_COLD, 1));
	answer("advice.hole", syscall(SYS_process_madvise, self, hole, 2, MADV_COLD, 0));
	answer("advice.hole_first", syscall(SYS_process_madvise, self, hole + 1, 1, MADV_COLD, 0));
	answer("advice.no_pidfd", syscall(SYS_process_madvise, zero, iov, 2, MADV_COLD, 0));
	answer("advice.fault", syscall(SYS_process_madvise, self, 16, 2, MADV_COLD, 0));
	answer("advice.too_many", syscall(SYS_process_madvise, self, iov, 1025, MADV_COLD, 0));
	answer("advice.none", syscall(SYS_process_madvise, self, iov, 0, MADV_COLD, 0));
	if (fork() == 0) {
		if (setuid(1000))
			_exit(2);
		answer("advice.user", syscall(SYS_process_madvise, self, iov, 2, MADV_COLD, 0));
		_exit(0);
	}
	wait(&status);
	close(self);
	close(zero);
}

static void barriers(void)
{
	say("membarrier.query", "%#lx", syscall(SYS_MEMBARRIER, 0, 0, 0));
	answer("membarrier.global", syscall(SYS_MEMBARRIER, 1, 0, 0));
	answer("membarrier.private_early", syscall(SYS_MEMBARRIER, 8, 0, 0));
	answer("membarrier.register", syscall(SYS_MEMBARRIER, 16, 0, 0));
	answer("membarrier.private", syscall(SYS_MEMBARRIER, 8, 0, 0));
	answer("membarrier.sync_core_early", syscall(SYS_MEMBARRIER, 32, 0, 0));
	answer("membarrier.sync_core_register", syscall(SYS_MEMBARRIER, 64, 0, 0));
	answer("membarrier.sync_core", syscall(SYS_MEMBARRIER, 32, 0, 0));
	answer("membarrier.rseq_early", syscall(SYS_MEMBARRIER, 128, 0, 0));
	answer("membarrier.rseq_register", syscall(SYS_MEMBARRIER, 256, 0, 0));
	answer("membarrier.rseq", syscall(SYS_MEMBARRIER, 128, 1, 0));
	answer("membarrier.global_register", syscall(SYS_MEMBARRIER, 4, 0, 0));
	answer("membarrier.global_expedited", syscall(SYS_MEMBARRIER, 2, 0, 0));
	answer("membarrier.unknown", syscall(SYS_MEMBARRIER, 3, 0, 0));
	answer("membarrier.large", syscall(SYS_MEMBARRIER, 1 << 20, 0, 0));
	answer("membarrier.flags", syscall(SYS_MEMBARRIER, 1, 1, 0));
}

int main(void)
{
	opening();
	signals();
	folders();
	cloning();
	advice();
	barriers();
	return test_failed;
}
