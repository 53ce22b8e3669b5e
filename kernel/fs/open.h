/* Opening a file by its path. */
#ifndef FS_OPEN_H
#define FS_OPEN_H

#include "kernel/fs/file.h"

/* What openat2(2) does, up to the descriptor: flags and mode are the user's, `resolve` is as there.
 * Error pointer. */
struct file *path_open(s32 dirfd, const char *path, const struct abi_open_how *how) __must_check;

#endif
