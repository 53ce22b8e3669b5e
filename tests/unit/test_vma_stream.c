/*
 * Streams of map, unmap, protect, touch and fork on the pure parts of address spaces (VMA set,
 * lineages, merging), against a naive model: an array of what every page is.
 *
 * After each call every page must be what the model says, the set must be sound, and no two
 * neighbours may stand that Linux would have made one. Linux looks at the neighbours of what changed,
 * as they were. A VMA without private pages that goes into one with some may so bring together two
 * that fit and stay two; such VMAs are remembered as late.
 */
#include "kernel/core/selftest.h"
#include "mm/lineage.h"
#include "mm/vma.h"

#define PAGES	 96u
#define NODES	 (2 * PAGES + 4)
#define FIRST	 16u /* page number of the model's page 0 */
#define BACKINGS 3u

/* --- The model --- */

struct model_page {
	bool mapped;
	u32 flags, pgoff;
	const void *object;
};

static struct model_page model[PAGES];

/* --- The space: what mm/space.c does with locks and page tables, without them --- */

static struct vma_set set;
static struct vma node[NODES];
static struct lineage lineage[NODES];
static bool node_used[NODES], node_late[NODES], lineage_used[NODES];
static char backing[BACKINGS]; /* stands for objects by its addresses; the first is anonymous */

/* A VMA that is asked for is none of the nodes. */
static bool node_is_late(const struct vma *v)
{
	return v >= node && v < node + NODES && node_late[v - node];
}

static struct vma *node_new(const struct vma *like)
{
	u32 n = 0;
	while (n < NODES - 1 && node_used[n])
		n++;
	KEXPECT(!node_used[n]);
	node_used[n] = true;
	node[n] = *like;
	node_late[n] = node_is_late(like);
	node[n].own = node[n].newest = NULL;
	return &node[n];
}

static void drop_lineages(struct vma *v)
{
	struct lineage *first = v->newest, *next;
	if (!v->newest)
		return;
	while (first->older)
		first = first->older;
	for (struct lineage *l = lineage_leave(v); l; l = next) {
		next = l->older;
		lineage_used[l - lineage] = false;
	}
	if (!first->refs)
		lineage_used[first - lineage] = false;
}

static void node_free(struct vma *v)
{
	drop_lineages(v);
	node_used[v - node] = false;
}

static struct lineage *lineage_new(void)
{
	u32 n = 0;
	while (n < NODES - 1 && lineage_used[n])
		n++;
	KEXPECT(!lineage_used[n]);
	lineage_used[n] = true;
	return &lineage[n];
}

static struct vma *split(struct vma *v, vaddr_t at)
{
	struct vma *upper = node_new(v);
	upper->pgoff = vma_pgoff(v, at);
	upper->start = at;
	if (v->own)
		lineage_share(upper, v);
	vma_cut(&set, v, upper);
	return upper;
}

static void absorb(struct vma *v, struct vma *upper)
{
	node_late[v - node] |= node_is_late(upper) || !v->own != !upper->own;
	if (!v->own && upper->own)
		lineage_share(v, upper);
	vma_join(&set, v, upper);
	node_free(upper);
}

static void merge(struct vma *v)
{
	struct vma *prev = vma_prev(v), *next = vma_next(v);
	bool above = next && vma_can_merge(v, next) && lineage_fits(v, next);
	if (!prev || !vma_can_merge(prev, v) || !lineage_fits(v, prev)) {
		if (above)
			absorb(v, next);
		return;
	}
	above = above && lineage_joins(prev, next);
	absorb(prev, v);
	if (above)
		absorb(prev, next);
}

/* The VMAs of [start, end) as whole ones. */
static void isolate(vaddr_t start, vaddr_t end)
{
	struct vma *v = vma_overlap(&set, start, end);
	if (v && v->start < start)
		v = split(v, start);
	v = vma_at(&set, end - 1);
	if (v && v->end > end)
		split(v, end);
}

static void unmap(vaddr_t start, vaddr_t end)
{
	struct vma *v;
	isolate(start, end);
	while ((v = vma_overlap(&set, start, end))) {
		vma_remove(&set, v);
		node_free(v);
	}
}

static void map(const struct vma *want)
{
	unmap(want->start, want->end);
	struct vma *v = node_new(want);
	vma_insert(&set, v);
	merge(v);
}

