/* Exceptions of programs, as the signals that Linux makes of them, and the line in the log when one
 * kills. */
#include "kernel/abi/prctl.h"
#include "kernel/core/log.h"
#include "kernel/fs/file.h"
#include "kernel/lib/fmt.h"
#include "kernel/lib/string.h"
#include "kernel/proc/fpstate.h"
#include "kernel/proc/process.h"
#include "kernel/proc/signal.h"
#include "kernel/x86/ptrace.h"
#include "mm/fault.h"
#include "mm/poison.h"

/* --- What is said --- */

static bool is_fatal(u32 sig)
{
	const struct task *t = current_task();
	if (t->ptrace.tracer)
		return false; /* who knows */
	u32 handler = t->process->sighand->action[sig - 1].handler;
	return handler == SIG_DFL_K || handler == SIG_IGN_K || (t->blocked & sigmask(sig));
}

/* " in prog[8048000+1000]" for the mapping that holds ip, or nothing. */
static void describe_ip(vaddr_t ip, char *buf, size_t size)
{
	struct mm *mm = current_process()->mm;
	char name[64];
	struct vma *v;
	buf[0] = '\0';
	mutex_lock(&mm->lock);
	v = vma_at(&mm->vmas, ip);
	if (v && v->backing) {
		const char *slash;
		name[0] = '\0';
		v->backing->ops->name(v->backing, name, sizeof(name));
		slash = strrchr(name, '/');
		snprintf(buf, size, " in %s[%x+%x]", slash ? slash + 1 : name, v->start,
			v->end - v->start);
	}
	mutex_unlock(&mm->lock);
}

static bool may_report(u32 sig)
{
	static struct ratelimit limit;
	return is_fatal(sig) && ratelimit_ok(&limit, 10, 5);
}

static void report_page_fault(const char *what, vaddr_t addr, u32 error)
{
	const struct task *t = current_task();
	const struct trapframe *tf = x86_thread_frame(&t->thread.x86);
	char where[96];
	describe_ip(tf->eip, where, sizeof(where));
	log_info("%s[%u]: %s at %x ip %08x sp %08x error %x%s", t->comm, t->tid, what, addr,
		tf->eip, tf->esp, error, where);
}

static void report_trap(const struct trapframe *tf, const char *what, u32 error)
{
	const struct task *t = current_task();
	char where[96];
	describe_ip(tf->eip, where, sizeof(where));
	log_info("%s[%u] %s ip:%x sp:%x error:%x%s", t->comm, t->tid, what, tf->eip, tf->esp, error,
		where);
}

/* --- Page faults --- */

/* The words of siginfo that a fault sets. */
#define FAULT_INFO_SIZE (offsetof(struct abi_siginfo, fault.addr) + sizeof(u32))
#define LOST_INFO_SIZE	(FAULT_INFO_SIZE + sizeof(u32))

void signal_force_fault(struct trapframe *tf, vaddr_t addr, enum fault_result why)
{
	struct task *t = current_task();
	struct abi_siginfo info;
	bool lost = why == FAULT_HWPOISON, bus = lost || why == FAULT_SIGBUS;
	struct taken_signal s; /* signal_handle() sets the rest */
	s.sig = bus ? SIGBUS : SIGSEGV;
	s.info = &info;
	s.info_size = lost ? LOST_INFO_SIZE : FAULT_INFO_SIZE;
	info.si_signo = (s32)s.sig;
	info.si_errno = 0;
	info.si_code = lost		     ? BUS_MCEERR_AR
		       : bus		     ? BUS_ADRERR
		       : why == FAULT_ACCERR ? SEGV_ACCERR
					     : SEGV_MAPERR;
	info.fault.addr = addr;
	info.fault.addr_lsb = PAGE_SHIFT;
	t->trapno = VEC_PF;
	/* Linux shows programs every kernel address as a protection violation. */
	t->trap_error = addr >= USER_TOP ? tf->orig_eax | PF_PRESENT : tf->orig_eax;
	t->trap_addr = addr;
	if (signal_handle(tf, &s))
		return;
	if (may_report(s.sig))
		report_page_fault(bus ? "bus error" : "segfault", addr, t->trap_error);
	memset((u8 *)&info + s.info_size, 0, sizeof(info) - s.info_size);
	signal_force(s.sig, &info);
}

static bool wants_early(const struct task *t)
{
	return t->mce_kill == PR_MCE_KILL_DEFAULT ? memory_failure_early_kill
						  : t->mce_kill == PR_MCE_KILL_EARLY;
}

