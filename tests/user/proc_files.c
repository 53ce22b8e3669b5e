/* /proc: the formats that programs parse. Fields are looked for; values only where known. */
#include "tests/user/test.h"
#include <cpuid.h>
#include <dirent.h>
#include <sys/prctl.h>

static char text[65536];

static const char *slurp(const char *path)
{
	int fd = open(path, O_RDONLY), len = 0, n;

	if (fd < 0)
		return "";
	while ((n = read(fd, text + len, sizeof(text) - 1 - len)) > 0)
		len += n;
	close(fd);
	text[len] = 0;
	return text;
}

/* The value behind `field:` at the start of a line, or NULL. */
static const char *field_value(const char *from, const char *field)
{
	size_t len = strlen(field);

	for (; from && *from; from = strchr(from, '\n'), from += from != NULL)
		if (!strncmp(from, field, len) && from[len] == ':')
			return from + len + 1;
	return NULL;
}

#define NAME_COLUMN 49

/* address-address perms offset major:minor inode, and perhaps a name. */
static bool maps_line(const char *line)
{
	unsigned long start, end, offset, inode;
	unsigned major, minor;
	char perms[5];
	int n = 0;

	if (sscanf(line, "%8lx-%8lx %4s %8lx %2x:%2x %lu%n", &start, &end, perms, &offset, &major,
		    &minor, &inode, &n) != 7)
		return false;
	if (start >= end || start % PAGE || end % PAGE || strspn(perms, "rwxps-") != 4)
		return false;
	if (line[17] != ' ' || line[8] != '-' || line[22] != ' ' || line[31] != ' ')
		return false;
	return line[n] == '\n' || line[n] == ' ';
}

static void maps(void)
{
	unsigned long last_end = 0, start, end;
	bool good = true, sorted = true, named = false, stack = false;
	FILE *file = fopen("/proc/self/maps", "re");
	char line[512], exe[256], tail[300];
	ssize_t n = readlink("/proc/self/exe", exe, sizeof(exe) - 1);

	exe[n > 0 ? n : 0] = 0;
	snprintf(tail, sizeof(tail), "%s\n", exe);
	while (file && fgets(line, sizeof(line), file)) {
		good = good && maps_line(line);
		sscanf(line, "%lx-%lx", &start, &end);
		sorted = sorted && start >= last_end;
		last_end = end;
		if (strlen(line) <= NAME_COLUMN)
			continue;
		named = named || !strcmp(line + NAME_COLUMN, tail);
		stack = stack || !strcmp(line + NAME_COLUMN, "[stack]\n");
	}
	fclose(file);
	check("maps.format", good);
	check("maps.sorted", sorted);
	check("maps.program_named", named);
	check("maps.stack_named", stack);
}

#define MANY 700

/* Reads of @size bytes; how many lines lie in the area, and how many in all. */
static void lines_of_area(const char *path, size_t size, int *inside, int *lines)
{
	unsigned long area = (unsigned long)FREE_AREA, start;
	int fd = open(path, O_RDONLY);
	static char all[4 << 20];
	size_t len = 0;
	ssize_t n;

	while ((n = read(fd, all + len, size)) > 0)
		len += n;
	all[len] = 0;
	close(fd);
	*inside = *lines = 0;
	for (char *line = all; line && *line; line = strchr(line, '\n'), line += line != NULL) {
		++*lines;
		start = strtoul(line, NULL, 16);
		*inside += line[8] == '-' && start >= area && start < area + 2 * MANY * PAGE;
	}
}

/* A text of many pages is whole, whatever the size of the reads; and it can be read from the
 * middle. */
