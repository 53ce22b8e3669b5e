/* Timers of timer_create(2): what they count, whom they tell, and what an overrun is. */
#include "tests/user/test.h"
#include <sys/mman.h>
#include <time.h>

typedef int kernel_timer; /* glibc's timer_t is a pointer of its own */

static volatile int fired, last_code, last_value, last_overrun, last_id;

static void note(int sig, siginfo_t *info, void *context)
{
	fired++;
	last_code = info->si_code;
	last_value = info->si_value.sival_int;
	last_overrun = info->si_overrun;
	last_id = info->si_timerid;
}

static int create(clockid_t clock, const struct sigevent *e, kernel_timer *id)
{
	return syscall(SYS_timer_create, clock, e, id);
}

static int settime(kernel_timer id, int flags, int64_t value_ns, int64_t interval_ns,
	struct itimerspec *old)
{
	struct itimerspec set = {
		.it_value = {value_ns / 1000000000, value_ns % 1000000000},
		.it_interval = {interval_ns / 1000000000, interval_ns % 1000000000},
	};

	return syscall(SYS_timer_settime, id, flags, &set, old);
}

static int64_t left(kernel_timer id, int64_t *interval)
{
	struct itimerspec now;

	if (syscall(SYS_timer_gettime, id, &now))
		return -1;
	if (interval)
		*interval = now.it_interval.tv_sec * 1000000000ll + now.it_interval.tv_nsec;
	return now.it_value.tv_sec * 1000000000ll + now.it_value.tv_nsec;
}

static void wait_for(int n)
{
	while (fired < n)
		usleep(1000);
}

#define MS 1000000ll

static void creating(void)
{
	static const clockid_t clocks[] = {CLOCK_REALTIME, CLOCK_MONOTONIC,
		CLOCK_PROCESS_CPUTIME_ID, CLOCK_THREAD_CPUTIME_ID, CLOCK_MONOTONIC_RAW,
		CLOCK_REALTIME_COARSE, CLOCK_MONOTONIC_COARSE, CLOCK_BOOTTIME, 10, CLOCK_TAI, 12, -1,
		-2, -6};
	struct sigevent e = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1};
	kernel_timer first, id;

	answer("create.default", create(CLOCK_MONOTONIC, NULL, &first));
	say("create.first_id", "%d", first);
	answer("create.second", create(CLOCK_MONOTONIC, NULL, &id));
	say("create.second_id", "%d", id - first);
	answer("delete", syscall(SYS_timer_delete, id));
	answer("delete.again", syscall(SYS_timer_delete, id));
	answer("create.third", create(CLOCK_MONOTONIC, NULL, &id));
	say("create.id_is_not_used_again", "%d", id - first);
	answer("delete.third", syscall(SYS_timer_delete, id));
	for (size_t i = 0; i < COUNT(clocks); i++) {
		int r = create(clocks[i], NULL, &id);

		say("create.clock", "%d %s", (int)clocks[i], r ? errno_name(errno) : "made");
		if (!r)
			syscall(SYS_timer_delete, id);
	}
	answer("create.id_fault", create(CLOCK_MONOTONIC, NULL, (void *)16));
	answer("create.event_fault", create(CLOCK_MONOTONIC, (void *)16, &id));
	answer("create.event_fault_first", create(99, (void *)16, &id));
	e.sigev_signo = 0;
	answer("create.signal_0", create(CLOCK_MONOTONIC, &e, &id));
	e.sigev_signo = 65;
	answer("create.signal_65", create(CLOCK_MONOTONIC, &e, &id));
	e.sigev_notify = SIGEV_NONE;
	answer("create.none", create(CLOCK_MONOTONIC, &e, &id));
	e.sigev_notify = 3;
	answer("create.notify_3", create(CLOCK_MONOTONIC, &e, &id));
	e = (struct sigevent){.sigev_notify = SIGEV_THREAD_ID, .sigev_signo = SIGUSR1};
	answer("create.thread_0", create(CLOCK_MONOTONIC, &e, &id));
	e._sigev_un._tid = 1;
	answer("create.thread_of_another", create(CLOCK_MONOTONIC, &e, &id));
	answer("settime.null", syscall(SYS_timer_settime, first, 0, NULL, NULL));
	answer("settime.fault", syscall(SYS_timer_settime, first, 0, (void *)16, NULL));
	answer("settime.bad_value", settime(first, 0, -1, 0, NULL));
	answer("settime.bad_interval", settime(first, 0, 0, -1, NULL));
	answer("settime.bad_id", settime(999, 0, 0, 0, NULL));
	answer("gettime.bad_id", syscall(SYS_timer_gettime, 999, NULL));
	answer("gettime.fault", syscall(SYS_timer_gettime, first, (void *)16));
	answer("getoverrun.bad_id", syscall(SYS_timer_getoverrun, 999));
	answer("getoverrun.fresh", syscall(SYS_timer_getoverrun, first));
}

