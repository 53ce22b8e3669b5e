/* userfaultfd(2): its flags, ioctl numbers and structs (linux/userfaultfd.h). */
#ifndef ABI_USERFAULTFD_H
#define ABI_USERFAULTFD_H

#include "kernel/lib/types.h"

/* userfaultfd(2): O_CLOEXEC, O_NONBLOCK and this */
#define UFFD_USER_MODE_ONLY 1u

/* ioctl of /dev/userfaultfd: the flags are its argument */
#define USERFAULTFD_IOC_NEW 0x0000aa00u

/* ioctls of the descriptor */
#define UFFDIO_API	    0xc018aa3fu
#define UFFDIO_REGISTER	    0xc020aa00u
#define UFFDIO_UNREGISTER   0x8010aa01u
#define UFFDIO_WAKE	    0x8010aa02u
#define UFFDIO_COPY	    0xc028aa03u
#define UFFDIO_ZEROPAGE	    0xc020aa04u
#define UFFDIO_WRITEPROTECT 0xc018aa06u
#define UFFDIO_CONTINUE	    0xc020aa07u

/* Bits of the ioctls in the fields `ioctls`. */
#define UFFD_API_IOCTLS		    (1ull << 0x3f | 1ull << 0 | 1ull << 1)
#define UFFD_API_RANGE_IOCTLS	    (1ull << 2 | 1ull << 3 | 1ull << 4)
#define UFFD_API_RANGE_IOCTLS_BASIC (1ull << 2 | 1ull << 3) /* where there are huge pages */
#define UFFD_API_ALL_IOCTLS	    (UFFD_API_IOCTLS | UFFD_API_RANGE_IOCTLS | 1ull << 6 | 1ull << 7)

#define UFFD_API 0xaaull

#define UFFD_FEATURE_EVENT_FORK	       (1u << 1)
#define UFFD_FEATURE_EVENT_REMAP       (1u << 2)
#define UFFD_FEATURE_EVENT_REMOVE      (1u << 3)
#define UFFD_FEATURE_MISSING_HUGETLBFS (1u << 4)
#define UFFD_FEATURE_MISSING_SHMEM     (1u << 5)
#define UFFD_FEATURE_EVENT_UNMAP       (1u << 6)
#define UFFD_FEATURE_SIGBUS	       (1u << 7)
#define UFFD_FEATURE_THREAD_ID	       (1u << 8)
#define UFFD_FEATURE_EXACT_ADDRESS     (1u << 11)
#define UFFD_FEATURE_INITIALIZED       (1u << 31) /* of fdinfo only: UFFDIO_API was called */
/* What i386 has: not write protection, not minor faults. */
#define UFFD_API_FEATURES 0x9feu

struct abi_uffdio_api {
	u64 api, features, ioctls;
};

struct abi_uffdio_range {
	u64 start, len;
};

#define UFFDIO_REGISTER_MODE_MISSING 1u

struct abi_uffdio_register {
	struct abi_uffdio_range range;
	u64 mode;
	u64 ioctls; /* the answer */
};

#define UFFDIO_COPY_MODE_DONTWAKE 1u
#define UFFDIO_COPY_MODE_WP	  2u

struct abi_uffdio_copy {
	u64 dst, src, len, mode;
	s64 copy; /* the answer: bytes, or a negative errno */
};

#define UFFDIO_ZEROPAGE_MODE_DONTWAKE 1u

/* Also of UFFDIO_CONTINUE. */
struct abi_uffdio_zeropage {
	struct abi_uffdio_range range;
	u64 mode;
	s64 zeropage; /* the answer: bytes, or a negative errno */
};

#define UFFDIO_WRITEPROTECT_MODE_WP	  1u
#define UFFDIO_WRITEPROTECT_MODE_DONTWAKE 2u

struct abi_uffdio_writeprotect {
	struct abi_uffdio_range range;
	u64 mode;
};

#define UFFD_EVENT_PAGEFAULT 0x12u
#define UFFD_EVENT_FORK	     0x13u
#define UFFD_EVENT_REMAP     0x14u
#define UFFD_EVENT_REMOVE    0x15u
#define UFFD_EVENT_UNMAP     0x16u

#define UFFD_PAGEFAULT_FLAG_WRITE 1u

/* What read(2) gives. */
struct abi_uffd_msg {
	u8 event, reserved1;
	u16 reserved2;
	u32 reserved3;
	union {
		struct {
			u64 flags, address;
			u32 ptid;
		} pagefault;
		struct {
			u32 ufd;
		} fork;
		struct {
			u64 from, to, len;
		} remap;
		struct {
			u64 start, end;
		} range; /* of UFFD_EVENT_REMOVE and UFFD_EVENT_UNMAP */
	};
};
_Static_assert(sizeof(struct abi_uffd_msg) == 32, "struct uffd_msg is 32 bytes");
_Static_assert(sizeof(struct abi_uffdio_api) == 24 && sizeof(struct abi_uffdio_register) == 32 &&
	sizeof(struct abi_uffdio_copy) == 40 && sizeof(struct abi_uffdio_zeropage) == 32 &&
	sizeof(struct abi_uffdio_writeprotect) == 24, "sizes are in the ioctl numbers");

#endif
