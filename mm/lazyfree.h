/*
 * MADV_FREE: memory whose contents a program can do without until it writes there again.
 *
 * The advice marks the entries of private anonymous pages PTE_LAZY and clears D, nothing more; of
 * pages that somebody else has too, and locked or perhaps locked, it only clears D; one that others
 * share and PF_DIRTY says has been written from outside it leaves as it is. When memory runs short,
 * the pages behind marked entries are taken as long as D is still clear; their next reader finds
 * zeroes. Whoever writes sets D, the CPU by itself, and has the page for good (Linux's lazily freed
 * pages, without its lists of them: shortage is when the last resort comes).
 */
#ifndef MM_LAZYFREE_H
#define MM_LAZYFREE_H

#include "mm/space.h"

/* Marks the pages of [start, end), which lies in v, a private anonymous VMA. Caller holds the mm's
 * lock. */
void lazy_free(struct vma *v, vaddr_t start, vaddr_t end);

/* Takes the marked pages of the first address space that has any. Returns how many entries went.
 * Caller holds no lock. */
u32 lazy_reclaim(void);

/* Takes the private pages of a program that will not run again, but huge ones. Returns how many
 * entries of anonymous pages went. Caller holds no lock, and a user of mm. */
u32 mm_reap(struct mm *mm);

#endif
