/*
 * epoll(7): many files watched at a cost that depends on how many are ready.
 *
 *   struct epoll --items--> struct epoll_item --file--> the watched file (not referenced)
 *        |                    |   waits: its places in the file's wait queues
 *        +-- ready -----------+   those that may have something to say
 *
 * A watched file's wake puts its item on the ready list, from whatever context. Looking
 * (epoll_wait, or poll on the instance) asks each file on that list anew: what is no longer ready
 * leaves it; a level-triggered item that was reported goes back to the end, an edge-triggered one
 * waits for the next wake. A file that is closed takes its items along.
 *
 * An instance may watch another: in no cycle, over not more than MAX_NESTS levels, and not so that
 * too many ways lead from one file up to those who are woken for it, for a wake goes all of them.
 * What looks for that goes to each instance once, however many ways there are to it: a walk has a
 * number, which it leaves where it was.
 *
 * epoll_lock, a mutex above those of files, guards items, and who watches whom. Only the ready list
 * has a spin lock, below the wait queues: wakes come from interrupts.
 */
#include "kernel/abi/eventfiles.h"
#include "kernel/fs/poll.h"
#include "kernel/fs/text.h"
#include "kernel/fs/timeout.h"
#include "kernel/fs/vfs.h"
#include "kernel/lib/kassert.h"
#include "kernel/lib/ravl.h"
#include "kernel/proc/task.h"
#include "kernel/syscalls.h"
#include "kernel/x86/uaccess.h"
#include "mm/page_alloc.h"
#include "mm/slab.h"

#define MAX_NESTS  4u /* as on Linux */
#define MAX_QUEUES 3u /* that one file waits on */

/* Bits that say how to report, not what. */
#define HOW_BITS     (EPOLLWAKEUP | EPOLLONESHOT | EPOLLET | EPOLLEXCLUSIVE)
#define EXCLUSIVE_OK (POLLIN | POLLOUT | POLLERR | POLLHUP | EPOLLWAKEUP | EPOLLET | EPOLLEXCLUSIVE)

#define MAX_EVENTS (INT32_MAX / (s32)sizeof(struct abi_epoll_event))

/* letters: m: epoll_lock; r: `lock` */
struct epoll {
	struct ravl_root items; /* m: struct epoll_item.node, by file and descriptor */
	struct spinlock lock;	/* taken with irqsave */
	struct list_head ready; /* r: struct epoll_item.ready */
	struct waitq waiters;
	struct file *file; /* whose `private` this is */
	struct user *user; /* whose watches its items are; referenced */
	u32 levels;        /* m: what the walk that was here last has found */
};

struct epoll_wait {
	struct waiter waiter;
	struct waitq *queue;
	struct epoll_item *item;
};

struct epoll_item {
	struct ravl_node node;	  /* m */
	struct list_head ready;	  /* r: empty: not on the list */
	struct list_head watcher; /* m: file->epolls */
	struct epoll *epoll;
	struct file *file;
	u32 fd;
	struct abi_epoll_event event; /* m; `events` is read by wakes */
	struct epoll_wait wait[MAX_QUEUES];
	u32 nr_waits;
};

u32 epoll_max_watches; /* of one user */

static struct mutex epoll_lock = MUTEX_INIT(epoll_lock);
static u32 walk; /* epoll_lock: number of the last one */
static struct slab_cache *epoll_cache __ro_after_init, *item_cache __ro_after_init;
static const struct file_ops epoll_ops;

static bool is_epoll(const struct file *f)
{
	return f->ops == &epoll_ops;
}

/* --- The ready list --- */

/* Puts the item at the end of the list, unless it is on it. */
static void put_on_list(struct epoll_item *it)
{
	u32 flags = spin_lock_irqsave(&it->epoll->lock);

	if (list_empty(&it->ready))
		list_add_tail(&it->ready, &it->epoll->ready);
	spin_unlock_irqrestore(&it->epoll->lock, flags);
}

/* The same, and tells who waits. */
static void make_ready(struct epoll_item *it)
{
	put_on_list(it);
	waitq_wake_all(&it->epoll->waiters);
}

static void item_woken(struct waiter *w)
{
	struct epoll_item *it = container_of(w, struct epoll_wait, waiter)->item;

	if (READ_ONCE(it->event.events) & ~HOW_BITS)
		make_ready(it);
}

