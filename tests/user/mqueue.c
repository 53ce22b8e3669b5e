/* POSIX message queues: names, limits, order, waiting, notification, and their file system. */
#include "tests/user/test.h"

#include <dirent.h>
#include <mqueue.h>
#include <poll.h>
#include <pthread.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/vfs.h>
#include <time.h>

#define MOUNT "mqueue_mount"

static long open_raw(const char *name, int flags, mode_t mode, const struct mq_attr *a)
{
	return syscall(SYS_mq_open, name, flags, mode, a);
}

static struct mq_attr size_of(long messages, long bytes)
{
	return (struct mq_attr){.mq_maxmsg = messages, .mq_msgsize = bytes};
}

static mqd_t make(const char *name, int flags, long messages, long bytes)
{
	struct mq_attr a = size_of(messages, bytes);
	mqd_t q = mq_open(name, O_CREAT | O_RDWR | flags, 0600, &a);

	if (q < 0)
		die(name);
	return q;
}

static void show(const char *name, mqd_t q)
{
	struct mq_attr a;

	if (mq_getattr(q, &a) < 0)
		answer(name, -1);
	else
		say(name, "flags %lx, %ld of %ld messages of %ld", a.mq_flags, a.mq_curmsgs,
			a.mq_maxmsg, a.mq_msgsize);
}

static void receive(const char *name, mqd_t q)
{
	char text[9000] = "";
	unsigned prio = 77;
	ssize_t n = mq_receive(q, text, sizeof(text), &prio);

	if (n < 0)
		answer(name, n);
	else
		say(name, "%zd: %u %.20s", n, prio, text);
}

/* --- Names --- */

static void try_open(const char *what, const char *name, int flags)
{
	long q = open_raw(name, flags, 0600, NULL);

	answer(what, q < 0 ? q : 0);
	if (q >= 0) {
		close(q);
		syscall(SYS_mq_unlink, name);
	}
}

static void names(void)
{
	char longest[257];
	mqd_t q;

	memset(longest, 'n', 256);
	longest[256] = '\0';
	try_open("name.absent", "absent", O_RDWR);
	try_open("name.empty", "", O_RDWR | O_CREAT);
	try_open("name.slash", "/a", O_RDWR | O_CREAT);
	try_open("name.slash_inside", "a/b", O_RDWR | O_CREAT);
	try_open("name.dot", ".", O_RDWR | O_CREAT);
	try_open("name.dotdot", "..", O_RDWR | O_CREAT);
	try_open("name.long", longest, O_RDWR | O_CREAT);
	try_open("name.longest", longest + 1, O_RDWR | O_CREAT);
	try_open("name.kernel", KERNEL, O_RDWR | O_CREAT);
	answer("unlink.absent", syscall(SYS_mq_unlink, "absent"));
	answer("unlink.slash", syscall(SYS_mq_unlink, "/a"));
	answer("unlink.empty", syscall(SYS_mq_unlink, ""));

	q = make("/q", 0, 3, 40);
	answer("open.excl", mq_open("/q", O_CREAT | O_EXCL | O_RDWR, 0600, NULL));
	answer("open.access", open_raw("q", 3, 0, NULL));
	answer("open.bad_attr", open_raw("q", O_RDWR, 0, (void *)KERNEL));
	say("open.cloexec", "%d", fcntl(q, F_GETFD));
	say("open.flags", "%x", fcntl(q, F_GETFL));
	answer("unlink", mq_unlink("/q"));
	answer("unlink.again", mq_unlink("/q"));
	show("unlinked", q);
	answer("unlinked.send", mq_send(q, "x", 1, 0));
	mq_close(q);
}

/* --- Limits --- */

static void try_size(const char *name, long messages, long bytes)
{
	struct mq_attr a = size_of(messages, bytes);
	long q = open_raw("limit", O_RDWR | O_CREAT, 0600, &a);

	answer(name, q < 0 ? q : 0);
	if (q >= 0)
		close(q);
	syscall(SYS_mq_unlink, "limit");
}

