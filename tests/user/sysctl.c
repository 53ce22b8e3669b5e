/*
 * Numbers of /proc/sys that programs set: what each takes, and what it does then. All get their
 * old value back.
 */
#include "tests/user/test.h"
#include <limits.h>

#ifndef F_SETPIPE_SZ
#define F_SETPIPE_SZ 1031
#define F_GETPIPE_SZ 1032
#endif

static const char *const texts[] = {"0", "-1", "1", "2", "3", "31", "32", "300", "301", "4096",
	"4097", "32767", "32768", "32769", "65536", "1000000", "1048577", "1073741792", "1073741793",
	"2147483647", "2147483648", "2147483649", "4294967295", "4294967296", "99999999999999999999",
	"0x1000", "010", "+5", "5x", "5 6", " 77 ", "x"};

/* What it takes, one line for each text, beginning with what it held. */
static void range(const char *name, const char *path)
{
	char before[64], line[96];
	struct stat st;
	long n;

	strcpy(before, read_setting(path));
	stat(path, &st);
	say(name, "mode %o", st.st_mode & 07777);
	for (size_t i = 0; i < COUNT(texts); i++) {
		n = write_setting(path, texts[i]);
		snprintf(line, sizeof(line), "%s < '%s'", name, texts[i]);
		say(line, "%s %s", n < 0 ? errno_name(errno) : "ok", read_setting(path));
		write_setting(path, before);
	}
	check(name, !strcmp(before, read_setting(path)));
}

static void nothing(void)
{
}

static void test_pids(void)
{
	const char *path = "/proc/sys/kernel/pid_max";
	int highest = 0, lowest = INT_MAX;

	say("pid_max.value", "%s", read_setting(path));
	write_setting(path, "400");
	for (int i = 0; i < 450; i++) {
		pid_t pid = fork();

		if (pid == 0)
			_exit(0);
		if (pid < 0)
			die("fork");
		highest = pid > highest ? pid : highest;
		lowest = pid < lowest ? pid : lowest;
		waitpid(pid, NULL, 0);
	}
	check("pid_max.below", highest == 399);
	check("pid_max.reserved", lowest >= 2);
	write_setting(path, "32768");
	isolated("pid_max.after", nothing);
}

