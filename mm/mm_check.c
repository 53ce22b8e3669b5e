/* The memory fsck. See mm/mm_check.h. */
#include "mm/mm_check.h"
#include "kernel/core/selftest.h"
#include "kernel/lib/fmt.h"
#include "kernel/lib/string.h"
#include "mm/anon.h"
#include "mm/commit.h"
#include "mm/hugetlb.h"
#include "mm/object.h"
#include "mm/page_alloc.h"
#include "mm/pagecache.h"
#include "mm/poison.h"
#include "mm/slab.h"
#include "mm/space.h"
#include "mm/vmalloc.h"
#include "mm/zap.h"

/* One run. */
struct check {
	void (*complain)(const char *fmt, ...);
	u32 bad;
	u16 *mapped;      /* by frame: user entries found */
	u32 nr_tables;    /* pages of user page tables, as the spaces count them */
	u32 accountable;  /* pages of VMAs that are charged */
	u32 huge_in_use;  /* huge pages with a reference */
};

#define BAD(c, ...)                                                                                \
	do {                                                                                       \
		(c)->complain(__VA_ARGS__);                                                        \
		(c)->bad++;                                                                        \
	} while (0)

/* --- Spaces: what is mapped --- */

/* What an entry of VMA v at addr allows; returns its frame, NULL when there is none. */
static struct page *check_rights(struct check *c, struct vma *v, vaddr_t addr, pte_t e)
{
	if (!pfn_valid(pte_pfn(e))) {
		BAD(c, "pte at %08x: frame %u does not exist", addr, pte_pfn(e).v);
		return NULL;
	}
	if (!pte_user(e))
		BAD(c, "pte at %08x: not a user entry", addr);
	if (pte_present(e) && !(v->flags & VM_PROT))
		BAD(c, "pte at %08x: present in a PROT_NONE area", addr);
	if (pte_write(e) && !(v->flags & VM_WRITE))
		BAD(c, "pte at %08x: writable in a read-only area", addr);
	return pfn_page(pte_pfn(e));
}

/* An entry of VMA v at addr. rss is counted anew. */
static void check_entry(struct check *c, struct vma *v, vaddr_t addr, pte_t e, u32 *rss)
{
	struct page *p = check_rights(c, v, addr, e);
	if (!p)
		return;
	if (pte_poisoned(e)) {
		if (p->kind != PK_POISON && !(p->flags & PF_POISON))
			BAD(c, "pte at %08x: frame %u is said to be lost, but is %s", addr,
				page_pfn(p).v, page_kind_name[p->kind]);
		return;
	}
	if (p == zero_page) {
		if (pte_write(e))
			BAD(c, "pte at %08x: the zero page is writable", addr);
		if (vma_is_untouched(v))
			BAD(c, "pte at %08x: the zero page in an untouched area", addr);
		return;
	}
	if (p->kind != PK_ANON && p->kind != PK_CACHE) {
		BAD(c, "pte at %08x: maps frame %u, which is %s", addr, page_pfn(p).v,
			page_kind_name[p->kind]);
		return;
	}
	if (pte_own(e) && !(p->kind == PK_ANON && p->mapcount == 1))
		BAD(c, "pte at %08x: frame %u is not its own", addr, page_pfn(p).v);
	if (pte_write(e) && !(v->flags & VM_SHARED) && !pte_own(e))
		BAD(c, "pte at %08x: a shared frame %u is writable in private memory", addr,
			page_pfn(p).v);
	if (p->index != vma_pgoff(v, addr) ||
		p->mapping != (p->kind == PK_ANON ? (void *)v->anon : (void *)v->object))
		BAD(c, "pte at %08x: frame %u is page %u of another mapping", addr, page_pfn(p).v,
			p->index);
	if (pte_anon(e) != (p->kind == PK_ANON))
		BAD(c, "pte at %08x: frame %u is %s, the entry says %s", addr, page_pfn(p).v,
			page_kind_name[p->kind], pte_anon(e) ? "private" : "not private");
	c->mapped[page_pfn(p).v]++;
	rss[page_rss_kind(p)]++;
}

