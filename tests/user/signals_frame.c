/*
 * What the kernel puts on the stack for a handler and takes back: old and new frames, registers,
 * flags, the FPU's state, the alternate stack.
 */
#include "tests/user/test.h"
#include <setjmp.h>
#include <sys/mman.h>
#include <ucontext.h>

#ifndef SS_AUTODISARM
#define SS_AUTODISARM 0x80000000u
#endif
#define X87_ENV 112 /* where the fxsave image begins in the frame's FPU state */

static volatile int count;

static void kick(int sig)
{
	kill(getpid(), sig);
}

static int is_blocked(int sig)
{
	sigset_t blocked;

	sigprocmask(SIG_BLOCK, NULL, &blocked);
	return sigismember(&blocked, sig);
}

static void handle(int sig, void (*handler)(int, siginfo_t *, void *), int flags)
{
	struct sigaction action = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO | flags};

	if (sigaction(sig, &action, NULL))
		die("sigaction");
}

/* --- The old calls: sigaction(67) and sigreturn(119) --- */

struct old_sigaction {
	void *handler;
	unsigned long mask, flags;
	void (*restorer)(void);
};

asm(".globl old_restorer\n"
    "old_restorer:\n"
    "	popl %eax\n"
    "	movl $119, %eax\n"
    "	int $0x80\n");
void old_restorer(void);

static volatile struct sigcontext seen;

/* The frame is: return address, signal number, then the context. */
static void old_handler(int sig, struct sigcontext context)
{
	volatile struct sigcontext *in_frame = &context;

	count++;
	seen = *in_frame;
	in_frame->eax = 77;
}

static volatile size_t state_at, mask_at;

#define HIGH_MASK 0x2a552a54ul /* looks like nothing else */

/* Where in the frame the FPU's state and the high half of the mask lie. */
static void measure(int sig, struct sigcontext context)
{
	const volatile unsigned long *frame = (volatile unsigned long *)&sig - 1;

	state_at = (char *)context.fpstate - (char *)frame;
	for (mask_at = 0; mask_at < 1024 && frame[mask_at / 4] != HIGH_MASK;)
		mask_at += 4;
}

static void old_layout(void)
{
	struct old_sigaction action = {measure, 0, 0x04000000, old_restorer};
	uint64_t mask = (uint64_t)HIGH_MASK << 32;

	syscall(SYS_sigaction, SIGUSR1, &action, NULL);
	syscall(SYS_rt_sigprocmask, SIG_SETMASK, &mask, NULL, sizeof(mask));
	kick(SIGUSR1);
	mask = 0;
	syscall(SYS_rt_sigprocmask, SIG_SETMASK, &mask, NULL, sizeof(mask));
	say("old.layout", "mask %zu, state %zu", mask_at, state_at);
}

static void old_style(void)
{
	struct old_sigaction action = {old_handler, 0, 0x04000000, old_restorer};
	struct old_sigaction old;
	long result;
	unsigned mask = 1 << (SIGHUP - 1);

	syscall(SYS_sigprocmask, SIG_SETMASK, &mask, NULL);
	answer("old.sigaction", syscall(SYS_sigaction, SIGUSR1, &action, NULL));
	count = 0;
	asm volatile("int $0x80"
		     : "=a"(result)
		     : "a"(SYS_kill), "b"(getpid()), "c"(SIGUSR1), "S"(0x11223344), "D"(0x55667788)
		     : "memory");
	say("old.handler", "%d run, eax changed to %ld", count, result);
	say("old.context", "eax %ld ecx %ld esi %#lx edi %#lx trapno %ld err %ld", (long)seen.eax,
		(long)seen.ecx, (long)seen.esi, (long)seen.edi, (long)seen.trapno, (long)seen.err);
	say("old.segments", "cs %#x ss %#x ds %#x es %#x", seen.cs, seen.ss, seen.ds, seen.es);
	say("old.mask", "%#lx", (long)seen.oldmask);
	check("old.esp", seen.esp == seen.esp_at_signal && seen.fpstate);
	syscall(SYS_sigprocmask, SIG_BLOCK, NULL, &mask);
	say("old.mask_after", "%#x", mask);
	answer("old.read_back", syscall(SYS_sigaction, SIGUSR1, NULL, &old));
	say("old.same", "%d %#lx", old.handler == action.handler, old.flags);
	answer("old.bad_signal", syscall(SYS_sigaction, 65, NULL, &old));
	answer("old.kill", syscall(SYS_sigaction, SIGKILL, &action, NULL));
	mask = 0;
	syscall(SYS_sigprocmask, SIG_SETMASK, &mask, NULL);
	check("old.signal", syscall(SYS_signal, SIGUSR1, SIG_IGN) == (long)action.handler);
	answer("old.signal_again", syscall(SYS_signal, SIGUSR1, SIG_DFL));
}

