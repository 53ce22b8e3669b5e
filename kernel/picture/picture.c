/* The painter. See picture.h. */
#include "kernel/picture/picture.h"
#include "kernel/core/bootinfo.h"
#include "kernel/core/clock.h"
#include "kernel/core/kthread.h"
#include "kernel/core/log.h"
#include "kernel/core/screen.h"
#include "kernel/lib/string.h"
#include "kernel/picture/lens.h"
#include "kernel/picture/mosaic.h"
#include "kernel/picture/panel.h"
#include "kernel/x86/framebuffer.h"
#include "mm/page_alloc.h"
#include "mm/vmalloc.h"

#define STEP_NS	    (50 * 1000 * 1000ull) /* between steps */
#define STEP_FRAMES 0x10000u		  /* looked at in one: 256 MiB */
#define PANEL_STEPS 10u			  /* the panel changes twice a second */
#define COOL_STEPS  14u			  /* a change is seen for about 0.7 s */
#define MARGIN	    8u
#define RULER	    80u /* pixels beside the mosaic for addresses and zones, on each side */
#define TITLE	    (GLYPH_HEIGHT + 2 * MARGIN)
#define LABEL_APART (2 * GLYPH_HEIGHT)
#define BRIGHT	    0xffffff

/* The painter's own, after picture_start(). A test reads `mosaic`. */
static struct mosaic mosaic;
static struct tile *tiles; /* rows * cols */
static struct mosaic_pass pass;
static u32 row;		      /* the next to look at; 0: a pass begins */
static bool quiet;	      /* the last pass found nothing that is still changing */
static u64 pass_events;	      /* when the last pass began */
static u32 counted[PK_NR];    /* frames by kind in the last whole pass */
static u32 liveliest;	      /* changes in one row, the most since the panel was drawn */
static u32 liveliest_at;      /* a frame of that row */
static u64 busy_ns, since_ns; /* time spent painting, and since when */

/* Changes when a frame's owner may have changed. */
static u64 events(void)
{
	return vm_events.pgalloc + vm_events.pgfree + vm_events.pgfault;
}

/* --- The mosaic --- */

static u32 pass_steps(void)
{
	u32 frames = mosaic.rows * mosaic.cols * mosaic.per_tile;

	return (frames - 1) / STEP_FRAMES + 1;
}

static void begin_pass(void)
{
	pass_events = events();
	pass = (struct mosaic_pass){.cooling = MAX(1u, MOSAIC_COOL * pass_steps() / COOL_STEPS)};
}

static void end_pass(void)
{
	memcpy(counted, pass.count, sizeof(counted));
	quiet = !pass.warm;
	row = 0;
}

static void paint_row(void)
{
	u32 before = pass.changed;

	mosaic_paint_row(&mosaic, &framebuffer, row, mem_map, tiles + row * mosaic.cols, &pass);
	if (pass.changed - before > liveliest) {
		liveliest = pass.changed - before;
		liveliest_at = pass.changed_at;
	}
}

/* Rows until the step's share of frames has been looked at or the pass ends. A picture of memory
 * that is at rest costs nothing. */
static void paint_rows(void)
{
	u32 per_row = mosaic.cols * mosaic.per_tile;

	if (row == 0) {
		if (quiet && events() == pass_events)
			return;
		begin_pass();
	}
	pass.free_until = 0;
	for (u32 left = STEP_FRAMES; left >= per_row && row < mosaic.rows; left -= per_row, row++)
		paint_row();
	if (row == mosaic.rows)
		end_pass();
}

/* --- What is drawn once --- */

/* KiB as the largest unit that leaves a whole number. */
static u32 round_unit(u32 kib, const char **unit)
{
	static const char *const units[] = {"KiB", "MiB", "GiB"};
	u32 i = 0;

	for (; i < ARRAY_SIZE(units) - 1 && kib && kib % 1024 == 0; i++)
		kib /= 1024;
	*unit = units[i];
	return kib;
}

static u32 memory_mib(void)
{
	u64 bytes = 0;

	for (u32 i = 0; i < bootinfo.nr_ram; i++)
		bytes += bootinfo.ram[i].end - bootinfo.ram[i].start;
	return (u32)((bytes >> 20) + 1);
}

static void show_title(void)
{
	static const char key[] = "white: new or changed; fading: freed";
	u32 x = mosaic.place.x, key_x = x + mosaic.place.w - strlen(key) * GLYPH_WIDTH;
	const char *tile_unit, *row_unit;
	u32 tile = round_unit(mosaic.per_tile * 4, &tile_unit);
	u32 line = round_unit(mosaic.per_tile * mosaic.cols * 4, &row_unit);

	x = canvas_print(&framebuffer, x, MARGIN, BRIGHT, "Tessera  ");
	x = canvas_print(&framebuffer, x, MARGIN, PANEL_INK,
		"%u MiB of memory: a tile is %u frame%s (%u %s), a row %u %s", memory_mib(),
		mosaic.per_tile, mosaic.per_tile == 1 ? "" : "s", tile, tile_unit, line, row_unit);
	if (x < key_x)
		canvas_text(&framebuffer, key_x, MARGIN, key, PANEL_DIM, CANVAS_GROUND);
}

