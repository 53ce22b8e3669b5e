/* The calls on sockets, and socketcall(2), which multiplexes them. */
#include "kernel/abi/errno.h"
#include "kernel/core/clock.h"
#include "kernel/fs/timeout.h"
#include "kernel/fs/vector.h"
#include "kernel/fs/vfs.h"
#include "kernel/lib/string.h"
#include "kernel/net/sock.h"
#include "kernel/proc/task.h"
#include "kernel/syscalls.h"
#include "kernel/x86/uaccess.h"

#define MAX_LEN 0x7ffff000u

/* The socket behind a descriptor, with its file referenced: 0, -EBADF or -ENOTSOCK. */
static long get_socket(u32 fd, struct file **f)
{
	*f = fget(fd);
	if (!*f)
		return -EBADF;
	if (!file_is_socket(*f)) {
		file_put(*f);
		return -ENOTSOCK;
	}
	return 0;
}

/* --- Addresses --- */

static long get_address(union sock_addr *a, uptr_t from, s32 len)
{
	if (len < 0 || len > (s32)SOCKADDR_MAX)
		return -EINVAL;
	memset(a, 0, sizeof(*a));
	return len && copy_from_user(a, from, (u32)len) ? -EFAULT : 0;
}

/* Gives as much as fits, and the whole length. */
static long put_address(const union sock_addr *a, u32 len, uptr_t to, uptr_t ulen)
{
	u32 room;

	if (get_user_u32(&room, ulen))
		return -EFAULT;
	if ((s32)room < 0)
		return -EINVAL;
	if (copy_to_user(to, a, MIN(MIN(room, len), sizeof(*a))))
		return -EFAULT;
	return put_user_u32(ulen, len);
}

/* --- Making --- */

static struct sock *create(u32 family, u32 type, u32 protocol)
{
	static const struct sock_family *const families[] = {
		&unix_family, &inet_family, &netlink_family};
	u32 kind = type & SOCK_TYPE_MASK;

	if (type & ~(SOCK_TYPE_MASK | O_CLOEXEC | O_NONBLOCK))
		return err_ptr(-EINVAL);
	if (family >= AF_MAX)
		return err_ptr(-EAFNOSUPPORT);
	if (kind >= SOCK_MAX)
		return err_ptr(-EINVAL);
	for (u32 i = 0; i < ARRAY_SIZE(families); i++)
		if (families[i]->family == family)
			return families[i]->create(kind, protocol);
	return err_ptr(-EAFNOSUPPORT);
}

/* A descriptor for a socket, which is taken over. */
static long install(struct sock *s, u32 flags)
{
	struct file *f = sock_file_create(s, flags & O_NONBLOCK);
	long fd;

	if (is_err(f))
		return ptr_err(f);
	fd = files_install(current_task()->files, f, 0, flags & O_CLOEXEC);
	if (fd < 0)
		file_put(f);
	return fd;
}

long sys_socket(u32 family, u32 type, u32 protocol)
{
	struct sock *s = create(family, type, protocol);

	return is_err(s) ? ptr_err(s) : install(s, type);
}

/* Two files on two sockets that are each other's peer. */
static long create_pair(struct file *f[2], u32 family, u32 type, u32 protocol)
{
	struct sock *s;

	for (u32 i = 0; i < 2; i++) {
		s = create(family, type, protocol);
		f[i] = is_err(s) ? err_ptr(ptr_err(s)) : sock_file_create(s, type & O_NONBLOCK);
		if (is_err(f[i])) {
			if (i)
				file_put(f[0]);
			return ptr_err(f[i]);
		}
	}
	if (family == AF_UNIX) {
		sock_pair(sock_of(f[0]), sock_of(f[1]));
		return 0;
	}
	file_put(f[0]);
	file_put(f[1]);
	return -EOPNOTSUPP;
}

