/*
 * The registers a program starts with, and what a system call leaves alone. No library: its start
 * would come first. Prints `name 0x........` for each.
 */
	.text
	.globl _start

	/* One line: the name at \name, the value in %eax. */
	.macro show name
	call 1f
	.asciz "\name"
1:	popl %esi
	call print
	.endm

_start:
	movl %esp, saved_esp
	pushfl
	popl saved_eflags
	pushal
	popl saved_edi
	popl saved_esi
	popl saved_ebp
	addl $4, %esp
	popl saved_ebx
	popl saved_edx
	popl saved_ecx
	popl saved_eax
	fnstcw control
	stmxcsr mxcsr

	movl saved_eax, %eax
	show "start.eax"
	movl saved_ebx, %eax
	show "start.ebx"
	movl saved_ecx, %eax
	show "start.ecx"
	movl saved_edx, %eax
	show "start.edx"
	movl saved_esi, %eax
	show "start.esi"
	movl saved_edi, %eax
	show "start.edi"
	movl saved_ebp, %eax
	show "start.ebp"
	movl saved_eflags, %eax
	show "start.eflags"
	movl saved_esp, %eax
	andl $15, %eax
	show "start.esp_in_16"
	movl saved_esp, %eax
	movl (%eax), %eax
	show "start.argc"
	xorl %eax, %eax
	movw %cs, %ax
	show "start.cs"
	movw %ss, %ax
	show "start.ss"
	movw %ds, %ax
	show "start.ds"
	movw %es, %ax
	show "start.es"
	movw %fs, %ax
	show "start.fs"
	movw %gs, %ax
	show "start.gs"
	movl control, %eax
	show "start.x87_control"
	movl mxcsr, %eax
	show "start.mxcsr"

	/* getpid keeps all but %eax, and the flags. */
	movl $0x11111111, %ebx
	movl $0x22222222, %ecx
	movl $0x33333333, %edx
	movl $0x44444444, %esi
	movl $0x55555555, %edi
	movl $0x66666666, %ebp
	movl %esp, saved_esp
	movl $20, %eax
	stc
	std
	int $0x80
	pushfl
	cld
	popl saved_eflags
	movl %ebx, saved_ebx
	movl %ecx, saved_ecx
	movl %edx, saved_edx
	movl %esi, saved_esi
	movl %edi, saved_edi
	movl %ebp, saved_ebp
	subl %esp, saved_esp
	movl saved_ebx, %eax
	show "call.ebx"
	movl saved_ecx, %eax
	show "call.ecx"
	movl saved_edx, %eax
	show "call.edx"
	movl saved_esi, %eax
	show "call.esi"
	movl saved_edi, %eax
	show "call.edi"
	movl saved_ebp, %eax
	show "call.ebp"
	movl saved_esp, %eax
	show "call.esp_moved"
	movl saved_eflags, %eax
	andl $0x401, %eax
	show "call.carry_and_direction"

	/* The upper half of %eax belongs to the number too. */
	movl $0x10000 + 20, %eax
	int $0x80
	show "call.number_65556"
	movl $-1, %eax
	int $0x80
	show "call.number_minus_1"
	movl $0x7fffffff, %eax
	int $0x80
	show "call.number_largest"

	movl $1, %eax
	xorl %ebx, %ebx
	int $0x80

/* Prints the string at %esi, a blank, %eax in hexadecimal, and a newline. */
print:
	movl %eax, %edx
	movl $line, %edi
1:	lodsb
	testb %al, %al
	jz 2f
	stosb
	jmp 1b
2:	movb $' ', %al
	stosb
	movl $8, %ecx
3:	roll $4, %edx
	movl %edx, %eax
	andl $15, %eax
	movb digits(%eax), %al
	stosb
	loop 3b
	movb $'\n', %al
	stosb
	movl %edi, %edx
	subl $line, %edx
	movl $line, %ecx
	movl $1, %ebx
	movl $4, %eax
	int $0x80
	xorl %eax, %eax
	ret

	.section .rodata
digits:	.ascii "0123456789abcdef"

	.bss
	.lcomm line, 128
	.lcomm saved_eax, 4
	.lcomm saved_ebx, 4
	.lcomm saved_ecx, 4
	.lcomm saved_edx, 4
	.lcomm saved_esi, 4
	.lcomm saved_edi, 4
	.lcomm saved_ebp, 4
	.lcomm saved_esp, 4
	.lcomm saved_eflags, 4
	.lcomm control, 4
	.lcomm mxcsr, 4

	.section .note.GNU-stack, "", @progbits
