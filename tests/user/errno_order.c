/* Calls with two mistakes in them: which one is told; and what is not even looked at. */
#include "tests/user/test.h"
#include <linux/sched.h>
#include <sched.h>
#include <sys/select.h>
#include <sys/sem.h>

enum { NO_SIGNAL = 999, NOBODY = 0x3fffffff, ITSELF = 0 };

static char *hole; /* the end of readable memory */

static void find_hole(void)
{
	hole = map_anon(2 * PAGE) + PAGE;
	if (munmap(hole, PAGE))
		die("munmap");
}

/* The arguments are read before the program is looked for. */
static void arguments(void)
{
	static char *none[] = {NULL};
	char **torn = (char **)hole - 2, *bad[] = {hole, NULL};
	size_t size = 140 * 1024;
	char *huge = map_anon(size + PAGE), *large[] = {huge, NULL};

	torn[0] = torn[1] = "an argument";
	memset(huge, 'x', size);
	answer("execve.missing", execve("/no/such", none, none));
	answer("execve.missing.argv", execve("/no/such", (char **)hole, none));
	answer("execve.missing.envp", execve("/no/such", none, (char **)hole));
	answer("execve.missing.torn", execve("/no/such", none, torn));
	answer("execve.missing.string", execve("/no/such", bad, none));
	answer("execve.missing.large", execve("/no/such", large, none));
	answer("execve.folder.large", execve("/proc", none, large));
	answer("execve.empty.argv", execve("", (char **)hole, none));
	answer("execve.path", execve(hole, large, none));
	answer("execveat.descriptor", syscall(SYS_execveat, -1, "file", (char **)hole, none, 0));
	answer("execveat.flags", syscall(SYS_execveat, -1, "file", (char **)hole, none, 1));
	munmap(huge, size + PAGE);
}

/* Whether a signal exists is asked of a process that does. */
static void signals(void)
{
	siginfo_t info = {.si_code = SI_QUEUE};

	answer("kill.process", kill(NOBODY, NO_SIGNAL));
	answer("kill.group", kill(-NOBODY, NO_SIGNAL));
	answer("kill.itself", kill(getpid(), NO_SIGNAL));
	answer("kill.own_group", kill(ITSELF, NO_SIGNAL));
	answer("kill.nobody", kill(NOBODY, 0));
	answer("tkill", syscall(SYS_tkill, NOBODY, NO_SIGNAL));
	answer("tkill.itself", syscall(SYS_tkill, getpid(), NO_SIGNAL));
	answer("tgkill", syscall(SYS_tgkill, getpid(), NOBODY, NO_SIGNAL));
	answer("sigqueue", syscall(SYS_rt_sigqueueinfo, NOBODY, NO_SIGNAL, &info));
	answer("sigqueue.itself", syscall(SYS_rt_sigqueueinfo, getpid(), NO_SIGNAL, &info));
}

static void semaphores(void)
{
	struct timespec bad = {.tv_nsec = -1};
	struct sembuf op = {0};

	answer("semop.many", semop(-1, NULL, 100000));
	answer("semop.none", semop(-1, (void *)hole, 0));
	answer("semop.unreadable", semop(-1, (void *)hole, 1));
	answer("semop.id", semop(-1, &op, 1));
	answer("semtimedop.time", semtimedop(-1, &op, 1, &bad));
}

/* One after the other; -1 is none. */
static void groups(void)
{
	uint32_t *wide = (uint32_t *)hole - 2;
	uint16_t *narrow = (uint16_t *)hole - 2;

	wide[0] = 7, wide[1] = -1;
	answer("setgroups32.none", syscall(SYS_setgroups32, 2, wide));
	answer("setgroups32.none.unreadable", syscall(SYS_setgroups32, 3, wide));
	wide[1] = 8;
	answer("setgroups32.unreadable", syscall(SYS_setgroups32, 3, wide));
	answer("setgroups32", syscall(SYS_setgroups32, 2, wide));
	answer("getgroups", getgroups(0, NULL));
	narrow[0] = 9, narrow[1] = -1;
	answer("setgroups16.none", syscall(SYS_setgroups, 2, narrow));
	answer("setgroups16.none.unreadable", syscall(SYS_setgroups, 3, narrow));
	answer("setgroups16", syscall(SYS_setgroups, 1, narrow));
	answer("getgroups.one", getgroups(0, NULL));
	answer("setgroups.clear", syscall(SYS_setgroups32, 0, NULL));
}

/* The sets are as long as the table of descriptors, however many the caller speaks of. */
static void selecting(void)
{
	struct timeval now = {0};
	uint32_t *word = (uint32_t *)hole - 1;
	fd_set set;

	*word = 0;
	answer("select.word", select(32, (fd_set *)word, NULL, NULL, &now));
	answer("select.table", select(1000, (fd_set *)word, NULL, NULL, &now));
	FD_ZERO(&set);
	FD_SET(500, &set);
	answer("select.beyond", select(600, &set, NULL, NULL, &now));
	check("select.beyond.kept", FD_ISSET(500, &set));
	FD_ZERO(&set);
	FD_SET(20, &set);
	answer("select.closed", select(600, &set, NULL, NULL, &now));
	answer("dup2", dup2(1, 40) == 40);
	answer("select.larger_table", select(1000, (fd_set *)word, NULL, NULL, &now));
	FD_ZERO(&set);
	FD_SET(200, &set);
	answer("select.within", select(600, &set, NULL, NULL, &now));
	FD_ZERO(&set);
	FD_SET(260, &set);
	answer("select.beyond_larger", select(600, &set, NULL, NULL, &now));
	close(40);
}

static void scheduling(void)
{
	struct sched_param urgent = {.sched_priority = 1};
	struct timespec slice;
	uint32_t mask;

	answer("getaffinity.nobody", syscall(SYS_sched_getaffinity, -1, sizeof(mask), &mask));
	answer("getaffinity.nobody.short", syscall(SYS_sched_getaffinity, -1, 1, &mask));
	answer("setaffinity.nobody", syscall(SYS_sched_setaffinity, -1, sizeof(mask), &mask));
	answer("getscheduler.nobody", sched_getscheduler(-1));
	answer("slice.nobody", sched_rr_get_interval(-1, &slice));
	answer("setscheduler", sched_setscheduler(0, SCHED_RR, &urgent));
	sched_rr_get_interval(0, &slice);
	say("slice.round_robin", "%ld", slice.tv_nsec);
	urgent.sched_priority = 0;
	answer("setscheduler.other", sched_setscheduler(0, SCHED_OTHER, &urgent));
	sched_rr_get_interval(0, &slice);
	say("slice.other", "%ld", slice.tv_nsec);
}

static void cgroups(void)
{
	struct clone_args a = {.flags = CLONE_INTO_CGROUP};

	answer("clone3.cgroup", syscall(SYS_clone3, &a, sizeof(a)));
	answer("clone3.cgroup.short", syscall(SYS_clone3, &a, CLONE_ARGS_SIZE_VER1));
	a.cgroup = 1ull << 31;
	answer("clone3.cgroup.number", syscall(SYS_clone3, &a, sizeof(a)));
}

int main(void)
{
	find_hole();
	arguments();
	signals();
	semaphores();
	groups();
	selecting();
	scheduling();
	cgroups();
	answer("sync_file_range.closed", sync_file_range(-1, -1, -1, ~0u));
	answer("sync_file_range.flags", sync_file_range(1, 0, 0, ~0u));
	return test_failed;
}
