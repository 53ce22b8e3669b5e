/* Small programs for the self-tests: machine code put into an ELF file, run as a process. */
#ifndef TESTS_KERNEL_PROGRAM_H
#define TESTS_KERNEL_PROGRAM_H

#include "kernel/abi/elf.h"
#include "kernel/lib/types.h"

#define PROGRAM_PATH "/program.test"
#define PROGRAM_BASE 0x08048000u

/* Code written as top-level assembly between these; position independent. */
#define PROGRAM(name, code)                                                                        \
	extern const char name##_code[], name##_end[];                                             \
	__asm__(".pushsection .rodata\n" #name "_code:\n" code "\n" #name "_end:\n.popsection")

/* An ELF file with two pages: headers and code, mapped readable and executable, and one page of
 * zeroes, readable and writable, behind them. The tests damage it. */
struct program {
	struct elf32_ehdr h;
	struct elf32_phdr p[3];
	char code[512];
};

void program_make(struct program *g, const char *code, const char *end);

/* Writes a file with mode 0755 in place of what is there; false when it cannot. */
bool program_write(const char *path, const void *data, size_t n);
void program_remove(const char *path);

/* Runs a file with arguments (NULL-terminated), waits, and returns its wait status; -1 when no
 * process could be made. */
int program_run(const char *path, const char *const *argv);

/* Makes PROGRAM_PATH of the code, runs it with that as its only argument, removes it. */
int program_run_code(const char *code, const char *end);
#define RUN(name) program_run_code(name##_code, name##_end)

#endif
