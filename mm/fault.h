/*
 * Page faults: from CR2 to a frame, or to a signal.
 *
 *   find the VMA -> may it be accessed so? -> what is in the entry?
 *
 *      nothing, private memory     read: the zero page        write: a zeroed frame
 *      nothing, object             read or shared: its page   private write: a copy of it
 *      a frame, write refused      the last owner reuses it   else: a copy
 *
 * Below a growing stack the VMA is extended first. What cannot be resolved is SIGSEGV or SIGBUS for
 * user mode, the exception table for a copy in the kernel, a panic for anything else.
 */
#ifndef MM_FAULT_H
#define MM_FAULT_H

#include "mm/space.h"

enum fault_result {
	FAULT_DONE,
	FAULT_OOM,
	FAULT_MAPERR, /* SIGSEGV: nothing is mapped there */
	FAULT_ACCERR, /* SIGSEGV: not for this access */
	FAULT_SIGBUS, /* beyond the end of the object */
	FAULT_HWPOISON, /* SIGBUS: the page was lost with its frame */
	FAULT_USERFAULT, /* the program's: userfault_wait() with no lock held, then again */
};

/* A kind of access besides PF_WRITE and PF_INSTR of the hardware, for debuggers: only the VM_MAY*
 * bits count. What mm_access() does not write even so is its business. */
#define FAULT_FORCE 0x100u
/* An access that is done to the frame: for mm_populate_access(). */
#define FAULT_PIN 0x200u

/* Makes `addr` accessible. Caller holds mm->lock. Does not sleep but for the object's filler. */
enum fault_result fault_in(struct mm *mm, vaddr_t addr, u32 access);

/* Implemented by kernel/proc/fault_signal.c: the signal of a fault of the running thread, whose frame
 * is tf, for FAULT_MAPERR, _ACCERR, _SIGBUS or _HWPOISON; delivered even when it is blocked or ignored (then it
 * kills). */
struct trapframe;
void signal_force_fault(struct trapframe *tf, vaddr_t addr, enum fault_result why);

/* Implemented by kernel/proc/oom.c: takes memory that nobody needs, or ends the process that holds
 * most of it and lets it go its way. Returns whether the caller should try again: not when it is
 * the one that must die, nor when there is nobody to kill, which who cannot do without (`must`)
 * does not survive. Caller holds no lock. */
bool oom_kill(bool must);

/* /proc/sys/vm. Not 0: the one who asked for memory is killed, not the largest; a table of all
 * processes goes to the log first; the kernel panics instead. */
extern u32 oom_kill_allocating_task, oom_dump_tasks, panic_on_oom;

#endif
