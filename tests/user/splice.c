/* splice, tee, vmsplice: what moves, what stays in the pipe, and what is refused. */
#include "tests/user/test.h"
#include <sys/socket.h>
#include <sys/uio.h>

static int a[2], b[2], file, out;

static void open_all(void)
{
	if (pipe(a) || pipe(b))
		die("pipe");
	file = memfd_create("in", 0);
	out = memfd_create("out", 0);
	if (file < 0 || out < 0 || write(file, "0123456789", 10) != 10)
		die("memfd");
	lseek(file, 0, SEEK_SET);
}

static void close_all(void)
{
	close(a[0]);
	close(a[1]);
	close(b[0]);
	close(b[1]);
	close(file);
	close(out);
}

/* What is in the pipe now, without waiting. */
static void contents(const char *name, int fd)
{
	char buf[64] = "";
	int flags = fcntl(fd, F_GETFL);

	fcntl(fd, F_SETFL, flags | O_NONBLOCK);
	ssize_t n = read(fd, buf, sizeof(buf) - 1);
	fcntl(fd, F_SETFL, flags);
	if (n < 0)
		answer(name, n);
	else
		say(name, "%zd '%s'", n, buf);
}

static void file_to_pipe(void)
{
	loff_t at = 3;

	open_all();
	answer("in.four", splice(file, NULL, a[1], NULL, 4, 0));
	answer("in.position", lseek(file, 0, SEEK_CUR));
	contents("in.four", a[0]);
	answer("in.offset", splice(file, &at, a[1], NULL, 2, 0));
	say("in.offset.after", "%lld, file %ld", (long long)at, (long)lseek(file, 0, SEEK_CUR));
	contents("in.offset", a[0]);
	answer("in.rest", splice(file, NULL, a[1], NULL, 100, 0));
	contents("in.rest", a[0]);
	answer("in.end", splice(file, NULL, a[1], NULL, 100, 0));
	at = -1;
	answer("in.negative", splice(file, &at, a[1], NULL, 2, 0));
	answer("in.efault", splice(file, (loff_t *)KERNEL, a[1], NULL, 2, 0));
	close_all();
}

static void pipe_to_file(void)
{
	char buf[16] = "";
	loff_t at = 2;

	open_all();
	if (write(a[1], "abcdef", 6) != 6)
		die("write");
	answer("out.two", splice(a[0], NULL, out, NULL, 2, 0));
	answer("out.offset", splice(a[0], NULL, out, &at, 3, 0));
	say("out.after", "%lld, file %ld", (long long)at, (long)lseek(out, 0, SEEK_CUR));
	contents("out.left", a[0]);
	say("out.file", "%zd '%s'", pread(out, buf, 15, 0), buf);
	answer("out.empty", splice(a[0], NULL, out, NULL, 2, SPLICE_F_NONBLOCK));
	close(a[1]);
	a[1] = -1;
	answer("out.end", splice(a[0], NULL, out, NULL, 2, 0));
	fcntl(out, F_SETFL, O_APPEND);
	answer("out.append", splice(a[0], NULL, out, NULL, 2, 0));
	close_all();
}

static void between_pipes(void)
{
	open_all();
	if (write(a[1], "abcdef", 6) != 6)
		die("write");
	answer("tee", tee(a[0], b[1], 4, 0));
	contents("tee.copy", b[0]);
	answer("pipes", splice(a[0], NULL, b[1], NULL, 3, 0));
	contents("pipes.moved", b[0]);
	contents("pipes.left", a[0]);
	answer("pipes.empty", splice(a[0], NULL, b[1], NULL, 3, SPLICE_F_NONBLOCK));
	answer("tee.empty", tee(a[0], b[1], 3, SPLICE_F_NONBLOCK));
	answer("pipes.same", splice(a[0], NULL, a[1], NULL, 3, 0));
	answer("tee.same", tee(a[0], a[1], 3, 0));
	close(a[1]);
	a[1] = -1;
	answer("pipes.end", splice(a[0], NULL, b[1], NULL, 3, 0));
	answer("tee.end", tee(a[0], b[1], 3, 0));
	close_all();
}

