/* ELF headers: what is wrong with them, or where the segments go. */
#include "kernel/proc/elf.h"
#include "kernel/abi/errno.h"
#include "kernel/lib/string.h"
#include "kernel/x86/layout.h"

static int refuse(const char **why, const char *reason)
{
	*why = reason;
	return -ENOEXEC;
}

static int check_ident(const struct elf32_ehdr *h, const char **why)
{
	if (h->class != ELF_CLASS32)
		return refuse(why, "not a 32-bit ELF file");
	if (h->data != ELF_DATA2LSB)
		return refuse(why, "not a little-endian ELF file");
	if (h->version != ELF_EV_CURRENT || h->e_version != ELF_EV_CURRENT)
		return refuse(why, "unknown ELF version");
	if (h->e_machine != ELF_EM_386 && h->e_machine != ELF_EM_486)
		return refuse(why, "ELF file for another machine");
	if (h->e_type != ELF_ET_EXEC && h->e_type != ELF_ET_DYN)
		return refuse(why, "ELF file that is not a program");
	return 0;
}

int elf_check_header(const void *head, size_t got, u64 file_size, const char **why)
{
	struct elf32_ehdr h = {.magic = 0};
	int err;
	memcpy(&h, head, MIN(got, sizeof(h)));
	if (h.magic != ELF_MAGIC)
		return refuse(why, "not an ELF file");
	if (got < sizeof(h))
		return refuse(why, "truncated ELF header");
	err = check_ident(&h, why);
	if (err)
		return err;
	if (h.e_phentsize != sizeof(struct elf32_phdr))
		return refuse(why, "wrong size of ELF program headers");
	if (h.e_phnum == 0 || h.e_phnum > ELF_MAX_PHDRS)
		return refuse(why, "no ELF program headers, or too many");
	if ((u64)h.e_phoff + elf_phdrs_size(&h) > file_size)
		return refuse(why, "truncated: ELF program headers lie beyond the end of the file");
	return 0;
}

static u32 prot_of(u32 p_flags)
{
	return (p_flags & ELF_PF_R ? ELF_READ : 0) | (p_flags & ELF_PF_W ? ELF_WRITE : 0) |
	       (p_flags & ELF_PF_X ? ELF_EXEC : 0);
}

/* The pages of a segment end here. The segment has been checked, so nothing wraps. */
static u32 segment_end(const struct elf_segment *s)
{
	return ALIGN_UP(s->vaddr + s->memsz, PAGE_SIZE);
}

static int check_load(const struct elf32_phdr *p, bool dyn, u64 file_size, const char **why)
{
	if (p->p_filesz > p->p_memsz)
		return refuse(why, "segment is larger in the file than in memory");
	if (p->p_vaddr > USER_TOP || p->p_memsz > USER_TOP - p->p_vaddr)
		return refuse(why, "segment reaches beyond user space, or wraps around");
	if (!dyn && p->p_vaddr < USER_MIN)
		return refuse(why, "segment lies below the lowest user address");
	if (p->p_filesz && (p->p_vaddr - p->p_offset) % PAGE_SIZE)
		return refuse(why, "unaligned segment: address and file offset disagree");
	if ((u64)p->p_offset + p->p_filesz > file_size)
		return refuse(why, "truncated: segment lies beyond the end of the file");
	return 0;
}

static int add_load(
	struct elf_image *img, const struct elf32_phdr *p, u64 file_size, const char **why)
{
	struct elf_segment *s = &img->segment[img->nr_segments];
	int err = check_load(p, img->dyn, file_size, why);
	if (err)
		return err;
	if (p->p_memsz == 0)
		return 0;
	if (img->nr_segments == ELF_MAX_SEGMENTS)
		return refuse(why, "too many segments");
	if (img->nr_segments && ALIGN_DOWN(p->p_vaddr, PAGE_SIZE) < segment_end(s - 1))
		return refuse(why, "overlapping segments, or not in ascending order");
	*s = (struct elf_segment){
		.vaddr = p->p_vaddr,
		.memsz = p->p_memsz,
		.offset = p->p_offset,
		.filesz = p->p_filesz,
		.prot = prot_of(p->p_flags),
	};
	if (!(p->p_align & (p->p_align - 1)))
		img->align = MAX(img->align, p->p_align);
	img->nr_segments++;
	return 0;
}

static int add_interp(
	struct elf_image *img, const struct elf32_phdr *p, u64 file_size, const char **why)
{
	if (img->interp_len)
		return 0; /* the first one counts */
	if (p->p_filesz < 2 || p->p_filesz > ELF_MAX_INTERP)
		return refuse(why, "path of the ELF interpreter is empty or too long");
	if ((u64)p->p_offset + p->p_filesz > file_size)
		return refuse(why, "truncated: path of the interpreter beyond the end of the file");
	img->interp_offset = p->p_offset;
	img->interp_len = p->p_filesz;
	return 0;
}

static bool holds(const struct elf_segment *s, u32 vaddr)
{
	return vaddr - s->vaddr < s->memsz;
}

static bool entry_inside(const struct elf_image *img)
{
	for (u32 i = 0; i < img->nr_segments; i++)
		if (holds(&img->segment[i], img->entry))
			return true;
	return false;
}

static u32 find_phdrs(const struct elf_image *img, u32 phoff)
{
	for (u32 i = 0; i < img->nr_segments; i++) {
		const struct elf_segment *s = &img->segment[i];
		if (phoff >= s->offset && phoff - s->offset < s->filesz)
			return phoff - s->offset + s->vaddr;
	}
	return 0;
}

int elf_parse(const struct elf32_ehdr *h, const struct elf32_phdr *phdrs, u64 file_size,
	struct elf_image *out, const char **why)
{
	int err = 0;
	memset(out, 0, sizeof(*out));
	out->dyn = h->e_type == ELF_ET_DYN;
	out->entry = h->e_entry;
	out->phnum = h->e_phnum;
	out->align = PAGE_SIZE;
	for (u32 i = 0; i < h->e_phnum && !err; i++) {
		const struct elf32_phdr *p = &phdrs[i];
		if (p->p_type == ELF_PT_LOAD) {
			err = add_load(out, p, file_size, why);
		} else if (p->p_type == ELF_PT_INTERP) {
			err = add_interp(out, p, file_size, why);
		} else if (p->p_type == ELF_PT_GNU_STACK) {
			out->stack_stated = true;
			out->stack_exec = p->p_flags & ELF_PF_X;
		}
	}
	if (err)
		return err;
	if (out->nr_segments == 0)
		return refuse(why, "no loadable segment");
	if (!entry_inside(out))
		return refuse(why, "entry point is in no segment");
	out->lo = ALIGN_DOWN(out->segment[0].vaddr, PAGE_SIZE);
	out->hi = segment_end(&out->segment[out->nr_segments - 1]);
	out->phdr_vaddr = find_phdrs(out, h->e_phoff);
	return 0;
}
