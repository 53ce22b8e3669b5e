/* The legend, the counters and the charts. See panel.h. */
#include "kernel/picture/panel.h"
#include "kernel/core/clock.h"
#include "kernel/lib/string.h"
#include "kernel/picture/mosaic.h"
#include "kernel/x86/framebuffer.h"
#include "mm/commit.h"
#include "mm/page_alloc.h"
#include "mm/vmalloc.h"

#define LINE	   GLYPH_HEIGHT
#define SWATCH	   12u /* pixels, square */
#define LEGEND_W   288u
#define COUNTERS_W 272u
#define CHART_MIN  24u /* pixels: lower charts are left out */

/* The kinds, as the legend lists them and the chart piles them up, from below. PK_FREE stands for
 * its tails too. */
static const struct {
	u8 kind;
	const char *name;
} legend[] = {
	{PK_RESERVED, "reserved, kernel"},
	{PK_KERNEL, "kernel's own"},
	{PK_SLAB, "slab"},
	{PK_VMALLOC, "vmalloc"},
	{PK_KSTACK, "kernel stacks"},
	{PK_PGTABLE, "page tables"},
	{PK_ZERO, "zero page"},
	{PK_HUGE, "huge pages"},
	{PK_CACHE, "page cache"},
	{PK_ANON, "anonymous"},
	{PK_PCP, "free, on a CPU"},
	{PK_FREE, "free"},
};

/* The legend's entries that are piled up: in use, and not from the start. */
#define FIRST_BAND 1u
#define LAST_BAND  9u
#define NR_BANDS   (LAST_BAND - FIRST_BAND + 1)

static const struct {
	const char *name;
	u32 at; /* offset in struct vm_events */
} rates[] = {
	{"page faults", offsetof(struct vm_events, pgfault)},
	{"  zero-filled", offsetof(struct vm_events, zero_fill)},
	{"  zero page mapped", offsetof(struct vm_events, zero_map)},
	{"  file pages mapped", offsetof(struct vm_events, file_map)},
	{"  copied on write", offsetof(struct vm_events, cow_copy)},
	{"  taken over on write", offsetof(struct vm_events, pgreuse)},
	{"frames allocated", offsetof(struct vm_events, pgalloc)},
	{"frames freed", offsetof(struct vm_events, pgfree)},
};
#define RATE_FAULTS 0

/* One column of the charts. */
struct moment {
	u32 faults; /* a second */
	u32 frames[NR_BANDS];
};

/* All of this belongs to the painter. */
static struct {
	struct rect place;
	struct moment *history; /* a ring of place.w moments, the oldest at `next`; or NULL */
	u32 next;
	struct vm_events before; /* at the last panel_show() */
	u64 before_ns;
	u32 rate[ARRAY_SIZE(rates)]; /* a second */
} panel;

void panel_init(struct rect place)
{
	size_t size = place.w * sizeof(struct moment);

	panel.place = place;
	panel.before = vm_events;
	panel.before_ns = clock_monotonic_ns();
	panel.history = vmalloc(size);
	if (panel.history)
		memset(panel.history, 0, size);
}

/* --- Numbers --- */

static u64 event(const struct vm_events *e, u32 i)
{
	return *(const u64 *)((const u8 *)e + rates[i].at);
}

static void update_rates(void)
{
	struct vm_events now = vm_events;
	u64 ns = clock_monotonic_ns();
	u32 ms = (u32)((ns - panel.before_ns) / 1000000);

	for (u32 i = 0; i < ARRAY_SIZE(rates); i++)
		panel.rate[i] =
			(u32)((event(&now, i) - event(&panel.before, i)) * 1000 / MAX(ms, 1u));
	panel.before = now;
	panel.before_ns = ns;
}

static void remember(const u32 count[PK_NR])
{
	struct moment *m = &panel.history[panel.next];

	m->faults = panel.rate[RATE_FAULTS];
	for (u32 i = 0; i < NR_BANDS; i++)
		m->frames[i] = count[legend[FIRST_BAND + i].kind];
	panel.next = (panel.next + 1) % panel.place.w;
}

/* --- Words --- */

/* Frames as MiB, in 8 columns. */
#define MIB_FMT		"%5u.%02u"
#define MIB_ARG(frames) (frames) / 256, (frames) % 256 * 100 / 256

static void show_legend(u32 x, u32 y, const u32 count[PK_NR])
{
	canvas_print(&framebuffer, x, y, PANEL_DIM, "%-18s%8s%9s", "owner", "frames", "MiB");
	for (u32 i = 0; i < ARRAY_SIZE(legend); i++) {
		u32 kind = legend[i].kind, n = count[kind];

		y += LINE;
		canvas_fill(
			&framebuffer, (struct rect){x, y + 2, SWATCH, SWATCH}, mosaic_colour[kind]);
		canvas_print(&framebuffer, x + 2 * GLYPH_WIDTH, y, n ? PANEL_INK : PANEL_DIM,
			"%-16s%8u " MIB_FMT, legend[i].name, n, MIB_ARG(n));
	}
}

