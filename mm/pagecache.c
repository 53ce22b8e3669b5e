/*
 * The page cache: pages of objects by index.
 *
 * There is one copy of a file's data. read() and write() copy from and to it, mappings map it, the
 * boot image's files are adopted into it in place. No user memory is touched under an object's
 * lock: a copy takes a reference to the page, lets the lock go, and copies.
 */
#include "mm/pagecache.h"
#include "kernel/abi/errno.h"
#include "kernel/lib/string.h"
#include "kernel/x86/uaccess.h"
#include "mm/anon.h"
#include "mm/commit.h"
#include "mm/page_alloc.h"
#include "mm/pmap.h"
#include "mm/poison.h"
#include "mm/slab.h"
#include "mm/zap.h"

u32 pagecache_pages, pagecache_shmem_pages, pagecache_mapped;

static struct slab_cache *node_cache;

static struct radix_node *node_alloc(void)
{
	return slab_zalloc(node_cache);
}

static void node_free(struct radix_node *n)
{
	slab_free(node_cache, n);
}

void pagecache_init(void)
{
	node_cache = slab_create("radix_tree_node", sizeof(struct radix_node), 0, 0, NULL);
	kassert(node_cache);
}

void object_init(struct object *o, const struct object_ops *ops)
{
	*o = (struct object){.ops = ops};
	mutex_init(&o->lock);
	o->pages = (struct radix){.node_alloc = node_alloc, .node_free = node_free};
	list_init(&o->vmas);
}

static void count_pages(struct object *o, s32 n)
{
	o->nr_pages += n;
	pagecache_pages += n;
	if (object_is_shmem(o))
		pagecache_shmem_pages += n;
}

/* Puts p, whose one reference becomes the cache's, at an empty index. */
static int insert_page(struct object *o, u32 index, struct page *p)
{
	int err = radix_insert(&o->pages, index, p);
	if (err)
		return err;
	p->mapping = o;
	p->index = index;
	count_pages(o, 1);
	return 0;
}

/* Takes a page out and drops the cache's reference; who maps or copies it keeps his own. */
static void remove_page(struct object *o, struct page *p)
{
	radix_delete(&o->pages, p->index);
	count_pages(o, -1);
	page_retire_poisoned(p);
	page_put(p);
}

/* The same for a page that has to be accounted for; it is freed when it is refused. */
static int add_page(struct object *o, u32 index, struct page *p)
{
	int err = o->ops && o->ops->charge ? o->ops->charge(o) : 0;
	if (!err)
		err = insert_page(o, index, p);
	if (err)
		page_put(p);
	return err;
}

/* A new page at index. */
static int make_page(struct object *o, u32 index, struct page **out)
{
	*out = page_alloc(GFP_USER | GFP_ZERO, PK_CACHE);
	return *out ? add_page(o, index, *out) : -ENOMEM;
}

static int use_page(struct object *o, u32 index, struct page **out)
{
	*out = object_cached(o, index);
	int err = *out ? 0 : make_page(o, index, out);
	if (err)
		return err;
	if (unlikely((*out)->flags & PF_POISON))
		return -EIO;
	(*out)->flags |= PF_UPTODATE;
	return 0;
}

int object_page_locked(struct object *o, u32 index, struct page **out)
{
	if ((u64)index << PAGE_SHIFT >= o->size)
		return -ERANGE;
	return use_page(o, index, out);
}

/*
 * The page at `index`, made if absent, to be written, with a reference for the caller in *out.
 * Returns 0, -ENOMEM, or the charge's errno. The index may lie beyond the size: the caller has
 * looked.
 */
static int get_page_for_write(struct object *o, u32 index, struct page **out)
{
	mutex_lock(&o->lock);
	int err = use_page(o, index, out);
	if (!err) {
		(*out)->flags |= PF_DIRTY;
		page_get(*out);
	}
	mutex_unlock(&o->lock);
	return err;
}

int object_reserve_page(struct object *o, u32 index)
{
	struct page *p;
	mutex_lock(&o->lock);
	p = object_cached(o, index);
	int made = p ? 0 : make_page(o, index, &p) ?: 1;
	if (made >= 0)
		p->flags |= PF_DIRTY;
	mutex_unlock(&o->lock);
	return made;
}

/* The page if present, with a reference; else NULL. */
static struct page *find_page(struct object *o, u32 index)
{
	mutex_lock(&o->lock);
	struct page *p = object_cached(o, index);
	if (p)
		page_get(p);
	mutex_unlock(&o->lock);
	return p;
}

