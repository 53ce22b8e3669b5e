/* Clocks, timers and sleeping. */
#include "tests/user/test.h"
#include <sys/time.h>
#include <sys/times.h>
#include <time.h>

static volatile int ticks;

static void tick(int sig)
{
	ticks++;
}

static int64_t ns(struct timespec t)
{
	return t.tv_sec * 1000000000ll + t.tv_nsec;
}

static int64_t now(clockid_t clock)
{
	struct timespec t;

	if (clock_gettime(clock, &t) || t.tv_nsec < 0 || t.tv_nsec >= 1000000000)
		test_failed = true;
	return ns(t);
}

static void clocks(void)
{
	static const clockid_t ids[] = {CLOCK_REALTIME, CLOCK_MONOTONIC, CLOCK_PROCESS_CPUTIME_ID,
		CLOCK_THREAD_CPUTIME_ID, CLOCK_MONOTONIC_RAW, CLOCK_REALTIME_COARSE,
		CLOCK_MONOTONIC_COARSE, CLOCK_BOOTTIME};
	struct timespec t;

	for (size_t i = 0; i < COUNT(ids); i++) {
		int64_t last = now(ids[i]);
		bool forwards = true;

		for (int j = 0; j < 2000; j++) {
			int64_t next = now(ids[i]);

			forwards = forwards && next >= last;
			last = next;
		}
		say("clock", "%d %s", (int)ids[i], forwards ? "never goes back" : "GOES BACK");
		answer("clock.getres", clock_getres(ids[i], &t));
	}
	answer("clock.bad_id", clock_gettime(99, &t));
	answer("clock.getres_bad_id", clock_getres(99, &t));
	answer("clock.getres_null", clock_getres(CLOCK_MONOTONIC, NULL));
	answer("clock.set_monotonic", clock_settime(CLOCK_MONOTONIC, &t));
	t = (struct timespec){1, 1000000000};
	answer("clock.set_bad_time", clock_settime(CLOCK_REALTIME, &t));
}

/* All calls that tell the time of day agree. */
static void time_of_day(void)
{
	struct timeval tv;
	int64_t a = now(CLOCK_REALTIME), b;
	time_t t;

	gettimeofday(&tv, NULL);
	t = time(NULL);
	b = now(CLOCK_REALTIME);
	check("day.gettimeofday", tv.tv_sec * 1000000ll + tv.tv_usec >= a / 1000 - 1 &&
					  tv.tv_sec * 1000000ll + tv.tv_usec <= b / 1000);
	check("day.time", t >= a / 1000000000 - 1 && t <= b / 1000000000);
	check("day.old_call", labs(syscall(SYS_time, NULL) - t) <= 1);
	check("day.after_2020", t > 1577836800);
}

/* Writes a byte; when the file says that was. */
static int64_t written(int fd)
{
	struct stat st;

	if (write(fd, "x", 1) != 1 || fstat(fd, &st))
		test_failed = true;
	return ns(st.st_mtim);
}

/* A file gets the time of the coarse clock, which goes after the exact one tick by tick. */
static void coarse(void)
{
	struct timespec t = {0, 30000000};
	int fd = open("/tmp/coarse", O_RDWR | O_CREAT, 0600);
	int64_t before = now(CLOCK_REALTIME_COARSE), at = written(fd);
	int64_t after = now(CLOCK_REALTIME_COARSE), exact = now(CLOCK_REALTIME);

	check("coarse.file", before <= at && at <= after);
	check("coarse.behind", after <= exact && exact - after < 1000000000);
	nanosleep(&t, NULL);
	check("coarse.goes_on", written(fd) > at && now(CLOCK_MONOTONIC_COARSE) > 0);
	close(fd);
	unlink("/tmp/coarse");
}

static void sleeping(void)
{
	struct timespec t = {0, 30000000}, left;
	int64_t before = now(CLOCK_MONOTONIC), took;

	answer("sleep", nanosleep(&t, &left));
	took = now(CLOCK_MONOTONIC) - before;
	check("sleep.long_enough", took >= 30000000);
	check("sleep.not_too_long", took < 10000000000);
	t.tv_nsec = 1000000000;
	answer("sleep.bad_nsec", nanosleep(&t, NULL));
	t = (struct timespec){-1, 0};
	answer("sleep.negative", nanosleep(&t, NULL));
	t = (struct timespec){0, 0};
	answer("sleep.nothing", nanosleep(&t, NULL));
	t = (struct timespec){1, 0};
	say("sleep.until_past", "%d", clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL));
	say("sleep.bad_clock", "%s", errno_name(clock_nanosleep(99, 0, &t, NULL)));
	say("sleep.thread_clock", "%s",
		errno_name(clock_nanosleep(CLOCK_THREAD_CPUTIME_ID, 0, &t, NULL)));
	clock_gettime(CLOCK_MONOTONIC, &t);
	t.tv_nsec += 20000000;
	if (t.tv_nsec >= 1000000000)
		t = (struct timespec){t.tv_sec + 1, t.tv_nsec - 1000000000};
	say("sleep.until", "%d", clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL));
	check("sleep.until_then", now(CLOCK_MONOTONIC) >= ns(t));
}

static void sleep_alarm(const char *name, int flags, struct timespec t)
{
	say(name, "%d %d", clock_nanosleep(CLOCK_REALTIME_ALARM, flags, &t, NULL),
		clock_nanosleep(CLOCK_BOOTTIME_ALARM, flags, &t, NULL));
}

