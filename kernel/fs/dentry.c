/*
 * The tree of names and its hash table.
 *
 * Every dentry that can be found by name is in one hash table, keyed by its directory and its
 * name. A pinned dentry (stored file systems) stays until it is unlinked; one that a dynamic file
 * system's lookup made goes with its last holder. A dentry holds its parent, so the path of what
 * is held can always be told, also after it was unlinked.
 *
 * Children are listed newest first, as Linux's tmpfs lists them. Each has a cookie, higher for the
 * newer, so that a listing goes on at the right place whatever was removed meanwhile.
 */
#include "kernel/fs/notify.h"
#include "kernel/fs/pathname.h"
#include "kernel/fs/vfs.h"
#include "kernel/lib/kassert.h"
#include "kernel/lib/string.h"
#include "mm/kmalloc.h"
#include "mm/slab.h"

#define BUCKETS	    1024u
#define COOKIE_LAST 0x7ffffff0u /* cookies become positions in a listing: 31 bits */

static struct list_head hash_table[BUCKETS]; /* dcache_lock */
static struct slab_cache *dentry_cache __ro_after_init;

static struct list_head *bucket_of(const struct dentry *dir, u32 hash)
{
	u32 h = hash ^ (u32)((uintptr_t)dir >> 5) * 0x9e3779b1u;

	return &hash_table[(h ^ h >> 15) % BUCKETS];
}

/* --- Making and releasing --- */

static bool set_name(struct dentry *d, const char *name, u32 len, char *storage)
{
	char *at = d->inline_name;

	if (len >= DENTRY_INLINE_NAME)
		at = storage ? storage : kmalloc(len + 1);
	if (!at)
		return false;
	memcpy(at, name, len);
	at[len] = '\0';
	d->name = at;
	d->len = len;
	d->hash = pathname_hash(name, len);
	return true;
}

static void drop_name(struct dentry *d)
{
	if (d->name != d->inline_name)
		kfree(d->name);
}

/* In no tree yet: its own parent. Takes over the inode, also when it fails. */
static struct dentry *dentry_alloc(const char *name, u32 len, struct inode *inode)
{
	struct dentry *d = slab_zalloc(dentry_cache);

	if (!d || !set_name(d, name, len, NULL)) {
		if (d)
			slab_free(dentry_cache, d);
		inode_put(inode);
		return NULL;
	}
	d->refcount = 1;
	d->parent = d;
	d->inode = inode;
	list_init(&d->bucket);
	list_init(&d->sibling);
	list_init(&d->children);
	return d;
}

struct dentry *dentry_create_anon(const char *name, struct inode *inode)
{
	struct dentry *d = dentry_alloc(name, strlen(name), inode);

	if (d)
		d->flags = D_ANON;
	return d;
}

int dentry_create_root(struct super *s, struct inode *inode)
{
	s->root = dentry_alloc("", 0, inode);
	return s->root ? 0 : -ENOMEM;
}

struct dentry *dentry_get(struct dentry *d)
{
	spin_lock(&dcache_lock);
	kassert(d->refcount > 0);
	d->refcount++;
	spin_unlock(&dcache_lock);
	return d;
}

/* Makes d unfindable. Caller holds dcache_lock. */
static void unhash_locked(struct dentry *d)
{
	list_del_init(&d->bucket);
	list_del_init(&d->sibling);
}

/* One reference less; true when it was the last and the dentry is out of the tree. */
static bool put_is_last(struct dentry *d)
{
	bool last;

	spin_lock(&dcache_lock);
	kassert(d->refcount > 0);
	last = --d->refcount == 0;
	if (last)
		unhash_locked(d);
	spin_unlock(&dcache_lock);
	return last;
}

void dentry_put(struct dentry *d)
{
	struct dentry *parent;

	while (d && put_is_last(d)) {
		parent = d->parent != d ? d->parent : NULL;
		if (!d->inode->nlink)
			notify_inode(d->inode, IN_DELETE_SELF);
		inode_put(d->inode);
		drop_name(d);
		slab_free(dentry_cache, d);
		d = parent;
	}
}

/* --- Linking --- */

/* The next higher cookie of a directory; when they run out all children get new ones. Caller
 * holds dcache_lock. */
static u32 next_cookie(struct dentry *dir)
{
	struct list_head *p;

	if (dir->last_cookie >= COOKIE_LAST) {
		dir->last_cookie = 0;
		for (p = dir->children.prev; p != &dir->children; p = p->prev)
			list_entry(p, struct dentry, sibling)->cookie = ++dir->last_cookie;
	}
	return ++dir->last_cookie;
}

