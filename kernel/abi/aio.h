/* io_setup(2) and its family: Linux's native asynchronous I/O. */
#ifndef ABI_AIO_H
#define ABI_AIO_H

#include "kernel/lib/types.h"

struct abi_iocb {
	u64 data; /* comes back in the event */
	u32 key, rw_flags;
	u16 opcode;
	s16 reqprio;
	u32 fildes;
	u64 buf, nbytes;
	s64 offset;
	u64 reserved2;
	u32 flags;
	u32 resfd;
};
_Static_assert(sizeof(struct abi_iocb) == 64, "struct iocb is 64 bytes");

#define IOCB_CMD_PREAD	 0
#define IOCB_CMD_PWRITE	 1
#define IOCB_CMD_FSYNC	 2
#define IOCB_CMD_FDSYNC	 3
#define IOCB_CMD_PREADV	 7
#define IOCB_CMD_PWRITEV 8

#define IOCB_FLAG_RESFD	 1u /* `resfd` is an eventfd that counts what is complete */
#define IOCB_FLAG_IOPRIO 2u

struct abi_io_event {
	u64 data, obj; /* obj: address of the iocb */
	s64 res, res2;
};
_Static_assert(sizeof(struct abi_io_event) == 32, "struct io_event is 32 bytes");

/* What stands before the events at the begin of the ring. */
struct abi_aio_ring {
	u32 id, nr, head, tail; /* head is the reader's, which may be the program itself */
	u32 magic, compat_features, incompat_features, header_length;
};
_Static_assert(sizeof(struct abi_aio_ring) == 32, "struct aio_ring is 32 bytes");

#define AIO_RING_MAGIC 0xa10a10a1u

/* io_pgetevents(2)'s last argument points to it. */
struct abi_aio_sigset {
	u32 mask, size;
};

#endif
