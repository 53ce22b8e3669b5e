/* Forgetting which pages were used, so that it can be seen which are from now on: clear_refs of
 * /proc/PID, and the advice that they are not used any more. */
#include "mm/object.h"
#include "mm/space_impl.h"

static bool is_meant(const struct vma *v, enum clear_refs which)
{
	if (v->flags & VM_HUGETLB)
		return false; /* Linux leaves their entries alone */
	return which == CLEAR_REFS_ALL || (which == CLEAR_REFS_MAPPED) == !!v->backing;
}

static void forget_table(pte_t *pte, u32 n, bool shared_too)
{
	for (pte_t *stop = pte + n; pte < stop; pte++)
		if (pte_maps(*pte) && !pte_poisoned(*pte) &&
			(shared_too || pfn_page(pte_pfn(*pte))->mapcount == 1))
			pmap_take_low(pte, (u32)PTE_A);
}

void vma_forget_use(struct vma *v, vaddr_t start, vaddr_t end, bool shared_too)
{
	vma_lock_entries(v);
	for (u32 n; start < end; start += n << PAGE_SHIFT) {
		pte_t *pte = pmap_pte(&v->mm->pmap, start);
		n = pt_run(start, end);
		if (pte)
			forget_table(pte, n, shared_too);
	}
	vma_unlock_entries(v);
}

void mm_clear_refs(struct mm *mm, enum clear_refs which)
{
	struct vma *v;
	mutex_lock(&mm->lock);
	vma_for_each (v, &mm->vmas)
		if (is_meant(v, which))
			vma_forget_use(v, v->start, v->end, true);
	/* What the TLB holds would be used without being marked. */
	pmap_flush_range(&mm->pmap, 0, USER_TOP);
	mutex_unlock(&mm->lock);
}
