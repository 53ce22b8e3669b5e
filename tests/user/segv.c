/* Page faults that become signals: si_code, si_addr, the saved trap and error code, retrying. */
#include "tests/user/test.h"
#include <ucontext.h>

static void report(const char *name, void (*body)(volatile char *), char *p)
{
	if (survives(body, p))
		say(name, "no fault");
	else
		say(name, "%s %s trap %ld error %ld", fault_name(&last_fault),
			last_fault.addr == p ? "at the address" : "elsewhere", last_fault.trapno,
			last_fault.error & 7); /* above: what the CPU model adds */
}

static void do_add(volatile char *p)
{
	(*p)++;
}

/* Of pages that are not there: Debian's 6.1 kernel for PAE forgets the NX bit of all others. */
static void do_call(volatile char *p)
{
	((void (*)(void))(uintptr_t)p)();
}

static void codes(void)
{
	char *p = map_anon(4 * PAGE);

	memset(p, 1, 4 * PAGE);
	report("unmapped.read", do_read, FREE_AREA + 5);
	report("unmapped.write", do_write, FREE_AREA + 5);
	report("unmapped.add", do_add, FREE_AREA + 5);
	report("unmapped.call", do_call, FREE_AREA + 5);
	report("null.read", do_read, NULL);
	report("null.write", do_write, NULL);
	report("null.call", do_call, NULL);
	mprotect(p, PAGE, PROT_READ);
	report("readonly.read", do_read, p + 5);
	report("readonly.write", do_write, p + 5);
	report("readonly.add", do_add, p + PAGE - 1);
	mprotect(p + PAGE, PAGE, PROT_NONE);
	report("none.read", do_read, p + PAGE);
	report("none.write", do_write, p + PAGE);
	mprotect(p + 3 * PAGE, PAGE, PROT_WRITE);
	report("writeonly.read", do_read, p + 3 * PAGE);
	munmap(p, 4 * PAGE);
}

/* The same on pages that were never touched. */
static void untouched(void)
{
	char *p = map_anon(3 * PAGE);

	mprotect(p, PAGE, PROT_READ);
	report("untouched.readonly_write", do_write, p);
	report("untouched.readonly_read", do_read, p);
	report("untouched.readonly_write_after_read", do_write, p);
	mprotect(p + PAGE, PAGE, PROT_NONE);
	report("untouched.none_read", do_read, p + PAGE);
	munmap(p, 3 * PAGE);
}

static void text(void)
{
	static const char constant[] = "constant";

	report("text.read", do_read, (char *)codes);
	report("text.write", do_write, (char *)codes);
	report("rodata.read", do_read, (char *)constant);
	report("rodata.write", do_write, (char *)constant);
}

/* What lies in the kernel's half looks the same, whether something is there or not. */
static void kernel(void)
{
	report("kernel.first", do_read, (char *)0xc0000000);
	report("kernel.read", do_read, KERNEL);
	report("kernel.write", do_write, KERNEL);
	report("kernel.call", do_call, KERNEL);
	report("kernel.high", do_read, (char *)0xfffff000);
	report("kernel.last", do_write, (char *)0xffffffff);
	report("kernel.hole", do_read, (char *)0xf8001000);
}

/* A word over the edge of two pages: si_addr is where the missing page begins. */
static void straddle(void)
{
	char *p = map_anon(2 * PAGE);
	volatile int *word = (int *)(p + PAGE - 2);

	munmap(p + PAGE, PAGE);
	catch_faults(0);
	if (!sigsetjmp(fault_return, 1))
		*word = 1;
	say("straddle.addr", "page + %d", (int)((char *)last_fault.addr - p - PAGE));
	munmap(p, PAGE);
}

static char *retry_page;
static volatile int retries;

static void unprotect(int sig, siginfo_t *info, void *context)
{
	retries++;
	if (info->si_code == SEGV_ACCERR)
		mprotect(retry_page, PAGE, PROT_READ | PROT_WRITE);
	else
		map_at(retry_page, PAGE, PROT_READ | PROT_WRITE);
}

