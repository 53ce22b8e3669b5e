/* procfs: numbers and names as it reads them, the text of address spaces made by hand, every file
 * of a mounted one, and a process seen from outside while it lives and when it is gone. */
#include "kernel/core/cpustat.h"
#include "kernel/core/selftest.h"
#include "kernel/fs/kpath.h"
#include "kernel/fs/path.h"
#include "kernel/lib/fmt.h"
#include "kernel/lib/string.h"
#include "kernel/proc/process.h"
#include "kernel/procfs/procfs_impl.h"
#include "kernel/x86/trap.h"
#include "mm/anon.h"
#include "mm/commit.h"
#include "mm/page_alloc.h"
#include "tests/kernel/program.h"
#include "tests/kernel/space.h"

#define DIR  "/proctest"
#define BASE 0x10000000u

static char buffer[4 * PAGE_SIZE];

/* --- Numbers --- */

static s64 parsed(const char *s)
{
	s64 v;

	return proc_parse_long(&s, -100, 100, &v) ? -1000 : v;
}

KTEST(procfs, numbers)
{
	KEXPECT_EQ(parsed("7"), 7);
	KEXPECT_EQ(parsed(" \t-7\n"), -7);
	KEXPECT_EQ(parsed("0x1f rest"), 0x1f);
	KEXPECT_EQ(parsed("017"), 017);
	KEXPECT_EQ(parsed("0"), 0);
	KEXPECT_EQ(parsed("100"), 100);
	KEXPECT_EQ(parsed("101"), -1000);
	KEXPECT_EQ(parsed("-101"), -1000);
	KEXPECT_EQ(parsed(""), -1000);
	KEXPECT_EQ(parsed("-"), -1000);
	KEXPECT_EQ(parsed("+7"), -1000);
	KEXPECT_EQ(parsed("7x"), -1000);
	KEXPECT_EQ(parsed("09"), -1000);
	KEXPECT_EQ(parsed("99999999999999999999"), -1000);
}

KTEST(procfs, numbered_names)
{
	u32 n;

	KEXPECT(proc_parse_name("0", 1, &n) && n == 0);
	KEXPECT(proc_parse_name("123", 3, &n) && n == 123);
	KEXPECT(proc_parse_name("1234", 2, &n) && n == 12);
	KEXPECT(!proc_parse_name("", 0, &n));
	KEXPECT(!proc_parse_name("01", 2, &n));
	KEXPECT(!proc_parse_name("1a", 2, &n));
	KEXPECT(!proc_parse_name("-1", 2, &n));
	KEXPECT(!proc_parse_name("4294967297", 10, &n));
}

KTEST(procfs, load_average)
{
	u32 load = 0;

	for (u32 i = 0; i < 12; i++) /* a minute, at 1884 / 2048 each 5 seconds */
		load = load_step(load, 1884, 1);
	KEXPECT(load > LOAD_ONE * 62 / 100 && load < LOAD_ONE * 64 / 100);
	for (u32 i = 0; i < 200; i++)
		load = load_step(load, 1884, 1);
	KEXPECT_EQ(load, LOAD_ONE);
	for (u32 i = 0; i < 200; i++)
		load = load_step(load, 1884, 0);
	KEXPECT_EQ(load, 0);
}

/* --- Address spaces --- */

static void write_page(struct mm *mm, vaddr_t addr)
{
	KEXPECT_EQ(mm_access(mm, addr, "x", 1, true, false), 1);
}

static bool text_is(const struct text *t, const char *expected)
{
	size_t n = strlen(expected);

	return !t->error && t->len == n && memcmp(t->buf, expected, n) == 0;
}

