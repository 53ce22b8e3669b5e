/*
 * The end. Everything here works with interrupts off, takes no lock, and reads nothing that it has
 * not checked: what is printed first is what can go wrong least. A panic inside a panic says one
 * line and leaves.
 */
#include "kernel/core/panic.h"
#include "kernel/core/clock.h"
#include "kernel/core/console.h"
#include "kernel/core/log.h"
#include "kernel/lib/kassert.h"
#include "kernel/proc/task.h"
#include "kernel/x86/io.h"
#include "kernel/x86/trap.h"
#include "kernel/x86/uaccess.h"
#include "mm/pmap.h"

#define MAX_FRAMES 40
#define SYSCALL_ARGS 12 /* bytes of its arguments that a system call has on the stack */

void (*panic_describe_addr)(vaddr_t addr);

static u32 panics; /* how many times panic() was entered */

/* Borders of kernel/x86/entry.S: a return address between them was pushed by a trap's call into C,
 * and its trapframe lies right above. */
extern const char entry_syscall[], entry_double_fault[];

static bool is_trap_entry(u32 addr)
{
	return addr >= (u32)entry_syscall && addr < (u32)entry_double_fault;
}

static const char *trap_name(u32 trapno)
{
	static const char *const name[] = {
		[VEC_DE] = "divide error",
		[VEC_DB] = "debug exception",
		[VEC_NMI] = "NMI",
		[VEC_BP] = "breakpoint",
		[VEC_OF] = "overflow",
		[VEC_BR] = "bound range exceeded",
		[VEC_UD] = "invalid opcode",
		[VEC_NM] = "device not available",
		[VEC_DF] = "double fault",
		[VEC_TS] = "invalid TSS",
		[VEC_NP] = "segment not present",
		[VEC_SS] = "stack fault",
		[VEC_GP] = "general protection fault",
		[VEC_PF] = "page fault",
		[VEC_MF] = "x87 exception",
		[VEC_AC] = "alignment check",
		[VEC_XM] = "SIMD exception",
	};

	if (trapno < ARRAY_SIZE(name) && name[trapno])
		return name[trapno];
	return trapno == VEC_SYSCALL ? "system call" : "interrupt";
}

/* One line of a backtrace. A return address may lie behind the end of the function that made the
 * call: `back` (1 for those) is taken off before the look-up. */
static void print_place(u32 addr, u32 back)
{
	u32 offset;
	const char *name = ksym_lookup(addr - back, &offset);

	if (name)
		console_printf("  %08x %s+0x%x\n", addr, name, offset + back);
	else
		console_printf("  %08x\n", addr);
}

/* The frame that a trap left at `at`: says what it was, and goes on in what it interrupted. Returns
 * false where the kernel ends. */
static bool backtrace_trap(u32 at)
{
	struct trapframe tf;

	if (peek_kernel(&tf, (const void *)at, offsetof(struct trapframe, esp)))
		return false;
	if (tf_from_user(&tf)) {
		console_printf(
			"  ---- %s from user mode, eip %08x\n", trap_name(tf.trapno), tf.eip);
		return false;
	}
	console_printf("  ---- %s (trap %u) at\n", trap_name(tf.trapno), tf.trapno);
	print_place(tf.eip, 0);
	return true;
}

/* What a trap pushed, seen from the end of its first function's frame. */
static u32 trapframe_above(u32 at)
{
	const struct thread *t = this_cpu()->thread;
	u32 user = t ? (u32)x86_thread_frame(&t->x86) : 0;

	return at + SYSCALL_ARGS == user ? user : at;
}

struct frame {
	u32 ebp, ret;
};

static bool peek_frame(u32 ebp, struct frame *f)
{
	return ebp >= KERNEL_BASE && ebp % 4 == 0 && !peek_kernel(f, (const void *)ebp, sizeof(*f));
}

/* A recursion: goes on to the last frame in turn that returns to where this one does. */
static void skip_repeated(struct frame *f)
{
	struct frame next;
	u32 n = 0;

	for (; n < KSTACK_SIZE / sizeof(next); n++) {
		if (!peek_frame(f->ebp, &next) || next.ret != f->ret)
			break;
		*f = next;
	}
	if (n)
		console_printf("  ... %u times more\n", n);
}

/* The callers, from the frame at ebp up. */
static void print_callers(u32 ebp)
{
	struct frame frame;

	for (u32 i = 0; i < MAX_FRAMES && ebp; i++) {
		if (!peek_frame(ebp, &frame)) {
			console_printf("  the chain of frames is broken at %08x\n", ebp);
			return;
		}
		if (!frame.ret)
			return;
		if (is_trap_entry(frame.ret)) {
			if (!backtrace_trap(trapframe_above(ebp + sizeof(frame))))
				return;
		} else {
			print_place(frame.ret, 1);
			skip_repeated(&frame);
		}
		ebp = frame.ebp;
	}
}

void backtrace(u32 ebp, u32 eip)
{
	print_place(eip, 0);
	print_callers(ebp);
}

/* A jump to nowhere has no frame of its own, but the call that made it left its return address. */
static void print_wild_caller(u32 eip, u32 esp)
{
	u32 offset, ret;

	if (!ksym_lookup(eip, &offset) && !peek_kernel(&ret, (const void *)esp, sizeof(ret)) &&
		ksym_lookup(ret, &offset))
		print_place(ret, 1);
}

