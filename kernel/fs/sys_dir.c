/* System calls on names: mkdir, rmdir, unlink, link, symlink, readlink, rename, mknod, getdents,
 * and the process's place among them: getcwd, chdir, fchdir, chroot. */
#include "kernel/abi/dirent.h"
#include "kernel/abi/prctl.h"
#include "kernel/fs/notify.h"
#include "kernel/fs/path.h"
#include "kernel/lib/string.h"
#include "kernel/proc/task.h"
#include "kernel/syscalls.h"
#include "kernel/x86/uaccess.h"
#include "mm/kmalloc.h"

/* --- Creating --- */

/* What `make` needs beside the place: the type decides which fields count. */
struct new_node {
	u32 mode, rdev;
	const char *target;
};

static long make_node(s32 dirfd, uptr_t path, const struct new_node *n)
{
	struct walk w;
	char *buf;
	int err = user_path_parent(&w, dirfd, path, &buf);

	if (err)
		return err;
	err = vfs_create(w.at, &w.name, n->mode, n->rdev, n->target, NULL);
	user_path_end(&w, buf);
	return err;
}

long sys_mkdirat(s32 dirfd, uptr_t path, u32 mode)
{
	struct new_node n = {.mode = S_IFDIR | (mode & 01777 & ~current_umask())};

	return make_node(dirfd, path, &n);
}

long sys_mkdir(uptr_t path, u32 mode)
{
	return sys_mkdirat(AT_FDCWD, path, mode);
}

long sys_mknodat(s32 dirfd, uptr_t path, u32 mode, u32 dev)
{
	struct new_node n = {.rdev = abi_decode_dev(dev)};
	u32 type = mode & S_IFMT ? mode & S_IFMT : S_IFREG;

	n.mode = type | (mode & 07777 & ~current_umask());
	switch (type) {
	case S_IFCHR:
	case S_IFBLK:
		break;
	case S_IFREG:
	case S_IFIFO:
	case S_IFSOCK:
		n.rdev = 0;
		break;
	case S_IFDIR:
		return -EPERM;
	default:
		return -EINVAL;
	}
	return make_node(dirfd, path, &n);
}

long sys_mknod(uptr_t path, u32 mode, u32 dev)
{
	return sys_mknodat(AT_FDCWD, path, mode, dev);
}

long sys_symlinkat(uptr_t target, s32 dirfd, uptr_t path)
{
	struct new_node n = {.mode = S_IFLNK | 0777};
	char *text = user_path_get(target);
	long err;

	if (is_err(text))
		return ptr_err(text);
	n.target = text;
	err = text[0] ? make_node(dirfd, path, &n) : -ENOENT;
	user_path_free(text);
	return err;
}

long sys_symlink(uptr_t target, uptr_t path)
{
	return sys_symlinkat(target, AT_FDCWD, path);
}

long sys_linkat(s32 olddirfd, uptr_t oldpath, s32 newdirfd, uptr_t newpath, u32 flags)
{
	u32 how = (flags & AT_SYMLINK_FOLLOW ? LOOKUP_FOLLOW : 0) |
		  (flags & AT_EMPTY_PATH ? LOOKUP_EMPTY : 0);
	struct path old;
	struct walk w;
	char *buf;
	int err;

	if (flags & ~(AT_SYMLINK_FOLLOW | AT_EMPTY_PATH))
		return -EINVAL;
	err = user_path_lookup(olddirfd, oldpath, how, &old);
	if (err)
		return err;
	err = user_path_parent(&w, newdirfd, newpath, &buf);
	if (!err) {
		err = vfs_link(old, w.at, &w.name);
		user_path_end(&w, buf);
	}
	path_put(old);
	return err;
}

long sys_link(uptr_t oldpath, uptr_t newpath)
{
	return sys_linkat(AT_FDCWD, oldpath, AT_FDCWD, newpath, 0);
}

/* --- Removing --- */

static int rmdir_error(enum name_type type)
{
	switch (type) {
	case NAME_DOT:
		return -EINVAL;
	case NAME_DOTDOT:
		return -ENOTEMPTY;
	case NAME_NONE:
		return -EBUSY;
	default:
		return 0;
	}
}

long sys_unlinkat(s32 dirfd, uptr_t path, u32 flags)
{
	struct walk w;
	char *buf;
	int err;

	if (flags & ~AT_REMOVEDIR)
		return -EINVAL;
	err = user_path_parent(&w, dirfd, path, &buf);
	if (err)
		return err;
	if (flags & AT_REMOVEDIR) {
		err = rmdir_error(w.name.type);
		if (!err)
			err = vfs_rmdir(w.at, &w.name);
	} else {
		err = w.name.type == NAME_NORMAL ? vfs_unlink(w.at, &w.name) : -EISDIR;
	}
	user_path_end(&w, buf);
	return err;
}

