/* userfaultfd(2)'s mechanism by direct calls: who is told of a fault, what fills it, what a descriptor
 * leaves behind. Waiting threads are the user tests'. */
#include "kernel/abi/errno.h"
#include "kernel/core/selftest.h"
#include "kernel/lib/string.h"
#include "kernel/x86/trap.h"
#include "mm/userfault.h"
#include "tests/kernel/space.h"

#define BASE  0x10000000u
#define PAGES 8u

static struct vma *vma_of(struct mm *mm, u32 page)
{
	return vma_at(&mm->vmas, BASE + page * PAGE_SIZE);
}

static struct userfault *watch(struct mm *mm, u32 first, u32 pages, u32 features)
{
	struct userfault *u = userfault_create(mm, 0, features);
	bool huge = true;

	KEXPECT(u && !userfault_register(u, BASE + first * PAGE_SIZE, pages * PAGE_SIZE, &huge));
	KEXPECT(!huge);
	return u;
}

static long zero(struct userfault *u, u32 page, u32 pages)
{
	return userfault_fill(u, BASE + page * PAGE_SIZE, pages * PAGE_SIZE, UPTR(0), FILL_ZERO);
}

KTEST(userfault, fills_what_is_missing)
{
	struct mm *mm = enter();

	KREQUIRE(mm);
	KEXPECT_EQ(map_anon(mm, BASE, PAGES, RW), BASE);
	KEXPECT_EQ(touch(mm, BASE, PF_WRITE), FAULT_DONE);
	struct userfault *u = watch(mm, 0, PAGES, 0);
	KEXPECT_EQ(touch(mm, BASE, 0), FAULT_DONE); /* it is there */
	KEXPECT_EQ(touch(mm, BASE + PAGE_SIZE, 0), FAULT_USERFAULT);
	KEXPECT_EQ(touch(mm, BASE + PAGE_SIZE, PF_WRITE), FAULT_USERFAULT);
	KEXPECT_EQ(zero(u, 0, 2), -EEXIST);
	KEXPECT_EQ(zero(u, 1, 2), 2 * (long)PAGE_SIZE);
	KEXPECT_EQ(touch(mm, BASE + PAGE_SIZE, PF_WRITE), FAULT_DONE);
	KEXPECT_EQ(peek(mm, BASE + PAGE_SIZE), 0);
	KEXPECT_EQ(zero(u, PAGES - 1, 2), -ENOENT);
	userfault_close(u);
	KEXPECT_EQ(touch(mm, BASE + 3 * PAGE_SIZE, 0), FAULT_DONE);
	leave(mm);
}

/* Parts of two descriptors lie side by side, and are one again when both are gone. */
KTEST(userfault, areas_part_and_meet)
{
	struct mm *mm = enter();

	KREQUIRE(mm);
	KEXPECT_EQ(map_anon(mm, BASE, PAGES, RW), BASE);
	struct userfault *a = watch(mm, 0, 3, 0), *b = watch(mm, 3, 3, 0);
	KEXPECT_EQ(mm->vmas.count, 3);
	KEXPECT_EQ(vma_of(mm, 3)->start, BASE + 3 * PAGE_SIZE);
	KEXPECT_EQ(userfault_unregister(a, BASE + PAGE_SIZE, PAGE_SIZE), 0);
	KEXPECT_EQ(mm->vmas.count, 5);
	userfault_close(a);
	KEXPECT_EQ(mm->vmas.count, 3);
	userfault_close(b);
	KEXPECT_EQ(mm->vmas.count, 1);
	leave(mm);
}

/* Changes are queued, nothing is filled until they have been told, and a failed fork takes its own
 * back. */
KTEST(userfault, changes_are_queued)
{
	struct mm *mm = enter(), *child;

	KREQUIRE(mm);
	KEXPECT_EQ(map_anon(mm, BASE, PAGES, RW), BASE);
	struct userfault *u =
		watch(mm, 0, PAGES, UFFD_FEATURE_EVENT_UNMAP | UFFD_FEATURE_EVENT_FORK);
	child = mm_create();
	KREQUIRE(child);
	mutex_lock(&mm->lock);
	struct vma copy = *vma_of(mm, 0);
	copy.mm = child;
	KEXPECT_EQ(userfault_fork(&copy, mm), 0);
	KEXPECT(copy.uffd != u && copy.uffd->mm == child);
	KEXPECT_EQ(u->changing, 1);
	userfault_fork_failed(mm);
	KEXPECT_EQ(u->changing, 0);
	KEXPECT(!mm->userfault_events);
	KEXPECT_EQ(mm_unmap(mm, BASE, PAGE_SIZE), 0);
	KEXPECT_EQ(mm_unmap(mm, BASE, PAGE_SIZE), 0); /* nothing there: nothing to tell */
	KEXPECT_EQ(u->changing, 1);
	mutex_unlock(&mm->lock);
	KEXPECT_EQ(zero(u, 1, 1), -EAGAIN);
	mutex_lock(&mm->lock);
	userfault_fork_failed(mm);
	mutex_unlock(&mm->lock);
	KEXPECT_EQ(zero(u, 1, 1), (long)PAGE_SIZE);
	mm_put(child);
	userfault_close(u);
	leave(mm);
}

/* The memory goes before the descriptor. */
KTEST(userfault, outlives_the_memory)
{
	struct mm *mm = mm_create();
	bool huge;

	KREQUIRE(mm);
	KEXPECT_EQ(map_anon(mm, BASE, PAGES, RW), BASE);
	struct userfault *u = watch(mm, 0, PAGES, 0);
	mm_put(mm);
	KEXPECT_EQ(userfault_register(u, BASE, PAGE_SIZE, &huge), -ENOMEM);
	KEXPECT_EQ(zero(u, 0, 1), -ESRCH);
	userfault_close(u);
}
