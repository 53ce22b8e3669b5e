/* futex(2) operations (include/uapi/linux/futex.h). */
#ifndef ABI_FUTEX_H
#define ABI_FUTEX_H

#include "kernel/lib/types.h"

#define FUTEX_WAIT        0
#define FUTEX_WAKE        1
#define FUTEX_FD          2
#define FUTEX_REQUEUE     3
#define FUTEX_CMP_REQUEUE 4
#define FUTEX_WAKE_OP     5
#define FUTEX_LOCK_PI     6
#define FUTEX_UNLOCK_PI   7
#define FUTEX_TRYLOCK_PI  8
#define FUTEX_WAIT_BITSET 9
#define FUTEX_WAKE_BITSET 10
#define FUTEX_WAIT_REQUEUE_PI 11
#define FUTEX_CMP_REQUEUE_PI  12
#define FUTEX_LOCK_PI2        13

#define FUTEX_PRIVATE_FLAG   128u
#define FUTEX_CLOCK_REALTIME 256u
#define FUTEX_BITSET_ANY     0xffffffffu

/* FUTEX_WAKE_OP packs its operation in val3: op 31..28, cmp 27..24, oparg 23..12, cmparg 11..0 */
#define FUTEX_OP_SET       0
#define FUTEX_OP_ADD       1
#define FUTEX_OP_OR        2
#define FUTEX_OP_ANDN      3
#define FUTEX_OP_XOR       4
#define FUTEX_OP_ARG_SHIFT 8 /* in op: oparg is a bit number */
#define FUTEX_OP_CMP_EQ    0
#define FUTEX_OP_CMP_NE    1
#define FUTEX_OP_CMP_LT    2
#define FUTEX_OP_CMP_LE    3
#define FUTEX_OP_CMP_GT    4
#define FUTEX_OP_CMP_GE    5

/* futex_waitv(2): one of up to FUTEX_WAITV_MAX words. */
struct abi_futex_waitv {
	u64 val, addr;
	u32 flags; /* FUTEX_32, the word's size, and perhaps FUTEX_PRIVATE_FLAG */
	u32 reserved;
};
_Static_assert(sizeof(struct abi_futex_waitv) == 24, "futex_waitv is 24 bytes");

#define FUTEX_32        2u
#define FUTEX_WAITV_MAX 128u

#define FUTEX_WAITERS    0x80000000u
#define FUTEX_OWNER_DIED 0x40000000u
#define FUTEX_TID_MASK   0x3fffffffu

/* What set_robust_list(2) points at: a circular list of locks that the thread holds. */
struct abi_robust_list_head {
	u32 next;         /* struct robust_list, whose only field is the next pointer */
	s32 futex_offset; /* from a list entry to its lock word */
	u32 pending;      /* a lock that is just being taken or released */
};
_Static_assert(sizeof(struct abi_robust_list_head) == 12, "robust_list_head is 12 bytes");

#endif
