/*
 * Advisory locks. The locks of one owner on one file never overlap; setting a range first cuts it
 * out of what the owner holds there with another type, then joins it with its neighbours of the
 * same type. That needs at most two new structs, which are allocated before the lock is taken.
 */
#include "kernel/fs/filelock.h"
#include "kernel/fs/vfs.h"
#include "mm/kmalloc.h"

/* Locks of all inodes, and the list below. */
static struct spinlock filelock_lock = SPINLOCK_INIT("filelock");
static struct waitq filelock_waitq = WAITQ_INIT(filelock_waitq); /* somebody's lock has gone */

/* An owner that sleeps in lock_set(), and whom it waits for. */
struct blocked {
	struct list_head link;
	const void *owner, *blocker;
};
static LIST_HEAD(blocked_list);

static bool overlap(const struct file_lock *a, const struct file_lock *b)
{
	return a->start <= b->end && b->start <= a->end;
}

/* They overlap, or one begins right behind the other. */
static bool touch(const struct file_lock *a, const struct file_lock *b)
{
	return (a->start <= b->end || a->start - 1 == b->end) &&
	       (b->start <= a->end || b->start - 1 == a->end);
}

static struct file_lock *find_conflict(struct inode *inode, const struct file_lock *req)
{
	struct file_lock *l;

	if (req->type == F_UNLCK)
		return NULL;
	list_for_each_entry (l, &inode->locks, link) {
		if (l->posix == req->posix && l->owner != req->owner && overlap(l, req) &&
			(l->type == F_WRLCK || req->type == F_WRLCK))
			return l;
	}
	return NULL;
}

static void remove_lock(struct file_lock *l)
{
	list_del(&l->link);
	kfree(l);
}

/* Takes req's range out of l, which may need *spare for the upper part. */
static void cut(struct file_lock *l, const struct file_lock *req, struct file_lock **spare)
{
	struct file_lock *upper;

	if (l->start < req->start && l->end > req->end) {
		upper = *spare;
		*spare = NULL;
		*upper = *l;
		upper->start = req->end + 1;
		l->end = req->start - 1;
		list_add(&upper->link, &l->link);
	} else if (l->start < req->start) {
		l->end = req->start - 1;
	} else if (l->end > req->end) {
		l->start = req->end + 1;
	} else {
		remove_lock(l);
	}
}

/* Where a lock is entered: those of one owner stand together, the lowest first. */
static struct list_head *place_of(struct inode *inode, const struct file_lock *new)
{
	struct file_lock *l;
	bool among = false;

	list_for_each_entry (l, &inode->locks, link) {
		bool same = l->posix == new->posix && l->owner == new->owner;

		if (same ? l->start > new->start : among)
			return &l->link;
		among |= same;
	}
	return &inode->locks;
}

/* Nobody conflicts: makes it so. Uses up what it needs of spare[2]. */
static void apply(struct inode *inode, const struct file_lock *req, struct file_lock *spare[2])
{
	struct file_lock *l, *next, joined = *req;

	list_for_each_entry_safe (l, next, &inode->locks, link) {
		if (l->posix != req->posix || l->owner != req->owner)
			continue;
		if (l->type == req->type && touch(l, req)) {
			joined.start = MIN(joined.start, l->start);
			joined.end = MAX(joined.end, l->end);
			remove_lock(l);
		} else if (overlap(l, req)) {
			cut(l, req, &spare[1]);
		}
	}
	if (req->type == F_UNLCK)
		return;
	*spare[0] = joined;
	list_add_tail(&spare[0]->link, place_of(inode, spare[0]));
	spare[0] = NULL;
}

/* Whom an owner waits for, or NULL. Its threads may wait for several: one of them. */
static const void *blocker_of(const void *owner)
{
	struct blocked *b;

	list_for_each_entry (b, &blocked_list, link)
		if (b->owner == owner)
			return b->blocker;
	return NULL;
}

#define MAX_CHAIN 10u /* as on Linux */

