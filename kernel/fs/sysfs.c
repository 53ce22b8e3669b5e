/*
 * A small /sys: the few files that C libraries, allocators and lscpu(1) read to learn which CPUs
 * there are, the pool of huge pages, and that there are no others. It is a tmpfs that is filled
 * when it is mounted and cannot be changed afterwards; its attributes are made when they are read.
 */
#include "kernel/fs/vfs.h"
#include "kernel/abi/statfs.h"
#include "kernel/core/cpu.h"
#include "kernel/fs/pathname.h"
#include "kernel/fs/text.h"
#include "kernel/lib/number.h"
#include "kernel/lib/string.h"
#include "mm/hugetlb.h"

/* --- Attributes --- */

/* A number, or a line. A line of words has one in brackets, which is the only one that can be
 * written. */
struct attribute {
	u32 (*get)(void);
	void (*set)(u32 value); /* NULL: it is there to be read */
	const char *text;	/* a line instead */
};

static int attribute_show(struct text *t, void *arg)
{
	const struct attribute *a = arg;

	if (a->text)
		text_printf(t, "%s\n", a->text);
	else
		text_printf(t, "%u\n", a->get());
	return 0;
}

static bool is_choice(const struct attribute *a)
{
	return a->text && strchr(a->text, '[');
}

static bool is_writable(const struct attribute *a)
{
	return a->set || is_choice(a);
}

static bool is_chosen(const char *words, const char *text)
{
	const char *chosen = strchr(words, '[') + 1;
	size_t n = (size_t)(strchr(chosen, ']') - chosen);

	return !strncmp(text, chosen, n) && (!text[n] || !strcmp(text + n, "\n"));
}

static ssize_k attribute_write(struct file *f, struct iobuf *from, size_t n, u64 *pos)
{
	const struct attribute *a = text_file_arg(f);
	char text[16];
	u32 value;

	if (n >= sizeof(text))
		return -EINVAL;
	if (iobuf_get(from, text, n))
		return -EFAULT;
	text[n] = '\0';
	if (is_choice(a))
		return is_chosen(a->text, text) ? (ssize_k)n : -EINVAL;
	if (!number_line(text, &value))
		return -EINVAL;
	a->set(value);
	return (ssize_k)n;
}

static const struct file_ops attribute_file_ops = {
	.read = text_file_read,
	.write = attribute_write,
	.seek = file_seek_endless,
	.release = text_file_release,
};

/* Root's privilege does not open for writing what takes nothing. */
static int attribute_open(struct inode *inode, struct file *f)
{
	const struct attribute *a = inode->private;

	if (f->backing.may_write && !is_writable(a))
		return -EACCES;
	f->private = text_file_create(attribute_show, inode->private);
	if (!f->private)
		return -ENOMEM;
	f->ops = &attribute_file_ops;
	return 0;
}

static const struct inode_ops attribute_ops = {.open = attribute_open, .stat_size = PAGE_SIZE};

/* --- The pool of huge pages --- */

static struct hugetlb_stat pool(void)
{
	struct hugetlb_stat s;

	hugetlb_stat(&s);
	return s;
}

static u32 nr_huge(void)
{
	return pool().total;
}

static u32 free_huge(void)
{
	return pool().free;
}

static u32 reserved_huge(void)
{
	return pool().reserved;
}

static u32 surplus_huge(void)
{
	return pool().surplus;
}

static u32 get_max_surplus(void)
{
	return hugetlb_max_surplus;
}

static void set_max_surplus(u32 pages)
{
	hugetlb_max_surplus = pages;
}

static const struct attribute nr_attribute = {nr_huge, hugetlb_set_pool, NULL},
			      free_attribute = {free_huge, NULL, NULL},
			      reserved_attribute = {reserved_huge, NULL, NULL},
			      surplus_attribute = {surplus_huge, NULL, NULL},
			      overcommit_attribute = {get_max_surplus, set_max_surplus, NULL};

/* --- Transparent huge pages, of which there are none: as on a Linux that is told "never" --- */

static u32 huge_size(void)
{
	return HUGE_SIZE;
}

static const struct attribute
	thp_enabled_attribute = {.text = "always madvise [never]"},
	thp_defrag_attribute = {.text = "always defer defer+madvise madvise [never]"},
	thp_shmem_attribute = {.text = "always within_size advise [never] deny force"},
	thp_size_attribute = {.get = huge_size};

/* --- Processors --- */

_Static_assert(NR_CPUS == 1, "these say that there is one");

static const struct attribute no_cpus = {.text = ""}, cpu_list = {.text = "0"},
			      cpu_mask = {.text = "1"}, cpu_id = {.text = "0"},
			      no_cluster = {.text = "255"}, /* the CPU does not say */
			      kernel_max = {.text = "31"};  /* masks are as long as on Linux */

/* --- The tree --- */

#define HUGE_DIR "kernel/mm/hugepages/hugepages-2048kB"
#define THP_DIR	 "kernel/mm/transparent_hugepage"
#define CPU_DIR	 "devices/system/cpu"
#define CPU0_DIR CPU_DIR "/cpu0/topology"

