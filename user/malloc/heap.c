/*
 * The page heap: runs of whole pages. The heap proper is one range that brk grows: runs, and the
 * top, which is what lies between the last run and the break. Free runs merge with their
 * neighbours (found through the page map, where a run's first and last page name it) and wait in
 * bins by length; the top is used last, so that it can be trimmed. Where brk cannot grow, the heap
 * continues in mapped extents, which go back when they are free.
 *
 * The last few freed runs wait as they are while only runs of their lengths are wanted: a buffer
 * that comes and goes costs neither a merge nor a search.
 */
#include "core.h"

#define EXTENT_MIN         ((size_t)1 << 20)
#define POPULATE_MIN       256 /* pages of short runs before the first are populated */
#define POPULATE_MAX       ((size_t)256 << 10)
#define HUGE_PAGE          ((size_t)2 << 20)
#define HUGE_STREAK        8192 /* pages of short runs before the next are huge ones */
#define TRIM_THRESHOLD_MAX ((size_t)64 << 20)
#define SOON               4096 /* ticks: a trim so long before the heap grows was a mistake */
#define DECAY_SCAN         64 /* free runs looked at in one round: the cost of a decay is bounded */

struct heap heap = {
	.mmap_threshold = 128 << 10,
	.trim_threshold = 128 << 10,
	.top_pad = 128 << 10,
	.mmap_max = 65536,
};

/* --- Bins ----------------------------------------------------------------------------------- */

static void pagemap_set_ends(struct span *s)
{
	pagemap_set(s->start, s);
	pagemap_set(span_end(s) - PAGE_SIZE, s);
}

/* Exact up to 16 pages, then eight bins for each doubling. */
static unsigned bin_of(size_t pages)
{
	unsigned log;

	if (pages < 16)
		return pages;
	log = 8 * sizeof(long) - 1 - __builtin_clzl(pages);
	log = 16 + (log - 4) * 8 + ((pages >> (log - 3)) & 7);
	return log < NR_BINS ? log : NR_BINS - 1;
}

static void bin_insert(struct span *s)
{
	unsigned b = bin_of(s->pages);

	s->state = SPAN_FREE;
	span_push(&heap.bins[b], s);
	heap.nonempty[b / 64] |= 1ull << b % 64;
	heap.free_bytes += s->pages << PAGE_SHIFT;
	heap.nr_free++;
	pagemap_set_ends(s);
}

static void bin_remove(struct span *s)
{
	unsigned b = bin_of(s->pages);

	s->state = SPAN_RUN;
	span_unlink(&heap.bins[b], s);
	if (!heap.bins[b])
		heap.nonempty[b / 64] &= ~(1ull << b % 64);
	heap.free_bytes -= s->pages << PAGE_SHIFT;
	heap.nr_free--;
}

/* The shortest of the first few of a bin whose runs may be too short. */
static struct span *bin_search(unsigned b, size_t pages)
{
	struct span *best = NULL;
	unsigned looked = 0;

	for (struct span *s = heap.bins[b]; s && looked < 32; s = s->next, looked++) {
		if (s->pages < pages || (best && s->pages >= best->pages))
			continue;
		best = s;
		if (s->pages == pages)
			break;
	}
	return best;
}

static unsigned bin_next(unsigned b)
{
	for (unsigned w = b / 64; w < NR_BINS / 64; w++) {
		uint64_t bits = heap.nonempty[w];

		if (w == b / 64)
			bits &= ~0ull << b % 64;
		if (bits)
			return w * 64 + __builtin_ctzll(bits);
	}
	return NR_BINS;
}

static struct span *bins_find(size_t pages)
{
	struct span *s;
	unsigned b;

	for (b = bin_next(bin_of(pages)); b < NR_BINS; b = bin_next(b + 1)) {
		s = bin_search(b, pages);
		if (s)
			return s;
	}
	return NULL;
}

/* --- The top -------------------------------------------------------------------------------- */

static size_t growth_pad(void)
{
	size_t eighth = heap.brk_bytes / 8;

	if (heap.fixed_pad || eighth <= heap.top_pad)
		return heap.top_pad;
	return eighth < (4 << 20) ? eighth : 4 << 20;
}

