/*
 * Mapping a program: its segments straight from the page cache of its file, zeroes behind them,
 * the interpreter beside it. The place of everything is Linux's.
 */
#include "kernel/abi/errno.h"
#include "kernel/abi/fcntl.h"
#include "kernel/fs/file.h"
#include "kernel/proc/exec.h"
#include "kernel/proc/process.h"
#include "mm/anon.h"
#include "mm/kmalloc.h"
#include "mm/space.h"

/* Programs that may be put anywhere and have an interpreter go here; the interpreter, and programs
 * that need none (static-pie, ld.so itself), go where mmap would put them. */
#define PIE_BASE 0x00400000u

u32 mmap_rnd_bits = 8;

/* By how much these places may be moved. */
#define MMAP_RANDOM_PAGES (1u << mmap_rnd_bits)
#define HEAP_RANDOM_PAGES 8192u

#define MMAP_GAP_MIN (128u << 20)
#define MMAP_GAP_MAX (USER_TOP / 6 * 5)

#define VM_MAY (VM_MAYREAD | VM_MAYWRITE | VM_MAYEXEC)

_Static_assert(ELF_READ == VM_READ && ELF_WRITE == VM_WRITE && ELF_EXEC == VM_EXEC,
	"segment protection is VMA protection");

/* Mappings start below the largest stack there may be, within reason, wherever it is, and its guard
 * gap. */
static vaddr_t mmap_base(const struct exec *e)
{
	u32 gap = MIN(e->mm->limits.stack, MMAP_GAP_MAX) + STACK_GUARD_GAP;
	if (e->randomize)
		gap += (STACK_RANDOM_PAGES - 1) << PAGE_SHIFT;
	gap = MAX(gap, MMAP_GAP_MIN);
	gap = MIN(gap, MMAP_GAP_MAX);
	return ALIGN_UP(USER_TOP - gap - (exec_random(e, MMAP_RANDOM_PAGES) << PAGE_SHIFT), PAGE_SIZE);
}

static long map_file_part(struct mm *mm, struct file *f, const struct elf_segment *s, u32 bias)
{
	u32 skew = s->vaddr % PAGE_SIZE;
	struct map_request r = {
		.addr = s->vaddr + bias - skew,
		.len = ALIGN_UP(s->filesz + skew, PAGE_SIZE),
		.vm_flags = s->prot | VM_MAY,
		.how = MM_FIXED | MM_NOREPLACE,
		.backing = &f->backing,
		.object = f->backing.object,
		.pgoff = (s->offset - skew) >> PAGE_SHIFT,
	};
	return mm_map(mm, &r);
}

static long map_zeroes(struct mm *mm, vaddr_t start, vaddr_t end, u32 prot)
{
	struct map_request r = {
		.addr = start,
		.len = end - start,
		.vm_flags = prot | VM_MAY,
		.how = MM_FIXED | MM_NOREPLACE,
	};
	return start < end ? mm_map(mm, &r) : (long)start;
}

/* The rest of the last file page belongs to .bss. */
static long clear_tail(struct mm *mm, vaddr_t start, vaddr_t end)
{
	u32 n = end - start; /* less than a page */
	return mm_access(mm, start, page_virt(zero_page), n, true, true) == n ? 0 : -ENOMEM;
}

static long map_segment(struct mm *mm, struct file *f, const struct elf_segment *s, u32 bias)
{
	vaddr_t start = s->vaddr + bias, data_end = start + s->filesz;
	vaddr_t zero = s->filesz ? ALIGN_UP(data_end, PAGE_SIZE) : ALIGN_DOWN(start, PAGE_SIZE);
	long r = (long)start;
	mutex_lock(&mm->lock);
	if (s->filesz)
		r = map_file_part(mm, f, s, bias);
	if (!is_err((void *)r))
		r = map_zeroes(mm, zero, ALIGN_UP(start + s->memsz, PAGE_SIZE), s->prot);
	mutex_unlock(&mm->lock);
	if (is_err((void *)r))
		return r;
	return s->filesz && s->memsz > s->filesz ? clear_tail(mm, data_end, zero) : 0;
}

/* What is added to the image's addresses, when it may be anywhere: at `base` or the aligned address
 * below, or at the highest free place. */
static long choose_bias(struct mm *mm, const struct elf_image *img, u32 base, u32 *bias)
{
	u32 span = img->hi - img->lo;
	vaddr_t at = base ? MAX(ALIGN_DOWN(base, img->align), img->align) : 0;
	*bias = 0;
	if (!img->dyn)
		return 0;
	if (!base) {
		mutex_lock(&mm->lock);
		struct vma_room room = {&mm->vmas, span, img->align, USER_MIN, mm->mmap_base};
		at = vma_gap_topdown(&room);
		mutex_unlock(&mm->lock);
	}
	if (!at || at > USER_TOP || span > USER_TOP - at)
		return -ENOMEM;
	*bias = at - img->lo;
	return 0;
}

static long map_image(
	struct exec *e, struct file *f, const struct elf_image *img, u32 base, u32 *bias)
{
	u32 implied = e->read_implies_exec ? ELF_EXEC : 0;
	long err = choose_bias(e->mm, img, base, bias);
	for (u32 i = 0; i < img->nr_segments && !err; i++) {
		struct elf_segment s = img->segment[i];
		if (s.prot & ELF_READ)
			s.prot |= implied;
		err = map_segment(e->mm, f, &s, *bias);
	}
	if (err)
		e->why = err == -ENOMEM ? "no memory for its segments" : "cannot map its segments";
	return err;
}

