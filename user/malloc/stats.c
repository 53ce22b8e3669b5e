/*
 * What the heap holds, told in all the ways people ask for it: mallinfo(), malloc_stats(),
 * malloc_info(), JSON and a drawing.
 */
#include <errno.h>
#include <stdio.h>
#include "core.h"
#include "out.h"
#include "tmalloc.h"

/* As <malloc.h> has them; musl has no such header. */
struct mallinfo {
	int arena, ordblks, smblks, hblks, hblkhd, usmblks, fsmblks, uordblks, fordblks, keepcost;
};

struct mallinfo2 {
	size_t arena, ordblks, smblks, hblks, hblkhd, usmblks, fsmblks, uordblks, fordblks,
		keepcost;
};

struct mallinfo API(mallinfo)(void);
struct mallinfo2 API(mallinfo2)(void);
void API(malloc_stats)(void);
int API(malloc_info)(int options, FILE *f);

/* --- Totals --------------------------------------------------------------------------------- */

/* Blocks of each class: in threads' caches, and held by the program. */
struct blocks {
	size_t cached[NR_CLASSES], used[NR_CLASSES];
};

/* Another thread may be halfway through a change: then the numbers can be any, but not large. */
static size_t bin_blocks(const struct bin *b, unsigned c)
{
	size_t run = (uintptr_t)b->end - (uintptr_t)b->bump;
	int32_t listed = bin_length(b);

	return (listed > 0 ? listed : 0) +
	       (run <= SPAN_PAGES << PAGE_SHIFT ? run / classes[c].size : 0);
}

static void count_blocks(struct blocks *b)
{
	core_init();
	lock_take(&caches.lock);
	for (unsigned c = 1; c < NR_CLASSES; c++) {
		size_t cached = central[c].nr_transfers * classes[c].batch;

		for (struct tcache *t = caches.list; t; t = t->next)
			cached += bin_blocks(&t->bin[c], c);
		b->cached[c] = cached;
		b->used[c] = central[c].used > cached ? central[c].used - cached : 0;
	}
	lock_drop(&caches.lock);
}

void tm_totals(struct tm_totals *t)
{
	size_t small = mixed.pages << PAGE_SHIFT, used = 0;
	struct blocks b;

	count_blocks(&b);
	for (unsigned c = 1; c < NR_CLASSES; c++) {
		small += central[c].pages << PAGE_SHIFT;
		used += b.used[c] * classes[c].size;
	}
	lock_take(&heap.lock);
	heap_settle();
	t->system = heap.brk_bytes + heap.extent_bytes;
	t->top = heap.end - heap.top;
	t->free = heap.free_bytes + t->top;
	t->in_use = t->system - t->free;
	t->nr_free = heap.nr_free + 1;
	t->mapped = heap.mapped_bytes;
	t->nr_mapped = heap.nr_mapped;
	t->peak_mapped = heap.peak_mapped;
	t->peak_nr_mapped = heap.peak_nr_mapped;
	lock_drop(&heap.lock);
	t->cached = small > used ? small - used : 0;
	if (t->cached > t->in_use)
		t->cached = t->in_use;
	t->in_use -= t->cached;
	t->free += t->cached;
}

EXPORT struct mallinfo2 API(mallinfo2)(void)
{
	struct tm_totals t;

	tm_totals(&t);
	return (struct mallinfo2){
		.arena = t.system,
		.ordblks = t.nr_free,
		.hblks = t.nr_mapped,
		.hblkhd = t.mapped,
		.fsmblks = t.cached,
		.uordblks = t.in_use,
		.fordblks = t.free,
		.keepcost = t.top,
	};
}

EXPORT struct mallinfo API(mallinfo)(void)
{
	struct mallinfo2 m = API(mallinfo2)();

	return (struct mallinfo){
		.arena = (int)m.arena,
		.ordblks = (int)m.ordblks,
		.hblks = (int)m.hblks,
		.hblkhd = (int)m.hblkhd,
		.fsmblks = (int)m.fsmblks,
		.uordblks = (int)m.uordblks,
		.fordblks = (int)m.fordblks,
		.keepcost = (int)m.keepcost,
	};
}

/* --- Text ----------------------------------------------------------------------------------- */

