/*
 * Entering handlers: their frames on the user's stack, laid out as Linux i386 does it, and the way
 * back from them.
 *
 *   stack before the signal -> +--------------------+
 *                              | FXSAVE image       |  64-byte aligned
 *                              | FSAVE image        |  sigcontext.fpstate points here
 *                              | ...                |
 *                              | (rt_)sigframe      |  so that the handler finds esp + 4
 *            handler's esp ->  | pretcode           |  16-byte aligned
 *                              +--------------------+
 *
 * Frames are written and read where they are, word by word; the FPU's state is written and read by
 * the CPU itself.
 */
#include "kernel/proc/process.h"
#include "kernel/proc/rseq.h"
#include "kernel/proc/signal.h"
#include "kernel/proc/vdso.h"
#include "kernel/syscalls.h"
#include "kernel/x86/uaccess.h"
#include "mm/space.h"

#define FX_ALIGN    64u
#define FRAME_ALIGN 16u
#define FX_OFFSET   112u /* of the FXSAVE image in struct abi_fpstate */

_Static_assert(offsetof(struct abi_fpstate, fxsave) == FX_OFFSET, "FXSAVE behind FSAVE");

/* popl %eax; movl $119, %eax; int $0x80 */
static const u32 sigreturn_code[2] = {0x0077b858, 0x80cd0000};
/* movl $173, %eax; int $0x80; nothing */
static const u32 rt_sigreturn_code[2] = {0x0000adb8, 0x0080cd00};

u32 sigframe_max_size(void)
{
	u32 n = sizeof(struct abi_rt_sigframe) + sizeof(struct abi_fpstate) + FX_ALIGN - 1 +
		FRAME_ALIGN - 1;
	return ALIGN_UP(n, FRAME_ALIGN);
}

/* --- Where --- */

struct frame_place {
	u32 frame, fpstate;
};

static __forceinline bool place_frame(
	const struct trapframe *tf, const struct taken_signal *s, u32 size, struct frame_place *out)
{
	const struct task *t = current_task();
	u32 sp = tf->esp;
	bool alt = altstack_in_use(t, sp);
	if ((s->action.flags & SA_ONSTACK) && t->altstack_size && !alt) {
		sp = t->altstack_sp + t->altstack_size;
		alt = true;
	}
	if (sp < sigframe_max_size())
		return false;
	sp = ALIGN_DOWN(sp - (u32)sizeof(((struct abi_fpstate *)0)->fxsave), FX_ALIGN) - FX_OFFSET;
	out->fpstate = sp;
	out->frame = ALIGN_DOWN(sp - size + 4, FRAME_ALIGN) - 4;
	/* What overflows the alternate stack must not run over what lies below it. */
	return !alt || altstack_spans(t, out->frame);
}

/* --- Out --- */

static __forceinline bool put_context(
	struct abi_sigcontext *sc, const struct trapframe *tf, u32 fpstate, u32 oldmask)
{
	const struct task *t = current_task();
	put_user_word(&sc->gs, x86_get_gs(), fault);
	put_user_word(&sc->fs, x86_get_fs(), fault);
	put_user_word(&sc->es, (u16)tf->es, fault);
	put_user_word(&sc->ds, (u16)tf->ds, fault);
	put_user_word(&sc->di, tf->edi, fault);
	put_user_word(&sc->si, tf->esi, fault);
	put_user_word(&sc->bp, tf->ebp, fault);
	put_user_word(&sc->sp, tf->esp, fault);
	put_user_word(&sc->bx, tf->ebx, fault);
	put_user_word(&sc->dx, tf->edx, fault);
	put_user_word(&sc->cx, tf->ecx, fault);
	put_user_word(&sc->ax, tf->eax, fault);
	put_user_word(&sc->trapno, t->trapno, fault);
	put_user_word(&sc->err, t->trap_error, fault);
	put_user_word(&sc->ip, tf->eip, fault);
	put_user_word(&sc->cs, (u16)tf->cs, fault);
	put_user_word(&sc->flags, tf->eflags, fault);
	put_user_word(&sc->sp_at_signal, tf->esp, fault);
	put_user_word(&sc->ss, (u16)tf->ss, fault);
	put_user_word(&sc->fpstate, fpstate, fault);
	put_user_word(&sc->oldmask, oldmask, fault);
	put_user_word(&sc->cr2, t->trap_addr, fault);
	return true;
fault:
	return false;
}

