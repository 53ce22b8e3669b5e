/* AF_UNIX: names of the file system and abstract ones, connections, what ends see of each other. */
#include "kernel/abi/errno.h"
#include "kernel/fs/path.h"
#include "kernel/fs/pathname.h"
#include "kernel/lib/fmt.h"
#include "kernel/lib/string.h"
#include "kernel/net/sock.h"
#include "mm/kmalloc.h"

#define PATH_AT	     offsetof(struct abi_sockaddr_un, path)
#define AUTOBIND_MAX 0x100000u
#define DGRAM_QLEN   10u /* datagrams more than these wait for the receiver */

static struct sock *unix_create(u32 type, u32 protocol)
{
	struct sock *s;

	if (protocol && protocol != AF_UNIX)
		return err_ptr(-EPROTONOSUPPORT);
	if (type == SOCK_RAW)
		type = SOCK_DGRAM;
	if (type != SOCK_STREAM && type != SOCK_DGRAM && type != SOCK_SEQPACKET)
		return err_ptr(-ESOCKTNOSUPPORT);
	s = sock_create(&unix_family, type);
	if (!is_err(s))
		s->backlog = DGRAM_QLEN;
	return s;
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

static u32 copy_name(const struct unix_name *name, struct abi_sockaddr_un *addr)
{
	*addr = (struct abi_sockaddr_un){.family = AF_UNIX};
	if (!name)
		return PATH_AT;
	*addr = name->addr;
	return name->len;
}

/* Of an abstract name, and of the file that a path leads to. */
static u32 hash_name(const struct abi_sockaddr_un *addr, u32 len)
{
	u32 hash = pathname_hash(addr->path, len - PATH_AT);

	return hash ^ hash >> 16;
}

static u32 hash_inode(const struct inode *inode)
{
	return (u32)(uintptr_t)inode * 0x9e3779b1u >> 16;
}

/* Abstract names are apart for each type of socket. Caller holds sock_lock. */
static struct sock *find_abstract(const struct abi_sockaddr_un *addr, u32 len, u32 type)
{
	struct sock *s;

	list_for_each_entry (s, sock_bucket(hash_name(addr, len)), named) {
		if (s->ops != &unix_family || s->type != type || !s->name || s->name->len != len)
			continue;
		if (memcmp(s->name->addr.path, addr->path, len - PATH_AT) == 0)
			return s;
	}
	return NULL;
}

static struct sock *find_inode(const struct inode *inode)
{
	struct sock *s;

	list_for_each_entry (s, sock_bucket(hash_inode(inode)), named)
		if (s->path.dentry && s->path.dentry->inode == inode)
			return s;
	return NULL;
}

static struct sock *find_path(const char *path, u32 type)
{
	struct sock *s = NULL;
	struct path p;
	int err = path_lookup(AT_FDCWD, path, LOOKUP_FOLLOW, &p);

	if (err)
		return err_ptr(err);
	err = inode_permission(p.dentry->inode, MAY_WRITE);
	spin_lock(&sock_lock);
	if (!err)
		s = find_inode(p.dentry->inode);
	if (s)
		sock_hold(s);
	spin_unlock(&sock_lock);
	path_put(p);
	if (!s)
		return err_ptr(err ? err : -ECONNREFUSED);
	if (s->type != type) {
		sock_put(s);
		return err_ptr(-EPROTOTYPE);
	}
	return s;
}

struct sock *unix_find(union sock_addr *to, u32 len, u32 type)
{
	struct abi_sockaddr_un *addr = &to->un;
	char path[UNIX_PATH_MAX + 1];
	struct sock *s;
	long n = normalise(addr, len);

