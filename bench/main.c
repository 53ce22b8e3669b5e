/*
 * The benchmark's frame: chooses rows, runs each in a process of its own, prints what it measured.
 *
 * As process 1 (tools/bench.py boots it as /init) it prints how long the boot took, makes the
 * mounts that it needs, runs the rows that its arguments name, and switches the machine off.
 * Otherwise it runs the rows and exits.
 *
 *	clock TICKS			the time stamp counter at the beginning and at the end
 *	boot TICKS			the time stamp counter at the first instruction
 *	row NAME OPS TICKS...		operations in a sample; how long each sample took
 *	bytes NAME VALUE		a row that measures memory
 *	skip NAME ERRNO			this kernel cannot
 *	died NAME STATUS		the row's process did not exit with 0
 */
#include "bench/bench.h"

#define MALLOC_PROGRAM "/malloc"

static const struct row *const tables[] = {
	rows_call,
	rows_fault,
	rows_map,
	rows_process,
	rows_file,
	rows_signal,
	rows_memory,
};

/* Rows of the other program, which is linked with glibc. */
static const char *const malloc_rows[] = {
	"malloc_small", "malloc_large", "malloc_realloc", "malloc_calloc"};

struct stopwatch *stopwatch;
const char *program;
static const char *current = "none";

/* --- Output: one write for each line --- */

static char line[512];
static u32 line_length;

void print(const char *text)
{
	for (; *text; text++) {
		if (line_length < sizeof(line))
			line[line_length++] = *text;
		if (*text == '\n') {
			sys3(NR_write, 1, line, line_length);
			line_length = 0;
		}
	}
}

void print_number(u64 value)
{
	char digits[24], *p = digits + sizeof(digits);
	*--p = 0;
	do
		*--p = '0' + value % 10;
	while (value /= 10);
	print(" ");
	print(p);
}

static void print_row(void)
{
	print("row ");
	print(current);
	print_number(stopwatch->ops);
	for (u32 i = 1; i < stopwatch->count; i++)
		print_number(stopwatch->ticks[i]);
	print("\n");
}

/* --- Helpers of the rows --- */

void exit_process(int status)
{
	for (;;)
		sys1(NR_exit, status);
}

void skip(long result)
{
	print("skip ");
	print(current);
	print_number(-result);
	print("\n");
	exit_process(0);
}

long must(long result)
{
	if (failed(result))
		skip(result);
	return result;
}

u32 map(u32 len)
{
	return must(sys_mmap(0, len, PROT_RW, MAP_PRIVATE | MAP_ANON, -1));
}

u32 map_touched(u32 len)
{
	u32 start = map(len);
	touch(start, len);
	return start;
}

void touch(u32 start, u32 len)
{
	for (u32 at = start; at < start + len; at += PAGE)
		*(volatile u32 *)at = at;
}

void peek(u32 start, u32 len)
{
	for (u32 at = start; at < start + len; at += PAGE)
		(void)*(volatile u32 *)at;
}

u32 random_next(u32 *state)
{
	*state = *state * 1664525 + 1013904223;
	return *state >> 8;
}

long fork_process(void)
{
	return must(sys0(NR_fork));
}

int wait_process(long pid)
{
	int status = 0;
	must(sys4(NR_wait4, pid, (u32)&status, 0, 0));
	return status;
}

__attribute__((noinline)) void profile_begin(void)
{
	asm volatile("");
}

__attribute__((noinline)) void profile_end(void)
{
	asm volatile("");
}

/* --- Rows, each in its process --- */

static int equal(const char *a, const char *b)
{
	while (*a && *a == *b)
		a++, b++;
	return *a == *b;
}

static int matches(const char *glob, const char *name)
{
	if (*glob == '*')
		return matches(glob + 1, name) || (*name && matches(glob, name + 1));
	if (!*glob || !*name)
		return *glob == *name;
	return (*glob == '?' || *glob == *name) && matches(glob + 1, name + 1);
}

