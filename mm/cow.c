/* Sharing frames between private mappings. See mm/cow.h. */
#include "mm/cow.h"
#include "kernel/abi/errno.h"
#include "mm/anon.h"
#include "mm/hugetlb.h"
#include "mm/page_alloc.h"
#include "mm/zap.h"

/* An entry that does not map private memory, for the child: counted, unless it is the zero page. */
static __noinline void share_other(pte_t *d, const pte_t *s, struct mm *child)
{
	struct page *p = pfn_page(pte_pfn(*s));
	if (p != zero_page) {
		p->mapcount++;
		child->rss[page_rss_kind(p)]++;
	}
	pmap_enter(d, *s);
}

/* One entry for a fork. A private page loses W on both sides. */
static __forceinline void share_entry(pte_t *d, pte_t *s, struct mm *child, u32 *others)
{
	u32 lo = pte_low(s), hi = pte_high(s);
	if (unlikely(!pte_low_anon(lo))) {
		++*others;
		if (pte_low_maps(lo))
			share_other(d, s, child);
		return;
	}
	mem_map[pmap_words_pfn(lo, hi).v].mapcount++;
	lo &= ~(u32)PTE_W;
	pmap_set_low(s, lo);
	pmap_set_words(d, lo, hi);
}

/* The `n` entries of one table. The common case is few instructions, so the loop's own count. */
static void share_table(pte_t *d, pte_t *s, u32 n, struct mm *child)
{
	pte_t *stop = s + n, *rounds = s + ALIGN_DOWN(n, 4);
	u32 others = 0;
	for (; s < rounds; s += 4, d += 4)
#pragma GCC unroll 4
		for (u32 i = 0; i < 4; i++)
			share_entry(&d[i], &s[i], child, &others);
	for (; s < stop; s++, d++)
		share_entry(d, s, child, &others);
	child->rss[RSS_ANON] += n - others;
}

int cow_fork(struct vma *to, struct vma *from)
{
	for (vaddr_t at = from->start, next; at < from->end; at = next) {
		next = MIN(from->end - 1, at | (PD_SIZE - 1)) + 1;
		pte_t *s = pmap_pte(&from->mm->pmap, at);
		if (!s)
			continue;
		pte_t *d = pmap_pte_alloc(&to->mm->pmap, at);
		if (!d)
			return -ENOMEM;
		share_table(d, s, (next - at) >> PAGE_SHIFT, to->mm);
	}
	return 0;
}

/* A change of protection of entries in one page table. */
struct reprotect {
	u64 flags;     /* of the entries from now on */
	bool low_only; /* presence and NX do not change */
	bool writable; /* private memory that may be written: the frames that are ours get W */
};

#define KEPT_LOW ((u32)(PAGE_MASK | PTE_D | PTE_ANON))

/* The common change: W comes or goes. Returns whether there was an entry to change. */
static bool reprotect_low(pte_t *pte, pte_t *stop, u32 flags, bool writable)
{
	bool any = false;
	for (; pte < stop; pte++) {
		u32 lo = pte_low(pte), new = (lo & KEPT_LOW) | flags;
		if (!pte_low_maps(lo))
			continue;
		if (writable && cow_is_exclusive(lo, pfn_page(pte_words_pfn(lo, pte_high(pte)))))
			new |= (u32)PTE_W;
		pmap_set_low(pte, new);
		any = true;
	}
	return any;
}

static bool reprotect_whole(pte_t *pte, pte_t *stop, u64 flags, bool writable)
{
	bool any = false;
	for (; pte < stop; pte++) {
		if (!pte_maps(*pte))
			continue;
		u64 kept = pte->v & (PTE_D | PTE_ANON);
		u64 own = writable && cow_is_exclusive(pte_low(pte), pfn_page(pte_pfn(*pte))) ? PTE_W
											      : 0;
		pmap_set(pte, pte_make(pte_pfn(*pte), flags | own | kept));
		any = true;
	}
	return any;
}

static bool reprotect_table(const struct reprotect *r, pte_t *pte, pte_t *stop)
{
	return r->low_only ? reprotect_low(pte, stop, (u32)r->flags, r->writable)
		: reprotect_whole(pte, stop, r->flags, r->writable);
}

void cow_protect(struct vma *v, vaddr_t start, vaddr_t end, u32 old_flags)
{
	if (unlikely(v->flags & VM_HUGETLB)) {
		hugetlb_protect(v, start, end);
		return;
	}
	u64 changed = v->prot ^ vm_pte_flags(old_flags);
	struct reprotect r = {
		.flags = v->prot,
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