static void not_ready(struct epoll_item *it)
{
	u32 flags = spin_lock_irqsave(&it->epoll->lock);

	list_del_init(&it->ready);
	spin_unlock_irqrestore(&it->epoll->lock, flags);
}

/* Moves the whole ready list to `to`, or back to its front. */
static void ready_take(struct epoll *ep, struct list_head *to)
{
	u32 flags = spin_lock_irqsave(&ep->lock);

	list_splice_tail(&ep->ready, to);
	spin_unlock_irqrestore(&ep->lock, flags);
}

static void ready_give_back(struct epoll *ep, struct list_head *from)
{
	u32 flags = spin_lock_irqsave(&ep->lock);

	list_splice_tail(&ep->ready, from);
	list_splice_tail(from, &ep->ready);
	spin_unlock_irqrestore(&ep->lock, flags);
}

/* --- Asking files. All with epoll_lock held. --- */

static u32 ready_events(struct epoll *ep);

/* What the item's file is ready for, of what is wanted. */
static u32 item_events(struct epoll_item *it, struct poll_table *pt)
{
	u32 events = it->event.events & ~HOW_BITS;

	if (!is_epoll(it->file))
		return poll_file(it->file, pt) & events;
	poll_wait(pt, &((struct epoll *)it->file->private)->waiters);
	return ready_events(it->file->private) & events;
}

/* Whether anything is ready; what was on the list for nothing leaves it. */
static u32 ready_events(struct epoll *ep)
{
	struct epoll_item *it;
	LIST_HEAD(todo);
	u32 events = 0;

	ready_take(ep, &todo);
	while (!events && !list_empty(&todo)) {
		it = list_first_entry(&todo, struct epoll_item, ready);
		if (item_events(it, NULL))
			events = POLLIN | POLLRDNORM;
		else
			not_ready(it);
	}
	ready_give_back(ep, &todo);
	return events;
}

struct item_table {
	struct poll_table table;
	struct epoll_item *item;
};

static void item_enter(struct poll_table *pt, struct waitq *q)
{
	struct epoll_item *it = container_of(pt, struct item_table, table)->item;
	struct epoll_wait *w = &it->wait[it->nr_waits++];

	kassert(it->nr_waits <= MAX_QUEUES);
	w->queue = q;
	w->item = it;
	waitq_enter(q, &w->waiter, item_woken);
}

static void item_leave_queues(struct epoll_item *it)
{
	while (it->nr_waits) {
		struct epoll_wait *w = &it->wait[--it->nr_waits];

		waitq_leave(w->queue, &w->waiter);
	}
}

/* Enters the queues that matter for what is wanted, and looks whether it is there already. */
static void item_watch(struct epoll_item *it)
{
	struct item_table t = {
		.table = {.enter = item_enter, .wanted = poll_wanted(it->event.events)},
		.item = it,
	};

	if (item_events(it, &t.table))
		make_ready(it);
}

/* --- Items --- */

static s32 compare(const struct epoll_item *it, const struct file *f, u32 fd)
{
	if (it->file != f)
		return it->file < f ? -1 : 1;
	return it->fd == fd ? 0 : it->fd < fd ? -1 : 1;
}

/* The item, or NULL and what it would come after. */
static struct epoll_item *find(
	struct epoll *ep, const struct file *f, u32 fd, struct ravl_node **before)
{
	struct ravl_node *n = ep->items.node;

	*before = NULL;
	while (n) {
		struct epoll_item *it = ravl_entry(n, struct epoll_item, node);
		s32 order = compare(it, f, fd);

		if (order == 0)
			return it;
		if (order < 0)
			*before = n;
		n = order > 0 ? n->left : n->right;
	}
	return NULL;
}

static void item_remove(struct epoll_item *it)
{
	item_leave_queues(it);
	not_ready(it);
	list_del(&it->watcher);
	ravl_erase(&it->epoll->items, &it->node);
	user_add(it->epoll->user, USER_EPOLL_WATCHES, -1);
	slab_free(item_cache, it);
}

void epoll_forget(struct file *f)
{
	mutex_lock(&epoll_lock);
	while (!list_empty(&f->epolls))
		item_remove(list_first_entry(&f->epolls, struct epoll_item, watcher));
	mutex_unlock(&epoll_lock);
}

/* --- Nesting --- */

