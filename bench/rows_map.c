/* Calls that make, change and remove mappings. */
#include "bench/bench.h"

/* Writes `touched` bytes of a mapping of `len` and removes it. */
static void map_and_unmap(u32 len, u32 touched, u32 times)
{
	FOR_SAMPLES
	{
		begin();
		for (u32 i = 0; i < times; i++) {
			u32 start = map(len);
			touch(start, touched);
			sys_munmap(start, len);
		}
		end(times);
	}
}

static void mmap_4k(void)
{
	map_and_unmap(PAGE, 0, 200);
}

static void mmap_1m(void)
{
	map_and_unmap(MIB, 0, 200);
}

static void mmap_64m(void)
{
	map_and_unmap(64 * MIB, 0, 200);
}

static void mmap_touch_1(void)
{
	map_and_unmap(PAGE, PAGE, 200);
}

static void mmap_touch_64(void)
{
	map_and_unmap(64 * PAGE, 64 * PAGE, 50);
}

static void unmap_touched(void)
{
	const u32 len = 16 * MIB;
	FOR_SAMPLES
	{
		u32 start = map_touched(len);
		begin();
		sys_munmap(start, len);
		end(len / PAGE);
	}
}

static void populate_4m(void)
{
	const u32 len = 4 * MIB;
	FOR_SAMPLES
	{
		begin();
		u32 start =
			must(sys_mmap(0, len, PROT_RW, MAP_PRIVATE | MAP_ANON | MAP_POPULATE, -1));
		end(len / PAGE);
		sys_munmap(start, len);
	}
}

static void grow_touch_shrink(u32 len, u32 times)
{
	u32 start = (sys1(NR_brk, 0) + PAGE - 1) & -PAGE;
	if ((u32)sys1(NR_brk, start + PAGE) != start + PAGE)
		skip(-ENOMEM);
	start += PAGE;
	FOR_SAMPLES
	{
		begin();
		for (u32 i = 0; i < times; i++) {
			sys1(NR_brk, start + len);
			touch(start, len);
			sys1(NR_brk, start);
		}
		end(times);
	}
}

static void brk_4k(void)
{
	grow_touch_shrink(PAGE, 200);
}

static void brk_128k(void)
{
	grow_touch_shrink(128 * KIB, 50);
}

/* PROT_READ and back, on part of a mapping whose pages are there. */
static void toggle(u32 mapped, u32 offset, u32 len, u32 times)
{
	u32 start = map_touched(mapped) + offset;
	FOR_SAMPLES
	{
		begin();
		for (u32 i = 0; i < times; i++) {
			must(sys3(NR_mprotect, start, len, PROT_READ));
			must(sys3(NR_mprotect, start, len, PROT_RW));
		}
		end(times);
	}
}

static void mprotect_1(void)
{
	toggle(PAGE, 0, PAGE, 200);
}

static void mprotect_256(void)
{
	toggle(256 * PAGE, 0, 256 * PAGE, 20);
}

static void mprotect_middle(void)
{
	toggle(16 * PAGE, 8 * PAGE, PAGE, 200);
}

/* There and back again, 16 pages. */
static void mremap_move(void)
{
	const u32 len = 16 * PAGE, flags = MREMAP_MAYMOVE | MREMAP_FIXED, times = 100;
	u32 there = map(len);
	u32 here = map_touched(len);
	sys_munmap(there, len);
	FOR_SAMPLES
	{
		begin();
		for (u32 i = 0; i < times; i += 2) {
			must(sys5(NR_mremap, here, len, len, flags, there));
			must(sys5(NR_mremap, there, len, len, flags, here));
		}
		end(times);
	}
}

/* In place, from 1 page to 16, and back. */
static void mremap_grow(void)
{
	const u32 times = 100;
	u32 start = map(32 * PAGE);
	sys_munmap(start + PAGE, 31 * PAGE);
	touch(start, PAGE);
	FOR_SAMPLES
	{
		begin();
		for (u32 i = 0; i < times; i++) {
			must(sys4(NR_mremap, start, PAGE, 16 * PAGE, 0));
			must(sys4(NR_mremap, start, 16 * PAGE, PAGE, 0));
		}
		end(times);
	}
}

static void dontneed_64(void)
{
	const u32 len = 64 * PAGE, times = 20;
	u32 start = map_touched(len);
	FOR_SAMPLES
	{
		begin();
		for (u32 i = 0; i < times; i++) {
			must(sys3(NR_madvise, start, len, MADV_DONTNEED));
			touch(start, len);
		}
		end(times);
	}
}

static void mincore_1024(void)
{
	static unsigned char vector[1024];
	const u32 len = 1024 * PAGE, times = 20;
	u32 start = map_touched(len);
	FOR_SAMPLES
	{
		begin();
		for (u32 i = 0; i < times; i++)
			must(sys3(NR_mincore, start, len, vector));
		end(times);
	}
}

#define HOLES 1024u

static void punch(u32 start)
{
	for (u32 i = 0; i < HOLES; i++)
		must(sys_munmap(start + (2 * i + 1) * PAGE, PAGE));
}

static void fill(u32 start)
{
	for (u32 i = 0; i < HOLES; i++)
		must(sys_mmap(start + (2 * i + 1) * PAGE, PAGE, PROT_RW,
			MAP_PRIVATE | MAP_ANON | MAP_FIXED, -1));
}

static void hole_punch(void)
{
	u32 start = map((2 * HOLES + 1) * PAGE);
	FOR_SAMPLES
	{
		begin();
		punch(start);
		end(HOLES);
		fill(start);
	}
}

static void hole_fill(void)
{
	u32 start = map((2 * HOLES + 1) * PAGE);
	FOR_SAMPLES
	{
		punch(start);
		begin();
		fill(start);
		end(HOLES);
	}
}

/* 64 slots of 1 to 64 pages, at random taken (and their first page written) or given back. */
static void churn(void)
{
	struct slot {
		u32 start, len;
	} slots[64] = {{0, 0}};
	const u32 times = 1000;
	u32 state = 1;
	FOR_SAMPLES
	{
		begin();
		for (u32 i = 0; i < times; i++) {
			u32 draw = random_next(&state);
			struct slot *slot = &slots[draw % 64];
			if (slot->len) {
				sys_munmap(slot->start, slot->len);
				slot->len = 0;
			} else {
				slot->len = (1 + draw / 64 % 64) * PAGE;
				slot->start = map(slot->len);
				touch(slot->start, PAGE);
			}
		}
		end(times);
	}
}

const struct row rows_map[] = {
	{"mmap_4k", mmap_4k},
	{"mmap_1m", mmap_1m},
	{"mmap_64m", mmap_64m},
	{"mmap_touch_1", mmap_touch_1},
	{"mmap_touch_64", mmap_touch_64},
	{"unmap_touched", unmap_touched},
	{"populate_4m", populate_4m},
	{"brk_4k", brk_4k},
	{"brk_128k", brk_128k},
	{"mprotect_1", mprotect_1},
	{"mprotect_256", mprotect_256},
	{"mprotect_middle", mprotect_middle},
	{"mremap_move", mremap_move},
	{"mremap_grow", mremap_grow},
	{"dontneed_64", dontneed_64},
	{"mincore_1024", mincore_1024},
	{"hole_punch", hole_punch},
	{"hole_fill", hole_fill},
	{"churn", churn},
	{NULL, NULL},
};
