/* Exceptions that an FXSAVE image has raised. */
#include "kernel/core/selftest.h"
#include "kernel/proc/fpstate.h"

static u8 in[512] = {[0] = 0x7f, [1] = 0x03, [24] = 0x80, [25] = 0x1f}; /* all are masked */

KTEST(fpstate, exceptions)
{
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
