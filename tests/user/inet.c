/* TCP over the loopback interface: connections, their ends, what poll says of them. */
#include "tests/user/inet.h"

#include <pthread.h>
#include <sys/epoll.h>
#include <linux/sockios.h>
#include <sys/ioctl.h>

static int sigpipes;

static void on_sigpipe(int sig)
{
	sigpipes++;
}

static void put(const char *what, int fd, const char *text)
{
	ssize_t n = send(fd, text, strlen(text), 0);

	if (n != (ssize_t)strlen(text))
		answer(what, n);
}

static int listener(int port, int backlog)
{
	int s = tcp(0);

	if (bind_to(s, "127.0.0.1", port) || listen(s, backlog))
		die("listener");
	return s;
}

/* A connection: s[0] is the client's end. */
static void pair(int s[2])
{
	int l = listener(0, 1);

	s[0] = tcp(0);
	if (connect_to(s[0], "127.0.0.1", port_of(l)))
		die("connect");
	s[1] = accept(l, NULL, NULL);
	close(l);
}

static void close_two(int s[2])
{
	close(s[0]);
	close(s[1]);
}

/* What the other side did on a CPU of its own may take a moment to arrive. */
static void settle(void)
{
	usleep(2000);
}

/* --- Before a connection --- */

static void test_fresh(void)
{
	struct linger linger;
	char c;
	int s = tcp(0);
	socklen_t len = sizeof(linger);

	show_poll("fresh.poll", s);
	show_name("fresh.name", s, false, true);
	show_name("fresh.peer", s, true, true);
	answer("fresh.read", read(s, &c, 1));
	answer("fresh.write", send(s, "x", 1, MSG_NOSIGNAL));
	answer("fresh.write_signal", write(s, "x", 1));
	say("fresh.sigpipes", "%d", sigpipes);
	answer("fresh.accept", accept(s, NULL, NULL));
	answer("fresh.shutdown", shutdown(s, SHUT_RDWR));
	answer("fresh.shutdown_bad", shutdown(s, 9));
	show_opt("fresh.type", s, SOL_SOCKET, SO_TYPE);
	show_opt("fresh.domain", s, SOL_SOCKET, SO_DOMAIN);
	show_opt("fresh.protocol", s, SOL_SOCKET, SO_PROTOCOL);
	show_opt("fresh.acceptconn", s, SOL_SOCKET, SO_ACCEPTCONN);
	show_opt("fresh.sndbuf", s, SOL_SOCKET, SO_SNDBUF);
	show_opt("fresh.rcvbuf", s, SOL_SOCKET, SO_RCVBUF);
	getsockopt(s, SOL_SOCKET, SO_LINGER, &linger, &len);
	say("fresh.linger", "%d %d %u", linger.l_onoff, linger.l_linger, len);
	answer("fresh.oob", recv(s, &c, 1, MSG_OOB));
	answer("fresh.listen_unbound", listen(s, 5));
	check("fresh.listen_port", port_of(s) >= 32768);
	show_poll("fresh.poll_listening", s);
	show_opt("fresh.acceptconn", s, SOL_SOCKET, SO_ACCEPTCONN);
	answer("fresh.read_listening", read(s, &c, 1));
	answer("fresh.write_listening", send(s, "x", 1, MSG_NOSIGNAL));
	answer("fresh.connect_listening", connect_to(s, "127.0.0.1", port_of(s)));
	answer("fresh.listen_again", listen(s, 1));
	show_name("fresh.listening_peer", s, true, true);
	answer("fresh.shutdown_wr", shutdown(s, SHUT_WR));
	show_poll("fresh.poll_wr", s);
	answer("fresh.shutdown_rd", shutdown(s, SHUT_RD));
	show_poll("fresh.poll_rd", s);
	show_opt("fresh.acceptconn", s, SOL_SOCKET, SO_ACCEPTCONN);
	answer("fresh.accept_shut", accept(s, NULL, NULL));
	answer("fresh.listen_shut", listen(s, 1));
	show_poll("fresh.poll_again", s);
	close(s);
	answer("fresh.rights", socket(AF_INET, SOCK_STREAM, IPPROTO_UDP));
	answer("fresh.type_bad", socket(AF_INET, SOCK_SEQPACKET, 0));
	answer("fresh.protocol_bad", socket(AF_INET, SOCK_STREAM, 300));
	answer("fresh.pair", socketpair(AF_INET, SOCK_STREAM, 0, (int[2]){0}));
	s = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_TCP);
	answer("fresh.nonblock", fcntl(s, F_GETFL));
	show_opt("fresh.protocol", s, SOL_SOCKET, SO_PROTOCOL);
	answer("fresh.nonblock_accept", accept(s, NULL, NULL));
	listen(s, 1);
	answer("fresh.nonblock_accept", accept(s, NULL, NULL));
	close(s);
}

