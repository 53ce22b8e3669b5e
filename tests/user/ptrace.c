/* ptrace(2): beginning, memory, registers, signals on their way, single steps, system calls, hardware
 * breakpoints, and what is refused. */
#include "tests/user/ptrace.h"
#include <elf.h>
#include <sys/reg.h>
#include <sys/uio.h>
#include <sys/user.h>

#ifndef NT_PRXFPREG
#define NT_PRXFPREG 0x46e62b7f
#endif

/* Waits for news of a tracee and prints it. */
static int news(const char *name, pid_t pid)
{
	int status = -1;

	if (waitpid(pid, &status, __WALL) != pid)
		die("waitpid");
	print(name, status);
	return status;
}

static void nothing(void) {}

/* --- Refusals --- */

static void refused(void)
{
	pid_t pid = tracee(nothing);
	long word;

	answer("attach.self", request(PTRACE_ATTACH, getpid(), NULL, NULL));
	answer("attach.nobody", request(PTRACE_ATTACH, 99999, NULL, NULL));
	answer("attach.twice", request(PTRACE_ATTACH, pid, NULL, NULL));
	answer("seize.addr", request(PTRACE_SEIZE, pid, NUM(1), NULL));
	answer("seize.options", request(PTRACE_SEIZE, pid, NULL, NUM(0x10000)));
	answer("cont.nobody", request(PTRACE_CONT, 99999, NULL, NULL));
	answer("cont.not_ours", request(PTRACE_CONT, 1, NULL, NULL));
	answer("cont.signal", request(PTRACE_CONT, pid, NULL, NUM(65)));
	answer("detach.signal", request(PTRACE_DETACH, pid, NULL, NUM(65)));
	answer("options", request(PTRACE_SETOPTIONS, pid, NULL, NUM(0x100)));
	answer("options.old", request(21, pid, NULL, NUM(1)));
	answer("unknown", request(0x4300, pid, NULL, NULL));
	answer("unknown.34", request(34, pid, NULL, NULL));
	answer("interrupt.not_seized", request(PTRACE_INTERRUPT, pid, NULL, NULL));
	answer("listen.not_seized", request(PTRACE_LISTEN, pid, NULL, NULL));
	answer("peekuser.odd", request(PTRACE_PEEKUSER, pid, NUM(2), &word));
	answer("peekuser.beyond", request(PTRACE_PEEKUSER, pid, NUM(sizeof(struct user)), &word));
	answer("peekuser.bad", request(PTRACE_PEEKUSER, pid, NUM(0), KERNEL));
	answer("peekdata.none", request(PTRACE_PEEKDATA, pid, FREE_AREA, &word));
	answer("peekdata.kernel", request(PTRACE_PEEKDATA, pid, KERNEL, &word));
	answer("peekdata.bad", request(PTRACE_PEEKDATA, pid, &word, KERNEL));
	answer("pokedata.none", request(PTRACE_POKEDATA, pid, FREE_AREA, NULL));
	answer("getregs.bad", request(PTRACE_GETREGS, pid, NULL, KERNEL));
	answer("setregs.bad", request(PTRACE_SETREGS, pid, NULL, KERNEL));
	answer("geteventmsg.bad", request(PTRACE_GETEVENTMSG, pid, NULL, KERNEL));
	answer("sigmask.size", request(PTRACE_GETSIGMASK, pid, NUM(4), &word));
	request(PTRACE_CONT, pid, NULL, NULL);
	news("refused.end", pid);
	answer("cont.gone", request(PTRACE_CONT, pid, NULL, NULL));
}

static void twice(void)
{
	answer("traceme", request(PTRACE_TRACEME, 0, NULL, NULL));
	answer("traceme.twice", request(PTRACE_TRACEME, 0, NULL, NULL));
}

/* --- Memory --- */

static long poked = 0x11111111;
static const volatile long constant = 0x22222222;
static char *shared_read, *shared_write, *private_read, *none;
static int file;

static char *map_file(int prot, int flags)
{
	char *p = mmap(NULL, PAGE, prot, flags, file, 0);

	if (p == MAP_FAILED)
		die("mmap");
	return p;
}

