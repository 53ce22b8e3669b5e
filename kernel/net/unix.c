/* AF_UNIX sockets: their life, names, and connections. The data is in unix_io.c. */
#include "kernel/net/unix.h"
#include "kernel/abi/errno.h"
#include "kernel/abi/poll.h"
#include "kernel/abi/termios.h"
#include "kernel/core/clock.h"
#include "kernel/fs/path.h"
#include "kernel/fs/poll.h"
#include "kernel/lib/fmt.h"
#include "kernel/lib/kassert.h"
#include "kernel/lib/string.h"
#include "kernel/proc/task.h"
#include "kernel/x86/uaccess.h"
#include "mm/kmalloc.h"
#include "mm/slab.h"

#define PATH_AT	     offsetof(struct abi_sockaddr_un, path)
#define SOCKFS_MAGIC 0x534f434bu
#define AUTOBIND_MAX 0x100000u

struct spinlock unix_lock = SPINLOCK_INIT("unix");
struct list_head unix_socks = LIST_HEAD_INIT(unix_socks);

struct waitq unix_dgram_room = WAITQ_INIT(unix_dgram_room);

static struct slab_cache *sock_cache __ro_after_init;
static struct mount sock_mount;

/* --- Making and letting go --- */

struct unix_sock *unix_create(u32 type)
{
	struct unix_sock *s = slab_zalloc(sock_cache);

	if (!s)
		return NULL;
	s->refs = 1;
	s->type = type;
	s->sndbuf = s->rcvbuf = UNIX_SNDBUF;
	s->backlog = UNIX_DGRAM_QLEN;
	s->rcvlowat = 1;
	list_init(&s->receive);
	list_init(&s->waiting);
	mutex_init(&s->read_lock);
	waitq_init(&s->readers);
	waitq_init(&s->writers);
	spin_lock(&unix_lock);
	list_add_tail(&s->all, &unix_socks);
	spin_unlock(&unix_lock);
	return s;
}

struct unix_sock *unix_hold(struct unix_sock *s)
{
	s->refs++;
	return s;
}

/* Drops one reference of a name; returns what must be freed. Caller holds unix_lock. */
static struct unix_name *name_drop(struct unix_name *name)
{
	return name && --name->refs == 0 ? name : NULL;
}

void unix_put(struct unix_sock *s)
{
	struct unix_name *name = NULL;
	bool last;

	if (!s)
		return;
	spin_lock(&unix_lock);
	last = --s->refs == 0;
	if (last)
		name = name_drop(s->name);
	spin_unlock(&unix_lock);
	if (!last)
		return;
	kassert(list_empty(&s->receive) && !s->peer && !s->charged && s->dead);
	kfree(name);
	slab_free(sock_cache, s);
}

void unix_wake(struct unix_sock *s)
{
	waitq_wake_all(&s->readers);
	waitq_wake_all(&s->writers);
}

long unix_wait(struct waitq *q, bool (*cond)(struct unix_sock *s), struct unix_sock *s, u64 ns)
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

/* What a closed socket leaves to its peer. Caller holds unix_lock. */
static void leave_peer(struct unix_sock *s, struct unix_sock *peer)
{
	if (!unix_connecting(s))
		return;
	peer->shutdown = UNIX_SHUTDOWN;
	if (s->queued || !s->file)
		peer->error = ECONNRESET;
}

/* Takes what a socket has queued: messages, or connections nobody accepted. Caller holds
 * unix_lock. */
static void take_queue(struct unix_sock *s, struct list_head *msgs, struct list_head *waiting)
{
	list_splice_tail(&s->receive, s->state == UNIX_LISTENING ? waiting : msgs);
	s->queued = s->unread = 0;
}

/* The socket is closed: nobody finds it any more; what was queued goes. Connections that wait to be
 * accepted come to `waiting`, to be closed too. */