/* This walk is here for the first time. */
static bool first_visit(struct file *f)
{
	bool first = f->epoll_walk != walk;

	f->epoll_walk = walk;
	return first;
}

/* Instances on the longest way down from the one that f is, itself not counted. More than
 * MAX_NESTS: too many, or the way leads to `end`. */
static u32 levels_below(struct file *f, const struct file *end)
{
	struct epoll *ep = f->private;
	struct ravl_node *n;
	u32 most = 0;

	if (!first_visit(f))
		return ep->levels;
	for (n = ep->items.first; n && most <= MAX_NESTS; n = n->next) {
		struct file *child = ravl_entry(n, struct epoll_item, node)->file;

		if (child == end)
			most = MAX_NESTS + 1;
		else if (is_epoll(child))
			most = MAX(most, 1 + levels_below(child, end));
	}
	return ep->levels = most;
}

/* The same upwards. */
static u32 levels_above(struct file *f)
{
	struct epoll *ep = f->private;
	struct epoll_item *it;
	u32 most = 0;

	if (!first_visit(f))
		return ep->levels;
	list_for_each_entry (it, &f->epolls, watcher)
		most = MAX(most, 1 + levels_above(it->epoll->file));
	return ep->levels = most;
}

/* Whether f may watch `target`. This keeps every way short, so that these functions may recurse. */
static int check_nesting(struct file *f, struct file *target)
{
	u32 below;

	if (!is_epoll(target))
		return 0;
	walk++;
	below = levels_below(target, f);
	walk++;
	return below + 1 + levels_above(f) > MAX_NESTS ? -ELOOP : 0;
}

/* How many ways there may be from a file to instances that nobody watches, by the instances between;
 * as on Linux. */
static const u32 max_ways[MAX_NESTS + 1] = {UINT32_MAX, 500, 100, 50, 10};

/* Counts those that go on from f, with `between` behind them. False: they are too many. */
static bool ways_ok(const struct file *f, u32 between, u32 ways[MAX_NESTS + 1])
{
	struct epoll_item *it;

	list_for_each_entry (it, &f->epolls, watcher) {
		const struct file *up = it->epoll->file;
		bool ok;

		if (list_empty(&up->epolls))
			ok = ++ways[between] <= max_ways[between];
		else
			ok = between < MAX_NESTS && ways_ok(up, between + 1, ways);
		if (!ok)
			return false;
	}
	return true;
}

/* The same from each file that f, an instance or not, is or watches, there or further down. */
static bool all_ways_ok(struct file *f)
{
	u32 ways[MAX_NESTS + 1] = {0};
	struct ravl_node *n;

	if (!first_visit(f))
		return true;
	if (!is_epoll(f))
		return ways_ok(f, 0, ways);
	for (n = ((struct epoll *)f->private)->items.first; n; n = n->next)
		if (!all_ways_ok(ravl_entry(n, struct epoll_item, node)->file))
			return false;
	return true;
}

/* f has begun to watch `target`. */
static int check_ways(const struct file *f, struct file *target)
{
	if (!is_epoll(target) && list_empty(&f->epolls))
		return 0;
	walk++;
	return all_ways_ok(target) ? 0 : -EINVAL;
}

/* --- epoll_ctl --- */

struct change {
	struct epoll *ep;
	struct file *f, *target;
	u32 op, fd;
	struct abi_epoll_event event;
};

/* Put where find() found no other. */
static int item_add(const struct change *c, struct ravl_node *before)
{
	struct epoll_item *it;
	int err = check_nesting(c->f, c->target);

	if (err)
		return err;
	if (user_has(c->ep->user, USER_EPOLL_WATCHES) >= epoll_max_watches)
		return -ENOSPC;
	it = slab_zalloc(item_cache);
	if (!it)
		return -ENOMEM;
	it->epoll = c->ep;
	it->file = c->target;
	it->fd = c->fd;
	it->event = c->event;
	it->event.events |= POLLERR | POLLHUP;
	list_init(&it->ready);
	list_add_tail(&it->watcher, &c->target->epolls);
	ravl_insert_after(&c->ep->items, before, &it->node);
	user_add(c->ep->user, USER_EPOLL_WATCHES, 1);
	err = check_ways(c->f, c->target);
	if (err)
		item_remove(it);
	else
		item_watch(it);
	return err;
}

