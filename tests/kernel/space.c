/* Address spaces for tests. */
#include "tests/kernel/space.h"
#include "kernel/core/sched.h"
#include "kernel/core/selftest.h"

struct mm *enter(void)
{
	struct mm *mm = mm_create();

	if (mm) {
		current_thread()->pmap = &mm->pmap;
		pmap_activate(&mm->pmap);
	}
	return mm;
}

void leave(struct mm *mm)
{
	current_thread()->pmap = NULL;
	pmap_activate(NULL);
	mm_put(mm);
}

long map(struct mm *mm, const struct map_request *r)
{
	mutex_lock(&mm->lock);
	long at = mm_map(mm, r);
	mutex_unlock(&mm->lock);
	return at;
}

long map_anon(struct mm *mm, vaddr_t addr, u32 pages, u32 vm_flags)
{
	return map(mm, &(struct map_request){.addr = addr,
			       .len = pages * PAGE_SIZE,
			       .vm_flags = vm_flags,
			       .how = MM_FIXED});
}

long unmap(struct mm *mm, vaddr_t addr, u32 pages)
{
	mutex_lock(&mm->lock);
	long err = mm_unmap(mm, addr, pages * PAGE_SIZE);
	mutex_unlock(&mm->lock);
	return err;
}

long protect(struct mm *mm, vaddr_t addr, u32 pages, u32 prot)
{
	mutex_lock(&mm->lock);
	long err = mm_protect(mm, addr, pages * PAGE_SIZE, prot);
	mutex_unlock(&mm->lock);
	return err;
}

enum fault_result touch(struct mm *mm, vaddr_t addr, u32 access)
{
	mutex_lock(&mm->lock);
	enum fault_result r = fault_in(mm, addr, access);
	mutex_unlock(&mm->lock);
	return r;
}

void poke(struct mm *mm, vaddr_t addr, u32 value)
{
	KEXPECT_EQ(mm_access(mm, addr, &value, sizeof(value), true, false), sizeof(value));
}

u32 peek(struct mm *mm, vaddr_t addr)
{
	u32 value = 0xdeadbeef;

	KEXPECT_EQ(mm_access(mm, addr, &value, sizeof(value), false, false), sizeof(value));
	return value;
}
