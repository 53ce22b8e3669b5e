/*
 * Descriptor tables. A descriptor is free, reserved (its bit in `used` is set, its slot empty), or
 * open. The arrays grow by doubling and never shrink; the first 32 descriptors need none.
 */
#include "kernel/fs/vfs.h"
#include "kernel/lib/kassert.h"
#include "kernel/lib/string.h"
#include "kernel/proc/task.h"
#include "mm/kmalloc.h"
#include "mm/slab.h"
#include "mm/vmalloc.h"

#define INLINE_FDS 32u

u32 nr_open = 1u << 20;

/* One block of memory: slots, then the two bitmaps. `cap` is a multiple of 32. */
struct fd_arrays {
	u32 cap;
	struct file **slot;
	u32 *used, *cloexec;
	void *block; /* NULL: the inline arrays */
};

struct files {
	u32 refcount;	      /* atomic */
	struct spinlock lock; /* everything below */
	struct fd_arrays a;
	u32 first_free; /* no free descriptor is below */
	struct file *inline_slot[INLINE_FDS];
	u32 inline_used, inline_cloexec;
};

static struct slab_cache *files_cache __ro_after_init;

static bool bit_test(const u32 *map, u32 i)
{
	return map[i / 32] >> (i % 32) & 1;
}

static void bit_set(u32 *map, u32 i)
{
	map[i / 32] |= 1u << (i % 32);
}

static void bit_clear(u32 *map, u32 i)
{
	map[i / 32] &= ~(1u << (i % 32));
}

static void bit_assign(u32 *map, u32 i, bool on)
{
	if (on)
		bit_set(map, i);
	else
		bit_clear(map, i);
}

static u32 process_limit(void)
{
	struct task *t = this_cpu()->task;
	u64 limit = t ? t->process->rlimit[RLIMIT_NOFILE].cur : INLINE_FDS;

	return (u32)MIN(limit, (u64)nr_open);
}

u32 files_capacity(void)
{
	return READ_ONCE(current_task()->files->a.cap);
}

/* --- The arrays --- */

/* A table of many descriptors need not be one block of frames. */
#define VMALLOC_FROM (16 * PAGE_SIZE)

static void *block_alloc(size_t bytes)
{
	void *p = bytes < VMALLOC_FROM ? kzalloc(bytes) : vmalloc(bytes);

	if (p && bytes >= VMALLOC_FROM)
		memset(p, 0, bytes);
	return p;
}

static void block_free(void *p)
{
	if ((vaddr_t)p >= VMALLOC_START)
		vfree(p);
	else
		kfree(p);
}

static bool arrays_alloc(struct fd_arrays *a, u32 cap)
{
	u32 map_bytes = cap / 8;

	a->block = block_alloc(cap * sizeof(struct file *) + 2 * map_bytes);
	if (!a->block)
		return false;
	a->cap = cap;
	a->slot = a->block;
	a->used = (u32 *)(a->slot + cap);
	a->cloexec = a->used + cap / 32;
	return true;
}

static void arrays_copy(struct fd_arrays *to, const struct fd_arrays *from)
{
	u32 n = MIN(to->cap, from->cap);

	memcpy(to->slot, from->slot, n * sizeof(struct file *));
	memcpy(to->used, from->used, n / 8);
	memcpy(to->cloexec, from->cloexec, n / 8);
}

/* Makes descriptor `fd` exist. Called with and returns with fs->lock held; drops it to allocate. */
static int grow_locked(struct files *fs, u32 fd)
{
	struct fd_arrays bigger, old;
	u32 cap = fs->a.cap;

	if (fd < cap)
		return 0;
	while (cap <= fd)
		cap *= 2;
	spin_unlock(&fs->lock);
	if (!arrays_alloc(&bigger, cap)) {
		spin_lock(&fs->lock);
		return -ENOMEM;
	}
	spin_lock(&fs->lock);
	old = bigger;
	if (fs->a.cap < cap) {
		arrays_copy(&bigger, &fs->a);
		old = fs->a;
		fs->a = bigger;
	}
	block_free(old.block);
	return 0;
}

/* --- Tables --- */

struct files *files_create(void)
{
	struct files *fs = slab_zalloc(files_cache);

	if (!fs)
		return NULL;
	fs->refcount = 1;
	spin_init(&fs->lock, "files");
	fs->a = (struct fd_arrays){
		.cap = INLINE_FDS,
		.slot = fs->inline_slot,
		.used = &fs->inline_used,
		.cloexec = &fs->inline_cloexec,
	};
	return fs;
}

