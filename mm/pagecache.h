/* The inside of struct object, for the fault path: lookups under the object's lock. */
#ifndef MM_PAGECACHE_H
#define MM_PAGECACHE_H

#include "kernel/abi/errno.h"
#include "kernel/core/sched.h"
#include "mm/object.h"
#include "mm/page.h"

/* The page if it is in the cache. No reference is taken. */
static inline struct page *object_cached(struct object *o, u32 index)
{
	return radix_get(&o->pages, index);
}

/* The same if it has been used: not what fallocate() has only reserved. */
static inline struct page *object_used(struct object *o, u32 index)
{
	struct page *p = object_cached(o, index);
	return p && (p->flags & PF_UPTODATE) ? p : NULL;
}

/* There is a page that has been used, though its frame may have been lost since. */
static inline bool page_has_data(const struct page *p)
{
	return p && p->flags & (PF_UPTODATE | PF_POISON);
}

/* The page at index, made if absent; no reference is taken. Returns 0, -ENOMEM, -ERANGE beyond the
 * end of the object, -EIO for one whose frame is bad, or the charge's errno. */
int object_page_locked(struct object *o, u32 index, struct page **out) __must_check;

/* Pages that hold bytes of the object, or would. */
static inline u64 object_size_pages(const struct object *o)
{
	return (o->size + PAGE_SIZE - 1) >> PAGE_SHIFT;
}

/* Copies [pos, pos + n), cut at the object's size, page by page: read_part returns how many bytes of
 * a page it could not copy, or an errno. Returns bytes, or when there were none that or -EFAULT. */
static __forceinline ssize_k object_read_pages(struct object *o, struct iobuf *to, u64 pos, size_t n,
	ssize_k (*read_part)(struct object *o, struct iobuf *to, u64 pos, size_t n))
{
	size_t done = 0;
	if (pos >= o->size)
		return 0;
	n = (size_t)MIN((u64)n, o->size - pos);
	while (done < n) {
		size_t part = MIN(n - done, PAGE_SIZE - (size_t)(pos + done) % PAGE_SIZE);
		ssize_k left = read_part(o, to, pos + done, part);
		if (left < 0)
			return done ? (ssize_k)done : left;
		done += part - (size_t)left;
		if (left)
			return done ? (ssize_k)done : -EFAULT;
		sched_point();
	}
	return (ssize_k)done;
}

void pagecache_init(void);

/* Every cached page is owned by its object and counted. */
u32 object_check(struct object *o, void (*complain)(const char *fmt, ...));

#endif
