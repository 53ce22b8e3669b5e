/* Frames to tiles to pixels. See mosaic.h. */
#include "kernel/picture/mosaic.h"

#define FLASH_COLOUR 0xffffff

const u32 mosaic_colour[PK_NR] = {
	[PK_RESERVED] = 0x57606a,
	[PK_FREE] = 0x1c2430,
	[PK_FREE_TAIL] = 0x1c2430,
	[PK_PCP] = 0x2f4a63,
	[PK_KERNEL] = 0xf2cc60,
	[PK_SLAB] = 0xe8833a,
	[PK_VMALLOC] = 0xb070dd,
	[PK_KSTACK] = 0xff7eb6,
	[PK_PGTABLE] = 0xf0443e,
	[PK_ANON] = 0x3fb950,
	[PK_CACHE] = 0x4f8ff7,
	[PK_ZERO] = 0xf0f6fc,
	[PK_HUGE] = 0x39c5bb,
	[PK_POISON] = 0xa40e26,
};

/* --- Geometry --- */

static u32 power_of_two_below(u32 n)
{
	u32 p = 1;

	while (p <= n / 2)
		p *= 2;
	return p;
}

/* The spans of frames, one for each range of memory that a large hole follows. */
static void find_spans(struct mosaic *m, const struct prange *ram, u32 nr, u32 frames)
{
	for (u32 i = 0; i < nr; i++) {
		u64 start = ram[i].start / PAGE_SIZE,
		    end = (ram[i].end + PAGE_SIZE - 1) / PAGE_SIZE;
		struct mosaic_span *last = m->nr_spans ? &m->span[m->nr_spans - 1] : NULL;

		end = MIN(end, frames);
		if (start >= end)
			continue;
		if (last && (start < last->end + MOSAIC_HOLE || m->nr_spans == MOSAIC_SPANS))
			last->end = (u32)end;
		else
			m->span[m->nr_spans++] = (struct mosaic_span){(u32)start, (u32)end, 0};
	}
}

static u32 rows_needed(const struct mosaic *m, u32 cols, u32 per_tile)
{
	u32 rows = 0, per_row = cols * per_tile;

	for (u32 i = 0; i < m->nr_spans; i++)
		rows += (m->span[i].end - m->span[i].start - 1) / per_row + 1;
	return rows;
}

/* The best number of columns for width x height pixels; 0 when tiles of one frame would not have a
 * pixel each, and tiles of several, of which the eye has more to tell apart, not two by two. */
static u32 best_cols(const struct mosaic *m, u32 width, u32 height, u32 per_tile)
{
	u32 best = 0, best_side = per_tile > 1;

	for (u32 cols = 1; cols <= width; cols *= 2) {
		u32 rows = rows_needed(m, cols, per_tile);
		u32 side = MIN(width / cols, height / rows);

		if (side > best_side) {
			best = cols;
			best_side = side;
		}
	}
	return best;
}

bool mosaic_layout(struct mosaic *m, struct rect room, const struct prange *ram, u32 nr, u32 frames)
{
	u32 width = power_of_two_below(room.w), height = power_of_two_below(room.h), row = 0;

	*m = (struct mosaic){.per_tile = 1};
	find_spans(m, ram, nr, frames);
	if (!m->nr_spans || width < 2 || height < 2 * m->nr_spans)
		return false;
	while (!(m->cols = best_cols(m, width, height, m->per_tile)))
		m->per_tile *= 2;
	m->rows = rows_needed(m, m->cols, m->per_tile);
	m->tile_w = width / m->cols;
	m->tile_h = height / m->rows;
	m->place = (struct rect){room.x + (room.w - width) / 2, room.y, width, m->rows * m->tile_h};
	for (u32 i = 0; i < m->nr_spans; i++) {
		struct mosaic_span *s = &m->span[i];

		s->row = row;
		row += (s->end - s->start - 1) / (m->cols * m->per_tile) + 1;
	}
	return true;
}

struct mosaic_frames mosaic_row(const struct mosaic *m, u32 row)
{
	u32 i = m->nr_spans - 1, per_row = m->cols * m->per_tile, start;

	while (i && row < m->span[i].row)
		i--;
	start = m->span[i].start + (row - m->span[i].row) * per_row;
	return (struct mosaic_frames){start, start + MIN(per_row, m->span[i].end - start)};
}

struct rect mosaic_rect(const struct mosaic *m, u32 row, u32 col)
{
	u32 gap = MIN(m->tile_w, m->tile_h) >= MOSAIC_GAP;

	return (struct rect){
		m->place.x + col * m->tile_w,
		m->place.y + row * m->tile_h,
		m->tile_w - gap,
		m->tile_h - gap,
	};
}

/* --- Looking --- */