/* One more than the highest descriptor in use, rounded up to whole words of the bitmaps. */
static u32 extent(const struct files *fs)
{
	u32 words = fs->a.cap / 32;

	while (words > 1 && fs->a.used[words - 1] == 0)
		words--;
	return words * 32;
}

/* Every open file gets one more holder; reserved descriptors are not inherited. */
static void inherit(struct files *fs)
{
	for (u32 fd = 0; fd < fs->a.cap; fd++) {
		if (fs->a.slot[fd])
			file_get(fs->a.slot[fd]);
		else
			bit_clear(fs->a.used, fd);
	}
}

struct files *files_copy(struct files *from)
{
	struct files *fs = files_create();
	u32 n;

	if (!fs)
		return NULL;
	spin_lock(&from->lock);
	while ((n = extent(from)) > fs->a.cap) {
		spin_unlock(&from->lock);
		block_free(fs->a.block);
		if (!arrays_alloc(&fs->a, n)) {
			slab_free(files_cache, fs);
			return NULL;
		}
		spin_lock(&from->lock);
	}
	arrays_copy(&fs->a, &from->a);
	inherit(fs);
	spin_unlock(&from->lock);
	return fs;
}

struct files *files_get(struct files *f)
{
	__atomic_add_fetch(&f->refcount, 1, __ATOMIC_RELAXED);
	return f;
}

u32 files_holders(const struct files *f)
{
	return READ_ONCE(f->refcount);
}

static void close_file(struct files *fs, struct file *f)
{
	struct inode *inode = f->dentry->inode;

	if (!list_empty(&inode->locks))
		locks_release_owner(inode, fs);
	if (f->ops->flush)
		f->ops->flush(f);
	file_put(f);
	sockets_collect(false);
}

void files_put(struct files *fs)
{
	if (!fs || __atomic_sub_fetch(&fs->refcount, 1, __ATOMIC_ACQ_REL) > 0)
		return;
	for (u32 fd = 0; fd < fs->a.cap; fd++)
		if (fs->a.slot[fd])
			close_file(fs, fs->a.slot[fd]);
	sockets_collect(true);
	block_free(fs->a.block);
	slab_free(files_cache, fs);
}

u32 files_count(const struct files *fs)
{
	u32 n = 0;

	for (u32 fd = 0; fd < fs->a.cap; fd++)
		n += fs->a.slot[fd] != NULL;
	return n;
}

/* --- Descriptors --- */

struct file *files_fget(struct files *fs, u32 fd)
{
	struct file *f = NULL;

	spin_lock(&fs->lock);
	if (fd < fs->a.cap)
		f = fs->a.slot[fd];
	if (f)
		file_get(f);
	spin_unlock(&fs->lock);
	return f;
}

struct file *fget_raw(u32 fd)
{
	return files_fget(current_task()->files, fd);
}

struct file *fget(u32 fd)
{
	struct file *f = fget_raw(fd);

	if (f && (f->flags & O_PATH)) {
		file_put(f);
		return NULL;
	}
	return f;
}

struct file *files_next(struct files *fs, u32 *fd)
{
	struct file *f = NULL;

	spin_lock(&fs->lock);
	for (; *fd < fs->a.cap && !f; (*fd)++)
		f = fs->a.slot[*fd];
	if (f) {
		--*fd;
		file_get(f);
	}
	spin_unlock(&fs->lock);
	return f;
}

/* The lowest free descriptor >= min; may be the capacity, which then has to grow. */
static u32 find_free(const struct files *fs, u32 min)
{
	u32 fd = MAX(min, fs->first_free);

	while (fd < fs->a.cap) {
		u32 taken = fs->a.used[fd / 32] | ((1u << (fd % 32)) - 1);

		if (taken != UINT32_MAX)
			return ALIGN_DOWN(fd, 32) + (u32)__builtin_ctz(~taken);
		fd = ALIGN_DOWN(fd, 32) + 32;
	}
	return fd;
}

static long reserve_locked(struct files *fs, u32 min, bool cloexec)
{
	u32 fd, cap;

	do {
		cap = fs->a.cap;
		fd = find_free(fs, min);
		if (fd >= process_limit())
			return -EMFILE;
		if (grow_locked(fs, fd))
			return -ENOMEM;
	} while (fs->a.cap != cap);
	bit_set(fs->a.used, fd);
	bit_assign(fs->a.cloexec, fd, cloexec);
	if (min <= fs->first_free)
		fs->first_free = fd + 1;
	return fd;
}

