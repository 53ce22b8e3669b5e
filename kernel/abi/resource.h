/* Resource limits and usage (include/uapi/linux/resource.h). */
#ifndef ABI_RESOURCE_H
#define ABI_RESOURCE_H

#include "kernel/lib/types.h"

enum {
	RLIMIT_CPU, RLIMIT_FSIZE, RLIMIT_DATA, RLIMIT_STACK, RLIMIT_CORE, RLIMIT_RSS, RLIMIT_NPROC,
	RLIMIT_NOFILE, RLIMIT_MEMLOCK, RLIMIT_AS, RLIMIT_LOCKS, RLIMIT_SIGPENDING, RLIMIT_MSGQUEUE,
	RLIMIT_NICE, RLIMIT_RTPRIO, RLIMIT_RTTIME, RLIM_NLIMITS,
};

#define RLIM64_INFINITY (~0ull)
#define RLIM32_INFINITY (~0u)

struct abi_rlimit64 {
	u64 cur, max;
};

struct abi_rlimit32 {
	u32 cur, max;
};

struct abi_timeval32 {
	s32 sec, usec;
};

struct abi_rusage {
	struct abi_timeval32 utime, stime;
	s32 maxrss, ixrss, idrss, isrss, minflt, majflt, nswap, inblock, oublock, msgsnd, msgrcv,
		nsignals, nvcsw, nivcsw;
};
_Static_assert(sizeof(struct abi_rusage) == 72, "struct rusage is 72 bytes");

#define RUSAGE_SELF     0
#define RUSAGE_CHILDREN -1
#define RUSAGE_THREAD   1

#endif