/* --- Connecting --- */

static void test_connect(void)
{
	struct sockaddr_in a;
	struct sockaddr unspec = {.sa_family = AF_UNSPEC};
	int l = listener(0, 5), port = port_of(l), s, c;
	socklen_t len;

	s = tcp(0);
	address(&a, "127.0.0.1", port);
	answer("connect.short", connect(s, (void *)&a, 8));
	answer("connect.tiny", connect(s, (void *)&a, 1));
	a.sin_family = AF_UNIX;
	answer("connect.family", connect(s, (void *)&a, sizeof(a)));
	answer("connect.unspec", connect(s, &unspec, sizeof(unspec)));
	answer("connect.connect", connect_to(s, "127.0.0.1", port));
	answer("connect.again", connect_to(s, "127.0.0.1", port));
	show_poll("connect.poll_listener", l);
	show_poll("connect.poll", s);
	show_name("connect.name", s, false, false);
	check("connect.own_port", port_of(s) >= 32768 && port_of(s) != port);
	check("connect.peer_port", peer_port(s) == port);
	len = sizeof(a);
	memset(&a, 0xff, sizeof(a));
	c = accept4(l, (void *)&a, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);
	check("connect.accept", c >= 0 && len == sizeof(a));
	check("connect.accept_from", ntohs(a.sin_port) == port_of(s));
	say("connect.accept_name", "%d %s", a.sin_family, inet_ntoa(a.sin_addr));
	answer("connect.accept_flags", fcntl(c, F_GETFL) & O_NONBLOCK);
	show_name("connect.server_name", c, false, false);
	check("connect.server_port", port_of(c) == port);
	show_opt("connect.accepted_type", c, SOL_SOCKET, SO_TYPE);
	put("connect.put", s, "first");
	settle();
	show_read("connect.read", c, 64, 0);
	show_read("connect.read_none", c, 64, 0);
	answer("connect.listen_connected", listen(s, 1));
	answer("connect.bind_connected", bind_to(s, "127.0.0.1", 0));
	answer("connect.sendto", sendto(s, "y", 1, 0, (void *)&a, sizeof(a)));
	close(s);
	close(c);

	s = tcp(0);
	answer("connect.any", connect_to(s, "0.0.0.0", port));
	show_name("connect.any_name", s, false, false);
	show_name("connect.any_peer", s, true, false);
	close(s);
	close(accept(l, NULL, NULL));
	s = tcp(0);
	answer("connect.second_address", connect_to(s, "127.0.0.2", port));
	answer("connect.retry", connect_to(s, "127.0.0.1", port));
	show_name("connect.retry_name", s, false, false);
	close(s);
	close(accept(l, NULL, NULL));
	s = tcp(0);
	answer("connect.bound", bind_to(s, "127.0.0.3", 0));
	answer("connect.bound", connect_to(s, "127.0.0.1", port));
	show_name("connect.bound_name", s, false, false);
	c = accept(l, (void *)&a, &len);
	say("connect.bound_seen", "%s", inet_ntoa(a.sin_addr));
	close(s);
	close(c);
	close(l);
	s = tcp(0);
	answer("connect.refused", connect_to(s, "127.0.0.1", port));
	show_poll("connect.refused_poll", s);
	show_opt("connect.refused_error", s, SOL_SOCKET, SO_ERROR);
	answer("connect.unreachable", connect_to(s, "10.1.2.3", 80));
	answer("connect.broadcast", connect_to(s, "255.255.255.255", 80));
	l = listener(port, 5);
	answer("connect.after_refused", connect_to(s, "127.0.0.1", port));
	close(s);
	close(l);

	l = tcp(0);
	answer("connect.wild", bind_to(l, "0.0.0.0", 0));
	listen(l, 5);
	s = tcp(0);
	answer("connect.wild", connect_to(s, "127.9.8.7", port_of(l)));
	show_name("connect.wild_name", s, false, false);
	show_name("connect.wild_peer", s, true, false);
	c = accept(l, NULL, NULL);
	show_name("connect.wild_server", c, false, false);
	answer("connect.leave", connect(s, &unspec, sizeof(unspec)));
	show_poll("connect.left_poll", s);
	show_name("connect.left_peer", s, true, true);
	settle();
	show_read("connect.left_other", c, 1, MSG_DONTWAIT);
	close(s);
	close(c);
	close(l);
}