/* Whether `blocker` waits, maybe through others, for `owner`. Others may wait in a circle that was
 * not seen, so a chain is followed only so far. */
static bool would_deadlock(const void *owner, const void *blocker)
{
	for (u32 i = 0; blocker && i <= MAX_CHAIN; i++) {
		if (blocker == owner)
			return true;
		blocker = blocker_of(blocker);
	}
	return false;
}

/* An open file may be waited for by several threads: no cycle can be seen in that. */
static bool may_deadlock(const struct file_lock *req)
{
	return req->posix && !req->ofd;
}

/* Without waiting. -EAGAIN: *blocker is the owner in the way. */
static int try_set(struct inode *inode, const struct file_lock *req, struct file_lock *spare[2],
	const void **blocker)
{
	struct file_lock *l;
	int err = 0;

	spin_lock(&filelock_lock);
	l = find_conflict(inode, req);
	if (l) {
		*blocker = l->owner;
		err = may_deadlock(req) && would_deadlock(req->owner, l->owner) ? -EDEADLK : -EAGAIN;
	} else {
		apply(inode, req, spare);
	}
	spin_unlock(&filelock_lock);
	return err;
}

/* Sleeps until some lock has gone. The caller has prepared on the wait queue. */
static void sleep_blocked(const struct file_lock *req, const void *blocker)
{
	struct blocked b = {.owner = req->owner, .blocker = blocker};

	list_init(&b.link);
	spin_lock(&filelock_lock);
	if (may_deadlock(req))
		list_add(&b.link, &blocked_list);
	spin_unlock(&filelock_lock);
	schedule();
	spin_lock(&filelock_lock);
	list_del(&b.link);
	spin_unlock(&filelock_lock);
}

static int set_waiting(struct inode *inode, const struct file_lock *req, struct file_lock *spare[2])
{
	const void *blocker;
	struct waiter w;
	int err;

	do {
		waitq_prepare(&filelock_waitq, &w, T_INTERRUPTIBLE);
		err = try_set(inode, req, spare, &blocker);
		if (err == -EAGAIN && signal_pending())
			err = -ERESTARTSYS;
		if (err == -EAGAIN)
			sleep_blocked(req, blocker);
		waitq_finish(&filelock_waitq, &w);
	} while (err == -EAGAIN);
	return err;
}

int lock_set(struct inode *inode, const struct file_lock *req, bool wait)
{
	struct file_lock *spare[2] = {kmalloc(sizeof(*req)), kmalloc(sizeof(*req))};
	const void *blocker;
	int err = -ENOLCK;

	if (spare[0] && spare[1])
		err = wait ? set_waiting(inode, req, spare) : try_set(inode, req, spare, &blocker);
	if (err == -EDEADLK && !wait)
		err = -EAGAIN;
	kfree(spare[0]);
	kfree(spare[1]);
	if (!err)
		waitq_wake_all(&filelock_waitq);
	return err;
}

bool lock_test(struct inode *inode, const struct file_lock *req, struct file_lock *found)
{
	struct file_lock *l;

	spin_lock(&filelock_lock);
	l = find_conflict(inode, req);
	if (l)
		*found = *l;
	spin_unlock(&filelock_lock);
	return l != NULL;
}

static void release(struct inode *inode, bool posix, const void *owner)
{
	struct file_lock *l, *next;

	spin_lock(&filelock_lock);
	list_for_each_entry_safe (l, next, &inode->locks, link)
		if (l->posix == posix && l->owner == owner)
			remove_lock(l);
	spin_unlock(&filelock_lock);
	waitq_wake_all(&filelock_waitq);
}

void locks_release_owner(struct inode *inode, const void *owner)
{
	release(inode, true, owner);
}

void locks_release_file(struct file *f)
{
	struct inode *inode = f->dentry->inode;

	if (list_empty(&inode->locks))
		return;
	release(inode, false, f);
	release(inode, true, f);
}
