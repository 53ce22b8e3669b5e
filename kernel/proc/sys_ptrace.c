/*
 * ptrace(2), the tracer's side: its requests. What happens to a tracee is in ptrace.c.
 *
 * A request looks its tracee up under process_lock, where it stays stopped, and takes what it wants
 * into memory of the kernel's or puts it from there: user memory is touched without the lock.
 */
#include "kernel/abi/elfcore.h"
#include "kernel/abi/errno.h"
#include "kernel/abi/ldt.h"
#include "kernel/abi/prctl.h"
#include "kernel/abi/uio.h"
#include "kernel/lib/string.h"
#include "kernel/proc/exec.h"
#include "kernel/proc/fpstate.h"
#include "kernel/proc/process.h"
#include "kernel/proc/ptrace.h"
#include "kernel/proc/signal.h"
#include "kernel/proc/sigqueue.h"
#include "kernel/syscalls.h"
#include "kernel/x86/ptrace.h"
#include "kernel/x86/uaccess.h"
#include "mm/space.h"

/* --- Finding the tracee --- */

/* The caller's tracee, with process_lock held; NULL, without it, when there is none or, if
 * `stopped` is asked for, it is not. */
static struct task *tracee_lock(u32 tid, bool stopped, u32 *flags)
{
	*flags = spin_lock_irqsave(&process_lock);
	struct task *t = task_find(tid);
	if (t && t->ptrace.tracer == current_task() &&
		(!stopped || (t->thread.state == T_TRACED && !t->ptrace.listening)))
		return t;
	spin_unlock_irqrestore(&process_lock, *flags);
	return NULL;
}

static void tracee_unlock(u32 flags)
{
	spin_unlock_irqrestore(&process_lock, flags);
}

/* --- Beginning --- */

static long traceme(void)
{
	struct task *me = current_task(), *t, *tracer = NULL;
	struct process *parent;
	u32 flags = spin_lock_irqsave(&process_lock);
	parent = me->process->parent;
	if (!me->ptrace.tracer && parent && !list_empty(&parent->threads)) {
		tracer = list_first_entry(&parent->threads, struct task, sibling);
		list_for_each_entry (t, &parent->threads, sibling)
			if (t->tid == me->process->parent_tid)
				tracer = t;
		ptrace_link(me, tracer);
		me->ptrace.privileged = capable(CAP_SYS_PTRACE);
	}
	spin_unlock_irqrestore(&process_lock, flags);
	return tracer ? 0 : -EPERM;
}

/* A thread that has stopped with its process stays where it is, but its tracer holds it now. */
static void take_stopped(struct task *t, u32 sig)
{
	u32 code = sig | (t->ptrace.seized ? PTRACE_EVENT_STOP << 8 : 0);
	struct abi_siginfo info = {.si_signo = (s32)sig, .si_code = (s32)code};
	info.rt.pid = (s32)t->tid;
	info.rt.uid = t->cred.uid;
	ptrace_stop_begin(t, code, CLD_STOPPED, 0, t->ptrace.seized ? &info : NULL);
}

static long attach_locked(struct task *t, bool seize, u32 options)
{
	struct process *p = t->process;
	if (p == current_process() || !ptrace_may_attach(p) || t->ptrace.tracer)
		return -EPERM;
	ptrace_link(t, current_task());
	t->ptrace.seized = seize;
	t->ptrace.options = options;
	t->ptrace.privileged = capable(CAP_SYS_PTRACE);
	if (!seize)
		signal_send_task_locked(t, SIGSTOP, NULL);
	if (t->thread.state == T_STOPPED)
		take_stopped(t, p->stop_signal);
	return 0;
}

static long attach(u32 tid, bool seize, u32 addr, u32 options)
{
	u32 flags;
	struct task *t;
	long err;
	if (seize && (addr || options & ~PTRACE_O_MASK))
		return -EIO;
	err = exec_wait(tid);
	if (err)
		return err;
	flags = spin_lock_irqsave(&process_lock);
	t = task_find(tid);
	if (t)
		err = attach_locked(t, seize, seize ? options : 0);
	else
		err = process_find(tid) ? -EPERM : -ESRCH; /* a zombie has nothing to trace */
	spin_unlock_irqrestore(&process_lock, flags);
	return err;
}

