/*
 * POSIX message queues: a file system whose files are queues (mq_overview(7)).
 *
 * There is one instance. mq_open(2) finds names in its root whether or not it is mounted. Messages
 * lie in the order in which they are received: the highest priority first, and of one priority the
 * oldest. Who waits is handed his message, or has his message taken, by whom he waited for.
 *
 * mqueue_lock, a mutex below namespace_lock, guards everything but what is set at creation. User
 * memory is touched without it.
 */
#include "kernel/abi/mqueue.h"
#include "kernel/abi/prctl.h"
#include "kernel/abi/resource.h"
#include "kernel/abi/statfs.h"
#include "kernel/fs/pathname.h"
#include "kernel/fs/poll.h"
#include "kernel/fs/vfs.h"
#include "kernel/ipc/mqueue.h"
#include "kernel/lib/fmt.h"
#include "kernel/lib/kassert.h"
#include "kernel/lib/string.h"
#include "kernel/net/netlink.h"
#include "kernel/proc/process.h"
#include "kernel/proc/signal.h"
#include "kernel/proc/task.h"
#include "kernel/syscalls.h"
#include "kernel/x86/uaccess.h"
#include "mm/kmalloc.h"

/* What Linux counts against RLIMIT_MSGQUEUE for a message, and for a priority. */
#define MSG_OVERHEAD  24u
#define PRIO_OVERHEAD 24u

#define FILE_SIZE 80u /* what stat(2) says */

u32 mq_queues_max = 256;
u32 mq_msg_max = 10, mq_msg_default = 10;
u32 mq_msgsize_max = 8192, mq_msgsize_default = 8192;

struct mq_msg {
	struct list_head link;
	u32 prio, size;
	u8 text[];
};

/* How a program is told that waits in a thread of its own: bytes that it knows by, through a netlink
 * socket (mq_notify(2), NOTES). */
struct mq_teller {
	struct sock *sock; /* referenced; NULL: none */
	u8 cookie[NOTIFY_COOKIE_LEN];
};

/* letters: i: set at creation; all others: mqueue_lock */
struct mqueue {
	struct list_head all;
	u32 uid, charged;    /* i: whose limit it counts against, and bytes */
	u32 maxmsg, msgsize; /* i */
	struct list_head msgs;
	u32 nr_msgs, bytes;
	struct list_head senders, receivers; /* struct mq_waiter, first come first served */
	struct waitq changed;		     /* poll(2) */
	u32 notify_pid;			     /* mq_notify(2): process, 0: none */
	struct abi_sigevent notify;
	struct mq_teller teller;	     /* of its SIGEV_THREAD */
};

/* A thread that waits, on its stack. */
struct mq_waiter {
	struct list_head link;
	struct waitq waitq;
	struct mq_msg *msg; /* to be sent, or received when it is done */
	bool done;
};

static struct mutex mqueue_lock = MUTEX_INIT(mqueue_lock);
static LIST_HEAD(all_queues);
static u32 nr_queues;
static struct internal_mount mqueuefs;
static const struct file_ops mqueue_ops;
static const struct inode_ops mqueue_inode_ops;

/* --- Messages --- */

static void insert(struct mqueue *q, struct mq_msg *m)
{
	struct list_head *at = q->msgs.prev;

	while (at != &q->msgs && list_entry(at, struct mq_msg, link)->prio < m->prio)
		at = at->prev;
	list_add(&m->link, at);
	q->nr_msgs++;
	q->bytes += m->size;
}

static struct mq_msg *take_first(struct mqueue *q)
{
	struct mq_msg *m = list_first_entry(&q->msgs, struct mq_msg, link);

	list_del(&m->link);
	q->nr_msgs--;
	q->bytes -= m->size;
	return m;
}

static struct mq_waiter *first_waiter(struct list_head *list)
{
	return list_empty(list) ? NULL : list_first_entry(list, struct mq_waiter, link);
}

static void finish_waiter(struct mq_waiter *w, struct mq_msg *m)
{
	list_del(&w->link);
	w->msg = m;
	WRITE_ONCE(w->done, true);
	waitq_wake_all(&w->waitq);
}

/* Sleeps on one of q's lists until the other side has done it. Called and returns with the lock
 * held. */
