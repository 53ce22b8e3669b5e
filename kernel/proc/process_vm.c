/*
 * process_vm_readv(2), process_vm_writev(2): one process copies between its own memory and that of
 * another one. And process_madvise(2): it advises the kernel about it.
 *
 * No lock is held when the caller's own memory is touched. What is read comes straight from the
 * other's frame; what is written passes through a page of kernel memory, since the caller's may have
 * to be waited for, and by then the frame may be another's too. What the other process may not do itself is not done for it either.
 */
#include "kernel/abi/errno.h"
#include "kernel/abi/mman.h"
#include "kernel/abi/prctl.h"
#include "kernel/abi/uio.h"
#include "kernel/fs/file.h"
#include "kernel/proc/pidfd.h"
#include "kernel/proc/ptrace.h"
#include "kernel/proc/task.h"
#include "kernel/syscalls.h"
#include "kernel/x86/trap.h"
#include "kernel/x86/uaccess.h"
#include "mm/fault.h"
#include "mm/kmalloc.h"
#include "mm/pmap.h"
#include "mm/space.h"

#define MAX_RW 0x7ffff000u /* bytes that one call moves at most */

/* --- Vectors --- */

/* An array of ranges, used up from the front. */
struct ranges {
	struct abi_iovec *iov;
	u32 n;
	u32 at; /* the first that is not used up */
};

static long ranges_get(struct ranges *r, uptr_t user, u32 n)
{
	*r = (struct ranges){.n = n};
	if (n > ABI_IOV_MAX)
		return -EINVAL;
	if (!n)
		return 0;
	r->iov = kmalloc(n * sizeof(*r->iov));
	if (!r->iov)
		return -ENOMEM;
	if (copy_from_user(r->iov, user, n * sizeof(*r->iov)))
		return -EFAULT;
	for (u32 i = 0; i < n; i++) {
		if ((s32)r->iov[i].len < 0)
			return -EINVAL;
	}
	return 0;
}

/* The caller's own ranges must be in user space; together they are cut at MAX_RW. Returns their
 * length. */
static long ranges_limit(struct ranges *r)
{
	u32 total = 0;
	for (u32 i = 0; i < r->n; i++) {
		struct abi_iovec *iov = &r->iov[i];
		if (!user_range_ok(UPTR(iov->base), iov->len))
			return -EFAULT;
		iov->len = MIN(iov->len, MAX_RW - total);
		total += iov->len;
	}
	return (long)total;
}

static bool ranges_empty(const struct ranges *r)
{
	for (u32 i = 0; i < r->n; i++) {
		if (r->iov[i].len)
			return false;
	}
	return true;
}

/* The first range with something left, or NULL. */
static struct abi_iovec *ranges_front(struct ranges *r)
{
	while (r->at < r->n && !r->iov[r->at].len)
		r->at++;
	return r->at < r->n ? &r->iov[r->at] : NULL;
}

static void range_skip(struct abi_iovec *iov, u32 n)
{
	iov->base += n;
	iov->len -= n;
}

/* --- Copying --- */

struct transfer {
	struct mm *mm; /* the other process's */
	struct ranges local, remote;
	bool write;
	char *buf; /* PAGE_SIZE, to write */
	bool ahead; /* the other process's pages have been made sure of, as far as it goes */
	bool fault; /* memory on either side could not be used: this is the end */
};

/* Copies up to n bytes between `at` and the caller's ranges, which it uses up. Returns how many,
 * short when memory is missing or the ranges end. */
static u32 copy_local(struct transfer *x, char *at, u32 n)
{
	struct abi_iovec *iov;
	u32 done = 0;
	while (done < n && (iov = ranges_front(&x->local))) {
		u32 part = MIN(n - done, iov->len);
		size_t left = x->write
				      ? copy_from_user_partial(at + done, UPTR(iov->base), part)
				      : copy_to_user_partial(UPTR(iov->base), at + done, part);
		range_skip(iov, part - left);
		done += part - left;
		if (left) {
			x->fault = true;
			break;
		}
	}
	return done;
}

/* Makes sure of [addr, addr + len) of the other process, which ends in the page of its last byte. */
static bool fault_ahead(struct transfer *x, vaddr_t addr, u32 len)
{
	vaddr_t start = ALIGN_DOWN(addr, PAGE_SIZE);
	return mm_populate_access(x->mm, start, start + ALIGN_UP(addr - start + len, PAGE_SIZE),
		       x->write ? PF_WRITE | FAULT_PIN : FAULT_PIN) == 0;
}

/* What lies in one page of the other process. Both return the bytes copied. */
static u32 read_page(struct transfer *x, vaddr_t addr, u32 n)
{
	struct page *p = mm_get_page(x->mm, addr, 0);
	if (!p) {
		x->fault = true;
		return 0;
	}
	char *va = kmap_local(p);
	n = copy_local(x, va + addr % PAGE_SIZE, n);
	kunmap_local(va);
	mm_put_page(p);
	return n;
}

/* The page is looked at before the caller's bytes are. */
static u32 write_page(struct transfer *x, vaddr_t addr, u32 n)
{
	u32 got = x->ahead || fault_ahead(x, addr, n) ? copy_local(x, x->buf, n) : 0;
	u32 done = mm_access(x->mm, addr, x->buf, got, true, false);
	if (!got || done < got)
		x->fault = true;
	return done;
}