static void see_poked(void)
{
	char byte = 0;

	say("poked", "%lx %lx %d", poked, constant, private_read[3]);
	say("poked.shared", "%d", shared_write[3]);
	say("poked.private_write", "%s", try_write(private_read));
	(void)!pread(file, &byte, 1, 3);
	say("poked.file", "%d", byte);
	say("poked.none", "%s", try_read(none));
}

static long poke(pid_t pid, const volatile void *addr, long word)
{
	return request(PTRACE_POKEDATA, pid, addr, NUM(word));
}

static void memory(void)
{
	char page[PAGE] = {1, 2, 3, 4};
	long word = 0, text;
	int signal = 0;
	pid_t pid;

	file = make_file("ptrace.mem", page, sizeof(page));
	shared_read = map_file(PROT_READ, MAP_SHARED);
	shared_write = map_file(PROT_READ | PROT_WRITE, MAP_SHARED);
	private_read = map_file(PROT_READ, MAP_PRIVATE);
	none = map_anon(PAGE);
	memcpy(none, page, 4);
	mprotect(none, PAGE, PROT_NONE);
	pid = tracee(see_poked);
	answer("peek", request(PTRACE_PEEKDATA, pid, &poked, &word));
	say("peek", "%lx", word);
	answer("peek.unaligned", request(PTRACE_PEEKTEXT, pid, (char *)&poked + 1, &word));
	answer("poke", poke(pid, &poked, 0x33333333));
	answer("poke.constant", poke(pid, &constant, 0x44444444));
	answer("poke.private_read", poke(pid, private_read, 0x05050505));
	answer("poke.shared_read", poke(pid, shared_read, 0x06060606));
	answer("poke.shared_write", poke(pid, shared_write, 0x07070707));
	answer("poke.none", poke(pid, none, 0x08080808));
	answer("peek.none", request(PTRACE_PEEKDATA, pid, none, &word));
	say("peek.none", "%lx", word);
	say("private_read", "anonymous %ld, rss %ld", smaps_value(pid, private_read, "Anonymous:"),
		smaps_value(pid, private_read, "Rss:"));
	/* A breakpoint in the program's text, which parent and child share. */
	request(PTRACE_PEEKTEXT, pid, (char *)nothing, &text);
	answer("text.poke", poke(pid, (char *)nothing, (text & ~0xff) | 0xcc));
	check("text.private", smaps_value(pid, (char *)nothing, "Anonymous:") == 4);
	check("text.ours", *(volatile unsigned char *)nothing == (text & 0xff));
	poke(pid, (char *)nothing, text);
	/* The accesses that fail: their signals are delivered. */
	while (request(PTRACE_CONT, pid, NULL, NUM(signal)), signal = news("memory.end", pid),
		WIFSTOPPED(signal))
		signal = WSTOPSIG(signal);
	say("memory.ours", "%lx %lx", poked, constant);
}

/* --- Registers --- */

