/* Signals: sending, handlers, masks, what is pending, and the order of delivery. */
#include "tests/user/test.h"

static volatile int count;
static volatile char order[64];
static volatile int order_len;
static siginfo_t last_info;

static void note(int sig)
{
	count++;
	order[order_len++ % 63] = sig < 27 ? 'a' + sig : '0' + sig - 34;
}

static const char *noted(void)
{
	static char text[64];

	for (int i = 0; i < order_len; i++)
		text[i] = order[i];
	text[order_len] = 0;
	order_len = 0;
	return text;
}

static void take_info(int sig, siginfo_t *info, void *context)
{
	count++;
	last_info = *info;
}

static void handle(int sig, void (*handler)(int), int flags)
{
	struct sigaction action = {.sa_handler = handler, .sa_flags = flags};

	if (sigaction(sig, &action, NULL))
		die("sigaction");
}

static sigset_t set_of(int a, int b)
{
	sigset_t set;

	sigemptyset(&set);
	if (a)
		sigaddset(&set, a);
	if (b)
		sigaddset(&set, b);
	return set;
}

static void block(int how, int a, int b)
{
	sigset_t set = set_of(a, b);

	if (sigprocmask(how, &set, NULL))
		die("sigprocmask");
}

static void sending(void)
{
	answer("kill.bad_signal", kill(getpid(), 65));
	answer("kill.negative", kill(getpid(), -1));
	answer("kill.zero", kill(getpid(), 0));
	answer("kill.nobody", kill(32000, 0));
	answer("kill.no_group", kill(-32000, 0));
	answer("kill.int_min", kill(INT32_MIN, 0));
	answer("tgkill.bad_group", syscall(SYS_tgkill, 0, getpid(), SIGUSR1));
	answer("tgkill.not_in_group", syscall(SYS_tgkill, 1, getpid(), 0));
	answer("tgkill.self", syscall(SYS_tgkill, getpid(), getpid(), 0));
	answer("sigaction.kill", syscall(SYS_rt_sigaction, SIGKILL, &(int[8]){0}, NULL, 8));
	answer("sigaction.stop", syscall(SYS_rt_sigaction, SIGSTOP, &(int[8]){0}, NULL, 8));
	answer("sigaction.look_at_kill", syscall(SYS_rt_sigaction, SIGKILL, NULL, NULL, 8));
	answer("sigaction.zero", syscall(SYS_rt_sigaction, 0, NULL, NULL, 8));
	answer("sigaction.65", syscall(SYS_rt_sigaction, 65, NULL, NULL, 8));
	answer("sigaction.bad_size", syscall(SYS_rt_sigaction, SIGUSR1, NULL, NULL, 4));
	answer("sigprocmask.bad_how", syscall(SYS_rt_sigprocmask, 3, &(int[2]){0}, NULL, 8));
	answer("sigprocmask.bad_size", syscall(SYS_rt_sigprocmask, 0, NULL, NULL, 16));
}

static void handlers(void)
{
	struct sigaction action = {.sa_sigaction = take_info, .sa_flags = SA_SIGINFO}, old;

	handle(SIGUSR1, note, SA_RESTART);
	sigaction(SIGUSR1, NULL, &old);
	say("sigaction.read_back", "%s flags %#x mask %d",
		old.sa_handler == note ? "same" : "other", (unsigned)old.sa_flags & ~0x04000000,
		sigismember(&old.sa_mask, SIGUSR1));
	count = 0;
	raise(SIGUSR1);
	kill(getpid(), SIGUSR1);
	say("handler.runs", "%d", count);
	sigaction(SIGUSR1, &action, NULL);
	kill(getpid(), SIGUSR1);
	say("info.kill", "signo %d code %d errno %d %s uid %d", last_info.si_signo,
		last_info.si_code, last_info.si_errno,
		last_info.si_pid == getpid() ? "own pid" : "other pid", last_info.si_uid);
	syscall(SYS_tgkill, getpid(), getpid(), SIGUSR1);
	say("info.tgkill", "code %d", last_info.si_code);
	handle(SIGUSR1, SIG_IGN, 0);
	count = 0;
	raise(SIGUSR1);
	say("ignored", "%d", count);
	handle(SIGUSR1, note, SA_RESETHAND);
	raise(SIGUSR1);
	sigaction(SIGUSR1, NULL, &old);
	say("resethand", "%d, then %s", count,
		old.sa_handler == SIG_DFL ? "default" : "still there");
}

