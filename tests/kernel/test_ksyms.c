/* The symbol table in the image. */
#include "kernel/core/ksyms.h"
#include "kernel/core/panic.h"
#include "kernel/core/selftest.h"
#include "kernel/lib/fmt.h"
#include "kernel/lib/kassert.h"
#include "kernel/lib/string.h"
#include "kernel/core/cpu.h"

static bool named(u32 addr, const char *name, u32 offset)
{
	u32 got_offset;
	const char *got = ksym_lookup(addr, &got_offset);

	return got && strcmp(got, name) == 0 && got_offset == offset;
}

KTEST(ksyms, functions_and_objects)
{
	KEXPECT(named((u32)panic, "panic", 0));
	KEXPECT(named((u32)panic + 3, "panic", 3));
	KEXPECT(named((u32)named, "named", 0));
	KEXPECT(named((u32)&cpus, "cpus", 0));			   /* .data */
	KEXPECT(named((u32)&selftest_guard, "selftest_guard", 0)); /* .data or .bss */
	KEXPECT(named((u32)&panic_describe_addr, "panic_describe_addr", 0));
}

KTEST(ksyms, nothing_outside_the_image)
{
	u32 offset;

	KEXPECT(!ksym_lookup(0, &offset));
	KEXPECT(!ksym_lookup(0x08048000, &offset));
	KEXPECT(!ksym_lookup(0xffffffff, &offset));
}

KTEST(ksyms, printed)
{
	char buf[32];

	snprintf(buf, sizeof(buf), "%pS", (void *)((u32)panic + 0x12));
	KEXPECT(strcmp(buf, "panic+0x12") == 0);
}

KTEST(ksyms, table_format)
{
	static const struct {
		struct ksyms_group g;
		u8 data[12];
		struct ksyms_group g2;
		u8 data2[4];
	} table = {{0x1000, 0x2000, 2, 12},
		"\x04"
		"ab\0"
		"\x80\x02"
		"cd",
		{0x3000, 0x3010, 1, 4}, "\0e"};
	u32 offset, size;

	KEXPECT(!ksyms_find(&table, &table + 1, 0x1003, &offset, &size));
	KEXPECT(strcmp(ksyms_find(&table, &table + 1, 0x1103, &offset, &size), "ab") == 0);
	KEXPECT_EQ(offset, 0xff);
	KEXPECT_EQ(size, 0x100);
	KEXPECT(strcmp(ksyms_find(&table, &table + 1, 0x1fff, &offset, &size), "cd") == 0);
	KEXPECT_EQ(offset, 0xefb);
	KEXPECT_EQ(size, 0xefc);
	KEXPECT(strcmp(ksyms_find(&table, &table + 1, 0x300f, &offset, &size), "e") == 0);
	KEXPECT(!ksyms_find(&table, &table + 1, 0x3010, &offset, &size));
}
