/*
 * The memory of a process, read through its page tables: /proc/PID/mem, and the strings that
 * execve() left on its stack: cmdline, environ, auxv.
 *
 * Everything passes through a page of kernel memory, so that no lock is held when the reader's own
 * memory is touched.
 */
#include "kernel/lib/string.h"
#include "kernel/procfs/procfs_impl.h"
#include "kernel/x86/layout.h"
#include "mm/kmalloc.h"
#include "mm/space.h"

/* --- Strings --- */

/* Appends [start, end) of mm, as far as it can be read; with `stop` up to the first NUL only. */
static void put_memory(struct text *t, struct mm *mm, vaddr_t start, vaddr_t end, bool stop)
{
	char *buf = kmalloc(PAGE_SIZE);
	size_t got = 1;

	if (!buf) {
		t->error = -ENOMEM;
		return;
	}
	for (; start < end && got; start += got) {
		const char *nul;

		got = mm_access(mm, start, buf, MIN(end - start, PAGE_SIZE), false, true);
		nul = stop ? memchr(buf, '\0', got) : NULL;
		if (nul)
			end = start + (got = (size_t)(nul - buf));
		text_put(t, buf, got);
	}
	kfree(buf);
}

/* A program that wants to show a title writes over its arguments. When that took the NUL at their
 * end, the title is what comes up to the next one, be it among the environment. */
static void put_arguments(struct text *t, struct mm *mm)
{
	vaddr_t start = mm->arg_start, end = mm->arg_end, limit = end;
	char last = '\0';

	if (start >= end)
		return;
	if (mm->env_start == end && mm->env_end >= end)
		limit = mm->env_end;
	(void)!mm_access(mm, end - 1, &last, 1, false, true);
	if (last)
		put_memory(t, mm, start, limit, true);
	else
		put_memory(t, mm, start, end, false);
}

int proc_cmdline_show(struct text *t, const struct proc_node *n)
{
	struct mm *mm;
	int err = proc_get_mm(n, &mm);

	if (err || !mm)
		return err;
	put_arguments(t, mm);
	mm_put(mm);
	return 0;
}

int proc_environ_show(struct text *t, const struct proc_node *n)
{
	struct mm *mm;
	int err = proc_get_mm(n, &mm);

	if (err || !mm)
		return err;
	put_memory(t, mm, mm->env_start, mm->env_end, false);
	mm_put(mm);
	return 0;
}

int proc_auxv_show(struct text *t, const struct proc_node *n)
{
	struct mm *mm;
	u32 words = 0;
	int err = proc_get_mm(n, &mm);

	if (err || !mm)
		return err;
	do {
		words += 2;
	} while (words < AUXV_MAX && mm->auxv[words - 2]);
	text_put(t, (const char *)mm->auxv, words * sizeof(u32));
	mm_put(mm);
	return 0;
}

/* --- mem --- */

/* It is of the memory that the process had when the file was opened, for him who was allowed to
 * open it: a program with more rights must not be written to, or made to write to itself, through a
 * descriptor that was opened for one with fewer. */

struct transfer {
	struct mm *mm;
	struct iobuf *user;
	char *buf; /* PAGE_SIZE */
	bool write;
};

/* At most a page. Returns bytes moved, short where the process has no memory, or -EFAULT. */
static ssize_k transfer_part(const struct transfer *x, vaddr_t at, size_t n)
{
	size_t got, left;

	if (x->write) {
		if (iobuf_get(x->user, x->buf, n))
			return -EFAULT;
		return (ssize_k)mm_access(x->mm, at, x->buf, n, true, true);
	}
	got = mm_access(x->mm, at, x->buf, n, false, true);
	left = iobuf_put(x->user, x->buf, got);
	return left ? -EFAULT : (ssize_k)got;
}

/* -EFAULT whatever was moved before, if it is the caller's memory that is missing; -EIO only if nothing
 * was. */
static ssize_k transfer(const struct transfer *x, u64 pos, size_t n)
{
	size_t done = 0;

	while (done < n) {
		u64 at = pos + done;
		size_t want = MIN(n - done, (size_t)PAGE_SIZE);
		ssize_k part = at < USER_TOP ? transfer_part(x, (vaddr_t)at, want) : 0;

		if (part < 0)
			return part;
		if (!part)
			return done ? (ssize_k)done : -EIO;
		done += (size_t)part;
	}
	return (ssize_k)done;
}

static ssize_k access_mem(struct file *f, struct iobuf *user, size_t n, u64 *pos, bool write)
{
	struct transfer x = {.mm = proc_opened_mm(f), .user = user, .write = write};
	ssize_k done;

	if (!x.mm)
		return 0;
	x.buf = kmalloc(PAGE_SIZE);
	done = x.buf ? transfer(&x, *pos, n) : -ENOMEM;
	kfree(x.buf);
	mm_put(x.mm);
	if (done > 0)
		*pos += (u64)done;
	return done;
}

static ssize_k mem_read(struct file *f, struct iobuf *to, size_t n, u64 *pos)
{
	return access_mem(f, to, n, pos, false);
}

static ssize_k mem_write(struct file *f, struct iobuf *from, size_t n, u64 *pos)
{
	return access_mem(f, from, n, pos, true);
}

const struct file_ops proc_pid_mem_ops = {
	.read = mem_read,
	.write = mem_write,
	.seek = file_seek_endless,
};
