/* Sets up what the CPU does on a trap, and sends those that are not page faults or system calls
 * where they belong. */
#include "kernel/x86/trap.h"
#include "kernel/core/panic.h"
#include "kernel/core/sched.h"
#include "kernel/lib/string.h"
#include "kernel/x86/extable.h"
#include "kernel/x86/gdt.h"
#include "kernel/x86/lapic.h"
#include "kernel/x86/pic.h"
#include "kernel/x86/ptrace.h"

/* Gates of the IDT, Intel SDM vol. 3A, 6.11. */
#define GATE_INTERRUPT 0x8e00u
#define GATE_TRAP      0x8f00u
#define GATE_TASK      0x8500u
#define GATE_DPL3      0x6000u

#define ENTRY_SPACING 16u /* of entry_vectors[] */

struct gate {
	u32 lo, hi;
};

#define NR_GATES (VEC_SYSCALL + 1)

/* The gates, and the same with those of page faults and system calls leading to the tracer. */
static struct gate idt[NR_GATES] __ro_after_init __aligned(8);
static struct gate traced_idt[NR_GATES] __ro_after_init __aligned(8);

extern u8 entry_vectors[];
extern void entry_page_fault(void), entry_page_fault_traced(void);
extern void entry_syscall(void), entry_syscall_traced(void);
extern void do_sysenter(void), do_syscall_traced(void);
extern void (*sysenter_door)(void); /* which of these two SYSENTER goes on to */
extern u8 entry_sysenter[], entry_sysenter_flags_set[];
void trap_dispatch(struct trapframe *tf);

_Static_assert(offsetof(struct trapframe, edi) == 0, "TF_EDI in entry.S");
_Static_assert(offsetof(struct trapframe, esi) == 4, "TF_ESI in entry.S");
_Static_assert(offsetof(struct trapframe, ebp) == 8, "TF_EBP in entry.S");
_Static_assert(offsetof(struct trapframe, ebx) == 16, "TF_EBX in entry.S");
_Static_assert(offsetof(struct trapframe, edx) == 20, "TF_EDX in entry.S");
_Static_assert(offsetof(struct trapframe, ecx) == 24, "TF_ECX in entry.S");
_Static_assert(offsetof(struct trapframe, eax) == 28, "TF_EAX in entry.S");
_Static_assert(offsetof(struct trapframe, eip) == 48, "TF_EIP in entry.S");
_Static_assert(offsetof(struct trapframe, cs) == 52, "TF_CS in entry.S");
_Static_assert(offsetof(struct trapframe, eflags) == 56, "TF_EFLAGS in entry.S");
_Static_assert(offsetof(struct trapframe, esp) == 60, "TF_ESP in entry.S");
_Static_assert(offsetof(struct cpu, thread) == 0, "entry.S reads cpus[0].thread");

/* Offers an offset to assembly as an absolute symbol. Never called. */
static __used void assembly_offsets(void)
{
	__asm__(".globl THREAD_WORK\n\t.set THREAD_WORK, %c0" ::"i"(offsetof(struct thread, work)));
}

static __init void set_gate(struct gate *gate, u32 selector, const void *entry, u32 type)
{
	u32 offset = (u32)entry;

	gate->lo = selector << 16 | (offset & 0xffff);
	gate->hi = (offset & 0xffff0000) | type;
}

static void load_idt(const struct gate *gates)
{
	struct {
		u16 limit;
		const struct gate *base;
	} __packed ptr = {NR_GATES * sizeof(*gates) - 1, gates};

	__asm__ volatile("lidt %0" ::"m"(ptr));
}

static bool trace_all;

void trap_trace_thread(bool on)
{
	on |= trace_all;
	load_idt(on ? traced_idt : idt);
	sysenter_door = on ? do_syscall_traced : do_sysenter;
}

void trap_trace(bool on)
{
	trace_all = on;
	trap_trace_thread(current_thread()->x86.traced & TRACED_GATE);
}

static __init void idt_init(void)
{
	for (u32 v = 0; v <= VEC_SPURIOUS; v++)
		set_gate(&idt[v], SEL_KCODE, &entry_vectors[v * ENTRY_SPACING], GATE_INTERRUPT);
	idt[VEC_BP].hi |= GATE_DPL3;
	idt[VEC_OF].hi |= GATE_DPL3;
	set_gate(&idt[VEC_DF], SEL_TSS_DF, NULL, GATE_TASK);
	set_gate(&idt[VEC_PF], SEL_KCODE, entry_page_fault, GATE_INTERRUPT);
	set_gate(&idt[VEC_SYSCALL], SEL_KCODE, entry_syscall, GATE_TRAP | GATE_DPL3);
	memcpy(traced_idt, idt, sizeof(idt));
	set_gate(&traced_idt[VEC_PF], SEL_KCODE, entry_page_fault_traced, GATE_INTERRUPT);
	set_gate(&traced_idt[VEC_SYSCALL], SEL_KCODE, entry_syscall_traced, GATE_TRAP | GATE_DPL3);
	load_idt(idt);
}

void __init trap_init(void)
{
	gdt_init();
	extable_init();
	idt_init();
	pic_init();
}

bool trap_fixup(struct trapframe *tf)
{
	u32 fixup = extable_lookup(tf->eip);

	if (fixup)
		tf->eip = fixup;
	return fixup != 0;
}

static bool is_hardware_failure(u32 vector)
{
	return vector == VEC_NMI || vector == VEC_MC;
}

/* SYSENTER keeps the program's TF: every step of the entry is trapped until its flags are set. */
static bool is_stepping_in(const struct trapframe *tf)
{
	return tf->trapno == VEC_DB && tf->eip >= (u32)entry_sysenter &&
	       tf->eip <= (u32)entry_sysenter_flags_set;
}

/* Called by entry.S for every exception but page faults, and for interrupts. */
void trap_dispatch(struct trapframe *tf)
{
	if (likely(tf->trapno >= VEC_IRQ0)) {
		if (tf->trapno < VEC_LAPIC_TIMER)
			irq_dispatch(tf);
		else
			lapic_dispatch(tf->trapno);
		return;
	}
	if (is_hardware_failure(tf->trapno))
		panic_trap(tf, "the hardware reports a failure");
	if (tf_from_user(tf)) {
		irq_enable();
		handle_user_trap(tf);
		return;
	}
	if (tf->trapno == VEC_DB && x86_debug_trap(tf) & DR6_HITS)
		return; /* the kernel touched what a debugger watches: nobody is told, as on Linux */
	if (!is_stepping_in(tf) && !trap_fixup(tf))
		panic_trap(tf, "unexpected exception %u in the kernel", tf->trapno);
}
