/*
 * The kernel's half of every address space: one page directory, which all PDPTs share as entry 3,
 * so that what is mapped in it is mapped everywhere at once.
 *
 * Low memory is mapped by 2 MiB pages. Only where the image lies there are 4 KiB pages, so that
 * text, constants and data can have different rights.
 */
#include "kernel/x86/pmap_kernel.h"
#include "kernel/abi/errno.h"
#include "kernel/core/bootinfo.h"
#include "kernel/core/lock.h"
#include "kernel/core/panic.h"
#include "kernel/lib/string.h"
#include "kernel/x86/features.h"
#include "kernel/x86/framebuffer.h"
#include "kernel/x86/gdt.h"
#include "mm/page_alloc.h"
#include "mm/pmap.h"

#define INIT_POISON 0xcc /* int3 */

/* linker.ld */
extern u8 __kernel_end[];
extern u8 __text_start[], __text_end[], __rodata_start[], __rodata_end[];
extern u8 __ro_after_init_start[], __ro_after_init_end[];
extern u8 __init_start[], __init_end[], __init_text_start[], __init_text_end[];
extern u8 __ksyms_start[], __bss_start[];
extern u8 boot_stack_guard[];

static pte_t kernel_pdpt[4] __aligned(32);
static pte_t kernel_pd[PT_ENTRIES] __section(".bss.page_aligned") __aligned(PAGE_SIZE);
static pte_t kmap_pt[PT_ENTRIES] __section(".bss.page_aligned") __aligned(PAGE_SIZE);

static struct spinlock kernel_pd_lock = SPINLOCK_INIT("kernel_pd"); /* adding a table */

u32 pmap_kernel_tables; /* under kernel_pd_lock */
u32 pmap_direct_tables __ro_after_init;

/* The flags of every leaf but its rights. */
static u64 leaf_flags(void)
{
	return PTE_P | PTE_A | PTE_D | (cpu_features.pge ? PTE_G : 0);
}

static u64 rights(u64 flags)
{
	return (flags & ~PTE_NX) | (flags & pte_nx_mask);
}

pte_t pmap_kernel_pdpte(void)
{
	return pte_make(paddr_pfn(virt_to_phys(kernel_pd)), PTE_P);
}

u32 pmap_kernel_cr3(void)
{
	return (u32)virt_to_phys(kernel_pdpt).v;
}

pte_t *pmap_kmap_pte(vaddr_t va)
{
	return &kmap_pt[pt_index(va)];
}

/* --- vmalloc space --- */

/* The entry for `va`, or NULL where there is no table. */
static pte_t *kernel_pte(vaddr_t va)
{
	const pte_t *pde = &kernel_pd[pd_index(va)];

	return pmap_is_table(pde) ? pmap_entry(pde, pt_index(va)) : NULL;
}

/* Makes the table for `va`, unless somebody else has meanwhile. */
static int kernel_table_add(vaddr_t va)
{
	struct page *p = page_alloc(GFP_KERNEL | GFP_ZERO, PK_PGTABLE);
	pte_t *pde = &kernel_pd[pd_index(va)];

	if (!p)
		return -ENOMEM;
	spin_lock(&kernel_pd_lock);
	if (!pte_present(*pde)) {
		pmap_set(pde, pte_make(page_pfn(p), PTE_P | PTE_W | PTE_A));
		pmap_kernel_tables++;
		p = NULL;
	}
	spin_unlock(&kernel_pd_lock);
	if (p)
		page_free(p);
	return 0;
}

int pmap_kmap_page(vaddr_t va, pfn_t pfn, u64 flags)
{
	pte_t *pte = kernel_pte(va);

	kassert(va >= VMALLOC_START && va < VMALLOC_END);
	if (!pte) {
		if (kernel_table_add(va))
			return -ENOMEM;
		pte = kernel_pte(va);
	}
	kassert_msg(pte_none(*pte), "%08x is mapped already", va);
	pmap_set(pte, pte_make(pfn, leaf_flags() | rights(flags)));
	return 0;
}

