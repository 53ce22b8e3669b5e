/* The picture of memory: which frame is which tile, which tile is which pixels and colour. */
#include "kernel/picture/mosaic.h"
#include "kernel/core/selftest.h"
#include "kernel/lib/string.h"

#define MIB(n) ((u64)(n) << 20)

static const struct rect room = {100, 30, 1100, 520};
static struct mosaic m;

static bool layout(const struct prange *ram, u32 nr)
{
	return mosaic_layout(&m, room, ram, nr, (u32)(ram[nr - 1].end / PAGE_SIZE));
}

/* Rows follow each other, and the frames in them. Returns the frames of all rows. */
static u32 walk_rows(void)
{
	u32 frames = 0;

	for (u32 row = 0, span = 0; row < m.rows; row++) {
		struct mosaic_frames f = mosaic_row(&m, row);

		if (span + 1 < m.nr_spans && row == m.span[span + 1].row)
			span++;
		KEXPECT_EQ(f.start,
			m.span[span].start + (row - m.span[span].row) * m.cols * m.per_tile);
		KEXPECT(f.end > f.start && f.end <= m.span[span].end);
		KEXPECT(f.end == m.span[span].end || f.end - f.start == m.cols * m.per_tile);
		frames += f.end - f.start;
	}
	return frames;
}

static void expect_layout(u32 mib, u32 per_tile, u32 cols, u32 tile_w, u32 tile_h)
{
	struct prange ram = {0, MIB(mib)};
	struct rect last;

	KEXPECT(layout(&ram, 1));
	KEXPECT_EQ(m.per_tile, per_tile);
	KEXPECT_EQ(m.cols, cols);
	KEXPECT_EQ(m.tile_w, tile_w);
	KEXPECT_EQ(m.tile_h, tile_h);
	KEXPECT_EQ(walk_rows(), mib * 256);
	KEXPECT_EQ(m.place.x, room.x + (room.w - 1024) / 2);
	last = mosaic_rect(&m, m.rows - 1, m.cols - 1);
	KEXPECT(last.x + last.w <= m.place.x + m.place.w);
	KEXPECT(last.y + last.h <= room.y + room.h);
}

KTEST(mosaic, powers_of_two_fill_the_room)
{
	expect_layout(16, 1, 64, 16, 8);
	expect_layout(64, 1, 128, 8, 4);
	expect_layout(512, 1, 512, 2, 2);
	expect_layout(2048, 1, 1024, 1, 1);
	expect_layout(4096, 8, 512, 2, 2);
	expect_layout(16384, 32, 512, 2, 2);
}

KTEST(mosaic, every_size_fits)
{
	for (u32 mib = 1; mib < 20000; mib += 1 + mib / 5) {
		struct prange ram = {0, MIB(mib)};

		KEXPECT(layout(&ram, 1));
		KEXPECT_EQ(walk_rows(), mib * 256);
		KEXPECT(m.rows * m.tile_h <= 512 && m.cols * m.tile_w <= 1024);
		KEXPECT(m.per_tile == 1 || (m.tile_w > 1 && m.tile_h > 1));
	}
}

KTEST(mosaic, large_holes_are_left_out)
{
	static const struct prange ram[] = {
		{0, 0x9fc00}, {MIB(1), MIB(3072) - 0x20000}, {MIB(4096), MIB(5120)}};

	KEXPECT(layout(ram, ARRAY_SIZE(ram)));
	KEXPECT_EQ(m.nr_spans, 2);
	KEXPECT_EQ(m.span[0].start, 0);
	KEXPECT_EQ(m.span[0].end, 3072 * 256 - 0x20);
	KEXPECT_EQ(m.span[1].start, 4096 * 256);
	KEXPECT_EQ(walk_rows(), 4096 * 256 - 0x20);
}

