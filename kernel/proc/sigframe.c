/*
 * Handler frames on the user's stack, laid out as Linux i386 does it, and the way back from them.
 *
 *   stack before the signal -> +--------------------+
 *                              | FXSAVE image       |  64-byte aligned
 *                              | FSAVE image        |  sigcontext.fpstate points here
 *                              | ...                |
 *                              | (rt_)sigframe      |  so that the handler finds esp + 4
 *            handler's esp ->  | pretcode           |  16-byte aligned
 *                              +--------------------+
 *
 * Frames are made on the kernel's side, without the parts that are copied from where they are:
 * siginfo, and the FPU's state, which the CPU itself writes and reads.
 */
#include "kernel/abi/errno.h"
#include "kernel/lib/string.h"
#include "kernel/proc/process.h"
#include "kernel/proc/signal.h"
#include "kernel/syscalls.h"
#include "kernel/x86/uaccess.h"

#define FX_ALIGN    64u
#define FRAME_ALIGN 16u
#define FX_OFFSET   112u /* of the FXSAVE image in struct abi_fpstate */

_Static_assert(offsetof(struct abi_fpstate, fxsave) == FX_OFFSET, "FXSAVE behind FSAVE");

/* popl %eax; movl $119, %eax; int $0x80 */
static const u8 sigreturn_code[8] = {0x58, 0xb8, 119, 0, 0, 0, 0xcd, 0x80};
/* movl $173, %eax; int $0x80 */
static const u8 rt_sigreturn_code[8] = {0xb8, 173, 0, 0, 0, 0xcd, 0x80, 0};

u32 sigframe_max_size(void)
{
	u32 n = sizeof(struct abi_rt_sigframe) + sizeof(struct abi_fpstate) + FX_ALIGN - 1 +
		FRAME_ALIGN - 1;
	return ALIGN_UP(n, FRAME_ALIGN);
}

/* --- Where --- */

static bool inside_altstack(const struct task *t, u32 sp)
{
	return sp > t->altstack_sp && sp - t->altstack_sp <= t->altstack_size;
}

static bool on_altstack(const struct task *t, u32 sp)
{
	return !(t->altstack_flags & SS_AUTODISARM) && t->altstack_size && inside_altstack(t, sp);
}

struct frame_place {
	u32 frame, fpstate;
};

static bool place_frame(
	const struct trapframe *tf, const struct taken_signal *s, u32 size, struct frame_place *out)
{
	const struct task *t = current_task();
	u32 sp = tf->esp;
	bool alt = on_altstack(t, sp);
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
	return !alt || inside_altstack(t, out->frame);
}

/* --- Out --- */

static void save_context(
	struct abi_sigcontext *sc, const struct trapframe *tf, u32 fpstate, u64 mask)
{
	const struct task *t = current_task();
	*sc = (struct abi_sigcontext){
		.gs = x86_get_gs(),
		.fs = x86_get_fs(),
		.es = (u16)tf->es,
		.ds = (u16)tf->ds,
		.di = tf->edi,
		.si = tf->esi,
		.bp = tf->ebp,
		.sp = tf->esp,
		.bx = tf->ebx,
		.dx = tf->edx,
		.cx = tf->ecx,
		.ax = tf->eax,
		.trapno = t->trapno,
		.err = t->trap_error,
		.ip = tf->eip,
		.cs = (u16)tf->cs,
		.flags = tf->eflags,
		.sp_at_signal = tf->esp,
		.ss = (u16)tf->ss,
		.fpstate = fpstate,
		.oldmask = (u32)mask,
		.cr2 = t->trap_addr,
	};
}

/* Where the handler returns to: the C library's code, or ours in the frame. */
static u32 restorer(const struct taken_signal *s, u32 code)
{
	return s->action.flags & SA_RESTORER ? s->action.restorer : code;
}

static bool push_old(const struct trapframe *tf, const struct taken_signal *s,
	const struct frame_place *at, u64 mask)
{
	struct abi_sigframe f = {
		.pretcode = restorer(s, at->frame + offsetof(struct abi_sigframe, retcode)),
		.sig = (s32)s->sig,
		.extramask = {(u32)(mask >> 32)},
	};
	save_context(&f.sc, tf, at->fpstate, mask);
	memcpy(f.retcode, sigreturn_code, sizeof(f.retcode));
	return copy_to_user(UPTR(at->frame), &f, sizeof(f)) == 0;
}

