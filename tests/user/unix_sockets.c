/* AF_UNIX sockets: pairs, names, connections, and how they end. */
#include "tests/user/sockets.h"

#include <pthread.h>
#include <sys/epoll.h>
#include <linux/sockios.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>

static int sigpipes;

static void on_sigpipe(int sig)
{
	sigpipes++;
}

static void pair(int s[2], int type)
{
	if (socketpair(AF_UNIX, type, 0, s))
		die("socketpair");
}

static socklen_t name(struct sockaddr_un *a, const char *path)
{
	memset(a, 0, sizeof(*a));
	a->sun_family = AF_UNIX;
	strcpy(a->sun_path + (path[0] == '@'), path + (path[0] == '@'));
	return offsetof(struct sockaddr_un, sun_path) + strlen(path) + (path[0] != '@');
}

static int bind_to(int s, const char *path)
{
	struct sockaddr_un a;

	return bind(s, (void *)&a, name(&a, path));
}

static int connect_to(int s, const char *path)
{
	struct sockaddr_un a;

	return connect(s, (void *)&a, name(&a, path));
}

static void show_name(const char *what, int s, bool peer)
{
	struct sockaddr_un a = {0};
	socklen_t len = sizeof(a);
	int err = peer ? getpeername(s, (void *)&a, &len) : getsockname(s, (void *)&a, &len);

	if (err)
		answer(what, err);
	else
		say(what, "family %d len %d %s%s", a.sun_family, len,
			len > 2 && !a.sun_path[0] ? "@" : "",
			a.sun_path + (len > 2 && !a.sun_path[0]));
}

static void put(int fd, const char *s)
{
	if (write(fd, s, strlen(s)) != (ssize_t)strlen(s))
		say("put", "failed: %s", errno_name(errno));
}

/* --- What can be made --- */

static void test_making(void)
{
	struct stat st;
	char path[64], text[64];
	int s, fds[2], n;

	answer("make.family", socket(99, SOCK_STREAM, 0));
	answer("make.protocol", socket(AF_UNIX, SOCK_STREAM, 17));
	answer("make.type", socket(AF_UNIX, 4, 0));
	answer("make.big_type", socket(AF_UNIX, 12, 0));
	answer("make.flags", socket(AF_UNIX, SOCK_STREAM | 0x100, 0));
	s = socket(AF_UNIX, SOCK_RAW, 1);
	show_opt("make.raw", s, SOL_SOCKET, SO_TYPE);
	close(s);
	s = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	answer("make.cloexec", fcntl(s, F_GETFD));
	answer("make.nonblock", fcntl(s, F_GETFL));
	fstat(s, &st);
	say("make.stat", "%o size %ld links %d", st.st_mode, (long)st.st_size, (int)st.st_nlink);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", s);
	n = readlink(path, text, sizeof(text));
	say("make.link", "%.*s", n > 8 ? 8 : n, text);
	answer("make.open", open(path, O_RDWR));
	answer("make.seek", lseek(s, 0, SEEK_SET));
	show_poll("make.poll", s);
	show_name("make.name", s, false);
	show_name("make.peer", s, true);
	answer("make.read", read(s, text, 1));
	answer("make.write", write(s, text, 1));
	answer("make.listen_unnamed", listen(s, 1));
	answer("make.accept", accept(s, NULL, NULL));
	show_opt("make.domain", s, SOL_SOCKET, SO_DOMAIN);
	show_opt("make.type_stream", s, SOL_SOCKET, SO_TYPE);
	show_opt("make.protocol_0", s, SOL_SOCKET, SO_PROTOCOL);
	show_opt("make.sndbuf", s, SOL_SOCKET, SO_SNDBUF);
	show_opt("make.rcvbuf", s, SOL_SOCKET, SO_RCVBUF);
	show_opt("make.acceptconn", s, SOL_SOCKET, SO_ACCEPTCONN);
	show_opt("make.bad_option", s, SOL_SOCKET, 200);
	n = 10000;
	answer("make.set_sndbuf", setsockopt(s, SOL_SOCKET, SO_SNDBUF, &n, sizeof(n)));
	show_opt("make.sndbuf_twice", s, SOL_SOCKET, SO_SNDBUF);
	n = 1;
	answer("make.passcred", setsockopt(s, SOL_SOCKET, SO_PASSCRED, &n, sizeof(n)));
	show_opt("make.passcred_on", s, SOL_SOCKET, SO_PASSCRED);
	answer("make.short_option", setsockopt(s, SOL_SOCKET, SO_PASSCRED, &n, 2));
	answer("make.level", setsockopt(s, 99, 1, &n, sizeof(n)));
	close(s);
	answer("make.not_socket", listen(1, 1));
	answer("make.no_fd", listen(99, 1));
	answer("make.pair_bad", syscall(SYS_socketpair, AF_UNIX, SOCK_STREAM, 0, 4));
	answer("make.pair", socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds));
	answer("make.pair_cloexec", fcntl(fds[1], F_GETFD));
	close(fds[0]);
	close(fds[1]);
}

