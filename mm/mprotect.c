/* mprotect(2): the call, what it does to VMAs, and to the entries of their pages. */
#include "kernel/abi/mman.h"
#include "kernel/proc/task.h"
#include "kernel/syscalls.h"
#include "mm/commit.h"
#include "mm/cow.h"
#include "mm/fault.h"
#include "mm/hugetlb.h"
#include "mm/space_impl.h"
#include "mm/trace_mm.h"

/* --- Entries --- */

/* PTE_W for an entry of our own. */
static inline u32 own_write(u32 lo)
{
	_Static_assert(PTE_OWN >> 9 == PTE_W, "the shift");
	return lo >> 9 & (u32)PTE_W;
}

/* W of an entry of private memory goes, or comes where it may. An empty entry stays empty. */
static __forceinline void set_write(pte_t *pte, bool may)
{
	if (may)
		pmap_set_low(pte, pte_low(pte) | own_write(pte_low(pte)));
	else
		pmap_take_low(pte, (u32)PTE_W);
}

static __forceinline void set_write_all(pte_t *pte, u32 n, bool may)
{
	for (; n % PTE_ROUND; n--)
		set_write(pte++, may);
	for (; n; n -= PTE_ROUND, pte += PTE_ROUND)
#pragma GCC unroll 8
		for (u32 i = 0; i < PTE_ROUND; i++)
			set_write(&pte[i], may);
}

/* The common change: whether private memory may be written. */
static __forceinline void protect_own(struct vma *v)
{
	vaddr_t at = v->start, end = v->end, stop;
	do {
		stop = pt_end(at, end);
		pte_t *pte = pmap_pte(&v->mm->pmap, at);
		u32 n = (stop - at) >> PAGE_SHIFT;
		if (pte && v->flags & VM_WRITE)
			set_write_all(pte, n, true);
		else if (pte)
			set_write_all(pte, n, false);
		at = stop;
	} while (at < end);
}

#define KEPT (PTE_A | PTE_D | PTE_ANON | PTE_OWN | PTE_LAZY)

static __noinline void protect_any(struct vma *v)
{
	vaddr_t start = v->start, end = v->end;
	u32 grant = (v->flags & (VM_WRITE | VM_SHARED)) == VM_WRITE ? (u32)PTE_W : 0;
	u64 prot = v->prot & ~PTE_A;
	for (u32 n; start < end; start += n << PAGE_SHIFT) {
		n = pt_run(start, end);
		pte_t *pte = pmap_pte(&v->mm->pmap, start);
		for (u32 i = 0; pte && i < n; i++, pte++) {
			u32 kept = (pte_low(pte) & (u32)KEPT) | (own_write(pte_low(pte)) & grant);
			if (pte_maps(*pte) && !pte_poisoned(*pte))
				pmap_set(pte, pte_set_low(pte_make(pte_pfn(*pte), prot), kept));
		}
	}
}

/* The entries of v, whose flags were old_flags, say what its flags allow now. */
static void protect_entries(struct vma *v, u32 old_flags)
{
	u32 changed = (old_flags ^ v->flags) & VM_PROT;
	if (unlikely(v->flags & VM_HUGETLB)) {
		hugetlb_protect(v, v->start, v->end);
		return;
	}
	if (vma_is_untouched(v))
		return;
	if (changed == VM_WRITE && (v->flags & (VM_READ | VM_EXEC)) && !(v->flags & VM_SHARED))
		protect_own(v);
	else
		protect_any(v);
	/* Of what is allowed now and was not before, a fault finds out that the TLB is behind. */
	if (old_flags & changed)
		pmap_flush_range(&v->mm->pmap, v->start, v->end);
}

/* --- VMAs --- */

/* prot gives W to v, or takes it from it, and changes nothing else; v is private anonymous memory
 * that is paid for and not locked. */
static inline bool is_plain(const struct vma *v, u32 prot)
{
	const u32 yes = VM_MAYWRITE | VM_ACCOUNT;
	const u32 no = VM_SHARED | VM_GROWSDOWN | VM_LOCKED | VM_LOCKONFAULT | VM_HUGETLB;
	return ((v->flags ^ prot) & VM_PROT) == VM_WRITE && (v->flags & (yes | no)) == yes &&
	       (v->flags & (VM_READ | VM_EXEC)) && !v->object && !v->mm->read_implies_exec;
}

/*
 * What programs do time and again: all of a VMA may not be written for a moment. There is nothing
 * to cut, charge or populate, and its prot stays. False, with nothing done, where it is not that.
 */
static bool protect_plain(struct mm *mm, struct vma *v, u32 prot)
{
	u32 pages = vma_pages(v), *data = &mm->kind_vm[VM_KIND_DATA];
	if (!is_plain(v, prot))
		return false;
	if (!(prot & VM_WRITE))
		pages = -pages;
	else if (*data + pages > mm->limits.data >> PAGE_SHIFT)
		return false;
	*data += pages;
	mm->kind_vm[vm_kinds[v->flags & (VM_READ | VM_EXEC)]] -= pages;
	v->flags ^= VM_WRITE;
	if (v->anon || v->zero_mapped) {
		protect_own(v);
		if (!(prot & VM_WRITE))
			pmap_flush_range(&mm->pmap, v->start, v->end);
	}
	if (trace_mm_on())
		trace_change(v, v->start, v->end, v->flags ^ VM_WRITE);
	vma_merge(v);
	return true;
}

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
	struct vma *part = vma_isolate(v, start, end, (u32)flags);
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
	protect_entries(v, old_flags);
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

/* --- The call --- */

#define PROT_GROWS (PROT_GROWSDOWN | PROT_GROWSUP)

/* With PROT_GROWSDOWN the change reaches down to the start of a growing VMA; nothing grows up. */
static __noinline long protect_growing(struct mm *mm, vaddr_t addr, u32 len, u32 prot)
{
	bool up = prot & PROT_GROWSUP;
	struct vma *v = vma_find(&mm->vmas, addr);
	if (!v || v->start >= (up ? addr + 1 : addr + len))
		return -ENOMEM;
	if (up || !(v->flags & VM_GROWSDOWN))
		return -EINVAL;
	return mm_protect(mm, v->start, addr + len - v->start, prot & VM_PROT);
}

static inline long protect(struct mm *mm, vaddr_t addr, u32 len, u32 prot)
{
	struct vma *v = vma_at(&mm->vmas, addr);
	if (unlikely(prot & PROT_GROWS))
		return protect_growing(mm, addr, len, prot);
	if (v && v->start == addr && v->end == addr + len && protect_plain(mm, v, prot))
		return 0;
	return mm_protect(mm, addr, len, prot & VM_PROT);
}

long sys_mprotect(u32 addr, u32 len, u32 prot)
{
	struct mm *mm = current_process()->mm;
	if ((prot & PROT_GROWS) == PROT_GROWS || addr % PAGE_SIZE)
		return -EINVAL;
	if (!len)
		return 0;
	len = ALIGN_UP(len, PAGE_SIZE); /* 0 where that overflows */
	if (addr + len <= addr)
		return -ENOMEM;
	if (prot & ~(VM_PROT | PROT_SEM | PROT_GROWS))
		return -EINVAL;
	mutex_lock(&mm->lock);
	long err = protect(mm, addr, len, prot);
	mutex_unlock(&mm->lock);
	return err;
}
