/* A thread made with CLONE_VFORK: who made it sleeps until it ends. */
#include "tests/user/test.h"

#include <sched.h>

#define THREAD (CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM)

static volatile int began, done;
static char stack[65536];

static int body(void *arg)
{
	began = 1;
	usleep(30000);
	done = 1;
	syscall(SYS_exit, 0);
	return 0;
}

/* A new program in a thread of its own: the maker ends with all others. */
static int exec_body(void *arg)
{
	execl("/proc/self/exe", "vfork_thread", "7", NULL);
	return 0;
}

static int exits_with_all(void *arg)
{
	syscall(SYS_exit_group, 9);
	return 0;
}

static void run(const char *name, int (*fn)(void *), int flags)
{
	began = done = 0;
	if (clone(fn, stack + sizeof(stack), flags, NULL) < 0)
		die("clone");
	say(name, "%s", done ? "waited" : "did not wait");
	while (!done)
		usleep(1000);
	usleep(10000);
}

static void in_process(const char *name, int (*fn)(void *))
{
	int status;
	pid_t pid = fork();

	if (!pid) {
		clone(fn, stack + sizeof(stack), THREAD | CLONE_VFORK, NULL);
		_exit(1);
	}
	waitpid(pid, &status, 0);
	say(name, "%d", WIFEXITED(status) ? WEXITSTATUS(status) : -1);
}

/* A signal that ends the process ends the wait. */
static int waits(void *arg)
{
	pause();
	return 0;
}

static void killed(void)
{
	int status;
	pid_t pid = fork();

	if (!pid) {
		clone(waits, stack + sizeof(stack), THREAD | CLONE_VFORK, NULL);
		_exit(1);
	}
	usleep(20000);
	kill(pid, SIGTERM);
	waitpid(pid, &status, 0);
	say("killed", "%d", WIFSIGNALED(status) ? WTERMSIG(status) : -1);
}

int main(int argc, char **argv)
{
	if (argc > 1)
		return atoi(argv[1]);
	alarm(60);
	run("thread", body, THREAD);
	run("thread.vfork", body, THREAD | CLONE_VFORK);
	in_process("thread.executes", exec_body);
	in_process("thread.exits", exits_with_all);
	killed();
	return test_failed;
}
