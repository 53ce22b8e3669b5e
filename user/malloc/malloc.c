/*
 * The interface: malloc() and its family. The first functions are the fast paths: a size class, a
 * list of the calling thread, and out.
 */
#include <errno.h>
#include <string.h>
#include "core.h"
#include "tmalloc.h"

/* --- Fast paths ----------------------------------------------------------------------------- */

cold static void *out_of_memory(void)
{
	errno = ENOMEM;
	return NULL;
}

static __attribute__((noinline)) void *malloc_slow(size_t size)
{
	void *p = NULL;

	if (size > PTRDIFF_MAX)
		return out_of_memory();
	if (size > SMALL_MAX || debug.on || large_wants(size))
		p = large_alloc(size, 1, NULL);
	else
		p = cache_refill(class_of(size));
	return p ? p : out_of_memory();
}

static inline __attribute__((always_inline)) void *small_alloc(size_t size, size_t c)
{
	struct bin *bin = &tcache.bin[c];
	struct block *b = bin->head;

	if (likely(b != NULL)) {
		uintptr_t link = block_marked_link(b);

		if (unlikely(b->link != link))
			return die_of_write(b);
		bin->head = block_of_link(link);
		/* The next call will want its link, and nobody has looked at it for long. */
		__builtin_prefetch(bin->head, 1);
		bin->room++;
		b->mark = 0;
		return b;
	}
	if (likely(bin->bump != bin->end))
		return bin_carve(bin, c);
	return malloc_slow(size);
}

static __attribute__((noinline)) void *malloc_medium(size_t size)
{
	return size <= SMALL_MAX ? small_alloc(size, class_of(size)) : malloc_slow(size);
}

EXPORT void *API(malloc)(size_t size)
{
	return likely(size <= TABLE_MAX) ? small_alloc(size, class_of(size)) : malloc_medium(size);
}

static __attribute__((noinline)) void list_full(size_t at)
{
	cache_overflow(at / sizeof(struct bin));
}

/* The block goes to the list that lies @at bytes into the cache's. */
static inline __attribute__((always_inline)) void small_free(void *p, size_t at)
{
	struct bin *bin;

	if (unlikely(block_is_marked(p)))
		return die_of_double_free(p);
	bin = (void *)((char *)tcache.bin + at);
	block_link(p, bin->head);
	bin->head = p;
	if (unlikely(--bin->room < 0))
		list_full(at);
}

/* The page map names no class for @p. */
static __attribute__((noinline)) void free_other(void *p)
{
	unsigned c;

	if (!p)
		return;
	c = mixed_class(p);
	if (unlikely(c))
		return small_free(p, c * sizeof(struct bin));
	large_free(large_lookup(p));
}

EXPORT void API(free)(void *p)
{
	struct leaf *leaf = pagemap_leaf((uintptr_t)p);
	const struct class_info *k;
	page_info info;

	if (unlikely(!leaf))
		return free_other(p);
	info = leaf->info[pagemap_index((uintptr_t)p)];
	k = (void *)((char *)classes + INFO_AT(info));
	if (unlikely(!class_is_start(k, info_offset(info, (uintptr_t)p))))
		return free_other(p);
	small_free(p, INFO_AT(info));
}

/* --- calloc, realloc ------------------------------------------------------------------------ */

EXPORT void *API(calloc)(size_t n, size_t each)
{
	size_t size;
	unsigned c;
	bool zero = false;
	void *p;

	if (unlikely(__builtin_mul_overflow(n, each, &size) || size > PTRDIFF_MAX))
		return out_of_memory();
	if (unlikely(size > SMALL_MAX || debug.on)) {
		p = large_alloc(size, 1, &zero);
		if (!p)
			return out_of_memory();
		return zero ? p : memset(p, 0, size);
	}
	c = class_of(size);
	if (!tcache.bin[c].head && tcache.bin[c].bump != tcache.bin[c].end)
		zero = tcache.zero_runs[c / 64] >> c % 64 & 1;
	p = API(malloc)(size);
	return !p || zero ? p : memset(p, 0, size);
}

/* The class of the block at @p, 0 if it is of none. */
static unsigned class_at(const void *p)
{
	page_info info = pagemap_info((uintptr_t)p);
	unsigned c = INFO_CLASS(info);

	if (!c)
		return mixed_class(p);
	if (unlikely(!class_is_start(&classes[c], info_offset(info, (uintptr_t)p))))
		die("invalid pointer", p);
	return c;
}

static size_t usable(const void *p)
{
	unsigned c = class_at(p);

	return c ? classes[c].size : debug_size(large_lookup(p));
}

/* What a growing block of whole pages gets: an eighth more, so that the next steps find it there.
 * Pages that are never touched cost nothing. */
static size_t with_slack(size_t size)
{
	return size <= SMALL_MAX || debug.on ? size : size + size / 8;
}

static void *alloc_grown(size_t size)
{
	void *p;

	size = with_slack(size);
	p = large_grown(size);
	return p ? p : API(malloc)(size);
}

static void *realloc_move(void *p, size_t old, size_t size)
{
	void *q = size > old ? alloc_grown(size) : API(malloc)(size);

	if (!q)
		return NULL;
	memcpy(q, p, old < size ? old : size);
	API(free)(p);
	return q;
}

