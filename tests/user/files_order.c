/* Which complaint comes first when a call on files has several, and what a descriptor from O_PATH,
 * which only names a place, may be used for. */
#include "tests/user/test.h"
#include <linux/falloc.h>
#include <poll.h>
#include <sched.h>
#include <sys/epoll.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/select.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/statfs.h>
#include <sys/uio.h>
#include <sys/xattr.h>

#ifndef RENAME_WHITEOUT
#define RENAME_WHITEOUT 4
#endif

static void opens(void)
{
	answer("open.create_directory", open("absent", O_CREAT | O_DIRECTORY | O_RDWR, 0600));
	answer("open.create_directory_nowhere", open("no/x", O_CREAT | O_DIRECTORY, 0600));
	answer("open.create_directory_path", open("absent", O_CREAT | O_DIRECTORY | O_PATH, 0600));
	answer("open.create_slash", open("absent/", O_CREAT | O_RDWR, 0600));
	answer("open.create_slash_file", open("file/", O_CREAT | O_RDWR, 0600));
	answer("open.create_slash_exclusive", open("file/", O_CREAT | O_EXCL | O_RDWR, 0600));
	answer("open.slash_file", open("file/", O_RDONLY));
}

static void names(void)
{
	answer("name.mknod_slash", mknod("absent/", S_IFREG | 0600, 0));
	answer("name.mknod_slash_there", mknod("dir/", S_IFREG | 0600, 0));
	answer("name.symlink_slash_there", symlink("file", "dir/"));
	answer("name.link_slash_there", link("file", "dir/"));
	answer("name.link_slash", link("file", "absent/"));
	answer("name.mkdir_dot", mkdir("dir/.", 0700));
	answer("name.whiteout_nothing",
		renameat2(AT_FDCWD, "absent", AT_FDCWD, "b", RENAME_WHITEOUT));
	answer("name.whiteout_exchange",
		renameat2(AT_FDCWD, "absent", AT_FDCWD, "b", RENAME_WHITEOUT | RENAME_EXCHANGE));
}

static void calls(void)
{
	struct timespec bad[2] = {{0, 1000000000}, {0, 0}};
	int readable = open("file", O_RDONLY), fd = open("file", O_RDWR);

	answer("utimensat.nothing", utimensat(AT_FDCWD, "absent", bad, 0));
	answer("utimensat.bad", utimensat(AT_FDCWD, "file", bad, 0));
	answer("fallocate.zero_readable", fallocate(readable, FALLOC_FL_ZERO_RANGE, 0, 1));
	answer("fallocate.zero", fallocate(fd, FALLOC_FL_ZERO_RANGE, 0, 1));
	answer("fallocate.hole_alone", fallocate(readable, FALLOC_FL_PUNCH_HOLE, 0, 1));
	answer("fallocate.collapse_keep",
		fallocate(readable, FALLOC_FL_COLLAPSE_RANGE | FALLOC_FL_KEEP_SIZE, 0, 1));
	answer("fallocate.unshare_keep",
		fallocate(readable, FALLOC_FL_UNSHARE_RANGE | FALLOC_FL_KEEP_SIZE, 0, 1));
	answer("fallocate.unknown", fallocate(readable, 4, 0, 1));
	answer("pwritev2.no_file", pwritev2(-1, NULL, 0, 0, 0x1000));
	answer("xattr.nothing", getxattr("absent", "user.x", NULL, 0));
	answer("xattr.no_name", getxattr("file", "", NULL, 0));
	answer("xattr.get", getxattr("file", "user.x", NULL, 0));
	answer("xattr.flags", setxattr("file", "user.x", "", 0, 4));
	answer("xattr.list", listxattr("file", NULL, 0));
	close(readable);
	close(fd);
}

static void show_statx(const char *name, const char *path, unsigned mask)
{
	struct statx x = {0};

	if (statx(AT_FDCWD, path, 0, mask, &x))
		die("statx");
	say(name, "mask %#x attributes %#llx of %#llx born %s", x.stx_mask,
		(unsigned long long)x.stx_attributes, (unsigned long long)x.stx_attributes_mask,
		x.stx_btime.tv_sec ? "then" : "never");
}

/* One byte with a descriptor beside it. */
static long send_descriptor(int socket, int fd)
{
	union {
		struct cmsghdr header;
		char room[CMSG_SPACE(sizeof(int))];
	} control = {0};
	struct iovec part = {"x", 1};
	struct msghdr m = {.msg_iov = &part,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control)};

	control.header = (struct cmsghdr){CMSG_LEN(sizeof(int)), SOL_SOCKET, SCM_RIGHTS};
	memcpy(CMSG_DATA(&control.header), &fd, sizeof(fd));
	return sendmsg(socket, &m, 0);
}

static void path_waits(int fd)
{
	struct pollfd p = {fd, POLLIN, 0};
	struct epoll_event event = {0};
	struct timeval none = {0};
	int epoll = epoll_create1(0);
	fd_set set;

	FD_ZERO(&set);
	FD_SET(fd, &set);
	answer("path.poll", poll(&p, 1, 0));
	say("path.revents", "%#x", p.revents);
	answer("path.select", select(fd + 1, &set, NULL, NULL, &none));
	answer("path.epoll", epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event));
	close(epoll);
}

static void path_only(void)
{
	int fd = open("file", O_PATH), dir = open(".", O_PATH), sockets[2];
	struct statfs fs;
	struct stat st;
	char c;

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, sockets))
		die("socketpair");
	answer("path.fstat", fstat(fd, &st));
	answer("path.fstatfs", fstatfs(fd, &fs));
	answer("path.fchdir", fchdir(dir));
	check("path.dup", dup(fd) > 0);
	check("path.at", openat(dir, "file", O_RDONLY) > 0);
	answer("path.sent", send_descriptor(sockets[0], fd));
	answer("path.read", read(fd, &c, 1));
	answer("path.pread", pread(fd, &c, 1, 0));
	answer("path.lseek", lseek(fd, 0, SEEK_SET));
	answer("path.getdents", syscall(SYS_getdents64, dir, &c, 1));
	answer("path.ioctl", ioctl(fd, FIONREAD, &c));
	answer("path.flock", flock(fd, LOCK_SH));
	answer("path.fsync", fsync(fd));
	answer("path.syncfs", syncfs(fd));
	answer("path.ftruncate", ftruncate(fd, 0));
	answer("path.fchmod", fchmod(fd, 0600));
	answer("path.fgetxattr", fgetxattr(fd, "user.x", NULL, 0));
	answer("path.sendfile", sendfile(sockets[0], fd, NULL, 1));
	answer("path.splice", splice(fd, NULL, sockets[0], NULL, 1, 0));
	answer("path.getfl", fcntl(fd, F_GETFL) & O_PATH ? 0 : 1);
	answer("path.setfl", fcntl(fd, F_SETFL, 0));
	answer("path.setns", setns(fd, 0));
	check("path.mmap",
		mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE, fd, 0) == MAP_FAILED && errno == EBADF);
	path_waits(fd);
}

int main(void)
{
	close(make_file("file", "text", 4));
	mkdir("dir", 0700);
	opens();
	names();
	calls();
	show_statx("statx.basic", "file", STATX_BASIC_STATS);
	show_statx("statx.all", "file", STATX_BASIC_STATS | STATX_BTIME);
	show_statx("statx.mount", "/proc/..", STATX_SIZE);
	path_only();
	unlink("file");
	rmdir("dir");
	return test_failed;
}
