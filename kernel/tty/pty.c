/*
 * Pseudo-terminals: a terminal whose other end is a program.
 *
 *   program --write--> [master]  --tty_receive()--> line discipline --read--> program
 *   program <--read--- [  ring ] <----- out() ----- line discipline <--write-- on /dev/pts/N
 *
 * Opening /dev/ptmx makes one, with a node of its number in every devpts that is mounted. The
 * master's close hangs it up; it is freed when the last file on it is closed. While nobody has the
 * terminal's side open any more, the master's reads fail with EIO, once the ring is empty.
 */
#include "kernel/abi/fcntl.h"
#include "kernel/abi/signal.h"
#include "kernel/abi/statfs.h"
#include "kernel/fs/fasync.h"
#include "kernel/fs/options.h"
#include "kernel/fs/pathname.h"
#include "kernel/fs/poll.h"
#include "kernel/fs/vfs.h"
#include "kernel/lib/fmt.h"
#include "kernel/lib/kassert.h"
#include "kernel/lib/string.h"
#include "kernel/proc/task.h"
#include "kernel/tty/tty_impl.h"
#include "kernel/x86/uaccess.h"
#include "mm/kmalloc.h"
#include "mm/slab.h"

#define PTY_MAX	  1024u
#define PTS_MAJOR 136u
#define RING	  8192u /* bytes on their way to the master */
#define EXPANSION 8u	/* what output processing makes of one byte: a tab */
#define CHUNK	  256u

/* letters: t: the tty's lock; n: namespace_lock; i: set at creation */
struct pty {
	struct tty tty;
	u32 index;	      /* i */
	bool locked;	      /* t: TIOCSPTLCK: the terminal's side cannot be opened */
	bool gone;	      /* t: it was open, and nobody has it open any more */
	u8 ring[RING];	      /* t */
	u32 head, tail;	      /* t: bytes put and taken */
	struct waitq readers; /* of the master */
	struct waitq writers;
	struct list_head async; /* files of the master with O_ASYNC (kernel/fs/fasync.h) */
};

static struct pty *ptys[PTY_MAX]; /* n: those whose master is open */
static struct slab_cache *pty_cache __ro_after_init;

static struct pty *pty_of(struct tty *t)
{
	return container_of(t, struct pty, tty);
}

/* --- From the terminal to the master. Called with the tty's lock held. --- */

/* What finds no room, an echo when nobody reads, is lost. */
static void pty_out(void *ctx, const char *s, size_t n)
{
	struct pty *p = ctx;

	for (size_t i = 0; i < n && p->head - p->tail < RING; i++)
		p->ring[p->head++ % RING] = (u8)s[i];
	waitq_wake_all(&p->readers);
}

static bool pty_has_room(struct tty *t, size_t n)
{
	struct pty *p = pty_of(t);

	return RING - (p->head - p->tail) >= n * EXPANSION;
}

static void pty_throttle(struct tty *t, bool on)
{
	if (!on)
		waitq_wake_all(&pty_of(t)->writers);
}

static void pty_in_use(struct tty *t, bool yes)
{
	struct pty *p = pty_of(t);

	p->gone = !yes;
	waitq_wake_all(&p->readers);
	waitq_wake_all(&p->writers);
}

static void pty_free(struct tty *t)
{
	slab_free(pty_cache, pty_of(t));
}

static void pty_wrote(struct tty *t)
{
	fasync_notify(&pty_of(t)->async, POLL_IN);
}

static const struct tty_driver pty_driver = {
	.wrote = pty_wrote,
	.throttle = pty_throttle,
	.has_room = pty_has_room,
	.in_use = pty_in_use,
	.free = pty_free,
};

/* --- devpts. All of this with namespace_lock held. --- */

#define OF_OPENER UINT32_MAX

struct devpts {
	struct list_head link; /* all of them; namespace_lock */
	struct super *super;
	u32 mode, ptmx_mode;
	u32 uid, gid; /* of the nodes; OF_OPENER: who opened ptmx */
};

static LIST_HEAD(all_devpts);

