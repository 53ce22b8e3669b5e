/* Page tables of user address spaces: making, finding, flushing and freeing them. */
#include "mm/pmap.h"
#include "kernel/abi/errno.h"
#include "kernel/core/panic.h"
#include "kernel/lib/kassert.h"
#include "kernel/x86/kmap.h"
#include "kernel/x86/pmap_kernel.h"
#include "mm/page_alloc.h"
#include "mm/kmalloc.h"
#include "mm/slab.h"

#define USER_PDPTES pdpt_index(USER_TOP)
#define PDPTE_SIZE  (1u << PDPT_SHIFT) /* bytes one page directory covers: 1 GiB */

#define PDPT_BYTES 32u /* size and alignment, Intel SDM vol. 3A, 4.4.1 */

/* Flags of entries that name a table. Rights are decided in the last level. In a PDPT entry all
 * but P are reserved. */
#define PDPTE_TABLE PTE_P
#define PDE_TABLE   (PTE_P | PTE_W | PTE_U | PTE_A)

#define PD_GROUP (PT_ENTRIES / 32) /* entries that share one bit of pd_groups() */

#define FLUSH_ONE_BY_ONE 16u /* pages; beyond, reloading CR3 is cheaper */

struct pmap_cpu pmap_cpus[NR_CPUS];

static struct slab_cache *pdpt_cache;

void __init pmap_cache_init(void)
{
	pdpt_cache = slab_create("pdpt", PDPT_BYTES, PDPT_BYTES, 0, NULL);
	if (!pdpt_cache)
		boot_fail("not enough memory for page tables");
}

static bool is_loaded(const struct pmap *pm)
{
	return this_pmap_cpu()->loaded == pm;
}

/* Drops every translation of the loaded address space, and the PDPT entries the CPU holds. */
static void reload_cr3(void)
{
	write_cr3(read_cr3());
}

int pmap_init(struct pmap *pm)
{
	pte_t *pdpt = slab_alloc(pdpt_cache);

	if (!pdpt)
		return -ENOMEM;
	for (u32 i = 0; i < USER_PDPTES; i++)
		pdpt[i] = PTE_NONE;
	pdpt[USER_PDPTES] = pmap_kernel_pdpte();
	pm->pdpt = pdpt;
	pm->cr3 = (u32)virt_to_phys(pdpt).v;
	pm->nr_tables = 0;
	pm->ldt = NULL;
	return 0;
}

int pmap_copy_ldt(struct pmap *to, const struct pmap *from)
{
	if (!from->ldt)
		return 0;
	to->ldt = ldt_copy(from->ldt, 0);
	return to->ldt ? 0 : -ENOMEM;
}

int pmap_set_segment(struct pmap *pm, u32 entry, struct segdesc d)
{
	struct ldt *ldt = ldt_copy(pm->ldt, entry + 1), *old = pm->ldt;

	if (!ldt)
		return -ENOMEM;
	ldt->entries[entry] = d;
	pm->ldt = ldt;
	if (is_loaded(pm))
		ldt_load(ldt);
	kfree(old);
	return 0;
}

void pmap_activate(struct pmap *pm)
{
	if (is_loaded(pm))
		return;
	const struct pmap *before = this_pmap_cpu()->loaded;

	this_pmap_cpu()->loaded = pm;
	write_cr3(pm ? pm->cr3 : pmap_kernel_cr3());
	if (unlikely((before && before->ldt) || (pm && pm->ldt)))
		ldt_load(pm ? pm->ldt : NULL);
}

/* Of a directory, given by any of its entries: bit n says that tables may hang in entries
 * n * PD_GROUP and following. Most address spaces use a few corners of what a directory covers. */
static u32 *pd_groups(const pte_t *pde)
{
	return &virt_page(pde)->private;
}

static u32 group_bit(vaddr_t va)
{
	return 1u << pd_index(va) / PD_GROUP;
}

/* Hangs a new, empty table into *entry. Returns it, or NULL when memory is out. */
static pte_t *table_alloc(struct pmap *pm, pte_t *entry, u64 flags)
{
	struct page *p = page_alloc(GFP_KERNEL | GFP_ZERO, PK_PGTABLE);

	if (!p)
		return NULL;
	pm->nr_tables++;
	pmap_set(entry, pte_make(page_pfn(p), flags));
	return page_virt(p);
}

pte_t *pmap_pde_alloc(struct pmap *pm, vaddr_t va)
{
	pte_t *pdpte = &pm->pdpt[pdpt_index(va)];

	kassert_dbg(va < USER_TOP);
	if (!pte_present(*pdpte)) {
		if (!table_alloc(pm, pdpte, PDPTE_TABLE))
			return NULL;
		*pd_groups(pmap_entry(pdpte, 0)) = 0;
		if (is_loaded(pm))
			reload_cr3();
	}
	return pmap_entry(pdpte, pd_index(va));
}

