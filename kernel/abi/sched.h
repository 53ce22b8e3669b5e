/* clone(2) flags and scheduling policies (include/uapi/linux/sched.h). */
#ifndef ABI_SCHED_H
#define ABI_SCHED_H

#include "kernel/lib/types.h"

#define CSIGNAL              0x000000ffu /* signal sent at exit */
#define CLONE_VM             0x00000100u
#define CLONE_FS             0x00000200u
#define CLONE_FILES          0x00000400u
#define CLONE_SIGHAND        0x00000800u
#define CLONE_PIDFD          0x00001000u
#define CLONE_PTRACE         0x00002000u
#define CLONE_VFORK          0x00004000u
#define CLONE_PARENT         0x00008000u
#define CLONE_THREAD         0x00010000u
#define CLONE_NEWNS          0x00020000u
#define CLONE_SYSVSEM        0x00040000u
#define CLONE_SETTLS         0x00080000u
#define CLONE_PARENT_SETTID  0x00100000u
#define CLONE_CHILD_CLEARTID 0x00200000u
#define CLONE_DETACHED       0x00400000u
#define CLONE_UNTRACED       0x00800000u
#define CLONE_CHILD_SETTID   0x01000000u
#define CLONE_NEWCGROUP      0x02000000u
#define CLONE_NEWUTS         0x04000000u
#define CLONE_NEWIPC         0x08000000u
#define CLONE_NEWUSER        0x10000000u
#define CLONE_NEWPID         0x20000000u
#define CLONE_NEWNET         0x40000000u
#define CLONE_IO             0x80000000u
#define CLONE_NEWTIME        0x00000080u /* of unshare(2) only: in CSIGNAL */
#define CLONE_NAMESPACES                                                                           \
	(CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER |             \
		CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWTIME)

#define CLONE_CLEAR_SIGHAND  0x100000000ull /* these two for clone3() only */
#define CLONE_INTO_CGROUP    0x200000000ull

/* What clone3(2) is asked. Older callers know only the first 64 or 80 bytes. */
struct abi_clone_args {
	u64 flags, pidfd, child_tid, parent_tid, exit_signal, stack, stack_size, tls;
	u64 set_tid, set_tid_size;
	u64 cgroup;
};
_Static_assert(sizeof(struct abi_clone_args) == 88, "struct clone_args is 88 bytes");
#define CLONE_ARGS_SIZE_VER0 64u
#define CLONE_ARGS_SIZE_VER2 88u /* with `cgroup` */

#define SCHED_OTHER         0
#define SCHED_FIFO          1
#define SCHED_RR            2
#define SCHED_BATCH         3
#define SCHED_IDLE          5
#define SCHED_DEADLINE      6
#define SCHED_RESET_ON_FORK 0x40000000u

/* Commands of membarrier(2) (include/uapi/linux/membarrier.h); the one after each of the last three
 * registers for it. */
#define MEMBARRIER_QUERY                       0x000u
#define MEMBARRIER_GLOBAL                      0x001u
#define MEMBARRIER_GLOBAL_EXPEDITED            0x002u
#define MEMBARRIER_PRIVATE_EXPEDITED           0x008u
#define MEMBARRIER_PRIVATE_EXPEDITED_SYNC_CORE 0x020u
#define MEMBARRIER_PRIVATE_EXPEDITED_RSEQ      0x080u
#define MEMBARRIER_FLAG_CPU                    1u

/* ioprio_set(2): a class in the upper three of 16 bits, a level in the others. */
#define IOPRIO_WHO_PROCESS   1 /* one thread */
#define IOPRIO_WHO_PGRP      2
#define IOPRIO_WHO_USER      3
#define IOPRIO_CLASS(p)      ((u32)(p) >> 13 & 7)
#define IOPRIO_LEVEL(p)      ((u32)(p) & 0x1fff)
#define IOPRIO(class, level) ((u32)(class) << 13 | (u32)(level))
#define IOPRIO_CLASS_NONE    0 /* what the scheduler's priority says */
#define IOPRIO_CLASS_RT      1
#define IOPRIO_CLASS_BE      2
#define IOPRIO_CLASS_IDLE    3
#define IOPRIO_NR_LEVELS     8

#define PRIO_PROCESS 0
#define PRIO_PGRP    1
#define PRIO_USER    2

struct abi_sched_param {
	s32 priority;
};

/* What sched_setattr(2) is asked. Older callers know only the first 48 bytes. */
struct abi_sched_attr {
	u32 size, policy;
	u64 flags;
	s32 nice;
	u32 priority;
	u64 runtime, deadline, period; /* of SCHED_DEADLINE, in nanoseconds */
	u32 util_min, util_max;
};
_Static_assert(sizeof(struct abi_sched_attr) == 56, "struct sched_attr is 56 bytes");
#define SCHED_ATTR_SIZE_VER0 48u
#define SCHED_ATTR_SIZE_VER1 56u

#define SCHED_FLAG_RESET_ON_FORK 0x01u
#define SCHED_FLAG_KEEP_POLICY   0x08u
#define SCHED_FLAG_KEEP_PARAMS   0x10u
#define SCHED_FLAG_UTIL_CLAMP    0x60u
#define SCHED_FLAG_ALL           0x7fu

#endif
