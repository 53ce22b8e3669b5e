/*
 * The trap frame, and the calls that the entry code makes into the kernel above it.
 *
 * All entries build the same frame, so a signal, a fork and a panic read one struct. Interrupt
 * gates everywhere except int 0x80: handlers start with interrupts off; the page-fault and
 * system-call paths turn them on as soon as CR2 is read.
 */
#ifndef X86_TRAP_H
#define X86_TRAP_H

#include "kernel/lib/types.h"
#include "kernel/x86/thread.h"

/* What PUSHA, the entry code and the CPU push. Without fs and gs, which the kernel never touches:
 * they are read live (x86_get_fs, x86_get_gs) and switched with the thread. Of the words that hold
 * a selector only the low half is defined. */
struct trapframe {
	u32 edi, esi, ebp;
	u32 pusha_esp; /* the kernel's; POPA passes over it */
	u32 ebx, edx, ecx, eax;
	u32 ds, es;
	u32 trapno;   /* vector; -1 for none */
	u32 orig_eax; /* system call: its number; exceptions: the error code */
	u32 eip, cs, eflags;
	u32 esp, ss; /* pushed by the CPU only when it came from user mode */
};

#define EFLAGS_TF 0x100u
#define EFLAGS_IF 0x200u
#define EFLAGS_DF 0x400u
#define EFLAGS_RF 0x10000u
#define EFLAGS_AC 0x40000u
/* What sigreturn may change: CF PF AF ZF SF TF DF OF RF AC. */
#define EFLAGS_USER_MASK 0x50dd5u

/* A thread's frame at the top of the kernel stack, where user state is while in the kernel. */
static inline struct trapframe *x86_thread_frame(const struct x86_thread *t)
{
	return (struct trapframe *)(size_t)t->kstack_top - 1;
}

static inline bool tf_from_user(const struct trapframe *tf)
{
	return (tf->cs & 3) == 3;
}

/* Page-fault error code bits, Intel SDM vol. 3A, 4.7. */
#define PF_PRESENT 0x01u
#define PF_WRITE   0x02u
#define PF_USER    0x04u
#define PF_RSVD    0x08u
#define PF_INSTR   0x10u

enum { /* vectors */
	VEC_DE = 0,
	VEC_DB = 1,
	VEC_NMI = 2,
	VEC_BP = 3,
	VEC_OF = 4,
	VEC_BR = 5,
	VEC_UD = 6,
	VEC_NM = 7,
	VEC_DF = 8,
	VEC_TS = 10,
	VEC_NP = 11,
	VEC_SS = 12,
	VEC_GP = 13,
	VEC_PF = 14,
	VEC_MF = 16,
	VEC_AC = 17,
	VEC_MC = 18,
	VEC_XM = 19,
	VEC_IRET = 31, /* no exception of the CPU's: iret refused what it was to load */
	VEC_IRQ0 = 32, /* and 15 more: the 8259s' */
	VEC_LAPIC_TIMER = 48,
	VEC_SPURIOUS = 63, /* the local APIC's; old ones have ones in the low bits, whatever is asked */
	VEC_SYSCALL = 128,
};

/* --- Called by the entry code, implemented above it --- */

/* mm/fault.c. `addr` is CR2. Interrupts are as the interrupted code had them. */
void handle_page_fault(struct trapframe *tf, vaddr_t addr);

/* kernel/syscall.c. The functions of system calls by number, none of them NULL: called with six
 * arguments and interrupts on, what they return goes to the frame's eax. */
typedef long (*syscall_fn)(u32, u32, u32, u32, u32, u32);
extern const syscall_fn syscall_table[];
/* kernel/proc/vdso.c. Fills in what SYSENTER leaves out of a frame: eip and ebp. False: the frame's
 * eax says why there is no call to make. */
bool sysenter_complete(struct trapframe *tf);
/* The same file. SYSEXIT restores what is in the frame, but for ecx and edx, and these nobody misses.
 * Interrupts are off. */
bool sysexit_suffices(const struct trapframe *tf);
/* The function of the numbers beyond the table, and of those without a call. */
long syscall_missing(void);

/* kernel/core/trace_doors.c. Instead of the two above while they are traced. Interrupts are off in a
 * page fault until the handler turns them on as they were. */
void traced_page_fault(struct trapframe *tf, vaddr_t addr);
long traced_syscall(struct trapframe *tf);

/* kernel/proc/fault_signal.c. An exception other than a page fault, from user mode. */
void handle_user_trap(struct trapframe *tf);

/* kernel/proc/signal_take.c. On the way to user mode with thread.work != 0, interrupts on; called
 * again until work is 0. */
void handle_user_return(struct trapframe *tf);

/* --- Offered by the entry code --- */

/* Handler of an IRQ line (0..15), called with interrupts off. */
void irq_register(u32 irq, void (*fn)(struct trapframe *tf));

/* If a kernel-mode fault at tf->eip has an exception-table entry, continues there. */
bool trap_fixup(struct trapframe *tf);

/* Pops `tf` into user mode; never returns. Used once, by process 1 and by new threads' start. Its
 * cs and ss must have RPL 3 whatever a program asked for (tf_from_user() tells user frames by it);
 * a selector that the CPU refuses costs the program, not the kernel. */
__noreturn void trap_return(struct trapframe *tf);

/* Sends page faults and system calls to the tracer from now on, or no more. On this CPU. */
void trap_trace(bool on);
/* The same for as long as the thread runs that is switched to. */
void trap_trace_thread(bool on);

/* GDT, TSS, IDT, exception table, interrupt controller. Interrupts stay off until irq_enable(). */
void trap_init(void);

static inline u32 irq_save(void)
{
	u32 flags;
	__asm__ volatile("pushfl; popl %0; cli" : "=r"(flags)::"memory");
	return flags;
}

static inline void irq_restore(u32 flags)
{
	if (flags & EFLAGS_IF)
		__asm__ volatile("sti" ::: "memory");
}

static inline void irq_enable(void)
{
	__asm__ volatile("sti" ::: "memory");
}

static inline void irq_disable(void)
{
	__asm__ volatile("cli" ::: "memory");
}

static inline bool irq_enabled(void)
{
	u32 flags;
	__asm__ volatile("pushfl; popl %0" : "=r"(flags));
	return flags & EFLAGS_IF;
}

#endif
