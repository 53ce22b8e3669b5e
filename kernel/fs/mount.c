/*
 * Mounts: the table of file-system types, what is mounted where, and how it goes away.
 *
 * The mounts in the tree are a tree themselves: each but the root is mounted in another, its
 * parent, which it holds. A dentry has a list of those that cover it, one at most for each mount
 * that shows the dentry. What is unmounted is no longer in the tree, but lives while somebody holds
 * it; a file system lives while one of its mounts does.
 */
#include "kernel/fs/notify.h"
#include "kernel/fs/text.h"
#include "kernel/fs/vfs.h"
#include "kernel/lib/string.h"
#include "mm/kmalloc.h"
#include "mm/slab.h"

struct list_head mount_list = LIST_HEAD_INIT(mount_list); /* namespace_lock */
static LIST_HEAD(fs_types); /* written at boot only */
static struct mount *root_mount __ro_after_init;
static u32 last_id;  /* namespace_lock */
static u32 last_dev; /* namespace_lock: minor number of st_dev */

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

struct path vfs_root(void)
{
	return (struct path){root_mount, root_mount->root};
}

/* --- File systems --- */

static void super_init(struct super *s, const struct fs_type *type)
{
	*s = (struct super){.type = type, .refcount = 1, .dev = MKDEV(0, ++last_dev)};
	spin_init(&s->lock, "super");
}

static struct super *super_get(struct super *s)
{
	__atomic_add_fetch(&s->refcount, 1, __ATOMIC_RELAXED);
	return s;
}

static void super_free(struct super *s)
{
	if (s->type->kill)
		s->type->kill(s);
	kfree(s);
}

static void super_put(struct super *s)
{
	if (__atomic_sub_fetch(&s->refcount, 1, __ATOMIC_ACQ_REL) > 0)
		return;
	notify_unmount(s);
	dentry_tree_drop(s->root);
	super_free(s);
}

/* The file system that a mount of the type is to show, referenced. Error pointer. */
static struct super *super_create(const struct fs_type *type, const char *options)
{
	struct super *s;
	int err;

	if (type->only)
		return super_get(type->only);
	s = kmalloc(sizeof(*s));
	if (!s)
		return err_ptr(-ENOMEM);
	super_init(s, type);
	err = type->mount(s, options);
	if (err) {
		super_free(s);
		return err_ptr(err);
	}
	return s;
}

/* --- The life of a mount --- */

/* Takes over the references to the file system and to the root. */
static void mount_init(struct mount *m, struct super *s, struct dentry *root)
{
	*m = (struct mount){.super = s, .root = root, .refcount = 1, .id = ++last_id};
	list_init(&m->link);
	list_init(&m->children);
	list_init(&m->sibling);
}

void mount_init_internal(struct internal_mount *m, const struct fs_type *type)
{
	super_init(&m->super, type);
	mount_init(&m->mount, &m->super, NULL);
}

/* The same about the references, also on failure; flags: MS_ bits. NULL: memory is out. */
static struct mount *mount_alloc(
	struct super *s, struct dentry *root, const char *source, u32 flags)
{
	struct mount *m = kmalloc(sizeof(*m));
	char *copy = kstrdup(source);

	if (!m || !copy) {
		kfree(m);
		kfree(copy);
		dentry_put(root);
		super_put(s);
		return NULL;
	}
	mount_init(m, s, root);
	m->source = copy;
	m->flags = flags;
	return m;
}

void mount_free(struct mount *m)
{
	dentry_put(m->root);
	super_put(m->super);
	kfree(m->source);
	kfree(m);
}

/* --- The tree. All of this with namespace_lock held. --- */

static bool is_in_tree(const struct mount *m)
{
	return m->parent || m == root_mount;
}