static void registers(void)
{
	pid_t pid = tracee(nothing);
	struct user_regs_struct r = {0}, again = {0};
	struct user_fpregs_struct f = {0};
	struct user_fpxregs_struct fx = {0};
	struct iovec iov = {&again, sizeof(again)};
	long word = -1;

	answer("getregs", request(PTRACE_GETREGS, pid, NULL, &r));
	say("getregs", "cs %lx ds %lx es %lx ss %lx fs %lx eax %ld, in call %ld", r.xcs, r.xds, r.xes,
		r.xss, r.xfs, r.eax, r.orig_eax);
	request(PTRACE_PEEKUSER, pid, NUM(4 * UESP), &word);
	check("peekuser.esp", word == r.esp);
	answer("getregset", request(PTRACE_GETREGSET, pid, NUM(NT_PRSTATUS), &iov));
	say("getregset", "%zu %s", iov.iov_len, memcmp(&r, &again, sizeof(r)) ? "differ" : "same");
	iov.iov_len = 8;
	answer("getregset.short", request(PTRACE_GETREGSET, pid, NUM(NT_PRSTATUS), &iov));
	iov.iov_len = 1000;
	iov.iov_base = &f;
	answer("getregset.fp", request(PTRACE_GETREGSET, pid, NUM(NT_PRFPREG), &iov));
	say("getregset.fp", "%zu cw %lx sw %lx tag %lx", iov.iov_len, f.cwd, f.swd, f.twd);
	iov.iov_len = 7;
	answer("getregset.odd", request(PTRACE_GETREGSET, pid, NUM(NT_PRSTATUS), &iov));
	iov.iov_len = 4;
	answer("getregset.unknown", request(PTRACE_GETREGSET, pid, NUM(77), &iov));
	answer("getregset.iovec", request(PTRACE_GETREGSET, pid, NUM(NT_PRSTATUS), KERNEL));
	r.ebx = 0x1234;
	r.eflags |= 0x41;
	r.eflags ^= 0x3200; /* IOPL and IF are not for sale */
	answer("setregs", request(PTRACE_SETREGS, pid, NULL, &r));
	request(PTRACE_GETREGS, pid, NULL, &again);
	say("setregs", "ebx %lx flags %lx", again.ebx, again.eflags & 0x3241);
	answer("poke.cs0", request(PTRACE_POKEUSER, pid, NUM(4 * CS), NUM(0)));
	answer("poke.cs_kernel", request(PTRACE_POKEUSER, pid, NUM(4 * CS), NUM(0x60)));
	answer("poke.ds0", request(PTRACE_POKEUSER, pid, NUM(4 * DS), NUM(0)));
	answer("poke.ds", request(PTRACE_POKEUSER, pid, NUM(4 * DS), NUM(0x7b)));
	answer("poke.gs_kernel", request(PTRACE_POKEUSER, pid, NUM(4 * GS), NUM(8)));
	answer("poke.hole", request(PTRACE_POKEUSER, pid, NUM(17 * 4), NUM(0)));
	answer("peek.hole", request(PTRACE_PEEKUSER, pid, NUM(40 * 4), &word));
	answer("getfpregs", request(PTRACE_GETFPREGS, pid, NULL, &f));
	f.cwd = 0x27f;
	f.st_space[0] = 0x9abcdef0;
	answer("setfpregs", request(PTRACE_SETFPREGS, pid, NULL, &f));
	answer("getfpxregs", request(PTRACE_GETFPXREGS, pid, NULL, &fx));
	say("getfpxregs", "cw %x mxcsr %lx st0 %lx", fx.cwd, fx.mxcsr, fx.st_space[0]);
	fx.xmm_space[4] = 0x5555;
	answer("setfpxregs", request(PTRACE_SETFPXREGS, pid, NULL, &fx));
	fx.mxcsr = 0xffffffff;
	answer("setfpxregs.mxcsr", request(PTRACE_SETFPXREGS, pid, NULL, &fx));
	fx.xmm_space[4] = 0;
	request(PTRACE_GETFPXREGS, pid, NULL, &fx);
	say("setfpxregs", "xmm1 %lx mxcsr %lx", fx.xmm_space[4], fx.mxcsr);
	request(PTRACE_CONT, pid, NULL, NULL);
	news("registers.end", pid);
}

static void thread_area(void)
{
	pid_t pid = tracee(nothing);
	unsigned desc[4];

	for (int i = 5; i <= 9; i++)
		say("get_thread_area", "%d: %ld", i, request(PTRACE_GET_THREAD_AREA, pid, NUM(i), desc));
	answer("get_thread_area.negative", request(PTRACE_GET_THREAD_AREA, pid, NUM(-1), desc));
	request(PTRACE_GET_THREAD_AREA, pid, NUM(6), desc);
	say("thread_area", "%u limit %x flags %x", desc[0], desc[2], desc[3]);
	answer("set_thread_area", request(PTRACE_SET_THREAD_AREA, pid, NUM(7), desc));
	answer("set_thread_area.9", request(PTRACE_SET_THREAD_AREA, pid, NUM(9), desc));
	desc[3] = 0;
	answer("set_thread_area.bad", request(PTRACE_SET_THREAD_AREA, pid, NUM(7), desc));
	end(pid);
}

