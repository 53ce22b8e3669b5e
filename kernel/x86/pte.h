/*
 * Page-table entries of PAE paging (Intel SDM vol. 3A, 4.4), all shifts and masks of them. Pure.
 *
 *   63 | 62..52 | 51..12 frame | 11..9 ours | 8 G | 7 PS | 6 D | 5 A | 4 CD | 3 WT | 2 U | 1 W | 0 P
 *
 * An entry with P clear is ours entirely: 0 is empty; with PTE_PROTNONE it still owns its frame,
 * which nobody may touch (PROT_NONE); anything else is a swap entry.
 */
#ifndef X86_PTE_H
#define X86_PTE_H

#include "kernel/lib/types.h"

typedef struct {
	u64 v;
} pte_t;

#define PTE_P   0x001ull
#define PTE_W   0x002ull
#define PTE_U   0x004ull
#define PTE_WT  0x008ull
#define PTE_CD  0x010ull
#define PTE_A   0x020ull
#define PTE_D   0x040ull
#define PTE_PS  0x080ull
#define PTE_G   0x100ull
#define PTE_SW1 0x200ull /* PTE_ANON */
#define PTE_SW2 0x400ull /* PTE_OWN */
#define PTE_SW3 0x800ull /* PTE_LAZY */
#define PTE_NX  (1ull << 63)

/* With P clear: a frame is there, but no access is allowed. The hardware ignores it. */
#define PTE_PROTNONE PTE_G

/* The frame is private memory of processes (PK_ANON), so that loops over whole tables can tell
 * without looking at the frame. Set in every entry that maps such a frame, and in no other. */
#define PTE_ANON PTE_SW1

/* With PTE_ANON: since this entry has the frame no fork has shared it, so that W may follow what the
 * mapping allows (Linux's PG_anon_exclusive). A private entry without it has no W. */
#define PTE_OWN PTE_SW2

/* With PTE_ANON: the program can do without what is in the page (MADV_FREE), as long as D is clear:
 * whoever writes through another mapping of the frame sets D. */
#define PTE_LAZY PTE_SW3

/* Write-combining, on CPUs with a page attribute table (cpu_features.pat): cpu_features_init() gives
 * its entry for WT alone this meaning, as Linux does. */
#define PTE_WC PTE_WT

#define PTE_FRAME 0x000ffffffffff000ull

/* PTE_NX where the CPU has it, else 0: entries are built with this mask so that a reserved bit is
 * never set. Written once at boot. */
extern u64 pte_nx_mask;

#define PT_SHIFT    12
#define PD_SHIFT    21
#define PDPT_SHIFT  30
#define PT_ENTRIES  512u
#define PD_SIZE     (1u << PD_SHIFT) /* bytes one page table covers: 2 MiB */

static inline u32 pt_index(vaddr_t va)
{
	return (va >> PT_SHIFT) & (PT_ENTRIES - 1);
}
static inline u32 pd_index(vaddr_t va)
{
	return (va >> PD_SHIFT) & (PT_ENTRIES - 1);
}
static inline u32 pdpt_index(vaddr_t va)
{
	return va >> PDPT_SHIFT;
}

/* Where the part of [va, end), in user space, ends that has its entries in the same table as va's, one
 * behind the other. */
static inline vaddr_t pt_end(vaddr_t va, vaddr_t end)
{
	return MIN(ALIGN_DOWN(va, PD_SIZE) + PD_SIZE, end);
}

/* How many pages that are. */
static inline u32 pt_run(vaddr_t va, vaddr_t end)
{
	return (pt_end(va, end) - va) >> PT_SHIFT;
}

#define PTE_NONE ((pte_t){0})

/* With P clear: what was here is lost with its frame (mm/poison.h), which the entry still names, like
 * one that is there and not to be touched; but it is not counted, and no protection that is set later
 * makes it present. */
#define PTE_POISON  PTE_PS

static inline pte_t pte_make(pfn_t pfn, u64 flags)
{
	return (pte_t){((u64)pfn.v << PAGE_SHIFT) | flags};
}
static inline bool pte_none(pte_t e)
{
	return e.v == 0;
}
static inline bool pte_poisoned(pte_t e)
{
	return ((u32)e.v & (u32)(PTE_P | PTE_POISON)) == (u32)PTE_POISON;
}
static inline bool pte_present(pte_t e)
{
	return (u32)e.v & (u32)PTE_P;
}
/* The entry owns a frame, whether or not it may be touched now. */
static inline bool pte_maps(pte_t e)
{
	return (u32)e.v & (u32)(PTE_P | PTE_PROTNONE);
}
static inline bool pte_write(pte_t e)
{
	return (u32)e.v & (u32)PTE_W;
}
static inline bool pte_user(pte_t e)
{
	return (u32)e.v & (u32)PTE_U;
}
static inline bool pte_dirty(pte_t e)
{
	return (u32)e.v & (u32)PTE_D;
}
static inline bool pte_young(pte_t e)
{
	return (u32)e.v & (u32)PTE_A;
}
static inline bool pte_huge(pte_t e)
{
	return (u32)e.v & (u32)PTE_PS;
}
static inline bool pte_anon(pte_t e)
{
	return (u32)e.v & (u32)PTE_ANON;
}
static inline bool pte_own(pte_t e)
{
	return (u32)e.v & (u32)PTE_OWN;
}
static inline bool pte_exec(pte_t e)
{
	return !(e.v & PTE_NX);
}
static inline pfn_t pte_pfn(pte_t e)
{
	return PFN((u32)(e.v >> PAGE_SHIFT)); /* flags are below it, NX falls off the top */
}
static inline pte_t pte_clear_flags(pte_t e, u64 flags)
{
	return (pte_t){e.v & ~flags};
}
static inline pte_t pte_set_flags(pte_t e, u64 flags)
{
	return (pte_t){e.v | flags};
}
/* The same of flags in the low word, which leaves the high one alone. */
static inline pte_t pte_set_low(pte_t e, u32 flags)
{
	return (pte_t){e.v >> 32 << 32 | (u32)e.v | flags};
}

/* The two words of an entry in memory, for loops over whole tables: on a 32-bit CPU most of them
 * need only the low one, with all flags but NX and the frame below 4 GiB. */
static inline u32 pte_low(const pte_t *p)
{
	return ((const volatile u32 *)p)[0];
}
static inline u32 pte_high(const pte_t *p)
{
	return ((const volatile u32 *)p)[1];
}

/* How many entries loops over whole tables look at in one round. */
#define PTE_ROUND 8u

/* Is a round of entries empty? Where pages are, the first entry nearly always tells. */
static inline bool pte_round_empty(const pte_t *p)
{
	u32 any = (u32)p->v;
	if (likely(any))
		return false;
#pragma GCC unroll 8
	for (u32 i = 1; i < PTE_ROUND; i++)
		any |= (u32)p[i].v;
	return !any;
}

static inline bool pte_low_maps(u32 lo)
{
	return lo & (u32)(PTE_P | PTE_PROTNONE);
}
static inline bool pte_low_anon(u32 lo)
{
	return lo & (u32)PTE_ANON;
}
/* The page may be taken away. */
static inline bool pte_low_lazy(u32 lo)
{
	return (lo & (u32)(PTE_ANON | PTE_LAZY | PTE_D)) == (u32)(PTE_ANON | PTE_LAZY);
}

/* "P W U A D G PS NX" for the bits that are set. Returns buf. */
char *pte_describe(pte_t e, char *buf, size_t size);

#endif
