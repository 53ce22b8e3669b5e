/*
 * brk, mmap, munmap: arguments to requests, with Linux 6.1's checks in Linux's order, so that of two
 * errors a program sees the same one.
 */
#include "kernel/abi/errno.h"
#include "kernel/abi/fcntl.h"
#include "kernel/abi/mman.h"
#include "kernel/abi/prctl.h"
#include "kernel/fs/file.h"
#include "kernel/proc/task.h"
#include "kernel/syscalls.h"
#include "kernel/x86/uaccess.h"
#include "mm/commit.h"
#include "mm/hugetlb.h"
#include "mm/mmap.h"
#include "mm/space_impl.h"
#include "mm/userfault.h"

long sys_brk(u32 brk)
{
	return (long)mm_brk(current_process()->mm, brk);
}

static u32 prot_to_vm(u32 prot)
{
	return prot & VM_PROT;
}

static u32 flags_to_vm(u32 flags)
{
	if (likely(!(flags & (MAP_GROWSDOWN | MAP_LOCKED | MAP_SYNC))))
		return 0;
	return (flags & MAP_GROWSDOWN ? VM_GROWSDOWN : 0) | (flags & MAP_LOCKED ? VM_LOCKED : 0) |
	       (flags & MAP_SYNC ? VM_SYNC : 0);
}

/* What a file mapping may do follows from how the file was opened. */
static long check_shared_file(struct mmap_args *a, const struct backing *b)
{
	if ((a->flags & MAP_TYPE) == MAP_SHARED_VALIDATE && (a->flags & ~LEGACY_MAP_MASK))
		return -EOPNOTSUPP;
	if ((a->prot & PROT_WRITE) && !b->may_write)
		return -EACCES;
	a->r.vm_flags |= VM_SHARED | VM_MAYSHARE;
	if (!b->may_write)
		a->r.vm_flags &= ~(VM_MAYWRITE | VM_SHARED);
	return 0;
}

static long check_file(struct mmap_args *a)
{
	struct backing *b = a->r.backing;
	u32 type = a->flags & MAP_TYPE;
	long err = 0;
	if (type == MAP_SHARED || type == MAP_SHARED_VALIDATE)
		err = check_shared_file(a, b);
	else if (type != MAP_PRIVATE)
		err = -EINVAL;
	if (err)
		return err;
	if (!b->may_read)
		return -EACCES;
	if (b->noexec) {
		if (a->r.vm_flags & VM_EXEC)
			return -EPERM;
		a->r.vm_flags &= ~VM_MAYEXEC;
	}
	if (!b->object && !b->zero)
		return -ENODEV;
	if (a->r.vm_flags & VM_GROWSDOWN)
		return -EINVAL;
	u32 flags = a->r.vm_flags;
	return b->ops->map ? b->ops->map(b, &flags, true) : 0;
}

/* An anonymous shared mapping is a mapping of a nameless file: the same code serves both. Its pages
 * are promised at once, unless MAP_NORESERVE waives it. As on Linux, an offset into /dev/zero is
 * one into that file, which is no longer than the mapping. */
static long make_shared_anon(struct mmap_args *a)
{
	struct file *f = file_create_shared_anon(a->r.len, !(a->r.vm_flags & VM_NORESERVE));
	if (is_err(f))
		return ptr_err(f);
	if (!a->r.backing)
		a->r.pgoff = 0;
	a->r.backing = &f->backing;
	return 0;
}

static long check_anon(struct mmap_args *a)
{
	switch (a->flags & MAP_TYPE) {
	case MAP_SHARED:
		if (a->r.vm_flags & VM_GROWSDOWN)
			return -EINVAL;
		a->r.vm_flags |= VM_SHARED | VM_MAYSHARE;
		return 0;
	case MAP_PRIVATE:
		return 0;
	default:
		return -EINVAL;
	}
}

/* The checks that do not depend on where it goes. */
static long check_lengths(const struct mm *mm, struct mmap_args *a)
{
	if (!a->r.len)
		return -EINVAL;
	if (align_up_overflows(a->r.len, PAGE_SIZE))
		return -ENOMEM;
	a->r.len = ALIGN_UP(a->r.len, PAGE_SIZE);
	if (a->r.pgoff + (a->r.len >> PAGE_SHIFT) < a->r.pgoff)
		return -EOVERFLOW;
	return mm->vmas.count > max_map_count ? -ENOMEM : 0;
}

static long check_lock(struct mm *mm, const struct mmap_args *a)
{
	if (!(a->r.vm_flags & VM_LOCKED))
		return 0;
	if ((a->flags & MAP_LOCKED) && !mm->limits.memlock)
		return -EPERM;
	return mm_may_lock(mm, a->r.len >> PAGE_SHIFT) ? 0 : -EAGAIN;
}