static void thread_areas(void)
{
	pid_t pid = tracee(nothing);
	unsigned desc[4][4];
	struct iovec iov = {desc, sizeof(desc)};

	answer("getregset.tls", request(PTRACE_GETREGSET, pid, NUM(NT_386_TLS), &iov));
	say("getregset.tls", "%zu: %u %x %x, %u, %u %x", iov.iov_len, desc[0][0], desc[0][2],
		desc[0][3], desc[1][0], desc[2][0], desc[2][3]);
	desc[1][0] = 99;
	desc[1][1] = 0x12345000;
	desc[1][2] = 5;
	desc[1][3] = desc[0][3];
	answer("setregset.tls", request(PTRACE_SETREGSET, pid, NUM(NT_386_TLS), &iov));
	request(PTRACE_GET_THREAD_AREA, pid, NUM(7), desc[3]);
	say("setregset.tls", "%u %x %x %x", desc[3][0], desc[3][1], desc[3][2], desc[3][3]);
	desc[0][1] = desc[2][3] = 0;
	desc[2][1] = 1;
	answer("setregset.tls_bad", request(PTRACE_SETREGSET, pid, NUM(NT_386_TLS), &iov));
	iov.iov_len = 16;
	answer("getregset.tls_one", request(PTRACE_GETREGSET, pid, NUM(NT_386_TLS), &iov));
	say("getregset.tls_one", "%zu %s", iov.iov_len, desc[0][1] ? "kept" : "changed");
	iov.iov_len = 12;
	answer("getregset.tls_odd", request(PTRACE_GETREGSET, pid, NUM(NT_386_TLS), &iov));
	end(pid);
}

/* --- Signals --- */

static volatile int handled;

static void handler(int sig)
{
	handled = sig;
}

static void signals_body(void)
{
	signal(SIGUSR1, handler);
	signal(SIGUSR2, handler);
	raise(SIGUSR1); /* delivered */
	say("signals.delivered", "%d", handled);
	handled = 0;
	raise(SIGUSR1); /* cancelled */
	say("signals.cancelled", "%d", handled);
	raise(SIGUSR1); /* becomes SIGUSR2 */
	say("signals.changed", "%d", handled);
	raise(SIGCHLD); /* ignored, but seen */
	signal(SIGUSR1, SIG_IGN);
	raise(SIGUSR1);
	raise(SIGSEGV);
}

static void go(pid_t pid, int sig)
{
	if (request(PTRACE_CONT, pid, NULL, NUM(sig)))
		die("cont");
}

static void signals(void)
{
	pid_t pid = tracee(signals_body);
	uint64_t mask = 0;
	siginfo_t i;

	info("signals.stop", pid);
	go(pid, 0);
	news("signals.1", pid);
	info("signals.1", pid);
	answer("sigmask", request(PTRACE_GETSIGMASK, pid, NUM(8), &mask));
	go(pid, SIGUSR1);
	news("signals.2", pid);
	go(pid, 0);
	news("signals.3", pid);
	request(PTRACE_GETSIGINFO, pid, NULL, &i);
	i.si_code = 77;
	answer("setsiginfo", request(PTRACE_SETSIGINFO, pid, NULL, &i));
	info("setsiginfo", pid);
	go(pid, SIGUSR2);
	news("signals.4", pid);
	go(pid, SIGCHLD);
	news("signals.ignored", pid);
	go(pid, SIGUSR1);
	news("signals.5", pid);
	go(pid, SIGTERM);
	news("signals.end", pid);
}

static void mask_body(void)
{
	signal(SIGUSR1, handler);
	raise(SIGUSR1);
	say("mask.blocked", "%d", handled);
	raise(SIGUSR2);
	say("mask.open", "%d", handled);
}

/* The tracer blocks a signal that it lets through, which waits then. */
static void mask(void)
{
	struct {
		uint64_t off;
		uint32_t flags;
		int32_t nr;
	} args = {0, 0, 3};
	uint64_t set = 1u << (SIGUSR1 - 1);
	siginfo_t infos[3];
	pid_t pid = tracee(mask_body);

	go(pid, 0);
	news("mask.1", pid);
	answer("setsigmask", request(PTRACE_SETSIGMASK, pid, NUM(8), &set));
	go(pid, SIGUSR1);
	news("mask.2", pid);
	request(PTRACE_GETSIGMASK, pid, NUM(8), &set);
	say("mask", "%llx", (unsigned long long)set);
	answer("peeksiginfo", request(PTRACE_PEEKSIGINFO, pid, &args, infos));
	say("peeksiginfo", "%d", infos[0].si_signo);
	args.off = 1;
	answer("peeksiginfo.beyond", request(PTRACE_PEEKSIGINFO, pid, &args, infos));
	args.off = 0;
	args.flags = 1;
	answer("peeksiginfo.shared", request(PTRACE_PEEKSIGINFO, pid, &args, infos));
	args.flags = 2;
	answer("peeksiginfo.flags", request(PTRACE_PEEKSIGINFO, pid, &args, infos));
	set = 0;
	request(PTRACE_SETSIGMASK, pid, NUM(8), &set);
	go(pid, 0);
	news("mask.3", pid);
	go(pid, SIGUSR1);
	news("mask.end", pid);
}