/* Whether small blocks have taken so much of the top in one go that they will take another huge
 * page, and all of it: where long runs come between, most of it might never be touched. */
static bool growth_is_huge(void)
{
	return heap.streak >= HUGE_STREAK && !heap.purges && !heap.fixed_pad;
}

static void huge_begin(uintptr_t start, size_t len)
{
	if (!heap.huge)
		heap.huge = start;
	os_huge((void *)start, len, true);
}

/* No more: the system may fill a huge page up again of which a part was given back. */
static void huge_end(void)
{
	if (heap.huge && heap.huge < heap.end)
		os_huge((void *)heap.huge, heap.end - heap.huge, false);
	heap.huge = 0;
}

/* What is between the top and a break that somebody else has moved becomes an ordinary free run. */
static bool top_abandon(void)
{
	if (heap.top < heap.end) {
		struct span *s = span_new(heap.top, (heap.end - heap.top) >> PAGE_SHIFT, SPAN_FREE);

		if (!s)
			return false;
		s->freed_at = heap.looks;
		bin_insert(s);
	}
	heap.top = heap.end;
	return true;
}

/* Let the break grow so that the top has @pages. */
static bool top_grow(size_t pages)
{
	uintptr_t now = (uintptr_t)os_brk(0), got = 0;
	size_t have = now == heap.end ? heap.end - heap.top : 0;
	size_t need = (pages << PAGE_SHIFT) - have + (page_round_up(now) - now);
	size_t more = need + page_round_up(growth_pad());

	if (growth_is_huge())
		more += -(now + more) & (HUGE_PAGE - 1);
	if (!now || need > PTRDIFF_MAX)
		return false;
	if (more <= PTRDIFF_MAX)
		got = (uintptr_t)os_brk(more);
	if (!got) {
		more = need;
		got = (uintptr_t)os_brk(more);
	}
	if (!got || got != now || !pagemap_reserve(got, more) ||
		(now != heap.end && !top_abandon())) {
		if (got)
			os_brk(-(intptr_t)more);
		return false;
	}
	if (now != heap.end) {
		heap.top = heap.fresh = page_round_up(now);
		if (!heap.base)
			heap.base = heap.top;
	}
	heap.brk_bytes += got + more - (now == heap.end ? now : heap.top);
	heap.end = got + more;
	if (growth_is_huge())
		huge_begin(got, more);
	/* Soon after a trim: keep more the next time. */
	if (!heap.fixed_thresholds && heap.trimmed_at && heap.tick - heap.trimmed_at < SOON &&
		heap.trim_threshold < TRIM_THRESHOLD_MAX)
		heap.trim_threshold *= 2;
	return true;
}

static void top_trim(size_t pad)
{
	size_t have = heap.end - heap.top;
	size_t give = have > pad ? (have - pad) & ~PAGE_MASK : 0;

	if (!give || (uintptr_t)os_brk(0) != heap.end || !os_brk(-(intptr_t)give))
		return;
	heap.end -= give;
	heap.brk_bytes -= give;
	if (heap.fresh > heap.end)
		heap.fresh = heap.end;
	if (heap.populated > heap.end)
		heap.populated = heap.end;
	heap.trimmed_at = heap.tick | 1;
}

/* Whether a top of @have bytes is to be trimmed, and would be. */
static bool top_is_long(size_t have)
{
	return have >= heap.trim_threshold && have > heap.top_pad;
}

/* While the top is taken in short runs, its pages get memory some at a time, which saves a fault
 * for each. The more there have been the more comes at once, a sixteenth of them. */
static void top_populate(const struct span *s)
{
	size_t ahead = heap.streak / 16 << PAGE_SHIFT;

	heap.streak = s->pages <= SPAN_PAGES ? heap.streak + s->pages : 0;
	if (span_end(s) <= heap.populated || heap.streak < POPULATE_MIN)
		return;
	if (ahead > POPULATE_MAX)
		ahead = POPULATE_MAX;
	if (ahead > heap.end - s->start)
		ahead = heap.end - s->start;
	os_populate((void *)s->start, ahead);
	heap.populated = s->start + ahead;
}