static void firing(void)
{
	struct sigevent e = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1,
		.sigev_value.sival_int = 4711};
	struct itimerspec old;
	int64_t interval;
	kernel_timer id;

	create(CLOCK_MONOTONIC, &e, &id);
	answer("once.set", settime(id, 0, 5 * MS, 0, NULL));
	wait_for(1);
	say("once.signal", "code %d value %d overrun %d id %s", last_code, last_value, last_overrun,
		last_id == id ? "its own" : "ANOTHER");
	say("once.left", "%lld", (long long)left(id, &interval));
	answer("far.set", settime(id, 0, 3600000 * MS, 7 * MS, NULL));
	say("far.left", "%s", left(id, &interval) > 3500000 * MS ? "nearly an hour" : "LESS");
	say("far.interval", "%lld", (long long)interval);
	answer("far.stop", settime(id, 0, 0, 5 * MS, &old));
	say("far.old", "%d s, %ld ns", (int)(old.it_value.tv_sec + 1) / 100,
		old.it_interval.tv_nsec);
	say("far.stopped", "%lld", (long long)left(id, &interval));
	say("far.stopped_interval", "%lld", (long long)interval);
	fired = 0;
	answer("past.set", settime(id, TIMER_ABSTIME, 1, 0, NULL));
	wait_for(1);
	say("past.fired", "%d", fired);
	fired = 0;
	answer("periodic.set", settime(id, 0, 5 * MS, 5 * MS, NULL));
	wait_for(4);
	answer("periodic.stop", settime(id, 0, 0, 0, NULL));
	say("periodic", "goes on");
	answer("delete.used", syscall(SYS_timer_delete, id));
}

static void overruns(void)
{
	struct sigevent e = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGRTMIN};
	struct timespec zero = {0, 0};
	siginfo_t info;
	kernel_timer id;
	sigset_t set;
	int overrun;

	sigemptyset(&set);
	sigaddset(&set, SIGRTMIN);
	sigprocmask(SIG_BLOCK, &set, NULL);
	create(CLOCK_REALTIME, &e, &id);
	settime(id, 0, 10 * MS, 10 * MS, NULL);
	usleep(100000);
	/* However often it expired, one signal waits. */
	say("overrun.taken", "%s", sigtimedwait(&set, &info, &zero) == SIGRTMIN ? "once" : "NEVER");
	overrun = syscall(SYS_timer_getoverrun, id);
	say("overrun", "%s", overrun >= 2 && overrun < 10000 ? "some" : "NONE");
	say("overrun.told", "%s", overrun == info.si_overrun ? "the same" : "ANOTHER");
	usleep(100000);
	settime(id, 0, 0, 0, NULL);
	say("overrun.after_set", "%ld", syscall(SYS_timer_getoverrun, id));
	say("overrun.waits", "%d", sigtimedwait(&set, &info, &zero) == SIGRTMIN);
	say("overrun.not_told", "%d", info.si_overrun);
	answer("overrun.again", sigtimedwait(&set, &info, &zero));
	syscall(SYS_timer_delete, id);
	sigprocmask(SIG_UNBLOCK, &set, NULL);
}

