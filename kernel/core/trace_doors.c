/* The trace points of page faults and system calls: where their gates lead while those are traced, and
 * those of threads whose system calls a debugger wants to see, filters judge or are the program's own. */
#include "kernel/abi/syscall_nr.h"
#include "kernel/core/trace.h"
#include "kernel/proc/ptrace.h"
#include "kernel/proc/seccomp.h"
#include "kernel/proc/user_dispatch.h"
#include "kernel/x86/trap.h"
#include "mm/space.h"

/* --- Page faults --- */

/* What the fault left behind: the entry for the address, if there is one. */
static void trace_done(const struct trapframe *tf, vaddr_t addr, u32 ip)
{
	struct mm *mm = addr < USER_TOP ? current_mm() : NULL;
	const pte_t *pte = mm ? pmap_pte(&mm->pmap, addr) : NULL;
	bool mapped = pte && pte_maps(*pte);

	trace_now(page_fault_done, addr, ip, tf->orig_eax, mapped ? pte_pfn(*pte).v : 0,
		mapped ? pte_low(pte) : 0);
}

void traced_page_fault(struct trapframe *tf, vaddr_t addr)
{
	u32 ip = tf->eip;

	if (tf_from_user(tf))
		trace(page_fault_user, addr, ip, tf->orig_eax);
	else
		trace(page_fault_kernel, addr, ip, tf->orig_eax);
	irq_restore(tf->eflags);
	handle_page_fault(tf, addr);
	if (trace_is_on(TE_page_fault_done))
		trace_done(tf, addr, ip);
}

/* --- System calls --- */

enum {
#define X(nr, name) NR_##name = (nr),
	ABI_SYSCALLS(X)
#undef X
};

/* The calls that have events of their own. */
static const struct door {
	u8 event; /* that of its entry; the next one is that of its end. 0: none */
	u8 args;
} doors[ABI_NR_SYSCALLS] = {
#define F_(type, field)		    +1
#define X(call, name, fields, text) [NR_##call] = {TE_sys_enter_##name, 0 fields},
	TRACE_SYSCALLS(X, F_)
#undef X
#undef F_
};

static long call(const struct trapframe *tf, u32 nr)
{
	if (nr >= ABI_NR_SYSCALLS)
		return syscall_missing();
	return syscall_table[nr](tf->ebx, tf->ecx, tf->edx, tf->esi, tf->edi, tf->ebp);
}

/* execve() replaces the frame: what is said afterwards is kept. */
long traced_syscall(struct trapframe *tf)
{
	u8 traced = current_task()->thread.x86.traced;

	if (traced & TRACED_DISPATCHED && user_dispatch_takes(tf))
		return (long)tf->eax;
	if (traced & TRACED_SYSCALLS && !ptrace_syscall_enter(tf))
		return (long)tf->eax;
	if (traced & TRACED_FILTERED && !seccomp_permits(tf))
		return (long)tf->eax;

	u32 nr = tf->orig_eax, args[] = {tf->ebx, tf->ecx, tf->edx, tf->esi, tf->edi, tf->ebp};
	struct door door = nr < ABI_NR_SYSCALLS ? doors[nr] : (struct door){0};
	long ret;

	trace(sys_enter, (s32)nr, args[0], args[1], args[2], args[3], args[4], args[5]);
	if (door.event && trace_is_on(door.event))
		trace_write(door.event, args, door.args * sizeof(u32));
	ret = call(tf, nr);
	trace(sys_exit, (s32)nr, ret);
	if (door.event && trace_is_on(door.event + 1u))
		trace_write(door.event + 1u, &ret, sizeof(ret));
	return ret;
}
