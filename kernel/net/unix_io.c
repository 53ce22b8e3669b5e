/*
 * Sending and receiving. A stream is cut into messages on the way in and put together on the way
 * out; a datagram or packet is one message, whole.
 */
#include "kernel/abi/errno.h"
#include "kernel/abi/signal.h"
#include "kernel/fs/vfs.h"
#include "kernel/net/unix.h"
#include "kernel/proc/task.h"

#define NOBODY	      65534u /* whose message carries no credentials */
#define PACKET_MARGIN 32u    /* of SO_SNDBUF, as on Linux */
#define CHUNK_MARGIN  64u

/* --- Sending --- */

/* The error that a socket tells once: 0 or negative. Caller holds unix_lock. */
static long take_error(struct unix_sock *s)
{
	long err = -s->error;

	s->error = 0;
	return err;
}

static bool has_room(struct unix_sock *s)
{
	return s->charged < s->sndbuf || s->error || (s->shutdown & UNIX_SND_SHUTDOWN);
}

/* Waits until the sender may have another message made. */
static long wait_for_room(struct unix_sock *s, bool nonblock)
{
	long err = 0;

	while (!err) {
		spin_lock(&unix_lock);
		err = take_error(s);
		if (!err && (s->shutdown & UNIX_SND_SHUTDOWN))
			err = -EPIPE;
		if (!err && s->charged < s->sndbuf) {
			spin_unlock(&unix_lock);
			return 0;
		}
		spin_unlock(&unix_lock);
		if (!err)
			err = nonblock ? -EAGAIN : unix_wait(&s->writers, has_room, s, s->sndtimeo);
	}
	return err;
}

/* Credentials go along when either side wants them, or nobody has accepted yet. */
static bool wants_cred(const struct unix_sock *s, const struct unix_sock *to)
{
	return ((s->options | to->options) & 1u << SO_PASSCRED) || !to->file;
}

/* Caller holds unix_lock, and wakes the receiver's readers. */
static void enqueue(
	struct unix_sock *s, struct unix_sock *to, struct unix_msg *m, struct unix_call *c)
{
	const struct credentials *cred = current_cred();

	m->scm = c->scm;
	c->scm.nr_files = 0;
	c->scm.files = NULL;
	if (!m->scm.cred_set) {
		m->scm.cred = (struct abi_ucred){0, NOBODY, NOBODY};
		if (wants_cred(s, to))
			m->scm.cred =
				(struct abi_ucred){current_process()->pid, cred->uid, cred->gid};
	}
	unix_inflight(&m->scm, 1);
	list_add_tail(&m->link, &to->receive);
	to->queued++;
	to->unread += m->len;
}

/* Who a packet goes to, referenced: the address's owner, or the peer. */
static struct unix_sock *receiver(struct unix_sock *s, struct unix_call *c)
{
	struct unix_sock *to;

	if (c->addr_len && s->type == SOCK_DGRAM)
		return unix_find(&c->addr, c->addr_len, s->type);
	spin_lock(&unix_lock);
	to = s->peer ? unix_hold(s->peer) : NULL;
	spin_unlock(&unix_lock);
	return to ? to : err_ptr(-ENOTCONN);
}

static bool dgram_fits(struct unix_sock *to)
{
	return !unix_queue_full(to) || to->dead || (to->shutdown & UNIX_RCV_SHUTDOWN);
}

/* The receiver is closed: a datagram socket connected to it is so no more. Returns the errno.
 * Caller holds unix_lock; *put is then to be put. */
static long receiver_gone(struct unix_sock *s, struct unix_sock *to, struct unix_sock **put)
{
	if (s->type == SOCK_SEQPACKET)
		return -EPIPE;
	if (s->peer == to) {
		*put = to;
		s->peer = NULL;
		s->state = UNIX_CLOSED;
	}
	return -ECONNREFUSED;
}

/* Delivers a packet, if it can be now. */
static long try_deliver(
	struct unix_sock *s, struct unix_sock *to, struct unix_msg *m, struct unix_call *c)
{
	struct unix_sock *put = NULL;
	long err = 0;

	spin_lock(&unix_lock);
	if (to->dead)
		err = receiver_gone(s, to, &put);
	else if (to->peer && to->peer != s)
		err = -EPERM;
	else if (to->shutdown & UNIX_RCV_SHUTDOWN)
		err = -EPIPE;
	else if (to != s && to->peer != s && unix_queue_full(to))
		err = -EAGAIN;
	else
		enqueue(s, to, m, c);
	spin_unlock(&unix_lock);
	if (!err)
		waitq_wake_all(&to->readers);
	unix_put(put);
	return err;
}

static long deliver(struct unix_sock *s, struct unix_msg *m, struct unix_call *c)
{
	struct unix_sock *to = receiver(s, c);
	long err;

	if (is_err(to))
		return ptr_err(to);
	while ((err = try_deliver(s, to, m, c)) == -EAGAIN && !c->nonblock) {
		err = unix_wait(&unix_dgram_room, dgram_fits, to, s->sndtimeo);
		if (err)
			break;
	}
	unix_put(to);
	return err;
}

