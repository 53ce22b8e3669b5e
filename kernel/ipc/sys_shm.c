/*
 * System V shared memory: shmget, shmat, shmdt, shmctl.
 *
 *   table --by place--> struct segment --file--> an unlinked tmpfs file: the memory
 *                            ^
 *                            +--segment-- struct attach <--backing-- struct vma
 *
 * Every shmat() makes an attach, the backing of the mapping it makes. Every VMA of it counts as one
 * attachment of the segment (nattch), whether fork(2) or a split made it, as on Linux; so these
 * VMAs are never merged. A segment that was removed goes with its last attachment.
 *
 * shm.lock stands below mm->lock, for a VMA is copied and dropped with that held.
 */
#include "kernel/abi/errno.h"
#include "kernel/abi/fcntl.h"
#include "kernel/abi/ipc.h"
#include "kernel/abi/mman.h"
#include "kernel/abi/prctl.h"
#include "kernel/fs/text.h"
#include "kernel/fs/vfs.h"
#include "kernel/ipc/ipc_ids.h"
#include "kernel/ipc/shm.h"
#include "kernel/lib/fmt.h"
#include "kernel/proc/task.h"
#include "kernel/syscalls.h"
#include "kernel/x86/uaccess.h"
#include "mm/commit.h"
#include "mm/hugetlb.h"
#include "mm/kmalloc.h"
#include "mm/mmap.h"
#include "mm/page_alloc.h"
#include "mm/space.h"
#include "mm/userfault.h"

#define ANY_EXEC 0111u

u32 shm_max = UINT32_MAX - (1u << 24);
u32 shm_all = UINT32_MAX - (1u << 24);
u32 shm_mni = 4096;

/* letters: i: set at creation, all others: shm.lock */
struct segment {
	struct ipc_object ipc;
	u32 size;		 /* i: bytes */
	struct file *file;	 /* i */
	u32 nattch;		 /* VMAs, and shmat() calls under way */
	s64 atime, dtime, ctime; /* seconds since 1970 */
	u32 cpid, lpid;		 /* who made it; who attached or detached last */
	u32 locked_uid;		 /* with SHM_LOCKED: whose RLIMIT_MEMLOCK it counts against */
};

static struct ipc_table shm = IPC_TABLE_INIT(shm);
static u32 shm_pages; /* of all; shm.lock */

struct attach {
	struct backing backing;
	struct segment *segment; /* valid while a VMA, or the shmat() that made it, holds this */
	u32 refs;		 /* VMAs, and the shmat(); shm.lock */
};

static struct segment *segment_of(struct ipc_object *o)
{
	return o ? container_of(o, struct segment, ipc) : NULL;
}

/* --- Segments. All of this with shm.lock held. --- */

static u32 current_pid(void)
{
	return current_task() ? current_process()->pid : 0;
}

static u32 segment_pages(const struct segment *s)
{
	return (u32)(((u64)s->size + PAGE_SIZE - 1) >> PAGE_SHIFT);
}

/* Frees a segment that is in no table. */
static void segment_free(struct segment *s)
{
	if (s->file)
		file_put(s->file);
	kfree(s);
}

static void destroy(struct segment *s)
{
	ipc_leave(&shm, &s->ipc);
	shm_pages -= segment_pages(s);
	segment_free(s);
}

static void drop_attachment(struct segment *s)
{
	if (--s->nattch == 0 && (s->ipc.mode & SHM_DEST))
		destroy(s);
}

/* --- shmget --- */

static int make_file(struct segment *s, u32 flags)
{
	bool reserve = !(flags & SHM_NORESERVE) || overcommit_memory == OVERCOMMIT_NEVER;
	char name[16];
	snprintf(name, sizeof(name), "/SYSV%08x", (u32)s->ipc.key);
	struct file *f = tmpfs_create_sized(name, s->size, reserve);
	if (is_err(f))
		return (int)ptr_err(f);
	s->file = f;
	f->backing.object->no_fault_around = true;
	return 0;
}

/* The same of huge pages, which are promised at once. */
static int make_huge_file(struct segment *s, u32 flags)
{
	u32 size = ALIGN_UP(s->size, HUGE_SIZE);
	char name[16];
	if (!hugetlb_size_ok(flags >> SHM_HUGE_SHIFT & SHM_HUGE_MASK))
		return -EINVAL;
	if (!hugetlb_may_have_segments())
		return -EPERM;
	snprintf(name, sizeof(name), "/SYSV%08x", (u32)s->ipc.key);
	struct file *f = hugetlbfs_create_anonymous(name, O_LARGEFILE);
	if (is_err(f))
		return (int)ptr_err(f);
	s->file = f;
	hugetlb_truncate(f->backing.object, size);
	if (flags & SHM_NORESERVE)
		return 0;
	return hugetlb_promise(f->backing.object, 0, size >> PAGE_SHIFT);
}

