/*
 * Mixed spans: blocks of any classes side by side. When a program's sizes change, the blocks that
 * outlive their neighbours keep the spans of their classes, of which no other class can use the
 * rest. So before the heap grows, spans of a class that is idle and mostly free become mixed ones,
 * and the gaps between their blocks, which merge, become blocks of the class that needs some.
 *
 * Two bits for each 16 bytes tell where blocks begin and end. A block lies at a multiple of the
 * largest power of two that divides its size, as in a span of its class: aligned() counts on it.
 */
#include "core.h"

#define CHUNK	      ((size_t)64 << 10)
#define WORD	      64
#define PAGE_GRANULES (PAGE_SIZE / ALIGNMENT)

struct mixed mixed = {.least = 16};

/* 64 granules of 16 bytes. */
struct granules {
	uint64_t start; /* a block begins */
	uint64_t taken; /* a block is there */
};

static unsigned granules(const struct span *s)
{
	return s->pages * PAGE_GRANULES;
}

static unsigned granule_of(const struct span *s, const void *p)
{
	return ((uintptr_t)p - s->start) / ALIGNMENT;
}

static void *block_at(const struct span *s, unsigned at)
{
	return (void *)(s->start + at * ALIGNMENT);
}

/* --- Maps ----------------------------------------------------------------------------------- */

/* An unused map's first words. */
struct unused {
	struct unused *next;
};

static struct granules *map_new(size_t pages)
{
	static char *chunk, *end;
	size_t len = pages * PAGE_GRANULES / WORD * sizeof(struct granules);
	struct unused *u = mixed.unused[pages];

	if (u) {
		mixed.unused[pages] = u->next;
		__builtin_memset(u, 0, len);
		return (void *)u;
	}
	if ((size_t)(end - chunk) < len) {
		chunk = os_map(CHUNK);
		end = chunk ? chunk + CHUNK : NULL;
		if (!chunk)
			return NULL;
	}
	chunk += len;
	return (void *)(chunk - len);
}

/* It can still be read: a drawing takes heap.lock only. */
static void map_delete(struct span *s)
{
	struct unused *u = (void *)s->map;

	u->next = mixed.unused[s->pages];
	mixed.unused[s->pages] = u;
}

/* The bits of @n granules from @at on that are in the word of @at. */
static uint64_t word_bits(unsigned at, unsigned n)
{
	unsigned room = WORD - at % WORD;

	return (n < room ? (1ull << n) - 1 : ~0ull >> (WORD - room)) << at % WORD;
}

static unsigned word_next(unsigned at)
{
	return (at | (WORD - 1)) + 1;
}

static void block_set(struct granules *g, unsigned at, unsigned n)
{
	unsigned end = at + n;

	g[at / WORD].start |= word_bits(at, 1);
	for (; at < end; at = word_next(at))
		g[at / WORD].taken |= word_bits(at, end - at);
}

static void block_clear(struct granules *g, unsigned at, unsigned n)
{
	unsigned end = at + n;

	g[at / WORD].start &= ~word_bits(at, 1);
	for (; at < end; at = word_next(at))
		g[at / WORD].taken &= ~word_bits(at, end - at);
}

enum wanted { GAP, BLOCK, BLOCK_END };

static uint64_t wanted_bits(const struct granules *g, enum wanted what)
{
	switch (what) {
	case GAP:
		return ~g->taken;
	case BLOCK:
		return g->taken;
	default:
		return g->start | ~g->taken;
	}
}

/* The first granule of @s from @at on that is what is wanted; their number when none is. */
static unsigned find(const struct span *s, unsigned at, enum wanted what)
{
	while (at < granules(s)) {
		uint64_t bits = wanted_bits(&s->map[at / WORD], what) >> at % WORD;

		if (bits)
			return at + __builtin_ctzll(bits);
		at = word_next(at);
	}
	return at;
}

/* Where the gap begins that ends before granule @at. */
static unsigned gap_start(const struct span *s, unsigned at)
{
	while (at) {
		uint64_t taken = s->map[(at - 1) / WORD].taken << (WORD - 1 - (at - 1) % WORD);

		if (taken)
			return at - __builtin_clzll(taken);
		at = (at - 1) & -WORD;
	}
	return 0;
}

/* The class of the block that begins at granule @at; 0 when none does. */
static unsigned class_at(const struct span *s, unsigned at)
{
	if (!(s->map[at / WORD].start >> at % WORD & 1))
		return 0;
	return class_of((find(s, at + 1, BLOCK_END) - at) * ALIGNMENT);
}

/* --- The lists ------------------------------------------------------------------------------ */

/* The largest class whose blocks are not longer than a gap of @n granules; 0 when there is none. */
static unsigned gap_class(unsigned n)
{
	unsigned c;

	if (n * ALIGNMENT >= SMALL_MAX)
		return NR_CLASSES - 1;
	c = class_of(n * ALIGNMENT);
	return classes[c].size > n * ALIGNMENT ? c - 1 : c;
}

