/* /proc/net/tcp, udp and unix: columns, and what the states of sockets look like in them. */
#include "tests/user/inet.h"

#include <sys/un.h>

#define UNIX_PATH "net_files_socket"

/* The blank-separated words of a line; what differs between right kernels is left out: pointers,
 * counts of references, numbers of inodes but whether there is one, slots, what the network
 * measures. */
static void say_inet(const char *name, char *line, int words)
{
	char *rest, out[256] = "";
	int i = 0;

	for (char *w = strtok_r(line, " \n", &rest); w && i < words;
		w = strtok_r(NULL, " \n", &rest)) {
		if (i == 9)
			w = atoi(w) ? "ino" : "none";
		if (i) /* the slot */
			sprintf(out + strlen(out), " %s", w);
		i++;
	}
	say(name, "%s", out);
}

static char *port_text(int port)
{
	static char text[8];

	snprintf(text, sizeof(text), ":%04X ", port);
	return text;
}

/* The lines of the file whose own address has this port. */
static void show_port(const char *name, const char *file, int port)
{
	FILE *f = fopen(file, "re");
	char line[256];
	int lines = 0;

	if (!f)
		die(file);
	while (fgets(line, sizeof(line), f)) {
		char *at = strstr(line, port_text(port));

		if (!at || at - line > 20)
			continue;
		check("width", strlen(line) == (strstr(file, "tcp") ? 150 : 128));
		say_inet(name, line, 10);
		lines++;
	}
	say(name, "%d lines", lines);
	fclose(f);
}

/* The answer to a FIN takes Linux a while: FIN_WAIT1 until then. */
static void await_answer(int port)
{
	char line[256], own[16];
	bool waits = true;

	snprintf(own, sizeof(own), "0200007F:%04X", port);
	while (waits) {
		FILE *f = fopen("/proc/net/tcp", "re");

		waits = false;
		while (f && fgets(line, sizeof(line), f))
			waits |= strstr(line, own) && strstr(line, " 04 ");
		if (f)
			fclose(f);
	}
}

static void show_header(const char *file)
{
	FILE *f = fopen(file, "re");
	char line[256] = "";

	if (!f)
		die(file);
	fgets(line, sizeof(line), f);
	line[strcspn(line, "\n")] = '|';
	say(file, "%s", line);
	fclose(f);
}

static void test_tcp(void)
{
	int l = tcp(0), c = tcp(0), b = tcp(0), s;
	int one = 1;

	setsockopt(l, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	bind_to(l, "127.0.0.1", 5555);
	show_port("tcp.bound", "/proc/net/tcp", 5555);
	listen(l, 5);
	show_port("tcp.listening", "/proc/net/tcp", 5555);
	bind_to(c, "127.0.0.2", 5556);
	connect_to(c, "127.0.0.1", 5555);
	show_port("tcp.queued", "/proc/net/tcp", 5555);
	show_port("tcp.client", "/proc/net/tcp", 5556);
	s = accept(l, NULL, NULL);
	answer("tcp.write", write(c, "hello", 5));
	show_port("tcp.accepted", "/proc/self/net/tcp", 5555);
	fchown(c, 7, 8);
	shutdown(c, SHUT_WR);
	await_answer(5556);
	show_port("tcp.half", "/proc/net/tcp", 5555);
	show_port("tcp.half", "/proc/net/tcp", 5556);
	show_read("tcp.read", s, 100, 0);
	show_port("tcp.read", "/proc/thread-self/net/tcp", 5555);
	bind_to(b, "0.0.0.0", 5557);
	listen(b, 0);
	show_port("tcp.any", "/proc/net/tcp", 5557);
	shutdown(b, SHUT_RD);
	show_port("tcp.no_more", "/proc/net/tcp", 5557);
	close(s);
	close(b);
	close(l);
	show_port("tcp.closed", "/proc/net/tcp", 5557);
}

static void test_udp(void)
{
	int a = udp(0), b = udp(0), c = udp(0);

	bind_to(a, "0.0.0.0", 5555);
	bind_to(b, "127.0.0.1", 5556);
	show_port("udp.bound", "/proc/net/udp", 5555);
	connect_to(b, "127.0.0.1", 5555);
	show_port("udp.connected", "/proc/net/udp", 5556);
	bind_to(c, "127.0.0.3", 5557);
	setuid(1000);
	answer("udp.socket", udp(0) >= 0);
	show_port("udp.other", "/proc/net/udp", 5557);
	close(c);
	show_port("udp.closed", "/proc/net/udp", 5557);
}

/* The lines of AF_UNIX with this name, or of this inode. */
static void show_unix(const char *name, const char *part, int fd)
{
	FILE *f = fopen("/proc/net/unix", "re");
	unsigned long ino, flags, proto;
	char line[256], path[128];
	unsigned type, state;
	struct stat st = {0};
	int lines = 0;

	if (!f)
		die("/proc/net/unix");
	fstat(fd, &st);
	while (fgets(line, sizeof(line), f)) {
		path[0] = '\0';
		if (sscanf(line, "%*[0-9a-f]: %*8X %8lX %8lX %4X %2X %lu%127[^\n]", &proto, &flags,
			    &type, &state, &ino, path) < 5)
			continue;
		if (part ? !strstr(path, part) : ino != st.st_ino)
			continue;
		check("columns", line[8] == ':' && line[18] == ' ' && line[27] == ' ' &&
					 line[36] == ' ' && line[41] == ' ' && line[44] == ' ');
		say(name, "%08lX %08lX %04X %02X %s%s", proto, flags, type, state,
			ino ? "ino" : "none", path);
		lines++;
	}
	say(name, "%d lines", lines);
	fclose(f);
}

static int named(int type, const char *name, size_t len)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	int s = socket(AF_UNIX, type, 0);

	memcpy(a.sun_path, name, len);
	answer("unix.bind", bind(s, (void *)&a, offsetof(struct sockaddr_un, sun_path) + len));
	return s;
}

