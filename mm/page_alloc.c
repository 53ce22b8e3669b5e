/*
 * The page-frame allocator.
 *
 *      page_alloc()                                  page_free()
 *           |                                             |
 *      +----v---------------- one CPU -------------------v----+
 *      |  low: stack of single pages     high: the same       |   no lock: this CPU's own
 *      +----^--------------------|---------------^--------|---+
 *           | a batch            | half          |        |
 *      +----|---------+----------v---+     +-----|--------v---+
 *      | DMA: buddy   | Normal: buddy|     | HighMem: buddy   |   zone->lock
 *      +--------------+--------------+     +------------------+
 *
 * A request names the highest zone it can use; that one and those below it are tried in turn. How
 * much a request must leave in a zone depends on how it could have been served: the more zones lie
 * above one, the more is kept back there for those that have no choice (zone->floor).
 *
 * Pages on a CPU's stack count as free. When a request fails they go back to the buddies, and then
 * the caches above are asked to shrink, before NULL is returned.
 */
#include "kernel/core/bootinfo.h"
#include "kernel/core/cpu.h"
#include "kernel/core/lock.h"
#include "kernel/core/log.h"
#include "kernel/core/panic.h"
#include "kernel/core/trace.h"
#include "mm/bootmem.h"
#include "mm/buddy.h"
#include "mm/page_alloc.h"
#include "mm/pmap.h"

/* A stack of single pages takes 1/64 of memory but no more than this. */
#define PCP_MAX	  512u
#define PCP_MIN	  32u
#define PCP_BATCH 64u

/* Physical memory beyond this is not used: 64 GiB, what PAE's first CPUs could address. */
#define PHYS_LIMIT (1ull << 36)

/* Below this there is no room for programs. */
#define NEEDED_PAGES (2u * 1024 * 1024 / PAGE_SIZE)

/* letters: z: `lock`, i: set at boot */
struct zone {
	struct spinlock lock;
	const char *name;    /* i */
	u32 start, end;	     /* i: frames spanned */
	u32 present;	     /* i: frames that are memory */
	u32 managed;	     /* z: frames given to the buddy so far */
	u32 min, low, high;  /* z: watermarks */
	u32 floor[NR_ZONES]; /* z: pages to leave, by the highest zone a request could use */
	struct buddy buddy;  /* z */
};

static struct zone zones[NR_ZONES] = {
	[ZONE_DMA] = {.name = "DMA", .lock = SPINLOCK_INIT("zone DMA")},
	[ZONE_NORMAL] = {.name = "Normal", .lock = SPINLOCK_INIT("zone Normal")},
	[ZONE_HIGHMEM] = {.name = "HighMem", .lock = SPINLOCK_INIT("zone HighMem")},
};

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
	/* The same for the fast paths; while pages are traced `none`, so that they are not taken.
	 */
	struct pcp *fast_alloc[4], *fast_free[NR_ZONES];
	struct page *low_pages[PCP_MAX], *high_pages[PCP_MAX];
};

static struct page_cpu page_cpus[NR_CPUS];

struct vm_events vm_events;
u32 (*page_alloc_shrink)(void);

static inline struct page_cpu *page_cpu(void)
{
	return &page_cpus[NR_CPUS > 1 ? this_cpu()->id : 0];
}

/* --- Between the CPU's stacks and the zones --- */

static u32 pcp_count(const struct pcp *pcp)
{
	return (u32)(pcp->top - pcp->base);
}

/* How many pages from the top down, at most n, are of the same zone as the topmost. */
static u32 pcp_same_zone(const struct pcp *pcp, u32 n)
{
	u32 zone = pcp->top[-1]->zone, same = 1;

	while (same < n && pcp->top[-1 - (int)same]->zone == zone)
		same++;
	return same;
}

static void trace_drain(struct page **pages, u32 n)
{
	for (u32 i = 0; i < n; i++)
		trace_now(mm_page_pcpu_drain, page_pfn(pages[i]).v, 0, 0);
}

