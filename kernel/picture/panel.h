/* The part of the picture that is words and numbers: the legend with counts, what goes on each
 * second, and the last minutes as two charts. Drawn by the painter (picture.c) alone. */
#ifndef PICTURE_PANEL_H
#define PICTURE_PANEL_H

#include "kernel/core/canvas.h"
#include "mm/page.h"

#define PANEL_INK    0xc9d1d9
#define PANEL_DIM    0x7d8590

/* Takes `place` of the framebuffer for the panel. Without memory for the charts it has none. */
void panel_init(struct rect place);

/* Draws it anew. `count` are the frames by kind, `percent10` the tenths of a per cent of the time
 * that painting takes. */
void panel_show(const u32 count[PK_NR], u32 percent10);

#endif
