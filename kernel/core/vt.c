/* A terminal emulator on an array of character cells. */
#include "kernel/core/vt.h"
#include "kernel/lib/string.h"

#define DEFAULT_FG 7
#define DEFAULT_BG 0

static void touch(struct vt *v, u32 from, u32 to)
{
	v->dirty_from = MIN(v->dirty_from, from);
	v->dirty_to = MAX(v->dirty_to, to);
}

/* ANSI numbers red as 1 and blue as 4, the VGA the other way round. */
static u8 vga_colour(u8 ansi)
{
	static const u8 map[8] = {0, 4, 2, 6, 1, 5, 3, 7};

	return map[ansi & 7] | (ansi & 8);
}

static u8 make_attribute(const struct vt *v)
{
	u8 fg = vga_colour(v->fg | (v->bold ? 8 : 0)), bg = vga_colour(v->bg);

	/* Bit 7 blinks: a background is never bright. */
	return v->reverse ? (u8)((fg & 7) << 4 | bg) : (u8)((bg & 7) << 4 | fg);
}

static u16 blank(const struct vt *v)
{
	return (u16)(vga_colour(v->bg) & 7) << 12 | (u16)vga_colour(v->fg & 7) << 8 | ' ';
}

/* Blanks columns [from, to) of a row. */
static void fill(struct vt *v, u32 row, u32 from, u32 to)
{
	u16 b = blank(v), *line = vt_line(v, row);

	for (u32 i = from; i < to; i++)
		line[i] = b;
	touch(v, row, row + 1);
}

static void fill_rows(struct vt *v, u32 from, u32 to)
{
	for (; from < to; from++)
		fill(v, from, 0, VT_COLS);
}

static void copy_row(struct vt *v, u32 to, u32 from)
{
	memcpy(vt_line(v, to), vt_line(v, from), VT_COLS * sizeof(v->cell[0]));
}

/* Moves rows [at, bottom) up by n; blank ones come in below. */
static void scroll_up(struct vt *v, u32 at, u32 n)
{
	n = MIN(n, v->bottom - at);
	if (at == 0 && v->bottom == VT_ROWS)
		v->origin = (v->origin + n) % VT_ROWS;
	else
		for (u32 row = at; row < v->bottom - n; row++)
			copy_row(v, row, row + n);
	fill_rows(v, v->bottom - n, v->bottom);
	touch(v, at, v->bottom);
}

/* Moves rows [at, bottom) down by n; blank ones come in above. */
static void scroll_down(struct vt *v, u32 at, u32 n)
{
	n = MIN(n, v->bottom - at);
	for (u32 row = v->bottom; row-- > at + n;)
		copy_row(v, row, row - n);
	fill_rows(v, at, at + n);
	touch(v, at, v->bottom);
}

static void line_feed(struct vt *v)
{
	if (v->row + 1 == v->bottom)
		scroll_up(v, v->top, 1);
	else if (v->row + 1 < VT_ROWS)
		v->row++;
}

static void reverse_line_feed(struct vt *v)
{
	if (v->row == v->top)
		scroll_down(v, v->top, 1);
	else if (v->row)
		v->row--;
}

/* Off-screen places end at the border. */
static void move_to(struct vt *v, u32 row, u32 col)
{
	v->row = MIN(row, VT_ROWS - 1);
	v->col = MIN(col, VT_COLS - 1);
	v->wrap_next = false;
}

static void put_char(struct vt *v, u8 c)
{
	if (v->wrap_next) {
		v->col = 0;
		v->wrap_next = false;
		line_feed(v);
	}
	vt_line(v, v->row)[v->col] = (u16)v->attr << 8 | c;
	touch(v, v->row, v->row + 1);
	if (v->col + 1 < VT_COLS)
		v->col++;
	else
		v->wrap_next = true;
}

void vt_init(struct vt *v)
{
	memset(v, 0, sizeof(*v));
	v->bottom = VT_ROWS;
	v->fg = DEFAULT_FG;
	v->bg = DEFAULT_BG;
	v->attr = make_attribute(v);
	vt_clean(v);
	fill_rows(v, 0, VT_ROWS);
}

/* The n-th parameter; `def` where it is missing or 0. */
static u32 param(const struct vt *v, u32 n, u32 def)
{
	return n < v->nr_params && v->param[n] ? v->param[n] : def;
}

