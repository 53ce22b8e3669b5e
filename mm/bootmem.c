/* The list of free physical ranges before the allocator runs. Pure. */
#include "mm/bootmem.h"

bool bootmem_add(struct bootmem *bm, u64 start, u64 end)
{
	if (start > UINT64_MAX - (PAGE_SIZE - 1))
		return true;
	start = ALIGN_UP(start, PAGE_SIZE);
	end = ALIGN_DOWN(end, PAGE_SIZE);
	if (start >= end)
		return true;
	if (bm->nr && bm->range[bm->nr - 1].end == start) {
		bm->range[bm->nr - 1].end = end;
		return true;
	}
	if (bm->nr == BOOTMEM_RANGES)
		return false;
	bm->range[bm->nr++] = (struct prange){start, end};
	return true;
}

static void remove_at(struct bootmem *bm, u32 i)
{
	bm->nr--;
	for (; i < bm->nr; i++)
		bm->range[i] = bm->range[i + 1];
}

static bool insert_at(struct bootmem *bm, u32 i, struct prange r)
{
	if (bm->nr == BOOTMEM_RANGES)
		return false;
	for (u32 j = bm->nr++; j > i; j--)
		bm->range[j] = bm->range[j - 1];
	bm->range[i] = r;
	return true;
}

bool bootmem_reserve(struct bootmem *bm, u64 start, u64 end)
{
	start = ALIGN_DOWN(start, PAGE_SIZE);
	end = end > UINT64_MAX - (PAGE_SIZE - 1) ? UINT64_MAX : ALIGN_UP(end, PAGE_SIZE);

	for (u32 i = 0; i < bm->nr;) {
		struct prange *r = &bm->range[i];

		if (end <= r->start || r->end <= start) {
			i++;
		} else if (r->start < start && end < r->end) {
			struct prange above = {end, r->end};

			r->end = start;
			return insert_at(bm, i + 1, above);
		} else if (r->start < start) {
			r->end = start;
			i++;
		} else if (end < r->end) {
			r->start = end;
			i++;
		} else {
			remove_at(bm, i);
		}
	}
	return true;
}

u64 bootmem_alloc(struct bootmem *bm, u64 bytes, u64 limit)
{
	bytes = ALIGN_UP(bytes, PAGE_SIZE);
	for (u32 i = bm->nr; i-- > 0;) {
		u64 start = bm->range[i].start, end = MIN(bm->range[i].end, limit);

		if (end > start && end - start >= bytes)
			return bootmem_reserve(bm, end - bytes, end) ? end - bytes : 0;
	}
	return 0;
}

u64 bootmem_end(const struct bootmem *bm)
{
	return bm->nr ? bm->range[bm->nr - 1].end : 0;
}
