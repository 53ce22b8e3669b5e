/* Decompression: each kind of block, damaged input of every sort, and no byte out of bounds. */
#include "kernel/core/selftest.h"
#include "kernel/lib/fmt.h"
#include "kernel/lib/inflate.h"
#include "kernel/lib/string.h"

/* "I bottles of I^3 in hexadecimal", 64 lines: dynamic codes. */
static const u8 dynamic_gz[] = {31, 139, 8, 0, 0, 0, 0, 0, 0, 3, 93, 211, 57, 174, 28, 49, 12, 4,
	208, 188, 78, 49, 71, 16, 55, 45, 199, 209, 210, 138, 12, 252, 192, 255, 254, 48, 39, 235,
	114, 72, 13, 134, 120, 100, 23, 203, 103, 253, 252, 254, 254, 121, 254, 126, 126, 238, 167,
	64, 222, 165, 64, 223, 101, 135, 209, 175, 11, 254, 174, 189, 32, 222, 117, 59, 168, 239,
	250, 116, 52, 250, 127, 52, 244, 247, 131, 150, 130, 65, 15, 103, 64, 202, 251, 197, 158,
	14, 33, 99, 152, 65, 136, 89, 119, 142, 65, 210, 62, 2, 66, 214, 185, 178, 15, 105, 143, 94,
	8, 121, 165, 164, 71, 152, 108, 38, 16, 66, 75, 221, 217, 138, 216, 50, 247, 130, 146, 91,
	110, 110, 71, 9, 174, 174, 7, 74, 114, 29, 163, 67, 137, 174, 183, 55, 40, 217, 173, 166,
	75, 9, 111, 167, 12, 40, 233, 221, 103, 246, 34, 189, 239, 199, 160, 164, 143, 200, 101, 41,
	233, 227, 122, 192, 72, 95, 71, 203, 111, 79, 250, 230, 113, 97, 28, 143, 239, 190, 140, 23,
	191, 171, 192, 72, 159, 35, 102, 47, 210, 207, 214, 22, 140, 244, 171, 230, 190, 140, 244,
	59, 206, 129, 145, 254, 212, 200, 94, 164, 127, 218, 106, 112, 210, 223, 153, 46, 231, 96,
	151, 99, 3, 78, 124, 81, 169, 29, 206, 17, 183, 58, 12, 78, 3, 136, 239, 220, 153, 7, 135,
	192, 110, 192, 57, 62, 109, 91, 246, 227, 252, 140, 232, 23, 206, 1, 90, 223, 189, 57, 39,
	104, 175, 33, 8, 142, 208, 211, 189, 35, 56, 67, 165, 234, 66, 112, 136, 52, 190, 151, 200,
	41, 242, 232, 7, 65, 115, 104, 109, 146, 253, 104, 14, 237, 227, 105, 8, 154, 67, 231, 147,
	190, 104, 124, 152, 185, 24, 4, 95, 239, 157, 154, 253, 104, 14, 83, 117, 67, 229, 19, 246,
	149, 251, 171, 52, 135, 181, 58, 3, 149, 230, 176, 153, 217, 71, 181, 255, 114, 190, 46,
	254, 1, 145, 174, 165, 80, 179, 4, 0, 0};

/* "hello hello hello hello\n": fixed codes, a match that overlaps itself. */
static const u8 fixed_gz[] = {31, 139, 8, 0, 0, 0, 0, 0, 0, 3, 203, 72, 205, 201, 201, 87, 200, 64,
	39, 185, 0, 0, 136, 89, 11, 24, 0, 0, 0};

static const u8 stored_gz[] = {31, 139, 8, 0, 0, 0, 0, 0, 0, 3, 1, 6, 0, 249, 255, 115, 116, 111,
	114, 101, 100, 11, 249, 67, 86, 6, 0, 0, 0};

static struct inflate work;
static u8 out[2048];
static size_t used, made;

static const char *unzip(const void *in, size_t size, size_t room)
{
	memset(out, 0xee, sizeof(out));
	return gzip_inflate(&work, in, size, out, room, &used, &made);
}

static size_t expected_text(char *buf, size_t size)
{
	size_t n = 0;

	for (u32 i = 0; i < 64; i++)
		n += (size_t)scnprintf(buf + n, size - n, "%u bottles of %x\n", i, i * i * i);
	return n;
}

