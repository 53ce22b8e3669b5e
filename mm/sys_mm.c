/*
 * brk, mmap, munmap, mprotect: arguments to requests, with Linux 6.1's checks in Linux's order, so
 * that of two errors a program sees the same one.
 */
#include "kernel/abi/errno.h"
#include "kernel/abi/fcntl.h"
#include "kernel/abi/mman.h"
#include "kernel/fs/file.h"
#include "kernel/proc/task.h"
#include "kernel/syscalls.h"
#include "kernel/x86/uaccess.h"
#include "mm/commit.h"
#include "mm/mmap.h"
#include "mm/space.h"

long sys_brk(u32 brk)
{
	return (long)mm_brk(current_process()->mm, brk);
}

/* One mmap on its way from the arguments to the request. */
struct mmap_call {
	u32 prot, flags;
	struct backing *backing; /* NULL: anonymous */
	struct map_request r;
};

static u32 prot_to_vm(u32 prot)
{
	return prot & VM_PROT;
}

static u32 flags_to_vm(u32 flags)
{
	return (flags & MAP_GROWSDOWN ? VM_GROWSDOWN : 0) | (flags & MAP_LOCKED ? VM_LOCKED : 0);
}

/* What a file mapping may do follows from how the file was opened. */
static long check_shared_file(struct mmap_call *c, const struct backing *b)
{
	if ((c->flags & MAP_TYPE) == MAP_SHARED_VALIDATE && (c->flags & ~LEGACY_MAP_MASK))
		return -EOPNOTSUPP;
	if ((c->prot & PROT_WRITE) && !b->may_write)
		return -EACCES;
	c->r.vm_flags |= VM_SHARED | VM_MAYSHARE;
	if (!b->may_write)
		c->r.vm_flags &= ~(VM_MAYWRITE | VM_SHARED);
	return 0;
}

static long check_file(struct mmap_call *c)
{
	struct backing *b = c->backing;
	u32 type = c->flags & MAP_TYPE;
	long err = 0;
	if (type == MAP_SHARED || type == MAP_SHARED_VALIDATE)
		err = check_shared_file(c, b);
	else if (type != MAP_PRIVATE)
		err = -EINVAL;
	if (err)
		return err;
	if (!b->may_read)
		return -EACCES;
	if (b->noexec) {
		if (c->r.vm_flags & VM_EXEC)
			return -EPERM;
		c->r.vm_flags &= ~VM_MAYEXEC;
	}
	if (!b->object && !b->zero)
		return -ENODEV;
	if (c->r.vm_flags & VM_GROWSDOWN)
		return -EINVAL;
	return b->ops->map ? b->ops->map(b, &c->r.vm_flags) : 0;
}

/* An anonymous shared mapping is a mapping of a nameless file: the same code serves both. Its pages
 * are promised at once, unless MAP_NORESERVE waives it. */
static long make_shared_anon(struct mm *mm, struct mmap_call *c)
{
	u32 pages = c->r.vm_flags & VM_NORESERVE ? 0 : c->r.len >> PAGE_SHIFT;
	if (!commit_charge(pages, mm->total_vm))
		return -ENOMEM;
	struct file *f = file_create_shared_anon(c->r.len);
	if (is_err(f)) {
		commit_release(pages);
		return ptr_err(f);
	}
	c->backing = &f->backing;
	c->backing->object->committed = pages;
	c->r.pgoff = 0;
	return 0;
}

static long check_anon(struct mmap_call *c)
{
	switch (c->flags & MAP_TYPE) {
	case MAP_SHARED:
		if (c->r.vm_flags & VM_GROWSDOWN)
			return -EINVAL;
		c->r.vm_flags |= VM_SHARED | VM_MAYSHARE;
		return 0;
	case MAP_PRIVATE:
		return 0;
	default:
		return -EINVAL;
	}
}

/* The checks that do not depend on where it goes. */
static long check_lengths(struct mmap_call *c, u32 len)
{
	if (!len)
		return -EINVAL;
	if (align_up_overflows(len, PAGE_SIZE))
		return -ENOMEM;
	c->r.len = ALIGN_UP(len, PAGE_SIZE);
	if (c->r.pgoff + (c->r.len >> PAGE_SHIFT) < c->r.pgoff)
		return -EOVERFLOW;
	return 0;
}

static long check_lock(struct mm *mm, const struct mmap_call *c)
{
	if (!(c->r.vm_flags & VM_LOCKED) || current_process()->cred.euid == 0)
		return 0;
	if ((c->flags & MAP_LOCKED) && !mm->limits.memlock)
		return -EPERM;
	return mm_may_lock(mm, c->r.len >> PAGE_SHIFT) ? 0 : -EAGAIN;
}

/* Everything about the mapping but its place. mm->lock is held from here on. */
static long prepare(struct mm *mm, struct mmap_call *c)
{
	c->r.vm_flags = prot_to_vm(c->prot) | flags_to_vm(c->flags) | mm->def_flags | VM_MAYREAD |
			VM_MAYWRITE | VM_MAYEXEC;
	if (!c->backing || !c->backing->noexec)
		c->r.vm_flags |= mm_implied_exec(mm, c->r.vm_flags, VM_MAYEXEC);
	long err = check_lock(mm, c);
	if (!err)
		err = c->backing ? check_file(c) : check_anon(c);
	if (err)
		return err;
	if ((c->flags & MAP_NORESERVE) && overcommit_memory != OVERCOMMIT_NEVER)
		c->r.vm_flags |= VM_NORESERVE;
	return 0;
}

