/*
 * The vDSO: where it is, what it has, its clocks against the kernel's; system calls through it, and
 * SYSENTER from where nobody expects it; handlers that return through it; moving it.
 */
#include "tests/user/test.h"
#include <elf.h>
#include <sys/auxv.h>
#include <sys/time.h>
#include <time.h>
#include <ucontext.h>

typedef long long s64;
struct timespec64 {
	s64 sec;
	int nsec, pad;
};

static char *image;
static const char *sysinfo;

/* --- The library --- */

static const void *dynamic(int tag)
{
	const Elf32_Ehdr *h = (const void *)image;
	const Elf32_Phdr *p = (const void *)(image + h->e_phoff);

	for (int i = 0; i < h->e_phnum; i++) {
		if (p[i].p_type != PT_DYNAMIC)
			continue;
		for (const Elf32_Dyn *d = (const void *)(image + p[i].p_vaddr); d->d_tag; d++)
			if (d->d_tag == tag)
				return image + d->d_un.d_ptr;
	}
	return NULL;
}

/* Through the old hash table, as a loader does it; *version: the name of its version. */
static void *find(const char *name, const char **version)
{
	const Elf32_Sym *symbols = dynamic(DT_SYMTAB);
	const char *strings = dynamic(DT_STRTAB);
	const Elf32_Half *versions = dynamic(DT_VERSYM);
	const Elf32_Word *hash = dynamic(DT_HASH);
	const char *defined = dynamic(DT_VERDEF);

	for (unsigned i = 1; i < hash[1]; i++) {
		if (strcmp(strings + symbols[i].st_name, name))
			continue;
		const Elf32_Verdef *d = (const void *)defined;
		while (d->vd_ndx != (versions[i] & 0x7fff) && d->vd_next)
			d = (const void *)((const char *)d + d->vd_next);
		const Elf32_Verdaux *a = (const void *)((const char *)d + d->vd_aux);
		*version = strings + a->vda_name;
		return image + symbols[i].st_value;
	}
	return NULL;
}

static void *function(const char *name)
{
	const char *version;
	void *f = find(name, &version);

	if (!f)
		die(name);
	return f;
}

static void library(void)
{
	static const char *const names[] = {"__kernel_vsyscall", "__kernel_sigreturn",
		"__kernel_rt_sigreturn", "__vdso_clock_gettime", "__vdso_clock_gettime64",
		"__vdso_gettimeofday", "__vdso_time", "__vdso_clock_getres"};
	const Elf32_Ehdr *h = (const void *)image;

	say("elf", "%.3s type %d machine %d", image + 1, h->e_type, h->e_machine);
	say("soname", "%s", (const char *)dynamic(DT_STRTAB) +
		((const char *)dynamic(DT_SONAME) - image));
	say("hash", "%s %s", dynamic(DT_HASH) ? "old" : "-", dynamic(DT_GNU_HASH) ? "new" : "-");
	for (size_t i = 0; i < COUNT(names); i++) {
		const char *version = "-";
		void *at = find(names[i], &version);
		say(names[i], "%s %s", at ? "found" : "missing", version);
	}
	check("sysinfo", sysinfo == (const char *)function("__kernel_vsyscall"));
	answer("write", mprotect(image, 2 * PAGE, PROT_READ | PROT_WRITE | PROT_EXEC));
	image[2 * PAGE - 1] = 1; /* a copy of our own */
	answer("back", mprotect(image, 2 * PAGE, PROT_READ | PROT_EXEC));
}

/* --- Its clocks --- */

static bool between(const struct timespec *a, s64 sec, s64 nsec, const struct timespec *b)
{
	s64 low = a->tv_sec * 1000000000ll + a->tv_nsec;
	s64 high = b->tv_sec * 1000000000ll + b->tv_nsec;
	s64 ns = sec * 1000000000ll + nsec;

	return low <= ns && ns <= high;
}

