/*
 * The thread's cache: what malloc() and free() do when the list of a size class is empty or too
 * long. The limit of a list starts small and doubles each time that it is met, as long as the
 * thread's grant allows; the grant is a share of the heap, so that the caches stay small beside
 * what the program uses. When it is spent, another class gives up half of its limit.
 *
 * A thread that ends leaves its cache, with all that is in it, to the next that begins: threads
 * that live for a moment are then no dearer than calls. One cache at most waits so, and goes back
 * before the heap grows. Before a small heap grows the calling thread's large blocks go back too.
 */
#include "core.h"

/* The least grant of a thread that is alone; several have half of it together, for each has its
 * never used blocks too. */
#define GRANT_MIN ((size_t)512 << 10)
/* Of the heap, the part that the caches may hold. */
#define SHARE 8
/* Blocks from which on a span has so few that one or two given back often free it. */
#define SHED_MIN 1025

__thread struct tcache tcache TLS_MODEL;
struct caches caches;
uintptr_t block_key;

static void cache_link(struct tcache *t)
{
	t->next = caches.list;
	t->prev = &caches.list;
	if (t->next)
		t->next->prev = &t->next;
	caches.list = t;
}

static void cache_unlink(struct tcache *t)
{
	*t->prev = t->next;
	if (t->next)
		t->next->prev = t->prev;
}

/* @to, which is empty and on no list, becomes what @from was. */
static void cache_move(struct tcache *to, struct tcache *from)
{
	cache_unlink(from);
	*to = *from;
	*from = (struct tcache){0};
	cache_link(to);
}

static void cache_start(void)
{
	core_init();
	lock_take(&caches.lock);
	if (caches.left.state == CACHE_LIVE)
		cache_move(&tcache, &caches.left);
	else
		cache_link(&tcache);
	tcache.state = CACHE_LIVE;
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
static void bin_release(struct bin *b, unsigned c, unsigned n)
{
	b->head = central_give(c, b->head, n);
	b->room += n;
}

/* Give the list and its limit up. */
static void bin_close(struct tcache *t, unsigned c)
{
	struct bin *b = &t->bin[c];

	t->granted -= (size_t)t->limit[c] * classes[c].size;
	t->limit[c] = 0;
	if (b->head)
		bin_release(b, c, bin_length(b));
	b->room = b->longest = 0;
}

static void bin_empty(struct tcache *t, unsigned c)
{
	struct bin *b = &t->bin[c];

	bin_close(t, c);
	if (b->bump != b->end)
		central_give_run(c, b->bump, b->end);
	b->bump = b->end = NULL;
}

static void cache_empty(struct tcache *t)
{
	for (unsigned c = 1; c < NR_CLASSES; c++)
		bin_empty(t, c);
}

/* Else its lists stay empty and their limits 0, so that each call comes to the slow path. */
static bool cache_keeps(void)
{
	return tcache.state == CACHE_LIVE && !debug.fill;
}

void cache_drain(void)
{
	lock_take(&caches.lock);
	if (caches.left.state == CACHE_LIVE) {
		cache_empty(&caches.left);
		cache_unlink(&caches.left);
		caches.left.state = CACHE_NEW;
	}
	lock_drop(&caches.lock);
}

void cache_flush(void)
{
	cache_empty(&tcache);
	cache_drain();
}

static size_t heap_share(void)
{
	return (heap.brk_bytes + heap.extent_bytes) / SHARE;
}

void cache_shed(void)
{
	if (heap_share() >= GRANT_MIN)
		return;
	for (unsigned c = class_of(SHED_MIN); c < NR_CLASSES; c++)
		if (tcache.bin[c].head || tcache.bin[c].bump != tcache.bin[c].end)
			bin_empty(&tcache, c);
}

void cache_thread_exit(void)
{
	if (tcache.state != CACHE_LIVE)
		return;
	lock_take(&caches.lock);
	if (caches.left.state == CACHE_NEW && cache_keeps()) {
		cache_move(&caches.left, &tcache);
	} else {
		cache_empty(&tcache);
		cache_unlink(&tcache);
	}
	tcache.state = CACHE_DEAD;
	caches.nr--;
	lock_drop(&caches.lock);
}

void caches_fork_child(void)
{
	caches.lock.word = 0;
	caches.list = NULL;
	caches.nr = tcache.state == CACHE_LIVE;
	if (caches.nr)
		cache_link(&tcache);
	if (caches.left.state == CACHE_LIVE)
		cache_link(&caches.left);
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
		bin_empty(&tcache, c);
}

/* How many bytes the limits of one thread may allow together. */
static size_t grant_max(void)
{
	size_t nr = caches.nr ? caches.nr : 1;
	size_t share = heap_share();
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
static void grant_steal(unsigned except)
{
	struct tcache *t = &tcache;

	for (unsigned i = 0; i < NR_CLASSES; i++) {
		t->victim = t->victim % (NR_CLASSES - 1) + 1;
		if (t->victim != except && t->limit[t->victim]) {
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

/* Blocks from the centre for an empty bin; false when memory is out. */
static bool bin_fill(struct bin *b, unsigned c)
{
	struct refill r;

	if (!central_take(c, &r))
		return false;
	cache_visit(c);
	b->head = r.head;
	b->room = tcache.limit[c];
	b->longest = b->room + r.n;
	if (r.bump) {
		b->bump = r.bump;
		b->end = r.end;
		zero_run_set(c, r.zero);
	}
	return true;
}

void *cache_refill(unsigned c)
{
	struct bin *b = &tcache.bin[c];
	struct block *p;

	if (unlikely(tcache.state == CACHE_NEW))
		cache_start();
	if (!b->head && b->bump == b->end && !bin_fill(b, c))
		return NULL;
	p = b->head;
	if (p) {
		b->head = block_next(p);
		b->room++;
		p->mark = 0;
	} else {
		p = bin_carve(b, c);
	}
	if (unlikely(!cache_keeps()))
		bin_empty(&tcache, c);
	debug_fill_new(p, classes[c].size);
	return p;
}

/* The block that came to @b before there was a cache joins what an earlier thread left there. */
static void start_with_block(struct bin *b)
{
	struct block *p = b->head;

	*b = (struct bin){0};
	cache_start();
	block_link(p, b->head);
	b->head = p;
	b->room--;
}

void cache_overflow(unsigned c)
{
	struct bin *b = &tcache.bin[c];

	if (unlikely(tcache.state == CACHE_NEW))
		start_with_block(b);
	if (unlikely(!cache_keeps())) {
		debug_fill_freed(b->head + 1, classes[c].size - sizeof(*b->head));
		bin_close(&tcache, c);
		return;
	}
	if (b->room < 0 && limit_raise(c))
		return;
	while (b->room < 0) {
		unsigned n = tcache.limit[c] - b->room;

		bin_release(b, c, n < classes[c].batch ? n : classes[c].batch);
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
