/*
 * From user or kernel mode into the kernel and back.
 *
 * Every entry builds a struct trapframe on the kernel stack, loads the kernel's data selectors and
 * calls C with the frame in EAX. FPU state, fs and gs stay the interrupted code's. On the way to
 * user mode `work` of the running thread is looked at with interrupts off; only if it is set is
 * anything more done.
 *
 * The unwind rules let a debugger walk through a trap into the code it interrupted, in user mode
 * as well. The CPU pushes ss:esp only when it comes from user mode, so the rule for ESP looks at
 * the saved CS: with ring 3 in it ESP is the pushed word, otherwise it is the address behind
 * EFLAGS, which is the canonical frame address in both cases.
 */
#include "kernel/abi/syscall_nr.h"
#include "kernel/x86/asm.h"
#include "kernel/x86/layout.h"

/* Offsets into struct trapframe; kernel/x86/trap.c asserts them. */
#define TF_EDI    0
#define TF_ESI    4
#define TF_EBP    8
#define TF_EBX    16
#define TF_EDX    20
#define TF_ECX    24
#define TF_EAX    28
#define TF_EIP    48
#define TF_CS     52
#define TF_EFLAGS 56
#define TF_ESP    60

#define EFLAGS_TF 0x100
#define EFLAGS_IF 0x200
#define EFLAGS_NT 0x4000

#define VEC_PF      14
#define VEC_IRET    31
#define VEC_SPURIOUS 63
#define VEC_SYSCALL 128

/* DW_CFA_val_expression for ESP: cs = *(cfa - 8); (cs & 3) ? *cfa : cfa */
	.macro	CFI_TRAP_ESP
	.cfi_escape 0x16, 4, 13
	.cfi_escape 0x12, 0x38, 0x1c, 0x06, 0x33, 0x1a	/* dup lit8 minus deref lit3 and */
	.cfi_escape 0x28, 3, 0, 0x2f, 1, 0, 0x06	/* bra +3, skip +1, deref */
	.endm

/* An entry point that finds `bytes` on the stack, EFLAGS being the highest of them. */
	.macro	CFI_TRAP bytes
	.cfi_startproc simple
	.cfi_signal_frame
	.cfi_def_cfa esp, \bytes
	.cfi_offset eip, -12
	.cfi_offset eflags, -4
	CFI_TRAP_ESP
	.endm

	.macro	PUSH_WORD what
	pushl	\what
	.cfi_adjust_cfa_offset 4
	.endm

/* The rest of the frame, below trapno. Destroys ECX. */
	.macro	SAVE_REGS
	PUSH_WORD %es
	PUSH_WORD %ds
	pushal
	.cfi_adjust_cfa_offset 32
	.cfi_rel_offset eax, TF_EAX
	.cfi_rel_offset ecx, TF_ECX
	.cfi_rel_offset edx, TF_EDX
	.cfi_rel_offset ebx, TF_EBX
	.cfi_rel_offset ebp, TF_EBP
	.cfi_rel_offset esi, TF_ESI
	.cfi_rel_offset edi, TF_EDI
	movl	$SEL_KDATA, %ecx
	movl	%ecx, %ds
	movl	%ecx, %es
	cld
	CLAC
	.endm

/*
 * Pops the frame up to eip. A program can put any selector into its frame (sigreturn): one that the
 * CPU refuses becomes 0, which faults as soon as the program uses it.
 */
	.macro	RESTORE_REGS
	popal
	.cfi_adjust_cfa_offset -32
	.cfi_restore eax
	.cfi_restore ecx
	.cfi_restore edx
	.cfi_restore ebx
	.cfi_restore ebp
	.cfi_restore esi
	.cfi_restore edi
662:	popl	%ds
	.cfi_adjust_cfa_offset -4
663:	popl	%es
	.cfi_adjust_cfa_offset -4
	addl	$8, %esp
	.cfi_adjust_cfa_offset -8
	.pushsection .text.entry, "ax"
	.subsection 1
665:	movl	$0, (%esp)
	jmp	662b
