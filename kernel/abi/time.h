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

/* adjtimex(2): struct timex. The call without "64" has the same fields, each of 32 bits. */
struct abi_timex64 {
	u32 modes, pad1;
	s64 offset; /* us, or ns with STA_NANO */
	s64 freq;   /* millionths << 16 */
	s64 maxerror, esterror; /* us */
	s32 status, pad2;
	s64 constant, precision, tolerance;
	s64 sec, usec; /* the time; ns with STA_NANO */
	s64 tick;      /* us between two of USER_HZ ticks */
	s64 ppsfreq, jitter;
	s32 shift, pad3;
	s64 stabil, jitcnt, calcnt, errcnt, stbcnt;
	s32 tai, pad4[11];
};
_Static_assert(sizeof(struct abi_timex64) == 208, "__kernel_timex is 208 bytes");

struct abi_timex32 {
	u32 modes;
	s32 offset, freq, maxerror, esterror, status, constant, precision, tolerance, sec, usec, tick;
	s32 ppsfreq, jitter, shift, stabil, jitcnt, calcnt, errcnt, stbcnt, tai, pad[11];
};
_Static_assert(sizeof(struct abi_timex32) == 128, "old struct timex is 128 bytes");

#define ADJ_OFFSET	      0x0001u
#define ADJ_FREQUENCY	      0x0002u
#define ADJ_MAXERROR	      0x0004u
#define ADJ_ESTERROR	      0x0008u
#define ADJ_STATUS	      0x0010u
#define ADJ_TIMECONST	      0x0020u
#define ADJ_TAI		      0x0080u
#define ADJ_SETOFFSET	      0x0100u
#define ADJ_MICRO	      0x1000u
#define ADJ_NANO	      0x2000u
#define ADJ_TICK	      0x4000u
#define ADJ_ADJTIME	      0x8000u /* adjtime(3)'s: with ADJ_OFFSET and perhaps the next */
#define ADJ_OFFSET_READONLY   0x2000u

#define STA_PLL	     0x0001
#define STA_FLL	     0x0008
#define STA_UNSYNC   0x0040
#define STA_FREQHOLD 0x0080
#define STA_CLOCKERR 0x1000
#define STA_NANO     0x2000
#define STA_MODE     0x4000
#define STA_RONLY    0xff00

#define TIME_OK	   0
#define TIME_ERROR 5

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