EXPORT void tmalloc_dump_stats(int fd)
{
	struct out o = {.fd = fd};
	struct tm_totals t;

	tm_totals(&t);
	out_string(&o, "Arena 0:\n");
	out_format(&o, "system bytes     = %w\n", t.system);
	out_format(&o, "in use bytes     = %w\n", t.in_use);
	out_string(&o, "Total (incl. mmap):\n");
	out_format(&o, "system bytes     = %w\n", t.system + t.mapped);
	out_format(&o, "in use bytes     = %w\n", t.in_use + t.mapped);
	out_format(&o, "max mmap regions = %w\n", t.peak_nr_mapped);
	out_format(&o, "max mmap bytes   = %w\n", t.peak_mapped);
	out_flush(&o);
}

EXPORT void API(malloc_stats)(void)
{
	tmalloc_dump_stats(2);
}

static void sink_file(void *f, const char *text, size_t len)
{
	fwrite(text, 1, len, f);
}

EXPORT int API(malloc_info)(int options, FILE *f)
{
	struct out o = {.sink = sink_file, .arg = f};
	struct tm_totals t;
	struct blocks b;

	if (options)
		return EINVAL;
	tm_totals(&t);
	count_blocks(&b);
	out_string(&o, "<malloc version=\"1\">\n<heap nr=\"0\">\n<sizes>\n");
	for (unsigned c = 1; c < NR_CLASSES; c++) {
		size_t n = b.cached[c], size = classes[c].size;

		if (n)
			out_format(&o,
				"  <size from=\"%z\" to=\"%z\" total=\"%z\" count=\"%z\"/>\n",
				c == 1 ? (size_t)1 : classes[c - 1].size + (size_t)1, size,
				n * size, n);
	}
	out_format(&o, "</sizes>\n<total type=\"fast\" count=\"0\" size=\"%z\"/>\n", t.cached);
	out_format(&o, "<total type=\"rest\" count=\"%z\" size=\"%z\"/>\n", t.nr_free,
		t.free - t.cached);
	out_format(&o, "<system type=\"current\" size=\"%z\"/>\n", t.system);
	out_format(&o, "<aspace type=\"total\" size=\"%z\"/>\n</heap>\n", t.system);
	out_format(&o, "<total type=\"mmap\" count=\"%z\" size=\"%z\"/>\n", t.nr_mapped, t.mapped);
	out_format(&o, "<system type=\"current\" size=\"%z\"/>\n</malloc>\n", t.system + t.mapped);
	out_flush(&o);
	return 0;
}

EXPORT void tmalloc_dump_json(int fd)
{
	struct out o = {.fd = fd};
	struct tm_totals t;
	struct blocks b;
	const char *comma = "";

	tm_totals(&t);
	count_blocks(&b);
	out_format(&o, "{\"system\": %z, \"in_use\": %z, \"free\": %z, \"top\": %z, ", t.system,
		t.in_use, t.free, t.top);
	out_format(&o, "\"mapped\": %z, \"nr_mapped\": %z, \"cached\": %z, \"nr_free\": %z, ",
		t.mapped, t.nr_mapped, t.cached, t.nr_free);
	out_format(&o, "\"brk\": %z, \"extents\": %z, \"mmap_threshold\": %z, ", heap.brk_bytes,
		heap.extent_bytes, heap.mmap_threshold);
	out_format(&o, "\"trim_threshold\": %z, \"mixed\": %z, \"classes\": [", heap.trim_threshold,
		mixed.pages << PAGE_SHIFT);
	for (unsigned c = 1; c < NR_CLASSES; c++) {
		if (!central[c].nr_spans)
			continue;
		out_format(&o, "%s\n  {\"size\": %z, \"spans\": %z, ", comma,
			(size_t)classes[c].size, central[c].nr_spans);
		out_format(&o, "\"bytes\": %z, \"used\": %z, \"cached\": %z}",
			central[c].pages << PAGE_SHIFT, b.used[c], b.cached[c]);
		comma = ",";
	}
	out_string(&o, "]}\n");
	out_flush(&o);
}

/* --- The drawing ---------------------------------------------------------------------------- */

#define ROW_PAGES 128
#define CELL	  6
#define HEAD	  34 /* the legend's height */

/* The first four: all, most, some, few of a span's blocks are taken. */
enum { TAKEN, LARGE = 4, FREE, PURGED, MAPPED, NR_COLOURS };
static const struct {
	const char *fill, *means;
	size_t x; /* in the legend */
} colour[NR_COLOURS] = {
	{"#d7301f", "blocks, all taken", 1},
	{"#fc8d59", "most", 111},
	{"#fdcc8a", "some", 161},
	{"#fef0d9", "few", 211},
	{"#4292c6", "one large block", 256},
	{"#cfe8cf", "free", 356},
	{"#ffffff", "free, no memory behind it", 401},
	{"#8c6bb1", "a mapping of its own", 553},
};

