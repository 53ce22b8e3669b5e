/* Demand zero: memory that was asked for gets a frame when it is touched, not before. */
#include <sys/mman.h>

static volatile int *ask_for_memory(void)
{
	return mmap(0, 4 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

static void first_write(volatile int *p)
{
	p[4] = 42; /* fault: a fresh frame of zeroes */
	p[5] = 43; /* none: the frame is there */
}

int main(void)
{
	volatile int *p = ask_for_memory();
	first_write(p);
	return p[4] == 42 ? 0 : 1;
}