/* Gives a segment of which key, size and mode are set its memory and its identifier. */
static int furnish(struct segment *s, u32 flags)
{
	s->cpid = current_pid();
	s->ctime = ipc_now();
	int err = flags & SHM_HUGETLB ? make_huge_file(s, flags) : make_file(s, flags);
	return err ? err : ipc_enter(&shm, &s->ipc, MIN(shm_mni, IPC_IDS_MAX));
}

/* With shm.lock held. Returns the identifier or a negative errno. */
static long create(s32 key, u32 size, u32 flags)
{
	u32 pages = (size + PAGE_SIZE - 1) >> PAGE_SHIFT;
	if (!size || size > shm_max)
		return -EINVAL;
	if (pages << PAGE_SHIFT < size)
		return -ENOSPC;
	if (shm_pages + pages < pages || shm_pages + pages > shm_all)
		return -ENOSPC;
	struct segment *s = kzalloc(sizeof(*s));
	if (!s)
		return -ENOMEM;
	ipc_own(&s->ipc, key, flags);
	s->size = size;
	int err = furnish(s, flags);
	if (err) {
		segment_free(s);
		return err;
	}
	shm_pages += pages;
	return s->ipc.id;
}

static long get_locked(s32 key, u32 size, u32 flags)
{
	struct ipc_object *o;
	long err = ipc_get(&shm, key, flags, &o);
	if (err)
		return err;
	if (!o)
		return create(key, size, flags);
	if (segment_of(o)->size < size)
		return -EINVAL;
	return ipc_may(o, flags) ? o->id : -EACCES;
}

long sys_shmget(s32 key, u32 size, u32 flags)
{
	mutex_lock(&shm.lock);
	long id = get_locked(key, size, flags);
	mutex_unlock(&shm.lock);
	return id;
}

/* --- What a VMA holds --- */

static struct attach *attach_of(struct backing *b)
{
	return container_of(b, struct attach, backing);
}

static void attach_put(struct attach *a)
{
	if (--a->refs == 0)
		kfree(a);
}

/* A VMA more. */
static void attach_open(struct backing *b)
{
	struct attach *a = attach_of(b);
	struct segment *s = a->segment;
	mutex_lock(&shm.lock);
	a->refs++;
	s->nattch++;
	s->atime = ipc_now();
	s->lpid = current_pid();
	mutex_unlock(&shm.lock);
}

/* A VMA less. */
static void attach_close(struct backing *b)
{
	struct attach *a = attach_of(b);
	struct segment *s = a->segment;
	mutex_lock(&shm.lock);
	s->dtime = ipc_now();
	s->lpid = current_pid();
	drop_attachment(s);
	attach_put(a);
	mutex_unlock(&shm.lock);
}

static int attach_name(struct backing *b, char *buf, size_t size)
{
	return file_path(attach_of(b)->segment->file, buf, size);
}

/* The identifier stands where the inode number does: ps and its kind look for it there. */
static void attach_id(struct backing *b, u32 *dev, u64 *ino)
{
	struct segment *s = attach_of(b)->segment;
	s->file->backing.ops->id(&s->file->backing, dev, ino);
	*ino = (u32)s->ipc.id;
}

static int attach_map(struct backing *b, u32 *vm_flags, bool early)
{
	*vm_flags |= VM_DONTMERGE;
	return 0;
}

static long attach_punch(struct backing *b, u64 start, u64 end)
{
	struct backing *memory = &attach_of(b)->segment->file->backing;
	return memory->ops->punch(memory, start, end);
}

static const struct backing_ops attach_ops = {
	.get = attach_open,
	.put = attach_close,
	.name = attach_name,
	.id = attach_id,
	.map = attach_map,
	.punch = attach_punch,
	.no_userfault = true,
};

/* --- shmat, shmdt --- */

