/* User memory: range checks around the copies of usercopy.S, and reads that never fault. */
#include "kernel/x86/uaccess.h"
#include "kernel/abi/errno.h"
#include "kernel/core/sched.h"
#include "kernel/lib/string.h"
#include "kernel/x86/io.h"
#include "kernel/x86/kmap.h"
#include "mm/pmap.h"

size_t user_copy(void *dst, const void *src, size_t n);
size_t user_clear(void *dst, size_t n);
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

size_t copy_from_user_partial(void *dst, uptr_t src, size_t n)
{
	return can_access(src, n) ? user_copy(dst, (const void *)src.va, n) : n;
}

size_t copy_to_user_partial(uptr_t dst, const void *src, size_t n)
{
	return can_access(dst, n) ? user_copy((void *)dst.va, src, n) : n;
}

int copy_from_user(void *dst, uptr_t src, size_t n)
{
	return copy_from_user_partial(dst, src, n) ? -EFAULT : 0;
}

int copy_to_user(uptr_t dst, const void *src, size_t n)
{
	return copy_to_user_partial(dst, src, n) ? -EFAULT : 0;
}

int clear_user(uptr_t dst, size_t n)
{
	return can_access(dst, n) && !user_clear((void *)dst.va, n) ? 0 : -EFAULT;
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

/* The frame behind `va` in the loaded address space, if user mode may read it there. */
static bool user_frame(vaddr_t va, paddr_t *out)
{
	struct pmap_walk w;
	pte_t leaf;
	u32 page;

	pmap_walk(read_cr3(), va, &w);
	if (w.levels < 2)
		return false;
	leaf = w.level[w.levels - 1].entry;
	if (!pte_present(leaf) || !pte_user(leaf) || !pte_user(w.level[1].entry))
		return false;
	page = w.levels == 2 ? PD_SIZE : PAGE_SIZE;
	*out = PADDR((leaf.v & PTE_FRAME & ~(u64)(page - 1)) | (va & (page - 1)));
	return true;
}

bool user_is_writable(uptr_t word)
{
	struct pmap_walk w;

	if (!can_access(word, sizeof(u32)))
		return false;
	pmap_walk(read_cr3(), word.va, &w);
	if (w.levels < 2)
		return false;
	for (u32 i = 1; i < w.levels; i++)
		if (!pte_present(w.level[i].entry) || !pte_user(w.level[i].entry) ||
			!pte_write(w.level[i].entry))
			return false;
	return true;
}

size_t copy_from_user_nofault(void *dst, uptr_t src, size_t n)
{
	char *to = dst;

	if (!can_access(src, n))
		return n;
	while (n) {
		size_t part = MIN(n, PAGE_SIZE - src.va % PAGE_SIZE);
		paddr_t pa;

		if (!user_frame(src.va, &pa) || !pmap_read_phys(to, pa, part))
			break;
		to += part;
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
