/* Ending mappings: clear, flush, free. See mm/zap.h. */
#include "mm/zap.h"
#include "mm/anon.h"
#include "mm/object.h"
#include "mm/page_alloc.h"

enum rss_kind page_rss_kind(const struct page *p)
{
	if (likely(p->kind == PK_ANON))
		return RSS_ANON;
	return ((struct object *)p->mapping)->shmem ? RSS_SHMEM : RSS_FILE;
}

struct zap {
	struct mm *mm;
	bool keep_private;
	bool flush;             /* an entry that the TLB may hold is gone */
	struct list_head pages; /* frames whose last reference this was */
};

/* One reference and one mapping less; the last reference puts the frame on the list. */
static inline void drop_page(struct zap *z, struct page *p)
{
	kassert_dbg(p->mapcount > 0);
	p->mapcount--;
	if (p->refcount == 1)
		list_add_tail(&p->link, &z->pages);
	else
		p->refcount--;
}

/* A page that is not private memory. */
static void zap_other(struct zap *z, struct page *p)
{
	if (p == zero_page)
		return;
	z->mm->rss[page_rss_kind(p)]--;
	drop_page(z, p);
}

/* The entries of one page table. Returns how many private pages there were. */
static u32 zap_table(struct zap *z, pte_t *pte, pte_t *stop)
{
	u32 anon = 0;
	for (; pte < stop; pte++) {
		u32 lo = pte_low(pte);
		if (!pte_low_maps(lo))
			continue;
		struct page *p = pfn_page(pte_words_pfn(lo, pte_high(pte)));
		if (likely(p->kind == PK_ANON)) {
			if (unlikely(z->keep_private))
				continue;
			anon++;
			pmap_clear(pte);
			drop_page(z, p);
		} else {
			pmap_clear(pte);
			zap_other(z, p);
		}
		z->flush = true;
	}
	return anon;
}

void zap_range(struct vma *v, vaddr_t start, vaddr_t end, bool keep_private)
{
	struct zap z = {.mm = v->mm, .keep_private = keep_private};
	list_init(&z.pages);
	for (vaddr_t at = start, next; at < end; at = next) {
		next = MIN(end - 1, at | (PD_SIZE - 1)) + 1;
		pte_t *pte = pmap_pte(&v->mm->pmap, at);
		if (pte)
			v->mm->rss[RSS_ANON] -= zap_table(&z, pte, pte + ((next - at) >> PAGE_SHIFT));
	}
	if (z.flush)
		pmap_flush_range(&v->mm->pmap, start, end);
	if (!list_empty(&z.pages))
		page_free_list(&z.pages);
}

void zap_object(struct object *o, u32 first, u32 last, bool keep_private)
{
	struct vma *v;
	list_for_each_entry(v, &o->vmas, object_link) {
		u32 lo = MAX(first, v->pgoff), hi = MIN(last, v->pgoff + vma_pages(v));
		if (lo < hi)
			zap_range(v, v->start + ((lo - v->pgoff) << PAGE_SHIFT),
				v->start + ((hi - v->pgoff) << PAGE_SHIFT), keep_private);
	}
}
