/*
 * The double fault. It comes when an exception cannot be delivered, nearly always because the
 * kernel stack has run into its guard page, so its gate is a task gate: the CPU saves all registers
 * in the TSS and goes on in a task with a stack and page tables of its own.
 */
#include "kernel/x86/df.h"
#include "kernel/core/panic.h"
#include "kernel/core/sched.h"
#include "kernel/x86/gdt.h"
#include "kernel/x86/io.h"
#include "kernel/x86/trap.h"

/* How far above the lowest byte of a stack ESP may still be when a push runs over the edge: a trap
 * frame, or the local variables of a large function. */
#define OVERFLOW_SLACK 512u

static bool near_guard(u32 addr, u32 stack)
{
	return addr >= stack - PAGE_SIZE && addr < stack + OVERFLOW_SLACK;
}

static u32 running_stack(void)
{
	const struct thread *t = current_thread();

	return t->kstack ? (u32)t->kstack : (u32)boot_stack;
}

void double_fault(void)
{
	const struct tss *t = tss_interrupted();
	struct trapframe tf = {
		.ebx = t->ebx,
		.ecx = t->ecx,
		.edx = t->edx,
		.esi = t->esi,
		.edi = t->edi,
		.ebp = t->ebp,
		.eax = t->eax,
		.ds = t->ds,
		.es = t->es,
		.trapno = VEC_DF,
		.eip = t->eip,
		.cs = t->cs,
		.eflags = t->eflags,
		.esp = t->esp,
		.ss = t->ss,
	};

	if (near_guard(t->esp, running_stack()))
		panic_trap(&tf, "kernel stack overflow: esp %08x, stack %08x-%08x", t->esp,
			running_stack(), running_stack() + KSTACK_SIZE);
	panic_trap(&tf, "double fault: esp %08x, CR2 %08x", t->esp, read_cr2());
}
