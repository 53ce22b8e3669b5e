/*
 * Private anonymous pages and who may map them: the reverse map.
 *
 * A struct anon is a family of VMAs that may hold the same private pages: the VMA that first
 * faulted one in, its splits, and its copies made by fork. A page of the family remembers it
 * (page.mapping) and its place in it (page.index, in the numbering of vma.pgoff), so that the
 * entries that map the page are found by asking each VMA of the family for one address:
 *
 *      page --mapping--> anon --vmas--> VMA of parent --+--> pte at start + (index - pgoff)
 *                                 \---> VMA of child ---+
 *
 * Which VMAs of a family may become one is a matter of the forks behind them (mm/lineage.h).
 *
 * Moving a VMA keeps its pgoff, so the index stays right. The family ends with its last VMA; no
 * page can outlive it, because a private page lives only while an entry maps it.
 */
#ifndef MM_ANON_H
#define MM_ANON_H

#include "kernel/core/lock.h"
#include "mm/lineage.h"
#include "mm/page.h"

struct anon {
	struct spinlock lock;  /* list and lineages; inside the mm's and the object's lock */
	struct list_head vmas; /* struct vma.anon_link */
	struct lineage first;
};

/* Makes the VMA member of a family if it is in none: a neighbour's if they could merge, else a new
 * one. Caller holds the mm's lock. Returns 0 or -ENOMEM. */
int anon_found(struct vma *v) __must_check;
static inline int anon_prepare(struct vma *v)
{
	return likely(v->anon) ? 0 : anon_found(v);
}

/* Enters `v` into the family of `from` (split, merge, move). Nothing when it has none. */
void anon_join(struct vma *v, struct vma *from);

/* The same for the copy of `from` in a forked process. Returns 0 or -ENOMEM. */
int anon_fork(struct vma *v, struct vma *from) __must_check;

/* Takes the VMA, which has a family, out of it; the last one frees it. */
void anon_leave(struct vma *v);

/* Makes `p`, fresh and mapped nowhere, the family's page at addr of v. */
static inline void anon_add_page(struct vma *v, vaddr_t addr, struct page *p)
{
	p->mapping = v->anon;
	p->index = vma_pgoff(v, addr);
}

/* The page of zeroes that every untouched private page reads as. Never writable, never counted:
 * its entries take no reference. */
extern struct page *zero_page;

void anon_init(void);

#endif
