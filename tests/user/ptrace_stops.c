/* ptrace(2): attaching and seizing, group stops, children and threads that are traced from their start,
 * exec and exit, wait()'s news of them, and what becomes of tracees whose tracer has gone. */
#include "tests/user/ptrace.h"
#include <pthread.h>
#include <sched.h>
#include <sys/uio.h>
#include <sys/user.h>

static int news(const char *name, pid_t pid)
{
	int status = -1;

	if (waitpid(pid, &status, __WALL | WUNTRACED) != pid)
		die("waitpid");
	print(name, status);
	return status;
}

static void no_news(const char *name, pid_t pid)
{
	int status;

	answer(name, waitpid(pid, &status, __WALL | WNOHANG | WUNTRACED));
}

static void go(pid_t pid, int sig)
{
	if (request(PTRACE_CONT, pid, NULL, NUM(sig)))
		die("cont");
}

/* A child that runs body, whether anybody traces it or not. */
static pid_t child(void (*body)(void))
{
	pid_t pid = fork();

	if (pid == 0) {
		body();
		_exit(7);
	}
	return pid;
}

static pid_t tracee_with(void (*body)(void), long options)
{
	pid_t pid = tracee(body);

	if (request(PTRACE_SETOPTIONS, pid, NULL, NUM(options)))
		die("setoptions");
	return pid;
}

/* The letter of State: and TracerPid: of /proc/PID/status. */
static void status_of(const char *name, pid_t pid)
{
	char path[64], line[256], state = '?';
	long tracer = -1;
	FILE *f;

	usleep(20000); /* it has slept or stopped by then */
	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	f = fopen(path, "re");
	while (f && fgets(line, sizeof(line), f)) {
		sscanf(line, "State: %c", &state);
		sscanf(line, "TracerPid: %ld", &tracer);
	}
	if (f)
		fclose(f);
	say(name, "state %c, traced by %s", state,
		tracer == 0 ? "nobody" : tracer == getpid() ? "us" : "another");
}

static void pause_forever(void)
{
	for (;;)
		pause();
}

static void exit_now(void) {}

/* --- Attaching --- */

static void attach(void)
{
	pid_t pid = child(pause_forever);

	answer("attach", request(PTRACE_ATTACH, pid, NULL, NULL));
	news("attach.stop", pid);
	info("attach.stop", pid);
	status_of("attach.stop", pid);
	no_news("attach.once", pid);
	go(pid, 0);
	status_of("attach.goes", pid);
	answer("attach.running", request(PTRACE_CONT, pid, NULL, NULL));
	answer("attach.peek", request(PTRACE_GETREGS, pid, NULL, (char[256]){0}));
	kill(pid, SIGUSR1);
	news("attach.signal", pid);
	answer("detach", request(PTRACE_DETACH, pid, NULL, NULL));
	status_of("detach", pid);
	no_news("detach", pid);
	answer("detach.twice", request(PTRACE_DETACH, pid, NULL, NULL));
	answer("attach.again", request(PTRACE_ATTACH, pid, NULL, NULL));
	news("attach.again", pid);
	answer("detach.signal", request(PTRACE_DETACH, pid, NULL, NUM(SIGTERM)));
	news("detach.signal", pid);
	answer("attach.zombie", request(PTRACE_ATTACH, pid, NULL, NULL));
}

static void zombie(void)
{
	pid_t pid = child(exit_now);
	siginfo_t i;

	waitid(P_PID, pid, &i, WEXITED | WNOWAIT);
	answer("zombie.attach", request(PTRACE_ATTACH, pid, NULL, NULL));
	end(pid);
}

/* What has stopped before it is traced. */
static void attach_stopped(void)
{
	pid_t pid = child(pause_forever);

	kill(pid, SIGSTOP);
	news("stopped", pid);
	status_of("stopped", pid);
	answer("stopped.attach", request(PTRACE_ATTACH, pid, NULL, NULL));
	news("stopped.attach", pid);
	info("stopped.attach", pid);
	status_of("stopped.attach", pid);
	go(pid, 0);
	news("stopped.signal", pid);
	info("stopped.signal", pid);
	answer("stopped.detach", request(PTRACE_DETACH, pid, NULL, NULL));
	status_of("stopped.detach", pid);
	no_news("stopped.detach", pid);
	answer("stopped.seize", request(PTRACE_SEIZE, pid, NULL, NULL));
	news("stopped.seize", pid);
	info("stopped.seize", pid);
	answer("stopped.listen", request(PTRACE_LISTEN, pid, NULL, NULL));
	answer("stopped.listening", request(PTRACE_CONT, pid, NULL, NULL));
	kill(pid, SIGCONT);
	news("stopped.continued", pid);
	info("stopped.continued", pid);
	go(pid, 0);
	news("stopped.sigcont", pid);
	go(pid, SIGCONT);
	end(pid);
}

