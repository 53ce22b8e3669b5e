/* msync. Memory is the only home of our files, so there is nothing to write back: what is left are
 * the checks. */
#include "kernel/abi/errno.h"
#include "kernel/abi/mman.h"
#include "kernel/proc/task.h"
#include "kernel/syscalls.h"
#include "mm/space.h"

static long check_range(struct mm *mm, vaddr_t start, vaddr_t end, u32 flags)
{
	long err = 0;
	for (vaddr_t at = start; at < end;) {
		struct vma *v = vma_find(&mm->vmas, at);
		if (!v || v->start >= end)
			return -ENOMEM;
		if (at < v->start)
			err = -ENOMEM;
		if ((flags & MS_INVALIDATE) && (v->flags & VM_LOCKED))
			return -EBUSY;
		at = v->end;
	}
	return err;
}

long sys_msync(u32 start, u32 len, u32 flags)
{
	struct mm *mm = current_process()->mm;
	if (flags & ~(MS_ASYNC | MS_INVALIDATE | MS_SYNC) || start % PAGE_SIZE)
		return -EINVAL;
	if ((flags & MS_ASYNC) && (flags & MS_SYNC))
		return -EINVAL;
	u32 end = start + ALIGN_UP(len, PAGE_SIZE);
	if (end < start)
		return -ENOMEM;
	mutex_lock(&mm->lock);
	long err = check_range(mm, start, end, flags);
	mutex_unlock(&mm->lock);
	return err;
}
