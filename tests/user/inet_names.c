/* AF_INET sockets: addresses and ports, options, datagrams, the loopback interface. */
#include "tests/user/inet.h"

#include <net/if.h>
#include <sys/ioctl.h>

#define PORT 5000

/* --- Names --- */

static void test_bind(void)
{
	struct sockaddr_in a;
	int s = tcp(0), t, port;

	address(&a, "127.0.0.1", PORT);
	answer("bind.short", bind(s, (void *)&a, 8));
	a.sin_family = AF_UNIX;
	answer("bind.family", bind(s, (void *)&a, sizeof(a)));
	a.sin_family = AF_UNSPEC;
	answer("bind.unspec", bind(s, (void *)&a, sizeof(a)));
	answer("bind.not_here", bind_to(s, "10.1.2.3", PORT));
	answer("bind.bind", bind_to(s, "127.0.0.1", PORT));
	show_name("bind.name", s, false, true);
	answer("bind.again", bind_to(s, "127.0.0.1", PORT));
	t = tcp(0);
	answer("bind.in_use", bind_to(t, "127.0.0.1", PORT));
	answer("bind.in_use_any", bind_to(t, "0.0.0.0", PORT));
	answer("bind.other_address", bind_to(t, "127.0.0.2", PORT));
	close(t);
	t = udp(0);
	answer("bind.other_protocol", bind_to(t, "127.0.0.1", PORT));
	close(t);
	close(s);
	s = tcp(0);
	answer("bind.free_again", bind_to(s, "127.0.0.1", PORT));
	close(s);
	s = tcp(0);
	answer("bind.port_0", bind_to(s, "0.0.0.0", 0));
	port = port_of(s);
	check("bind.ephemeral", port >= 32768 && port <= 60999);
	t = tcp(0);
	bind_to(t, "0.0.0.0", 0);
	check("bind.ephemeral_other", port_of(t) != port);
	close(t);
	close(s);
	s = tcp(0);
	answer("bind.any_unspec", bind(s, (void *)&(struct sockaddr_in){0}, sizeof(a)));
	close(s);
	s = tcp(0);
	answer("bind.root_port", bind_to(s, "127.0.0.1", 80));
	close(s);
	s = tcp(0);
	answer("bind.broadcast", bind_to(s, "127.255.255.255", PORT));
	close(s);
}

static int reusing(int option, const char *host)
{
	int s = tcp(0), one = 1;

	if (option)
		setsockopt(s, SOL_SOCKET, option, &one, sizeof(one));
	if (bind_to(s, host, PORT) == 0)
		return s;
	say("reuse.bind", "%s", errno_name(errno));
	close(s);
	return -1;
}

static void test_reuse(void)
{
	int a = reusing(SO_REUSEADDR, "127.0.0.1"), b = reusing(SO_REUSEADDR, "127.0.0.1"), c;

	check("reuse.both", a >= 0 && b >= 0);
	answer("reuse.listen", listen(a, 1));
	answer("reuse.listen_second", listen(b, 1));
	close(b);
	check("reuse.with_listener", reusing(SO_REUSEADDR, "127.0.0.1") < 0);
	check("reuse.plain", reusing(0, "0.0.0.0") < 0);
	b = tcp(0);
	connect_to(b, "127.0.0.1", PORT);
	c = accept(a, NULL, NULL);
	close(a);
	check("reuse.plain_connected", reusing(0, "127.0.0.1") < 0);
	a = reusing(SO_REUSEADDR, "127.0.0.1");
	check("reuse.connected", a >= 0);
	answer("reuse.listen_again", listen(a, 1));
	close(a);
	close(b);
	close(c);

	a = reusing(SO_REUSEPORT, "127.0.0.4");
	b = reusing(SO_REUSEPORT, "127.0.0.4");
	check("reuseport.both", a >= 0 && b >= 0);
	answer("reuseport.listen", listen(a, 1));
	answer("reuseport.listen", listen(b, 1));
	check("reuseport.plain", reusing(0, "127.0.0.4") < 0);
	close(a);
	close(b);
}

