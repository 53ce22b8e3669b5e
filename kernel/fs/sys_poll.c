/* System calls that wait for files: poll, ppoll, select, pselect6, with both sizes of time. */
#include "kernel/fs/poll.h"
#include "kernel/fs/timeout.h"
#include "kernel/fs/vfs.h"
#include "kernel/proc/task.h"
#include "kernel/syscalls.h"
#include "kernel/x86/uaccess.h"
#include "mm/kmalloc.h"

#define FEW 8u

static long wait_items(struct poll_item *items, u32 n, u64 deadline)
{
	long ret = poll_items(items, n, deadline);

	return ret == -EINTR ? -ERESTARTNOHAND : ret;
}

/* --- poll --- */

/* The user's array and the items made from it, in one block. */
struct poll_call {
	u32 n;
	struct abi_pollfd *fds;
	struct poll_item *items;
	void *block; /* NULL: the arrays below */
	struct abi_pollfd few_fds[FEW];
	struct poll_item few_items[FEW];
};

static int poll_call_get(struct poll_call *c, uptr_t user, u32 n)
{
	if ((u64)n > current_process()->rlimit[RLIMIT_NOFILE].cur || n > 1u << 20)
		return -EINVAL;
	c->n = n;
	c->fds = c->few_fds;
	c->items = c->few_items;
	c->block = NULL;
	if (n > FEW) {
		c->block = kmalloc(n * (sizeof(struct abi_pollfd) + sizeof(struct poll_item)));
		if (!c->block)
			return -ENOMEM;
		c->items = c->block;
		c->fds = (struct abi_pollfd *)(c->items + n);
	}
	if (copy_from_user(c->fds, user, n * sizeof(struct abi_pollfd))) {
		kfree(c->block);
		return -EFAULT;
	}
	return 0;
}

/* References every file. Returns how many descriptors are not open: they are ready at once. */
static u32 take_files(struct poll_call *c)
{
	struct abi_pollfd *fd = c->fds;
	u32 invalid = 0;

	for (struct poll_item *it = c->items; it < c->items + c->n; it++, fd++) {
		*it = (struct poll_item){.events = fd->events | POLLERR | POLLHUP};
		fd->revents = 0;
		if (fd->fd < 0)
			continue;
		it->f = fget((u32)fd->fd);
		if (!it->f) {
			fd->revents = POLLNVAL;
			invalid++;
		}
	}
	return invalid;
}

static void drop_files(struct poll_item *items, u32 n)
{
	for (u32 i = 0; i < n; i++)
		file_put(items[i].f);
}

static int put_revents(const struct poll_call *c, uptr_t user)
{
	struct abi_pollfd *to = (struct abi_pollfd *)user.va;

	if (!user_access_begin(user, c->n * sizeof(*to)))
		return -EFAULT;
	for (u32 i = 0; i < c->n; i++)
		put_user_half(&to[i].revents, c->fds[i].revents | c->items[i].revents, fault);
	user_access_end();
	return 0;
fault:
	user_access_end();
	return -EFAULT;
}

static long do_poll(uptr_t user, u32 n, u64 deadline)
{
	struct poll_call c;
	long ready;
	u32 invalid;
	int err = poll_call_get(&c, user, n);

	if (err)
		return err;
	invalid = take_files(&c);
	ready = wait_items(c.items, n, invalid ? 0 : deadline);
	drop_files(c.items, n);
	if (ready >= 0) {
		ready += invalid;
		if (put_revents(&c, user))
			ready = -EFAULT;
	}
	kfree(c.block);
	return ready;
}

long sys_poll(uptr_t fds, u32 n, s32 ms)
{
	struct timeout t = {.forever = ms < 0, .ns = (u64)MAX(ms, 0) * 1000000};

	timeout_start(&t);
	return do_poll(fds, n, t.deadline);
}

static long do_ppoll(uptr_t fds, u32 n, uptr_t time, enum time_kind kind, uptr_t mask, u32 size)
{
	struct timeout t;
	long ret = timeout_get(&t, time, kind);

	if (!ret)
		ret = sigmask_enter(mask, size);
	if (ret)
		return ret;
	ret = do_poll(fds, n, t.deadline);
	sigmask_leave(ret == -ERESTARTNOHAND);
	timeout_put_left(&t, time, kind);
	return ret;
}

long sys_ppoll(uptr_t fds, u32 n, uptr_t time, uptr_t mask, u32 size)
{
	return do_ppoll(fds, n, time, TIMESPEC32, mask, size);
}

long sys_ppoll_time64(uptr_t fds, u32 n, uptr_t time, uptr_t mask, u32 size)
{
	return do_ppoll(fds, n, time, TIMESPEC64, mask, size);
}

/* --- select --- */

#define SELECT_IN  (POLLIN | POLLRDNORM | POLLRDBAND | POLLHUP | POLLERR)
#define SELECT_OUT (POLLOUT | POLLWRNORM | POLLWRBAND | POLLERR)
#define SELECT_EX  POLLPRI

static const u32 select_events[3] = {SELECT_IN, SELECT_OUT, SELECT_EX};

