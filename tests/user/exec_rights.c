/* What a program that gains rights, or hides its text, keeps from others: from who traces it, from
 * who attaches while it is being loaded, and from descriptors of the memory it had before. */
#include "tests/user/ptrace.h"
#include <pthread.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#define USER 1000

static const char *self;

/* --- This program again, with other rights --- */

static void copy_of_self(const char *path, mode_t mode)
{
	static char buf[65536];
	int in = open(self, O_RDONLY), out = open(path, O_CREAT | O_EXCL | O_WRONLY, 0700);
	ssize_t n;

	while ((n = read(in, buf, sizeof(buf))) > 0)
		if (write(out, buf, n) != n)
			die("copy");
	if (in < 0 || out < 0 || n < 0 || fchmod(out, mode))
		die("copy");
	close(in);
	close(out);
}

static void become_user(void)
{
	if (setresgid(USER, USER, USER) || setresuid(USER, USER, USER))
		die("setresuid");
	prctl(PR_SET_DUMPABLE, 1); /* as after an execve() */
}

static void run(const char *path, const char *what, const char *arg)
{
	execl(path, "exec_rights", what, arg, NULL);
	answer(what, -1);
	_exit(99);
}

/* --- What the program says of itself --- */

static void tell(const char *name)
{
	say(name, "uid %d euid %d dumpable %d", getuid(), geteuid(), prctl(PR_GET_DUMPABLE));
}

static void run_as_user(const char *path, const char *name)
{
	pid_t pid = fork();

	if (!pid) {
		become_user();
		run(path, "tell", name);
	}
	waitpid(pid, NULL, 0);
}

static void plain(void)
{
	run_as_user("./er_plain", "plain");
	run_as_user("./er_setuid", "setuid");
	run_as_user("./er_hidden", "hidden");
}

/* --- A tracer that is there before, and one that comes while the program is loaded --- */

static void traced(const char *path, const char *name)
{
	pid_t pid;
	int status;

	if (fork()) {
		wait(NULL);
		return;
	}
	become_user();
	pid = fork();
	if (!pid) {
		request(PTRACE_TRACEME, 0, NULL, NULL);
		run(path, "tell", name);
	}
	while (waitpid(pid, &status, 0) == pid && WIFSTOPPED(status)) {
		long word;

		answer("traced.peek", request(PTRACE_PEEKDATA, pid, (void *)traced, &word));
		request(PTRACE_CONT, pid, NULL, NULL);
	}
	_exit(0);
}

static void *wait_here(void *arg)
{
	for (;;)
		pause();
	return arg;
}

/* The first of two threads becomes another program, for which the second must die. */
static void two_threads(const char *path)
{
	pthread_t thread;

	pthread_create(&thread, NULL, wait_here, NULL);
	raise(SIGSTOP);
	run(path, "tell", "late");
}

/* The thread of the process that is not its first. */
static pid_t other_thread(pid_t pid)
{
	char path[64];
	pid_t tid;

	for (tid = pid + 1; tid < pid + 100; tid++) {
		sprintf(path, "/proc/%d/task/%d", pid, tid);
		if (!access(path, F_OK))
			return tid;
	}
	die("thread");
}

/* Its tracer holds the second thread where it exits: execve() waits for it. Who wants to trace the
 * first one now waits too, for what it becomes. */
static void attach_while_loading(const char *path)
{
	int go[2], status;
	pid_t pid, tid, late;
	char c;

	if (fork()) {
		wait(NULL);
		return;
	}
	become_user();
	if (pipe(go))
		die("pipe");
	pid = fork();
	if (!pid)
		two_threads(path);
	waitpid(pid, &status, WUNTRACED);
	tid = other_thread(pid);
	late = fork();
	if (!late) {
		if (read(go[0], &c, 1) != 1)
			die("go");
		_exit(request(PTRACE_SEIZE, pid, NULL, NULL) ? errno : 0);
	}
	answer("late.seize_other", request(PTRACE_SEIZE, tid, NULL, NUM(PTRACE_O_TRACEEXIT)));
	kill(pid, SIGCONT);
	for (;;) {
		if (waitpid(tid, &status, __WALL) != tid)
			die("wait");
		if (status >> 16 == PTRACE_EVENT_EXIT)
			break;
		request(PTRACE_CONT, tid, NULL, NULL);
	}
	usleep(100000); /* execve() sleeps */
	if (write(go[1], "", 1) != 1)
		die("go");
	usleep(200000); /* and so does who attaches */
	say("late", "the thread goes");
	request(PTRACE_CONT, tid, NULL, NULL);
	waitpid(tid, NULL, __WALL); /* execve() waits for that, too */
	waitpid(pid, NULL, 0); /* which has told who it is */
	waitpid(late, &status, 0);
	errno = WEXITSTATUS(status);
	answer("late.seize", errno ? -1 : 0);
	_exit(0);
}

/* --- Memory that a descriptor names --- */

static int marked = 1;

/* A program whose descriptor 9 is of the memory of the one before it. */
static void old_memory(void)
{
	int value = 0;

	answer("mem.read", pread(9, &value, sizeof(value), (uintptr_t)&marked));
	value = 5;
	answer("mem.write", pwrite(9, &value, sizeof(value), (uintptr_t)&marked));
	say("mem", "%s", marked == 1 ? "as it was" : "CHANGED");
}

static void memory_kept(void)
{
	pid_t pid = fork();
	int fd, value;

	if (!pid) {
		fd = open("/proc/self/mem", O_RDWR);
		if (dup2(fd, 9) != 9)
			die("mem");
		answer("mem.own", pread(9, &value, sizeof(value), (uintptr_t)&marked));
		run("./er_plain", "old_memory", NULL);
	}
	waitpid(pid, NULL, 0);
}

/* Who was allowed to open it may go on using it. */
static void memory_of_another(void)
{
	char path[64];
	int fd, value;
	pid_t pid = fork();

	if (!pid) {
		pause();
		_exit(0);
	}
	sprintf(path, "/proc/%d/mem", pid);
	fd = open(path, O_RDWR);
	answer("other.read", pread(fd, &value, sizeof(value), (uintptr_t)&marked));
	if (seteuid(USER))
		die("seteuid");
	answer("other.open", open(path, O_RDWR));
	answer("other.read_later", pread(fd, &value, sizeof(value), (uintptr_t)&marked));
	if (seteuid(0))
		die("seteuid");
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	answer("other.read_dead", pread(fd, &value, sizeof(value), (uintptr_t)&marked));
	answer("other.write_dead", pwrite(fd, &value, sizeof(value), (uintptr_t)&marked));
}

int main(int argc, char **argv)
{
	self = "/proc/self/exe";
	if (argc > 1 && !strcmp(argv[1], "tell")) {
		tell(argv[2]);
		if (!strcmp(argv[2], "late"))
			usleep(400000); /* for who attaches */
		return 0;
	}
	if (argc > 1) {
		old_memory();
		return 0;
	}
	alarm(60);
	if (chdir("/tmp"))
		die("/tmp");
	copy_of_self("er_plain", 0755);
	copy_of_self("er_setuid", 04755);
	copy_of_self("er_hidden", 0711);
	plain();
	traced("./er_plain", "traced.plain");
	traced("./er_setuid", "traced.setuid");
	traced("./er_hidden", "traced.hidden");
	attach_while_loading("./er_plain");
	attach_while_loading("./er_setuid");
	memory_kept();
	memory_of_another();
	unlink("er_plain");
	unlink("er_setuid");
	unlink("er_hidden");
	return test_failed;
}
