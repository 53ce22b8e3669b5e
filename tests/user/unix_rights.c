/* What travels with a message: descriptors, credentials; sockets that hold each other. */
#include "tests/user/test.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>

static void pair(int s[2], int type)
{
	if (socketpair(AF_UNIX, type, 0, s))
		die("socketpair");
}

/* Sends text with n descriptors, and credentials if `cred`. */
static ssize_t send_fds(int s, const char *text, const int *fds, int n, const struct ucred *cred)
{
	char control[CMSG_SPACE(254 * sizeof(int)) + CMSG_SPACE(sizeof(*cred))] = {0};
	struct iovec iov = {(void *)text, strlen(text)};
	struct msghdr m = {.msg_iov = &iov, .msg_iovlen = 1, .msg_control = control};
	struct cmsghdr *c = (void *)control;

	if (n) {
		*c = (struct cmsghdr){CMSG_LEN(n * sizeof(int)), SOL_SOCKET, SCM_RIGHTS};
		memcpy(CMSG_DATA(c), fds, n * sizeof(int));
		m.msg_controllen = CMSG_SPACE(n * sizeof(int));
		c = (void *)(control + m.msg_controllen);
	}
	if (cred) {
		*c = (struct cmsghdr){CMSG_LEN(sizeof(*cred)), SOL_SOCKET, SCM_CREDENTIALS};
		memcpy(CMSG_DATA(c), cred, sizeof(*cred));
		m.msg_controllen += CMSG_SPACE(sizeof(*cred));
	}
	return sendmsg(s, &m, MSG_NOSIGNAL);
}

/* Receives and tells what came; the descriptors are put into fds. Returns their number. */
static int recv_fds(const char *what, int s, int *fds, size_t room, int flags)
{
	char control[4096] = {0}, text[64] = {0};
	struct iovec iov = {text, sizeof(text) - 1};
	struct msghdr m = {.msg_iov = &iov, .msg_iovlen = 1, .msg_control = control,
		.msg_controllen = room};
	ssize_t n = recvmsg(s, &m, flags);
	int got = 0;

	if (n < 0) {
		answer(what, n);
		return 0;
	}
	say(what, "%zd %s flags %x control %zu", n, text, m.msg_flags, m.msg_controllen);
	for (struct cmsghdr *c = CMSG_FIRSTHDR(&m); c; c = CMSG_NXTHDR(&m, c)) {
		if (c->cmsg_type == SCM_RIGHTS) {
			int count = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);

			memcpy(fds + got, CMSG_DATA(c), count * sizeof(int));
			got += count;
			say(what, "%d descriptors, len %zu", count, c->cmsg_len);
		} else {
			struct ucred cred;

			memcpy(&cred, CMSG_DATA(c), sizeof(cred));
			say(what, "pid %s uid %d gid %d len %zu",
				cred.pid == getpid() ? "own" : cred.pid ? "other" : "0", cred.uid,
				cred.gid, c->cmsg_len);
		}
	}
	return got;
}

