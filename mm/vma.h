/*
 * The set of mapped ranges of an address space. Pure: no lock, no allocation; callers hand in the
 * nodes.
 *
 * A balanced tree (kernel/lib/ravl.h) ordered by address, in which every node knows its neighbours, and how large the
 * holes below the nodes of its subtree can be at most, so that both the lookup of an address and the
 * search for room are O(log n); and the VMA that was found last. Ranges are
 * half-open, page aligned, never empty and never overlap.
 */
#ifndef MM_VMA_H
#define MM_VMA_H

#include "kernel/lib/list.h"
#include "kernel/lib/ravl.h"
#include "kernel/lib/types.h"

struct anon;
struct backing;
struct hugetlb_promises;
struct lineage;
struct object;
struct mm;
struct userfault;

/* vma.flags. The first three have the values of PROT_READ, PROT_WRITE and PROT_EXEC. */
#define VM_READ       0x00000001u
#define VM_WRITE      0x00000002u
#define VM_EXEC       0x00000004u
#define VM_SHARED     0x00000008u /* MAP_SHARED was asked for */
#define VM_MAYREAD    0x00000010u /* mprotect may grant it */
#define VM_MAYWRITE   0x00000020u
#define VM_MAYEXEC    0x00000040u
#define VM_MAYSHARE   0x00000080u /* shared with a file that is open for writing, or memory */
#define VM_GROWSDOWN  0x00000100u
#define VM_LOCKED     0x00000200u
#define VM_LOCKONFAULT 0x00000400u
#define VM_NORESERVE  0x00000800u
#define VM_DONTCOPY   0x00001000u /* MADV_DONTFORK */
#define VM_WIPEONFORK 0x00002000u
#define VM_DONTEXPAND 0x00004000u
#define VM_ACCOUNT    0x00008000u /* charged to committed memory */
#define VM_HUGETLB    0x00010000u
#define VM_SEQ_READ   0x00020000u
#define VM_RAND_READ  0x00040000u
#define VM_HUGEPAGE   0x00080000u
#define VM_NOHUGEPAGE 0x00100000u
#define VM_WHOLE      0x00200000u /* a mapping that the kernel made: no part of it can be taken */
#define VM_SOFTDIRTY  0x00400000u
#define VM_DONTMERGE  0x00800000u /* its backing counts its VMAs: they stay as they are */
#define VM_MERGEABLE  0x01000000u /* MADV_MERGEABLE */
#define VM_SYNC       0x02000000u /* MAP_SYNC, which means nothing for memory */
#define VM_UFFD_MISSING 0x04000000u /* userfaultfd(2): missing pages are its program's business */
#define VM_PFNMAP     0x08000000u /* the kernel's own data: its pages are not the program's to manage */
#define VM_DONTDUMP   0x10000000u
#define VM_PROT       (VM_READ | VM_WRITE | VM_EXEC)

/* letter: m: the mm's lock, a: also the lock of the anon or object whose list it is on */
struct vma {
	struct ravl_node node;         /* m; bound: no hole below a VMA of this subtree has more bytes */
	vaddr_t start, end;        /* m, a: half-open */
	u32 flags;                 /* m: VM_ bits */
	bool zero_mapped;          /* m: of private anonymous memory: the zero page was mapped here */
	u64 prot;                  /* m: vm_pte_flags(flags), ready for the fault path */
	u32 pgoff;                 /* m, a: page of the object at `start`; for private anonymous memory
	                              start / PAGE_SIZE of where it was first mapped */
	struct mm *mm;
	struct backing *backing;   /* the file, or NULL */
	struct object *object;     /* where pages come from; NULL: private anonymous memory */
	struct anon *anon;         /* owner of the private pages made here; NULL until the first */
	struct lineage *own;       /* m: where new private pages belong (mm/lineage.h); or NULL */
	struct lineage *newest;    /* m: head of the lineages whose pages may be here; or NULL */
	union {
		struct list_head anon_link; /* a: anon->vmas */
		struct {                    /* with VM_HUGETLB, which has no anon (mm/hugetlb.h) */
			struct hugetlb_promises *promises; /* of a private mapping, or NULL */
			bool pages_lost;                   /* a: there were too few for it */
		};
	};
	struct list_head object_link; /* a: object->vmas */
	struct userfault *uffd;       /* m: who fills it; valid with VM_UFFD_MISSING */
};

/* Kept free below a growing stack, in bytes: a stray pointer past the stack must hit a hole. */
#define STACK_GUARD_GAP (256 * PAGE_SIZE)

struct vma_set {
	struct ravl_root root;
	struct vma *last; /* hint: what was found, came or grew last */
	u32 count;
	struct {
		vaddr_t from, to;
		u32 len;
	} packed; /* no room for `len` bytes, or more, ends in (from, to] */
};

void vma_set_init(struct vma_set *s);

static inline struct vma *node_vma(struct ravl_node *n)
{
	return n ? ravl_entry(n, struct vma, node) : NULL;
}

/* In order of address; NULL where there is none. */
static inline struct vma *vma_next(const struct vma *v)
{
	return node_vma(v->node.next);
}
static inline struct vma *vma_prev(const struct vma *v)
{
	return node_vma(v->node.prev);
}
static inline struct vma *vma_first(const struct vma_set *s)
{
	return node_vma(s->root.first);
}
static inline struct vma *vma_last(const struct vma_set *s)
{
	return node_vma(s->root.last);
}