static long wait_for_other(struct list_head *list, struct mq_waiter *w, struct deadline deadline)
{
	struct alarm_clock alarm;

	waitq_init(&w->waitq);
	list_add_tail(&w->link, list);
	mutex_unlock(&mqueue_lock);
	alarm_clock_arm_by(&alarm, deadline);
	(void)wait_event_interruptible(&w->waitq, READ_ONCE(w->done) || READ_ONCE(alarm.expired));
	alarm_clock_cancel(&alarm);
	mutex_lock(&mqueue_lock);
	if (w->done)
		return 0;
	list_del(&w->link);
	return alarm.expired ? -ETIMEDOUT : -ERESTARTSYS;
}

/* Nobody is to be told any more. */
static void notify_end(struct mqueue *q, u8 why)
{
	struct mq_teller *t = &q->teller;

	q->notify_pid = 0;
	if (!t->sock)
		return;
	t->cookie[NOTIFY_COOKIE_LEN - 1] = why;
	(void)!netlink_post(t->sock, t->cookie, sizeof(t->cookie));
	sock_put(t->sock);
	t->sock = NULL;
}

/* A message has come to an empty queue, and nobody waited: the process that asked for it is told,
 * once. */
static void notify(struct mqueue *q)
{
	struct abi_siginfo info = siginfo_user((u32)q->notify.signo, SI_MESGQ);
	u32 flags = spin_lock_irqsave(&process_lock);
	struct process *p = process_find(q->notify_pid);

	info.rt.value = q->notify.value;
	if (p && q->notify.notify == SIGEV_SIGNAL && q->notify.signo)
		(void)signal_send_process_locked(p, (u32)q->notify.signo, &info);
	spin_unlock_irqrestore(&process_lock, flags);
	notify_end(q, NOTIFY_WOKENUP);
}

/* 0 when the message is on its way. */
static long send_locked(struct file *f, struct mq_msg *m, struct deadline deadline)
{
	struct mqueue *q = f->private;
	struct mq_waiter self = {.msg = m}, *receiver;

	if (q->nr_msgs == q->maxmsg)
		return f->flags & O_NONBLOCK ? -EAGAIN
					     : wait_for_other(&q->senders, &self, deadline);
	receiver = first_waiter(&q->receivers);
	if (receiver) {
		finish_waiter(receiver, m);
	} else {
		insert(q, m);
		if (q->notify_pid && q->nr_msgs == 1)
			notify(q);
		waitq_wake_all(&q->changed);
	}
	inode_modified(f->dentry->inode);
	return 0;
}

/* The message, or an error pointer. */
static struct mq_msg *receive_locked(struct file *f, struct deadline deadline)
{
	struct mqueue *q = f->private;
	struct mq_waiter self = {.msg = NULL}, *sender;
	struct mq_msg *m;
	long err;

	if (!q->nr_msgs) {
		err = f->flags & O_NONBLOCK ? -EAGAIN
					    : wait_for_other(&q->receivers, &self, deadline);
		return err ? err_ptr(err) : self.msg;
	}
	m = take_first(q);
	sender = first_waiter(&q->senders);
	if (sender) {
		insert(q, sender->msg);
		finish_waiter(sender, NULL);
	}
	waitq_wake_all(&q->changed);
	inode_modified(f->dentry->inode);
	return m;
}

/* --- Open queues --- */

/* Where its state stands as text. */
static ssize_k mqueue_read(struct file *f, struct iobuf *to, size_t n, u64 *pos)
{
	struct mqueue *q = f->private;
	char line[96];
	size_t len;

	mutex_lock(&mqueue_lock);
	len = (size_t)snprintf(line, sizeof(line),
		"QSIZE:%-10u NOTIFY:%-5d SIGNO:%-5d NOTIFY_PID:%-6u\n", q->bytes,
		q->notify_pid ? q->notify.notify : 0,
		q->notify_pid && q->notify.notify == SIGEV_SIGNAL ? q->notify.signo : 0,
		q->notify_pid);
	mutex_unlock(&mqueue_lock);
	if (*pos >= len)
		return 0;
	n = MIN(n, len - (size_t)*pos);
	if (iobuf_put(to, line + *pos, n))
		return -EFAULT;
	*pos += n;
	return (ssize_k)n;
}

