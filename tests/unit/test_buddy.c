/* The buddy system: the worked example, its edges, and random use against a plain map of pages. */
#include "kernel/core/selftest.h"
#include "mm/buddy.h"

/* More than one block of the largest order, and an odd rest. */
#define PAGES 1151u

static struct page pool[PAGES];

static void complain(const char *fmt, ...)
{
	ktest_fail(__FILE__, __LINE__, "buddy_check: %s", fmt);
}

static u32 complaints;

static void count_complaint(const char *fmt, ...)
{
	complaints++;
}

static void setup(struct buddy *b, u32 pages, u32 max_order)
{
	for (u32 i = 0; i < PAGES; i++)
		pool[i] = (struct page){.kind = PK_RESERVED};
	buddy_init(b, pool, pages, max_order);
}

static u32 index_of(const struct page *p)
{
	return (u32)(p - pool);
}

/* --- The worked example: 1024 KiB, 64 KiB the smallest block. A=34K, B=66K, C=35K, D=67K are
 * allocated in this order, then B, D, A and C are freed. Sizes and offsets in KiB. --- */

#define KIB_PER_PAGE 4u
#define MIN_ORDER    4u /* 64 KiB */

struct block {
	u32 offset, size;
};

static u32 order_for_kib(u32 kib)
{
	u32 order = MIN_ORDER;

	while (KIB_PER_PAGE << order < kib)
		order++;
	return order;
}

/* The free blocks are exactly these, by offset; the list ends with a size of 0. */
static void expect_blocks(const struct buddy *b, const char *step, const struct block *want)
{
	u32 n = 0;

	for (u32 i = 0; i < b->nr_pages; i++) {
		u32 offset = i * KIB_PER_PAGE, size;

		if (b->pages[i].kind != PK_FREE)
			continue;
		size = KIB_PER_PAGE << b->pages[i].order;
		if (want[n].offset != offset || want[n].size != size)
			ktest_fail(__FILE__, __LINE__, "%s: free %uK at %uK, expected %uK at %uK",
				step, size, offset, want[n].size, want[n].offset);
		if (want[n].size)
			n++;
	}
	if (want[n].size)
		ktest_fail(__FILE__, __LINE__, "%s: no free %uK at %uK", step, want[n].size,
			want[n].offset);
	buddy_check(b, complain);
}

#define EXPECT_BLOCKS(b, step, ...)                                                                \
	expect_blocks(b, step, (const struct block[]){__VA_ARGS__, {0, 0}})

KTEST(buddy, worked_example)
{
	struct page *A, *B, *C, *D;
	struct buddy b;

	setup(&b, 256, 8);
	buddy_add(&b, 0, 256);
	EXPECT_BLOCKS(&b, "1", {0, 1024});

	A = buddy_alloc(&b, order_for_kib(34), PK_KERNEL);
	KREQUIRE(A);
	KEXPECT_EQ(index_of(A), 0);
	EXPECT_BLOCKS(&b, "2: A=34K", {64, 64}, {128, 128}, {256, 256}, {512, 512});

	B = buddy_alloc(&b, order_for_kib(66), PK_KERNEL);
	KREQUIRE(B);
	KEXPECT_EQ(index_of(B) * KIB_PER_PAGE, 128);
	EXPECT_BLOCKS(&b, "3: B=66K", {64, 64}, {256, 256}, {512, 512});

	C = buddy_alloc(&b, order_for_kib(35), PK_KERNEL);
	KREQUIRE(C);
	KEXPECT_EQ(index_of(C) * KIB_PER_PAGE, 64);
	EXPECT_BLOCKS(&b, "4: C=35K", {256, 256}, {512, 512});

	D = buddy_alloc(&b, order_for_kib(67), PK_KERNEL);
	KREQUIRE(D);
	KEXPECT_EQ(index_of(D) * KIB_PER_PAGE, 256);
	EXPECT_BLOCKS(&b, "5: D=67K", {384, 128}, {512, 512});

	buddy_free(&b, B, order_for_kib(66));
	EXPECT_BLOCKS(&b, "6: B freed", {128, 128}, {384, 128}, {512, 512});

	buddy_free(&b, D, order_for_kib(67));
	EXPECT_BLOCKS(&b, "7: D freed", {128, 128}, {256, 256}, {512, 512});

	buddy_free(&b, A, order_for_kib(34));
	EXPECT_BLOCKS(&b, "8: A freed", {0, 64}, {128, 128}, {256, 256}, {512, 512});

	buddy_free(&b, C, order_for_kib(35));
	EXPECT_BLOCKS(&b, "9: C freed", {0, 1024});
}

/* --- Edges --- */

KTEST(buddy, empty_pool)
{
	struct page *out[4];
	struct buddy b;

	setup(&b, 0, MAX_ORDER);
	KEXPECT(!buddy_alloc(&b, 0, PK_KERNEL));
	KEXPECT_EQ(buddy_alloc_bulk(&b, out, 4, PK_PCP), 0);
	KEXPECT_EQ(buddy_check(&b, complain), 0);
}

