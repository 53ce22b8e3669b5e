/* When a message came: SO_TIMESTAMP and its relatives. */
#include "tests/user/test.h"

#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>

#define TIMEVAL	     29
#define TIMESPEC     35
#define TIMEVAL_NEW  63
#define TIMESPEC_NEW 64

static const int options[] = {TIMEVAL, TIMESPEC, TIMEVAL_NEW, TIMESPEC_NEW};

static long set(int s, int option, int value)
{
	return setsockopt(s, SOL_SOCKET, option, &value, sizeof(value));
}

static void show_options(const char *name, int s)
{
	char line[64] = "";
	int value;

	for (size_t i = 0; i < COUNT(options); i++) {
		socklen_t len = sizeof(value);

		if (getsockopt(s, SOL_SOCKET, options[i], &value, &len))
			value = -1;
		snprintf(line + strlen(line), sizeof(line) - strlen(line), " %d", value);
	}
	say(name, "%s", line + 1);
}

static int64_t now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return t.tv_sec * 1000000000ll + t.tv_nsec;
}

/* What the control message says, in nanoseconds. */
static int64_t stamp_of(const struct cmsghdr *c)
{
	const int32_t *narrow = (const void *)CMSG_DATA(c);
	int64_t wide[2] = {narrow[0], narrow[1]};

	if (c->cmsg_type == TIMEVAL_NEW || c->cmsg_type == TIMESPEC_NEW)
		memcpy(wide, narrow, sizeof(wide));
	if (c->cmsg_type == TIMEVAL || c->cmsg_type == TIMEVAL_NEW)
		wide[1] *= 1000;
	return wide[0] * 1000000000 + wide[1];
}

static void receive(const char *name, int s, size_t room, int64_t from, int64_t to, int flags)
{
	char control[256], data[16], text[128] = "";
	struct iovec iov = {data, sizeof(data)};
	struct msghdr m = {.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = room ? control : NULL,
		.msg_controllen = room};
	ssize_t n = recvmsg(s, &m, flags);

	for (struct cmsghdr *c = CMSG_FIRSTHDR(&m); n >= 0 && c; c = CMSG_NXTHDR(&m, c)) {
		snprintf(text + strlen(text), sizeof(text) - strlen(text), ", type %d len %d",
			c->cmsg_type, (int)c->cmsg_len);
		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type < TIMEVAL ||
			m.msg_flags & MSG_CTRUNC)
			continue;
		strcat(text, stamp_of(c) / 1000 < from / 1000 ? " early"
			     : stamp_of(c) > to		      ? " late"
							      : " then");
	}
	say(name, "%zd, control %zu, flags %x%s", n, m.msg_controllen, m.msg_flags, text);
}

/* Sends, waits, receives: the time is that of the sending. */
static void test_kind(const char *kind, int from, int to)
{
	char name[64];
	int64_t before, after;
	int on = 1;

	for (size_t i = 0; i < COUNT(options); i++) {
		snprintf(name, sizeof(name), "%s.%d", kind, options[i]);
		answer(name, set(to, options[i], i + 1));
		show_options(name, to);
		before = now();
		if (send(from, "text", 4, 0) != 4)
			die("send");
		after = now();
		usleep(30000);
		receive(name, to, 256, before, after, MSG_PEEK);
		receive(name, to, 256, before, after, 0);
	}
	for (size_t room = 0; room < 28; room += 4) {
		snprintf(name, sizeof(name), "%s.room_%zu", kind, room);
		send(from, "text", 4, 0);
		receive(name, to, room, 0, 0, 0);
	}
	set(to, SO_PASSCRED, 1);
	setsockopt(to, SOL_SOCKET, SO_PASSCRED, &on, sizeof(on));
	snprintf(name, sizeof(name), "%s.with_cred", kind);
	before = now();
	send(from, "text", 4, 0);
	receive(name, to, 256, before, now(), 0);
	send(from, "text", 4, 0);
	receive(name, to, 40, 0, 0, 0);
	answer(name, set(to, TIMEVAL, 0)); /* whichever is on */
	show_options(name, to);
	send(from, "text", 4, 0);
	receive(name, to, 256, 0, 0, 0);
}

/* Nobody looked when it came. */
static void test_late(int from, int to)
{
	int64_t before;

	send(from, "text", 4, 0);
	set(to, TIMESPEC, 1);
	set(to, SO_PASSCRED, 0);
	before = now();
	receive("late", to, 256, before, before + 1000000000, 0);
}

int main(void)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(a);
	int64_t before;
	int p[2], s, c;

	alarm(60);
	socketpair(AF_UNIX, SOCK_DGRAM, 0, p);
	test_kind("unix", p[0], p[1]);
	test_late(p[0], p[1]);
	socketpair(AF_UNIX, SOCK_SEQPACKET, 0, p);
	test_kind("seqpacket", p[0], p[1]);
	socketpair(AF_UNIX, SOCK_STREAM, 0, p);
	test_kind("stream", p[0], p[1]);
	s = socket(AF_INET, SOCK_DGRAM, 0);
	c = socket(AF_INET, SOCK_DGRAM, 0);
	bind(s, (void *)&a, sizeof(a));
	getsockname(s, (void *)&a, &len);
	connect(c, (void *)&a, sizeof(a));
	test_kind("udp", c, s);
	a.sin_port = 0;
	s = socket(AF_INET, SOCK_STREAM, 0);
	bind(s, (void *)&a, sizeof(a));
	getsockname(s, (void *)&a, &len);
	set(s, TIMESPEC, 1);
	listen(s, 1);
	c = socket(AF_INET, SOCK_STREAM, 0);
	connect(c, (void *)&a, sizeof(a));
	s = accept(s, NULL, NULL);
	show_options("tcp.inherited", s);
	before = now();
	send(c, "text", 4, 0);
	receive("tcp.data", s, 256, before, now(), 0);
	receive("tcp.none", s, 256, 0, 0, MSG_DONTWAIT);
	return test_failed;
}
