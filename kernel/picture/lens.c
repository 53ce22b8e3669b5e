/* The close-up: a mosaic of its own. See lens.h. */
#include "kernel/picture/lens.h"
#include "kernel/lib/string.h"
#include "kernel/picture/mosaic.h"
#include "kernel/picture/panel.h"
#include "kernel/x86/framebuffer.h"
#include "kernel/x86/pte.h"

#define COLS   16u
#define ROWS   (PT_ENTRIES / COLS)
#define TEXT_H (2 * GLYPH_HEIGHT)
#define TILE_W (LENS_WIDTH / COLS)
#define TILE_H ((LENS_HEIGHT - TEXT_H) / ROWS)

static struct mosaic lens; /* nr_spans 0: it shows nothing. A test reads it */
static struct tile tiles[PT_ENTRIES];

void lens_init(u32 x, u32 y)
{
	lens = (struct mosaic){
		.place = {x, y + TEXT_H, LENS_WIDTH, ROWS * TILE_H},
		.cols = COLS,
		.rows = ROWS,
		.tile_w = TILE_W,
		.tile_h = TILE_H,
		.per_tile = 1,
	};
}

static void show_title(u32 pfn)
{
	u32 x = lens.place.x, y = lens.place.y - TEXT_H;

	canvas_print(&framebuffer, x, y, PANEL_DIM, "close-up from");
	canvas_print(&framebuffer, x, y + GLYPH_HEIGHT, PANEL_INK, "%u MiB     ", pfn / 256);
}

void lens_follow(u32 pfn)
{
	u32 start = ALIGN_DOWN(pfn, PT_ENTRIES), end = MIN(start + PT_ENTRIES, nr_pfns);

	if (!lens.cols || (lens.nr_spans && start == lens.span[0].start))
		return;
	lens.nr_spans = 1;
	lens.span[0] = (struct mosaic_span){start, end, 0};
	lens.rows = (end - start - 1) / COLS + 1;
	memset(tiles, TILE_BLANK, sizeof(tiles));
	canvas_fill(&framebuffer, lens.place, CANVAS_GROUND);
	show_title(start);
}

void lens_paint(void)
{
	struct mosaic_pass pass = {.cooling = 1};

	for (u32 row = 0; lens.nr_spans && row < lens.rows; row++)
		mosaic_paint_row(&lens, &framebuffer, row, mem_map, &tiles[row * COLS], &pass);
}
