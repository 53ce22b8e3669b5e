/*
 * kmalloc: a cache for each of the sizes 8, 16, 24, 32 and then 5/4, 6/4 and 8/4 of every power of
 * two up to 128 KiB, so that beyond 32 bytes a block is at most a quarter larger than what was
 * asked for. Larger blocks are pages of the allocator. The frame behind a pointer tells which.
 */
#include "kernel/core/trace.h"
#include "kernel/lib/fmt.h"
#include "kernel/lib/kassert.h"
#include "kernel/lib/string.h"
#include "mm/kmalloc.h"
#include "mm/page_alloc.h"
#include "mm/slab.h"

#define SMALL_STEP    8u /* between the sizes up to 32 */
#define SMALL_CLASSES 4u
#define SMALL_LOG2    5u  /* 32 */
#define LARGE_LOG2    17u /* 128 KiB */
#define NR_CLASSES    (SMALL_CLASSES + 3 * (LARGE_LOG2 - SMALL_LOG2))
#define LARGEST_CLASS (1u << LARGE_LOG2)

/* Requests up to this size find their cache in a table, by 8-byte steps. */
#define TABLE_SIZE 1024u

static struct slab_cache *classes[NR_CLASSES];
static struct slab_cache *by_step[TABLE_SIZE / SMALL_STEP + 1];

/* The class for 1 to LARGEST_CLASS bytes. */
static u32 class_of(size_t size)
{
	u32 last = (u32)size - 1, log2, quarter;

	if (last < SMALL_STEP * SMALL_CLASSES)
		return last / SMALL_STEP;
	log2 = 31 - (u32)__builtin_clz(last);
	quarter = (last >> (log2 - 2)) & 3;
	return SMALL_CLASSES + 3 * (log2 - SMALL_LOG2) + MIN(quarter, 2u);
}

static u32 class_size(u32 class)
{
	u32 power, step;

	if (class < SMALL_CLASSES)
		return (class + 1) * SMALL_STEP;
	power = 1u << (SMALL_LOG2 + (class - SMALL_CLASSES) / 3);
	step = (class - SMALL_CLASSES) % 3;
	return step == 2 ? 2 * power : power + (step + 1) * power / 4;
}

void kmalloc_init(void)
{
	char name[24];

	for (u32 i = 0; i < NR_CLASSES; i++) {
		u32 size = class_size(i);
		bool power_of_two = !(size & (size - 1));

		snprintf(name, sizeof(name), "kmalloc-%u", size);
		classes[i] = slab_create(
			name, size, power_of_two ? MIN(size, PAGE_SIZE) : 8, SLAB_KMALLOC, NULL);
		if (!classes[i])
			panic("no memory for the cache %s", name);
	}
	for (u32 step = 0; step < ARRAY_SIZE(by_step); step++)
		by_step[step] = classes[class_of(MAX(step, 1u) * SMALL_STEP)];
}

static u32 order_for(size_t size)
{
	u32 order = 0;

	while ((size_t)PAGE_SIZE << order < size)
		order++;
	return order;
}

static __noinline void *alloc_large(size_t size, uintptr_t caller)
{
	struct page *p;

	if (size <= LARGEST_CLASS)
		return slab_alloc_for(classes[class_of(size)], caller);
	if (size > (size_t)PAGE_SIZE << MAX_ORDER)
		return NULL;
	p = page_alloc_order(order_for(size), GFP_KERNEL, PK_KERNEL);
	return p ? page_virt(p) : NULL;
}

static inline void *alloc_untraced(size_t size, uintptr_t caller)
{
	if (likely(size <= TABLE_SIZE))
		return slab_alloc_for(by_step[(size + SMALL_STEP - 1) / SMALL_STEP], caller);
	return alloc_large(size, caller);
}

static __noinline void *alloc_traced(size_t size, uintptr_t caller)
{
	void *p = alloc_untraced(size, caller);

	trace_now(kmalloc, (u32)caller, (u32)(uintptr_t)p, (u32)size, p ? (u32)ksize(p) : 0, 0, -1,
		0);
	return p;
}

static inline void *alloc_for(size_t size, uintptr_t caller)
{
	return trace_is_on(TE_kmalloc) ? alloc_traced(size, caller) : alloc_untraced(size, caller);
}

#define CALLER ((uintptr_t)__builtin_return_address(0))

void *kmalloc(size_t size)
{
	return alloc_for(size, CALLER);
}

static void *zalloc_for(size_t size, uintptr_t caller)
{
	void *p = alloc_for(size, caller);

	if (p)
		memset(p, 0, size);
	return p;
}

void *kzalloc(size_t size)
{
	return zalloc_for(size, CALLER);
}

void *kcalloc(size_t n, size_t size)
{
	size_t bytes;

	if (__builtin_mul_overflow(n, size, &bytes))
		return NULL;
	return zalloc_for(bytes, CALLER);
}

/* A block that is no slab's. */
static __noinline void free_pages(const void *p, struct page *page, uintptr_t caller)
{
	if (page && page->kind == PK_KERNEL && page->order && page_virt(page) == p)
		page_free_order(page, page->order);
	else
		panic("kfree of %p by %pS: a frame of kind %s", p, (void *)caller,
			page ? page_kind_name[page->kind] : "none");
}

static inline void free_untraced(const void *p, uintptr_t caller)
{
	struct page *page = addr_page(p);

	if (likely(page && page->kind == PK_SLAB))
		slab_free_for(page->mapping, (void *)p, caller);
	else
		free_pages(p, page, caller);
}

static __noinline void free_traced(const void *p, uintptr_t caller)
{
	trace_now(kfree, (u32)caller, (u32)(uintptr_t)p);
	if (p)
		free_untraced(p, caller);
}

static inline void free_for(const void *p, uintptr_t caller)
{
	if (trace_is_on(TE_kfree))
		free_traced(p, caller);
	else if (p)
		free_untraced(p, caller);
}

void kfree(const void *p)
{
	free_for(p, CALLER);
}

size_t ksize(const void *p)
{
	const struct page *page = addr_page(p);

	kassert_msg(page && (page->kind == PK_SLAB || page->kind == PK_KERNEL), "%p", p);
	return page->kind == PK_SLAB ? slab_objsize(page->mapping) : PAGE_SIZE << page->order;
}

void *krealloc(void *p, size_t size)
{
	size_t old = p ? ksize(p) : 0;
	void *moved;

	/* Stays where it is while at least half of it is used. */
	if (p && size <= old && size >= old / 2)
		return p;
	moved = alloc_for(size, CALLER);
	if (!moved)
		return NULL;
	if (p) {
		memcpy(moved, p, MIN(old, size));
		free_for(p, CALLER);
	}
	return moved;
}

char *kstrdup(const char *s)
{
	size_t n = strlen(s) + 1;
	char *copy = alloc_for(n, CALLER);

	if (copy)
		memcpy(copy, s, n);
	return copy;
}