static void close_sock(struct unix_sock *s, struct list_head *waiting)
{
	struct unix_sock *peer;
	struct dentry *path;
	LIST_HEAD(msgs);

	spin_lock(&unix_lock);
	peer = s->peer;
	path = s->path;
	if (peer)
		leave_peer(s, peer);
	s->peer = NULL;
	s->path = NULL;
	s->file = NULL;
	s->dead = true;
	s->shutdown = UNIX_SHUTDOWN;
	take_queue(s, &msgs, waiting);
	s->state = UNIX_CLOSED;
	list_del(&s->all);
	spin_unlock(&unix_lock);
	unix_wake(s);
	if (peer)
		unix_wake(peer);
	unix_msgs_free(&msgs);
	dentry_put(path);
	unix_put(peer);
	unix_put(s);
}

static void unix_release(struct file *f)
{
	LIST_HEAD(waiting);
	LIST_HEAD(none);

	unix_gc_wanted = true;
	close_sock(unix_of(f), &waiting);
	while (!list_empty(&waiting)) {
		struct unix_sock *s = list_first_entry(&waiting, struct unix_sock, waiting);

		list_del_init(&s->waiting);
		close_sock(s, &none);
	}
}

static const struct inode_ops sock_inode_ops = {
	.attributes_settable = true,
};

static struct dentry *sock_dentry(void)
{
	struct inode *inode = inode_create(&sock_mount, &sock_inode_ops, S_IFSOCK | 0777);

	if (!inode)
		return NULL;
	inode_set_owner(inode);
	return dentry_create_anon("socket", inode);
}

struct file *unix_file_create(struct unix_sock *s, u32 flags)
{
	struct dentry *d = sock_dentry();
	struct file *f =
		d ? file_create_with(d, O_RDWR | flags, &unix_file_ops, s) : err_ptr(-ENOMEM);

	if (is_err(f)) {
		struct file gone = {.private = s};

		unix_release(&gone);
		return f;
	}
	spin_lock(&unix_lock);
	s->file = f;
	spin_unlock(&unix_lock);
	return f;
}

/* --- Names --- */

/* Brings an address into its one form. Returns its length, or -EINVAL. */
static long normalise(struct abi_sockaddr_un *addr, u32 len)
{
	if (len <= PATH_AT || len > sizeof(*addr) || addr->family != AF_UNIX)
		return -EINVAL;
	if (!addr->path[0])
		return len;
	return (long)(PATH_AT + strnlen(addr->path, len - PATH_AT) + 1);
}

static struct unix_name *name_create(const struct abi_sockaddr_un *addr, u32 len)
{
	struct unix_name *name = kzalloc(sizeof(*name));

	if (!name)
		return NULL;
	name->refs = 1;
	name->len = len;
	memcpy(&name->addr, addr, MIN(len, sizeof(*addr)));
	return name;
}

u32 unix_copy_name(const struct unix_name *name, struct abi_sockaddr_un *addr)
{
	*addr = (struct abi_sockaddr_un){.family = AF_UNIX};
	if (!name)
		return PATH_AT;
	*addr = name->addr;
	return name->len;
}

/* Abstract names are apart for each type of socket. Caller holds unix_lock. */
static struct unix_sock *find_abstract(const struct abi_sockaddr_un *addr, u32 len, u32 type)
{
	struct unix_sock *s;

	list_for_each_entry (s, &unix_socks, all) {
		if (s->type != type || s->accepted || !s->name || s->name->len != len)
			continue;
		if (memcmp(s->name->addr.path, addr->path, len - PATH_AT) == 0)
			return s;
	}
	return NULL;
}

static struct unix_sock *find_inode(const struct inode *inode)
{
	struct unix_sock *s;

	list_for_each_entry (s, &unix_socks, all)
		if (s->path && s->path->inode == inode)
			return s;
	return NULL;
}

static struct unix_sock *find_path(const char *path, u32 type)
{
	struct unix_sock *s = NULL;
	struct dentry *d;
	int err = path_lookup(AT_FDCWD, path, LOOKUP_FOLLOW, &d);

