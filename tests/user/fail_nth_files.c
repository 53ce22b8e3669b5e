/* The calls on files and descriptors, each allocation of theirs made to fail once. */
#include "tests/user/fail_nth.h"
#include <dirent.h>
#include <linux/aio_abi.h>
#include <poll.h>
#include <pty.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/mount.h>
#include <sys/sendfile.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <sys/uio.h>
#include <sys/xattr.h>

/* Work goes on in a folder of its own, which is removed with what is left in it. */
#define FOLDER "/tmp/fail_nth"

static void enter(void)
{
	ok(mkdir(FOLDER, 0700));
	ok(chdir(FOLDER));
}

static void clean_folder(const char *path)
{
	DIR *dir = opendir(path);
	struct dirent *e;
	char name[512];

	while (dir && (e = readdir(dir))) {
		if (!strcmp(e->d_name, ".") || !strcmp(e->d_name, ".."))
			continue;
		snprintf(name, sizeof(name), "%s/%s", path, e->d_name);
		if (e->d_type == DT_DIR)
			clean_folder(name);
		else
			unlink(name);
	}
	if (dir)
		closedir(dir);
	rmdir(path);
}

static void leave(void)
{
	umount2(FOLDER "/on", MNT_DETACH);
	umount2(FOLDER "/to", MNT_DETACH);
	clean_folder(FOLDER);
}

static void create_write(void)
{
	char block[3 * PAGE];

	enter();
	memset(block, 'x', sizeof(block));
	int fd = ok(open("file", O_RDWR | O_CREAT | O_EXCL, 0600));
	for (size_t done = 0; done < sizeof(block);)
		done += (size_t)ok(write(fd, block + done, sizeof(block) - done));
	ok(pwrite(fd, "y", 1, 5 << 20));
	must(ok(pread(fd, block, 2, PAGE)) == 2 && block[0] == 'x', "what was written");
	ok(ftruncate(fd, 100));
	ok(fallocate(fd, 0, PAGE, 2 * PAGE));
	ok(futimens(fd, NULL));
	ok(fchmod(fd, 0644));
	ok(fsync(fd));
}

static void names(void)
{
	char text[64], long_name[200];

	enter();
	memset(long_name, 'n', sizeof(long_name));
	long_name[199] = 0;
	ok(mknod("file", S_IFREG | 0600, 0));
	ok(mkdir("dir", 0700));
	ok(symlink("file", "soft"));
	ok(symlink(long_name, "dir/soft"));
	ok(link("file", "hard"));
	ok(rename("hard", "dir/moved"));
	ok(rename("soft", long_name));
	ok(renameat2(AT_FDCWD, long_name, AT_FDCWD, "file", 2 /* EXCHANGE */));
	ok(mknod("pipe", S_IFIFO | 0600, 0));
	must(ok(readlink("dir/soft", text, sizeof(text))) == sizeof(text), "the link");
	ok(unlink("dir/moved"));
	ok(unlink("dir/soft"));
	ok(rmdir("dir"));
	must(access("none", F_OK) < 0, "what is not there");
	if (errno != ENOENT)
		refused("access", errno);
	must(ok(syscall(SYS_getcwd, text, sizeof(text))) == sizeof(FOLDER), "where it is");
}

static void list(void)
{
	char entries[2048];

	enter();
	for (int i = 0; i < 20; i++) {
		char name[8];
		snprintf(name, sizeof(name), "f%d", i);
		close(ok(open(name, O_CREAT | O_WRONLY, 0600)));
	}
	int fd = ok(open(".", O_RDONLY | O_DIRECTORY));
	while (ok(syscall(SYS_getdents64, fd, entries, sizeof(entries))) > 0)
		;
	fd = ok(open("/proc", O_RDONLY | O_DIRECTORY));
	while (ok(syscall(SYS_getdents64, fd, entries, sizeof(entries))) > 0)
		;
	fd = ok(open("/proc/self/fd", O_RDONLY | O_DIRECTORY));
	while (ok(syscall(SYS_getdents64, fd, entries, sizeof(entries))) > 0)
		;
}

static void attributes(void)
{
	char text[64];

	enter();
	close(ok(open("file", O_CREAT | O_WRONLY, 0600)));
	int set = setxattr("file", "trusted.one", "1", 1, 0);
	if (set && errno == EOPNOTSUPP)
		return;
	ok(set);
	ok(setxattr("file", "trusted.one", "1234567890", 10, 0));
	ok(setxattr("file", "security.two", "2", 1, 0));
	must(ok(getxattr("file", "trusted.one", text, sizeof(text))) == 10, "its length");
	ok(listxattr("file", text, sizeof(text)));
	ok(removexattr("file", "trusted.one"));
	ok(chmod("file", 0600));
	ok(chown("file", 5, 5));
}