static void one_clock(const char *name, int id)
{
	int (*get)(int, struct timespec *) = function("__vdso_clock_gettime");
	int (*get64)(int, struct timespec64 *) = function("__vdso_clock_gettime64");
	struct timespec before, t, after;
	struct timespec64 t64;
	int result = 0, good = 0;

	for (int i = 0; i < 100; i++) {
		syscall(SYS_clock_gettime, id, &before);
		result |= get(id, &t) | get64(id, &t64);
		syscall(SYS_clock_gettime, id, &after);
		good += between(&before, t.tv_sec, t.tv_nsec, &after) &&
			between(&t, t64.sec, t64.nsec, &after);
	}
	say(name, "%d, right %d times", result, good);
}

static void clocks(void)
{
	int (*get)(int, struct timespec *) = function("__vdso_clock_gettime");
	int (*get64)(int, struct timespec64 *) = function("__vdso_clock_gettime64");
	int (*res)(int, struct timespec *) = function("__vdso_clock_getres");
	int (*of_day)(struct timeval *, void *) = function("__vdso_gettimeofday");
	long (*seconds)(long *) = function("__vdso_time");
	struct timespec before, after, t = {7, 7};
	struct timespec64 t64;
	struct timeval tv;
	int zone[2] = {7, 7};
	long sec;

	one_clock("realtime", CLOCK_REALTIME);
	one_clock("monotonic", CLOCK_MONOTONIC);
	one_clock("boottime", CLOCK_BOOTTIME);
	one_clock("tai", CLOCK_TAI);
	one_clock("raw", CLOCK_MONOTONIC_RAW);
	one_clock("realtime_coarse", CLOCK_REALTIME_COARSE);
	one_clock("monotonic_coarse", CLOCK_MONOTONIC_COARSE);
	one_clock("process", CLOCK_PROCESS_CPUTIME_ID);
	say("bad_clock", "%d %d", get(77, &t), get64(77, &t64));
	int result = res(CLOCK_MONOTONIC, &t);
	say("res", "%d %ld %ld", result, t.tv_sec, t.tv_nsec);
	say("res.bad", "%d", res(77, &t));
	syscall(SYS_clock_gettime, CLOCK_REALTIME, &before);
	result = of_day(&tv, zone);
	syscall(SYS_clock_gettime, CLOCK_REALTIME, &after);
	before.tv_nsec -= before.tv_nsec % 1000;
	say("gettimeofday", "%d %d, zone %d %d", result,
		between(&before, tv.tv_sec, tv.tv_usec * 1000ll, &after), zone[0], zone[1]);
	say("gettimeofday.nothing", "%d", of_day(NULL, NULL));
	time_t now = syscall(SYS_time, NULL);
	check("time", seconds(&sec) - now <= 1 && seconds(NULL) - sec <= 1);
	/* The clock is set: both see it. */
	struct timespec old = after, new = {1000000000, 0};
	answer("settime", clock_settime(CLOCK_REALTIME, &new));
	one_clock("realtime.set", CLOCK_REALTIME);
	one_clock("realtime_coarse.set", CLOCK_REALTIME_COARSE);
	check("realtime.set.value", get(CLOCK_REALTIME, &t) == 0 && t.tv_sec - 1000000000 < 100);
	clock_settime(CLOCK_REALTIME, &old);
}

/* --- System calls --- */

