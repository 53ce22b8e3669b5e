/*
 * Core files: what a process was when a signal ended it, as an ELF file for a debugger.
 *
 *     header | program headers | notes: threads, process, files | page | page | (hole) | page ...
 *
 * The thread that takes the signal writes the file. The others have begun to exit and wait in
 * coredump_wait() meanwhile, with their registers on their stacks. Only SIGKILL cuts the writing
 * short.
 *
 * Nothing is reserved for it: where the limit (RLIMIT_CORE), memory or the disk ends, the file
 * ends. Linux 6.1's fs/coredump.c and fs/binfmt_elf.c say what is in it; pipes in core_pattern are
 * refused.
 */
#ifndef PROC_COREDUMP_H
#define PROC_COREDUMP_H

#include "kernel/lib/types.h"

struct abi_siginfo;
struct text;

/* /proc/PID/coredump_filter: which mappings are dumped (core(5)). */
#define COREDUMP_ANON_PRIVATE	 0x01u /* also copies of pages of files */
#define COREDUMP_ANON_SHARED	 0x02u
#define COREDUMP_MAPPED_PRIVATE	 0x04u
#define COREDUMP_MAPPED_SHARED	 0x08u
#define COREDUMP_ELF_HEADERS	 0x10u /* the first page of programs and libraries */
#define COREDUMP_HUGETLB_PRIVATE 0x20u
#define COREDUMP_HUGETLB_SHARED	 0x40u
#define COREDUMP_ALL		 0x1ffu
#define COREDUMP_DEFAULT                                                                           \
	(COREDUMP_ANON_PRIVATE | COREDUMP_ANON_SHARED | COREDUMP_ELF_HEADERS |                     \
		COREDUMP_HUGETLB_PRIVATE)

/* /proc/sys/kernel/core_uses_pid: a name without %p gets the process's number. */
extern u32 core_uses_pid;

/* /proc/sys/kernel/core_pattern: the file's name, with %-specifiers (core(5)). */
#define CORE_PATTERN_SIZE 128u
void core_pattern_get(char pattern[CORE_PATTERN_SIZE]);
/* -EINVAL for a pipe. */
long core_pattern_set(const char *pattern) __must_check;

/* The calling thread has taken a signal that ends its process: writes the core file, if that may
 * be, and with it sets the process's exit status. The caller then ends the process. */
void coredump(const struct abi_siginfo *info);

/* The calling thread exits: it waits until its core file, if there is to be one, is written. */
void coredump_wait(void);

/* --- core_image.c --- */

/* All of the file up to its pages: of each PT_LOAD segment, p_filesz bytes from p_vaddr are to
 * follow at p_offset. The calling process's other threads wait. 0 or a negative errno. */
int core_image(struct text *t, const struct abi_siginfo *info) __must_check;

#endif