/* --- Going on --- */

static long resume(struct task *t, u32 request, u32 sig)
{
	struct ptrace *pt = &t->ptrace;
	struct x86_thread *x = &t->thread.x86;
	if (sig > _NSIG)
		return -EIO;
	pt->syscalls = request == PTRACE_SYSCALL;
	pt->emulate = request == PTRACE_SYSEMU || request == PTRACE_SYSEMU_SINGLESTEP;
	x86_step(x, request == PTRACE_SINGLESTEP || request == PTRACE_SYSEMU_SINGLESTEP);
	if (pt->syscalls || pt->emulate || x->stepping)
		x->traced |= TRACED_SYSCALLS;
	else
		x->traced &= (u8)~TRACED_SYSCALLS;
	pt->code = sig;
	thread_wake_if(&t->thread, 1u << T_TRACED);
	return 0;
}

static long detach(struct task *t, u32 sig)
{
	if (sig > _NSIG)
		return -EIO;
	t->ptrace.code = sig;
	ptrace_unlink(t);
	return 0;
}

/* From now on it is as if it had stopped with its process, until there is news of that. */
static long listen(struct task *t)
{
	struct ptrace *pt = &t->ptrace;
	if (!pt->seized || !pt->has_info || pt->info.si_code >> 8 != PTRACE_EVENT_STOP)
		return -EIO;
	pt->listening = true;
	if (pt->traps & TRAP_NOTIFY)
		thread_wake_if(&t->thread, 1u << T_TRACED);
	return 0;
}

static long set_options(struct task *t, u32 options)
{
	if (options & ~PTRACE_O_MASK)
		return -EINVAL;
	t->ptrace.options = options;
	return 0;
}

/* Carries out a request that touches no user memory. Returns false when it is another one. */
static bool control(struct task *t, u32 request, u32 data, long *result)
{
	switch (request) {
	case PTRACE_CONT:
	case PTRACE_SYSCALL:
	case PTRACE_SINGLESTEP:
	case PTRACE_SYSEMU:
	case PTRACE_SYSEMU_SINGLESTEP:
		*result = resume(t, request, data);
		return true;
	case PTRACE_KILL:
		*result = signal_send_process_locked(t->process, SIGKILL, NULL);
		return true;
	case PTRACE_DETACH:
		*result = detach(t, data);
		return true;
	case PTRACE_INTERRUPT:
		*result = ptrace_ask(t, TRAP_STOP) ? 0 : -EIO;
		return true;
	case PTRACE_LISTEN:
		*result = listen(t);
		return true;
	case PTRACE_SETOPTIONS:
	case PTRACE_OLDSETOPTIONS:
		*result = set_options(t, data);
		return true;
	}
	return false;
}

/* --- Memory --- */

/* A reference, or NULL: it has none any more, or none that the caller may see. */
static struct mm *tracee_mm(u32 tid)
{
	u32 flags;
	struct task *t = tracee_lock(tid, true, &flags);
	struct mm *mm = NULL;
	if (!t)
		return NULL;
	if (t->process->dumpable || t->ptrace.privileged)
		mm = t->process->mm;
	if (mm)
		mm_get(mm);
	tracee_unlock(flags);
	return mm;
}

static long access_word(u32 tid, vaddr_t addr, u32 *word, bool write)
{
	struct mm *mm = tracee_mm(tid);
	size_t done;
	if (!mm)
		return -EIO;
	done = mm_access(mm, addr, word, sizeof(*word), write, true);
	mm_put(mm);
	return done == sizeof(*word) ? 0 : -EIO;
}

static long peek(u32 tid, vaddr_t addr, uptr_t data)
{
	u32 word;
	long err = access_word(tid, addr, &word, false);
	return err ? err : put_user_u32(data, word);
}

