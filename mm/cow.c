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

/* PTE_W for an entry of our own. */
static inline u32 own_write(u32 lo)
{
	_Static_assert(PTE_OWN >> 9 == PTE_W, "the shift");
	return lo >> 9 & (u32)PTE_W;
}

/* W of an entry of private memory goes, or comes where it may. An empty entry stays empty. */
static __forceinline void set_write(pte_t *pte, bool may)
{
	if (may)
		pmap_set_low(pte, pte_low(pte) | own_write(pte_low(pte)));
	else
		pmap_take_low(pte, (u32)PTE_W);
}

static __forceinline void set_write_all(pte_t *pte, u32 n, bool may)
{
	pte_t *stop = pte + n, *rounds = pte + ALIGN_DOWN(n, PTE_ROUND);
	for (; pte < rounds; pte += PTE_ROUND)
#pragma GCC unroll 8
		for (u32 i = 0; i < PTE_ROUND; i++)
			set_write(&pte[i], may);
	for (; pte < stop; pte++)
		set_write(pte, may);
}

/* The common change: whether private memory may be written. */
static void protect_own(struct vma *v, vaddr_t start, vaddr_t end)
{
	for (u32 n; start < end; start += n << PAGE_SHIFT) {
		n = pt_run(start, end);
		pte_t *pte = pmap_pte(&v->mm->pmap, start);
		if (pte && v->flags & VM_WRITE)
			set_write_all(pte, n, true);
		else if (pte)
			set_write_all(pte, n, false);
	}
}

#define KEPT (PTE_A | PTE_D | PTE_ANON | PTE_OWN | PTE_LAZY)

static __noinline void protect_any(struct vma *v, vaddr_t start, vaddr_t end)
{
	u32 grant = (v->flags & (VM_WRITE | VM_SHARED)) == VM_WRITE ? (u32)PTE_W : 0;
	u64 prot = v->prot & ~PTE_A;
	for (u32 n; start < end; start += n << PAGE_SHIFT) {
		n = pt_run(start, end);
		pte_t *pte = pmap_pte(&v->mm->pmap, start);
		for (u32 i = 0; pte && i < n; i++, pte++) {
			u32 kept = (pte_low(pte) & (u32)KEPT) | (own_write(pte_low(pte)) & grant);
			if (pte_maps(*pte) && !pte_poisoned(*pte))
				pmap_set(pte, pte_set_low(pte_make(pte_pfn(*pte), prot), kept));
		}
	}
}

void cow_protect(struct vma *v, vaddr_t start, vaddr_t end, u32 old_flags)
{
	if (unlikely(v->flags & VM_HUGETLB)) {
		hugetlb_protect(v, start, end);
		return;
	}
	if (vma_is_untouched(v))
		return;
	u32 changed = (old_flags ^ v->flags) & VM_PROT;
	if (changed == VM_WRITE && (v->flags & (VM_READ | VM_EXEC)) && !(v->flags & VM_SHARED))
		protect_own(v, start, end);
	else
		protect_any(v, start, end);
	/* Of what is allowed now and was not before, a fault finds out that the TLB is behind. */
	if (old_flags & changed)
		pmap_flush_range(&v->mm->pmap, start, end);
}