/* A run from the top, which is long enough. */
static struct span *top_take(size_t pages)
{
	struct span *s = span_new(heap.top, pages, SPAN_RUN);

	if (!s)
		return NULL;
	s->zero = heap.top >= heap.fresh;
	heap.top = span_end(s);
	if (heap.fresh < heap.top) {
		heap.fresh = heap.top;
		top_populate(s);
	}
	return s;
}

/* --- Decay ---------------------------------------------------------------------------------- */

static void run_purge(struct span *s)
{
	if (s->purged || s->zero)
		return;
	huge_end();
	if (!os_purge((void *)s->start, s->pages << PAGE_SHIFT))
		return;
	s->purged = 1;
	heap.purges++;
}

/* Once a second at most, and only so many runs: those that were free two looks ago, which is more
 * than a second, lose their memory. */
static void heap_decay(void)
{
	uint32_t now, looked = 0;

	if (++heap.tick % 64)
		return;
	now = os_seconds();
	if (now == heap.looked_at)
		return;
	heap.looked_at = now;
	heap.looks++;
	for (unsigned b = bin_next(4); b < NR_BINS; b = bin_next(b + 1))
		for (struct span *s = heap.bins[b]; s && looked < DECAY_SCAN; s = s->next, looked++)
			if (heap.looks - s->freed_at > 2)
				run_purge(s);
}

/* --- Runs ----------------------------------------------------------------------------------- */

/* Cut @s, which is in no bin, after @pages; the rest is free. Merging is the caller's business. */
static struct span *run_split(struct span *s, size_t pages)
{
	struct span *rest = span_new(s->start + (pages << PAGE_SHIFT), s->pages - pages, SPAN_RUN);

	if (!rest)
		return NULL;
	rest->mapped = s->mapped;
	rest->zero = s->zero;
	rest->purged = s->purged;
	rest->freed_at = s->freed_at;
	s->pages = pages;
	return rest;
}

static struct span *run_neighbour(const struct span *s, bool after)
{
	uintptr_t at = after ? span_end(s) : s->start - PAGE_SIZE;
	struct span *n = pagemap_span(at);

	if (!n || !span_is_free(n) || n->mapped != s->mapped)
		return NULL;
	if (after ? n->start != at : span_end(n) != s->start)
		return NULL;
	return n;
}

/* @s takes its free neighbours in. */
static void run_merge(struct span *s)
{
	struct span *n;

	n = run_neighbour(s, false);
	if (n) {
		bin_remove(n);
		s->start = n->start;
		s->pages += n->pages;
		s->zero &= n->zero;
		s->purged &= n->purged;
		span_delete(n);
	}
	n = run_neighbour(s, true);
	if (n) {
		bin_remove(n);
		s->pages += n->pages;
		s->zero &= n->zero;
		s->purged &= n->purged;
		span_delete(n);
	}
}

/* Free pages find their place: the top, the system or a bin. */
static void run_release(struct span *s)
{
	run_merge(s);
	if (!s->mapped && span_end(s) == heap.top) {
		heap.top = s->start;
		span_delete(s);
		if (top_is_long(heap.end - heap.top))
			top_trim(heap.top_pad);
		return;
	}
	if (s->mapped && s->pages << PAGE_SHIFT >= EXTENT_MIN) {
		heap.extent_bytes -= s->pages << PAGE_SHIFT;
		os_unmap((void *)s->start, s->pages << PAGE_SHIFT);
		span_delete(s);
		return;
	}
	bin_insert(s);
}

/* What a run is when it is handed out. */
static struct span *run_begin(struct span *s)
{
	s->zero |= s->purged;
	s->purged = s->listed = s->class = 0;
	s->bump = s->used = s->nr = s->fresh = s->asked = 0;
	s->free = NULL;
	return s;
}

void heap_settle(void)
{
	for (unsigned i = 0; i < heap.nr_kept; i++)
		run_release(heap.kept[i]);
	heap.nr_kept = 0;
	heap.kept_bytes = 0;
}

