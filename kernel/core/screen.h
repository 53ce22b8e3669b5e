/*
 * The text screen: 80x25 cells, shown by the VGA's text mode, or drawn into a corner of the
 * framebuffer when there is one.
 */
#ifndef CORE_SCREEN_H
#define CORE_SCREEN_H

#include "kernel/core/canvas.h"

/* Shows n cells (VGA: character, attribute << 8) from the at-th of the screen on. The caller holds
 * the console, as for the next. */
void screen_show(u32 at, const u16 *cells, u32 n);

/* Puts the cursor on a cell, or hides it. */
void screen_cursor(u32 cell, bool hidden);

/* Where on the framebuffer it is drawn: its lower left corner. Empty when it has no room. */
struct rect screen_place(void);

#endif
