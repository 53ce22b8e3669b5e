/*
 * A small /sys: the few files that C libraries and allocators read to learn how many CPUs there
 * are. It is a tmpfs that is filled when it is mounted and cannot be changed afterwards.
 */
#include "kernel/fs/vfs.h"
#include "kernel/abi/statfs.h"
#include "kernel/core/cpu.h"
#include "kernel/fs/pathname.h"
#include "kernel/lib/fmt.h"
#include "kernel/lib/string.h"

/* In order: a directory before what is in it. Files have contents. */
static const struct {
	const char *path, *text;
} nodes[] = {
	{"block", NULL},
	{"bus", NULL},
	{"class", NULL},
	{"dev", NULL},
	{"devices", NULL},
	{"devices/system", NULL},
	{"devices/system/cpu", NULL},
	{"devices/system/cpu/online", "cpus"},
	{"devices/system/cpu/possible", "cpus"},
	{"devices/system/cpu/present", "cpus"},
	{"devices/system/cpu/cpu0", NULL},
	{"firmware", NULL},
	{"fs", NULL},
	{"kernel", NULL},
	{"kernel/tracing", NULL},
	{"module", NULL},
	{"power", NULL},
};

static int write_cpus(struct inode *inode)
{
	char text[16];
	int n = NR_CPUS > 1 ? snprintf(text, sizeof(text), "0-%d\n", NR_CPUS - 1)
			    : snprintf(text, sizeof(text), "0\n");
	struct iobuf from = iobuf_kernel(text);
	ssize_k done = object_write(&inode->object, &from, 0, (size_t)n);

	return done == n ? 0 : -ENOMEM;
}

static int add_node(struct dentry *dir, const struct name *name, bool file)
{
	struct inode *inode;
	u32 mode = file ? S_IFREG | 0444 : S_IFDIR | 0755;
	int err = dir->inode->ops->create(dir->inode, mode, 0, NULL, &inode);

	if (err)
		return err;
	if (file)
		err = write_cpus(inode);
	if (err) {
		inode_put(inode);
		return err;
	}
	if (!file)
		dir->inode->nlink++;
	return dentry_link(dir, name->s, name->len, inode, NULL);
}

/* namespace_lock is held by the mount call. */
static int add_path(struct dentry *root, const char *path, bool file)
{
	struct dentry *dir = dentry_get(root), *next;
	struct name name;
	int err = 0;

	while (!err && pathname_next(&path, &name)) {
		if (name.last) {
			err = add_node(dir, &name, file);
			break;
		}
		err = dentry_lookup_locked(dir, name.s, name.len, &next);
		if (!err) {
			dentry_put(dir);
			dir = next;
		}
	}
	dentry_put(dir);
	return err;
}

static int sysfs_mount(struct mount *m, const char *options)
{
	int err = tmpfs_mount(m, NULL);

	if (err)
		return err;
	m->root->inode->mode = S_IFDIR | 0555;
	for (u32 i = 0; i < ARRAY_SIZE(nodes) && !err; i++)
		err = add_path(m->root, nodes[i].path, nodes[i].text != NULL);
	if (err)
		dentry_tree_drop(m->root);
	m->max_pages = 0;
	m->fixed = true;
	return err;
}

static struct fs_type sysfs_type = {
	.name = "sysfs",
	.magic = SYSFS_MAGIC,
	.nodev = true,
	.mount = sysfs_mount,
};

void __init sysfs_init(void)
{
	fs_register(&sysfs_type);
}