/* Hangs m at a place that nothing covers. */
static void attach(struct mount *m, struct path on)
{
	path_get(on);
	spin_lock(&dcache_lock);
	m->parent = on.mnt;
	m->covered = on.dentry;
	m->next_covering = on.dentry->mounted;
	on.dentry->mounted = m;
	spin_unlock(&dcache_lock);
	list_add_tail(&m->sibling, &on.mnt->children);
}

static void detach(struct mount *m)
{
	struct path on = {m->parent, m->covered};
	struct mount **at = &on.dentry->mounted;

	spin_lock(&dcache_lock);
	while (*at != m)
		at = &(*at)->next_covering;
	*at = m->next_covering;
	m->parent = NULL;
	m->covered = NULL;
	spin_unlock(&dcache_lock);
	list_del_init(&m->sibling);
	path_put(on);
}

/* A new mount becomes visible (on nothing: as the root). The caller's reference is the tree's now. */
static void add_mount(struct mount *m, struct path on)
{
	if (on.mnt)
		attach(m, on);
	else
		root_mount = m;
	list_add_tail(&m->link, &mount_list);
}

static void remove_mount(struct mount *m)
{
	detach(m);
	list_del_init(&m->link);
	mount_put(m);
}

/* Removes m after everything mounted in it, innermost first. */
static void remove_tree(struct mount *top)
{
	struct mount *m;

	do {
		m = top;
		while (!list_empty(&m->children))
			m = list_first_entry(&m->children, struct mount, sibling);
		remove_mount(m);
	} while (m != top);
}

/* The mount after m and all that is in it, in a walk through `top` that comes to a mount before
 * what is in it. */
static struct mount *mount_after(struct mount *m, const struct mount *top)
{
	for (; m != top; m = m->parent)
		if (m->sibling.next != &m->parent->children)
			return list_next_entry(m, sibling);
	return NULL;
}

static struct mount *mount_next(struct mount *m, const struct mount *top)
{
	if (!list_empty(&m->children))
		return list_first_entry(&m->children, struct mount, sibling);
	return mount_after(m, top);
}

/* Whether something of which `root` is the root can be mounted there. */
static int check_place(struct path on, const struct dentry *root)
{
	if (on.dentry->flags & D_DELETED)
		return -ENOENT;
	if (!is_in_tree(on.mnt))
		return -EINVAL;
	if (S_ISDIR(on.dentry->inode->mode) != S_ISDIR(root->inode->mode))
		return -ENOTDIR;
	return mount_covering(on) ? -EBUSY : 0;
}

/* --- Mounting --- */

struct mount_request {
	const char *type, *source, *options;
	struct path on; /* none: as the root */
	u32 flags;
	bool implied;
};

/* A file system is not mounted over itself. */
static int check_new_place(struct path on, const struct super *s)
{
	if (!on.mnt)
		return 0;
	if (on.mnt->super == s && path_is_mount_root(on))
		return -EBUSY;
	return check_place(on, s->root);
}

static int create_locked(const struct mount_request *r)
{
	const struct fs_type *type = find_type(r->type);
	struct super *s = type ? super_create(type, r->options) : err_ptr(-ENODEV);
	struct mount *m;
	int err;

	if (is_err(s))
		return (int)ptr_err(s);
	err = check_new_place(r->on, s);
	if (err) {
		super_put(s);
		return err;
	}
	m = mount_alloc(s, dentry_get(s->root), r->source, r->flags);
	if (!m)
		return -ENOMEM;
	if (!type->only)
		s->flags = r->flags & MS_RDONLY;
	m->implied = r->implied;
	add_mount(m, r->on);
	return 0;
}

static int mount_requested(const struct mount_request *r)
{
	int err;

	mutex_lock(&namespace_lock);
	err = create_locked(r);
	mutex_unlock(&namespace_lock);
	return err;
}

int mount_create(
	const char *type, const char *source, struct path on, u32 flags, const char *options)
{
	struct mount_request r = {type, source, options, on, flags, false};

	return mount_requested(&r);
}

int mount_create_implied(const char *type, struct path on, const char *options)
{
	struct mount_request r = {type, type, options, on, 0, true};

	return mount_requested(&r);
}

