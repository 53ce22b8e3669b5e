/* Real page faults: an address space is loaded and its memory touched through the copy routines, so
 * that the CPU, its TLB and the trap path have their say. */
#include "kernel/abi/errno.h"
#include "kernel/core/selftest.h"
#include "kernel/lib/string.h"
#include "kernel/x86/uaccess.h"
#include "mm/page_alloc.h"
#include "tests/kernel/space.h"

#define BASE 0x20000000u

static u32 get(vaddr_t addr, int expect)
{
	u32 v = 0xbad;
	KEXPECT_EQ(get_user_u32(&v, UPTR(addr)), expect);
	return v;
}

static void put(vaddr_t addr, u32 v, int expect)
{
	KEXPECT_EQ(put_user_u32(UPTR(addr), v), expect);
}

KTEST(fault, touch_makes_pages)
{
	struct mm *mm = enter();
	KREQUIRE(mm);
	u64 before = vm_events.pgfault;
	KEXPECT_EQ(map_anon(mm, BASE, 4, RW), BASE);
	KEXPECT_EQ(get(BASE, 0), 0);
	put(BASE, 7, 0);
	KEXPECT_EQ(get(BASE, 0), 7);
	KEXPECT_EQ(vm_events.pgfault - before, 2);
	KEXPECT_EQ(mm_rss(mm), 1);
	put(BASE + 4 * PAGE_SIZE, 1, -EFAULT);
	put(0, 1, -EFAULT);
	put(0xC0100000u, 1, -EFAULT);
	leave(mm);
}

KTEST(fault, unmapped_is_gone_from_the_tlb)
{
	struct mm *mm = enter();
	KREQUIRE(mm);
	KEXPECT_EQ(map_anon(mm, BASE, 64, RW), BASE);
	for (u32 i = 0; i < 64; i++)
		put(BASE + i * PAGE_SIZE, i, 0);
	mutex_lock(&mm->lock);
	KEXPECT_EQ(mm_unmap(mm, BASE + 5 * PAGE_SIZE, PAGE_SIZE), 0);
	mutex_unlock(&mm->lock);
	get(BASE + 5 * PAGE_SIZE, -EFAULT);
	get(BASE + 4 * PAGE_SIZE, 0);
	mutex_lock(&mm->lock);
	KEXPECT_EQ(mm_unmap(mm, BASE, 64 * PAGE_SIZE), 0);
	mutex_unlock(&mm->lock);
	for (u32 i = 0; i < 64; i++)
		get(BASE + i * PAGE_SIZE, -EFAULT);
	leave(mm);
}

KTEST(fault, protection_reaches_the_tlb)
{
	struct mm *mm = enter();
	KREQUIRE(mm);
	KEXPECT_EQ(map_anon(mm, BASE, 2, RW), BASE);
	put(BASE, 1, 0);
	mutex_lock(&mm->lock);
	KEXPECT_EQ(mm_protect(mm, BASE, PAGE_SIZE, VM_READ), 0);
	mutex_unlock(&mm->lock);
	put(BASE, 2, -EFAULT);
	KEXPECT_EQ(get(BASE, 0), 1);
	mutex_lock(&mm->lock);
	KEXPECT_EQ(mm_protect(mm, BASE, PAGE_SIZE, 0), 0);
	mutex_unlock(&mm->lock);
	get(BASE, -EFAULT);
	leave(mm);
}

KTEST(fault, fork_write_protects_the_parent_at_once)
{
	struct mm *mm = enter();
	KREQUIRE(mm);
	KEXPECT_EQ(map_anon(mm, BASE, 1, RW), BASE);
	put(BASE, 11, 0);
	struct mm *child = mm_fork(mm);
	KREQUIRE(child);
	put(BASE, 12, 0); /* through a stale writable TLB entry this would write the child's page */
	u32 seen = 0;
	KEXPECT_EQ(mm_access(child, BASE, &seen, sizeof(seen), false, false), sizeof(seen));
	KEXPECT_EQ(seen, 11);
	mm_put(child);
	leave(mm);
}

KTEST(fault, copies_stop_at_the_hole)
{
	char buf[64];
	struct mm *mm = enter();
	KREQUIRE(mm);
	KEXPECT_EQ(map_anon(mm, BASE, 1, RW), BASE);
	memset(buf, 'x', sizeof(buf));
	KEXPECT_EQ(copy_to_user_partial(UPTR(BASE + PAGE_SIZE - 24), buf, sizeof(buf)), 40);
	KEXPECT_EQ(copy_from_user_partial(buf, UPTR(BASE + PAGE_SIZE - 10), sizeof(buf)), 54);
	KEXPECT_EQ(copy_from_user(buf, UPTR(BASE + PAGE_SIZE - 10), 10), 0);
	KEXPECT_EQ(copy_from_user(buf, UPTR(BASE + PAGE_SIZE - 10), 11), -EFAULT);
	KEXPECT_EQ(copy_from_user(buf, UPTR(0xfffffff0u), 64), -EFAULT);
	KEXPECT_EQ(strncpy_from_user(buf, UPTR(BASE), sizeof(buf)), 0);
	leave(mm);
}