static int chosen(const char *name, char **globs)
{
	if (!*globs)
		return 1;
	for (; *globs; globs++) {
		if (matches(*globs, name))
			return 1;
	}
	return 0;
}

/* Runs `name` in this process, which exits. */
__attribute__((noreturn)) static void be_row(const char *name)
{
	for (u32 i = 0; i < ARRAY_SIZE(tables); i++) {
		for (const struct row *row = tables[i]; row->name; row++) {
			if (!equal(row->name, name))
				continue;
			current = row->name;
			stopwatch = (struct stopwatch *)must(
				sys_mmap(0, PAGE, PROT_RW, MAP_SHARED | MAP_ANON, -1));
			stopwatch->count = 0;
			row->run();
			if (stopwatch->count)
				print_row();
			exit_process(0);
		}
	}
	exit_process(2);
}

static void run_program(const char *path, const char *name, char **globs)
{
	if (!chosen(name, globs))
		return;
	current = name;
	const char *argv[] = {path, "--row", name, NULL};
	const char *envp[] = {NULL};
	long pid = fork_process();
	if (pid == 0) {
		skip(sys3(NR_execve, path, argv, envp));
	}
	int status = wait_process(pid);
	if (status) {
		print("died ");
		print(name);
		print_number(status);
		print("\n");
	}
}

/* The globs are the arguments after the word "rows"; Linux may put words of its own before it. */
static char **globs_of(char **argv)
{
	while (*argv && !equal(*argv, "rows"))
		argv++;
	return *argv ? argv + 1 : argv;
}

static void print_clock(void)
{
	print("clock");
	print_number(rdtsc());
	print("\n");
}

static void run_rows(char **globs)
{
	for (u32 i = 0; i < ARRAY_SIZE(tables); i++) {
		for (const struct row *row = tables[i]; row->name; row++)
			run_program(program, row->name, globs);
	}
	for (u32 i = 0; i < ARRAY_SIZE(malloc_rows); i++)
		run_program(MALLOC_PROGRAM, malloc_rows[i], globs);
}

/* Tessera has these already; on Linux they are process 1's work. What fails, a row will say. */
static void make_mounts(void)
{
	sys2(NR_mkdir, "/proc", 0555);
	sys2(NR_mkdir, "/tmp", 01777);
	if (failed(sys3(NR_open, "/proc/self/status", 0, 0)))
		sys5(NR_mount, (u32) "proc", (u32) "/proc", (u32) "proc", 0, 0);
	sys5(NR_mount, (u32) "tmpfs", (u32) "/tmp", (u32) "tmpfs", 0, 0);
}

static void switch_off(void)
{
	print("end\n");
	sys3(NR_reboot, 0xfee1dead, 672274793, 0x4321fedc);
}

__attribute__((used, noreturn)) void start_c(u32 *stack, u32 tsc_low, u32 tsc_high)
{
	char **argv = (char **)(stack + 1);
	program = argv[0];
	if (stack[0] >= 3 && equal(argv[1], "--row"))
		be_row(argv[2]);
	if (stack[0] == 2 && equal(argv[1], "--exit"))
		exit_process(0);
	int first = sys0(NR_getpid) == 1;
	if (first) {
		print("boot");
		print_number((u64)tsc_high << 32 | tsc_low);
		print("\n");
		make_mounts();
	}
	print_clock();
	run_rows(globs_of(argv));
	print_clock();
	if (first)
		switch_off();
	exit_process(0);
}

/* The first instruction of all reads the counter. */
asm(".globl _start\n"
    "_start:\n"
    "	rdtsc\n"
    "	movl	%esp, %ecx\n"
    "	xorl	%ebp, %ebp\n"
    "	andl	$-16, %esp\n"
    "	subl	$4, %esp\n"
    "	pushl	%edx\n"
    "	pushl	%eax\n"
    "	pushl	%ecx\n"
    "	call	start_c\n");