/* --- Registers --- */

static void look(int sig, siginfo_t *info, void *context)
{
	ucontext_t *uc = context;
	greg_t *regs = uc->uc_mcontext.gregs;

	say("regs.context", "ebx %#x esi %#x edi %#x ebp %#x", regs[REG_EBX], regs[REG_ESI],
		regs[REG_EDI], regs[REG_EBP]);
	say("uc", "flags %#lx link %s mask %#lx", uc->uc_flags & ~1ul, uc->uc_link ? "set" : "null",
		uc->uc_sigmask.__val[0]);
	regs[REG_EDI] = 0x1234567;
}

/* A trap in the middle of known registers: the handler sees them, and only what it changed in the
 * context is different afterwards. */
static void registers(void)
{
	unsigned out[6];

	handle(SIGTRAP, look, 0);
	asm volatile("pushl %%ebp\n"
		     "pushl %%ebx\n"
		     "movl $0xb0b0b0b0, %%ebx\n"
		     "movl $0x0b0b0b0b, %%ebp\n"
		     "movl $0x51515151, %%esi\n"
		     "movl $0xd1d1d1d1, %%edi\n"
		     "int3\n"
		     "movl %%ebx, 0(%%eax)\n"
		     "movl %%ebp, 4(%%eax)\n"
		     "movl %%esi, 8(%%eax)\n"
		     "movl %%edi, 12(%%eax)\n"
		     "movl %%ecx, 16(%%eax)\n"
		     "movl %%edx, 20(%%eax)\n"
		     "popl %%ebx\n"
		     "popl %%ebp\n"
		     :
		     : "a"(out), "c"(0xc1c1c1c1), "d"(0xd2d2d2d2)
		     : "esi", "edi", "memory", "cc");
	say("regs.after", "ebx %#x ebp %#x esi %#x edi %#x ecx %#x edx %#x", out[0], out[1], out[2],
		out[3], out[4], out[5]);
}

static unsigned long flags(void)
{
	unsigned long value;

	asm volatile("pushf; popl %0" : "=r"(value));
	return value;
}

static __attribute__((used)) volatile unsigned long flags_in_handler;
static volatile bool frame_aligned;

static __attribute__((used)) void save_flags(int sig, siginfo_t *info, void *context)
{
	asm volatile("cld"); /* what C code needs; the kernel did it before */
	/* As after a call: sixteen bytes, less the return address and the saved %ebp. */
	frame_aligned = (uintptr_t)__builtin_frame_address(0) % 16 == 8;
}

asm(".globl flags_handler\n"
    "flags_handler:\n"
    "	pushf\n"
    "	popl flags_in_handler\n"
    "	jmp save_flags\n");
void flags_handler(int sig, siginfo_t *info, void *context);

/* The direction flag is the handler's own. */
static void direction(void)
{
	unsigned long after;
	int pid = getpid(), nr = SYS_kill;

	handle(SIGUSR1, flags_handler, 0);
	asm volatile("std\n"
		     "int $0x80\n"
		     "pushf\n"
		     "cld\n"
		     "popl %1\n"
		     : "+a"(nr), "=r"(after)
		     : "b"(pid), "c"(SIGUSR1)
		     : "memory");
	say("direction", "in handler %lu, after %lu", flags_in_handler >> 10 & 1, after >> 10 & 1);
	say("trap_flag", "%lu %lu", flags_in_handler >> 8 & 1, flags() >> 8 & 1);
	check("frame.aligned", frame_aligned);
}

/* --- The FPU --- */

static volatile unsigned short control_in_handler;
static volatile unsigned mxcsr_in_handler;
static volatile unsigned char xmm_in_frame, magic_in_frame;

