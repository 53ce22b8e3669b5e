/*
 * Changing directories: creating, linking, unlinking and renaming.
 *
 * Everything is checked first, under namespace_lock, and then done by dentry operations that
 * cannot fail: no call leaves a directory half changed.
 */
#include "kernel/abi/prctl.h"
#include "kernel/fs/notify.h"
#include "kernel/fs/pathname.h"
#include "kernel/fs/vfs.h"
#include "mm/kmalloc.h"

/* The directory is there, changeable, and the caller may write to it. */
static int may_change(struct dentry *dir)
{
	struct inode *inode = dir->inode;

	if (!S_ISDIR(inode->mode))
		return -ENOTDIR;
	if (dir->flags & D_DELETED)
		return -ENOENT;
	return inode_permission(inode, MAY_WRITE | MAY_EXEC);
}

static bool is_changeable(const struct inode *dir)
{
	return dir->ops->create && !dir->super->fixed;
}

/* In a sticky directory only the owners of the entry and of the directory, and root, may remove. */
static bool sticky_denies(const struct inode *dir, const struct inode *victim)
{
	return (dir->mode & S_ISVTX) && !inode_owned(victim) && !inode_owned(dir);
}

/* Finds the entry that is to be removed from dir; *out is NULL when it fails. */
static int find_victim(struct dentry *dir, const struct name *name, struct dentry **out)
{
	int err = dentry_lookup_locked(dir, name->s, name->len, out);

	if (err)
		return err;
	err = may_change(dir);
	if (!err && (!is_changeable(dir->inode) || sticky_denies(dir->inode, (*out)->inode)))
		err = -EPERM;
	if (err) {
		dentry_put(*out);
		*out = NULL;
	}
	return err;
}

/* --- Creating --- */

/* 0 when there is no such name yet. A path that ends in "." or ".." names nothing new, one that ends
 * with a slash only a directory. In a dynamic directory what is not there cannot be made. */
static int check_absent(struct dentry *dir, const struct name *name, u32 mode)
{
	struct dentry *d;
	int err;

	if (name->type != NAME_NORMAL)
		return -EEXIST;
	err = dentry_lookup_locked(dir, name->s, name->len, &d);
	if (!err) {
		dentry_put(d);
		return -EEXIST;
	}
	if (name->slash && !S_ISDIR(mode))
		return -ENOENT;
	return err == -ENOENT && !dir->inode->ops->lookup ? 0 : err;
}

/* The caller may make entries in dir. */
static int check_addable(struct dentry *dir)
{
	int err = may_change(dir);

	if (err)
		return err;
	return is_changeable(dir->inode) ? 0 : -EPERM;
}

/* A set-gid directory hands its group, and directories the bit too, down to what is made in it. */
static void set_owner(struct inode *inode, const struct inode *dir)
{
	inode_set_owner(inode);
	if (!(dir->mode & S_ISGID))
		return;
	inode->gid = dir->gid;
	if (S_ISDIR(inode->mode))
		inode->mode |= S_ISGID;
}

static int create_locked(struct path at, const struct name *name, u32 mode, u32 rdev,
	const char *target, struct dentry **out)
{
	struct dentry *dir = at.dentry;
	struct inode *inode;
	int err = check_absent(dir, name, mode);

	if (!err)
		err = mount_may_write(at.mnt);
	if (!err)
		err = check_addable(dir);
	if (err)
		return err;
	if (((S_ISCHR(mode) && rdev) || S_ISBLK(mode)) && !cred_capable(CAP_MKNOD))
		return -EPERM;
	err = dir->inode->ops->create(dir->inode, mode, rdev, target, &inode);
	if (err)
		return err;
	set_owner(inode, dir->inode);
	err = dentry_link(dir, name->s, name->len, inode, out);
	if (err)
		return err;
	if (S_ISDIR(mode))
		dir->inode->nlink++;
	inode_modified(dir->inode);
	notify_name(dir->inode, IN_CREATE, mode, name);
	return 0;
}

int vfs_create(struct path dir, const struct name *name, u32 mode, u32 rdev, const char *target,
	struct dentry **out)
{
	int err;

	mutex_lock(&namespace_lock);
	err = create_locked(dir, name, mode, rdev, target, out);
	mutex_unlock(&namespace_lock);
	return err;
}

/* Nobody may keep somebody else's file by a name of his own, unless he could copy it and back:
 * Debian's kernels have fs.protected_hardlinks set. */
