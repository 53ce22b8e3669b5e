/*
 * Periodic timers of all kinds: they go on when somebody takes their signal or reads their file,
 * and what was missed is counted. With the shortest of intervals the machine still lives. And what a thread
 * may say about how late its timers may come.
 */
#include "tests/user/test.h"
#include <poll.h>
#include <sys/prctl.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <time.h>

#define MS 1000000ll
#define S  1000000000ll

typedef int kernel_timer; /* glibc's timer_t is a pointer of its own */

static struct itimerspec setting(int64_t value_ns, int64_t interval_ns)
{
	return (struct itimerspec){
		.it_value = {value_ns / S, value_ns % S},
		.it_interval = {interval_ns / S, interval_ns % S},
	};
}

static int64_t ns(struct timespec t)
{
	return t.tv_sec * S + t.tv_nsec;
}

static int64_t now(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return ns(t);
}

static void sleep_ms(int ms)
{
	struct timespec t = {0, ms * MS};

	while (nanosleep(&t, &t))
		;
}

/* --- timer_create() --- */

static kernel_timer make(clockid_t clock, int sig)
{
	struct sigevent e = {.sigev_notify = sig ? SIGEV_SIGNAL : SIGEV_NONE, .sigev_signo = sig};
	kernel_timer id = -1;

	if (syscall(SYS_timer_create, clock, &e, &id))
		die("timer_create");
	return id;
}

static void set(kernel_timer id, int flags, int64_t value_ns, int64_t interval_ns)
{
	struct itimerspec s = setting(value_ns, interval_ns);

	if (syscall(SYS_timer_settime, id, flags, &s, NULL))
		die("timer_settime");
}

static int64_t left(kernel_timer id)
{
	struct itimerspec s;

	return syscall(SYS_timer_gettime, id, &s) ? -1 : ns(s.it_value);
}

static void block(int sig, bool yes)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, sig);
	sigprocmask(yes ? SIG_BLOCK : SIG_UNBLOCK, &set, NULL);
}

/* Takes it, blocked, within ten seconds. Returns its overrun, or -1. */
static int take(int sig)
{
	struct timespec patience = {10, 0};
	siginfo_t info = {0};
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, sig);
	return sigtimedwait(&set, &info, &patience) == sig ? info.si_overrun : -1;
}

static void wait_pending(int sig)
{
	sigset_t set;

	do
		sigpending(&set);
	while (!sigismember(&set, sig));
}

/* A signal of it that waits is dropped. */
static void delete_blocked(kernel_timer id, int sig)
{
	syscall(SYS_timer_delete, id);
	signal(sig, SIG_IGN);
	block(sig, false);
	signal(sig, SIG_DFL);
}

/* One signal tells of all expirations since the first, however late it is taken. */
static void overrun(const char *name, clockid_t clock, int64_t from_now, bool look)
{
	kernel_timer id = make(clock, SIGUSR1);
	int64_t first, before, after;
	int n;

	block(SIGUSR1, true);
	first = now(clock) + from_now;
	set(id, TIMER_ABSTIME, first, MS);
	wait_pending(SIGUSR1);
	sleep_ms(20);
	if (look)
		check(name, left(id) > 0 && left(id) <= MS);
	before = now(clock);
	n = take(SIGUSR1);
	after = now(clock);
	check(name, n >= (before - first) / MS && n <= (after - first) / MS);
	check(name, syscall(SYS_timer_getoverrun, id) == n);
	delete_blocked(id, SIGUSR1);
}

/* It expires again while its signal of before still waits. */
static void set_again(const char *name, int64_t interval)
{
	kernel_timer id = make(CLOCK_MONOTONIC, SIGUSR1);
	int n;

	block(SIGUSR1, true);
	set(id, 0, 1, interval);
	wait_pending(SIGUSR1);
	set(id, 0, 1, interval);
	sleep_ms(20);
	n = take(SIGUSR1);
	say(name, "told %s", n < 0 ? "NOTHING" : n == 0 ? "none" : n == 1 ? "one" : "more");
	say(name, "%s", syscall(SYS_timer_getoverrun, id) == n ? "the same" : "not the same");
	delete_blocked(id, SIGUSR1);
}

static volatile int fired, most;
static kernel_timer beating;

static void stop_at_100(int sig, siginfo_t *info, void *context)
{
	if (info->si_overrun > most)
		most = info->si_overrun;
	if (++fired == 100)
		set(beating, 0, 0, 0);
}