	if (err)
		return err_ptr(err);
	err = inode_permission(d->inode, MAY_WRITE);
	spin_lock(&unix_lock);
	if (!err)
		s = find_inode(d->inode);
	if (s)
		unix_hold(s);
	spin_unlock(&unix_lock);
	dentry_put(d);
	if (!s)
		return err_ptr(err ? err : -ECONNREFUSED);
	if (s->type != type) {
		unix_put(s);
		return err_ptr(-EPROTOTYPE);
	}
	return s;
}

struct unix_sock *unix_find(struct abi_sockaddr_un *addr, u32 len, u32 type)
{
	char path[UNIX_PATH_MAX + 1];
	struct unix_sock *s;
	long n = normalise(addr, len);

	if (n < 0)
		return err_ptr(n);
	if (addr->path[0]) {
		strlcpy(path, addr->path, MIN((u32)n - PATH_AT, sizeof(path)));
		return find_path(path, type);
	}
	spin_lock(&unix_lock);
	s = find_abstract(addr, (u32)n, type);
	if (s)
		unix_hold(s);
	spin_unlock(&unix_lock);
	return s ? s : err_ptr(-ECONNREFUSED);
}

/* Gives the socket a name, and the path's dentry with it (both taken over), if it has none. */
static int set_name(struct unix_sock *s, struct unix_name *name, struct dentry *path)
{
	int err = 0;

	spin_lock(&unix_lock);
	if (s->name)
		err = -EINVAL;
	else if (!path && find_abstract(&name->addr, name->len, s->type))
		err = -EADDRINUSE;
	if (!err) {
		s->name = name;
		s->path = path;
	}
	spin_unlock(&unix_lock);
	if (err) {
		kfree(name);
		dentry_put(path);
	}
	return err;
}

static int bind_path(struct unix_sock *s, struct unix_name *name)
{
	char path[UNIX_PATH_MAX + 1];
	struct dentry *d = NULL;
	struct walk w;
	int err;

	strlcpy(path, name->addr.path, MIN(name->len - PATH_AT, sizeof(path)));
	err = walk_begin(&w, AT_FDCWD, path, 0);
	if (!err) {
		err = walk_to_parent(&w);
		if (!err && (w.name.type != NAME_NORMAL || w.name.slash))
			err = w.name.type != NAME_NORMAL ? -EEXIST : -ENOENT;
		if (!err)
			err = vfs_create(
				w.at, &w.name, S_IFSOCK | (0777 & ~current_umask()), 0, NULL, &d);
		walk_end(&w);
	}
	if (err) {
		kfree(name);
		return err == -EEXIST ? -EADDRINUSE : err;
	}
	return set_name(s, name, d);
}

/* The first of the names 00000 to fffff that is free. */
int unix_autobind(struct unix_sock *s)
{
	static u32 next; /* any start will do: no lock */
	struct abi_sockaddr_un addr = {.family = AF_UNIX};
	struct unix_name *name;
	int err = -EADDRINUSE;

	for (u32 i = 0; i < AUTOBIND_MAX && err == -EADDRINUSE; i++) {
		if (READ_ONCE(s->name))
			return 0;
		snprintf(addr.path + 1, 6, "%05x", next++ % AUTOBIND_MAX);
		name = name_create(&addr, PATH_AT + 6);
		if (!name)
			return -ENOMEM;
		err = set_name(s, name, NULL);
	}
	return err;
}

int unix_bind(struct unix_sock *s, struct abi_sockaddr_un *addr, u32 len)
{
	struct unix_name *name;
	long n;

	if (len == PATH_AT && addr->family == AF_UNIX)
		return unix_autobind(s);
	n = normalise(addr, len);
	if (n < 0)
		return (int)n;
	if (READ_ONCE(s->name))
		return -EINVAL;
	name = name_create(addr, (u32)n);
	if (!name)
		return -ENOMEM;
	return addr->path[0] ? bind_path(s, name) : set_name(s, name, NULL);
}

