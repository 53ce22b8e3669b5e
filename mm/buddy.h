/*
 * The binary buddy system (Knuth, vol. 1, 2.5) over an array of struct page. Pure: no lock, no
 * memory of its own, no hardware; the owner of the pool locks.
 *
 * Free memory is kept in blocks of 2^k pages, each at an index that is a multiple of its size. A
 * block's buddy is the other half of the block twice as large, at the index with bit k flipped.
 * Allocation takes the smallest block that is large enough and halves it until it fits; freeing
 * joins a block with its buddy for as long as that is free and whole.
 *
 *     index      0       4       8       12      16
 *     order 4    |                               |      buddy of 8..12 is 12..16 (order 2)
 *     order 3    |               |///////////////|      both free: joined to 8..16
 *     order 2    |       |       |///////|///////|
 *
 * Marks, which the pool writes and buddy_check() verifies: the first page of a free block is
 * PK_FREE and knows the order; all its other pages are PK_FREE_TAIL; an allocated page has the
 * kind that was asked for. Any other kind is not the pool's and never joined with.
 */
#ifndef MM_BUDDY_H
#define MM_BUDDY_H

#include "mm/page.h"

struct buddy {
	struct page *pages;               /* the page at index 0, which is aligned to any block */
	u32 nr_pages;                     /* indices end here; need not be a whole block */
	u32 max_order;                    /* of the largest block that joining makes */
	u32 free_pages;                   /* in free blocks */
	u32 orders;                       /* bit k: free[k] is not empty */
	u32 nr_free[NR_ORDERS];           /* free blocks by order */
	struct list_head free[NR_ORDERS]; /* struct page.link of block heads, last freed first */
};

/* An empty pool. The pages keep their kinds; they come in through buddy_add(). */
void buddy_init(struct buddy *b, struct page *pages, u32 nr_pages, u32 max_order);

/* Gives the pages at [start, end) to the pool in the largest blocks that fit, joining them with
 * free neighbours. */
void buddy_add(struct buddy *b, u32 start, u32 end);

/* 2^order pages, marked `kind` and with `order` in the first page's; NULL when there is no block. */
struct page *buddy_alloc(struct buddy *b, u32 order, enum page_kind kind);

/*
 * Up to n single pages of `kind`, into out[], highest address first where they follow each other.
 * Small free blocks are used up first, and whole, so that a batch costs little and breaks few large
 * ones. Returns how many there were.
 */
u32 buddy_alloc_bulk(struct buddy *b, struct page **out, u32 n, enum page_kind kind);

/* Gives back a block of 2^order pages, or any aligned part of an allocated block. */
void buddy_free(struct buddy *b, struct page *p, u32 order);

/* Gives back n single pages in any order. Those that follow each other in memory go together. */
void buddy_free_bulk(struct buddy *b, struct page *const *pages, u32 n);

/* Lists, counts and marks agree, and no two free buddies were left apart. Calls `complain` for
 * each fault found; returns their number. */
u32 buddy_check(const struct buddy *b, void (*complain)(const char *fmt, ...));

#endif
