/* seccomp(2): filters and strict mode, what each answer of a filter does, who inherits them, and what
 * is refused. */
#include "tests/user/test.h"

#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <pthread.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>

#define LOAD(field)	BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, field))
#define ANSWER(value)	BPF_STMT(BPF_RET | BPF_K, value)
#define IF(value, t, f) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, t, f)

static long seccomp(unsigned op, unsigned flags, const void *arg)
{
	return syscall(SYS_seccomp, op, flags, arg);
}

static long install(const struct sock_filter *insns, size_t n, unsigned flags)
{
	struct sock_fprog prog = {n, (struct sock_filter *)insns};

	return seccomp(SECCOMP_SET_MODE_FILTER, flags, &prog);
}

/* One call gets this answer, the others are allowed. */
static long filter_call(int nr, unsigned value, unsigned flags)
{
	const struct sock_filter f[] = {
		LOAD(nr), IF(nr, 0, 1), ANSWER(value), ANSWER(SECCOMP_RET_ALLOW)};

	return install(f, COUNT(f), flags);
}

/* --- What is accepted --- */

static const struct {
	const char *name;
	struct sock_filter f[6];
	int n;
} programs[] = {
	{"allow", {ANSWER(SECCOMP_RET_ALLOW)}, 1},
	{"empty", {ANSWER(SECCOMP_RET_ALLOW)}, 0},
	{"too_long", {ANSWER(SECCOMP_RET_ALLOW)}, 4097},
	{"no_end", {LOAD(nr)}, 1},
	{"last_arg", {LOAD(args[5]), ANSWER(SECCOMP_RET_ALLOW)}, 2},
	{"beyond", {BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 64), ANSWER(SECCOMP_RET_ALLOW)}, 2},
	{"unaligned", {BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 2), ANSWER(SECCOMP_RET_ALLOW)}, 2},
	{"byte", {BPF_STMT(BPF_LD | BPF_B | BPF_ABS, 0), ANSWER(SECCOMP_RET_ALLOW)}, 2},
	{"indexed", {BPF_STMT(BPF_LD | BPF_W | BPF_IND, 0), ANSWER(SECCOMP_RET_ALLOW)}, 2},
	{"msh", {BPF_STMT(BPF_LDX | BPF_B | BPF_MSH, 0), ANSWER(SECCOMP_RET_ALLOW)}, 2},
	{"by_zero", {BPF_STMT(BPF_ALU | BPF_DIV | BPF_K, 0), ANSWER(SECCOMP_RET_ALLOW)}, 2},
	{"modulo", {BPF_STMT(BPF_ALU | BPF_MOD | BPF_K, 3), ANSWER(SECCOMP_RET_ALLOW)}, 2},
	{"xor", {BPF_STMT(BPF_ALU | BPF_XOR | BPF_K, 3), ANSWER(SECCOMP_RET_ALLOW)}, 2},
	{"shift", {BPF_STMT(BPF_ALU | BPF_LSH | BPF_K, 32), ANSWER(SECCOMP_RET_ALLOW)}, 2},
	{"jump_out", {BPF_STMT(BPF_JMP | BPF_JA, 1), ANSWER(SECCOMP_RET_ALLOW)}, 2},
	{"jump_far", {BPF_STMT(BPF_JMP | BPF_JA, -1u), ANSWER(SECCOMP_RET_ALLOW)}, 2},
	{"if_out", {IF(0, 0, 1), ANSWER(SECCOMP_RET_ALLOW)}, 2},
	{"not_stored", {BPF_STMT(BPF_LD | BPF_MEM, 3), ANSWER(SECCOMP_RET_ALLOW)}, 2},
	{"stored", {BPF_STMT(BPF_ST, 3), BPF_STMT(BPF_LDX | BPF_MEM, 3),
			ANSWER(SECCOMP_RET_ALLOW)}, 3},
	{"stored_once", {IF(0, 0, 1), BPF_STMT(BPF_ST, 3), BPF_STMT(BPF_LD | BPF_MEM, 3),
			ANSWER(SECCOMP_RET_ALLOW)}, 4},
	{"no_such_word", {BPF_STMT(BPF_ST, 16), ANSWER(SECCOMP_RET_ALLOW)}, 2},
	{"nonsense", {BPF_STMT(0xff, 0), ANSWER(SECCOMP_RET_ALLOW)}, 2},
};

static void checked(void)
{
	for (size_t i = 0; i < COUNT(programs); i++)
		answer(programs[i].name, install(programs[i].f, programs[i].n, 0));
	say("mode", "%d", prctl(PR_GET_SECCOMP));
	say("filters", "%ld", status_value("Seccomp_filters"));
}

