/* Numbers of processes: found as long as they name something, and given away again only then. */
#include "tests/user/test.h"

#include <pthread.h>
#include <sched.h>
#include <sys/prctl.h>

static const char *pid_max = "/proc/sys/kernel/pid_max";
static char old_max[16];

static void set_pid_max(const char *text)
{
	int fd = open(pid_max, O_RDWR);

	if (fd < 0 || write(fd, text, strlen(text)) < 0)
		die("pid_max");
	close(fd);
}

/* Whether one of so many new processes has the number. */
static bool given_again(pid_t number, int n)
{
	bool found = false;

	while (n-- && !found) {
		pid_t pid = fork();

		if (!pid)
			_exit(0);
		found = pid == number;
		waitpid(pid, NULL, 0);
	}
	return found;
}

/* A leader that leaves a member behind: of his session in a group of its own, or of his group.
 * Returns the member. */
static pid_t leave_member(pid_t *leader, bool session)
{
	int ready[2];
	pid_t member;

	if (pipe(ready))
		die("pipe");
	*leader = fork();
	if (!*leader) {
		session ? setsid() : setpgid(0, 0);
		member = fork();
		if (!member) {
			if (session)
				setpgid(0, 0);
			member = getpid();
			if (write(ready[1], &member, sizeof(member)) < 0)
				die("write");
			for (;;)
				pause();
		}
		pause();
	}
	if (read(ready[0], &member, sizeof(member)) < 0)
		die("read");
	close(ready[0]);
	close(ready[1]);
	return member;
}

static void show(const char *what, const char *name, bool value)
{
	char line[64];

	snprintf(line, sizeof(line), "%s.%s", what, name);
	say(line, "%s", value ? "yes" : "no");
}

static void test_leader(const char *what, bool session)
{
	pid_t leader, member = leave_member(&leader, session);

	show(what, "wait_for_grandchild", waitpid(member, NULL, WNOHANG) == -1 && errno == ECHILD);
	kill(leader, SIGKILL);
	waitpid(leader, NULL, 0);
	show(what, "process_there", !kill(leader, 0));
	show(what, "group_there", !kill(-leader, 0));
	show(what, "member_in_it", getpgid(member) == leader);
	show(what, "member_of_session", getsid(member) == leader);
	show(what, "given_again_early", given_again(leader, 200));
	kill(member, SIGKILL);
	waitpid(member, NULL, 0);
	show(what, "group_gone", kill(-leader, 0) && errno == ESRCH);
	show(what, "given_again", given_again(leader, 200));
}

/* A process is found in the group that it is in now. */
static void test_groups(void)
{
	pid_t a = fork(), b;
	int status;

	if (!a)
		for (;;)
			pause();
	b = fork();
	if (!b)
		for (;;)
			pause();
	answer("group.none", kill(-a, 0));
	answer("group.first", setpgid(a, a));
	answer("group.there", kill(-a, 0));
	answer("group.other", setpgid(b, a));
	answer("group.back", setpgid(a, getpgid(0)));
	answer("group.kill", kill(-a, SIGTERM));
	answer("group.who", waitpid(-1, &status, 0) == b ? 1 : 0);
	answer("group.empty", kill(-a, 0));
	kill(a, SIGKILL);
	waitpid(a, &status, 0);
}

static int told[2];

static void *exec_self(void *arg)
{
	pid_t tid = gettid();
	char end[16];

	if (write(told[1], &tid, sizeof(tid)) < 0)
		die("write");
	snprintf(end, sizeof(end), "%d", told[1]);
	execl("/proc/self/exe", "pid_reuse", end, NULL);
	die("execl");
	return NULL;
}

/* A thread that executes a program has the number of its process from then on. */
static void test_exec(void)
{
	pid_t pid, tid;
	char done;

	if (pipe(told))
		die("pipe");
	pid = fork();
	if (!pid) {
		pthread_t t;

		pthread_create(&t, NULL, exec_self, NULL);
		for (;;)
			pause();
	}
	if (read(told[0], &tid, sizeof(tid)) < 0 || read(told[0], &done, 1) < 0)
		die("read");
	answer("exec.process", sched_getscheduler(pid));
	answer("exec.thread", sched_getscheduler(tid));
	answer("exec.tkill", syscall(SYS_tgkill, pid, pid, SIGKILL));
	answer("exec.wait", waitpid(pid, NULL, 0) == pid);
	answer("exec.gone", sched_getscheduler(pid));
}

int main(int argc, char **argv)
{
	int fd;

	if (argc > 1) {
		if (write(atoi(argv[1]), "x", 1) < 0)
			die("write");
		for (;;)
			pause();
	}
	alarm(60);
	fd = open(pid_max, O_RDONLY);
	if (read(fd, old_max, sizeof(old_max) - 1) < 0)
		die("pid_max");
	close(fd);
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	test_groups();
	test_exec();
	set_pid_max("400");
	given_again(0, 400); /* below 300 none is given again */
	test_leader("session", true);
	test_leader("group", false);
	set_pid_max(old_max);
	return test_failed;
}