static void one_call(void)
{
	getppid();
}

/* What a tracer sends for a system call's stop waits like anything else. */
static void sent_by_stop(void)
{
	struct {
		uint64_t off;
		uint32_t flags;
		int32_t nr;
	} args = {0, 0, 1};
	siginfo_t i = {0};
	pid_t pid = tracee(one_call);

	answer("sent", request(PTRACE_SYSCALL, pid, NULL, NULL));
	news("sent.entry", pid);
	answer("sent", request(PTRACE_SYSCALL, pid, NULL, NUM(SIGUSR1)));
	news("sent.exit", pid);
	answer("sent.waits", request(PTRACE_PEEKSIGINFO, pid, &args, &i));
	say("sent.waits", "%d code %d", i.si_signo, i.si_code);
	end(pid);
}

static void kill_in_stop(void)
{
	pid_t pid = tracee(nothing);

	kill(pid, SIGKILL);
	news("killed", pid);
	pid = tracee(nothing);
	answer("kill", request(PTRACE_KILL, pid, NULL, NULL));
	news("kill", pid);
}

/* --- Single steps --- */

extern char steps_begin[], steps_call[], steps_end[];
__asm__(".pushsection .text\n"
	"steps_begin: movl $20, %eax\n"
	"nop\n"
	"steps_call: int $0x80\n"
	"nop\n"
	"pushfl\n"
	"popl %eax\n"
	"steps_end: ret\n"
	".popsection");

static void steps_body(void)
{
	((void (*)(void))steps_begin)();
	raise(SIGUSR1);
	signal(SIGUSR1, handler);
	raise(SIGUSR1);
}

static struct user_regs_struct regs(pid_t pid)
{
	struct user_regs_struct r;

	if (request(PTRACE_GETREGS, pid, NULL, &r))
		die("getregs");
	return r;
}

static int step(pid_t pid)
{
	int status;

	if (request(PTRACE_SINGLESTEP, pid, NULL, NULL))
		die("step");
	if (waitpid(pid, &status, 0) != pid || !WIFSTOPPED(status))
		die("step");
	return WSTOPSIG(status);
}

static void run_to(pid_t pid, char *addr)
{
	struct user_regs_struct r;
	long text;

	request(PTRACE_PEEKTEXT, pid, addr, &text);
	poke(pid, addr, (text & ~0xff) | 0xcc);
	go(pid, 0);
	news("breakpoint", pid);
	info("breakpoint", pid);
	r = regs(pid);
	say("breakpoint", "at %ld, in call %ld", (long)(r.eip - (long)addr), r.orig_eax);
	r.eip = (long)addr;
	request(PTRACE_SETREGS, pid, NULL, &r);
	poke(pid, addr, text);
}

static void steps(void)
{
	pid_t pid = tracee(steps_body);
	struct user_regs_struct r;

	run_to(pid, steps_begin);
	do {
		int sig = step(pid);

		r = regs(pid);
		say("step", "%s at %ld, TF %ld, in call %ld", signal_name(sig),
			(long)(r.eip - (long)steps_begin), r.eflags >> 8 & 1, r.orig_eax);
		info("step", pid);
		if ((char *)r.eip == steps_end)
			say("step.pushf", "TF %ld", r.eax >> 8 & 1);
	} while ((char *)r.eip != steps_end);
	go(pid, 0);
	news("steps.signal", pid);
	go(pid, 0);
	news("steps.signal", pid);
	/* A step into the handler. */
	request(PTRACE_SINGLESTEP, pid, NULL, NUM(SIGUSR1));
	news("steps.handler", pid);
	info("steps.handler", pid);
	r = regs(pid);
	check("steps.in_handler", (char *)r.eip == (char *)handler);
	say("steps.in_handler", "TF %ld, in call %ld", r.eflags >> 8 & 1, r.orig_eax);
	go(pid, 0);
	news("steps.end", pid);
}

