/* Ending mappings: clear, flush, free. See mm/zap.h. */
#include "mm/zap.h"
#include "mm/anon.h"
#include "mm/hugetlb.h"
#include "mm/object.h"
#include "mm/page_alloc.h"
#include "mm/trace_mm.h"

enum rss_kind page_rss_kind(const struct page *p)
{
	if (likely(p->kind == PK_ANON) || p->kind == PK_POISON)
		return RSS_ANON;
	return ((struct object *)p->mapping)->rss_kind;
}

struct zap {
	struct mm *mm;
	bool flush;		/* an entry that the TLB may hold is gone */
	struct page_chain pages; /* frames that nobody maps any more */
};

/* The last entry of a private page is gone; who copies from it may still hold it. */
static inline void drop_anon(struct zap *z, struct page *p)
{
	if (p->refcount == 1)
		page_chain_add(&z->pages, p);
	else
		p->refcount--;
}

/* An entry that maps a page of an object, or the zero page. */
static __noinline void zap_other(struct zap *z, pte_t *pte)
{
	struct page *p = pfn_page(pte_pfn(*pte));
	bool poisoned = pte_poisoned(*pte), dirty = pte_dirty(*pte);
	pmap_clear(pte);
	z->flush = true;
	if (p == zero_page || poisoned)
		return;
	kassert_dbg(p->mapcount > 0);
	pagecache_mapped -= !--p->mapcount;
	p->flags |= dirty ? PF_DIRTY : 0;
	z->mm->rss[page_rss_kind(p)]--;
}

static __forceinline void zap_entry(
	struct zap *z, pte_t *pte, struct page *frames, u32 *others, bool clear)
{
	u32 lo = pte_low(pte);
	if (unlikely(!pte_low_anon(lo))) {
		++*others;
		if (pte_low_maps(lo))
			zap_other(z, pte);
		return;
	}
	struct page *p = &frames[pmap_words_pfn(lo, pte_high(pte)).v];
	if (clear)
		pmap_clear(pte);
	if (--p->mapcount == 0)
		drop_anon(z, p);
}

/* The common case is few instructions, so the loop's own count. Without `clear` the entries of
 * private pages stay for the caller to empty. */
static __forceinline void zap_entries(struct zap *z, pte_t *pte, u32 n, bool clear)
{
	pte_t *stop = pte + n, *rounds = pte + ALIGN_DOWN(n, PTE_ROUND);
	struct page *frames = mem_map;
	u32 others = 0;
	for (; pte < rounds; pte += PTE_ROUND) {
		if (pte_round_empty(pte)) {
			others += PTE_ROUND;
			continue;
		}
#pragma GCC unroll 8
		for (u32 i = 0; i < PTE_ROUND; i++)
			zap_entry(z, &pte[i], frames, &others, clear);
	}
	for (; pte < stop; pte++)
		zap_entry(z, pte, frames, &others, clear);
	z->mm->rss[RSS_ANON] -= n - others;
	z->flush |= n != others;
}

/* The `n` entries of one table. All of them are emptied at once, as a page is. */
static void zap_table(struct zap *z, pte_t *pte, u32 n)
{
	if (n < PT_ENTRIES) {
		zap_entries(z, pte, n, true);
		return;
	}
	zap_entries(z, pte, PT_ENTRIES, false);
	page_zero(virt_page(pte));
}

static void zap_table_others(struct zap *z, pte_t *pte, u32 n)
{
	for (pte_t *stop = pte + n; pte < stop; pte++)
		if (zap_takes(ZAP_OTHERS, *pte))
			zap_other(z, pte);
}

static void zap_table_cold(struct zap *z, pte_t *pte, u32 n)
{
	for (pte_t *stop = pte + n; pte < stop; pte++)
		if (zap_takes(ZAP_COLD, *pte))
			zap_other(z, pte);
}

static void zap_table_lazy(struct zap *z, pte_t *pte, u32 n)
{
	for (pte_t *stop = pte + n; pte < stop; pte++)
		if (zap_takes(ZAP_LAZY, *pte))
			zap_entries(z, pte, 1, true);
}

void zap_range(struct vma *v, vaddr_t start, vaddr_t end, enum zap_what what)
{
	static void (*const tables[])(struct zap *, pte_t *, u32) = {[ZAP_ALL] = zap_table,
		[ZAP_OTHERS] = zap_table_others,
		[ZAP_LAZY] = zap_table_lazy,
		[ZAP_COLD] = zap_table_cold};
	struct zap z = {.mm = v->mm};
	z.mm->hiwater_rss = MAX(z.mm->hiwater_rss, mm_rss(z.mm));
	if (unlikely(v->flags & VM_HUGETLB)) {
		hugetlb_zap(v, start, end, what == ZAP_OTHERS);
		return;
	}
	for (vaddr_t at = start, next; at < end; at = next) {
		next = pt_end(at, end);
		pte_t *pte = pmap_pte(&v->mm->pmap, at);
		if (pte)
			tables[what](&z, pte, (next - at) >> PAGE_SHIFT);
	}
	if (z.flush)
		pmap_flush_range(&z.mm->pmap, start, end);
	page_free_chain(&z.pages);
}

void zap_object(struct object *o, u32 first, u32 last, enum zap_what what)
{
	struct vma *v;
	list_for_each_entry (v, &o->vmas, object_link) {
		u32 lo = MAX(first, v->pgoff), hi = MIN(last, v->pgoff + vma_pages(v));
		if (lo >= hi)
			continue;
		vaddr_t start = v->start + ((lo - v->pgoff) << PAGE_SHIFT);
		vaddr_t end = v->start + ((hi - v->pgoff) << PAGE_SHIFT);
		if (trace_mm_on())
			trace_zap(v, start, end, what);
		zap_range(v, start, end, what);
	}
}
