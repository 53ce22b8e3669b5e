/*
 * Timers of timer_create(2): what signal.c and itimer.c need to know of them.
 *
 * A timer owns the one queue entry that its signal travels in, so that an interrupt can send it.
 * A periodic timer rests while the entry waits, and goes on when the signal is taken, which tells how
 * many expirations there would have been: so the shortest interval leaves the program time to take
 * it. If the timer is deleted meanwhile, the entry waits on as any other does.
 * process_lock guards all of it.
 */
#ifndef PROC_POSIX_TIMER_H
#define PROC_POSIX_TIMER_H

#include "kernel/lib/types.h"

struct abi_siginfo;
struct posix_timer;
struct process;

void posix_timer_init(void);

/* The timer's signal is being taken: fills in the overrun, and the timer goes on. Caller holds process_lock. */
void posix_timer_taken(struct posix_timer *pt, struct abi_siginfo *info);
/* Its queue entry is on no list any more. Caller holds process_lock. */
void posix_timer_unqueued(struct posix_timer *pt);

/* Whether the process has an armed timer that counts CPU time; and, with every tick then, the look
 * at those. Caller holds process_lock. */
bool posix_timer_watches_cpu(const struct process *p);
void posix_timer_cpu_tick(struct process *p);

/* All timers of the process go, and their signals that wait: at its end, and in execve(). */
void posix_timers_exit(struct process *p);

#endif