/* The first thread of a process that wants to know. */
static void tell_early(struct process *p, vaddr_t addr)
{
	struct abi_siginfo info = {.si_signo = SIGBUS, .si_code = BUS_MCEERR_AO};
	struct task *t;
	info.fault.addr = addr;
	info.fault.addr_lsb = PAGE_SHIFT;
	list_for_each_entry (t, &p->threads, sibling)
		if (wants_early(t)) {
			signal_send_task_locked(t, SIGBUS, &info);
			return;
		}
}

void poison_tell(const struct mm *mm, vaddr_t addr)
{
	u32 flags = spin_lock_irqsave(&process_lock);
	struct process *p;
	list_for_each_entry (p, &process_list, all)
		if (p->mm == mm)
			tell_early(p, addr);
	spin_unlock_irqrestore(&process_lock, flags);
}

/* --- The others --- */

struct trap_signal {
	const char *what;
	u8 sig;
	s32 code;    /* 0: SI_KERNEL, without an address */
	bool at_eip; /* si_addr is the instruction */
};

static const struct trap_signal trap_signals[] = {
	[VEC_DE] = {"trap divide error", SIGFPE, FPE_INTDIV, true},
	[VEC_DB] = {"trap debug", SIGTRAP, TRAP_TRACE, true},
	[VEC_BP] = {"trap int3", SIGTRAP, 0, false},
	[VEC_OF] = {"trap overflow", SIGSEGV, 0, false},
	[VEC_BR] = {"trap bounds", SIGSEGV, 0, false},
	[VEC_UD] = {"trap invalid opcode", SIGILL, ILL_ILLOPN, true},
	[VEC_NM] = {"trap device not available", SIGSEGV, 0, false},
	[VEC_TS] = {"trap invalid TSS", SIGSEGV, 0, false},
	[VEC_NP] = {"trap segment not present", SIGBUS, 0, false},
	[VEC_SS] = {"trap stack segment", SIGBUS, 0, false},
	[VEC_GP] = {"general protection fault", SIGSEGV, 0, false},
	[VEC_MF] = {"trap fpu exception", SIGFPE, FPE_FLTINV, true},
	[VEC_AC] = {"trap alignment check", SIGBUS, BUS_ADRALN, false},
	[VEC_XM] = {"trap simd exception", SIGFPE, FPE_FLTINV, true},
	[VEC_IRET] = {"trap iret exception", SIGILL, ILL_BADSTK, false},
};

/* Which of the unmasked x87 or SSE exceptions it was. Bits: IE DE ZE OE UE PE. */
static s32 fpu_code(u32 vector)
{
	struct x86_thread *x = &current_thread()->x86;
	u32 raised;
	x86_fpu_save(x);
	raised = fpstate_exceptions(x->fpu, vector == VEC_XM);
	if (raised & 0x01)
		return FPE_FLTINV;
	if (raised & 0x04)
		return FPE_FLTDIV;
	if (raised & 0x08)
		return FPE_FLTOVF;
	if (raised & 0x12)
		return FPE_FLTUND;
	return raised & 0x20 ? FPE_FLTRES : 0;
}

void handle_user_trap(struct trapframe *tf)
{
	static const struct trap_signal unknown = {"unknown trap", SIGSEGV, 0, false};
	struct task *t = current_task();
	const struct trap_signal *s =
		tf->trapno < ARRAY_SIZE(trap_signals) && trap_signals[tf->trapno].sig
			? &trap_signals[tf->trapno]
			: &unknown;
	struct abi_siginfo info = {.si_signo = s->sig, .si_code = s->code ? s->code : SI_KERNEL};
	t->trapno = tf->trapno == VEC_IRET ? TRAPNO_IRET : tf->trapno;
	t->trap_error = tf->orig_eax;
	if (tf->trapno == VEC_MF || tf->trapno == VEC_XM)
		info.si_code = fpu_code(tf->trapno);
	if (tf->trapno == VEC_DB && unlikely(t->thread.x86.traced))
		info.si_code = x86_debug_trap(tf) & DR6_STEP ? TRAP_TRACE : TRAP_HWBKPT;
	if (info.si_code == 0)
		return; /* the exception is gone: the instruction is tried again */
	if (s->at_eip)
		info.fault.addr = tf->eip;
	if (s->sig != SIGTRAP && may_report(s->sig))
		report_trap(tf, s->what, tf->orig_eax);
	signal_force(s->sig, &info);
}
