/* O_ASYNC and whom F_SETOWN names: which files can have them, and what is refused. */
#include "tests/user/test.h"

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>

static void show_async(const char *name, int fd)
{
	say(name, "O_ASYNC %d", !!(fcntl(fd, F_GETFL) & O_ASYNC));
}

static void test_file(const char *name, int fd)
{
	int on = 7, off = 0;

	answer(name, ioctl(fd, FIOASYNC, &off));
	answer(name, ioctl(fd, FIOASYNC, &on));
	show_async(name, fd);
	answer(name, ioctl(fd, FIOASYNC, &on));
	answer(name, ioctl(fd, FIOASYNC, &off));
	show_async(name, fd);
	answer(name, fcntl(fd, F_SETFL, O_ASYNC | O_NONBLOCK));
	show_async(name, fd);
	answer(name, ioctl(fd, FIOASYNC, (void *)4));
	close(fd);
}

static void show_owner(const char *name, int fd)
{
	struct f_owner_ex o = {-1, -1};

	answer(name, fcntl(fd, F_GETOWN_EX, &o));
	say(name, "type %d pid %d", o.type, o.pid == getpid() ? 1 : o.pid);
	say(name, "GETOWN %ld", syscall(SYS_fcntl64, fd, F_GETOWN, 0) / getpid());
}

static void set_owner_ex(const char *name, int fd, int type, int pid)
{
	struct f_owner_ex o = {type, pid};

	answer(name, fcntl(fd, F_SETOWN_EX, &o));
	show_owner(name, fd);
}

static void test_owner(const char *name, int fd)
{
	int none = fork(), status;

	if (!none)
		_exit(0);
	waitpid(none, &status, 0);
	show_owner(name, fd);
	answer(name, fcntl(fd, F_SETOWN, getpid()));
	show_owner(name, fd);
	answer(name, fcntl(fd, F_SETOWN, none));
	answer(name, fcntl(fd, F_SETOWN, -none));
	answer(name, fcntl(fd, F_SETOWN, INT32_MIN));
	show_owner(name, fd);
	answer(name, fcntl(fd, F_SETOWN, -getpgrp()));
	show_owner(name, fd);
	answer(name, fcntl(fd, F_SETOWN, 0));
	set_owner_ex(name, fd, F_OWNER_TID, getpid());
	set_owner_ex(name, fd, F_OWNER_PGRP, getpid());
	set_owner_ex(name, fd, F_OWNER_PGRP, none);
	set_owner_ex(name, fd, 3, getpid());
	set_owner_ex(name, fd, F_OWNER_PID, 0);
	answer(name, fcntl(fd, F_SETOWN_EX, 4));
	answer(name, fcntl(fd, F_GETOWN_EX, 4));
	close(fd);
}

int main(void)
{
	int pair[2], master;

	setpgid(0, 0);
	pipe(pair);
	test_file("pipe", pair[0]);
	test_owner("pipe.owner", pair[1]);
	socketpair(AF_UNIX, SOCK_STREAM, 0, pair);
	test_file("unix", pair[0]);
	test_owner("unix.owner", pair[1]);
	test_file("inet", socket(AF_INET, SOCK_STREAM, 0));
	mount("devpts", "/dev/pts", "devpts", 0, NULL);
	master = open("/dev/ptmx", O_RDWR | O_NOCTTY);
	unlockpt(master);
	test_file("pts", open(ptsname(master), O_RDWR | O_NOCTTY));
	test_file("ptmx", master);
	umount("/dev/pts");
	test_file("regular", open("/tmp/async", O_RDWR | O_CREAT, 0600));
	test_owner("regular.owner", open("/tmp/async", O_RDWR));
	unlink("/tmp/async");
	test_file("directory", open("/tmp", O_RDONLY));
	test_file("null", open("/dev/null", O_RDWR));
	test_file("urandom", open("/dev/urandom", O_RDONLY));
	test_file("eventfd", eventfd(0, 0));
	test_file("inotify", inotify_init());
	test_file("epoll", epoll_create1(0));
	return test_failed;
}
