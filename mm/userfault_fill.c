/* userfaultfd(2)'s ioctls on ranges: which pages are watched, and what fills them. See
 * mm/userfault.h. */
#include "kernel/proc/signal.h"
#include "kernel/proc/task.h"
#include "kernel/x86/uaccess.h"
#include "mm/anon.h"
#include "mm/hugetlb.h"
#include "mm/page_alloc.h"
#include "mm/pagecache.h"
#include "mm/space_impl.h"
#include "mm/trace_mm.h"
#include "mm/userfault.h"

/* --- Which pages --- */

static bool can_register(const struct vma *v)
{
	if (!v->object || (v->flags & VM_HUGETLB))
		return true;
	return object_is_shmem(v->object) && !v->backing->ops->no_userfault;
}

static int check_vma(const struct vma *v, const struct userfault *u)
{
	if (!(v->flags & VM_MAYWRITE))
		return -EPERM;
	return (v->flags & VM_UFFD_MISSING) && v->uffd != u ? -EBUSY : 0;
}

/* Every VMA of [start, end). With `u`: for its registration. */
static int check_range(struct mm *mm, vaddr_t start, vaddr_t end, const struct userfault *u)
{
	struct vma *v = vma_find(&mm->vmas, start);
	if (!v)
		return -ENOMEM;
	if (v->start >= end)
		return -EINVAL;
	for (int err; v && v->start < end; v = vma_next(v)) {
		if (!can_register(v) ||
			vma_check_borders(v, MAX(start, v->start), MIN(end, v->end)))
			return -EINVAL;
		err = u ? check_vma(v, u) : 0;
		if (err)
			return err;
	}
	return 0;
}

#define NO_FLAGS (~0u) /* which no neighbour has: a part with these merges with none */

/* Makes u, or nobody, the one who fills [start, end) of v. What begins inside v stays apart from the
 * VMA above, even if that is alike: Linux's way. */
static int set_part(struct vma *v, vaddr_t start, vaddr_t end, struct userfault *u)
{
	bool merges = start == v->start;
	u32 old_flags = v->flags;
	u32 flags = u ? old_flags | VM_UFFD_MISSING : old_flags & ~VM_UFFD_MISSING;
	if (u)
		v->uffd = u; /* of all of it: means nothing where it is not registered */
	v = vma_isolate(v, start, end, merges ? flags : NO_FLAGS);
	if (!v)
		return -ENOMEM;
	v->flags = flags;
	if (trace_mm_on())
		trace_change(v, start, end, old_flags);
	if (merges)
		vma_merge(v);
	return 0;
}

/* Whether it is for u, or for nobody, already. */
static bool is_set(const struct vma *v, const struct userfault *u)
{
	return v->flags & VM_UFFD_MISSING ? v->uffd == u : !u;
}

static int set_range(struct mm *mm, vaddr_t start, vaddr_t end, struct userfault *u)
{
	struct vma *v;
	int err = 0;
	for (vaddr_t stop; !err && start < end && (v = vma_overlap(&mm->vmas, start, end));
		start = stop) {
		start = MAX(start, v->start);
		stop = MIN(end, v->end);
		if (!u && (v->flags & VM_UFFD_MISSING))
			userfault_wake(v->uffd, start, stop - start);
		if (!is_set(v, u))
			err = set_part(v, start, stop, u);
	}
	return err;
}

static bool has_huge(struct mm *mm, vaddr_t start, vaddr_t end)
{
	struct vma *v = vma_find(&mm->vmas, start);
	while (v && v->start < end && !(v->flags & VM_HUGETLB))
		v = vma_next(v);
	return v && v->start < end;
}

/* Registers with `u`, or unregisters whoever has it. */
static long change_range(struct mm *mm, vaddr_t start, u32 len, struct userfault *u, bool *huge)
{
	mm = mm_get_living(mm);
	if (!mm)
		return -ENOMEM;
	mutex_lock(&mm->lock);
	long err = check_range(mm, start, start + len, u);
	if (!err) {
		mm->has_userfault = true;
		*huge = has_huge(mm, start, start + len);
		err = set_range(mm, start, start + len, u);
	}
	mutex_unlock(&mm->lock);
	mm_put(mm);
	return err;
}

