/* User and group ids: the calls that change them, and what an ordinary user may not do. */
#include "tests/user/test.h"
#include <grp.h>
#include <linux/capability.h>
#include <pthread.h>
#include <sys/fsuid.h>
#include <sys/prctl.h>
#include <sys/reboot.h>

static void show(const char *name)
{
	uid_t r, e, s;
	gid_t rg, eg, sg;

	getresuid(&r, &e, &s);
	getresgid(&rg, &eg, &sg);
	say(name, "uid %d %d %d, gid %d %d %d", r, e, s, rg, eg, sg);
}

static void root_changes(void)
{
	show("root");
	answer("setresuid", setresuid(1, 2, 0));
	show("setresuid.some");
	answer("setreuid", setreuid(-1, 0));
	show("setreuid.effective");
	answer("setreuid.both", setreuid(0, 5));
	show("setreuid.saved_follows");
	answer("seteuid.back", seteuid(0));
	answer("setresgid", setresgid(10, 11, 12));
	answer("setregid", setregid(20, -1));
	show("gids");
	answer("setgid", setgid(30));
	answer("setuid", setuid(40));
	show("setuid.all");
	answer("setuid.back", setuid(0));
	answer("setgid.back", setgid(0));
	answer("setuid.minus_one", setuid(-1));
}

static void user_changes(void)
{
	if (setresgid(100, 200, 300) || setresuid(1000, 2000, 3000))
		die("setresuid");
	show("user");
	answer("user.setuid_real", setuid(1000));
	show("user.effective_real");
	answer("user.setuid_saved", setuid(3000));
	answer("user.setuid_other", setuid(2000));
	answer("user.setreuid", setreuid(3000, 1000));
	show("user.swapped");
	answer("user.setresuid_other", setresuid(-1, -1, 4000));
	answer("user.setresuid_known", setresuid(-1, 3000, 3000));
	answer("user.setegid_saved", setegid(300));
	answer("user.setgid_other", setgid(400));
	answer("user.setgroups", setgroups(0, NULL));
	show("user.at_end");
}

static void groups(void)
{
	gid_t list[8] = {7, 8, 9};

	answer("setgroups", setgroups(3, list));
	memset(list, 0, sizeof(list));
	answer("getgroups.count", getgroups(0, NULL));
	answer("getgroups.small", getgroups(2, list));
	answer("getgroups", getgroups(8, list));
	say("groups", "%d %d %d", list[0], list[1], list[2]);
	answer("setgroups.too_many", syscall(SYS_setgroups32, 65537, list));
	answer("setgroups.efault", syscall(SYS_setgroups32, 3, KERNEL));
	answer("setfsuid", syscall(SYS_setfsuid32, 77));
	answer("setfsuid.now", syscall(SYS_setfsuid32, -1));
	answer("getuid16", syscall(SYS_getuid));
	answer("geteuid16", syscall(SYS_geteuid));
}

static void become(uid_t uid, gid_t gid)
{
	if (setgroups(0, NULL) || setgid(gid) || setuid(uid))
		die("become");
}

static void prepare_files(void)
{
	close(make_file("private", "x", 1));
	chmod("private", 0600);
	close(make_file("public", "x", 1));
	chmod("public", 0644);
	close(make_file("group", "x", 1));
	chmod("group", 0640);
	chown("group", 0, 55);
	close(make_file("owned", "x", 1));
	chmod("owned", 0077);
	chown("owned", 1000, 0);
	mkdir("closed", 0700);
	close(make_file("closed/file", "x", 1));
	mkdir("noexec", 0777);
	close(make_file("noexec/file", "x", 1));
	chmod("noexec", 0666);
	mkdir("open", 0777);
	chmod("open", 0777);
	mkdir("sticky", 01777);
	chmod("sticky", 01777);
	close(make_file("sticky/roots", "x", 1));
	chmod(".", 0755);
}