/* Addresses on the left, as many as there is room for; every span's first for certain. */
static void show_addresses(void)
{
	u32 apart = 1;

	while (apart * mosaic.tile_h < LABEL_APART)
		apart *= 2;
	for (u32 i = 0; i < mosaic.nr_spans; i++) {
		u32 first = mosaic.span[i].row;
		u32 end = i + 1 < mosaic.nr_spans ? mosaic.span[i + 1].row : mosaic.rows;

		for (u32 r = first; r < end; r += apart) {
			const char *unit;
			u32 at = round_unit(mosaic_row(&mosaic, r).start * 4, &unit);

			canvas_print(&framebuffer, mosaic.place.x - RULER,
				mosaic.place.y + r * mosaic.tile_h,
				r == first ? PANEL_INK : PANEL_DIM, "%5u %s", at, unit);
		}
	}
}

/* A zone's name on the right, where its frames begin, or below the one before. Returns where the
 * last one ends. */
static u32 show_zones(void)
{
	u32 y = mosaic.place.y;

	for (u32 z = 0; z < NR_ZONES; z++) {
		struct zone_stat zone;
		u32 r = 0;

		page_alloc_stat(z, &zone);
		if (!zone.present)
			continue;
		while (r + 1 < mosaic.rows && mosaic_row(&mosaic, r + 1).start <= zone.start.v)
			r++;
		y = MAX(y, mosaic.place.y + r * mosaic.tile_h);
		canvas_print(&framebuffer, mosaic.place.x + mosaic.place.w + MARGIN, y, PANEL_DIM,
			"%s", zone.name);
		y += GLYPH_HEIGHT;
	}
	return y;
}

/* The close-up has its place below the zones' names, or between them, and is for tiles that are too
 * small. */
static void place_lens(u32 names_end)
{
	u32 x = mosaic.place.x + mosaic.place.w + MARGIN;
	u32 high = mosaic.place.y + 2 * GLYPH_HEIGHT + MARGIN;
	u32 end = screen_place().y - MARGIN, low = end - LENS_HEIGHT;

	if (MIN(mosaic.tile_w, mosaic.tile_h) < MOSAIC_GAP && high + LENS_HEIGHT <= end &&
		x + LENS_WIDTH + MARGIN <= framebuffer.width)
		lens_init(x, names_end <= low ? low : high);
}

/* --- The thread --- */

static void show_panel(void)
{
	u64 now = clock_monotonic_ns();
	u64 us = (now - since_ns) / 1000;

	panel_show(counted, us ? (u32)(busy_ns / us) : 0);
	busy_ns = 0;
	since_ns = now;
	if (liveliest)
		lens_follow(liveliest_at);
	liveliest = 0;
}

static void painter(void *arg)
{
	for (u32 step = 0;; step++) {
		u64 start = clock_monotonic_ns();

		paint_rows();
		lens_paint();
		if (step % PANEL_STEPS == 0)
			show_panel();
		busy_ns += clock_monotonic_ns() - start;
		clock_sleep_until(start + STEP_NS);
	}
}

/* What is left of the framebuffer beside the text screen: above it the mosaic, to the right of it
 * the panel. */
static bool place_all(void)
{
	const struct canvas *fb = &framebuffer;
	struct rect screen = screen_place();
	struct rect room = {
		RULER + MARGIN, TITLE, fb->width - 2 * (RULER + MARGIN), screen.y - TITLE - MARGIN};
	u32 right = screen.x + screen.w + 2 * MARGIN;

	if (!screen.w || screen.y < TITLE + MARGIN || fb->width < right + MARGIN ||
		!mosaic_layout(&mosaic, room, bootinfo.ram, bootinfo.nr_ram, nr_pfns))
		return false;
	tiles = vmalloc(mosaic.rows * mosaic.cols * sizeof(*tiles));
	if (!tiles)
		return false;
	memset(tiles, TILE_BLANK, mosaic.rows * mosaic.cols * sizeof(*tiles));
	panel_init((struct rect){right, screen.y, fb->width - MARGIN - right, screen.h});
	return true;
}

void picture_start(void)
{
	if (!framebuffer.width)
		return;
	if (!place_all()) {
		log_warn("picture: no room for it");
		return;
	}
	show_title();
	show_addresses();
	place_lens(show_zones());
	since_ns = clock_monotonic_ns();
	if (!kthread_create("picture", painter, NULL))
		log_warn("picture: no memory for its thread");
}
