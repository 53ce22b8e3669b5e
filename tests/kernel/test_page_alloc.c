/* The page-frame allocator of this machine. Also runs on the host, over made-up memory. */
#include "kernel/core/selftest.h"
#include "mm/page_alloc.h"

static void complain(const char *fmt, ...)
{
	ktest_fail(__FILE__, __LINE__, "page_alloc_check: %s", fmt);
}

static u32 complaints;

static void count_complaint(const char *fmt, ...)
{
	complaints++;
}

KTEST(page_alloc, single_pages)
{
	struct page *a = page_alloc(GFP_KERNEL, PK_KERNEL), *b = page_alloc(GFP_USER, PK_ANON);
	u32 free = page_alloc_free();

	KREQUIRE(a && b && a != b);
	KEXPECT(a->kind == PK_KERNEL && b->kind == PK_ANON);
	KEXPECT(a->refcount == 1 && a->mapcount == 0 && a->order == 0 && !a->mapping);
	KEXPECT(page_is_low(a));
	page_get(a);
	page_put(a);
	KEXPECT_EQ(page_alloc_free(), free);
	page_put(a);
	page_free(b);
	KEXPECT_EQ(page_alloc_free(), free + 2);
}

KTEST(page_alloc, zeroed)
{
	struct page *p = page_alloc(GFP_KERNEL, PK_KERNEL);
	u32 *words;

	KREQUIRE(p);
	words = page_virt(p);
	for (u32 i = 0; i < PAGE_SIZE / 4; i++)
		words[i] = ~i;
	page_free(p);
	p = page_alloc(GFP_KERNEL | GFP_ZERO, PK_KERNEL); /* last in, first out */
	KREQUIRE(p);
	KEXPECT(page_virt(p) == words);
	for (u32 i = 0; i < PAGE_SIZE / 4; i++)
		KEXPECT_EQ(words[i], 0);
	page_free(p);
}

KTEST(page_alloc, every_order)
{
	for (u32 order = 0; order <= MAX_ORDER; order++) {
		struct page *p = page_alloc_order(order, GFP_KERNEL, PK_KERNEL);
		u32 free = page_alloc_free();

		KREQUIRE(p);
		KEXPECT(IS_ALIGNED(page_pfn(p).v, 1u << order));
		for (u32 i = 0; i < 1u << order; i++)
			KEXPECT(p[i].kind == PK_KERNEL && p[i].refcount == (i == 0));
		KEXPECT_EQ(p->order, order);
		page_free_order(p, order);
		KEXPECT_EQ(page_alloc_free(), free + (1u << order));
	}
	KEXPECT(!page_alloc_order(MAX_ORDER + 1, GFP_KERNEL, PK_KERNEL));
	KEXPECT_EQ(page_alloc_check(complain), 0);
}

KTEST(page_alloc, dma_is_below_16_mib)
{
	struct page *p = page_alloc(GFP_DMA, PK_KERNEL);
	struct page *q = page_alloc_order(3, GFP_DMA, PK_KERNEL);

	KREQUIRE(p && q);
	KEXPECT(page_pfn(p).v < DMA_LIMIT / PAGE_SIZE && p->zone == ZONE_DMA);
	KEXPECT(page_pfn(q).v + 8 <= DMA_LIMIT / PAGE_SIZE);
	page_free(p);
	page_free_order(q, 3);
}

KTEST(page_alloc, high_memory_first_for_users)
{
	struct page *p;

	if (!page_alloc_total_high()) {
		ktest_skip("no HighMem");
		return;
	}
	p = page_alloc(GFP_USER, PK_ANON);
	KREQUIRE(p);
	KEXPECT_EQ(p->zone, ZONE_HIGHMEM);
	KEXPECT(!page_is_low(p));
	page_free(p);
}

KTEST(page_alloc, list_of_pages)
{
	struct page_chain pages = {NULL};
	u32 free = page_alloc_free();

	for (u32 i = 0; i < 100; i++) {
		struct page *p = page_alloc(GFP_USER, PK_ANON);

		KREQUIRE(p);
		page_chain_add(&pages, p);
	}
	KEXPECT_EQ(page_alloc_free(), free - 100);
	page_free_chain(&pages);
	KEXPECT(!pages.first);
	KEXPECT_EQ(page_alloc_free(), free);
}

static u32 eat_all(struct page_chain *pages, u32 gfp)
{
	struct page *p;
	u32 n = 0;

	while ((p = page_alloc(gfp, PK_ANON))) {
		page_chain_add(pages, p);
		n++;
	}
	return n;
}

/* Users stop first, the kernel next, and what frees memory gets the last page. */
KTEST(page_alloc, exhaustion_by_rank)
{
	struct page_chain pages = {NULL};
	struct zone_stat s;
	u32 before, users, kernel, reserve, left;

	page_alloc_drain();
	before = page_alloc_free();
	users = eat_all(&pages, GFP_USER);
	left = page_alloc_free();
	KEXPECT(left > 0);
	for (u32 z = ZONE_DMA; z <= ZONE_NORMAL; z++) {
		page_alloc_stat((enum zone_id)z, &s);
		KEXPECT(s.free >= s.low);
	}
	KEXPECT(!page_alloc_order(3, GFP_USER, PK_ANON));
	kernel = eat_all(&pages, GFP_KERNEL);
	KEXPECT(kernel > 0 && page_alloc_free() < left);
	reserve = eat_all(&pages, GFP_KERNEL | GFP_RESERVE);
	KEXPECT(reserve > 0);
	page_alloc_stat(ZONE_NORMAL, &s);
	KEXPECT_EQ(s.free, 0);
	page_alloc_stat(ZONE_DMA, &s);
	KEXPECT_EQ(s.free, 0);
	KEXPECT_EQ(page_alloc_check(complain), 0);
	ktest_note(
		"%u pages: users %u, kernel %u more, reserve %u", before, users, kernel, reserve);
	page_free_chain(&pages);
	page_alloc_drain();
	KEXPECT_EQ(page_alloc_free(), before);
}

