/* The buddy system; see the header for the idea. Pure. */
#include "mm/buddy.h"

void buddy_init(struct buddy *b, struct page *pages, u32 nr_pages, u32 max_order)
{
	kassert(max_order <= MAX_ORDER);
	b->pages = pages;
	b->nr_pages = nr_pages;
	b->max_order = max_order;
	b->free_pages = 0;
	b->orders = 0;
	for (u32 order = 0; order < NR_ORDERS; order++) {
		b->nr_free[order] = 0;
		list_init(&b->free[order]);
	}
}

static u32 index_of(const struct buddy *b, const struct page *p)
{
	return (u32)(p - b->pages);
}

static void block_insert(struct buddy *b, struct page *p, u32 order)
{
	p->kind = PK_FREE;
	p->order = (u8)order;
	list_add(&p->link, &b->free[order]);
	b->nr_free[order]++;
	b->orders |= 1u << order;
}

static void block_remove(struct buddy *b, struct page *p, u32 order)
{
	list_del(&p->link);
	if (--b->nr_free[order] == 0)
		b->orders &= ~(1u << order);
}

/* The head of a free block of this order stands at index i. */
static bool free_block_at(const struct buddy *b, u32 i, u32 order)
{
	return i < b->nr_pages && b->pages[i].kind == PK_FREE && b->pages[i].order == order;
}

/* Puts a block whose tail pages are marked into the lists, joined with every free buddy. */
static void give_block(struct buddy *b, u32 i, u32 order)
{
	b->free_pages += 1u << order;
	for (; order < b->max_order; order++) {
		u32 buddy = i ^ (1u << order);

		if (!free_block_at(b, buddy, order))
			break;
		block_remove(b, &b->pages[buddy], order);
		b->pages[i | buddy].kind = PK_FREE_TAIL; /* the higher half's head */
		i &= buddy;
	}
	block_insert(b, &b->pages[i], order);
}

/* Marks all pages of a block; the order is that of each page taken by itself. */
static void mark(struct page *p, u32 n, enum page_kind kind)
{
#pragma GCC unroll 4
	for (struct page *end = p + n; p < end; p++) {
		p->kind = (u8)kind;
		p->order = 0;
	}
}

/* The order of the largest block that starts at `start` and ends by `end`. */
static u32 largest_order(const struct buddy *b, u32 start, u32 end)
{
	u32 fits = 31 - (u32)__builtin_clz(end - start);
	u32 aligned = start ? (u32)__builtin_ctz(start) : b->max_order;

	return MIN(MIN(fits, aligned), b->max_order);
}

void buddy_add(struct buddy *b, u32 start, u32 end)
{
	kassert(end <= b->nr_pages);
	mark(&b->pages[start], end - start, PK_FREE_TAIL);
	while (start < end) {
		u32 order = largest_order(b, start, end);

		give_block(b, start, order);
		start += 1u << order;
	}
}

/* Takes a free block of exactly this order, halving a larger one; NULL when there is none. Its
 * pages are still marked free. */
static struct page *take_block(struct buddy *b, u32 order)
{
	u32 larger = b->orders >> order << order;
	struct page *p;
	u32 k;

	if (!larger)
		return NULL;
	k = (u32)__builtin_ctz(larger);
	p = list_first_entry(&b->free[k], struct page, link);
	kassert_msg(p->kind == PK_FREE && p->order == k,
		"the free list of order %u begins with kind %u, order %u", k, p->kind, p->order);
	block_remove(b, p, k);
	while (k > order) {
		k--;
		block_insert(b, p + (1u << k), k);
	}
	b->free_pages -= 1u << order;
	return p;
}

struct page *buddy_alloc(struct buddy *b, u32 order, enum page_kind kind)
{
	struct page *p = take_block(b, order);

	if (!p)
		return NULL;
	mark(p, 1u << order, kind);
	p->order = (u8)order;
	return p;
}

u32 buddy_alloc_bulk(struct buddy *b, struct page **out, u32 n, enum page_kind kind)
{
	u32 got = 0;

	while (got < n && b->orders) {
		u32 order = (u32)__builtin_ctz(b->orders);
		struct page *p;

		while (1u << order > n - got)
			order--;
		p = take_block(b, order);
		for (struct page *q = p + (1u << order); q-- > p;) {
			q->kind = (u8)kind;
			q->order = 0;
			out[got++] = q;
		}
	}
	return got;
}

