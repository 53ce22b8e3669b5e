/*
 * Areas of kernel address space: a set of disjoint ranges in a balanced tree, placed first fit.
 * Pure: no lock, no allocation; callers hand in the nodes.
 *
 * Nearly all areas are kernel stacks of one size, so first fit finds its place at once when it
 * knows up to where nothing is free: `packed` is the last area of the unbroken row that starts at
 * `low`.
 */
#ifndef MM_VAREA_H
#define MM_VAREA_H

#include "kernel/lib/ravl.h"
#include "kernel/lib/types.h"

struct varea {
	struct ravl_node node;
	vaddr_t start, end; /* half-open, page aligned, never empty */
};

struct varea_set {
	struct ravl_root root;
	vaddr_t low, high;    /* areas lie in [low, high) */
	struct varea *packed; /* no gap between `low` and its end; NULL: there is one at `low` */
	u32 count;
};

void varea_init(struct varea_set *s, vaddr_t low, vaddr_t high);

/* Gives `a` the lowest free range of `len` bytes (page aligned, not 0) and puts it into the set.
 * Returns false when there is no room. */
bool varea_place(struct varea_set *s, struct varea *a, u32 len) __must_check;
void varea_remove(struct varea_set *s, struct varea *a);

/* The first area that ends beyond `addr`: it holds addr or is the next one above. NULL if none. */
struct varea *varea_find(const struct varea_set *s, vaddr_t addr);

/* The area behind `a`, or the first for NULL. NULL past the last. */
struct varea *varea_next(const struct varea_set *s, const struct varea *a);

/* Order, bounds, count and `packed`. Returns the number of complaints. */
u32 varea_check(const struct varea_set *s, void (*complain)(const char *fmt, ...));

#endif
