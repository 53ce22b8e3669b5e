/*
 * The thread's cache: what malloc() and free() do when the list of a size class is empty or too
 * long. The limit of a list starts small and doubles each time that it is met, as long as the
 * thread's grant allows; the grant is a share of the heap, so that the caches stay small beside
 * what the program uses. When it is spent, another class gives up half of its limit.
 */
#include "core.h"

/* The least grant of a thread that is alone; several have half of it together, for each has its
 * never used blocks too. */
#define GRANT_MIN ((size_t)512 << 10)

__thread struct tcache tcache TLS_MODEL;
struct caches caches;
uintptr_t block_key;

static void cache_start(void)
{
	struct tcache *t = &tcache;

	core_init();
	t->state = CACHE_LIVE;
	lock_take(&caches.lock);
	t->next = caches.list;
	t->prev = &caches.list;
	if (t->next)
		t->next->prev = &t->next;
	caches.list = t;
	caches.nr++;
	lock_drop(&caches.lock);
	os_thread_register();
}

static void zero_run_set(unsigned c, bool zero)
{
	uint64_t bit = 1ull << c % 64;

	if (zero)
		tcache.zero_runs[c / 64] |= bit;
	else
		tcache.zero_runs[c / 64] &= ~bit;
}

/* Give the first @n blocks of a list back. */
static void bin_release(unsigned c, unsigned n)
{
	struct bin *b = &tcache.bin[c];

	b->head = central_give(c, b->head, n);
	b->room += n;
}

/* Give the list and its limit up. */
static void bin_close(unsigned c)
{
	struct bin *b = &tcache.bin[c];

	tcache.granted -= (size_t)tcache.limit[c] * classes[c].size;
	tcache.limit[c] = 0;
	if (b->head)
		bin_release(c, bin_length(b));
	b->room = b->longest = 0;
}

static void bin_empty(unsigned c)
{
	struct bin *b = &tcache.bin[c];

	bin_close(c);
	if (b->bump != b->end)
		central_give_run(c, b->bump, b->end);
	b->bump = b->end = NULL;
}

void cache_flush(void)
{
	for (unsigned c = 1; c < NR_CLASSES; c++)
		bin_empty(c);
}

void cache_thread_exit(void)
{
	struct tcache *t = &tcache;

	if (t->state != CACHE_LIVE)
		return;
	cache_flush();
	t->state = CACHE_DEAD;
	lock_take(&caches.lock);
	*t->prev = t->next;
	if (t->next)
		t->next->prev = t->prev;
	caches.nr--;
	lock_drop(&caches.lock);
}

/* Whether a bin looks as it did when this was last asked. */
static bool bin_idle(unsigned c)
{
	const struct bin *b = &tcache.bin[c];
	uint16_t looks = ((uintptr_t)b->head ^ (uintptr_t)b->bump) >> 4;
	bool idle = looks == tcache.looks[c];

	tcache.looks[c] = looks;
	return idle;
}

/* At each refill another class is looked at: what was not used for a whole round goes back, so that
 * classes of an earlier phase of the program hold no memory. */
static void cache_visit(unsigned busy)
{
	unsigned c = tcache.visited = tcache.visited % (NR_CLASSES - 1) + 1;

	if (c != busy && bin_idle(c))
		bin_empty(c);
}

/* How many bytes the limits of one thread may allow together. */
static size_t grant_max(void)
{
	size_t nr = caches.nr ? caches.nr : 1;
	size_t share = (heap.brk_bytes + heap.extent_bytes) / 8;
	size_t least = nr == 1 ? GRANT_MIN : GRANT_MIN / 2;

	return (share > least ? share : least) / nr;
}

static void limit_add(unsigned c, int32_t more)
{
	tcache.limit[c] += more;
	tcache.bin[c].room += more;
	tcache.bin[c].longest += more;
	tcache.granted += (size_t)more * classes[c].size;
}

static bool grant_allows(size_t bytes)
{
	return tcache.granted + bytes <= grant_max();
}

/* Halve the limit of another class. What it holds too much goes back when it is next freed to. */
static void grant_steal(unsigned not )
{
	struct tcache *t = &tcache;

	for (unsigned i = 0; i < NR_CLASSES; i++) {
		t->victim = t->victim % (NR_CLASSES - 1) + 1;
		if (t->victim != not &&t->limit[t->victim]) {
			limit_add(t->victim, -((t->limit[t->victim] + 1) / 2));
			return;
		}
	}
}

/* Double a limit, if it may. */
static bool limit_raise(unsigned c)
{
	const struct class_info *k = &classes[c];
	int32_t limit = tcache.limit[c], more = limit ? limit : 2;

	if (limit >= k->cap)
		return false;
	if (limit + more > k->cap)
		more = k->cap - limit;
	if (!grant_allows((size_t)more * k->size)) {
		grant_steal(c);
		if (!grant_allows((size_t)more * k->size))
			return false;
	}
	limit_add(c, more);
	return true;
}

/* Else its lists stay empty and their limits 0, so that each call comes to the slow path. */
static bool cache_keeps(void)
{
	return tcache.state == CACHE_LIVE && !debug.fill;
}

void *cache_refill(unsigned c)
{
	struct bin *b = &tcache.bin[c];
	struct block *p;
	struct refill r;

	if (unlikely(tcache.state == CACHE_NEW))
		cache_start();
	if (!central_take(c, &r))
		return NULL;
	cache_visit(c);
	b->head = r.head;
	b->room = tcache.limit[c];
	b->longest = b->room + r.n;
	if (r.bump) {
		b->bump = r.bump;
		b->end = r.end;
		zero_run_set(c, r.zero);
	}
	if (r.n) {
		p = b->head;
		b->head = block_next(p);
		b->room++;
		p->mark = 0;
	} else {
		p = bin_carve(b, c);
	}
	if (unlikely(!cache_keeps()))
		bin_empty(c);
	debug_fill_new(p, classes[c].size);
	return p;
}

void cache_overflow(unsigned c)
{
	struct bin *b = &tcache.bin[c];

	if (unlikely(tcache.state == CACHE_NEW))
		cache_start();
	if (unlikely(!cache_keeps())) {
		debug_fill_freed(b->head + 1, classes[c].size - sizeof(*b->head));
		bin_close(c);
		return;
	}
	if (limit_raise(c))
		return;
	while (b->room < 0) {
		unsigned n = tcache.limit[c] - b->room;

		bin_release(c, n < classes[c].batch ? n : classes[c].batch);
	}
}

/* --- Invariants ----------------------------------------------------------------------------- */

static unsigned list_length(const struct block *b)
{
	unsigned n = 0;

	for (; b; b = block_next(b))
		n++;
	return n;
}

void cache_check(void)
{
	size_t granted = 0;

	for (unsigned c = 1; c < NR_CLASSES; c++) {
		granted += tcache.limit[c] * (size_t)classes[c].size;
		if (list_length(tcache.bin[c].head) != bin_length(&tcache.bin[c]))
			die("check: a list is miscounted", &tcache.bin[c]);
	}
	if (granted != tcache.granted)
		die("check: grants are miscounted", &tcache);
}
