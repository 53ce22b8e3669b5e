/*
 * Opening a file by its path: the walk with O_CREAT, O_EXCL and O_NOFOLLOW, the checks, and what
 * happens after the file is there.
 */
#include "kernel/fs/notify.h"
#include "kernel/fs/open.h"
#include "kernel/fs/path.h"

#define PATH_FLAGS (O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC | O_PATH)
#define ONCE_FLAGS (O_CREAT | O_EXCL | O_NOCTTY | O_TRUNC | O_CLOEXEC) /* not the open file's */

/* Who sets what: c: the caller; w: the walk. */
struct open_request {
	u32 flags, mode; /* c */
	u32 lookup;	 /* c: LOOKUP_ bits for the way */
	bool created;	 /* w: the file is new, so its mode does not matter */
	bool slash;	 /* w: the path ended with a slash */
};

static bool writes(u32 flags)
{
	return (flags & O_ACCMODE) != O_RDONLY;
}

/* --- Getting there --- */

/* w->name does not exist: makes it. -EEXIST when somebody else was faster. */
static int create_last(struct walk *w, struct open_request *r)
{
	const struct inode_ops *ops = w->at.dentry->inode->ops;
	struct dentry *d;
	int err;

	if (!ops->create)
		return ops->lookup ? -ENOENT : -EACCES;
	err = vfs_create(w->at, &w->name, S_IFREG | r->mode, 0, NULL, &d);
	if (err)
		return err;
	dentry_put(w->at.dentry);
	w->at.dentry = d;
	r->created = true;
	return 0;
}

static int open_last(struct walk *w, struct open_request *r, bool *linked)
{
	bool create = r->flags & O_CREAT, exclusive = create && (r->flags & O_EXCL);
	bool follow = !(r->flags & O_NOFOLLOW) && !exclusive;
	int err;

	do {
		if (create && w->name.type != NAME_NORMAL)
			return exclusive ? -EEXIST : -EISDIR;
		if (create && w->name.slash)
			return -EISDIR;
		err = walk_step(w, follow || w->name.slash, linked);
		if (err == -ENOENT && create && !*linked)
			err = create_last(w, r);
		else if (!err && exclusive && !*linked)
			return -EEXIST;
	} while (err == -EEXIST && !exclusive);
	return err;
}

static int walk_open(struct walk *w, struct open_request *r)
{
	bool linked = true;
	int err;

	while (linked) {
		err = walk_to_parent(w);
		if (err)
			return err;
		if (w->name.type == NAME_NONE)
			return 0;
		r->slash |= w->name.slash;
		err = open_last(w, r, &linked);
		if (err)
			return err;
	}
	return 0;
}

/* --- Checks --- */

static int check_type(const struct inode *inode, const struct open_request *r)
{
	bool dir = S_ISDIR(inode->mode);

	if (!dir && ((r->flags & O_DIRECTORY) || r->slash))
		return -ENOTDIR;
	if (S_ISLNK(inode->mode) && !(r->flags & O_PATH))
		return -ELOOP;
	if (dir && (writes(r->flags) || (r->flags & (O_CREAT | O_TRUNC))))
		return -EISDIR;
	return 0;
}

static int check_access(struct path p, const struct open_request *r)
{
	struct inode *inode = p.dentry->inode;
	u32 mask = 0;
	int err;

	if (r->created)
		return 0;
	if ((r->flags & O_ACCMODE) != O_WRONLY)
		mask |= MAY_READ;
	if (writes(r->flags) || (r->flags & O_TRUNC))
		mask |= MAY_WRITE;
	err = inode_permission(inode, mask);
	return err || !(mask & MAY_WRITE) || !inode_is_stored(inode) ? err : mount_may_write(p.mnt);
}

static int check_open(struct path p, const struct open_request *r)
{
	struct inode *inode = p.dentry->inode;
	int err = check_type(inode, r);

	if (err || (r->flags & O_PATH))
		return err;
	err = check_access(p, r);
	if (err)
		return err;
	if ((S_ISCHR(inode->mode) || S_ISBLK(inode->mode)) && (p.mnt->flags & MS_NODEV))
		return -EACCES;
	if ((r->flags & O_NOATIME) && !inode_owned(inode))
		return -EPERM;
	return 0;
}

