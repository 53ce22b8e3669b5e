/* Priorities and futexes: who is woken first, who inherits what from whom, and circles of owners.
 */
#include "tests/user/test.h"

#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <time.h>

#define PRIVATE FUTEX_PRIVATE_FLAG

static volatile unsigned go, locks[3];

static long futex(volatile unsigned *at, int op, unsigned val, const void *time)
{
	return syscall(SYS_futex, at, op | PRIVATE, val, time, NULL, ~0u);
}

static long lock(volatile unsigned *at)
{
	return futex(at, FUTEX_LOCK_PI, 0, NULL);
}

static long unlock(volatile unsigned *at)
{
	return futex(at, FUTEX_UNLOCK_PI, 0, NULL);
}

static void wait_go(void)
{
	while (!go)
		futex(&go, FUTEX_WAIT, 0, NULL);
}

/* --- Threads of a priority --- */

struct actor {
	const char *name;
	void (*body)(struct actor *);
	int priority; /* of SCHED_FIFO; 0: SCHED_OTHER */
	volatile int tid;
	pthread_t thread;
	long result;
};

static int set_priority(int tid, int priority)
{
	struct sched_param p = {priority};

	return sched_setscheduler(tid, priority ? SCHED_FIFO : SCHED_OTHER, &p);
}

#define ACTOR(who, does, prio)                                                                     \
	{                                                                                          \
		.name = (who), .body = (does), .priority = (prio)                                  \
	}

static void *actor_main(void *arg)
{
	struct actor *a = arg;

	if (set_priority(0, a->priority))
		die("sched_setscheduler");
	a->tid = gettid();
	a->body(a);
	return NULL;
}

/* The numbered field of /proc/self/task/TID/stat, 3 is the first after the name. */
static const char *stat_field(int tid, int n)
{
	static char line[1024];
	char path[64], *at;
	ssize_t got;
	int fd;

	snprintf(path, sizeof(path), "/proc/self/task/%d/stat", tid);
	fd = open(path, O_RDONLY);
	got = read(fd, line, sizeof(line) - 1);
	close(fd);
	line[got > 0 ? got : 0] = 0;
	at = strtok(strrchr(line, ')') + 1, " ");
	while (at && --n >= 3)
		at = strtok(NULL, " ");
	return at ? at : "";
}

/* Returns when it sleeps. */
static void start(struct actor *a)
{
	a->tid = 0;
	if (pthread_create(&a->thread, NULL, actor_main, a))
		die("pthread_create");
	while (!a->tid || *stat_field(a->tid, 3) != 'S')
		usleep(1000);
}

static void join(struct actor *a)
{
	pthread_join(a->thread, NULL);
}

static void show_stat(const char *name, int tid)
{
	char priority[16], own[16];

	strcpy(priority, stat_field(tid, 18));
	strcpy(own, stat_field(tid, 40));
	say(name, "runs at %s, own priority %s, policy %s", priority, own, stat_field(tid, 41));
}

/* --- Who is first --- */

static char order[256];

static void note(const char *name)
{
	strcat(order, order[0] ? " " : "");
	strcat(order, name);
}

static void say_order(const char *name)
{
	say(name, "%s", order);
	order[0] = 0;
}

static void lock_and_note(struct actor *a)
{
	if (lock(&locks[0]))
		die("lock");
	note(a->name);
	unlock(&locks[0]);
}

static void wait_and_note(struct actor *a)
{
	wait_go();
	note(a->name);
}

static void run_all(struct actor *a, int n, void (*body)(struct actor *))
{
	for (int i = 0; i < n; i++) {
		a[i].body = body;
		start(&a[i]);
	}
}

static void join_all(struct actor *a, int n)
{
	for (int i = 0; i < n; i++)
		join(&a[i]);
}

static void who_is_first(void)
{
	static struct actor a[] = {ACTOR("other", NULL, 0), ACTOR("ten", NULL, 10),
		ACTOR("thirty", NULL, 30), ACTOR("twenty", NULL, 20), ACTOR("other2", NULL, 0),
		ACTOR("twenty2", NULL, 20)};

	lock(&locks[0]);
	run_all(a, 6, lock_and_note);
	unlock(&locks[0]);
	join_all(a, 6);
	say_order("first.lock");

	lock(&locks[0]);
	run_all(a, 6, lock_and_note);
	set_priority(a[1].tid, 40);
	set_priority(a[4].tid, 20);
	set_priority(a[2].tid, 0);
	unlock(&locks[0]);
	join_all(a, 6);
	say_order("first.changed");

	go = 0;
	run_all(a, 6, wait_and_note);
	set_priority(a[1].tid, 40); /* a plain wait has its place from the beginning */
	go = 1;
	for (int i = 0; i < 6; i++) {
		answer("first.wake", futex(&go, FUTEX_WAKE, 1, NULL));
		usleep(5000);
	}
	join_all(a, 6);
	say_order("first.woken");
}

