/* The 8259s (Intel 8259A data sheet), edge triggered, the slave on line 2 of the master. */
#include "kernel/x86/pic.h"
#include "kernel/core/cpu.h"
#include "kernel/core/cpustat.h"
#include "kernel/lib/kassert.h"
#include "kernel/x86/io.h"

#define PIC1_CMD  0x20
#define PIC1_DATA 0x21
#define PIC2_CMD  0xa0
#define PIC2_DATA 0xa1

#define ICW1_INIT     0x11 /* edge triggered, cascaded, ICW4 follows */
#define ICW4_8086     0x01
#define OCW2_EOI      0x20
#define OCW3_READ_ISR 0x0b

#define NR_IRQS	     16u
#define IRQ_CASCADE  2u
#define IRQ_SPURIOUS 7u /* the lowest priority of each controller: what it says when in doubt */

u32 irq_spurious;

/* Written with interrupts off. */
static void (*handlers[NR_IRQS])(struct trapframe *tf);
static u16 mask = 0xffff;

static void write_mask(void)
{
	outb(PIC1_DATA, (u8)mask);
	outb(PIC2_DATA, (u8)(mask >> 8));
}

void __init pic_init(void)
{
	outb(PIC1_CMD, ICW1_INIT);
	outb(PIC2_CMD, ICW1_INIT);
	outb(PIC1_DATA, VEC_IRQ0);
	outb(PIC2_DATA, VEC_IRQ0 + 8);
	outb(PIC1_DATA, 1u << IRQ_CASCADE);
	outb(PIC2_DATA, IRQ_CASCADE);
	outb(PIC1_DATA, ICW4_8086);
	outb(PIC2_DATA, ICW4_8086);
	mask &= (u16) ~(1u << IRQ_CASCADE);
	write_mask();
}

void irq_register(u32 irq, void (*fn)(struct trapframe *tf))
{
	u32 flags = irq_save();

	kassert_msg(irq < NR_IRQS && irq != IRQ_CASCADE && !handlers[irq], "irq %u", irq);
	handlers[irq] = fn;
	mask &= (u16) ~(1u << irq);
	write_mask();
	irq_restore(flags);
}

static bool in_service(u16 cmd_port, u32 line)
{
	outb(cmd_port, OCW3_READ_ISR);
	return inb(cmd_port) & 1u << line;
}

/* A line that fell silent before the CPU answered comes as line 7 of its controller, without being
 * in service there. The master has served its cascade line all the same. */
static bool is_spurious(u32 irq)
{
	if (irq == IRQ_SPURIOUS)
		return !in_service(PIC1_CMD, IRQ_SPURIOUS);
	if (irq != 8 + IRQ_SPURIOUS || in_service(PIC2_CMD, IRQ_SPURIOUS))
		return false;
	outb(PIC1_CMD, OCW2_EOI);
	return true;
}

static void end_of_interrupt(u32 irq)
{
	if (irq >= 8)
		outb(PIC2_CMD, OCW2_EOI);
	outb(PIC1_CMD, OCW2_EOI);
}

void irq_dispatch(struct trapframe *tf)
{
	u32 irq = tf->trapno - VEC_IRQ0;

	if (unlikely(is_spurious(irq))) {
		irq_spurious++;
		return;
	}
	this_cpu()->irq_depth++;
	cpustat_irq(irq);
	if (handlers[irq])
		handlers[irq](tf);
	this_cpu()->irq_depth--;
	end_of_interrupt(irq);
}