/* The entry of a huge page. */
static void check_huge_entry(struct check *c, struct vma *v, vaddr_t addr, pte_t e)
{
	struct page *p = check_rights(c, v, addr, e);
	if (!p)
		return;
	if (!pte_huge(e) || p->kind != PK_HUGE || p != hugetlb_head(p)) {
		BAD(c, "pde at %08x: no huge page, but frame %u, which is %s", addr,
			page_pfn(p).v, page_kind_name[p->kind]);
		return;
	}
	if (pte_write(e) && !(v->flags & VM_SHARED) &&
		!(hugetlb_is_private(p) && p->mapcount == 1))
		BAD(c, "pde at %08x: a shared huge page is writable in private memory", addr);
	if (p->index != vma_pgoff(v, addr) || p->mapping != v->object)
		BAD(c, "pde at %08x: frame %u is page %u of another mapping", addr, page_pfn(p).v,
			p->index);
	c->mapped[page_pfn(p).v]++;
}

/* Returns how many huge pages are mapped. */
static u32 check_huge_vma(struct check *c, struct vma *v)
{
	u32 mapped = 0;
	for (vaddr_t at = v->start; at < v->end; at += HUGE_SIZE) {
		pte_t e = hugetlb_entry(v->mm, at);
		if (pte_none(e))
			continue;
		check_huge_entry(c, v, at, e);
		mapped++;
	}
	return mapped;
}

static void check_vma(struct check *c, struct vma *v, u32 *rss)
{
	for (vaddr_t at = v->start, next; at < v->end; at = next) {
		next = pt_end(at, v->end);
		pte_t *pte = pmap_pte(&v->mm->pmap, at);
		for (; pte && at < next; at += PAGE_SIZE, pte++)
			if (pte_maps(*pte))
				check_entry(c, v, at, *pte, rss);
	}
	if (v->flags & VM_ACCOUNT)
		c->accountable += vma_pages(v);
	if (v->object && list_first_entry(&v->object->vmas, struct vma, object_link) == v)
		c->bad += object_check(v->object, c->complain); /* once for all its VMAs */
}

/* Entries of one page table that no VMA owns. */
static void check_strays(struct check *c, struct mm *mm, vaddr_t base, pte_t *table)
{
	for (u32 i = 0; i < PT_ENTRIES; i++) {
		vaddr_t addr = base + i * PAGE_SIZE;
		if (!pte_none(table[i]) && !vma_at(&mm->vmas, addr))
			BAD(c, "pte at %08x outside every vma: %llx", addr,
				(unsigned long long)table[i].v);
	}
}

/* An entry of a page directory that names no table belongs to a huge VMA. */
static void check_stray_pde(struct check *c, struct mm *mm, vaddr_t base)
{
	pte_t e = *pmap_pde(&mm->pmap, base);
	struct vma *v = vma_at(&mm->vmas, base);
	if (!pte_none(e) && (!v || !(v->flags & VM_HUGETLB)))
		BAD(c, "pde at %08x outside every huge vma: %llx", base, (unsigned long long)e.v);
}

static void check_tables(struct check *c, struct mm *mm)
{
	u32 tables = 0;
	for (vaddr_t gib = 0; gib < USER_TOP; gib += 1u << PDPT_SHIFT) {
		if (!pmap_pde(&mm->pmap, gib))
			continue;
		tables++;
		for (u32 i = 0; i < PT_ENTRIES; i++) {
			vaddr_t base = gib + i * PD_SIZE;
			pte_t *table = pmap_pte(&mm->pmap, base);
			if (!table) {
				check_stray_pde(c, mm, base);
				continue;
			}
			tables++;
			check_strays(c, mm, base, table);
		}
	}
	if (tables != mm->pmap.nr_tables)
		BAD(c, "mm: %u pages of page tables, count says %u", tables, mm->pmap.nr_tables);
	c->nr_tables += tables;
}