/* Where the handler returns to: the C library's code, the vDSO's, or what stands in the frame. */
static u32 restorer(const struct taken_signal *s, const char *place, const u8 *code)
{
	if (s->action.flags & SA_RESTORER)
		return s->action.restorer;
	const struct mm *mm = current_process()->mm;
	return mm->vdso ? vdso_address(mm, place) : (u32)code;
}

static __noinline bool put_old(struct abi_sigframe *f, const struct trapframe *tf,
	const struct taken_signal *s, u32 fpstate)
{
	u64 mask = s->old_blocked;
	put_user_word(&f->pretcode, restorer(s, __kernel_sigreturn, f->retcode), fault);
	put_user_word(&f->sig, s->sig, fault);
	put_user_word(&f->extramask, mask >> 32, fault);
	put_user_word(f->retcode, sigreturn_code[0], fault);
	put_user_word(f->retcode + 4, sigreturn_code[1], fault);
	return put_context(&f->sc, tf, fpstate, (u32)mask);
fault:
	return false;
}

static __forceinline bool put_info(struct abi_siginfo *to, const struct taken_signal *s)
{
	static const struct abi_siginfo zeroes;
	u32 size = s->info_size;
	put_user_words(to, s->info, size / 4, fault);
	put_user_words((u8 *)to + size, &zeroes, (sizeof(*to) - size) / 4, fault);
	return true;
fault:
	return false;
}

static __forceinline bool put_rt(struct abi_rt_sigframe *f, const struct trapframe *tf,
	const struct taken_signal *s, u32 fpstate)
{
	const struct task *t = current_task();
	u64 mask = s->old_blocked;
	put_user_word(&f->pretcode, restorer(s, __kernel_rt_sigreturn, f->retcode), fault);
	put_user_word(&f->sig, s->sig, fault);
	put_user_word(&f->pinfo, &f->info, fault);
	put_user_word(&f->puc, &f->uc, fault);
	put_user_word(&f->uc.uc_flags, 0, fault);
	put_user_word(&f->uc.uc_link, 0, fault);
	put_user_word(&f->uc.uc_stack.ss_sp, t->altstack_sp, fault);
	put_user_word(&f->uc.uc_stack.ss_flags, t->altstack_flags, fault);
	put_user_word(&f->uc.uc_stack.ss_size, t->altstack_size, fault);
	put_user_word((u32 *)&f->uc.uc_sigmask, mask, fault);
	put_user_word((u32 *)&f->uc.uc_sigmask + 1, mask >> 32, fault);
	put_user_word(f->retcode, rt_sigreturn_code[0], fault);
	put_user_word(f->retcode + 4, rt_sigreturn_code[1], fault);
	return put_info(&f->info, s) && put_context(&f->uc.uc_mcontext, tf, fpstate, (u32)mask);
fault:
	return false;
}

/* The frame, but for the FPU's state. */
static __forceinline bool put_frame(
	const struct trapframe *tf, const struct taken_signal *s, const struct frame_place *at)
{
	u32 end = at->fpstate + (u32)sizeof(struct abi_fpstate);
	bool ok;
	if (!user_access_begin(UPTR(at->frame), end - at->frame))
		return false;
	if (s->action.flags & SA_SIGINFO)
		ok = put_rt((struct abi_rt_sigframe *)at->frame, tf, s, at->fpstate);
	else
		ok = put_old((struct abi_sigframe *)at->frame, tf, s, at->fpstate);
	user_access_end();
	return ok;
}

static void enter_handler(
	struct trapframe *tf, const struct taken_signal *s, u32 frame, bool with_info)
{
	tf->esp = frame;
	tf->eip = s->action.handler;
	tf->eax = s->sig; /* for handlers with register arguments */
	tf->edx = with_info ? frame + offsetof(struct abi_rt_sigframe, info) : 0;
	tf->ecx = with_info ? frame + offsetof(struct abi_rt_sigframe, uc) : 0;
	tf->ds = tf->es = tf->ss = SEL_UDATA;
	tf->cs = SEL_UCODE;
	tf->eflags &= ~(EFLAGS_DF | EFLAGS_RF | EFLAGS_TF);
}

