/* futex_waitv(2): waiting for one of several words. */
#include "tests/user/test.h"

#include <linux/futex.h>
#include <pthread.h>
#include <sys/time.h>
#include <time.h>

#define WORD	 (FUTEX_32 | FUTEX_PRIVATE_FLAG)
#define TOO_MANY (FUTEX_WAITV_MAX + 1)

static volatile unsigned words[TOO_MANY];
static struct futex_waitv list[TOO_MANY];
static volatile bool changes;

struct time64 {
	long long sec, nsec;
};

static long waitv(struct futex_waitv *at, unsigned n, unsigned flags, void *time, int clock)
{
	return syscall(SYS_futex_waitv, at, n, flags, time, clock);
}

static struct futex_waitv word(volatile void *at, unsigned value, unsigned flags)
{
	return (struct futex_waitv){.uaddr = (unsigned)at, .val = value, .flags = flags};
}

static void make_list(volatile unsigned *at, unsigned flags)
{
	for (int i = 0; i < TOO_MANY; i++)
		list[i] = word(&at[i], at[i], flags);
}

static struct time64 soon(int clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	t.tv_nsec += 20000000;
	return (struct time64){t.tv_sec + t.tv_nsec / 1000000000, t.tv_nsec % 1000000000};
}

static void bad_element(const char *name, struct futex_waitv bad)
{
	make_list(words, WORD);
	list[1] = bad;
	answer(name, waitv(list, 3, 0, NULL, 0));
}

static void test_errors(void)
{
	struct time64 bad = {0, -1}, past = {0, 0};
	char *hole = FREE_AREA;

	make_list(words, WORD);
	answer("errors.flags", waitv(list, 2, 1, NULL, 0));
	answer("errors.no words", waitv(list, 0, 0, NULL, 0));
	answer("errors.too many", waitv(list, TOO_MANY, 0, NULL, 0));
	answer("errors.no list", waitv(NULL, 1, 0, NULL, 0));
	answer("errors.list in a hole", waitv((void *)hole, 1, 0, NULL, 0));
	answer("errors.time in a hole", waitv(list, 1, 0, hole, CLOCK_MONOTONIC));
	answer("errors.bad time", waitv(list, 1, 0, &bad, CLOCK_MONOTONIC));
	answer("errors.other clock", waitv(list, 1, 0, &past, CLOCK_BOOTTIME));
	answer("errors.past", waitv(list, 1, 0, &past, CLOCK_MONOTONIC));
	bad_element("element.size of 8 bits", word(&words[1], 0, 0));
	bad_element("element.unknown flag", word(&words[1], 0, WORD | 4));
	bad_element("element.reserved", (struct futex_waitv){.flags = WORD, .__reserved = 1});
	bad_element("element.not aligned", word((char *)words + 5, 0, WORD));
	bad_element("element.no address", word(NULL, 0, WORD));
	bad_element("element.hole", word(hole, 0, WORD));
	bad_element("element.hole, shared", word(hole, 0, FUTEX_32));
	bad_element("element.kernel", word(KERNEL, 0, WORD));
	bad_element("element.other value", word(&words[1], 1, WORD));
	bad_element("element.value of 64 bits",
		(struct futex_waitv){
			.uaddr = (unsigned)&words[1], .val = 1ull << 32 | 1, .flags = WORD});
}

static void test_timeouts(void)
{
	struct time64 t = soon(CLOCK_MONOTONIC);

	make_list(words, WORD);
	answer("timeout.monotonic", waitv(list, FUTEX_WAITV_MAX, 0, &t, CLOCK_MONOTONIC));
	t = soon(CLOCK_REALTIME);
	answer("timeout.real", waitv(list, 2, 0, &t, CLOCK_REALTIME));
	answer("timeout.nobody waits any more",
		syscall(SYS_futex, &words[0], FUTEX_WAKE_PRIVATE, 9));
}

/* --- Woken by another --- */

struct wake {
	volatile unsigned *at;
	int op, result;
};

static void *wake_thread(void *arg)
{
	struct wake *w = arg;

	while (!(w->result = syscall(SYS_futex, w->at, w->op, 9)))
		usleep(1000);
	return NULL;
}

static void woken(const char *name, volatile unsigned *at, int op, unsigned n)
{
	struct wake w = {.at = at, .op = op};
	pthread_t t;

	if (pthread_create(&t, NULL, wake_thread, &w))
		die("pthread_create");
	answer(name, waitv(list, n, 0, NULL, 0));
	pthread_join(t, NULL);
	say(name, "%d woken", w.result);
}

static void test_woken(void)
{
	unsigned *shared =
		mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	make_list(words, WORD);
	woken("woken.first", &words[0], FUTEX_WAKE_PRIVATE, 3);
	woken("woken.last", &words[FUTEX_WAITV_MAX - 1], FUTEX_WAKE_PRIVATE, FUTEX_WAITV_MAX);
	list[1] = list[4];
	woken("woken.a word twice", &words[4], FUTEX_WAKE_PRIVATE, 5);
	make_list(shared, FUTEX_32);
	woken("woken.shared", &shared[2], FUTEX_WAKE, 4);
}

/* --- Signals --- */

/* A call that begins again does not wait if the word has changed. */
static void on_alarm(int sig)
{
	if (changes)
		words[1] = 1;
}

static void interrupted(const char *name, int flags, bool timed)
{
	static const struct itimerval never, often = {{.tv_usec = 20000}, {.tv_usec = 20000}};
	struct sigaction action = {.sa_handler = on_alarm, .sa_flags = flags};
	struct time64 t = soon(CLOCK_MONOTONIC);

	t.sec += 1000;
	words[1] = 0;
	make_list(words, WORD);
	changes = flags & SA_RESTART;
	sigaction(SIGALRM, &action, NULL);
	setitimer(ITIMER_REAL, &often, NULL);
	answer(name, waitv(list, 2, 0, timed ? &t : NULL, CLOCK_MONOTONIC));
	setitimer(ITIMER_REAL, &never, NULL);
}

int main(void)
{
	test_errors();
	test_timeouts();
	test_woken();
	interrupted("signal.ends it", 0, false);
	interrupted("signal.begins it again", SA_RESTART, false);
	interrupted("signal.with a time", SA_RESTART, true);
	return test_failed;
}
