/*
 * The close-up beside the mosaic: the 2 MiB, as much as one page table maps, in which most happens,
 * with tiles that are large enough to tell frames apart. Drawn by the painter (picture.c) alone.
 */
#ifndef PICTURE_LENS_H
#define PICTURE_LENS_H

#include "kernel/lib/types.h"

#define LENS_WIDTH  112u /* pixels, with the two lines of text above the tiles */
#define LENS_HEIGHT 224u

/* Puts it there on the framebuffer. It shows nothing yet. */
void lens_init(u32 x, u32 y);

/* Shows the 2 MiB that this frame lies in. */
void lens_follow(u32 pfn);

/* Brings it up to date, a step after the last time. */
void lens_paint(void);

#endif
