/*
 * Copy-on-write: how one frame is shared by several private mappings, and what the entries of a
 * VMA may allow.
 *
 * "Writable" is the VMA's word, not the entry's bit: an entry of a private VMA has its W bit only
 * while the frame behind it belongs to this mapping alone, which PTE_OWN says whether or not it may
 * be written. A fork takes both bits away; the first write afterwards gives them back to a page
 * that has only one owner left.
 */
#ifndef MM_COW_H
#define MM_COW_H

#include "mm/space.h"

/* Flags of an entry of a VMA with these VM_ flags, for a page that it may not write yet unless it
 * is shared. */
extern u64 vm_pte_table[16];
static inline u64 vm_pte_flags(u32 vm_flags)
{
	return vm_pte_table[vm_flags % 16];
}

/* Copies the entries of `from` into `to`, its copy in another space; private pages become
 * read-only in both. The caller flushes from's TLB. Both locked. Returns 0 or -ENOMEM with what
 * was copied so far in place (mm_put cleans up). */
int cow_fork(struct vma *to, struct vma *from) __must_check;

/* The private page behind an entry with this low word has no other owner: it may be written in
 * place. */
static inline bool cow_is_exclusive(u32 lo, const struct page *p)
{
	return pte_low_anon(lo) && p->mapcount == 1;
}

#endif
