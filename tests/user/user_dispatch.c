/* prctl(PR_SET_SYSCALL_USER_DISPATCH): system calls that a program takes itself. */
#include "tests/user/test.h"

#include <linux/prctl.h>
#include <pthread.h>
#include <sys/prctl.h>
#include <ucontext.h>

#define ALLOW	 SYSCALL_DISPATCH_FILTER_ALLOW
#define BLOCK	 SYSCALL_DISPATCH_FILTER_BLOCK
#define OWN_CALL 39999

static volatile char selector;
static volatile int caught;
static siginfo_t seen;
static greg_t seen_eax, seen_eip;

/* A call of the test's own, made between these two. */
extern char inside[], inside_end[];
long call_inside(long nr, long arg);
__asm__("	.text\n"
	"call_inside:\n"
	"	pushl	%ebx\n"
	"	movl	8(%esp), %eax\n"
	"	movl	12(%esp), %ebx\n"
	"inside:\n"
	"	int	$0x80\n"
	"	nop\n"
	"inside_end:\n"
	"	popl	%ebx\n"
	"	ret\n");

static long dispatch(long mode, const void *start, long len, volatile char *at)
{
	return prctl(PR_SET_SYSCALL_USER_DISPATCH, mode, start, len, at);
}

static void on_call(int sig, siginfo_t *info, void *context)
{
	ucontext_t *uc = context;

	selector = ALLOW;
	caught++;
	seen = *info;
	seen_eax = uc->uc_mcontext.gregs[REG_EAX];
	seen_eip = uc->uc_mcontext.gregs[REG_EIP];
	uc->uc_mcontext.gregs[REG_EAX] = 77;
}

static void catch_calls(void)
{
	struct sigaction action = {.sa_sigaction = on_call, .sa_flags = SA_SIGINFO};

	sigaction(SIGSYS, &action, NULL);
}

static void test_errors(void)
{
	volatile char *at = &selector;

	answer("errors.mode", dispatch(2, NULL, 0, at));
	answer("errors.off, start", dispatch(PR_SYS_DISPATCH_OFF, (void *)1, 0, NULL));
	answer("errors.off, length", dispatch(PR_SYS_DISPATCH_OFF, NULL, 1, NULL));
	answer("errors.off, selector", dispatch(PR_SYS_DISPATCH_OFF, NULL, 0, at));
	answer("errors.no length", dispatch(PR_SYS_DISPATCH_ON, (void *)1, 0, at));
	answer("errors.wraps", dispatch(PR_SYS_DISPATCH_ON, (void *)-1, 1, at));
	answer("errors.wraps", dispatch(PR_SYS_DISPATCH_ON, (void *)1, -1, at));
	answer("errors.kernel's selector", dispatch(PR_SYS_DISPATCH_ON, NULL, 1, KERNEL));
	answer("off", dispatch(PR_SYS_DISPATCH_OFF, NULL, 0, NULL));
}

static void test_caught(void)
{
	long result;

	answer("on", dispatch(PR_SYS_DISPATCH_ON, NULL, 0, &selector));
	selector = BLOCK;
	result = call_inside(OWN_CALL, 1);
	say("caught", "returned %ld, signals %d", result, caught);
	say("caught", "%s, code %d, errno %d, call %d, arch %x", signal_name(seen.si_signo),
		seen.si_code, seen.si_errno, seen.si_syscall, seen.si_arch);
	check("caught.address",
		seen.si_call_addr == inside + 2 && seen_eip == (greg_t)(inside + 2));
	check("caught.eax is the call", seen_eax == OWN_CALL);
	selector = BLOCK;
	result = getppid();
	say("through the library", "returned %ld, call %s", result,
		seen.si_syscall == SYS_getppid ? "getppid" : "?");
	say("allowed", "%s", getppid() > 0 && caught == 2 ? "made" : "caught");
}