	if (n < 0)
		return err_ptr(n);
	if (addr->path[0]) {
		strlcpy(path, addr->path, MIN((u32)n - PATH_AT, sizeof(path)));
		return find_path(path, type);
	}
	spin_lock(&sock_lock);
	s = find_abstract(addr, (u32)n, type);
	if (s)
		sock_hold(s);
	spin_unlock(&sock_lock);
	return s ? s : err_ptr(-ECONNREFUSED);
}

/* Gives the socket a name, and the path with it (both taken over), if it has none. */
static int set_name(struct sock *s, struct unix_name *name, struct path path)
{
	int err = 0;

	spin_lock(&sock_lock);
	if (s->name)
		err = -EINVAL;
	else if (!path.dentry && find_abstract(&name->addr, name->len, s->type))
		err = -EADDRINUSE;
	if (!err) {
		s->name = name;
		s->path = path;
		sock_name(s, path.dentry ? hash_inode(path.dentry->inode)
					 : hash_name(&name->addr, name->len));
	}
	spin_unlock(&sock_lock);
	if (err) {
		kfree(name);
		path_put(path);
	}
	return err;
}

static int bind_path(struct sock *s, struct unix_name *name)
{
	char path[UNIX_PATH_MAX + 1];
	struct path p = {0};
	struct walk w;
	int err;

	strlcpy(path, name->addr.path, MIN(name->len - PATH_AT, sizeof(path)));
	err = walk_begin(&w, AT_FDCWD, path, 0);
	if (!err) {
		err = walk_to_parent(&w);
		if (!err)
			err = vfs_create(w.at, &w.name, S_IFSOCK | (0777 & ~current_umask()), 0,
				NULL, &p.dentry);
		if (!err)
			p.mnt = mount_get(w.at.mnt);
		walk_end(&w);
	}
	if (err) {
		kfree(name);
		return err == -EEXIST ? -EADDRINUSE : err;
	}
	return set_name(s, name, p);
}

/* Something is there by the name. */
static bool path_taken(const struct abi_sockaddr_un *addr, u32 len)
{
	char path[UNIX_PATH_MAX + 1];
	struct path p;

	strlcpy(path, addr->path, MIN(len - PATH_AT, sizeof(path)));
	if (path_lookup(AT_FDCWD, path, 0, &p))
		return false;
	path_put(p);
	return true;
}

/* The first of the names 00000 to fffff that is free. */
int unix_autobind(struct sock *s)
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
		err = set_name(s, name, (struct path){0});
	}
	return err;
}

static int unix_bind(struct sock *s, union sock_addr *to, u32 len)
{
	struct abi_sockaddr_un *addr = &to->un;
	struct unix_name *name;
	long n;

	if (len == PATH_AT && addr->family == AF_UNIX)
		return unix_autobind(s);
	n = normalise(addr, len);
	if (n < 0)
		return (int)n;
	if (READ_ONCE(s->name))
		return addr->path[0] && path_taken(addr, (u32)n) ? -EADDRINUSE : -EINVAL;
	name = name_create(addr, (u32)n);
	if (!name)
		return -ENOMEM;
	return addr->path[0] ? bind_path(s, name) : set_name(s, name, (struct path){0});
}

static long unix_getname(struct sock *s, bool peer, union sock_addr *addr)
{
	long len = -ENOTCONN;

	spin_lock(&sock_lock);
	if (peer)
		s = s->peer;
	if (s)
		len = (long)copy_name(s->name, &addr->un);
	spin_unlock(&sock_lock);
	return len;
}

/* --- Connecting --- */

static bool may_queue(struct sock *listener)
{
	return !sock_queue_full(listener) || listener->state != SS_LISTENING;
}

/* Caller holds sock_lock. 0 when `s` may be connected to `other` now. */
static int check_connect(const struct sock *s, const struct sock *other)
{
	if (other->state != SS_LISTENING || (other->shutdown & RCV_SHUTDOWN))
		return -ECONNREFUSED;
	if (s->state == SS_CONNECTED)
		return -EISCONN;
	if (s->state == SS_LISTENING)
		return -EINVAL;
	return sock_queue_full(other) ? -EAGAIN : 0;
}

/* The server's end has the listener's name. Caller holds sock_lock. */
static void link_connection(struct sock *s, struct sock *conn, struct sock *listener)
{
	sock_link(s, conn, listener);
	conn->peercred = sock_own_cred();
	s->peercred = listener->peercred;
	conn->name = listener->name;
	conn->name->refs++;
	conn->options |= listener->options & (1u << SO_PASSCRED);
}

static int try_connect(struct sock *s, struct sock *conn, struct sock *listener)
{
	int err;

	spin_lock(&sock_lock);
	err = check_connect(s, listener);
	if (!err)
		link_connection(s, conn, listener);
	spin_unlock(&sock_lock);
	if (!err)
		sock_data_ready(listener);
	return err;
}

static int connect_to(struct sock *s, struct sock *conn, struct sock *listener, bool nonblock)
{
	int err;

	while ((err = try_connect(s, conn, listener)) == -EAGAIN && !nonblock) {
		err = (int)sock_wait(&listener->writers, may_queue, listener, s->sndtimeo);
		if (err)
			break;
	}
	return err;
}

static int connect_stream(struct sock *s, union sock_addr *addr, u32 len, bool nonblock)
{
	struct sock *listener, *conn;
	int err = 0;

	if (sock_option(s, SO_PASSCRED) && !s->name)
		err = unix_autobind(s);
	if (err)
		return err;
	listener = unix_find(addr, len, s->type);
	if (is_err(listener))
		return (int)ptr_err(listener);
	conn = sock_create(&unix_family, s->type);
	if (is_err(conn)) {
		sock_put(listener);
		return (int)ptr_err(conn);
	}
	err = connect_to(s, conn, listener, nonblock);
	if (err)
		sock_close(conn);
	sock_put(listener);
	return err;
}

