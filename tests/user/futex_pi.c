/* Locks that the kernel hands over: FUTEX_LOCK_PI and its relatives, and mutexes made of them. */
#include "tests/user/test.h"

#include <linux/futex.h>
#include <pthread.h>
#include <time.h>

#define PRIVATE FUTEX_PRIVATE_FLAG

static volatile unsigned word, word2;
static pthread_mutex_t mutex;

static long futex(volatile unsigned *at, int op, unsigned val, const void *time,
	volatile unsigned *at2, unsigned val3)
{
	return syscall(SYS_futex, at, op, val, time, at2, val3);
}

/* The word without thread ids. */
static void show_word(const char *what, unsigned value)
{
	unsigned tid = value & FUTEX_TID_MASK;

	say(what, "%s%s%s",
		tid == 0		    ? "free"
		: tid == (unsigned)gettid() ? "mine"
					    : "another's",
		value & FUTEX_WAITERS ? ", waiters" : "",
		value & FUTEX_OWNER_DIED ? ", owner died" : "");
}

static struct timespec soon(int clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	t.tv_nsec += 20000000;
	if (t.tv_nsec >= 1000000000) {
		t.tv_nsec -= 1000000000;
		t.tv_sec++;
	}
	return t;
}

static void start(pthread_t *t, void *(*body)(void *))
{
	if (pthread_create(t, NULL, body, NULL))
		die("pthread_create");
}

static void wait_for(unsigned bits)
{
	while ((word & bits) != bits)
		usleep(1000);
}

/* --- One thread --- */

static void test_alone(void)
{
	unsigned *shared = mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	answer("alone.lock", futex(&word, FUTEX_LOCK_PI | PRIVATE, 0, NULL, NULL, 0));
	show_word("alone.locked", word);
	answer("alone.again", futex(&word, FUTEX_LOCK_PI | PRIVATE, 0, NULL, NULL, 0));
	answer("alone.try_again", futex(&word, FUTEX_TRYLOCK_PI | PRIVATE, 0, NULL, NULL, 0));
	answer("alone.unlock", futex(&word, FUTEX_UNLOCK_PI | PRIVATE, 0, NULL, NULL, 0));
	show_word("alone.unlocked", word);
	answer("alone.unlock_free", futex(&word, FUTEX_UNLOCK_PI | PRIVATE, 0, NULL, NULL, 0));
	answer("alone.try", futex(&word, FUTEX_TRYLOCK_PI | PRIVATE, 0, NULL, NULL, 0));
	show_word("alone.tried", word);
	word = 0;
	word = 0x3ffffff0;
	answer("alone.nobody", futex(&word, FUTEX_LOCK_PI | PRIVATE, 0, NULL, NULL, 0));
	answer("alone.nobody_try", futex(&word, FUTEX_TRYLOCK_PI | PRIVATE, 0, NULL, NULL, 0));
	word = FUTEX_OWNER_DIED;
	answer("alone.died", futex(&word, FUTEX_LOCK_PI | PRIVATE, 0, NULL, NULL, 0));
	show_word("alone.died", word);
	word = 0;
	answer("alone.lock_2", futex(&word, FUTEX_LOCK_PI2 | PRIVATE, 0, NULL, NULL, 0));
	word = 0;
	answer("alone.unaligned",
		futex((void *)((char *)&word + 1), FUTEX_LOCK_PI | PRIVATE, 0, NULL, NULL, 0));
	answer("alone.fault", futex((void *)4, FUTEX_LOCK_PI | PRIVATE, 0, NULL, NULL, 0));
	answer("alone.fault_unlock", futex((void *)4, FUTEX_UNLOCK_PI | PRIVATE, 0, NULL, NULL, 0));
	answer("alone.read_only", futex(shared, FUTEX_LOCK_PI | PRIVATE, 0, NULL, NULL, 0));
	answer("alone.clock", futex(&word, FUTEX_LOCK_PI | FUTEX_CLOCK_REALTIME, 0, NULL, NULL, 0));
	answer("alone.clock_2",
		futex(&word, FUTEX_LOCK_PI2 | FUTEX_CLOCK_REALTIME | PRIVATE, 0, NULL, NULL, 0));
	word = 0;
	munmap(shared, PAGE);
	shared = (void *)map_anon(PAGE);
	answer("alone.new_page", futex(shared, FUTEX_LOCK_PI | PRIVATE, 0, NULL, NULL, 0));
	show_word("alone.new_page", *shared);
	answer("alone.requeue_same",
		futex(&word, FUTEX_CMP_REQUEUE_PI | PRIVATE, 1, (void *)1, &word, 0));
	answer("alone.requeue_two",
		futex(&word, FUTEX_CMP_REQUEUE_PI | PRIVATE, 2, (void *)1, &word2, 0));
	answer("alone.requeue_value",
		futex(&word, FUTEX_CMP_REQUEUE_PI | PRIVATE, 1, (void *)1, &word2, 5));
	answer("alone.requeue_none",
		futex(&word, FUTEX_CMP_REQUEUE_PI | PRIVATE, 1, (void *)1, &word2, 0));
	answer("alone.wait_same", futex(&word, FUTEX_WAIT_REQUEUE_PI | PRIVATE, 0, NULL, &word, 0));
	answer("alone.wait_value",
		futex(&word, FUTEX_WAIT_REQUEUE_PI | PRIVATE, 9, NULL, &word2, 0));
}

