/* The text screen on whichever of the two there is. */
#include "kernel/core/screen.h"
#include "kernel/core/vt.h"
#include "kernel/x86/framebuffer.h"
#include "kernel/x86/vga.h"

#define WIDTH  (VT_COLS * GLYPH_WIDTH)
#define HEIGHT (VT_ROWS * GLYPH_HEIGHT)
#define MARGIN 8u /* to the framebuffer's border */

#define CURSOR_LINES 2u

/* The VGA's colours, a little softer, on the ground of the picture around. */
static const u32 colours[16] = {
	CANVAS_GROUND,
	0x4f7ff0,
	0x3fb950,
	0x39b5b5,
	0xe5534b,
	0xb070dd,
	0xc69026,
	0xc9d1d9,
	0x636e7b,
	0x79a8ff,
	0x6fdd8b,
	0x66dfdf,
	0xff8a80,
	0xdcbdfb,
	0xf2cc60,
	0xffffff,
};

/* What is drawn, so that only what changes is drawn again; 0: nothing yet. Under the console's
 * lock. */
static u16 shown[VT_ROWS * VT_COLS];
static u32 cursor_cell; /* drawn there, unless cursor_hidden */
static bool cursor_hidden = true;

struct rect screen_place(void)
{
	const struct canvas *c = &framebuffer;

	if (c->width < WIDTH + 2 * MARGIN || c->height < HEIGHT + 2 * MARGIN)
		return (struct rect){0};
	return (struct rect){MARGIN, c->height - HEIGHT - MARGIN, WIDTH, HEIGHT};
}

static void draw_cell(u32 at)
{
	struct rect place = screen_place();
	u32 x = place.x + at % VT_COLS * GLYPH_WIDTH, y = place.y + at / VT_COLS * GLYPH_HEIGHT;
	u16 cell = shown[at];

	canvas_glyph(&framebuffer, x, y, (u8)cell, colours[cell >> 8 & 15], colours[cell >> 12]);
	if (at == cursor_cell && !cursor_hidden)
		canvas_fill(&framebuffer,
			(struct rect){
				x, y + GLYPH_HEIGHT - CURSOR_LINES, GLYPH_WIDTH, CURSOR_LINES},
			colours[7]);
}

static void draw_cells(u32 at, const u16 *cells, u32 n)
{
	for (u32 i = 0; i < n; i++) {
		if (shown[at + i] == cells[i])
			continue;
		shown[at + i] = cells[i];
		draw_cell(at + i);
	}
}

static void draw_cursor(u32 cell, bool hidden)
{
	u32 old = cursor_cell;

	if (cell == old && hidden == cursor_hidden)
		return;
	cursor_cell = cell;
	cursor_hidden = hidden;
	draw_cell(old);
	draw_cell(cell);
}

void screen_show(u32 at, const u16 *cells, u32 n)
{
	if (!framebuffer.width)
		vga_show(at, cells, n);
	else if (screen_place().w)
		draw_cells(at, cells, n);
}

void screen_cursor(u32 cell, bool hidden)
{
	if (!framebuffer.width)
		vga_cursor(cell, hidden);
	else if (screen_place().w)
		draw_cursor(cell, hidden);
}
