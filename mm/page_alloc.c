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
#include "kernel/core/sched.h"
#include "kernel/core/trace.h"
#include "mm/fail_nth.h"
#include "mm/page_alloc_impl.h"
#include "mm/pmap.h"

#define PCP_BATCH 64u /* moved at once between a CPU's stack and a zone */

struct zone zones[NR_ZONES] = {
	[ZONE_DMA] = {.name = "DMA", .lock = SPINLOCK_INIT("zone DMA")},
	[ZONE_NORMAL] = {.name = "Normal", .lock = SPINLOCK_INIT("zone Normal")},
	[ZONE_HIGHMEM] = {.name = "HighMem", .lock = SPINLOCK_INIT("zone HighMem")},
};

struct page_cpu page_cpus[NR_CPUS];

struct vm_events vm_events;
u32 pages_in_use[PK_NR], pages_managed;
u32 (*page_alloc_shrink)(void);

/* --- Between the CPU's stacks and the zones --- */

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

/* The largest order for which processes are worth killing: longer runs of frames may be missing
 * while memory is not. */
#define COSTLY_ORDER 3

static void refused(u32 order)
{
	if (order <= COSTLY_ORDER && !this_cpu()->irq_depth && this_cpu()->thread)
		__atomic_fetch_or(&current_thread()->work, WORK_OOM, __ATOMIC_RELAXED);
}

static struct page *alloc_slow(u32 order, u32 gfp, enum page_kind kind)
{
	for (u32 attempt = 0;; attempt++) {
		struct page *p = take_from_zones(order, gfp, kind);

		if (p)
			return p;
		if (!relieve(attempt)) {
			refused(order);
			return NULL;
		}
	}
}

/* --- Allocation and freeing. The fast paths call nothing but in their last line. --- */

static inline struct page *hand_out(struct page *p, u32 gfp, enum page_kind kind)
{
	p->kind = (u8)kind;
	p->refcount = 1;
	p->mapping = NULL;
	pages_in_use[kind]++;
	vm_events.pgalloc++;
	return gfp & GFP_ZERO ? page_zero(p) : p;
}

static void trace_alloc(
	const struct page *p, u32 order, u32 gfp, enum page_kind kind, uintptr_t caller)
{
	trace(mm_page_alloc, p ? page_pfn(p).v : 0, order, gfp, 0, kind, (u32)caller);
}

static __noinline struct page *page_alloc_slow(u32 gfp, enum page_kind kind, uintptr_t caller)
{
	struct pcp *pcp = page_cpu()->by_gfp[gfp & (GFP_DMA | GFP_HIGH)];
	struct page *p;

	if (fail_nth_now(page_kind_name[kind], caller))
		return NULL;
	p = pcp->top > pcp->base ? *--pcp->top : alloc_slow(0, gfp, kind);
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
	if (order > MAX_ORDER || fail_nth_now(page_kind_name[kind], CALLER))
		return NULL;
	p = alloc_slow(order, gfp, kind);
	trace_alloc(p, order, gfp, kind, CALLER);
	if (!p)
		return NULL;
	p->refcount = 1;
	vm_events.pgalloc += 1u << order;
	pages_in_use[kind] += 1u << order;
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
	pages_in_use[p->kind]--;
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

static __forceinline void free_one(struct page *p, uintptr_t caller)
{
	struct pcp *pcp = page_cpu()->fast_free[p->zone];

	if (unlikely(unfit_to_free(p, 0) || pcp->top == pcp->end))
		page_free_slow(p, caller);
	else
		put_free(pcp, p);
}

void page_free(struct page *p)
{
	free_one(p, CALLER);
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
	pages_in_use[p->kind] -= 1u << order;
	spin_lock(&z->lock);
	buddy_free(&z->buddy, p, order);
	spin_unlock(&z->lock);
}

void page_free_chain(struct page_chain *c)
{
	struct page *p;

	while ((p = page_chain_take(c))) {
		trace(mm_page_free_batched, page_pfn(p).v);
		free_one(p, CALLER);
	}
}

/* --- Watching --- */

static void set_fast_paths(struct page_cpu *cpu, bool open)
{
	for (u32 i = 0; i < ARRAY_SIZE(cpu->fast_alloc); i++)
		cpu->fast_alloc[i] = open ? cpu->by_gfp[i] : &cpu->none;
	for (u32 i = 0; i < ARRAY_SIZE(cpu->fast_free); i++)
		cpu->fast_free[i] = open ? cpu->by_zone[i] : &cpu->none;
}

void page_alloc_watch(bool on)
{
	for (u32 cpu = 0; cpu < NR_CPUS; cpu++)
		set_fast_paths(&page_cpus[cpu], !on);
}

/* --- Counts --- */

u32 zone_pcp(enum zone_id id)
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

u32 page_alloc_reserve(void)
{
	return zones[ZONE_DMA].high + zones[ZONE_NORMAL].high + zones[ZONE_HIGHMEM].high;
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