static void try_open(const char *name, const char *path, int flags)
{
	int fd = open(path, flags, 0644);

	say(name, "%s", fd < 0 ? errno_name(errno) : "ok");
	close(fd);
}

static void user_opens(void)
{
	become(1000, 55);
	try_open("private.read", "private", O_RDONLY);
	try_open("public.read", "public", O_RDONLY);
	try_open("public.write", "public", O_WRONLY);
	try_open("public.truncate", "public", O_RDONLY | O_TRUNC);
	try_open("group.read", "group", O_RDONLY);
	try_open("group.write", "group", O_RDWR);
	try_open("owned.owner_bits_only", "owned", O_RDONLY);
	try_open("closed.file", "closed/file", O_RDONLY);
	try_open("closed.list", "closed", O_RDONLY);
	try_open("noexec.file", "noexec/file", O_RDONLY);
	try_open("noexec.list", "noexec", O_RDONLY);
	try_open("here.create", "new", O_CREAT | O_RDWR);
	try_open("open.create", "open/new", O_CREAT | O_RDWR);
	answer("access.private", access("private", R_OK));
	answer("access.public_write", access("public", W_OK));
	answer("unlink.here", unlink("public"));
	answer("unlink.own_in_open", unlink("open/new"));
	answer("unlink.sticky", unlink("sticky/roots"));
	answer("rename.sticky", rename("sticky/roots", "open/taken"));
	answer("mkdir.here", mkdir("d", 0755));
	answer("rmdir.here", rmdir("open"));
	answer("link.here", link("owned", "hard"));
	answer("chmod.others", chmod("public", 0777));
	answer("chmod.own", chmod("owned", 0644));
	answer("chown.give_away", chown("owned", 0, -1));
	answer("chown.own_group", chown("owned", -1, 55));
	answer("chown.other_group", chown("owned", -1, 66));
	answer("truncate.public", truncate("public", 0));
	answer("execve.not_executable", execve("public", (char *[]){"x", NULL}, NULL));
	answer("chdir.closed", chdir("closed"));
}

/* Root again in effect only: access() asks for the real user. */
static void real_user(void)
{
	if (setresuid(1000, 0, 0))
		die("setresuid");
	answer("real.access", access("private", R_OK));
	try_open("effective.open", "private", O_RDONLY);
	answer("effective.faccessat", faccessat(AT_FDCWD, "private", R_OK, AT_EACCESS));
}

static pid_t other;

static void user_may_not(void)
{
	become(1000, 1000);
	answer("kill.roots_process", kill(other, 0));
	answer("kill.init", kill(1, SIGTERM));
	answer("kill.everyone_allowed", kill(getpid(), 0));
	answer("mount", syscall(SYS_mount, "none", ".", "tmpfs", 0, NULL));
	answer("umount", syscall(SYS_umount2, "/proc", 0));
	answer("mknod", mknod("open/device", S_IFCHR | 0666, 0x103));
	answer("mknod.fifo", mknod("open/fifo", S_IFIFO | 0666, 0));
	answer("chroot", chroot("."));
	answer("sethostname", sethostname("x", 1));
	answer("reboot", reboot(RB_AUTOBOOT));
	answer("settimeofday", syscall(SYS_settimeofday, &(long[2]){0}, NULL));
	answer("nice.lower", syscall(SYS_nice, -5));
	answer("setpriority", setpriority(PRIO_PROCESS, 0, -5));
}

static void privileges(void)
{
	int status;

	other = fork();
	if (other == 0)
		for (;;)
			pause();
	isolated("user", user_may_not);
	kill(other, SIGKILL);
	waitpid(other, &status, 0);
	answer_status("other.survived_until", status);
}

static void show_ids(void)
{
	show("setid.running");
}

/* A set-user-id program, run by somebody else. */
static void run_setid(void)
{
	char *argv[] = {"x", "ids", NULL};

	become(1000, 1000);
	execve("./setid", argv, argv + 2);
	die("execve");
}

