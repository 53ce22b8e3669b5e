/*
 * The size classes, exhaustively, and the levels of the allocator one call at a time, on the
 * allocator built with a prefix.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include "user/malloc/core.h"
#include "user/malloc/tmalloc.h"
#include "tests/malloc/check.h"
#include "tests/malloc/names.h"
#include "tests/malloc/world.h"

static void classes_fit(void)
{
	for (size_t size = 1; size <= SMALL_MAX; size++) {
		unsigned c = class_of(size);

		CHECK(c >= 1 && c < NR_CLASSES);
		CHECK(classes[c].size >= size);
		CHECK(c == 1 || classes[c - 1].size < size);
		CHECK(size < 113 || (classes[c].size - size) * 8 <= classes[c].size);
	}
	CHECK(class_of(0) == 1);
	CHECK(class_of(SMALL_MAX) == NR_CLASSES - 1);
}

static void classes_divide(void)
{
	for (unsigned c = 1; c < NR_CLASSES; c++)
		for (uint32_t offset = 0; offset < SPAN_PAGES << PAGE_SHIFT; offset++)
			CHECK(class_is_start(&classes[c], offset) == (offset % classes[c].size == 0));
}

static void spans_waste_little(void)
{
	for (unsigned c = 1; c < NR_CLASSES; c++) {
		uint32_t bytes = classes[c].pages << PAGE_SHIFT;

		CHECK(bytes >= classes[c].size && classes[c].pages <= SPAN_PAGES);
		CHECK(bytes % classes[c].size * 8 <= bytes);
		CHECK(classes[c].least >= 1 && classes[c].least <= classes[c].pages);
		for (unsigned n = classes[c].least; n < classes[c].pages; n++) {
			bytes = n << PAGE_SHIFT;
			CHECK(bytes >= classes[c].size && bytes % classes[c].size * 3 <= bytes);
		}
	}
}

static void blocks_are_reused(void)
{
	void *p = tm_malloc(100), *q;

	tm_free(p);
	q = tm_malloc(100);
	CHECK(p == q);
	tm_free(q);
	tmalloc_check();
}

/* A program that writes only one byte of a block leaves most of an old link: whatever the key, that
 * must not look like a freed block. */
static void old_links_are_no_marks(void)
{
	uintptr_t key = block_key;
	char *p[8];

	for (unsigned k = 0; k < 256; k++) {
		tm_malloc_trim(0);
		block_key = key ^ k;
		for (unsigned round = 0; round < 2; round++) {
			for (unsigned i = 0; i < 8; i++) {
				p[i] = tm_malloc(32);
				*p[i] = 1;
			}
			for (unsigned i = 0; i < 8; i++)
				tm_free(p[i]);
		}
	}
	tm_malloc_trim(0);
	block_key = key;
}

/* A block that grows and has to move gets room for its next steps; one that shrinks keeps none. */
static void growth_has_room(void)
{
	char *p = tm_malloc(40000), *wall = tm_malloc(40000), *far, *q;

	p = tm_realloc(p, 80000);
	far = tm_malloc(60000);
	q = tm_realloc(p, 88000);
	CHECK(q == p);
	q = tm_realloc(p, 60000);
	CHECK(q == p && tm_malloc_usable_size(q) == page_round_up(60000));
	tm_free(q);
	tm_free(far);
	tm_free(wall);
}

static void limits(void)
{
	void *p = NULL;

	errno = 0;
	CHECK(!tm_malloc((size_t)PTRDIFF_MAX + 1) && errno == ENOMEM);
	errno = 0;
	CHECK(!tm_calloc(SIZE_MAX / 2, 3) && errno == ENOMEM);
	errno = 0;
	CHECK(!tm_reallocarray(NULL, SIZE_MAX / 2, 3) && errno == ENOMEM);
	errno = 0;
	CHECK(sizeof(long) == 4 || (!tm_malloc(PTRDIFF_MAX) && errno == ENOMEM));
	CHECK(!tm_pvalloc(SIZE_MAX - 10) && !tm_memalign(SIZE_MAX / 2 + 2, 8) && errno == EINVAL);
	CHECK(!tm_memalign((size_t)1 << (sizeof(size_t) * 8 - 1), 100));
	CHECK(tm_posix_memalign(&p, 24, 8) == EINVAL && tm_posix_memalign(&p, 2, 8) == EINVAL);
	CHECK(tm_posix_memalign(&p, 0, 8) == EINVAL && !p);
	errno = 7;
	CHECK(tm_posix_memalign(&p, 64, PTRDIFF_MAX) == ENOMEM && errno == ENOMEM);
	p = tm_malloc(0);
	CHECK(p && tm_malloc_usable_size(p) == 16 && !tm_malloc_usable_size(NULL));
	CHECK(!tm_realloc(p, 0));
	tm_free(NULL);
	tmalloc_check();
}

