/*
 * Blocks of whole pages: from the page heap below M_MMAP_THRESHOLD, else with a mapping of their
 * own. Also what happens once, or once in a fork, to the whole allocator.
 */
#include "core.h"
#include "tmalloc.h"

/* Below it a copy costs less than the faults of a new mapping. */
#define GROWN_MIN ((size_t)256 << 10)

#define S1(i) [i] = i
#define S4(i) S1(i), S1(i + 1), S1(i + 2), S1(i + 3)

/* Sizes up to 1024 in steps of 16. */
const uint8_t class_table[TABLE_MAX / 16 + 1] = {
	1,
	S4(1),
	S4(5),
	S4(9),
	S4(13),
	[17 ... 18] = 17,
	[19 ... 20] = 18,
	[21 ... 22] = 19,
	[23 ... 24] = 20,
	[25 ... 26] = 21,
	[27 ... 28] = 22,
	[29 ... 30] = 23,
	[31 ... 32] = 24,
	[33 ... 36] = 25,
	[37 ... 40] = 26,
	[41 ... 44] = 27,
	[45 ... 48] = 28,
	[49 ... 52] = 29,
	[53 ... 56] = 30,
	[57 ... 60] = 31,
	[61 ... 64] = 32,
};

struct class_info classes[NR_CLASSES];

static uint32_t clamp(uint32_t v, uint32_t low, uint32_t high)
{
	return v < low ? low : v > high ? high : v;
}

/* The shortest span that wastes at most 1/12 and has a few blocks. */
static unsigned span_pages(uint32_t size)
{
	unsigned pages = 1;

	for (; pages < SPAN_PAGES; pages++) {
		uint32_t bytes = pages << PAGE_SHIFT;

		if (bytes >= size && bytes % size <= bytes / 12)
			break;
	}
	return pages;
}

/* How short a span may be rather than that new pages are used: at most a third of it is wasted. */
static unsigned span_pages_least(uint32_t size, unsigned pages)
{
	while (pages > 1) {
		uint32_t bytes = (pages - 1) << PAGE_SHIFT;

		if (bytes % size > bytes / 3)
			break;
		pages--;
	}
	return pages;
}

static void class_init(unsigned c)
{
	struct class_info *k = &classes[c];

	k->size = class_compute_size(c);
	k->inverse = UINT32_MAX / k->size + 1;
	k->pages = span_pages(k->size);
	k->least = span_pages_least(k->size, k->pages);
	k->cap = clamp((32 << 10) / k->size, 4, 2048);
	k->batch = clamp((4 << 10) / k->size, 2, 64);
	k->most = clamp((8 << 10) / k->size, 1, 512);
}

void core_init(void)
{
	static struct lock lock;
	static bool done;

	if (likely(__atomic_load_n(&done, __ATOMIC_ACQUIRE)))
		return;
	lock_take(&lock);
	if (!done) {
		for (unsigned c = 1; c < NR_CLASSES; c++)
			class_init(c);
		block_key = os_random();
	}
	__atomic_store_n(&done, true, __ATOMIC_RELEASE);
	lock_drop(&lock);
}

/* --- Blocks --------------------------------------------------------------------------------- */

static bool may_map(size_t size, size_t threshold)
{
	return size >= threshold && heap.nr_mapped < heap.mmap_max;
}

bool large_wants(size_t size)
{
	return may_map(size, heap.mmap_threshold);
}

void *large_alloc(size_t size, size_t align, bool *zero)
{
	size_t len = page_round_up(size ? size : 1);
	struct span *s = NULL;

	core_init();
	if (debug.on)
		return debug_alloc(size, align);
	align = align < PAGE_SIZE ? PAGE_SIZE : align;
	if (large_wants(size)) {
		s = heap_alloc(len >> PAGE_SHIFT, align >> PAGE_SHIFT, false);
		if (!s)
			s = mapped_new(len, align);
	}
	if (!s)
		s = heap_alloc(len >> PAGE_SHIFT, align >> PAGE_SHIFT, true);
	if (!s)
		return NULL;
	if (zero)
		*zero = s->zero;
	else
		debug_fill_new((void *)s->start, size);
	return (void *)s->start;
}

void *large_grown(size_t size)
{
	size_t least = heap.fixed_thresholds ? heap.mmap_threshold : GROWN_MIN;
	struct span *s = NULL;

	if (may_map(size, least) && !debug.on)
		s = mapped_new(page_round_up(size), PAGE_SIZE);
	if (!s)
		return NULL;
	debug_fill_new((void *)s->start, size);
	return (void *)s->start;
}

void large_free(struct span *s)
{
	if (unlikely(debug.on)) {
		debug_free(s, (void *)(s->start + s->bump));
	} else if (s->state == SPAN_RUN) {
		debug_fill_freed((void *)s->start, s->pages << PAGE_SHIFT);
		heap_free(s);
	} else {
		mapped_free(s);
	}
}

struct span *large_lookup(const void *p)
{
	struct span *s = pagemap_span((uintptr_t)p);

	if ((uintptr_t)p >= heap.top && (uintptr_t)p < heap.end)
		die("double free or invalid pointer", p);
	if (!s || (uintptr_t)p < s->start || (uintptr_t)p >= span_end(s))
		die("invalid pointer", p);
	if (s->state == SPAN_FREE || s->state == SPAN_KEPT || s->dead)
		die("double free", p);
	if ((s->state != SPAN_RUN && s->state != SPAN_MAPPED) || (uintptr_t)p != s->start + s->bump)
		die("invalid pointer", p);
	return s;
}

/* --- fork() --------------------------------------------------------------------------------- */

void fork_prepare(void)
{
	lock_take(&debug_lock);
	lock_take(&caches.lock);
	for (unsigned c = 1; c < NR_CLASSES; c++)
		lock_take(&central[c].lock);
	lock_take(&mixed.lock);
	lock_take(&heap.lock);
}

void fork_parent(void)
{
	lock_drop(&heap.lock);
	lock_drop(&mixed.lock);
	for (unsigned c = NR_CLASSES - 1; c; c--)
		lock_drop(&central[c].lock);
	lock_drop(&caches.lock);
	lock_drop(&debug_lock);
}

/* Only the calling thread is left. The others may have been in the middle of their caches: what
 * was in those stays lost. */
void fork_child(void)
{
	heap.lock.word = mixed.lock.word = debug_lock.word = 0;
	for (unsigned c = 1; c < NR_CLASSES; c++)
		central[c].lock.word = 0;
	caches_fork_child();
}
