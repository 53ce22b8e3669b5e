/* Forgetting which pages were used, so that it can be seen which are from now on. */
#include "mm/object.h"
#include "mm/space_impl.h"

static bool is_meant(const struct vma *v, enum clear_refs which)
{
	if (v->flags & VM_HUGETLB)
		return false; /* Linux leaves their entries alone */
	return which == CLEAR_REFS_ALL || (which == CLEAR_REFS_MAPPED) == !!v->backing;
}

static void clear_table(pte_t *pte, pte_t *stop)
{
	for (; pte < stop; pte++)
		if (pte_present(*pte))
			pmap_set_low(pte, pte_low(pte) & ~(u32)PTE_A);
}

static void clear_vma(struct vma *v)
{
	vma_lock_entries(v);
	for (vaddr_t at = v->start, next; at < v->end; at = next) {
		pte_t *pte = pmap_pte(&v->mm->pmap, at);
		next = MIN(v->end - 1, at | (PD_SIZE - 1)) + 1;
		if (pte)
			clear_table(pte, pte + ((next - at) >> PAGE_SHIFT));
	}
	vma_unlock_entries(v);
}

void mm_clear_refs(struct mm *mm, enum clear_refs which)
{
	struct vma *v;
	mutex_lock(&mm->lock);
	vma_for_each (v, &mm->vmas)
		if (is_meant(v, which))
			clear_vma(v);
	/* What the TLB holds would be used without being marked. */
	pmap_flush_range(&mm->pmap, 0, USER_TOP);
	mutex_unlock(&mm->lock);
}