/* Hangs d under dir, whose reference the caller gives. Caller holds dcache_lock. */
static void hang_locked(struct dentry *d, struct dentry *dir)
{
	d->parent = dir;
	d->cookie = next_cookie(dir);
	list_add(&d->sibling, &dir->children);
	list_add(&d->bucket, bucket_of(dir, d->hash));
}

static void hang(struct dentry *d, struct dentry *dir, u32 flags)
{
	spin_lock(&dcache_lock);
	dir->refcount++;
	d->flags = flags;
	hang_locked(d, dir);
	spin_unlock(&dcache_lock);
}

int dentry_link(
	struct dentry *dir, const char *name, u32 len, struct inode *inode, struct dentry **out)
{
	struct dentry *d = dentry_alloc(name, len, inode);

	if (!d)
		return -ENOMEM;
	hang(d, dir, D_PINNED);
	dir->inode->entries++;
	if (out)
		*out = dentry_get(d);
	return 0;
}

void dentry_unlink(struct dentry *d)
{
	spin_lock(&dcache_lock);
	kassert(d->flags & D_PINNED);
	unhash_locked(d);
	d->flags = D_DELETED;
	spin_unlock(&dcache_lock);
	d->parent->inode->entries--;
	dentry_put(d);
}

void dentry_move(struct dentry *d, struct dentry *dir, const char *name, u32 len, char *storage)
{
	struct dentry *old = d->parent;
	const char *old_name = d->name != d->inline_name ? d->name : NULL;
	bool named;

	old->inode->entries--;
	dir->inode->entries++;
	spin_lock(&dcache_lock);
	unhash_locked(d);
	named = set_name(d, name, len, storage);
	kassert(named);
	dir->refcount++;
	hang_locked(d, dir);
	spin_unlock(&dcache_lock);
	kfree(old_name);
	dentry_put(old);
}

/* The names go with the places; short ones live inside the dentry and are copied. */
static void swap_names(struct dentry *a, struct dentry *b)
{
	char tmp[DENTRY_INLINE_NAME];
	const char *a_name = a->name == a->inline_name ? b->inline_name : a->name;
	const char *b_name = b->name == b->inline_name ? a->inline_name : b->name;
	u32 len = a->len, hash = a->hash;

	memcpy(tmp, a->inline_name, sizeof(tmp));
	memcpy(a->inline_name, b->inline_name, sizeof(tmp));
	memcpy(b->inline_name, tmp, sizeof(tmp));
	a->name = b_name;
	b->name = a_name;
	a->len = b->len;
	b->len = len;
	a->hash = b->hash;
	b->hash = hash;
}

void dentry_exchange(struct dentry *a, struct dentry *b)
{
	struct dentry *a_dir = a->parent, *b_dir = b->parent;

	spin_lock(&dcache_lock);
	unhash_locked(a);
	unhash_locked(b);
	swap_names(a, b);
	hang_locked(a, b_dir);
	hang_locked(b, a_dir);
	spin_unlock(&dcache_lock);
}

/* --- Finding --- */

static struct dentry *find_hashed(struct dentry *dir, const char *name, u32 len)
{
	u32 hash = pathname_hash(name, len);
	struct list_head *bucket = bucket_of(dir, hash);
	struct dentry *d, *found = NULL;

	spin_lock(&dcache_lock);
	list_for_each_entry (d, bucket, bucket) {
		if (d->hash != hash || d->parent != dir || d->len != len ||
			memcmp(d->name, name, len) != 0)
			continue;
		d->refcount++;
		found = d;
		break;
	}
	spin_unlock(&dcache_lock);
	return found;
}

/* As find_hashed(), dropping what a dynamic directory no longer stands for. */
static struct dentry *find_valid(struct dentry *dir, const char *name, u32 len)
{
	struct dentry *d = find_hashed(dir, name, len);

	if (!d || !dir->inode->ops->valid || dir->inode->ops->valid(d))
		return d;
	spin_lock(&dcache_lock);
	unhash_locked(d);
	d->flags |= D_DELETED;
	spin_unlock(&dcache_lock);
	dentry_put(d);
	return NULL;
}

int dentry_lookup_locked(struct dentry *dir, const char *name, u32 len, struct dentry **out)
{
	struct inode *inode;
	int err;

	kassert(mutex_held(&namespace_lock));
	*out = find_valid(dir, name, len);
	if (*out)
		return 0;
	if (!dir->inode->ops->lookup)
		return -ENOENT;
	err = dir->inode->ops->lookup(dir, name, len, &inode);
	if (err)
		return err;
	*out = dentry_alloc(name, len, inode);
	if (!*out)
		return -ENOMEM;
	hang(*out, dir, 0);
	return 0;
}

