/* Making files by path on the kernel's own account. */
#include "kernel/fs/kpath.h"
#include "kernel/fs/path.h"
#include "mm/kmalloc.h"

/* Makes a directory; one that is there is fine. */
static int make_dir(const char *path)
{
	struct walk w;
	int err = walk_begin(&w, AT_FDCWD, path, 0);

	if (err)
		return err;
	err = walk_to_parent(&w);
	if (!err && w.name.type == NAME_NORMAL)
		err = vfs_create(w.at, &w.name, S_IFDIR | 0755, 0, NULL, NULL);
	walk_end(&w);
	return err == -EEXIST ? 0 : err;
}

/* Makes every directory on the way to the last component. */
static int make_parents(const char *path)
{
	char *copy = kstrdup(path);
	const char *rest = path;
	struct name name;
	int err = 0;

	if (!copy)
		return -ENOMEM;
	while (!err && pathname_next(&rest, &name) && !name.last) {
		copy[rest - path] = '\0';
		err = make_dir(copy);
		copy[rest - path] = '/';
	}
	kfree(copy);
	return err;
}

/* A walk that stands before the last component, whose directory exists or has been made. */
static int walk_making_parents(struct walk *w, const char *path)
{
	int err;

	for (bool again = true;; again = false) {
		err = walk_begin(w, AT_FDCWD, path, 0);
		if (err)
			return err;
		err = walk_to_parent(w);
		if (!err)
			return 0;
		walk_end(w);
		if (err != -ENOENT || !again)
			return err;
		err = make_parents(path);
		if (err)
			return err;
	}
}

int kpath_create(const char *path, u32 mode, u32 rdev, const char *target, struct dentry **out)
{
	struct walk w;
	int err = walk_making_parents(&w, path);

	if (err)
		return err;
	err = w.name.type == NAME_NORMAL ? vfs_create(w.at, &w.name, mode, rdev, target, out)
					 : -EEXIST;
	walk_end(&w);
	return err;
}

int kpath_remove(const char *path)
{
	struct walk w;
	int err = walk_begin(&w, AT_FDCWD, path, 0);

	if (err)
		return err;
	err = walk_to_parent(&w);
	if (!err && w.name.type != NAME_NORMAL)
		err = -EINVAL;
	if (!err)
		err = vfs_unlink(w.at, &w.name);
	if (err == -EISDIR)
		err = vfs_rmdir(w.at, &w.name);
	walk_end(&w);
	return err;
}

int kpath_link(struct path old, const char *path)
{
	struct walk w;
	int err = walk_making_parents(&w, path);

	if (err)
		return err;
	err = w.name.type == NAME_NORMAL ? vfs_link(old, w.at, &w.name) : -EEXIST;
	walk_end(&w);
	return err;
}
