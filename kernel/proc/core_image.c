/* The first part of a core file: ELF headers and notes. See kernel/proc/coredump.h. */
#include "kernel/abi/elf.h"
#include "kernel/abi/elfcore.h"
#include "kernel/abi/errno.h"
#include "kernel/abi/ldt.h"
#include "kernel/fs/text.h"
#include "kernel/fs/vfs.h"
#include "kernel/lib/string.h"
#include "kernel/proc/coredump.h"
#include "kernel/proc/cred.h"
#include "kernel/proc/fpstate.h"
#include "kernel/proc/process.h"
#include "kernel/proc/vdso.h"
#include "kernel/x86/ptrace.h"
#include "mm/kmalloc.h"
#include "mm/space.h"

static void put(struct text *t, const void *data, size_t n)
{
	text_put(t, data, n);
}

/* --- Which memory --- */

/* A mapping's p_filesz until its first bytes have been looked at: perhaps a page. */
#define MAYBE_ELF 1u

static bool is_deleted(const struct vma *v)
{
	return !backing_is_file(v->backing) || backing_file(v->backing)->dentry->inode->nlink == 0;
}

static u32 filter_bit(const struct vma *v)
{
	bool shared = v->flags & VM_SHARED;
	if (v->flags & VM_HUGETLB)
		return shared ? COREDUMP_HUGETLB_SHARED : COREDUMP_HUGETLB_PRIVATE;
	if (shared)
		return is_deleted(v) ? COREDUMP_ANON_SHARED : COREDUMP_MAPPED_SHARED;
	return (v->anon ? COREDUMP_ANON_PRIVATE : 0) | (v->backing ? COREDUMP_MAPPED_PRIVATE : 0);
}

/* Where a program or library begins, its first page tells which it was. */
static u32 header_bytes(const struct vma *v)
{
	if (!v->backing || !backing_is_file(v->backing) || v->pgoff || !(v->flags & VM_READ) ||
		v->flags & (VM_SHARED | VM_HUGETLB))
		return 0;
	return backing_file(v->backing)->dentry->inode->mode & 0111 ? PAGE_SIZE : MAYBE_ELF;
}

static u32 bytes_to_dump(const struct vma *v, u32 filter)
{
	u32 all = v->end - v->start;
	if (v->backing && vdso_is_backing(v->backing))
		return all;
	if (v->flags & VM_DONTDUMP)
		return 0;
	if (filter & filter_bit(v))
		return all;
	return filter & COREDUMP_ELF_HEADERS ? header_bytes(v) : 0;
}

/* --- Headers --- */

static void put_segment(struct text *t, const struct vma *v, u32 filter)
{
	struct elf32_phdr h = {
		.p_type = ELF_PT_LOAD,
		.p_vaddr = v->start,
		.p_filesz = bytes_to_dump(v, filter),
		.p_memsz = v->end - v->start,
		.p_flags = (v->flags & VM_READ ? ELF_PF_R : 0) |
			   (v->flags & VM_WRITE ? ELF_PF_W : 0) |
			   (v->flags & VM_EXEC ? ELF_PF_X : 0),
		.p_align = PAGE_SIZE,
	};
	put(t, &h, sizeof(h));
}

/* The program headers but that of the notes, which is left out. Returns how many there are. */
static u32 put_headers(struct text *t, const struct process *p)
{
	static const struct elf32_phdr notes = {.p_type = ELF_PT_NOTE};
	struct elf32_ehdr h = {
		.magic = ELF_MAGIC,
		.class = ELF_CLASS32,
		.data = ELF_DATA2LSB,
		.version = ELF_EV_CURRENT,
		.e_type = ELF_ET_CORE,
		.e_machine = ELF_EM_386,
		.e_version = ELF_EV_CURRENT,
		.e_phoff = sizeof(h),
		.e_ehsize = sizeof(h),
		.e_phentsize = sizeof(notes),
	};
	struct vma *v;
	u32 n = 1;
	put(t, &h, sizeof(h));
	put(t, &notes, sizeof(notes));
	mutex_lock(&p->mm->lock);
	vma_for_each (v, &p->mm->vmas) {
		put_segment(t, v, p->coredump_filter);
		n++;
	}
	mutex_unlock(&p->mm->lock);
	return n;
}

