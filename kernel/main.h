/* Where the kernel begins and where it ends. */
#ifndef KERNEL_MAIN_H
#define KERNEL_MAIN_H

#include "kernel/lib/types.h"

/* Called by boot/start.S with what the boot loader left in EAX and EBX. */
asmlinkage void kernel_main(u32 magic, u32 mbi);

/* Process 1 and all others are gone: checks memory, tells the host the status, leaves QEMU. */
__noreturn void process1_exited(int wait_status);

#endif
