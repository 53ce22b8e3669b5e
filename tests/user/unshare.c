/* unshare(2), setns(2) and pidfd_getfd(2): what processes share, and no longer. */
#include "tests/user/test.h"

#include <pthread.h>
#include <sched.h>
#include <sys/prctl.h>

static int in_place(int (*body)(void *), int flags)
{
	static char stack[65536];
	int status, pid = clone(body, stack + sizeof(stack), flags | SIGCHLD, NULL);

	if (pid < 0 || waitpid(pid, &status, 0) < 0)
		die("clone");
	return WEXITSTATUS(status);
}

static int shared, kept;

/* Shares the folder, the umask and the descriptors with its parent at first. */
static int child(void *arg)
{
	shared = dup(0);
	umask(027);
	answer("unshare", unshare(CLONE_FS | CLONE_FILES));
	kept = dup(0);
	close(shared);
	umask(077);
	chdir("/");
	return 0;
}

static void sharing(void)
{
	char cwd[256], after[256];

	getcwd(cwd, sizeof(cwd));
	answer("child", in_place(child, CLONE_VM | CLONE_FS | CLONE_FILES));
	getcwd(after, sizeof(after));
	check("same_folder", !strcmp(cwd, after));
	say("umask", "%o", umask(022));
	answer("opened_before", fcntl(shared, F_GETFD));
	if (kept == shared)
		die("the same descriptor");
	answer("opened_after", fcntl(kept, F_GETFD));
	close(shared);
}

static void flags(void)
{
	static const unsigned harmless[] = {0, CLONE_FS, CLONE_FILES, CLONE_SYSVSEM, CLONE_THREAD,
		CLONE_SIGHAND, CLONE_VM, CLONE_FS | CLONE_FILES};
	static const unsigned bad[] = {CLONE_PIDFD, CLONE_IO, CLONE_VFORK, 1};

	for (size_t i = 0; i < COUNT(harmless); i++)
		answer("harmless", unshare(harmless[i]));
	for (size_t i = 0; i < COUNT(bad); i++)
		answer("bad", unshare(bad[i]));
	answer("setns.closed", setns(99, 0));
	answer("setns.file", setns(0, 0));
}

static void as_user(void)
{
	static const unsigned spaces[] = {CLONE_NEWNS, CLONE_NEWUTS, CLONE_NEWIPC, CLONE_NEWPID,
		CLONE_NEWNET, CLONE_NEWCGROUP, 0x80};

	if (setgid(1000) || setuid(1000))
		die("setuid");
	for (size_t i = 0; i < COUNT(spaces); i++) {
		answer("user.unshare", unshare(spaces[i]));
		if (i < COUNT(spaces) - 1)
			answer("user.clone", syscall(SYS_clone, spaces[i] | SIGCHLD, 0, 0, 0, 0));
	}
}

static void *thread(void *arg)
{
	answer("thread.vm", unshare(CLONE_VM));
	answer("thread.sighand", unshare(CLONE_SIGHAND));
	return NULL;
}

/* --- pidfd_getfd(2) --- */

static long get(int pidfd, int fd, unsigned flags)
{
	return syscall(SYS_pidfd_getfd, pidfd, fd, flags);
}

static void other_user(void)
{
	if (setgid(1000) || setuid(1000))
		die("setuid");
	answer("getfd.denied", get(3, 0, 0));
}

static void descriptors(void)
{
	int go[2], pid, theirs, pidfd, got;
	char text[8] = "";

	pipe(go);
	pid = fork();
	if (pid == 0) {
		close(go[1]);
		dup2(make_file("unshare_file", "theirs", 6), 50);
		read(go[0], text, 1);
		_exit(0);
	}
	pidfd = syscall(SYS_pidfd_open, pid, 0);
	while ((theirs = get(pidfd, 50, 0)) < 0)
		usleep(1000);
	answer("getfd.cloexec", fcntl(theirs, F_GETFD));
	answer("getfd.position", lseek(theirs, 0, SEEK_CUR));
	pread(theirs, text, 6, 0);
	say("getfd.text", "%s", text);
	answer("getfd.absent", get(pidfd, 51, 0));
	answer("getfd.flags", get(pidfd, 50, 1));
	answer("getfd.no_pidfd", get(theirs, 50, 0));
	answer("getfd.closed", get(99, 50, 0));
	if (dup2(pidfd, 3) != 3)
		die("dup2");
	in_child(other_user);
	close(go[1]);
	waitpid(pid, NULL, 0);
	answer("getfd.gone", get(pidfd, 50, 0));
	got = syscall(SYS_pidfd_open, getpid(), 0);
	check("getfd.own", get(got, theirs, 0) >= 0);
	unlink("unshare_file");
}

/* --- prctl(2): what is kept and reported --- */

static void show_slack(void)
{
	say("slack.child", "%d", prctl(PR_GET_TIMERSLACK));
	prctl(PR_SET_TIMERSLACK, 5);
	prctl(PR_SET_TIMERSLACK, 0);
	say("slack.child_default", "%d", prctl(PR_GET_TIMERSLACK));
	say("thp.child", "%d", prctl(PR_GET_THP_DISABLE, 0, 0, 0, 0));
}

static void settings(void)
{
	int tsc = 0;

	say("slack", "%d", prctl(PR_GET_TIMERSLACK));
	prctl(PR_SET_TIMERSLACK, 1234);
	answer("thp", prctl(PR_GET_THP_DISABLE, 0, 0, 0, 0));
	answer("thp.set", prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0));
	answer("thp.bad", prctl(PR_SET_THP_DISABLE, 1, 1, 0, 0));
	answer("thp.bad_get", prctl(PR_GET_THP_DISABLE, 1, 0, 0, 0));
	in_child(show_slack);
	prctl(PR_SET_TIMERSLACK, 0);
	say("slack.default", "%d", prctl(PR_GET_TIMERSLACK));
	answer("seccomp", prctl(PR_GET_SECCOMP));
	answer("tsc", prctl(PR_GET_TSC, &tsc));
	say("tsc", "%d", tsc);
	answer("tsc.kernel", prctl(PR_GET_TSC, KERNEL));
	answer("securebits", prctl(PR_GET_SECUREBITS));
	prctl(PR_SET_KEEPCAPS, 1);
	answer("securebits", prctl(PR_GET_SECUREBITS));
	answer("perf", prctl(PR_TASK_PERF_EVENTS_DISABLE));
	for (int what = 0; what < 6; what++) {
		answer("ambient", prctl(PR_CAP_AMBIENT, what, 0, 0, 0));
		answer("ambient.41", prctl(PR_CAP_AMBIENT, what, 41, 0, 0));
	}
}

int main(void)
{
	pthread_t t;

	sharing();
	isolated("flags", flags);
	isolated("user", as_user);
	pthread_create(&t, NULL, thread, NULL);
	pthread_join(t, NULL);
	descriptors();
	isolated("settings", settings);
	return test_failed;
}
