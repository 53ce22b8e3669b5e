/*
 * VMAs in a balanced tree augmented with a bound on the holes of each subtree (pure).
 *
 *              [c]                the hole of a node is the free room right below it;
 *             /   \               gap >= its hole, left.gap and right.gap
 *          [a]     [d]
 *
 * A search for room descends only into subtrees whose gap is large enough. The gaps are bounds, not
 * exact, because in a program that maps and unmaps the largest hole changes all the time: a hole
 * that grows raises the gaps above it that are smaller, one that shrinks changes none. What is too
 * high for that is lowered by the next search that goes there in vain, so a search visits
 * O(log n) nodes beside those that earlier changes owe it. The guard gap below a growing stack
 * is no part of the tree: like Linux, a search that ends in one goes on beyond it.
 */
#include "mm/vma.h"
#include "kernel/lib/kassert.h"

static u32 gap_of(struct ravl_node *n)
{
	return n ? n->bound : 0;
}

static u32 hole_size(const struct vma *v)
{
	return v->start - vma_hole(v);
}

/* The largest hole below v and, by their bounds, the subtrees under it. */
static u32 largest_gap(const struct vma *v)
{
	return MAX(hole_size(v), MAX(gap_of(v->node.left), gap_of(v->node.right)));
}

void vma_set_init(struct vma_set *s)
{
	*s = (struct vma_set){.last = NULL};
}

struct vma *vma_search(struct vma_set *s, vaddr_t addr)
{
	struct ravl_node *n = s->root.node;
	struct vma *found = NULL;
	while (n) {
		struct vma *v = node_vma(n);
		if (addr < v->end) {
			found = v;
			if (addr >= v->start)
				break;
			n = n->left;
		} else {
			n = n->right;
		}
	}
	if (found)
		s->last = found;
	return found;
}

/* Makes the bounds true of the hole below v. */
static u32 raise_bounds(struct vma *v)
{
	u32 hole = hole_size(v);
	for (struct ravl_node *n = &v->node; n && n->bound < hole; n = n->parent)
		n->bound = hole;
	return hole;
}

/* The hole below v (NULL: above all) has grown. */
static void hole_grown(struct vma_set *s, struct vma *v)
{
	if (!v)
		s->packed.to = 0;
	else if (raise_bounds(v) >= s->packed.len && v->start > s->packed.from)
		s->packed.from = v->start;
}

void vma_insert_after(struct vma_set *s, struct vma *below, struct vma *v)
{
	ravl_insert_after(&s->root, below ? &below->node : NULL, &v->node);
	kassert_dbg(vma_hole(v) <= v->start);
	kassert_dbg(!vma_next(v) || v->end <= vma_next(v)->start);
	raise_bounds(v);
	s->last = v;
	s->count++;
}

static void unlink(struct vma_set *s, struct vma *v, struct vma *heir)
{
	ravl_erase(&s->root, &v->node);
	if (s->last == v)
		s->last = heir;
	s->count--;
}

void vma_remove(struct vma_set *s, struct vma *v)
{
	struct vma *above = vma_next(v);
	unlink(s, v, above);
	hole_grown(s, above);
}

void vma_cut(struct vma_set *s, struct vma *v, struct vma *upper)
{
	upper->end = v->end;
	v->end = upper->start;
	vma_insert_after(s, v, upper);
}

void vma_join(struct vma_set *s, struct vma *v, struct vma *upper)
{
	kassert_dbg(v->end == upper->start && vma_next(v) == upper);
	unlink(s, upper, v);
	v->end = upper->end;
}

void vma_resize(struct vma_set *s, struct vma *v, vaddr_t start, vaddr_t end)
{
	bool start_rises = start > v->start, end_falls = end < v->end;
	if (start < v->start || end > v->end)
		s->last = v; /* what is new will be touched next */
	v->start = start;
	v->end = end;
	if (start_rises)
		hole_grown(s, v);
	if (end_falls)
		hole_grown(s, vma_next(v));
}

static vaddr_t fit_top(const struct vma_room *r, vaddr_t start, vaddr_t end)
{
	start = MAX(start, r->low);
	end = MIN(end, r->high);
	if (end < start || end - start < r->len)
		return 0;
	vaddr_t at = ALIGN_DOWN(end - r->len, r->align);
	return at >= start ? at : 0;
}

static vaddr_t fit_bottom(const struct vma_room *r, vaddr_t start, vaddr_t end)
{
	start = MAX(start, r->low);
	end = MIN(end, r->high);
	if (align_up_overflows(start, r->align))
		return 0;
	start = ALIGN_UP(start, r->align);
	return end >= start && end - start >= r->len ? start : 0;
}

/* The VMA above what was found: a hint for the insertion that follows. */
static vaddr_t found(const struct vma_room *r, struct vma *above, vaddr_t at)
{
	r->set->last = above;
	return at;
}