static void backtrace_from(const struct trapframe *tf)
{
	console_printf("backtrace:\n");
	if (tf_from_user(tf)) {
		backtrace_trap((u32)tf);
		return;
	}
	print_place(tf->eip, 0);
	print_wild_caller(tf->eip, (u32)&tf->esp);
	print_callers(tf->ebp);
}

/* "pid 12 (sh)", trusting no pointer. */
static void print_task(void)
{
	struct process *p;
	u32 pid;
	char comm[sizeof(p->comm)];
	struct task *t = this_cpu()->task;

	if (!t)
		console_printf("kernel thread");
	else if (peek_kernel(&p, &t->process, sizeof(p)) ||
		 peek_kernel(&pid, &p->pid, sizeof(pid)) ||
		 peek_kernel(comm, p->comm, sizeof(comm)))
		console_printf("unknown task");
	else
		console_printf("pid %u (%.*s)", pid, (int)sizeof(comm), comm);
}

static void print_context(void)
{
	u64 us = clock_monotonic_ns() / 1000;

	console_printf("cpu %u, ", this_cpu()->id);
	print_task();
	console_printf(", up %u.%06u s, cr3 %08x cr4 %08x\n", (u32)(us / 1000000),
		(u32)(us % 1000000), read_cr3(), read_cr4());
}

/* Where the stack was. The CPU pushes ss:esp only when it comes from user mode; a double fault's
 * frame is filled in from the task segment. */
static void print_registers(const struct trapframe *tf)
{
	bool has_esp = tf_from_user(tf) || tf->trapno == VEC_DF;
	u32 esp = has_esp ? tf->esp : (u32)&tf->esp;

	console_printf(
		"eax %08x  ebx %08x  ecx %08x  edx %08x\n", tf->eax, tf->ebx, tf->ecx, tf->edx);
	console_printf("esi %08x  edi %08x  ebp %08x  esp %08x\n", tf->esi, tf->edi, tf->ebp, esp);
	console_printf("eip %08x  cs %04x  ds %04x  es %04x  eflags %08x  trap %u (%s)  error %x\n",
		tf->eip, tf->cs & 0xffff, tf->ds & 0xffff, tf->es & 0xffff, tf->eflags, tf->trapno,
		trap_name(tf->trapno), tf->orig_eax);
}

/* The error code in words, Intel SDM vol. 3A, 4.7. */
static void print_page_fault(const struct trapframe *tf, vaddr_t addr)
{
	u32 e = tf->orig_eax;
	const char *what = e & PF_INSTR ? "fetch from" : e & PF_WRITE ? "write to" : "read of";
	const char *why = e & PF_RSVD	   ? "an entry with reserved bits"
			  : e & PF_PRESENT ? "a protected page"
					   : "a not-present page";

	console_printf("page fault: %s %s at %08x, from %s mode\n", what, why, addr,
		e & PF_USER ? "user" : "kernel");
}

static void print_walk(vaddr_t addr)
{
	struct pmap_walk walk;
	char flags[64];

	pmap_walk(read_cr3(), addr, &walk);
	for (u32 i = 0; i < walk.levels && i < ARRAY_SIZE(walk.level); i++)
		console_printf("  %-4s [%3u] at %09llx = %016llx %s\n", walk.level[i].name,
			walk.level[i].index, walk.level[i].at.v, walk.level[i].entry.v,
			pte_describe(walk.level[i].entry, flags, sizeof(flags)));
	if (panic_describe_addr)
		panic_describe_addr(addr);
}

/* Starts the report, or ends it all when one is under way. */
static void begin(const char *fmt, va_list ap)
{
	irq_disable();
	console_enter_panic();
	if (++panics > 2)
		machine_exit(EXIT_PANIC);
	console_fresh_line();
	console_printf(panics > 1 ? "tessera: panic inside a panic: " : "tessera: panic: ");
	console_vprintf(fmt, ap);
	console_printf("\n");
	if (panics > 1)
		machine_exit(EXIT_PANIC);
	print_context();
}

#ifdef DEBUG
/* The compiler's: the word below each return address of a function with an array, and what it calls
 * when that is another one on return. */
u32 __stack_chk_guard = 0x000aff0d; /* no string ends with it */
__noreturn void __stack_chk_fail(void);

void __stack_chk_fail(void)
{
	panic("a function wrote beyond an array on its stack");
}
#endif

void panic(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	begin(fmt, ap);
	va_end(ap);
	console_printf("backtrace:\n");
	print_callers((u32)__builtin_frame_address(0));
	machine_exit(EXIT_PANIC);
}

void panic_trap(const struct trapframe *tf, const char *fmt, ...)
{
	vaddr_t addr = read_cr2();
	va_list ap;

	va_start(ap, fmt);
	begin(fmt, ap);
	va_end(ap);
	print_registers(tf);
	if (tf->trapno == VEC_PF)
		print_page_fault(tf, addr);
	backtrace_from(tf);
	if (tf->trapno == VEC_PF) {
		console_printf("page tables of %08x:\n", addr);
		print_walk(addr);
	}
	machine_exit(EXIT_PANIC);
}