static void nanosecond(const char *name, clockid_t clock)
{
	fired = most = 0;
	beating = make(clock, SIGUSR1);
	set(beating, 0, 1, 1);
	while (fired < 100)
		;
	say(name, "%s", most > 1000 ? "many overruns" : "FEW OVERRUNS");
	syscall(SYS_timer_delete, beating);
}

static volatile int first_overrun = -1;

static void note_overrun(int sig, siginfo_t *info, void *context)
{
	if (first_overrun < 0)
		first_overrun = info->si_overrun;
}

/* Nobody takes the signal, but it is counted. */
static void ignored(int64_t interval)
{
	struct sigaction a = {.sa_sigaction = note_overrun, .sa_flags = SA_SIGINFO};
	kernel_timer id = make(CLOCK_MONOTONIC, SIGUSR2);

	first_overrun = -1;
	signal(SIGUSR2, SIG_IGN);
	set(id, 0, interval, interval);
	sleep_ms(50);
	say("ignored.left", "%s", left(id) > 0 ? "some" : "NONE");
	sigaction(SIGUSR2, &a, NULL);
	while (first_overrun < 0)
		sleep_ms(1);
	syscall(SYS_timer_delete, id);
	say("ignored", "%s", first_overrun >= 48 ? "all counted" : "NOT COUNTED");
}

static void silent(void)
{
	kernel_timer id = make(CLOCK_MONOTONIC, 0);

	set(id, 0, MS, 0);
	sleep_ms(5);
	say("silent.once", "%lld", (long long)left(id));
	set(id, 0, 1, 1000 * S);
	sleep_ms(5);
	check("silent.periodic", left(id) > 900 * S);
	set(id, 0, 1000 * S, 0);
	check("silent.later", left(id) > 900 * S);
	syscall(SYS_timer_delete, id);
}

/* --- setitimer() --- */

static void set_alarm(long value_us, long interval_us)
{
	struct itimerval v = {
		.it_value = {value_us / 1000000, value_us % 1000000},
		.it_interval = {interval_us / 1000000, interval_us % 1000000},
	};

	setitimer(ITIMER_REAL, &v, NULL);
}

static void show_alarm(const char *name)
{
	struct itimerval v;

	getitimer(ITIMER_REAL, &v);
	say(name, "%s, interval %ld s",
		v.it_value.tv_sec > 900			  ? "runs"
		: v.it_value.tv_sec || v.it_value.tv_usec ? "IS CLOSE"
							  : "rests",
		v.it_interval.tv_sec);
}

static void count_alarm(int sig)
{
	if (++fired == 100)
		set_alarm(0, 0);
}

static void alarms(void)
{
	block(SIGALRM, true);
	set_alarm(1000, 1000000000);
	wait_pending(SIGALRM);
	show_alarm("alarm.waits");
	take(SIGALRM);
	show_alarm("alarm.taken");
	block(SIGALRM, false);
	signal(SIGALRM, SIG_IGN);
	set_alarm(1000, 1000000000);
	sleep_ms(20);
	show_alarm("alarm.ignored");
	signal(SIGALRM, count_alarm);
	show_alarm("alarm.handler");
	syscall(SYS_tgkill, getpid(), getpid(), SIGALRM);
	show_alarm("alarm.to_thread");
	kill(getpid(), SIGALRM);
	show_alarm("alarm.to_process");
	fired = 0;
	set_alarm(1, 1);
	while (fired < 100)
		;
	show_alarm("alarm.microsecond");
}

/* --- timerfd --- */

/* The line of its fdinfo that begins so. */
static void show_line(const char *name, int fd, const char *begin)
{
	char path[64], line[128];
	FILE *f;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	f = fopen(path, "r");
	while (f && fgets(line, sizeof(line), f))
		if (!strncmp(line, begin, strlen(begin)))
			say(name, "%.*s", (int)strcspn(line, "\n"), line);
	if (f)
		fclose(f);
}

static void wait_readable(int fd)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};

	poll(&p, 1, 10000);
}