KTEST(mosaic, many_ranges)
{
	struct prange ram[20];

	for (u32 i = 0; i < ARRAY_SIZE(ram); i++)
		ram[i] = (struct prange){MIB(i * 512), MIB(i * 512 + 256)};
	KEXPECT(layout(ram, ARRAY_SIZE(ram)));
	KEXPECT_EQ(m.nr_spans, MOSAIC_SPANS);
	KEXPECT_EQ(m.span[MOSAIC_SPANS - 1].end, (19 * 512 + 256) * 256);
	walk_rows();
}

KTEST(mosaic, no_room)
{
	struct prange ram = {0, MIB(16)};

	KEXPECT(!mosaic_layout(&m, (struct rect){0, 0, 0, 500}, &ram, 1, 4096));
	KEXPECT(!mosaic_layout(&m, (struct rect){0, 0, 500, 1}, &ram, 1, 4096));
	KEXPECT(!mosaic_layout(&m, room, &ram, 1, 0));
	KEXPECT(!mosaic_layout(&m, room, NULL, 0, 4096));
	KEXPECT(mosaic_layout(&m, (struct rect){0, 0, 2, 2}, &ram, 1, 4096));
}

/* --- Painting: 64 frames as 8 x 8 tiles of 4 x 4 pixels, or less --- */

#define FRAMES 64u
#define SIDE   32u

static struct page pages[FRAMES];
static struct tile tiles[FRAMES];
static u32 pixels[SIDE * SIDE];
static const struct canvas c = {.pixels = pixels, .width = SIDE, .height = SIDE, .stride = SIDE};
static struct mosaic_pass pass;

static void start(u32 side)
{
	struct prange ram = {0, FRAMES * PAGE_SIZE};

	KEXPECT(mosaic_layout(&m, (struct rect){0, 0, side, side}, &ram, 1, FRAMES));
	memset(pages, 0, sizeof(pages));
	memset(tiles, TILE_BLANK, sizeof(tiles));
	memset(pixels, 0, sizeof(pixels));
	for (u32 i = 0; i < FRAMES; i++)
		pages[i].kind = PK_ANON;
}

static void paint(u32 cooling)
{
	pass = (struct mosaic_pass){.cooling = cooling};
	for (u32 row = 0; row < m.rows; row++)
		mosaic_paint_row(&m, &c, row, pages, &tiles[row * m.cols], &pass);
}

static u32 pixel(u32 tile)
{
	struct rect r = mosaic_rect(&m, tile / m.cols, tile % m.cols);

	return pixels[r.y * SIDE + r.x];
}

/* Frames [from, to) become a free block of this order, or an allocation. */
static void make_free(u32 from, u32 order)
{
	for (u32 i = 0; i < 1u << order; i++)
		pages[from + i].kind = PK_FREE_TAIL;
	pages[from].kind = PK_FREE;
	pages[from].order = (u8)order;
}

static bool all_tiles_are(u32 from, u32 to, u32 kind)
{
	for (u32 i = from; i < to; i++)
		if (pixel(i) != mosaic_colour[kind])
			return false;
	return true;
}

KTEST(mosaic, first_pass_shows_owners)
{
	start(SIDE);
	KEXPECT_EQ(m.tile_w, 4);
	for (u32 k = 0; k < PK_NR; k++)
		pages[k].kind = (u8)k;
	pages[PK_FREE].order = 0;
	paint(1);
	for (u32 k = 0; k < PK_NR; k++)
		KEXPECT_EQ(pixel(k), mosaic_colour[k]);
	KEXPECT_EQ(pass.warm, 0);
	KEXPECT_EQ(pass.count[PK_FREE], 2);
	KEXPECT_EQ(pass.count[PK_ANON], FRAMES - PK_NR + 1);
	KEXPECT_EQ(pixels[3], 0); /* the gap between tiles */
}

