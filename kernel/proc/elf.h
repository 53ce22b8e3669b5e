/*
 * Checks an ELF program's headers and turns them into a list of segments. Pure: nothing in a file
 * is trusted, nothing is read but the buffers handed in, and a refusal says why in words.
 */
#ifndef PROC_ELF_H
#define PROC_ELF_H

#include "kernel/abi/elf.h"
#include "kernel/lib/types.h"

#define ELF_MAX_PHDRS    128u
#define ELF_MAX_SEGMENTS 64u
#define ELF_MAX_INTERP   4096u

/* Protection bits, with the values of PROT_ and VM_. */
#define ELF_READ  1u
#define ELF_WRITE 2u
#define ELF_EXEC  4u

/* A PT_LOAD. Addresses are as linked: an ET_DYN image adds where it is put. */
struct elf_segment {
	u32 vaddr, memsz;
	u32 offset, filesz; /* filesz <= memsz; offset and vaddr agree modulo PAGE_SIZE */
	u32 prot;
};

/* Page ranges of segments ascend and do not touch each other's pages; all lie in user space. */
struct elf_image {
	bool dyn;          /* ET_DYN: may be put anywhere */
	u32 entry;         /* inside one of the segments */
	u32 phnum;
	u32 phdr_vaddr;    /* the program headers in memory; 0: in no segment */
	u32 lo, hi;        /* pages that the segments span, half-open */
	u32 align;         /* largest alignment asked for: a power of two, at least a page */
	u32 interp_offset, interp_len; /* path of the interpreter with its NUL; len 0: none */
	bool stack_stated, stack_exec; /* PT_GNU_STACK is there; and asks for execution */
	u32 nr_segments;
	struct elf_segment segment[ELF_MAX_SEGMENTS];
};

/* Checks `got` bytes from the beginning of a file of file_size bytes. 0, or -ENOEXEC and *why. */
int elf_check_header(const void *head, size_t got, u64 file_size, const char **why) __must_check;

/* The bytes of the program header table of a header that was found good. */
static inline u32 elf_phdrs_size(const struct elf32_ehdr *h)
{
	return h->e_phnum * (u32)sizeof(struct elf32_phdr);
}

/* Reads the table, elf_phdrs_size() bytes. 0, or -ENOEXEC and *why. */
int elf_parse(const struct elf32_ehdr *h, const struct elf32_phdr *phdrs, u64 file_size,
	struct elf_image *out, const char **why) __must_check;

#endif