/* --- Streams --- */

static void test_stream(void)
{
	char a[3], b[4];
	struct iovec iov[2] = {{a, 3}, {b, 4}};
	int s[2], n;

	pair(s, SOCK_STREAM);
	show_poll("stream.poll", s[0]);
	show_name("stream.name", s[0], false);
	show_name("stream.peer", s[0], true);
	put(s[0], "hello ");
	put(s[0], "world");
	ioctl(s[1], FIONREAD, &n);
	say("stream.inq", "%d", n);
	show_poll("stream.poll_in", s[1]);
	show_read("stream.peek", s[1], 4, MSG_PEEK);
	show_read("stream.peek_over", s[1], 64, MSG_PEEK);
	show_read("stream.glued", s[1], 8, 0);
	show_read("stream.rest", s[1], 64, 0);
	show_read("stream.empty", s[1], 64, MSG_DONTWAIT);
	put(s[0], "abcdefg");
	say("stream.readv", "%zd %.3s %.4s", readv(s[1], iov, 2), a, b);
	say("stream.writev", "%zd", writev(s[1], iov, 2));
	show_read("stream.written", s[0], 64, 0);
	answer("stream.write_nothing", write(s[0], "", 0));
	answer("stream.send_to", sendto(s[0], "x", 1, 0, (void *)"\1\0x", 4));
	answer("stream.connect", connect_to(s[0], "nobody"));
	answer("stream.read_bad", syscall(SYS_read, s[1], 4, 0));
	put(s[0], "last");
	answer("stream.bad_memory", syscall(SYS_read, s[1], 4, 4));
	show_read("stream.still_there", s[1], 64, 0);
	answer("stream.write_bad", syscall(SYS_write, s[1], 4, 4));
	put(s[0], "end");
	answer("stream.shutdown", shutdown(s[0], SHUT_WR));
	show_poll("stream.poll_shut", s[0]);
	show_poll("stream.poll_peer_shut", s[1]);
	show_read("stream.before_end", s[1], 64, 0);
	show_read("stream.end", s[1], 64, 0);
	answer("stream.write_shut", write(s[0], "x", 1));
	say("stream.sigpipes", "%d", sigpipes);
	answer("stream.nosignal", send(s[0], "x", 1, MSG_NOSIGNAL));
	say("stream.sigpipes", "%d", sigpipes);
	put(s[1], "back");
	show_read("stream.other_way", s[0], 64, 0);
	answer("stream.shutdown_bad", shutdown(s[0], 3));
	answer("stream.shutdown_both", shutdown(s[1], SHUT_RDWR));
	show_poll("stream.poll_both", s[0]);
	close(s[0]);
	close(s[1]);

	pair(s, SOCK_STREAM);
	put(s[0], "unread");
	close(s[0]);
	show_poll("stream.poll_closed", s[1]);
	show_read("stream.read_closed", s[1], 64, 0);
	show_read("stream.end_closed", s[1], 64, 0);
	answer("stream.write_closed", write(s[1], "x", 1));
	say("stream.sigpipes", "%d", sigpipes);
	show_name("stream.peer_closed", s[1], true);
	close(s[1]);

	pair(s, SOCK_STREAM);
	put(s[0], "unread");
	close(s[1]);
	show_poll("stream.poll_reset", s[0]);
	show_read("stream.reset", s[0], 64, 0);
	show_read("stream.reset_once", s[0], 64, 0);
	close(s[0]);
}

