/* Signals for a process of which one thread is exiting: that one takes none any more, so another
 * must, and the process must die of what kills it. A thread that alone has a pipe open takes as long
 * to exit as somebody fills it: splice(2) from a terminal, until that has a line. */
#include "tests/user/test.h"
#include <pthread.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mount.h>

static int terminal, line, ends[2], extra;

static void open_terminal(void)
{
	int n, unlocked = 0;
	char name[32];

	terminal = posix_openpt(O_RDWR | O_NOCTTY);
	if (terminal < 0 || ioctl(terminal, TIOCSPTLCK, &unlocked) || ioctl(terminal, TIOCGPTN, &n))
		die("posix_openpt");
	sprintf(name, "/dev/pts/%d", n);
	line = open(name, O_RDWR | O_NOCTTY);
	if (line < 0 || pipe(ends))
		die(name);
	sprintf(name, "/proc/self/fd/%d", ends[0]);
	extra = open(name, O_RDONLY);
	if (extra < 0)
		die(name);
}

static void *fill_pipe(void *arg)
{
	sigset_t set;

	sigfillset(&set);
	pthread_sigmask(SIG_SETMASK, &set, NULL);
	splice(line, NULL, ends[1], NULL, PAGE, 0);
	return arg;
}

static void begin_filling(void)
{
	pthread_t thread;

	open_terminal();
	pthread_create(&thread, NULL, fill_pipe, NULL);
	usleep(50000);
}

static void end_filling(void)
{
	if (write(terminal, "x\n", 2) != 2)
		die("terminal");
}

static void unblock_all(void)
{
	sigset_t set;

	sigemptyset(&set);
	pthread_sigmask(SIG_SETMASK, &set, NULL);
}

static volatile bool unshared, alone;

static void *slow_exit(void *arg)
{
	unblock_all();
	if (unshare(CLONE_FILES))
		die("unshare");
	unshared = true;
	while (!alone)
		usleep(1000);
	syscall(SYS_exit, 0);
	return arg;
}

static volatile pid_t taker;

static void took(int sig)
{
	(void)sig;
	taker = syscall(SYS_gettid);
}

static volatile pid_t waiter_tid;

static void *waiter(void *arg)
{
	unblock_all();
	waiter_tid = syscall(SYS_gettid);
	pause();
	return arg;
}

/* The one that exits has the pipe's last file; waits until it has begun to. */
static void let_it_exit(void)
{
	while (!unshared)
		usleep(1000);
	close(extra);
	alone = true;
	usleep(150000);
}

/* The first thread blocks the signal, the second exits, the third waits for it. */
static void another_takes_it(void)
{
	pthread_t thread, other;
	sigset_t set;

	signal(SIGUSR1, took);
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigprocmask(SIG_BLOCK, &set, NULL);
	begin_filling();
	pthread_create(&other, NULL, slow_exit, NULL);
	pthread_create(&thread, NULL, waiter, NULL);
	let_it_exit();
	kill(getpid(), SIGUSR1);
	usleep(50000);
	check("another_takes_it", taker == waiter_tid);
	end_filling();
	if (taker != waiter_tid)
		_exit(1);
	pthread_join(thread, NULL);
}

/* The first thread is the one that exits. */
static void *kills(void *arg)
{
	let_it_exit();
	kill(getpid(), *(int *)arg);
	usleep(100000);
	say("kill", "lives");
	return arg;
}

static void killed_by(const char *name, int sig)
{
	pid_t pid = fork();
	pthread_t thread;
	int status;

	if (!pid) {
		begin_filling();
		pthread_create(&thread, NULL, kills, &sig);
		slow_exit(NULL);
	}
	waitpid(pid, &status, 0);
	answer_status(name, status);
}

int main(void)
{
	alarm(20);
	if (access("/dev/pts/ptmx", F_OK)) {
		mkdir("/dev/pts", 0755);
		if (mount("devpts", "/dev/pts", "devpts", 0, "gid=5,mode=620"))
			die("mount");
	}
	killed_by("sigterm", SIGTERM);
	killed_by("sigkill", SIGKILL);
	another_takes_it();
	return test_failed;
}