static void group_stop(void)
{
	pid_t pid = tracee_with(pause_forever, 0);

	go(pid, 0);
	kill(pid, SIGSTOP);
	news("group.signal", pid);
	info("group.signal", pid);
	go(pid, SIGSTOP);
	news("group.stop", pid);
	info("group.stop", pid);
	status_of("group.stop", pid);
	kill(pid, SIGCONT);
	no_news("group.sigcont", pid);
	go(pid, 0);
	news("group.sigcont", pid);
	go(pid, SIGCONT);
	kill(pid, SIGSTOP);
	news("group.again", pid);
	go(pid, SIGSTOP);
	news("group.again", pid);
	/* Let go on while the process is stopped, it may stop anew. */
	go(pid, 0);
	kill(pid, SIGSTOP);
	news("group.twice", pid);
	go(pid, SIGSTOP);
	news("group.twice", pid);
	answer("group.detach", request(PTRACE_DETACH, pid, NULL, NULL));
	status_of("group.detach", pid);
	end(pid);
	/* Let go on, it may also exit while its process counts as stopped. */
	pid = tracee_with(exit_now, 0);
	go(pid, SIGSTOP);
	news("group.exits", pid);
	go(pid, 0);
	news("group.exits", pid);
}

/* --- Seizing --- */

static void seize(void)
{
	pid_t pid = child(pause_forever);

	answer("seize", request(PTRACE_SEIZE, pid, NULL, NUM(PTRACE_O_TRACESYSGOOD)));
	no_news("seize", pid);
	status_of("seize", pid);
	answer("interrupt", request(PTRACE_INTERRUPT, pid, NULL, NULL));
	news("interrupt", pid);
	info("interrupt", pid);
	answer("interrupt.stopped", request(PTRACE_INTERRUPT, pid, NULL, NULL));
	no_news("interrupt.stopped", pid);
	go(pid, 0);
	news("interrupt.pending", pid);
	answer("listen.no_stop", request(PTRACE_LISTEN, pid, NULL, NULL));
	answer("listen.interrupt", request(PTRACE_INTERRUPT, pid, NULL, NULL));
	news("listen.interrupt", pid);
	go(pid, 0);
	kill(pid, SIGSTOP);
	news("seized.signal", pid);
	answer("listen.signal", request(PTRACE_LISTEN, pid, NULL, NULL));
	go(pid, SIGSTOP);
	news("seized.stop", pid);
	info("seized.stop", pid);
	kill(pid, SIGCONT);
	answer("listen.late", request(PTRACE_LISTEN, pid, NULL, NULL));
	news("listen.late", pid);
	go(pid, 0);
	news("seized.sigcont", pid);
	go(pid, 0);
	kill(pid, SIGKILL);
	news("seized.killed", pid);
}

/* --- Children --- */

static void fork_child(void)
{
	pid_t pid = fork();

	if (pid == 0)
		_exit(3);
	waitpid(pid, NULL, 0);
}

static void vfork_child(void)
{
	pid_t pid = vfork();

	if (pid == 0)
		_exit(4);
	waitpid(pid, NULL, 0);
}

static pid_t message(const char *name, pid_t pid)
{
	unsigned long m = 0;

	answer(name, request(PTRACE_GETEVENTMSG, pid, NULL, &m));
	return (pid_t)m;
}

/* The system call that it is in, or -1. */
static void call_of(const char *name, pid_t pid)
{
	struct user_regs_struct regs = {0};

	answer(name, request(PTRACE_GETREGS, pid, NULL, &regs));
	say(name, "%ld", regs.orig_eax);
}

#define OPTIONS                                                                                    \
	(PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_TRACECLONE | PTRACE_O_TRACEEXEC |     \
		PTRACE_O_TRACEVFORKDONE | PTRACE_O_TRACEEXIT)

static void forks(void)
{
	pid_t pid = tracee_with(fork_child, OPTIONS), c;

	go(pid, 0);
	news("fork", pid);
	info("fork", pid);
	c = message("fork.message", pid);
	news("fork.child", c);
	info("fork.child", c);
	status_of("fork.child", c);
	call_of("fork.child_call", c);
	go(c, 0);
	news("fork.child_exits", c);
	say("fork.child_exits", "%x", message("fork.child_exits", c));
	go(c, 0);
	news("fork.child_end", c);
	go(pid, 0);
	news("fork.sigchld", pid);
	go(pid, SIGCHLD);
	news("fork.exits", pid);
	say("fork.exits", "%x", message("fork.exits", pid));
	go(pid, 0);
	news("fork.end", pid);
}

