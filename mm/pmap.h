/*
 * Page tables of one address space, and the kernel's. The machine-independent side; the hardware
 * one is kernel/x86/pmap.c.
 *
 * The caller of everything that takes a struct pmap holds the lock of the mm that owns it.
 * Entries are read and written in place through pointers to them, which stay valid until the
 * table is freed (pmap_free_tables, pmap_destroy).
 *
 * TLB: an entry that was present and is changed or removed must be flushed before its frame may
 * be reused. Collect frames, flush once, then free them.
 */
#ifndef MM_PMAP_H
#define MM_PMAP_H

#include "kernel/lib/types.h"
#include "kernel/x86/layout.h"
#include "kernel/x86/ldt.h"
#include "kernel/x86/pte.h"

struct page;

struct pmap {
	pte_t *pdpt;   /* four entries, 32-byte aligned, below 4 GiB; entry 3 is the kernel's */
	u32 cr3;       /* its physical address */
	u32 nr_tables; /* pages of page tables, directories included */
	struct ldt *ldt; /* segments of its programs' own (kernel/x86/ldt.h), or NULL */
};

/* An empty user half. Returns 0 or -ENOMEM. */
int pmap_init(struct pmap *pm) __must_check;

/* Frees every table. No user page may be mapped any more. Not while it is loaded. */
void pmap_destroy(struct pmap *pm);

/* Gives an address space without local segments those of another one. Returns 0 or -ENOMEM. */
int pmap_copy_ldt(struct pmap *to, const struct pmap *from) __must_check;

/* Puts a descriptor into its local table, which grows to hold it; the CPU sees it when a segment
 * register is loaded. Returns 0 or -ENOMEM. */
int pmap_set_segment(struct pmap *pm, u32 entry, struct segdesc d) __must_check;

/* Loads it into CR3 if another one is there. NULL loads the kernel's own. */
void pmap_activate(struct pmap *pm);

/* The page-directory entry for `va` (a pointer into the directory), NULL without a directory. */
static inline pte_t *pmap_pde(const struct pmap *pm, vaddr_t va);
/* The same, making the directory. NULL when memory is out. */
pte_t *pmap_pde_alloc(struct pmap *pm, vaddr_t va) __must_check;

/* The page-table entry for `va`; NULL where there is no table (or a 2 MiB page). */
static inline pte_t *pmap_pte(const struct pmap *pm, vaddr_t va);
/* The same, making tables. NULL when memory is out. */
static inline pte_t *pmap_pte_alloc(struct pmap *pm, vaddr_t va) __must_check;

/* Exchanges the tables of two places as large as a table covers. Either may have none; of `b` there
 * is a directory. Flushes nothing. */
void pmap_exchange_tables(struct pmap *pm, vaddr_t a, vaddr_t b);

/* Stores. A 64-bit entry is written in the order that never shows the CPU half of it. */
static inline void pmap_set(pte_t *p, pte_t v);
static inline void pmap_enter(pte_t *p, pte_t v); /* an entry that is empty */

/* Drops stale translations of user addresses [start, end) of `pm` on every CPU. A few pages go
 * one by one, many by reloading CR3. */
void pmap_flush_range(struct pmap *pm, vaddr_t start, vaddr_t end);
static inline void pmap_flush_page(struct pmap *pm, vaddr_t va);

/* Frees the tables that lie wholly inside the unmapped gap [floor, ceiling) and flushes. The
 * entries in them must all be empty. */
void pmap_free_tables(struct pmap *pm, vaddr_t floor, vaddr_t ceiling);

/* --- The kernel's half --- */

/* Maps one kernel page of vmalloc space / removes it (flushing). flags: PTE_W, PTE_NX... Returns 0
 * or -ENOMEM for a missing table. */
int pmap_kmap_page(vaddr_t va, pfn_t pfn, u64 flags) __must_check;
void pmap_kunmap_page(vaddr_t va);
/* Frames (PK_PGTABLE) of the kernel half's tables. Their number grows with vmalloc space; they are
 * kept. */
extern u32 pmap_kernel_tables;

/* Those of them that map small pages of the direct map. */
extern u32 pmap_direct_tables;
/* The entry that maps a kernel address, or an empty one. 2 MiB entries come with PTE_PS. */
pte_t pmap_kernel_lookup(vaddr_t va);

/* A kernel address for any page, for a moment: at most KMAP_SLOTS nested in one thread, undone in
 * reverse order. Low memory costs nothing. The thread may sleep. */
static inline void *kmap_local(struct page *p);
static inline void kunmap_local(void *va);

struct page *page_zero(struct page *p); /* returns p */
void page_copy(struct page *dst, struct page *src);

/* Walks `va` in the address space with this CR3 without trusting it, level by level. */
struct pmap_walk {
	u32 levels; /* entries read: 1 PDPT, 2 PD, 3 PT */
	struct {
		const char *name;
		u32 index;
		paddr_t at;
		pte_t entry;
	} level[3];
};
void pmap_walk(u32 cr3, vaddr_t va, struct pmap_walk *out);

/* Boot, once page_alloc and slab are up and trap_init() is done: the direct map, W^X for the image,
 * and an end to the boot tables. */
void pmap_kernel_init(void);
/* After boot: __ro_after_init becomes read-only, and init memory is poisoned and freed. No caller
 * may be __init itself. */
void pmap_seal_kernel(void);

#include "kernel/x86/pmap_inline.h"

#endif
