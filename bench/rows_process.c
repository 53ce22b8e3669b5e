/* fork, exec, exit and wait with little and much memory, and what copy-on-write then costs. */
#include "bench/bench.h"

static void fork_with(u32 rss, u32 times)
{
	if (rss)
		map_touched(rss);
	FOR_SAMPLES
	{
		begin();
		for (u32 i = 0; i < times; i++) {
			long pid = fork_process();
			if (pid == 0)
				exit_process(0);
			wait_process(pid);
		}
		end(times);
	}
}

static void fork_small(void)
{
	fork_with(0, 20);
}

static void fork_16m(void)
{
	fork_with(16 * MIB, 4);
}

static void fork_64m(void)
{
	fork_with(64 * MIB, 2);
}

/* The child becomes this same program, which exits at once. */
static void exec_with(u32 rss, u32 times)
{
	const char *argv[] = {program, "--exit", NULL};
	const char *envp[] = {NULL};
	if (rss)
		map_touched(rss);
	FOR_SAMPLES
	{
		begin();
		for (u32 i = 0; i < times; i++) {
			long pid = fork_process();
			if (pid == 0)
				exit_process(-sys3(NR_execve, program, argv, envp));
			int status = wait_process(pid);
			if (status)
				skip(-(status >> 8));
		}
		end(times);
	}
}

static void exec_small(void)
{
	exec_with(0, 20);
}

static void exec_16m(void)
{
	exec_with(16 * MIB, 4);
}

static void exec_64m(void)
{
	exec_with(64 * MIB, 2);
}

#define COW_BYTES (4 * MIB)

/* The child writes pages that its parent still has: one copy each. */
static void cow_break(void)
{
	u32 start = map_touched(COW_BYTES);
	FOR_SAMPLES
	{
		long pid = fork_process();
		if (pid == 0) {
			begin();
			touch(start, COW_BYTES);
			end(COW_BYTES / PAGE);
			exit_process(0);
		}
		wait_process(pid);
	}
}

/* The child has gone, and the parent writes what is its own again: no copy. */
static void cow_reuse(void)
{
	u32 start = map_touched(COW_BYTES);
	FOR_SAMPLES
	{
		long pid = fork_process();
		if (pid == 0)
			exit_process(0);
		wait_process(pid);
		begin();
		touch(start, COW_BYTES);
		end(COW_BYTES / PAGE);
	}
}

const struct row rows_process[] = {
	{"fork_small", fork_small},
	{"fork_16m", fork_16m},
	{"fork_64m", fork_64m},
	{"exec_small", exec_small},
	{"exec_16m", exec_16m},
	{"exec_64m", exec_64m},
	{"cow_break", cow_break},
	{"cow_reuse", cow_reuse},
	{NULL, NULL},
};
