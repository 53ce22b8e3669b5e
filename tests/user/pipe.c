/* Pipes: end of file, broken pipes, capacity, non-blocking use, duplicated ends, poll. */
#include "tests/user/test.h"
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

static int r, w;
static char big[200000];

static void open_pipe(int flags)
{
	int fds[2];

	if (pipe2(fds, flags))
		die("pipe2");
	r = fds[0];
	w = fds[1];
}

static void close_pipe(void)
{
	close(r);
	close(w);
}

static void basics(void)
{
	char buf[100];
	struct stat st;
	int n = 0;

	open_pipe(0);
	answer("pipe.write", write(w, "hello", 5));
	ioctl(r, FIONREAD, &n);
	say("pipe.fionread", "%d", n);
	answer("pipe.short_read", read(r, buf, 2));
	answer("pipe.rest", read(r, buf + 2, 98));
	say("pipe.data", "%.5s", buf);
	answer("pipe.write_nothing", write(w, buf, 0));
	answer("pipe.read_nothing", read(r, buf, 0));
	answer("pipe.write_read_end", write(r, "x", 1));
	answer("pipe.read_write_end", read(w, buf, 1));
	answer("pipe.lseek", lseek(r, 0, SEEK_CUR));
	answer("pipe.pread", pread(r, buf, 1, 0));
	answer("pipe.ftruncate", ftruncate(w, 0));
	fstat(r, &st);
	say("pipe.stat", "fifo %d mode %o size %ld blksize %ld", S_ISFIFO(st.st_mode),
		st.st_mode & 07777, (long)st.st_size, (long)st.st_blksize);
	if (write(w, "left", 4) != 4)
		die("write");
	close(w);
	answer("pipe.left_after_close", read(r, buf, 100));
	answer("pipe.eof", read(r, buf, 100));
	answer("pipe.eof_again", read(r, buf, 100));
	close(r);
	answer("pipe.closed", read(r, buf, 1));
	answer("pipe2.bad_flags", pipe2((int[2]){0}, 0x123));
}

static void broken(void)
{
	open_pipe(0);
	signal(SIGPIPE, SIG_IGN);
	close(r);
	answer("broken.ignored", write(w, "x", 1));
	answer("broken.nothing", write(w, "x", 0));
	signal(SIGPIPE, SIG_DFL);
	close(w);
}

/* The child alone holds the read end and leaves. */
static void killed_by_sigpipe(void)
{
	int status;
	pid_t pid;

	open_pipe(0);
	pid = fork();
	if (pid == 0) {
		close(r);
		for (;;)
			if (write(w, big, sizeof(big)) < 0)
				_exit(1);
	}
	close(w);
	if (read(r, big, 1000) != 1000)
		die("read");
	close(r);
	waitpid(pid, &status, 0);
	answer_status("broken.writer_blocked", status);
}

static int fill(size_t chunk)
{
	int total = 0;
	ssize_t n;

	while ((n = write(w, big, chunk)) > 0)
		total += n;
	return total;
}

static void capacity(void)
{
	open_pipe(O_NONBLOCK);
	answer("nonblock.empty", read(r, big, 1));
	answer("nonblock.fill", fill(4096));
	answer("nonblock.full", write(w, big, 1));
	answer("nonblock.read_page", read(r, big, 4096));
	answer("nonblock.too_much_to_be_atomic", write(w, big, 4096 + 100));
	answer("nonblock.full_again", write(w, big, 4096));
	close_pipe();
	open_pipe(O_NONBLOCK);
	answer("nonblock.one_large", write(w, big, sizeof(big)));
	answer("nonblock.drain", read(r, big, sizeof(big)));
	answer("nonblock.drained", read(r, big, sizeof(big)));
	answer("nonblock.bytes", fill(1));
	close_pipe();
	open_pipe(0);
	answer("pipe.getpipe_sz", fcntl(w, F_GETPIPE_SZ));
	close_pipe();
}

static void polled(void)
{
	struct pollfd fds[2];

	open_pipe(O_NONBLOCK);
	fds[0] = (struct pollfd){.fd = r, .events = POLLIN};
	fds[1] = (struct pollfd){.fd = w, .events = POLLOUT};
	answer("poll.empty", poll(fds, 2, 0));
	say("poll.empty_events", "%#x %#x", fds[0].revents, fds[1].revents);
	fill(4096);
	answer("poll.full", poll(fds, 2, 0));
	say("poll.full_events", "%#x %#x", fds[0].revents, fds[1].revents);
	close(w);
	fds[1].fd = -1;
	answer("poll.no_writer", poll(fds, 2, -1));
	say("poll.no_writer_events", "%#x %#x", fds[0].revents, fds[1].revents);
	while (read(r, big, sizeof(big)) > 0)
		;
	poll(fds, 1, -1);
	say("poll.drained_events", "%#x", fds[0].revents);
	close(r);
	poll(fds, 1, 0);
	say("poll.closed_events", "%#x", fds[0].revents);
	open_pipe(0);
	close(r);
	fds[0] = (struct pollfd){.fd = w, .events = POLLOUT};
	poll(fds, 1, 0);
	say("poll.no_reader_events", "%#x", fds[0].revents);
	close(w);
}