static int item_modify(struct epoll_item *it, const struct change *c)
{
	if (it->event.events & EPOLLEXCLUSIVE)
		return -EINVAL;
	item_leave_queues(it);
	it->event = c->event;
	it->event.events |= POLLERR | POLLHUP;
	item_watch(it);
	return 0;
}

static int change_locked(const struct change *c)
{
	struct ravl_node *before;
	struct epoll_item *it = find(c->ep, c->target, c->fd, &before);

	switch (c->op) {
	case EPOLL_CTL_ADD:
		return it ? -EEXIST : item_add(c, before);
	case EPOLL_CTL_MOD:
		return it ? item_modify(it, c) : -ENOENT;
	case EPOLL_CTL_DEL:
		if (it)
			item_remove(it);
		return it ? 0 : -ENOENT;
	default:
		return -EINVAL;
	}
}

static int check_change(const struct change *c)
{
	if (!c->f || !c->target)
		return -EBADF;
	if (!c->target->ops->poll)
		return -EPERM;
	if (c->f == c->target || !is_epoll(c->f))
		return -EINVAL;
	if (c->op == EPOLL_CTL_DEL || !(c->event.events & EPOLLEXCLUSIVE))
		return 0;
	if (c->op == EPOLL_CTL_MOD || is_epoll(c->target) || (c->event.events & ~EXCLUSIVE_OK))
		return -EINVAL;
	return 0;
}

long sys_epoll_ctl(u32 epfd, u32 op, u32 fd, uptr_t event)
{
	struct change c = {.op = op, .fd = fd};
	long err;

	if (op != EPOLL_CTL_DEL && copy_from_user(&c.event, event, sizeof(c.event)))
		return -EFAULT;
	c.f = fget(epfd);
	c.target = fget(fd);
	err = check_change(&c);
	if (!err) {
		c.ep = c.f->private;
		mutex_lock(&epoll_lock);
		err = change_locked(&c);
		mutex_unlock(&epoll_lock);
	}
	file_put(c.target);
	file_put(c.f);
	return err;
}

/* --- epoll_wait --- */

/* What was just reported: armed again, or not. */
static void reported(struct epoll_item *it)
{
	if (it->event.events & EPOLLONESHOT)
		it->event.events &= HOW_BITS;
	else if (!(it->event.events & EPOLLET))
		put_on_list(it);
}

/* Reports at most max events. Returns their number, or -EFAULT when there were none before. */
static long report(struct epoll *ep, uptr_t to, u32 max)
{
	struct epoll_item *it;
	LIST_HEAD(todo);
	long n = 0;

	mutex_lock(&epoll_lock);
	ready_take(ep, &todo);
	while ((u32)n < max && !list_empty(&todo)) {
		struct abi_epoll_event e;

		it = list_first_entry(&todo, struct epoll_item, ready);
		not_ready(it);
		e = (struct abi_epoll_event){item_events(it, NULL), it->event.data};
		if (!e.events)
			continue;
		if (copy_to_user(uptr_add(to, (u32)n * sizeof(e)), &e, sizeof(e))) {
			put_on_list(it);
			n = n ? n : -EFAULT;
			break;
		}
		n++;
		reported(it);
	}
	ready_give_back(ep, &todo);
	mutex_unlock(&epoll_lock);
	return n;
}

static long wait_for_events(struct file *f, uptr_t to, u32 max, u64 deadline)
{
	struct poll_item item = {.f = f, .events = POLLIN};
	long n = report(f->private, to, max);

	while (!n && deadline) {
		n = poll_items(&item, 1, deadline);
		if (n <= 0)
			break;
		n = report(f->private, to, max);
	}
	return n;
}

static long do_epoll_wait(u32 epfd, uptr_t events, s32 max, u64 deadline)
{
	struct file *f;
	long n = -EINVAL;

	if (max <= 0 || max > MAX_EVENTS)
		return -EINVAL;
	if (!user_range_ok(events, (u32)max * sizeof(struct abi_epoll_event)))
		return -EFAULT;
	f = fget(epfd);
	if (!f)
		return -EBADF;
	if (is_epoll(f))
		n = wait_for_events(f, events, (u32)max, deadline);
	file_put(f);
	return n;
}

static void start_ms(struct timeout *t, s32 ms)
{
	*t = (struct timeout){.forever = ms < 0, .ns = (u64)MAX(ms, 0) * 1000000};
	timeout_start(t);
}

