/*
 * io_setup(2) to io_destroy(2): what requests answer, what the events say and where they are found,
 * the ring as the program sees it, and what becomes of it.
 */
#include "tests/user/test.h"

#include <linux/aio_abi.h>
#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/uio.h>

#ifndef SYS_io_pgetevents_time64
#define SYS_io_pgetevents_time64 416
#endif

struct ring {
	unsigned id, nr, head, tail, magic, compat, incompat, header;
	struct io_event events[];
};

static unsigned long ctx;

static long setup(unsigned n, unsigned long *id)
{
	return syscall(SYS_io_setup, n, id);
}

static long destroy(unsigned long id)
{
	return syscall(SYS_io_destroy, id);
}

static long submit(struct iocb *cb)
{
	return syscall(SYS_io_submit, ctx, 1, &cb);
}

static long get(long min, long max, struct io_event *e, struct timespec *time)
{
	return syscall(SYS_io_getevents, ctx, min, max, e, time);
}

static struct iocb request(int op, int fd, const void *buf, size_t n, long long offset)
{
	return (struct iocb){.aio_lio_opcode = op,
		.aio_fildes = fd,
		.aio_buf = (unsigned long)buf,
		.aio_nbytes = n,
		.aio_offset = offset,
		.aio_data = 0x1122334455667788,
		.aio_key = 7};
}

/* Submits one request and shows what comes of it. */
static void try_request(const char *name, struct iocb cb)
{
	struct timespec none = {0, 0};
	struct io_event e = {0};
	long n = submit(&cb);

	if (n != 1) {
		answer(name, n);
		return;
	}
	if (cb.aio_lio_opcode == IOCB_CMD_FSYNC || cb.aio_lio_opcode == IOCB_CMD_FDSYNC)
		n = get(1, 1, &e, NULL);
	else
		n = get(1, 1, &e, &none);
	say(name, "%ld event: %lld, %lld, data %llx, obj %d, key %u", n, e.res, e.res2, e.data,
		e.obj == (unsigned long)&cb, cb.aio_key);
}

static void test_contexts(void)
{
	unsigned long id = 0, other = 5;

	show_setting("/proc/sys/fs/aio-max-nr");
	show_setting("/proc/sys/fs/aio-nr");
	answer("setup.0", setup(0, &id));
	answer("setup.used", setup(1, &other));
	answer("setup.pointer", syscall(SYS_io_setup, 1, 4));
	answer("setup.many", setup(65537, &id));
	answer("setup.too.many", setup(0x7fffffff, &id));
	answer("setup", setup(10, &id));
	show_setting("/proc/sys/fs/aio-nr");
	answer("setup.second", setup(65000, &ctx));
	answer("setup.no.more", syscall(SYS_io_setup, 600, (other = 0, &other)));
	show_setting("/proc/sys/fs/aio-nr");
	answer("destroy", destroy(id));
	answer("destroy.again", destroy(id));
	answer("destroy.second", destroy(ctx));
	answer("destroy.0", destroy(0));
	show_setting("/proc/sys/fs/aio-nr");
	answer("max.write", write_setting("/proc/sys/fs/aio-max-nr", "20"));
	ctx = 0;
	answer("max", setup(21, &ctx));
	answer("max.fits", setup(20, &ctx));
	answer("max.again", setup(1, (other = 0, &other)));
	destroy(ctx);
	write_setting("/proc/sys/fs/aio-max-nr", "65536");
	answer("nr.write", write_setting("/proc/sys/fs/aio-nr", "1"));
}