/* Of those that could run: who was lowered to a priority comes before those that have it. */
static void who_was_lowered(void)
{
	static struct actor a[] = {ACTOR("low", NULL, 20), ACTOR("raised", NULL, 10),
		ACTOR("lowered", NULL, 30), ACTOR("same", NULL, 20)};

	go = 0;
	run_all(a, 4, wait_and_note);
	set_priority(0, 90);
	go = 1;
	futex(&go, FUTEX_WAKE, 9, NULL);
	set_priority(a[1].tid, 20);
	set_priority(a[2].tid, 20);
	set_priority(a[0].tid, 20);
	set_priority(0, 0);
	join_all(a, 4);
	say_order("lowered");
}

/* --- Inheriting --- */

static void own_until_told(struct actor *a)
{
	lock(&locks[0]);
	wait_go();
	note(a->name);
	unlock(&locks[0]);
}

/* Has the second lock, waits for the first. */
static void between(struct actor *a)
{
	lock(&locks[1]);
	lock(&locks[0]);
	note(a->name);
	unlock(&locks[0]);
	unlock(&locks[1]);
}

static void want_second(struct actor *a)
{
	lock(&locks[1]);
	note(a->name);
	unlock(&locks[1]);
}

/* Gives up when the signal comes. */
static void want_second_for_a_time(struct actor *a)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	t.tv_sec += 1;
	a->result = futex(&locks[1], FUTEX_LOCK_PI, 0, &t) ? errno : 0;
}

static void show_chain(const char *name, const struct actor *low, const struct actor *mid)
{
	char line[64];

	snprintf(line, sizeof(line), "%s.low", name);
	show_stat(line, low->tid);
	snprintf(line, sizeof(line), "%s.between", name);
	show_stat(line, mid->tid);
}

static void chains(void)
{
	struct actor low = ACTOR("low", own_until_told, 0), mid = ACTOR("between", between, 5),
		     brief = ACTOR("brief", want_second_for_a_time, 70),
		     high = ACTOR("high", want_second, 50);
	struct sched_param p = {1};

	go = 0;
	start(&low);
	show_stat("chain.alone", low.tid);
	start(&mid);
	show_chain("chain.two", &low, &mid);
	start(&high);
	show_chain("chain.three", &low, &mid);
	start(&brief);
	show_chain("chain.four", &low, &mid);
	join(&brief);
	say("chain.brief", "%s", errno_name((int)brief.result));
	show_chain("chain.left", &low, &mid);
	set_priority(high.tid, 60);
	show_chain("chain.raised", &low, &mid);
	set_priority(high.tid, 3);
	show_chain("chain.lowered", &low, &mid);
	set_priority(low.tid, 8);
	show_chain("chain.owner_raised", &low, &mid);
	answer("chain.rr", sched_setscheduler(low.tid, SCHED_RR, &p));
	show_chain("chain.owner_rr", &low, &mid);
	set_priority(high.tid, 50);
	set_priority(low.tid, 0);
	answer("chain.nice", setpriority(PRIO_PROCESS, low.tid, 3));
	show_chain("chain.owner_other", &low, &mid);
	say("chain.own_policy", "%d", sched_getscheduler(low.tid));
	go = 1;
	futex(&go, FUTEX_WAKE, 1, NULL);
	join(&low);
	join(&mid);
	join(&high);
	say_order("chain.order");
}

/* A middle priority does not keep an owner of a low one from giving its lock to a high one. */
static void inversion(void)
{
	struct actor low = ACTOR("low", own_until_told, 0),
		     mid = ACTOR("middle", wait_and_note, 20),
		     high = ACTOR("high", lock_and_note, 50);

	go = 0;
	start(&low);
	start(&mid);
	start(&high);
	set_priority(0, 90);
	go = 1;
	futex(&go, FUTEX_WAKE, 9, NULL);
	join(&mid);
	join(&low);
	join(&high);
	set_priority(0, 0);
	say_order("inversion");
}