static volatile int depth, deepest;

static void nest(int sig)
{
	depth++;
	if (depth > deepest)
		deepest = depth;
	if (count++ < 5)
		raise(sig);
	depth--;
}

static void nesting(void)
{
	handle(SIGUSR1, nest, 0);
	count = deepest = 0;
	raise(SIGUSR1);
	say("nest.blocked", "%d runs, %d deep", count, deepest);
	handle(SIGUSR1, nest, SA_NODEFER);
	count = deepest = 0;
	raise(SIGUSR1);
	say("nest.nodefer", "%d runs, %d deep", count, deepest);
}

static void show_mask(int sig)
{
	sigset_t set;
	char text[80];
	int len = 0;

	sigprocmask(SIG_SETMASK, NULL, &set);
	for (int i = 1; i <= 31; i++)
		if (sigismember(&set, i) == 1)
			len += sprintf(text + len, " %s", signal_name(i));
	text[len] = 0;
	say("mask.in_handler", "%s:%s", signal_name(sig), text);
}

static void masks(void)
{
	struct sigaction action = {.sa_handler = show_mask, .sa_mask = set_of(SIGUSR2, SIGKILL)};
	sigset_t set;

	block(SIG_SETMASK, SIGHUP, SIGKILL);
	sigaction(SIGUSR1, &action, NULL);
	raise(SIGUSR1);
	action.sa_flags = SA_NODEFER;
	sigaction(SIGUSR1, &action, NULL);
	raise(SIGUSR1);
	sigprocmask(SIG_SETMASK, NULL, &set);
	say("mask.after", "HUP %d USR1 %d USR2 %d KILL %d", sigismember(&set, SIGHUP),
		sigismember(&set, SIGUSR1), sigismember(&set, SIGUSR2), sigismember(&set, SIGKILL));
	block(SIG_SETMASK, 0, 0);
}

static void pending(void)
{
	sigset_t set;

	handle(SIGUSR1, note, 0);
	handle(SIGUSR2, note, 0);
	count = 0;
	block(SIG_BLOCK, SIGUSR1, SIGUSR2);
	for (int i = 0; i < 3; i++) {
		kill(getpid(), SIGUSR2);
		kill(getpid(), SIGUSR1);
	}
	sigpending(&set);
	say("pending", "%d %d, %d handled", sigismember(&set, SIGUSR1), sigismember(&set, SIGUSR2),
		count);
	block(SIG_UNBLOCK, SIGUSR1, SIGUSR2);
	say("pending.once_each", "%d", count);
	block(SIG_BLOCK, SIGUSR1, 0);
	kill(getpid(), SIGUSR1);
	handle(SIGUSR1, SIG_IGN, 0);
	sigpending(&set);
	say("pending.ignoring_drops_it", "%d", sigismember(&set, SIGUSR1));
	handle(SIGUSR1, note, 0);
	kill(getpid(), SIGUSR1);
	block(SIG_BLOCK, SIGCHLD, 0);
	kill(getpid(), SIGCHLD);
	sigpending(&set);
	say("pending.default_ignored", "%d", sigismember(&set, SIGCHLD));
	count = 0;
	block(SIG_UNBLOCK, SIGUSR1, SIGCHLD);
	say("pending.delivered", "%d", count);
}

/* All are pending when the mask goes. The lowest is delivered first; where handlers block nothing,
 * the next frame is put on top of it before it runs, so the highest runs first. */
