/* The surroundings of the memory system on the host: physical memory, console, panic, locks. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "kernel/core/bootinfo.h"
#include "kernel/core/cpu.h"
#include "kernel/core/lock.h"
#include "kernel/core/log.h"
#include "kernel/core/panic.h"
#include "kernel/core/trace.h"
#include "mm/fail_nth.h"
#include "mm/pmap.h"
#include "tests/host/host.h"

#define RAM_BYTES 0x04000000u /* 64 MiB: 16 DMA, 32 Normal, 16 HighMem */

struct cpu cpus[NR_CPUS];
struct bootinfo bootinfo;
const char *host_cmdline = "";

/* The kernel image's bounds, made up: PA 1 MiB to 1.5 MiB. */
__asm__(".globl __kernel_start, __kernel_end\n"
	".set __kernel_start, 0x70100000\n"
	".set __kernel_end, 0x70180123\n");

void host_memory_init(void)
{
	void *want = (void *)(uintptr_t)KERNEL_BASE;

	if (mmap(want, RAM_BYTES, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0) != want) {
		perror("mmap of the memory under test");
		exit(1);
	}
	memset(want, 0xa5, RAM_BYTES);
	bootinfo.ram[0] = (struct prange){0, 0x9fc00};
	bootinfo.ram[1] = (struct prange){0x100000, 0x1fff800};
	bootinfo.ram[2] = (struct prange){0x2400123, 0x3234567};
	bootinfo.ram[3] = (struct prange){0x3236000, RAM_BYTES};
	bootinfo.nr_ram = 4;
	bootinfo.module[0] = (struct prange){0x300010, 0x312345};
	bootinfo.nr_modules = 1;
}

/* Nothing is traced. */
u32 trace_bits[(TRACE_NR_EVENTS + 31) / 32];

void trace_write(enum trace_id id, const void *fields, u32 n)
{
}

/* Nothing is made to fail. */
bool fail_nth_used;

bool fail_nth_slow(const char *what, uintptr_t caller)
{
	return false;
}

/* --- The end --- */

static jmp_buf *panic_jump;
static char panic_text[512];

void panic(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(panic_text, sizeof(panic_text), fmt, ap);
	va_end(ap);
	if (panic_jump)
		longjmp(*panic_jump, 1);
	printf("Bail out! panic: %s\n", panic_text);
	fflush(stdout);
	abort();
}

const char *host_panic_of(void (*fn)(void *arg), void *arg)
{
	jmp_buf jump;

	panic_jump = &jump;
	if (setjmp(jump)) {
		panic_jump = NULL;
		return panic_text;
	}
	fn(arg);
	panic_jump = NULL;
	return NULL;
}

void boot_fail(const char *fmt, ...)
{
	va_list ap;
	char text[256];

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	panic("boot: %s", text);
}

/* --- Log and command line --- */

void log_at(enum log_level level, const char *fmt, ...)
{
	va_list ap;

	if (level > LOG_WARN)
		return;
	va_start(ap, fmt);
	printf("# ");
	vprintf(fmt, ap);
	printf("\n");
	va_end(ap);
}

int cmdline_get(const char *name, char *buf, size_t size)
{
	size_t n = strlen(name);

	if (strncmp(host_cmdline, name, n))
		return -1;
	if (!host_cmdline[n]) {
		if (buf)
			buf[0] = '\0';
		return 0;
	}
	if (host_cmdline[n] != '=')
		return -1;
	if (buf)
		snprintf(buf, size, "%s", host_cmdline + n + 1);
	return (int)strlen(host_cmdline + n + 1);
}

/* --- Locks: there is one thread, so a lock found taken is a bug --- */

void spin_init(struct spinlock *l, const char *name)
{
	l->locked = 0;
	l->name = name;
}

void spin_contended(struct spinlock *l)
{
	panic("spin lock %s is taken", l->name);
}

/* --- Pages --- */

struct page *page_zero(struct page *p)
{
	memset((void *)((uintptr_t)KERNEL_BASE + page_pfn(p).v * PAGE_SIZE), 0, PAGE_SIZE);
	return p;
}

void page_copy(struct page *dst, struct page *src)
{
	memcpy((void *)((uintptr_t)KERNEL_BASE + page_pfn(dst).v * PAGE_SIZE),
		(void *)((uintptr_t)KERNEL_BASE + page_pfn(src).v * PAGE_SIZE), PAGE_SIZE);
}
