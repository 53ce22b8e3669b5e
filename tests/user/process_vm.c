/* process_vm_readv and process_vm_writev: another process's memory, vectors of all shapes, where a
 * transfer ends, and who may do it. */
#include "tests/user/test.h"
#include <sys/prctl.h>
#include <sys/uio.h>

#define RW (PROT_READ | PROT_WRITE)

static long readv_raw(pid_t pid, const void *l, unsigned long nl, const void *r, unsigned long nr,
	unsigned long flags)
{
	return syscall(SYS_process_vm_readv, pid, l, nl, r, nr, flags);
}

static long writev_raw(pid_t pid, const void *l, unsigned long nl, const void *r, unsigned long nr,
	unsigned long flags)
{
	return syscall(SYS_process_vm_writev, pid, l, nl, r, nr, flags);
}

static long read_one(pid_t pid, void *to, void *from, size_t n)
{
	struct iovec l = {to, n}, r = {from, n};

	return readv_raw(pid, &l, 1, &r, 1, 0);
}

static long write_one(pid_t pid, void *from, void *to, size_t n)
{
	struct iovec l = {from, n}, r = {to, n};

	return writev_raw(pid, &l, 1, &r, 1, 0);
}

/* A child that does nothing until it is killed. */
static pid_t sleeper(void (*first)(void))
{
	int ready[2];
	pid_t pid;
	char c;

	if (pipe(ready))
		die("pipe");
	pid = fork();
	if (pid == 0) {
		if (first)
			first();
		(void)!write(ready[1], "r", 1);
		for (;;)
			pause();
	}
	(void)!read(ready[0], &c, 1);
	close(ready[0]);
	close(ready[1]);
	return pid;
}