/* Gives pages back to their buddies until `keep` are left. */
static void pcp_drain(struct pcp *pcp, u32 keep)
{
	while (pcp_count(pcp) > keep) {
		struct zone *z = &zones[pcp->top[-1]->zone];
		u32 n = pcp_same_zone(pcp, pcp_count(pcp) - keep);

		pcp->top -= n;
		if (trace_is_on(TE_mm_page_pcpu_drain))
			trace_drain(pcp->top, n);
		spin_lock(&z->lock);
		buddy_free_bulk(&z->buddy, pcp->top, n);
		spin_unlock(&z->lock);
	}
}

/* Makes room on a full stack. */
static void pcp_spill(struct pcp *pcp)
{
	u32 count = pcp_count(pcp);

	pcp_drain(pcp, count - MIN(count / 2, PCP_BATCH));
}

void page_alloc_drain(void)
{
	pcp_drain(&page_cpu()->low, 0);
	pcp_drain(&page_cpu()->high, 0);
}

static enum zone_id top_zone(u32 gfp)
{
	if (gfp & GFP_DMA)
		return ZONE_DMA;
	return gfp & GFP_HIGH ? ZONE_HIGHMEM : ZONE_NORMAL;
}

/* Pages that this request may still take from the zone. Caller holds zone->lock. */
static u32 zone_available(const struct zone *z, u32 gfp)
{
	u32 floor = gfp & GFP_RESERVE ? 0 : z->floor[top_zone(gfp)];

	return z->buddy.free_pages > floor ? z->buddy.free_pages - floor : 0;
}

static void trace_refill(struct page **pages, u32 n)
{
	for (u32 i = 0; i < n; i++)
		trace_now(mm_page_alloc_zone_locked, page_pfn(pages[i]).v, 0, 0, 1);
}

/* Moves a batch onto the CPU's stack for this zone and takes one page from it. */
static struct page *zone_refill(struct zone *z, u32 gfp)
{
	struct pcp *pcp = page_cpu()->by_zone[z - zones];
	u32 room = (u32)(pcp->end - pcp->top), available;

	spin_lock(&z->lock);
	available = zone_available(z, gfp);
	room = MIN(MIN(room, PCP_BATCH), available);
	room = buddy_alloc_bulk(&z->buddy, pcp->top, room, PK_PCP);
	if (trace_is_on(TE_mm_page_alloc_zone_locked))
		trace_refill(pcp->top, room);
	pcp->top += room;
	spin_unlock(&z->lock);
	return available ? *--pcp->top : NULL;
}

static struct page *zone_take(struct zone *z, u32 order, u32 gfp, enum page_kind kind)
{
	struct page *p = NULL;

	spin_lock(&z->lock);
	if (zone_available(z, gfp) >= 1u << order)
		p = buddy_alloc(&z->buddy, order, kind);
	if (p)
		trace(mm_page_alloc_zone_locked, page_pfn(p).v, order, 0, 0);
	spin_unlock(&z->lock);
	return p;
}

static struct page *take_from_zones(u32 order, u32 gfp, enum page_kind kind)
{
	bool direct = order || gfp & GFP_DMA;
	struct page *p = NULL;

	for (int i = top_zone(gfp); i >= 0 && !p; i--)
		p = direct ? zone_take(&zones[i], order, gfp, kind) : zone_refill(&zones[i], gfp);
	return p;
}

/* Tries to make an allocation possible that has failed `attempt` + 1 times. */
static bool relieve(u32 attempt)
{
	if (attempt > 1 || (attempt && (!page_alloc_shrink || !page_alloc_shrink())))
		return false;
	page_alloc_drain();
	return true;
}

static struct page *alloc_slow(u32 order, u32 gfp, enum page_kind kind)
{
	struct page *p;

	for (u32 attempt = 0;; attempt++) {
		p = take_from_zones(order, gfp, kind);
		if (p || !relieve(attempt))
			return p;
	}
}

/* --- Allocation and freeing. The fast paths call nothing but in their last line. --- */

static __noinline struct page *zeroed(struct page *p)
{
	page_zero(p);
	return p;
}

static inline struct page *hand_out(struct page *p, u32 gfp, enum page_kind kind)
{
	p->kind = (u8)kind;
	p->refcount = 1;
	p->mapping = NULL;
	vm_events.pgalloc++;
	return gfp & GFP_ZERO ? zeroed(p) : p;
}