/* A step into a handler that the stack has no room for. */
static void step_without_stack(void)
{
	pid_t pid = tracee(steps_body);
	struct user_regs_struct r;

	go(pid, 0);
	news("no_stack.first", pid);
	go(pid, 0);
	news("no_stack.signal", pid);
	r = regs(pid);
	r.esp = PAGE;
	request(PTRACE_SETREGS, pid, NULL, &r);
	request(PTRACE_SINGLESTEP, pid, NULL, NUM(SIGUSR1));
	news("no_stack.step", pid);
	info("no_stack.step", pid);
	go(pid, SIGSEGV);
	news("no_stack.end", pid);
}

/* --- System calls --- */

static void calls_body(void)
{
	getuid();
	say("calls.changed", "%ld", syscall(SYS_getpid) == 77 ? 77L : -1L);
	errno = 0;
	answer("calls.skipped", syscall(SYS_getppid));
	answer("calls.replaced", syscall(SYS_getpgid, -5));
	close(1000);
}

struct syscall_info {
	uint8_t op;
	uint32_t arch;
	uint64_t ip, sp;
	union {
		struct {
			uint64_t nr, args[6];
		} entry;
		struct {
			int64_t rval;
			uint8_t is_error;
		} exit;
	};
};

static void call_info(const char *name, pid_t pid)
{
	struct syscall_info s = {0};
	long n = request(0x420e, pid, NUM(sizeof(s)), &s);

	if (s.op == 1)
		say(name, "%ld: call %lld(%llx)", n, (long long)s.entry.nr, (long long)s.entry.args[0]);
	else if (s.op == 2)
		say(name, "%ld: returns %lld, error %d", n, (long long)s.exit.rval, s.exit.is_error);
	else
		say(name, "%ld: op %d arch %x", n, s.op, s.arch);
}

static void call_stop(const char *name, pid_t pid)
{
	long message = -1;

	if (request(PTRACE_SYSCALL, pid, NULL, NULL))
		die("syscall");
	news(name, pid);
	request(PTRACE_GETEVENTMSG, pid, NULL, &message);
	say(name, "message %ld", message);
}

/* Goes on to the begin of a system call. */
static void find_call(pid_t pid, int nr)
{
	struct syscall_info s;
	int status;

	do {
		s = (struct syscall_info){0};
		if (request(PTRACE_SYSCALL, pid, NULL, NULL) || waitpid(pid, &status, 0) != pid)
			die("find_call");
		request(0x420e, pid, NUM(sizeof(s)), &s);
	} while (s.op != 1 || (int)s.entry.nr != nr);
}

static void set_reg(pid_t pid, int reg, long value)
{
	if (request(PTRACE_POKEUSER, pid, NUM(4 * reg), NUM(value)))
		die("pokeuser");
}

static void calls(void)
{
	pid_t pid = tracee(calls_body);
	struct user_regs_struct r;
	int status;

	call_info("calls.signal", pid);
	request(PTRACE_SYSCALL, pid, NULL, NULL);
	waitpid(pid, &status, 0);
	say("calls.plain", "%s", signal_name(WSTOPSIG(status)));
	info("calls.plain", pid);
	call_info("calls.plain", pid);
	request(PTRACE_SETOPTIONS, pid, NULL, NUM(PTRACE_O_TRACESYSGOOD));
	find_call(pid, SYS_getpid);
	r = regs(pid);
	say("calls.getpid", "eax %ld in call %ld", r.eax, r.orig_eax);
	info("calls.getpid", pid);
	call_stop("calls.getpid", pid);
	r = regs(pid);
	say("calls.getpid", "eax %s in call %ld", r.eax == pid ? "right" : "wrong", r.orig_eax);
	set_reg(pid, EAX, 77);
	find_call(pid, SYS_getppid);
	set_reg(pid, ORIG_EAX, -1);
	set_reg(pid, EAX, -EXDEV);
	call_stop("calls.skipped", pid);
	call_info("calls.skipped", pid);
	find_call(pid, SYS_getpgid);
	call_info("calls.replaced", pid);
	set_reg(pid, ORIG_EAX, SYS_dup);
	set_reg(pid, EBX, 12345);
	call_stop("calls.replaced", pid);
	call_info("calls.replaced", pid);
	find_call(pid, SYS_close);
	call_stop("calls.close", pid);
	call_info("calls.close", pid);
	find_call(pid, SYS_exit_group);
	go(pid, 0);
	news("calls.end", pid);
}