int object_adopt_page(struct object *o, u32 index, struct page *p)
{
	kassert(p->kind == PK_RESERVED);
	mutex_lock(&o->lock);
	int err = object_cached(o, index) ? -EEXIST : 0;
	if (!err) {
		page_alloc_adopt(p, PK_CACHE);
		p->flags = PF_UPTODATE | PF_DIRTY;
		err = insert_page(o, index, p);
		if (err)
			page_put(p);
	}
	mutex_unlock(&o->lock);
	return err;
}

static void zero_bytes(struct page *p, u32 from, u32 to)
{
	if (from == to)
		return;
	char *va = kmap_local(p);
	memset(va + from, 0, to - from);
	kunmap_local(va);
}

/* Zeroes bytes [from, to) of one page if it is cached. Caller holds the lock. */
static void zero_part(struct object *o, u32 index, u32 from, u32 to)
{
	struct page *p = object_cached(o, index);
	if (!p || from == to)
		return;
	p->flags |= PF_DIRTY;
	zero_bytes(p, from, to);
}

/* Unmaps and drops the whole pages [first, last). Caller holds the lock. */
static void drop_range(struct object *o, u32 first, u32 last, enum zap_what what)
{
	if (first >= last)
		return;
	zap_object(o, first, last, what);
	struct page *p;
	for (u32 i = first; (p = radix_next(&o->pages, &i)) && i < last; i++)
		remove_page(o, p);
}

void object_truncate(struct object *o, u64 size)
{
	mutex_lock(&o->lock);
	u64 old = o->size;
	o->size = size;
	if (size < old) {
		drop_range(o, (u32)object_size_pages(o), ~0u, ZAP_ALL);
		if (size % PAGE_SIZE)
			zero_part(o, (u32)(size >> PAGE_SHIFT), size % PAGE_SIZE, PAGE_SIZE);
	}
	mutex_unlock(&o->lock);
}

void object_punch(struct object *o, u64 start, u64 end)
{
	u32 first = (u32)((start + PAGE_SIZE - 1) >> PAGE_SHIFT), last = (u32)(end >> PAGE_SHIFT);
	mutex_lock(&o->lock);
	if (first > last) {
		zero_part(o, last, start % PAGE_SIZE, end % PAGE_SIZE);
	} else {
		drop_range(o, first, last, ZAP_OTHERS);
		if (start % PAGE_SIZE)
			zero_part(o, first - 1, start % PAGE_SIZE, PAGE_SIZE);
		zero_part(o, last, 0, end % PAGE_SIZE);
	}
	mutex_unlock(&o->lock);
}

void object_destroy(struct object *o)
{
	kassert(list_empty(&o->vmas));
	object_truncate(o, 0);
	kassert_msg(o->nr_pages == 0, "%u pages left", o->nr_pages);
	commit_release(o->committed);
}

/* --- Copying --- */

size_t iobuf_put(struct iobuf *b, const void *src, size_t n)
{
	size_t left = 0;
	if (b->user) {
		left = copy_to_user_partial(b->u, src, n);
		b->u = uptr_add(b->u, n - left);
	} else {
		memcpy(b->k, src, n);
		b->k += n;
	}
	return left;
}

size_t iobuf_get(struct iobuf *b, void *dst, size_t n)
{
	size_t left = 0;
	if (b->user) {
		left = copy_from_user_partial(dst, b->u, n);
		b->u = uptr_add(b->u, n - left);
	} else {
		memcpy(dst, b->k, n);
		b->k += n;
	}
	return left;
}

size_t iobuf_zero(struct iobuf *b, size_t n)
{
	while (n) {
		size_t part = MIN(n, PAGE_SIZE), left = iobuf_put(b, page_virt(zero_page), part);
		n -= part - left;
		if (left)
			break;
	}
	return n;
}

/* One page's part of a read. Returns bytes not copied, or -EIO. */
static ssize_k read_part(struct object *o, struct iobuf *to, u64 pos, size_t n)
{
	struct page *p = find_page(o, (u32)(pos >> PAGE_SHIFT));
	if (!p)
		return (ssize_k)iobuf_zero(to, n);
	ssize_k left = -EIO;
	if (likely(!(p->flags & PF_POISON))) {
		char *va = kmap_local(p);
		left = (ssize_k)iobuf_put(to, va + pos % PAGE_SIZE, n);
		kunmap_local(va);
	}
	page_put(p);
	return left;
}