/* A timer of CPU time stands still while the process sleeps. */
static void cpu_time(void)
{
	struct sigevent e = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1};
	kernel_timer id;

	fired = 0;
	create(CLOCK_PROCESS_CPUTIME_ID, &e, &id);
	answer("cpu.set", settime(id, 0, 30 * MS, 0, NULL));
	usleep(100000);
	say("cpu.asleep", "%d", fired);
	while (!fired)
		;
	say("cpu.busy", "%d", fired);
	syscall(SYS_timer_delete, id);
	fired = 0;
	create(CLOCK_THREAD_CPUTIME_ID, &e, &id);
	settime(id, 0, 10 * MS, 10 * MS, NULL);
	while (fired < 3)
		;
	say("cpu.thread", "periodic");
	syscall(SYS_timer_delete, id);
}

static void inheritance(void)
{
	struct sigevent e = {.sigev_notify = SIGEV_NONE};
	kernel_timer id;
	int status;

	create(CLOCK_MONOTONIC, &e, &id);
	answer("none.set", settime(id, 0, 1, 1000 * MS, NULL));
	usleep(20000);
	say("none.left", "%s", left(id, NULL) > 0 ? "some of the interval" : "NOTHING");
	if (fork() == 0)
		_exit(syscall(SYS_timer_delete, id) == -1 && errno == EINVAL ? 0 : 1);
	wait(&status);
	say("fork.has_none", "%d", WEXITSTATUS(status));
	answer("fork.parent_has", syscall(SYS_timer_delete, id));
}

static void limit(void)
{
	struct rlimit few = {8, 8};
	kernel_timer id, last = -1;
	int n = 0;

	setrlimit(RLIMIT_SIGPENDING, &few);
	while (n < 100 && !create(CLOCK_MONOTONIC, NULL, &id)) {
		last = id;
		n++;
	}
	say("limit", "%s at %s", errno_name(errno), n > 0 && n <= 8 ? "the limit" : "ANOTHER PLACE");
	syscall(SYS_timer_delete, last);
	answer("limit.after_delete", create(CLOCK_MONOTONIC, NULL, &id));
}

/* The signal of a timer that went waits on. */
static void deleted(void)
{
	struct sigevent e = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1,
		.sigev_value.sival_int = 77};
	kernel_timer id;
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigprocmask(SIG_BLOCK, &set, NULL);
	for (int i = 0; i < 2; i++) {
		fired = 0;
		if (create(CLOCK_MONOTONIC, &e, &id))
			die("timer_create");
		settime(id, 0, MS, i ? MS : 0, NULL);
		do
			sigpending(&set);
		while (!sigismember(&set, SIGUSR1));
		usleep(20000);
		answer("deleted.delete", syscall(SYS_timer_delete, id));
		sigpending(&set);
		say("deleted.pending", "%d", sigismember(&set, SIGUSR1));
		sigemptyset(&set);
		sigaddset(&set, SIGUSR1);
		sigprocmask(SIG_UNBLOCK, &set, NULL);
		say("deleted.fired", "%d code %d value %d overrun %d", fired, last_code, last_value,
			last_overrun);
		check("deleted.id", last_id == id);
		sigprocmask(SIG_BLOCK, &set, NULL);
	}
	sigprocmask(SIG_UNBLOCK, &set, NULL);
}

int main(void)
{
	struct sigaction a = {.sa_sigaction = note, .sa_flags = SA_SIGINFO};

	sigaction(SIGUSR1, &a, NULL);
	creating();
	firing();
	overruns();
	cpu_time();
	inheritance();
	deleted();
	limit();
	return test_failed;
}
