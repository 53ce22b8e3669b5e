/* execve: what a new program finds, scripts, and programs that are refused, leaving nothing. */
#include "kernel/abi/auxv.h"
#include "kernel/abi/wait.h"
#include "kernel/core/selftest.h"
#include "kernel/lib/string.h"
#include "kernel/proc/process.h"
#include "tests/kernel/program.h"

#define FAILED W_STATUS_EXITED(127) /* what process_spawn() makes of a program that cannot run */

static struct program good;

/* exit(argc) */
PROGRAM(count_args, "movl (%esp), %ebx\n movl $1, %eax\n int $0x80");

/* exit(0) if all registers are 0 and the stack is aligned to 16 bytes, else exit(1) */
PROGRAM(registers, "orl %ebx, %eax\n orl %ecx, %eax\n orl %edx, %eax\n"
		   "orl %esi, %eax\n orl %edi, %eax\n orl %ebp, %eax\n"
		   "movl %esp, %ebx\n andl $15, %ebx\n orl %eax, %ebx\n"
		   "movw %fs, %ax\n orw %ax, %bx\n movw %gs, %ax\n orw %ax, %bx\n"
		   "testl %ebx, %ebx\n setnz %bl\n movzbl %bl, %ebx\n"
		   "movl $1, %eax\n int $0x80");

/* exit(length of argv[1]), 4 KiB at a time: argv[1] is long */
PROGRAM(long_arg, "movl 8(%esp), %edi\n xorl %eax, %eax\n movl $-1, %ecx\n cld\n repne scasb\n"
		  "notl %ecx\n decl %ecx\n shrl $12, %ecx\n"
		  "movl %ecx, %ebx\n movl $1, %eax\n int $0x80");

/* exit(value of AT_PHNUM), walking argv, envp and auxv */
PROGRAM(auxv, "leal 4(%esp), %esi\n"
	      "1: lodsl\n testl %eax, %eax\n jnz 1b\n"
	      "2: lodsl\n testl %eax, %eax\n jnz 2b\n"
	      "3: lodsl\n movl %eax, %edx\n lodsl\n"
	      "cmpl $5, %edx\n je 4f\n testl %edx, %edx\n jnz 3b\n"
	      "4: movl %eax, %ebx\n movl $1, %eax\n int $0x80");
_Static_assert(AT_PHNUM == 5, "as the program above has it");

/* exit(0) if the page of zeroes behind the code is, else exit(1) */
PROGRAM(zeroes, "movl $0x08049000, %edi\n xorl %eax, %eax\n movl $1024, %ecx\n cld\n repe scasl\n"
		"setnz %bl\n movzbl %bl, %ebx\n movl $1, %eax\n int $0x80");