static void end(pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

static char *area; /* pages: a rw, b rw, hole, c r-, d none, e rw */

static void make_area(void)
{
	area = map_at(FREE_AREA, 6 * PAGE, RW);
	for (int i = 0; i < 6; i++)
		memset(area + i * PAGE, 'a' + i, PAGE);
	munmap(area + 2 * PAGE, PAGE);
	mprotect(area + 3 * PAGE, PAGE, PROT_READ);
	mprotect(area + 4 * PAGE, PAGE, PROT_NONE);
}

static void self(void)
{
	char buf[16] = "0123456789", to[16] = "";
	struct iovec l[3] = {{to, 3}, {to + 3, 0}, {to + 3, 4}}, r[2] = {{buf, 5}, {buf + 5, 5}};

	answer("self.read", readv_raw(getpid(), l, 3, r, 2, 0));
	say("self.read", "%s", to);
	answer("self.write", writev_raw(getpid(), l, 3, r, 2, 0));
	answer("self.remote_short", readv_raw(getpid(), l, 3, r, 1, 0));
	answer("self.local_short", readv_raw(getpid(), l, 1, r, 2, 0));
	answer("self.tid", readv_raw(gettid(), l, 1, r, 2, 0));
}

static void vectors(void)
{
	char buf[16] = "0123456789", to[16] = "";
	struct iovec l = {to, 4}, r = {buf, 4}, none = {NULL, 0}, bad = {KERNEL, 4},
		     negative = {to, -1}, many[1025];
	pid_t me = getpid();

	answer("flags", readv_raw(me, &l, 1, &r, 1, 1));
	answer("local.none", readv_raw(me, NULL, 0, &r, 1, 0));
	answer("local.none_remote_bad", readv_raw(me, NULL, 0, KERNEL, 1, 0));
	answer("local.empty", readv_raw(me, &none, 1, &r, 1, 0));
	answer("local.empty_no_process", readv_raw(-1, &none, 1, &r, 1, 0));
	answer("remote.none", readv_raw(me, &l, 1, NULL, 0, 0));
	answer("remote.none_no_process", readv_raw(-1, &l, 1, NULL, 0, 0));
	answer("remote.empty", readv_raw(me, &l, 1, &none, 1, 0));
	answer("remote.empty_no_process", readv_raw(-1, &l, 1, &none, 1, 0));
	answer("local.vector_bad", readv_raw(me, KERNEL, 1, &r, 1, 0));
	answer("local.vector_null", readv_raw(me, NULL, 1, &r, 1, 0));
	answer("remote.vector_bad", readv_raw(me, &l, 1, KERNEL, 1, 0));
	answer("local.kernel", readv_raw(me, &bad, 1, &r, 1, 0));
	answer("remote.kernel", readv_raw(me, &l, 1, &bad, 1, 0));
	answer("local.negative", readv_raw(me, &negative, 1, &r, 1, 0));
	answer("remote.negative", readv_raw(me, &l, 1, &negative, 1, 0));
	for (size_t i = 0; i < COUNT(many); i++)
		many[i] = (struct iovec){buf, 0};
	answer("local.1024", readv_raw(me, many, 1024, &r, 1, 0));
	answer("local.1025", readv_raw(me, many, 1025, &r, 1, 0));
	answer("remote.1024", readv_raw(me, &l, 1, many, 1024, 0));
	answer("remote.1025", readv_raw(me, &l, 1, many, 1025, 0));
	many[1023] = r;
	answer("remote.last", readv_raw(me, &l, 1, many, 1024, 0));
	answer("remote.count_huge", readv_raw(me, &l, 1, &r, 0x80000001, 0));
	answer("pid.none", readv_raw(0x7ffffff, &l, 1, &r, 1, 0));
	answer("pid.zero", readv_raw(0, &l, 1, &r, 1, 0));
	answer("pid.negative", readv_raw(-1, &l, 1, &r, 1, 0));
}

static void show(const char *name, const char *p)
{
	pid_t me = getpid();

	say(name, "shared %ld clean %ld dirty, private %ld clean %ld dirty",
		smaps_value(me, p, "Shared_Clean:"), smaps_value(me, p, "Shared_Dirty:"),
		smaps_value(me, p, "Private_Clean:"), smaps_value(me, p, "Private_Dirty:"));
}

/* Private pages that a child has too are copied for who reads them so, whatever becomes of the
 * bytes; what was never written has no copy. */
static void shared_with_child(void)
{
	char *p = mmap(NULL, 5 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	char buf[PAGE];
	pid_t child;

	memset(p, 'p', 4 * PAGE);
	child = sleeper(NULL);
	show("shared.forked", p);
	answer("shared.read", read_one(getpid(), buf, p + 10, 10));
	show("shared.read", p);
	answer("shared.bad", read_one(getpid(), (void *)0x1000, p + PAGE, PAGE));
	show("shared.bad", p);
	answer("shared.read_again", read_one(getpid(), buf, p, 10));
	answer("shared.never_written", read_one(getpid(), buf, p + 4 * PAGE, 10));
	show("shared.read_again", p);
	p[0] = 'q';
	show("shared.written", p);
	answer("shared.write_bad", write_one(getpid(), (void *)0x1000, p + 3 * PAGE, 10));
	show("shared.write_bad", p);
	mprotect(p, 5 * PAGE, PROT_READ);
	answer("shared.readonly", read_one(getpid(), buf, p + 2 * PAGE, 10));
	show("shared.readonly", p);
	answer("shared.child", read_one(child, buf, p, PAGE));
	end(child);
	munmap(p, 5 * PAGE);
}

static void reading(pid_t pid)
{
	char buf[6 * PAGE];
	struct iovec l[2] = {{buf, sizeof(buf)}},
		     r[3] = {{area, 10}, {area + 2 * PAGE, 10}, {area + PAGE, 10}};

	answer("read.all", read_one(pid, buf, area, 6 * PAGE));
	say("read.all", "%c%c", buf[0], buf[2 * PAGE - 1]);
	answer("read.across", read_one(pid, buf, area + PAGE - 5, 10));
	say("read.across", "%.10s", buf);
	answer("read.hole", read_one(pid, buf, area + 2 * PAGE, 10));
	answer("read.readable", read_one(pid, buf, area + 3 * PAGE, 10));
	answer("read.none", read_one(pid, buf, area + 4 * PAGE, 10));
	answer("read.into_none", read_one(pid, buf, area + 4 * PAGE - 7, 10));
	answer("read.vector", readv_raw(pid, l, 1, r, 3, 0));
	answer("read.kernel", read_one(pid, buf, KERNEL, 10));
	answer("read.top", read_one(pid, buf, (void *)0xbffffff0, 100));
	l[0] = (struct iovec){buf, 5};
	l[1] = (struct iovec){(void *)0x1000, 5};
	answer("read.local_fault", readv_raw(pid, l, 2, r, 1, 0));
	say("read.local_fault", "%.5s", buf);
	l[0].iov_base = (void *)0x1000;
	answer("read.local_fault_first", readv_raw(pid, l, 2, r, 1, 0));
}

static void writing(pid_t pid)
{
	char data[3 * PAGE], back[16] = "";
	struct iovec l[2] = {{data, 5}, {(void *)0x1000, 5}}, r = {area + 100, 10};

	memset(data, 'W', sizeof(data));
	answer("write.across", write_one(pid, data, area + PAGE - 3, 6));
	read_one(pid, back, area + PAGE - 4, 8);
	say("write.across", "%s", back);
	check("write.not_here", area[PAGE - 1] == 'a');
	answer("write.into_hole", write_one(pid, data, area + PAGE, sizeof(data)));
	answer("write.read_only", write_one(pid, data, area + 3 * PAGE, 5));
	answer("write.none", write_one(pid, data, area + 4 * PAGE, 5));
	answer("write.into_read_only", write_one(pid, data, area + 2 * PAGE - 3, 2 * PAGE));
	answer("write.local_fault", writev_raw(pid, l, 2, &r, 1, 0));
	memset(back, 0, sizeof(back));
	read_one(pid, back, area + 98, 9);
	say("write.local_fault", "%s", back);
}

static char *kinds;

static void make_kinds(void)
{
	kinds = map_at(FREE_AREA2, 4 * PAGE, RW);
	mprotect(kinds, PAGE, PROT_WRITE);
	mprotect(kinds + PAGE, PAGE, PROT_EXEC);
	mprotect(kinds + 2 * PAGE, PAGE, PROT_READ | PROT_EXEC);
}

/* Rights are what the mapping says, not what the machine does; untouched memory is made. */
static void rights(void)
{
	pid_t pid = sleeper(make_kinds);
	char c;

	answer("write_only.read", read_one(pid, &c, FREE_AREA2, 1));
	answer("write_only.write", write_one(pid, "x", FREE_AREA2, 1));
	answer("exec_only.read", read_one(pid, &c, FREE_AREA2 + PAGE, 1));
	answer("exec_only.write", write_one(pid, "x", FREE_AREA2 + PAGE, 1));
	answer("read_exec.read", read_one(pid, &c, FREE_AREA2 + 2 * PAGE, 1));
	answer("untouched.read", read_one(pid, &c, FREE_AREA2 + 3 * PAGE, 1));
	answer("untouched.write", write_one(pid, "x", FREE_AREA2 + 3 * PAGE + 9, 1));
	answer("untouched.back", read_one(pid, &c, FREE_AREA2 + 3 * PAGE + 9, 1));
	say("untouched.back", "%c", c);
	end(pid);
}

static void gone(void)
{
	char c, *p = map_anon(PAGE);
	pid_t pid = fork();

	if (pid == 0)
		_exit(0);
	waitid(P_PID, pid, NULL, WEXITED | WNOWAIT);
	answer("zombie", read_one(pid, &c, p, 1));
	waitpid(pid, NULL, 0);
	answer("reaped", read_one(pid, &c, p, 1));
}

/* --- Who may --- */

static void become_1(void)
{
	if (setgid(1) || setuid(1))
		die("setuid");
}

static void become_2(void)
{
	if (setgid(2) || setuid(2))
		die("setuid");
}

static void become_1_dumpable(void)
{
	become_1();
	prctl(PR_SET_DUMPABLE, 1);
}

static void become_1_saved_root(void)
{
	if (setresgid(1, 1, 1) || setresuid(1, 1, 0))
		die("setresuid");
	prctl(PR_SET_DUMPABLE, 1);
}

static void become_1_other_group(void)
{
	if (setgid(2) || setuid(1))
		die("setuid");
	prctl(PR_SET_DUMPABLE, 1);
}

static pid_t victims[6];

static void as_user(void)
{
	static const char *const names[] = {"user.of_root", "user.not_dumpable", "user.dumpable",
		"user.other", "user.saved_root", "user.other_group"};
	char c;

	become_1();
	for (size_t i = 0; i < COUNT(names); i++)
		answer(names[i], read_one(victims[i], &c, area, 1));
	answer("user.write", write_one(victims[2], "x", area, 1));
	answer("user.self", read_one(getpid(), &c, area, 1));
	answer("user.init", read_one(1, &c, area, 1));
}

/* Its effective id does not count, its real one does. */
static void as_mixed(void)
{
	char c;

	if (setresgid(1, 1, 1) || setresuid(2, 1, 2))
		die("setresuid");
	answer("mixed.effective", read_one(victims[2], &c, area, 1));
}

static void permission(void)
{
	void (*const kinds_of[])(void) = {NULL, become_1, become_1_dumpable, become_2,
		become_1_saved_root, become_1_other_group};
	char c;

	for (size_t i = 0; i < COUNT(victims); i++)
		victims[i] = sleeper(kinds_of[i]);
	answer("root.any", read_one(victims[1], &c, area, 1));
	isolated("as_user", as_user);
	isolated("as_mixed", as_mixed);
	for (size_t i = 0; i < COUNT(victims); i++)
		end(victims[i]);
}

/* /proc/PID/mem: into memory that ends, and out of some that does. */
static void by_file(void)
{
	char *from = map_anon(2 * PAGE), *to = map_anon(2 * PAGE);
	int fd = open("/proc/self/mem", O_RDONLY | O_CLOEXEC);

	munmap(to + PAGE, PAGE);
	answer("by_file.into_hole", pread64(fd, to, 2 * PAGE, (uintptr_t)from));
	answer("by_file.out_of_hole", pread64(fd, to, PAGE, (uintptr_t)from + 2 * PAGE - 100));
	munmap(from, 2 * PAGE);
	close(fd);
}

int main(void)
{
	pid_t pid;

	make_area();
	self();
	shared_with_child();
	vectors();
	pid = sleeper(NULL);
	reading(pid);
	writing(pid);
	end(pid);
	rights();
	gone();
	permission();
	by_file();
	return test_failed;
}
