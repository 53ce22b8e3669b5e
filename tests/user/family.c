/* Between a process and its relatives: the signals of their ends, who may wait for whom, and who
 * may send what. */
#include "tests/user/test.h"
#include <pthread.h>
#include <sched.h>
#include <sys/prctl.h>

static pid_t clone_with(unsigned long flags)
{
	return syscall(SYS_clone, flags, NULL, NULL, NULL, NULL);
}

static void block(int a, int b)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, a);
	sigaddset(&set, b);
	sigprocmask(SIG_BLOCK, &set, NULL);
}

/* The blocked signal of two that comes, for at most half a second. */
static void comes(const char *name, int a, int b, pid_t from)
{
	struct timespec half = {0, 500000000};
	siginfo_t info;
	sigset_t set;
	int sig;

	sigemptyset(&set);
	sigaddset(&set, a);
	sigaddset(&set, b);
	sig = sigtimedwait(&set, &info, &half);
	if (sig < 0)
		say(name, "nothing: %s", errno_name(errno));
	else
		say(name, "%s code %d%s", signal_name(sig), info.si_code,
			info.si_pid == from ? " of whom it should be" : "");
}

/* --- The signal of a child's end --- */

static void exit_signals(void)
{
	pid_t pid = clone_with(SIGUSR1);

	if (!pid)
		_exit(0);
	comes("exit.usr1", SIGUSR1, SIGCHLD, pid);
	answer("exit.wait", waitpid(pid, NULL, 0));
	check("exit.wait_clone", waitpid(pid, NULL, __WCLONE) == pid);
	pid = clone_with(100); /* no signal */
	if (!pid)
		_exit(0);
	check("exit.signal_100", pid > 0);
	comes("exit.none", SIGUSR1, SIGCHLD, pid);
	check("exit.none_wait", pid < 0 || waitpid(pid, NULL, __WCLONE) == pid);
}

/* A program is not sent what the one before it has asked for. */
static void exit_signal_after_exec(void)
{
	char number[16];
	int end[2];
	pid_t pid;

	if (pipe(end))
		die("pipe");
	pid = fork();
	if (!pid) {
		pid_t child = clone_with(SIGUSR1);

		if (!child) {
			char c;

			close(end[1]);
			(void)!read(end[0], &c, 1);
			_exit(0);
		}
		dup2(end[1], 9);
		close(end[1]);
		sprintf(number, "%d", child);
		execl("/proc/self/exe", "family", number, NULL);
		_exit(99);
	}
	close(end[0]);
	close(end[1]);
	waitpid(pid, NULL, 0);
}

static void after_exec(pid_t child)
{
	close(9);
	comes("exec.child", SIGUSR1, SIGCHLD, child);
	answer("exec.wait", waitpid(child, NULL, 0));
	check("exec.wait_clone", waitpid(child, NULL, __WCLONE) == child);
}

/* --- The signal of the parent's end --- */

static void wait_for_death(const char *name, pid_t parent)
{
	prctl(PR_SET_PDEATHSIG, SIGUSR1);
	if (parent != getppid())
		die("orphan");
	comes(name, SIGUSR1, SIGUSR2, parent);
}

static void parent_dies(const char *name, bool renounces)
{
	int ready[2];
	char c;
	pid_t pid;

	if (pipe(ready))
		die("pipe");
	pid = fork();
	if (!pid) {
		pid_t parent = getpid();

		close(ready[0]);
		if (!fork()) {
			if (!renounces && setresuid(1000, 1000, 1000))
				die("setresuid");
			wait_for_death(name, parent);
			_exit(0);
		}
		usleep(100000);
		if (renounces && setresuid(1000, 1000, 1000))
			die("setresuid");
		_exit(0);
	}
	close(ready[1]);
	(void)!read(ready[0], &c, 1); /* the end of both */
	close(ready[0]);
	waitpid(pid, NULL, 0);
}

static void *fork_and_go(void *arg)
{
	pid_t parent = getpid();

	if (!fork()) {
		wait_for_death("death.thread", parent);
		_exit(0);
	}
	usleep(100000);
	return arg;
}

