/* Object caches: their slabs, their creation, and what can be asked of them. The layers and the
 * shape of a slab are drawn in slab_impl.h. */
#include "kernel/core/bootinfo.h"
#include "kernel/lib/kassert.h"
#include "kernel/lib/string.h"
#include "mm/slab_impl.h"

#define CACHE_LINE 64u

/* Objects of at least this size start on a cache line when no alignment is asked for. */
#define LINE_ALIGNED_SIZE 512u

#define SIZE_MAX_OBJECT (128u * 1024)

/* A slab may waste an eighth of itself if a larger one, up to this order, wastes less. */
#define ORDER_FOR_WASTE 3u

/* Bytes in full magazines that a depot keeps at most, and magazines whatever their size. */
#define DEPOT_BYTES	65536u
#define DEPOT_MAGAZINES 16u

LIST_HEAD(slab_caches);
struct spinlock slab_list_lock = SPINLOCK_INIT("slab caches");

static struct slab_cache cache_cache;
static struct slab_cache magazine_cache[3];

/* Few objects of a large size, so that little memory lies idle in magazines. Each magazine is a
 * power of two in size on a 32-bit machine. */
static const struct magazine_type magazine_types[] = {
	{.name = "magazine-29", .objsize = 256, .capacity = 29, .cache = &magazine_cache[0]},
	{.name = "magazine-13", .objsize = 1024, .capacity = 13, .cache = &magazine_cache[1]},
	{.name = "magazine-5", .objsize = 4096, .capacity = 5, .cache = &magazine_cache[2]},
};

static char debug_glob[64]; /* caches that `slab_debug` on the command line means; "": none */

/* --- Slabs --- */

/* Puts the slab, whose use count was `before`, on the list that it belongs to now. */
static void relist(struct slab_cache *c, struct page *s, u32 before)
{
	u32 now = slab_inuse(s);

	if (before == 0)
		c->nr_empty_slabs--;
	if (now == 0) {
		c->nr_empty_slabs++;
		list_move(&s->link, &c->empty);
	} else if (now == c->per_slab) {
		list_move(&s->link, &c->full);
	} else if (before == 0 || before == c->per_slab) {
		list_move(&s->link, &c->partial);
	}
}

static void set_all_free(struct slab_cache *c, struct page *s)
{
	u32 *bits = slab_free_bits(c, s);

	for (u32 left = c->per_slab; left; bits++) {
		u32 n = MIN(left, 32u);

		*bits = n == 32 ? ~0u : (1u << n) - 1;
		left -= n;
	}
}

static u32 pick_colour(struct slab_cache *c)
{
	u32 colour;

	spin_lock(&c->lock);
	colour = c->next_colour;
	c->next_colour = colour + 1 < c->colours ? colour + 1 : 0;
	spin_unlock(&c->lock);
	return colour;
}

/* A new slab of constructed objects, on no list yet. */
static struct page *slab_new(struct slab_cache *c)
{
	struct page *s = page_alloc_order(c->order, GFP_KERNEL, PK_SLAB);

	if (!s)
		return NULL;
	for (u32 i = 0; i < 1u << c->order; i++)
		s[i].mapping = c;
	s->index = pick_colour(c) << 16;
	set_all_free(c, s);
	for (u32 i = 0; i < c->per_slab; i++) {
		u8 *obj = slab_object(c, s, i);

		if (c->flags & SLAB_DEBUG)
			slab_debug_fresh(c, obj);
		if (c->ctor)
			c->ctor(obj);
	}
	return s;
}

/* A slab with a free object, NULL when there is none. Caller holds c->lock. */
static struct page *slab_with_room(struct slab_cache *c)
{
	if (!list_empty(&c->partial))
		return list_first_entry(&c->partial, struct page, link);
	if (!list_empty(&c->empty))
		return list_first_entry(&c->empty, struct page, link);
	return NULL;
}

static void *take_object(struct slab_cache *c, struct page *s)
{
	u32 *bits = slab_free_bits(c, s), word = 0, i;

	while (!bits[word])
		word++;
	i = word * 32 + (u32)__builtin_ctz(bits[word]);
	bits[word] &= bits[word] - 1;
	s->index++;
	c->taken++;
	relist(c, s, slab_inuse(s) - 1);
	return slab_object(c, s, i);
}

void *slab_take(struct slab_cache *c)
{
	struct page *s;
	void *obj;

	spin_lock(&c->lock);
	s = slab_with_room(c);
	if (!s) {
		spin_unlock(&c->lock);
		s = slab_new(c);
		if (!s)
			return NULL;
		spin_lock(&c->lock);
		c->nr_slabs++;
		c->nr_empty_slabs++;
		list_add(&s->link, &c->empty);
	}
	obj = take_object(c, s);
	spin_unlock(&c->lock);
	return obj;
}