/* --- Registers --- */

union registers {
	struct abi_user_regs general;
	struct abi_user_i387 i387;
	u8 fxsave[512];
	struct abi_user_desc tls[GDT_TLS_NR];
};

/* Bytes of a set; 0: there is no such set. */
static u32 regset_size(u32 note)
{
	switch (note) {
	case NT_PRSTATUS:
		return sizeof(struct abi_user_regs);
	case NT_PRFPREG:
		return sizeof(struct abi_user_i387);
	case NT_PRXFPREG:
		return sizeof(((union registers *)0)->fxsave);
	case NT_386_TLS:
		return sizeof(((union registers *)0)->tls);
	}
	return 0;
}

/* What a set is made of. */
static u32 regset_unit(u32 note)
{
	return note == NT_386_TLS ? sizeof(struct abi_user_desc) : sizeof(u32);
}

static void regset_read(const struct task *t, u32 note, union registers *r)
{
	switch (note) {
	case NT_PRSTATUS:
		x86_regs_get(&t->thread.x86, &r->general);
		break;
	case NT_PRFPREG:
		fpstate_to_i387(&r->i387, t->thread.x86.fpu);
		break;
	case NT_386_TLS:
		for (u32 i = 0; i < GDT_TLS_NR; i++)
			(void)!tls_entry_get(t, GDT_TLS_MIN + i, &r->tls[i]);
		break;
	default:
		memcpy(r->fxsave, t->thread.x86.fpu, sizeof(r->fxsave));
	}
}

/* All or none: which entries they are is a matter of their place. */
static long set_tls(struct task *t, const struct abi_user_desc *d, u32 n)
{
	struct segdesc old[GDT_TLS_NR];
	long err = 0;
	memcpy(old, t->thread.x86.tls, sizeof(old));
	for (u32 i = 0; i < n && !err; i++)
		err = tls_entry_set(t, GDT_TLS_MIN + i, &d[i]);
	if (err)
		memcpy(t->thread.x86.tls, old, sizeof(old));
	return err;
}

/* `size` bytes of the set are there; what lies behind them stays. */
static long regset_write(struct task *t, u32 note, const union registers *r, u32 size)
{
	struct x86_thread *x = &t->thread.x86;
	struct abi_user_i387 i387;
	long err = 0;
	switch (note) {
	case NT_PRSTATUS:
		for (u32 i = 0; i < size / sizeof(u32) && !err; i++)
			err = x86_reg_set(x, i, ((const u32 *)r)[i]);
		return err;
	case NT_PRFPREG:
		fpstate_to_i387(&i387, x->fpu);
		memcpy(&i387, r, size);
		fpstate_from_i387(x->fpu, &i387);
		return 0;
	case NT_386_TLS:
		return set_tls(t, r->tls, size / sizeof(r->tls[0]));
	default:
		return size == sizeof(r->fxsave) ? x86_fpu_set(x, r->fxsave) : -EINVAL;
	}
}

static long get_registers(u32 tid, u32 note, uptr_t to, u32 size)
{
	union registers r;
	u32 flags;
	const struct task *t = tracee_lock(tid, true, &flags);
	if (!t)
		return -ESRCH;
	regset_read(t, note, &r);
	tracee_unlock(flags);
	return copy_to_user(to, &r, size);
}

static long set_registers(u32 tid, u32 note, uptr_t from, u32 size)
{
	union registers r;
	struct task *t;
	u32 flags;
	long err;
	if (copy_from_user(&r, from, size))
		return -EFAULT;
	t = tracee_lock(tid, true, &flags);
	if (!t)
		return -ESRCH;
	err = regset_write(t, note, &r, size);
	tracee_unlock(flags);
	return err;
}

/* PTRACE_GETREGSET and its opposite: what there is of the set, at most as much as the iovec says,
 * which is told. CPUs without XSAVE have no NT_X86_XSTATE, nor has a kernel that does not use it.
 */
