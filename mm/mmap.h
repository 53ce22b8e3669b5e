/*
 * mmap(2) for the other calls that map a file: shmat(2), remap_file_pages(2).
 */
#ifndef MM_MMAP_H
#define MM_MMAP_H

#include "kernel/abi/mman.h"
#include "mm/hugetlb.h"
#include "mm/space.h"

/* One call on its way from the arguments to the request. */
struct mmap_args {
	u32 prot, flags;      /* PROT_ and MAP_ bits */
	struct map_request r; /* addr, len, pgoff and backing, whose reference the caller keeps, as
	                         they were asked for; mmap_locked() makes a request of it */
};

/* Says which file is to be mapped. */
static inline void mmap_set_backing(struct mmap_args *a, struct backing *b)
{
	a->r.backing = b;
	if (b->object && object_is_huge(b->object))
		a->r.how |= MM_HUGE;
}

/* MM_LOW for an address below user_min when the caller is privileged, else 0. */
u32 mmap_may_go_low(vaddr_t addr);

/* Maps it. Caller holds mm->lock, and calls mmap_populate() after letting it go. Returns the address,
 * or a negative errno. */
long mmap_locked(struct mm *mm, struct mmap_args *a) __must_check;

/* Faults in what mmap_locked(), which returned `at`, has mapped, where that was asked for. */
static inline void mmap_populate(struct mm *mm, const struct mmap_args *a, long at)
{
	bool wanted = (a->r.vm_flags & VM_LOCKED) ||
		      (a->flags & (MAP_POPULATE | MAP_NONBLOCK)) == MAP_POPULATE;
	if (wanted && !is_err((void *)at))
		(void)mm_populate(mm, at, at + a->r.len);
}

#endif
