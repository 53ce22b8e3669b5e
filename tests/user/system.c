/* What a program can ask about the system: uname, sysinfo, random bytes, scheduling. */
#include "tests/user/test.h"
#include <sched.h>
#include <sys/klog.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/swap.h>
#include <sys/sysinfo.h>
#include <sys/utsname.h>

enum { READ_ON = 2, READ_ALL, READ_CLEAR, CLEAR, SIZE_UNREAD = 9 };

static void names(void)
{
	struct utsname u;
	char name[80], old[80];

	gethostname(old, sizeof(old));
	answer("uname", uname(&u));
	say("uname.sysname", "%s", u.sysname);
	say("uname.machine", "%s", u.machine);
	check("uname.release", u.release[0] >= '4' && u.release[0] <= '9' && u.release[1] == '.');
	answer("sethostname", sethostname("a-name", 6));
	uname(&u);
	say("hostname", "%s", u.nodename);
	answer("gethostname", gethostname(name, sizeof(name)));
	answer("sethostname.too_long", sethostname(name, 65));
	answer("setdomainname", setdomainname("domain", 6));
	uname(&u);
	say("domainname", "%s", u.domainname);
	answer("sethostname.back", sethostname(old, strlen(old)));
	answer("setdomainname.back", setdomainname("(none)", 6));
}

static void memory(void)
{
	struct sysinfo info;

	answer("sysinfo", sysinfo(&info));
	check("sysinfo.ram",
		info.totalram > 0 && info.freeram <= info.totalram && info.mem_unit >= 1);
	check("sysinfo.procs", info.procs >= 1 && info.uptime >= 0);
	check("sysconf.memory", sysconf(_SC_PHYS_PAGES) > 0 &&
					sysconf(_SC_AVPHYS_PAGES) <= sysconf(_SC_PHYS_PAGES));
	say("sysconf", "page %ld, processors %ld", sysconf(_SC_PAGESIZE),
		sysconf(_SC_NPROCESSORS_ONLN));
}

static void randomness(void)
{
	unsigned char a[64] = {0}, b[64] = {0};
	int seen[256] = {0}, different = 0;
	static unsigned char many[4096];

	answer("getrandom", getrandom(a, sizeof(a), 0));
	answer("getrandom.nonblock", getrandom(b, sizeof(b), GRND_NONBLOCK));
	check("getrandom.differs", memcmp(a, b, sizeof(a)));
	answer("getrandom.random", getrandom(b, 16, GRND_RANDOM));
	answer("getrandom.insecure", getrandom(b, 16, GRND_INSECURE));
	answer("getrandom.both", getrandom(b, 16, GRND_RANDOM | GRND_INSECURE));
	answer("getrandom.bad_flags", getrandom(b, 16, 0x100));
	answer("getrandom.nothing", getrandom(b, 0, 0));
	answer("getrandom.efault", syscall(SYS_getrandom, KERNEL, 16, 0));
	answer("getrandom.page", getrandom(many, sizeof(many), 0));
	for (size_t i = 0; i < sizeof(many); i++)
		different += seen[many[i]]++ == 0;
	check("getrandom.spread", different > 240);
}

static void scheduling(void)
{
	struct sched_param param = {0};
	cpu_set_t set;

	answer("sched_yield", sched_yield());
	answer("sched_getscheduler", sched_getscheduler(0));
	answer("sched_getparam", sched_getparam(0, &param));
	answer("sched_min", sched_get_priority_min(SCHED_FIFO));
	answer("sched_max", sched_get_priority_max(SCHED_FIFO));
	answer("sched_max.other", sched_get_priority_max(SCHED_OTHER));
	answer("sched_max.bad", sched_get_priority_max(77));
	answer("sched_nobody", sched_getscheduler(32000));
	CPU_ZERO(&set);
	answer("getaffinity", sched_getaffinity(0, sizeof(set), &set));
	check("getaffinity.first", CPU_ISSET(0, &set));
	answer("getaffinity.small", syscall(SYS_sched_getaffinity, 0, 2, &set));
	answer("getpriority", getpriority(PRIO_PROCESS, 0));
	answer("setpriority", setpriority(PRIO_PROCESS, 0, 5));
	answer("getpriority.set", getpriority(PRIO_PROCESS, 0));
	answer("getpriority.raw", syscall(SYS_getpriority, PRIO_PROCESS, 0));
	answer("nice", nice(3));
	answer("getpriority.nice", getpriority(PRIO_PROCESS, 0));
	answer("setpriority.clamped", setpriority(PRIO_PROCESS, 0, 100));
	answer("getpriority.clamped", getpriority(PRIO_PROCESS, 0));
	answer("getpriority.bad", getpriority(7, 0));
	answer("getpriority.nobody", getpriority(PRIO_PROCESS, 32000));
}

