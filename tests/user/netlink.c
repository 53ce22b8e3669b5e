/* AF_NETLINK with NETLINK_ROUTE: names, requests and their answers, and what libc makes of them. */
#include "tests/user/test.h"

#include <ifaddrs.h>
#include <linux/if_addr.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sys/socket.h>

static int s;

static void show_names(const char *name, int fd)
{
	struct sockaddr_nl own = {.nl_pid = 9}, peer = {.nl_pid = 9};
	socklen_t len = sizeof(own), peer_len = sizeof(peer);

	getsockname(fd, (void *)&own, &len);
	getpeername(fd, (void *)&peer, &peer_len);
	say(name, "%u: family %d, port %s, groups %x; peer %u: family %d, port %d", len,
		own.nl_family,
		own.nl_pid == (unsigned)getpid() ? "mine"
		: (int)own.nl_pid < 0		 ? "negative"
		: own.nl_pid			 ? "other"
						 : "none",
		own.nl_groups, peer_len, peer.nl_family, peer.nl_pid);
}

static int bind_to(int fd, int family, unsigned port, socklen_t len)
{
	struct sockaddr_nl a = {.nl_family = family, .nl_pid = port};

	return bind(fd, (void *)&a, len);
}

static void names(void)
{
	int second = socket(AF_NETLINK, SOCK_DGRAM, NETLINK_ROUTE), third, pair[2], value;
	socklen_t len = sizeof(value);

	answer("stream", socket(AF_NETLINK, SOCK_STREAM, 0));
	answer("protocol", socket(AF_NETLINK, SOCK_RAW, 31));
	answer("pair", socketpair(AF_NETLINK, SOCK_RAW, 0, pair));
	show_names("fresh", s);
	answer("bind.short", bind_to(s, AF_NETLINK, 0, 8));
	answer("bind.family", bind_to(s, AF_INET, 0, 12));
	answer("bind", bind_to(s, AF_NETLINK, 0, 12));
	answer("bind.again", bind_to(s, AF_NETLINK, 0, 12));
	answer("bind.other", bind_to(s, AF_NETLINK, 4321, 12));
	show_names("bound", s);
	answer("bind.second", bind_to(second, AF_NETLINK, 0, 12));
	show_names("second", second);
	third = socket(AF_NETLINK, SOCK_RAW, 0);
	answer("bind.in_use", bind_to(third, AF_NETLINK, getpid(), 12));
	answer("bind.chosen", bind_to(third, AF_NETLINK, 77777, 12));
	show_names("third", third);
	answer("listen", listen(third, 1));
	answer("accept", accept(third, NULL, NULL));
	answer("shutdown", shutdown(third, SHUT_RDWR));
	getsockopt(third, SOL_SOCKET, SO_TYPE, &value, &len);
	say("type", "%d", value);
	close(second);
	close(third);
}

static void options(void)
{
	static const int some[] = {NETLINK_ADD_MEMBERSHIP, NETLINK_PKTINFO, NETLINK_CAP_ACK,
		NETLINK_EXT_ACK, NETLINK_GET_STRICT_CHK, 13, 40};
	int fd = socket(AF_NETLINK, SOCK_RAW, 0), value;
	socklen_t len;

	for (size_t i = 0; i < COUNT(some); i++) {
		value = 1;
		answer("setsockopt", setsockopt(fd, SOL_NETLINK, some[i], &value, sizeof(value)));
		value = 9;
		len = sizeof(value);
		if (i)
			say("getsockopt", "%d %d",
				getsockopt(fd, SOL_NETLINK, some[i], &value, &len), value);
	}
	close(fd);
}

/* --- Requests --- */

static const int shown[] = {IFLA_ADDRESS, IFLA_BROADCAST, IFLA_IFNAME, IFLA_MTU, IFLA_QDISC,
	IFLA_TXQLEN, IFLA_OPERSTATE, IFLA_CARRIER, IFLA_GROUP};

