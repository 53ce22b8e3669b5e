/* What the tests of sockets share, of whatever family. */
#ifndef TESTS_USER_SOCKETS_H
#define TESTS_USER_SOCKETS_H

#include "tests/user/test.h"

#include <poll.h>
#include <sys/socket.h>

static maybe void show_poll(const char *what, int fd)
{
	struct pollfd p = {fd,
		POLLIN | POLLOUT | POLLRDHUP | POLLPRI | POLLWRBAND | POLLWRNORM | POLLRDNORM, 0};

	poll(&p, 1, 0);
	say(what, "%x", p.revents);
}

static maybe void show_opt(const char *what, int s, int level, int opt)
{
	int v = -1;
	socklen_t len = sizeof(v);
	int err = getsockopt(s, level, opt, &v, &len);

	if (err)
		answer(what, err);
	else
		say(what, "%d (%u)", v, len);
}

static maybe void set_opt(const char *what, int s, int level, int opt, int v)
{
	answer(what, setsockopt(s, level, opt, &v, sizeof(v)));
}

static maybe void show_read(const char *what, int fd, size_t n, int flags)
{
	char buf[1024] = {0};
	ssize_t got = recv(fd, buf, n, flags);

	if (got < 0)
		answer(what, got);
	else
		say(what, "%zd: %.*s", got, (int)(got < (ssize_t)n ? got : (ssize_t)n), buf);
}

/* The bytes of a long stream, each of which tells where it stands. */
static maybe char flow_byte(long at)
{
	return (char)(at * 7 / 3);
}

static maybe void flow_fill(char *buf, long n)
{
	for (long i = 0; i < n; i++)
		buf[i] = flow_byte(i);
}

/* A thread: reads such a stream from the descriptor at `arg`; returns its length. */
static maybe void *flow_reader(void *arg)
{
	static char buf[10000];
	long total = 0, n;

	usleep(20000);
	while ((n = read(*(int *)arg, buf, sizeof(buf))) > 0) {
		for (long i = 0; i < n; i++)
			if (buf[i] != flow_byte(total + i))
				say("flow.wrong_at", "%ld", total + i);
		total += n;
	}
	return (void *)total;
}

#endif
