/*
 * Sockets that are in no descriptor table, only in messages to sockets of which the same is true:
 * nobody can ever read those messages, and without help they would stay for ever. What others have
 * is marked, going from queue to queue; what is left is garbage, and its messages are dropped.
 *
 * It runs after a socket was closed, after a descriptor table went, and when sockets under way in
 * messages have doubled since it last ran. Programs that never send sockets never pay for it.
 */
#include "kernel/fs/vfs.h"
#include "kernel/net/sock.h"
#include "kernel/proc/user.h"

#define FIRST_LIMIT 64u

u32 scm_nr_inflight;
static u32 limit = FIRST_LIMIT; /* sock_lock */
bool sock_gc_wanted;

void scm_inflight(const struct scm *scm, s32 by)
{
	if (scm->nr_files)
		user_add(scm->sender, USER_FILES_SENT, by * (s32)scm->nr_files);
	for (u32 i = 0; i < scm->nr_files; i++) {
		if (!file_is_socket(scm->files[i]))
			continue;
		sock_of(scm->files[i])->inflight += (u32)by;
		scm_nr_inflight += (u32)by;
	}
}

/* --- Marking. All of this with sock_lock held. --- */

static void mark(struct sock *s, struct list_head *todo)
{
	if (s->reachable)
		return;
	s->reachable = true;
	list_add_tail(&s->gc, todo);
}

/* Whether somebody has it who is no message. */
static bool is_held(const struct sock *s)
{
	return s->file && READ_ONCE(s->file->refcount) > s->inflight;
}

static void mark_queue(struct sock *s, struct list_head *todo)
{
	struct sock *waiting;
	struct sock_msg *m;

	if (s->state == SS_LISTENING) {
		list_for_each_entry (waiting, &s->receive, waiting)
			mark(waiting, todo);
		return;
	}
	list_for_each_entry (m, &s->receive, link) {
		for (u32 i = 0; i < m->scm.nr_files; i++)
			if (file_is_socket(m->scm.files[i]))
				mark(sock_of(m->scm.files[i]), todo);
	}
}

static void mark_all(void)
{
	LIST_HEAD(todo);
	struct sock *s;

	list_for_each_entry (s, &socks, all)
		s->reachable = false;
	list_for_each_entry (s, &socks, all)
		if (is_held(s))
			mark(s, &todo);
	while (!list_empty(&todo)) {
		s = list_first_entry(&todo, struct sock, gc);
		list_del(&s->gc);
		mark_queue(s, &todo);
	}
}

static void take_messages(struct sock *s, struct list_head *to)
{
	if (s->state == SS_LISTENING)
		return;
	list_splice_tail(&s->receive, to);
	s->queued = s->unread = 0;
}

void sock_gc(void)
{
	LIST_HEAD(garbage);
	struct sock *s;

	spin_lock(&sock_lock);
	mark_all();
	list_for_each_entry (s, &socks, all)
		if (!s->reachable && (s->inflight || s->listener))
			take_messages(s, &garbage);
	sock_gc_wanted = false;
	spin_unlock(&sock_lock);
	sock_msgs_free(&garbage);
	limit = MAX(2 * scm_nr_inflight, FIRST_LIMIT);
}

void sockets_collect(bool now)
{
	u32 n = READ_ONCE(scm_nr_inflight);

	if (unlikely(n && (now || READ_ONCE(sock_gc_wanted) || n > READ_ONCE(limit))))
		sock_gc();
}
