/*
 * What the boot loader said, in our own words. boot/multiboot.c makes it; the kernel reads it
 * once and never looks at multiboot structures.
 */
#ifndef CORE_BOOTINFO_H
#define CORE_BOOTINFO_H

#include "kernel/lib/types.h"

#define BOOT_MAX_RANGES  64
#define BOOT_MAX_MODULES 8
#define BOOT_CMDLINE     2048

/* Half-open physical range. */
struct prange {
	u64 start, end;
};

/* A graphics mode. Its pixels are words of `bits` bits, with a byte of each colour from bit *_at on. */
struct boot_framebuffer {
	u64 addr;          /* physical */
	u32 pitch;         /* bytes from one line to the next */
	u32 width, height; /* pixels; width 0: the machine is in text mode */
	u8 bits, red_at, green_at, blue_at;
};

struct bootinfo {
	struct prange ram[BOOT_MAX_RANGES]; /* usable memory: sorted, disjoint, not yet page aligned */
	u32 nr_ram;
	struct prange module[BOOT_MAX_MODULES];
	u32 nr_modules;
	char cmdline[BOOT_CMDLINE]; /* without the kernel's own name */
	char loader[64];
	struct boot_framebuffer framebuffer;
};

extern struct bootinfo bootinfo;

/*
 * Command-line options: `name=value` or a bare `name`. Words after `--` belong to process 1.
 * Returns the value's length (0 for a bare word), or -1 when absent. `buf` may be NULL to test
 * for presence. The last occurrence wins.
 */
int cmdline_get(const char *name, char *buf, size_t size);

/* The words after `--`, or "". */
const char *cmdline_init_args(void);

/* The same for any line. Pure. */
int cmdline_find(const char *line, const char *name, char *buf, size_t size);
const char *cmdline_after_dashes(const char *line);

#endif