/* vsyscall(entry, nr, a, b, c, d, e, f) */
asm(".globl vsyscall\n"
    "vsyscall:\n"
    "	pushl %ebp\n"
    "	pushl %edi\n"
    "	pushl %esi\n"
    "	pushl %ebx\n"
    "	movl 24(%esp), %eax\n"
    "	movl 28(%esp), %ebx\n"
    "	movl 32(%esp), %ecx\n"
    "	movl 36(%esp), %edx\n"
    "	movl 40(%esp), %esi\n"
    "	movl 44(%esp), %edi\n"
    "	movl 48(%esp), %ebp\n"
    "	call *20(%esp)\n"
    "	popl %ebx\n"
    "	popl %esi\n"
    "	popl %edi\n"
    "	popl %ebp\n"
    "	ret\n"
    /* What the vDSO does, from a place of our own: it comes back to the vDSO's. */
    ".globl own_sysenter\n"
    "own_sysenter:\n"
    "	pushl %ecx\n"
    "	pushl %edx\n"
    "	pushl %ebp\n"
    "	movl %esp, %ebp\n"
    "	sysenter\n"
    "	ud2\n"
    /* With a stack that is none. */
    ".globl lost_sysenter\n"
    "lost_sysenter:\n"
    "	movl $20, %eax\n"
    "	movl 4(%esp), %ebp\n"
    "	sysenter\n"
    "	ud2\n");
long vsyscall(const void *entry, long nr, ...);
void own_sysenter(void);
void lost_sysenter(void *stack);

static int pipes[2];
static volatile int count;

static void on_alarm(int sig)
{
	if (++count == 1)
		write(pipes[1], "x", 1);
}

/* A call that sleeps is interrupted, and goes on or does not. */
static void interrupted(const char *name, int flags)
{
	struct sigaction action = {.sa_handler = on_alarm, .sa_flags = flags};
	struct itimerval soon = {.it_value.tv_usec = 20000};
	char c = '-';

	count = 0;
	sigaction(SIGALRM, &action, NULL);
	setitimer(ITIMER_REAL, &soon, NULL);
	long result = vsyscall(sysinfo, SYS_read, pipes[0], &c, 1, 0, 0, 0);
	say(name, "%ld %c, %d signals", result, c, count);
	if (result < 0)
		read(pipes[0], &c, 1);
}

static sigjmp_buf back;
static char alternate[65536];

static void lost(int sig, siginfo_t *info, void *context)
{
	const ucontext_t *u = context;

	say("lost", "%s, eax %d", signal_name(sig), u->uc_mcontext.gregs[REG_EAX]);
	check("lost.place", (char *)u->uc_mcontext.gregs[REG_EIP] >= image &&
				    (char *)u->uc_mcontext.gregs[REG_EIP] < image + 2 * PAGE);
	siglongjmp(back, 1);
}

static void lose(void *stack)
{
	if (!sigsetjmp(back, 1))
		lost_sysenter(stack);
}

static volatile int steps;
static volatile bool inside;

static void step(int sig, siginfo_t *info, void *context)
{
	const ucontext_t *u = context;
	char *at = (char *)u->uc_mcontext.gregs[REG_EIP];

	steps++;
	inside |= at >= image && at < image + 2 * PAGE;
}

#define TRAP_FLAG "0x100"

static void single_step(void)
{
	struct sigaction action = {.sa_sigaction = step, .sa_flags = SA_SIGINFO};
	long result;

	sigaction(SIGTRAP, &action, NULL);
	asm volatile("pushfl; orl $" TRAP_FLAG ", (%%esp); popfl\n\t"
		     "call *%2\n\t"
		     "pushfl; andl $~" TRAP_FLAG ", (%%esp); popfl"
		     : "=a"(result)
		     : "a"(SYS_getpid), "r"(sysinfo)
		     : "memory", "cc");
	check("step", result == getpid() && steps > 5 && inside);
	signal(SIGTRAP, SIG_DFL);
}

/* Flags that a call must give back: carry, nested task, alignment check. */
static void flags(void)
{
	unsigned after;

	asm volatile("pushl $0x44003; popfl\n\t"
		     "call *%1\n\t"
		     "pushfl; popl %0\n\t"
		     "pushl $2; popfl"
		     : "=r"(after)
		     : "r"(sysinfo), "a"(SYS_getpid)
		     : "memory", "cc");
	say("flags", "%x", after);
}