static void trace_alloc(
	const struct page *p, u32 order, u32 gfp, enum page_kind kind, uintptr_t caller)
{
	trace(mm_page_alloc, p ? page_pfn(p).v : 0, order, gfp, 0, kind, (u32)caller);
}

static __noinline struct page *page_alloc_slow(u32 gfp, enum page_kind kind, uintptr_t caller)
{
	struct pcp *pcp = page_cpu()->by_gfp[gfp & (GFP_DMA | GFP_HIGH)];
	struct page *p = pcp->top > pcp->base ? *--pcp->top : alloc_slow(0, gfp, kind);

	trace_alloc(p, 0, gfp, kind, caller);
	return p ? hand_out(p, gfp, kind) : NULL;
}

#define CALLER ((uintptr_t)__builtin_return_address(0))

struct page *page_alloc(u32 gfp, enum page_kind kind)
{
	struct pcp *pcp = page_cpu()->fast_alloc[gfp & (GFP_DMA | GFP_HIGH)];

	if (unlikely(pcp->top == pcp->base))
		return page_alloc_slow(gfp, kind, CALLER);
	return hand_out(*--pcp->top, gfp, kind);
}

struct page *page_alloc_order(u32 order, u32 gfp, enum page_kind kind)
{
	struct page *p;

	if (order == 0)
		return page_alloc(gfp, kind);
	if (order > MAX_ORDER)
		return NULL;
	p = alloc_slow(order, gfp, kind);
	trace_alloc(p, order, gfp, kind, CALLER);
	if (!p)
		return NULL;
	p->refcount = 1;
	vm_events.pgalloc += 1u << order;
	for (u32 i = 0; i < 1u << order; i++) {
		p[i].mapping = NULL;
		if (gfp & GFP_ZERO)
			page_zero(p + i);
	}
	return p;
}

/* May not be freed: in nobody's hands, in more than one's, still mapped, or of another size. */
static inline bool unfit_to_free(const struct page *p, u32 order)
{
	return p->kind < PK_KERNEL || p->order != order || p->refcount != 1 || p->mapcount;
}

static __noinline __noreturn __attribute__((cold)) void free_panic(const struct page *p, u32 order)
{
	const char *kind = p->kind < PK_NR ? page_kind_name[p->kind] : "damaged";
	const char *why = p->kind == PK_RESERVED ? "not the allocator's"
			  : p->kind < PK_KERNEL	 ? "freed twice"
			  : p->mapcount		 ? "still mapped"
			  : p->order != order	 ? "of another order"
						 : "still referenced";

	panic("page_free: frame %#x is %s: kind %s, order %u (freed as %u), refcount %u, "
	      "mapcount %u",
		page_pfn(p).v, why, kind, p->order, order, p->refcount, p->mapcount);
}

static inline void put_free(struct pcp *pcp, struct page *p)
{
	p->kind = PK_PCP;
	p->flags = 0;
	p->refcount = 0;
	*pcp->top++ = p;
	vm_events.pgfree++;
}

static void trace_free(const struct page *p, u32 order, uintptr_t caller)
{
	trace(mm_page_free, page_pfn(p).v, order, p->kind, (u32)caller);
}

static __noinline void page_free_slow(struct page *p, uintptr_t caller)
{
	struct pcp *pcp = page_cpu()->by_zone[p->zone];

	if (unfit_to_free(p, 0))
		free_panic(p, 0);
	trace_free(p, 0, caller);
	if (pcp->top == pcp->end)
		pcp_spill(pcp);
	put_free(pcp, p);
}

void page_free(struct page *p)
{
	struct pcp *pcp = page_cpu()->fast_free[p->zone];

	if (unlikely(unfit_to_free(p, 0) || pcp->top == pcp->end))
		page_free_slow(p, CALLER);
	else
		put_free(pcp, p);
}

void page_free_order(struct page *p, u32 order)
{
	struct zone *z = &zones[p->zone];

	if (order == 0) {
		page_free(p);
		return;
	}
	if (unfit_to_free(p, order))
		free_panic(p, order);
	for (u32 i = 1; i < 1u << order; i++) {
		if (p[i].mapcount || p[i].refcount)
			free_panic(p + i, order);
	}
	trace_free(p, order, CALLER);
	p->flags = 0;
	p->refcount = 0;
	vm_events.pgfree += 1u << order;
	spin_lock(&z->lock);
	buddy_free(&z->buddy, p, order);
	spin_unlock(&z->lock);
}

