/* From one kernel stack to another, and loading selectors that the CPU may refuse. */
#include "kernel/x86/asm.h"

	.text

/* void switch_stacks(u32 *save_esp, u32 new_esp): returns on the other stack. The registers pushed
 * are those a C function keeps; thread.c lays out the same for a thread's first run. */
	ENTRY	switch_stacks
	pushl	%ebp
	pushl	%ebx
	pushl	%esi
	pushl	%edi
	movl	%esp, (%eax)
	movl	%edx, %esp
	popl	%edi
	popl	%esi
	popl	%ebx
	popl	%ebp
	ret
	END	switch_stacks

/* Where a new thread's first switch returns to: fn in EBX, arg in ESI. */
	ENTRY	thread_first_run
	sti
	movl	%esi, %eax
	pushl	$0		/* ends the chain of frames, with ebp 0 */
	jmp	*%ebx
	END	thread_first_run

	.section .note.GNU-stack, "", @progbits
