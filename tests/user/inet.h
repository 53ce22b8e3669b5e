/* What the tests of AF_INET sockets share. */
#ifndef TESTS_USER_INET_H
#define TESTS_USER_INET_H

#include "tests/user/sockets.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>

static maybe int tcp(int flags)
{
	int s = socket(AF_INET, SOCK_STREAM | flags, 0);

	if (s < 0)
		die("socket");
	return s;
}

static maybe int udp(int flags)
{
	int s = socket(AF_INET, SOCK_DGRAM | flags, 0);

	if (s < 0)
		die("socket");
	return s;
}

static maybe void address(struct sockaddr_in *a, const char *host, int port)
{
	memset(a, 0, sizeof(*a));
	a->sin_family = AF_INET;
	a->sin_port = htons(port);
	inet_aton(host, &a->sin_addr);
}

static maybe int bind_to(int s, const char *host, int port)
{
	struct sockaddr_in a;

	address(&a, host, port);
	return bind(s, (void *)&a, sizeof(a));
}

static maybe int connect_to(int s, const char *host, int port)
{
	struct sockaddr_in a;

	address(&a, host, port);
	return connect(s, (void *)&a, sizeof(a));
}

static maybe int port_of(int s)
{
	struct sockaddr_in a = {0};
	socklen_t len = sizeof(a);

	getsockname(s, (void *)&a, &len);
	return ntohs(a.sin_port);
}

static maybe int peer_port(int s)
{
	struct sockaddr_in a = {0};
	socklen_t len = sizeof(a);

	getpeername(s, (void *)&a, &len);
	return ntohs(a.sin_port);
}

/* Ports that the kernel chose differ: they are not told. */
static maybe void show_name(const char *what, int s, bool peer, bool port)
{
	struct sockaddr_in a = {0};
	socklen_t len = sizeof(a);
	int err = peer ? getpeername(s, (void *)&a, &len) : getsockname(s, (void *)&a, &len);

	if (err)
		answer(what, err);
	else if (port)
		say(what, "family %d len %u %s:%d", a.sin_family, len, inet_ntoa(a.sin_addr),
			ntohs(a.sin_port));
	else
		say(what, "family %d len %u %s", a.sin_family, len, inet_ntoa(a.sin_addr));
}

#endif