/* Pages on a CPU's list are free for every request that could use them. */
KTEST(page_alloc, cpu_lists_are_drained_when_needed)
{
	struct page *p, *dma = NULL;
	struct page_chain pages = {NULL}, others = {NULL};

	eat_all(&pages, GFP_KERNEL | GFP_RESERVE);
	while ((p = page_chain_take(&pages))) {
		if (!dma && p->zone == ZONE_DMA)
			dma = p;
		else
			page_chain_add(&others, p);
	}
	if (dma)
		page_free(dma);
	p = page_alloc(GFP_DMA | GFP_RESERVE, PK_KERNEL);
	KEXPECT(p && p == dma);
	if (p)
		page_free(p);
	page_free_chain(&others);
}

#define HELD 64u

KTEST(page_alloc, random_mix)
{
	struct {
		struct page *p;
		u32 order;
	} held[HELD] = {{NULL, 0}};

	for (u32 n = 0; n < 3000; n++) {
		u32 i = ktest_random() % HELD;

		if (held[i].p) {
			page_free_order(held[i].p, held[i].order);
			held[i].p = NULL;
		} else {
			held[i].order = ktest_random() % 3 ? 0 : ktest_random() % 6;
			held[i].p = page_alloc_order(held[i].order,
				ktest_random() % 2 ? GFP_USER : GFP_KERNEL, PK_KERNEL);
			KEXPECT(held[i].p);
		}
	}
	KEXPECT_EQ(page_alloc_check(complain), 0);
	for (u32 i = 0; i < HELD; i++) {
		if (held[i].p)
			page_free_order(held[i].p, held[i].order);
	}
	page_alloc_drain();
	KEXPECT_EQ(page_alloc_check(complain), 0);
}

KTEST(page_alloc, statistics_add_up)
{
	u32 managed = 0, free = 0, count[PK_NR], kinds = 0;

	for (u32 z = 0; z < NR_ZONES; z++) {
		struct zone_stat s;
		u32 blocks = 0;

		page_alloc_stat((enum zone_id)z, &s);
		for (u32 order = 0; order < NR_ORDERS; order++)
			blocks += s.nr_free[order] << order;
		KEXPECT_EQ(blocks + s.pcp, s.free);
		KEXPECT(s.free <= s.managed && s.managed <= s.present);
		KEXPECT(s.present <= s.end.v - s.start.v);
		KEXPECT(s.min <= s.low && s.low <= s.high);
		managed += s.managed;
		free += s.free;
	}
	KEXPECT_EQ(managed, page_alloc_total());
	KEXPECT_EQ(free, page_alloc_free());
	page_count_kinds(count);
	for (u32 k = 0; k < PK_NR; k++)
		kinds += count[k];
	KEXPECT_EQ(kinds, nr_pfns);
	KEXPECT_EQ(nr_pfns - count[PK_RESERVED], managed);
	KEXPECT_EQ(count[PK_FREE] + count[PK_FREE_TAIL] + count[PK_PCP], free);
}

/* The kernel's image, the modules and frame 0 are nobody's to allocate. */
KTEST(page_alloc, reserved_frames)
{
	extern char __kernel_start[];

	KEXPECT_EQ(mem_map[0].kind, PK_RESERVED);
	KEXPECT_EQ(virt_page(__kernel_start)->kind, PK_RESERVED);
	KEXPECT_EQ(virt_page(mem_map)->kind, PK_RESERVED);
	KEXPECT_EQ(virt_page(mem_map + nr_pfns - 1)->kind, PK_RESERVED);
}

KTEST(page_alloc, checker_sees_damage)
{
	struct page *p = page_alloc(GFP_KERNEL, PK_KERNEL), *q = page_alloc(GFP_KERNEL, PK_KERNEL);

	KREQUIRE(p && q);
	page_free(q);
	complaints = 0;
	p->kind = PK_PCP;
	KEXPECT(page_alloc_check(count_complaint) > 0);
	p->kind = PK_RESERVED;
	KEXPECT(page_alloc_check(count_complaint) > 0);
	p->kind = PK_KERNEL;
	p->mapcount = 2;
	KEXPECT(page_alloc_check(count_complaint) > 0);
	p->mapcount = 0;
	q->kind = PK_KERNEL; /* on the CPU's list */
	KEXPECT(page_alloc_check(count_complaint) > 0);
	q->kind = PK_PCP;
	q->refcount = 1;
	KEXPECT(page_alloc_check(count_complaint) > 0);
	q->refcount = 0;
	KEXPECT_EQ(complaints, 5);
	KEXPECT_EQ(page_alloc_check(complain), 0);
	page_free(p);
}
