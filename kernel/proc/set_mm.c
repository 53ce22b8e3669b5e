/* prctl(PR_SET_MM): a process says where the parts of its memory lie that brk(2) and /proc know. */
#include "kernel/abi/errno.h"
#include "kernel/abi/prctl.h"
#include "kernel/proc/cred.h"
#include "kernel/proc/process.h"
#include "kernel/syscalls.h"
#include "mm/space.h"

static const u16 bounds[] = {
	[PR_SET_MM_START_CODE] = offsetof(struct mm, start_code),
	[PR_SET_MM_END_CODE] = offsetof(struct mm, end_code),
	[PR_SET_MM_START_DATA] = offsetof(struct mm, start_data),
	[PR_SET_MM_END_DATA] = offsetof(struct mm, end_data),
	[PR_SET_MM_START_STACK] = offsetof(struct mm, start_stack),
	[PR_SET_MM_START_BRK] = offsetof(struct mm, start_brk),
	[PR_SET_MM_BRK] = offsetof(struct mm, brk),
	[PR_SET_MM_ARG_START] = offsetof(struct mm, arg_start),
	[PR_SET_MM_ARG_END] = offsetof(struct mm, arg_end),
	[PR_SET_MM_ENV_START] = offsetof(struct mm, env_start),
	[PR_SET_MM_ENV_END] = offsetof(struct mm, env_end),
};

static bool in_order(const struct mm *mm)
{
	return mm->start_code < mm->end_code && mm->start_data <= mm->end_data &&
	       mm->start_brk <= mm->brk && mm->arg_start <= mm->arg_end &&
	       mm->env_start <= mm->env_end && mm_brk_within_limit(mm, mm->brk);
}

/* Of these something must lie there, or above. */
static bool needs_memory(u32 which)
{
	return which == PR_SET_MM_START_STACK || which >= PR_SET_MM_ARG_START;
}

/* Caller holds mm->lock. */
static long set_bound(struct mm *mm, u32 which, vaddr_t addr)
{
	vaddr_t *bound = (vaddr_t *)((char *)mm + bounds[which]), old = *bound;
	*bound = addr;
	long err = 0;
	if (!in_order(mm))
		err = -EINVAL;
	else if (needs_memory(which) && !vma_find(&mm->vmas, addr))
		err = -EFAULT;
	if (err)
		*bound = old;
	return err;
}

long prctl_set_mm(u32 which, vaddr_t addr, u32 arg4, u32 arg5)
{
	if (arg4 || arg5)
		return -EINVAL;
	if (!capable(CAP_SYS_RESOURCE))
		return -EPERM;
	if (addr >= USER_TOP || addr < user_min)
		return -EINVAL;
	if (which < PR_SET_MM_START_CODE || which > PR_SET_MM_ENV_END)
		return -EINVAL;
	struct mm *mm = current_process()->mm;
	mutex_lock(&mm->lock);
	long err = set_bound(mm, which, addr);
	mutex_unlock(&mm->lock);
	return err;
}
