/* /proc/PID/io and /proc/PID/syscall: what reads and writes count, of threads and children; where a
 * thread sleeps; and who may look. */
#include "tests/user/test.h"
#include <pthread.h>
#include <sys/sendfile.h>
#include <sys/uio.h>

/* --- io --- */

struct io {
	long rchar, wchar, syscr, syscw, rest[3];
	long size; /* of the text, which is read after it is made */
};

static struct io read_io(const char *path)
{
	struct io io = {0};
	char text[512] = "";
	int fd = open(path, O_RDONLY);

	if (fd < 0 || (io.size = pread(fd, text, sizeof(text) - 1, 0)) <= 0)
		die(path);
	if (sscanf(text,
		    "rchar: %ld\nwchar: %ld\nsyscr: %ld\nsyscw: %ld\nread_bytes: %ld\n"
		    "write_bytes: %ld\ncancelled_write_bytes: %ld\n",
		    &io.rchar, &io.wchar, &io.syscr, &io.syscw, &io.rest[0], &io.rest[1],
		    &io.rest[2]) != 7)
		die("format");
	close(fd);
	return io;
}

static struct io before;

/* What was counted since `before`, without that look at it. */
static void counted(const char *name)
{
	struct io now = read_io("/proc/self/io");

	say(name, "read %ld in %ld, written %ld in %ld, disk %ld %ld %ld",
		now.rchar - before.rchar - before.size, now.syscr - before.syscr - 1,
		now.wchar - before.wchar, now.syscw - before.syscw, now.rest[0], now.rest[1],
		now.rest[2]);
}

#define COUNTED(name, call)                                                                        \
	do {                                                                                       \
		before = read_io("/proc/self/io");                                                 \
		long result = (call);                                                              \
		int error = errno;                                                                 \
		counted(name);                                                                     \
		errno = error;                                                                     \
		answer(name, result);                                                              \
	} while (0)

static char buf[8192];
static int fd, pipes[2];

static void files(void)
{
	struct iovec iov[2] = {{buf, 100}, {buf + 200, 300}};
	int only = open("io", O_WRONLY);
	int out = open("io2", O_RDWR | O_CREAT | O_TRUNC, 0600);
	off_t at = 0;

	COUNTED("write", write(fd, buf, 5000));
	COUNTED("write.nothing", write(fd, buf, 0));
	COUNTED("pread", pread(fd, buf, 1000, 100));
	COUNTED("pwrite", pwrite(fd, buf, 10, 100));
	COUNTED("read.end", read(fd, buf, 100));
	COUNTED("readv", preadv(fd, iov, 2, 0));
	COUNTED("writev", writev(fd, iov, 2));
	COUNTED("readv.bad_fd", readv(-1, iov, 2));
	COUNTED("read.bad_fd", read(-1, buf, 1));
	COUNTED("read.wrong_mode", read(only, buf, 1));
	COUNTED("readv.wrong_mode", readv(only, iov, 2));
	COUNTED("read.bad_buffer", pread(fd, FREE_AREA, 100, 0));
	COUNTED("read.kernel", pread(fd, KERNEL, 100, 0));
	COUNTED("pread.negative", pread(fd, buf, 1, -1));
	COUNTED("pread.pipe", pread(pipes[0], buf, 1, 0));
	COUNTED("lseek", lseek(fd, 0, SEEK_SET));
	COUNTED("sendfile", sendfile(out, fd, &at, 5000));
	COUNTED("sendfile.bad", sendfile(-1, fd, &at, 5000));
	COUNTED("copy_file_range", copy_file_range(fd, NULL, out, NULL, 3000, 0));
	COUNTED("pipe.write", write(pipes[1], buf, 70));
	COUNTED("pipe.read", read(pipes[0], buf, 100));
	COUNTED("directory", read(open("/proc", O_RDONLY), buf, 100));
	COUNTED("mmap", !mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE | MAP_POPULATE, fd, 0));
}

static void child(void)
{
	(void)!write(pipes[1], buf, 10);
	(void)!read(pipes[0], buf, 10);
}

static void *thread(void *arg)
{
	static char path[64];

	(void)!write(pipes[1], buf, 20);
	snprintf(path, sizeof(path), "/proc/self/task/%ld/io", (long)gettid());
	struct io io = read_io(path);
	say("thread", "read %ld in %ld, written %ld in %ld", io.rchar, io.syscr, io.wchar,
		io.syscw);
	(void)!read(pipes[0], buf, 20);
	return NULL;
}