/* --- Handing over --- */

static void *locker(void *arg)
{
	long err = futex(&word, FUTEX_LOCK_PI | PRIVATE, 0, NULL, NULL, 0);

	answer("locker.lock", err);
	show_word("locker.word", word);
	usleep(5000);
	return (void *)futex(&word, FUTEX_UNLOCK_PI | PRIVATE, 0, NULL, NULL, 0);
}

/* Ends with the lock. */
static void *holder(void *arg)
{
	futex(&word, FUTEX_LOCK_PI | PRIVATE, 0, NULL, NULL, 0);
	wait_for(FUTEX_WAITERS);
	usleep(20000);
	return NULL;
}

static void *prober(void *arg)
{
	struct timespec t = soon(CLOCK_REALTIME);

	answer("prober.try", futex(&word, FUTEX_TRYLOCK_PI | PRIVATE, 0, NULL, NULL, 0));
	answer("prober.unlock", futex(&word, FUTEX_UNLOCK_PI | PRIVATE, 0, NULL, NULL, 0));
	answer("prober.time", futex(&word, FUTEX_LOCK_PI | PRIVATE, 0, &t, NULL, 0));
	t = soon(CLOCK_MONOTONIC);
	answer("prober.time_2", futex(&word, FUTEX_LOCK_PI2 | PRIVATE, 0, &t, NULL, 0));
	t = (struct timespec){1, 2000000000};
	answer("prober.bad_time", futex(&word, FUTEX_LOCK_PI | PRIVATE, 0, &t, NULL, 0));
	return NULL;
}

static void test_handing(void)
{
	pthread_t t, u;
	void *unlocked;
	long err;

	word = 0;
	futex(&word, FUTEX_LOCK_PI | PRIVATE, 0, NULL, NULL, 0);
	start(&t, prober);
	pthread_join(t, NULL);
	show_word("handing.probed", word);
	answer("handing.unlock", futex(&word, FUTEX_UNLOCK_PI | PRIVATE, 0, NULL, NULL, 0));
	show_word("handing.unlocked", word);
	futex(&word, FUTEX_LOCK_PI | PRIVATE, 0, NULL, NULL, 0);
	start(&t, locker);
	wait_for(FUTEX_WAITERS);
	usleep(5000);
	answer("handing.wake", futex(&word, FUTEX_WAKE | PRIVATE, 1, NULL, NULL, 0));
	answer("handing.requeue", futex(&word, FUTEX_REQUEUE | PRIVATE, 1, (void *)1, &word2, 0));
	err = futex(&word, FUTEX_UNLOCK_PI | PRIVATE, 0, NULL, NULL, 0);
	answer("handing.back", futex(&word, FUTEX_LOCK_PI | PRIVATE, 0, NULL, NULL, 0));
	answer("handing.unlock", err);
	pthread_join(t, &unlocked);
	answer("locker.unlock", (long)unlocked);
	show_word("handing.word", word);
	answer("handing.end", futex(&word, FUTEX_UNLOCK_PI | PRIVATE, 0, NULL, NULL, 0));
	show_word("handing.free", word);

	start(&u, holder);
	while (!word)
		usleep(1000);
	answer("dead.lock", futex(&word, FUTEX_LOCK_PI | PRIVATE, 0, NULL, NULL, 0));
	show_word("dead.word", word);
	pthread_join(u, NULL);
	answer("dead.unlock", futex(&word, FUTEX_UNLOCK_PI | PRIVATE, 0, NULL, NULL, 0));
	show_word("dead.free", word);
}

/* --- Between processes --- */

static void test_shared(void)
{
	volatile unsigned *shared =
		mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		futex(shared, FUTEX_LOCK_PI, 0, NULL, NULL, 0);
		while (!(*shared & FUTEX_WAITERS))
			usleep(1000);
		usleep(20000);
		_exit(0);
	}
	while (!*shared)
		usleep(1000);
	answer("shared.lock", futex(shared, FUTEX_LOCK_PI, 0, NULL, NULL, 0));
	show_word("shared.word", *shared);
	waitpid(pid, &status, 0);
	answer("shared.unlock", futex(shared, FUTEX_UNLOCK_PI, 0, NULL, NULL, 0));
	munmap((void *)shared, PAGE);
}

/* --- Waiting for a word and then for a lock --- */

static volatile int waiting, got;

