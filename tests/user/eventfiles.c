/* eventfd, timerfd and signalfd: what reads give, what is ready when, and what is refused. */
#include "tests/user/test.h"

#include <poll.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <time.h>

static void show_poll(const char *name, int fd)
{
	struct pollfd p = {fd, POLLIN | POLLOUT, 0};
	int n = poll(&p, 1, 0);

	say(name, "%d %x", n, p.revents);
}

static void show_link(const char *name, int fd)
{
	char path[64], text[128];
	struct stat st;
	int n;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	n = readlink(path, text, sizeof(text) - 1);
	text[n > 0 ? n : 0] = 0;
	say(name, "%s", text);
	fstat(fd, &st);
	say(name, "mode %o size %ld links %ld", st.st_mode, (long)st.st_size, (long)st.st_nlink);
}

static void show_info(const char *name, int fd, const char *key)
{
	char path[64], line[128];
	FILE *f;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	f = fopen(path, "re");
	while (f && fgets(line, sizeof(line), f))
		if (strncmp(line, key, strlen(key)) == 0)
			say(name, "%.*s", (int)strcspn(line, "\n"), line);
	if (f)
		fclose(f);
}

/* --- eventfd --- */

static void read_event(const char *name, int fd)
{
	uint64_t v = 77;
	ssize_t n = read(fd, &v, sizeof(v));

	if (n < 0)
		answer(name, n);
	else
		say(name, "%zd: %llu", n, (unsigned long long)v);
}

static void write_event(const char *name, int fd, uint64_t v)
{
	answer(name, write(fd, &v, sizeof(v)));
}

static void *adder(void *arg)
{
	usleep(20000);
	eventfd_write(*(int *)arg, 5);
	return NULL;
}

static void test_eventfd(void)
{
	int fd = eventfd(3, EFD_NONBLOCK), sem;
	pthread_t t;
	char few[4], *volatile bad = (char *)4;

	show_link("eventfd.link", fd);
	show_info("eventfd.info", fd, "eventfd-count");
	show_poll("eventfd.poll", fd);
	read_event("eventfd.read", fd);
	show_poll("eventfd.poll_empty", fd);
	read_event("eventfd.read_empty", fd);
	write_event("eventfd.write", fd, 10);
	write_event("eventfd.write_more", fd, 32);
	read_event("eventfd.sum", fd);
	write_event("eventfd.all_ones", fd, ~0ull);
	write_event("eventfd.full", fd, ~0ull - 1);
	show_poll("eventfd.poll_full", fd);
	write_event("eventfd.beyond", fd, 1);
	write_event("eventfd.nothing", fd, 0);
	read_event("eventfd.read_full", fd);
	answer("eventfd.read_few", read(fd, few, sizeof(few)));
	answer("eventfd.write_few", write(fd, few, sizeof(few)));
	answer("eventfd.read_bad", (write_event("eventfd.one", fd, 1), read(fd, bad, 8)));
	read_event("eventfd.after_bad", fd);
	answer("eventfd.flags", eventfd(0, 2));
	answer("eventfd.getfl", fcntl(fd, F_GETFL));
	answer("eventfd.old_call", syscall(SYS_eventfd, 0) >= 0 ? 0 : -1);
	sem = eventfd(2, EFD_SEMAPHORE | EFD_NONBLOCK | EFD_CLOEXEC);
	answer("eventfd.cloexec", fcntl(sem, F_GETFD));
	read_event("eventfd.sem", sem);
	read_event("eventfd.sem", sem);
	read_event("eventfd.sem", sem);
	fcntl(fd, F_SETFL, 0);
	pthread_create(&t, NULL, adder, &fd);
	read_event("eventfd.waited", fd);
	pthread_join(t, NULL);
	close(fd);
	close(sem);
}

/* --- timerfd --- */

static int settime(int fd, int flags, long value_ms, long interval_ms)
{
	struct itimerspec s = {
		.it_value = {value_ms / 1000, value_ms % 1000 * 1000000},
		.it_interval = {interval_ms / 1000, interval_ms % 1000 * 1000000},
	};

	return timerfd_settime(fd, flags, &s, NULL);
}

