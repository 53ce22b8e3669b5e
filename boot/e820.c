/*
 * The memory map as sorted, disjoint ranges.
 *
 * The entries' ends cut the address space into pieces; inside a piece nothing changes, so one look
 * at all entries says whether it is usable. Going from cut to cut costs O(n^2) for n entries and
 * needs no memory; firmware has a dozen.
 */
#include "boot/e820.h"

static u64 entry_start(const struct e820_entry *e)
{
	return MIN(e->start, E820_LIMIT);
}

static u64 entry_end(const struct e820_entry *e)
{
	u64 start = entry_start(e);

	return start + MIN(e->len, E820_LIMIT - start);
}

/* The lowest start or end of an entry beyond `at`; E820_LIMIT if there is none. */
static u64 next_cut(const struct e820_entry *e, u32 n, u64 at)
{
	u64 cut = E820_LIMIT;

	for (u32 i = 0; i < n; i++) {
		u64 start = entry_start(&e[i]), end = entry_end(&e[i]);

		if (start > at && start < cut)
			cut = start;
		if (end > at && end < cut)
			cut = end;
	}
	return cut;
}

static bool usable_at(const struct e820_entry *e, u32 n, u64 at)
{
	bool usable = false;

	for (u32 i = 0; i < n; i++) {
		if (at < entry_start(&e[i]) || at >= entry_end(&e[i]))
			continue;
		if (e[i].type != E820_USABLE)
			return false;
		usable = true;
	}
	return usable;
}

u32 e820_sanitise(const struct e820_entry *e, u32 n, struct prange *out, u32 max)
{
	u32 nr = 0;
	u64 at, cut;

	for (at = 0; at < E820_LIMIT; at = cut) {
		cut = next_cut(e, n, at);
		if (!usable_at(e, n, at))
			continue;
		if (nr && out[nr - 1].end == at)
			out[nr - 1].end = cut;
		else if (nr < max)
			out[nr++] = (struct prange){at, cut};
		else
			break;
	}
	return nr;
}