/* Reads and checks the headers of f. */
static long read_image(struct file *f, struct elf_image *img, const char **why)
{
	u64 size = f->backing.object ? f->backing.object->size : 0;
	struct elf32_ehdr h;
	struct elf32_phdr *phdrs;
	ssize_k got = file_pread(f, &h, sizeof(h), 0);
	long err;
	if (got < 0)
		return got;
	err = elf_check_header(&h, (size_t)got, size, why);
	if (err)
		return err;
	phdrs = kmalloc(elf_phdrs_size(&h));
	if (!phdrs)
		return -ENOMEM;
	got = file_pread(f, phdrs, elf_phdrs_size(&h), h.e_phoff);
	if (got == (ssize_k)elf_phdrs_size(&h))
		err = elf_parse(&h, phdrs, size, img, why);
	else
		err = got < 0 ? got : -EIO;
	kfree(phdrs);
	return err;
}

/* --- The interpreter --- */

static long read_interp_path(struct exec *e, char *path)
{
	u32 len = e->elf.interp_len;
	ssize_k got = file_pread(e->file, path, len, e->elf.interp_offset);
	if (got < 0)
		return got;
	if (got != (ssize_k)len || path[len - 1] != '\0') {
		e->why = "path of the ELF interpreter has no end";
		return -ENOEXEC;
	}
	return 0;
}

static long map_interp(struct exec *e, struct file *f, struct elf_image *img)
{
	u32 bias;
	long err = read_image(f, img, &e->why);
	if (err)
		return err == -ENOEXEC ? -ELIBBAD : err;
	e->hidden |= file_may_read(f) != 0;
	img->align = PAGE_SIZE; /* whatever it asks for */
	err = map_image(e, f, img, 0, &bias);
	if (err)
		return err;
	e->interp_base = img->dyn ? bias + img->lo : 0;
	e->entry = img->entry + bias;
	return 0;
}

static long load_interp(struct exec *e)
{
	struct elf_image *img = kmalloc(sizeof(*img));
	char *path = kmalloc(e->elf.interp_len);
	long err = img && path ? read_interp_path(e, path) : -ENOMEM;
	if (!err) {
		struct file *f = exec_open(AT_FDCWD, path, 0);
		err = is_err(f) ? ptr_err(f) : map_interp(e, f, img);
		if (is_err(f))
			e->why = "its ELF interpreter cannot be opened";
		else
			file_put(f);
	}
	kfree(path);
	kfree(img);
	return err;
}

/* --- The program --- */

/* Not behind a program that lies among the mappings, where it could not grow; nor right behind
 * another one, where it is somewhere by chance. */
static vaddr_t heap_start(const struct exec *e, const struct elf_image *img, vaddr_t end)
{
	bool among_mappings = img->dyn && !img->interp_len;
	vaddr_t start = among_mappings ? PIE_BASE : end;
	if (e->randomize <= 1)
		return start;
	if (!among_mappings)
		start += PAGE_SIZE;
	return start + (exec_random(e, HEAP_RANDOM_PAGES) << PAGE_SHIFT);
}

/* Linux's bounds of code, data and heap, as /proc/PID/stat shows them. */
static void set_bounds(struct exec *e, const struct elf_image *img, u32 bias)
{
	struct mm *mm = e->mm;
	mm->start_code = ~0u;
	mm->start_data = mm->end_code = mm->end_data = 0;
	for (u32 i = 0; i < img->nr_segments; i++) {
		const struct elf_segment *s = &img->segment[i];
		vaddr_t start = s->vaddr + bias, end = start + s->filesz;
		if (s->prot & ELF_EXEC) {
			mm->start_code = MIN(mm->start_code, start);
			mm->end_code = MAX(mm->end_code, end);
		}
		mm->start_data = MAX(mm->start_data, start);
		mm->end_data = MAX(mm->end_data, end);
	}
	if (mm->start_code == ~0u)
		mm->start_code = mm->end_code = img->lo + bias;
	mm->start_brk = mm->brk = heap_start(e, img, img->hi + bias);
}

/* Programs that say nothing about their stack are older than NX and may run their data. */
static void choose_execution(struct exec *e)
{
	e->read_implies_exec =
		!e->elf.stack_stated || (e->personality & READ_IMPLIES_EXEC);
	if (e->read_implies_exec)
		e->personality |= READ_IMPLIES_EXEC;
	e->stack_exec = e->elf.stack_exec || e->read_implies_exec;
}

long exec_load(struct exec *e)
{
	u32 base;
	long err;
	if (!e->file->backing.object) {
		e->why = "this file cannot be mapped";
		return -ENOEXEC;
	}
	err = read_image(e->file, &e->elf, &e->why);
	if (err)
		return err;
	e->hidden = file_may_read(e->file) != 0;
	choose_execution(e);
	e->mm->mmap_base = mmap_base(e);
	base = e->elf.interp_len ? PIE_BASE + (exec_random(e, MMAP_RANDOM_PAGES) << PAGE_SHIFT) : 0;
	err = map_image(e, e->file, &e->elf, base, &e->bias);
	if (err)
		return err;
	set_bounds(e, &e->elf, e->bias);
	e->entry = e->elf.entry + e->bias;
	if (e->elf.interp_len)
		err = load_interp(e);
	if (err)
		return err;
	e->file->backing.ops->get(&e->file->backing);
	e->mm->exe = &e->file->backing;
	return 0;
}
