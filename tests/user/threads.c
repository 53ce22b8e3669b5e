/* Threads: clone's memory and descriptors shared, futexes, thread-local data, signals, endings. */
#include "tests/user/test.h"
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <time.h>

#define THREADS 8

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
static __thread int own = 7;
static int total, turn;

static long futex(volatile int *word, int op, int value, const struct timespec *timeout)
{
	return syscall(SYS_futex, word, op, value, timeout, NULL, 0);
}

static void start(pthread_t *t, void *(*body)(void *), void *arg)
{
	if (pthread_create(t, NULL, body, arg))
		die("pthread_create");
}

static void *add(void *arg)
{
	own += (intptr_t)arg;
	for (int i = 0; i < 1000; i++) {
		pthread_mutex_lock(&mutex);
		total++;
		pthread_mutex_unlock(&mutex);
		if (i % 100 == 0)
			sched_yield();
	}
	return (void *)(intptr_t)own;
}

static void counting(void)
{
	pthread_t threads[THREADS];
	void *result;
	int sum = 0;

	for (int i = 0; i < THREADS; i++)
		start(&threads[i], add, (void *)(intptr_t)i);
	for (int i = 0; i < THREADS; i++) {
		pthread_join(threads[i], &result);
		sum += (intptr_t)result;
	}
	say("mutex", "%d", total);
	say("thread_local", "%d in threads, %d here", sum, own);
}

static void *ping(void *arg)
{
	int me = (intptr_t)arg;

	pthread_mutex_lock(&mutex);
	for (int i = 0; i < 200; i++) {
		while (turn % 2 != me)
			pthread_cond_wait(&cond, &mutex);
		turn++;
		pthread_cond_broadcast(&cond);
	}
	pthread_mutex_unlock(&mutex);
	return NULL;
}

static void alternating(void)
{
	pthread_t a, b;

	start(&a, ping, (void *)0);
	start(&b, ping, (void *)1);
	pthread_join(a, NULL);
	pthread_join(b, NULL);
	say("cond", "%d", turn);
}

static volatile int word;

static void *wake_later(void *arg)
{
	usleep(20000);
	word = 1;
	futex(&word, FUTEX_WAKE, 1, NULL);
	return NULL;
}

static void futexes(void)
{
	struct timespec short_time = {0, 10000000}, bad = {0, 1000000000};
	pthread_t t;

	answer("futex.value_differs", futex(&word, FUTEX_WAIT, 5, NULL));
	answer("futex.timeout", futex(&word, FUTEX_WAIT, 0, &short_time));
	answer("futex.bad_timeout", futex(&word, FUTEX_WAIT, 0, &bad));
	answer("futex.nobody_to_wake", futex(&word, FUTEX_WAKE, 10, NULL));
	answer("futex.unaligned", futex((int *)((char *)&word + 1), FUTEX_WAIT, 0, NULL));
	answer("futex.unmapped", futex((int *)FREE_AREA, FUTEX_WAIT, 0, NULL));
	answer("futex.kernel", futex((int *)KERNEL, FUTEX_WAIT, 0, NULL));
	answer("futex.unknown", futex(&word, 99, 0, NULL));
	start(&t, wake_later, NULL);
	while (word == 0)
		if (futex(&word, FUTEX_WAIT, 0, NULL) && errno != EAGAIN)
			test_failed = true;
	say("futex.woken", "%d", word);
	pthread_join(t, NULL);
}

/* A futex in shared memory is the same for both processes. */
static void between_processes(void)
{
	volatile int *p =
		mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pid_t pid = fork();

	if (pid == 0) {
		usleep(20000);
		*p = 1;
		_exit(futex(p, FUTEX_WAKE, 1, NULL) < 0);
	}
	while (*p == 0)
		futex(p, FUTEX_WAIT, 0, NULL);
	waitpid(pid, NULL, 0);
	say("futex.shared", "%d", *p);
}

