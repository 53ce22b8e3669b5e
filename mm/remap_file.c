/* remap_file_pages(2), which shows pages of a shared file mapping in another order. As on Linux
 * since 4.0 it is a new mapping over the old one. */
#include "kernel/abi/errno.h"
#include "kernel/abi/mman.h"
#include "kernel/proc/task.h"
#include "kernel/syscalls.h"
#include "mm/mmap.h"
#include "mm/object.h"
#include "mm/space.h"
#include "mm/userfault.h"

/* [start, end) begins in v and does not leave what was once the same mapping. */
static bool is_uniform(struct mm *mm, struct vma *v, vaddr_t end)
{
	const struct vma *first = v;
	while (v->end < end) {
		struct vma *next = vma_next(v);
		if (!next || next->start != v->end || next->backing != first->backing ||
			next->flags != first->flags)
			return false;
		v = next;
	}
	return true;
}

static long remap(struct mm *mm, struct mmap_args *a, u32 flags)
{
	struct vma *v = vma_at(&mm->vmas, a->r.addr);
	if (!v || !(v->flags & VM_SHARED) || !is_uniform(mm, v, a->r.addr + a->r.len))
		return -EINVAL;
	mmap_set_backing(a, v->backing);
	a->prot = v->flags & VM_PROT;
	a->flags = (flags & MAP_NONBLOCK) | MAP_SHARED | MAP_FIXED | MAP_POPULATE |
		   (v->flags & VM_LOCKED ? MAP_LOCKED : 0);
	/* The mapping that holds the file goes before the new one comes. */
	struct backing *b = v->backing;
	b->ops->get(b);
	long at = mmap_locked(mm, a);
	b->ops->put(b);
	return at;
}

long sys_remap_file_pages(u32 start, u32 size, u32 prot, u32 pgoff, u32 flags)
{
	struct mm *mm = current_process()->mm;
	struct mmap_args a = {
		.r =
			{
				.addr = ALIGN_DOWN(start, PAGE_SIZE),
				.len = ALIGN_DOWN(size, PAGE_SIZE),
				.pgoff = pgoff,
			},
	};
	if (prot || a.r.addr + a.r.len <= a.r.addr || pgoff + (a.r.len >> PAGE_SHIFT) < pgoff)
		return -EINVAL;
	mutex_lock(&mm->lock);
	long at = remap(mm, &a, flags);
	mm_unlock(mm);
	mmap_populate(mm, &a, at);
	return is_err((void *)at) ? at : 0;
}