static void test_requests(void)
{
	char buf[64] = "", *volatile bad = (char *)0xc0000000;
	struct iovec v[2] = {{buf, 3}, {buf + 10, 3}};
	int fd = make_file("aio_file", "0123456789", 10), p[2], ro;
	struct iocb cb;

	ctx = 0;
	setup(8, &ctx);
	ro = open("aio_file", O_RDONLY);
	pipe(p);
	try_request("pread", request(IOCB_CMD_PREAD, fd, buf, 4, 3));
	say("pread", "%.4s", buf);
	try_request("pread.end", request(IOCB_CMD_PREAD, fd, buf, 64, 8));
	try_request("pread.beyond", request(IOCB_CMD_PREAD, fd, buf, 64, 80));
	try_request("pwrite", request(IOCB_CMD_PWRITE, fd, "abc", 3, 9));
	try_request("preadv", request(IOCB_CMD_PREADV, fd, v, 2, 7));
	say("preadv", "%.3s %.3s", buf, buf + 10);
	try_request("pwritev", request(IOCB_CMD_PWRITEV, fd, v, 2, 0));
	say("position", "%ld", (long)lseek(fd, 0, SEEK_CUR));
	try_request("fsync", request(IOCB_CMD_FSYNC, fd, NULL, 0, 0));
	try_request("fdsync", request(IOCB_CMD_FDSYNC, fd, NULL, 0, 0));
	try_request("fsync.args", request(IOCB_CMD_FSYNC, fd, NULL, 1, 0));
	try_request("fsync.pipe", request(IOCB_CMD_FSYNC, p[0], NULL, 0, 0));
	try_request("noop", request(6, fd, NULL, 0, 0));
	try_request("opcode", request(77, fd, NULL, 0, 0));
	try_request("pwrite.readonly", request(IOCB_CMD_PWRITE, ro, "abc", 3, 9));
	try_request("closed", request(IOCB_CMD_PREAD, 999, buf, 3, 0));
	try_request("path", request(IOCB_CMD_PREAD, open("aio_file", O_PATH), buf, 3, 0));
	try_request("directory", request(IOCB_CMD_PREAD, open(".", O_RDONLY), buf, 3, 0));
	try_request("negative", request(IOCB_CMD_PREAD, fd, buf, 3, -1));
	try_request("negative.v", request(IOCB_CMD_PREADV, fd, v, 2, -1));
	try_request("bad", request(IOCB_CMD_PREAD, fd, bad, 3, 0));
	try_request("bad.page", request(IOCB_CMD_PREAD, fd, (char *)8, 3, 0));
	try_request("bad.vector", request(IOCB_CMD_PREADV, fd, (char *)8, 3, 0));
	try_request("empty", request(IOCB_CMD_PREAD, fd, buf, 0, 0));
	try_request("huge", request(IOCB_CMD_PREAD, fd, buf, 0x80000000, 0));
	try_request("pipe.write", request(IOCB_CMD_PWRITE, p[1], "pipe", 4, 0));
	try_request("pipe.read", request(IOCB_CMD_PREAD, p[0], buf, 64, 0));
	fcntl(p[0], F_SETFL, O_NONBLOCK);
	try_request("pipe.empty", request(IOCB_CMD_PREAD, p[0], buf, 64, 0));
	try_request("null", request(IOCB_CMD_PWRITE, open("/dev/null", O_WRONLY), "x", 1, 0));
	cb = request(IOCB_CMD_PREAD, fd, buf, 4, 3);
	cb.aio_reserved2 = 1;
	try_request("reserved", cb);
	cb = request(IOCB_CMD_PREAD, fd, buf, 4, 3);
	cb.aio_buf |= 1ull << 32;
	try_request("wide", cb);
	cb = request(IOCB_CMD_PREAD, fd, buf, 4, 3);
	cb.aio_rw_flags = 0x1000;
	try_request("rw_flags", cb);
	cb = request(IOCB_CMD_PREAD, fd, buf, 4, 3);
	cb.aio_flags = 2;
	cb.aio_reqprio = 2 << 13 | 9;
	try_request("ioprio", cb);
	cb.aio_reqprio = 2 << 13 | 3;
	try_request("ioprio.good", cb);
	destroy(ctx);
	close(p[0]);
	close(p[1]);
	close(ro);
	close(fd);
}