enum { TO_END, TO_START, ALL }; /* parameters of the two erase functions */

static void erase_line(struct vt *v, u32 what)
{
	fill(v, v->row, what == TO_END ? v->col : 0, what == TO_START ? v->col + 1 : VT_COLS);
}

static void erase_screen(struct vt *v, u32 what)
{
	erase_line(v, what);
	if (what != TO_START)
		fill_rows(v, v->row + 1, VT_ROWS);
	if (what != TO_END)
		fill_rows(v, 0, v->row);
}

static void insert_chars(struct vt *v, u32 n)
{
	u16 *line = vt_line(v, v->row);

	n = MIN(n, VT_COLS - v->col);
	memmove(line + v->col + n, line + v->col, (VT_COLS - v->col - n) * sizeof(*line));
	fill(v, v->row, v->col, v->col + n);
}

static void delete_chars(struct vt *v, u32 n)
{
	u16 *line = vt_line(v, v->row);

	n = MIN(n, VT_COLS - v->col);
	memmove(line + v->col, line + v->col + n, (VT_COLS - v->col - n) * sizeof(*line));
	fill(v, v->row, VT_COLS - n, VT_COLS);
}

static void erase_chars(struct vt *v, u32 n)
{
	fill(v, v->row, v->col, v->col + MIN(n, VT_COLS - v->col));
}

static void reset_attributes(struct vt *v)
{
	v->bold = false;
	v->reverse = false;
	v->fg = DEFAULT_FG;
	v->bg = DEFAULT_BG;
}

static void select_attribute(struct vt *v, u32 p)
{
	if (p == 0)
		reset_attributes(v);
	else if (p == 1 || p == 22)
		v->bold = p == 1;
	else if (p == 7 || p == 27)
		v->reverse = p == 7;
	else if (p >= 30 && p <= 37)
		v->fg = (u8)(p - 30);
	else if (p == 39)
		v->fg = DEFAULT_FG;
	else if (p >= 40 && p <= 47)
		v->bg = (u8)(p - 40);
	else if (p == 49)
		v->bg = DEFAULT_BG;
	else if (p >= 90 && p <= 97)
		v->fg = (u8)(p - 90 + 8);
	else if (p >= 100 && p <= 107)
		v->bg = (u8)(p - 100);
}

static void select_attributes(struct vt *v)
{
	for (u32 i = 0; i < v->nr_params; i++) {
		/* 38;5;N and 38;2;R;G;B: colours we do not have. */
		if (v->param[i] == 38 || v->param[i] == 48)
			break;
		select_attribute(v, v->param[i]);
	}
	v->attr = make_attribute(v);
}

static void set_region(struct vt *v)
{
	u32 top = param(v, 0, 1) - 1, bottom = MIN(param(v, 1, VT_ROWS), VT_ROWS);

	if (top + 1 >= bottom)
		return;
	v->top = top;
	v->bottom = bottom;
	move_to(v, 0, 0);
}

static void save_cursor(struct vt *v)
{
	v->saved_row = v->row;
	v->saved_col = v->col;
}

static bool in_region(const struct vt *v)
{
	return v->row >= v->top && v->row < v->bottom;
}

/* The final byte of CSI parameters: cursor movement. Returns whether it was one. */
static bool csi_move(struct vt *v, char c)
{
	u32 n = param(v, 0, 1);

	switch (c) {
	case 'A':
	case 'F':
		move_to(v, v->row - MIN(n, v->row), c == 'A' ? v->col : 0);
		return true;
	case 'B':
	case 'E':
	case 'e':
		move_to(v, v->row + n, c == 'E' ? 0 : v->col);
		return true;
	case 'C':
	case 'a':
		move_to(v, v->row, v->col + n);
		return true;
	case 'D':
		move_to(v, v->row, v->col - MIN(n, v->col));
		return true;
	case 'G':
	case '`':
		move_to(v, v->row, n - 1);
		return true;
	case 'd':
		move_to(v, n - 1, v->col);
		return true;
	case 'H':
	case 'f':
		move_to(v, n - 1, param(v, 1, 1) - 1);
		return true;
	case 's':
		save_cursor(v);
		return true;
	case 'u':
		move_to(v, v->saved_row, v->saved_col);
		return true;
	default:
		return false;
	}
}