static void timer_files(void)
{
	int fd = timerfd_create(CLOCK_MONOTONIC, 0);
	struct itimerspec s;
	uint64_t n, least = -1;
	int64_t first = now(CLOCK_MONOTONIC) + 2 * MS, before, after;

	s = setting(first, MS);
	timerfd_settime(fd, TFD_TIMER_ABSTIME, &s, NULL);
	wait_readable(fd);
	sleep_ms(20);
	show_line("file.not_read", fd, "ticks");
	show_line("file.rests", fd, "it_value");
	before = now(CLOCK_MONOTONIC);
	check("file.read", read(fd, &n, 8) == 8);
	after = now(CLOCK_MONOTONIC);
	check("file.counted",
		(int64_t)n - 1 >= (before - first) / MS && (int64_t)n - 1 <= (after - first) / MS);
	wait_readable(fd);
	sleep_ms(20);
	timerfd_gettime(fd, &s);
	check("file.gettime", ns(s.it_value) <= MS);
	check("file.counted_by_gettime", read(fd, &n, 8) == 8 && n >= 20);
	s = setting(1, 1000 * S);
	timerfd_settime(fd, 0, &s, NULL);
	wait_readable(fd);
	timerfd_gettime(fd, &s);
	check("file.goes_on", ns(s.it_value) > 900 * S);
	check("file.once", read(fd, &n, 8) == 8 && n == 1);
	s = setting(1, 1);
	timerfd_settime(fd, 0, &s, NULL);
	for (int i = 0; i < 100; i++) {
		if (read(fd, &n, 8) != 8)
			say("file.nanosecond", "READ FAILED");
		least = n < least ? n : least;
	}
	check("file.nanosecond", least >= 1);
	close(fd);
}

static void set_clock(int64_t by)
{
	int64_t t = now(CLOCK_REALTIME) + by;
	struct timespec s = {t / S, t % S};

	answer("clock.set", clock_settime(CLOCK_REALTIME, &s));
}

/* A timer by the time of day: the clock is set between two of its beats, and before it is read. */
static void clock_goes(void)
{
	int fd = timerfd_create(CLOCK_REALTIME, 0);
	struct itimerspec s = setting(now(CLOCK_REALTIME) + MS, 1000 * S);
	uint64_t n;

	timerfd_settime(fd, TFD_TIMER_ABSTIME, &s, NULL);
	answer("clock.first", read(fd, &n, 8));
	set_clock(2500 * S);
	answer("clock.forward", read(fd, &n, 8));
	say("clock.beats", "%d", (int)n);
	timerfd_gettime(fd, &s);
	say("clock.left", "%d s", (int)s.it_value.tv_sec / 100 * 100);
	set_clock(600 * S);
	wait_readable(fd);
	set_clock(-3100 * S);
	answer("clock.back", read(fd, &n, 8));
	timerfd_gettime(fd, &s);
	say("clock.left_now", "%d s", (int)s.it_value.tv_sec / 100 * 100);
	close(fd);
}

static volatile int rung;

static void ring(int sig)
{
	rung++;
}

static void timer_left(const char *name, kernel_timer id)
{
	struct itimerspec s;

	syscall(SYS_timer_gettime, id, &s);
	say(name, "%d s", (int)(s.it_value.tv_sec + 50) / 100 * 100);
}

/* The same of POSIX timers: one set to a time of day follows the clock, one set to a while does not. */
static void timers_and_the_clock(void)
{
	kernel_timer until, beat, after;

	signal(SIGUSR2, ring);
	until = make(CLOCK_REALTIME, SIGUSR2);
	beat = make(CLOCK_REALTIME, 0);
	after = make(CLOCK_REALTIME, SIGUSR2);
	set(until, TIMER_ABSTIME, now(CLOCK_REALTIME) + 1000 * S, 0);
	set(beat, TIMER_ABSTIME, now(CLOCK_REALTIME) + 300 * S, 500 * S);
	set(after, 0, 2000 * S, 0);
	set_clock(600 * S);
	timer_left("day.until", until);
	timer_left("day.beat", beat);
	timer_left("day.after", after);
	say("day.rung", "%d", rung);
	set_clock(3000 * S);
	for (int i = 0; i < 1000 && !rung; i++)
		sleep_ms(1);
	say("day.rung_now", "%d", rung);
	set_clock(-3600 * S);
	timer_left("day.until_now", until);
	timer_left("day.beat_now", beat);
	timer_left("day.after_now", after);
	syscall(SYS_timer_delete, until);
	syscall(SYS_timer_delete, beat);
	syscall(SYS_timer_delete, after);
}

/* Who sleeps until a time of day is woken when the clock is set to it. */
static void sleeping_until_a_day(void)
{
	int64_t t = now(CLOCK_REALTIME) + 500 * S;
	struct timespec until = {t / S, t % S};
	int child = fork(), status;

	if (child == 0)
		_exit(clock_nanosleep(CLOCK_REALTIME, TIMER_ABSTIME, &until, NULL));
	sleep_ms(20);
	set_clock(501 * S);
	waitpid(child, &status, 0);
	say("day.sleeper", "%d", status);
	set_clock(-501 * S);
}

/* --- Many --- */

