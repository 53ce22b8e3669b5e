/* What the tests of ptrace(2) share. */
#ifndef TESTS_USER_PTRACE_H
#define TESTS_USER_PTRACE_H

#include "tests/user/test.h"

#include <sys/ptrace.h>

#define NUM(n) ((void *)(uintptr_t)(n))

static maybe long request(int what, pid_t pid, const volatile void *addr, volatile void *data)
{
	return syscall(SYS_ptrace, what, pid, addr, data);
}

/* News of a tracee. */
static maybe void print(const char *name, int status)
{
	if (WIFSTOPPED(status) && WSTOPSIG(status) & 0x80)
		say(name, "system call");
	else if (WIFSTOPPED(status) && status >> 16)
		say(name, "stopped by %s, event %d", signal_name(WSTOPSIG(status)), status >> 16);
	else
		answer_status(name, status);
}

static maybe void info(const char *name, pid_t pid)
{
	siginfo_t i = {0};

	if (request(PTRACE_GETSIGINFO, pid, NULL, &i) < 0)
		say(name, "-1 %s", errno_name(errno));
	else
		say(name, "signo %d errno %d code %x%s", i.si_signo, i.si_errno, i.si_code,
			i.si_pid == pid ? " by itself" : i.si_pid == getpid() ? " by us" : "");
}

/* A child that has asked to be traced and has stopped. */
static maybe pid_t tracee(void (*body)(void))
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		if (request(PTRACE_TRACEME, 0, NULL, NULL))
			die("traceme");
		raise(SIGSTOP);
		body();
		_exit(7);
	}
	if (waitpid(pid, &status, 0) != pid || !WIFSTOPPED(status))
		die("tracee");
	return pid;
}

static maybe void end(pid_t pid)
{
	kill(pid, SIGKILL);
	while (waitpid(pid, NULL, __WALL) == pid)
		;
}

#endif
