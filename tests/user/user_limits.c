/* What all the processes of one user may make the kernel hold together: signals that wait,
 * processes and threads, descriptors under way in messages, pages of pipes, files watched by epoll. */
#include "tests/user/test.h"
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#define USER 4321

/* In a process of the user's. */
static void as_user(void (*body)(void))
{
	pid_t pid = fork();
	int status;

	if (!pid) {
		if (setresgid(USER, USER, USER) || setresuid(USER, USER, USER))
			die("setresuid");
		body();
		_exit(0);
	}
	if (waitpid(pid, &status, 0) != pid || status)
		die("as_user");
}

static void limit(int which, rlim_t n)
{
	struct rlimit l = {n, n};

	if (setrlimit(which, &l))
		die("setrlimit");
}

static void set_number(const char *path, int n)
{
	FILE *f = fopen(path, "we");

	if (!f || fprintf(f, "%d\n", n) < 0 || fclose(f))
		die(path);
}

static int get_number(const char *path)
{
	FILE *f = fopen(path, "re");
	int n = -1;

	if (!f || fscanf(f, "%d", &n) != 1)
		die(path);
	fclose(f);
	return n;
}

/* --- Signals --- */

static void block_all(void)
{
	sigset_t set;

	sigfillset(&set);
	sigprocmask(SIG_SETMASK, &set, NULL);
}

/* How many can be queued for the caller. */
static int queue_many(int most)
{
	union sigval v = {.sival_int = 1};
	int n = 0;

	while (n < most && !sigqueue(getpid(), SIGRTMIN, v))
		n++;
	return n;
}

static void take(const char *name, int sig)
{
	struct timespec now = {0, 0};
	siginfo_t info;
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, sig);
	if (sigtimedwait(&set, &info, &now) < 0)
		answer(name, -1);
	else
		say(name, "code %d%s", info.si_code,
			info.si_pid == getpid() ? " of itself" : info.si_pid ? "" : " of nobody");
}

static void signals_of_user(void)
{
	int ready[2], n;
	char c;
	pid_t pid;

	block_all();
	limit(RLIMIT_SIGPENDING, 6);
	if (pipe(ready))
		die("pipe");
	pid = fork();
	if (!pid) {
		say("signals.first", "%d", queue_many(4));
		(void)!write(ready[1], "", 1);
		block_all();
		for (;;)
			sleep(100);
	}
	(void)!read(ready[0], &c, 1);
	say("signals.second", "%d", queue_many(10));
	answer("signals.kill_rt", kill(getpid(), SIGRTMIN + 1));
	answer("signals.kill", kill(getpid(), SIGUSR1));
	answer("signals.tgkill", syscall(SYS_tgkill, getpid(), getpid(), SIGUSR2));
	take("signals.kill_rt", SIGRTMIN + 1);
	take("signals.kill", SIGUSR1);
	take("signals.tgkill", SIGUSR2);
	for (n = 0; n < 2; n++)
		take("signals.queued", SIGRTMIN);
	say("signals.again", "%d", queue_many(10));
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	say("signals.others_gone", "%d", queue_many(10));
}

static void timers_of_user(void)
{
	struct sigevent e = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1};
	timer_t id;
	int n = 0;

	block_all();
	limit(RLIMIT_SIGPENDING, 6);
	if (!fork()) {
		say("timers.queued", "%d", queue_many(2));
		while (n < 10 && !timer_create(CLOCK_MONOTONIC, &e, &id))
			n++;
		say("timers", "%d, then %s", n, errno_name(errno));
		_exit(0);
	}
	wait(NULL);
	say("timers.all_given_back", "%d", queue_many(10));
}

/* --- Processes and threads --- */

static void *wait_for_ever(void *arg)
{
	for (;;)
		pause();
	return arg;
}

static void threads_of_user(void)
{
	pthread_attr_t attr;
	pthread_t thread;
	pid_t pid = -1;
	int n = 0;

	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, 65536);
	limit(RLIMIT_NPROC, 5);
	while (n < 10 && !pthread_create(&thread, &attr, wait_for_ever, NULL))
		n++;
	say("threads", "%d more", n);
	answer("threads.fork", pid = fork());
	if (!pid)
		_exit(0);
	limit(RLIMIT_NPROC, 4);
	execl("/proc/self/exe", "user_limits", "threads.exec", NULL);
	answer("threads.exec", -1);
}

