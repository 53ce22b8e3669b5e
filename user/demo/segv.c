/* Two faults that end in a signal: nothing is there, and what is there may not be written. */
#include <setjmp.h>
#include <signal.h>
#include <sys/mman.h>

static sigjmp_buf back;
static int code;

static void handler(int sig, siginfo_t *info, void *context)
{
	code = info->si_code;
	siglongjmp(back, 1);
}

static int store(volatile char *p)
{
	if (sigsetjmp(back, 1) == 0)
		*p = 1; /* fault */
	return code;
}

int main(void)
{
	struct sigaction action = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO};
	char *read_only = mmap(0, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	sigaction(SIGSEGV, &action, 0);
	if (store((char *)0x1234) != SEGV_MAPERR)
		return 1;
	return store(read_only) == SEGV_ACCERR ? 0 : 2;
}
