/*
 * Taking page-table entries away: the one place where a mapping of a page ends.
 *
 * Whatever removes entries (munmap, exit, MADV_DONTNEED, truncation) works in three steps that
 * never change places: clear the entries and collect the frames, flush the TLB once, free the
 * frames.
 */
#ifndef MM_ZAP_H
#define MM_ZAP_H

#include "mm/space.h"

enum zap_what {
	ZAP_ALL,
	ZAP_OTHERS, /* not what the process has of its own: copies of file pages; nor lost ones */
	ZAP_LAZY,   /* what it said it can do without: PTE_LAZY */
	ZAP_COLD,   /* pages of the cache that nobody else maps */
};

static inline bool zap_takes(enum zap_what what, pte_t e)
{
	if (what == ZAP_LAZY)
		return pte_low_lazy((u32)e.v);
	if (what == ZAP_COLD && pfn_page(pte_pfn(e))->mapcount != 1)
		return false;
	return pte_maps(e) && (what == ZAP_ALL || !(pte_anon(e) || pte_poisoned(e)));
}

/*
 * Removes entries of [start, end), which lies within `v`. Counts (rss, mapcount, refcount) are
 * undone; frames nobody else holds are freed. Caller holds the mm's lock, and the object's when
 * the VMA has one.
 */
void zap_range(struct vma *v, vaddr_t start, vaddr_t end, enum zap_what what);

/* The same for pages [first, last) of an object in every VMA that maps them. Caller holds
 * o->lock, which is what guards entries of object mappings. */
void zap_object(struct object *o, u32 first, u32 last, enum zap_what what);

/* Which of the rss counts a page is in, or was before it was lost. */
enum rss_kind page_rss_kind(const struct page *p);

#endif