static long mqueue_seek(struct file *f, s64 off, u32 whence, u64 *result)
{
	return file_seek_size(f, off, whence, FILE_SIZE, result);
}

static u32 mqueue_poll(struct file *f, struct poll_table *pt)
{
	struct mqueue *q = f->private;
	u32 events = 0;

	poll_wait(pt, &q->changed);
	mutex_lock(&mqueue_lock);
	if (q->nr_msgs)
		events |= POLLIN | POLLRDNORM;
	if (q->nr_msgs < q->maxmsg)
		events |= POLLOUT | POLLWRNORM;
	mutex_unlock(&mqueue_lock);
	return events;
}

/* Who closes the queue no longer wants to be told. */
static void mqueue_flush(struct file *f)
{
	struct mqueue *q = f->private;

	mutex_lock(&mqueue_lock);
	if (q->notify_pid == current_process()->pid)
		notify_end(q, NOTIFY_REMOVED);
	mutex_unlock(&mqueue_lock);
}

static const struct file_ops mqueue_ops = {
	.read = mqueue_read,
	.seek = mqueue_seek,
	.poll = mqueue_poll,
	.flush = mqueue_flush,
};

/* --- Queues --- */

static int check_size(const struct abi_mq_attr *a)
{
	bool privileged = capable(CAP_SYS_RESOURCE);

	if (a->maxmsg <= 0 || a->msgsize <= 0 ||
		(u32)a->maxmsg > (privileged ? MQ_HARD_MSG_MAX : mq_msg_max) ||
		(u32)a->msgsize > (privileged ? MQ_HARD_MSGSIZE_MAX : mq_msgsize_max))
		return -EINVAL;
	return 0;
}

/* Counts the queue; its owner's stay within his limit. Caller holds the lock. */
static int enter(struct mqueue *q)
{
	u64 sum = q->charged;
	struct mqueue *other;

	if (nr_queues >= mq_queues_max && !capable(CAP_SYS_RESOURCE))
		return -ENOSPC;
	list_for_each_entry (other, &all_queues, all)
		if (other->uid == q->uid)
			sum += other->charged;
	if (sum > current_process()->rlimit[RLIMIT_MSGQUEUE].cur)
		return -EMFILE;
	list_add(&q->all, &all_queues);
	nr_queues++;
	return 0;
}

static struct mqueue *queue_create(const struct abi_mq_attr *a)
{
	u64 bytes = (u64)(u32)a->maxmsg * (u32)a->msgsize + (u32)a->maxmsg * MSG_OVERHEAD +
		    MIN((u32)a->maxmsg, MQ_PRIO_MAX) * PRIO_OVERHEAD;
	struct mqueue *q;
	int err = check_size(a);

	if (!err && bytes > UINT32_MAX)
		err = -EOVERFLOW;
	if (err)
		return err_ptr(err);
	q = kzalloc(sizeof(*q));
	if (!q)
		return err_ptr(-ENOMEM);
	q->uid = current_cred()->uid;
	q->charged = (u32)bytes;
	q->maxmsg = (u32)a->maxmsg;
	q->msgsize = (u32)a->msgsize;
	list_init(&q->msgs);
	list_init(&q->senders);
	list_init(&q->receivers);
	waitq_init(&q->changed);
	mutex_lock(&mqueue_lock);
	err = enter(q);
	mutex_unlock(&mqueue_lock);
	if (err) {
		kfree(q);
		return err_ptr(err);
	}
	return q;
}

static void queue_destroy(struct mqueue *q)
{
	mutex_lock(&mqueue_lock);
	list_del(&q->all);
	nr_queues--;
	mutex_unlock(&mqueue_lock);
	while (!list_empty(&q->msgs))
		kfree(take_first(q));
	kfree(q);
}

static int queue_inode(u32 mode, const struct abi_mq_attr *a, struct inode **out)
{
	struct mqueue *q = queue_create(a);

	if (is_err(q))
		return (int)ptr_err(q);
	*out = inode_create(&mqueuefs.super, &mqueue_inode_ops, mode);
	if (!*out) {
		queue_destroy(q);
		return -ENOMEM;
	}
	(*out)->private = q;
	return 0;
}

/* --- The file system --- */