KTEST(procfs, maps_lines)
{
	struct mm *mm = mm_create();
	struct text t = {0};
	u32 cursor = 0;

	KREQUIRE(mm);
	KEXPECT_EQ(map_anon(mm, BASE, 1, VM_READ | VM_EXEC | VM_MAYREAD | VM_MAYEXEC), BASE);
	KEXPECT_EQ(map_anon(mm, BASE + 2 * PAGE_SIZE, 2, RW), BASE + 2 * PAGE_SIZE);
	KEXPECT_EQ(map_anon(mm, BASE + 8 * PAGE_SIZE, 1, RW), BASE + 8 * PAGE_SIZE);
	KEXPECT_EQ(map_anon(mm, BASE + 10 * PAGE_SIZE, 1, VM_MAYREAD), BASE + 10 * PAGE_SIZE);
	mm->start_brk = BASE + 2 * PAGE_SIZE + 16;
	mm->brk = BASE + 3 * PAGE_SIZE + 16;
	mm->start_stack = BASE + 8 * PAGE_SIZE + 100;
	proc_maps_part(&t, mm, &cursor);
	KEXPECT_EQ(cursor, TEXT_END);
	KEXPECT(text_is(&t, "10000000-10001000 r-xp 00000000 00:00 0 \n"
			    "10002000-10004000 rw-p 00000000 00:00 0          [heap]\n"
			    "10008000-10009000 rw-p 00000000 00:00 0          [stack]\n"
			    "1000a000-1000b000 ---p 00000000 00:00 0 \n"));
	text_free(&t);
	mm_put(mm);
}

/* The number behind a label in a text of "label: number kB" lines, -1 when it is not there. */
static s32 field(const struct text *t, const char *label)
{
	const char *s, *p;
	s32 v = 0;

	if (t->error)
		return -1;
	text_put((struct text *)t, "", 1);
	s = strstr(t->buf, label);
	((struct text *)t)->len--;
	if (!s)
		return -1;
	for (p = s + strlen(label); *p == ' '; p++)
		;
	for (; *p >= '0' && *p <= '9'; p++)
		v = v * 10 + (*p - '0');
	return v;
}

KTEST(procfs, smaps_counts_pages)
{
	struct mm *mm = mm_create(), *copy;
	struct text t = {0};
	u32 cursor = 0;
	char byte;

	KREQUIRE(mm);
	KEXPECT_EQ(map_anon(mm, BASE, 8, RW), BASE);
	write_page(mm, BASE);
	write_page(mm, BASE + PAGE_SIZE);
	KEXPECT_EQ(mm_access(mm, BASE + 2 * PAGE_SIZE, &byte, 1, false, false), 1);
	proc_smaps_part(&t, mm, &cursor);
	KEXPECT_EQ(field(&t, "\nSize:"), 32);
	KEXPECT_EQ(field(&t, "\nRss:"), 8); /* the zero page does not count */
	KEXPECT_EQ(field(&t, "\nPrivate_Dirty:"), 8);
	KEXPECT_EQ(field(&t, "\nAnonymous:"), 8);
	text_free(&t);

	copy = mm_fork(mm);
	KEXPECT(copy);
	if (copy) {
		cursor = 0;
		proc_smaps_part(&t, mm, &cursor);
		KEXPECT_EQ(field(&t, "\nRss:"), 8);
		KEXPECT_EQ(field(&t, "\nPss:"), 4);
		KEXPECT_EQ(field(&t, "\nShared_Dirty:"), 8);
		KEXPECT_EQ(field(&t, "\nPrivate_Dirty:"), 0);
		text_free(&t);
		mm_put(copy);
	}
	mm_put(mm);
}

/* --- The fsck --- */

KTEST(procfs, mm_check_tells)
{
	struct text t = {0};

	KEXPECT_EQ(proc_mm_check_show(&t, NULL), 0);
	KEXPECT_EQ(field(&t, "findings:"), 0);
	KEXPECT(field(&t, "frames:") > 0);
	text_free(&t);
	zero_page->mapcount++;
	KEXPECT_EQ(proc_mm_check_show(&t, NULL), 0);
	zero_page->mapcount--;
	KEXPECT(field(&t, "findings:") > 0);
	KEXPECT(strstr(t.buf, "mapcount 1, 0 entries map it"));
	text_free(&t);
}