/* A megabyte through a pipe in uneven pieces arrives whole and in order. */
static void transfer(void)
{
	size_t total = 1 << 20, at = 0, size = 1;
	bool good = true;
	ssize_t n;
	int status;
	pid_t pid;

	open_pipe(0);
	pid = fork();
	if (pid == 0) {
		for (size_t done = 0; done < total; done += n, size = size * 7 % 9973 + 1) {
			for (size_t i = 0; i < size; i++)
				big[i] = (done + i) * 31 >> 3;
			n = write(w, big, size < total - done ? size : total - done);
			if (n <= 0)
				_exit(1);
		}
		_exit(0);
	}
	close(w);
	while ((n = read(r, big, 5000)) > 0)
		for (ssize_t i = 0; i < n; i++, at++)
			good = good && big[i] == (char)(at * 31 >> 3);
	close(r);
	waitpid(pid, &status, 0);
	answer_status("transfer.writer", status);
	say("transfer.reader", "%zu bytes %s", at, good ? "right" : "WRONG");
}

static void duplicates(void)
{
	char buf[10];
	int copy;

	open_pipe(0);
	copy = dup(w);
	close(w);
	answer("dup.write", write(copy, "ab", 2));
	answer("dup.read", read(r, buf, 10));
	answer("dup2.same", dup2(copy, copy) == copy);
	answer("dup2.onto", dup2(copy, 50));
	close(copy);
	answer("dup2.write", write(50, "xyz", 3));
	answer("dup2.read", read(r, buf, 10));
	close(50);
	answer("dup2.eof", read(r, buf, 10));
	answer("dup2.bad", dup2(49, 50));
	answer("dup2.bad_same", dup2(49, 49));
	answer("dup2.too_high", dup2(r, 1 << 20));
	answer("dup2.negative", dup2(r, -1));
	answer("dup3.same", dup3(r, r, 0));
	answer("dup3.bad_flags", dup3(r, 50, O_APPEND));
	answer("dup3.cloexec", dup3(r, 50, O_CLOEXEC));
	answer("dup3.flag_set", fcntl(50, F_GETFD));
	close(50);
	close(r);
}

/* What fdinfo says of the position: a pipe has none, also one whose other end came first. */
static void show_pos(const char *name, int fd)
{
	char path[64], line[64];
	FILE *f;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	f = fopen(path, "r");
	if (f && fgets(line, sizeof(line), f))
		say(name, "%.*s", (int)strcspn(line, "\n"), line);
	fclose(f);
}

static void positions(void)
{
	int fds[2], fifo;

	pipe(fds);
	write(fds[1], "abc", 3);
	show_pos("pos.read_end", fds[0]);
	show_pos("pos.write_end", fds[1]);
	mkfifo("/tmp/fifo", 0600);
	fifo = open("/tmp/fifo", O_RDWR);
	show_pos("pos.fifo", fifo);
	unlink("/tmp/fifo");
	close(fifo);
	close(fds[0]);
	close(fds[1]);
}

/* Only `revents` is written, and all of the array must be the program's. */
static void polled_badly(void)
{
	struct pollfd *fds =
		mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	fds[0] = (struct pollfd){.fd = -1, .events = POLLIN, .revents = -1};
	answer("poll.ignored", syscall(SYS_poll, fds, 1, 0));
	say("poll.ignored_fd", "%d %#x %#x", fds[0].fd, fds[0].events, fds[0].revents);
	mprotect(fds, 4096, PROT_READ);
	answer("poll.read_only", syscall(SYS_poll, fds, 1, 0));
	answer("poll.none_of_kernel", syscall(SYS_poll, 0xfffff000, 0, 0));
	answer("poll.none_of_null", syscall(SYS_poll, 0, 0, 0));
	munmap(fds, 4096);
}

int main(void)
{
	basics();
	positions();
	broken();
	killed_by_sigpipe();
	capacity();
	polled();
	polled_badly();
	transfer();
	duplicates();
	return test_failed;
}
