/*
 * execve: arguments and environment, scripts, errors, and what a process keeps. The program runs
 * itself: its first argument says which part it plays.
 */
#include "tests/user/test.h"

#define SELF "/proc/self/exe"

static char path[256]; /* of this program */

static int run(const char *file, char **argv, char **envp)
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		execve(file, argv, envp);
		_exit(100 + (errno == ENOENT ? 1 : errno == EACCES ? 2 : 3));
	}
	waitpid(pid, &status, 0);
	return status;
}

static void write_file(const char *name, const char *text, size_t len, int mode)
{
	close(make_file(name, text, len));
	chmod(name, mode);
}

static void write_text(const char *name, const char *text)
{
	write_file(name, text, strlen(text), 0755);
}

/* --- The parts played after execve --- */

static int show(int argc, char **argv, char **envp)
{
	say("show.argc", "%d", argc);
	for (int i = 2; i < argc; i++)
		say("show.argv", "[%s]", argv[i]);
	for (; *envp; envp++)
		say("show.envp", "[%s]", *envp);
	return 7;
}

static int show_descriptors(void)
{
	answer("cloexec.kept", fcntl(40, F_GETFD));
	answer("cloexec.closed", fcntl(41, F_GETFD));
	answer("cloexec.duplicate_kept", fcntl(42, F_GETFD));
	return 0;
}

static const char *disposition(int sig)
{
	struct sigaction action;

	sigaction(sig, NULL, &action);
	return action.sa_handler == SIG_DFL   ? "default"
	       : action.sa_handler == SIG_IGN ? "ignored"
					      : "handled";
}

static int show_state(char **argv)
{
	sigset_t set;
	stack_t stack;
	char cwd[256];

	check("kept.pid", getpid() == atoi(argv[2]));
	say("kept.signals", "handled now %s, ignored now %s", disposition(SIGUSR1),
		disposition(SIGUSR2));
	sigprocmask(SIG_SETMASK, NULL, &set);
	say("kept.mask", "%d %d", sigismember(&set, SIGHUP), sigismember(&set, SIGTERM));
	sigpending(&set);
	say("kept.pending", "%d", sigismember(&set, SIGHUP));
	sigaltstack(NULL, &stack);
	say("lost.altstack", "%s", stack.ss_flags == SS_DISABLE ? "disabled" : "enabled");
	say("kept.umask", "%o", umask(0));
	say("kept.cwd", "%s", getcwd(cwd, sizeof(cwd)) ? strrchr(cwd, '/') : "none");
	say("lost.mapping", "%s", map_perms(FREE_AREA));
	answer("lost.mlock", status_value("VmLck"));
	return 0;
}

/* --- The tests --- */

static void arguments(void)
{
	char *argv[] = {"zero", "show", "one", "", "three words here", "\xff\x01", NULL};
	char *envp[] = {"A=1", "EMPTY=", "novalue", NULL};
	char *none[] = {NULL};

	answer_status("args.run", run(SELF, argv, envp));
	argv[2] = NULL;
	answer_status("args.no_environment", run(SELF, argv, none));
	answer_status("args.null_environment", run(SELF, argv, NULL));
	answer_status("args.by_path", run(path, argv, none));
}

/* Linux gives a program without arguments one that is empty; main() prints what it got. */
static void empty_argv(void)
{
	char *none[] = {NULL};
	char *envp[] = {"EMPTY_ARGV=1", NULL};

	answer_status("args.empty", run(SELF, none, envp));
	answer_status("args.null", run(SELF, NULL, envp));
}

static void many_arguments(void)
{
	enum { N = 5000 };
	static char *argv[N + 1];
	char *envp[] = {NULL};

	for (int i = 0; i < N; i++)
		argv[i] = "0123456789abcdef";
	argv[0] = "x";
	argv[1] = "count";
	answer_status("args.many", run(SELF, argv, envp));
}

static void too_big(void)
{
	enum { STRING = 32 * PAGE, N = 30 };
	static char string[STRING + 1];
	static char *argv[N + 1] = {"x", "count"};
	char *envp[] = {NULL};

	memset(string, 'x', STRING);
	string[STRING - 1] = 0;
	argv[2] = string;
	answer_status("e2big.longest", run(SELF, argv, envp));
	string[STRING - 1] = 'x';
	answer("e2big.too_long", execve(SELF, argv, envp));
	string[STRING - 1] = 0;
	for (int i = 2; i < N; i++)
		argv[i] = string;
	answer("e2big.total", execve(SELF, argv, envp));
}

static void descriptors(void)
{
	char *argv[] = {"x", "descriptors", NULL};
	int fd = open("/dev/null", O_RDONLY);

	dup2(fd, 40);
	dup3(fd, 41, O_CLOEXEC);
	dup2(41, 42);
	answer_status("cloexec.run", run(SELF, argv, argv + 2));
	close(40);
	close(41);
	close(42);
	close(fd);
}

