/*
 * Files of huge pages. See mm/hugetlb.h.
 *
 * A file's tree of pages holds, by the number of a huge page's first frame, either the page or the
 * mark that one was promised.
 */
#include "kernel/abi/errno.h"
#include "kernel/lib/string.h"
#include "mm/hugetlb.h"
#include "mm/pagecache.h"
#include "mm/space.h"
#include "mm/zap.h"

static const char promise_mark;
#define PROMISED ((void *)&promise_mark)

static const struct object_ops huge_object_ops;

void hugetlb_object_init(struct object *o, struct hugetlb_share *share)
{
	object_init(o, &huge_object_ops);
	o->share = share;
	o->vm_flags = VM_HUGETLB | VM_DONTEXPAND;
}

struct page *hugetlb_page(const struct object *o, u32 index)
{
	void *p = radix_get(&o->pages, index);

	return p == PROMISED ? NULL : p;
}

void hugetlb_clear_page(struct page *head)
{
	for (u32 i = 0; i < HUGE_PAGES; i++)
		page_zero(head + i);
}

int hugetlb_make_page(struct object *o, u32 index, struct page **out)
{
	bool promised = radix_get(&o->pages, index);
	struct page *p = hugetlb_take(o->share, promised);

	if (!p)
		return -ENOSPC;
	if (promised) {
		radix_replace(&o->pages, index, p);
	} else if (radix_insert(&o->pages, index, p) < 0) {
		hugetlb_put(p);
		return -ENOMEM;
	}
	hugetlb_clear_page(p);
	p->mapping = o;
	p->index = index;
	p->flags = PF_UPTODATE;
	o->nr_pages++;
	*out = p;
	return 0;
}

/* Unmaps and drops the pages [first, last). Returns how many promises went with them, when those
 * end too. */
static u32 drop_range(struct object *o, u32 first, u32 last, bool promises)
{
	u32 ended = 0;
	void *p;

	zap_object(o, first, last, ZAP_ALL);
	for (u32 i = first; i < last && (p = radix_next(&o->pages, &i)) && i < last;
		i += HUGE_PAGES) {
		if (p == PROMISED && !promises)
			continue;
		radix_delete(&o->pages, i);
		if (p == PROMISED) {
			ended++;
		} else {
			o->nr_pages--;
			hugetlb_put(p);
		}
	}
	return ended;
}

void hugetlb_truncate(struct object *o, u64 size)
{
	u32 ended;

	mutex_lock(&o->lock);
	ended = drop_range(o, (u32)(ALIGN_UP(size, HUGE_SIZE) >> PAGE_SHIFT), ~0u, true);
	o->size = size;
	mutex_unlock(&o->lock);
	hugetlb_unreserve(o->share, ended);
}

void hugetlb_extend(struct object *o, u64 size)
{
	mutex_lock(&o->lock);
	o->size = MAX(o->size, size);
	mutex_unlock(&o->lock);
}

void hugetlb_object_destroy(struct object *o)
{
	kassert(list_empty(&o->vmas));
	hugetlb_unreserve(o->share, drop_range(o, 0, ~0u, true));
	kassert_msg(!o->nr_pages && !o->pages.root, "%u huge pages left", o->nr_pages);
}

/* Zeroes [start, end), which lies in one huge page, if that is there. */
static void zero_part(struct object *o, u64 start, u64 end)
{
	struct page *head = hugetlb_page(o, (u32)(ALIGN_DOWN(start, HUGE_SIZE) >> PAGE_SHIFT));

	while (head && start < end) {
		u32 at = (u32)start % PAGE_SIZE, n = (u32)MIN(end - start, (u64)PAGE_SIZE - at);
		char *va = kmap_local(head + (start % HUGE_SIZE >> PAGE_SHIFT));

		memset(va + at, 0, n);
		kunmap_local(va);
		start += n;
	}
}

void hugetlb_punch(struct object *o, u64 start, u64 end)
{
	u64 first = ALIGN_UP(start, HUGE_SIZE), last = ALIGN_DOWN(end, HUGE_SIZE);

	mutex_lock(&o->lock);
	if (start < first)
		zero_part(o, start, MIN(end, first));
	if (first < last)
		(void)drop_range(o, (u32)(first >> PAGE_SHIFT), (u32)(last >> PAGE_SHIFT), false);
	if (end > last && end > first)
		zero_part(o, last, end);
	mutex_unlock(&o->lock);
}

int hugetlb_allocate(struct object *o, u64 start, u64 end)
{
	struct page *p;
	int err = 0;

	for (u64 at = ALIGN_DOWN(start, HUGE_SIZE); at < end && !err; at += HUGE_SIZE) {
		u32 index = (u32)(at >> PAGE_SHIFT);

		mutex_lock(&o->lock);
		err = hugetlb_page(o, index) ? 0 : hugetlb_make_page(o, index, &p);
		mutex_unlock(&o->lock);
	}
	return err;
}

/* A part of one frame. Returns bytes not copied. */
static ssize_k read_part(struct object *o, struct iobuf *to, u64 pos, size_t n)
{
	struct page *head;
	size_t left;
	char *va;

	mutex_lock(&o->lock);
	head = hugetlb_page(o, (u32)(ALIGN_DOWN(pos, HUGE_SIZE) >> PAGE_SHIFT));
	if (head)
		head->refcount++;
	mutex_unlock(&o->lock);
	if (!head)
		return iobuf_zero(to, n);
	va = kmap_local(head + (pos % HUGE_SIZE >> PAGE_SHIFT));
	left = iobuf_put(to, va + pos % PAGE_SIZE, n);
	kunmap_local(va);
	hugetlb_put(head);
	return left;
}

ssize_k hugetlb_read(struct object *o, struct iobuf *to, u64 pos, size_t n)
{
	return object_read_pages(o, to, pos, n, read_part);
}

/* --- Promises to shared mappings --- */

/* Empties the slots of [first, last) that have this mark. */
static void unmark(struct object *o, u32 first, u32 last, const void *mark)
{
	for (u32 i = first; i < last; i += HUGE_PAGES)
		if (radix_get(&o->pages, i) == mark)
			radix_delete(&o->pages, i);
}

/* Marks the empty slots of [first, last), all or none. Returns how many, or -ENOMEM. */
static int mark_empty(struct object *o, u32 first, u32 last, const void *mark)
{
	int marked = 0;

	for (u32 i = first; i < last; i += HUGE_PAGES) {
		if (radix_get(&o->pages, i))
			continue;
		if (radix_insert(&o->pages, i, (void *)mark) < 0) {
			unmark(o, first, i, mark);
			return -ENOMEM;
		}
		marked++;
	}
	return marked;
}

static int promise_locked(struct object *o, u32 first, u32 last)
{
	static const char new_mark; /* tells ours from promises of others while we may fail */
	int n = mark_empty(o, first, last, &new_mark);

	if (n < 0)
		return n;
	if (!hugetlb_reserve(o->share, (u32)n)) {
		unmark(o, first, last, &new_mark);
		return -ENOMEM;
	}
	for (u32 i = first; i < last; i += HUGE_PAGES)
		if (radix_get(&o->pages, i) == &new_mark)
			radix_replace(&o->pages, i, PROMISED);
	return 0;
}

int hugetlb_promise(struct object *o, u32 first, u32 n)
{
	int err;

	mutex_lock(&o->lock);
	err = promise_locked(o, first, first + n);
	mutex_unlock(&o->lock);
	return err;
}
