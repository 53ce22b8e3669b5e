/* The memory map: the odd things firmware says, and random maps against a model that paints cells.
 */
#include "boot/e820.h"
#include "kernel/core/selftest.h"

#define MAX_OUT 16u
#define KB(n)	((u64)(n) << 10)
#define MB(n)	((u64)(n) << 20)
#define GB(n)	((u64)(n) << 30)
#define BAD	2u /* any type but usable */

static struct prange out[MAX_OUT];

#define SANITISE(...)                                                                              \
	e820_sanitise((const struct e820_entry[]){__VA_ARGS__},                                    \
		ARRAY_SIZE(((const struct e820_entry[]){__VA_ARGS__})), out, MAX_OUT)

static void expect_range(u32 i, u64 start, u64 end)
{
	KEXPECT_EQ(out[i].start, start);
	KEXPECT_EQ(out[i].end, end);
}

KTEST(e820, a_pc)
{
	KREQUIRE(SANITISE({0, KB(639), E820_USABLE}, {KB(639), KB(1), BAD}, {KB(960), KB(64), BAD},
			 {MB(1), MB(127) - KB(128), E820_USABLE}, {MB(128) - KB(128), KB(128), BAD},
			 {0xfffc0000, KB(256), BAD}) == 2);
	expect_range(0, 0, KB(639));
	expect_range(1, MB(1), MB(128) - KB(128));
}

KTEST(e820, nothing)
{
	KEXPECT_EQ(e820_sanitise(NULL, 0, out, MAX_OUT), 0);
	KEXPECT_EQ(SANITISE({0, MB(1), BAD}), 0);
	KEXPECT_EQ(SANITISE({MB(1), 0, E820_USABLE}), 0);
}

KTEST(e820, unsorted_and_adjacent)
{
	KREQUIRE(SANITISE({MB(8), MB(8), E820_USABLE}, {MB(1), MB(3), E820_USABLE},
			 {MB(4), MB(4), E820_USABLE}) == 1);
	expect_range(0, MB(1), MB(16));
}

KTEST(e820, reserved_wins)
{
	KREQUIRE(SANITISE({MB(4), MB(1), BAD}, {0, MB(8), E820_USABLE}) == 2);
	expect_range(0, 0, MB(4));
	expect_range(1, MB(5), MB(8));
	KEXPECT_EQ(SANITISE({0, MB(8), E820_USABLE}, {0, MB(8), BAD}), 0);
}

KTEST(e820, odd_edges)
{
	KREQUIRE(SANITISE({0x123, 0x1000, E820_USABLE}, {0x200, 1, BAD}) == 2);
	expect_range(0, 0x123, 0x200);
	expect_range(1, 0x201, 0x1123);
}

KTEST(e820, wraps_and_reaches_beyond_the_limit)
{
	KREQUIRE(SANITISE({MB(1), ~0ull, E820_USABLE}) == 1);
	expect_range(0, MB(1), E820_LIMIT);
	KEXPECT_EQ(SANITISE({E820_LIMIT, GB(1), E820_USABLE}, {~0ull, ~0ull, E820_USABLE}), 0);
	KREQUIRE(SANITISE({GB(63), GB(4), E820_USABLE}) == 1);
	expect_range(0, GB(63), GB(64));
}

KTEST(e820, too_many_ranges)
{
	struct e820_entry e[8];

	for (u32 i = 0; i < 8; i++)
		e[i] = (struct e820_entry){MB(2 * (7 - i)), MB(1), E820_USABLE};
	KEXPECT_EQ(e820_sanitise(e, 8, out, 3), 3);
	expect_range(2, MB(4), MB(5));
}

/* --- Against the model --- */

#define CELLS	128u
#define ENTRIES 12u

static bool usable[CELLS], bad[CELLS];

static void random_entry(struct e820_entry *e)
{
	u32 start = ktest_random() % CELLS, len = ktest_random() % 24;

	len = MIN(len, CELLS - start);
	*e = (struct e820_entry){KB(start), KB(len), ktest_random() % 3 ? E820_USABLE : BAD};
	for (u32 i = start; i < start + len; i++)
		(e->type == E820_USABLE ? usable : bad)[i] = true;
}

static bool is_in_ranges(u32 cell, u32 nr)
{
	for (u32 i = 0; i < nr; i++)
		if (KB(cell) >= out[i].start && KB(cell) < out[i].end)
			return true;
	return false;
}

KTEST(e820, random_maps)
{
	struct e820_entry e[ENTRIES];

	for (u32 round = 0; round < 200; round++) {
		u32 nr;

		for (u32 i = 0; i < CELLS; i++)
			usable[i] = bad[i] = false;
		for (u32 i = 0; i < ENTRIES; i++)
			random_entry(&e[i]);
		nr = e820_sanitise(e, ENTRIES, out, MAX_OUT);
		for (u32 i = 0; i < CELLS; i++)
			KREQUIRE(is_in_ranges(i, nr) == (usable[i] && !bad[i]));
		for (u32 i = 0; i < nr; i++)
			KREQUIRE(
				out[i].start < out[i].end && (!i || out[i - 1].end < out[i].start));
	}
}
