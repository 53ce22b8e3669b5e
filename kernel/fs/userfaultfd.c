/*
 * userfaultfd(2): the file through which a program hears of pages that it misses, and fills them.
 * What happens then is mm/userfault.h; here are the descriptor and its ioctls, with Linux 6.1's
 * checks in Linux's order.
 */
#include "kernel/abi/prctl.h"
#include "kernel/abi/userfaultfd.h"
#include "kernel/fs/poll.h"
#include "kernel/fs/text.h"
#include "kernel/fs/vfs.h"
#include "kernel/proc/task.h"
#include "kernel/syscalls.h"
#include "kernel/x86/uaccess.h"
#include "mm/userfault.h"

#define KIND "anon_inode:[userfaultfd]"

u32 unprivileged_userfaultfd;

/* --- Messages --- */

static const struct file_ops userfaultfd_ops;

/* A descriptor for the child's memory, whose number goes into the message. */
static long answer_fork(struct userfault *u, struct userfault_message *fork, struct abi_uffd_msg *m)
{
	struct files *files = current_task()->files;
	struct userfault *child = fork->child;
	long fd = files_reserve(files, 0, child->flags & O_CLOEXEC);
	struct file *f = err_ptr(fd);

	if (fd >= 0)
		f = anon_file_create(KIND, child->flags & O_NONBLOCK, &userfaultfd_ops, child);
	if (!is_err(f))
		files_fill(files, (u32)fd, f);
	else if (fd >= 0)
		files_unreserve(files, (u32)fd);
	userfault_forked(u, fork, !is_err(f));
	m->fork.ufd = (u32)fd;
	return is_err(f) ? ptr_err(f) : 0;
}

static long next_message(struct userfault *u, bool wait, struct abi_uffd_msg *m)
{
	struct userfault_message *fork;

	while (!userfault_take(u, m, &fork)) {
		if (!wait)
			return -EAGAIN;
		if (wait_event_interruptible(&u->readers, userfault_ready(u)))
			return -ERESTARTSYS;
	}
	return fork ? answer_fork(u, fork, m) : 0;
}

/* As many as there are and fit; waits only for the first. */
static ssize_k userfaultfd_read(struct file *f, struct iobuf *to, size_t n, u64 *pos)
{
	struct userfault *u = f->private;
	struct abi_uffd_msg m;
	size_t done = 0;
	long err = 0;

	if (!u->features || n < sizeof(m))
		return -EINVAL;
	for (; n - done >= sizeof(m) && !err; done += err ? 0 : sizeof(m)) {
		err = next_message(u, !done && !(f->flags & O_NONBLOCK), &m);
		if (!err && iobuf_put(to, &m, sizeof(m)))
			err = -EFAULT;
	}
	return done ? (ssize_k)done : err;
}

static u32 userfaultfd_poll(struct file *f, struct poll_table *pt)
{
	struct userfault *u = f->private;

	poll_wait(pt, &u->readers);
	if (!u->features || !(f->flags & O_NONBLOCK))
		return POLLERR; /* a reader that cannot wait elsewhere would miss who gives up */
	return userfault_ready(u) ? POLLIN : 0;
}

static void userfaultfd_release(struct file *f)
{
	userfault_close(f->private);
}

static u32 list_length(const struct list_head *list)
{
	const struct list_head *at;
	u32 n = 0;

	for (at = list->next; at != list; at = at->next)
		n++;
	return n;
}

static void userfaultfd_show(struct file *f, struct text *t)
{
	struct userfault *u = f->private;
	u32 pending, told;

	spin_lock(&u->lock);
	pending = list_length(&u->unread);
	told = list_length(&u->told);
	spin_unlock(&u->lock);
	text_printf(t, "pending:\t%u\ntotal:\t%u\nAPI:\t%llx:%x:%llx\n", pending, pending + told,
		UFFD_API, u->features, UFFD_API_ALL_IOCTLS);
}

/* --- The ioctls --- */

static long check_features(const struct abi_uffdio_api *a)
{
	if (a->api != UFFD_API)
		return -EINVAL;
	if ((a->features & UFFD_FEATURE_EVENT_FORK) && !capable(CAP_SYS_PTRACE))
		return -EPERM;
	return a->features & ~(u64)UFFD_API_FEATURES ? -EINVAL : 0;
}