static void alignments(void)
{
	for (size_t align = 1; align <= 1 << 22; align <<= 1)
		for (size_t size = 0; size < 300000; size = size * 3 + 1) {
			char *p = tm_memalign(align, size);

			CHECK(p && (uintptr_t)p % align == 0 && (uintptr_t)p % 16 == 0);
			memset(p, 1, size);
			CHECK(tm_malloc_usable_size(p) >= size);
			tm_free(p);
		}
	tmalloc_check();
	CHECK((uintptr_t)tm_valloc(10) % PAGE_SIZE == 0);
	CHECK(tm_malloc_usable_size(tm_pvalloc(10)) >= PAGE_SIZE);
	CHECK((uintptr_t)tm_memalign(48, 10) % 64 == 0);
}

/* Free runs of the heap merge, whatever the order, and a run grows into its free neighbour. */
static void runs_merge(void)
{
	struct span *s[4];
	uintptr_t start;

	for (int i = 0; i < 4; i++)
		CHECK((s[i] = heap_alloc(9, 1, true)));
	start = s[0]->start;
	CHECK(s[3]->start == start + 27 * PAGE_SIZE);
	heap_free(s[0]);
	tmalloc_check();
	heap_free(s[2]);
	tmalloc_check();
	heap_free(s[1]);
	tmalloc_check();
	s[0] = heap_alloc(20, 1, true);
	CHECK(s[0]->start == start);
	CHECK(heap_resize(s[0], 27) && s[0]->pages == 27);
	CHECK(heap_resize(s[0], 3));
	tmalloc_check();
	CHECK(heap_resize(s[0], 20) && !heap_resize(s[0], 28));
	tmalloc_check();
	heap_free(s[0]);
	heap_free(s[3]);
	tmalloc_check();
}

/* A free run that is too short for a good span makes a short one before new pages are used. */
static void short_runs_are_used(void)
{
	struct span *full[1000], *a, *b;
	uintptr_t top;
	unsigned n = 0;
	void *p;

	tm_malloc_trim(0);
	do {
		CHECK(n < 1000);
		top = heap.top;
		full[n] = heap_alloc(2, 1, true);
	} while (full[n++]->start < top);
	a = heap_alloc(2, 1, true);
	b = heap_alloc(2, 1, true);
	CHECK(heap_resize(a, 1));
	top = heap.top;
	p = tm_malloc(1536);
	CHECK(classes[class_of(1536)].pages == 2 && pagemap_span((uintptr_t)p)->pages == 1);
	CHECK((uintptr_t)p < top && heap.top == top);
	tmalloc_check();
	tm_free(p);
	heap_free(a);
	heap_free(b);
	while (n)
		heap_free(full[--n]);
	tm_malloc_trim(0);
	tmalloc_check();
}

/* A thread gets 8 KiB of a span, and the next one what comes after. */
static void spans_are_shared(void)
{
	unsigned c = class_of(1408), n = classes[c].most;
	struct refill r[4];

	tm_malloc_trim(0);
	CHECK(!central[c].used && n == 5 && classes[c].pages == 3);
	CHECK(central_take(c, &r[0]) && central_take(c, &r[1]));
	CHECK(r[0].end == r[0].bump + n * 1408 && r[1].bump == r[0].end);
	CHECK(r[1].end == r[0].bump + 8 * 1408);
	central_give_run(c, r[0].bump, r[0].end);
	tmalloc_check();
	CHECK(central_take(c, &r[2]) && r[2].n == n && !r[2].bump);
	CHECK(!central_give(c, r[2].head, n));
	tmalloc_check();
	central_give_run(c, r[1].bump, r[1].end);
	tmalloc_check();
	CHECK(!central[c].used && !central[c].nr_spans);
	CHECK(central_take(c, &r[0]) && central_take(c, &r[1]));
	central_give_run(c, r[1].bump, r[1].end);
	tmalloc_check();
	CHECK(central_take(c, &r[3]) && r[3].bump == r[1].bump && !r[3].n);
	central_give_run(c, r[3].bump, r[3].end);
	central_give_run(c, r[0].bump, r[0].end);
	CHECK(!central[c].used);
	tmalloc_check();
}

