/*
 * Blocks with a mapping of their own: made by mmap, moved by mremap and given back at once. The
 * page map knows their first page only.
 */
#include "core.h"

/* As far as glibc's rises on 64 bits. On 32 bits that ends at 512 KiB, because its arenas do. */
#define MMAP_THRESHOLD_MAX ((size_t)32 << 20)

static void mapped_account(size_t bytes, int nr)
{
	heap.mapped_bytes += bytes;
	heap.nr_mapped += nr;
	if (heap.mapped_bytes > heap.peak_mapped)
		heap.peak_mapped = heap.mapped_bytes;
	if (heap.nr_mapped > heap.peak_nr_mapped)
		heap.peak_nr_mapped = heap.nr_mapped;
}

/* @len bytes at a multiple of @align, both whole pages. */
static void *map_aligned(size_t len, size_t align)
{
	size_t slack = align - PAGE_SIZE, head;
	char *p;

	if (len + slack < len)
		return NULL;
	p = os_map(len + slack);
	if (!p || !slack)
		return p;
	head = -(uintptr_t)p & (align - 1);
	if (head)
		os_unmap(p, head);
	if (slack - head)
		os_unmap(p + head + len, slack - head);
	return p + head;
}

struct span *mapped_new(size_t len, size_t align)
{
	void *p = map_aligned(len, align < PAGE_SIZE ? PAGE_SIZE : align);
	struct span *s = NULL;

	if (!p)
		return NULL;
	lock_take(&heap.lock);
	if (pagemap_reserve((uintptr_t)p, PAGE_SIZE))
		s = span_new((uintptr_t)p, len >> PAGE_SHIFT, SPAN_MAPPED);
	if (s) {
		s->zero = s->mapped = 1;
		pagemap_set(s->start, s);
		mapped_account(len, 1);
	}
	lock_drop(&heap.lock);
	if (!s)
		os_unmap(p, len);
	return s;
}

/* A program that frees large blocks probably wants more of them: next time one of this size comes
 * from the heap, as with glibc. */
static void thresholds_adapt(size_t len)
{
	if (heap.fixed_thresholds || len < heap.mmap_threshold || len > MMAP_THRESHOLD_MAX)
		return;
	heap.mmap_threshold = len + PAGE_SIZE;
	if (heap.trim_threshold < 2 * len)
		heap.trim_threshold = 2 * len;
}

void mapped_free(struct span *s)
{
	uintptr_t start = s->start;
	size_t len = s->pages << PAGE_SHIFT;

	lock_take(&heap.lock);
	thresholds_adapt(len);
	pagemap_set(start, NULL);
	mapped_account(-len, -1);
	span_delete(s);
	lock_drop(&heap.lock);
	os_unmap((void *)start, len);
}

bool mapped_resize(struct span *s, size_t len)
{
	size_t old = s->pages << PAGE_SHIFT;
	void *p = NULL;

	lock_take(&heap.lock);
	if (pagemap_prepare())
		p = os_remap((void *)s->start, old, len);
	if (p) {
		pagemap_reserve((uintptr_t)p, PAGE_SIZE);
		pagemap_set(s->start, NULL);
		s->start = (uintptr_t)p;
		s->pages = len >> PAGE_SHIFT;
		pagemap_set(s->start, s);
		mapped_account(len - old, 0);
	}
	lock_drop(&heap.lock);
	return p;
}
