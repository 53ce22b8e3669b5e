/* Supplementary groups, as many as there can be. */
#include "test.h"

#include <grp.h>

#define MOST 65536

static gid_t list[MOST + 1];

static void set_many(const char *name, int n)
{
	for (int i = 0; i < n; i++)
		list[i] = 100000 + (n - i) * 7 % n; /* in no order */
	answer(name, syscall(SYS_setgroups32, n, list));
}

static bool ascending(int n)
{
	for (int i = 1; i < n; i++)
		if (list[i - 1] > list[i])
			return false;
	return true;
}

static void show_many(const char *name)
{
	int n = syscall(SYS_getgroups32, MOST, list);

	say(name, "%d from %u to %u", n, n > 0 ? list[0] : 0, n > 0 ? list[n - 1] : 0);
	check(name, ascending(n));
}

static void show_line(const char *name)
{
	char line[4096];
	FILE *f = fopen("/proc/self/status", "r");

	while (f && fgets(line, sizeof(line), f))
		if (strncmp(line, "Groups:", 7) == 0)
			say(name, "%.*s", (int)strcspn(line, "\n"), line);
	if (f)
		fclose(f);
}

static void test_counts(void)
{
	int limit = 0;
	FILE *f = fopen("/proc/sys/kernel/ngroups_max", "r");

	if (f && fscanf(f, "%d", &limit) == 1)
		answer("max", limit);
	fclose(f);
	set_many("set.33", 33);
	show_many("get.33");
	show_line("status");
	answer("get.small", syscall(SYS_getgroups32, 32, list));
	set_many("set.most", MOST);
	show_many("get.most");
	answer("set.more", syscall(SYS_setgroups32, MOST + 1, list));
	show_many("get.still");
	list[5000] = -1;
	answer("set.minus_one", syscall(SYS_setgroups32, MOST, list));
	answer("set.fault", syscall(SYS_setgroups32, MOST, KERNEL - PAGE));
	show_many("get.still");
}

/* Access by the last of many groups; a child has them too, and may leave them. */
static void test_access(void)
{
	int fd = open("groups_file", O_RDWR | O_CREAT | O_TRUNC, 0640), status;

	answer("file.chown", fchown(fd, 7, 100000 + MOST - 1));
	close(fd);
	if (fork() == 0) {
		if (setresuid(1000, 1000, 1000))
			die("setresuid");
		answer("file.read", fd = open("groups_file", O_RDONLY) < 0);
		answer("file.write", open("groups_file", O_WRONLY));
		_exit(0);
	}
	wait(&status);
	if (fork() == 0) {
		show_many("child");
		answer("child.none", setgroups(0, NULL));
		answer("child.get", getgroups(0, NULL));
		if (setresuid(1000, 1000, 1000))
			die("setresuid");
		answer("child.read", open("groups_file", O_RDONLY));
		_exit(0);
	}
	wait(&status);
	show_many("parent");
	unlink("groups_file");
}

static void test_16_bit(void)
{
	static const unsigned short some[] = {500, 3, 65535, 40};
	unsigned short got[4] = {0};

	answer("16.minus_one", syscall(SYS_setgroups, 4, some));
	answer("16.set", syscall(SYS_setgroups, 2, some));
	answer("16.get", syscall(SYS_getgroups, 4, got));
	say("16.get", "%d %d", got[0], got[1]);
	set_many("16.large", 2);
	answer("16.get", syscall(SYS_getgroups, 4, got));
	say("16.overflow", "%d %d", got[0], got[1]);
}

int main(void)
{
	test_counts();
	test_access();
	test_16_bit();
	answer("none", setgroups(0, NULL));
	show_line("none");
	return test_failed;
}