static struct abi_mq_attr default_attr(void)
{
	return (struct abi_mq_attr){.maxmsg = (s32)MIN(mq_msg_max, mq_msg_default),
		.msgsize = (s32)MIN(mq_msgsize_max, mq_msgsize_default)};
}

static int mqueue_create(
	struct inode *dir, u32 mode, u32 rdev, const char *target, struct inode **out)
{
	struct abi_mq_attr attr = default_attr();

	return S_ISREG(mode) ? queue_inode(mode, &attr, out) : -EPERM;
}

static int mqueue_inode_open(struct inode *inode, struct file *f)
{
	f->ops = S_ISDIR(inode->mode) ? &stored_dir_ops : &mqueue_ops;
	f->private = inode->private;
	return 0;
}

static void mqueue_evict(struct inode *inode)
{
	if (inode->private)
		queue_destroy(inode->private);
}

static const struct inode_ops mqueue_inode_ops = {
	.create = mqueue_create,
	.open = mqueue_inode_open,
	.evict = mqueue_evict,
	.attributes_settable = true,
	.names_fixed = true,
	.stat_size = FILE_SIZE,
};

static struct fs_type mqueue_type = {
	.name = "mqueue",
	.magic = MQUEUE_MAGIC,
	.nodev = true,
	.only = &mqueuefs.super,
};

void __init mqueue_init(void)
{
	struct inode *root;

	fs_register(&mqueue_type);
	mount_init_internal(&mqueuefs, &mqueue_type);
	root = inode_create(&mqueuefs.super, &mqueue_inode_ops, S_IFDIR | S_ISVTX | 0777);
	if (!root || dentry_create_root(&mqueuefs.super, root))
		panic("no memory for message queues");
	mqueuefs.mount.root = mqueuefs.super.root;
}

/* --- mq_open, mq_unlink --- */

static long get_name(char *name, struct name *out, uptr_t from)
{
	long len = strncpy_from_user(name, from, ABI_PATH_MAX);

	if (len <= 0)
		return len ? len : -ENOENT;
	if (strchr(name, '/') || !strcmp(name, ".") || !strcmp(name, ".."))
		return -EACCES;
	*out = pathname_of(name);
	return out->len > ABI_NAME_MAX ? -ENAMETOOLONG : 0;
}

static int create_locked(
	const struct name *name, u32 mode, const struct abi_mq_attr *attr, struct dentry **out)
{
	struct dentry *root = mqueuefs.super.root;
	struct inode *inode;
	int err = inode_permission(root->inode, MAY_WRITE | MAY_EXEC);

	if (!err)
		err = queue_inode(S_IFREG | (mode & 07777 & ~current_umask()), attr, &inode);
	if (err)
		return err;
	inode_set_owner(inode);
	inode_modified(root->inode);
	return dentry_link(root, name->s, name->len, inode, out);
}

struct mq_open {
	u32 flags, mode;
	struct abi_mq_attr attr;
};

static int find_locked(const struct name *name, const struct mq_open *o, struct dentry **out)
{
	static const u32 wanted[] = {MAY_READ, MAY_WRITE, MAY_READ | MAY_WRITE};
	int err = dentry_lookup_locked(mqueuefs.super.root, name->s, name->len, out);

	if (err == -ENOENT && (o->flags & O_CREAT))
		return create_locked(name, o->mode, &o->attr, out);
	if (err)
		return err;
	if ((o->flags & (O_CREAT | O_EXCL)) == (O_CREAT | O_EXCL))
		err = -EEXIST;
	else if ((o->flags & O_ACCMODE) == O_ACCMODE)
		err = -EINVAL;
	else
		err = inode_permission((*out)->inode, wanted[o->flags & O_ACCMODE]);
	if (err)
		dentry_put(*out);
	return err;
}

static struct file *open_queue(const struct name *name, const struct mq_open *o)
{
	struct path at = {.mnt = &mqueuefs.mount};
	int err;

	mutex_lock(&namespace_lock);
	err = find_locked(name, o, &at.dentry);
	mutex_unlock(&namespace_lock);
	if (err)
		return err_ptr(err);
	mount_get(at.mnt);
	return file_create(at, o->flags & ~(O_CREAT | O_EXCL | O_NOCTTY | O_TRUNC | O_CLOEXEC));
}

