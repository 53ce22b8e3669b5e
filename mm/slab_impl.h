/*
 * The inside of the slab allocator, for its own files only.
 *
 *      slab_alloc, slab_free
 *               |
 *      +--------v---------+
 *      | loaded, previous |   magazines of one CPU: stacks of objects    slab_mag.c
 *      +------------------+
 *      | depot            |   full and empty magazines    (lock)
 *      +------------------+
 *      | slabs            |   2^order pages cut into objects   (lock)    slab.c
 *      +------------------+
 *      | page_alloc_order |
 *      +------------------+
 *
 * An object in a magazine counts as taken from its slab. The lock of a cache may be taken while
 * slab_list_lock is held; the zone locks come after it. No lock is held where memory is allocated,
 * because that may end in slab_shrink_all().
 *
 * What a slab knows is kept in the struct page of its first frame: no memory of the slab is lost
 * for objects of 128 bytes and more. Smaller ones need more free bits than `private` has; these are
 * then at the end of the slab. `mapping` of every frame names the cache, and blocks are aligned to
 * their size, so an address leads to its cache and slab at once.
 *
 *      page.link      in cache->partial, full or empty
 *      page.index     objects in use (low half), colour (high half)
 *      page.private   one bit for each free object, when there are at most 32
 *
 *      | colour | obj 0 | obj 1 | ... | obj n-1 | unused | free bits, when n > 32 |
 *
 * With SLAB_DEBUG each object has company, and magazines are not used:
 *
 *      | red zone (c->pad) | object (c->objsize) | red zone (>= 8) | struct slab_tag |
 *      <-------------------------------- c->size ------------------------------------>
 */
#ifndef MM_SLAB_IMPL_H
#define MM_SLAB_IMPL_H

#include "kernel/core/cpu.h"
#include "kernel/core/lock.h"
#include "kernel/lib/list.h"
#include "mm/page_alloc.h"
#include "mm/slab.h"

/* Flag of the caches that magazines come from: they have none themselves and are not counted. */
#define SLAB_OF_MAGAZINES 0x80000000u

/* Empty slabs that a cache keeps. */
#define SLAB_RESERVE 1u

struct magazine {
	struct magazine *next;   /* in the depot */
	u32 rounds, capacity;
	void *round[];           /* [0, rounds): constructed objects */
};

/* Stands where there is none, so that the fast path tests no pointer: no rounds, no capacity. */
extern struct magazine no_magazine;

struct magazine_type {
	const char *name;         /* of the cache */
	u32 objsize;              /* for objects up to this size */
	u32 capacity;
	struct slab_cache *cache;
};

/* letters: c: its CPU only; l: `lock`; i: set at creation; L: slab_list_lock */
struct slab_cache {
	struct slab_cpu {
		struct magazine *loaded, *previous; /* c */
	} cpu[NR_CPUS];
	u32 flags;                              /* i */
	const struct magazine_type *magazines;  /* i: NULL: objects go straight to the slabs */
	u32 depot_max;                          /* i: full magazines that the depot keeps */

	struct spinlock lock;
	struct magazine *depot_full, *depot_empty; /* l */
	u32 nr_full, nr_empty;                     /* l: magazines in the depot */
	struct list_head partial, full, empty;     /* l: slabs */
	u32 nr_slabs, nr_empty_slabs;              /* l: all; those on `empty` */
	u32 taken;                                 /* l: objects out of their slabs */
	u32 next_colour;                           /* l */
	u32 marked;                                /* L: objects in use at slab_mark() */

	u32 objsize;              /* i: what was asked for */
	u32 size;                 /* i: from one object to the next */
	u32 pad;                  /* i: from the start of that to the object */
	u32 order;                /* i: pages of a slab, as a power of two */
	u32 per_slab;             /* i: objects */
	u32 colour_step;          /* i: bytes */
	u32 colours;              /* i: how many different ones fit */
	void (*ctor)(void *obj);  /* i */
	struct list_head link;    /* L: slab_caches */
	char name[24];            /* i */
};

extern struct list_head slab_caches;
extern struct spinlock slab_list_lock;

static inline struct slab_cpu *slab_this_cpu(struct slab_cache *c)
{
	return &c->cpu[NR_CPUS > 1 ? this_cpu()->id : 0];
}

/* --- Slabs --- */

static inline u32 slab_inuse(const struct page *s)
{
	return s->index & 0xffff;
}

static inline u32 slab_colour(const struct page *s)
{
	return s->index >> 16;
}

/* The slab that holds an address inside one of the cache's frames. */
static inline struct page *slab_of(const struct slab_cache *c, const void *addr)
{
	return pfn_page(PFN(ALIGN_DOWN(page_pfn(virt_page(addr)).v, 1u << c->order)));
}

static inline u8 *slab_object(const struct slab_cache *c, const struct page *s, u32 i)
{
	return (u8 *)page_virt(s) + slab_colour(s) * c->colour_step + i * c->size + c->pad;
}

/* The words of free bits. */
static inline u32 *slab_free_bits(const struct slab_cache *c, struct page *s)
{
	u32 words = (c->per_slab + 31) / 32;

	if (words == 1)
		return &s->private;
	return (u32 *)((u8 *)page_virt(s) + (PAGE_SIZE << c->order)) - words;
}

static inline bool slab_is_free(const struct slab_cache *c, struct page *s, u32 i)
{
	return slab_free_bits(c, s)[i / 32] >> (i % 32) & 1;
}

/* The slab and the number of an object, or false when there is no object of the cache there. */
bool slab_locate(const struct slab_cache *c, const void *obj, struct page **s, u32 *i);

/* One object from the slabs, NULL when memory is out / back to them. */
void *slab_take(struct slab_cache *c);
void slab_put(struct slab_cache *c, void *obj, uintptr_t caller);

/* --- Magazines --- */

/* Gives every object in a magazine back to the slabs, and the magazines back too. */
void slab_flush_magazines(struct slab_cache *c);

/* Objects in magazines. */
u32 slab_cached(struct slab_cache *c);

/* Complains of objects in magazines that cannot be there. Returns how many. */
u32 slab_check_magazines(struct slab_cache *c, void (*complain)(const char *fmt, ...));

/* --- Debug mode --- */

struct slab_tag {
	u32 state;       /* TAG_FREE or TAG_USED */
	uintptr_t owner; /* code address that allocated or freed it last */
};

/* Sets size and pad so that red zones and tag have room. */
void slab_debug_layout(struct slab_cache *c, u32 align);

/* A new slab's object: red zones, poison, tag. Before the constructor runs. */
void slab_debug_fresh(const struct slab_cache *c, u8 *obj);

/* Check the object, panicking with cache, object and callers, and turn it over. */
void slab_debug_alloc(const struct slab_cache *c, u8 *obj, uintptr_t caller);
void slab_debug_free(const struct slab_cache *c, u8 *obj, uintptr_t caller);

/* Complains if the object is damaged or not in the state that its slab says. */
u32 slab_debug_check(
	const struct slab_cache *c, const u8 *obj, bool is_free, void (*complain)(const char *, ...));

#endif
