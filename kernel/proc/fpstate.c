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