/* In order: a directory before what is in it. Files have an attribute. */
static const struct node {
	const char *path;
	const struct attribute *attribute;
} nodes[] = {
	{.path = "block"},
	{.path = "bus"},
	{.path = "class"},
	{.path = "dev"},
	{.path = "devices"},
	{.path = "devices/system"},
	{.path = CPU_DIR},
	{.path = CPU_DIR "/isolated", .attribute = &no_cpus},
	{.path = CPU_DIR "/kernel_max", .attribute = &kernel_max},
	{.path = CPU_DIR "/offline", .attribute = &no_cpus},
	{.path = CPU_DIR "/online", .attribute = &cpu_list},
	{.path = CPU_DIR "/possible", .attribute = &cpu_list},
	{.path = CPU_DIR "/present", .attribute = &cpu_list},
	{.path = CPU_DIR "/cpu0"},
	{.path = CPU0_DIR},
	{.path = CPU0_DIR "/cluster_cpus", .attribute = &cpu_mask},
	{.path = CPU0_DIR "/cluster_cpus_list", .attribute = &cpu_list},
	{.path = CPU0_DIR "/cluster_id", .attribute = &no_cluster},
	{.path = CPU0_DIR "/core_cpus", .attribute = &cpu_mask},
	{.path = CPU0_DIR "/core_cpus_list", .attribute = &cpu_list},
	{.path = CPU0_DIR "/core_id", .attribute = &cpu_id},
	{.path = CPU0_DIR "/core_siblings", .attribute = &cpu_mask},
	{.path = CPU0_DIR "/core_siblings_list", .attribute = &cpu_list},
	{.path = CPU0_DIR "/die_cpus", .attribute = &cpu_mask},
	{.path = CPU0_DIR "/die_cpus_list", .attribute = &cpu_list},
	{.path = CPU0_DIR "/die_id", .attribute = &cpu_id},
	{.path = CPU0_DIR "/package_cpus", .attribute = &cpu_mask},
	{.path = CPU0_DIR "/package_cpus_list", .attribute = &cpu_list},
	{.path = CPU0_DIR "/physical_package_id", .attribute = &cpu_id},
	{.path = CPU0_DIR "/thread_siblings", .attribute = &cpu_mask},
	{.path = CPU0_DIR "/thread_siblings_list", .attribute = &cpu_list},
	{.path = "firmware"},
	{.path = "fs"},
	{.path = "kernel"},
	{.path = "kernel/mm"},
	{.path = "kernel/mm/hugepages"},
	{.path = HUGE_DIR},
	{.path = HUGE_DIR "/free_hugepages", .attribute = &free_attribute},
	{.path = HUGE_DIR "/nr_hugepages", .attribute = &nr_attribute},
	{.path = HUGE_DIR "/nr_overcommit_hugepages", .attribute = &overcommit_attribute},
	{.path = HUGE_DIR "/resv_hugepages", .attribute = &reserved_attribute},
	{.path = HUGE_DIR "/surplus_hugepages", .attribute = &surplus_attribute},
	{.path = THP_DIR},
	{.path = THP_DIR "/defrag", .attribute = &thp_defrag_attribute},
	{.path = THP_DIR "/enabled", .attribute = &thp_enabled_attribute},
	{.path = THP_DIR "/hpage_pmd_size", .attribute = &thp_size_attribute},
	{.path = THP_DIR "/shmem_enabled", .attribute = &thp_shmem_attribute},
	{.path = "kernel/tracing"},
	{.path = "module"},
	{.path = "power"},
};

static int add_attribute(struct dentry *dir, const struct name *name, const struct attribute *a)
{
	struct inode *inode = inode_create(
		dir->inode->super, &attribute_ops, S_IFREG | (is_writable(a) ? 0644 : 0444));

	if (!inode)
		return -ENOMEM;
	inode->private = (void *)a;
	return dentry_link(dir, name->s, name->len, inode, NULL);
}

static int add_node(struct dentry *dir, const struct name *name, const struct node *node)
{
	struct inode *inode;
	int err;

	if (node->attribute)
		return add_attribute(dir, name, node->attribute);
	err = dir->inode->ops->create(dir->inode, S_IFDIR | 0755, 0, NULL, &inode);
	if (err)
		return err;
	dir->inode->nlink++;
	return dentry_link(dir, name->s, name->len, inode, NULL);
}

/* namespace_lock is held by the mount call. */
static int add_path(struct dentry *root, const struct node *node)
{
	const char *path = node->path;
	struct dentry *dir = dentry_get(root), *next;
	struct name name;
	int err = 0;

	while (!err && pathname_next(&path, &name)) {
		if (name.last) {
			err = add_node(dir, &name, node);
			break;
		}
		err = dentry_lookup_locked(dir, name.s, name.len, &next);
		if (!err) {
			dentry_put(dir);
			dir = next;
		}
	}
	dentry_put(dir);
	return err;
}

static int sysfs_mount(struct super *s, const char *options)
{
	int err = tmpfs_mount(s, NULL);

	if (err)
		return err;
	s->root->inode->mode = S_IFDIR | 0555;
	for (u32 i = 0; i < ARRAY_SIZE(nodes) && !err; i++)
		err = add_path(s->root, &nodes[i]);
	if (err)
		dentry_tree_drop(s->root);
	s->max_pages = 0;
	s->fixed = true;
	return err;
}

static struct fs_type sysfs_type = {
	.name = "sysfs",
	.magic = SYSFS_MAGIC,
	.nodev = true,
	.mount = sysfs_mount,
};

void __init sysfs_init(void)
{
	fs_register(&sysfs_type);
}
