/*
 * What the memory calls tell a backing, and what it may answer: references by VMA, a mapping
 * refused, VMAs that are kept apart. And seals, by direct calls.
 */
#include "kernel/abi/errno.h"
#include "kernel/core/selftest.h"
#include "kernel/fs/vfs.h"
#include "kernel/lib/string.h"
#include "kernel/x86/trap.h"
#include "mm/object.h"
#include "tests/kernel/space.h"

#define BASE   0x10000000u
#define SHARED (VM_READ | VM_WRITE | VM_MAYREAD | VM_MAYWRITE | VM_SHARED | VM_MAYSHARE)

/* A backing that counts its VMAs, as an attachment of shared memory does. */
struct counter {
	struct backing backing;
	struct object object;
	u32 vmas;
	u32 add_flags; /* what `map` puts into the flags */
	int refuse;    /* what `map` returns */
};

static struct counter *counter_of(struct backing *b)
{
	return container_of(b, struct counter, backing);
}

static void counter_get(struct backing *b)
{
	counter_of(b)->vmas++;
}

static void counter_put(struct backing *b)
{
	counter_of(b)->vmas--;
}

static int counter_map(struct backing *b, u32 *vm_flags, bool early)
{
	*vm_flags |= counter_of(b)->add_flags;
	return counter_of(b)->refuse;
}

static const struct backing_ops counter_ops = {
	.get = counter_get,
	.put = counter_put,
	.map = counter_map,
};

static void counter_init(struct counter *c, u32 add_flags)
{
	memset(c, 0, sizeof(*c));
	object_init(&c->object, NULL);
	c->object.size = 16 * PAGE_SIZE;
	c->backing = (struct backing){
		.ops = &counter_ops,
		.object = &c->object,
		.may_read = true,
		.may_write = true,
	};
	c->add_flags = add_flags;
}

static long map_backing(struct mm *mm, struct backing *b, u32 pages, u32 vm_flags)
{
	return map(mm, &(struct map_request){
			       .addr = BASE,
			       .len = pages * PAGE_SIZE,
			       .vm_flags = vm_flags,
			       .how = MM_FIXED,
			       .backing = b,
			       .object = b->object,
		       });
}

static void counts(u32 add_flags, u32 after_merge)
{
	static struct counter c;
	struct mm *mm = mm_create();
	KREQUIRE(mm);
	counter_init(&c, add_flags);
	KEXPECT_EQ(map_backing(mm, &c.backing, 8, SHARED), BASE);
	KEXPECT_EQ(c.vmas, 1);
	KEXPECT_EQ(unmap(mm, BASE + 7 * PAGE_SIZE, 1), 0);
	KEXPECT_EQ(c.vmas, 1);
	KEXPECT_EQ(protect(mm, BASE + 2 * PAGE_SIZE, 1, VM_READ), 0);
	KEXPECT_EQ(c.vmas, 3);
	KEXPECT_EQ(protect(mm, BASE + 2 * PAGE_SIZE, 1, VM_READ | VM_WRITE), 0);
	KEXPECT_EQ(c.vmas, after_merge);
	struct mm *child = mm_fork(mm);
	KREQUIRE(child);
	KEXPECT_EQ(c.vmas, 2 * after_merge);
	mm_put(child);
	KEXPECT_EQ(c.vmas, after_merge);
	KEXPECT_EQ(unmap(mm, BASE, 8), 0);
	KEXPECT_EQ(c.vmas, 0);
	KEXPECT_EQ(map_backing(mm, &c.backing, 2, SHARED), BASE);
	mm_put(mm);
	KEXPECT_EQ(c.vmas, 0);
	object_destroy(&c.object);
}

KTEST(shm, every_vma_counts)
{
	counts(VM_DONTMERGE, 3);
}

KTEST(shm, others_merge)
{
	counts(0, 1);
}

KTEST(shm, refused)
{
	static struct counter c;
	struct mm *mm = mm_create();
	KREQUIRE(mm);
	counter_init(&c, 0);
	c.refuse = -EPERM;
	KEXPECT_EQ(map_backing(mm, &c.backing, 8, SHARED), -EPERM);
	KEXPECT_EQ(c.vmas, 0);
	KEXPECT(list_empty(&c.object.vmas));
	KEXPECT_EQ(mm->vmas.count, 0);
	KEXPECT_EQ(mm->total_vm, 0);
	mm_put(mm);
	object_destroy(&c.object);
}

/* --- Seals --- */

static struct file *sealable(void)
{
	struct file *f = tmpfs_create_anonymous("/memfd:test", O_LARGEFILE);
	if (is_err(f))
		return NULL;
	f->dentry->inode->seals &= ~F_SEAL_SEAL;
	object_truncate(f->backing.object, 4 * PAGE_SIZE);
	return f;
}

KTEST(seals, mapping_keeps_write_off)
{
	struct mm *mm = mm_create();
	struct file *f = sealable();
	KREQUIRE(mm && f);
	KEXPECT_EQ(map_backing(mm, &f->backing, 4, SHARED), BASE);
	KEXPECT_EQ(seals_add(f, F_SEAL_WRITE), -EBUSY);
	KEXPECT_EQ(seals_get(f), 0);
	KEXPECT_EQ(unmap(mm, BASE, 3), 0);
	KEXPECT_EQ(seals_add(f, F_SEAL_WRITE | F_SEAL_GROW), -EBUSY);
	KEXPECT_EQ(unmap(mm, BASE + 3 * PAGE_SIZE, 1), 0);
	KEXPECT_EQ(seals_add(f, F_SEAL_WRITE | F_SEAL_GROW), 0);
	KEXPECT_EQ(seals_get(f), F_SEAL_WRITE | F_SEAL_GROW);
	KEXPECT_EQ(map_backing(mm, &f->backing, 4, SHARED), -EPERM);
	KEXPECT_EQ(map_backing(mm, &f->backing, 4, SHARED & ~VM_WRITE), BASE);
	KEXPECT_EQ(vma_at(&mm->vmas, BASE)->flags & VM_MAYWRITE, 0);
	mm_put(mm);
	file_put(f);
}

KTEST(seals, last_one)
{
	struct file *f = sealable();
	KREQUIRE(f);
	KEXPECT_EQ(seals_add(f, 0x100), -EINVAL);
	KEXPECT_EQ(seals_add(f, F_SEAL_SEAL | F_SEAL_SHRINK), 0);
	KEXPECT_EQ(seals_add(f, F_SEAL_GROW), -EPERM);
	KEXPECT_EQ(vfs_truncate(f->dentry, PAGE_SIZE), -EPERM);
	KEXPECT_EQ(vfs_truncate(f->dentry, 5 * PAGE_SIZE), 0);
	file_put(f);
	f = file_create_shared_anon(PAGE_SIZE, true);
	KREQUIRE(!is_err(f));
	KEXPECT_EQ(seals_get(f), F_SEAL_SEAL);
	KEXPECT_EQ(seals_add(f, F_SEAL_GROW), -EPERM);
	file_put(f);
}