static void smash_fpu(int sig, siginfo_t *info, void *context)
{
	ucontext_t *uc = context;
	unsigned char *image = (unsigned char *)uc->uc_mcontext.fpregs + X87_ENV;
	unsigned short control;
	unsigned mxcsr;

	asm volatile("fnstcw %0" : "=m"(control));
	asm volatile("stmxcsr %0" : "=m"(mxcsr));
	control_in_handler = control;
	mxcsr_in_handler = mxcsr;
	xmm_in_frame = image[160];
	magic_in_frame = *(unsigned short *)(image - 2) == 0;
	image[160 + 16] = 0x99; /* the lowest byte of xmm1 */
	asm volatile("pcmpeqd %xmm0, %xmm0; pcmpeqd %xmm7, %xmm7; fninit; fldpi; fldpi");
}

static void fpu(void)
{
	unsigned char in[16], out0[16], out1[16], out7[16];
	unsigned short control = 0x27f, control_after;
	unsigned mxcsr = 0x9f80, mxcsr_after;
	int pid = getpid(), nr = SYS_kill;
	double top;

	memset(in, 0x5a, sizeof(in));
	handle(SIGUSR1, smash_fpu, 0);
	asm volatile("fldcw %[cw]\n"
		     "ldmxcsr %[mx]\n"
		     "fld1\n"
		     "movups %[in], %%xmm0\n"
		     "movups %[in], %%xmm1\n"
		     "movups %[in], %%xmm7\n"
		     "int $0x80\n"
		     "movups %%xmm0, %[out0]\n"
		     "movups %%xmm1, %[out1]\n"
		     "movups %%xmm7, %[out7]\n"
		     "fstpl %[top]\n"
		     "fnstcw %[cwa]\n"
		     "stmxcsr %[mxa]\n"
		     : "+a"(nr), [out0] "=m"(out0), [out1] "=m"(out1), [out7] "=m"(out7),
		     [top] "=m"(top), [cwa] "=m"(control_after), [mxa] "=m"(mxcsr_after)
		     : "b"(pid), "c"(SIGUSR1), [in] "m"(in), [cw] "m"(control), [mx] "m"(mxcsr)
		     : "memory");
	asm volatile("fninit; ldmxcsr %0" : : "m"((unsigned){0x1f80}));
	say("fpu.handler_starts_with", "control %#x mxcsr %#x", control_in_handler,
		mxcsr_in_handler);
	say("fpu.frame", "xmm0 %#x, fxsave image %d", xmm_in_frame, magic_in_frame);
	say("fpu.after", "control %#x mxcsr %#x st0 %g", control_after, mxcsr_after, top);
	say("fpu.xmm_after", "%#x %#x %#x", out0[0], out7[15], out1[1]);
	say("fpu.changed_by_handler", "%#x", out1[0]);
}

/* --- The alternate stack --- */

static char alternate[65536] __attribute__((aligned(16)));
static volatile bool on_alternate;
static volatile int stack_flags, busy_errno;

static void on_stack(int sig, siginfo_t *info, void *context)
{
	char here;
	stack_t stack, other = {.ss_sp = alternate, .ss_size = sizeof(alternate)};

	on_alternate = &here >= alternate && &here < alternate + sizeof(alternate);
	sigaltstack(NULL, &stack);
	stack_flags = stack.ss_flags;
	busy_errno = sigaltstack(&other, NULL) ? errno : 0;
	if (count++ == 0)
		raise(sig);
}

static void alternate_stack(void)
{
	stack_t stack = {.ss_sp = alternate, .ss_size = sizeof(alternate)}, old;

	answer("altstack.set", sigaltstack(&stack, &old));
	say("altstack.before", "flags %d", old.ss_flags);
	handle(SIGUSR1, on_stack, SA_ONSTACK | SA_NODEFER);
	count = 0;
	kick(SIGUSR1);
	say("altstack.used", "%d, flags %d, change %s", on_alternate, stack_flags,
		busy_errno ? errno_name(busy_errno) : "ok");
	handle(SIGUSR1, on_stack, 0);
	kick(SIGUSR1);
	say("altstack.not_asked_for", "%d, flags %d", on_alternate, stack_flags);
	stack.ss_size = 100;
	answer("altstack.too_small", sigaltstack(&stack, NULL));
	stack.ss_flags = 17;
	answer("altstack.bad_flags", sigaltstack(&stack, NULL));
	stack = (stack_t){.ss_flags = SS_DISABLE};
	answer("altstack.disable", sigaltstack(&stack, &old));
	say("altstack.was", "%s size %zu flags %d", old.ss_sp == alternate ? "same" : "other",
		old.ss_size, old.ss_flags);
	handle(SIGUSR1, on_stack, SA_ONSTACK);
	kick(SIGUSR1);
	say("altstack.disabled", "%d", on_alternate);
}

