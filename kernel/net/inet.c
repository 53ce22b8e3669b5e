/*
 * AF_INET without a network: TCP and UDP sockets of one machine, whose only interface is lo with
 * 127.0.0.0/8. A connection is a pair of sockets as in AF_UNIX, found by address and port.
 *
 * What programs can tell from a real TCP over loopback is kept: the end of one side is seen by the
 * other as a FIN or a reset, a write to a closed end is lost and answered by a reset, a connect()
 * that does not wait is "in progress". There is no TIME_WAIT, for nothing can arrive late, and no
 * urgent data.
 */
#include "kernel/abi/errno.h"
#include "kernel/abi/prctl.h"
#include "kernel/fs/vfs.h"
#include "kernel/lib/string.h"
#include "kernel/net/inet.h"

#define LOOPBACK     0x7f000001u
#define UDP_MAX	     65507u /* bytes that fit one IP packet */
#define UDP_OVERHEAD 512u   /* of each datagram, in the receiver's SO_RCVBUF */
#define TCP_SNDBUF   16384u /* as on Linux */
#define TCP_RCVBUF   131072u

u32 inet_port_range[2] = {32768, 60999};
u32 inet_unprivileged_port = 1024;

static struct sock *inet_create(u32 type, u32 protocol)
{
	u32 own = type == SOCK_STREAM ? IPPROTO_TCP : IPPROTO_UDP;
	struct sock *s;

	if (protocol >= IPPROTO_MAX)
		return err_ptr(-EINVAL);
	if (type == SOCK_RAW && !cred_capable(CAP_NET_RAW))
		return err_ptr(-EPERM);
	if (type != SOCK_STREAM && type != SOCK_DGRAM)
		return err_ptr(-ESOCKTNOSUPPORT);
	if (protocol && protocol != own)
		return err_ptr(-EPROTONOSUPPORT);
	s = sock_create(&inet_family, type);
	if (is_err(s))
		return s;
	s->protocol = own;
	s->window = UINT32_MAX; /* a datagram that finds no room is lost */
	if (type == SOCK_STREAM) {
		s->sndbuf = TCP_SNDBUF;
		s->rcvbuf = TCP_RCVBUF;
		s->window = 0;
	}
	inet_default_options(s);
	return s;
}

/* --- Addresses --- */

static bool is_loopback(u32 addr)
{
	return addr >> 24 == 127;
}

static int get_name(struct inet_name *name, const union sock_addr *a, u32 len)
{
	if (len < sizeof(a->in))
		return -EINVAL;
	if (a->family != AF_INET)
		return -EAFNOSUPPORT;
	name->addr = __builtin_bswap32(a->in.addr);
	name->port = __builtin_bswap16(a->in.port);
	return 0;
}

static u32 put_name(union sock_addr *a, const struct inet_name *name)
{
	a->in = (struct abi_sockaddr_in){
		.family = AF_INET,
		.port = __builtin_bswap16(name->port),
		.addr = __builtin_bswap32(name->addr),
	};
	return sizeof(a->in);
}

/* Where to, from an address that was given. Nothing but this machine can be reached. */
static int get_target(const struct sock *s, struct inet_name *to, const union sock_addr *a, u32 len)
{
	int err = get_name(to, a, len);

	if (err)
		return err;
	if (!to->addr)
		to->addr = s->local.addr ? s->local.addr : LOOPBACK;
	return is_loopback(to->addr) ? 0 : -ENETUNREACH;
}

/* --- Ports. All of this with sock_lock held. --- */

/* Whether two sockets want to have names that are the same for some address. */
static bool may_share(const struct sock *s, const struct sock *other)
{
	u32 both = s->options & other->options;

	if ((both & 1u << SO_REUSEADDR) && other->state != SS_LISTENING)
		return true;
	return (both & 1u << SO_REUSEPORT) && s->uid == other->uid;
}

