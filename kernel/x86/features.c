/* CPUID (Intel SDM vol. 2A), and the control bits that follow from it. */
#include "kernel/x86/features.h"
#include "kernel/core/panic.h"
#include "kernel/lib/string.h"
#include "kernel/x86/io.h"
#include "kernel/x86/pte.h"
#include "kernel/x86/uaccess.h"

#define CR4_PGE	       (1u << 7)
#define CR4_MCE	       (1u << 6)
#define CR4_OSFXSR     (1u << 9)
#define CR4_OSXMMEXCPT (1u << 10)
#define CR4_SMEP       (1u << 20)
#define CR4_SMAP       (1u << 21)

#define MSR_EFER 0xc0000080u
#define EFER_NXE (1u << 11)

/* The page attribute table (Intel SDM vol. 3A, 11.12): a byte for each combination of an entry's
 * PAT, CD and WT. As after a reset, but for WT alone, which is write-combining. */
#define MSR_PAT 0x277u
#define PAT_LOW	 0x00070106u /* write-back, write-combining, uncached unless an MTRR says so, uncached */
#define PAT_HIGH 0x00070406u

#define LEAF_EXTENDED 0x80000000u
#define LEAF_BRAND    0x80000002u /* and the two behind it */
#define LEAF_L2       0x80000006u

struct cpuid {
	u32 eax, ebx, ecx, edx;
};

struct cpu_features cpu_features __ro_after_init;

static __init struct cpuid cpuid(u32 leaf)
{
	struct cpuid r;

	__asm__ volatile("cpuid"
			 : "=a"(r.eax), "=b"(r.ebx), "=c"(r.ecx), "=d"(r.edx)
			 : "a"(leaf), "c"(0));
	return r;
}

static __init bool bit(u32 word, u32 n)
{
	return word >> n & 1;
}

/* Leaf 1: the features every list starts with, and the model. */
static __init bool read_basic(struct cpu_features *f)
{
	struct cpuid r = cpuid(1);

	f->hwcap = r.edx;
	f->pse = bit(r.edx, 3);
	f->tsc = bit(r.edx, 4);
	f->pae = bit(r.edx, 6);
	f->apic = bit(r.edx, 9);
	f->pge = bit(r.edx, 13);
	f->sep = bit(r.edx, 11);
	f->pat = bit(r.edx, 16);
	f->fxsr = bit(r.edx, 24);
	f->sse2 = bit(r.edx, 26);
	f->rdrand = bit(r.ecx, 30);

	f->stepping = r.eax & 15;
	f->model_nr = r.eax >> 4 & 15;
	f->family = r.eax >> 8 & 15;
	if (f->family == 6 || f->family == 15)
		f->model_nr |= r.eax >> 12 & 0xf0;
	if (f->family == 15)
		f->family += r.eax >> 20 & 0xff;
	if (f->family == 6 && (r.eax & 0xfff) < 0x633)
		f->sep = false; /* the Pentium Pro says so and has it not, SDM vol. 2B, SYSENTER */
	return bit(r.edx, 7);
}

static __init void read_structured(struct cpu_features *f)
{
	struct cpuid r = cpuid(7);

	f->smep = bit(r.ebx, 7);
	f->invpcid = bit(r.ebx, 10);
	f->smap = bit(r.ebx, 20);
}

/* The brand string comes in pieces of 16 bytes, padded with blanks in front. */
static __init void read_brand(struct cpu_features *f)
{
	char text[49] = "";
	const char *s = text;

	for (u32 i = 0; i < 3; i++) {
		struct cpuid r = cpuid(LEAF_BRAND + i);

		memcpy(text + i * sizeof(r), &r, sizeof(r));
	}
	while (*s == ' ')
		s++;
	strlcpy(f->model, s, sizeof(f->model));
}

static __init void read_vendor(struct cpu_features *f, const struct cpuid *r)
{
	memcpy(f->vendor, &r->ebx, 4);
	memcpy(f->vendor + 4, &r->edx, 4);
	memcpy(f->vendor + 8, &r->ecx, 4);
}

static __init void enable_nx(void)
{
	u64 efer = read_msr(MSR_EFER) | EFER_NXE;

	write_msr(MSR_EFER, (u32)efer, (u32)(efer >> 32));
	pte_nx_mask = PTE_NX;
}

static __init void enable(const struct cpu_features *f, bool mce)
{
	u32 cr4 = read_cr4() | CR4_OSFXSR;

	if (bit(f->hwcap, 25))
		cr4 |= CR4_OSXMMEXCPT;
	if (mce)
		cr4 |= CR4_MCE;
	if (f->pge)
		cr4 |= CR4_PGE;
	if (f->smep)
		cr4 |= CR4_SMEP;
	if (f->smap) {
		uaccess_enable_smap();
		cr4 |= CR4_SMAP;
	}
	write_cr4(cr4);
	if (f->nx)
		enable_nx();
	if (f->pat)
		write_msr(MSR_PAT, PAT_LOW, PAT_HIGH);
	__asm__ volatile("fninit");
}

void __init cpu_features_init(void)
{
	struct cpu_features *f = &cpu_features;
	struct cpuid r = cpuid(0), ext = cpuid(LEAF_EXTENDED);
	bool mce = read_basic(f);

	read_vendor(f, &r);
	if (r.eax >= 7)
		read_structured(f);
	if (ext.eax > LEAF_EXTENDED && ext.eax < LEAF_EXTENDED + 0x10000) {
		f->nx = bit(cpuid(LEAF_EXTENDED + 1).edx, 20);
		if (ext.eax >= LEAF_BRAND + 2)
			read_brand(f);
		if (ext.eax >= LEAF_L2)
			f->l2_kib = cpuid(LEAF_L2).ecx >> 16;
	}
	if (!f->pae)
		boot_fail("this CPU has no PAE");
	if (!f->fxsr)
		boot_fail("this CPU has no FXSAVE");
	enable(f, mce);
}