KTEST(procfs, mm_check_counts_cached_pages)
{
	struct object o;
	struct map_request r = {.addr = BASE,
		.len = PAGE_SIZE,
		.vm_flags = RW,
		.how = MM_FIXED,
		.object = &o};
	struct mm *mm = mm_create();
	struct text t = {0};

	KREQUIRE(mm);
	object_init(&o, NULL);
	KEXPECT_EQ(map(mm, &r), BASE);
	o.nr_pages++;
	KEXPECT_EQ(proc_mm_check_show(&t, NULL), 0);
	o.nr_pages--;
	KEXPECT_EQ(field(&t, "findings:"), 1);
	KEXPECT(strstr(t.buf, "0 pages cached, count says 1"));
	text_free(&t);
	mm_put(mm);
}

/* --- Words --- */

static int fill_numbers(void *ctx, u32 first, u32 n, u64 *out)
{
	for (u32 i = 0; i < n; i++)
		out[i] = first + i;
	return 0;
}

static ssize_k read_words(u32 total, size_t n, u64 *pos)
{
	const struct proc_words words = {.total = total, .fill = fill_numbers};
	struct iobuf to = iobuf_kernel(buffer);

	return proc_words_read(&words, &to, n, pos);
}

KTEST(procfs, files_of_words)
{
	const u64 *v = (const u64 *)buffer;
	u64 pos = 8;

	KEXPECT_EQ(read_words(2000, 24, &pos), 24);
	KEXPECT_EQ(pos, 32);
	KEXPECT(v[0] == 1 && v[2] == 3);
	KEXPECT_EQ(read_words(2000, 12, &pos), -EINVAL);
	pos = 4;
	KEXPECT_EQ(read_words(2000, 8, &pos), -EINVAL);
	pos = 0;
	KEXPECT_EQ(read_words(2000, 0, &pos), 0);
	KEXPECT_EQ(read_words(2000, sizeof(buffer), &pos), 2000 * 8);
	KEXPECT(v[511] == 511 && v[512] == 512 && v[1999] == 1999);
	KEXPECT_EQ(read_words(2000, 8, &pos), 0);
	pos = 1ull << 40;
	KEXPECT_EQ(read_words(2000, 8, &pos), 0);
}

KTEST(procfs, page_flags)
{
	struct page *p = page_alloc(GFP_KERNEL, PK_PGTABLE);

	KREQUIRE(p);
	KEXPECT_EQ(proc_kpageflags(page_pfn(p)), 1ull << 26);
	page_free(p);
	KEXPECT(proc_kpageflags(page_pfn(zero_page)) & 1ull << 24);
	KEXPECT(proc_kpageflags(PFN(0)) & 1ull << 32);
}

/* --- A mounted one --- */

static bool begin(void)
{
	struct path on;

	if (kpath_create(DIR, S_IFDIR | 0755, 0, NULL, NULL) ||
		path_lookup(AT_FDCWD, DIR, LOOKUP_FOLLOW, &on))
		return false;
	int err = mount_create("proc", "proc", on, 0, NULL);
	path_put(on);
	return err == 0;
}

static void end(void)
{
	struct path p;

	KREQUIRE(path_lookup(AT_FDCWD, DIR, LOOKUP_FOLLOW, &p) == 0);
	KEXPECT_EQ(mount_remove(p, false), 0);
	KEXPECT_EQ(kpath_remove(DIR), 0);
}

static struct file *open_at(const char *dir, const char *name, u32 flags)
{
	char path[128];

	snprintf(path, sizeof(path), "%s%s%s", dir, *name ? "/" : "", name);
	return file_open(path, flags, 0);
}

/* The whole file into `buffer`, terminated. Its length, or a negative errno. */
static ssize_k read_at(const char *dir, const char *name)
{
	struct file *f = open_at(dir, name, O_RDONLY);
	size_t done = 0;
	ssize_k part;

	if (is_err(f))
		return ptr_err(f);
	do {
		part = file_pread(f, buffer + done, MIN(sizeof(buffer) - 1 - done, 777u), done);
		done += part > 0 ? (size_t)part : 0;
	} while (part > 0 && done < sizeof(buffer) - 1);
	buffer[done] = '\0';
	file_put(f);
	return part < 0 ? part : (ssize_k)done;
}