long unix_getname(struct unix_sock *s, bool peer, struct abi_sockaddr_un *addr)
{
	long len = -ENOTCONN;

	spin_lock(&unix_lock);
	if (peer)
		s = s->peer;
	if (s)
		len = (long)unix_copy_name(s->name, addr);
	spin_unlock(&unix_lock);
	return len;
}

/* --- Connecting --- */

static struct abi_ucred own_cred(void)
{
	const struct credentials *c = current_cred();

	return (struct abi_ucred){current_process()->pid, c->euid, c->egid};
}

int unix_pair(struct unix_sock *a, struct unix_sock *b)
{
	spin_lock(&unix_lock);
	a->peer = unix_hold(b);
	b->peer = unix_hold(a);
	a->peercred = b->peercred = own_cred();
	a->state = b->state = UNIX_CONNECTED;
	spin_unlock(&unix_lock);
	return 0;
}

static bool may_queue(struct unix_sock *listener)
{
	return !unix_queue_full(listener) || listener->state != UNIX_LISTENING;
}

/* Caller holds unix_lock. 0 when `s` may be connected to `other` now. */
static int check_connect(const struct unix_sock *s, const struct unix_sock *other)
{
	if (other->state != UNIX_LISTENING || (other->shutdown & UNIX_RCV_SHUTDOWN))
		return -ECONNREFUSED;
	if (s->state == UNIX_CONNECTED)
		return -EISCONN;
	if (s->state == UNIX_LISTENING)
		return -EINVAL;
	return unix_queue_full(other) ? -EAGAIN : 0;
}

/* Puts `conn`, the server's end, into the listener's queue. Caller holds unix_lock. */
static void link_connection(struct unix_sock *s, struct unix_sock *conn, struct unix_sock *listener)
{
	conn->peer = unix_hold(s);
	s->peer = unix_hold(conn);
	conn->state = s->state = UNIX_CONNECTED;
	conn->peercred = own_cred();
	s->peercred = listener->peercred;
	conn->accepted = true;
	conn->name = listener->name;
	conn->name->refs++;
	conn->options |= listener->options & (1u << SO_PASSCRED);
	list_add_tail(&conn->waiting, &listener->receive);
	listener->queued++;
}

static int try_connect(struct unix_sock *s, struct unix_sock *conn, struct unix_sock *listener)
{
	int err;

	spin_lock(&unix_lock);
	err = check_connect(s, listener);
	if (!err)
		link_connection(s, conn, listener);
	spin_unlock(&unix_lock);
	if (!err)
		waitq_wake_all(&listener->readers);
	return err;
}

static int connect_to(
	struct unix_sock *s, struct unix_sock *conn, struct unix_sock *listener, bool nonblock)
{
	int err;

	while ((err = try_connect(s, conn, listener)) == -EAGAIN && !nonblock) {
		err = (int)unix_wait(&listener->writers, may_queue, listener, s->sndtimeo);
		if (err)
			break;
	}
	return err;
}

/* A connection that came to nothing. */
static void drop_connection(struct unix_sock *conn)
{
	LIST_HEAD(none);

	close_sock(conn, &none);
}

static int connect_stream(struct unix_sock *s, struct abi_sockaddr_un *addr, u32 len, bool nonblock)
{
	struct unix_sock *listener, *conn;
	int err = 0;

	if ((s->options & 1u << SO_PASSCRED) && !s->name)
		err = unix_autobind(s);
	if (err)
		return err;
	listener = unix_find(addr, len, s->type);
	if (is_err(listener))
		return (int)ptr_err(listener);
	conn = unix_create(s->type);
	if (!conn) {
		unix_put(listener);
		return -ENOMEM;
	}
	err = connect_to(s, conn, listener, nonblock);
	if (err)
		drop_connection(conn);
	unix_put(listener);
	return err;
}

/* `other` NULL: connected to nobody. */
static int set_peer(struct unix_sock *s, struct unix_sock *other)
{
	struct unix_sock *old;

	spin_lock(&unix_lock);
	if (other && other->peer && other->peer != s) {
		spin_unlock(&unix_lock);
		unix_put(other);
		return -EPERM;
	}
	old = s->peer;
	s->peer = other;
	s->state = other ? UNIX_CONNECTED : UNIX_CLOSED;
	spin_unlock(&unix_lock);
	unix_put(old);
	return 0;
}

