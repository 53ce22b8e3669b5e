/* From paths to dentries. */
#include "kernel/fs/path.h"
#include "kernel/lib/kassert.h"
#include "kernel/lib/string.h"
#include "kernel/proc/task.h"
#include "kernel/x86/uaccess.h"
#include "mm/kmalloc.h"
#include "mm/slab.h"

#define MAX_LINKS 40u

static struct slab_cache *path_cache __ro_after_init;

/* --- A walk --- */

static int start_at(struct walk *w, s32 dirfd, const char *path)
{
	struct file *f;

	if (path[0] == '/' && !(w->flags & LOOKUP_IN_ROOT)) {
		if (w->flags & LOOKUP_BENEATH)
			return -EXDEV;
		w->at = path_get(w->root);
		return 0;
	}
	if (dirfd == AT_FDCWD) {
		w->at = current_cwd();
		return 0;
	}
	f = fget_raw((u32)dirfd);
	if (!f)
		return -EBADF;
	w->at = path_get(file_at(f));
	file_put(f);
	if (path[0] && !S_ISDIR(w->at.dentry->inode->mode)) {
		path_put(w->at);
		return -ENOTDIR;
	}
	return 0;
}

int walk_begin(struct walk *w, s32 dirfd, const char *path, u32 flags)
{
	const struct credentials *cred = current_cred();
	bool real = flags & LOOKUP_REAL_IDS;
	int err;

	if (path[0] == '\0' && !(flags & LOOKUP_EMPTY))
		return -ENOENT;
	*w = (struct walk){
		.rest = path,
		.flags = flags,
		.uid = real ? cred->uid : cred->fsuid,
		.gid = real ? cred->gid : cred->fsgid,
	};
	w->root = current_root();
	err = start_at(w, dirfd, path);
	if (err || flags & LOOKUP_SCOPED)
		path_put(w->root);
	if (!err && flags & LOOKUP_SCOPED)
		w->root = path_get(w->at);
	return err;
}

void walk_end(struct walk *w)
{
	path_put(w->at);
	path_put(w->root);
	kfree(w->owned);
}

/* Takes over the references to p. */
static int move_to(struct walk *w, struct path p)
{
	struct path old = w->at;

	if ((w->flags & LOOKUP_NO_XDEV) && p.mnt != old.mnt) {
		path_put(p);
		return -EXDEV;
	}
	w->at = p;
	path_put(old);
	return 0;
}

static int may_search(struct walk *w)
{
	struct inode *dir = w->at.dentry->inode;

	if (!S_ISDIR(dir->mode))
		return -ENOTDIR;
	return inode_permission_as(dir, MAY_EXEC, w->uid, w->gid);
}

int walk_to_parent(struct walk *w)
{
	bool linked;
	int err;

	while (pathname_next(&w->rest, &w->name)) {
		err = may_search(w);
		if (err)
			return err;
		if (w->name.len > ABI_NAME_MAX)
			return -ENAMETOOLONG;
		if (w->name.last)
			return 0;
		err = walk_step(w, true, &linked);
		if (err)
			return err;
	}
	return 0;
}

/* The rest of the path becomes `text` (n bytes) and the old rest behind it. */
static int push_link(struct walk *w, const char *text, u32 n)
{
	char *joined;

	if (n == 0)
		return -ENOENT;
	joined = kmalloc(n + strlen(w->rest) + 1);
	if (!joined)
		return -ENOMEM;
	pathname_join(joined, text, n, w->rest);
	kfree(w->owned);
	w->owned = joined;
	w->rest = joined;
	if (joined[0] != '/')
		return 0;
	return w->flags & LOOKUP_BENEATH ? -EXDEV : move_to(w, path_get(w->root));
}

static int follow_text(struct walk *w, struct inode *link)
{
	char *text;
	int n;

	if (!link->ops->readlink)
		return -EINVAL;
	text = slab_alloc(path_cache);
	if (!text)
		return -ENOMEM;
	n = link->ops->readlink(link, text, ABI_PATH_MAX);
	if (n >= 0)
		n = push_link(w, text, (u32)n);
	slab_free(path_cache, text);
	return n;
}

/* At the end of a path, a link in a sticky directory that all can write to is followed only by its
 * owner or when it is the directory's owner's: Debian's kernels have fs.protected_symlinks set. */
static bool may_follow(const struct walk *w, const struct inode *link)
{
	const struct inode *dir = w->at.dentry->inode;
	u32 both = S_ISVTX | 0002;

	return !w->name.last || (dir->mode & both) != both || link->uid == w->uid ||
	       link->uid == dir->uid;
}

