/*
 * Decompressing gzip (RFC 1952) and deflate (RFC 1951) from memory to memory. Pure: no allocation,
 * and no byte is read or written outside the two buffers whatever the input says.
 */
#ifndef LIB_INFLATE_H
#define LIB_INFLATE_H

#include "kernel/lib/types.h"

/* Starts with gzip's magic and method. */
bool gzip_detect(const void *buf, size_t size);

/* The uncompressed size that a file of one member gives in its last four bytes (modulo 2^32); 0
 * when the buffer is too short for one. A hint: nothing has been checked. */
u32 gzip_size(const void *buf, size_t size);

#define INFLATE_FAST_BITS 9u
#define INFLATE_MAX_BITS  15u
#define INFLATE_SYMBOLS   288u

struct inflate_code {
	u16 fast[1u << INFLATE_FAST_BITS];
	u16 count[INFLATE_MAX_BITS + 1];
	u16 symbol[INFLATE_SYMBOLS];
};

/* What a decompression needs to remember: about 4 KiB, too large for a kernel stack. */
struct inflate {
	const u8 *in;
	size_t in_size, in_at;
	u8 *out;
	size_t out_size, out_at;
	u32 bits, nr_bits; /* bits taken from `in` and not used yet, lowest first */
	const char *error;
	struct inflate_code literal, distance;
	u8 lengths[INFLATE_SYMBOLS + 32];
};

/* Set when the output does not fit. */
extern const char inflate_out_full[];

/*
 * Decompresses one member and checks its CRC and length. *consumed and *produced say how far it
 * went. Returns NULL, or a few words on what is wrong (inflate_out_full itself when the output
 * did not fit).
 */
const char *gzip_inflate(struct inflate *s, const void *in, size_t in_size, void *out,
	size_t out_size, size_t *consumed, size_t *produced);

/* The deflate stream alone. */
const char *inflate(struct inflate *s, const void *in, size_t in_size, void *out, size_t out_size,
	size_t *consumed, size_t *produced);

u32 crc32(u32 crc, const void *buf, size_t n); /* start with 0 */

#endif