static void check_mm(struct check *c, struct mm *mm)
{
	static const char *const kind[] = {"file", "private", "shared", "kernel's"};
	u32 rss[RSS_NR] = {0}, pages = 0, huge = 0;
	struct vma *v;
	c->bad += vma_check(&mm->vmas, c->complain);
	vma_for_each(v, &mm->vmas) {
		if (v->flags & VM_HUGETLB)
			huge += check_huge_vma(c, v);
		else
			check_vma(c, v, rss);
		pages += vma_pages(v);
		if ((v->flags & VM_BRITTLE) && v->start < mm->brittle)
			BAD(c, "vma at %08x is brittle, mm says from %08x on", v->start, mm->brittle);
	}
	check_tables(c, mm);
	if (pages != mm->total_vm)
		BAD(c, "mm: %u pages mapped, total_vm says %u", pages, mm->total_vm);
	if (huge != mm->huge_pages)
		BAD(c, "mm: %u huge pages mapped, count says %u", huge, mm->huge_pages);
	for (u32 i = 0; i < RSS_NR; i++)
		if (rss[i] != mm->rss[i])
			BAD(c, "mm %p: %u %s pages are mapped, count says %u", (void *)mm, rss[i],
				kind[i], mm->rss[i]);
}

/* --- Frames: what they say of themselves --- */

/* A frame of a huge page. */
static void check_huge_frame(struct check *c, const struct page *p, u32 mapped)
{
	u32 pfn = page_pfn(p).v;
	if (pfn % HUGE_PAGES || !p->refcount) {
		if (p->refcount || mapped)
			BAD(c, "frame %u (huge): refcount %u, %u entries map it", pfn, p->refcount,
				mapped);
		return;
	}
	if (p->refcount != 1)
		BAD(c, "huge page at frame %u: refcount %u, but nobody copies from it", pfn,
			p->refcount);
	if (hugetlb_is_private(p) && !mapped)
		BAD(c, "huge page at frame %u: private memory that nobody maps (leaked)", pfn);
	c->huge_in_use++;
}

static void check_frame(struct check *c, const struct page *p, u32 mapped)
{
	u32 pfn = page_pfn(p).v;
	if (p->kind == PK_HUGE)
		check_huge_frame(c, p, mapped);
	if (p->mapcount != mapped)
		BAD(c, "frame %u (%s): mapcount %u, %u entries map it", pfn,
			page_kind_name[p->kind], p->mapcount, mapped);
	if (p->kind != PK_ANON && p->kind != PK_CACHE && p->kind != PK_POISON)
		return;
	if (p->refcount != 1 + !!(p->flags & PF_POISON))
		BAD(c, "frame %u (%s): refcount %u, but nobody copies from it", pfn,
			page_kind_name[p->kind], p->refcount);
	if (p->kind == PK_ANON && !mapped)
		BAD(c, "frame %u: private memory that nobody maps (leaked)", pfn);
}

static void check_kind(struct check *c, const u32 *count, enum page_kind k, u32 expected)
{
	if (count[k] != expected)
		BAD(c, "%u frames are %s, their owner knows %u", count[k], page_kind_name[k],
			expected);
}

