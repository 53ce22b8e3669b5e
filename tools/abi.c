/*
 * make abi: every system call of Linux i386 and what the kernel makes of it. Compiled with the
 * kernel's own lists, so it cannot say anything else than what they say.
 */
#include <stdio.h>

#include "kernel/abi/syscall_nr.h"
#include "kernel/syscalls.h"

struct call {
	const char *name;    /* NULL: Linux has no call of this number */
	bool implemented;
	const char *missing; /* of a partial one, what */
};

enum {
#define X(nr, name) NR_##name = (nr),
	ABI_SYSCALLS(X)
#undef X
};

static struct call calls[ABI_NR_SYSCALLS] = {
#define X(nr, text) [nr] = {.name = #text},
	ABI_SYSCALLS(X)
#undef X
};

/* Returns whether the lists agree: nothing twice, nothing partial that is not there. */
static bool fill(void)
{
	bool good = true;

#define X(name) good &= !calls[NR_##name].implemented, calls[NR_##name].implemented = true;
	SYSCALLS(X)
#undef X
#define P(name, what) \
	good &= calls[NR_##name].implemented && !calls[NR_##name].missing, \
		calls[NR_##name].missing = (what);
	SYSCALLS_PARTIAL(P)
#undef P
	return good;
}

static const char *state_of(const struct call *c)
{
	return !c->implemented ? "no" : c->missing ? "partial" : "yes";
}

int main(void)
{
	unsigned all = 0, implemented = 0, partial = 0;

	if (!fill()) {
		fprintf(stderr, "abi: a call is listed twice, or as partial but not there\n");
		return 1;
	}
	for (unsigned nr = 0; nr < ABI_NR_SYSCALLS; nr++) {
		const struct call *c = &calls[nr];

		if (!c->name)
			continue;
		all++;
		implemented += c->implemented;
		partial += c->missing != NULL;
		printf(c->missing ? "%3u  %-28s %-8s %s\n" : "%3u  %-28s %s\n", nr, c->name,
			state_of(c), c->missing);
	}
	printf("%u calls: %u implemented, %u partial, %u not\n", all, implemented - partial,
		partial, all - implemented);
	return 0;
}
