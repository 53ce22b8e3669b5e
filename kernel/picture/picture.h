/*
 * The live picture of the machine's memory, on the framebuffer: the mosaic of frames (mosaic.h)
 * above, the text screen and the panel (panel.h) below.
 *
 * A kernel thread looks at struct pages, a bounded number of times a second, and paints what has
 * changed. Nothing tells it: no path of the memory system is a single instruction longer for it. It
 * reads without locks, so a frame may be shown as it was a moment ago; once nothing changes any
 * more, the picture is exact after one pass.
 */
#ifndef PICTURE_H
#define PICTURE_H

/* Starts it, if there is a framebuffer. Without memory there is none, and the log says so. Boot. */
void picture_start(void);

#endif