/* The final byte of CSI parameters: changes of the text. */
static void csi_edit(struct vt *v, char c)
{
	u32 n = param(v, 0, 1);

	switch (c) {
	case 'J':
		erase_screen(v, param(v, 0, TO_END));
		break;
	case 'K':
		erase_line(v, param(v, 0, TO_END));
		break;
	case 'L':
		if (in_region(v))
			scroll_down(v, v->row, n);
		break;
	case 'M':
		if (in_region(v))
			scroll_up(v, v->row, n);
		break;
	case 'S':
		scroll_up(v, v->top, n);
		break;
	case 'T':
		scroll_down(v, v->top, n);
		break;
	case '@':
		insert_chars(v, n);
		break;
	case 'P':
		delete_chars(v, n);
		break;
	case 'X':
		erase_chars(v, n);
		break;
	case 'm':
		select_attributes(v);
		break;
	case 'r':
		set_region(v);
		break;
	}
}

static void csi_private(struct vt *v, char c)
{
	if (param(v, 0, 0) == 25 && (c == 'h' || c == 'l'))
		v->cursor_hidden = c == 'l';
}

static void csi_begin(struct vt *v)
{
	v->state = VT_CSI;
	v->private = false;
	memset(v->param, 0, sizeof(v->param));
	v->nr_params = 1;
}

static void csi_byte(struct vt *v, char c)
{
	u32 *p = &v->param[v->nr_params - 1];

	if (c >= '0' && c <= '9') {
		*p = MIN(*p * 10 + (u32)(c - '0'), 9999u);
	} else if (c == ';') {
		v->nr_params = MIN(v->nr_params + 1, VT_PARAMS);
	} else if (c == '?' || c == '>' || c == '=') {
		v->private = true;
	} else if (c >= '@' && c <= '~') {
		v->state = VT_TEXT;
		if (v->private)
			csi_private(v, c);
		else if (!csi_move(v, c))
			csi_edit(v, c);
	}
}

static void esc_byte(struct vt *v, char c)
{
	v->state = VT_TEXT;
	switch (c) {
	case '[':
		csi_begin(v);
		break;
	case ']':
		v->state = VT_OSC;
		v->esc_in_osc = false;
		break;
	case '(':
	case ')':
	case '#':
	case '%':
		v->state = VT_CHARSET;
		break;
	case '7':
		save_cursor(v);
		break;
	case '8':
		move_to(v, v->saved_row, v->saved_col);
		break;
	case 'D':
		line_feed(v);
		break;
	case 'E':
		v->col = 0;
		line_feed(v);
		break;
	case 'M':
		reverse_line_feed(v);
		break;
	case 'c':
		vt_init(v);
		break;
	}
}

/* Operating system commands (window titles) end with BEL or ESC \. */
static void osc_byte(struct vt *v, char c)
{
	if (c == '\a' || (v->esc_in_osc && c == '\\'))
		v->state = VT_TEXT;
	v->esc_in_osc = c == '\033';
}

static void text_byte(struct vt *v, char c)
{
	switch (c) {
	case '\033':
		v->state = VT_ESC;
		break;
	case '\n':
	case '\v':
	case '\f':
		v->wrap_next = false;
		line_feed(v);
		break;
	case '\r':
		move_to(v, v->row, 0);
		break;
	case '\b':
		move_to(v, v->row, v->col - (v->col > 0));
		break;
	case '\t':
		move_to(v, v->row, (v->col | 7) + 1);
		break;
	default:
		/* One sign for each UTF-8 sequence: continuation bytes show nothing. */
		if ((u8)c >= 0xc0)
			put_char(v, '?');
		else if (c >= ' ' && c <= '~')
			put_char(v, (u8)c);
	}
}

void vt_write(struct vt *v, const char *s, size_t n)
{
	for (; n; n--, s++) {
		if (likely(v->state == VT_TEXT))
			text_byte(v, *s);
		else if (v->state == VT_OSC)
			osc_byte(v, *s);
		else if (*s == '\033')
			v->state = VT_ESC;
		else if (v->state == VT_ESC)
			esc_byte(v, *s);
		else if (v->state == VT_CSI)
			csi_byte(v, *s);
		else
			v->state = VT_TEXT; /* the one byte that VT_CHARSET swallows */
	}
}