long sys_socketpair(u32 family, u32 type, u32 protocol, uptr_t fds)
{
	struct files *fs = current_task()->files;
	struct file *f[2];
	long fd[2], err = create_pair(f, family, type, protocol);
	s32 out[2];

	if (err)
		return err;
	fd[0] = files_reserve(fs, 0, type & O_CLOEXEC);
	fd[1] = fd[0] < 0 ? fd[0] : files_reserve(fs, 0, type & O_CLOEXEC);
	out[0] = (s32)fd[0];
	out[1] = (s32)fd[1];
	err = fd[1] < 0 ? fd[1] : copy_to_user(fds, out, sizeof(out));
	for (u32 i = 0; i < 2; i++) {
		if (!err) {
			files_fill(fs, (u32)fd[i], f[i]);
			continue;
		}
		if (fd[i] >= 0)
			files_unreserve(fs, (u32)fd[i]);
		file_put(f[i]);
	}
	return err;
}

/* --- Names and connections --- */

long sys_bind(u32 fd, uptr_t addr, s32 len)
{
	union sock_addr a;
	struct file *f;
	long err = get_socket(fd, &f);

	if (err)
		return err;
	err = get_address(&a, addr, len);
	if (!err)
		err = sock_of(f)->ops->bind(sock_of(f), &a, (u32)len);
	file_put(f);
	return err;
}

long sys_connect(u32 fd, uptr_t addr, s32 len)
{
	union sock_addr a;
	struct file *f;
	long err = get_socket(fd, &f);

	if (err)
		return err;
	err = get_address(&a, addr, len);
	if (!err)
		err = sock_of(f)->ops->connect(sock_of(f), &a, (u32)len, f->flags & O_NONBLOCK);
	file_put(f);
	return err;
}

long sys_listen(u32 fd, s32 backlog)
{
	struct file *f;
	long err = get_socket(fd, &f);

	if (err)
		return err;
	err = sock_listen(sock_of(f), backlog);
	file_put(f);
	return err;
}

/* The descriptor of a connection, and its peer's name to who asks for it. */
static long accept_one(struct file *f, uptr_t addr, uptr_t ulen, u32 flags)
{
	struct files *fs = current_task()->files;
	union sock_addr name;
	struct sock *conn;
	struct file *nf;
	long fd = files_reserve(fs, 0, flags & O_CLOEXEC), err, len;

	if (fd < 0)
		return fd;
	err = sock_accept(sock_of(f), f->flags & O_NONBLOCK, &conn);
	if (err)
		goto unreserve;
	nf = sock_file_create(conn, flags & O_NONBLOCK);
	err = is_err(nf) ? ptr_err(nf) : 0;
	if (err)
		goto unreserve;
	if (addr.va) {
		len = conn->ops->getname(conn, true, &name);
		err = len < 0 ? -ECONNABORTED : put_address(&name, (u32)len, addr, ulen);
	}
	if (!err) {
		files_fill(fs, (u32)fd, nf);
		return fd;
	}
	file_put(nf);
unreserve:
	files_unreserve(fs, (u32)fd);
	return err;
}

long sys_accept4(u32 fd, uptr_t addr, uptr_t len, u32 flags)
{
	struct file *f;
	long ret;

	if (flags & ~(O_CLOEXEC | O_NONBLOCK))
		return -EINVAL;
	ret = get_socket(fd, &f);
	if (ret)
		return ret;
	ret = accept_one(f, addr, len, flags);
	file_put(f);
	return ret;
}

static long get_name(u32 fd, bool peer, uptr_t addr, uptr_t ulen)
{
	union sock_addr name;
	struct file *f;
	long ret = get_socket(fd, &f);

	if (ret)
		return ret;
	ret = sock_of(f)->ops->getname(sock_of(f), peer, &name);
	if (ret >= 0)
		ret = put_address(&name, (u32)ret, addr, ulen);
	file_put(f);
	return ret;
}

long sys_getsockname(u32 fd, uptr_t addr, uptr_t len)
{
	return get_name(fd, false, addr, len);
}

long sys_getpeername(u32 fd, uptr_t addr, uptr_t len)
{
	return get_name(fd, true, addr, len);
}

long sys_shutdown(u32 fd, u32 how)
{
	struct file *f;
	long err = get_socket(fd, &f);

	if (err)
		return err;
	err = how > SHUT_RDWR ? -EINVAL : sock_of(f)->ops->shutdown(sock_of(f), how + 1);
	file_put(f);
	return err;
}

long sys_setsockopt(u32 fd, s32 level, u32 option, uptr_t value, s32 len)
{
	struct file *f;
	long err = len < 0 ? -EINVAL : get_socket(fd, &f);

	if (err)
		return err;
	err = sock_setsockopt(sock_of(f), level, option, value, len);
	file_put(f);
	return err;
}

