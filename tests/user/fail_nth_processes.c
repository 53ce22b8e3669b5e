/* The calls on processes, threads and signals, each allocation of theirs made to fail once. */
#include "tests/user/fail_nth.h"
#include <linux/filter.h>
#include <linux/futex.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <asm/ldt.h>
#include <grp.h>
#include <pthread.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/user.h>
#include <time.h>

static char *self;

/* The child's status; it may have been killed where it could not go on. */
static int wait_for(pid_t pid)
{
	int status;

	ok(waitpid(pid, &status, 0));
	return status;
}

static void forks(void)
{
	char *p = anon(4 * PAGE, 0);

	memset(p, 1, 4 * PAGE);
	for (int i = 0; i < 3; i++) {
		pid_t pid = ok(fork());
		if (pid == 0)
			_exit(p[PAGE]);
		must(wait_for(pid) == 1 << 8, "the child's status");
	}
	pid_t pid = ok(vfork());
	if (pid == 0)
		_exit(7);
	must(wait_for(pid) == 7 << 8, "the child's status");
}

/* A child that stays until it is killed, or until its parent gives up. */
static __attribute__((noreturn)) void sleep_on(void)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	while (getppid() != 1)
		pause();
	_exit(0);
}

static void pidfds(void)
{
	pid_t pid = ok(fork());

	if (pid == 0)
		sleep_on();
	int fd = ok(syscall(SYS_pidfd_open, pid, 0));
	siginfo_t info = {0};
	ok(syscall(SYS_pidfd_send_signal, fd, SIGKILL, NULL, 0));
	ok(waitid(P_PIDFD, (id_t)fd, &info, WEXITED));
	must(info.si_status == SIGKILL, "its end");
}

static void new_clone(void)
{
	int pidfd = -1;
	struct clone_args args = {.flags = CLONE_PIDFD | CLONE_FS | CLONE_FILES | CLONE_VFORK,
		.pidfd = (uintptr_t)&pidfd, .exit_signal = SIGCHLD};
	pid_t pid = ok(syscall(SYS_clone3, &args, sizeof(args)));

	if (pid == 0)
		_exit(3);
	must(wait_for(pid) == 3 << 8 && pidfd >= 0, "the child's status");
}

/* Past the point of no return there is nothing to go back to: then it is killed. */
static void execs(void)
{
	char *argv[] = {self, "--arrived", NULL}, *envp[] = {"A=1", NULL};
	pid_t pid;
	int status;

	arm(0);
	pid = ok(fork());
	if (pid == 0) {
		close(2);
		nth_file = open("/proc/thread-self/fail-nth", O_RDWR);
		arm(nth);
		ok(execve(self, argv, envp));
	}
	status = wait_for(pid);
	if (WIFSIGNALED(status) && (WTERMSIG(status) == SIGKILL || WTERMSIG(status) == SIGSEGV))
		_exit(SURVIVED);
	must(WIFEXITED(status), "its end");
	/* 127: the C library was refused something before main() */
	_exit(WEXITSTATUS(status) == 127 ? SURVIVED : WEXITSTATUS(status));
}

/* The program that execs() starts. */
static int arrived(void)
{
	nth_file = open("/proc/thread-self/fail-nth", O_RDWR);
	return has_failed() ? SURVIVED : WHOLE;
}

static void *thread(void *count)
{
	volatile char *p = mmap(NULL, PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	p[0] = 1;
	__atomic_fetch_add((int *)count, 1, __ATOMIC_SEQ_CST);
	return NULL;
}

static void threads(void)
{
	pthread_t t[4];
	int count = 0, err;

	for (size_t i = 0; i < COUNT(t); i++)
		if ((err = pthread_create(&t[i], NULL, thread, &count)))
			refused("pthread_create", err);
	for (size_t i = 0; i < COUNT(t); i++)
		pthread_join(t[i], NULL);
	must(count == 4, "all of them");
}

static volatile sig_atomic_t got;

static void handler(int sig, siginfo_t *info, void *context)
{
	got++;
}

static void signals(void)
{
	struct sigaction action = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO | SA_ONSTACK};
	stack_t stack = {.ss_sp = anon(4 * PAGE, 0), .ss_size = 4 * PAGE};
	sigset_t set, old;

	got = 0;
	ok(sigaltstack(&stack, NULL));
	ok(sigaction(SIGRTMIN, &action, NULL));
	ok(sigaction(SIGUSR1, &action, NULL));
	sigemptyset(&set);
	sigaddset(&set, SIGRTMIN);
	sigprocmask(SIG_BLOCK, &set, &old);
	for (int i = 0; i < 5; i++)
		ok(sigqueue(getpid(), SIGRTMIN, (union sigval){.sival_int = i}));
	sigprocmask(SIG_SETMASK, &old, NULL);
	ok(kill(getpid(), SIGUSR1));
	ok(syscall(SYS_tgkill, getpid(), gettid(), SIGUSR1));
	must(got == 7, "all signals");
}

static void faults(void)
{
	char *p = anon(PAGE, 0);

	munmap(p, PAGE);
	must(!strcmp(try_write(p), "SEGV_MAPERR"), "the signal");
}