long sys_epoll_wait(u32 epfd, uptr_t events, s32 max, s32 ms)
{
	struct timeout t;

	start_ms(&t, ms);
	return do_epoll_wait(epfd, events, max, t.deadline);
}

static long epoll_wait_masked(u32 epfd, uptr_t events, s32 max, u64 deadline, uptr_t mask, u32 size)
{
	long n = sigmask_enter(mask, size);

	if (n)
		return n;
	n = do_epoll_wait(epfd, events, max, deadline);
	sigmask_leave(n == -EINTR);
	return n;
}

long sys_epoll_pwait(u32 epfd, uptr_t events, s32 max, s32 ms, uptr_t mask, u32 size)
{
	struct timeout t;

	start_ms(&t, ms);
	return epoll_wait_masked(epfd, events, max, t.deadline, mask, size);
}

long sys_epoll_pwait2(u32 epfd, uptr_t events, s32 max, uptr_t time, uptr_t mask, u32 size)
{
	struct timeout t;
	long err = timeout_get(&t, time, TIMESPEC64);

	return err ? err : epoll_wait_masked(epfd, events, max, t.deadline, mask, size);
}

/* --- The instance as a file --- */

static u32 epoll_poll(struct file *f, struct poll_table *pt)
{
	struct epoll *ep = f->private;
	u32 events;

	poll_wait(pt, &ep->waiters);
	mutex_lock(&epoll_lock);
	events = ready_events(ep);
	mutex_unlock(&epoll_lock);
	return events;
}

static void epoll_release(struct file *f)
{
	struct epoll *ep = f->private;
	struct ravl_node *n;

	mutex_lock(&epoll_lock);
	while ((n = ep->items.first))
		item_remove(ravl_entry(n, struct epoll_item, node));
	mutex_unlock(&epoll_lock);
	user_put(ep->user);
	slab_free(epoll_cache, ep);
}

static void epoll_show(struct file *f, struct text *t)
{
	const struct epoll *ep = f->private;
	struct ravl_node *n;

	mutex_lock(&epoll_lock);
	for (n = ep->items.first; n; n = n->next) {
		const struct epoll_item *it = ravl_entry(n, struct epoll_item, node);
		const struct inode *inode = it->file->dentry->inode;

		text_printf(t, "tfd: %8u events: %8x data: %16llx  pos:%lli ino:%x sdev:%x\n",
			it->fd, it->event.events, it->event.data, it->file->pos, inode->ino,
			inode->super->dev);
	}
	mutex_unlock(&epoll_lock);
}

static const struct file_ops epoll_ops = {
	.seek_ignored = true,
	.poll = epoll_poll,
	.release = epoll_release,
	.show_info = epoll_show,
};

long sys_epoll_create1(u32 flags)
{
	struct epoll *ep;
	struct file *f;
	long fd;

	if (flags & ~O_CLOEXEC)
		return -EINVAL;
	ep = slab_zalloc(epoll_cache);
	if (!ep)
		return -ENOMEM;
	spin_init(&ep->lock, "epoll");
	list_init(&ep->ready);
	waitq_init(&ep->waiters);
	ep->user = user_hold(current_user());
	f = anon_file_create("anon_inode:[eventpoll]", O_RDWR, &epoll_ops, ep);
	if (is_err(f)) {
		user_put(ep->user);
		slab_free(epoll_cache, ep);
		return ptr_err(f);
	}
	ep->file = f;
	fd = files_install(current_task()->files, f, 0, flags & O_CLOEXEC);
	if (fd < 0)
		file_put(f);
	return fd;
}

long sys_epoll_create(s32 size)
{
	return size <= 0 ? -EINVAL : sys_epoll_create1(0);
}

void __init epoll_init(void)
{
	u32 low_pages;

	epoll_cache = slab_create("eventpoll", sizeof(struct epoll), 0, 0, NULL);
	item_cache = slab_create("eventpoll_item", sizeof(struct epoll_item), 0, 0, NULL);
	if (!epoll_cache || !item_cache)
		panic("no memory for the epoll caches");
	/* A twenty-fifth of low memory, as on Linux. */
	low_pages = page_alloc_total() - page_alloc_total_high();
	epoll_max_watches = low_pages / 25 * (PAGE_SIZE / (u32)sizeof(struct epoll_item));
}
