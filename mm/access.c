/* Touching an address space from outside: faulting pages in ahead, and another process's memory. */
#include "kernel/lib/string.h"
#include "kernel/proc/signal.h"
#include "kernel/x86/trap.h"
#include "mm/anon.h"
#include "mm/fault.h"
#include "mm/hugetlb.h"
#include "mm/page_alloc.h"
#include "mm/space_impl.h"
#include "mm/userfault.h"

static long fault_errno(enum fault_result r)
{
	switch (r) {
	case FAULT_DONE:
		return 0;
	case FAULT_ACCERR:
		return -EACCES;
	case FAULT_SIGBUS:
		return -EFAULT;
	case FAULT_HWPOISON:
		return -EHWPOISON;
	default:
		return -ENOMEM;
	}
}

/* The access that makes a page of v usable: a private writable one is made its own at once. */
static u32 populate_access(const struct vma *v)
{
	return (v->flags & (VM_WRITE | VM_SHARED)) == VM_WRITE ? PF_WRITE : 0;
}

/* Waits for userfaultfd(2)'s programs; mm->lock is let go meanwhile. */
static enum fault_result wait_for_filler(struct mm *mm, vaddr_t addr, u32 access)
{
	mutex_unlock(&mm->lock);
	enum fault_result r = userfault_wait(mm, addr, access);
	mutex_lock(&mm->lock);
	return r;
}

/* A private page that others have too is copied before it is pinned. Nobody has written the copy,
 * and the process itself has to ask before it does. */
static enum fault_result unshare(struct mm *mm, vaddr_t addr)
{
	pte_t *pte = pmap_pte(&mm->pmap, addr);
	if (!pte || !pte_anon(*pte) || pfn_page(pte_pfn(*pte))->mapcount == 1)
		return FAULT_DONE;
	enum fault_result r = fault_in(mm, addr, PF_WRITE | FAULT_FORCE);
	if (r == FAULT_DONE)
		pmap_take_low(pte, (u32)(PTE_W | PTE_D));
	return r;
}

/* What a fault does not do to a page that is there already: to say that it is written, to all who map
 * it. As on Linux, the word of an entry that is dirty is enough, but not to who has `pinned` it: he says
 * so whether or not he writes. */
static void mark_written(struct vma *v, vaddr_t addr, bool pinned)
{
	vma_lock_entries(v);
	const pte_t *pte = pmap_pte(&v->mm->pmap, addr);
	if (pte && pte_maps(*pte) && !pte_poisoned(*pte) && (pinned || !pte_dirty(*pte)))
		pfn_page(pte_pfn(*pte))->flags |= PF_DIRTY;
	vma_unlock_entries(v);
}

static __noinline enum fault_result populate_present(struct vma *v, vaddr_t addr, u32 how)
{
	if (how == FAULT_PIN)
		return unshare(v->mm, addr);
	mark_written(v, addr, how & FAULT_PIN);
	return FAULT_DONE;
}

/* [*at, stop) lies in v. Goes on to where it has come; not to the end when v may have changed. */
static long populate_vma(struct vma *v, vaddr_t *at, vaddr_t stop, s32 access)
{
	u32 right = access & PF_WRITE ? VM_WRITE : VM_READ;
	if (access >= 0 && (v->flags & (right | VM_PFNMAP)) != right)
		return -EACCES;
	if (access < 0 && (v->flags & VM_LOCKONFAULT))
		*at = stop;
	u32 how = access < 0 ? populate_access(v) : (u32)access;
	bool present = how & FAULT_PIN || (how & PF_WRITE && v->flags & VM_SHARED);
	enum fault_result r = FAULT_DONE;
	struct mm *mm = v->mm;
	for (; *at < stop; *at += PAGE_SIZE) {
		r = fault_in(mm, *at, how);
		if (r == FAULT_DONE && present)
			r = populate_present(v, *at, how);
		if (r != FAULT_DONE)
			break;
	}
	return fault_errno(r == FAULT_USERFAULT ? wait_for_filler(mm, *at, how) : r);
}

/* A long call lets others run, and ends when the process does. */
static long between_parts(void)
{
	sched_point();
	return signal_pending() && fatal_signal_pending() ? -EINTR : 0;
}

long mm_populate_access(struct mm *mm, vaddr_t start, vaddr_t end, s32 access)
{
	long err = 0;
	while (start < end && !err) {
		mutex_lock(&mm->lock);
		struct vma *v = vma_at(&mm->vmas, start);
		err = v ? populate_vma(v, &start, pt_end(start, MIN(v->end, end)), access) : -ENOMEM;
		mutex_unlock(&mm->lock);
		if (!err && start < end)
			err = between_parts();
	}
	return err;
}

