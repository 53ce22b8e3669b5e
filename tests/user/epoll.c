/* epoll: what is reported when, level and edge triggered, once; nesting; files that go away. */
#include "tests/user/test.h"

#include <poll.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <time.h>

static int add(int ep, int fd, unsigned events, unsigned data)
{
	struct epoll_event e = {.events = events, .data.u64 = 0x100000000ull | data};

	return epoll_ctl(ep, EPOLL_CTL_ADD, fd, &e);
}

static int mod(int ep, int fd, unsigned events, unsigned data)
{
	struct epoll_event e = {.events = events, .data.u64 = 0x200000000ull | data};

	return epoll_ctl(ep, EPOLL_CTL_MOD, fd, &e);
}

static void show(const char *name, int ep, int max)
{
	struct epoll_event e[16];
	int n = epoll_wait(ep, e, max, 0);

	if (n < 0)
		answer(name, n);
	else if (n == 0)
		say(name, "nothing");
	for (int i = 0; i < n; i++)
		say(name, "%d of %d: %x for %llx", i, n, e[i].events,
			(unsigned long long)e[i].data.u64);
}

static void bump(int fd)
{
	eventfd_write(fd, 1);
}

static void test_errors(void)
{
	int ep = epoll_create1(0), e = eventfd(0, 0), file = open("file", O_CREAT | O_RDWR, 0600);
	struct epoll_event ev;

	answer("epoll.create_0", epoll_create(0));
	answer("epoll.create_flags", epoll_create1(1));
	answer("epoll.cloexec", fcntl(epoll_create1(EPOLL_CLOEXEC), F_GETFD));
	answer("epoll.regular", add(ep, file, EPOLLIN, 0));
	answer("epoll.itself", add(ep, ep, EPOLLIN, 0));
	answer("epoll.no_fd", add(ep, 99, EPOLLIN, 0));
	answer("epoll.no_ep", add(99, e, EPOLLIN, 0));
	answer("epoll.not_ep", add(e, ep, EPOLLIN, 0));
	answer("epoll.add", add(ep, e, EPOLLIN, 0));
	answer("epoll.again", add(ep, e, EPOLLIN, 0));
	answer("epoll.bad_op", epoll_ctl(ep, 9, e, &ev));
	answer("epoll.bad_event", epoll_ctl(ep, EPOLL_CTL_MOD, e, (void *)4));
	answer("epoll.del", epoll_ctl(ep, EPOLL_CTL_DEL, e, NULL));
	answer("epoll.del_again", epoll_ctl(ep, EPOLL_CTL_DEL, e, NULL));
	answer("epoll.mod_missing", mod(ep, e, EPOLLIN, 0));
	answer("epoll.wait_0", epoll_wait(ep, &ev, 0, 0));
	answer("epoll.wait_many", syscall(SYS_epoll_wait, ep, &ev, 0x10000000, 0));
	answer("epoll.wait_not_ep", epoll_wait(e, &ev, 1, 0));
	answer("epoll.wait_no_fd", epoll_wait(99, &ev, 1, 0));
	answer("epoll.exclusive_bits", add(ep, e, EPOLLEXCLUSIVE | EPOLLIN | EPOLLONESHOT, 0));
	answer("epoll.exclusive", add(ep, e, EPOLLEXCLUSIVE | EPOLLIN, 0));
	answer("epoll.exclusive_mod", mod(ep, e, EPOLLIN, 0));
	answer("epoll.exclusive_mod2", mod(ep, e, EPOLLIN | EPOLLEXCLUSIVE, 0));
	bump(e);
	show("epoll.exclusive_ready", ep, 4);
	answer("epoll.wait_bad", syscall(SYS_epoll_wait, ep, 4, 1, 0));
	show("epoll.after_bad", ep, 4);
	close(ep);
	close(e);
	close(file);
}

static void test_levels(void)
{
	int ep = epoll_create(1), a = eventfd(1, 0), b = eventfd(0, 0), p[2];
	char c[10];

	add(ep, a, EPOLLIN, 0xa);
	add(ep, b, EPOLLIN | EPOLLOUT, 0xb);
	show("level.both", ep, 8);
	show("level.both_again", ep, 8);
	show("level.one_at_a_time", ep, 1);
	show("level.the_other", ep, 1);
	mod(ep, b, EPOLLIN, 0xbb);
	show("level.modified", ep, 8);
	eventfd_read(a, &(eventfd_t){0});
	show("level.read", ep, 8);
	bump(b);
	show("level.woken", ep, 8);
	mod(ep, b, EPOLLIN | EPOLLONESHOT, 0xb1);
	show("once.first", ep, 8);
	bump(b);
	show("once.quiet", ep, 8);
	mod(ep, b, EPOLLIN | EPOLLONESHOT, 0xb2);
	show("once.armed_again", ep, 8);
	mod(ep, b, EPOLLIN | EPOLLET, 0xb3);
	show("edge.first", ep, 8);
	show("edge.quiet", ep, 8);
	bump(b);
	show("edge.bumped", ep, 8);
	eventfd_read(b, &(eventfd_t){0});
	show("edge.read", ep, 8);
	mod(ep, b, 0, 0xb4);
	bump(b);
	show("edge.no_events", ep, 8);
	if (pipe(p))
		die("pipe");
	add(ep, p[0], EPOLLIN | EPOLLET, 0x1);
	add(ep, p[1], EPOLLOUT | EPOLLET, 0x2);
	show("pipe.begin", ep, 8);
	if (write(p[1], "abc", 3) != 3)
		die("write");
	show("pipe.written", ep, 8);
	show("pipe.quiet", ep, 8);
	if (write(p[1], "abc", 3) != 3)
		die("write");
	show("pipe.written_more", ep, 8);
	if (read(p[0], c, 2) != 2)
		die("read");
	show("pipe.read_some", ep, 8);
	close(p[1]);
	show("pipe.hung_up", ep, 8);
	close(p[0]);
	show("pipe.closed", ep, 8);
	close(a);
	close(b);
	close(ep);
}