static void test_nonblock(void)
{
	int l = listener(0, 1), port = port_of(l), s[4], c;

	s[0] = tcp(SOCK_NONBLOCK);
	answer("nonblock.connect", connect_to(s[0], "127.0.0.1", port));
	settle();
	show_poll("nonblock.poll", s[0]);
	show_opt("nonblock.error", s[0], SOL_SOCKET, SO_ERROR);
	answer("nonblock.told", connect_to(s[0], "127.0.0.1", port));
	answer("nonblock.told_again", connect_to(s[0], "127.0.0.1", port));
	show_read("nonblock.read", s[0], 64, 0);
	close(accept(l, NULL, NULL));
	close(s[0]);

	/* Two fit a backlog of 1; a third waits, and is let in when one is taken. */
	for (int i = 0; i < 3; i++) {
		s[i] = tcp(SOCK_NONBLOCK);
		answer("nonblock.backlog", connect_to(s[i], "127.0.0.1", port));
	}
	settle();
	show_poll("nonblock.poll_second", s[1]);
	show_poll("nonblock.poll_third", s[2]);
	show_name("nonblock.third_peer", s[2], true, true);
	answer("nonblock.third_again", connect_to(s[2], "127.0.0.1", port));
	show_read("nonblock.third_read", s[2], 64, 0);
	answer("nonblock.third_write", send(s[2], "x", 1, MSG_NOSIGNAL));
	show_opt("nonblock.third_error", s[2], SOL_SOCKET, SO_ERROR);
	c = accept(l, NULL, NULL);
	check("nonblock.first", peer_port(c) == port_of(s[0]));
	close(c);
	struct pollfd p = {s[2], POLLOUT, 0};

	answer("nonblock.third_let_in", poll(&p, 1, 5000));
	answer("nonblock.third_told", connect_to(s[2], "127.0.0.1", port));
	put("nonblock.third", s[2], "here");
	c = accept(l, NULL, NULL);
	check("nonblock.second", peer_port(c) == port_of(s[1]));
	close(c);
	c = accept(l, NULL, NULL);
	show_read("nonblock.third_data", c, 64, 0);
	close(c);
	for (int i = 0; i < 3; i++)
		close(s[i]);
	close(l);

	s[0] = tcp(SOCK_NONBLOCK);
	answer("nonblock.refused", connect_to(s[0], "127.0.0.1", port));
	settle();
	show_poll("nonblock.refused_poll", s[0]);
	show_opt("nonblock.refused_error", s[0], SOL_SOCKET, SO_ERROR);
	show_poll("nonblock.refused_poll", s[0]);
	answer("nonblock.refused_told", connect_to(s[0], "127.0.0.1", port));
	show_poll("nonblock.refused_poll", s[0]);
	answer("nonblock.refused_again", connect_to(s[0], "127.0.0.1", port));
	settle();
	answer("nonblock.refused_told", connect_to(s[0], "127.0.0.1", port));
	answer("nonblock.unreachable", connect_to(s[0], "10.0.0.1", port));
	close(s[0]);
}

