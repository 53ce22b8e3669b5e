/*
 * The machine state of threads.
 *
 * A kernel stack, from its top down: the trap frame of the entry from user mode, then the frames
 * of the C functions it called. FPU, fs, gs and TLS of the running thread are in the CPU, not in
 * its struct; they are switched at once, never lazily.
 */
#include "kernel/x86/thread.h"
#include "kernel/abi/errno.h"
#include "kernel/abi/signal.h"
#include "kernel/core/sched.h"
#include "kernel/lib/kassert.h"
#include "kernel/lib/string.h"
#include "kernel/x86/gdt.h"
#include "kernel/x86/kmap.h"
#include "kernel/x86/ptrace.h"
#include "kernel/x86/trap.h"
#include "kernel/x86/uaccess.h"

#define FPU_CONTROL	  0x37f	 /* all exceptions masked, extended precision */
#define MXCSR_DEFAULT	  0x1f80 /* all exceptions masked */
#define MXCSR_MASK_LEGACY 0xffbf /* what CPUs support that do not tell */

/* FXSAVE image, Intel SDM vol. 1, 10.5.1. */
struct fxsave {
	u16 fcw, fsw;
	u8 ftw, reserved;
	u16 fop;
	u32 fip, fcs, fdp, fds;
	u32 mxcsr, mxcsr_mask;
	u8 registers[480];
};
_Static_assert(sizeof(struct fxsave) == sizeof(((struct x86_thread *)0)->fpu), "FXSAVE image");

static const struct fxsave fpu_fresh __aligned(16) = {.fcw = FPU_CONTROL, .mxcsr = MXCSR_DEFAULT};

_Static_assert(offsetof(struct abi_fpstate, status) == 108, "FPSTATE_STATUS in usercopy.S");
_Static_assert(offsetof(struct abi_fpstate, fxsave) == 112, "FPSTATE_FXSAVE in usercopy.S");

/* What the first switch to a thread pops. */
struct first_frame {
	u32 edi, esi, ebx, ebp;
	void (*eip)(void);
};

void switch_stacks(u32 *save_esp, u32 new_esp);
void thread_first_run(void);
int user_fpu_load(const struct abi_fpstate *from);
int user_frstor(const struct abi_fpstate *from);

static bool is_running(const struct x86_thread *t)
{
	return t == &current_thread()->x86;
}

void x86_thread_init(struct x86_thread *t, void *kstack, void (*fn)(void *arg), void *arg)
{
	struct first_frame *f;

	t->kstack_top = (u32)kstack + KSTACK_SIZE;
	f = (struct first_frame *)x86_thread_frame(t) - 1;
	*f = (struct first_frame){.esi = (u32)arg, .ebx = (u32)fn, .eip = thread_first_run};
	t->ksp = (u32)f;
	t->kmap_depth = 0;
}

/* --- FPU --- */

void x86_fpu_save(struct x86_thread *t)
{
	__asm__ volatile("fxsave %0" : "=m"(t->fpu));
}

void x86_fpu_restore(struct x86_thread *t)
{
	__asm__ volatile("fxrstor %0" ::"m"(t->fpu));
}

static void fpu_reset(struct x86_thread *t)
{
	memcpy(t->fpu, &fpu_fresh, sizeof(fpu_fresh));
}

void x86_fpu_load_fresh(void)
{
	__asm__ volatile("fxrstor %0" ::"m"(fpu_fresh));
}

/* A set bit of MXCSR that the CPU does not know makes FXRSTOR fault. What it knows stands in every
 * image that it has saved. */
static u32 mxcsr_mask(const struct x86_thread *t)
{
	const struct fxsave *f = (const struct fxsave *)t->fpu;

	return f->mxcsr_mask ? f->mxcsr_mask : MXCSR_MASK_LEGACY;
}

long x86_fpu_set(struct x86_thread *t, const void *fxsave512)
{
	struct fxsave *f = (struct fxsave *)t->fpu;
	const struct fxsave *from = fxsave512;
	u32 mask = mxcsr_mask(t);

	if (from->mxcsr & ~mask)
		return -EINVAL;
	memcpy(f, from, sizeof(*f));
	f->mxcsr_mask = mask;
	return 0;
}

void x86_fpu_load_user(struct x86_thread *t, const void *fxsave512)
{
	struct fxsave *f = (struct fxsave *)t->fpu;
	u32 mask;

	x86_fpu_save(t);
	mask = mxcsr_mask(t);
	memcpy(f, fxsave512, sizeof(*f));
	f->mxcsr &= mask;
	x86_fpu_restore(t);
}

/* An image that the CPU may refuse, or that is not aligned as it wants it. */
static bool load_forged(uptr_t fxsave)
{
	u8 image[sizeof(struct fxsave)];

	if (copy_from_user(image, fxsave, sizeof(image)) < 0)
		return false;
	x86_fpu_load_user(&current_thread()->x86, image);
	return true;
}

bool x86_fpu_from_user(uptr_t at)
{
	const struct abi_fpstate *fp = (const struct abi_fpstate *)at.va;
	uptr_t fxsave = uptr_add(at, offsetof(struct abi_fpstate, fxsave));

	if (!user_range_ok(at, sizeof(*fp)))
		return false;
	if (likely(user_fpu_load(fp) == 0))
		return true;
	return load_forged(fxsave) && user_frstor(fp) == 0;
}

/* --- Segments --- */

void x86_tls_load(const struct x86_thread *t)
{
	gdt_load_tls(t->tls);
}

void x86_segments_reload(void)
{
	u32 flags = irq_save();

	x86_set_fs(x86_get_fs());
	x86_set_gs(x86_get_gs());
	irq_restore(flags);
}

/* --- All of it --- */

/* Into the struct what only the CPU knows while the thread runs. */
void x86_user_state_save(struct x86_thread *t)
{
	x86_fpu_save(t);
	t->fs = x86_get_fs();
	t->gs = x86_get_gs();
}

/* The selectors may name TLS slots, so these come first. */
static void user_state_load(struct x86_thread *t)
{
	x86_tls_load(t);
	x86_fpu_restore(t);
	x86_set_fs(t->fs);
	x86_set_gs(t->gs);
}

void x86_thread_reset_user(struct x86_thread *t)
{
	u32 flags = irq_save();

	if (t->traced & TRACED_DEBUG)
		x86_debug_clear(t);
	fpu_reset(t);
	memset(t->tls, 0, sizeof(t->tls));
	t->fs = 0;
	t->gs = 0;
	t->user = true;
	if (is_running(t)) {
		tss_set_stack(t->kstack_top);
		user_state_load(t);
	}
	irq_restore(flags);
}

void x86_thread_fork(struct x86_thread *to, struct x86_thread *from)
{
	if (from->user && is_running(from))
		x86_user_state_save(from);
	memcpy(to->fpu, from->fpu, sizeof(to->fpu));
	memcpy(to->tls, from->tls, sizeof(to->tls));
	to->fs = from->fs;
	to->gs = from->gs;
	to->user = from->user;
	to->traced |= from->traced & TRACED_NO_TSC;
}

void x86_switch(struct x86_thread *from, struct x86_thread *to)
{
	kassert_dbg(!irq_enabled());
	if (from->user)
		x86_user_state_save(from);
	if (from->kmap_depth || to->kmap_depth)
		kmap_switch(from, to);
	if (unlikely(from->traced | to->traced))
		x86_switch_traced(from, to);
	tss_set_stack(to->kstack_top);
	if (to->user)
		user_state_load(to);
	switch_stacks(&from->ksp, to->ksp);
}