static void parents_thread_dies(void)
{
	pthread_t thread;

	pthread_create(&thread, NULL, fork_and_go, NULL);
	pthread_join(thread, NULL);
	wait(NULL);
}

/* --- Whose children a thread waits for --- */

static int children_of;

static void *wait_of_thread(void *arg)
{
	answer("nothread.others", waitpid(-1, NULL, __WNOTHREAD | __WALL | WNOHANG));
	check("nothread.any", waitpid(-1, NULL, __WALL | WNOHANG) == 0);
	children_of = fork();
	if (!children_of)
		_exit(0);
	return arg;
}

static void no_thread(void)
{
	pid_t pid = fork();
	pthread_t thread;

	if (!pid) {
		pause();
		_exit(0);
	}
	pthread_create(&thread, NULL, wait_of_thread, NULL);
	pthread_join(thread, NULL);
	usleep(100000);
	/* Who forked it has gone: another thread has it now. */
	check("nothread.inherited", waitpid(children_of, NULL, __WNOTHREAD) == children_of);
	kill(pid, SIGKILL);
	check("nothread.own", waitpid(pid, NULL, __WNOTHREAD) == pid);
}

/* waitid(2) writes what it found even when that was nothing. */
static void waitid_nothing(const char *name, int type, pid_t id, int options)
{
	siginfo_t info;

	memset(&info, 0x55, sizeof(info));
	answer(name, syscall(SYS_waitid, type, id, &info, options, NULL));
	say(name, "%x %x %x %x", info.si_signo, info.si_code, info.si_pid, info.si_status);
}

static void waitid_zeroes(void)
{
	waitid_nothing("waitid.echild", P_ALL, 0, WEXITED);
	waitid_nothing("waitid.einval", P_PID, -1, WEXITED);
	waitid_nothing("waitid.options", P_ALL, 0, 0);
	waitid_nothing("waitid.ebadf", P_PIDFD, 99, WEXITED);
}

/* --- Who may send what --- */

static void *queue_to_own(void *arg)
{
	siginfo_t info = {.si_signo = SIGUSR1, .si_code = SI_USER};
	pid_t tid = syscall(SYS_gettid);

	answer("queue.process", syscall(SYS_rt_sigqueueinfo, getpid(), SIGUSR1, &info));
	answer("queue.thread", syscall(SYS_rt_tgsigqueueinfo, getpid(), tid, SIGUSR1, &info));
	answer("queue.first", syscall(SYS_rt_tgsigqueueinfo, getpid(), getpid(), SIGUSR1, &info));
	info.si_code = SI_QUEUE;
	answer("queue.honest", syscall(SYS_rt_sigqueueinfo, getpid(), SIGUSR1, &info));
	return arg;
}

static void sending(void)
{
	siginfo_t info = {.si_signo = SIGUSR1, .si_code = SI_USER};
	pthread_t thread;
	pid_t pid;

	pthread_create(&thread, NULL, queue_to_own, NULL);
	pthread_join(thread, NULL);
	answer("queue.first_to_itself",
		syscall(SYS_rt_tgsigqueueinfo, getpid(), getpid(), SIGUSR1, &info));
	pid = fork();
	if (!pid) {
		if (setresuid(1234, 1234, 1234))
			die("setresuid");
		answer("kill.all", kill(-1, 0));
		answer("kill.parent", kill(getppid(), 0));
		answer("kill.group", kill(-getpgid(getppid()), 0));
		_exit(0);
	}
	waitpid(pid, NULL, 0);
}

int main(int argc, char **argv)
{
	block(SIGUSR1, SIGCHLD);
	if (argc > 1) {
		after_exec(atoi(argv[1]));
		return 0;
	}
	alarm(60);
	exit_signals();
	exit_signal_after_exec();
	block(SIGUSR1, SIGUSR2);
	comes("left", SIGCHLD, SIGCHLD, 0);
	parent_dies("death.to_user", false);
	parent_dies("death.from_user", true);
	parents_thread_dies();
	no_thread();
	waitid_zeroes();
	sending();
	return test_failed;
}