static bool name_in_use(const struct sock *s, struct inet_name name, bool share)
{
	const struct sock *other;

	list_for_each_entry (other, sock_bucket(name.port), named) {
		if (other == s || other->ops != &inet_family || other->protocol != s->protocol ||
			other->local.port != name.port)
			continue;
		if (name.addr && other->local.addr && other->local.addr != name.addr)
			continue;
		if (!share || !may_share(s, other))
			return true;
	}
	return false;
}

static void set_name(struct sock *s, struct inet_name name)
{
	s->local = name;
	sock_name(s, name.port);
}

/* Gives the socket a port that nobody has, if it has none. */
static int choose_port(struct sock *s)
{
	static u32 next;
	u32 low = inet_port_range[0], n = inet_port_range[1] - low + 1;

	for (u32 i = 0; i < n && !s->local.port; i++) {
		struct inet_name name = {s->local.addr, (u16)(low + next++ % n)};

		if (!name_in_use(s, name, false))
			set_name(s, name);
	}
	return s->local.port ? 0 : -EADDRINUSE;
}

static bool shares(const struct sock *s)
{
	return s->options & 1u << SO_REUSEPORT;
}

/* The one that best fits what is sent from `from` to `to`: a listener, or a socket for datagrams.
 * Of several alike, the one with the shortest queue if they share the port, else the last. */
static struct sock *find(u32 type, struct inet_name to, struct inet_name from)
{
	struct sock *s, *best = NULL;
	u32 fit, best_fit = 0;

	list_for_each_entry (s, sock_bucket(to.port), named) {
		if (!sock_listens(s))
			break;
		if (s->ops != &inet_family || s->type != type || s->local.port != to.port)
			continue;
		if (s->local.addr && s->local.addr != to.addr)
			continue;
		if (s->remote.port && (s->remote.addr != from.addr || s->remote.port != from.port))
			continue;
		fit = 1 + (s->local.addr != 0) + (s->remote.port != 0) * 2;
		if (fit > best_fit || (fit == best_fit && shares(s) && s->queued < best->queued)) {
			best = s;
			best_fit = fit;
		}
	}
	return best;
}

/* --- Names --- */

static int bind_locked(struct sock *s, struct inet_name name)
{
	int err;

	if (s->local.port || s->state != SS_CLOSED)
		return -EINVAL;
	if (name.port && name_in_use(s, name, true))
		return -EADDRINUSE;
	s->local = name;
	if (name.port)
		sock_name(s, name.port);
	err = choose_port(s);
	if (err) {
		s->local.addr = 0;
		return err;
	}
	s->addr_bound = name.addr != 0;
	s->port_bound = name.port != 0;
	return 0;
}

static int inet_bind(struct sock *s, union sock_addr *addr, u32 len)
{
	struct inet_name name;
	int err;

	if (len >= sizeof(addr->in) && addr->family == AF_UNSPEC && !addr->in.addr)
		addr->family = AF_INET;
	err = get_name(&name, addr, len);
	if (err)
		return err;
	if (name.addr && !is_loopback(name.addr))
		return -EADDRNOTAVAIL;
	if (name.port && name.port < inet_unprivileged_port && !cred_capable(CAP_NET_BIND_SERVICE))
		return -EACCES;
	spin_lock(&sock_lock);
	err = bind_locked(s, name);
	spin_unlock(&sock_lock);
	return err;
}

static long inet_getname(struct sock *s, bool peer, union sock_addr *addr)
{
	long len = -ENOTCONN;

	spin_lock(&sock_lock);
	if (!peer || s->state == SS_CONNECTED)
		len = (long)put_name(addr, peer ? &s->remote : &s->local);
	spin_unlock(&sock_lock);
	return len;
}

/* Forgets a connection and the name that it brought along; one from bind() stays. */
static void forget(struct sock *s)
{
	s->state = SS_CLOSED;
	s->shutdown = 0;
	s->untold = false;
	s->remote = (struct inet_name){0, 0};
	if (!s->addr_bound)
		s->local.addr = 0;
	if (!s->port_bound) {
		s->local.port = 0;
		sock_unname(s);
	}
}