static long regset(u32 tid, u32 note, uptr_t uiov, bool set)
{
	struct abi_iovec iov;
	u32 size = regset_size(note);
	long err;
	if (copy_from_user(&iov, uiov, sizeof(iov)))
		return -EFAULT;
	if ((!size && note != NT_X86_XSTATE) || iov.len % regset_unit(note))
		return -EINVAL;
	if (!size)
		return -ENODEV;
	size = MIN(size, iov.len);
	err = set ? set_registers(tid, note, UPTR(iov.base), size)
		  : get_registers(tid, note, UPTR(iov.base), size);
	return err ? err : put_user_u32(uptr_add(uiov, offsetof(struct abi_iovec, len)), size);
}

#define USER_DEBUGREG (offsetof(struct abi_user, debugreg) / sizeof(u32))

/* Word `nr` of struct user. What is neither a register nor a debug register reads as 0. */
static u32 user_word(const struct task *t, u32 nr)
{
	const struct x86_thread *x = &t->thread.x86;
	struct abi_user_regs r;
	if (nr >= USER_DEBUGREG)
		return x86_debugreg_get(x, nr - USER_DEBUGREG);
	if (nr >= sizeof(r) / sizeof(u32))
		return 0;
	x86_regs_get(x, &r);
	return ((const u32 *)&r)[nr];
}

static long set_user_word(struct task *t, u32 nr, u32 value)
{
	struct x86_thread *x = &t->thread.x86;
	if (nr >= USER_DEBUGREG)
		return x86_debugreg_set(x, nr - USER_DEBUGREG, value);
	return nr < sizeof(struct abi_user_regs) / sizeof(u32) ? x86_reg_set(x, nr, value) : -EIO;
}

static long user_area(u32 tid, u32 offset, uptr_t data, bool set)
{
	struct task *t;
	u32 flags, word = 0;
	long err = 0;
	if (offset % sizeof(u32) || offset >= sizeof(struct abi_user))
		return -EIO;
	t = tracee_lock(tid, true, &flags);
	if (!t)
		return -ESRCH;
	if (set)
		err = set_user_word(t, offset / sizeof(u32), (u32)data.va);
	else
		word = user_word(t, offset / sizeof(u32));
	tracee_unlock(flags);
	return err || set ? err : put_user_u32(data, word);
}

static long thread_area(u32 tid, u32 entry, uptr_t desc, bool set)
{
	struct abi_user_desc d;
	struct task *t;
	u32 flags;
	long err;
	if ((s32)entry < 0)
		return -EIO;
	if (set && copy_from_user(&d, desc, sizeof(d)))
		return -EFAULT;
	t = tracee_lock(tid, true, &flags);
	if (!t)
		return -ESRCH;
	err = set ? tls_entry_set(t, entry, &d) : tls_entry_get(t, entry, &d);
	tracee_unlock(flags);
	return err || set ? err : copy_to_user(desc, &d, sizeof(d));
}

/* --- Signals --- */

static long signal_info(u32 tid, uptr_t user, bool set)
{
	struct abi_siginfo info;
	struct task *t;
	u32 flags;
	bool there;
	if (set && copy_from_user(&info, user, sizeof(info)))
		return -EFAULT;
	t = tracee_lock(tid, true, &flags);
	if (!t)
		return -ESRCH;
	there = t->ptrace.has_info;
	if (there && set)
		t->ptrace.info = info;
	else if (there)
		info = t->ptrace.info;
	tracee_unlock(flags);
	if (!there)
		return -EINVAL;
	return set ? 0 : copy_to_user(user, &info, sizeof(info));
}

static long signal_mask(u32 tid, u32 size, uptr_t user, bool set)
{
	struct task *t;
	u64 mask = 0;
	u32 flags;
	if (size != sizeof(mask))
		return -EINVAL;
	if (set && copy_from_user(&mask, user, sizeof(mask)))
		return -EFAULT;
	t = tracee_lock(tid, true, &flags);
	if (!t)
		return -ESRCH;
	if (set) {
		t->blocked = mask & ~SIGS_UNBLOCKABLE;
		t->restore_blocked = false;
	}
	mask = t->restore_blocked ? t->saved_blocked : t->blocked;
	tracee_unlock(flags);
	return set ? 0 : copy_to_user(user, &mask, sizeof(mask));
}

