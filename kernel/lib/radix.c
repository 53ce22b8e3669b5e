/*
 * Radix tree. A node of height h covers 6h bits of the index; the root is as low as the largest
 * index in the tree allows. An insertion first gets all the nodes it will need and then hangs them
 * in, which cannot fail.
 */
#include "kernel/abi/errno.h"
#include "kernel/lib/radix.h"

#define MAX_HEIGHT ((32 + RADIX_BITS - 1) / RADIX_BITS)

static u32 slot_of(u32 index, u32 height)
{
	return (index >> ((height - 1) * RADIX_BITS)) & (RADIX_SLOTS - 1);
}

/* Whether a tree of this height has a place for the index. */
static bool reaches(u32 height, u32 index)
{
	return height >= MAX_HEIGHT || index >> (height * RADIX_BITS) == 0;
}

void *radix_get(const struct radix *r, u32 index)
{
	const struct radix_node *n = r->root;

	if (!n || !reaches(n->height, index))
		return NULL;
	for (u32 shift = (n->height - 1) * RADIX_BITS; shift; shift -= RADIX_BITS) {
		n = n->slot[index >> shift & (RADIX_SLOTS - 1)];
		if (!n)
			return NULL;
	}
	return n->slot[index & (RADIX_SLOTS - 1)];
}

static u32 height_for(u32 index)
{
	u32 h = 1;

	while (!reaches(h, index))
		h++;
	return h;
}

/* How many nodes an insertion at `index` adds. */
static u32 nodes_missing(const struct radix *r, u32 index)
{
	const struct radix_node *n = r->root;
	u32 missing = 0;

	if (!n)
		return height_for(index);
	if (!reaches(n->height, index)) {
		/* New levels above the root; below the topmost the path is all new. */
		u32 h = height_for(index);
		return h - n->height + h - 1;
	}
	for (u32 h = n->height; h > 1; h--) {
		if (n)
			n = n->slot[slot_of(index, h)];
		if (!n)
			missing++;
	}
	return missing;
}

/* Spare nodes are chained through their first slot. */
static struct radix_node *spare_pop(struct radix_node **spare, u32 height)
{
	struct radix_node *n = *spare;

	*spare = n->slot[0];
	n->slot[0] = NULL;
	n->height = (u8)height;
	return n;
}

static void spare_free(const struct radix *r, struct radix_node *spare)
{
	while (spare) {
		struct radix_node *next = spare->slot[0];

		r->node_free(spare);
		spare = next;
	}
}

static struct radix_node *spare_alloc(const struct radix *r, u32 count, bool *ok)
{
	struct radix_node *spare = NULL;

	*ok = true;
	while (count--) {
		struct radix_node *n = r->node_alloc();

		if (!n) {
			spare_free(r, spare);
			*ok = false;
			return NULL;
		}
		n->slot[0] = spare;
		spare = n;
	}
	return spare;
}

static void put(struct radix_node *n, u32 slot, void *what)
{
	n->slot[slot] = what;
	n->used++;
}

/* Raises the root until it reaches `index`. */
static void grow(struct radix *r, u32 index, struct radix_node **spare)
{
	if (!r->root)
		r->root = spare_pop(spare, height_for(index));
	while (!reaches(r->root->height, index)) {
		struct radix_node *top = spare_pop(spare, r->root->height + 1u);

		put(top, 0, r->root);
		r->root = top;
	}
}

int radix_insert(struct radix *r, u32 index, void *item)
{
	struct radix_node *n, *spare;
	bool ok;

	if (radix_get(r, index))
		return -EEXIST;
	spare = spare_alloc(r, nodes_missing(r, index), &ok);
	if (!ok)
		return -ENOMEM;

	grow(r, index, &spare);
	n = r->root;
	for (u32 h = n->height; h > 1; h--) {
		u32 s = slot_of(index, h);

		if (!n->slot[s])
			put(n, s, spare_pop(&spare, h - 1));
		n = n->slot[s];
	}
	put(n, index & (RADIX_SLOTS - 1), item);
	return 0;
}

void radix_replace(struct radix *r, u32 index, void *item)
{
	struct radix_node *n = r->root;

	for (u32 h = n->height; h > 1; h--)
		n = n->slot[slot_of(index, h)];
	n->slot[index & (RADIX_SLOTS - 1)] = item;
}

/* Lowers the root while it only leads to its first child, and frees it when it is empty. */
static void lower_root(struct radix *r)
{
	struct radix_node *n;

	while ((n = r->root) && n->height > 1 && n->used == 1 && n->slot[0]) {
		r->root = n->slot[0];
		r->node_free(n);
	}
	if (n && n->used == 0) {
		r->root = NULL;
		r->node_free(n);
	}
}

void *radix_delete(struct radix *r, u32 index)
{
	struct radix_node *path[MAX_HEIGHT + 1];
	struct radix_node *n = r->root;
	void *item = radix_get(r, index);
	u32 h;

	if (!item)
		return NULL;
	for (h = n->height; h > 1; h--) {
		path[h] = n;
		n = n->slot[slot_of(index, h)];
	}
	path[1] = n;
	for (h = 1;; h++) {
		n = path[h];
		n->slot[slot_of(index, h)] = NULL;
		if (--n->used || n == r->root)
			break;
		r->node_free(n);
	}
	lower_root(r);
	return item;
}

/*
 * One descent towards *index. Where a slot on the way is empty, moves *index to the start of the
 * next slot of that node and returns NULL; *end says that this passed the end of the tree.
 */
static void *descend(const struct radix_node *n, u32 *index, bool *end)
{
	for (u32 h = n->height;; h--) {
		u32 shift = (h - 1) * RADIX_BITS;
		void *below = n->slot[slot_of(*index, h)];

		if (!below) {
			u64 next = ((u64)(*index >> shift) + 1) << shift;

			*end = next > UINT32_MAX;
			*index = (u32)next;
			return NULL;
		}
		if (h == 1)
			return below;
		n = below;
	}
}

void *radix_next(const struct radix *r, u32 *index)
{
	u32 i = *index;
	bool end = false;

	while (r->root && !end && reaches(r->root->height, i)) {
		void *item = descend(r->root, &i, &end);

		if (item) {
			*index = i;
			return item;
		}
	}
	return NULL;
}