static void process_control(void)
{
	char name[17] = "";
	int value = -1;

	answer("prctl.set_name", prctl(PR_SET_NAME, "a name much too long"));
	prctl(PR_GET_NAME, name);
	say("prctl.name", "%s", name);
	answer("prctl.pdeathsig", prctl(PR_SET_PDEATHSIG, SIGUSR1));
	prctl(PR_GET_PDEATHSIG, &value);
	say("prctl.pdeathsig_is", "%d", value);
	answer("prctl.bad_pdeathsig", prctl(PR_SET_PDEATHSIG, 100));
	answer("prctl.dumpable", prctl(PR_GET_DUMPABLE));
	memset(name, 'x', sizeof(name));
	prctl(PR_SET_NAME, "ab");
	prctl(PR_GET_NAME, name);
	check("prctl.name_padded", !memcmp(name, "ab\0\0\0\0\0\0\0\0\0\0\0\0\0\0x", 17));
	answer("prctl.unknown", prctl(123456));
	answer("personality", syscall(SYS_personality, 0xffffffff) & 0xff);
	check("gettid", syscall(SYS_gettid) == getpid());
	check("set_tid_address", syscall(SYS_set_tid_address, &value) == getpid());
}

static void swapping(void)
{
	static char page[PAGE] = {[PAGE - 10] = 'S', 'W', 'A', 'P', 'S', 'P', 'A', 'C', 'E', '2'};
	static const char *const paths[] = {"not_there", "/dev/null", "/tmp", "swap", "swap/file", ""};
	char name[40];

	close(make_file("swap", page, PAGE));
	for (size_t i = 0; i < COUNT(paths); i++) {
		snprintf(name, sizeof(name), "swapon %s", paths[i]);
		answer(name, swapon(paths[i], 0));
		snprintf(name, sizeof(name), "swapoff %s", paths[i]);
		answer(name, swapoff(paths[i]));
	}
	answer("swapon.flags", swapon("swap", 0x80000));
	answer("swapon.priority", swapon("swap", SWAP_FLAG_PREFER | 5));
	answer("swapon.null", swapon(NULL, 0));
	answer("swapoff.null", swapoff(NULL));
	setuid(1000);
	answer("swapon.user", swapon("swap", 0));
	answer("swapon.user_flags", swapon("swap", 0x80000));
	answer("swapoff.user", swapoff("not_there"));
	answer("log.user", klogctl(READ_ALL, page, sizeof(page)));
	answer("log.user_no_such", klogctl(11, NULL, 0));
	unlink("swap");
}

static void log_cleared(void)
{
	static char text[1 << 16];
	int all = klogctl(READ_ALL, text, sizeof(text));

	check("log.there", all > 0);
	check("log.tail", klogctl(READ_ALL, text, 10) <= 10);
	check("log.read_clear", klogctl(READ_CLEAR, text, sizeof(text)) == all);
	answer("log.cleared", klogctl(READ_ALL, text, sizeof(text)));
	answer("log.clear", klogctl(CLEAR, NULL, 0));
	answer("log.clear_nothing", klogctl(READ_CLEAR, text, 0));
	answer("log.null", klogctl(READ_ALL, NULL, 1));
	answer("log.negative", klogctl(READ_ALL, text, -1));
	answer("log.no_such", klogctl(11, NULL, 0));
}

static void nothing(int sig)
{
}

/* Reads on, and waits until something comes. */
static void log_followed(void)
{
	static char text[1 << 16];
	struct sigaction act = {.sa_handler = nothing};

	answer("follow.null", klogctl(READ_ON, NULL, 1));
	answer("follow.none", klogctl(READ_ON, text, 0));
	answer("follow.negative", klogctl(READ_ON, text, -1));
	while (klogctl(SIZE_UNREAD, NULL, 0) > 0)
		klogctl(READ_ON, text, sizeof(text));
	answer("follow.unread", klogctl(SIZE_UNREAD, NULL, 0));
	sigaction(SIGALRM, &act, NULL);
	ualarm(50000, 0);
	answer("follow.signal", klogctl(READ_ON, text, sizeof(text)));
}

int main(void)
{
	names();
	memory();
	randomness();
	scheduling();
	process_control();
	log_cleared();
	log_followed();
	swapping();
	return test_failed;
}
