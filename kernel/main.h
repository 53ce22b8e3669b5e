/* What the layers below call back when the machine's life ends. */
#ifndef KERNEL_MAIN_H
#define KERNEL_MAIN_H

#include "kernel/lib/types.h"

/* Process 1 and all others are gone: checks memory, tells the host the status, leaves QEMU. */
__noreturn void process1_exited(int wait_status);

#endif
