/*
 * Character devices by number, and the file system on /dev that has a node for each.
 *
 * A device node is an ordinary tmpfs inode; what makes it a device is its number, looked up in the
 * table here when it is opened. So mknod(2) works anywhere, and devtmpfs is a tmpfs that comes
 * filled.
 */
#include "kernel/fs/vfs.h"
#include "kernel/abi/statfs.h"
#include "kernel/fs/pathname.h"
#include "kernel/lib/kassert.h"

#define MAX_CHRDEVS 24

static struct chrdev {
	u32 dev, mode;
	u32 count; /* of minor numbers from there on */
	const char *name;
	const struct file_ops *ops;
	int (*open)(struct file *f);
} chrdevs[MAX_CHRDEVS] __ro_after_init;
static u32 nr_chrdevs __ro_after_init;

void __init chrdev_register(u32 major, u32 minor, const char *name, u32 mode,
	const struct file_ops *ops, int (*open)(struct file *f))
{
	kassert(nr_chrdevs < MAX_CHRDEVS);
	chrdevs[nr_chrdevs++] = (struct chrdev){
		.dev = MKDEV(major, minor),
		.mode = mode,
		.count = 1,
		.name = name,
		.ops = ops,
		.open = open,
	};
}

void __init chrdev_register_range(
	u32 major, u32 count, const struct file_ops *ops, int (*open)(struct file *f))
{
	chrdev_register(major, 0, NULL, 0, ops, open);
	chrdevs[nr_chrdevs - 1].count = count;
}

int chrdev_open(struct inode *inode, struct file *f)
{
	for (u32 i = 0; i < nr_chrdevs; i++) {
		if (inode->rdev - chrdevs[i].dev >= chrdevs[i].count)
			continue;
		f->ops = chrdevs[i].ops;
		return chrdevs[i].open ? chrdevs[i].open(f) : 0;
	}
	return -ENXIO;
}

/* Node by node into the empty tree. Nobody else sees it yet, but linking asks for
 * namespace_lock, which the mount call holds. */
static int add_nodes(struct super *s)
{
	struct dentry *root = s->root;
	struct inode *inode;
	int err = 0;

	for (u32 i = 0; i < nr_chrdevs && !err; i++) {
		struct name name;

		if (!chrdevs[i].name)
			continue;
		name = pathname_of(chrdevs[i].name);
		err = root->inode->ops->create(
			root->inode, S_IFCHR | chrdevs[i].mode, chrdevs[i].dev, NULL, &inode);
		if (!err)
			err = dentry_link(root, name.s, name.len, inode, NULL);
	}
	return err;
}

static int devfs_mount(struct super *s, const char *options)
{
	int err = tmpfs_mount(s, options);

	if (err)
		return err;
	s->root->inode->mode = S_IFDIR | 0755;
	err = add_nodes(s);
	if (err)
		dentry_tree_drop(s->root);
	return err;
}

static struct fs_type devfs_type = {
	.name = "devtmpfs",
	.magic = TMPFS_MAGIC,
	.nodev = true,
	.mount = devfs_mount,
	.statfs = tmpfs_statfs,
	.show_options = tmpfs_show_options,
};

void __init devfs_init(void)
{
	fs_register(&devfs_type);
}
