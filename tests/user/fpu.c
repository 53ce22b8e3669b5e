/* The FPU's state is a process's own: over fork, exec and every switch to another process. */
#include "tests/user/test.h"
#include <time.h>

#define ROUNDS 2000

struct state {
	unsigned short control;
	unsigned mxcsr;
	unsigned char xmm[8][16];
	double stack[8];
};

static struct state zeroed;

static void load(const struct state *s)
{
	asm volatile("fninit\n"
		     "fldcw %0\n"
		     "ldmxcsr %1"
		     :
		     : "m"(s->control), "m"(s->mxcsr));
	asm volatile("fldl 56(%0); fldl 48(%0); fldl 40(%0); fldl 32(%0)\n"
		     "fldl 24(%0); fldl 16(%0); fldl 8(%0); fldl 0(%0)"
		     :
		     : "r"(s->stack), "m"(s->stack));
	asm volatile("movups 0(%0), %%xmm0; movups 16(%0), %%xmm1\n"
		     "movups 32(%0), %%xmm2; movups 48(%0), %%xmm3\n"
		     "movups 64(%0), %%xmm4; movups 80(%0), %%xmm5\n"
		     "movups 96(%0), %%xmm6; movups 112(%0), %%xmm7"
		     :
		     : "r"(s->xmm), "m"(s->xmm));
}

static void store(struct state *s)
{
	asm volatile("movups %%xmm0, 0(%0); movups %%xmm1, 16(%0)\n"
		     "movups %%xmm2, 32(%0); movups %%xmm3, 48(%0)\n"
		     "movups %%xmm4, 64(%0); movups %%xmm5, 80(%0)\n"
		     "movups %%xmm6, 96(%0); movups %%xmm7, 112(%0)"
		     :
		     : "r"(s->xmm)
		     : "memory");
	asm volatile("fnstcw %0\n"
		     "stmxcsr %1"
		     : "=m"(s->control), "=m"(s->mxcsr));
	asm volatile("fstpl 0(%0); fstpl 8(%0); fstpl 16(%0); fstpl 24(%0)\n"
		     "fstpl 32(%0); fstpl 40(%0); fstpl 48(%0); fstpl 56(%0)\n"
		     "fninit"
		     :
		     : "r"(s->stack)
		     : "memory");
	asm volatile("ldmxcsr %0" : : "m"((unsigned){0x1f80}));
}

static struct state make_state(int seed)
{
	struct state s = zeroed;

	s.control = seed & 1 ? 0x27f : 0xf7f;
	s.mxcsr = seed & 1 ? 0x9f80 : 0x3f80;
	for (int i = 0; i < 8; i++) {
		memset(s.xmm[i], seed * 16 + i, 16);
		s.stack[i] = seed * 100 + i + 0.5;
	}
	return s;
}

static bool same(const struct state *a, const struct state *b)
{
	return a->control == b->control && a->mxcsr == b->mxcsr &&
	       !memcmp(a->xmm, b->xmm, sizeof(a->xmm)) &&
	       !memcmp(a->stack, b->stack, sizeof(a->stack));
}

/* Without the library in between: the registers must survive this, and nothing else used them. */
static int raw_fork(void)
{
	int pid;

	asm volatile("int $0x80" : "=a"(pid) : "a"(SYS_fork) : "memory");
	return pid;
}

static void over_fork(void)
{
	struct state want = make_state(5), got;
	int pid, status;

	load(&want);
	pid = raw_fork();
	store(&got);
	if (pid == 0)
		_exit(same(&want, &got) ? 0 : 1);
	check("fork.parent", same(&want, &got));
	waitpid(pid, &status, 0);
	answer_status("fork.child", status);
}

/* Spins with the registers full, long enough to lose the CPU now and then. */
static void busy(int seed)
{
	struct state want = make_state(seed), got;

	for (int i = 0; i < ROUNDS; i++) {
		load(&want);
		for (volatile int spin = 0; spin < 3000; spin++)
			;
		store(&got);
		if (!same(&want, &got))
			_exit(1);
	}
	_exit(0);
}

static void against_each_other(void)
{
	enum { N = 4 };
	int status, bad = 0;

	for (int i = 0; i < N; i++)
		if (fork() == 0)
			busy(i + 1);
	for (int i = 0; i < N; i++) {
		waitpid(-1, &status, 0);
		bad += status != 0;
	}
	say("switch.processes_that_lost_state", "%d of %d", bad, N);
}

/* A process that sleeps, while another that never sleeps uses the registers. */
static void asleep(void)
{
	struct state want = make_state(9), got;
	struct timespec wait = {0, 20000000};
	int nr = SYS_nanosleep, status;
	pid_t pid = fork();

	if (pid == 0)
		busy(3);
	load(&want);
	asm volatile("int $0x80" : "+a"(nr) : "b"(&wait), "c"(0) : "memory");
	store(&got);
	check("sleep.state", nr == 0 && same(&want, &got));
	kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
}

static void show_fresh(void)
{
	unsigned short control, tags[14];
	unsigned mxcsr;

	asm volatile("fnstcw %0; stmxcsr %1; fnstenv %2" : "=m"(control), "=m"(mxcsr), "=m"(tags));
	say("exec.fresh", "control %#x mxcsr %#x tags %#x", control, mxcsr, tags[4]);
}

static void over_exec(void)
{
	struct state s = make_state(3);
	char *argv[] = {"x", "fresh", NULL};

	load(&s);
	execve("/proc/self/exe", argv, argv + 2);
	_exit(1);
}

static void arithmetic(void)
{
	volatile double a = 1, b = 3, c = 0;
	volatile long double wide = 1;

	for (int i = 1; i < 1000; i++) {
		c += a / (b * i);
		wide = wide * (i + 1) / i;
	}
	say("arithmetic", "%.15g %.18Lg", c, wide);
	say("arithmetic.special", "%g %g %g", 1 / (c - c), -1 / (c - c), (c - c) / (c - c));
}

int main(int argc, char **argv)
{
	if (argc > 1) {
		show_fresh();
		return 0;
	}
	arithmetic();
	over_fork();
	asleep();
	against_each_other();
	answer_status("exec.status", in_child(over_exec));
	return test_failed;
}
