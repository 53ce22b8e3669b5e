/* modify_ldt(2): segments of a program's own. What is accepted, what segments do, who shares them. */
#include "tests/user/test.h"

#include <asm/ldt.h>
#include <pthread.h>
#include <sched.h>

enum { READ, WRITE_OLD, READ_DEFAULT, WRITE = 0x11 };
enum { DATA, STACK, CODE, CONFORMING };

/* The selector of an entry. */
#define SEL(entry) ((entry) << 3 | 7)

static long modify_ldt(int func, void *p, unsigned long size)
{
	return syscall(SYS_modify_ldt, func, p, size);
}

static struct user_desc desc(unsigned entry, const void *base, unsigned limit, unsigned contents)
{
	return (struct user_desc){.entry_number = entry, .base_addr = (unsigned)base,
		.limit = limit, .seg_32bit = 1, .contents = contents};
}

static void set(const char *name, struct user_desc d)
{
	answer(name, modify_ldt(WRITE, &d, sizeof(d)));
}

static void quietly(struct user_desc d)
{
	if (modify_ldt(WRITE, &d, sizeof(d)))
		die("modify_ldt");
}

/* Access rights and limit as the CPU reports them; 0 where it would not load the selector. */
static void show(const char *name, unsigned selector)
{
	unsigned rights = 0, limit = 0;

	__asm__("lar %1, %0" : "+r"(rights) : "r"(selector) : "cc");
	__asm__("lsl %1, %0" : "+r"(limit) : "r"(selector) : "cc");
	say(name, "rights %x limit %x", rights >> 8, limit);
}

/* --- Reading and what is refused --- */

static void reading(void)
{
	static unsigned char buf[70000];

	answer("read.none", modify_ldt(READ, buf, sizeof(buf)));
	memset(buf, 1, 100);
	answer("default", modify_ldt(READ_DEFAULT, buf, 100));
	check("default.zero", all_bytes((char *)buf, 40, 0) && buf[40] == 1);
	answer("default.short", modify_ldt(READ_DEFAULT, buf, 7));
	answer("default.fault", modify_ldt(READ_DEFAULT, KERNEL, 7));
	set("write", desc(1, (void *)0x12345678, 0xabcde, DATA));
	memset(buf, 1, sizeof(buf));
	answer("read", modify_ldt(READ, buf, 16));
	for (int i = 0; i < 16; i += 4)
		say("words", "%08x", *(unsigned *)(buf + i));
	answer("read.short", modify_ldt(READ, buf, 13));
	answer("read.more", modify_ldt(READ, buf, 1001));
	check("read.more.zero", all_bytes((char *)buf + 16, 985, 0) && buf[1001] == 1);
	answer("read.most", modify_ldt(READ, buf, sizeof(buf)));
	answer("read.fault", modify_ldt(READ, KERNEL, 16));
	answer("read.nothing", modify_ldt(READ, KERNEL, 0));
	answer("func", modify_ldt(3, buf, 16));
}

static void refused(void)
{
	struct user_desc d = desc(0, NULL, 10, DATA);

	answer("size", modify_ldt(WRITE, &d, sizeof(d) - 1));
	answer("fault", modify_ldt(WRITE, KERNEL, sizeof(d)));
	set("entry", desc(8192, NULL, 10, DATA));
	set("conforming", desc(0, NULL, 10, CONFORMING));
	d = desc(0, NULL, 10, CONFORMING);
	d.seg_not_present = 1;
	answer("conforming.absent", modify_ldt(WRITE, &d, sizeof(d)));
	answer("conforming.old", modify_ldt(WRITE_OLD, &d, sizeof(d)));
	answer("read.none", modify_ldt(READ, KERNEL, 0));
}

/* --- What descriptors come of it --- */