static void refused(void)
{
	const struct sock_filter f[] = {ANSWER(SECCOMP_RET_ALLOW)};
	struct sock_fprog bad = {1, (struct sock_filter *)KERNEL};

	answer("op", seccomp(99, 0, NULL));
	answer("flags", install(f, 1, 64));
	answer("strict.flags", seccomp(SECCOMP_SET_MODE_STRICT, 1, NULL));
	answer("strict.arg", seccomp(SECCOMP_SET_MODE_STRICT, 0, f));
	answer("no_program", seccomp(SECCOMP_SET_MODE_FILTER, 0, NULL));
	answer("no_insns", seccomp(SECCOMP_SET_MODE_FILTER, 0, &bad));
	answer("prctl", prctl(PR_SET_SECCOMP, 3, 0));
	answer("prctl.filter", prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, 0));
	answer("mode", prctl(PR_GET_SECCOMP));
	if (setuid(1000))
		die("setuid");
	answer("unprivileged", install(f, 1, 0));
	answer("empty", install(f, 0, 0));
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	answer("no_new_privs", install(f, 1, 0));
	answer("strict.after", seccomp(SECCOMP_SET_MODE_STRICT, 0, NULL));
}

static void available(void)
{
	static const unsigned actions[] = {SECCOMP_RET_KILL_PROCESS, SECCOMP_RET_KILL_THREAD,
		SECCOMP_RET_TRAP, SECCOMP_RET_ERRNO, SECCOMP_RET_TRACE, SECCOMP_RET_LOG,
		SECCOMP_RET_ALLOW, 0x12340000, SECCOMP_RET_ALLOW + 1};

	for (size_t i = 0; i < COUNT(actions); i++)
		answer("available", seccomp(SECCOMP_GET_ACTION_AVAIL, 0, &actions[i]));
	answer("available.flags", seccomp(SECCOMP_GET_ACTION_AVAIL, 1, &actions[0]));
	answer("available.fault", seccomp(SECCOMP_GET_ACTION_AVAIL, 0, KERNEL));
}

/* A long chain: each filter counts four instructions more than it has. */
static void too_many(void)
{
	static struct sock_filter f[4096];
	int i = 0;

	for (size_t j = 0; j < COUNT(f); j++)
		f[j] = (struct sock_filter)BPF_STMT(BPF_ALU | BPF_ADD | BPF_K, 1);
	f[3275] = (struct sock_filter)ANSWER(SECCOMP_RET_ALLOW);
	while (i < 100 && !install(f, 3276, 0))
		i++;
	say("chain", "%d %s", i, errno_name(errno));
}

/* --- What filters compute --- */

/* dup(7) is answered with what the instructions have in A, as an errno. */
static void compute(const char *name, const struct sock_filter *body, size_t n)
{
	struct sock_filter f[16] = {LOAD(nr), IF(SYS_dup, 1, 0), ANSWER(SECCOMP_RET_ALLOW)};
	const struct sock_filter end[] = {
		BPF_STMT(BPF_ALU | BPF_AND | BPF_K, 0xfff),
		BPF_STMT(BPF_ALU | BPF_OR | BPF_K, SECCOMP_RET_ERRNO),
		BPF_STMT(BPF_RET | BPF_A, 0),
	};
	pid_t pid;
	int status;

	memcpy(f + 3, body, n * sizeof(*f));
	memcpy(f + 3 + n, end, sizeof(end));
	pid = fork();
	if (pid == 0) {
		if (install(f, 3 + n + COUNT(end), 0))
			_exit(1);
		syscall(SYS_dup, 7, 11, 13, 17, 19, 23);
		say(name, "%d", errno);
		_exit(0);
	}
	waitpid(pid, &status, 0);
	if (status)
		answer_status(name, status);
}
#define COMPUTE(name, ...)                                                                         \
	do {                                                                                       \
		const struct sock_filter f_[] = {__VA_ARGS__};                                     \
		compute(name, f_, COUNT(f_));                                                      \
	} while (0)
#define IMM(k)	   BPF_STMT(BPF_LD | BPF_IMM, k)
#define IMM_X(k)   BPF_STMT(BPF_LDX | BPF_IMM, k)
#define ALU(op, k) BPF_STMT(BPF_ALU | (op) | BPF_K, k)
#define ALU_X(op)  BPF_STMT(BPF_ALU | (op) | BPF_X, 0)
#define JUMP(op, k, t, f) BPF_JUMP(BPF_JMP | (op) | BPF_K, k, t, f)

