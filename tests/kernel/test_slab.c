/* Object caches. Also runs on the host, over made-up memory. */
#include "kernel/core/selftest.h"
#include "kernel/lib/fmt.h"
#include "kernel/lib/string.h"
#include "mm/page_alloc.h"
#include "mm/slab.h"

static void complain(const char *fmt, ...)
{
	ktest_fail(__FILE__, __LINE__, "slab_check: %s", fmt);
}

static char last_complaint[160];
static u32 complaints;

static void note_complaint(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(last_complaint, sizeof(last_complaint), fmt, ap);
	va_end(ap);
	complaints++;
}

static struct slab_stat stat_of(const char *name)
{
	struct slab_stat s;

	for (u32 i = 0; slab_stat(i, &s); i++) {
		if (!strcmp(s.name, name))
			return s;
	}
	return (struct slab_stat){.name = NULL};
}

KTEST(slab, alloc_and_free)
{
	struct slab_cache *c = slab_create("test", 100, 0, 0, NULL);
	u8 *a, *b;

	KREQUIRE(c);
	a = slab_alloc(c);
	b = slab_zalloc(c);
	KREQUIRE(a && b && a != b);
	KEXPECT(IS_ALIGNED((uintptr_t)a, 8));
	for (u32 i = 0; i < 100; i++)
		KEXPECT_EQ(b[i], 0);
	memset(a, 0xff, 100);
	KEXPECT_EQ(b[0], 0);
	KEXPECT_EQ(stat_of("test").active_objs, 2);
	slab_free(c, a);
	KEXPECT_EQ(stat_of("test").active_objs, 1);
	KEXPECT(slab_alloc(c) == a); /* last in, first out */
	slab_free(c, a);
	slab_free(c, b);
	KEXPECT_EQ(stat_of("test").active_objs, 0);
	slab_destroy(c);
	KEXPECT(!stat_of("test").name);
}

static u32 constructed;

static void construct(void *obj)
{
	u32 *words = obj;

	words[0] = 0xc0ffee;
	words[30] = 0;
	constructed++;
}

/* An object is constructed when its slab is made, and keeps that state through free and alloc. */
KTEST(slab, constructor_runs_once)
{
	struct slab_cache *c;
	u32 *obj[64], after;

	constructed = 0;
	c = slab_create("test", 124, 0, 0, construct);
	KREQUIRE(c);
	for (u32 round = 0; round < 3; round++) {
		for (u32 i = 0; i < 64; i++) {
			obj[i] = slab_alloc(c);
			KREQUIRE(obj[i]);
			KEXPECT_EQ(obj[i][0], 0xc0ffee);
			KEXPECT_EQ(obj[i][30], 0);
			obj[i][30] = i + 1;
		}
		after = constructed;
		for (u32 i = 0; i < 64; i++) {
			obj[i][30] = 0;
			slab_free(c, obj[i]);
		}
	}
	KEXPECT_EQ(constructed, after);
	KEXPECT_EQ(stat_of("test").num_objs % stat_of("test").objs_per_slab, 0);
	slab_destroy(c);
}

/* Equal objects of different slabs start on different cache lines. */
KTEST(slab, colouring)
{
	struct slab_cache *c = slab_create("test", 1200, 0, 0, NULL);
	u32 per_slab = stat_of("test").objs_per_slab, first[3];
	u32 bytes = stat_of("test").pages_per_slab * PAGE_SIZE;
	void *obj[64];

	KREQUIRE(c && 3 * per_slab <= 64);
	for (u32 i = 0; i < 3 * per_slab; i++) {
		obj[i] = slab_alloc(c);
		KREQUIRE(obj[i]);
		if (i % per_slab == 0)
			first[i / per_slab] = (u32)(uintptr_t)obj[i] % bytes;
	}
	KEXPECT(first[0] != first[1] && first[1] != first[2] && first[0] != first[2]);
	for (u32 i = 0; i < 3; i++)
		KEXPECT(IS_ALIGNED(first[i], 64));
	for (u32 i = 0; i < 3 * per_slab; i++)
		slab_free(c, obj[i]);
	slab_destroy(c);
}