int dentry_lookup(struct dentry *dir, const char *name, u32 len, struct dentry **out)
{
	int err;

	*out = find_valid(dir, name, len);
	if (*out)
		return 0;
	if (!dir->inode->ops->lookup)
		return -ENOENT;
	mutex_lock(&namespace_lock);
	err = dentry_lookup_locked(dir, name, len, out);
	mutex_unlock(&namespace_lock);
	return err;
}

bool dentry_is_ancestor(struct dentry *above, struct dentry *d)
{
	bool is;

	spin_lock(&dcache_lock);
	while (d != above && d->parent != d)
		d = d->parent;
	is = d == above;
	spin_unlock(&dcache_lock);
	return is;
}

bool dentry_empty(struct dentry *d)
{
	return d->inode->entries == 0;
}

/* --- Mounts in the tree --- */

struct path path_get(struct path p)
{
	dentry_get(p.dentry);
	mount_get(p.mnt);
	return p;
}

void path_put(struct path p)
{
	dentry_put(p.dentry);
	mount_put(p.mnt);
}

bool path_is_mount_root(struct path p)
{
	return p.dentry == p.mnt->root;
}

struct mount *mount_covering(struct path p)
{
	struct mount *m = p.dentry->mounted;

	while (m && m->parent != p.mnt)
		m = m->next_covering;
	return m;
}

void path_cross_mounts(struct path *p)
{
	struct path from = *p;
	struct mount *m;

	if (likely(!p->dentry->mounted))
		return;
	spin_lock(&dcache_lock);
	while ((m = mount_covering(*p)))
		*p = (struct path){m, m->root};
	p->dentry->refcount++;
	mount_get(p->mnt);
	spin_unlock(&dcache_lock);
	path_put(from);
}

/* Whether d is below what its mount shows. Only part of a file system can be left. */
static bool is_shown(struct path p)
{
	return p.mnt->root == p.mnt->super->root || dentry_is_ancestor(p.mnt->root, p.dentry);
}

int path_parent(struct path p, struct path root, struct path *out)
{
	if (!is_shown(p))
		return -ENOENT;
	spin_lock(&dcache_lock);
	while (!path_equal(p, root) && path_is_mount_root(p) && p.mnt->parent)
		p = (struct path){p.mnt->parent, p.mnt->covered};
	if (!path_equal(p, root) && !path_is_mount_root(p))
		p.dentry = p.dentry->parent;
	p.dentry->refcount++;
	mount_get(p.mnt);
	spin_unlock(&dcache_lock);
	path_cross_mounts(&p);
	*out = p;
	return 0;
}

/* --- Paths --- */

/* Text that grows towards the front of a buffer. */
struct rtext {
	char *begin, *at;
	bool fits;
};

static void prepend(struct rtext *t, const char *s, u32 n)
{
	u32 room = t->at - t->begin;

	if (n > room) {
		t->fits = false;
		s += n - room;
		n = room;
	}
	t->at -= n;
	memcpy(t->at, s, n);
}

static void prepend_anon(struct rtext *t, const struct dentry *d)
{
	char number[16], *p = number + sizeof(number);
	u32 ino = d->inode->ino;

	if (d->name[0] == '/') {
		prepend(t, " (deleted)", 10);
	} else if (!(d->flags & D_KIND)) {
		*--p = ']';
		do {
			*--p = '0' + ino % 10;
		} while (ino /= 10);
		*--p = '[';
		*--p = ':';
		prepend(t, p, number + sizeof(number) - p);
	}
	prepend(t, d->name, d->len);
}

static void prepend_name(struct rtext *t, const struct dentry *d)
{
	prepend(t, d->name, d->len);
	prepend(t, "/", 1);
}

/* The names from p up to root or the top of the tree. Returns whether that was root. What is not
 * below its mount's root is "/". Caller holds dcache_lock. */
static bool prepend_path(struct rtext *t, struct path p, struct path root)
{
	char *end = t->at;

	while (!path_equal(p, root)) {
		if (path_is_mount_root(p)) {
			if (!p.mnt->parent)
				break;
			p = (struct path){p.mnt->parent, p.mnt->covered};
		} else if (p.dentry->parent == p.dentry) {
			t->at = end;
			break;
		} else {
			prepend_name(t, p.dentry);
			p.dentry = p.dentry->parent;
		}
	}
	if (t->at == end)
		prepend(t, "/", 1);
	return path_equal(p, root);
}