void pmap_kunmap_page(vaddr_t va)
{
	pte_t *pte = kernel_pte(va);

	kassert(va >= VMALLOC_START && va < VMALLOC_END);
	if (!pte)
		return;
	pmap_set(pte, PTE_NONE);
	invlpg(va);
}

pte_t pmap_kernel_lookup(vaddr_t va)
{
	const pte_t *pde = &kernel_pd[pd_index(va)];

	if (va < KERNEL_BASE || !pte_present(*pde))
		return PTE_NONE;
	return pte_huge(*pde) ? *pde : *kernel_pte(va);
}

/* --- Boot --- */

/* Where the direct map ends, in bytes of physical memory. */
static __init u32 low_memory_end(void)
{
	u64 end = 0;

	for (u32 i = 0; i < bootinfo.nr_ram; i++)
		if (bootinfo.ram[i].start < LOWMEM_LIMIT)
			end = MAX(end, MIN(bootinfo.ram[i].end, LOWMEM_LIMIT));
	return ALIGN_UP((u32)end, PD_SIZE);
}

static __init void map_low_memory(void)
{
	u32 end = low_memory_end();

	for (u32 pa = 0; pa < end; pa += PD_SIZE)
		kernel_pd[pd_index(pa + KERNEL_BASE)] =
			pte_make(paddr_pfn(PADDR(pa)), leaf_flags() | PTE_W | PTE_PS | pte_nx_mask);
}

/* Replaces the 2 MiB page at `va` by a table of the same memory. */
static __init void split_huge(vaddr_t va)
{
	struct page *p = page_alloc(GFP_KERNEL, PK_PGTABLE);
	u32 first = (va - KERNEL_BASE) / PAGE_SIZE;
	pte_t *table;

	if (!p)
		boot_fail("not enough memory for page tables");
	table = page_virt(p);
	for (u32 i = 0; i < PT_ENTRIES; i++)
		table[i] = pte_make(PFN(first + i), leaf_flags() | PTE_W | pte_nx_mask);
	pmap_set(&kernel_pd[pd_index(va)], pte_make(page_pfn(p), PTE_P | PTE_W | PTE_A));
	pmap_kernel_tables++;
	pmap_direct_tables++;
}

/* Gives the image's pages in [start, end) new rights. */
static void protect(const u8 *start, const u8 *end, u64 flags)
{
	for (vaddr_t va = (u32)start; va < (u32)end; va += PAGE_SIZE) {
		pte_t *pte = kernel_pte(va);

		pmap_set(pte, pte_make(pte_pfn(*pte), leaf_flags() | rights(flags)));
		invlpg(va);
	}
}

static __init void map_image(void)
{
	vaddr_t start = ALIGN_DOWN((u32)__text_start, PD_SIZE);

	for (vaddr_t va = start; va < (u32)__kernel_end; va += PD_SIZE)
		split_huge(va);
	protect(__text_start, __text_end, 0);
	protect(__rodata_start, __rodata_end, PTE_NX);
	protect(__init_text_start, __init_text_end, 0);
	protect(__ksyms_start, __bss_start, PTE_NX);
	pmap_set(kernel_pte((u32)boot_stack_guard), PTE_NONE);
}

void __init pmap_kernel_init(void)
{
	map_low_memory();
	map_image();
	framebuffer_map(kernel_pd);
	kernel_pd[pd_index(KMAP_START)] =
		pte_make(paddr_pfn(virt_to_phys(kmap_pt)), PTE_P | PTE_W | PTE_A);
	kernel_pdpt[pdpt_index(KERNEL_BASE)] = pmap_kernel_pdpte();
	write_cr3(pmap_kernel_cr3());
	tss_set_double_fault_cr3(pmap_kernel_cr3());
	pmap_cache_init();
}

void pmap_seal_kernel(void)
{
	protect(__ro_after_init_start, __ro_after_init_end, PTE_NX);
	protect(__init_start, __init_end, PTE_W | PTE_NX);
	memset(__init_start, INIT_POISON, (u32)(__init_end - __init_start));
	page_alloc_release_range(virt_to_phys(__init_start).v, virt_to_phys(__init_end).v);
}