/* A sender that writes more than fits, and what it can tell of it. */
static void test_flow(void)
{
	static char buf[1000000];
	int s[2], queued, outq, n = 0;
	pthread_t t;
	void *total;

	flow_fill(buf, sizeof(buf));
	pair(s, SOCK_STREAM);
	pthread_create(&t, NULL, flow_reader, &s[1]);
	say("flow.write", "%zd", write(s[0], buf, sizeof(buf)));
	close(s[0]);
	pthread_join(t, &total);
	say("flow.read", "%ld", (long)total);
	close(s[1]);

	pair(s, SOCK_STREAM | SOCK_NONBLOCK);
	ioctl(s[0], TIOCOUTQ, &outq);
	say("flow.outq", "%d", outq);
	while (write(s[0], buf, 1000) > 0)
		n++;
	say("flow.full", "%s", errno_name(errno));
	check("flow.bounded", n > 20 && n < 400);
	show_poll("flow.poll_full", s[0]);
	ioctl(s[1], FIONREAD, &queued);
	check("flow.queued", queued == n * 1000);
	ioctl(s[0], TIOCOUTQ, &outq);
	check("flow.charged", outq >= queued);
	while (read(s[1], buf, 100000) > 0)
		;
	ioctl(s[0], TIOCOUTQ, &outq);
	say("flow.outq", "%d", outq);
	show_poll("flow.poll_again", s[0]);
	close(s[0]);
	close(s[1]);
}

/* --- Datagrams and packets --- */

static void show_from(const char *what, int s, size_t n, int flags)
{
	struct sockaddr_un a = {0};
	socklen_t len = sizeof(a);
	char buf[256] = {0};
	ssize_t got = recvfrom(s, buf, n, flags, (void *)&a, &len);

	if (got < 0)
		answer(what, got);
	else
		say(what, "%zd %s from len %u %s", got, buf, len,
			len > 2 ? a.sun_path + !a.sun_path[0] : "");
}

static int send_to(int s, const char *path, const char *text)
{
	struct sockaddr_un a;
	socklen_t len = name(&a, path);

	return sendto(s, text, strlen(text), MSG_DONTWAIT, (void *)&a, len);
}