static void unnamed(void)
{
	enter();
	int fd = ok(open(".", O_TMPFILE | O_RDWR, 0600));
	char name[32];

	ok(write(fd, "text", 4));
	snprintf(name, sizeof(name), "/proc/self/fd/%d", fd);
	ok(linkat(AT_FDCWD, name, AT_FDCWD, "now", AT_SYMLINK_FOLLOW));
	close(ok(open(name, O_RDONLY)));
}

static void pipes(void)
{
	int a[2], b[2], file;
	char block[2 * PAGE] = "block";
	struct iovec v = {block, sizeof(block)};

	enter();
	ok(pipe2(a, 0));
	ok(pipe2(b, O_NONBLOCK));
	ok(fcntl(a[1], F_SETPIPE_SZ, 1 << 20));
	must(ok(write(a[1], block, sizeof(block))) > 0, "into the pipe");
	must(ok(tee(a[0], b[1], PAGE, 0)) > 0, "both have it");
	ok(vmsplice(b[1], &v, 1, 0));
	file = ok(open("file", O_CREAT | O_RDWR, 0600));
	must(ok(splice(a[0], NULL, file, NULL, PAGE, 0)) > 0, "out of the pipe");
	ok(lseek(file, 0, SEEK_SET));
	ok(splice(file, NULL, b[1], NULL, PAGE, 0));
	ok(sendfile(b[1], file, &(off_t){0}, 100));
	must(ok(read(b[0], block, sizeof(block))) > 0, "what is in it");
	ok(copy_file_range(file, &(off64_t){0}, file, &(off64_t){2 * PAGE}, PAGE, 0));
}

static void descriptors(void)
{
	int fd = ok(dup(1));

	ok(dup3(fd, 700, O_CLOEXEC));
	ok(fcntl(fd, F_DUPFD, 1000));
	ok(dup2(fd, 1020));
	ok(syscall(SYS_close_range, 600, 2000, 0));
	ok(fcntl(fd, F_SETOWN, getpid()));
	ok(fcntl(ok(eventfd(0, 0)), F_SETFL, O_ASYNC | O_NONBLOCK));
}

static void events(void)
{
	struct epoll_event e = {.events = EPOLLIN}, out[4];
	struct itimerspec soon = {{0, 0}, {0, 1000000}};
	sigset_t set;
	uint64_t n;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigprocmask(SIG_BLOCK, &set, NULL);
	int ep = ok(epoll_create1(0)), ev = ok(eventfd(1, EFD_NONBLOCK));
	int timer = ok(timerfd_create(CLOCK_MONOTONIC, 0)), sig = ok(signalfd(-1, &set, 0));
	int outer = ok(epoll_create1(0));

	e.data.fd = ev;
	ok(epoll_ctl(ep, EPOLL_CTL_ADD, ev, &e));
	ok(epoll_ctl(ep, EPOLL_CTL_ADD, timer, &e));
	ok(epoll_ctl(ep, EPOLL_CTL_ADD, sig, &e));
	ok(epoll_ctl(outer, EPOLL_CTL_ADD, ep, &e));
	ok(epoll_ctl(ep, EPOLL_CTL_MOD, ev, &e));
	ok(timerfd_settime(timer, 0, &soon, NULL));
	must(ok(read(timer, &n, sizeof(n))) == sizeof(n), "the timer's number");
	must(ok(epoll_wait(outer, out, 4, 1000)) == 1, "what is ready");
	ok(epoll_ctl(ep, EPOLL_CTL_DEL, timer, &e));
}

static void waiting(void)
{
	struct pollfd many[600];
	fd_set in;
	int p[2];

	ok(pipe(p));
	for (size_t i = 0; i < COUNT(many); i++)
		many[i] = (struct pollfd){.fd = p[0], .events = POLLIN};
	ok(poll(many, COUNT(many), 5));
	FD_ZERO(&in);
	FD_SET(p[0], &in);
	ok(select(p[0] + 1, &in, NULL, NULL, &(struct timeval){0, 5000}));
}

static void notify(void)
{
	char text[1024];

	enter();
	int in = ok(inotify_init1(IN_NONBLOCK)), w = ok(inotify_add_watch(in, ".", IN_ALL_EVENTS));
	close(ok(open("file", O_CREAT | O_WRONLY, 0600)));
	ok(inotify_add_watch(in, "file", IN_MODIFY));
	ok(unlink("file"));
	ok(read(in, text, sizeof(text)));
	ok(inotify_rm_watch(in, w));
}

