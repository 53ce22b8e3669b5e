/* prctl(PR_SET_MM): bounds that a process sets itself, what they mean then, and what is refused. */
#include "tests/user/test.h"
#include <sys/prctl.h>

#define RW (PROT_READ | PROT_WRITE)

static long set_bound(int which, const void *addr)
{
	return prctl(PR_SET_MM, which, addr, 0, 0);
}

static void show_file(const char *name, const char *path)
{
	char text[64] = "";
	int fd = open(path, O_RDONLY), n = read(fd, text, sizeof(text) - 1);

	for (int i = 0; i < n - 1; i++)
		text[i] = text[i] ? text[i] : '|';
	say(name, "%s", text);
	close(fd);
}

static void arguments(void)
{
	char *p = map_anon(PAGE), *env = p + 1000;

	memcpy(p, "another\0name", 13);
	memcpy(env, "A=b\0C=d", 8);
	answer("arguments.start_behind_end", set_bound(PR_SET_MM_ARG_START, (char *)0xbfffffff));
	answer("arguments.start", set_bound(PR_SET_MM_ARG_START, p));
	answer("arguments.end", set_bound(PR_SET_MM_ARG_END, p + 13));
	show_file("arguments", "/proc/self/cmdline");
	answer("environment.start", set_bound(PR_SET_MM_ENV_START, env));
	answer("environment.end", set_bound(PR_SET_MM_ENV_END, env + 8));
	show_file("environment", "/proc/self/environ");
	answer("arguments.end_before_start", set_bound(PR_SET_MM_ARG_END, p - 1));
	answer("stack", set_bound(PR_SET_MM_START_STACK, p));
	munmap(p, PAGE);
}

/* A heap elsewhere: the break moves on from there. */
static void heap(void)
{
	char *p = map_at(FREE_AREA, PAGE, RW);
	struct rlimit l = {64 * PAGE, RLIM_INFINITY};
	unsigned long at;

	answer("heap.brk_below", set_bound(PR_SET_MM_BRK, (void *)0x10000));
	answer("heap.start_above", set_bound(PR_SET_MM_START_BRK, p));
	answer("heap.brk", set_bound(PR_SET_MM_BRK, p + PAGE));
	answer("heap.start", set_bound(PR_SET_MM_START_BRK, p));
	at = syscall(SYS_brk, p + 3 * PAGE);
	say("heap.grown", "%lx, %s", at, map_perms(p + 2 * PAGE));
	at = syscall(SYS_brk, p + PAGE);
	say("heap.shrunk", "%lx, %s", at, map_perms(p + PAGE));
	at = syscall(SYS_brk, p - 1);
	say("heap.below", "%lx", at);
	setrlimit(RLIMIT_DATA, &l);
	answer("heap.within_limit", set_bound(PR_SET_MM_BRK, p + 2 * PAGE));
	answer("heap.over_limit", set_bound(PR_SET_MM_BRK, p + 70 * PAGE));
	answer("heap.unmapped", set_bound(PR_SET_MM_BRK, p + 10 * PAGE));
}

static void refused(void)
{
	char *p = map_anon(PAGE);

	answer("code.behind_end", set_bound(PR_SET_MM_START_CODE, p));
	answer("code.end", set_bound(PR_SET_MM_END_CODE, p));
	answer("code.start", set_bound(PR_SET_MM_START_CODE, p - 1));
	answer("code.empty", set_bound(PR_SET_MM_START_CODE, p));
	answer("data.end_before_start", set_bound(PR_SET_MM_END_DATA, (void *)0x10000));
	answer("nothing", set_bound(0, p));
	answer("unknown", set_bound(16, p));
	answer("zero", set_bound(PR_SET_MM_START_STACK, NULL));
	answer("kernel", set_bound(PR_SET_MM_START_STACK, KERNEL));
	answer("argument_4", prctl(PR_SET_MM, PR_SET_MM_BRK, p, 1, 0));
	answer("argument_5", prctl(PR_SET_MM, PR_SET_MM_BRK, p, 0, 1));
	if (setuid(1000))
		die("setuid");
	answer("unprivileged", set_bound(PR_SET_MM_BRK, p));
	answer("unprivileged.argument_4", prctl(PR_SET_MM, PR_SET_MM_BRK, p, 1, 0));
}

static void on_other_stack(int sig)
{
	munmap((void *)0xbffff000, PAGE);
	answer("stack.nothing_above", set_bound(PR_SET_MM_START_STACK, (void *)0xbffff800));
	_exit(0);
}

/* With the top of the stack gone nothing lies there, nor above. */
static void nothing_above(void)
{
	stack_t other = {.ss_sp = map_anon(16 * PAGE), .ss_size = 16 * PAGE};
	struct sigaction action = {.sa_handler = on_other_stack, .sa_flags = SA_ONSTACK};

	sigaltstack(&other, NULL);
	sigaction(SIGUSR1, &action, NULL);
	raise(SIGUSR1);
}

int main(void)
{
	isolated("arguments", arguments);
	isolated("heap", heap);
	isolated("refused", refused);
	isolated("nothing_above", nothing_above);
	return test_failed;
}
