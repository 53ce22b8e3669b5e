/*
 * The memory fsck: every frame accounted for, every count explained.
 *
 * It stops at nothing and believes nothing: page tables are walked and mappings counted anew, and
 * the counts in struct page, struct mm, zones, caches and free lists are held against them. It
 * runs after every self-test and before the machine is left. Slow; the kernel must be quiet.
 */
#ifndef MM_CHECK_H
#define MM_CHECK_H

#include "kernel/core/selftest.h"
#include "kernel/lib/types.h"

/* Prints each finding with `complain`. Returns the number of findings. */
u32 mm_check(void (*complain)(const char *fmt, ...));

/* What must be the same again when all that a test did is undone. */
struct mm_usage {
	u32 frames;       /* not free; allocators' caches emptied, without kernel page tables
			   * and slabs: of those the objects count */
	u32 slab_objects;
	u32 committed;    /* pages */
	u32 kstacks;
	u32 huge_pages, huge_reserved; /* in the pool */
};
void mm_usage(struct mm_usage *out);

/* Checks and compares around each self-test; main() installs it. */
extern const struct selftest_guard memory_guard;

#endif
