/* A huge page: one fault fills an entry of the page directory, and 2 MiB are there at once. The pool
 * that they come from is asked for first. */
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#define HUGE (2 << 20)

static int fill_pool(void)
{
	int fd = open("/proc/sys/vm/nr_hugepages", O_WRONLY);
	return fd < 0 || write(fd, "2", 1) != 1;
}

static void first_write(volatile char *p)
{
	p[5000] = 7; /* fault: there is no table, and none is made */
}

static int last_read(volatile char *p)
{
	return p[HUGE - 1]; /* no fault: the same entry covers it */
}

int main(void)
{
	char *p;
	if (fill_pool())
		return 1;
	p = mmap(NULL, HUGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB, -1, 0);
	if (p == MAP_FAILED)
		return 1;
	first_write(p);
	return last_read(p);
}