static void protect(vaddr_t start, vaddr_t end, u32 flags)
{
	for (vaddr_t at = start; at < end;) {
		struct vma *v = vma_at(&set, at);
		if (!v) {
			at += PAGE_SIZE;
			continue;
		}
		vaddr_t stop = MIN(v->end, end);
		if (v->flags != flags) {
			isolate(at, stop);
			v = vma_at(&set, at);
			v->flags = flags;
			merge(v);
		}
		at = stop;
	}
}

/* The first private page of a VMA. */
static void touch(vaddr_t at)
{
	struct vma *v = vma_at(&set, at);
	if (v && !v->own)
		lineage_begin(v, lineage_new());
}

/* The process lives on in its child: every VMA is replaced by its copy. */
static void fork_on(void)
{
	struct vma *v, *next;
	for (v = vma_first(&set); v; v = next) {
		struct vma *copy = node_new(v);
		struct vma *below = vma_prev(v);
		next = vma_next(v);
		if (v->own) {
			struct lineage *fresh = lineage_new();
			lineage_used[fresh - lineage] = lineage_fork(copy, v, fresh);
		}
		vma_remove(&set, v);
		vma_insert_after(&set, below, copy);
		node_free(v);
	}
}

/* --- Comparing --- */

static void complain(const char *fmt, ...)
{
	ktest_fail(__FILE__, __LINE__, "vma_check: %s", fmt);
}

static bool same_page(u32 page)
{
	vaddr_t at = (FIRST + page) * PAGE_SIZE;
	const struct model_page *m = &model[page];
	struct vma *v = vma_at(&set, at);
	if (!v || !m->mapped)
		return !v && !m->mapped;
	return v->flags == m->flags && v->object == m->object && vma_pgoff(v, at) == m->pgoff;
}

static bool compare(u32 step)
{
	struct vma *v;
	for (u32 page = 0; page < PAGES; page++)
		if (!same_page(page)) {
			ktest_fail(__FILE__, __LINE__, "step %u: page %u differs", step, page);
			return false;
		}
	vma_for_each (v, &set) {
		struct vma *above = vma_next(v);
		if (above && vma_can_merge(v, above) && v->own == above->own &&
			!node_is_late(v) && !node_is_late(above)) {
			ktest_fail(__FILE__, __LINE__, "step %u: two that are one at %08x", step,
				above->start);
			return false;
		}
	}
	return !vma_check(&set, complain);
}

/* --- The stream --- */

static void do_map(u32 first, u32 n)
{
	u32 which = ktest_random() % BACKINGS, shift = ktest_random() % 2 * 5;
	struct object *object = which ? (struct object *)&backing[which] : NULL;
	struct vma want = {
		.start = (FIRST + first) * PAGE_SIZE,
		.end = (FIRST + first + n) * PAGE_SIZE,
		.flags = ktest_random() % 4,
		.object = object,
		.pgoff = object ? first + shift : FIRST + first,
	};
	map(&want);
	for (u32 i = 0; i < n; i++)
		model[first + i] = (struct model_page){true, want.flags, want.pgoff + i, object};
}

static void do_unmap(u32 first, u32 n)
{
	unmap((FIRST + first) * PAGE_SIZE, (FIRST + first + n) * PAGE_SIZE);
	for (u32 i = 0; i < n; i++)
		model[first + i].mapped = false;
}

static void do_protect(u32 first, u32 n)
{
	u32 flags = ktest_random() % 4;
	protect((FIRST + first) * PAGE_SIZE, (FIRST + first + n) * PAGE_SIZE, flags);
	for (u32 i = 0; i < n; i++)
		model[first + i].flags = flags;
}

KTEST(vma_stream, random_against_pages)
{
	vma_set_init(&set);
	for (u32 i = 0; i < NODES; i++)
		node_used[i] = lineage_used[i] = false;
	for (u32 i = 0; i < PAGES; i++)
		model[i].mapped = false;
	for (u32 step = 0; step < 3000; step++) {
		u32 first = ktest_random() % PAGES, n = 1 + ktest_random() % 12;
		u32 what = ktest_random() % 32;
		n = MIN(n, PAGES - first);
		if (what < 10)
			do_map(first, n);
		else if (what < 15)
			do_unmap(first, n);
		else if (what < 24)
			do_protect(first, n);
		else if (what < 31)
			touch((FIRST + first) * PAGE_SIZE);
		else
			fork_on();
		if (!compare(step))
			break;
	}
	do_unmap(0, PAGES);
	for (u32 i = 0; i < NODES; i++)
		KEXPECT(!node_used[i] && !lineage_used[i]);
}
