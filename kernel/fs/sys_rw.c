/* System calls that move data or the position: read, write and their families, lseek, sendfile,
 * copy_file_range, vmsplice. */
#include "kernel/fs/vector.h"
#include "kernel/fs/vfs.h"
#include "kernel/abi/poll.h"
#include "kernel/proc/task.h"
#include "kernel/syscalls.h"
#include "kernel/x86/uaccess.h"
#include "mm/kmalloc.h"

#define MAX_RW	  0x7ffff000u
#define MAX_SMALL 0x7fffffffll
#define BOUNCE	  4096u /* sendfile's buffer */

typedef ssize_k (*rw_fn)(struct file *f, struct iobuf *b, size_t n, u64 *pos);

/* A call of that kind has moved so many bytes, or failed. */
static void count(rw_fn rw, long done)
{
	io_count(&current_task()->io[rw == file_read ? IO_READ : IO_WRITE], done);
}

/* --- One buffer --- */

/* What cannot be read or written at all does not count. */
static long rw_counted(struct file *f, struct iobuf *b, u32 n, u64 *pos, rw_fn rw)
{
	long done = rw(f, b, n, pos);

	if (done != -EBADF)
		count(rw, done);
	return done;
}

static long rw_buffer(u32 fd, uptr_t buf, u32 n, rw_fn rw)
{
	struct iobuf b = iobuf_user(buf);
	struct file *f = fget(fd);
	long done;

	if (!f)
		return -EBADF;
	done = user_range_ok(buf, n) ? rw_counted(f, &b, n, NULL, rw) : -EFAULT;
	file_put(f);
	return done;
}

long sys_read(u32 fd, uptr_t buf, u32 n)
{
	return rw_buffer(fd, buf, n, file_read);
}

long sys_write(u32 fd, uptr_t buf, u32 n)
{
	return rw_buffer(fd, buf, n, file_write);
}

static long prw_buffer(u32 fd, uptr_t buf, u32 n, u64 pos, rw_fn rw)
{
	struct iobuf b = iobuf_user(buf);
	struct file *f;
	long done = -EFAULT;

	if ((s64)pos < 0)
		return -EINVAL;
	f = fget(fd);
	if (!f)
		return -EBADF;
	if (!f->ops->seek)
		done = -ESPIPE;
	else if ((s64)(pos + n) < 0)
		done = -EINVAL;
	else if (user_range_ok(buf, n))
		done = rw_counted(f, &b, n, &pos, rw);
	file_put(f);
	return done;
}

long sys_pread64(u32 fd, uptr_t buf, u32 n, u32 pos_lo, u32 pos_hi)
{
	return prw_buffer(fd, buf, n, u64_of(pos_lo, pos_hi), file_read);
}

long sys_pwrite64(u32 fd, uptr_t buf, u32 n, u32 pos_lo, u32 pos_hi)
{
	return prw_buffer(fd, buf, n, u64_of(pos_lo, pos_hi), file_write);
}

/* --- Vectors --- */

/* A read that has got something does not wait for more. */
static bool would_wait(struct file *f, rw_fn rw)
{
	if (rw != file_read || f->ops->seek)
		return false;
	return !f->ops->poll || !(f->ops->poll(f, NULL) & POLLIN);
}

/* Piece by piece, until one is short. */
static long rw_pieces(struct file *f, const struct vector *v, u64 *pos, rw_fn rw)
{
	struct iobuf b;
	ssize_k part = 0;
	long done = 0;

	for (u32 i = 0; i < v->n; i++) {
		if (v->iov[i].len == 0 && v->n > 1)
			continue;
		if (done && would_wait(f, rw))
			break;
		b = iobuf_user(UPTR(v->iov[i].base));
		part = rw(f, &b, v->iov[i].len, pos);
		if (part < 0)
			break;
		done += part;
		if ((u32)part < v->iov[i].len)
			break;
	}
	return done ? done : part;
}

static u32 total_length(const struct vector *v)
{
	u32 total = 0;

	for (u32 i = 0; i < v->n; i++)
		total += v->iov[i].len;
	return total;
}

/* Copies the vector's bytes together, up to the first that cannot be read. Returns their number. */
static u32 gather(const struct vector *v, char *buf)
{
	u32 got = 0;

	for (u32 i = 0; i < v->n; i++) {
		u32 len = v->iov[i].len;
		u32 left = copy_from_user_partial(buf + got, UPTR(v->iov[i].base), len);

		got += len - left;
		if (left)
			break;
	}
	return got;
}

