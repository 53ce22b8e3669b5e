/* What this CPU can do (CPUID), found once at boot. */
#ifndef X86_FEATURES_H
#define X86_FEATURES_H

#include "kernel/lib/types.h"

struct cpu_features {
	bool pae, pse, pge, pat, sep, nx, smep, smap, fxsr, sse2, tsc, apic, rdrand, invpcid;
	u32 hwcap; /* CPUID.1:EDX, for AT_HWCAP */
	char vendor[13];
	char model[49];
	u32 family, model_nr, stepping;
	u32 l2_kib; /* size of the second cache, 0: not said */
};

extern struct cpu_features cpu_features;

/* Reads CPUID; stops with one line when PAE or FXSR is missing. Turns on WP, PGE, SMEP, SMAP, NX
 * and OSFXSR|OSXMMEXCPT, and makes PTE_WC what it says. */
void cpu_features_init(void);

#endif
