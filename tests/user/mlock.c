/* mlock, mlock2, mlockall: what becomes resident, what is counted, limits and errors. */
#include "tests/user/test.h"
#include <sys/prctl.h>

#define RW	     (PROT_READ | PROT_WRITE)
#define LOCK_ONFAULT 1
#define FUTURE_FAULT 4 /* MCL_ONFAULT */

static long locked(void)
{
	return status_value("VmLck");
}

static int resident(char *p, int pages)
{
	unsigned char vector[64];
	int count = 0;

	if (mincore(p, pages * PAGE, vector))
		return -1;
	for (int i = 0; i < pages; i++)
		count += vector[i] & 1;
	return count;
}

static long mlock_2(void *p, size_t len, unsigned flags)
{
	return syscall(SYS_mlock2, p, len, flags);
}

static void locking(void)
{
	char *p = map_at(FREE_AREA + PAGE, 8 * PAGE, RW);

	say("before", "%ld kB, %d resident", locked(), resident(p, 8));
	answer("mlock", mlock(p + 2 * PAGE, 4 * PAGE));
	say("mlock.counted", "%ld kB, %d resident, %d lines", locked(), resident(p, 8),
		map_lines(p, 8 * PAGE));
	answer("mlock.again", mlock(p + 2 * PAGE, 4 * PAGE));
	answer("mlock.more", mlock(p, 3 * PAGE));
	say("mlock.more_counted", "%ld kB, %d resident", locked(), resident(p, 8));
	answer("munlock", munlock(p + PAGE, PAGE));
	say("munlock.counted", "%ld kB, %d resident", locked(), resident(p, 8));
	answer("mlock.unaligned", mlock(p + 7 * PAGE + 10, 1));
	say("mlock.unaligned_counted", "%ld kB", locked());
	answer("mlock.two_pages_touched", mlock(p + 7 * PAGE - 1, 2));
	say("mlock.two_pages_counted", "%ld kB", locked());
	munmap(p + 4 * PAGE, PAGE);
	say("munmap.counted", "%ld kB", locked());
	munmap(p, 8 * PAGE);
	say("munmap.all", "%ld kB", locked());
}

static void on_fault(void)
{
	char *p = map_at(FREE_AREA + PAGE, 4 * PAGE, RW);

	answer("onfault", mlock_2(p, 4 * PAGE, LOCK_ONFAULT));
	say("onfault.counted", "%ld kB, %d resident", locked(), resident(p, 4));
	p[0] = 1;
	say("onfault.touched", "%d resident", resident(p, 4));
	answer("onfault.now_all", mlock_2(p, 4 * PAGE, 0));
	say("onfault.all", "%d resident", resident(p, 4));
	answer("mlock2.bad_flags", mlock_2(p, PAGE, 2));
	answer("mlock2.bad_flags_empty", mlock_2(p, 0, 8));
	munmap(p, 4 * PAGE);
	p = mmap(FREE_AREA + PAGE, 4 * PAGE, RW,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_LOCKED | MAP_FIXED_NOREPLACE, -1, 0);
	say("map_locked", "%ld kB, %d resident", locked(), resident(p, 4));
	p = mremap(p, 4 * PAGE, 6 * PAGE, MREMAP_MAYMOVE);
	say("map_locked.grown", "%ld kB, %d resident", locked(), resident(p, 6));
	munmap(p, 6 * PAGE);
}

static void errors(void)
{
	char *p = map_at(FREE_AREA, 3 * PAGE, RW);

	answer("mlock.empty", mlock(p, 0));
	answer("mlock.empty_nowhere", mlock(FREE_AREA2, 0));
	answer("mlock.unmapped", mlock(FREE_AREA2, PAGE));
	answer("mlock.kernel", mlock(KERNEL, PAGE));
	answer("mlock.wraps", mlock(p, -PAGE));
	answer("munlock.unmapped", munlock(FREE_AREA2, PAGE));
	answer("munlock.not_locked", munlock(p, PAGE));
	munmap(p + PAGE, PAGE);
	answer("mlock.hole", mlock(p, 3 * PAGE));
	say("mlock.hole_counted", "%ld kB", locked());
	answer("munlock.hole", munlock(p, 3 * PAGE));
	say("munlock.hole_counted", "%ld kB", locked());
	mprotect(p, PAGE, PROT_NONE);
	answer("mlock.prot_none", mlock(p, PAGE));
	say("mlock.prot_none_counted", "%ld kB", locked());
	munmap(p, 3 * PAGE);
}

