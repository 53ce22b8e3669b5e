/* Misuse that must end in a panic which says what happened. Only the host can survive one. */
#include "kernel/core/selftest.h"
#include "kernel/lib/string.h"
#include "mm/buddy.h"
#include "mm/kmalloc.h"
#include "mm/page_alloc.h"
#include "mm/slab_impl.h"
#include "tests/host/host.h"

static void expect_panic(void (*fn)(void *arg), void *arg, const char *want)
{
	const char *text = host_panic_of(fn, arg);

	if (!text || !strstr(text, want))
		ktest_fail(__FILE__, __LINE__, "panic \"%s\", expected \"%s\"",
			text ? text : "(none)", want);
}

/* --- Frames --- */

static void free_page(void *p)
{
	page_free(p);
}

static void free_order_1(void *p)
{
	page_free_order(p, 1);
}

KTEST(panics, page_free)
{
	struct page *p = page_alloc(GFP_KERNEL, PK_ANON), *q;

	KREQUIRE(p);
	p->mapcount = 1;
	expect_panic(free_page, p, "still mapped: kind anon");
	p->mapcount = 0;
	p->refcount = 2;
	expect_panic(free_page, p, "still referenced");
	p->refcount = 1;
	expect_panic(free_order_1, p, "of another order");
	page_free(p);
	expect_panic(free_page, p, "freed twice: kind pcp");
	page_alloc_drain();
	expect_panic(free_page, p, "freed twice: kind free");
	expect_panic(free_page, &mem_map[0], "not the allocator's: kind reserved");

	q = page_alloc_order(1, GFP_KERNEL, PK_KERNEL);
	KREQUIRE(q);
	expect_panic(free_page, q, "of another order");
	page_free_order(q, 1);
	expect_panic(free_order_1, q, "freed twice");
}

static void take_frame(void *b)
{
	buddy_alloc(b, 0, PK_KERNEL);
}

KTEST(panics, free_list)
{
	struct page pages[8] = {0};
	struct buddy b;

	buddy_init(&b, pages, ARRAY_SIZE(pages), MAX_ORDER);
	buddy_add(&b, 0, ARRAY_SIZE(pages));
	pages[0].kind = PK_ANON;
	expect_panic(take_frame, &b, "the free list of order 3 begins with kind 9");
}

/* --- Slab --- */

struct object {
	struct slab_cache *cache;
	u8 *obj;
};

static void free_object(void *arg)
{
	struct object *o = arg;

	slab_free(o->cache, o->obj);
}

static void alloc_object(void *arg)
{
	struct object *o = arg;

	o->obj = slab_alloc(o->cache);
}

static void destroy_cache(void *arg)
{
	slab_destroy(arg);
}

KTEST(panics, slab_debug)
{
	struct object o = {.cache = slab_create("victim", 40, 0, SLAB_DEBUG, NULL)};
	struct slab_tag *tag, used;
	u8 *obj;

	KREQUIRE(o.cache);
	obj = o.obj = slab_alloc(o.cache);
	KREQUIRE(obj);
	tag = (struct slab_tag *)(void *)(obj - o.cache->pad + o.cache->size) - 1;
	used = *tag;
	obj[40] = 0;
	expect_panic(free_object, &o, "slab victim: object");
	expect_panic(free_object, &o, "was written past its end (offset 40, byte 0, size 40)");
	obj[40] = 0xbb;
	obj[-3] = 7;
	expect_panic(free_object, &o, "was written before its start (offset -3, byte 0x7");
	obj[-3] = 0xbb;
	expect_panic(destroy_cache, o.cache, "slab victim destroyed with 1 objects in use");
	slab_free(o.cache, obj);
	expect_panic(free_object, &o, "was freed twice");
	obj[11] = 1;
	expect_panic(alloc_object, &o, "was written after it was freed (offset 11, byte 0x1");
	obj[11] = 0x6b;
	*tag = used; /* the allocation that panicked had taken the object already */
	o.obj = obj + 4;
	expect_panic(free_object, &o, "is not an object of it");
	slab_free(o.cache, obj);
	slab_destroy(o.cache);
}

KTEST(panics, slab_without_debug)
{
	struct object o = {.cache = slab_create("plain", 8192, 0, 0, NULL)};
	u8 *obj;

	KREQUIRE(o.cache);
	obj = o.obj = slab_alloc(o.cache);
	KREQUIRE(obj);
	slab_free(o.cache, obj);
	expect_panic(free_object, &o, "was freed twice");
	o.obj = obj + 8;
	expect_panic(free_object, &o, "is not an object of it");
	o.obj = (u8 *)&o;
	expect_panic(free_object, &o, "is not an object of it");
	o.obj = NULL;
	expect_panic(free_object, &o, "slab_free of NULL to plain");
	slab_destroy(o.cache);
}

/* Behind the last object lie the free bits, which an object would fit over. */
KTEST(panics, slab_past_the_last_object)
{
	struct object o = {.cache = slab_create("small", 40, 0, 0, NULL)};
	u8 *obj;

	KREQUIRE(o.cache);
	obj = slab_alloc(o.cache);
	KREQUIRE(obj);
	o.cache->magazines = NULL;
	o.obj = slab_object(o.cache, slab_of(o.cache, obj), o.cache->per_slab);
	expect_panic(free_object, &o, "is not an object of it");
	slab_free(o.cache, obj);
	slab_destroy(o.cache);
}

static void call_kfree(void *p)
{
	kfree(p);
}

KTEST(panics, kfree)
{
	struct page *p = page_alloc(GFP_KERNEL, PK_ANON);
	int local;

	KREQUIRE(p);
	expect_panic(call_kfree, &local, "a frame of kind none");
	expect_panic(call_kfree, page_virt(p), "a frame of kind anon");
	page_free(p);
}