static void test_dgram(void)
{
	struct sockaddr unspec = {.sa_family = AF_UNSPEC};
	static char big[400000];
	int a = socket(AF_UNIX, SOCK_DGRAM, 0), b = socket(AF_UNIX, SOCK_DGRAM, 0);
	int c = socket(AF_UNIX, SOCK_DGRAM, 0), s[2], n;

	answer("dgram.bind", bind_to(a, "a.sock"));
	answer("dgram.bind_abstract", bind_to(b, "@tessera-b"));
	answer("dgram.bind_again", bind_to(a, "other.sock"));
	answer("dgram.in_use", bind_to(c, "a.sock"));
	answer("dgram.in_use_abstract", bind_to(c, "@tessera-b"));
	answer("dgram.no_dir", bind_to(c, "no/dir.sock"));
	show_name("dgram.name", a, false);
	show_name("dgram.name_abstract", b, false);
	show_poll("dgram.poll", a);
	answer("dgram.no_peer", write(c, "x", 1));
	answer("dgram.send", send_to(b, "a.sock", "to a"));
	answer("dgram.send_unnamed", send_to(c, "a.sock", "from nobody"));
	answer("dgram.send_abstract", send_to(a, "@tessera-b", "to b"));
	answer("dgram.send_missing", send_to(a, "missing.sock", "x"));
	answer("dgram.send_missing_abstract", send_to(a, "@missing", "x"));
	close(open("plain", O_CREAT | O_RDWR, 0600));
	answer("dgram.send_plain", send_to(a, "plain", "x"));
	ioctl(a, FIONREAD, &n);
	say("dgram.inq", "%d", n);
	show_poll("dgram.poll_in", a);
	show_from("dgram.peek", a, 64, MSG_PEEK);
	show_from("dgram.recv", a, 64, 0);
	show_from("dgram.cut", a, 4, 0);
	show_from("dgram.none", a, 64, MSG_DONTWAIT);
	show_from("dgram.recv_b", b, 2, MSG_TRUNC);
	answer("dgram.empty", send(c, "", 0, 0));
	answer("dgram.connect", connect_to(c, "a.sock"));
	answer("dgram.write", write(c, "one", 3));
	answer("dgram.empty", write(c, "", 0));
	answer("dgram.write", write(c, "two", 3));
	show_name("dgram.peer", c, true);
	show_from("dgram.one", a, 64, 0);
	show_from("dgram.zero", a, 64, 0);
	show_from("dgram.two", a, 64, 0);
	answer("dgram.connect_type", connect_to(socket(AF_UNIX, SOCK_STREAM, 0), "a.sock"));
	answer("dgram.a_to_c", connect_to(a, "@tessera-b"));
	answer("dgram.not_mine", write(c, "x", 1));
	answer("dgram.disconnect", connect(a, &unspec, sizeof(unspec)));
	show_name("dgram.no_peer", a, true);
	answer("dgram.mine_again", write(c, "x", 1));
	show_from("dgram.x", a, 64, 0);
	for (n = 0; send(c, "y", 1, MSG_DONTWAIT) == 1; n++)
		;
	say("dgram.full", "%d %s", n, errno_name(errno));
	show_poll("dgram.poll_full", c);
	show_from("dgram.y", a, 64, 0);
	show_poll("dgram.poll_room", c);
	answer("dgram.too_big", send(c, big, sizeof(big), 0));
	answer("dgram.listen", listen(a, 1));
	answer("dgram.accept", accept(a, NULL, NULL));
	close(a);
	show_poll("dgram.poll_gone", c);
	answer("dgram.gone", write(c, "x", 1));
	answer("dgram.gone_again", write(c, "x", 1));
	answer("dgram.stale_path", send_to(c, "a.sock", "x"));
	close(b);
	answer("dgram.stale_abstract", send_to(c, "@tessera-b", "x"));
	answer("dgram.path_stays", bind_to(c, "a.sock"));
	answer("dgram.unlink", unlink("a.sock"));
	answer("dgram.bind_free", bind_to(c, "a.sock"));
	unlink("a.sock");
	close(c);

	pair(s, SOCK_DGRAM);
	answer("dgram.pair", send(s[0], big, 100000, 0));
	say("dgram.pair_recv", "%zd", recv(s[1], big, sizeof(big), 0));
	answer("dgram.shutdown", shutdown(s[1], SHUT_RD));
	answer("dgram.write_shut", write(s[0], "x", 1));
	show_from("dgram.read_shut", s[1], 64, 0);
	show_poll("dgram.poll_shut", s[1]);
	close(s[0]);
	close(s[1]);
}

static void test_seqpacket(void)
{
	int s[2];

	pair(s, SOCK_SEQPACKET);
	put(s[0], "first");
	put(s[0], "second");
	show_read("packet.cut", s[1], 3, 0);
	show_read("packet.whole", s[1], 64, 0);
	show_read("packet.none", s[1], 64, MSG_DONTWAIT);
	put(s[1], "unread");
	put(s[0], "x");
	close(s[1]);
	show_poll("packet.poll_reset", s[0]);
	show_read("packet.reset", s[0], 64, 0);
	show_read("packet.rest", s[0], 64, 0);
	show_read("packet.end", s[0], 64, 0);
	answer("packet.write_closed", write(s[0], "x", 1));
	close(s[0]);
	s[0] = socket(AF_UNIX, SOCK_SEQPACKET, 0);
	answer("packet.not_connected", read(s[0], s, 1));
	answer("packet.not_connected", write(s[0], s, 1));
	close(s[0]);
}

/* --- Listening --- */

static void *connector(void *arg)
{
	int s = socket(AF_UNIX, SOCK_STREAM, 0);

	usleep(20000);
	connect_to(s, "server.sock");
	usleep(20000);
	put(s, "hi");
	return (void *)(long)s;
}

