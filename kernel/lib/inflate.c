/*
 * Decompressing gzip and deflate.
 *
 * Codes are canonical Huffman codes. One of up to FAST bits, that is nearly every one, is looked up
 * in a table by the next bits of the input; a longer one is decoded by counting: with the codes
 * of each length numbered consecutively, the number of codes per length and the symbols in the
 * order of their codes are all there is to know.
 */
#include "kernel/lib/inflate.h"
#include "kernel/lib/string.h"

#define MAX_BITS  INFLATE_MAX_BITS
#define FAST	  INFLATE_FAST_BITS
#define MAX_DIST  30u
#define END_BLOCK 256u

const char inflate_out_full[] = "more data than expected";

static bool fail(struct inflate *s, const char *error)
{
	if (!s->error)
		s->error = error;
	return false;
}

/* --- Bits --- */

/* Makes at least n (up to 24) bits available; behind the end there are zeroes, and using them is
 * an error. */
static void fill_bits(struct inflate *s, u32 n)
{
	while (s->nr_bits < n) {
		if (s->in_at < s->in_size)
			s->bits |= (u32)s->in[s->in_at] << s->nr_bits;
		s->in_at++;
		s->nr_bits += 8;
	}
}

static void use_bits(struct inflate *s, u32 n)
{
	s->bits >>= n;
	s->nr_bits -= n;
	if (s->in_at - s->nr_bits / 8 > s->in_size)
		fail(s, "unexpected end of data");
}

static u32 get_bits(struct inflate *s, u32 n)
{
	u32 v;

	if (n == 0)
		return 0;
	fill_bits(s, n);
	v = s->bits & ((1u << n) - 1);
	use_bits(s, n);
	return v;
}

/* --- Codes --- */

static u32 reverse(u32 code, u32 n)
{
	u32 r = 0;

	for (; n; n--, code >>= 1)
		r = r << 1 | (code & 1);
	return r;
}

/* Enters a short code wherever the input's next FAST bits begin with it. */
static void enter_fast(struct inflate_code *h, u32 code, u32 len, u32 symbol)
{
	for (u32 i = reverse(code, len); i < 1u << FAST; i += 1u << len)
		h->fast[i] = (u16)(len << 12 | symbol);
}

/* Counts the codes of each length. False when there are more than the lengths have room for, or
 * fewer (a single one, or none, is all right). */
static bool count_lengths(struct inflate_code *h, const u8 *lengths, u32 n)
{
	s32 left = 1;
	u32 codes;

	memset(h, 0, sizeof(*h));
	for (u32 i = 0; i < n; i++)
		h->count[lengths[i]]++;
	codes = n - h->count[0];
	h->count[0] = 0;
	for (u32 len = 1; len <= MAX_BITS; len++) {
		left = left * 2 - h->count[len];
		if (left < 0)
			return false;
	}
	return left == 0 || codes <= 1;
}

/* Builds the tables from the code lengths. */
static bool build(struct inflate_code *h, const u8 *lengths, u32 n)
{
	u16 offset[MAX_BITS + 2] = {0};
	u32 code[MAX_BITS + 2] = {0};

	if (!count_lengths(h, lengths, n))
		return false;
	for (u32 len = 1; len <= MAX_BITS; len++) {
		offset[len + 1] = (u16)(offset[len] + h->count[len]);
		code[len + 1] = (code[len] + h->count[len]) << 1;
	}
	for (u32 i = 0; i < n; i++) {
		u32 len = lengths[i];

		if (!len)
			continue;
		h->symbol[offset[len]++] = (u16)i;
		if (len <= FAST)
			enter_fast(h, code[len], len, i);
		code[len]++;
	}
	return true;
}

static u32 decode_slow(struct inflate *s, const struct inflate_code *h)
{
	s32 code = 0, first = 0, index = 0;
	u32 bits;

	fill_bits(s, MAX_BITS);
	bits = s->bits;
	for (u32 len = 1; len <= MAX_BITS; len++) {
		s32 count = h->count[len];

		code |= (s32)(bits & 1);
		bits >>= 1;
		if (code - count < first) {
			use_bits(s, len);
			return h->symbol[index + (code - first)];
		}
		index += count;
		first = (first + count) << 1;
		code <<= 1;
	}
	fail(s, "invalid code");
	return END_BLOCK;
}

static u32 decode(struct inflate *s, const struct inflate_code *h)
{
	u32 entry;

	fill_bits(s, FAST);
	entry = h->fast[s->bits & ((1u << FAST) - 1)];
	if (!entry)
		return decode_slow(s, h);
	use_bits(s, entry >> 12);
	return entry & 0xfff;
}

/* --- Blocks --- */

