/* The two 8259 interrupt controllers, and the handlers of their 16 lines. */
#ifndef X86_PIC_H
#define X86_PIC_H

#include "kernel/x86/trap.h"

/* Moves the lines to vectors VEC_IRQ0.. and masks all of them. irq_register() unmasks one. */
void pic_init(void);

/* Runs the handler of the line whose vector is tf->trapno. Interrupts are off. */
void irq_dispatch(struct trapframe *tf);

/* Interrupts that no line had asked for when they were looked at. */
extern u32 irq_spurious;

#endif
