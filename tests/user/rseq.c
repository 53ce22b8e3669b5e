/* Restartable sequences: registration, and what a signal or another process does to one. */
#include "tests/user/test.h"

#include <pthread.h>
#include <sys/rseq.h>
#include <sys/time.h>

#define SIGNATURE 0x53053053

static struct rseq area __attribute__((aligned(32)));
static unsigned char unaligned[96] __attribute__((aligned(32)));

static long reg(void *at, unsigned len, int flags, unsigned signature)
{
	return syscall(SYS_rseq, at, len, flags, signature);
}

/*
 * A sequence that counts to `end`. Returns whether it was aborted. The signature stands before the
 * abort address.
 */
#define SEQUENCE(name, signature)                                                                  \
	static bool name(struct rseq *r, unsigned end)                                             \
	{                                                                                          \
		unsigned count = 0, aborted;                                                       \
                                                                                                   \
		asm volatile(".pushsection .data\n"                                                \
			     ".balign 32\n"                                                        \
			     "cs_" #name ": .long 0, 0, 1f, 0, 2f - 1f, 0, 4f, 0\n"                \
			     ".popsection\n"                                                       \
			     "movl $cs_" #name ", %[cs]\n"                                         \
			     "1: incl %[count]\n"                                                  \
			     "cmpl %[end], %[count]\n"                                             \
			     "jb 1b\n"                                                             \
			     "2: movl $0, %[aborted]\n"                                            \
			     "jmp 5f\n"                                                            \
			     ".long " #signature "\n"                                              \
			     "4: movl $1, %[aborted]\n"                                            \
			     "5:\n"                                                                \
			     : [count] "+r"(count), [aborted] "=r"(aborted),                       \
			     [cs] "=m"(*(unsigned *)&r->rseq_cs)                                   \
			     : [end] "r"(end)                                                      \
			     : "memory", "cc");                                                    \
		return aborted;                                                                    \
	}

SEQUENCE(sequence, 0x53053053)
SEQUENCE(forged, 0x12345678)

static volatile bool handled;

static void on_alarm(int sig)
{
	handled = true;
	say("rseq.in_handler", "sequence %s", *(unsigned *)&area.rseq_cs ? "still named" : "left");
}

static void on_fault(int sig)
{
	say("rseq.fault", "%s", signal_name(sig));
	_exit(0);
}

static void *thread(void *arg)
{
	/* The C library has registered its own. */
	answer("rseq.thread", reg(&area, 32, 0, SIGNATURE));
	return NULL;
}

static void test_registration(void)
{
	struct rseq *own = (void *)((char *)__builtin_thread_pointer() + __rseq_offset);
	pthread_t t;

	say("rseq.libc", "size %u flags %u cpu %u", __rseq_size, __rseq_flags, own->cpu_id);
	answer("rseq.other_area", reg(&area, 32, 0, SIGNATURE));
	answer("rseq.again", reg(own, 32, 0, SIGNATURE));
	answer("rseq.again_signature", reg(own, 32, 0, 1));
	answer("rseq.unregister_other", reg(&area, 32, 1, SIGNATURE));
	answer("rseq.unregister_signature", reg(own, 32, 1, 1));
	answer("rseq.unregister_len", reg(own, 16, 1, SIGNATURE));
	answer("rseq.bad_flags", reg(own, 32, 3, SIGNATURE));
	answer("rseq.unregister", reg(own, 32, 1, SIGNATURE));
	say("rseq.cpu_gone", "%d", (int)own->cpu_id);
	answer("rseq.unregister_again", reg(own, 32, 1, SIGNATURE));
	answer("rseq.unaligned", reg(unaligned + 8, 32, 0, SIGNATURE));
	answer("rseq.len", reg(&area, 64, 0, SIGNATURE));
	answer("rseq.kernel", reg(KERNEL, 32, 0, SIGNATURE));
	area.cpu_id = area.cpu_id_start = 77;
	answer("rseq.register", reg(&area, 32, 0, SIGNATURE));
	say("rseq.cpu", "%u %u", area.cpu_id_start, area.cpu_id);
	pthread_create(&t, NULL, thread, NULL);
	pthread_join(t, NULL);
}

static void test_sequences(void)
{
	struct itimerval soon = {{0, 0}, {0, 20000}};
	int status, tries = 0;
	pid_t pid;

	say("rseq.short", "%d", sequence(&area, 3));
	say("rseq.named", "%d", *(unsigned *)&area.rseq_cs != 0);
	signal(SIGALRM, on_alarm);
	setitimer(ITIMER_REAL, &soon, NULL);
	while (!handled)
		tries += sequence(&area, 2000000000);
	say("rseq.by_signal", "%s", *(unsigned *)&area.rseq_cs ? "still named" : "left");

	pid = fork();
	if (pid == 0)
		while (1)
			;
	while (!sequence(&area, 2000000000))
		tries++;
	say("rseq.by_switch", "%s", *(unsigned *)&area.rseq_cs ? "still named" : "left");
	kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
	if (fork() == 0) {
		answer("rseq.inherited", reg(&area, 32, 0, SIGNATURE));
		_exit(0);
	}
	wait(&status);
	if (fork() == 0) {
		signal(SIGSEGV, on_fault);
		setitimer(ITIMER_REAL, &soon, NULL);
		while (!forged(&area, 2000000000))
			;
		say("rseq.forged", "was taken");
		_exit(0);
	}
	wait(&status);
	say("rseq.forged_status", "%x", status);
	answer("rseq.end", reg(&area, 32, 1, SIGNATURE));
	say("rseq.free", "%d", sequence(&area, 1000000));
}

int main(void)
{
	test_registration();
	test_sequences();
	return test_failed;
}