static u32 looks_like_elf(struct mm *mm, vaddr_t addr)
{
	u32 magic;
	return mm_access(mm, addr, &magic, sizeof(magic), false, false) == sizeof(magic) &&
	       magic == ELF_MAGIC;
}

/* Everything before the pages is there: says so in the headers, and where each segment comes. */
static void place_segments(struct text *t, struct mm *mm, u32 n, u32 notes)
{
	struct elf32_ehdr *e = (void *)t->buf;
	struct elf32_phdr *h = (void *)(e + 1);
	u32 at = ALIGN_UP(t->len, PAGE_SIZE);
	e->e_phnum = (u16)n;
	h->p_offset = notes;
	h->p_filesz = t->len - notes;
	for (u32 i = 1; i < n; i++) {
		if (h[i].p_filesz == MAYBE_ELF)
			h[i].p_filesz = looks_like_elf(mm, h[i].p_vaddr) ? PAGE_SIZE : 0;
		h[i].p_offset = at;
		at += h[i].p_filesz;
	}
}

/* --- Notes --- */

/* Returns where it begins. */
static size_t note_begin(struct text *t, const char *name, u32 type)
{
	size_t at = t->len;
	struct elf32_nhdr h = {.n_namesz = strlen(name) + 1, .n_type = type};
	char padded[8] = {0};
	strlcpy(padded, name, sizeof(padded));
	put(t, &h, sizeof(h));
	put(t, padded, ALIGN_UP(h.n_namesz, 4u));
	return at;
}

static void note_end(struct text *t, size_t at)
{
	struct elf32_nhdr *h = (void *)(t->buf + at);
	if (t->error)
		return;
	h->n_descsz = t->len - at - sizeof(*h) - ALIGN_UP(h->n_namesz, 4u);
	put(t, "\0\0\0", ALIGN_UP(t->len, 4u) - t->len);
}

static void put_note(struct text *t, const char *name, u32 type, const void *data, size_t n)
{
	size_t at = note_begin(t, name, type);
	put(t, data, n);
	note_end(t, at);
}

static void put_status(struct text *t, const struct task *of, u32 sig)
{
	const struct process *p = of->process;
	u64 utime = of->thread.utime_ns, stime = of->thread.stime_ns;
	u32 flags = spin_lock_irqsave(&process_lock);
	if (of->tid == p->pid)
		process_cpu_time(p, &utime, &stime);
	struct abi_prstatus s = {
		.si_signo = (s32)sig,
		.cursig = (s16)sig,
		.sigpend = (u32)of->pending.set,
		.sighold = (u32)of->blocked,
		.pid = of->tid,
		.ppid = p->parent ? p->parent->pid : 0,
		.pgrp = p->pgid,
		.sid = p->sid,
		.utime = ns_to_timeval32(utime),
		.stime = ns_to_timeval32(stime),
		.cutime = ns_to_timeval32(p->cutime_ns),
		.cstime = ns_to_timeval32(p->cstime_ns),
		.fpvalid = true,
	};
	spin_unlock_irqrestore(&process_lock, flags);
	x86_regs_get(&of->thread.x86, &s.reg);
	put_note(t, "CORE", NT_PRSTATUS, &s, sizeof(s));
}

static void put_tls(struct text *t, const struct task *of)
{
	struct abi_user_desc d[GDT_TLS_NR];
	bool any = false;
	for (u32 i = 0; i < GDT_TLS_NR; i++) {
		const struct segdesc *s = &of->thread.x86.tls[i];
		any |= s->lo || s->hi;
		(void)!tls_entry_get(of, GDT_TLS_MIN + i, &d[i]);
	}
	if (any)
		put_note(t, "LINUX", NT_386_TLS, d, sizeof(d));
}