/* A free run, unless the top could be trimmed: then it has to be found now how long that is. */
static void run_keep(struct span *s)
{
	if (s->mapped)
		return run_release(s);
	if (heap.nr_kept == NR_KEPT)
		heap_settle();
	span_become(s, SPAN_KEPT);
	heap.kept[heap.nr_kept++] = s;
	heap.kept_bytes += s->pages << PAGE_SHIFT;
	if (top_is_long(heap.end - heap.top + heap.kept_bytes))
		heap_settle();
}

/* One of those that were freed last, of just @pages; when there is none, none is kept any longer. */
static struct span *kept_take(size_t pages)
{
	for (unsigned i = heap.nr_kept; i--;) {
		struct span *s = heap.kept[i];

		if (s->pages != pages)
			continue;
		heap.kept[i] = heap.kept[--heap.nr_kept];
		heap.kept_bytes -= pages << PAGE_SHIFT;
		span_become(s, SPAN_RUN);
		return run_begin(s);
	}
	heap_settle();
	return NULL;
}

/* A mapped extent of at least @pages, as a run that is in no bin. */
static struct span *extent_new(size_t pages)
{
	size_t len = pages << PAGE_SHIFT;
	struct span *s;
	void *p;

	if (len < EXTENT_MIN)
		len = EXTENT_MIN;
	p = os_map(len);
	if (!p)
		return NULL;
	s = pagemap_reserve((uintptr_t)p, len) ? span_new((uintptr_t)p, len >> PAGE_SHIFT, SPAN_RUN)
					       : NULL;
	if (!s) {
		os_unmap(p, len);
		return NULL;
	}
	s->mapped = s->zero = 1;
	heap.extent_bytes += len;
	return s;
}

static struct span *bins_take(size_t pages)
{
	struct span *s = bins_find(pages);

	if (s)
		bin_remove(s);
	return s;
}

static struct span *run_take(size_t pages, bool grow)
{
	struct span *s = bins_take(pages);

	if (s)
		return s;
	if (heap.end - heap.top >= pages << PAGE_SHIFT || (grow && top_grow(pages)))
		return top_take(pages);
	return grow ? extent_new(pages) : NULL;
}

/* Cut the pages before the first aligned one off, and those after the run, which begins. */
static struct span *run_fit(struct span *s, size_t pages, size_t align)
{
	uintptr_t mask = (align << PAGE_SHIFT) - 1;
	size_t skip = (((s->start + mask) & ~mask) - s->start) >> PAGE_SHIFT;
	struct span *rest;

	if (skip) {
		rest = run_split(s, skip);
		if (!rest)
			goto fail;
		run_release(s);
		s = rest;
	}
	if (s->pages > pages) {
		rest = run_split(s, pages);
		if (!rest)
			goto fail;
		if (!rest->mapped && span_end(rest) == heap.top) {
			if (rest->zero && heap.fresh == heap.top)
				heap.fresh = rest->start;
			heap.top = rest->start;
			span_delete(rest);
		} else {
			run_merge(rest);
			bin_insert(rest);
		}
	}
	pagemap_set_ends(s);
	return run_begin(s);
fail:
	run_release(s);
	return NULL;
}

static struct span *run_take_short(size_t least, size_t pages, bool grow)
{
	for (size_t n = pages; n >= least; n--) {
		struct span *s = bins_take(n);

		if (s)
			return s;
	}
	if (grow || heap.fresh - heap.top >= pages << PAGE_SHIFT)
		return run_take(pages, true);
	return NULL;
}

struct span *heap_alloc(size_t pages, size_t align, bool grow)
{
	struct span *s;

	if (pages > PTRDIFF_MAX >> PAGE_SHIFT || align > PTRDIFF_MAX >> PAGE_SHIFT)
		return NULL;
	lock_take(&heap.lock);
	heap_decay();
	s = kept_take(align == 1 ? pages : 0);
	if (!s) {
		s = run_take(pages + align - 1, grow);
		if (s)
			s = run_fit(s, pages, align);
	}
	lock_drop(&heap.lock);
	return s;
}