/* A name of its own for who sends something. */
static int choose_name(struct sock *s)
{
	int err = choose_port(s);

	if (!err && !s->local.addr)
		s->local.addr = LOOPBACK;
	return err;
}

/* --- How connections end. All of this with sock_lock held. --- */

/* A reset arrives, after the other side's FIN or not. */
static void reset(struct sock *s, bool after_fin)
{
	if (s->state == SS_CONNECTING)
		s->error = ECONNREFUSED;
	else
		s->error = after_fin ? EPIPE : ECONNRESET;
	s->shutdown = SHUTDOWN_MASK;
	s->state = SS_CLOSED;
}

/* A FIN of s arrives at its peer. When both sides have sent theirs, the connection is no more. */
static void finish(struct sock *s, struct sock *peer)
{
	peer->shutdown |= RCV_SHUTDOWN;
	if (peer->shutdown & SND_SHUTDOWN)
		peer->state = s->state = SS_CLOSED;
}

static void inet_leave(struct sock *s, struct sock *peer)
{
	bool hard = s->unread || !s->file || (s->linger.onoff && !s->linger.linger);

	if (peer->peer != s || peer->state == SS_CLOSED)
		return;
	if (hard)
		reset(peer, s->shutdown & SND_SHUTDOWN);
	else
		finish(s, peer);
}

static long inet_admit(struct sock *s)
{
	const struct sock *to = s->peer;

	if (!to)
		return -EPIPE;
	if (!to->dead && to->shutdown != SHUTDOWN_MASK)
		return 1;
	reset(s, true);
	return 0;
}

static int shutdown_locked(struct sock *s, u32 mask, struct sock_rest *rest)
{
	if (s->state == SS_LISTENING) {
		if (mask & RCV_SHUTDOWN)
			sock_detach(s, rest);
		return 0;
	}
	if (s->state == SS_CONNECTED || s->state == SS_CLOSED)
		s->shutdown |= mask;
	if (s->state != SS_CONNECTED)
		return -ENOTCONN;
	if (s->peer)
		rest->peer = sock_hold(s->peer);
	if (s->peer && (mask & SND_SHUTDOWN))
		finish(s, s->peer);
	return 0;
}

static int inet_shutdown(struct sock *s, u32 mask)
{
	struct sock_rest rest = SOCK_REST_INIT(rest);
	int err;

	spin_lock(&sock_lock);
	err = shutdown_locked(s, mask, &rest);
	spin_unlock(&sock_lock);
	sock_drop(s, &rest);
	return err;
}

/* connect() to nobody: back to the beginning; the other side of a connection is reset. */
static void disconnect(struct sock *s)
{
	struct sock_rest rest = SOCK_REST_INIT(rest);
	bool connected;

	spin_lock(&sock_lock);
	connected = s->type == SOCK_STREAM && s->state >= SS_CONNECTING;
	if (connected && s->peer->peer == s)
		reset(s->peer, false);
	if (s->type == SOCK_STREAM)
		sock_detach(s, &rest);
	forget(s);
	s->error = connected ? ECONNRESET : 0;
	spin_unlock(&sock_lock);
	sock_drop(s, &rest);
}

/* --- How they begin --- */

/* What an accepted connection has from its listener. */
static void inherit(struct sock *conn, const struct sock *listener)
{
	conn->options = listener->options;
	conn->sndbuf = listener->sndbuf;
	conn->rcvbuf = listener->rcvbuf;
	conn->linger = listener->linger;
	conn->priority = listener->priority;
	conn->stamp = listener->stamp;
	conn->uid = listener->uid;
	memcpy(conn->inet_options, listener->inet_options, sizeof(conn->inet_options));
}

/* Connects, as far as that can be done now: the listener's queue may be full. Caller holds
 * sock_lock. False: nobody listens. */
