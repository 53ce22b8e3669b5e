/*
 * The centre: for each size class the spans that have blocks to give. A span is cut lazily: blocks
 * that were never handed out are the last @fresh of it, and a thread that needs blocks gets a run
 * of them at once without a page of it being touched. It gets 8 KiB at most, so that threads share
 * the spans of large blocks. Blocks come back in batches; a span whose last block came back returns
 * to the page heap.
 *
 * Before the heap grows, spans of classes that are idle become mixed ones (mixed.c), whose gaps
 * serve all classes: their blocks come and go by way of the classes too.
 *
 * Blocks in a thread's cache count as used. While there is more than one thread, whole batches
 * pass through a few transfer slots without a look at their spans.
 */
#include "core.h"

#define RETIRE_CLASSES 8  /* looked at when the heap would grow */
#define RETIRE_SPANS   16 /* of one that become mixed */

struct central central[NR_CLASSES];

static void list_add(struct central *ce, struct span *s)
{
	span_push(&ce->partial, s);
	s->listed = 1;
}

static void list_remove(struct central *ce, struct span *s)
{
	span_unlink(&ce->partial, s);
	s->listed = 0;
}

/* A span is on its class's list while it has blocks to give. */
static void list_update(struct central *ce, struct span *s)
{
	bool has = s->free || s->fresh;

	if (has && !s->listed)
		list_add(ce, s);
	else if (!has && s->listed)
		list_remove(ce, s);
}

static struct span *span_create(struct central *ce, unsigned c, bool grow)
{
	const struct class_info *k = &classes[c];
	struct span *s = heap_alloc_short(k->least, k->pages, grow);

	if (!s)
		return NULL;
	span_become(s, SPAN_SMALL);
	s->class = c;
	s->nr = s->fresh = (s->pages << PAGE_SHIFT) / k->size;
	ce->pages += s->pages;
	ce->nr_spans++;
	info_set(s, c);
	return s;
}

static void span_destroy(struct central *ce, struct span *s)
{
	ce->pages -= s->pages;
	ce->nr_spans--;
	info_set(s, 0);
	s->free = NULL;
	heap_free(s);
}

/* The first block of @s that was never handed out. */
static char *fresh_start(const struct span *s)
{
	return (char *)s->start + (s->nr - s->fresh) * classes[s->class].size;
}

/* Blocks of @s that were never handed out; how many. */
static unsigned take_run(struct span *s, struct refill *r)
{
	const struct class_info *k = &classes[s->class];
	unsigned n = s->fresh < k->most ? s->fresh : k->most;

	r->bump = fresh_start(s);
	r->end = r->bump + n * k->size;
	r->zero = s->zero;
	s->fresh -= n;
	return n;
}

/* The list of @s, without a look at its blocks unless it is cut; how many. */
static unsigned take_list(struct span *s, struct refill *r)
{
	unsigned most = classes[s->class].most;
	struct block *last = s->free;

	r->head = s->free;
	r->n = s->nr - s->used - s->fresh;
	if (r->n <= most) {
		s->free = NULL;
		return r->n;
	}
	for (r->n = 1; r->n < most; r->n++)
		last = block_next(last);
	s->free = block_next(last);
	block_link(last, NULL);
	return r->n;
}

static bool take_transfer(struct central *ce, unsigned c, struct refill *r)
{
	if (!ce->nr_transfers)
		return false;
	r->head = ce->transfer[--ce->nr_transfers];
	r->n = classes[c].batch;
	return true;
}

/* What the class has, a span of its own before a new one; false when there is none, or when it
 * would be one of new pages and the heap is not to @grow. */
static bool take_span(struct central *ce, unsigned c, bool grow, struct refill *r)
{
	struct span *s = ce->partial ? ce->partial : span_create(ce, c, grow);
	unsigned n;

	if (!s)
		return false;
	n = s->free ? take_list(s, r) : take_run(s, r);
	s->used += n;
	ce->used += n;
	list_update(ce, s);
	return true;
}

static bool take_mixed(struct central *ce, unsigned c, struct refill *r)
{
	if (!mixed_take(c, r))
		return false;
	ce->used += r->n;
	return true;
}

/* Whether nobody wanted blocks of the class since this was last asked, and an eighth of its memory
 * is free. */
static bool class_idle(struct central *ce, unsigned c)
{
	bool idle = !ce->busy;

	ce->busy = false;
	return idle && ce->pages >= mixed.least &&
	       ce->used * classes[c].size < (ce->pages << PAGE_SHIFT) / 8 * 7;
}

static bool span_retire(struct central *ce, struct span *s)
{
	list_remove(ce, s);
	if (!mixed_add(s)) {
		list_add(ce, s);
		return false;
	}
	ce->pages -= s->pages;
	ce->nr_spans--;
	return true;
}

/* Some spans of an idle class become mixed ones; whether there was one. */
static bool class_retire(unsigned c)
{
	struct central *ce = &central[c];
	unsigned n = 0;

	lock_take(&ce->lock);
	if (class_idle(ce, c))
		while (n < RETIRE_SPANS && ce->partial && span_retire(ce, ce->partial))
			n++;
	lock_drop(&ce->lock);
	return n;
}

/* Look for an idle class; at a few only, at others the next time. */
static void retire(void)
{
	static unsigned last;
	unsigned c = __atomic_load_n(&last, __ATOMIC_RELAXED);

	for (unsigned i = 0; i < RETIRE_CLASSES; i++) {
		c = c % (NR_CLASSES - 1) + 1;
		if (class_retire(c))
			break;
	}
	__atomic_store_n(&last, c, __ATOMIC_RELAXED);
}

