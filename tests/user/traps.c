/* Exceptions other than page faults: which signal, si_code and saved trap number they become. */
#include "tests/user/test.h"
#include <ucontext.h>

static volatile int zero;
static volatile int one = 1;

static void report(const char *name, void (*body)(volatile char *))
{
	if (survives(body, NULL))
		say(name, "no signal");
	else
		say(name, "%s code %d trap %ld error %#lx address %s",
			signal_name(last_fault.signal), last_fault.code, last_fault.trapno,
			last_fault.error, last_fault.addr ? "set" : "null");
}

static void divide(volatile char *p)
{
	zero = one / zero;
}

static void divide_overflow(volatile char *p)
{
	asm volatile("movl $0x80000000, %%eax; cltd; movl $-1, %%ecx; idivl %%ecx"
		     :
		     :
		     : "eax", "ecx", "edx");
}

static void breakpoint(volatile char *p)
{
	asm volatile("int3");
}

static void overflow(volatile char *p)
{
	asm volatile("movl $0x7fffffff, %%eax; addl $1, %%eax; into" : : : "eax");
}

static void bounds(volatile char *p)
{
	static const int range[2] = {0, 10};

	asm volatile("movl $11, %%eax; boundl %%eax, %0" : : "m"(range) : "eax");
}

static void undefined(volatile char *p)
{
	asm volatile("ud2");
}

static void halt(volatile char *p)
{
	asm volatile("hlt");
}

static void interrupts_off(volatile char *p)
{
	asm volatile("cli");
}

static void port_input(volatile char *p)
{
	asm volatile("inb $0x80, %%al" : : : "eax");
}

static void port_output(volatile char *p)
{
	asm volatile("outb %al, $0x80");
}

static void control_register(volatile char *p)
{
	asm volatile("movl %%cr0, %%eax" : : : "eax");
}

static void load_idt(volatile char *p)
{
	asm volatile("lidt %0" : : "m"(*(const char(*)[6]) "\0\0\0\0\0"));
}

static void model_register(volatile char *p)
{
	asm volatile("xorl %%ecx, %%ecx; rdmsr" : : : "eax", "ecx", "edx");
}

static void kernel_gate(volatile char *p)
{
	asm volatile("int $0x20");
}

static void page_fault_gate(volatile char *p)
{
	asm volatile("int $14");
}

static void no_gate(volatile char *p)
{
	asm volatile("int $0x81");
}

static void bad_selector(volatile char *p)
{
	asm volatile("movw %w0, %%fs" : : "r"(0x1003));
}

static void kernel_data(volatile char *p)
{
	asm volatile("movw %w0, %%ds" : : "r"(0x68));
}

static void far_jump(volatile char *p)
{
	asm volatile("ljmp $0x60, $0");
}

static void single_step(volatile char *p)
{
	asm volatile("pushf; orl $0x100, (%esp); popf; nop");
}

static void x87_divide(volatile char *p)
{
	unsigned short control = 0x37b; /* division by zero is not masked */

	asm volatile("fninit; fldcw %0; fld1; fldz; fdivrp; fwait" : : "m"(control));
}

static void x87_invalid(volatile char *p)
{
	unsigned short control = 0x37e;

	asm volatile("fninit; fldcw %0; fldz; fldz; fdivrp; fwait" : : "m"(control));
}

/* After a breakpoint the program goes on behind it. */
static volatile int breaks;

static void count(int sig)
{
	breaks++;
}

static void go_on(void)
{
	signal(SIGTRAP, count);
	asm volatile("int3; nop; int3");
	say("int3.goes_on", "%d", breaks);
}

static void dies_dividing(void)
{
	signal(SIGFPE, SIG_DFL);
	divide(NULL);
}

static void dies_undefined(void)
{
	signal(SIGILL, SIG_DFL);
	undefined(NULL);
}

static void dies_breaking(void)
{
	signal(SIGTRAP, SIG_DFL);
	breakpoint(NULL);
}

static void dies_privileged(void)
{
	signal(SIGSEGV, SIG_DFL);
	halt(NULL);
}

/* I/O privilege must not be had through popf or a forged signal frame. */
static void raise_iopl(int sig, siginfo_t *info, void *context)
{
	((ucontext_t *)context)->uc_mcontext.gregs[REG_EFL] |= 0x3000;
}

/* A signal frame may name a selector that iret does not load. */
static void forge_cs(int sig, siginfo_t *info, void *context)
{
	greg_t *g = ((ucontext_t *)context)->uc_mcontext.gregs;

	g[REG_CS] = g[REG_DS];
}

static void return_to_data(volatile char *p)
{
	struct sigaction action = {.sa_sigaction = forge_cs, .sa_flags = SA_SIGINFO};

	sigaction(SIGUSR1, &action, NULL);
	raise(SIGUSR1);
}

static unsigned long flags(void)
{
	unsigned long value;

	asm volatile("pushf; popl %0" : "=r"(value));
	return value;
}

static void privilege(void)
{
	struct sigaction action = {.sa_sigaction = raise_iopl, .sa_flags = SA_SIGINFO};

	asm volatile("pushf; orl $0x3000, (%esp); popf");
	say("iopl.popf", "%lx", flags() & 0x3000);
	sigaction(SIGUSR1, &action, NULL);
	raise(SIGUSR1);
	say("iopl.sigreturn", "%lx", flags() & 0x3000);
	asm volatile("pushf; andl $~0x200, (%esp); popf");
	say("interrupts.popf", "%lx", flags() & 0x200);
}

int main(void)
{
	report("divide", divide);
	report("divide_overflow", divide_overflow);
	report("int3", breakpoint);
	report("into", overflow);
	report("bound", bounds);
	report("ud2", undefined);
	report("hlt", halt);
	report("cli", interrupts_off);
	report("in", port_input);
	report("out", port_output);
	report("mov_cr0", control_register);
	report("lidt", load_idt);
	report("rdmsr", model_register);
	report("int_0x20", kernel_gate);
	report("int_14", page_fault_gate);
	report("int_0x81", no_gate);
	report("bad_selector", bad_selector);
	report("kernel_data_selector", kernel_data);
	report("far_jump", far_jump);
	report("single_step", single_step);
	report("x87_divide", x87_divide);
	report("x87_invalid", x87_invalid);
	report("sigreturn_cs", return_to_data);
	go_on();
	privilege();
	answer_status("kills.divide", in_child(dies_dividing));
	answer_status("kills.ud2", in_child(dies_undefined));
	answer_status("kills.int3", in_child(dies_breaking));
	answer_status("kills.hlt", in_child(dies_privileged));
	return test_failed;
}