666:	movl	$0, (%esp)
	jmp	663b
	.popsection
	EXTABLE	662b, 665b
	EXTABLE	663b, 666b
	.endm

/* A refused cs or ss is reported as an exception of the program. */
	.macro	RESTORE_AND_IRET
	RESTORE_REGS
667:	iret
	EXTABLE	667b, bad_iret
	.endm

	.section .text.entry, "ax"

/*
 * --- System calls and page faults: each begins a cache line ---
 *
 * A system call's arguments are the program's registers: three go where -mregparm=3 wants them,
 * three on the stack.
 */
	.macro	CALL_SYSCALL missing
	cmpl	$ABI_NR_SYSCALLS, %eax
	jae	\missing
	PUSH_WORD %ebp
	PUSH_WORD %edi
	PUSH_WORD %esi
	movl	syscall_table(, %eax, 4), %esi
	movl	%ebx, %eax
	movl	%edx, %ecx
	movl	12 + TF_ECX(%esp), %edx
	call	*%esi
	addl	$12, %esp
	.cfi_adjust_cfa_offset -12
	.endm

/* A trap gate, interrupts stay on. */
	.balign	64
	ENTRY	entry_syscall
	CFI_TRAP 12
	PUSH_WORD %eax
	PUSH_WORD $VEC_SYSCALL
	SAVE_REGS
	CALL_SYSCALL missing=3f
syscall_done:
	movl	%eax, TF_EAX(%esp)
	.globl	return_to_user
return_to_user:
	cli
	movl	cpus, %eax
	cmpl	$0, THREAD_WORK(%eax)
	jne	1f
restore_user:
	.cfi_remember_state
	RESTORE_AND_IRET
	.cfi_restore_state
1:	sti
	movl	%esp, %eax
	call	handle_user_return
	jmp	return_to_user
3:	call	syscall_missing
	jmp	syscall_done
	.cfi_endproc
	END	entry_syscall

/* An interrupt gate, so that CR2 is ours until it is read. */
	.balign	64
	ENTRY	entry_page_fault
	CFI_TRAP 16
	PUSH_WORD $VEC_PF
	SAVE_REGS
	movl	%cr2, %edx
	testl	$EFLAGS_IF, TF_EFLAGS(%esp)
	jz	1f
	sti
1:	movl	%esp, %eax
	call	handle_page_fault
	testb	$3, TF_CS(%esp)
	jz	restore_kernel
	cli
	movl	cpus, %eax
	cmpl	$0, THREAD_WORK(%eax)
	jne	return_to_user
restore_kernel:
	RESTORE_AND_IRET
	.cfi_endproc
	END	entry_page_fault

/* While system calls are traced the gate leads here. */
	ENTRY	entry_syscall_traced
	CFI_TRAP 12
	PUSH_WORD %eax
	PUSH_WORD $VEC_SYSCALL
	SAVE_REGS
	.globl	do_syscall_traced
do_syscall_traced:
	movl	%esp, %eax
	call	traced_syscall
	jmp	syscall_done
	.cfi_endproc
	END	entry_syscall_traced

/* While page faults are traced the gate leads here. */
	ENTRY	entry_page_fault_traced
	CFI_TRAP 16
	PUSH_WORD $VEC_PF
	SAVE_REGS
	movl	%cr2, %edx
	movl	%esp, %eax
	call	traced_page_fault
	testb	$3, TF_CS(%esp)
	jz	restore_kernel
	jmp	return_to_user
	.cfi_endproc
	END	entry_page_fault_traced

