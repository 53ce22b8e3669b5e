/* First-fit placement of areas of kernel address space. Pure. */
#include "mm/varea.h"

static struct varea *of(struct ravl_node *n)
{
	return n ? ravl_entry(n, struct varea, node) : NULL;
}

void varea_init(struct varea_set *s, vaddr_t low, vaddr_t high)
{
	*s = (struct varea_set){.low = low, .high = high};
}

struct varea *varea_next(const struct varea_set *s, const struct varea *a)
{
	return of(a ? a->node.next : s->root.first);
}

static vaddr_t end_of(const struct varea_set *s, const struct varea *a)
{
	return a ? a->end : s->low;
}

/* Extends the row without gaps as far as it goes. */
static void advance_packed(struct varea_set *s)
{
	struct varea *next;

	while ((next = varea_next(s, s->packed)) && next->start == end_of(s, s->packed))
		s->packed = next;
}

bool varea_place(struct varea_set *s, struct varea *a, u32 len)
{
	struct varea *before = s->packed, *after;

	for (;; before = after) {
		after = varea_next(s, before);
		if ((after ? after->start : s->high) - end_of(s, before) >= len)
			break;
		if (!after)
			return false;
	}
	a->start = end_of(s, before);
	a->end = a->start + len;
	ravl_insert_after(&s->root, before ? &before->node : NULL, &a->node);
	s->count++;
	advance_packed(s);
	return true;
}

void varea_remove(struct varea_set *s, struct varea *a)
{
	if (s->packed && a->start <= s->packed->start)
		s->packed = of(a->node.prev);
	ravl_erase(&s->root, &a->node);
	s->count--;
}

struct varea *varea_find(const struct varea_set *s, vaddr_t addr)
{
	struct ravl_node *n = s->root.node;
	struct varea *found = NULL;

	while (n) {
		struct varea *a = of(n);

		if (a->end > addr) {
			found = a;
			n = n->left;
		} else {
			n = n->right;
		}
	}
	return found;
}

u32 varea_check(const struct varea_set *s, void (*complain)(const char *fmt, ...))
{
	const struct varea *packed = NULL;
	vaddr_t end = s->low;
	bool unbroken = true;
	u32 faults = 0;

	for (struct varea *a = varea_next(s, NULL); a; a = varea_next(s, a)) {
		if (a->start < end || a->end <= a->start || a->end > s->high) {
			complain("area %#x-%#x: out of order or bounds", a->start, a->end);
			faults++;
		}
		unbroken &= a->start == end;
		if (unbroken)
			packed = a;
		end = a->end;
	}
	if (packed != s->packed) {
		complain("areas are packed up to %#x, not %#x", end_of(s, packed),
			end_of(s, s->packed));
		faults++;
	}
	if (ravl_check(&s->root) != (int)s->count) {
		complain("the tree of areas is broken, or not %u long", s->count);
		faults++;
	}
	return faults;
}
