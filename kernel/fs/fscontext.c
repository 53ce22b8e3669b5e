/* Working directory, root and umask: what threads share of the name space. */
#include "kernel/fs/vfs.h"
#include "kernel/lib/kassert.h"
#include "kernel/proc/task.h"
#include "mm/slab.h"

static struct slab_cache *fs_cache __ro_after_init;

/* Takes over the references of both. */
static struct fs_context *context_create(struct path root, struct path cwd, u32 umask)
{
	struct fs_context *c = slab_zalloc(fs_cache);

	if (!c) {
		path_put(root);
		path_put(cwd);
		return NULL;
	}
	c->refcount = 1;
	spin_init(&c->lock, "fs context");
	c->root = root;
	c->cwd = cwd;
	c->umask = umask;
	return c;
}

struct fs_context *fs_create(void)
{
	return context_create(path_get(vfs_root()), path_get(vfs_root()), 022);
}

struct fs_context *fs_copy(struct fs_context *from)
{
	struct path root, cwd;
	u32 umask;

	spin_lock(&from->lock);
	root = path_get(from->root);
	cwd = path_get(from->cwd);
	umask = from->umask;
	spin_unlock(&from->lock);
	return context_create(root, cwd, umask);
}

struct fs_context *fs_get(struct fs_context *f)
{
	__atomic_add_fetch(&f->refcount, 1, __ATOMIC_RELAXED);
	return f;
}

u32 fs_holders(const struct fs_context *f)
{
	return READ_ONCE(f->refcount);
}

void fs_put(struct fs_context *f)
{
	if (!f || __atomic_sub_fetch(&f->refcount, 1, __ATOMIC_ACQ_REL) > 0)
		return;
	path_put(f->cwd);
	path_put(f->root);
	slab_free(fs_cache, f);
}

static struct fs_context *current_fs(void)
{
	struct task *t = this_cpu()->task;

	return t ? t->fs : NULL;
}

struct path current_root(void)
{
	struct fs_context *c = current_fs();
	struct path p;

	if (!c)
		return path_get(vfs_root());
	spin_lock(&c->lock);
	p = path_get(c->root);
	spin_unlock(&c->lock);
	return p;
}

struct path current_cwd(void)
{
	struct fs_context *c = current_fs();
	struct path p;

	if (!c)
		return path_get(vfs_root());
	spin_lock(&c->lock);
	p = path_get(c->cwd);
	spin_unlock(&c->lock);
	return p;
}

u32 current_umask(void)
{
	struct fs_context *c = current_fs();

	return c ? c->umask : 0;
}

/* Swaps one of the two places for p, taking over the references. */
static void set_place(struct fs_context *c, struct path *slot, struct path p)
{
	struct path old;

	spin_lock(&c->lock);
	old = *slot;
	*slot = p;
	spin_unlock(&c->lock);
	path_put(old);
}

void fs_set_cwd(struct fs_context *c, struct path p)
{
	set_place(c, &c->cwd, p);
}

void fs_set_root(struct fs_context *c, struct path p)
{
	set_place(c, &c->root, p);
}

void __init fscontext_init(void)
{
	fs_cache = slab_create("fs_cache", sizeof(struct fs_context), 0, 0, NULL);
	if (!fs_cache)
		panic("no memory for the fs cache");
}