/*
 * System calls through the vDSO's __kernel_vsyscall(). SYSENTER has turned interrupts off and
 * loaded cs, ss, eip and the thread's kernel stack; the program's esp is in ebp, and where it goes
 * on is known. What INT would have cleared must be cleared here: TF, which traps each step up to
 * then (trap.c lets them pass), and NT, which would make `iret` a task switch.
 *
 * SYSEXIT goes back to esp in ecx and eip in edx, so only to where those two are dead: the vDSO's
 * landing. Interrupts come on with the instruction after STI, which is in user mode.
 */
	ENTRY	entry_sysenter
	.cfi_startproc simple
	.cfi_signal_frame
	.cfi_def_cfa esp, 0
	.cfi_undefined eip
	PUSH_WORD $SEL_UDATA
	PUSH_WORD %ebp
	pushfl
	.cfi_adjust_cfa_offset 4
	orl	$EFLAGS_IF, (%esp)
	PUSH_WORD $SEL_UCODE
	PUSH_WORD $0
	.cfi_endproc
	CFI_TRAP 12
	PUSH_WORD %eax
	PUSH_WORD $VEC_SYSCALL
	SAVE_REGS
	testl	$(EFLAGS_TF | EFLAGS_NT), TF_EFLAGS(%esp)
	jz	entry_sysenter_flags_set
	PUSH_WORD $2
	popfl
	.cfi_adjust_cfa_offset -4
	.globl	entry_sysenter_flags_set
entry_sysenter_flags_set:
	sti
	movl	%esp, %eax
	call	sysenter_complete
	testb	%al, %al
	jz	return_to_user
	movl	TF_EAX(%esp), %eax
	movl	TF_EDX(%esp), %edx
	movl	TF_EBP(%esp), %ebp
	jmp	*sysenter_door
	.globl	do_sysenter
do_sysenter:
	CALL_SYSCALL missing=3f
2:	movl	%eax, TF_EAX(%esp)
	cli
	movl	cpus, %eax
	cmpl	$0, THREAD_WORK(%eax)
	jne	return_to_user
	movl	%esp, %eax
	call	sysexit_suffices
	testb	%al, %al
	jz	restore_user
	.cfi_remember_state
	RESTORE_REGS
	movl	(%esp), %edx
	movl	TF_ESP - TF_EIP(%esp), %ecx
	addl	$(TF_EFLAGS - TF_EIP), %esp
	.cfi_adjust_cfa_offset -8
	andl	$~EFLAGS_IF, (%esp)
	popfl
	.cfi_adjust_cfa_offset -4
	sti
	sysexit
	.cfi_restore_state
3:	call	syscall_missing
	jmp	2b
	.cfi_endproc
	END	entry_sysenter

	.pushsection .data, "aw"
	.balign	4
	.globl	sysenter_door
sysenter_door:
	.long	do_sysenter
	.popsection

/* --- Other exceptions, and interrupts --- */

	ENTRY	entry_common
	CFI_TRAP 20
	SAVE_REGS
	movl	%esp, %eax
	call	trap_dispatch
	testb	$3, TF_CS(%esp)
	jz	restore_kernel
	jmp	return_to_user
	.cfi_endproc
	END	entry_common

/* What `iret` refused to load is still on the stack: with an error code and a vector below it, it
 * is the frame of an exception at the place the program wanted to go on. */
	ENTRY	bad_iret
	CFI_TRAP 12
	PUSH_WORD $0
	PUSH_WORD $VEC_IRET
	jmp	entry_common
	.cfi_endproc
	END	bad_iret

/* Entries of the exceptions 0 to 31 and of the interrupts behind them, 16 bytes apart. */
#define HAS_ERROR_CODE 0x00227d00 /* 8, 10 to 14, 17, 21 */
#define VECTORS (VEC_SPURIOUS + 1)

	ENTRY	entry_vectors
	.set	vec, 0
	.rept	VECTORS
	.balign	16
	.if	vec < 32 && ((HAS_ERROR_CODE >> vec) & 1)
	CFI_TRAP 16
	.else
	CFI_TRAP 12
	PUSH_WORD $0
	.endif
	PUSH_WORD $vec
	jmp	entry_common
	.cfi_endproc
	.set	vec, vec + 1
	.endr
	END	entry_vectors

/* void trap_return(struct trapframe *tf) */
	ENTRY	trap_return
	movl	%eax, %esp
	jmp	return_to_user
	END	trap_return

/* The double-fault task starts here on its own stack, with the error code (always 0) on it. */
	ENTRY	entry_double_fault
	addl	$4, %esp
	cld
	xorl	%ebp, %ebp
	call	double_fault
	ud2
	END	entry_double_fault

	.section .note.GNU-stack, "", @progbits