static void timers(void)
{
	struct sigevent e = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR2};
	struct sigaction action = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO};
	struct itimerspec soon = {{0, 0}, {0, 2000000}};
	timer_t id;

	got = 0;
	ok(sigaction(SIGUSR2, &action, NULL));
	ok(timer_create(CLOCK_MONOTONIC, &e, &id));
	ok(timer_settime(id, 0, &soon, NULL));
	while (!got)
		usleep(1000);
	ok(timer_delete(id));
	ok(setitimer(ITIMER_REAL, &(struct itimerval){{0, 0}, {100, 0}}, NULL));
}

static void futexes(void)
{
	static int word;
	struct timespec soon = {0, 1000000};

	if (syscall(SYS_futex, &word, FUTEX_WAIT, 0, &soon) && errno != ETIMEDOUT)
		refused("futex", errno);
	ok(syscall(SYS_futex, &word, FUTEX_LOCK_PI, 0, NULL));
	ok(syscall(SYS_futex, &word, FUTEX_UNLOCK_PI));
	char *shared = mmap(NULL, PAGE, RW, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	must(shared != MAP_FAILED, "shared memory");
	if (syscall(SYS_futex, shared, FUTEX_WAIT, 0, &soon) && errno != ETIMEDOUT)
		refused("futex", errno);
}

static void limits(void)
{
	gid_t many[32] = {1, 2, 3};
	struct rlimit files = {2000, 4096};
	cpu_set_t cpus;

	ok(setgroups(COUNT(many), many));
	ok(setrlimit(RLIMIT_NOFILE, &files));
	ok(prctl(PR_SET_NAME, "named"));
	ok(sched_getaffinity(0, sizeof(cpus), &cpus));
	ok(sched_setaffinity(0, sizeof(cpus), &cpus));
	ok(unshare(CLONE_FILES | CLONE_FS));
	ok(chroot("/"));
	ok(setresuid(0, 0, 0));
}

static void filters(void)
{
	struct sock_filter allow[] = {BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)};
	struct sock_fprog program = {COUNT(allow), allow};

	ok(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
	ok(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program));
	ok(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &program));
}

static void segments(void)
{
	struct user_desc d = {.entry_number = 3, .base_addr = 0x1000, .limit = 1, .seg_32bit = 1,
		.limit_in_pages = 1, .useable = 1};

	ok(syscall(SYS_modify_ldt, 1, &d, sizeof(d)));
	pid_t pid = ok(fork());
	if (pid == 0)
		_exit(0);
	wait_for(pid);
	d.entry_number = (unsigned)-1;
	ok(syscall(SYS_set_thread_area, &d));
}

static void tracing(void)
{
	struct user_regs_struct regs;
	pid_t pid = ok(fork());

	if (pid == 0)
		sleep_on();
	if (ptrace(PTRACE_SEIZE, pid, 0, 0) < 0 || ptrace(PTRACE_INTERRUPT, pid, 0, 0) < 0) {
		int error = errno;
		kill(pid, SIGKILL);
		refused("ptrace", error);
	}
	int status = wait_for(pid);
	must(WIFSTOPPED(status), "the stop");
	if (ptrace(PTRACE_GETREGS, pid, 0, &regs) < 0)
		refused("its registers", errno);
	errno = 0;
	ptrace(PTRACE_POKEDATA, pid, &got, 5);
	if (errno)
		refused("a word of its memory", errno == EIO ? ENOMEM : errno);
	kill(pid, SIGKILL);
	wait_for(pid);
}

static void dump(void)
{
	struct rlimit all = {RLIM_INFINITY, RLIM_INFINITY};
	pid_t pid;

	arm(0);
	ok(chdir("/tmp"));
	ok(setrlimit(RLIMIT_CORE, &all));
	pid = ok(fork());
	if (pid == 0) {
		nth_file = open("/proc/thread-self/fail-nth", O_RDWR);
		signal(SIGABRT, SIG_DFL);
		arm(nth);
		kill(getpid(), SIGABRT);
		_exit(0);
	}
	must(WIFSIGNALED(wait_for(pid)), "its end");
	_exit(nth < 60 ? SURVIVED : WHOLE);
}

static void no_core(void)
{
	unlink("/tmp/core");
}

static const struct work works[] = {
	{"fork", forks, NULL},
	{"pidfd", pidfds, NULL},
	{"clone3", new_clone, NULL},
	{"execve", execs, NULL},
	{"threads", threads, NULL},
	{"signals", signals, NULL},
	{"faults", faults, NULL},
	{"timers", timers, NULL},
	{"futexes", futexes, NULL},
	{"limits", limits, NULL},
	{"filters", filters, NULL},
	{"segments", segments, NULL},
	{"ptrace", tracing, NULL},
	{"core", dump, no_core},
};

int main(int argc, char **argv)
{
	if (argc > 1 && !strcmp(argv[1], "--arrived"))
		return arrived();
	self = argv[0];
	return do_works(works, COUNT(works), argv[1]);
}
