/* SIGIO: whom a file with O_ASYNC tells what, by which signal. */
#include "tests/user/test.h"

#include <poll.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <termios.h>

static sigset_t both;

#define RT (SIGRTMIN + 1)

static const char *const codes[] = {"?", "IN", "OUT", "MSG", "ERR", "PRI", "HUP"};

/* The signals that are pending, and what they say. */
static void told(const char *name)
{
	static const struct timespec now;
	char line[256] = "";
	siginfo_t info;
	int sig;

	while ((sig = sigtimedwait(&both, &info, &now)) > 0) {
		int n = strlen(line);

		if (sig == RT)
			snprintf(line + n, sizeof(line) - n, " %s(fd %d, %lx)", codes[info.si_code],
				info.si_fd, info.si_band);
		else
			snprintf(line + n, sizeof(line) - n, " SIGIO(%x)", info.si_code);
	}
	say(name, "%s", line[0] ? line : " nothing");
}

/* Signals about fd come to this process: as number 50 or 51, by RT or SIGIO. */
static int watch(int fd, int as, int sig)
{
	dup2(fd, as);
	if (fcntl(as, F_SETOWN, getpid()) || fcntl(as, F_SETSIG, sig) ||
		fcntl(as, F_SETFL, O_ASYNC | O_NONBLOCK))
		die("watch");
	return as;
}

static void pipes(int sig)
{
	static char buf[70000];
	int fds[2];

	if (pipe(fds))
		die("pipe");
	watch(fds[0], 50, sig);
	watch(fds[1], 51, sig);
	told("pipe.quiet");
	write(fds[1], "abc", 3);
	told("pipe.write");
	write(fds[1], "d", 1);
	write(fds[1], "e", 1);
	told("pipe.more");
	read(fds[0], buf, 2);
	told("pipe.read");
	write(fds[1], buf, sizeof(buf));
	told("pipe.fill");
	answer("pipe.full", write(fds[1], buf, 1));
	told("pipe.full");
	read(fds[0], buf, sizeof(buf));
	told("pipe.drain");
	answer("pipe.empty", read(fds[0], buf, 1));
	told("pipe.empty");
	fcntl(50, F_SETFL, 0);
	write(fds[1], "f", 1);
	told("pipe.off");
	close(51);
	told("pipe.still_open");
	fcntl(50, F_SETFL, O_ASYNC);
	close(fds[1]);
	told("pipe.hangup");
	close(50);
	close(fds[0]);
}

static void sockets(int type, int sig)
{
	static char buf[4096];
	int fds[2];

	if (socketpair(AF_UNIX, type, 0, fds))
		die("socketpair");
	watch(fds[0], 50, sig);
	write(fds[1], "abc", 3);
	told("unix.write");
	write(fds[1], "abc", 3);
	told("unix.again");
	read(fds[0], buf, 1);
	told("unix.read");
	while (write(50, buf, sizeof(buf)) > 0)
		;
	told("unix.filled");
	fcntl(fds[1], F_SETFL, O_NONBLOCK);
	while (read(fds[1], buf, sizeof(buf)) > 0)
		;
	told("unix.drained");
	shutdown(fds[1], SHUT_WR);
	told("unix.shutdown");
	close(fds[1]);
	told("unix.close");
	close(50);
	close(fds[0]);
}

static void listener(int sig)
{
	struct sockaddr_un name = {AF_UNIX, "\0sigio"};
	int fd = socket(AF_UNIX, SOCK_STREAM, 0), to = socket(AF_UNIX, SOCK_STREAM, 0);

	if (bind(fd, (void *)&name, 8) || listen(fd, 5))
		die("listen");
	watch(fd, 50, sig);
	answer("connect", connect(to, (void *)&name, 8));
	told("listener");
	close(fd);
	close(50);
	close(to);
}

