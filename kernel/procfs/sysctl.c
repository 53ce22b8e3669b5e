/*
 * /proc/sys: settings of the kernel. Most are numbers in a variable, some are texts; what Linux
 * lets one change and this kernel does not is there to read only.
 *
 * Root has no way around the mode bits here, as on Linux.
 */
#include "kernel/abi/prctl.h"
#include "kernel/abi/utsname.h"
#include "kernel/core/log.h"
#include "kernel/core/random.h"
#include "kernel/core/trace.h"
#include "kernel/fs/notify.h"
#include "kernel/ipc/ipc_ids.h"
#include "kernel/ipc/mqueue.h"
#include "kernel/ipc/msg.h"
#include "kernel/ipc/sem.h"
#include "kernel/ipc/shm.h"
#include "kernel/lib/fmt.h"
#include "kernel/lib/number.h"
#include "kernel/lib/string.h"
#include "kernel/net/inet.h"
#include "kernel/proc/coredump.h"
#include "kernel/proc/cred.h"
#include "kernel/proc/exec.h"
#include "kernel/proc/process.h"
#include "kernel/proc/vdso.h"
#include "kernel/procfs/procfs_impl.h"
#include "kernel/x86/layout.h"
#include "mm/allocinfo.h"
#include "mm/commit.h"
#include "mm/fault.h"
#include "mm/hugetlb.h"
#include "mm/page_alloc.h"
#include "mm/poison.h"
#include "mm/slab.h"
#include "mm/space.h"
#include "mm/userfault.h"