static int pts_inode_open(struct inode *inode, struct file *f)
{
	f->ops = &stored_dir_ops;
	return 0;
}

static const struct inode_ops pts_inode_ops = {
	.open = pts_inode_open,
	.attributes_settable = true,
};

static int add_node(struct devpts *d, const char *name, u32 mode, u32 dev)
{
	struct inode *inode = inode_create(d->super, &pts_inode_ops, S_IFCHR | mode);

	if (!inode)
		return -ENOMEM;
	inode->rdev = dev;
	if (MAJOR(dev) == PTS_MAJOR) {
		inode->uid = d->uid != OF_OPENER ? d->uid : current_cred()->fsuid;
		inode->gid = d->gid != OF_OPENER ? d->gid : current_cred()->fsgid;
	}
	return dentry_link(d->super->root, name, strlen(name), inode, NULL);
}

static void remove_node(struct devpts *d, const char *name)
{
	struct dentry *node;

	if (dentry_lookup_locked(d->super->root, name, strlen(name), &node))
		return;
	dentry_unlink(node);
	dentry_put(node);
}

static void remove_nodes(const struct pty *p)
{
	struct devpts *d;
	char name[12];

	snprintf(name, sizeof(name), "%u", p->index);
	list_for_each_entry (d, &all_devpts, link)
		remove_node(d, name);
}

static int add_nodes(const struct pty *p)
{
	struct devpts *d;
	char name[12];
	int err = 0;

	snprintf(name, sizeof(name), "%u", p->index);
	list_for_each_entry (d, &all_devpts, link)
		if (!err)
			err = add_node(d, name, d->mode & 07777, p->tty.dev);
	if (err)
		remove_nodes(p);
	return err;
}

static const struct mount_option devpts_options[] = {
	{"uid=", offsetof(struct devpts, uid), option_id},
	{"gid=", offsetof(struct devpts, gid), option_id},
	{"mode=", offsetof(struct devpts, mode), option_mode},
	{"ptmxmode=", offsetof(struct devpts, ptmx_mode), option_mode},
	{"newinstance", 0, NULL},
};

/* The nodes that a fresh mount has: ptmx, and what there is already. */
static int fill_mount(struct devpts *d)
{
	char name[12];
	int err = add_node(d, "ptmx", d->ptmx_mode & 07777, MKDEV(5, 2));

	for (u32 i = 0; i < PTY_MAX && !err; i++) {
		if (!ptys[i])
			continue;
		snprintf(name, sizeof(name), "%u", i);
		err = add_node(d, name, d->mode & 07777, ptys[i]->tty.dev);
	}
	if (err)
		dentry_tree_drop(d->super->root);
	return err;
}

static void devpts_kill(struct super *s)
{
	struct devpts *d = s->private;

	if (!d)
		return;
	list_del(&d->link);
	kfree(d);
}

static int devpts_mount(struct super *s, const char *options)
{
	struct devpts *d = kzalloc(sizeof(*d));
	struct inode *root;
	int err;

	if (!d)
		return -ENOMEM;
	list_add_tail(&d->link, &all_devpts);
	s->private = d;
	d->super = s;
	d->mode = 0600;
	d->uid = d->gid = OF_OPENER;
	err = mount_options(options, devpts_options, ARRAY_SIZE(devpts_options), d);
	if (err)
		return err;
	root = inode_create(s, &pts_inode_ops, S_IFDIR | 0755);
	if (!root)
		return -ENOMEM;
	return dentry_create_root(s, root) ?: fill_mount(d);
}

static struct fs_type devpts_type = {
	.name = "devpts",
	.magic = DEVPTS_MAGIC,
	.nodev = true,
	.mount = devpts_mount,
	.kill = devpts_kill,
};

/* --- The terminal's side --- */

static int pts_open(struct file *f)
{
	u32 index = MINOR(f->dentry->inode->rdev);
	struct pty *p;
	int err = -EIO;

	mutex_lock(&namespace_lock);
	p = index < PTY_MAX ? ptys[index] : NULL;
	if (p && !READ_ONCE(p->locked))
		err = (int)tty_open(f, &p->tty);
	mutex_unlock(&namespace_lock);
	return err;
}

