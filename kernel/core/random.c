/* The random generator: fast key erasure over ChaCha20. */
#include "kernel/core/random.h"
#include "kernel/core/chacha.h"
#include "kernel/core/clock.h"
#include "kernel/core/lock.h"
#include "kernel/lib/string.h"
#include "kernel/x86/features.h"
#include "kernel/x86/io.h"

#define JITTER_ROUNDS 64u

/* Taken before the clock's lock. Guards `state`: the constants "expand 32-byte k", the key (words 4
 * to 11), a counter, a nonce; and `ready`, the last block's half that is for callers, of which the
 * first nr_ready bytes are still to be had and the others are zero. */
static struct spinlock random_lock = SPINLOCK_INIT("random");
static u32 state[16] = {0x61707865, 0x3320646e, 0x79622d32, 0x6b206574};
static u8 ready[32];
static u32 nr_ready;

static u64 cycles(void)
{
	return cpu_features.tsc ? rdtsc() : clock_ticks;
}

/* The next block begins with the next key. */
static void next_block(void)
{
	u32 block[16];
	chacha20_block(state, block);
	memcpy(state + 4, block, 32);
	memcpy(ready, block + 8, sizeof(ready));
	nr_ready = sizeof(ready);
	if (++state[12] == 0)
		state[13]++;
	memset(block, 0, sizeof(block));
	barrier(); /* or the compiler drops the erasure */
}

static void stir_word(u32 i, u32 word)
{
	state[4 + i % 8] ^= word;
	if (i % 8 == 7)
		next_block();
}

/* Caller holds random_lock. */
static void seed(void)
{
	static bool seeded;
	u64 now = clock_realtime_ns();
	u32 word;
	if (seeded)
		return;
	seeded = true;
	stir_word(0, (u32)now);
	stir_word(1, (u32)(now >> 32));
	for (u32 i = 2; i < JITTER_ROUNDS; i++) {
		u64 t = cycles();
		stir_word(i, (u32)t ^ (u32)(t >> 32));
		if (cpu_features.rdrand && rdrand32(&word))
			stir_word(i + 1, word);
	}
}

void random_stir(const void *buf, size_t n)
{
	u32 flags = spin_lock_irqsave(&random_lock);
	const u8 *p = buf;
	for (size_t i = 0; i < n; i++)
		stir_word((u32)i, p[i]);
	next_block();
	spin_unlock_irqrestore(&random_lock, flags);
}

/* Moves at most n bytes that are ready to p. */
static u32 hand_out(u8 *p, size_t n)
{
	u32 part = MIN(nr_ready, n);
	nr_ready -= part;
	memcpy(p, ready + nr_ready, part);
	memset(ready + nr_ready, 0, part);
	return part;
}

void random_bytes(void *buf, size_t n)
{
	u8 *p = buf;
	while (n) {
		u32 part, flags = spin_lock_irqsave(&random_lock);
		seed();
		if (!nr_ready) {
			state[14] ^= (u32)cycles();
			next_block();
		}
		part = hand_out(p, n);
		spin_unlock_irqrestore(&random_lock, flags);
		p += part;
		n -= part;
	}
}
