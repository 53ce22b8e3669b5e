/* The zero page and its upgrade: memory that is read first costs no frame until it is written. */
#include <sys/mman.h>

static int first_read(volatile int *p)
{
	return p[8]; /* fault: the shared page of zeroes */
}

static void then_write(volatile int *p)
{
	p[8] = 7; /* fault: a frame of our own takes its place */
}

int main(void)
{
	volatile int *p =
		mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int before = first_read(p);
	then_write(p);
	return before == 0 && p[8] == 7 ? 0 : 1;
}