void buddy_free(struct buddy *b, struct page *p, u32 order)
{
	u32 i = index_of(b, p);

	kassert_dbg(i < b->nr_pages && IS_ALIGNED(i, 1u << order));
	if (order)
		mark(p, 1u << order, PK_FREE_TAIL);
	give_block(b, i, order);
}

void buddy_free_bulk(struct buddy *b, struct page *const *pages, u32 n)
{
	while (n) {
		struct page *first = *pages++, *end = first + 1;

		/* A run that goes up or down from here. */
		for (n--; n && (*pages == end || *pages == first - 1); n--) {
			if (*pages++ == end)
				end++;
			else
				first--;
		}
		buddy_add(b, index_of(b, first), index_of(b, end));
	}
}

/* --- The checker. It trusts no link before it has seen that it points to a page of the pool. ---
 */

/* The page that a link is part of, or NULL when it is none of the pool's. */
static const struct page *page_of_link(const struct buddy *b, const struct list_head *l)
{
	uintptr_t offset = (uintptr_t)l - (uintptr_t)&b->pages[0].link;

	if (offset >= (uintptr_t)b->nr_pages * sizeof(struct page) || offset % sizeof(struct page))
		return NULL;
	return list_entry(l, struct page, link);
}

/* Walks one free list. Returns the number of blocks on it. */
static u32 check_list(
	const struct buddy *b, u32 order, void (*complain)(const char *fmt, ...), u32 *faults)
{
	const struct list_head *head = &b->free[order], *before = head, *l;
	u32 n = 0;

	for (l = head->next; l != head; before = l, l = l->next, n++) {
		const struct page *p = page_of_link(b, l);

		if (!p || l->prev != before || n > b->nr_pages) {
			complain("buddy: order %u list is broken after %u blocks", order, n);
			++*faults;
			return n;
		}
		if (p->kind != PK_FREE || p->order != order) {
			complain("buddy: page %u on the order %u list is %s, order %u",
				index_of(b, p), order, page_kind_name[p->kind % PK_NR], p->order);
			++*faults;
		}
	}
	return n;
}

/* The free block at index i: aligned, inside, tails marked, not to be joined with its buddy. */
static u32 check_block(const struct buddy *b, u32 i, void (*complain)(const char *fmt, ...))
{
	u32 order = b->pages[i].order, faults = 0;

	if (order > b->max_order || !IS_ALIGNED(i, 1u << order) || b->nr_pages - i < 1u << order) {
		complain("buddy: free block at %u cannot be of order %u", i, order);
		return 1;
	}
	for (u32 j = 1; j < 1u << order; j++) {
		const struct page *p = &b->pages[i + j];

		if (p->kind != PK_FREE_TAIL) {
			complain("buddy: page %u is %s inside the free block at %u", i + j,
				page_kind_name[p->kind % PK_NR], i);
			faults++;
		}
	}
	if (order < b->max_order && free_block_at(b, i ^ (1u << order), order)) {
		complain("buddy: free blocks of order %u at %u and its buddy are not joined", order,
			i);
		faults++;
	}
	return faults;
}

/* Walks all pages in order; counts free blocks by order. Returns the number of faults. */
static u32 check_pages(
	const struct buddy *b, u32 blocks[NR_ORDERS], void (*complain)(const char *fmt, ...))
{
	u32 faults = 0, bad;

	for (u32 i = 0; i < b->nr_pages; i++) {
		const struct page *p = &b->pages[i];

		if (p->kind == PK_FREE_TAIL) {
			complain("buddy: page %u is marked free outside any free block", i);
			faults++;
		} else if (p->kind == PK_FREE) {
			bad = check_block(b, i, complain);
			faults += bad;
			if (bad)
				continue;
			blocks[p->order]++;
			i += (1u << p->order) - 1;
		}
	}
	return faults;
}

u32 buddy_check(const struct buddy *b, void (*complain)(const char *fmt, ...))
{
	u32 blocks[NR_ORDERS] = {0}, free_pages = 0;
	u32 faults = check_pages(b, blocks, complain);

	for (u32 order = 0; order < NR_ORDERS; order++) {
		u32 listed = check_list(b, order, complain, &faults);

		if (listed != b->nr_free[order] || listed != blocks[order] ||
			!listed != !(b->orders >> order & 1)) {
			complain("buddy: order %u: %u blocks on the list, %u counted, %u marked",
				order, listed, b->nr_free[order], blocks[order]);
			faults++;
		}
		free_pages += b->nr_free[order] << order;
	}
	if (free_pages != b->free_pages) {
		complain("buddy: %u pages free by the counts, %u by the total", free_pages,
			b->free_pages);
		faults++;
	}
	return faults;
}
