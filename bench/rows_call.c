/* The null call: into the kernel and back. */
#include "bench/bench.h"

static void null_call(void)
{
	FOR_SAMPLES
	{
		begin();
		for (u32 i = 0; i < 1000; i++)
			sys0(NR_getpid);
		end(1000);
	}
}

const struct row rows_call[] = {
	{"null_call", null_call},
	{NULL, NULL},
};
