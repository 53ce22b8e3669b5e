/*
 * The clocks of the vDSO: what the TSC can tell is told without a system call, the rest by one.
 * This is code of programs: it runs in their address space, at any address, and knows no more than
 * its arguments and the clock's page, which lies where the linker script says.
 */
#include "kernel/abi/errno.h"
#include "kernel/abi/syscall_nr.h"
#include "kernel/abi/time.h"
#include "kernel/core/clock_data.h"

#define NSEC_PER_SEC 1000000000u

#define EXPORT __attribute__((visibility("default"), used))

extern const struct clock_data clock_page __attribute__((visibility("hidden")));

int __vdso_clock_gettime(s32 id, struct abi_timespec32 *to);
int __vdso_clock_gettime64(s32 id, struct abi_timespec64 *to);
int __vdso_clock_getres(s32 id, struct abi_timespec32 *to);
int __vdso_gettimeofday(struct abi_timeval32 *tv, struct abi_timezone *tz);
s32 __vdso_time(s32 *to);

enum {
#define X(nr, name) NR_##name = (nr),
	ABI_SYSCALLS(X)
#undef X
};

static int call(u32 nr, u32 a, const void *b)
{
	int r;
	__asm__ volatile("int $0x80" : "=a"(r) : "a"(nr), "b"(a), "c"(b) : "memory");
	return r;
}

struct instant {
	u32 sec, nsec;
};

#define CLOCKS_COARSE  (1u << CLOCK_REALTIME_COARSE | 1u << CLOCK_MONOTONIC_COARSE)
#define CLOCKS_OF_WALL (1u << CLOCK_REALTIME | 1u << CLOCK_TAI)
#define CLOCKS_HERE                                                                                \
	(CLOCKS_COARSE | CLOCKS_OF_WALL | 1u << CLOCK_MONOTONIC | 1u << CLOCK_MONOTONIC_RAW |      \
		1u << CLOCK_BOOTTIME)

static __forceinline u64 now_coarse(s32 id)
{
	return id == CLOCK_REALTIME_COARSE ? clock_page.coarse_realtime_ns
					   : clock_page.coarse_monotonic_ns;
}

static __forceinline u64 now_by_tsc(bool wall)
{
	u32 lo, hi;
	u64 ns;

	__asm__ volatile("rdtsc" : "=a"(lo), "=d"(hi)::"memory");
	ns = clock_tsc_ns(&clock_page, (u64)hi << 32 | lo);
	return wall ? clock_realtime_at(&clock_page, ns) : ns;
}

/* Reads a clock. False where only the kernel can: without a TSC, other clocks, far future. */
static __forceinline bool read_clock(s32 id, struct instant *now)
{
	u32 seq, tai, clock = (u32)id < 32 ? 1u << id : 0;
	u64 ns;

	if (!(clock & CLOCKS_HERE) || (!clock_page.mult && !(clock & CLOCKS_COARSE)))
		return false;
	do {
		while ((seq = READ_ONCE(clock_page.seq)) & 1)
			__asm__ volatile("pause");
		barrier();
		ns = clock & CLOCKS_COARSE ? now_coarse(id) : now_by_tsc(clock & CLOCKS_OF_WALL);
		tai = (u32)clock_page.tai_offset;
		barrier();
	} while (READ_ONCE(clock_page.seq) != seq);
	if (ns >> 32 >= NSEC_PER_SEC)
		return false; /* the division would overflow */
	__asm__("divl %4"
		: "=a"(now->sec), "=d"(now->nsec)
		: "a"((u32)ns), "d"((u32)(ns >> 32)), "r"(NSEC_PER_SEC));
	if (id == CLOCK_TAI)
		now->sec += tai;
	return true;
}

EXPORT int __vdso_clock_gettime(s32 id, struct abi_timespec32 *to)
{
	struct instant now;

	if (!read_clock(id, &now) || now.sec > INT32_MAX)
		return call(NR_clock_gettime, (u32)id, to);
	*to = (struct abi_timespec32){.sec = (s32)now.sec, .nsec = (s32)now.nsec};
	return 0;
}

EXPORT int __vdso_clock_gettime64(s32 id, struct abi_timespec64 *to)
{
	struct instant now;

	if (!read_clock(id, &now))
		return call(NR_clock_gettime64, (u32)id, to);
	*to = (struct abi_timespec64){.sec = now.sec, .nsec = (s32)now.nsec};
	return 0;
}

EXPORT int __vdso_gettimeofday(struct abi_timeval32 *tv, struct abi_timezone *tz)
{
	struct instant now;

	if (!read_clock(CLOCK_REALTIME, &now) || now.sec > INT32_MAX)
		return call(NR_gettimeofday, (u32)tv, tz);
	if (tv)
		*tv = (struct abi_timeval32){.sec = (s32)now.sec, .usec = (s32)(now.nsec / 1000)};
	if (tz)
		*tz = (struct abi_timezone){0, 0};
	return 0;
}

EXPORT s32 __vdso_time(s32 *to)
{
	struct instant now;

	if (!read_clock(CLOCK_REALTIME, &now))
		return call(NR_time, (u32)to, NULL);
	if (to)
		*to = (s32)now.sec;
	return (s32)now.sec;
}

EXPORT int __vdso_clock_getres(s32 id, struct abi_timespec32 *to)
{
	return call(NR_clock_getres, (u32)id, to);
}
