/* Drawing into a picture in memory. */
#include "kernel/core/canvas.h"
#include "kernel/lib/fmt.h"
#include "kernel/lib/string.h"

static struct rect clip(const struct canvas *c, struct rect r)
{
	if (r.x >= c->width || r.y >= c->height)
		return (struct rect){0};
	r.w = MIN(r.w, c->width - r.x);
	r.h = MIN(r.h, c->height - r.y);
	return r;
}

void canvas_fill(const struct canvas *c, struct rect r, u32 colour)
{
	u32 *line;

	r = clip(c, r);
	line = c->pixels + r.y * c->stride + r.x;
	for (u32 y = 0; y < r.h; y++, line += c->stride)
		for (u32 x = 0; x < r.w; x++)
			line[x] = colour;
}

void canvas_glyph(const struct canvas *c, u32 x, u32 y, u8 ch, u32 colour, u32 ground)
{
	const u8 *rows = font_glyphs[ch >= GLYPH_FIRST && ch <= GLYPH_LAST ? ch - GLYPH_FIRST : 0];
	struct rect r = clip(c, (struct rect){x, y, GLYPH_WIDTH, GLYPH_HEIGHT});
	u32 *line = c->pixels + r.y * c->stride + r.x;

	for (u32 row = 0; row < r.h; row++, line += c->stride)
		for (u32 i = 0; i < r.w; i++)
			line[i] = rows[row] << i & 0x80 ? colour : ground;
}

void canvas_text(const struct canvas *c, u32 x, u32 y, const char *s, u32 colour, u32 ground)
{
	for (; *s; s++, x += GLYPH_WIDTH)
		canvas_glyph(c, x, y, (u8)*s, colour, ground);
}

u32 canvas_print(const struct canvas *c, u32 x, u32 y, u32 colour, const char *fmt, ...)
{
	char text[CANVAS_LINE + 1];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	canvas_text(c, x, y, text, colour, CANVAS_GROUND);
	return x + strlen(text) * GLYPH_WIDTH;
}

static u32 mix_channel(u32 a, u32 b, u32 part, u32 shift)
{
	u32 from = a >> shift & 0xff, to = b >> shift & 0xff;

	return (from * (16 - part) + to * part) / 16 << shift;
}

u32 colour_mix(u32 a, u32 b, u32 part)
{
	return mix_channel(a, b, part, 16) | mix_channel(a, b, part, 8) |
	       mix_channel(a, b, part, 0);
}
