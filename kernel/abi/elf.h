/* ELF for 32-bit x86 (System V ABI; include/uapi/linux/elf.h): headers as they stand in a file. */
#ifndef ABI_ELF_H
#define ABI_ELF_H

#include "kernel/lib/types.h"

#define ELF_MAGIC      0x464c457fu /* "\177ELF" read as a little-endian word */
#define ELF_CLASS32    1
#define ELF_DATA2LSB   1
#define ELF_EV_CURRENT 1
#define ELF_EM_386     3
#define ELF_EM_486     6

#define ELF_ET_EXEC 2
#define ELF_ET_DYN  3
#define ELF_ET_CORE 4

#define ELF_PT_LOAD      1
#define ELF_PT_INTERP    3
#define ELF_PT_NOTE      4
#define ELF_PT_GNU_STACK 0x6474e551u

#define ELF_PF_X 1u
#define ELF_PF_W 2u
#define ELF_PF_R 4u

struct elf32_ehdr {
	u32 magic;
	u8 class, data, version;
	u8 osabi, abiversion, pad[7];
	u16 e_type, e_machine;
	u32 e_version, e_entry, e_phoff, e_shoff, e_flags;
	u16 e_ehsize, e_phentsize, e_phnum, e_shentsize, e_shnum, e_shstrndx;
};
_Static_assert(sizeof(struct elf32_ehdr) == 52, "Elf32_Ehdr is 52 bytes");

struct elf32_phdr {
	u32 p_type, p_offset, p_vaddr, p_paddr, p_filesz, p_memsz, p_flags, p_align;
};
_Static_assert(sizeof(struct elf32_phdr) == 32, "Elf32_Phdr is 32 bytes");

/* Of a note; its name follows, then what it says, each filled up to a multiple of 4 bytes. */
struct elf32_nhdr {
	u32 n_namesz, n_descsz, n_type;
};

/* Program headers that e_phnum can count. */
#define ELF_PHNUM_MAX 0xfffeu

#endif
