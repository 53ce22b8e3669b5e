/* Sharing frames between private mappings. See mm/cow.h. */
#include "mm/cow.h"
#include "kernel/abi/errno.h"
#include "mm/anon.h"
#include "mm/page_alloc.h"
#include "mm/zap.h"

/* One entry of a fork: `s` loses its W bit when the page is private. */
static inline void share_entry(pte_t *d, pte_t *s, bool shared, struct mm *child)
{
	pte_t e = *s;
	struct page *p = pfn_page(pte_pfn(e));
	if (p != zero_page) {
		p->refcount++;
		p->mapcount++;
		child->rss[page_rss_kind(p)]++;
	}
	if (pte_write(e) && !shared) {
		e = pte_clear_flags(e, PTE_W);
		pmap_set(s, e);
	}
	pmap_set(d, e);
}

int cow_fork(struct vma *to, struct vma *from)
{
	bool shared = from->flags & VM_SHARED;
	for (vaddr_t at = from->start, next; at < from->end; at = next) {
		next = MIN(from->end - 1, at | (PD_SIZE - 1)) + 1;
		pte_t *s = pmap_pte(&from->mm->pmap, at);
		if (!s)
			continue;
		pte_t *d = pmap_pte_alloc(&to->mm->pmap, at);
		if (!d)
			return -ENOMEM;
		for (pte_t *end = s + ((next - at) >> PAGE_SHIFT); s < end; s++, d++)
			if (pte_maps(*s))
				share_entry(d, s, shared, to->mm);
	}
	return 0;
}

/* A change of protection of entries in one page table. */
struct reprotect {
	u64 flags;     /* of the entries from now on */
	bool low_only; /* presence and NX do not change */
	bool writable; /* private memory that may be written: the frames that are ours get W */
};

static inline pte_t new_entry(const struct reprotect *r, pte_t e)
{
	u64 flags = r->flags | (e.v & PTE_D);
	if (r->writable && cow_is_exclusive(pfn_page(pte_pfn(e))))
		flags |= PTE_W;
	return pte_make(pte_pfn(e), flags);
}

/* Returns whether there was an entry to change. */
static bool reprotect_table(const struct reprotect *r, pte_t *pte, pte_t *stop)
{
	bool any = false;
	for (; pte < stop; pte++) {
		if (!pte_maps(*pte))
			continue;
		if (likely(r->low_only))
			pmap_set_low(pte, (u32)new_entry(r, *pte).v);
		else
			pmap_set(pte, new_entry(r, *pte));
		any = true;
	}
	return any;
}

void cow_protect(struct vma *v, vaddr_t start, vaddr_t end, u32 old_flags)
{
	u64 flags = vm_pte_flags(v->flags), changed = flags ^ vm_pte_flags(old_flags);
	struct reprotect r = {
		.flags = flags,
		.low_only = !(changed & (PTE_NX | PTE_P)),
		.writable = (v->flags & (VM_WRITE | VM_SHARED)) == VM_WRITE,
	};
	bool any = false;
	for (vaddr_t at = start, next; at < end; at = next) {
		next = MIN(end - 1, at | (PD_SIZE - 1)) + 1;
		pte_t *pte = pmap_pte(&v->mm->pmap, at);
		if (pte)
			any |= reprotect_table(&r, pte, pte + ((next - at) >> PAGE_SHIFT));
	}
	if (any)
		pmap_flush_range(&v->mm->pmap, start, end);
}
