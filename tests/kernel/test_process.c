/*
 * Processes from birth to reaping, with programs of a few instructions. Each case is followed by
 * the memory fsck, so a frame, a kernel stack or a slab object that a process leaves behind fails
 * it.
 */
#include "kernel/abi/errno.h"
#include "kernel/abi/sched.h"
#include "kernel/abi/wait.h"
#include "kernel/core/selftest.h"
#include "kernel/lib/string.h"
#include "kernel/proc/coredump.h"
#include "kernel/proc/process.h"
#include "tests/kernel/program.h"

/* exit(42) */
PROGRAM(plain_exit, "movl $1, %eax\n movl $42, %ebx\n int $0x80");

KTEST(process, exits)
{
	KEXPECT_EQ(RUN(plain_exit), W_STATUS_EXITED(42));
	KEXPECT_EQ(nr_processes, 0);
	KEXPECT_EQ(nr_threads, 0);
}

/* Eight times: fork; the child exits with its turn; the parent waits and adds up. exit(sum) */
PROGRAM(fork_and_wait, "xorl %edi, %edi\n" /* sum */
		       "movl $8, %esi\n"   /* turn */
		       "1: movl $2, %eax\n int $0x80\n"
		       "testl %eax, %eax\n jnz 2f\n"
		       "movl $1, %eax\n movl %esi, %ebx\n int $0x80\n"
		       "2: movl %eax, %ebx\n movl $0x08049000, %ecx\n xorl %edx, %edx\n"
		       "movl $7, %eax\n int $0x80\n" /* waitpid(child, &status, 0) */
		       "movzbl 1(%ecx), %eax\n addl %eax, %edi\n"
		       "decl %esi\n jnz 1b\n"
		       "movl $1, %eax\n movl %edi, %ebx\n int $0x80");

KTEST(process, core_pattern_is_no_pipe)
{
	char pattern[CORE_PATTERN_SIZE];
	KEXPECT_EQ(core_pattern_set("|/bin/cat"), -EINVAL);
	core_pattern_get(pattern);
	KEXPECT(!strcmp(pattern, "core"));
}

KTEST(process, fork_and_wait)
{
	KEXPECT_EQ(RUN(fork_and_wait), W_STATUS_EXITED(36));
}

/* 200 children that exit at once, then all are waited for: exit(number that was reaped) */
PROGRAM(storm, "xorl %edi, %edi\n"
	       "movl $200, %esi\n"
	       "1: movl $2, %eax\n int $0x80\n"
	       "testl %eax, %eax\n jz 3f\n"
	       "decl %esi\n jnz 1b\n"
	       "2: movl $-1, %ebx\n xorl %ecx, %ecx\n xorl %edx, %edx\n"
	       "movl $7, %eax\n int $0x80\n"
	       "testl %eax, %eax\n js 4f\n"
	       "incl %edi\n jmp 2b\n"
	       "3: movl $1, %eax\n xorl %ebx, %ebx\n int $0x80\n"
	       "4: movl $1, %eax\n movl %edi, %ebx\n int $0x80");

KTEST(process, storm_of_children)
{
	KEXPECT_EQ(RUN(storm), W_STATUS_EXITED(200));
	KEXPECT_EQ(nr_processes, 0);
}

/* Leaves children, and children of them, that nobody waits for. */
PROGRAM(orphans, "movl $2, %eax\n int $0x80\n"
		 "movl $2, %eax\n int $0x80\n"
		 "movl $2, %eax\n int $0x80\n"
		 "movl $158, %eax\n int $0x80\n" /* sched_yield */
		 "movl $1, %eax\n movl $5, %ebx\n int $0x80");

KTEST(process, orphans_are_reaped)
{
	KEXPECT_EQ(RUN(orphans), W_STATUS_EXITED(5));
	for (u32 i = 0; i < 100 && nr_processes; i++)
		yield();
	process_reap_dead();
	KEXPECT_EQ(nr_processes, 0);
	KEXPECT_EQ(nr_threads, 0);
}

/* Ignores SIGCHLD: children leave no zombie, and waiting for them ends with ECHILD. exit(-errno) */
PROGRAM(no_zombies, "movl $48, %eax\n movl $17, %ebx\n movl $1, %ecx\n int $0x80\n" /* signal(SIGCHLD,
										       SIG_IGN) */
		    "movl $2, %eax\n int $0x80\n"
		    "testl %eax, %eax\n jz 1f\n"
		    "movl %eax, %ebx\n xorl %ecx, %ecx\n xorl %edx, %edx\n"
		    "movl $7, %eax\n int $0x80\n"
		    "movl %eax, %ebx\n negl %ebx\n"
		    "movl $1, %eax\n int $0x80\n"
		    "1: movl $1, %eax\n xorl %ebx, %ebx\n int $0x80");