static void test_submitting(void)
{
	char buf[64];
	int fd = make_file("aio_file", "0123456789", 10);
	struct iocb good = request(IOCB_CMD_PREAD, fd, buf, 4, 3), wrong = good, *list[4];
	struct io_event e[4];
	long n, total = 0;

	wrong.aio_lio_opcode = 99;
	ctx = 0;
	setup(8, &ctx);
	answer("submit.none", syscall(SYS_io_submit, ctx, 0, list));
	answer("submit.negative", syscall(SYS_io_submit, ctx, -1, list));
	answer("submit.context", syscall(SYS_io_submit, 77, 1, list));
	answer("submit.pointer", syscall(SYS_io_submit, ctx, 1, 4));
	list[0] = (struct iocb *)4;
	answer("submit.iocb", syscall(SYS_io_submit, ctx, 1, list));
	list[0] = list[1] = &good;
	list[2] = &wrong;
	list[3] = &good;
	answer("submit.third.wrong", syscall(SYS_io_submit, ctx, 4, list));
	answer("submit.events", get(0, 4, e, NULL));
	answer("cancel", syscall(SYS_io_cancel, ctx, &good, e));
	answer("cancel.pointer", syscall(SYS_io_cancel, ctx, 4, e));
	do {
		n = submit(&good);
		total += n == 1;
	} while (n == 1 && total < 1000);
	answer("submit.full", n);
	check("submit.many", total >= 8 && total < 1000);
	answer("submit.full.taken", get(4, 4, e, NULL));
	while (get(1, 4, e, (struct timespec[]){{0, 0}}) > 0)
		;
	answer("submit.room", submit(&good));
	destroy(ctx);
	close(fd);
}

static void *submit_later(void *cb)
{
	usleep(20000);
	if (submit(cb) != 1)
		die("submit");
	return NULL;
}

static void *destroy_later(void *arg)
{
	usleep(20000);
	destroy(ctx);
	return arg;
}

static void on_alarm(int sig)
{
}

static void test_getting(void)
{
	char buf[64];
	int fd = make_file("aio_file", "0123456789", 10);
	struct iocb cb = request(IOCB_CMD_PREAD, fd, buf, 4, 3);
	struct timespec none = {0, 0}, soon = {0, 10000000};
	struct itimerval timer = {{0, 0}, {0, 20000}};
	struct io_event e[4];
	sigset_t set;
	struct {
		void *set;
		size_t size;
	} sig = {&set, 8};
	pthread_t t;

	ctx = 0;
	setup(8, &ctx);
	answer("get.none", get(0, 4, e, NULL));
	answer("get.now", get(1, 4, e, &none));
	answer("get.soon", get(1, 4, e, &soon));
	answer("get.order", get(3, 2, e, &none));
	answer("get.negative", get(-1, 2, e, &none));
	answer("get.context", syscall(SYS_io_getevents, 77, 0, 1, e, &none));
	answer("get.time", get(1, 2, e, (struct timespec *)4));
	pthread_create(&t, NULL, submit_later, &cb);
	answer("get.wait", get(1, 4, e, NULL));
	pthread_join(t, NULL);
	submit(&cb);
	answer("get.pointer", get(1, 4, (struct io_event *)4, &none));
	answer("get.still.there", get(1, 4, e, &none));
	submit(&cb);
	submit(&cb);
	answer("get.half",
		get(1, 4, (struct io_event *)(map_anon(PAGE) + PAGE - sizeof(*e)), &none));
	answer("get.other.half", get(0, 4, e, &none));

	sigaction(
		SIGALRM, &(struct sigaction){.sa_handler = on_alarm, .sa_flags = SA_RESTART}, NULL);
	setitimer(ITIMER_REAL, &timer, NULL);
	answer("get.signal", get(1, 4, e, NULL));
	sigemptyset(&set);
	answer("pget.now", syscall(SYS_io_pgetevents, ctx, 1, 4, e, &none, &sig));
	answer("pget.size", syscall(SYS_io_pgetevents, ctx, 1, 4, e, &none, (sig.size = 4, &sig)));
	answer("pget.pointer", syscall(SYS_io_pgetevents, ctx, 1, 4, e, &none, 4));
	answer("pget.no.set", syscall(SYS_io_pgetevents, ctx, 1, 4, e, &none, NULL));
	sig.size = 8;
	sigaddset(&set, SIGALRM);
	sigprocmask(SIG_BLOCK, &set, NULL);
	raise(SIGALRM);
	sigemptyset(&set);
	answer("pget.signal", syscall(SYS_io_pgetevents, ctx, 1, 4, e, NULL, &sig));
	long long wide[2] = {0, 0};

	answer("pget.64", syscall(SYS_io_pgetevents_time64, ctx, 0, 4, e, wide, NULL));
	pthread_create(&t, NULL, destroy_later, NULL);
	answer("get.destroyed", get(1, 4, e, NULL));
	pthread_join(t, NULL);
	answer("get.gone", get(0, 4, e, NULL));
	close(fd);
}

