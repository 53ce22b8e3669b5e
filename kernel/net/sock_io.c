/*
 * Sending and receiving. A stream is cut into messages on the way in and put together on the way
 * out; a datagram or packet is one message, whole.
 */
#include "kernel/abi/errno.h"
#include "kernel/abi/prctl.h"
#include "kernel/abi/signal.h"
#include "kernel/core/clock.h"
#include "kernel/fs/vfs.h"
#include "kernel/net/sock.h"
#include "kernel/proc/cred.h"
#include "kernel/proc/task.h"

#define CHUNK_MARGIN 64u

/* --- Sending --- */

long sock_take_error(struct sock *s)
{
	long err = -s->error;

	s->error = 0;
	return err;
}

static bool has_room(struct sock *s)
{
	return s->charged < sock_limit(s) || s->error || (s->shutdown & SND_SHUTDOWN);
}

static long wait_for_room(struct sock *s, bool nonblock)
{
	long err = 0;

	while (!err) {
		spin_lock(&sock_lock);
		err = sock_take_error(s);
		if (!err && (s->shutdown & SND_SHUTDOWN))
			err = -EPIPE;
		if (!err && s->charged < sock_limit(s)) {
			spin_unlock(&sock_lock);
			return 0;
		}
		s->wants_room = true;
		spin_unlock(&sock_lock);
		if (!err)
			err = nonblock ? -EAGAIN : sock_wait(&s->writers, has_room, s, s->sndtimeo);
	}
	return err;
}

/* His user has as many under way as a process may have open. */
static bool too_many_files_sent(const struct scm *scm)
{
	u64 limit = current_process()->rlimit[RLIMIT_NOFILE].cur;

	return scm->nr_files && user_has(scm->sender, USER_FILES_SENT) > limit &&
	       !capable(CAP_SYS_RESOURCE) && !capable(CAP_SYS_ADMIN);
}

struct sock_msg *sock_next_msg(struct sock *s, struct sock_call *c, struct msg_pos *at, u32 len)
{
	long err = wait_for_room(s, c->nonblock);

	if (!err && too_many_files_sent(&c->scm))
		err = -ETOOMANYREFS;
	return err ? err_ptr((int)err) : sock_msg_create(s, c, at, len);
}

/* Credentials go along when either side wants them, or nobody has accepted yet. */
static bool wants_cred(const struct sock *s, const struct sock *to)
{
	return sock_option(s, SO_PASSCRED) || sock_option(to, SO_PASSCRED) || !to->file;
}

void sock_enqueue(struct sock *s, struct sock *to, struct sock_msg *m, struct sock_call *c)
{
	const struct credentials *cred = current_cred();

	m->scm = c->scm;
	m->scm.stamp_ns = to->stamp ? clock_realtime_ns() : 0;
	c->scm.nr_files = 0;
	c->scm.files = NULL;
	c->scm.sender = NULL;
	if (!m->scm.cred_set) {
		m->scm.cred = (struct abi_ucred){0, overflow_uid, overflow_gid};
		if (wants_cred(s, to))
			m->scm.cred =
				(struct abi_ucred){current_process()->pid, cred->uid, cred->gid};
	}
	scm_inflight(&m->scm, 1);
	list_add_tail(&m->link, &to->receive);
	to->queued++;
	to->unread += m->len;
}

static long send_chunk(struct sock *s, struct sock_call *c, struct msg_pos *at, u32 n)
{
	struct sock *to = NULL;
	struct sock_msg *m = sock_next_msg(s, c, at, n);
	long err;

	if (is_err(m))
		return ptr_err(m);
	spin_lock(&sock_lock);
	err = s->ops->admit(s);
	if (err > 0) {
		to = sock_hold(s->peer);
		sock_enqueue(s, to, m, c);
	}
	spin_unlock(&sock_lock);
	if (!to) {
		sock_msg_free(m);
		return err < 0 ? err : (long)n;
	}
	sock_data_ready(to);
	sock_put(to);
	return (long)n;
}

long sock_send_stream(struct sock *s, struct sock_call *c, long err)
{
	struct msg_pos at = {0, 0};
	long sent = 0, part = err;

	while (part >= 0 && (u32)sent < c->len) {
		u32 n = MIN(c->len - (u32)sent, SOCK_CHUNK);

		part = send_chunk(s, c, &at, MIN(n, s->sndbuf / 2 - CHUNK_MARGIN));
		sent += MAX(part, 0);
	}
	if (part == -EPIPE && !sent && !(c->flags & MSG_NOSIGNAL))
		signal_send_task(current_task(), SIGPIPE, NULL);
	return sent ? sent : part;
}

/* --- Receiving. All of this with s->read_lock held. --- */

static bool has_input(struct sock *s)
{
	return s->queued || s->error || (s->shutdown & RCV_SHUTDOWN);
}

/* The oldest message after `after` (NULL: the very oldest), or NULL. */
static struct sock_msg *next_msg(struct sock *s, const struct sock_msg *after)
{
	struct list_head *at;

	spin_lock(&sock_lock);
	at = after ? after->link.next : s->receive.next;
	spin_unlock(&sock_lock);
	return at == &s->receive ? NULL : list_entry(at, struct sock_msg, link);
}

