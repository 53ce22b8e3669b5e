/* Trace events of page tables, VMAs and counts of resident pages. See mm/trace_mm.h. */
#include "mm/trace_mm.h"
#include "mm/anon.h"
#include "mm/object.h"
#include "mm/page_alloc.h"
#include "mm/zap.h"

static u32 mm_id(const struct mm *mm)
{
	return (u32)mm;
}

/* The entry that maps an address: of a page table, or of the directory for a huge page; else
 * empty. */
static pte_t entry(struct mm *mm, vaddr_t addr)
{
	const pte_t *e = pmap_pte(&mm->pmap, addr);
	if (e)
		return *e;
	e = pmap_pde(&mm->pmap, addr);
	return e ? *e : PTE_NONE;
}

/* The first address from `addr` on that has a table. */
static vaddr_t skip_holes(struct mm *mm, vaddr_t addr, vaddr_t end)
{
	while (addr < end && !pmap_pte(&mm->pmap, addr))
		addr = pt_end(addr, end);
	return addr;
}

#define for_each_entry(at, mm, start, end)                                                         \
	for (vaddr_t at = skip_holes((mm), (start), (end)); at < (end);                            \
		at = skip_holes((mm), at + PAGE_SIZE, (end)))

/* --- Counts --- */

static void trace_rss(struct mm *mm, enum rss_kind kind, u32 pages)
{
	static const u8 member[RSS_KERNEL] = {[RSS_FILE] = 0, [RSS_ANON] = 1, [RSS_SHMEM] = 3};

	if (kind != RSS_KERNEL)
		trace(rss_stat, mm_id(mm), mm == current_mm(), member[kind],
			(s32)(pages * PAGE_SIZE));
}

static void trace_all_rss(struct mm *mm)
{
	for (u32 kind = 0; kind < RSS_NR; kind++)
		if (mm->rss[kind])
			trace_rss(mm, kind, mm->rss[kind]);
}

/* --- Faults --- */

static void set(struct vma *v, vaddr_t at, pte_t e, enum trace_why why)
{
	trace(pte_set, mm_id(v->mm), at, pte_pfn(e).v, why, (u32)e.v);
}

void trace_fault_before(struct trace_fault *t, struct vma *v, vaddr_t addr)
{
	const u32 window = TRACE_WINDOW * PAGE_SIZE;

	t->v = v;
	t->addr = ALIGN_DOWN(addr, PAGE_SIZE);
	t->start = MAX(ALIGN_DOWN(addr, window), v->start);
	t->end = MIN(ALIGN_DOWN(addr, window) + window, v->end);
	for (vaddr_t at = t->start; at < t->end; at += PAGE_SIZE)
		t->before[(at - t->start) >> PAGE_SHIFT] = entry(v->mm, at);
	for (u32 kind = 0; kind < RSS_NR; kind++)
		t->rss[kind] = v->mm->rss[kind];
}

static enum trace_why why_set(const struct trace_fault *t, pte_t e)
{
	const struct page *p = pfn_page(pte_pfn(e));

	if (p == zero_page)
		return TRACE_WHY_zero;
	if (p->kind != PK_ANON && t->v->object)
		return TRACE_WHY_file;
	return t->v->object ? TRACE_WHY_copy : TRACE_WHY_anon;
}

static void entry_changed(const struct trace_fault *t, vaddr_t at, pte_t old, pte_t new)
{
	if (!pte_maps(old)) {
		set(t->v, at, new, at == t->addr ? why_set(t, new) : TRACE_WHY_around);
	} else if (pte_pfn(old).v == pte_pfn(new).v) {
		set(t->v, at, new, TRACE_WHY_reuse);
	} else {
		trace(cow, mm_id(t->v->mm), at, pte_pfn(old).v, pte_pfn(new).v);
		set(t->v, at, new, TRACE_WHY_cow);
	}
}

