/* mremap: growing, shrinking and moving a mapping with its pages. */
#include "kernel/abi/errno.h"
#include "kernel/abi/mman.h"
#include "kernel/proc/task.h"
#include "kernel/syscalls.h"
#include "mm/anon.h"
#include "mm/commit.h"
#include "mm/hugetlb.h"
#include "mm/mmap.h"
#include "mm/space_impl.h"
#include "mm/trace_mm.h"
#include "mm/userfault.h"

/* One call. Lengths are page aligned. */
struct remap {
	struct mm *mm;
	vaddr_t addr, new_addr;
	u32 old_len, new_len, flags;
	u32 how; /* MM_HUGE, or 0 */
};

/* May the part of v at addr become new_len long? Linux's vma_to_resize(). */
static long check_resize(const struct remap *r, const struct vma *v)
{
	u32 pgoff = vma_pgoff(v, r->addr), grow = r->new_len - r->old_len;
	if (!r->old_len && !(v->flags & (VM_SHARED | VM_MAYSHARE)))
		return -EINVAL;
	if ((r->flags & MREMAP_DONTUNMAP) && (v->flags & VM_DONTEXPAND))
		return -EINVAL;
	if (r->old_len > v->end - r->addr)
		return -EFAULT;
	if (r->new_len == r->old_len)
		return 0;
	if (pgoff + (r->new_len >> PAGE_SHIFT) < pgoff)
		return -EINVAL;
	if (v->flags & VM_DONTEXPAND)
		return -EFAULT;
	if ((v->flags & VM_LOCKED) && !mm_may_lock(r->mm, grow >> PAGE_SHIFT))
		return -EAGAIN;
	return mm_may_expand(r->mm, v->flags, grow >> PAGE_SHIFT) ? 0 : -ENOMEM;
}

/* What lies `off` bytes behind the start is a whole table, or huge page, at both places: its entry
 * in the directory goes over. */
static bool is_whole_table(const struct remap *r, u32 off)
{
	return IS_ALIGNED((r->addr + off) | (r->new_addr + off), PD_SIZE) &&
	       r->old_len - off >= PD_SIZE;
}

/* Page tables for the destination, so that moving entries cannot fail. */
static int make_tables(const struct remap *r, bool huge)
{
	struct pmap *pm = &r->mm->pmap;
	if (huge)
		hugetlb_clear_tables(r->mm, r->new_addr, r->new_len);
	for (u32 off = 0; off < r->old_len;) {
		vaddr_t to = r->new_addr + off;
		if (!(is_whole_table(r, off) ? pmap_pde_alloc(pm, to) : pmap_pte_alloc(pm, to)))
			return -ENOMEM;
		off += PD_SIZE - to % PD_SIZE;
	}
	return 0;
}

/* `n` entries go over as they are. */
static void move_table(pte_t *from, pte_t *to, u32 n)
{
	for (u32 i = 0; i < n; i++, from++, to++) {
		u32 lo = pte_low(from), hi = pte_high(from);
		if (!lo)
			continue;
		pmap_clear(from);
		pmap_set_words(to, lo, hi);
	}
}

/* The tables for the new place are there. One flush at the end. */
static void move_entries(const struct remap *r)
{
	struct pmap *pm = &r->mm->pmap;
	for (u32 off = 0, n; off < r->old_len; off += n << PAGE_SHIFT) {
		vaddr_t from = r->addr + off, to = r->new_addr + off;
		pte_t *pte = pmap_pte(pm, from);
		n = MIN(pt_run(from, r->addr + r->old_len), PT_ENTRIES - pt_index(to));
		if (is_whole_table(r, off))
			pmap_exchange_tables(pm, from, to);
		else if (pte)
			move_table(pte, pmap_pte(pm, to), n);
	}
	pmap_flush_range(pm, r->addr, r->addr + r->old_len);
}

/* The VMA for the new place. Pages keep their index, so it keeps its numbering; where there are
 * none yet it is numbered by its address, like any new mapping. */
static struct vma *make_target(const struct remap *r, struct vma *v, bool unmap)
{
	struct vma *to = vma_dup(v);
	if (!to)
		return NULL;
	to->start = r->new_addr;
	to->end = r->new_addr + r->new_len;
	to->pgoff = v->object || v->anon ? vma_pgoff(v, r->addr) : r->new_addr >> PAGE_SHIFT;
	if ((to->flags & VM_UFFD_MISSING) && userfault_remap(to, r->addr, r->old_len, unmap) < 0) {
		vma_drop(to);
		return NULL;
	}
	if (!(v->flags & VM_HUGETLB))
		anon_join(to, v);
	if (v->flags & VM_BRITTLE)
		mm_note_brittle(r->mm, r->new_addr);
	vma_attach(to);
	vma_insert(&r->mm->vmas, to);
	return to;
}