KTEST(process, ignored_children_leave_no_zombie)
{
	KEXPECT_EQ(RUN(no_zombies), W_STATUS_EXITED(ECHILD));
	KEXPECT_EQ(nr_processes, 0);
}

/* vfork: the child, on its parent's memory, stores 9 and exits; then the parent sees it. */
PROGRAM(vfork, "movl $190, %eax\n int $0x80\n"
	       "testl %eax, %eax\n jnz 1f\n"
	       "movl $158, %eax\n int $0x80\n" /* give the parent the chance to go on too early */
	       "movl $9, 0x08049000\n"
	       "movl $1, %eax\n xorl %ebx, %ebx\n int $0x80\n"
	       "1: movl $1, %eax\n movl 0x08049000, %ebx\n int $0x80");

KTEST(process, vfork_waits_and_shares)
{
	KEXPECT_EQ(RUN(vfork), W_STATUS_EXITED(9));
}

/* clone(VM|FS|FILES|SIGHAND|THREAD|CHILD_CLEARTID): the thread writes 3 and ends; the first one
 * waits for the cleared word by futex, and exits with what was written. */
PROGRAM(thread, "movl $1, 0x08049000\n"
		"movl $120, %eax\n movl $0x210f00, %ebx\n movl $0x08049800, %ecx\n"
		"movl $0x08049000, %edi\n int $0x80\n"
		"testl %eax, %eax\n jz 2f\n"
		"1: movl $240, %eax\n movl $0x08049000, %ebx\n xorl %ecx, %ecx\n movl $1, %edx\n"
		"xorl %esi, %esi\n int $0x80\n" /* futex(WAIT, 1) */
		"cmpl $0, 0x08049000\n jne 1b\n"
		"movl $1, %eax\n movl 0x08049004, %ebx\n int $0x80\n"
		"2: movl $3, 0x08049004\n"
		"movl $1, %eax\n xorl %ebx, %ebx\n int $0x80");

KTEST(process, thread_is_joined)
{
	KEXPECT_EQ(RUN(thread), W_STATUS_EXITED(3));
	KEXPECT_EQ(nr_threads, 0);
}

/* Four threads sleep for ever; exit_group(11) ends them all. */
PROGRAM(group_exit,
	"movl $4, %esi\n"
	"1: movl $120, %eax\n movl $0x10f00, %ebx\n movl $0x08049800, %ecx\n int $0x80\n"
	"testl %eax, %eax\n jz 2f\n"
	"decl %esi\n jnz 1b\n"
	"movl $158, %eax\n int $0x80\n"
	"movl $252, %eax\n movl $11, %ebx\n int $0x80\n"
	"2: movl $29, %eax\n int $0x80\n jmp 2b"); /* pause */

KTEST(process, exit_group_ends_all_threads)
{
	KEXPECT_EQ(RUN(group_exit), W_STATUS_EXITED(11));
	KEXPECT_EQ(nr_threads, 0);
}

/* The first thread ends with 4, another goes on for a while and ends with 6: the first one's
 * counts. */
PROGRAM(first_ends_first,
	"movl $120, %eax\n movl $0x10f00, %ebx\n movl $0x08049800, %ecx\n int $0x80\n"
	"testl %eax, %eax\n jz 1f\n"
	"movl $1, %eax\n movl $4, %ebx\n int $0x80\n"
	"1: movl $158, %eax\n int $0x80\n"
	"movl $1, %eax\n movl $6, %ebx\n int $0x80");

KTEST(process, status_is_of_the_first_thread)
{
	KEXPECT_EQ(RUN(first_ends_first), W_STATUS_EXITED(4));
}

/* clone() with a combination that Linux refuses: exit(-errno) */
PROGRAM(bad_clone, "movl $120, %eax\n movl $0x10000, %ebx\n xorl %ecx, %ecx\n int $0x80\n"
		   "movl %eax, %ebx\n negl %ebx\n movl $1, %eax\n int $0x80");

KTEST(process, thread_must_share)
{
	KEXPECT_EQ(RUN(bad_clone), W_STATUS_EXITED(EINVAL));
}

KTEST(process, numbers_wrap_and_skip_what_is_used)
{
	u32 flags = spin_lock_irqsave(&process_lock);
	long first = pid_alloc(), held = pid_alloc(), pid = 0;
	bool wrapped = false;
	for (u32 i = 0; i < 2 * PID_MAX && !wrapped; i++) {
		long last = pid;
		pid = pid_alloc();
		if (pid <= 1 || pid >= (long)PID_MAX || pid == held)
			break;
		wrapped = pid < last;
		pid_free((u32)pid);
	}
	KEXPECT(wrapped);
	KEXPECT(pid >= (long)PID_RESERVED); /* the low numbers are for the boot's first processes */
	pid_free((u32)first);
	pid_free((u32)held);
	spin_unlock_irqrestore(&process_lock, flags);
}
