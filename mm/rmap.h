/*
 * The reverse map asked: which entries map a page. mm/anon.h says how it is kept for private memory,
 * mm/object.h for files.
 */
#ifndef MM_RMAP_H
#define MM_RMAP_H

#include "mm/pmap.h"
#include "mm/vma.h"

struct page;

/* Where v has p, a page of its object or family that lies in it. */
vaddr_t rmap_addr(const struct vma *v, const struct page *p);

/* The entry of v that maps p, a page of its object or family, or NULL. Caller holds v's mm's lock or
 * its object's, or does no more than look (rmap_look). */
pte_t *rmap_entry(const struct vma *v, const struct page *p);

/* What all entries that map a page say of it together. */
struct rmap_sum {
	u32 bits;    /* of their low words: PTE_ bits that at least one has */
	bool locked; /* one of them lies in a VM_LOCKED VMA: the page is unevictable */
};

/* For private memory and pages of files; nothing for others. Entries of other address spaces are read
 * without their locks, as the kernel is not preempted: the answer is one for that moment. */
struct rmap_sum rmap_look(struct page *p);

#endif
