/* sched_setattr(2) and sched_getattr(2): sizes, flags, and what needs a privilege. */
#include "tests/user/test.h"

#include <sched.h>

struct attr {
	uint32_t size, policy;
	uint64_t flags;
	int32_t nice;
	uint32_t priority;
	uint64_t runtime, deadline, period;
	uint32_t util_min, util_max;
	uint32_t beyond[2];
};

#define DEADLINE       6
#define RESET_ON_FORK  0x01
#define KEEP_POLICY    0x08
#define KEEP_PARAMS    0x10
#define UTIL_CLAMP_MIN 0x20

static long setattr(pid_t pid, const void *a, unsigned flags)
{
	return syscall(SYS_sched_setattr, pid, a, flags);
}

static long getattr(pid_t pid, void *a, unsigned size, unsigned flags)
{
	return syscall(SYS_sched_getattr, pid, a, size, flags);
}

static void get(const char *name, unsigned size)
{
	struct attr a;

	memset(&a, 0xaa, sizeof(a));
	if (getattr(0, &a, size, 0) < 0)
		answer(name, -1);
	else
		say(name, "%u: policy %u flags %llx nice %d priority %u; %llu %llu %llu %x %x %x",
			a.size, a.policy, a.flags, a.nice, a.priority, a.runtime, a.deadline,
			a.period, a.util_min, a.util_max, a.beyond[0]);
}

static void set(const char *name, struct attr a)
{
	if (!a.size)
		a.size = 48;
	answer(name, setattr(0, &a, 0));
	get(name, 56);
}

/* The size that the kernel knows comes back where it was told another. */
static void sizes(void)
{
	static const uint32_t sizes[] = {0, 1, 47, 48, 52, 56, 60, 64, 4096, 4097};
	static union {
		struct attr a;
		char bytes[8192];
	} u;

	for (size_t i = 0; i < 2 * COUNT(sizes); i++) {
		memset(&u, 0, sizeof(u));
		u.a.size = sizes[i / 2];
		u.a.beyond[0] = i % 2;
		long err = setattr(0, &u, 0) ? errno : 0;
		say(i % 2 ? "size.more" : "size", "%u: %s, %u", sizes[i / 2],
			err ? errno_name(err) : "ok", u.a.size);
	}
	get("get.48", 48);
	get("get.47", 47);
	get("get.64", 64);
	get("get.4097", 4097);
}

static void arguments(void)
{
	struct attr a = {.size = 48};

	answer("get.null", getattr(0, NULL, 48, 0));
	answer("get.pid", getattr(-1, &a, 48, 0));
	answer("get.nobody", getattr(99999, &a, 48, 0));
	answer("get.flags", getattr(0, &a, 48, 1));
	answer("get.kernel", getattr(0, KERNEL, 48, 0));
	answer("set.null", setattr(0, NULL, 0));
	answer("set.pid", setattr(-1, &a, 0));
	answer("set.nobody", setattr(99999, &a, 0));
	answer("set.flags", setattr(0, &a, 1));
	answer("set.kernel", setattr(0, KERNEL, 0));
}

static void policies(void)
{
	char name[32];

	for (unsigned p = 0; p < 8; p++) {
		snprintf(name, sizeof(name), "policy.%u", p);
		set(name, (struct attr){.policy = p});
		set(name, (struct attr){.policy = p, .priority = 7, .nice = 3});
	}
	for (int f = 0; f < 9; f++) {
		snprintf(name, sizeof(name), "flag.%d", f);
		set(name,
			(struct attr){
				.flags = 1ull << f, .policy = SCHED_RR, .priority = 8, .nice = 3});
	}
	set("util", (struct attr){.size = 56, .flags = UTIL_CLAMP_MIN, .util_min = 1});
	set("nice", (struct attr){.nice = -70});
	set("nice", (struct attr){.nice = 70});
	set("nice", (struct attr){.nice = 4});
	set("negative", (struct attr){.policy = -1});
	set("priority", (struct attr){.policy = SCHED_FIFO, .priority = 100});
	set("keep", (struct attr){.flags = KEEP_POLICY, .policy = SCHED_RR, .nice = 3});
	set("keep.params", (struct attr){.flags = KEEP_PARAMS, .policy = SCHED_BATCH, .nice = 9});
	set("keep.all",
		(struct attr){.flags = KEEP_POLICY | KEEP_PARAMS, .policy = SCHED_RR, .nice = 9});
	set("reset", (struct attr){.flags = RESET_ON_FORK, .nice = 2});
	set("reset.keep", (struct attr){.flags = KEEP_POLICY, .nice = 2});
	set("reset.no", (struct attr){.nice = 2});
}