/* --- Data and ends --- */

static void test_ends(void)
{
	int s[2];
	struct linger hard = {1, 0};

	pair(s);
	put("ends.put", s[0], "hello ");
	put("ends.put", s[0], "world");
	settle();
	show_read("ends.peek", s[1], 64, MSG_PEEK);
	show_read("ends.trunc", s[1], 3, MSG_TRUNC);
	show_read("ends.glued", s[1], 5, 0);
	show_read("ends.waitall", s[1], 3, MSG_WAITALL);
	show_read("ends.empty", s[1], 3, MSG_DONTWAIT);
	answer("ends.zero", send(s[0], "", 0, 0));
	put("ends.put", s[0], "last");
	answer("ends.shutdown", shutdown(s[0], SHUT_WR));
	settle();
	show_poll("ends.poll_shut", s[0]);
	show_poll("ends.poll_peer", s[1]);
	show_read("ends.last", s[1], 64, 0);
	show_read("ends.end", s[1], 64, 0);
	answer("ends.write_shut", write(s[0], "x", 1));
	say("ends.sigpipes", "%d", sigpipes);
	put("ends.back", s[1], "back");
	settle();
	show_read("ends.back", s[0], 64, 0);
	answer("ends.shutdown_again", shutdown(s[0], SHUT_WR));
	answer("ends.shutdown_peer", shutdown(s[1], SHUT_WR));
	settle();
	show_poll("ends.poll_both", s[0]);
	show_poll("ends.poll_both", s[1]);
	show_read("ends.end_both", s[0], 64, 0);
	show_name("ends.peer_both", s[1], true, true);
	close_two(s);

	pair(s);
	put("closed.put", s[0], "unread");
	close(s[0]);
	settle();
	show_poll("closed.poll", s[1]);
	show_name("closed.peer", s[1], true, false);
	show_read("closed.read", s[1], 64, 0);
	show_read("closed.end", s[1], 64, 0);
	answer("closed.write", write(s[1], "x", 1));
	settle();
	show_poll("closed.poll_written", s[1]);
	answer("closed.write_again", write(s[1], "x", 1));
	say("closed.sigpipes", "%d", sigpipes);
	show_opt("closed.error", s[1], SOL_SOCKET, SO_ERROR);
	show_name("closed.peer_gone", s[1], true, true);
	show_poll("closed.poll_end", s[1]);
	show_read("closed.end_still", s[1], 64, 0);
	close(s[1]);

	pair(s);
	put("reset.put", s[0], "never read");
	put("reset.put", s[1], "on its way");
	settle();
	close(s[1]);
	settle();
	show_poll("reset.poll", s[0]);
	show_read("reset.read", s[0], 64, 0);
	show_read("reset.error", s[0], 64, 0);
	show_read("reset.once", s[0], 64, 0);
	answer("reset.write", send(s[0], "x", 1, MSG_NOSIGNAL));
	show_name("reset.peer", s[0], true, true);
	close(s[0]);

	pair(s);
	setsockopt(s[1], SOL_SOCKET, SO_LINGER, &hard, sizeof(hard));
	close(s[1]);
	settle();
	show_poll("linger.poll", s[0]);
	answer("linger.write", send(s[0], "x", 1, MSG_NOSIGNAL));
	answer("linger.write_again", send(s[0], "x", 1, MSG_NOSIGNAL));
	show_read("linger.read", s[0], 64, 0);
	close(s[0]);

	pair(s);
	answer("rd.shutdown", shutdown(s[0], SHUT_RD));
	show_poll("rd.poll", s[0]);
	show_poll("rd.poll_peer", s[1]);
	show_read("rd.read", s[0], 64, 0);
	put("rd.put", s[1], "still");
	settle();
	show_read("rd.read_still", s[0], 64, 0);
	show_read("rd.read_end", s[0], 64, 0);
	put("rd.other_way", s[0], "fine");
	settle();
	show_read("rd.other_way", s[1], 64, 0);
	answer("rd.shutdown_both", shutdown(s[0], SHUT_RDWR));
	settle();
	show_poll("rd.poll_both", s[0]);
	show_poll("rd.poll_peer_both", s[1]);
	answer("rd.write_both", send(s[1], "x", 1, MSG_NOSIGNAL));
	settle();
	show_poll("rd.poll_reset", s[1]);
	answer("rd.write_reset", send(s[1], "x", 1, MSG_NOSIGNAL));
	close_two(s);
}

