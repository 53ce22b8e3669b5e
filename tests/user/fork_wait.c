/* fork and wait: statuses, options, errors, orphans, zombies. */
#include "tests/user/test.h"
#include <sys/prctl.h>

static pid_t child_exits(int code)
{
	pid_t pid = fork();

	if (pid == 0)
		_exit(code);
	return pid;
}

static pid_t child_sleeps(void)
{
	pid_t pid = fork();

	if (pid == 0)
		for (;;)
			pause();
	return pid;
}

static void exit_codes(void)
{
	static const int codes[] = {0, 1, 42, 127, 255, 256, -1};
	int status;

	for (size_t i = 0; i < COUNT(codes); i++) {
		pid_t pid = child_exits(codes[i]);

		check("exit.pid", waitpid(pid, &status, 0) == pid);
		answer_status("exit.code", status);
	}
}

static void killed(void)
{
	static const int signals[] = {
		SIGHUP, SIGINT, SIGKILL, SIGUSR1, SIGPIPE, SIGALRM, SIGTERM, SIGSEGV, SIGABRT};
	int status;

	for (size_t i = 0; i < COUNT(signals); i++) {
		pid_t pid = child_sleeps();

		kill(pid, signals[i]);
		waitpid(pid, &status, 0);
		say("killed", "%s by %s", WIFSIGNALED(status) ? "killed" : "not killed",
			signal_name(WTERMSIG(status)));
	}
}

static void errors(void)
{
	int status = 1234;

	answer("wait.no_child", waitpid(-1, &status, 0));
	answer("wait.no_child_nohang", waitpid(-1, &status, WNOHANG));
	answer("wait.not_mine", waitpid(1, &status, 0));
	answer("wait.no_group", waitpid(-32000, &status, 0));
	answer("wait.int_min", waitpid(INT32_MIN, &status, 0));
	answer("wait.bad_options", waitpid(-1, &status, 0x100));
	answer("wait.status_untouched", status);
	answer("waitid.no_child", waitid(P_ALL, 0, NULL, WEXITED));
	answer("waitid.no_options", waitid(P_ALL, 0, NULL, 0));
	answer("waitid.bad_type", waitid(17, 0, NULL, WEXITED));
	answer("waitid.bad_pid", waitid(P_PID, 0, NULL, WEXITED));
}

static void nohang(void)
{
	int status = 0;
	pid_t pid = child_sleeps();

	answer("nohang.running", waitpid(pid, &status, WNOHANG));
	answer("nohang.any_running", waitpid(-1, &status, WNOHANG));
	kill(pid, SIGKILL);
	while (waitpid(pid, &status, WNOHANG) == 0)
		usleep(1000);
	answer_status("nohang.ended", status);
	answer("nohang.again", waitpid(pid, &status, WNOHANG));
}

static void chosen_child(void)
{
	int status;
	pid_t a = child_exits(1), b = child_exits(2);

	check("wait.second_first", waitpid(b, &status, 0) == b);
	answer_status("wait.second", status);
	check("wait.any", waitpid(-1, &status, 0) == a);
	answer_status("wait.first", status);

	a = fork();
	if (a == 0) {
		setpgid(0, 0);
		_exit(3);
	}
	setpgid(a, a);
	answer("wait.own_group", waitpid(0, &status, 0));
	check("wait.its_group", waitpid(-a, &status, 0) == a);
	answer_status("wait.group", status);
	a = child_exits(4);
	check("wait.null_status", waitpid(a, NULL, 0) == a);
}

static void stopped(void)
{
	int status;
	pid_t pid = child_sleeps();

	kill(pid, SIGSTOP);
	check("stop.reported", waitpid(pid, &status, WUNTRACED) == pid);
	answer_status("stop.status", status);
	say("stop.raw_status", "%#x", status);
	answer("stop.only_once", waitpid(pid, &status, WUNTRACED | WNOHANG));
	kill(pid, SIGCONT);
	check("cont.reported", waitpid(pid, &status, WCONTINUED) == pid);
	answer_status("cont.status", status);
	say("cont.raw_status", "%#x", status);
	answer("cont.only_once", waitpid(pid, &status, WCONTINUED | WNOHANG));
	kill(pid, SIGSTOP);
	waitpid(pid, &status, WUNTRACED);
	kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
	answer_status("stop.killed", status);
}

