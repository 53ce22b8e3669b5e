/* Signals that meet a system call: EINTR, SA_RESTART, short counts, stopping and going on. */
#include "tests/user/test.h"
#include <poll.h>
#include <sys/select.h>
#include <sys/time.h>
#include <time.h>

static int fds[2];
static volatile int ticks;
static volatile pid_t child;
static char big[200000];

/* From the second tick on there is something to read, so that a restarted read can end. */
static void tick(int sig)
{
	if (++ticks >= 2 && write(fds[1], "t", 1) != 1)
		_exit(98);
}

static void end_child(int sig)
{
	if (++ticks == 2)
		kill(child, SIGTERM);
}

static void count(int sig)
{
	ticks++;
}

/* SIGALRM every 30 ms: it comes again if it came too early. */
static void start(void (*handler)(int), int flags)
{
	struct sigaction action = {.sa_handler = handler, .sa_flags = flags};
	struct itimerval every = {{0, 30000}, {0, 30000}};

	ticks = 0;
	sigaction(SIGALRM, &action, NULL);
	setitimer(ITIMER_REAL, &every, NULL);
}

static void stop(void)
{
	struct itimerval never = {0};

	setitimer(ITIMER_REAL, &never, NULL);
}

static void new_pipe(void)
{
	close(fds[0]);
	close(fds[1]);
	if (pipe(fds))
		die("pipe");
}

static void reads(void)
{
	char c;

	if (pipe(fds))
		die("pipe");
	start(tick, 0);
	answer("read.eintr", read(fds[0], &c, 1));
	stop();
	new_pipe(); /* on a slow machine a second tick has written by now */
	start(tick, SA_RESTART);
	answer("read.restarted", read(fds[0], &c, 1));
	stop();
	check("read.restarted_after_two", ticks >= 2);
}

static void writes(void)
{
	new_pipe();
	start(count, 0);
	answer("write.short", write(fds[1], big, sizeof(big)));
	answer("write.eintr", write(fds[1], big, 10));
	stop();
	start(count, SA_RESTART);
	answer("write.short_even_so",
		read(fds[0], big, 4096) > 0 ? write(fds[1], big, sizeof(big)) : -1);
	stop();
}

static void waits(void)
{
	int status;

	child = fork();
	if (child == 0)
		for (;;)
			pause();
	start(count, 0);
	answer("wait.eintr", waitpid(child, &status, 0));
	stop();
	start(end_child, SA_RESTART);
	check("wait.restarted", waitpid(child, &status, 0) == child);
	stop();
	answer_status("wait.status", status);
}

/* These are never restarted, SA_RESTART or not. */
static void never_restarted(void)
{
	struct timespec day = {86400, 0}, left = {0, 0};
	struct timeval long_time = {86400, 0};
	sigset_t none;

	sigemptyset(&none);
	start(count, SA_RESTART);
	answer("pause", pause());
	answer("sigsuspend", sigsuspend(&none));
	answer("poll", poll(NULL, 0, -1));
	answer("poll.timeout", poll(NULL, 0, 1000000));
	answer("select", select(0, NULL, NULL, NULL, &long_time));
	answer("nanosleep", nanosleep(&day, &left));
	check("nanosleep.left", left.tv_sec > 86000 && left.tv_sec < 86400);
	errno = clock_nanosleep(CLOCK_MONOTONIC, 0, &day, &left);
	say("clock_nanosleep", "%s", errno_name(errno));
	clock_gettime(CLOCK_MONOTONIC, &day);
	day.tv_sec += 1000;
	errno = clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &day, NULL);
	say("clock_nanosleep.absolute", "%s", errno_name(errno));
	stop();
}

/* A signal without a handler interrupts nobody. */
static void ignored(void)
{
	struct timespec wait = {0, 150 * 1000 * 1000};

	start(SIG_IGN, 0);
	answer("ignored.nanosleep", nanosleep(&wait, NULL));
	stop();
	start(count, 0);
	sigprocmask(SIG_BLOCK, &(sigset_t){{1 << (SIGALRM - 1)}}, NULL);
	answer("blocked.nanosleep", nanosleep(&wait, NULL));
	stop();
	sigprocmask(SIG_UNBLOCK, &(sigset_t){{1 << (SIGALRM - 1)}}, NULL);
	say("blocked.once", "%d", ticks);
}

/* A process that is stopped in a call and continued goes on waiting. */
static void stopped_in(const char *name, void (*body)(void))
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		body();
		_exit(0);
	}
	for (int i = 0; i < 3; i++) {
		usleep(20000);
		kill(pid, SIGSTOP);
		waitpid(pid, &status, WUNTRACED);
		kill(pid, SIGCONT);
	}
	if (write(fds[1], "c", 1) != 1)
		die("write");
	waitpid(pid, &status, 0);
	answer_status(name, status);
}

static void stopped_read(void)
{
	char c;

	answer("stopped.read", read(fds[0], &c, 1));
}

static void stopped_sleep(void)
{
	struct timespec wait = {0, 200 * 1000 * 1000};

	answer("stopped.nanosleep", nanosleep(&wait, NULL));
}

static void stopped_poll(void)
{
	struct pollfd p = {.fd = fds[0], .events = POLLIN};

	answer("stopped.poll", poll(&p, 1, 60000));
	stopped_read();
}

static void stopped(void)
{
	if (pipe(fds))
		die("pipe");
	stopped_in("stopped.reader", stopped_read);
	stopped_in("stopped.poller", stopped_poll);
	stopped_in("stopped.sleeper", stopped_sleep);
}

static volatile long spins;

static void deadline(int sig)
{
	if (!spins)
		return; /* too early: it comes again */
	say("preempt.handler", "in the loop");
	_exit(0);
}

/* A loop without system calls is interrupted too. */
static void busy(void)
{
	struct itimerval every = {{0, 50000}, {0, 50000}};

	signal(SIGALRM, deadline);
	setitimer(ITIMER_REAL, &every, NULL);
	for (;;)
		spins++;
}

int main(void)
{
	reads();
	writes();
	waits();
	never_restarted();
	ignored();
	stopped();
	answer_status("preempt.status", in_child(busy));
	return test_failed;
}