static int run_with(const char *code, const char *end, const char *const *argv)
{
	int status;
	program_make(&good, code, end);
	KEXPECT(program_write(PROGRAM_PATH, &good, sizeof(good)));
	status = program_run(PROGRAM_PATH, argv);
	program_remove(PROGRAM_PATH);
	return status;
}
#define RUN_WITH(name, ...)                                                                        \
	run_with(name##_code, name##_end, (const char *const[]){__VA_ARGS__, NULL})

KTEST(exec, arguments)
{
	KEXPECT_EQ(RUN_WITH(count_args, "a"), W_STATUS_EXITED(1));
	KEXPECT_EQ(RUN_WITH(count_args, "a", "b", "", "d"), W_STATUS_EXITED(4));
	/* An empty argv gets an argv[0]. */
	KEXPECT_EQ(run_with(count_args_code, count_args_end, (const char *const[]){NULL}),
		W_STATUS_EXITED(1));
}

KTEST(exec, first_registers)
{
	KEXPECT_EQ(RUN_WITH(registers, "a"), 0);
	KEXPECT_EQ(RUN_WITH(registers, "a", "bc"), 0);
}

KTEST(exec, auxiliary_vector)
{
	KEXPECT_EQ(RUN_WITH(auxv, "a", "b"), W_STATUS_EXITED(3));
}

KTEST(exec, zeroes_behind_the_file)
{
	KEXPECT_EQ(RUN_WITH(zeroes, "a"), 0);
}

KTEST(exec, long_strings)
{
	static char arg[32 * PAGE_SIZE + 1];
	memset(arg, 'x', sizeof(arg));
	arg[5 * PAGE_SIZE + 7] = '\0';
	KEXPECT_EQ(RUN_WITH(long_arg, "a", arg), W_STATUS_EXITED(5));
	arg[5 * PAGE_SIZE + 7] = 'x';
	arg[32 * PAGE_SIZE - 1] = '\0'; /* the longest there may be */
	KEXPECT_EQ(RUN_WITH(long_arg, "a", arg), W_STATUS_EXITED(31));
	arg[32 * PAGE_SIZE - 1] = 'x';
	arg[32 * PAGE_SIZE] = '\0';
	KEXPECT_EQ(RUN_WITH(long_arg, "a", arg), FAILED);
}

/* --- Scripts --- */

/* Runs a script, one argument given, with count_args as PROGRAM_PATH. */
static int run_script(const char *text)
{
	const char *argv[] = {"/script.test", "arg", NULL};
	int status;
	program_make(&good, count_args_code, count_args_end);
	KEXPECT(program_write(PROGRAM_PATH, &good, sizeof(good)));
	KEXPECT(program_write("/script.test", text, strlen(text)));
	status = program_run("/script.test", argv);
	program_remove("/script.test");
	program_remove(PROGRAM_PATH);
	return status;
}

KTEST(exec, scripts)
{
	KEXPECT_EQ(run_script("#!" PROGRAM_PATH "\n"), W_STATUS_EXITED(3));
	KEXPECT_EQ(run_script("#! \t" PROGRAM_PATH " \t \nrest"), W_STATUS_EXITED(3));
	KEXPECT_EQ(run_script("#!" PROGRAM_PATH " one argument \n"), W_STATUS_EXITED(4));
	KEXPECT_EQ(run_script("#!" PROGRAM_PATH), W_STATUS_EXITED(3));
	KEXPECT_EQ(run_script("#!\n"), FAILED);
	KEXPECT_EQ(run_script("#! \t \n"), FAILED);
	KEXPECT_EQ(run_script("#!/nowhere\n"), FAILED);
	KEXPECT_EQ(run_script("#!/script.test\n"), FAILED); /* for ever */
	KEXPECT_EQ(run_script("#"), FAILED);
	KEXPECT_EQ(run_script(""), FAILED);
}

KTEST(exec, script_line_of_any_length)
{
	char text[300] = "#!" PROGRAM_PATH " ";
	memset(text + strlen(text), 'a', sizeof(text) - strlen(text) - 1);
	text[sizeof(text) - 1] = '\0';
	KEXPECT_EQ(run_script(text), W_STATUS_EXITED(4)); /* the argument is cut */
	memset(text + 2, '/', sizeof(text) - 3);
	KEXPECT_EQ(run_script(text), FAILED); /* the interpreter would be */
}

/* --- Refusals --- */

static void expect_refused(const struct program *g, size_t size, int line)
{
	const char *argv[] = {PROGRAM_PATH, NULL};
	int status;
	KEXPECT(program_write(PROGRAM_PATH, g, size));
	status = program_run(PROGRAM_PATH, argv);
	if (status != FAILED)
		ktest_fail(__FILE__, line, "status %#x", status);
	program_remove(PROGRAM_PATH);
}

#define REFUSED(change)                                                                            \
	do {                                                                                       \
		program_make(&good, count_args_code, count_args_end);                              \
		change;                                                                            \
		expect_refused(&good, sizeof(good), __LINE__);                                     \
	} while (0)

KTEST(exec, wrong_programs)
{
	REFUSED(good.h.magic++);
	REFUSED(good.h.class = 2);
	REFUSED(good.h.e_machine = 62);
	REFUSED(good.h.e_type = 1);
	REFUSED(good.h.e_phnum = 0);
	REFUSED(good.h.e_entry = 0);
	REFUSED(good.p[0].p_vaddr += 4);
	REFUSED(good.p[1].p_vaddr -= PAGE_SIZE);
	REFUSED(good.p[1].p_memsz = 0xffffffff);
	REFUSED(good.p[1].p_memsz = 0xc0000000 - good.p[1].p_vaddr); /* no room for the stack */
	REFUSED(good.p[0].p_filesz++; good.p[0].p_memsz++);
	REFUSED(good.p[2] = ((struct elf32_phdr){.p_type = ELF_PT_INTERP, .p_filesz = 8}));
}

KTEST(exec, truncated_programs)
{
	program_make(&good, count_args_code, count_args_end);
	for (size_t n = 0; n < sizeof(good); n += 13)
		expect_refused(&good, n, __LINE__);
}

/* An interpreter that is missing, and one that is a program of its own. */
KTEST(exec, interpreters)
{
	static struct program interp;
	const char *argv[] = {PROGRAM_PATH, "b", NULL};
	program_make(&good, count_args_code, count_args_end);
	strlcpy(good.code + 256, "/interp.test", 32);
	good.p[2] = (struct elf32_phdr){
		.p_type = ELF_PT_INTERP,
		.p_offset = offsetof(struct program, code) + 256,
		.p_filesz = sizeof("/interp.test"),
	};
	expect_refused(&good, sizeof(good), __LINE__);
	program_make(&interp, auxv_code, auxv_end);
	interp.h.e_type = ELF_ET_DYN;
	for (u32 i = 0; i < 2; i++)
		interp.p[i].p_vaddr -= PROGRAM_BASE;
	interp.h.e_entry -= PROGRAM_BASE;
	KEXPECT(program_write("/interp.test", &interp, sizeof(interp)));
	KEXPECT(program_write(PROGRAM_PATH, &good, sizeof(good)));
	KEXPECT_EQ(program_run(PROGRAM_PATH, argv), W_STATUS_EXITED(3));
	program_remove(PROGRAM_PATH);
	program_remove("/interp.test");
}