long sys_getsockopt(u32 fd, s32 level, u32 option, uptr_t value, uptr_t len)
{
	struct file *f;
	long err = get_socket(fd, &f);

	if (err)
		return err;
	err = sock_getsockopt(sock_of(f), level, option, value, len);
	file_put(f);
	return err;
}

/* --- Data --- */

static void set_flags(struct sock_call *c, const struct file *f, u32 flags)
{
	c->flags = flags;
	c->nonblock = (f->flags & O_NONBLOCK) || (flags & MSG_DONTWAIT);
}

/* To where: no address is one of length 0. */
static long set_target(struct sock_call *c, uptr_t addr, s32 len)
{
	long err;

	if (!addr.va)
		return 0;
	err = get_address(&c->addr, addr, len);
	if (!err)
		c->addr_len = (u32)len;
	return err;
}

/* One buffer as a vector. */
static long one_buffer(struct sock_call *c, struct abi_iovec *iov, uptr_t buf, u32 n)
{
	n = MIN(n, MAX_LEN);
	if (!user_range_ok(buf, n))
		return -EFAULT;
	*iov = (struct abi_iovec){.base = buf.va, .len = n};
	c->iov = iov;
	c->nr_iov = 1;
	c->len = n;
	return 0;
}

long sys_sendto(u32 fd, uptr_t buf, u32 n, u32 flags, uptr_t addr, s32 len)
{
	struct sock_call c = {.len = 0};
	struct abi_iovec iov;
	struct file *f;
	long ret = one_buffer(&c, &iov, buf, n);

	if (!ret)
		ret = get_socket(fd, &f);
	if (ret)
		return ret;
	set_flags(&c, f, flags);
	ret = set_target(&c, addr, len);
	if (!ret)
		ret = sock_of(f)->ops->send(sock_of(f), &c);
	file_put(f);
	return ret;
}

long sys_recvfrom(u32 fd, uptr_t buf, u32 n, u32 flags, uptr_t addr, uptr_t len)
{
	struct sock_call c = {.len = 0};
	struct abi_iovec iov;
	struct file *f;
	long ret = one_buffer(&c, &iov, buf, n), err;

	if (!ret)
		ret = get_socket(fd, &f);
	if (ret)
		return ret;
	set_flags(&c, f, flags);
	ret = sock_of(f)->ops->recv(sock_of(f), &c);
	scm_drop(&c.scm);
	if (ret >= 0 && addr.va) {
		err = put_address(&c.addr, c.addr_len, addr, len);
		ret = err ? err : ret;
	}
	file_put(f);
	return ret;
}

static long get_msg(struct abi_msghdr *m, struct vector *v, struct sock_call *c, uptr_t user)
{
	long err;

	if (copy_from_user(m, user, sizeof(*m)))
		return -EFAULT;
	if (!m->name)
		m->namelen = 0;
	if ((s32)m->namelen < 0)
		return -EINVAL;
	if (m->iovlen > ABI_IOV_MAX)
		return -EMSGSIZE;
	err = vector_get(v, UPTR(m->iov), m->iovlen);
	if (err)
		return err;
	c->iov = v->iov;
	c->nr_iov = v->n;
	for (u32 i = 0; i < v->n; i++)
		c->len += v->iov[i].len;
	return 0;
}

static long send_msg(struct file *f, uptr_t user, u32 flags)
{
	struct sock_call c = {.len = 0};
	struct abi_msghdr m;
	struct vector v;
	long ret = get_msg(&m, &v, &c, user);

	if (ret)
		return ret;
	set_flags(&c, f, flags);
	ret = set_target(&c, UPTR(m.name), (s32)MIN(m.namelen, SOCKADDR_MAX));
	if (!ret && m.controllen > INT32_MAX)
		ret = -ENOBUFS;
	if (!ret && m.controllen && sock_of(f)->ops == &unix_family)
		ret = scm_send(&c.scm, UPTR(m.control), m.controllen);
	if (!ret)
		ret = sock_of(f)->ops->send(sock_of(f), &c);
	scm_drop(&c.scm);
	vector_free(&v);
	return ret;
}

