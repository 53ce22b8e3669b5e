/* Free physical ranges before the allocator runs. */
#include "kernel/core/selftest.h"
#include "mm/bootmem.h"

/* A map with a hole at 640 KiB and borders inside pages. */
static struct bootmem small_map(void)
{
	struct bootmem bm = {.nr = 0};

	KEXPECT(bootmem_add(&bm, 0, 0x9fc00));
	KEXPECT(bootmem_add(&bm, 0x100800, 0x1000000));
	return bm;
}

static void expect_range(const struct bootmem *bm, u32 i, u64 start, u64 end)
{
	KREQUIRE(i < bm->nr);
	KEXPECT_EQ(bm->range[i].start, start);
	KEXPECT_EQ(bm->range[i].end, end);
}

KTEST(bootmem, rounds_inwards)
{
	struct bootmem bm = small_map();

	KEXPECT_EQ(bm.nr, 2);
	expect_range(&bm, 0, 0, 0x9f000);
	expect_range(&bm, 1, 0x101000, 0x1000000);
	KEXPECT(bootmem_add(&bm, 0x1000001, 0x1001fff)); /* no whole page */
	KEXPECT(bootmem_add(&bm, 0xfffffffffffffff0, UINT64_MAX));
	KEXPECT_EQ(bm.nr, 2);
	KEXPECT_EQ(bootmem_end(&bm), 0x1000000);
}

KTEST(bootmem, joins_neighbours)
{
	struct bootmem bm = small_map();

	KEXPECT(bootmem_add(&bm, 0x1000000, 0x2000000));
	KEXPECT_EQ(bm.nr, 2);
	KEXPECT_EQ(bootmem_end(&bm), 0x2000000);
}

KTEST(bootmem, reserve)
{
	struct bootmem bm = small_map();

	KEXPECT(bootmem_reserve(&bm, 0, 1)); /* the start */
	expect_range(&bm, 0, 0x1000, 0x9f000);
	KEXPECT(bootmem_reserve(&bm, 0x9efff, 0x101001)); /* an end, a hole and a start */
	expect_range(&bm, 0, 0x1000, 0x9e000);
	expect_range(&bm, 1, 0x102000, 0x1000000);
	KEXPECT(bootmem_reserve(&bm, 0x300010, 0x312345)); /* the middle */
	KEXPECT_EQ(bm.nr, 3);
	expect_range(&bm, 1, 0x102000, 0x300000);
	expect_range(&bm, 2, 0x313000, 0x1000000);
	KEXPECT(bootmem_reserve(&bm, 0x9e000, 0x102000)); /* nothing that is free */
	KEXPECT_EQ(bm.nr, 3);
	KEXPECT(bootmem_reserve(&bm, 0x2000, UINT64_MAX)); /* all but a page */
	KEXPECT_EQ(bm.nr, 1);
	expect_range(&bm, 0, 0x1000, 0x2000);
	KEXPECT(bootmem_reserve(&bm, 0, UINT64_MAX));
	KEXPECT_EQ(bootmem_end(&bm), 0);
}

KTEST(bootmem, alloc_from_the_top)
{
	struct bootmem bm = small_map();

	KEXPECT(bootmem_add(&bm, 0x2000000, 0x8000000));
	KEXPECT_EQ(bootmem_alloc(&bm, 5000, 0x4000000), 0x4000000 - 0x2000);
	KEXPECT_EQ(bootmem_alloc(&bm, 0x1000, 0x4000000), 0x4000000 - 0x3000);
	KEXPECT_EQ(bootmem_alloc(&bm, 0x1000, 0x2000000), 0x1000000 - 0x1000);
	KEXPECT_EQ(bootmem_alloc(&bm, 0x5000000, 0x4000000), 0);
	KEXPECT_EQ(bootmem_alloc(&bm, 0x4000000, UINT64_MAX), 0x4000000);
}

KTEST(bootmem, table_full)
{
	struct bootmem bm = {.nr = 0};

	for (u32 i = 0; i < BOOTMEM_RANGES; i++)
		KEXPECT(bootmem_add(&bm, i * 0x10000ull, i * 0x10000ull + 0x8000));
	KEXPECT(!bootmem_add(&bm, 0x10000000, 0x20000000));
	KEXPECT(!bootmem_reserve(&bm, 0x2000, 0x3000));
}
