/*
 * What the tests of failing allocations share: a piece of work is done again and again, each time in
 * a process of its own, whose first, second, third ... allocation in the kernel fails
 * (/proc/thread-self/fail-nth), until none does any more. What is asked: that a refusal is an errno
 * that says so, that the work is whole where nothing was refused, and that memory is sound
 * afterwards. What a refused call leaves behind, the check at the machine's end sees.
 *
 * On a kernel without fault injection the work is done once.
 */
#ifndef TESTS_USER_FAIL_NTH_H
#define TESTS_USER_FAIL_NTH_H

#include "tests/user/test.h"
#include <fnmatch.h>

struct work {
	const char *name;
	void (*run)(void);  /* in a child; calls gone through ok() */
	void (*undo)(void); /* in the parent: removes what outlives the child; or NULL */
};

#define RW   (PROT_READ | PROT_WRITE)
#define MOST 3000 /* allocations of one piece of work */

enum { WHOLE, SURVIVED, REFUSED, ODD };

static int nth_file = -1; /* of the child */
static unsigned nth;

static maybe void arm(unsigned n)
{
	char text[16];
	int len = snprintf(text, sizeof(text), "%u", n);

	/* The write may be what fails; but only once. */
	if (nth_file >= 0 && write(nth_file, text, len) != len && write(nth_file, text, len) != len)
		_exit(99);
}

/* Whether the allocation has failed that was to. Reading allocates too: if it is that one, the work
 * had come to its end before. */
static bool has_failed(void)
{
	char left[16] = "";

	return nth_file >= 0 && pread(nth_file, left, sizeof(left) - 1, 0) > 0 && atoi(left) == 0;
}

/* The ways of the process's end must do without memory too. */
static __attribute__((noreturn)) void end(int how)
{
	if (nth_file >= 0)
		arm(nth % 16 + 1);
	_exit(how);
}

static maybe __attribute__((noreturn)) void refused(const char *call, int error)
{
	bool fair = error == ENOMEM || error == EAGAIN || error == ENOBUFS || error == ENOSPC ||
		    error == ENOLCK;

	if (has_failed() && fair)
		end(REFUSED);
	say(call, "%s at allocation %u", errno_name(error), nth);
	end(ODD);
}

/* A call that must succeed, but for want of memory. */
#define ok(call)                                                                                   \
	({                                                                                         \
		__typeof__(call) result_ = (call);                                                 \
		if ((long)result_ == -1)                                                           \
			refused(#call, errno);                                                     \
		result_;                                                                           \
	})

static maybe void must(bool good, const char *what)
{
	if (good)
		return;
	if (has_failed())
		end(REFUSED);
	say(what, "NO, at allocation %u", nth);
	end(ODD);
}

/* Private memory. */
static maybe char *anon(size_t len, int flags)
{
	return ok(mmap(NULL, len, RW, MAP_PRIVATE | MAP_ANONYMOUS | flags, -1, 0));
}

static int once(const struct work *w, unsigned n)
{
	int status;
	pid_t pid = fork();

	if (pid < 0)
		die("fork");
	if (pid == 0) {
		nth = n;
		nth_file = open("/proc/thread-self/fail-nth", O_RDWR);
		arm(n);
		w->run();
		end(has_failed() ? SURVIVED : WHOLE);
	}
	while (waitpid(pid, &status, 0) < 0)
		;
	if (w->undo)
		w->undo();
	if (WIFEXITED(status) && WEXITSTATUS(status) <= REFUSED)
		return WEXITSTATUS(status);
	answer_status(w->name, status);
	return ODD;
}

static bool memory_is_sound(void)
{
	char text[256] = "";
	int fd = open("/proc/mm_check", O_RDONLY | O_CLOEXEC), findings = 0;

	if (fd < 0)
		return true;
	if (read(fd, text, sizeof(text) - 1) <= 0 || sscanf(text, "findings: %d", &findings) != 1)
		findings = 1;
	close(fd);
	return findings == 0;
}

static void do_work(const struct work *w, unsigned *refusals)
{
	unsigned n = 1;
	int how;

	while ((how = once(w, n)) != WHOLE && how != ODD && n < MOST) {
		*refusals += how == REFUSED;
		n++;
	}
	check(w->name, how == WHOLE && memory_is_sound());
}

/* All, or those that match a glob. */
static maybe int do_works(const struct work *works, size_t count, const char *glob)
{
	bool injects = access("/proc/thread-self/fail-nth", W_OK) == 0;
	unsigned refusals = 0;

	for (size_t i = 0; i < count; i++)
		if (!glob || !fnmatch(glob, works[i].name, 0))
			do_work(&works[i], &refusals);
	check("calls were refused", refusals || !injects);
	return test_failed;
}

#endif