long sys_unlink(uptr_t path)
{
	return sys_unlinkat(AT_FDCWD, path, 0);
}

long sys_rmdir(uptr_t path)
{
	return sys_unlinkat(AT_FDCWD, path, AT_REMOVEDIR);
}

/* --- Renaming --- */

static long rename_walks(struct walk *from, struct walk *to, u32 flags)
{
	if (from->name.type != NAME_NORMAL)
		return -EBUSY;
	if (to->name.type != NAME_NORMAL)
		return flags & RENAME_NOREPLACE ? -EEXIST : -EBUSY;
	return vfs_rename(from->at, &from->name, to->at, &to->name, flags);
}

long sys_renameat2(s32 olddirfd, uptr_t oldpath, s32 newdirfd, uptr_t newpath, u32 flags)
{
	struct walk from, to;
	char *from_buf, *to_buf;
	long err;

	if (flags & ~(RENAME_NOREPLACE | RENAME_EXCHANGE | RENAME_WHITEOUT))
		return -EINVAL;
	if ((flags & RENAME_EXCHANGE) && flags != RENAME_EXCHANGE)
		return -EINVAL;
	err = user_path_parent(&from, olddirfd, oldpath, &from_buf);
	if (err)
		return err;
	err = user_path_parent(&to, newdirfd, newpath, &to_buf);
	if (!err) {
		err = rename_walks(&from, &to, flags);
		user_path_end(&to, to_buf);
	}
	user_path_end(&from, from_buf);
	return err;
}

long sys_renameat(s32 olddirfd, uptr_t oldpath, s32 newdirfd, uptr_t newpath)
{
	return sys_renameat2(olddirfd, oldpath, newdirfd, newpath, 0);
}

long sys_rename(uptr_t oldpath, uptr_t newpath)
{
	return sys_renameat2(AT_FDCWD, oldpath, AT_FDCWD, newpath, 0);
}

/* --- Reading links and directories --- */

static long read_link(struct path p, uptr_t user, u32 size)
{
	struct inode *inode = p.dentry->inode;
	char *text = kmalloc(ABI_PATH_MAX);
	int n;

	if (!text)
		return -ENOMEM;
	n = inode->ops->readlink(inode, text, ABI_PATH_MAX);
	if (n >= 0) {
		n = (int)MIN((u32)n, size);
		if (copy_to_user(user, text, (u32)n))
			n = -EFAULT;
		inode_accessed(inode, p.mnt);
	}
	kfree(text);
	return n;
}

long sys_readlinkat(s32 dirfd, uptr_t path, uptr_t buf, u32 size)
{
	struct path p;
	struct inode *inode;
	char first;
	long ret;

	if ((s32)size <= 0)
		return -EINVAL;
	ret = user_path_lookup(dirfd, path, LOOKUP_EMPTY, &p);
	if (ret)
		return ret;
	inode = p.dentry->inode;
	if (S_ISLNK(inode->mode) && inode->ops->readlink)
		ret = read_link(p, buf, size);
	else
		ret = copy_from_user(&first, path, 1) || first ? -EINVAL : -ENOENT;
	path_put(p);
	return ret;
}

long sys_readlink(uptr_t path, uptr_t buf, u32 size)
{
	return sys_readlinkat(AT_FDCWD, path, buf, size);
}

/* Entries are put into a page, which is copied out when it is full: no directory lock is held
 * over user memory. */
struct getdents {
	struct dir_context ctx;
	char *page;
	u32 used, limit; /* bytes; limit: what still fits into the user's buffer, a page at most */
	bool is64;
	bool full;
};

static void put_old(char *at, u32 ino, u64 next, u32 size, u32 type)
{
	struct abi_dirent d = {.d_ino = ino, .d_off = (u32)next, .d_reclen = (u16)size};

	memcpy(at, &d, sizeof(d));
	at[size - 1] = (char)type;
}

static void put_new(char *at, u32 ino, u64 next, u32 size, u32 type)
{
	struct abi_dirent64 d = {
		.d_ino = ino, .d_off = (s64)next, .d_reclen = (u16)size, .d_type = (u8)type};

	memcpy(at, &d, sizeof(d));
}

static bool getdents_emit(
	struct dir_context *c, const char *name, u32 len, u32 ino, u32 type, u64 next)
{
	struct getdents *g = container_of(c, struct getdents, ctx);
	u32 name_at = g->is64 ? ABI_DIRENT64_NAME : ABI_DIRENT_NAME;
	/* The old record has the type behind the name's NUL. */
	u32 size = g->is64 ? ALIGN_UP(name_at + len + 1, 8) : ALIGN_UP(name_at + len + 2, 4);
	char *at = g->page + g->used;