static pid_t sleeper(void)
{
	pid_t pid = fork();

	if (!pid) {
		if (setresuid(USER, USER, USER))
			die("setresuid");
		for (;;)
			pause();
	}
	return pid;
}

/* Who becomes the user when he has too many already cannot become another program. */
static void exec_of_too_many(void)
{
	pid_t others[2] = {sleeper(), sleeper()}, pid;
	int go[2];
	char c;

	if (pipe(go))
		die("pipe");
	usleep(100000);
	pid = fork();
	if (!pid) {
		limit(RLIMIT_NPROC, 1);
		answer("exec.setuid", setresuid(USER, USER, USER));
		execl("/proc/self/exe", "user_limits", "exec.too_many", NULL);
		answer("exec.too_many", -1);
		(void)!read(go[0], &c, 1);
		execl("/proc/self/exe", "user_limits", "exec.fewer", NULL);
		answer("exec.fewer", -1);
		_exit(0);
	}
	usleep(100000);
	for (int i = 0; i < 2; i++) {
		kill(others[i], SIGKILL);
		waitpid(others[i], NULL, 0);
	}
	(void)!write(go[1], "", 1);
	waitpid(pid, NULL, 0);
}

/* --- Descriptors in messages --- */

static long send_fd(int sock, int fd)
{
	char control[CMSG_SPACE(sizeof(int))] = {0}, byte = 0;
	struct iovec iov = {&byte, 1};
	struct msghdr m = {.msg_iov = &iov, .msg_iovlen = 1, .msg_control = control,
		.msg_controllen = sizeof(control)};
	struct cmsghdr *c = CMSG_FIRSTHDR(&m);

	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(c), &fd, sizeof(fd));
	return sendmsg(sock, &m, MSG_DONTWAIT);
}

static int send_many(int sock, int fd, int most)
{
	int n = 0;

	while (n < most && send_fd(sock, fd) == 1)
		n++;
	return n;
}

static void descriptors_of_user(void)
{
	int s[2], t[2], n;
	char c;

	limit(RLIMIT_NOFILE, 16);
	if (socketpair(AF_UNIX, SOCK_STREAM, 0, s) || socketpair(AF_UNIX, SOCK_STREAM, 0, t))
		die("socketpair");
	n = send_many(s[0], 1, 10);
	say("rights.first", "%d", n);
	n = send_many(t[0], 1, 40);
	say("rights.second", "%d, then %s", n, errno_name(errno));
	if (!fork()) { /* of the user's other processes as well */
		answer("rights.child", send_fd(t[0], 1));
		_exit(0);
	}
	wait(NULL);
	answer("rights.read", read(s[1], &c, 1));
	n = send_many(t[0], 1, 40);
	say("rights.after_read", "%d, then %s", n, errno_name(errno));
	close(s[1]);
	n = send_many(t[0], 1, 40);
	say("rights.after_close", "%d, then %s", n, errno_name(errno));
}

/* --- Pipes --- */

static const char soft[] = "/proc/sys/fs/pipe-user-pages-soft";
static const char hard[] = "/proc/sys/fs/pipe-user-pages-hard";

static void pipes_of_user(void)
{
	int p[12][2];
	long n;

	for (int i = 0; i < 6; i++) {
		answer("pipe", pipe(p[i]));
		say("pipe.size", "%d", fcntl(p[i][0], F_GETPIPE_SZ));
	}
	answer("pipe.larger", fcntl(p[5][0], F_SETPIPE_SZ, 65536));
	answer("pipe.smaller", fcntl(p[0][0], F_SETPIPE_SZ, 4096));
	answer("pipe.larger_again", fcntl(p[5][0], F_SETPIPE_SZ, 32768));
	close(p[1][0]);
	close(p[1][1]);
	answer("pipe.after_close", pipe(p[6]));
	say("pipe.after_close_size", "%d", fcntl(p[6][0], F_GETPIPE_SZ));
	n = write(p[5][1], map_anon(8192), 8192) == 8192;
	check("pipe.holds", n);
}

