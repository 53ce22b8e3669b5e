/* The VMA set against a naive model: a map of pages, searched page by page. */
#include "kernel/core/selftest.h"
#include "mm/vma.h"

#define PAGES 512u /* of the model's address space */
#define SPACE (PAGES * PAGE_SIZE)
#define NODES 128u

static struct vma node[NODES];
static bool in_use[NODES];
static u8 owner[PAGES]; /* node number + 1, 0: free */
static struct vma_set set;

static void reset(void)
{
	vma_set_init(&set);
	for (u32 i = 0; i < NODES; i++)
		in_use[i] = false;
	for (u32 i = 0; i < PAGES; i++)
		owner[i] = 0;
}

static void paint(u32 from, u32 to, u8 with)
{
	for (u32 i = from; i < to; i++)
		owner[i] = with;
}

static void try_insert(u32 n)
{
	u32 first = ktest_random() % PAGES, len = 1 + ktest_random() % 16;
	if (in_use[n] || first + len > PAGES)
		return;
	for (u32 i = first; i < first + len; i++)
		if (owner[i])
			return;
	node[n] = (struct vma){.start = first * PAGE_SIZE, .end = (first + len) * PAGE_SIZE};
	vma_insert(&set, &node[n]);
	in_use[n] = true;
	paint(first, first + len, (u8)(n + 1));
}

static void do_remove(u32 n)
{
	if (!in_use[n])
		return;
	vma_remove(&set, &node[n]);
	in_use[n] = false;
	paint(node[n].start / PAGE_SIZE, node[n].end / PAGE_SIZE, 0);
}

/* Moves the upper border by a page, down or, where free, up. */
static void try_resize(u32 n)
{
	struct vma *v = &node[n];
	if (!in_use[n])
		return;
	u32 end = v->end / PAGE_SIZE;
	if (ktest_random() % 2 && v->end - v->start > PAGE_SIZE) {
		paint(end - 1, end, 0);
		vma_resize(&set, v, v->start, v->end - PAGE_SIZE);
	} else if (end < PAGES && !owner[end]) {
		paint(end, end + 1, (u8)(n + 1));
		vma_resize(&set, v, v->start, v->end + PAGE_SIZE);
	}
}

/* Cuts `n` in two, or joins it with what begins where it ends. */
static void cut_or_join(u32 n, u32 m)
{
	struct vma *v = &node[n], *upper = in_use[n] ? vma_next(v) : NULL;
	if (!in_use[n])
		return;
	if (upper && upper->start == v->end) {
		in_use[upper - node] = false;
		vma_join(&set, v, upper);
		paint(v->start / PAGE_SIZE, v->end / PAGE_SIZE, (u8)(n + 1));
	} else if (!in_use[m] && vma_pages(v) > 1) {
		node[m] = (struct vma){.start = v->start + PAGE_SIZE};
		in_use[m] = true;
		vma_cut(&set, v, &node[m]);
		paint(node[m].start / PAGE_SIZE, node[m].end / PAGE_SIZE, (u8)(m + 1));
	}
}

static bool free_run(u32 at, u32 len)
{
	for (u32 i = at; i < at + len; i++)
		if (owner[i])
			return false;
	return true;
}

static vaddr_t model_topdown(u32 len, u32 low, u32 high, u32 align)
{
	for (u32 at = high - len + 1; at-- > low;)
		if (at % align == 0 && free_run(at, len))
			return at * PAGE_SIZE;
	return 0;
}

static vaddr_t model_bottomup(u32 len, u32 low, u32 high, u32 align)
{
	for (u32 at = low; at + len <= high; at++)
		if (at % align == 0 && free_run(at, len))
			return at * PAGE_SIZE;
	return 0;
}

static void compare_lookup(void)
{
	u32 page = ktest_random() % PAGES;
	struct vma *v = vma_at(&set, page * PAGE_SIZE + ktest_random() % PAGE_SIZE);
	KEXPECT_EQ(v ? v - node + 1 : 0, owner[page]);
	u32 next = page;
	while (next < PAGES && !owner[next])
		next++;
	v = vma_find(&set, page * PAGE_SIZE);
	KEXPECT_EQ(v ? v - node + 1 : 0, next < PAGES ? owner[next] : 0);
}

static vaddr_t topdown(u32 len, vaddr_t low, vaddr_t high, u32 align)
{
	vaddr_t last = align == PAGE_SIZE ? vma_gap_last(&set, len, low, high) : 0;
	vaddr_t at = vma_gap_topdown(&(struct vma_room){&set, len, align, low, high});
	KEXPECT(!last || last == at);
	return at;
}

static vaddr_t bottomup(u32 len, vaddr_t low, vaddr_t high, u32 align)
{
	return vma_gap_bottomup(&(struct vma_room){&set, len, align, low, high});
}

static void compare_gaps(void)
{
	u32 len = 1 + ktest_random() % 24, low = 1 + ktest_random() % (PAGES / 2);
	u32 high = PAGES / 2 + ktest_random() % (PAGES / 2 + 1);
	u32 align = 1u << ktest_random() % 4;
	if (high < low + len)
		return;
	KEXPECT_EQ(topdown(len * PAGE_SIZE, low * PAGE_SIZE, high * PAGE_SIZE, align * PAGE_SIZE),
		model_topdown(len, low, high, align));
	KEXPECT_EQ(bottomup(len * PAGE_SIZE, low * PAGE_SIZE, high * PAGE_SIZE, align * PAGE_SIZE),
		model_bottomup(len, low, high, align));
}

static void complain(const char *fmt, ...)
{
	ktest_fail(__FILE__, __LINE__, "vma_check: %s", fmt);
}

