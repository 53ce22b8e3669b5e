/* User memory: range checks around the copies of usercopy.S, and reads that never fault. */
#include "kernel/x86/uaccess.h"
#include "kernel/abi/errno.h"
#include "kernel/core/sched.h"
#include "kernel/lib/string.h"
#include "kernel/x86/asm.h"
#include "kernel/x86/features.h"
#include "kernel/x86/io.h"
#include "kernel/x86/kmap.h"
#include "mm/pmap.h"

size_t user_copy(void *dst, const void *src, size_t n);
size_t user_copy_sse2(void *dst, const void *src, size_t n);
size_t kernel_peek(void *dst, const void *src, size_t n);
long user_strncpy(char *dst, const char *src, size_t n);
int user_get_u32(u32 *dst, const u32 *src);
int user_put_u32(u32 *dst, u32 v);

/* A place where STAC or CLAC goes, see kernel/x86/asm.h. */
struct smap_site {
	u8 *at;
	u8 insn[4]; /* three bytes of it */
};
extern const struct smap_site __start_smap_sites[], __stop_smap_sites[];

/* A kernel thread runs in whatever address space was left loaded: none of its business. */
static bool can_access(uptr_t p, size_t n)
{
	return current_thread()->pmap && user_range_ok(p, n);
}

static size_t copy(void *dst, const void *src, size_t n)
{
	if (n >= 2 * SSE_BLOCK && cpu_features.sse2)
		return user_copy_sse2(dst, src, n);
	return user_copy(dst, src, n);
}

size_t copy_from_user_partial(void *dst, uptr_t src, size_t n)
{
	return can_access(src, n) ? copy(dst, (const void *)src.va, n) : n;
}

size_t copy_to_user_partial(uptr_t dst, const void *src, size_t n)
{
	return can_access(dst, n) ? copy((void *)dst.va, src, n) : n;
}

int copy_from_user(void *dst, uptr_t src, size_t n)
{
	return copy_from_user_partial(dst, src, n) ? -EFAULT : 0;
}

int copy_to_user(uptr_t dst, const void *src, size_t n)
{
	return copy_to_user_partial(dst, src, n) ? -EFAULT : 0;
}

int copy_struct_from_user(void *dst, size_t known, uptr_t src, size_t size)
{
	size_t shared = MIN(known, size);
	u8 more;

	memset((u8 *)dst + shared, 0, known - shared);
	if (copy_from_user(dst, src, shared))
		return -EFAULT;
	for (size_t at = shared; at < size; at++) {
		if (copy_from_user(&more, uptr_add(src, at), 1))
			return -EFAULT;
		if (more)
			return -E2BIG;
	}
	return 0;
}

int cmpxchg_user(uptr_t word, u32 from, u32 to)
{
	u32 seen = from;
	int err = 0;

	if (!user_access_begin(word, sizeof(u32)))
		return -EFAULT;
	__asm__ volatile("1: lock cmpxchgl %3, %1\n"
			 "2:\n"
			 ".pushsection .text.unlikely, \"ax\"\n"
			 "3: movl %4, %2\n"
			 "jmp 2b\n"
			 ".popsection\n"
			 ".pushsection __ex_table, \"a\"\n"
			 ".balign 4\n"
			 ".long 1b, 3b\n"
			 ".popsection"
			 : "+a"(seen), "+m"(*(u32 *)word.va), "+r"(err)
			 : "r"(to), "i"(-EFAULT)
			 : "memory", "cc");
	user_access_end();
	if (err)
		return err;
	return seen == from ? 0 : -EAGAIN;
}

int get_user_u32(u32 *dst, uptr_t src)
{
	return can_access(src, sizeof(*dst)) ? user_get_u32(dst, (const u32 *)src.va) : -EFAULT;
}

int put_user_u32(uptr_t dst, u32 v)
{
	return can_access(dst, sizeof(v)) ? user_put_u32((u32 *)dst.va, v) : -EFAULT;
}

long strncpy_from_user(char *dst, uptr_t src, size_t size)
{
	size_t room;
	long len;

	if (!can_access(src, 0))
		return -EFAULT;
	room = USER_TOP - src.va;
	len = user_strncpy(dst, (const char *)src.va, MIN(size, room));
	return len == -ENAMETOOLONG && room < size ? -EFAULT : len;
}

/* The last entry that translates `va` in the loaded address space, where user mode may use it. */
static const pte_t *user_entry(vaddr_t va)
{
	const struct pmap *pm = this_pmap_cpu()->loaded;
	const pte_t *e = pm ? pmap_pde(pm, va) : NULL;

	if (e && pmap_is_table(e))
		e = pmap_entry(e, pt_index(va));
	return e && pte_present(*e) && pte_user(*e) ? e : NULL;
}

bool user_is_writable(uptr_t word)
{
	const pte_t *e = can_access(word, sizeof(u32)) ? user_entry(word.va) : NULL;

	return e && pte_write(*e);
}

/* Nothing takes an entry away between the look at it and the copy. */
size_t copy_from_user_nofault(void *dst, uptr_t src, size_t n)
{
	if (!can_access(src, n))
		return n;
	while (n && user_entry(src.va)) {
		size_t part = MIN(n, PAGE_SIZE - src.va % PAGE_SIZE);

		if (copy(dst, (const void *)src.va, part))
			break;
		dst = (char *)dst + part;
		src = uptr_add(src, part);
		n -= part;
	}
	return n;
}

size_t peek_kernel(void *dst, const void *src, size_t n)
{
	u32 va = (u32)src;

	if (va < KERNEL_BASE || n > 0u - va)
		return n;
	return kernel_peek(dst, src, n);
}

void __init uaccess_enable_smap(void)
{
	for (const struct smap_site *s = __start_smap_sites; s < __stop_smap_sites; s++)
		memcpy(s->at, s->insn, 3);
}
