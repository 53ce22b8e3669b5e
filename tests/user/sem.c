/* System V semaphores. */
#include "tests/user/test.h"

#include <sys/ipc.h>
#include <sys/sem.h>
#include <time.h>

union semun {
	int val;
	struct semid_ds *buf;
	unsigned short *array;
	struct seminfo *info;
};

static int ctl(int id, int num, int cmd, int val)
{
	return semctl(id, num, cmd, (union semun){.val = val});
}

static int op1(int id, int num, int op, int flags)
{
	struct sembuf b = {num, op, flags};

	return semop(id, &b, 1);
}

static void values(const char *what, int id, int n)
{
	unsigned short v[8] = {0};
	char text[64] = "";

	if (semctl(id, 0, GETALL, (union semun){.array = v})) {
		answer(what, -1);
		return;
	}
	for (int i = 0; i < n; i++)
		sprintf(text + strlen(text), " %u", v[i]);
	say(what, "%s", text);
}

static void run(void (*body)(int), int id)
{
	int status;

	if (fork() == 0) {
		body(id);
		_exit(0);
	}
	wait(&status);
}

static void test_get(void)
{
	int id = semget(0x1234, 3, IPC_CREAT | IPC_EXCL | 0640), again;
	struct semid_ds d;

	check("get.made", id >= 0);
	again = semget(0x1234, 0, 0);
	check("get.same", again == id);
	answer("get.exists", semget(0x1234, 3, IPC_CREAT | IPC_EXCL));
	answer("get.too_many", semget(0x1234, 4, 0));
	answer("get.missing", semget(0x9999, 1, 0));
	answer("get.zero", semget(IPC_PRIVATE, 0, 0600));
	answer("get.negative", semget(IPC_PRIVATE, -1, 0600));
	answer("get.huge", semget(IPC_PRIVATE, 32001, 0600));
	answer("stat", semctl(id, 0, IPC_STAT, (union semun){.buf = &d}));
	say("stat.is", "key %x mode %o nsems %lu uid %d otime %ld", d.sem_perm.__key,
		d.sem_perm.mode, d.sem_nsems, d.sem_perm.uid, (long)d.sem_otime);
	check("stat.ctime", d.sem_ctime > 0);
	d.sem_perm.mode = 0600;
	d.sem_perm.uid = 5;
	answer("set", semctl(id, 0, IPC_SET, (union semun){.buf = &d}));
	semctl(id, 0, IPC_STAT, (union semun){.buf = &d});
	say("set.is", "mode %o uid %d cuid %d", d.sem_perm.mode, d.sem_perm.uid, d.sem_perm.cuid);
	answer("remove", ctl(id, 0, IPC_RMID, 0));
	answer("remove.again", ctl(id, 0, IPC_RMID, 0));
	answer("remove.op", op1(id, 0, 1, 0));
}