/* Caller holds c->lock. */
static void release_slab(struct slab_cache *c, struct page *s)
{
	list_del(&s->link);
	c->nr_slabs--;
	c->nr_empty_slabs--;
	page_free_order(s, c->order);
}

bool slab_locate(const struct slab_cache *c, const void *obj, struct page **s, u32 *i)
{
	const struct page *p = addr_page(obj);
	u32 offset;

	if (!p || p->kind != PK_SLAB || p->mapping != c)
		return false;
	*s = slab_of(c, obj);
	offset = (u32)((const u8 *)obj - slab_object(c, *s, 0));
	*i = offset / c->size;
	return offset % c->size == 0 && *i < c->per_slab;
}

void slab_put(struct slab_cache *c, void *obj, uintptr_t caller)
{
	struct page *s;
	u32 i;

	if (unlikely(!slab_locate(c, obj, &s, &i)))
		panic("slab %s: %p is not an object of it; freed by %pS", c->name, obj,
			(void *)caller);
	if (c->flags & SLAB_DEBUG)
		slab_debug_free(c, obj, caller);
	if (unlikely(slab_is_free(c, s, i)))
		panic("slab %s: object %p was freed twice, now by %pS", c->name, obj,
			(void *)caller);
	spin_lock(&c->lock);
	slab_free_bits(c, s)[i / 32] |= 1u << (i % 32);
	s->index--;
	c->taken--;
	relist(c, s, slab_inuse(s) + 1);
	if (c->nr_empty_slabs > SLAB_RESERVE && slab_inuse(s) == 0)
		release_slab(c, s);
	spin_unlock(&c->lock);
}

static void release_empty_slabs(struct slab_cache *c)
{
	spin_lock(&c->lock);
	while (!list_empty(&c->empty))
		release_slab(c, list_first_entry(&c->empty, struct page, link));
	spin_unlock(&c->lock);
}

/* --- Creation --- */

/* Objects that a slab of this order holds, with their free bits where `private` is too small. */
static u32 objects_in(u32 size, u32 order)
{
	u32 bytes = PAGE_SIZE << order, n = bytes / size;

	while (n > 32 && n * size + (n + 31) / 32 * sizeof(u32) > bytes)
		n--;
	return n;
}

/* The smallest slab that wastes at most an eighth, or else the one that wastes least. */
static u32 choose_order(u32 size)
{
	u32 order = 0, best, least = ~0u, last;

	while (PAGE_SIZE << order < size)
		order++;
	best = order;
	for (last = MAX(order + 1, ORDER_FOR_WASTE); order <= last; order++) {
		u32 bytes = PAGE_SIZE << order;
		u32 waste = bytes - objects_in(size, order) * size;

		if (waste <= bytes / 8)
			return order;
		/* In parts of 1024, so that orders compare. */
		if ((waste >> order) < least) {
			least = waste >> order;
			best = order;
		}
	}
	return best;
}

static void choose_layout(struct slab_cache *c, u32 align)
{
	u32 bytes, used;

	c->pad = 0;
	c->size = ALIGN_UP(c->objsize, align);
	if (c->flags & SLAB_DEBUG)
		slab_debug_layout(c, align);
	c->order = choose_order(c->size);
	c->per_slab = objects_in(c->size, c->order);
	bytes = PAGE_SIZE << c->order;
	used = c->per_slab * c->size;
	if (c->per_slab > 32)
		used += (c->per_slab + 31) / 32 * (u32)sizeof(u32);
	c->colour_step = MAX(align, CACHE_LINE);
	c->colours = (bytes - used) / c->colour_step + 1;
}

static void choose_magazines(struct slab_cache *c)
{
	u32 rounds;

	c->magazines = NULL;
	if (c->flags & (SLAB_DEBUG | SLAB_OF_MAGAZINES))
		return;
	for (u32 i = 0; i < ARRAY_SIZE(magazine_types) && !c->magazines; i++) {
		if (c->objsize <= magazine_types[i].objsize)
			c->magazines = &magazine_types[i];
	}
	if (!c->magazines)
		return;
	rounds = DEPOT_BYTES / c->size;
	c->depot_max = MIN(MAX(rounds / c->magazines->capacity, 1u), DEPOT_MAGAZINES);
}

static void cache_init(struct slab_cache *c, const char *name, u32 size, u32 align, u32 flags)
{
	memset(c, 0, sizeof(*c));
	strlcpy(c->name, name, sizeof(c->name));
	spin_init(&c->lock, c->name);
	list_init(&c->partial);
	list_init(&c->full);
	list_init(&c->empty);
	for (u32 cpu = 0; cpu < NR_CPUS; cpu++)
		c->cpu[cpu].loaded = c->cpu[cpu].previous = &no_magazine;
	if (debug_glob[0] && glob_match(debug_glob, name))
		flags |= SLAB_DEBUG;
	c->flags = flags;
	c->objsize = size;
	choose_layout(c, align);
	choose_magazines(c);
	spin_lock(&slab_list_lock);
	list_add_tail(&c->link, &slab_caches);
	spin_unlock(&slab_list_lock);
}

