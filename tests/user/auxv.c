/*
 * The stack a program starts with: where the strings lie, and the auxiliary vector. The program
 * runs itself with arguments that are known.
 */
#include "tests/user/test.h"
#include <elf.h>
#include <sys/auxv.h>

static const struct {
	unsigned long type;
	const char *name;
} types[] = {
	{AT_PHDR, "PHDR"},
	{AT_PHENT, "PHENT"},
	{AT_PHNUM, "PHNUM"},
	{AT_PAGESZ, "PAGESZ"},
	{AT_BASE, "BASE"},
	{AT_FLAGS, "FLAGS"},
	{AT_ENTRY, "ENTRY"},
	{AT_UID, "UID"},
	{AT_EUID, "EUID"},
	{AT_GID, "GID"},
	{AT_EGID, "EGID"},
	{AT_PLATFORM, "PLATFORM"},
	{AT_HWCAP, "HWCAP"},
	{AT_CLKTCK, "CLKTCK"},
	{AT_SECURE, "SECURE"},
	{AT_RANDOM, "RANDOM"},
	{AT_EXECFN, "EXECFN"},
};

extern const Elf32_Ehdr __ehdr_start;
extern void _start(void);

static Elf32_auxv_t *auxv;

static const Elf32_auxv_t *find(unsigned long type)
{
	for (const Elf32_auxv_t *a = auxv; a->a_type != AT_NULL; a++)
		if (a->a_type == type)
			return a;
	return NULL;
}

static unsigned long value(unsigned long type)
{
	const Elf32_auxv_t *a = find(type);

	return a ? a->a_un.a_val : ~0ul;
}

static void vector(void)
{
	int twice = 0;

	for (size_t i = 0; i < COUNT(types); i++)
		say("auxv.present", "%s %s", types[i].name, find(types[i].type) ? "yes" : "no");
	for (const Elf32_auxv_t *a = auxv; a->a_type != AT_NULL; a++)
		twice += find(a->a_type) != a;
	say("auxv.repeated", "%d", twice);
	say("auxv.constants", "pagesz %lu phent %lu base %lu flags %lu clktck %lu secure %lu",
		value(AT_PAGESZ), value(AT_PHENT), value(AT_BASE), value(AT_FLAGS),
		value(AT_CLKTCK), value(AT_SECURE));
	say("auxv.ids", "%lu %lu %lu %lu", value(AT_UID), value(AT_EUID), value(AT_GID),
		value(AT_EGID));
	say("auxv.platform", "%s", (char *)value(AT_PLATFORM));
	say("auxv.execfn", "%s", (char *)value(AT_EXECFN));
	check("auxv.entry", value(AT_ENTRY) == (unsigned long)_start);
	check("auxv.phdr", value(AT_PHDR) == (unsigned long)&__ehdr_start + __ehdr_start.e_phoff);
	check("auxv.phnum", value(AT_PHNUM) == __ehdr_start.e_phnum);
	check("auxv.random", !all_bytes((char *)value(AT_RANDOM), 16, 0));
	check("auxv.hwcap_fpu", value(AT_HWCAP) & 1);
}

/* One string right behind the other, in order; returns where the last one ends. */
static char *follow(char **strings, char *at, bool *good)
{
	for (; *strings; strings++) {
		*good = *good && *strings == at;
		at += strlen(at) + 1;
	}
	return at;
}

static void placement(int argc, char **argv, char **envp)
{
	char *random = (char *)value(AT_RANDOM), *platform = (char *)value(AT_PLATFORM);
	char *execfn = (char *)value(AT_EXECFN), *end;
	bool good = true;

	end = follow(argv, argv[0], &good);
	check("stack.argv_strings", good);
	end = follow(envp, end, &good);
	check("stack.envp_strings_follow", good);
	check("stack.execfn_follows", execfn == end);
	say("stack.behind_execfn", "%lu bytes to the end of the page, zero %d",
		-(unsigned long)(execfn + strlen(execfn) + 1) % PAGE,
		all_bytes(execfn + strlen(execfn) + 1, 4, 0));
	check("stack.argc_aligned", (uintptr_t)((long *)argv - 1) % 16 == 0);
	check("stack.argc", ((long *)argv)[-1] == argc);
	check("stack.envp_behind_argv", envp == argv + argc + 1);
	check("stack.auxv_behind_envp", (char **)auxv > envp);
	check("stack.order", (char *)auxv < random && random < platform && platform < argv[0]);
	check("stack.main_below_argc", (char *)&argc < (char *)(argv - 1));
}

/* Two runs get different random bytes; they come as text through a pipe. */
static unsigned random_of_run(void)
{
	char *argv[] = {"auxv", "random", NULL};
	unsigned bytes = 0;
	int fds[2];

	if (pipe(fds))
		die("pipe");
	if (fork() == 0) {
		dup2(fds[1], 1);
		execve("/proc/self/exe", argv, argv + 2);
		_exit(1);
	}
	if (read(fds[0], &bytes, sizeof(bytes)) != sizeof(bytes))
		die("read");
	wait(NULL);
	close(fds[0]);
	close(fds[1]);
	return bytes;
}

static void run_known(void)
{
	char *argv[] = {"argument zero", "known", "", "x", "a longer argument", NULL};
	char *envp[] = {"FIRST=1", "", "LAST=value", NULL};

	execve("/proc/self/exe", argv, envp);
	_exit(1);
}

static void run_empty_environment(void)
{
	char *argv[] = {"a", "known", NULL};

	execve("/proc/self/exe", argv, argv + 2);
	_exit(1);
}

int main(int argc, char **argv, char **envp)
{
	char **p = envp;

	while (*p)
		p++;
	auxv = (Elf32_auxv_t *)(p + 1);
	if (argc > 1 && !strcmp(argv[1], "random"))
		return write(1, (char *)value(AT_RANDOM), 4) != 4;
	if (argc > 1) {
		vector();
		placement(argc, argv, envp);
		return test_failed;
	}
	answer_status("known", in_child(run_known));
	answer_status("empty_environment", in_child(run_empty_environment));
	check("random.differs", random_of_run() != random_of_run());
	return test_failed;
}
