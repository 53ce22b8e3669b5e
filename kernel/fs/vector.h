/* The iovec arrays of readv, writev, sendmsg and their kind. */
#ifndef FS_VECTOR_H
#define FS_VECTOR_H

#include "kernel/abi/uio.h"

#define IOV_INLINE 8u

/* An iovec array copied in and checked. */
struct vector {
	struct abi_iovec few[IOV_INLINE], *iov;
	u32 n;
};

/* Fetches n of them from user memory. vector_free() it after success. -EINVAL, -EFAULT, -ENOMEM. */
int vector_get(struct vector *v, uptr_t user, u32 n) __must_check;
void vector_free(struct vector *v);

/* Reads or writes it all as readv(2) and writev(2) do; pos NULL: at the file's own position. */
struct file;
long vector_rw(struct file *f, const struct vector *v, u64 *pos, bool write);

#endif
