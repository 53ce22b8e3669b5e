/*
 * Pages of high memory, seen through a few slots of the kernel's address space that each CPU has.
 *
 * The slots in use belong to the running thread, as a stack: it may sleep or be switched out with
 * some open, and finds the same pages at the same addresses when it runs again. Beside them each
 * CPU has one more slot for a look at any physical page, used with interrupts off.
 */
#include "kernel/x86/kmap.h"
#include "kernel/core/sched.h"
#include "kernel/x86/features.h"
#include "kernel/x86/pmap_kernel.h"
#include "kernel/x86/trap.h"
#include "kernel/x86/uaccess.h"
#include "mm/pmap.h"

#define KMAP_FLAGS (PTE_P | PTE_W | PTE_A | PTE_D | pte_nx_mask)

_Static_assert(KMAP_START + NR_CPUS * KMAP_SLOTS * PAGE_SIZE <= FIXMAP_START, "room for all slots");

static vaddr_t slot_addr(u32 slot)
{
	u32 cpu = (u32)(this_cpu() - cpus);

	return KMAP_START + (cpu * KMAP_SLOTS + slot) * PAGE_SIZE;
}

static void slot_set(vaddr_t va, pte_t v)
{
	pmap_set(pmap_kmap_pte(va), v);
	invlpg(va);
}

void *kmap_high(struct page *p)
{
	struct x86_thread *t = &current_thread()->x86;
	vaddr_t va = slot_addr(t->kmap_depth);

	kassert_msg(t->kmap_depth < KMAP_SLOTS, "too many kmap_local() at once");
	kassert_msg(this_cpu()->irq_depth == 0, "kmap_local() in an interrupt");
	t->kmap[t->kmap_depth] = pte_make(page_pfn(p), KMAP_FLAGS);
	slot_set(va, t->kmap[t->kmap_depth]);
	t->kmap_depth++;
	return (void *)va;
}

void kunmap_high(void *va)
{
	struct x86_thread *t = &current_thread()->x86;

	kassert_msg(t->kmap_depth > 0, "kunmap_local(%p) without kmap_local()", va);
	t->kmap_depth--;
	kassert_msg(ALIGN_DOWN((u32)va, PAGE_SIZE) == slot_addr(t->kmap_depth),
		"kunmap_local(%p) is not the last one mapped", va);
	slot_set(slot_addr(t->kmap_depth), PTE_NONE);
}

void kmap_switch(struct x86_thread *from, struct x86_thread *to)
{
	u32 n = MAX(from->kmap_depth, to->kmap_depth);

	for (u32 i = 0; i < n; i++)
		slot_set(slot_addr(i), i < to->kmap_depth ? to->kmap[i] : PTE_NONE);
}

bool pmap_read_phys(void *dst, paddr_t src, size_t n)
{
	vaddr_t va = FIXMAP_START + (u32)(this_cpu() - cpus) * PAGE_SIZE;
	size_t left;
	u32 flags;

	if (src.v < LOWMEM_LIMIT)
		return peek_kernel(dst, phys_to_virt(src), n) == 0;
	flags = irq_save();
	slot_set(va, pte_make(paddr_pfn(src), KMAP_FLAGS & ~PTE_W));
	left = peek_kernel(dst, (void *)(va + (u32)src.v % PAGE_SIZE), n);
	slot_set(va, PTE_NONE);
	irq_restore(flags);
	return left == 0;
}

/* --- Whole pages --- */

struct page *page_clear_sse2(void *page, struct page *p);
void page_clear_rep(void *page);
void page_copy_sse2(void *dst, const void *src);
void page_copy_rep(void *dst, const void *src);

/* Without SSE2, or in high memory. */
static __noinline struct page *page_zero_slow(struct page *p)
{
	void *va = kmap_local(p);

	if (cpu_features.sse2)
		page_clear_sse2(va, p);
	else
		page_clear_rep(va);
	kunmap_local(va);
	return p;
}

struct page *page_zero(struct page *p)
{
	if (unlikely(!page_is_low(p) || !cpu_features.sse2))
		return page_zero_slow(p);
	return page_clear_sse2(page_virt(p), p);
}

void page_copy(struct page *dst, struct page *src)
{
	void *to = kmap_local(dst), *from = kmap_local(src);

	if (likely(cpu_features.sse2))
		page_copy_sse2(to, from);
	else
		page_copy_rep(to, from);
	kunmap_local(from);
	kunmap_local(to);
}