static void test_eventfd(void)
{
	char buf[64];
	int fd = make_file("aio_file", "0123456789", 10), ev = eventfd(0, EFD_NONBLOCK);
	struct iocb cb = request(IOCB_CMD_PREAD, fd, buf, 4, 3);
	struct pollfd p = {ev, POLLIN, 0};
	uint64_t count = 0;

	ctx = 0;
	setup(8, &ctx);
	cb.aio_flags = IOCB_FLAG_RESFD;
	cb.aio_resfd = ev;
	answer("resfd.submit", submit(&cb));
	answer("resfd.submit", submit(&cb));
	answer("resfd.poll", poll(&p, 1, 0));
	answer("resfd.read", read(ev, &count, sizeof(count)));
	say("resfd.count", "%llu", (unsigned long long)count);
	cb.aio_resfd = fd;
	answer("resfd.file", submit(&cb));
	cb.aio_resfd = 999;
	answer("resfd.closed", submit(&cb));
	destroy(ctx);
	close(fd);
	close(ev);
}

static void show_map(const char *name, unsigned long at)
{
	FILE *maps = fopen("/proc/self/maps", "re");
	unsigned long start, end;
	char line[256], perms[8];
	int path = 0;

	while (fgets(line, sizeof(line), maps))
		if (sscanf(line, "%lx-%lx %7s %*s %*s %*s %n", &start, &end, perms, &path) >= 3 &&
			start == at)
			say(name, "%lu pages %s %.*s", (end - start) / PAGE, perms,
				(int)strcspn(line + path, "\n"), line + path);
	fclose(maps);
}

static void child(void)
{
	struct io_event e;

	say("ring.child", "magic %x", ((struct ring *)ctx)->magic);
	answer("ring.child.get", get(0, 1, &e, NULL));
	answer("ring.child.destroy", destroy(ctx));
}

/* What libaio's io_getevents() does, and what the kernel then makes of the ring. */
static void test_ring(void)
{
	char buf[64];
	int fd = make_file("aio_file", "0123456789", 10);
	struct iocb cb = request(IOCB_CMD_PREAD, fd, buf, 4, 3);
	struct timespec none = {0, 0};
	struct io_event e[4];
	struct ring *r;
	void *to = FREE_AREA;

	ctx = 0;
	setup(100, &ctx);
	r = (struct ring *)ctx;
	say("ring", "nr %u head %u tail %u magic %x compat %u %u header %u", r->nr, r->head,
		r->tail, r->magic, r->compat, r->incompat, r->header);
	show_map("ring.map", ctx);
	submit(&cb);
	cb.aio_nbytes = 5;
	submit(&cb);
	say("ring.submitted", "head %u tail %u: %lld %lld", r->head, r->tail, r->events[0].res,
		r->events[1].res);
	r->head = 1;
	answer("ring.get", get(0, 4, e, &none));
	say("ring.got", "head %u tail %u: %lld", r->head, r->tail, e[0].res);
	answer_status("ring.fork", in_child(child));
	answer_ptr("ring.grow", mremap(r, 2 * PAGE, 4 * PAGE, MREMAP_MAYMOVE));
	answer_ptr("ring.move", mremap(r, 2 * PAGE, 2 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, to));
	answer("ring.old", submit(&cb));
	ctx = (unsigned long)to;
	answer("ring.new", submit(&cb));
	say("ring.moved", "tail %u", ((struct ring *)ctx)->tail);
	answer("ring.new.get", get(1, 4, e, &none));
	((struct ring *)ctx)->head = 0xffffffff;
	answer("ring.nonsense", submit(&cb));
	answer("ring.protect", mprotect(to, PAGE, PROT_READ));
	answer("ring.protected", submit(&cb));
	answer("ring.destroy", destroy(ctx));
	say("ring.gone", "%s", try_read(to));
	close(fd);
}

static void leave_behind(void)
{
	unsigned long id = 0;

	answer("left.setup", setup(1000, &id));
	show_setting("/proc/sys/fs/aio-nr");
}

int main(void)
{
	test_contexts();
	test_requests();
	test_submitting();
	test_getting();
	test_eventfd();
	test_ring();
	answer_status("left", in_child(leave_behind));
	show_setting("/proc/sys/fs/aio-nr");
	return test_failed;
}