/* An attach with one reference, and an attachment of the segment in its name. */
static struct attach *attach_create(s32 id, u32 flags)
{
	u32 wanted = flags & SHM_RDONLY ? IPC_ANY_READ : IPC_ANY_READ | IPC_ANY_WRITE;
	struct segment *s = segment_of(ipc_find(&shm, id));
	if (!s)
		return err_ptr(-EINVAL);
	if (!ipc_may(&s->ipc, flags & SHM_EXEC ? wanted | ANY_EXEC : wanted))
		return err_ptr(-EACCES);
	struct attach *a = kzalloc(sizeof(*a));
	if (!a)
		return err_ptr(-ENOMEM);
	a->backing = (struct backing){
		.ops = &attach_ops,
		.object = s->file->backing.object,
		.may_read = true,
		.may_write = !(flags & SHM_RDONLY),
	};
	a->segment = s;
	a->refs = 1;
	s->nattch++;
	return a;
}

static struct attach *attach_begin(s32 id, u32 flags)
{
	mutex_lock(&shm.lock);
	struct attach *a = attach_create(id, flags);
	mutex_unlock(&shm.lock);
	return a;
}

static void attach_end(struct attach *a)
{
	mutex_lock(&shm.lock);
	drop_attachment(a->segment);
	attach_put(a);
	mutex_unlock(&shm.lock);
}

/* The address that is meant, 0: any. Returns 0 or -EINVAL. */
static long check_address(u32 *addr, u32 flags)
{
	if (!*addr)
		return flags & SHM_REMAP ? -EINVAL : 0;
	if (*addr % PAGE_SIZE == 0)
		return 0;
	if (!(flags & SHM_RND))
		return -EINVAL;
	*addr = ALIGN_DOWN(*addr, PAGE_SIZE);
	return !*addr && (flags & SHM_REMAP) ? -EINVAL : 0;
}

static u32 shmat_prot(u32 flags)
{
	return PROT_READ | (flags & SHM_RDONLY ? 0 : PROT_WRITE) |
	       (flags & SHM_EXEC ? PROT_EXEC : 0);
}

/* Without SHM_REMAP nothing may be in the way. */
static long map_locked(struct mm *mm, struct mmap_args *m, u32 flags)
{
	vaddr_t end = m->r.addr + m->r.len;
	if (m->r.addr && !(flags & SHM_REMAP)) {
		if (end < m->r.addr || vma_overlap(&mm->vmas, m->r.addr, end))
			return -EINVAL;
	}
	return mmap_locked(mm, m);
}

static long map_attach(struct attach *a, u32 addr, bool fixed, u32 flags)
{
	struct mm *mm = current_process()->mm;
	struct mmap_args m = {
		.prot = shmat_prot(flags),
		.flags = fixed ? MAP_SHARED | MAP_FIXED : MAP_SHARED,
		.r = {.addr = addr, .len = (u32)a->backing.object->size},
	};
	mmap_set_backing(&m, &a->backing);
	mutex_lock(&mm->lock);
	long at = map_locked(mm, &m, flags);
	mm_unlock(mm);
	mmap_populate(mm, &m, at);
	return at;
}

long sys_shmat(s32 id, u32 addr, u32 flags)
{
	bool fixed = addr;
	long err = id < 0 ? -EINVAL : check_address(&addr, flags);
	if (err)
		return err;
	struct attach *a = attach_begin(id, flags);
	if (is_err(a))
		return ptr_err(a);
	long at = map_attach(a, addr, fixed, flags);
	attach_end(a);
	return at;
}

/* v is a part of an attachment that began at addr, and is where it was then. */
static bool is_part(const struct vma *v, u32 addr)
{
	return v->backing && v->backing->ops == &attach_ops && v->start >= addr &&
	       (v->start - addr) >> PAGE_SHIFT == v->pgoff;
}

/* Unmaps a whole VMA: nothing has to be cut. It stays only when memory is out for telling whom
 * userfaultfd(2) promised to. Returns the next. */
static struct vma *unmap_vma(struct mm *mm, struct vma *v)
{
	struct vma *next = vma_next(v);
	(void)!mm_unmap(mm, v->start, v->end - v->start);
	return next;
}

/* Unmaps what is left of the attachment at addr: its first part that is found, and with it all that
 * lies no further away than the segment is long. */
static long detach_locked(struct mm *mm, u32 addr)
{
	struct vma *v = vma_find(&mm->vmas, addr);
	while (v && !is_part(v, addr))
		v = vma_next(v);
	if (!v)
		return -EINVAL;
	const struct backing *of = v->backing; /* compared only: it may be gone */
	u64 size = ALIGN_UP(v->object->size, PAGE_SIZE);
	v = unmap_vma(mm, v);
	while (v && v->end - addr <= size)
		v = v->backing == of && is_part(v, addr) ? unmap_vma(mm, v) : vma_next(v);
	return 0;
}

