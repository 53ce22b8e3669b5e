/* vmalloc areas, mappings of existing frames, and kernel stacks. */
#include "kernel/core/selftest.h"
#include "kernel/lib/string.h"
#include "kernel/x86/uaccess.h"
#include "mm/page_alloc.h"
#include "mm/pmap.h"
#include "mm/vmalloc.h"

static void complain(const char *fmt, ...)
{
	ktest_fail(__FILE__, __LINE__, "vmalloc_check: %s", fmt);
}

static bool readable(vaddr_t va)
{
	u8 byte;

	return peek_kernel(&byte, (void *)va, 1) == 0;
}

KTEST(vmalloc, area_with_guards)
{
	u32 used = vmalloc_used_pages();
	u8 *p = vmalloc(3 * PAGE_SIZE + 1);
	vaddr_t va = (vaddr_t)p;

	KREQUIRE(p);
	KEXPECT(va > VMALLOC_START && va + 4 * PAGE_SIZE < VMALLOC_END);
	KEXPECT_EQ(vmalloc_used_pages(), used + 4);
	memset(p, 0x5a, 4 * PAGE_SIZE);
	KEXPECT_EQ(p[3 * PAGE_SIZE], 0x5a);
	KEXPECT(!readable(va - 1) && readable(va));
	KEXPECT(readable(va + 4 * PAGE_SIZE - 1) && !readable(va + 4 * PAGE_SIZE));
	KEXPECT_EQ(vmalloc_check(complain), 0);
	vfree(p);
	KEXPECT(!readable(va));
	KEXPECT_EQ(vmalloc_used_pages(), used);
	vfree(NULL);
}

KTEST(vmalloc, refuses_what_cannot_be)
{
	KEXPECT(!vmalloc(SIZE_MAX));
	KEXPECT(!vmalloc(VMALLOC_END - VMALLOC_START));
	KEXPECT(!vmap_phys(PADDR(0), SIZE_MAX));
	KEXPECT_EQ(vmalloc_check(complain), 0);
}

/* Memory ends somewhere inside a large area: nothing of it stays. */
KTEST(vmalloc, out_of_memory)
{
	struct page_chain pages = {NULL};
	struct page *p;
	u32 used, free;

	kstack_shrink();
	used = vmalloc_used_pages();
	while ((p = page_alloc(GFP_USER, PK_KERNEL)))
		page_chain_add(&pages, p);
	for (u32 i = 0; i < 8; i++) /* what stops inside the area, not before it */
		page_free(page_chain_take(&pages));
	free = page_alloc_free();
	KEXPECT(!vmalloc(64 * PAGE_SIZE));
	KEXPECT_EQ(vmalloc_used_pages(), used);
	KEXPECT(page_alloc_free() + 2 >= free); /* a page table and a slab may have been made */
	KEXPECT_EQ(vmalloc_check(complain), 0);
	page_free_chain(&pages);
}

#define HELD 24u

KTEST(vmalloc, random)
{
	struct {
		u8 *p;
		u32 size;
	} held[HELD] = {{NULL, 0}};

	for (u32 n = 0; n < 300; n++) {
		u32 i = ktest_random() % HELD;

		if (held[i].p) {
			KEXPECT(held[i].p[0] == (u8)i && held[i].p[held[i].size - 1] == (u8)i);
			vfree(held[i].p);
			held[i].p = NULL;
			continue;
		}
		held[i].size = 1 + ktest_random() % (8 * PAGE_SIZE);
		held[i].p = vmalloc(held[i].size);
		KREQUIRE(held[i].p);
		held[i].p[0] = held[i].p[held[i].size - 1] = (u8)i;
	}
	KEXPECT_EQ(vmalloc_check(complain), 0);
	for (u32 i = 0; i < HELD; i++)
		vfree(held[i].p);
	KEXPECT_EQ(vmalloc_check(complain), 0);
}

KTEST(vmalloc, map_of_frames_is_read_only)
{
	struct page *p = page_alloc_order(1, GFP_KERNEL, PK_KERNEL);
	struct vmalloc_area area;
	u8 *low, *map;

	KREQUIRE(p);
	low = page_virt(p);
	low[4095] = 1;
	low[4096] = 2;
	map = vmap_phys(PADDR(page_paddr(p).v + 4095), 2);
	KREQUIRE(map);
	KEXPECT(map[0] == 1 && map[1] == 2);
	KEXPECT(!pte_write(pmap_kernel_lookup((vaddr_t)map)));
	KEXPECT(vmalloc_next((vaddr_t)map, &area) && !strcmp(area.kind, "vmap"));
	KEXPECT_EQ(area.pages, 2);
	KEXPECT(area.start <= (vaddr_t)map && (vaddr_t)map < area.end);
	KEXPECT_EQ(vmalloc_check(complain), 0);
	vunmap(map);
	KEXPECT_EQ(p->refcount, 1);
	page_free_order(p, 1);
}

KTEST(vmalloc, kernel_stacks)
{
	u32 count = kstack_count();
	u8 *s[20];

	for (u32 i = 0; i < 20; i++) {
		s[i] = kstack_alloc();
		KREQUIRE(s[i]);
		memset(s[i], (int)i, KSTACK_SIZE);
		KEXPECT(!readable((vaddr_t)s[i] - 1));
		KEXPECT(!readable((vaddr_t)s[i] + KSTACK_SIZE));
	}
	KEXPECT_EQ(kstack_count(), count + 20);
	KEXPECT_EQ(vmalloc_check(complain), 0);
	for (u32 i = 0; i < 20; i++) {
		KEXPECT(s[i][0] == i && s[i][KSTACK_SIZE - 1] == i);
		kstack_free(s[i]);
	}
	KEXPECT_EQ(kstack_count(), count);
	KEXPECT(kstack_shrink() > 0);
	KEXPECT_EQ(kstack_shrink(), 0);
	KEXPECT_EQ(vmalloc_check(complain), 0);
}
