/* Numbers that are no system call. Linux gives up on them too. */
#include "tests/user/test.h"

/* break, stty, gtty, ftime, prof, lock, mpx, ulimit, profil, create_module, get_kernel_syms,
 * afs_syscall, query_module, nfsservctl, getpmsg, putpmsg, unused ones, vserver. */
static const int never[] = {17, 31, 32, 35, 44, 53, 56, 58, 98, 127, 130, 137, 167, 169, 188, 189,
	222, 223, 251, 273, 285};
static const long beyond[] = {500, 511, 512, 1000, 4096, 0x10000, 0x40000000, -1, INT32_MIN};

int main(void)
{
	int errors = 0;

	for (size_t i = 0; i < COUNT(never); i++)
		if (syscall(never[i], 0, 0, 0, 0, 0, 0) != -1 || errno != ENOSYS)
			say("enosys.defined", "%d is", never[i]);
	for (size_t i = 0; i < COUNT(beyond); i++) {
		long result = syscall(beyond[i], 1, 2, 3, 4, 5, 6);

		say("enosys.beyond", "%ld: %ld %s", beyond[i], result, errno_name(errno));
	}
	for (int i = 0; i < 1000; i++)
		errors += syscall(500) == -1 && errno == ENOSYS;
	say("enosys.a_thousand", "%d", errors);
	return test_failed;
}