long sys_sendmsg(u32 fd, uptr_t msg, u32 flags)
{
	struct file *f;
	long ret = get_socket(fd, &f);

	if (ret)
		return ret;
	ret = send_msg(f, msg, flags);
	file_put(f);
	return ret;
}

/* What recvmsg(2) tells beside the bytes, into the user's struct and where that points. */
static long put_results(
	struct sock_call *c, struct file *f, const struct abi_msghdr *m, uptr_t user)
{
	const struct sock *s = sock_of(f);
	bool cred = s->ops == &unix_family && sock_option(s, SO_PASSCRED);
	u32 used;
	long err = 0;

	c->out_flags |= scm_recv(&c->scm, cred, c->flags, UPTR(m->control), m->controllen, &used);
	if (m->name)
		err = put_address(&c->addr, c->addr_len, UPTR(m->name),
			uptr_add(user, offsetof(struct abi_msghdr, namelen)));
	if (!err)
		err = put_user_u32(uptr_add(user, offsetof(struct abi_msghdr, flags)),
			c->out_flags | (c->flags & MSG_CMSG_CLOEXEC));
	if (!err)
		err = put_user_u32(uptr_add(user, offsetof(struct abi_msghdr, controllen)), used);
	return err;
}

static long recv_msg(struct file *f, uptr_t user, u32 flags)
{
	struct sock_call c = {.len = 0};
	struct abi_msghdr m;
	struct vector v;
	long err, ret = get_msg(&m, &v, &c, user);

	if (ret)
		return ret;
	set_flags(&c, f, flags);
	ret = sock_of(f)->ops->recv(sock_of(f), &c);
	vector_free(&v);
	if (ret < 0) {
		scm_drop(&c.scm);
		return ret;
	}
	err = put_results(&c, f, &m, user);
	return err ? err : ret;
}

long sys_recvmsg(u32 fd, uptr_t msg, u32 flags)
{
	struct file *f;
	long ret = get_socket(fd, &f);

	if (ret)
		return ret;
	ret = recv_msg(f, msg, flags);
	file_put(f);
	return ret;
}

/* --- Several messages in one call --- */

static long put_length(uptr_t msg, long n)
{
	return put_user_u32(uptr_add(msg, offsetof(struct abi_mmsghdr, len)), (u32)n);
}

long sys_sendmmsg(u32 fd, uptr_t msgs, u32 n, u32 flags)
{
	struct file *f;
	long ret = get_socket(fd, &f);
	u32 done = 0;

	if (ret)
		return ret;
	for (n = MIN(n, ABI_IOV_MAX); done < n; done++) {
		uptr_t msg = uptr_add(msgs, done * sizeof(struct abi_mmsghdr));

		ret = send_msg(f, msg, flags);
		if (ret < 0)
			break;
		ret = put_length(msg, ret);
		if (ret)
			break;
	}
	file_put(f);
	return done ? (long)done : ret;
}

/* The deadline is looked at after each message, as on Linux: it ends no wait. */
static long do_recvmmsg(u32 fd, uptr_t msgs, u32 n, u32 flags, const struct timeout *t)
{
	struct file *f;
	long ret = get_socket(fd, &f);
	u32 done = 0;

	if (ret)
		return ret;
	while (done < n) {
		uptr_t msg = uptr_add(msgs, done * sizeof(struct abi_mmsghdr));

		ret = recv_msg(f, msg, flags & ~MSG_WAITFORONE);
		if (ret < 0)
			break;
		ret = put_length(msg, ret);
		if (ret)
			break;
		done++;
		if (flags & MSG_WAITFORONE)
			flags |= MSG_DONTWAIT;
		if (!t->forever && clock_monotonic_ns() >= t->deadline)
			break;
	}
	file_put(f);
	return done ? (long)done : ret;
}

static long recvmmsg(u32 fd, uptr_t msgs, u32 n, u32 flags, uptr_t time, enum time_kind kind)
{
	struct timeout t;
	long ret = timeout_get(&t, time, kind);

	if (ret)
		return ret;
	ret = do_recvmmsg(fd, msgs, n, flags, &t);
	if (ret > 0)
		timeout_put_left(&t, time, kind);
	return ret;
}

long sys_recvmmsg(u32 fd, uptr_t msgs, u32 n, u32 flags, uptr_t time)
{
	return recvmmsg(fd, msgs, n, flags, time, TIMESPEC32);
}