/* Linux makes sure of so many pages of the other process before it copies the first of them. */
#define PAGES_AHEAD 2048u
#define MAX_AHEAD   (PAGES_AHEAD * PAGE_SIZE - PAGE_SIZE)

/* Until either side is used up or faults. Returns bytes, or -EFAULT when there were none. */
static long copy_all(struct transfer *x)
{
	struct abi_iovec *iov, *last = NULL;
	long done = 0;
	for (u32 page = 0; !x->fault && ranges_front(&x->local); page++) {
		if (!(iov = ranges_front(&x->remote)))
			break;
		if (iov != last || page == PAGES_AHEAD) {
			x->ahead = fault_ahead(x, iov->base, MIN(iov->len, MAX_AHEAD));
			page = 0;
		}
		last = iov;
		u32 part = MIN(iov->len, (u32)(PAGE_SIZE - iov->base % PAGE_SIZE));
		u32 got = x->write ? write_page(x, iov->base, part) : read_page(x, iov->base, part);
		range_skip(iov, got);
		done += got;
	}
	return x->fault && !done ? -EFAULT : done;
}

/* --- Whose memory --- */

/* A reference to the address space of the process that the thread belongs to. */
static long get_mm(u32 tid, struct mm **out)
{
	long err = -ESRCH;
	u32 flags = spin_lock_irqsave(&process_lock);
	struct task *t = task_find(tid);
	struct process *p = t ? t->process : NULL;
	if (p && p->mm)
		err = p->mm == current_process()->mm || ptrace_may_attach(p) ? 0 : -EPERM;
	if (!err) {
		*out = p->mm;
		mm_get(*out);
	}
	spin_unlock_irqrestore(&process_lock, flags);
	return err;
}

/* The address space that a pidfd names. Who may not have it is told -EACCES here. */
static long get_pidfd_mm(u32 fd, struct mm **out)
{
	struct file *f = pidfd_get(fd);
	long err;
	if (!f)
		return -EBADF;
	err = get_mm(pidfd_pid(f), out);
	file_put(f);
	return err == -EPERM ? -EACCES : err;
}

/* --- The calls --- */

static long transfer(struct transfer *x, u32 tid)
{
	long done;
	if (ranges_empty(&x->remote))
		return 0;
	if (x->write && !(x->buf = kmalloc(PAGE_SIZE)))
		return -ENOMEM;
	done = get_mm(tid, &x->mm);
	if (!done) {
		done = copy_all(x);
		mm_put(x->mm);
	}
	kfree(x->buf);
	return done;
}

static long process_vm_rw(
	u32 tid, uptr_t lvec, u32 nr_local, uptr_t rvec, u32 nr_remote, u32 flags, bool write)
{
	struct transfer x = {.write = write};
	if (flags)
		return -EINVAL;
	long err = ranges_get(&x.local, lvec, nr_local);
	if (!err)
		err = ranges_limit(&x.local);
	if (err > 0) {
		err = ranges_get(&x.remote, rvec, nr_remote);
		if (!err)
			err = transfer(&x, tid);
	}
	kfree(x.local.iov);
	kfree(x.remote.iov);
	return err;
}

long sys_process_vm_readv(u32 tid, uptr_t lvec, u32 nr_local, uptr_t rvec, u32 nr_remote, u32 flags)
{
	return process_vm_rw(tid, lvec, nr_local, rvec, nr_remote, flags, false);
}

long sys_process_vm_writev(
	u32 tid, uptr_t lvec, u32 nr_local, uptr_t rvec, u32 nr_remote, u32 flags)
{
	return process_vm_rw(tid, lvec, nr_local, rvec, nr_remote, flags, true);
}

/* Advice for the ranges, one after the other. Returns the bytes that took it, or an error when there
 * were none. */
static long advise_all(struct mm *mm, struct ranges *r, u32 advice)
{
	struct abi_iovec *iov;
	long done = 0;
	while ((iov = ranges_front(r))) {
		long err = mm_madvise(mm, iov->base, iov->len, advice);
		if (err)
			return done ? done : err;
		done += (long)iov->len;
		range_skip(iov, iov->len);
	}
	return done;
}

static long process_madvise(u32 pidfd, struct ranges *r, u32 advice)
{
	struct mm *mm;
	long err = get_pidfd_mm(pidfd, &mm);
	if (err)
		return err;
	if (advice != MADV_COLD && advice != MADV_PAGEOUT && advice != MADV_WILLNEED &&
		advice != MADV_COLLAPSE)
		err = -EINVAL;
	else if (!capable(CAP_SYS_NICE))
		err = -EPERM;
	else
		err = advise_all(mm, r, advice);
	mm_put(mm);
	return err;
}

long sys_process_madvise(u32 pidfd, uptr_t vec, u32 n, u32 advice, u32 flags)
{
	struct ranges r;
	long done;
	if (flags)
		return -EINVAL;
	done = ranges_get(&r, vec, n);
	if (!done)
		done = ranges_limit(&r);
	if (done >= 0)
		done = process_madvise(pidfd, &r, advice);
	kfree(r.iov);
	return done;
}