struct drawing {
	struct out out;
	size_t others; /* rows below the heap: what brk did not make */
};

static const char *span_colour(const struct span *s)
{
	switch (s->state) {
	case SPAN_FREE:
		return colour[s->purged ? PURGED : FREE].fill;
	case SPAN_KEPT:
		return colour[FREE].fill;
	case SPAN_SMALL:
		return colour[TAKEN + 3 - (s->nr ? 3 * s->used / s->nr : 0)].fill;
	case SPAN_MIXED:
		return colour[TAKEN + 3 - 3 * mixed_taken(s) / (s->pages << PAGE_SHIFT)].fill;
	case SPAN_MAPPED:
		return colour[MAPPED].fill;
	default:
		return colour[LARGE].fill;
	}
}

static void draw_cells(struct drawing *d, const struct span *s, size_t row, size_t column, size_t n)
{
	out_format(&d->out, "<rect x=\"%z\" y=\"%z\" width=\"%z\" height=\"%z\" ", column * CELL,
		HEAD + row * (CELL + 2), n * CELL, (size_t)CELL);
	out_format(
		&d->out, "fill=\"%s\" stroke=\"#666\" stroke-width=\".3\"><title>", span_colour(s));
	out_format(&d->out, "%p: %z pages", s->start, s->pages);
	if (s->state == SPAN_SMALL)
		out_format(&d->out, ", %z of %z blocks of %z bytes taken", (size_t)s->used,
			(size_t)s->nr, (size_t)classes[s->class].size);
	else if (s->state == SPAN_MIXED)
		out_format(&d->out, ", %z bytes in %z blocks of several sizes taken",
			mixed_taken(s), (size_t)s->used);
	out_string(&d->out, "</title></rect>\n");
}

static void draw_span(struct span *s, void *arg)
{
	struct drawing *d = arg;
	size_t page, left = s->pages;

	if (s->state == SPAN_NONE)
		return;
	if (s->mapped) {
		size_t rows = (heap.end - heap.base) / PAGE_SIZE / ROW_PAGES + 2;

		draw_cells(d, s, rows + d->others++, 0, left < ROW_PAGES ? left : ROW_PAGES);
		return;
	}
	for (page = (s->start - heap.base) >> PAGE_SHIFT; left;) {
		size_t n = ROW_PAGES - page % ROW_PAGES;

		if (n > left)
			n = left;
		draw_cells(d, s, page / ROW_PAGES, page % ROW_PAGES, n);
		page += n;
		left -= n;
	}
}

static void draw_legend(struct out *o)
{
	out_format(o, "<rect width=\"100%%\" height=\"100%%\" fill=\"#fff\"/>\n"
		      "<g font-family=\"sans-serif\" font-size=\"10\"><text x=\"1\" y=\"11\">");
	out_format(o,
		"heap at %p: %z pages of 4 KiB, %z in a row; taken is in use or in a thread's "
		"cache</text>\n",
		heap.base, (heap.end - heap.base) >> PAGE_SHIFT, (size_t)ROW_PAGES);
	for (unsigned i = 0; i < NR_COLOURS; i++) {
		out_format(o, "<rect x=\"%z\" y=\"18\" width=\"8\" height=\"8\" fill=\"%s\" ",
			colour[i].x, colour[i].fill);
		out_format(o,
			"stroke=\"#666\" stroke-width=\".3\"/><text x=\"%z\" y=\"26\">%s</text>\n",
			colour[i].x + 11, colour[i].means);
	}
	out_string(o, "</g>\n");
}

EXPORT void tmalloc_dump_svg(int fd)
{
	struct drawing d = {.out = {.fd = fd}};
	struct span top = {.start = heap.top,
		.pages = (heap.end - heap.top) >> PAGE_SHIFT,
		.state = SPAN_FREE,
		.purged = 1};

	lock_take(&heap.lock);
	out_format(&d.out,
		"<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%z\" height=\"%z\">\n",
		(size_t)ROW_PAGES * CELL,
		HEAD + ((heap.end - heap.base) / PAGE_SIZE / ROW_PAGES + 4 + heap.nr_mapped) *
				(CELL + 2));
	draw_legend(&d.out);
	span_each(draw_span, &d);
	draw_span(&top, &d);
	out_string(&d.out, "</svg>\n");
	out_flush(&d.out);
	lock_drop(&heap.lock);
}

EXPORT void tmalloc_check(void)
{
	heap_check();
	central_check();
	cache_check();
}