static void all(void)
{
	char *before = map_at(FREE_AREA + PAGE, 4 * PAGE, RW), *after;

	answer("mlockall.current", mlockall(MCL_CURRENT));
	check("mlockall.current_counted", locked() > 16);
	say("mlockall.current_resident", "%d", resident(before, 4));
	after = map_anon(4 * PAGE);
	say("mlockall.current_later", "%d", resident(after, 4));
	munmap(after, 4 * PAGE);
	answer("munlockall", munlockall());
	say("munlockall.counted", "%ld kB", locked());
	answer("mlockall.future", mlockall(MCL_FUTURE));
	after = map_at(FREE_AREA2, 4 * PAGE, RW);
	say("mlockall.future_resident", "%d, %ld kB", resident(after, 4), locked());
	munmap(after, 4 * PAGE);
	answer("mlockall.future_onfault", mlockall(MCL_FUTURE | FUTURE_FAULT));
	after = map_at(FREE_AREA2, 4 * PAGE, RW);
	say("mlockall.onfault_resident", "%d, %ld kB", resident(after, 4), locked());
	munmap(after, 4 * PAGE);
	answer("munlockall", munlockall());
	after = map_at(FREE_AREA2, 4 * PAGE, RW);
	say("munlockall.ends_future", "%d, %ld kB", resident(after, 4), locked());
	answer("mlockall.none", mlockall(0));
	answer("mlockall.only_onfault", mlockall(FUTURE_FAULT));
	answer("mlockall.unknown", mlockall(8));
	munmap(before, 4 * PAGE);
	munmap(after, 4 * PAGE);
}

static void child(void)
{
	say("fork.child", "%ld kB", locked());
}

static void over_fork(void)
{
	char *p = map_at(FREE_AREA, 2 * PAGE, RW);

	mlock(p, 2 * PAGE);
	isolated("child", child);
	say("fork.parent", "%ld kB", locked());
	munmap(p, 2 * PAGE);
}

static void as_user(void)
{
	struct rlimit limit = {4 * PAGE, 4 * PAGE};
	char *p = map_at(FREE_AREA, 8 * PAGE, RW);

	setrlimit(RLIMIT_MEMLOCK, &limit);
	answer("root.over_limit", mlock(p, 8 * PAGE));
	munlock(p, 8 * PAGE);
	if (setgid(1000) || setuid(1000))
		die("setuid");
	answer("user.in_limit", mlock(p, 4 * PAGE));
	answer("user.same_again", mlock(p, 4 * PAGE));
	answer("user.over_limit", mlock(p + 4 * PAGE, PAGE));
	answer("user.unlock", munlock(p, PAGE));
	answer("user.room_again", mlock(p + 4 * PAGE, PAGE));
	answer("user.too_much", mlock(p, 8 * PAGE));
	answer("user.around_the_end", mlock((void *)0xb0000000, 0x60000000));
	answer("user.unlock_around_the_end", munlock((void *)0xb0000000, 0x60000000));
	munlock(p, 8 * PAGE);
	answer("user.mlockall", mlockall(MCL_CURRENT));
	answer("user.mlockall_future", mlockall(MCL_FUTURE));
	munlockall();
	limit = (struct rlimit){0, 0};
	setrlimit(RLIMIT_MEMLOCK, &limit);
	answer("user.not_allowed", mlock(p, PAGE));
	answer("user.not_allowed_all", mlockall(MCL_FUTURE));
}

/* Capabilities kept over setuid() are lost by execve(), and with them leave to lock it all. */
static void capable_until_exec(void)
{
	unsigned header[2] = {0x20080522, 0};
	unsigned data[6] = {1u << 14, 1u << 14}; /* CAP_IPC_LOCK */
	struct rlimit limit = {4 * PAGE, 4 * PAGE};

	setrlimit(RLIMIT_MEMLOCK, &limit);
	if (prctl(PR_SET_KEEPCAPS, 1) || setuid(1000) || syscall(SYS_capset, header, data))
		die("capset");
	answer("kept.mlockall", mlockall(MCL_CURRENT));
	execl("/proc/self/exe", "mlock", "again", NULL);
	die("exec");
}

static int after_exec(void)
{
	answer("exec.mlockall", mlockall(MCL_CURRENT));
	answer("exec.mlock", mlock(map_at(FREE_AREA, 8 * PAGE, RW), 8 * PAGE));
	return test_failed;
}

int main(int argc, char **argv)
{
	if (argc > 1)
		return after_exec();
	locking();
	on_fault();
	errors();
	all();
	over_fork();
	isolated("user", as_user);
	isolated("exec", capable_until_exec);
	return test_failed;
}
