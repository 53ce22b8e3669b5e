/* Pipes and fifos against a model: contents, atomic writes, ends, resizing, blocking. */
#include "kernel/abi/poll.h"
#include "kernel/core/kthread.h"
#include "kernel/core/selftest.h"
#include "kernel/fs/kpath.h"
#include "kernel/fs/vfs.h"
#include "kernel/lib/string.h"

static u8 buffer[65536 + 4096];

/* The bytes that go through every pipe here: position n holds stream(n). */
static u8 stream(u32 n)
{
	return (u8)(n ^ n >> 8 ^ n >> 16);
}

static ssize_k put(struct file *f, u32 at, size_t n)
{
	struct iobuf from = iobuf_kernel(buffer);

	for (u32 i = 0; i < n; i++)
		buffer[i] = stream(at + i);
	return file_write(f, &from, n, NULL);
}

/* Reads up to n bytes; they must be the stream's from `at` on. */
static ssize_k get(struct file *f, u32 at, size_t n)
{
	struct iobuf to = iobuf_kernel(buffer);
	ssize_k got = file_read(f, &to, n, NULL);

	for (ssize_k i = 0; i < got; i++) {
		if (buffer[i] == stream(at + (u32)i))
			continue;
		ktest_fail(__FILE__, __LINE__, "byte %u is wrong", at + (u32)i);
		break;
	}
	return got;
}

static bool make(struct file *ends[2])
{
	return pipe_create(ends, O_NONBLOCK) == 0;
}

static void drop(struct file *ends[2])
{
	file_put(ends[0]);
	file_put(ends[1]);
}

static u32 ready(struct file *f)
{
	return f->ops->poll(f, NULL);
}

KTEST(pipe, capacity_and_atomicity)
{
	struct file *p[2];

	KREQUIRE(make(p));
	KEXPECT_EQ(get(p[0], 0, 1), -EAGAIN);
	KEXPECT_EQ(put(p[1], 0, 65536 + 1), 65536);
	KEXPECT_EQ(put(p[1], 0, 1), -EAGAIN);
	KEXPECT_EQ(get(p[0], 0, 100), 100);
	KEXPECT_EQ(put(p[1], 65536, 101), -EAGAIN); /* up to PIPE_BUF: all or nothing */
	KEXPECT_EQ(put(p[1], 65536, 100), 100);
	KEXPECT_EQ(get(p[0], 100, 8192), 8192);
	KEXPECT_EQ(put(p[1], 65636, 10000), 8192); /* more: as much as there is room */
	KEXPECT_EQ(get(p[0], 8292, 65536), 65536);
	KEXPECT_EQ(get(p[0], 0, 1), -EAGAIN);
	drop(p);
}

/* Random sizes; the ring wraps at every offset. */
KTEST(pipe, random_stream)
{
	u32 head = 0, tail = 0;
	struct file *p[2];

	KREQUIRE(make(p));
	for (u32 round = 0; round < 4000; round++) {
		u32 shift = ktest_random() % 17;
		u32 n = ktest_random() % (1u << shift) + 1;
		u32 used = head - tail, room = 65536 - used;
		ssize_k done;

		if (ktest_random() % 2) {
			done = put(p[1], head, n);
			if (!room || (n <= ABI_PIPE_BUF && n > room))
				KEXPECT_EQ(done, -EAGAIN);
			else
				KEXPECT_EQ(done, MIN(n, room));
			head += done > 0 ? (u32)done : 0;
		} else {
			done = get(p[0], tail, n);
			KEXPECT_EQ(done, used ? (ssize_k)MIN(n, used) : -EAGAIN);
			tail += done > 0 ? (u32)done : 0;
		}
	}
	drop(p);
}

KTEST(pipe, ends)
{
	struct file *p[2];

	KREQUIRE(make(p));
	KEXPECT_EQ(ready(p[0]), 0);
	KEXPECT_EQ(ready(p[1]), POLLOUT | POLLWRNORM);
	KEXPECT_EQ(put(p[1], 0, 10), 10);
	KEXPECT_EQ(ready(p[0]), POLLIN | POLLRDNORM);
	file_put(p[1]);
	KEXPECT_EQ(ready(p[0]), POLLIN | POLLRDNORM | POLLHUP);
	KEXPECT_EQ(get(p[0], 0, 20), 10);
	KEXPECT_EQ(get(p[0], 0, 20), 0);
	file_put(p[0]);

	KREQUIRE(make(p));
	KEXPECT_EQ(put(p[1], 0, 5), 5);
	file_put(p[0]);
	KEXPECT_EQ(put(p[1], 0, 5), -EPIPE);
	KEXPECT(ready(p[1]) & POLLERR);
	file_put(p[1]);
}

