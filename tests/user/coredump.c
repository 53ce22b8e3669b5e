/* Core files: which signals write them, where, and what is in them. */
#include "tests/user/test.h"
#include <elf.h>
#include <pthread.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/procfs.h>
#include <sys/user.h>

#define PATTERN	  "/proc/sys/kernel/core_pattern"
#define USES_PID  "/proc/sys/kernel/core_uses_pid"
#define FILTER	  "/proc/self/coredump_filter"
#define HUGEPAGES "/proc/sys/vm/nr_hugepages"
#define HUGE	  (2u << 20)

static void print(const char *name, int status)
{
	if (WIFSIGNALED(status))
		say(name, "killed by %s%s", signal_name(WTERMSIG(status)),
			WCOREDUMP(status) ? ", core dumped" : "");
	else
		answer_status(name, status);
}

static void limit(int what, rlim_t bytes)
{
	struct rlimit l = {bytes, RLIM_INFINITY};

	if (setrlimit(what, &l))
		die("setrlimit");
}

static __attribute__((noreturn)) void crash(void)
{
	__builtin_trap();
}

/* --- Reading one --- */

static struct {
	char *at; /* the file; NULL: there is none */
	size_t size;
	off_t blocks;
} core;

static void core_close(void)
{
	if (core.at)
		munmap(core.at, core.size);
	core.at = NULL;
}