static void computed(void)
{
	COMPUTE("nr", LOAD(nr));
	COMPUTE("arch", LOAD(arch), ALU(BPF_RSH, 20));
	COMPUTE("args", LOAD(args[0]), BPF_STMT(BPF_MISC | BPF_TAX, 0), LOAD(args[5]), ALU_X(BPF_MUL));
	COMPUTE("args.high", LOAD(args[0]), BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 20));
	COMPUTE("len", BPF_STMT(BPF_LD | BPF_W | BPF_LEN, 0));
	COMPUTE("len_x", BPF_STMT(BPF_LDX | BPF_W | BPF_LEN, 0), BPF_STMT(BPF_MISC | BPF_TXA, 0));
	COMPUTE("add", IMM(5), ALU(BPF_ADD, -2u));
	COMPUTE("sub_x", IMM(5), IMM_X(3), ALU_X(BPF_SUB));
	COMPUTE("div", IMM(-1u), ALU(BPF_DIV, 1u << 24));
	COMPUTE("div_x", IMM(100), IMM_X(7), ALU_X(BPF_DIV));
	COMPUTE("div_zero", IMM(100), ALU_X(BPF_DIV));
	COMPUTE("and_x", IMM(0x5f), IMM_X(0x3c), ALU_X(BPF_AND));
	COMPUTE("xor", IMM(0x5f), ALU(BPF_XOR, 0xf0));
	COMPUTE("neg", IMM(-9), BPF_STMT(BPF_ALU | BPF_NEG, 0));
	COMPUTE("shift", IMM(3), ALU(BPF_LSH, 31), ALU(BPF_RSH, 29));
	COMPUTE("shift_x", IMM(3), IMM_X(34), ALU_X(BPF_LSH));
	COMPUTE("memory", IMM(77), BPF_STMT(BPF_ST, 15), IMM_X(2), BPF_STMT(BPF_STX, 0),
		BPF_STMT(BPF_LD | BPF_MEM, 15), BPF_STMT(BPF_LDX | BPF_MEM, 0), ALU_X(BPF_SUB));
	COMPUTE("above", IMM(-1u), JUMP(BPF_JGT, 1, 0, 1), IMM(10), ALU(BPF_ADD, 1));
	COMPUTE("not_above", IMM(5), JUMP(BPF_JGT, 5, 0, 1), IMM(10), ALU(BPF_ADD, 1));
	COMPUTE("at_least", IMM(5), JUMP(BPF_JGE, 5, 0, 1), IMM(10), ALU(BPF_ADD, 1));
	COMPUTE("bits", IMM(6), JUMP(BPF_JSET, 9, 0, 1), IMM(10), ALU(BPF_ADD, 1));
	COMPUTE("always", IMM(6), BPF_STMT(BPF_JMP | BPF_JA, 1), IMM(10), ALU(BPF_ADD, 1));
	COMPUTE("if_x", IMM(6), IMM_X(6), BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_X, 0, 0, 1), IMM(10),
		ALU(BPF_ADD, 1));
}

/* --- What the answers do --- */

static void errno_(void)
{
	filter_call(SYS_dup, SECCOMP_RET_ERRNO | EXDEV, 0);
	filter_call(SYS_umask, SECCOMP_RET_ERRNO | 0, 0);
	filter_call(SYS_getpgrp, SECCOMP_RET_ERRNO | 0xffff, SECCOMP_FILTER_FLAG_LOG);
	answer("errno", dup(0));
	answer("errno.zero", umask(022));
	answer("errno.large", syscall(SYS_getpgrp));
	say("errno.large", "%d", errno);
	answer("errno.other", getppid() > 0);
}

/* Of equal answers the newest filter's counts, else the strictest. */
static void several(void)
{
	filter_call(SYS_dup, SECCOMP_RET_ERRNO | 1, 0);
	answer("first", dup(0));
	filter_call(SYS_dup, SECCOMP_RET_ERRNO | 2, 0);
	answer("newest", dup(0));
	filter_call(SYS_dup, SECCOMP_RET_LOG, 0);
	answer("weaker", dup(0));
	filter_call(SYS_dup, SECCOMP_RET_TRACE | 7, 0);
	answer("untraced", dup(0));
	filter_call(SYS_getpgrp, SECCOMP_RET_TRACE, SECCOMP_FILTER_FLAG_SPEC_ALLOW);
	answer("trace", syscall(SYS_getpgrp));
	filter_call(SYS_umask, SECCOMP_RET_USER_NOTIF, 0);
	answer("notify", umask(0));
	filter_call(SYS_getgid32, SECCOMP_RET_LOG, 0);
	answer("log", getgid());
	say("filters", "%ld", status_value("Seccomp_filters"));
	filter_call(SYS_dup, 0x12340000, 0);
	dup(0);
}

