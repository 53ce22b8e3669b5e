/*
 * Frames whose memory is bad, as madvise(MADV_HWPOISON) says or, for those that may become so,
 * MADV_SOFT_OFFLINE (Linux's mm/memory-failure.c).
 *
 *   hard  every entry that maps the frame becomes PTE_POISON: touching it is SIGBUS with
 *         BUS_MCEERR_AR. A page of a file stays in its place, and reading or writing it is EIO,
 *         until it is truncated away.
 *   soft  the contents move to another frame, and nobody notices.
 *
 * The frame itself is PK_POISON for good, with one reference that is nobody's to drop, so that no path
 * that gives up a page can bring it back. It never reaches the allocator again.
 */
#ifndef MM_POISON_H
#define MM_POISON_H

#include "kernel/lib/types.h"

struct mm;
struct page;

/* Frames found bad: all, those in place in a file too; and those that are PK_POISON. Under no lock but
 * that of the kernel, which is not preempted. */
extern u32 poisoned_pages, poisoned_retired;

/* /proc/sys/vm: threads that have not said when they want to know hear of it early; 0: losing a page
 * ends the machine. */
extern u32 memory_failure_early_kill, memory_failure_recovery;

/* Takes the frames behind [start, end), page aligned, from use. Caller holds no lock. 0, -EFAULT where
 * there is none that may be read, -EBUSY for one that cannot be taken (huge pages, the zero page, the
 * vDSO; soft: also one in use by the kernel), -ENOMEM. What comes before is done. */
long mm_poison(struct mm *mm, vaddr_t start, vaddr_t end, bool soft);

/* A page leaves its file: if its frame is bad, the file's reference is the last but the poison's. */
void page_retire_poisoned(struct page *p);

/* Implemented by kernel/proc/fault_signal.c: the address has been lost. Tells the threads that want to
 * know early (PR_MCE_KILL). Caller may hold all locks down to the anon's. */
void poison_tell(const struct mm *mm, vaddr_t addr);

#endif
