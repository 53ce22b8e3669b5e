/*
 * Rows in bytes: what the kernel needs for a process and for a mapped GiB, all in all (from the
 * free memory of sysinfo) and in page tables (from VmPTE of /proc).
 */
#include "bench/bench.h"

#define PROCESSES   200u
#define STATUS_SIZE 4096u

static u64 free_bytes(void)
{
	static u32 info[32]; /* uptime, 3 loads, total, free, ..., at word 13 the unit */
	must(sys1(NR_sysinfo, info));
	return (u64)info[5] * (info[13] ? info[13] : 1);
}

/* Lets the kernel finish what it puts off: processes that ended are not free memory at once. */
static void settle(void)
{
	u32 second[2] = {1, 0};
	sys2(NR_nanosleep, second, 0);
}

static void report(const char *name, u64 value)
{
	print("bytes ");
	print(name);
	print_number(value);
	print("\n");
}

static int begins(const char *text, const char *prefix)
{
	while (*prefix && *text == *prefix)
		text++, prefix++;
	return !*prefix;
}

/* VmPTE of this process, in bytes; skips the row where there is none. */
static u32 page_table_bytes(void)
{
	static char text[STATUS_SIZE];
	u32 fd = must(sys3(NR_open, "/proc/self/status", 0, 0));
	long length = must(sys3(NR_read, fd, text, sizeof(text) - 1));
	sys1(NR_close, fd);
	text[length] = 0;
	for (const char *p = text; *p; p++) {
		if (!begins(p, "VmPTE:"))
			continue;
		u32 kib = 0;
		for (p += 6; *p == ' ' || *p == '\t'; p++)
			;
		for (; *p >= '0' && *p <= '9'; p++)
			kib = kib * 10 + *p - '0';
		return kib * KIB;
	}
	skip(-61); /* ENODATA */
}

/* Forks a child that waits for its end and does not write to any page, its stack included. */
static long fork_waiting(void)
{
	long pid;
	asm volatile("	movl	%1, %%eax\n"
		     "	int	$0x80\n"
		     "	testl	%%eax, %%eax\n"
		     "	jnz	2f\n"
		     "1:	movl	%2, %%eax\n"
		     "	int	$0x80\n"
		     "	jmp	1b\n"
		     "2:"
		     : "=&a"(pid)
		     : "i"(NR_fork), "i"(NR_pause)
		     : "memory");
	return must(pid);
}

static void process_bytes(void)
{
	static long pids[PROCESSES];
	pids[0] = fork_waiting();
	settle();
	u64 before = free_bytes();
	for (u32 i = 1; i < PROCESSES; i++)
		pids[i] = fork_waiting();
	settle();
	u64 after = free_bytes();
	for (u32 i = 0; i < PROCESSES; i++) {
		sys2(NR_kill, pids[i], SIGKILL);
		wait_process(pids[i]);
	}
	report("process_bytes", (before - after) / (PROCESSES - 1));
}

static void process_pt_bytes(void)
{
	report("process_pt_bytes", page_table_bytes());
}

/* One GiB, read: every page is the zero page, so all that it takes is the kernel's. */
static u32 map_gib(void)
{
	u32 start = must(sys_mmap(0, GIB, PROT_READ, MAP_PRIVATE | MAP_ANON | MAP_NORESERVE, -1));
	peek(start, GIB);
	return start;
}

static void gib_bytes(void)
{
	settle();
	u64 before = free_bytes();
	map_gib();
	report("gib_bytes", before - free_bytes());
}

static void gib_pt_bytes(void)
{
	u32 before = page_table_bytes();
	map_gib();
	report("gib_pt_bytes", page_table_bytes() - before);
}

/* For the boot that ends at a prompt; see tools/bench.py. */
static void free_now(void)
{
	report("free_now", free_bytes());
}

const struct row rows_memory[] = {
	{"process_bytes", process_bytes},
	{"process_pt_bytes", process_pt_bytes},
	{"gib_bytes", gib_bytes},
	{"gib_pt_bytes", gib_pt_bytes},
	{"free_now", free_now},
	{NULL, NULL},
};
