/* Crashing on purpose, under the names that Linux's lkdtm module uses. */
#include "kernel/core/provoke.h"
#include "kernel/core/bootinfo.h"
#include "kernel/core/lock.h"
#include "kernel/core/log.h"
#include "kernel/lib/kassert.h"
#include "kernel/lib/string.h"

static volatile u32 enough = ~0u; /* what the compiler must not know */
static u32 *volatile null = (u32 *)0x10;

static void do_panic(void)
{
	panic("provoked");
}

static void access_null(void)
{
	*null = 1;
}

static void write_ro(void)
{
	*(volatile char *)(uintptr_t)"read-only" = 'x';
}

static void exec_data(void)
{
	static u8 code[] = {0xc3};
	((void (*)(void))code)();
}

static __noinline u32 recurse(u32 n)
{
	volatile u8 room[512];
	room[n % sizeof(room)] = (u8)n;
	return n == enough ? 0 : recurse(n + 1) + room[0];
}

static void exhaust_stack(void)
{
	enough = recurse(0);
}

static void spin_twice(void)
{
	static struct spinlock lock = SPINLOCK_INIT("provoked");
	spin_lock(&lock);
	spin_lock(&lock);
}

#define CRASHES(X) \
	X(PANIC, do_panic) \
	X(ACCESS_NULL, access_null) \
	X(WRITE_RO, write_ro) \
	X(EXEC_DATA, exec_data) \
	X(EXHAUST_STACK, exhaust_stack) \
	X(SPINLOCKUP, spin_twice)
#define CRASH(name, fn)      {#name, fn},
#define CRASH_NAME(name, fn) " " #name

static const struct {
	const char *name;
	void (*fn)(void);
} crashes[] = {CRASHES(CRASH)};

void provoke_crash(void)
{
	char name[32];
	if (cmdline_get("provoke", name, sizeof(name)) <= 0)
		return;
	for (u32 i = 0; i < ARRAY_SIZE(crashes); i++)
		if (!strcmp(name, crashes[i].name))
			crashes[i].fn();
	log_err("provoke=%s did nothing; there are" CRASHES(CRASH_NAME), name);
}
