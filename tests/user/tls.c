/* Thread-local storage: set_thread_area's three entries, and segments loaded with them. */
#include "tests/user/test.h"
#include <asm/ldt.h>

static int block[1024] __attribute__((aligned(4096)));

static struct user_desc descriptor(int entry)
{
	return (struct user_desc){.entry_number = entry,
		.base_addr = (unsigned)block,
		.limit = 0xfffff,
		.seg_32bit = 1,
		.limit_in_pages = 1,
		.useable = 1};
}

static struct user_desc empty(int entry)
{
	return (struct user_desc){.entry_number = entry, .read_exec_only = 1, .seg_not_present = 1};
}

static long set(struct user_desc *d)
{
	return syscall(SYS_set_thread_area, d);
}

static long get(struct user_desc *d)
{
	return syscall(SYS_get_thread_area, d);
}

static void show(const char *name, const struct user_desc *d)
{
	say(name, "entry %u base %s limit %#x bits %u%u%u%u%u contents %u", d->entry_number,
		d->base_addr == (unsigned)block ? "right"
		: d->base_addr			? "other"
						: "0",
		d->limit, d->seg_32bit, d->read_exec_only, d->limit_in_pages, d->seg_not_present,
		d->useable, d->contents);
}

static int read_fs(unsigned selector, unsigned offset)
{
	int value;

	asm volatile("movw %%fs, %%dx\n"
		     "movw %w1, %%fs\n"
		     "movl %%fs:(%2), %0\n"
		     "movw %%dx, %%fs"
		     : "=&r"(value)
		     : "r"(selector), "r"(offset)
		     : "edx", "memory");
	return value;
}

/* The library took the first entry when it started. */
static void picking(void)
{
	struct user_desc d = {.entry_number = 6};
	unsigned gs;

	asm("movw %%gs, %w0" : "=r"(gs));
	say("start.gs", "%#x", gs & 0xffff);
	answer("start.get_6", get(&d));
	say("start.entry_6", "%s, limit %#x", d.base_addr ? "set" : "empty", d.limit);
	d.entry_number = 7;
	answer("start.get_7", get(&d));
	show("start.entry_7", &d);
	for (int i = 0; i < 3; i++) {
		d = descriptor(-1);
		answer("pick", set(&d));
		say("pick.entry", "%d", d.entry_number);
	}
	d = descriptor(7);
	answer("set.again", set(&d));
	answer("get", get(&d));
	show("get.entry_7", &d);
}

static void clearing(void)
{
	struct user_desc d = empty(7);

	answer("clear", set(&d));
	d = descriptor(-1);
	answer("clear.picked_again", set(&d));
	say("clear.entry", "%d", d.entry_number);
	d = (struct user_desc){.entry_number = 7};
	answer("clear.all_zero", set(&d));
	get(&d);
	show("clear.all_zero_entry", &d);
	d = descriptor(7);
	set(&d);
}

static void errors(void)
{
	struct user_desc d = descriptor(5);

	answer("error.below", set(&d));
	d = descriptor(9);
	answer("error.above", set(&d));
	d = descriptor(-2);
	answer("error.minus_2", set(&d));
	answer("error.efault", set((struct user_desc *)KERNEL));
	answer("error.get_efault", get((struct user_desc *)KERNEL));
	d = descriptor(9);
	answer("error.get_above", get(&d));
	d = descriptor(-1);
	answer("error.get_any", get(&d));
	d = descriptor(7);
	d.seg_32bit = 0;
	answer("error.sixteen_bits", set(&d));
	d = descriptor(7);
	d.contents = 2;
	answer("error.code", set(&d));
	d = descriptor(7);
	d.contents = 1;
	answer("error.grows_down", set(&d));
	d = descriptor(7);
	d.seg_not_present = 1;
	answer("error.not_present", set(&d));
}

static void do_read_fs(volatile char *offset)
{
	block[0] = read_fs(7 << 3 | 3, (uintptr_t)offset);
}

static void access_through(void)
{
	struct user_desc d = descriptor(7);

	set(&d);
	block[0] = 1234;
	block[1023] = 4321;
	say("segment.read", "%d %d", read_fs(7 << 3 | 3, 0), read_fs(7 << 3 | 3, 4092));
	asm volatile("movw %w0, %%fs" : : "r"(0));
	d = empty(7);
	set(&d);
	if (!survives(do_read_fs, NULL))
		say("segment.empty", "%s code %d error %#lx", signal_name(last_fault.signal),
			last_fault.code, last_fault.error);
}

/* The segment registers and the entries belong to the process, over every switch. */
static void switching(void)
{
	struct user_desc d = descriptor(7);
	int status, bad = 0;
	pid_t pid;

	set(&d);
	asm volatile("movw %w0, %%fs" : : "r"(7 << 3 | 3));
	block[5] = 1;
	pid = fork();
	block[5] = pid ? 1 : 2;
	for (int i = 0; i < 300; i++) {
		int value;

		asm volatile("movl %%fs:20, %0" : "=r"(value));
		bad += value != block[5];
		syscall(SYS_sched_yield);
	}
	if (pid == 0)
		_exit(bad != 0);
	waitpid(pid, &status, 0);
	say("switch.parent", "%d", bad);
	answer_status("switch.child", status);
	asm volatile("movw %w0, %%fs" : : "r"(0));
}

/* What FS holds is looked up again when the entry that it names changes. */
static void reloading(void)
{
	struct user_desc d = descriptor(7), none = empty(7);
	int value;
	unsigned fs;

	block[0] = 1;
	block[1] = 2;
	set(&d);
	d.base_addr += sizeof(int);
	asm volatile("movw %w0, %%fs" : : "r"(7 << 3 | 3));
	set(&d);
	asm volatile("movl %%fs:0, %0" : "=r"(value));
	say("reload.moved", "%d", value);
	set(&none);
	asm volatile("movw %%fs, %w0" : "=r"(fs));
	say("reload.cleared", "%#x", fs & 0xffff);
}

static void after_exec(void)
{
	char *argv[] = {"x", "fresh", NULL};
	struct user_desc d = descriptor(8);

	set(&d);
	asm volatile("movw %w0, %%fs" : : "r"(8 << 3 | 3));
	execve("/proc/self/exe", argv, argv + 2);
	_exit(1);
}

static __thread int counter = 5;

int main(int argc, char **argv)
{
	unsigned fs;

	if (argc > 1) {
		asm("movw %%fs, %w0" : "=r"(fs));
		say("exec.fs", "%#x", fs & 0xffff);
		picking();
		return test_failed;
	}
	counter++;
	say("library", "%d", counter);
	picking();
	clearing();
	errors();
	access_through();
	switching();
	reloading();
	answer_status("exec", in_child(after_exec));
	return test_failed;
}