static void sleep_alarm_as_user(void)
{
	if (setuid(1000))
		die("setuid");
	sleep_alarm("alarm.user", 0, (struct timespec){0, 1});
	sleep_alarm("alarm.user, bad time", 0, (struct timespec){0, -1});
	sleep_alarm("alarm.user, unknown flag", 2, (struct timespec){0, 1});
}

/* The clocks that would wake a machine that sleeps. */
static void sleeping_alarm(void)
{
	int64_t before = now(CLOCK_MONOTONIC);

	sleep_alarm("alarm.sleep", 0, (struct timespec){0, 20000000});
	check("alarm.slept", now(CLOCK_MONOTONIC) - before >= 40000000);
	sleep_alarm("alarm.until past", TIMER_ABSTIME, (struct timespec){1, 0});
	isolated("alarm.user", sleep_alarm_as_user);
}

static void interrupted(void)
{
	struct timespec t = {50, 0}, left = {0, 0};

	signal(SIGALRM, tick);
	ualarm(20000, 0);
	answer("sleep.interrupted", nanosleep(&t, &left));
	check("sleep.left", left.tv_sec >= 40 && left.tv_sec < 50);
}

static void timers(void)
{
	struct itimerval t = {{0, 10000}, {0, 10000}}, old;

	ticks = 0;
	answer("itimer.set", setitimer(ITIMER_REAL, &t, NULL));
	while (ticks < 3)
		pause();
	answer("itimer.get", getitimer(ITIMER_REAL, &old));
	check("itimer.value", old.it_interval.tv_sec == 0 && old.it_interval.tv_usec == 10000 &&
				      old.it_value.tv_sec == 0 && old.it_value.tv_usec <= 20000);
	t = (struct itimerval){0};
	answer("itimer.stop", setitimer(ITIMER_REAL, &t, &old));
	getitimer(ITIMER_REAL, &old);
	say("itimer.stopped", "%ld %ld", (long)old.it_value.tv_sec, (long)old.it_value.tv_usec);
	t.it_value.tv_usec = 1000000;
	answer("itimer.bad_usec", setitimer(ITIMER_REAL, &t, NULL));
	answer("itimer.bad_which", setitimer(7, &t, NULL));
	answer("alarm.none", alarm(100));
	answer("alarm.remaining", alarm(0));
	answer("alarm.none_again", alarm(0));
}

/* A timer does not pass to a child. */
static void child_timer(void)
{
	struct itimerval t;

	getitimer(ITIMER_REAL, &t);
	say("itimer.in_child", "%ld", (long)t.it_value.tv_sec);
}

static void cpu_time(void)
{
	struct rusage before, after;
	struct tms tms;
	int64_t cpu = now(CLOCK_PROCESS_CPUTIME_ID);
	volatile int spin = 0;

	getrusage(RUSAGE_SELF, &before);
	while (now(CLOCK_PROCESS_CPUTIME_ID) < cpu + 60000000)
		spin++;
	getrusage(RUSAGE_SELF, &after);
	check("cpu.rusage",
		after.ru_utime.tv_sec * 1000000ll + after.ru_utime.tv_usec +
				after.ru_stime.tv_sec * 1000000ll + after.ru_stime.tv_usec >
			before.ru_utime.tv_sec * 1000000ll + before.ru_utime.tv_usec +
				before.ru_stime.tv_sec * 1000000ll + before.ru_stime.tv_usec);
	check("cpu.times", times(&tms) != -1 && tms.tms_utime + tms.tms_stime > 0);
	say("cpu.ticks_a_second", "%ld", sysconf(_SC_CLK_TCK));
	answer("rusage.bad_who", getrusage(5, &before));
	answer("rusage.children", getrusage(RUSAGE_CHILDREN, &before));
}

/* Sleeping until other processes, or all of this one, have used so much CPU time. */
static void cpu_sleep(void)
{
	struct timespec t = {0, 20000000}, zero = {0, 0}, left;
	clockid_t clock;
	int pid = fork();

	if (pid == 0)
		for (;;)
			(void)getppid();
	clock_getcpuclockid(pid, &clock);
	say("cpu_sleep", "%d", clock_nanosleep(clock, 0, &t, NULL));
	clock_gettime(clock, &left);
	check("cpu_sleep.passed", left.tv_sec || left.tv_nsec >= t.tv_nsec);
	say("cpu_sleep.absolute", "%d", clock_nanosleep(clock, TIMER_ABSTIME, &t, NULL));
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	say("cpu_sleep.gone", "%d", clock_nanosleep(clock, 0, &t, NULL));
	say("cpu_sleep.own", "%d", clock_nanosleep(CLOCK_PROCESS_CPUTIME_ID, 0, &zero, NULL));
	answer("cpu_sleep.own_thread", syscall(SYS_clock_nanosleep, -2, 0, &t, NULL));
	answer("cpu_sleep.thread",
		syscall(SYS_clock_nanosleep, CLOCK_THREAD_CPUTIME_ID, 0, &t, NULL));
}

int main(void)
{
	clocks();
	time_of_day();
	coarse();
	sleeping();
	sleeping_alarm();
	interrupted();
	timers();
	alarm(1000);
	isolated("child", child_timer);
	alarm(0);
	cpu_time();
	cpu_sleep();
	return test_failed;
}