static void sizes(void)
{
	try_size("size", 1, 1);
	try_size("size.no_messages", 0, 1);
	try_size("size.no_bytes", 1, 0);
	try_size("size.negative", -1, 1);
	try_size("size.default", 10, 8192);
	try_size("size.more", 11, 8192);
	try_size("size.longer", 10, 8193);
	try_size("size.hard", 65536, 1);
	try_size("size.over_hard", 65537, 1);
	try_size("size.hard_bytes", 1, 16 << 20);
	try_size("size.over_hard_bytes", 1, (16 << 20) + 1);
	try_size("size.overflow", 65536, 16 << 20);
}

static void as_user(void)
{
	struct mq_attr a = size_of(10, 8192);
	char name[24];
	int n;

	if (setgid(1000) || setuid(1000))
		die("setuid");
	sizes();
	for (n = 0; n < 32; n++) {
		snprintf(name, sizeof(name), "/many%d", n);
		if (mq_open(name, O_CREAT | O_RDWR, 0600, &a) < 0)
			break;
	}
	say("user.many", "%d, then %s", n, errno_name(errno));
	while (n--) {
		snprintf(name, sizeof(name), "/many%d", n);
		mq_unlink(name);
	}
	answer("user.roots", mq_open("/roots", O_RDONLY));
	answer("user.roots_read", mq_open("/readable", O_RDWR));
	n = mq_open("/readable", O_RDONLY);
	check("user.readable", n >= 0);
	answer("user.readable_send", mq_send(n, "x", 1, 0));
	answer("user.unlink", mq_unlink("/readable"));
}

static void limits(void)
{
	static const char *const files[] = {
		"msg_default", "msg_max", "msgsize_default", "msgsize_max", "queues_max"};
	char path[64];
	struct mq_attr a;
	mqd_t q, readable;

	for (size_t i = 0; i < COUNT(files); i++) {
		snprintf(path, sizeof(path), "/proc/sys/fs/mqueue/%s", files[i]);
		say(files[i], "%s", read_setting(path));
	}
	answer("msg_max.zero", write_setting("/proc/sys/fs/mqueue/msg_max", "0"));
	answer("msgsize_max.small", write_setting("/proc/sys/fs/mqueue/msgsize_max", "127"));
	setrlimit(RLIMIT_MSGQUEUE, &(struct rlimit){RLIM_INFINITY, RLIM_INFINITY});
	sizes();
	setrlimit(RLIMIT_MSGQUEUE, &(struct rlimit){819200, 819200});
	write_setting("/proc/sys/fs/mqueue/msg_default", "4");
	q = mq_open("/roots", O_CREAT | O_RDWR, 0600, NULL);
	show("default", q);
	write_setting("/proc/sys/fs/mqueue/msg_default", "10");
	a = size_of(1, 1);
	readable = mq_open("/readable", O_CREAT | O_RDWR, 0644, &a);
	isolated("user", as_user);
	write_setting("/proc/sys/fs/mqueue/queues_max", "2");
	try_open("queues_max.root", "more", O_CREAT | O_RDWR);
	write_setting("/proc/sys/fs/mqueue/queues_max", "256");
	mq_close(q);
	mq_close(readable);
	mq_unlink("/roots");
	mq_unlink("/readable");
}

/* --- Messages --- */

static void order(void)
{
	mqd_t q = make("/order", O_NONBLOCK, 6, 20);

	receive("empty", q);
	mq_send(q, "one", 4, 1);
	mq_send(q, "five", 5, 5);
	mq_send(q, "also one", 9, 1);
	mq_send(q, "most", 5, 32767);
	mq_send(q, "also five", 10, 5);
	answer("zero_bytes", mq_send(q, "", 0, 0));
	answer("full", mq_send(q, "x", 1, 9));
	show("full", q);
	for (int i = 0; i < 7; i++)
		receive("order", q);
	answer("priority", mq_send(q, "x", 1, 32768));
	answer("too_long", mq_send(q, "123456789012345678901", 21, 0));
	answer("bad_text", mq_send(q, (char *)KERNEL, 8, 0));
	mq_send(q, "text", 5, 0);
	answer("small_buffer", mq_receive(q, (char *)FREE_AREA, 19, NULL));
	answer("bad_buffer", mq_receive(q, (char *)FREE_AREA, 20, NULL));
	show("bad_buffer", q); /* the message is gone */
	mq_close(q);
	mq_unlink("/order");
}

