/* Scatter and gather: readv(2) and its family. */
#ifndef ABI_UIO_H
#define ABI_UIO_H

#include "kernel/lib/types.h"

struct abi_iovec {
	u32 base, len;
};
_Static_assert(sizeof(struct abi_iovec) == 8, "struct iovec is 8 bytes");

#define ABI_IOV_MAX 1024u

#endif
