/*
 * FPU state as a signal frame carries it: the old FSAVE image with the FXSAVE image behind it,
 * each converted from the other as Linux does. Pure.
 */
#ifndef PROC_FPSTATE_H
#define PROC_FPSTATE_H

#include "kernel/abi/signal.h"

/* Fills a frame's struct from a 512-byte FXSAVE image. */
void fpstate_from_fxsave(struct abi_fpstate *fp, const void *fxsave);

/* The FXSAVE image that a frame's struct stands for: a handler may have changed either half; the
 * x87 registers are the first half's, the rest is the second's. */
void fpstate_to_fxsave(void *fxsave, const struct abi_fpstate *fp);

/* The raised and not masked exceptions in the image, of the x87 or the SSE unit: bits IE DE ZE OE
 * UE PE. */
u32 fpstate_exceptions(const void *fxsave, bool sse);

/* What a program starts with: control word 0x37f, MXCSR 0x1f80, all else empty. */
void fpstate_fresh(void *fxsave);

#endif