static void descriptors(void)
{
	mqd_t q = make("/fds", 0, 2, 20), reader, writer;
	struct mq_attr a = {.mq_flags = O_NONBLOCK, .mq_maxmsg = 99}, old;
	struct pollfd p = {.fd = q, .events = POLLIN | POLLOUT};
	char text[128];

	reader = mq_open("/fds", O_RDONLY);
	writer = mq_open("/fds", O_WRONLY | O_NONBLOCK);
	answer("reader.send", mq_send(reader, "x", 1, 0));
	answer("writer.receive", mq_receive(writer, text, 20, NULL));
	answer("setattr", syscall(SYS_mq_getsetattr, q, &a, &old));
	say("setattr.old", "%lx", old.mq_flags);
	show("setattr", q);
	a.mq_flags = O_NONBLOCK | O_APPEND;
	answer("setattr.flags", syscall(SYS_mq_getsetattr, q, &a, NULL));
	answer("setattr.nothing", syscall(SYS_mq_getsetattr, q, NULL, NULL));
	answer("setattr.kernel", syscall(SYS_mq_getsetattr, q, NULL, KERNEL));
	answer("getattr.pipe", syscall(SYS_mq_getsetattr, 1, NULL, &old));
	answer("send.closed", mq_send(99, "x", 1, 0));
	answer("receive.closed", mq_receive(99, text, 20, NULL));
	answer("notify.closed", mq_notify(99, NULL));

	say("poll", "%d %x", poll(&p, 1, 0), p.revents);
	mq_send(q, "a", 1, 0);
	say("poll.one", "%d %x", poll(&p, 1, 0), p.revents);
	mq_send(q, "bcd", 3, 0);
	say("poll.full", "%d %x", poll(&p, 1, 0), p.revents);

	memset(text, 0, sizeof(text));
	answer("read", read(q, text, sizeof(text) - 1));
	say("read", "%s", text);
	answer("read.end", read(q, text, sizeof(text)));
	answer("write", write(q, "x", 1));
	answer("seek", lseek(q, 6, SEEK_SET));
	answer("read.part", read(q, text, 6));
	answer("mmap", mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE, q, 0) == MAP_FAILED ? -1 : 0);
	answer("truncate", ftruncate(q, 0));
	mq_close(q);
	mq_close(reader);
	mq_close(writer);
	mq_unlink("/fds");
}

/* --- Waiting --- */

static mqd_t shared;

static void *send_later(void *arg)
{
	usleep(20000);
	mq_send(shared, "late", 5, 3);
	return NULL;
}

static void *receive_later(void *text)
{
	usleep(20000);
	mq_receive(shared, text, 20, NULL);
	return NULL;
}

static void nothing(int sig)
{
}

static struct timespec in_ms(int ms)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	t.tv_nsec += ms * 1000000;
	t.tv_sec += t.tv_nsec / 1000000000;
	t.tv_nsec %= 1000000000;
	return t;
}

static void waiting(void)
{
	struct timespec past = {1, 0}, bad = {1, -1}, soon;
	char text[20];
	pthread_t t;

	shared = make("/waiting", 0, 1, 20);
	pthread_create(&t, NULL, send_later, NULL);
	receive("waiting", shared);
	pthread_join(t, NULL);
	mq_send(shared, "first", 6, 0);
	pthread_create(&t, NULL, receive_later, text);
	answer("waiting.send", mq_send(shared, "second", 7, 0));
	pthread_join(t, NULL);
	say("waiting.received", "%s", text);
	show("waiting", shared);
	answer("timeout.past_full", mq_timedsend(shared, "x", 1, 0, &past));
	soon = in_ms(20);
	answer("timeout.full", mq_timedsend(shared, "x", 1, 0, &soon));
	receive("timeout.second", shared);
	answer("timeout.past_ready", mq_timedsend(shared, "x", 1, 0, &past));
	receive("timeout.ready", shared);
	answer("timeout.past", mq_timedreceive(shared, text, 20, NULL, &past));
	soon = in_ms(20);
	answer("timeout.empty", mq_timedreceive(shared, text, 20, NULL, &soon));
	answer("timeout.bad", mq_timedreceive(shared, text, 20, NULL, &bad));
	show("timeout", shared);

	sigaction(SIGALRM, &(struct sigaction){.sa_handler = nothing}, NULL);
	ualarm(20000, 0);
	answer("interrupted", mq_receive(shared, text, 20, NULL));
	mq_send(shared, "x", 1, 0);
	ualarm(20000, 0);
	answer("interrupted.send", mq_send(shared, "y", 1, 0));
	show("interrupted", shared);
	mq_close(shared);
	mq_unlink("/waiting");
}

