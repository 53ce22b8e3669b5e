/*
 * Copies that may fault. Arguments arrive in EAX, EDX, ECX; ranges have been checked by the
 * callers in uaccess.c.
 *
 * Words first, then the odd bytes. When a word cannot be copied, what is left is tried byte by
 * byte, so that the count returned is exact even where a word straddles two pages.
 */
#include "kernel/x86/asm.h"

#define EFAULT       14
#define ENAMETOOLONG 36

/* Offsets into struct abi_fpstate; kernel/x86/thread.c asserts them. */
#define FPSTATE_STATUS 108 /* and magic */
#define FPSTATE_FXSAVE 112

#define FXSAVE_MXCSR      24     /* offset into the FXSAVE image */
#define MXCSR_MASK_LEGACY 0xffbf /* bits that every CPU takes */

	.text

/* size_t user_copy(void *dst, const void *src, size_t n): bytes not copied. One of the two is a
 * user address. */
	FUNC	user_copy
	PUSH	edi
	PUSH	esi
	movl	%eax, %edi
	movl	%edx, %esi
	movl	%ecx, %eax
	shrl	$2, %ecx
	andl	$3, %eax
	STAC
1:	rep	movsl
	movl	%eax, %ecx
2:	rep	movsb
3:	CLAC
	movl	%ecx, %eax
	.cfi_remember_state
	POP	esi
	POP	edi
	ret
	.cfi_restore_state
4:	leal	(%eax, %ecx, 4), %ecx
	jmp	2b
	EXTABLE	1b, 4b
	EXTABLE	2b, 3b
	ENDFUNC user_copy

/* size_t user_copy_sse2(void *dst, const void *src, size_t n): as user_copy(), for at least
 * SSE_BLOCK bytes. They pass through a register that belongs to the running program: it is saved
 * meanwhile, and if a fault sleeps it is switched with the rest of the FPU's state. What is left at
 * the end, or from the first block on that faults for good, is user_copy()'s. */
	FUNC	user_copy_sse2
	subl	$16, %esp
	.cfi_adjust_cfa_offset 16
	movups	%xmm0, (%esp)
	subl	$SSE_BLOCK, %ecx
	STAC
1:
	.set	off, 0
	.rept	SSE_BLOCK / 16
2:	movups	off(%edx), %xmm0
3:	movups	%xmm0, off(%eax)
	EXTABLE	2b, 4f
	EXTABLE	3b, 4f
	.set	off, off + 16
	.endr
	addl	$SSE_BLOCK, %edx
	addl	$SSE_BLOCK, %eax
	subl	$SSE_BLOCK, %ecx
	jae	1b
4:	addl	$SSE_BLOCK, %ecx
	movups	(%esp), %xmm0
	addl	$16, %esp
	.cfi_adjust_cfa_offset -16
	jmp	user_copy
	ENDFUNC user_copy_sse2

/* size_t kernel_peek(void *dst, const void *src, size_t n): as user_copy(), of kernel memory. */
	FUNC	kernel_peek
	PUSH	edi
	PUSH	esi
	movl	%eax, %edi
	movl	%edx, %esi
1:	rep	movsb
2:	movl	%ecx, %eax
	POP	esi
	POP	edi
	ret
	EXTABLE	1b, 2b
	ENDFUNC kernel_peek

/* long user_strncpy(char *dst, const char *src, size_t n): the string's length, or -ENAMETOOLONG
 * when there is no NUL in n bytes, or -EFAULT. */
	FUNC	user_strncpy
	PUSH	edi
	PUSH	esi
	movl	%eax, %edi
	movl	%edx, %esi
	STAC
1:	subl	$1, %ecx
	jc	4f
2:	lodsb
	stosb
	testb	%al, %al
	jnz	1b
	subl	%edx, %esi
	leal	-1(%esi), %eax
3:	CLAC
	.cfi_remember_state
	POP	esi
	POP	edi
	ret
	.cfi_restore_state
4:	movl	$-ENAMETOOLONG, %eax
	jmp	3b
5:	movl	$-EFAULT, %eax
	jmp	3b
	EXTABLE	2b, 5b
	ENDFUNC user_strncpy

/* int user_get_u32(u32 *dst, const u32 *src): 0 or -EFAULT. */
	FUNC	user_get_u32
	STAC
1:	movl	(%edx), %ecx
	CLAC
	movl	%ecx, (%eax)
	xorl	%eax, %eax
	ret
	EXTABLE	1b, user_word_fault
	ENDFUNC user_get_u32

/* int user_put_u32(u32 *dst, u32 v): 0 or -EFAULT. */
	FUNC	user_put_u32
	STAC
1:	movl	%edx, (%eax)
	CLAC
	xorl	%eax, %eax
	ret
	EXTABLE	1b, user_word_fault
	ENDFUNC user_put_u32

/* int x86_fpu_to_user(struct abi_fpstate *to), kernel/x86/thread.h. Where CPUs differ, the words are
 * made what Linux makes them. */
	FUNC	x86_fpu_to_user
	STAC
1:	fxsave	FPSTATE_FXSAVE(%eax)
2:	fnsave	(%eax)
3:	orl	$0xffff0000, (%eax)
4:	orl	$0xffff0000, 4(%eax)
5:	orl	$0xffff0000, 8(%eax)
6:	movw	$0, 26(%eax)
7:	movzwl	4(%eax), %edx
8:	movl	%edx, FPSTATE_STATUS(%eax)
	CLAC
	xorl	%eax, %eax
	ret
	EXTABLE	1b, user_word_fault
	EXTABLE	2b, user_word_fault
	EXTABLE	3b, user_word_fault
	EXTABLE	4b, user_word_fault
	EXTABLE	5b, user_word_fault
	EXTABLE	6b, user_word_fault
	EXTABLE	7b, user_word_fault
	EXTABLE	8b, user_word_fault
	ENDFUNC x86_fpu_to_user

/* int user_fpu_load(const struct abi_fpstate *from): the way back; 0 or -EFAULT, also when a CPU could
 * refuse what is in the FXSAVE image. What the x87 unit had pending is dropped. */
	FUNC	user_fpu_load
	STAC
1:	testl	$~MXCSR_MASK_LEGACY, FPSTATE_FXSAVE + FXSAVE_MXCSR(%eax)
	jnz	user_word_fault
2:	fxrstor	FPSTATE_FXSAVE(%eax)
	fninit
3:	frstor	(%eax)
	CLAC
	xorl	%eax, %eax
	ret
	EXTABLE	1b, user_word_fault
	EXTABLE	2b, user_word_fault
	EXTABLE	3b, user_word_fault
	ENDFUNC user_fpu_load

/* int user_frstor(const struct abi_fpstate *from): only the FSAVE image. */
	FUNC	user_frstor
	fninit
	STAC
1:	frstor	(%eax)
	CLAC
	xorl	%eax, %eax
	ret
	EXTABLE	1b, user_word_fault
	ENDFUNC user_frstor

user_word_fault:
	CLAC
	movl	$-EFAULT, %eax
	ret

	.section .note.GNU-stack, "", @progbits