static void threads(void)
{
	pthread_t id;
	struct io alone = read_io("/proc/thread-self/io"), all = read_io("/proc/self/io"), now;

	pthread_create(&id, NULL, thread, NULL);
	pthread_join(id, NULL);
	now = read_io("/proc/thread-self/io");
	say("first_thread", "written %ld in %ld", now.wchar - alone.wchar, now.syscw - alone.syscw);
	now = read_io("/proc/self/io");
	say("all_threads", "written %ld in %ld", now.wchar - all.wchar, now.syscw - all.syscw);
}

/* --- syscall --- */

static char *read_text(const char *path)
{
	static char text[256];
	int at = open(path, O_RDONLY);
	long n = at < 0 ? -1 : read(at, text, sizeof(text) - 1);

	if (n < 0)
		snprintf(text, sizeof(text), "%s %s", at < 0 ? "open" : "read", errno_name(errno));
	else
		text[n] = 0;
	if (at >= 0)
		close(at);
	text[strcspn(text, "\n")] = 0;
	return text;
}

/* Only what both kernels must agree on: how many words, the number and some arguments. */
static void say_syscall(const char *name, const char *text, unsigned second)
{
	unsigned a[8] = {0};
	int nr = -2;
	int n = sscanf(text, "%d %x %x %x %x %x %x %x %x", &nr, &a[0], &a[1], &a[2], &a[3], &a[4],
		&a[5], &a[6], &a[7]);

	say(name, "%d words, nr %d, first %x, second %s", n, nr, nr == SYS_read ? a[0] : 0,
		n == 9 && a[1] == second ? "right" : "other");
}

static void wait_state(int pid, char state)
{
	char path[64], *text;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	do {
		usleep(1000);
		text = strrchr(read_text(path), ')');
	} while (text && text[2] != state);
}

static void of_child(const char *name, int pid, char state)
{
	char path[64];

	wait_state(pid, state);
	snprintf(path, sizeof(path), "/proc/%d/syscall", pid);
	say_syscall(name, read_text(path), (unsigned)(uintptr_t)buf);
}

static void others(void)
{
	char path[64];
	static const char *const names[] = {"io", "syscall"};

	(void)!setgid(1000);
	(void)!setuid(1000);
	for (int i = 0; i < 2; i++) {
		snprintf(path, sizeof(path), "/proc/%d/%s", getppid(), names[i]);
		say("stranger", "%s", read_text(path));
	}
}

/* Opened by one who may, read by one who may not any more. */
static void opened_before(void)
{
	int io, sc;
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/io", getppid());
	io = open(path, O_RDONLY);
	snprintf(path, sizeof(path), "/proc/%d/syscall", getppid());
	sc = open(path, O_RDONLY);
	(void)!setgid(1000);
	(void)!setuid(1000);
	answer("late.io", read(io, buf, 1));
	answer("late.syscall", read(sc, buf, 1));
}

static void sleepers(void)
{
	int pid = fork(), status;

	if (pid == 0) {
		read(pipes[0], buf, 77);
		raise(SIGSTOP);
		_exit(0);
	}
	of_child("in_read", pid, 'S');
	(void)!write(pipes[1], buf, 1);
	of_child("stopped", pid, 'T');
	kill(pid, SIGKILL);
	of_child("zombie", pid, 'Z');
	waitpid(pid, &status, 0);
	pid = fork();
	if (pid == 0)
		for (;;)
			;
	char path[64];
	snprintf(path, sizeof(path), "/proc/%d/syscall", pid);
	say("busy", "%s", read_text(path));
	kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
	say_syscall("self", read_text("/proc/self/syscall"), 0);
	say_syscall("thread", read_text("/proc/thread-self/syscall"), 0);
}

int main(void)
{
	struct stat st;

	fd = open("io", O_RDWR | O_CREAT | O_TRUNC, 0600);
	if (fd < 0 || pipe(pipes))
		die("files");
	files();
	COUNTED("child", in_child(child));
	threads();
	sleepers();
	stat("/proc/self/io", &st);
	say("io.mode", "%o", st.st_mode);
	stat("/proc/self/syscall", &st);
	say("syscall.mode", "%o", st.st_mode);
	in_child(others);
	in_child(opened_before);
	return test_failed;
}