ssize_k object_read(struct object *o, struct iobuf *to, u64 pos, size_t n)
{
	return object_read_pages(o, to, pos, n, read_part);
}

/* The first byte can be read: only then does a write make a page. */
static bool iobuf_readable(const struct iobuf *b)
{
	char byte;
	return !b->user || copy_from_user(&byte, b->u, 1) == 0;
}

static bool is_cached(struct object *o, u32 index)
{
	mutex_lock(&o->lock);
	bool cached = object_cached(o, index);
	mutex_unlock(&o->lock);
	return cached;
}

static size_t write_to(struct page *p, struct iobuf *from, size_t off, size_t n)
{
	char *va = kmap_local(p);
	size_t left = iobuf_get(from, va + off, n);
	kunmap_local(va);
	return left;
}

static int write_over(struct object *o, u64 pos, struct iobuf *from, size_t n, size_t *left)
{
	struct page *p;
	int err = get_page_for_write(o, (u32)(pos >> PAGE_SHIFT), &p);
	if (err)
		return err;
	*left = write_to(p, from, pos % PAGE_SIZE, n);
	page_put(p);
	return 0;
}

/* Somebody else has made the page while ours was written: his is written over with the n bytes. */
static int write_again(struct object *o, u64 pos, struct page *p, size_t n)
{
	char *va = kmap_local(p);
	struct iobuf from = iobuf_kernel(va);
	size_t left;
	int err = write_over(o, pos, &from, n, &left);
	kunmap_local(va);
	page_put(p);
	return err;
}

/* Makes a page of what is written over the whole of it, which saves clearing it first. It is in the
 * cache when that is done: nobody sees what was in the frame. */
static int write_fresh(struct object *o, u64 pos, struct iobuf *from, size_t *left)
{
	struct page *p = page_alloc(GFP_USER, PK_CACHE);
	u32 index = (u32)(pos >> PAGE_SHIFT);
	if (!p)
		return -ENOMEM;
	p->flags = PF_UPTODATE | PF_DIRTY;
	*left = write_to(p, from, 0, PAGE_SIZE);
	zero_bytes(p, PAGE_SIZE - (u32)*left, PAGE_SIZE);
	mutex_lock(&o->lock);
	bool late = object_cached(o, index);
	int err = late ? 0 : add_page(o, index, p);
	mutex_unlock(&o->lock);
	return late ? write_again(o, pos, p, PAGE_SIZE - *left) : err;
}

/* One page's part of a write; what was not copied in *left. Returns 0 or a negative errno. */
static int write_part(struct object *o, struct iobuf *from, u64 pos, size_t n, size_t *left)
{
	if (!iobuf_readable(from))
		return -EFAULT;
	int err = n == PAGE_SIZE && !is_cached(o, (u32)(pos >> PAGE_SHIFT))
			  ? write_fresh(o, pos, from, left)
			  : write_over(o, pos, from, n, left);
	if (err) {
		*left = n;
		return err;
	}
	mutex_lock(&o->lock);
	if (*left < n)
		o->size = MAX(o->size, pos + n - *left);
	mutex_unlock(&o->lock);
	return *left ? -EFAULT : 0;
}

ssize_k object_write(struct object *o, struct iobuf *from, u64 pos, size_t n)
{
	size_t done = 0;
	while (done < n) {
		size_t part = MIN(n - done, PAGE_SIZE - (size_t)(pos + done) % PAGE_SIZE);
		size_t left = part;
		int err = write_part(o, from, pos + done, part, &left);
		done += part - left;
		if (err)
			return done ? (ssize_k)done : err;
		sched_point();
	}
	return done;
}

/* --- Checking --- */

u32 object_check(struct object *o, void (*complain)(const char *fmt, ...))
{
	u32 bad = 0, n = 0;
	struct page *p;
	for (u32 i = 0; (p = radix_next(&o->pages, &i)); n++) {
		if (p->kind != PK_CACHE || p->mapping != o || p->index != i) {
			complain("object %p page %u: frame %u kind %u index %u", (void *)o, i,
				page_pfn(p).v, p->kind, p->index);
			bad++;
		}
		if (++i == 0)
			break;
	}
	if (n != o->nr_pages) {
		complain("object %p: %u pages cached, count says %u", (void *)o, n, o->nr_pages);
		bad++;
	}
	return bad;
}