static void locks(void)
{
	struct flock whole = {.l_type = F_WRLCK}, part = {.l_type = F_UNLCK, .l_start = 5, .l_len = 5};

	enter();
	int fd = ok(open("file", O_CREAT | O_RDWR, 0600)), other = ok(open("file", O_RDWR));
	ok(fcntl(fd, F_SETLK, &whole));
	ok(fcntl(fd, F_SETLK, &part));
	part.l_type = F_RDLCK;
	ok(fcntl(fd, F_OFD_SETLK, &part));
	ok(flock(fd, LOCK_EX));
	must(flock(other, LOCK_EX | LOCK_NB) < 0, "the lock is taken");
	if (errno == ENOMEM)
		refused("flock", errno);
}

static void mounts(void)
{
	enter();
	ok(mkdir("on", 0700));
	ok(mkdir("to", 0700));
	ok(mount("none", "on", "tmpfs", 0, "size=1m,mode=700"));
	close(ok(open("on/file", O_CREAT | O_WRONLY, 0600)));
	ok(mount(NULL, "on", NULL, MS_REMOUNT | MS_NOEXEC, NULL));
	ok(mount("proc", "to", "proc", 0, NULL));
	close(ok(open("to/self/mounts", O_RDONLY)));
	ok(umount("to"));
	ok(umount("on"));
}

static void terminals(void)
{
	int master = open("/dev/ptmx", O_RDWR | O_NOCTTY), zero = 0, slave;
	char name[32], text[64];
	unsigned number;

	if (master < 0 && errno == ENODEV)
		return;
	ok(master);
	ok(ioctl(master, TIOCSPTLCK, &zero));
	ok(ioctl(master, TIOCGPTN, &number));
	snprintf(name, sizeof(name), "/dev/pts/%u", number);
	slave = ok(open(name, O_RDWR | O_NOCTTY));
	ok(write(master, "line\n", 5));
	must(ok(read(slave, text, sizeof(text))) == 5, "the line");
	must(ok(write(slave, "answer", 6)) > 0, "the answer");
	ok(read(master, text, sizeof(text)));
}

static void asynchronous(void)
{
	aio_context_t ctx = 0;
	char text[16] = "text";
	struct io_event done;

	enter();
	struct iocb cb = {.aio_fildes = ok(open("file", O_CREAT | O_RDWR, 0600)),
		.aio_lio_opcode = IOCB_CMD_PWRITE, .aio_buf = (uintptr_t)text, .aio_nbytes = 4};
	struct iocb *list[] = {&cb};
	ok(syscall(SYS_io_setup, 8, &ctx));
	ok(syscall(SYS_io_submit, ctx, 1, list));
	ok(syscall(SYS_io_getevents, ctx, 1, 1, &done, NULL));
	if (done.res != 4)
		refused("the write", -(int)done.res);
	ok(syscall(SYS_io_destroy, ctx));
}

static void kernel_files(void)
{
	static const char *const files[] = {"/proc/meminfo", "/proc/stat", "/proc/mounts", "/proc/vmstat",
		"/proc/slabinfo", "/proc/buddyinfo", "/proc/zoneinfo", "/proc/net/unix", "/proc/net/tcp",
		"/proc/locks", "/proc/self/mountinfo", "/proc/self/fdinfo/1", "/proc/self/limits",
		"/proc/interrupts", "/proc/filesystems", "/proc/swaps", "/proc/sys/kernel/osrelease",
		"/sys/kernel/mm/transparent_hugepage/enabled", "/proc/sysvipc/shm"};
	char text[512];

	for (size_t i = 0; i < COUNT(files); i++) {
		int fd = open(files[i], O_RDONLY);
		if (fd < 0 && errno == ENOENT)
			continue;
		ok(fd);
		while (ok(read(fd, text, sizeof(text))) > 0)
			;
		close(fd);
	}
}

static const struct work works[] = {
	{"create, write", create_write, leave},
	{"names", names, leave},
	{"list", list, leave},
	{"attributes", attributes, leave},
	{"unnamed", unnamed, leave},
	{"pipes", pipes, leave},
	{"descriptors", descriptors, NULL},
	{"events", events, NULL},
	{"poll, select", waiting, NULL},
	{"inotify", notify, leave},
	{"locks", locks, leave},
	{"mounts", mounts, leave},
	{"terminals", terminals, NULL},
	{"io_submit", asynchronous, leave},
	{"the kernel's files", kernel_files, NULL},
};

int main(int argc, char **argv)
{
	return do_works(works, COUNT(works), argv[1]);
}
