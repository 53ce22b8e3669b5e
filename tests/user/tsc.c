/* prctl(PR_SET_TSC): a thread that must not read the time stamp counter. */
#include "tests/user/test.h"

#include <pthread.h>
#include <sys/prctl.h>

static void do_rdtsc(volatile char *p)
{
	__asm__ volatile("rdtsc" ::: "eax", "edx");
}

static void show(const char *name)
{
	int mode = 0;

	prctl(PR_GET_TSC, &mode);
	say(name, "%s, rdtsc %s",
		mode == PR_TSC_ENABLE	 ? "allowed"
		: mode == PR_TSC_SIGSEGV ? "refused"
					 : "?",
		survives(do_rdtsc, NULL) ? "works" : "faults");
	if (last_fault.signal)
		say(name, "%s, code %d, trap %ld, error %ld", signal_name(last_fault.signal),
			last_fault.code, last_fault.trapno, last_fault.error);
}

static void *thread(void *arg)
{
	const char *name = arg;

	show(name);
	answer(name, prctl(PR_SET_TSC, PR_TSC_ENABLE));
	show(name);
	return NULL;
}

static void child(void)
{
	show("child");
}

int main(int argc, char **argv)
{
	char *const again[] = {argv[0], "again", NULL};
	pthread_t t;

	if (argc > 1) {
		show("exec");
		return test_failed;
	}
	show("start");
	answer("set.0", prctl(PR_SET_TSC, 0));
	answer("set.3", prctl(PR_SET_TSC, 3));
	answer("get.nowhere", prctl(PR_GET_TSC, 0));
	answer("set.refused", prctl(PR_SET_TSC, PR_TSC_SIGSEGV));
	show("refused");
	answer("set.twice", prctl(PR_SET_TSC, PR_TSC_SIGSEGV));
	show("refused");
	isolated("child", child);
	/* What another thread does changes nothing here. */
	if (pthread_create(&t, NULL, thread, "thread"))
		die("pthread_create");
	pthread_join(t, NULL);
	show("afterwards");
	answer("set.allowed", prctl(PR_SET_TSC, PR_TSC_ENABLE));
	show("allowed");
	prctl(PR_SET_TSC, PR_TSC_SIGSEGV);
	execv("/proc/self/exe", again);
	return 1;
}