/* Each is found by its number, whatever others are there. */
static void many_timers(void)
{
	enum { MANY = 3000 };
	static kernel_timer id[MANY];
	int wrong = 0;

	for (int i = 0; i < MANY; i++)
		id[i] = make(CLOCK_MONOTONIC, 0);
	for (int i = 0; i < MANY; i++)
		set(id[i], 0, (1000 + i) * S, 0);
	for (int i = 0; i < MANY; i += 3)
		wrong += syscall(SYS_timer_delete, id[i]) != 0;
	for (int i = 0; i < MANY; i++) {
		struct itimerspec s = {.it_value = {0, 0}};
		long r = syscall(SYS_timer_gettime, id[i], &s);
		int left = (int)s.it_value.tv_sec - 1000 - i;

		wrong += i % 3 ? r || left > 0 || left < -60 : r == 0;
	}
	say("many.wrong", "%d", wrong);
	for (int i = 0; i < MANY; i++)
		syscall(SYS_timer_delete, id[i]);
}

/* --- Between ticks --- */

static long long local_timer_interrupts(void)
{
	FILE *f = fopen("/proc/interrupts", "r");
	char line[256];
	long long n = -1;

	while (f && n < 0 && fgets(line, sizeof(line), f))
		sscanf(line, " LOC: %lld", &n);
	if (f)
		fclose(f);
	return n;
}

static void short_sleeps(void)
{
	long long before = local_timer_interrupts();

	for (int i = 0; i < 100; i++)
		usleep(100);
	say("short_sleeps", "%s",
		local_timer_interrupts() > before ? "by the local timer" : "BY TICKS");
}

/* --- Slack --- */

#define SLACK "/proc/%d/timerslack_ns"

static void read_slack(const char *name, int pid)
{
	char path[64], text[64];
	int fd, n;

	snprintf(path, sizeof(path), SLACK, pid);
	fd = open(path, O_RDONLY);
	n = fd < 0 ? -1 : read(fd, text, sizeof(text));
	if (n < 0)
		answer(name, n);
	else
		say(name, "%.*s", n - 1, text);
	close(fd);
}

static void write_slack(const char *name, int pid, const char *text)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), SLACK, pid);
	fd = open(path, O_WRONLY);
	answer(name, fd < 0 ? -1 : write(fd, text, strlen(text)));
	close(fd);
}

static void slack(void)
{
	static const char *const texts[] = {"1", "5000000000\n", "0", "-1", "", "7 ", "0x7",
		"99999999999999999999", "18446744073709551615"};
	int child;

	for (size_t i = 0; i < COUNT(texts); i++) {
		write_slack("slack.write", getpid(), texts[i]);
		read_slack("slack", getpid());
		answer("slack.prctl", prctl(PR_GET_TIMERSLACK));
	}
	prctl(PR_SET_TIMERSLACK, 300);
	child = fork();
	if (child == 0) {
		pause();
		_exit(0);
	}
	read_slack("slack.child", child);
	write_slack("slack.child_set", child, "500");
	write_slack("slack.child_default", child, "0");
	read_slack("slack.child", child);
	kill(child, SIGKILL);
	wait(NULL);
	if (setresuid(1, 1, 1))
		die("setresuid");
	read_slack("slack.unprivileged", 1);
	write_slack("slack.unprivileged", 1, "1");
	read_slack("slack.own", getpid());
	write_slack("slack.own", getpid(), "1");
	answer("slack.files_of_threads", access("/proc/thread-self/timerslack_ns", F_OK));
}

int main(void)
{
	struct sigaction a = {.sa_sigaction = stop_at_100, .sa_flags = SA_SIGINFO};

	overrun("overrun.monotonic", CLOCK_MONOTONIC, 2 * MS, false);
	overrun("overrun.looked_at", CLOCK_MONOTONIC, 2 * MS, true);
	overrun("overrun.realtime", CLOCK_REALTIME, 2 * MS, false);
	overrun("overrun.monotonic_past", CLOCK_MONOTONIC, -50 * MS, false);
	overrun("overrun.realtime_past", CLOCK_REALTIME, -50 * MS, true);
	set_again("again.once", 0);
	set_again("again.periodic", MS);
	set_again("again.long", 1000 * S);
	sigaction(SIGUSR1, &a, NULL);
	nanosecond("nanosecond.monotonic", CLOCK_MONOTONIC);
	nanosecond("nanosecond.cpu", CLOCK_THREAD_CPUTIME_ID);
	ignored(MS);
	ignored(1);
	silent();
	alarms();
	timer_files();
	clock_goes();
	timers_and_the_clock();
	sleeping_until_a_day();
	many_timers();
	short_sleeps();
	slack();
	return test_failed;
}
