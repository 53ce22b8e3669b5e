/*
 * How the page-frame allocator comes by its memory: from the boot loader's ranges to zones full of
 * free frames, and what is given to them later.
 */
#include "kernel/core/bootinfo.h"
#include "kernel/core/log.h"
#include "kernel/core/panic.h"
#include "mm/bootmem.h"
#include "mm/page_alloc_impl.h"

/* Physical memory beyond this is not used: 64 GiB, what PAE's first CPUs could address. */
#define PHYS_LIMIT (1ull << 36)

/* Below this there is no room for programs. */
#define NEEDED_PAGES (2u * 1024 * 1024 / PAGE_SIZE)

/* A CPU's stacks take 1/64 of memory, but no less than this and no more than PCP_MAX. */
#define PCP_MIN 32u

extern char __kernel_start[], __kernel_end[];

static __initdata struct bootmem boot_memory;

u32 min_free_kbytes;
static bool min_free_is_set;

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
	u32 lowmem = zones[ZONE_DMA].managed + zones[ZONE_NORMAL].managed, reserve;

	if (!min_free_is_set)
		min_free_kbytes = square_root(lowmem) * (PAGE_SIZE / 1024);
	reserve = min_free_kbytes / (PAGE_SIZE / 1024);
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

void page_alloc_keep_free(void)
{
	min_free_is_set = true;
	set_watermarks();
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
	pages_managed += end - start;
	spin_unlock(&z->lock);
}

/* Gives reserved frames to the allocator, in blocks as large as their borders allow. */
static void add_range(pfn_t start, pfn_t end)
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
	pages_managed++;
	spin_unlock(&z->lock);
	pages_in_use[kind]++;
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
			add_range(PFN(pfn), PFN(pfn + 1));
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
}

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
		add_range(paddr_pfn(PADDR(boot_memory.range[i].start)),
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
	page_alloc_watch(false);
	log_info("memory: %u KiB free: DMA %u, Normal %u, HighMem %u pages; %u KiB describe them",
		page_alloc_total() * (PAGE_SIZE / 1024), zones[ZONE_DMA].managed,
		zones[ZONE_NORMAL].managed, zones[ZONE_HIGHMEM].managed,
		nr_pfns * (u32)sizeof(struct page) / 1024);
}
