/* Copy-on-write: after fork both processes read one frame; the first write makes a copy, and the
 * one who is left writes in place. */
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

static void child_writes(volatile int *p)
{
	p[0] = 2; /* fault: the frame is shared, so it is copied */
}

static void parent_writes(volatile int *p)
{
	p[0] = 3; /* fault: nobody else has the frame any more, so it is reused */
}

int main(void)
{
	volatile int *p =
		mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int status;
	p[0] = 1;
	pid_t child = fork();
	if (child == 0) {
		child_writes(p);
		_exit(p[0] == 2 ? 0 : 1);
	}
	waitpid(child, &status, 0);
	if (status || p[0] != 1)
		return 1;
	parent_writes(p);
	return p[0] == 3 ? 0 : 1;
}