static long send_packet(struct unix_sock *s, struct unix_call *c)
{
	struct unix_pos at = {0, 0};
	struct unix_msg *m;
	long err = 0;

	if (c->flags & MSG_OOB)
		return -EOPNOTSUPP;
	if (s->type == SOCK_SEQPACKET && s->state != UNIX_CONNECTED)
		return -ENOTCONN;
	if (s->type == SOCK_DGRAM && !c->addr_len && !s->peer)
		return -ENOTCONN;
	if ((s->options & 1u << SO_PASSCRED) && !s->name)
		err = unix_autobind(s);
	if (!err && c->len > s->sndbuf - PACKET_MARGIN)
		err = -EMSGSIZE;
	if (!err)
		err = wait_for_room(s, c->nonblock);
	if (err)
		return err;
	m = unix_msg_create(s, c, &at, c->len);
	if (is_err(m))
		return ptr_err(m);
	err = deliver(s, m, c);
	if (err) {
		unix_msg_free(m);
		return err;
	}
	return (long)c->len;
}

/* -EPIPE when the peer of a stream can get nothing more. Caller holds unix_lock. */
static long check_stream(const struct unix_sock *s)
{
	const struct unix_sock *to = s->peer;

	return !to || to->dead || (to->shutdown & UNIX_RCV_SHUTDOWN) ? -EPIPE : 0;
}

static long send_chunk(struct unix_sock *s, struct unix_call *c, struct unix_pos *at, u32 n)
{
	struct unix_sock *to = NULL;
	struct unix_msg *m;
	long err = wait_for_room(s, c->nonblock);

	if (err)
		return err;
	m = unix_msg_create(s, c, at, n);
	if (is_err(m))
		return ptr_err(m);
	spin_lock(&unix_lock);
	err = check_stream(s);
	if (!err) {
		to = unix_hold(s->peer);
		enqueue(s, to, m, c);
	}
	spin_unlock(&unix_lock);
	if (err) {
		unix_msg_free(m);
		return err;
	}
	waitq_wake_all(&to->readers);
	unix_put(to);
	return (long)n;
}

static long check_send_stream(const struct unix_sock *s, const struct unix_call *c)
{
	if (c->flags & MSG_OOB)
		return -EOPNOTSUPP;
	if (c->addr_len)
		return s->state == UNIX_CONNECTED ? -EISCONN : -EOPNOTSUPP;
	if (!s->peer)
		return -ENOTCONN;
	return s->shutdown & UNIX_SND_SHUTDOWN ? -EPIPE : 0;
}

static long send_stream(struct unix_sock *s, struct unix_call *c)
{
	struct unix_pos at = {0, 0};
	long sent = 0, part = check_send_stream(s, c);

	while (part >= 0 && (u32)sent < c->len) {
		u32 n = MIN(c->len - (u32)sent, UNIX_CHUNK);

		part = send_chunk(s, c, &at, MIN(n, s->sndbuf / 2 - CHUNK_MARGIN));
		sent += MAX(part, 0);
	}
	if (part == -EPIPE && !sent && !(c->flags & MSG_NOSIGNAL))
		signal_send_task(current_task(), SIGPIPE, NULL);
	return sent ? sent : part;
}

long unix_send(struct unix_sock *s, struct unix_call *c)
{
	return s->type == SOCK_STREAM ? send_stream(s, c) : send_packet(s, c);
}

/* --- Receiving. All of this with s->read_lock held. --- */

static bool has_input(struct unix_sock *s)
{
	return s->queued || s->error || (s->shutdown & UNIX_RCV_SHUTDOWN);
}

/* The oldest message after `after` (NULL: the very oldest), or NULL. */
static struct unix_msg *next_msg(struct unix_sock *s, const struct unix_msg *after)
{
	struct list_head *at;

	spin_lock(&unix_lock);
	at = after ? after->link.next : s->receive.next;
	spin_unlock(&unix_lock);
	return at == &s->receive ? NULL : list_entry(at, struct unix_msg, link);
}

/* Why there is nothing: *end, or an errno; 0 otherwise: wait. */
static long why_empty(struct unix_sock *s, bool *end)
{
	long err;

	spin_lock(&unix_lock);
	err = take_error(s);
	*end = s->shutdown & UNIX_RCV_SHUTDOWN;
	spin_unlock(&unix_lock);
	return err;
}

/* The oldest message; NULL, with the result that the read has then in *err. */
static struct unix_msg *wait_for_msg(struct unix_sock *s, const struct unix_call *c, long *err)
{
	struct unix_msg *m;
	bool end;

	*err = 0;
	while (!(m = next_msg(s, NULL))) {
		*err = why_empty(s, &end);
		if (*err)
			break;
		if (end && !(c->nonblock && s->type == SOCK_DGRAM))
			break;
		if (c->nonblock) {
			*err = -EAGAIN;
			break;
		}
		mutex_unlock(&s->read_lock);
		*err = unix_wait(&s->readers, has_input, s, s->rcvtimeo);
		mutex_lock(&s->read_lock);
		if (*err)
			break;
	}
	return m;
}