pte_t *pmap_pte_alloc_slow(struct pmap *pm, vaddr_t va)
{
	pte_t *pde = pmap_pde_alloc(pm, va);

	if (!pde)
		return NULL;
	kassert_msg(!pte_huge(*pde), "page table wanted inside a 2 MiB page at %08x", va);
	if (!pte_present(*pde)) {
		if (!table_alloc(pm, pde, PDE_TABLE))
			return NULL;
		*pd_groups(pde) |= group_bit(va);
	}
	return pmap_entry(pde, pt_index(va));
}

void pmap_exchange_tables(struct pmap *pm, vaddr_t a, vaddr_t b)
{
	pte_t *at_a = pmap_pde(pm, a), *at_b = pmap_pde(pm, b), old;

	if (!at_a)
		return;
	old = *at_a;
	pmap_set(at_a, *at_b);
	pmap_set(at_b, old);
	*pd_groups(at_a) |= group_bit(a);
	*pd_groups(at_b) |= group_bit(b);
}

void pmap_flush_range(struct pmap *pm, vaddr_t start, vaddr_t end)
{
	if (!is_loaded(pm) || start >= end)
		return;
	if (end - start > FLUSH_ONE_BY_ONE * PAGE_SIZE) {
		reload_cr3();
		return;
	}
	for (vaddr_t va = ALIGN_DOWN(start, PAGE_SIZE); va < end; va += PAGE_SIZE)
		invlpg(va);
}

/* --- Freeing: tables are unhooked and collected, then the TLB is flushed, then they go --- */

static void assert_table_empty(const pte_t *table)
{
	for (u32 i = 0; i < PT_ENTRIES; i++)
		kassert_dbg(pte_none(table[i]));
}

static void table_unhook(struct pmap *pm, pte_t *entry, struct page_chain *freed)
{
	pte_t *table = pmap_entry(entry, 0);

	assert_table_empty(table);
	pmap_set(entry, PTE_NONE);
	page_chain_add(freed, virt_page(table));
	pm->nr_tables--;
}

/* The page tables of entries [first, end) of a page directory. */
static void unhook_page_tables(
	struct pmap *pm, pte_t *pd, u32 first, u32 end, struct page_chain *freed)
{
	for (u32 groups = *pd_groups(pd); groups; groups &= groups - 1) {
		u32 group = (u32)__builtin_ctz(groups) * PD_GROUP;
		u32 stop = MIN(end, group + PD_GROUP);

		for (u32 i = MAX(first, group); i < stop; i++) {
			if (pte_none(pd[i]))
				continue;
			kassert_msg(!pte_huge(pd[i]), "2 MiB page left in entry %u", i);
			table_unhook(pm, &pd[i], freed);
		}
	}
}

void pmap_free_tables(struct pmap *pm, vaddr_t floor, vaddr_t ceiling)
{
	vaddr_t start = ALIGN_UP(floor, PD_SIZE), end = ALIGN_DOWN(ceiling, PD_SIZE), next;
	struct page_chain freed = {NULL};

	kassert(ceiling <= USER_TOP && floor <= ceiling);
	for (vaddr_t va = start; va < end && pm->nr_tables; va = next) {
		pte_t *pdpte = &pm->pdpt[pdpt_index(va)];

		next = MIN(ALIGN_DOWN(va, PDPTE_SIZE) + PDPTE_SIZE, end);
		if (!pte_present(*pdpte))
			continue;
		unhook_page_tables(
			pm, pmap_entry(pdpte, 0), pd_index(va), pd_index(next - 1) + 1, &freed);
		if (next - va == PDPTE_SIZE)
			table_unhook(pm, pdpte, &freed);
	}
	if (!freed.first)
		return;
	if (is_loaded(pm))
		reload_cr3();
	page_free_chain(&freed);
}

void pmap_destroy(struct pmap *pm)
{
	kassert(!is_loaded(pm));
	pmap_free_tables(pm, 0, USER_TOP);
	kassert_msg(pm->nr_tables == 0, "%u page tables left", pm->nr_tables);
	slab_free(pdpt_cache, pm->pdpt);
	kfree(pm->ldt);
	pm->pdpt = NULL;
	pm->ldt = NULL;
}

/* --- Looking --- */

static bool walk_level(struct pmap_walk *w, const char *name, u64 table, u32 index)
{
	u32 n = w->levels;

	w->level[n].name = name;
	w->level[n].index = index;
	w->level[n].at = PADDR(table + index * sizeof(pte_t));
	w->level[n].entry = PTE_NONE;
	if (!pmap_read_phys(&w->level[n].entry, w->level[n].at, sizeof(pte_t)))
		return false;
	w->levels++;
	return pte_present(w->level[n].entry);
}

void pmap_walk(u32 cr3, vaddr_t va, struct pmap_walk *out)
{
	u64 table = ALIGN_DOWN(cr3, PDPT_BYTES);

	out->levels = 0;
	if (!walk_level(out, "PDPT", table, pdpt_index(va)))
		return;
	table = out->level[0].entry.v & PTE_FRAME;
	if (!walk_level(out, "PD", table, pd_index(va)) || pte_huge(out->level[1].entry))
		return;
	table = out->level[1].entry.v & PTE_FRAME;
	walk_level(out, "PT", table, pt_index(va));
}