static void test_values(int id)
{
	struct sembuf both[2] = {{0, -1, 0}, {1, -1, IPC_NOWAIT}};
	struct sembuf many[501] = {{0, 0, 0}};
	struct seminfo info;

	values("values.begin", id, 3);
	answer("values.setval", ctl(id, 1, SETVAL, 7));
	answer("values.getval", ctl(id, 1, GETVAL, 0));
	answer("values.range", ctl(id, 1, SETVAL, 32768));
	answer("values.negative", ctl(id, 1, SETVAL, -1));
	answer("values.num", ctl(id, 3, SETVAL, 1));
	answer("values.num_get", ctl(id, 3, GETVAL, 0));
	check("values.pid", ctl(id, 1, GETPID, 0) == getpid());
	answer("values.pid_other", ctl(id, 0, GETPID, 0));
	answer("values.setall",
		semctl(id, 0, SETALL, (union semun){.array = (unsigned short[]){1, 0, 5}}));
	values("values.all", id, 3);
	answer("values.setall_range",
		semctl(id, 0, SETALL, (union semun){.array = (unsigned short[]){1, 40000, 5}}));
	answer("values.bad_cmd", ctl(id, 0, 99, 0));
	answer("op.up", op1(id, 0, 2, 0));
	answer("op.down", op1(id, 0, -3, 0));
	answer("op.would_block", op1(id, 0, -1, IPC_NOWAIT));
	answer("op.zero", op1(id, 0, 0, IPC_NOWAIT));
	answer("op.not_zero", op1(id, 2, 0, IPC_NOWAIT));
	ctl(id, 0, SETVAL, 1);
	answer("op.all_or_nothing", semop(id, both, 2));
	values("op.unchanged", id, 3);
	answer("op.num", op1(id, 3, 1, 0));
	answer("op.too_big", op1(id, 0, 32767, 0));
	answer("op.none", semop(id, both, 0));
	answer("op.too_many", semop(id, many, 501));
	answer("op.bad_memory", syscall(SYS_ipc, 1, id, 1, 0, (void *)4, 0));
	answer("op.bad_id", op1(-1, 0, 1, 0));
	say("info", "%d",
		semctl(0, 0, IPC_INFO, (union semun){.info = &info}) < 0 ? -1 : info.semvmx);
	say("info.limits", "%d %d %d %d", info.semmsl, info.semmns, info.semopm, info.semmni);
}

static void take_and_tell(int id)
{
	say("wait.child", "waits");
	answer("wait.child_got", op1(id, 0, -1, 0));
}

static void with_undo(int id)
{
	answer("undo.down", op1(id, 2, -2, SEM_UNDO));
	answer("undo.up", op1(id, 1, 1, SEM_UNDO));
	values("undo.during", id, 3);
}

static void as_other(int id)
{
	if (setresuid(9, 9, 9))
		_exit(1);
	answer("other.op", op1(id, 0, 1, 0));
	answer("other.get", ctl(id, 0, GETVAL, 0));
	answer("other.remove", ctl(id, 0, IPC_RMID, 0));
	answer("other.semget", semget(0x77, 0, 0600));
}

static void on_alarm(int sig)
{
}

static void test_waiting(int id)
{
	struct timespec brief = {0, 30000000};
	struct sembuf down = {0, -1, 0};
	struct sigaction sa = {.sa_handler = on_alarm, .sa_flags = SA_RESTART};
	int status, up;
	pid_t pid;

	ctl(id, 0, SETVAL, 0);
	pid = fork();
	if (pid == 0) {
		take_and_tell(id);
		_exit(0);
	}
	usleep(50000);
	answer("wait.ncnt", ctl(id, 0, GETNCNT, 0));
	answer("wait.zcnt", ctl(id, 0, GETZCNT, 0));
	say("wait.parent", "gives");
	up = op1(id, 0, 1, 0);
	waitpid(pid, &status, 0);
	answer("wait.up", up);
	answer("wait.ncnt_after", ctl(id, 0, GETNCNT, 0));
	answer("wait.timeout", semtimedop(id, &down, 1, &brief));
	brief.tv_nsec = -1;
	answer("wait.bad_time", semtimedop(id, &down, 1, &brief));
	sigaction(SIGALRM, &sa, NULL);
	alarm(1);
	answer("wait.signal", semop(id, &down, 1));
	pid = fork();
	if (pid == 0) {
		answer("wait.removed", semop(id, &down, 1));
		_exit(0);
	}
	usleep(50000);
	say("wait.parent", "removes");
	answer("wait.rmid", ctl(id, 0, IPC_RMID, 0));
	waitpid(pid, &status, 0);
}

int main(void)
{
	int id;

	test_get();
	id = semget(IPC_PRIVATE, 3, 0600);
	test_values(id);
	ctl(id, 2, SETVAL, 5);
	ctl(id, 1, SETVAL, 0);
	run(with_undo, id);
	values("undo.after", id, 3);
	run(as_other, id);
	test_waiting(id);
	return test_failed;
}