void page_free_list(struct list_head *pages)
{
	struct page *p, *next;

	list_for_each_entry_safe (p, next, pages, link) {
		trace(mm_page_free_batched, page_pfn(p).v);
		page_free(p);
	}
	list_init(pages);
}

/* --- Tracing --- */

static void set_fast_paths(struct page_cpu *cpu, bool open)
{
	for (u32 i = 0; i < ARRAY_SIZE(cpu->fast_alloc); i++)
		cpu->fast_alloc[i] = open ? cpu->by_gfp[i] : &cpu->none;
	for (u32 i = 0; i < ARRAY_SIZE(cpu->fast_free); i++)
		cpu->fast_free[i] = open ? cpu->by_zone[i] : &cpu->none;
}

void page_alloc_trace(bool on)
{
	for (u32 cpu = 0; cpu < NR_CPUS; cpu++)
		set_fast_paths(&page_cpus[cpu], !on);
}

/* --- Counts --- */

/* Pages of the zone that lie on CPUs' stacks. */
static u32 zone_pcp(enum zone_id id)
{
	u32 n = 0;

	for (u32 cpu = 0; cpu < NR_CPUS; cpu++) {
		const struct pcp *pcp = page_cpus[cpu].by_zone[id];

		for (struct page **p = pcp->base; p < pcp->top; p++)
			n += (*p)->zone == id;
	}
	return n;
}

void page_alloc_stat(enum zone_id id, struct zone_stat *out)
{
	struct zone *z = &zones[id];

	spin_lock(&z->lock);
	*out = (struct zone_stat){
		.name = z->name,
		.start = PFN(z->start),
		.end = PFN(z->end),
		.present = z->present,
		.managed = z->managed,
		.pcp = zone_pcp(id),
		.free = z->buddy.free_pages,
		.min = z->min,
		.low = z->low,
		.high = z->high,
	};
	out->free += out->pcp;
	for (u32 order = 0; order < NR_ORDERS; order++)
		out->nr_free[order] = z->buddy.nr_free[order];
	spin_unlock(&z->lock);
}

u32 page_alloc_total(void)
{
	return zones[ZONE_DMA].managed + zones[ZONE_NORMAL].managed + zones[ZONE_HIGHMEM].managed;
}

u32 page_alloc_total_high(void)
{
	return zones[ZONE_HIGHMEM].managed;
}

u32 page_alloc_free_high(void)
{
	u32 n = zones[ZONE_HIGHMEM].buddy.free_pages;

	for (u32 cpu = 0; cpu < NR_CPUS; cpu++)
		n += pcp_count(&page_cpus[cpu].high);
	return n;
}

u32 page_alloc_free(void)
{
	u32 n = zones[ZONE_DMA].buddy.free_pages + zones[ZONE_NORMAL].buddy.free_pages;

	for (u32 cpu = 0; cpu < NR_CPUS; cpu++)
		n += pcp_count(&page_cpus[cpu].low);
	return n + page_alloc_free_high();
}

void page_count_kinds(u32 count[PK_NR])
{
	for (u32 kind = 0; kind < PK_NR; kind++)
		count[kind] = 0;
	for (u32 i = 0; i < nr_pfns; i++) {
		const struct page *p = &mem_map[i];

		count[p->kind]++;
		if (p->kind == PK_FREE) { /* the rest of the block need not be looked at */
			count[PK_FREE_TAIL] += (1u << p->order) - 1;
			i += (1u << p->order) - 1;
		}
	}
}

/* --- The checker --- */

/* What one walk over a zone's frames finds. */
struct census {
	u32 managed, pcp;
};

static bool may_be_mapped(enum page_kind k)
{
	return k == PK_ANON || k == PK_CACHE || k == PK_HUGE || k == PK_RESERVED;
}

