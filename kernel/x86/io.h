/* Port I/O and the few instructions that need a wrapper. */
#ifndef X86_IO_H
#define X86_IO_H

#include "kernel/lib/types.h"

static inline void outb(u16 port, u8 v)
{
	__asm__ volatile("outb %0, %1" ::"a"(v), "Nd"(port));
}
static inline void outw(u16 port, u16 v)
{
	__asm__ volatile("outw %0, %1" ::"a"(v), "Nd"(port));
}
static inline void outl(u16 port, u32 v)
{
	__asm__ volatile("outl %0, %1" ::"a"(v), "Nd"(port));
}
static inline u8 inb(u16 port)
{
	u8 v;
	__asm__ volatile("inb %1, %0" : "=a"(v) : "Nd"(port));
	return v;
}
static inline u16 inw(u16 port)
{
	u16 v;
	__asm__ volatile("inw %1, %0" : "=a"(v) : "Nd"(port));
	return v;
}
static inline u32 inl(u16 port)
{
	u32 v;
	__asm__ volatile("inl %1, %0" : "=a"(v) : "Nd"(port));
	return v;
}
static inline void write_msr(u32 msr, u32 lo, u32 hi)
{
	__asm__ volatile("wrmsr" ::"a"(lo), "d"(hi), "c"(msr) : "memory");
}
static inline u64 read_msr(u32 msr)
{
	u64 v;
	__asm__ volatile("rdmsr" : "=A"(v) : "c"(msr));
	return v;
}
static inline u64 rdtsc(void)
{
	u64 v;
	__asm__ volatile("rdtsc" : "=A"(v));
	return v;
}
/* A random word of the CPU's (CPUID must have RDRAND). False: it has none ready. */
static inline bool rdrand32(u32 *out)
{
	bool ok;
	__asm__ volatile("rdrand %0; setc %1" : "=r"(*out), "=qm"(ok)::"cc");
	return ok;
}
static inline u32 read_cr2(void)
{
	u32 v;
	__asm__ volatile("movl %%cr2, %0" : "=r"(v));
	return v;
}
static inline u32 read_cr3(void)
{
	u32 v;
	__asm__ volatile("movl %%cr3, %0" : "=r"(v));
	return v;
}
static inline void write_cr3(u32 v)
{
	__asm__ volatile("movl %0, %%cr3" ::"r"(v) : "memory");
}

#define CR4_TSD (1u << 2) /* RDTSC is for the kernel only */

static inline u32 read_cr4(void)
{
	u32 v;
	__asm__ volatile("movl %%cr4, %0" : "=r"(v));
	return v;
}
static inline void write_cr4(u32 v)
{
	__asm__ volatile("movl %0, %%cr4" ::"r"(v) : "memory");
}
static inline void invlpg(vaddr_t va)
{
	__asm__ volatile("invlpg (%0)" ::"r"(va) : "memory");
}

#endif
