/*
 * inotify(7): a queue of what happened to the files that a program watches.
 *
 * An instance has watches, each on one inode, which it holds. Whoever does something to a file
 * walks the watches of its inode and puts an event into the queue of each that asked for it.
 * inotify_lock guards instances, watches and queues. A watch that goes is first taken off its lists
 * under the lock and freed after it, for its inode may go with it.
 */
#include "kernel/abi/signal.h"
#include "kernel/fs/fasync.h"
#include "kernel/fs/notify.h"
#include "kernel/fs/path.h"
#include "kernel/fs/poll.h"
#include "kernel/fs/text.h"
#include "kernel/lib/string.h"
#include "kernel/proc/task.h"
#include "kernel/syscalls.h"
#include "kernel/x86/uaccess.h"
#include "mm/kmalloc.h"
#include "mm/page_alloc.h"

struct event {
	struct list_head link; /* empty: in no queue */
	struct abi_inotify_event e;
	u32 len; /* of the name, without zeroes */
	char name[];
};

/* Everything under inotify_lock but what the instance has from its beginning. */
struct inotify {
	struct list_head link;	  /* instances */
	struct list_head watches; /* struct watch.by_instance, newest first */
	struct list_head events;
	struct event overflow; /* the one event that is always there to be queued */
	u32 nr_watches, nr_events;
	u32 max_events; /* from its beginning */
	u32 uid;	/* from its beginning: whose limits it counts against */
	s32 last_wd;
	struct waitq readers;
	struct list_head async; /* files with O_ASYNC (kernel/fs/fasync.h) */
};

struct watch {
	struct list_head by_inode, by_instance;
	struct inotify *owner;
	struct inode *inode; /* referenced */
	s32 wd;
	u32 mask; /* events, IN_EXCL_UNLINK and IN_ONESHOT */
};

static struct spinlock inotify_lock = SPINLOCK_INIT("inotify");
static LIST_HEAD(instances); /* inotify_lock */

u32 notify_watches;
u32 inotify_max_events = 16384, inotify_max_instances = 128, inotify_max_watches;

/* --- The queue. Callers hold inotify_lock. --- */

/* What a read gives for the event: its name with at least one zero, in whole headers. */
static u32 event_size(const struct event *ev)
{
	return sizeof(ev->e) + (ev->len ? ALIGN_UP(ev->len + 1, sizeof(ev->e)) : 0);
}

static void append(struct inotify *i, struct event *ev)
{
	list_add_tail(&ev->link, &i->events);
	i->nr_events++;
	waitq_wake_all(&i->readers);
	fasync_notify(&i->async, POLL_IN);
}

static void append_overflow(struct inotify *i)
{
	if (list_empty(&i->overflow.link))
		append(i, &i->overflow);
}

/* The same as what was queued last is not told twice, whatever the cookie. */
static bool is_repeated(
	const struct inotify *i, const struct abi_inotify_event *e, const char *name, u32 len)
{
	const struct event *last;

	if (list_empty(&i->events))
		return false;
	last = list_entry(i->events.prev, struct event, link);
	return last->e.wd == e->wd && last->e.mask == e->mask && !(e->mask & IN_IGNORED) &&
	       last->len == len && !memcmp(last->name, name, len);
}

static void queue(struct inotify *i, const struct abi_inotify_event *e, const char *name, u32 len)
{
	struct event *ev;

	if (i->nr_events < i->max_events && is_repeated(i, e, name, len))
		return;
	ev = i->nr_events < i->max_events ? kmalloc(sizeof(*ev) + len) : NULL;
	if (!ev) {
		append_overflow(i);
		return;
	}
	ev->e = *e;
	ev->len = len;
	ev->e.len = event_size(ev) - sizeof(ev->e);
	memcpy(ev->name, name, len);
	append(i, ev);
}

static void unqueue(struct inotify *i, struct event *ev)
{
	list_del_init(&ev->link);
	i->nr_events--;
}

