/* A fault that becomes SIGSEGV, its handler, and back; also with an mprotect in the handler. */
#include "bench/bench.h"

struct sigaction {
	void (*handler)(int signo, u32 *info, u32 *context);
	u32 flags;
	void (*restorer)(void);
	u32 mask[2];
};

/* Of struct ucontext: flags, link, stack (3 words), then gs fs es ds edi esi ebp esp ebx edx ecx
 * eax trapno err eip. */
#define CONTEXT_EIP (5 + 14)
#define INFO_ADDR   3 /* signo, errno, code, addr */

void restorer(void);
asm("restorer:\n"
    "	movl	$173, %eax\n"
    "	int	$0x80\n");

static void handle(void (*handler)(int signo, u32 *info, u32 *context))
{
	struct sigaction action = {handler, SA_SIGINFO | SA_RESTORER, restorer, {0, 0}};
	must(sys4(NR_rt_sigaction, SIGSEGV, (u32)&action, 0, 8));
}

/* `movl %eax, (%ecx)` has two bytes. */
static void step_over(int signo, u32 *info, u32 *context)
{
	context[CONTEXT_EIP] += 2;
}

static void segv(void)
{
	const u32 times = 200;
	u32 start = must(sys_mmap(0, PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANON, -1));
	handle(step_over);
	FOR_SAMPLES
	{
		begin();
		for (u32 i = 0; i < times; i++)
			asm volatile("movl %%eax, (%%ecx)" : : "a"(0), "c"(start) : "memory");
		end(times);
	}
}

static void unprotect(int signo, u32 *info, u32 *context)
{
	sys3(NR_mprotect, info[INFO_ADDR] & -PAGE, PAGE, PROT_RW);
}

/* As a garbage collector's write barrier: pages are made writable one by one. */
static void segv_mprotect(void)
{
	const u32 pages = 256;
	u32 start = map_touched(pages * PAGE);
	handle(unprotect);
	FOR_SAMPLES
	{
		must(sys3(NR_mprotect, start, pages * PAGE, PROT_READ));
		begin();
		touch(start, pages * PAGE);
		end(pages);
	}
}

const struct row rows_signal[] = {
	{"segv", segv},
	{"segv_mprotect", segv_mprotect},
	{NULL, NULL},
};
