/*
 * The machine state of a thread as its debugger sees and sets it: registers, single steps, debug
 * registers. The thread is off the CPU, stopped on its way to or from user mode, so that all of its
 * state is in its frame and its struct; what is for the running thread says so.
 */
#ifndef X86_PTRACE_H
#define X86_PTRACE_H

#include "kernel/abi/ptrace.h"
#include "kernel/lib/types.h"
#include "kernel/x86/thread.h"

struct trapframe;

void x86_regs_get(const struct x86_thread *t, struct abi_user_regs *r);
/* Word `nr` of struct abi_user_regs. -EIO for a selector that a program may not have. */
long x86_reg_set(struct x86_thread *t, u32 nr, u32 value) __must_check;

/* From now on the program traps after each instruction, or no more. TF, which makes it do so, is not
 * among the flags that the debugger sees unless the program has set it itself. */
void x86_step(struct x86_thread *t, bool on);

/* Debug register `nr` (0 to 7). Setting gives -EIO where there is none, -EINVAL for an address of the
 * kernel's and for what DR7 cannot ask for; then nothing has changed. */
u32 x86_debugreg_get(const struct x86_thread *t, u32 nr);
long x86_debugreg_set(struct x86_thread *t, u32 nr, u32 value) __must_check;

/* --- The running thread --- */

/* DR6: breakpoints 0 to 3 hit, and a single step. */
#define DR6_HITS 0x0000000fu
#define DR6_STEP 0x00004000u

/* After a debug exception: what of that it was for, which the thread's dr6 keeps. */
u32 x86_debug_trap(struct trapframe *tf);

/* The program has gone, and its breakpoints with it. */
void x86_debug_clear(struct x86_thread *t);

/* Whether the running thread may read the time stamp counter; a new thread inherits it. Caller holds
 * process_lock. */
void x86_tsc_allow(bool on);

/* The part of x86_switch() for threads of which one has TRACED_ bits. */
void x86_switch_traced(const struct x86_thread *from, const struct x86_thread *to);

#endif