static void disable_on_return(int sig, siginfo_t *info, void *context)
{
	((ucontext_t *)context)->uc_stack.ss_flags = SS_DISABLE;
}

static void say_altstack(const char *what)
{
	stack_t stack;

	sigaltstack(NULL, &stack);
	say(what, "%s flags %#x", stack.ss_sp == alternate ? "alternate" : "none", stack.ss_flags);
}

static void tell_altstack(int sig, siginfo_t *info, void *context)
{
	say_altstack("altstack.disarmed");
}

/* What is in the frame is what comes back. */
static void altstack_in_frame(void)
{
	stack_t stack = {.ss_sp = alternate, .ss_size = sizeof(alternate)};

	stack.ss_flags = (int)SS_AUTODISARM;
	sigaltstack(&stack, NULL);
	handle(SIGUSR1, tell_altstack, SA_ONSTACK);
	kick(SIGUSR1);
	say_altstack("altstack.armed_again");
	handle(SIGUSR1, disable_on_return, 0);
	kick(SIGUSR1);
	say_altstack("altstack.disabled_in_frame");
}

/* --- A frame that cannot be written --- */

static void tell_refused(int sig, siginfo_t *info, void *context)
{
	ucontext_t *c = context;

	say("refused.signal", "%d code %d", sig, info->si_code);
	say("refused.mask", "%d", sigismember(&c->uc_sigmask, SIGUSR2));
	say("refused.blocked", "%d", is_blocked(SIGUSR2));
}

/* SIGSEGV instead; the handler's mask never was the thread's. */
static void refused_frame(void)
{
	struct sigaction action = {.sa_sigaction = on_stack, .sa_flags = SA_SIGINFO | SA_ONSTACK};
	stack_t stack = {.ss_size = 65536};

	stack.ss_sp = mmap(NULL, stack.ss_size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	sigaltstack(&stack, NULL);
	sigaddset(&action.sa_mask, SIGUSR2);
	sigaction(SIGUSR1, &action, NULL);
	handle(SIGSEGV, tell_refused, 0);
	kick(SIGUSR1);
	say("refused.after", "%d", is_blocked(SIGUSR2));
}

/* --- A frame that ends in nothing --- */

static char *cut; /* where it ends */
static sigjmp_buf back;

static void copy_cut(int sig, siginfo_t *info, void *context)
{
	char *frame = (char *)info - 16, *mask = (char *)&((ucontext_t *)context)->uc_sigmask;

	memcpy(cut - (mask - frame), frame, (size_t)(mask - frame));
	cut -= mask - frame;
}

static void look_cut(int sig, siginfo_t *info, void *context)
{
	say("cut.regs", "edi %#x", ((ucontext_t *)context)->uc_mcontext.gregs[REG_EDI]);
	siglongjmp(back, 1);
}

/* The context is there, the mask behind it is not: the registers stay as they were. */
static void cut_frame(void)
{
	const size_t size = 65536; /* for the handler, too */
	char *pages = mmap(
		NULL, size + 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	cut = pages + size;
	munmap(cut, 4096);
	handle(SIGUSR1, copy_cut, 0);
	kick(SIGUSR1);
	handle(SIGSEGV, look_cut, 0);
	if (!sigsetjmp(back, 1))
		asm volatile("movl %0, %%esp\n"
			     "int $0x80\n"
			     :
			     : "r"(cut + 4), "a"(SYS_rt_sigreturn), "D"(0xd1d1d1d1)
			     : "memory");
}

int main(void)
{
	old_layout();
	old_style();
	registers();
	direction();
	fpu();
	alternate_stack();
	altstack_in_frame();
	refused_frame();
	cut_frame();
	return test_failed;
}
