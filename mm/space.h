/*
 * An address space: its VMAs, its page tables, its limits and counts, and the operations that
 * programs ask for. System calls (mm/sys_mm.c) and execve are thin callers of this.
 *
 * Locking: mm->lock covers everything inside unless a field says otherwise. It is a sleeping lock
 * that the fault path takes, so nobody who holds it touches user memory.
 */
#ifndef MM_SPACE_H
#define MM_SPACE_H

#include "kernel/core/lock.h"
#include "kernel/core/sched.h"
#include "mm/pmap.h"
#include "mm/vma.h"

/* What a mapped page is counted as. Pages of the kernel's own data, that all programs may read, are
 * in no sum. */
enum rss_kind { RSS_FILE, RSS_ANON, RSS_SHMEM, RSS_KERNEL, RSS_NR };

/* What a VMA counts as: by VM_READ to VM_SHARED, and all that grow down as stack. */
enum vm_kind { VM_KIND_OTHER, VM_KIND_DATA, VM_KIND_EXEC, VM_KIND_STACK, VM_KIND_NR };

#define AUXV_MAX 44 /* words saved for /proc/PID/auxv */

/* What a process may use; the process layer owns the values, mm reads them at each call. */
struct mm_limits {
	/* bytes; ~0, more than there can be, is unlimited */
	u32 as;
	u32 data; /* RLIMIT_DATA; where it is 0 its hard limit, as on Linux */
	u32 heap; /* RLIMIT_DATA as it is: for the break */
	u32 stack, memlock;
};

struct mm {
	struct vma_set vmas;
	struct pmap pmap;
	struct mutex lock;
	u32 users;              /* who needs its memory, tasks above all; atomic */
	struct list_head link;  /* all address spaces; under mm_list_lock */
	struct backing *exe;    /* the program's file; /proc/PID/exe */

	vaddr_t start_code, end_code, start_data, end_data;
	vaddr_t start_brk, brk; /* the heap: [start_brk, brk), not page aligned */
	vaddr_t start_stack;    /* stack pointer at the program's start */
	vaddr_t arg_start, arg_end, env_start, env_end;
	vaddr_t mmap_base;      /* mappings are placed downwards from here */
	vaddr_t vdso;           /* the kernel's library in it (kernel/proc/vdso.h), or 0 */
	u32 auxv[AUXV_MAX];

	u32 total_vm, locked_vm; /* pages */
	u32 kind_vm[VM_KIND_NR]; /* the same as total_vm */
	u32 rss[RSS_NR];        /* pages mapped now, by kind */
	u32 huge_pages;         /* of 2 MiB, mapped now; not in rss */
	vaddr_t brittle;        /* below it no VMA cares where it is cut */
	bool has_lazy;          /* MADV_FREE has marked pages since they were last taken */
	u32 hiwater_rss, hiwater_vm;
	u32 def_flags;          /* VM_LOCKED after mlockall(MCL_FUTURE) */
	struct mm_limits limits;
	bool read_implies_exec; /* personality: what may be read may be executed */

	u32 pins;               /* who may still look at this struct; under mm_list_lock */
	bool has_userfault;     /* VMAs are registered with userfaultfd(2), or were */
	struct userfault_event *userfault_events; /* to be told by mm_unlock() (mm/userfault.h) */
};

/* VMAs that care where they are cut. Their mm is told of each that comes to its place. */
#define VM_BRITTLE (VM_HUGETLB | VM_WHOLE)
static inline void mm_note_brittle(struct mm *mm, vaddr_t start)
{
	mm->brittle = MIN(mm->brittle, start);
}

/* All address spaces, for rmap-less walks: mm_check, /proc. */
extern struct list_head mm_list;
extern struct spinlock mm_list_lock;

struct mm *mm_create(void) __must_check;
/* One more user, for one who is or who keeps one from going. */
static inline void mm_get(struct mm *mm)
{
	__atomic_add_fetch(&mm->users, 1, __ATOMIC_RELAXED);
}
/* The last user unmaps everything. May sleep. Not for the loaded address space. */
void mm_put(struct mm *mm);

/* The struct stays, though the memory may go. */
void mm_pin(struct mm *mm);
void mm_unpin(struct mm *mm);
/* One more user of a pinned or listed space's memory; NULL when it has gone. */
struct mm *mm_get_living(struct mm *mm) __must_check;

/* fork: a copy that shares every private page copy-on-write. Returns NULL when memory is out,
 * leaving nothing behind. */
struct mm *mm_fork(struct mm *old) __must_check;

/* Where a new mapping goes and what it is. */
struct map_request {
	vaddr_t addr;            /* hint, or the place with MM_FIXED */
	u32 len;                 /* bytes, page aligned, not 0 */
	u32 vm_flags;            /* VM_ bits, VM_MAY* included */
	u32 how;                 /* MM_ bits below */
	struct backing *backing; /* NULL: anonymous */
	struct object *object;   /* NULL: private anonymous */
	u32 pgoff;
};
#define MM_FIXED     0x1u
#define MM_NOREPLACE 0x2u /* with MM_FIXED: -EEXIST instead of unmapping */
#define MM_HEAP      0x4u /* the break moves: of the neighbours only the heap below may grow */
#define MM_HUGE      0x8u /* huge pages: at a multiple of their size, as len is */
#define MM_LOW       0x10u /* with MM_FIXED: below user_min too, but for page 0 */

