/* Sockets: their life, connections, and how they look as files. The data is in sock_io.c, what a
 * family does its own way in unix.c and inet.c. */
#include "kernel/net/sock.h"
#include "kernel/abi/errno.h"
#include "kernel/abi/poll.h"
#include "kernel/abi/signal.h"
#include "kernel/abi/termios.h"
#include "kernel/core/clock.h"
#include "kernel/fs/fasync.h"
#include "kernel/fs/poll.h"
#include "kernel/fs/vfs.h"
#include "kernel/lib/kassert.h"
#include "kernel/net/inet.h"
#include "kernel/proc/task.h"
#include "kernel/x86/uaccess.h"
#include "mm/kmalloc.h"
#include "mm/slab.h"

#define SOCKFS_MAGIC 0x534f434bu

struct spinlock sock_lock = SPINLOCK_INIT("sockets");
struct list_head socks = LIST_HEAD_INIT(socks);
struct waitq sock_dgram_room = WAITQ_INIT(sock_dgram_room);
u32 sock_somaxconn = 4096;

#define NAME_BUCKETS 256u

static struct list_head name_buckets[NAME_BUCKETS];
static struct slab_cache *sock_cache __ro_after_init;
static struct internal_mount sockfs;

/* --- Making and letting go --- */

struct sock *sock_create(const struct sock_family *ops, u32 type)
{
	struct sock *s = slab_zalloc(sock_cache);

	if (!s)
		return err_ptr(-ENOMEM);
	s->ops = ops;
	s->refs = 1;
	s->type = type;
	s->sndbuf = s->rcvbuf = SOCK_BUF;
	s->rcvlowat = 1;
	s->pacing_rate = UINT32_MAX;
	s->uid = current_cred()->euid;
	list_init(&s->named);
	list_init(&s->receive);
	list_init(&s->waiting);
	mutex_init(&s->read_lock);
	waitq_init(&s->readers);
	waitq_init(&s->writers);
	list_init(&s->async);
	spin_lock(&sock_lock);
	list_add_tail(&s->all, &socks);
	spin_unlock(&sock_lock);
	return s;
}

struct list_head *sock_bucket(u32 hash)
{
	return &name_buckets[hash % NAME_BUCKETS];
}

/* Connections do not stand in the way of who looks for somebody to connect to. */
static void enter_bucket(struct sock *s)
{
	list_del_init(&s->named);
	if (s->bucket && sock_listens(s))
		list_add(&s->named, s->bucket);
	else if (s->bucket)
		list_add_tail(&s->named, s->bucket);
}

void sock_name(struct sock *s, u32 hash)
{
	s->bucket = sock_bucket(hash);
	enter_bucket(s);
}

void sock_unname(struct sock *s)
{
	s->bucket = NULL;
	enter_bucket(s);
}

struct sock *sock_hold(struct sock *s)
{
	s->refs++;
	return s;
}

/* Drops one reference of a name; returns what must be freed. Caller holds sock_lock. */
static struct unix_name *name_drop(struct unix_name *name)
{
	return name && --name->refs == 0 ? name : NULL;
}

void sock_put(struct sock *s)
{
	struct unix_name *name = NULL;
	bool last;

	if (!s)
		return;
	spin_lock(&sock_lock);
	last = --s->refs == 0;
	if (last)
		name = name_drop(s->name);
	spin_unlock(&sock_lock);
	if (!last)
		return;
	kassert(list_empty(&s->receive) && !s->peer && !s->charged && s->dead);
	kfree(name);
	slab_free(sock_cache, s);
}

void sock_wake(struct sock *s)
{
	waitq_wake_all(&s->readers);
	waitq_wake_all(&s->writers);
}

void sock_data_ready(struct sock *s)
{
	waitq_wake_all(&s->readers);
	fasync_notify(&s->async, POLL_IN);
}

