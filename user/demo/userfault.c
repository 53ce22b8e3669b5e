/* A pager in user space: the fault of one thread is answered by another, with the page that it wants
 * there. The first waits in the kernel meanwhile, with no lock held. */
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <pthread.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

static int uffd;
static char page[4096] __attribute__((aligned(4096)));

static void answer(const struct uffd_msg *m)
{
	struct uffdio_copy c = {.dst = m->arg.pagefault.address, .src = (unsigned)page, .len = 4096};
	strcpy(page, "from the pager");
	ioctl(uffd, UFFDIO_COPY, &c); /* fills the page, and wakes who waits for it */
}

static void *pager(void *unused)
{
	struct uffd_msg m;
	while (read(uffd, &m, sizeof(m)) == sizeof(m))
		answer(&m);
	return unused;
}

static int first_read(volatile char *p)
{
	return p[0]; /* fault: the pager's, not the kernel's */
}

int main(void)
{
	struct uffdio_api api = {.api = UFFD_API};
	struct uffdio_register r = {.mode = UFFDIO_REGISTER_MODE_MISSING};
	pthread_t thread;
	char *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	uffd = syscall(SYS_userfaultfd, O_CLOEXEC);
	if (p == MAP_FAILED || uffd < 0 || ioctl(uffd, UFFDIO_API, &api))
		return 1;
	r.range = (struct uffdio_range){(unsigned)p, 4096};
	if (ioctl(uffd, UFFDIO_REGISTER, &r) || pthread_create(&thread, NULL, pager, NULL))
		return 1;
	return first_read(p) == 'f' ? 0 : 1;
}