static void descriptors(void)
{
	struct user_desc d = desc(8191, NULL, 0xfffff, DATA);

	set("last", d);
	show("last", SEL(8191));
	d.limit_in_pages = 1;
	set("pages", d);
	show("pages", SEL(8191));
	d.read_exec_only = 1;
	d.useable = 1;
	set("read_only", d);
	show("read_only", SEL(8191));
	answer("old", modify_ldt(WRITE_OLD, &d, sizeof(d)));
	show("old", SEL(8191));
	d.seg_not_present = 1;
	set("absent", d);
	show("absent", SEL(8191));
	set("stack", desc(3, NULL, 1, STACK));
	show("stack", SEL(3));
	set("code", desc(3, NULL, 1, CODE));
	show("code", SEL(3));
	show("never", SEL(2));
	show("beyond", SEL(8000));
	d = (struct user_desc){.entry_number = 3, .read_exec_only = 1, .seg_not_present = 1};
	set("empty", d);
	show("empty", SEL(3));
	set("code", desc(3, NULL, 0, CODE));
	show("zero", SEL(3));
	d = desc(3, NULL, 0, CODE);
	answer("zero.old", modify_ldt(WRITE_OLD, &d, sizeof(d)));
	show("zero.old", SEL(3));
}

/* --- Using them: QEMU does not heed limits --- */

static unsigned window[4] = {111, 222, 333, 444};

static unsigned through_fs(unsigned selector, unsigned offset)
{
	unsigned value;

	__asm__ volatile("movl %1, %%fs\n\t"
			 "movl %%fs:(%2), %0"
			 : "=r"(value)
			 : "r"(selector), "r"(offset));
	return value;
}

static void read_fs(volatile char *p)
{
	through_fs(SEL(5), (unsigned)p);
}

static void write_fs(volatile char *p)
{
	__asm__ volatile("movl %0, %%fs\n\tmovl $7, %%fs:(%1)" ::"r"(SEL(5)), "r"(p) : "memory");
}

static void use_fs(const char *name, void (*body)(volatile char *), unsigned offset)
{
	static const char *const signals[] = {[SIGSEGV] = "SEGV", [SIGBUS] = "BUS"};

	if (survives(body, (char *)offset))
		say(name, "ok");
	else
		say(name, "%s code %d addr %lx trap %ld error %lx", signals[last_fault.signal],
			last_fault.code, (long)last_fault.addr, last_fault.trapno,
			last_fault.error);
}

static void data_segments(void)
{
	struct user_desc d = desc(5, window, sizeof(window) - 1, DATA);

	use_fs("no_table", read_fs, 0);
	quietly(d);
	say("through", "%u %u", through_fs(SEL(5), 4), through_fs(SEL(5), 12));
	use_fs("write", write_fs, 0);
	say("written", "%u", window[0]);
	d.seg_not_present = 1;
	quietly(d);
	use_fs("absent", read_fs, 0);
	quietly(desc(5, KERNEL, 100, DATA));
	use_fs("kernel", read_fs, 0);
}

/* A register that is loaded already has the new descriptor after the call. */
static void reloaded(void)
{
	unsigned value, fs;

	quietly(desc(5, window, 15, DATA));
	through_fs(SEL(5), 0);
	quietly(desc(5, window + 1, 11, DATA));
	__asm__ volatile("movl %%fs:0, %0" : "=r"(value));
	say("reloaded", "%u", value);
	quietly((struct user_desc){.entry_number = 5, .read_exec_only = 1, .seg_not_present = 1});
	__asm__ volatile("movl %%fs, %0" : "=r"(fs));
	say("gone", "%x", fs);
	quietly(desc(5, window, 15, DATA));
	through_fs(SEL(5), 0);
	sched_yield();
	usleep(1000);
	__asm__ volatile("movl %%fs, %0\n\tmovl %%fs:4, %1" : "=r"(fs), "=r"(value));
	say("kept", "%x %u", fs, value);
}

/* Code at another base, which makes a system call and jumps back. (QEMU's far calls and returns look
 * at the stack as the kernel would, which SMAP forbids.) */