static void free_event(struct inotify *i, struct event *ev)
{
	if (ev != &i->overflow)
		kfree(ev);
}

/* --- Watches --- */

/* Takes a watch off its lists and onto `dead`, for bury(). Caller holds inotify_lock. */
static void detach(struct watch *w, struct list_head *dead)
{
	list_del(&w->by_inode);
	list_del(&w->by_instance);
	list_add(&w->by_inode, dead);
	w->owner->nr_watches--;
	notify_watches--;
}

/* The same, and its instance hears that it is over. */
static void end_watch(struct watch *w, struct list_head *dead)
{
	queue(w->owner, &(struct abi_inotify_event){.wd = w->wd, .mask = IN_IGNORED}, "", 0);
	detach(w, dead);
}

/* Without inotify_lock and dcache_lock. */
static void bury(struct list_head *dead)
{
	struct watch *w, *next;

	list_for_each_entry_safe (w, next, dead, by_inode) {
		inode_put(w->inode);
		kfree(w);
	}
}

/* What the watchers of one inode are told. */
struct notice {
	const struct inode *to;
	u32 event; /* one IN_ bit, and perhaps IN_ISDIR */
	u32 cookie;
	const char *name; /* of what `to`, a directory, has; "": about `to` itself */
	u32 len;
};

static u32 dir_bit(u32 mode)
{
	return S_ISDIR(mode) ? IN_ISDIR : 0;
}

static struct notice about_itself(const struct inode *inode, u32 event)
{
	bool moves = event & (IN_DELETE_SELF | IN_MOVE_SELF);

	return (struct notice){inode, event | (moves ? 0 : dir_bit(inode->mode)), 0, "", 0};
}

/* Puts the event into the queues of those who asked for it; `skip` leaves out watches with these
 * bits. Caller holds inotify_lock. */
static void tell(const struct notice *n, u32 skip, struct list_head *dead)
{
	struct abi_inotify_event e = {.mask = n->event, .cookie = n->cookie};
	struct watch *w, *next;

	list_for_each_entry_safe (w, next, &n->to->watches, by_inode) {
		if (!((w->mask | IN_UNMOUNT) & n->event) || (w->mask & skip))
			continue;
		e.wd = w->wd;
		queue(w->owner, &e, n->name, n->len);
		if (w->mask & IN_ONESHOT)
			end_watch(w, dead);
	}
}

/* --- What the file layer tells --- */

/* Some notices, one after the other, with nothing in between. */
static void tell_all(const struct notice *n, u32 count)
{
	LIST_HEAD(dead);

	spin_lock(&inotify_lock);
	for (u32 i = 0; i < count; i++)
		tell(&n[i], 0, &dead);
	spin_unlock(&inotify_lock);
	bury(&dead);
}

void notify_name_slow(const struct inode *dir, u32 event, u32 mode, const struct name *name)
{
	struct notice n = {dir, event | dir_bit(mode), 0, name->s, name->len};

	tell_all(&n, 1);
}

static u32 next_cookie(void)
{
	static u32 last; /* atomic */

	return __atomic_add_fetch(&last, 1, __ATOMIC_RELAXED);
}

void notify_moved_slow(const struct dentry *d, const struct inode *from, const struct name *name,
	const struct dentry *replaced)
{
	u32 dir = dir_bit(d->inode->mode), cookie = next_cookie(), n = 2;
	struct notice notices[4] = {
		{from, IN_MOVED_FROM | dir, cookie, name->s, name->len},
		{d->parent->inode, IN_MOVED_TO | dir, cookie, d->name, d->len},
	};

	if (replaced)
		notices[n++] = about_itself(replaced->inode, IN_ATTRIB);
	notices[n++] = about_itself(d->inode, IN_MOVE_SELF);
	tell_all(notices, n);
}