long userfault_register(struct userfault *u, vaddr_t start, u32 len, bool *huge)
{
	return change_range(u->mm, start, len, u, huge);
}

long userfault_unregister(struct userfault *u, vaddr_t start, u32 len)
{
	bool huge;
	return change_range(u->mm, start, len, NULL, &huge);
}

/* --- What fills them --- */

/* One call. */
struct fill {
	struct userfault *u;
	struct mm *mm;
	vaddr_t start;
	u32 len, done;
	u32 size; /* of a page there */
	uptr_t src;
	enum userfault_fill how;
};

/* Beside errnos: the source must be read in first, which is not done with a lock held. */
#define SOURCE_MISSING 1

/* A frame with a page of the caller's memory. */
static int copy_in(uptr_t src, struct page **out)
{
	struct page *p = page_alloc(GFP_USER, PK_ANON);
	if (!p)
		return -ENOMEM;
	char *va = kmap_local(p);
	size_t left = copy_from_user_nofault(va, src, PAGE_SIZE);
	kunmap_local(va);
	if (left) {
		page_put(p);
		return SOURCE_MISSING;
	}
	*out = p;
	return 0;
}

/* A page of the object that v maps. */
static void enter_cached(struct vma *v, pte_t *pte, struct page *p)
{
	v->mm->rss[v->object->rss_kind]++;
	pagecache_mapped += !p->mapcount++;
	pmap_enter(pte, pte_make(page_pfn(p), v->prot | PTE_D));
}

static void enter_own(struct vma *v, vaddr_t addr, pte_t *pte, struct page *p)
{
	u64 writable = v->flags & VM_WRITE ? PTE_W : 0;
	anon_add_page(v, addr, p);
	v->mm->rss[RSS_ANON]++;
	p->mapcount++;
	pmap_enter(pte, pte_make(page_pfn(p), v->prot | writable | PTE_D | PTE_ANON | PTE_OWN));
}

static void enter_zero(struct vma *v, pte_t *pte)
{
	pmap_enter(pte, pte_make(page_pfn(zero_page), v->prot));
	v->zero_mapped = true;
}

/* A page that the object has. */
static int enter_old(struct vma *v, vaddr_t addr, pte_t *pte)
{
	u32 index = vma_pgoff(v, addr);
	struct page *p;
	int err = object_cached(v->object, index) ? object_page_locked(v->object, index, &p)
						  : -EFAULT;
	if (!err)
		enter_cached(v, pte, p);
	return err;
}

/* A page that the object does not have yet, with the contents of `from` or zeroes. That there is no
 * room for it is as if there were no memory. */
static int enter_new(struct vma *v, vaddr_t addr, pte_t *pte, struct page *from)
{
	u32 index = vma_pgoff(v, addr);
	struct page *p;
	if (object_cached(v->object, index))
		return -EEXIST;
	if (object_page_locked(v->object, index, &p))
		return -ENOMEM;
	if (from)
		page_copy(p, from);
	enter_cached(v, pte, p);
	return 0;
}

/* Whether the page lies beyond the file. /dev/zero has no length: for zeroes, that counts too. */
static bool is_beyond(const struct vma *v, vaddr_t addr, enum userfault_fill how)
{
	if (!v->object)
		return v->backing && how == FILL_ZERO;
	return vma_pgoff(v, addr) >= object_size_pages(v->object);
}

/* Caller holds the lock of the entry. `from` is what FILL_COPY has copied. */
static int enter_page(
	struct vma *v, vaddr_t addr, pte_t *pte, struct page *from, enum userfault_fill how)
{
	if (is_beyond(v, addr, how))
		return how == FILL_CONTINUE ? -EINVAL : -EFAULT;
	if (pte_maps(*pte))
		return -EEXIST;
	if (how == FILL_CONTINUE)
		return enter_old(v, addr, pte);
	if (v->flags & VM_SHARED)
		return enter_new(v, addr, pte, from);
	if (from)
		enter_own(v, addr, pte, from);
	else
		enter_zero(v, pte);
	return 0;
}