static bool stored_block(struct inflate *s)
{
	const u8 *p;
	u32 len;

	/* Back to a byte boundary, giving back whole bytes taken ahead. */
	s->in_at -= s->nr_bits / 8;
	s->bits = s->nr_bits = 0;
	if (s->in_at > s->in_size || s->in_size - s->in_at < 4)
		return fail(s, "unexpected end of data");
	p = s->in + s->in_at;
	len = p[0] | (u32)p[1] << 8;
	if (len != (~(p[2] | (u32)p[3] << 8) & 0xffff))
		return fail(s, "damaged stored block");
	s->in_at += 4;
	if (len > s->in_size - s->in_at)
		return fail(s, "unexpected end of data");
	if (len > s->out_size - s->out_at)
		return fail(s, inflate_out_full);
	memcpy(s->out + s->out_at, p + 4, len);
	s->in_at += len;
	s->out_at += len;
	return true;
}

static bool copy_match(struct inflate *s, u32 len, u32 distance)
{
	u8 *to = s->out + s->out_at;

	if (distance > s->out_at)
		return fail(s, "reference before the beginning");
	if (len > s->out_size - s->out_at)
		return fail(s, inflate_out_full);
	s->out_at += len;
	for (const u8 *from = to - distance; len; len--)
		*to++ = *from++;
	return true;
}

static bool match(struct inflate *s, u32 symbol)
{
	static const u16 len_base[] = {3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 17, 19, 23, 27, 31, 35,
		43, 51, 59, 67, 83, 99, 115, 131, 163, 195, 227, 258};
	static const u8 len_extra[] = {0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3,
		4, 4, 4, 4, 5, 5, 5, 5, 0};
	static const u16 dist_base[] = {1, 2, 3, 4, 5, 7, 9, 13, 17, 25, 33, 49, 65, 97, 129, 193,
		257, 385, 513, 769, 1025, 1537, 2049, 3073, 4097, 6145, 8193, 12289, 16385, 24577};
	u32 len, d;

	symbol -= END_BLOCK + 1;
	if (symbol >= ARRAY_SIZE(len_base))
		return fail(s, "invalid length");
	len = len_base[symbol] + get_bits(s, len_extra[symbol]);
	d = decode(s, &s->distance);
	if (d >= MAX_DIST)
		return fail(s, "invalid distance");
	d = dist_base[d] + get_bits(s, d < 4 ? 0 : d / 2 - 1);
	return !s->error && copy_match(s, len, d);
}

static bool coded_block(struct inflate *s)
{
	u32 symbol;

	for (;;) {
		symbol = decode(s, &s->literal);
		if (s->error)
			return false;
		if (symbol == END_BLOCK)
			return true;
		if (symbol > END_BLOCK) {
			if (!match(s, symbol))
				return false;
		} else if (s->out_at == s->out_size) {
			return fail(s, inflate_out_full);
		} else {
			s->out[s->out_at++] = (u8)symbol;
		}
	}
}

static bool fixed_block(struct inflate *s)
{
	u8 *l = s->lengths;

	memset(l, 8, 144);
	memset(l + 144, 9, 112);
	memset(l + 256, 7, 24);
	memset(l + 280, 8, 8);
	build(&s->literal, l, INFLATE_SYMBOLS);
	memset(l, 5, 32);
	build(&s->distance, l, 32);
	return coded_block(s);
}

/* Appends `count` times `len`, when that many are expected. */
static bool repeat_length(struct inflate *s, u32 *at, u32 total, u8 len, u32 count)
{
	if (count > total - *at)
		return fail(s, "too many code lengths");
	memset(s->lengths + *at, len, count);
	*at += count;
	return true;
}

/* The code lengths themselves come coded, with repetitions. */
static bool read_lengths(struct inflate *s, u32 total)
{
	u32 at = 0, symbol;
	bool ok = true;

	while (ok && at < total) {
		symbol = decode(s, &s->literal);
		if (s->error)
			return false;
		if (symbol < 16)
			s->lengths[at++] = (u8)symbol;
		else if (symbol == 16 && at == 0)
			ok = fail(s, "repetition of nothing");
		else if (symbol == 16)
			ok = repeat_length(s, &at, total, s->lengths[at - 1], 3 + get_bits(s, 2));
		else if (symbol == 17)
			ok = repeat_length(s, &at, total, 0, 3 + get_bits(s, 3));
		else
			ok = repeat_length(s, &at, total, 0, 11 + get_bits(s, 7));
	}
	return ok && !s->error;
}

