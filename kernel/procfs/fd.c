/* /proc/PID/fd and fdinfo: the open files of a process. */
#include "kernel/procfs/procfs_impl.h"

static struct file *fd_file(const struct proc_node *n)
{
	struct file *f = NULL;
	struct files *files;

	if (proc_get_files(n, &files) == 0 && files)
		f = files_fget(files, n->fd);
	files_put(files);
	return f;
}

static bool fd_next(const struct proc_node *dir, u32 *number)
{
	struct file *f = NULL;
	struct files *files;

	if (proc_get_files(dir, &files) == 0 && files)
		f = files_next(files, number);
	files_put(files);
	file_put(f);
	return f;
}

static bool fd_find(const struct proc_node *dir, u32 number, struct proc_node *child)
{
	u32 found = number;

	child->fd = number;
	return fd_next(dir, &found) && found == number;
}

#define FIRST_SLOTS 32u /* then doubling */

u32 proc_fd_slots(struct files *files)
{
	u32 slots = FIRST_SLOTS, fd = 0;
	struct file *f;

	for (; (f = files_next(files, &fd)); fd++) {
		file_put(f);
		while (fd >= slots)
			slots *= 2;
	}
	return slots;
}

/* --- fd --- */

int proc_file_target(const struct proc_node *n, struct path *out)
{
	struct file *f = n->entry->file(n);

	if (!f)
		return -ENOENT;
	*out = path_get(file_at(f));
	file_put(f);
	return 0;
}

static const struct proc_entry fd_entry = {
	.mode = S_IFLNK | 0700,
	.file = fd_file,
	.target = proc_file_target,
	.inode_ops = &proc_fd_link_ops,
};

const struct proc_dir proc_fd_dir = {
	.numbered = &fd_entry,
	.next = fd_next,
	.find = fd_find,
};

static bool is_own(const struct proc_node *n)
{
	u32 flags;
	struct task *t;
	bool own;

	if (!current_task())
		return true;
	flags = spin_lock_irqsave(&process_lock);
	own = proc_find_locked(n, &t) == current_process();
	spin_unlock_irqrestore(&process_lock, flags);
	return own;
}

/* A process reaches its own descriptors whoever it has become. */
static int fd_permission(struct inode *inode, u32 mask, u32 uid, u32 gid)
{
	if (is_own(inode_node(inode)) || uid == 0)
		return 0;
	return uid == inode->uid && !(mask & MAY_WRITE) ? 0 : -EACCES;
}

const struct inode_ops proc_fd_dir_ops = {
	.lookup = proc_lookup,
	.valid = proc_valid,
	.open = proc_open,
	.permission = fd_permission,
	.refresh = proc_refresh,
	.evict = proc_evict,
};

/* --- fdinfo --- */

static int fdinfo_show(struct text *t, const struct proc_node *n)
{
	struct files *files;
	struct file *f;
	long cloexec;
	int err = proc_get_files(n, &files);

	if (err)
		return err;
	f = files ? files_fget(files, n->fd) : NULL;
	cloexec = files ? files_get_cloexec(files, n->fd) : 0;
	files_put(files);
	if (!f)
		return -ENOENT;
	text_printf(t, "pos:\t%llu\nflags:\t0%o\nmnt_id:\t%u\nino:\t%u\n",
		f->ops->seek ? f->pos : 0, f->flags | (cloexec > 0 ? O_CLOEXEC : 0), f->mnt->id,
		f->dentry->inode->ino);
	if (f->ops->show_info)
		f->ops->show_info(f, t);
	file_put(f);
	return 0;
}

static const struct proc_entry fdinfo_entry = {
	.mode = S_IFREG | 0444,
	.guarded = true,
	.file = fd_file,
	.show = fdinfo_show,
};

const struct proc_dir proc_fdinfo_dir = {
	.numbered = &fdinfo_entry,
	.next = fd_next,
	.find = fd_find,
};

static int fdinfo_permission(struct inode *inode, u32 mask, u32 uid, u32 gid)
{
	if (!proc_may_access(inode_node(inode)))
		return -EACCES;
	return mask & MAY_WRITE && uid ? -EACCES : 0;
}

const struct inode_ops proc_fdinfo_dir_ops = {
	.lookup = proc_lookup,
	.valid = proc_valid,
	.open = proc_open,
	.permission = fdinfo_permission,
	.refresh = proc_refresh,
	.evict = proc_evict,
};
