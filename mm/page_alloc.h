/*
 * The page-frame allocator: zones, each with a buddy (mm/buddy.h) under a spin lock, and per-CPU
 * lists of single pages in front of them.
 *
 * Zones are tried from the highest allowed down: HighMem, Normal, DMA. Each keeps back a little
 * for requests that must not fail cheaply: watermarks min < low < high as in Linux. A request
 * without GFP_RESERVE is refused below min.
 */
#ifndef MM_PAGE_ALLOC_H
#define MM_PAGE_ALLOC_H

#include "mm/page.h"

/* Allocation flags */
#define GFP_KERNEL  0x0u /* direct-mapped memory */
#define GFP_DMA     0x1u /* below 16 MiB */
#define GFP_HIGH    0x2u /* may be HighMem */
#define GFP_ZERO    0x4u /* filled with zeroes */
#define GFP_RESERVE 0x8u /* may go below the min watermark: what frees memory needs this */
#define GFP_USER    (GFP_HIGH)

enum zone_id { ZONE_DMA, ZONE_NORMAL, ZONE_HIGHMEM, NR_ZONES };

/* 2^order contiguous pages, naturally aligned, of the given kind; refcount 1 in the first page, 0
 * in the others, mapcount 0. NULL when memory is out: an ordinary return. Never sleeps; not for
 * interrupt handlers. */
struct page *page_alloc_order(u32 order, u32 gfp, enum page_kind kind) __must_check;

/* One page: the fast path. */
struct page *page_alloc(u32 gfp, enum page_kind kind) __must_check;

/* Gives back what page_alloc_order() returned; every reference and mapping is gone. */
void page_free_order(struct page *p, u32 order);
void page_free(struct page *p);

/* One more reference / one less; the last frees the page (order 0 only). */
static inline void page_get(struct page *p)
{
	kassert_dbg(p->refcount > 0);
	p->refcount++;
}
static inline void page_put(struct page *p)
{
	kassert_dbg(p->refcount > 0);
	if (--p->refcount == 0) {
		p->refcount = 1;
		page_free(p);
	}
}

/* Single pages on their way to be freed together, each with refcount 1; the last one comes first. */
struct page_chain {
	struct page *first;
};
static inline void page_chain_add(struct page_chain *c, struct page *p)
{
	p->chained = c->first;
	c->first = p;
}
static inline struct page *page_chain_take(struct page_chain *c)
{
	struct page *p = c->first;
	if (p)
		c->first = p->chained;
	return p;
}
/* Frees them all. */
void page_free_chain(struct page_chain *c);

/* Makes a reserved frame an allocated one of this kind, with one reference, contents untouched: the
 * way file data that the boot loader brought becomes page cache in place. Freed as any other. */
void page_alloc_adopt(struct page *p, enum page_kind kind);

/* Gives back caches of the layers above when an allocation is about to fail; returns pages freed.
 * Set once at boot. It may not allocate, and is called with whatever locks page_alloc()'s caller
 * holds. */
extern u32 (*page_alloc_shrink)(void);

/* Empties this CPU's lists into the buddies, so that counts and coalescing are exact. */
void page_alloc_drain(void);

/* From now on single pages take the long way, by trace points (kernel/core/trace.h) and by what makes
 * allocations fail (mm/fail_nth.h), or no more. */
void page_alloc_watch(bool on);

struct zone_stat {
	const char *name;
	pfn_t start, end;           /* span, holes included */
	u32 present, managed, free; /* pages; free includes the per-CPU lists */
	u32 pcp;                    /* pages on per-CPU lists */
	u32 min, low, high;         /* watermarks, pages */
	u32 nr_free[NR_ORDERS];     /* free blocks by order */
};
void page_alloc_stat(enum zone_id z, struct zone_stat *out);

/* Sums over zones, pages. */
extern u32 pages_managed;
static inline u32 page_alloc_total(void)
{
	return pages_managed;
}
u32 page_alloc_free(void); /* free, per-CPU lists included */
u32 page_alloc_free_high(void);
u32 page_alloc_total_high(void);

/* Sum of the zones' high watermarks: what ordinary requests leave, pages. */
u32 page_alloc_reserve(void);

/* Sum of low memory's min watermarks, KiB: vm.min_free_kbytes. It follows the size of memory until
 * somebody has set it and called page_alloc_keep_free(). */
extern u32 min_free_kbytes;
void page_alloc_keep_free(void);

/* Pages in use by kind, from PK_KERNEL on. */
extern u32 pages_in_use[PK_NR];

/* Makes a page in use one of another kind. */
static inline void page_set_kind(struct page *p, enum page_kind kind)
{
	pages_in_use[p->kind]--;
	pages_in_use[kind]++;
	p->kind = (u8)kind;
}

/* Pages of each kind, by walking the array (slow). */
void page_count_kinds(u32 count[PK_NR]);

/* Every free list, count and struct page of free memory agree; complaints go to `complain`, one
 * call each. Returns the number of them. */
u32 page_alloc_check(void (*complain)(const char *fmt, ...));

/* Boot: sets up mem_map, zones and the direct map's accounting from bootinfo, reserving the
 * kernel image and modules. Stops with one line when there is too little memory. */
void page_alloc_init(void);

/* Frees the page-aligned inside of a reserved physical range (init text, parsed modules). Frames in
 * it that are no longer reserved (page_alloc_adopt) are left alone. */
void page_alloc_release_range(u64 start, u64 end);

/* Counters since boot, for /proc/vmstat. */
struct vm_events {
	u64 pgalloc, pgfree, pgfault, pgmajfault, pgreuse, oom_kill;
	u64 pglazyfree, pglazyfreed;
	u64 cow_copy, zero_fill, zero_map, file_map, stack_grow;
};
extern struct vm_events vm_events;

#endif