/* --- The master --- */

static u32 take(struct pty *p, u8 *buf, u32 n, bool *gone)
{
	u32 flags = spin_lock_irqsave(&p->tty.lock), got = 0;

	while (got < n && p->tail != p->head)
		buf[got++] = p->ring[p->tail++ % RING];
	*gone = p->gone;
	spin_unlock_irqrestore(&p->tty.lock, flags);
	return got;
}

static bool has_output(struct pty *p)
{
	return READ_ONCE(p->head) != READ_ONCE(p->tail) || READ_ONCE(p->gone);
}

static ssize_k master_read(struct file *f, struct iobuf *to, size_t n, u64 *pos)
{
	struct pty *p = f->private;
	u8 chunk[CHUNK];
	size_t done = 0;
	bool gone;
	u32 got;

	while (done < n) {
		got = take(p, chunk, MIN(n - done, CHUNK), &gone);
		if (got && iobuf_put(to, chunk, got))
			return done ? (ssize_k)done : -EFAULT;
		done += got;
		if (got)
			continue;
		if (done || gone)
			break;
		if (f->flags & O_NONBLOCK)
			return -EAGAIN;
		if (wait_event_interruptible(&p->readers, has_output(p)))
			return -ERESTARTSYS;
	}
	if (done)
		waitq_wake_all(&p->tty.writers);
	return done || !n ? (ssize_k)done : -EIO;
}

static long wait_for_reader(struct pty *p, const struct file *f)
{
	if (f->flags & O_NONBLOCK)
		return -EAGAIN;
	return wait_event_interruptible(&p->writers, !tty_is_throttled(&p->tty)) ? -ERESTARTSYS : 0;
}

static ssize_k master_write(struct file *f, struct iobuf *from, size_t n, u64 *pos)
{
	struct pty *p = f->private;
	size_t done = 0;
	long err = 0;
	u8 c;

	while (done < n && !err) {
		if (READ_ONCE(p->gone))
			err = -EIO;
		else if (tty_is_throttled(&p->tty))
			err = wait_for_reader(p, f);
		else if (iobuf_get(from, &c, 1))
			err = -EFAULT;
		else {
			tty_receive(&p->tty, c);
			done++;
		}
	}
	return done ? (ssize_k)done : err;
}

static u32 master_poll(struct file *f, struct poll_table *pt)
{
	struct pty *p = f->private;
	u32 events = 0, flags;

	poll_wait_for(pt, &p->readers, POLLIN | POLLRDNORM);
	poll_wait_for(pt, &p->writers, POLLOUT | POLLWRNORM);
	flags = spin_lock_irqsave(&p->tty.lock);
	if (p->head != p->tail)
		events |= POLLIN | POLLRDNORM;
	if (p->gone)
		events |= POLLHUP;
	if (!p->tty.throttled)
		events |= POLLOUT | POLLWRNORM;
	spin_unlock_irqrestore(&p->tty.lock, flags);
	return events;
}

static long set_lock(struct pty *p, uptr_t arg)
{
	u32 on;

	if (get_user_u32(&on, arg))
		return -EFAULT;
	p->locked = on;
	return 0;
}

/* The terminal's node in the newest devpts. Caller holds namespace_lock. */
static bool find_node(const struct pty *p, struct path *out)
{
	const struct devpts *d;
	char name[12];

	if (list_empty(&all_devpts))
		return false;
	d = list_last_entry(&all_devpts, struct devpts, link);
	snprintf(name, sizeof(name), "%u", p->index);
	if (dentry_lookup_locked(d->super->root, name, strlen(name), &out->dentry))
		return false;
	out->mnt = mount_of_super(d->super);
	if (!out->mnt)
		dentry_put(out->dentry);
	return out->mnt;
}

