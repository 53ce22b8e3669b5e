/* Drawing: what is inside is drawn, what is outside is not touched. */
#include "kernel/core/canvas.h"
#include "kernel/core/selftest.h"
#include "kernel/lib/string.h"

#define W      20u
#define H      18u
#define STRIDE 24u
#define UNSEEN 0x777777u

static u32 pixels[STRIDE * H + STRIDE];
static const struct canvas c = {.pixels = pixels, .width = W, .height = H, .stride = STRIDE};

static void start(void)
{
	for (u32 i = 0; i < ARRAY_SIZE(pixels); i++)
		pixels[i] = UNSEEN;
}

/* Pixels of this colour inside the rectangle, and everywhere. */
static bool only_inside(u32 colour, struct rect r)
{
	for (u32 i = 0; i < ARRAY_SIZE(pixels); i++) {
		u32 x = i % STRIDE, y = i / STRIDE;
		bool inside = x - r.x < r.w && y - r.y < r.h;

		if (inside != (pixels[i] == colour))
			return false;
	}
	return true;
}

KTEST(canvas, fill_is_cut_off)
{
	start();
	canvas_fill(&c, (struct rect){3, 4, 5, 6}, 1);
	KEXPECT(only_inside(1, (struct rect){3, 4, 5, 6}));
	start();
	canvas_fill(&c, (struct rect){W - 2, H - 3, 100, UINT32_MAX}, 1);
	KEXPECT(only_inside(1, (struct rect){W - 2, H - 3, 2, 3}));
	start();
	canvas_fill(&c, (struct rect){W, 0, 1, 1}, 1);
	canvas_fill(&c, (struct rect){0, H, 1, 1}, 1);
	canvas_fill(&c, (struct rect){0, 0, 0, 5}, 1);
	KEXPECT(only_inside(1, (struct rect){0}));
}

static u32 ink(char ch)
{
	u32 n = 0;

	start();
	canvas_glyph(&c, 2, 1, (u8)ch, 1, 2);
	for (u32 i = 0; i < ARRAY_SIZE(pixels); i++)
		n += pixels[i] == 1;
	return n;
}

KTEST(canvas, glyphs)
{
	KEXPECT_EQ(ink(' '), 0);
	KEXPECT_EQ(ink('\t'), 0);
	KEXPECT_EQ(ink((char)0xe4), 0);
	for (char ch = '!'; ch <= '~'; ch++)
		KEXPECT(ink(ch) > 1 && ink(ch) < GLYPH_WIDTH * GLYPH_HEIGHT / 2);
	/* Letters stand on one line: their lowest row is 'n's, but for those with a tail. */
	KEXPECT(font_glyphs['n' - GLYPH_FIRST][13] && !font_glyphs['n' - GLYPH_FIRST][14]);
	KEXPECT(font_glyphs['H' - GLYPH_FIRST][13] && !font_glyphs['H' - GLYPH_FIRST][14]);
	KEXPECT(font_glyphs['p' - GLYPH_FIRST][14]);
}

KTEST(canvas, glyph_is_cut_off)
{
	start();
	canvas_glyph(&c, W - 3, H - 5, 'W', 1, 1);
	KEXPECT(only_inside(1, (struct rect){W - 3, H - 5, 3, 5}));
}

KTEST(canvas, text_goes_right)
{
	u32 first;

	start();
	canvas_glyph(&c, 1, 1, 'b', 1, 2);
	first = pixels[5 * STRIDE + 2];
	start();
	canvas_text(&c, 1, 1, " b", 1, 2);
	KEXPECT_EQ(pixels[5 * STRIDE + 2], 2);
	KEXPECT_EQ(pixels[5 * STRIDE + 2 + GLYPH_WIDTH], first);
}

KTEST(canvas, print)
{
	u32 as_text[ARRAY_SIZE(pixels)];

	start();
	canvas_text(&c, 1, 1, "7", 1, CANVAS_GROUND);
	memcpy(as_text, pixels, sizeof(pixels));
	start();
	canvas_print(&c, 1, 1, 1, "%u", 7);
	KEXPECT(memcmp(as_text, pixels, sizeof(pixels)) == 0);
}

KTEST(canvas, mix)
{
	KEXPECT_EQ(colour_mix(0x102030, 0xffffff, 0), 0x102030);
	KEXPECT_EQ(colour_mix(0x102030, 0xf0e0d0, 16), 0xf0e0d0);
	KEXPECT_EQ(colour_mix(0x000000, 0x2040ff, 8), 0x10207f);
}