static void maps_of_many(void)
{
	static const size_t sizes[] = {100, 4096, 65536};
	char *p = mmap(FREE_AREA, 2 * MANY * PAGE, PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	char a[64], b[64];
	int inside, lines, fd;

	for (int i = 0; i < MANY; i++)
		mprotect(p + (2 * i + 1) * PAGE, PAGE, PROT_NONE);
	for (size_t i = 0; i < COUNT(sizes); i++) {
		lines_of_area("/proc/self/maps", sizes[i], &inside, &lines);
		say("maps.many", "%d in the area", inside);
	}
	lines_of_area("/proc/self/smaps", 5000, &inside, &lines);
	say("smaps.many", "%d in the area, %s", inside, lines % 24 ? "AND A HALF" : "24 lines each");
	fd = open("/proc/self/maps", O_RDONLY);
	answer("maps.middle", pread(fd, a, sizeof(a), 30000));
	answer("maps.start", pread(fd, b, 10, 0));
	answer("maps.middle_again", pread(fd, b, sizeof(b), 30000));
	check("maps.middle_same", !memcmp(a, b, sizeof(a)));
	close(fd);
	munmap(p, 2 * MANY * PAGE);
}

static void maps_of_file(void)
{
	int fd = make_file("mapped file", "text", 4);
	char *p = mmap(FREE_AREA, 3 * PAGE, PROT_READ, MAP_SHARED | MAP_FIXED_NOREPLACE, fd, PAGE);
	struct stat st;
	FILE *file;
	char line[512];
	unsigned long inode;

	fstat(fd, &st);
	file = fopen("/proc/self/maps", "re");
	while (fgets(line, sizeof(line), file))
		if (strstr(line, "mapped file")) {
			say("maps.file", "%.31s", line);
			sscanf(line, "%*s %*s %*s %*s %lu", &inode);
			check("maps.inode", inode == st.st_ino);
		}
	fclose(file);
	unlink("mapped file");
	file = fopen("/proc/self/maps", "re");
	while (fgets(line, sizeof(line), file))
		if (strstr(line, "mapped file"))
			say("maps.unlinked", "%s",
				strstr(line, "mapped file (deleted)\n") ? "(deleted)" : "no mark");
	fclose(file);
	munmap(p, 3 * PAGE);
	close(fd);
}

static void present(const char *what, const char *path, const char *const *fields, size_t n)
{
	const char *all = slurp(path);

	for (size_t i = 0; i < n; i++)
		if (!field_value(all, fields[i]))
			say(what, "no %s", fields[i]);
	say(what, "looked for %zu", n);
}

static void status(void)
{
	static const char *const fields[] = {"Name", "Umask", "State", "Tgid", "Pid", "PPid",
		"TracerPid", "Uid", "Gid", "FDSize", "Groups", "VmPeak", "VmSize", "VmLck", "VmPin",
		"VmHWM", "VmRSS", "RssAnon", "RssFile", "RssShmem", "VmData", "VmStk", "VmExe",
		"VmLib", "VmPTE", "VmSwap", "Threads", "SigQ", "SigPnd", "ShdPnd", "SigBlk",
		"SigIgn", "SigCgt"};
	const char *all;

	present("status.fields", "/proc/self/status", fields, COUNT(fields));
	signal(SIGHUP, SIG_IGN);
	all = slurp("/proc/self/status");
	say("status.name", "%.*s", (int)strcspn(field_value(all, "Name"), "\n"),
		field_value(all, "Name"));
	say("status.state", "%.*s", (int)strcspn(field_value(all, "State"), "\n"),
		field_value(all, "State"));
	say("status.uid", "%.*s", (int)strcspn(field_value(all, "Uid"), "\n"),
		field_value(all, "Uid"));
	say("status.ignored", "%.*s", (int)strcspn(field_value(all, "SigIgn"), "\n"),
		field_value(all, "SigIgn"));
	check("status.pid", atoi(field_value(all, "Pid")) == getpid());
	check("status.ppid", atoi(field_value(all, "PPid")) == getppid());
}

/* Values that follow what the process does. The counts of resident pages may lag a little. */
static void sizes(void)
{
	long size = status_value("VmSize"), rss = status_value("VmRSS"), peak;
	char *p = map_anon(4 << 20);

	say("size.grows", "%ld kB", status_value("VmSize") - size);
	memset(p, 1, 4 << 20);
	check("rss.grows", status_value("VmRSS") - rss >= 3500);
	check("rss.data", status_value("VmData") >= 4096);
	peak = status_value("VmPeak");
	munmap(p, 4 << 20);
	check("size.shrinks", status_value("VmSize") == size);
	check("rss.shrinks", status_value("VmRSS") < rss + 2048);
	check("peak.stays", status_value("VmPeak") == peak && peak >= size + 4096);
	check("rss.high_water", status_value("VmHWM") >= rss + 3500);
}

static int words(const char *from)
{
	int count = 0;

	for (; *from; from += strcspn(from, " \n"), from += strspn(from, " \n"))
		count++;
	return count;
}

static void stat_line(void)
{
	char state, name[32];
	int pid, ppid, pgrp, session;
	const char *all;

	prctl(PR_SET_NAME, "odd) name");
	all = slurp("/proc/self/stat");
	say("stat.fields", "%d behind the name", words(strrchr(all, ')') + 2));
	sscanf(all, "%d (%15[^\n]", &pid, name);
	say("stat.name", "%.9s", name);
	sscanf(strrchr(all, ')') + 2, "%c %d %d %d", &state, &ppid, &pgrp, &session);
	say("stat.state", "%c", state);
	check("stat.ids",
		pid == getpid() && ppid == getppid() && pgrp == getpgrp() && session == getsid(0));
	say("comm", "%.9s", slurp("/proc/self/comm"));
	say("statm.fields", "%d", words(slurp("/proc/self/statm")));
}

static void meminfo(void)
{
	static const char *const fields[] = {"MemTotal", "MemFree", "MemAvailable", "Buffers",
		"Cached", "SwapCached", "Active", "Inactive", "HighTotal", "HighFree", "LowTotal",
		"LowFree", "SwapTotal", "SwapFree", "Dirty", "Writeback", "AnonPages", "Mapped",
		"Shmem", "Slab", "SReclaimable", "SUnreclaim", "KernelStack", "PageTables",
		"CommitLimit", "Committed_AS", "VmallocTotal", "VmallocUsed"};
	const char *all;
	char unit[8];
	long total, free;

	present("meminfo.fields", "/proc/meminfo", fields, COUNT(fields));
	all = slurp("/proc/meminfo");
	sscanf(field_value(all, "MemTotal"), "%ld %7s", &total, unit);
	sscanf(field_value(all, "MemFree"), "%ld", &free);
	say("meminfo.unit", "%s", unit);
	check("meminfo.sane", free > 0 && free < total);
	check("meminfo.column", !strncmp(all, "MemTotal:       ", 16));
}

/* The size that the CPU states of its second cache is there, if it states one. */
static bool cache_size_told(void)
{
	unsigned int eax, ebx, ecx = 0, edx;
	char line[64];

	__get_cpuid(0x80000006, &eax, &ebx, &ecx, &edx);
	sprintf(line, "\ncache size\t: %u KB\n", ecx >> 16);
	return ecx >> 16 == 0 || strstr(slurp("/proc/cpuinfo"), line);
}

static void others(void)
{
	double up, idle;
	char target[64];
	const char *all = slurp("/proc/self/cmdline");

	say("cmdline", "%s", strrchr(all, '/') ? strrchr(all, '/') + 1 : all);
	check("uptime", sscanf(slurp("/proc/uptime"), "%lf %lf", &up, &idle) == 2 && up > 0);
	say("loadavg.fields", "%d", words(slurp("/proc/loadavg")));
	check("stat.cpu", !strncmp(slurp("/proc/stat"), "cpu  ", 5));
	check("stat.btime", strstr(slurp("/proc/stat"), "\nbtime ") != NULL);
	check("version", !strncmp(slurp("/proc/version"), "Linux version ", 14));
	check("mounts", strstr(slurp("/proc/mounts"), " /proc proc ") != NULL);
	check("filesystems", strstr(slurp("/proc/filesystems"), "nodev\ttmpfs\n") != NULL);
	check("cpuinfo", strstr(slurp("/proc/cpuinfo"), "processor\t: 0\n") != NULL);
	check("cpuinfo.cache", cache_size_told());
	sprintf(target, "%d", getpid());
	text[readlink("/proc/self", text, 100)] = 0;
	check("self", !strcmp(text, target));
	sprintf(target, "/proc/%d/stat", getpid());
	answer("by_pid", access(target, R_OK));
	answer("no_such_pid", access("/proc/32000/stat", F_OK));
	answer("no_such_file", access("/proc/nothing", F_OK));
	answer("create", open("/proc/new", O_CREAT | O_RDWR, 0644));
	answer("mkdir", mkdir("/proc/new", 0755));
	answer("unlink", unlink("/proc/meminfo"));
}

static void descriptors(void)
{
	int fd = make_file("open", "contents", 8), other, count = 0;
	char name[64], cwd[256];
	DIR *dir = opendir("/proc/self/fd");
	ssize_t n;
	struct stat link;

	lstat("/proc/self/fd/0", &link);
	say("fd.size", "%ld", (long)link.st_size);
	while (dir && readdir(dir))
		count++;
	say("fd.entries", "%d", count);
	closedir(dir);
	sprintf(name, "/proc/self/fd/%d", fd);
	n = readlink(name, text, sizeof(text));
	text[n > 0 ? n : 0] = 0;
	say("fd.link", "%s", strrchr(text, '/') ? strrchr(text, '/') : "none");
	other = open(name, O_RDONLY);
	answer("fd.open", read(other, text, 20));
	close(other);
	unlink("open");
	n = readlink(name, text, sizeof(text));
	text[n > 0 ? n : 0] = 0;
	say("fd.deleted", "%s", strrchr(text, '/') ? strrchr(text, '/') : "none");
	answer("fd.open_deleted", other = open(name, O_RDONLY) > 0);
	answer("fd.closed", access("/proc/self/fd/99", F_OK));
	text[readlink("/proc/self/cwd", text, 200)] = 0;
	check("cwd", !strcmp(text, getcwd(cwd, sizeof(cwd))));
	text[readlink("/proc/self/root", text, 200)] = 0;
	say("root", "%s", text);
	close(fd);
}

/* A zombie's priority and nice value. */
static void zombie_nice(void)
{
	int pid = fork(), priority, value;
	char path[64];

	if (pid == 0)
		_exit(nice(7) != 7);
	waitid(P_PID, pid, NULL, WEXITED | WNOWAIT);
	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	sscanf(strrchr(slurp(path), ')'),
		") %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %d %d", &priority,
		&value);
	say("zombie.nice", "%d %d", priority, value);
	waitpid(pid, NULL, 0);
}

/* Pages that go by other ways than munmap(2) had been there. */
static void peak_dropped(void)
{
	char *p = map_anon(16 << 20);

	memset(p, 1, 16 << 20);
	madvise(p, 16 << 20, MADV_DONTNEED);
	check("peak.dropped", status_value("VmHWM") >= 15 << 10);
}

static void peak_truncated(void)
{
	int fd = memfd_create("peak", 0);
	char *p;

	ftruncate(fd, 16 << 20);
	p = mmap(NULL, 16 << 20, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	memset(p, 1, 16 << 20);
	ftruncate(fd, 0);
	check("peak.truncated", status_value("VmHWM") >= 15 << 10);
}

/* What moves is not there twice. */
static void peak_moved(void)
{
	const size_t len = 64 << 20;
	char *p = map_anon(len);
	long peak = status_value("VmPeak");

	p = mremap(p, len, len, MREMAP_MAYMOVE | MREMAP_FIXED, FREE_AREA);
	say("peak.moved", "%ld kB", status_value("VmPeak") - peak);
	map_at(p + len, PAGE, PROT_READ);
	peak = status_value("VmPeak");
	p = mremap(p, len, len + PAGE, MREMAP_MAYMOVE);
	say("peak.moved_and_grown", "%ld kB", status_value("VmPeak") - peak);
}

int main(void)
{
	maps();
	maps_of_file();
	maps_of_many();
	status();
	sizes();
	isolated("peak.dropped", peak_dropped);
	isolated("peak.truncated", peak_truncated);
	isolated("peak.moved", peak_moved);
	meminfo();
	others();
	descriptors();
	stat_line();
	zombie_nice();
	return test_failed;
}