static void *open_something(void *arg)
{
	chdir("/");
	return (void *)(intptr_t)open("/dev/null", O_RDONLY);
}

static void sharing(void)
{
	char cwd[256];
	pthread_t t;
	void *fd;

	start(&t, open_something, NULL);
	pthread_join(t, &fd);
	answer("shared.descriptor", fcntl((intptr_t)fd, F_GETFD));
	say("shared.cwd", "%s", getcwd(cwd, sizeof(cwd)));
	close((intptr_t)fd);
}

static volatile int handled_by;

static void handler(int sig)
{
	handled_by = syscall(SYS_gettid);
}

static volatile int thread_id, finish;

static void *wait_for_signal(void *arg)
{
	thread_id = syscall(SYS_gettid);
	while (!finish)
		usleep(2000);
	return NULL;
}

static void signalling(void)
{
	sigset_t set;
	pthread_t t;

	signal(SIGUSR1, handler);
	start(&t, wait_for_signal, NULL);
	while (!thread_id)
		usleep(1000);
	pthread_kill(t, SIGUSR1);
	while (!handled_by)
		usleep(1000);
	check("signal.to_thread", handled_by == thread_id && thread_id != getpid());
	handled_by = 0;
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	kill(getpid(), SIGUSR1);
	while (!handled_by)
		usleep(1000);
	check("signal.to_the_one_that_takes_it", handled_by == thread_id);
	say("status.threads", "%ld", status_value("Threads"));
	finish = 1;
	pthread_join(t, NULL);
	pthread_sigmask(SIG_UNBLOCK, &set, NULL);
}

/* --- How a process with threads ends --- */

static void *sleep_forever(void *arg)
{
	while (true)
		pause();
	return NULL;
}

static void *end_all(void *arg)
{
	usleep(10000);
	_exit(21);
}

static void *crash(void *arg)
{
	do_write(NULL);
	return NULL;
}

static void *end_thread(void *arg)
{
	usleep(20000);
	say("end.other_thread", "still runs");
	exit(23);
}

static void *exec_from_thread(void *arg)
{
	char *argv[] = {"x", "after_exec", NULL};

	execve("/proc/self/exe", argv, argv + 2);
	return NULL;
}

static void *(*body_of_second)(void *);

static void with_second_thread(void)
{
	pthread_t a, b;

	signal(SIGSEGV, SIG_DFL);
	start(&a, sleep_forever, NULL);
	start(&b, body_of_second, NULL);
	if (body_of_second == end_thread)
		syscall(SYS_exit, 9); /* only the first thread */
	for (;;)
		pause();
}

static void endings(void)
{
	body_of_second = end_all;
	answer_status("end.exit_group", in_child(with_second_thread));
	body_of_second = crash;
	answer_status("end.crash", in_child(with_second_thread));
	body_of_second = end_thread;
	answer_status("end.first_thread_first", in_child(with_second_thread));
	body_of_second = exec_from_thread;
	answer_status("end.exec", in_child(with_second_thread));
}

static void *fork_here(void *arg)
{
	int status;
	pid_t pid = fork();

	if (pid == 0)
		_exit(status_value("Threads") == 1 ? 5 : 6);
	waitpid(pid, &status, 0);
	answer_status("fork.in_thread", status);
	return NULL;
}

static void forking(void)
{
	pthread_t a, b;

	start(&a, sleep_forever, NULL);
	start(&b, fork_here, NULL);
	pthread_join(b, NULL);
}

int main(int argc, char **argv)
{
	if (argc > 1) {
		say("exec", "%ld thread, %s", status_value("Threads"),
			syscall(SYS_gettid) == getpid() ? "the leader" : "not the leader");
		return 31;
	}
	counting();
	alternating();
	futexes();
	between_processes();
	signalling();
	endings();
	isolated("fork", forking);
	sharing();
	return test_failed;
}
