/* Segments that programs make for themselves in their address space's local table: modify_ldt(2).
 */
#include "kernel/abi/errno.h"
#include "kernel/abi/ldt.h"
#include "kernel/proc/process.h"
#include "kernel/syscalls.h"
#include "kernel/x86/uaccess.h"
#include "mm/kmalloc.h"
#include "mm/space.h"

/* What there is without one, as Linux tells it. */
static const struct segdesc default_ldt[5];

#define CODE_CONFORMING 3u /* of UD_CONTENTS */

/* The table, with zeroes behind it. Without one there is nothing to read. */
static long ldt_read(uptr_t to, u32 size)
{
	struct mm *mm = current_mm();
	struct ldt *ldt;
	long err;
	size = MIN(size, LDT_ENTRIES * (u32)sizeof(struct segdesc));
	if (!mm->pmap.ldt)
		return 0;
	mutex_lock(&mm->lock);
	ldt = ldt_copy(mm->pmap.ldt, size / sizeof(struct segdesc) + 1);
	mutex_unlock(&mm->lock);
	if (!ldt)
		return -ENOMEM;
	err = copy_to_user(to, ldt->entries, size);
	kfree(ldt);
	return err ? err : (long)size;
}

static long ldt_read_default(uptr_t to, u32 size)
{
	size = MIN(size, (u32)sizeof(default_ldt));
	return copy_to_user(to, default_ldt, size) < 0 ? -EFAULT : (long)size;
}

/* `old` is the form that had no word for an empty entry, nor a bit for the program's use. Segments
 * of 16 bits are not to be had: returning to a stack of that kind does not restore all of ESP. */
static long to_descriptor(const struct abi_user_desc *d, bool old, struct segdesc *out)
{
	u32 contents = (d->flags & UD_CONTENTS) >> UD_CONTENTS_SHIFT;
	if (contents == CODE_CONFORMING && (old || !(d->flags & UD_SEG_NOT_PRESENT)))
		return -EINVAL;
	*out = (struct segdesc){0, 0};
	if (user_desc_empty(d) || (old && !d->base_addr && !d->limit))
		return 0;
	if (!(d->flags & UD_SEG_32BIT))
		return -EINVAL;
	*out = user_desc_to_segment(d);
	if (old)
		out->hi &= ~DESC_AVL;
	return 0;
}

static long ldt_write(uptr_t from, u32 size, bool old)
{
	struct mm *mm = current_mm();
	struct abi_user_desc d;
	struct segdesc s;
	long err;
	if (size != sizeof(d))
		return -EINVAL;
	if (copy_from_user(&d, from, sizeof(d)) < 0)
		return -EFAULT;
	if (d.entry_number >= LDT_ENTRIES)
		return -EINVAL;
	err = to_descriptor(&d, old, &s);
	if (err)
		return err;
	mutex_lock(&mm->lock);
	err = pmap_set_segment(&mm->pmap, d.entry_number, s);
	mutex_unlock(&mm->lock);
	return err;
}

long sys_modify_ldt(s32 func, uptr_t at, u32 size)
{
	long ret = -ENOSYS;
	switch (func) {
	case MODIFY_LDT_READ:
		return ldt_read(at, size);
	case MODIFY_LDT_READ_DEFAULT:
		return ldt_read_default(at, size);
	case MODIFY_LDT_WRITE_OLD:
	case MODIFY_LDT_WRITE:
		ret = ldt_write(at, size, func == MODIFY_LDT_WRITE_OLD);
		x86_segments_reload();
	}
	return ret;
}
