/* The 8254 (Intel 8254 data sheet). Counter 0 drives IRQ 0, counter 2 (the speaker's, with the
 * speaker off) is used to time the TSC. */
#include "kernel/x86/pit.h"
#include "kernel/core/clock.h"
#include "kernel/x86/features.h"
#include "kernel/x86/io.h"
#include "kernel/x86/trap.h"

#define PIT_COUNTER0 0x40
#define PIT_COUNTER2 0x42
#define PIT_CONTROL  0x43
#define PORT_B	     0x61

#define CTL_COUNTER0_RATE    0x34 /* low and high byte, mode 2 */
#define CTL_COUNTER2_ONESHOT 0xb0 /* low and high byte, mode 0 */
#define CTL_LATCH2	     0x80

#define PORT_B_GATE2   0x01
#define PORT_B_SPEAKER 0x02

#define CALIBRATION_COUNTS 950u /* 0.8 ms */

static void write_count(u16 port, u32 n)
{
	outb(port, (u8)n);
	outb(port, (u8)(n >> 8));
}

static __init u32 read_count2(void)
{
	u32 flags = irq_save(), n;

	outb(PIT_CONTROL, CTL_LATCH2);
	n = inb(PIT_COUNTER2);
	n |= (u32)inb(PIT_COUNTER2) << 8;
	irq_restore(flags);
	return n;
}

void __init pit_init(void (*tick)(struct trapframe *tf))
{
	outb(PIT_CONTROL, CTL_COUNTER0_RATE);
	write_count(PIT_COUNTER0, PIT_DIVISOR);
	irq_register(0, tick);
}

/* Waits until counter 2 reads at most `n` and has just changed. Returns what it reads, and the TSC
 * at that moment in *tsc. */
static __init u32 wait_count2(u32 n, u64 *tsc)
{
	u32 last = read_count2(), now;

	do {
		now = last;
		last = read_count2();
		*tsc = rdtsc();
	} while (last > n || last == now);
	return last;
}

u64 __init tsc_calibrate(void)
{
	u64 tsc0, tsc1;
	u32 count0, count1;

	if (!cpu_features.tsc)
		return 0;
	outb(PORT_B, (u8)((inb(PORT_B) & ~PORT_B_SPEAKER) | PORT_B_GATE2));
	outb(PIT_CONTROL, CTL_COUNTER2_ONESHOT);
	write_count(PIT_COUNTER2, 0xffff);
	/* Once for nothing: an emulator translates the code when it first runs. */
	count0 = wait_count2(0xfffe, &tsc0);
	count0 = wait_count2(count0 - 1, &tsc0);
	count1 = wait_count2(count0 - CALIBRATION_COUNTS, &tsc1);
	return (tsc1 - tsc0) * PIT_HZ / (count0 - count1);
}
