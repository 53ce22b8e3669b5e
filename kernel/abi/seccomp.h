/* seccomp(2) (linux/seccomp.h, linux/audit.h). */
#ifndef ABI_SECCOMP_H
#define ABI_SECCOMP_H

#include "kernel/lib/types.h"

#define SECCOMP_MODE_DISABLED 0
#define SECCOMP_MODE_STRICT   1
#define SECCOMP_MODE_FILTER   2

/* Operations. */
#define SECCOMP_SET_MODE_STRICT	 0
#define SECCOMP_SET_MODE_FILTER	 1
#define SECCOMP_GET_ACTION_AVAIL 2

/* Flags of SECCOMP_SET_MODE_FILTER. */
#define SECCOMP_FILTER_FLAG_TSYNC	0x01u
#define SECCOMP_FILTER_FLAG_LOG		0x02u
#define SECCOMP_FILTER_FLAG_SPEC_ALLOW	0x04u
#define SECCOMP_FILTER_FLAG_TSYNC_ESRCH 0x10u

/* What a filter answers: an action, the least of several counting as signed numbers, and data. */
#define SECCOMP_RET_KILL_PROCESS 0x80000000u
#define SECCOMP_RET_KILL_THREAD	 0x00000000u
#define SECCOMP_RET_TRAP	 0x00030000u
#define SECCOMP_RET_ERRNO	 0x00050000u
#define SECCOMP_RET_USER_NOTIF	 0x7fc00000u
#define SECCOMP_RET_TRACE	 0x7ff00000u
#define SECCOMP_RET_LOG		 0x7ffc0000u
#define SECCOMP_RET_ALLOW	 0x7fff0000u
#define SECCOMP_RET_ACTION_FULL	 0xffff0000u
#define SECCOMP_RET_DATA	 0x0000ffffu

#define AUDIT_ARCH_I386 0x40000003u

/* What a filter looks at. */
struct abi_seccomp_data {
	s32 nr;
	u32 arch;
	u64 instruction_pointer;
	u64 args[6];
};
_Static_assert(sizeof(struct abi_seccomp_data) == 64, "struct seccomp_data is 64 bytes");

#endif
