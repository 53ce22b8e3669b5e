/*
 * The kernel from its first C function to process 1: a table of contents, in boot order.
 */
#include "boot/multiboot.h"
#include "kernel/core/bootinfo.h"
#include "kernel/core/clock.h"
#include "kernel/core/console.h"
#include "kernel/core/ksyms.h"
#include "kernel/core/log.h"
#include "kernel/core/panic.h"
#include "kernel/core/provoke.h"
#include "kernel/core/sched.h"
#include "kernel/core/selftest.h"
#include "kernel/core/trace.h"
#include "kernel/fs/fs.h"
#include "kernel/lib/fmt.h"
#include "kernel/lib/string.h"
#include "kernel/main.h"
#include "kernel/picture/picture.h"
#include "kernel/proc/exec.h"
#include "kernel/proc/task.h"
#include "kernel/proc/vdso.h"
#include "kernel/tty/tty.h"
#include "kernel/x86/features.h"
#include "kernel/x86/framebuffer.h"
#include "kernel/x86/trap.h"
#include "mm/anon.h"
#include "mm/commit.h"
#include "mm/describe.h"
#include "mm/hugetlb.h"
#include "mm/kmalloc.h"
#include "mm/mm_check.h"
#include "mm/page_alloc.h"
#include "mm/pagecache.h"
#include "mm/pmap.h"
#include "mm/slab.h"
#include "mm/space.h"
#include "mm/vmalloc.h"

static void greet(void)
{
	log_info("Tessera: %u MiB of memory, %u MiB of it high; booted by %s",
		(page_alloc_total() * 4 + 512) / 1024, page_alloc_total_high() * 4 / 1024,
		bootinfo.loader);
	log_info("CPU: %s%s%s%s%s%s", cpu_features.model, cpu_features.nx ? ", NX" : "",
		cpu_features.pge ? ", PGE" : "", cpu_features.smep ? ", SMEP" : "",
		cpu_features.smap ? ", SMAP" : "", cpu_features.sse2 ? ", SSE2" : "");
}

/* With `selftest=GLOB` on the command line the tests are all that runs. */
static void run_selftests(void)
{
	char glob[512];
	if (cmdline_get("selftest", glob, sizeof(glob)) < 0)
		return;
	selftest_guard = &memory_guard;
	int failed = selftest_run(glob);
	machine_exit(failed < 0 ? EXIT_NONE : failed ? EXIT_FAIL : EXIT_PASS);
}

static void start_init(void)
{
	char path[256];
	if (cmdline_get("init", path, sizeof(path)) <= 0)
		strlcpy(path, "/init", sizeof(path));
	process_start_init(path);
}

/* --- The end --- */

static void complain(const char *fmt, ...)
{
	char line[160];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	log_at(LOG_ALERT, "mm_check: %s", line);
}

void process1_exited(int wait_status)
{
	u32 bad = mm_check(complain);
	machine_report_status(wait_status);
	if (bad)
		log_at(LOG_ALERT, "mm_check: %u findings", bad);
	machine_exit(bad ? EXIT_FAIL : EXIT_PASS);
}

asmlinkage void kernel_main(u32 magic, u32 mbi)
{
	console_init();
	bootinfo_from_multiboot(magic, mbi);
	framebuffer_init();
	log_init();
	cpu_features_init();
	trap_init();

	page_alloc_init();
	commit_init();
	slab_init();
	kmalloc_init();
	trace_init();
	pmap_kernel_init();
	vmalloc_init();

	hugetlb_init();
	pagecache_init();
	anon_init();
	space_init();
	panic_describe_addr = describe_addr;

	clock_init();
	greet();
	process_init();
	exec_init();
	vdso_init();
	fs_init();
	tty_init();
	irq_enable();
	run_selftests();

	picture_start();
	initramfs_unpack();
	fs_mount_defaults();
	ksyms_forget_init();
	pmap_seal_kernel();
	provoke_crash();
	start_init();
	idle_loop();
}
