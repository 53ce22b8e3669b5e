/*
 * Open files that have no name and no contents of their own: epoll, eventfd and their kind. All
 * share one inode; what each is stands in the name of its dentry.
 */
#include "kernel/abi/statfs.h"
#include "kernel/fs/vfs.h"
#include "kernel/lib/kassert.h"
#include "kernel/proc/task.h"

static struct internal_mount anon_inodefs;
static struct inode *anon_inode __ro_after_init;

struct file *anon_file_create(
	const char *kind, u32 flags, const struct file_ops *ops, void *private)
{
	struct dentry *d = dentry_create_anon(kind, inode_get(anon_inode));

	if (!d)
		return err_ptr(-ENOMEM);
	d->flags |= D_KIND;
	return file_create_with(
		(struct path){mount_get(&anon_inodefs.mount), d}, flags, ops, private);
}

/* For what could not become a file: releases `private` the way the file would. */
static void release_private(const struct file_ops *ops, void *private)
{
	struct file f = {.private = private};

	ops->release(&f);
}

long anon_fd_create(const char *kind, u32 flags, const struct file_ops *ops, void *private)
{
	struct files *fs = current_task()->files;
	long fd = files_reserve(fs, 0, flags & O_CLOEXEC);
	struct file *f;

	if (fd < 0) {
		release_private(ops, private);
		return fd;
	}
	f = anon_file_create(kind, flags & ~O_CLOEXEC, ops, private);
	if (is_err(f)) {
		files_unreserve(fs, (u32)fd);
		release_private(ops, private);
		return ptr_err(f);
	}
	files_fill(fs, (u32)fd, f);
	return fd;
}

static const struct inode_ops anon_inode_ops = {0};

static struct fs_type anon_type = {
	.name = "anon_inodefs",
	.magic = ANON_INODE_FS_MAGIC,
};

void __init anon_file_init(void)
{
	mount_init_internal(&anon_inodefs, &anon_type);
	anon_inode = inode_create(&anon_inodefs.super, &anon_inode_ops, 0600);
	if (!anon_inode)
		panic("no memory for the anonymous inode");
}
