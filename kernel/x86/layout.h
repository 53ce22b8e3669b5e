/*
 * The address map.
 *
 *   0x00000000 +--------------------------------+
 *              | never mapped (mmap_min_addr)   |
 *   0x00010000 +--------------------------------+
 *              | program, heap (brk) going up   |  user: private to each address space,
 *              | ...                            |  PDPT entries 0, 1 and 2
 *              | mmap area going down, stack    |
 *   0xc0000000 +--------------------------------+  PDPT entry 3: one page directory, shared
 *              | direct map of low memory       |  by all; PA 0 here. 2 MiB pages, global.
 *   0xc0100000 |   kernel image (PA 0x100000)   |  The image in 4 KiB pages: text R-X,
 *              |                                |  rodata R--, data RW-
 *   0xf8000000 +--------------------------------+
 *              | vmalloc: a guard page between  |
 *              | areas; kernel stacks           |
 *   0xfe000000 +--------------------------------+
 *              | framebuffer, if there is one   |
 *   0xffc00000 +--------------------------------+
 *              | kmap slots of each CPU, fixmap |
 *   0xffe00000 +--------------------------------+
 *              | never mapped: error pointers   |
 *   0xffffffff +--------------------------------+
 *
 * Memory above LOWMEM_LIMIT has no permanent kernel address (zone HighMem); kmap_local() gives it
 * one for a moment.
 */
#ifndef X86_LAYOUT_H
#define X86_LAYOUT_H

#define USER_TOP      0xC0000000u
#define USER_MIN      0x00010000u /* mmap_min_addr */
#define KERNEL_BASE   0xC0000000u
#define KERNEL_PHYS   0x00100000u
#define VMALLOC_START 0xF8000000u
#define VMALLOC_END   0xFE000000u
#define FRAMEBUFFER_START 0xFE000000u
#define FRAMEBUFFER_END   0xFFC00000u
#define KMAP_START    0xFFC00000u
#define FIXMAP_START  0xFFD00000u
#define LAPIC_START   0xFFDFF000u /* its last page: the local APIC's registers */

#define LOWMEM_LIMIT (VMALLOC_START - KERNEL_BASE) /* bytes of directly mapped memory: 896 MiB */
#define DMA_LIMIT    0x01000000u                   /* ISA DMA reaches 16 MiB */

#define KSTACK_SIZE 8192u

/* Segment selectors: Linux i386's numbers, which programs can see. */
#define GDT_TLS_MIN  6
#define GDT_TLS_NR   3
#define SEL_KCODE    0x60
#define SEL_KDATA    0x68
#define SEL_UCODE    0x73
#define SEL_UDATA    0x7b
#define SEL_TSS      0x80
#define SEL_LDT      0x88
#define SEL_TSS_DF   0xf8
#define GDT_ENTRIES  32

#endif