/* A small writev is gathered first, so that it is one write: whole in a pipe, and at one place in
 * a file opened for appending. Bad memory cuts a file's write short; a pipe takes all or nothing.
 */
static long write_gathered(struct file *f, const struct vector *v, u64 *pos, u32 total)
{
	char *buf = kmalloc(total);
	struct iobuf b = iobuf_kernel(buf);
	u32 got;
	long done = -EFAULT;

	if (!buf)
		return -ENOMEM;
	got = gather(v, buf);
	if (got == total || (got && f->ops->seek))
		done = file_write(f, &b, got, pos);
	kfree(buf);
	return done;
}

static long rw_vector(struct file *f, const struct vector *v, u64 *pos, rw_fn rw)
{
	struct iobuf b = iobuf_user(UPTR(0));
	u32 total = total_length(v);

	if (f->ops->vector)
		return f->ops->vector(f, v->iov, v->n, rw == file_write);
	if (total == 0)
		return rw(f, &b, 0, pos);
	if (rw == file_write && v->n > 1 && total <= ABI_PIPE_BUF)
		return write_gathered(f, v, pos, total);
	return rw_pieces(f, v, pos, rw);
}

long vector_rw(struct file *f, const struct vector *v, u64 *pos, bool write)
{
	return rw_vector(f, v, pos, write ? file_write : file_read);
}

static long rw_vector_file(struct file *f, uptr_t iov, u32 n, u64 *pos, rw_fn rw)
{
	struct vector v;
	long done;

	if (!f)
		return -EBADF;
	done = pos && !f->ops->seek ? -ESPIPE : vector_get(&v, iov, n);
	if (!done) {
		done = rw_vector(f, &v, pos, rw);
		vector_free(&v);
	}
	return done;
}

/* Counts whatever comes of it. */
static long rw_vector_fd(u32 fd, uptr_t iov, u32 n, u64 *pos, rw_fn rw)
{
	struct file *f;
	long done;

	if (pos && (s64)*pos < 0)
		return -EINVAL;
	f = fget(fd);
	done = rw_vector_file(f, iov, n, pos, rw);
	count(rw, done);
	file_put(f);
	return done;
}

long sys_readv(u32 fd, uptr_t iov, u32 n)
{
	return rw_vector_fd(fd, iov, n, NULL, file_read);
}

long sys_writev(u32 fd, uptr_t iov, u32 n)
{
	return rw_vector_fd(fd, iov, n, NULL, file_write);
}

long sys_preadv(u32 fd, uptr_t iov, u32 n, u32 pos_lo, u32 pos_hi)
{
	u64 pos = u64_of(pos_lo, pos_hi);

	return rw_vector_fd(fd, iov, n, &pos, file_read);
}

long sys_pwritev(u32 fd, uptr_t iov, u32 n, u32 pos_lo, u32 pos_hi)
{
	u64 pos = u64_of(pos_lo, pos_hi);

	return rw_vector_fd(fd, iov, n, &pos, file_write);
}

/* Position -1 means the file's own. What is written need not reach a disk, so the flags that wait
 * for that have nothing to do; no others are known. */
static long rw_vector_flags(u32 fd, uptr_t iov, u32 n, u64 pos, u32 flags, rw_fn rw)
{
	struct file *f;
	bool known;

	if (flags & ~(RWF_HIPRI | RWF_DSYNC | RWF_SYNC)) {
		f = fget(fd);
		known = f && (rw == file_read ? f->backing.may_read : f->backing.may_write);
		file_put(f);
		return known ? -EOPNOTSUPP : -EBADF;
	}
	return rw_vector_fd(fd, iov, n, pos == UINT64_MAX ? NULL : &pos, rw);
}

long sys_preadv2(u32 fd, uptr_t iov, u32 n, u32 pos_lo, u32 pos_hi, u32 flags)
{
	return rw_vector_flags(fd, iov, n, u64_of(pos_lo, pos_hi), flags, file_read);
}

long sys_pwritev2(u32 fd, uptr_t iov, u32 n, u32 pos_lo, u32 pos_hi, u32 flags)
{
	return rw_vector_flags(fd, iov, n, u64_of(pos_lo, pos_hi), flags, file_write);
}

/* --- Position --- */

static long seek(u32 fd, s64 off, u32 whence, u64 *result)
{
	struct file *f = fget(fd);
	long err = -ESPIPE;

	if (!f)
		return -EBADF;
	if (whence > SEEK_HOLE) {
		err = -EINVAL;
	} else if (f->ops->seek) {
		mutex_lock(&f->pos_lock);
		err = f->ops->seek(f, off, whence, result);
		if (!err)
			f->pos = *result;
		mutex_unlock(&f->pos_lock);
	} else if (f->ops->seek_ignored) {
		*result = 0;
		err = 0;
	}
	file_put(f);
	return err;
}

