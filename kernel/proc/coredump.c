/* Writing core files. See kernel/proc/coredump.h. */
#include "kernel/proc/coredump.h"
#include "kernel/abi/elf.h"
#include "kernel/abi/errno.h"
#include "kernel/abi/utsname.h"
#include "kernel/abi/wait.h"
#include "kernel/fs/path.h"
#include "kernel/fs/text.h"
#include "kernel/lib/string.h"
#include "kernel/proc/process.h"
#include "kernel/proc/signal.h"
#include "mm/kmalloc.h"
#include "mm/space.h"

/* --- The name --- */

u32 core_uses_pid;
static struct spinlock pattern_lock = SPINLOCK_INIT("core_pattern");
static char core_pattern[CORE_PATTERN_SIZE] = "core"; /* pattern_lock */

void core_pattern_get(char pattern[CORE_PATTERN_SIZE])
{
	spin_lock(&pattern_lock);
	memcpy(pattern, core_pattern, CORE_PATTERN_SIZE);
	spin_unlock(&pattern_lock);
}

long core_pattern_set(const char *pattern)
{
	if (*pattern == '|')
		return -EINVAL;
	spin_lock(&pattern_lock);
	strlcpy(core_pattern, pattern, sizeof(core_pattern));
	spin_unlock(&pattern_lock);
	return 0;
}

/* A part that is no number: it must be one name, neither empty nor one of those that lead
 * elsewhere. */
static void put_component(struct text *t, const char *s)
{
	if (!*s)
		text_puts(t, "!");
	else if (!strcmp(s, ".") || !strcmp(s, ".."))
		text_printf(t, "!%s", s + 1);
	else
		for (; *s; s++)
			text_put(t, *s == '/' ? "!" : s, 1);
}

static void put_hostname(struct text *t)
{
	struct abi_utsname u;
	spin_lock(&utsname_lock);
	u = utsname;
	spin_unlock(&utsname_lock);
	put_component(t, u.nodename);
}

/* The program's path, or only its last component. */
static void put_program(struct text *t, struct backing *exe, bool last)
{
	char *path = kmalloc(ABI_PATH_MAX);
	const char *slash;
	if (!path) {
		t->error = -ENOMEM;
		return;
	}
	exe->ops->name(exe, path, ABI_PATH_MAX);
	slash = last ? strrchr(path, '/') : NULL;
	put_component(t, slash ? slash + 1 : path);
	kfree(path);
}

static void put_specifier(struct text *t, char c, u32 sig)
{
	const struct process *p = current_process();
	switch (c) {
	case '%':
		text_puts(t, "%");
		break;
	case 'p':
	case 'P':
		text_printf(t, "%u", p->pid);
		break;
	case 'i':
	case 'I':
		text_printf(t, "%u", current_task()->tid);
		break;
	case 'u':
		text_printf(t, "%u", current_task()->cred.uid);
		break;
	case 'g':
		text_printf(t, "%u", current_task()->cred.gid);
		break;
	case 'd':
		text_printf(t, "%u", p->dumpable);
		break;
	case 's':
		text_printf(t, "%u", sig);
		break;
	case 't':
		text_printf(t, "%llu", clock_realtime_ns() / NSEC_PER_SEC);
		break;
	case 'h':
		put_hostname(t);
		break;
	case 'e':
		put_component(t, current_task()->comm);
		break;
	case 'f':
	case 'E':
		put_program(t, p->mm->exe, c == 'f');
		break;
	case 'c':
		text_printf(t, "%u", (u32)MIN(p->rlimit[RLIMIT_CORE].cur, (u64)RLIM32_INFINITY));
		break;
	case 'C':
		text_printf(t, "%u", this_cpu()->id);
		break;
	}
}

/* Terminated. What follows a % at the very end or an unknown letter is nothing. */
static void put_name(struct text *t, u32 sig)
{
	char pattern[CORE_PATTERN_SIZE];
	bool has_pid = false;
	core_pattern_get(pattern);
	for (const char *s = pattern; *s; s++) {
		if (*s != '%') {
			text_put(t, s, 1);
			continue;
		}
		if (!*++s)
			break;
		put_specifier(t, *s, sig);
		has_pid |= *s == 'p';
	}
	if (core_uses_pid && !has_pid)
		text_printf(t, ".%u", current_process()->pid);
	text_put(t, "", 1);
}

/* --- The file --- */

/* One that is there makes room. */
static void remove_old(const char *path)
{
	struct walk w;
	if (walk_begin(&w, AT_FDCWD, path, 0))
		return;
	if (walk_to_parent(&w) == 0 && w.name.type == NAME_NORMAL)
		(void)!vfs_unlink(w.at, &w.name);
	walk_end(&w);
}

