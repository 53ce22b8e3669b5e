/*
 * One struct page for each frame of memory, in one array indexed by frame number.
 *
 * Life of a frame (mm_check enforces the list):
 *
 *   RESERVED --bootmem--> FREE --page_alloc()--> the owner's kind --page_free()--> FREE
 *                          ^                                          |
 *                          +---------- per-CPU list (PCP) <-----------+
 *
 * A frame is freed with mapcount 0 only: freeing one that a page table still maps is a panic. The
 * owner of a PK_ANON frame is all the entries that map it together; the page cache keeps its own
 * until no entry is left.
 */
#ifndef MM_PAGE_H
#define MM_PAGE_H

#include "kernel/lib/kassert.h"
#include "kernel/lib/list.h"
#include "kernel/lib/types.h"
#include "kernel/x86/layout.h"

enum page_kind {
	PK_RESERVED, /* never the allocator's: firmware, kernel image, struct page array, hole */
	PK_FREE,     /* head of a free block in the buddy; `order` says how large */
	PK_FREE_TAIL,/* the rest of a free block */
	PK_PCP,      /* on a CPU's list of free pages */
	PK_KERNEL,   /* anonymous kernel use (page_alloc by name) */
	PK_SLAB,
	PK_VMALLOC,
	PK_KSTACK,
	PK_PGTABLE,
	PK_ANON,     /* private memory of processes; mapping: struct anon */
	PK_CACHE,    /* page cache; mapping: struct object, index: page of the file */
	PK_ZERO,     /* the shared zero page; mapped without being counted */
	PK_HUGE,     /* part of a huge page or of the huge page pool */
	PK_POISON,   /* bad memory: in nobody's use for good (mm/poison.h) */
	PK_NR,
};

extern const char *const page_kind_name[PK_NR];

#define MAX_ORDER 10u /* largest block: 2^10 pages, 4 MiB */
#define NR_ORDERS (MAX_ORDER + 1)

/* Bits of page.flags */
#define PF_UPTODATE 0x01u /* page cache: contents are the file's */
#define PF_DIRTY    0x02u /* page cache: written, but for what an entry's own bit still says; private
			    * memory: written by others than its processes */
#define PF_POISON   0x08u /* page cache: the frame is bad, and goes when the page does */
#define PF_PRIVATE  0x04u /* huge page: private memory, although it came through a file */

/* letter: locked by. z: zone lock while free, then o: the owner; c: none, since entries of several
 * address spaces come and go: each change is whole because the kernel is not preempted, and on
 * several CPUs would be atomic */
struct page {
	u8 kind;       /* z o: enum page_kind */
	u8 order;      /* z: free block or allocation of 2^order pages (valid in the head) */
	u8 zone;       /* constant */
	u8 flags;      /* o: PF_ bits */
	u32 refcount;  /* c: references: one for the owner, one for each copy under way; 0 while free */
	u32 mapcount;  /* c: page-table entries that map it into user space */
	u32 index;     /* o: page offset in `mapping` */
	void *mapping; /* o: struct object, struct anon, or struct slab's cache */
	union {
		struct list_head link; /* z: free list; o: the owner's list (LRU, slab) */
		struct page *chained;  /* o: the next of a chain (mm/page_alloc.h) */
	};
	u32 private;   /* o: slab bookkeeping; swap slot */
};

_Static_assert(sizeof(void *) != 4 || sizeof(struct page) <= 32, "struct page is 32 bytes at most");

/* The array. Frames in [0, nr_pfns) have an entry; holes are PK_RESERVED. */
extern struct page *mem_map;
extern u32 nr_pfns;

static inline struct page *pfn_page(pfn_t pfn)
{
	return &mem_map[pfn.v];
}
static inline pfn_t page_pfn(const struct page *p)
{
	return PFN((u32)(p - mem_map));
}
static inline paddr_t page_paddr(const struct page *p)
{
	return pfn_paddr(page_pfn(p));
}
static inline bool pfn_valid(pfn_t pfn)
{
	return pfn.v < nr_pfns;
}

/* Direct map. Only for memory below LOWMEM_LIMIT. */
static inline bool page_is_low(const struct page *p)
{
	return page_pfn(p).v < LOWMEM_LIMIT / PAGE_SIZE;
}
static inline void *phys_to_virt(paddr_t pa)
{
	kassert_dbg(pa.v < LOWMEM_LIMIT);
	return (void *)(uintptr_t)(u32)(pa.v + KERNEL_BASE);
}
static inline paddr_t virt_to_phys(const void *va)
{
	return PADDR((u32)(uintptr_t)va - KERNEL_BASE);
}
static inline void *page_virt(const struct page *p)
{
	return phys_to_virt(page_paddr(p));
}
static inline struct page *virt_page(const void *va)
{
	return pfn_page(paddr_pfn(virt_to_phys(va)));
}

/* The frame behind a direct-map address; NULL for every other address. */
static inline struct page *addr_page(const void *va)
{
	uintptr_t offset = (uintptr_t)va - KERNEL_BASE;

	if (offset >= LOWMEM_LIMIT || offset / PAGE_SIZE >= nr_pfns)
		return NULL;
	return &mem_map[offset / PAGE_SIZE];
}

#endif