static bool core_open(const char *path)
{
	struct stat st;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	core_close();
	if (fd < 0 || fstat(fd, &st) || st.st_size == 0)
		return false;
	core.at = mmap(NULL, st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	core.size = st.st_size;
	core.blocks = st.st_blocks;
	close(fd);
	return core.at != MAP_FAILED;
}

static const Elf32_Phdr *segment(size_t i)
{
	return (Elf32_Phdr *)(core.at + ((Elf32_Ehdr *)core.at)->e_phoff) + i;
}

/* The segment of this address, or NULL. */
static const Elf32_Phdr *segment_at(const void *p)
{
	for (size_t i = 1; i < ((Elf32_Ehdr *)core.at)->e_phnum; i++)
		if (segment(i)->p_vaddr <= (uintptr_t)p &&
			(uintptr_t)p - segment(i)->p_vaddr < segment(i)->p_memsz)
			return segment(i);
	return NULL;
}

/* What the file has for this address, or NULL. */
static const char *memory_at(const void *p)
{
	const Elf32_Phdr *h = segment_at(p);
	size_t off = h ? (uintptr_t)p - h->p_vaddr : 0;

	return h && off < h->p_filesz ? core.at + h->p_offset + off : NULL;
}

/* The nth note of a type: its contents, or NULL. */
static const void *note(unsigned type, int nth, size_t *size)
{
	const char *at = core.at + segment(0)->p_offset, *end = at + segment(0)->p_filesz;

	while (at < end) {
		const Elf32_Nhdr *n = (void *)at;
		const char *what = at + sizeof(*n) + ((n->n_namesz + 3) & ~3u);

		if (n->n_type == type && nth-- == 0) {
			*size = n->n_descsz;
			return what;
		}
		at = what + ((n->n_descsz + 3) & ~3u);
	}
	return NULL;
}

/* --- Which signals, and where the news goes --- */

static int raised;

static void raise_it(void)
{
	raise(raised);
}

static void signals(void)
{
	limit(RLIMIT_CORE, RLIM_INFINITY);
	for (raised = 1; raised < 32; raised++) {
		static const int harmless[] = {
			SIGCHLD, SIGCONT, SIGSTOP, SIGTSTP, SIGTTIN, SIGTTOU, SIGURG, SIGWINCH};
		bool skip = false;

		for (size_t i = 0; i < COUNT(harmless); i++)
			skip |= raised == harmless[i];
		if (skip)
			continue;
		unlink("core");
		print("signal", in_child(raise_it));
		say("signal", access("core", F_OK) ? "no file" : "a file");
	}
}

static siginfo_t chld;

static void on_chld(int sig, siginfo_t *info, void *context)
{
	chld = *info;
}

static void news(void)
{
	struct sigaction action = {.sa_sigaction = on_chld, .sa_flags = SA_SIGINFO};
	siginfo_t info = {0};
	pid_t pid;

	sigaction(SIGCHLD, &action, NULL);
	limit(RLIMIT_CORE, RLIM_INFINITY);
	pid = fork();
	if (pid == 0)
		crash();
	answer("waitid", waitid(P_PID, pid, &info, WEXITED));
	say("waitid", "code %d status %d", info.si_code, info.si_status);
	say("SIGCHLD", "code %d status %d", chld.si_code, chld.si_status);
}

/* --- Limits and refusals --- */

static rlim_t core_limit, fsize_limit = RLIM_INFINITY;

static void crash_within(void)
{
	char *p = map_at(FREE_AREA, 64 * PAGE, PROT_READ | PROT_WRITE);

	memset(p, 1, 64 * PAGE);
	limit(RLIMIT_CORE, core_limit);
	limit(RLIMIT_FSIZE, fsize_limit);
	signal(SIGXFSZ, SIG_IGN);
	crash();
}

static void limited(const char *name, rlim_t core_max, rlim_t fsize_max)
{
	struct stat st = {0};

	unlink("core");
	core_limit = core_max;
	fsize_limit = fsize_max;
	print(name, in_child(crash_within));
	if (stat("core", &st))
		say(name, "no file");
	else
		say(name, "a file of mode %o, %s", st.st_mode,
			(rlim_t)st.st_blocks * 512 > core_max ? "too large"
			: (rlim_t)st.st_size > fsize_max      ? "too long"
			: st.st_size > 64 * (off_t)PAGE	      ? "whole"
							      : "cut");
}

static void limits(void)
{
	limited("limit.0", 0, RLIM_INFINITY);
	limited("limit.1", 1, RLIM_INFINITY);
	limited("limit.4095", 4095, RLIM_INFINITY);
	limited("limit.64k", 65536, RLIM_INFINITY);
	limited("limit.none", RLIM_INFINITY, RLIM_INFINITY);
	limited("limit.fsize", RLIM_INFINITY, 65536);
}

static void crash_undumpable(void)
{
	limit(RLIMIT_CORE, RLIM_INFINITY);
	answer("undumpable", prctl(PR_SET_DUMPABLE, 0));
	crash();
}

static void crash_dumpable(void)
{
	limit(RLIMIT_CORE, RLIM_INFINITY);
	crash();
}

static void crash_as_user(void)
{
	if (setgid(1000) || setuid(1000) || prctl(PR_SET_DUMPABLE, 1))
		die("setuid");
	limit(RLIMIT_CORE, RLIM_INFINITY);
	crash();
}

static void crash_masked(void)
{
	umask(0200);
	limit(RLIMIT_CORE, RLIM_INFINITY);
	crash();
}

static void describe(const char *name)
{
	struct stat st;

	if (lstat("core", &st))
		say(name, "nothing there");
	else
		say(name, "mode %o, links %u, owner %u:%u%s", st.st_mode, (unsigned)st.st_nlink,
			st.st_uid, st.st_gid,
			S_ISREG(st.st_mode) && st.st_size > 3 ? ", long" : "");
}

static void refusals(void)
{
	unlink("core");
	print("undumpable", in_child(crash_undumpable));
	describe("undumpable");
	close(make_file("core", "old", 3));
	answer("link", link("core", "other"));
	print("linked", in_child(crash_dumpable));
	describe("linked");
	unlink("core");
	answer("symlink", symlink("other", "core"));
	print("symlink", in_child(crash_dumpable));
	describe("symlink");
	unlink("core");
	answer("mkdir", mkdir("core", 0777));
	print("folder", in_child(crash_dumpable));
	describe("folder");
	rmdir("core");
	print("user", in_child(crash_as_user));
	describe("user");
	print("umask", in_child(crash_masked));
	describe("umask");
	unlink("core");
	answer("chmod", chmod(".", 0777));
	print("user.may", in_child(crash_as_user));
	describe("user.may");
}

/* On a disk that is full before the file is whole. */
static void full(void)
{
	struct stat st;

	if (mkdir("full", 0755) || mount("full", "full", "tmpfs", 0, "size=128k") || chdir("full"))
		die("mount");
	print("full", in_child(crash_dumpable));
	check("full.cut", stat("core", &st) == 0 && st.st_blocks * 512 <= 131072);
	if (chdir("..") || umount("full") || rmdir("full"))
		die("umount");
}

/* --- Names --- */

static void crash_named(void)
{
	prctl(PR_SET_NAME, "a/b c");
	limit(RLIMIT_CORE, 1 << 20);
	crash();
}

static void named(const char *pattern, const char *format)
{
	char expected[300];
	int status;
	pid_t pid;

	answer(pattern, write_setting(PATTERN, pattern) < 0 ? -1 : 0);
	say("core_pattern", "%s", read_setting(PATTERN));
	pid = fork();
	if (pid == 0)
		crash_named();
	waitpid(pid, &status, 0);
	print(pattern, status);
	snprintf(expected, sizeof(expected), format, pid);
	say(pattern, access(expected, F_OK) ? "not there" : "there");
	unlink(expected);
}

static void names(void)
{
	char before[129], exe[200];
	ssize_t n = readlink("/proc/self/exe", exe, sizeof(exe) - 1);

	exe[n > 0 ? n : 0] = '\0';
	strcpy(before, read_setting(PATTERN));
	say("core_pattern", "%s", before);
	say("core_uses_pid", "%s", read_setting(USES_PID));
	named("c.%p", "c.%d");
	named("c.%P.%i.%I", "c.%1$d.%1$d.%1$d");
	named("%s-%u-%g-%d%", "4-0-0-1");
	named("x%%y%qz", "x%%yz");
	named("n.%e", "n.a!b c");
	named("l.%c", "l.1048576");
	named("/tmp/%f.core", "/tmp/coredump.core");
	for (char *s = exe; *s; s++)
		if (*s == '/')
			*s = '!';
	named("%E", exe);
	named("no/such/folder", "no/such/folder");
	named("", "core");
	answer("uses_pid", write_setting(USES_PID, "1"));
	named("u", "u.%d");
	named("u%p", "u%d");
	named("u.%i", "u.%1$d.%1$d");
	answer("uses_pid", write_setting(USES_PID, "0"));
	named("first\nsecond", "first");
	answer("restore", write_setting(PATTERN, before));
}

/* --- Memory --- */

/* Mappings a dump treats differently, side by side from FREE_AREA on, 16 pages apart. */
#define AT(n) (FREE_AREA + (n)*16 * PAGE)

static void map_file(int slot, int prot, int flags, int fd)
{
	if (mmap(AT(slot), 2 * PAGE, prot, flags | MAP_FIXED_NOREPLACE, fd, 0) != AT(slot))
		die("map_file");
}

static const char *const slots[] = {"anon", "anon.untouched", "anon.read", "anon.dontdump",
	"anon.none", "shared", "shared.untouched", "memfd.shared", "file.private",
	"file.private.written", "file.shared", "program", "program.second", "library",
	"file.private.dodump"};

static void map_everything(void)
{
	const int rw = PROT_READ | PROT_WRITE, anon = MAP_PRIVATE | MAP_ANONYMOUS;
	int exe = open("/proc/self/exe", O_RDONLY), file = make_file("mapped", "contents", 8);
	int memfd = memfd_create("m", 0), library = make_file("library", "\177ELF and so on", 14);
	int n = 0;

	ftruncate(file, 2 * PAGE);
	ftruncate(memfd, 2 * PAGE);
	ftruncate(library, 2 * PAGE);
	map_file(n++, rw, anon, -1);
	*AT(0) = 'a';
	map_file(n++, rw, anon, -1);
	map_file(n++, rw, anon, -1);
	do_read(AT(2));
	map_file(n++, rw, anon, -1);
	*AT(3) = 'd';
	madvise(AT(3), 2 * PAGE, MADV_DONTDUMP);
	map_file(n++, rw, anon, -1);
	*AT(4) = 'n';
	mprotect(AT(4), 2 * PAGE, PROT_NONE);
	map_file(n++, rw, MAP_SHARED | MAP_ANONYMOUS, -1);
	*AT(5) = 's';
	map_file(n++, rw, MAP_SHARED | MAP_ANONYMOUS, -1);
	map_file(n++, rw, MAP_SHARED, memfd);
	*AT(7) = 'm';
	map_file(n++, rw, MAP_PRIVATE, file);
	map_file(n++, rw, MAP_PRIVATE, file);
	AT(9)[PAGE] = 'w';
	map_file(n++, rw, MAP_SHARED, file);
	map_file(n++, PROT_READ | PROT_EXEC, MAP_PRIVATE, exe);
	if (mmap(AT(n), PAGE, PROT_READ, MAP_PRIVATE | MAP_FIXED_NOREPLACE, exe, PAGE) != AT(n))
		die("second");
	n++;
	map_file(n++, PROT_READ, MAP_PRIVATE, library);
	map_file(n++, rw, MAP_PRIVATE, file);
	madvise(AT(14), 2 * PAGE, MADV_DODUMP);
}

static const char *filter;

static void crash_with_mappings(void)
{
	map_everything();
	limit(RLIMIT_CORE, RLIM_INFINITY);
	if (write_setting(FILTER, filter) < 0)
		die("filter");
	crash();
}

static void print_slot(const char *name, const char *at)
{
	const Elf32_Phdr *h = segment_at(at);
	const char *m = memory_at(at);

	if (!h) {
		say(name, "no segment");
		return;
	}
	say(name, "%x bytes of %x, flags %u%s", h->p_filesz, h->p_memsz, h->p_flags,
		!m	  ? ""
		: *m	  ? m[1] ? ", a name" : ", a letter"
		: m[PAGE] ? ", the second"
			  : ", zeroes");
}

static void mappings(void)
{
	static const char *const filters[] = {"0", "1", "2", "4", "8", "0x10", "0x33", "0x1ff"};

	for (size_t i = 0; i < COUNT(filters); i++) {
		filter = filters[i];
		say("filter", "%s", filter);
		unlink("core");
		print("filter", in_child(crash_with_mappings));
		if (!core_open("core"))
			die("core");
		for (size_t s = 0; s < COUNT(slots); s++)
			print_slot(slots[s], AT(s));
		check("filter.length",
			core.size ==
				segment(((Elf32_Ehdr *)core.at)->e_phnum - 1)->p_offset +
					segment(((Elf32_Ehdr *)core.at)->e_phnum - 1)->p_filesz);
	}
	core_close();
}

static void crash_sparse(void)
{
	char *p = map_at(FREE_AREA, 4096 * PAGE, PROT_READ | PROT_WRITE);

	p[100 * PAGE] = 'x';
	p[4000 * PAGE] = 'y';
	limit(RLIMIT_CORE, 4 << 20);
	crash();
}

static void sparse(void)
{
	unlink("core");
	print("sparse", in_child(crash_sparse));
	check("sparse.open", core_open("core"));
	say("sparse", "%x bytes, %c, %c", segment_at(FREE_AREA)->p_filesz,
		*memory_at(FREE_AREA + 100 * PAGE), *memory_at(FREE_AREA + 4000 * PAGE));
	check("sparse.holes", core.blocks < 8192 && core.size > 4096 * PAGE);
	core_close();
}

static void crash_huge(void)
{
	const int rw = PROT_READ | PROT_WRITE;
	char *p = mmap(FREE_AREA, 2 * HUGE, rw,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB | MAP_FIXED_NOREPLACE, -1, 0);
	char *s = mmap(FREE_AREA2, 2 * HUGE, rw,
		MAP_SHARED | MAP_ANONYMOUS | MAP_HUGETLB | MAP_FIXED_NOREPLACE, -1, 0);

	if (p != FREE_AREA || s != FREE_AREA2)
		die("huge");
	p[PAGE] = s[PAGE] = 'h';
	limit(RLIMIT_CORE, RLIM_INFINITY);
	if (write_setting(FILTER, filter) < 0)
		die("filter");
	crash();
}

static void huge(void)
{
	static const char *const filters[] = {"0x1f", "0x20", "0x40"};

	if (write_setting(HUGEPAGES, "4") < 0)
		die("nr_hugepages");
	for (size_t i = 0; i < COUNT(filters); i++) {
		filter = filters[i];
		unlink("core");
		print(filter, in_child(crash_huge));
		if (!core_open("core"))
			die("core");
		print_slot("huge.private", FREE_AREA);
		print_slot("huge.private+1", FREE_AREA + PAGE);
		print_slot("huge.shared+1", FREE_AREA2 + PAGE);
		check("huge.holes", core.blocks * 512 < (off_t)(3 * HUGE));
	}
	core_close();
	write_setting(HUGEPAGES, "0");
}

static void filters(void)
{
	static const char *const texts[] = {"0", "0x7f", "127", "0777", "ffff", "0xffffffff",
		"0x100000000", "-1", "", " 5", "5 ", "5x", "3\n"};

	show_setting(FILTER);
	for (size_t i = 0; i < COUNT(texts); i++) {
		long n = write_setting(FILTER, texts[i]);

		say(texts[i], "%s %s", n < 0 ? errno_name(errno) : "ok", read_setting(FILTER));
	}
}

static void filter_inherited(void)
{
	write_setting(FILTER, "5");
	execl("/proc/self/exe", "coredump", "filter", NULL);
}

/* --- Notes --- */

#define EBX 0x11223344
#define ESI 0x55667788
#define EDI 0x99aabbcc

static __attribute__((noreturn)) void crash_with_registers(unsigned ebx)
{
	static const float three[4] = {3, 3, 3, 3};

	__asm__ volatile(
		"fldpi; fld1; movups %1, %%xmm5; ud2" ::"b"(ebx), "m"(three), "S"(ESI), "D"(EDI));
	__builtin_unreachable();
}

static void crash_noted(void)
{
	map_everything();
	limit(RLIMIT_CORE, RLIM_INFINITY);
	raise(0);
	crash_with_registers(EBX);
}

static void list_notes(const char *name)
{
	const char *at = core.at + segment(0)->p_offset, *end = at + segment(0)->p_filesz;

	while (at < end) {
		const Elf32_Nhdr *n = (void *)at;

		if (n->n_type == NT_FILE || n->n_type == NT_AUXV)
			say(name, "%s %x", at + sizeof(*n), n->n_type);
		else if (n->n_type != NT_X86_XSTATE) /* a matter of the CPU */
			say(name, "%s %x: %u bytes", at + sizeof(*n), n->n_type, n->n_descsz);
		at += sizeof(*n) + ((n->n_namesz + 3) & ~3u) + ((n->n_descsz + 3) & ~3u);
	}
}

static void print_status(const char *name, const struct elf_prstatus *s)
{
	const struct user_regs_struct *r = (void *)s->pr_reg;

	say(name, "signo %d code %d errno %d cursig %d pend %lx hold %lx", s->pr_info.si_signo,
		s->pr_info.si_code, s->pr_info.si_errno, s->pr_cursig, s->pr_sigpend,
		s->pr_sighold);
	check(name, s->pr_ppid == getpid() && s->pr_pgrp == getpgrp() && s->pr_sid == getsid(0));
	say(name, "fpvalid %d cs %lx ss %lx ds %lx fs %lx orig_eax %ld", s->pr_fpvalid, r->xcs,
		r->xss, r->xds, r->xfs, r->orig_eax);
}

static void print_files(void)
{
	size_t size;
	const long *files = note(NT_FILE, 0, &size);
	const char *name = (char *)(files + 2 + files[0] * 3);

	say("files", "unit %ld", files[1]);
	for (long i = 0; i < files[0]; i++, name += strlen(name) + 1)
		if (files[2 + i * 3] >= (long)FREE_AREA &&
			files[2 + i * 3] < (long)AT(COUNT(slots)))
			say("files", "%lx-%lx at %ld: %s", files[2 + i * 3], files[3 + i * 3],
				files[4 + i * 3], strrchr(name, '/') ? strrchr(name, '/') : name);
	check("files.end", name - (char *)files == (long)size);
}

static void print_fpu(void)
{
	size_t size;
	const struct user_fpregs_struct *f = note(NT_PRFPREG, 0, &size);
	const struct user_fpxregs_struct *x = note(NT_PRXFPREG, 0, &size);
	const unsigned char *st = (void *)f->st_space;

	say("fpregs", "cwd %lx swd %lx twd %lx st0 %x%02x st1 %x%02x", f->cwd, f->swd, f->twd,
		st[9], st[8], st[19], st[18]);
	say("fpxregs", "cwd %x twd %x mxcsr %lx xmm5 %lx", x->cwd, x->twd, x->mxcsr,
		x->xmm_space[20]);
}

static void notes(void)
{
	size_t size;
	const struct elf_prstatus *s;
	const struct elf_prpsinfo *p;
	const siginfo_t *i;
	const Elf32_Ehdr *e;

	unlink("core");
	print("notes", in_child(crash_noted));
	if (!core_open("core"))
		die("core");
	e = (void *)core.at;
	say("header", "type %u machine %u flags %x shnum %u osabi %u", e->e_type, e->e_machine,
		e->e_flags, e->e_shnum, e->e_ident[EI_OSABI]);
	say("header", "notes: filesz ok %d memsz %u flags %u align %u", segment(0)->p_filesz > 0,
		segment(0)->p_memsz, segment(0)->p_flags, segment(0)->p_align);
	say("header", "loads: aligned %d, align %u", segment(1)->p_offset % PAGE == 0,
		segment(1)->p_align);
	list_notes("note");
	s = note(NT_PRSTATUS, 0, &size);
	print_status("prstatus", s);
	say("prstatus", "ebx %lx esi %lx edi %lx", s->pr_reg[0], s->pr_reg[3], s->pr_reg[4]);
	check("prstatus.eip", !memcmp((char *)s->pr_reg[12], "\017\013", 2));
	p = note(NT_PRPSINFO, 0, &size);
	say("prpsinfo", "state %d %c zomb %d nice %d uid %u gid %u fname %s args %s", p->pr_state,
		p->pr_sname, p->pr_zomb, p->pr_nice, p->pr_uid, p->pr_gid, p->pr_fname,
		strrchr(p->pr_psargs, '/') ? strrchr(p->pr_psargs, '/') : p->pr_psargs);
	check("prpsinfo.ids", p->pr_pid == s->pr_pid && p->pr_ppid == getpid());
	i = note(NT_SIGINFO, 0, &size);
	say("siginfo", "signo %d errno %d code %d", i->si_signo, i->si_errno, i->si_code);
	check("siginfo.addr", (unsigned long)i->si_addr == s->pr_reg[12]);
	print_files();
	print_fpu();
	core_close();
}

static void *waiting_thread(void *arg)
{
	__asm__ volatile("int $0x80" ::"a"(SYS_pause), "b"(arg));
	return NULL;
}

static void *crashing_thread(void *arg)
{
	usleep(50000);
	crash_with_registers(EBX);
}

static void crash_in_thread(void)
{
	pthread_t t;

	limit(RLIMIT_CORE, RLIM_INFINITY);
	for (uintptr_t i = 1; i <= 3; i++)
		pthread_create(&t, NULL, waiting_thread, (void *)(i * 0x1111));
	pthread_create(&t, NULL, crashing_thread, NULL);
	pthread_join(t, NULL);
}

static void threads(void)
{
	size_t size;
	const struct elf_prstatus *s;
	const struct elf_prpsinfo *p;
	long seen = 0;

	unlink("core");
	print("threads", in_child(crash_in_thread));
	if (!core_open("core"))
		die("core");
	p = note(NT_PRPSINFO, 0, &size);
	say("threads", "state %d %c", p->pr_state, p->pr_sname);
	s = note(NT_PRSTATUS, 0, &size);
	print_status("threads.first", s);
	say("threads.first", "ebx %lx", s->pr_reg[0]);
	for (int i = 1; (s = note(NT_PRSTATUS, i, &size)); i++) {
		const struct user_regs_struct *r = (void *)s->pr_reg;

		seen += r->ebx > 0 && r->ebx < 0x4444 ? r->ebx : 0;
		say("threads.other", "signo %d orig_eax %s eax %ld %s", s->pr_cursig,
			r->orig_eax == SYS_pause ? "pause" : "another", r->eax,
			s->pr_pid == p->pr_pid ? "first" : "later");
	}
	say("threads.others", "%lx", seen);
	say("threads.notes", "%s %s", note(NT_PRXFPREG, 4, &size) ? "five" : "fewer",
		note(NT_PRXFPREG, 5, &size) ? "or more" : "");
	core_close();
}

static void crash_pending(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigaddset(&set, SIGSEGV);
	sigprocmask(SIG_BLOCK, &set, NULL);
	syscall(SYS_tkill, getpid(), SIGUSR1);
	limit(RLIMIT_CORE, RLIM_INFINITY);
	*(volatile char *)0x1234 = 1;
}

static void pending(void)
{
	size_t size;
	const siginfo_t *i;

	unlink("core");
	print("pending", in_child(crash_pending));
	if (!core_open("core"))
		die("core");
	print_status("pending", note(NT_PRSTATUS, 0, &size));
	i = note(NT_SIGINFO, 0, &size);
	say("pending", "signo %d code %d addr %p", i->si_signo, i->si_code, i->si_addr);
	core_close();
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		void (*body)(void);
	} parts[] = {{"signals", signals}, {"news", news}, {"limits", limits}, {"full", full},
		{"refusals", refusals}, {"names", names}, {"filters", filters},
		{"filter.inherited", filter_inherited}, {"mappings", mappings}, {"sparse", sparse},
		{"huge", huge}, {"notes", notes}, {"threads", threads}, {"pending", pending}};

	if (argc > 1) {
		show_setting(FILTER);
		return 0;
	}
	if (mkdir("/tmp/cores", 0755) || chdir("/tmp/cores"))
		die("/tmp/cores");
	for (size_t i = 0; i < COUNT(parts); i++)
		isolated(parts[i].name, parts[i].body);
	for (const char *const *f =
			(const char *const[]){"core", "other", "mapped", "library", NULL};
		*f; f++)
		unlink(*f);
	rmdir("/tmp/cores");
	return test_failed;
}