/* `other` NULL: connected to nobody. */
static int set_peer(struct sock *s, struct sock *other)
{
	struct sock *old;

	spin_lock(&sock_lock);
	if (other && other->peer && other->peer != s) {
		spin_unlock(&sock_lock);
		sock_put(other);
		return -EPERM;
	}
	old = s->peer;
	s->peer = other;
	s->state = other ? SS_CONNECTED : SS_CLOSED;
	spin_unlock(&sock_lock);
	sock_put(old);
	return 0;
}

static int connect_dgram(struct sock *s, union sock_addr *addr, u32 len)
{
	struct sock *other = NULL;
	int err = 0;

	if (addr->family != AF_UNSPEC) {
		if (sock_option(s, SO_PASSCRED) && !s->name)
			err = unix_autobind(s);
		if (err)
			return err;
		other = unix_find(addr, len, SOCK_DGRAM);
		if (is_err(other))
			return (int)ptr_err(other);
	}
	return set_peer(s, other);
}

static int unix_connect(struct sock *s, union sock_addr *addr, u32 len, bool nonblock)
{
	if (len < sizeof(addr->family))
		return -EINVAL;
	if (s->type == SOCK_DGRAM)
		return connect_dgram(s, addr, len);
	return connect_stream(s, addr, len, nonblock);
}

static int unix_may_listen(struct sock *s)
{
	return s->name && s->state != SS_CONNECTED ? 0 : -EINVAL;
}

/* --- What ends see of each other --- */

static int unix_shutdown(struct sock *s, u32 mask)
{
	u32 mirrored =
		(mask & RCV_SHUTDOWN ? SND_SHUTDOWN : 0) | (mask & SND_SHUTDOWN ? RCV_SHUTDOWN : 0);
	struct sock *peer;

	spin_lock(&sock_lock);
	s->shutdown |= mask;
	peer = sock_connects(s) && s->peer ? sock_hold(s->peer) : NULL;
	if (peer)
		peer->shutdown |= mirrored;
	spin_unlock(&sock_lock);
	sock_wake(s);
	if (peer)
		sock_state_changed(peer);
	sock_put(peer);
	return 0;
}

static void unix_leave(struct sock *s, struct sock *peer)
{
	if (!sock_connects(s))
		return;
	peer->shutdown = SHUTDOWN_MASK;
	if (s->queued || !s->file)
		peer->error = ECONNRESET;
}

static long unix_admit(struct sock *s)
{
	const struct sock *to = s->peer;

	return !to || to->dead || (to->shutdown & RCV_SHUTDOWN) ? -EPIPE : 1;
}

/* --- Data --- */

static long check_send_stream(const struct sock *s, const struct sock_call *c)
{
	if (c->addr_len)
		return s->state == SS_CONNECTED ? -EISCONN : -EOPNOTSUPP;
	if (!s->peer)
		return -ENOTCONN;
	return s->shutdown & SND_SHUTDOWN ? -EPIPE : 0;
}

static long unix_send(struct sock *s, struct sock_call *c)
{
	if (c->flags & MSG_OOB)
		return -EOPNOTSUPP;
	if (s->type != SOCK_STREAM)
		return unix_send_packet(s, c);
	return sock_send_stream(s, c, check_send_stream(s, c));
}

static long unix_recv(struct sock *s, struct sock_call *c)
{
	if (c->flags & MSG_OOB)
		return -EOPNOTSUPP;
	if (sock_connects(s) && s->state != SS_CONNECTED)
		return s->type == SOCK_STREAM ? -EINVAL : -ENOTCONN;
	return sock_recv(s, c);
}

static void unix_from(const struct sock_msg *m, struct sock_call *c)
{
	c->addr_len = m->sender->name ? copy_name(m->sender->name, &c->addr.un) : 0;
}

static long unix_setopt(struct sock *s, s32 level, u32 option, uptr_t value, s32 len)
{
	return -EOPNOTSUPP;
}

static long unix_getopt(struct sock *s, s32 level, u32 option, s32 *value)
{
	return -EOPNOTSUPP;
}

const struct sock_family unix_family = {
	.family = AF_UNIX,
	.create = unix_create,
	.bind = unix_bind,
	.connect = unix_connect,
	.may_listen = unix_may_listen,
	.getname = unix_getname,
	.shutdown = unix_shutdown,
	.leave = unix_leave,
	.admit = unix_admit,
	.send = unix_send,
	.recv = unix_recv,
	.from = unix_from,
	.setopt = unix_setopt,
	.getopt = unix_getopt,
};
