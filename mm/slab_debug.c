/* Debug mode of the slab allocator: red zones, poison, and the tag with the last owner. */
#include "mm/slab_impl.h"
#include "kernel/lib/kassert.h"
#include "kernel/lib/string.h"

#define RED_ZONE    0xbb /* around every object, always */
#define POISON_NEW  0x5a /* in an object that was just allocated and has no constructor */
#define POISON_FREE 0x6b /* in a free object that has no constructor */

#define TAG_FREE 0x65657266u /* "free" */
#define TAG_USED 0x64657375u /* "used" */

#define RED_ZONE_MIN 8u

void slab_debug_layout(struct slab_cache *c, u32 align)
{
	u32 tag = ALIGN_UP(c->objsize + RED_ZONE_MIN, sizeof(uintptr_t));

	c->pad = MAX(align, RED_ZONE_MIN);
	c->size = ALIGN_UP(c->pad + tag + (u32)sizeof(struct slab_tag), align);
}

static u8 *slot_of(const struct slab_cache *c, const u8 *obj)
{
	return (u8 *)obj - c->pad;
}

static struct slab_tag *tag_of(const struct slab_cache *c, const u8 *obj)
{
	return (struct slab_tag *)(void *)(slot_of(c, obj) + c->size) - 1;
}

static void set_tag(const struct slab_cache *c, u8 *obj, u32 state, uintptr_t owner)
{
	*tag_of(c, obj) = (struct slab_tag){.state = state, .owner = owner};
}

void slab_debug_fresh(const struct slab_cache *c, u8 *obj)
{
	memset(slot_of(c, obj), RED_ZONE, c->size);
	memset(obj, POISON_FREE, c->objsize);
	set_tag(c, obj, TAG_FREE, 0);
}

/* What is wrong with an object, and where. */
struct fault {
	const char *what; /* NULL: nothing */
	const u8 *byte;	  /* first that is not as it should be, or NULL */
};

static struct fault bytes_are(const u8 *from, const u8 *to, u8 value, const char *what)
{
	for (; from < to; from++) {
		if (*from != value)
			return (struct fault){what, from};
	}
	return (struct fault){NULL, NULL};
}

static struct fault red_zones(const struct slab_cache *c, const u8 *obj)
{
	struct fault f = bytes_are(slot_of(c, obj), obj, RED_ZONE, "was written before its start");

	if (f.what)
		return f;
	return bytes_are(
		obj + c->objsize, (const u8 *)tag_of(c, obj), RED_ZONE, "was written past its end");
}

static struct fault inspect(const struct slab_cache *c, const u8 *obj, u32 state)
{
	struct fault f = red_zones(c, obj);
	u32 is = tag_of(c, obj)->state;

	if (f.what)
		return f;
	if (is != state) {
		f.what = is == TAG_FREE	  ? "was freed twice"
			 : is == TAG_USED ? "is in use but on a free list"
					  : "has lost its tag";
		return f;
	}
	if (state == TAG_FREE && !c->ctor)
		f = bytes_are(obj, obj + c->objsize, POISON_FREE, "was written after it was freed");
	return f;
}

/* Where and what the damaged byte is; zeroes when the fault is not in a byte. */
static int fault_offset(const struct fault *f, const u8 *obj)
{
	return f->byte ? (int)(f->byte - obj) : 0;
}

static void must_be(const struct slab_cache *c, const u8 *obj, u32 state, uintptr_t caller)
{
	struct fault f = inspect(c, obj, state);

	if (likely(!f.what))
		return;
	panic("slab %s: object %p %s (offset %d, byte %#x, size %u); last owner %pS, now %pS",
		c->name, obj, f.what, fault_offset(&f, obj), f.byte ? *f.byte : 0, c->objsize,
		(void *)tag_of(c, obj)->owner, (void *)caller);
}

void slab_debug_alloc(const struct slab_cache *c, u8 *obj, uintptr_t caller)
{
	must_be(c, obj, TAG_FREE, caller);
	set_tag(c, obj, TAG_USED, caller);
	if (!c->ctor)
		memset(obj, POISON_NEW, c->objsize);
}

void slab_debug_free(const struct slab_cache *c, u8 *obj, uintptr_t caller)
{
	must_be(c, obj, TAG_USED, caller);
	set_tag(c, obj, TAG_FREE, caller);
	if (!c->ctor)
		memset(obj, POISON_FREE, c->objsize);
}

u32 slab_debug_check(const struct slab_cache *c, const u8 *obj, bool is_free,
	void (*complain)(const char *, ...))
{
	struct fault f = inspect(c, obj, is_free ? TAG_FREE : TAG_USED);

	if (!f.what)
		return 0;
	complain("slab %s: object %p %s (offset %d, byte %#x); last owner %pS", c->name, obj,
		f.what, fault_offset(&f, obj), f.byte ? *f.byte : 0, (void *)tag_of(c, obj)->owner);
	return 1;
}
