/*
 * The first instructions. The loader enters here with paging off, at physical addresses, with the
 * image at 1 MiB; we leave through kernel_main() with paging on, at the addresses the image is
 * linked for.
 *
 * On the way there is one page directory, of 2 MiB pages, that maps the first 896 MiB. The page
 * directory pointer table has it twice: as entry 3 it is the direct map, as entry 0 the identity
 * map that the few instructions around the switch need. Entry 0 is taken back at once.
 *
 * An exception would become a triple fault, which QEMU with -no-reboot calls success. So the very
 * first thing is an IDT whose handlers say one line on the serial port and leave with failure.
 */
#include "boot/multiboot.h"
#include "kernel/x86/layout.h"

#define PHYS(x) ((x) - KERNEL_BASE)

#define CR0_PE 0x00000001
#define CR0_MP 0x00000002
#define CR0_EM 0x00000004
#define CR0_TS 0x00000008
#define CR0_NE 0x00000020
#define CR0_WP 0x00010000
#define CR0_AM 0x00040000
#define CR0_NW 0x20000000
#define CR0_CD 0x40000000
#define CR0_PG 0x80000000
#define CR4_PAE 0x20

#define EFLAGS_ID 0x00200000
#define CPUID_1_EDX_PAE 0x40

#define PDE_FLAGS 0x83 /* present, writable, 2 MiB */
#define PDPTE_FLAGS 0x1
#define PD_ENTRIES 512
#define DIRECT_PDES (LOWMEM_LIMIT >> 21)

/* struct multiboot_info: flags, and KiB of memory from 1 MiB up. */
#define MBI_FLAGS 0
#define MBI_MEM_UPPER 8
#define LOW_STACK 0x7000

#define SERIAL_DATA 0x3f8
#define SERIAL_LSR 0x3fd
#define LSR_THR_EMPTY 0x20
#define DEBUG_EXIT_PORT 0xf4

	.section .multiboot, "a"
	.align 4
#define HEADER_FLAGS (MULTIBOOT_PAGE_ALIGN | MULTIBOOT_MEMORY_INFO)
	.long MULTIBOOT_HEADER_MAGIC, HEADER_FLAGS, -(MULTIBOOT_HEADER_MAGIC + HEADER_FLAGS)
	.long 0, 0, 0, 0, 0	/* addresses: the ELF headers have them */
	/* A graphics mode, width, height, bits a pixel: for loaders that find MULTIBOOT_VIDEO_MODE in
	 * the flags. Not here, because QEMU's -kernel, which has no modes, complains about the flag at
	 * each boot: tools/mkiso sets it in the image that GRUB boots. */
	.long 0, 1280, 960, 32

	.section .init.text, "ax"

/* eax: multiboot magic, ebx: physical address of struct multiboot_info. */
	.globl start
	.type start, @function
start:
	cli
	cld
	movl	%eax, %esi
	movl	%ebx, %edi
	cmpl	$MULTIBOOT_MAGIC, %eax
	jne	1f
	testl	$MULTIBOOT_INFO_MEM, MBI_FLAGS(%ebx)
	jz	1f
	cmpl	$__kernel_kib, MBI_MEM_UPPER(%ebx)
	jb	no_room
1:	movl	$PHYS(boot_stack_top), %esp
	pushl	$0
	popfl
	lgdt	PHYS(boot_gdt_ptr_phys)
	ljmp	$SEL_KCODE, $PHYS(1f)
1:	movl	$SEL_KDATA, %eax
	movl	%eax, %ds
	movl	%eax, %es
	movl	%eax, %ss
	xorl	%eax, %eax
	movl	%eax, %fs
	movl	%eax, %gs

	movl	$PHYS(boot_idt), %edx
	movl	$PHYS(early_stubs), %eax
	call	early_idt_fill
	lidt	PHYS(boot_idt_ptr_phys)

	call	check_cpu

	movl	%cr4, %eax
	orl	$CR4_PAE, %eax
	movl	%eax, %cr4
	movl	$PHYS(boot_pdpt), %eax
	movl	%eax, %cr3
	movl	%cr0, %eax
	andl	$~(CR0_CD | CR0_NW | CR0_AM | CR0_TS | CR0_EM), %eax
	orl	$(CR0_PG | CR0_WP | CR0_NE | CR0_MP | CR0_PE), %eax
	movl	%eax, %cr0
	movl	$high, %eax
	jmp	*%eax

