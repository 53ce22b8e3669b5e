/*
 * The picture of the machine's memory: a mosaic with a tile for each frame, its colour saying who
 * owns the frame. Pure: from frames to tiles to pixels.
 *
 *        cols tiles, a power of two, so that addresses are round
 *      +--+--+--+--+--+--+--+--+
 *    0 |  |  |  |  |  |  |  |  |   span 0: frames without a large hole between them
 *    1 |  |  |  |  |xx|xx|xx|xx|   the last row of a span may end early
 *      +--+--+--+--+--+--+--+--+
 *    2 |  |  |  |  |  |  |  |  |   span 1 starts a row of its own
 *      +--+--+--+--+--+--+--+--+
 *
 * Where there are more frames than pixels a tile stands for several frames, and has the colour of
 * the commonest among the owners of those that are in use.
 */
#ifndef MM_MOSAIC_H
#define MM_MOSAIC_H

#include "kernel/core/bootinfo.h"
#include "kernel/core/canvas.h"
#include "mm/page.h"

#define MOSAIC_SPANS 8u      /* more are shown with the holes between them */
#define MOSAIC_HOLE  0x4000u /* frames: holes of this size (64 MiB) and more are left out */
#define MOSAIC_COOL  15u     /* a change is seen for this many steps */

/* A test reads this struct from the machine's memory: words only. */
struct mosaic {
	struct rect place; /* all rows */
	u32 cols, rows;
	u32 tile_w, tile_h; /* pixels; the last of each is a gap if both are at least MOSAIC_GAP */
	u32 per_tile;	    /* frames, a power of two */
	u32 nr_spans;
	struct mosaic_span {
		u32 start, end; /* frames */
		u32 row;	/* the first */
	} span[MOSAIC_SPANS];
};

#define MOSAIC_GAP 4u

/* What is shown of a frame, or of several. */
struct tile {
	u8 kind; /* enum page_kind, or TILE_BLANK */
	u8 mark; /* tells apart what the kind does not: another owner of the same kind, a mapping */
	u8 heat; /* 0..MOSAIC_COOL: how much of `from` is still seen */
	u8 from; /* the kind it had before, or TILE_FLASH */
};

#define TILE_BLANK PK_NR
#define TILE_FLASH (PK_NR + 1)

/* Places the tiles of the memory `ram` (as in struct bootinfo; those below `frames`) in the largest
 * part of `room` that has powers of two as its sides: one frame a tile if there are pixels enough,
 * tiles as square as can be. False: there is not even room for one row. */
bool mosaic_layout(
	struct mosaic *m, struct rect room, const struct prange *ram, u32 nr, u32 frames);

/* The frames of a row, half-open. */
struct mosaic_frames {
	u32 start, end;
};
struct mosaic_frames mosaic_row(const struct mosaic *m, u32 row);

/* The pixels of a tile. */
struct rect mosaic_rect(const struct mosaic *m, u32 row, u32 col);

/* One look at all frames, row by row. */
struct mosaic_pass {
	u32 cooling;	  /* steps that warm tiles cool down by; the caller's */
	u32 count[PK_NR]; /* frames by kind, PK_FREE_TAIL as PK_FREE; from here on zeroes at the start */
	u32 warm;	  /* tiles that still change */
	u32 changed;	  /* tiles that have changed since the last look */
	u32 changed_at;	  /* a frame of the last of them */
	u32 free_until;	  /* the frames before this one belong to the last free block that was seen; the
			   * caller makes it 0 when the allocator may have run since the last row */
};

/*
 * Looks at the frames of a row, whose struct pages are in `pages` (indexed by frame), and paints the
 * tiles that have changed or cool down. `tiles` are the row's: TILE_BLANK before the first time,
 * which shows nothing as a change. Reads struct pages without their locks: each is as it was at some
 * moment, which is good enough for a picture. Free blocks, of which only the head is looked at, cost
 * a few instructions a tile.
 */
void mosaic_paint_row(const struct mosaic *m, const struct canvas *c, u32 row,
	const struct page *pages, struct tile *tiles, struct mosaic_pass *pass);

/* The colour of a kind, 0xRRGGBB. */
extern const u32 mosaic_colour[PK_NR];

#endif
