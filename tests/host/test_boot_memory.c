/* What page_alloc_init() makes of the memory map in tests/host/fakes.c. */
#include "kernel/core/bootinfo.h"
#include "kernel/core/selftest.h"
#include "mm/page_alloc.h"

extern char __kernel_start[], __kernel_end[];

static bool overlaps(u64 start, u64 end, u64 from, u64 to)
{
	return start < to && from < end;
}

/* Memory, all of it, and nobody's yet when the allocator came. */
static bool was_usable(u64 start)
{
	u64 end = start + PAGE_SIZE;
	bool ram = false;

	for (u32 i = 0; i < bootinfo.nr_ram; i++)
		ram |= bootinfo.ram[i].start <= start && end <= bootinfo.ram[i].end;
	for (u32 i = 0; i < bootinfo.nr_modules; i++)
		ram &= !overlaps(start, end, bootinfo.module[i].start, bootinfo.module[i].end);
	return ram && start &&
	       !overlaps(start, end, virt_to_phys(__kernel_start).v, virt_to_phys(__kernel_end).v);
}

static bool describes_frames(u64 start)
{
	u64 map = virt_to_phys(mem_map).v;

	return overlaps(start, start + PAGE_SIZE, map, map + nr_pfns * sizeof(struct page));
}

KTEST(boot_memory, every_frame)
{
	KEXPECT_EQ(nr_pfns, bootinfo.ram[bootinfo.nr_ram - 1].end / PAGE_SIZE);
	for (u32 pfn = 0; pfn < nr_pfns; pfn++) {
		u64 start = (u64)pfn * PAGE_SIZE;
		bool managed = was_usable(start) && !describes_frames(start);

		if ((mem_map[pfn].kind != PK_RESERVED) != managed)
			ktest_fail(__FILE__, __LINE__, "frame %#x is %s", pfn,
				page_kind_name[mem_map[pfn].kind]);
	}
}

/* Parsed modules and init memory come back; a page that a file has adopted stays. */
KTEST(boot_memory, release_and_adopt)
{
	u64 start = bootinfo.module[0].start, end = bootinfo.module[0].end;
	u32 first = (u32)(start / PAGE_SIZE) + 1, last = (u32)(end / PAGE_SIZE);
	u32 total = page_alloc_total(), free = page_alloc_free();
	struct page *adopted = &mem_map[first + 3];
	struct zone_stat s;

	page_alloc_adopt(adopted, PK_CACHE);
	KEXPECT(adopted->kind == PK_CACHE && adopted->refcount == 1);
	KEXPECT_EQ(page_alloc_total(), total + 1);
	page_alloc_release_range(start, end);
	KEXPECT_EQ(page_alloc_total(), total + last - first);
	KEXPECT_EQ(page_alloc_free(), free + last - first - 1);
	KEXPECT_EQ(mem_map[first - 1].kind, PK_RESERVED);
	KEXPECT_EQ(mem_map[last].kind, PK_RESERVED);
	KEXPECT_EQ(adopted->kind, PK_CACHE);
	page_free(adopted);
	page_alloc_release_range(start, end); /* nothing is left of it */
	page_alloc_release_range(UINT64_MAX - 1, UINT64_MAX);
	KEXPECT_EQ(page_alloc_total(), total + last - first);
	page_alloc_stat(ZONE_DMA, &s);
	KEXPECT(s.managed <= s.present);
}