static void put_registers(struct text *t, const struct task *of)
{
	const u8 *fxsave = of->thread.x86.fpu;
	struct abi_user_i387 i387;
	fpstate_to_i387(&i387, fxsave);
	put_note(t, "CORE", NT_PRFPREG, &i387, sizeof(i387));
	put_note(t, "LINUX", NT_PRXFPREG, fxsave, sizeof(of->thread.x86.fpu));
	put_tls(t, of);
}

/* The first thread's state is the process's: it runs, or waits. */
static void put_process(struct text *t, const struct process *p)
{
	bool runs = current_task()->tid == p->pid;
	u32 args = MIN(
		p->mm->arg_end - p->mm->arg_start, sizeof(((struct abi_prpsinfo *)0)->psargs) - 1);
	u32 flags = spin_lock_irqsave(&process_lock);
	struct abi_prpsinfo s = {
		.state = runs ? 0 : 2,
		.sname = runs ? 'R' : 'D',
		.nice = (s8)current_task()->nice,
		.uid = uid_to16(p->cred.uid),
		.gid = gid_to16(p->cred.gid),
		.pid = p->pid,
		.ppid = p->parent ? p->parent->pid : 0,
		.pgrp = p->pgid,
		.sid = p->sid,
	};
	spin_unlock_irqrestore(&process_lock, flags);
	memcpy(s.fname, p->comm, sizeof(s.fname));
	args = mm_access(p->mm, p->mm->arg_start, s.psargs, args, false, true);
	for (u32 i = 0; i < args; i++)
		if (!s.psargs[i])
			s.psargs[i] = ' ';
	put_note(t, "CORE", NT_PRPSINFO, &s, sizeof(s));
}

static void put_auxv(struct text *t, const struct mm *mm)
{
	u32 words = 0;
	do {
		words += 2;
	} while (words < AUXV_MAX && mm->auxv[words - 2]);
	put_note(t, "CORE", NT_AUXV, mm->auxv, words * sizeof(u32));
}

static bool maps_file(const struct vma *v)
{
	return v->backing && !vdso_is_backing(v->backing);
}

static void put_file_names(struct text *t, struct mm *mm, char *path)
{
	struct vma *v;
	vma_for_each (v, &mm->vmas)
		if (maps_file(v)) {
			v->backing->ops->name(v->backing, path, ABI_PATH_MAX);
			put(t, path, strlen(path) + 1);
		}
}

static void put_files(struct text *t, struct mm *mm)
{
	struct abi_nt_file head = {.page_size = PAGE_SIZE};
	char *path = kmalloc(ABI_PATH_MAX);
	size_t at = note_begin(t, "CORE", NT_FILE);
	struct vma *v;
	if (!path) {
		t->error = -ENOMEM;
		return;
	}
	mutex_lock(&mm->lock);
	vma_for_each (v, &mm->vmas)
		head.count += maps_file(v);
	put(t, &head, sizeof(head));
	vma_for_each (v, &mm->vmas) {
		struct abi_nt_file_range r = {v->start, v->end, v->pgoff};
		if (maps_file(v))
			put(t, &r, sizeof(r));
	}
	put_file_names(t, mm, path);
	mutex_unlock(&mm->lock);
	kfree(path);
	note_end(t, at);
}

/* The calling thread comes first: debuggers show that one. */
static void put_notes(struct text *t, const struct process *p, const struct abi_siginfo *info)
{
	struct task *me = current_task(), *other;
	u32 sig = (u32)info->si_signo;
	x86_user_state_save(&me->thread.x86);
	put_status(t, me, sig);
	put_process(t, p);
	put_note(t, "CORE", NT_SIGINFO, info, sizeof(*info));
	put_auxv(t, p->mm);
	put_files(t, p->mm);
	put_registers(t, me);
	list_for_each_entry (other, &p->threads, sibling) {
		if (other == me)
			continue;
		put_status(t, other, sig);
		put_registers(t, other);
	}
}

int core_image(struct text *t, const struct abi_siginfo *info)
{
	struct process *p = current_process();
	u32 segments = put_headers(t, p), notes = t->len;
	if (segments > ELF_PHNUM_MAX)
		return -EOVERFLOW;
	put_notes(t, p, info);
	if (!t->error)
		place_segments(t, p->mm, segments, notes);
	return t->error;
}
