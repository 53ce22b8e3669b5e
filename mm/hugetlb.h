/*
 * Huge pages: 2 MiB of memory behind one page-directory entry.
 *
 *     buddy --nr_hugepages--> pool --fault--> a page of a file      shared mappings see it
 *       ^                      ^     \------> a page of a mapping   private: it alone, or after a
 *       |                      |                    |               fork its family
 *       +-- what is surplus ---+----- last put -----+
 *
 * The pool is taken from the buddy allocator when an administrator says so, and every mapping is
 * promised its pages when it is made, so that a fault finds one: a shared mapping by ranges of the
 * file, a private one for itself. Who asks for no promise (MAP_NORESERVE), and the child of a fork,
 * gets what nobody else was promised, or SIGBUS.
 *
 * A huge mapping is a VMA with VM_HUGETLB over an object of huge pages. Its borders are multiples of
 * HUGE_SIZE, it never grows or merges, and no page table lies in its range: there pmap_pte() finds
 * nothing, which is where the paths of small pages turn to this file. Pages are numbered as
 * everywhere, in units of 4 KiB; a huge page has the number of its first.
 *
 * Semantics and errors are those of Linux 6.1 (mm/hugetlb.c, Documentation/admin-guide/mm/
 * hugetlbpage.rst).
 */
#ifndef MM_HUGETLB_H
#define MM_HUGETLB_H

#include "mm/fault.h"
#include "mm/object.h"
#include "mm/page.h"

#define HUGE_SIZE  PD_SIZE
#define HUGE_LOG2  ((u32)PD_SHIFT)
#define HUGE_PAGES PT_ENTRIES /* frames of one */
#define HUGE_ORDER (HUGE_LOG2 - PAGE_SHIFT)

/* Whether there are huge pages of 2^log2 bytes, as the calls' flags say it; 0 stands for the only size
 * there is. */
static inline bool hugetlb_size_ok(u32 log2)
{
	return log2 == 0 || log2 == HUGE_LOG2;
}

/* --- The pool (mm/hugetlb_pool.c) --- */

/* Huge pages. `reserved` of the free ones are promised; `surplus` are there because the pool was too
 * small, and go back to the buddy when they are free. */
struct hugetlb_stat {
	u32 total, free, reserved, surplus;
	u64 alloc_success, alloc_fail; /* taken from the buddy since boot; refused */
};
void hugetlb_stat(struct hugetlb_stat *out);

/* /proc/sys/vm/nr_overcommit_hugepages: surplus pages that there may be. */
extern u32 hugetlb_max_surplus;

/* /proc/sys/vm/nr_hugepages: the pool without its surplus, as far as memory allows. What is in use
 * beyond it becomes surplus. */
void hugetlb_set_pool(u32 pages);

/*
 * What the files of one mount may have of the pool. A page counts from its promise on, or from when
 * it is taken without one, until it is given back. NULL stands for no limits wherever a share is
 * asked for. All under the pool's lock.
 */
struct hugetlb_share {
	u32 max;  /* pages, or HUGETLB_UNLIMITED */
	u32 used; /* of max; not counted without one */
	u32 min;  /* pages that are promised to the share as a whole */
	u32 kept; /* of min: in nobody's hands yet */
	u32 refs; /* the mount, and each page taken */
};
#define HUGETLB_UNLIMITED (~0u)

/* NULL when memory is out, or the pool has not `min` pages to promise. */
struct hugetlb_share *hugetlb_share_create(u32 max, u32 min) __must_check;
/* The mount ends, and no promise is left. */
void hugetlb_share_end(struct hugetlb_share *s);

/* Promises `pages` of them. False when the share or the pool has not so many to promise. */
bool hugetlb_reserve(struct hugetlb_share *s, u32 pages) __must_check;
void hugetlb_unreserve(struct hugetlb_share *s, u32 pages);

/* A page with one reference, not cleared. `promised`: against a promise, which is thereby kept; that
 * cannot fail. Else NULL when none is free and unpromised, or the share is used up. */
struct page *hugetlb_take(struct hugetlb_share *s, bool promised) __must_check;
/* One reference less; the last gives the page back. */
void hugetlb_put(struct page *head);

/* The huge page that a frame of kind PK_HUGE belongs to. */
static inline struct page *hugetlb_head(struct page *p)
{
	return pfn_page(PFN(ALIGN_DOWN(page_pfn(p).v, HUGE_PAGES)));
}