KTEST(buddy, largest_order)
{
	struct page *p;
	struct buddy b;

	setup(&b, PAGES, MAX_ORDER);
	buddy_add(&b, 0, PAGES);
	KEXPECT_EQ(b.nr_free[MAX_ORDER], 1);
	KEXPECT_EQ(b.free_pages, PAGES);
	p = buddy_alloc(&b, MAX_ORDER, PK_KERNEL);
	KREQUIRE(p == pool);
	KEXPECT_EQ(p[1023].kind, PK_KERNEL);
	KEXPECT(!buddy_alloc(&b, MAX_ORDER, PK_KERNEL));
	KEXPECT_EQ(b.free_pages, PAGES - 1024);
	buddy_free(&b, p, MAX_ORDER);
	KEXPECT_EQ(b.nr_free[MAX_ORDER], 1);
	KEXPECT_EQ(buddy_check(&b, complain), 0);
}

/* 1151 - 1024 = 127 pages: one block of each order below 7. */
KTEST(buddy, odd_size)
{
	struct buddy b;

	setup(&b, PAGES, MAX_ORDER);
	buddy_add(&b, 0, PAGES);
	for (u32 order = 0; order < 7; order++)
		KEXPECT_EQ(b.nr_free[order], 1);
	KEXPECT(!buddy_alloc(&b, 7, PK_KERNEL) || b.nr_free[MAX_ORDER] == 0);
	KEXPECT_EQ(buddy_check(&b, complain), 0);
}

KTEST(buddy, holes_are_not_joined_over)
{
	struct buddy b;

	setup(&b, 64, MAX_ORDER);
	buddy_add(&b, 1, 17);
	buddy_add(&b, 18, 33);
	KEXPECT_EQ(b.free_pages, 31);
	KEXPECT_EQ(pool[0].kind, PK_RESERVED);
	KEXPECT_EQ(pool[17].kind, PK_RESERVED);
	KEXPECT(!buddy_alloc(&b, 4, PK_KERNEL));
	KEXPECT_EQ(buddy_check(&b, complain), 0);
	buddy_add(&b, 17, 18); /* the hole is filled: 16..32 is one block now */
	KEXPECT(buddy_alloc(&b, 4, PK_KERNEL) == &pool[16]);
	KEXPECT_EQ(buddy_check(&b, complain), 0);
}

KTEST(buddy, max_order_limits_joining)
{
	struct buddy b;

	setup(&b, 64, 3);
	buddy_add(&b, 0, 64);
	KEXPECT_EQ(b.nr_free[3], 8);
	KEXPECT(!buddy_alloc(&b, 4, PK_KERNEL));
	KEXPECT_EQ(buddy_check(&b, complain), 0);
}

KTEST(buddy, bulk_uses_small_blocks_first)
{
	struct page *out[16];
	struct buddy b;

	setup(&b, 64, MAX_ORDER);
	buddy_add(&b, 1, 64); /* blocks of 1, 2, 4, 8, 16 and 32 pages */
	KEXPECT_EQ(buddy_alloc_bulk(&b, out, 7, PK_PCP), 7);
	KEXPECT_EQ(b.orders, 0x38);
	KEXPECT_EQ(buddy_alloc_bulk(&b, out, 3, PK_PCP), 3);
	KEXPECT_EQ(b.free_pages, 53);
	for (u32 i = 0; i < 3; i++) {
		KEXPECT_EQ(out[i]->kind, PK_PCP);
		KEXPECT_EQ(out[i]->order, 0);
	}
	KEXPECT_EQ(buddy_check(&b, complain), 0);
	KEXPECT_EQ(buddy_alloc_bulk(&b, out, 16, PK_PCP), 16);
	while (buddy_alloc_bulk(&b, out, 16, PK_PCP))
		;
	KEXPECT_EQ(b.free_pages, 0);
	KEXPECT_EQ(buddy_check(&b, complain), 0);
}

KTEST(buddy, part_of_a_block_can_be_freed)
{
	struct page *p;
	struct buddy b;

	setup(&b, 16, MAX_ORDER);
	buddy_add(&b, 0, 16);
	p = buddy_alloc(&b, 4, PK_KERNEL);
	KREQUIRE(p);
	buddy_free(&b, p + 8, 3);
	KEXPECT_EQ(buddy_check(&b, complain), 0);
	buddy_free(&b, p, 3);
	KEXPECT_EQ(b.nr_free[4], 1);
	KEXPECT_EQ(buddy_check(&b, complain), 0);
}

/* --- Random use --- */

#define HELD 96u

struct held {
	struct page *p;
	u32 order;
};

/* Free pages form the largest aligned blocks that are wholly free, and those only: joining and
 * splitting have left exactly one way to cut them. */