static void test_timerfd(void)
{
	int fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);
	struct itimerspec s, old;
	uint64_t ticks;

	show_link("timerfd.link", fd);
	show_info("timerfd.info", fd, "clockid");
	show_poll("timerfd.poll", fd);
	read_event("timerfd.not_set", fd);
	answer("timerfd.set", settime(fd, 0, 20, 0));
	answer("timerfd.get", timerfd_gettime(fd, &s));
	check("timerfd.left", s.it_value.tv_sec == 0 && s.it_value.tv_nsec > 0 &&
				      s.it_value.tv_nsec <= 20000000 && !s.it_interval.tv_nsec);
	fcntl(fd, F_SETFL, 0);
	read_event("timerfd.once", fd);
	answer("timerfd.get_after", timerfd_gettime(fd, &s));
	check("timerfd.disarmed", !s.it_value.tv_sec && !s.it_value.tv_nsec);
	answer("timerfd.beat", settime(fd, 0, 10, 10));
	usleep(60000);
	show_poll("timerfd.poll_ready", fd);
	check("timerfd.beats", read(fd, &ticks, 8) == 8 && ticks >= 5);
	check("timerfd.next_beat", read(fd, &ticks, 8) == 8 && ticks >= 1);
	s.it_value = s.it_interval = (struct timespec){0, 0};
	answer("timerfd.stop", timerfd_settime(fd, 0, &s, &old));
	check("timerfd.old", old.it_interval.tv_nsec == 10000000 && old.it_value.tv_nsec > 0);
	fcntl(fd, F_SETFL, O_NONBLOCK);
	read_event("timerfd.stopped", fd);
	s.it_value.tv_nsec = 1; /* after boot */
	answer("timerfd.past", timerfd_settime(fd, TFD_TIMER_ABSTIME, &s, NULL));
	usleep(20000);
	read_event("timerfd.past_read", fd);
	answer("timerfd.read_few", read(fd, &ticks, 4));
	answer("timerfd.write", write(fd, &ticks, 8));
	answer("timerfd.bad_flags", settime(fd, 8, 10, 0));
	s.it_value.tv_nsec = 1000000000;
	answer("timerfd.bad_time", timerfd_settime(fd, 0, &s, NULL));
	answer("timerfd.bad_clock", timerfd_create(CLOCK_PROCESS_CPUTIME_ID, 0));
	answer("timerfd.bad_create", timerfd_create(CLOCK_MONOTONIC, 1));
	answer("timerfd.not_one", settime(1, 0, 1, 0));
	answer("timerfd.no_fd", settime(99, 0, 1, 0));
	answer("timerfd.get_bad", syscall(SYS_timerfd_gettime, fd, 4));
	close(fd);
}

/* The clock is set (to what it was): who asked for it is told. */
static void test_timerfd_clock(void)
{
	int fd = timerfd_create(CLOCK_REALTIME, TFD_NONBLOCK);
	struct itimerspec s = {.it_value = {0, 0}};
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	s.it_value.tv_sec = now.tv_sec + 1000;
	answer("timerfd.cancel_on_set",
		timerfd_settime(fd, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, &s, NULL));
	read_event("timerfd.not_yet", fd);
	clock_gettime(CLOCK_REALTIME, &now);
	answer("timerfd.set_clock", clock_settime(CLOCK_REALTIME, &now));
	show_poll("timerfd.poll_cancelled", fd);
	read_event("timerfd.cancelled", fd);
	read_event("timerfd.once_only", fd);
	s.it_value.tv_sec = now.tv_sec + 500;
	answer("timerfd.absolute", timerfd_settime(fd, TFD_TIMER_ABSTIME, &s, NULL));
	now.tv_sec += 501;
	clock_settime(CLOCK_REALTIME, &now);
	usleep(20000);
	read_event("timerfd.clock_passed_it", fd);
	now.tv_sec -= 501;
	clock_settime(CLOCK_REALTIME, &now);
	close(fd);
}

/* --- signalfd --- */