/* Free list and counts agree. Returns the number of complaints. */
u32 hugetlb_check(void (*complain)(const char *fmt, ...));

/* Boot: the pool of "hugepages=" on the command line. */
void hugetlb_init(void);

/* --- Files of huge pages (mm/hugetlb_file.c). These take o->lock. --- */

/* Its pages come out of `share`. */
void hugetlb_object_init(struct object *o, struct hugetlb_share *share);
static inline bool object_is_huge(const struct object *o)
{
	return o->vm_flags & VM_HUGETLB;
}

/* Promises pages [first, first + n) to whoever maps the file shared; first and n are multiples of
 * HUGE_PAGES. 0 or -ENOMEM. The promise is kept or ends with the page's part of the file. */
int hugetlb_promise(struct object *o, u32 first, u32 n) __must_check;
/* Sets the size; whole pages beyond it are unmapped and dropped, and promises for them end. */
void hugetlb_truncate(struct object *o, u64 size);
/* The file becomes as long, if it was not. */
void hugetlb_extend(struct object *o, u64 size);
/* Drops the whole pages in [start, end) and zeroes the partial ones. */
void hugetlb_punch(struct object *o, u64 start, u64 end);
/* Makes the pages of [start, end) that are missing, as far as it goes. 0, -ENOSPC or -ENOMEM. */
int hugetlb_allocate(struct object *o, u64 start, u64 end) __must_check;
/* As object_read(). */
ssize_k hugetlb_read(struct object *o, struct iobuf *to, u64 pos, size_t n);
/* Drops all pages. No VMA maps it any more. */
void hugetlb_object_destroy(struct object *o);

/* The same with o->lock held. A file's page; `index` is a multiple of HUGE_PAGES. NULL: none. */
struct page *hugetlb_page(const struct object *o, u32 index);
/* A new one, all zeroes, where there is none. 0, -ENOSPC or -ENOMEM. */
int hugetlb_make_page(struct object *o, u32 index, struct page **out) __must_check;

/* Fills a huge page with zeroes. */
void hugetlb_clear_page(struct page *head);

/* --- VMAs with VM_HUGETLB (mm/hugetlb.c). The caller holds the mm's lock. --- */

/* Promises a new VMA, which has no promises yet, its pages, and lets the file reach to its end. 0,
 * -ENOMEM, or -EINVAL: its part of the file does not begin with a huge page. */
int hugetlb_open(struct vma *v) __must_check;
/* `upper` was cut off `v` and shares its promises. */
void hugetlb_split(struct vma *upper, struct vma *v);
/* [start, end) of it was unmapped: promises not kept yet are taken back. */
void hugetlb_unpromise(struct vma *v, vaddr_t start, vaddr_t end);
/* The VMA ends. */
void hugetlb_close(struct vma *v);
/* Makes [start, start + len) ready for huge entries: no page table is in the way. */
void hugetlb_clear_tables(struct mm *mm, vaddr_t start, u32 len);

enum fault_result hugetlb_fault(struct vma *v, vaddr_t addr, bool write);

/* For userfaultfd(2). Whether a fault at addr would have to make a page. */
bool hugetlb_missing(struct vma *v, vaddr_t addr);
/* Makes it with the caller's memory at src, of which no page is missing, or (`from_file`) maps what the
 * file has. 0, -EEXIST, -EFAULT beyond the end or for want of a page in the file, -ENOMEM. */
int hugetlb_fill(struct vma *v, vaddr_t addr, uptr_t src, bool from_file) __must_check;

/* As zap_range(), cow_protect() and cow_fork(); o->lock held, start and end aligned. */
void hugetlb_zap(struct vma *v, vaddr_t start, vaddr_t end, bool keep_private);
void hugetlb_protect(struct vma *v, vaddr_t start, vaddr_t end);
int hugetlb_fork(struct vma *to, struct vma *from) __must_check;

/* Moves all entries of `from`, and its promises, to `to`, of the same length elsewhere in the space,
 * where directories have been made. */
void hugetlb_move(struct vma *to, struct vma *from);

/* The entry that maps the huge page at addr, an empty one where there is none. */
static inline pte_t hugetlb_entry(const struct mm *mm, vaddr_t addr)
{
	const pte_t *pde = pmap_pde(&mm->pmap, addr);

	return pde && pte_maps(*pde) ? *pde : PTE_NONE;
}

/* A private page, not a file's. */
static inline bool hugetlb_is_private(const struct page *head)
{
	return head->flags & PF_PRIVATE;
}

#endif
