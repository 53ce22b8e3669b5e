/* System calls that are the program's own. See kernel/proc/user_dispatch.h. */
#include "kernel/proc/user_dispatch.h"
#include "kernel/abi/errno.h"
#include "kernel/abi/prctl.h"
#include "kernel/proc/coredump.h"
#include "kernel/proc/process.h"
#include "kernel/proc/signal.h"
#include "kernel/proc/vdso.h"
#include "kernel/x86/trap.h"
#include "kernel/x86/uaccess.h"
#include "mm/space.h"

/* The vDSO's trampolines always end a handler. */
static bool is_vdso_sigreturn(u32 eip)
{
	const struct mm *mm = current_process()->mm;
	return eip == vdso_address(mm, vdso_sigreturn_landing) ||
	       eip == vdso_address(mm, vdso_rt_sigreturn_landing);
}

/* Nobody can catch it. */
static __noreturn void die(u32 sig)
{
	const struct abi_siginfo info = {.si_signo = (s32)sig, .si_code = SI_KERNEL};
	coredump(&info);
	process_exit_group(sig);
}

bool user_dispatch_takes(struct trapframe *tf)
{
	const struct user_dispatch *d = &current_task()->dispatch;
	u8 state = SYSCALL_DISPATCH_FILTER_BLOCK;
	struct abi_siginfo info;
	if (tf->eip - d->start < d->len || is_vdso_sigreturn(tf->eip))
		return false;
	if (d->selector.va && copy_from_user(&state, d->selector, sizeof(state)) < 0)
		die(SIGSEGV);
	if (state == SYSCALL_DISPATCH_FILTER_ALLOW)
		return false;
	if (state != SYSCALL_DISPATCH_FILTER_BLOCK)
		die(SIGSYS);
	info = siginfo_sys(tf, SYS_USER_DISPATCH, 0);
	tf->eax = tf->orig_eax;
	signal_force(SIGSYS, &info);
	return true;
}

static void set(struct task *t, const struct user_dispatch *d, bool on)
{
	u32 flags = spin_lock_irqsave(&process_lock);
	u8 *traced = &t->thread.x86.traced;
	t->dispatch = *d;
	*traced = on ? *traced | TRACED_DISPATCHED : *traced & (u8)~TRACED_DISPATCHED;
	trap_trace_thread(*traced & TRACED_GATE);
	spin_unlock_irqrestore(&process_lock, flags);
}

long user_dispatch_set(u32 mode, u32 start, u32 len, uptr_t selector)
{
	const struct user_dispatch d = {start, len, selector};
	switch (mode) {
	case PR_SYS_DISPATCH_OFF:
		if (start || len || selector.va)
			return -EINVAL;
		break;
	case PR_SYS_DISPATCH_ON:
		if (start && start + len <= start)
			return -EINVAL;
		if (selector.va && !user_range_ok(selector, 1))
			return -EFAULT;
		break;
	default:
		return -EINVAL;
	}
	set(current_task(), &d, mode == PR_SYS_DISPATCH_ON);
	return 0;
}

void user_dispatch_forget(struct task *t)
{
	const struct user_dispatch none = {0};
	if (t->thread.x86.traced & TRACED_DISPATCHED)
		set(t, &none, false);
}
