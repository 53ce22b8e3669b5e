/* ioprio_set(2), ioprio_get(2): what may be set for whom, who has it, and who inherits it. */
#include "tests/user/test.h"

#include <pthread.h>
#include <sched.h>
#include <sys/syscall.h>

enum { PROCESS = 1, PGRP, USER };
enum { NONE, RT, BE, IDLE };

static long set(int which, int who, int class, int level)
{
	return syscall(SYS_ioprio_set, which, who, class << 13 | level);
}

static void show(const char *name, int which, int who)
{
	long prio = syscall(SYS_ioprio_get, which, who);

	if (prio < 0)
		answer(name, prio);
	else
		say(name, "class %ld level %ld", prio >> 13, prio & 0x1fff);
}

static void test_values(void)
{
	static const int levels[] = {0, 1, 7, 8, 0x1fff};
	char name[64];

	show("first", PROCESS, 0);
	show("first.pgrp", PGRP, 0);
	for (int class = 0; class < 8; class ++)
		for (size_t i = 0; i < COUNT(levels); i++) {
			snprintf(name, sizeof(name), "set.%d.%d", class, levels[i]);
			answer(name, set(PROCESS, 0, class, levels[i]));
			show(name, PROCESS, 0);
		}
	answer("set.high", syscall(SYS_ioprio_set, PROCESS, 0, 0x50000 | BE << 13 | 3));
	show("set.high", PROCESS, 0);
	answer("set.negative", syscall(SYS_ioprio_set, PROCESS, 0, -1));
	answer("set.none", set(PROCESS, 0, NONE, 0));
	for (int which = -1; which < 5; which += which == 0 ? 4 : 1) {
		snprintf(name, sizeof(name), "which.%d", which);
		answer(name, set(which, 0, BE, 1));
		show(name, which, 0);
	}
	answer("missing", set(PROCESS, 99999, BE, 1));
	show("missing", PROCESS, 99999);
	answer("missing.pgrp", set(PGRP, 99999, BE, 1));
	show("missing.pgrp", PGRP, 99999);
	answer("missing.user", set(USER, 99999, BE, 1));
	show("missing.user", USER, 99999);
}

static void show_inherited(void)
{
	show("inherit.fork", PROCESS, 0);
}

static void *other_thread(void *tid)
{
	*(int *)tid = gettid();
	show("inherit.thread", PROCESS, 0);
	answer("inherit.thread.set", set(PROCESS, 0, BE, 6));
	answer("inherit.thread.set.main", set(PROCESS, getpid(), IDLE, 0));
	show("inherit.thread", PROCESS, 0);
	show("inherit.group", PGRP, 0);
	return NULL;
}

static void test_inheriting(void)
{
	pthread_t t;
	int tid;

	setpgid(0, 0);
	answer("inherit.set", set(PROCESS, 0, BE, 2));
	isolated("inherit.fork", show_inherited);
	pthread_create(&t, NULL, other_thread, &tid);
	pthread_join(t, NULL);
	while (syscall(SYS_tgkill, getpid(), tid, 0) == 0)
		usleep(1000);
	show("inherit.main", PROCESS, 0);
	show("inherit.group", PGRP, getpid());
	answer("group.set", set(PGRP, 0, BE, 5));
	show("group.set", PROCESS, 0);
}

static void test_niceness(void)
{
	struct sched_param rt = {1}, none = {0};

	setpgid(0, 0);
	for (int nice = -20; nice < 20; nice += 7) {
		setpriority(PRIO_PROCESS, 0, nice);
		show("nice.pgrp", PGRP, 0);
	}
	show("nice.process", PROCESS, 0);
	sched_setscheduler(0, SCHED_IDLE, &none);
	show("idle.pgrp", PGRP, 0);
	setpriority(PRIO_PROCESS, 0, 0);
	sched_setscheduler(0, SCHED_FIFO, &rt);
	show("fifo.pgrp", PGRP, 0);
}

static void as_user(void)
{
	pid_t parent = getppid();

	if (setuid(1234))
		die("setuid");
	setpgid(0, 0);
	answer("user.rt", set(PROCESS, 0, RT, 8));
	answer("user.be", set(PROCESS, 0, BE, 3));
	answer("user.idle", set(PROCESS, 0, IDLE, 3));
	show("user.idle", PROCESS, 0);
	answer("user.other", set(PROCESS, parent, BE, 3));
	answer("user.invalid.other", set(PROCESS, parent, BE, 9));
	answer("user.all", set(USER, 1234, BE, 4));
	show("user.all", USER, 1234);
	answer("user.root", set(USER, 0, BE, 4));
}

int main(void)
{
	isolated("values", test_values);
	isolated("inheriting", test_inheriting);
	isolated("niceness", test_niceness);
	isolated("user", as_user);
	return test_failed;
}
