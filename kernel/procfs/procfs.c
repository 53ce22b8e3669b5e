/*
 * procfs as a file system: inodes for the rows of its tables, listings, opening. What the files say
 * is made elsewhere; kernel/procfs/procfs_impl.h has the map.
 */
#include "kernel/abi/prctl.h"
#include "kernel/abi/statfs.h"
#include "kernel/lib/fmt.h"
#include "kernel/lib/string.h"
#include "kernel/procfs/procfs.h"
#include "kernel/procfs/procfs_impl.h"
#include "mm/kmalloc.h"

int proc_link_text(char *buf, size_t size, const char *text)
{
	size_t n = MIN(strlen(text), size);

	memcpy(buf, text, n);
	return (int)n;
}

static int mounts_readlink(const struct proc_node *n, char *buf, size_t size)
{
	return proc_link_text(buf, size, "self/mounts");
}

static int net_readlink(const struct proc_node *n, char *buf, size_t size)
{
	return proc_link_text(buf, size, "self/net");
}

static const struct proc_entry sysvipc_rows[] = {
	{"msg", S_IFREG | 0444, .show = proc_msg_show},
	{"sem", S_IFREG | 0444, .show = proc_sem_show},
	{"shm", S_IFREG | 0444, .show = proc_shm_show},
};

static const struct proc_dir sysvipc_dir = {
	.rows = sysvipc_rows,
	.nr_rows = ARRAY_SIZE(sysvipc_rows),
};

static const struct proc_entry root_rows[] = {
	{"allocinfo", S_IFREG | 0400, .show = proc_allocinfo_show},
	{"buddyinfo", S_IFREG | 0444, .show = proc_buddyinfo_show},
	{"cmdline", S_IFREG | 0444, .show = proc_boot_cmdline_show},
	{"cpuinfo", S_IFREG | 0444, .show = proc_cpuinfo_show},
	{"devices", S_IFREG | 0444, .show = proc_devices_show},
	{"filesystems", S_IFREG | 0444, .show = proc_filesystems_show},
	{"interrupts", S_IFREG | 0444, .show = proc_interrupts_show},
	{"iomem", S_IFREG | 0444, .show = proc_iomem_show},
	{"kpagecount", S_IFREG | 0400, .ops = &proc_kpagecount_ops},
	{"kpageflags", S_IFREG | 0400, .ops = &proc_kpageflags_ops},
	{"loadavg", S_IFREG | 0444, .show = proc_loadavg_show},
	{"meminfo", S_IFREG | 0444, .show = proc_meminfo_show},
	{"mm_check", S_IFREG | 0400, .show = proc_mm_check_show},
	{"modules", S_IFREG | 0444, .show = proc_modules_show},
	{"mounts", S_IFLNK | 0777, .readlink = mounts_readlink},
	{"net", S_IFLNK | 0777, .readlink = net_readlink},
	{"pagetypeinfo", S_IFREG | 0400, .show = proc_pagetypeinfo_show},
	{"self", S_IFLNK | 0777, .readlink = proc_self_readlink},
	{"slabinfo", S_IFREG | 0400, .show = proc_slabinfo_show},
	{"stat", S_IFREG | 0444, .show = proc_stat_show},
	{"swaps", S_IFREG | 0444, .show = proc_swaps_show},
	{"sys", S_IFDIR | 0555, .dir = &proc_sys_dir},
	{"sysvipc", S_IFDIR | 0555, .dir = &sysvipc_dir},
	{"thread-self", S_IFLNK | 0777, .readlink = proc_thread_self_readlink},
	{"uptime", S_IFREG | 0444, .show = proc_uptime_show},
	{"version", S_IFREG | 0444, .show = proc_version_show},
	{"vmallocinfo", S_IFREG | 0400, .show = proc_vmallocinfo_show},
	{"vmstat", S_IFREG | 0444, .show = proc_vmstat_show},
	{"zoneinfo", S_IFREG | 0444, .show = proc_zoneinfo_show},
};

static const struct proc_dir root_dir = {
	.rows = root_rows,
	.nr_rows = ARRAY_SIZE(root_rows),
	.numbered = &proc_pid_entry,
	.next = proc_pid_next,
	.find = proc_pid_find,
	.count = proc_pid_count,
};

static const struct proc_entry root_entry = {.mode = S_IFDIR | 0555, .dir = &root_dir};

/* --- Inode numbers --- */

#define ROOT_INO 1u

