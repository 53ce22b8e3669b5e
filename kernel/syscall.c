/* The table that the entry code calls system calls through. */
#include "kernel/syscalls.h"
#include "kernel/abi/errno.h"
#include "kernel/abi/syscall_nr.h"
#include "kernel/core/log.h"
#include "kernel/proc/task.h"
#include "kernel/x86/trap.h"

/*
 * Every call is called with six arguments. With -mregparm=3 the first three are in registers and
 * the caller pops the rest, so a function that takes fewer does not see the others; an argument of
 * type uptr_t is passed like a u32. The cast is through a type that the compiler lets be cast to
 * any function type.
 */
#define SYSCALL(function) ((syscall_fn)(void (*)(void))(function))

enum {
#define X(nr, name) NR_##name = (nr),
	ABI_SYSCALLS(X)
#undef X
};

/* All are missing until the list says otherwise. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Woverride-init"
const syscall_fn syscall_table[ABI_NR_SYSCALLS] = {
	[0 ... ABI_NR_SYSCALLS - 1] = SYSCALL(syscall_missing),
#define X(name) [NR_##name] = SYSCALL(sys_##name),
	SYSCALLS(X)
#undef X
};
#pragma GCC diagnostic pop

static const char *const syscall_names[ABI_NR_SYSCALLS] = {
#define X(nr, name) [nr] = #name,
	ABI_SYSCALLS(X)
#undef X
};

/* A call that is not there: said once for each number. */
long syscall_missing(void)
{
	static u32 logged[ABI_NR_SYSCALLS / 32 + 1]; /* a bit too much is harmless: no lock */
	const struct task *t = current_task();
	u32 nr = x86_thread_frame(&t->thread.x86)->orig_eax;
	u32 i = MIN(nr, (u32)ABI_NR_SYSCALLS); /* all beyond the table share one bit */
	const char *name = nr < ABI_NR_SYSCALLS ? syscall_names[nr] : NULL;
	if (!(logged[i / 32] & 1u << i % 32)) {
		logged[i / 32] |= 1u << i % 32;
		log_info("call %s (%u) is not there; used by %s[%u]", name ? name : "?", nr,
			t->comm, t->tid);
	}
	return -ENOSYS;
}