long sys_mq_open(uptr_t uname, u32 flags, u32 mode, uptr_t uattr)
{
	struct files *fs = current_task()->files;
	struct mq_open o = {flags, mode, default_attr()};
	char *path = kmalloc(ABI_PATH_MAX);
	struct name name;
	struct file *f;
	long fd;

	if (!path)
		return -ENOMEM;
	fd = uattr.va && copy_from_user(&o.attr, uattr, sizeof(o.attr)) ? -EFAULT : 0;
	if (!fd)
		fd = get_name(path, &name, uname);
	if (!fd)
		fd = files_reserve(fs, 0, true);
	if (fd >= 0) {
		f = open_queue(&name, &o);
		if (is_err(f)) {
			files_unreserve(fs, (u32)fd);
			fd = ptr_err(f);
		} else {
			files_fill(fs, (u32)fd, f);
		}
	}
	kfree(path);
	return fd;
}

long sys_mq_unlink(uptr_t uname)
{
	char *path = kmalloc(ABI_PATH_MAX);
	struct name name;
	long err;

	if (!path)
		return -ENOMEM;
	err = get_name(path, &name, uname);
	if (!err)
		err = vfs_unlink((struct path){&mqueuefs.mount, mqueuefs.super.root}, &name);
	kfree(path);
	return err;
}

/* --- The calls on an open queue --- */

/* With a reference, or NULL. `mode`: read or write it must be open for, or 0. */
static struct file *get_queue(u32 fd, u32 mode)
{
	struct file *f = fget(fd);

	if (f && f->ops == &mqueue_ops && (!(mode & MAY_READ) || f->backing.may_read) &&
		(!(mode & MAY_WRITE) || f->backing.may_write))
		return f;
	file_put(f);
	return NULL;
}

static long get_deadline(struct deadline *deadline, uptr_t timeout, bool time64)
{
	u64 ns;
	long err;

	*deadline = (struct deadline){.ns = DEADLINE_NEVER};
	if (!timeout.va)
		return 0;
	err = get_timespec(&ns, timeout, time64);
	if (!err)
		*deadline = (struct deadline){ns, .real = true};
	return err;
}

static struct mq_msg *copy_in(uptr_t text, u32 size, u32 prio)
{
	struct mq_msg *m = kmalloc(sizeof(*m) + size);

	if (!m)
		return err_ptr(-ENOMEM);
	m->prio = prio;
	m->size = size;
	if (copy_from_user(m->text, text, size)) {
		kfree(m);
		return err_ptr(-EFAULT);
	}
	return m;
}

static long send(struct file *f, uptr_t text, u32 size, u32 prio, struct deadline deadline)
{
	const struct mqueue *q = f->private;
	struct mq_msg *m;
	long err;

	if (size > q->msgsize)
		return -EMSGSIZE;
	m = copy_in(text, size, prio);
	if (is_err(m))
		return ptr_err(m);
	mutex_lock(&mqueue_lock);
	err = send_locked(f, m, deadline);
	mutex_unlock(&mqueue_lock);
	if (err)
		kfree(m);
	return err;
}

static long timed_send(u32 fd, uptr_t text, u32 size, u32 prio, uptr_t timeout, bool time64)
{
	struct deadline deadline;
	long err = get_deadline(&deadline, timeout, time64);
	struct file *f;

	if (err)
		return err;
	if (prio >= MQ_PRIO_MAX)
		return -EINVAL;
	f = get_queue(fd, MAY_WRITE);
	if (!f)
		return -EBADF;
	err = send(f, text, size, prio, deadline);
	file_put(f);
	return err;
}

long sys_mq_timedsend(u32 fd, uptr_t text, u32 size, u32 prio, uptr_t timeout)
{
	return timed_send(fd, text, size, prio, timeout, false);
}

long sys_mq_timedsend_time64(u32 fd, uptr_t text, u32 size, u32 prio, uptr_t timeout)
{
	return timed_send(fd, text, size, prio, timeout, true);
}