/*
 * A file must have the same number each time it is looked up, so numbers are made from what it is:
 *
 *   1 | 2 bits: of a process, of a thread, in fd, in fdinfo | 15 bits: process or thread |
 *   14 bits: which row, or which descriptor
 *
 * Descriptors above 16383 share numbers, and mapped files with them.
 */
enum ino_class { INO_PROCESS, INO_THREAD, INO_FD, INO_FDINFO };

static u32 node_ino(const struct proc_node *n)
{
	const struct proc_entry *e = n->entry;
	enum ino_class class = n->thread ? INO_THREAD : INO_PROCESS;
	u32 low = (u32)((uintptr_t)e / sizeof(*e));

	if (e == &root_entry)
		return ROOT_INO;
	if (!e->name && !e->dir) {
		class = S_ISLNK(e->mode) ? INO_FD : INO_FDINFO;
		low = n->fd;
	}
	return 1u << 31 | (u32) class << 29 | (n->id & 0x7fff) << 14 | (low & 0x3fff);
}

/* --- Making inodes --- */

static const struct inode_ops text_link_ops, magic_link_ops;

static const struct inode_ops *ops_for(const struct proc_entry *e)
{
	if (e->inode_ops)
		return e->inode_ops;
	if (e->dir)
		return &proc_dir_ops;
	if (S_ISLNK(e->mode))
		return e->target ? &magic_link_ops : &text_link_ops;
	return &proc_file_inode_ops;
}

static int make_inode(struct super *s, const struct proc_node *n, struct inode **out)
{
	struct proc_node *copy = kmalloc(sizeof(*copy));
	struct inode *inode = copy ? inode_create(s, ops_for(n->entry), n->entry->mode) : NULL;

	if (!inode) {
		kfree(copy);
		return -ENOMEM;
	}
	*copy = *n;
	inode->private = copy;
	inode->ino = node_ino(n);
	proc_refresh(inode);
	*out = inode;
	return 0;
}

void proc_evict(struct inode *inode)
{
	kfree(inode->private);
}

static u32 proc_links(const struct inode *inode)
{
	const struct proc_node *n = inode_node(inode);
	const struct proc_dir *d = n->entry->dir;
	u32 links = 2 + (d->count ? d->count(n) : 0);

	for (u32 i = 0; i < d->nr_rows; i++)
		links += d->rows[i].dir != NULL;
	return links;
}

/* The links to open files show in their mode how the file was opened. */
static u32 file_link_mode(const struct proc_node *n)
{
	struct file *f = n->entry->file(n);
	u32 mode = S_IFLNK;

	if (f && f->backing.may_read)
		mode |= 0500;
	if (f && f->backing.may_write)
		mode |= 0300;
	file_put(f);
	return mode & n->entry->mode;
}

void proc_refresh(struct inode *inode)
{
	const struct proc_node *n = inode_node(inode);

	if (n->id)
		(void)proc_owner(n, &inode->uid, &inode->gid);
	if (!n->entry->name && S_ISLNK(n->entry->mode))
		inode->mode = file_link_mode(n);
}

/* --- Names --- */

bool proc_parse_name(const char *name, u32 len, u32 *number)
{
	u32 v = 0;

	if (len == 0 || len > 9 || (name[0] == '0' && len > 1))
		return false;
	for (u32 i = 0; i < len; i++) {
		if (name[i] < '0' || name[i] > '9')
			return false;
		v = v * 10 + (u32)(name[i] - '0');
	}
	*number = v;
	return true;
}

static const struct proc_entry *find_row(const struct proc_dir *d, const char *name, u32 len)
{
	for (u32 i = 0; i < d->nr_rows; i++) {
		const char *row = d->rows[i].name;

		if (row[0] == name[0] && strncmp(row, name, len) == 0 && !row[len])
			return &d->rows[i];
	}
	return NULL;
}

#define NAME_SIZE 24 /* of what comes and goes */

/* Where names are made by the directory there is one for each node. */
static bool is_its_name(
	const struct proc_node *n, const struct proc_dir *d, const char *name, u32 len)
{
	char its_name[NAME_SIZE];

	if (!d->print)
		return true;
	d->print(n, its_name, NAME_SIZE);
	return strlen(its_name) == len && memcmp(its_name, name, len) == 0;
}