static ssize_k write_at(const char *name, const char *s)
{
	struct file *f = open_at(DIR, name, O_WRONLY);
	struct iobuf from = iobuf_kernel((void *)(uintptr_t)s);
	ssize_k done;

	if (is_err(f))
		return ptr_err(f);
	done = file_write(f, &from, strlen(s), NULL);
	file_put(f);
	return done;
}

/* Collects the names of a directory, three entries a call. */
struct listing {
	struct dir_context c; /* first */
	u32 room;
	struct text names; /* each behind a blank */
	u32 count;
};

static bool collect(struct dir_context *c, const char *name, u32 len, u32 ino, u32 type, u64 next)
{
	struct listing *l = (struct listing *)c;

	if (l->room == 0)
		return false;
	l->room--;
	l->count++;
	KEXPECT(ino != 0);
	text_puts(&l->names, " ");
	text_put(&l->names, name, len);
	return true;
}

static void list(const char *dir, const char *name, struct listing *l)
{
	struct file *f = open_at(dir, name, O_RDONLY | O_DIRECTORY);
	u64 before;

	*l = (struct listing){.c.emit = collect};
	KREQUIRE(!is_err(f));
	do {
		before = l->c.pos;
		l->room = 3;
		KEXPECT_EQ(f->ops->readdir(f, l), 0);
	} while (l->c.pos != before);
	text_put(&l->names, "", 1);
	file_put(f);
}

KTEST(procfs, system_files)
{
	static const char *const names[] = {"buddyinfo", "cmdline", "cpuinfo", "devices",
		"filesystems", "interrupts", "iomem", "loadavg", "meminfo", "pagetypeinfo",
		"slabinfo", "stat", "swaps", "uptime", "version", "vmstat", "zoneinfo",
		"sys/vm/max_map_count", "sys/kernel/osrelease", "sys/fs/file-nr",
		"sys/kernel/random/boot_id"};

	KREQUIRE(begin());
	for (u32 i = 0; i < ARRAY_SIZE(names); i++) {
		ssize_k n = read_at(DIR, names[i]);

		if (n <= 0)
			ktest_fail(__FILE__, __LINE__, "%s: %d", names[i], (int)n);
		else if (buffer[n - 1] != '\n')
			ktest_fail(__FILE__, __LINE__, "%s ends inside a line", names[i]);
	}
	KEXPECT_EQ(read_at(DIR, "modules"), 0);
	KEXPECT(read_at(DIR, "vmallocinfo") >= 0);
	KEXPECT_EQ(read_at(DIR, "nothing"), -ENOENT);
	KEXPECT_EQ(read_at(DIR, "00001"), -ENOENT);
	KEXPECT_EQ(write_at("version", "x"), -EIO);
	end();
}

KTEST(procfs, meminfo_numbers)
{
	struct text t = {0};

	proc_meminfo_show(&t, NULL);
	KEXPECT_EQ(field(&t, "MemTotal:"), page_alloc_total() * 4);
	KEXPECT(field(&t, "MemFree:") > 0 && field(&t, "MemFree:") <= field(&t, "MemTotal:"));
	KEXPECT(field(&t, "MemAvailable:") <= field(&t, "MemFree:"));
	KEXPECT_EQ(field(&t, "LowTotal:") + field(&t, "HighTotal:"), field(&t, "MemTotal:"));
	KEXPECT_EQ(field(&t, "Committed_AS:"), commit_total() * 4);
	KEXPECT(field(&t, "DirectMap2M:") > 0);
	text_free(&t);
}

