/* Descriptors, folders and umask belong to threads, which need not share them: clone(2) without
 * CLONE_FILES and CLONE_FS, unshare(2), and who sees which of them. */
#include "tests/user/test.h"

#include <dirent.h>
#include <linux/futex.h>
#include <linux/kcmp.h>
#include <sched.h>
#include <sys/auxv.h>

#define THREAD (CLONE_VM | CLONE_SIGHAND | CLONE_THREAD)
#define SHARED 40 /* a descriptor of all, */
#define OWN    41 /* of the first thread alone, */
#define THEIRS 42 /* and of the other one */

static volatile int tid, turn;

static void futex_wait(volatile int *word, int value)
{
	while (*word == value)
		syscall(SYS_futex, word, FUTEX_WAIT, value, NULL, NULL, 0);
}

/* A thread with the first one's TLS: only one of them may run at a time. */
static void start(int (*body)(void *), int flags)
{
	static char stack[65536];

	flags |= THREAD | CLONE_PARENT_SETTID | CLONE_CHILD_CLEARTID;
	if (clone(body, stack + sizeof(stack), flags, NULL, &tid, NULL, &tid) < 0)
		die("clone");
}

static void wait_end(void)
{
	int t;

	while ((t = tid))
		futex_wait(&tid, t);
}

static void run(int (*body)(void *), int flags)
{
	start(body, flags);
	wait_end();
}

static void next_turn(void)
{
	turn++;
	syscall(SYS_futex, &turn, FUTEX_WAKE, 1, NULL, NULL, 0);
}

static bool is_open(int fd)
{
	return fcntl(fd, F_GETFD) >= 0;
}

/* Which of the three descriptors the caller has. */
static void show_open(const char *name)
{
	say(name, "%s%s%s", is_open(SHARED) ? "shared " : "", is_open(OWN) ? "own " : "",
		is_open(THEIRS) ? "theirs" : "");
}

/* What /proc says of a thread's: the three descriptors, the folder, the root, umask. */
static void show_proc(const char *name, const char *dir)
{
	char path[300], cwd[256], root[256], text[2048], *umask_line, *size_line;
	int n[2], fd, open_fds = 0;
	struct dirent *e;
	DIR *d;

	snprintf(path, sizeof(path), "%s/fd", dir);
	d = opendir(path);
	while (d && (e = readdir(d)))
		open_fds += atoi(e->d_name) >= SHARED ? 1 << (atoi(e->d_name) - SHARED) : 0;
	if (d)
		closedir(d);
	for (int i = 0; i < 2; i++) {
		char *text = i ? root : cwd;

		snprintf(path, sizeof(path), "%s/%s", dir, i ? "root" : "cwd");
		n[i] = readlink(path, text, 255);
		snprintf(text + (n[i] > 0 ? n[i] : 0), 64, "%s", n[i] < 0 ? errno_name(errno) : "");
	}
	snprintf(path, sizeof(path), "%s/status", dir);
	fd = open(path, O_RDONLY);
	n[0] = read(fd, text, sizeof(text) - 1);
	close(fd);
	text[n[0] > 0 ? n[0] : 0] = '\0';
	umask_line = strstr(text, "Umask:");
	size_line = strstr(text, "FDSize:");
	say(name, "fds %x, cwd %s, root %s, %.11s, %.9s", open_fds, strrchr(cwd, '/') ?: cwd, root,
		umask_line ?: "no umask", size_line ?: "no size");
}

/* --- Sharing nothing --- */

static int alone(void *arg)
{
	char path[64];

	show_open("alone.begin");
	dup2(0, THEIRS);
	close(SHARED);
	chdir("/tmp");
	umask(07);
	show_open("alone.end");
	show_proc("alone.of_first", "/proc/self");
	snprintf(path, sizeof(path), "/proc/self/task/%ld", syscall(SYS_gettid));
	show_proc("alone.of_thread", path);
	show_proc("alone.thread_self", "/proc/thread-self");
	snprintf(path, sizeof(path), "/proc/%ld", syscall(SYS_gettid));
	show_proc("alone.by_number", path);
	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", THEIRS);
	check("alone.fdinfo_of_first", !strcmp(read_setting(path), "ENOENT"));
	snprintf(path, sizeof(path), "/proc/thread-self/fdinfo/%d", THEIRS);
	check("alone.fdinfo_of_thread", !strncmp(read_setting(path), "pos:", 4));
	return 0;
}

