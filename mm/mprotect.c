/* Protection of a range of an address space, as mprotect(2) changes it. */
#include "mm/commit.h"
#include "mm/cow.h"
#include "mm/fault.h"
#include "mm/space_impl.h"
#include "mm/trace_mm.h"

/* The flags of `pages` of v after it, with VM_ACCOUNT once they are charged, or a negative errno.
 */
static long protect_flags(struct vma *v, u32 prot, u32 pages)
{
	struct mm *mm = v->mm;
	u32 flags = (v->flags & ~VM_PROT) | prot | mm_implied_exec(mm, prot, v->flags);
	if ((flags & ~(flags >> 4)) & VM_PROT)
		return -EACCES;
	if (!(flags & VM_WRITE) || (v->flags & VM_WRITE))
		return flags;
	if (!mm_may_expand(mm, flags, pages) && mm_may_expand(mm, v->flags, pages))
		return -ENOMEM;
	if (flags & (VM_ACCOUNT | VM_SHARED | VM_NORESERVE | VM_HUGETLB))
		return flags;
	return commit_charge(pages, mm->total_vm) ? (long)(flags | VM_ACCOUNT) : -ENOMEM;
}

/* Locked private pages that have become writable are made the process's own at once. */
static void populate_locked(struct mm *mm, vaddr_t start, vaddr_t end, u32 old_flags, u32 flags)
{
	if ((old_flags & (VM_WRITE | VM_SHARED | VM_LOCKED | VM_LOCKONFAULT)) != VM_LOCKED ||
		!(flags & VM_WRITE))
		return;
	while (start < end && fault_in(mm, start, PF_WRITE) == FAULT_DONE)
		start += PAGE_SIZE;
}

/* Changes one VMA's part [start, end). */
static long protect_vma(struct vma *v, vaddr_t start, vaddr_t end, u32 prot)
{
	struct mm *mm = v->mm;
	u32 old_flags = v->flags, pages = (end - start) >> PAGE_SHIFT;
	long flags = protect_flags(v, prot, pages);
	if (flags < 0 || (u32)flags == old_flags)
		return MIN(flags, 0l);
	struct vma *part = vma_isolate(v, start, end);
	if (!part) {
		if (flags & ~old_flags & VM_ACCOUNT)
			commit_release(pages);
		return vma_check_borders(v, start, end) ? -EINVAL : -ENOMEM;
	}
	v = part;
	mm->kind_vm[vm_kind(old_flags)] -= pages;
	mm->kind_vm[vm_kind(flags)] += pages;
	v->flags = flags;
	v->prot = vm_pte_flags(flags);
	vma_lock_entries(v);
	cow_protect(v, start, end, old_flags);
	vma_unlock_entries(v);
	if (trace_mm_on())
		trace_change(v, start, end, old_flags);
	vma_merge(v);
	populate_locked(mm, start, end, old_flags, flags);
	return 0;
}

long mm_protect(struct mm *mm, vaddr_t start, u32 len, u32 prot)
{
	kassert_dbg(mutex_held(&mm->lock));
	vaddr_t end = start + len;
	for (vaddr_t at = start; at < end;) {
		struct vma *v = vma_at(&mm->vmas, at);
		if (!v)
			return -ENOMEM;
		vaddr_t stop = MIN(v->end, end);
		long err = protect_vma(v, at, stop, prot);
		if (err)
			return err;
		at = stop;
	}
	return 0;
}
