/* FSAVE and FXSAVE images (Intel SDM vol. 1, 8.1.10 and 10.5.1), one made from the other. */
#include "kernel/proc/fpstate.h"
#include "kernel/lib/string.h"

struct fxsave {
	u16 cw, sw;
	u8 tag, pad; /* one bit a register: 1 is in use */
	u16 fop;
	u32 fip;
	u16 fcs, pad1;
	u32 foo;
	u16 fos, pad2;
	u32 mxcsr, mxcsr_mask;
	u8 st[8][16]; /* 10 bytes each are used */
	u8 rest[512 - 160];
};
_Static_assert(sizeof(struct fxsave) == 512, "FXSAVE image is 512 bytes");

#define TAG_VALID 0u
#define TAG_ZERO  1u
#define TAG_OTHER 2u
#define TAG_EMPTY 3u

/* The two-bit tag that FSAVE would have written for an 80-bit number. */
static u32 tag_of(const u8 *st)
{
	u32 exponent = (st[8] | (u32)st[9] << 8) & 0x7fff;
	u64 significand;
	memcpy(&significand, st, 8);
	if (exponent == 0x7fff)
		return TAG_OTHER;
	if (exponent == 0)
		return significand ? TAG_OTHER : TAG_ZERO;
	return significand >> 63 ? TAG_VALID : TAG_OTHER;
}

/* Registers lie in stack order, tags in physical order: the top of stack says how they map. */
static u32 tags_from_fxsave(const struct fxsave *fx)
{
	u32 top = fx->sw >> 11 & 7, tags = 0;
	for (u32 i = 0; i < 8; i++) {
		bool used = fx->tag & 1u << i;
		tags |= (used ? tag_of(fx->st[(i - top) & 7]) : TAG_EMPTY) << (2 * i);
	}
	return tags;
}

static u8 tags_to_fxsave(u32 tags)
{
	u32 used = 0;
	for (u32 i = 0; i < 8; i++)
		if ((tags >> (2 * i) & 3) != TAG_EMPTY)
			used |= 1u << i;
	return (u8)used;
}

void fpstate_from_fxsave(struct abi_fpstate *fp, const void *fxsave)
{
	struct fxsave fx;
	memcpy(&fx, fxsave, sizeof(fx));
	fp->cw = fx.cw | 0xffff0000u;
	fp->sw = fx.sw | 0xffff0000u;
	fp->tag = tags_from_fxsave(&fx) | 0xffff0000u;
	fp->ipoff = fx.fip;
	fp->cssel = fx.fcs | (u32)fx.fop << 16;
	fp->dataoff = fx.foo;
	fp->datasel = fx.fos;
	for (u32 i = 0; i < 8; i++)
		memcpy(fp->st + i * 10, fx.st[i], 10);
	fp->status = fx.sw;
	fp->magic = 0; /* the FXSAVE image is there */
	memcpy(fp->fxsave, &fx, sizeof(fx));
}

void fpstate_to_fxsave(void *fxsave, const struct abi_fpstate *fp)
{
	struct fxsave fx;
	memcpy(&fx, fp->fxsave, sizeof(fx));
	fx.cw = (u16)fp->cw;
	fx.sw = (u16)fp->sw;
	fx.tag = tags_to_fxsave(fp->tag);
	fx.fip = fp->ipoff;
	fx.fop = (u16)(fp->cssel >> 16);
	fx.fcs = (u16)fp->cssel;
	fx.foo = fp->dataoff;
	fx.fos = (u16)fp->datasel;
	for (u32 i = 0; i < 8; i++)
		memcpy(fx.st[i], fp->st + i * 10, 10);
	memcpy(fxsave, &fx, sizeof(fx));
}

u32 fpstate_exceptions(const void *fxsave, bool sse)
{
	struct fxsave fx;
	memcpy(&fx, fxsave, sizeof(fx));
	return (sse ? fx.mxcsr & ~(fx.mxcsr >> 7) : fx.sw & ~(u32)fx.cw) & 0x3f;
}

void fpstate_fresh(void *fxsave)
{
	struct fxsave fx = {.cw = 0x37f, .mxcsr = 0x1f80};
	memcpy(fxsave, &fx, sizeof(fx));
}