static void vforks(void)
{
	pid_t pid = tracee_with(vfork_child, OPTIONS), c;

	go(pid, 0);
	news("vfork", pid);
	c = message("vfork.message", pid);
	news("vfork.child", c);
	go(pid, 0);
	go(c, 0);
	news("vfork.child_exits", c);
	go(c, 0);
	news("vfork.child_end", c);
	news("vfork.done", pid);
	check("vfork.done", message("vfork.done", pid) == c);
	go(pid, 0);
	news("vfork.sigchld", pid);
	go(pid, 0);
	news("vfork.exits", pid);
	kill(pid, SIGKILL); /* it dies already */
	no_news("vfork.killed", pid);
	go(pid, 0);
	news("vfork.end", pid);
}

/* Without the options nobody is told, but CLONE_PTRACE makes a child ours. */
static void clone_ptrace(void)
{
	pid_t pid = syscall(SYS_clone, CLONE_PTRACE | SIGCHLD, NULL, NULL, NULL, NULL);

	if (pid == 0)
		_exit(5);
	waitpid(pid, NULL, 0);
}

static void inherited(void)
{
	pid_t pid = tracee_with(clone_ptrace, 0), c;
	int status;

	go(pid, 0);
	do
		c = waitpid(-1, &status, __WALL);
	while (c == pid);
	print("clone_ptrace", status);
	go(c, 0);
	news("clone_ptrace.child", c);
	news("clone_ptrace.sigchld", pid);
	go(pid, 0);
	news("clone_ptrace.end", pid);
}

/* --- Threads --- */

static void *thread_body(void *arg)
{
	return arg;
}

static void one_thread(void)
{
	pthread_t t;

	pthread_create(&t, NULL, thread_body, NULL);
	pthread_join(t, NULL);
}

static void threads(void)
{
	pid_t pid = tracee_with(one_thread, PTRACE_O_TRACECLONE | PTRACE_O_TRACEEXIT), t;

	go(pid, 0);
	news("clone", pid);
	t = message("clone.message", pid);
	news("clone.thread", t);
	go(t, 0);
	news("clone.thread_exits", t);
	answer("clone.nothread", waitpid(t, NULL, WNOHANG));
	go(t, 0);
	news("clone.thread_end", t);
	go(pid, 0);
	news("clone.exits", pid);
	go(pid, 0);
	news("clone.end", pid);
}

/* A thread that execs becomes the process. */
static void *exec_body(void *arg)
{
	char *args[] = {"/proc/self/exe", "child", NULL};

	execv(args[0], args);
	return arg;
}

static void exec_thread(void)
{
	pthread_t t;

	pthread_create(&t, NULL, exec_body, NULL);
	pause_forever();
}

static void exec_in_thread(void)
{
	pid_t pid = tracee_with(exec_thread, PTRACE_O_TRACECLONE | PTRACE_O_TRACEEXEC), t;

	go(pid, 0);
	news("thread_exec.clone", pid);
	t = message("thread_exec.clone", pid);
	news("thread_exec.thread", t);
	go(pid, 0);
	go(t, 0);
	news("thread_exec", pid);
	check("thread_exec.old", message("thread_exec.old", pid) == t);
	answer("thread_exec.gone", waitpid(t, NULL, __WALL | WNOHANG));
	go(pid, 0);
	news("thread_exec.end", pid);
}

/* --- exec --- */

static void exec_self(void)
{
	exec_body(NULL);
}

static void execs(void)
{
	pid_t pid = tracee_with(exec_self, 0);

	go(pid, 0);
	news("exec.signal", pid);
	info("exec.signal", pid);
	go(pid, 0);
	news("exec.end", pid);
	pid = tracee_with(exec_self, PTRACE_O_TRACEEXEC | PTRACE_O_TRACESYSGOOD);
	go(pid, 0);
	news("exec.event", pid);
	check("exec.message", message("exec.message", pid) == pid);
	/* Traced from here on, execve() is seen to return. */
	request(PTRACE_SYSCALL, pid, NULL, NULL);
	news("exec.return", pid);
	go(pid, 0);
	news("exec.end", pid);
}

/* --- Another tracer than the parent --- */

/* Runs body in a process that is not the parent of `pid`. */
static pid_t target;
static int ready[2], release[2];

static void other_tracer(void)
{
	if (request(PTRACE_ATTACH, target, NULL, NULL))
		die("attach");
	news("other.stop", target);
	go(target, 0);
	(void)!write(ready[1], "t", 1);
	news("other.exit", target);
	answer("other.gone", waitpid(target, NULL, __WALL));
}

static void wait_release(void)
{
	char c;

	(void)!write(ready[1], "r", 1);
	(void)!read(release[0], &c, 1);
}

