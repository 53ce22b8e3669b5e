/* Priorities of processes whose first thread has gone. */
#include "tests/user/test.h"

#include <pthread.h>
#include <sched.h>
#include <time.h>

static long priority(int which, int who)
{
	return syscall(SYS_getpriority, which, who);
}

static void show(const char *what, pid_t pid)
{
	struct sched_param param = {-1};
	struct timespec slice = {-1, -1};
	char line[64];

	snprintf(line, sizeof(line), "%s.process", what);
	answer(line, priority(PRIO_PROCESS, pid));
	snprintf(line, sizeof(line), "%s.policy", what);
	answer(line, sched_getscheduler(pid));
	snprintf(line, sizeof(line), "%s.param", what);
	answer(line, sched_getparam(pid, &param));
	say(line, "%d", param.sched_priority);
	snprintf(line, sizeof(line), "%s.interval", what);
	answer(line, sched_rr_get_interval(pid, &slice));
	say(line, "%ld %ld", (long)slice.tv_sec, slice.tv_nsec);
}

static void become(int policy, int rt)
{
	struct sched_param param = {rt};

	setpgid(0, 0);
	setpriority(PRIO_PROCESS, 0, 5);
	if (policy && sched_setscheduler(0, policy, &param))
		die("sched_setscheduler");
}

static void ended(pid_t pid)
{
	siginfo_t info;

	waitid(P_PID, pid, &info, WEXITED | WNOWAIT);
}

static void as_user(pid_t pid)
{
	pid_t child = fork();

	if (!child) {
		if (setuid(65534))
			die("setuid");
		answer("user.set", setpriority(PRIO_PROCESS, pid, 9));
		answer("user.get", priority(PRIO_PROCESS, pid));
		_exit(0);
	}
	waitpid(child, NULL, 0);
}

static void test_zombie(void)
{
	pid_t pid = fork();

	if (!pid) {
		become(0, 0);
		_exit(0);
	}
	ended(pid);
	show("zombie", pid);
	answer("zombie.group", priority(PRIO_PGRP, pid));
	answer("zombie.set", setpriority(PRIO_PROCESS, pid, 7));
	answer("zombie.is_set", priority(PRIO_PROCESS, pid));
	answer("zombie.set_group", setpriority(PRIO_PGRP, pid, 3));
	answer("zombie.is_set", priority(PRIO_PROCESS, pid));
	as_user(pid);
	waitpid(pid, NULL, 0);
	show("gone", pid);
}

static void test_realtime(void)
{
	pid_t pid = fork();

	if (!pid) {
		become(SCHED_RR, 12);
		_exit(0);
	}
	ended(pid);
	show("realtime", pid);
	waitpid(pid, NULL, 0);
}

static void *stay(void *arg)
{
	setpriority(PRIO_PROCESS, gettid(), 11);
	for (;;)
		pause();
	return NULL;
}

static char state_of(pid_t pid)
{
	char path[64], line[256] = "";
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	fd = open(path, O_RDONLY);
	if (read(fd, line, sizeof(line) - 1) < 0)
		die("stat");
	close(fd);
	return strrchr(line, ')')[2];
}

static void test_leader_gone(void)
{
	pid_t pid = fork();

	if (!pid) {
		pthread_t t;

		become(0, 0);
		pthread_create(&t, NULL, stay, NULL);
		usleep(20000);
		syscall(SYS_exit, 0);
	}
	while (state_of(pid) != 'Z')
		usleep(1000);
	show("leader", pid);
	answer("leader.group", priority(PRIO_PGRP, pid));
	answer("leader.set", setpriority(PRIO_PROCESS, pid, 8));
	answer("leader.is_set", priority(PRIO_PROCESS, pid));
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

int main(void)
{
	alarm(60);
	test_zombie();
	test_realtime();
	test_leader_gone();
	return test_failed;
}