static void pages(void)
{
	static char data[64 << 10] __attribute__((aligned(PAGE))), back[64 << 10];
	struct iovec two[2] = {{data, 5000}, {data + 5000, 7000}};
	struct iovec all = {data, sizeof(data)}, more = {data, PAGE};

	open_all();
	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = i * 7 >> 3;
	answer("vmsplice", vmsplice(a[1], two, 2, 0));
	answer("vmsplice.read", read(a[0], back, sizeof(back)));
	check("vmsplice.same", !memcmp(data, back, 12000));
	answer("vmsplice.fills", vmsplice(a[1], &all, 1, 0));
	answer("vmsplice.full", vmsplice(a[1], &more, 1, SPLICE_F_NONBLOCK));
	answer("tee.all", tee(a[0], b[1], sizeof(data), 0));
	answer("splice.all", splice(a[0], NULL, out, NULL, sizeof(data), 0));
	answer("tee.read", read(b[0], back, sizeof(back)));
	check("tee.same", !memcmp(data, back, sizeof(data)));
	answer("splice.pread", pread(out, back, sizeof(back), 0));
	check("splice.same", !memcmp(data, back, sizeof(data)));
	two[0].iov_base = back;
	if (write(a[1], "xyz", 3) != 3)
		die("write");
	answer("vmsplice.to_user", vmsplice(a[0], two, 1, 0));
	say("vmsplice.to_user.data", "%.3s", back);
	close_all();
}

static void refused(void)
{
	struct iovec none = {NULL, 0}, bad = {KERNEL, 10}, hole = {FREE_AREA, 10};
	struct iovec one = {(void *)"z", 1};
	loff_t at = 0;

	open_all();
	answer("zero", splice(99, NULL, 98, NULL, 0, 0));
	answer("flags", splice(a[0], NULL, out, NULL, 1, 0x10));
	answer("fd.in", splice(99, NULL, a[1], NULL, 1, 0));
	answer("fd.out", splice(file, NULL, 99, NULL, 1, 0));
	answer("fd.no_pipe", splice(file, NULL, out, NULL, 1, 0));
	answer("fd.write_end_read", splice(a[1], NULL, out, NULL, 1, 0));
	answer("fd.read_end_written", splice(file, NULL, a[0], NULL, 1, 0));
	answer("pipe.offset_in", splice(a[0], &at, out, NULL, 1, 0));
	answer("pipe.offset_out", splice(file, NULL, a[1], &at, 1, 0));
	answer("tee.flags", tee(a[0], b[1], 1, 0x10));
	answer("tee.zero", tee(a[0], b[1], 0, 0));
	answer("tee.file", tee(file, b[1], 1, 0));
	answer("tee.fd", tee(99, b[1], 1, 0));
	answer("vmsplice.flags", vmsplice(a[1], &one, 1, 0x10));
	answer("vmsplice.fd", vmsplice(99, &one, 1, 0));
	answer("vmsplice.file", vmsplice(file, &one, 1, 0));
	answer("vmsplice.none", vmsplice(a[1], &none, 1, 0));
	answer("vmsplice.no_vector", vmsplice(a[1], &none, 0, 0));
	answer("vmsplice.kernel", vmsplice(a[1], &bad, 1, 0));
	answer("vmsplice.hole", vmsplice(a[1], &hole, 1, 0));
	close_all();
}

static void devices(void)
{
	int zero = open("/dev/zero", O_RDWR), null = open("/dev/null", O_RDWR);

	open_all();
	answer("zero.read", splice(zero, NULL, a[1], NULL, 5, 0));
	if (write(a[1], "abcdef", 6) != 6)
		die("write");
	answer("null.write", splice(a[0], NULL, null, NULL, 4, 0));
	answer("zero.write", splice(a[0], NULL, zero, NULL, 1, 0));
	answer("null.read", splice(null, NULL, b[1], NULL, 5, SPLICE_F_NONBLOCK));
	contents("null.left", a[0]);
	close(zero);
	close(null);
	close_all();
}

static void broken(void)
{
	signal(SIGPIPE, SIG_IGN);
	open_all();
	close(a[0]);
	a[0] = -1;
	answer("broken", splice(file, NULL, a[1], NULL, 4, 0));
	answer("broken.position", lseek(file, 0, SEEK_CUR));
	answer("broken.vmsplice", vmsplice(a[1], &(struct iovec){(void *)"z", 1}, 1, 0));
	close_all();
}

/* The flag counts for a socket too, although that itself waits. */
static void sockets(void)
{
	int s[2];

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, s))
		die("socketpair");
	open_all();
	answer("socket.empty", splice(s[0], NULL, a[1], NULL, 5, SPLICE_F_NONBLOCK));
	answer("socket.put", splice(file, NULL, a[1], NULL, 4, 0));
	answer("socket.out", splice(a[0], NULL, s[1], NULL, 4, 0));
	answer("socket.in", splice(s[0], NULL, a[1], NULL, 5, SPLICE_F_NONBLOCK));
	contents("socket.in", a[0]);
	close(s[1]);
	answer("socket.end", splice(s[0], NULL, a[1], NULL, 5, SPLICE_F_NONBLOCK));
	close(s[0]);
	close_all();
}

int main(void)
{
	file_to_pipe();
	pipe_to_file();
	between_pipes();
	pages();
	refused();
	devices();
	broken();
	sockets();
	return test_failed;
}
