/*
 * execve: what its files share. exec.c drives and takes care of the process, exec_args.c copies
 * argument strings and lays out the stack, exec_load.c maps the program; the checks of ELF headers
 * are kernel/proc/elf.h.
 *
 * The new address space is built completely before the old one is given up, so until
 * exec_commit() every failure leaves the caller as it was.
 */
#ifndef PROC_EXEC_H
#define PROC_EXEC_H

#include "kernel/lib/types.h"
#include "kernel/proc/elf.h"

struct file;
struct mm;

#define EXEC_HEAD         256u /* bytes of a file that are looked at: Linux's BINPRM_BUF_SIZE */
#define EXEC_MAX_SCRIPTS  5u   /* interpreters of interpreters */
#define EXEC_MAX_STRING   (32 * PAGE_SIZE)
#define STACK_RANDOM_PAGES 2048u
#define STACK_SKEW         8192u /* bytes by which the start of the stack is moved again */
#define EXEC_MAX_PREFIX   (3 * EXEC_MAX_SCRIPTS + 1)

/*
 * The arguments: first `prefix`, words that scripts put in front, outermost last (it is a stack
 * that grows to the front), then argv without its first `skip` entries. From user memory, or from
 * the kernel's when it starts a program.
 */
struct exec_args {
	bool user;
	uptr_t argv, envp;
	const char *const *kargv, *const *kenvp;
	const char *prefix[EXEC_MAX_PREFIX];
	u32 nr_prefix, skip;
	/* Measured by exec_args_measure(), with the NULs: */
	u32 argc, envc, arg_bytes, env_bytes;
};

struct exec {
	const char *execfn;  /* the path as given, for AT_EXECFN */
	struct exec_args args;
	struct file *file;   /* the program; at last the ELF file */
	struct mm *mm;       /* the new address space */
	struct elf_image elf;
	u32 entry;           /* where it starts: the interpreter's, if there is one */
	u32 interp_base;     /* AT_BASE */
	u32 bias;            /* added to the program's own addresses */
	u32 sp;              /* initial stack pointer */
	u32 scripts;         /* #! lines followed */
	char *line[EXEC_MAX_SCRIPTS]; /* their texts, which `prefix` points into */
	u32 euid, egid;      /* after set-id bits */
	bool set_id;
	bool hidden;         /* who runs it may not read it, or its interpreter */
	bool bounded;        /* it gets no capability that was not permitted before */
	u32 personality;     /* of the process with this program */
	s32 randomize;       /* randomize_va_space for this program */
	vaddr_t stack_top;
	bool read_implies_exec, stack_exec; /* an old program without PT_GNU_STACK; its stack */
	const char *why;     /* what is wrong, in words, after a failure */
};

/*
 * Whether a process may gain rights is decided early in execve(), by who traces it and with whom it
 * shares its folders; until the new program has them, neither may change. Who wants to trace the
 * process, or a thread of which this is the number, waits here until it is not in execve(): 0, or
 * -ERESTARTNOINTR.
 */
long exec_wait(u32 tid);

/* Runs a program in the calling process, which has no address space yet: process 1. After a
 * failure *why says the reason. */
long exec_kernel(const char *path, const char *const *argv, const char *const *envp,
	const char **why);

/*
 * /proc/sys/kernel/randomize_va_space: 0, everything is placed as always; 1, the stack, mappings and
 * programs that can be anywhere are moved by a random distance; 2, the heap too. The distances have
 * as many bits as on Linux i386. 0 also with `norandmaps` on the command line, and for a process
 * whose personality says ADDR_NO_RANDOMIZE.
 */
extern u32 randomize_va_space;
/* /proc/sys/vm: of how many bits is the number of pages by which mappings are moved: 8 to 16. */
extern u32 mmap_rnd_bits;
void exec_init(void);

/* A random number below n, a power of two; 0 for a program whose places are not random. */
u32 exec_random(const struct exec *e, u32 n);

/* Counts and measures all strings; an empty argv gets an empty argv[0], as on Linux since 5.18. 0,
 * -EFAULT, -E2BIG or -ENOMEM. First of all, whether there is a program or not; and again when
 * scripts have put words in front. */
long exec_args_measure(struct exec *e);

/* Makes the stack and writes strings, auxv, envp and argv. Sets e->sp. */
long exec_build_stack(struct exec *e);

/* Maps e->file and its interpreter into e->mm; sets entry, interp_base, bias and the mm's fields. */
long exec_load(struct exec *e);

/* Opens for execution. A symlink at the end is followed unless LOOKUP_FOLLOW is given. Error
 * pointer. */
struct file *exec_open(s32 dirfd, const char *path, u32 lookup_flags) __must_check;

#endif
