/*
 * What the rows of the benchmark share: Linux i386's system calls by `int 0x80`, a stopwatch, and
 * the table of rows. There is no libc: what is timed is the kernel and a loop around it.
 *
 * A row is a function that times some samples: `begin(); ... ; end(OPS);` once for each of
 * SAMPLES, of which the first only warms up. It runs in a process of its own, started afresh.
 */
#ifndef BENCH_BENCH_H
#define BENCH_BENCH_H

#include <stddef.h>
#include <stdint.h>

typedef uint32_t u32;
typedef uint64_t u64;

#define KIB 1024u
#define MIB (1024 * KIB)
#define GIB (1024 * MIB)
#define PAGE 4096u
#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

/* --- System calls --- */

#define NR_exit 1
#define NR_fork 2
#define NR_read 3
#define NR_write 4
#define NR_open 5
#define NR_close 6
#define NR_waitpid 7
#define NR_unlink 10
#define NR_execve 11
#define NR_getpid 20
#define NR_mount 21
#define NR_pause 29
#define NR_kill 37
#define NR_mkdir 39
#define NR_brk 45
#define NR_reboot 88
#define NR_munmap 91
#define NR_wait4 114
#define NR_sysinfo 116
#define NR_mprotect 125
#define NR_nanosleep 162
#define NR_mremap 163
#define NR_rt_sigaction 174
#define NR_mmap2 192
#define NR_mincore 218
#define NR_madvise 219

#define PROT_NONE 0
#define PROT_READ 1
#define PROT_WRITE 2
#define PROT_RW (PROT_READ | PROT_WRITE)
#define MAP_SHARED 1
#define MAP_PRIVATE 2
#define MAP_FIXED 0x10
#define MAP_ANON 0x20
#define MAP_NORESERVE 0x4000
#define MAP_POPULATE 0x8000
#define MREMAP_MAYMOVE 1
#define MREMAP_FIXED 2
#define MADV_DONTNEED 4
#define O_RDWR 2
#define O_CREAT 0x40
#define O_TRUNC 0x200
#define SIGKILL 9
#define SIGSEGV 11
#define SA_SIGINFO 4
#define SA_RESTORER 0x04000000
#define SA_NODEFER 0x40000000
#define ENOMEM 12

#define ERRNO_MAX 4095
#define failed(result) ((u32)(result) >= (u32)-ERRNO_MAX)

static inline long sys6(u32 nr, u32 a, u32 b, u32 c, u32 d, u32 e, u32 f)
{
	long result;
	/* ebp holds the sixth argument; the compiler's own value of it is kept on the stack. */
	asm volatile("pushl %%ebp; movl %7, %%ebp; int $0x80; popl %%ebp"
		     : "=a"(result)
		     : "a"(nr), "b"(a), "c"(b), "d"(c), "S"(d), "D"(e), "m"(f)
		     : "memory");
	return result;
}

static inline long sys4(u32 nr, u32 a, u32 b, u32 c, u32 d)
{
	long result;
	asm volatile("int $0x80"
		     : "=a"(result)
		     : "a"(nr), "b"(a), "c"(b), "d"(c), "S"(d)
		     : "memory");
	return result;
}

static inline long sys5(u32 nr, u32 a, u32 b, u32 c, u32 d, u32 e)
{
	long result;
	asm volatile("int $0x80"
		     : "=a"(result)
		     : "a"(nr), "b"(a), "c"(b), "d"(c), "S"(d), "D"(e)
		     : "memory");
	return result;
}

#define sys3(nr, a, b, c) sys4(nr, (u32)(a), (u32)(b), (u32)(c), 0)
#define sys2(nr, a, b) sys4(nr, (u32)(a), (u32)(b), 0, 0)
#define sys1(nr, a) sys4(nr, (u32)(a), 0, 0, 0)
#define sys0(nr) sys4(nr, 0, 0, 0, 0)

static inline long sys_mmap(u32 addr, u32 len, u32 prot, u32 flags, u32 fd)
{
	return sys6(NR_mmap2, addr, len, prot, flags, fd, 0);
}

static inline long sys_munmap(u32 addr, u32 len)
{
	return sys2(NR_munmap, addr, len);
}

/* The path of this program, for exec. */
extern const char *program;

/* --- Helpers that end the row with its errno (main.c) --- */

/* Says that this kernel cannot run the row, and ends the process. */
__attribute__((noreturn)) void skip(long result);

/* The result, or skip(). */
long must(long result);

/* Private anonymous memory, readable and writable. */
u32 map(u32 len);

/* The same, every page of it written. */
u32 map_touched(u32 len);

/* Writes, or reads, one word of each page. */
void touch(u32 start, u32 len);
void peek(u32 start, u32 len);

/* Numbers that are the same in every run. */
u32 random_next(u32 *state);

__attribute__((noreturn)) void exit_process(int status);

/* fork(), in a function that the child returns from, too. */
long fork_process(void);

/* Waits for `pid` and gives its wait status. */
int wait_process(long pid);

/* Writes a line: the words, and the numbers in decimal. */
void print(const char *text);
void print_number(u64 value);

/* --- The stopwatch (main.c) --- */

#define SAMPLES 8

static inline u64 rdtsc(void)
{
	u64 value;
	asm volatile("rdtsc" : "=A"(value) : : "memory");
	return value;
}

/* In a page shared with forked children: a child may time a sample for its parent. */
struct stopwatch {
	u64 start;
	u32 count;
	u32 ops;
	u64 ticks[SAMPLES];
};

extern struct stopwatch *stopwatch;

/* The two addresses between which tools/profile.py counts. */
void profile_begin(void);
void profile_end(void);

static inline void begin(void)
{
	profile_begin();
	stopwatch->start = rdtsc();
}

static inline void end(u32 ops)
{
	u64 now = rdtsc();
	profile_end();
	stopwatch->ops = ops;
	stopwatch->ticks[stopwatch->count++] = now - stopwatch->start;
}

#define FOR_SAMPLES for (u32 sample = 0; sample < SAMPLES; sample++)

/* --- Rows --- */

struct row {
	const char *name;
	void (*run)(void);
};

/* Each file's rows, ended by one without a name. */
extern const struct row rows_call[], rows_fault[], rows_map[], rows_process[], rows_file[],
	rows_signal[], rows_memory[];

#endif