KTEST(mosaic, free_blocks_are_counted_whole)
{
	start(SIDE);
	make_free(0, 5);
	make_free(40, 2);
	paint(1);
	KEXPECT(all_tiles_are(0, 32, PK_FREE) && all_tiles_are(32, 40, PK_ANON));
	KEXPECT(all_tiles_are(40, 44, PK_FREE) && all_tiles_are(44, FRAMES, PK_ANON));
	KEXPECT_EQ(pass.count[PK_FREE], 36);
	KEXPECT_EQ(pass.count[PK_ANON], 28);
}

KTEST(mosaic, flash_and_fade)
{
	u32 previous;

	start(SIDE);
	make_free(0, 3);
	paint(1);
	for (u32 i = 0; i < 8; i++)
		pages[i].kind = PK_SLAB;
	paint(1);
	KEXPECT_EQ(pass.warm, 8);
	KEXPECT_EQ(pass.changed, 8);
	KEXPECT_EQ(pass.changed_at, 7);
	KEXPECT_EQ(pixel(2), colour_mix(mosaic_colour[PK_SLAB], 0xffffff, MOSAIC_COOL));
	for (u32 i = 0; i < MOSAIC_COOL; i++) {
		previous = pixel(2);
		paint(1);
		KEXPECT(pixel(2) != previous);
		KEXPECT_EQ(pass.changed, 0);
	}
	KEXPECT_EQ(pass.warm, 0);
	KEXPECT(all_tiles_are(0, 8, PK_SLAB));
	make_free(0, 3);
	paint(1);
	KEXPECT_EQ(
		pixel(7), colour_mix(mosaic_colour[PK_FREE], mosaic_colour[PK_SLAB], MOSAIC_COOL));
	paint(MOSAIC_COOL);
	KEXPECT(all_tiles_are(0, 8, PK_FREE));
	KEXPECT_EQ(pass.warm, 0);
}

KTEST(mosaic, another_mapping_flashes)
{
	start(SIDE);
	paint(1);
	pages[9].mapcount++;
	paint(1);
	KEXPECT_EQ(pass.warm, 1);
	KEXPECT(pixel(9) != mosaic_colour[PK_ANON]);
	make_free(16, 4);
	paint(MOSAIC_COOL);
	paint(MOSAIC_COOL);
	KEXPECT_EQ(pass.warm, 0);
	make_free(16, 3); /* split: nobody's frame has changed */
	make_free(24, 3);
	paint(1);
	KEXPECT_EQ(pass.warm, 0);
}

KTEST(mosaic, several_frames_a_tile)
{
	start(4);
	KEXPECT_EQ(m.per_tile, 16);
	make_free(0, 4);  /* tile 0: all free */
	make_free(16, 3); /* tile 1: two of the slab's, one page table */
	make_free(24, 2);
	pages[28].kind = pages[29].kind = PK_SLAB;
	make_free(30, 0);
	pages[31].kind = PK_PGTABLE;
	make_free(32, 3); /* tile 2: one frame in use */
	make_free(40, 2);
	make_free(44, 1);
	make_free(46, 0);
	pages[47].kind = PK_PGTABLE;
	paint(1);
	KEXPECT(all_tiles_are(0, 1, PK_FREE));
	KEXPECT(all_tiles_are(1, 2, PK_SLAB));
	KEXPECT(all_tiles_are(2, 3, PK_PGTABLE));
	KEXPECT(all_tiles_are(3, 4, PK_ANON));
	KEXPECT_EQ(pass.count[PK_FREE], 44);
	KEXPECT_EQ(pass.count[PK_SLAB], 2);
	KEXPECT_EQ(pass.count[PK_PGTABLE], 2);
	KEXPECT_EQ(pass.count[PK_ANON], 16);
}

KTEST(mosaic, broken_order_stays_inside)
{
	start(SIDE);
	make_free(56, 3);
	pages[56].order = 200;
	paint(1);
	KEXPECT_EQ(pass.count[PK_FREE], 8);
	KEXPECT_EQ(pass.count[PK_ANON], 56);
}