static bool run_resize(struct span *s, size_t pages)
{
	return s->state == SPAN_RUN ? heap_resize(s, pages) : mapped_resize(s, pages << PAGE_SHIFT);
}

/* Blocks of whole pages grow and shrink where they are, or by mremap. */
static bool realloc_large(struct span *s, size_t size)
{
	size_t pages = page_round_up(size) >> PAGE_SHIFT;

	if (debug.on || size <= SMALL_MAX)
		return false;
	if (pages <= s->pages && s->pages - pages <= pages / 8)
		return true;
	return (pages > s->pages && run_resize(s, pages + pages / 8)) || run_resize(s, pages);
}

EXPORT void *API(realloc)(void *p, size_t size)
{
	struct span *s;
	unsigned c;

	if (!p)
		return API(malloc)(size);
	if (!size) {
		API(free)(p);
		return NULL;
	}
	if (size > PTRDIFF_MAX)
		return out_of_memory();
	c = class_at(p);
	if (!c) {
		s = large_lookup(p);
		if (realloc_large(s, size))
			return (void *)s->start;
		return realloc_move(p, debug_size(s), size);
	}
	if (size <= classes[c].size && size >= classes[c].size / 2 && !debug.on)
		return p;
	return realloc_move(p, classes[c].size, size);
}

EXPORT void *API(reallocarray)(void *p, size_t n, size_t each)
{
	size_t size;

	if (__builtin_mul_overflow(n, each, &size))
		return out_of_memory();
	return API(realloc)(p, size);
}

/* --- Alignment ------------------------------------------------------------------------------ */

/* @align is a power of two. A class whose size is a multiple of it has aligned blocks. */
static void *aligned(size_t align, size_t size)
{
	size_t padded;
	void *p;

	if (align <= ALIGNMENT)
		return API(malloc)(size);
	if (__builtin_add_overflow(size ? size : 1, align - 1, &padded) || padded > PTRDIFF_MAX)
		return out_of_memory();
	padded &= -align;
	if (align <= PAGE_SIZE && padded <= SMALL_MAX && !debug.on)
		return API(malloc)(padded);
	p = large_alloc(size, align, NULL);
	return p ? p : out_of_memory();
}

EXPORT void *API(memalign)(size_t align, size_t size)
{
	size_t power = ALIGNMENT;

	if (align > SIZE_MAX / 2 + 1) {
		errno = EINVAL;
		return NULL;
	}
	while (power < align)
		power <<= 1;
	return aligned(power, size);
}

/* As the C standard has it, and glibc since 2.38: memalign() rounds a bad alignment up instead. */
EXPORT void *API(aligned_alloc)(size_t align, size_t size)
{
	if (!align || align & (align - 1)) {
		errno = EINVAL;
		return NULL;
	}
	return aligned(align, size);
}

EXPORT int API(posix_memalign)(void **p, size_t align, size_t size)
{
	void *q;

	if (!align || align & (align - 1) || align % sizeof(void *))
		return EINVAL;
	q = aligned(align, size);
	if (!q)
		return ENOMEM;
	*p = q;
	return 0;
}

EXPORT void *API(valloc)(size_t size)
{
	return aligned(PAGE_SIZE, size);
}

EXPORT void *API(pvalloc)(size_t size)
{
	if (size > PTRDIFF_MAX)
		return out_of_memory();
	return aligned(PAGE_SIZE, page_round_up(size));
}

EXPORT size_t API(malloc_usable_size)(void *p)
{
	return p ? usable(p) : 0;
}

EXPORT void API(cfree)(void *p)
{
	API(free)(p);
}

/* C23's, which a newer C library would serve itself. */
EXPORT void API(free_sized)(void *p, size_t size)
{
	(void)size;
	API(free)(p);
}

EXPORT void API(free_aligned_sized)(void *p, size_t align, size_t size)
{
	(void)align;
	(void)size;
	API(free)(p);
}

/* --- Tuning --------------------------------------------------------------------------------- */

EXPORT int API(malloc_trim)(size_t pad)
{
	cache_flush();
	central_drain();
	return heap_trim(pad);
}

/* The answers are glibc's: 0 for a value out of range, 1 for all else, known or not. */
EXPORT int API(mallopt)(int what, int value)
{
	size_t v = value;

	core_init();
	switch (what) {
	case TM_TRIM_THRESHOLD:
		heap.trim_threshold = v;
		heap.fixed_thresholds = true;
		return 1;
	case TM_TOP_PAD:
		heap.top_pad = value < 0 ? 0 : v;
		heap.fixed_thresholds = heap.fixed_pad = true;
		return 1;
	case TM_MMAP_THRESHOLD:
		heap.mmap_threshold = v;
		heap.fixed_thresholds = true;
		return 1;
	case TM_MMAP_MAX:
		heap.mmap_max = v;
		heap.fixed_thresholds = true;
		return 1;
	case TM_PERTURB:
		debug_perturb(value);
		return 1;
	case TM_MXFAST:
		return v <= TM_MXFAST_MAX;
	default:
		return 1;
	}
}