/* --- Binding and moving --- */

/* What is at `from` is seen at `on` too. NULL: memory is out. */
static struct mount *show_again(struct path from, struct path on)
{
	struct mount *m = mount_alloc(super_get(from.mnt->super), dentry_get(from.dentry),
		from.mnt->source, from.mnt->flags);

	if (m)
		add_mount(m, on);
	return m;
}

/* Mounts what is mounted below `from` in its copy too, in the same order; but the copy itself,
 * which may be there. */
static int copy_below(struct path from, struct mount *copy)
{
	struct mount *at = from.mnt, *at_copy = copy, *m = mount_next(at, from.mnt);

	while (m) {
		if (m == copy || (m->flags & MS_UNBINDABLE) ||
			(m->parent == from.mnt && !dentry_is_ancestor(from.dentry, m->covered))) {
			m = mount_after(m, from.mnt);
			continue;
		}
		for (; at != m->parent; at = at->parent)
			at_copy = at_copy->parent;
		at = m;
		at_copy = show_again((struct path){m, m->root}, (struct path){at_copy, m->covered});
		if (!at_copy)
			return -ENOMEM;
		m = mount_next(m, from.mnt);
	}
	return 0;
}

static int bind_locked(struct path from, struct path on, u32 flags)
{
	int err = check_place(on, from.dentry);
	struct mount *m;

	if (!is_in_tree(from.mnt) || (from.mnt->flags & MS_UNBINDABLE))
		return -EINVAL;
	if (from.dentry->flags & D_DELETED)
		return -ENOENT;
	if (err)
		return err;
	m = show_again(from, on);
	if (!m)
		return -ENOMEM;
	err = flags & MS_REC ? copy_below(from, m) : 0;
	if (err)
		remove_tree(m);
	return err;
}

int mount_bind(struct path from, struct path on, u32 flags)
{
	int err;

	mutex_lock(&namespace_lock);
	err = bind_locked(from, on, flags);
	mutex_unlock(&namespace_lock);
	return err;
}

static int move_locked(struct path from, struct path on)
{
	int err = check_place(on, from.dentry);

	if (!from.mnt->parent || !path_is_mount_root(from))
		return -EINVAL;
	if (err)
		return err == -ENOTDIR ? -EINVAL : err;
	for (const struct mount *m = on.mnt; m; m = m->parent)
		if (m == from.mnt)
			return -ELOOP;
	detach(from.mnt);
	attach(from.mnt, on);
	return 0;
}

int mount_move(struct path from, struct path on)
{
	int err;

	mutex_lock(&namespace_lock);
	err = move_locked(from, on);
	mutex_unlock(&namespace_lock);
	return err;
}

/* --- Flags --- */

int mount_may_write(const struct mount *m)
{
	return mount_is_readonly(m) ? -EROFS : 0;
}

/* Whether files are open for writing by way of m, or of any mount of its file system, in which
 * there may also be some that will have to be freed. */
static bool is_in_use(const struct mount *m, bool super)
{
	const struct mount *other;

	if (super && READ_ONCE(m->super->nameless))
		return true;
	list_for_each_entry (other, &mount_list, link)
		if ((other == m || (super && other->super == m->super)) &&
			READ_ONCE(other->writers))
			return true;
	return false;
}

int mount_set_flags(struct path p, u32 flags, bool super)
{
	struct mount *m = p.mnt;
	int err = 0;

	mutex_lock(&namespace_lock);
	if (!path_is_mount_root(p) || !is_in_tree(m)) {
		err = -EINVAL;
	} else if ((flags & MS_RDONLY) && is_in_use(m, super)) {
		err = -EBUSY;
	} else {
		m->flags = flags | (m->flags & MS_UNBINDABLE);
		if (super)
			m->super->flags = flags & MS_RDONLY;
	}
	mutex_unlock(&namespace_lock);
	return err;
}

