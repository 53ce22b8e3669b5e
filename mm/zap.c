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

static void drop_page(struct zap *z, struct page *p)
{
	z->mm->rss[page_rss_kind(p)]--;
	kassert_dbg(p->mapcount > 0);
	p->mapcount--;
	if (p->refcount == 1)
		list_add_tail(&p->link, &z->pages);
	else
		p->refcount--;
}

static void zap_entry(struct zap *z, pte_t *pte)
{
	pte_t e = *pte;
	struct page *p = pfn_page(pte_pfn(e));
	if (p->kind == PK_ANON && z->keep_private)
		return;
	pmap_set(pte, PTE_NONE);
	z->flush = true;
	if (p != zero_page)
		drop_page(z, p);
}

/* The entries of one page table: [start, end) does not cross a 2 MiB border. */
static void zap_table(struct zap *z, pte_t *pte, vaddr_t start, vaddr_t end)
{
	for (; start < end; start += PAGE_SIZE, pte++)
		if (pte_maps(*pte))
			zap_entry(z, pte);
}

void zap_range(struct vma *v, vaddr_t start, vaddr_t end, bool keep_private)
{
	struct zap z = {.mm = v->mm, .keep_private = keep_private};
	list_init(&z.pages);
	for (vaddr_t at = start, next; at < end; at = next) {
		next = MIN(end - 1, at | (PD_SIZE - 1)) + 1;
		pte_t *pte = pmap_pte(&v->mm->pmap, at);
		if (pte)
			zap_table(&z, pte, at, next);
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