static void test_listen(void)
{
	int l = socket(AF_UNIX, SOCK_STREAM, 0), c, conn, many[8], ep;
	struct ucred cred = {0};
	socklen_t len = sizeof(cred);
	struct sockaddr_un a;
	struct stat st;
	pthread_t t;
	void *other;

	answer("listen.autobind", bind(l, (void *)&(sa_family_t){AF_UNIX}, 2));
	len = sizeof(a);
	getsockname(l, (void *)&a, &len);
	say("listen.autoname", "len %u first %d", len, a.sun_path[0]);
	close(l);
	l = socket(AF_UNIX, SOCK_STREAM, 0);
	umask(027);
	answer("listen.bind", bind_to(l, "server.sock"));
	umask(022);
	stat("server.sock", &st);
	say("listen.mode", "%o", st.st_mode);
	answer("listen.open", open("server.sock", O_RDWR));
	c = socket(AF_UNIX, SOCK_STREAM, 0);
	answer("listen.refused", connect_to(c, "server.sock"));
	answer("listen.listen", listen(l, 2));
	show_opt("listen.acceptconn", l, SOL_SOCKET, SO_ACCEPTCONN);
	show_poll("listen.poll", l);
	answer("listen.connect_missing", connect_to(c, "missing.sock"));
	answer("listen.connect", connect_to(c, "server.sock"));
	answer("listen.connect_again", connect_to(c, "server.sock"));
	show_poll("listen.poll_waiting", l);
	show_poll("listen.poll_client", c);
	show_name("listen.client_name", c, false);
	show_name("listen.client_peer", c, true);
	put(c, "early");
	answer("listen.read", read(l, &a, 1));
	answer("listen.write", write(l, &a, 1));
	len = sizeof(a);
	conn = accept(l, (void *)&a, &len);
	say("listen.accepted", "%s len %u", conn >= 0 ? "ok" : errno_name(errno), len);
	show_name("listen.conn_name", conn, false);
	show_name("listen.conn_peer", conn, true);
	show_read("listen.early", conn, 64, 0);
	len = sizeof(cred);
	getsockopt(conn, SOL_SOCKET, SO_PEERCRED, &cred, &len);
	check("listen.peercred", cred.pid == getpid() && cred.uid == 0 && cred.gid == 0);
	getsockopt(c, SOL_SOCKET, SO_PEERCRED, &cred, &len);
	check("listen.peercred_client", cred.pid == getpid());
	getsockopt(l, SOL_SOCKET, SO_PEERCRED, &cred, &len);
	check("listen.peercred_listener", cred.pid == getpid());
	fcntl(l, F_SETFL, O_NONBLOCK);
	answer("listen.none", accept(l, NULL, NULL));
	answer("listen.flags", accept4(l, NULL, NULL, 0x100));
	for (int i = 0; i < 5; i++) {
		many[i] = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
		answer("listen.backlog", connect_to(many[i], "server.sock"));
	}
	put(many[0], "never read");
	fcntl(l, F_SETFL, 0);
	for (int i = 0; i < 2; i++)
		close(accept(l, NULL, NULL));
	show_read("listen.hung_up", many[0], 64, 0);
	ep = epoll_create(1);
	epoll_ctl(ep, EPOLL_CTL_ADD, l, &(struct epoll_event){.events = EPOLLIN | EPOLLEXCLUSIVE});
	say("listen.epoll", "%d", epoll_wait(ep, &(struct epoll_event){0}, 1, 0));
	close(l);
	show_poll("listen.poll_not_accepted", many[2]);
	show_read("listen.not_accepted", many[2], 64, 0);
	show_read("listen.not_accepted_end", many[2], 64, 0);
	for (int i = 0; i < 5; i++)
		close(many[i]);
	close(ep);
	close(conn);
	show_read("listen.closed", c, 64, 0);
	close(c);
	c = socket(AF_UNIX, SOCK_STREAM, 0);
	answer("listen.gone", connect_to(c, "server.sock"));
	close(c);
	unlink("server.sock");

	l = socket(AF_UNIX, SOCK_STREAM, 0);
	bind_to(l, "server.sock");
	listen(l, 0);
	pthread_create(&t, NULL, connector, NULL);
	conn = accept4(l, NULL, NULL, SOCK_CLOEXEC);
	answer("listen.cloexec", fcntl(conn, F_GETFD));
	show_read("listen.waited", conn, 64, 0);
	pthread_join(t, &other);
	close((long)other);
	close(conn);
	close(l);
	unlink("server.sock");
	c = socket(AF_UNIX, SOCK_STREAM, 0);
	answer("listen.short_address", connect(c, (void *)&a, 1));
	answer("listen.long_address", connect(c, (void *)&a, 111));
	answer("listen.family", connect(c, (void *)&(struct sockaddr){.sa_family = 2}, 16));
	answer("listen.bad_address", connect(c, (void *)4, 16));
	close(c);
}

