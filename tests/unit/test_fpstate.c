/* FSAVE and FXSAVE images: there and back, tags, and raised exceptions. */
#include "kernel/core/selftest.h"
#include "kernel/lib/string.h"
#include "kernel/proc/fpstate.h"

static struct abi_fpstate frame;
static u8 in[512], out[512];

static void random_image(u8 *image)
{
	for (u32 i = 0; i < 512; i++)
		image[i] = (u8)ktest_random();
}

/* Bytes that FSAVE knows, and so come back from its half: all but padding, MXCSR and XMM. */
static bool is_x87(u32 i)
{
	if (i < 24)
		return i != 5 && i != 14 && i != 15 && i != 22 && i != 23;
	return i >= 32 && i < 160 && (i - 32) % 16 < 10;
}

KTEST(fpstate, there_and_back)
{
	for (u32 n = 0; n < 100; n++) {
		random_image(in);
		fpstate_from_fxsave(&frame, in);
		fpstate_to_fxsave(out, &frame);
		KEXPECT(memcmp(in, out, sizeof(in)) == 0);
		KEXPECT_EQ(frame.magic, 0);
		KEXPECT_EQ(frame.status, in[2] | in[3] << 8);
	}
}

KTEST(fpstate, old_half_wins_for_x87)
{
	random_image(in);
	fpstate_from_fxsave(&frame, in);
	random_image(frame.fxsave);
	fpstate_to_fxsave(out, &frame);
	for (u32 i = 0; i < sizeof(in); i++)
		KEXPECT_EQ(out[i], is_x87(i) ? in[i] : frame.fxsave[i]);
}

KTEST(fpstate, fresh)
{
	fpstate_fresh(in);
	fpstate_from_fxsave(&frame, in);
	KEXPECT_EQ(frame.cw, 0xffff037f);
	KEXPECT_EQ(frame.sw, 0xffff0000);
	KEXPECT_EQ(frame.tag, 0xffffffff); /* all empty */
	KEXPECT_EQ(in[24] | in[25] << 8, 0x1f80);
}

/* 1.0 and 0.0 pushed in this order: they are in physical registers 7 and 6, the top is 6. */
KTEST(fpstate, tags_follow_the_top)
{
	static const u8 one[10] = {0, 0, 0, 0, 0, 0, 0, 0x80, 0xff, 0x3f};
	fpstate_fresh(in);
	in[3] = 6 << 3;			   /* status word, bits 13 to 11 */
	in[4] = 0xc0;			   /* registers 6 and 7 in use */
	memcpy(in + 48, one, sizeof(one)); /* st(1) */
	fpstate_from_fxsave(&frame, in);
	KEXPECT_EQ(frame.tag & 0xffff, 0x1fff); /* 7: valid, 6: zero, the rest empty */
}

KTEST(fpstate, exceptions)
{
	fpstate_fresh(in);
	in[2] = 0x04; /* a division by zero, but masked */
	KEXPECT_EQ(fpstate_exceptions(in, false), 0);
	in[0] = 0x7b; /* not any more */
	KEXPECT_EQ(fpstate_exceptions(in, false), 0x04);
	KEXPECT_EQ(fpstate_exceptions(in, true), 0);
	in[24] =
		0x88; /* MXCSR: overflow raised; masks 0x1f00 of its bits 7 to 12, overflow is 10 */
	in[25] = 0x1b;
	KEXPECT_EQ(fpstate_exceptions(in, true), 0x08);
}
