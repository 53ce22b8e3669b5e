/* The 8254 (Intel 8254 data sheet). Counter 0 drives IRQ 0, counter 2 (the speaker's, with the
 * speaker off) is used to time the TSC. */
#include "kernel/x86/pit.h"
#include "kernel/core/clock.h"
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
#define CALIBRATION_EXACT  50u	/* it is wrong by a 50th at most: then it will do */
#define CALIBRATION_TRIES  50u

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

struct reading {
	u32 count;
	u64 tsc; /* right after it */
	u64 gap; /* the longest between two looks at the counter until then */
};

/* Waits until counter 2 reads at most `n` and has just changed. */
static __init struct reading wait_count2(u32 n)
{
	struct reading r = {.count = read_count2(), .tsc = rdtsc()};
	u64 before;
	u32 last;

	do {
		last = r.count;
		before = r.tsc;
		r.count = read_count2();
		r.tsc = rdtsc();
		r.gap = MAX(r.gap, r.tsc - before);
	} while (r.count > n || r.count == last);
	return r;
}

/* Hz by one measurement, and by which share of it (1/n) it may be wrong at most. */
static __init u64 measure_tsc(u32 *n)
{
	struct reading from, to;

	outb(PIT_CONTROL, CTL_COUNTER2_ONESHOT);
	write_count(PIT_COUNTER2, 0xffff);
	from = wait_count2(0xfffe);
	to = wait_count2(from.count - CALIBRATION_COUNTS);
	*n = (u32)((to.tsc - from.tsc) / MAX(from.gap, to.gap));
	return (to.tsc - from.tsc) * PIT_HZ / (from.count - to.count);
}

u64 __init tsc_calibrate(void)
{
	u64 hz = 0;
	u32 n, best = 0;

	outb(PORT_B, (u8)((inb(PORT_B) & ~PORT_B_SPEAKER) | PORT_B_GATE2));
	/* An emulator may lose the CPU between two looks, and translates the code when it first
	 * runs. */
	for (u32 tries = 0; tries < CALIBRATION_TRIES && best < CALIBRATION_EXACT; tries++) {
		u64 measured = measure_tsc(&n);

		if (n >= best) {
			hz = measured;
			best = n;
		}
	}
	return hz;
}