/* Where the hole below `v` begins: at the end of the VMA before it. */
static inline vaddr_t vma_hole(const struct vma *v)
{
	return v->node.prev ? vma_prev(v)->end : 0;
}

/* vma_find() without looking at the hint. */
struct vma *vma_search(struct vma_set *s, vaddr_t addr);

/* The first VMA that ends beyond `addr` (it holds addr, or is the next one above); NULL if none. */
static inline struct vma *vma_find(struct vma_set *s, vaddr_t addr)
{
	struct vma *v = s->last;
	return v && addr < v->end && addr >= vma_hole(v) ? v : vma_search(s, addr);
}

/* The VMA before `above` in address order; the last one if that is NULL. */
static inline struct vma *vma_below(struct vma_set *s, struct vma *above)
{
	return above ? vma_prev(above) : vma_last(s);
}

/* The VMA of the last lookup if it holds `addr`, or NULL. */
static inline struct vma *vma_last_at(struct vma_set *s, vaddr_t addr)
{
	struct vma *v = s->last;
	return likely(v && v->start <= addr && addr < v->end) ? v : NULL;
}

/* The VMA that holds `addr`, or NULL. */
static inline struct vma *vma_at(struct vma_set *s, vaddr_t addr)
{
	struct vma *v = vma_last_at(s, addr);
	if (likely(v))
		return v;
	v = vma_search(s, addr);
	return v && v->start <= addr ? v : NULL;
}

/* The first VMA that overlaps [start, end), or NULL. */
static inline struct vma *vma_overlap(struct vma_set *s, vaddr_t start, vaddr_t end)
{
	struct vma *v = vma_find(s, start);
	return v && v->start < end ? v : NULL;
}

#define vma_for_each(v, s) for ((v) = vma_first(s); (v); (v) = vma_next(v))

/* Where the VMA begins for whoever looks for room: its guard gap belongs to it. */
static inline vaddr_t vma_start_gap(const struct vma *v)
{
	if (likely(!(v->flags & VM_GROWSDOWN)))
		return v->start;
	return v->start > STACK_GUARD_GAP ? v->start - STACK_GUARD_GAP : 0;
}

/* Puts v, whose bounds are set and overlap nothing, into the set, right above `below` (NULL: as the
 * lowest). */
void vma_insert_after(struct vma_set *s, struct vma *below, struct vma *v);
/* The same when its place must be found. */
static inline void vma_insert(struct vma_set *s, struct vma *v)
{
	vma_insert_after(s, vma_below(s, vma_find(s, v->start)), v);
}
void vma_remove(struct vma_set *s, struct vma *v);

/* Gives the part of v from upper->start on to `upper`, which comes into the set by that. */
void vma_cut(struct vma_set *s, struct vma *v, struct vma *upper);
/* The other way round: `upper`, which starts where v ends, leaves the set. */
void vma_join(struct vma_set *s, struct vma *v, struct vma *upper);

/* Moves a border without passing a neighbour. */
void vma_resize(struct vma_set *s, struct vma *v, vaddr_t start, vaddr_t end);
/* The same where only the start moves, and down, of what was found last. */
static inline void vma_grow_down(struct vma *v, vaddr_t start)
{
	v->start = start; /* the hole below shrinks: its bounds hold */
}

/* Room that is looked for, inside [low, high). */
struct vma_room {
	struct vma_set *set;
	u32 len;   /* bytes, page aligned, not 0 */
	u32 align; /* a power of two, at least a page */
	vaddr_t low, high;
};

/* What vma_gap_topdown() would find if it is right below the VMA that was found last, as it mostly is
 * when a program maps one thing after the other, or again what it has unmapped; else 0. */
static inline vaddr_t vma_gap_last(struct vma_set *s, u32 len, vaddr_t low, vaddr_t high)
{
	struct vma *above = s->last;
	if (!above || above->flags & VM_GROWSDOWN || above->start > s->packed.from ||
		above->end < s->packed.from)
		return 0;
	vaddr_t top = above->start, at = top - len;
	if (top > high || high > s->packed.to || len < s->packed.len || len > top - vma_hole(above) ||
		at < low)
		return 0;
	s->packed.from = top;
	return at;
}

/* The highest place that fits (top-down), or the lowest; 0 when there is none. The search narrows
 * what it was given. */
vaddr_t vma_gap_topdown(struct vma_room *r);
vaddr_t vma_gap_bottomup(struct vma_room *r);

/* Nobody has touched it: no entry maps anything there. */
static inline bool vma_is_untouched(const struct vma *v)
{
	return !v->anon && !v->object && !v->zero_mapped;
}

/* The page of the object (or of the anonymous numbering) at addr. */
static inline u32 vma_pgoff(const struct vma *v, vaddr_t addr)
{
	return v->pgoff + ((addr - v->start) >> PAGE_SHIFT);
}

static inline u32 vma_pages(const struct vma *v)
{
	return (v->end - v->start) >> PAGE_SHIFT;
}

/* Does `b` show what comes after `a`? */
bool vma_continues(const struct vma *a, const struct vma *b);

/* Could `b` be one VMA with `a`, right below it, but for their own pages? */
static inline bool vma_can_merge(const struct vma *a, const struct vma *b)
{
	return a->end == b->start && a->flags == b->flags && vma_continues(a, b);
}

/* Order, overlap, gaps, list against tree. Complains; returns the number of complaints. */
u32 vma_check(struct vma_set *s, void (*complain)(const char *fmt, ...));

#endif