static void check_frames(struct check *c)
{
	u32 count[PK_NR], cache_mapped = 0;
	for (u32 pfn = 0; pfn < nr_pfns; pfn++) {
		check_frame(c, pfn_page(PFN(pfn)), c->mapped[pfn]);
		cache_mapped += mem_map[pfn].kind == PK_CACHE && c->mapped[pfn];
	}
	if (pagecache_mapped != cache_mapped)
		BAD(c, "%u cached frames are mapped, %u counted", cache_mapped, pagecache_mapped);
	page_count_kinds(count);
	for (enum page_kind k = PK_KERNEL; k < PK_NR; k++)
		check_kind(c, count, k, pages_in_use[k]);
	check_kind(c, count, PK_SLAB, slab_pages());
	check_kind(c, count, PK_CACHE, pagecache_pages);
	check_kind(c, count, PK_PGTABLE, c->nr_tables + pmap_kernel_tables);
	check_kind(c, count, PK_ZERO, 1);
	check_kind(c, count, PK_POISON, poisoned_retired);
	struct hugetlb_stat huge;
	hugetlb_stat(&huge);
	check_kind(c, count, PK_HUGE, huge.total * HUGE_PAGES);
	if (c->huge_in_use != huge.total - huge.free)
		BAD(c, "%u huge pages are in use, the pool knows of %u", c->huge_in_use,
			huge.total - huge.free);
}

u32 mm_check(void (*complain)(const char *fmt, ...))
{
	struct check c = {.complain = complain};
	size_t size = nr_pfns * sizeof(*c.mapped);
	c.mapped = vmalloc(size);
	if (!c.mapped) {
		complain("no memory to check memory with");
		return 1;
	}
	memset(c.mapped, 0, size);
	struct mm *mm;
	list_for_each_entry(mm, &mm_list, link)
		check_mm(&c, mm);
	check_frames(&c);
	c.bad += page_alloc_check(complain) + slab_check(complain) + vmalloc_check(complain) +
		 hugetlb_check(complain);
	if (c.accountable > commit_total())
		BAD(&c, "%u pages are charged, %u committed", c.accountable, commit_total());
	vfree(c.mapped);
	return c.bad;
}

void mm_usage(struct mm_usage *out)
{
	kstack_shrink();
	slab_shrink_all();
	page_alloc_drain();
	struct hugetlb_stat huge;
	hugetlb_stat(&huge);
	*out = (struct mm_usage){
		.frames = page_alloc_total() - page_alloc_free() - pmap_kernel_tables -
			  poisoned_retired - slab_pages(),
		.slab_objects = slab_active_objects(),
		.committed = commit_total(),
		.kstacks = kstack_count(),
		.huge_pages = huge.total,
		.huge_reserved = huge.reserved,
	};
}

/* --- The guard around each self-test --- */

static struct mm_usage usage_before;
static u32 kinds_before[PK_NR];

static void guard_complain(const char *fmt, ...)
{
	char line[160];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	ktest_fail("mm_check", 0, "%s", line);
}

static void count_kinds(u32 count[PK_NR])
{
	page_count_kinds(count);
	count[PK_PGTABLE] -= pmap_kernel_tables; /* as mm_usage() does */
}

static void guard_before(void)
{
	mm_usage(&usage_before);
	count_kinds(kinds_before);
	slab_mark();
}

static void expect_same(const char *what, u32 before, u32 after)
{
	if (before != after)
		ktest_fail("leak", 0, "%s: %u before, %u after", what, before, after);
}

/* Of frames that are there no more, or too many: which. */
static void tell_kinds(void)
{
	u32 now[PK_NR];
	count_kinds(now);
	for (enum page_kind k = PK_KERNEL; k < PK_NR; k++)
		expect_same(page_kind_name[k], kinds_before[k], now[k]);
}

static void guard_after(void)
{
	struct mm_usage now;
	mm_check(guard_complain);
	mm_usage(&now);
	expect_same("frames in use", usage_before.frames, now.frames);
	if (usage_before.frames != now.frames)
		tell_kinds();
	expect_same("slab objects", usage_before.slab_objects, now.slab_objects);
	if (usage_before.slab_objects != now.slab_objects)
		slab_since_mark(expect_same);
	expect_same("committed pages", usage_before.committed, now.committed);
	expect_same("kernel stacks", usage_before.kstacks, now.kstacks);
	expect_same("huge pages", usage_before.huge_pages, now.huge_pages);
	expect_same("promised huge pages", usage_before.huge_reserved, now.huge_reserved);
}

const struct selftest_guard memory_guard = {guard_before, guard_after};
