/* Page faults on anonymous memory: one operation is one page. */
#include "bench/bench.h"

#define REGION	     (64 * MIB)
#define REGION_PAGES (REGION / PAGE)

static void zero_write_seq(void)
{
	FOR_SAMPLES
	{
		u32 start = map(REGION);
		begin();
		touch(start, REGION);
		end(REGION_PAGES);
		sys_munmap(start, REGION);
	}
}

/* An odd multiplier visits each page once. */
static void zero_write_rand(void)
{
	FOR_SAMPLES
	{
		u32 start = map(REGION);
		begin();
		for (u32 i = 0; i < REGION_PAGES; i++) {
			u32 page = i * 40503 % REGION_PAGES;
			*(volatile u32 *)(start + page * PAGE) = i;
		}
		end(REGION_PAGES);
		sys_munmap(start, REGION);
	}
}

#define READ_REGION (16 * MIB)

static void zero_read(void)
{
	FOR_SAMPLES
	{
		u32 start = map(READ_REGION);
		begin();
		peek(start, READ_REGION);
		end(READ_REGION / PAGE);
		sys_munmap(start, READ_REGION);
	}
}

static void zero_upgrade(void)
{
	FOR_SAMPLES
	{
		u32 start = map(READ_REGION);
		peek(start, READ_REGION);
		begin();
		touch(start, READ_REGION);
		end(READ_REGION / PAGE);
		sys_munmap(start, READ_REGION);
	}
}

/* Below what is already there, so every sample grows the stack further. */
static void stack_growth(void)
{
	const u32 pages = 192;
	u32 top = (u32)__builtin_frame_address(0) & -PAGE;
	FOR_SAMPLES
	{
		u32 bottom = top - pages * PAGE;
		begin();
		for (u32 at = top - PAGE; at >= bottom; at -= PAGE)
			*(volatile u32 *)at = at;
		end(pages);
		top = bottom;
	}
}

/*
 * Faults at random among `vmas` mappings of one page, of which neighbours differ in protection.
 * The page tables are there: every page was written once.
 */
static void fault_among(u32 vmas, u32 pages)
{
	const u32 faults = 500;
	/* Even, and without another factor of `pages`: no page comes twice. */
	const u32 step = 7918 % pages;
	u32 start = map(pages * PAGE);
	if (vmas > 1) {
		for (u32 i = 1; i < pages; i += 2)
			must(sys3(NR_mprotect, start + i * PAGE, PAGE, PROT_READ));
	}
	for (u32 i = 0; i < pages; i += 2)
		*(volatile u32 *)(start + i * PAGE) = i;
	FOR_SAMPLES
	{
		must(sys3(NR_madvise, start, pages * PAGE, MADV_DONTNEED));
		u32 page = 0;
		begin();
		for (u32 i = 0; i < faults; i++) {
			*(volatile u32 *)(start + page * PAGE) = i;
			page += step;
			page -= page >= pages ? pages : 0;
		}
		end(faults);
	}
}

static void fault_vma_1(void)
{
	fault_among(1, 30000);
}

static void fault_vma_1000(void)
{
	fault_among(1000, 1000);
}

static void fault_vma_30000(void)
{
	fault_among(30000, 30000);
}

const struct row rows_fault[] = {
	{"zero_write_seq", zero_write_seq},
	{"zero_write_rand", zero_write_rand},
	{"zero_read", zero_read},
	{"zero_upgrade", zero_upgrade},
	{"stack_growth", stack_growth},
	{"fault_vma_1", fault_vma_1},
	{"fault_vma_1000", fault_vma_1000},
	{"fault_vma_30000", fault_vma_30000},
	{NULL, NULL},
};