/* Everything about the mapping but its place. mm->lock is held from here on. */
static long prepare(struct mm *mm, struct mmap_args *a)
{
	a->r.vm_flags = prot_to_vm(a->prot) | flags_to_vm(a->flags) | mm->def_flags | VM_MAYREAD |
			VM_MAYWRITE | VM_MAYEXEC;
	if (!a->r.backing || !a->r.backing->noexec)
		a->r.vm_flags |= mm_implied_exec(mm, a->r.vm_flags, VM_MAYEXEC);
	long err = check_lock(mm, a);
	if (!err)
		err = a->r.backing ? check_file(a) : check_anon(a);
	if (err)
		return err;
	if ((a->flags & MAP_NORESERVE) &&
		(overcommit_memory != OVERCOMMIT_NEVER || (a->r.how & MM_HUGE)))
		a->r.vm_flags |= VM_NORESERVE;
	return 0;
}

/* Where the pages come from: the file's object, a new one, or nothing. Returns whether the backing
 * was made here, or a negative errno. */
static long choose_backing(struct mmap_args *a)
{
	bool made = (a->r.vm_flags & VM_SHARED) && (!a->r.backing || a->r.backing->zero);
	if (made) {
		long err = make_shared_anon(a);
		if (err)
			return err;
	}
	a->r.object = a->r.backing ? a->r.backing->object : NULL;
	if (a->r.object)
		a->r.vm_flags |= a->r.object->vm_flags;
	return made;
}

u32 mmap_may_go_low(vaddr_t addr)
{
	return addr < user_min && capable(CAP_SYS_RAWIO) ? MM_LOW : 0;
}

static long map_locked(struct mm *mm, struct mmap_args *a)
{
	long at = mm_place(mm, &a->r);
	if (is_err((void *)at))
		return at;
	long err = prepare(mm, a);
	if (err)
		return err;
	long made = choose_backing(a);
	if (made < 0)
		return made;
	at = mm_map_at(mm, &a->r, at);
	if (made)
		a->r.backing->ops->put(a->r.backing);
	return at;
}

long mmap_locked(struct mm *mm, struct mmap_args *a)
{
	long err = check_lengths(mm, a);
	if (err)
		return err;
	if (a->flags & (MAP_FIXED | MAP_FIXED_NOREPLACE))
		a->r.how |= MM_FIXED | mmap_may_go_low(a->r.addr) |
			    (a->flags & MAP_FIXED_NOREPLACE ? MM_NOREPLACE : 0);
	return map_locked(mm, a);
}

/* What is mapped: the file that fd names, or for MAP_HUGETLB without one a nameless file of huge
 * pages. The caller puts it. */
static struct file *choose_file(const struct mmap_args *a, u32 fd)
{
	if (!(a->flags & MAP_ANONYMOUS)) {
		struct file *f = fget(fd);
		return f ? f : err_ptr(-EBADF);
	}
	if (!hugetlb_size_ok(a->flags >> MAP_HUGE_SHIFT & MAP_HUGE_MASK))
		return err_ptr(-EINVAL);
	return file_create_huge(ALIGN_UP(a->r.len, HUGE_SIZE));
}

/* The same, entered in the request. */
static struct file *open_file(struct mmap_args *a, u32 fd)
{
	struct file *f = choose_file(a, fd);
	if (is_err(f))
		return f;
	mmap_set_backing(a, &f->backing);
	if (a->r.how & MM_HUGE) {
		a->r.len = ALIGN_UP(a->r.len, HUGE_SIZE);
	} else if (a->flags & MAP_HUGETLB) {
		file_put(f);
		return err_ptr(-EINVAL);
	}
	return f;
}

long sys_mmap2(u32 addr, u32 len, u32 prot, u32 flags, u32 fd, u32 pgoff)
{
	struct mm *mm = current_process()->mm;
	struct mmap_args a = {
		.prot = prot,
		.flags = flags,
		.r = {.addr = addr, .len = len, .pgoff = pgoff},
	};
	struct file *f = NULL;
	if ((flags & (MAP_ANONYMOUS | MAP_HUGETLB)) != MAP_ANONYMOUS) {
		f = open_file(&a, fd);
		if (is_err(f))
			return ptr_err(f);
	}
	mutex_lock(&mm->lock);
	long at = mmap_locked(mm, &a);
	mm_unlock(mm);
	mmap_populate(mm, &a, at);
	if (f)
		file_put(f);
	return at;
}

long sys_mmap(uptr_t args)
{
	struct abi_mmap_arg a;
	if (copy_from_user(&a, args, sizeof(a)))
		return -EFAULT;
	if (a.offset % PAGE_SIZE)
		return -EINVAL;
	return sys_mmap2(a.addr, a.len, a.prot, a.flags, a.fd, a.offset >> PAGE_SHIFT);
}

long sys_munmap(u32 addr, u32 len)
{
	struct mm *mm = current_process()->mm;
	mutex_lock(&mm->lock);
	long err = mm_unmap(mm, addr, len);
	mm_unlock(mm);
	return err;
}