void sock_state_changed(struct sock *s)
{
	sock_wake(s);
	if (s->error)
		fasync_notify(&s->async, POLL_ERR);
	else if (s->shutdown & RCV_SHUTDOWN)
		fasync_notify(&s->async, s->shutdown == SHUTDOWN_MASK ? POLL_HUP : POLL_IN);
}

long sock_wait(struct waitq *q, bool (*cond)(struct sock *s), struct sock *s, u64 ns)
{
	struct alarm_clock alarm;
	long err;

	if (!ns)
		return wait_event_interruptible(q, cond(s)) ? -ERESTARTSYS : 0;
	alarm_clock_arm(&alarm, clock_monotonic_ns() + ns);
	err = wait_event_interruptible(q, cond(s) || READ_ONCE(alarm.expired));
	alarm_clock_cancel(&alarm);
	if (err)
		return -EINTR;
	return cond(s) ? 0 : -EAGAIN;
}

/* --- The end of a socket, or of what it was connected to --- */

/* Out of its listener's queue, for good. Caller holds sock_lock. */
static void leave_queue(struct sock *conn, struct sock_rest *rest)
{
	conn->listener->queued--;
	conn->listener = NULL;
	list_move_tail(&conn->waiting, &rest->waiting);
}

void sock_detach(struct sock *s, struct sock_rest *rest)
{
	rest->peer = s->peer;
	if (s->state == SS_CONNECTING)
		leave_queue(s->peer, rest);
	if (s->peer)
		s->ops->leave(s, s->peer);
	s->peer = NULL;
	while (s->state == SS_LISTENING && s->queued)
		leave_queue(list_first_entry(&s->receive, struct sock, waiting), rest);
	list_splice_tail(&s->receive, &rest->msgs);
	s->queued = s->unread = 0;
	s->state = SS_CLOSED;
	enter_bucket(s);
}

void sock_drop(struct sock *s, struct sock_rest *rest)
{
	struct sock *conn;

	sock_wake(s);
	if (rest->peer)
		sock_state_changed(rest->peer);
	sock_msgs_free(&rest->msgs);
	sock_put(rest->peer);
	while (!list_empty(&rest->waiting)) {
		conn = list_first_entry(&rest->waiting, struct sock, waiting);
		list_del_init(&conn->waiting);
		sock_close(conn);
	}
}

void sock_close(struct sock *s)
{
	struct sock_rest rest = SOCK_REST_INIT(rest);
	struct path path;

	spin_lock(&sock_lock);
	path = s->path;
	s->path = (struct path){0};
	sock_detach(s, &rest);
	s->file = NULL;
	s->dead = true;
	s->shutdown = SHUTDOWN_MASK;
	list_del(&s->all);
	sock_unname(s);
	spin_unlock(&sock_lock);
	sock_drop(s, &rest);
	path_put(path);
	sock_put(s);
}

static void sock_release(struct file *f)
{
	sock_gc_wanted = true;
	sock_close(sock_of(f));
}

static const struct inode_ops sock_inode_ops = {
	.attributes_settable = true,
};

static struct dentry *sock_dentry(void)
{
	struct inode *inode = inode_create(&sockfs.super, &sock_inode_ops, S_IFSOCK | 0777);

	if (!inode)
		return NULL;
	inode_set_owner(inode);
	return dentry_create_anon("socket", inode);
}

struct file *sock_file_create(struct sock *s, u32 flags)
{
	struct path at = {NULL, sock_dentry()};
	struct file *f = err_ptr(-ENOMEM);

	if (at.dentry) {
		at.mnt = mount_get(&sockfs.mount);
		f = file_create_with(at, O_RDWR | flags, &sock_file_ops, s);
	}
	if (is_err(f)) {
		sock_close(s);
		return f;
	}
	spin_lock(&sock_lock);
	s->file = f;
	spin_unlock(&sock_lock);
	return f;
}

/* --- Connections --- */

struct abi_ucred sock_own_cred(void)
{
	const struct credentials *c = current_cred();

	return (struct abi_ucred){current_process()->pid, c->euid, c->egid};
}