static int together(void *arg)
{
	dup2(0, THEIRS);
	umask(07);
	return 0;
}

static void sharing(void)
{
	static const int flags[] = {0, CLONE_FS, CLONE_FILES, CLONE_FS | CLONE_FILES};

	dup2(0, SHARED);
	dup2(0, OWN);
	run(alone, 0);
	show_open("alone.after");
	show_proc("alone.after", "/proc/self");
	for (size_t i = 0; i < COUNT(flags); i++) {
		run(together, flags[i]);
		show_open("together");
		say("together.umask", "%o", umask(022));
		close(THEIRS);
	}
}

/* --- unshare(2), close_range(2) --- */

static int unshares(void *arg)
{
	answer("unshare.files", unshare(CLONE_FILES));
	dup2(0, THEIRS);
	umask(070);
	answer("unshare.fs", unshare(CLONE_FS));
	umask(077);
	answer("unshare.both", unshare(CLONE_FS | CLONE_FILES));
	answer("unshare.sighand", unshare(CLONE_SIGHAND));
	return 0;
}

static int closes(void *arg)
{
	answer("close_range", syscall(SYS_close_range, SHARED, SHARED, CLOSE_RANGE_UNSHARE));
	show_open("close_range.thread");
	return 0;
}

static void unsharing(void)
{
	run(unshares, CLONE_FS | CLONE_FILES);
	show_open("unshare.after");
	say("unshare.umask", "%o", umask(022));
	run(closes, CLONE_FS | CLONE_FILES);
	show_open("close_range.after");
}

/* --- kcmp(2), pidfd_getfd(2) --- */

static long compare(int type, int tid2, int fd1, int fd2)
{
	long ret = syscall(SYS_kcmp, getpid(), tid2, type, fd1, fd2);

	return ret > 0 ? 1 : ret; /* an order that means nothing */
}

static int compares(void *arg)
{
	int me = syscall(SYS_gettid), pidfd = syscall(SYS_pidfd_open, getpid(), 0);

	answer("kcmp.same_files", compare(KCMP_FILES, me, 0, 0));
	unshare(CLONE_FILES);
	answer("kcmp.other_files", compare(KCMP_FILES, me, 0, 0));
	answer("kcmp.same_fs", compare(KCMP_FS, me, 0, 0));
	unshare(CLONE_FS);
	answer("kcmp.other_fs", compare(KCMP_FS, me, 0, 0));
	answer("kcmp.vm", compare(KCMP_VM, me, 0, 0));
	dup2(SHARED, THEIRS);
	close(OWN);
	answer("kcmp.file", compare(KCMP_FILE, me, SHARED, THEIRS));
	answer("kcmp.file_of_first", compare(KCMP_FILE, me, THEIRS, SHARED));
	answer("kcmp.file_of_thread", compare(KCMP_FILE, me, OWN, OWN));
	check("getfd.of_first", syscall(SYS_pidfd_getfd, pidfd, OWN, 0) >= 0);
	answer("getfd.of_thread", syscall(SYS_pidfd_getfd, pidfd, THEIRS, 0));
	return 0;
}

/* --- fork(2), execve(2) --- */

static void show_child(void)
{
	show_open("fork.child");
	show_proc("fork.child", "/proc/self");
}

static int forks(void *arg)
{
	unshare(CLONE_FILES | CLONE_FS);
	dup2(0, THEIRS);
	close(OWN);
	chdir("/tmp");
	in_child(show_child);
	return 0;
}

