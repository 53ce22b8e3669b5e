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
 * to 11), a counter, a nonce. */
static struct spinlock random_lock = SPINLOCK_INIT("random");
static u32 state[16] = {0x61707865, 0x3320646e, 0x79622d32, 0x6b206574};

static u64 cycles(void)
{
	return cpu_features.tsc ? rdtsc() : clock_ticks;
}

/* The next block begins with the next key; the caller gets the other half, 32 bytes. */
static void next_block(u32 out[8])
{
	u32 block[16];
	chacha20_block(state, block);
	memcpy(state + 4, block, 32);
	memcpy(out, block + 8, 32);
	if (++state[12] == 0)
		state[13]++;
	memset(block, 0, sizeof(block));
	barrier(); /* or the compiler drops the erasure */
}

static void stir_word(u32 i, u32 word)
{
	state[4 + i % 8] ^= word;
	if (i % 8 == 7) {
		u32 unused[8];
		next_block(unused);
	}
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
	u32 unused[8];
	for (size_t i = 0; i < n; i++)
		stir_word((u32)i, p[i]);
	next_block(unused);
	spin_unlock_irqrestore(&random_lock, flags);
}

void random_bytes(void *buf, size_t n)
{
	u8 *p = buf;
	while (n) {
		u32 out[8], part = MIN((u32)sizeof(out), n);
		u32 flags = spin_lock_irqsave(&random_lock);
		seed();
		state[14] ^= (u32)cycles();
		next_block(out);
		spin_unlock_irqrestore(&random_lock, flags);
		memcpy(p, out, part);
		p += part;
		n -= part;
	}
}