/* Why there is nothing: *end, or an errno; 0 otherwise: wait. */
static long why_empty(struct sock *s, bool *end)
{
	long err;

	spin_lock(&sock_lock);
	err = sock_take_error(s);
	*end = s->shutdown & RCV_SHUTDOWN;
	spin_unlock(&sock_lock);
	return err;
}

/* The oldest message; NULL, with the result that the read has then in *err. */
static struct sock_msg *wait_for_msg(struct sock *s, const struct sock_call *c, long *err)
{
	struct sock_msg *m;
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
		*err = sock_wait(&s->readers, has_input, s, s->rcvtimeo);
		mutex_lock(&s->read_lock);
		if (*err)
			break;
	}
	return m;
}

static void get_address(const struct sock_msg *m, struct sock_call *c)
{
	spin_lock(&sock_lock);
	m->sender->ops->from(m, c);
	spin_unlock(&sock_lock);
}

/* When the message came; if nobody looked then, that is now, but nothing in a stream. */
static void get_stamp(const struct sock *s, const struct sock_msg *m, struct sock_call *c)
{
	c->scm.stamp_ns = m->scm.stamp_ns;
	c->scm.stamp = sock_is_tcp(s) && !m->scm.stamp_ns ? 0 : s->stamp;
	if (!c->scm.stamp_ns)
		c->scm.stamp_ns = clock_realtime_ns();
}

/* Hands the message's files and credentials to the call. */
static int get_scm(struct sock_msg *m, struct sock_call *c)
{
	if (c->flags & MSG_PEEK)
		return scm_copy(&c->scm, &m->scm);
	spin_lock(&sock_lock);
	scm_inflight(&m->scm, -1);
	c->scm = m->scm;
	m->scm.nr_files = 0;
	m->scm.files = NULL;
	m->scm.sender = NULL;
	spin_unlock(&sock_lock);
	return 0;
}

/* n bytes of the message have been read; frees it when that was all, or it is a packet. Returns
 * whether it did. */
static bool consume(struct sock *s, struct sock_msg *m, u32 n)
{
	bool gone;

	spin_lock(&sock_lock);
	m->taken += n;
	gone = s->type != SOCK_STREAM || m->taken == m->len;
	s->unread -= n;
	if (gone) {
		list_del(&m->link);
		s->queued--;
	}
	spin_unlock(&sock_lock);
	if (gone)
		sock_msg_free(m);
	return gone;
}

static long recv_packet(struct sock *s, struct sock_call *c)
{
	struct msg_pos at = {0, 0};
	struct sock_msg *m;
	u32 len, got;
	long err;

	spin_lock(&sock_lock);
	err = sock_take_error(s); /* before what is queued, other than in a stream */
	spin_unlock(&sock_lock);
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
	err = sock_msg_copy(m, 0, got, c, &at) < got ? -EFAULT : get_scm(m, c);
	get_stamp(s, m, c);
	if (!(c->flags & MSG_PEEK)) {
		consume(s, m, len);
		waitq_wake_all(&sock_dgram_room);
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
	struct msg_pos at;
	u32 done;
	bool first_taken;
	bool over; /* it ends here, whatever is still queued */
	struct abi_ucred cred;
};

/* Takes what is wanted of one message. Returns 0 or a negative errno. *gone: the message is. */
static long take_part(
	struct sock *s, struct sock_msg *m, struct sock_call *c, struct stream_read *r, bool *gone)
{
	u32 n = MIN(m->len - m->taken, c->len - r->done), got;
	bool files = m->scm.nr_files;
	long err;

	*gone = false;
	if (r->first_taken && sock_option(s, SO_PASSCRED) && !same_cred(&r->cred, &m->scm.cred)) {
		r->over = true;
		return 0;
	}
	if (!r->first_taken) {
		r->cred = m->scm.cred;
		get_address(m, c);
	}
	if (sock_is_tcp(s) && (c->flags & MSG_TRUNC)) /* means there: throw it away */
		got = n;
	else
		got = sock_msg_copy(m, m->taken, n, c, &r->at);
	if (got < n && !got)
		return -EFAULT;
	if (files || !r->first_taken) {
		err = get_scm(m, c);
		if (err)
			return err;
	}
	if (sock_is_tcp(s))
		get_stamp(s, m, c);
	r->first_taken = true;
	r->done += got;
	r->over = files || got < n || r->done == c->len;
	if (!(c->flags & MSG_PEEK))
		*gone = consume(s, m, got);
	return 0;
}

static long recv_stream(struct sock *s, struct sock_call *c)
{
	struct stream_read r = {.done = 0};
	u32 enough = c->flags & MSG_WAITALL ? c->len : MIN(MAX(s->rcvlowat, 1u), c->len);
	struct sock_msg *m = NULL;
	bool gone = false;
	long err = 0;

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

long sock_recv(struct sock *s, struct sock_call *c)
{
	long done;

	mutex_lock(&s->read_lock);
	done = s->type == SOCK_STREAM ? recv_stream(s, c) : recv_packet(s, c);
	mutex_unlock(&s->read_lock);
	return done;
}
