/*
 * Many processes and many mappings leave nothing behind:
 *
 *     cycles [PROCESSES [PAIRS]]
 *
 * fork, exec and exit, and mmap and munmap, that many times. Where the kernel tells what memory is
 * in use (/proc/mm_check), it must be the same before and after, down to the frame.
 */
#include "tests/user/test.h"

static char before[512], after[512];

static void read_usage(char *text)
{
	int fd = open("/proc/mm_check", O_RDONLY);

	memset(text, 0, sizeof(before));
	if (fd < 0)
		return;
	if (read(fd, text, sizeof(before) - 1) < 0)
		die("/proc/mm_check");
	close(fd);
}

static void processes(long n)
{
	static char *const argv[] = {(char *)"cycles", (char *)"exit", NULL};
	long failed = 0;

	while (n--) {
		int status = -1;
		pid_t pid = fork();
		if (pid < 0)
			die("fork");
		if (!pid) {
			execv("/proc/self/exe", argv);
			_exit(99);
		}
		waitpid(pid, &status, 0);
		failed += status != 0;
	}
	answer("failed", failed);
}

/* One page near the last, and now and then several page tables full somewhere else. */
static void pairs(long n)
{
	for (long i = 0; i < n; i++) {
		size_t len = i % 1000 ? PAGE : 5u << 20;
		char *p = mmap(i % 3 ? NULL : FREE_AREA + i % 1024 * (2 << 20), len,
			PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (p == MAP_FAILED)
			die("mmap");
		p[len - 1] = 1;
		munmap(p, len);
	}
}

int main(int argc, char **argv)
{
	if (argc > 1 && !strcmp(argv[1], "exit"))
		return 0;
	processes(2);
	pairs(2000);
	read_usage(before);
	read_usage(before);
	processes(argc > 1 ? atol(argv[1]) : 50);
	pairs(argc > 2 ? atol(argv[2]) : 20000);
	read_usage(after);
	check("same", !strcmp(before, after));
	if (test_failed)
		say("usage", "before\n%safter\n%s", before, after);
	return test_failed;
}