static void delivery_order(void)
{
	static const int signals[] = {SIGTERM, SIGHUP, SIGUSR2, SIGINT, SIGALRM};
	sigset_t all, none;

	sigfillset(&all);
	sigemptyset(&none);
	for (size_t i = 0; i < COUNT(signals); i++) {
		struct sigaction action = {.sa_handler = note, .sa_mask = all};

		sigaction(signals[i], &action, NULL);
	}
	noted();
	sigprocmask(SIG_SETMASK, &all, NULL);
	for (size_t i = 0; i < COUNT(signals); i++)
		kill(getpid(), signals[i]);
	sigprocmask(SIG_SETMASK, &none, NULL);
	say("order.masked_handlers", "%s", noted());
	for (size_t i = 0; i < COUNT(signals); i++)
		handle(signals[i], note, 0);
	sigprocmask(SIG_SETMASK, &all, NULL);
	for (size_t i = 0; i < COUNT(signals); i++)
		kill(getpid(), signals[i]);
	sigprocmask(SIG_SETMASK, &none, NULL);
	say("order.open_handlers", "%s", noted());
}

static void suspended(void)
{
	sigset_t none = set_of(0, 0), now;

	handle(SIGUSR1, note, 0);
	block(SIG_SETMASK, SIGUSR1, 0);
	count = 0;
	kill(getpid(), SIGUSR1);
	answer("sigsuspend", sigsuspend(&none));
	sigprocmask(SIG_SETMASK, NULL, &now);
	say("sigsuspend.handled", "%d, mask back %d", count, sigismember(&now, SIGUSR1));
	block(SIG_SETMASK, 0, 0);
}

static void child_inherits(void)
{
	sigset_t set;
	struct sigaction action;

	sigpending(&set);
	say("child.pending", "%d", sigismember(&set, SIGUSR1));
	sigprocmask(SIG_SETMASK, NULL, &set);
	say("child.mask", "%d", sigismember(&set, SIGUSR1));
	sigaction(SIGUSR1, NULL, &action);
	say("child.handler", "%s", action.sa_handler == note ? "kept" : "lost");
}

static void forking(void)
{
	block(SIG_BLOCK, SIGUSR1, 0);
	kill(getpid(), SIGUSR1);
	isolated("child", child_inherits);
	block(SIG_UNBLOCK, SIGUSR1, 0);
}

static void child_ends(void)
{
	struct sigaction action = {.sa_sigaction = take_info, .sa_flags = SA_SIGINFO};
	pid_t pid;

	sigaction(SIGCHLD, &action, NULL);
	block(SIG_BLOCK, SIGCHLD, 0);
	pid = fork();
	if (pid == 0)
		_exit(12);
	waitid(P_PID, pid, NULL, WEXITED | WNOWAIT);
	block(SIG_UNBLOCK, SIGCHLD, 0);
	say("sigchld.info", "code %d status %d %s", last_info.si_code, last_info.si_status,
		last_info.si_pid == pid ? "its pid" : "another pid");
	waitpid(pid, NULL, 0);
	signal(SIGCHLD, SIG_DFL);
}

/* What a stopped child dies of that finds `sig` pending, and SIGKILL. */
static void killed_stopped(const char *name, int sig, bool to_thread)
{
	pid_t pid = fork();
	int status;

	if (pid == 0)
		raise(SIGSTOP);
	waitpid(pid, NULL, WUNTRACED);
	syscall(to_thread ? SYS_tkill : SYS_kill, pid, sig);
	kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
	answer_status(name, status);
}

static void killed(void)
{
	killed_stopped("killed.lower", SIGHUP, false);
	killed_stopped("killed.synchronous", SIGSEGV, false);
	killed_stopped("killed.of_thread", SIGSEGV, true);
	killed_stopped("killed.of_thread_too", SIGTERM, true);
}

int main(void)
{
	sending();
	handlers();
	nesting();
	masks();
	pending();
	delivery_order();
	suspended();
	forking();
	child_ends();
	killed();
	return test_failed;
}