long sys_shmdt(u32 addr)
{
	struct mm *mm = current_process()->mm;
	if (addr % PAGE_SIZE)
		return -EINVAL;
	mutex_lock(&mm->lock);
	long err = detach_locked(mm, addr);
	mm_unlock(mm);
	return err;
}

/* --- shmctl: what it copies out --- */

static long info_result(void)
{
	return MAX(shm.max_place, 0);
}

static long ipc_info(uptr_t to, bool is64)
{
	struct abi_shminfo64 big = {
		.shmmax = shm_max,
		.shmmin = 1,
		.shmmni = shm_mni,
		.shmseg = shm_mni,
		.shmall = shm_all,
	};
	struct abi_shminfo small = {
		.shmmax = (s32)MIN(shm_max, (u32)INT32_MAX),
		.shmmin = 1,
		.shmmni = (s32)shm_mni,
		.shmseg = (s32)shm_mni,
		.shmall = (s32)shm_all,
	};
	mutex_lock(&shm.lock);
	long result = info_result();
	mutex_unlock(&shm.lock);
	int err = is64 ? copy_to_user(to, &big, sizeof(big))
		       : copy_to_user(to, &small, sizeof(small));
	return err ? err : result;
}

static long shm_info(uptr_t to)
{
	struct abi_shm_info info = {0};
	struct segment *s;
	mutex_lock(&shm.lock);
	info.used_ids = (s32)shm.in_use;
	info.tot = shm_pages;
	for (u32 at = 0; (s = segment_of(ipc_next(&shm, &at))); at++)
		info.rss += s->file->backing.object->nr_pages;
	long result = info_result();
	mutex_unlock(&shm.lock);
	return copy_to_user(to, &info, sizeof(info)) ? -EFAULT : result;
}

static void fill_stat(const struct segment *s, struct abi_shmid64_ds *d)
{
	*d = (struct abi_shmid64_ds){
		.segsz = s->size,
		.atime = (u32)s->atime,
		.atime_high = (u32)(s->atime >> 32),
		.dtime = (u32)s->dtime,
		.dtime_high = (u32)(s->dtime >> 32),
		.ctime = (u32)s->ctime,
		.ctime_high = (u32)(s->ctime >> 32),
		.cpid = (s32)s->cpid,
		.lpid = (s32)s->lpid,
		.nattch = s->nattch,
	};
	ipc_fill_perm(&s->ipc, &d->perm);
}

static long put_stat(uptr_t to, const struct abi_shmid64_ds *d, bool is64)
{
	if (is64)
		return copy_to_user(to, d, sizeof(*d));
	struct abi_shmid_ds old = {
		.segsz = (s32)d->segsz,
		.atime = (s32)d->atime,
		.dtime = (s32)d->dtime,
		.ctime = (s32)d->ctime,
		.cpid = (u16)d->cpid,
		.lpid = (u16)d->lpid,
		.nattch = (u16)d->nattch,
	};
	ipc_old_perm(&d->perm, &old.perm);
	return copy_to_user(to, &old, sizeof(old));
}

static long shm_stat(s32 id, u32 cmd, uptr_t to, bool is64)
{
	struct abi_shmid64_ds d;
	struct ipc_object *o;
	mutex_lock(&shm.lock);
	long result = ipc_find_stat(&shm, id, cmd, cmd == SHM_STAT_ANY, &o);
	if (result >= 0)
		fill_stat(segment_of(o), &d);
	mutex_unlock(&shm.lock);
	return result >= 0 && put_stat(to, &d, is64) ? -EFAULT : result;
}

/* --- shmctl: what it changes --- */

/* Nobody finds it by its key any more; it goes when nobody uses it. */
static void remove_segment(struct segment *s)
{
	if (!s->nattch) {
		destroy(s);
		return;
	}
	s->ipc.mode |= SHM_DEST;
	s->ipc.key = IPC_PRIVATE;
}

/* IPC_RMID, and IPC_SET with the new owner in *perm. */
static long change_locked(s32 id, const struct abi_ipc64_perm *perm)
{
	struct ipc_object *o = ipc_find_owned(&shm, id);
	if (is_err(o))
		return ptr_err(o);
	if (!perm) {
		remove_segment(segment_of(o));
		return 0;
	}
	long err = ipc_set_owner(o, perm);
	if (!err)
		segment_of(o)->ctime = ipc_now();
	return err;
}

