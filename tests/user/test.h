/*
 * What the user tests share.
 *
 * A test prints one line for each answer of the kernel, `area.case: answer`. It decides little by
 * itself: the output is compared with what Linux gave the same program, so it must say nothing
 * that may differ between two right kernels (addresses, pids, times). check() is for what holds on
 * any kernel; a check that fails also makes the exit status 1.
 */
#ifndef TESTS_USER_TEST_H
#define TESTS_USER_TEST_H

#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define PAGE	 4096u
#define maybe	 __attribute__((unused))
#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

#ifdef __GLIBC__
#define errno_name(e)  strerrorname_np(e)
#define signal_name(s) sigabbrev_np(s)
#else
#define errno_name(e)  strerror(e)
#define signal_name(s) strsignal(s)
#endif

/* Addresses no kernel puts anything at by itself: above the program, far below the mappings. */
#define FREE_AREA  ((char *)0x20000000)
#define FREE_AREA2 ((char *)0x30000000)
#define KERNEL	   ((char *)0xc0100000)

static maybe bool test_failed;

/* --- Answers --- */

/* One write() a line, so that processes do not mix and forking copies no buffer. */
static maybe __attribute__((format(printf, 2, 3))) void say(const char *name, const char *format,
	...)
{
	char line[1024];
	va_list args;
	int at = snprintf(line, sizeof(line), "%s: ", name);

	va_start(args, format);
	at += vsnprintf(line + at, sizeof(line) - at - 1, format, args);
	va_end(args);
	line[at++] = '\n';
	if (write(1, line, at) != at)
		test_failed = true;
}

/* What a system call returned, and errno. */
static maybe void answer(const char *name, long result)
{
	if (result == -1)
		say(name, "-1 %s", errno_name(errno));
	else
		say(name, "%ld", result);
}

/* What a call returned that gives an address. */
static maybe void *answer_ptr(const char *name, void *result)
{
	if (result == MAP_FAILED)
		say(name, "-1 %s", errno_name(errno));
	else
		say(name, "ok");
	return result;
}

static maybe void check(const char *name, bool good)
{
	say(name, "%s", good ? "yes" : "NO");
	if (!good)
		test_failed = true;
}

/* For what the test itself needs. */
static maybe __attribute__((noreturn)) void die(const char *what)
{
	say(what, "cannot go on: %s", strerror(errno));
	_exit(99);
}

/* --- Memory --- */

static maybe char *map_anon(size_t len)
{
	char *p = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		die("mmap");
	return p;
}

/* Private memory at an address that must be free. */
static maybe char *map_at(char *at, size_t len, int prot)
{
	char *p = mmap(at, len, prot, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);

	if (p != at)
		die("mmap fixed");
	return p;
}

static maybe bool all_bytes(const char *p, size_t len, char value)
{
	for (size_t i = 0; i < len; i++)
		if (p[i] != value)
			return false;
	return true;
}

/* The lines of /proc/self/maps that have a part of [p, p + len). */
static maybe int map_lines(const void *p, size_t len)
{
	unsigned long start, end, from = (unsigned long)p;
	FILE *maps = fopen("/proc/self/maps", "re");
	char line[512];
	int count = 0;

	if (!maps)
		die("/proc/self/maps");
	while (fgets(line, sizeof(line), maps))
		if (sscanf(line, "%lx-%lx", &start, &end) == 2 && start < from + len && from < end)
			count++;
	fclose(maps);
	return count;
}

/* The permissions of the mapping at p, as in /proc/self/maps, or "none". Good for four uses. */
static maybe const char *map_perms(const void *p)
{
	unsigned long start, end, at = (unsigned long)p;
	FILE *maps = fopen("/proc/self/maps", "re");
	static char buffers[4][8];
	static int next;
	char line[512], *perms = buffers[next++ % 4];

	if (!maps)
		die("/proc/self/maps");
	while (fgets(line, sizeof(line), maps))
		if (sscanf(line, "%lx-%lx %7s", &start, &end, perms) == 3 && start <= at && at < end)
			break;
		else
			strcpy(perms, "none");
	fclose(maps);
	return perms;
}

/* A number of /proc/self/status, as in `VmLck:  12 kB`; -1 when there is none. */
static maybe long status_value(const char *field)
{
	FILE *status = fopen("/proc/self/status", "re");
	size_t len = strlen(field);
	char line[256];
	long value = -1;

	if (!status)
		die("/proc/self/status");
	while (value < 0 && fgets(line, sizeof(line), status))
		if (!strncmp(line, field, len) && line[len] == ':')
			value = strtol(line + len + 1, NULL, 10);
	fclose(status);
	return value;
}

