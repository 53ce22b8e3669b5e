/* Segments and task states of a CPU: the flat segments, three slots for the running thread's TLS,
 * the local table of an address space that has one, the TSS that says where a trap from user mode finds the kernel stack, and the task that a double
 * fault switches to. */
#ifndef X86_GDT_H
#define X86_GDT_H

#include "kernel/x86/thread.h"

/* Task state segment, Intel SDM vol. 3A, 7.2.1. */
struct tss {
	u32 link;
	u32 esp0, ss0, esp1, ss1, esp2, ss2;
	u32 cr3, eip, eflags;
	u32 eax, ecx, edx, ebx, esp, ebp, esi, edi;
	u32 es, cs, ss, ds, fs, gs;
	u32 ldt;
	u16 trap, iomap; /* iomap beyond the limit: no port is open to user mode */
};
_Static_assert(sizeof(struct tss) == 104, "TSS is 104 bytes");

/* Loads GDT, TSS and segment registers. */
void gdt_init(void);

/* Puts three descriptors into the TLS slots of this CPU. */
void gdt_load_tls(const struct segdesc tls[GDT_TLS_NR]);

/* Makes `nr` descriptors this CPU's local table; 0: it has none. They stay the caller's. */
void gdt_load_ldt(const struct segdesc *table, u32 nr);

/* Where the next trap or SYSENTER from user mode starts pushing. */
void tss_set_stack(u32 top);

/* Registers of whoever ran when the double fault came. */
const struct tss *tss_interrupted(void);

/* The page directory pointer table that the double-fault task runs with. */
void tss_set_double_fault_cr3(u32 cr3);

#endif
