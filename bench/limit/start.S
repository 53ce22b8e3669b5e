/* The limit's ring 0: from the loader to ring 3 with paging on, the traps, clear and copy. */
#include "bench/limit/limit.h"

#define MULTIBOOT_MAGIC 0x1badb002
#define CR0_PG_WP_NE_MP 0x80010022
#define CR0_EM_TS 0x0000000c
#define CR4_PAE_OSFXSR 0x220
#define EFLAGS_IOPL3 0x3002

	.section .multiboot, "a"
	.align	4
	.long	MULTIBOOT_MAGIC, 0, -MULTIBOOT_MAGIC

	.text
	.globl	_start
_start:
	movl	$kernel_stack_top, %esp
	lgdt	gdt_pointer
	ljmp	$SEL_KCODE, $1f
1:	movl	$SEL_KDATA, %eax
	movl	%eax, %ss
	call	fill_tables
	lidt	idt_pointer
	movl	$SEL_TSS, %eax
	ltr	%ax
	movl	%cr4, %eax
	orl	$CR4_PAE_OSFXSR, %eax
	movl	%eax, %cr4
	movl	$pdpt, %eax
	movl	%eax, %cr3
	movl	%cr0, %eax
	andl	$~CR0_EM_TS, %eax
	orl	$CR0_PG_WP_NE_MP, %eax
	movl	%eax, %cr0
	movl	$SEL_UDATA, %eax
	movl	%eax, %ds
	movl	%eax, %es
	pushl	$SEL_UDATA
	pushl	$user_stack_top
	pushl	$EFLAGS_IOPL3
	pushl	$SEL_UCODE
	pushl	$user_main
	iret

/* eax: one of CALL_*; ebx, ecx, edx: its arguments. */
	.globl	call_entry
call_entry:
	pushal
	xchgl	%eax, %ebx
	xchgl	%ecx, %edx
	call	*call_actions(, %ebx, 4)
	popal
	iret

	.globl	call_null
call_null:
	ret

/* The frame of a page of the region has the page's offset; so has its PTE, in units of its own. */
	.globl	fault_entry
fault_entry:
	addl	$4, %esp
	pushl	%eax
	pushl	%ecx
	pushl	%edx
	movl	%cr2, %eax
	andl	$-4096, %eax
	subl	$REGION - FRAMES, %eax
	jmp	*fault_action

	.globl	fault_clear, fault_map, fault_copy, fault_signal
fault_clear:
	movl	%eax, %edx
	call	clear_page
	movl	%edx, %eax
fault_map:
	leal	PTE_P | PTE_W | PTE_U(%eax), %ecx
	subl	$FRAMES, %eax
	shrl	$9, %eax
	movl	%ecx, region_tables(%eax)
	popl	%edx
	popl	%ecx
	popl	%eax
	iret
fault_copy:
	movl	%eax, %edx
	leal	SOURCES - FRAMES(%eax), %ecx
	call	copy_page
	movl	%edx, %eax
	jmp	fault_map

/* Goes on in the handler, with what is needed for the way back on the user's stack. */
fault_signal:
	movl	24(%esp), %edx		/* the user's esp */
	movl	12(%esp), %ecx		/* eip */
	movl	%ecx, -4(%edx)
	movl	20(%esp), %ecx		/* eflags */
	movl	%ecx, -8(%edx)
	movl	(%esp), %ecx		/* edx, ecx, eax */
	movl	%ecx, -12(%edx)
	movl	4(%esp), %ecx
	movl	%ecx, -16(%edx)
	movl	8(%esp), %ecx
	movl	%ecx, -20(%edx)
	subl	$20, %edx
	movl	%edx, 24(%esp)
	movl	signal_handler, %ecx
	movl	%ecx, 12(%esp)
	addl	$12, %esp
	iret

/* From call_entry: its return address, pushal's eight words, and the trap's frame. */
	.globl	call_sigreturn
call_sigreturn:
	movl	48(%esp), %edx
	movl	(%edx), %ecx
	movl	%ecx, 32(%esp)
	movl	4(%edx), %ecx
	movl	%ecx, 28(%esp)
	movl	8(%edx), %ecx
	movl	%ecx, 24(%esp)
	movl	12(%edx), %ecx
	movl	%ecx, 44(%esp)
	movl	16(%edx), %ecx
	movl	%ecx, 36(%esp)
	addl	$20, %edx
	movl	%edx, 48(%esp)
	ret

/* eax: the page. Changes ecx and xmm0. */
	.globl	clear_page
clear_page:
	leal	4096(%eax), %ecx
	pxor	%xmm0, %xmm0
1:	.set	at, 0
	.rept	8
	movaps	%xmm0, at(%eax)
	.set	at, at + 16
	.endr
	addl	$128, %eax
	cmpl	%ecx, %eax
	jne	1b
	ret

/* eax: to; ecx: from. Changes both, and xmm0 to xmm3. */
copy_page:
	pushl	%ebx
	leal	4096(%eax), %ebx
1:	.set	at, 0
	.rept	2
	movaps	at(%ecx), %xmm0
	movaps	at + 16(%ecx), %xmm1
	movaps	at + 32(%ecx), %xmm2
	movaps	at + 48(%ecx), %xmm3
	movaps	%xmm0, at(%eax)
	movaps	%xmm1, at + 16(%eax)
	movaps	%xmm2, at + 32(%eax)
	movaps	%xmm3, at + 48(%eax)
	.set	at, at + 64
	.endr
	subl	$-128, %ecx
	subl	$-128, %eax
	cmpl	%ebx, %eax
	jne	1b
	popl	%ebx
	ret

	.data
	.align	8
	.globl	gdt_tss
gdt:
	.quad	0
	.quad	0x00cf9a000000ffff
	.quad	0x00cf92000000ffff
	.quad	0x00cffa000000ffff
	.quad	0x00cff2000000ffff
gdt_tss:
	.quad	0
gdt_pointer:
	.word	. - gdt - 1
	.long	gdt
idt_pointer:
	.word	256 * 8 - 1
	.long	idt

	.globl	fault_action, signal_handler, kernel_stack_top
	.align	4
fault_action:
	.long	fault_clear
signal_handler:
	.long	0

	.bss
	.align	16
	.skip	8192
kernel_stack_top:
	.skip	65536
user_stack_top:

	.section .note.GNU-stack, "", @progbits
