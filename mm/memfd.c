/*
 * memfd_create(2): a file without a name; and seals, promises about a file that hold for whoever
 * has it open.
 *
 * A seal is only ever added, and the promise that nobody writes is refused while somebody could: as
 * long as a shared mapping made through a descriptor open for writing exists. Adding a seal and
 * making a mapping both take the object's lock, so of two at the same time one sees the other.
 */
#include "kernel/abi/errno.h"
#include "kernel/abi/fcntl.h"
#include "kernel/abi/memfd.h"
#include "kernel/fs/vfs.h"
#include "kernel/lib/string.h"
#include "kernel/proc/task.h"
#include "kernel/syscalls.h"
#include "kernel/x86/uaccess.h"
#include "mm/hugetlb.h"
#include "mm/vma.h"

#define NAME_PREFIX "/memfd:"
/* With "memfd:" before it, the name fits where a file's name fits. */
#define NAME_MAX_LEN (ABI_NAME_MAX - (sizeof("memfd:") - 1))

#define ALL_SEALS (F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_FUTURE_WRITE)

/* --- Seals --- */

static bool can_be_sealed(const struct inode *inode)
{
	return S_ISREG(inode->mode) &&
	       (inode->ops == &tmpfs_inode_ops || inode->ops == &hugetlbfs_inode_ops);
}

/* A mapping through which the file could be written, now or after mprotect(). Caller holds the
 * object's lock. */
static bool mapped_writable(const struct object *o)
{
	const struct vma *v;
	list_for_each_entry (v, &o->vmas, object_link) {
		if ((v->flags & (VM_SHARED | VM_MAYWRITE)) == (VM_SHARED | VM_MAYWRITE))
			return true;
	}
	return false;
}

/* Caller holds inode->lock. */
static long add_locked(struct inode *inode, u32 seals)
{
	struct object *o = &inode->object;
	if (inode->seals & F_SEAL_SEAL)
		return -EPERM;
	mutex_lock(&o->lock);
	bool busy = (seals & ~inode->seals & F_SEAL_WRITE) && mapped_writable(o);
	if (!busy)
		inode->seals |= seals;
	mutex_unlock(&o->lock);
	return busy ? -EBUSY : 0;
}

long seals_add(struct file *f, u32 seals)
{
	struct inode *inode = f->dentry->inode;
	if (!f->backing.may_write)
		return -EPERM;
	if ((seals & ~ALL_SEALS) || !can_be_sealed(inode))
		return -EINVAL;
	mutex_lock(&inode->lock);
	long err = add_locked(inode, seals);
	mutex_unlock(&inode->lock);
	return err;
}

long seals_get(const struct file *f)
{
	const struct inode *inode = f->dentry->inode;
	return can_be_sealed(inode) ? (long)inode->seals : -EINVAL;
}

bool seals_forbid_write(const struct inode *inode)
{
	return inode->seals & (F_SEAL_WRITE | F_SEAL_FUTURE_WRITE);
}

bool seals_forbid_size(const struct inode *inode, u64 size)
{
	u64 old = inode->object.size;
	return (size < old && (inode->seals & F_SEAL_SHRINK)) ||
		(size > old && (inode->seals & F_SEAL_GROW));
}

int seals_check_map(struct inode *inode, u32 *vm_flags, bool early)
{
	if (!(*vm_flags & VM_SHARED) || !can_be_sealed(inode))
		return 0;
	mutex_lock(&inode->object.lock);
	u32 seals = inode->seals;
	mutex_unlock(&inode->object.lock);
	if (!(seals & (early ? F_SEAL_WRITE : F_SEAL_WRITE | F_SEAL_FUTURE_WRITE)))
		return 0;
	if (*vm_flags & VM_WRITE)
		return -EPERM;
	*vm_flags &= ~VM_MAYWRITE;
	return 0;
}

/* --- memfd_create --- */

static long check_flags(u32 flags)
{
	u32 known = MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_HUGETLB;
	if (flags & MFD_HUGETLB)
		known |= MFD_HUGE_MASK << MFD_HUGE_SHIFT;
	return flags & ~known ? -EINVAL : 0;
}

/* The file's name as /proc shows it, into `name`. */
static long get_name(char *name, uptr_t user)
{
	strlcpy(name, NAME_PREFIX, sizeof(NAME_PREFIX));
	long n = strncpy_from_user(name + sizeof(NAME_PREFIX) - 1, user, NAME_MAX_LEN + 1);
	return n == -ENAMETOOLONG ? -EINVAL : n < 0 ? n : 0;
}

static struct file *create(const char *name, u32 flags)
{
	bool huge = flags & MFD_HUGETLB;
	if (huge && !hugetlb_size_ok(flags >> MFD_HUGE_SHIFT & MFD_HUGE_MASK))
		return err_ptr(-ENODEV);
	struct file *f = huge ? hugetlbfs_create_anonymous(name, O_LARGEFILE)
			      : tmpfs_create_anonymous(name, O_LARGEFILE);
	if (!is_err(f) && (flags & MFD_ALLOW_SEALING))
		f->dentry->inode->seals &= ~F_SEAL_SEAL;
	return f;
}

long sys_memfd_create(uptr_t uname, u32 flags)
{
	struct files *fs = current_task()->files;
	char name[sizeof(NAME_PREFIX) + NAME_MAX_LEN];
	long err = check_flags(flags);
	if (!err)
		err = get_name(name, uname);
	if (err)
		return err;
	long fd = files_reserve(fs, 0, flags & MFD_CLOEXEC);
	if (fd < 0)
		return fd;
	struct file *f = create(name, flags);
	if (is_err(f)) {
		files_unreserve(fs, fd);
		return ptr_err(f);
	}
	files_fill(fs, fd, f);
	return fd;
}
