/*
 * Sockets that are in no descriptor table, only in messages to sockets of which the same is true:
 * nobody can ever read those messages, and without help they would stay for ever. What others have
 * is marked, going from queue to queue; what is left is garbage, and its messages are dropped.
 *
 * It runs after a socket was closed, after a descriptor table went, and when sockets under way in
 * messages have doubled since it last ran. Programs that never send sockets never pay for it.
 */
#include "kernel/fs/vfs.h"
#include "kernel/net/unix.h"

#define FIRST_LIMIT 64u

u32 unix_nr_inflight;
static u32 limit = FIRST_LIMIT; /* unix_lock */
bool unix_gc_wanted;

void unix_inflight(const struct unix_scm *scm, s32 by)
{
	for (u32 i = 0; i < scm->nr_files; i++) {
		if (!file_is_socket(scm->files[i]))
			continue;
		unix_of(scm->files[i])->inflight += (u32)by;
		unix_nr_inflight += (u32)by;
	}
}

/* --- Marking. All of this with unix_lock held. --- */

static void mark(struct unix_sock *s, struct list_head *todo)
{
	if (s->reachable)
		return;
	s->reachable = true;
	list_add_tail(&s->gc, todo);
}

/* Whether somebody has it who is no message. */
static bool is_held(const struct unix_sock *s)
{
	return s->file && READ_ONCE(s->file->refcount) > s->inflight;
}

static void mark_queue(struct unix_sock *s, struct list_head *todo)
{
	struct unix_sock *waiting;
	struct unix_msg *m;

	if (s->state == UNIX_LISTENING) {
		list_for_each_entry (waiting, &s->receive, waiting)
			mark(waiting, todo);
		return;
	}
	list_for_each_entry (m, &s->receive, link) {
		for (u32 i = 0; i < m->scm.nr_files; i++)
			if (file_is_socket(m->scm.files[i]))
				mark(unix_of(m->scm.files[i]), todo);
	}
}

static void mark_all(void)
{
	LIST_HEAD(todo);
	struct unix_sock *s;

	list_for_each_entry (s, &unix_socks, all)
		s->reachable = false;
	list_for_each_entry (s, &unix_socks, all)
		if (is_held(s))
			mark(s, &todo);
	while (!list_empty(&todo)) {
		s = list_first_entry(&todo, struct unix_sock, gc);
		list_del(&s->gc);
		mark_queue(s, &todo);
	}
}

static void take_messages(struct unix_sock *s, struct list_head *to)
{
	if (s->state == UNIX_LISTENING)
		return;
	list_splice_tail(&s->receive, to);
	s->queued = s->unread = 0;
}

void unix_gc(void)
{
	LIST_HEAD(garbage);
	struct unix_sock *s;

	spin_lock(&unix_lock);
	mark_all();
	list_for_each_entry (s, &unix_socks, all)
		if (!s->reachable && (s->inflight || !list_empty(&s->waiting)))
			take_messages(s, &garbage);
	unix_gc_wanted = false;
	spin_unlock(&unix_lock);
	unix_msgs_free(&garbage);
	limit = MAX(2 * unix_nr_inflight, FIRST_LIMIT);
}

void sockets_collect(bool now)
{
	u32 n = READ_ONCE(unix_nr_inflight);

	if (unlikely(n && (now || READ_ONCE(unix_gc_wanted) || n > READ_ONCE(limit))))
		unix_gc();
}