static void other(void)
{
	pid_t by;
	int status;
	char c;

	if (pipe(ready) || pipe(release))
		die("pipe");
	target = child(wait_release);
	(void)!read(ready[0], &c, 1);
	by = child(other_tracer);
	(void)!read(ready[0], &c, 1);
	no_news("other.ours", target);
	(void)!write(release[1], "x", 1);
	waitpid(by, &status, 0);
	print("other.tracer", status);
	news("other.parent", target);
}

static void read_release(void)
{
	char c;

	(void)!write(ready[1], "r", 1);
	_exit(read(release[0], &c, 1) == 1 ? 0 : 1);
}

/* Let go at the end of a call that was interrupted, before it is made again: it still is. */
static void detach_restarts(void)
{
	char c;

	target = child(read_release);
	(void)!read(ready[0], &c, 1);
	status_of("restart.sleeps", target);
	answer("restart.seize",
		request(PTRACE_SEIZE, target, NULL, NUM(PTRACE_O_TRACESYSGOOD)));
	answer("restart.interrupt", request(PTRACE_INTERRUPT, target, NULL, NULL));
	news("restart.stop", target);
	answer("restart.syscall", request(PTRACE_SYSCALL, target, NULL, NULL));
	news("restart.entry", target);
	answer("restart.syscall", request(PTRACE_SYSCALL, target, NULL, NULL));
	status_of("restart.again", target);
	answer("restart.interrupt", request(PTRACE_INTERRUPT, target, NULL, NULL));
	news("restart.exit", target);
	answer("restart.detach", request(PTRACE_DETACH, target, NULL, NULL));
	status_of("restart.detach", target);
	(void)!write(release[1], "x", 1);
	news("restart.read", target);
}

static void attach_and_go(void)
{
	if (request(PTRACE_SEIZE, target, NULL, NULL) || request(PTRACE_INTERRUPT, target, NULL, NULL))
		die("seize");
	news("gone.stop", target);
}

static void attach_to_kill(void)
{
	if (request(PTRACE_SEIZE, target, NULL, NUM(PTRACE_O_EXITKILL)))
		die("seize");
}

/* A tracer that exits lets its tracees go, or kills them. */
static void tracer_gone(void)
{
	target = child(pause_forever);
	isolated("gone", attach_and_go);
	status_of("gone", target);
	isolated("exitkill", attach_to_kill);
	news("exitkill", target);
}

/* --- waitid --- */

static void waitids(void)
{
	/* The child's child may not have stopped yet when we go. */
	pid_t pid = tracee_with(fork_child, PTRACE_O_TRACEFORK | PTRACE_O_EXITKILL);
	siginfo_t i = {0};

	go(pid, 0);
	answer("waitid", waitid(P_PID, pid, &i, WSTOPPED | WNOWAIT));
	say("waitid", "code %d status %x", i.si_code, i.si_status);
	answer("waitid.again", waitid(P_PID, pid, &i, WSTOPPED));
	answer("waitid.none", waitid(P_PID, pid, &i, WSTOPPED | WNOHANG));
	end(pid);
	while (waitpid(-1, NULL, __WALL | WNOHANG) > 0)
		;
}

static volatile int children;

static void on_child(int sig, siginfo_t *i, void *context)
{
	(void)sig;
	(void)context;
	children = i->si_code << 8 | i->si_status;
}

/* What SIGCHLD says to a tracer. */
static void sigchld(void)
{
	struct sigaction a = {.sa_sigaction = on_child, .sa_flags = SA_SIGINFO | SA_RESTART};
	pid_t pid;

	sigaction(SIGCHLD, &a, NULL);
	pid = tracee_with(pause_forever, 0);
	say("sigchld.stop", "%x", children);
	children = 0;
	go(pid, 0);
	kill(pid, SIGUSR1);
	news("sigchld", pid);
	say("sigchld.signal", "%x", children);
	go(pid, SIGUSR1);
	news("sigchld", pid);
	say("sigchld.killed", "%x", children);
	signal(SIGCHLD, SIG_IGN);
	pid = tracee_with(exit_now, 0);
	go(pid, 0);
	answer("sigchld.ignored", waitpid(pid, NULL, 0) == pid ? 1 : -1);
	signal(SIGCHLD, SIG_DFL);
}

int main(int argc, char **argv)
{
	(void)argv;
	if (argc > 1)
		return 9;
	attach();
	zombie();
	attach_stopped();
	group_stop();
	seize();
	forks();
	vforks();
	inherited();
	threads();
	exec_in_thread();
	execs();
	other();
	detach_restarts();
	tracer_gone();
	waitids();
	sigchld();
	return test_failed;
}