/* The nth siginfo that waits in a queue: 1, or 0 when there are fewer. */
static long queued_info(u32 tid, bool shared, u64 n, struct abi_siginfo *info)
{
	u32 flags;
	struct task *t = tracee_lock(tid, true, &flags);
	const struct sigpending *sp;
	const struct sigqueue *q;
	long found = 0;
	if (!t)
		return -ESRCH;
	sp = shared ? &t->process->pending : &t->pending;
	list_for_each_entry (q, &sp->queue, link) {
		if (n--)
			continue;
		*info = q->info;
		found = 1;
		break;
	}
	tracee_unlock(flags);
	return found;
}

static long peek_siginfo(u32 tid, uptr_t uargs, uptr_t to)
{
	struct abi_peeksiginfo_args a;
	struct abi_siginfo info;
	long got = 0;
	s32 n = 0;
	if (copy_from_user(&a, uargs, sizeof(a)))
		return -EFAULT;
	if (a.flags & ~PTRACE_PEEKSIGINFO_SHARED || a.nr < 0)
		return -EINVAL;
	for (; n < a.nr; n++, to = uptr_add(to, sizeof(info))) {
		got = queued_info(tid, a.flags, a.off + (u32)n, &info);
		if (got > 0 && copy_to_user(to, &info, sizeof(info)))
			got = -EFAULT;
		if (got <= 0)
			break;
	}
	return n ? n : MIN(got, 0);
}

/* --- What it stopped for --- */

static long event_message(u32 tid, uptr_t to)
{
	u32 flags, message;
	const struct task *t = tracee_lock(tid, true, &flags);
	if (!t)
		return -ESRCH;
	message = t->ptrace.message;
	tracee_unlock(flags);
	return put_user_u32(to, message);
}

/* Where in a system call it is: at an end, if stops are marked as such (PTRACE_O_TRACESYSGOOD), or
 * where a filter sends it to its tracer. */
static u8 syscall_place(const struct ptrace *pt)
{
	s32 code = pt->has_info ? pt->info.si_code : 0;
	if (code == (SIGTRAP | PTRACE_EVENT_SECCOMP << 8))
		return PTRACE_SYSCALL_INFO_SECCOMP;
	return code == (SIGTRAP | 0x80) ? (u8)pt->message : PTRACE_SYSCALL_INFO_NONE;
}

/* Returns the bytes of *s that mean something. */
static u32 syscall_info_of(const struct task *t, struct abi_ptrace_syscall_info *s)
{
	struct abi_user_regs r;
	x86_regs_get(&t->thread.x86, &r);
	*s = (struct abi_ptrace_syscall_info){
		.op = syscall_place(&t->ptrace),
		.arch = AUDIT_ARCH_I386,
		.ip = r.eip,
		.sp = r.esp,
	};
	switch (s->op) {
	case PTRACE_SYSCALL_INFO_ENTRY:
	case PTRACE_SYSCALL_INFO_SECCOMP:
		s->entry.nr = (u64)(s64)(s32)r.orig_eax;
		s->entry.args[0] = r.ebx;
		s->entry.args[1] = r.ecx;
		s->entry.args[2] = r.edx;
		s->entry.args[3] = r.esi;
		s->entry.args[4] = r.edi;
		s->entry.args[5] = r.ebp;
		if (s->op == PTRACE_SYSCALL_INFO_ENTRY)
			return offsetof(struct abi_ptrace_syscall_info, seccomp.ret_data);
		s->seccomp.ret_data = t->ptrace.message;
		return offsetof(struct abi_ptrace_syscall_info, seccomp.ret_data) + 4;
	case PTRACE_SYSCALL_INFO_EXIT:
		s->exit.rval = (s32)r.eax;
		s->exit.is_error = r.eax >= (u32)-4095;
		return offsetof(struct abi_ptrace_syscall_info, exit.is_error) + 1;
	}
	return offsetof(struct abi_ptrace_syscall_info, entry);
}