static void show_attributes(const struct nlmsghdr *h, size_t head)
{
	const struct rtattr *a = (void *)((char *)NLMSG_DATA(h) + NLMSG_ALIGN(head));
	int left = h->nlmsg_len - NLMSG_SPACE(head), at;
	char line[128];

	for (; RTA_OK(a, left); a = RTA_NEXT(a, left)) {
		bool wanted = h->nlmsg_type == RTM_NEWADDR && a->rta_type != IFA_CACHEINFO;

		for (size_t i = 0; i < COUNT(shown); i++)
			wanted |= h->nlmsg_type == RTM_NEWLINK && a->rta_type == shown[i];
		at = 0;
		for (size_t i = 0; wanted && i < RTA_PAYLOAD(a) && i < 16; i++)
			at += sprintf(line + at, "%02x", ((unsigned char *)RTA_DATA(a))[i]);
		if (wanted)
			say("  attribute", "%d: %s", a->rta_type, line);
	}
}

/* Returns whether it was the last answer to its request. */
static bool show_message(const struct nlmsghdr *h)
{
	const struct nlmsgerr *e = NLMSG_DATA(h);
	const struct ifinfomsg *link = NLMSG_DATA(h);
	const struct ifaddrmsg *addr = NLMSG_DATA(h);

	say(" message", "type %d flags %x seq %d%s", h->nlmsg_type, h->nlmsg_flags, h->nlmsg_seq,
		h->nlmsg_pid == (unsigned)getpid() ? "" : " NOT TO ME");
	switch (h->nlmsg_type) {
	case NLMSG_ERROR:
		say("  error", "%s, message of %d of %d", e->error ? errno_name(-e->error) : "none",
			h->nlmsg_len - (int)NLMSG_SPACE(sizeof(int)), e->msg.nlmsg_len);
		return true;
	case RTM_NEWLINK:
		say("  link", "%d: type %d flags %x", link->ifi_index, link->ifi_type,
			link->ifi_flags);
		show_attributes(h, sizeof(*link));
		break;
	case RTM_NEWADDR:
		say("  address", "of %d: family %d /%d flags %x scope %d", addr->ifa_index,
			addr->ifa_family, addr->ifa_prefixlen, addr->ifa_flags, addr->ifa_scope);
		show_attributes(h, sizeof(*addr));
		break;
	}
	return h->nlmsg_type == NLMSG_DONE || !(h->nlmsg_flags & NLM_F_MULTI);
}

static void show_answers(void)
{
	static char buf[32768];
	struct sockaddr_nl from;
	struct iovec iov = {buf, sizeof(buf)};
	struct msghdr m = {&from, sizeof(from), &iov, 1, NULL, 0, 0};
	int size = recv(s, buf, 1, MSG_PEEK | MSG_TRUNC | MSG_DONTWAIT);
	bool last = false;

	while (!last) {
		int n = recvmsg(s, &m, MSG_DONTWAIT);

		if (n < 0) {
			answer(" nothing", n);
			return;
		}
		if (size != n)
			say(" size", "peeked %d got %d", size, n);
		for (struct nlmsghdr *h = (void *)buf; NLMSG_OK(h, (unsigned)n);
			h = NLMSG_NEXT(h, n))
			last = show_message(h);
		size = last ? 0 : recv(s, buf, 1, MSG_PEEK | MSG_TRUNC | MSG_DONTWAIT);
	}
}

static void request(const char *name, int type, int flags, const void *body, size_t len)
{
	struct {
		struct nlmsghdr h;
		char body[64];
	} r = {.h = {NLMSG_LENGTH(len), type, NLM_F_REQUEST | flags, 7, 0}};
	int n;

	memcpy(r.body, body, len);
	n = send(s, &r, r.h.nlmsg_len, 0);
	if (n != (int)r.h.nlmsg_len)
		answer(name, n);
	else
		say(name, "sent");
	show_answers();
}

struct named {
	struct ifinfomsg head;
	struct rtattr attr;
	char name[8];
};

