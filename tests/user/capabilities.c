/* Capabilities: the bounding and ambient sets, secure bits, and what execve() and ids make of them. */
#include "test.h"

#include <linux/capability.h>
#include <linux/securebits.h>
#include <sys/fsuid.h>
#include <sys/prctl.h>

#define ALL	 ((1ull << 41) - 1)
#define BIT(cap) (1ull << (cap))
#define USER	 1000

static const char *self; /* this program */

static void show(const char *name)
{
	char line[256];
	FILE *f = fopen("/proc/self/status", "r");

	while (f && fgets(line, sizeof(line), f)) {
		line[strcspn(line, "\n")] = '\0';
		if (strncmp(line, "Cap", 3) == 0)
			say(name, "%.6s %s", line, line + 8);
	}
	if (f)
		fclose(f);
	say(name, "securebits %x", prctl(PR_GET_SECUREBITS));
}

static int set_caps(uint64_t effective, uint64_t permitted, uint64_t inheritable)
{
	struct __user_cap_header_struct h = {_LINUX_CAPABILITY_VERSION_3, 0};
	struct __user_cap_data_struct d[2] = {
		{(uint32_t)effective, (uint32_t)permitted, (uint32_t)inheritable},
		{effective >> 32, permitted >> 32, inheritable >> 32}};

	return syscall(SYS_capset, &h, d);
}

static void exec_and_show(const char *name)
{
	execl(self, self, name, NULL);
	answer(name, -1);
}

static void apart(void (*f)(void))
{
	pid_t pid = fork();

	if (pid == 0) {
		f();
		_exit(0);
	}
	waitpid(pid, NULL, 0);
}

/* --- The bounding set --- */

static void bounding(void)
{
	answer("bounding.read", prctl(PR_CAPBSET_READ, CAP_MKNOD));
	answer("bounding.read_last", prctl(PR_CAPBSET_READ, CAP_LAST_CAP));
	answer("bounding.read_none", prctl(PR_CAPBSET_READ, CAP_LAST_CAP + 1));
	answer("bounding.drop_none", prctl(PR_CAPBSET_DROP, CAP_LAST_CAP + 1));
	answer("bounding.drop", prctl(PR_CAPBSET_DROP, CAP_MKNOD));
	answer("bounding.drop_high", prctl(PR_CAPBSET_DROP, CAP_BPF));
	answer("bounding.read", prctl(PR_CAPBSET_READ, CAP_MKNOD));
	show("bounding.dropped");
	answer("bounding.still", mknod("capabilities_dev", S_IFCHR | 0600, 0x103));
	unlink("capabilities_dev");
	answer("bounding.inherit", set_caps(ALL, ALL, BIT(CAP_MKNOD)));
	answer("bounding.inherit_other", set_caps(ALL, ALL, BIT(CAP_CHOWN)));
	exec_and_show("bounding.exec");
}

static void bounding_user(void)
{
	setuid(USER);
	answer("bounding.user", prctl(PR_CAPBSET_DROP, CAP_MKNOD));
	answer("bounding.user_read", prctl(PR_CAPBSET_READ, CAP_MKNOD));
}

/* --- Ambient ones --- */

static void ambient(void)
{
	answer("ambient.raise", prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_CHOWN, 0, 0));
	answer("ambient.inherit", set_caps(ALL, ALL, BIT(CAP_CHOWN) | BIT(CAP_SYS_TIME)));
	answer("ambient.raise", prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_CHOWN, 0, 0));
	answer("ambient.raise", prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_SYS_TIME, 0, 0));
	answer("ambient.is_set", prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, CAP_CHOWN, 0, 0));
	answer("ambient.is_not", prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, CAP_KILL, 0, 0));
	answer("ambient.none", prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, 41, 0, 0));
	answer("ambient.what", prctl(PR_CAP_AMBIENT, 5, CAP_KILL, 0, 0));
	answer("ambient.lower", prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_LOWER, CAP_SYS_TIME, 0, 0));
	answer("ambient.clear_one", prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 1, 0, 0));
	show("ambient");
	exec_and_show("ambient.root_exec");
}

static void ambient_user(void)
{
	prctl(PR_SET_KEEPCAPS, 1);
	setuid(USER);
	answer("ambient.user", set_caps(0, BIT(CAP_CHOWN) | BIT(CAP_KILL), BIT(CAP_KILL)));
	answer("ambient.raise", prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_KILL, 0, 0));
	answer("ambient.raise", prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_CHOWN, 0, 0));
	show("ambient.kept");
	exec_and_show("ambient.user_exec");
}

static void ambient_lost(void)
{
	set_caps(ALL, ALL, BIT(CAP_KILL) | BIT(CAP_CHOWN));
	prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_KILL, 0, 0);
	prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_CHOWN, 0, 0);
	answer("ambient.uninherit", set_caps(ALL, ALL, BIT(CAP_KILL)));
	show("ambient.uninherited");
	prctl(PR_SET_KEEPCAPS, 1);
	answer("ambient.setuid", setuid(USER));
	show("ambient.lost");
}