static __forceinline bool push_frame(struct trapframe *tf, const struct taken_signal *s)
{
	bool rt = s->action.flags & SA_SIGINFO;
	u32 size = rt ? sizeof(struct abi_rt_sigframe) : sizeof(struct abi_sigframe);
	struct frame_place at;
	if (!place_frame(tf, s, size, &at) || !put_frame(tf, s, &at))
		return false;
	if (x86_fpu_to_user((struct abi_fpstate *)at.fpstate) < 0)
		return false;
	x86_fpu_load_fresh();
	enter_handler(tf, s, at.frame, rt);
	return true;
}

/* --- Entering: all of it in line, for programs that live by their faults --- */

/* Takes the action of s->sig, whose bit is `bit`, and its mask. Caller holds process_lock. */
static __forceinline void take_action(
	struct task *t, struct abi_sigaction_k *a, struct taken_signal *s, u64 bit)
{
	u64 mask = t->blocked | a->mask;
	s->action = *a;
	s->old_blocked = t->restore_blocked ? t->saved_blocked : t->blocked;
	if (!(a->flags & SA_NODEFER))
		mask |= bit;
	if (a->flags & SA_RESETHAND)
		a->handler = SIG_DFL_K;
	t->restore_blocked = false;
	signal_set_blocked_locked(t, mask);
}

static void segv_kills(struct process *p)
{
	u32 flags = spin_lock_irqsave(&process_lock);
	p->sighand->action[SIGSEGV - 1].handler = SIG_DFL_K;
	spin_unlock_irqrestore(&process_lock, flags);
}

/* The thread's restartable sequence makes no sense: SIGSEGV, once with its handler. */
static void bad_sequence(struct process *p, u32 sig)
{
	if (sig == SIGSEGV)
		segv_kills(p);
	else
		signal_force_kernel(SIGSEGV);
}

/* The stack cannot take the frame: SIGSEGV, and when it is that one's own frame, it kills. */
static void no_frame(struct process *p, const struct taken_signal *s)
{
	signal_set_blocked(s->old_blocked);
	if (s->sig == SIGSEGV)
		segv_kills(p);
	signal_force_kernel(SIGSEGV);
}

static __forceinline bool run_handler(struct trapframe *tf, const struct taken_signal *s)
{
	struct task *t = current_task();
	if (unlikely(t->rseq.va && rseq_abort(t, tf)))
		bad_sequence(t->process, s->sig);
	if (unlikely(!push_frame(tf, s))) {
		no_frame(t->process, s);
		return false;
	}
	if (t->altstack_flags & SS_AUTODISARM)
		altstack_disable(t);
	return true;
}

void signal_take_action(struct task *t, struct taken_signal *s)
{
	take_action(t, &t->process->sighand->action[s->sig - 1], s, sigmask(s->sig));
}

bool signal_run_handler(struct trapframe *tf, const struct taken_signal *s)
{
	return run_handler(tf, s);
}

bool signal_handle(struct trapframe *tf, struct taken_signal *s)
{
	struct task *t = current_task();
	u32 bit = 1u << (s->sig - 1);
	u32 flags = spin_lock_irqsave(&process_lock);
	struct abi_sigaction_k *a = &t->process->sighand->action[s->sig - 1];
	bool now = a->handler > SIG_IGN_K && !((u32)t->blocked & bit) &&
		   !(t->thread.work & WORK_SIGNAL) && likely(!t->ptrace.tracer);
	if (now)
		take_action(t, a, s, bit);
	spin_unlock_irqrestore(&process_lock, flags);
	if (now)
		run_handler(tf, s);
	return now;
}

/* --- Back --- */

static bool pop_fpu(u32 at)
{
	if (at)
		return x86_fpu_from_user(UPTR(at));
	x86_fpu_load_fresh();
	return true;
}

/* A selector for data in a frame, at the privilege of programs: none stays none. */
static inline u32 data_selector(u32 word)
{
	return (u16)word ? (u16)word | 3u : 0;
}

/* What is read after the first word changes tf, and cannot fail: the caller has read a word behind
 * it, and a frame lies in two pages at most. (Where another thread unmaps them, tf is lost.) */