long files_reserve(struct files *fs, u32 min, bool cloexec)
{
	long fd;

	spin_lock(&fs->lock);
	fd = reserve_locked(fs, min, cloexec);
	spin_unlock(&fs->lock);
	return fd;
}

void files_fill(struct files *fs, u32 fd, struct file *f)
{
	spin_lock(&fs->lock);
	kassert(bit_test(fs->a.used, fd) && !fs->a.slot[fd]);
	fs->a.slot[fd] = f;
	spin_unlock(&fs->lock);
}

/* Empties a descriptor and returns what it held. */
static struct file *clear_locked(struct files *fs, u32 fd)
{
	struct file *f = fs->a.slot[fd];

	fs->a.slot[fd] = NULL;
	bit_clear(fs->a.used, fd);
	fs->first_free = MIN(fs->first_free, fd);
	return f;
}

void files_unreserve(struct files *fs, u32 fd)
{
	spin_lock(&fs->lock);
	clear_locked(fs, fd);
	spin_unlock(&fs->lock);
}

long files_install(struct files *fs, struct file *f, u32 min, bool cloexec)
{
	long fd;

	spin_lock(&fs->lock);
	fd = reserve_locked(fs, min, cloexec);
	if (fd >= 0)
		fs->a.slot[fd] = f;
	spin_unlock(&fs->lock);
	return fd;
}

long files_replace(struct files *fs, u32 fd, struct file *f, bool cloexec)
{
	struct file *old = NULL;
	long ret = fd;

	if (fd >= process_limit())
		return -EBADF;
	spin_lock(&fs->lock);
	if (grow_locked(fs, fd)) {
		ret = -ENOMEM;
	} else if (bit_test(fs->a.used, fd) && !fs->a.slot[fd]) {
		ret = -EBUSY; /* reserved by an open() that is under way */
	} else {
		old = fs->a.slot[fd];
		fs->a.slot[fd] = f;
		bit_set(fs->a.used, fd);
		bit_assign(fs->a.cloexec, fd, cloexec);
	}
	spin_unlock(&fs->lock);
	if (old)
		close_file(fs, old);
	return ret;
}

long files_close(struct files *fs, u32 fd)
{
	struct file *f = NULL;

	spin_lock(&fs->lock);
	if (fd < fs->a.cap && fs->a.slot[fd])
		f = clear_locked(fs, fd);
	spin_unlock(&fs->lock);
	if (!f)
		return -EBADF;
	close_file(fs, f);
	return 0;
}

void files_close_range(struct files *fs, u32 first, u32 last, bool only_cloexec)
{
	for (u32 fd = first; fd <= last && fd < fs->a.cap; fd++)
		if (!only_cloexec || bit_test(fs->a.cloexec, fd))
			(void)files_close(fs, fd);
}

void files_close_on_exec(struct files *fs)
{
	files_close_range(fs, 0, UINT32_MAX, true);
}

long files_get_cloexec(struct files *fs, u32 fd)
{
	long ret = -EBADF;

	spin_lock(&fs->lock);
	if (fd < fs->a.cap && fs->a.slot[fd])
		ret = bit_test(fs->a.cloexec, fd);
	spin_unlock(&fs->lock);
	return ret;
}

long files_set_cloexec(struct files *fs, u32 fd, bool on)
{
	long ret = -EBADF;

	spin_lock(&fs->lock);
	if (fd < fs->a.cap && fs->a.slot[fd]) {
		bit_assign(fs->a.cloexec, fd, on);
		ret = 0;
	}
	spin_unlock(&fs->lock);
	return ret;
}

void files_set_cloexec_range(struct files *fs, u32 first, u32 last)
{
	for (u32 fd = first; fd <= last && fd < fs->a.cap; fd++)
		(void)files_set_cloexec(fs, fd, true);
}

int files_open_console(struct files *fs)
{
	struct file *f = file_open("/dev/console", O_RDWR | O_LARGEFILE, 0);
	long fd;

	if (is_err(f))
		return (int)ptr_err(f);
	for (u32 i = 0; i < 3; i++) {
		fd = files_install(fs, file_get(f), 0, false);
		if (fd < 0) {
			file_put(f);
			file_put(f);
			return (int)fd;
		}
	}
	file_put(f);
	return 0;
}

void __init fdtable_init(void)
{
	files_cache = slab_create("files_cache", sizeof(struct files), 0, 0, NULL);
	if (!files_cache)
		panic("no memory for the files cache");
}
