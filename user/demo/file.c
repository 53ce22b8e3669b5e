/* A page of a file: it comes from the page cache, where every reader finds the same frame; a write
 * to a private mapping makes a copy. */
#include <fcntl.h>
#include <sys/mman.h>

static int read_file(volatile int *p)
{
	return p[1]; /* fault: the frame of the page cache, and its neighbours with it */
}

static void write_private(volatile int *p)
{
	p[1] = 7; /* fault: the copy is ours, the file stays as it was */
}

int main(void)
{
	int fd = open("/bin/busybox", O_RDONLY);
	volatile int *p = mmap(0, 16 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
	int was = read_file(p);
	write_private(p);
	return was == 0x00010101 && p[1] == 7 ? 0 : 1;
}