/* --- Waiting --- */

static void test_timeouts(void)
{
	struct timeval tv = {0, 20000}, got;
	socklen_t len = sizeof(got);
	int s[2];

	pair(s, SOCK_STREAM);
	answer("time.set", setsockopt(s[0], SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv)));
	answer("time.get", getsockopt(s[0], SOL_SOCKET, SO_RCVTIMEO, &got, &len));
	check("time.same", got.tv_sec == 0 && got.tv_usec == 20000);
	show_read("time.out", s[0], 4, 0);
	tv.tv_usec = 2000000;
	answer("time.bad", setsockopt(s[0], SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv)));
	put(s[1], "ab");
	show_read("time.waitall", s[0], 4, MSG_WAITALL);
	close(s[0]);
	close(s[1]);
}

/* Through the old multiplexed call too. */
static void test_socketcall(void)
{
	int s[2] = {0, 0};
	long args[6] = {AF_UNIX, SOCK_DGRAM, 0, (long)s};
	char buf[8] = {0};

	answer("call.pair", syscall(SYS_socketcall, 8, args));
	memcpy(args, (long[]){s[0], (long)"call", 4, 0}, 16);
	answer("call.send", syscall(SYS_socketcall, 9, args));
	memcpy(args, (long[]){s[1], (long)buf, 8, 0}, 16);
	say("call.recv", "%ld %s", syscall(SYS_socketcall, 10, args), buf);
	answer("call.bad", syscall(SYS_socketcall, 21, args));
	answer("call.zero", syscall(SYS_socketcall, 0, args));
	answer("call.bad_args", syscall(SYS_socketcall, 1, 4));
	close(s[0]);
	close(s[1]);
}

static void test_bound(void)
{
	struct sockaddr_un a = {AF_UNIX, "bound_a"}, b = {AF_UNIX, "bound_b"},
			   c = {AF_UNIX, "\0bound"};
	int s = socket(AF_UNIX, SOCK_STREAM, 0), other = socket(AF_UNIX, SOCK_STREAM, 0);

	answer("bound", bind(s, (void *)&a, sizeof(a)));
	answer("bound.same", bind(s, (void *)&a, sizeof(a)));
	answer("bound.path", bind(s, (void *)&b, sizeof(b)));
	answer("bound.not_made", access("bound_b", F_OK));
	answer("bound.abstract", bind(s, (void *)&c, 8));
	answer("bound.automatic", bind(s, (void *)&c, 2));
	answer("bound.other", bind(other, (void *)&c, 8));
	answer("bound.other_path", bind(other, (void *)&a, sizeof(a)));
	close(s);
	close(other);
	unlink("bound_a");
}

static void test_owner(void)
{
	int s[2], v = 7, who = getpid();

	socketpair(AF_UNIX, SOCK_STREAM, 0, s);
	answer("owner.atmark", ioctl(s[0], SIOCATMARK, &v));
	say("owner.atmark", "%d", v);
	answer("owner.set", ioctl(s[0], SIOCSPGRP, &who));
	check("owner.fcntl", fcntl(s[0], F_GETOWN) == who);
	who = -getpgrp();
	answer("owner.group", ioctl(s[0], FIOSETOWN, &who));
	answer("owner.get", ioctl(s[0], FIOGETOWN, &v));
	check("owner.same", v == who);
	v = 999999;
	answer("owner.nobody", ioctl(s[0], SIOCSPGRP, &v));
	answer("owner.fault", ioctl(s[0], SIOCSPGRP, 8));
	close(s[0]);
	close(s[1]);
}

int main(void)
{
	signal(SIGPIPE, on_sigpipe);
	test_making();
	test_stream();
	test_flow();
	test_dgram();
	test_seqpacket();
	test_listen();
	test_bound();
	test_owner();
	test_timeouts();
	test_socketcall();
	return test_failed;
}