/* --- Notification --- */

static volatile siginfo_t told;
static volatile int times_told;

static void on_message(int sig, siginfo_t *info, void *context)
{
	memcpy((void *)&told, info, sizeof(told));
	times_told++;
}

static void show_told(const char *name)
{
	say(name, "%d times, code %d value %d, by me %d", times_told, told.si_code,
		told.si_value.sival_int, told.si_pid == getpid());
}

static void other_process(void)
{
	struct sigevent e = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1};

	answer("notify.busy", mq_notify(shared, &e));
	answer("notify.not_mine", mq_notify(shared, NULL));
	mq_close(shared); /* and it stays the parent's */
}

static void notification(void)
{
	struct sigevent e = {
		.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1, .sigev_value.sival_int = 42};
	struct sigevent bad = {.sigev_notify = 9}, signo = {.sigev_signo = 65};
	char text[128] = "", number[16];
	pthread_t t;
	int copy;

	sigaction(SIGUSR1, &(struct sigaction){.sa_sigaction = on_message, .sa_flags = SA_SIGINFO},
		NULL);
	shared = make("/notify", 0, 4, 20);
	answer("notify.bad", mq_notify(shared, &bad));
	answer("notify.bad_signal", mq_notify(shared, &signo));
	answer("notify.none", mq_notify(shared, NULL));
	answer("notify", mq_notify(shared, &e));
	answer("notify.again", mq_notify(shared, &e));
	read(shared, text, sizeof(text) - 1);
	snprintf(number, sizeof(number), "%d", getpid());
	check("notify.read", strstr(text, "NOTIFY:0     SIGNO:10    NOTIFY_PID:") &&
				     !strncmp(strrchr(text, ':') + 1, number, strlen(number)));
	in_child(other_process);
	mq_send(shared, "a", 1, 0);
	show_told("notify.sent");
	mq_send(shared, "b", 1, 0);
	show_told("notify.once");
	answer("notify.not_empty", mq_notify(shared, &e));
	mq_send(shared, "c", 1, 0);
	show_told("notify.not_empty");
	for (int i = 0; i < 3; i++)
		receive("notify", shared);
	pthread_create(&t, NULL, send_later, NULL);
	receive("notify.waited", shared);
	pthread_join(t, NULL);
	show_told("notify.waited");
	mq_send(shared, "d", 1, 0);
	show_told("notify.then");
	receive("notify", shared);

	answer("notify.mine", mq_notify(shared, &e));
	copy = dup(shared);
	close(copy); /* any descriptor of it */
	mq_send(shared, "e", 1, 0);
	show_told("notify.closed");
	mq_close(shared);
	mq_unlink("/notify");
}

/* --- SIGEV_THREAD: 32 bytes through a netlink socket; by hand, as the C library does it --- */

#define COOKIE 32

static char cookie[COOKIE] = "known to the program";

static int notify_by_thread(mqd_t q, int sock, void *bytes)
{
	struct sigevent e = {.sigev_notify = SIGEV_THREAD, .sigev_signo = sock};

	e.sigev_value.sival_ptr = bytes;
	return syscall(SYS_mq_notify, q, &e);
}

static void show_cookie(const char *name, int sock)
{
	char got[64] = "";
	ssize_t n = recv(sock, got, sizeof(got), MSG_DONTWAIT);

	if (n < 0)
		say(name, "%s", errno_name(errno));
	else
		say(name, "%zd bytes, %s, %d", n, got, got[COOKIE - 1]);
}

static void *told_by_library;

static void library_tells(union sigval v)
{
	told_by_library = v.sival_ptr;
}

