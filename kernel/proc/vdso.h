/*
 * The vDSO: a small shared library that the kernel puts into every program (kernel/x86/vdso), with
 * the entry to system calls, the way back from signal handlers, and clocks that need no call. Right
 * below it lies [vvar], the page of the kernel's clock, readable.
 */
#ifndef PROC_VDSO_H
#define PROC_VDSO_H

#include "kernel/lib/types.h"

struct backing;
struct mm;

#define VDSO_SIZE (2 * PAGE_SIZE)
#define VVAR_SIZE (4 * PAGE_SIZE) /* as Linux's; the first page has something in it */

/* Places in the image, counted from its start: the linker gives them the value of an address. */
extern char __kernel_vsyscall[], __kernel_sigreturn[], __kernel_rt_sigreturn[];
extern char vdso_sysenter[], vdso_landing[];
extern char vdso_sigreturn_landing[], vdso_rt_sigreturn_landing[];

/* /proc/sys/vm: 1, or programs that start get none. */
extern u32 vdso_enabled;

/* Boot: readies the image for this CPU; vdso32=0 on the command line turns it off. */
void vdso_init(void);

/* Maps both where mmap would put them and sets mm->vdso. Nothing when there is none. Takes
 * mm->lock. Returns 0 or a negative errno. */
long vdso_map(struct mm *mm) __must_check;

/* Whether it is the backing of one of the two. */
bool vdso_is_backing(const struct backing *b);

/* The user's address of a place in the image; 0 in a program without it. */
u32 vdso_address(const struct mm *mm, const char *place);

#endif