/* The same with what it takes: promised memory and page tables. NULL, with nothing taken, when there
 * is no memory. */
static struct vma *prepare_target(const struct remap *r, struct vma *v, bool unmap)
{
	u32 pages = r->new_len >> PAGE_SHIFT;
	if ((v->flags & VM_ACCOUNT) && !commit_charge(pages, r->mm->total_vm))
		return NULL;
	struct vma *to =
		make_tables(r, v->flags & VM_HUGETLB) < 0 ? NULL : make_target(r, v, unmap);
	if (!to && (v->flags & VM_ACCOUNT))
		commit_release(pages);
	return to;
}

/* After MREMAP_DONTUNMAP the old place stays mapped, with nothing in it. All of its VMA is
 * unlocked, also what was not moved; the count of locked pages stays what it was, as on Linux. */
static void leave_behind(struct remap *r, struct vma *v, const struct vma *to)
{
	if (v->flags & VM_LOCKED)
		r->mm->locked_vm -= r->new_len >> PAGE_SHIFT;
	v->flags &= ~(VM_LOCKED | VM_LOCKONFAULT);
	if (v != to && v->start == r->addr && v->end == r->addr + r->old_len && v->anon)
		anon_leave(v);
}

static long move(struct remap *r, struct vma *v)
{
	u32 pages = r->new_len >> PAGE_SHIFT;
	if (r->mm->vmas.count + 3 >= max_map_count)
		return -ENOMEM;
	/* What is unmapped at the end must be whole VMAs by then: that may not fail any more. */
	bool unmap = r->old_len && !(r->flags & MREMAP_DONTUNMAP);
	bool huge = v->flags & VM_HUGETLB;
	struct vma *part = unmap ? vma_isolate(v, r->addr, r->addr + r->old_len, v->flags) : v;
	if (!part)
		return vma_check_borders(v, r->addr, r->addr + r->old_len) ? -EINVAL : -ENOMEM;
	v = part;
	struct vma *to = prepare_target(r, v, unmap);
	if (!to) {
		if (unmap)
			vma_merge(v);
		return -ENOMEM;
	}
	u32 peak = r->mm->hiwater_vm; /* which what is there twice for a moment does not raise */
	mm_account(r->mm, v->flags, pages);
	if (trace_mm_on())
		trace_map(to, to->start, to->end);
	/* Where nothing is unmapped, the new place may become one VMA with the old one. */
	if (!unmap)
		to = vma_merge(to);
	v = vma_at(&r->mm->vmas, r->addr);
	vma_lock_entries(v);
	if (trace_mm_on())
		trace_move(v, r->addr, r->addr + r->old_len, r->new_addr);
	if (huge)
		hugetlb_move(to, v);
	else
		move_entries(r);
	vma_unlock_entries(v);
	if (v->backing && v->backing->ops->moved)
		v->backing->ops->moved(v->backing, r->mm, r->new_addr);
	if (r->flags & MREMAP_DONTUNMAP)
		leave_behind(r, v, to);
	if (unmap) {
		v->flags &= ~VM_UFFD_MISSING; /* it has been told */
		kassert(mm_unmap(r->mm, r->addr, r->old_len) == 0);
		r->mm->hiwater_vm = peak;
		vma_merge(to);
	}
	return r->new_addr;
}

/* Grows v upwards in place if there is room. */
static bool expand(struct remap *r, struct vma *v, long *err)
{
	u32 grow = r->new_len - r->old_len, pages = grow >> PAGE_SHIFT;
	struct vma *above = vma_next(v);
	*err = 0;
	if (r->old_len != v->end - r->addr || grow > USER_TOP - v->end ||
		(above && v->end + grow > above->start))
		return false;
	if ((v->flags & VM_ACCOUNT) && !commit_charge(pages, r->mm->total_vm)) {
		*err = -ENOMEM;
		return true;
	}
	vma_set_bounds(v, v->start, v->end + grow, v->pgoff);
	mm_account(r->mm, v->flags, pages);
	if (trace_mm_on())
		trace_map(v, v->end - grow, v->end);
	vma_merge_above(v);
	return true;
}

