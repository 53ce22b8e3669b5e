/*
 * vmalloc space and kernel stacks.
 *
 *      VMALLOC_START                                                      VMALLOC_END
 *      | guard | pages ... | guard | stack | stack | guard | pages ... | guard | ...
 *              <---- one area ---->
 *
 * An area ends with its guard page and the first one starts behind a page of its own, so every
 * area has an unmapped page on both sides. Which frames are behind an area only the page table
 * knows. Frames are got and mapped without the lock, which guards the set of areas, the counts and
 * the cached stacks.
 */
#include "kernel/core/lock.h"
#include "kernel/core/panic.h"
#include "mm/page_alloc.h"
#include "mm/pmap.h"
#include "mm/slab.h"
#include "mm/varea.h"
#include "mm/vmalloc.h"

#define MAX_PAGES ((VMALLOC_END - VMALLOC_START) / PAGE_SIZE)

#define KSTACK_PAGES (KSTACK_SIZE / PAGE_SIZE)
#define KSTACK_CACHE 16u

enum area_kind { AREA_VMALLOC, AREA_VMAP, AREA_KSTACK };

static const char *const area_kind_name[] = {"vmalloc", "vmap", "kstack"};

struct area {
	struct varea range; /* with the guard page */
	u32 pages;	    /* mapped */
	enum area_kind kind;
	uintptr_t caller;
};

static struct spinlock vmalloc_lock = SPINLOCK_INIT("vmalloc");

/* All under vmalloc_lock. */
static struct varea_set areas;
static u32 used_pages;
static void *cached_stacks[KSTACK_CACHE];
static u32 nr_cached_stacks, nr_stacks; /* free ones kept; handed out */

static struct slab_cache *area_cache;

#define CALLER ((uintptr_t)__builtin_return_address(0))

static struct area *area_of(struct varea *range)
{
	return range ? container_of(range, struct area, range) : NULL;
}

/* Address space for `pages` and a guard page. NULL when there is none, or no memory. */
static struct area *area_create(u32 pages, enum area_kind kind, uintptr_t caller)
{
	struct area *a;
	bool ok;

	if (pages > MAX_PAGES)
		return NULL;
	a = slab_alloc(area_cache);
	if (!a)
		return NULL;
	a->pages = pages;
	a->kind = kind;
	a->caller = caller;
	spin_lock(&vmalloc_lock);
	ok = varea_place(&areas, &a->range, (pages + 1) * PAGE_SIZE);
	if (ok)
		used_pages += pages;
	spin_unlock(&vmalloc_lock);
	if (ok)
		return a;
	slab_free(area_cache, a);
	return NULL;
}

static void area_destroy(struct area *a)
{
	spin_lock(&vmalloc_lock);
	varea_remove(&areas, &a->range);
	used_pages -= a->pages;
	spin_unlock(&vmalloc_lock);
	slab_free(area_cache, a);
}

/* The area that starts at `p`, which the caller says is of this kind. */
static struct area *area_at(const void *p, enum area_kind kind, uintptr_t caller)
{
	vaddr_t va = (vaddr_t)(uintptr_t)p;
	struct area *a;

	spin_lock(&vmalloc_lock);
	a = area_of(varea_find(&areas, va));
	spin_unlock(&vmalloc_lock);
	if (!a || a->range.start != va || a->kind != kind)
		panic("%p, freed by %pS, is not the start of a %s area", p, (void *)caller,
			area_kind_name[kind]);
	return a;
}

/* Unmaps the first n pages of the area and frees the frames. */
static void unmap_frames(struct area *a, u32 n)
{
	for (u32 i = 0; i < n; i++) {
		vaddr_t va = a->range.start + i * PAGE_SIZE;
		struct page *p = pfn_page(pte_pfn(pmap_kernel_lookup(va)));

		pmap_kunmap_page(va);
		page_free(p);
	}
}

static bool map_frame(vaddr_t va, enum page_kind kind)
{
	struct page *p = page_alloc(GFP_HIGH, kind);

	if (!p)
		return false;
	if (pmap_kmap_page(va, page_pfn(p), PTE_W | PTE_NX)) {
		page_free(p);
		return false;
	}
	return true;
}

/* An area with frames behind it. */
static struct area *area_with_frames(
	u32 pages, enum area_kind kind, enum page_kind frames, uintptr_t caller)
{
	struct area *a = area_create(pages, kind, caller);

	if (!a)
		return NULL;
	for (u32 i = 0; i < pages; i++) {
		if (!map_frame(a->range.start + i * PAGE_SIZE, frames)) {
			unmap_frames(a, i);
			area_destroy(a);
			return NULL;
		}
	}
	return a;
}

static void *start_of(const struct area *a)
{
	return a ? (void *)(uintptr_t)a->range.start : NULL;
}

void *vmalloc(size_t bytes)
{
	return start_of(
		area_with_frames(pages_of(MAX(bytes, 1u)), AREA_VMALLOC, PK_VMALLOC, CALLER));
}

void vfree(void *p)
{
	struct area *a;

	if (!p)
		return;
	a = area_at(p, AREA_VMALLOC, CALLER);
	unmap_frames(a, a->pages);
	area_destroy(a);
}

static void unmap_only(struct area *a, u32 n)
{
	for (u32 i = 0; i < n; i++)
		pmap_kunmap_page(a->range.start + i * PAGE_SIZE);
}