static void by_thread(void)
{
	struct sigevent e = {.sigev_notify = SIGEV_THREAD, .sigev_notify_function = library_tells};
	mqd_t q = make("/thread", 0, 4, 20);
	int sock = socket(AF_NETLINK, SOCK_RAW, 0), other = socket(AF_UNIX, SOCK_STREAM, 0);

	answer("thread.no_file", notify_by_thread(q, 99, cookie));
	answer("thread.no_socket", notify_by_thread(q, q, cookie));
	answer("thread.other_socket", notify_by_thread(q, other, cookie));
	answer("thread.no_cookie", notify_by_thread(q, sock, NULL));
	answer("thread.no_queue", notify_by_thread(sock, sock, cookie));
	answer("thread", notify_by_thread(q, sock, cookie));
	answer("thread.again", notify_by_thread(q, sock, cookie));
	show_cookie("thread.not_yet", sock);
	mq_send(q, "a", 1, 0);
	show_cookie("thread.told", sock);
	show_cookie("thread.told_once", sock);
	receive("thread", q);
	answer("thread.anew", notify_by_thread(q, sock, cookie));
	answer("thread.removed", mq_notify(q, NULL));
	show_cookie("thread.told_of_it", sock);
	answer("thread.closed", notify_by_thread(q, sock, cookie));
	close(sock);
	mq_send(q, "b", 1, 0);
	receive("thread", q);
	e.sigev_value.sival_ptr = cookie;
	answer("thread.library", mq_notify(q, &e));
	mq_send(q, "c", 1, 0);
	for (int i = 0; i < 500 && !told_by_library; i++)
		usleep(10000);
	check("thread.library_told", told_by_library == cookie);
	mq_close(q);
	mq_unlink("/thread");
}

/* --- The file system --- */

static void list(const char *name)
{
	DIR *dir = opendir(MOUNT);
	struct dirent *e;

	while (dir && (e = readdir(dir)))
		if (e->d_name[0] != '.')
			say(name, "%s", e->d_name);
	if (dir)
		closedir(dir);
}

static void file_system(void)
{
	mqd_t q = make("/fs", 0, 4, 20);
	char path[64], link[64] = "";
	struct statfs fs;
	struct stat st;
	int fd;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", q);
	readlink(path, link, sizeof(link) - 1);
	say("link", "%s", link);
	mkdir(MOUNT, 0755);
	answer("mount", mount("none", MOUNT, "mqueue", 0, NULL));
	list("list");
	stat(MOUNT, &st);
	say("root", "%o %ld", st.st_mode, (long)st.st_size);
	statfs(MOUNT, &fs);
	say("statfs", "%lx", (long)fs.f_type);
	stat(MOUNT "/fs", &st);
	say("stat", "%o %ld nlink %d", st.st_mode, (long)st.st_size, (int)st.st_nlink);
	fchmod(q, 0640);
	stat(MOUNT "/fs", &st);
	say("chmod", "%o", st.st_mode);
	answer("mkdir", mkdir(MOUNT "/dir", 0755));
	answer("symlink", symlink("x", MOUNT "/link"));
	answer("rename", rename(MOUNT "/fs", MOUNT "/other"));
	answer("rename.absent", rename(MOUNT "/absent", MOUNT "/other"));
	answer("hard_link", linkat(AT_FDCWD, MOUNT "/fs", AT_FDCWD, MOUNT "/other", 0));
	fd = open(MOUNT "/made", O_CREAT | O_RDWR, 0600);
	show("made", fd);
	close(fd);
	fd = open(MOUNT "/fs", O_RDWR);
	answer("by_path", mq_send(fd, "path", 5, 1));
	receive("by_path", q);
	close(fd);
	answer("remove", unlink(MOUNT "/fs"));
	answer("removed", mq_open("/fs", O_RDWR));
	answer("remove.made", mq_unlink("/made"));
	list("empty");
	answer("umount", umount(MOUNT));
	list("hidden");
	mq_close(q);
	q = make("/again", 0, 4, 20);
	answer("mount.again", mount("none", MOUNT, "mqueue", 0, NULL));
	list("again");
	mq_close(q);
	mq_unlink("/again");
	umount(MOUNT);
	rmdir(MOUNT);
}

int main(void)
{
	umask(0);
	names();
	limits();
	order();
	descriptors();
	waiting();
	notification();
	by_thread();
	file_system();
	return test_failed;
}
