/* Scheduling policies: who inherits them, SCHED_RESET_ON_FORK, who may change what. */
#define _GNU_SOURCE
#include "tests/user/test.h"

#include <pthread.h>
#include <sched.h>
#include <sys/resource.h>

#ifndef SCHED_RESET_ON_FORK
#define SCHED_RESET_ON_FORK 0x40000000
#endif

static void show(const char *name)
{
	struct sched_param param = {-1};
	int policy = sched_getscheduler(0);

	sched_getparam(0, &param);
	say(name, "policy %x priority %d nice %d", policy, param.sched_priority,
		getpriority(PRIO_PROCESS, 0));
}

static int set(int policy, int priority)
{
	struct sched_param param = {priority};

	return sched_setscheduler(0, policy, &param);
}

static void *thread(void *name)
{
	show(name);
	return NULL;
}

static void grandchild(void)
{
	show("grandchild");
}

static void child(void)
{
	show("child");
	in_child(grandchild);
}

static void family(void)
{
	pthread_t t;

	pthread_create(&t, NULL, thread, "thread");
	pthread_join(t, NULL);
	in_child(child);
}

static void inherited(void)
{
	static const struct {
		int policy, priority, nice;
	} kinds[] = {{SCHED_OTHER, 0, -3}, {SCHED_BATCH, 0, 4}, {SCHED_IDLE, 0, 2},
		{SCHED_FIFO, 7, -2}, {SCHED_RR, 99, 0}};

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		for (int reset = 0; reset < 2; reset++) {
			setpriority(PRIO_PROCESS, 0, kinds[i].nice);
			answer("set", set(kinds[i].policy | (reset ? SCHED_RESET_ON_FORK : 0),
					      kinds[i].priority));
			show("own");
			family();
		}
}

static void parameters(void)
{
	struct sched_param param = {5};
	struct timespec quantum = {-1, -1};

	answer("param.fifo", set(SCHED_FIFO | SCHED_RESET_ON_FORK, 3));
	answer("param.set", sched_setparam(0, &param));
	show("param.keeps_reset");
	answer("param.quantum", sched_rr_get_interval(0, &quantum));
	check("param.quantum_of_fifo", quantum.tv_sec == 0 && quantum.tv_nsec == 0);
	answer("param.no_priority", set(SCHED_RR | SCHED_RESET_ON_FORK, 0));
	answer("param.unknown", set(4 | SCHED_RESET_ON_FORK, 0));
	answer("param.back", set(SCHED_OTHER, 0));
	show("param.back");
}

static void as_user(void)
{
	set(SCHED_BATCH | SCHED_RESET_ON_FORK, 0);
	if (setuid(1234))
		die("setuid");
	answer("user.clear_reset", set(SCHED_BATCH, 0));
	answer("user.keep_reset", set(SCHED_OTHER | SCHED_RESET_ON_FORK, 0));
	show("user");
	answer("user.realtime", set(SCHED_FIFO | SCHED_RESET_ON_FORK, 1));
}

/* A thread has a nice value of its own. */
static void *own_nice(void *tid)
{
	answer("nice.thread", setpriority(PRIO_PROCESS, 0, 7));
	*(volatile pid_t *)tid = gettid();
	while (*(volatile pid_t *)tid)
		usleep(1000);
	show("nice.thread_set_by_tid");
	return NULL;
}

static void nice_of_threads(void)
{
	volatile pid_t tid = 0;
	pthread_t t;

	setpriority(PRIO_PROCESS, 0, 0);
	pthread_create(&t, NULL, own_nice, (void *)&tid);
	while (!tid)
		usleep(1000);
	show("nice.main");
	answer("nice.best_of_group", getpriority(PRIO_PGRP, 0));
	answer("nice.by_tid", setpriority(PRIO_PROCESS, tid, 9));
	answer("nice.of_tid", getpriority(PRIO_PROCESS, tid));
	tid = 0;
	pthread_join(t, NULL);
	answer("nice.group", setpriority(PRIO_PGRP, 0, 3));
	show("nice.group");
	setpriority(PRIO_PROCESS, 0, 0);
}

int main(void)
{
	setpgid(0, 0);
	nice_of_threads();
	inherited();
	parameters();
	in_child(as_user);
	return test_failed;
}