KTEST(procfs, settings)
{
	u32 memory = overcommit_memory, ratio = overcommit_ratio;

	KREQUIRE(begin());
	KEXPECT_EQ(write_at("sys/vm/overcommit_memory", "1\n"), 2);
	KEXPECT_EQ(overcommit_memory, OVERCOMMIT_ALWAYS);
	KEXPECT_EQ(read_at(DIR, "sys/vm/overcommit_memory"), 2);
	KEXPECT(strcmp(buffer, "1\n") == 0);
	KEXPECT_EQ(write_at("sys/vm/overcommit_memory", "3"), -EINVAL);
	KEXPECT_EQ(write_at("sys/vm/overcommit_memory", " "), -EINVAL);
	KEXPECT_EQ(write_at("sys/vm/overcommit_memory", "0 more"), 2);
	KEXPECT_EQ(overcommit_memory, OVERCOMMIT_GUESS);
	KEXPECT_EQ(write_at("sys/vm/overcommit_kbytes", "4096"), 4);
	KEXPECT_EQ(overcommit_ratio, 0);
	KEXPECT_EQ(write_at("sys/vm/overcommit_ratio", "50"), 2);
	KEXPECT_EQ(overcommit_kbytes, 0);
	/* Root has no way around these modes. */
	KEXPECT_EQ(write_at("sys/kernel/osrelease", "7"), -EACCES);
	KEXPECT_EQ(read_at(DIR, "sys/vm/drop_caches"), -EACCES);
	KEXPECT_EQ(write_at("sys/vm/drop_caches", "3"), 1);
	overcommit_memory = memory;
	overcommit_ratio = ratio;
	end();
}

KTEST(procfs, listing_of_settings)
{
	struct listing l;

	KREQUIRE(begin());
	list(DIR, "sys", &l);
	KEXPECT(strcmp(l.names.buf, " . .. fs kernel net vm") == 0);
	text_free(&l.names);
	end();
}

/* --- A process --- */

/* pause() for ever */
PROGRAM(sleeper, "1: movl $29, %eax; int $0x80; jmp 1b");

static const char *const sleeper_argv[] = {PROGRAM_PATH, "one", "two words", NULL};
static const char *const sleeper_envp[] = {"A=1", "B=2", NULL};

static struct process *start_sleeper(char *dir, size_t size)
{
	static struct program g;
	static struct spawn s = {.path = PROGRAM_PATH, .argv = sleeper_argv, .envp = sleeper_envp};
	struct process *p;

	program_make(&g, sleeper_code, sleeper_end);
	if (!program_write(PROGRAM_PATH, &g, sizeof(g)) || process_spawn(&s, &p) < 0)
		return NULL;
	snprintf(dir, size, DIR "/%u", p->pid);
	for (u32 i = 0; i < 1000; i++) {
		struct task *t = list_first_entry(&p->threads, struct task, sibling);

		if (p->execs && t->thread.state == T_INTERRUPTIBLE)
			return p;
		yield();
	}
	return p;
}

static void expect_text(const char *dir, const char *name, const char *expected, size_t n)
{
	KEXPECT_EQ(read_at(dir, name), n);
	if (memcmp(buffer, expected, n) != 0)
		ktest_fail(__FILE__, __LINE__, "%s: %s", name, buffer);
}

static void expect_holds(const char *dir, const char *name, const char *part)
{
	KEXPECT(read_at(dir, name) > 0);
	if (!strstr(buffer, part))
		ktest_fail(__FILE__, __LINE__, "%s: no \"%s\" in %s", name, part, buffer);
}

static void check_strings(const char *dir)
{
	static const char args[] = PROGRAM_PATH "\0one\0two words";
	static const char env[] = "A=1\0B=2";

	expect_text(dir, "cmdline", args, sizeof(args));
	expect_text(dir, "environ", env, sizeof(env));
	expect_text(dir, "comm", "program.test\n", 13);
	KEXPECT_EQ(read_at(dir, "task"), -EISDIR);
}

static void check_memory(const char *dir)
{
	const struct elf32_ehdr *h = (const struct elf32_ehdr *)buffer;
	struct file *f = open_at(dir, "mem", O_RDONLY);

	expect_holds(dir, "maps", "08048000-08049000 r-xp 00000000 ");
	expect_holds(dir, "maps", " " PROGRAM_PATH "\n");
	expect_holds(dir, "maps", "[stack]\n");
	expect_holds(dir, "smaps_rollup", "[rollup]\n");
	expect_holds(dir, "status", "State:\tS (sleeping)\n");
	KREQUIRE(!is_err(f));
	KEXPECT_EQ(file_pread(f, buffer, sizeof(*h), PROGRAM_BASE), sizeof(*h));
	KEXPECT_EQ(h->magic, ELF_MAGIC);
	KEXPECT_EQ(file_pread(f, buffer, 16, 0x1000), -EIO);
	KEXPECT_EQ(file_pread(f, buffer, 16, KERNEL_BASE), -EIO);
	KEXPECT_EQ(file_pread(f, buffer, 100, USER_TOP - 10), 10);
	file_put(f);
}

