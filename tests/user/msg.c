/* System V message queues. */
#include "tests/user/test.h"

#include <pthread.h>
#include <sys/ipc.h>
#include <sys/msg.h>

#define KEY 0x4d51

struct message {
	long type;
	char text[9000];
};

static int put_flags(int id, long type, const char *text, int flags)
{
	struct message m = {.type = type};

	strcpy(m.text, text);
	return msgsnd(id, &m, strlen(text), flags);
}

static void put(int id, long type, const char *text)
{
	if (put_flags(id, type, text, IPC_NOWAIT))
		say("put", "failed: %s", errno_name(errno));
}

static void show(const char *what, int id, size_t size, long type, int flags)
{
	struct message m = {0};
	ssize_t n = msgrcv(id, &m, size, type, flags);

	if (n < 0)
		answer(what, n);
	else
		say(what, "%zd: type %ld %s", n, m.type, m.text);
}

static void show_stat(const char *what, int id)
{
	struct msqid_ds d;

	if (msgctl(id, IPC_STAT, &d)) {
		answer(what, -1);
		return;
	}
	say(what, "mode %o %lu messages, %lu of %lu bytes, times %d%d%d, by me %d%d",
		d.msg_perm.mode, d.msg_qnum, d.msg_cbytes, d.msg_qbytes, d.msg_stime != 0,
		d.msg_rtime != 0, d.msg_ctime != 0, d.msg_lspid == getpid(),
		d.msg_lrpid == getpid());
}

static void test_get(void)
{
	int id = msgget(KEY, IPC_CREAT | IPC_EXCL | 0640), other;

	check("get.create", id >= 0);
	check("get.again", msgget(KEY, 0) == id);
	answer("get.exists", msgget(KEY, IPC_CREAT | IPC_EXCL));
	answer("get.missing", msgget(KEY + 1, 0600));
	other = msgget(IPC_PRIVATE, 0);
	check("get.private", other >= 0 && other != id);
	show_stat("get.stat", id);
	answer("get.remove", msgctl(other, IPC_RMID, NULL));
	answer("get.removed", msgctl(other, IPC_RMID, NULL));
	answer("get.command", msgctl(id, 99, NULL));
	answer("get.negative", msgctl(-1, IPC_RMID, NULL));
	answer("get.stat_fault", syscall(SYS_msgctl, id, IPC_STAT, 4));
}

static void test_messages(void)
{
	static struct message m;
	int id = msgget(KEY, 0);

	put(id, 3, "three");
	put(id, 1, "one");
	put(id, 2, "two");
	put(id, 2, "another two");
	put(id, 5, "");
	show_stat("messages.stat", id);
	show("messages.equal", id, 100, 2, 0);
	show("messages.none", id, 100, 9, IPC_NOWAIT);
	show("messages.except", id, 100, 3, MSG_EXCEPT);
	show("messages.lowest", id, 100, -3, 0);
	show("messages.lowest_none", id, 100, -2, IPC_NOWAIT);
	show("messages.too_big", id, 2, 0, 0);
	show("messages.copy", id, 100, 1, MSG_COPY | IPC_NOWAIT);
	show("messages.copy_none", id, 100, 2, MSG_COPY | IPC_NOWAIT);
	show("messages.copy_waits", id, 100, 0, MSG_COPY);
	show("messages.copy_except", id, 100, 0, MSG_COPY | IPC_NOWAIT | MSG_EXCEPT);
	show("messages.cut", id, 2, 0, MSG_NOERROR);
	show("messages.any", id, 100, 0, 0);
	show("messages.empty", id, 100, 0, IPC_NOWAIT);
	answer("messages.type_0", put_flags(id, 0, "x", 0));
	answer("messages.negative", put_flags(id, -4, "x", 0));
	m.type = 1;
	answer("messages.biggest", msgsnd(id, &m, 8192, 0));
	answer("messages.too_long", msgsnd(id, &m, 8193, 0));
	answer("messages.length", msgsnd(id, &m, -1, 0));
	answer("messages.fault", msgsnd(id, (void *)4, 1, 0));
	answer("messages.full", msgsnd(id, &m, 8192, IPC_NOWAIT));
	answer("messages.over", put_flags(id, 1, "x", IPC_NOWAIT));
	answer("messages.empty_fits", put_flags(id, 1, "", IPC_NOWAIT));
	show_stat("messages.stat_full", id);
	answer("messages.recv_fault", msgrcv(id, (void *)4, 8192, 0, 0));
	show_stat("messages.gone", id);
	answer("messages.recv_length", msgrcv(id, &m, -1, 0, 0));
	answer("messages.recv_id", msgrcv(-1, &m, 1, 0, 0));
	answer("messages.recv_stale", msgrcv(id + 1, &m, 1, 0, 0));
	while (msgrcv(id, &m, 9000, 0, IPC_NOWAIT) >= 0)
		;
}

/* --- Limits and owners --- */