/* A new file, which only the process's user can read. Error pointer. */
static struct file *create(u32 sig)
{
	struct text name = {0};
	struct file *f;
	put_name(&name, sig);
	f = err_ptr(name.error);
	if (!name.error) {
		remove_old(name.buf);
		f = file_open(
			name.buf, O_CREAT | O_EXCL | O_WRONLY | O_NOFOLLOW | O_LARGEFILE, 0600);
	}
	text_free(&name);
	if (!is_err(f) && (f->dentry->inode->mode & 0677) != 0600) {
		file_put(f);
		return err_ptr(-EPERM);
	}
	return f;
}

/* --- Writing --- */

struct core {
	struct file *file;
	u64 limit; /* bytes that may be written; holes are free */
	u64 written;
	u64 end; /* behind the last byte written */
};

static bool killed(void)
{
	const struct task *t = current_task();
	return (t->pending.set | t->process->pending.set) & sigmask(SIGKILL);
}

static bool emit(struct core *c, void *data, size_t n, u64 pos)
{
	struct iobuf from = iobuf_kernel(data);
	if (c->written + n > c->limit || killed())
		return false;
	if (file_write(c->file, &from, n, &pos) != (ssize_k)n)
		return false;
	c->written += n;
	c->end = pos;
	return true;
}

static bool emit_segment(struct core *c, const struct elf32_phdr *h, void *page)
{
	struct mm *mm = current_process()->mm;
	for (u32 at = 0; at < h->p_filesz; at += PAGE_SIZE)
		if (mm_dump_page(mm, h->p_vaddr + at, page) &&
			!emit(c, page, PAGE_SIZE, h->p_offset + at))
			return false;
	return true;
}

/* A hole at the end is part of the file, too. */
static void emit_end(struct core *c, const struct elf32_phdr *last)
{
	u64 end = (u64)last->p_offset + last->p_filesz;
	if (c->end < end)
		emit(c, "", 1, end - 1);
}

static void emit_all(struct core *c, const struct text *image, void *page)
{
	const struct elf32_ehdr *e = (void *)image->buf;
	const struct elf32_phdr *h = (void *)(e + 1);
	size_t n = (size_t)MIN((u64)image->len, c->limit);
	if (!emit(c, image->buf, n, 0) || n < image->len)
		return;
	for (u32 i = 1; i < e->e_phnum; i++)
		if (!emit_segment(c, &h[i], page))
			return;
	emit_end(c, &h[e->e_phnum - 1]);
}

/* Returns whether there is a core file, be it a part of one. */
static bool write_core(const struct abi_siginfo *info)
{
	struct core c = {.limit = current_process()->rlimit[RLIMIT_CORE].cur};
	struct text image = {0};
	void *page = kmalloc(PAGE_SIZE);
	bool good = false;
	c.file = create((u32)info->si_signo);
	if (!is_err(c.file)) {
		good = page && core_image(&image, info) == 0;
		if (good)
			emit_all(&c, &image, page);
		file_put(c.file);
	}
	text_free(&image);
	kfree(page);
	return good;
}

/* --- The threads --- */

/* All others begin to exit. False: all do, somebody was faster. */
static bool stop_others(struct process *p, u32 sig)
{
	u32 flags = spin_lock_irqsave(&process_lock);
	bool first = !p->group_exit && !p->exec_task;
	if (first) {
		p->group_exit = true;
		p->exit_status = (int)sig;
		p->dumper = current_task();
		process_kill_threads(p, p->dumper);
	}
	spin_unlock_irqrestore(&process_lock, flags);
	if (first)
		wait_event(&p->threads_gone,
			READ_ONCE(p->nr_undumped) + 1 == READ_ONCE(p->nr_threads));
	return first;
}

static void let_go(struct process *p, bool dumped)
{
	u32 flags = spin_lock_irqsave(&process_lock);
	if (killed())
		p->exit_status = SIGKILL;
	else if (dumped)
		p->exit_status |= W_STATUS_CORE;
	p->dumper = NULL;
	waitq_wake_all(&p->threads_gone);
	spin_unlock_irqrestore(&process_lock, flags);
}

void coredump(const struct abi_siginfo *info)
{
	struct process *p = current_process();
	if (!p->dumpable || p->rlimit[RLIMIT_CORE].cur < PAGE_SIZE ||
		!stop_others(p, (u32)info->si_signo))
		return;
	let_go(p, write_core(info));
}

void coredump_wait(void)
{
	struct process *p = current_process();
	u32 flags = spin_lock_irqsave(&process_lock);
	bool wait = p->dumper;
	if (wait) {
		p->nr_undumped++;
		waitq_wake_all(&p->threads_gone);
	}
	spin_unlock_irqrestore(&process_lock, flags);
	if (wait)
		wait_event(&p->threads_gone, !READ_ONCE(p->dumper));
}
