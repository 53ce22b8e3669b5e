/* Mounts: the table of file-system types, what is mounted where, and how it goes away. */
#include "kernel/fs/notify.h"
#include "kernel/fs/text.h"
#include "kernel/fs/vfs.h"
#include "kernel/lib/string.h"
#include "mm/kmalloc.h"
#include "mm/slab.h"

struct list_head mount_list = LIST_HEAD_INIT(mount_list); /* namespace_lock */
static LIST_HEAD(fs_types);	   /* written at boot only */
static LIST_HEAD(detached_mounts); /* dcache_lock */
static struct mount *root_mount __ro_after_init;
static u32 last_id; /* namespace_lock; also the minor number of st_dev */

void fs_register(struct fs_type *type)
{
	list_add_tail(&type->link, &fs_types);
}

static const struct fs_type *find_type(const char *name)
{
	struct fs_type *t;

	list_for_each_entry (t, &fs_types, link)
		if (strcmp(t->name, name) == 0)
			return t;
	return NULL;
}

struct dentry *vfs_root(void)
{
	return root_mount->root;
}

void mount_init_internal(struct mount *m, const struct fs_type *type)
{
	*m = (struct mount){.type = type};
	list_init(&m->link);
	spin_init(&m->lock, "mount");
	m->id = ++last_id;
	m->dev = MKDEV(0, m->id);
}

static struct mount *mount_alloc(const struct fs_type *type, const char *source, u32 flags)
{
	struct mount *m = kmalloc(sizeof(*m));
	char *copy = kstrdup(source);

	if (!m || !copy) {
		kfree(m);
		kfree(copy);
		return NULL;
	}
	mount_init_internal(m, type);
	m->source = copy;
	m->flags = flags;
	return m;
}

static void mount_free(struct mount *m)
{
	if (m->type->kill)
		m->type->kill(m);
	kfree(m->source);
	kfree(m);
}

/* Makes it visible on `on` (NULL: as the root). Caller holds namespace_lock. */
static void attach(struct mount *m, struct dentry *on)
{
	if (on) {
		dentry_get(on);
		spin_lock(&dcache_lock);
		m->covered = on;
		on->mounted = m;
		spin_unlock(&dcache_lock);
	} else {
		root_mount = m;
	}
	list_add_tail(&m->link, &mount_list);
}

struct mount_request {
	const char *type, *source, *options;
	struct dentry *on; /* NULL: as the root */
	u32 flags;
	bool implied;
};

/* The one instance of its type becomes visible. */
static int show_only(struct mount *m, const struct mount_request *r)
{
	char *source;

	if (m->covered)
		return -EBUSY;
	source = kstrdup(r->source);
	if (!source)
		return -ENOMEM;
	m->source = source;
	m->flags = r->flags;
	attach(m, r->on);
	return 0;
}

static int create_locked(const struct mount_request *r)
{
	const struct fs_type *type = find_type(r->type);
	struct mount *m;
	int err;

	if (!type)
		return -ENODEV;
	if (r->on && r->on->mounted)
		return -EBUSY;
	if (type->only)
		return show_only(type->only, r);
	m = mount_alloc(type, r->source, r->flags);
	if (!m)
		return -ENOMEM;
	m->implied = r->implied;
	err = type->mount(m, r->options);
	if (err) {
		mount_free(m);
		return err;
	}
	attach(m, r->on);
	return 0;
}

static int mount_requested(const struct mount_request *r)
{
	int err;

	if (r->on && !S_ISDIR(r->on->inode->mode))
		return -ENOTDIR;
	if (r->on && (r->on->flags & D_DELETED))
		return -ENOENT;
	mutex_lock(&namespace_lock);
	err = create_locked(r);
	mutex_unlock(&namespace_lock);
	return err;
}

int mount_create(
	const char *type, const char *source, struct dentry *on, u32 flags, const char *options)
{
	struct mount_request r = {type, source, options, on, flags, false};

	return mount_requested(&r);
}

int mount_create_implied(const char *type, struct dentry *on, const char *options)
{
	struct mount_request r = {type, type, options, on, 0, true};

	return mount_requested(&r);
}

/* Takes it out of the tree. Returns the dentry it covered, whose reference the caller drops.
 * Caller holds namespace_lock. */
static struct dentry *detach_locked(struct mount *m)
{
	struct dentry *covered = m->covered;

	spin_lock(&dcache_lock);
	covered->mounted = NULL;
	m->covered = NULL;
	list_del(&m->link);
	if (!m->type->only) {
		m->detached = true;
		list_add(&m->link, &detached_mounts);
	}
	spin_unlock(&dcache_lock);
	if (m->type->only) {
		kfree(m->source);
		m->source = NULL;
	}
	return covered;
}