static volatile struct {
	int signo, code, err, syscall, arch, eax;
	bool here;
} trapped;

static void on_sigsys(int sig, siginfo_t *info, void *context)
{
	ucontext_t *uc = context;

	trapped.signo = sig;
	trapped.code = info->si_code;
	trapped.err = info->si_errno;
	trapped.syscall = info->si_syscall;
	trapped.arch = info->si_arch;
	trapped.eax = uc->uc_mcontext.gregs[REG_EAX];
	trapped.here = (greg_t)info->si_call_addr == uc->uc_mcontext.gregs[REG_EIP];
	uc->uc_mcontext.gregs[REG_EAX] = 4321;
}

static void trap(void)
{
	struct sigaction action = {.sa_sigaction = on_sigsys, .sa_flags = SA_SIGINFO};

	sigaction(SIGSYS, &action, NULL);
	filter_call(SYS_dup, SECCOMP_RET_TRAP | 99, 0);
	answer("trap", dup(0));
	say("trapped", "%s code %d errno %d call %d arch %x eax %d here %d", signal_name(trapped.signo),
		trapped.code, trapped.err, trapped.syscall, trapped.arch, trapped.eax, trapped.here);
	signal(SIGSYS, SIG_IGN);
	dup(0);
	say("trap", "still here");
}

static void kill_process(void)
{
	signal(SIGSYS, SIG_IGN);
	filter_call(SYS_dup, SECCOMP_RET_KILL_PROCESS, 0);
	dup(0);
	say("kill", "still here");
}

static void kill_only_thread(void)
{
	filter_call(SYS_dup, SECCOMP_RET_KILL_THREAD, 0);
	dup(0);
	say("kill", "still here");
}

static void *doomed(void *fds)
{
	filter_call(SYS_dup, SECCOMP_RET_KILL_THREAD, 0);
	dup(0);
	write(((int *)fds)[1], "x", 1);
	return NULL;
}

/* Only the thread dies; nobody can join it. */
static void kill_thread(void)
{
	int fds[2];
	pthread_t thread;

	if (pipe(fds) || pthread_create(&thread, NULL, doomed, fds))
		die("thread");
	while (access("/proc/self/task", F_OK) == 0 && status_value("Threads") > 1)
		usleep(1000);
	answer("kill_thread", poll(&(struct pollfd){fds[0], POLLIN, 0}, 1, 0));
	answer("kill_thread.others", dup2(0, 50));
	_exit(3);
}

static void strict(void)
{
	answer("strict", seccomp(SECCOMP_SET_MODE_STRICT, 0, NULL));
	write(1, "strict.write\n", 13);
	if (fork() == 0)
		write(1, "strict.fork?\n", 13);
	write(1, "still here\n", 11);
}

static void strict_exit(void)
{
	prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT);
	syscall(SYS_exit, 5);
}

static void ends(void)
{
	answer_status("errno", in_child(errno_));
	answer_status("several", in_child(several));
	answer_status("trap", in_child(trap));
	answer_status("kill_process", in_child(kill_process));
	answer_status("kill_only_thread", in_child(kill_only_thread));
	answer_status("kill_thread", in_child(kill_thread));
	answer_status("strict", in_child(strict));
	answer_status("strict_exit", in_child(strict_exit));
}

/* --- Who has it --- */

static void grandchild(void)
{
	say("inherited", "%d %ld", prctl(PR_GET_SECCOMP), status_value("Seccomp"));
	answer("inherited.dup", dup(0));
	filter_call(SYS_umask, SECCOMP_RET_ERRNO | EPERM, 0);
	answer("inherited.more", umask(022));
}

static void inherited(void)
{
	filter_call(SYS_dup, SECCOMP_RET_ERRNO | EXDEV, 0);
	in_child(grandchild);
	say("parent", "%o", umask(022) == 022);
	execl("/proc/self/exe", "seccomp", "exec", NULL);
	die("exec");
}

static int gate[2];

/* Waits until it is told to, then says what it can. */
static void *other_thread(void *name)
{
	char c;

	read(gate[0], &c, 1);
	answer(name, dup(50));
	return NULL;
}

static void *own_filter(void *name)
{
	filter_call(SYS_umask, SECCOMP_RET_ERRNO | EPERM, 0);
	return other_thread(name);
}