static unsigned longest_gap(const struct span *s)
{
	unsigned longest = 0, end;

	for (unsigned at = find(s, 0, GAP); at < granules(s); at = find(s, end, GAP)) {
		end = find(s, at, BLOCK);
		if (end - at > longest)
			longest = end - at;
	}
	return longest;
}

static void list_add(struct span *s, unsigned c)
{
	s->class = c;
	span_push(&mixed.list[c], s);
}

static void list_remove(struct span *s)
{
	span_unlink(&mixed.list[s->class], s);
}

/* --- Blocks --------------------------------------------------------------------------------- */

/* What is free in @s becomes blocks of class @c. */
static void cut(struct span *s, unsigned c, struct refill *r)
{
	unsigned n = classes[c].size / ALIGNMENT, align = class_alignment(c) / ALIGNMENT, end;

	for (unsigned at = find(s, 0, GAP); at < granules(s); at = find(s, end, GAP)) {
		end = find(s, at, BLOCK);
		for (at = (at + align - 1) & -align; at + n <= end && r->n < classes[c].most;
			at = (at + n + align - 1) & -align) {
			block_set(s->map, at, n);
			block_link(block_at(s, at), r->head);
			r->head = block_at(s, at);
			r->n++;
			s->used++;
		}
	}
}

bool mixed_take(unsigned c, struct refill *r)
{
	size_t least = classes[c].size + class_alignment(c) - ALIGNMENT;
	unsigned list = least <= SMALL_MAX ? class_of(least) : NR_CLASSES;

	lock_take(&mixed.lock);
	while (mixed.pages && list < NR_CLASSES && r->n < classes[c].most) {
		struct span *s = mixed.list[list];

		if (!s) {
			list++;
			continue;
		}
		list_remove(s);
		cut(s, c, r);
		list_add(s, gap_class(longest_gap(s)));
	}
	lock_drop(&mixed.lock);
	return r->n;
}

void mixed_give(struct span *s, unsigned c, struct block *b)
{
	unsigned at = granule_of(s, b), n = classes[c].size / ALIGNMENT, gap;

	lock_take(&mixed.lock);
	if (class_at(s, at) != c)
		die("the block is not in the heap", b);
	block_clear(s->map, at, n);
	gap = gap_class(find(s, at + n, BLOCK) - gap_start(s, at));
	if (gap > s->class || s->used == 1)
		list_remove(s);
	if (--s->used == 0) {
		mixed.pages -= s->pages;
		map_delete(s);
		heap_free(s);
	} else if (gap > s->class) {
		list_add(s, gap);
	}
	lock_drop(&mixed.lock);
}

bool mixed_add(struct span *s)
{
	unsigned n = classes[s->class].size / ALIGNMENT;
	struct block *b = s->free;
	struct granules *map;

	lock_take(&mixed.lock);
	map = map_new(s->pages);
	if (map) {
		s->map = map;
		for (int i = 0; i < s->nr - s->fresh; i++)
			block_set(map, i * n, n);
		for (; b; b = block_next(b))
			block_clear(map, granule_of(s, b), n);
		span_become(s, SPAN_MIXED);
		info_set(s, 0);
		mixed.pages += s->pages;
		list_add(s, gap_class(longest_gap(s)));
	}
	lock_drop(&mixed.lock);
	return map;
}

unsigned mixed_class(const void *p)
{
	struct span *s = pagemap_span((uintptr_t)p);
	unsigned c = 0;

	if (!s || s->state != SPAN_MIXED || (uintptr_t)p - s->start >= s->pages << PAGE_SHIFT)
		return 0;
	if ((uintptr_t)p % ALIGNMENT == 0) {
		lock_take(&mixed.lock);
		c = class_at(s, granule_of(s, p));
		lock_drop(&mixed.lock);
	}
	if (!c)
		die(block_is_marked(p) ? "double free" : "invalid pointer", p);
	return c;
}

/* --- Invariants ----------------------------------------------------------------------------- */

size_t mixed_taken(const struct span *s)
{
	size_t n = 0;

	for (unsigned i = 0; i < granules(s) / WORD; i++)
		n += __builtin_popcountll(s->map[i].taken);
	return n * ALIGNMENT;
}

void mixed_check(const struct span *s, size_t *used)
{
	unsigned nr = 0, end, c;

	for (unsigned at = find(s, 0, BLOCK); at < granules(s); at = find(s, end, BLOCK), nr++) {
		end = find(s, at + 1, BLOCK_END);
		c = class_at(s, at);
		if (!c || classes[c].size != (end - at) * ALIGNMENT ||
			at * ALIGNMENT % class_alignment(c))
			die("check: a mixed span has a bad block", block_at(s, at));
		used[c]++;
	}
	if (nr != s->used || s->class != gap_class(longest_gap(s)))
		die("check: a mixed span is miscounted", s);
}