int proc_lookup(struct dentry *dir, const char *name, u32 len, struct inode **out)
{
	struct proc_node child = *inode_node(dir->inode);
	const struct proc_dir *d = child.entry->dir;
	const struct proc_node parent = child;
	u32 number;

	if (!proc_alive(&parent))
		return -ENOENT;
	if (d->numbered && (d->parse ?: proc_parse_name)(name, len, &number)) {
		child.entry = d->numbered;
		if (!d->find(&parent, number, &child) || !is_its_name(&child, d, name, len))
			return -ENOENT;
	} else {
		child.entry = find_row(d, name, len);
		if (!child.entry)
			return -ENOENT;
	}
	return make_inode(dir->inode->super, &child, out);
}

bool proc_valid(struct dentry *d)
{
	const struct proc_node *n = inode_node(d->inode);
	struct file *f;

	if (!proc_alive(n))
		return false;
	if (n->entry->name || n->entry->dir)
		return true;
	f = n->entry->file(n);
	file_put(f);
	return f;
}

/* --- Listings --- */

static bool emit(struct dir_context *c, const struct proc_node *n, const char *name, u64 next)
{
	return dir_emit(c, name, strlen(name), node_ino(n), n->entry->mode, next);
}

/* Positions: 0 and 1 are the dots, then come the rows, then the numbers. */
static bool emit_rows(struct dir_context *c, const struct proc_node *dir)
{
	const struct proc_dir *d = dir->entry->dir;
	struct proc_node child = *dir;

	while (c->pos - 2 < d->nr_rows) {
		child.entry = &d->rows[c->pos - 2];
		if (!emit(c, &child, child.entry->name, c->pos + 1))
			return false;
	}
	return true;
}

static void emit_numbers(struct dir_context *c, const struct proc_node *dir)
{
	const struct proc_dir *d = dir->entry->dir;
	u64 base = 2 + d->nr_rows;
	u32 number = (u32)(c->pos - base);
	char name[NAME_SIZE];

	for (; d->next(dir, &number); number++) {
		struct proc_node child = *dir;

		child.entry = d->numbered;
		if (!d->find(dir, number, &child))
			continue;
		if (d->print)
			d->print(&child, name, sizeof(name));
		else
			snprintf(name, sizeof(name), "%u", number);
		if (!emit(c, &child, name, base + number + 1))
			return;
	}
}

static long proc_readdir(struct file *f, void *ctx)
{
	struct dir_context *c = ctx;
	const struct proc_node *n = file_node(f);

	if (!proc_alive(n))
		return -ENOENT;
	if (dir_emit_dots(f, c) && emit_rows(c, n) && n->entry->dir->numbered)
		emit_numbers(c, n);
	return 0;
}

static ssize_k dir_read(struct file *f, struct iobuf *to, size_t n, u64 *pos)
{
	return -EISDIR;
}

static const struct file_ops dir_file_ops = {
	.read = dir_read,
	.seek = file_seek_endless,
	.readdir = proc_readdir,
};

/* --- Open files --- */

/* Linux takes at most a page at once too. */
static ssize_k proc_write(struct file *f, struct iobuf *from, size_t n, u64 *pos)
{
	const struct proc_node *node = file_node(f);
	long used = -EFAULT;
	char *s;

	n = MIN(n, (size_t)PAGE_SIZE - 1);
	s = kmalloc(n + 1);
	if (!s)
		return -ENOMEM;
	if (iobuf_get(from, s, n) == 0) {
		s[n] = '\0';
		used = node->entry->store(node, s, n, *pos);
	}
	kfree(s);
	if (used > 0)
		*pos += (u64)used;
	return used;
}

/* Linux answers so for the files that belong to no process; for those that do, EINVAL. */
static ssize_k refuse_write(struct file *f, struct iobuf *from, size_t n, u64 *pos)
{
	return file_node(f)->id ? -EINVAL : -EIO;
}

static const struct file_ops text_ops = {
	.read = text_file_read,
	.write = refuse_write,
	.seek = file_seek_endless,
	.release = text_file_release,
};

static const struct file_ops writable_text_ops = {
	.read = text_file_read,
	.write = proc_write,
	.seek = file_seek_endless,
	.release = text_file_release,
};

static int show_node(struct text *t, void *arg)
{
	const struct proc_node *n = arg;

	return n->entry->show(t, n);
}

static int show_node_part(struct text *t, void *arg, u32 *cursor)
{
	const struct proc_node *n = arg;

	return n->entry->show_part(t, n, cursor);
}

static const struct file_ops write_only_ops = {.write = proc_write};

