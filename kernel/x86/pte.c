/* Page-table entries in words. */
#include "kernel/x86/pte.h"
#include "kernel/lib/fmt.h"

u64 pte_nx_mask __ro_after_init;

char *pte_describe(pte_t e, char *buf, size_t size)
{
	static const struct {
		u64 bit;
		const char *name;
	} names[] = {
		{PTE_P, "P"},
		{PTE_W, "W"},
		{PTE_U, "U"},
		{PTE_WT, "WT"},
		{PTE_CD, "CD"},
		{PTE_A, "A"},
		{PTE_D, "D"},
		{PTE_PS, "PS"},
		{PTE_G, "G"},
		{PTE_NX, "NX"},
	};
	size_t n = 0;

	if (size)
		buf[0] = '\0';
	for (u32 i = 0; size && i < ARRAY_SIZE(names); i++)
		if (e.v & names[i].bit)
			n += scnprintf(buf + n, size - n, "%s%s", n ? " " : "", names[i].name);
	return buf;
}
