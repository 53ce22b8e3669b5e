/*
 * A picture in memory and what can be drawn on it: rectangles and text. Pure: whoever owns the
 * memory says where it is. What lies outside the canvas is cut off.
 */
#ifndef CORE_CANVAS_H
#define CORE_CANVAS_H

#include "kernel/lib/types.h"

#define GLYPH_WIDTH  8u /* pixels of a character */
#define GLYPH_HEIGHT 16u
#define GLYPH_FIRST  0x20u /* the printable ASCII characters */
#define GLYPH_LAST   0x7eu

#define CANVAS_GROUND 0x0d1017 /* what an empty picture is filled with */

/* Colours are 0xRRGGBB. */
struct canvas {
	u32 *pixels;
	u32 width, height; /* pixels; width 0: there is none */
	u32 stride;        /* pixels from one line to the next */
};

struct rect {
	u32 x, y, w, h; /* pixels; an empty one has w or h 0 */
};

/* The font, a bit for each pixel, the leftmost in bit 7. tools/mkfont.py makes it. */
extern const u8 font_glyphs[GLYPH_LAST - GLYPH_FIRST + 1][GLYPH_HEIGHT];

/* What of r lies on the canvas. */
void canvas_fill(const struct canvas *c, struct rect r, u32 colour);

/* A character on its ground; what the font does not have looks like a blank. */
void canvas_glyph(const struct canvas *c, u32 x, u32 y, u8 ch, u32 colour, u32 ground);

/* A line of characters from (x, y), its upper left corner, on. */
void canvas_text(const struct canvas *c, u32 x, u32 y, const char *s, u32 colour, u32 ground);

/* Formatted text on CANVAS_GROUND, cut off at CANVAS_LINE characters. Returns the x behind it. */
#define CANVAS_LINE 159u
u32 canvas_print(const struct canvas *c, u32 x, u32 y, u32 colour, const char *fmt, ...)
	__printf(5, 6);

/* `part` sixteenths of colour b in colour a. */
u32 colour_mix(u32 a, u32 b, u32 part);

#endif
