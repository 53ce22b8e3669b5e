/*
 * The line discipline: what a terminal does between the line and the program, as Linux's N_TTY.
 * Pure; the owner (kernel/tty/tty.c) locks and sleeps.
 *
 * Input goes into a ring of bytes. In canonical mode the newest line is still being edited:
 *
 *        tail                canon               head
 *         |  complete lines    | line being typed |
 *
 * and a bit beside each byte says that it ends a line. An end of file (^D) is a NUL byte with that
 * bit. In raw mode canon is not looked at and everything up to head can be read.
 */
#ifndef TTY_LDISC_H
#define TTY_LDISC_H

#include "kernel/abi/termios.h"
#include "kernel/lib/types.h"

#define LDISC_SIZE 4096u

struct ldisc {
	struct abi_termios termios;
	u8 ring[LDISC_SIZE];
	u8 line_end[LDISC_SIZE / 8];
	u32 tail, canon, head; /* bytes ever taken, finished, put: indices modulo LDISC_SIZE */
	u32 column;            /* of the output */
	u32 line_column;       /* where the line being typed began */
	bool literal_next;     /* ^V was typed */
	bool stopped;          /* ^S: the owner lets nobody write */

	/* Bytes on their way to the terminal. */
	void (*out)(void *ctx, const char *s, size_t n);
	void *ctx;
};

void ldisc_init(struct ldisc *l, void (*out)(void *ctx, const char *s, size_t n), void *ctx);

/* A byte was typed: echoes it, edits, stores. Returns the signal that it stands for, or 0. */
u32 ldisc_receive(struct ldisc *l, u8 c);

/* Bytes that a program writes. */
void ldisc_write(struct ldisc *l, const char *s, size_t n);

/* Whether a read would return something: a line, or in raw mode at least `min` bytes. */
bool ldisc_readable(const struct ldisc *l, u32 min);

/* Takes at most n bytes, in canonical mode of one line. *ended: the line (or the file: a return of
 * 0) is over, the read with it. */
size_t ldisc_read(struct ldisc *l, char *buf, size_t n, bool *ended);

/* After a read whose buffer was filled exactly: takes an end of file that follows, so that "abc^D"
 * read in threes is not followed by an empty read. */
void ldisc_skip_eof(struct ldisc *l);

/* FIONREAD: bytes that a read could get now. */
u32 ldisc_count(const struct ldisc *l);

/* The sender should pause: nearly full, and reading can make room. */
bool ldisc_nearly_full(const struct ldisc *l);

/* Forgets all input. */
void ldisc_flush(struct ldisc *l);

/* Changes the mode; what has been typed is kept and becomes readable by the new one's rules. */
void ldisc_set_termios(struct ldisc *l, const struct abi_termios *t);

#endif