/* The three sets (in, out, exceptional), and an item for each descriptor that is in one. */
struct select_call {
	u32 n, words;
	uptr_t user[3];
	u32 *want[3], *got[3]; /* bitmaps of `words` each, all in `block` */
	u32 *fd;	       /* descriptor of each item */
	struct poll_item *items;
	u32 nr_items;
	void *block;
};

static bool bit_test(const u32 *map, u32 i)
{
	return map[i / 32] >> (i % 32) & 1;
}

static int select_call_get(struct select_call *c, u32 n, const uptr_t user[3])
{
	u32 *bits;

	if ((s32)n < 0)
		return -EINVAL;
	n = MIN(n, files_capacity()); /* what lies beyond is not even read */
	*c = (struct select_call){.n = n, .words = (n + 31) / 32};
	c->block = kzalloc(
		n * (sizeof(struct poll_item) + sizeof(u32)) + 6 * c->words * sizeof(u32) + 1);
	if (!c->block)
		return -ENOMEM;
	c->items = c->block;
	c->fd = (u32 *)(c->items + n);
	bits = c->fd + n;
	for (u32 i = 0; i < 3; i++) {
		c->user[i] = user[i];
		c->want[i] = bits + 2 * i * c->words;
		c->got[i] = c->want[i] + c->words;
		if (user[i].va && copy_from_user(c->want[i], user[i], c->words * sizeof(u32))) {
			kfree(c->block);
			return -EFAULT;
		}
	}
	return 0;
}

/* -EBADF when one of the descriptors is not open. */
static int select_take_files(struct select_call *c)
{
	for (u32 fd = 0; fd < c->n; fd++) {
		u32 events = 0;
		struct file *f;

		for (u32 i = 0; i < 3; i++)
			if (bit_test(c->want[i], fd))
				events |= select_events[i];
		if (!events)
			continue;
		f = fget_raw(fd);
		if (!f)
			return -EBADF;
		c->fd[c->nr_items] = fd;
		c->items[c->nr_items++] = (struct poll_item){.f = f, .events = events};
	}
	return 0;
}

/* Turns revents into the result sets; returns the number of bits. */
static long select_collect(struct select_call *c)
{
	long count = 0;

	for (u32 k = 0; k < c->nr_items; k++) {
		u32 fd = c->fd[k];

		for (u32 i = 0; i < 3; i++) {
			if (!bit_test(c->want[i], fd) || !(c->items[k].revents & select_events[i]))
				continue;
			c->got[i][fd / 32] |= 1u << (fd % 32);
			count++;
		}
	}
	return count;
}

static int select_put(const struct select_call *c)
{
	for (u32 i = 0; i < 3; i++)
		if (c->user[i].va && copy_to_user(c->user[i], c->got[i], c->words * sizeof(u32)))
			return -EFAULT;
	return 0;
}

static long do_select(u32 n, const uptr_t user[3], u64 deadline)
{
	struct select_call c;
	long ret = select_call_get(&c, n, user);

	if (ret)
		return ret;
	ret = select_take_files(&c);
	if (!ret)
		ret = wait_items(c.items, c.nr_items, deadline);
	drop_files(c.items, c.nr_items);
	if (ret >= 0) {
		ret = select_collect(&c);
		if (select_put(&c))
			ret = -EFAULT;
	}
	kfree(c.block);
	return ret;
}

long sys__newselect(u32 n, uptr_t in, uptr_t out, uptr_t ex, uptr_t time)
{
	const uptr_t user[3] = {in, out, ex};
	struct timeout t;
	long ret = timeout_get(&t, time, TIMEVAL32);

	if (ret)
		return ret;
	ret = do_select(n, user, t.deadline);
	timeout_put_left(&t, time, TIMEVAL32);
	return ret;
}

long sys_select(uptr_t args)
{
	struct abi_sel_arg a;

	if (copy_from_user(&a, args, sizeof(a)))
		return -EFAULT;
	return sys__newselect(a.n, UPTR(a.inp), UPTR(a.outp), UPTR(a.exp), UPTR(a.tvp));
}

static long do_pselect(
	u32 n, const uptr_t user[3], uptr_t time, enum time_kind kind, uptr_t mask_arg)
{
	struct abi_sigset_arg a = {0, 0};
	struct timeout t;
	long ret = timeout_get(&t, time, kind);

	if (!ret && mask_arg.va && copy_from_user(&a, mask_arg, sizeof(a)))
		ret = -EFAULT;
	if (!ret)
		ret = sigmask_enter(UPTR(a.set), a.size);
	if (ret)
		return ret;
	ret = do_select(n, user, t.deadline);
	sigmask_leave(ret == -ERESTARTNOHAND);
	timeout_put_left(&t, time, kind);
	return ret;
}

long sys_pselect6(u32 n, uptr_t in, uptr_t out, uptr_t ex, uptr_t time, uptr_t mask)
{
	const uptr_t user[3] = {in, out, ex};

	return do_pselect(n, user, time, TIMESPEC32, mask);
}

long sys_pselect6_time64(u32 n, uptr_t in, uptr_t out, uptr_t ex, uptr_t time, uptr_t mask)
{
	const uptr_t user[3] = {in, out, ex};

	return do_pselect(n, user, time, TIMESPEC64, mask);
}
