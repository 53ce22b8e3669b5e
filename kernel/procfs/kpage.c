/* /proc/kpagecount and kpageflags: one word for each frame of memory. */
#include "kernel/procfs/procfs_impl.h"
#include "mm/hugetlb.h"
#include "mm/kmalloc.h"
#include "mm/page_alloc.h"
#include "mm/rmap.h"
#include "mm/zap.h"

/* --- Files of words --- */

#define CHUNK (PAGE_SIZE / sizeof(u64))

/* One buffer full. Returns bytes, 0 at the end. */
static ssize_k read_chunk(const struct proc_words *w, u64 *buf, struct iobuf *to, size_t n, u64 pos)
{
	u64 first = pos / sizeof(u64);
	u32 count;
	size_t left;
	int err;

	if (first >= w->total)
		return 0;
	count = (u32)MIN(MIN(w->total - first, (u64)CHUNK), (u64)(n / sizeof(u64)));
	err = w->fill(w->ctx, (u32)first, count, buf);
	if (err)
		return err;
	left = iobuf_put(to, buf, count * sizeof(u64));
	return left ? -EFAULT : (ssize_k)(count * sizeof(u64));
}

ssize_k proc_words_read(const struct proc_words *w, struct iobuf *to, size_t n, u64 *pos)
{
	size_t done = 0;
	ssize_k part = 1;
	u64 *buf;

	if (*pos % sizeof(u64) || n % sizeof(u64))
		return -EINVAL;
	buf = kmalloc(PAGE_SIZE);
	if (!buf)
		return -ENOMEM;
	while (done < n && part > 0) {
		part = read_chunk(w, buf, to, n - done, *pos + done);
		if (part > 0)
			done += (size_t)part;
		sched_point();
	}
	kfree(buf);
	*pos += done;
	return done ? (ssize_k)done : MIN(part, 0);
}

/* --- kpagecount --- */

/* Linux counts the mappings of a huge page at each of its frames. */
static struct page *whole(struct page *p)
{
	return p->kind == PK_HUGE ? hugetlb_head(p) : p;
}

static int count_fill(void *ctx, u32 first, u32 n, u64 *out)
{
	for (u32 i = 0; i < n; i++)
		out[i] = whole(pfn_page(PFN(first + i)))->mapcount;
	return 0;
}

static ssize_k count_read(struct file *f, struct iobuf *to, size_t n, u64 *pos)
{
	const struct proc_words words = {.total = nr_pfns, .fill = count_fill};

	return proc_words_read(&words, to, n, pos);
}

const struct file_ops proc_kpagecount_ops = {
	.read = count_read,
	.seek = file_seek_endless,
};

/* --- kpageflags --- */

/* Linux's numbers, include/uapi/linux/kernel-page-flags.h */
#define KPF_UPTODATE   (1ull << 3)
#define KPF_DIRTY      (1ull << 4)
#define KPF_LRU        (1ull << 5)
#define KPF_SLAB       (1ull << 7)
#define KPF_BUDDY      (1ull << 10)
#define KPF_MMAP       (1ull << 11)
#define KPF_ANON       (1ull << 12)
#define KPF_SWAPBACKED (1ull << 14)
#define KPF_COMPOUND_HEAD (1ull << 15)
#define KPF_COMPOUND_TAIL (1ull << 16)
#define KPF_HUGE       (1ull << 17)
#define KPF_UNEVICTABLE (1ull << 18)
#define KPF_HWPOISON   (1ull << 19)
#define KPF_ZERO_PAGE  (1ull << 24)
#define KPF_PGTABLE    (1ull << 26)
#define KPF_RESERVED   (1ull << 32)
#define KPF_MLOCKED    (1ull << 33)
#define KPF_MAPPEDTODISK (1ull << 34) /* of private memory: no fork has shared it */

static u64 lock_flags(const struct rmap_sum *sum)
{
	return KPF_LRU | (sum->locked ? KPF_UNEVICTABLE | KPF_MLOCKED : 0);
}

static u64 anon_flags(struct page *p)
{
	struct rmap_sum sum = rmap_look(p);
	u64 v = KPF_ANON | KPF_UPTODATE | lock_flags(&sum);

	if (p->flags & PF_DIRTY)
		v |= KPF_DIRTY;
	if (sum.bits & (u32)PTE_OWN)
		v |= KPF_MAPPEDTODISK;
	if (!(sum.bits & (u32)PTE_LAZY))
		v |= KPF_SWAPBACKED;
	return v;
}

static u64 cache_flags(struct page *p)
{
	struct rmap_sum sum = rmap_look(p);
	u64 v = lock_flags(&sum);

	if (p->flags & PF_UPTODATE)
		v |= KPF_UPTODATE;
	if (p->flags & PF_DIRTY)
		v |= KPF_DIRTY;
	if (p->flags & PF_POISON)
		v |= KPF_HWPOISON;
	if (page_rss_kind(p) == RSS_SHMEM)
		v |= KPF_SWAPBACKED;
	return v;
}

static u64 huge_flags(struct page *p)
{
	struct page *head = hugetlb_head(p);
	bool private = hugetlb_is_private(head);
	u64 v = KPF_HUGE | (private ? KPF_ANON : 0);

	if (p != head)
		return v | KPF_COMPOUND_TAIL;
	if (head->refcount)
		v |= KPF_UPTODATE | (private ? 0 : KPF_DIRTY);
	if (private && head->mapcount == 1)
		v |= KPF_MAPPEDTODISK;
	return v | KPF_COMPOUND_HEAD;
}

static u64 kind_flags(struct page *p)
{
	switch (p->kind) {
	case PK_RESERVED:
		return KPF_RESERVED;
	case PK_FREE:
	case PK_FREE_TAIL:
		return KPF_BUDDY;
	case PK_SLAB:
		return KPF_SLAB;
	case PK_PGTABLE:
		return KPF_PGTABLE;
	case PK_ANON:
		return anon_flags(p);
	case PK_CACHE:
		return cache_flags(p);
	case PK_ZERO:
		return KPF_ZERO_PAGE | KPF_RESERVED;
	case PK_HUGE:
		return huge_flags(p);
	case PK_POISON:
		return KPF_HWPOISON;
	default:
		return 0;
	}
}

u64 proc_kpageflags(pfn_t pfn)
{
	struct page *p = pfn_page(pfn);

	return kind_flags(p) | (whole(p)->mapcount ? KPF_MMAP : 0);
}

static int flags_fill(void *ctx, u32 first, u32 n, u64 *out)
{
	for (u32 i = 0; i < n; i++)
		out[i] = proc_kpageflags(PFN(first + i));
	return 0;
}

static ssize_k flags_read(struct file *f, struct iobuf *to, size_t n, u64 *pos)
{
	const struct proc_words words = {.total = nr_pfns, .fill = flags_fill};

	return proc_words_read(&words, to, n, pos);
}

const struct file_ops proc_kpageflags_ops = {
	.read = flags_read,
	.seek = file_seek_endless,
};
