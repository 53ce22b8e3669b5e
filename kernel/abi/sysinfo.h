/* struct sysinfo of sysinfo(2). */
#ifndef ABI_SYSINFO_H
#define ABI_SYSINFO_H

#include "kernel/lib/types.h"

#define SI_LOAD_SHIFT 16

struct abi_sysinfo {
	s32 uptime;
	u32 loads[3]; /* fixed point, SI_LOAD_SHIFT bits behind it */
	u32 totalram, freeram, sharedram, bufferram, totalswap, freeswap; /* in mem_unit */
	u16 procs, pad;
	u32 totalhigh, freehigh, mem_unit;
	u8 fill[8];
};
_Static_assert(sizeof(struct abi_sysinfo) == 64, "struct sysinfo is 64 bytes");

#endif
