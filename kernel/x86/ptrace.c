/* The machine state of a thread as its debugger sees and sets it. See kernel/x86/ptrace.h. */
#include "kernel/x86/ptrace.h"
#include "kernel/abi/errno.h"
#include "kernel/core/sched.h"
#include "kernel/x86/io.h"
#include "kernel/x86/layout.h"
#include "kernel/x86/trap.h"

/* --- Registers --- */

#define REG(name) (offsetof(struct abi_user_regs, name) / sizeof(u32))

/* orig_eax says whether it is in a system call, and in which: what waits to be done again. */
void x86_regs_get(const struct x86_thread *t, struct abi_user_regs *r)
{
	const struct trapframe *tf = x86_thread_frame(t);
	*r = (struct abi_user_regs){
		.ebx = tf->ebx,
		.ecx = tf->ecx,
		.edx = tf->edx,
		.esi = tf->esi,
		.edi = tf->edi,
		.ebp = tf->ebp,
		.eax = tf->eax,
		.ds = (u16)tf->ds,
		.es = (u16)tf->es,
		.fs = t->fs,
		.gs = t->gs,
		.orig_eax = tf->trapno == VEC_SYSCALL ? tf->orig_eax : (u32)-1,
		.eip = tf->eip,
		.cs = (u16)tf->cs,
		.eflags = tf->eflags & ~(t->forced_tf ? EFLAGS_TF : 0),
		.esp = tf->esp,
		.ss = (u16)tf->ss,
	};
}

/* Where a register stands that the frame has as it is. */
static u32 *frame_word(struct trapframe *tf, u32 nr)
{
#define AT(name) [REG(name)] = offsetof(struct trapframe, name)
	static const u8 offset[] = {AT(ebx), AT(ecx), AT(edx), AT(esi), AT(edi), AT(ebp), AT(eax),
		AT(ds), AT(es), AT(eip), AT(cs), AT(esp), AT(ss)};
#undef AT
	return (u32 *)((u8 *)tf + offset[nr]);
}

/* Data segments may be 0; none may be the kernel's. */
static bool selector_ok(u32 nr, u16 value)
{
	if (value == 0)
		return nr != REG(cs) && nr != REG(ss);
	return (value & 3) == 3;
}

static long selector_set(struct x86_thread *t, u32 nr, u16 value)
{
	if (!selector_ok(nr, value))
		return -EIO;
	if (nr == REG(fs))
		t->fs = value;
	else if (nr == REG(gs))
		t->gs = value;
	else
		*frame_word(x86_thread_frame(t), nr) = value;
	return 0;
}

/* A debugger that sets TF means the program to have it. */
static void eflags_set(struct x86_thread *t, u32 value)
{
	struct trapframe *tf = x86_thread_frame(t);
	if (value & EFLAGS_TF)
		t->forced_tf = false;
	else if (t->forced_tf)
		value |= EFLAGS_TF;
	tf->eflags = (tf->eflags & ~EFLAGS_USER_MASK) | (value & EFLAGS_USER_MASK);
}

long x86_reg_set(struct x86_thread *t, u32 nr, u32 value)
{
	struct trapframe *tf = x86_thread_frame(t);
	switch (nr) {
	case REG(ds):
	case REG(es):
	case REG(fs):
	case REG(gs):
	case REG(cs):
	case REG(ss):
		return selector_set(t, nr, (u16)value);
	case REG(eflags):
		eflags_set(t, value);
		return 0;
	case REG(orig_eax):
		tf->trapno = (s32)value < 0 ? (u32)-1 : VEC_SYSCALL;
		tf->orig_eax = value;
		return 0;
	default:
		*frame_word(tf, nr) = value;
		return 0;
	}
}

void x86_step(struct x86_thread *t, bool on)
{
	struct trapframe *tf = x86_thread_frame(t);
	if (on && !(tf->eflags & EFLAGS_TF)) {
		tf->eflags |= EFLAGS_TF;
		t->forced_tf = true;
	} else if (!on && t->forced_tf) {
		tf->eflags &= ~EFLAGS_TF;
		t->forced_tf = false;
	}
	t->stepping = on;
}

/* --- Debug registers --- */

#define DR6_FIXED    0xffff0ff0u
#define DR7_RESERVED 0x0000fc00u