/* The handler mends what was wrong and the instruction runs again. */
static void retry(void)
{
	struct sigaction action = {.sa_sigaction = unprotect, .sa_flags = SA_SIGINFO};

	sigaction(SIGSEGV, &action, NULL);
	retry_page = FREE_AREA;
	*(volatile int *)retry_page = 11;
	say("retry.mapped", "%d after %d", *(int *)retry_page, retries);
	mprotect(retry_page, PAGE, PROT_NONE);
	say("retry.unprotected", "%d after %d", *(volatile int *)retry_page, retries);
	mprotect(retry_page, PAGE, PROT_READ);
	for (int i = 0; i < 100; i++) {
		(*(volatile int *)retry_page)++;
		mprotect(retry_page, PAGE, PROT_READ);
	}
	say("retry.hundred", "%d after %d", *(int *)retry_page, retries);
	munmap(retry_page, PAGE);
}

/* The handler leads the program over the instruction, through the saved registers. */
static void step_over(int sig, siginfo_t *info, void *context)
{
	ucontext_t *uc = context;

	uc->uc_mcontext.gregs[REG_EIP] += 2;
	uc->uc_mcontext.gregs[REG_EAX] = 4242;
}

static void skip(void)
{
	struct sigaction action = {.sa_sigaction = step_over, .sa_flags = SA_SIGINFO};
	int value = 1;

	sigaction(SIGSEGV, &action, NULL);
	/* movl (%ecx), %eax is two bytes long. */
	asm volatile("movl (%%ecx), %%eax" : "=a"(value) : "c"(FREE_AREA) : "memory");
	say("context.changed", "%d", value);
}

/* --- What kills --- */

static void null_write(void)
{
	signal(SIGSEGV, SIG_DFL);
	*(volatile int *)NULL = 1;
}

static void null_call(void)
{
	signal(SIGSEGV, SIG_DFL);
	((void (*volatile)(void))NULL)();
}

static void kernel_read(void)
{
	signal(SIGSEGV, SIG_DFL);
	do_read(KERNEL);
}

static void while_blocked(void)
{
	sigset_t set;

	catch_faults(0);
	sigemptyset(&set);
	sigaddset(&set, SIGSEGV);
	sigprocmask(SIG_BLOCK, &set, NULL);
	do_read(FREE_AREA);
}

static void while_ignored(void)
{
	signal(SIGSEGV, SIG_IGN);
	do_read(FREE_AREA);
}

static void again(int sig)
{
	do_read(FREE_AREA);
}

static void in_handler(void)
{
	signal(SIGSEGV, again);
	do_read(FREE_AREA);
}

static void without_stack(void)
{
	catch_faults(0);
	asm volatile("movl $0x1000, %%esp; pushl $1" : : : "memory");
}

static void handler_nowhere(void)
{
	signal(SIGSEGV, (void (*)(int))FREE_AREA);
	do_read(FREE_AREA);
}

static void asked_for(void)
{
	signal(SIGSEGV, SIG_IGN);
	kill(getpid(), SIGSEGV);
	_exit(3);
}

int main(void)
{
	codes();
	untouched();
	text();
	kernel();
	straddle();
	retry();
	skip();
	answer_status("kills.null_write", in_child(null_write));
	answer_status("kills.null_call", in_child(null_call));
	answer_status("kills.kernel_read", in_child(kernel_read));
	answer_status("kills.while_blocked", in_child(while_blocked));
	answer_status("kills.while_ignored", in_child(while_ignored));
	answer_status("kills.in_handler", in_child(in_handler));
	answer_status("kills.without_stack", in_child(without_stack));
	answer_status("kills.handler_nowhere", in_child(handler_nowhere));
	answer_status("ignored.when_sent", in_child(asked_for));
	return test_failed;
}
