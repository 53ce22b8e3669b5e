/*
 * The end: registers, CR2 decoded, the page-table walk and VMA of the faulting address, and a
 * symbolised backtrace from the table inside the image; then QEMU exits with failure. (panic()
 * itself is declared in kernel/lib/kassert.h.)
 */
#ifndef CORE_PANIC_H
#define CORE_PANIC_H

#include "kernel/lib/types.h"

struct trapframe;

/* panic() for a trap that has no handler: prints the frame's registers and its backtrace. */
void panic_trap(const struct trapframe *tf, const char *fmt, ...)
	__printf(2, 3) __noreturn __attribute__((cold));

/* Prints a backtrace by frame pointers from `ebp`, never faulting on a broken chain. */
void backtrace(u32 ebp, u32 eip);

/* Name and offset of the kernel symbol at or below `addr`; NULL outside the image. */
const char *ksym_lookup(u32 addr, u32 *offset);
/* And its size: the distance to the next symbol. */
const char *ksym_extent(u32 addr, u32 *offset, u32 *size);

/* Called by a panic to say more about an address (mm prints the VMA). May be NULL. */
extern void (*panic_describe_addr)(vaddr_t addr);

/* How the kernel leaves QEMU: isa-debug-exit values; QEMU's status is value * 2 + 1. */
enum exit_code {
	EXIT_PASS = 0x10,  /* 33 */
	EXIT_FAIL = 0x11,  /* 35: self-tests failed, or the checks at the end did */
	EXIT_PANIC = 0x12, /* 37 */
	EXIT_NONE = 0x13,  /* 39: no test matched */
	EXIT_BOOT = 0x14,  /* 41: could not start (bad memory map, module, ELF, too little RAM) */
};

/* Leaves QEMU, or powers off, or halts, whichever works first. */
__noreturn void machine_exit(enum exit_code code);

/* reboot(2)'s two ends. Under QEMU both leave with the code. */
__noreturn void machine_poweroff(enum exit_code code);
__noreturn void machine_reboot(enum exit_code code);

/* Tells the host process 1's wait status, on the debug console (port 0xe9) as "init-status N". */
void machine_report_status(int wait_status);

/* Could not start: one clear line and EXIT_BOOT, without registers and backtrace. */
__noreturn void boot_fail(const char *fmt, ...) __printf(1, 2);

#endif