static void code_segment(void)
{
	static const unsigned char code[] = {
		0xb8, 0x14, 0, 0, 0,	       /* mov $20 (getpid), %eax */
		0xcd, 0x80,		       /* int $0x80 */
		0xea, 0, 0, 0, 0, 0x73, 0x00, /* ljmp $0x73, $back */
	};
	char *page = mmap(NULL, PAGE, PROT_READ | PROT_WRITE | PROT_EXEC,
		MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct {
		unsigned offset;
		unsigned short selector;
	} far = {16, SEL(6)};
	long pid = 0;

	memcpy(page + 16, code, sizeof(code));
	quietly(desc(6, page, 100, CODE));
	__asm__ volatile("movl $1f, %1\n\tljmp *%2\n1:"
			 : "=&a"(pid), "=m"(*(unsigned *)(page + 24))
			 : "m"(far)
			 : "memory");
	check("called", pid == getpid());
}

static volatile int handled;

static void handler(int sig)
{
	handled = sig;
}

/* A handler runs on flat segments, and what it interrupted has its own again. */
static void interrupted(void)
{
	unsigned segments = SEL(7);
	struct user_desc d = desc(7, NULL, 0xfffff, DATA);

	signal(SIGUSR1, handler);
	d.limit_in_pages = 1;
	quietly(d);
	__asm__ volatile("movl %0, %%ds\n\t"
			 "movl %0, %%es\n\t"
			 "movl %0, %%fs\n\t"
			 "int $0x80\n\t"
			 "movl %%ds, %0\n\t"
			 "movl %%es, %%ebx\n\t"
			 "movl %%fs, %%ecx\n\t"
			 "movl %%ss, %%eax\n\t"
			 "movl %%eax, %%ds\n\t"
			 "movl %%eax, %%es\n\t"
			 "shll $16, %%ebx\n\t"
			 "orl %%ebx, %0\n\t"
			 "xorl %%ecx, %0"
			 : "+r"(segments)
			 : "a"(SYS_kill), "b"(getpid()), "c"(SIGUSR1)
			 : "memory");
	say("interrupted", "handled %d, es, ds^fs %x", handled, segments);
}

/* --- Who has them --- */

static void *in_thread(void *unused)
{
	say("thread", "%u", through_fs(SEL(5), 4));
	quietly(desc(9, window, 15, DATA));
	return NULL;
}

static void inherited(void)
{
	pthread_t thread;
	pid_t pid;

	quietly(desc(5, window, 15, DATA));
	pthread_create(&thread, NULL, in_thread, NULL);
	pthread_join(thread, NULL);
	show("from_thread", SEL(9));
	through_fs(SEL(5), 0);
	pid = fork();
	if (pid == 0) {
		say("child", "%u", through_fs(SEL(5), 8));
		quietly(desc(5, window + 1, 11, DATA));
		say("child.own", "%u", through_fs(SEL(5), 8));
		_exit(0);
	}
	waitpid(pid, NULL, 0);
	say("parent", "%u", through_fs(SEL(5), 8));
	execl("/proc/self/exe", "ldt", "exec", NULL);
	die("exec");
}

/* A selector that has gone while a thread was away is 0 when it comes back. */
static void *clear_entry(void *unused)
{
	quietly((struct user_desc){.entry_number = 5, .read_exec_only = 1, .seg_not_present = 1});
	return NULL;
}

static void taken_away(void)
{
	pthread_t thread;
	unsigned fs;

	quietly(desc(5, window, 15, DATA));
	pthread_create(&thread, NULL, clear_entry, NULL);
	through_fs(SEL(5), 0);
	pthread_join(thread, NULL);
	__asm__ volatile("movl %%fs, %0" : "=r"(fs));
	say("taken_away", "%x", fs);
}

int main(int argc, char **argv)
{
	if (argc > 1) {
		static char buf[64];

		answer("exec", modify_ldt(READ, buf, sizeof(buf)));
		return 0;
	}
	isolated("reading", reading);
	isolated("refused", refused);
	isolated("descriptors", descriptors);
	isolated("data", data_segments);
	isolated("reloaded", reloaded);
	isolated("code", code_segment);
	isolated("interrupted", interrupted);
	isolated("inherited", inherited);
	isolated("taken_away", taken_away);
	return test_failed;
}