static void ambient_clear(void)
{
	set_caps(ALL, ALL, BIT(CAP_KILL));
	prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_KILL, 0, 0);
	answer("ambient.clear", prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0));
	answer("ambient.cleared", prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, CAP_KILL, 0, 0));
	answer("ambient.forbid", prctl(PR_SET_SECUREBITS, SECBIT_NO_CAP_AMBIENT_RAISE));
	answer("ambient.forbidden", prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_KILL, 0, 0));
}

/* --- Secure bits --- */

static void secure_bits(void)
{
	answer("secure.unknown", prctl(PR_SET_SECUREBITS, 0x100));
	answer("secure.keep", prctl(PR_SET_SECUREBITS, SECBIT_KEEP_CAPS));
	answer("secure.keepcaps", prctl(PR_GET_KEEPCAPS));
	answer("secure.keep_2", prctl(PR_SET_KEEPCAPS, 2));
	answer("secure.unkeep", prctl(PR_SET_KEEPCAPS, 0));
	answer("secure.get", prctl(PR_GET_SECUREBITS));
	answer("secure.lock", prctl(PR_SET_SECUREBITS, SECBIT_KEEP_CAPS_LOCKED));
	answer("secure.locked", prctl(PR_SET_KEEPCAPS, 1));
	answer("secure.locked", prctl(PR_SET_SECUREBITS, SECBIT_KEEP_CAPS));
	answer("secure.locked_on", prctl(PR_SET_SECUREBITS, 0x30));
	answer("secure.unlock", prctl(PR_SET_SECUREBITS, 0));
	answer("secure.more", prctl(PR_SET_SECUREBITS, SECBIT_KEEP_CAPS_LOCKED | SECBIT_NOROOT));
	answer("secure.no_setpcap", set_caps(ALL & ~BIT(CAP_SETPCAP), ALL, 0));
	answer("secure.forbidden", prctl(PR_SET_SECUREBITS, SECBIT_KEEP_CAPS_LOCKED));
	answer("secure.drop", prctl(PR_CAPBSET_DROP, CAP_MKNOD));
	exec_and_show("secure.exec_noroot");
}

static void no_fixup(void)
{
	answer("fixup.off", prctl(PR_SET_SECUREBITS, SECBIT_NO_SETUID_FIXUP));
	answer("fixup.setuid", setuid(USER));
	show("fixup.kept");
	exec_and_show("fixup.exec");
}

static void keep_caps(void)
{
	answer("keep", prctl(PR_SET_KEEPCAPS, 1));
	answer("keep.setuid", setuid(USER));
	show("keep.kept");
	exec_and_show("keep.exec");
}

static void fsuid(void)
{
	setfsuid(USER);
	show("fsuid.user");
	setfsuid(0);
	show("fsuid.root");
}

static void no_new_privs(void)
{
	answer("nnp.drop", set_caps(BIT(CAP_KILL), BIT(CAP_KILL) | BIT(CAP_CHOWN), 0));
	answer("nnp", prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
	exec_and_show("nnp.exec");
}

static void regain(void)
{
	answer("regain.drop", set_caps(0, 0, 0));
	exec_and_show("regain.exec");
}

/* --- Who writes out --- */

static void io_flusher(void)
{
	answer("flusher.get", prctl(PR_GET_IO_FLUSHER, 0, 0, 0, 0));
	answer("flusher.set", prctl(PR_SET_IO_FLUSHER, 1, 0, 0, 0));
	answer("flusher.get", prctl(PR_GET_IO_FLUSHER, 0, 0, 0, 0));
	answer("flusher.two", prctl(PR_SET_IO_FLUSHER, 2, 0, 0, 0));
	answer("flusher.more", prctl(PR_SET_IO_FLUSHER, 1, 1, 0, 0));
	answer("flusher.get_more", prctl(PR_GET_IO_FLUSHER, 1, 0, 0, 0));
	if (fork() == 0) {
		answer("flusher.child", prctl(PR_GET_IO_FLUSHER, 0, 0, 0, 0));
		_exit(0);
	}
	wait(NULL);
	setuid(USER);
	answer("flusher.user", prctl(PR_SET_IO_FLUSHER, 0, 0, 0, 0));
	answer("flusher.user_get", prctl(PR_GET_IO_FLUSHER, 0, 0, 0, 0));
}

int main(int argc, char **argv)
{
	self = "/proc/self/exe";
	if (argc > 1) {
		show(argv[1]);
		return 0;
	}
	show("start");
	apart(bounding);
	apart(bounding_user);
	apart(ambient);
	apart(ambient_user);
	apart(ambient_lost);
	apart(ambient_clear);
	apart(secure_bits);
	apart(no_fixup);
	apart(keep_caps);
	apart(fsuid);
	apart(no_new_privs);
	apart(regain);
	apart(io_flusher);
	return test_failed;
}