static void by_waitid(void)
{
	siginfo_t info = {0};
	struct rusage usage = {.ru_nsignals = 99};
	pid_t pid = child_exits(9);

	answer("waitid.nowait", waitid(P_PID, pid, &info, WEXITED | WNOWAIT));
	say("waitid.info", "signo %d code %d status %d pid %s uid %d", info.si_signo, info.si_code,
		info.si_status, info.si_pid == pid ? "right" : "wrong", info.si_uid);
	answer("waitid.zombie_exists", kill(pid, 0));
	answer("waitid.reap", waitid(P_ALL, 0, &info, WEXITED));
	answer("waitid.gone", kill(pid, 0));
	pid = child_sleeps();
	memset(&info, 1, sizeof(info));
	answer("waitid.nohang", waitid(P_PID, pid, &info, WEXITED | WNOHANG));
	say("waitid.nohang_info", "signo %d pid %d", info.si_signo, info.si_pid);
	kill(pid, SIGTERM);
	waitid(P_PID, pid, &info, WEXITED);
	say("waitid.killed", "code %d status %d", info.si_code, info.si_status);
	pid = child_exits(0);
	check("wait4.rusage", wait4(pid, NULL, 0, &usage) == pid && usage.ru_nsignals == 0 &&
				      usage.ru_maxrss > 0);
}

/* The child's child loses its parent and gets process 1, or the next subreaper. */
static void orphan(const char *name, bool subreaper)
{
	int fds[2], status, parent = -1;
	pid_t me = getpid();

	if (pipe(fds))
		die("pipe");
	answer("orphan.prctl", prctl(PR_SET_CHILD_SUBREAPER, subreaper));
	if (fork() == 0) {
		pid_t middle = getpid();

		if (fork())
			_exit(0);
		while (getppid() == middle)
			usleep(1000);
		parent = getppid();
		_exit(write(fds[1], &parent, sizeof(parent)) == sizeof(parent) ? 33 : 1);
	}
	waitpid(-1, &status, 0);
	if (read(fds[0], &parent, sizeof(parent)) != sizeof(parent))
		die("read");
	check(name, parent == (subreaper ? me : 1));
	if (subreaper) {
		waitpid(-1, &status, 0);
		answer_status("orphan.reaped", status);
	}
	answer("orphan.left", waitpid(-1, &status, 0));
	close(fds[0]);
	close(fds[1]);
}

static void nothing(int sig)
{
}

/* Nobody wants to know about children: they leave no zombies. */
static void unwanted(void)
{
	struct sigaction action = {.sa_handler = nothing, .sa_flags = SA_NOCLDWAIT};
	int status;

	signal(SIGCHLD, SIG_IGN);
	child_exits(1);
	answer("ignored.wait", waitpid(-1, &status, 0));
	sigaction(SIGCHLD, &action, NULL);
	child_exits(1);
	while (waitpid(-1, &status, 0) < 0 && errno == EINTR)
		;
	answer("nocldwait.wait", waitpid(-1, &status, 0));
	signal(SIGCHLD, SIG_DFL);
}

static void identity(void)
{
	pid_t parent = getpid();
	int status, before = 5;
	pid_t pid = fork();

	if (pid == 0) {
		bool good = getpid() != parent && getppid() == parent && before == 5;

		_exit(good && getpgrp() == getpgid(parent) && getsid(0) == getsid(parent) ? 0 : 1);
	}
	check("fork.positive", pid > 0 && pid != parent);
	waitpid(pid, &status, 0);
	answer_status("fork.identity", status);
}

static void many(void)
{
	enum { N = 64 };
	int status, sum = 0, reaped = 0;

	for (int i = 0; i < N; i++)
		child_exits(i);
	while (waitpid(-1, &status, 0) > 0) {
		reaped++;
		sum += WEXITSTATUS(status);
	}
	say("many", "%d reaped, sum %d, then %s", reaped, sum, errno_name(errno));
	for (int i = 0; i < 100; i++)
		if (waitpid(child_exits(i), &status, 0) < 0 || WEXITSTATUS(status) != i)
			test_failed = true;
	check("many.one_by_one", !test_failed);
}

static void groups(void)
{
	pid_t pid = child_sleeps();

	answer("setpgid.own", setpgid(pid, pid));
	check("getpgid", getpgid(pid) == pid);
	answer("setpgid.back", setpgid(pid, getpgrp()));
	answer("setpgid.no_such_group", setpgid(pid, 32000));
	answer("setpgid.not_a_child", setpgid(1, 0));
	answer("setpgid.negative", setpgid(pid, -1));
	answer("getpgid.nobody", getpgid(32000));
	answer("getsid.nobody", getsid(32000));
	answer("setpgid.session_leader", setpgid(0, 0));
	answer("setsid.group_leader", setsid());
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

int main(void)
{
	identity();
	exit_codes();
	killed();
	errors();
	nohang();
	chosen_child();
	stopped();
	by_waitid();
	orphan("orphan.to_init", false);
	orphan("orphan.to_subreaper", true);
	unwanted();
	groups();
	many();
	return test_failed;
}