static void read_command_line(void)
{
	if (cmdline_get("slab_debug", debug_glob, sizeof(debug_glob)) == 0)
		strlcpy(debug_glob, "*", sizeof(debug_glob));
}

void slab_init(void)
{
	if (cache_cache.size)
		return;
	read_command_line();
	for (u32 i = 0; i < ARRAY_SIZE(magazine_types); i++) {
		const struct magazine_type *t = &magazine_types[i];

		cache_init(t->cache, t->name,
			(u32)(sizeof(struct magazine) + t->capacity * sizeof(void *)),
			sizeof(void *), SLAB_OF_MAGAZINES);
	}
	cache_init(&cache_cache, "slab_cache", sizeof(struct slab_cache), CACHE_LINE, 0);
	page_alloc_shrink = slab_shrink_all;
}

struct slab_cache *slab_create(
	const char *name, size_t size, size_t align, u32 flags, void (*ctor)(void *obj))
{
	struct slab_cache *c;

	kassert_msg(size && size <= SIZE_MAX_OBJECT && !(align & (align - 1)) && align <= PAGE_SIZE,
		"cache %s: size %zu, align %zu", name, size, align);
	slab_init();
	if (!align)
		align = size >= LINE_ALIGNED_SIZE ? CACHE_LINE : 8;
	c = slab_alloc(&cache_cache);
	if (!c)
		return NULL;
	cache_init(c, name, (u32)size, (u32)align, flags);
	c->ctor = ctor;
	return c;
}

void slab_destroy(struct slab_cache *c)
{
	slab_shrink(c);
	if (c->taken)
		panic("slab %s destroyed with %u objects in use", c->name, c->taken);
	spin_lock(&slab_list_lock);
	list_del(&c->link);
	spin_unlock(&slab_list_lock);
	slab_free(&cache_cache, c);
}

u32 slab_shrink(struct slab_cache *c)
{
	u32 before = c->nr_slabs;

	if (c->magazines)
		slab_flush_magazines(c);
	release_empty_slabs(c);
	return (before - c->nr_slabs) << c->order;
}

u32 slab_shrink_all(void)
{
	struct slab_cache *c;
	u32 pages = 0;

	/* From the newest back: the caches of magazines, which get the empty ones, were first. */
	spin_lock(&slab_list_lock);
	for (struct list_head *l = slab_caches.prev; l != &slab_caches; l = l->prev) {
		c = list_entry(l, struct slab_cache, link);
		pages += slab_shrink(c);
	}
	spin_unlock(&slab_list_lock);
	return pages;
}

/* --- Questions --- */

struct slab_cache *slab_find(const void *addr, void **obj)
{
	struct page *p = addr_page(addr), *s;
	struct slab_cache *c;
	const u8 *first;

	if (!p || p->kind != PK_SLAB)
		return NULL;
	c = p->mapping;
	s = slab_of(c, addr);
	first = slab_object(c, s, 0) - c->pad;
	*obj = NULL;
	if ((const u8 *)addr >= first && (const u8 *)addr < first + c->per_slab * c->size)
		*obj = slab_object(c, s, (u32)((const u8 *)addr - first) / c->size);
	return c;
}

const char *slab_name(const struct slab_cache *c)
{
	return c->name;
}

u32 slab_objsize(const struct slab_cache *c)
{
	return c->objsize;
}

bool slab_stat(u32 n, struct slab_stat *out)
{
	struct slab_cache *c;

	spin_lock(&slab_list_lock);
	list_for_each_entry (c, &slab_caches, link) {
		if (n--)
			continue;
		*out = (struct slab_stat){
			.name = c->name,
			.objsize = c->objsize,
			.size = c->size,
			.active_objs = c->taken - slab_cached(c),
			.num_objs = c->nr_slabs * c->per_slab,
			.objs_per_slab = c->per_slab,
			.pages_per_slab = 1u << c->order,
			.active_slabs = c->nr_slabs - c->nr_empty_slabs,
			.num_slabs = c->nr_slabs,
		};
		spin_unlock(&slab_list_lock);
		return true;
	}
	spin_unlock(&slab_list_lock);
	return false;
}

u32 slab_pages(void)
{
	struct slab_cache *c;
	u32 pages = 0;

	spin_lock(&slab_list_lock);
	list_for_each_entry (c, &slab_caches, link)
		pages += c->nr_slabs << c->order;
	spin_unlock(&slab_list_lock);
	return pages;
}

