/* The system-call table and the dispatcher. */
#include "kernel/syscalls.h"
#include "kernel/abi/errno.h"
#include "kernel/abi/syscall_nr.h"
#include "kernel/core/log.h"
#include "kernel/proc/task.h"
#include "kernel/x86/trap.h"

/*
 * Every call is called with six arguments. With -mregparm=3 the first three are in registers and
 * the caller pops the rest, so a function that takes fewer does not see the others; an argument of
 * type uptr_t is passed like a u32.
 */
typedef long (*syscall_fn)(u32, u32, u32, u32, u32, u32);

/* Through a type that the compiler lets be cast to any function type. */
#define SYSCALL(name) ((syscall_fn)(void (*)(void))sys_##name)

enum {
#define X(nr, name) NR_##name = (nr),
	ABI_SYSCALLS(X)
#undef X
};

static const syscall_fn syscall_table[ABI_NR_SYSCALLS] = {
#define X(name) [NR_##name] = SYSCALL(name),
	SYSCALLS(X)
#undef X
};

static const char *const syscall_names[ABI_NR_SYSCALLS] = {
#define X(nr, name) [nr] = #name,
	ABI_SYSCALLS(X)
#undef X
};

/* A call that is not there: said once for each number. */
static __noinline __attribute__((cold)) long missing(u32 nr)
{
	static u32 logged[ABI_NR_SYSCALLS / 32 + 1]; /* a bit too much is harmless: no lock */
	const struct task *t = current_task();
	u32 i = MIN(nr, (u32)ABI_NR_SYSCALLS); /* all beyond the table share one bit */
	const char *name = nr < ABI_NR_SYSCALLS ? syscall_names[nr] : NULL;
	if (!(logged[i / 32] & 1u << i % 32)) {
		logged[i / 32] |= 1u << i % 32;
		log_info("call %s (%u) is not there; used by %s[%u]", name ? name : "?", nr,
			t->comm, t->tid);
	}
	return -ENOSYS;
}

void handle_syscall(struct trapframe *tf)
{
	u32 nr = tf->orig_eax;
	if (unlikely(nr >= ABI_NR_SYSCALLS || !syscall_table[nr]))
		tf->eax = (u32)missing(nr);
	else
		tf->eax = (u32)syscall_table[nr](
			tf->ebx, tf->ecx, tf->edx, tf->esi, tf->edi, tf->ebp);
}
