/*
 * The pool of huge pages: how many there are, who was promised one, and the way from and to the
 * buddy allocator.
 *
 *      total = free + in use        reserved <= free        surplus <= total
 *
 * A free page has no reference. While there is surplus, every page that is put back goes to the
 * buddy instead of the free list, unless a mount's share keeps it. A page knows its share by the
 * `mapping` of its second frame.
 */
#include "kernel/core/bootinfo.h"
#include "kernel/core/lock.h"
#include "kernel/core/log.h"
#include "kernel/lib/number.h"
#include "mm/commit.h"
#include "mm/hugetlb.h"
#include "mm/kmalloc.h"
#include "mm/page_alloc.h"

u32 hugetlb_max_surplus;

/* All under `lock`. */
static struct {
	struct spinlock lock;
	struct list_head free_list; /* struct page.link of heads */
	struct hugetlb_stat n;
} pool = {
	.lock = SPINLOCK_INIT("hugetlb"),
	.free_list = LIST_HEAD_INIT(pool.free_list),
};

void hugetlb_stat(struct hugetlb_stat *out)
{
	spin_lock(&pool.lock);
	*out = pool.n;
	spin_unlock(&pool.lock);
}

/* --- From and to the buddy. All of this with the lock held. --- */

static void count(s32 pages)
{
	pool.n.total += (u32)pages;
	commit_set_aside(pages * (s32)HUGE_PAGES);
}

/* A page more, in nobody's hands. */
static struct page *fresh(void)
{
	struct page *p = page_alloc_order(HUGE_ORDER, GFP_USER, PK_HUGE);

	if (!p) {
		pool.n.alloc_fail++;
		return NULL;
	}
	pool.n.alloc_success++;
	p->refcount = 0;
	count(1);
	return p;
}

static struct page *fresh_surplus(void)
{
	struct page *p = pool.n.surplus < hugetlb_max_surplus ? fresh() : NULL;

	if (p)
		pool.n.surplus++;
	return p;
}

static void retire(struct page *p)
{
	count(-1);
	p->refcount = 1;
	page_free_order(p, HUGE_ORDER);
}

static void enlist(struct page *p)
{
	list_add(&p->link, &pool.free_list);
	pool.n.free++;
}

static struct page *delist(void)
{
	struct page *p = list_first_entry(&pool.free_list, struct page, link);

	list_del(&p->link);
	pool.n.free--;
	return p;
}

static u32 unpromised(void)
{
	return pool.n.free - pool.n.reserved;
}

/* --- Shares. All of this with the lock held. --- */

static bool fits(const struct hugetlb_share *s, u32 pages)
{
	return !s || pages <= s->max - s->used;
}

/* How many of `pages` the pool has promised to the share already. */
static u32 kept_for(const struct hugetlb_share *s, u32 pages)
{
	return s ? MIN(pages, s->kept) : 0;
}

static void charge(struct hugetlb_share *s, u32 pages)
{
	if (!s)
		return;
	if (s->max != HUGETLB_UNLIMITED)
		s->used += pages;
	s->kept -= kept_for(s, pages);
}

/* Returns how many of `pages` the share keeps. As on Linux, one without a maximum fills up what it
 * keeps at once, since it does not know how much is used. */
static u32 uncharge(struct hugetlb_share *s, u32 pages)
{
	u32 kept;

	if (!s)
		return 0;
	if (s->max != HUGETLB_UNLIMITED)
		s->used -= pages;
	kept = s->used < s->min ? MIN(pages, s->min - s->kept) : 0;
	s->kept += kept;
	return kept;
}

/* One reference less. Returns it when it was the last, for kfree(). */
static struct hugetlb_share *unref(struct hugetlb_share *s)
{
	return s && --s->refs == 0 ? s : NULL;
}

struct hugetlb_share *hugetlb_share_create(u32 max, u32 min)
{
	struct hugetlb_share *s = kmalloc(sizeof(*s));

	if (!s || !hugetlb_reserve(NULL, min)) {
		kfree(s);
		return NULL;
	}
	*s = (struct hugetlb_share){.max = max, .min = min, .kept = min, .refs = 1};
	return s;
}

void hugetlb_share_end(struct hugetlb_share *s)
{
	u32 kept;

	spin_lock(&pool.lock);
	kept = s->kept;
	s->min = s->kept = 0;
	s = unref(s);
	spin_unlock(&pool.lock);
	hugetlb_unreserve(NULL, kept);
	kfree(s);
}

/* --- Promises --- */

/* Makes surplus pages until `pages` more can be promised, or makes none. */
static bool gather(u32 pages)
{
	u32 made = 0;
	struct page *p = NULL;

	while (unpromised() < pages && (p = fresh_surplus())) {
		enlist(p);
		made++;
	}
	if (unpromised() >= pages)
		return true;
	for (; made; made--) {
		pool.n.surplus--;
		retire(delist());
	}
	return false;
}