/* Connections that nobody accepted. */
static void test_unaccepted(void)
{
	int l = listener(0, 5), port = port_of(l), s[3];

	for (int i = 0; i < 3; i++) {
		s[i] = tcp(0);
		connect_to(s[i], "127.0.0.1", port);
	}
	put("unaccepted.put", s[0], "data");
	put("unaccepted.put", s[1], "gone");
	close(s[1]);
	settle();
	int c = accept(l, NULL, NULL);

	show_read("unaccepted.data", c, 64, 0);
	close(c);
	c = accept(l, NULL, NULL);
	show_read("unaccepted.gone", c, 64, 0);
	show_read("unaccepted.gone_end", c, 64, 0);
	close(c);
	close(l);
	settle();
	show_poll("unaccepted.poll", s[2]);
	show_read("unaccepted.reset", s[2], 64, 0);
	close(s[0]);
	close(s[2]);
}

/* --- Many bytes, threads --- */

static void test_flow(void)
{
	static char buf[6000000];
	int s[2], queued, left, n;
	long sent = 0;
	pthread_t t;
	void *total;

	flow_fill(buf, sizeof(buf));
	pair(s);
	pthread_create(&t, NULL, flow_reader, &s[1]);
	say("flow.write", "%zd", write(s[0], buf, sizeof(buf)));
	shutdown(s[0], SHUT_WR);
	pthread_join(t, &total);
	say("flow.read", "%ld", (long)total);
	close_two(s);

	pair(s);
	fcntl(s[0], F_SETFL, O_NONBLOCK);
	fcntl(s[1], F_SETFL, O_NONBLOCK);
	while ((n = send(s[0], buf, 10000, 0)) > 0)
		sent += n;
	say("flow.full", "%s", errno_name(errno));
	check("flow.bounded", sent > 60000 && sent < 20000000);
	show_poll("flow.poll_full", s[0]);
	settle();
	ioctl(s[1], FIONREAD, &queued);
	check("flow.queued", queued > 30000 && queued <= sent);
	for (left = sent; left > 0; left -= n) {
		struct pollfd p = {s[1], POLLIN, 0};

		poll(&p, 1, 5000);
		n = read(s[1], buf, sizeof(buf));
		if (n <= 0)
			die("flow.drain");
	}
	settle();
	show_poll("flow.poll_again", s[0]);
	close_two(s);
}

/* --- Waiting --- */

static void *later(void *arg)
{
	int *s = arg;

	usleep(20000);
	switch (s[1]) {
	case 0:
		return (void *)(long)connect_to(tcp(0), "127.0.0.1", s[0]);
	case 1:
		put("wait.put", s[0], "late");
		return NULL;
	case 2:
		return (void *)(long)shutdown(s[0], SHUT_RDWR);
	default:
		close(s[0]);
		return NULL;
	}
}

static void with_later(int fd, int what, void (*body)(int), int arg)
{
	int job[2] = {fd, what};
	pthread_t t;

	pthread_create(&t, NULL, later, job);
	body(arg);
	pthread_join(t, NULL);
}

