/*
 * Mixed spans: blocks of any classes side by side. When a program's sizes change, the blocks that
 * outlive their neighbours keep the spans of their classes, of which no other class can use the
 * rest. So before the heap grows, spans of a class that is idle and mostly free become mixed ones,
 * and the gaps between their blocks, which merge, become blocks of the class that needs some.
 *
 * A span is cut into blocks and gaps without anything between them; two bits for each 16 bytes tell
 * where a block begins and where a gap does, and each ends where the next one begins. A block lies
 * at a multiple of the largest power of two that divides its size, as in a span of its class:
 * aligned() counts on it.
 */
#include "core.h"

#define CHUNK	      ((size_t)64 << 10)
#define WORD	      64
#define PAGE_GRANULES (PAGE_SIZE / ALIGNMENT)

struct mixed mixed = {.least = 16};

/* 64 granules of 16 bytes. No gap follows another. */
struct granules {
	uint64_t block; /* one begins */
	uint64_t gap;
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

static uint64_t bit(unsigned at)
{
	return 1ull << at % WORD;
}

static bool is_block(const struct span *s, unsigned at)
{
	return s->map[at / WORD].block & bit(at);
}

static bool is_gap(const struct span *s, unsigned at)
{
	return at < granules(s) && s->map[at / WORD].gap & bit(at);
}

static uint64_t edges(const struct granules *g)
{
	return g->block | g->gap;
}

static uint64_t gaps(const struct granules *g)
{
	return g->gap;
}

/* The first granule of @s from @at on that has its bit in @of; their number when none has. */
static inline __attribute__((always_inline)) unsigned next(
	const struct span *s, unsigned at, uint64_t (*of)(const struct granules *g))
{
	for (; at < granules(s); at = (at | (WORD - 1)) + 1) {
		uint64_t bits = of(&s->map[at / WORD]) >> at % WORD;

		if (bits)
			return at + __builtin_ctzll(bits);
	}
	return at;
}

static unsigned next_gap(const struct span *s, unsigned at)
{
	return next(s, at, gaps);
}

/* Where what begins before @at ends. */
static unsigned next_edge(const struct span *s, unsigned at)
{
	return next(s, at, edges);
}

/* Where the block or the gap begins that ends before granule @at, which is not the first. */
static unsigned last_edge(const struct span *s, unsigned at)
{
	for (at--;; at = (at & -WORD) - 1) {
		uint64_t bits = edges(&s->map[at / WORD]) << (WORD - 1 - at % WORD);

		if (bits)
			return at - __builtin_clzll(bits);
	}
}

/* The class of the block that begins at granule @at; 0 when none does. */
static unsigned class_at(const struct span *s, unsigned at)
{
	return is_block(s, at) ? class_of((next_edge(s, at + 1) - at) * ALIGNMENT) : 0;
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

	for (unsigned at = next_gap(s, 0); at < granules(s); at = next_gap(s, end)) {
		end = next_edge(s, at + 1);
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

/* The gap [@at, @end) gets a block of @n granules at its @from, and what is left of it are gaps. */
static void gap_cut(struct span *s, unsigned at, unsigned from, unsigned n, unsigned end)
{
	if (from == at)
		s->map[at / WORD].gap &= ~bit(at);
	s->map[from / WORD].block |= bit(from);
	if (from + n < end)
		s->map[(from + n) / WORD].gap |= bit(from + n);
}

/* What is free in @s becomes blocks of class @c. */
static void cut(struct span *s, unsigned c, struct refill *r)
{
	unsigned n = classes[c].size / ALIGNMENT, mask = class_alignment(c) / ALIGNMENT - 1;
	unsigned most = classes[c].most, at = next_gap(s, 0);

	while (at < granules(s) && r->n < most) {
		unsigned end = next_edge(s, at + 1), from = (at + mask) & ~mask;

		if (from + n > end) {
			at = next_gap(s, end);
			continue;
		}
		gap_cut(s, at, from, n, end);
		block_link(block_at(s, from), r->head);
		r->head = block_at(s, from);
		r->n++;
		s->used++;
		at = next_gap(s, from + n);
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

/* The block [@at, @end) becomes a gap, and one with those beside it; how long that is. */
static unsigned gap_make(struct span *s, unsigned at, unsigned end)
{
	unsigned before = at ? last_edge(s, at) : at;

	s->map[at / WORD].block &= ~bit(at);
	if (is_gap(s, end)) {
		s->map[end / WORD].gap &= ~bit(end);
		end = next_edge(s, end + 1);
	}
	if (is_gap(s, before))
		return end - before;
	s->map[at / WORD].gap |= bit(at);
	return end - at;
}

void mixed_give(struct span *s, unsigned c, struct block *b)
{
	unsigned at = granule_of(s, b), gap;

	lock_take(&mixed.lock);
	if (class_at(s, at) != c)
		die("the block is not in the heap", b);
	gap = gap_class(gap_make(s, at, at + classes[c].size / ALIGNMENT));
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

/* The map of what was a span of small blocks, of which those on the list @b are free. */
static void map_fill(struct span *s, const struct block *b)
{
	unsigned n = classes[s->class].size / ALIGNMENT, end = (s->nr - s->fresh) * n;

	for (unsigned at = 0; at < end; at += n)
		s->map[at / WORD].block |= bit(at);
	if (end < granules(s))
		s->map[end / WORD].gap |= bit(end);
	for (; b; b = block_next(b))
		gap_make(s, granule_of(s, b), granule_of(s, b) + n);
}

bool mixed_add(struct span *s)
{
	struct granules *map;
	struct block *free = s->free;

	lock_take(&mixed.lock);
	map = map_new(s->pages);
	if (map) {
		s->map = map;
		map_fill(s, free);
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
	unsigned n = granules(s), end;

	for (unsigned at = next_gap(s, 0); at < granules(s); at = next_gap(s, end)) {
		end = next_edge(s, at + 1);
		n -= end - at;
	}
	return n * ALIGNMENT;
}

static void check_block(const struct span *s, unsigned at, unsigned end)
{
	unsigned c = class_at(s, at);

	if (classes[c].size != (end - at) * ALIGNMENT || at * ALIGNMENT % class_alignment(c))
		die("check: a mixed span has a bad block", block_at(s, at));
}

void mixed_check(const struct span *s, size_t *used)
{
	unsigned nr = 0, end;
	bool gap = false;

	for (unsigned at = 0; at < granules(s); at = end) {
		end = next_edge(s, at + 1);
		if (is_gap(s, at) ? gap || is_block(s, at) : !is_block(s, at))
			die("check: a mixed span has a bad gap", block_at(s, at));
		gap = is_gap(s, at);
		if (gap)
			continue;
		check_block(s, at, end);
		used[class_at(s, at)]++;
		nr++;
	}
	if (nr != s->used || s->class != gap_class(longest_gap(s)))
		die("check: a mixed span is miscounted", s);
}
