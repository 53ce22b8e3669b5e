/*
 * Messages: bytes in pieces of at most a page, and the files that travel with them.
 *
 * Dropping a message may close a socket's last reference, whose unread messages are dropped in
 * turn, and so on: a chain as long as a program likes. So messages with files go to a graveyard;
 * the thread that finds nobody at work there puts them one after the other, whatever is added
 * meanwhile.
 */
#include "kernel/abi/errno.h"
#include "kernel/abi/signal.h"
#include "kernel/fs/fasync.h"
#include "kernel/net/sock.h"
#include "kernel/proc/user.h"
#include "mm/kmalloc.h"

#define PIECE_MAX (PAGE_SIZE - sizeof(struct msg_piece))

static LIST_HEAD(graveyard); /* struct sock_msg.link; sock_lock */
static bool digging;	     /* sock_lock */

/* --- Bytes --- */

/* Where the call's memory goes on, and how much of it is there in one stretch. */
static struct iobuf stretch(struct sock_call *c, const struct msg_pos *at, u32 *n)
{
	const struct abi_iovec *iov = &c->iov[at->i];

	if (c->kernel)
		return *c->kernel;
	*n = MIN(*n, iov->len - at->off);
	return iobuf_user(UPTR(iov->base + at->off));
}

static void advance(struct sock_call *c, struct msg_pos *at, const struct iobuf *b, u32 n)
{
	if (c->kernel) {
		*c->kernel = *b;
		return;
	}
	at->off += n;
	while (at->i < c->nr_iov && at->off == c->iov[at->i].len) {
		at->i++;
		at->off = 0;
	}
}

/* Moves n bytes between kernel memory and the call's. Returns how many were. */
static u32 move(struct sock_call *c, struct msg_pos *at, u8 *kernel, u32 n, bool in)
{
	u32 done = 0, part, left;
	struct iobuf b;

	while (done < n) {
		advance(c, at, c->kernel, 0);
		part = n - done;
		b = stretch(c, at, &part);
		left = in ? iobuf_get(&b, kernel + done, part) : iobuf_put(&b, kernel + done, part);
		done += part - left;
		advance(c, at, &b, part - left);
		if (left)
			break;
	}
	return done;
}

static void free_pieces(struct sock_msg *m)
{
	struct msg_piece *p;

	while ((p = m->pieces)) {
		m->pieces = p->next;
		kfree(p);
	}
}

static int fill(struct sock_msg *m, struct sock_call *c, struct msg_pos *at, u32 len)
{
	struct msg_piece **end = &m->pieces;

	while (m->len < len) {
		u32 n = MIN(len - m->len, PIECE_MAX);
		struct msg_piece *p = kmalloc(sizeof(*p) + n);

		if (!p)
			return -ENOMEM;
		p->next = NULL;
		p->len = n;
		*end = p;
		end = &p->next;
		m->charge += ksize(p);
		if (move(c, at, p->data, n, true) < n)
			return -EFAULT;
		m->len += n;
	}
	return 0;
}

struct sock_msg *sock_msg_create(
	struct sock *sender, struct sock_call *c, struct msg_pos *at, u32 len)
{
	struct sock_msg *m = kzalloc(sizeof(*m));
	int err;

	if (!m)
		return err_ptr(-ENOMEM);
	m->charge = ksize(m);
	err = fill(m, c, at, len);
	if (err) {
		free_pieces(m);
		kfree(m);
		return err_ptr(err);
	}
	spin_lock(&sock_lock);
	m->sender = sock_hold(sender);
	sender->charged += m->charge;
	spin_unlock(&sock_lock);
	return m;
}

u32 sock_msg_copy(
	const struct sock_msg *m, u32 from, u32 n, struct sock_call *c, struct msg_pos *at)
{
	struct msg_piece *p = m->pieces;
	u32 done = 0, part, got;

	for (; p && from >= p->len; p = p->next)
		from -= p->len;
	for (; p && done < n; p = p->next) {
		part = MIN(n - done, p->len - from);
		got = move(c, at, p->data + from, part, false);
		done += got;
		from = 0;
		if (got < part)
			break;
	}
	return done;
}

/* --- Files --- */

void scm_drop(struct scm *scm)
{
	for (u32 i = 0; i < scm->nr_files; i++)
		file_put(scm->files[i]);
	kfree(scm->files);
	user_put(scm->sender);
	scm->files = NULL;
	scm->sender = NULL;
	scm->nr_files = 0;
}

int scm_copy(struct scm *to, const struct scm *from)
{
	*to = *from;
	to->sender = NULL;
	if (!from->nr_files)
		return 0;
	to->files = kmalloc(from->nr_files * sizeof(struct file *));
	if (!to->files) {
		to->nr_files = 0;
		return -ENOMEM;
	}
	for (u32 i = 0; i < from->nr_files; i++)
		to->files[i] = file_get(from->files[i]);
	return 0;
}

/* --- The end --- */

static void bury(struct sock_msg *m)
{
	struct sock *sender = m->sender;
	bool waited;

	scm_drop(&m->scm);
	free_pieces(m);
	spin_lock(&sock_lock);
	sender->charged -= m->charge;
	waited = sender->wants_room && sender->charged < sock_limit(sender);
	if (waited)
		sender->wants_room = false;
	spin_unlock(&sock_lock);
	waitq_wake_all(&sender->writers);
	if (waited)
		fasync_notify(&sender->async, POLL_OUT);
	sock_put(sender);
	kfree(m);
}

/* The next grave to dig; NULL ends the work. */
static struct sock_msg *next_grave(void)
{
	struct sock_msg *m = NULL;

	spin_lock(&sock_lock);
	if (list_empty(&graveyard)) {
		digging = false;
	} else {
		m = list_first_entry(&graveyard, struct sock_msg, link);
		list_del(&m->link);
	}
	spin_unlock(&sock_lock);
	return m;
}

void sock_msg_free(struct sock_msg *m)
{
	bool other;

	if (!m->scm.nr_files) {
		bury(m);
		return;
	}
	spin_lock(&sock_lock);
	scm_inflight(&m->scm, -1);
	list_add_tail(&m->link, &graveyard);
	other = digging;
	digging = true;
	spin_unlock(&sock_lock);
	while (!other && (m = next_grave()))
		bury(m);
}

void sock_msgs_free(struct list_head *msgs)
{
	while (!list_empty(msgs)) {
		struct sock_msg *m = list_first_entry(msgs, struct sock_msg, link);

		list_del(&m->link);
		sock_msg_free(m);
	}
}