KTEST(inflate, dynamic_block)
{
	static char text[2048];
	size_t n = expected_text(text, sizeof(text));

	KEXPECT(gzip_detect(dynamic_gz, sizeof(dynamic_gz)));
	KEXPECT_EQ(gzip_size(dynamic_gz, sizeof(dynamic_gz)), n);
	KEXPECT(!unzip(dynamic_gz, sizeof(dynamic_gz), n));
	KEXPECT_EQ(made, n);
	KEXPECT_EQ(used, sizeof(dynamic_gz));
	KEXPECT(memcmp(out, text, n) == 0);
	KEXPECT_EQ(out[n], 0xee);
}

KTEST(inflate, fixed_and_stored)
{
	KEXPECT(!unzip(fixed_gz, sizeof(fixed_gz), sizeof(out)));
	KEXPECT_EQ(made, 24);
	KEXPECT(memcmp(out, "hello hello hello hello\n", 24) == 0);
	KEXPECT(!unzip(stored_gz, sizeof(stored_gz), sizeof(out)));
	KEXPECT_EQ(made, 6);
	KEXPECT(memcmp(out, "stored", 6) == 0);
}

KTEST(inflate, output_full)
{
	KEXPECT(unzip(dynamic_gz, sizeof(dynamic_gz), 100) == inflate_out_full);
	KEXPECT_EQ(out[100], 0xee);
	KEXPECT(unzip(fixed_gz, sizeof(fixed_gz), 10) == inflate_out_full);
	KEXPECT_EQ(out[10], 0xee);
	KEXPECT(unzip(stored_gz, sizeof(stored_gz), 5) == inflate_out_full);
	KEXPECT_EQ(out[5], 0xee);
}

/* Cut anywhere it is an error, never a wrong answer. */
KTEST(inflate, truncated)
{
	for (size_t n = 0; n < sizeof(dynamic_gz); n++)
		KEXPECT(unzip(dynamic_gz, n, sizeof(out)) != NULL);
	for (size_t n = 0; n < sizeof(stored_gz); n++)
		KEXPECT(unzip(stored_gz, n, sizeof(out)) != NULL);
}

KTEST(inflate, damaged)
{
	static u8 bad[sizeof(dynamic_gz)];

	memcpy(bad, dynamic_gz, sizeof(bad));
	bad[sizeof(bad) - 8] ^= 1;
	KEXPECT(strcmp(unzip(bad, sizeof(bad), sizeof(out)), "wrong checksum") == 0);
	memcpy(bad, dynamic_gz, sizeof(bad));
	bad[sizeof(bad) - 4] ^= 1;
	KEXPECT(strcmp(unzip(bad, sizeof(bad), sizeof(out)), "wrong length") == 0);
	bad[0] = 0;
	KEXPECT(strcmp(unzip(bad, sizeof(bad), sizeof(out)), "bad gzip header") == 0);
	memcpy(bad, dynamic_gz, sizeof(bad));
	bad[10] |= 6; /* block type 3 */
	KEXPECT(strcmp(unzip(bad, sizeof(bad), sizeof(out)), "invalid block type") == 0);
}

/* Random damage: an error or, where the checksum is not reached, nothing worse. */
KTEST(inflate, random_damage)
{
	static u8 bad[sizeof(dynamic_gz)];
	u32 wrong = 0;

	for (u32 round = 0; round < 2000; round++) {
		memcpy(bad, dynamic_gz, sizeof(bad));
		for (u32 k = ktest_random() % 4 + 1; k; k--)
			bad[10 + ktest_random() % (sizeof(bad) - 18)] ^= 1u << ktest_random() % 8;
		if (memcmp(bad, dynamic_gz, sizeof(bad)) && !unzip(bad, sizeof(bad), 1024))
			wrong++;
		KEXPECT_EQ(out[sizeof(out) - 1], 0xee);
	}
	KEXPECT_EQ(wrong, 0);
}

KTEST(inflate, header_fields)
{
	static const u8 head[] = {
		0x1f, 0x8b, 8, 0x1e, 0, 0, 0, 0, 0, 3, 2, 0, 'x', 'y', 'n', 0, 'c', 0, 9, 9};
	static u8 all[sizeof(head) + sizeof(stored_gz) - 10];

	memcpy(all, head, sizeof(head));
	memcpy(all + sizeof(head), stored_gz + 10, sizeof(stored_gz) - 10);
	KEXPECT(!unzip(all, sizeof(all), sizeof(out)));
	KEXPECT_EQ(made, 6);
	KEXPECT_EQ(used, sizeof(all));
	all[10] = 0xff;
	all[11] = 0xff;
	KEXPECT(unzip(all, sizeof(all), sizeof(out)) != NULL);
}

KTEST(inflate, crc)
{
	KEXPECT_EQ(crc32(0, "123456789", 9), 0xcbf43926u);
	KEXPECT_EQ(crc32(crc32(0, "1234", 4), "56789", 5), 0xcbf43926u);
}
