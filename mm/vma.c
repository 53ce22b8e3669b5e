/*
 * VMAs in a red-black tree augmented with the largest hole of each subtree (pure).
 *
 *              [c]                each node:  hole = bytes free right below it
 *             /   \                           gap  = max(hole, left.gap, right.gap)
 *          [a]     [d]
 *
 * A search for room descends only into subtrees whose gap is large enough, so it ends after
 * O(log n) nodes. The guard gap below a growing stack is no part of the tree: like Linux, a search
 * that ends in one goes on beyond it.
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

static bool update_gap(struct rb_node *n)
{
	struct vma *v = rb_vma(n);
	u32 old = v->gap;
	v->gap = MAX(v->hole, MAX(gap_of(n->left), gap_of(n->right)));
	return v->gap != old;
}

void vma_set_init(struct vma_set *s)
{
	s->root = (struct rb_root){.node = NULL, .update = update_gap};
	list_init(&s->list);
	s->last = NULL;
	s->count = 0;
}

struct vma *vma_find(struct vma_set *s, vaddr_t addr)
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

struct vma *vma_find_prev(struct vma_set *s, vaddr_t addr, struct vma **below)
{
	struct vma *v = vma_find(s, addr);
	struct list_head *at = v ? v->link.prev : s->list.prev;
	*below = at == &s->list ? NULL : list_entry(at, struct vma, link);
	return v;
}

/* The hole below v as its neighbours stand now. */
static u32 hole_below(struct vma_set *s, struct vma *v)
{
	struct vma *below = vma_prev(s, v);
	return v->start - (below ? below->end : 0);
}

static void refresh_hole(struct vma_set *s, struct vma *v)
{
	if (!v)
		return;
	u32 hole = hole_below(s, v);
	if (hole == v->hole)
		return;
	v->hole = hole;
	rb_update_path(&s->root, &v->rb);
}

void vma_insert_after(struct vma_set *s, struct vma *below, struct vma *v)
{
	list_add(&v->link, below ? &below->link : &s->list);
	struct vma *above = vma_next(s, v);
	kassert_dbg(!below || below->end <= v->start);
	kassert_dbg(!above || v->end <= above->start);
	v->hole = hole_below(s, v);
	rb_insert_between(&s->root, below ? &below->rb : NULL, above ? &above->rb : NULL, &v->rb);
	refresh_hole(s, above);
	s->count++;
}

void vma_insert(struct vma_set *s, struct vma *v)
{
	struct vma *below;
	vma_find_prev(s, v->start, &below);
	vma_insert_after(s, below, v);
}

void vma_remove(struct vma_set *s, struct vma *v)
{
	struct vma *above = vma_next(s, v);
	rb_erase(&s->root, &v->rb);
	list_del(&v->link);
	refresh_hole(s, above);
	if (s->last == v)
		s->last = NULL;
	s->count--;
}

void vma_resize(struct vma_set *s, struct vma *v, vaddr_t start, vaddr_t end)
{
	v->start = start;
	v->end = end;
	refresh_hole(s, v);
	refresh_hole(s, vma_next(s, v));
}

/* What a search wants: room for len inside [low, high). */
struct room {
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

static vaddr_t search_top(const struct room *r, struct rb_node *n)
{
	if (!n || gap_of(n) < r->len)
		return 0;
	struct vma *v = rb_vma(n);
	vaddr_t at;
	if (v->end < r->high && (at = search_top(r, n->right)))
		return at;
	if (v->hole && (at = fit_top(r, v->start - v->hole, v->start)))
		return at;
	return v->start > r->low ? search_top(r, n->left) : 0;
}

static vaddr_t search_bottom(const struct room *r, struct rb_node *n)
{
	if (!n || gap_of(n) < r->len)
		return 0;
	struct vma *v = rb_vma(n);
	vaddr_t at;
	if (v->start > r->low && (at = search_bottom(r, n->left)))
		return at;
	if (v->hole && (at = fit_bottom(r, v->start - v->hole, v->start)))
		return at;
	return v->end < r->high ? search_bottom(r, n->right) : 0;
}

static vaddr_t last_end(struct vma_set *s)
{
	return list_empty(&s->list) ? 0 : list_last_entry(&s->list, struct vma, link)->end;
}

vaddr_t vma_gap_topdown(struct vma_set *s, u32 len, vaddr_t low, vaddr_t high, u32 align)
{
	struct room r = {.len = len, .align = align, .low = low, .high = high};
	struct vma *above;
	for (;;) {
		vaddr_t at = fit_top(&r, last_end(s), r.high);
		if (!at)
			at = search_top(&r, s->root.node);
		above = at ? vma_find(s, at) : NULL;
		if (!above || vma_start_gap(above) >= at + len)
			return at;
		r.high = vma_start_gap(above);
	}
}

vaddr_t vma_gap_bottomup(struct vma_set *s, u32 len, vaddr_t low, vaddr_t high, u32 align)
{
	struct room r = {.len = len, .align = align, .low = low, .high = high};
	struct vma *above;
	for (;;) {
		vaddr_t at = search_bottom(&r, s->root.node);
		if (!at)
			at = fit_bottom(&r, last_end(s), r.high);
		above = at ? vma_find(s, at) : NULL;
		if (!above || vma_start_gap(above) >= at + len)
			return at;
		r.low = above->end;
	}
}

bool vma_can_merge(const struct vma *a, const struct vma *b)
{
	return a->end == b->start && a->flags == b->flags && a->backing == b->backing &&
	       a->object == b->object && b->pgoff == vma_pgoff(a, a->end) &&
	       !(a->flags & (VM_HUGETLB | VM_DONTMERGE));
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
	if (v->hole != hole_below(s, v)) {
		complain("vma %08x: hole %x, is %x", v->start, v->hole, hole_below(s, v));
		bad++;
	}
	u32 gap = MAX(v->hole, MAX(gap_of(v->rb.left), gap_of(v->rb.right)));
	if (v->gap != gap) {
		complain("vma %08x: gap %x, is %x", v->start, v->gap, gap);
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