void notify_dentry_slow(struct dentry *d, u32 event, bool opened)
{
	u32 skip = opened && (d->flags & D_DELETED) ? IN_EXCL_UNLINK : 0;
	struct notice n = about_itself(d->inode, event);
	LIST_HEAD(dead);

	spin_lock(&inotify_lock);
	spin_lock(&dcache_lock); /* parent and name stay */
	if (d->parent != d)
		tell(&(struct notice){d->parent->inode, n.event, 0, d->name, d->len}, skip, &dead);
	spin_unlock(&dcache_lock);
	tell(&n, skip, &dead);
	spin_unlock(&inotify_lock);
	bury(&dead);
}

void notify_inode_slow(const struct inode *inode, u32 event)
{
	struct notice n = about_itself(inode, event);
	struct watch *w, *next;
	LIST_HEAD(dead);

	spin_lock(&inotify_lock);
	tell(&n, 0, &dead);
	if (event & (IN_DELETE_SELF | IN_UNMOUNT))
		list_for_each_entry_safe (w, next, &inode->watches, by_inode)
			end_watch(w, &dead);
	spin_unlock(&inotify_lock);
	bury(&dead);
}

/* An inode of the file system that is watched, referenced, or NULL. */
static struct inode *watched_inode(const struct super *s)
{
	struct inode *found = NULL;
	struct inotify *i;
	struct watch *w;

	spin_lock(&inotify_lock);
	list_for_each_entry (i, &instances, link)
		list_for_each_entry (w, &i->watches, by_instance)
			if (!found && w->inode->super == s)
				found = w->inode;
	if (found)
		inode_get(found);
	spin_unlock(&inotify_lock);
	return found;
}

void notify_unmount(const struct super *s)
{
	struct inode *inode;

	while (notify_watches && (inode = watched_inode(s))) {
		notify_inode(inode, IN_UNMOUNT);
		inode_put(inode);
	}
}

/* --- An instance as a file --- */

/* The oldest event, off the queue and now the caller's; NULL when there is none; -EINVAL when it is
 * longer than n. */
static struct event *take_event(struct inotify *i, size_t n)
{
	struct event *ev = NULL;

	spin_lock(&inotify_lock);
	if (!list_empty(&i->events)) {
		ev = list_first_entry(&i->events, struct event, link);
		if (event_size(ev) > n)
			ev = err_ptr(-EINVAL);
		else
			unqueue(i, ev);
	}
	spin_unlock(&inotify_lock);
	return ev;
}

static bool has_events(const struct inotify *i)
{
	return i->nr_events;
}

/* Returns the event's size, or -EFAULT. */
static ssize_k put_event(struct iobuf *to, const struct event *ev)
{
	static const char zeroes[sizeof(ev->e)];

	if (iobuf_put(to, &ev->e, sizeof(ev->e)) || iobuf_put(to, ev->name, ev->len) ||
		iobuf_put(to, zeroes, ev->e.len - ev->len))
		return -EFAULT;
	return (ssize_k)event_size(ev);
}

/* As many as there are and fit; waits only for the first. An event that could not be copied is
 * lost. */
static ssize_k inotify_read(struct file *f, struct iobuf *to, size_t n, u64 *pos)
{
	struct inotify *i = f->private;
	struct event *ev;
	ssize_k put;
	size_t done = 0;

	for (;;) {
		ev = take_event(i, n - done);
		if (is_err(ev))
			return done ? (ssize_k)done : ptr_err(ev);
		if (ev) {
			put = put_event(to, ev);
			free_event(i, ev);
			if (put < 0)
				return put;
			done += (size_t)put;
		} else if (done) {
			return (ssize_k)done;
		} else if (f->flags & O_NONBLOCK) {
			return -EAGAIN;
		} else if (wait_event_interruptible(&i->readers, has_events(i))) {
			return -ERESTARTSYS;
		}
	}
}

static u32 inotify_poll(struct file *f, struct poll_table *pt)
{
	struct inotify *i = f->private;

	poll_wait(pt, &i->readers);
	return has_events(i) ? POLLIN | POLLRDNORM : 0;
}

