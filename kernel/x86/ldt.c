/* Local descriptor tables. See kernel/x86/ldt.h. */
#include "kernel/x86/ldt.h"
#include "kernel/lib/string.h"
#include "kernel/x86/gdt.h"
#include "mm/kmalloc.h"

struct ldt *ldt_copy(const struct ldt *from, u32 nr)
{
	u32 had = from ? from->nr : 0;
	struct ldt *ldt;

	nr = MAX(nr, had);
	ldt = kmalloc(sizeof(*ldt) + nr * sizeof(ldt->entries[0]));
	if (!ldt)
		return NULL;
	ldt->nr = nr;
	if (had)
		memcpy(ldt->entries, from->entries, had * sizeof(ldt->entries[0]));
	memset(&ldt->entries[had], 0, (nr - had) * sizeof(ldt->entries[0]));
	return ldt;
}

void ldt_load(const struct ldt *ldt)
{
	gdt_load_ldt(ldt ? ldt->entries : NULL, ldt ? ldt->nr : 0);
}