static bool push_info(u32 at, const struct taken_signal *s)
{
	u32 rest = (u32)sizeof(*s->info) - s->info_size;
	return copy_to_user(UPTR(at), s->info, s->info_size) == 0 &&
	       clear_user(UPTR(at + s->info_size), rest) == 0;
}

static bool push_rt(const struct trapframe *tf, const struct taken_signal *s,
	const struct frame_place *at, u64 mask)
{
	const struct task *t = current_task();
	const u32 info = offsetof(struct abi_rt_sigframe, info);
	const u32 uc = offsetof(struct abi_rt_sigframe, uc);
	struct abi_rt_sigframe f;
	f.pretcode = restorer(s, at->frame + offsetof(struct abi_rt_sigframe, retcode));
	f.sig = (s32)s->sig;
	f.pinfo = at->frame + info;
	f.puc = at->frame + uc;
	f.uc.uc_flags = 0;
	f.uc.uc_link = 0;
	f.uc.uc_stack.ss_sp = t->altstack_sp;
	f.uc.uc_stack.ss_flags = (s32)t->altstack_flags;
	f.uc.uc_stack.ss_size = t->altstack_size;
	f.uc.uc_sigmask = mask;
	save_context(&f.uc.uc_mcontext, tf, at->fpstate, mask);
	memcpy(f.retcode, rt_sigreturn_code, sizeof(f.retcode));
	return copy_to_user(UPTR(at->frame), &f, info) == 0 &&
	       push_info(at->frame + info, s) &&
	       copy_to_user(UPTR(at->frame + uc), &f.uc, sizeof(f) - uc) == 0;
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

bool sigframe_push(struct trapframe *tf, const struct taken_signal *s)
{
	const struct task *t = current_task();
	bool rt = s->action.flags & SA_SIGINFO;
	u64 mask = t->restore_blocked ? t->saved_blocked : t->blocked;
	struct frame_place at;
	u32 size = rt ? sizeof(struct abi_rt_sigframe) : sizeof(struct abi_sigframe);
	if (!place_frame(tf, s, size, &at))
		return false;
	if (!(rt ? push_rt(tf, s, &at, mask) : push_old(tf, s, &at, mask)))
		return false;
	if (!x86_fpu_to_user(UPTR(at.fpstate)))
		return false;
	x86_fpu_load_fresh();
	enter_handler(tf, s, at.frame, rt);
	return true;
}

/* --- Back --- */

static bool pop_fpu(u32 at)
{
	if (at)
		return x86_fpu_from_user(UPTR(at));
	x86_fpu_load_fresh();
	return true;
}

static bool restore_context(struct trapframe *tf, const struct abi_sigcontext *sc)
{
	tf->edi = sc->di;
	tf->esi = sc->si;
	tf->ebp = sc->bp;
	tf->esp = sc->sp;
	tf->ebx = sc->bx;
	tf->edx = sc->dx;
	tf->ecx = sc->cx;
	tf->eax = sc->ax;
	tf->eip = sc->ip;
	tf->cs = sc->cs | 3u;
	tf->ss = sc->ss | 3u;
	tf->ds = sc->ds ? sc->ds | 3u : 0;
	tf->es = sc->es ? sc->es | 3u : 0;
	tf->eflags = (tf->eflags & ~EFLAGS_USER_MASK) | (sc->flags & EFLAGS_USER_MASK);
	tf->trapno = (u32)-1; /* no system call to restart */
	x86_set_fs(sc->fs);
	x86_set_gs(sc->gs);
	return pop_fpu(sc->fpstate);
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
	struct abi_sigframe f;
	/* The handler's return popped pretcode, and the restorer popped sig. */
	if (copy_from_user(&f, UPTR(tf->esp - 8), sizeof(f)) < 0)
		return bad_frame();
	signal_set_blocked(f.sc.oldmask | (u64)f.extramask[0] << 32);
	if (!restore_context(tf, &f.sc))
		return bad_frame();
	return (long)tf->eax;
}

long sys_rt_sigreturn(void)
{
	struct task *t = current_task();
	struct trapframe *tf = x86_thread_frame(&t->thread.x86);
	u32 frame = tf->esp - 4; /* the handler's return popped pretcode */
	struct abi_ucontext uc;
	if (copy_from_user(&uc, UPTR(frame + offsetof(struct abi_rt_sigframe, uc)), sizeof(uc)) < 0)
		return bad_frame();
	signal_set_blocked(uc.uc_sigmask);
	if (!restore_context(tf, &uc.uc_mcontext))
		return bad_frame();
	/* Linux, too, does not look at what this says. */
	(void)altstack_set(&uc.uc_stack, tf->esp);
	return (long)tf->eax;
}
