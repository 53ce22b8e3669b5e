/*
 * Counts of memory in use by call site. Blocks are found by address in a hash table (linear
 * probing, at most three quarters full); a frame's key is the address of its struct page, which is
 * no block's. The table lies in frames that it does not count.
 */
#include "mm/allocinfo.h"
#include "kernel/core/lock.h"
#include "kernel/lib/string.h"
#include "mm/page_alloc.h"

#define MAX_SITES   1024u
#define FIRST_ORDER 4u

/* Where a call of an allocator returns to: tools/allocsites.py makes the table, by address. */
struct site_place {
	u32 call_site;
	const char *file;
	u32 line;
};
extern const struct site_place __allocsites_start[], __allocsites_end[];

struct block {
	u32 key;  /* 0: nothing here */
	u32 size; /* bytes */
	u32 site; /* index in sites */
};

static struct spinlock allocinfo_lock = SPINLOCK_INIT("allocinfo"); /* all below */
static struct {
	u32 call_site, blocks;
	u64 bytes;
} sites[MAX_SITES];
static u32 nr_sites;
static struct block *table;
static u32 order, size, used; /* of the table: pages as a power of two, places, taken ones */
static u32 lost;
static bool busy; /* events are about the table itself */

u32 mem_profiling;

bool allocinfo_wants(enum trace_id id)
{
	switch (id) {
	case TE_kmalloc:
	case TE_kfree:
	case TE_kmem_cache_alloc:
	case TE_kmem_cache_free:
	case TE_mm_page_alloc:
	case TE_mm_page_free:
		return mem_profiling;
	default:
		return false;
	}
}

/* --- The table of blocks --- */

static u32 home_of(u32 key)
{
	return (u32)((u64)(key * 2654435761u) * size >> 32);
}

/* The place that holds the key, or the empty one where it would be. */
static struct block *place_of(u32 key)
{
	u32 i = home_of(key);

	while (table[i].key && table[i].key != key)
		i = i + 1 == size ? 0 : i + 1;
	return &table[i];
}

/* Closes the gap that a removal leaves, so that every block stays reachable from its home. */
static void close_gap(u32 gap)
{
	for (u32 i = gap;;) {
		i = i + 1 == size ? 0 : i + 1;
		if (!table[i].key)
			break;
		u32 home = home_of(table[i].key);
		bool stays = gap < i ? gap < home && home <= i : gap < home || home <= i;
		if (stays)
			continue;
		table[gap] = table[i];
		gap = i;
	}
	table[gap].key = 0;
}

static bool grow(void)
{
	struct block *old = table;
	u32 old_size = size, old_order = order;
	u32 new_order = old ? order + 1 : FIRST_ORDER;
	struct page *p = page_alloc_order(new_order, GFP_KERNEL | GFP_ZERO, PK_KERNEL);

	if (!p)
		return false;
	order = new_order;
	table = page_virt(p);
	size = (PAGE_SIZE << order) / sizeof(*table);
	for (u32 i = 0; i < old_size; i++)
		if (old[i].key)
			*place_of(old[i].key) = old[i];
	if (old)
		page_free_order(virt_page(old), old_order);
	return true;
}

/* --- Counting --- */

static u32 site_of(u32 call_site)
{
	u32 i = 0;

	while (i < nr_sites && sites[i].call_site != call_site)
		i++;
	if (i == nr_sites && nr_sites < MAX_SITES)
		sites[nr_sites++].call_site = call_site;
	return i;
}

static void add(u32 key, u32 bytes, u32 call_site)
{
	u32 site = site_of(call_site);

	if (!key)
		return;
	if (site == MAX_SITES || (used + 1 > size / 4 * 3 && !grow())) {
		lost++;
		return;
	}
	struct block *b = place_of(key);
	if (b->key)
		return; /* it is counted: nobody said that it was freed */
	*b = (struct block){key, bytes, site};
	used++;
	sites[site].blocks++;
	sites[site].bytes += bytes;
}

static void sub(u32 key)
{
	struct block *b = table && key ? place_of(key) : NULL;

	if (!b || !b->key)
		return;
	sites[b->site].blocks--;
	sites[b->site].bytes -= b->size;
	used--;
	close_gap((u32)(b - table));
}

static u32 frame_key(u32 pfn)
{
	return pfn ? (u32)&mem_map[pfn] : 0;
}

static void count(enum trace_id id, const void *fields)
{
	const struct trace_kmalloc *a = fields; /* kmem_cache_alloc begins with the same fields, */
	const struct trace_kfree *f = fields;	/* kmem_cache_free with these */
	const struct trace_mm_page_alloc *pa = fields;
	const struct trace_mm_page_free *pf = fields;

	switch (id) {
	case TE_kmalloc:
	case TE_kmem_cache_alloc:
		add(a->ptr, a->bytes_alloc, a->call_site);
		break;
	case TE_mm_page_alloc:
		add(frame_key(pa->pfn), PAGE_SIZE << pa->order, pa->call_site);
		break;
	case TE_mm_page_free:
		sub(frame_key(pf->pfn));
		break;
	default:
		sub(f->ptr);
	}
}

void allocinfo_event(enum trace_id id, const void *fields)
{
	if (busy)
		return;
	spin_lock(&allocinfo_lock);
	busy = true;
	count(id, fields);
	busy = false;
	spin_unlock(&allocinfo_lock);
}

void allocinfo_set(bool on)
{
	spin_lock(&allocinfo_lock);
	busy = true;
	if (table)
		page_free_order(virt_page(table), order);
	table = NULL;
	size = used = nr_sites = lost = 0;
	memset(sites, 0, sizeof(sites));
	mem_profiling = on;
	busy = false;
	spin_unlock(&allocinfo_lock);
}

/* --- Questions --- */

bool allocinfo_get(u32 n, struct allocinfo *out)
{
	spin_lock(&allocinfo_lock);
	bool there = n < nr_sites;
	if (there) {
		*out = (struct allocinfo){
			.call_site = sites[n].call_site,
			.blocks = sites[n].blocks,
			.bytes = sites[n].bytes,
		};
	}
	spin_unlock(&allocinfo_lock);
	for (const struct site_place *p = __allocsites_start; there && p < __allocsites_end; p++) {
		if (p->call_site != out->call_site)
			continue;
		out->file = p->file;
		out->line = p->line;
	}
	return there;
}

u32 allocinfo_lost(void)
{
	return lost;
}