/* A file goes with its last descriptor, whichever was watched. */
static void test_close(void)
{
	int ep = epoll_create(1), a = eventfd(1, 0), b = dup(a);

	add(ep, a, EPOLLIN, 0xa);
	answer("close.dup_is_another", add(ep, b, EPOLLIN, 0xb));
	show("close.two", ep, 8);
	close(a);
	show("close.still_two", ep, 8);
	answer("close.cannot_del", epoll_ctl(ep, EPOLL_CTL_DEL, a, NULL));
	close(b);
	show("close.none", ep, 8);
	a = eventfd(1, 0);
	add(ep, a, EPOLLIN, 0xa);
	close(ep);
	close(a);
}

static void test_nesting(void)
{
	int ep[8], e = eventfd(0, 0);
	struct pollfd p;

	for (int i = 0; i < 8; i++)
		ep[i] = epoll_create(1);
	answer("nest.leaf", add(ep[0], e, EPOLLIN, 1));
	for (int i = 1; i < 8; i++)
		answer("nest.up", add(ep[i], ep[i - 1], EPOLLIN, 0x10 + i));
	answer("nest.cycle", add(ep[0], ep[2], EPOLLIN, 0));
	answer("nest.small_cycle", add(ep[0], ep[1], EPOLLIN, 0));
	p = (struct pollfd){ep[3], POLLIN, 0};
	say("nest.quiet", "%d", poll(&p, 1, 0));
	bump(e);
	say("nest.poll", "%d %x", poll(&p, 1, 0), p.revents);
	show("nest.top", ep[3], 4);
	show("nest.leaf", ep[0], 4);
	eventfd_read(e, &(eventfd_t){0});
	show("nest.quiet_again", ep[3], 4);
	for (int i = 0; i < 8; i++)
		close(ep[i]);
	for (int i = 0; i < 8; i++)
		ep[i] = epoll_create(1);
	for (int i = 0; i < 7; i++)
		answer("nest.down", add(ep[i], ep[i + 1], EPOLLIN, i));
	answer("nest.deep_leaf", add(ep[7], e, EPOLLIN, 0));
	answer("nest.less_deep_leaf", add(ep[4], e, EPOLLIN, 0));
	mod(ep[0], ep[1], EPOLLIN | EPOLLET, 0);
	bump(e);
	show("nest.edge", ep[0], 4);
	show("nest.edge_quiet", ep[0], 4);
	show("nest.inner", ep[1], 4);
	show("nest.edge_still_quiet", ep[0], 4);
	for (int i = 0; i < 8; i++)
		close(ep[i]);
	close(e);
}

static int wait_ep;

static void *waiter(void *arg)
{
	struct epoll_event e;

	say("wait.thread", "%d", epoll_wait(wait_ep, &e, 1, -1));
	return NULL;
}

static void on_alarm(int sig)
{
}

static void test_waiting(void)
{
	int e = eventfd(0, 0);
	struct epoll_event ev;
	struct timespec brief = {0, 20000000};
	sigset_t none, alrm;
	pthread_t t;

	wait_ep = epoll_create(1);
	add(wait_ep, e, EPOLLIN, 1);
	answer("wait.timeout", epoll_wait(wait_ep, &ev, 1, 10));
	pthread_create(&t, NULL, waiter, NULL);
	usleep(20000);
	bump(e);
	pthread_join(t, NULL);
	eventfd_read(e, &(eventfd_t){0});
	pthread_create(&t, NULL, waiter, NULL);
	usleep(20000);
	close(e);
	e = eventfd(1, 0);
	add(wait_ep, e, EPOLLIN, 1); /* while the other waits */
	pthread_join(t, NULL);
	eventfd_read(e, &(eventfd_t){0});
	signal(SIGALRM, on_alarm);
	alarm(1);
	answer("wait.signal", epoll_wait(wait_ep, &ev, 1, -1));
	sigemptyset(&none);
	sigemptyset(&alrm);
	sigaddset(&alrm, SIGALRM);
	sigprocmask(SIG_BLOCK, &alrm, NULL);
	raise(SIGALRM);
	answer("wait.blocked", epoll_wait(wait_ep, &ev, 1, 10));
	answer("wait.pwait", epoll_pwait(wait_ep, &ev, 1, 1000, &none));
	answer("wait.pwait2", syscall(SYS_epoll_pwait2, wait_ep, &ev, 1,
					   &(struct { long long s; long n, pad; }){0, 20000000, 0},
					   NULL, 0));
	(void)brief;
	close(e);
	close(wait_ep);
}

/* Many files, some ready. */
static void test_many(void)
{
	int ep = epoll_create(1), fd[200], got = 0;
	struct epoll_event e[300];

	for (int i = 0; i < 200; i++) {
		fd[i] = eventfd(i % 3 == 0, 0);
		add(ep, fd[i], EPOLLIN, i);
	}
	say("many.ready", "%d", epoll_wait(ep, e, 300, 0));
	for (int i = 0; i < 200; i++)
		got += i % 3 == 0 && e[i / 3].data.u32 == (unsigned)i;
	say("many.in_order", "%d", got);
	for (int i = 0; i < 200; i += 2)
		close(fd[i]);
	say("many.left", "%d", epoll_wait(ep, e, 300, 0));
	close(ep);
	for (int i = 1; i < 200; i += 2)
		close(fd[i]);
}

int main(void)
{
	test_errors();
	test_levels();
	test_close();
	test_nesting();
	test_waiting();
	test_many();
	return test_failed;
}