static void requests(void)
{
	struct ifinfomsg link = {0};
	struct ifaddrmsg addr = {.ifa_family = AF_INET};
	struct rtmsg route = {.rtm_family = AF_INET};
	struct named named = {.attr = {7, IFLA_IFNAME}, .name = "lo"};
	struct nlmsghdr broken = {
		.nlmsg_len = 10, .nlmsg_type = RTM_GETLINK, .nlmsg_flags = NLM_F_REQUEST};
	struct sockaddr_nl to = {.nl_family = AF_NETLINK, .nl_pid = 99998};

	request("links", RTM_GETLINK, NLM_F_DUMP, &link, sizeof(link));
	request("links.short", RTM_GETLINK, NLM_F_DUMP, &link, 1);
	request("addresses", RTM_GETADDR, NLM_F_DUMP, &addr, sizeof(addr));
	request("neighbours", RTM_GETNEIGH, NLM_F_DUMP, &route, sizeof(route));
	request("link.none", RTM_GETLINK, 0, &link, sizeof(link));
	link.ifi_index = 1;
	request("link", RTM_GETLINK, 0, &link, sizeof(link));
	request("link.ack", RTM_GETLINK, NLM_F_ACK, &link, sizeof(link));
	link.ifi_index = 9;
	request("link.other", RTM_GETLINK, 0, &link, sizeof(link));
	request("link.named", RTM_GETLINK, 0, &named, sizeof(named) - 4);
	strcpy(named.name, "xx");
	request("link.named_other", RTM_GETLINK, NLM_F_ACK, &named, sizeof(named) - 4);
	request("address", RTM_GETADDR, 0, &addr, sizeof(addr));
	request("unknown", 200, NLM_F_ACK, &link, sizeof(link));
	request("noop", NLMSG_NOOP, NLM_F_ACK, &link, sizeof(link));
	link = (struct ifinfomsg){.ifi_index = 1, .ifi_flags = IFF_UP, .ifi_change = IFF_UP};
	request("up", RTM_NEWLINK, NLM_F_ACK, &link, sizeof(link));
	setsockopt(s, SOL_NETLINK, NETLINK_CAP_ACK, &(int){1}, sizeof(int));
	request("capped", 200, NLM_F_ACK, &link, sizeof(link));

	answer("broken", send(s, &broken, sizeof(broken), 0));
	broken.nlmsg_len = 100;
	answer("broken.long", send(s, &broken, sizeof(broken), 0));
	answer("broken.header", send(s, &broken, 4, 0));
	answer("empty", send(s, &broken, 0, 0));
	answer("to.nobody", sendto(s, &broken, 16, 0, (void *)&to, sizeof(to)));
	show_answers();
}

static void as_user(void)
{
	struct ifinfomsg link = {.ifi_index = 1, .ifi_flags = IFF_UP, .ifi_change = IFF_UP};
	struct sockaddr_nl to = {.nl_family = AF_NETLINK, .nl_pid = 99998};

	close(s);
	s = socket(AF_NETLINK, SOCK_RAW, 0);
	if (setuid(1000))
		die("setuid");
	request("user.up", RTM_NEWLINK, NLM_F_ACK, &link, sizeof(link));
	request("user.link", RTM_GETLINK, 0, &link, sizeof(link));
	answer("user.to", sendto(s, &link, 16, 0, (void *)&to, sizeof(to)));
}

/* --- libc --- */

static void libc(void)
{
	struct ifaddrs *all, *i;
	struct if_nameindex *names = if_nameindex();
	char name[IF_NAMESIZE] = "";

	if (getifaddrs(&all))
		die("getifaddrs");
	for (i = all; i; i = i->ifa_next) {
		int family = i->ifa_addr ? i->ifa_addr->sa_family : -1;

		if (family != AF_INET6)
			say("getifaddrs", "%s flags %x family %d", i->ifa_name, i->ifa_flags,
				family);
	}
	for (int n = 0; names && names[n].if_index; n++)
		say("if_nameindex", "%d %s", names[n].if_index, names[n].if_name);
	say("if_nametoindex", "%d %d", if_nametoindex("lo"), if_nametoindex("none"));
	if_indextoname(1, name);
	say("if_indextoname", "%s", name);
}

int main(void)
{
	s = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	names();
	options();
	requests();
	isolated("user", as_user);
	libc();
	return test_failed;
}