/* A link of /proc leads anywhere, so out of every tree. */
static int follow_magic(struct walk *w, struct inode *link)
{
	struct path to;
	int err = w->flags & LOOKUP_NO_MAGICLINKS ? -ELOOP : link->ops->follow(link, &to);

	if (!err && (w->flags & LOOKUP_SCOPED)) {
		path_put(to);
		err = -EXDEV;
	}
	return err ? err : move_to(w, to);
}

/* Follows the symlink at p, whose references it takes over. */
static int follow_link(struct walk *w, struct path p, bool *linked)
{
	struct inode *link = p.dentry->inode;
	int err;

	if (++w->links > MAX_LINKS) {
		err = -ELOOP;
	} else if (!may_follow(w, link)) {
		err = -EACCES;
	} else if (w->flags & LOOKUP_NO_SYMLINKS) {
		err = -ELOOP;
	} else if (link->ops->follow) {
		err = follow_magic(w, link);
	} else {
		err = follow_text(w, link);
		*linked = !err;
	}
	inode_accessed(link, p.mnt);
	path_put(p);
	return err;
}

static int step_up(struct walk *w)
{
	struct path up;
	int err;

	if ((w->flags & LOOKUP_BENEATH) && path_equal(w->at, w->root))
		return -EXDEV;
	err = path_parent(w->at, w->root, &up);
	return err ? err : move_to(w, up);
}

int walk_step(struct walk *w, bool follow, bool *linked)
{
	struct path p = {.mnt = w->at.mnt};
	int err;

	*linked = false;
	if (w->name.type == NAME_DOT)
		return 0;
	if (w->name.type == NAME_DOTDOT)
		return step_up(w);
	err = dentry_lookup(w->at.dentry, w->name.s, w->name.len, &p.dentry);
	if (err)
		return err;
	mount_get(p.mnt);
	path_cross_mounts(&p);
	if (follow && S_ISLNK(p.dentry->inode->mode))
		return follow_link(w, p, linked);
	return move_to(w, p);
}

/* --- Whole paths --- */

static int walk_to_end(struct walk *w, u32 flags)
{
	bool must_be_dir = flags & LOOKUP_DIRECTORY, linked = true;
	int err;

	while (linked) {
		err = walk_to_parent(w);
		if (err)
			return err;
		if (w->name.type == NAME_NONE)
			break;
		if (w->name.slash)
			must_be_dir = true;
		err = walk_step(w, (flags & LOOKUP_FOLLOW) || w->name.slash, &linked);
		if (err)
			return err;
	}
	return must_be_dir && !S_ISDIR(w->at.dentry->inode->mode) ? -ENOTDIR : 0;
}

int path_lookup(s32 dirfd, const char *path, u32 flags, struct path *out)
{
	struct walk w;
	int err = walk_begin(&w, dirfd, path, flags);

	if (err)
		return err;
	err = walk_to_end(&w, flags);
	if (!err) {
		*out = w.at;
		w.at = (struct path){0};
	}
	walk_end(&w);
	return err;
}

char *user_path_get(uptr_t path)
{
	char *buf = slab_alloc(path_cache);
	long n;

	if (!buf)
		return err_ptr(-ENOMEM);
	n = strncpy_from_user(buf, path, ABI_PATH_MAX);
	if (n < 0) {
		slab_free(path_cache, buf);
		return err_ptr(n);
	}
	return buf;
}

char *user_path_get_empty(void)
{
	char *buf = slab_alloc(path_cache);

	if (buf)
		buf[0] = '\0';
	return buf;
}

void user_path_free(char *path)
{
	slab_free(path_cache, path);
}

int user_path_lookup(s32 dirfd, uptr_t path, u32 flags, struct path *out)
{
	char *buf = user_path_get(path);
	int err;

	if (is_err(buf))
		return ptr_err(buf);
	err = path_lookup(dirfd, buf, flags, out);
	user_path_free(buf);
	return err;
}

int user_path_parent(struct walk *w, s32 dirfd, uptr_t path, char **buf)
{
	int err;

	*buf = user_path_get(path);
	if (is_err(*buf))
		return ptr_err(*buf);
	err = walk_begin(w, dirfd, *buf, 0);
	if (err) {
		user_path_free(*buf);
		return err;
	}
	err = walk_to_parent(w);
	if (err)
		user_path_end(w, *buf);
	return err;
}

void user_path_end(struct walk *w, char *buf)
{
	walk_end(w);
	user_path_free(buf);
}

void __init path_init(void)
{
	path_cache = slab_create("names_cache", ABI_PATH_MAX, 0, 0, NULL);
	if (!path_cache)
		panic("no memory for the path cache");
}
