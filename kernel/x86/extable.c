/* The exception table: sorted by address at boot, searched by halving. */
#include "kernel/x86/extable.h"

struct ex_entry {
	u32 eip, fixup;
};

extern struct ex_entry __start_ex_table[], __stop_ex_table[];

void __init extable_init(void)
{
	for (struct ex_entry *e = __start_ex_table; e < __stop_ex_table; e++) {
		struct ex_entry new = *e, *to = e;

		for (; to > __start_ex_table && to[-1].eip > new.eip; to--)
			*to = to[-1];
		*to = new;
	}
}

u32 extable_lookup(u32 eip)
{
	const struct ex_entry *low = __start_ex_table, *high = __stop_ex_table;

	while (low < high) {
		const struct ex_entry *mid = low + (high - low) / 2;

		if (mid->eip == eip)
			return mid->fixup;
		if (mid->eip < eip)
			low = mid + 1;
		else
			high = mid;
	}
	return 0;
}