/* With MREMAP_FIXED or MREMAP_DONTUNMAP: to a place the caller named, or a new one. */
static long remap_to(struct remap *r)
{
	if (r->new_addr % PAGE_SIZE || r->new_len > USER_TOP || r->new_addr > USER_TOP - r->new_len)
		return -EINVAL;
	if (r->addr + r->old_len > r->new_addr && r->new_addr + r->new_len > r->addr)
		return -EINVAL;
	if (r->mm->vmas.count + 5 >= max_map_count)
		return -ENOMEM;
	struct map_request place = {.addr = r->new_addr, .len = r->new_len, .how = r->how};
	if (r->flags & MREMAP_FIXED) {
		place.how |= MM_FIXED | mmap_may_go_low(r->new_addr);
		long err = mm_unmap(r->mm, r->new_addr, r->new_len);
		if (err)
			return err;
	}
	if (r->old_len > r->new_len) {
		long err = mm_unmap(r->mm, r->addr + r->new_len, r->old_len - r->new_len);
		if (err)
			return err;
		r->old_len = r->new_len;
	}
	struct vma *v = vma_at(&r->mm->vmas, r->addr);
	if (!v)
		return -EFAULT;
	long err = check_resize(r, v);
	if (err)
		return err;
	if ((r->flags & MREMAP_DONTUNMAP) &&
		!mm_may_expand(r->mm, v->flags, r->old_len >> PAGE_SHIFT))
		return -ENOMEM;
	long at = mm_place(r->mm, &place);
	if (is_err((void *)at))
		return at;
	r->new_addr = at;
	return move(r, v);
}

static long shrink(struct remap *r)
{
	long err = 0;
	if (r->old_len > r->new_len)
		err = mm_unmap(r->mm, r->addr + r->new_len, r->old_len - r->new_len);
	return err ? err : (long)r->addr;
}

/* Huge pages move and shrink as wholes, and do not grow: their promise is for what was mapped. */
static bool take_huge_rules(struct remap *r)
{
	r->how = MM_HUGE;
	r->old_len = ALIGN_UP(r->old_len, HUGE_SIZE);
	r->new_len = ALIGN_UP(r->new_len, HUGE_SIZE);
	return IS_ALIGNED(r->addr, HUGE_SIZE) && IS_ALIGNED(r->new_addr, HUGE_SIZE) && r->new_len &&
	       r->new_len <= r->old_len;
}

static long remap(struct remap *r)
{
	struct vma *v = vma_at(&r->mm->vmas, r->addr);
	if (!v)
		return -EFAULT;
	if ((v->flags & VM_HUGETLB) && !take_huge_rules(r))
		return -EINVAL;
	if (r->flags & (MREMAP_FIXED | MREMAP_DONTUNMAP))
		return remap_to(r);
	if (r->old_len >= r->new_len)
		return shrink(r);
	long err = check_resize(r, v);
	if (err)
		return err;
	if (expand(r, v, &err))
		return err ? err : (long)r->addr;
	if (!(r->flags & MREMAP_MAYMOVE))
		return -ENOMEM;
	struct map_request place = {.len = r->new_len};
	long at = mm_place(r->mm, &place);
	if (is_err((void *)at))
		return at;
	r->new_addr = at;
	return move(r, v);
}

long sys_mremap(u32 addr, u32 old_len, u32 new_len, u32 flags, u32 new_addr)
{
	if (flags & ~(MREMAP_MAYMOVE | MREMAP_FIXED | MREMAP_DONTUNMAP))
		return -EINVAL;
	if ((flags & MREMAP_FIXED) && !(flags & MREMAP_MAYMOVE))
		return -EINVAL;
	if ((flags & MREMAP_DONTUNMAP) && (!(flags & MREMAP_MAYMOVE) || old_len != new_len))
		return -EINVAL;
	struct remap r = {
		.mm = current_process()->mm,
		.addr = addr,
		.new_addr = new_addr,
		.old_len = ALIGN_UP(old_len, PAGE_SIZE),
		.new_len = ALIGN_UP(new_len, PAGE_SIZE),
		.flags = flags,
	};
	if (addr % PAGE_SIZE || !r.new_len)
		return -EINVAL;
	mutex_lock(&r.mm->lock);
	long at = remap(&r);
	struct vma *v = is_err((void *)at) ? NULL : vma_at(&r.mm->vmas, at);
	bool locked = v && (v->flags & VM_LOCKED) && r.new_len > r.old_len;
	mm_unlock(r.mm);
	if (locked)
		(void)mm_populate(r.mm, at + r.old_len, at + r.new_len);
	return at;
}