static bool may_link(struct inode *inode)
{
	u32 set_id = inode->mode & (S_ISGID | S_IXGRP);

	if (inode_owned(inode))
		return true;
	if (!S_ISREG(inode->mode) || (inode->mode & S_ISUID) || set_id == (S_ISGID | S_IXGRP))
		return false;
	return inode_permission(inode, MAY_READ | MAY_WRITE) == 0;
}

/* The first name of a file is counted with its inode. */
static bool is_link_counted(const struct inode *inode)
{
	return inode->nlink > 0 && inode->super->type->counts_links;
}

static int charge_link(struct inode *inode)
{
	return is_link_counted(inode) ? super_charge_inode(inode->super) : 0;
}

/* After a name is gone, or could not be made. */
static void uncharge_link(struct inode *inode)
{
	if (is_link_counted(inode))
		super_uncharge_inode(inode->super);
}

static int link_locked(struct path old, struct path at, const struct name *name)
{
	struct inode *inode = old.dentry->inode;
	struct dentry *dir = at.dentry;
	int err = check_absent(dir, name, S_IFREG);

	if (!err)
		err = mount_may_write(at.mnt);
	if (err)
		return err;
	if (old.mnt != at.mnt)
		return -EXDEV;
	if (!may_link(inode) || dir->inode->ops->names_fixed)
		return -EPERM;
	err = check_addable(dir);
	if (err)
		return err;
	if (S_ISDIR(inode->mode))
		return -EPERM;
	if (inode->nlink == 0 && !inode->linkable)
		return -ENOENT;
	err = charge_link(inode);
	if (err)
		return err;
	err = dentry_link(dir, name->s, name->len, inode_get(inode), NULL);
	if (err) {
		uncharge_link(inode);
		return err;
	}
	inode->linkable = false;
	if (inode->nlink)
		inode->nlink++;
	else
		inode_set_named(inode);
	inode->ctime = inode_now();
	inode_modified(dir->inode);
	notify_inode(inode, IN_ATTRIB);
	notify_name(dir->inode, IN_CREATE, inode->mode, name);
	return 0;
}

int vfs_link(struct path old, struct path dir, const struct name *name)
{
	int err;

	mutex_lock(&namespace_lock);
	err = link_locked(old, dir, name);
	mutex_unlock(&namespace_lock);
	return err;
}

/* --- Removing --- */

/* Takes d, which is unlinked or replaced, out of its directory. Cannot fail. */
static void remove_entry(struct dentry *d)
{
	struct inode *inode = d->inode, *dir = d->parent->inode;

	if (S_ISDIR(inode->mode)) {
		inode_set_nameless(inode);
		dir->nlink--;
	} else if (inode->nlink == 1) {
		inode_set_nameless(inode);
	} else {
		inode->nlink--;
		uncharge_link(inode);
	}
	inode->ctime = inode_now();
	inode_modified(dir);
	dentry_unlink(d);
}

/* Whether d may be removed as what the caller takes it for. */
static int check_removable(struct dentry *d, bool as_dir)
{
	if (as_dir && !S_ISDIR(d->inode->mode))
		return -ENOTDIR;
	if (!as_dir && S_ISDIR(d->inode->mode))
		return -EISDIR;
	if (d->mounted)
		return -EBUSY;
	return as_dir && !dentry_empty(d) ? -ENOTEMPTY : 0;
}

static int remove_named(struct path at, const struct name *name, bool as_dir)
{
	struct dentry *d, *dir = at.dentry;
	int err = mount_may_write(at.mnt);

	if (err)
		return err;
	mutex_lock(&namespace_lock);
	err = find_victim(dir, name, &d);
	if (!err) {
		err = check_removable(d, as_dir);
		if (!err && !as_dir && name->slash)
			err = -ENOTDIR;
		if (!err) {
			remove_entry(d);
			if (!as_dir)
				notify_inode(d->inode, IN_ATTRIB);
		}
		dentry_put(d);
		if (!err)
			notify_name(dir->inode, IN_DELETE, as_dir ? S_IFDIR : S_IFREG, name);
	}
	mutex_unlock(&namespace_lock);
	return err;
}

int vfs_unlink(struct path dir, const struct name *name)
{
	return remove_named(dir, name, false);
}

int vfs_rmdir(struct path dir, const struct name *name)
{
	return remove_named(dir, name, true);
}

/* --- Renaming --- */

/* letters say who sets what: c: the caller, f: find_both */
struct rename {
	struct dentry *olddir, *newdir;	      /* c */
	const struct name *oldname, *newname; /* c */
	u32 flags;			      /* c */
	struct dentry *old;		      /* f */
	struct dentry *new;		      /* f: what is there now, or NULL */
	char *storage;			      /* f: memory for a long new name */
};

