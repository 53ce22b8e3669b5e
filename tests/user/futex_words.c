/* futex(2): whom a requeue of all wakes and moves, and what becomes of a lock whose owner dies on
 * the way. */
#include "tests/user/test.h"
#include <limits.h>
#include <linux/futex.h>
#include <pthread.h>

#define WAITERS 4

static uint32_t word, word2;

static long futex(uint32_t *at, int op, uint32_t val, long val2, uint32_t *at2, uint32_t val3)
{
	return syscall(SYS_futex, at, op, val, val2, at2, val3);
}

static void *wait_at_word(void *arg)
{
	return (void *)(futex(arg, FUTEX_WAIT, 0, 0, NULL, 0) ? (long)errno : 0);
}

static void start(pthread_t t[WAITERS])
{
	for (int i = 0; i < WAITERS; i++)
		pthread_create(&t[i], NULL, wait_at_word, &word);
	usleep(100000);
}

static void join(pthread_t t[WAITERS])
{
	for (int i = 0; i < WAITERS; i++)
		pthread_join(t[i], NULL);
}

static void requeue(const char *name, int wake, int move)
{
	pthread_t t[WAITERS];

	start(t);
	answer(name, futex(&word, FUTEX_CMP_REQUEUE, wake, move, &word2, 0));
	say(name, "%ld at the first, %ld at the second", futex(&word, FUTEX_WAKE, INT_MAX, 0, NULL, 0),
		futex(&word2, FUTEX_WAKE, INT_MAX, 0, NULL, 0));
	join(t);
}

/* --- A lock that was given back, but nobody told --- */

static struct {
	struct robust_list_head head;
	struct robust_list entry;
	uint32_t lock;
} robust;

static void *die_unlocking(void *arg)
{
	robust.head = (struct robust_list_head){
		.list = {&robust.head.list},
		.futex_offset = (char *)&robust.lock - (char *)&robust.entry,
		.list_op_pending = &robust.entry,
	};
	syscall(SYS_set_robust_list, &robust.head, sizeof(robust.head));
	usleep(100000); /* somebody waits */
	syscall(SYS_exit, 0);
	return arg;
}

static void unlocked(void)
{
	struct timespec second = {1, 0};
	pthread_t t;

	pthread_create(&t, NULL, die_unlocking, NULL);
	answer("robust.pending", syscall(SYS_futex, &robust.lock, FUTEX_WAIT, 0, &second, NULL, 0));
	pthread_join(t, NULL);
}

int main(void)
{
	alarm(20);
	requeue("requeue.one_all", 1, INT_MAX);
	requeue("requeue.all_all", INT_MAX, INT_MAX);
	requeue("requeue.none_two", 0, 2);
	requeue("requeue.two_one", 2, 1);
	unlocked();
	return test_failed;
}
