/*
 * splice(2) and tee(2): bytes from a pipe to a file, from a file to a pipe, or between pipes.
 *
 * They pass through a page of kernel memory while the pipe is locked, so that what the file does
 * not take stays in the pipe.
 */
#include "kernel/abi/poll.h"
#include "kernel/fs/vfs.h"
#include "kernel/proc/task.h"
#include "kernel/syscalls.h"
#include "kernel/x86/uaccess.h"
#include "mm/kmalloc.h"

/* One call. */
struct splice {
	struct pipe_mover m;
	struct file *in, *out;
	uptr_t in_pos, out_pos; /* where the caller keeps a position; NULL: the file's own */
	u32 n;
	bool wait;
	u64 pos; /* of the side that is no pipe */
};

static ssize_k to_file(struct pipe_mover *m, size_t n)
{
	struct splice *s = container_of(m, struct splice, m);
	struct iobuf from = iobuf_kernel(m->buf);

	return file_write(s->out, &from, n, &s->pos);
}

/* The end of a stream can be read: POLLIN says that too. */
static bool nothing_to_read(struct file *f)
{
	return !f->ops->seek && f->ops->poll && !(f->ops->poll(f, NULL) & POLLIN);
}

static ssize_k from_file(struct pipe_mover *m, size_t n)
{
	struct splice *s = container_of(m, struct splice, m);
	struct iobuf to = iobuf_kernel(m->buf);

	if (!s->wait && nothing_to_read(s->in))
		return -EAGAIN;
	return file_read(s->in, &to, n, &s->pos);
}

/* The position to begin at, and where the next begins after it. */
static long get_pos(struct splice *s, struct file *f, uptr_t user)
{
	s->pos = f->pos;
	if (!user.va)
		return 0;
	if (!f->ops->seek)
		return -EINVAL;
	if (copy_from_user(&s->pos, user, sizeof(s->pos)))
		return -EFAULT;
	return (s64)s->pos < 0 ? -EINVAL : 0;
}

static long put_pos(struct splice *s, struct file *f, uptr_t user, long done)
{
	if (done < 0)
		return done;
	if (!user.va)
		f->pos = s->pos;
	else if (copy_to_user(user, &s->pos, sizeof(s->pos)))
		return -EFAULT;
	return done;
}

static long pipe_to_file(struct splice *s)
{
	long done;

	if (s->in_pos.va)
		return -ESPIPE;
	done = get_pos(s, s->out, s->out_pos);
	if (done)
		return done;
	if ((s->out->flags & O_APPEND) || (s->out->ops->no_splice & SPLICE_WRITE))
		return -EINVAL;
	s->m.move = to_file;
	done = pipe_drain(s->in, &s->m, s->n, s->wait && !(s->in->flags & O_NONBLOCK));
	return put_pos(s, s->out, s->out_pos, done);
}

static long file_to_pipe(struct splice *s)
{
	long done;

	if (s->out_pos.va)
		return -ESPIPE;
	done = get_pos(s, s->in, s->in_pos);
	if (done)
		return done;
	if (!s->in->ops->read || (s->in->ops->no_splice & SPLICE_READ))
		return -EINVAL;
	s->m.move = from_file;
	done = pipe_fill(s->out, &s->m, s->n, s->wait && !(s->out->flags & O_NONBLOCK));
	return put_pos(s, s->in, s->in_pos, done);
}

static long between_pipes(struct splice *s, bool take)
{
	const struct pipe_copy c = {
		.in = s->in,
		.out = s->out,
		.wait = s->wait && !((s->in->flags | s->out->flags) & O_NONBLOCK),
		.take = take,
	};

	if (s->in_pos.va || s->out_pos.va)
		return -ESPIPE;
	if (s->in->private == s->out->private)
		return -EINVAL;
	return pipe_to_pipe(&c, &s->m, s->n);
}

static long splice(struct splice *s, bool take)
{
	bool in, out;

	if (!s->in || !s->out || !s->in->backing.may_read || !s->out->backing.may_write)
		return -EBADF;
	in = file_is_pipe(s->in);
	out = file_is_pipe(s->out);
	if (in && out)
		return between_pipes(s, take);
	if (!take)
		return -EINVAL;
	return in ? pipe_to_file(s) : out ? file_to_pipe(s) : -EINVAL;
}

static long run(struct splice *s, u32 in_fd, u32 out_fd, bool take)
{
	long done = -ENOMEM;

	s->in = fget(in_fd);
	s->out = fget(out_fd);
	s->m.buf = kmalloc(PAGE_SIZE);
	if (s->m.buf)
		done = splice(s, take);
	kfree(s->m.buf);
	file_put(s->in);
	file_put(s->out);
	return done;
}

long sys_splice(u32 in_fd, uptr_t in_pos, u32 out_fd, uptr_t out_pos, u32 n, u32 flags)
{
	struct splice s = {
		.in_pos = in_pos,
		.out_pos = out_pos,
		.n = n,
		.wait = !(flags & SPLICE_F_NONBLOCK),
	};

	if (!n)
		return 0;
	return flags & ~SPLICE_F_ALL ? -EINVAL : run(&s, in_fd, out_fd, true);
}

long sys_tee(u32 in_fd, u32 out_fd, u32 n, u32 flags)
{
	struct splice s = {.n = n, .wait = !(flags & SPLICE_F_NONBLOCK)};

	if (flags & ~SPLICE_F_ALL)
		return -EINVAL;
	return n ? run(&s, in_fd, out_fd, false) : 0;
}
