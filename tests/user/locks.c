/* File locks: flock, POSIX record locks of processes, and those of open files. */
#include "tests/user/test.h"

#include <sys/file.h>

static struct flock64 range(int type, long long start, long long len)
{
	return (struct flock64){.l_type = type, .l_whence = SEEK_SET, .l_start = start, .l_len = len};
}

static int set(int fd, int cmd, int type, long long start, long long len)
{
	struct flock64 l = range(type, start, len);

	return syscall(SYS_fcntl64, fd, cmd, &l);
}

static void show(const char *what, int fd, int cmd, int type, long long start, long long len)
{
	struct flock64 l = range(type, start, len);
	int err = syscall(SYS_fcntl64, fd, cmd, &l);

	if (err)
		answer(what, err);
	else
		say(what, "type %d whence %d start %lld len %lld pid %s", l.l_type, l.l_whence,
			l.l_type == F_UNLCK ? 0 : l.l_start, l.l_type == F_UNLCK ? 0 : l.l_len,
			l.l_pid == -1 ? "-1" : l.l_pid == getpid() ? "own"
				       : l.l_pid == getppid()	   ? "parent"
								   : "0");
}

/* What another process finds; its lines come before ours. */
static void child(void (*body)(int fd), int fd)
{
	int status;

	if (fork() == 0) {
		body(fd);
		_exit(0);
	}
	wait(&status);
}

static void test_flock(void)
{
	int a = open("file", O_CREAT | O_RDWR, 0600), b = open("file", O_RDWR), c = dup(a);

	answer("flock.shared", flock(a, LOCK_SH));
	answer("flock.shared_too", flock(b, LOCK_SH | LOCK_NB));
	answer("flock.exclusive", flock(b, LOCK_EX | LOCK_NB));
	answer("flock.unlock", flock(b, LOCK_UN));
	answer("flock.upgrade", flock(a, LOCK_EX | LOCK_NB));
	answer("flock.same_file", flock(c, LOCK_EX | LOCK_NB));
	answer("flock.other_file", flock(b, LOCK_SH | LOCK_NB));
	close(a);
	answer("flock.dup_holds", flock(b, LOCK_SH | LOCK_NB));
	close(c);
	answer("flock.closed", flock(b, LOCK_EX | LOCK_NB));
	answer("flock.bad", flock(b, 0));
	answer("flock.no_fd", flock(99, LOCK_SH));
	close(b);
}

static void look(int fd)
{
	show("posix.child_get", fd, F_GETLK64, F_WRLCK, 0, 0);
	answer("posix.child_read", set(fd, F_SETLK64, F_RDLCK, 15, 1));
	answer("posix.child_write", set(fd, F_SETLK64, F_WRLCK, 15, 1));
	answer("posix.child_free", set(fd, F_SETLK64, F_WRLCK, 200, 0));
	show("posix.child_own", fd, F_GETLK64, F_WRLCK, 200, 5);
}

static void wait_in_child(int fd)
{
	answer("posix.waited", set(fd, F_SETLKW64, F_WRLCK, 0, 10));
}

