/*
 * What every level writes about pages, none of it beside the blocks: the structures of the spans,
 * which are never given back, and the page map, which leads from an address to them.
 */
#include "core.h"

#define CHUNK_SPANS 512

struct chunk {
	struct chunk *next;
	unsigned nr;
	struct span span[CHUNK_SPANS];
};

static struct chunk *chunks;
static struct span *unused_spans;

struct span *span_new(uintptr_t start, size_t pages, enum span_state state)
{
	struct span *s = unused_spans;

	if (s) {
		unused_spans = s->next;
	} else {
		if (!chunks || chunks->nr == CHUNK_SPANS) {
			struct chunk *c = os_map(page_round_up(sizeof(*c)));

			if (!c)
				return NULL;
			c->next = chunks;
			chunks = c;
		}
		s = &chunks->span[chunks->nr++];
	}
	__builtin_memset(s, 0, sizeof(*s));
	s->start = start;
	s->pages = pages;
	s->state = state;
	return s;
}

void span_delete(struct span *s)
{
	s->state = SPAN_NONE;
	s->next = unused_spans;
	unused_spans = s;
}

void span_each(void (*f)(struct span *, void *), void *arg)
{
	for (struct chunk *c = chunks; c; c = c->next)
		for (unsigned i = 0; i < c->nr; i++)
			f(&c->span[i], arg);
}

/* --- The page map --------------------------------------------------------------------------- */

#ifdef __LP64__
struct leaf *pagemap_root[1u << ROOT_BITS];
static struct leaf *spare_leaf;

bool pagemap_prepare(void)
{
	if (!spare_leaf)
		spare_leaf = os_map(page_round_up(sizeof(struct leaf)));
	return spare_leaf;
}

bool pagemap_reserve(uintptr_t start, size_t len)
{
	size_t shift = LEAF_BITS + PAGE_SHIFT;

	for (uintptr_t i = start >> shift; i <= (start + len - 1) >> shift; i++) {
		if (i >= 1u << ROOT_BITS)
			return false;
		if (pagemap_root[i])
			continue;
		if (!pagemap_prepare())
			return false;
		__atomic_store_n(&pagemap_root[i], spare_leaf, __ATOMIC_RELEASE);
		spare_leaf = NULL;
	}
	return true;
}
#else
struct leaf pagemap_only;

bool pagemap_prepare(void)
{
	return true;
}

bool pagemap_reserve(uintptr_t start, size_t len)
{
	(void)start;
	(void)len;
	return true;
}
#endif

void info_set(struct span *s, unsigned c)
{
	for (size_t i = 0; i < s->pages; i++) {
		uintptr_t p = s->start + (i << PAGE_SHIFT);
		struct leaf *leaf = pagemap_leaf(p);

		leaf->info[pagemap_index(p)] = c ? INFO(c, i) : 0;
		leaf->span[pagemap_index(p)] = s;
	}
}