/* A descriptor for the terminal's side, also where /dev/pts cannot be reached by name. */
static long open_peer(struct pty *p, u32 flags)
{
	struct files *fs = current_task()->files;
	struct path node;
	struct file *f;
	bool found;
	long fd;

	mutex_lock(&namespace_lock);
	found = find_node(p, &node);
	mutex_unlock(&namespace_lock);
	if (!found)
		return -EIO;
	f = file_create(node, flags & ~O_CLOEXEC);
	if (is_err(f))
		return ptr_err(f);
	fd = files_install(fs, f, 0, flags & O_CLOEXEC);
	if (fd < 0)
		file_put(f);
	return fd;
}

static long send_signal(struct pty *p, u32 sig)
{
	if (sig != SIGINT && sig != SIGQUIT && sig != SIGTSTP)
		return -EINVAL;
	tty_signal_foreground(&p->tty, sig);
	return 0;
}

static long master_ioctl(struct file *f, u32 cmd, u32 arg)
{
	struct pty *p = f->private;

	switch (cmd) {
	case TIOCGPTN:
		return put_user_u32(UPTR(arg), p->index);
	case TIOCSPTLCK:
		return set_lock(p, UPTR(arg));
	case TIOCGPTLCK:
		return put_user_u32(UPTR(arg), p->locked);
	case TIOCGPTPEER:
		return open_peer(p, arg);
	case TIOCSIG:
		return send_signal(p, arg);
	case TIOCGPGRP:
		return put_user_u32(UPTR(arg), READ_ONCE(p->tty.pgrp));
	case TIOCGSID:
		return p->tty.sid ? put_user_u32(UPTR(arg), READ_ONCE(p->tty.sid)) : -ENOTTY;
	case FIONREAD:
		return put_user_u32(UPTR(arg), READ_ONCE(p->head) - READ_ONCE(p->tail));
	default:
		return tty_ioctl_line(&p->tty, cmd, arg);
	}
}

static void master_release(struct file *f)
{
	struct pty *p = f->private;

	mutex_lock(&namespace_lock);
	remove_nodes(p);
	ptys[p->index] = NULL;
	mutex_unlock(&namespace_lock);
	p->tty.cut = true;
	tty_hang_up(&p->tty);
	tty_put(&p->tty);
}

static struct list_head *master_async(struct file *f)
{
	struct pty *p = f->private;

	return &p->async;
}

static const struct file_ops master_ops = {
	.read = master_read,
	.write = master_write,
	.poll = master_poll,
	.ioctl = master_ioctl,
	.release = master_release,
	.async = master_async,
};

/* --- Making one --- */

static struct pty *pty_create(u32 index)
{
	struct pty *p = slab_zalloc(pty_cache);

	if (!p)
		return NULL;
	p->index = index;
	p->locked = true;
	waitq_init(&p->readers);
	waitq_init(&p->writers);
	list_init(&p->async);
	tty_setup(&p->tty, &pty_driver, MKDEV(PTS_MAJOR, index), pty_out, p);
	p->tty.ldisc.termios.c_cflag = B38400 | CS8 | CREAD;
	return p;
}

/* With the lowest number that is free, and its nodes. Caller holds namespace_lock. */
static struct pty *pty_enter(void)
{
	struct pty *p;
	u32 i = 0;
	int err;

	while (i < PTY_MAX && ptys[i])
		i++;
	if (i == PTY_MAX)
		return err_ptr(-ENOSPC);
	p = pty_create(i);
	if (!p)
		return err_ptr(-ENOMEM);
	err = add_nodes(p);
	if (err) {
		tty_put(&p->tty);
		return err_ptr(err);
	}
	ptys[i] = p;
	return p;
}

static int ptmx_open(struct file *f)
{
	struct pty *p;

	mutex_lock(&namespace_lock);
	p = pty_enter();
	mutex_unlock(&namespace_lock);
	if (is_err(p))
		return (int)ptr_err(p);
	f->private = p;
	return 0;
}

void __init pty_init(void)
{
	pty_cache = slab_create("pty", sizeof(struct pty), 0, 0, NULL);
	if (!pty_cache)
		panic("no memory for the pty cache");
	chrdev_register(5, 2, "ptmx", 0666, &master_ops, ptmx_open);
	chrdev_register_range(PTS_MAJOR, PTY_MAX, &tty_file_ops, pts_open);
	fs_register(&devpts_type);
}