static void expect_canonical(const struct buddy *b, const bool *taken)
{
	for (u32 i = 0, step; i < b->nr_pages; i += step) {
		u32 order = 0;

		step = 1;
		if (taken[i]) {
			KEXPECT(pool[i].kind != PK_FREE && pool[i].kind != PK_FREE_TAIL);
			continue;
		}
		for (bool fits = true; fits && order < b->max_order; order += fits) {
			u32 size = 2u << order;

			fits = IS_ALIGNED(i, size) && i + size <= b->nr_pages;
			for (u32 j = i; fits && j < i + size; j++)
				fits = !taken[j];
		}
		KEXPECT_EQ(pool[i].kind, PK_FREE);
		KEXPECT_EQ(pool[i].order, order);
		step = 1u << order;
	}
}

static void take(struct buddy *b, struct held *h, bool *taken)
{
	h->order = ktest_random() % 8;
	if (ktest_random() % 64 == 0)
		h->order = MAX_ORDER;
	h->p = buddy_alloc(b, h->order, PK_ANON);
	if (!h->p)
		return;
	KEXPECT(IS_ALIGNED(index_of(h->p), 1u << h->order));
	KEXPECT_EQ(h->p->order, h->order);
	for (u32 i = index_of(h->p); i < index_of(h->p) + (1u << h->order); i++) {
		KEXPECT(!taken[i] && pool[i].kind == PK_ANON);
		taken[i] = true;
	}
}

static void give(struct buddy *b, struct held *h, bool *taken)
{
	for (u32 i = 0; i < 1u << h->order; i++)
		taken[index_of(h->p) + i] = false;
	buddy_free(b, h->p, h->order);
	h->p = NULL;
}

KTEST(buddy, random_against_a_map)
{
	static bool taken[PAGES];
	struct held held[HELD] = {{NULL, 0}};
	struct buddy b;

	setup(&b, PAGES, MAX_ORDER);
	buddy_add(&b, 0, PAGES);
	for (u32 i = 0; i < PAGES; i++)
		taken[i] = false;
	for (u32 n = 0; n < 3000; n++) {
		struct held *h = &held[ktest_random() % HELD];

		if (h->p)
			give(&b, h, taken);
		else
			take(&b, h, taken);
		if (n % 128 == 0) {
			expect_canonical(&b, taken);
			KEXPECT_EQ(buddy_check(&b, complain), 0);
		}
	}
	for (u32 i = 0; i < HELD; i++) {
		if (held[i].p)
			give(&b, &held[i], taken);
	}
	expect_canonical(&b, taken);
	KEXPECT_EQ(b.free_pages, PAGES);
}

/* --- The checker must see what it is for --- */

static void expect_complaint(const struct buddy *b, const char *what)
{
	complaints = 0;
	if (!buddy_check(b, count_complaint) || !complaints)
		ktest_fail(__FILE__, __LINE__, "not seen: %s", what);
}

KTEST(buddy, checker_sees_damage)
{
	struct list_head *next;
	struct page *p;
	struct buddy b;

	setup(&b, 64, MAX_ORDER);
	buddy_add(&b, 0, 64);
	p = buddy_alloc(&b, 0, PK_KERNEL);
	KREQUIRE(p == pool);

	pool[1].kind = PK_KERNEL;
	expect_complaint(&b, "a free page in use");
	pool[1].kind = PK_FREE;
	pool[3].kind = PK_ANON;
	expect_complaint(&b, "a page in use inside a free block");
	pool[3].kind = PK_FREE_TAIL;
	p->kind = PK_FREE_TAIL;
	expect_complaint(&b, "a free page in no block");
	p->kind = PK_KERNEL;
	pool[2].order = 2;
	expect_complaint(&b, "a block of the wrong order");
	pool[2].order = 1;
	b.free_pages++;
	expect_complaint(&b, "a wrong total");
	b.free_pages--;
	b.nr_free[3]++;
	expect_complaint(&b, "a wrong count");
	b.nr_free[3]--;
	b.orders ^= 4;
	expect_complaint(&b, "a wrong set of orders");
	b.orders ^= 4;
	next = pool[4].link.next;
	pool[4].link.next = &pool[8].link;
	expect_complaint(&b, "a list led astray");
	pool[4].link.next = (struct list_head *)&complaints;
	expect_complaint(&b, "a list led out of the pool");
	pool[4].link.next = next;
	KEXPECT_EQ(buddy_check(&b, complain), 0);
}

KTEST(buddy, checker_sees_unjoined_buddies)
{
	struct buddy b;

	setup(&b, 64, MAX_ORDER);
	buddy_add(&b, 0, 64);
	b.max_order = 5; /* cut by hand */
	b.free[6] = (struct list_head)LIST_HEAD_INIT(b.free[6]);
	b.nr_free[6] = 0;
	b.orders = 1u << 5;
	b.nr_free[5] = 2;
	for (u32 i = 0; i < 64; i += 32) {
		pool[i].kind = PK_FREE;
		pool[i].order = 5;
		list_add(&pool[i].link, &b.free[5]);
	}
	KEXPECT_EQ(buddy_check(&b, complain), 0);
	b.max_order = 6;
	expect_complaint(&b, "buddies that were not joined");
}
