/* Opening a file by its path. */
#ifndef FS_OPEN_H
#define FS_OPEN_H

#include "kernel/fs/file.h"

/* What open(2) does, up to the descriptor: flags and mode are the user's. Error pointer. */
struct file *path_open(s32 dirfd, const char *path, u32 flags, u32 mode) __must_check;

#endif