static void calls(void)
{
	struct sigaction action = {.sa_sigaction = lost, .sa_flags = SA_SIGINFO | SA_ONSTACK};
	stack_t stack = {.ss_sp = alternate, .ss_size = sizeof(alternate)};
	char *at;

	check("getpid", vsyscall(sysinfo, SYS_getpid) == getpid());
	at = (char *)vsyscall(sysinfo, SYS_mmap2, FREE_AREA, PAGE, PROT_READ,
		MAP_PRIVATE | MAP_FIXED, open("/proc/self/exe", O_RDONLY), 0);
	check("six_arguments", at == FREE_AREA && !memcmp(at, ELFMAG, SELFMAG));
	say("no_such_call", "%ld", vsyscall(sysinfo, 9999));
	say("error", "%ld", vsyscall(sysinfo, SYS_close, -1));
	check("fork", vsyscall(sysinfo, SYS_fork) != 0 || (_exit(3), 0));
	int status;
	wait(&status);
	say("fork.status", "%d", WEXITSTATUS(status));
	check("own", vsyscall(own_sysenter, SYS_getpid) == getpid());
	sigaltstack(&stack, NULL);
	sigaction(SIGSEGV, &action, NULL);
	sigaction(SIGBUS, &action, NULL);
	lose(KERNEL);
	lose((void *)0xfffffffc);
	lose((void *)16);
	signal(SIGSEGV, SIG_DFL);
	single_step();
	flags();
	if (pipe(pipes))
		die("pipe");
	interrupted("restarted", SA_RESTART);
	interrupted("interrupted", 0);
}

/* --- Signals --- */

struct kernel_action {
	void *handler;
	unsigned long flags;
	void *restorer;
	unsigned long long mask;
};

static void *volatile returns_to;

static void handler(int sig)
{
	returns_to = __builtin_return_address(0);
	count++;
}

static void no_restorer(const char *name, int flags)
{
	struct kernel_action action = {.handler = handler, .flags = flags};
	const char *place = flags & SA_SIGINFO ? "__kernel_rt_sigreturn" : "__kernel_sigreturn";

	count = 0;
	syscall(SYS_rt_sigaction, SIGUSR1, &action, NULL, 8);
	kill(getpid(), SIGUSR1);
	say(name, "%d, through %s", count, returns_to == function(place) ? place : "something else");
}

/* --- Elsewhere --- */

/* The C library goes on calling the old place, so it is not asked for anything more. Returns what
 * did not work, as bits. */
static int moved(void)
{
	struct kernel_action action = {.handler = handler};
	const char *entry = sysinfo - image + FREE_AREA2;
	void *sigreturn = (char *)function("__kernel_sigreturn") - image + FREE_AREA2;
	int pid = getpid(), wrong = 0;
	char *to = (char *)vsyscall(sysinfo, SYS_mremap, image, 2 * PAGE, 2 * PAGE,
		MREMAP_MAYMOVE | MREMAP_FIXED, FREE_AREA2);

	wrong |= (to != FREE_AREA2) << 0;
	wrong |= (vsyscall(entry, SYS_getpid) != pid) << 1;
	vsyscall(entry, SYS_rt_sigaction, SIGUSR1, &action, NULL, 8, 0, 0);
	count = 0;
	vsyscall(entry, SYS_kill, pid, SIGUSR1, 0, 0, 0, 0);
	wrong |= (count != 1 || returns_to != sigreturn) << 2;
	wrong |= (vsyscall(own_sysenter, SYS_getpid) != pid) << 3;
	vsyscall(entry, SYS_exit_group, wrong, 0, 0, 0, 0, 0);
	return 0;
}

int main(void)
{
	image = (char *)getauxval(AT_SYSINFO_EHDR);
	sysinfo = (char *)getauxval(AT_SYSINFO);
	if (!image || !sysinfo) {
		say("vdso", "none");
		return 1;
	}
	library();
	clocks();
	calls();
	no_restorer("signal", 0);
	no_restorer("signal.rt", SA_SIGINFO);
	if (fork() == 0)
		moved();
	int status;
	wait(&status);
	say("moved", "%x", status);
	return test_failed;
}