long sys_lseek(u32 fd, s32 off, u32 whence)
{
	u64 result;
	long err = seek(fd, off, whence, &result);

	if (err)
		return err;
	return result > MAX_SMALL ? -EOVERFLOW : (long)result;
}

long sys__llseek(u32 fd, u32 off_hi, u32 off_lo, uptr_t result, u32 whence)
{
	u64 pos;
	long err = seek(fd, (s64)u64_of(off_lo, off_hi), whence, &pos);

	return err ? err : copy_to_user(result, &pos, sizeof(pos));
}

/* --- From file to file --- */

/* Copies through a kernel buffer: up to n bytes from `in` at *in_pos (which is advanced) to `out`,
 * at *out_pos or its own position. Ends early at the end of `in` and where `out` takes less. */
static long copy_pieces(
	struct file *in, u64 *in_pos, struct file *out, u64 *out_pos, u32 n, char *buf)
{
	ssize_k got, put = 0;
	long done = 0;

	while ((u32)done < n) {
		struct iobuf to = iobuf_kernel(buf), from = iobuf_kernel(buf);
		u64 pos = *in_pos;

		got = file_read(in, &to, MIN(n - (u32)done, BOUNCE), &pos);
		if (got <= 0)
			return done ? done : got;
		put = file_write(out, &from, (size_t)got, out_pos);
		if (put <= 0)
			break;
		*in_pos += (u64)put;
		done += put;
		if (put < got || signal_pending())
			break;
	}
	return done ? done : put;
}

/* The same, as one read and one write. */
static long copy_between(
	struct file *in, u64 *in_pos, struct file *out, u64 *out_pos, u32 n, char *buf)
{
	long done = copy_pieces(in, in_pos, out, out_pos, n, buf);

	count(file_read, done);
	count(file_write, done);
	return done;
}

static bool is_regular(const struct file *f)
{
	return S_ISREG(f->dentry->inode->mode);
}

static long check_copy(const struct file *in, const struct file *out)
{
	if (!in || !out || !in->backing.may_read || !out->backing.may_write)
		return -EBADF;
	return is_regular(in) && !(out->flags & O_APPEND) ? 0 : -EINVAL;
}

/* pos: where to read and what to advance; NULL: the file's own position. */
static long do_sendfile(u32 out_fd, u32 in_fd, u64 *pos, u32 n)
{
	struct file *in = fget(in_fd), *out = fget(out_fd);
	char *buf = kmalloc(BOUNCE);
	long done = check_copy(in, out);

	if (!done && !buf)
		done = -ENOMEM;
	if (!done)
		done = copy_between(in, pos ? pos : &in->pos, out, NULL, MIN(n, MAX_RW), buf);
	kfree(buf);
	file_put(in);
	file_put(out);
	return done;
}

long sys_sendfile(u32 out_fd, u32 in_fd, uptr_t offset, u32 n)
{
	s32 small;
	u64 pos;
	long done;

	if (!offset.va)
		return do_sendfile(out_fd, in_fd, NULL, n);
	if (copy_from_user(&small, offset, sizeof(small)))
		return -EFAULT;
	if (small < 0)
		return -EINVAL;
	pos = (u64)small;
	done = do_sendfile(out_fd, in_fd, &pos, MIN(n, (u32)(MAX_SMALL - small)));
	return done >= 0 && put_user_u32(offset, (u32)pos) ? -EFAULT : done;
}

long sys_sendfile64(u32 out_fd, u32 in_fd, uptr_t offset, u32 n)
{
	u64 pos;
	long done;

	if (!offset.va)
		return do_sendfile(out_fd, in_fd, NULL, n);
	if (copy_from_user(&pos, offset, sizeof(pos)))
		return -EFAULT;
	if ((s64)pos < 0)
		return -EINVAL;
	done = do_sendfile(out_fd, in_fd, &pos, n);
	return done >= 0 && copy_to_user(offset, &pos, sizeof(pos)) ? -EFAULT : done;
}

/* A position in user memory, or the file's own where the pointer is NULL. */
static long get_position(const struct file *f, uptr_t user, u64 *pos)
{
	*pos = f->pos;
	if (user.va && copy_from_user(pos, user, sizeof(*pos)))
		return -EFAULT;
	return (s64)*pos < 0 ? -EINVAL : 0;
}

