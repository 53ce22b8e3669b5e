/* mlock and its family: memory that stays. Nothing is ever reclaimed from under a lock; what counts
 * is that the pages are there when the call returns, and the limit. */
#include "kernel/abi/errno.h"
#include "kernel/abi/mman.h"
#include "kernel/proc/task.h"
#include "kernel/syscalls.h"
#include "mm/space_impl.h"
#include "mm/trace_mm.h"

#define LOCK_FLAGS (VM_LOCKED | VM_LOCKONFAULT)

static bool may_lock_at_all(struct mm *mm)
{
	return mm->limits.memlock != 0;
}

/* Sets the lock flags of [start, end), VMA by VMA, stopping at a hole. */
static long set_flags(struct mm *mm, vaddr_t start, vaddr_t end, u32 lock_flags)
{
	for (vaddr_t at = start; at < end;) {
		struct vma *v = vma_at(&mm->vmas, at);
		if (!v)
			return -ENOMEM;
		vaddr_t stop = MIN(v->end, end);
		/* Huge pages and the vDSO are always in memory: not locked, nor counted. */
		if ((v->flags & LOCK_FLAGS) != lock_flags && !(v->flags & (VM_HUGETLB | VM_DONTEXPAND))) {
			u32 old_flags = v->flags, flags = (old_flags & ~LOCK_FLAGS) | lock_flags;
			v = vma_isolate(v, at, stop, flags);
			if (!v)
				return -ENOMEM;
			s32 pages = vma_pages(v);
			mm->locked_vm += ((lock_flags & VM_LOCKED) ? pages : 0) -
					 ((v->flags & VM_LOCKED) ? pages : 0);
			v->flags = flags;
			if (trace_mm_on())
				trace_change(v, at, stop, old_flags);
			vma_merge(v);
		}
		at = stop;
	}
	return 0;
}

/* Pages of [start, end) that are locked already and would be counted twice. */
static u32 locked_pages(struct mm *mm, vaddr_t start, vaddr_t end)
{
	u32 pages = 0;
	for (struct vma *v = vma_find(&mm->vmas, start); v && v->start < end;
		v = vma_next(v))
		if (v->flags & VM_LOCKED)
			pages += (MIN(v->end, end) - MAX(v->start, start)) >> PAGE_SHIFT;
	return pages;
}

/* Linux's errno for pages that could not be made present. */
static long populate_errno(long err)
{
	if (err == -EFAULT || err == -EACCES || err == -EHWPOISON)
		return -ENOMEM;
	return err == -ENOMEM ? -EAGAIN : err;
}

static long do_mlock(u32 addr, u32 len, u32 lock_flags)
{
	struct mm *mm = current_process()->mm;
	if (!may_lock_at_all(mm))
		return -EPERM;
	vaddr_t start = ALIGN_DOWN(addr, PAGE_SIZE);
	len = ALIGN_UP(len + addr % PAGE_SIZE, PAGE_SIZE);
	vaddr_t end = start + len;
	mutex_lock(&mm->lock);
	u32 pages = len >> PAGE_SHIFT;
	long err = -ENOMEM;
	if (mm_may_lock(mm, pages) || mm_may_lock(mm, pages - locked_pages(mm, start, end)))
		err = end < start ? -EINVAL : set_flags(mm, start, end, lock_flags);
	mutex_unlock(&mm->lock);
	if (err || (lock_flags & VM_LOCKONFAULT))
		return err;
	return populate_errno(mm_populate(mm, start, end));
}

long sys_mlock(u32 addr, u32 len)
{
	return do_mlock(addr, len, VM_LOCKED);
}

long sys_mlock2(u32 addr, u32 len, u32 flags)
{
	if (flags & ~MLOCK_ONFAULT)
		return -EINVAL;
	return do_mlock(addr, len, VM_LOCKED | (flags & MLOCK_ONFAULT ? VM_LOCKONFAULT : 0));
}

long sys_munlock(u32 addr, u32 len)
{
	struct mm *mm = current_process()->mm;
	vaddr_t start = ALIGN_DOWN(addr, PAGE_SIZE);
	vaddr_t end = start + ALIGN_UP(len + addr % PAGE_SIZE, PAGE_SIZE);
	if (end < start)
		return -EINVAL;
	mutex_lock(&mm->lock);
	long err = set_flags(mm, start, end, 0);
	mutex_unlock(&mm->lock);
	return err;
}

static void set_all(struct mm *mm, u32 lock_flags)
{
	vaddr_t at = 0;
	struct vma *v;
	while ((v = vma_find(&mm->vmas, at))) {
		at = v->end;
		(void)set_flags(mm, v->start, at, lock_flags);
	}
}

/* Makes every mapped page present; errors of single areas do not matter (Linux ignores them). */
static void populate_all(struct mm *mm)
{
	vaddr_t at = 0;
	for (;;) {
		mutex_lock(&mm->lock);
		struct vma *v = vma_find(&mm->vmas, at);
		vaddr_t start = v ? v->start : 0, end = v ? v->end : 0;
		bool wanted =
			v && (v->flags & (VM_LOCKED | VM_HUGETLB)) && !(v->flags & VM_LOCKONFAULT);
		mutex_unlock(&mm->lock);
		if (!end)
			return;
		if (wanted)
			(void)mm_populate(mm, start, end);
		at = end;
	}
}

long sys_mlockall(u32 flags)
{
	struct mm *mm = current_process()->mm;
	if (!flags || (flags & ~(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT)) || flags == MCL_ONFAULT)
		return -EINVAL;
	if (!may_lock_at_all(mm))
		return -EPERM;
	u32 lock_flags = VM_LOCKED | (flags & MCL_ONFAULT ? VM_LOCKONFAULT : 0);
	mutex_lock(&mm->lock);
	bool fits = !(flags & MCL_CURRENT) || mm->total_vm <= mm->limits.memlock >> PAGE_SHIFT;
	if (fits) {
		mm->def_flags = flags & MCL_FUTURE ? lock_flags : 0;
		if (flags & MCL_CURRENT)
			set_all(mm, lock_flags);
	}
	mutex_unlock(&mm->lock);
	if (!fits)
		return -ENOMEM;
	if (flags & MCL_CURRENT)
		populate_all(mm);
	return 0;
}

long sys_munlockall(void)
{
	struct mm *mm = current_process()->mm;
	mutex_lock(&mm->lock);
	mm->def_flags = 0;
	set_all(mm, 0);
	mutex_unlock(&mm->lock);
	return 0;
}