bool central_take(unsigned c, struct refill *r)
{
	struct central *ce = &central[c];
	bool took;

	*r = (struct refill){0};
	lock_take(&ce->lock);
	ce->busy = true;
	took = take_transfer(ce, c, r) || take_span(ce, c, false, r);
	lock_drop(&ce->lock);
	if (took)
		return true;
	cache_drain();
	cache_shed();
	retire();
	lock_take(&ce->lock);
	took = take_mixed(ce, c, r) || take_span(ce, c, true, r);
	lock_drop(&ce->lock);
	return took;
}

static void span_changed(struct central *ce, struct span *s)
{
	if (!s->used) {
		if (s->listed)
			list_remove(ce, s);
		span_destroy(ce, s);
	} else {
		list_update(ce, s);
	}
}

static struct span *block_span(unsigned c, const struct block *b)
{
	struct span *s = pagemap_span((uintptr_t)b);

	if (likely(s && (s->state == SPAN_MIXED || (s->state == SPAN_SMALL && s->class == c))))
		return s;
	die("the block is not in the heap", b);
}

/* The first @n blocks of @b go to their spans, those of one span together; the rest is returned. */
static struct block *give_list(struct central *ce, unsigned c, struct block *b, unsigned n)
{
	ce->used -= n;
	while (n) {
		struct span *s = block_span(c, b);
		struct block *first = b, *last;
		unsigned left = n;

		if (unlikely(s->state == SPAN_MIXED)) {
			b = block_next(b);
			mixed_give(s, c, first);
			n--;
			continue;
		}
		do {
			last = b;
			b = block_next(b);
		} while (--left && (uintptr_t)b - s->start < s->pages << PAGE_SHIFT);
		block_link(last, s->free);
		s->free = first;
		s->used -= n - left;
		if (unlikely(!s->used || !s->listed))
			span_changed(ce, s);
		n = left;
	}
	return b;
}

static struct block *give_transfer(struct central *ce, struct block *b, unsigned n)
{
	struct block *last = b, *rest;

	while (--n)
		last = block_next(last);
	rest = block_next(last);
	block_link(last, NULL);
	ce->transfer[ce->nr_transfers++] = b;
	return rest;
}

struct block *central_give(unsigned c, struct block *b, unsigned n)
{
	struct central *ce = &central[c];

	lock_take(&ce->lock);
	if (n == classes[c].batch && caches.nr > 1 && ce->nr_transfers < TRANSFERS)
		b = give_transfer(ce, b, n);
	else
		b = give_list(ce, c, b, n);
	lock_drop(&ce->lock);
	return b;
}

/* A run that others were cut after: its blocks are like any. */
static struct block *run_list(unsigned c, char *bump, char *end)
{
	struct block *list = NULL;

	for (; bump < end; bump += classes[c].size) {
		block_link((struct block *)bump, list);
		list = (struct block *)bump;
	}
	return list;
}

void central_give_run(unsigned c, char *bump, char *end)
{
	struct central *ce = &central[c];
	struct span *s = pagemap_span((uintptr_t)bump);
	unsigned n = (end - bump) / classes[c].size;

	lock_take(&ce->lock);
	if (s->state == SPAN_SMALL && end == fresh_start(s)) {
		s->fresh += n;
		s->used -= n;
		ce->used -= n;
		span_changed(ce, s);
	} else {
		give_list(ce, c, run_list(c, bump, end), n);
	}
	lock_drop(&ce->lock);
}

void central_drain(void)
{
	for (unsigned c = 1; c < NR_CLASSES; c++) {
		struct central *ce = &central[c];

		lock_take(&ce->lock);
		while (ce->nr_transfers)
			give_list(ce, c, ce->transfer[--ce->nr_transfers], classes[c].batch);
		lock_drop(&ce->lock);
	}
}

/* --- Invariants ----------------------------------------------------------------------------- */

static void check_blocks(const struct span *s)
{
	uint32_t size = classes[s->class].size;
	unsigned n = 0;

	for (struct block *b = s->free; b; b = block_next(b), n++)
		if (pagemap_span((uintptr_t)b) != s || ((uintptr_t)b - s->start) % size ||
			(char *)b >= fresh_start(s))
			die("check: a block is on the wrong span", b);
	if (s->nr != (s->pages << PAGE_SHIFT) / size || n + s->used + s->fresh != s->nr)
		die("check: blocks of a span are miscounted", s);
	if (s->listed != (s->free || s->fresh))
		die("check: a span is on the wrong list", s);
}

static void check_span(struct span *s, void *arg)
{
	size_t *used = arg;

	if (s->state == SPAN_MIXED)
		mixed_check(s, used);
	if (s->state != SPAN_SMALL)
		return;
	for (size_t i = 0; i < s->pages; i++)
		if (pagemap_info(s->start + (i << PAGE_SHIFT)) != INFO(s->class, i))
			die("check: a page has the wrong class", s);
	used[s->class] += s->used;
	check_blocks(s);
}

void central_check(void)
{
	size_t used[NR_CLASSES] = {0};

	span_each(check_span, used);
	for (unsigned c = 1; c < NR_CLASSES; c++)
		if (used[c] != central[c].used)
			die("check: blocks of a class are miscounted", &central[c]);
}
