/* Thread-local storage: three GDT descriptors of each thread, set_thread_area(2). */
#include "kernel/abi/errno.h"
#include "kernel/abi/ldt.h"
#include "kernel/proc/process.h"
#include "kernel/syscalls.h"
#include "kernel/x86/uaccess.h"

/* A user_desc that stands for "no descriptor": all zero, or Linux's older form of it. */
bool user_desc_empty(const struct abi_user_desc *d)
{
	return d->base_addr == 0 && d->limit == 0 &&
	       (d->flags & UD_KNOWN) == (UD_READ_EXEC_ONLY | UD_SEG_NOT_PRESENT);
}

static bool is_zero(const struct abi_user_desc *d)
{
	return d->base_addr == 0 && d->limit == 0 && (d->flags & UD_KNOWN) == 0;
}

/* Only data segments of 32 bits that are there: others could not be loaded again at a switch. */
static bool is_allowed(const struct abi_user_desc *d)
{
	return (d->flags & UD_SEG_32BIT) && (d->flags & UD_CONTENTS) >> UD_CONTENTS_SHIFT <= 1 &&
	       !(d->flags & UD_SEG_NOT_PRESENT);
}

struct segdesc user_desc_to_segment(const struct abi_user_desc *d)
{
	struct segdesc s;
	u32 limit = d->limit & 0xfffff;
	s.lo = (d->base_addr & 0xffff) << 16 | (limit & 0xffff);
	s.hi = (d->base_addr & 0xff000000u) | (d->base_addr >> 16 & 0xff) | (limit & 0xf0000) |
	       DESC_CODE_DATA | DESC_USER | DESC_ACCESSED |
	       (d->flags & UD_CONTENTS) >> UD_CONTENTS_SHIFT << DESC_KIND_SHIFT;
	if (d->flags & UD_SEG_32BIT)
		s.hi |= DESC_32BIT;
	if (!(d->flags & UD_SEG_NOT_PRESENT))
		s.hi |= DESC_PRESENT;
	if (!(d->flags & UD_READ_EXEC_ONLY))
		s.hi |= DESC_WRITABLE;
	if (d->flags & UD_LIMIT_IN_PAGES)
		s.hi |= DESC_PAGES;
	if (d->flags & UD_USEABLE)
		s.hi |= DESC_AVL;
	return s;
}

static struct abi_user_desc from_segdesc(const struct segdesc *s, u32 entry)
{
	struct abi_user_desc d = {
		.entry_number = entry,
		.base_addr = s->lo >> 16 | (s->hi & 0xff) << 16 | (s->hi & 0xff000000u),
		.limit = (s->lo & 0xffff) | (s->hi & 0xf0000),
	};
	if (!(s->hi & DESC_PRESENT)) {
		d.flags = UD_READ_EXEC_ONLY | UD_SEG_NOT_PRESENT;
		return d;
	}
	d.flags = (s->hi & DESC_32BIT ? UD_SEG_32BIT : 0) |
		  ((s->hi >> DESC_KIND_SHIFT & 1) << UD_CONTENTS_SHIFT) |
		  (s->hi & DESC_WRITABLE ? 0 : UD_READ_EXEC_ONLY) |
		  (s->hi & DESC_PAGES ? UD_LIMIT_IN_PAGES : 0) |
		  (s->hi & DESC_AVL ? UD_USEABLE : 0);
	return d;
}

static long find_free(const struct x86_thread *x)
{
	for (u32 i = 0; i < GDT_TLS_NR; i++)
		if (!x->tls[i].lo && !x->tls[i].hi)
			return GDT_TLS_MIN + (long)i;
	return -ESRCH;
}

/* Nothing at all, or something that may be. */
static bool is_valid(const struct abi_user_desc *d)
{
	return user_desc_empty(d) || is_zero(d) || is_allowed(d);
}

long tls_entry_set(struct task *t, u32 entry, const struct abi_user_desc *d)
{
	bool empty = user_desc_empty(d) || is_zero(d);
	if (!is_valid(d) || entry - GDT_TLS_MIN >= GDT_TLS_NR)
		return -EINVAL;
	t->thread.x86.tls[entry - GDT_TLS_MIN] = empty ? (struct segdesc){0, 0} : user_desc_to_segment(d);
	return 0;
}

long tls_entry_get(const struct task *t, u32 entry, struct abi_user_desc *d)
{
	if (entry - GDT_TLS_MIN >= GDT_TLS_NR)
		return -EINVAL;
	*d = from_segdesc(&t->thread.x86.tls[entry - GDT_TLS_MIN], entry);
	return 0;
}

long tls_set(struct task *t, uptr_t udesc, bool pick)
{
	struct abi_user_desc d;
	if (copy_from_user(&d, udesc, sizeof(d)) < 0)
		return -EFAULT;
	if (!is_valid(&d))
		return -EINVAL;
	if (d.entry_number == ~0u && pick) {
		long entry = find_free(&t->thread.x86);
		if (entry < 0)
			return entry;
		d.entry_number = (u32)entry;
		if (put_user_u32(udesc, d.entry_number) < 0)
			return -EFAULT;
	}
	return tls_entry_set(t, d.entry_number, &d);
}

long sys_set_thread_area(uptr_t desc)
{
	struct task *t = current_task();
	long err = tls_set(t, desc, true);
	if (err)
		return err;
	x86_tls_load(&t->thread.x86);
	x86_segments_reload();
	return 0;
}

long sys_get_thread_area(uptr_t udesc)
{
	struct abi_user_desc d;
	u32 entry;
	long err;
	if (get_user_u32(&entry, udesc) < 0)
		return -EFAULT;
	err = tls_entry_get(current_task(), entry, &d);
	return err ? err : copy_to_user(udesc, &d, sizeof(d));
}
