/* ChaCha20: twenty rounds over a 4x4 matrix of words, columns and diagonals in turn. */
#include "kernel/core/chacha.h"

static u32 rotl(u32 v, u32 n)
{
	return v << n | v >> (32 - n);
}

static inline __attribute__((always_inline)) void quarter_round(u32 *x, u32 a, u32 b, u32 c, u32 d)
{
	x[a] += x[b];
	x[d] = rotl(x[d] ^ x[a], 16);
	x[c] += x[d];
	x[b] = rotl(x[b] ^ x[c], 12);
	x[a] += x[b];
	x[d] = rotl(x[d] ^ x[a], 8);
	x[c] += x[d];
	x[b] = rotl(x[b] ^ x[c], 7);
}

void chacha20_block(const u32 state[16], u32 out[16])
{
	for (u32 i = 0; i < 16; i++)
		out[i] = state[i];
	for (u32 round = 0; round < 10; round++) {
#pragma GCC unroll 4
		for (u32 i = 0; i < 4; i++)
			quarter_round(out, i, i + 4, i + 8, i + 12);
#pragma GCC unroll 4
		for (u32 i = 0; i < 4; i++)
			quarter_round(out, i, 4 + (i + 1) % 4, 8 + (i + 2) % 4, 12 + (i + 3) % 4);
	}
	for (u32 i = 0; i < 16; i++)
		out[i] += state[i];
}