static void deadlines(void)
{
	static const struct {
		uint64_t runtime, deadline, period;
	} bad[] = {{0, 0, 0}, {1000, 10000000, 10000000}, {1000000, 100000, 10000000},
		{1000000, 10000000, 1000000}, {10000, 50000, 50000},
		{10000, 5000000000ull, 5000000000ull}, {10000, 1ull << 63, 0},
		{9900000, 10000000, 0}};
	char name[32];

	for (size_t i = 0; i < COUNT(bad); i++) {
		snprintf(name, sizeof(name), "deadline.%zu", i);
		set(name, (struct attr){.policy = DEADLINE,
				  .runtime = bad[i].runtime,
				  .deadline = bad[i].deadline,
				  .period = bad[i].period});
	}
}

static void become_user(void)
{
	if (setgid(1000) || setuid(1000))
		die("setuid");
}

static void as_user(void)
{
	set("user", (struct attr){.nice = 0});
	become_user();
	set("user.nicer", (struct attr){.nice = 5});
	set("user.less_nice", (struct attr){.nice = 3});
	set("user.fifo", (struct attr){.policy = SCHED_FIFO, .priority = 1});
	set("user.deadline",
		(struct attr){.policy = DEADLINE, .runtime = 1000000, .deadline = 10000000});
	set("user.reset", (struct attr){.flags = RESET_ON_FORK, .nice = 19});
	set("user.no_reset", (struct attr){.nice = 19});
	set("user.idle", (struct attr){.flags = RESET_ON_FORK, .policy = SCHED_IDLE});
	set("user.not_idle", (struct attr){.flags = RESET_ON_FORK, .nice = 19});
	answer("user.other", setattr(1, &(struct attr){.size = 48}, 0));
}

static void with_limits(void)
{
	setrlimit(RLIMIT_RTPRIO, &(struct rlimit){20, 20});
	setrlimit(RLIMIT_NICE, &(struct rlimit){25, 25});
	set("limits", (struct attr){.nice = 0});
	become_user();
	set("limits.priority", (struct attr){.policy = SCHED_RR, .priority = 20});
	set("limits.priority", (struct attr){.policy = SCHED_RR, .priority = 21});
	answer("limits.old_call",
		sched_setscheduler(0, SCHED_FIFO, &(struct sched_param){.sched_priority = 19}));
	set("limits.nice", (struct attr){.nice = -5});
	set("limits.nice", (struct attr){.nice = -6});
	set("limits.idle", (struct attr){.policy = SCHED_IDLE});
	set("limits.not_idle", (struct attr){.nice = 0});
	set("limits.fifo", (struct attr){.policy = SCHED_FIFO, .priority = 10});
	setrlimit(RLIMIT_RTPRIO, &(struct rlimit){0, 0});
	set("limits.lower", (struct attr){.policy = SCHED_FIFO, .priority = 5});
	set("limits.higher", (struct attr){.policy = SCHED_FIFO, .priority = 6});
	set("limits.other_policy", (struct attr){.policy = SCHED_RR, .priority = 5});
}

int main(void)
{
	arguments();
	sizes();
	policies();
	deadlines();
	isolated("user", as_user);
	isolated("limits", with_limits);
	return test_failed;
}