static void stranger(void)
{
	int id = msgget(KEY, 0);
	struct msqid_ds d = {0};

	if (setuid(1000))
		die("setuid");
	answer("stranger.get", msgget(KEY, 0600));
	answer("stranger.stat", msgctl(id, IPC_STAT, &d));
	answer("stranger.remove", msgctl(id, IPC_RMID, NULL));
	answer("stranger.set", msgctl(id, IPC_SET, &d));
	answer("stranger.send", put_flags(id, 1, "x", 0));
	show("stranger.receive", id, 10, 0, 0);
	id = msgget(IPC_PRIVATE, 0600);
	msgctl(id, IPC_STAT, &d);
	d.msg_qbytes = 10;
	answer("stranger.lower", msgctl(id, IPC_SET, &d));
	answer("stranger.full", put_flags(id, 1, "01234567890", IPC_NOWAIT));
	d.msg_qbytes = 20000;
	answer("stranger.raise", msgctl(id, IPC_SET, &d));
	show_stat("stranger.stat_own", id);
	msgctl(id, IPC_RMID, NULL);
}

static void test_limits(void)
{
	int id = msgget(KEY, 0), place;
	struct msginfo info;
	struct msqid_ds d;

	show_setting("/proc/sys/kernel/msgmax");
	show_setting("/proc/sys/kernel/msgmnb");
	show_setting("/proc/sys/kernel/msgmni");
	show_setting("/proc/sys/kernel/sem");
	show_setting("/proc/sysvipc/msg");
	place = msgctl(0, IPC_INFO, (void *)&info);
	say("limits.info", "%d: %d %d %d %d %d %d %d %u", place, info.msgpool, info.msgmap,
		info.msgmax, info.msgmnb, info.msgmni, info.msgssz, info.msgtql, info.msgseg);
	put(id, 1, "12345");
	place = msgctl(0, MSG_INFO, (void *)&info);
	say("limits.in_use", "%d: %d %d %d", place, info.msgpool, info.msgmap, info.msgtql);
	check("limits.by_place", msgctl(place, MSG_STAT, &d) == id);
	check("limits.any", msgctl(place, 13, &d) == id);
	msgctl(id, IPC_STAT, &d);
	d.msg_qbytes = 100000;
	d.msg_perm.mode = 0600;
	answer("limits.set", msgctl(id, IPC_SET, &d));
	show_stat("limits.stat", id);
	isolated("stranger", stranger);
	show("limits.drain", id, 10, 0, 0);
}

/* --- Waiting --- */

static int queue;

static void *later(void *what)
{
	usleep(20000);
	if (!strcmp(what, "send"))
		put(queue, 7, "late");
	else if (!strcmp(what, "wrong type"))
		put(queue, 8, "other"), usleep(20000), put(queue, 7, "late");
	else if (!strcmp(what, "receive"))
		msgrcv(queue, &(struct message){0}, 9000, 1, 0);
	else
		msgctl(queue, IPC_RMID, NULL);
	return NULL;
}

static void on_alarm(int sig)
{
}

static void test_waiting(void)
{
	struct message m = {.type = 1};
	pthread_t t;

	queue = msgget(KEY, 0);
	msgctl(queue, IPC_RMID, NULL);
	queue = msgget(KEY, IPC_CREAT | 0600);
	pthread_create(&t, NULL, later, "send");
	show("wait.receive", queue, 100, 7, 0);
	pthread_join(t, NULL);
	pthread_create(&t, NULL, later, "wrong type");
	show("wait.receive", queue, 100, 7, 0);
	pthread_join(t, NULL);
	show("wait.other", queue, 100, 0, 0);
	msgsnd(queue, &m, 8192, 0);
	msgsnd(queue, &m, 8192, 0);
	pthread_create(&t, NULL, later, "receive");
	answer("wait.send", put_flags(queue, 2, "fits", 0));
	pthread_join(t, NULL);
	sigaction(
		SIGALRM, &(struct sigaction){.sa_handler = on_alarm, .sa_flags = SA_RESTART}, NULL);
	alarm(1);
	show("wait.signal", queue, 100, 99, 0);
	pthread_create(&t, NULL, later, "remove");
	show("wait.removed", queue, 100, 99, 0);
	pthread_join(t, NULL);
	show("wait.gone", queue, 100, 99, 0);
}

/* ipc(2) has its own way to give the arguments. */
static void test_ipc(void)
{
	int id = syscall(SYS_ipc, 13, KEY, IPC_CREAT | 0600);
	struct message m = {.type = 4, .text = "by ipc"};
	struct {
		void *buf;
		long type;
	} kludge = {&m, 4};
	unsigned short old[28] = {0};

	answer("ipc.send", syscall(SYS_ipc, 11, id, 6, 0, &m));
	answer("ipc.send", syscall(SYS_ipc, 11, id, 6, 0, &m));
	memset(&m, 0, sizeof(m));
	answer("ipc.receive", syscall(SYS_ipc, 12, id, 100, 0, &kludge));
	say("ipc.text", "%ld %s", m.type, m.text);
	answer("ipc.no_kludge", syscall(SYS_ipc, 12, id, 100, 0, NULL));
	answer("ipc.old_stat", syscall(SYS_ipc, 14, id, IPC_STAT, 0, old));
	say("ipc.old", "mode %o %u bytes %u messages of %u", old[6], old[22], old[23], old[24]);
	answer("ipc.receive_1", syscall(SYS_ipc, 12 | 1 << 16, id, 100, 0, &m, 4));
	answer("ipc.remove", syscall(SYS_ipc, 14, id, IPC_RMID, 0, NULL));
}

int main(void)
{
	test_get();
	test_messages();
	test_limits();
	test_waiting();
	test_ipc();
	return test_failed;
}
