/*
 * The framebuffer: device memory, which is not in the direct map. It has a window of its own in
 * kernel space, of 2 MiB pages, that is there from the first lines of the boot on, so that what
 * goes wrong in it can be read.
 */
#include "kernel/x86/framebuffer.h"
#include "kernel/core/bootinfo.h"
#include "kernel/core/log.h"
#include "kernel/x86/dispi.h"
#include "kernel/x86/features.h"
#include "kernel/x86/layout.h"

#define WIDTH  1280u /* asked for; boot/start.S asks the loader for the same */
#define HEIGHT 960u

struct canvas framebuffer __ro_after_init;

static u64 phys_start, phys_end; /* what the window shows: whole 2 MiB pages */

extern pte_t boot_pd[];

static __init bool is_ram(u64 start, u64 end)
{
	for (u32 i = 0; i < bootinfo.nr_ram; i++)
		if (start < bootinfo.ram[i].end && end > bootinfo.ram[i].start)
			return true;
	return false;
}

/* What is wrong with it; NULL: nothing. */
static __init const char *unusable(const struct boot_framebuffer *fb, u64 end)
{
	if (fb->bits != 32 || fb->red_at != 16 || fb->green_at != 8 || fb->blue_at != 0)
		return "its pixels are not 0xRRGGBB in 32 bits";
	if (fb->pitch % sizeof(u32) || fb->pitch / sizeof(u32) < fb->width)
		return "its lines overlap";
	if (ALIGN_UP(end, (u64)PD_SIZE) - ALIGN_DOWN(fb->addr, (u64)PD_SIZE) >
		FRAMEBUFFER_END - FRAMEBUFFER_START)
		return "it is too large";
	if (is_ram(fb->addr, end))
		return "it lies in memory";
	return NULL;
}

void __init framebuffer_map(pte_t *directory)
{
	u64 flags = PTE_P | PTE_W | PTE_A | PTE_D | PTE_PS | pte_nx_mask |
		    (cpu_features.pat ? PTE_WC : PTE_CD | PTE_WT);
	vaddr_t va = FRAMEBUFFER_START;

	for (u64 pa = phys_start; pa < phys_end; pa += PD_SIZE, va += PD_SIZE)
		directory[pd_index(va)] = pte_make(paddr_pfn(PADDR(pa)), flags);
}

void __init framebuffer_init(void)
{
	struct boot_framebuffer *fb = &bootinfo.framebuffer;
	const char *problem;
	u64 end;

	if (!fb->width && cmdline_get("picture", NULL, 0) >= 0 &&
		!dispi_set_mode(fb, WIDTH, HEIGHT))
		log_warn("picture: neither the boot loader nor we can set a graphics mode");
	if (!fb->width)
		return;
	end = fb->addr + (u64)fb->pitch * fb->height;
	problem = unusable(fb, end);
	if (problem) {
		log_warn("framebuffer: not used: %s", problem);
		return;
	}
	phys_start = ALIGN_DOWN(fb->addr, (u64)PD_SIZE);
	phys_end = ALIGN_UP(end, (u64)PD_SIZE);
	framebuffer_map(boot_pd);
	framebuffer = (struct canvas){
		.pixels = (u32 *)(FRAMEBUFFER_START + (u32)(fb->addr - phys_start)),
		.width = fb->width,
		.height = fb->height,
		.stride = fb->pitch / (u32)sizeof(u32),
	};
	canvas_fill(&framebuffer, (struct rect){0, 0, fb->width, fb->height}, CANVAS_GROUND);
}