static long receive(struct file *f, uptr_t text, u32 size, uptr_t prio, struct deadline deadline)
{
	const struct mqueue *q = f->private;
	struct mq_msg *m;
	long got;

	if (size < q->msgsize)
		return -EMSGSIZE;
	mutex_lock(&mqueue_lock);
	m = receive_locked(f, deadline);
	mutex_unlock(&mqueue_lock);
	if (is_err(m))
		return ptr_err(m);
	got = (long)m->size;
	if ((prio.va && put_user_u32(prio, m->prio)) || copy_to_user(text, m->text, m->size))
		got = -EFAULT;
	kfree(m);
	return got;
}

static long timed_receive(u32 fd, uptr_t text, u32 size, uptr_t prio, uptr_t timeout, bool time64)
{
	struct deadline deadline;
	long got = get_deadline(&deadline, timeout, time64);
	struct file *f;

	if (got)
		return got;
	f = get_queue(fd, MAY_READ);
	if (!f)
		return -EBADF;
	got = receive(f, text, size, prio, deadline);
	file_put(f);
	return got;
}

long sys_mq_timedreceive(u32 fd, uptr_t text, u32 size, uptr_t prio, uptr_t timeout)
{
	return timed_receive(fd, text, size, prio, timeout, false);
}

long sys_mq_timedreceive_time64(u32 fd, uptr_t text, u32 size, uptr_t prio, uptr_t timeout)
{
	return timed_receive(fd, text, size, prio, timeout, true);
}

/* The socket that the event names, for who has a thread wait there. */
static long get_teller(struct mq_teller *t, const struct abi_sigevent *e)
{
	struct sock *s;

	if (e->notify != SIGEV_THREAD)
		return 0;
	if (copy_from_user(t->cookie, UPTR(e->value), sizeof(t->cookie)))
		return -EFAULT;
	s = netlink_sock_get((u32)e->signo);
	if (is_err(s))
		return ptr_err(s);
	t->sock = s;
	return 0;
}

/* Takes the teller over. Caller holds the lock. */
static long set_notify(struct mqueue *q, const struct abi_sigevent *e, struct mq_teller *t)
{
	if (q->notify_pid)
		return -EBUSY;
	q->notify = *e;
	q->notify_pid = current_process()->pid;
	q->teller = *t;
	t->sock = NULL;
	return 0;
}

static bool event_ok(const struct abi_sigevent *e)
{
	return e->notify == SIGEV_NONE || e->notify == SIGEV_THREAD ||
	       (e->notify == SIGEV_SIGNAL && (u32)e->signo <= _NSIG);
}

static long do_notify(u32 fd, const struct abi_sigevent *e)
{
	struct mq_teller t = {.sock = NULL};
	struct file *f;
	long err = event_ok(e) ? get_teller(&t, e) : -EINVAL;

	if (err)
		return err;
	f = get_queue(fd, 0);
	if (f) {
		mutex_lock(&mqueue_lock);
		err = set_notify(f->private, e, &t);
		mutex_unlock(&mqueue_lock);
		file_put(f);
	}
	sock_put(t.sock);
	return f ? err : -EBADF;
}

long sys_mq_notify(u32 fd, uptr_t event)
{
	struct abi_sigevent e;
	struct file *f;

	if (event.va)
		return copy_from_user(&e, event, sizeof(e)) ? -EFAULT : do_notify(fd, &e);
	f = get_queue(fd, 0);
	if (!f)
		return -EBADF;
	mqueue_flush(f);
	file_put(f);
	return 0;
}

long sys_mq_getsetattr(u32 fd, uptr_t new, uptr_t old)
{
	struct abi_mq_attr a, was;
	const struct mqueue *q;
	struct file *f;

	if (new.va && copy_from_user(&a, new, sizeof(a)))
		return -EFAULT;
	if (new.va && ((u32)a.flags & ~O_NONBLOCK))
		return -EINVAL;
	f = get_queue(fd, 0);
	if (!f)
		return -EBADF;
	q = f->private;
	mutex_lock(&mqueue_lock);
	was = (struct abi_mq_attr){.flags = (s32)(f->flags & O_NONBLOCK),
		.maxmsg = (s32)q->maxmsg,
		.msgsize = (s32)q->msgsize,
		.curmsgs = (s32)q->nr_msgs};
	if (new.va)
		f->flags = (f->flags & ~O_NONBLOCK) | (u32)a.flags;
	mutex_unlock(&mqueue_lock);
	file_put(f);
	return old.va ? copy_to_user(old, &was, sizeof(was)) : 0;
}