static u32 active(struct slab_cache *c)
{
	return c->taken - slab_cached(c);
}

u32 slab_active_objects(void)
{
	struct slab_cache *c;
	u32 n = 0;

	spin_lock(&slab_list_lock);
	list_for_each_entry (c, &slab_caches, link) {
		if (!(c->flags & SLAB_OF_MAGAZINES))
			n += active(c);
	}
	spin_unlock(&slab_list_lock);
	return n;
}

void slab_mark(void)
{
	struct slab_cache *c;

	spin_lock(&slab_list_lock);
	list_for_each_entry (c, &slab_caches, link)
		c->marked = active(c);
	spin_unlock(&slab_list_lock);
}

void slab_since_mark(void (*tell)(const char *cache, u32 before, u32 now))
{
	struct slab_cache *c;

	spin_lock(&slab_list_lock);
	list_for_each_entry (c, &slab_caches, link) {
		if (!(c->flags & SLAB_OF_MAGAZINES) && active(c) != c->marked)
			tell(c->name, c->marked, active(c));
	}
	spin_unlock(&slab_list_lock);
}

/* --- The checker --- */

/* What the walks over a cache's three lists add up to. */
struct slab_census {
	u32 slabs, empty, taken;
};

static u32 check_objects(
	struct slab_cache *c, struct page *s, void (*complain)(const char *fmt, ...), u32 *in_use)
{
	u32 faults = 0;

	*in_use = 0;
	for (u32 i = 0; i < c->per_slab; i++) {
		bool is_free = slab_is_free(c, s, i);

		*in_use += !is_free;
		if (c->flags & SLAB_DEBUG)
			faults += slab_debug_check(c, slab_object(c, s, i), is_free, complain);
	}
	return faults;
}

static u32 check_slab(struct slab_cache *c, struct page *s, const struct list_head *list,
	void (*complain)(const char *fmt, ...), struct slab_census *sum)
{
	u32 in_use, faults = check_objects(c, s, complain, &in_use);
	const struct list_head *right = in_use == 0		? &c->empty
					: in_use == c->per_slab ? &c->full
								: &c->partial;

	if (in_use != slab_inuse(s) || list != right || slab_colour(s) >= c->colours) {
		complain("slab %s: slab at frame %#x: %u in use by its bits, %u by its count, "
			 "colour %u of %u, %s list",
			c->name, page_pfn(s).v, in_use, slab_inuse(s), slab_colour(s), c->colours,
			list == right ? "right" : "wrong");
		faults++;
	}
	sum->slabs++;
	sum->empty += in_use == 0;
	sum->taken += in_use;
	return faults;
}

static u32 check_list(struct slab_cache *c, struct list_head *list,
	void (*complain)(const char *fmt, ...), struct slab_census *sum)
{
	u32 faults = 0;

	for (struct list_head *l = list->next; l != list; l = l->next) {
		struct page *s = list_entry(l, struct page, link);

		if (s < mem_map || s >= mem_map + nr_pfns || s->kind != PK_SLAB ||
			s->mapping != c || s->order != c->order || sum->slabs > c->nr_slabs) {
			complain("slab %s: a list of slabs is broken", c->name);
			return faults + 1;
		}
		faults += check_slab(c, s, list, complain, sum);
	}
	return faults;
}

static u32 check_cache(struct slab_cache *c, void (*complain)(const char *fmt, ...))
{
	struct slab_census sum = {0};
	u32 faults = check_list(c, &c->partial, complain, &sum);

	faults += check_list(c, &c->full, complain, &sum);
	faults += check_list(c, &c->empty, complain, &sum);
	if (sum.slabs != c->nr_slabs || sum.empty != c->nr_empty_slabs || sum.taken != c->taken) {
		complain("slab %s: %u slabs, %u empty, %u objects taken; counted %u, %u, %u",
			c->name, sum.slabs, sum.empty, sum.taken, c->nr_slabs, c->nr_empty_slabs,
			c->taken);
		faults++;
	}
	if (slab_cached(c) > c->taken) {
		complain("slab %s: %u objects in magazines, %u taken from slabs", c->name,
			slab_cached(c), c->taken);
		faults++;
	}
	return faults + slab_check_magazines(c, complain);
}

u32 slab_check(void (*complain)(const char *fmt, ...))
{
	struct slab_cache *c;
	u32 faults = 0;

	spin_lock(&slab_list_lock);
	list_for_each_entry (c, &slab_caches, link) {
		spin_lock(&c->lock);
		faults += check_cache(c, complain);
		spin_unlock(&c->lock);
	}
	spin_unlock(&slab_list_lock);
	return faults;
}
