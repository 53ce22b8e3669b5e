/*
 * Restartable sequences: a few instructions of a program that must not be interrupted, for lists
 * of one CPU that need no atomic operation. The program says in its area which sequence it enters;
 * when the thread was switched away or got a signal before the sequence was complete, it goes on at
 * an address of the program's choice, from where it tries again.
 *
 * A thread that has registered an area is marked (thread.rseq), so that the scheduler sets
 * WORK_RSEQ when it takes the CPU from it.
 */
#include "kernel/proc/rseq.h"
#include "kernel/abi/errno.h"
#include "kernel/abi/rseq.h"
#include "kernel/proc/process.h"
#include "kernel/proc/signal.h"
#include "kernel/syscalls.h"
#include "kernel/x86/uaccess.h"

#define AREA_SIZE sizeof(struct abi_rseq)

static uptr_t area_at(const struct task *t, size_t offset)
{
	return uptr_add(t->rseq, (u32)offset);
}

/* Both fields that tell the CPU. */
static long put_cpu(const struct task *t, u32 start, u32 id)
{
	long err = put_user_u32(area_at(t, offsetof(struct abi_rseq, cpu_id_start)), start);

	return err ? err : put_user_u32(area_at(t, offsetof(struct abi_rseq, cpu_id)), id);
}

static bool cs_valid(const struct abi_rseq_cs *cs)
{
	return cs->version == 0 && cs->flags == 0 && cs->start_ip < USER_TOP &&
	       cs->post_commit_offset < USER_TOP &&
	       cs->start_ip + cs->post_commit_offset < USER_TOP && cs->abort_ip < USER_TOP &&
	       cs->abort_ip - cs->start_ip >= cs->post_commit_offset;
}

/* The sequence that the area names: 0, with *named whether there is one, or -EFAULT, -EINVAL. The
 * word before the abort address must be the registered signature, so that nobody can make the
 * kernel jump just anywhere. */
static long get_cs(const struct task *t, struct abi_rseq_cs *cs, bool *named)
{
	u64 at;
	u32 signature;

	if (copy_from_user(&at, area_at(t, offsetof(struct abi_rseq, rseq_cs)), sizeof(at)))
		return -EFAULT;
	*named = at;
	if (!at)
		return 0;
	if (at >= USER_TOP)
		return -EINVAL;
	if (copy_from_user(cs, UPTR(at), sizeof(*cs)))
		return -EFAULT;
	if (!cs_valid(cs))
		return -EINVAL;
	if (get_user_u32(&signature, UPTR(cs->abort_ip - sizeof(signature))))
		return -EFAULT;
	return signature == t->rseq_signature ? 0 : -EINVAL;
}

long rseq_abort(const struct task *t, struct trapframe *tf)
{
	struct abi_rseq_cs cs;
	u64 none = 0;
	bool named;
	long err = get_cs(t, &cs, &named);

	if (err || !named)
		return err;
	if (copy_to_user(area_at(t, offsetof(struct abi_rseq, rseq_cs)), &none, sizeof(none)))
		return -EFAULT;
	if (tf->eip - (u32)cs.start_ip < cs.post_commit_offset)
		tf->eip = (u32)cs.abort_ip;
	return 0;
}

void rseq_resume(struct trapframe *tf)
{
	struct task *t = current_task();

	__atomic_fetch_and(&t->thread.work, ~WORK_RSEQ, __ATOMIC_RELAXED);
	if (!t->rseq.va)
		return;
	if (rseq_abort(t, tf) || put_cpu(t, this_cpu()->id, this_cpu()->id))
		signal_force_kernel(SIGSEGV);
}

static void set_area(struct task *t, uptr_t area, u32 signature)
{
	t->rseq = area;
	t->rseq_signature = signature;
	t->thread.rseq = area.va;
}

void rseq_fork(struct task *child, bool shared)
{
	const struct task *t = current_task();

	if (!shared && t->rseq.va)
		set_area(child, t->rseq, t->rseq_signature);
}

void rseq_forget(struct task *t)
{
	set_area(t, UPTR(0), 0);
}

static long unregister(struct task *t, uptr_t area, u32 len, u32 signature)
{
	if (!t->rseq.va || t->rseq.va != area.va || len != AREA_SIZE)
		return -EINVAL;
	if (t->rseq_signature != signature)
		return -EPERM;
	if (put_cpu(t, 0, RSEQ_CPU_ID_UNINITIALIZED))
		return -EFAULT;
	rseq_forget(t);
	return 0;
}

long sys_rseq(uptr_t area, u32 len, u32 flags, u32 signature)
{
	struct task *t = current_task();

	if (flags == RSEQ_FLAG_UNREGISTER)
		return unregister(t, area, len, signature);
	if (flags || len != AREA_SIZE)
		return -EINVAL;
	if (t->rseq.va) {
		if (t->rseq.va != area.va)
			return -EINVAL;
		return t->rseq_signature == signature ? -EBUSY : -EPERM;
	}
	if (!IS_ALIGNED(area.va, AREA_SIZE))
		return -EINVAL;
	if (!user_range_ok(area, AREA_SIZE))
		return -EFAULT;
	set_area(t, area, signature);
	__atomic_fetch_or(&t->thread.work, WORK_RSEQ, __ATOMIC_RELAXED);
	return 0;
}
