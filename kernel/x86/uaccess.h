/*
 * The only way to user memory. Every access may fault a page in, so no lock that the fault path
 * takes is held (docs/locking). An address outside user space, or one the fault path refuses,
 * ends the copy through the exception table.
 *
 * While process 1 is being made and in kernel threads there is no user space: all fail.
 */
#ifndef X86_UACCESS_H
#define X86_UACCESS_H

#include "kernel/lib/types.h"
#include "kernel/x86/layout.h"

/* Return 0, or -EFAULT when not all of it could be copied. */
int copy_from_user(void *dst, uptr_t src, size_t n) __must_check;
int copy_to_user(uptr_t dst, const void *src, size_t n) __must_check;

/* A struct that grows with the versions of the ABI: `size` is what the caller knows of it, `known`
 * what the kernel does. What he does not know becomes zero; what he knows beyond must be: -E2BIG. */
int copy_struct_from_user(void *dst, size_t known, uptr_t src, size_t size) __must_check;

/* Return how many bytes were not copied (0: all): for reads and writes that may be short. */
size_t copy_from_user_partial(void *dst, uptr_t src, size_t n);
size_t copy_to_user_partial(uptr_t dst, const void *src, size_t n);

/* As the first, without faulting pages in: what is not mapped is not copied. For use where the
 * fault path cannot be taken. */
size_t copy_from_user_nofault(void *dst, uptr_t src, size_t n);

/* Whether the aligned word can be written now without a fault, and so cmpxchg_user() where the fault
 * path cannot be taken. */
bool user_is_writable(uptr_t word) __must_check;
/* Sets the aligned word to `to` if it is `from`, in one step. 0, -EAGAIN: it is not, -EFAULT. */
int cmpxchg_user(uptr_t word, u32 from, u32 to) __must_check;

int get_user_u32(u32 *dst, uptr_t src) __must_check;
int put_user_u32(uptr_t dst, u32 v) __must_check;

/*
 * Words one by one without a call each, in a thread with user memory: between
 * user_access_begin(), which is false when [p, p+n) is not user space, and user_access_end(). What
 * faults goes to the label, where the end is still due. Nothing else that touches user memory may
 * be called meanwhile.
 */
static inline bool user_access_begin(uptr_t p, size_t n) __must_check;
static inline void user_access_end(void);

/* Reads the word at p into v. */
#define get_user_word(v, p, label)                                                                 \
	do {                                                                                       \
		u32 word_;                                                                         \
		__asm__ volatile goto("1: movl %1, %0\n"                                           \
				      ".pushsection __ex_table, \"a\"\n"                          \
				      ".balign 4\n"                                                \
				      ".long 1b, %l[" #label "]\n"                                 \
				      ".popsection"                                                \
				      : "=r"(word_)                                                \
				      : "m"(*(const u32 *)(p))                                     \
				      :                                                            \
				      : label);                                                    \
		(v) = word_;                                                                       \
	} while (0)

/* Writes v to p. */
#define put_user_word(p, v, label) put_user("movl", u32, p, v, label)
#define put_user_half(p, v, label) put_user("movw", u16, p, v, label)

#define put_user(mov, type, p, v, label)                                                           \
	__asm__ goto("1: " mov " %1, %0\n"                                                         \
		     ".pushsection __ex_table, \"a\"\n"                                           \
		     ".balign 4\n"                                                                 \
		     ".long 1b, %l2\n"                                                             \
		     ".popsection"                                                                 \
		     :                                                                             \
		     : "m"(*(type *)(p)), "ri"((type)(v))                                          \
		     : "memory"                                                                    \
		     : label)

/* `n` words, each as above. */
#define put_user_words(p, from, n, label)                                                          \
	do {                                                                                       \
		void *to_ = (p);                                                                   \
		const void *from_ = (from);                                                        \
		u32 n_ = (n);                                                                      \
		__asm__ volatile goto("1: rep movsl\n"                                             \
				      ".pushsection __ex_table, \"a\"\n"                          \
				      ".balign 4\n"                                                \
				      ".long 1b, %l[" #label "]\n"                                 \
				      ".popsection"                                                \
				      : "+D"(to_), "+S"(from_), "+c"(n_)                           \
				      :                                                            \
				      : "memory"                                                   \
				      : label);                                                    \
	} while (0)

/* Copies a string with its NUL. Returns its length, -EFAULT, or -ENAMETOOLONG when it does not
 * end within `size` bytes. */
long strncpy_from_user(char *dst, uptr_t src, size_t size);

/* [p, p+n) lies in user space and does not wrap. */
static inline bool user_range_ok(uptr_t p, size_t n)
{
	return n <= USER_TOP && p.va <= USER_TOP - n;
}

/* STAC and CLAC, as in kernel/x86/asm.h. */
#define SMAP_INSN(modrm)                                                                           \
	__asm__ volatile("661: .byte 0x8d, 0x76, 0x00\n"                                           \
			 ".pushsection .smap_sites, \"a\"\n"                                       \
			 ".balign 4\n"                                                             \
			 ".long 661b\n"                                                            \
			 ".byte 0x0f, 0x01, " modrm ", 0\n"                                        \
			 ".popsection" ::                                                          \
				 : "memory")

static inline bool user_access_begin(uptr_t p, size_t n)
{
	if (!user_range_ok(p, n))
		return false;
	SMAP_INSN("0xcb");
	return true;
}

static inline void user_access_end(void)
{
	SMAP_INSN("0xca");
}

/* Reads kernel memory that may not be mapped, for panics and dumps. Returns bytes not read. The
 * page-fault handler must ask trap_fixup() before it gives a kernel address up. */
size_t peek_kernel(void *dst, const void *src, size_t n);

/* Boot: patches STAC and CLAC in, while text can still be written. */
void uaccess_enable_smap(void);

#endif
