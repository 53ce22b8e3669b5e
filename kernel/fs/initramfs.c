/*
 * Unpacking the boot module into the root file system.
 *
 * The module is what Linux takes: newc cpio archives, each plain or as gzip, one behind the other
 * with zeroes between. A plain archive is unpacked in place: where the data of a file begins on a
 * page boundary (our build pads the names so that it does), the frames that the boot loader put
 * it in become the file's page cache as they are; other data are copied. All other frames of the
 * module are given to the allocator soon after they have been read, so that an archive that must be
 * copied needs little more memory than one that need not.
 *
 *      | header, name | data, whole pages ........ | tail  | header, name | ...
 *      `--- freed ----+--------- adopted ------------------+--- freed ----+--- adopted
 *
 * The last page of an adopted file holds what follows it in the archive. It is zeroed once the
 * archive has been read past it; the next adopted file begins behind it, so that at most one such
 * tail is pending.
 */
#include "kernel/core/bootinfo.h"
#include "kernel/core/clock.h"
#include "kernel/core/log.h"
#include "kernel/core/panic.h"
#include "kernel/fs/fs.h"
#include "kernel/fs/kpath.h"
#include "kernel/fs/path.h"
#include "kernel/lib/cpio.h"
#include "kernel/lib/inflate.h"
#include "kernel/lib/string.h"
#include "mm/kmalloc.h"
#include "mm/page.h"
#include "mm/page_alloc.h"
#include "mm/pmap.h"
#include "mm/vmalloc.h"

#define RELEASE_STEP (1u << 20) /* bytes: copied data are freed in pieces, each costs a little */

/* A regular file with several names, as long as its archive is being read. */
struct hard_link {
	struct hard_link *next;
	u32 dev_major, dev_minor, ino;
	struct dentry *dentry; /* referenced */
};

/* A directory whose time is set at the end, after everything in it has been made. */
struct dir_time {
	struct dir_time *next;
	struct dentry *dentry; /* referenced */
	s64 mtime;
};

struct unpack {
	struct cpio cpio;
	bool in_place; /* cpio.buf is the module itself, at physical address `base` */
	u64 base;
	u64 freed_to; /* physical: what lies before has been adopted or freed */
	u64 tail;     /* physical: first byte behind an adopted file's data, 0: none */
	u32 adopted;  /* pages */
	struct hard_link *links;
	struct dir_time *dirs;
};

static __noreturn void __init out_of_memory(void)
{
	boot_fail("initramfs: out of memory while unpacking (%u pages free)", page_alloc_free());
}

static void __init check(int err, const char *name)
{
	if (err == -ENOMEM || err == -ENOSPC)
		out_of_memory();
	if (err)
		boot_fail("initramfs: cannot make \"%s\" (error %d)", name, -err);
}

/* --- Adopting and freeing frames --- */

static void __init zero_tail(struct unpack *u)
{
	struct page *p = pfn_page(PFN((u32)(u->tail >> PAGE_SHIFT)));
	u32 off = (u32)u->tail % PAGE_SIZE;
	char *va = kmap_local(p);

	memset(va + off, 0, PAGE_SIZE - off);
	kunmap_local(va);
	u->tail = 0;
}

static void __init release_to(struct unpack *u, u64 at)
{
	page_alloc_release_range(u->freed_to, at);
	u->freed_to = ALIGN_DOWN(at, PAGE_SIZE);
}

/* The archive has been read up to here: a pending tail whose page lies before is zeroed, and what
 * was copied need not stay. */
static void __init passed(struct unpack *u, u64 at)
{
	if (u->tail && at >= ALIGN_UP(u->tail, PAGE_SIZE))
		zero_tail(u);
	if (at >= u->freed_to + RELEASE_STEP)
		release_to(u, at);
}

static bool __init can_adopt(const struct unpack *u, const struct cpio_entry *e)
{
	return u->in_place && e->size &&
	       IS_ALIGNED(u->base + (u64)(e->data - u->cpio.buf), PAGE_SIZE);
}

static void __init adopt(struct unpack *u, struct inode *inode, const struct cpio_entry *e)
{
	u64 at = u->base + (u64)(e->data - u->cpio.buf), end = at + e->size;
	u32 n = pages_of(e->size);

	object_truncate(&inode->object, e->size);
	for (u32 i = 0; i < n; i++) {
		struct page *p = pfn_page(PFN((u32)(at >> PAGE_SHIFT) + i));

		check(tmpfs_adopt_page(inode, i, p), e->name);
	}
	u->adopted += n;
	release_to(u, at);
	u->freed_to = at + (u64)n * PAGE_SIZE;
	if (u->tail)
		zero_tail(u);
	if (end % PAGE_SIZE)
		u->tail = end;
}

static void __init copy(struct inode *inode, const struct cpio_entry *e)
{
	struct iobuf from = iobuf_kernel((void *)(uintptr_t)e->data);

	object_truncate(&inode->object, 0);
	if (e->size && object_write(&inode->object, &from, 0, e->size) != (ssize_k)e->size)
		out_of_memory();
}

