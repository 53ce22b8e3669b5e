/* The auxiliary vector: what the kernel tells a program behind its environment
 * (include/uapi/linux/auxvec.h). Pairs of words, ended by AT_NULL. */
#ifndef ABI_AUXV_H
#define ABI_AUXV_H

#define AT_NULL        0
#define AT_PHDR        3  /* program headers in memory */
#define AT_PHENT       4
#define AT_PHNUM       5
#define AT_PAGESZ      6
#define AT_BASE        7  /* where the interpreter was loaded, 0 without one */
#define AT_FLAGS       8
#define AT_ENTRY       9  /* of the program, not of its interpreter */
#define AT_UID         11
#define AT_EUID        12
#define AT_GID         13
#define AT_EGID        14
#define AT_PLATFORM    15 /* string */
#define AT_HWCAP       16 /* CPUID.1:EDX */
#define AT_CLKTCK      17
#define AT_SECURE      23 /* set-id program: libc ignores LD_* */
#define AT_RANDOM      25 /* 16 random bytes */
#define AT_HWCAP2      26
#define AT_EXECFN      31 /* the path given to execve() */
#define AT_SYSINFO     32 /* __kernel_vsyscall of the vDSO */
#define AT_SYSINFO_EHDR 33 /* its ELF header */
#define AT_MINSIGSTKSZ 51 /* bytes the largest signal frame takes */

#endif
