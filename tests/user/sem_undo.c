/* What semop(2) keeps with SEM_UNDO goes with its set, not only with the process. */
#include "tests/user/test.h"
#include <sys/sem.h>
#include <sys/sysinfo.h>

#define SEMS   16000
#define ROUNDS 1500

/* Changes what must be undone, in so many sets. */
static long many_sets(void)
{
	struct sembuf op = {.sem_num = 1, .sem_op = 1, .sem_flg = SEM_UNDO};
	long err = 0;

	for (int i = 0; i < ROUNDS; i++) {
		int id = semget(IPC_PRIVATE, SEMS, 0600);

		err |= id < 0 || semop(id, &op, 1) || semctl(id, 0, IPC_RMID);
	}
	return err ? -1 : 0;
}

static long free_kib(void)
{
	struct sysinfo s;

	sysinfo(&s);
	return s.freeram / 1024 * s.mem_unit;
}

/* Sets that stay are set back when the process ends; those that went in between do not matter. */
static void undone(void)
{
	struct sembuf op = {.sem_op = 3, .sem_flg = SEM_UNDO};
	int id[3];
	pid_t pid;

	for (int i = 0; i < 3; i++)
		id[i] = semget(IPC_PRIVATE, 1, 0600);
	pid = fork();
	if (!pid) {
		for (int i = 0; i < 3; i++)
			answer("undone.op", semop(id[i], &op, 1));
		answer("undone.remove", semctl(id[1], 0, IPC_RMID));
		_exit(0);
	}
	waitpid(pid, NULL, 0);
	answer("undone.first", semctl(id[0], 0, GETVAL));
	answer("undone.removed", semctl(id[1], 0, GETVAL));
	answer("undone.last", semctl(id[2], 0, GETVAL));
	semctl(id[0], 0, IPC_RMID);
	semctl(id[2], 0, IPC_RMID);
}

int main(void)
{
	long before = free_kib();

	answer("many_sets", many_sets());
	for (int i = 0; i < 30 && before - free_kib() >= 49152; i++)
		usleep(100000); /* Linux frees some of it later */
	check("nothing_is_kept", before - free_kib() < 49152);
	undone();
	return test_failed;
}