/* --- Entries --- */

static void __init set_attributes(struct inode *inode, const struct cpio_entry *e)
{
	inode->mode = (inode->mode & S_IFMT) | (e->mode & 07777);
	inode->uid = e->uid;
	inode->gid = e->gid;
	inode->mtime = (s64)e->mtime * (s64)NSEC_PER_SEC;
}

/* Makes what the entry says, in place of what is there. A directory may be there already. */
static struct dentry *__init make(const struct cpio_entry *e, u32 rdev, const char *target)
{
	struct path there;
	struct dentry *d;
	int err = kpath_create(e->name, e->mode, rdev, target, &d);

	if (err == -EEXIST && S_ISDIR(e->mode)) {
		err = path_lookup(AT_FDCWD, e->name, LOOKUP_DIRECTORY, &there);
		if (!err) {
			mount_put(there.mnt);
			return there.dentry;
		}
	}
	if (err == -EEXIST || err == -ENOTDIR) {
		err = kpath_remove(e->name);
		if (!err)
			err = kpath_create(e->name, e->mode, rdev, target, &d);
	}
	check(err, e->name);
	return d;
}

static struct hard_link *__init find_link(struct unpack *u, const struct cpio_entry *e)
{
	struct hard_link *l;

	for (l = u->links; l; l = l->next)
		if (l->ino == e->ino && l->dev_major == e->dev_major &&
			l->dev_minor == e->dev_minor)
			return l;
	return NULL;
}

static void __init remember_link(struct unpack *u, const struct cpio_entry *e, struct dentry *d)
{
	struct hard_link *l = kmalloc(sizeof(*l));

	if (!l)
		out_of_memory();
	*l = (struct hard_link){u->links, e->dev_major, e->dev_minor, e->ino, dentry_get(d)};
	u->links = l;
}

static void __init forget_links(struct unpack *u)
{
	struct hard_link *l;

	while ((l = u->links)) {
		u->links = l->next;
		dentry_put(l->dentry);
		kfree(l);
	}
}

/* Of a file with several names the data comes with one of them, usually the last. */
static void __init unpack_regular(struct unpack *u, const struct cpio_entry *e)
{
	struct hard_link *l = e->nlink > 1 ? find_link(u, e) : NULL;
	struct dentry *d;
	int err;

	if (l) {
		d = dentry_get(l->dentry);
		struct path old = {vfs_root().mnt, d};

		err = kpath_link(old, e->name);
		if (err == -EEXIST && !kpath_remove(e->name))
			err = kpath_link(old, e->name);
		check(err, e->name);
	} else {
		d = make(e, 0, NULL);
		if (e->nlink > 1)
			remember_link(u, e, d);
	}
	if (can_adopt(u, e) && d->inode->object.nr_pages == 0)
		adopt(u, d->inode, e);
	else if (e->size)
		copy(d->inode, e);
	set_attributes(d->inode, e);
	dentry_put(d);
}

static void __init unpack_symlink(const struct cpio_entry *e)
{
	struct dentry *d;
	char *target;

	if (e->size == 0 || e->size >= ABI_PATH_MAX)
		boot_fail("initramfs: symlink \"%s\" has a target of %u bytes", e->name, e->size);
	target = kmalloc(e->size + 1);
	if (!target)
		out_of_memory();
	memcpy(target, e->data, e->size);
	target[e->size] = '\0';
	d = make(e, 0, target);
	set_attributes(d->inode, e);
	dentry_put(d);
	kfree(target);
}

static void __init unpack_directory(struct unpack *u, const struct cpio_entry *e)
{
	struct dir_time *t = kmalloc(sizeof(*t));

	if (!t)
		out_of_memory();
	*t = (struct dir_time){.next = u->dirs, .mtime = (s64)e->mtime * (s64)NSEC_PER_SEC};
	t->dentry = e->name[0] ? make(e, 0, NULL) : dentry_get(vfs_root().dentry);
	set_attributes(t->dentry->inode, e);
	u->dirs = t;
}

static void __init unpack_node(const struct cpio_entry *e)
{
	struct dentry *d = make(e, MKDEV(e->rdev_major & 0xfff, e->rdev_minor & 0xfffff), NULL);

	set_attributes(d->inode, e);
	dentry_put(d);
}

static void __init unpack_entry(struct unpack *u, const struct cpio_entry *e)
{
	switch (e->mode & S_IFMT) {
	case S_IFREG:
		unpack_regular(u, e);
		break;
	case S_IFDIR:
		unpack_directory(u, e);
		break;
	case S_IFLNK:
		unpack_symlink(e);
		break;
	case S_IFCHR:
	case S_IFBLK:
	case S_IFIFO:
	case S_IFSOCK:
		unpack_node(e);
		break;
	default:
		boot_fail("initramfs: \"%s\" has the unknown mode 0%o", e->name, e->mode);
	}
}