long mm_populate(struct mm *mm, vaddr_t start, vaddr_t end)
{
	return mm_populate_access(mm, start, end, -1);
}

/* The kernel's own data. What may be written or executed but not read: the machine would read it
 * all the same. And what the process itself may not write, where others would see it or a huge page
 * had to be copied: that is not to be forced. */
static bool is_hidden(struct mm *mm, vaddr_t addr, u32 access)
{
	const struct vma *v = vma_at(&mm->vmas, addr);
	if (v && (v->flags & VM_PFNMAP))
		return true;
	if (v && access == 0)
		return !(v->flags & VM_READ);
	return v && access == (FAULT_FORCE | PF_WRITE) && !(v->flags & VM_WRITE) &&
	       v->flags & (VM_SHARED | VM_HUGETLB);
}

/* The frame behind addr, which has been faulted in, with a reference; one of a huge page holds the
 * whole. */
static struct page *hold_page(struct mm *mm, vaddr_t addr, bool write)
{
	pte_t *pte = pmap_pte(&mm->pmap, addr);
	if (!pte) {
		struct page *head = pfn_page(pte_pfn(hugetlb_entry(mm, addr)));
		head->refcount++;
		return head + pt_index(addr);
	}
	struct page *p = pfn_page(pte_pfn(*pte));
	page_get(p);
	if (write) { /* which the CPU will not see: it is done to the frame */
		struct vma *v = vma_at(&mm->vmas, addr);
		vma_lock_entries(v);
		pmap_set_low(pte, pte_low(pte) | (u32)PTE_D);
		p->flags |= p->kind == PK_CACHE || p->kind == PK_ANON ? PF_DIRTY : 0;
		vma_unlock_entries(v);
	}
	return p;
}

void mm_put_page(struct page *p)
{
	if (p->kind == PK_HUGE)
		hugetlb_put(hugetlb_head(p));
	else
		page_put(p);
}

/* Faults in the page that somebody else wants; a debugger does not wait for the program. */
static enum fault_result fault_for_other(struct mm *mm, vaddr_t addr, u32 access)
{
	enum fault_result r;
	bool forced = access & FAULT_FORCE, waited = false;
	do {
		if (!(forced || vma_at(&mm->vmas, addr)) || is_hidden(mm, addr, access))
			return FAULT_MAPERR;
		r = fault_in(mm, addr, access);
		waited = r == FAULT_USERFAULT && !forced;
		if (waited)
			r = wait_for_filler(mm, addr, access);
	} while (waited && r == FAULT_DONE);
	return r;
}

struct page *mm_get_page(struct mm *mm, vaddr_t addr, u32 access)
{
	struct page *p = NULL;
	mutex_lock(&mm->lock);
	if (addr < USER_TOP && fault_for_other(mm, addr, access) == FAULT_DONE)
		p = hold_page(mm, addr, access & PF_WRITE);
	mutex_unlock(&mm->lock);
	return p;
}

/* What there is of it in memory, or in its file: looking at memory does not make any. */
static bool has_page(struct vma *v, vaddr_t addr)
{
	const pte_t *pte = pmap_pte(&v->mm->pmap, addr);
	if (v->flags & VM_PFNMAP) /* [vvar], of which the room is dumped */
		return false;
	if (v->flags & VM_HUGETLB)
		return !hugetlb_missing(v, addr);
	if (v->object)
		return true;
	return pte && pte_maps(*pte) && pfn_page(pte_pfn(*pte)) != zero_page;
}

bool mm_dump_page(struct mm *mm, vaddr_t addr, void *to)
{
	struct page *p = NULL;
	mutex_lock(&mm->lock);
	struct vma *v = vma_at(&mm->vmas, addr);
	if (v && has_page(v, addr) && fault_in(mm, addr, FAULT_FORCE) == FAULT_DONE)
		p = hold_page(mm, addr, false);
	mutex_unlock(&mm->lock);
	if (!p)
		return false;
	void *va = kmap_local(p);
	memcpy(to, va, PAGE_SIZE);
	kunmap_local(va);
	mm_put_page(p);
	return true;
}

size_t mm_access(struct mm *mm, vaddr_t addr, void *buf, size_t n, bool write, bool force)
{
	size_t done = 0;
	u32 access = (write ? PF_WRITE : 0) | (force ? FAULT_FORCE : 0);
	while (done < n) {
		size_t off = (addr + done) % PAGE_SIZE, part = MIN(n - done, PAGE_SIZE - off);
		struct page *p = mm_get_page(mm, addr + done, access);
		if (!p)
			break;
		char *va = kmap_local(p);
		if (write)
			memcpy(va + off, (char *)buf + done, part);
		else
			memcpy((char *)buf + done, va + off, part);
		kunmap_local(va);
		mm_put_page(p);
		done += part;
	}
	return done;
}