static void low_maps(const char *who, const char *min)
{
	static const unsigned places[] = {0x1000, 0x2000, 0xf000, 0x10000, 0x20000};
	char name[64];

	for (size_t i = 0; i < COUNT(places); i++) {
		char *at = (char *)places[i];
		char *p = mmap(at, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);

		snprintf(name, sizeof(name), "min_addr.%s.%s.%x", min, who, places[i]);
		say(name, "%s", p == MAP_FAILED ? errno_name(errno) : p == at ? "ok" : "elsewhere");
		if (p == MAP_FAILED)
			continue;
		munmap(p, PAGE);
	}
	char *p = mmap((char *)0x3000, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	snprintf(name, sizeof(name), "min_addr.%s.%s.hint", min, who);
	say(name, "%lx", (unsigned long)p);
	munmap(p, PAGE);
}

static const char *min_now;

static void user_low_maps(void)
{
	if (setgid(1000) || setuid(1000))
		die("setuid");
	low_maps("user", min_now);
}

static void test_min_addr(void)
{
	static const char *const values[] = {"65536", "4096", "8192", "131072"};
	const char *path = "/proc/sys/vm/mmap_min_addr";

	for (size_t i = 0; i < COUNT(values); i++) {
		write_setting(path, values[i]);
		min_now = values[i];
		low_maps("root", min_now);
		isolated("min_addr", user_low_maps);
	}
	write_setting(path, "65536");
}

static void user_files(void)
{
	int n = 0;

	if (setgid(1000) || setuid(1000))
		die("setuid");
	while (n < 200 && dup(1) >= 0 && open("/dev/null", O_RDONLY) >= 0)
		n++;
	say("file_max.user", "%s", n < 200 ? errno_name(errno) : "ok");
}

static void root_files(void)
{
	int n = 0;

	while (n < 100 && open("/dev/null", O_RDONLY) >= 0)
		n++;
	answer("file_max.root", n);
}

static void test_files(void)
{
	const char *path = "/proc/sys/fs/file-max";
	char before[64];

	strcpy(before, read_setting(path));
	write_setting(path, "16");
	isolated("file_max", user_files);
	isolated("file_max", root_files);
	write_setting(path, before);
}

static void limits(const char *name, unsigned value)
{
	struct rlimit r = {value, value};
	char line[64];

	snprintf(line, sizeof(line), "%s.%u", name, value);
	answer(line, setrlimit(RLIMIT_NOFILE, &r));
}

static void lower_limits(void)
{
	limits("nr_open.2048", 2049);
	limits("nr_open.2048", 2048);
	answer("nr_open.dup", dup2(1, 2047));
	answer("nr_open.dup_over", dup2(1, 2048));
}

static void higher_limits(void)
{
	limits("nr_open.2m", 2000000);
	answer("nr_open.fcntl", fcntl(1, F_DUPFD, 1999999) == 1999999);
	limits("nr_open.2m", 2000001);
}

static void normal_limits(void)
{
	limits("nr_open", 1048577);
	limits("nr_open", 1048576);
}

static void test_nr_open(void)
{
	const char *path = "/proc/sys/fs/nr_open";

	say("nr_open.value", "%s", read_setting(path));
	isolated("nr_open", normal_limits);
	write_setting(path, "2048");
	isolated("nr_open", lower_limits);
	write_setting(path, "2000000");
	isolated("nr_open", higher_limits);
	write_setting(path, "1048576");
}

static void user_pipe(void)
{
	int ends[2];

	if (setgid(1000) || setuid(1000) || pipe(ends))
		die("setuid");
	answer("pipe.user.64k", fcntl(ends[1], F_SETPIPE_SZ, 65536));
	answer("pipe.user.128k", fcntl(ends[1], F_SETPIPE_SZ, 131072));
	answer("pipe.user.1m", fcntl(ends[1], F_SETPIPE_SZ, 1 << 20));
}

static void root_pipe(void)
{
	int ends[2];

	if (pipe(ends))
		die("pipe");
	answer("pipe.new", fcntl(ends[1], F_GETPIPE_SZ));
	answer("pipe.root.1m", fcntl(ends[1], F_SETPIPE_SZ, 1 << 20));
}

static void test_pipe(void)
{
	const char *path = "/proc/sys/fs/pipe-max-size";

	say("pipe.value", "%s", read_setting(path));
	write_setting(path, "65536");
	isolated("pipe", user_pipe);
	isolated("pipe", root_pipe);
	write_setting(path, "16384");
	isolated("pipe", root_pipe);
	write_setting(path, "1048576");
}

/* The old calls' ids have 16 bits. */
static void show_old_uid(void)
{
	write_setting("/proc/sys/kernel/overflowuid", "1234");
	setresuid(70000, 70001, 0);
	say("overflow_uid.real", "%ld", syscall(SYS_getuid));
	say("overflow_uid.effective", "%ld", syscall(SYS_geteuid));
}

static void test_overflow_uid(void)
{
	isolated("overflow_uid", show_old_uid);
	write_setting("/proc/sys/kernel/overflowuid", "65534");
}

/* What low memory's zones keep for those who must not fail, added up, KiB. */
static unsigned long watermarks(void)
{
	FILE *f = fopen("/proc/zoneinfo", "r");
	unsigned long pages, sum = 0;
	char line[256], zone[16] = "";

	if (!f)
		die("zoneinfo");
	while (fgets(line, sizeof(line), f)) {
		sscanf(line, "Node 0, zone %15s", zone);
		if (sscanf(line, " min %lu", &pages) == 1 && strcmp(zone, "HighMem") != 0)
			sum += pages;
	}
	fclose(f);
	return sum * 4;
}

static void test_min_free(void)
{
	const char *path = "/proc/sys/vm/min_free_kbytes";
	static const char *const values[] = {"4096", "1000", "20000", "-1", "5x", "2147483648"};
	char before[64];
	unsigned long sum;

	strcpy(before, read_setting(path));
	check("min_free.before", labs((long)watermarks() - atol(before)) <= 16);
	for (size_t i = 0; i < COUNT(values); i++) {
		answer("min_free.write", write_setting(path, values[i]));
		say("min_free.value", "%s", read_setting(path));
		sum = watermarks();
		check("min_free.kept", labs((long)sum - atol(read_setting(path))) <= 16);
	}
	write_setting(path, before);
}

int main(void)
{
	range("pid_max", "/proc/sys/kernel/pid_max");
	range("randomize", "/proc/sys/kernel/randomize_va_space");
	range("min_addr", "/proc/sys/vm/mmap_min_addr");
	range("admin_reserve", "/proc/sys/vm/admin_reserve_kbytes");
	range("early_kill", "/proc/sys/vm/memory_failure_early_kill");
	range("recovery", "/proc/sys/vm/memory_failure_recovery");
	range("rnd_bits", "/proc/sys/vm/mmap_rnd_bits");
	range("oom_dump_tasks", "/proc/sys/vm/oom_dump_tasks");
	range("panic_on_oom", "/proc/sys/vm/panic_on_oom");
	range("vdso_enabled", "/proc/sys/vm/vdso_enabled");
	range("nr_open", "/proc/sys/fs/nr_open");
	range("pipe_max", "/proc/sys/fs/pipe-max-size");
	range("overcommit_huge", "/proc/sys/vm/nr_overcommit_hugepages");
	range("overflow_uid", "/proc/sys/kernel/overflowuid");
	range("overflow_gid", "/proc/sys/kernel/overflowgid");
	say("overflow_uid.value", "%s", read_setting("/proc/sys/kernel/overflowuid"));
	test_overflow_uid();
	say("randomize.value", "%s", read_setting("/proc/sys/kernel/randomize_va_space"));
	test_pids();
	test_min_addr();
	test_min_free();
	test_files();
	test_nr_open();
	test_pipe();
	return test_failed;
}