/* Whether free() ends the program. */
static bool free_dies(void *p)
{
	int status;
	pid_t pid = fork();

	if (!pid) {
		close(2);
		tm_free(p);
		_exit(0);
	}
	return waitpid(pid, &status, 0) == pid && WIFSIGNALED(status);
}

/* Before the heap grows, blocks come from the gaps of an idle class's spans, aligned as always. */
static void gaps_are_used(void)
{
	static const size_t size[] = {96, 256, 1024, 48};
	static void *p[8000], *q[2000];
	int nowhere = open("/dev/null", O_WRONLY);
	uintptr_t fresh;

	tm_malloc_trim(0);
	for (int i = 0; i < 8000; i++)
		p[i] = memset(tm_malloc(80), i, 80);
	for (int i = 0; i < 8000; i++)
		if (i % 50)
			tm_free(p[i]);
	cache_flush();
	fresh = heap.fresh;
	for (unsigned k = 0; k < 4; k++) {
		size_t n = (200 << 10) / size[k] < 2000 ? (200 << 10) / size[k] : 2000;

		for (size_t i = 0; i < n; i++) {
			q[i] = memset(tm_malloc(size[k]), 255, size[k]);
			CHECK((uintptr_t)q[i] % class_alignment(class_of(size[k])) == 0);
			CHECK(tm_malloc_usable_size(q[i]) == size[k]);
		}
		tmalloc_check();
		for (size_t i = 0; i < n; i++)
			tm_free(q[i]);
	}
	tmalloc_dump_svg(nowhere);
	close(nowhere);
	CHECK(mixed.pages > 50 && heap.fresh - fresh < 40 * PAGE_SIZE);
	for (int i = 0; i < 8000; i += 50) {
		bool is_mixed = pagemap_span((uintptr_t)p[i])->state == SPAN_MIXED;

		CHECK(!is_mixed || i > 1000 || free_dies((char *)p[i] + 16));
		CHECK(*(uint8_t *)p[i] == (uint8_t)i && *((uint8_t *)p[i] + 79) == (uint8_t)i);
		tm_free(tm_realloc(p[i], 300));
		cache_flush();
		CHECK(!is_mixed || i > 1000 || free_dies(p[i]));
	}
	tm_malloc_trim(0);
	tmalloc_check();
	CHECK(!mixed.pages);
}

/* A run for which there is no room yet. */
static struct span *heap_growth(void)
{
	size_t pages = ((heap.end - heap.top + heap.free_bytes) >> PAGE_SHIFT) + 1;

	return heap_alloc(pages, 1, true);
}

/* What was freed last comes back as it is, or merges when something else is wanted. */
static void freed_runs_come_back(void)
{
	struct span *a, *b, *next;

	tm_malloc_trim(0);
	heap.trim_threshold = 1 << 20;
	a = heap_alloc(20, 1, true);
	b = heap_alloc(17, 1, true);
	next = heap_growth();
	heap_free(a);
	heap_free(b);
	CHECK(a->state == SPAN_KEPT && b->state == SPAN_KEPT && free_dies((void *)a->start));
	CHECK(heap_alloc(20, 1, false) == a && heap_alloc(17, 1, false) == b && !heap.nr_kept);
	tmalloc_check();
	heap_free(a);
	heap_free(b);
	CHECK(!heap_alloc(1 << 16, 1, false) && !heap.nr_kept);
	a = heap_alloc(20, 1, true);
	b = heap_alloc(20, 1, true);
	heap.trim_threshold = (heap.end - heap.top) + (40 << PAGE_SHIFT);
	heap_free(a);
	CHECK(heap.nr_kept == 1);
	heap_free(b);
	CHECK(!heap.nr_kept);
	heap_free(next);
	tmalloc_check();
}

