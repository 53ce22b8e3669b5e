/*
 * The local APIC, for its timer alone: it interrupts once, after a given time. The 8259s go on
 * interrupting through it.
 *
 * There is none where CPUID says so or the command line says `nolapic`.
 */
#ifndef X86_LAPIC_H
#define X86_LAPIC_H

#include "kernel/lib/types.h"

/* Turns it on, if there is one, and lets its counter run, to be measured. `fn` will be called with
 * interrupts off when the timer's time has come. The CPU has a TSC. */
void lapic_init(void (*fn)(void));

/* A little later, with the TSC's rate: from now on the timer can be used. Returns whether there is
 * one. */
bool lapic_calibrate(u64 tsc_hz);

/* Has it interrupt in `ns`, at most a second; if it was to do so at another time, then instead. */
void lapic_timer_set(u64 ns);

/* From trap_dispatch(): an interrupt that is none of the 8259s'. */
void lapic_dispatch(u32 vector);

#endif
