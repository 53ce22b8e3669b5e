/*
 * The glue with refusals, and the check that the allocator has lost nothing.
 */
#include <limits.h>
#include "user/malloc/core.h"
#include "user/malloc/tmalloc.h"
#include "tests/malloc/world.h"

static __thread unsigned to_pass, to_refuse;
static __thread bool crowded;

void refuse(unsigned pass, unsigned count)
{
	to_pass = pass;
	to_refuse = count;
}

unsigned calls_to_pass(void)
{
	return to_pass;
}

static bool refused(void)
{
	if (!to_refuse)
		return false;
	if (to_pass) {
		to_pass--;
		return false;
	}
	if (to_refuse != UINT_MAX)
		to_refuse--;
	return true;
}

void *__real_os_map(size_t len);
void *__wrap_os_map(size_t len);
void *__wrap_os_map(size_t len)
{
	return refused() ? NULL : __real_os_map(len);
}

void *__real_os_remap(void *addr, size_t old_len, size_t new_len);
void *__wrap_os_remap(void *addr, size_t old_len, size_t new_len);
void *__wrap_os_remap(void *addr, size_t old_len, size_t new_len)
{
	return refused() ? NULL : __real_os_remap(addr, old_len, new_len);
}

void *__real_os_brk(intptr_t increment);
void *__wrap_os_brk(intptr_t increment);
void *__wrap_os_brk(intptr_t increment)
{
	return increment > 0 && refused() ? NULL : __real_os_brk(increment);
}

void crowd(bool on)
{
	crowded = on;
}

static uint32_t passed;

void pass_time(unsigned seconds)
{
	passed += seconds;
}

uint32_t __real_os_seconds(void);
uint32_t __wrap_os_seconds(void);
uint32_t __wrap_os_seconds(void)
{
	return __real_os_seconds() + passed;
}

int huge_regions;

void __wrap_os_huge(void *addr, size_t len, bool huge);
void __wrap_os_huge(void *addr, size_t len, bool huge)
{
	(void)addr;
	(void)len;
	huge_regions += huge ? 1 : -1;
}

struct span *__real_heap_alloc_short(size_t least, size_t pages, bool grow);
struct span *__wrap_heap_alloc_short(size_t least, size_t pages, bool grow);
struct span *__wrap_heap_alloc_short(size_t least, size_t pages, bool grow)
{
	return crowded && !grow ? NULL : __real_heap_alloc_short(least, pages, grow);
}

void nothing_left(void)
{
	refuse(0, 0);
	cache_flush();
	central_drain();
	tmalloc_check();
	for (unsigned c = 1; c < NR_CLASSES; c++)
		if (central[c].nr_spans)
			die("a span is left of class", (void *)(uintptr_t)c);
	if (heap.nr_mapped || heap.mapped_bytes)
		die("a mapping is left", &heap);
	if (heap.free_bytes + (heap.end - heap.top) != heap.brk_bytes + heap.extent_bytes)
		die("pages of the heap are lost", &heap);
}
