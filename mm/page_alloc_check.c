/* The page-frame allocator's part of the memory fsck. */
#include "mm/page_alloc_impl.h"

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