static __forceinline bool get_context(
	struct trapframe *tf, const struct abi_sigcontext *sc, u32 *fpstate)
{
	u32 word;
	get_user_word(word, &sc->gs, fault);
	x86_set_gs((u16)word);
	get_user_word(word, &sc->fs, fault);
	x86_set_fs((u16)word);
	get_user_word(word, &sc->es, fault);
	tf->es = data_selector(word);
	get_user_word(word, &sc->ds, fault);
	tf->ds = data_selector(word);
	get_user_word(tf->edi, &sc->di, fault);
	get_user_word(tf->esi, &sc->si, fault);
	get_user_word(tf->ebp, &sc->bp, fault);
	get_user_word(tf->esp, &sc->sp, fault);
	get_user_word(tf->ebx, &sc->bx, fault);
	get_user_word(tf->edx, &sc->dx, fault);
	get_user_word(tf->ecx, &sc->cx, fault);
	get_user_word(tf->eax, &sc->ax, fault);
	get_user_word(tf->eip, &sc->ip, fault);
	get_user_word(word, &sc->cs, fault);
	tf->cs = (u16)word | 3u;
	get_user_word(word, &sc->flags, fault);
	tf->eflags = (tf->eflags & ~EFLAGS_USER_MASK) | (word & EFLAGS_USER_MASK);
	get_user_word(word, &sc->ss, fault);
	tf->ss = (u16)word | 3u;
	get_user_word(*fpstate, &sc->fpstate, fault);
	tf->trapno = (u32)-1; /* no system call to restart */
	return true;
fault:
	return false;
}

static bool get_old(struct trapframe *tf, const struct abi_sigframe *f, u64 *mask, u32 *fpstate)
{
	u32 low, high;
	get_user_word(high, &f->extramask, fault);
	get_user_word(low, &f->sc.oldmask, fault);
	*mask = u64_of(low, high);
	return get_context(tf, &f->sc, fpstate);
fault:
	return false;
}

static bool get_rt(struct trapframe *tf, const struct abi_ucontext *uc, u64 *mask,
	struct abi_stack *stack, u32 *fpstate)
{
	u32 low, high;
	get_user_word(low, (u32 *)&uc->uc_sigmask, fault);
	get_user_word(high, (u32 *)&uc->uc_sigmask + 1, fault);
	get_user_word(stack->ss_sp, &uc->uc_stack.ss_sp, fault);
	get_user_word(stack->ss_flags, &uc->uc_stack.ss_flags, fault);
	get_user_word(stack->ss_size, &uc->uc_stack.ss_size, fault);
	*mask = u64_of(low, high);
	return get_context(tf, &uc->uc_mcontext, fpstate);
fault:
	return false;
}

/* The stack does not hold a frame: as Linux, SIGSEGV. */
static long bad_frame(void)
{
	signal_force_kernel(SIGSEGV);
	return 0;
}

long sys_sigreturn(void)
{
	struct trapframe *tf = x86_thread_frame(&current_task()->thread.x86);
	/* The handler's return popped pretcode, and the restorer popped sig. */
	u32 frame = tf->esp - 8, fpstate;
	u64 mask;
	if (!user_access_begin(UPTR(frame), sizeof(struct abi_sigframe)))
		return bad_frame();
	bool ok = get_old(tf, (const struct abi_sigframe *)frame, &mask, &fpstate);
	user_access_end();
	if (!ok)
		return bad_frame();
	signal_set_blocked(mask);
	return pop_fpu(fpstate) ? (long)tf->eax : bad_frame();
}

/* Nearly always it is the one that is set. */
static __forceinline void restore_altstack(const struct abi_stack *s, u32 sp)
{
	const struct task *t = current_task();
	if (s->ss_sp == t->altstack_sp && s->ss_size == t->altstack_size &&
		(u32)s->ss_flags == t->altstack_flags)
		return;
	/* Linux, too, does not look at what this says. */
	(void)altstack_set(s, sp);
}

long sys_rt_sigreturn(void)
{
	struct trapframe *tf = x86_thread_frame(&current_task()->thread.x86);
	u32 frame = tf->esp - 4, fpstate; /* the handler's return popped pretcode */
	const struct abi_ucontext *uc = &((const struct abi_rt_sigframe *)frame)->uc;
	struct abi_stack stack;
	u64 mask;
	if (!user_access_begin(UPTR((u32)uc), sizeof(*uc)))
		return bad_frame();
	bool ok = get_rt(tf, uc, &mask, &stack, &fpstate);
	user_access_end();
	if (!ok)
		return bad_frame();
	signal_set_blocked(mask);
	if (!pop_fpu(fpstate))
		return bad_frame();
	restore_altstack(&stack, tf->esp);
	return (long)tf->eax;
}