static bool is_space(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

static void skip_spaces(const char **s)
{
	while (is_space(**s))
		++*s;
}

int proc_parse_long(const char **s, s64 min, s64 max, s64 *out)
{
	const char *p = *s;
	bool negative;
	u64 magnitude;
	s64 v;

	skip_spaces(&p);
	negative = *p == '-';
	p += negative;
	if (!take_number(&p, 0, INT64_MAX, &magnitude) || (*p && !is_space(*p)))
		return -EINVAL;
	v = negative ? -(s64)magnitude : (s64)magnitude;
	if (v < min || v > max)
		return -EINVAL;
	*s = p;
	*out = v;
	return 0;
}

/* --- Numbers --- */

#define MAX_NUMBERS 4u

struct numbers {
	u32 *value; /* `count` of them */
	u32 count;
	s64 min, max; /* min < 0: they are signed */
	void (*written)(void); /* after a change; may be NULL */
};

static const struct numbers *numbers_of(const struct proc_node *n)
{
	return n->entry->data;
}

static int numbers_show(struct text *t, const struct proc_node *n)
{
	const struct numbers *c = numbers_of(n);

	for (u32 i = 0; i < c->count; i++)
		text_printf(t, c->min < 0 ? "%s%d" : "%s%u", i ? "\t" : "", c->value[i]);
	text_puts(t, "\n");
	return 0;
}

/* Numbers that are not given stay as they are. What follows the last one is not taken. A write that
 * does not begin at the beginning goes nowhere. */
static long numbers_store(const struct proc_node *n, char *s, size_t len, u64 pos)
{
	const struct numbers *c = numbers_of(n);
	const char *at = s;
	s64 v[MAX_NUMBERS];
	u32 got;

	if (pos)
		return (long)len;
	skip_spaces(&at);
	for (got = 0; got < c->count && *at; got++) {
		if (proc_parse_long(&at, c->min, c->max, &v[got]))
			return -EINVAL;
		skip_spaces(&at);
	}
	if (got == 0)
		return -EINVAL;
	for (u32 i = 0; i < got; i++)
		c->value[i] = (u32)v[i];
	if (c->written)
		c->written();
	return *at ? at - s : (long)len;
}

/* --- Texts --- */

static int constant_show(struct text *t, const struct proc_node *n)
{
	text_printf(t, "%s\n", (const char *)n->entry->data);
	return 0;
}

/* A field of utsname. */
static int name_show(struct text *t, const struct proc_node *n)
{
	char name[65];

	spin_lock(&utsname_lock);
	strlcpy(name, n->entry->data, sizeof(name));
	spin_unlock(&utsname_lock);
	text_printf(t, "%s\n", name);
	return 0;
}

/* Up to the first newline. */
static long name_store(const struct proc_node *n, char *s, size_t len, u64 pos)
{
	char *newline = strchr(s, '\n'), *field = (char *)n->entry->data;

	if (pos)
		return (long)len;
	if (newline)
		*newline = '\0';
	spin_lock(&utsname_lock);
	memset(field, 0, sizeof(utsname.nodename));
	strlcpy(field, s, sizeof(utsname.nodename));
	spin_unlock(&utsname_lock);
	return (long)len;
}

/* --- Permission --- */

static int sys_permission(struct inode *inode, u32 mask, u32 uid, u32 gid)
{
	u32 bits = inode->mode;

	if (uid == 0)
		bits >>= 6;
	else if (gid == 0 || cred_in_group(0))
		bits >>= 3;
	return mask & ~bits & 7 ? -EACCES : 0;
}

static const struct inode_ops sys_ops = {
	.open = proc_open,
	.permission = sys_permission,
	.refresh = proc_refresh,
	.evict = proc_evict,
};

/* The rest of a row, for each kind of setting. */
#define NUMBERS(...)                                                                               \
	.show = numbers_show, .store = numbers_store, .inode_ops = &sys_ops,                       \
	.data = &(const struct numbers)                                                            \
	{                                                                                          \
		__VA_ARGS__                                                                        \
	}
#define NAME(field)                                                                                \
	.show = name_show, .store = name_store, .inode_ops = &sys_ops, .data = utsname.field
#define CONSTANT(text) .show = constant_show, .inode_ops = &sys_ops, .data = (text)
#define TEXT(show_)    .show = (show_), .inode_ops = &sys_ops

/* --- vm --- */

/* The two ways to say how much may be committed exclude each other. */
static void ratio_written(void)
{
	overcommit_kbytes = 0;
}

static void kbytes_written(void)
{
	overcommit_ratio = 0;
}

static u32 drop_caches;

/* 1: page cache, of which nothing can be dropped, since its files have no other home. 2: kernel
 * objects. */
static void drop_caches_written(void)
{
	if (drop_caches & 2)
		(void)slab_shrink_all();
	page_alloc_drain();
}

static u32 nr_hugepages;

static int nr_hugepages_show(struct text *t, const struct proc_node *n)
{
	struct hugetlb_stat s;

	hugetlb_stat(&s);
	nr_hugepages = s.total - s.surplus;
	return numbers_show(t, n);
}

static void nr_hugepages_written(void)
{
	hugetlb_set_pool(nr_hugepages);
}

static const struct numbers nr_hugepages_numbers = {
	&nr_hugepages, 1, 0, UINT32_MAX, nr_hugepages_written};

static u32 mmap_min_addr = USER_MIN;

static void mmap_min_addr_written(void)
{
	u32 at = MIN(mmap_min_addr, USER_TOP);

	user_min = MAX(ALIGN_UP(at, PAGE_SIZE), (u32)PAGE_SIZE);
}

static void mem_profiling_written(void)
{
	trace_profile(mem_profiling);
}

static const struct proc_entry vm_rows[] = {
	{"admin_reserve_kbytes", S_IFREG | 0644,
		NUMBERS(&admin_reserve_kbytes, 1, 0, UINT32_MAX, NULL)},
	{"drop_caches", S_IFREG | 0200, NUMBERS(&drop_caches, 1, 1, 4, drop_caches_written)},
	{"hugetlb_shm_group", S_IFREG | 0644, NUMBERS(&hugetlb_shm_group, 1, 0, INT32_MAX, NULL)},
	{"max_map_count", S_IFREG | 0644, NUMBERS(&max_map_count, 1, 0, INT32_MAX, NULL)},
	{"mem_profiling", S_IFREG | 0644,
		NUMBERS(&mem_profiling, 1, 0, 1, mem_profiling_written)},
	{"memory_failure_early_kill", S_IFREG | 0644,
		NUMBERS(&memory_failure_early_kill, 1, 0, 1, NULL)},
	{"memory_failure_recovery", S_IFREG | 0644,
		NUMBERS(&memory_failure_recovery, 1, 0, 1, NULL)},
	{"min_free_kbytes", S_IFREG | 0644,
		NUMBERS(&min_free_kbytes, 1, 0, INT32_MAX, page_alloc_keep_free)},
	{"mmap_min_addr", S_IFREG | 0644,
		NUMBERS(&mmap_min_addr, 1, 0, UINT32_MAX, mmap_min_addr_written)},
	{"mmap_rnd_bits", S_IFREG | 0600, NUMBERS(&mmap_rnd_bits, 1, 8, 16, NULL)},
	{"nr_hugepages", S_IFREG | 0644, .show = nr_hugepages_show, .store = numbers_store,
		.inode_ops = &sys_ops, .data = &nr_hugepages_numbers},
	{"nr_overcommit_hugepages", S_IFREG | 0644,
		NUMBERS(&hugetlb_max_surplus, 1, 0, UINT32_MAX, NULL)},
	{"oom_dump_tasks", S_IFREG | 0644,
		NUMBERS(&oom_dump_tasks, 1, INT32_MIN, INT32_MAX, NULL)},
	{"oom_kill_allocating_task", S_IFREG | 0644,
		NUMBERS(&oom_kill_allocating_task, 1, INT32_MIN, INT32_MAX, NULL)},
	{"overcommit_kbytes", S_IFREG | 0644,
		NUMBERS(&overcommit_kbytes, 1, 0, UINT32_MAX, kbytes_written)},
	{"overcommit_memory", S_IFREG | 0644,
		NUMBERS(&overcommit_memory, 1, OVERCOMMIT_GUESS, OVERCOMMIT_NEVER, NULL)},
	{"overcommit_ratio", S_IFREG | 0644,
		NUMBERS(&overcommit_ratio, 1, 0, INT32_MAX, ratio_written)},
	{"panic_on_oom", S_IFREG | 0644, NUMBERS(&panic_on_oom, 1, 0, 2, NULL)},
	{"unprivileged_userfaultfd", S_IFREG | 0644,
		NUMBERS(&unprivileged_userfaultfd, 1, 0, 1, NULL)},
	{"user_reserve_kbytes", S_IFREG | 0644,
		NUMBERS(&user_reserve_kbytes, 1, 0, UINT32_MAX, NULL)},
	{"vdso_enabled", S_IFREG | 0644, NUMBERS(&vdso_enabled, 1, INT32_MIN, INT32_MAX, NULL)},
};

static const struct proc_dir vm_dir = {.rows = vm_rows, .nr_rows = ARRAY_SIZE(vm_rows)};

/* --- kernel --- */

static int ngroups_max_show(struct text *t, const struct proc_node *n)
{
	text_printf(t, "%u\n", NGROUPS_MAX);
	return 0;
}

static int cap_last_cap_show(struct text *t, const struct proc_node *n)
{
	text_printf(t, "%u\n", CAP_LAST);
	return 0;
}

/* Console level, a copy; of messages without one; lowest; at boot. Only the first means anything.
 */
static u32 printk_levels[4] = {7, 4, 1, 7};

static int printk_show(struct text *t, const struct proc_node *n)
{
	printk_levels[0] = log_console_level;
	return numbers_show(t, n);
}

static void printk_written(void)
{
	log_console_level = printk_levels[0];
}

static const struct numbers printk_numbers = {printk_levels, 4, 0, 15, printk_written};

/* A random identifier of RFC 4122. */
static void make_uuid(u8 id[16])
{
	random_bytes(id, 16);
	id[6] = (id[6] & 0x0f) | 0x40;
	id[8] = (id[8] & 0x3f) | 0x80;
}

static void put_uuid(struct text *t, const u8 id[16])
{
	for (u32 i = 0; i < 16; i++)
		text_printf(t, "%s%02x", i == 4 || i == 6 || i == 8 || i == 10 ? "-" : "", id[i]);
	text_puts(t, "\n");
}

static int uuid_show(struct text *t, const struct proc_node *n)
{
	u8 id[16];

	make_uuid(id);
	put_uuid(t, id);
	return 0;
}

static int boot_id_show(struct text *t, const struct proc_node *n)
{
	static struct spinlock lock = SPINLOCK_INIT("boot_id");
	static u8 id[16]; /* lock; all zeroes: not made yet, for the version is in it */

	spin_lock(&lock);
	if (!id[6])
		make_uuid(id);
	spin_unlock(&lock);
	put_uuid(t, id);
	return 0;
}

static const struct proc_entry random_rows[] = {
	{"boot_id", S_IFREG | 0444, TEXT(boot_id_show)},
	{"uuid", S_IFREG | 0444, TEXT(uuid_show)},
};

static const struct proc_dir random_dir = {
	.rows = random_rows,
	.nr_rows = ARRAY_SIZE(random_rows),
};

#define MAX_THREADS_LIMIT 0x3fffffffu /* futex words have 30 bits for a thread */

static int core_pattern_show(struct text *t, const struct proc_node *n)
{
	char pattern[CORE_PATTERN_SIZE];

	core_pattern_get(pattern);
	text_printf(t, "%s\n", pattern);
	return 0;
}

/* Up to the first newline; what is written elsewhere than at the beginning goes nowhere. */
static long core_pattern_store(const struct proc_node *n, char *s, size_t len, u64 pos)
{
	char *newline = strchr(s, '\n');
	long err;

	if (newline)
		*newline = '\0';
	err = pos || !len ? 0 : core_pattern_set(s);
	return err ? err : (long)len;
}

static const struct proc_entry kernel_rows[] = {
	{"cap_last_cap", S_IFREG | 0444, TEXT(cap_last_cap_show)},
	{"core_pattern", S_IFREG | 0644, .show = core_pattern_show, .store = core_pattern_store,
		.inode_ops = &sys_ops},
	{"core_uses_pid", S_IFREG | 0644,
		NUMBERS(&core_uses_pid, 1, INT32_MIN, INT32_MAX, NULL)},
	{"domainname", S_IFREG | 0644, NAME(domainname)},
	{"hostname", S_IFREG | 0644, NAME(nodename)},
	{"msgmax", S_IFREG | 0644, NUMBERS(&msg_max, 1, 0, INT32_MAX, NULL)},
	{"msgmnb", S_IFREG | 0644, NUMBERS(&msg_mnb, 1, 0, INT32_MAX, NULL)},
	{"msgmni", S_IFREG | 0644, NUMBERS(&msg_mni, 1, 0, IPC_IDS_MAX, NULL)},
	{"ngroups_max", S_IFREG | 0444, TEXT(ngroups_max_show)},
	{"osrelease", S_IFREG | 0444, NAME(release)},
	{"ostype", S_IFREG | 0444, NAME(sysname)},
	{"overflowgid", S_IFREG | 0644, NUMBERS(&overflow_gid, 1, 0, UINT16_MAX, NULL)},
	{"overflowuid", S_IFREG | 0644, NUMBERS(&overflow_uid, 1, 0, UINT16_MAX, NULL)},
	{"pid_max", S_IFREG | 0644, NUMBERS(&pid_max, 1, PID_RESERVED + 1, PID_MAX, NULL)},
	{"printk", S_IFREG | 0644, .show = printk_show, .store = numbers_store,
		.inode_ops = &sys_ops, .data = &printk_numbers},
	{"random", S_IFDIR | 0555, .dir = &random_dir},
	{"randomize_va_space", S_IFREG | 0644,
		NUMBERS(&randomize_va_space, 1, INT32_MIN, INT32_MAX, NULL)},
	{"sem", S_IFREG | 0644, NUMBERS(sem_limits, 4, 0, INT32_MAX, NULL)},
	{"shmall", S_IFREG | 0644, NUMBERS(&shm_all, 1, 0, UINT32_MAX, NULL)},
	{"shmmax", S_IFREG | 0644, NUMBERS(&shm_max, 1, 0, UINT32_MAX, NULL)},
	{"shmmni", S_IFREG | 0644, NUMBERS(&shm_mni, 1, 0, IPC_IDS_MAX, NULL)},
	{"tainted", S_IFREG | 0444, CONSTANT("0")},
	{"threads-max", S_IFREG | 0644, NUMBERS(&max_threads, 1, 1, MAX_THREADS_LIMIT, NULL)},
	{"version", S_IFREG | 0444, NAME(version)},
};

static const struct proc_dir kernel_dir = {
	.rows = kernel_rows,
	.nr_rows = ARRAY_SIZE(kernel_rows),
};

/* --- net --- */

static const struct numbers port_range_numbers = {inet_port_range, 2, 1, UINT16_MAX, NULL};

/* The first must not be above the last. */
static long port_range_store(const struct proc_node *n, char *s, size_t len, u64 pos)
{
	u32 first = inet_port_range[0], last = inet_port_range[1];
	long ret = numbers_store(n, s, len, pos);

	if (inet_port_range[0] <= inet_port_range[1])
		return ret;
	inet_port_range[0] = first;
	inet_port_range[1] = last;
	return -EINVAL;
}

static const struct proc_entry net_core_rows[] = {
	{"somaxconn", S_IFREG | 0644, NUMBERS(&sock_somaxconn, 1, 0, INT32_MAX, NULL)},
};

static const struct proc_dir net_core_dir = {
	.rows = net_core_rows,
	.nr_rows = ARRAY_SIZE(net_core_rows),
};

static const struct proc_entry net_ipv4_rows[] = {
	{"ip_local_port_range", S_IFREG | 0644, .show = numbers_show, .store = port_range_store,
		.inode_ops = &sys_ops, .data = &port_range_numbers},
	{"ip_unprivileged_port_start", S_IFREG | 0644,
		NUMBERS(&inet_unprivileged_port, 1, 0, UINT16_MAX, NULL)},
};

static const struct proc_dir net_ipv4_dir = {
	.rows = net_ipv4_rows,
	.nr_rows = ARRAY_SIZE(net_ipv4_rows),
};

static const struct proc_entry net_rows[] = {
	{"core", S_IFDIR | 0555, .dir = &net_core_dir},
	{"ipv4", S_IFDIR | 0555, .dir = &net_ipv4_dir},
};

static const struct proc_dir net_dir = {.rows = net_rows, .nr_rows = ARRAY_SIZE(net_rows)};

/* --- fs --- */

static int file_nr_show(struct text *t, const struct proc_node *n)
{
	text_printf(t, "%u\t0\t%u\n", file_count(), file_max);
	return 0;
}

/* So that a table of them can be one block of memory; whole words of bits. */
#define NR_OPEN_MIN 32
#define NR_OPEN_MAX ALIGN_DOWN(UINT32_MAX / sizeof(void *), 32u)

/* A pipe has a power of two of pages. */
static void pipe_max_size_written(void)
{
	u32 size = PAGE_SIZE;

	while (size < pipe_max_size)
		size <<= 1;
	pipe_max_size = size;
}

static const struct proc_entry inotify_rows[] = {
	{"max_queued_events", S_IFREG | 0644, NUMBERS(&inotify_max_events, 1, 0, INT32_MAX, NULL)},
	{"max_user_instances", S_IFREG | 0644,
		NUMBERS(&inotify_max_instances, 1, 0, INT32_MAX, NULL)},
	{"max_user_watches", S_IFREG | 0644, NUMBERS(&inotify_max_watches, 1, 0, INT32_MAX, NULL)},
};

static const struct proc_dir inotify_dir = {
	.rows = inotify_rows,
	.nr_rows = ARRAY_SIZE(inotify_rows),
};

static const struct proc_entry epoll_rows[] = {
	{"max_user_watches", S_IFREG | 0644, NUMBERS(&epoll_max_watches, 1, 0, INT32_MAX, NULL)},
};

static const struct proc_dir epoll_dir = {.rows = epoll_rows, .nr_rows = ARRAY_SIZE(epoll_rows)};

static const struct proc_entry mqueue_rows[] = {
	{"msg_default", S_IFREG | 0644, NUMBERS(&mq_msg_default, 1, 1, MQ_HARD_MSG_MAX, NULL)},
	{"msg_max", S_IFREG | 0644, NUMBERS(&mq_msg_max, 1, 1, MQ_HARD_MSG_MAX, NULL)},
	{"msgsize_default", S_IFREG | 0644,
		NUMBERS(&mq_msgsize_default, 1, 128, MQ_HARD_MSGSIZE_MAX, NULL)},
	{"msgsize_max", S_IFREG | 0644,
		NUMBERS(&mq_msgsize_max, 1, 128, MQ_HARD_MSGSIZE_MAX, NULL)},
	{"queues_max", S_IFREG | 0644, NUMBERS(&mq_queues_max, 1, 0, INT32_MAX, NULL)},
};

static const struct proc_dir mqueue_dir = {
	.rows = mqueue_rows,
	.nr_rows = ARRAY_SIZE(mqueue_rows),
};

static int aio_nr_show(struct text *t, const struct proc_node *n)
{
	text_printf(t, "%u\n", aio_nr);
	return 0;
}

static const struct proc_entry fs_rows[] = {
	{"aio-max-nr", S_IFREG | 0644, NUMBERS(&aio_max_nr, 1, 0, UINT32_MAX, NULL)},
	{"aio-nr", S_IFREG | 0444, TEXT(aio_nr_show)},
	{"epoll", S_IFDIR | 0555, .dir = &epoll_dir},
	{"file-max", S_IFREG | 0644, NUMBERS(&file_max, 1, 0, INT32_MAX, NULL)},
	{"file-nr", S_IFREG | 0444, TEXT(file_nr_show)},
	{"inotify", S_IFDIR | 0555, .dir = &inotify_dir},
	{"mqueue", S_IFDIR | 0555, .dir = &mqueue_dir},
	{"nr_open", S_IFREG | 0644, NUMBERS(&nr_open, 1, NR_OPEN_MIN, NR_OPEN_MAX, NULL)},
	{"pipe-max-size", S_IFREG | 0644,
		NUMBERS(&pipe_max_size, 1, 0, 1u << 31, pipe_max_size_written)},
	{"pipe-user-pages-hard", S_IFREG | 0644,
		NUMBERS(&pipe_user_pages_hard, 1, 0, INT32_MAX, NULL)},
	{"pipe-user-pages-soft", S_IFREG | 0644,
		NUMBERS(&pipe_user_pages_soft, 1, 0, INT32_MAX, NULL)},
};

static const struct proc_dir fs_dir = {.rows = fs_rows, .nr_rows = ARRAY_SIZE(fs_rows)};

static const struct proc_entry sys_rows[] = {
	{"fs", S_IFDIR | 0555, .dir = &fs_dir},
	{"kernel", S_IFDIR | 0555, .dir = &kernel_dir},
	{"net", S_IFDIR | 0555, .dir = &net_dir},
	{"vm", S_IFDIR | 0555, .dir = &vm_dir},
};

const struct proc_dir proc_sys_dir = {.rows = sys_rows, .nr_rows = ARRAY_SIZE(sys_rows)};
