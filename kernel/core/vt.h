/*
 * A terminal emulator: a screen of character cells and the escape sequences (ECMA-48, as VT102s and
 * Linux's console understand them) that programs move about it with. Pure.
 *
 * What it does not know it swallows. It never answers (status reports, ESC [ 6 n): the terminal on
 * the other end of the serial line sees the same bytes and would answer a second time.
 */
#ifndef CORE_VT_H
#define CORE_VT_H

#include "kernel/lib/types.h"

#define VT_ROWS   25u
#define VT_COLS   80u
#define VT_PARAMS 8u

enum vt_state { VT_TEXT, VT_ESC, VT_CSI, VT_OSC, VT_CHARSET };

struct vt {
	u16 cell[VT_ROWS * VT_COLS]; /* VGA: character, attribute << 8; see vt_line() */
	u32 origin;                  /* row of `cell` that is the top of the screen */
	u32 row, col;                /* cursor */
	bool wrap_next;              /* the last column is full: the next character starts a line */
	bool cursor_hidden;
	u32 top, bottom;             /* scrolling region, half-open */
	u32 dirty_from, dirty_to;    /* rows changed since vt_clean(), half-open */

	u8 fg, bg; /* ANSI colours 0..7, fg with 8 for bright */
	bool bold, reverse;
	u8 attr; /* the above as the VGA wants them */
	u32 saved_row, saved_col;

	enum vt_state state;
	bool private;    /* CSI ? ... */
	bool esc_in_osc; /* the last byte was ESC */
	u32 param[VT_PARAMS];
	u32 nr_params; /* the one being read is param[nr_params - 1] */
};

/* A blank screen, the cursor in its upper left corner. */
void vt_init(struct vt *v);
/* Carries out n bytes: text, control characters and escape sequences, which may go on in the next
 * call. */
void vt_write(struct vt *v, const char *s, size_t n);

/* The cells of a row of the screen. Scrolling all of it moves no cell, only the origin. */
static inline u16 *vt_line(struct vt *v, u32 row)
{
	u32 at = v->origin + row;

	return &v->cell[(at < VT_ROWS ? at : at - VT_ROWS) * VT_COLS];
}

static inline void vt_clean(struct vt *v)
{
	v->dirty_from = VT_ROWS;
	v->dirty_to = 0;
}

#endif