/* Blocks from the threshold on are mapped; the next of a size that was freed once are not. */
static void threshold_adapts(void)
{
	unsigned before = heap.nr_mapped;
	void *p;

	heap.mmap_threshold = heap.trim_threshold = 128 << 10;
	tm_malloc_trim(0);
	for (unsigned i = 0; i < 2; i++) {
		p = tm_malloc(128 << 10);
		CHECK(heap.nr_mapped == before + !i);
		tm_free(p);
	}
	tm_malloc_trim(0);
	p = tm_malloc(200 << 10);
	CHECK(heap.nr_mapped == before + 1);
	tm_free(p);
	CHECK(heap.nr_mapped == before && heap.mmap_threshold == 204 << 10);
	CHECK(heap.trim_threshold >= 400 << 10);
	p = tm_malloc(200 << 10);
	CHECK(heap.nr_mapped == before);
	tm_free(p);
	tm_free(tm_malloc((32 << 20) + 1));
	CHECK(heap.mmap_threshold == 204 << 10);
	tm_free(tm_malloc(32 << 20));
	CHECK(heap.mmap_threshold == (32 << 20) + PAGE_SIZE);
	CHECK(tm_mallopt(TM_MMAP_THRESHOLD, 128 << 10) && tm_mallopt(TM_TRIM_THRESHOLD, 128 << 10));
	CHECK(tm_mallopt(12345, 1) && !tm_mallopt(TM_MXFAST, 1000));
	p = tm_malloc(150 << 10);
	tm_free(p);
	CHECK(heap.mmap_threshold == 128 << 10);
	tmalloc_check();
}

/* A large block takes room that the heap has, and a mapping only when there is none. */
static void free_runs_come_first(void)
{
	struct span *hole = heap_alloc(50, 1, true), *next = heap_alloc(50, 1, true);
	unsigned before = heap.nr_mapped;
	void *p;

	heap_free(hole);
	p = tm_malloc(200 << 10);
	CHECK(p && heap.nr_mapped == before);
	tm_free(p);
	heap_free(next);
}

/* What a class's list has goes back when only other classes are in use. */
static void idle_lists_go_back(void)
{
	static void *p[3000];

	for (int i = 0; i < 100; i++)
		p[i] = tm_malloc(400);
	for (int i = 0; i < 100; i++)
		tm_free(p[i]);
	CHECK(central[class_of(400)].used);
	for (int round = 0; round < 20; round++) {
		for (int i = 0; i < 3000; i++)
			p[i] = tm_malloc(64);
		for (int i = 0; i < 3000; i++)
			tm_free(p[i]);
	}
	CHECK(!central[class_of(400)].used);
	tmalloc_check();
}

/* Before a small heap takes new pages, the cache gives back what may be whole spans. */
static void small_heap_sheds(void)
{
	static void *p[100];
	unsigned c = class_of(20480), n = 0;
	uintptr_t fresh;

	tm_malloc_trim(0);
	tm_free(tm_malloc(20480));
	CHECK(central[c].used == 1);
	fresh = heap.fresh;
	while (heap.fresh == fresh) {
		CHECK(n < 100);
		p[n++] = tm_malloc(4096);
	}
	CHECK(!central[c].used);
	while (n)
		tm_free(p[--n]);
	tmalloc_check();
}

/* A heap that small blocks have made large grows by huge pages, until it gives pages back. */
static void heap_grows_huge(void)
{
	size_t page = (size_t)2 << 20;
	struct span *s[3];

	tm_malloc_trim(0);
	heap.purges = 0;
	for (int i = 0; i < 3; i++) {
		heap.streak = i ? 32 << 20 >> PAGE_SHIFT : 1000;
		s[i] = heap_growth();
		CHECK(s[i] && huge_regions == i && !heap.streak);
		CHECK(!i || heap.end % page == 0);
	}
	CHECK(heap.huge && heap.huge <= s[1]->start + s[1]->pages * PAGE_SIZE);
	heap_free(s[1]);
	tm_malloc_trim(0);
	CHECK(!heap.huge && huge_regions == 1 && heap.purges);
	heap.streak = 32 << 20 >> PAGE_SHIFT;
	s[1] = heap_growth();
	CHECK(huge_regions == 1);
	for (int i = 0; i < 3; i++)
		heap_free(s[i]);
	tmalloc_check();
}

