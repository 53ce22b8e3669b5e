/* The rest of /proc: time and load, the machine, the boot, file systems and mounts. */
#include "kernel/abi/utsname.h"
#include "kernel/core/bootinfo.h"
#include "kernel/core/clock.h"
#include "kernel/core/cpustat.h"
#include "kernel/ipc/msg.h"
#include "kernel/ipc/sem.h"
#include "kernel/ipc/shm.h"
#include "kernel/proc/process.h"
#include "kernel/procfs/procfs_impl.h"
#include "kernel/x86/features.h"
#include "kernel/x86/pic.h"
#include "mm/kmalloc.h"

#define CENTISECOND_NS (NSEC_PER_SEC / 100)

/* --- Time and load --- */

static void put_seconds(struct text *t, u64 ns)
{
	u64 cs = ns / CENTISECOND_NS;

	text_printf(t, "%llu.%02u", cs / 100, (u32)(cs % 100));
}

int proc_uptime_show(struct text *t, const struct proc_node *n)
{
	struct cpustat s;

	cpustat_read(&s);
	put_seconds(t, clock_monotonic_ns());
	text_puts(t, " ");
	put_seconds(t, s.idle_ns);
	text_puts(t, "\n");
	return 0;
}

int proc_loadavg_show(struct text *t, const struct proc_node *n)
{
	struct cpustat s;
	u32 load[3];

	cpustat_read(&s);
	load_averages(load);
	for (u32 i = 0; i < 3; i++) {
		u32 rounded = load[i] + LOAD_ONE / 200;

		text_printf(t, "%u.%02u ", rounded >> LOAD_SHIFT,
			(rounded & (LOAD_ONE - 1)) * 100 >> LOAD_SHIFT);
	}
	text_printf(t, "%u/%u %u\n", sched_nr_running(), nr_threads, s.last_pid);
	return 0;
}

/* user nice system idle iowait irq softirq steal guest guest_nice */
static void put_cpu_times(struct text *t, const char *name, const struct cpustat *s)
{
	text_printf(t, "%s %llu 0 %llu %llu 0 0 0 0 0 0\n", name, s->user_ns / CENTISECOND_NS,
		s->system_ns / CENTISECOND_NS, s->idle_ns / CENTISECOND_NS);
}

static u32 count_blocked(void)
{
	u32 flags = spin_lock_irqsave(&process_lock), n = 0;
	const struct process *p;
	const struct task *t;

	list_for_each_entry (p, &process_list, all)
		list_for_each_entry (t, &p->threads, sibling)
			n += t->thread.state == T_UNINTERRUPTIBLE;
	spin_unlock_irqrestore(&process_lock, flags);
	return n;
}

static void put_interrupts(struct text *t, const struct cpustat *s)
{
	u64 sum = s->local_timer;

	for (u32 i = 0; i < CPUSTAT_IRQS; i++)
		sum += s->irqs[i];
	text_printf(t, "intr %llu", sum);
	for (u32 i = 0; i < CPUSTAT_IRQS; i++)
		text_printf(t, " %llu", s->irqs[i]);
	text_puts(t, "\n");
}

int proc_stat_show(struct text *t, const struct proc_node *n)
{
	u64 boot_ns = clock_realtime_ns() - clock_monotonic_ns();
	struct cpustat s;

	cpustat_read(&s);
	put_cpu_times(t, "cpu ", &s);
	put_cpu_times(t, "cpu0", &s);
	put_interrupts(t, &s);
	text_printf(t, "ctxt %llu\nbtime %llu\nprocesses %u\n", sched_nr_switches(),
		boot_ns / NSEC_PER_SEC, s.forks);
	text_printf(t, "procs_running %u\nprocs_blocked %u\n", sched_nr_running(), count_blocked());
	text_puts(t, "softirq 0 0 0 0 0 0 0 0 0 0 0\n");
	return 0;
}

/* --- The machine --- */

/* The bits of CPUID.1:EDX; NULL: reserved. */
static const char *const edx_names[32] = {"fpu", "vme", "de", "pse", "tsc", "msr", "pae", "mce",
	"cx8", "apic", NULL, "sep", "mtrr", "pge", "mca", "cmov", "pat", "pse36", "pn", "clflush",
	NULL, "dts", "acpi", "mmx", "fxsr", "sse", "sse2", "ss", "ht", "tm", "ia64", "pbe"};

static void put_cpu_flags(struct text *t, const struct cpu_features *f)
{
	const struct {
		bool on;
		const char *name;
	} others[] = {
		{f->nx, "nx"},
		{f->rdrand, "rdrand"},
		{f->smep, "smep"},
		{f->invpcid, "invpcid"},
		{f->smap, "smap"},
	};

	text_puts(t, "flags\t\t:");
	for (u32 i = 0; i < 32; i++)
		if ((f->hwcap >> i & 1) && edx_names[i])
			text_printf(t, " %s", edx_names[i]);
	for (u32 i = 0; i < ARRAY_SIZE(others); i++)
		if (others[i].on)
			text_printf(t, " %s", others[i].name);
	text_puts(t, "\n");
}

