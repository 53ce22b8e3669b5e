/*
 * Trace events of page tables, VMAs and counts of resident pages (kernel/core/trace_events.h). They
 * look at an address space before or after it was changed, so that the code that changes it holds
 * one test for all of them: trace_mm_on(). The caller holds mm->lock.
 */
#ifndef MM_TRACE_MM_H
#define MM_TRACE_MM_H

#include "kernel/core/trace.h"
#include "mm/space.h"
#include "mm/zap.h"

/* One word of bits, so that it is one test. */
#define TRACE_MM_BITS \
	(TRACE_BIT(TE_rss_stat) | TRACE_BIT(TE_pte_set) | TRACE_BIT(TE_pte_clear) | \
		TRACE_BIT(TE_cow) | TRACE_BIT(TE_vma_map) | TRACE_BIT(TE_vma_unmap) | \
		TRACE_BIT(TE_vma_change))
_Static_assert(TE_rss_stat / 32 == 0 && TE_vma_change / 32 == 0, "events of one word");

static __forceinline bool trace_mm_on(void)
{
	return unlikely(trace_bits[0] & TRACE_MM_BITS);
}

/* [start, end) of v is mapped now. */
void trace_map(struct vma *v, vaddr_t start, vaddr_t end);
/* What is mapped of [start, end) will now be unmapped. */
void trace_unmap(struct mm *mm, vaddr_t start, vaddr_t end);
/* [start, end) had these VM_ flags and now has v's. */
void trace_change(struct vma *v, vaddr_t start, vaddr_t end, u32 old_flags);

/* The pages of [start, end) of v, which stays, will now be dropped; see zap_range(). */
void trace_zap(struct vma *v, vaddr_t start, vaddr_t end, enum zap_what what);
/* The pages of [start, end) of v will now be moved to `to`. */
void trace_move(struct vma *v, vaddr_t start, vaddr_t end, vaddr_t to);
/* The child's v was filled by a fork. */
void trace_fork(struct vma *v);

/* A fault, from before it is resolved to afterwards. */
#define TRACE_WINDOW 16 /* entries that one fault may set */
struct trace_fault {
	struct vma *v;
	vaddr_t addr;
	vaddr_t start, end; /* the entries looked at */
	pte_t before[TRACE_WINDOW];
	u32 rss[RSS_NR];
};
void trace_fault_before(struct trace_fault *t, struct vma *v, vaddr_t addr);
void trace_fault_after(const struct trace_fault *t);

#endif