static bool is_detached(const struct mount *m)
{
	const struct list_head *p;

	list_for_each (p, &detached_mounts)
		if (p == &m->link)
			return true;
	return false;
}

void mount_reap(struct mount *m)
{
	bool gone;

	spin_lock(&dcache_lock);
	gone = is_detached(m) && !dentry_tree_busy(m->root);
	if (gone) {
		list_del(&m->link);
		m->detached = false;
	}
	spin_unlock(&dcache_lock);
	if (!gone)
		return;
	notify_unmount(m);
	dentry_tree_drop(m->root);
	mount_free(m);
}

/* A mount that sits somewhere in m's tree, or NULL. */
static struct mount *submount(const struct mount *m)
{
	struct mount *sub;

	list_for_each_entry (sub, &mount_list, link)
		if (sub->covered && sub->covered->inode->mnt == m)
			return sub;
	return NULL;
}

/* Detaches m after everything mounted below it, innermost first. */
static void detach_tree_locked(struct mount *m)
{
	struct mount *leaf, *sub;
	bool last;

	do {
		for (leaf = m; (sub = submount(leaf)); leaf = sub)
			;
		last = leaf == m;
		dentry_put(detach_locked(leaf));
		mount_reap(leaf);
	} while (!last);
}

static bool is_busy(const struct mount *m)
{
	bool busy;

	spin_lock(&dcache_lock);
	busy = dentry_tree_busy(m->root);
	spin_unlock(&dcache_lock);
	return busy;
}

int mount_remove(struct dentry *d, bool detach)
{
	struct mount *m = d->inode->mnt;
	int err = 0;

	mutex_lock(&namespace_lock);
	if (d != m->root || !m->covered) {
		mutex_unlock(&namespace_lock);
		err = d == vfs_root() ? -EBUSY : -EINVAL;
		dentry_put(d);
		return err;
	}
	dentry_put(d);
	if (!detach && (submount(m) || (!m->type->only && is_busy(m))))
		err = -EBUSY;
	else
		detach_tree_locked(m);
	mutex_unlock(&namespace_lock);
	return err;
}

/* --- Limits --- */

int mount_charge_inode(struct mount *m)
{
	int err = 0;

	spin_lock(&m->lock);
	if (m->max_inodes && m->nr_inodes >= m->max_inodes)
		err = -ENOSPC;
	else
		m->nr_inodes++;
	spin_unlock(&m->lock);
	return err;
}

void mount_uncharge_inode(struct mount *m)
{
	spin_lock(&m->lock);
	m->nr_inodes--;
	spin_unlock(&m->lock);
}

/* --- Listings --- */

static const struct {
	u32 flag;
	const char *text;
} flag_names[] = {
	{MS_NOSUID, ",nosuid"},
	{MS_NODEV, ",nodev"},
	{MS_NOEXEC, ",noexec"},
	{MS_NOATIME, ",noatime"},
};

void mount_show_options(struct text *t, const struct mount *m)
{
	if (m->type->show_options)
		m->type->show_options(t, m);
}

static void show_mount(struct text *t, struct mount *m, const char *where)
{
	text_puts_escaped(t, m->source);
	text_puts(t, " ");
	text_puts_escaped(t, where);
	text_printf(t, " %s %s", m->type->name, m->flags & MS_RDONLY ? "ro" : "rw");
	for (u32 i = 0; i < ARRAY_SIZE(flag_names); i++)
		if (m->flags & flag_names[i].flag)
			text_puts(t, flag_names[i].text);
	if (!(m->flags & MS_NOATIME))
		text_puts(t, ",relatime");
	mount_show_options(t, m);
	text_puts(t, " 0 0\n");
}

bool mount_is_hidden(const struct mount *m)
{
	for (; m; m = m->covered ? m->covered->inode->mnt : NULL)
		if (m->implied && m->root->mounted)
			return true;
	return false;
}

void mounts_show(struct text *t)
{
	struct dentry *root = current_root();
	char *buf = kmalloc(ABI_PATH_MAX);
	struct mount *m;
	struct path_fit fit;
	const char *where;

	if (!buf)
		t->error = -ENOMEM;
	mutex_lock(&namespace_lock);
	list_for_each_entry (m, &mount_list, link) {
		if (!buf || mount_is_hidden(m))
			continue;
		where = dentry_path(m->root, root, buf, ABI_PATH_MAX, &fit);
		if (fit.below)
			show_mount(t, m, where);
	}
	mutex_unlock(&namespace_lock);
	kfree(buf);
	dentry_put(root);
}

void filesystems_show(struct text *t)
{
	struct fs_type *type;

	list_for_each_entry (type, &fs_types, link)
		text_printf(t, "%s\t%s\n", type->nodev ? "nodev" : "", type->name);
}
