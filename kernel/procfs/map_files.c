/* /proc/PID/map_files: a link for each mapping of a file, named by its range of addresses. */
#include "kernel/lib/fmt.h"
#include "kernel/procfs/procfs_impl.h"
#include "mm/space.h"

/* The first mapping of a file that begins in this page or above it. Caller holds mm->lock. */
static struct vma *first_from(struct mm *mm, u32 page)
{
	struct vma *v = vma_find(&mm->vmas, page * PAGE_SIZE);

	while (v && (v->start < page * PAGE_SIZE || !v->backing || !backing_is_file(v->backing)))
		v = vma_next(v);
	return v;
}

/* Where the first one from *page on is. */
static bool find_from(const struct proc_node *n, u32 *page, vaddr_t *end)
{
	const struct vma *v = NULL;
	struct mm *mm;

	if (*page >= USER_TOP / PAGE_SIZE || proc_get_mm(n, &mm) || !mm)
		return false;
	mutex_lock(&mm->lock);
	v = first_from(mm, *page);
	if (v) {
		*page = v->start / PAGE_SIZE;
		*end = v->end;
	}
	mutex_unlock(&mm->lock);
	mm_put(mm);
	return v;
}

static bool map_next(const struct proc_node *dir, u32 *page)
{
	vaddr_t end;

	return find_from(dir, page, &end);
}

static bool map_find(const struct proc_node *dir, u32 page, struct proc_node *child)
{
	child->fd = page;
	return find_from(dir, &child->fd, &child->end) && child->fd == page;
}

static struct file *map_file(const struct proc_node *n)
{
	struct file *f = NULL;
	struct vma *v;
	struct mm *mm;

	if (proc_get_mm(n, &mm) || !mm)
		return NULL;
	mutex_lock(&mm->lock);
	v = first_from(mm, n->fd);
	if (v && v->start == n->fd * PAGE_SIZE && v->end == n->end)
		f = file_get(backing_file(v->backing));
	mutex_unlock(&mm->lock);
	mm_put(mm);
	return f;
}

/* The first of the two hexadecimal numbers. */
static bool map_parse(const char *name, u32 len, u32 *page)
{
	u32 start = 0, i;

	for (i = 0; i < len && i < 8 && name[i] != '-'; i++) {
		u32 digit = name[i] <= '9' ? (u32)(name[i] - '0') : (u32)(name[i] - 'a' + 10);

		if (digit > 15)
			return false;
		start = start << 4 | digit;
	}
	*page = start / PAGE_SIZE;
	return i;
}

static void map_print(const struct proc_node *n, char *name, size_t size)
{
	snprintf(name, size, "%x-%x", n->fd * PAGE_SIZE, n->end);
}

static const struct proc_entry map_entry = {
	.mode = S_IFLNK | 0600,
	.file = map_file,
	.target = proc_file_target,
	.inode_ops = &proc_map_link_ops,
};

const struct proc_dir proc_map_files_dir = {
	.numbered = &map_entry,
	.parse = map_parse,
	.print = map_print,
	.next = map_next,
	.find = map_find,
};