/* Returns the bytes there are, of which at most `size` are copied. */
static long syscall_info(u32 tid, u32 size, uptr_t to)
{
	struct abi_ptrace_syscall_info s;
	u32 flags, actual;
	const struct task *t = tracee_lock(tid, true, &flags);
	if (!t)
		return -ESRCH;
	actual = syscall_info_of(t, &s);
	tracee_unlock(flags);
	return copy_to_user(to, &s, MIN(size, actual)) ? -EFAULT : (long)actual;
}

/* --- The call --- */

/* Requests that move something between a stopped tracee and the caller. */
static long transfer(u32 request, u32 tid, u32 addr, uptr_t data)
{
	u32 word = (u32)data.va;
	switch (request) {
	case PTRACE_PEEKTEXT:
	case PTRACE_PEEKDATA:
		return peek(tid, addr, data);
	case PTRACE_POKETEXT:
	case PTRACE_POKEDATA:
		return access_word(tid, addr, &word, true);
	case PTRACE_PEEKUSER:
	case PTRACE_POKEUSER:
		return user_area(tid, addr, data, request == PTRACE_POKEUSER);
	case PTRACE_GETREGS:
		return get_registers(tid, NT_PRSTATUS, data, regset_size(NT_PRSTATUS));
	case PTRACE_SETREGS:
		return set_registers(tid, NT_PRSTATUS, data, regset_size(NT_PRSTATUS));
	case PTRACE_GETFPREGS:
		return get_registers(tid, NT_PRFPREG, data, regset_size(NT_PRFPREG));
	case PTRACE_SETFPREGS:
		return set_registers(tid, NT_PRFPREG, data, regset_size(NT_PRFPREG));
	case PTRACE_GETFPXREGS:
		return get_registers(tid, NT_PRXFPREG, data, regset_size(NT_PRXFPREG)) ? -EIO : 0;
	case PTRACE_SETFPXREGS:
		return set_registers(tid, NT_PRXFPREG, data, regset_size(NT_PRXFPREG)) ? -EIO : 0;
	case PTRACE_GETREGSET:
	case PTRACE_SETREGSET:
		return regset(tid, addr, data, request == PTRACE_SETREGSET);
	case PTRACE_GET_THREAD_AREA:
	case PTRACE_SET_THREAD_AREA:
		return thread_area(tid, addr, data, request == PTRACE_SET_THREAD_AREA);
	case PTRACE_GETSIGINFO:
	case PTRACE_SETSIGINFO:
		return signal_info(tid, data, request == PTRACE_SETSIGINFO);
	case PTRACE_GETSIGMASK:
	case PTRACE_SETSIGMASK:
		return signal_mask(tid, addr, data, request == PTRACE_SETSIGMASK);
	case PTRACE_PEEKSIGINFO:
		return peek_siginfo(tid, UPTR(addr), data);
	case PTRACE_GETEVENTMSG:
		return event_message(tid, data);
	case PTRACE_GET_SYSCALL_INFO:
		return syscall_info(tid, addr, data);
	}
	return -EIO;
}

long sys_ptrace(u32 request, u32 tid, u32 addr, uptr_t data)
{
	bool running = request == PTRACE_KILL || request == PTRACE_INTERRUPT;
	struct task *t;
	u32 flags;
	bool done;
	long result;
	if (request == PTRACE_TRACEME)
		return traceme();
	if (request == PTRACE_ATTACH || request == PTRACE_SEIZE)
		return attach(tid, request == PTRACE_SEIZE, addr, (u32)data.va);
	t = tracee_lock(tid, !running, &flags);
	if (!t)
		return -ESRCH;
	done = control(t, request, (u32)data.va, &result);
	tracee_unlock(flags);
	return done ? result : transfer(request, tid, addr, data);
}