static void setid(void)
{
	int in = open("/proc/self/exe", O_RDONLY), out = open("setid", O_CREAT | O_WRONLY, 0755);
	ssize_t n;
	char buf[4096];

	while ((n = read(in, buf, sizeof(buf))) > 0)
		if (write(out, buf, n) != n)
			die("write");
	close(in);
	close(out);
	chown("setid", 2000, 3000);
	chmod("setid", 06755);
	answer_status("setid", in_child(run_setid));
}

/* --- Each thread has its own; the C library's calls change all, the kernel's one --- */

static pthread_barrier_t barrier;
static pid_t other_tid;

static void show_caps(const char *name, pid_t tid)
{
	struct __user_cap_header_struct h = {_LINUX_CAPABILITY_VERSION_3, tid};
	struct __user_cap_data_struct d[2];

	answer(name, syscall(SYS_capget, &h, d));
	say(name, "%s", d[0].effective ? "some" : "none");
}

static void show_status(const char *name, pid_t tid)
{
	char path[64], line[128];
	FILE *f;

	snprintf(path, sizeof(path), "/proc/self/task/%d/status", tid);
	f = fopen(path, "r");
	while (fgets(line, sizeof(line), f))
		if (!strncmp(line, "Uid:", 4) || !strncmp(line, "NoNewPrivs:", 11))
			say(name, "%.*s", (int)strcspn(line, "\n"), line);
	fclose(f);
}

static void *unprivileged_thread(void *unused)
{
	char *argv[] = {"x", "ids", NULL};

	other_tid = gettid();
	answer("thread.setresuid", syscall(SYS_setresuid32, 1000, 2000, 2000));
	answer("thread.no_new_privs", prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
	show("thread.ids");
	answer("thread.open", open("roots", O_RDONLY));
	answer("thread.setuid_root", syscall(SYS_setuid32, 0));
	pthread_barrier_wait(&barrier);
	pthread_barrier_wait(&barrier);
	execve("/proc/self/exe", argv, argv + 2);
	die("execve");
}

static void signal_parent(void)
{
	become(1000, 1000);
	answer("first.kill", kill(getppid(), 0));
}

static void one_thread_changes(void)
{
	pthread_t t;

	close(open("roots", O_CREAT | O_WRONLY, 0600));
	pthread_barrier_init(&barrier, NULL, 2);
	pthread_create(&t, NULL, unprivileged_thread, NULL);
	pthread_barrier_wait(&barrier);
	show("first.ids");
	check("first.open", open("roots", O_RDONLY) >= 0);
	answer("first.no_new_privs", prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0));
	show_status("first.status", getpid());
	show_status("thread.status", other_tid);
	show_caps("first.caps", 0);
	show_caps("thread.caps", other_tid);
	in_child(signal_parent);
	pthread_barrier_wait(&barrier);
	for (;;)
		pause(); /* until the other thread's execve() */
}

static void *waiting_thread(void *unused)
{
	pthread_barrier_wait(&barrier);
	pthread_barrier_wait(&barrier);
	show("all.other");
	return NULL;
}

/* Each thread's setuid() must find the ids that it had, not those that another has just got. */
static void all_threads_change(void)
{
	pthread_t t;

	pthread_barrier_init(&barrier, NULL, 2);
	pthread_create(&t, NULL, waiting_thread, NULL);
	pthread_barrier_wait(&barrier);
	answer("all.setresuid", setresuid(1000, 1000, 0));
	answer("all.setuid", setuid(0));
	show("all.first");
	pthread_barrier_wait(&barrier);
	pthread_join(t, NULL);
}

int main(int argc, char **argv)
{
	if (argc > 1) {
		show_ids();
		return 0;
	}
	isolated("root", root_changes);
	isolated("user", user_changes);
	isolated("groups", groups);
	prepare_files();
	isolated("open", user_opens);
	isolated("real", real_user);
	privileges();
	setid();
	answer_status("one_thread", in_child(one_thread_changes));
	answer_status("all_threads", in_child(all_threads_change));
	return test_failed;
}