static u8 shown_kind(const struct page *p)
{
	u8 kind = READ_ONCE(p->kind);

	return kind == PK_FREE_TAIL ? PK_FREE : kind < PK_NR ? kind : PK_RESERVED;
}

static bool is_free(u8 kind)
{
	return kind == PK_FREE || kind == PK_PCP;
}

/* Free blocks merge and split all the time: that is no change of a frame. */
static u8 mark_of(const struct page *p, u8 kind)
{
	u32 v;

	if (is_free(kind))
		return 0;
	v = (u32)(uintptr_t)READ_ONCE(p->mapping) + READ_ONCE(p->index) * 64 +
	    READ_ONCE(p->private) + READ_ONCE(p->mapcount);
	v ^= v >> 16;
	return (u8)(v ^ v >> 8);
}

/* One tile of several frames. The commonest kind in use; free only if all are. */
static struct tile look_at_many(const struct page *p, u32 n, u32 count[PK_NR])
{
	u8 here[PK_NR] = {0};
	struct tile t = {.kind = PK_FREE};

	for (u32 i = 0; i < n; i++) {
		u8 kind = shown_kind(&p[i]);

		count[kind]++;
		here[kind] += here[kind] < 255;
		t.mark = (u8)(t.mark + mark_of(&p[i], kind));
		if (is_free(t.kind) ? !is_free(kind) || kind > t.kind
				    : !is_free(kind) && here[kind] > here[t.kind])
			t.kind = kind;
	}
	return t;
}

static inline struct tile look_at(const struct page *p, u32 n, u32 count[PK_NR])
{
	struct tile t;

	if (n > 1)
		return look_at_many(p, n, count);
	t.kind = shown_kind(p);
	t.mark = mark_of(p, t.kind);
	count[t.kind]++;
	return t;
}

/* What is new in `now` makes the tile hot: another kind fades in, from white if it is in use and
 * from the former owner's colour if it has been freed. */
static void heat_up(struct tile *t, const struct tile *now)
{
	if (t->kind != now->kind) {
		t->from = is_free(now->kind) ? t->kind : TILE_FLASH;
		t->heat = t->kind == TILE_BLANK ? 0 : MOSAIC_COOL;
	} else {
		t->from = TILE_FLASH;
		t->heat = MOSAIC_COOL / 2;
	}
	t->kind = now->kind;
	t->mark = now->mark;
}

/* What a tile looks like now. */
static u32 tile_colour(const struct tile *t)
{
	u32 from = t->from < PK_NR ? mosaic_colour[t->from] : FLASH_COLOUR;

	return colour_mix(mosaic_colour[t->kind], from, t->heat);
}

/* The tile now looks like this; paints it unless it did before. */
static void update(const struct mosaic *m, const struct canvas *c, u32 row, u32 col, struct tile *t,
	struct tile now, struct mosaic_pass *pass)
{
	if (likely(t->kind == now.kind && t->mark == now.mark)) {
		if (likely(!t->heat))
			return;
		t->heat -= MIN(t->heat, pass->cooling);
	} else {
		heat_up(t, &now);
		if (t->heat) {
			pass->changed++;
			pass->changed_at = mosaic_row(m, row).start + col * m->per_tile;
		}
	}
	pass->warm += t->heat > 0;
	canvas_fill(c, mosaic_rect(m, row, col), tile_colour(t));
}

/* How many tiles from this frame on, at most `max`, lie in a free block. */
static u32 tiles_in_free_block(const struct mosaic *m, const struct page *pages, u32 pfn, u32 max,
	struct mosaic_pass *pass)
{
	if (pages[pfn].kind == PK_FREE)
		pass->free_until = pfn + (1u << MIN(pages[pfn].order, MAX_ORDER));
	return pass->free_until > pfn ? MIN((pass->free_until - pfn) / m->per_tile, max) : 0;
}

void mosaic_paint_row(const struct mosaic *m, const struct canvas *c, u32 row,
	const struct page *pages, struct tile *tiles, struct mosaic_pass *pass)
{
	static const struct tile free = {.kind = PK_FREE};
	struct mosaic_frames f = mosaic_row(m, row);
	u32 col = 0, cols = (f.end - f.start - 1) / m->per_tile + 1;

	while (col < cols) {
		u32 pfn = f.start + col * m->per_tile;
		u32 n = tiles_in_free_block(m, pages, pfn, (f.end - pfn) / m->per_tile, pass);

		pass->count[PK_FREE] += n * m->per_tile;
		for (u32 end = col + n; col < end; col++)
			if (tiles[col].kind != PK_FREE || tiles[col].mark || tiles[col].heat)
				update(m, c, row, col, &tiles[col], free, pass);
		if (n)
			continue;
		update(m, c, row, col, &tiles[col],
			look_at(&pages[pfn], MIN(m->per_tile, f.end - pfn), pass->count), pass);
		col++;
	}
}
