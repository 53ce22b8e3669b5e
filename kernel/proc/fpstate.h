/* Reading FXSAVE images, and turning them into FSAVE images and back. Pure. */
#ifndef PROC_FPSTATE_H
#define PROC_FPSTATE_H

#include "kernel/abi/ptrace.h"
#include "kernel/lib/types.h"

/* The raised and not masked exceptions in the image, of the x87 or the SSE unit: bits IE DE ZE OE
 * UE PE. */
u32 fpstate_exceptions(const void *fxsave, bool sse);

/* The x87's part of an FXSAVE image as FSAVE writes it; and back, which leaves the rest alone. */
void fpstate_to_i387(struct abi_user_i387 *to, const void *fxsave);
void fpstate_from_i387(void *fxsave, const struct abi_user_i387 *from);

#endif
