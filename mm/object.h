/*
 * What memory is mapped from. A struct object is the page cache of one file, or a shared anonymous
 * segment: pages by index, and the VMAs that map it. A struct backing is the face that an open
 * file shows to a mapping: it keeps the file open and names it. Both are implemented by whoever
 * owns files (kernel/fs); this header is how mm calls upwards.
 */
#ifndef MM_OBJECT_H
#define MM_OBJECT_H

#include "kernel/core/lock.h"
#include "kernel/lib/list.h"
#include "kernel/lib/radix.h"
#include "kernel/lib/types.h"
#include "mm/space.h"

struct page;
struct mm;
struct object;
struct vma;

struct object_ops {
	/* Accounts for one page more: 0, or a negative errno to refuse it. Caller holds the lock.
	 * NULL: there is no limit. */
	int (*charge)(struct object *o);
};

/* letters: m: `lock`, i: set at creation */
struct object {
	const struct object_ops *ops; /* i */
	struct mutex lock;
	struct radix pages;    /* m: index -> struct page; each holds one reference */
	u32 nr_pages;          /* m: pages present */
	u64 size;              /* m: bytes; a page wholly beyond it does not exist (SIGBUS) */
	struct list_head vmas; /* m: struct vma.object_link */
	u32 committed;         /* i: pages promised at once (mm/commit.h), given back at its end; 0: each
	                        * is promised as it comes, which is what `charge` is for */
	u32 vm_flags;          /* i: VM_ bits that every mapping of it has */
	u8 rss_kind;           /* i: enum rss_kind; RSS_SHMEM: memory is its only home (tmpfs) */
	bool no_fault_around;  /* i: a read fault maps no page beside its own (System V segments, vDSO) */
	struct hugetlb_share *share; /* i: of huge pages: what they are taken out of, or NULL */
};

/* Pages of all objects; of those whose only home is memory; and those that processes map. */
extern u32 pagecache_pages, pagecache_shmem_pages, pagecache_mapped;

static inline bool object_is_shmem(const struct object *o)
{
	return o->rss_kind == RSS_SHMEM;
}

void object_init(struct object *o, const struct object_ops *ops);
/* Drops every page. No VMA may map it any more. */
void object_destroy(struct object *o);

/* Makes the zeroed page at `index` if it is absent, as one that nobody has used yet. Returns whether
 * it was absent, or -ENOMEM. */
int object_reserve_page(struct object *o, u32 index) __must_check;

/* Puts an existing frame (kind PK_RESERVED or PK_CACHE, unowned) in as the page at `index`: the
 * boot image's file data, in place. Returns 0, -ENOMEM or -EEXIST. */
int object_adopt_page(struct object *o, u32 index, struct page *p) __must_check;

/* Sets the size. When it shrinks: pages beyond are unmapped everywhere and dropped, and the rest of
 * the last one is zeroed. */
void object_truncate(struct object *o, u64 size);

/* Drops the whole pages in [start, end) and zeroes the partial ones: a hole. */
void object_punch(struct object *o, u64 start, u64 end);

/*
 * Copies between the page cache and kernel or user memory. read stops at `size`; holes read as
 * zeroes without making pages. write makes pages and extends `size`. Return the bytes copied, or a
 * negative errno when none were.
 */
struct iobuf;
ssize_k object_read(struct object *o, struct iobuf *to, u64 pos, size_t n);
ssize_k object_write(struct object *o, struct iobuf *from, u64 pos, size_t n);

/* Where a read or write copies to or from: kernel or user memory, advancing. */
struct iobuf {
	bool user;
	union {
		char *k;
		uptr_t u;
	};
};
static inline struct iobuf iobuf_kernel(void *p)
{
	return (struct iobuf){.user = false, .k = p};
}
static inline struct iobuf iobuf_user(uptr_t p)
{
	return (struct iobuf){.user = true, .u = p};
}
/* Move n bytes and advance. Return the bytes that could not be copied. */
size_t iobuf_put(struct iobuf *b, const void *src, size_t n);
size_t iobuf_get(struct iobuf *b, void *dst, size_t n);
size_t iobuf_zero(struct iobuf *b, size_t n);

/* --- What a mapping holds --- */

struct backing;

struct backing_ops {
	void (*get)(struct backing *b);
	void (*put)(struct backing *b);
	/* The path as /proc/PID/maps prints it; returns its length. */
	int (*name)(struct backing *b, char *buf, size_t size);
	/* Device and inode numbers as /proc/PID/maps prints them. */
	void (*id)(struct backing *b, u32 *dev, u64 *ino);
	/* A mapping with these VM_ flags is to be made. May change them, or refuse it with a negative
	 * errno. Asked `early`, before what was mapped there goes, and again when the VMA is on the
	 * object's list, so that what is refused from now on cannot have been missed. Caller holds
	 * the mm's lock. NULL: nothing to say. */
	int (*map)(struct backing *b, u32 *vm_flags, bool early);
	/* mremap has moved a mapping: it starts at `to` now. Caller holds the mm's lock. NULL: nothing
	 * to do. */
	void (*moved)(struct backing *b, struct mm *mm, vaddr_t to);
	/* Makes a hole of [start, end) of the file. Takes locks that stand above the mm's. Returns 0
	 * or a negative errno. */
	long (*punch)(struct backing *b, u64 start, u64 end);
	/* Whether the caller may know of its pages, and say, whether they are in memory: he owns the
	 * file or may write it. NULL: he may. */
	bool (*tells)(struct backing *b);
	bool no_userfault; /* userfaultfd(2) refuses its mappings */
};

struct backing {
	const struct backing_ops *ops;
	struct object *object; /* NULL: this file cannot be mapped (ENODEV) */
	bool may_read, may_write; /* how it was opened */
	bool noexec;              /* on a mount without exec */
	bool zero;                /* /dev/zero: mapping it is mapping anonymous memory */
};

#endif