static u32 check_frame(const struct page *p, u32 zone, void (*complain)(const char *fmt, ...))
{
	bool is_free = p->kind == PK_FREE || p->kind == PK_PCP;

	if (p->kind < PK_NR && p->zone == zone && !(is_free && (p->refcount || p->mapcount)) &&
		(!p->mapcount || may_be_mapped(p->kind)))
		return 0;
	complain("frame %#x: kind %u, zone %u (in %u), refcount %u, mapcount %u", page_pfn(p).v,
		p->kind, p->zone, zone, p->refcount, p->mapcount);
	return 1;
}

/* Free blocks are skipped: buddy_check() has walked them. */
static u32 take_census(
	const struct zone *z, struct census *c, void (*complain)(const char *fmt, ...))
{
	u32 faults = 0;

	for (u32 i = z->start; i < z->end; i++) {
		const struct page *p = &mem_map[i];
		u32 pages = p->kind == PK_FREE ? 1u << p->order : 1;

		faults += check_frame(p, (u32)(z - zones), complain);
		c->managed += p->kind == PK_RESERVED ? 0 : pages;
		c->pcp += p->kind == PK_PCP;
		i += pages - 1;
	}
	return faults;
}

static u32 check_zone(struct zone *z, void (*complain)(const char *fmt, ...))
{
	struct census c = {0};
	u32 faults, pcp = zone_pcp((enum zone_id)(z - zones));

	spin_lock(&z->lock);
	faults = buddy_check(&z->buddy, complain);
	if (!faults)
		faults = take_census(z, &c, complain);
	if (!faults && (c.managed != z->managed || c.pcp != pcp)) {
		complain("zone %s: %u frames managed, %u counted; %u on CPU lists, %u marked so",
			z->name, z->managed, c.managed, pcp, c.pcp);
		faults = 1;
	}
	spin_unlock(&z->lock);
	return faults;
}

/* Everything on the stack is a free single page of a zone that belongs there. */
static u32 check_pcp(
	const struct page_cpu *cpu, const struct pcp *pcp, void (*complain)(const char *fmt, ...))
{
	u32 faults = 0;

	for (struct page **at = pcp->base; at < pcp->top; at++) {
		const struct page *p = *at;

		if (p < mem_map || p >= mem_map + nr_pfns) {
			complain("page %p on a CPU list is none", p);
			faults++;
		} else if (p->kind != PK_PCP || p->order || cpu->by_zone[p->zone] != pcp) {
			complain("frame %#x on a CPU list: kind %u, order %u, zone %u",
				page_pfn(p).v, p->kind, p->order, p->zone);
			faults++;
		}
	}
	return faults;
}

u32 page_alloc_check(void (*complain)(const char *fmt, ...))
{
	u32 faults = 0;

	for (u32 cpu = 0; cpu < NR_CPUS; cpu++) {
		faults += check_pcp(&page_cpus[cpu], &page_cpus[cpu].low, complain);
		faults += check_pcp(&page_cpus[cpu], &page_cpus[cpu].high, complain);
	}
	if (faults)
		return faults;
	for (u32 i = 0; i < NR_ZONES; i++)
		faults += check_zone(&zones[i], complain);
	return faults;
}

/* --- Boot --- */

static u32 square_root(u32 n)
{
	u32 root = 0;

	while ((root + 1) * (root + 1) <= n)
		root++;
	return root;
}

/* What requests that could use zones above `id` must leave in it. As in Linux a small part of what
 * those zones hold, so that it is nothing on a machine without them; at most a quarter. */
static u32 protection(enum zone_id id, enum zone_id top)
{
	u32 above = 0;

	for (u32 i = id + 1u; i <= top; i++)
		above += zones[i].managed;
	return MIN(above / (id == ZONE_DMA ? 256 : 32), zones[id].managed / 4);
}

/*
 * The reserve for requests that must not fail cheaply grows with the square root of low memory: 60
 * pages of 16 MiB, 480 of 896 MiB. HighMem needs only a token. User pages stop at the low
 * watermark, so that the kernel can still act when they have eaten everything else.
 */
