/* Multiboot 1: the header in the image, what the loader leaves in memory, and the exit values of
 * the code that runs before there is a console. Also included by assembly. */
#ifndef BOOT_MULTIBOOT_H
#define BOOT_MULTIBOOT_H

#define MULTIBOOT_HEADER_MAGIC 0x1badb002
#define MULTIBOOT_PAGE_ALIGN   0x1 /* header flag: modules on page borders */
#define MULTIBOOT_MEMORY_INFO  0x2 /* header flag: we need the memory map */
#define MULTIBOOT_VIDEO_MODE   0x4 /* header flag: the words about a graphics mode are valid */

#define MULTIBOOT_MAGIC 0x2badb002 /* in EAX at the start */

/* Bits of multiboot_info.flags: which fields are valid. */
#define MULTIBOOT_INFO_MEM     0x001
#define MULTIBOOT_INFO_CMDLINE 0x004
#define MULTIBOOT_INFO_MODS    0x008
#define MULTIBOOT_INFO_MMAP    0x040
#define MULTIBOOT_INFO_LOADER  0x200
#define MULTIBOOT_INFO_FRAMEBUFFER 0x1000

/* enum exit_code of kernel/core/panic.h, which assembly cannot read. */
#define BOOT_EXIT_PANIC 0x12
#define BOOT_EXIT_BOOT  0x14

#ifndef __ASSEMBLER__

#include "kernel/lib/types.h"

/*
 * Makes `bootinfo` of what the loader passed (EAX and EBX at the start), copying everything, so
 * that the loader's memory may be overwritten afterwards. Stops with boot_fail() when it was no
 * multiboot loader, or when it left no memory map.
 */
void bootinfo_from_multiboot(u32 magic, u32 mbi_phys);

#endif
#endif