static int connected(int type, int to)
{
	struct sockaddr_un a;
	socklen_t len = sizeof(a);
	int s = socket(AF_UNIX, type, 0);

	getsockname(to, (void *)&a, &len);
	answer("unix.connect", connect(s, (void *)&a, len));
	return s;
}

static void test_unix(void)
{
	int l = named(SOCK_STREAM, UNIX_PATH, sizeof(UNIX_PATH) - 1), c, s, pair[2], d;

	show_unix("unix.bound", UNIX_PATH, -1);
	listen(l, 5);
	show_unix("unix.listening", UNIX_PATH, -1);
	c = connected(SOCK_STREAM, l);
	show_unix("unix.queued", UNIX_PATH, -1);
	show_unix("unix.client", NULL, c);
	s = accept(l, NULL, NULL);
	close(l);
	show_unix("unix.accepted", UNIX_PATH, -1);
	close(s);
	show_unix("unix.left", NULL, c);
	d = named(SOCK_DGRAM, "\0net\0files", 10);
	show_unix("unix.datagrams", "@net@files", -1);
	c = connected(SOCK_DGRAM, d);
	show_unix("unix.sender", NULL, c);
	socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair);
	show_unix("unix.packets", NULL, pair[1]);
	socketpair(AF_UNIX, SOCK_DGRAM, 0, pair);
	show_unix("unix.pair", NULL, pair[1]);
	close(pair[0]);
	show_unix("unix.pair_left", NULL, pair[1]);
	unlink(UNIX_PATH);
}

static void test_files(void)
{
	static const char *const names[] = {
		"/proc/net", "/proc/self/net", "/proc/net/tcp", "/proc/thread-self/net/unix"};
	char link[64] = "";
	struct stat st;

	readlink("/proc/net", link, sizeof(link) - 1);
	say("link", "%s", link);
	for (size_t i = 0; i < COUNT(names); i++) {
		lstat(names[i], &st);
		say(names[i], "mode %o", st.st_mode);
	}
	answer("create", open("/proc/net/nothing", O_CREAT | O_RDWR, 0600));
	answer("write", open("/proc/net/tcp", O_WRONLY));
	show_header("/proc/net/tcp");
	show_header("/proc/net/udp");
	show_header("/proc/net/unix");
}

int main(void)
{
	test_files();
	test_tcp();
	test_unix();
	test_udp();
	return test_failed;
}
