/*
 * Messages: bytes in pieces of at most a page, and the files that travel with them.
 *
 * Dropping a message may close a socket's last reference, whose unread messages are dropped in
 * turn, and so on: a chain as long as a program likes. So messages with files go to a graveyard;
 * the thread that finds nobody at work there puts them one after the other, whatever is added
 * meanwhile.
 */
#include "kernel/abi/errno.h"
#include "kernel/lib/string.h"
#include "kernel/net/unix.h"
#include "mm/kmalloc.h"

#define PIECE_MAX (PAGE_SIZE - sizeof(struct unix_piece))

static LIST_HEAD(graveyard); /* struct unix_msg.link; unix_lock */
static bool digging;	     /* unix_lock */

/* --- Bytes --- */

/* Where the call's memory goes on, and how much of it is there in one stretch. */
static struct iobuf stretch(struct unix_call *c, const struct unix_pos *at, u32 *n)
{
	const struct abi_iovec *iov = &c->iov[at->i];

	if (c->kernel)
		return *c->kernel;
	*n = MIN(*n, iov->len - at->off);
	return iobuf_user(UPTR(iov->base + at->off));
}

static void advance(struct unix_call *c, struct unix_pos *at, const struct iobuf *b, u32 n)
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
static u32 move(struct unix_call *c, struct unix_pos *at, u8 *kernel, u32 n, bool in)
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

static void free_pieces(struct unix_msg *m)
{
	struct unix_piece *p;

	while ((p = m->pieces)) {
		m->pieces = p->next;
		kfree(p);
	}
}

static int fill(struct unix_msg *m, struct unix_call *c, struct unix_pos *at, u32 len)
{
	struct unix_piece **end = &m->pieces;

	while (m->len < len) {
		u32 n = MIN(len - m->len, PIECE_MAX);
		struct unix_piece *p = kmalloc(sizeof(*p) + n);

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

struct unix_msg *unix_msg_create(
	struct unix_sock *sender, struct unix_call *c, struct unix_pos *at, u32 len)
{
	struct unix_msg *m = kzalloc(sizeof(*m));
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
	spin_lock(&unix_lock);
	m->sender = unix_hold(sender);
	sender->charged += m->charge;
	spin_unlock(&unix_lock);
	return m;
}

u32 unix_msg_copy(
	const struct unix_msg *m, u32 from, u32 n, struct unix_call *c, struct unix_pos *at)
{
	struct unix_piece *p = m->pieces;
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

void unix_scm_drop(struct unix_scm *scm)
{
	for (u32 i = 0; i < scm->nr_files; i++)
		file_put(scm->files[i]);
	kfree(scm->files);
	scm->files = NULL;
	scm->nr_files = 0;
}

int unix_scm_copy(struct unix_scm *to, const struct unix_scm *from)
{
	*to = *from;
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

static void bury(struct unix_msg *m)
{
	struct unix_sock *sender = m->sender;

	unix_scm_drop(&m->scm);
	free_pieces(m);
	spin_lock(&unix_lock);
	sender->charged -= m->charge;
	spin_unlock(&unix_lock);
	waitq_wake_all(&sender->writers);
	unix_put(sender);
	kfree(m);
}

/* The next grave to dig; NULL ends the work. */
static struct unix_msg *next_grave(void)
{
	struct unix_msg *m = NULL;

	spin_lock(&unix_lock);
	if (list_empty(&graveyard)) {
		digging = false;
	} else {
		m = list_first_entry(&graveyard, struct unix_msg, link);
		list_del(&m->link);
	}
	spin_unlock(&unix_lock);
	return m;
}

void unix_msg_free(struct unix_msg *m)
{
	bool other;

	if (!m->scm.nr_files) {
		bury(m);
		return;
	}
	spin_lock(&unix_lock);
	unix_inflight(&m->scm, -1);
	list_add_tail(&m->link, &graveyard);
	other = digging;
	digging = true;
	spin_unlock(&unix_lock);
	while (!other && (m = next_grave()))
		bury(m);
}

void unix_msgs_free(struct list_head *msgs)
{
	while (!list_empty(msgs)) {
		struct unix_msg *m = list_first_entry(msgs, struct unix_msg, link);

		list_del(&m->link);
		unix_msg_free(m);
	}
}