static int execs(void *arg)
{
	unshare(CLONE_FILES | CLONE_FS);
	dup2(0, THEIRS);
	close(OWN);
	fcntl(SHARED, F_SETFD, FD_CLOEXEC);
	chdir("/tmp");
	execl("/proc/self/exe", "thread_files", "exec.thread", NULL);
	die("exec");
}

static void exec_by_thread(void)
{
	run(execs, CLONE_FILES | CLONE_FS);
}

static int sleeps(void *arg)
{
	pause();
	return 0;
}

static struct flock whole = {.l_type = F_WRLCK, .l_whence = SEEK_SET};

/* Whether another process would find the file locked. */
static void show_locked(const char *name, int fd)
{
	struct flock l = whole;
	int status, pid = fork();

	if (pid == 0)
		_exit(fcntl(fd, F_GETLK, &l) || l.l_type != F_UNLCK);
	waitpid(pid, &status, 0);
	say(name, "%s", WEXITSTATUS(status) ? "locked" : "free");
}

static void open_to_lock(void)
{
	int fd = make_file("thread_file", "", 0);

	dup2(fd, SHARED);
	close(fd);
}

/* A thread that shares the table does not make execve() part with it, and with its locks. */
static void exec_with_lock(void)
{
	open_to_lock();
	fcntl(SHARED, F_SETLK, &whole);
	start(sleeps, CLONE_FILES | CLONE_FS);
	execl("/proc/self/exe", "thread_files", "exec.lock", NULL);
}

static int execs_process(void *arg)
{
	fcntl(SHARED, F_SETFD, FD_CLOEXEC);
	execl("/proc/self/exe", "thread_files", "exec.process", NULL);
	die("exec");
}

static void exec_of_sharing_process(void)
{
	static char stack[65536];
	int pid = clone(execs_process, stack + sizeof(stack), CLONE_FILES | SIGCHLD, NULL);

	waitpid(pid, NULL, 0);
	show_open("exec.process_parent");
}

static int executed(const char *name)
{
	char label[64];

	snprintf(label, sizeof(label), "%s_executed", name);
	if (!strcmp(name, "exec.lock"))
		show_locked(label, SHARED);
	else if (!strcmp(name, "exec.set_id"))
		say(label, "euid %d", geteuid());
	else
		show_open(label);
	if (!strcmp(name, "exec.thread"))
		show_proc(label, "/proc/self");
	return 0;
}

/* --- A set-id program whose root another process could move --- */

static int execs_set_id(void *arg)
{
	if (setgid(1000) || setuid(1000))
		die("setuid");
	execl("/tmp/set_id", "thread_files", "exec.set_id", NULL);
	die("exec set-id");
}

static void copy_program(const char *to)
{
	int from = open("/proc/self/exe", O_RDONLY), out = open(to, O_WRONLY | O_CREAT, 0755), n;
	static char buffer[65536];

	while ((n = read(from, buffer, sizeof(buffer))) > 0)
		if (write(out, buffer, n) != n)
			die(to);
	close(from);
	close(out);
	if (chmod(to, 04755))
		die("chmod");
}

static void set_id(void)
{
	static const int flags[] = {0, CLONE_FILES, CLONE_FS};
	static char stack[65536];

	copy_program("/tmp/set_id");
	for (size_t i = 0; i < COUNT(flags); i++)
		waitpid(clone(execs_set_id, stack + sizeof(stack), flags[i] | SIGCHLD, NULL), NULL,
			0);
	unlink("/tmp/set_id");
}

/* --- Record locks --- */

static int locks(void *arg)
{
	struct flock l = whole;

	l.l_len = 5;
	answer("lock.shared", fcntl(SHARED, F_SETLK, &l));
	unshare(CLONE_FILES);
	answer("lock.unshared", fcntl(SHARED, F_SETLK, &l));
	fcntl(SHARED, F_GETLK, &l);
	check("lock.owner", l.l_type == F_WRLCK && l.l_pid == getpid());
	close(SHARED);
	show_locked("lock.closed_by_thread", OWN);
	dup2(OWN, SHARED);
	l = whole;
	l.l_start = 10;
	l.l_len = 1;
	answer("lock.disjoint", fcntl(OWN, F_SETLK, &l));
	return 0;
}

