/* Record locks that wait in a circle which nobody has seen: the threads of one process wait for two
 * others, of which only one is looked at. Who comes later must not follow it for ever. */
#include "tests/user/test.h"
#include <pthread.h>
#include <sys/time.h>

#define FILE_NAME "/tmp/locks_cycle"

static int fd, back[2];

static long lock(int cmd, short type, off_t at)
{
	struct flock l = {.l_type = type, .l_whence = SEEK_SET, .l_start = at, .l_len = 1};

	return fcntl(fd, cmd, &l);
}

static void nothing(int sig)
{
	(void)sig;
}

/* Has the lock of `own`, and then waits for that of `other`; -1: for nothing. */
static pid_t holder(off_t own, off_t other, int delay)
{
	char c = 0;
	pid_t pid = fork();

	if (pid) {
		(void)!read(back[0], &c, 1);
		return pid;
	}
	if (lock(F_SETLK, F_WRLCK, own))
		die("lock");
	(void)!write(back[1], &c, 1);
	usleep(delay);
	if (other >= 0)
		lock(F_SETLKW, F_WRLCK, other);
	for (;;)
		pause();
}

static void *wait_for(void *at)
{
	return (void *)lock(F_SETLKW, F_WRLCK, (intptr_t)at);
}

int main(void)
{
	struct sigaction act = {.sa_handler = nothing};
	struct itimerval second = {.it_value = {0, 500000}};
	pid_t b, c, d;
	pthread_t t1, t2;
	int status;

	alarm(20);
	sigaction(SIGUSR1, &act, NULL);
	fd = open(FILE_NAME, O_RDWR | O_CREAT, 0600);
	if (fd < 0 || pipe(back) || lock(F_SETLK, F_WRLCK, 3))
		die(FILE_NAME);
	b = holder(1, -1, 0);
	c = holder(2, 3, 300000);
	pthread_create(&t2, NULL, wait_for, (void *)2);
	usleep(100000);
	pthread_create(&t1, NULL, wait_for, (void *)1);
	usleep(400000); /* c waits, and has seen t1 only */
	pthread_kill(t1, SIGUSR1);
	pthread_join(t1, NULL);
	say("circle", "is closed");
	d = fork();
	if (!d) {
		sigaction(SIGALRM, &act, NULL);
		setitimer(ITIMER_REAL, &second, NULL);
		answer("later", lock(F_SETLKW, F_WRLCK, 3));
		_exit(0);
	}
	waitpid(d, &status, 0);
	kill(b, SIGKILL);
	kill(c, SIGKILL);
	unlink(FILE_NAME);
	return 0;
}