/* Where the pages come from: the file's object, a new one, or nothing. */
static long choose_backing(struct mm *mm, struct mmap_call *c)
{
	bool shared = (c->flags & MAP_TYPE) != MAP_PRIVATE;
	if (c->backing && c->backing->zero) {
		c->backing = NULL;
		if (shared)
			c->r.vm_flags |= VM_SHARED | VM_MAYSHARE;
	}
	bool made = !c->backing && shared;
	if (made) {
		long err = make_shared_anon(mm, c);
		if (err)
			return err;
	}
	if (c->backing) {
		c->r.backing = c->backing;
		c->r.object = c->backing->object;
	}
	return made;
}

static long map_locked(struct mm *mm, struct mmap_call *c)
{
	long at = mm_place(mm, &c->r);
	if (is_err((void *)at))
		return at;
	long err = prepare(mm, c);
	if (err)
		return err;
	long made = choose_backing(mm, c);
	if (made < 0)
		return made;
	at = mm_map_at(mm, &c->r, at);
	if (made)
		c->backing->ops->put(c->backing);
	return at;
}

long mmap_locked(struct mm *mm, const struct mmap_args *a, bool *populate)
{
	struct mmap_call c = {
		.prot = a->prot,
		.flags = a->flags,
		.backing = a->backing,
		.r = {.addr = a->addr, .pgoff = a->pgoff},
	};
	*populate = false;
	long err = check_lengths(&c, a->len);
	if (err)
		return err;
	if (a->flags & (MAP_FIXED | MAP_FIXED_NOREPLACE))
		c.r.how = MM_FIXED | (a->flags & MAP_FIXED_NOREPLACE ? MM_NOREPLACE : 0);
	long at = map_locked(mm, &c);
	if (is_err((void *)at))
		return at;
	*populate = (c.r.vm_flags & VM_LOCKED) ||
		    (a->flags & (MAP_POPULATE | MAP_NONBLOCK)) == MAP_POPULATE;
	return at;
}

static long do_mmap(const struct mmap_args *a)
{
	struct mm *mm = current_process()->mm;
	bool populate;
	mutex_lock(&mm->lock);
	long at = mmap_locked(mm, a, &populate);
	mutex_unlock(&mm->lock);
	if (populate)
		(void)mm_populate(mm, at, at + ALIGN_UP(a->len, PAGE_SIZE));
	return at;
}

long sys_mmap2(u32 addr, u32 len, u32 prot, u32 flags, u32 fd, u32 pgoff)
{
	struct file *f = NULL;
	if (!(flags & MAP_ANONYMOUS)) {
		f = files_fget(current_process()->files, fd);
		if (!f || (f->flags & O_PATH)) {
			file_put(f);
			return -EBADF;
		}
	}
	struct mmap_args a = {
		.backing = f ? &f->backing : NULL,
		.addr = addr,
		.len = len,
		.prot = prot,
		.flags = flags,
		.pgoff = pgoff,
	};
	long at = f && (flags & MAP_HUGETLB) ? -EINVAL
		  : flags & MAP_HUGETLB	     ? -ENOMEM
					     : do_mmap(&a);
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
	mutex_unlock(&mm->lock);
	return err;
}

/* With PROT_GROWSDOWN the change reaches down to the start of a growing VMA. */
static long extend_down(struct mm *mm, u32 *addr, u32 *len)
{
	struct vma *v = vma_find(&mm->vmas, *addr);
	if (!v || v->start >= *addr + *len)
		return -ENOMEM;
	if (!(v->flags & VM_GROWSDOWN))
		return -EINVAL;
	*len += *addr - v->start;
	*addr = v->start;
	return 0;
}

long sys_mprotect(u32 addr, u32 len, u32 prot)
{
	struct mm *mm = current_process()->mm;
	u32 grows = prot & (PROT_GROWSDOWN | PROT_GROWSUP);
	prot &= ~(PROT_GROWSDOWN | PROT_GROWSUP);
	if (grows == (PROT_GROWSDOWN | PROT_GROWSUP) || addr % PAGE_SIZE)
		return -EINVAL;
	if (!len)
		return 0;
	if (align_up_overflows(len, PAGE_SIZE) || addr + ALIGN_UP(len, PAGE_SIZE) <= addr)
		return -ENOMEM;
	if (prot & ~(VM_PROT | PROT_SEM))
		return -EINVAL;
	len = ALIGN_UP(len, PAGE_SIZE);
	mutex_lock(&mm->lock);
	long err = 0;
	if (grows == PROT_GROWSUP)
		err = vma_at(&mm->vmas, addr) ? -EINVAL : -ENOMEM;
	else if (grows)
		err = extend_down(mm, &addr, &len);
	if (!err)
		err = mm_protect(mm, addr, len, prot & VM_PROT);
	mutex_unlock(&mm->lock);
	return err;
}