static struct rtext rtext_begin(char *buf, size_t size)
{
	struct rtext t = {.begin = buf, .at = buf + size - 1, .fits = true};

	*t.at = '\0';
	return t;
}

char *path_text(struct path p, struct path root, char *buf, size_t size, struct path_fit *fit)
{
	struct rtext t = rtext_begin(buf, size);
	bool below = true;

	spin_lock(&dcache_lock);
	if (p.dentry->flags & D_DELETED)
		prepend(&t, " (deleted)", 10);
	if (p.dentry->flags & D_ANON)
		prepend_anon(&t, p.dentry);
	else
		below = prepend_path(&t, p, root);
	spin_unlock(&dcache_lock);
	if (fit)
		*fit = (struct path_fit){.whole = t.fits, .below = below};
	return t.at;
}

char *mount_text(struct mount *m, struct path root, char *buf, size_t size)
{
	struct rtext t = rtext_begin(buf, size);
	bool below;

	spin_lock(&dcache_lock);
	below = prepend_path(&t, (struct path){m, m->root}, root);
	spin_unlock(&dcache_lock);
	return below ? t.at : NULL;
}

char *dentry_text(struct dentry *d, char *buf, size_t size)
{
	struct rtext t = rtext_begin(buf, size);

	spin_lock(&dcache_lock);
	if (d->flags & D_DELETED)
		prepend(&t, "//deleted", 9);
	if (d->parent == d)
		prepend(&t, "/", 1);
	for (; d->parent != d; d = d->parent)
		prepend_name(&t, d);
	spin_unlock(&dcache_lock);
	return t.at;
}

/* --- Whole trees --- */

void dentry_tree_drop(struct dentry *root)
{
	struct dentry *d = root;

	while (!list_empty(&root->children)) {
		while (!list_empty(&d->children))
			d = list_first_entry(&d->children, struct dentry, sibling);
		dentry_unlink(d);
		d = root;
	}
	dentry_put(root);
}

/* --- Listings of stored directories --- */

/* As on Linux, ".." at the root of a mount has the root's own number. */
bool dir_emit_dots(struct file *f, struct dir_context *c)
{
	struct dentry *d = f->dentry;
	u32 ino;

	if (c->pos == 0 && !dir_emit(c, ".", 1, d->inode->ino, S_IFDIR, 1))
		return false;
	if (c->pos != 1)
		return true;
	spin_lock(&dcache_lock);
	ino = d->parent->inode->ino;
	spin_unlock(&dcache_lock);
	return dir_emit(c, "..", 2, ino, S_IFDIR, 2);
}

/* The newest child whose cookie is at most `cookie`. Caller holds dcache_lock. */
static struct dentry *child_from(struct dentry *dir, u32 cookie)
{
	struct dentry *d;

	list_for_each_entry (d, &dir->children, sibling)
		if (d->cookie <= cookie)
			return d;
	return NULL;
}

/* Positions from 2 on count the cookies down, so that they grow while the children get older. */
static long stored_readdir(struct file *f, void *ctx)
{
	struct dir_context *c = ctx;
	struct dentry *d, *dir = f->dentry;
	u32 cookie;

	if (!dir_emit_dots(f, c))
		return 0;
	if (c->pos > COOKIE_LAST + 1)
		return 0;
	spin_lock(&dcache_lock);
	cookie = COOKIE_LAST + 2 - (u32)c->pos;
	for (d = child_from(dir, cookie); d; d = list_next_entry(d, sibling)) {
		if (&d->sibling == &dir->children)
			break;
		if (!dir_emit(c, d->name, d->len, d->inode->ino, d->inode->mode,
			    COOKIE_LAST + 3 - d->cookie))
			break;
	}
	spin_unlock(&dcache_lock);
	return 0;
}

static ssize_k dir_read(struct file *f, struct iobuf *to, size_t n, u64 *pos)
{
	return -EISDIR;
}

const struct file_ops stored_dir_ops = {
	.read = dir_read,
	.seek = file_seek_endless,
	.readdir = stored_readdir,
};

void __init dentry_init(void)
{
	for (u32 i = 0; i < BUCKETS; i++)
		list_init(&hash_table[i]);
	dentry_cache = slab_create("dentry", sizeof(struct dentry), 0, 0, NULL);
	if (!dentry_cache)
		panic("no memory for the dentry cache");
}