static void locking(void)
{
	struct flock l = whole;

	open_to_lock();
	dup2(SHARED, OWN);
	l.l_len = 5;
	fcntl(SHARED, F_SETLK, &l);
	run(locks, CLONE_FILES | CLONE_FS);
	l = whole;
	show_locked("lock.after", SHARED);
	l.l_start = 10;
	answer("lock.of_thread_is_gone", fcntl(SHARED, F_SETLK, &l));
	syscall(SYS_close_range, 60, 70, CLOSE_RANGE_UNSHARE);
	unshare(CLONE_FILES);
	show_locked("lock.nothing_to_unshare", SHARED);
	unlink("thread_file");
}

/* --- The end of a thread, and of the first one --- */

static int keeps_pipe(void *arg)
{
	unshare(CLONE_FILES);
	next_turn();
	futex_wait(&turn, 1);
	return 0;
}

static void thread_ends(void)
{
	int fd[2];
	char c;

	pipe(fd);
	start(keeps_pipe, CLONE_FILES | CLONE_FS);
	futex_wait(&turn, 0);
	close(fd[1]);
	fcntl(fd[0], F_SETFL, O_NONBLOCK);
	answer("end.pipe_of_thread", read(fd[0], &c, 1));
	next_turn();
	wait_end();
	fcntl(fd[0], F_SETFL, 0);
	answer("end.pipe", read(fd[0], &c, 1));
}

static int outlives(void *arg)
{
	int pidfd = syscall(SYS_pidfd_open, getpid(), 0), me = syscall(SYS_gettid);
	char path[64];

	do
		snprintf(path, sizeof(path), "/proc/self/stat");
	while (!strstr(read_setting(path), ") Z"));
	show_proc("leader.gone", "/proc/self");
	show_proc("leader.thread", "/proc/thread-self");
	answer("leader.kcmp_files", compare(KCMP_FILES, me, 0, 0));
	answer("leader.kcmp_vm", compare(KCMP_VM, me, 0, 0));
	answer("leader.kcmp_file", compare(KCMP_FILE, me, 0, 0));
	answer("leader.getfd", syscall(SYS_pidfd_getfd, pidfd, SHARED, 0));
	show_open("leader.open");
	syscall(SYS_exit_group, 0);
	return 0;
}

static void leader_ends(void)
{
	start(outlives, CLONE_FILES | CLONE_FS);
	syscall(SYS_exit, 0);
}

static void zombie(void)
{
	int pid = fork(), pidfd;
	char path[64];

	if (pid == 0)
		_exit(0);
	pidfd = syscall(SYS_pidfd_open, pid, 0);
	waitid(P_PID, pid, NULL, WEXITED | WNOWAIT);
	snprintf(path, sizeof(path), "/proc/%d", pid);
	show_proc("zombie", path);
	answer("zombie.getfd", syscall(SYS_pidfd_getfd, pidfd, 0, 0));
	waitpid(pid, NULL, 0);
	close(pidfd);
}

static void comparing(void)
{
	run(compares, CLONE_FILES | CLONE_FS);
}

static void forking(void)
{
	run(forks, CLONE_FILES | CLONE_FS);
	show_open("fork.after");
}

int main(int argc, char **argv)
{
	if (argc > 1)
		return executed(argv[1]);
	if (mkdir("/tmp", 01777) && errno != EEXIST)
		die("/tmp");
	isolated("sharing", sharing);
	dup2(0, SHARED);
	dup2(0, OWN);
	isolated("unsharing", unsharing);
	isolated("comparing", comparing);
	isolated("forking", forking);
	isolated("exec_by_thread", exec_by_thread);
	isolated("exec_with_lock", exec_with_lock);
	isolated("exec_process", exec_of_sharing_process);
	isolated("set_id", set_id);
	isolated("locking", locking);
	isolated("thread_ends", thread_ends);
	isolated("leader_ends", leader_ends);
	isolated("zombie", zombie);
	return test_failed;
}