/* --- Opening --- */

static int truncate_opened(struct file *f)
{
	struct inode *inode = f->dentry->inode;
	int err;

	if (!S_ISREG(inode->mode))
		return 0;
	err = inode_get_writer(inode);
	if (err)
		return err;
	err = vfs_truncate(f->dentry, 0);
	inode_put_writer(inode);
	return err;
}

/* The file that the walk ended at, checked and opened. */
static struct file *open_reached(struct walk *w, const struct open_request *r)
{
	struct file *f;
	int err = check_open(w->at, r);

	if (err)
		return err_ptr(err);
	f = file_create(path_get(w->at), r->flags);
	if (is_err(f))
		return f;
	if (r->flags & O_DIRECT)
		err = -EINVAL; /* every file is read through the page cache or by its driver */
	else if ((r->flags & O_TRUNC) && !r->created)
		err = truncate_opened(f);
	if (err) {
		file_put(f);
		return err_ptr(err);
	}
	f->flags &= ~ONCE_FLAGS;
	return f;
}

static int create_unnamed(struct path at, u32 mode, struct inode **out)
{
	struct inode *dir = at.dentry->inode;
	int err = mount_may_write(at.mnt);

	if (!err)
		err = inode_permission(dir, MAY_WRITE | MAY_EXEC);
	if (!err && (!dir->ops->create || dir->super->fixed))
		err = -EOPNOTSUPP;
	return err ? err : dir->ops->create(dir, mode, 0, NULL, out);
}

/* O_TMPFILE: a file without a name in the file system of a directory. */
static struct file *open_unnamed(s32 dirfd, const char *path, const struct open_request *r)
{
	struct path at;
	struct inode *inode;
	struct file *f;
	int err = path_lookup(dirfd, path, LOOKUP_FOLLOW | LOOKUP_DIRECTORY | r->lookup, &at);

	if (err)
		return err_ptr(err);
	err = create_unnamed(at, S_IFREG | r->mode, &inode);
	if (!err) {
		inode->linkable = !(r->flags & O_EXCL);
		f = file_create_unnamed(
			at.mnt, inode, "/tmpfile", r->flags & ~(O_TMPFILE | ONCE_FLAGS));
	}
	path_put(at);
	return err ? err_ptr(err) : f;
}

static int check_flags(struct open_request *r)
{
	if (r->flags & O_PATH) {
		r->flags &= PATH_FLAGS;
		return 0;
	}
	if ((r->flags & (O_DIRECTORY | O_CREAT)) == (O_DIRECTORY | O_CREAT))
		return -EINVAL;
	if ((r->flags & O_TMPFILE_BIT) &&
		((r->flags & O_TMPFILE) != O_TMPFILE || !writes(r->flags)))
		return -EINVAL;
	return 0;
}

_Static_assert(RESOLVE_NO_XDEV << 4 == LOOKUP_NO_XDEV && RESOLVE_IN_ROOT << 4 == LOOKUP_IN_ROOT,
	"RESOLVE_ bits become LOOKUP_ bits");

struct file *path_open(s32 dirfd, const char *path, const struct abi_open_how *how)
{
	struct open_request r = {
		.flags = (u32)how->flags,
		.mode = (u32)how->mode & 07777 & ~current_umask(),
		.lookup = (u32)(how->resolve & ~RESOLVE_CACHED) << 4,
	};
	struct file *f;
	struct walk w;
	int err = check_flags(&r);

	if (err)
		return err_ptr(err);
	if (r.flags & O_TMPFILE_BIT)
		return open_unnamed(dirfd, path, &r);
	err = walk_begin(&w, dirfd, path, r.lookup);
	if (err)
		return err_ptr(err);
	err = walk_open(&w, &r);
	f = err ? err_ptr(err) : open_reached(&w, &r);
	walk_end(&w);
	if (!is_err(f))
		notify_file(f, IN_OPEN);
	return f;
}

struct file *file_open(const char *path, u32 flags, u32 mode)
{
	return path_open(AT_FDCWD, path, &(struct abi_open_how){.flags = flags, .mode = mode});
}