KTEST(slab, empty_slabs_are_given_back)
{
	struct slab_cache *c = slab_create("test", 1024, 0, 0, NULL);
	static void *obj[400];
	u32 pages;

	KREQUIRE(c);
	for (u32 i = 0; i < 400; i++) {
		obj[i] = slab_alloc(c);
		KREQUIRE(obj[i]);
	}
	pages = stat_of("test").num_slabs * stat_of("test").pages_per_slab;
	KEXPECT(pages >= 100);
	for (u32 i = 0; i < 400; i++)
		slab_free(c, obj[i]);
	KEXPECT(stat_of("test").num_slabs * stat_of("test").pages_per_slab < pages);
	KEXPECT(slab_shrink(c) > 0);
	KEXPECT_EQ(stat_of("test").num_slabs, 0);
	KEXPECT_EQ(slab_shrink(c), 0);
	slab_destroy(c);
}

/* --- When memory is out --- */

static void eat_all(struct page_chain *pages)
{
	struct page *p;

	while ((p = page_alloc(GFP_KERNEL | GFP_RESERVE, PK_KERNEL)))
		page_chain_add(pages, p);
}

/* What caches hold back is memory, too: an allocation that would fail gets it. */
KTEST(slab, shrinks_under_pressure)
{
	struct slab_cache *c = slab_create("test", 1024, 0, 0, NULL);
	static void *obj[200];
	struct page_chain pages = {NULL};

	KREQUIRE(c);
	for (u32 i = 0; i < 200; i++) {
		obj[i] = slab_alloc(c);
		KREQUIRE(obj[i]);
	}
	for (u32 i = 0; i < 200; i++)
		slab_free(c, obj[i]);
	KEXPECT(stat_of("test").num_slabs > 0);
	eat_all(&pages);
	KEXPECT_EQ(stat_of("test").num_slabs, 0);
	page_free_chain(&pages);
	slab_destroy(c);
}

KTEST(slab, out_of_memory)
{
	struct slab_cache *c = slab_create("test", 200, 0, 0, NULL);
	struct page_chain pages = {NULL};
	struct page *p;
	void *obj;

	KREQUIRE(c);
	eat_all(&pages);
	KEXPECT(!slab_alloc(c));
	p = page_chain_take(&pages);
	page_free(p);
	obj = slab_alloc(c); /* though below every watermark: the page is on the CPU's list */
	KEXPECT(obj);
	if (obj)
		slab_free(c, obj); /* no memory for a magazine */
	KEXPECT_EQ(stat_of("test").active_objs, 0);
	KEXPECT_EQ(slab_check(complain), 0);
	page_free_chain(&pages);
	slab_destroy(c);
}

KTEST(slab, find)
{
	struct slab_cache *c = slab_create("test", 96, 0, 0, NULL);
	void *obj, *found;
	u8 local;

	KREQUIRE(c);
	obj = slab_alloc(c);
	KREQUIRE(obj);
	KEXPECT(slab_find(obj, &found) == c && found == obj);
	KEXPECT(slab_find((u8 *)obj + 95, &found) == c && found == obj);
	KEXPECT(!strcmp(slab_name(c), "test"));
	KEXPECT(!slab_find(NULL, &found) && !slab_find((void *)~(uintptr_t)0, &found));
	KEXPECT(!slab_find(mem_map, &found) && !slab_find(&local, &found));
	slab_free(c, obj);
	slab_destroy(c);
}

/* --- Random use of many layouts, objects filled so that an overlap would be seen --- */

#define HELD 200u

static void fill(u8 *obj, u32 size, u32 i)
{
	memset(obj, (int)(i * 37 + 1), size);
}

static bool filled(const u8 *obj, u32 size, u32 i)
{
	u8 value = (u8)(i * 37 + 1);

	for (u32 b = 0; b < size; b += 1 + size / 64) {
		if (obj[b] != value)
			return false;
	}
	return obj[size - 1] == value;
}

