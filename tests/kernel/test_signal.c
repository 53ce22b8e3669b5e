/* Signals: how they end a program, handlers of both kinds, and that no siginfo is left behind. */
#include "kernel/abi/errno.h"
#include "kernel/abi/wait.h"
#include "kernel/core/log.h"
#include "kernel/core/selftest.h"
#include "kernel/proc/process.h"
#include "kernel/proc/signal.h"
#include "kernel/x86/features.h"
#include "tests/kernel/program.h"

/* kill(getpid(), SIGTERM), then for ever */
PROGRAM(kill_self, "movl $20, %eax\n int $0x80\n"
		   "movl %eax, %ebx\n movl $15, %ecx\n movl $37, %eax\n int $0x80\n 1: jmp 1b");

KTEST(signal, default_action_kills)
{
	KEXPECT_EQ(RUN(kill_self), SIGTERM);
}

PROGRAM(read_null, "movl 0, %eax");
PROGRAM(write_code, "movl $0, 0x08048000");
PROGRAM(run_data, "movl $0x08049000, %eax\n jmp *%eax");
PROGRAM(divide, "xorl %ecx, %ecx\n divl %ecx");
PROGRAM(undefined, "ud2");
PROGRAM(privileged, "cli");
PROGRAM(breakpoint, "int3");
PROGRAM(kernel_address, "movl 0xc0100000, %eax");

KTEST(signal, exceptions_kill)
{
	u32 level = log_console_level;
	log_console_level = LOG_WARN; /* what Linux, too, says at LOG_INFO */
	KEXPECT_EQ(RUN(read_null), SIGSEGV);
	KEXPECT_EQ(RUN(write_code), SIGSEGV);
	if (cpu_features.nx)
		KEXPECT_EQ(RUN(run_data), SIGSEGV);
	KEXPECT_EQ(RUN(divide), SIGFPE);
	KEXPECT_EQ(RUN(undefined), SIGILL);
	KEXPECT_EQ(RUN(privileged), SIGSEGV);
	KEXPECT_EQ(RUN(breakpoint), SIGTRAP);
	KEXPECT_EQ(RUN(kernel_address), SIGSEGV);
	log_console_level = level;
}

/* signal(SIGUSR1, f); kill(self): f stores 1; after the return, exit(1 + what was in esi, 6). No
 * restorer is given, so the handler returns through the code in the frame, on the stack. */
PROGRAM(handler, "call 1f\n 1: popl %edi\n"
		 "leal 2f-1b(%edi), %ecx\n movl $10, %ebx\n movl $48, %eax\n int $0x80\n"
		 "movl $20, %eax\n int $0x80\n"
		 "movl %eax, %ebx\n movl $10, %ecx\n movl $37, %eax\n movl $6, %esi\n int $0x80\n"
		 "movl 0x08049000, %ebx\n addl %esi, %ebx\n movl $1, %eax\n int $0x80\n"
		 "2: movl $1, 0x08049000\n movl $99, %esi\n ret");

KTEST(signal, handler_without_restorer)
{
	static struct program g;
	const char *argv[] = {PROGRAM_PATH, NULL};
	program_make(&g, handler_code, handler_end);
	g.p[2].p_flags |= ELF_PF_X; /* the stack */
	KREQUIRE(program_write(PROGRAM_PATH, &g, sizeof(g)));
	KEXPECT_EQ(program_run(PROGRAM_PATH, argv), W_STATUS_EXITED(7));
	program_remove(PROGRAM_PATH);
}

/* A handler, but the stack pointer is nowhere: SIGSEGV, and its handler cannot run either. */
PROGRAM(no_stack, "call 1f\n 1: popl %edi\n"
		  "leal 2f-1b(%edi), %ecx\n movl $11, %ebx\n movl $48, %eax\n int $0x80\n"
		  "movl $0x1000, %esp\n movl 0, %eax\n"
		  "2: movl $1, %eax\n xorl %ebx, %ebx\n int $0x80");

KTEST(signal, frame_that_cannot_be_written_kills)
{
	u32 level = log_console_level;
	log_console_level = LOG_WARN;
	KEXPECT_EQ(RUN(no_stack), SIGSEGV);
	log_console_level = level;
}

/* Blocks everything, queues 40 real-time signals to itself with sigqueue, and exits with them
 * pending: exit(number that could be queued). */
PROGRAM(queue, "movl $175, %eax\n xorl %ebx, %ebx\n movl $0x08049000, %ecx\n xorl %edx, %edx\n"
	       "movl $8, %esi\n movl $-1, 0x08049000\n movl $-1, 0x08049004\n int $0x80\n"
	       "movl $-1, 0x08049088\n" /* si_code SI_QUEUE */
	       "movl $20, %eax\n int $0x80\n movl %eax, %ebx\n"
	       "xorl %edi, %edi\n movl $40, %ebp\n"
	       "1: movl $178, %eax\n movl $35, %ecx\n movl $0x08049080, %edx\n int $0x80\n"
	       "testl %eax, %eax\n jnz 2f\n incl %edi\n"
	       "2: decl %ebp\n jnz 1b\n"
	       "movl $1, %eax\n movl %edi, %ebx\n int $0x80");

KTEST(signal, queued_signals_are_freed)
{
	KEXPECT_EQ(RUN(queue), W_STATUS_EXITED(40));
}

/* fork; the child stops itself; the parent waits (WUNTRACED), continues it, waits (WCONTINUED),
 * kills it, and waits. exit(1 for each status that was right) */
PROGRAM(job_control,
	"xorl %edi, %edi\n"
	"movl $2, %eax\n int $0x80\n testl %eax, %eax\n jz 9f\n"
	"movl %eax, %ebp\n"
	"movl $8+2, %edx\n call 7f\n"
	"cmpl $0x137f, 0x08049000\n jne 1f\n incl %edi\n"
	"1: movl $18, %ecx\n call 8f\n"
	"movl $8+2, %edx\n call 7f\n"
	"cmpl $0xffff, 0x08049000\n jne 2f\n incl %edi\n"
	"2: movl $9, %ecx\n call 8f\n"
	"xorl %edx, %edx\n call 7f\n"
	"cmpl $9, 0x08049000\n jne 3f\n incl %edi\n"
	"3: movl $1, %eax\n movl %edi, %ebx\n int $0x80\n"
	"7: movl %ebp, %ebx\n movl $0x08049000, %ecx\n movl $7, %eax\n int $0x80\n ret\n"
	"8: movl %ebp, %ebx\n movl $37, %eax\n int $0x80\n ret\n"
	"9: movl $20, %eax\n int $0x80\n movl %eax, %ebx\n movl $19, %ecx\n movl $37, %eax\n"
	"int $0x80\n 10: movl $29, %eax\n int $0x80\n jmp 10b");

KTEST(signal, stop_continue_kill)
{
	KEXPECT_EQ(RUN(job_control), W_STATUS_EXITED(3));
}

KTEST(signal, default_actions)
{
	KEXPECT(sig_default_ignored(SIGCHLD) && sig_default_ignored(SIGWINCH));
	KEXPECT(!sig_default_ignored(SIGTERM) && !sig_default_ignored(SIGTSTP));
	KEXPECT_EQ(sigmask(1), 1);
	KEXPECT_EQ(sigmask(_NSIG), 1ull << 63);
}