/* Once: false when it was done before. */
static bool set_features(struct userfault *u, u32 features)
{
	bool first;

	spin_lock(&u->lock);
	first = !u->features;
	if (first)
		u->features = features | UFFD_FEATURE_INITIALIZED;
	spin_unlock(&u->lock);
	return first;
}

static long ioctl_api(struct userfault *u, uptr_t arg)
{
	struct abi_uffdio_api a, answer = {UFFD_API, UFFD_API_FEATURES, UFFD_API_IOCTLS};
	long err;

	if (copy_from_user(&a, arg, sizeof(a)))
		return -EFAULT;
	err = check_features(&a);
	if (!err && !set_features(u, (u32)a.features))
		err = -EINVAL;
	if (err)
		answer = (struct abi_uffdio_api){0};
	return copy_to_user(arg, &answer, sizeof(answer)) ? -EFAULT : err;
}

static long check_range(u64 start, u64 len)
{
	if (!IS_ALIGNED(start | len, PAGE_SIZE) || !len)
		return -EINVAL;
	return start >= USER_TOP || len > USER_TOP - start ? -EINVAL : 0;
}

static long ioctl_register(struct userfault *u, uptr_t arg)
{
	struct abi_uffdio_register r;
	bool huge;
	long err;

	if (copy_from_user(&r, arg, offsetof(struct abi_uffdio_register, ioctls)))
		return -EFAULT;
	if (r.mode != UFFDIO_REGISTER_MODE_MISSING)
		return -EINVAL; /* or a mode that wants bits which 32-bit page tables lack */
	err = check_range(r.range.start, r.range.len);
	if (!err)
		err = userfault_register(u, (vaddr_t)r.range.start, (u32)r.range.len, &huge);
	if (err)
		return err;
	r.ioctls = huge ? UFFD_API_RANGE_IOCTLS_BASIC : UFFD_API_RANGE_IOCTLS;
	return copy_to_user(arg, &r, sizeof(r)) ? -EFAULT : 0;
}

static long get_range(struct abi_uffdio_range *r, uptr_t arg)
{
	return copy_from_user(r, arg, sizeof(*r)) ? -EFAULT : check_range(r->start, r->len);
}

static long ioctl_unregister(struct userfault *u, uptr_t arg)
{
	struct abi_uffdio_range r;
	long err = get_range(&r, arg);

	return err ? err : userfault_unregister(u, (vaddr_t)r.start, (u32)r.len);
}

static long ioctl_wake(struct userfault *u, uptr_t arg)
{
	struct abi_uffdio_range r;
	long err = get_range(&r, arg);

	if (!err)
		userfault_wake(u, (vaddr_t)r.start, (u32)r.len);
	return err;
}

static long put_answer(uptr_t to, s64 result)
{
	return copy_to_user(to, &result, sizeof(result)) ? -EFAULT : 0;
}

/* Fills, says in the last field how much, and wakes who waits for it. */
static long fill(struct userfault *u, const struct abi_uffdio_copy *c, enum userfault_fill how,
	uptr_t answer)
{
	long n = userfault_fill(u, (vaddr_t)c->dst, (u32)c->len, UPTR((u32)c->src), how);

	if (n == -ESRCH)
		return n;
	if (put_answer(answer, n))
		return -EFAULT;
	if (n < 0)
		return n;
	if (!(c->mode & UFFDIO_COPY_MODE_DONTWAKE))
		userfault_wake(u, (vaddr_t)c->dst, (u32)n);
	return (u32)n == c->len ? 0 : -EAGAIN;
}

static long ioctl_copy(struct userfault *u, uptr_t arg)
{
	uptr_t answer = uptr_add(arg, offsetof(struct abi_uffdio_copy, copy));
	struct abi_uffdio_copy c;
	long err;

	if (u->changing)
		return -EAGAIN;
	if (copy_from_user(&c, arg, offsetof(struct abi_uffdio_copy, copy)))
		return -EFAULT;
	err = check_range(c.dst, c.len);
	if (err)
		return err;
	if (c.src + c.len <= c.src ||
		(c.mode & ~(u64)(UFFDIO_COPY_MODE_DONTWAKE | UFFDIO_COPY_MODE_WP)))
		return -EINVAL;
	return fill(u, &c, c.mode & UFFDIO_COPY_MODE_WP ? FILL_PROTECTED : FILL_COPY, answer);
}