static int open_fds(void)
{
	int n = 0;

	for (int fd = 0; fd < 1024; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

static void test_rights(int type)
{
	int s[2], p[2], got[300], e = eventfd(7, 0), many[254], n;
	eventfd_t v = 0;
	char c = 0;

	pair(s, type);
	if (pipe(p))
		die("pipe");
	answer("rights.send", send_fds(s[0], "two", (int[]){e, p[0]}, 2, NULL));
	close(p[0]);
	answer("rights.send_plain", send(s[0], "plain", 5, 0));
	n = recv_fds("rights.peek", s[1], got, 4096, MSG_PEEK);
	for (int i = 0; i < n; i++)
		close(got[i]);
	n = recv_fds("rights.recv", s[1], got, 4096, 0);
	if (n == 2) {
		eventfd_read(got[0], &v);
		if (write(p[1], "!", 1) != 1 || read(got[1], &c, 1) != 1)
			say("rights.pipe", "broken");
	}
	say("rights.work", "%d %c", (int)v, c);
	for (int i = 0; i < n; i++)
		close(got[i]);
	recv_fds("rights.then_plain", s[1], got, 4096, 0);
	send_fds(s[0], "cloexec", &e, 1, NULL);
	n = recv_fds("rights.cloexec", s[1], got, 4096, MSG_CMSG_CLOEXEC);
	answer("rights.is_cloexec", n ? fcntl(got[0], F_GETFD) : -1);
	close(got[0]);
	send_fds(s[0], "little room", (int[]){e, e, e}, 3, NULL);
	n = recv_fds("rights.little_room", s[1], got, CMSG_LEN(2 * sizeof(int)), 0);
	while (n > 0)
		close(got[--n]);
	send_fds(s[0], "no room", (int[]){e, e}, 2, NULL);
	recv_fds("rights.no_room", s[1], got, 0, 0);
	send_fds(s[0], "read", &e, 1, NULL);
	say("rights.read", "%zd", read(s[1], many, 64));
	answer("rights.bad_fd", send_fds(s[0], "x", (int[]){e, 999}, 2, NULL));
	for (int i = 0; i < 254; i++)
		many[i] = e;
	answer("rights.too_many", send_fds(s[0], "x", many, 254, NULL));
	answer("rights.most", send_fds(s[0], "most", many, 253, NULL));
	n = recv_fds("rights.most_got", s[1], got, 4096, 0);
	for (int i = 0; i < n; i++)
		close(got[i]);
	send_fds(s[0], "never read", &p[1], 1, NULL);
	close(s[1]);
	close(s[0]);
	close(e);
	close(p[1]);
}

static void test_cred(void)
{
	struct ucred me = {getpid(), 0, 0}, other = {1, 7, 8}, none = {30000, 0, 0};
	int s[2], on = 1, status, got[4];

	pair(s, SOCK_STREAM);
	send(s[0], "before", 6, 0);
	setsockopt(s[1], SOL_SOCKET, SO_PASSCRED, &on, sizeof(on));
	recv_fds("cred.before", s[1], got, 4096, 0);
	send(s[0], "after", 5, 0);
	recv_fds("cred.after", s[1], got, 4096, 0);
	answer("cred.send", send_fds(s[0], "me", NULL, 0, &me));
	recv_fds("cred.me", s[1], got, 4096, 0);
	answer("cred.send_other", send_fds(s[0], "other", NULL, 0, &other));
	recv_fds("cred.other", s[1], got, 4096, 0);
	answer("cred.send_none", send_fds(s[0], "none", NULL, 0, &none));
	answer("cred.with_fd", send_fds(s[0], "both", (int[]){1}, 1, &me));
	if (recv_fds("cred.both", s[1], got, 4096, 0))
		close(got[0]);
	send(s[0], "a", 1, 0);
	if (fork() == 0) {
		if (setresuid(5, 5, 5))
			_exit(9);
		answer("cred.not_root", send_fds(s[0], "x", NULL, 0, &me));
		me = (struct ucred){getpid(), 6, 0};
		answer("cred.not_his_uid", send_fds(s[0], "x", NULL, 0, &me));
		_exit(send(s[0], "b", 1, 0) != 1);
	}
	wait(&status);
	say("cred.child", "%d", WEXITSTATUS(status));
	recv_fds("cred.not_glued", s[1], got, 4096, 0);
	recv_fds("cred.child_says", s[1], got, 4096, 0);
	send(s[0], "short", 5, 0);
	recv_fds("cred.no_room", s[1], got, 8, 0);
	close(s[0]);
	close(s[1]);
}

/* Sockets that only messages hold: they must go, and what they hold with them. The pipe's end says
 * whether they did. */
static void test_cycles(void)
{
	int s[2], t[2], p[2], l, c;
	struct sockaddr_un a = {AF_UNIX, "\0tessera-cycle"};
	char byte;
	struct pollfd pfd;
	int before = open_fds();

	if (pipe(p))
		die("pipe");
	pair(s, SOCK_STREAM);
	send_fds(s[0], "myself", (int[]){s[0], s[1], p[1]}, 3, NULL);
	close(p[1]);
	close(s[0]);
	close(s[1]);
	pair(t, SOCK_STREAM); /* Linux looks when a socket closes */
	close(t[0]);
	close(t[1]);
	say("cycle.itself", "%zd", read(p[0], &byte, 1));
	close(p[0]);

	if (pipe(p))
		die("pipe");
	pair(s, SOCK_DGRAM);
	pair(t, SOCK_STREAM);
	send_fds(s[0], "a", (int[]){t[0], p[1]}, 2, NULL);
	send_fds(t[0], "b", (int[]){s[0], s[1]}, 2, NULL);
	send_fds(s[0], "c", (int[]){t[1]}, 1, NULL);
	close(p[1]);
	close(s[0]);
	close(s[1]);
	close(t[0]);
	pfd = (struct pollfd){p[0], POLLIN, 0};
	say("cycle.still_held", "%d", poll(&pfd, 1, 0));
	close(t[1]);
	pair(t, SOCK_STREAM);
	close(t[0]);
	close(t[1]);
	say("cycle.two_pairs", "%zd", read(p[0], &byte, 1));
	close(p[0]);

	if (pipe(p))
		die("pipe");
	l = socket(AF_UNIX, SOCK_STREAM, 0);
	bind(l, (void *)&a, 16);
	listen(l, 5);
	c = socket(AF_UNIX, SOCK_STREAM, 0);
	connect(c, (void *)&a, 16);
	send_fds(c, "listener", (int[]){l, c, p[1]}, 3, NULL);
	close(l);
	close(c);
	close(p[1]);
	pair(t, SOCK_STREAM);
	close(t[0]);
	close(t[1]);
	say("cycle.listener", "%zd", read(p[0], &byte, 1));
	close(p[0]);
	say("cycle.left_open", "%d", open_fds() - before);
}

/* What waits in a connection that nobody has accepted yet is not garbage. */
static void test_waiting(void)
{
	struct sockaddr_un a = {AF_UNIX, "\0tessera-waiting"};
	int l = socket(AF_UNIX, SOCK_STREAM, 0), c = socket(AF_UNIX, SOCK_STREAM, 0), s[2], t[2];
	int conn, got[4];
	char byte = 0;

	bind(l, (void *)&a, 18);
	listen(l, 5);
	connect(c, (void *)&a, 18);
	pair(s, SOCK_STREAM);
	if (write(s[1], "!", 1) != 1)
		die("write");
	send_fds(s[0], "x", &s[1], 1, NULL);
	send_fds(c, "wait", s, 2, NULL);
	close(s[0]);
	close(s[1]);
	close(c);
	pair(t, SOCK_STREAM);
	close(t[0]);
	close(t[1]);
	conn = accept(l, NULL, NULL);
	if (recv_fds("waiting.recv", conn, got, 4096, 0) == 2) {
		say("waiting.byte", "%zd %c", recv(got[0], &byte, 1, 0), byte);
		recv_fds("waiting.inner", got[1], got + 2, 4096, 0);
	}
	for (int i = 0; i < 3; i++)
		close(got[i]);
	close(conn);
	close(l);
}

/* A chain of sockets, each in the queue of the one before. */
static void test_chain(void)
{
	int s[2], next[2], p[2];
	char byte;

	if (pipe(p))
		die("pipe");
	pair(s, SOCK_STREAM);
	send_fds(s[1], "end", &p[1], 1, NULL);
	close(p[1]);
	for (int i = 0; i < 3000; i++) {
		pair(next, SOCK_STREAM);
		if (send_fds(next[1], "x", s, 2, NULL) < 0)
			say("chain.send", "%d %s", i, errno_name(errno));
		close(s[0]);
		close(s[1]);
		s[0] = next[0];
		s[1] = next[1];
	}
	close(s[0]);
	close(s[1]);
	pair(s, SOCK_STREAM);
	close(s[0]);
	close(s[1]);
	say("chain.end", "%zd", read(p[0], &byte, 1));
	close(p[0]);
}

int main(void)
{
	test_rights(SOCK_STREAM);
	test_rights(SOCK_DGRAM);
	test_cred();
	test_cycles();
	test_waiting();
	test_chain();
	return test_failed;
}
