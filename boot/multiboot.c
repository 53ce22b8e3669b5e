/* From the loader's words (Multiboot specification 0.6.96, section 3.3) to struct bootinfo. */
#include "boot/multiboot.h"
#include "boot/e820.h"
#include "kernel/core/bootinfo.h"
#include "kernel/core/log.h"
#include "kernel/core/panic.h"
#include "kernel/lib/string.h"
#include "kernel/x86/layout.h"

_Static_assert(BOOT_EXIT_PANIC == EXIT_PANIC, "assembly's copy of EXIT_PANIC");
_Static_assert(BOOT_EXIT_BOOT == EXIT_BOOT, "assembly's copy of EXIT_BOOT");

struct multiboot_info {
	u32 flags;
	u32 mem_lower, mem_upper; /* KiB below 640 KiB, KiB above 1 MiB up to the first hole */
	u32 boot_device;
	u32 cmdline;
	u32 mods_count, mods_addr;
	u32 syms[4];
	u32 mmap_length, mmap_addr;
	u32 drives_length, drives_addr;
	u32 config_table;
	u32 boot_loader_name;
	u32 apm_table;
	u32 vbe[4];
	u64 fb_addr;
	u32 fb_pitch, fb_width, fb_height;
	u8 fb_bits, fb_type;
	u16 padding; /* not in the specification's table, but in its multiboot.h, and in GRUB's */
	struct {
		u8 at, bits;
	} fb_red, fb_green, fb_blue;
} __packed;

struct multiboot_module {
	u32 start, end; /* half-open */
	u32 string, reserved;
};

/* `size` does not count itself, and may be larger than ours. */
struct multiboot_mmap {
	u32 size;
	u64 addr, len;
	u32 type;
} __packed;

#define FB_TYPE_RGB 1 /* 0: a palette, 2: text */

#define MMAP_MIN_SIZE	 20u
#define MMAP_MAX_ENTRIES 128u

struct bootinfo bootinfo;

static struct e820_entry map[MMAP_MAX_ENTRIES] __initdata;

/* What the loader left lies in low memory, which start.S has mapped. */
static __init const void *loader_data(u32 phys, u32 size)
{
	if (phys >= LOWMEM_LIMIT || size > LOWMEM_LIMIT - phys)
		boot_fail("the boot loader's data at %08x lies beyond low memory", phys);
	return (const void *)(phys + KERNEL_BASE);
}

static __init u32 read_mmap(const struct multiboot_info *mbi)
{
	u32 left = mbi->mmap_length, n = 0;
	const char *p = loader_data(mbi->mmap_addr, left);

	while (left >= sizeof(struct multiboot_mmap) && n < MMAP_MAX_ENTRIES) {
		const struct multiboot_mmap *m = (const struct multiboot_mmap *)p;

		if (m->size < MMAP_MIN_SIZE || m->size > left - sizeof(m->size))
			break;
		map[n++] = (struct e820_entry){m->addr, m->len, m->type};
		p += m->size + sizeof(m->size);
		left -= m->size + sizeof(m->size);
	}
	return n;
}

/* Without a map: the two sizes every PC BIOS can tell. */
static __init u32 read_mem_sizes(const struct multiboot_info *mbi)
{
	map[0] = (struct e820_entry){0, (u64)mbi->mem_lower << 10, E820_USABLE};
	map[1] = (struct e820_entry){0x100000, (u64)mbi->mem_upper << 10, E820_USABLE};
	return 2;
}

static __init void read_memory(const struct multiboot_info *mbi)
{
	u32 n = 0;

	if (mbi->flags & MULTIBOOT_INFO_MMAP)
		n = read_mmap(mbi);
	if (!n && (mbi->flags & MULTIBOOT_INFO_MEM))
		n = read_mem_sizes(mbi);
	bootinfo.nr_ram = e820_sanitise(map, n, bootinfo.ram, BOOT_MAX_RANGES);
	if (!bootinfo.nr_ram)
		boot_fail("no memory map from the boot loader");
}

static __init void read_modules(const struct multiboot_info *mbi)
{
	u32 n = MIN(mbi->mods_count, BOOT_MAX_MODULES);
	const struct multiboot_module *m = loader_data(mbi->mods_addr, n * sizeof(*m));

	if (n < mbi->mods_count)
		log_warn("boot: %u modules, only the first %u are used", mbi->mods_count, n);
	for (u32 i = 0; i < n; i++) {
		if (m[i].end < m[i].start)
			boot_fail("module %u ends before it starts (%08x-%08x)", i, m[i].start,
				m[i].end);
		bootinfo.module[i] = (struct prange){m[i].start, m[i].end};
	}
	bootinfo.nr_modules = n;
}

static __init void read_string(char *dst, size_t size, u32 phys)
{
	strlcpy(dst, loader_data(phys, 1), size);
}

static __init const char *skip_word(const char *s)
{
	while (*s && *s != ' ')
		s++;
	while (*s == ' ')
		s++;
	return s;
}

/* The first word is the kernel's file as the loader knows it; GRUB 2 leaves it out. */
static __init void read_cmdline(const struct multiboot_info *mbi)
{
	const char *s = loader_data(mbi->cmdline, 1);

	while (*s == ' ')
		s++;
	if (*s == '/' || strncmp(bootinfo.loader, "GRUB", 4) != 0)
		s = skip_word(s);
	if (strlcpy(bootinfo.cmdline, s, sizeof(bootinfo.cmdline)) >= sizeof(bootinfo.cmdline))
		log_warn("boot: the command line is cut at %u bytes", BOOT_CMDLINE - 1);
}

static __init void read_framebuffer(const struct multiboot_info *mbi)
{
	if (mbi->fb_type != FB_TYPE_RGB)
		return;
	bootinfo.framebuffer = (struct boot_framebuffer){
		.addr = mbi->fb_addr,
		.pitch = mbi->fb_pitch,
		.width = mbi->fb_width,
		.height = mbi->fb_height,
		.bits = mbi->fb_bits,
		.red_at = mbi->fb_red.at,
		.green_at = mbi->fb_green.at,
		.blue_at = mbi->fb_blue.at,
	};
}

void __init bootinfo_from_multiboot(u32 magic, u32 mbi_phys)
{
	const struct multiboot_info *mbi;

	if (magic != MULTIBOOT_MAGIC)
		boot_fail("not started by a multiboot loader (magic %08x)", magic);
	mbi = loader_data(mbi_phys, sizeof(*mbi));
	if (mbi->flags & MULTIBOOT_INFO_LOADER)
		read_string(bootinfo.loader, sizeof(bootinfo.loader), mbi->boot_loader_name);
	if (mbi->flags & MULTIBOOT_INFO_CMDLINE)
		read_cmdline(mbi);
	if (mbi->flags & MULTIBOOT_INFO_MODS)
		read_modules(mbi);
	if (mbi->flags & MULTIBOOT_INFO_FRAMEBUFFER)
		read_framebuffer(mbi);
	read_memory(mbi);
}
