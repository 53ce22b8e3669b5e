/* The machine state of a thread: what a switch saves and loads. */
#ifndef X86_THREAD_H
#define X86_THREAD_H

#include "kernel/lib/types.h"
#include "kernel/x86/ldt.h"
#include "kernel/x86/layout.h"
#include "kernel/x86/pte.h"

#define KMAP_SLOTS 8 /* nested kmap_local() of one thread; interrupt handlers use none */

struct abi_fpstate;
struct trapframe;

/* Debug registers (Intel SDM vol. 3B, 17.2) as a debugger set them; dr6 without its fixed bits. */
struct x86_debug {
	u32 addr[4], dr6, dr7;
};

/* Bits of x86_thread.traced: what a switch to or from it has to change besides. */
#define TRACED_SYSCALLS 1u /* its tracer wants to see its system calls */
#define TRACED_DEBUG    2u /* it has breakpoints in debug registers */
#define TRACED_FILTERED 4u /* its system calls are judged first (kernel/proc/seccomp.h) */
#define TRACED_NO_TSC   8u /* RDTSC is refused: PR_SET_TSC */
#define TRACED_DISPATCHED 16u /* they may be its own (kernel/proc/user_dispatch.h) */
/* They come through the other gate. */
#define TRACED_GATE     (TRACED_SYSCALLS | TRACED_FILTERED | TRACED_DISPATCHED)

struct x86_thread {
	u8 fpu[512] __aligned(16); /* FXSAVE image, SDM vol. 1, 10.5 */
	u32 ksp;                   /* kernel stack pointer while it does not run */
	u32 kstack_top;            /* where a trap from user mode starts pushing (TSS esp0) */
	struct segdesc tls[GDT_TLS_NR];
	u16 fs, gs;
	bool user;         /* FPU, TLS, fs and gs are switched; false for kernel threads */
	u8 traced;         /* TRACED_ bits; 0: nothing more to switch */
	bool stepping;     /* its tracer wants to see each instruction: x86_step() */
	bool forced_tf;    /* EFLAGS.TF is set for that, not by the program */
	struct x86_debug debug;
	u8 kmap_depth;     /* kmap slots in use, reinstalled when it runs again */
	pte_t kmap[KMAP_SLOTS];
};

/* The stack kernel_main() runs on, with a guard page below it. */
extern u8 boot_stack[KSTACK_SIZE];

/* Prepares a thread whose first run calls fn(arg) on its own stack, with interrupts on; fn never
 * returns. `t` is zeroed memory, or has been through x86_thread_fork(). `kstack` is the lowest
 * byte of KSTACK_SIZE. */
void x86_thread_init(struct x86_thread *t, void *kstack, void (*fn)(void *arg), void *arg);

/* Fresh FPU state (x87 control word 0x37f, MXCSR 0x1f80), no TLS, fs and gs 0: for execve. Makes
 * it a user thread. Loads all of it when t is the running thread. */
void x86_thread_reset_user(struct x86_thread *t);

/* Saves the running thread's FPU state, fs and gs, as a switch would. */
void x86_user_state_save(struct x86_thread *t);

/* Copies what fork inherits: FPU (saved from the CPU if `from` runs), TLS, fs and gs. */
void x86_thread_fork(struct x86_thread *to, struct x86_thread *from);

/* Saves the running thread's FPU state into its image / loads it back (signal frames). */
void x86_fpu_save(struct x86_thread *t);
void x86_fpu_restore(struct x86_thread *t);

/* Takes over an FXSAVE image that a program may have forged, with what the CPU would refuse masked
 * out, and loads it. t is the running thread. */
void x86_fpu_load_user(struct x86_thread *t, const void *fxsave512);

/* Gives a thread that does not run an FXSAVE image; -EINVAL when the CPU would refuse it. */
long x86_fpu_set(struct x86_thread *t, const void *fxsave512) __must_check;

/* The running thread's FPU state, to and from a struct abi_fpstate in user memory: the old FSAVE
 * image with the FXSAVE image behind it. A handler may have changed either: the x87 registers are
 * the first one's, the rest is the second's. `to` must be in user space; its x87 unit is as after
 * FNINIT then. -EFAULT or false when the memory cannot be accessed. */
int x86_fpu_to_user(struct abi_fpstate *to) __must_check;
bool x86_fpu_from_user(uptr_t at) __must_check;

/* Gives the running thread the state that programs start with. */
void x86_fpu_load_fresh(void);

/* Loads t->tls into this CPU's GDT, after t, the running thread, changed it. */
void x86_tls_load(const struct x86_thread *t);

static inline u16 x86_get_fs(void)
{
	u32 sel;
	__asm__ volatile("movl %%fs, %0" : "=r"(sel));
	return (u16)sel;
}
static inline u16 x86_get_gs(void)
{
	u32 sel;
	__asm__ volatile("movl %%gs, %0" : "=r"(sel));
	return (u16)sel;
}
/* Loads a selector, falling back to 0 when the CPU refuses it. */
#define X86_SET_SEGMENT(reg, sel)                                                                  \
	__asm__ volatile("1: movl %0, %%" reg "\n"                                                 \
			 ".pushsection .text.fixup, \"ax\"\n"                                     \
			 "2: xorl %0, %0\n"                                                        \
			 "jmp 1b\n"                                                                \
			 ".popsection\n"                                                           \
			 ".pushsection __ex_table, \"a\"\n"                                       \
			 ".balign 4\n"                                                             \
			 ".long 1b, 2b\n"                                                          \
			 ".popsection"                                                             \
			 : "+r"(sel)::"cc")
static inline void x86_set_fs(u32 sel)
{
	X86_SET_SEGMENT("fs", sel);
}
static inline void x86_set_gs(u32 sel)
{
	X86_SET_SEGMENT("gs", sel);
}

/* Loads fs and gs of the running thread again, after a descriptor that they may name has changed. */
void x86_segments_reload(void);

/* Switches stacks, FPU, TLS, TSS esp0 and kmap slots. Interrupts are off. Returns when `from` is
 * switched to again. Page tables are the caller's business. */
void x86_switch(struct x86_thread *from, struct x86_thread *to);

#endif
