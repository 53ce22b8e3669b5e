/* Making files by path on the kernel's own account: the boot image, mount points, tests. */
#ifndef FS_KPATH_H
#define FS_KPATH_H

#include "kernel/lib/types.h"

struct dentry;
struct path;

/* Creates the last component with type and permissions from `mode`; missing directories above it
 * are made (0755, root's). *out, when not NULL, gets a reference. -EEXIST when it is there. */
int kpath_create(const char *path, u32 mode, u32 rdev, const char *target, struct dentry **out);

/* Removes a file or an empty directory. */
int kpath_remove(const char *path);

/* Makes another name for a file; missing directories above it are made. */
int kpath_link(struct path old, const char *path);

#endif