static void too_many_pipes(void)
{
	int p[2], n = 0;

	while (n < 20 && !pipe(p))
		n++;
	say("pipes.hard", "%d, then %s", n, errno_name(errno));
	mkfifo("/tmp/limited", 0600);
	answer("pipes.fifo", open("/tmp/limited", O_RDWR | O_NONBLOCK));
	answer("pipes.fifo_read", open("/tmp/limited", O_RDONLY | O_NONBLOCK));
	unlink("/tmp/limited");
}

static void pipe_limits(void)
{
	int was = get_number(soft);

	say("pipes.soft_default", "%d", was);
	say("pipes.hard_default", "%d", get_number(hard));
	set_number(soft, 64);
	as_user(pipes_of_user);
	set_number(hard, 70);
	as_user(too_many_pipes);
	set_number(hard, 0);
	set_number(soft, was);
}

/* --- epoll --- */

static const char watches[] = "/proc/sys/fs/epoll/max_user_watches";

static void watches_of_user(void)
{
	struct epoll_event e = {.events = EPOLLIN};
	int a = epoll_create1(0), b = epoll_create1(0), p[2], fd[8], n = 0;

	if (pipe(p))
		die("pipe");
	for (size_t i = 0; i < COUNT(fd); i++)
		fd[i] = dup(p[0]);
	while (n < 8 && !epoll_ctl(n % 2 ? a : b, EPOLL_CTL_ADD, fd[n], &e))
		n++;
	say("epoll", "%d, then %s", n, errno_name(errno));
	answer("epoll.delete", epoll_ctl(b, EPOLL_CTL_DEL, fd[0], &e));
	answer("epoll.again", epoll_ctl(b, EPOLL_CTL_ADD, fd[0], &e));
	close(a);
	answer("epoll.after_close", epoll_ctl(b, EPOLL_CTL_ADD, fd[1], &e));
	answer("epoll.after_close", epoll_ctl(b, EPOLL_CTL_ADD, fd[3], &e));
	answer("epoll.too_many", epoll_ctl(b, EPOLL_CTL_ADD, fd[5], &e));
}

static void epoll_limits(void)
{
	int was = get_number(watches);

	check("epoll.default", was > 1000);
	set_number(watches, 5);
	as_user(watches_of_user);
	set_number(watches, was);
}

/* Ways from a file to who may be woken for it: an instance may be watched by so many others, over
 * so many levels. */
static void epoll_ways(void)
{
	struct epoll_event e = {.events = EPOLLIN};
	int p[2], low[40], mid[40], n = 0, top;
	long err = 0;

	if (pipe(p))
		die("pipe");
	for (size_t i = 0; i < COUNT(low); i++) {
		low[i] = epoll_create1(0);
		mid[i] = epoll_create1(0);
		err |= epoll_ctl(low[i], EPOLL_CTL_ADD, p[0], &e);
	}
	answer("ways.first", err);
	for (size_t i = 0; i < COUNT(low); i++)
		for (size_t j = 0; j < COUNT(mid); j++) {
			err = epoll_ctl(mid[j], EPOLL_CTL_ADD, low[i], &e);
			n += !err;
		}
	say("ways.second", "%d, then %s", n, errno_name(errno));
	top = epoll_create1(0);
	for (n = 0; n < 40 && !epoll_ctl(top, EPOLL_CTL_ADD, mid[n], &e); n++)
		;
	say("ways.third", "%d, then %s", n, errno_name(errno));
}

int main(int argc, char **argv)
{
	if (argc > 1) {
		say(argv[1], "ran");
		return 0;
	}
	alarm(60);
	as_user(signals_of_user);
	as_user(timers_of_user);
	as_user(threads_of_user);
	exec_of_too_many();
	as_user(descriptors_of_user);
	pipe_limits();
	epoll_limits();
	as_user(epoll_ways);
	return test_failed;
}