static long put_position(struct file *f, uptr_t user, u64 pos)
{
	if (user.va)
		return copy_to_user(user, &pos, sizeof(pos));
	f->pos = pos;
	return 0;
}

/* letters: everything is set by sys_copy_file_range() */
struct range_copy {
	struct file *in, *out;
	uptr_t in_user, out_user;
	u32 n;
};

static long copy_range(const struct range_copy *c, char *buf)
{
	u64 in_pos, out_pos, size = c->in->dentry->inode->object.size;
	u32 n = c->n;
	long done = get_position(c->in, c->in_user, &in_pos);

	if (!done)
		done = get_position(c->out, c->out_user, &out_pos);
	if (done)
		return done;
	n = in_pos < size ? (u32)MIN(n, size - in_pos) : 0;
	if (c->in->dentry->inode == c->out->dentry->inode && in_pos < out_pos + n &&
		out_pos < in_pos + n)
		return -EINVAL;
	done = copy_between(c->in, &in_pos, c->out, &out_pos, n, buf);
	if (done > 0 && (put_position(c->in, c->in_user, in_pos) ||
				put_position(c->out, c->out_user, out_pos)))
		return -EFAULT;
	return done;
}

static long check_range_copy(const struct range_copy *c)
{
	long err = check_copy(c->in, c->out);

	if (err == -EINVAL && (c->out->flags & O_APPEND))
		return -EBADF;
	if (err)
		return S_ISDIR(c->in->dentry->inode->mode) ? -EISDIR : err;
	if (S_ISDIR(c->out->dentry->inode->mode))
		return -EISDIR;
	return is_regular(c->out) ? 0 : -EINVAL;
}

long sys_copy_file_range(u32 in_fd, uptr_t in_pos, u32 out_fd, uptr_t out_pos, u32 n, u32 flags)
{
	struct range_copy c = {fget(in_fd), fget(out_fd), in_pos, out_pos, MIN(n, MAX_RW)};
	char *buf = kmalloc(BOUNCE);
	long done = -EBADF;

	if (c.in && c.out)
		done = flags ? -EINVAL : check_range_copy(&c);
	if (!done && !buf)
		done = -ENOMEM;
	if (!done)
		done = copy_range(&c, buf);
	kfree(buf);
	file_put(c.in);
	file_put(c.out);
	return done;
}

/* --- vmsplice --- */

struct user_mover {
	struct pipe_mover m;
	struct iobuf from;
};

static ssize_k get_from_user(struct pipe_mover *m, size_t n)
{
	struct user_mover *u = container_of(m, struct user_mover, m);
	size_t left = iobuf_get(&u->from, m->buf, n);

	return left == n ? -EFAULT : (ssize_k)(n - left);
}

/* Fills the pipe's room; the bytes are copied, so what the program writes there later does not show
 * in the pipe. */
static long fill_from_user(struct file *f, const struct vector *v, bool wait)
{
	struct user_mover u = {.m = {.move = get_from_user, .buf = kmalloc(PAGE_SIZE)}};
	ssize_k part = 0;
	long done = 0;

	if (!u.m.buf)
		return -ENOMEM;
	for (u32 i = 0; i < v->n; i++) {
		u.from = iobuf_user(UPTR(v->iov[i].base));
		part = v->iov[i].len ? pipe_fill(f, &u.m, v->iov[i].len, wait && !done) : 0;
		if (part < 0)
			break;
		done += part;
		if ((u32)part < v->iov[i].len)
			break;
	}
	kfree(u.m.buf);
	return done ? done : part;
}

static long vmsplice(struct file *f, uptr_t iov, u32 n, u32 flags)
{
	struct vector v;
	long done;

	if (!f || (!f->backing.may_write && !f->backing.may_read))
		return -EBADF;
	done = vector_get(&v, iov, n);
	if (done)
		return done;
	if (!total_length(&v))
		done = 0;
	else if (!file_is_pipe(f))
		done = -EBADF;
	else if (f->backing.may_write)
		done = fill_from_user(
			f, &v, !((flags & SPLICE_F_NONBLOCK) || (f->flags & O_NONBLOCK)));
	else
		done = rw_pieces(f, &v, NULL, file_read);
	vector_free(&v);
	return done;
}

long sys_vmsplice(u32 fd, uptr_t iov, u32 n, u32 flags)
{
	struct file *f;
	long done;

	if (flags & ~SPLICE_F_ALL)
		return -EINVAL;
	f = fget(fd);
	done = vmsplice(f, iov, n, flags);
	file_put(f);
	return done;
}