static int accepted = -1;

static void do_accept(int l)
{
	accepted = accept(l, NULL, NULL);
	if (accepted < 0)
		answer("wait.accept", accepted);
	else
		say("wait.accept", "ok");
}

static void do_recv(int s)
{
	show_read("wait.read", s, 64, 0);
}

static void do_epoll(int s)
{
	struct epoll_event e = {.events = EPOLLIN | EPOLLET | EPOLLRDHUP, .data.fd = s};
	int ep = epoll_create1(0);

	epoll_ctl(ep, EPOLL_CTL_ADD, s, &e);
	say("wait.epoll", "%d", epoll_wait(ep, &e, 1, 5000));
	say("wait.events", "%x", e.events);
	close(ep);
}

static void test_waiting(void)
{
	struct timeval short_time = {.tv_usec = 20000};
	int l = listener(0, 5), s[2];

	with_later(port_of(l), 0, do_accept, l);
	with_later(l, 2, do_accept, l);
	close(accepted);
	close(l);
	pair(s);
	with_later(s[1], 1, do_recv, s[0]);
	with_later(s[1], 1, do_epoll, s[0]);
	do_recv(s[0]);
	setsockopt(s[0], SOL_SOCKET, SO_RCVTIMEO, &short_time, sizeof(short_time));
	do_recv(s[0]);
	setsockopt(s[0], SOL_SOCKET, SO_RCVTIMEO, &(struct timeval){0}, sizeof(short_time));
	with_later(s[1], 3, do_epoll, s[0]);
	do_recv(s[0]);
	close(s[0]);
	pair(s);
	with_later(s[0], 2, do_recv, s[0]);
	close_two(s);
}

/* Nothing, too, can only be sent over a connection. */
static void test_nothing(void)
{
	int s = socket(AF_INET, SOCK_STREAM, 0), l, c, v = 7;
	unsigned rate = 5;
	socklen_t len = sizeof(rate);

	answer("nothing.fresh", send(s, "", 0, 0));
	for (int how = SHUT_RD; how <= SHUT_RDWR; how++)
		answer("nothing.shutdown", shutdown(s, how));
	answer("nothing.recv", recv(s, &c, 1, MSG_DONTWAIT));
	answer("nothing.atmark", ioctl(s, SIOCATMARK, &v));
	close(s);
	s = socket(AF_INET, SOCK_STREAM, 0);
	answer("nothing.shut_write", shutdown(s, SHUT_WR));
	answer("nothing.recv_fresh", recv(s, &c, 1, MSG_DONTWAIT));
	getsockopt(s, SOL_SOCKET, SO_MAX_PACING_RATE, &rate, &len);
	say("pacing", "%x %d", rate, len);
	rate = 1000;
	answer("pacing.set", setsockopt(s, SOL_SOCKET, SO_MAX_PACING_RATE, &rate, len));
	getsockopt(s, SOL_SOCKET, SO_MAX_PACING_RATE, &rate, &len);
	say("pacing", "%u %d", rate, len);
	close(s);
	l = listener(7100, 5);
	answer("nothing.listening", send(l, "", 0, 0));
	c = socket(AF_INET, SOCK_STREAM, 0);
	connect_to(c, "127.0.0.1", 7100);
	answer("nothing.connected", send(c, "", 0, 0));
	shutdown(c, SHUT_WR);
	answer("nothing.shut", send(c, "", 0, 0));
	close(c);
	close(l);
	s = socket(AF_INET, SOCK_DGRAM, 0);
	answer("nothing.datagram", ioctl(s, SIOCATMARK, &v));
	close(s);
}

int main(void)
{
	signal(SIGPIPE, on_sigpipe);
	alarm(60);
	test_fresh();
	test_connect();
	test_nonblock();
	test_ends();
	test_unaccepted();
	test_flow();
	test_waiting();
	test_nothing();
	return test_failed;
}