/* PTRACE_SYSEMU: nothing is carried out but what the tracer does. */
static void emulate(void)
{
	pid_t pid = tracee(calls_body);
	struct user_regs_struct r = {0};
	int status;

	for (int i = 0; i < 100; i++) {
		if (request(PTRACE_SYSEMU, pid, NULL, NULL) || waitpid(pid, &status, 0) != pid)
			break;
		r = regs(pid);
		if (r.orig_eax == SYS_exit_group || r.orig_eax == SYS_close)
			break;
		set_reg(pid, EAX, r.orig_eax == SYS_write ? r.edx : r.eax);
	}
	say("emulate", "up to %ld, eax %ld", r.orig_eax, r.eax);
	end(pid);
}

/* --- Hardware breakpoints --- */

#define DEBUGREG(n) NUM(offsetof(struct user, u_debugreg) + 4 * (n))

static volatile int watched[2];
static void (*volatile called)(int) = handler;

static void hardware_body(void)
{
	watched[1] = 1;
	watched[0] = 1;
	(void)watched[0];
	(void)!pread(file, (void *)watched, 4, 0); /* the kernel writes there */
	called(0);
	watched[0] = 2;
}

static long debugreg(pid_t pid, int n)
{
	long word = -1;

	if (request(PTRACE_PEEKUSER, pid, DEBUGREG(n), &word))
		die("debugreg");
	return word;
}

static void hit(const char *name, pid_t pid)
{
	long value = -1;

	go(pid, 0);
	news(name, pid);
	info(name, pid);
	request(PTRACE_PEEKDATA, pid, watched, &value);
	say(name, "dr6 %lx, watched %ld", debugreg(pid, 6) & 0x400f, value);
}

static void hardware(void)
{
	pid_t pid = tracee(hardware_body);

	say("hardware", "%lx %lx %lx", debugreg(pid, 0), debugreg(pid, 6), debugreg(pid, 7));
	answer("dr0", request(PTRACE_POKEUSER, pid, DEBUGREG(0), watched));
	answer("dr4", request(PTRACE_POKEUSER, pid, DEBUGREG(4), NULL));
	answer("dr7.io", request(PTRACE_POKEUSER, pid, DEBUGREG(7), NUM(0x000e0001)));
	answer("dr7.exec_4", request(PTRACE_POKEUSER, pid, DEBUGREG(7), NUM(0x000c0001)));
	answer("dr7.8", request(PTRACE_POKEUSER, pid, DEBUGREG(7), NUM(0x00090001)));
	answer("dr7.write_4", request(PTRACE_POKEUSER, pid, DEBUGREG(7), NUM(0x000d0001)));
	say("dr7", "%lx", debugreg(pid, 7));
	answer("dr0.unaligned", request(PTRACE_POKEUSER, pid, DEBUGREG(0), (char *)watched + 1));
	answer("dr1", request(PTRACE_POKEUSER, pid, DEBUGREG(1), NUM(handler)));
	answer("dr7.and_exec", request(PTRACE_POKEUSER, pid, DEBUGREG(7), NUM(0x000d0005)));
	hit("hardware.write", pid);
	hit("hardware.exec", pid);
	check("hardware.eip", (char *)regs(pid).eip == (char *)handler);
	hit("hardware.again", pid);
	go(pid, 0);
	news("hardware.end", pid);
	pid = tracee(hardware_body);
	request(PTRACE_POKEUSER, pid, DEBUGREG(0), watched);
	request(PTRACE_POKEUSER, pid, DEBUGREG(7), NUM(0x000d0001));
	step(pid);
	say("hardware.step", "dr6 %lx", debugreg(pid, 6) & 0x400f);
	request(PTRACE_POKEUSER, pid, DEBUGREG(7), NUM(0));
	go(pid, 0);
	news("hardware.off", pid);
}

int main(void)
{
	refused();
	isolated("twice", twice);
	memory();
	registers();
	thread_area();
	thread_areas();
	signals();
	mask();
	sent_by_stop();
	kill_in_stop();
	steps();
	step_without_stack();
	calls();
	emulate();
	hardware();
	return test_failed;
}
