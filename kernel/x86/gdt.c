/* The GDT (Intel SDM vol. 3A, 3.4.5) and the two task states, one set for each CPU. */
#include "kernel/x86/gdt.h"
#include "kernel/core/cpu.h"
#include "kernel/x86/features.h"
#include "kernel/x86/io.h"
#include "kernel/x86/layout.h"

/* Access byte and flags of flat 4 GiB segments, with the accessed bit set so that the CPU never
 * writes it, of an available 32-bit TSS, and of a local descriptor table. */
#define SEG_LO	    0x0000ffffu
#define SEG_HI_CODE 0x00cf9b00u
#define SEG_HI_DATA 0x00cf9300u
#define SEG_DPL3    0x00006000u
#define TSS_HI	    0x00008900u
#define LDT_HI	    0x00008200u

#define DF_STACK_SIZE 8192u

/* What SYSENTER loads, Intel SDM vol. 2B. The stack segment is the one behind the code segment. */
#define MSR_SYSENTER_CS	 0x174u
#define MSR_SYSENTER_ESP 0x175u
#define MSR_SYSENTER_EIP 0x176u

_Static_assert(SEL_KDATA == SEL_KCODE + 8, "SYSENTER's segments");

/* Only the CPU that owns an element uses it. */
struct segments {
	struct segdesc gdt[GDT_ENTRIES] __aligned(8);
	struct tss tss, tss_df;
};

static struct segments segments[NR_CPUS];
static u8 df_stack[NR_CPUS][DF_STACK_SIZE] __aligned(16);

extern void entry_double_fault(void);
extern void entry_sysenter(void);

static struct segments *this_segments(void)
{
	return &segments[this_cpu() - cpus];
}

/* A task state or a local table, of at most 64 KiB. */
static struct segdesc system_descriptor(const void *at, u32 size, u32 type)
{
	u32 base = (u32)at;

	return (struct segdesc){
		.lo = (size - 1) | base << 16,
		.hi = (base & 0xff000000) | type | (base >> 16 & 0xff),
	};
}

static __init void tss_init(struct segments *s)
{
	s->tss.ss0 = SEL_KDATA;
	s->tss.iomap = sizeof(s->tss);

	s->tss_df = (struct tss){
		.cr3 = read_cr3(),
		.eip = (u32)entry_double_fault,
		.eflags = 2,
		.esp = (u32)df_stack[this_cpu() - cpus] + DF_STACK_SIZE,
		.cs = SEL_KCODE,
		.ds = SEL_KDATA,
		.es = SEL_KDATA,
		.ss = SEL_KDATA,
		.iomap = sizeof(s->tss_df),
	};
}

static __init void load_segments(const struct segdesc *gdt)
{
	struct {
		u16 limit;
		const struct segdesc *base;
	} __packed ptr = {GDT_ENTRIES * sizeof(*gdt) - 1, gdt};

	__asm__ volatile("lgdt %0\n\t"
			 "ljmp %1, $1f\n"
			 "1:\n\t"
			 "movl %2, %%ds\n\t"
			 "movl %2, %%es\n\t"
			 "movl %2, %%ss\n\t"
			 "ltr %w3" ::"m"(ptr),
			 "i"(SEL_KCODE), "r"(SEL_KDATA), "r"(SEL_TSS)
			 : "memory");
}

void __init gdt_init(void)
{
	struct segments *s = this_segments();

	s->gdt[SEL_KCODE / 8] = (struct segdesc){SEG_LO, SEG_HI_CODE};
	s->gdt[SEL_KDATA / 8] = (struct segdesc){SEG_LO, SEG_HI_DATA};
	s->gdt[SEL_UCODE / 8] = (struct segdesc){SEG_LO, SEG_HI_CODE | SEG_DPL3};
	s->gdt[SEL_UDATA / 8] = (struct segdesc){SEG_LO, SEG_HI_DATA | SEG_DPL3};
	s->gdt[SEL_TSS / 8] = system_descriptor(&s->tss, sizeof(s->tss), TSS_HI);
	s->gdt[SEL_TSS_DF / 8] = system_descriptor(&s->tss_df, sizeof(s->tss_df), TSS_HI);
	tss_init(s);
	load_segments(s->gdt);
	if (cpu_features.sep) {
		write_msr(MSR_SYSENTER_CS, SEL_KCODE, 0);
		write_msr(MSR_SYSENTER_EIP, (u32)entry_sysenter, 0);
	}
}

void gdt_load_tls(const struct segdesc tls[GDT_TLS_NR])
{
	struct segdesc *slot = &this_segments()->gdt[GDT_TLS_MIN];

	for (u32 i = 0; i < GDT_TLS_NR; i++)
		slot[i] = tls[i];
}

void gdt_load_ldt(const struct segdesc *table, u32 nr)
{
	if (nr)
		this_segments()->gdt[SEL_LDT / 8] =
			system_descriptor(table, nr * sizeof(*table), LDT_HI);
	__asm__ volatile("lldt %w0" ::"r"(nr ? SEL_LDT : 0) : "memory");
}

void tss_set_stack(u32 top)
{
	this_segments()->tss.esp0 = top;
	if (cpu_features.sep)
		write_msr(MSR_SYSENTER_ESP, top, 0);
}

const struct tss *tss_interrupted(void)
{
	return &this_segments()->tss;
}

void tss_set_double_fault_cr3(u32 cr3)
{
	this_segments()->tss_df.cr3 = cr3;
}