static void __init set_dir_times(struct unpack *u)
{
	struct dir_time *t;

	while ((t = u->dirs)) {
		u->dirs = t->next;
		t->dentry->inode->mtime = t->mtime;
		dentry_put(t->dentry);
		kfree(t);
	}
}

/* --- Archives --- */

static __noreturn void __init bad_archive(const struct cpio *c)
{
	if (c->entries == 0 && c->error_at == 0)
		boot_fail("initramfs: not a cpio archive (%s)", c->error);
	boot_fail("initramfs: damaged cpio archive: %s (entry %u, byte %lu)", c->error,
		c->entries + 1, (unsigned long)c->error_at);
}

static void __init unpack_gzip(struct unpack *outer);

/* Everything in u->cpio. gzip is looked for only where an archive may begin. */
static void __init unpack_archives(struct unpack *u, bool gzip_allowed)
{
	enum cpio_status status = CPIO_TRAILER;
	struct cpio *c = &u->cpio;
	struct cpio_entry e;

	while (status != CPIO_END) {
		if (status == CPIO_TRAILER && gzip_allowed) {
			cpio_skip_zeroes(c);
			if (gzip_detect(c->buf + c->at, c->size - c->at)) {
				unpack_gzip(u);
				continue;
			}
		}
		status = cpio_next(c, &e);
		if (status == CPIO_ERROR)
			bad_archive(c);
		if (status == CPIO_ENTRY)
			unpack_entry(u, &e);
		else
			forget_links(u);
		if (u->in_place)
			passed(u, u->base + c->at);
	}
	set_dir_times(u);
}

/* Decompresses one member into memory of its own. The size its end names is right for a file of
 * one member; where it does not suffice, twice as much is tried. */
static void *__init decompress(struct cpio *c, size_t *produced)
{
	struct inflate *work = kmalloc(sizeof(*work));
	size_t left = c->size - c->at, room = gzip_size(c->buf + c->at, left), used;
	const char *error;
	void *out;

	/* Deflate makes at most 1032 bytes of one. */
	if (room < left || room / 1032 > left)
		room = 4 * left;
	for (;; room *= 2) {
		out = vmalloc(room);
		if (!work || !out)
			boot_fail("initramfs: out of memory for %lu KiB of uncompressed data",
				(unsigned long)room / 1024);
		error = gzip_inflate(work, c->buf + c->at, left, out, room, &used, produced);
		if (error != inflate_out_full)
			break;
		vfree(out);
	}
	kfree(work);
	if (error)
		boot_fail("initramfs: bad gzip: %s (byte %lu)", error, (unsigned long)c->at);
	c->at += used;
	return out;
}

static void __init unpack_gzip(struct unpack *outer)
{
	struct unpack u = {.in_place = false};
	size_t produced;
	void *out = decompress(&outer->cpio, &produced);

	if (outer->cpio.at == outer->cpio.size) {
		page_alloc_release_range(outer->freed_to, outer->base + outer->cpio.size);
		outer->freed_to = outer->base + outer->cpio.size;
	}
	cpio_init(&u.cpio, out, produced);
	unpack_archives(&u, false);
	outer->cpio.entries += u.cpio.entries;
	vfree(out);
}

/* The module as the kernel can read it. */
static const void *__init map_module(const struct prange *m, bool *mapped)
{
	const void *va;

	*mapped = m->end > LOWMEM_LIMIT;
	va = *mapped ? vmap_phys(PADDR(m->start), (size_t)(m->end - m->start))
		     : phys_to_virt(PADDR(m->start));
	if (!va)
		boot_fail("initramfs: no address space for a module of %llu bytes",
			(unsigned long long)(m->end - m->start));
	return va;
}

void __init initramfs_unpack(void)
{
	const struct prange *m = &bootinfo.module[0];
	struct unpack u = {.in_place = true, .base = m->start, .freed_to = m->start};
	struct super *root = vfs_root().mnt->super;
	u32 limit = root->max_pages;
	const void *va;
	bool mapped;

	if (bootinfo.nr_modules == 0)
		boot_fail("no initramfs: give one with -initrd");
	if (m->end - m->start > 0x40000000)
		boot_fail("initramfs: larger than 1 GiB");
	va = map_module(m, &mapped);
	cpio_init(&u.cpio, va, (size_t)(m->end - m->start));
	root->max_pages = 0;
	unpack_archives(&u, true);
	root->max_pages = limit + root->nr_pages; /* what came with the image does not count */
	if (u.tail)
		zero_tail(&u);
	if (u.freed_to < m->end)
		page_alloc_release_range(u.freed_to, ALIGN_UP(m->end, PAGE_SIZE));
	if (mapped)
		vunmap((void *)(uintptr_t)va);
	if (u.cpio.entries == 0)
		boot_fail("initramfs: the archive is empty");
	log_info("initramfs: %u files, %u pages in place", u.cpio.entries, u.adopted);
}