/* A listener on an address is found before one on all of them. */
static void test_best(void)
{
	int any = tcp(0), one = tcp(0), s, on = 1;

	setsockopt(any, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	setsockopt(one, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	bind_to(one, "127.0.0.1", PORT + 1);
	bind_to(any, "0.0.0.0", PORT + 1);
	answer("best.listen", listen(one, 1));
	answer("best.listen_any", listen(any, 1));
	close(any);
	any = tcp(0);
	bind_to(any, "127.0.0.2", PORT + 1);
	listen(any, 1);
	s = tcp(0);
	connect_to(s, "127.0.0.2", PORT + 1);
	fcntl(any, F_SETFL, O_NONBLOCK);
	fcntl(one, F_SETFL, O_NONBLOCK);
	check("best.second", accept(any, NULL, NULL) >= 0);
	answer("best.not_first", accept(one, NULL, NULL));
	close(s);
	close(any);
	close(one);
}

static void unprivileged(void)
{
	int s = tcp(0);

	if (setuid(1000))
		die("setuid");
	answer("user.port_80", bind_to(s, "127.0.0.1", 80));
	answer("user.port_1023", bind_to(s, "127.0.0.1", 1023));
	answer("user.port_1024", bind_to(s, "127.0.0.1", 1024));
	answer("user.raw", socket(AF_INET, SOCK_RAW, IPPROTO_ICMP));
	set_opt("user.priority", s, SOL_SOCKET, SO_PRIORITY, 7);
	set_opt("user.force", s, SOL_SOCKET, SO_SNDBUFFORCE, 10000);
}

static void set_file(const char *name, const char *text)
{
	if (write_setting(name, text) < 0)
		answer(name, -1);
}

static void user_port(void)
{
	if (setuid(1000))
		die("setuid");
	answer("sysctl.user_port", bind_to(tcp(0), "127.0.0.1", 80));
}

static void test_sysctl(void)
{
	int s = tcp(0), port;

	show_setting("/proc/sys/net/core/somaxconn");
	show_setting("/proc/sys/net/ipv4/ip_local_port_range");
	show_setting("/proc/sys/net/ipv4/ip_unprivileged_port_start");
	set_file("/proc/sys/net/ipv4/ip_local_port_range", "40000 40009");
	bind_to(s, "127.0.0.1", 0);
	port = port_of(s);
	check("sysctl.range", port >= 40000 && port <= 40009);
	set_file("/proc/sys/net/ipv4/ip_local_port_range", "40000 40000");
	close(s);
	s = tcp(0);
	answer("sysctl.one", bind_to(s, "127.0.0.1", 0));
	answer("sysctl.none", bind_to(tcp(0), "127.0.0.1", 0));
	close(s);
	set_file("/proc/sys/net/ipv4/ip_local_port_range", "32768 60999");
	set_file("/proc/sys/net/ipv4/ip_unprivileged_port_start", "80");
	isolated("sysctl.user", user_port);
	set_file("/proc/sys/net/ipv4/ip_unprivileged_port_start", "1024");
}

/* --- Options --- */

static void test_options(void)
{
	static const struct {
		const char *name;
		int level, option, value;
	} rows[] = {
		{"SO_REUSEADDR", SOL_SOCKET, SO_REUSEADDR, 1},
		{"SO_REUSEPORT", SOL_SOCKET, SO_REUSEPORT, 1},
		{"SO_KEEPALIVE", SOL_SOCKET, SO_KEEPALIVE, 1},
		{"SO_OOBINLINE", SOL_SOCKET, SO_OOBINLINE, 1},
		{"SO_SNDBUF", SOL_SOCKET, SO_SNDBUF, 20000},
		{"SO_RCVBUF", SOL_SOCKET, SO_RCVBUF, 20000},
		{"SO_RCVLOWAT", SOL_SOCKET, SO_RCVLOWAT, 5},
		{"TCP_NODELAY", IPPROTO_TCP, TCP_NODELAY, 1},
		{"TCP_CORK", IPPROTO_TCP, TCP_CORK, 1},
		{"TCP_KEEPIDLE", IPPROTO_TCP, TCP_KEEPIDLE, 300},
		{"TCP_KEEPINTVL", IPPROTO_TCP, TCP_KEEPINTVL, 100},
		{"TCP_KEEPCNT", IPPROTO_TCP, TCP_KEEPCNT, 3},
		{"TCP_SYNCNT", IPPROTO_TCP, TCP_SYNCNT, 4},
		{"TCP_USER_TIMEOUT", IPPROTO_TCP, TCP_USER_TIMEOUT, 5000},
		{"TCP_QUICKACK", IPPROTO_TCP, TCP_QUICKACK, 0},
		{"IP_TOS", IPPROTO_IP, IP_TOS, 16},
		{"IP_TTL", IPPROTO_IP, IP_TTL, 9},
		{"IP_RECVERR", IPPROTO_IP, IP_RECVERR, 1},
		{"IP_MTU_DISCOVER", IPPROTO_IP, IP_MTU_DISCOVER, 3},
		{"IP_BIND_ADDRESS_NO_PORT", IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1},
	};
	int s = tcp(0), u = udp(0), one = 1;
	char name[64];

	for (size_t i = 0; i < COUNT(rows); i++) {
		snprintf(name, sizeof(name), "option.%s", rows[i].name);
		show_opt(name, s, rows[i].level, rows[i].option);
		set_opt(name, s, rows[i].level, rows[i].option, rows[i].value);
		show_opt(name, s, rows[i].level, rows[i].option);
	}
	set_opt("option.keepcnt_0", s, IPPROTO_TCP, TCP_KEEPCNT, 0);
	set_opt("option.keepidle_big", s, IPPROTO_TCP, TCP_KEEPIDLE, 40000);
	set_opt("option.ttl_big", s, IPPROTO_IP, IP_TTL, 256);
	set_opt("option.tcp_unknown", s, IPPROTO_TCP, 1000, 1);
	set_opt("option.ip_unknown", s, IPPROTO_IP, 1000, 1);
	set_opt("option.socket_unknown", s, SOL_SOCKET, 1000, 1);
	show_opt("option.tcp_unknown", s, IPPROTO_TCP, 1000);
	show_opt("option.ip_unknown", s, IPPROTO_IP, 1000);
	set_opt("option.level", s, 99, 1, 1);
	show_opt("option.level", s, 99, 1);
	answer("option.short", setsockopt(s, IPPROTO_TCP, TCP_NODELAY, &one, 2));
	answer("option.fault", setsockopt(s, IPPROTO_TCP, TCP_NODELAY, (void *)4, 4));
	show_opt("option.udp_nodelay", u, IPPROTO_TCP, TCP_NODELAY);
	set_opt("option.udp_nodelay", u, IPPROTO_TCP, TCP_NODELAY, 1);
	set_opt("option.tcp_udp", s, IPPROTO_UDP, 1, 1);
	set_opt("option.broadcast", u, SOL_SOCKET, SO_BROADCAST, 1);
	show_opt("option.broadcast", u, SOL_SOCKET, SO_BROADCAST);
	show_opt("option.udp_sndbuf", u, SOL_SOCKET, SO_SNDBUF);
	show_opt("option.udp_rcvbuf", u, SOL_SOCKET, SO_RCVBUF);
	show_opt("option.udp_type", u, SOL_SOCKET, SO_TYPE);
	show_opt("option.udp_protocol", u, SOL_SOCKET, SO_PROTOCOL);
	show_opt("option.passcred", u, SOL_SOCKET, SO_PASSCRED);
	close(s);
	close(u);
}

/* --- Datagrams --- */

static void show_from(const char *what, int s, size_t n, int flags)
{
	struct sockaddr_in a = {0};
	socklen_t len = sizeof(a);
	char buf[256] = {0};
	ssize_t got = recvfrom(s, buf, n, flags, (void *)&a, &len);

	if (got < 0)
		answer(what, got);
	else
		say(what, "%zd %s from len %u %s:%d", got, buf, len, inet_ntoa(a.sin_addr),
			ntohs(a.sin_port) >= 32768 ? 0 : ntohs(a.sin_port));
}

static int send_to(int s, const char *host, int port, const char *text)
{
	struct sockaddr_in a;

	address(&a, host, port);
	return sendto(s, text, strlen(text), 0, (void *)&a, sizeof(a));
}

static void test_dgram(void)
{
	struct sockaddr unspec = {.sa_family = AF_UNSPEC};
	static char big[70000];
	struct sockaddr_in addr;
	int a = udp(0), b = udp(0), c = udp(0), n;
	struct iovec iov = {big, 4};
	struct msghdr m = {.msg_iov = &iov, .msg_iovlen = 1};

	show_poll("dgram.poll", a);
	answer("dgram.no_address", send(c, "x", 1, 0));
	check("dgram.no_address_bound", port_of(c) >= 32768);
	close(c);
	c = udp(0);
	answer("dgram.bind", bind_to(a, "127.0.0.1", PORT));
	answer("dgram.bind_any", bind_to(b, "0.0.0.0", PORT + 1));
	show_name("dgram.name", b, false, true);
	answer("dgram.in_use", bind_to(c, "127.0.0.1", PORT + 1));
	answer("dgram.send", send_to(b, "127.0.0.1", PORT, "to a"));
	answer("dgram.send_unbound", send_to(c, "127.0.0.1", PORT, "from c"));
	check("dgram.autobound", port_of(c) >= 32768);
	show_name("dgram.autoname", c, false, false);
	answer("dgram.send_nobody", send_to(c, "127.0.0.1", PORT + 7, "x"));
	show_opt("dgram.no_error", c, SOL_SOCKET, SO_ERROR);
	answer("dgram.unreachable", send_to(c, "10.1.1.1", PORT, "x"));
	answer("dgram.port_0", send_to(c, "127.0.0.1", 0, "x"));
	address(&addr, "127.0.0.1", PORT);
	addr.sin_family = AF_UNIX;
	answer("dgram.family", sendto(c, "x", 1, 0, (void *)&addr, sizeof(addr)));
	addr.sin_family = AF_INET;
	answer("dgram.short", sendto(c, "x", 1, 0, (void *)&addr, 8));
	show_poll("dgram.poll_in", a);
	ioctl(a, FIONREAD, &n);
	say("dgram.inq", "%d", n);
	show_from("dgram.peek", a, 64, MSG_PEEK);
	show_from("dgram.recv", a, 64, 0);
	show_from("dgram.cut", a, 3, 0);
	show_from("dgram.none", a, 64, MSG_DONTWAIT);
	send_to(a, "127.0.0.5", PORT + 1, "long");
	show_from("dgram.trunc", b, 2, MSG_TRUNC);
	send_to(a, "127.0.0.5", PORT + 1, "123456");
	answer("dgram.recvmsg", recvmsg(b, &m, 0));
	say("dgram.recvmsg_flags", "%x", m.msg_flags);
	send_to(a, "0.0.0.0", PORT + 1, "anywhere");
	show_from("dgram.any", b, 64, 0);
	answer("dgram.empty", send_to(a, "127.0.0.1", PORT + 1, ""));
	show_poll("dgram.poll_empty", b);
	show_from("dgram.empty", b, 64, 0);

	answer("dgram.connect", connect_to(c, "127.0.0.1", PORT));
	show_name("dgram.peer", c, true, true);
	show_name("dgram.connected_name", c, false, false);
	answer("dgram.write", write(c, "one", 3));
	answer("dgram.sendto_other", send_to(c, "127.0.0.1", PORT + 1, "two"));
	show_from("dgram.one", a, 64, 0);
	show_from("dgram.two", b, 64, 0);
	send_to(b, "127.0.0.1", port_of(c), "not from a");
	show_from("dgram.not_peer", c, 64, MSG_DONTWAIT);
	send_to(a, "127.0.0.1", port_of(c), "from a");
	show_from("dgram.from_peer", c, 64, 0);
	answer("dgram.too_big", send(c, big, sizeof(big), 0));
	answer("dgram.biggest", send(c, big, 65507, 0));
	answer("dgram.too_big", send(c, big, 65508, 0));
	say("dgram.biggest", "%zd", recv(a, big, sizeof(big), 0));
	answer("dgram.listen", listen(a, 1));
	answer("dgram.accept", accept(a, NULL, NULL));
	for (n = 0; n < 10000 && send(c, "y", 1, 0) == 1; n++)
		;
	say("dgram.never_full", "%d", n);
	for (n = 0; recv(a, big, sizeof(big), MSG_DONTWAIT) == 1; n++)
		;
	check("dgram.dropped", n > 50 && n < 5000);
	show_poll("dgram.poll_sent", c);
	close(a);
	answer("dgram.gone", write(c, "x", 1));
	usleep(2000);
	show_poll("dgram.poll_gone", c);
	answer("dgram.gone_told", write(c, "x", 1));
	usleep(2000);
	show_from("dgram.gone_read", c, 64, MSG_DONTWAIT);
	show_from("dgram.gone_once", c, 64, MSG_DONTWAIT);
	answer("dgram.disconnect", connect(c, &unspec, sizeof(unspec)));
	show_name("dgram.no_peer", c, true, true);
	answer("dgram.write_unconnected", write(c, "x", 1));
	answer("dgram.connect_unreachable", connect_to(c, "10.1.1.1", 1));
	answer("dgram.shutdown_unconnected", shutdown(c, SHUT_RDWR));
	answer("dgram.connect_again", connect_to(c, "127.0.0.1", PORT + 1));
	answer("dgram.shutdown", shutdown(c, SHUT_RDWR));
	show_poll("dgram.poll_shut", c);
	answer("dgram.write_shut", send(c, "x", 1, MSG_NOSIGNAL));
	show_from("dgram.read_shut", c, 64, 0);
	close(b);
	close(c);
}

/* --- Interfaces --- */

/* Of sockets that may have the same name the one that was named last gets what is sent there. */
static void test_dgram_alike(void)
{
	int s[3], from = udp(0), on = 1;
	char c;

	for (int i = 0; i < 3; i++) {
		s[i] = udp(SOCK_NONBLOCK);
		setsockopt(s[i], SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
		answer("alike.bind", bind_to(s[i], "127.0.0.1", PORT + 3));
	}
	for (int i = 0; i < 4; i++) {
		answer("alike.send", send_to(from, "127.0.0.1", PORT + 3, "x"));
		if (i == 2)
			close(s[2]);
	}
	answer("alike.first", recv(s[0], &c, 1, 0));
	answer("alike.second", recv(s[1], &c, 1, 0));
	answer("alike.second", recv(s[1], &c, 1, 0));
	close(s[0]);
	close(s[1]);
	close(from);
}

static void test_interfaces(void)
{
	struct ifreq r[4];
	struct ifconf list = {.ifc_len = sizeof(r), .ifc_req = r};
	struct sockaddr_in *a = (void *)&r[0].ifr_addr;
	int s = udp(0), l;

	answer("if.conf", ioctl(s, SIOCGIFCONF, &list));
	say("if.list", "%d %s %s", list.ifc_len, r[0].ifr_name, inet_ntoa(a->sin_addr));
	list.ifc_req = NULL;
	answer("if.conf_size", ioctl(s, SIOCGIFCONF, &list));
	say("if.size", "%d", list.ifc_len);
	answer("if.flags", ioctl(s, SIOCGIFFLAGS, &r[0]));
	say("if.flags", "%x", r[0].ifr_flags);
	answer("if.set_flags", ioctl(s, SIOCSIFFLAGS, &r[0]));
	answer("if.addr", ioctl(s, SIOCGIFADDR, &r[0]));
	say("if.addr", "%d %s", a->sin_family, inet_ntoa(a->sin_addr));
	answer("if.netmask", ioctl(s, SIOCGIFNETMASK, &r[0]));
	say("if.netmask", "%s", inet_ntoa(a->sin_addr));
	answer("if.mtu", ioctl(s, SIOCGIFMTU, &r[0]));
	say("if.mtu", "%d", r[0].ifr_mtu);
	answer("if.index", ioctl(s, SIOCGIFINDEX, &r[0]));
	say("if.index", "%d", r[0].ifr_ifindex);
	memset(r[0].ifr_name, 0, sizeof(r[0].ifr_name));
	answer("if.name", ioctl(s, SIOCGIFNAME, &r[0]));
	say("if.name", "%s", r[0].ifr_name);
	strcpy(r[0].ifr_name, "eth7");
	answer("if.none", ioctl(s, SIOCGIFFLAGS, &r[0]));
	answer("if.unknown", ioctl(s, 0x8fff, &r[0]));
	answer("if.fault", ioctl(s, SIOCGIFFLAGS, 4));
	answer("if.tty", ioctl(s, 0x5401, 4));
	l = tcp(0);
	listen(l, 1);
	answer("if.inq_listening", ioctl(l, FIONREAD, &s));
	close(l);
	close(s);
}

/* What ifconfig(8) asks of the interface, and sets: to what it is, for there is only one loopback.
 */
static void test_ifconfig(void)
{
	struct ifreq r = {.ifr_name = "lo"};
	struct sockaddr_in *a = (void *)&r.ifr_addr;
	int s = udp(0);

	answer("ifconfig.addr", ioctl(s, SIOCGIFADDR, &r));
	answer("ifconfig.set_addr", ioctl(s, SIOCSIFADDR, &r));
	answer("ifconfig.dstaddr", ioctl(s, SIOCGIFDSTADDR, &r));
	say("ifconfig.dstaddr", "%d %s", a->sin_family, inet_ntoa(a->sin_addr));
	answer("ifconfig.brdaddr", ioctl(s, SIOCGIFBRDADDR, &r));
	say("ifconfig.brdaddr", "%d %s", a->sin_family, inet_ntoa(a->sin_addr));
	answer("ifconfig.netmask", ioctl(s, SIOCGIFNETMASK, &r));
	answer("ifconfig.set_netmask", ioctl(s, SIOCSIFNETMASK, &r));
	a->sin_family = AF_UNIX;
	answer("ifconfig.family", ioctl(s, SIOCSIFADDR, &r));
	answer("ifconfig.metric", ioctl(s, SIOCGIFMETRIC, &r));
	say("ifconfig.metric", "%d", r.ifr_metric);
	answer("ifconfig.hwaddr", ioctl(s, SIOCGIFHWADDR, &r));
	say("ifconfig.hwaddr", "%d %x", r.ifr_hwaddr.sa_family, r.ifr_hwaddr.sa_data[5]);
	answer("ifconfig.qlen", ioctl(s, SIOCGIFTXQLEN, &r));
	say("ifconfig.qlen", "%d", r.ifr_qlen);
	answer("ifconfig.map", ioctl(s, SIOCGIFMAP, &r));
	say("ifconfig.map", "%lx %lx", r.ifr_map.mem_start, r.ifr_map.mem_end);
	strcpy(r.ifr_name, "eth7");
	answer("ifconfig.set_none", ioctl(s, SIOCSIFADDR, &r));
	if (setuid(65534) == 0)
		answer("ifconfig.user", ioctl(s, SIOCSIFADDR, &r));
	close(s);
}

int main(void)
{
	alarm(60);
	test_bind();
	test_reuse();
	test_best();
	isolated("user", unprivileged);
	test_sysctl();
	test_options();
	test_dgram();
	test_dgram_alike();
	test_interfaces();
	isolated("ifconfig", test_ifconfig);
	return test_failed;
}
