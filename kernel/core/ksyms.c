/* Address to name, from the table inside the image. */
#include "kernel/core/ksyms.h"
#include "kernel/core/panic.h"
#include "kernel/lib/string.h"

extern const u8 __ksyms_start[], __ksyms_end[];
extern const u8 __init_ksyms_start[], __init_ksyms_end[];

static const void *init_ksyms_end __ro_after_init = __init_ksyms_end;

static u32 uleb128(const u8 **p)
{
	u32 v = 0;

	for (u32 shift = 0;; shift += 7) {
		u8 byte = *(*p)++;

		v |= (u32)(byte & 0x7f) << shift;
		if (!(byte & 0x80))
			return v;
	}
}

/* The last of the group's symbols that is not above addr. */
static const char *find_in_group(
	const struct ksyms_group *g, u32 addr, u32 *offset, u32 *size)
{
	const u8 *p = (const u8 *)(g + 1);
	const char *name = NULL;
	u32 at = g->start, next;

	for (u32 i = 0; i < g->count; i++) {
		next = at + uleb128(&p);
		if (next > addr) {
			*size = next - at;
			return name;
		}
		at = next;
		name = (const char *)p;
		*offset = addr - at;
		p += strlen(name) + 1;
	}
	*size = g->end - at;
	return name;
}

const char *ksyms_find(const void *table, const void *end, u32 addr, u32 *offset, u32 *size)
{
	const u8 *p = table;

	while (p < (const u8 *)end) {
		const struct ksyms_group *g = (const struct ksyms_group *)(const void *)p;

		if (addr >= g->start && addr < g->end)
			return find_in_group(g, addr, offset, size);
		p += sizeof(*g) + g->bytes;
	}
	return NULL;
}

const char *ksym_extent(u32 addr, u32 *offset, u32 *size)
{
	const char *name = ksyms_find(__ksyms_start, __ksyms_end, addr, offset, size);

	return name ? name : ksyms_find(__init_ksyms_start, init_ksyms_end, addr, offset, size);
}

void ksyms_forget_init(void)
{
	init_ksyms_end = __init_ksyms_start;
}

const char *ksym_lookup(u32 addr, u32 *offset)
{
	u32 size;

	return ksym_extent(addr, offset, &size);
}