/* When all that a thread may keep is granted, a class that is in use takes from the others. */
static void grants_move(void)
{
	static void *p[5000];
	struct span *room = heap_alloc(256, 1, true), *next = heap_growth();

	heap_free(room);
	for (unsigned c = 1; c < NR_CLASSES; c++) {
		int n = 2 * classes[c].cap;

		for (int i = 0; i < n; i++)
			p[i] = tm_malloc(classes[c].size);
		for (int i = 0; i < n; i++)
			tm_free(p[i]);
		CHECK(tcache.limit[c] > classes[c].cap / 4);
		tmalloc_check();
	}
	CHECK(tcache.granted > 256 << 10 && tcache.granted <= 512 << 10);
	heap_free(next);
}

/* Calls enough for the heap to look at its free runs, but for @seconds, that change nothing. */
static void heap_looks(unsigned seconds)
{
	pass_time(seconds);
	for (int i = 0; i < 64; i++)
		CHECK(!heap_alloc(PTRDIFF_MAX >> PAGE_SHIFT, 1, false));
}

/* Free runs lose their memory when they have been free for more than a second, however long it was
 * since the heap was last used. */
static void free_runs_decay(void)
{
	struct span *s = heap_alloc(20, 1, true), *next = heap_alloc(1, 1, true);

	heap_looks(0);
	heap_free(s);
	heap_settle();
	s = pagemap_span(next->start - PAGE_SIZE);
	for (unsigned i = 0; i < 3; i++) {
		CHECK(s->state == SPAN_FREE && !s->purged);
		heap_looks(i ? 1 : 100);
	}
	CHECK(s->state == SPAN_FREE && s->purged);
	heap_free(next);
	tmalloc_check();
}

static void *uses_class(void *c)
{
	size_t size = classes[(uintptr_t)c].size;

	tm_free(tm_malloc(size));
	tm_free(tm_malloc(size));
	return NULL;
}

/* Its first call takes over what the thread before it left, of whatever class. */
static void *inherits_class(void *c)
{
	const struct bin *b = &tcache.bin[(uintptr_t)c];

	tm_free(tm_malloc(20000));
	CHECK(bin_length(b) == 1 && b->bump != b->end);
	CHECK(caches.left.state == CACHE_NEW && caches.nr == 2);
	tmalloc_check();
	return NULL;
}

static void in_thread(void *(*f)(void *), unsigned c)
{
	pthread_t t;

	CHECK(!pthread_create(&t, NULL, f, (void *)(uintptr_t)c) && !pthread_join(t, NULL));
}

static void caches_are_left(void)
{
	unsigned c = class_of(1000);
	int status;

	cache_flush();
	CHECK(!central[c].used);
	in_thread(uses_class, c);
	CHECK(central[c].used && caches.left.state == CACHE_LIVE && caches.nr == 1);
	in_thread(inherits_class, c);
	CHECK(central[c].used);
	if (!fork()) {
		cache_flush();
		CHECK(!central[c].used && caches.list == &tcache && !tcache.next);
		tmalloc_check();
		_exit(0);
	}
	CHECK(wait(&status) > 0 && !status);
	CHECK(central[c].used);
	crowd(true);
	tm_free(tm_malloc(30000));
	crowd(false);
	CHECK(!central[c].used && caches.left.state == CACHE_NEW);
	tmalloc_check();
}

static void realloc_remaps(void)
{
	char *p = tm_malloc(1 << 20);
	unsigned before = heap.nr_mapped;

	memset(p, 'x', 1 << 20);
	for (size_t n = 1 << 20; n < 40 << 20; n *= 2) {
		p = tm_realloc(p, n);
		CHECK(p && p[0] == 'x' && p[(1 << 20) - 1] == 'x' && heap.nr_mapped == before);
		tmalloc_check();
	}
	p = tm_realloc(p, 200000);
	CHECK(p[199999] == 'x' && heap.nr_mapped == before);
	p = tm_realloc(p, 10);
	CHECK(p[9] == 'x' && heap.nr_mapped == before - 1);
	tm_free(p);
}