static void fork_and_die(struct actor *a)
{
	int status;
	pid_t pid;

	lock(&locks[0]);
	wait_go();
	show_stat("borrowed.parent", a->tid);
	pid = fork();
	if (!pid) {
		show_stat("borrowed.child", gettid());
		_exit(0);
	}
	waitpid(pid, &status, 0);
}

/* A child has no part in what is lent; whose owner dies, the lock goes to the highest. */
static void borrowed(void)
{
	struct actor owner = ACTOR("owner", fork_and_die, 0);
	static struct actor a[] = {
		ACTOR("other", NULL, 0), ACTOR("ten", NULL, 10), ACTOR("thirty", NULL, 30)};

	go = locks[0] = 0;
	start(&owner);
	run_all(a, 3, lock_and_note);
	go = 1;
	futex(&go, FUTEX_WAKE, 1, NULL);
	join(&owner);
	join_all(a, 3);
	say_order("borrowed.order");
	locks[0] = 0;
}

/* --- Circles --- */

static void second_then_first(struct actor *a)
{
	lock(&locks[1]);
	a->result = lock(&locks[0]);
	unlock(&locks[0]);
	unlock(&locks[1]);
}

static void third_then_second(struct actor *a)
{
	lock(&locks[2]);
	a->result = lock(&locks[1]);
	unlock(&locks[1]);
	unlock(&locks[2]);
}

static void show_word(const char *name, unsigned value)
{
	unsigned tid = value & FUTEX_TID_MASK;

	say(name, "%s%s",
		tid == (unsigned)gettid() ? "mine"
		: tid			  ? "another's"
					  : "free",
		value & FUTEX_WAITERS ? ", waiters" : "");
}

static void circles(void)
{
	struct actor a = ACTOR("a", second_then_first, 0), b = ACTOR("b", third_then_second, 0);

	lock(&locks[0]);
	start(&a);
	answer("circle.two", lock(&locks[1]));
	show_word("circle.word", locks[1]);
	start(&b);
	answer("circle.three", lock(&locks[2]));
	answer("circle.try", futex(&locks[2], FUTEX_TRYLOCK_PI, 0, NULL));
	unlock(&locks[0]);
	join(&a);
	join(&b);
	say("circle.undone", "%ld %ld", a.result, b.result);
	show_word("circle.first", locks[0]);
	show_word("circle.second", locks[1]);
	show_word("circle.third", locks[2]);
}

/* --- Moving waiters onto a lock --- */

static void wait_requeued(struct actor *a)
{
	if (syscall(SYS_futex, &go, FUTEX_WAIT_REQUEUE_PI | PRIVATE, 0, NULL, &locks[0], 0))
		die("requeue");
	note(a->name);
	unlock(&locks[0]);
}

static long requeue(int n)
{
	return syscall(SYS_futex, &go, FUTEX_CMP_REQUEUE_PI | PRIVATE, 1, (void *)n, &locks[0], 0);
}

/* It has the lock that a circle would need, and waits to be moved. */
static void wait_with_lock(struct actor *a)
{
	lock(&locks[1]);
	a->result = syscall(SYS_futex, &go, FUTEX_WAIT_REQUEUE_PI | PRIVATE, 0, NULL, &locks[0], 0);
	note(a->name);
	unlock(&locks[0]);
	unlock(&locks[1]);
}

static void requeues(void)
{
	static struct actor a[] = {
		ACTOR("other", NULL, 0), ACTOR("ten", NULL, 10), ACTOR("thirty", NULL, 30)};
	struct actor owner = ACTOR("owner", second_then_first, 0),
		     closing = ACTOR("closing", wait_with_lock, 7);

	go = 0;
	run_all(a, 3, wait_requeued);
	lock(&locks[0]);
	answer("requeue.all", requeue(9));
	show_stat("requeue.owner", gettid());
	unlock(&locks[0]);
	show_stat("requeue.unlocked", gettid());
	join_all(a, 3);
	say_order("requeue.order");

	start(&closing);
	owner.body = lock_and_note;
	lock(&locks[0]);
	start(&owner);
	answer("requeue.lock", lock(&locks[2]));
	answer("requeue.two", requeue(1));
	show_stat("requeue.lent", gettid());
	answer("requeue.circle", lock(&locks[1]));
	unlock(&locks[2]);
	unlock(&locks[0]);
	join(&owner);
	join(&closing);
	say("requeue.result", "%ld", closing.result);
	say_order("requeue.last");
}

int main(void)
{
	alarm(60);
	who_is_first();
	who_was_lowered();
	chains();
	inversion();
	borrowed();
	circles();
	requeues();
	return test_failed;
}