static void get_address(const struct unix_msg *m, struct unix_call *c)
{
	spin_lock(&unix_lock);
	c->addr_len = m->sender->name ? unix_copy_name(m->sender->name, &c->addr) : 0;
	spin_unlock(&unix_lock);
}

/* Hands the message's files and credentials to the call. */
static int get_scm(struct unix_msg *m, struct unix_call *c)
{
	if (c->flags & MSG_PEEK)
		return unix_scm_copy(&c->scm, &m->scm);
	spin_lock(&unix_lock);
	unix_inflight(&m->scm, -1);
	c->scm = m->scm;
	m->scm.nr_files = 0;
	m->scm.files = NULL;
	spin_unlock(&unix_lock);
	return 0;
}

/* n bytes of the message have been read; frees it when that was all, or it is a packet. Returns
 * whether it did. */
static bool consume(struct unix_sock *s, struct unix_msg *m, u32 n)
{
	bool gone;

	spin_lock(&unix_lock);
	m->taken += n;
	gone = s->type != SOCK_STREAM || m->taken == m->len;
	s->unread -= n;
	if (gone) {
		list_del(&m->link);
		s->queued--;
	}
	spin_unlock(&unix_lock);
	if (gone)
		unix_msg_free(m);
	return gone;
}

static long recv_packet(struct unix_sock *s, struct unix_call *c)
{
	struct unix_pos at = {0, 0};
	struct unix_msg *m;
	u32 len, got;
	long err;

	if (c->flags & MSG_OOB)
		return -EOPNOTSUPP;
	if (s->type == SOCK_SEQPACKET && s->state != UNIX_CONNECTED)
		return -ENOTCONN;
	spin_lock(&unix_lock);
	err = take_error(s); /* before what is queued, other than in a stream */
	spin_unlock(&unix_lock);
	if (err)
		return err;
	m = wait_for_msg(s, c, &err);
	if (!m)
		return err;
	len = m->len;
	got = MIN(len, c->len);
	if (len > c->len)
		c->out_flags |= MSG_TRUNC;
	get_address(m, c);
	err = unix_msg_copy(m, 0, got, c, &at) < got ? -EFAULT : get_scm(m, c);
	if (!(c->flags & MSG_PEEK)) {
		consume(s, m, len);
		waitq_wake_all(&unix_dgram_room);
	}
	if (err)
		return err;
	return (long)(c->flags & MSG_TRUNC ? len : got);
}

static bool same_cred(const struct abi_ucred *a, const struct abi_ucred *b)
{
	return a->pid == b->pid && a->uid == b->uid && a->gid == b->gid;
}

/* A read of a stream, as it goes from message to message. */
struct stream_read {
	struct unix_pos at;
	u32 done;
	bool first_taken;
	bool over; /* it ends here, whatever is still queued */
	struct abi_ucred cred;
};

/* Takes what is wanted of one message. Returns 0 or a negative errno. *gone: the message is. */
static long take_part(struct unix_sock *s, struct unix_msg *m, struct unix_call *c,
	struct stream_read *r, bool *gone)
{
	u32 n = MIN(m->len - m->taken, c->len - r->done), got;
	bool files = m->scm.nr_files;
	long err;

	*gone = false;
	if (r->first_taken && (s->options & 1u << SO_PASSCRED) &&
		!same_cred(&r->cred, &m->scm.cred)) {
		r->over = true;
		return 0;
	}
	if (!r->first_taken) {
		r->cred = m->scm.cred;
		get_address(m, c);
	}
	got = unix_msg_copy(m, m->taken, n, c, &r->at);
	if (got < n && !got)
		return -EFAULT;
	if (files || !r->first_taken) {
		err = get_scm(m, c);
		if (err)
			return err;
	}
	r->first_taken = true;
	r->done += got;
	r->over = files || got < n || r->done == c->len;
	if (!(c->flags & MSG_PEEK))
		*gone = consume(s, m, got);
	return 0;
}

static long recv_stream(struct unix_sock *s, struct unix_call *c)
{
	struct stream_read r = {.done = 0};
	u32 enough = c->flags & MSG_WAITALL ? c->len : MIN(MAX(s->rcvlowat, 1u), c->len);
	struct unix_msg *m = NULL;
	bool gone = false;
	long err = 0;

	if (c->flags & MSG_OOB)
		return -EOPNOTSUPP;
	if (s->state != UNIX_CONNECTED)
		return -EINVAL;
	do {
		m = next_msg(s, gone || !(c->flags & MSG_PEEK) ? NULL : m);
		if (!m && (r.done >= MAX(enough, 1u) || (c->flags & MSG_PEEK && r.done)))
			break;
		if (!m)
			m = wait_for_msg(s, c, &err);
		if (m)
			err = take_part(s, m, c, &r, &gone);
	} while (m && !err && !r.over);
	return r.done ? (long)r.done : err;
}

long unix_recv(struct unix_sock *s, struct unix_call *c)
{
	long done;

	mutex_lock(&s->read_lock);
	done = s->type == SOCK_STREAM ? recv_stream(s, c) : recv_packet(s, c);
	mutex_unlock(&s->read_lock);
	return done;
}
