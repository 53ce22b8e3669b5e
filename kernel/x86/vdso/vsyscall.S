/*
 * What the vDSO has for system calls and signals. A program calls __kernel_vsyscall() with the
 * registers of `int $0x80`; the trampolines are where handlers without SA_RESTORER return to.
 * Debuggers and unwinders know them by their instructions, so these are Linux's.
 */

	.text

/*
 * On a CPU with SYSENTER the kernel puts `movl %esp, %ebp; sysenter` over the four bytes at
 * vdso_sysenter. SYSENTER keeps neither eip nor esp: the kernel finds esp in ebp, ebp's value on
 * the stack, and goes on behind the `int`. A call that is restarted repeats the `int`.
 */
	.globl	__kernel_vsyscall
	.type	__kernel_vsyscall, @function
	.balign	16
__kernel_vsyscall:
	.cfi_startproc
	pushl	%ecx
	.cfi_adjust_cfa_offset 4
	.cfi_rel_offset ecx, 0
	pushl	%edx
	.cfi_adjust_cfa_offset 4
	.cfi_rel_offset edx, 0
	pushl	%ebp
	.cfi_adjust_cfa_offset 4
	.cfi_rel_offset ebp, 0
	.globl	vdso_sysenter
vdso_sysenter:
	nop
	nop
	nop
	nop
	int	$0x80
	.globl	vdso_landing
vdso_landing:
	popl	%ebp
	.cfi_adjust_cfa_offset -4
	.cfi_restore ebp
	popl	%edx
	.cfi_adjust_cfa_offset -4
	.cfi_restore edx
	popl	%ecx
	.cfi_adjust_cfa_offset -4
	.cfi_restore ecx
	ret
	.cfi_endproc
	.size	__kernel_vsyscall, . - __kernel_vsyscall

	.globl	__kernel_sigreturn
	.type	__kernel_sigreturn, @function
	.balign	16
	nop			/* unwinders look at the byte before a return address */
__kernel_sigreturn:
	popl	%eax
	movl	$119, %eax	/* sigreturn */
	int	$0x80
	.globl	vdso_sigreturn_landing
vdso_sigreturn_landing:
	.size	__kernel_sigreturn, . - __kernel_sigreturn

	.globl	__kernel_rt_sigreturn
	.type	__kernel_rt_sigreturn, @function
	.balign	16
	nop
__kernel_rt_sigreturn:
	movl	$173, %eax	/* rt_sigreturn */
	int	$0x80
	.globl	vdso_rt_sigreturn_landing
vdso_rt_sigreturn_landing:
	.size	__kernel_rt_sigreturn, . - __kernel_rt_sigreturn

	.section .note.GNU-stack, "", @progbits