void sock_pair(struct sock *a, struct sock *b)
{
	spin_lock(&sock_lock);
	a->peer = sock_hold(b);
	b->peer = sock_hold(a);
	a->peercred = b->peercred = sock_own_cred();
	a->state = b->state = SS_CONNECTED;
	spin_unlock(&sock_lock);
}

void sock_link(struct sock *s, struct sock *conn, struct sock *listener)
{
	conn->peer = sock_hold(s);
	s->peer = sock_hold(conn);
	conn->state = s->state = SS_CONNECTED;
	conn->accepted = true;
	conn->listener = listener;
	list_add_tail(&conn->waiting, &listener->receive);
	listener->queued++;
}

/* Those for whom the queue has room now are connected. Caller holds sock_lock. */
static void let_in(struct sock *listener)
{
	struct sock *conn;
	u32 n = 0;

	list_for_each_entry (conn, &listener->receive, waiting) {
		if (n++ > listener->backlog)
			return;
		if (conn->peer && conn->peer->state == SS_CONNECTING) {
			conn->peer->state = SS_CONNECTED;
			sock_wake(conn->peer);
		}
	}
}

int sock_listen(struct sock *s, s32 backlog)
{
	int err;

	if (!sock_connects(s))
		return -EOPNOTSUPP;
	spin_lock(&sock_lock);
	err = s->ops->may_listen(s);
	if (!err) {
		s->backlog = MIN((u32)backlog, sock_somaxconn);
		s->state = SS_LISTENING;
		enter_bucket(s);
		s->peercred = sock_own_cred();
		let_in(s);
	}
	spin_unlock(&sock_lock);
	if (!err)
		waitq_wake_all(&s->writers);
	return err;
}

static bool has_connection(struct sock *s)
{
	return s->queued || s->state != SS_LISTENING || (s->shutdown & RCV_SHUTDOWN);
}

/* The connection that has waited longest, or NULL. */
static struct sock *take_connection(struct sock *s)
{
	struct sock *conn = NULL;

	spin_lock(&sock_lock);
	if (s->state == SS_LISTENING && s->queued) {
		conn = list_first_entry(&s->receive, struct sock, waiting);
		list_del_init(&conn->waiting);
		conn->listener = NULL;
		if (s->queued-- > s->backlog)
			let_in(s);
	}
	spin_unlock(&sock_lock);
	if (conn)
		waitq_wake_all(&s->writers);
	return conn;
}

int sock_accept(struct sock *s, bool nonblock, struct sock **out)
{
	int err;

	if (!sock_connects(s))
		return -EOPNOTSUPP;
	while (!(*out = take_connection(s))) {
		if (s->state != SS_LISTENING || (s->shutdown & RCV_SHUTDOWN))
			return -EINVAL;
		if (nonblock)
			return -EAGAIN;
		err = (int)sock_wait(&s->readers, has_connection, s, s->rcvtimeo);
		if (err)
			return err;
	}
	return 0;
}

/* --- As a file --- */

static bool is_writable(const struct sock *s)
{
	return s->state != SS_LISTENING && s->charged * 4ull <= sock_limit(s);
}

/* Caller holds sock_lock. */
static bool peer_takes(const struct sock *s)
{
	const struct sock *peer = s->peer;

	return sock_connects(s) || !peer || peer->peer == s || !sock_queue_full(peer);
}

static u32 poll_locked(const struct sock *s)
{
	u32 events = s->error ? POLLERR : 0;

	if (s->state == SS_CONNECTING)
		return events;
	if (s->shutdown == SHUTDOWN_MASK)
		events |= POLLHUP;
	if (s->shutdown & RCV_SHUTDOWN)
		events |= POLLRDHUP | POLLIN | POLLRDNORM;
	if (s->queued)
		events |= POLLIN | POLLRDNORM;
	if (sock_connects(s) && s->state == SS_CLOSED)
		events |= POLLHUP;
	if (is_writable(s) && peer_takes(s))
		events |= POLLOUT | POLLWRNORM | (sock_is_tcp(s) ? 0 : POLLWRBAND);
	return events;
}

