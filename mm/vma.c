/*
 * VMAs in a red-black tree augmented with a bound on the holes of each subtree (pure).
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

static inline struct vma *rb_vma(struct rb_node *n)
{
	return rb_entry(n, struct vma, rb);
}

static u32 gap_of(struct rb_node *n)
{
	return n ? rb_vma(n)->gap : 0;
}

static u32 hole_size(struct vma_set *s, struct vma *v)
{
	return v->start - vma_hole(s, v);
}

static void update_gap(struct rb_root *root, struct rb_node *n)
{
	struct vma *v = rb_vma(n);
	u32 hole = hole_size(container_of(root, struct vma_set, root), v);
	v->gap = MAX(hole, MAX(gap_of(n->left), gap_of(n->right)));
}

void vma_set_init(struct vma_set *s)
{
	s->root = (struct rb_root){.node = NULL, .update = update_gap};
	list_init(&s->list);
	s->last = NULL;
	s->count = 0;
}

struct vma *vma_search(struct vma_set *s, vaddr_t addr)
{
	struct rb_node *n = s->root.node;
	struct vma *found = NULL;
	while (n) {
		struct vma *v = rb_vma(n);
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

/* The hole below v has grown, or is new. */
static void raise_gaps(struct vma_set *s, struct vma *v)
{
	u32 hole = hole_size(s, v);
	for (struct rb_node *n = &v->rb; n && rb_vma(n)->gap < hole; n = n->parent)
		rb_vma(n)->gap = hole;
}

void vma_insert_after(struct vma_set *s, struct vma *below, struct vma *v)
{
	struct vma *above = below ? vma_next(s, below) : vma_first(s);
	kassert_dbg(!below || below->end <= v->start);
	kassert_dbg(!above || v->end <= above->start);
	list_insert_between(
		&v->link, below ? &below->link : &s->list, above ? &above->link : &s->list);
	rb_link_between(&s->root, below ? &below->rb : NULL, above ? &above->rb : NULL, &v->rb);
	v->gap = 0;
	raise_gaps(s, v);
	rb_balance(&s->root, &v->rb);
	s->last = v;
	s->count++;
}

static void unlink(struct vma_set *s, struct vma *v, struct vma *heir)
{
	rb_erase(&s->root, &v->rb);
	list_del(&v->link);
	if (s->last == v)
		s->last = heir;
	s->count--;
}

void vma_remove(struct vma_set *s, struct vma *v)
{
	struct vma *above = vma_next(s, v);
	unlink(s, v, above);
	if (above)
		raise_gaps(s, above);
}

void vma_cut(struct vma_set *s, struct vma *v, struct vma *upper)
{
	upper->end = v->end;
	v->end = upper->start;
	vma_insert_after(s, v, upper);
}

void vma_join(struct vma_set *s, struct vma *v, struct vma *upper)
{
	kassert_dbg(v->end == upper->start && vma_next(s, v) == upper);
	unlink(s, upper, v);
	v->end = upper->end;
}

void vma_resize(struct vma_set *s, struct vma *v, vaddr_t start, vaddr_t end)
{
	struct vma *above = vma_next(s, v);
	if (start < v->start || end > v->end)
		s->last = v; /* what is new will be touched next */
	v->start = start;
	v->end = end;
	raise_gaps(s, v);
	if (above)
		raise_gaps(s, above);
}

/* What a search wants: room for len inside [low, high). */
struct room {
	struct vma_set *set;
	u32 len, align;
	vaddr_t low, high;
};

static vaddr_t fit_top(const struct room *r, vaddr_t start, vaddr_t end)
{
	start = MAX(start, r->low);
	end = MIN(end, r->high);
	if (end < start || end - start < r->len)
		return 0;
	vaddr_t at = ALIGN_DOWN(end - r->len, r->align);
	return at >= start ? at : 0;
}

static vaddr_t fit_bottom(const struct room *r, vaddr_t start, vaddr_t end)
{
	start = MAX(start, r->low);
	end = MIN(end, r->high);
	if (align_up_overflows(start, r->align))
		return 0;
	start = ALIGN_UP(start, r->align);
	return end >= start && end - start >= r->len ? start : 0;
}

