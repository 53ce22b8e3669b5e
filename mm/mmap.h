/*
 * mmap(2) for the other calls that map a file: shmat(2), remap_file_pages(2).
 */
#ifndef MM_MMAP_H
#define MM_MMAP_H

#include "kernel/lib/types.h"

struct backing;
struct mm;

/* The arguments, in user's terms: PROT_ and MAP_ bits, pgoff in pages. */
struct mmap_args {
	struct backing *backing; /* NULL: anonymous. The caller's reference, which it keeps */
	u32 addr, len, prot, flags, pgoff;
};

/* Maps it. Caller holds mm->lock, and when *populate comes back true calls mm_populate() for the
 * new mapping after letting it go. Returns the address, or a negative errno. */
long mmap_locked(struct mm *mm, const struct mmap_args *a, bool *populate) __must_check;

#endif