/* Fields of a line, which are separated by blanks. */
static u32 count_fields(const char *s)
{
	u32 n = 1;

	for (; *s; s++)
		n += *s == ' ';
	return n;
}

static void check_numbers(const char *dir, u32 pid)
{
	char start[64];

	KEXPECT(read_at(dir, "stat") > 0);
	KEXPECT_EQ(count_fields(buffer), 52);
	snprintf(start, sizeof(start), "%u (program.test) S 0 %u %u ", pid, pid, pid);
	KEXPECT(strncmp(buffer, start, strlen(start)) == 0);
	KEXPECT(read_at(dir, "statm") > 0);
	KEXPECT_EQ(count_fields(buffer), 7);
	expect_text(dir, "oom_score_adj", "0\n", 2);
	expect_holds(dir, "limits", "Max open files            1024 ");
}

static void check_links(const char *dir)
{
	struct path p, program;
	struct inode *link;
	char path[64];

	KREQUIRE(path_lookup(AT_FDCWD, PROGRAM_PATH, LOOKUP_FOLLOW, &program) == 0);
	snprintf(path, sizeof(path), "%s/exe", dir);
	KEXPECT_EQ(path_lookup(AT_FDCWD, path, LOOKUP_FOLLOW, &p), 0);
	KEXPECT(path_equal(p, program));
	path_put(p);
	KEXPECT_EQ(path_lookup(AT_FDCWD, path, 0, &p), 0);
	KEXPECT(!path_equal(p, program));
	link = p.dentry->inode;
	KEXPECT_EQ(link->ops->readlink(link, buffer, sizeof(buffer)), sizeof(PROGRAM_PATH) - 1);
	path_put(p);
	path_put(program);
}

KTEST(procfs, process)
{
	struct listing l;
	struct process *p;
	char dir[32], number[16];

	KREQUIRE(begin());
	p = start_sleeper(dir, sizeof(dir));
	KREQUIRE(p);
	check_strings(dir);
	check_memory(dir);
	check_numbers(dir, p->pid);
	check_links(dir);
	list(dir, "task", &l);
	snprintf(number, sizeof(number), " . .. %u", p->pid);
	KEXPECT(strcmp(l.names.buf, number) == 0);
	text_free(&l.names);
	signal_send_process(p, SIGKILL, NULL);
	KEXPECT_EQ(process_collect(p), SIGKILL);
	program_remove(PROGRAM_PATH);
	end();
}

/* Files that were opened while the process lived do not outlive it. */
KTEST(procfs, process_gone)
{
	struct process *p;
	struct file *stat, *maps, *folder;
	struct listing l = {.c.emit = collect, .room = 9};
	char dir[32];

	KREQUIRE(begin());
	p = start_sleeper(dir, sizeof(dir));
	KREQUIRE(p);
	stat = open_at(dir, "stat", O_RDONLY);
	maps = open_at(dir, "maps", O_RDONLY);
	folder = open_at(dir, "", O_RDONLY | O_DIRECTORY);
	KREQUIRE(!is_err(stat) && !is_err(maps) && !is_err(folder));
	signal_send_process(p, SIGKILL, NULL);
	KEXPECT_EQ(process_collect(p), SIGKILL);
	KEXPECT_EQ(file_pread(stat, buffer, 100, 0), -ESRCH);
	KEXPECT_EQ(file_pread(maps, buffer, 100, 0), -ESRCH);
	KEXPECT_EQ(folder->ops->readdir(folder, &l), -ENOENT);
	KEXPECT_EQ(read_at(dir, "stat"), -ENOENT);
	file_put(stat);
	file_put(maps);
	file_put(folder);
	program_remove(PROGRAM_PATH);
	end();
}
