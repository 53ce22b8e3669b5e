/* AF_UNIX: sending datagrams and sequenced packets, whole or not at all. */
#include "kernel/abi/errno.h"
#include "kernel/net/sock.h"

#define PACKET_MARGIN 32u /* of SO_SNDBUF, as on Linux */

/* Who a packet goes to, referenced: the address's owner, or the peer. */
static struct sock *receiver(struct sock *s, struct sock_call *c)
{
	struct sock *to;

	if (c->addr_len && s->type == SOCK_DGRAM)
		return unix_find(&c->addr, c->addr_len, s->type);
	spin_lock(&sock_lock);
	to = s->peer ? sock_hold(s->peer) : NULL;
	spin_unlock(&sock_lock);
	return to ? to : err_ptr(-ENOTCONN);
}

static bool dgram_fits(struct sock *to)
{
	return !sock_queue_full(to) || to->dead || (to->shutdown & RCV_SHUTDOWN);
}

/* The receiver is closed: a datagram socket connected to it is so no more. Returns the errno.
 * Caller holds sock_lock; *put is then to be put. */
static long receiver_gone(struct sock *s, struct sock *to, struct sock **put)
{
	if (s->type == SOCK_SEQPACKET)
		return -EPIPE;
	if (s->peer == to) {
		*put = to;
		s->peer = NULL;
		s->state = SS_CLOSED;
	}
	return -ECONNREFUSED;
}

/* Delivers a packet, if it can be now. */
static long try_deliver(struct sock *s, struct sock *to, struct sock_msg *m, struct sock_call *c)
{
	struct sock *put = NULL;
	long err = 0;

	spin_lock(&sock_lock);
	if (to->dead)
		err = receiver_gone(s, to, &put);
	else if (to->peer && to->peer != s)
		err = -EPERM;
	else if (to->shutdown & RCV_SHUTDOWN)
		err = -EPIPE;
	else if (to != s && to->peer != s && sock_queue_full(to))
		err = -EAGAIN;
	else
		sock_enqueue(s, to, m, c);
	spin_unlock(&sock_lock);
	if (!err)
		sock_data_ready(to);
	sock_put(put);
	return err;
}

static long deliver(struct sock *s, struct sock_msg *m, struct sock_call *c)
{
	struct sock *to = receiver(s, c);
	long err;

	if (is_err(to))
		return ptr_err(to);
	while ((err = try_deliver(s, to, m, c)) == -EAGAIN && !c->nonblock) {
		err = sock_wait(&sock_dgram_room, dgram_fits, to, s->sndtimeo);
		if (err)
			break;
	}
	sock_put(to);
	return err;
}

long unix_send_packet(struct sock *s, struct sock_call *c)
{
	struct msg_pos at = {0, 0};
	struct sock_msg *m;
	long err = 0;

	if (s->type == SOCK_SEQPACKET && s->state != SS_CONNECTED)
		return -ENOTCONN;
	if (s->type == SOCK_DGRAM && !c->addr_len && !s->peer)
		return -ENOTCONN;
	if (sock_option(s, SO_PASSCRED) && !s->name)
		err = unix_autobind(s);
	if (!err && c->len > s->sndbuf - PACKET_MARGIN)
		err = -EMSGSIZE;
	if (err)
		return err;
	m = sock_next_msg(s, c, &at, c->len);
	if (is_err(m))
		return ptr_err(m);
	err = deliver(s, m, c);
	if (err) {
		sock_msg_free(m);
		return err;
	}
	return (long)c->len;
}
