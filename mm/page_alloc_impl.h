/* The inside of the page-frame allocator, for its own files only: see the drawing in page_alloc.c. */
#ifndef MM_PAGE_ALLOC_IMPL_H
#define MM_PAGE_ALLOC_IMPL_H

#include "kernel/core/cpu.h"
#include "kernel/core/lock.h"
#include "mm/buddy.h"
#include "mm/page_alloc.h"

/* No stack of single pages has more. */
#define PCP_MAX 512u

/* letters: z: `lock`, i: set at boot; units: frames */
struct zone {
	struct spinlock lock;
	const char *name;    /* i */
	u32 start, end;	     /* i: what it spans */
	u32 present;	     /* i: those that are memory */
	u32 managed;	     /* z: those given to the buddy so far */
	u32 min, low, high;  /* z: watermarks */
	u32 floor[NR_ZONES]; /* z: what to leave, by the highest zone a request could use */
	struct buddy buddy;  /* z */
};

extern struct zone zones[NR_ZONES];

/* Single pages, free, marked PK_PCP: [base, top). */
struct pcp {
	struct page **top, **base, **end;
};

/* Touched by its CPU only, never from interrupts. */
struct page_cpu {
	struct pcp low, high;
	struct pcp none;	       /* always empty and full: requests for DMA go to the zone */
	struct pcp *by_gfp[4];	       /* where a request takes from, by its zone bits */
	struct pcp *by_zone[NR_ZONES]; /* where a freed page goes */
	/* The same for the fast paths; while pages are traced `none`, so that none is taken. */
	struct pcp *fast_alloc[4], *fast_free[NR_ZONES];
	struct page *low_pages[PCP_MAX], *high_pages[PCP_MAX];
};

extern struct page_cpu page_cpus[NR_CPUS];

static inline struct page_cpu *page_cpu(void)
{
	return &page_cpus[NR_CPUS > 1 ? this_cpu()->id : 0];
}

static inline u32 pcp_count(const struct pcp *pcp)
{
	return (u32)(pcp->top - pcp->base);
}

/* Pages of the zone that lie on CPUs' stacks. */
u32 zone_pcp(enum zone_id id);

#endif
