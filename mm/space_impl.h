/*
 * The inside of an address space, for the memory calls that edit it (mm/space.c, mprotect.c,
 * mremap.c, madvise.c, mlock.c). Everything here wants the mm's lock held.
 */
#ifndef MM_SPACE_IMPL_H
#define MM_SPACE_IMPL_H

#include "kernel/abi/errno.h"
#include "mm/object.h"
#include "mm/space.h"

/* A copy of `from` with a reference of its own to the file, in no tree, list or family yet. NULL
 * when memory is out. */
struct vma *vma_dup(const struct vma *from) __must_check;
/* Undoes that. */
void vma_drop(struct vma *v);
/* Enters the list of its object, after its bounds are set. */
void vma_attach_object(struct vma *v);
static inline void vma_attach(struct vma *v)
{
	if (v->object)
		vma_attach_object(v);
}

/* Makes borders at start and end, which lie in v, for a part that is to have these flags: as on Linux
 * it counts as no VMA more where it then merges. Returns the VMA between them, or NULL when memory or
 * the number of VMAs is out, where v may have been cut at start, or v would break (vma_check_borders()
 * says so). */
struct vma *vma_cut_out(struct vma *v, vaddr_t start, vaddr_t end, u32 flags) __must_check;
static inline struct vma *vma_isolate(struct vma *v, vaddr_t start, vaddr_t end, u32 flags)
{
	return v->start == start && v->end == end ? v : vma_cut_out(v, start, end, flags);
}
/* Whether a border of [start, end), which lies in the brittle v, would break it. */
bool vma_breaks(const struct vma *v, vaddr_t start, vaddr_t end);
/* 0, or -EINVAL: a border of [start, end), which lies in v, would cut a huge page, or a mapping
 * that stays whole. */
static inline int vma_check_borders(const struct vma *v, vaddr_t start, vaddr_t end)
{
	return (v->flags & VM_BRITTLE) && vma_breaks(v, start, end) ? -EINVAL : 0;
}
/* Merges v with the neighbours it fits. Returns the VMA that holds it now. */
struct vma *vma_merge_slow(struct vma *v);
static inline struct vma *vma_merge(struct vma *v)
{
	const struct vma *prev = vma_prev(v), *next = vma_next(v);
	bool below = prev && prev->end == v->start && prev->flags == v->flags;
	bool above = next && next->start == v->end && next->flags == v->flags;
	return unlikely(below || above) ? vma_merge_slow(v) : v;
}

/* The same with the VMA above only. */
void vma_merge_above(struct vma *v);
/* Moves v's borders without passing a neighbour. */
void vma_set_bounds(struct vma *v, vaddr_t start, vaddr_t end, u32 pgoff);

/* Entries that map an object are guarded by the object's lock, besides the mm's. */
static inline void vma_lock_entries(struct vma *v)
{
	if (v->object)
		mutex_lock(&v->object->lock);
}
static inline void vma_unlock_entries(struct vma *v)
{
	if (v->object)
		mutex_unlock(&v->object->lock);
}

/* Marks the pages of [start, end), which lies in v, as not accessed; those that others map too only
 * with `shared_too`. The caller flushes the TLB. (mm/clear_refs.c) */
void vma_forget_use(struct vma *v, vaddr_t start, vaddr_t end, bool shared_too);

/* Whether the caller may know, and say, which pages of v's file are in memory. */
static inline bool vma_may_tell(const struct vma *v)
{
	return !v->backing || !v->backing->ops->tells || v->backing->ops->tells(v->backing);
}

extern u8 vm_kinds[16];

static inline enum vm_kind vm_kind(u32 flags)
{
	return flags & VM_GROWSDOWN ? VM_KIND_STACK : vm_kinds[flags % 16];
}

/* Adds `pages` (negative: takes away) to the counts of what is mapped. */
static inline void mm_account(struct mm *mm, u32 flags, s32 pages)
{
	mm->total_vm += pages;
	mm->kind_vm[vm_kind(flags)] += pages;
	if (flags & VM_LOCKED)
		mm->locked_vm += pages;
}

/* `pages` more with these VM_ flags would stay within RLIMIT_AS and RLIMIT_DATA. */
static inline bool mm_may_expand(const struct mm *mm, u32 flags, u32 pages)
{
	if (mm->total_vm + pages > mm->limits.as >> PAGE_SHIFT)
		return false;
	return vm_kind(flags) != VM_KIND_DATA ||
	       mm->kind_vm[VM_KIND_DATA] + pages <= mm->limits.data >> PAGE_SHIFT;
}

/* `pages` more may be locked within RLIMIT_MEMLOCK. */
static inline bool mm_may_lock(const struct mm *mm, u32 pages)
{
	return mm->locked_vm + pages <= mm->limits.memlock >> PAGE_SHIFT;
}

#endif
