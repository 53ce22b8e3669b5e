/* The kernel's half of the address space, for the code beside it; everyone else has mm/pmap.h. */
#ifndef X86_PMAP_KERNEL_H
#define X86_PMAP_KERNEL_H

#include "kernel/x86/pte.h"

/* PDPT entry 3 of every address space. */
pte_t pmap_kernel_pdpte(void);

/* The CR3 of the address space whose user half is empty. */
u32 pmap_kernel_cr3(void);

/* The entry for one of the addresses above KMAP_START. */
pte_t *pmap_kmap_pte(vaddr_t va);

/* Boot: makes the slab cache of page directory pointer tables. */
void pmap_cache_init(void);

#endif