static void terminals(int sig)
{
	char buf[100];
	struct termios t;
	int master, slave;

	mount("devpts", "/dev/pts", "devpts", 0, NULL);
	master = open("/dev/ptmx", O_RDWR | O_NOCTTY);
	unlockpt(master);
	slave = open(ptsname(master), O_RDWR | O_NOCTTY);
	tcgetattr(slave, &t);
	t.c_lflag &= ~ECHO;
	tcsetattr(slave, TCSANOW, &t);
	watch(slave, 50, sig);
	write(master, "ab", 2);
	poll(NULL, 0, 50);
	told("tty.half_a_line");
	write(master, "c\n", 2);
	poll(&(struct pollfd){slave, POLLIN, 0}, 1, 5000);
	check("tty.line", sigtimedwait(&both, NULL, &(struct timespec){5, 0}) == (sig ? sig : SIGIO));
	read(slave, buf, sizeof(buf));
	told("tty.read");
	fcntl(50, F_SETFL, 0);
	watch(master, 51, sig);
	write(slave, "x", 1);
	poll(&(struct pollfd){master, POLLIN, 0}, 1, 5000);
	check("master", sigtimedwait(&both, NULL, &(struct timespec){5, 0}) == (sig ? sig : SIGIO));
	told("master.once");
	close(50);
	close(51);
	close(master);
	close(slave);
	umount("/dev/pts");
}

static void notifications(int sig)
{
	int fd = inotify_init();

	inotify_add_watch(fd, ".", IN_CREATE);
	watch(fd, 50, sig);
	close(make_file("news", "", 0));
	told("inotify");
	unlink("news");
	close(fd);
	close(50);
}

/* --- Who is told --- */

static void numbers(void)
{
	int fds[2];

	if (pipe(fds))
		die("pipe");
	answer("signal", fcntl(fds[0], F_GETSIG));
	answer("signal.set", fcntl(fds[0], F_SETSIG, RT));
	check("signal.kept", fcntl(fds[0], F_GETSIG) == RT);
	answer("signal.bad", fcntl(fds[0], F_SETSIG, 65));
	answer("signal.negative", fcntl(fds[0], F_SETSIG, -1));
	check("signal.kept", fcntl(fds[0], F_GETSIG) == RT);
	fcntl(fds[0], F_SETFL, O_ASYNC);
	write(fds[1], "x", 1);
	told("nobody");
	answer("owner", fcntl(fds[0], F_SETOWN, -getpgrp()));
	write(fds[1], "x", 1);
	told("group");
	fcntl(fds[0], F_SETOWN_EX, &(struct f_owner_ex){F_OWNER_TID, getpid()});
	write(fds[1], "x", 1);
	told("thread");
	fcntl(fds[0], F_SETSIG, SIGIO);
	write(fds[1], "x", 1);
	told("sigio_asked_for");
	answer("owner", fcntl(fds[0], F_SETOWN, 0));
	write(fds[1], "x", 1);
	told("nobody");
	close(fds[0]);
	close(fds[1]);
}

/* An owner set by who may not signal him is not told. */
static void unprivileged(void)
{
	int fds[2], gate[2];
	pid_t other;

	if (pipe(fds) || pipe(gate))
		die("pipe");
	other = fork();
	if (other == 0) {
		char c;

		read(gate[0], &c, 1);
		told("unprivileged.other");
		_exit(0);
	}
	if (setuid(1000))
		die("setuid");
	fcntl(fds[0], F_SETFL, O_ASYNC);
	answer("unprivileged", fcntl(fds[0], F_SETOWN, other));
	write(fds[1], "x", 1);
	write(gate[1], "x", 1);
	waitpid(other, NULL, 0);
}

int main(void)
{
	setpgid(0, 0);
	sigemptyset(&both);
	sigaddset(&both, SIGIO);
	sigaddset(&both, RT);
	sigprocmask(SIG_BLOCK, &both, NULL);
	for (int sig = 0; sig <= RT; sig += RT) {
		pipes(sig);
		sockets(SOCK_STREAM, sig);
		listener(sig);
		terminals(sig);
		notifications(sig);
	}
	numbers();
	isolated("unprivileged", unprivileged);
	return test_failed;
}