int proc_cpuinfo_show(struct text *t, const struct proc_node *n)
{
	const struct cpu_features *f = &cpu_features;
	u32 khz = clock_tsc_khz();

	text_printf(t, "processor\t: 0\nvendor_id\t: %s\ncpu family\t: %u\nmodel\t\t: %u\n",
		f->vendor, f->family, f->model_nr);
	text_printf(t, "model name\t: %s\nstepping\t: %u\n", f->model, f->stepping);
	if (khz)
		text_printf(t, "cpu MHz\t\t: %u.%03u\n", khz / 1000, khz % 1000);
	if (f->l2_kib) /* garbage collectors size their nurseries by it */
		text_printf(t, "cache size\t: %u KB\n", f->l2_kib);
	text_puts(t, "fdiv_bug\t: no\nf00f_bug\t: no\ncoma_bug\t: no\nfpu\t\t: yes\n"
		     "fpu_exception\t: yes\nwp\t\t: yes\n");
	put_cpu_flags(t, f);
	text_printf(t, "bugs\t\t:\nbogomips\t: %u.%02u\n", khz / 500, khz / 5 % 100);
	text_puts(t, "power management:\n\n");
	return 0;
}

static const struct {
	u32 line;
	const char *name;
} irq_names[] = {{0, "timer"}, {1, "i8042"}, {2, "cascade"}, {4, "ttyS0"}};

int proc_interrupts_show(struct text *t, const struct proc_node *n)
{
	struct cpustat s;

	cpustat_read(&s);
	text_puts(t, "           CPU0       \n");
	for (u32 i = 0; i < ARRAY_SIZE(irq_names); i++)
		text_printf(t, "%3u: %10llu    XT-PIC      %s\n", irq_names[i].line,
			s.irqs[irq_names[i].line], irq_names[i].name);
	text_printf(t, "LOC: %10llu   Local timer interrupts\nERR: %10u\n", s.local_timer, irq_spurious);
	return 0;
}

/* By major number, as kernel/fs/devfs.c has them. */
int proc_devices_show(struct text *t, const struct proc_node *n)
{
	text_puts(t, "Character devices:\n  1 mem\n  4 tty\n  4 ttyS\n  5 /dev/tty\n"
		     "  5 /dev/console\n\nBlock devices:\n");
	return 0;
}

int proc_modules_show(struct text *t, const struct proc_node *n)
{
	return 0;
}

/* --- The kernel --- */

int proc_version_show(struct text *t, const struct proc_node *n)
{
	text_printf(t, "%s version %s (tessera) (gcc " __VERSION__ ") %s\n", utsname.sysname,
		utsname.release, utsname.version);
	return 0;
}

int proc_boot_cmdline_show(struct text *t, const struct proc_node *n)
{
	text_printf(t, "%s\n", bootinfo.cmdline);
	return 0;
}

/* --- System V IPC --- */

int proc_msg_show(struct text *t, const struct proc_node *n)
{
	msg_show(t);
	return 0;
}

int proc_sem_show(struct text *t, const struct proc_node *n)
{
	sem_show(t);
	return 0;
}

int proc_shm_show(struct text *t, const struct proc_node *n)
{
	shm_show(t);
	return 0;
}

/* --- File systems --- */

int proc_filesystems_show(struct text *t, const struct proc_node *n)
{
	filesystems_show(t);
	return 0;
}

int proc_mounts_show(struct text *t, const struct proc_node *n)
{
	mounts_show(t);
	return 0;
}

static void put_mount(struct text *t, const struct mount *m, const char *root, const char *where)
{
	const struct super *s = m->super;

	text_printf(t, "%u %u %u:%u ", m->id, m->parent ? m->parent->id : m->id, DEV_MAJOR(s->dev),
		DEV_MINOR(s->dev));
	text_puts_escaped(t, root);
	text_puts(t, " ");
	text_puts_escaped(t, where);
	text_puts(t, m->flags & MS_RDONLY ? " ro" : " rw");
	mount_show_flags(t, m);
	if (m->flags & MS_UNBINDABLE)
		text_puts(t, " unbindable");
	text_printf(t, " - %s ", s->type->name);
	text_puts_escaped(t, m->source);
	text_puts(t, s->flags & MS_RDONLY ? " ro" : " rw");
	super_show_options(t, s);
	text_puts(t, "\n");
}

/* What the reader's root does not reach is left out. */
static void put_mounts(struct text *t, struct path root, char *space)
{
	struct mount *m;

	mutex_lock(&namespace_lock);
	list_for_each_entry (m, &mount_list, link) {
		const char *top = dentry_text(m->root, space, ABI_PATH_MAX);
		const char *where = mount_text(m, root, space + ABI_PATH_MAX, ABI_PATH_MAX);

		if (where && !mount_is_hidden(m))
			put_mount(t, m, top, where);
	}
	mutex_unlock(&namespace_lock);
}

int proc_mountinfo_show(struct text *t, const struct proc_node *n)
{
	char *space = kmalloc(2 * ABI_PATH_MAX);
	struct path root;

	if (!space)
		return -ENOMEM;
	root = current_root();
	put_mounts(t, root, space);
	path_put(root);
	kfree(space);
	return 0;
}