void *vmap_phys(paddr_t start, size_t bytes)
{
	u32 offset = (u32)start.v % PAGE_SIZE;
	struct area *a;

	if (bytes == 0 || bytes > VMALLOC_END - VMALLOC_START)
		return NULL;
	a = area_create(pages_of(offset + (u32)bytes), AREA_VMAP, CALLER);
	if (!a)
		return NULL;
	for (u32 i = 0; i < a->pages; i++) {
		pfn_t pfn = PFN(paddr_pfn(start).v + i);

		if (pmap_kmap_page(a->range.start + i * PAGE_SIZE, pfn, PTE_NX)) {
			unmap_only(a, i);
			area_destroy(a);
			return NULL;
		}
	}
	return (u8 *)start_of(a) + offset;
}

void vunmap(void *p)
{
	struct area *a;

	if (!p)
		return;
	a = area_at((void *)ALIGN_DOWN((uintptr_t)p, PAGE_SIZE), AREA_VMAP, CALLER);
	unmap_only(a, a->pages);
	area_destroy(a);
}

/* --- Kernel stacks --- */

/* Takes a stack from the cache; NULL when there is none. */
static void *cached_stack(void)
{
	void *stack = NULL;

	spin_lock(&vmalloc_lock);
	if (nr_cached_stacks)
		stack = cached_stacks[--nr_cached_stacks];
	spin_unlock(&vmalloc_lock);
	return stack;
}

void *kstack_alloc(void)
{
	void *stack = cached_stack();

	if (!stack)
		stack = start_of(area_with_frames(KSTACK_PAGES, AREA_KSTACK, PK_KSTACK, CALLER));
	if (!stack)
		return NULL;
	spin_lock(&vmalloc_lock);
	nr_stacks++;
	spin_unlock(&vmalloc_lock);
	return stack;
}

static void kstack_destroy(void *stack, uintptr_t caller)
{
	struct area *a = area_at(stack, AREA_KSTACK, caller);

	unmap_frames(a, a->pages);
	area_destroy(a);
}

void kstack_free(void *stack)
{
	bool cached;

	spin_lock(&vmalloc_lock);
	kassert(nr_stacks);
	nr_stacks--;
	cached = nr_cached_stacks < KSTACK_CACHE;
	if (cached)
		cached_stacks[nr_cached_stacks++] = stack;
	spin_unlock(&vmalloc_lock);
	if (!cached)
		kstack_destroy(stack, CALLER);
}

u32 kstack_shrink(void)
{
	u32 pages = 0;

	for (void *stack; (stack = cached_stack()); pages += KSTACK_PAGES)
		kstack_destroy(stack, CALLER);
	return pages;
}

/* --- Questions --- */

bool vmalloc_next(vaddr_t addr, struct vmalloc_area *out)
{
	struct area *a;

	spin_lock(&vmalloc_lock);
	a = area_of(varea_find(&areas, addr));
	if (a) {
		*out = (struct vmalloc_area){
			.start = a->range.start,
			.end = a->range.end,
			.pages = a->pages,
			.kind = area_kind_name[a->kind],
			.caller = (u32)a->caller,
		};
	}
	spin_unlock(&vmalloc_lock);
	return a;
}

u32 vmalloc_used_pages(void)
{
	return used_pages;
}

u32 kstack_count(void)
{
	return nr_stacks;
}

/* --- The checker --- */

static bool frame_fits(pte_t e, enum area_kind kind)
{
	const struct page *p;

	if (!pte_present(e))
		return false;
	if (kind == AREA_VMAP)
		return true;
	if (!pfn_valid(pte_pfn(e)))
		return false;
	p = pfn_page(pte_pfn(e));
	return p->kind == (kind == AREA_KSTACK ? PK_KSTACK : PK_VMALLOC) && p->refcount == 1;
}

static u32 check_area(const struct area *a, void (*complain)(const char *fmt, ...))
{
	const struct varea *r = &a->range;
	u32 faults = 0;

	for (u32 i = 0; i < a->pages; i++) {
		pte_t e = pmap_kernel_lookup(r->start + i * PAGE_SIZE);

		if (!frame_fits(e, a->kind)) {
			complain("%s area %#x: page %u is mapped by %#llx", area_kind_name[a->kind],
				r->start, i, (unsigned long long)e.v);
			faults++;
		}
	}
	if (r->start + (a->pages + 1) * PAGE_SIZE != r->end ||
		pte_present(pmap_kernel_lookup(r->end - PAGE_SIZE))) {
		complain("%s area %#x-%#x of %u pages has no guard page", area_kind_name[a->kind],
			r->start, r->end, a->pages);
		faults++;
	}
	return faults;
}

/* Counts against what the areas add up to. */
static u32 check_counts(u32 pages, u32 stacks, void (*complain)(const char *fmt, ...))
{
	if (pages == used_pages && stacks == nr_stacks + nr_cached_stacks)
		return 0;
	complain("vmalloc: %u pages in areas, %u counted; %u stacks, %u handed out and %u cached",
		pages, used_pages, stacks, nr_stacks, nr_cached_stacks);
	return 1;
}

u32 vmalloc_check(void (*complain)(const char *fmt, ...))
{
	u32 faults, pages = 0, stacks = 0;

	spin_lock(&vmalloc_lock);
	faults = varea_check(&areas, complain);
	for (struct varea *r = varea_next(&areas, NULL); r; r = varea_next(&areas, r)) {
		const struct area *a = area_of(r);

		faults += check_area(a, complain);
		pages += a->pages;
		stacks += a->kind == AREA_KSTACK;
	}
	faults += check_counts(pages, stacks, complain);
	spin_unlock(&vmalloc_lock);
	return faults;
}

void vmalloc_init(void)
{
	varea_init(&areas, VMALLOC_START + PAGE_SIZE, VMALLOC_END);
	area_cache = slab_create("vmap_area", sizeof(struct area), 0, 0, NULL);
	if (!area_cache)
		boot_fail("no memory for the table of kernel areas");
}
