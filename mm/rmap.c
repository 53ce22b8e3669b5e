/* Entries by page. See mm/rmap.h. */
#include "mm/rmap.h"
#include "mm/anon.h"
#include "mm/object.h"
#include "mm/space.h"

vaddr_t rmap_addr(const struct vma *v, const struct page *p)
{
	return v->start + ((p->index - v->pgoff) << PAGE_SHIFT);
}

pte_t *rmap_entry(const struct vma *v, const struct page *p)
{
	if (p->index - v->pgoff >= vma_pages(v))
		return NULL;
	pte_t *pte = pmap_pte(&v->mm->pmap, rmap_addr(v, p));
	return pte && pte_maps(*pte) && pte_pfn(*pte).v == page_pfn(p).v ? pte : NULL;
}

static void add_vma(struct rmap_sum *sum, const struct vma *v, const struct page *p)
{
	const pte_t *pte = v->flags & VM_HUGETLB ? NULL : rmap_entry(v, p);
	if (!pte)
		return;
	sum->bits |= pte_low(pte);
	sum->locked |= !!(v->flags & VM_LOCKED);
}

static struct rmap_sum look_private(struct anon *a, const struct page *p)
{
	struct rmap_sum sum = {0};
	const struct vma *v;
	spin_lock(&a->lock);
	list_for_each_entry (v, &a->vmas, anon_link)
		add_vma(&sum, v, p);
	spin_unlock(&a->lock);
	return sum;
}

struct rmap_sum rmap_look(struct page *p)
{
	struct rmap_sum sum = {0};
	const struct vma *v;
	if (!p->mapcount || (p->kind != PK_ANON && p->kind != PK_CACHE))
		return sum;
	if (p->kind == PK_ANON)
		return look_private(p->mapping, p);
	list_for_each_entry (v, &((struct object *)p->mapping)->vmas, object_link)
		add_vma(&sum, v, p);
	return sum;
}
