/*
 * Terminals: the machine's, a line discipline on the console, and pseudo-terminals, whose other end
 * is a program; and who may use one when (job control).
 *
 * /dev/ttyS0, /dev/tty1 and /dev/console are names of the same terminal; /dev/tty is the calling
 * process's controlling terminal. A device node's open calls one of the tty_open functions, which
 * point file->private at the terminal; its operations are tty_file_ops.
 */
#ifndef TTY_TTY_H
#define TTY_TTY_H

#include "kernel/fs/file.h"
#include "kernel/lib/types.h"

struct tty;

extern const struct file_ops tty_file_ops;

/* The machine's terminal. */
struct tty *tty_console(void);

/* open(2) of a terminal (ttyS0, tty0, tty1, pts/N): becomes the controlling terminal of a session leader
 * who has none, unless O_NOCTTY is set or it is another session's. Returns 0. */
long tty_open(struct file *f, struct tty *t);

/* open(2) of /dev/console, which never becomes a controlling terminal. Returns 0. Also for the
 * kernel itself, without a current process. */
long tty_open_console(struct file *f);

/* open(2) of /dev/tty. Returns 0, or -ENXIO without a controlling terminal. */
long tty_open_current(struct file *f);

struct process;

/* A session leader exits: its session loses the terminal, whose foreground group is told by SIGHUP;
 * so is that of a terminal that was hung up before. Not under process_lock. */
void tty_leader_exits(struct process *p);

/* For /proc/PID/stat: device number (as tty_nr, 0 for NULL) and foreground group (-1 for NULL). */
u32 tty_nr(const struct tty *t);
s32 tty_foreground(const struct tty *t);

/* pty.c: pseudo-terminals, /dev/ptmx and the file system on /dev/pts. */
void pty_init(void);

/* Makes the console's terminal and starts listening to the console's input. After trap_init(). */
void tty_init(void);

#endif
