/*
 * Object caches (J. Bonwick, The Slab Allocator, USENIX 1994; Magazines and Vmem, USENIX 2001).
 *
 * A cache hands out objects of one size, constructed once: an object is freed in the state its
 * constructor left it. Per-CPU magazines in front, a depot of full and empty magazines behind
 * them, slabs of 2^n pages behind that, whose first objects are shifted by a colour so that equal
 * objects of different slabs fall on different cache lines. Slabs that become empty are given
 * back by slab_shrink() and beyond a small reserve at once.
 */
#ifndef MM_SLAB_H
#define MM_SLAB_H

#include "kernel/lib/types.h"

struct slab_cache;

/* Debug checks for one cache; `slab_debug` (or slab_debug=GLOB) on the command line sets it:
 * red zones around, poison in free objects, the last owner, double free named. */
#define SLAB_DEBUG 0x1u
/* kmalloc's: it has trace events of its own. */
#define SLAB_KMALLOC 0x2u

/*
 * `size` bytes, 1 to 128 KiB; `align` a power of two, 0 for the default (8; a cache line for large
 * objects). `ctor` may be NULL; it may not sleep. Returns NULL when memory is out. May be called
 * before the first cache exists: the cache of caches bootstraps itself.
 */
struct slab_cache *slab_create(
	const char *name, size_t size, size_t align, u32 flags, void (*ctor)(void *obj));

/* Every object must have been freed; else it panics with the cache's name and count. */
void slab_destroy(struct slab_cache *c);

void *slab_alloc(struct slab_cache *c) __must_check;
void *slab_zalloc(struct slab_cache *c) __must_check;
void slab_free(struct slab_cache *c, void *obj); /* NULL is refused */

/* The same for allocators on top, naming the code address that is to appear as the owner. */
void *slab_alloc_for(struct slab_cache *c, uintptr_t caller) __must_check;
void slab_free_for(struct slab_cache *c, void *obj, uintptr_t caller);

/* Gives empty slabs and cached magazines back to the page allocator. Returns pages freed. */
u32 slab_shrink(struct slab_cache *c);
u32 slab_shrink_all(void);

/* From now on objects take the long way, by trace points (kernel/core/trace.h) and by what makes
 * allocations fail (mm/fail_nth.h), or no more. */
void slab_watch(bool on);

/* Which cache and object an address lies in, or NULL. For diagnosis; any address. */
struct slab_cache *slab_find(const void *addr, void **obj);
const char *slab_name(const struct slab_cache *c);
u32 slab_objsize(const struct slab_cache *c);

struct slab_stat {
	const char *name;
	u32 objsize, size;               /* asked for, and with alignment and debug fields */
	u32 active_objs, num_objs;       /* active: handed out to users (magazines do not count) */
	u32 objs_per_slab, pages_per_slab;
	u32 active_slabs, num_slabs;
};
/* The n-th cache's numbers; false past the last. */
bool slab_stat(u32 n, struct slab_stat *out);

/* Pages of all caches. */
u32 slab_pages(void);

/* Objects handed out, over all caches but those of the magazines: the selftest guard compares it. */
u32 slab_active_objects(void);
/* Remembers how many each cache has handed out, and tells of the caches with another number since. */
void slab_mark(void);
void slab_since_mark(void (*tell)(const char *cache, u32 before, u32 now));

u32 slab_check(void (*complain)(const char *fmt, ...));
void slab_init(void);

#endif
