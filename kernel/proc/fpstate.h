/* Reading FXSAVE images. Pure. */
#ifndef PROC_FPSTATE_H
#define PROC_FPSTATE_H

#include "kernel/lib/types.h"

/* The raised and not masked exceptions in the image, of the x87 or the SSE unit: bits IE DE ZE OE
 * UE PE. */
u32 fpstate_exceptions(const void *fxsave, bool sse);

#endif
