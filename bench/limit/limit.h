/*
 * The limit: a bare machine that does only the hardware's part of each row of the benchmark. One
 * user program in ring 3, page tables that lie ready, frames that are handed out in order; no
 * process, no mapping, no accounting. What a kernel needs beyond this is what it costs.
 *
 * Memory, physical and (identity) virtual:	 0 ..  64 MiB	this image and its tables
 *						128 .. 192 MiB	the frames of the region
 *						192 .. 256 MiB	the frames that copies are made from
 * The region of the rows, 64 MiB, is at 1 GiB.
 */
#ifndef BENCH_LIMIT_H
#define BENCH_LIMIT_H

#define REGION 0x40000000
#define REGION_SIZE 0x04000000
#define FRAMES 0x08000000
#define SOURCES 0x0c000000

#define PTE_P 1
#define PTE_W 2
#define PTE_U 4
#define PDE_PS 0x80

#define SEL_KCODE 0x08
#define SEL_KDATA 0x10
#define SEL_UCODE 0x1b
#define SEL_UDATA 0x23
#define SEL_TSS 0x28

/* What int 0x80 does: an index of call_actions. */
#define CALL_NULL 0
#define CALL_UNMAP 1
#define CALL_PROTECT 2
#define CALL_POPULATE 3
#define CALL_MINCORE 4
#define CALL_MOVE 5
#define CALL_FORK 6
#define CALL_EXIT 7
#define CALL_SIGRETURN 8

#endif
