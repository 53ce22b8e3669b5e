/* Memory that programs can do without. See mm/lazyfree.h. */
#include "mm/lazyfree.h"
#include "mm/anon.h"
#include "mm/page_alloc.h"
#include "mm/rmap.h"
#include "mm/space_impl.h"
#include "mm/trace_mm.h"
#include "mm/zap.h"

/* Who else may keep pages of a family locked. */
enum lockers { LOCKERS_NONE, LOCKERS_SOME, LOCKERS_UNKNOWN };

/* In a larger family, of a program that changes its mappings page by page, nobody is looked for: advice
 * for all of it would take the square of its size. */
#define LOOKED_FOR 256u

/* Does anybody whom a fork gave the pages of v, which is not locked itself, keep some locked? */
static enum lockers find_lockers(const struct vma *v)
{
	enum lockers found = LOCKERS_NONE;
	const struct vma *other;
	u32 n = 0;
	if (!v->anon)
		return LOCKERS_NONE;
	spin_lock(&v->anon->lock);
	list_for_each_entry (other, &v->anon->vmas, anon_link) {
		if (n++ == LOOKED_FOR) {
			found = LOCKERS_UNKNOWN;
			break;
		}
		if (other->flags & VM_LOCKED)
			found = LOCKERS_SOME;
	}
	spin_unlock(&v->anon->lock);
	return found;
}

/* What somebody has locked stays, and where it is not known, what others have too. */
static bool is_kept(struct page *p, enum lockers lockers)
{
	if (likely(lockers == LOCKERS_NONE || p->mapcount == 1))
		return false;
	return lockers == LOCKERS_UNKNOWN || rmap_look(p).locked;
}

/* Returns whether the TLB may know an entry as dirty. */
static bool mark_entries(pte_t *pte, u32 n, enum lockers lockers)
{
	bool flush = false;
	for (pte_t *stop = pte + n; pte < stop; pte++) {
		u32 lo = pte_low(pte);
		if (!pte_low_anon(lo)) {
			if (pte_poisoned(*pte))
				pmap_clear(pte); /* as Linux */
			continue;
		}
		struct page *p = pfn_page(pte_pfn(*pte));
		if (unlikely(p->flags & PF_DIRTY) && p->mapcount > 1)
			continue;
		p->flags &= (u8)~PF_DIRTY;
		bool keep = is_kept(p, lockers);
		u32 mark = keep ? 0 : (u32)PTE_LAZY;
		flush |= lo & (u32)(PTE_D | PTE_A);
		pmap_set_low(pte, (lo & ~(u32)(PTE_D | PTE_A)) | mark);
		vm_events.pglazyfree += !keep && !(lo & (u32)PTE_LAZY);
	}
	return flush;
}

void lazy_free(struct vma *v, vaddr_t start, vaddr_t end)
{
	enum lockers lockers = find_lockers(v);
	bool flush = false;
	for (vaddr_t at = start; at < end;) {
		u32 n = pt_run(at, end);
		pte_t *pte = pmap_pte(&v->mm->pmap, at);
		if (pte)
			flush |= mark_entries(pte, n, lockers);
		at += n << PAGE_SHIFT;
	}
	if (flush)
		pmap_flush_range(&v->mm->pmap, start, end);
	v->mm->has_lazy = true;
}

/* From VMAs without any of the flags `but`. Returns how many entries of anonymous pages went. */
static u32 take_anon(struct mm *mm, u32 but, enum zap_what what)
{
	struct vma *v;
	mutex_lock(&mm->lock);
	u32 before = mm->rss[RSS_ANON];
	mm->has_lazy = false;
	vma_for_each(v, &mm->vmas) {
		if (!v->anon || (v->flags & but))
			continue;
		vma_lock_entries(v);
		if (trace_mm_on())
			trace_zap(v, v->start, v->end, what);
		zap_range(v, v->start, v->end, what);
		vma_unlock_entries(v);
	}
	u32 taken = before - mm->rss[RSS_ANON];
	mutex_unlock(&mm->lock);
	return taken;
}

u32 mm_reap(struct mm *mm)
{
	return take_anon(mm, VM_HUGETLB, ZAP_ALL);
}

/* An address space that may have marked pages, with a user for the caller; NULL when there is none. */
static struct mm *get_candidate(void)
{
	struct mm *mm, *found = NULL;
	spin_lock(&mm_list_lock);
	list_for_each_entry (mm, &mm_list, link)
		if (mm->has_lazy && (found = mm_get_living(mm)))
			break;
	spin_unlock(&mm_list_lock);
	return found;
}

u32 lazy_reclaim(void)
{
	struct mm *mm;
	u32 taken = 0;
	while (!taken && (mm = get_candidate())) {
		taken = take_anon(mm, VM_LOCKED | VM_HUGETLB, ZAP_LAZY);
		mm_put(mm);
	}
	vm_events.pglazyfreed += taken;
	return taken;
}