static u32 sock_poll(struct file *f, struct poll_table *pt)
{
	struct sock *s = sock_of(f);
	u32 events;

	poll_wait_for(pt, &s->readers, POLLIN | POLLRDNORM);
	poll_wait_for(pt, &s->writers, POLLOUT | POLLWRNORM);
	if (s->type == SOCK_DGRAM)
		poll_wait_for(pt, &sock_dgram_room, POLLOUT | POLLWRNORM);
	spin_lock(&sock_lock);
	events = poll_locked(s);
	spin_unlock(&sock_lock);
	return events;
}

static ssize_k sock_read(struct file *f, struct iobuf *to, size_t n, u64 *pos)
{
	struct sock_call c = {.kernel = to, .len = n, .nonblock = f->flags & O_NONBLOCK};
	ssize_k done = n ? sock_of(f)->ops->recv(sock_of(f), &c) : 0;

	scm_drop(&c.scm);
	return done;
}

static ssize_k sock_write(struct file *f, struct iobuf *from, size_t n, u64 *pos)
{
	struct sock_call c = {.kernel = from, .len = n, .nonblock = f->flags & O_NONBLOCK};

	return sock_of(f)->ops->send(sock_of(f), &c);
}

static ssize_k sock_vector(struct file *f, const struct abi_iovec *iov, u32 n, bool write)
{
	struct sock_call c = {.iov = iov, .nr_iov = n, .nonblock = f->flags & O_NONBLOCK};
	ssize_k done;

	for (u32 i = 0; i < n; i++)
		c.len += iov[i].len;
	if (write)
		return sock_of(f)->ops->send(sock_of(f), &c);
	done = c.len ? sock_of(f)->ops->recv(sock_of(f), &c) : 0;
	scm_drop(&c.scm);
	return done;
}

static u32 bytes_to_read(struct sock *s)
{
	u32 n;

	spin_lock(&sock_lock);
	n = s->unread;
	if (s->type == SOCK_DGRAM && s->queued)
		n = list_first_entry(&s->receive, struct sock_msg, link)->len;
	spin_unlock(&sock_lock);
	return n;
}

static long sock_ioctl(struct file *f, u32 cmd, u32 arg)
{
	struct sock *s = sock_of(f);
	u32 v;

	switch (cmd) {
	case FIOSETOWN:
	case SIOCSPGRP:
		return get_user_u32(&v, UPTR(arg)) ? -EFAULT : fasync_set_number(f, (s32)v);
	case FIOGETOWN:
	case SIOCGPGRP:
		return put_user_u32(UPTR(arg), (u32)fasync_number(f));
	case SIOCATMARK: /* nothing urgent is ever sent */
		if (s->ops != &unix_family && !sock_is_tcp(s))
			return -ENOTTY;
		return put_user_u32(UPTR(arg), 0);
	case FIONREAD:
		if (s->state == SS_LISTENING)
			return -EINVAL;
		return put_user_u32(UPTR(arg), bytes_to_read(s));
	case TIOCOUTQ:
		return put_user_u32(UPTR(arg), s->charged);
	default:
		return lo_ioctl(cmd, UPTR(arg));
	}
}

static struct list_head *sock_async(struct file *f)
{
	return &sock_of(f)->async;
}

const struct file_ops sock_file_ops = {
	.read = sock_read,
	.write = sock_write,
	.vector = sock_vector,
	.poll = sock_poll,
	.ioctl = sock_ioctl,
	.release = sock_release,
	.async = sock_async,
};

static struct fs_type sock_type = {
	.name = "sockfs",
	.magic = SOCKFS_MAGIC,
};

void __init sock_init(void)
{
	mount_init_internal(&sockfs, &sock_type);
	for (u32 i = 0; i < NAME_BUCKETS; i++)
		list_init(&name_buckets[i]);
	sock_cache = slab_create("sock", sizeof(struct sock), 0, 0, NULL);
	if (!sock_cache)
		panic("no memory for the socket cache");
}