static bool link_to(struct sock *s, struct sock *conn, struct inet_name to)
{
	struct sock *listener = find(SOCK_STREAM, to, s->local);
	bool full;

	if (!listener)
		return false;
	s->remote = to;
	inherit(conn, listener);
	conn->remote = s->local;
	conn->window = s->rcvbuf;
	s->window = listener->rcvbuf;
	full = sock_queue_full(listener);
	sock_link(s, conn, listener);
	set_name(conn, to);
	if (full)
		s->state = SS_CONNECTING;
	sock_data_ready(listener);
	return true;
}

/* Begins to connect: what comes of it is in the socket, and connect() has yet to tell. */
static int begin(struct sock *s, struct inet_name to)
{
	bool linked = false;
	struct sock *conn;
	int err;

	if (s->state != SS_CLOSED || s->peer)
		return -EISCONN;
	conn = inet_create(SOCK_STREAM, 0);
	if (is_err(conn))
		return (int)ptr_err(conn);
	spin_lock(&sock_lock);
	err = choose_name(s);
	if (!err) {
		s->shutdown = 0;
		s->untold = true;
		linked = link_to(s, conn, to);
		if (!linked) {
			s->error = ECONNREFUSED;
			s->shutdown = SHUTDOWN_MASK;
		}
	}
	spin_unlock(&sock_lock);
	if (!linked)
		sock_close(conn);
	return err == -EADDRINUSE ? -EADDRNOTAVAIL : err;
}

/* Tells what came of it. Once told, a failure is forgotten. */
static int tell(struct sock *s)
{
	int err = 0;

	spin_lock(&sock_lock);
	s->untold = false;
	if (s->state == SS_CLOSED) {
		err = (int)sock_take_error(s);
		if (!err)
			err = -ECONNABORTED;
		forget(s);
	}
	spin_unlock(&sock_lock);
	return err;
}

static bool is_settled(struct sock *s)
{
	return s->state != SS_CONNECTING;
}

static int connect_stream(struct sock *s, union sock_addr *addr, u32 len, bool nonblock)
{
	bool again = s->untold;
	struct inet_name to;
	int err = 0;

	if (!again) {
		err = s->state == SS_CLOSED && !s->peer ? get_target(s, &to, addr, len) : -EISCONN;
		if (!err)
			err = begin(s, to);
	}
	if (err)
		return err;
	if (nonblock && !again)
		return -EINPROGRESS;
	if (nonblock && !is_settled(s))
		return -EALREADY;
	err = (int)sock_wait(&s->writers, is_settled, s, s->sndtimeo);
	if (err)
		return err == -EAGAIN ? -EINPROGRESS : err;
	return tell(s);
}

static int connect_dgram(struct sock *s, union sock_addr *addr, u32 len)
{
	struct inet_name to;
	int err = get_target(s, &to, addr, len);

	if (err)
		return err;
	spin_lock(&sock_lock);
	err = choose_name(s);
	if (!err) {
		s->remote = to;
		s->state = SS_CONNECTED;
	}
	spin_unlock(&sock_lock);
	return err;
}

static int inet_connect(struct sock *s, union sock_addr *addr, u32 len, bool nonblock)
{
	if (len < sizeof(addr->family))
		return -EINVAL;
	if (addr->family == AF_UNSPEC) {
		disconnect(s);
		return 0;
	}
	if (s->type == SOCK_DGRAM)
		return connect_dgram(s, addr, len);
	return connect_stream(s, addr, len, nonblock);
}

static int inet_may_listen(struct sock *s)
{
	int err;

	if (s->state == SS_LISTENING)
		return 0;
	if (s->state != SS_CLOSED || s->peer || s->untold)
		return -EINVAL;
	err = choose_port(s);
	if (!err && name_in_use(s, s->local, true))
		err = -EADDRINUSE;
	if (!err)
		s->shutdown = 0;
	return err;
}

/* --- Data --- */