/* The kilobytes of a field (with its colon) of /proc/PID/smaps for the mapping at p; or -1. */
static maybe long smaps_value(pid_t pid, const void *p, const char *field)
{
	unsigned long start, end, at = (unsigned long)p;
	char name[64], line[512];
	bool inside = false;
	long value = -1;
	FILE *smaps;

	snprintf(name, sizeof(name), "/proc/%d/smaps", pid);
	smaps = fopen(name, "re");
	while (smaps && fgets(line, sizeof(line), smaps)) {
		if (sscanf(line, "%lx-%lx", &start, &end) == 2)
			inside = start <= at && at < end;
		if (inside && !strncmp(line, field, strlen(field)))
			value = strtol(line + strlen(field), NULL, 10);
	}
	if (smaps)
		fclose(smaps);
	return value;
}

/* --- Faults --- */

struct fault {
	int signal, code;
	void *addr;
	long trapno, error;
};

static maybe struct fault last_fault;
static maybe sigjmp_buf fault_return;

static maybe void fault_handler(int sig, siginfo_t *info, void *context)
{
	ucontext_t *uc = context;

	last_fault = (struct fault){sig, info->si_code, info->si_addr,
		uc->uc_mcontext.gregs[12], uc->uc_mcontext.gregs[13]};
	siglongjmp(fault_return, 1);
}

static maybe void catch_faults(int flags)
{
	static const int signals[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP};
	struct sigaction action = {.sa_sigaction = fault_handler, .sa_flags = SA_SIGINFO | flags};

	for (size_t i = 0; i < COUNT(signals); i++)
		sigaction(signals[i], &action, NULL);
}

/* Does body(p); false when a fault ended it, which is in last_fault. */
static maybe bool survives(void (*body)(volatile char *), volatile char *p)
{
	last_fault = (struct fault){0};
	catch_faults(0);
	if (sigsetjmp(fault_return, 1))
		return false;
	body(p);
	return true;
}

static maybe void do_read(volatile char *p)
{
	(void)*p;
}

static maybe void do_write(volatile char *p)
{
	*p = 42;
}

static maybe const char *fault_name(const struct fault *f)
{
	if (f->signal == SIGSEGV)
		return f->code == SEGV_MAPERR ? "SEGV_MAPERR" :
		       f->code == SEGV_ACCERR ? "SEGV_ACCERR" : "SEGV with another code";
	if (f->signal == SIGBUS)
		return f->code == BUS_ADRERR ? "BUS_ADRERR" : "BUS with another code";
	return f->signal ? "another signal" : "ok";
}

static maybe const char *touch(void (*body)(volatile char *), volatile void *p)
{
	if (survives(body, p))
		return "ok";
	return last_fault.addr == p ? fault_name(&last_fault) : "fault at another address";
}

/* Reads or writes one byte: "ok", or the si_code of the signal. */
static maybe const char *try_read(volatile void *p)
{
	return touch(do_read, p);
}

static maybe const char *try_write(volatile void *p)
{
	return touch(do_write, p);
}

/* --- Children --- */

/* Runs body in a child. Returns its wait status. */
static maybe int in_child(void (*body)(void))
{
	int status = -1;
	pid_t pid = fork();

	if (pid < 0)
		die("fork");
	if (pid == 0) {
		body();
		_exit(test_failed);
	}
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			die("waitpid");
	return status;
}

/* Prints a wait status. */
static maybe void answer_status(const char *name, int status)
{
	if (WIFEXITED(status))
		say(name, "exit %d", WEXITSTATUS(status));
	else if (WIFSIGNALED(status))
		say(name, "killed by %s", signal_name(WTERMSIG(status)));
	else if (WIFSTOPPED(status))
		say(name, "stopped by %s", signal_name(WSTOPSIG(status)));
	else
		say(name, WIFCONTINUED(status) ? "continued" : "status %x", status);
}

/* Runs a part of the test in a child that must succeed: what it changes stays there. */
static maybe void isolated(const char *name, void (*body)(void))
{
	int status = in_child(body);

	if (status == 0)
		return;
	answer_status(name, status);
	test_failed = true;
}

/* --- Files --- */

/* A new file of the current folder with this content; an open descriptor, for both ways. */
static maybe int make_file(const char *name, const void *content, size_t len)
{
	int fd = open(name, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	if (fd < 0 || write(fd, content, len) != (ssize_t)len)
		die(name);
	return fd;
}

/* The first line of a file of /proc, until the next call; or why it cannot be read. */
static maybe const char *read_setting(const char *path)
{
	static char text[256];
	int fd = open(path, O_RDONLY | O_CLOEXEC), n;

	if (fd < 0)
		return errno_name(errno);
	n = read(fd, text, sizeof(text) - 1);
	close(fd);
	text[n > 0 ? n : 0] = '\0';
	text[strcspn(text, "\n")] = '\0';
	return text;
}

static maybe void show_setting(const char *path)
{
	say(path, "%s", read_setting(path));
}

static maybe long write_setting(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	long n;

	if (fd < 0)
		return -1;
	n = write(fd, text, strlen(text));
	close(fd);
	return n;
}

#endif