/* What DR7 says of breakpoint i: two bits that enable it, two of kind, two of length. */
#define DR7_ENABLED(dr7, i) ((dr7) >> (i)*2 & 3)
#define DR7_KIND(dr7, i)    ((dr7) >> (16 + (i)*4) & 3)
#define DR7_LENGTH(dr7, i)  ((dr7) >> (18 + (i)*4) & 3) /* one less than bytes */

enum { BREAK_EXEC = 0, BREAK_IO = 2 };

#define SET_DR(n, value) __asm__ volatile("movl %0, %%dr" #n ::"r"((u32)(value)))

static void debug_load(const struct x86_debug *d)
{
	SET_DR(7, 0);
	SET_DR(0, d->addr[0]);
	SET_DR(1, d->addr[1]);
	SET_DR(2, d->addr[2]);
	SET_DR(3, d->addr[3]);
	SET_DR(6, DR6_FIXED);
	SET_DR(7, d->dr7);
}

/* Breakpoint i, when it is enabled, lies in user memory and is of a kind there is. */
static bool breakpoint_ok(const struct x86_debug *d, u32 i)
{
	u32 kind = DR7_KIND(d->dr7, i), mask = DR7_LENGTH(d->dr7, i);
	if (!DR7_ENABLED(d->dr7, i))
		return d->addr[i] < USER_TOP;
	if (kind == BREAK_IO || mask == 2 || (kind == BREAK_EXEC && mask))
		return false;
	return d->addr[i] < USER_TOP - mask && !(d->addr[i] & mask);
}

u32 x86_debugreg_get(const struct x86_thread *t, u32 nr)
{
	switch (nr) {
	case 0:
	case 1:
	case 2:
	case 3:
		return t->debug.addr[nr];
	case 6:
		return t->debug.dr6 ^ DR6_FIXED;
	case 7:
		return t->debug.dr7;
	default:
		return 0;
	}
}

static bool debug_ok(const struct x86_debug *d)
{
	for (u32 i = 0; i < ARRAY_SIZE(d->addr); i++)
		if (!breakpoint_ok(d, i))
			return false;
	return true;
}

long x86_debugreg_set(struct x86_thread *t, u32 nr, u32 value)
{
	struct x86_debug d = t->debug;
	if (nr < ARRAY_SIZE(d.addr))
		d.addr[nr] = value;
	else if (nr == 6)
		d.dr6 = value ^ DR6_FIXED;
	else if (nr == 7)
		d.dr7 = value & ~DR7_RESERVED;
	else
		return -EIO;
	if (!debug_ok(&d))
		return -EINVAL;
	t->debug = d;
	if (d.dr7 & 0xff)
		t->traced |= TRACED_DEBUG;
	else
		t->traced &= (u8)~TRACED_DEBUG;
	return 0;
}

/* --- The running thread --- */

u32 x86_debug_trap(struct trapframe *tf)
{
	struct x86_debug *d = &current_thread()->x86.debug;
	u32 dr6, hit = 0;
	__asm__ volatile("movl %%dr6, %0" : "=r"(dr6));
	SET_DR(6, DR6_FIXED);
	for (u32 i = 0; i < ARRAY_SIZE(d->addr); i++) {
		if (!(dr6 & 1u << i) || !DR7_ENABLED(d->dr7, i))
			continue;
		hit |= 1u << i;
		if (DR7_KIND(d->dr7, i) == BREAK_EXEC)
			tf->eflags |= EFLAGS_RF; /* it comes before its instruction: once */
	}
	d->dr6 = hit | (dr6 & DR6_STEP);
	return d->dr6;
}

void x86_debug_clear(struct x86_thread *t)
{
	t->debug = (struct x86_debug){.dr7 = 0};
	t->traced &= (u8)~TRACED_DEBUG;
	SET_DR(7, 0);
}

static void toggle_tsc(void)
{
	write_cr4(read_cr4() ^ CR4_TSD);
}

void x86_tsc_allow(bool on)
{
	struct x86_thread *t = &current_thread()->x86;

	if (on == !(t->traced & TRACED_NO_TSC))
		return;
	t->traced ^= TRACED_NO_TSC;
	toggle_tsc();
}

void x86_switch_traced(const struct x86_thread *from, const struct x86_thread *to)
{
	if ((from->traced | to->traced) & TRACED_GATE)
		trap_trace_thread(to->traced & TRACED_GATE);
	if ((from->traced ^ to->traced) & TRACED_NO_TSC)
		toggle_tsc();
	if (from->traced & TRACED_DEBUG || to->traced & TRACED_DEBUG)
		debug_load(&to->debug);
}
