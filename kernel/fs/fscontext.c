/* Working directory, root and umask: what threads share of the name space. */
#include "kernel/fs/vfs.h"
#include "kernel/lib/kassert.h"
#include "kernel/proc/task.h"
#include "mm/slab.h"

static struct slab_cache *fs_cache __ro_after_init;

/* Takes over both references. */
static struct fs_context *context_create(struct dentry *root, struct dentry *cwd, u32 umask)
{
	struct fs_context *c = slab_zalloc(fs_cache);

	if (!c) {
		dentry_put(root);
		dentry_put(cwd);
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
	return context_create(dentry_get(vfs_root()), dentry_get(vfs_root()), 022);
}

struct fs_context *fs_copy(struct fs_context *from)
{
	struct dentry *root, *cwd;
	u32 umask;

	spin_lock(&from->lock);
	root = dentry_get(from->root);
	cwd = dentry_get(from->cwd);
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
	dentry_put(f->cwd);
	dentry_put(f->root);
	slab_free(fs_cache, f);
}

static struct fs_context *current_fs(void)
{
	struct task *t = this_cpu()->task;

	return t ? t->fs : NULL;
}

struct dentry *current_root(void)
{
	struct fs_context *c = current_fs();
	struct dentry *d;

	if (!c)
		return dentry_get(vfs_root());
	spin_lock(&c->lock);
	d = dentry_get(c->root);
	spin_unlock(&c->lock);
	return d;
}

struct dentry *current_cwd(void)
{
	struct fs_context *c = current_fs();
	struct dentry *d;

	if (!c)
		return dentry_get(vfs_root());
	spin_lock(&c->lock);
	d = dentry_get(c->cwd);
	spin_unlock(&c->lock);
	return d;
}

u32 current_umask(void)
{
	struct fs_context *c = current_fs();

	return c ? c->umask : 0;
}

/* Swaps one of the two dentries for d, taking over the reference. */
static void set_dentry(struct fs_context *c, struct dentry **slot, struct dentry *d)
{
	struct dentry *old;

	spin_lock(&c->lock);
	old = *slot;
	*slot = d;
	spin_unlock(&c->lock);
	dentry_put(old);
}

void fs_set_cwd(struct fs_context *c, struct dentry *d)
{
	set_dentry(c, &c->cwd, d);
}

void fs_set_root(struct fs_context *c, struct dentry *d)
{
	set_dentry(c, &c->root, d);
}

void __init fscontext_init(void)
{
	fs_cache = slab_create("fs_cache", sizeof(struct fs_context), 0, 0, NULL);
	if (!fs_cache)
		panic("no memory for the fs cache");
}
