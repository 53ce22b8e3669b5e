/* madvise: advice that changes what a program sees (DONTNEED, REMOVE, the fork ones, POPULATE) is
 * carried out; advice about speed is remembered in the VMA where /proc shows it. */
#include "kernel/abi/errno.h"
#include "kernel/abi/mman.h"
#include "kernel/abi/prctl.h"
#include "kernel/proc/signal.h"
#include "kernel/proc/task.h"
#include "kernel/syscalls.h"
#include "kernel/x86/trap.h"
#include "mm/hugetlb.h"
#include "mm/lazyfree.h"
#include "mm/object.h"
#include "mm/poison.h"
#include "mm/space_impl.h"
#include "mm/trace_mm.h"
#include "mm/userfault.h"
#include "mm/zap.h"

#define NEVER_MERGEABLE (VM_SHARED | VM_MAYSHARE | VM_DONTEXPAND | VM_HUGETLB)

/* The kernel's own: the vDSO, the ring of io_setup(2). */
static bool is_special(u32 flags)
{
	return (flags & (VM_DONTEXPAND | VM_HUGETLB)) == VM_DONTEXPAND;
}

/* Advice that comes down to flags of the VMA. Returns the flags after it, or a negative errno. */
static long advised_flags(const struct vma *v, u32 advice)
{
	u32 f = v->flags;
	switch (advice) {
	case MADV_NORMAL:
		return f & ~(VM_RAND_READ | VM_SEQ_READ);
	case MADV_SEQUENTIAL:
		return (f & ~VM_RAND_READ) | VM_SEQ_READ;
	case MADV_RANDOM:
		return (f & ~VM_SEQ_READ) | VM_RAND_READ;
	case MADV_DONTFORK:
		return f | VM_DONTCOPY;
	case MADV_DOFORK:
		return f & VM_PFNMAP ? -EINVAL : (long)(f & ~VM_DONTCOPY);
	case MADV_WIPEONFORK:
		if ((v->backing && !(f & VM_WHOLE)) || (f & VM_SHARED))
			return -EINVAL;
		return f | VM_WIPEONFORK;
	case MADV_KEEPONFORK:
		return f & ~VM_WIPEONFORK;
	case MADV_DONTDUMP:
		return f | VM_DONTDUMP;
	case MADV_DODUMP:
		return is_special(f) ? -EINVAL : (long)(f & ~VM_DONTDUMP);
	case MADV_HUGEPAGE:
		return (f & ~VM_NOHUGEPAGE) | VM_HUGEPAGE;
	case MADV_NOHUGEPAGE:
		return (f & ~VM_HUGEPAGE) | VM_NOHUGEPAGE;
	case MADV_MERGEABLE:
		return f & NEVER_MERGEABLE ? f : f | VM_MERGEABLE;
	default: /* MADV_UNMERGEABLE */
		return f & ~VM_MERGEABLE;
	}
}

static long set_advised(struct vma *v, vaddr_t start, vaddr_t end, u32 advice)
{
	long flags = advised_flags(v, advice);
	if (flags < 0 || (u32)flags == v->flags)
		return flags < 0 ? flags : 0;
	struct vma *part = vma_isolate(v, start, end, (u32)flags);
	if (!part)
		return vma_check_borders(v, start, end) ? -EINVAL : -EAGAIN;
	v = part;
	u32 old_flags = v->flags;
	v->flags = flags;
	if (trace_mm_on())
		trace_change(v, start, end, old_flags);
	vma_merge(v);
	return 0;
}

/* May these pages be dropped, at once or (MADV_FREE) some time? */
static bool may_drop(const struct vma *v, vaddr_t start, u32 advice)
{
	if (((v->flags & VM_LOCKED) && advice != MADV_DONTNEED_LOCKED) || (v->flags & VM_PFNMAP))
		return false;
	if (v->object && advice == MADV_FREE)
		return false;
	return !(v->flags & VM_HUGETLB) || IS_ALIGNED(start, HUGE_SIZE);
}

/* Of huge pages rather too few than too many. */
static vaddr_t drop_end(const struct vma *v, vaddr_t end)
{
	return v->flags & VM_HUGETLB ? ALIGN_DOWN(end, HUGE_SIZE) : end;
}

static long drop(struct vma *v, vaddr_t start, vaddr_t end, u32 advice)
{
	struct mm *mm = v->mm;
	if (!may_drop(v, start, advice))
		return -EINVAL;
	end = drop_end(v, end);
	if (start == end)
		return 0;
	if ((v->flags & VM_UFFD_MISSING) && userfault_remove(v, start, end)) {
		v = vma_at(&mm->vmas, start);
		if (!v || !may_drop(v, start, advice))
			return v ? -EINVAL : -ENOMEM;
		end = drop_end(v, MIN(end, v->end));
	}
	if (advice == MADV_FREE) {
		lazy_free(v, start, end);
		return 0;
	}
	vma_lock_entries(v);
	if (trace_mm_on())
		trace_zap(v, start, end, ZAP_ALL);
	zap_range(v, start, end, ZAP_ALL);
	vma_unlock_entries(v);
	return 0;
}

/* Punches the hole that the range is in its file. The mm's lock is let go meanwhile: v may be gone
 * afterwards. */