static int connect_dgram(struct unix_sock *s, struct abi_sockaddr_un *addr, u32 len)
{
	struct unix_sock *other = NULL;
	int err = 0;

	if (addr->family != AF_UNSPEC) {
		if ((s->options & 1u << SO_PASSCRED) && !s->name)
			err = unix_autobind(s);
		if (err)
			return err;
		other = unix_find(addr, len, SOCK_DGRAM);
		if (is_err(other))
			return (int)ptr_err(other);
	}
	return set_peer(s, other);
}

int unix_connect(struct unix_sock *s, struct abi_sockaddr_un *addr, u32 len, bool nonblock)
{
	if (len < sizeof(addr->family))
		return -EINVAL;
	if (s->type == SOCK_DGRAM)
		return connect_dgram(s, addr, len);
	return connect_stream(s, addr, len, nonblock);
}

int unix_listen(struct unix_sock *s, s32 backlog)
{
	int err = 0;

	if (!unix_connecting(s))
		return -EOPNOTSUPP;
	spin_lock(&unix_lock);
	if (!s->name || s->state == UNIX_CONNECTED) {
		err = -EINVAL;
	} else {
		s->backlog = MIN((u32)backlog, UNIX_SOMAXCONN);
		s->state = UNIX_LISTENING;
		s->peercred = own_cred();
	}
	spin_unlock(&unix_lock);
	if (!err)
		waitq_wake_all(&s->writers);
	return err;
}

static bool has_connection(struct unix_sock *s)
{
	return s->queued || (s->shutdown & UNIX_RCV_SHUTDOWN);
}

/* The connection that has waited longest, or NULL. */
static struct unix_sock *take_connection(struct unix_sock *s)
{
	struct unix_sock *conn = NULL;

	spin_lock(&unix_lock);
	if (s->queued) {
		conn = list_first_entry(&s->receive, struct unix_sock, waiting);
		list_del_init(&conn->waiting);
		s->queued--;
	}
	spin_unlock(&unix_lock);
	if (conn)
		waitq_wake_all(&s->writers);
	return conn;
}

int unix_accept(struct unix_sock *s, bool nonblock, struct unix_sock **out)
{
	int err;

	if (!unix_connecting(s))
		return -EOPNOTSUPP;
	if (s->state != UNIX_LISTENING)
		return -EINVAL;
	while (!(*out = take_connection(s))) {
		if (s->shutdown & UNIX_RCV_SHUTDOWN)
			return -EINVAL;
		if (nonblock)
			return -EAGAIN;
		err = (int)unix_wait(&s->readers, has_connection, s, s->rcvtimeo);
		if (err)
			return err;
	}
	return 0;
}

int unix_shutdown(struct unix_sock *s, u32 how)
{
	u32 mask = how + 1, mirrored;
	struct unix_sock *peer;

	if (how > SHUT_RDWR)
		return -EINVAL;
	mirrored = (mask & UNIX_RCV_SHUTDOWN ? UNIX_SND_SHUTDOWN : 0) |
		   (mask & UNIX_SND_SHUTDOWN ? UNIX_RCV_SHUTDOWN : 0);
	spin_lock(&unix_lock);
	s->shutdown |= mask;
	peer = unix_connecting(s) && s->peer ? unix_hold(s->peer) : NULL;
	if (peer)
		peer->shutdown |= mirrored;
	spin_unlock(&unix_lock);
	unix_wake(s);
	if (peer)
		unix_wake(peer);
	unix_put(peer);
	return 0;
}

/* --- As a file --- */

bool unix_writable(const struct unix_sock *s)
{
	return s->state != UNIX_LISTENING && s->charged * 4ull <= s->sndbuf;
}

