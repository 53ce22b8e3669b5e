/* Small programs for the self-tests. */
#include "tests/kernel/program.h"
#include "kernel/abi/fcntl.h"
#include "kernel/fs/kpath.h"
#include "kernel/fs/vfs.h"
#include "kernel/lib/kassert.h"
#include "kernel/lib/string.h"
#include "kernel/proc/process.h"

void program_make(struct program *g, const char *code, const char *end)
{
	u32 size = sizeof(*g);
	kassert(end >= code && (size_t)(end - code) <= sizeof(g->code));
	*g = (struct program){
		.h =
			{
				.magic = ELF_MAGIC,
				.class = ELF_CLASS32,
				.data = ELF_DATA2LSB,
				.version = ELF_EV_CURRENT,
				.e_type = ELF_ET_EXEC,
				.e_machine = ELF_EM_386,
				.e_version = ELF_EV_CURRENT,
				.e_entry = PROGRAM_BASE + offsetof(struct program, code),
				.e_phoff = offsetof(struct program, p),
				.e_ehsize = sizeof(struct elf32_ehdr),
				.e_phentsize = sizeof(struct elf32_phdr),
				.e_phnum = 3,
			},
		.p =
			{
				{ELF_PT_LOAD, 0, PROGRAM_BASE, 0, size, size, ELF_PF_R | ELF_PF_X,
					PAGE_SIZE},
				{ELF_PT_LOAD, 0, PROGRAM_BASE + PAGE_SIZE, 0, 0, PAGE_SIZE,
					ELF_PF_R | ELF_PF_W, PAGE_SIZE},
				{ELF_PT_GNU_STACK, 0, 0, 0, 0, 0, ELF_PF_R | ELF_PF_W, 16},
			},
	};
	memcpy(g->code, code, (size_t)(end - code));
}

bool program_write(const char *path, const void *data, size_t n)
{
	struct file *f = file_open(path, O_CREAT | O_TRUNC | O_WRONLY, 0755);
	struct iobuf from = iobuf_kernel((void *)(uintptr_t)data);
	bool ok;
	if (is_err(f))
		return false;
	ok = file_write(f, &from, n, NULL) == (ssize_k)n;
	file_put(f);
	return ok;
}

void program_remove(const char *path)
{
	(void)!kpath_remove(path);
}

int program_run(const char *path, const char *const *argv)
{
	static const char *const env[] = {"HOME=/", NULL};
	struct spawn s = {.path = path, .argv = argv, .envp = env};
	struct process *p;
	return process_spawn(&s, &p) < 0 ? -1 : process_collect(p);
}

int program_run_code(const char *code, const char *end)
{
	static struct program g;
	const char *argv[] = {PROGRAM_PATH, NULL};
	int status;
	program_make(&g, code, end);
	if (!program_write(PROGRAM_PATH, &g, sizeof(g)))
		return -1;
	status = program_run(PROGRAM_PATH, argv);
	program_remove(PROGRAM_PATH);
	return status;
}
