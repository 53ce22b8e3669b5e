/* Commit accounting. See mm/commit.h. */
#include "mm/commit.h"
#include "kernel/lib/kassert.h"
#include "mm/page_alloc.h"

/* What mode NEVER keeps back, in pages: for root to log in and for one process to recover. */
#define ADMIN_RESERVE ((8u << 20) / PAGE_SIZE)
#define USER_RESERVE  ((128u << 20) / PAGE_SIZE)

u32 overcommit_memory = OVERCOMMIT_GUESS;
u32 overcommit_ratio = 50;
u32 overcommit_kbytes;

static u32 committed; /* pages; atomic */
static u32 set_aside; /* the same */

u32 commit_limit(void)
{
	if (overcommit_kbytes)
		return overcommit_kbytes / (PAGE_SIZE / 1024);
	return (u32)((u64)(page_alloc_total() - set_aside) * overcommit_ratio / 100);
}

/* Would `total` pages committed be within the limit, asked for by a process of total_vm pages? */
static bool within_limit(u32 total, u32 total_vm)
{
	u32 limit = commit_limit(), reserve = MIN(total_vm / 32, USER_RESERVE) + ADMIN_RESERVE;
	return limit > reserve && total < limit - reserve;
}

/* The same for what has just been charged; if not, that is undone. */
static __noinline bool charge_strictly(u32 pages, u32 total_vm)
{
	if (overcommit_memory == OVERCOMMIT_ALWAYS ||
		(overcommit_memory == OVERCOMMIT_NEVER && within_limit(committed, total_vm)))
		return true;
	__atomic_sub_fetch(&committed, pages, __ATOMIC_RELAXED);
	return false;
}

bool commit_charge(u32 pages, u32 total_vm)
{
	__atomic_add_fetch(&committed, pages, __ATOMIC_RELAXED);
	if (likely(overcommit_memory == OVERCOMMIT_GUESS && pages <= page_alloc_total()))
		return true;
	return charge_strictly(pages, total_vm);
}

void commit_release(u32 pages)
{
	u32 was = __atomic_fetch_sub(&committed, pages, __ATOMIC_RELAXED);
	kassert_msg(pages <= was, "release %u of %u", pages, was);
}

void commit_set_aside(s32 pages)
{
	__atomic_add_fetch(&set_aside, (u32)pages, __ATOMIC_RELAXED);
}

u32 commit_total(void)
{
	return committed;
}