static void set_watermarks(void)
{
	u32 lowmem = zones[ZONE_DMA].managed + zones[ZONE_NORMAL].managed;
	u32 reserve = square_root(lowmem);

	for (u32 i = 0; i < NR_ZONES; i++) {
		struct zone *z = &zones[i];

		spin_lock(&z->lock);
		z->min = i == ZONE_HIGHMEM ? MIN(z->managed / 1024, 128u)
					   : (u32)((u64)reserve * z->managed / MAX(lowmem, 1u));
		z->low = z->min + z->min / 4;
		z->high = z->min + z->min / 2;
		for (u32 top = i; top < NR_ZONES; top++) {
			u32 mark = top == ZONE_HIGHMEM && i != ZONE_HIGHMEM ? z->low : z->min;

			z->floor[top] = mark + protection(i, top);
		}
		spin_unlock(&z->lock);
	}
}

/* The part of the reserved frames [start, end) that lies in the zone. */
static void zone_add(struct zone *z, u32 start, u32 end)
{
	start = MAX(start, z->start);
	end = MIN(end, z->end);
	if (start >= end)
		return;
	spin_lock(&z->lock);
	buddy_add(&z->buddy, start - z->start, end - z->start);
	z->managed += end - start;
	spin_unlock(&z->lock);
}

void page_alloc_add_range(pfn_t start, pfn_t end)
{
	for (u32 i = 0; i < NR_ZONES; i++)
		zone_add(&zones[i], start.v, end.v);
}

void page_alloc_adopt(struct page *p, enum page_kind kind)
{
	struct zone *z = &zones[p->zone];

	kassert_msg(
		p->kind == PK_RESERVED, "frame %#x is %s", page_pfn(p).v, page_kind_name[p->kind]);
	spin_lock(&z->lock);
	z->managed++;
	spin_unlock(&z->lock);
	p->kind = (u8)kind;
	p->order = 0;
	p->flags = 0;
	p->refcount = 1;
	p->mapcount = 0;
	p->mapping = NULL;
}

void page_alloc_release_range(u64 start, u64 end)
{
	u64 limit = (u64)nr_pfns << PAGE_SHIFT;
	u32 pfn = (u32)(ALIGN_UP(MIN(start, limit), PAGE_SIZE) >> PAGE_SHIFT);
	u32 last = (u32)(MIN(end, limit) >> PAGE_SHIFT);

	for (; pfn < last; pfn++) {
		if (mem_map[pfn].kind == PK_RESERVED)
			page_alloc_add_range(PFN(pfn), PFN(pfn + 1));
	}
	set_watermarks();
}

static __init void pcp_init(struct pcp *pcp, struct page **pages, u32 limit)
{
	pcp->top = pcp->base = pages;
	pcp->end = pages + limit;
}

/* Without HighMem, user pages come from the low stack too. */
static __init void page_cpu_init(struct page_cpu *cpu)
{
	u32 limit = MIN(MAX(page_alloc_total() / 64, PCP_MIN), PCP_MAX);
	bool highmem = zones[ZONE_HIGHMEM].start < zones[ZONE_HIGHMEM].end;

	pcp_init(&cpu->low, cpu->low_pages, limit);
	pcp_init(&cpu->high, cpu->high_pages, limit);
	cpu->by_zone[ZONE_DMA] = cpu->by_zone[ZONE_NORMAL] = &cpu->low;
	cpu->by_zone[ZONE_HIGHMEM] = &cpu->high;
	cpu->by_gfp[GFP_KERNEL] = &cpu->low;
	cpu->by_gfp[GFP_HIGH] = highmem ? &cpu->high : &cpu->low;
	cpu->by_gfp[GFP_DMA] = cpu->by_gfp[GFP_DMA | GFP_HIGH] = &cpu->none;
	set_fast_paths(cpu, true);
}

extern char __kernel_start[], __kernel_end[];

static __initdata struct bootmem boot_memory;

/* Fills boot_memory with what is usable; returns the number of frames up to its end. */
static __init u32 find_memory(void)
{
	struct bootmem *bm = &boot_memory;
	bool ok = true;

	for (u32 i = 0; i < bootinfo.nr_ram; i++)
		ok &= bootmem_add(bm, bootinfo.ram[i].start, bootinfo.ram[i].end);
	ok &= bootmem_reserve(bm, PHYS_LIMIT, UINT64_MAX);
	kassert(ok);
	return (u32)(bootmem_end(bm) >> PAGE_SHIFT);
}