static bool dynamic_block(struct inflate *s)
{
	static const u8 order[19] = {
		16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15};
	u32 nlen = get_bits(s, 5) + 257, ndist = get_bits(s, 5) + 1, ncode = get_bits(s, 4) + 4;

	if (nlen > 286 || ndist > MAX_DIST)
		return fail(s, "too many codes");
	memset(s->lengths, 0, sizeof(order));
	for (u32 i = 0; i < ncode; i++)
		s->lengths[order[i]] = (u8)get_bits(s, 3);
	if (!build(&s->literal, s->lengths, sizeof(order)))
		return fail(s, "invalid code lengths");
	if (!read_lengths(s, nlen + ndist))
		return false;
	if (s->lengths[END_BLOCK] == 0)
		return fail(s, "no end code");
	/* The literals' table is built last: it was in use for reading the lengths. */
	if (!build(&s->distance, s->lengths + nlen, ndist))
		return fail(s, "invalid distance codes");
	if (!build(&s->literal, s->lengths, nlen))
		return fail(s, "invalid literal codes");
	return coded_block(s);
}

static bool block(struct inflate *s)
{
	switch (get_bits(s, 2)) {
	case 0:
		return stored_block(s);
	case 1:
		return fixed_block(s);
	case 2:
		return dynamic_block(s);
	default:
		return fail(s, "invalid block type");
	}
}

const char *inflate(struct inflate *s, const void *in, size_t in_size, void *out, size_t out_size,
	size_t *consumed, size_t *produced)
{
	bool last;

	memset(s, 0, sizeof(*s));
	s->in = in;
	s->in_size = in_size;
	s->out = out;
	s->out_size = out_size;
	do {
		last = get_bits(s, 1);
	} while (block(s) && !s->error && !last);
	*consumed = s->in_at - s->nr_bits / 8;
	*produced = s->out_at;
	return s->error;
}

/* --- gzip --- */

#define GZIP_HEADER  10u
#define GZIP_TRAILER 8u
#define GZ_FHCRC     0x02u
#define GZ_FEXTRA    0x04u
#define GZ_FNAME     0x08u
#define GZ_FCOMMENT  0x10u
#define GZ_RESERVED  0xe0u

/* Four bits at a time: a small table, and quick enough for what is read once. */
u32 crc32(u32 crc, const void *buf, size_t n)
{
	static const u32 table[16] = {0x00000000, 0x1db71064, 0x3b6e20c8, 0x26d930ac, 0x76dc4190,
		0x6b6b51f4, 0x4db26158, 0x5005713c, 0xedb88320, 0xf00f9344, 0xd6d6a3e8, 0xcb61b38c,
		0x9b64c2b0, 0x86d3d2d4, 0xa00ae278, 0xbdbdf21c};
	const u8 *p = buf;

	crc = ~crc;
	while (n--) {
		crc ^= *p++;
		crc = crc >> 4 ^ table[crc & 15];
		crc = crc >> 4 ^ table[crc & 15];
	}
	return ~crc;
}

static u32 le32(const u8 *p)
{
	return p[0] | (u32)p[1] << 8 | (u32)p[2] << 16 | (u32)p[3] << 24;
}

bool gzip_detect(const void *buf, size_t size)
{
	const u8 *p = buf;

	return size >= 3 && p[0] == 0x1f && p[1] == 0x8b && p[2] == 8;
}

u32 gzip_size(const void *buf, size_t size)
{
	return size < GZIP_HEADER + GZIP_TRAILER ? 0 : le32((const u8 *)buf + size - 4);
}

/* Behind a NUL-terminated field, or past the end. */
static size_t skip_string(const u8 *p, size_t size, size_t at)
{
	while (at < size && p[at])
		at++;
	return at + 1;
}

/* Length of the header, or 0 when it is damaged. */
static size_t header_length(const u8 *p, size_t size)
{
	size_t at = GZIP_HEADER;
	u8 flags;

	if (size < GZIP_HEADER || !gzip_detect(p, size))
		return 0;
	flags = p[3];
	if (flags & GZ_RESERVED)
		return 0;
	if (flags & GZ_FEXTRA) {
		if (size - at < 2)
			return 0;
		at += 2 + (p[at] | (size_t)p[at + 1] << 8);
	}
	if (flags & GZ_FNAME)
		at = skip_string(p, size, at);
	if (flags & GZ_FCOMMENT)
		at = skip_string(p, size, at);
	if (flags & GZ_FHCRC)
		at += 2;
	return at < size ? at : 0;
}

const char *gzip_inflate(struct inflate *s, const void *in, size_t in_size, void *out,
	size_t out_size, size_t *consumed, size_t *produced)
{
	size_t header = header_length(in, in_size), used;
	const u8 *p = (const u8 *)in + header;
	const char *error;

	*consumed = *produced = 0;
	if (!header)
		return "bad gzip header";
	error = inflate(s, p, in_size - header, out, out_size, &used, produced);
	if (error)
		return error;
	if (in_size - header - used < GZIP_TRAILER)
		return "unexpected end of data";
	p += used;
	if (crc32(0, out, *produced) != le32(p))
		return "wrong checksum";
	if ((u32)*produced != le32(p + 4))
		return "wrong length";
	*consumed = header + used + GZIP_TRAILER;
	return NULL;
}