static int fill_small(struct vma *v, vaddr_t addr, uptr_t src, enum userfault_fill how)
{
	struct page *from = NULL;
	pte_t *pte = pmap_pte_alloc(&v->mm->pmap, addr);
	if (!pte || (!(v->flags & VM_SHARED) && anon_prepare(v) < 0))
		return -ENOMEM;
	int err = how == FILL_COPY ? copy_in(src, &from) : 0;
	if (err)
		return err;
	vma_lock_entries(v);
	err = enter_page(v, addr, pte, from, how);
	vma_unlock_entries(v);
	if (from && !from->mapcount)
		page_put(from);
	return err;
}

/* Whether `copy` can read the caller's memory. */
static bool is_readable(uptr_t src, u32 len, size_t (*copy)(void *, uptr_t, size_t))
{
	char byte;
	for (u32 off = 0; off < len; off += PAGE_SIZE)
		if (copy(&byte, uptr_add(src, off), 1))
			return false;
	return !copy(&byte, uptr_add(src, len - 1), 1);
}

static int fill_huge(struct vma *v, vaddr_t addr, uptr_t src, enum userfault_fill how)
{
	if (how == FILL_COPY && !is_readable(src, HUGE_SIZE, copy_from_user_nofault))
		return SOURCE_MISSING;
	return hugetlb_fill(v, addr, src, how == FILL_CONTINUE);
}

static int fill_page(struct vma *v, vaddr_t addr, uptr_t src, enum userfault_fill how)
{
	return v->flags & VM_HUGETLB ? fill_huge(v, addr, src, how) : fill_small(v, addr, src, how);
}

static __noinline int fill_traced(struct vma *v, vaddr_t addr, uptr_t src, enum userfault_fill how)
{
	struct trace_fault t;
	trace_fault_before(&t, v, addr);
	int err = fill_page(v, addr, src, how);
	trace_fault_after(&t);
	return err;
}

/* The registered VMA that holds all of the call's range. */
static struct vma *destination(const struct fill *f)
{
	struct vma *v = vma_at(&f->mm->vmas, f->start);
	return v && f->len <= v->end - f->start && (v->flags & VM_UFFD_MISSING) ? v : NULL;
}

static int check_fill(const struct fill *f, const struct vma *v)
{
	if (f->how == FILL_PROTECTED)
		return -EINVAL;
	if (v->flags & VM_HUGETLB)
		return f->how == FILL_ZERO || !IS_ALIGNED(f->start | f->len, HUGE_SIZE) ? -EINVAL
											: 0;
	return f->how == FILL_CONTINUE && !v->object ? -EINVAL : 0;
}

/* The next page. Caller holds mm->lock. */
static int fill_next(struct fill *f)
{
	struct vma *v = destination(f);
	if (f->u->changing)
		return -EAGAIN;
	if (!v)
		return -ENOENT;
	int err = check_fill(f, v);
	if (err)
		return err;
	f->size = v->flags & VM_HUGETLB ? HUGE_SIZE : PAGE_SIZE;
	vaddr_t at = f->start + f->done;
	uptr_t src = uptr_add(f->src, f->done);
	err = (trace_mm_on() ? fill_traced : fill_page)(v, at, src, f->how);
	if (!err)
		f->done += f->size;
	return err;
}

/* Reads in what the next page is made of. */
static int read_source(const struct fill *f)
{
	uptr_t src = uptr_add(f->src, f->done);
	return is_readable(src, f->size, copy_from_user_partial) ? 0 : -EFAULT;
}

long userfault_fill(
	struct userfault *u, vaddr_t start, u32 len, uptr_t src, enum userfault_fill how)
{
	struct fill f = {.u = u,
		.mm = mm_get_living(u->mm),
		.start = start,
		.len = len,
		.src = src,
		.how = how};
	int err = 0;
	if (!f.mm)
		return -ESRCH;
	while (!err && f.done < len) {
		mutex_lock(&f.mm->lock);
		err = fill_next(&f);
		mutex_unlock(&f.mm->lock);
		if (err == SOURCE_MISSING)
			err = read_source(&f);
		if (!err && signal_pending() && fatal_signal_pending())
			err = -EINTR;
	}
	mm_put(f.mm);
	return f.done ? (long)f.done : err;
}
