/*
 * The inside of terminals, for the files of this folder: the console's (tty.c), pseudo-terminals
 * (pty.c), settings (tty_ioctl.c), job control (tty_jobs.c). Others use tty.h.
 */
#ifndef TTY_TTY_IMPL_H
#define TTY_TTY_IMPL_H

#include "kernel/abi/termios.h"
#include "kernel/core/lock.h"
#include "kernel/core/sched.h"
#include "kernel/tty/ldisc.h"
#include "kernel/tty/tty.h"

/* What is at the other end of the line. All but the last are called with the tty's lock held. */
struct tty_driver {
	/* Asks the sender of input to pause, or to go on. */
	void (*throttle)(struct tty *t, bool on);
	/* Whether n bytes that a program writes, and what output processing makes of them, find
	 * room. NULL: always. */
	bool (*has_room)(struct tty *t, size_t n);
	/* The last file on it was closed, or the first opened. NULL: it does not matter. */
	void (*in_use)(struct tty *t, bool yes);
	/* A program has written. NULL: nobody is told. */
	void (*wrote)(struct tty *t);
	void (*free)(struct tty *t); /* the last reference is gone */
};

/* letters: t: `lock`, taken with irqsave, p: process_lock, i: set at creation */
struct tty {
	const struct tty_driver *driver; /* i */
	u32 dev;			 /* i: device number */
	struct spinlock lock;
	struct ldisc ldisc;	    /* t */
	struct abi_winsize winsize; /* t */
	bool output_off;	    /* t: TCXONC(TCOOFF) */
	bool throttled;		    /* t: the sender has been asked to pause */
	u32 hangups;		    /* t: a file opened before the last one is dead */
	u32 files;		    /* t: that are not */
	bool cut;		    /* nobody is at the other end any more, for ever */
	u32 sid;		    /* p: session it controls, 0: none */
	u32 pgrp;		    /* p: foreground group, 0: none */
	u32 refs;		    /* p */
	struct list_head link;	    /* p: all terminals */
	struct waitq readers, writers;
	struct list_head async;		 /* files with O_ASYNC (kernel/fs/fasync.h) */
};

/* Fills a zeroed struct in and enters it with one reference; `out` and `ctx` as for ldisc_init(). */
void tty_setup(struct tty *t, const struct tty_driver *driver, u32 dev,
	void (*out)(void *ctx, const char *s, size_t n), void *ctx);
void tty_put(struct tty *t);

/* A byte comes in: interrupt handlers too. */
void tty_receive(struct tty *t, u8 c);

/* Whether the sender should pause: waits on whatever the driver's throttle() wakes. */
bool tty_is_throttled(struct tty *t);

/* The line is cut: files on it are dead, its session has lost it, and the session's leader is told
 * by SIGHUP and SIGCONT. */
void tty_hang_up(struct tty *t);

void tty_signal_foreground(struct tty *t, u32 sig);

/* Asks the sender to pause, or to go on. Caller holds t->lock. */
void tty_update_throttle(struct tty *t);

static inline struct tty *tty_of(const struct file *f)
{
	return f->private;
}

/* Whether the line was cut since f was opened. */
bool tty_is_dead(const struct file *f);

/* The terminal that a session has, referenced, or NULL. */
struct tty *tty_of_session(u32 sid);

/* --- tty_ioctl.c --- */

/* ioctl(2) on a terminal's file, and on either end of a line. */
long tty_ioctl(struct file *f, u32 cmd, u32 arg);
long tty_ioctl_line(struct tty *t, u32 cmd, u32 arg);

/* --- tty_jobs.c. Take process_lock. --- */

/* A process in the background that wants what only the foreground may have is stopped by `sig`.
 * Returns 0 when it may go on. */
long tty_check_foreground(struct tty *t, u32 sig);

/* The calling process's, if it leads a session without one and no other session has it. */
void tty_become_controlling(struct tty *t);

/* Takes the terminal from its session. Returns the foreground group, 0: none. */
u32 tty_take_from_session(struct tty *t, bool tell_leader);

/* TIOCSCTTY (`may_read`: through the descriptor; `steal`: the privileged may take it from another
 * session), TIOCNOTTY, TIOCSPGRP. */
long tty_set_ctty(struct tty *t, bool may_read, bool steal);
long tty_give_up_ctty(struct tty *t);
long tty_set_foreground(struct tty *t, u32 pgid);

#endif