static vaddr_t search_top(const struct vma_room *r, struct ravl_node *n)
{
	if (gap_of(n) < r->len)
		return 0;
	struct vma *v = node_vma(n);
	vaddr_t at;
	if (v->end < r->high && (at = search_top(r, n->right)))
		return at;
	if ((at = fit_top(r, vma_hole(v), v->start)))
		return found(r, v, at);
	if (v->start > r->low && (at = search_top(r, n->left)))
		return at;
	n->bound = largest_gap(v);
	return 0;
}

static vaddr_t search_bottom(const struct vma_room *r, struct ravl_node *n)
{
	if (gap_of(n) < r->len)
		return 0;
	struct vma *v = node_vma(n);
	vaddr_t at;
	if (v->start > r->low && (at = search_bottom(r, n->left)))
		return at;
	if ((at = fit_bottom(r, vma_hole(v), v->start)))
		return found(r, v, at);
	if (v->end < r->high && (at = search_bottom(r, n->right)))
		return at;
	n->bound = largest_gap(v);
	return 0;
}

/* The room above all VMAs is no hole of the tree. */
static vaddr_t last_end(struct vma_set *s)
{
	struct vma *v = vma_last(s);
	return v ? v->end : 0;
}

/* Nearly always the hole below `high` has room at once. */
static vaddr_t highest_room(const struct vma_room *r)
{
	struct vma *above = vma_find(r->set, r->high - 1);
	vaddr_t at = above ? fit_top(r, vma_hole(above), above->start)
			   : fit_top(r, last_end(r->set), r->high);
	return at ? found(r, above, at) : search_top(r, r->set->root.node);
}

vaddr_t vma_gap_topdown(struct vma_room *r)
{
	struct vma_set *s = r->set;
	vaddr_t at, to = r->high;
	if (r->len >= s->packed.len && to <= s->packed.to)
		r->high = MIN(to, s->packed.from);
	while ((at = highest_room(r)) && s->last && vma_start_gap(s->last) < at + r->len)
		to = r->high = vma_start_gap(s->last);
	if (at && r->align == PAGE_SIZE) {
		s->packed.from = at + r->len;
		s->packed.to = to;
		s->packed.len = r->len;
	}
	return at;
}

vaddr_t vma_gap_bottomup(struct vma_room *r)
{
	struct vma_set *s = r->set;
	vaddr_t at;
	while ((at = search_bottom(r, s->root.node)) && vma_start_gap(s->last) < at + r->len)
		r->low = s->last->end;
	return at ? at : fit_bottom(r, last_end(s), r->high);
}

bool vma_continues(const struct vma *a, const struct vma *b)
{
	return a->object == b->object && a->backing == b->backing &&
	       b->pgoff == vma_pgoff(a, a->end) && !(a->flags & (VM_HUGETLB | VM_DONTMERGE)) &&
	       (!(a->flags & VM_UFFD_MISSING) || a->uffd == b->uffd);
}

/* The hole [start, end) must not belie what the set remembers of the last search. */
static u32 check_packed(
	struct vma_set *s, vaddr_t start, vaddr_t end, void (*complain)(const char *fmt, ...))
{
	end = MIN(end, s->packed.to);
	if (end <= s->packed.from || end < start || end - start < s->packed.len)
		return 0;
	complain("hole %08x-%08x has room for %x bytes beyond %08x", start, end, s->packed.len,
		s->packed.from);
	return 1;
}

/* One node of vma_check: what must hold between it and the one below. */
static u32 check_one(struct vma_set *s, struct vma *v, void (*complain)(const char *fmt, ...))
{
	u32 bad = 0;
	struct vma *below = vma_prev(v);
	if (v->start >= v->end || !IS_ALIGNED(v->start | v->end, PAGE_SIZE)) {
		complain("vma %08x-%08x: bad range", v->start, v->end);
		bad++;
	}
	if (below && below->end > v->start) {
		complain("vma %08x-%08x overlaps %08x-%08x", v->start, v->end, below->start,
			below->end);
		bad++;
	}
	bad += check_packed(s, vma_hole(v), v->start, complain);
	u32 gap = largest_gap(v);
	if (v->node.bound < gap) {
		complain("vma %08x: gap %x, but there is one of %x", v->start, v->node.bound, gap);
		bad++;
	}
	return bad;
}

u32 vma_check(struct vma_set *s, void (*complain)(const char *fmt, ...))
{
	u32 bad = 0, n = 0;
	struct vma *v;
	vma_for_each (v, s) {
		bad += check_one(s, v, complain);
		n++;
	}
	bad += check_packed(s, last_end(s), s->packed.to, complain);
	if (n != s->count || ravl_check(&s->root) != (int)n) {
		complain(
			"vma set: %u in order, count %u, tree %d", n, s->count, ravl_check(&s->root));
		bad++;
	}
	return bad;
}