static long change(s32 id, const struct abi_ipc64_perm *perm)
{
	mutex_lock(&shm.lock);
	long err = change_locked(id, perm);
	mutex_unlock(&shm.lock);
	return err;
}

static long set_owner(s32 id, uptr_t from, bool is64)
{
	struct abi_shmid64_ds d;
	struct abi_shmid_ds old;
	if (is64 ? copy_from_user(&d, from, sizeof(d)) : copy_from_user(&old, from, sizeof(old)))
		return -EFAULT;
	if (!is64)
		ipc_new_perm(&old.perm, &d.perm);
	return change(id, &d.perm);
}

/* Pages of all segments that this user has locked. */
static u64 locked_pages(u32 uid)
{
	struct segment *s;
	u64 pages = 0;
	for (u32 at = 0; (s = segment_of(ipc_next(&shm, &at))); at++) {
		if ((s->ipc.mode & SHM_LOCKED) && s->locked_uid == uid)
			pages += segment_pages(s);
	}
	return pages;
}

static long lock_segment(struct segment *s)
{
	u64 limit = current_process()->rlimit[RLIMIT_MEMLOCK].cur;
	if ((s->ipc.mode & SHM_LOCKED) || object_is_huge(s->file->backing.object))
		return 0;
	if (limit != RLIM64_INFINITY && !capable(CAP_IPC_LOCK) &&
		locked_pages(current_task()->cred.uid) + segment_pages(s) > limit >> PAGE_SHIFT)
		return -ENOMEM;
	s->ipc.mode |= SHM_LOCKED;
	s->locked_uid = current_task()->cred.uid;
	return 0;
}

static long lock_locked(s32 id, bool lock)
{
	struct segment *s = segment_of(ipc_find(&shm, id));
	if (!s)
		return -EINVAL;
	if (!capable(CAP_IPC_LOCK)) {
		if (!ipc_owns(&s->ipc))
			return -EPERM;
		if (lock && !current_process()->rlimit[RLIMIT_MEMLOCK].cur)
			return -EPERM;
	}
	if (lock)
		return lock_segment(s);
	s->ipc.mode &= ~SHM_LOCKED;
	return 0;
}

static long shm_lock(s32 id, bool lock)
{
	mutex_lock(&shm.lock);
	long err = lock_locked(id, lock);
	mutex_unlock(&shm.lock);
	return err;
}

long shm_control(s32 id, u32 cmd, uptr_t buf, bool is64)
{
	if ((s32)cmd < 0 || id < 0)
		return -EINVAL;
	switch (cmd) {
	case IPC_INFO:
		return ipc_info(buf, is64);
	case SHM_INFO:
		return shm_info(buf);
	case SHM_STAT:
	case SHM_STAT_ANY:
	case IPC_STAT:
		return shm_stat(id, cmd, buf, is64);
	case IPC_SET:
		return set_owner(id, buf, is64);
	case IPC_RMID:
		return change(id, NULL);
	case SHM_LOCK:
	case SHM_UNLOCK:
		return shm_lock(id, cmd == SHM_LOCK);
	default:
		return -EINVAL;
	}
}

long sys_shmctl(s32 id, u32 cmd, uptr_t buf)
{
	return shm_control(id, cmd, buf, true);
}

/* --- /proc/sysvipc/shm --- */

void shm_show(struct text *t)
{
	struct segment *s;
	text_puts(t, "       key      shmid perms       size  cpid  lpid nattch   uid   gid  cuid"
		     "  cgid      atime      dtime      ctime        rss       swap\n");
	mutex_lock(&shm.lock);
	for (u32 at = 0; (s = segment_of(ipc_next(&shm, &at))); at++)
		text_printf(t,
			"%10d %10d  %4o %10u %5u %5u  %5u %5u %5u %5u %5u %10lld %10lld %10lld %10u"
			" %10u\n",
			s->ipc.key, s->ipc.id, s->ipc.mode, s->size, s->cpid, s->lpid, s->nattch,
			s->ipc.uid, s->ipc.gid, s->ipc.cuid, s->ipc.cgid, s->atime, s->dtime,
			s->ctime, s->file->backing.object->nr_pages * (u32)PAGE_SIZE, 0u);
	mutex_unlock(&shm.lock);
}