static void *requeued(void *arg)
{
	__sync_fetch_and_add(&waiting, 1);
	if (futex(&word2, FUTEX_WAIT_REQUEUE_PI | PRIVATE, 0, NULL, &word, 0))
		answer("requeue.wait", -1);
	__sync_fetch_and_add(&got, (word & FUTEX_TID_MASK) == (unsigned)gettid());
	futex(&word, FUTEX_UNLOCK_PI | PRIVATE, 0, NULL, NULL, 0);
	return NULL;
}

static void test_requeue(void)
{
	struct timespec time = soon(CLOCK_MONOTONIC);
	pthread_t t[3];

	answer("requeue.time", futex(&word2, FUTEX_WAIT_REQUEUE_PI | PRIVATE, 0, &time, &word, 0));
	for (int i = 0; i < 3; i++)
		start(&t[i], requeued);
	while (waiting < 3)
		usleep(1000);
	usleep(20000);
	answer("requeue.wake", futex(&word2, FUTEX_WAKE | PRIVATE, 1, NULL, NULL, 0));
	answer("requeue.other_lock", futex(&word2, FUTEX_CMP_REQUEUE_PI | PRIVATE, 1, (void *)9,
					     (unsigned *)&waiting + 1, 0));
	futex(&word, FUTEX_LOCK_PI | PRIVATE, 0, NULL, NULL, 0);
	answer("requeue.one", futex(&word2, FUTEX_CMP_REQUEUE_PI | PRIVATE, 1, NULL, &word, 0));
	show_word("requeue.word", word);
	answer("requeue.all",
		futex(&word2, FUTEX_CMP_REQUEUE_PI | PRIVATE, 1, (void *)9, &word, 0));
	answer("requeue.unlock", futex(&word, FUTEX_UNLOCK_PI | PRIVATE, 0, NULL, NULL, 0));
	for (int i = 0; i < 3; i++)
		pthread_join(t[i], NULL);
	say("requeue.owners", "%d", got);
	show_word("requeue.free", word);
	waiting = 0;
	start(&t[0], requeued);
	while (waiting < 1)
		usleep(1000);
	usleep(20000);
	answer("requeue.free_lock",
		futex(&word2, FUTEX_CMP_REQUEUE_PI | PRIVATE, 1, (void *)9, &word, 0));
	pthread_join(t[0], NULL);
	say("requeue.owners", "%d", got);
}

/* --- Mutexes --- */

static void make_mutex(int robust)
{
	pthread_mutexattr_t a;

	pthread_mutexattr_init(&a);
	pthread_mutexattr_setprotocol(&a, PTHREAD_PRIO_INHERIT);
	if (robust)
		pthread_mutexattr_setrobust(&a, PTHREAD_MUTEX_ROBUST);
	pthread_mutex_init(&mutex, &a);
}

static int counter;

static void *count(void *arg)
{
	for (int i = 0; i < 2000; i++) {
		pthread_mutex_lock(&mutex);
		int seen = counter;

		if (i % 500 == 0)
			usleep(1000);
		counter = seen + 1;
		pthread_mutex_unlock(&mutex);
	}
	return NULL;
}

static volatile int ready;

static void *die_with_it(void *arg)
{
	pthread_mutex_lock(&mutex);
	ready = 1;
	usleep(20000);
	return NULL;
}

static void *hold_it(void *arg)
{
	pthread_mutex_lock(&mutex);
	for (ready = 1; ready;)
		usleep(1000);
	pthread_mutex_unlock(&mutex);
	return NULL;
}

static void test_mutex(void)
{
	struct timespec time;
	pthread_t t[6];

	make_mutex(0);
	for (int i = 0; i < 6; i++)
		start(&t[i], count);
	for (int i = 0; i < 6; i++)
		pthread_join(t[i], NULL);
	say("mutex.counter", "%d", counter);
	start(&t[0], hold_it);
	while (!ready)
		usleep(1000);
	time = soon(CLOCK_REALTIME);
	say("mutex.timed", "%s", errno_name(pthread_mutex_timedlock(&mutex, &time)));
	say("mutex.try", "%s", errno_name(pthread_mutex_trylock(&mutex)));
	ready = 0;
	say("mutex.lock", "%d", pthread_mutex_lock(&mutex));
	pthread_join(t[0], NULL);
	pthread_mutex_unlock(&mutex);
	make_mutex(1);
	for (int i = 0; i < 2; i++) {
		ready = 0;
		start(&t[0], die_with_it);
		while (!ready)
			usleep(1000);
		if (i)
			pthread_join(t[0], NULL);
		say("robust.lock", "%s", errno_name(pthread_mutex_lock(&mutex)));
		say("robust.consistent", "%d", pthread_mutex_consistent(&mutex));
		say("robust.unlock", "%d", pthread_mutex_unlock(&mutex));
		if (!i)
			pthread_join(t[0], NULL);
	}
	say("robust.again", "%d", pthread_mutex_lock(&mutex));
}

int main(void)
{
	alarm(60);
	test_alone();
	test_handing();
	test_shared();
	word = word2 = 0;
	test_requeue();
	test_mutex();
	return test_failed;
}
