/* The copy of an address space that fork(2) makes. Pages are shared, not copied: see mm/cow.h. */
#include "kernel/lib/string.h"
#include "mm/anon.h"
#include "mm/commit.h"
#include "mm/cow.h"
#include "mm/hugetlb.h"
#include "mm/space_impl.h"
#include "mm/trace_mm.h"
#include "mm/userfault.h"

/* The child's copy of a VMA, in no list or tree yet but that of its family. */
static struct vma *fork_dup(struct mm *mm, struct vma *from)
{
	struct vma *v = vma_dup(from);
	if (!v)
		return NULL;
	v->mm = mm;
	v->flags &= ~(VM_LOCKED | VM_LOCKONFAULT);
	if ((v->flags & VM_WIPEONFORK) || anon_fork(v, from) == 0)
		return v;
	vma_drop(v);
	return NULL;
}

/* One VMA of a fork. The child's part of committed memory is promised anew. */
static int fork_vma(struct mm *mm, struct vma *from)
{
	u32 pages = vma_pages(from);
	if ((from->flags & VM_ACCOUNT) && !commit_charge(pages, mm->total_vm))
		return -ENOMEM;
	struct vma *v = fork_dup(mm, from);
	if (!v) {
		if (from->flags & VM_ACCOUNT)
			commit_release(pages);
		return -ENOMEM;
	}
	vma_attach(v);
	vma_insert_after(&mm->vmas, vma_last(&mm->vmas), v);
	mm_account(mm, v->flags, pages);
	if (trace_mm_on())
		trace_map(v, v->start, v->end);
	if (unlikely(v->flags & VM_UFFD_MISSING) && userfault_fork(v, from->mm) < 0)
		return -ENOMEM;
	if (!v->anon && !(v->flags & VM_HUGETLB))
		return 0; /* faults find the pages again */
	vma_lock_entries(v);
	int err = v->anon ? cow_fork(v, from) : hugetlb_fork(v, from);
	if (trace_mm_on())
		trace_fork(v);
	vma_unlock_entries(v);
	return err;
}

static void fork_fields(struct mm *mm, const struct mm *old)
{
	mm->start_code = old->start_code;
	mm->end_code = old->end_code;
	mm->start_data = old->start_data;
	mm->end_data = old->end_data;
	mm->start_brk = old->start_brk;
	mm->brk = old->brk;
	mm->start_stack = old->start_stack;
	mm->arg_start = old->arg_start;
	mm->arg_end = old->arg_end;
	mm->env_start = old->env_start;
	mm->env_end = old->env_end;
	mm->mmap_base = old->mmap_base;
	mm->vdso = old->vdso;
	mm->brittle = old->brittle;
	memcpy(mm->auxv, old->auxv, sizeof(mm->auxv));
	mm->limits = old->limits;
	mm->has_lazy = old->has_lazy;
	mm->read_implies_exec = old->read_implies_exec;
	mm->exe = old->exe;
	if (mm->exe)
		mm->exe->ops->get(mm->exe);
}

struct mm *mm_fork(struct mm *old)
{
	struct mm *mm = mm_create();
	if (!mm)
		return NULL;
	struct vma *v;
	mutex_lock(&old->lock);
	fork_fields(mm, old);
	int err = pmap_copy_ldt(&mm->pmap, &old->pmap);
	vma_for_each (v, &old->vmas) {
		if (err)
			break;
		if (v->flags & VM_DONTCOPY)
			continue;
		if ((err = fork_vma(mm, v)) < 0)
			break;
	}
	pmap_flush_range(&old->pmap, 0, USER_TOP);
	mm->hiwater_rss = mm_rss(mm);
	if (err)
		userfault_fork_failed(old);
	mm_unlock(old);
	if (err) {
		mm_put(mm);
		return NULL;
	}
	return mm;
}