/* The VMA above what was found: a hint for the insertion that follows. */
static vaddr_t found(const struct room *r, struct vma *above, vaddr_t at)
{
	r->set->last = above;
	return at;
}

static vaddr_t search_top(const struct room *r, struct rb_node *n)
{
	if (gap_of(n) < r->len)
		return 0;
	struct vma *v = rb_vma(n);
	vaddr_t at;
	if (v->end < r->high && (at = search_top(r, n->right)))
		return at;
	if ((at = fit_top(r, vma_hole(r->set, v), v->start)))
		return found(r, v, at);
	if (v->start > r->low && (at = search_top(r, n->left)))
		return at;
	update_gap(&r->set->root, n);
	return 0;
}

static vaddr_t search_bottom(const struct room *r, struct rb_node *n)
{
	if (gap_of(n) < r->len)
		return 0;
	struct vma *v = rb_vma(n);
	vaddr_t at;
	if (v->start > r->low && (at = search_bottom(r, n->left)))
		return at;
	if ((at = fit_bottom(r, vma_hole(r->set, v), v->start)))
		return found(r, v, at);
	if (v->end < r->high && (at = search_bottom(r, n->right)))
		return at;
	update_gap(&r->set->root, n);
	return 0;
}

/* The room above all VMAs is no hole of the tree. */
static vaddr_t last_end(struct vma_set *s)
{
	struct vma *v = vma_last(s);
	return v ? v->end : 0;
}

vaddr_t vma_gap_topdown(struct vma_set *s, u32 len, vaddr_t low, vaddr_t high, u32 align)
{
	struct room r = {.set = s, .len = len, .align = align, .low = low, .high = high};
	vaddr_t at = fit_top(&r, last_end(s), high);
	if (at)
		return at;
	while ((at = search_top(&r, s->root.node)) && vma_start_gap(s->last) < at + len)
		r.high = vma_start_gap(s->last);
	return at;
}

vaddr_t vma_gap_bottomup(struct vma_set *s, u32 len, vaddr_t low, vaddr_t high, u32 align)
{
	struct room r = {.set = s, .len = len, .align = align, .low = low, .high = high};
	vaddr_t at;
	while ((at = search_bottom(&r, s->root.node)) && vma_start_gap(s->last) < at + len)
		r.low = s->last->end;
	return at ? at : fit_bottom(&r, last_end(s), high);
}

bool vma_continues(const struct vma *a, const struct vma *b)
{
	return a->object == b->object && a->backing == b->backing &&
	       b->pgoff == vma_pgoff(a, a->end) && !(a->flags & (VM_HUGETLB | VM_DONTMERGE));
}

/* One node of vma_check: what must hold between it and the one below. */
static u32 check_one(struct vma_set *s, struct vma *v, void (*complain)(const char *fmt, ...))
{
	u32 bad = 0;
	struct vma *below = vma_prev(s, v);
	if (v->start >= v->end || !IS_ALIGNED(v->start | v->end, PAGE_SIZE)) {
		complain("vma %08x-%08x: bad range", v->start, v->end);
		bad++;
	}
	if (below && below->end > v->start) {
		complain("vma %08x-%08x overlaps %08x-%08x", v->start, v->end, below->start,
			below->end);
		bad++;
	}
	u32 gap = MAX(hole_size(s, v), MAX(gap_of(v->rb.left), gap_of(v->rb.right)));
	if (v->gap < gap) {
		complain("vma %08x: gap %x, but there is one of %x", v->start, v->gap, gap);
		bad++;
	}
	return bad;
}

u32 vma_check(struct vma_set *s, void (*complain)(const char *fmt, ...))
{
	u32 bad = 0, n = 0;
	struct vma *v;
	struct rb_node *at = rb_first(&s->root);
	vma_for_each (v, s) {
		if (at != &v->rb) {
			complain("vma %08x: tree and list disagree", v->start);
			return bad + 1;
		}
		bad += check_one(s, v, complain);
		at = rb_next(at);
		n++;
	}
	if (at || n != s->count || rb_check(&s->root) != (int)n) {
		complain("vma set: %u in the list, count %u, tree %d", n, s->count,
			rb_check(&s->root));
		bad++;
	}
	return bad;
}
