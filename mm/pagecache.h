/* The inside of struct object, for the fault path: lookups under the object's lock. */
#ifndef MM_PAGECACHE_H
#define MM_PAGECACHE_H

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

/* The page at index, made and filled if absent; no reference is taken. Returns 0, -ENOMEM,
 * -ENOSPC, -ERANGE beyond the end of the object, or the filler's errno. */
int object_page_locked(struct object *o, u32 index, struct page **out) __must_check;

/* Pages that hold bytes of the object, or would. */
static inline u64 object_size_pages(const struct object *o)
{
	return (o->size + PAGE_SIZE - 1) >> PAGE_SHIFT;
}

void pagecache_init(void);

/* Every cached page is owned by its object and counted. */
u32 object_check(struct object *o, void (*complain)(const char *fmt, ...));

#endif