/* What the CPU sets by itself is no change. */
static bool same(pte_t a, pte_t b)
{
	return !((a.v ^ b.v) & ~(PTE_A | PTE_D));
}

void trace_fault_after(const struct trace_fault *t)
{
	struct mm *mm = t->v->mm;

	for (vaddr_t at = t->start; at < t->end; at += PAGE_SIZE) {
		pte_t old = t->before[(at - t->start) >> PAGE_SHIFT], new = entry(mm, at);
		if (pte_maps(new) && !same(old, new))
			entry_changed(t, at, old, new);
	}
	for (u32 kind = 0; kind < RSS_NR; kind++)
		if (mm->rss[kind] != t->rss[kind])
			trace_rss(mm, kind, mm->rss[kind]);
}

/* --- Many entries at once --- */

void trace_fork(struct vma *v)
{
	for_each_entry(at, v->mm, v->start, v->end)
	{
		pte_t e = entry(v->mm, at);
		if (pte_maps(e))
			set(v, at, e, TRACE_WHY_fork);
	}
	trace_all_rss(v->mm);
}

void trace_move(struct vma *v, vaddr_t start, vaddr_t end, vaddr_t to)
{
	for_each_entry(at, v->mm, start, end)
	{
		pte_t e = entry(v->mm, at);
		if (!pte_maps(e))
			continue;
		trace(pte_clear, mm_id(v->mm), at, pte_pfn(e).v);
		set(v, to + (at - start), e, TRACE_WHY_move);
	}
}

/* One entry that goes; counted in `gone`. */
static void clear(struct vma *v, vaddr_t at, pte_t e, u32 *gone)
{
	const struct page *p = pfn_page(pte_pfn(e));

	trace(pte_clear, mm_id(v->mm), at, pte_pfn(e).v);
	if (p != zero_page && !pte_poisoned(e))
		gone[page_rss_kind(p)]++;
}

static void clear_range(
	struct vma *v, vaddr_t start, vaddr_t end, enum zap_what what, u32 gone[RSS_NR])
{
	for_each_entry(at, v->mm, start, end)
	{
		pte_t e = entry(v->mm, at);
		if (zap_takes(what, e))
			clear(v, at, e, gone);
	}
}

static void trace_gone(struct mm *mm, const u32 gone[RSS_NR])
{
	for (u32 kind = 0; kind < RSS_NR; kind++)
		if (gone[kind])
			trace_rss(mm, kind, mm->rss[kind] - gone[kind]);
}

void trace_zap(struct vma *v, vaddr_t start, vaddr_t end, enum zap_what what)
{
	u32 gone[RSS_NR] = {0};

	clear_range(v, start, end, what, gone);
	trace_gone(v->mm, gone);
}

/* --- VMAs --- */

void trace_map(struct vma *v, vaddr_t start, vaddr_t end)
{
	struct trace_vma_map t = {mm_id(v->mm), start, end, v->flags, vma_pgoff(v, start)};
	char name[TRACE_TEXT_MAX] = "";

	if (!trace_is_on(TE_vma_map))
		return;
	if (v->backing)
		v->backing->ops->name(v->backing, name, sizeof(name));
	trace_write_text(TE_vma_map, &t, sizeof(t), name);
}

void trace_unmap(struct mm *mm, vaddr_t start, vaddr_t end)
{
	u32 gone[RSS_NR] = {0};

	for (struct vma *v = vma_find(&mm->vmas, start); v && v->start < end;
		v = vma_next(v)) {
		vaddr_t lo = MAX(v->start, start), hi = MIN(v->end, end);
		clear_range(v, lo, hi, false, gone);
		trace(vma_unmap, mm_id(mm), lo, hi, v->flags);
	}
	trace_gone(mm, gone);
}

void trace_change(struct vma *v, vaddr_t start, vaddr_t end, u32 old_flags)
{
	trace(vma_change, mm_id(v->mm), start, end, old_flags, v->flags);
}