static void test_posix(void)
{
	int fd = open("file", O_RDWR), ro = open("file", O_RDONLY), status, unlocked;
	pid_t pid;

	answer("posix.write", set(fd, F_SETLK64, F_WRLCK, 10, 20));
	answer("posix.cut", set(fd, F_SETLK64, F_RDLCK, 15, 5));
	show("posix.own", fd, F_GETLK64, F_WRLCK, 0, 0);
	child(look, fd);
	answer("posix.unlock_part", set(fd, F_SETLK64, F_UNLCK, 10, 5));
	child(look, fd);
	answer("posix.join", set(fd, F_SETLK64, F_WRLCK, 5, 30));
	child(look, fd);
	answer("posix.negative", set(fd, F_SETLK64, F_RDLCK, 10, -4));
	answer("posix.bad_start", set(fd, F_SETLK64, F_RDLCK, -1, 4));
	answer("posix.bad_type", set(fd, F_SETLK64, 9, 0, 1));
	answer("posix.read_only", set(ro, F_SETLK64, F_WRLCK, 0, 1));
	answer("posix.get_unlock", set(fd, F_GETLK64, F_UNLCK, 0, 1));
	close(ro); /* any close drops them all */
	child(look, fd);
	answer("posix.again", set(fd, F_SETLK64, F_WRLCK, 0, 10));
	pid = fork();
	if (pid == 0) {
		wait_in_child(fd);
		_exit(0);
	}
	usleep(30000);
	say("posix.before", "unlock");
	unlocked = set(fd, F_SETLK64, F_UNLCK, 0, 0);
	waitpid(pid, &status, 0);
	answer("posix.unlock", unlocked);

	/* Each waits for the other. */
	set(fd, F_SETLK64, F_WRLCK, 0, 1);
	pid = fork();
	if (pid == 0) {
		set(fd, F_SETLK64, F_WRLCK, 1, 1);
		answer("deadlock.first", set(fd, F_SETLKW64, F_WRLCK, 0, 1));
		_exit(0);
	}
	usleep(30000);
	answer("deadlock.second", set(fd, F_SETLKW64, F_WRLCK, 1, 1));
	set(fd, F_SETLK64, F_UNLCK, 0, 0);
	waitpid(pid, &status, 0);
	close(fd);
}

static void test_ofd(void)
{
	int a = open("file", O_RDWR), b = open("file", O_RDWR), status;
	struct flock64 l = range(F_WRLCK, 0, 1);
	pid_t pid;

	answer("ofd.set", set(a, F_OFD_SETLK, F_WRLCK, 0, 10));
	answer("ofd.other", set(b, F_OFD_SETLK, F_RDLCK, 5, 1));
	answer("ofd.posix", set(b, F_SETLK64, F_RDLCK, 5, 1));
	show("ofd.get", b, F_OFD_GETLK, F_RDLCK, 0, 0);
	show("ofd.get_posix", b, F_GETLK64, F_RDLCK, 0, 0);
	show("ofd.get_own", a, F_OFD_GETLK, F_WRLCK, 0, 0);
	l.l_pid = 1;
	answer("ofd.pid", syscall(SYS_fcntl64, a, F_OFD_SETLK, &l));
	close(dup(a));
	answer("ofd.dup_closed", set(b, F_OFD_SETLK, F_RDLCK, 5, 1));
	answer("ofd.posix_of_same", set(a, F_SETLK64, F_RDLCK, 20, 1));
	answer("ofd.against_posix", set(a, F_OFD_SETLK, F_WRLCK, 20, 1));
	pid = fork();
	if (pid == 0) {
		answer("ofd.inherited", set(a, F_OFD_SETLK, F_WRLCK, 0, 5));
		answer("ofd.waited", set(b, F_OFD_SETLKW, F_WRLCK, 0, 5));
		_exit(0);
	}
	usleep(30000);
	say("ofd.before", "unlock");
	answer("ofd.unlock", set(a, F_OFD_SETLK, F_UNLCK, 0, 0));
	waitpid(pid, &status, 0);
	answer("ofd.still_held", set(a, F_OFD_SETLK, F_WRLCK, 0, 5));
	close(b);
	answer("ofd.closed", set(a, F_OFD_SETLK, F_WRLCK, 0, 5));
	answer("ofd.old_call", syscall(SYS_fcntl, a, F_OFD_SETLK, &l));
	close(a);
}

static void test_lease(void)
{
	int fd = open("file", O_RDWR | O_CREAT, 0644);

	answer("lease.get", fcntl(fd, F_GETLEASE));
	answer("lease.get.null", fcntl(open("/dev/null", O_RDONLY), F_GETLEASE));
	answer("lease.get.closed", fcntl(-1, F_GETLEASE));
	close(fd);
}

int main(void)
{
	test_flock();
	test_posix();
	test_ofd();
	test_lease();
	unlink("file");
	return test_failed;
}
