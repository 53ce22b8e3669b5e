/* Times and clocks as programs see them. i386 has every struct twice: with 32-bit seconds (the
 * old calls) and with 64-bit ones (the _time64 calls). */
#ifndef ABI_TIME_H
#define ABI_TIME_H

#include "kernel/lib/types.h"
#include "kernel/abi/resource.h"

struct abi_timespec32 {
	s32 sec, nsec;
};
_Static_assert(sizeof(struct abi_timespec32) == 8, "old timespec is 8 bytes");

struct abi_timespec64 {
	s64 sec;
	s32 nsec, pad; /* the kernel ignores pad, as tv_nsec is read as 32 bits wide */
};
_Static_assert(sizeof(struct abi_timespec64) == 16, "__kernel_timespec is 16 bytes");

struct abi_itimerval32 {
	struct abi_timeval32 interval, value;
};
_Static_assert(sizeof(struct abi_itimerval32) == 16, "old itimerval is 16 bytes");

struct abi_timezone {
	s32 minuteswest, dsttime;
};

struct abi_tms {
	s32 utime, stime, cutime, cstime; /* ticks of USER_HZ */
};
_Static_assert(sizeof(struct abi_tms) == 16, "struct tms is 16 bytes");

#define USER_HZ 100u

#define CLOCK_REALTIME           0
#define CLOCK_MONOTONIC          1
#define CLOCK_PROCESS_CPUTIME_ID 2
#define CLOCK_THREAD_CPUTIME_ID  3
#define CLOCK_MONOTONIC_RAW      4
#define CLOCK_REALTIME_COARSE    5
#define CLOCK_MONOTONIC_COARSE   6
#define CLOCK_BOOTTIME           7
#define CLOCK_REALTIME_ALARM     8
#define CLOCK_BOOTTIME_ALARM     9
#define CLOCK_TAI                11

/* Clock ids below 0 name the CPU time of a process or thread: ~pid in the upper bits (0: the
 * caller's), bit 2 for a thread, the two lowest for what is counted. */
#define CPUCLOCK_PROF  0
#define CPUCLOCK_VIRT  1
#define CPUCLOCK_SCHED 2
#define CPUCLOCK_THREAD 4
#define CPUCLOCK_KIND  7
#define CPUCLOCK(pid, kind) ((s32)(~(u32)(pid) << 3 | (kind)))
#define CPUCLOCK_PID(id)    ((u32) ~((s32)(id) >> 3))

#define TIMER_ABSTIME 1u

#define ITIMER_REAL    0
#define ITIMER_VIRTUAL 1
#define ITIMER_PROF    2

#endif
