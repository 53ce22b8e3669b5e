/*
 * The part of mm/pmap.h that a page fault goes through, inline. Include mm/pmap.h, not this.
 *
 * Tables are always in directly mapped memory, so of an entry that names one the low word is
 * enough, and the flags it holds beside the frame (the CPU marks even PDPT entries accessed under
 * some emulators) are masked off at each use.
 */
#ifndef X86_PMAP_INLINE_H
#define X86_PMAP_INLINE_H

#ifndef MM_PMAP_H
#error "include mm/pmap.h"
#endif

#include "kernel/core/cpu.h"
#include "kernel/x86/io.h"
#include "mm/page.h"

/* What is loaded into CR3, by CPU. */
struct pmap_cpu {
	const struct pmap *loaded; /* NULL: the kernel's own tables */
};
extern struct pmap_cpu pmap_cpus[NR_CPUS];

static inline struct pmap_cpu *this_pmap_cpu(void)
{
	return &pmap_cpus[this_cpu() - cpus];
}

/* Entry `index` of the table that a present, not huge, entry names. */
static inline pte_t *pmap_entry(const pte_t *e, u32 index)
{
	pte_t *p = (pte_t *)(((u32)e->v & PAGE_MASK) + KERNEL_BASE) + index;

	if (!p)
		__builtin_unreachable(); /* saves the callers' tests */
	return p;
}

static inline bool pmap_is_table(const pte_t *e)
{
	return ((u32)e->v & (u32)(PTE_P | PTE_PS)) == (u32)PTE_P;
}

static inline pte_t *pmap_pde(const struct pmap *pm, vaddr_t va)
{
	const pte_t *pdpte = &pm->pdpt[pdpt_index(va)];

	return likely(pte_present(*pdpte)) ? pmap_entry(pdpte, pd_index(va)) : NULL;
}

static inline pte_t *pmap_pte(const struct pmap *pm, vaddr_t va)
{
	const pte_t *pde = pmap_pde(pm, va);

	return likely(pde && pmap_is_table(pde)) ? pmap_entry(pde, pt_index(va)) : NULL;
}

pte_t *pmap_pte_alloc_slow(struct pmap *pm, vaddr_t va) __must_check;

static inline pte_t *pmap_pte_alloc(struct pmap *pm, vaddr_t va)
{
	pte_t *p = pmap_pte(pm, va);

	return likely(p) ? p : pmap_pte_alloc_slow(pm, va);
}

/* The CPU may walk the tables between the two stores: the word with P in it goes last when the
 * entry appears and first when it disappears. */
static inline void pmap_set(pte_t *p, pte_t v)
{
	volatile u32 *word = (volatile u32 *)p;
	u32 lo = (u32)v.v, hi = (u32)(v.v >> 32);

	if (lo & (u32)PTE_P) {
		word[1] = hi;
		word[0] = lo;
	} else {
		word[0] = lo;
		word[1] = hi;
	}
}

static inline void pmap_flush_page(struct pmap *pm, vaddr_t va)
{
	if (likely(this_pmap_cpu()->loaded == pm))
		invlpg(va);
}

/* Changes flags in the low word of an entry whose frame, presence and NX bit stay as they are. */
static inline void pmap_set_low(pte_t *p, u32 lo)
{
	*(volatile u32 *)p = lo;
}

/* Takes flags away that are in the low word; the same holds for them. */
static inline void pmap_take_low(pte_t *p, u32 flags)
{
	*(u32 *)p &= ~flags;
}

/* pmap_set() of an entry that is empty, by its words and whole. */
static inline void pmap_set_words(pte_t *p, u32 lo, u32 hi)
{
	((volatile u32 *)p)[1] = hi;
	((volatile u32 *)p)[0] = lo;
}
static inline void pmap_enter(pte_t *p, pte_t v)
{
	pmap_set_words(p, (u32)v.v, (u32)(v.v >> 32));
}

/* The same of pte_make(pfn, flags), with more flags that are in the low word. */
static inline void pmap_enter_page(pte_t *p, pfn_t pfn, u64 flags, u32 more)
{
	pmap_set_words(p, pfn.v << PAGE_SHIFT | (u32)flags | more,
		pfn.v >> (32 - PAGE_SHIFT) | (u32)(flags >> 32));
}

/* pte_pfn() of two words in one instruction, which the compiler does not find. */
static inline pfn_t pmap_words_pfn(u32 lo, u32 hi)
{
	__asm__("shrdl %2, %1, %0" : "+r"(lo) : "r"(hi), "i"(PAGE_SHIFT));
	return PFN(lo);
}

/* Empties an entry. */
static inline void pmap_clear(pte_t *p)
{
	((volatile u32 *)p)[0] = 0;
	((volatile u32 *)p)[1] = 0;
}

void *kmap_high(struct page *p);
void kunmap_high(void *va);

static inline void *kmap_local(struct page *p)
{
	return likely(page_is_low(p)) ? page_virt(p) : kmap_high(p);
}

static inline void kunmap_local(void *va)
{
	if (unlikely((u32)va >= KMAP_START))
		kunmap_high(va);
}

#endif
