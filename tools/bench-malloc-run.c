/*
 * Run a program and tell its CPU seconds and peak KiB on a file descriptor. A process counts its
 * parent's memory until it calls execve(), so the parent must be as small as this one.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	const char *preload = argv[2];
	struct rusage use;
	int status;
	pid_t pid;

	if (argc < 4)
		return 2;
	pid = fork();
	if (!pid) {
		if (*preload)
			setenv("LD_PRELOAD", preload, 1);
		execvp(argv[3], argv + 3);
		_exit(127);
	}
	if (wait4(pid, &status, 0, &use) != pid || status)
		return 1;
	dprintf(atoi(argv[1]), "%ld.%06ld %ld\n",
		use.ru_utime.tv_sec + use.ru_stime.tv_sec +
			(use.ru_utime.tv_usec + use.ru_stime.tv_usec) / 1000000,
		(use.ru_utime.tv_usec + use.ru_stime.tv_usec) % 1000000, use.ru_maxrss);
	return 0;
}
