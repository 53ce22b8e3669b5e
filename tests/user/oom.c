/* Out of memory: who is killed for it, and that the others go on. */
#include "tests/user/test.h"
#include <sys/klog.h>
#include <sys/ptrace.h>

#define RW    (PROT_READ | PROT_WRITE)
#define MIB   (1u << 20)
#define LEFT  64u /* MiB that the cases have for themselves */
#define NEVER (-1000)

static void set_number(const char *path, int value)
{
	int fd = open(path, O_WRONLY);

	if (fd < 0 || dprintf(fd, "%d", value) < 0)
		say("set_number", "%s %s", path, errno_name(errno));
	close(fd);
}

/* The first number in a file after `name`. */
static int get_number(const char *path, const char *name)
{
	static char text[4096];
	int fd = open(path, O_RDONLY);
	ssize_t n = read(fd, text, sizeof(text) - 1);

	close(fd);
	text[n > 0 ? n : 0] = 0;
	return atoi(strstr(text, name) + strlen(name));
}

static void take(unsigned int mib)
{
	char *p = mmap(
		NULL, (size_t)mib * MIB, RW, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (p == MAP_FAILED)
		_exit(3);
	for (size_t at = 0; at < (size_t)mib * MIB; at += PAGE)
		p[at] = 1;
}

/* A process that has that much, and then waits for its end. */
static pid_t holder(unsigned int mib, int adjust)
{
	int ready[2];
	char c = 0;
	pid_t pid;

	if (pipe(ready))
		say("pipe", "%s", errno_name(errno));
	pid = fork();
	if (pid == 0) {
		set_number("/proc/self/oom_score_adj", adjust);
		take(mib);
		if (write(ready[1], "r", 1) != 1)
			_exit(1);
		for (;;)
			pause();
	}
	if (read(ready[0], &c, 1) != 1)
		say("holder", "has less than %u MiB", mib);
	close(ready[0]);
	close(ready[1]);
	return pid;
}

/* A process that takes more than there is, when it gets so far. */
static pid_t eater(unsigned int mib, int adjust)
{
	pid_t pid = fork();

	if (pid == 0) {
		set_number("/proc/self/oom_score_adj", adjust);
		take(mib);
		_exit(0);
	}
	return pid;
}

static const char *end_of(pid_t pid)
{
	int status;

	if (waitpid(pid, &status, 0) != pid)
		return "lost";
	return WIFSIGNALED(status) ? signal_name(WTERMSIG(status)) : "exit";
}

/* How a holder is, which ends it. */
static const char *fate(pid_t pid)
{
	int status;

	if (waitpid(pid, &status, WNOHANG) == pid)
		return WIFSIGNALED(status) ? signal_name(WTERMSIG(status)) : "exit";
	kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
	return "alive";
}

static void largest(void)
{
	pid_t small = holder(4, 0), middle = holder(16, 0);
	const char *end = end_of(eater(2 * LEFT, 0));

	say("largest", "eater %s, others %s %s", end, fate(small), fate(middle));
}

static void adjusted(void)
{
	pid_t first = holder(4, 1000), other = holder(16, 0);
	const char *end = end_of(eater(2 * LEFT, 0));

	say("adjusted", "eater %s, first %s, other %s", end, fate(first), fate(other));
}

static void stopped(void)
{
	pid_t large = holder(LEFT / 2, 0);

	kill(large, SIGSTOP);
	const char *end = end_of(eater(LEFT * 3 / 4, NEVER));
	say("stopped", "eater %s, large %s", end, fate(large));
}

static void equals(void)
{
	pid_t old = holder(LEFT / 4, 0), young = holder(LEFT / 4, 0);
	const char *end = end_of(eater(LEFT * 5 / 8, NEVER));

	say("equals", "eater %s, old %s, young %s", end, fate(old), fate(young));
}

static void allocating(void)
{
	pid_t large = holder(LEFT / 2, 0);

	set_number("/proc/sys/vm/oom_kill_allocating_task", 1);
	const char *end = end_of(eater(2 * LEFT, NEVER + 1));
	set_number("/proc/sys/vm/oom_kill_allocating_task", 0);
	say("allocating", "eater %s, large %s", end, fate(large));
}

/* Lines of the kernel's log with this word since it was emptied. */
static int log_lines(const char *word)
{
	static char text[1 << 18];
	int n = klogctl(3, text, sizeof(text) - 1), lines = 0;

	text[n > 0 ? n : 0] = '\0';
	for (const char *at = text; (at = strstr(at, word)); at++)
		lines++;
	return lines;
}

static void dumped(int on)
{
	set_number("/proc/sys/vm/oom_dump_tasks", on);
	klogctl(5, NULL, 0);
	const char *end = end_of(eater(2 * LEFT, 0));
	say("dumped", "eater %s, %d tables, in which %d are never killed", end,
		log_lines("total_vm      rss"), log_lines(" -1000 oom"));
}

/* Who is killed stops once more for a tracer that wants to hear of ends; meanwhile the tracer
 * itself needs memory, and so gets what the victim had. */
static void traced(void)
{
	pid_t other = holder(LEFT / 4, 0), pid = fork();
	int status;

	if (pid == 0) {
		set_number("/proc/self/oom_score_adj", 0);
		ptrace(PTRACE_TRACEME, 0, 0, 0);
		raise(SIGSTOP);
		take(2 * LEFT);
		_exit(0);
	}
	waitpid(pid, &status, 0);
	ptrace(PTRACE_SETOPTIONS, pid, 0, PTRACE_O_TRACEEXIT);
	ptrace(PTRACE_CONT, pid, 0, 0);
	waitpid(pid, &status, 0);
	say("traced.stop", "%x", status);
	take(LEFT / 4);
	say("traced.taken", "%s", fate(other));
	ptrace(PTRACE_CONT, pid, 0, 0);
	say("traced.end", "%s", end_of(pid));
}

int main(void)
{
	int loglevel = get_number("/proc/sys/kernel/printk", "");
	pid_t ballast;

	set_number("/proc/sys/kernel/printk", 1); /* the kernel's own word is not compared */
	set_number("/proc/self/oom_score_adj", NEVER);
	ballast = holder(
		(unsigned int)get_number("/proc/meminfo", "MemAvailable:") / 1024 - LEFT, NEVER);
	largest();
	adjusted();
	dumped(0);
	dumped(1);
	stopped();
	equals();
	allocating();
	traced();
	say("ballast", "%s", fate(ballast));
	set_number("/proc/sys/kernel/printk", loglevel);
	return test_failed;
}