long sys_recvmmsg_time64(u32 fd, uptr_t msgs, u32 n, u32 flags, uptr_t time)
{
	return recvmmsg(fd, msgs, n, flags, time, TIMESPEC64);
}

/* --- socketcall --- */

static const u8 nr_args[] = {
	[SYS_SOCKET] = 3,
	[SYS_BIND] = 3,
	[SYS_CONNECT] = 3,
	[SYS_LISTEN] = 2,
	[SYS_ACCEPT] = 3,
	[SYS_GETSOCKNAME] = 3,
	[SYS_GETPEERNAME] = 3,
	[SYS_SOCKETPAIR] = 4,
	[SYS_SEND] = 4,
	[SYS_RECV] = 4,
	[SYS_SENDTO] = 6,
	[SYS_RECVFROM] = 6,
	[SYS_SHUTDOWN] = 2,
	[SYS_SETSOCKOPT] = 5,
	[SYS_GETSOCKOPT] = 5,
	[SYS_SENDMSG] = 3,
	[SYS_RECVMSG] = 3,
	[SYS_ACCEPT4] = 4,
	[SYS_RECVMMSG] = 5,
	[SYS_SENDMMSG] = 4,
};

static long call_data(u32 call, const u32 *a)
{
	switch (call) {
	case SYS_SEND:
		return sys_sendto(a[0], UPTR(a[1]), a[2], a[3], UPTR(0), 0);
	case SYS_SENDTO:
		return sys_sendto(a[0], UPTR(a[1]), a[2], a[3], UPTR(a[4]), (s32)a[5]);
	case SYS_RECV:
		return sys_recvfrom(a[0], UPTR(a[1]), a[2], a[3], UPTR(0), UPTR(0));
	case SYS_RECVFROM:
		return sys_recvfrom(a[0], UPTR(a[1]), a[2], a[3], UPTR(a[4]), UPTR(a[5]));
	case SYS_SENDMSG:
		return sys_sendmsg(a[0], UPTR(a[1]), a[2]);
	case SYS_RECVMSG:
		return sys_recvmsg(a[0], UPTR(a[1]), a[2]);
	case SYS_SENDMMSG:
		return sys_sendmmsg(a[0], UPTR(a[1]), a[2], a[3]);
	default: /* SYS_RECVMMSG */
		return sys_recvmmsg(a[0], UPTR(a[1]), a[2], a[3], UPTR(a[4]));
	}
}

long sys_socketcall(u32 call, uptr_t args)
{
	u32 a[6];

	if (call < SYS_SOCKET || call > SYS_SENDMMSG)
		return -EINVAL;
	if (copy_from_user(a, args, nr_args[call] * sizeof(u32)))
		return -EFAULT;
	switch (call) {
	case SYS_SOCKET:
		return sys_socket(a[0], a[1], a[2]);
	case SYS_BIND:
		return sys_bind(a[0], UPTR(a[1]), (s32)a[2]);
	case SYS_CONNECT:
		return sys_connect(a[0], UPTR(a[1]), (s32)a[2]);
	case SYS_LISTEN:
		return sys_listen(a[0], (s32)a[1]);
	case SYS_ACCEPT:
		return sys_accept4(a[0], UPTR(a[1]), UPTR(a[2]), 0);
	case SYS_ACCEPT4:
		return sys_accept4(a[0], UPTR(a[1]), UPTR(a[2]), a[3]);
	case SYS_GETSOCKNAME:
		return sys_getsockname(a[0], UPTR(a[1]), UPTR(a[2]));
	case SYS_GETPEERNAME:
		return sys_getpeername(a[0], UPTR(a[1]), UPTR(a[2]));
	case SYS_SOCKETPAIR:
		return sys_socketpair(a[0], a[1], a[2], UPTR(a[3]));
	case SYS_SHUTDOWN:
		return sys_shutdown(a[0], a[1]);
	case SYS_SETSOCKOPT:
		return sys_setsockopt(a[0], (s32)a[1], a[2], UPTR(a[3]), (s32)a[4]);
	case SYS_GETSOCKOPT:
		return sys_getsockopt(a[0], (s32)a[1], a[2], UPTR(a[3]), UPTR(a[4]));
	default:
		return call_data(call, a);
	}
}
