/* Macros of the assembly files: functions with unwind rules, exception-table entries, SMAP. */
#ifndef X86_ASM_H
#define X86_ASM_H

#define SSE_BLOCK 256 /* bytes of a round of user_copy_sse2(), which needs as many at least */

#ifdef __ASSEMBLER__

/* A function's place in the symbol table. */
	.macro	ENTRY name
	.globl	\name
	.type	\name, @function
	.balign	16
\name:
	.endm

	.macro	END name
	.size	\name, . - \name
	.endm

/* The same for one that is called as C calls, with what a debugger needs to find its caller. */
	.cfi_sections .debug_frame

	.macro	FUNC name
	ENTRY	\name
	.cfi_startproc
	.endm

	.macro	ENDFUNC name
	.cfi_endproc
	END	\name
	.endm

/* PUSH keeps a register that belongs to the caller, POP gives it back. */
	.macro	PUSH reg
	pushl	%\reg
	.cfi_adjust_cfa_offset 4
	.cfi_rel_offset \reg, 0
	.endm

	.macro	POP reg
	popl	%\reg
	.cfi_adjust_cfa_offset -4
	.cfi_restore \reg
	.endm

/* A fault of the instruction at \from continues at \to (kernel/x86/extable.h). */
	.macro	EXTABLE from, to
	.pushsection __ex_table, "a"
	.balign	4
	.long	\from, \to
	.popsection
	.endm

/*
 * With SMAP the kernel reaches user pages only between STAC and CLAC, which do not exist on older
 * CPUs: they are three bytes of nothing until cpu_features_init() patches them in.
 */
	.macro	SMAP_INSN modrm
661:	.byte	0x8d, 0x76, 0x00	/* lea 0(%esi), %esi */
	.pushsection .smap_sites, "a"
	.balign	4
	.long	661b
	.byte	0x0f, 0x01, \modrm, 0
	.popsection
	.endm

	.macro	STAC
	SMAP_INSN 0xcb
	.endm

	.macro	CLAC
	SMAP_INSN 0xca
	.endm

#endif
#endif
