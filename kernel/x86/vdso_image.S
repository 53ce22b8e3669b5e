/* The vDSO as it was linked (kernel/x86/vdso), in pages of its own: programs map them. As many as
 * Linux's has, so that what lies below it lies where it does there. */
#define VDSO_SIZE 8192

	.section .data.ro_after_init.vdso, "aw"
	.balign	4096
	.globl	vdso_image
vdso_image:
	.incbin	"vdso/vdso.so"
	.org	vdso_image + VDSO_SIZE

	.section .note.GNU-stack, "", @progbits
