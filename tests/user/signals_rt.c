/* Real-time signals: they queue, in order, with their values; sigqueue and sigtimedwait. */
#include "tests/user/test.h"
#include <time.h>

static char order[80];
static int order_len;

static void take(int sig, siginfo_t *info, void *context)
{
	order_len += snprintf(order + order_len, sizeof(order) - order_len, " %d:%d",
		sig - SIGRTMIN, info->si_value.sival_int);
}

static void handle(int sig, int flags)
{
	struct sigaction action = {.sa_sigaction = take, .sa_flags = SA_SIGINFO | flags};

	sigfillset(&action.sa_mask);
	if (sigaction(sig, &action, NULL))
		die("sigaction");
}

static void block_all(int how)
{
	sigset_t all;

	sigfillset(&all);
	sigprocmask(how, &all, NULL);
}

static int queue(int sig, int value)
{
	return sigqueue(getpid(), sig, (union sigval){.sival_int = value});
}

static void queueing(void)
{
	block_all(SIG_BLOCK);
	for (int i = 0; i < 3; i++) {
		queue(SIGRTMIN + 2, 20 + i);
		queue(SIGRTMIN, i);
		queue(SIGRTMIN + 1, 10 + i);
	}
	for (int i = 0; i < 3; i++)
		handle(SIGRTMIN + i, 0);
	block_all(SIG_UNBLOCK);
	say("rt.order", "%s", order);
}

static void waiting(void)
{
	struct timespec no_time = {0, 0}, short_time = {0, 20000000}, bad = {0, 2000000000};
	siginfo_t info;
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGRTMIN + 1);
	sigaddset(&set, SIGUSR1);
	block_all(SIG_BLOCK);
	answer("timedwait.nothing", sigtimedwait(&set, &info, &no_time));
	answer("timedwait.timeout", sigtimedwait(&set, &info, &short_time));
	answer("timedwait.bad_time", sigtimedwait(&set, &info, &bad));
	queue(SIGRTMIN + 1, 5);
	kill(getpid(), SIGUSR1);
	answer("timedwait.standard_first", sigtimedwait(&set, &info, &no_time));
	say("timedwait.kill_info", "code %d", info.si_code);
	answer("timedwait.then", sigtimedwait(&set, &info, &no_time) - SIGRTMIN);
	say("timedwait.queue_info", "code %d value %d %s", info.si_code, info.si_value.sival_int,
		info.si_pid == getpid() ? "own pid" : "other pid");
	answer("timedwait.taken", sigtimedwait(&set, &info, &no_time));
	if (fork() == 0) {
		usleep(20000);
		_exit(kill(getppid(), SIGUSR1));
	}
	answer("waitinfo.sleeps", sigwaitinfo(&set, &info));
	say("waitinfo.info", "code %d %s", info.si_code,
		info.si_pid == getpid() ? "own pid" : "child's pid");
	block_all(SIG_UNBLOCK);
	while (waitpid(-1, NULL, 0) > 0)
		;
}

static void interrupts(int sig)
{
}

static void interrupted(void)
{
	struct sigaction action = {.sa_handler = interrupts, .sa_flags = SA_RESTART};
	sigset_t set;

	sigaction(SIGALRM, &action, NULL);
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigprocmask(SIG_BLOCK, &set, NULL);
	ualarm(30000, 30000);
	answer("waitinfo.other_signal", sigwaitinfo(&set, NULL));
	ualarm(0, 0);
}

static void errors(void)
{
	struct {
		int signo, error, code, rest[29];
	} info = {SIGUSR1, 0, 5, {0}};

	answer("sigqueue.bad_signal", sigqueue(getpid(), 65, (union sigval){0}));
	answer("sigqueue.nobody", sigqueue(32000, SIGUSR1, (union sigval){0}));
	answer("sigqueue.test", sigqueue(getpid(), 0, (union sigval){0}));
	answer("sigqueue.as_kernel", syscall(SYS_rt_sigqueueinfo, 1, SIGCONT, &info));
	info.code = 0;
	answer("sigqueue.as_user", syscall(SYS_rt_sigqueueinfo, 1, SIGCONT, &info));
	answer("sigqueue.efault", syscall(SYS_rt_sigqueueinfo, getpid(), SIGUSR1, KERNEL));
	answer("sigpending.bad_size", syscall(SYS_rt_sigpending, &info, 9));
	answer("timedwait.bad_size", syscall(SYS_rt_sigtimedwait, &info, NULL, NULL, 4));
	answer("sigsuspend.bad_size", syscall(SYS_rt_sigsuspend, &info, 4));
}

/* The queue has a limit of its own; signals that do not queue have none. */
static void limited(void)
{
	struct rlimit limit = {5, 5};
	int queued = 0;

	block_all(SIG_BLOCK);
	setrlimit(RLIMIT_SIGPENDING, &limit);
	while (queued < 100 && queue(SIGRTMIN, 1) == 0)
		queued++;
	answer("limit.next", queue(SIGRTMIN, 1));
	check("limit.about_five", queued >= 1 && queued <= 5);
	answer("limit.standard", kill(getpid(), SIGUSR1));
	answer("limit.kill_of_rt", kill(getpid(), SIGRTMIN + 1));
}

static void dies(void)
{
	raise(SIGRTMAX);
}

int main(void)
{
	say("rt.range", "%d to %d", SIGRTMIN, SIGRTMAX);
	queueing();
	waiting();
	interrupted();
	errors();
	isolated("limit", limited);
	say("rt.default", "%s", WIFSIGNALED(in_child(dies)) ? "kills" : "does not kill");
	return test_failed;
}