/* Below a threshold that has risen, a block that moves to grow is mapped, one that is new is not. */
static void grown_blocks_are_mapped(void)
{
	unsigned before = heap.nr_mapped;

	tm_malloc_trim(0);
	for (int fixed = 0; fixed < 2; fixed++) {
		void *p, *q;
		struct span *next;

		heap.mmap_threshold = 1 << 20;
		heap.fixed_thresholds = fixed;
		p = tm_malloc(120 << 10);
		next = heap_growth();
		q = tm_malloc(300 << 10);
		CHECK(heap.nr_mapped == before);
		p = tm_realloc(p, 300 << 10);
		CHECK(heap.nr_mapped == before + !fixed);
		tm_free(p);
		tm_free(q);
		CHECK(heap.nr_mapped == before);
		heap_free(next);
	}
	CHECK(tm_mallopt(TM_MMAP_THRESHOLD, 128 << 10));
	tmalloc_check();
}

static void totals(void)
{
	struct tm_totals a, b;
	void *p[1000];

	tm_totals(&a);
	for (int i = 0; i < 1000; i++)
		p[i] = tm_malloc(500);
	tm_totals(&b);
	CHECK(b.in_use >= a.in_use + 500000 && b.in_use < a.in_use + 600000);
	CHECK(b.system == b.in_use + b.free && b.top <= b.free);
	for (int i = 0; i < 1000; i++)
		tm_free(p[i]);
	tm_malloc_trim(0);
	tm_totals(&b);
	CHECK(b.in_use <= a.in_use && b.top == 0);
	tmalloc_check();
}

/* --- Out of memory -------------------------------------------------------------------------- */

static void *check_block(void *p, size_t size)
{
	tmalloc_check();
	if (p)
		memset(p, 'x', size);
	else
		CHECK(errno == ENOMEM);
	return p;
}

/* Blocks of all levels; each grows, shrinks and goes. */
static void live(void)
{
	static const size_t sizes[] = {
		16, 500, 3000, SMALL_MAX, 40000, 100 << 10, 130 << 10, 2 << 20};
	enum { N = sizeof(sizes) / sizeof(sizes[0]) };
	char *p[2 * N];

	for (int i = 0; i < N; i++) {
		p[i] = check_block(tm_malloc(sizes[i]), sizes[i]);
		p[N + i] = check_block(tm_memalign(16384, sizes[i]), sizes[i]);
	}
	for (int i = 0; i < 2 * N; i++) {
		size_t size = sizes[i % N];

		for (int change = 0; p[i] && change < 2; change++) {
			size_t new = change ? size / 3 : size * 5;
			char *q = check_block(tm_realloc(p[i], new), new);

			CHECK(q || (p[i][0] == 'x' && p[i][size / 3 - 1] == 'x'));
			p[i] = q ? q : p[i];
		}
	}
	for (int i = 0; i < 2 * N; i++) {
		tm_free(p[i]);
		tmalloc_check();
	}
}

/* In a new process, where @count memory calls fail after the first @pass. Whether so many came. */
static bool lives_without(unsigned pass, unsigned count)
{
	pid_t pid = fork();
	int status;

	if (!pid) {
		bool reached;

		refuse(pass, count);
		live();
		reached = !calls_to_pass();
		nothing_left();
		_exit(reached ? 3 : 0);
	}
	CHECK(waitpid(pid, &status, 0) == pid && (!status || WEXITSTATUS(status) == 3));
	return status;
}

static void memory_is_refused(void)
{
	for (unsigned n = 0; lives_without(n, 1); n++)
		;
	for (unsigned n = 0; lives_without(n, UINT_MAX); n++)
		;
}

int main(void)
{
	memory_is_refused();
	core_init();
	classes_fit();
	classes_divide();
	spans_waste_little();
	blocks_are_reused();
	old_links_are_no_marks();
	growth_has_room();
	limits();
	alignments();
	runs_merge();
	short_runs_are_used();
	spans_are_shared();
	gaps_are_used();
	freed_runs_come_back();
	threshold_adapts();
	free_runs_come_first();
	idle_lists_go_back();
	small_heap_sheds();
	heap_grows_huge();
	grants_move();
	realloc_remaps();
	grown_blocks_are_mapped();
	totals();
	free_runs_decay();
	caches_are_left();
	puts("unit: ok");
	return 0;
}