struct span *heap_alloc_short(size_t least, size_t pages, bool grow)
{
	struct span *s;

	lock_take(&heap.lock);
	heap_decay();
	s = kept_take(pages);
	if (!s) {
		s = run_take_short(least, pages, grow);
		if (s)
			s = run_fit(s, pages, 1);
	}
	lock_drop(&heap.lock);
	return s;
}

void heap_free(struct span *s)
{
	lock_take(&heap.lock);
	heap_decay();
	s->zero = s->purged = 0;
	s->freed_at = heap.looks;
	run_keep(s);
	lock_drop(&heap.lock);
}

static bool run_grow(struct span *s, size_t pages)
{
	size_t more = pages - s->pages;
	struct span *n = run_neighbour(s, true), *rest;

	if (n && n->pages >= more) {
		bin_remove(n);
		rest = n->pages > more ? run_split(n, more) : NULL;
		if (n->pages > more) {
			bin_insert(n);
			return false;
		}
		if (rest)
			bin_insert(rest);
		span_delete(n);
	} else if (!s->mapped && span_end(s) == heap.top) {
		if (heap.end - heap.top < more << PAGE_SHIFT && !top_grow(more))
			return false;
		if (span_end(s) != heap.top)
			return false;
		heap.top += more << PAGE_SHIFT;
		if (heap.fresh < heap.top)
			heap.fresh = heap.top;
	} else {
		return false;
	}
	s->pages = pages;
	s->zero = 0;
	pagemap_set_ends(s);
	return true;
}

static void run_shrink(struct span *s, size_t pages)
{
	struct span *rest = run_split(s, pages);

	if (!rest)
		return;
	rest->zero = rest->purged = 0;
	rest->freed_at = heap.looks;
	pagemap_set_ends(s);
	run_release(rest);
}

bool heap_resize(struct span *s, size_t pages)
{
	bool done = true;

	lock_take(&heap.lock);
	heap_settle();
	if (pages > s->pages)
		done = run_grow(s, pages);
	else if (pages < s->pages)
		run_shrink(s, pages);
	lock_drop(&heap.lock);
	return done;
}

bool heap_trim(size_t pad)
{
	size_t bytes;
	uint32_t purges;
	bool gave;

	lock_take(&heap.lock);
	bytes = heap.brk_bytes;
	purges = heap.purges;
	heap_settle();
	for (unsigned b = bin_next(0); b < NR_BINS; b = bin_next(b + 1))
		for (struct span *s = heap.bins[b]; s; s = s->next)
			run_purge(s);
	top_trim(pad);
	gave = heap.brk_bytes != bytes || heap.purges != purges;
	lock_drop(&heap.lock);
	return gave;
}

/* --- Invariants ----------------------------------------------------------------------------- */

struct census {
	size_t free_bytes, nr_free;
};

static void check_span(struct span *s, void *arg)
{
	struct census *c = arg;

	if (s->state == SPAN_NONE)
		return;
	if (s->start & PAGE_MASK || !s->pages)
		die("check: a span has no pages", s);
	if (pagemap_span(s->start) != s)
		die("check: the page map does not know a span", s);
	if (s->state == SPAN_FREE) {
		c->free_bytes += s->pages << PAGE_SHIFT;
		c->nr_free++;
		if (run_neighbour(s, true) || run_neighbour(s, false))
			die("check: free neighbours are not merged", s);
	}
	if (s->state != SPAN_MAPPED && pagemap_span(span_end(s) - PAGE_SIZE) != s)
		die("check: the page map does not know the end of a span", s);
}

void heap_check(void)
{
	struct census c = {0};

	lock_take(&heap.lock);
	heap_settle();
	span_each(check_span, &c);
	if (c.free_bytes != heap.free_bytes || c.nr_free != heap.nr_free)
		die("check: free pages are miscounted", &heap);
	if (heap.top > heap.end || heap.fresh < heap.top || heap.fresh > heap.end)
		die("check: the top is outside the heap", (void *)heap.top);
	lock_drop(&heap.lock);
}