	if (g->used + size > g->limit) {
		g->full = true;
		return false;
	}
	memset(at, 0, size);
	if (g->is64)
		put_new(at, ino, next, size, type);
	else
		put_old(at, ino, next, size, type);
	memcpy(at + name_at, name, len);
	g->used += size;
	return true;
}

/* Fills and copies out pages until the directory or the user's buffer ends. */
static long list_directory(struct file *f, struct getdents *g, uptr_t user, u32 size)
{
	u32 done = 0;
	long err;

	do {
		g->used = 0;
		g->full = false;
		g->limit = MIN(size - done, PAGE_SIZE);
		g->ctx.pos = f->pos;
		err = f->ops->readdir(f, &g->ctx);
		if (!err && copy_to_user(uptr_add(user, done), g->page, g->used))
			err = -EFAULT;
		if (err)
			break;
		f->pos = g->ctx.pos;
		done += g->used;
	} while (g->full && g->used);
	if (!done && !err && g->full)
		err = -EINVAL;
	return done ? (long)done : err;
}

static long getdents(u32 fd, uptr_t user, u32 size, bool is64)
{
	struct getdents g = {.ctx.emit = getdents_emit, .is64 = is64};
	struct file *f = fget(fd);
	long ret = -ENOTDIR;

	if (!f)
		return -EBADF;
	if (!f->ops->readdir)
		goto out;
	if (f->dentry->flags & D_DELETED) {
		ret = -ENOENT;
		goto out;
	}
	ret = -ENOMEM;
	g.page = kmalloc(PAGE_SIZE);
	if (!g.page)
		goto out;
	mutex_lock(&f->pos_lock);
	ret = list_directory(f, &g, user, size);
	mutex_unlock(&f->pos_lock);
	file_accessed(f);
	notify_file(f, IN_ACCESS);
	kfree(g.page);
out:
	file_put(f);
	return ret;
}

long sys_getdents(u32 fd, uptr_t buf, u32 size)
{
	return getdents(fd, buf, size, false);
}

long sys_getdents64(u32 fd, uptr_t buf, u32 size)
{
	return getdents(fd, buf, size, true);
}

/* --- Where the process is --- */

#define OUTSIDE	    "(unreachable)" /* before a path that does not begin at the process's root */
#define OUTSIDE_LEN (sizeof(OUTSIDE) - 1)

long sys_getcwd(uptr_t user, u32 size)
{
	struct path cwd = current_cwd(), root = current_root();
	char *buf = kmalloc(OUTSIDE_LEN + ABI_PATH_MAX), *path;
	long ret = -ENOMEM;
	struct path_fit fit;
	u32 n;

	if (buf) {
		path = path_text(cwd, root, buf + OUTSIDE_LEN, ABI_PATH_MAX, &fit);
		if (!fit.below)
			path = memcpy(path - OUTSIDE_LEN, OUTSIDE, OUTSIDE_LEN);
		n = strlen(path) + 1;
		if (cwd.dentry->flags & D_DELETED)
			ret = -ENOENT;
		else if (!fit.whole || n > ABI_PATH_MAX)
			ret = -ENAMETOOLONG;
		else if (n > size)
			ret = -ERANGE;
		else
			ret = copy_to_user(user, path, n) ? -EFAULT : (long)n;
	}
	kfree(buf);
	path_put(root);
	path_put(cwd);
	return ret;
}

/* Makes p, whose references it takes over, the working directory. */
static long set_cwd(struct path p)
{
	int err = inode_permission(p.dentry->inode, MAY_EXEC);

	if (err)
		path_put(p);
	else
		fs_set_cwd(current_task()->fs, p);
	return err;
}

long sys_chdir(uptr_t path)
{
	struct path p;
	int err = user_path_lookup(AT_FDCWD, path, LOOKUP_FOLLOW | LOOKUP_DIRECTORY, &p);

	return err ? err : set_cwd(p);
}

long sys_fchdir(u32 fd)
{
	struct file *f = fget_raw(fd);
	long err = -ENOTDIR;

	if (!f)
		return -EBADF;
	if (S_ISDIR(f->dentry->inode->mode))
		err = set_cwd(path_get(file_at(f)));
	file_put(f);
	return err;
}

long sys_chroot(uptr_t path)
{
	struct path p;
	int err = user_path_lookup(AT_FDCWD, path, LOOKUP_FOLLOW | LOOKUP_DIRECTORY, &p);

	if (err)
		return err;
	err = inode_permission(p.dentry->inode, MAY_EXEC);
	if (!err && !cred_capable(CAP_SYS_CHROOT))
		err = -EPERM;
	if (err)
		path_put(p);
	else
		fs_set_root(current_task()->fs, p);
	return err;
}
