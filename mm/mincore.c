/* mincore: which pages could be touched without I/O. */
#include "kernel/abi/errno.h"
#include "kernel/lib/string.h"
#include "kernel/proc/task.h"
#include "kernel/syscalls.h"
#include "kernel/x86/uaccess.h"
#include "mm/hugetlb.h"
#include "mm/pagecache.h"
#include "mm/space_impl.h"

/* Pages without an entry: the cache behind the VMA says it. */
static void ask_cache(struct object *o, u32 pgoff, u32 n, u8 *vec)
{
#pragma GCC unroll 8
	for (u32 i = 0; i < n; i++)
		if (!vec[i])
			vec[i] = page_has_data(object_cached(o, pgoff + i));
}

/* Up to `n` pages of v that share a page table, from addr on. Returns how many. */
static u32 fill_table(struct vma *v, vaddr_t addr, u32 n, u8 *vec)
{
	const pte_t *pte = pmap_pte(&v->mm->pmap, addr);
	n = pt_run(addr, addr + n * PAGE_SIZE);
	if (!pte)
		memset(vec, 0, n);
#pragma GCC unroll 8
	for (u32 i = 0; pte && i < n; i++)
		vec[i] = pte_maps(pte[i]);
	static const u8 all[PT_ENTRIES] = {[0 ... PT_ENTRIES - 1] = true};
	if (v->object && memcmp(vec, all, n))
		ask_cache(v->object, vma_pgoff(v, addr), n, vec);
	return n;
}

/* Linux asks the entry alone, not the file. */
static u32 fill_huge(struct vma *v, vaddr_t addr, u32 n, u8 *vec)
{
	n = MIN(n, PT_ENTRIES - pt_index(addr));
	memset(vec, pte_maps(hugetlb_entry(v->mm, addr)), n);
	return n;
}

/* Up to `n` pages from addr on, within one VMA and page table. Returns how many, or -ENOMEM at a
 * hole. */
static long fill(struct mm *mm, vaddr_t addr, u32 n, u8 *vec)
{
	struct vma *v = vma_at(&mm->vmas, addr);
	if (!v)
		return -ENOMEM;
	if (v->flags & VM_HUGETLB)
		return fill_huge(v, addr, n, vec);
	n = MIN(n, (v->end - addr) >> PAGE_SHIFT);
	if (unlikely(!vma_may_tell(v))) {
		memset(vec, 1, n); /* others' files: nothing is told of what is cached */
		return n;
	}
	return fill_table(v, addr, n, vec);
}

long sys_mincore(u32 start, u32 len, uptr_t vec)
{
	struct mm *mm = current_process()->mm;
	u32 pages = pages_of(len);
	u8 part[512];
	if (start % PAGE_SIZE)
		return -EINVAL;
	if (!user_range_ok(UPTR(start), len))
		return -ENOMEM;
	if (!user_range_ok(vec, pages))
		return -EFAULT;
	while (pages) {
		mutex_lock(&mm->lock);
		long n = fill(mm, start, MIN(pages, (u32)sizeof(part)), part);
		mutex_unlock(&mm->lock);
		if (n < 0)
			return n;
		if (copy_to_user(vec, part, n))
			return -EFAULT;
		vec = uptr_add(vec, n);
		start += n * PAGE_SIZE;
		pages -= n;
	}
	return 0;
}
