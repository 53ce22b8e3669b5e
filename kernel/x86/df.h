/* The double-fault task. */
#ifndef X86_DF_H
#define X86_DF_H

#include "kernel/lib/types.h"

/* Panics with the registers of whoever ran into it. Called on the double-fault task's stack. */
__noreturn void double_fault(void);

#endif