static int find_both(struct rename *r)
{
	int err = find_victim(r->olddir, r->oldname, &r->old);

	if (err)
		return err;
	err = dentry_lookup_locked(r->newdir, r->newname->s, r->newname->len, &r->new);
	if (err && err != -ENOENT)
		return err;
	err = may_change(r->newdir);
	if (err)
		return err;
	if (!is_changeable(r->newdir->inode) || r->newdir->inode->ops->names_fixed)
		return -EPERM;
	if (r->new &&sticky_denies(r->newdir->inode, r->new->inode))
		return -EPERM;
	if (!(r->flags & RENAME_EXCHANGE) && r->newname->len >= DENTRY_INLINE_NAME) {
		r->storage = kmalloc(r->newname->len + 1);
		if (!r->storage)
			return -ENOMEM;
	}
	return 0;
}

/* A directory that moves to another parent must be writable: its ".." changes. Nothing moves into
 * itself. */
static int check_move(struct dentry *d, struct dentry *to)
{
	if (d->mounted)
		return -EBUSY;
	if (!S_ISDIR(d->inode->mode))
		return 0;
	if (dentry_is_ancestor(d, to))
		return -EINVAL;
	return d->parent != to ? inode_permission(d->inode, MAY_WRITE) : 0;
}

static int check_replace(struct rename *r)
{
	bool dir = S_ISDIR(r->old->inode->mode);

	if (!dir && (r->oldname->slash || r->newname->slash))
		return -ENOTDIR;
	if (!r->new)
		return 0;
	if (r->flags & RENAME_NOREPLACE)
		return -EEXIST;
	if (dentry_is_ancestor(r->new, r->olddir))
		return -ENOTEMPTY;
	return check_removable(r->new, dir);
}

static void count_move(struct dentry *d, struct dentry *to)
{
	if (S_ISDIR(d->inode->mode)) {
		d->parent->inode->nlink--;
		to->inode->nlink++;
	}
	d->inode->ctime = inode_now();
}

static void do_rename(struct rename *r)
{
	count_move(r->old, r->newdir);
	if (r->flags & RENAME_EXCHANGE) {
		count_move(r->new, r->olddir);
		dentry_exchange(r->old, r->new);
	} else {
		if (r->new)
			remove_entry(r->new);
		dentry_move(r->old, r->newdir, r->newname->s, r->newname->len, r->storage);
		r->storage = NULL;
	}
	inode_modified(r->olddir->inode);
	inode_modified(r->newdir->inode);
	notify_moved(
		r->old, r->olddir->inode, r->oldname, r->flags & RENAME_EXCHANGE ? NULL : r->new);
	if (r->flags & RENAME_EXCHANGE)
		notify_moved(r->new, r->newdir->inode, r->newname, NULL);
}

/* In the place of what will move away: a device 0/0, by which an overlay knows that the name is gone. */
static int leave_whiteout(const struct rename *r)
{
	struct inode *dir = r->olddir->inode, *inode;
	int err = dir->ops->whiteouts ? dir->ops->create(dir, S_IFCHR, 0, NULL, &inode) : -EINVAL;

	if (err)
		return err;
	set_owner(inode, dir);
	return dentry_link(r->olddir, r->oldname->s, r->oldname->len, inode, NULL);
}

static int rename_locked(struct rename *r)
{
	int err = find_both(r);

	if (err)
		return err;
	if (r->new && r->new->inode == r->old->inode && !(r->flags & RENAME_NOREPLACE))
		return 0;
	if ((r->flags & RENAME_EXCHANGE) && !r->new)
		return -ENOENT;
	err = check_move(r->old, r->newdir);
	if (!err)
		err = r->flags & RENAME_EXCHANGE ? check_move(r->new, r->olddir) : check_replace(r);
	if (!err && (r->flags & RENAME_WHITEOUT))
		err = leave_whiteout(r);
	if (!err)
		do_rename(r);
	return err;
}

int vfs_rename(struct path olddir, const struct name *oldname, struct path newdir,
	const struct name *newname, u32 flags)
{
	struct rename r = {
		.olddir = olddir.dentry,
		.newdir = newdir.dentry,
		.oldname = oldname,
		.newname = newname,
		.flags = flags,
	};
	int err;

	if (olddir.mnt != newdir.mnt)
		return -EXDEV;
	err = mount_may_write(newdir.mnt);
	if (err)
		return err;
	mutex_lock(&namespace_lock);
	err = rename_locked(&r);
	mutex_unlock(&namespace_lock);
	kfree(r.storage);
	dentry_put(r.old);
	dentry_put(r.new);
	return err;
}