static void show_counters(u32 x, u32 y, u32 percent10)
{
	u32 seconds = (u32)(clock_monotonic_ns() / NSEC_PER_SEC);

	canvas_print(&framebuffer, x, y, PANEL_DIM, "%-22s%10s", "each second", "");
	for (u32 i = 0; i < ARRAY_SIZE(rates); i++)
		canvas_print(&framebuffer, x, y + (i + 1) * LINE,
			panel.rate[i] ? PANEL_INK : PANEL_DIM, "%-22s%10u", rates[i].name,
			panel.rate[i]);
	y += (ARRAY_SIZE(rates) + 2) * LINE;
	canvas_print(&framebuffer, x, y, PANEL_INK, "%-24s" MIB_FMT, "committed, MiB",
		MIB_ARG(commit_total()));
	canvas_print(&framebuffer, x, y + LINE, PANEL_INK, "%-22s%8u.%u", "painting this, %",
		percent10 / 10, percent10 % 10);
	canvas_print(&framebuffer, x, y + 2 * LINE, PANEL_INK, "%-22s%7u:%02u", "up", seconds / 60,
		seconds % 60);
}

/* --- Charts --- */

static const struct moment *moment_at(u32 col)
{
	return &panel.history[(panel.next + col) % panel.place.w];
}

static u32 in_use(const struct moment *m)
{
	u32 sum = 0;

	for (u32 i = 0; i < NR_BANDS; i++)
		sum += m->frames[i];
	return sum;
}

static u32 chart_max(u32 (*value)(const struct moment *m))
{
	u32 max = 1;

	for (u32 col = 0; col < panel.place.w; col++)
		max = MAX(max, value(moment_at(col)));
	return max;
}

/* `n` of `max` as pixels of `height`. */
static u32 scale(u32 n, u32 max, u32 height)
{
	return (u32)((u64)n * height / max);
}

static u32 faults(const struct moment *m)
{
	return m->faults;
}

static void chart_faults(struct rect r)
{
	u32 max = chart_max(faults);

	canvas_print(&framebuffer, r.x, r.y, PANEL_DIM,
		"page faults each second; the highest was %-10u", max);
	r.y += LINE;
	r.h -= LINE;
	for (u32 col = 0; col < r.w; col++) {
		u32 h = scale(moment_at(col)->faults, max, r.h);

		canvas_fill(&framebuffer, (struct rect){r.x + col, r.y, 1, r.h - h},
			mosaic_colour[PK_FREE]);
		canvas_fill(&framebuffer, (struct rect){r.x + col, r.y + r.h - h, 1, h},
			mosaic_colour[PK_KERNEL]);
	}
}

/* One column of owners on top of each other. */
static void pile(struct rect r, const struct moment *m, u32 max)
{
	u32 sum = 0, top = r.y + r.h;

	for (u32 i = 0; i < NR_BANDS; i++) {
		u32 from = top;

		sum += m->frames[i];
		top = r.y + r.h - scale(sum, max, r.h);
		canvas_fill(&framebuffer, (struct rect){r.x, top, 1, from - top},
			mosaic_colour[legend[FIRST_BAND + i].kind]);
	}
	canvas_fill(&framebuffer, (struct rect){r.x, r.y, 1, top - r.y}, mosaic_colour[PK_FREE]);
}

static void chart_owners(struct rect r)
{
	u32 max = chart_max(in_use);

	canvas_print(&framebuffer, r.x, r.y, PANEL_DIM,
		"MiB in use by owner; the most was %u.%02u      ", MIB_ARG(max));
	r.y += LINE;
	r.h -= LINE;
	for (u32 col = 0; col < r.w; col++)
		pile((struct rect){r.x + col, r.y, 1, r.h}, moment_at(col), max);
}

void panel_show(const u32 count[PK_NR], u32 percent10)
{
	struct rect r = panel.place;
	u32 used = (ARRAY_SIZE(legend) + 1) * LINE + LINE / 2;
	u32 half = (MAX(r.h, used) - used) / 2;

	update_rates();
	show_legend(r.x, r.y, count);
	if (r.w >= LEGEND_W + COUNTERS_W)
		show_counters(r.x + r.w - COUNTERS_W + GLYPH_WIDTH, r.y, percent10);
	if (!panel.history || half < CHART_MIN)
		return;
	remember(count);
	chart_faults((struct rect){r.x, r.y + used, r.w, half - LINE / 4});
	chart_owners((struct rect){r.x, r.y + used + half, r.w, half});
}