/* Caller holds unix_lock. */
static bool peer_takes(const struct unix_sock *s)
{
	const struct unix_sock *peer = s->peer;

	return unix_connecting(s) || !peer || peer->peer == s || !unix_queue_full(peer);
}

static u32 poll_locked(const struct unix_sock *s)
{
	u32 events = 0;

	if (s->error)
		events |= POLLERR;
	if (s->shutdown == UNIX_SHUTDOWN)
		events |= POLLHUP;
	if (s->shutdown & UNIX_RCV_SHUTDOWN)
		events |= POLLRDHUP | POLLIN | POLLRDNORM;
	if (s->queued)
		events |= POLLIN | POLLRDNORM;
	if (unix_connecting(s) && s->state == UNIX_CLOSED)
		events |= POLLHUP;
	if (unix_writable(s) && peer_takes(s))
		events |= POLLOUT | POLLWRNORM | POLLWRBAND;
	return events;
}

static u32 unix_poll(struct file *f, struct poll_table *pt)
{
	struct unix_sock *s = unix_of(f);
	u32 events;

	poll_wait_for(pt, &s->readers, POLLIN | POLLRDNORM);
	poll_wait_for(pt, &s->writers, POLLOUT | POLLWRNORM);
	if (s->type == SOCK_DGRAM)
		poll_wait_for(pt, &unix_dgram_room, POLLOUT | POLLWRNORM);
	spin_lock(&unix_lock);
	events = poll_locked(s);
	spin_unlock(&unix_lock);
	return events;
}

static ssize_k unix_read(struct file *f, struct iobuf *to, size_t n, u64 *pos)
{
	struct unix_call c = {.kernel = to, .len = n, .nonblock = f->flags & O_NONBLOCK};
	ssize_k done = n ? unix_recv(unix_of(f), &c) : 0;

	unix_scm_drop(&c.scm);
	return done;
}

static ssize_k unix_write(struct file *f, struct iobuf *from, size_t n, u64 *pos)
{
	struct unix_call c = {.kernel = from, .len = n, .nonblock = f->flags & O_NONBLOCK};

	return unix_send(unix_of(f), &c);
}

static ssize_k unix_vector(struct file *f, const struct abi_iovec *iov, u32 n, bool write)
{
	struct unix_call c = {.iov = iov, .nr_iov = n, .nonblock = f->flags & O_NONBLOCK};
	ssize_k done;

	for (u32 i = 0; i < n; i++)
		c.len += iov[i].len;
	if (write)
		return unix_send(unix_of(f), &c);
	done = c.len ? unix_recv(unix_of(f), &c) : 0;
	unix_scm_drop(&c.scm);
	return done;
}

static u32 bytes_to_read(struct unix_sock *s)
{
	u32 n;

	spin_lock(&unix_lock);
	n = s->unread;
	if (s->type == SOCK_DGRAM && s->queued)
		n = list_first_entry(&s->receive, struct unix_msg, link)->len;
	spin_unlock(&unix_lock);
	return n;
}

static long unix_ioctl(struct file *f, u32 cmd, u32 arg)
{
	struct unix_sock *s = unix_of(f);

	switch (cmd) {
	case FIONREAD:
		if (s->state == UNIX_LISTENING)
			return -EINVAL;
		return put_user_u32(UPTR(arg), bytes_to_read(s));
	case TIOCOUTQ:
		return put_user_u32(UPTR(arg), s->charged);
	default:
		return -ENOTTY;
	}
}

const struct file_ops unix_file_ops = {
	.read = unix_read,
	.write = unix_write,
	.vector = unix_vector,
	.poll = unix_poll,
	.ioctl = unix_ioctl,
	.release = unix_release,
};

static struct fs_type sock_type = {
	.name = "sockfs",
	.magic = SOCKFS_MAGIC,
};

void __init unix_init(void)
{
	mount_init_internal(&sock_mount, &sock_type);
	sock_cache = slab_create("unix_sock", sizeof(struct unix_sock), 0, 0, NULL);
	if (!sock_cache)
		panic("no memory for the socket cache");
}
