/* Commit accounting. See mm/commit.h. */
#include "mm/commit.h"
#include "kernel/abi/prctl.h"
#include "kernel/fs/vfs.h"
#include "kernel/lib/kassert.h"
#include "kernel/proc/task.h"
#include "mm/page_alloc.h"
#include "mm/space.h"

#define KB_PER_PAGE (PAGE_SIZE / 1024)

u32 overcommit_memory = OVERCOMMIT_GUESS;
u32 overcommit_ratio = 50;
u32 overcommit_kbytes;
u32 admin_reserve_kbytes, user_reserve_kbytes;

static u32 committed; /* pages; atomic */
static u32 set_aside; /* the same */

void commit_init(void)
{
	u32 part = page_alloc_free() * KB_PER_PAGE / 32;
	admin_reserve_kbytes = MIN(part, 8u << 10);
	user_reserve_kbytes = MIN(part, 128u << 10);
}

u32 commit_limit(void)
{
	if (overcommit_kbytes)
		return overcommit_kbytes / KB_PER_PAGE;
	return (u32)((u64)(page_alloc_total() - set_aside) * overcommit_ratio / 100);
}

/* Would `total` pages committed be within the limit, asked for by a process of total_vm pages? */
static bool within_limit(u32 total, u32 total_vm)
{
	u32 admin = cred_capable(CAP_SYS_ADMIN) ? 0 : admin_reserve_kbytes / KB_PER_PAGE;
	u32 reserve = MIN(total_vm / 32, user_reserve_kbytes / KB_PER_PAGE) + admin;
	u32 limit = commit_limit();
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

static inline bool charge_guessing(u32 pages)
{
	__atomic_add_fetch(&committed, pages, __ATOMIC_RELAXED);
	return likely(overcommit_memory == OVERCOMMIT_GUESS && pages <= page_alloc_total());
}

bool commit_charge(u32 pages, u32 total_vm)
{
	return charge_guessing(pages) || charge_strictly(pages, total_vm);
}

bool commit_charge_file(u32 pages)
{
	if (charge_guessing(pages))
		return true;
	struct mm *mm = current_task() ? current_process()->mm : NULL;
	return charge_strictly(pages, mm ? mm->total_vm : 0);
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
