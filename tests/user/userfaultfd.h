/* What the tests of userfaultfd(2) share: descriptors, ranges, and a thread that serves faults. */
#ifndef TESTS_USER_USERFAULTFD_H
#define TESTS_USER_USERFAULTFD_H

#include "tests/user/test.h"
#include <linux/userfaultfd.h>
#include <poll.h>
#include <pthread.h>
#include <sys/ioctl.h>

#define RW    (PROT_READ | PROT_WRITE)
#define PAGES 8u

static maybe int open_uffd(int flags)
{
	return syscall(SYS_userfaultfd, flags);
}

static maybe long set_api(int fd, uint64_t features)
{
	struct uffdio_api api = {.api = UFFD_API, .features = features};

	return ioctl(fd, UFFDIO_API, &api);
}

/* One that works: what the test itself needs. */
static maybe int make_uffd(int flags, uint64_t features)
{
	int fd = open_uffd(flags);

	if (fd < 0 || set_api(fd, features))
		die("userfaultfd");
	return fd;
}

static maybe long reg_mode(int fd, const void *p, size_t len, uint64_t mode, uint64_t *ioctls)
{
	struct uffdio_register r = {.range = {(uintptr_t)p, len}, .mode = mode};
	long result = ioctl(fd, UFFDIO_REGISTER, &r);

	if (ioctls)
		*ioctls = r.ioctls;
	return result;
}

static maybe long reg(int fd, const void *p, size_t len)
{
	return reg_mode(fd, p, len, UFFDIO_REGISTER_MODE_MISSING, NULL);
}

static maybe long range_call(int fd, unsigned long call, const void *p, size_t len)
{
	struct uffdio_range r = {(uintptr_t)p, len};

	return ioctl(fd, call, &r);
}

static maybe long unreg(int fd, const void *p, size_t len)
{
	return range_call(fd, UFFDIO_UNREGISTER, p, len);
}

static maybe long wake(int fd, const void *p, size_t len)
{
	return range_call(fd, UFFDIO_WAKE, p, len);
}

static maybe long copy_to(
	int fd, void *to, const void *from, size_t len, uint64_t mode, int64_t *done)
{
	struct uffdio_copy c = {(uintptr_t)to, (uintptr_t)from, len, mode, 0x5555};
	long result = ioctl(fd, UFFDIO_COPY, &c);

	if (done)
		*done = c.copy;
	return result;
}

static maybe long zero_at(int fd, void *to, size_t len, uint64_t mode, int64_t *done)
{
	struct uffdio_zeropage z = {{(uintptr_t)to, len}, mode, 0x5555};
	long result = ioctl(fd, UFFDIO_ZEROPAGE, &z);

	if (done)
		*done = z.zeropage;
	return result;
}

/* The answer and the field that says how much was done. */
static maybe void answer_copy(const char *name, long result, int64_t done)
{
	if (result == -1)
		say(name, "-1 %s, %lld", errno_name(errno), (long long)done);
	else
		say(name, "%ld, %lld", result, (long long)done);
}

static maybe void try_copy(
	const char *name, int fd, void *to, const void *from, size_t len, uint64_t mode)
{
	int64_t done;
	long result = copy_to(fd, to, from, len, mode, &done);

	answer_copy(name, result, done);
}

static maybe void try_zero(const char *name, int fd, void *to, size_t len, uint64_t mode)
{
	int64_t done;
	long result = zero_at(fd, to, len, mode, &done);

	answer_copy(name, result, done);
}

/* --- A thread that serves --- */

/* Reads one message from fd for each letter of `how` and answers a fault in [base, base + PAGES) as
 * that says. */
struct pager {
	const char *name;
	int fd;
	char *base;
	const char *how; /* c: copies, z: zeroes, w: wakes, u: unregisters, x: closes, -: nothing */
	pthread_t thread;
};

static maybe void say_message(const char *name, const struct uffd_msg *m, const char *base)
{
	unsigned long long at = m->arg.pagefault.address - (uintptr_t)base;

	switch (m->event) {
	case UFFD_EVENT_PAGEFAULT:
		say(name, "fault at page %llu + %llu, flags %llx", at / PAGE, at % PAGE,
			(unsigned long long)m->arg.pagefault.flags);
		break;
	case UFFD_EVENT_FORK:
		say(name, "fork");
		break;
	case UFFD_EVENT_REMAP:
		say(name, "remap of page %lld, %llu pages, %s",
			((long long)m->arg.remap.from - (long long)(uintptr_t)base) / PAGE,
			(unsigned long long)m->arg.remap.len / PAGE,
			m->arg.remap.to == m->arg.remap.from ? "in place" : "elsewhere");
		break;
	default:
		say(name, "%s of pages %lld to %lld",
			m->event == UFFD_EVENT_REMOVE ? "remove" : "unmap",
			((long long)m->arg.remove.start - (long long)(uintptr_t)base) / PAGE,
			((long long)m->arg.remove.end - (long long)(uintptr_t)base) / PAGE);
	}
}

/* A page of letters that tell its place. */
static maybe const char *letters(const char *base, const char *at)
{
	static char page[PAGE] __attribute__((aligned(4096)));

	memset(page, 'a' + (at - base) / PAGE, PAGE);
	return page;
}

static maybe void serve(const struct pager *p, char how, const struct uffd_msg *m)
{
	char *at = (char *)(uintptr_t)(m->arg.pagefault.address & ~(PAGE - 1ull));

	switch (how) {
	case 'c':
		copy_to(p->fd, at, letters(p->base, at), PAGE, 0, NULL);
		break;
	case 'z':
		zero_at(p->fd, at, PAGE, 0, NULL);
		break;
	case 'w':
		wake(p->fd, at, PAGE);
		break;
	case 'u':
		unreg(p->fd, p->base, PAGES * PAGE);
		break;
	case 'x':
		close(p->fd);
	}
}

static maybe void get_message(const char *name, int fd, struct uffd_msg *m)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};

	while (read(fd, m, sizeof(*m)) != sizeof(*m)) {
		if (errno != EAGAIN)
			die(name);
		poll(&p, 1, -1);
	}
}

static maybe void *pager_body(void *arg)
{
	struct pager *p = arg;
	struct uffd_msg m;

	for (const char *how = p->how; *how; how++) {
		get_message(p->name, p->fd, &m);
		say_message(p->name, &m, p->base);
		serve(p, *how, &m);
	}
	return NULL;
}

static maybe void pager_start(struct pager *p)
{
	if (pthread_create(&p->thread, NULL, pager_body, p))
		die("pthread_create");
}

static maybe void pager_join(struct pager *p)
{
	pthread_join(p->thread, NULL);
}

#endif