static long ioctl_fill(struct userfault *u, uptr_t arg, enum userfault_fill how)
{
	uptr_t answer = uptr_add(arg, offsetof(struct abi_uffdio_zeropage, zeropage));
	struct abi_uffdio_zeropage z;
	long err;

	if (u->changing)
		return -EAGAIN;
	if (copy_from_user(&z, arg, offsetof(struct abi_uffdio_zeropage, zeropage)))
		return -EFAULT;
	err = check_range(z.range.start, z.range.len);
	if (!err && (z.mode & ~(u64)UFFDIO_ZEROPAGE_MODE_DONTWAKE))
		err = -EINVAL;
	if (err)
		return err;
	return fill(u,
		&(struct abi_uffdio_copy){.dst = z.range.start, .len = z.range.len, .mode = z.mode},
		how, answer);
}

/* Nothing is ever registered for it. */
static long ioctl_writeprotect(struct userfault *u, uptr_t arg)
{
	const u64 both = UFFDIO_WRITEPROTECT_MODE_WP | UFFDIO_WRITEPROTECT_MODE_DONTWAKE;
	struct abi_uffdio_writeprotect w;
	long err;

	if (u->changing)
		return -EAGAIN;
	if (copy_from_user(&w, arg, sizeof(w)))
		return -EFAULT;
	err = check_range(w.range.start, w.range.len);
	if (err)
		return err;
	return (w.mode & ~both) || w.mode == both ? -EINVAL : -ENOENT;
}

static long userfaultfd_ioctl(struct file *f, u32 cmd, u32 arg)
{
	struct userfault *u = f->private;

	if (cmd != UFFDIO_API && !u->features)
		return -EINVAL;
	switch (cmd) {
	case UFFDIO_API:
		return ioctl_api(u, UPTR(arg));
	case UFFDIO_REGISTER:
		return ioctl_register(u, UPTR(arg));
	case UFFDIO_UNREGISTER:
		return ioctl_unregister(u, UPTR(arg));
	case UFFDIO_WAKE:
		return ioctl_wake(u, UPTR(arg));
	case UFFDIO_COPY:
		return ioctl_copy(u, UPTR(arg));
	case UFFDIO_ZEROPAGE:
		return ioctl_fill(u, UPTR(arg), FILL_ZERO);
	case UFFDIO_CONTINUE:
		return ioctl_fill(u, UPTR(arg), FILL_CONTINUE);
	case UFFDIO_WRITEPROTECT:
		return ioctl_writeprotect(u, UPTR(arg));
	default:
		return -EINVAL;
	}
}

static const struct file_ops userfaultfd_ops = {
	.seek_ignored = true,
	.read = userfaultfd_read,
	.poll = userfaultfd_poll,
	.ioctl = userfaultfd_ioctl,
	.release = userfaultfd_release,
	.show_info = userfaultfd_show,
};

/* --- Ways to get one --- */

static long create(u32 flags)
{
	struct userfault *u;

	if (flags & ~(O_CLOEXEC | O_NONBLOCK | UFFD_USER_MODE_ONLY))
		return -EINVAL;
	u = userfault_create(current_process()->mm, flags, 0);
	if (!u)
		return -ENOMEM;
	return anon_fd_create(KIND, flags & (O_CLOEXEC | O_NONBLOCK), &userfaultfd_ops, u);
}

long sys_userfaultfd(u32 flags)
{
	if (!(flags & UFFD_USER_MODE_ONLY) && !capable(CAP_SYS_PTRACE) && !unprivileged_userfaultfd)
		return -EPERM;
	return create(flags);
}

/* Who may open the device may do without the privilege. */
static long device_ioctl(struct file *f, u32 cmd, u32 flags)
{
	return cmd == USERFAULTFD_IOC_NEW ? create(flags) : -EINVAL;
}

static const struct file_ops device_ops = {.ioctl = device_ioctl};

void __init userfaultfd_init(void)
{
	chrdev_register(10, 126, "userfaultfd", 0600, &device_ops, NULL);
}