static long inotify_ioctl(struct file *f, u32 cmd, u32 arg)
{
	struct inotify *i = f->private;
	struct event *ev;
	u32 bytes = 0;

	if (cmd != FIONREAD)
		return -ENOTTY;
	spin_lock(&inotify_lock);
	list_for_each_entry (ev, &i->events, link)
		bytes += event_size(ev);
	spin_unlock(&inotify_lock);
	return put_user_u32(UPTR(arg), bytes);
}

static void inotify_release(struct file *f)
{
	struct inotify *i = f->private;
	struct watch *w, *next_watch;
	struct event *ev, *next;
	LIST_HEAD(dead);

	spin_lock(&inotify_lock);
	list_del(&i->link);
	list_for_each_entry_safe (w, next_watch, &i->watches, by_instance)
		detach(w, &dead);
	spin_unlock(&inotify_lock);
	bury(&dead);
	list_for_each_entry_safe (ev, next, &i->events, link)
		free_event(i, ev);
	kfree(i);
}

static void inotify_show(struct file *f, struct text *t)
{
	struct inotify *i = f->private;
	struct watch *w;

	spin_lock(&inotify_lock);
	list_for_each_entry (w, &i->watches, by_instance)
		text_printf(t, "inotify wd:%x ino:%x sdev:%x mask:%x ignored_mask:0 \n", (u32)w->wd,
			w->inode->ino, w->inode->super->dev, w->mask);
	spin_unlock(&inotify_lock);
}

static struct list_head *inotify_async(struct file *f)
{
	struct inotify *i = f->private;

	return &i->async;
}

static const struct file_ops inotify_ops = {
	.seek_ignored = true,
	.read = inotify_read,
	.poll = inotify_poll,
	.ioctl = inotify_ioctl,
	.release = inotify_release,
	.show_info = inotify_show,
	.async = inotify_async,
};

/* --- Limits. Callers hold inotify_lock. --- */

static bool has_room_for_instance(u32 uid)
{
	const struct inotify *i;
	u32 n = 0;

	list_for_each_entry (i, &instances, link)
		n += i->uid == uid;
	return n < inotify_max_instances;
}

static bool has_room_for_watch(u32 uid)
{
	const struct inotify *i;
	u32 n = 0;

	list_for_each_entry (i, &instances, link)
		n += i->uid == uid ? i->nr_watches : 0;
	return n < inotify_max_watches;
}

/* --- The system calls --- */

long sys_inotify_init1(u32 flags)
{
	struct inotify *i;
	bool room;

	if (flags & ~(O_CLOEXEC | O_NONBLOCK))
		return -EINVAL;
	i = kzalloc(sizeof(*i));
	if (!i)
		return -ENOMEM;
	list_init(&i->watches);
	list_init(&i->events);
	list_init(&i->overflow.link);
	i->overflow.e = (struct abi_inotify_event){.wd = -1, .mask = IN_Q_OVERFLOW};
	i->max_events = inotify_max_events;
	i->uid = current_cred()->euid;
	waitq_init(&i->readers);
	list_init(&i->async);
	spin_lock(&inotify_lock);
	room = has_room_for_instance(i->uid);
	if (room)
		list_add(&i->link, &instances);
	spin_unlock(&inotify_lock);
	if (!room) {
		kfree(i);
		return -EMFILE;
	}
	return anon_fd_create("anon_inode:inotify", O_RDONLY | flags, &inotify_ops, i);
}

long sys_inotify_init(void)
{
	return sys_inotify_init1(0);
}

static struct watch *watch_of_inode(const struct inotify *i, const struct inode *inode)
{
	struct watch *w;

	list_for_each_entry (w, &inode->watches, by_inode)
		if (w->owner == i)
			return w;
	return NULL;
}

static struct watch *watch_of_number(const struct inotify *i, s32 wd)
{
	struct watch *w;