KTEST(vma, random_against_model)
{
	reset();
	for (u32 step = 0; step < 3000; step++) {
		u32 n = ktest_random() % NODES;
		switch (ktest_random() % 5) {
		case 0:
			do_remove(n);
			break;
		case 1:
			try_resize(n);
			break;
		case 2:
			cut_or_join(n, ktest_random() % NODES);
			break;
		default:
			try_insert(n);
		}
		compare_lookup();
		if (step % 2 == 0)
			compare_gaps();
		if (step % 64 == 0 && vma_check(&set, complain))
			return;
	}
}

/* A hole that is filled leaves bounds too high; the search that goes there in vain mends them. */
KTEST(vma, failed_search_lowers_gaps)
{
	reset();
	for (u32 i = 0; i < 32; i++) {
		node[i] =
			(struct vma){.start = 16 * i * PAGE_SIZE, .end = (16 * i + 8) * PAGE_SIZE};
		vma_insert(&set, &node[i]);
	}
	for (u32 i = 0; i < 31; i++)
		vma_resize(&set, &node[i], node[i].start, node[i].end + 7 * PAGE_SIZE);
	struct vma *root = ravl_entry(set.root.node, struct vma, node);
	KEXPECT_EQ(root->node.bound, 8 * PAGE_SIZE);
	KEXPECT_EQ(topdown(2 * PAGE_SIZE, 0, node[31].start, PAGE_SIZE), 0u);
	KEXPECT_EQ(root->node.bound, PAGE_SIZE);
	KEXPECT_EQ(topdown(PAGE_SIZE, 0, SPACE, PAGE_SIZE), SPACE - PAGE_SIZE);
	KEXPECT_EQ(vma_check(&set, complain), 0u);
}

KTEST(vma, guard_gap_of_a_stack)
{
	struct vma stack = {.start = 0x40000000, .end = 0x40010000, .flags = VM_GROWSDOWN};
	struct vma low = {.start = 0x1000, .end = 0x2000};
	vma_set_init(&set);
	vma_insert(&set, &stack);
	vma_insert(&set, &low);
	vaddr_t at = topdown(PAGE_SIZE, 0x1000, stack.start, PAGE_SIZE);
	KEXPECT_EQ(at, stack.start - STACK_GUARD_GAP - PAGE_SIZE);
	/* What lies in the guard gap makes no room there. */
	struct vma inside = {.start = stack.start - 0x80000, .end = stack.start - 0x7f000};
	vma_insert(&set, &inside);
	at = topdown(PAGE_SIZE, 0x1000, stack.start, PAGE_SIZE);
	KEXPECT_EQ(at, stack.start - STACK_GUARD_GAP - PAGE_SIZE);
	at = bottomup(PAGE_SIZE, inside.end, 0xC0000000, PAGE_SIZE);
	KEXPECT_EQ(at, stack.end);
}

KTEST(vma, gap_at_the_edges)
{
	struct vma v = {.start = 0x10000, .end = 0x20000};
	vma_set_init(&set);
	KEXPECT_EQ(topdown(0x1000, 0x10000, 0xC0000000, PAGE_SIZE), 0xBFFFF000u);
	KEXPECT_EQ(bottomup(0x1000, 0x10000, 0xC0000000, PAGE_SIZE), 0x10000u);
	vma_insert(&set, &v);
	KEXPECT_EQ(bottomup(0x1000, 0x10000, 0xC0000000, PAGE_SIZE), 0x20000u);
	KEXPECT_EQ(topdown(0x1000, 0x10000, 0x20000, PAGE_SIZE), 0u);
	KEXPECT_EQ(topdown(0xC0000000, 0x10000, 0xC0000000, PAGE_SIZE), 0u);
}

/* The set knows up to where the last search met no room; room that comes above counts again. */
KTEST(vma, room_above_the_last_place)
{
	struct vma low = {.start = 0x10000, .end = 0x20000};
	struct vma high = {.start = 0x20000, .end = 0x30000};
	vma_set_init(&set);
	vma_insert(&set, &low);
	vma_insert(&set, &high);
	KEXPECT_EQ(topdown(0x2000, 0x1000, 0x30000, PAGE_SIZE), 0xe000u);
	vma_resize(&set, &low, 0x10000, 0x1e000);
	KEXPECT_EQ(topdown(0x2000, 0x1000, 0x30000, PAGE_SIZE), 0x1e000u);
	vma_resize(&set, &high, 0x20000, 0x2e000);
	KEXPECT_EQ(topdown(0x2000, 0x1000, 0x30000, PAGE_SIZE), 0x2e000u);
	KEXPECT_EQ(topdown(0x4000, 0x1000, 0x30000, PAGE_SIZE), 0xc000u);
	vma_remove(&set, &high);
	KEXPECT_EQ(topdown(0x4000, 0x1000, 0x30000, PAGE_SIZE), 0x2c000u);
	KEXPECT_EQ(vma_check(&set, complain), 0u);
}

KTEST(vma, merge_needs_everything_alike)
{
	struct vma a = {.start = 0x10000, .end = 0x20000, .flags = VM_READ, .pgoff = 0x10};
	struct vma b = {.start = 0x20000, .end = 0x30000, .flags = VM_READ, .pgoff = 0x20};
	KEXPECT(vma_can_merge(&a, &b));
	b.pgoff++;
	KEXPECT(!vma_can_merge(&a, &b));
	b.pgoff--;
	b.flags |= VM_WRITE;
	KEXPECT(!vma_can_merge(&a, &b));
	b.flags = a.flags;
	b.start += PAGE_SIZE;
	KEXPECT(!vma_can_merge(&a, &b));
}
