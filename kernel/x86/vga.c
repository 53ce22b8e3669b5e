/* The VGA's text mode: memory at 0xb8000 and the CRT controller's cursor registers. */
#include "kernel/x86/vga.h"
#include "kernel/x86/io.h"
#include "kernel/x86/layout.h"

#define VGA_MEMORY ((volatile u16 *)(KERNEL_BASE + 0xb8000))

#define CRTC_INDEX	0x3d4
#define CRTC_DATA	0x3d5
#define CRTC_CUR_START	0x0a
#define CRTC_CUR_HIGH	0x0e
#define CRTC_CUR_LOW	0x0f
#define CURSOR_OFF	0x20 /* in CUR_START */
#define CURSOR_SCANLINE 13

static void crtc_write(u8 reg, u8 v)
{
	outb(CRTC_INDEX, reg);
	outb(CRTC_DATA, v);
}

void vga_show(u32 at, const u16 *cells, u32 n)
{
	for (u32 i = 0; i < n; i++)
		VGA_MEMORY[at + i] = cells[i];
}

void vga_cursor(u32 cell, bool hidden)
{
	crtc_write(CRTC_CUR_START, hidden ? CURSOR_OFF : CURSOR_SCANLINE);
	crtc_write(CRTC_CUR_HIGH, (u8)(cell >> 8));
	crtc_write(CRTC_CUR_LOW, (u8)cell);
}