high:
	movl	$boot_stack_top, %esp
	lgdt	boot_gdt_ptr
	movl	$boot_idt, %edx
	movl	$early_stubs, %eax
	call	early_idt_fill
	lidt	boot_idt_ptr
	movl	$0, boot_pdpt
	movl	%cr3, %eax
	movl	%eax, %cr3

	xorl	%ebp, %ebp
	pushl	%edi
	pushl	%esi
	pushl	$0		/* ends the chain of frames, with ebp */
	jmp	kernel_main
	.size start, . - start

/* The image itself does not fit into memory, our stack perhaps not either: the one the firmware had
 * will do. */
no_room:
	movl	$LOW_STACK, %esp
	movl	$PHYS(no_room_text), %esi
	call	serial_puts
	movl	$BOOT_EXIT_BOOT, %eax
	jmp	leave_qemu

/* Goes on only if CPUID is there and knows PAE. Keeps esi and edi. */
	.type check_cpu, @function
check_cpu:
	pushfl
	popl	%eax
	movl	%eax, %ecx
	xorl	$EFLAGS_ID, %eax
	pushl	%eax
	popfl
	pushfl
	popl	%eax
	pushl	%ecx
	popfl
	cmpl	%ecx, %eax
	je	1f
	movl	$1, %eax
	cpuid
	testl	$CPUID_1_EDX_PAE, %edx
	jz	1f
	ret
1:	movl	$PHYS(no_pae_text), %esi
	call	serial_puts
	movl	$BOOT_EXIT_BOOT, %eax
	jmp	leave_qemu
	.size check_cpu, . - check_cpu

/* Fills the 32 gates at edx with handlers 16 bytes apart from eax. */
	.type early_idt_fill, @function
early_idt_fill:
	movl	$32, %ecx
1:	movl	%eax, 4(%edx)
	movw	$0x8e00, 4(%edx)	/* present, ring 0, 32-bit interrupt gate */
	movw	%ax, (%edx)
	movw	$SEL_KCODE, 2(%edx)
	addl	$16, %eax
	addl	$8, %edx
	decl	%ecx
	jnz	1b
	ret
	.size early_idt_fill, . - early_idt_fill

/* The vectors for which the CPU pushes an error code: 8, 10 to 14, 17, 21. */
#define HAS_ERROR_CODE 0x00227d00

	.balign 16
early_stubs:
	.set	vec, 0
	.rept	32
	.balign	16
	.if	!((HAS_ERROR_CODE >> vec) & 1)
	pushl	$0
	.endif
	pushl	$vec
	jmp	early_trap
	.set	vec, vec + 1
	.endr

/* An exception before trap_init(): the stack holds vector, error code, eip. Runs at physical and
 * at virtual addresses alike. */
	.type early_trap, @function
early_trap:
	cld
	call	1f
1:	popl	%ebx
	leal	early_text - 1b(%ebx), %esi
	call	serial_puts
	popl	%eax
	call	serial_hex
	leal	early_error_text - 1b(%ebx), %esi
	call	serial_puts
	popl	%eax
	call	serial_hex
	leal	early_eip_text - 1b(%ebx), %esi
	call	serial_puts
	popl	%eax
	call	serial_hex
	leal	early_cr2_text - 1b(%ebx), %esi
	call	serial_puts
	movl	%cr2, %eax
	call	serial_hex
	leal	early_end_text - 1b(%ebx), %esi
	call	serial_puts
	movl	$BOOT_EXIT_PANIC, %eax
	jmp	leave_qemu
	.size early_trap, . - early_trap