static long remove_pages(struct vma *v, vaddr_t start, vaddr_t end)
{
	if ((v->flags & (VM_LOCKED | VM_WHOLE)) || !v->backing)
		return -EINVAL;
	if ((v->flags & (VM_SHARED | VM_MAYWRITE)) != (VM_SHARED | VM_MAYWRITE))
		return -EACCES;
	struct mm *mm = v->mm;
	struct backing *b = v->backing;
	u64 from = (u64)vma_pgoff(v, start) << PAGE_SHIFT;
	if (!b->ops->punch)
		return -EINVAL;
	b->ops->get(b);
	if (v->flags & VM_UFFD_MISSING)
		(void)userfault_remove(v, start, end);
	mutex_unlock(&mm->lock);
	sched_point(); /* each hole is looked for in every mapping of the file */
	bool dies = signal_pending() && fatal_signal_pending();
	long err = dies ? -EINTR : b->ops->punch(b, from, from + (end - start));
	mutex_lock(&mm->lock);
	b->ops->put(b);
	return err;
}

/* Wants a huge page for each that the range holds whole, in a VMA that has room for one. */
static long collapse(const struct vma *v, vaddr_t start, vaddr_t end)
{
	vaddr_t last = ALIGN_DOWN(v->end - PD_SIZE, PD_SIZE);
	if ((v->flags & (VM_NOHUGEPAGE | VM_HUGETLB | VM_DONTEXPAND)) || v->end < PD_SIZE ||
		last < v->start || ALIGN_UP(start, PD_SIZE) > ALIGN_DOWN(end, PD_SIZE))
		return -EINVAL;
	return 0;
}

/* The pages are not needed soon, or (MADV_PAGEOUT) should leave memory. Without swap none can, but
 * those of tmpfs leave the process. */
static long cool(struct vma *v, vaddr_t start, vaddr_t end, u32 advice)
{
	if (v->flags & (VM_LOCKED | VM_PFNMAP | VM_HUGETLB))
		return -EINVAL;
	if (advice == MADV_PAGEOUT && !vma_may_tell(v))
		return 0;
	vma_forget_use(v, start, end, false);
	if (advice == MADV_PAGEOUT && v->object && object_is_shmem(v->object)) {
		vma_lock_entries(v);
		if (trace_mm_on())
			trace_zap(v, start, end, ZAP_COLD);
		zap_range(v, start, end, ZAP_COLD);
		vma_unlock_entries(v);
	}
	pmap_flush_range(&v->mm->pmap, start, end);
	return 0;
}

static long advise_vma(struct vma *v, vaddr_t start, vaddr_t end, u32 advice)
{
	switch (advice) {
	case MADV_WILLNEED:
		return 0;
	case MADV_COLLAPSE:
		return collapse(v, start, end);
	case MADV_COLD:
	case MADV_PAGEOUT:
		return cool(v, start, end, advice);
	case MADV_FREE:
	case MADV_DONTNEED:
	case MADV_DONTNEED_LOCKED:
		return drop(v, start, end, advice);
	case MADV_REMOVE:
		return remove_pages(v, start, end);
	default:
		return set_advised(v, start, end, advice);
	}
}

/* Every VMA of the range; a hole is an error, but only after the rest is done. */
static long advise_range(struct mm *mm, vaddr_t start, vaddr_t end, u32 advice)
{
	long hole = 0;
	for (vaddr_t at = start; at < end;) {
		struct vma *v = vma_find(&mm->vmas, at);
		if (!v || v->start >= end)
			return -ENOMEM;
		if (at < v->start) {
			hole = -ENOMEM;
			at = v->start;
		}
		vaddr_t stop = MIN(v->end, end);
		long err = advise_vma(v, at, stop, advice);
		if (err)
			return err;
		at = stop;
	}
	return hole;
}

static bool is_known(u32 advice)
{
	return advice <= MADV_DONTNEED || (advice >= MADV_FREE && advice <= MADV_COLLAPSE) ||
	       advice == MADV_HWPOISON || advice == MADV_SOFT_OFFLINE;
}

/* VMA by VMA, like the other advice; the lock is taken for each anew. */
static long populate(struct mm *mm, vaddr_t start, vaddr_t end, u32 advice)
{
	u32 access = advice == MADV_POPULATE_WRITE ? PF_WRITE : 0;
	long hole = 0;
	while (start < end) {
		mutex_lock(&mm->lock);
		struct vma *v = vma_find(&mm->vmas, start);
		vaddr_t from = v ? MAX(v->start, start) : end, stop = v ? MIN(v->end, end) : end;
		mutex_unlock(&mm->lock);
		if (from >= end)
			return -ENOMEM;
		if (from > start)
			hole = -ENOMEM;
		long err = mm_populate_access(mm, from, stop, access);
		if (err)
			return err == -EACCES ? -EINVAL : err;
		start = stop;
	}
	return hole;
}

long mm_madvise(struct mm *mm, vaddr_t start, u32 len, u32 advice)
{
	if (!is_known(advice) || start % PAGE_SIZE)
		return -EINVAL;
	u32 size = ALIGN_UP(len, PAGE_SIZE), end = start + size;
	if ((len && !size) || end < start)
		return -EINVAL;
	if (end == start)
		return 0;
	if (advice == MADV_HWPOISON || advice == MADV_SOFT_OFFLINE)
		return capable(CAP_SYS_ADMIN)
			       ? mm_poison(mm, start, end, advice == MADV_SOFT_OFFLINE)
			       : -EPERM;
	if (advice == MADV_POPULATE_READ || advice == MADV_POPULATE_WRITE)
		return populate(mm, start, end, advice);
	mutex_lock(&mm->lock);
	long err = advise_range(mm, start, end, advice);
	mutex_unlock(&mm->lock);
	return err;
}

long sys_madvise(u32 start, u32 len, u32 advice)
{
	return mm_madvise(current_process()->mm, start, len, advice);
}
