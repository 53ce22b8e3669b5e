/* The local APIC (Intel SDM vol. 3A, chapter 11), its registers seen through a page of the fixmap.
 */
#include "kernel/x86/lapic.h"
#include "kernel/core/bootinfo.h"
#include "kernel/core/clock.h"
#include "kernel/core/cpu.h"
#include "kernel/core/cpustat.h"
#include "kernel/x86/features.h"
#include "kernel/x86/io.h"
#include "kernel/x86/layout.h"
#include "kernel/x86/pmap_kernel.h"
#include "kernel/x86/trap.h"
#include "mm/pmap.h"

#define MSR_APIC_BASE 0x1bu
#define APIC_BASE_ON  (1u << 11)
#define APIC_BASE_X2  (1u << 10) /* registers are MSRs, not memory */

/* Registers: bytes from the base. */
#define REG_EOI	      0x0b0u
#define REG_SPURIOUS  0x0f0u
#define REG_LVT_TIMER 0x320u
#define REG_LVT_LINT0 0x350u
#define REG_LVT_LINT1 0x360u
#define REG_INITIAL   0x380u /* a write starts the timer, 0 stops it */
#define REG_CURRENT   0x390u
#define REG_DIVIDE    0x3e0u

#define SPURIOUS_ENABLE (1u << 8) /* the APIC as a whole */
#define LVT_NMI		0x00400u
#define LVT_EXTINT	0x00700u /* asks the 8259s for the vector */
#define LVT_MASKED	0x10000u
#define DIVIDE_BY_1	0xbu

#define SHIFT 20

static void (*handler)(void) __ro_after_init;
static u64 tsc_at_start __initdata;
static u32 mult __ro_after_init; /* counts in a nanosecond << SHIFT */

static volatile u32 *reg(u32 offset)
{
	return (volatile u32 *)(LAPIC_START + offset);
}

static __init paddr_t find_base(void)
{
	u64 base;

	if (!cpu_features.apic || cmdline_get("nolapic", NULL, 0) >= 0)
		return PADDR(0);
	base = read_msr(MSR_APIC_BASE);
	if (!(base & APIC_BASE_ON) || (base & APIC_BASE_X2))
		return PADDR(0);
	return PADDR(ALIGN_DOWN(base, (u64)PAGE_SIZE));
}

void __init lapic_init(void (*fn)(void))
{
	paddr_t base = find_base();

	if (!base.v)
		return;
	pmap_set(pmap_kmap_pte(LAPIC_START),
		pte_make(paddr_pfn(base),
			PTE_P | PTE_W | PTE_A | PTE_D | PTE_CD | PTE_WT | pte_nx_mask));
	handler = fn;
	*reg(REG_SPURIOUS) = SPURIOUS_ENABLE | VEC_SPURIOUS;
	*reg(REG_LVT_LINT0) = LVT_EXTINT;
	*reg(REG_LVT_LINT1) = LVT_NMI;
	*reg(REG_LVT_TIMER) = LVT_MASKED | VEC_LAPIC_TIMER;
	*reg(REG_DIVIDE) = DIVIDE_BY_1;
	tsc_at_start = rdtsc();
	*reg(REG_INITIAL) = UINT32_MAX;
}

/* Whatever comes between makes the timer seem slower than it is: it will then fire early, and be
 * set again for the rest. */
bool __init lapic_calibrate(u64 tsc_hz)
{
	u64 counts, hz;

	if (!handler)
		return false;
	counts = UINT32_MAX - *reg(REG_CURRENT);
	hz = counts * tsc_hz / (rdtsc() - tsc_at_start);
	mult = (u32)((hz << SHIFT) / NSEC_PER_SEC);
	*reg(REG_INITIAL) = 0;
	*reg(REG_LVT_TIMER) = VEC_LAPIC_TIMER;
	return true;
}

void lapic_timer_set(u64 ns)
{
	*reg(REG_INITIAL) = (u32)(ns * mult >> SHIFT) + 1;
}

/* What was withdrawn before the CPU answered comes as a spurious interrupt, which is none. */
void lapic_dispatch(u32 vector)
{
	if (vector != VEC_LAPIC_TIMER)
		return;
	this_cpu()->irq_depth++;
	cpustat_local_timer();
	handler();
	this_cpu()->irq_depth--;
	*reg(REG_EOI) = 0;
}
