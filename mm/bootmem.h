/*
 * Memory before the allocator: the list of free physical ranges, from which what is in use is cut
 * out and the first large array taken. Whatever is left is given to the allocator, and the list
 * is forgotten. Pure.
 */
#ifndef MM_BOOTMEM_H
#define MM_BOOTMEM_H

#include "kernel/core/bootinfo.h"
#include "kernel/lib/types.h"

/*
 * Adding makes at most one range each, and cutting a hole at most one more: the map's ranges, the
 * modules, the kernel image, frame 0 and two allocations.
 */
#define BOOTMEM_RANGES (BOOT_MAX_RANGES + BOOT_MAX_MODULES + 4)

struct bootmem {
	struct prange range[BOOTMEM_RANGES]; /* free: page aligned, sorted, disjoint, not empty */
	u32 nr;
};

/* Adds usable memory, rounded inwards to whole pages. It must lie above all that was added before.
 * Returns false when the table is full. */
bool bootmem_add(struct bootmem *bm, u64 start, u64 end) __must_check;

/* Takes [start, end), rounded outwards to whole pages, out of what is free. Returns false when the
 * table is full. */
bool bootmem_reserve(struct bootmem *bm, u64 start, u64 end) __must_check;

/* Takes whole pages for `bytes`, as high as possible but below `limit`. Returns the address, or 0
 * when no range has the room. */
u64 bootmem_alloc(struct bootmem *bm, u64 bytes, u64 limit) __must_check;

/* The end of the highest free range, 0 when there is none. */
u64 bootmem_end(const struct bootmem *bm);

#endif
