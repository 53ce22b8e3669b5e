/* The VGA's text mode: 80x25 cells of a character and an attribute, and a cursor. */
#ifndef X86_VGA_H
#define X86_VGA_H

#include "kernel/lib/types.h"

/* Shows n cells from the at-th of the screen on. */
void vga_show(u32 at, const u16 *cells, u32 n);

/* Puts the cursor on a cell, or hides it. */
void vga_cursor(u32 cell, bool hidden);

#endif