static int open_text(struct file *f, const struct proc_node *n)
{
	if (!n->entry->show && !n->entry->show_part) {
		f->ops = &write_only_ops;
		return 0;
	}
	f->private = n->entry->show_part ? text_file_create_parts(show_node_part, (void *)n)
					 : text_file_create(show_node, (void *)n);
	if (!f->private)
		return -ENOMEM;
	f->ops = n->entry->store ? &writable_text_ops : &text_ops;
	return 0;
}

int proc_open(struct inode *inode, struct file *f)
{
	const struct proc_node *n = inode_node(inode);
	const struct proc_entry *e = n->entry;

	if (!proc_alive(n))
		return -ESRCH;
	if (e->guarded && !proc_may_access(n))
		return -EACCES;
	if (e->read_only && (f->flags & O_ACCMODE) != O_RDONLY)
		return -EACCES;
	if (!e->dir && !e->ops)
		return open_text(f, n);
	f->ops = e->dir ? &dir_file_ops : e->ops;
	/* Who opened it may be less privileged than who uses it. */
	if (!e->dir)
		f->private = proc_opened(capable(CAP_SYS_ADMIN), proc_program(n));
	return 0;
}

/* --- Symlinks --- */

static int text_readlink(struct inode *inode, char *buf, size_t size)
{
	const struct proc_node *n = inode_node(inode);

	return n->entry->readlink(n, buf, size);
}

static int magic_follow(struct inode *inode, struct path *out)
{
	const struct proc_node *n = inode_node(inode);

	if (!proc_may_access(n))
		return proc_alive(n) ? -EACCES : -ENOENT;
	return n->entry->target(n, out);
}

static int path_of(struct path p, char *buf, size_t size)
{
	char *space = kmalloc(ABI_PATH_MAX), *path;
	struct path_fit fit;
	struct path root;
	int len;

	if (!space)
		return -ENOMEM;
	root = current_root();
	path = path_text(p, root, space, ABI_PATH_MAX, &fit);
	len = fit.whole ? proc_link_text(buf, size, path) : -ENAMETOOLONG;
	path_put(root);
	kfree(space);
	return len;
}

static int magic_readlink(struct inode *inode, char *buf, size_t size)
{
	struct path p;
	int err = magic_follow(inode, &p);

	if (err)
		return err;
	err = path_of(p, buf, size);
	path_put(p);
	return err;
}

static const struct inode_ops text_link_ops = {
	.readlink = text_readlink,
	.refresh = proc_refresh,
	.evict = proc_evict,
};

static const struct inode_ops magic_link_ops = {
	.readlink = magic_readlink,
	.follow = magic_follow,
	.refresh = proc_refresh,
	.evict = proc_evict,
};

const struct inode_ops proc_fd_link_ops = {
	.readlink = magic_readlink,
	.follow = magic_follow,
	.refresh = proc_refresh,
	.evict = proc_evict,
	.stat_size = 64, /* as on Linux */
};

/* Whoever may look may read where it leads; going there is for administrators. */
static int map_follow(struct inode *inode, struct path *out)
{
	if (!capable(CAP_CHECKPOINT_RESTORE) && !capable(CAP_SYS_ADMIN))
		return -EPERM;
	return magic_follow(inode, out);
}

const struct inode_ops proc_map_link_ops = {
	.readlink = magic_readlink,
	.follow = map_follow,
	.refresh = proc_refresh,
	.evict = proc_evict,
	.stat_size = 64,
};

const struct inode_ops proc_dir_ops = {
	.lookup = proc_lookup,
	.valid = proc_valid,
	.open = proc_open,
	.refresh = proc_refresh,
	.links = proc_links,
	.evict = proc_evict,
};

const struct inode_ops proc_file_inode_ops = {
	.open = proc_open,
	.refresh = proc_refresh,
	.evict = proc_evict,
};

/* --- Mounting --- */

static int proc_mount(struct super *s, const char *options)
{
	const struct proc_node root = {.entry = &root_entry};
	struct inode *inode;
	int err;

	if (options && *options)
		return -EINVAL;
	err = make_inode(s, &root, &inode);
	if (err)
		return err;
	return dentry_create_root(s, inode);
}

static struct fs_type proc_type = {
	.name = "proc",
	.magic = PROC_MAGIC,
	.nodev = true,
	.mount = proc_mount,
};

void __init proc_init(void)
{
	fs_register(&proc_type);
}