KTEST(pipe, poll_says_when_pipe_buf_fits)
{
	struct file *p[2];

	KREQUIRE(make(p));
	KEXPECT_EQ(put(p[1], 0, 65536 - 4096), 65536 - 4096);
	KEXPECT(ready(p[1]) & POLLOUT);
	KEXPECT_EQ(put(p[1], 61440, 1), 1);
	KEXPECT(!(ready(p[1]) & POLLOUT));
	KEXPECT_EQ(get(p[0], 0, 1), 1);
	KEXPECT(ready(p[1]) & POLLOUT);
	drop(p);
}

KTEST(pipe, wrong_end)
{
	struct file *p[2];

	KREQUIRE(make(p));
	KEXPECT_EQ(get(p[1], 0, 1), -EBADF);
	KEXPECT_EQ(put(p[0], 0, 1), -EBADF);
	KEXPECT(!p[0]->ops->seek);
	KEXPECT(!p[0]->backing.object);
	drop(p);
}

KTEST(pipe, resize)
{
	struct file *p[2];

	KREQUIRE(make(p));
	KEXPECT_EQ(pipe_capacity(p[0]), 65536);
	KEXPECT_EQ(put(p[1], 0, 60000), 60000);
	KEXPECT_EQ(get(p[0], 0, 50001), 50001);
	KEXPECT_EQ(put(p[1], 60000, 2500), 2500); /* 12499 bytes, across the end of the ring */
	KEXPECT_EQ(pipe_resize(p[0], 8192), -EBUSY);
	KEXPECT_EQ(pipe_resize(p[0], 12500), 16384);
	KEXPECT_EQ(put(p[1], 62500, 4096), -EAGAIN);
	KEXPECT_EQ(pipe_resize(p[0], 1 << 20), 1 << 20);
	KEXPECT_EQ(put(p[1], 62500, 65536), 65536);
	KEXPECT_EQ(get(p[0], 50001, 12499 + 4096), 12499 + 4096);
	KEXPECT_EQ(get(p[0], 62500 + 4096, 65536), 65536 - 4096);
	KEXPECT_EQ(pipe_resize(p[0], 0), 4096);
	KEXPECT_EQ(put(p[1], 0, 5000), 4096);
	KEXPECT_EQ(pipe_resize(p[0], (1u << 31) + 1), -EINVAL);
	drop(p);
}

/* --- Two threads --- */

#define LONG_STREAM (1u << 20)

static void write_stream(void *arg)
{
	static u8 chunk[9000];
	struct file *f = arg;
	u32 at = 0, n;

	while (at < LONG_STREAM) {
		struct iobuf from = iobuf_kernel(chunk);

		n = MIN(LONG_STREAM - at, at % sizeof(chunk) + 1);
		for (u32 i = 0; i < n; i++)
			chunk[i] = stream(at + i);
		if (file_write(f, &from, n, NULL) != (ssize_k)n)
			break;
		at += n;
	}
	file_put(f);
}

KTEST(pipe, blocking)
{
	struct thread *writer;
	struct file *p[2];
	ssize_k got;
	u32 at = 0;

	KREQUIRE(pipe_create(p, 0) == 0);
	writer = kthread_create("writer", write_stream, p[1]);
	KREQUIRE(writer);
	while ((got = get(p[0], at, at % 5000 + 1)) > 0)
		at += (u32)got;
	KEXPECT_EQ(got, 0);
	KEXPECT_EQ(at, LONG_STREAM);
	file_put(p[0]);
	kthread_join(writer);
}

/* --- Fifos --- */

KTEST(pipe, fifo)
{
	struct file *r, *w;

	KREQUIRE(kpath_create("/fifo", S_IFIFO | 0600, 0, NULL, NULL) == 0);
	w = file_open("/fifo", O_WRONLY | O_NONBLOCK, 0);
	KEXPECT_EQ(ptr_err(w), -ENXIO); /* nobody reads */
	r = file_open("/fifo", O_RDONLY | O_NONBLOCK, 0);
	KREQUIRE(!is_err(r));
	KEXPECT_EQ(get(r, 0, 1), 0);
	KEXPECT_EQ(ready(r), 0); /* nobody has hung up yet */
	w = file_open("/fifo", O_WRONLY | O_NONBLOCK, 0);
	KREQUIRE(!is_err(w));
	KEXPECT_EQ(put(w, 0, 3000), 3000);
	file_put(w);
	KEXPECT(ready(r) & POLLHUP);
	KEXPECT_EQ(get(r, 0, 4000), 3000);
	KEXPECT_EQ(get(r, 0, 1), 0);
	file_put(r);
	w = file_open("/fifo", O_RDWR, 0);
	KREQUIRE(!is_err(w));
	KEXPECT_EQ(put(w, 0, 7), 7);
	KEXPECT_EQ(get(w, 0, 7), 7);
	file_put(w);
	KEXPECT_EQ(kpath_remove("/fifo"), 0);
}
