/*
 * Missing pages that a program fills itself: the mechanism of userfaultfd(2), whose file is
 * kernel/fs/userfaultfd.c.
 *
 * A struct userfault watches ranges of one address space: the VMAs with VM_UFFD_MISSING that name
 * it. A thread that misses a page there leaves a message and sleeps, with no lock held; whoever holds
 * the descriptor reads it and fills the page, which wakes the thread, and that tries again.
 *
 *     fault --> unread --read(2)--> told ---fill, UFFDIO_WAKE, unregister, close---> tries again
 *     fork, mremap, madvise, munmap --> events ---read(2), close---> goes on
 *
 * The second line is for who asked for it (UFFD_FEATURE_EVENT_*): a change of the map waits until it
 * has been told, and until then nothing is filled (-EAGAIN), for the reader still sees the old map.
 * Where the change is made, under mm->lock, its event is queued on the space; mm_unlock() tells what
 * is there. A deadly signal ends every wait, any signal that of a thread in user mode.
 */
#ifndef MM_USERFAULT_H
#define MM_USERFAULT_H

#include "kernel/abi/userfaultfd.h"
#include "mm/fault.h"

/* What a thread waits with. Under `lock` of its userfault. */
struct userfault_message {
	struct list_head link; /* in one of the lists below, or in none */
	struct abi_uffd_msg msg;
	bool done;               /* the thread may go on */
	struct userfault *child; /* UFFD_EVENT_FORK: for the child's memory, until a file has it */
};

/* letters: l: `lock`; i: set at creation */
struct userfault {
	struct spinlock lock;
	u32 refs;        /* l: the file's, those of waiting threads and of events */
	u32 features;    /* l: UFFD_FEATURE_ bits that were asked for */
	u32 flags;       /* i: of userfaultfd(2) */
	struct mm *mm;   /* i: pinned */
	u32 changing;    /* l: events that nobody has been told yet */
	bool closed;     /* l: the file is gone */
	struct list_head unread, told, events; /* l: oldest first */
	struct waitq readers; /* of messages */
	struct waitq waiters; /* those who left them */
};

/* For the memory of mm, with one reference; flags and features as userfaultfd(2) and UFFDIO_API have
 * them. NULL when memory is out. */
struct userfault *userfault_create(struct mm *mm, u32 flags, u32 features) __must_check;

/* The file is closed: nothing is registered any more, everybody goes on. Drops its reference. Takes
 * mm->lock. */
void userfault_close(struct userfault *u);

/* --- Faults --- */

/* Whether a fault at addr of v, which has VM_UFFD_MISSING, is the program's. Caller holds mm->lock. */
bool userfault_missing(struct vma *v, vaddr_t addr);

/* After FAULT_USERFAULT: leaves the message and waits. `access` as the hardware says it (PF_WRITE,
 * PF_USER). Returns FAULT_DONE to try again, or FAULT_SIGBUS. Takes mm->lock; none is held. */
enum fault_result userfault_wait(struct mm *mm, vaddr_t addr, u32 access) __must_check;

/* --- Changes of the map. The caller holds mm->lock. --- */

/* [start, end), of which v is the first VMA, will be unmapped. 0 or -ENOMEM. */
int userfault_unmap(struct vma *v, vaddr_t start, vaddr_t end) __must_check;

/* `to` will have the registered pages [from, from + len): registered too where that is told. With
 * `unmap` the old place is unmapped afterwards, which is told here. 0 or -ENOMEM. */
int userfault_remap(struct vma *to, vaddr_t from, u32 len, bool unmap) __must_check;

/* `v`, of a forked space, is a copy of a registered VMA of `old`: registered with the child's own
 * userfault where that is told. 0 or -ENOMEM. */
int userfault_fork(struct vma *v, struct mm *old) __must_check;
/* The fork has failed: its events are not told. */
void userfault_fork_failed(struct mm *old);

/* Pages [start, end) of v will be dropped: tells that at once where it was asked for. Returns whether
 * it did, and let mm->lock go meanwhile: v may be gone. */
bool userfault_remove(struct vma *v, vaddr_t start, vaddr_t end);

/* Lets mm->lock go and tells what was queued. */
void userfault_unlock(struct mm *mm);

static inline void mm_unlock(struct mm *mm)
{
	if (unlikely(mm->userfault_events))
		userfault_unlock(mm);
	else
		mutex_unlock(&mm->lock);
}

/* /proc/sys/vm/unprivileged_userfaultfd: who has no privilege may fill what the kernel misses. */
extern u32 unprivileged_userfaultfd;

/* --- For the file (kernel/fs/userfaultfd.c) --- */

/* Takes the oldest message to tell into *out: a fault's, or an event's. False when there is none. Of
 * UFFD_EVENT_FORK the thread goes on only after userfault_forked() with *fork, which says whether a
 * file has the child's userfault now (and its reference); if not, the message can be taken again. */
bool userfault_take(struct userfault *u, struct abi_uffd_msg *out, struct userfault_message **fork);
void userfault_forked(struct userfault *u, struct userfault_message *fork, bool ok);
/* Whether userfault_take() has something. */
bool userfault_ready(struct userfault *u);

/* Wakes who waits for a page of [start, start + len). */
void userfault_wake(struct userfault *u, vaddr_t start, u32 len);

/*
 * The ioctls (mm/userfault_fill.c). [start, start + len) is page aligned, not empty, in user space;
 * `src` is the caller's memory. Errors as ioctl_userfaultfd(2); -ESRCH when the memory is gone, for
 * which the first two have -ENOMEM.
 */
long userfault_register(struct userfault *u, vaddr_t start, u32 len, bool *huge);
long userfault_unregister(struct userfault *u, vaddr_t start, u32 len);

enum userfault_fill {
	FILL_COPY,
	FILL_PROTECTED, /* a copy that cannot be written, which is not there: -EINVAL */
	FILL_ZERO,
	FILL_CONTINUE, /* with what the file has */
};
/* Fills missing pages. Returns how many bytes, or the error of the first page. */
long userfault_fill(struct userfault *u, vaddr_t start, u32 len, uptr_t src, enum userfault_fill how);

#endif