/* Hands a datagram to whoever has the address, if he has room. Returns the receiver, referenced, or
 * NULL: it is lost. */
static struct sock *deliver(
	struct sock *s, struct sock_msg *m, struct sock_call *c, struct inet_name to)
{
	struct sock *receiver;

	m->from = (struct inet_name){s->local.addr ? s->local.addr : LOOPBACK, s->local.port};
	receiver = find(SOCK_DGRAM, to, m->from);
	if (!receiver) {
		if (s->state == SS_CONNECTED)
			s->error = ECONNREFUSED;
		return NULL;
	}
	if (receiver->unread + m->len + receiver->queued * UDP_OVERHEAD > receiver->rcvbuf)
		return NULL;
	sock_enqueue(s, receiver, m, c);
	return sock_hold(receiver);
}

/* Where a datagram goes. */
static int dgram_target(struct sock *s, struct sock_call *c, struct inet_name *to)
{
	int err;

	spin_lock(&sock_lock);
	err = choose_port(s) ? -EAGAIN : 0;
	*to = s->remote;
	if (!err && !c->addr_len && s->state != SS_CONNECTED)
		err = -EDESTADDRREQ;
	spin_unlock(&sock_lock);
	if (err || !c->addr_len)
		return err;
	err = get_target(s, to, &c->addr, c->addr_len);
	return !err && !to->port ? -EINVAL : err;
}

static long send_dgram(struct sock *s, struct sock_call *c)
{
	struct msg_pos at = {0, 0};
	struct sock *receiver;
	struct inet_name to;
	struct sock_msg *m;
	long err = c->len > UDP_MAX ? -EMSGSIZE : dgram_target(s, c, &to);

	if (err)
		return err;
	m = sock_next_msg(s, c, &at, c->len);
	if (is_err(m))
		return ptr_err(m);
	spin_lock(&sock_lock);
	receiver = deliver(s, m, c, to);
	spin_unlock(&sock_lock);
	if (receiver)
		sock_data_ready(receiver);
	else
		sock_msg_free(m);
	sock_put(receiver);
	return (long)c->len;
}

/* Why a stream does not even take no bytes: 0, or a negative errno. */
static long refuses_nothing(struct sock *s)
{
	long err;

	spin_lock(&sock_lock);
	err = sock_take_error(s);
	if (!err && (!s->peer || (s->shutdown & SND_SHUTDOWN)))
		err = -EPIPE;
	spin_unlock(&sock_lock);
	return err;
}

static long inet_send(struct sock *s, struct sock_call *c)
{
	if (c->flags & MSG_OOB)
		return -EOPNOTSUPP;
	if (s->type != SOCK_STREAM)
		return send_dgram(s, c);
	return sock_send_stream(s, c, c->len ? 0 : refuses_nothing(s));
}

/* Of a stream that never was connected, nothing can ever come. */
static bool is_fresh(const struct sock *s)
{
	return s->state == SS_CLOSED && !(s->shutdown & RCV_SHUTDOWN) && !s->error;
}

static long inet_recv(struct sock *s, struct sock_call *c)
{
	if (c->flags & MSG_OOB)
		return -EINVAL;
	if (s->type == SOCK_STREAM && (s->state == SS_LISTENING || is_fresh(s)))
		return -ENOTCONN;
	return sock_recv(s, c);
}

static void inet_from(const struct sock_msg *m, struct sock_call *c)
{
	c->addr_len = m->sender->type == SOCK_DGRAM ? put_name(&c->addr, &m->from) : 0;
}

const struct sock_family inet_family = {
	.family = AF_INET,
	.create = inet_create,
	.bind = inet_bind,
	.connect = inet_connect,
	.may_listen = inet_may_listen,
	.getname = inet_getname,
	.shutdown = inet_shutdown,
	.leave = inet_leave,
	.admit = inet_admit,
	.send = inet_send,
	.recv = inet_recv,
	.from = inet_from,
	.setopt = inet_setopt,
	.getopt = inet_getopt,
};
