/* prctl(2) options and the structs of capget(2) (linux/prctl.h, linux/capability.h). */
#ifndef ABI_PRCTL_H
#define ABI_PRCTL_H

#include "kernel/lib/types.h"

#define PR_SET_PDEATHSIG       1
#define PR_GET_PDEATHSIG       2
#define PR_GET_DUMPABLE        3
#define PR_SET_DUMPABLE        4
#define PR_GET_KEEPCAPS        7
#define PR_SET_KEEPCAPS        8
#define PR_GET_TIMING          13
#define PR_SET_TIMING          14
#define PR_SET_NAME            15
#define PR_GET_NAME            16
#define PR_GET_SECCOMP         21
#define PR_SET_SECCOMP         22
#define PR_CAPBSET_READ        23
#define PR_CAPBSET_DROP        24
#define PR_GET_TSC             25
#define PR_SET_TSC             26
#define PR_GET_SECUREBITS      27
#define PR_SET_SECUREBITS      28
#define PR_SET_TIMERSLACK      29
#define PR_GET_TIMERSLACK      30
#define PR_TASK_PERF_EVENTS_DISABLE 31
#define PR_TASK_PERF_EVENTS_ENABLE 32
#define PR_MCE_KILL            33
#define PR_MCE_KILL_GET        34
#define PR_SET_MM              35
#define PR_SET_CHILD_SUBREAPER 36
#define PR_GET_CHILD_SUBREAPER 37
#define PR_SET_NO_NEW_PRIVS    38
#define PR_GET_NO_NEW_PRIVS    39
#define PR_GET_TID_ADDRESS     40
#define PR_SET_THP_DISABLE     41
#define PR_GET_THP_DISABLE     42
#define PR_CAP_AMBIENT         47
#define PR_SET_IO_FLUSHER      57
#define PR_GET_IO_FLUSHER      58
#define PR_SET_SYSCALL_USER_DISPATCH 59

#define PR_TSC_ENABLE    1
#define PR_TSC_SIGSEGV   2

/* PR_SET_SECUREBITS: each with a bit above it that locks it. */
#define SECBIT_NOROOT               0x01u /* user 0 is nothing special to execve(2) */
#define SECBIT_NO_SETUID_FIXUP      0x04u /* nor to setuid(2) */
#define SECBIT_KEEP_CAPS            0x10u
#define SECBIT_KEEP_CAPS_LOCKED     0x20u
#define SECBIT_NO_CAP_AMBIENT_RAISE 0x40u
#define SECBITS                     0x55u
#define SECBITS_LOCKS               (SECBITS << 1)

/* PR_SET_SYSCALL_USER_DISPATCH: what to do, and what the selector may say. */
#define PR_SYS_DISPATCH_OFF           0
#define PR_SYS_DISPATCH_ON            1
#define SYSCALL_DISPATCH_FILTER_ALLOW 0
#define SYSCALL_DISPATCH_FILTER_BLOCK 1

/* PR_SET_MM: what to set. */
enum {
	PR_SET_MM_START_CODE = 1, PR_SET_MM_END_CODE, PR_SET_MM_START_DATA, PR_SET_MM_END_DATA,
	PR_SET_MM_START_STACK, PR_SET_MM_START_BRK, PR_SET_MM_BRK, PR_SET_MM_ARG_START,
	PR_SET_MM_ARG_END, PR_SET_MM_ENV_START, PR_SET_MM_ENV_END,
};

/* PR_CAP_AMBIENT: what to do. */
#define PR_CAP_AMBIENT_IS_SET    1
#define PR_CAP_AMBIENT_RAISE     2
#define PR_CAP_AMBIENT_LOWER     3
#define PR_CAP_AMBIENT_CLEAR_ALL 4

/* PR_MCE_KILL: what to do, and with PR_MCE_KILL_SET which policy. */
#define PR_MCE_KILL_CLEAR   0
#define PR_MCE_KILL_SET     1
#define PR_MCE_KILL_LATE    0
#define PR_MCE_KILL_EARLY   1
#define PR_MCE_KILL_DEFAULT 2

struct abi_cap_header {
	u32 version;
	s32 pid;
};

struct abi_cap_data {
	u32 effective, permitted, inheritable;
};

#define CAP_VERSION_1 0x19980330u /* one abi_cap_data */
#define CAP_VERSION_2 0x20071026u /* two */
#define CAP_VERSION_3 0x20080522u

#define CAP_CHOWN       0
#define CAP_DAC_OVERRIDE 1
#define CAP_DAC_READ_SEARCH 2
#define CAP_FOWNER      3
#define CAP_FSETID      4
#define CAP_KILL        5
#define CAP_SETGID      6
#define CAP_SETUID      7
#define CAP_NET_BIND_SERVICE 10
#define CAP_NET_ADMIN   12
#define CAP_NET_RAW     13
#define CAP_SETPCAP     8
#define CAP_LINUX_IMMUTABLE 9
#define CAP_IPC_LOCK    14
#define CAP_IPC_OWNER   15
#define CAP_SYS_CHROOT  18
#define CAP_SYS_PTRACE  19
#define CAP_SYS_RAWIO   17
#define CAP_SYS_ADMIN   21
#define CAP_SYS_BOOT    22
#define CAP_SYS_NICE    23
#define CAP_SYS_RESOURCE 24
#define CAP_SYS_TIME    25
#define CAP_WAKE_ALARM  35
#define CAP_MKNOD       27
#define CAP_MAC_OVERRIDE 32
#define CAP_SYSLOG      34
#define CAP_CHECKPOINT_RESTORE 40
#define CAP_LAST        CAP_CHECKPOINT_RESTORE

#define CAP_FULL ((1ull << (CAP_LAST + 1)) - 1)
/* What the id for files gives and takes: setfsuid(2). */
#define CAP_FS_SET \
	(1ull << CAP_CHOWN | 1ull << CAP_DAC_OVERRIDE | 1ull << CAP_DAC_READ_SEARCH | \
		1ull << CAP_FOWNER | 1ull << CAP_FSETID | 1ull << CAP_LINUX_IMMUTABLE | \
		1ull << CAP_MKNOD | 1ull << CAP_MAC_OVERRIDE)

#endif