static void test_range(void)
{
	long result;

	caught = 0;
	answer("range", dispatch(PR_SYS_DISPATCH_ON, inside, inside_end - inside, &selector));
	selector = BLOCK;
	result = call_inside(SYS_umask, 022);
	selector = ALLOW;
	say("range.inside", "caught %d, returned %s", caught, result == -1 ? "-1" : "a mask");
	answer("range", dispatch(PR_SYS_DISPATCH_ON, inside, 2, &selector));
	selector = BLOCK;
	result = call_inside(SYS_umask, 022);
	say("range.right before", "caught %d, returned %ld", caught, result);
}

/* --- Ways to die --- */

static void no_selector(void)
{
	dispatch(PR_SYS_DISPATCH_ON, inside, inside_end - inside, NULL);
	getppid();
}

static void bad_selector(void)
{
	dispatch(PR_SYS_DISPATCH_ON, NULL, 0, &selector);
	selector = 2;
	getppid();
}

static void lost_selector(void)
{
	char *p = map_anon(PAGE);

	dispatch(PR_SYS_DISPATCH_ON, inside, inside_end - inside, p);
	munmap(p, PAGE);
	getppid();
}

static void blocked_signal(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGSYS);
	sigprocmask(SIG_BLOCK, &set, NULL);
	dispatch(PR_SYS_DISPATCH_ON, NULL, 0, &selector);
	selector = BLOCK;
	getppid();
}

static void dies(const char *name, void (*body)(void))
{
	answer_status(name, in_child(body));
}

/* --- The vDSO's way back from handlers --- */

static void on_call_keep(int sig)
{
	caught++;
}

static void test_vdso(void)
{
	struct {
		void (*handler)(int);
		unsigned long flags;
		void *restorer;
		unsigned long mask[2];
	} action = {.handler = on_call_keep};
	long result;

	caught = 0;
	syscall(SYS_rt_sigaction, SIGSYS, &action, NULL, 8);
	dispatch(PR_SYS_DISPATCH_ON, NULL, 0, &selector);
	selector = BLOCK;
	result = call_inside(OWN_CALL, 0);
	selector = ALLOW;
	say("vdso.handler returns", "caught %d, returned %ld", caught, result);
	action.flags = SA_SIGINFO;
	syscall(SYS_rt_sigaction, SIGSYS, &action, NULL, 8);
	selector = BLOCK;
	result = call_inside(OWN_CALL, 0);
	selector = ALLOW;
	say("vdso.handler with siginfo returns", "caught %d, returned %ld", caught, result);
}

/* --- Who else has it --- */

static volatile bool go;

static void *thread(void *arg)
{
	while (!go)
		usleep(1000);
	selector = BLOCK;
	say("thread", "makes calls");
	selector = ALLOW;
	return NULL;
}

static void child(void)
{
	selector = BLOCK;
	say("child", "makes calls");
}

int main(int argc, char **argv)
{
	char *const again[] = {argv[0], "again", NULL};
	pthread_t t;

	if (argc > 1) {
		say("exec", "makes calls");
		return 0;
	}
	test_errors();
	catch_calls();
	test_caught();
	test_range();
	dies("no selector", no_selector);
	dispatch(PR_SYS_DISPATCH_ON, NULL, 0, &selector);
	isolated("child", child);
	if (pthread_create(&t, NULL, thread, NULL))
		die("pthread_create");
	dispatch(PR_SYS_DISPATCH_OFF, NULL, 0, NULL);
	go = true;
	pthread_join(t, NULL);
	selector = BLOCK;
	say("off", "makes calls");
	selector = ALLOW;
	test_vdso();
	catch_calls();
	dies("lost selector", lost_selector);
	dies("blocked signal", blocked_signal);
	dies("bad selector", bad_selector);
	/* The next program has no memory there. */
	dispatch(PR_SYS_DISPATCH_ON, NULL, 0, map_at(FREE_AREA, PAGE, PROT_READ));
	execv("/proc/self/exe", again);
	return 1;
}