static void synchronised(void)
{
	pthread_t thread;

	if (pipe(gate) || pthread_create(&thread, NULL, other_thread, "tsync.other"))
		die("thread");
	dup2(0, 50);
	filter_call(SYS_getpgrp, SECCOMP_RET_ALLOW, 0);
	answer("tsync", filter_call(SYS_dup, SECCOMP_RET_ERRNO | EXDEV, SECCOMP_FILTER_FLAG_TSYNC));
	write(gate[1], "x", 1);
	pthread_join(thread, NULL);
	if (pthread_create(&thread, NULL, own_filter, "tsync.apart"))
		die("thread");
	while (umask(022) != -1u && filter_call(SYS_getsid, SECCOMP_RET_ALLOW,
					    SECCOMP_FILTER_FLAG_TSYNC) == 0)
		usleep(1000);
	check("tsync.who", filter_call(SYS_dup, SECCOMP_RET_ALLOW, SECCOMP_FILTER_FLAG_TSYNC) > 0);
	answer("tsync.esrch", filter_call(SYS_dup, SECCOMP_RET_ALLOW,
				      SECCOMP_FILTER_FLAG_TSYNC | SECCOMP_FILTER_FLAG_TSYNC_ESRCH));
	write(gate[1], "x", 1);
	pthread_join(thread, NULL);
}

/* --- The tracer's word --- */

static void traced(void)
{
	ptrace(PTRACE_TRACEME, 0, 0, 0);
	raise(SIGSTOP);
	filter_call(SYS_dup, SECCOMP_RET_TRACE | 123, 0);
	for (int i = 0; i < 4; i++)
		answer("traced.dup", dup(0) >= 0 ? 0 : -1);
	filter_call(SYS_umask, SECCOMP_RET_KILL_PROCESS, 0);
	dup(0);
	say("traced", "still here");
}

static long reg(pid_t pid, int nr)
{
	return ptrace(PTRACE_PEEKUSER, pid, nr * 4, 0);
}

static void set_reg(pid_t pid, int nr, long value)
{
	ptrace(PTRACE_POKEUSER, pid, nr * 4, value);
}

enum { R_EAX = 6, R_ORIG_EAX = 11 };

/* What PTRACE_GET_SYSCALL_INFO says of the stop. */
static void say_place(const char *name, pid_t pid)
{
	struct {
		uint8_t op, pad[3];
		uint32_t arch;
		uint64_t ip, sp, nr, args[6];
		uint32_t ret_data;
	} s;
	long size;

	memset(&s, 0x55, sizeof(s));
	size = ptrace(0x420e /* PTRACE_GET_SYSCALL_INFO */, pid, sizeof(s), &s);
	say(name, "%ld bytes: op %d nr %lld, %x", size, s.op, s.op == 3 ? (long long)s.nr : -1, s.ret_data);
}

/* Lets the first call be made, cancels the second, makes the third another one, looks at the end of
 * the fourth, and makes the fifth one that kills. */
static void trace(void)
{
	unsigned long message;
	int status, n = 0;
	pid_t pid = fork();

	if (pid == 0) {
		traced();
		_exit(0);
	}
	waitpid(pid, &status, 0);
	ptrace(PTRACE_SETOPTIONS, pid, 0, PTRACE_O_TRACESECCOMP | PTRACE_O_TRACESYSGOOD);
	ptrace(PTRACE_CONT, pid, 0, 0);
	while (waitpid(pid, &status, 0) == pid && WIFSTOPPED(status)) {
		int how = PTRACE_CONT;

		ptrace(PTRACE_GETEVENTMSG, pid, 0, &message);
		say("stop", "%x message %lu eax %ld orig_eax %ld", status >> 8,
			status >> 16 ? message : 0, status >> 16 ? reg(pid, R_EAX) : 0,
			reg(pid, R_ORIG_EAX));
		say_place("stop.info", pid);
		if (status >> 16) {
			n++;
			if (n == 2) {
				set_reg(pid, R_ORIG_EAX, -1);
				set_reg(pid, R_EAX, -EXDEV);
			} else if (n == 3) {
				set_reg(pid, R_ORIG_EAX, SYS_getuid32);
			} else if (n == 4) {
				how = PTRACE_SYSCALL;
			} else if (n == 5) {
				set_reg(pid, R_ORIG_EAX, SYS_umask);
			}
		}
		ptrace(how, pid, 0, 0);
	}
	answer_status("traced", status);
}

int main(int argc, char **argv)
{
	if (argc > 1) {
		say("exec", "%d", prctl(PR_GET_SECCOMP));
		answer("exec.dup", dup(0));
		return 0;
	}
	answer_status("checked", in_child(checked));
	isolated("refused", refused);
	available();
	isolated("too_many", too_many);
	computed();
	ends();
	isolated("inherited", inherited);
	isolated("synchronised", synchronised);
	trace();
	return test_failed;
}