static void random_use(u32 size, u32 align, u32 flags)
{
	struct slab_cache *c = slab_create("test", size, align, flags, NULL);
	u32 count = MAX(4u, MIN(HELD, 400000 / size)), active = 0;
	u8 *held[HELD] = {NULL};

	KREQUIRE(c);
	for (u32 n = 0; n < 1200; n++) {
		u32 i = ktest_random() % count;

		if (held[i]) {
			KEXPECT(filled(held[i], size, i));
			slab_free(c, held[i]);
			held[i] = NULL;
			active--;
			continue;
		}
		held[i] = slab_alloc(c);
		KREQUIRE(held[i]);
		KEXPECT(IS_ALIGNED((uintptr_t)held[i], MAX(align, 8u)));
		fill(held[i], size, i);
		active++;
	}
	KEXPECT_EQ(stat_of("test").active_objs, active);
	KEXPECT_EQ(slab_check(complain), 0);
	for (u32 i = 0; i < count; i++) {
		if (held[i])
			slab_free(c, held[i]);
	}
	KEXPECT_EQ(slab_check(complain), 0);
	slab_destroy(c);
}

KTEST(slab, random_small)
{
	static const u32 sizes[] = {1, 8, 24, 32, 40, 100, 127, 128, 129, 264};

	for (u32 i = 0; i < ARRAY_SIZE(sizes); i++)
		random_use(sizes[i], 0, 0);
}

KTEST(slab, random_large)
{
	static const u32 sizes[] = {640, 1024, 2500, 4096, 6144, 20000, 131072};

	for (u32 i = 0; i < ARRAY_SIZE(sizes); i++)
		random_use(sizes[i], 0, 0);
}

KTEST(slab, random_aligned)
{
	for (u32 align = 16; align <= PAGE_SIZE; align *= 4)
		random_use(72, align, 0);
}

KTEST(slab, random_debug)
{
	static const u32 sizes[] = {1, 8, 33, 100, 512, 4096, 20000};

	for (u32 i = 0; i < ARRAY_SIZE(sizes); i++)
		random_use(sizes[i], 0, SLAB_DEBUG);
	random_use(72, 64, SLAB_DEBUG);
}

/* --- Debug mode: what is damaged is seen, and named --- */

static void expect_complaint(const char *what)
{
	complaints = 0;
	slab_check(note_complaint);
	if (complaints != 1 || !strstr(last_complaint, what) ||
		!strstr(last_complaint, "slab test:"))
		ktest_fail(__FILE__, __LINE__, "%u complaints, the last \"%s\", expected \"%s\"",
			complaints, last_complaint, what);
}

KTEST(slab, debug_sees_damage)
{
	struct slab_cache *c = slab_create("test", 50, 0, SLAB_DEBUG, NULL);
	u8 *obj;

	KREQUIRE(c);
	obj = slab_alloc(c);
	KREQUIRE(obj);
	obj[50] ^= 1;
	expect_complaint("past its end (offset 50");
	obj[50] ^= 1;
	obj[-1] ^= 1;
	expect_complaint("before its start (offset -1");
	obj[-1] ^= 1;
	slab_free(c, obj);
	obj[7] ^= 1;
	expect_complaint("after it was freed (offset 7");
	obj[7] ^= 1;
	KEXPECT_EQ(slab_check(complain), 0);
	slab_destroy(c);
}

KTEST(slab, debug_keeps_constructed_state)
{
	struct slab_cache *c = slab_create("test", 124, 0, SLAB_DEBUG, construct);
	u32 *obj;

	KREQUIRE(c);
	for (u32 round = 0; round < 2; round++) {
		obj = slab_alloc(c);
		KREQUIRE(obj);
		KEXPECT_EQ(obj[0], 0xc0ffee);
		slab_free(c, obj);
	}
	slab_destroy(c);
}

/* A magazine must not hold an object twice; the checker sees it while it is still there. */
KTEST(slab, checker_sees_double_free_in_magazine)
{
	struct slab_cache *c = slab_create("test", 64, 0, 0, NULL);
	void *a, *b;

	KREQUIRE(c);
	if (stat_of("test").size != 64) {
		slab_destroy(c);
		ktest_skip("slab_debug is on: no magazines");
		return;
	}
	a = slab_alloc(c);
	b = slab_alloc(c);
	KREQUIRE(a && b);
	slab_free(c, a);
	slab_free(c, a);
	expect_complaint("was freed twice");
	KEXPECT(slab_alloc(c) == a && slab_alloc(c) == a);
	slab_free(c, a);
	slab_free(c, b);
	KEXPECT_EQ(slab_check(complain), 0);
	slab_destroy(c);
}