static void read_signals(const char *name, int fd, size_t room)
{
	struct signalfd_siginfo s[4];
	ssize_t n = read(fd, s, room);

	if (n < 0) {
		answer(name, n);
		return;
	}
	for (size_t i = 0; i < n / sizeof(s[0]); i++)
		say(name, "%s code %d %s uid %u int %d status %d ptr %llx",
			signal_name(s[i].ssi_signo), s[i].ssi_code,
			s[i].ssi_pid == (unsigned)getpid() ? "own" : s[i].ssi_pid ? "other" : "0",
			s[i].ssi_uid, s[i].ssi_int, s[i].ssi_status,
			(unsigned long long)s[i].ssi_ptr);
}

static void *killer(void *arg)
{
	usleep(20000);
	kill(getpid(), SIGUSR1);
	return NULL;
}

static void test_signalfd(void)
{
	sigset_t set;
	pthread_t t;
	int fd, status;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigaddset(&set, SIGUSR2);
	sigaddset(&set, SIGCHLD);
	sigaddset(&set, SIGRTMIN + 3);
	sigaddset(&set, SIGKILL);
	sigprocmask(SIG_BLOCK, &set, NULL);
	fd = signalfd(-1, &set, SFD_NONBLOCK);
	show_link("signalfd.link", fd);
	show_info("signalfd.info", fd, "sigmask");
	show_poll("signalfd.poll", fd);
	read_signals("signalfd.none", fd, 512);
	kill(getpid(), SIGUSR2);
	raise(SIGUSR1);
	sigqueue(getpid(), SIGRTMIN + 3, (union sigval){.sival_int = -5});
	sigqueue(getpid(), SIGRTMIN + 3, (union sigval){.sival_int = 7});
	show_poll("signalfd.poll_pending", fd);
	read_signals("signalfd.two", fd, 256);
	read_signals("signalfd.rest", fd, 512);
	read_signals("signalfd.empty", fd, 512);
	read_signals("signalfd.few", fd, 127);
	if (fork() == 0)
		_exit(3);
	wait(&status);
	read_signals("signalfd.child", fd, 512);
	raise(SIGUSR1);
	sigdelset(&set, SIGUSR1);
	answer("signalfd.change", signalfd(fd, &set, 0) == fd ? 0 : -1);
	read_signals("signalfd.not_in_mask", fd, 512);
	sigaddset(&set, SIGUSR1);
	signalfd(fd, &set, 0);
	read_signals("signalfd.in_mask", fd, 512);
	fcntl(fd, F_SETFL, 0);
	pthread_create(&t, NULL, killer, NULL);
	read_signals("signalfd.waited", fd, 512);
	pthread_join(t, NULL);
	answer("signalfd.bad_fd", signalfd(1, &set, 0));
	answer("signalfd.no_fd", signalfd(99, &set, 0));
	answer("signalfd.bad_flags", signalfd(-1, &set, 1));
	answer("signalfd.bad_size", syscall(SYS_signalfd4, -1, &set, 4, 0));
	answer("signalfd.bad_mask", syscall(SYS_signalfd4, -1, 4, 8, 0));
	answer("signalfd.old_call", syscall(SYS_signalfd, -1, &set, 8) >= 0 ? 0 : -1);
	answer("signalfd.write", write(fd, "x", 1));
}

/* What has no position says 0 to lseek(2) all the same, but nothing can be read at one. */
static void test_seek(void)
{
	sigset_t none;
	int fd[6];
	char c;

	sigemptyset(&none);
	fd[0] = eventfd(0, 0);
	fd[1] = timerfd_create(CLOCK_MONOTONIC, 0);
	fd[2] = signalfd(-1, &none, 0);
	fd[3] = epoll_create1(0);
	fd[4] = inotify_init();
	fd[5] = syscall(SYS_pidfd_open, getpid(), 0);
	for (size_t i = 0; i < COUNT(fd); i++) {
		answer("seek", lseek(fd[i], 5, SEEK_SET));
		answer("seek.end", lseek(fd[i], 0, SEEK_END));
		answer("seek.wrong", lseek(fd[i], 0, 9));
		answer("seek.pread", pread(fd[i], &c, 1, 0));
		close(fd[i]);
	}
}

int main(void)
{
	test_eventfd();
	test_timerfd();
	test_timerfd_clock();
	test_signalfd();
	test_seek();
	return test_failed;
}
