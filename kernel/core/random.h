/*
 * Random numbers for AT_RANDOM, getrandom(2) and /dev/urandom: a ChaCha20 generator whose key is
 * replaced with every block, and what is handed out forgotten, so that it cannot be computed from
 * what is in memory later. Seeded at the first request, from RDRAND where the CPU has it and from the jitter
 * of the TSC.
 */
#ifndef CORE_RANDOM_H
#define CORE_RANDOM_H

#include "kernel/lib/types.h"

/* Fills buf. Any context. */
void random_bytes(void *buf, size_t n);

/* Stirs bytes into the key, as writing to /dev/urandom does. Never makes it worse. */
void random_stir(const void *buf, size_t n);

#endif
