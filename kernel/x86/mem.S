/*
 * memcpy, memset, and clearing and copying whole pages.
 *
 * Arguments arrive in EAX, EDX, ECX (-mregparm=3). Page operations use SSE registers, which belong
 * to the running program: the ones used are saved on the stack meanwhile.
 */
#include "kernel/x86/asm.h"

#define PAGE_SIZE 4096

	.text

/* void *memcpy(void *dst, const void *src, size_t n). From four bytes on, the odd ones at the end
 * are covered by a word that overlaps what is copied anyway. */
	FUNC	memcpy
	cmpl	$16, %ecx
	jbe	1f
	PUSH	edi
	PUSH	esi
	movl	-4(%edx, %ecx), %edi
	movl	%edi, -4(%eax, %ecx)
	movl	%edx, %esi
	movl	%eax, %edi
	shrl	$2, %ecx
	rep	movsl
	POP	esi
	POP	edi
	ret
1:	cmpl	$4, %ecx
	jb	3f
	PUSH	ebx
	cmpl	$8, %ecx
	jbe	2f
	movl	4(%edx), %ebx
	movl	%ebx, 4(%eax)
	movl	-8(%edx, %ecx), %ebx
	movl	%ebx, -8(%eax, %ecx)
2:	movl	(%edx), %ebx
	movl	%ebx, (%eax)
	movl	-4(%edx, %ecx), %ebx
	movl	%ebx, -4(%eax, %ecx)
	POP	ebx
	ret
3:	testl	%ecx, %ecx
	jz	5f
	PUSH	ebx
4:	movb	-1(%edx, %ecx), %bl
	movb	%bl, -1(%eax, %ecx)
	decl	%ecx
	jnz	4b
	POP	ebx
5:	ret
	ENDFUNC memcpy

/* void *memset(void *dst, int c, size_t n) */
	FUNC	memset
	movzbl	%dl, %edx
	cmpl	$4, %ecx
	jb	1f
	imull	$0x01010101, %edx
	movl	%edx, -4(%eax, %ecx)
	PUSH	edi
	movl	%eax, %edi
	shrl	$2, %ecx
	xchgl	%eax, %edx
	rep	stosl
	movl	%edx, %eax
	POP	edi
	ret
1:	testl	%ecx, %ecx
	jz	3f
2:	movb	%dl, -1(%eax, %ecx)
	decl	%ecx
	jnz	2b
3:	ret
	ENDFUNC memset

/* struct page *page_clear_sse2(void *page, struct page *p): p */
	FUNC	page_clear_sse2
	subl	$16, %esp
	.cfi_adjust_cfa_offset 16
	movups	%xmm0, (%esp)
	xorps	%xmm0, %xmm0
	.set	off, 0
	.rept	PAGE_SIZE / 16
	movaps	%xmm0, off(%eax)
	.set	off, off + 16
	.endr
	movups	(%esp), %xmm0
	addl	$16, %esp
	.cfi_adjust_cfa_offset -16
	movl	%edx, %eax
	ret
	ENDFUNC page_clear_sse2

/* void page_clear_rep(void *page) */
	FUNC	page_clear_rep
	PUSH	edi
	movl	%eax, %edi
	xorl	%eax, %eax
	movl	$(PAGE_SIZE / 4), %ecx
	rep	stosl
	POP	edi
	ret
	ENDFUNC page_clear_rep

/* void page_copy_sse2(void *dst, const void *src) */
	FUNC	page_copy_sse2
	subl	$16, %esp
	.cfi_adjust_cfa_offset 16
	movups	%xmm0, (%esp)
	.set	off, 0
	.rept	PAGE_SIZE / 16
	movaps	off(%edx), %xmm0
	movaps	%xmm0, off(%eax)
	.set	off, off + 16
	.endr
	movups	(%esp), %xmm0
	addl	$16, %esp
	.cfi_adjust_cfa_offset -16
	ret
	ENDFUNC page_copy_sse2

/* void page_copy_rep(void *dst, const void *src) */
	FUNC	page_copy_rep
	PUSH	edi
	PUSH	esi
	movl	%eax, %edi
	movl	%edx, %esi
	movl	$(PAGE_SIZE / 4), %ecx
	rep	movsl
	POP	esi
	POP	edi
	ret
	ENDFUNC page_copy_rep

	.section .note.GNU-stack, "", @progbits