/* Where the request would go: the address, or a negative errno. Caller holds mm->lock. */
long mm_place(struct mm *mm, const struct map_request *r) __must_check;

/* Maps where mm_place() says; takes its own references. Returns the address, or a negative errno
 * (told apart by is_err()). Caller holds mm->lock. */
long mm_map(struct mm *mm, const struct map_request *r) __must_check;
/* The same for an address that mm_place() returned for this request. */
long mm_map_at(struct mm *mm, const struct map_request *r, vaddr_t addr) __must_check;

/* Unmaps [start, start + len): page aligned, in user space. Caller holds mm->lock. */
long mm_unmap(struct mm *mm, vaddr_t start, u32 len) __must_check;

/* mprotect on a page-aligned range; prot: VM_READ|VM_WRITE|VM_EXEC. Caller holds mm->lock. */
long mm_protect(struct mm *mm, vaddr_t start, u32 len, u32 prot) __must_check;

/* VM_EXEC where the process's personality adds it to a mapping that may be read and, by `may`
 * (VM_MAYEXEC), executed. */
static inline u32 mm_implied_exec(const struct mm *mm, u32 prot, u32 may)
{
	return mm->read_implies_exec && (prot & VM_READ) && (may & VM_MAYEXEC) ? VM_EXEC : 0;
}

/* Sets the break; returns the new one, or the old one when it cannot be. Takes mm->lock. */
vaddr_t mm_brk(struct mm *mm, vaddr_t brk);

/* Whether a heap up to `brk` and the program's data together fit RLIMIT_DATA. */
bool mm_brk_within_limit(const struct mm *mm, vaddr_t brk);

/* Extends v, a stack, down to hold addr, for which it has just been found. Caller holds mm->lock.
 * Returns v, or NULL where it may not grow. */
struct vma *mm_grow_stack(struct vma *v, vaddr_t addr) __must_check;

/* Faults in [start, end) as a write would (or a read, where it is not private and writable; not at
 * all where it is locked on fault), stopping at the first error. Takes mm->lock. Returns 0,
 * -ENOMEM (no memory, or a hole), -EACCES, -EFAULT beyond the end of an object, or -EINTR when the
 * process dies. */
long mm_populate(struct mm *mm, vaddr_t start, vaddr_t end);

/* The same with one kind of access for all: PF_WRITE, 0 to read, or with FAULT_PIN for who does it
 * through its frames. To read, private pages that others have too are copied first; to write, all
 * pages are said to be written, as Linux does. */
long mm_populate_access(struct mm *mm, vaddr_t start, vaddr_t end, s32 access);

/* A page as a core file has it. False: it has none, since nobody has put anything there, or since it
 * cannot be read. Takes mm->lock. */
bool mm_dump_page(struct mm *mm, vaddr_t addr, void *to);

/* madvise(2) on any address space: `advice` is a MADV_ number. Takes mm->lock. */
long mm_madvise(struct mm *mm, vaddr_t start, u32 len, u32 advice);

/* The frame behind addr of another process with a reference, faulted in for `access` (PF_WRITE,
 * FAULT_FORCE, or 0 to read); NULL when it may not be had. It may be of a huge page. Takes mm->lock.
 * Only who does not sleep with it may write to it: a fork makes it the child's too. */
struct page *mm_get_page(struct mm *mm, vaddr_t addr, u32 access) __must_check;
void mm_put_page(struct page *p);

/* Copies to or from another process's memory, through its page tables, faulting pages in; with
 * `force` even what is not readable or writable, and a growing stack grows. Takes mm->lock. Returns
 * bytes copied. */
size_t mm_access(struct mm *mm, vaddr_t addr, void *buf, size_t n, bool write, bool force);

/* Marks the pages of all VMAs, or of those without or with a file, as not accessed. Takes mm->lock. */
enum clear_refs { CLEAR_REFS_ALL, CLEAR_REFS_ANON, CLEAR_REFS_MAPPED };
void mm_clear_refs(struct mm *mm, enum clear_refs which);

/* The address space loaded on this CPU; NULL in a kernel thread. */
static inline struct mm *current_mm(void)
{
	struct pmap *pm = current_thread()->pmap;
	return pm ? container_of(pm, struct mm, pmap) : NULL;
}

static inline u32 mm_rss(const struct mm *mm)
{
	return mm->rss[RSS_FILE] + mm->rss[RSS_ANON] + mm->rss[RSS_SHMEM];
}

/* The lowest address that is mapped without MM_LOW: /proc/sys/vm/mmap_min_addr, page aligned, not 0. */
extern vaddr_t user_min;

/* /proc/sys/vm/max_map_count: VMAs that one address space may have. */
extern u32 max_map_count;

void space_init(void);

#endif
