/*
 * The vocabulary every other file is written in: fixed-width integers, the address units, and
 * the handful of macros that C should have had.
 *
 * Units do not mix: a physical byte address, a frame number and a user pointer are different
 * one-member structs, so handing one where another is wanted does not compile. With
 * -freg-struct-return they cost nothing. Ranges are half-open, [start, end), everywhere.
 */
#ifndef LIB_TYPES_H
#define LIB_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef uint64_t u64;
typedef int8_t s8;
typedef int16_t s16;
typedef int32_t s32;
typedef int64_t s64;
typedef intptr_t ssize_k; /* a byte count, or a negative errno */

/* A virtual byte address used in arithmetic on address spaces (VMA bounds, page-table indices). */
typedef u32 vaddr_t;

/* A physical byte address; PAE reaches beyond 4 GiB. */
typedef struct {
	u64 v;
} paddr_t;

/* A page-frame number: physical address / PAGE_SIZE. */
typedef struct {
	u32 v;
} pfn_t;

/* A pointer that came from user space. Only kernel/x86/uaccess.h may look behind it. */
typedef struct {
	u32 va;
} uptr_t;

#define PAGE_SHIFT 12
#define PAGE_SIZE  4096u
#define PAGE_MASK  (~(PAGE_SIZE - 1))

#define PADDR(x) ((paddr_t){(x)})
#define PFN(x)   ((pfn_t){(x)})
#define UPTR(x)  ((uptr_t){(u32)(x)})

static inline pfn_t paddr_pfn(paddr_t p)
{
	return PFN((u32)(p.v >> PAGE_SHIFT));
}

static inline paddr_t pfn_paddr(pfn_t p)
{
	return PADDR((u64)p.v << PAGE_SHIFT);
}

static inline uptr_t uptr_add(uptr_t p, u32 bytes)
{
	return UPTR(p.va + bytes);
}

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define container_of(p, type, member) ((type *)((char *)(p)-offsetof(type, member)))
#define MIN(a, b) ((a) < (b) ? (a) : (b))
#define MAX(a, b) ((a) > (b) ? (a) : (b))

/* Alignment to a power of two. ALIGN_UP wraps to a small value near the top of the type: check
 * with align_up_overflows() before using it on anything a user chose. */
#define ALIGN_DOWN(x, a) ((x) & ~((__typeof__(x))(a)-1))
#define ALIGN_UP(x, a)   (((x) + (__typeof__(x))(a)-1) & ~((__typeof__(x))(a)-1))
#define IS_ALIGNED(x, a) (((x) & ((__typeof__(x))(a)-1)) == 0)

static inline bool align_up_overflows(u32 x, u32 a)
{
	return x > ~(a - 1);
}

/* Whole pages that cover `bytes`; safe for every u32. */
static inline u32 pages_of(u32 bytes)
{
	return bytes / PAGE_SIZE + (bytes % PAGE_SIZE != 0);
}

/* The number of two halves: 64 bits come in two registers to a system call, the low ones first. */
static inline u64 u64_of(u32 lo, u32 hi)
{
	return (u64)hi << 32 | lo;
}

#define likely(x)   __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)

#define __packed        __attribute__((packed))
#define __aligned(n)    __attribute__((aligned(n)))
#define __noreturn      __attribute__((noreturn))
#define __used          __attribute__((used))
#define __noinline      __attribute__((noinline))
#define __forceinline   inline __attribute__((always_inline))
#define __printf(f, a)  __attribute__((format(printf, f, a)))
#define __must_check    __attribute__((warn_unused_result))
#define __section(s)    __attribute__((section(s)))

/* Called from assembly, so its arguments are on the stack whatever the compiler flags say. */
#ifdef __i386__
#define asmlinkage __attribute__((regparm(0)))
#else
#define asmlinkage
#endif

/* Boot-only code and data: given back to the allocator before process 1 starts. */
#define __init     __section(".init.text") __attribute__((cold))
#define __initdata __section(".init.data")
/* Written once at boot, then read-only. */
#define __ro_after_init __section(".data.ro_after_init")

#define barrier()          __asm__ volatile("" ::: "memory")
#define READ_ONCE(x)       (*(const volatile __typeof__(x) *)&(x))
#define WRITE_ONCE(x, val) (*(volatile __typeof__(x) *)&(x) = (val))

/*
 * A pointer or a negative errno in one word. The top 4095 addresses are never mapped, so the two
 * cannot be confused.
 */
#define MAX_ERRNO 4095
static inline void *err_ptr(long err)
{
	return (void *)err;
}
static inline long ptr_err(const void *p)
{
	return (long)p;
}
static inline bool is_err(const void *p)
{
	return (uintptr_t)p >= (uintptr_t)-MAX_ERRNO;
}

#endif