bool hugetlb_reserve(struct hugetlb_share *s, u32 pages)
{
	u32 more;
	bool ok;

	spin_lock(&pool.lock);
	more = pages - kept_for(s, pages);
	ok = fits(s, pages) && gather(more);
	if (ok) {
		pool.n.reserved += more;
		charge(s, pages);
	}
	spin_unlock(&pool.lock);
	return ok;
}

void hugetlb_unreserve(struct hugetlb_share *s, u32 pages)
{
	spin_lock(&pool.lock);
	pages -= uncharge(s, pages);
	kassert_msg(pages <= pool.n.reserved, "take back %u of %u", pages, pool.n.reserved);
	pool.n.reserved -= pages;
	for (; pages && pool.n.surplus && pool.n.free; pages--) {
		pool.n.surplus--;
		retire(delist());
	}
	spin_unlock(&pool.lock);
}

/* --- Pages --- */

/* One that was promised to nobody but perhaps the share as a whole. */
static struct page *take_unpromised(struct hugetlb_share *s)
{
	struct page *p = NULL;
	u32 kept = kept_for(s, 1);

	if (fits(s, 1))
		p = kept || unpromised() ? delist() : fresh_surplus();
	if (p) {
		pool.n.reserved -= kept;
		charge(s, 1);
	}
	return p;
}

struct page *hugetlb_take(struct hugetlb_share *s, bool promised)
{
	struct page *p;

	spin_lock(&pool.lock);
	p = promised ? delist() : take_unpromised(s);
	if (promised)
		pool.n.reserved--;
	if (p && s)
		s->refs++;
	spin_unlock(&pool.lock);
	if (p) {
		p->refcount = 1;
		p[1].mapping = s;
	}
	return p;
}

void hugetlb_put(struct page *head)
{
	struct hugetlb_share *s = head[1].mapping;
	u32 kept;

	kassert_dbg(head->refcount > 0);
	if (--head->refcount)
		return;
	kassert_msg(!head->mapcount, "frame %#x is still mapped", page_pfn(head).v);
	head->flags = 0;
	head->mapping = NULL;
	head[1].mapping = NULL;
	spin_lock(&pool.lock);
	kept = uncharge(s, 1);
	pool.n.reserved += kept;
	if (pool.n.surplus && !kept) {
		pool.n.surplus--;
		retire(head);
	} else {
		enlist(head);
	}
	s = unref(s);
	spin_unlock(&pool.lock);
	kfree(s);
}

/* --- Its size --- */

static u32 persistent(void)
{
	return pool.n.total - pool.n.surplus;
}

static void grow(u32 pages)
{
	struct page *p;

	while (pool.n.surplus && persistent() < pages)
		pool.n.surplus--;
	while (persistent() < pages && (p = fresh()))
		enlist(p);
}

/* Free pages that nobody was promised go; of the others as many as are too many are surplus from
 * now on. */
static void shrink(u32 pages)
{
	while (persistent() > pages && unpromised())
		retire(delist());
	while (persistent() > pages)
		pool.n.surplus++;
}

void hugetlb_set_pool(u32 pages)
{
	spin_lock(&pool.lock);
	grow(pages);
	shrink(pages);
	spin_unlock(&pool.lock);
}

void __init hugetlb_init(void)
{
	char word[16];
	const char *at = word;
	u64 pages;

	if (cmdline_get("hugepages", word, sizeof(word)) <= 0)
		return;
	if (take_number(&at, 10, UINT32_MAX, &pages))
		hugetlb_set_pool((u32)pages);
	log_at(LOG_INFO, "hugetlb: %u huge pages of 2 MiB", pool.n.total);
}

/* --- Checking --- */

u32 hugetlb_check(void (*complain)(const char *fmt, ...))
{
	const struct hugetlb_stat *n = &pool.n;
	const struct page *p;
	u32 bad = 0, listed = 0;

	list_for_each_entry (p, &pool.free_list, link) {
		listed++;
		if (p->kind == PK_HUGE && !p->refcount && !p->mapcount)
			continue;
		complain("huge page at frame %u is free: kind %u, refcount %u, mapcount %u",
			page_pfn(p).v, p->kind, p->refcount, p->mapcount);
		bad++;
	}
	if (listed == n->free && n->reserved <= n->free && n->free <= n->total &&
		n->surplus <= n->total)
		return bad;
	complain("huge pages: %u on the free list; total %u, free %u, reserved %u, surplus %u",
		listed, n->total, n->free, n->reserved, n->surplus);
	return bad + 1;
}
