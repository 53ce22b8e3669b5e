/* Waits until a time of day end by the clock as it is set while they last: futex(2),
 * mq_overview(7). */
#include "tests/user/test.h"

#include <linux/futex.h>
#include <mqueue.h>
#include <pthread.h>
#include <time.h>

#ifndef SYS_futex_waitv
#define SYS_futex_waitv 449
#endif

struct wait_word { /* struct futex_waitv */
	uint64_t val, at;
	uint32_t flags, reserved;
};

#define FAR 1000 /* seconds, more than any test takes */

static unsigned word, word2, lock;
static struct timespec until; /* of the wait under way */
static volatile int waiter;   /* its thread id */
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
static mqd_t queue;
static bool as_time64;

static long futex(
	unsigned *at, int op, unsigned val, const void *time, unsigned *at2, unsigned val3)
{
	struct {
		int64_t sec, nsec;
	} time64 = {until.tv_sec, until.tv_nsec};

	if (as_time64)
		return syscall(SYS_futex_time64, at, op, val, &time64, at2, val3);
	return syscall(SYS_futex, at, op, val, time, at2, val3);
}

static void set_clock(time_t by)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	t.tv_sec += by;
	if (clock_settime(CLOCK_REALTIME, &t))
		die("clock_settime");
}

/* --- The waits: each returns 0 or -1 and errno --- */

static long wait_bitset(void)
{
	return futex(&word, FUTEX_WAIT_BITSET | FUTEX_CLOCK_REALTIME, 0, &until, NULL, ~0u);
}

static long wait_lock(void)
{
	return futex(&lock, FUTEX_LOCK_PI, 0, &until, NULL, 0);
}

static long wait_lock2(void)
{
	return futex(&lock, FUTEX_LOCK_PI2 | FUTEX_CLOCK_REALTIME, 0, &until, NULL, 0);
}

static long wait_requeue(void)
{
	return futex(&word, FUTEX_WAIT_REQUEUE_PI | FUTEX_CLOCK_REALTIME, 0, &until, &word2, 0);
}

static long wait_vector(void)
{
	struct wait_word w[] = {{0, (uintptr_t)&word, 2, 0}, {0, (uintptr_t)&word2, 2, 0}};
	int64_t time[] = {until.tv_sec, until.tv_nsec};

	return syscall(SYS_futex_waitv, w, 2, 0, time, CLOCK_REALTIME);
}

static long wait_cond(void)
{
	pthread_mutex_lock(&mutex);
	errno = pthread_cond_timedwait(&cond, &mutex, &until);
	pthread_mutex_unlock(&mutex);
	return errno ? -1 : 0;
}

static long wait_message(void)
{
	char text[8];

	return mq_timedreceive(queue, text, sizeof(text), NULL, &until);
}

static long wait_room(void)
{
	return mq_timedsend(queue, "x", 1, 0, &until);
}

/* --- Setting the clock under them --- */

static void *wait_body(void *arg)
{
	long (*wait)(void) = (long (*)(void))arg;
	long result;

	waiter = gettid();
	result = wait();
	return (void *)(result == -1 ? (long)errno : 0);
}

static char state_of(int tid)
{
	char path[64], line[256], *end;
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "/proc/self/task/%d/stat", tid);
	fd = open(path, O_RDONLY);
	n = read(fd, line, sizeof(line) - 1);
	line[n > 0 ? n : 0] = 0;
	close(fd);
	end = strrchr(line, ')');
	return end ? end[2] : 0;
}

static pthread_t start(long (*wait)(void), time_t seconds)
{
	pthread_t t;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += seconds;
	waiter = 0;
	if (pthread_create(&t, NULL, wait_body, (void *)wait))
		die("pthread_create");
	while (!waiter || state_of(waiter) != 'S')
		usleep(1000);
	return t;
}

static void say_end(const char *name, pthread_t t)
{
	void *error;

	pthread_join(t, &error);
	say(name, "%s", error ? errno_name((int)(long)error) : "0");
}

static void ends_at_once(const char *name, long (*wait)(void))
{
	pthread_t t = start(wait, FAR);

	set_clock(2 * FAR);
	say_end(name, t);
	set_clock(-2 * FAR);
}

/* A time that has been put off is not come when it would have been. */
static void is_put_off(void)
{
	pthread_t t = start(wait_bitset, 1);

	set_clock(-FAR);
	usleep(1500000);
	word = 1;
	answer("back.woken", futex(&word, FUTEX_WAKE, 1, NULL, NULL, 0));
	say_end("back.end", t);
	word = 0;
	set_clock(FAR);
}

/* Stopped and continued, it waits for the same time of day: restart_syscall(2). */
static void is_restarted(void)
{
	pid_t pid;
	int status;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += FAR;
	pid = fork();
	if (!pid)
		_exit(wait_bitset() == -1 && errno == ETIMEDOUT ? 7 : 8);
	usleep(50000);
	kill(pid, SIGSTOP);
	waitpid(pid, &status, WUNTRACED);
	kill(pid, SIGCONT);
	waitpid(pid, &status, WCONTINUED);
	usleep(50000);
	set_clock(2 * FAR);
	waitpid(pid, &status, 0);
	set_clock(-2 * FAR);
	say("restarted.exit", "%d", WEXITSTATUS(status));
}

int main(void)
{
	struct mq_attr attr = {.mq_maxmsg = 1, .mq_msgsize = 8};

	alarm(60);
	ends_at_once("bitset", wait_bitset);
	as_time64 = true;
	ends_at_once("bitset.time64", wait_bitset);
	as_time64 = false;
	lock = gettid();
	ends_at_once("lock_pi", wait_lock);
	ends_at_once("lock_pi2", wait_lock2);
	ends_at_once("requeue_pi", wait_requeue);
	ends_at_once("waitv", wait_vector);
	ends_at_once("cond", wait_cond);
	queue = mq_open("/clock_deadline", O_RDWR | O_CREAT | O_EXCL, 0600, &attr);
	mq_unlink("/clock_deadline");
	ends_at_once("receive", wait_message);
	answer("send", mq_send(queue, "y", 1, 0));
	ends_at_once("send.full", wait_room);
	is_put_off();
	is_restarted();
	return test_failed;
}