static __init void reserve_used_memory(void)
{
	struct bootmem *bm = &boot_memory;
	bool ok = bootmem_reserve(bm, 0, PAGE_SIZE);

	ok &= bootmem_reserve(bm, virt_to_phys(__kernel_start).v, virt_to_phys(__kernel_end).v);
	for (u32 i = 0; i < bootinfo.nr_modules; i++)
		ok &= bootmem_reserve(bm, bootinfo.module[i].start, bootinfo.module[i].end);
	kassert(ok);
}

static __init void zone_init(enum zone_id id, u32 start, u32 end)
{
	struct zone *z = &zones[id];

	z->start = MIN(start, nr_pfns);
	z->end = MIN(end, nr_pfns);
	for (u32 i = 0; i < boot_memory.nr; i++) {
		u32 from = (u32)(boot_memory.range[i].start >> PAGE_SHIFT);
		u32 to = (u32)(boot_memory.range[i].end >> PAGE_SHIFT);

		from = MAX(from, z->start);
		to = MIN(to, z->end);
		z->present += from < to ? to - from : 0;
	}
}

/* Only what is read before an owner has written it. There are many frames: few stores each, so the
 * four bytes in front of refcount go as one word. */
static __init void init_frames(const struct zone *z)
{
	struct page *end = mem_map + z->end, blank = {.zone = (u8)(z - zones)};
	u32 head;

	_Static_assert(PK_RESERVED == 0 && offsetof(struct page, refcount) == sizeof(head), "");
	__builtin_memcpy(&head, &blank, sizeof(head));
#pragma GCC unroll 4
	for (struct page *p = mem_map + z->start; p < end; p++) {
		__builtin_memcpy(p, &head, sizeof(head));
		p->refcount = 0;
		p->mapcount = 0;
		p->mapping = NULL;
	}
}

static __init void make_mem_map(void)
{
	u64 bytes = (u64)nr_pfns * sizeof(struct page);
	u64 at = bootmem_alloc(&boot_memory, bytes, LOWMEM_LIMIT);

	if (!at)
		boot_fail("no room in low memory for the %u KiB that describe %u MiB of memory",
			(u32)(bytes >> 10), nr_pfns >> (20 - PAGE_SHIFT));
	mem_map = phys_to_virt(PADDR(at));
	for (u32 i = 0; i < NR_ZONES; i++) {
		struct zone *z = &zones[i];

		init_frames(z);
		buddy_init(&z->buddy, mem_map + z->start, z->end - z->start, MAX_ORDER);
	}
}

static __init void give_memory(void)
{
	for (u32 i = 0; i < boot_memory.nr; i++)
		page_alloc_add_range(paddr_pfn(PADDR(boot_memory.range[i].start)),
			paddr_pfn(PADDR(boot_memory.range[i].end)));
}

void __init page_alloc_init(void)
{
	nr_pfns = find_memory();
	if (!nr_pfns)
		boot_fail("the boot loader named no usable memory");
	zone_init(ZONE_DMA, 0, DMA_LIMIT >> PAGE_SHIFT);
	zone_init(ZONE_NORMAL, DMA_LIMIT >> PAGE_SHIFT, LOWMEM_LIMIT >> PAGE_SHIFT);
	zone_init(ZONE_HIGHMEM, LOWMEM_LIMIT >> PAGE_SHIFT, UINT32_MAX);
	reserve_used_memory();
	make_mem_map();
	give_memory();
	if (page_alloc_total() < NEEDED_PAGES)
		boot_fail("too little memory: %u KiB free after loading, %u KiB needed",
			page_alloc_total() * (PAGE_SIZE / 1024), NEEDED_PAGES * (PAGE_SIZE / 1024));
	set_watermarks();
	for (u32 cpu = 0; cpu < NR_CPUS; cpu++)
		page_cpu_init(&page_cpus[cpu]);
	log_info("memory: %u KiB free: DMA %u, Normal %u, HighMem %u pages; %u KiB describe them",
		page_alloc_total() * (PAGE_SIZE / 1024), zones[ZONE_DMA].managed,
		zones[ZONE_NORMAL].managed, zones[ZONE_HIGHMEM].managed,
		nr_pfns * (u32)sizeof(struct page) / 1024);
}