static void scripts(void)
{
	char *argv[] = {"ignored", "first", "second word", NULL};
	char *envp[] = {"E=1", NULL};
	char text[512];

	snprintf(text, sizeof(text), "#!%s show\nnothing else is read\n", path);
	write_text("plain", text);
	answer_status("script.argument", run("./plain", argv, envp));
	snprintf(text, sizeof(text), "#! \t %s   show with blanks \t \n", path);
	write_text("blanks", text);
	answer_status("script.blanks", run("./blanks", argv, envp));
	snprintf(text, sizeof(text), "#!%s show", path);
	write_text("no_newline", text);
	answer_status("script.no_newline", run("./no_newline", argv, envp));
	write_text("nested", "#!./plain nested\n");
	answer_status("script.nested", run("./nested", argv, envp));
	write_text("shell", "#!/bin/sh -e\necho $0 $# $1\nfalse\necho not reached\n");
	answer_status("script.shell", run("./shell", argv, envp));
	write_text("missing", "#!/no/such/interpreter\n");
	answer("script.missing", execve("./missing", argv, envp));
	write_text("nothing", "#!\n");
	answer("script.nothing", execve("./nothing", argv, envp));
	write_text("itself", "#!./itself\n");
	answer("script.itself", execve("./itself", argv, envp));
	write_file("not_executable", text, strlen(text), 0644);
	answer("script.not_executable", execve("./not_executable", argv, envp));
}

static void bad_file(const char *name, const char *file)
{
	char *argv[] = {"x", NULL};

	answer(name, execve(file, argv, argv + 1));
}

static void errors(void)
{
	static const char elf[] = "\177ELF\1\1\1";
	char longer[300], start[64];
	int fd;

	bad_file("enoent", "./no_such_file");
	bad_file("enoent.empty", "");
	bad_file("enoent.directory", "./no_such_dir/file");
	bad_file("eacces.directory", ".");
	bad_file("eacces.device", "/dev/null");
	write_text("plain_file", "echo this is no program\n");
	bad_file("enoexec.text", "./plain_file");
	bad_file("enotdir", "./plain_file/x");
	write_text("empty", "");
	bad_file("enoexec.empty", "./empty");
	write_file("short_elf", elf, sizeof(elf), 0755);
	bad_file("enoexec.short_elf", "./short_elf");
	fd = open(SELF, O_RDONLY);
	if (read(fd, start, 52) != 52)
		die("read");
	close(fd);
	write_file("headers_cut", start, 52, 0755);
	bad_file("enoexec.headers_cut", "./headers_cut");
	start[4] = 2;
	write_file("elf64", start, 52, 0755);
	bad_file("enoexec.elf64", "./elf64");
	memset(longer, 'n', sizeof(longer) - 1);
	longer[sizeof(longer) - 1] = 0;
	bad_file("enametoolong", longer);
	if (symlink("loop", "loop"))
		die("symlink");
	bad_file("eloop", "loop");
}

static void text_busy(void)
{
	char *argv[] = {"x", NULL};
	int fd = open("empty", O_WRONLY);

	answer("etxtbsy.exec", execve("./empty", argv, argv + 1));
	close(fd);
	answer("etxtbsy.write", open(SELF, O_WRONLY));
	answer("etxtbsy.truncate", truncate(path, 0));
}

static void handler(int sig)
{
}

static void state(void)
{
	char number[16], *argv[] = {"x", "state", number, NULL};
	stack_t stack = {.ss_sp = map_anon(4 * PAGE), .ss_size = 4 * PAGE};
	sigset_t set;

	snprintf(number, sizeof(number), "%d", getpid());
	signal(SIGUSR1, handler);
	signal(SIGUSR2, SIG_IGN);
	sigemptyset(&set);
	sigaddset(&set, SIGHUP);
	sigprocmask(SIG_SETMASK, &set, NULL);
	raise(SIGHUP);
	sigaltstack(&stack, NULL);
	umask(0157);
	if (mkdir("here", 0777) || chmod("here", 0777) || chdir("here"))
		die("here");
	map_at(FREE_AREA, PAGE, PROT_READ);
	mlock(FREE_AREA, PAGE);
	execve(path, argv, argv + 3);
	_exit(99);
}

int main(int argc, char **argv, char **envp)
{
	ssize_t n = readlink(SELF, path, sizeof(path) - 1);

	if (getenv("EMPTY_ARGV")) {
		say("args.empty_got", "%d [%s]", argc, argv[0] ? argv[0] : "null");
		return 0;
	}
	if (argc > 1 && !strncmp(argv[1], "show", 4))
		return show(argc, argv, envp);
	if (argc > 1 && !strcmp(argv[1], "count")) {
		say("args.count", "%d, last %zu bytes", argc, strlen(argv[argc - 1]));
		return 0;
	}
	if (argc > 1 && !strcmp(argv[1], "descriptors"))
		return show_descriptors();
	if (argc > 1 && !strcmp(argv[1], "state"))
		return show_state(argv);
	if (n <= 0)
		die(SELF);
	arguments();
	empty_argv();
	many_arguments();
	too_big();
	descriptors();
	scripts();
	errors();
	text_busy();
	answer_status("state.run", in_child(state));
	return test_failed;
}
