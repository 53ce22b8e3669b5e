/* What an FXSAVE image says (Intel SDM vol. 1, 10.5.1). */
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

u32 fpstate_exceptions(const void *fxsave, bool sse)
{
	struct fxsave fx;
	memcpy(&fx, fxsave, sizeof(fx));
	return (sse ? fx.mxcsr & ~(fx.mxcsr >> 7) : fx.sw & ~(u32)fx.cw) & 0x3f;
}

/* --- FSAVE images --- */

/* Two bits of FSAVE's tag word. */
enum { TAG_VALID, TAG_ZERO, TAG_SPECIAL, TAG_EMPTY };

static u32 tag_of(const u8 st[16])
{
	u32 exponent = (st[8] | (u32)st[9] << 8) & 0x7fff;
	u64 fraction;
	memcpy(&fraction, st, sizeof(fraction));
	if (exponent == 0)
		return fraction ? TAG_SPECIAL : TAG_ZERO;
	return exponent == 0x7fff || !(fraction >> 63) ? TAG_SPECIAL : TAG_VALID;
}

/* FXSAVE's tags are of the registers themselves, its registers those of the stack. */
static u32 long_tags(const struct fxsave *fx)
{
	u32 top = fx->sw >> 11 & 7, tags = 0;
	for (u32 i = 0; i < 8; i++) {
		u32 tag = fx->tag & 1u << i ? tag_of(fx->st[(i - top) & 7]) : TAG_EMPTY;
		tags |= tag << i * 2;
	}
	return tags;
}

static u8 short_tags(u32 tags)
{
	u32 used = 0;
	for (u32 i = 0; i < 8; i++)
		used |= (u32)((tags >> i * 2 & 3) != TAG_EMPTY) << i;
	return (u8)used;
}

void fpstate_to_i387(struct abi_user_i387 *to, const void *fxsave)
{
	struct fxsave fx;
	memcpy(&fx, fxsave, sizeof(fx));
	*to = (struct abi_user_i387){
		.cw = fx.cw | 0xffff0000u,
		.sw = fx.sw | 0xffff0000u,
		.tag = long_tags(&fx) | 0xffff0000u,
		.ipoff = fx.fip,
		.cssel = fx.fcs | (u32)fx.fop << 16,
		.dataoff = fx.foo,
		.datasel = fx.fos,
	};
	for (u32 i = 0; i < 8; i++)
		memcpy(to->st[i], fx.st[i], sizeof(to->st[i]));
}

void fpstate_from_i387(void *fxsave, const struct abi_user_i387 *from)
{
	struct fxsave fx;
	memcpy(&fx, fxsave, sizeof(fx));
	fx.cw = (u16)from->cw;
	fx.sw = (u16)from->sw;
	fx.tag = short_tags(from->tag);
	fx.fop = (u16)(from->cssel >> 16);
	fx.fip = from->ipoff;
	fx.fcs = (u16)from->cssel;
	fx.foo = from->dataoff;
	fx.fos = (u16)from->datasel;
	for (u32 i = 0; i < 8; i++)
		memcpy(fx.st[i], from->st[i], sizeof(from->st[i]));
	memcpy(fxsave, &fx, sizeof(fx));
}