int mount_set_unbindable(struct path p, u32 flags)
{
	struct mount *m;
	bool there;

	mutex_lock(&namespace_lock);
	there = path_is_mount_root(p) && is_in_tree(p.mnt);
	for (m = there ? p.mnt : NULL; m; m = flags & MS_REC ? mount_next(m, p.mnt) : NULL)
		m->flags = (m->flags & ~MS_UNBINDABLE) | (flags & MS_UNBINDABLE);
	mutex_unlock(&namespace_lock);
	return there ? 0 : -EINVAL;
}

/* --- Unmounting --- */

/* Whether anybody holds it but the tree and the caller. */
static bool is_busy(const struct mount *m)
{
	return !list_empty(&m->children) || READ_ONCE(m->refcount) > 2;
}

static int remove_locked(struct path p, bool detach)
{
	if (!path_is_mount_root(p) || !is_in_tree(p.mnt))
		return -EINVAL;
	if (p.mnt == root_mount || (!detach && is_busy(p.mnt)))
		return -EBUSY;
	remove_tree(p.mnt);
	return 0;
}

int mount_remove(struct path p, bool detach)
{
	int err;

	mutex_lock(&namespace_lock);
	err = remove_locked(p, detach);
	path_put(p);
	mutex_unlock(&namespace_lock);
	return err;
}

struct mount *mount_of_super(const struct super *s)
{
	struct mount *m;

	list_for_each_entry (m, &mount_list, link)
		if (m->super == s)
			return mount_get(m);
	return NULL;
}

/* --- Limits --- */

int super_charge_inode(struct super *s)
{
	int err = 0;

	spin_lock(&s->lock);
	if (s->max_inodes && s->nr_inodes >= s->max_inodes)
		err = -ENOSPC;
	else
		s->nr_inodes++;
	spin_unlock(&s->lock);
	return err;
}

void super_uncharge_inode(struct super *s)
{
	spin_lock(&s->lock);
	s->nr_inodes--;
	spin_unlock(&s->lock);
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

void mount_show_flags(struct text *t, const struct mount *m)
{
	for (u32 i = 0; i < ARRAY_SIZE(flag_names); i++)
		if (m->flags & flag_names[i].flag)
			text_puts(t, flag_names[i].text);
	if (!(m->flags & MS_NOATIME))
		text_puts(t, ",relatime");
}

void super_show_options(struct text *t, const struct super *s)
{
	if (s->type->show_options)
		s->type->show_options(t, s);
}

static void show_mount(struct text *t, struct mount *m, const char *where)
{
	text_puts_escaped(t, m->source);
	text_puts(t, " ");
	text_puts_escaped(t, where);
	text_printf(t, " %s %s", m->super->type->name, mount_is_readonly(m) ? "ro" : "rw");
	mount_show_flags(t, m);
	super_show_options(t, m->super);
	text_puts(t, " 0 0\n");
}

bool mount_is_hidden(struct mount *m)
{
	for (; m; m = m->parent)
		if (m->implied && mount_covering((struct path){m, m->root}))
			return true;
	return false;
}

void mounts_show(struct text *t)
{
	struct path root = current_root();
	char *buf = kmalloc(ABI_PATH_MAX);
	struct mount *m;
	const char *where;

	if (!buf)
		t->error = -ENOMEM;
	mutex_lock(&namespace_lock);
	list_for_each_entry (m, &mount_list, link) {
		if (!buf || mount_is_hidden(m))
			continue;
		where = mount_text(m, root, buf, ABI_PATH_MAX);
		if (where)
			show_mount(t, m, where);
	}
	mutex_unlock(&namespace_lock);
	kfree(buf);
	path_put(root);
}

void filesystems_show(struct text *t)
{
	struct fs_type *type;

	list_for_each_entry (type, &fs_types, link)
		text_printf(t, "%s\t%s\n", type->nodev ? "nodev" : "", type->name);
}
