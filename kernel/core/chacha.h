/* The ChaCha20 block function (D. Bernstein; RFC 8439, 2.3). Pure. */
#ifndef CORE_CHACHA_H
#define CORE_CHACHA_H

#include "kernel/lib/types.h"

/* 64 bytes of key stream, as words, from the 16-word state (constants, key, counter, nonce). */
void chacha20_block(const u32 state[16], u32 out[16]);

#endif