	list_for_each_entry (w, &i->watches, by_instance)
		if (w->wd == wd)
			return w;
	return NULL;
}

/* A number is given once, and as on Linux is gone also when there is no room. Caller holds
 * inotify_lock. */
static struct watch *new_watch(struct inotify *i, struct inode *inode)
{
	struct watch *w;

	if (i->last_wd == INT32_MAX)
		return err_ptr(-ENOSPC);
	i->last_wd++;
	if (!has_room_for_watch(i->uid))
		return err_ptr(-ENOSPC);
	w = kzalloc(sizeof(*w));
	if (!w)
		return err_ptr(-ENOMEM);
	w->owner = i;
	w->inode = inode_get(inode);
	w->wd = i->last_wd;
	list_add(&w->by_inode, &inode->watches);
	list_add(&w->by_instance, &i->watches);
	i->nr_watches++;
	notify_watches++;
	return w;
}

/* Makes the watch of an inode, or changes the one there is. Returns its number. */
static long set_watch(struct inotify *i, struct inode *inode, u32 mask)
{
	u32 kept = mask & (IN_ALL_EVENTS | IN_EXCL_UNLINK | IN_ONESHOT);
	struct watch *w;
	long ret;

	spin_lock(&inotify_lock);
	w = watch_of_inode(i, inode);
	if (w && (mask & IN_MASK_CREATE))
		w = err_ptr(-EEXIST);
	else if (!w)
		w = new_watch(i, inode);
	if (is_err(w)) {
		ret = ptr_err(w);
	} else {
		w->mask = mask & IN_MASK_ADD ? w->mask | kept : kept;
		ret = w->wd;
	}
	spin_unlock(&inotify_lock);
	return ret;
}

static long add_watch(struct inotify *i, uptr_t path, u32 mask)
{
	u32 lookup = (mask & IN_DONT_FOLLOW ? 0 : LOOKUP_FOLLOW) |
		     (mask & IN_ONLYDIR ? LOOKUP_DIRECTORY : 0);
	struct path p;
	long ret = user_path_lookup(AT_FDCWD, path, lookup, &p);

	if (ret)
		return ret;
	ret = inode_permission(p.dentry->inode, MAY_READ);
	if (!ret)
		ret = set_watch(i, p.dentry->inode, mask);
	path_put(p);
	return ret;
}

long sys_inotify_add_watch(u32 fd, uptr_t path, u32 mask)
{
	struct file *f;
	long ret = -EINVAL;

	if ((mask & ~IN_ALL_BITS) || !mask)
		return -EINVAL;
	f = fget(fd);
	if (!f)
		return -EBADF;
	if (f->ops == &inotify_ops && (~mask & (IN_MASK_ADD | IN_MASK_CREATE)))
		ret = add_watch(f->private, path, mask);
	file_put(f);
	return ret;
}

static long remove_watch(struct inotify *i, s32 wd)
{
	struct watch *w;
	LIST_HEAD(dead);

	spin_lock(&inotify_lock);
	w = watch_of_number(i, wd);
	if (w)
		end_watch(w, &dead);
	spin_unlock(&inotify_lock);
	bury(&dead);
	return w ? 0 : -EINVAL;
}

long sys_inotify_rm_watch(u32 fd, s32 wd)
{
	struct file *f = fget(fd);
	long ret = -EINVAL;

	if (!f)
		return -EBADF;
	if (f->ops == &inotify_ops)
		ret = remove_watch(f->private, wd);
	file_put(f);
	return ret;
}

/* As on Linux a hundredth of low memory, within bounds. */
void __init inotify_init(void)
{
	u32 low = page_alloc_total() - page_alloc_total_high();
	u32 cost = sizeof(struct watch) + 2 * sizeof(struct inode);

	inotify_max_watches = MIN(MAX(low / 100 * PAGE_SIZE / cost, 8192u), 1048576u);
}
