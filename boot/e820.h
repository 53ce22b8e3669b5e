/*
 * Makes sense of the firmware's memory map, pure. Its entries come in any order, overlap, are
 * empty, wrap around, and reach beyond what the CPU can address.
 */
#ifndef BOOT_E820_H
#define BOOT_E820_H

#include "kernel/core/bootinfo.h"
#include "kernel/lib/types.h"

#define E820_USABLE 1u /* every other type is kept out */

#define E820_LIMIT (1ull << 36) /* PAE's physical addresses; what lies above is cut off */

struct e820_entry {
	u64 start, len; /* bytes */
	u32 type;
};

/*
 * Writes the usable memory as sorted, disjoint, non-adjacent, non-empty ranges to `out`. Where
 * entries overlap, one that is not usable wins. Returns the number of ranges; when there are more
 * than `max`, the highest are left out.
 */
u32 e820_sanitise(const struct e820_entry *e, u32 n, struct prange *out, u32 max);

#endif
