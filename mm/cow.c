/* Sharing frames between private mappings. See mm/cow.h. */
#include "mm/cow.h"
#include "kernel/abi/errno.h"
#include "mm/anon.h"
#include "mm/hugetlb.h"
#include "mm/page_alloc.h"
#include "mm/zap.h"

/* An entry that does not map private memory, for the child, who has not used the page yet: counted,
 * unless it is the zero page or a lost one. */
static __noinline void share_other(pte_t *d, const pte_t *s, struct mm *child)
{
	struct page *p = pfn_page(pte_pfn(*s));
	if (p != zero_page && !pte_poisoned(*s)) {
		p->mapcount++;
		child->rss[page_rss_kind(p)]++;
	}
	pmap_set_words(d, pte_low(s) & ~(u32)PTE_A, pte_high(s));
}

/* One entry for a fork. A private page is no longer its own and loses W, on both sides; the child
 * has not used it yet. */
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
	pmap_take_low(s, (u32)(PTE_W | PTE_OWN));
	pmap_set_words(d, lo & ~(u32)(PTE_W | PTE_OWN | PTE_A), hi);
}

/* The `n` entries of one table. The common case is few instructions, so the loop's own count. */
static void share_table(pte_t *d, pte_t *s, u32 n, struct mm *child)
{
	pte_t *stop = s + n, *rounds = s + ALIGN_DOWN(n, PTE_ROUND);
	u32 others = 0;
	for (; s < rounds; s += PTE_ROUND, d += PTE_ROUND) {
		if (pte_round_empty(s)) {
			others += PTE_ROUND;
			continue;
		}
#pragma GCC unroll 8
		for (u32 i = 0; i < PTE_ROUND; i++)
			share_entry(&d[i], &s[i], child, &others);
	}
	for (; s < stop; s++, d++)
		share_entry(d, s, child, &others);
	child->rss[RSS_ANON] += n - others;
}

int cow_fork(struct vma *to, struct vma *from)
{
	u32 n;
	for (vaddr_t at = from->start; at < from->end; at += n << PAGE_SHIFT) {
		n = pt_run(at, from->end);
		pte_t *s = pmap_pte(&from->mm->pmap, at);
		if (!s)
			continue;
		pte_t *d = pmap_pte_alloc(&to->mm->pmap, at);
		if (!d)
			return -ENOMEM;
		share_table(d, s, n, to->mm);
	}
	return 0;
}