/* Through QEMU's isa-debug-exit with status eax * 2 + 1; on a machine without it, stands still. */
	.type leave_qemu, @function
leave_qemu:
	movl	$DEBUG_EXIT_PORT, %edx
	outl	%eax, %dx
1:	cli
	hlt
	jmp	1b
	.size leave_qemu, . - leave_qemu

/* Writes the string at esi. Changes eax, ecx, edx, esi. */
	.type serial_puts, @function
serial_puts:
	lodsb
	testb	%al, %al
	jz	1f
	call	serial_putc
	jmp	serial_puts
1:	ret
	.size serial_puts, . - serial_puts

/* Writes eax as eight hexadecimal digits. Changes eax, ecx, edx, edi, ebp. */
	.type serial_hex, @function
serial_hex:
	movl	%eax, %edi
	movl	$8, %ebp
1:	roll	$4, %edi
	movl	%edi, %eax
	andl	$15, %eax
	cmpl	$10, %eax
	jb	2f
	addl	$('a' - '0' - 10), %eax
2:	addl	$'0', %eax
	call	serial_putc
	decl	%ebp
	jnz	1b
	ret
	.size serial_hex, . - serial_hex

/* Writes al, waiting for the port, but not forever. Changes eax, ecx, edx. */
	.type serial_putc, @function
serial_putc:
	movl	%eax, %ecx
	shll	$24, %ecx
1:	movl	$SERIAL_LSR, %edx
	inb	%dx, %al
	testb	$LSR_THR_EMPTY, %al
	jnz	2f
	decw	%cx
	jnz	1b
2:	movl	%ecx, %eax
	shrl	$24, %eax
	movl	$SERIAL_DATA, %edx
	outb	%al, %dx
	ret
	.size serial_putc, . - serial_putc

no_room_text:
	.asciz	"tessera: cannot start: too little memory for the kernel itself\n"
no_pae_text:
	.asciz	"tessera: cannot start: this CPU has no PAE\n"
early_text:
	.asciz	"tessera: panic: exception "
early_error_text:
	.asciz	" before traps are set up: error code "
early_eip_text:
	.asciz	" at "
early_cr2_text:
	.asciz	", CR2 "
early_end_text:
	.asciz	"\n"

	.section .init.data, "aw"

/* Flat code and data under the selectors of the final GDT; the rest is empty. */
	.balign 8
boot_gdt:
	.fill	SEL_KCODE / 8, 8, 0
	.quad	0x00cf9b000000ffff
	.quad	0x00cf93000000ffff
boot_gdt_end:

	.balign 8
boot_idt:
	.fill	32, 8, 0

boot_gdt_ptr:
	.word	boot_gdt_end - boot_gdt - 1
	.long	boot_gdt
boot_gdt_ptr_phys:
	.word	boot_gdt_end - boot_gdt - 1
	.long	PHYS(boot_gdt)
boot_idt_ptr:
	.word	32 * 8 - 1
	.long	boot_idt
boot_idt_ptr_phys:
	.word	32 * 8 - 1
	.long	PHYS(boot_idt)

	.balign 32
	.globl boot_pdpt
boot_pdpt:
	.long	PHYS(boot_pd) + PDPTE_FLAGS, 0
	.quad	0, 0
	.long	PHYS(boot_pd) + PDPTE_FLAGS, 0

	.balign 4096
	.globl boot_pd
boot_pd:
	.set	pa, 0
	.rept	DIRECT_PDES
	.long	pa + PDE_FLAGS, 0
	.set	pa, pa + 0x200000
	.endr
	.fill	PD_ENTRIES - DIRECT_PDES, 8, 0

/* The stack of kernel_main(). The page below it is unmapped by pmap_kernel_init(). */
	.section .bss.page_aligned, "aw", @nobits
	.balign 4096
	.globl boot_stack_guard
boot_stack_guard:
	.skip	4096
	.globl boot_stack
boot_stack:
	.skip	KSTACK_SIZE
boot_stack_top:

	.section .note.GNU-stack, "", @progbits
